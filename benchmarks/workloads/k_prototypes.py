"""k-prototypes: numbers and categories, from the same prototypes, the steps of Huang."""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload

CLUSTERS = 8


def customers(n: int) -> Data:
    """Groups with 5 numbers and 5 categories of 6 levels each; the first prototypes are rows."""
    rng = np.random.default_rng(1)
    group = rng.integers(0, CLUSTERS, n)
    number = rng.normal(0.0, 2.0, (CLUSTERS, 5))[group] + rng.normal(size=(n, 5))
    usual = rng.integers(0, 6, (CLUSTERS, 5))[group]
    code = np.where(rng.random((n, 5)) < 0.6, usual, rng.integers(0, 6, (n, 5)))
    start = rng.choice(n, CLUSTERS, replace=False)
    return {"number": number, "code": code, "start": start}


WORKLOADS = [
    Workload(
        "k_prototypes",
        f"k-prototypes row by row, 10^4 rows, 5 numbers and 5 categories, k = {CLUSTERS}",
        customers,
        full={"n": 10**4},
        smoke={"n": 1000},
        agree={"cost": 1e-9, "gamma": 1e-9},
    ),
]


@WORKLOADS[0].ours("tenure")
def ours(data: Data, threads: int) -> Run:
    from tenure.segment import KPrototypes

    X = np.hstack([data["number"], data["code"]])

    def run() -> dict[str, float]:
        model = KPrototypes(
            CLUSTERS,
            categorical=[5, 6, 7, 8, 9],
            init=X[data["start"]],
            algorithm="huang",
            n_threads=threads,
        ).fit(X)
        return {"cost": model.cost_, "gamma": model.gamma_, "iterations": float(model.n_iter_)}

    return run


@WORKLOADS[0].peer("kmodes")
def kmodes(data: Data, threads: int) -> Run:
    from kmodes.kprototypes import KPrototypes

    number, code, start = data["number"], data["code"], data["start"]
    X = np.hstack([number, code])
    codes = np.stack([np.searchsorted(np.unique(c), c) for c in code.T], axis=1)

    def run() -> dict[str, float]:
        model = KPrototypes(
            CLUSTERS, init=[number[start].copy(), codes[start].copy()], n_init=1
        ).fit(X, categorical=[5, 6, 7, 8, 9])
        return {
            "cost": float(model.cost_),
            "gamma": float(model.gamma),
            "iterations": float(model.n_iter_),
        }

    return run
