"""Logs from files and databases: DuckDB reads, the engine indexes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tenure._errors import InvalidInputError
from tenure._extras import require
from tenure.events import _csv
from tenure.events._columns import property_names
from tenure.events.event_log import EventLog

_READERS = {
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".txt": "read_csv",
    ".parquet": "read_parquet",
    ".pq": "read_parquet",
}


def read(source: Any, *, sql: str | None = None, database: Any = None, **log: Any) -> EventLog:
    """Read a log from CSV or Parquet files, or from a query, through DuckDB.

    Parameters
    ----------
    source : str, path-like, list of them, or None
        One file, several, or a glob such as ``"orders/*.parquet"``; the format is told by the
        ending (.csv, .tsv, .txt, .parquet, also with .gz or .zst behind .csv).
    sql : str, optional
        A query instead of a file: ``read(None, sql="SELECT ...", database="shop.duckdb")``. With a
        source the query may refer to it as the table ``source``.
    database : str or path-like, optional
        A DuckDB database file, opened read-only.
    **log
        The arguments of `EventLog`: customer, time, amount and so on.

    Returns
    -------
    EventLog

    Raises
    ------
    InvalidInputError
        A missing file, an unknown ending, a malformed line (with its number), or a bad cell.
    MissingExtraError
        If duckdb is not installed: ``pip install 'tenure[sql]'``.

    Notes
    -----
    `sql` is run as it is: it must come from someone you trust. File contents are never run, and the
    connection cannot install or load extensions.

    Examples
    --------
    >>> import pathlib, tempfile, tenure as tn
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "orders.csv"
    >>> _ = path.write_text("id,day,value\\n1,2024-01-01,9.5\\n1,2024-02-01,3\\n")
    >>> tn.read(path, customer="id", time="day", amount="value")
    EventLog: 2 events of 1 customers, 2024-01-01 to 2024-02-01 (UTC), with amounts
    """
    duckdb = require("duckdb", "read files")
    if source is None and sql is None:
        msg = "read needs a source or a query (sql=)"
        raise InvalidInputError(msg, argument="source")
    connection = _connect(duckdb, database)
    try:
        if source is not None:
            relation = _scan(connection, source, duckdb.Error)
            if sql is not None:
                relation.create_view("source")
        if sql is not None:
            relation = connection.sql(sql)
            if relation is None:
                msg = "sql must be a query that returns rows"
                raise InvalidInputError(msg, argument="sql", value=sql)
        columns = [log.get(k) for k in ("customer", "time", "amount", "event")]
        columns += property_names(log.get("properties", ()))
        names = [c for c in columns if isinstance(c, str) and c in relation.columns]
        # Project before the rows are read; a missing column is told by EventLog, with near matches.
        wanted = [c for c in columns if c is not None]
        if len(names) == len(wanted) and names:
            relation = relation.project(", ".join(map(_quoted, dict.fromkeys(names))))
        table = relation.to_arrow_table()
        return EventLog(table if table.num_rows else _typed(table, log), **log)
    except duckdb.Error as error:
        msg = f"{source if source is not None else 'the query'} cannot be read: {_brief(error)}"
        raise InvalidInputError(msg, argument="source", value=source) from error
    finally:
        connection.close()


def _connect(duckdb: Any, database: Any) -> Any:
    config = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "lock_configuration": "true",
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
    reader = {_reader(str(p)) for p in paths}
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


def _reader(path: str) -> str:
    suffixes = [s.lower() for s in Path(path).suffixes]
    if suffixes and suffixes[-1] in {".gz", ".zst"}:
        suffixes.pop()
    ending = suffixes[-1] if suffixes else ""
    if ending not in _READERS:
        msg = f"{path}: the ending {ending!r} is none of {', '.join(_READERS)}"
        raise InvalidInputError(msg, argument="source", value=path)
    return _READERS[ending]


def _typed(table: Any, log: Mapping[str, Any]) -> Any:
    """Give the columns of a file without rows the types that no cell could tell."""
    import pyarrow as pa

    types = {log.get("time"): pa.timestamp("us"), log.get("amount"): pa.float64()}
    fields = [f.with_type(types.get(f.name, f.type)) for f in table.schema]
    return pa.schema(fields).empty_table()


def _brief(error: Exception) -> str:
    """What DuckDB says up to its list of settings: the kind of fault, the line, its beginning."""
    said = str(error).split("\n\n")[0].split("\nThe search space")[0].split("\nPossible")[0]
    lines = [line if len(line) <= 120 else line[:117] + "..." for line in said.splitlines()]
    return "; ".join(line for line in lines if line.strip())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
