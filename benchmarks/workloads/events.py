"""Ten million orders to one row a customer: first and last order, days with an order, revenue.

The dear part is the number of distinct days. Polars and DuckDB are given every formulation that
we know: the plain distinct count, and two levels (first by customer and day, then by customer).
"""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload

DAY = 86_400_000_000
START = 1_640_995_200_000_000  # 2022-01-01
SPAN = 730


def orders(n: int, customers: int) -> Data:
    """Customers with a Zipf-like share of the orders, who come at any time within two years."""
    rng = np.random.default_rng(7)
    rank = 100.0 * (np.exp(rng.random(n) * np.log1p(customers / 100.0)) - 1.0)
    who = rng.permutation(customers)[np.minimum(rank.astype(np.int64), customers - 1)]
    came = (rng.random(customers) * (SPAN - 1) * DAY).astype(np.int64)[who]
    when = START + came + (rng.random(n) * (SPAN * DAY - came)).astype(np.int64)
    order = np.argsort(when, kind="stable")  # a log as it is written: by time
    amount = np.round(rng.lognormal(3.0, 1.0, n), 2)
    return {"customer": who[order], "time": when[order], "amount": amount}


summary = Workload(
    "events_summary",
    "10^7 orders of 10^6 customers: first, last, distinct days and revenue of each",
    orders,
    full={"n": 10**7, "customers": 10**6},
    smoke={"n": 20_000, "customers": 2000},
    agree={"customers": 0, "days": 0, "revenue": 1e-12, "first days": 0, "last days": 0},
    data="orders",
)


def arrow(data: Data):
    import pyarrow as pa

    columns = {name: pa.array(column) for name, column in data.items()}
    columns["time"] = columns["time"].view(pa.timestamp("us"))
    return pa.table(columns)


def days_since_start(times: np.ndarray) -> float:
    return float(((np.asarray(times).astype(np.int64) - START) // DAY).sum())


def tenure_check(log) -> dict[str, float]:
    rows = log.summary(unit="day")
    return {
        "customers": float(len(rows)),
        "days": float(rows.frequency.sum() + len(rows)),
        "revenue": float(rows.revenue.sum()),
        "first days": days_since_start(rows.first_order),
        "last days": days_since_start(rows.last_order),
    }


def index(table):
    from tenure import EventLog

    return EventLog(table, customer="customer", time="time", amount="amount")


@summary.ours("tenure")
def _(data: Data, threads: int) -> Run:
    table = arrow(data)
    return lambda: tenure_check(index(table))


@summary.ours("tenure, log indexed before")
def _(data: Data, threads: int) -> Run:
    log = index(arrow(data))
    return lambda: tenure_check(log)


DISTINCT = """SELECT customer, min(time) f, max(time) l, count(DISTINCT CAST(time AS DATE)) d,
sum(amount) m FROM orders GROUP BY customer"""
TWO_LEVELS = """SELECT customer, min(f) f, max(l) l, count(*) d, sum(m) m FROM (
SELECT customer, CAST(time AS DATE) AS bought, min(time) f, max(time) l, sum(amount) m FROM orders
GROUP BY customer, bought) GROUP BY customer"""


def duckdb_session(data: Data, threads: int, form: str = "TABLE"):
    """A connection with the rows as the table `orders`, or as a view of Arrow's."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET preserve_insertion_order = false")
    connection.register("arrow_orders", arrow(data))
    connection.execute(f"CREATE {form} orders AS SELECT * FROM arrow_orders")
    return connection


def duckdb(sql: str, native: bool):
    def prepare(data: Data, threads: int) -> Run:
        connection = duckdb_session(data, threads, "TABLE" if native else "VIEW")

        def run() -> dict[str, float]:
            rows = connection.execute(sql).fetchnumpy()
            return {
                "customers": float(len(rows["customer"])),
                "days": float(rows["d"].sum()),
                "revenue": float(rows["m"].sum()),
                "first days": days_since_start(rows["f"].astype("datetime64[us]")),
                "last days": days_since_start(rows["l"].astype("datetime64[us]")),
            }

        return run

    return prepare


summary.peer("duckdb distinct")(duckdb(DISTINCT, native=True))
summary.peer("duckdb two levels")(duckdb(TWO_LEVELS, native=True))
summary.peer("duckdb two levels, Arrow scan")(duckdb(TWO_LEVELS, native=False))


def polars(two_levels: bool, engine: str):
    def prepare(data: Data, threads: int) -> Run:
        import polars as pl

        frame = pl.from_arrow(arrow(data))
        day = pl.col("time").dt.date()
        ends = [pl.col("time").min().alias("f"), pl.col("time").max().alias("l")]
        total = pl.col("amount").sum().alias("m")

        def query(rows):
            if not two_levels:
                return rows.group_by("customer").agg(*ends, day.n_unique().alias("d"), total)
            by_day = rows.group_by("customer", day.alias("day")).agg(*ends, total)
            return by_day.group_by("customer").agg(
                pl.col("f").min(), pl.col("l").max(), pl.len().alias("d"), pl.col("m").sum()
            )

        def run() -> dict[str, float]:
            if engine == "eager":
                rows = query(frame)
            else:
                rows = query(frame.lazy()).collect(
                    engine="streaming" if engine == "streaming" else "in-memory"
                )
            return {
                "customers": float(rows.height),
                "days": float(rows["d"].sum()),
                "revenue": float(rows["m"].sum()),
                "first days": days_since_start(rows["f"].to_numpy().astype("datetime64[us]")),
                "last days": days_since_start(rows["l"].to_numpy().astype("datetime64[us]")),
            }

        return run

    return prepare


for engine in ("eager", "lazy", "streaming"):
    summary.peer(f"polars distinct, {engine}", "polars")(polars(False, engine))
    summary.peer(f"polars two levels, {engine}", "polars")(polars(True, engine))
