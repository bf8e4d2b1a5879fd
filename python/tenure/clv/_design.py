"""Covariates as numbers: columns of a frame, dummy-coded, checked, standardised for the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from tenure._errors import InvalidInputError
from tenure._validation import Floats
from tenure.events._frames import as_reader

#: Levels of each covariate, in order, the base first; None for a number.
Levels = dict[str, tuple[str, ...] | None]

_SMALLEST_EIGENVALUE = 1e-10
_SMALLEST_SPREAD = 1e-100


def as_names(value: Any, argument: str) -> tuple[str, ...]:
    """Return the names of covariates: none, one, or a sequence of distinct ones."""
    if value is None:
        return ()
    names = (value,) if isinstance(value, str) else tuple(value) if _is_list(value) else None
    if names is None or not all(isinstance(n, str) and n for n in names):
        msg = f"{argument} must be names of columns, got {value!r}"
        raise InvalidInputError(msg, argument=argument, value=value)
    for i, name in enumerate(names):
        if name in names[:i]:
            msg = f"{argument} names {name!r} twice"
            raise InvalidInputError(msg, argument=argument, value=name)
    return names


def _is_list(value: Any) -> bool:
    return isinstance(value, (Sequence, np.ndarray, pa.Array)) and not isinstance(value, bytes)


def columns_of(frame: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return the named columns: float64 arrays, or Arrow arrays of text."""
    table = as_reader(frame, list(names)).read_all()
    return {name: _column(table[name], name) for name in names}


def _column(column: Any, name: str) -> Any:
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    kind = values.type
    if pt.is_dictionary(kind):
        text = pt.is_string(kind.value_type) or pt.is_large_string(kind.value_type)
        if not (text and kind.ordered):
            values = values.dictionary_decode()
    elif pt.is_string_view(kind):
        values = values.cast(pa.large_string())
    kind = values.type
    if values.null_count:
        row = int(np.argmax(np.asarray(pc.is_null(values))))
        raise _bad(name, row, None, "must not be missing")
    if pt.is_dictionary(kind) or pt.is_string(kind) or pt.is_large_string(kind):
        return values
    if pt.is_boolean(kind) or pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind):
        numbers = np.asarray(values.cast(pa.float64(), safe=False), dtype=np.float64)
        bad = np.flatnonzero(~np.isfinite(numbers))
        if bad.size:
            row = int(bad[0])
            value = float(numbers[row])
            rule = "must not be missing" if np.isnan(value) else "must be finite"
            raise _bad(name, row, value, rule)
        return numbers
    msg = f"covariate {name!r} must be numbers or text, got {kind}"
    raise InvalidInputError(msg, argument=name)


def _bad(name: str, row: int, value: Any, rule: str) -> InvalidInputError:
    msg = f"covariate {name}[{row}] {rule}, got {value!r}"
    return InvalidInputError(msg, argument=name, row=row, value=value)


def levels_of(columns: Mapping[str, Any]) -> Levels:
    """Return the levels of each column: of text those that occur, ascending or as ordered."""
    levels: Levels = {}
    for name, values in columns.items():
        if isinstance(values, np.ndarray):
            levels[name] = None
        elif pt.is_dictionary(values.type):
            present = set(pc.unique(values.indices).to_pylist())
            names = values.dictionary.to_pylist()
            levels[name] = tuple(names[k] for k in sorted(present))
        else:
            levels[name] = tuple(sorted(pc.unique(values).to_pylist()))
    return levels


def design_names(levels: Levels) -> list[str]:
    """Return the names of the design's columns: ``age``, ``channel[web]``."""
    names = []
    for name, known in levels.items():
        names += [name] if known is None else [f"{name}[{level}]" for level in known[1:]]
    return names


def design_of(columns: Mapping[str, Any], levels: Levels) -> Floats:
    """Return the design of n rows; text as one column of 0 and 1 for each level but the first."""
    parts = []
    for name, known in levels.items():
        values = columns[name]
        if known is None:
            if not isinstance(values, np.ndarray):
                msg = f"covariate {name!r} was fitted as numbers, but is {values.type} here"
                raise InvalidInputError(msg, argument=name)
            parts.append(values[:, None])
            continue
        if isinstance(values, np.ndarray):
            msg = f"covariate {name!r} was fitted as text, but is numbers here"
            raise InvalidInputError(msg, argument=name)
        if pt.is_dictionary(values.type):
            values = values.dictionary_decode()
        codes = pc.index_in(values, value_set=pa.array(known, type=values.type))
        if codes.null_count:
            row = int(np.argmax(np.asarray(pc.is_null(codes))))
            rule = f"must be one of the levels of the fit ({_listed(known)})"
            raise _bad(name, row, values[row].as_py(), rule)
        at = np.asarray(codes)
        parts.append((at[:, None] == np.arange(1, len(known))).astype(np.float64))
    return np.ascontiguousarray(np.hstack(parts))


def _listed(levels: Sequence[str]) -> str:
    shown = ", ".join(map(repr, levels[:8]))
    return shown if len(levels) <= 8 else f"{shown}, ... {len(levels)} in all"


@dataclass(frozen=True, slots=True)
class Scaling:
    """Mean and spread of each column of a design."""

    mean: Floats
    spread: Floats

    def apply(self, design: Floats) -> Floats:
        """Return the design with columns of mean 0 and spread 1."""
        return np.ascontiguousarray((design - self.mean) / self.spread)


def scaling_of(design: Floats, weight: Floats | None, names: Sequence[str]) -> Scaling:
    """Return mean and standard deviation of the columns; a constant one is refused."""
    rows, w = design, None
    if weight is not None:
        rows, w = design[weight > 0.0], weight[weight > 0.0]
    if not len(rows):
        return Scaling(np.zeros(design.shape[1]), np.ones(design.shape[1]))
    largest = np.abs(rows).max(axis=0)
    unit = np.where(largest > 0.0, largest, 1.0)
    scaled = rows / unit
    mean = np.average(scaled, axis=0, weights=w)
    spread = np.sqrt(np.average((scaled - mean) ** 2, axis=0, weights=w))
    for j, name in enumerate(names):
        if np.ptp(scaled[:, j]) == 0.0 or not spread[j] > 1e-13:
            value = float(rows[0, j])
            msg = (
                f"covariate {name!r} is {value:g} for every customer: its coefficient is not "
                "identified"
            )
            raise InvalidInputError(msg, argument=name, value=value)
        if not _SMALLEST_SPREAD <= spread[j] * unit[j] <= 1.0 / _SMALLEST_SPREAD:
            msg = (
                f"covariate {name!r} has a spread of {spread[j] * unit[j]:g}, whose square is no "
                "number: count it in another unit"
            )
            raise InvalidInputError(msg, argument=name, value=float(spread[j] * unit[j]))
    return Scaling(mean * unit, spread * unit)


def require_independent(
    standardised: Floats, weight: Floats | None, names: Sequence[str], argument: str
) -> None:
    """Refuse columns of which one follows from the others, and name them."""
    if standardised.shape[1] < 2:
        return
    w = np.ones(len(standardised)) if weight is None else weight
    correlation = (standardised * w[:, None]).T @ standardised / w.sum()
    values, vectors = np.linalg.eigh(correlation)
    if values[0] > _SMALLEST_EIGENVALUE:
        return
    part = np.abs(vectors[:, 0])
    involved = [n for n, p in zip(names, part, strict=True) if p > 1e-3 * part.max()]
    msg = (
        f"the columns {', '.join(map(repr, involved))} of {argument} are collinear: one follows "
        "from the others, so that their coefficients are not identified; leave one out, or give "
        "covariate_l2 or covariate_alpha"
    )
    raise InvalidInputError(msg, argument=argument, value=involved)
