"""Weibull regression of lifetimes: 10^5 customers, 20 columns."""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload


def customers(n: int, columns: int) -> Data:
    rng = np.random.default_rng(21)
    X = rng.normal(size=(n, columns))
    b = 0.2 * rng.normal(size=columns)
    life = np.exp(3.0 + X @ b + 0.7 * np.log(rng.exponential(size=n)))
    seen = rng.uniform(0.0, 100.0, n)
    return {"X": X, "duration": np.minimum(life, seen), "churned": (life <= seen).astype(np.uint8)}


WORK = Workload(
    "aft_weibull",
    "Weibull accelerated failure time model of 10^5 customers with 20 columns, to the optimum",
    customers,
    full={"n": 10**5, "columns": 20},
    smoke={"n": 1000, "columns": 3},
    agree={"first coefficient": 1e-4, "log likelihood": 1e-6},
    bound="multiply-adds of X'WX",
)


@WORK.ours("tenure")
def _(data: Data, threads: int) -> Run:
    from tenure.churn import AFT

    def run() -> dict[str, float]:
        model = AFT(n_threads=threads).fit(data["X"], data["duration"], data["churned"])
        return {
            "first coefficient": model.coef_[0],
            "log likelihood": model.log_likelihood_,
        }

    return run


@WORK.peer("lifelines")
def _(data: Data, threads: int) -> Run:
    import pandas as pd
    from lifelines import WeibullAFTFitter

    frame = pd.DataFrame(data["X"], columns=[f"x{j}" for j in range(data["X"].shape[1])])
    frame["duration"], frame["churned"] = data["duration"], data["churned"]

    def run() -> dict[str, float]:
        model = WeibullAFTFitter().fit(frame, "duration", "churned")
        return {
            "first coefficient": float(model.params_["lambda_"]["x0"]),
            "log likelihood": float(model.log_likelihood_),
        }

    return run
