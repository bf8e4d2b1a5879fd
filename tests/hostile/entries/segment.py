"""Public calls of `tn.segment`."""

from __future__ import annotations

import numpy as np

import tenure as tn

from ._data import a_log
from ._entry import Entry


def points(n: int) -> np.ndarray:
    return np.random.default_rng(14).normal(size=(n, 6))


def customers(n: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(15)
    return {
        "spend": random.gamma(2.0, 40.0, n),
        "orders": random.poisson(3.0, n),
        "vip": random.random(n) < 0.2,
        "group": random.integers(0, 4, n),
    }


BANDS = {
    "low": "spend <= 40",
    "middle": "40 < spend <= 120",
    "high": "spend > 120 or vip and False",
}


def mixed(n: int) -> np.ndarray:
    codes = np.random.default_rng(15).integers(0, 5, size=(n, 3))
    return np.hstack([points(n)[:, :3], codes])


ENTRIES = [
    Entry("rfm", a_log, lambda log, t: tn.segment.rfm(log, n_threads=t), 30_000_000),
    Entry(
        "KMeans",
        points,
        lambda X, t: tn.segment.KMeans(5, max_iter=30, n_threads=t).fit(X),
        3_000_000,
    ),
    Entry("profile", customers, lambda t, _: tn.segment.profile(t, "group"), 100_000),
    Entry("rules", customers, lambda t, _: tn.segment.rules(BANDS).assign(t), 500_000),
    Entry("value_deciles", customers, lambda t, _: tn.segment.value_deciles(t["spend"]), 200_000),
    Entry(
        "KModes",
        lambda n: mixed(n)[:, 3:],
        lambda X, t: tn.segment.KModes(5, n_threads=t).fit(X),
        10_000_000,
    ),
    Entry(
        "KPrototypes",
        mixed,
        lambda X, t: tn.segment.KPrototypes(5, categorical=[3, 4, 5], max_iter=20, n_threads=t).fit(
            X
        ),
        1_500_000,
    ),
    Entry(
        "LatentClass",
        lambda n: mixed(n)[:, 3:],
        lambda X, t: tn.segment.LatentClass(3, n_init=2, max_iter=5, n_threads=t).fit(X),
        10_000_000,
    ),
    Entry("ward", points, lambda X, t: tn.segment.ward(X), 20_000),
    Entry(
        "GaussianMixture",
        points,
        lambda X, t: tn.segment.GaussianMixture(4, tol=1e-3, n_threads=t).fit(X),
        1_000_000,
    ),
    Entry(
        "GaussianMixture.estimates",
        points,
        lambda X, t: tn.segment.GaussianMixture(n_threads=t).fit(X).estimates(X, errors="robust"),
        1_000_000,
    ),
    Entry(
        "KMeans, bounds and a sample",
        points,
        lambda X, t: tn.segment.KMeans(
            5, init="k-means||", algorithm="exponion", max_iter=30, n_threads=t
        ).fit(X),
        3_000_000,
    ),
    Entry(
        "MiniBatchKMeans",
        points,
        lambda X, t: tn.segment.MiniBatchKMeans(5, max_iter=2, tol=1e9, n_threads=t).fit(X),
        3_000_000,
    ),
    Entry(
        "silhouette",
        points,
        lambda X, t: tn.segment.silhouette(X, np.arange(len(X)) % 5, n_threads=t),
        40_000,
    ),
    Entry(
        "davies_bouldin",
        points,
        lambda X, t: tn.segment.davies_bouldin(X, np.arange(len(X)) % 5, n_threads=t),
        10_000_000,
    ),
]
