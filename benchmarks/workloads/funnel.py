"""A funnel of five steps within seven days, from any start; times of a chain increase.

ClickHouse's windowFunnel is made for this question. DuckDB and polars get the same algorithm in
windows: the latest start of a chain that has come so far.
"""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload
from workloads._clickhouse import clickhouse
from workloads.events import DAY, orders

STEPS = ["visit", "view", "cart", "checkout", "pay"]
SHARES = [0.36, 0.26, 0.18, 0.12, 0.08]
WINDOW = 7 * DAY


def events(n: int, customers: int) -> Data:
    data = orders(n, customers)
    rng = np.random.default_rng(8)
    step = np.searchsorted(np.cumsum(SHARES[:-1]), rng.random(n), side="right") + 1
    return {"customer": data["customer"], "time": data["time"], "step": step.astype(np.uint8)}


funnel = Workload(
    "funnel",
    "five steps within seven days of any start, 10^7 events of 10^6 customers, log indexed before",
    events,
    full={"n": 10**7, "customers": 10**6},
    smoke={"n": 20_000, "customers": 2000},
    agree={f"step {k}": 0 for k in range(1, 6)},
    data="events",
    bound="half of the CPU is the pass that keeps the latest start of each step, 5 ns an event: "
    "a chain of loads that wait for the stores of the event before, and the mispredicted "
    "end of each customer; the rest, which ClickHouse is not asked for, are the times of "
    "those at each step, their quartiles, and who was open one window ago",
)


def told(counts) -> dict[str, float]:
    return {f"step {k}": float(n) for k, n in enumerate(counts, start=1)}


@funnel.ours("tenure")
def _(data: Data, threads: int) -> Run:
    import pyarrow as pa

    import tenure as tn

    names = pa.DictionaryArray.from_arrays(pa.array(data["step"] - 1, pa.int8()), pa.array(STEPS))
    rows = pa.table(
        {
            "customer": data["customer"],
            "time": pa.array(data["time"]).view(pa.timestamp("us")),
            "event": names,
        }
    )
    log = tn.EventLog(rows, customer="customer", time="time", event="event", orders=["pay"])

    def run() -> dict[str, float]:
        found = tn.journey.funnel(log, STEPS, "7d", ties="increasing", n_threads=threads)
        return told(found.counts)

    return run


@funnel.peer("ClickHouse windowFunnel", "chdb-core")
def _(data: Data, threads: int) -> Run:
    last_row = clickhouse(
        data, "customer Int64, time Int64, step UInt8", "customer, time, step", threads
    )
    steps = ", ".join(f"step = {k}" for k in range(1, 6))
    sql = (
        f"SELECT {', '.join(f'countIf(level >= {k})' for k in range(1, 6))} FROM (SELECT customer, "
        f"windowFunnel({WINDOW}, 'strict_increase')(toUInt64(time), {steps}) level FROM b.rows "
        "GROUP BY customer)"
    )
    return lambda: told(last_row(sql))


def sql() -> str:
    query = "WITH r1 AS (SELECT customer, time, step, CASE WHEN step = 1 THEN time END s FROM ev)"
    for k in range(2, 6):
        query += (
            f", w{k} AS (SELECT customer, time, step, s, max(CASE WHEN step = {k - 1} THEN s END) "
            "OVER (PARTITION BY customer ORDER BY time RANGE BETWEEN UNBOUNDED PRECEDING AND 1 "
            f"PRECEDING) p FROM r{k - 1}), r{k} AS (SELECT customer, time, step, CASE WHEN "
            f"step = {k} THEN CASE WHEN time - p <= {WINDOW} THEN p END ELSE s END s FROM w{k})"
        )
    query += (
        ", l AS (SELECT customer, max(CASE WHEN s IS NOT NULL THEN step END) v FROM r5 "
        "GROUP BY customer) "
    )
    return (
        query
        + "SELECT "
        + ", ".join(f"count(*) FILTER (v >= {k})" for k in range(1, 6))
        + " FROM l"
    )


@funnel.peer("duckdb windows")
def _(data: Data, threads: int) -> Run:
    import duckdb
    import pyarrow as pa

    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET preserve_insertion_order = false")
    table = pa.table(data)
    connection.register("rows", table)
    connection.execute("CREATE TABLE ev AS SELECT * FROM rows")
    query = sql()
    return lambda: told(connection.execute(query).fetchone())


@funnel.peer("polars windows", "polars")
def _(data: Data, threads: int) -> Run:
    import polars as pl

    frame = pl.DataFrame(dict(data))
    time, step, start = pl.col("time"), pl.col("step"), pl.col("s")

    def run() -> dict[str, float]:
        # Equal times are told apart by their first row: what came before it is strictly before.
        rows = frame.sort("customer", "time").with_columns(pl.when(step == 1).then(time).alias("s"))
        for k in range(2, 6):
            before = (
                pl.when(step == k - 1)
                .then(start)
                .cum_max()
                .forward_fill()
                .shift(1)
                .over("customer")
            )
            rows = rows.with_columns(before.alias("p"))
            rows = rows.with_columns(pl.col("p").first().over("customer", "time").alias("p"))
            inside = pl.when(time - pl.col("p") <= WINDOW).then(pl.col("p"))
            rows = rows.with_columns(pl.when(step == k).then(inside).otherwise(start).alias("s"))
        level = rows.filter(start.is_not_null()).group_by("customer").agg(step.max())
        return told([level.filter(step >= k).height for k in range(1, 6)])

    return run
