"""Files, queries and databases as relations of DuckDB."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from tenure._errors import InvalidInputError
from tenure.events import _csv

_READERS = {
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".txt": "read_csv",
    ".parquet": "read_parquet",
    ".pq": "read_parquet",
}


@contextlib.contextmanager
def opened(
    duckdb: Any,
    source: Any,
    sql: str | None,
    database: Any,
    settings: Mapping[str, str] | None = None,
) -> Iterator[tuple[Any, Any]]:
    """Give a connection and the relation that `read` and `stream` speak of; close it at the end.

    Raises
    ------
    InvalidInputError
        For a source that is not there or of an unknown kind, and in place of DuckDB's errors.
    """
    if source is None and sql is None:
        msg = "read needs a source or a query (sql=)"
        raise InvalidInputError(msg, argument="source")
    connection = connect(duckdb, database, settings)
    try:
        relation = None
        if source is not None:
            relation = _scan(connection, source, duckdb.Error)
            if sql is not None:
                relation.create_view("source")
        if sql is not None:
            relation = connection.sql(sql)
            if relation is None:
                msg = "sql must be a query that returns rows"
                raise InvalidInputError(msg, argument="sql", value=sql)
        yield connection, relation
    except duckdb.Error as error:
        msg = f"{source if source is not None else 'the query'} cannot be read: {_brief(error)}"
        raise InvalidInputError(msg, argument="source", value=source) from error
    finally:
        connection.close()


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def of_no_rows(schema: pa.Schema, time: str | None, amount: str | None) -> pa.Table:
    """Return an empty table, with types that no cell could tell."""
    types = {time: pa.timestamp("us"), amount: pa.float64()}
    fields = [f.with_type(types.get(f.name, f.type)) for f in schema]
    return pa.schema(fields).empty_table()


def connect(duckdb: Any, database: Any, settings: Mapping[str, str] | None = None) -> Any:
    """Return a connection that can neither install nor load extensions."""
    config = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "lock_configuration": "true",
        **(settings or {}),
    }
    if database is None:
        return duckdb.connect(config=config)
    if not Path(database).is_file():
        msg = f"there is no database file {database}"
        raise InvalidInputError(msg, argument="database", value=database)
    return duckdb.connect(str(database), read_only=True, config=config)


def _scan(connection: Any, source: Any, duckdb_error: type[Exception]) -> Any:
    paths = [source] if isinstance(source, (str, Path)) else list(source)
    if not paths:
        msg = "source is an empty list of files"
        raise InvalidInputError(msg, argument="source")
    reader = {reader_of(str(p)) for p in paths}
    if len(reader) > 1:
        msg = "source mixes CSV and Parquet files"
        raise InvalidInputError(msg, argument="source")
    for path in map(str, paths):
        if not any(c in path for c in "*?[") and not Path(path).is_file():
            msg = f"there is no file {path}"
            raise InvalidInputError(msg, argument="source", value=path)
    function = reader.pop()
    if function == "read_parquet":
        return connection.read_parquet([str(p) for p in paths])
    return _csv.scan(connection, [str(p) for p in paths], duckdb_error)


def reader_of(path: str) -> str:
    """Return the name of DuckDB's reader, told by the ending."""
    suffixes = [s.lower() for s in Path(path).suffixes]
    if suffixes and suffixes[-1] in {".gz", ".zst"}:
        suffixes.pop()
    ending = suffixes[-1] if suffixes else ""
    if ending not in _READERS:
        msg = f"{path}: the ending {ending!r} is none of {', '.join(_READERS)}"
        raise InvalidInputError(msg, argument="source", value=path)
    return _READERS[ending]


def _brief(error: Exception) -> str:
    """What DuckDB says up to its list of settings: the kind of fault, the line, its beginning."""
    said = str(error).split("\n\n")[0].split("\nThe search space")[0].split("\nPossible")[0]
    lines = [line if len(line) <= 120 else line[:117] + "..." for line in said.splitlines()]
    return "; ".join(line for line in lines if line.strip())
