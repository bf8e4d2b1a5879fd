"""The log: how it is made, and scans that answer of it alone."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pyarrow as pa

import tenure as tn
from tenure._model_file import from_bytes, to_bytes

from ._data import a_log, index, orders
from ._entry import Entry


def named_orders(n: int) -> pa.Table:
    table = orders(n)
    names = table["who"].cast(pa.string())
    return table.set_column(0, "who", names)


def sold_orders(n: int) -> pa.Table:
    shop = np.random.default_rng(15).integers(0, 50, n)
    return orders(n).append_column("shop", pa.array(shop).cast(pa.string()))


def index_sold(table: pa.Table, threads: int) -> tn.EventLog:
    columns = {"customer": "who", "time": "when", "amount": "paid", "properties": ["shop"]}
    return tn.EventLog(table, n_threads=threads, **columns)


def halves(n: int) -> tuple[pa.Table, pa.Table]:
    table = orders(n)
    return table.slice(0, n // 2), table.slice(n // 2)


def append(tables: tuple[pa.Table, pa.Table], threads: int) -> tn.EventLog:
    first, later = tables
    return index(first, threads).append(later, n_threads=threads)


@functools.lru_cache(maxsize=2)
def stored(n: int) -> bytes:
    return to_bytes(a_log(n))


def scan_parts(log: tn.EventLog, threads: int) -> Any:
    total = tn.cohort.RetentionScan("month", value="revenue", n_bootstrap=0)
    for part in log.parts(7):
        scan = tn.cohort.RetentionScan("month", value="revenue", n_bootstrap=0)
        total.merge(scan.visit(part, n_threads=threads))
    return total.finish()


ENTRIES = [
    Entry("EventLog", orders, index, 20_000_000),
    Entry("EventLog of text ids", named_orders, index, 4_000_000),
    Entry("summary", a_log, lambda log, t: log.summary(n_threads=t), 30_000_000),
    Entry(
        "summary with gaps",
        a_log,
        lambda log, t: log.summary(log_gaps=True, n_threads=t),
        10_000_000,
    ),
    Entry("where", a_log, lambda log, t: log.where(amount=(5, 50), n_threads=t), 30_000_000),
    Entry(
        "summaries",
        a_log,
        lambda log, t: log.summaries(["2021-06-30", "2022-06-30", "2023-06-30"], n_threads=t),
        20_000_000,
    ),
    Entry(
        "features",
        a_log,
        lambda log, t: log.features(["2021-06-30", "2022-06-30"], n_threads=t),
        10_000_000,
    ),
    Entry("order_gaps", a_log, lambda log, t: log.order_gaps(n_threads=t), 20_000_000),
    Entry("order_periods", a_log, lambda log, t: log.order_periods(n_threads=t), 20_000_000),
    Entry("EventLog with properties", sold_orders, index_sold, 10_000_000),
    Entry("append", halves, append, 20_000_000),
    Entry("load", stored, lambda data, t: from_bytes(data), 20_000_000),
    Entry("scans of parts", a_log, scan_parts, 10_000_000),
    Entry("split", a_log, lambda log, t: log.split("2022-01-01", n_threads=t), 30_000_000),
]
