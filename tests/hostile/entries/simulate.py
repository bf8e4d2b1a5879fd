"""Public calls of `tn.simulate`."""

from __future__ import annotations

import tenure as tn

from ._entry import Entry

ENTRIES = [
    Entry(
        "simulate",
        lambda n: n,
        lambda n, t: tn.datasets.simulate(max(n // 10, 1), n_threads=t).orders,
        10_000_000,
    ),
]
