"""Conditions on the columns of a table: read as an expression, checked, never run as code."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure.segment._frame import Column

Truth = npt.NDArray[np.bool_]

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_GRAMMAR = (
    "may hold columns, numbers, texts, and, or, not, in, comparisons, + - * /, "
    "missing(column) and column('any name') only"
)
#: Dates as conditions write them.
DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?")
_MOST_NODES = 2_000
_MOST_LETTERS = 20_000
_MOST_DEPTH = 60


class Predicate:
    """One condition, read once; called with columns it gives the rows for which it holds.

    A comparison with something missing is false, whichever comparison it is.

    Attributes
    ----------
    text : str
    columns : tuple of str
        Names that occur, in the order of first mention.
    borders : list of (column or None, constants)
        For each comparison the one column and what it is compared with; None where it is between
        columns or holds arithmetic, so that its border is no number.
    """

    def __init__(self, segment: str, text: str, row: int) -> None:
        self.text, self._segment, self._row = text, segment, row
        self.borders: list[tuple[str | None, tuple[Any, ...]]] = []
        self.flags: set[str] = set()
        self._names: dict[str, None] = {}
        if len(text) > _MOST_LETTERS:
            raise self._error(f"is longer than {_MOST_LETTERS:,} letters")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._error(
                "must be an expression such as \"age >= 30 and shop == 'web'\""
            ) from (error)
        if sum(1 for _ in ast.walk(self._tree)) > _MOST_NODES:
            raise self._error(f"has more than {_MOST_NODES:,} parts")
        self._check_truth(self._tree, 0)
        self.columns = tuple(self._names)

    def _error(self, says: str) -> InvalidInputError:
        shown = self.text if len(self.text) <= 200 else f"{self.text[:200]}..."
        msg = f"rules[{self._segment!r}]: the condition {shown!r} {says}"
        return InvalidInputError(msg, argument="rules", row=self._row, value=self.text)

    # --- the grammar --------------------------------------------------------------------------

    def _check_truth(self, node: ast.expr, depth: int) -> None:
        if depth > _MOST_DEPTH:
            raise self._error("is nested too deeply")
        match node:
            case ast.BoolOp(values=values):
                for value in values:
                    self._check_truth(value, depth + 1)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._check_truth(operand, depth + 1)
            case ast.Compare(left=left, ops=ops, comparators=others):
                for op, right in zip(ops, others, strict=True):
                    self._check_comparison(left, op, right, depth + 1)
                    left = right
            case ast.Constant(value=bool()):
                pass
            case ast.Call(func=ast.Name(id="missing"), args=[argument], keywords=[]):
                name = self._column_name(argument)
                if name is None:
                    raise self._error("asks missing(...) of something that is no column")
                self._names[name] = None
                self.borders.append((name, ()))
            case _:
                name = self._column_name(node)
                if name is None:
                    raise self._error(_GRAMMAR)
                self._names[name] = None
                self.flags.add(name)

    def _check_comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr, depth: int) -> None:
        if isinstance(op, (ast.In, ast.NotIn)):
            name, constants = self._column_name(left), self._constants(right)
            if name is None or constants is None:
                raise self._error("may use `in` as in: shop in ('web', 'phone')")
            self._names[name] = None
            self.borders.append((name, constants))
            return
        if type(op) not in _COMPARE:
            raise self._error("compares by something else than < <= > >= == != in, not in")
        before = set(self._names)
        self._names = {}
        for side in (left, right):
            self._check_operand(side, depth)
        here = tuple(self._names)
        self._names = dict.fromkeys((*before, *here))
        border: tuple[str | None, tuple[Any, ...]] = (None, ())
        for one, other in ((left, right), (right, left)):
            name, value = self._column_name(one), self._constant(other)
            if name is not None and value is not None:
                border = (name, (value,))
        if here:
            self.borders.append(border)

    def _check_operand(self, node: ast.expr, depth: int) -> None:
        if depth > _MOST_DEPTH:
            raise self._error("is nested too deeply")
        name = self._column_name(node)
        if name is not None:
            self._names[name] = None
            return
        if self._constant(node) is not None:
            return
        match node:
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _ARITHMETIC:
                self._check_operand(left, depth + 1)
                self._check_operand(right, depth + 1)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                self._check_operand(operand, depth + 1)
            case _:
                raise self._error(_GRAMMAR)

    def _column_name(self, node: ast.expr) -> str | None:
        match node:
            case ast.Name(id=name):
                return name
            case ast.Call(
                func=ast.Name(id="column"), args=[ast.Constant(value=str() as name)], keywords=[]
            ):
                return name
        return None

    def _constant(self, node: ast.expr) -> float | str | None:
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.Constant(value=bool() | int() | float() as number):
                try:
                    return float(number)
                except OverflowError as error:
                    raise self._error("holds a number that is too large") from error
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self._constant(operand)
                return -inner if isinstance(inner, float) else None
        return None

    def _constants(self, node: ast.expr) -> tuple[Any, ...] | None:
        if not isinstance(node, (ast.Tuple, ast.List, ast.Set)) or not node.elts:
            return None
        values = tuple(self._constant(e) for e in node.elts)
        return None if None in values else values

    # --- the rows -----------------------------------------------------------------------------

    def __call__(self, columns: Mapping[str, Column], rows: int) -> Truth:
        """Return the rows for which the condition holds."""
        return np.broadcast_to(self._truth(self._tree, columns), (rows,))

    def _truth(self, node: ast.expr, columns: Mapping[str, Column]) -> Any:
        match node:
            case ast.BoolOp(op=op, values=values):
                join = np.logical_and if isinstance(op, ast.And) else np.logical_or
                held = self._truth(values[0], columns)
                for value in values[1:]:
                    held = join(held, self._truth(value, columns))
                return held
            case ast.UnaryOp(operand=operand):
                return np.logical_not(self._truth(operand, columns))
            case ast.Compare(left=left, ops=ops, comparators=others):
                held = np.bool_(True)
                for comparison, right in zip(ops, others, strict=True):
                    held = np.logical_and(held, self._compared(left, comparison, right, columns))
                    left = right
                return held
            case ast.Constant(value=value):
                return np.bool_(value)
            case ast.Call(func=ast.Name(id="missing"), args=[argument]):
                name = self._column_name(argument)
                assert name is not None  # checked when it was read
                return columns[name].is_missing
        name = self._column_name(node)
        assert name is not None  # checked when it was read
        if columns[name].kind != "flag":
            raise self._error(
                f"uses {name!r} as a flag, which holds {columns[name].kind}s: compare it"
            )
        return columns[name].values == 1.0

    def _compared(
        self, left: ast.expr, op: ast.cmpop, right: ast.expr, columns: Mapping[str, Column]
    ) -> Any:
        if isinstance(op, (ast.In, ast.NotIn)):
            name, constants = self._column_name(left), self._constants(right)
            assert name is not None  # checked when it was read
            assert constants is not None
            column = columns[name]
            found = np.bool_(False)
            for constant in constants:
                found = found | self._pair(column, operator.eq, constant)
            return found if isinstance(op, ast.In) else ~found & ~column.is_missing
        return self._pair(
            self._operand(left, columns), _COMPARE[type(op)], self._operand(right, columns)
        )

    def _operand(self, node: ast.expr, columns: Mapping[str, Column]) -> Any:
        """A column, a text or numbers."""
        name = self._column_name(node)
        if name is not None:
            return columns[name]
        constant = self._constant(node)
        if constant is not None:
            return constant
        match node:
            case ast.BinOp(op=op, left=left, right=right):
                sides = [self._numbers(self._operand(s, columns)) for s in (left, right)]
                with np.errstate(all="ignore"):  # no number: a comparison with it is false
                    return np.asarray(_ARITHMETIC[type(op)](*map(np.asarray, sides)))
            case ast.UnaryOp(operand=operand):
                return -self._numbers(self._operand(operand, columns))
        raise AssertionError  # pragma: no cover - checked when it was read

    def _numbers(self, value: Any) -> Any:
        if isinstance(value, Column):
            if value.kind not in ("number", "flag"):
                raise self._error(f"takes {value.name!r}, which holds {value.kind}s, for numbers")
            return value.values
        if isinstance(value, str):
            raise self._error(f"takes the text {value!r} for a number")
        return value

    def _pair(self, left: Any, compare: Callable[[Any, Any], Any], right: Any) -> Any:
        kinds = [v.kind if isinstance(v, Column) else None for v in (left, right)]
        if "text" in kinds or (kinds == [None, None] and isinstance(left, str)):
            if compare not in (operator.eq, operator.ne):
                raise self._error("orders texts: they are compared by ==, != and in")
            return self._texts(left, compare, right)
        if "date" in kinds:
            a, b = self._date(left), self._date(right)
            return compare(a, b) & ~np.isnat(a) & ~np.isnat(b)
        a, b = np.asarray(self._numbers(left)), np.asarray(self._numbers(right))
        return compare(a, b) & ~np.isnan(a) & ~np.isnan(b)

    def _texts(self, left: Any, compare: Callable[[Any, Any], Any], right: Any) -> Any:
        for side in (left, right):
            if not isinstance(side, str) and getattr(side, "kind", None) != "text":
                what = f"{side.name!r}" if isinstance(side, Column) else "a number"
                raise self._error(f"compares texts with {what}")
        if isinstance(left, str):
            left, right = right, left
        if isinstance(left, str):  # two constants
            return np.bool_(compare(left, right))
        if isinstance(right, str):
            wanted = left.levels.index(right) if right in left.levels else -2
            return compare(left.values, wanted) & ~left.is_missing
        place = {level: k for k, level in enumerate(left.levels)}
        there = np.array([place.get(level, -2) for level in right.levels] + [-2], dtype=np.int32)
        same = compare(left.values, there[right.values])
        return same & ~left.is_missing & ~right.is_missing

    def _date(self, value: Any) -> Any:
        if isinstance(value, Column) and value.kind == "date":
            return value.values
        if isinstance(value, str):
            try:
                if not DATE.fullmatch(value):  # NumPy would also read "now"
                    raise ValueError
                return np.datetime64(value, "us")
            except ValueError as error:
                raise self._error(f"compares a date with {value!r}: write '2024-05-31'") from error
        raise self._error("compares a date with something that is none")
