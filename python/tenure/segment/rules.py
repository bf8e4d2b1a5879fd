"""Segments by rules: conditions on columns, checked to leave out and to share nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _model_file
from tenure._errors import InvalidInputError
from tenure._intervals import wilson
from tenure._model_file import storable
from tenure._results import Table
from tenure._validation import Floats, Ints, as_count, as_level
from tenure.segment._frame import Frame
from tenure.segment._predicate import Predicate
from tenure.segment._rule_cases import RuleCases, tried

_MOST_RULES = 250
_SHOWN = 5


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SegmentSizes(Table):
    """How many customers each segment holds.

    Attributes
    ----------
    segment : tuple of str
    customers : ndarray of int
    share, lower, upper : ndarray of float
        Of all customers, with Wilson's limits.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> rules = tn.segment.rules({"young": "age < 30", "old": "age >= 30"})
    >>> rules.assign({"age": [20, 40, 50, 60]}).sizes().share.tolist()
    [0.25, 0.75]
    """

    segment: tuple[str, ...]
    customers: Ints
    share: Floats
    lower: Floats
    upper: Floats
    level: float

    _column_names = ("segment", "customers", "share", "lower", "upper")

    def __len__(self) -> int:
        return len(self.segment)

    def _title(self) -> str:
        return f"{len(self)} segments of {self.customers.sum():,} customers"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RuleSegments(Table):
    """The segment of each row of a table.

    Attributes
    ----------
    segment_code : int16 array
        Position in `segment_names`.
    segment_names : tuple of str
    rule : tuple of str
        The condition behind each segment; "" for the one that takes everybody else.

    Examples
    --------
    >>> import tenure as tn
    >>> rules = tn.segment.rules({"young": "age < 30"}, otherwise="rest")
    >>> rules.assign({"age": [20, 40, None]}).segment.tolist()
    ['young', 'rest', 'rest']
    """

    segment_code: npt.NDArray[np.int16]
    segment_names: tuple[str, ...]
    rule: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.segment_code)

    def _title(self) -> str:
        return f"{len(self):,} customers in {len(self.segment_names)} segments"

    def _columns(self) -> Mapping[str, Any]:
        import pyarrow as pa

        names = pa.array(self.segment_names, pa.string())
        return {"segment": pa.DictionaryArray.from_arrays(pa.array(self.segment_code), names)}

    @property
    def segment(self) -> npt.NDArray[np.object_]:
        """Name of each row's segment."""
        return np.array(self.segment_names, dtype=object)[self.segment_code]

    def sizes(self, level: float = 0.95) -> SegmentSizes:
        """Return what each segment holds, those without a customer included."""
        count = np.bincount(self.segment_code, minlength=len(self.segment_names))
        lower, upper = wilson(count, len(self), as_level(level))
        return SegmentSizes(
            self.segment_names, count, count / max(len(self), 1), lower, upper, level
        )


@storable("segment.Rules")
class Rules:
    """Segments by conditions; `rules` makes them.

    Attributes
    ----------
    segment_names : tuple of str
    otherwise : str or None
        The segment of rows for which no rule holds.
    is_ordered : bool
        Whether the first rule that holds has a row; else exactly one rule must hold.

    Examples
    --------
    >>> import tenure as tn
    >>> tn.segment.rules([("big", "spend > 100"), ("some", "spend > 0")], otherwise="none")
    2 rules, the first that holds:
      big: spend > 100
      some: spend > 0
      none: everybody else
    """

    def __init__(
        self, given: Sequence[tuple[str, Any]], otherwise: str | None, *, is_ordered: bool
    ) -> None:
        self._rules = tuple(given)
        self._conditions = [
            Predicate(name, rule, row) if isinstance(rule, str) else rule
            for row, (name, rule) in enumerate(given)
        ]
        self.otherwise = otherwise
        self.is_ordered = is_ordered

    @property
    def segment_names(self) -> tuple[str, ...]:
        """The segments in the order given, the one of everybody else last."""
        names = tuple(dict.fromkeys(name for name, _ in self._rules))
        return names if self.otherwise is None else (*names, self.otherwise)

    def __repr__(self) -> str:
        joined = "the first that holds" if self.is_ordered else "exactly one holds"
        lines = [f"{len(self._rules)} rules, {joined}:"]
        lines += [f"  {name}: {rule}" for name, rule in self._rules]
        if self.otherwise is not None:
            lines.append(f"  {self.otherwise}: everybody else")
        return "\n".join(lines)

    def assign(self, table: Any) -> RuleSegments:
        """Return the segment of each row.

        Parameters
        ----------
        table : data frame or dict of arrays
            With the columns that the rules name.

        Returns
        -------
        RuleSegments

        Raises
        ------
        InvalidInputError
            If a row meets no rule and there is no `otherwise`, or, of a mapping, more than one
            rule: with how many rows that are, the first of them, and what is in it.

        Examples
        --------
        >>> import tenure as tn
        >>> rules = tn.segment.rules([("big", "spend > 100"), ("some", "spend > 0")])
        >>> rules.assign({"spend": [500.0, 20.0]}).segment.tolist()
        ['big', 'some']
        """
        frame = Frame(table)
        names = self.segment_names
        code = np.full(frame.rows, -1, dtype=np.int16)
        for (name, _), condition in zip(self._rules, self._conditions, strict=True):
            held = _rows(condition, frame)
            mine = names.index(name)
            taken = held & (code >= 0) & (code != mine)
            if not self.is_ordered and taken.any():
                row = int(np.argmax(taken))
                msg = (
                    f"{int(taken.sum()):,} rows meet the rules of two segments, "
                    f"{names[code[row]]!r} and {name!r}; the first is row {row}: "
                    f"{_shown(self._named(), frame, row)}. Of rules in a list the first that holds "
                    "has the row"
                )
                raise InvalidInputError(msg, argument="rules", row=row, value=name)
            code[held & (code < 0)] = mine
        missed = code < 0
        if missed.any():
            if self.otherwise is None:
                row = int(np.argmax(missed))
                msg = (
                    f"{int(missed.sum()):,} of {frame.rows:,} rows meet no rule; the first is row "
                    f"{row}: {_shown(self._named(), frame, row)}. `otherwise` names a segment for "
                    "everybody else"
                )
                raise InvalidInputError(msg, argument="rules", row=row)
            code[missed] = len(names) - 1
        by_name: dict[str, list[str]] = {}
        for name, rule in self._rules:
            by_name.setdefault(name, []).append(str(rule))
        texts = [" or ".join(by_name.get(name, [])) for name in names]
        return RuleSegments(code, names, tuple(texts))

    def check(self, *, whole: Sequence[str] = (), missing: bool = True) -> RuleCases:
        """Try the rules on every case that their conditions tell apart, without any data.

        Parameters
        ----------
        whole : sequence of str
            Columns that hold whole numbers only, so that nothing lies between 2 and 3.
        missing : bool, default True
            Whether cells may be missing.

        Returns
        -------
        RuleCases

        Raises
        ------
        InvalidInputError
            If a rule is an expression of pyarrow: what it tells apart is not known.

        Examples
        --------
        >>> import tenure as tn
        >>> rules = tn.segment.rules({"few": "orders <= 2", "many": "orders > 3"})
        >>> rules.check(whole=["orders"], missing=False)
        Rules tried on 5 cases, which are all there are
          no rule holds for orders = 3
        """
        texts = [c for c in self._conditions if isinstance(c, Predicate)]
        if len(texts) != len(self._conditions):
            msg = "check tries rules that are texts; of an expression of pyarrow, assign rows to it"
            raise InvalidInputError(msg, argument="rules")
        return tried(
            [(name, p) for (name, _), p in zip(self._rules, texts, strict=True)],
            whole=set(whole),
            with_missing=missing,
            has_rest=self.otherwise is not None,
        )

    def save(self, path: Any) -> None:
        """Write rules that are texts to one file, whole or not at all; `tenure.load` reads it back.

        Raises
        ------
        InvalidInputError
            If a rule is an expression of pyarrow, which has no form that is safe to read.
        """
        _model_file.write(path, self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _model_file.from_bytes, (_model_file.to_bytes(self),)

    def _state(self) -> dict[str, Any]:
        for row, (name, rule) in enumerate(self._rules):
            if not isinstance(rule, str):
                msg = f"the rule of {name!r} is an expression of pyarrow, which cannot be saved"
                raise InvalidInputError(msg, argument="rules", row=row)
        return {
            "rules": self._rules,
            "otherwise": self.otherwise,
            "is_ordered": self.is_ordered,
        }

    @classmethod
    def _from_state(cls, state: dict[str, Any]) -> Rules:
        pairs, is_ordered = state["rules"], state["is_ordered"]
        if type(is_ordered) is not bool or not isinstance(pairs, tuple):
            msg = "rules must be pairs, and is_ordered a truth value"
            raise ValueError(msg)
        read = rules(list(pairs), otherwise=state["otherwise"])
        read.is_ordered = is_ordered
        return read

    def _named(self) -> list[str]:
        """Columns that texts name, in the order of first mention."""
        seen: dict[str, None] = {}
        for condition in self._conditions:
            if isinstance(condition, Predicate):
                seen.update(dict.fromkeys(condition.columns))
        return list(seen)


def _rows(condition: Any, frame: Frame) -> npt.NDArray[np.bool_]:
    if isinstance(condition, Predicate):
        columns = {name: frame.column(name) for name in condition.columns}
        return condition(columns, frame.rows)
    import pyarrow as pa

    held = np.zeros(frame.rows, dtype=bool)
    numbers = pa.array(np.arange(frame.rows, dtype=np.int64))
    place = "row" + "_" * (1 + max(map(len, frame.names), default=0))  # no column is called so
    try:
        kept = frame.table.append_column(place, numbers).filter(condition).column(place)
    except MemoryError:
        raise  # Arrow's own is one of its other errors too
    except pa.ArrowException as error:
        msg = f"the rule {condition} does not fit the table: {error}"
        raise InvalidInputError(msg, argument="rules", value=str(condition)) from error
    held[kept.to_numpy()] = True
    return held


def _shown(names: Sequence[str], frame: Frame, row: int) -> str:
    cells = [f"{name} = {frame.table.column(name)[row].as_py()!r}" for name in names[:_SHOWN]]
    return ", ".join(cells) or "no column is named"


def rules(segments: Any, *, otherwise: str | None = None) -> Rules:
    """Make segments of conditions on the columns of a table: demographic, by product, by anything.

    Parameters
    ----------
    segments : mapping of segment to rule, or list of (segment, rule)
        A rule is a text such as ``"age >= 30 and shop in ('web', 'phone')"``, or a
        `pyarrow.compute.Expression`. Of a mapping exactly one rule must hold for each row; of a
        list the first that holds has it.
    otherwise : str, optional
        The segment of rows for which no rule holds. Without it such a row is an error.

    Returns
    -------
    Rules
        `assign` gives each row its segment, `check` tries the rules without data.

    Raises
    ------
    InvalidInputError
        Names the rule that cannot be read.

    Notes
    -----
    Texts may hold columns (``column('Any Name')`` for a name that is no word), numbers, texts,
    ``and or not``, ``in``, the comparisons, ``+ - * /`` and ``missing(column)``. A column of flags
    may stand alone. Dates are compared with texts such as ``'2024-05-31'``. A comparison with a
    missing cell is false. A text is read by a grammar of its own and never run as code.

    Examples
    --------
    >>> import tenure as tn
    >>> people = {"age": [19, 44, 61], "shop": ["web", "high street", "web"]}
    >>> online = tn.segment.rules(
    ...     {"young online": "age < 30 and shop == 'web'", "online": "age >= 30 and shop == 'web'"},
    ...     otherwise="shops",
    ... )
    >>> online.assign(people).segment.tolist()
    ['young online', 'shops', 'online']
    """
    is_ordered = not isinstance(segments, Mapping)
    if not is_ordered:
        pairs = list(segments.items())
    elif isinstance(segments, Sequence) and all(
        isinstance(p, (tuple, list)) and len(p) == 2 for p in segments
    ):
        pairs = [(p[0], p[1]) for p in segments]
    else:
        msg = "segments must be a mapping of segment to rule or a list of (segment, rule)"
        raise InvalidInputError(msg, argument="segments", value=segments)
    as_count(len(pairs), "the number of rules", at_least=1)
    if len(pairs) > _MOST_RULES:
        msg = f"there may be {_MOST_RULES} rules, got {len(pairs):,}"
        raise InvalidInputError(msg, argument="segments", value=len(pairs))
    for row, (name, rule) in enumerate(pairs):
        if not isinstance(name, str) or not name:
            msg = f"segments[{row}] must have a name, got {name!r}"
            raise InvalidInputError(msg, argument="segments", row=row, value=name)
        if not isinstance(rule, str) and not _is_expression(rule):
            msg = f"the rule of {name!r} must be a text or a pyarrow expression, got {rule!r}"
            raise InvalidInputError(msg, argument="segments", row=row, value=rule)
    if otherwise is not None and (
        not isinstance(otherwise, str) or not otherwise or otherwise in {n for n, _ in pairs}
    ):
        msg = f"otherwise must be the name of a further segment, got {otherwise!r}"
        raise InvalidInputError(msg, argument="otherwise", value=otherwise)
    return Rules(pairs, otherwise, is_ordered=is_ordered)


def _is_expression(rule: Any) -> bool:
    import pyarrow.compute as pc

    return isinstance(rule, pc.Expression)
