"""Kaplan-Meier curves of a million lifetimes, continuous and in whole days."""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload


def lifetimes(n: int, days: bool) -> Data:
    """Weibull lifetimes, censored by uniform entry and the end of a year."""
    rng = np.random.default_rng(7)
    life = 200.0 * rng.exponential(size=n) ** (1 / 1.5)
    seen = np.minimum(rng.uniform(0.0, 730.0, n), 365.0)
    duration = np.maximum(np.minimum(life, seen), 1e-6)
    return {
        "duration": np.ceil(duration) if days else duration,
        "churned": (life <= seen).astype(np.uint8),
    }


WORKLOADS = [
    Workload(
        f"kaplan_meier_{kind}",
        f"Kaplan-Meier curve with 95 % log-log limits of 10^6 {text}",
        lambda n, kind=kind: lifetimes(n, kind == "days"),
        full={"n": 10**6},
        smoke={"n": 2000},
        agree={"survival at 200": 1e-9, "lower at 200": 1e-6, "median": 1e-9},
    )
    for kind, text in [("continuous", "continuous lifetimes"), ("days", "lifetimes in whole days")]
]


def ours(data: Data, threads: int) -> Run:
    from tenure.churn import KaplanMeier

    def run() -> dict[str, float]:
        model = KaplanMeier().fit(data["duration"], data["churned"])
        at = model.predict(np.array([200.0]), interval=0.95)
        return {
            "survival at 200": at.value[0],
            "lower at 200": at.lower[0],
            "median": model.median_,
        }

    return run


def lifelines(data: Data, threads: int) -> Run:
    from lifelines import KaplanMeierFitter

    def run() -> dict[str, float]:
        model = KaplanMeierFitter().fit(data["duration"], data["churned"])
        lower = model.confidence_interval_survival_function_.iloc[:, 0]
        return {
            "survival at 200": float(model.predict(200.0)),
            "lower at 200": float(lower[lower.index <= 200.0].iloc[-1]),
            "median": float(model.median_survival_time_),
        }

    return run


for work in WORKLOADS:
    work.ours("tenure")(ours)
    work.peer("lifelines")(lifelines)
