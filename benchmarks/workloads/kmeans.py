"""k-means: iterations from the same centres, the same number of them, small and large."""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload

ITERATIONS = 20
# features, clusters; those without a name against scikit-learn alone, the others against all peers
SHAPES = {"": (8, 8), "_small": (8, 8), "_large": (32, 64)}


def blobs(n: int, features: int, clusters: int, dtype: str) -> Data:
    """Overlapping Gaussian clouds; the first centres are rows."""
    rng = np.random.default_rng(7)
    centre = rng.normal(0.0, 1.2, (clusters, features))
    rows = centre[rng.integers(0, clusters, n)] + rng.normal(0.0, 1.0, (n, features))
    points = rows.astype(dtype)
    return {"points": points, "init": points[rng.choice(n, clusters, replace=False)].copy()}


WORKLOADS = [
    Workload(
        f"kmeans{size}_{short}",
        f"k-means, 10^6 x {features} {dtype}, k = {clusters}, {ITERATIONS} iterations from given "
        "centres",
        lambda n, f=features, k=clusters, t=dtype: blobs(n, f, k, t),
        full={"n": 10**6},
        smoke={"n": 5000},
        # Peers that add up in float32 keep four digits of the inertia.
        agree={"inertia": 1e-4 if short == "f32" else 1e-9},
        data=f"kmeans{size.replace('_small', '')}_{short}",
    )
    for size, (features, clusters) in SHAPES.items()
    for short, dtype in [("f32", "float32"), ("f64", "float64")]
]


def ours(algorithm: str):
    def prepare(data: Data, threads: int) -> Run:
        from tenure.segment import KMeans

        points, init = data["points"], data["init"]

        def run() -> dict[str, float]:
            model = KMeans(
                len(init), init=init, max_iter=ITERATIONS, tol=0.0, algorithm=algorithm
            ).fit(points)
            return {"inertia": float(model.inertia_), "iterations": float(model.n_iter_)}

        return run

    return prepare


def sklearn(algorithm: str, *, patched: bool = False):
    def prepare(data: Data, threads: int) -> Run:
        if patched:
            from sklearnex.cluster import KMeans
        else:
            from sklearn.cluster import KMeans

        points, init = data["points"], data["init"]

        def run() -> dict[str, float]:
            model = KMeans(
                len(init), init=init, n_init=1, max_iter=ITERATIONS, tol=0.0, algorithm=algorithm
            ).fit(points)
            return {"inertia": float(model.inertia_), "iterations": float(model.n_iter_)}

        return run

    return prepare


def faiss(data: Data, threads: int) -> Run:
    """float32 only; it samples rows unless told to take all."""
    import faiss as library

    points, init = data["points"], data["init"]
    library.omp_set_num_threads(threads)
    per_centroid = len(points) // len(init) + 1

    def run() -> dict[str, float]:
        model = library.Kmeans(
            points.shape[1],
            len(init),
            niter=ITERATIONS,
            min_points_per_centroid=1,
            max_points_per_centroid=per_centroid,
        )
        model.train(points, init_centroids=init)
        distance, _ = model.index.search(points, 1)
        return {"inertia": float(distance.sum(dtype=np.float64)), "iterations": float(ITERATIONS)}

    return run


for work in WORKLOADS:
    every_peer = work.name.count("_") == 2
    work.ours("tenure")(ours("auto"))
    if every_peer:
        work.ours("tenure lloyd")(ours("lloyd"))
    for algorithm in ("lloyd", "elkan"):
        work.peer(f"scikit-learn {algorithm}")(sklearn(algorithm))
    if every_peer:
        work.peer("scikit-learn-intelex")(sklearn("lloyd", patched=True))
        if work.name.endswith("f32"):
            work.peer("faiss", "faiss-cpu")(faiss)
