"""Public calls of `tn.segment`."""

from __future__ import annotations

import numpy as np

import tenure as tn

from ._data import a_log
from ._entry import Entry


def points(n: int) -> np.ndarray:
    return np.random.default_rng(14).normal(size=(n, 6))


ENTRIES = [
    Entry("rfm", a_log, lambda log, t: tn.segment.rfm(log, n_threads=t), 30_000_000),
    Entry(
        "KMeans",
        points,
        lambda X, t: tn.segment.KMeans(5, max_iter=30, n_threads=t).fit(X),
        3_000_000,
    ),
]
