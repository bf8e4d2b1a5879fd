"""Whether rules leave out and share nobody: tried on every case that they tell apart."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure.segment._frame import Column
from tenure.segment._predicate import DATE, Predicate

_MOST_CASES = 1_000_000
_SAMPLED = 200_000
_OTHER = "any other"
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True, repr=False)
class RuleCases:
    """What trying rules on all cases found.

    Attributes
    ----------
    exhaustive : bool
        Whether a rule holds in every case that was tried; where there is an ``otherwise`` it takes
        the rest, and this is True.
    exclusive : bool
        Whether no case meets the rules of two segments.
    uncovered : dict or None
        A case for which no rule holds: value by column, None where missing.
    overlap : tuple of (str, str, dict) or None
        Two segments and a case that meets rules of both.
    unreachable : tuple of int
        Positions of rules that are never the first to hold.
    complete : bool
        Whether the cases are all there are: where each comparison is of one column with constants.
        Else, or above a million cases, they are a sample.
    n_cases : int

    Examples
    --------
    >>> import tenure as tn
    >>> found = tn.segment.rules({"a": "x < 2", "b": "x <= 2"}, otherwise="c").check()
    >>> found.exclusive, found.overlap
    (False, ('a', 'b', {'x': 1.0}))
    """

    exhaustive: bool
    exclusive: bool
    uncovered: dict[str, Any] | None
    overlap: tuple[str, str, dict[str, Any]] | None
    unreachable: tuple[int, ...]
    complete: bool
    n_cases: int

    def __repr__(self) -> str:
        whole = "which are all there are" if self.complete else "a sample of those there are"
        lines = [f"Rules tried on {self.n_cases:,} cases, {whole}"]
        if self.uncovered is not None:
            lines.append(f"  no rule holds for {_told(self.uncovered)}")
        if self.overlap is not None:
            first, second, case = self.overlap
            lines.append(f"  {first!r} and {second!r} both hold for {_told(case)}")
        if self.unreachable:
            lines.append(
                f"  never the first to hold: rules {', '.join(map(str, self.unreachable))}"
            )
        if len(lines) == 1:
            lines.append("  exactly one segment in every case")
        return "\n".join(lines)


def _told(case: dict[str, Any]) -> str:
    cells = []
    for name, value in case.items():
        text = f"{value:g}" if isinstance(value, float) else repr(value)
        cells.append(f"{name} missing" if value is None else f"{name} = {text}")
    return ", ".join(cells) or "any row"


def tried(
    rules: Sequence[tuple[str, Predicate]],
    *,
    whole: set[str],
    with_missing: bool,
    has_rest: bool,
) -> RuleCases:
    """Try the rules on the values at, between and beyond the borders, in all combinations."""
    constants: dict[str, set[Any]] = {}
    flags: set[str] = set()
    complete = True
    for _, predicate in rules:
        flags |= predicate.flags
        for name in predicate.columns:
            constants.setdefault(name, set())
        for border, values in predicate.borders:
            if border is None:
                complete = False
            else:
                constants[border].update(values)
    columns = {
        name: _cases(name, found, name in flags, name in whole, with_missing)
        for name, found in constants.items()
    }
    sizes = [len(c.values) for c in columns.values()]
    total = math.prod(sizes)
    if total <= _MOST_CASES:
        pick = np.array(list(itertools.product(*map(range, sizes))), dtype=np.intp).reshape(
            total, len(sizes)
        )
    else:
        complete = False
        random = np.random.default_rng(0)
        pick = np.stack([random.integers(0, size, _SAMPLED) for size in sizes], axis=1)
    rows = len(pick)
    drawn = {
        name: Column(name, c.kind, c.values[pick[:, j]], c.levels)
        for j, (name, c) in enumerate(columns.items())
    }
    names = list(dict.fromkeys(name for name, _ in rules))
    first = np.full(rows, -1)
    owner = np.full(rows, -1)
    overlap = None
    reached = []
    for name, predicate in rules:
        held = predicate(drawn, rows)
        mine = names.index(name)
        clash = held & (owner >= 0) & (owner != mine)
        if overlap is None and clash.any():
            row = int(np.argmax(clash))
            overlap = (names[owner[row]], name, _case(drawn, row))
        new = held & (first < 0)
        reached.append(bool(new.any()))
        first[new] = len(reached) - 1
        owner[new] = mine
    missed = first < 0
    uncovered = None
    if missed.any() and not has_rest:
        uncovered = _case(drawn, int(np.argmax(missed)))
    idle = tuple(i for i, there in enumerate(reached) if not there)
    return RuleCases(uncovered is None, overlap is None, uncovered, overlap, idle, complete, rows)


def _case(columns: dict[str, Column], row: int) -> dict[str, Any]:
    case: dict[str, Any] = {}
    for name, column in columns.items():
        value = column.values[row]
        if column.is_missing[row]:
            case[name] = None
        elif column.kind == "text":
            case[name] = column.levels[value]
        else:
            case[name] = str(value) if column.kind == "date" else float(value)
    return case


def _cases(
    name: str, constants: set[Any], is_flag: bool, is_whole: bool, with_missing: bool
) -> Column:
    texts = sorted(c for c in constants if isinstance(c, str))
    numbers = sorted(c for c in constants if isinstance(c, float))
    if texts and (numbers or is_flag):
        msg = f"the rules compare {name!r} with texts and with numbers: a column is one of them"
        raise InvalidInputError(msg, argument="rules", value=name)
    missing = [np.nan] if with_missing else []
    if texts and all(DATE.fullmatch(t) for t in texts):
        dates = np.array(texts, dtype="datetime64[us]")
        ends = [dates[0] - _DAY, dates[-1] + _DAY, *(["NaT"] if with_missing else [])]
        between = dates[:-1] + (dates[1:] - dates[:-1]) // 2
        points = np.concatenate([dates, between, np.array(ends, dtype="datetime64[us]")])
        return Column(name, "date", np.unique(points))
    if texts:
        other = _OTHER
        while other in texts:
            other += " one"
        levels = tuple(sorted([*texts, other]))
        none = [-1] if with_missing else []
        return Column(name, "text", np.array([*range(len(levels)), *none], np.int32), levels)
    if is_flag and not set(numbers) - {0.0, 1.0}:
        tries = [0.0, 1.0]
    elif is_whole:
        low, high = (math.floor(numbers[0]), math.ceil(numbers[-1])) if numbers else (0, 0)
        near = {float(math.floor(n) + d) for n in numbers for d in (-1, 0, 1, 2)}
        tries = sorted(near | {low - 1.0, high + 1.0})
    else:
        between = [(a + b) / 2 for a, b in itertools.pairwise(numbers)]
        ends = [numbers[0] - 1.0, numbers[-1] + 1.0] if numbers else [0.0]
        tries = sorted({*numbers, *between, *ends})
    kind = "flag" if is_flag else "number"
    return Column(name, kind, np.array([*tries, *missing]))
