"""A hundred million events in a Parquet file, five questions, one pass, a gibibyte of memory.

The peer only sorts: DuckDB hands over all rows by customer and time under the same limit, and
nobody looks at them. What tenure takes beyond that is its own part.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from workloads import Data, Run, Workload
from workloads.events import DAY, SPAN, START

FOLDER = Path(__file__).resolve().parents[2] / "build" / "benchmarks"
NAMES = ["visit", "view", "cart", "checkout", "pay"]
CHUNK = 5_000_000
LIMIT = 2**30


def size(n: int, customers: int) -> Data:
    return {"n": np.array(n), "customers": np.array(customers)}


def parquet(data: Data) -> str:
    """Events as a log is written, by time; customers with a Zipf-like share of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    n, customers = int(data["n"]), int(data["customers"])
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"stream-{n}.parquet"
    if path.exists():
        return str(path)
    rng = np.random.default_rng(9)
    whose = rng.permutation(customers)
    chunks = -(-n // CHUNK)
    part = path.with_suffix(f".{os.getpid()}.part")
    with pq.ParquetWriter(part, schema(), compression="zstd") as writer:
        for k in range(chunks):
            rows = min(CHUNK, n - k * CHUNK)
            rank = 100.0 * (np.exp(rng.random(rows) * np.log1p(customers / 100.0)) - 1.0)
            spread = SPAN * DAY // chunks
            when = START + k * spread + np.sort(rng.integers(0, spread, rows))
            step = rng.choice(len(NAMES), rows, p=[0.36, 0.26, 0.18, 0.12, 0.08])
            columns = [
                whose[np.minimum(rank.astype(np.int64), customers - 1)],
                pa.array(when).view(pa.timestamp("us")),
                np.round(rng.lognormal(3.0, 1.0, rows), 2),
                pa.DictionaryArray.from_arrays(pa.array(step, pa.int8()), pa.array(NAMES)),
            ]
            writer.write_table(pa.table(columns, schema=schema()), row_group_size=2**20)
    part.replace(path)
    return str(path)


def schema():
    import pyarrow as pa

    return pa.schema(
        {
            "customer": pa.int64(),
            "time": pa.timestamp("us"),
            "amount": pa.float64(),
            "event": pa.dictionary(pa.int8(), pa.string()),
        }
    )


out_of_core = Workload(
    "stream",
    "five scans (retention of customers and of revenue, growth, active users, stickiness) in one "
    "pass over 10^8 events of 10^7 customers in Parquet, within 1 GiB",
    size,
    full={"n": 10**8, "customers": 10**7},
    smoke={"n": 30_000, "customers": 3000},
    agree={"rows": 0},
)


@out_of_core.ours("tenure")
def _(data: Data, threads: int) -> Run:
    import tenure as tn

    scans = tn.cohort
    path = parquet(data)

    def run() -> dict[str, float]:
        rows = tn.stream(
            path,
            customer="customer",
            time="time",
            amount="amount",
            event="event",
            orders=["pay"],
            memory_limit=LIMIT,
            n_threads=threads,
        )
        chosen = (
            scans.RetentionScan("month"),
            scans.RetentionScan("month", value="revenue", n_bootstrap=0),
            scans.GrowthScan("month"),
            scans.ActiveUsersScan(),
            scans.StickinessScan("day", "month"),
        )
        rows.run(*chosen)
        return {"rows": float(chosen[0].n_rows)}

    return run


@out_of_core.peer("duckdb, ordered scan alone", "duckdb")
def _(data: Data, threads: int) -> Run:
    import tempfile

    import duckdb

    path = parquet(data)

    def run() -> dict[str, float]:
        with tempfile.TemporaryDirectory() as spill:
            connection = duckdb.connect(
                config={
                    "memory_limit": f"{LIMIT // 2**20}MiB",
                    "temp_directory": spill,
                    "threads": str(threads),
                }
            )
            events = ", ".join(f"'{name}'" for name in NAMES)
            relation = connection.read_parquet(path).project(
                f"customer, time, amount, CAST(event AS ENUM ({events})) AS event"
            )
            rows = 0
            for batch in relation.order("customer, time").to_arrow_reader(2**17):
                rows += batch.num_rows
            connection.close()
        return {"rows": float(rows)}

    return run
