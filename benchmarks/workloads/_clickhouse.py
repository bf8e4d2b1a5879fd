"""ClickHouse within this process, with a pandas frame as a table in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from workloads import Data


def clickhouse(data: Data, columns: str, select: str, threads: int) -> Callable[[str], list[Any]]:
    """Makes the table b.rows of `columns`, filled by `select`; returns what queries end with."""
    import pandas as pd
    from chdb import session

    engine = session.Session()
    engine.query("CREATE DATABASE b")
    engine.query(f"CREATE TABLE b.rows ({columns}) ENGINE=Memory")
    global frame  # where ClickHouse looks for it
    frame = pd.DataFrame(data)
    engine.query(f"INSERT INTO b.rows SELECT {select} FROM Python(frame)")
    del frame

    def last_row(sql: str) -> list[Any]:
        answer = str(engine.query(f"{sql} SETTINGS max_threads = {threads}", "JSONCompactEachRow"))
        return json.loads(answer.splitlines()[-1])

    return last_row
