"""Ctrl-C reaches every call that lasts within a tenth of a second; the process stays usable."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from children import SANITIZED, interrupt

import tenure as tn

pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitized build has another speed")

#: The promise; the median of three is held to it, as a busy machine may take the process off its
#: cores for longer than that.
LATENCY = 0.1


def rows(n: int, ids: str) -> pa.Table:
    rng = np.random.default_rng(1)
    who = rng.integers(0, n // 10, n)
    return pa.table(
        {
            "who": pa.array(who) if ids == "integers" else pa.array(who).cast(pa.string()),
            "when": pa.array(rng.integers(0, 2**50, n)).view(pa.timestamp("us")),
            "paid": pa.array(rng.random(n)),
        }
    )


def index(table: pa.Table, threads: int) -> tn.EventLog:
    return tn.EventLog(table, customer="who", time="when", amount="paid", n_threads=threads)


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("ids", ["integers", "text"])
@pytest.mark.parametrize("delay", [0.15, 0.4])
def test_the_index_build_stops(ids: str, threads: int, delay: float) -> None:
    table = rows(12_000_000 if ids == "integers" else 4_000_000, ids)

    def build() -> None:
        while True:
            index(table, threads)

    few = table.slice(0, 10)
    ended = [interrupt(build, after=lambda: index(few, 1).n_rows, delay=delay) for _ in range(3)]
    assert [e.after for e in ended] == [10, 10, 10]
    assert sorted(e.latency for e in ended)[1] < LATENCY
