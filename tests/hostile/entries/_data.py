"""Logs and customers that entries of several areas work on."""

from __future__ import annotations

import functools

import numpy as np
import pyarrow as pa

import tenure as tn


def orders(n: int) -> pa.Table:
    rng = np.random.default_rng(11)
    return pa.table(
        {
            "who": rng.integers(0, max(n // 8, 1), n),
            "when": pa.array(rng.integers(1.6e15, 1.7e15, n)).view(pa.timestamp("us")),
            "paid": np.round(rng.lognormal(3.0, 1.0, n), 2),
        }
    )


def index(table: pa.Table, threads: int) -> tn.EventLog:
    return tn.EventLog(table, customer="who", time="when", amount="paid", n_threads=threads)


@functools.lru_cache(maxsize=2)
def a_log(n: int) -> tn.EventLog:
    return index(orders(n), 1)


@functools.lru_cache(maxsize=2)
def signed(n: int) -> tn.EventLog:
    rng = np.random.default_rng(16)
    names = pa.array(["start", "renewal", "change", "cancel"])
    codes = rng.choice(4, n, p=[0.4, 0.2, 0.2, 0.2]).astype(np.int8)
    table = orders(n).append_column("what", pa.DictionaryArray.from_arrays(codes, names))
    return tn.EventLog(
        table,
        customer="who",
        time="when",
        event="what",
        amount="paid",
        orders=["start", "change"],
        n_threads=1,
    )
