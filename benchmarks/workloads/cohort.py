"""Later questions to a log of ten million orders: the monthly triangle and growth accounting.

The log was indexed before, as its point is that every question after the first is one pass. The
peers hold their data in their own form as well, sorted by time; each gets the plain formulation and
one that reduces to customers and months first.
"""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload
from workloads.events import arrow, duckdb_session, orders

ORDERS = {
    "full": {"n": 10**7, "customers": 10**6},
    "smoke": {"n": 20_000, "customers": 2000},
}

triangle = Workload(
    "retention",
    "customers and revenue of 24 monthly cohorts by month, 10^7 orders of 10^6 customers, log "
    "indexed before",
    orders,
    full=ORDERS["full"],
    smoke=ORDERS["smoke"],
    agree={"cells": 0, "customers": 0, "revenue": 1e-12},
    data="orders",
    bound="one thread takes 6 ns a row: 1.1 to read times and amounts from memory, .6 for the "
    "month of a row, about 2.5 for branches that are mispredicted at the ends of 2.9 "
    "million months of customers, and 2 for as many sums that do not depend on the order "
    "of their terms",
)
base = Workload(
    "growth",
    "new, returning, resurrected and dormant customers by month, 10^7 orders of 10^6 customers, "
    "log indexed before",
    orders,
    full=ORDERS["full"],
    smoke=ORDERS["smoke"],
    agree={"active": 0, "new": 0, "resurrected": 0, "dormant": 0},
    data="orders",
    bound="the counts take no branch; the samples of a profile lie behind the two branches that "
    "end a month of a customer and begin the next, of which there are 2.9 million; to "
    "read memory is 1.1 ns a row",
)


def whole_months(data: Data):
    """The peers take the last month as a whole one, so it is."""
    from tenure import EventLog

    columns = {"customer": "customer", "time": "time", "amount": "amount"}
    return EventLog(arrow(data), **columns, observed_until="2023-12-31")


@triangle.ours("tenure")
def _(data: Data, threads: int) -> Run:
    import tenure as tn

    log = whole_months(data)

    def run() -> dict[str, float]:
        scan = tn.cohort.RetentionScan("month", value="revenue", n_bootstrap=0)
        found = scan.visit(log, n_threads=threads).finish()
        return {
            "cells": float(np.sum(found.active > 0)),
            "customers": float(found.active.sum()),
            "revenue": float(np.nansum(found.counts)),
        }

    return run


PLAIN = """WITH f AS (SELECT customer, date_trunc('month', min(time)) c FROM orders
GROUP BY customer) SELECT c, date_diff('month', c, date_trunc('month', time)) k,
count(DISTINCT customer) u, sum(amount) m FROM orders JOIN f USING (customer) GROUP BY c, k"""
BY_MONTH = """WITH a AS (SELECT customer, (year(time) * 12 + month(time))::INT mo, sum(amount) m
FROM orders GROUP BY customer, mo), f AS (SELECT customer, min(mo) c FROM a GROUP BY customer)
SELECT c, mo - c k, count(*) u, sum(m) m FROM a JOIN f USING (customer) GROUP BY c, k"""


def duckdb_triangle(sql: str):
    def prepare(data: Data, threads: int) -> Run:
        connection = duckdb_session(arrow(data), threads)

        def run() -> dict[str, float]:
            rows = connection.execute(sql).fetchnumpy()
            return cells(rows["u"], rows["m"])

        return run

    return prepare


def cells(customers, revenue) -> dict[str, float]:
    return {
        "cells": float(len(customers)),
        "customers": float(np.sum(np.asarray(customers))),
        "revenue": float(np.sum(np.asarray(revenue))),
    }


triangle.peer("duckdb plain")(duckdb_triangle(PLAIN))
triangle.peer("duckdb by month first")(duckdb_triangle(BY_MONTH))


def month():
    import polars as pl

    time = pl.col("time").dt
    return (time.year().cast(pl.Int32) * 12 + time.month().cast(pl.Int32)).alias("mo")


def polars_triangle(by_month: bool, engine: str):
    def prepare(data: Data, threads: int) -> Run:
        import polars as pl

        frame = pl.from_arrow(arrow(data))
        age = (pl.col("mo") - pl.col("c")).alias("k")

        def query():
            rows = frame.lazy().select("customer", "amount", month())
            if not by_month:
                return (
                    rows.with_columns(pl.col("mo").min().over("customer").alias("c"))
                    .group_by("c", age)
                    .agg(
                        pl.col("customer").n_unique().alias("u"), pl.col("amount").sum().alias("m")
                    )
                )
            active = rows.group_by("customer", "mo").agg(pl.col("amount").sum().alias("m"))
            first = active.group_by("customer").agg(pl.col("mo").min().alias("c"))
            joined = active.join(first, on="customer")
            return joined.group_by("c", age).agg(pl.len().alias("u"), pl.col("m").sum())

        def run() -> dict[str, float]:
            rows = query().collect(engine=engine)
            return cells(rows["u"].to_numpy(), rows["m"].to_numpy())

        return run

    return prepare


triangle.peer("polars plain", "polars")(polars_triangle(False, "in-memory"))
triangle.peer("polars by month first", "polars")(polars_triangle(True, "in-memory"))
triangle.peer("polars by month first, streaming", "polars")(polars_triangle(True, "streaming"))


@base.ours("tenure")
def _(data: Data, threads: int) -> Run:
    import tenure as tn

    log = whole_months(data)

    def run() -> dict[str, float]:
        found = tn.cohort.growth(log, n_threads=threads)
        return {
            "active": float(found.active.sum()),
            "new": float(found.new.sum()),
            "resurrected": float(found.resurrected.sum()),
            "dormant": float(found.dormant.sum()),
        }

    return run


ACCOUNT = """WITH a AS (SELECT DISTINCT customer, (year(time) * 12 + month(time))::INT mo
FROM orders), w AS (SELECT mo, lag(mo) OVER p b, lead(mo) OVER p n FROM a
WINDOW p AS (PARTITION BY customer ORDER BY mo)), e AS (SELECT max(mo) e FROM a)
SELECT count(*) active, count(*) FILTER (b IS NULL) fresh, count(*) FILTER (mo - b > 1) resurrected,
count(*) FILTER (mo < e AND (n IS NULL OR n - mo > 1)) dormant FROM w, e"""


@base.peer("duckdb windows")
def _(data: Data, threads: int) -> Run:
    connection = duckdb_session(arrow(data), threads)
    names = ("active", "new", "resurrected", "dormant")
    return lambda: dict(zip(names, map(float, connection.execute(ACCOUNT).fetchone()), strict=True))


def polars_growth(engine: str):
    def prepare(data: Data, threads: int) -> Run:
        import polars as pl

        frame = pl.from_arrow(arrow(data))
        mo, who = pl.col("mo"), pl.col("customer")

        def run() -> dict[str, float]:
            # Sorted by customer and month, neighbours tell what windows would, at less cost.
            rows = (
                frame.lazy()
                .select("customer", month())
                .unique()
                .sort("customer", "mo")
                .with_columns(
                    pl.when(who == who.shift(1)).then(mo - mo.shift(1)).alias("since"),
                    pl.when(who == who.shift(-1)).then(mo.shift(-1) - mo).alias("until"),
                )
                .select(
                    pl.len().alias("active"),
                    pl.col("since").is_null().sum().alias("new"),
                    (pl.col("since") > 1).sum().alias("resurrected"),
                    ((mo < mo.max()) & (pl.col("until").is_null() | (pl.col("until") > 1)))
                    .sum()
                    .alias("dormant"),
                )
                .collect(engine=engine)
            )
            return {name: float(rows[name][0]) for name in base.agree}

        return run

    return prepare


base.peer("polars neighbours", "polars")(polars_growth("in-memory"))
base.peer("polars neighbours, streaming", "polars")(polars_growth("streaming"))
