"""Tables of numbers and categories: columns of any frame or array become numbers and codes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._validation import Floats

Codes = npt.NDArray[np.int32]
#: Levels of one column, ascending; None, the missing ones as a level of their own, comes last.
Levels = tuple[Any, ...]

MISSING = "(missing)"


@dataclass(frozen=True)
class Columns:
    """The columns of a table as Arrow arrays, with their names if they have any."""

    values: tuple[Any, ...]
    names: tuple[str, ...] | None

    @property
    def rows(self) -> int:
        return len(self.values[0])

    def label(self, column: int) -> str | int:
        return column if self.names is None else self.names[column]


def as_columns(X: Any, name: str = "X") -> Columns:
    """Return the columns of a frame of pandas, polars or pyarrow, of an array or of nested lists.

    Raises
    ------
    InvalidInputError
        If it is not two-dimensional, holds no rows or no columns, or a column of mixed types.
    """
    import pyarrow as pa

    pandas = sys.modules.get("pandas")
    names: list[str] | None
    if pandas is not None and isinstance(X, pandas.DataFrame):
        texts = all(isinstance(c, str) for c in X.columns)
        names = [str(c) for c in X.columns] if texts else None
        columns = [_from_values(X.iloc[:, j], name, c) for j, c in enumerate(X.columns)]
    elif not isinstance(X, np.ndarray) and hasattr(X, "__arrow_c_stream__"):
        table = X if isinstance(X, pa.Table) else pa.table(X)
        names = list(table.schema.names)
        columns = [table.column(j).combine_chunks() for j in range(table.num_columns)]
    else:
        array = _as_array(X, name)
        names = None
        columns = [_from_values(array[:, j], name, j) for j in range(array.shape[1])]
    if not columns or not len(columns[0]):
        msg = f"{name} must have at least one row and one column"
        raise InvalidInputError(msg, argument=name)
    if names is not None and len(set(names)) != len(names):
        msg = f"{name} has two columns of one name: {names}"
        raise InvalidInputError(msg, argument=name)
    return Columns(tuple(columns), None if names is None else tuple(names))


def _as_array(X: Any, name: str) -> npt.NDArray[Any]:
    if hasattr(X, "toarray") and hasattr(X, "nnz"):
        msg = f"{name} is sparse; this estimator needs dense data: call .toarray() first"
        raise InvalidInputError(msg, argument=name)
    if isinstance(X, np.ma.MaskedArray):
        X = np.ma.MaskedArray(X, dtype=object).filled(None)
    try:
        # NumPy would turn the numbers of a mixed list into texts.
        array = X if isinstance(X, np.ndarray) else np.array(X, dtype=object)
    except (ValueError, TypeError) as error:
        msg = f"{name} must be a table with rows of one length: {error}"
        raise InvalidInputError(msg, argument=name) from error
    if array.ndim != 2:
        msg = f"Expected a 2D array as {name}, got a {array.ndim}D array of shape {array.shape}."
        raise InvalidInputError(msg, argument=name)
    if array.dtype.kind not in "biufUSOT":
        msg = f"{name} must hold texts or numbers, got dtype {array.dtype}"
        raise InvalidInputError(msg, argument=name)
    return array


def _from_values(values: Any, name: str, column: Any) -> Any:
    import pyarrow as pa

    try:
        if isinstance(values, np.ndarray):
            values = values.astype(object) if values.dtype.kind in "ST" else values
            values = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("=")))
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        msg = f"{name}[{column!r}] must hold texts or numbers of one kind: {error}"
        raise InvalidInputError(msg, argument=name) from error
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def is_categorical(array: Any) -> bool:
    """Whether a column holds texts, truth values or a dictionary, and no numbers."""
    import pyarrow.types as pt

    t = array.type
    return not (pt.is_integer(t) or pt.is_floating(t) or pt.is_decimal(t))


def as_chosen(columns: Columns, categorical: Any, name: str = "categorical") -> list[int]:
    """Return the positions of the columns of categories: those asked for, or told by their type."""
    if categorical is None:
        return [j for j, column in enumerate(columns.values) if is_categorical(column)]
    if isinstance(categorical, (str, int)):
        categorical = [categorical]
    known = {} if columns.names is None else {n: j for j, n in enumerate(columns.names)}
    chosen = set()
    for asked in categorical:
        at = known.get(asked) if isinstance(asked, str) else asked
        whole = isinstance(at, (int, np.integer)) and not isinstance(at, (bool, np.bool_))
        if at is None or not whole or not 0 <= at < len(columns.values):
            msg = f"{name} must name columns of X, got {asked!r}"
            raise InvalidInputError(msg, argument=name, value=asked)
        chosen.add(int(at))
    texts = [j for j, c in enumerate(columns.values) if is_categorical(c) and j not in chosen]
    if texts:
        msg = f"X[{columns.label(texts[0])!r}] holds no numbers: list it in {name}"
        raise InvalidInputError(msg, argument=name)
    return sorted(chosen)


def as_numbers(columns: Columns, chosen: Sequence[int], name: str = "X") -> Floats:
    """Return columns of numbers as a matrix; a missing or infinite cell is refused by its name."""
    import pyarrow as pa

    out = np.empty((columns.rows, len(chosen)))
    for k, j in enumerate(chosen):
        column = columns.values[j]
        if is_categorical(column):
            msg = f"{name}[{columns.label(j)!r}] must hold numbers, as it did in fit"
            raise InvalidInputError(msg, argument=name)
        out[:, k] = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        bad = np.flatnonzero(~np.isfinite(out[:, k]))
        if bad.size:
            row, value = int(bad[0]), float(out[bad[0], k])
            shown = "NaN" if np.isnan(value) else repr(value)
            msg = f"{name}[{row}, {columns.label(j)!r}] must be finite, got {shown}"
            raise InvalidInputError(msg, argument=name, row=row, value=value)
    return out


def encoded(
    columns: Columns, chosen: Sequence[int], *, missing_level: bool, name: str = "X"
) -> tuple[Codes, tuple[Levels, ...]]:
    """Return codes and levels of columns of categories.

    A missing cell has the last level, None, where `missing_level`, and the code -1 otherwise.
    """
    codes = np.empty((columns.rows, len(chosen)), dtype=np.int32)
    levels = []
    for k, j in enumerate(chosen):
        raw, found = _dictionary(columns.values[j], f"{name}[{columns.label(j)!r}]")
        used = np.bincount(raw[raw >= 0], minlength=len(found)) > 0
        order = sorted(np.flatnonzero(used).tolist(), key=found.__getitem__)
        code = np.full(len(found) + 1, -1, dtype=np.int32)  # the last: of missing ones
        code[order] = np.arange(len(order), dtype=np.int32)
        some_missing = bool((raw < 0).any())
        if missing_level and some_missing:
            code[-1] = len(order)
        codes[:, k] = code[raw]
        levels.append(tuple(found[i] for i in order) + (None,) * (missing_level and some_missing))
    return codes, tuple(levels)


def encoded_as(
    columns: Columns,
    chosen: Sequence[int],
    levels: Sequence[Levels],
    name: str = "X",
) -> tuple[Codes, list[tuple[int, int, Any]]]:
    """Return codes of levels known from a fit, -1 for others; (column, first row, value) of those.

    A missing cell where no cell was missing in the fit is such a one; its value is None.
    """
    codes = np.empty((columns.rows, len(chosen)), dtype=np.int32)
    unseen = []
    for k, j in enumerate(chosen):
        raw, found = _dictionary(columns.values[j], f"{name}[{columns.label(j)!r}]")
        number = {level: i for i, level in enumerate(levels[k])}
        try:
            known = [number.get(value, -1) for value in [*found, None]]
        except TypeError as error:  # a level that cannot be hashed
            msg = f"{name}[{columns.label(j)!r}] must hold texts or numbers: {error}"
            raise InvalidInputError(msg, argument=name) from error
        codes[:, k] = np.array(known, dtype=np.int32)[raw]
        bad = np.flatnonzero(codes[:, k] < 0)
        if bad.size:
            row = int(bad[0])
            unseen.append((j, row, found[raw[row]] if raw[row] >= 0 else None))
    return codes, unseen


def _dictionary(array: Any, name: str) -> tuple[Codes, list[Any]]:
    """Codes, -1 for missing cells, and the distinct values."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as pt

    t = array.type
    if pt.is_null(t):
        return np.full(len(array), -1, dtype=np.int32), []
    if not pt.is_dictionary(t):
        if pt.is_floating(t):
            array = pc.if_else(
                pc.is_nan(array), pa.scalar(None, t), pc.add(array, pa.scalar(0.0, t))
            )
        elif not (pt.is_integer(t) or pt.is_boolean(t) or pt.is_decimal(t) or _is_text(t)):
            msg = f"{name} must hold texts or numbers, got type {t}"
            raise InvalidInputError(msg, argument=name)
        array = array.dictionary_encode()
    values = array.dictionary.to_pylist()
    if any(not isinstance(v, (str, int, float, bool)) for v in values if v is not None):
        values = [None if v is None else str(v) for v in values]
    raw = array.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
    if any(v is None for v in values):  # a dictionary may hold a null of its own
        raw = np.where(np.array([v is None for v in values] + [True])[raw], -1, raw)
    return raw.astype(np.int32), ["" if v is None else v for v in values]


def _is_text(t: Any) -> bool:
    import pyarrow.types as pt

    return bool(pt.is_string(t) or pt.is_large_string(t) or pt.is_string_view(t))


def level_name(level: Any) -> str:
    """Return what a report calls a level."""
    return MISSING if level is None else str(level)


def describe_unseen(columns: Columns, unseen: Iterable[tuple[int, int, Any]]) -> str:
    """Return a sentence's beginning about cells whose level the fit has not seen."""
    parts = [
        f"X[{row}, {columns.label(column)!r}] = {level_name(value)!r}"
        for column, row, value in unseen
    ]
    return "categories that fit has not seen, first in each column: " + ", ".join(parts)
