"""A table of customers from anything that holds one, its columns read when they are asked for."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `kind` says what `values` are.

    ``number``: float64, NaN where missing. ``flag``: 0.0, 1.0 or NaN. ``date``: datetime64[us],
    NaT where missing. ``text``: int32 positions in `levels`, which ascend, -1 where missing.
    """

    name: str
    kind: str
    values: npt.NDArray[Any]
    levels: tuple[str, ...] = ()

    @property
    def is_missing(self) -> npt.NDArray[np.bool_]:
        if self.kind == "text":
            return np.asarray(self.values < 0)
        return np.asarray((np.isnat if self.kind == "date" else np.isnan)(self.values))


class Frame:
    """A `pyarrow.Table`, and its columns as NumPy arrays.

    Taken are data frames of pandas, polars and pyarrow, DuckDB relations, results of this package,
    anything else with ``__arrow_c_stream__``, and dicts of arrays.
    """

    def __init__(self, data: Any, argument: str = "table") -> None:
        import pyarrow as pa

        self.argument = argument
        try:
            self.table = _as_arrow(data)
        except MemoryError:
            raise  # Arrow's own is one of its other errors too
        except (pa.ArrowException, TypeError, ValueError) as error:
            msg = f"{argument} must be a data frame or a dict of columns of one length: {error}"
            raise InvalidInputError(msg, argument=argument) from error
        self.names: tuple[str, ...] = tuple(self.table.column_names)
        self.rows: int = self.table.num_rows
        twice = [n for n in self.names if self.names.count(n) > 1]
        if twice:
            msg = f"{argument} has two columns {twice[0]!r}"
            raise InvalidInputError(msg, argument=argument, value=twice[0])
        self._read: dict[str, Column] = {}

    def column(self, name: str) -> Column:
        """Return a column, or say which there are."""
        if name not in self._read:
            if name not in self.names:
                known = ", ".join(map(repr, self.names[:20]))
                msg = f"{name!r} is not a column of {self.argument}, which has {known}"
                raise InvalidInputError(msg, argument=self.argument, value=name)
            self._read[name] = _read(self.table.column(name), name, self.argument)
        return self._read[name]


def _as_arrow(data: Any) -> Any:
    import pyarrow as pa

    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        return pa.Table.from_pandas(data, preserve_index=False)
    if isinstance(data, Mapping):
        return pa.table({str(name): _as_array(values) for name, values in data.items()})
    if not hasattr(data, "__arrow_c_stream__"):
        msg = f"got {type(data).__name__}"
        raise TypeError(msg)
    return data if isinstance(data, pa.Table) else pa.table(data)


def _as_array(values: Any) -> Any:
    import pyarrow as pa

    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    if isinstance(values, np.ma.MaskedArray):
        values = values.tolist()
    if isinstance(values, (str, bytes)):
        msg = f"a column must be an array, got {values!r}"
        raise TypeError(msg)
    if isinstance(values, np.ndarray) and values.dtype.kind in "US":
        values = values.astype(object)
    return pa.array(values, from_pandas=True)


def _read(column: Any, name: str, argument: str) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as pt

    kind = column.type
    if pt.is_dictionary(kind) and not _is_text(kind.value_type):
        column = column.combine_chunks().dictionary_decode()
        kind = column.type
    if pt.is_dictionary(kind) or _is_text(kind):
        return _texts(column, name)
    if pt.is_boolean(kind):
        flags = column.cast(pa.uint8()).cast(pa.float64()).to_numpy()
        return Column(name, "flag", np.asarray(flags))
    if pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind):
        numbers = np.asarray(column.cast(pa.float64(), safe=False).to_numpy())
        endless = np.isinf(numbers)
        if endless.any():
            row = int(np.argmax(endless))
            msg = f"{argument}[{name!r}][{row}] must be finite or missing, got {numbers[row]}"
            raise InvalidInputError(msg, argument=name, row=row, value=float(numbers[row]))
        return Column(name, "number", numbers)
    if pt.is_date(kind) or pt.is_timestamp(kind):
        zone = getattr(kind, "tz", None)
        if zone is not None:  # the day that its owner saw, not the one of Greenwich
            column = pc.local_timestamp(column)
        column = column.cast(pa.timestamp("us"), safe=False)
        return Column(name, "date", np.asarray(column.to_numpy()).astype("datetime64[us]"))
    if pt.is_null(kind):
        return Column(name, "number", np.full(len(column), np.nan))
    msg = f"{argument}[{name!r}] must hold numbers, texts, flags or dates, got type {kind}"
    raise InvalidInputError(msg, argument=name)


def _is_text(kind: Any) -> bool:
    import pyarrow.types as pt

    view = getattr(pt, "is_string_view", None)
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or (view is not None and view(kind)))


def _texts(column: Any, name: str) -> Column:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    found = encoded.dictionary.to_pylist()
    order = sorted(range(len(found)), key=found.__getitem__)
    place = np.empty(len(found) + 1, dtype=np.int32)
    place[order] = np.arange(len(found), dtype=np.int32)
    place[-1] = -1
    codes = encoded.indices.fill_null(len(found)).to_numpy(zero_copy_only=False)
    return Column(name, "text", place[codes], tuple(found[k] for k in order))
