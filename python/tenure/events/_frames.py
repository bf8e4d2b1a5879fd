"""Any data frame as one Arrow stream whose columns have types that the engine reads."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from tenure._errors import InvalidInputError

_YYYYMMDD = (1600_01_01, 2399_12_31)
_RAW = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary()}


def as_reader(frame: Any, columns: Sequence[str]) -> pa.RecordBatchReader:
    """Return a reader with (at least) `columns`, without a copy where the layout is Arrow's.

    Takes anything with ``__arrow_c_stream__`` (pandas, polars, pyarrow, DuckDB relations, results
    of this package), NumPy structured arrays, and mappings of column name to array.
    """
    if isinstance(frame, Mapping):
        frame = _table_of_mapping(frame, columns)
    elif isinstance(frame, np.ndarray) and frame.dtype.names:
        frame = _table_of_mapping({n: frame[n] for n in frame.dtype.names}, columns)
    elif isinstance(frame, np.ndarray):
        msg = f"a NumPy array needs named columns (a structured dtype), got dtype {frame.dtype}"
        raise InvalidInputError(msg, argument="frame")
    if type(frame).__module__.startswith("pandas"):
        frame = _table_of_pandas(frame, columns)
    if isinstance(frame, pa.RecordBatch):
        frame = pa.Table.from_batches([frame])
    if isinstance(frame, pa.Table):
        require_columns(frame.schema.names, columns)
        frame = frame.select(list(dict.fromkeys(columns)))
        _validate(frame)
    if not hasattr(frame, "__arrow_c_stream__"):
        hint = "; call .collect() first" if hasattr(frame, "collect") else ""
        msg = (
            "expected a data frame (pandas, polars, pyarrow, DuckDB relation, dict of arrays), "
            f"got {type(frame).__name__}{hint}"
        )
        raise InvalidInputError(msg, argument="frame")
    try:
        reader = pa.RecordBatchReader.from_stream(frame)
    except (pa.ArrowException, ValueError, TypeError) as error:
        msg = f"the data cannot be read as an Arrow stream: {error}"
        raise InvalidInputError(msg, argument="frame") from error
    require_columns(reader.schema.names, columns)
    return reader


def column_names(frame: Any) -> list[str]:
    """Return the names of a frame's columns; none where they cannot be told before reading it."""
    if isinstance(frame, Mapping):
        return list(frame)
    if isinstance(frame, (pa.Table, pa.RecordBatch, pa.RecordBatchReader)):
        return list(frame.schema.names)
    if isinstance(frame, np.ndarray):
        return list(frame.dtype.names or ())
    columns = getattr(frame, "columns", None)
    return [] if columns is None else [str(c) for c in columns]


def _validate(table: pa.Table) -> None:
    # A damaged table (a truncated file, a wrong offset) is told here and not by a crash later.
    # Whether text is UTF-8 is asked of the distinct texts only, once they are known.
    try:
        for column in table.columns:
            raw = _RAW.get(column.type)
            (column if raw is None else column.cast(raw)).validate(full=True)
    except pa.ArrowInvalid as error:
        msg = f"the Arrow data are damaged: {error}"
        raise InvalidInputError(msg, argument="frame") from error


def require_columns(names: Sequence[str], wanted: Sequence[str]) -> None:
    """Say which column is missing or there twice, with near matches."""
    for name in wanted:
        if names.count(name) == 1:
            continue
        if name in names:
            msg = f"the data have {names.count(name)} columns called {name!r}"
            raise InvalidInputError(msg, argument=name)
        near = difflib.get_close_matches(str(name), list(names), n=3, cutoff=0.5)
        lower = [n for n in names if n.lower() == str(name).lower()]
        hints = list(dict.fromkeys(lower + near))
        hint = f"; did you mean {' or '.join(map(repr, hints))}?" if hints else ""
        msg = (
            f"{name!r} is not a column of the data, which have {', '.join(map(repr, names))}{hint}"
        )
        raise InvalidInputError(msg, argument=str(name))


def _table_of_mapping(frame: Mapping[str, Any], columns: Sequence[str]) -> pa.Table:
    require_columns(list(frame), columns)
    arrays = {name: _array(frame[name], name) for name in dict.fromkeys(columns)}
    lengths = {name: len(a) for name, a in arrays.items()}
    if len(set(lengths.values())) > 1:
        msg = f"columns differ in length: {lengths}"
        raise InvalidInputError(msg, argument=min(lengths, key=lambda n: lengths[n]))
    return pa.table(arrays)


def _table_of_pandas(frame: Any, columns: Sequence[str]) -> Any:
    if not hasattr(frame, "columns"):
        return frame  # a Series or an Index: refused below with the general message
    require_columns([str(c) for c in frame.columns], columns)
    by_name = {str(c): c for c in frame.columns}
    return pa.table({n: _array(frame[by_name[n]], n) for n in dict.fromkeys(columns)})


def _array(values: Any, name: str) -> Any:
    """Return one column as an Arrow array; what Arrow cannot hold names the column."""
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    if isinstance(values, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(values)
        return _owned(pa.array(np.ma.getdata(values), mask=mask))
    array = values
    if not hasattr(values, "__arrow_array__") and not hasattr(values, "__arrow_c_array__"):
        if not hasattr(values, "dtype"):
            values = list(values) if not np.isscalar(values) and values is not None else values
            array = np.empty(0) if isinstance(values, list) and not values else values
        shape = (
            np.shape(array)
            if hasattr(array, "dtype")
            else (len(array),)
            if isinstance(array, list)
            else ()
        )
        if len(shape) != 1:
            msg = f"{name} must be one-dimensional, got shape {shape}"
            raise InvalidInputError(msg, argument=name)
    _refuse_mixed(array, name)
    if isinstance(array, np.ndarray) and not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    try:
        return _owned(pa.array(array, from_pandas=True))
    except (pa.ArrowException, TypeError, ValueError, OverflowError, UnicodeError) as error:
        msg = f"{name} cannot be read: {str(error).splitlines()[0]}"
        raise InvalidInputError(msg, argument=name) from error


def _owned(array: Any) -> Any:
    """Copy ids and codes out of memory that the caller may write to.

    The index counts them and then places rows by these counts: a change in between would place
    rows outside of it. Arrow's own arrays do not change, and other columns are read once.
    """
    if isinstance(array, pa.DictionaryArray):
        return pa.DictionaryArray.from_arrays(
            _owned(array.indices), array.dictionary, ordered=array.type.ordered
        )
    if isinstance(array, pa.Array) and pt.is_integer(array.type):
        buffers = [b and pa.py_buffer(np.frombuffer(b, np.uint8).copy()) for b in array.buffers()]
        return pa.Array.from_buffers(
            array.type, len(array), buffers, array.null_count, array.offset
        )
    return array


def _refuse_mixed(values: Any, name: str) -> None:
    """Objects of several kinds (1 and "1", aware and naive times) mean two things at once."""
    if not isinstance(values, list) and getattr(values, "dtype", None) != np.dtype(object):
        return
    kinds: dict[str, int] = {}
    for row, value in enumerate(values):
        if value is None or value != value or type(value).__name__ in {"NAType", "NaTType"}:
            continue
        kind = _kind(value)
        if kind not in kinds:
            kinds[kind] = row
            if len(kinds) > 1:
                first, second = list(kinds)
                msg = (
                    f"{name} mixes {first} (row {kinds[first]}) and {second} (row {row}); "
                    "make them one type"
                )
                raise InvalidInputError(msg, argument=name, row=row, value=value)


def _kind(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "booleans"
    if isinstance(value, (int, np.integer)):
        return "integers"
    if isinstance(value, (float, np.floating)):
        return "floats"
    if isinstance(value, (str, np.str_)):
        return "text"
    if hasattr(value, "tzinfo"):
        return "times with a zone" if value.tzinfo is not None else "times without a zone"
    return type(value).__name__


# --- types ----------------------------------------------------------------------------------------


def _value_type(column: pa.DataType) -> pa.DataType:
    return column.value_type if pt.is_dictionary(column) else column


def check_customer(column: pa.DataType, name: str) -> None:
    """Ids are integers or text."""
    value = _value_type(column)
    if not (pt.is_integer(value) or _is_text(value)):
        hint = ""
        if pt.is_floating(value):
            hint = (
                "; a float column of ids usually means missing ones: fill or drop them, then cast"
            )
        msg = f"{name} must be integers or text, got {column}{hint}"
        raise InvalidInputError(msg, argument=name)


def check_event(column: pa.DataType, name: str) -> None:
    """Event names are text."""
    if not _is_text(_value_type(column)):
        msg = f"{name} must be text, got {column}"
        raise InvalidInputError(msg, argument=name)


def property_type(column: pa.DataType, name: str) -> pa.DataType:
    """Return the type to read a property as: text as it is, integers and booleans as text."""
    value = _value_type(column)
    if _is_text(value):
        return column
    if pt.is_integer(value) or pt.is_boolean(value):
        return pa.string()
    msg = f"{name} must be text, integers or booleans to be a property, got {column}"
    raise InvalidInputError(msg, argument=name)


def _is_text(t: pa.DataType) -> bool:
    return bool(pt.is_string(t) or pt.is_large_string(t) or t == pa.string_view())


def check_time(column: pa.DataType, name: str, sample: Any) -> None:
    """Times are timestamps or dates; `sample` (the first values) makes the hint concrete."""
    if pt.is_timestamp(column) or pt.is_date(column):
        return
    hint = ""
    if pt.is_integer(column):
        values = [v for v in sample if v is not None]
        if values and all(_YYYYMMDD[0] <= v <= _YYYYMMDD[1] for v in values):
            hint = f"; {values[0]} looks like yyyymmdd: parse it to a date"
        else:
            hint = "; integers carry no unit: cast them to a timestamp"
    elif _is_text(_value_type(column)):
        hint = "; parse the text to dates or timestamps first"
    msg = f"{name} must be timestamps or dates, got {column}{hint}"
    raise InvalidInputError(msg, argument=name)


def amount_type(column: pa.DataType, name: str) -> pa.DataType:
    """Return the type to read amounts as: as they are where the engine can, else float64."""
    if pt.is_float64(column) or pt.is_float32(column) or pt.is_integer(column):
        return column
    if pt.is_float16(column) or pt.is_decimal(column):
        return pa.float64()
    hint = "; text such as '1,234.50' must be parsed first" if _is_text(_value_type(column)) else ""
    msg = f"{name} must be numbers, got {column}{hint}"
    raise InvalidInputError(msg, argument=name)


def with_types(
    reader: pa.RecordBatchReader, types: Mapping[str, pa.DataType]
) -> pa.RecordBatchReader:
    """Return the reader with some columns cast, batch by batch; as it is where nothing changes."""
    fields = [pa.field(f.name, types.get(f.name, f.type), f.nullable) for f in reader.schema]
    target = pa.schema(fields)
    if target.equals(reader.schema):
        return reader

    def cast() -> Any:
        for batch in reader:
            yield pa.record_batch(
                [c.cast(f.type) for c, f in zip(batch.columns, fields, strict=True)], schema=target
            )

    return pa.RecordBatchReader.from_batches(target, cast())
