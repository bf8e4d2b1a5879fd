"""Files that a shop system wrote on a bad day."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hostile import OK, Case, E

import tenure as tn

GOOD = b"id,day,value\n1,2024-01-01,9.5\n2,2024-02-01,3\n"


def read(content: bytes, name: str = "orders.csv", **options: Any) -> tn.EventLog:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        return tn.read(path, **{"customer": "id", "time": "day", "amount": "value", **options})


def refused(about: str, content: bytes, says: str = "", name: str = "orders.csv") -> Case:
    return E(f"read: {about}", lambda: read(content, name), says)


def rows(n: int) -> Any:
    return lambda log: log.n_rows == n


def parquet(edit: Any = lambda raw: raw) -> bytes:
    table = pa.table({"id": [1, 2], "day": pa.array([0, 1], pa.date32()), "value": [1.0, 2.0]})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return edit(sink.getvalue().to_pybytes())


def injected(name: str) -> bool:
    header = b'"' + name.encode().replace(b'"', b'""') + b'",day,value\n'
    return read(header + GOOD.split(b"\n", 1)[1], customer=name).n_customers == 2


CASES = [
    OK("read: a good file", lambda: read(GOOD), rows(2)),
    OK("read: 103 a byte order mark", lambda: read(b"\xef\xbb\xbf" + GOOD), rows(2)),
    OK("read: Windows line ends", lambda: read(GOOD.replace(b"\n", b"\r\n")), rows(2)),
    OK("read: semicolons", lambda: read(GOOD.replace(b",", b";")), rows(2)),
    OK("read: no newline at the end", lambda: read(GOOD.rstrip()), rows(2)),
    OK("read: quoted cells", lambda: read(b'id,day,value\n"1","2024-01-01","9.5"\n'), rows(1)),
    OK("read: a parquet file", lambda: read(parquet(), "orders.parquet"), rows(2)),
    OK("read: 1 a header and no rows", lambda: read(b"id,day,value\n"), rows(0)),
    OK(
        "read: a quoted delimiter",
        lambda: read(b'id,"a;b;c;d",day,value\n1,x,2024-01-01,2\n'),
        rows(1),
    ),
    OK("read: line ends of two kinds", lambda: read(GOOD.replace(b"\n", b"\r\n", 1)), rows(2)),
    refused(
        "103 a ragged row far down", GOOD + b"3,2024-03-01,4\n" * 30_000 + b"1,2\n", "Line: 30004"
    ),
    refused("an empty file", b""),
    refused("103 UTF-16", GOOD.decode().encode("utf-16")),
    refused("103 NUL in a number", GOOD.replace(b"9.5", b"9\x005")),
    refused("103 a lone quote", GOOD + b'3,"2024-03-01,4\n', "Line: 4"),
    refused("103 a ragged row", GOOD + b"3,2024-03-01\n", "Line: 4"),
    refused("103 a row too long", GOOD + b"3,2024-03-01,4,5,6\n", "Line: 4"),
    refused("103 a line of 10 MB", GOOD + b"3,2024-03-01," + b"x" * 10**7 + b"\n"),
    refused("40 amounts with commas", b'id,day,value\n1,2024-01-01,"1,234.50"\n'),
    refused("40 amounts with signs", "id,day,value\n1,2024-01-01,€5\n".encode()),
    refused("a date that does not exist", b"id,day,value\n1,2024-02-30,5\n2,2024-02-31,5\n"),
    refused("28 a leap second", b"id,day,value\n1,2016-12-31T23:59:60,5\n"),
    refused("22 yyyymmdd", b"id,day,value\n1,20240131,5\n2,20240201,5\n", "yyyymmdd"),
    refused("a missing column", GOOD.replace(b"id", b"customer"), "'id' is not a column"),
    refused("a missing id", GOOD + b",2024-03-01,4\n", "id is null in 1 row"),
    refused("a missing amount", GOOD + b"3,2024-03-01,\n", "value is null"),
    refused("parquet cut short", parquet(lambda raw: raw[:-20]), "", "orders.parquet"),
    refused(
        "parquet with a damaged footer",
        parquet(lambda raw: raw[:-9] + b"\xff" * 9),
        "",
        "x.parquet",
    ),
    refused("CSV called parquet", GOOD, "", "orders.parquet"),
    refused("an unknown ending", GOOD, "ending", "orders.xlsx"),
    E(
        "read: no file",
        lambda: tn.read("/nonexistent/orders.csv", customer="id", time="d"),
        "no file",
    ),
    E(
        "read: a glob of nothing",
        lambda: tn.read("/nonexistent/*.csv", customer="id", time="d"),
        "",
    ),
    E("read: nothing", lambda: tn.read(None, customer="id", time="d"), "a source or a query"),
    E("read: an empty list", lambda: tn.read([], customer="id", time="d"), "empty list"),
    E(
        "read: SQL that is no query",
        lambda: tn.read(None, sql="CREATE TABLE t (a INT)", customer="a", time="b"),
        "",
    ),
    E(
        "read: SQL with an error",
        lambda: tn.read(None, sql="SELEC 1", customer="a", time="b"),
        "cannot be read",
    ),
    E(
        "read: no database",
        lambda: tn.read(None, sql="SELECT 1", database="/nonexistent.db", customer="a", time="b"),
        "no database file",
    ),
    *[
        OK(f"read: 106 column {name[:12]!r}", lambda n=name: injected(n), bool)
        for name in ('t"; drop table t; --', "x" * 300, "<script>", "SELECT", "a b")
    ],
]
