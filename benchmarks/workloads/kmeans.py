"""k-means: Lloyd's iterations from the same centres, the same number of them."""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload

ITERATIONS = 20
CLUSTERS = 8


def blobs(n: int, dtype: str) -> Data:
    """Overlapping Gaussian clouds in 8 dimensions; the first centres are rows."""
    rng = np.random.default_rng(7)
    centre = rng.normal(0.0, 1.2, (CLUSTERS, 8))
    rows = centre[rng.integers(0, CLUSTERS, n)] + rng.normal(0.0, 1.0, (n, 8))
    points = rows.astype(dtype)
    return {"points": points, "init": points[rng.choice(n, CLUSTERS, replace=False)].copy()}


WORKLOADS = [
    Workload(
        f"kmeans_{short}",
        f"k-means, 10^6 x 8 {dtype}, k = {CLUSTERS}, {ITERATIONS} iterations from given centres",
        lambda n, dtype=dtype: blobs(n, dtype),
        full={"n": 10**6},
        smoke={"n": 5000},
        agree={"inertia": 1e-4 if short == "f32" else 1e-9},
    )
    for short, dtype in [("f32", "float32"), ("f64", "float64")]
]


def ours(data: Data, threads: int) -> Run:
    from tenure.segment import KMeans

    points, init = data["points"], data["init"]

    def run() -> dict[str, float]:
        model = KMeans(CLUSTERS, init=init, n_init=1, max_iter=ITERATIONS, tol=0.0).fit(points)
        return {"inertia": float(model.inertia_), "iterations": float(model.n_iter_)}

    return run


def sklearn(algorithm: str):
    def prepare(data: Data, threads: int) -> Run:
        from sklearn.cluster import KMeans

        points, init = data["points"], data["init"]

        def run() -> dict[str, float]:
            model = KMeans(
                CLUSTERS, init=init, n_init=1, max_iter=ITERATIONS, tol=0.0, algorithm=algorithm
            ).fit(points)
            return {"inertia": float(model.inertia_), "iterations": float(model.n_iter_)}

        return run

    return prepare


for work in WORKLOADS:
    work.ours("tenure")(ours)
    for algorithm in ("lloyd", "elkan"):
        work.peer(f"scikit-learn {algorithm}")(sklearn(algorithm))
