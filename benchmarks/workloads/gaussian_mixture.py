"""Gaussian mixtures: EM from the same start, the same number of iterations."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from workloads import Data, Run, Workload

ITERATIONS = 20
COMPONENTS = 8
FEATURES = 8


def clouds(n: int) -> Data:
    """Overlapping Gaussian clouds with covariances of their own; the first means are rows."""
    rng = np.random.default_rng(7)
    centre = rng.normal(0.0, 1.2, (COMPONENTS, FEATURES))
    root = rng.normal(size=(COMPONENTS, FEATURES, FEATURES)) / 3.0 + 0.5 * np.eye(FEATURES)
    label = rng.integers(0, COMPONENTS, n)
    rows = centre[label] + np.einsum("nab,nb->na", root[label], rng.normal(size=(n, FEATURES)))
    return {"rows": rows, "means": rows[rng.choice(n, COMPONENTS, replace=False)].copy()}


WORK = Workload(
    "gaussian_mixture",
    f"Gaussian mixture, 2 x 10^5 x {FEATURES}, {COMPONENTS} components with full covariances, "
    f"{ITERATIONS} iterations of EM from one start",
    clouds,
    full={"n": 200_000},
    smoke={"n": 4000},
    agree={"log_likelihood": 1e-8},
)
WORKLOADS = [WORK]


def settings(data: Data) -> dict[str, Any]:
    return {
        "n_components": COMPONENTS,
        "weights_init": np.full(COMPONENTS, 1.0 / COMPONENTS),
        "means_init": data["means"],
        "precisions_init": np.tile(np.eye(FEATURES), (COMPONENTS, 1, 1)),
        "max_iter": ITERATIONS,
        "tol": 0.0,
    }


def fitted(model: Any, rows: Any) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # neither converges in 20 iterations
        model.fit(rows)
    return {"log_likelihood": float(model.lower_bound_), "iterations": float(model.n_iter_)}


@WORK.ours("tenure")
def ours(data: Data, threads: int) -> Run:
    from tenure.segment import GaussianMixture

    return lambda: fitted(GaussianMixture(**settings(data)), data["rows"])


@WORK.peer("scikit-learn")
def sklearn(data: Data, threads: int) -> Run:
    from sklearn.mixture import GaussianMixture

    return lambda: fitted(GaussianMixture(**settings(data)), data["rows"])
