"""Labels of groups, such as strata and clusters, as codes for the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tenure._errors import InvalidInputError

Codes = npt.NDArray[np.int32]


def as_groups(values: Any, rows: int, name: str) -> tuple[Codes, tuple[str, ...]]:
    """Return the code of each row's group and the groups' labels, in the order of their values.

    Several columns (a data frame, or an array of two dimensions) make a group of each combination
    that occurs; its label joins theirs.
    """
    columns = [_codes(column, rows, name) for column in _columns(values, name)]
    if len(columns) == 1:
        return columns[0]
    stacked = np.stack([codes for codes, _ in columns], axis=1)
    distinct, codes = np.unique(stacked, axis=0, return_inverse=True)
    labels = tuple(
        ", ".join(names[k] for (_, names), k in zip(columns, row, strict=True))
        for row in distinct.tolist()
    )
    return codes.astype(np.int32).ravel(), labels


def codes_among(values: Any, rows: int, labels: tuple[str, ...], name: str) -> Codes:
    """Return the position of each row's group among the labels of a fit."""
    codes, found = as_groups(values, rows, name)
    known = {label: k for k, label in enumerate(labels)}
    for k, label in enumerate(found):
        if label not in known:
            row = int(np.argmax(codes == k))
            msg = f"{name}[{row}] is {label!r}, which the fit has not seen; it has {list(labels)}"
            raise InvalidInputError(msg, argument=name, row=row, value=label)
    return np.array([known[label] for label in found], dtype=np.int32)[codes]


def _columns(values: Any, name: str) -> list[Any]:
    if isinstance(values, (pa.Array, pa.ChunkedArray)) or type(values).__name__ == "Series":
        return [values]
    if hasattr(values, "__arrow_c_stream__"):
        return list(pa.table(values).columns)
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        msg = f"{name} must be labels, one a row: {error}"
        raise InvalidInputError(msg, argument=name) from error
    if array.ndim == 2 and array.shape[1] > 0:
        return [array[:, j] for j in range(array.shape[1])]
    if array.ndim != 1:
        msg = f"{name} must be labels, one a row, got shape {array.shape}"
        raise InvalidInputError(msg, argument=name)
    return [values if not isinstance(values, np.ma.MaskedArray) else _unmasked(values)]


def _unmasked(values: Any) -> Any:
    out = np.ma.getdata(values).astype(object)
    out[np.ma.getmaskarray(values)] = None
    return out


def _codes(values: Any, rows: int, name: str) -> tuple[Codes, tuple[str, ...]]:
    try:
        column = values if isinstance(values, (pa.Array, pa.ChunkedArray)) else _arrow(values)
    except (pa.ArrowException, TypeError, ValueError) as error:
        msg = f"{name} must be labels of one kind, one a row: {error}"
        raise InvalidInputError(msg, argument=name) from error
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if len(column) != rows:
        msg = f"{name} must have one label for each of the {rows} rows, got {len(column)}"
        raise InvalidInputError(msg, argument=name)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.null_count or (
        pa.types.is_floating(column.type) and np.isnan(column.to_numpy(zero_copy_only=False)).any()
    ):
        missing = [v is None or v != v for v in column.to_pylist()]
        row = missing.index(True)
        msg = f"{name}[{row}] must be a label, got a missing value"
        raise InvalidInputError(msg, argument=name, row=row)
    encoded = column.dictionary_encode()
    labels = encoded.dictionary.to_pylist()
    order = sorted(range(len(labels)), key=labels.__getitem__)
    position = np.empty(len(labels), dtype=np.int32)
    position[order] = np.arange(len(labels), dtype=np.int32)
    codes = position[np.asarray(encoded.indices)]
    return codes, tuple(_label(labels[k]) for k in order)


def _arrow(values: Any) -> Any:
    array = np.asarray(values)
    return pa.array(array if array.dtype.kind in "biuf" else list(values), from_pandas=True)


def _label(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
