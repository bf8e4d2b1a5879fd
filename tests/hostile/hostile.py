"""The table of hostile inputs: what a case is, how it runs, and whether it ended as declared.

A case is one call with one declared outcome:

    E   a typed error whose message holds `says`
    W   a result, and a typed warning whose message holds `says`
    OK  a result without any warning, for which `check` holds

Each runs in a child forked from a warm server, under a memory limit and a deadline; a crash, a
hang, a bare RuntimeError, or a NaN in a result that nobody was warned about is never right.

To add an entry point: write `cases_<area>.py` beside this file with `CASES = [E(...), OK(...)]`,
its calls as lambdas. `test_hostile.py` finds every such module by its name.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import children
import numpy as np
import pyarrow as pa


@dataclasses.dataclass(frozen=True)
class Case:
    """One hostile call: `about` starts with the name of the entry point."""

    about: str
    call: Callable[[], Any]
    outcome: str
    says: str = ""
    kind: str = "InvalidInputError"
    check: Callable[[Any], bool] | None = None
    nan: tuple[str, ...] = ()  # fields of the result in which NaN is documented


def E(about: str, call: Callable[[], Any], says: str, kind: str = "InvalidInputError") -> Case:
    return Case(about, call, "E", says, kind)


def W(
    about: str,
    call: Callable[[], Any],
    says: str,
    check: Callable[[Any], bool] | None = None,
    kind: str = "TenureWarning",
) -> Case:
    return Case(about, call, "W", says, kind, check)


def OK(
    about: str,
    call: Callable[[], Any],
    check: Callable[[Any], bool],
    nan: tuple[str, ...] = (),
) -> Case:
    return Case(about, call, "OK", check=check, nan=nan)


def modules() -> list[str]:
    return sorted(p.stem for p in Path(__file__).parent.glob("cases_*.py"))


def cases(module: str) -> dict[str, Case]:
    table = importlib.import_module(module).CASES
    by_name = {case.about: case for case in table}
    assert len(by_name) == len(table), f"{module} names a case twice"
    return by_name


def nan_fields(value: Any, name: str = "result", depth: int = 0) -> Iterator[str]:
    """The fields of a result that hold NaN, by name."""
    if depth > 6:
        return
    if isinstance(value, (float, np.floating)):
        if math.isnan(value):
            yield name
    elif isinstance(value, np.ndarray):
        if value.dtype.kind == "f" and np.isnan(value).any():
            yield name
    elif isinstance(value, (pa.Array, pa.ChunkedArray)):
        if pa.types.is_floating(value.type) and np.isnan(value.to_numpy(False)).any():
            yield name
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from nan_fields(part, str(key), depth + 1)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from nan_fields(part, name, depth + 1)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from nan_fields(getattr(value, field.name), field.name, depth + 1)
    elif hasattr(value, "_fitted"):
        for field in value._fitted:
            yield from nan_fields(getattr(value, field, None), field, depth + 1)


def execute(module: str, about: str) -> list[str]:
    """In the child: the call, then its check; returns the fields with an undeclared NaN."""
    case = cases(module)[about]
    result = case.call()
    if case.check is not None:
        assert case.check(result), f"the result is not the declared one: {result!r}"
    return sorted(set(nan_fields(result)) - set(case.nan))


def verdict(case: Case, ended: children.Ended) -> str:
    """Return what is wrong with the way a case ended; empty if it ended as declared."""
    if case.outcome == "E":
        if ended.how != "raised":
            return f"expected {case.kind}, but the call {ended.how} {ended.message}"
        if case.kind not in ended.bases or ended.error == "RuntimeError":
            return f"expected {case.kind}, got {ended.error}: {ended.message}"
        if case.says not in ended.message:
            return f"the message should say {case.says!r}: {ended.message}"
        return ""
    if ended.how != "returned":
        return f"the call {ended.how}: {ended.error} {ended.message}"
    if case.outcome == "OK":
        if ended.warned:
            return f"no warning was declared: {ended.warned}"
        return f"NaN in {', '.join(ended.value)} without a warning" if ended.value else ""
    if not any(_is_kind(name, case.kind) and case.says in text for name, text in ended.warned):
        return f"expected a {case.kind} that says {case.says!r}, got {ended.warned}"
    return ""


def _is_kind(name: str, kind: str) -> bool:
    import tenure

    cls = getattr(tenure, name, None)
    return cls is not None and any(base.__name__ == kind for base in cls.__mro__)
