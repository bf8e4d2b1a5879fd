"""Logs from files and databases: DuckDB reads, the engine indexes."""

from __future__ import annotations

from typing import Any

from tenure._extras import require
from tenure.events._columns import property_names
from tenure.events._source import of_no_rows, opened, quoted
from tenure.events.event_log import EventLog
from tenure.events.event_stream import EventStream


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
    with opened(duckdb, source, sql, database) as (_, relation):
        columns = [log.get(k) for k in ("customer", "time", "amount", "event")]
        columns += property_names(log.get("properties", ()))
        names = [c for c in columns if isinstance(c, str) and c in relation.columns]
        # Project before the rows are read; a missing column is told by EventLog, with near matches.
        wanted = [c for c in columns if c is not None]
        if len(names) == len(wanted) and names:
            relation = relation.project(", ".join(map(quoted, dict.fromkeys(names))))
        table = relation.to_arrow_table()
    if not table.num_rows:
        table = of_no_rows(table.schema, log.get("time"), log.get("amount"))
    return EventLog(table, **log)


def stream(
    source: Any,
    *,
    sql: str | None = None,
    database: Any = None,
    memory_limit: str | int = "1GiB",
    **log: Any,
) -> EventStream:
    """Read a log that need not fit into memory, part by part.

    Parameters
    ----------
    source, sql, database
        As for `read`.
    memory_limit : str or int, default "1GiB"
        What a pass may take, results aside: half of it is DuckDB's, which sorts on disk beyond
        that. At least "256MiB".
    **log
        The arguments of `EventLog`: customer, time, amount and so on.

    Returns
    -------
    EventStream
        To iterate over, or to run scans with.

    Raises
    ------
    InvalidInputError
        As for `read`; bad cells are found before the first part, with the numbers of their rows.
    MissingExtraError
        If duckdb is not installed: ``pip install 'tenure[sql]'``.

    Notes
    -----
    The source is read once for its facts (counts, names, first and last time) and once for each
    pass, sorted by customer and time. Space for the sort is taken in the system's folder for
    temporary files (``TMPDIR``). Ctrl-C is answered once DuckDB has let go, within a second or so.

    Examples
    --------
    >>> import pathlib, tempfile, tenure as tn
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "orders.csv"
    >>> _ = path.write_text("id,day,value\\n1,2024-01-01,9.5\\n1,2024-02-01,3\\n")
    >>> orders = tn.stream(path, customer="id", time="day", amount="value")
    >>> (growth,) = orders.run(tn.cohort.GrowthScan())
    >>> growth.active.tolist()
    [1]
    """
    return EventStream(source, sql=sql, database=database, memory_limit=memory_limit, **log)
