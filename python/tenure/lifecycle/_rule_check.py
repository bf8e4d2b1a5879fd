"""Whether rules leave nobody out and none idle: tried on every case that conditions tell apart."""

from __future__ import annotations

import ast
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._validation import Floats
from tenure.lifecycle._conditions import FACTS, Conditions
from tenure.lifecycle._rule_set import RuleSet
from tenure.lifecycle.stage_table import Calibration

_MOST_CASES = 2_000_000
#: Whole numbers, and the mean of whole numbers, which takes such values among others.
_WHOLE = {"n", "r", "F", "tenure", "sessions", "silent", "last_gap", "mean_gap"}
_FLAGS = {"identified"}
_ZONES = ("active", "lapsing", "lost")
_SCORES = {"R_score", "F_score", "M_score"}
_OF_BUYERS = {"r", "tenure"}
_OF_REPEATERS = {"mean_gap", "last_gap"}
_OF_PROSPECTS = {"sessions", "silent"}


@dataclass(frozen=True, slots=True)
class RuleCheck:
    """What a check of rules found.

    Attributes
    ----------
    exhaustive : bool
        Whether every case that was tried meets a rule.
    counterexample : dict of str to float, or None
        Facts of a customer whom no rule takes: those that conditions name, NaN for what the
        customer does not have.
    unreachable : tuple of int
        Positions of rules that are never the first to hold.
    complete : bool
        Whether the cases are all there are: where each comparison is of one fact with numbers.
        Else, or where there are more than two million cases, they are a sample.
    n_cases : int

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> calibration = tn.lifecycle.Stages().assign(log).calibration
    >>> rules = [("few", "n <= 2"), ("one", "n == 1"), ("rest", "True")]
    >>> found = tn.lifecycle.Stages(rules=rules).check(calibration)
    >>> found.exhaustive, found.unreachable
    (True, (1,))
    """

    exhaustive: bool
    counterexample: dict[str, float] | None
    unreachable: tuple[int, ...]
    complete: bool
    n_cases: int


def check_rules(rules: RuleSet, calibration: Calibration) -> RuleCheck:
    """Return what trying the rules on all cases finds."""
    texts = [rule.when for rule in rules.rules]
    columns = sorted(_names(texts) - set(FACTS))
    conditions = Conditions(texts, columns)
    numbers = _numbers(calibration)
    complete = True
    cuts: dict[str, set[float]] = {name: set() for name in conditions.used - set(numbers)}
    for left, right in conditions.atoms:
        facts = {n.id for n in ast.walk(left) if isinstance(n, ast.Name)}
        facts |= {n.id for n in ast.walk(right) if isinstance(n, ast.Name)}
        facts -= set(numbers)
        value = _border(left, right, facts, numbers)
        if value is None:
            complete = complete and not facts  # a border between facts is not tried
            values = [_constant(side, numbers) for side in (left, right)]
            for fact in facts:
                cuts[fact].update(v for v in values if v is not None)
        else:
            cuts[next(iter(facts))].add(value)
    if set(cuts) >= _OF_REPEATERS:  # with two orders the one gap is both
        both = set.union(*(cuts[name] for name in _OF_REPEATERS))
        cuts |= dict.fromkeys(_OF_REPEATERS, both)
    cases, whole = _cases(cuts, columns)
    complete = complete and whole
    place = {name: i for i, name in enumerate((*FACTS, *columns))}
    rows = len(next(iter(cases.values()))) if cases else 1
    facts_table = np.full((len(place), rows), np.nan)
    for name, number in numbers.items():
        facts_table[place[name]] = number
    for name, column in cases.items():
        facts_table[place[name]] = column
    fired = conditions.program.match(facts_table.ravel(), 1)
    missed = np.flatnonzero(fired >= len(texts))
    counterexample = None
    if len(missed):
        counterexample = {name: float(cases[name][missed[0]]) for name in sorted(cases)}
    idle = tuple(i for i in range(len(texts)) if not (fired == i).any())
    return RuleCheck(counterexample is None, counterexample, idle, complete, rows)


def _numbers(c: Calibration) -> dict[str, float]:
    cuts = dict(
        zip(("F50", "F80", "M40", "M60", "M80"), (*c.frequency_cuts, *c.value_cuts), strict=True)
    )
    return {"N": c.new_days, "A": c.active_days, "L": c.lapsed_days, **cuts}


def _names(texts: list[str]) -> set[str]:
    names: set[str] = set()
    for text in texts:
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # `Conditions` says what is wrong with it
        names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names


def _constant(node: ast.expr, numbers: dict[str, float]) -> float | None:
    match node:
        case ast.Constant(value=bool() | int() | float() as value):
            return float(value)
        case ast.Name(id=name) if name in numbers:
            return numbers[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _constant(operand, numbers)
            return None if inner is None else -inner
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _constant(left, numbers), _constant(right, numbers)
            if a is None or b is None:
                return None
            with np.errstate(all="ignore"):
                done: dict[type, Any] = {
                    ast.Add: np.add,
                    ast.Sub: np.subtract,
                    ast.Mult: np.multiply,
                    ast.Div: np.divide,
                }
                return float(done[type(op)](a, b))
    return None


def _border(
    left: ast.expr, right: ast.expr, facts: set[str], numbers: dict[str, float]
) -> float | None:
    """The number that one fact alone is compared with, or None."""
    if len(facts) != 1:
        return None
    for fact, number in ((left, right), (right, left)):
        if isinstance(fact, ast.Name) and fact.id in facts:
            return _constant(number, numbers)
    return None


def _cases(cuts: dict[str, set[float]], columns: list[str]) -> tuple[dict[str, Floats], bool]:
    """Values at, between and beyond the borders of each fact, in all combinations that can be."""
    zoned = [z for z in _ZONES if z in cuts]
    values: dict[str, list[float]] = {}
    for name, borders in cuts.items():
        if name not in zoned:
            values[name] = _values(name, borders, name in columns)
    # Whether a fact exists depends on n; which zone a customer is in, on r where the clock is that
    # of the population: any clock may be meant, so that all zones are tried.
    most = max(values.get("F", [0.0]))
    values["n"] = sorted({0.0, 1.0, 2.0, most, *values.get("n", [])})
    if zoned:
        values["zone"] = [0.0, 1.0, 2.0]
    names = list(values)
    total = int(np.prod([len(v) for v in values.values()], dtype=object))
    if total <= _MOST_CASES:
        grid = np.array(list(itertools.product(*values.values())), dtype=np.float64).T
    else:
        random = np.random.default_rng(0)
        grid = np.array([random.choice(v, 200_000) for v in values.values()])
    cases = dict(zip(names, grid, strict=True))
    kept = _possible(cases)
    cases = {name: column[kept] for name, column in cases.items()}
    if zoned:
        zone = cases.pop("zone")
        cases |= {name: (zone == _ZONES.index(name)).astype(float) for name in zoned}
    return cases, total <= _MOST_CASES


def _values(name: str, borders: set[float], column: bool) -> list[float]:
    if name in _FLAGS:
        return [0.0, 1.0]
    if name in _SCORES:
        return [np.nan, 1.0, 2.0, 3.0, 4.0, 5.0]
    finite = sorted(b for b in borders if np.isfinite(b))
    if name in _WHOLE:
        points = _whole_numbers(finite)
    else:
        points = {*finite, *((low + high) / 2 for low, high in itertools.pairwise(finite))}
        points |= {finite[0] - 1.0, finite[-1] + 1.0} if finite else set()
    missing = name in _OF_BUYERS | _OF_REPEATERS | _OF_PROSPECTS or column
    missing = missing or name in {"days_to_end", "contract_days"}
    return sorted(points or {0.0, 1.0}) + ([float("nan")] if missing else [])


def _whole_numbers(borders: list[float]) -> set[float]:
    """Whole numbers from 0: the borders that are, one between each two, one beyond."""
    points: set[float] = set()
    for low, high in itertools.pairwise([-1.0, *borders, np.inf]):
        points.add(float(low) if low >= 0 and float(low).is_integer() else -1.0)
        points.add(float(np.floor(low) + 1) if np.floor(low) + 1 < high else -1.0)
    return {p for p in points if p >= 0}


def _possible(cases: dict[str, Floats]) -> Any:
    """Which combinations a customer can have."""
    n = cases["n"]
    kept = np.ones(len(n), dtype=bool)
    for names, there in (
        (_OF_BUYERS | _SCORES, n >= 1),
        (_OF_REPEATERS, n >= 2),
        ({"sessions"}, n == 0),
    ):
        for name in names & set(cases):
            kept &= np.isnan(cases[name]) != there
    if "silent" in cases:  # somebody of the customer table may have no event at all
        kept &= np.isnan(cases["silent"]) | (n == 0)
    if "F" in cases:
        kept &= cases["F"] <= n
    if {"mean_gap", "last_gap"} <= set(cases):
        kept &= (n != 2) | ~(np.abs(cases["mean_gap"] - cases["last_gap"]) > 0)
    if {"tenure", "r"} <= set(cases):
        kept &= ~(cases["tenure"] < cases["r"])
    return kept
