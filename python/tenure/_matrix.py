"""A table of features from anything that holds one: arrays, lists and data frames."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError

Matrix = npt.NDArray[Any]  # float32 or float64, C order


class NotANumberError(InvalidInputError, TypeError):
    """A cell of a table of features cannot be read as a number; also a TypeError."""


def as_matrix(X: Any, name: str = "X") -> tuple[Matrix, list[str] | None]:
    """Return the features as a C-ordered float32 or float64 matrix, and their names if any.

    float32 stays float32; every other number becomes float64. Missing entries become NaN: whoever
    uses the matrix says which cell must be finite. Without a copy where the layout allows it.

    Parameters
    ----------
    X : array of shape (rows, features) or data frame
        NumPy, nested lists, or a data frame of pandas, polars or pyarrow.
    name : str
        What messages call it.

    Raises
    ------
    InvalidInputError
        If it is not two-dimensional, holds no rows or no features, or is sparse or complex.
    NotANumberError
        If a cell is no number.
    """
    names = None
    if _is_frame(X):
        array, names = _frame(X, name)
    else:
        if hasattr(X, "toarray") and hasattr(X, "nnz"):
            msg = f"{name} is sparse; this estimator needs dense data: call .toarray() first"
            raise NotANumberError(msg, argument=name)
        array = _array(X, name)
    if array.ndim != 2:
        msg = f"Expected a 2D array as {name}, got a {array.ndim}D array of shape {array.shape}."
        if array.ndim == 1:
            msg += (
                " Reshape your data either using array.reshape(-1, 1) if it has a single feature"
                " or array.reshape(1, -1) if it is a single row."
            )
        raise InvalidInputError(msg, argument=name)
    for length, what in zip(array.shape, ("sample(s)", "feature(s)"), strict=True):
        if length == 0:
            msg = f"{name} has 0 {what} (shape={array.shape}) while a minimum of 1 is required."
            raise InvalidInputError(msg, argument=name)
    dtype = np.float32 if array.dtype == np.float32 else np.float64
    return np.ascontiguousarray(array, dtype=dtype), names


def _is_frame(X: Any) -> bool:
    return not isinstance(X, np.ndarray) and hasattr(X, "__arrow_c_stream__") and not _is_series(X)


def _is_series(X: Any) -> bool:
    return type(X).__name__ in {"Series", "ChunkedArray"}


def _array(X: Any, name: str) -> npt.NDArray[Any]:
    if isinstance(X, np.ma.MaskedArray):
        X = np.where(np.ma.getmaskarray(X), np.nan, np.ma.getdata(X))
    try:
        array = np.asarray(X)
    except (ValueError, TypeError) as error:
        msg = f"{name} must be a table with rows of one length: {error}"
        raise InvalidInputError(msg, argument=name) from error
    if array.dtype.kind == "O":
        array = _from_objects(array, name)
    _check_kind(array.dtype, name)
    return array


def _check_kind(dtype: np.dtype[Any], name: str) -> None:
    if dtype.kind == "c":
        msg = f"Complex data not supported: {name} has dtype {dtype}"
        raise InvalidInputError(msg, argument=name)
    if dtype.kind not in "biuf":
        msg = f"{name} must hold numbers, got dtype {dtype}"
        raise NotANumberError(msg, argument=name)


def _from_objects(array: npt.NDArray[Any], name: str) -> npt.NDArray[np.float64]:
    out = np.empty(array.shape, dtype=np.float64)
    for cell, value in np.ndenumerate(array):
        if value is None or type(value).__name__ in {"NAType", "NaTType"}:
            out[cell] = np.nan
            continue
        try:
            if isinstance(value, (str, bytes)):
                msg = "text must be parsed first"
                raise TypeError(msg)
            if isinstance(value, (complex, np.complexfloating)):
                msg = f"Complex data not supported: {name}{list(cell)} is {value!r}"
                raise InvalidInputError(msg, argument=name, row=cell[0], value=value)
            out[cell] = float(value)
        except (TypeError, ValueError, OverflowError) as error:
            if isinstance(error, InvalidInputError):
                raise
            msg = f"{name}{list(cell)} must be a number, got {value!r}: {error}"
            row = cell[0] if cell else None
            raise NotANumberError(msg, argument=name, row=row, value=value) from error
    return out


def _frame(X: Any, name: str) -> tuple[npt.NDArray[Any], list[str] | None]:
    labels = list(X.columns) if _is_pandas(X) else None
    if labels is not None and not all(isinstance(c, str) for c in labels):
        if any(isinstance(c, str) for c in labels):
            msg = f"some columns of {name} are named by text and some are not: {labels}"
            raise NotANumberError(msg, argument=name)
        names = None
    else:
        names = labels
    columns = _columns(X, name)
    if names is None and labels is None:
        names = list(columns)
    if not columns:
        return np.empty((len(X), 0)), None
    single = all(c.dtype == np.float32 for c in columns.values())
    rows = len(next(iter(columns.values())))
    out = np.empty((rows, len(columns)), dtype=np.float32 if single else np.float64)
    for j, column in enumerate(columns.values()):
        out[:, j] = column
    return out, names


def _is_pandas(X: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(X, pandas.DataFrame)


def _columns(X: Any, name: str) -> dict[str, npt.NDArray[Any]]:
    import pyarrow as pa

    if _is_pandas(X):
        return {str(c): _pandas_column(X.iloc[:, j], name) for j, c in enumerate(X.columns)}
    table = X if isinstance(X, pa.Table) else pa.table(X)
    return {
        field.name: _arrow_column(table.column(j), f"{name}[{field.name!r}]")
        for j, field in enumerate(table.schema)
    }


def _pandas_column(column: Any, name: str) -> npt.NDArray[Any]:
    name = f"{name}[{column.name!r}]"
    dtype = column.dtype
    if isinstance(dtype, np.dtype):
        return _array(column.to_numpy(), name)
    if getattr(dtype, "kind", "O") in "biuf":  # pandas' own nullable types
        wide = np.float32 if str(dtype) == "Float32" else np.float64
        return np.asarray(column.to_numpy(dtype=wide, na_value=np.nan))
    msg = f"{name} must hold numbers, got dtype {dtype}"
    raise NotANumberError(msg, argument=name)


def _arrow_column(column: Any, name: str) -> npt.NDArray[Any]:
    import pyarrow as pa
    import pyarrow.types as pt

    t = column.type
    if not (pt.is_integer(t) or pt.is_floating(t) or pt.is_boolean(t) or pt.is_decimal(t)):
        msg = f"{name} must hold numbers, got type {t}"
        raise NotANumberError(msg, argument=name)
    if pt.is_boolean(t):
        column = column.cast(pa.uint8())
    if not (pt.is_float32(t) or pt.is_float64(t)):
        column = column.cast(pa.float64(), safe=False)
    return np.asarray(column.to_numpy())
