"""Tables as files: Parquet, CSV in which nothing can act as a formula, DuckDB."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tenure._errors import InvalidInputError
from tenure._extras import require
from tenure._model_file import write_whole

#: What a spreadsheet takes for the beginning of a formula, with the full-width forms.
_FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"


def missing_for_nan(table: pa.Table) -> pa.Table:
    """Return the table with missing values where a column of numbers has NaN."""
    columns = [
        pc.if_else(pc.is_nan(c), pa.scalar(None, c.type), c) if pa.types.is_floating(c.type) else c
        for c in table.itercolumns()
    ]
    return pa.table(columns, names=table.column_names)


def to_parquet(table: pa.Table) -> bytes:
    """Return the table as a Parquet file."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def to_csv(table: pa.Table) -> bytes:
    """Return the table as CSV in which no cell of text can act as a formula.

    A text that a spreadsheet would read as a formula gets a leading apostrophe; numbers and dates
    are as they are, missing values are empty.
    """
    import pyarrow.csv as pacsv

    columns = [_inert(column) for column in table.itercolumns()]
    names = [_inert(pa.array([name]))[0].as_py() for name in table.column_names]
    sink = io.BytesIO()
    pacsv.write_csv(pa.table(columns, names=names), sink)
    return sink.getvalue()


def _inert(column: Any) -> Any:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return column
    risky = pc.match_substring_regex(column, _FORMULA)
    marked = pc.binary_join_element_wise(pa.scalar("'", kind), column, pa.scalar("", kind))
    return pc.if_else(risky, marked, column)


def write_table(table: pa.Table, path: Any, name: str) -> None:
    """Write the table in the format that the ending says; of a database, as its table `name`.

    A file is replaced in one step. A database keeps its other tables, and changes in one
    transaction.
    """
    target = Path(path)
    table = missing_for_nan(table)
    suffix = target.suffix.lower()
    if suffix == ".parquet":
        write_whole(target, to_parquet(table))
    elif suffix == ".csv":
        write_whole(target, to_csv(table))
    elif suffix in (".duckdb", ".db"):
        _to_duckdb(table, target, name)
    else:
        msg = f"path must end in .parquet, .csv or .duckdb, got {str(path)!r}"
        raise InvalidInputError(msg, argument="path", value=str(path))


def _to_duckdb(table: pa.Table, path: Path, name: str) -> None:
    duckdb = require("duckdb", "write a DuckDB database")
    quoted = '"' + name.replace('"', '""') + '"'
    try:
        with duckdb.connect(str(path)) as connection:
            connection.register("tenure_rows", table)
            # One statement, one transaction: the old table or the new one.
            connection.execute(f"CREATE OR REPLACE TABLE {quoted} AS SELECT * FROM tenure_rows")
    except duckdb.Error as error:
        msg = f"{path} cannot be written as a DuckDB database: {error}"
        raise InvalidInputError(msg, argument="path", value=str(path)) from error
