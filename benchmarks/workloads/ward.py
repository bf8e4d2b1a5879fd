"""Ward's hierarchical clustering of some thousand rows."""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload

work = Workload(
    "ward",
    "Ward's tree of 5,000 rows, 5 features",
    lambda n: {"points": np.random.default_rng(4).normal(size=(n, 5))},
    full={"n": 5000},
    smoke={"n": 300},
    agree={"heights": 1e-9, "top": 1e-9},
    bound="arithmetic",
)


@work.ours("tenure")
def ours(data: Data, threads: int) -> Run:
    from tenure.segment import ward

    def run() -> dict[str, float]:
        tree = ward(data["points"])
        return {"heights": float(tree.height.sum()), "top": float(tree.height[-1])}

    return run


@work.peer("scipy linkage")
def scipy(data: Data, threads: int) -> Run:
    from scipy.cluster.hierarchy import linkage

    def run() -> dict[str, float]:
        height = linkage(data["points"], "ward")[:, 2]
        return {"heights": float(height.sum()), "top": float(height[-1])}

    return run
