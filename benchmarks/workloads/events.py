"""Ten million orders to one row a customer: first and last order, days with an order, revenue.

The dear part is the number of distinct days. The peers are given every formulation that we know:
the plain distinct count, and two levels (first by customer and day, then by customer). A log is
written by time, with integers for customers; it also comes in random order, and with text. The
peers hold their data in their own form; ClickHouse alone is spared the handing over of the rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workloads import Data, Run, Workload
from workloads._clickhouse import clickhouse

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


def arrow(data: Data):
    import pyarrow as pa

    columns = {name: pa.array(column) for name, column in data.items()}
    columns["time"] = columns["time"].view(pa.timestamp("us"))
    return pa.table(columns)


def total_days(times: np.ndarray) -> float:
    """Whole days of instants; by floats, as to add up an answer should cost little."""
    return float(np.floor(np.asarray(times).astype(np.int64).astype(np.float64) / DAY).sum())


def tenure_check(log) -> dict[str, float]:
    rows = log.summary(unit="day")
    return {
        "customers": float(len(rows)),
        "days": float(rows.frequency.sum() + len(rows)),
        "revenue": float(rows.revenue.sum()),
        "first": total_days(rows.first_order),
        "last": total_days(rows.last_order),
    }


def index(table):
    from tenure import EventLog

    return EventLog(table, customer="customer", time="time", amount="amount")


DISTINCT = """SELECT customer, min(time) f, max(time) l, count(DISTINCT CAST(time AS DATE)) d,
sum(amount) m FROM orders GROUP BY customer"""
TWO_LEVELS = """SELECT customer, min(f) f, max(l) l, count(*) d, sum(m) m FROM (
SELECT customer, CAST(time AS DATE) AS bought, min(time) f, max(time) l, sum(amount) m FROM orders
GROUP BY customer, bought) GROUP BY customer"""


def duckdb_session(rows, threads: int, form: str = "TABLE"):
    """A connection with Arrow's rows as the table `orders`, or as a view."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET preserve_insertion_order = false")
    connection.register("arrow_orders", rows)
    connection.execute(f"CREATE {form} orders AS SELECT * FROM arrow_orders")
    return connection


def duckdb(rows, threads: int, sql: str, form: str = "TABLE") -> Run:
    connection = duckdb_session(rows, threads, form)

    def run() -> dict[str, float]:
        found = connection.execute(sql).fetchnumpy()
        return {
            "customers": float(len(found["customer"])),
            "days": float(found["d"].sum()),
            "revenue": float(found["m"].sum()),
            "first": total_days(found["f"].astype("datetime64[us]")),
            "last": total_days(found["l"].astype("datetime64[us]")),
        }

    return run


def polars(rows, two_levels: bool, engine: str) -> Run:
    import polars as pl

    frame = pl.from_arrow(rows)
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
            found = query(frame)
        else:
            found = query(frame.lazy()).collect(
                engine="streaming" if engine == "streaming" else "in-memory"
            )
        return {
            "customers": float(found.height),
            "days": float(found["d"].sum()),
            "revenue": float(found["m"].sum()),
            "first": total_days(found["f"].to_numpy().astype("datetime64[us]")),
            "last": total_days(found["l"].to_numpy().astype("datetime64[us]")),
        }

    return run


CLICKHOUSE = {
    "ClickHouse distinct": "SELECT customer, min(time) f, max(time) l, "
    f"uniqExact(intDiv(time, {DAY})) d, sum(amount) m FROM b.rows GROUP BY customer",
    "ClickHouse two levels": "SELECT customer, min(f) f, max(l) l, count() d, sum(m) m FROM ("
    f"SELECT customer, intDiv(time, {DAY}) AS bought, min(time) f, max(time) l, sum(amount) m "
    "FROM b.rows GROUP BY customer, bought) GROUP BY customer",
}
#: The id of a customer as text, as `with_text` has it.
HEX = "lower(leftPad(hex(toUInt64(customer) * toUInt64(11400714819323198485)), 16, '0'))"


def with_text(rows):
    """Ids as sixteen hexadecimal digits without any order."""
    import pyarrow as pa

    ids = rows["customer"].to_numpy()
    words = (np.arange(ids.max() + 1, dtype=np.uint64) * np.uint64(11400714819323198485)).tolist()
    text = pa.array([f"{word:016x}" for word in words])
    return rows.set_column(0, "customer", text.take(pa.array(ids)))


def shuffled(data: Data) -> Data:
    order = np.random.default_rng(11).permutation(len(data["time"]))
    return {name: column[order] for name, column in data.items()}


def summary_workload(
    name: str,
    about: str,
    *,
    text: bool = False,
    random: bool = False,
    indexed: bool = False,
    bound: str = "",
) -> None:
    work = Workload(
        name,
        about,
        orders,
        full={"n": 10**7, "customers": 10**6},
        smoke={"n": 20_000, "customers": 2000},
        agree={"customers": 0, "days": 0, "revenue": 1e-12, "first": 0, "last": 0},
        data="orders",
        bound=bound,
    )

    def rows_of(data: Data):
        rows = arrow(shuffled(data) if random else data)
        return with_text(rows) if text else rows

    def ours(data: Data, threads: int) -> Run:
        rows = rows_of(data)
        log = index(rows) if indexed else None
        return lambda: tenure_check(log or index(rows))

    def peer(name: str, package: str, prepare: Callable[..., Run], *arguments: object) -> None:
        def run(data: Data, threads: int) -> Run:
            return prepare(rows_of(data), threads, *arguments)

        work.peer(name, package)(run)

    def polars_peer(rows, threads: int, two_levels: bool, engine: str) -> Run:
        return polars(rows, two_levels, engine)

    work.ours("tenure")(ours)
    peer("duckdb distinct", "duckdb", duckdb, DISTINCT)
    peer("duckdb two levels", "duckdb", duckdb, TWO_LEVELS)
    if not (text or random or indexed):  # never the fastest
        peer("duckdb two levels, Arrow scan", "duckdb", duckdb, TWO_LEVELS, "VIEW")
        peer("polars two levels, eager", "polars", polars_peer, True, "eager")
        peer("polars two levels, lazy", "polars", polars_peer, True, "lazy")
    for engine in ("eager", "lazy", "streaming"):
        peer(f"polars distinct, {engine}", "polars", polars_peer, False, engine)
    peer("polars two levels, streaming", "polars", polars_peer, True, "streaming")

    def clickhouse_peer(sql: str):
        def prepare(data: Data, threads: int) -> Run:
            id_type, ids = ("String", HEX) if text else ("Int64", "customer")
            last_row = clickhouse(
                shuffled(data) if random else data,
                f"customer {id_type}, time Int64, amount Float64",
                f"{ids}, time, amount",
                threads,
            )
            days = ", ".join(f"sum(intDiv({end}, {DAY}))" for end in "fl")
            whole = f"SELECT count(), sum(d), sum(m), {days} FROM ({sql})"
            return lambda: dict(zip(work.agree, map(float, last_row(whole)), strict=True))

        return prepare

    for form, sql in CLICKHOUSE.items():
        work.peer(form, "chdb-core")(clickhouse_peer(sql))


ROWS = "10^7 orders of 10^6 customers"
FACTS = "first, last, distinct days and revenue of each"
summary_workload("events_summary", f"{ROWS}: {FACTS}")
summary_workload(
    "events_summary_random",
    f"{ROWS} in random order: {FACTS}",
    random=True,
    bound="of the samples of a profile a third are the sort of each customer's times (buckets "
    "of equal length, then within them), a fifth the scatter of rows to partitions, and a "
    "twelfth pages that the kernel clears",
)
TEXT_BOUND = (
    "of the samples of a profile a fifth are the search for the text of a row among a "
    "million (one miss of the cache a row, asked for ahead), a seventh reading and hashing "
    "texts, an eighth the sort of the distinct ones; two fifths are what integers cost too"
)
summary_workload(
    "events_summary_text",
    f"{ROWS} with text for ids: {FACTS}",
    text=True,
    bound=TEXT_BOUND,
)
summary_workload(
    "events_summary_text_random",
    f"{ROWS} with text for ids, in random order: {FACTS}",
    text=True,
    random=True,
    bound=TEXT_BOUND,
)
summary_workload(
    "events_summary_later",
    f"{ROWS}, log indexed before: {FACTS}",
    indexed=True,
    bound="one thread takes 6.5 ns a row: three quarters of the samples of a profile are the "
    "walk over the days (the division, and additions in the order of the rows), a quarter the "
    "eight columns that are written",
)
