"""Conditions of rules: small expressions over named facts, read once and handed to the engine."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from tenure import _core
from tenure._errors import InvalidInputError

#: Facts of the engine by the name that conditions use, in the engine's order.
FACTS = (
    "n",
    "r",
    "mean_gap",
    "last_gap",
    "value",
    "F",
    "M",
    "tenure",
    "sessions",
    "silent",
    "identified",
    "active",
    "lapsing",
    "lost",
    "A",
    "L",
    "days_to_end",
    "contract_days",
    "N",
    "F50",
    "F80",
    "M40",
    "M60",
    "M80",
)
assert len(FACTS) == _core.lifecycle.FACTS

_OPS = {
    name: code
    for code, name in enumerate(
        ("fact", "constant", "<", "<=", "==", "!=", "+", "-", "*", "/", "neg", "and", "or", "not")
    )
}
_COMPARE: dict[type[ast.cmpop], tuple[str, bool]] = {
    ast.Lt: ("<", False),
    ast.LtE: ("<=", False),
    ast.Gt: ("<", True),
    ast.GtE: ("<=", True),
    ast.Eq: ("==", False),
    ast.NotEq: ("!=", False),
}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}


class Conditions:
    """Conditions compiled for the engine, with what they ask for.

    `used` are the names that occur; `atoms` the comparisons, as (left, right) nodes, that a check
    of the rules looks at.
    """

    def __init__(self, texts: Sequence[str], columns: Sequence[str] = ()) -> None:
        self.columns = tuple(columns)
        self._place = {name: i for i, name in enumerate((*FACTS, *self.columns))}
        self._code: list[tuple[int, int]] = []
        self._constants: list[float] = []
        self.used: set[str] = set()
        self.atoms: list[tuple[ast.expr, ast.expr]] = []
        ends = []
        for row, text in enumerate(texts):
            self._compile(text, row)
            ends.append(len(self._code))
        self.program = _core.lifecycle.RuleProgram(
            self._code, ends, self._constants, len(self.columns)
        )

    def _compile(self, text: str, row: int) -> None:
        self._text, self._row = text, row
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._error("must be an expression such as 'n >= 2 and r <= A'") from error
        try:
            self._push(tree)
        except RecursionError as error:
            raise self._error("is nested too deeply") from error

    def _error(self, says: str) -> InvalidInputError:
        msg = f"rules[{self._row}]: the condition {self._text!r} {says}"
        return InvalidInputError(msg, argument="rules", row=self._row, value=self._text)

    def _emit(self, op: str, argument: int = 0) -> None:
        self._code.append((_OPS[op], argument))

    def _number(self, value: float) -> None:
        self._constants.append(value)
        self._emit("constant", len(self._constants) - 1)

    def _push(self, node: ast.expr) -> None:
        match node:
            case ast.BoolOp(op=op, values=values):
                self._chain("and" if isinstance(op, ast.And) else "or", values)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._push(operand)
                self._emit("not")
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                self._push(operand)
                self._emit("neg")
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _ARITHMETIC:
                self._push(left)
                self._push(right)
                self._emit(_ARITHMETIC[type(op)])
            case ast.Compare(left=left, ops=ops, comparators=others):
                self._comparisons(left, ops, others)
            case ast.Name(id=name):
                if name not in self._place:
                    known = ", ".join((*FACTS, *self.columns))
                    raise self._error(f"names {name!r}, which is no fact; there are {known}")
                self.used.add(name)
                self._emit("fact", self._place[name])
            case ast.Constant(value=bool() | int() | float() as value):
                try:
                    self._number(float(value))
                except OverflowError as error:
                    raise self._error("holds a number that is too large") from error
            case _:
                raise self._error(
                    "may hold facts, numbers, and, or, not, comparisons and + - * / only"
                )

    def _chain(self, op: str, nodes: Iterable[ast.expr]) -> None:
        for i, node in enumerate(nodes):
            self._push(node)
            if i:
                self._emit(op)

    def _comparisons(
        self, left: ast.expr, ops: Sequence[ast.cmpop], others: Sequence[ast.expr]
    ) -> None:
        for i, (op, right) in enumerate(zip(ops, others, strict=True)):
            if type(op) not in _COMPARE:
                raise self._error("compares by something else than < <= > >= == !=")
            name, swapped = _COMPARE[type(op)]
            for side in (right, left) if swapped else (left, right):
                self._push(side)
            self._emit(name)
            if i:
                self._emit("and")
            self.atoms.append((left, right))
            left = right
