"""Silhouettes of every row, exact: all pairs, no sample."""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload

CLUSTERS = 8


def blobs(n: int) -> Data:
    """Overlapping Gaussian clouds in 8 dimensions, labelled by the cloud."""
    rng = np.random.default_rng(7)
    label = rng.integers(0, CLUSTERS, n)
    centre = rng.normal(0.0, 1.2, (CLUSTERS, 8))
    return {"points": centre[label] + rng.normal(0.0, 1.0, (n, 8)), "label": label}


work = Workload(
    "silhouette",
    f"silhouettes of 10^5 x 8 rows in {CLUSTERS} clusters, exact",
    blobs,
    full={"n": 10**5},
    smoke={"n": 2000},
    agree={"mean": 1e-9},
    bound="square roots: one for each pair of rows",
)


def ours(standard_error: bool):
    def prepare(data: Data, threads: int) -> Run:
        from tenure.segment import silhouette

        points, label = data["points"], data["label"]

        def run() -> dict[str, float]:
            found = silhouette(points, label, standard_error=standard_error)
            return {"mean": float(found.mean), "least": float(found.value.min())}

        return run

    return prepare


work.ours("tenure")(ours(False))
work.ours("tenure with standard errors")(ours(True))


@work.peer("scikit-learn")
def _(data: Data, threads: int) -> Run:
    from sklearn.metrics import silhouette_samples

    points, label = data["points"], data["label"]

    def run() -> dict[str, float]:
        value = silhouette_samples(points, label)
        return {"mean": float(value.mean()), "least": float(value.min())}

    return run
