"""Public calls of `tn.journey`."""

from __future__ import annotations

import functools

import numpy as np
import pyarrow as pa

import tenure as tn

from ._data import a_log, orders
from ._entry import Entry


@functools.lru_cache(maxsize=2)
def visits(n: int) -> tn.EventLog:
    rng = np.random.default_rng(15)
    names = pa.array(["view", "cart", "pay", "help"])
    codes = rng.choice(4, n, p=[0.5, 0.3, 0.1, 0.1]).astype(np.int8)
    table = orders(n).append_column("what", pa.DictionaryArray.from_arrays(codes, names))
    return tn.EventLog(
        table, customer="who", time="when", event="what", orders=["pay"], n_threads=1
    )


STEPS = ["view", "cart", "pay"]


ENTRIES = [
    Entry("funnel", visits, lambda log, t: tn.journey.funnel(log, STEPS, n_threads=t), 20_000_000),
    Entry(
        "funnel of attempts",
        visits,
        lambda log, t: tn.journey.funnel(
            log, STEPS, window="90d", start="every", count="total", exclude="help", n_threads=t
        ),
        4_000_000,
    ),
    Entry(
        "sessions",
        a_log,
        lambda log, t: tn.journey.sessions(log, "7d", n_threads=t),
        20_000_000,
    ),
    Entry(
        "transitions",
        visits,
        lambda log, t: tn.journey.transitions(log, within="90d", n_threads=t),
        20_000_000,
    ),
    Entry(
        "step_matrix", visits, lambda log, t: tn.journey.step_matrix(log, n_threads=t), 20_000_000
    ),
    Entry("paths", visits, lambda log, t: tn.journey.paths(log, n_threads=t), 4_000_000),
    Entry("loops", visits, lambda log, t: tn.journey.loops(log, n_threads=t), 4_000_000),
    Entry(
        "attribution",
        visits,
        lambda log, t: tn.journey.attribution(
            log,
            model=["linear", "time_decay", "shapley", "markov"],
            lookback=None,
            order=2,
            n_bootstrap=16,
            n_threads=t,
        ),
        1_000_000,
    ),
]
