"""Features of customers at twelve cutoffs: counts, sums, distinct days and trends over windows.

Nobody could hold all results at once. The peers compute one cutoff after the other and drop each
result, tenure all cutoffs of a twelfth of the customers after the other. What tenure returns beyond
what is compared (orders that are no refunds, the days between active days) is not asked of them.
"""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload
from workloads.events import DAY, START, arrow, index, orders

WINDOWS = (7, 14, 30, 60, 90, 180, 365)
CHECKED = (7, 90)  # to add up every column would be most of the work of the fastest
CUTOFFS = [START + (365 + 30 * k) * DAY for k in range(12)]

table = Workload(
    "features",
    "41 features of 10^6 customers at 12 cutoffs from 10^7 orders, log indexed before",
    orders,
    full={"n": 10**7, "customers": 10**6},
    smoke={"n": 20_000, "customers": 2000},
    agree={"rows": 0, "events": 0, "active days": 0, "amount": 1e-5, "trend": 0, "last": 1e-4},
    data="orders",
)


def total(columns) -> float:
    return float(np.sum(np.asarray(columns), dtype=np.float64))


@table.ours("tenure")
def _(data: Data, threads: int) -> Run:
    log = index(arrow(data))
    dates = [np.datetime64(c, "us") for c in CUTOFFS]

    def run() -> dict[str, float]:
        found = dict.fromkeys(table.agree, 0.0)
        for part in log.parts(len(dates)):
            rows = part.features(dates, windows=WINDOWS, n_threads=threads)
            found["rows"] += len(rows)
            for w in CHECKED:
                found["events"] += total(rows.columns[f"events_{w}d"])
                found["active days"] += total(rows.columns[f"active_days_{w}d"])
                found["amount"] += total(rows.columns[f"amount_{w}d"])
                found["trend"] += total(rows.columns[f"trend_{w}d"])
            found["last"] += total(rows.columns["days_since_last"])
        return found

    return run


def polars(engine: str):
    def prepare(data: Data, threads: int) -> Run:
        import polars as pl

        frame = pl.from_arrow(arrow(data)).with_columns(day=pl.col("time").dt.date())

        def at(cutoff: int):
            time = pl.col("time").cast(pl.Int64)
            columns = [
                pl.len().cast(pl.Float32).alias("events"),
                pl.col("day").n_unique().cast(pl.Float32).alias("active"),
                pl.col("amount").sum().cast(pl.Float32).alias("amount"),
                pl.col("amount").mean().cast(pl.Float32).alias("mean"),
                ((cutoff - time.min()) / DAY).cast(pl.Float32).alias("first"),
                ((cutoff - time.max()) / DAY).cast(pl.Float32).alias("last"),
            ]
            for w in WINDOWS:
                inside = time >= cutoff - w * DAY
                later = time >= cutoff - w * DAY // 2
                columns += [
                    inside.sum().cast(pl.Float32).alias(f"events_{w}"),
                    pl.col("day").filter(inside).n_unique().cast(pl.Float32).alias(f"active_{w}"),
                    pl.col("amount").filter(inside).sum().cast(pl.Float32).alias(f"amount_{w}"),
                    pl.col("amount").filter(inside).mean().cast(pl.Float32).alias(f"mean_{w}"),
                    (2 * later.sum().cast(pl.Int64) - inside.sum().cast(pl.Int64))
                    .cast(pl.Float32)
                    .alias(f"trend_{w}"),
                ]
            query = frame.lazy().filter(time < cutoff).group_by("customer").agg(*columns)
            return query.collect(engine=engine)

        def run() -> dict[str, float]:
            found = dict.fromkeys(table.agree, 0.0)
            for cutoff in CUTOFFS:
                rows = at(cutoff)
                found["rows"] += rows.height
                for w in CHECKED:
                    found["events"] += total(rows[f"events_{w}"])
                    found["active days"] += total(rows[f"active_{w}"])
                    found["amount"] += total(rows[f"amount_{w}"])
                    found["trend"] += total(rows[f"trend_{w}"])
                found["last"] += total(rows["last"])
            return found

        return run

    return prepare


table.peer("polars", "polars")(polars("in-memory"))
table.peer("polars, streaming", "polars")(polars("streaming"))


def sql(cutoff: int) -> str:
    columns = [
        "count(*)::FLOAT events",
        "count(DISTINCT day)::FLOAT active",
        "sum(amount)::FLOAT amount",
        "avg(amount)::FLOAT mean",
        f"(({cutoff} - min(us)) / {DAY})::FLOAT AS first",
        f"(({cutoff} - max(us)) / {DAY})::FLOAT AS last",
    ]
    for w in WINDOWS:
        inside = f"FILTER (us >= {cutoff - w * DAY})"
        later = f"FILTER (us >= {cutoff - w * DAY // 2})"
        columns += [
            f"(count(*) {inside})::FLOAT events_{w}",
            f"(count(DISTINCT day) {inside})::FLOAT active_{w}",
            f"coalesce(sum(amount) {inside}, 0)::FLOAT amount_{w}",
            f"(avg(amount) {inside})::FLOAT mean_{w}",
            f"(2 * count(*) {later} - count(*) {inside})::FLOAT trend_{w}",
        ]
    return (
        f"SELECT customer, {', '.join(columns)} FROM orders WHERE us < {cutoff} GROUP BY customer"
    )


@table.peer("duckdb")
def _(data: Data, threads: int) -> Run:
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET preserve_insertion_order = false")
    rows = arrow(data)
    connection.register("arrow_orders", rows)
    connection.execute(
        "CREATE TABLE orders AS SELECT customer, amount, epoch_us(time) us, "
        "CAST(time AS DATE) AS day FROM arrow_orders"
    )

    def run() -> dict[str, float]:
        found = dict.fromkeys(table.agree, 0.0)
        for cutoff in CUTOFFS:
            rows = connection.execute(sql(cutoff)).fetchnumpy()
            found["rows"] += len(rows["customer"])
            for w in CHECKED:
                found["events"] += total(rows[f"events_{w}"])
                found["active days"] += total(rows[f"active_{w}"])
                found["amount"] += total(rows[f"amount_{w}"])
                found["trend"] += total(rows[f"trend_{w}"])
            found["last"] += total(rows["last"])
        return found

    return run
