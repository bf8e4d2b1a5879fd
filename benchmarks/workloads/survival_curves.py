"""Aalen-Johansen curves of two competing causes: 10^5 customers in whole days."""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload


def customers(n: int) -> Data:
    rng = np.random.default_rng(22)
    life = rng.weibull(1.3, (n, 2)) * [200.0, 400.0]
    seen = rng.uniform(30.0, 730.0, n)
    first = life.min(axis=1)
    cause = np.where(first > seen, 0, 1 + life.argmin(axis=1))
    return {"duration": np.ceil(np.minimum(first, seen)), "cause": cause.astype(np.int64)}


WORK = Workload(
    "aalen_johansen",
    "Cumulative incidence of two competing causes of 10^5 customers in whole days",
    customers,
    full={"n": 10**5},
    smoke={"n": 1000},
    agree={"first cause at 200": 1e-9},
)


@WORK.ours("tenure")
def _(data: Data, threads: int) -> Run:
    from tenure.churn import AalenJohansen

    def run() -> dict[str, float]:
        model = AalenJohansen().fit(data["duration"], data["cause"])
        return {"first cause at 200": model.predict([200.0], 1)[0]}

    return run


@WORK.peer("scikit-survival", "scikit-survival")
def _(data: Data, threads: int) -> Run:
    from sksurv.nonparametric import cumulative_incidence_competing_risks

    def run() -> dict[str, float]:
        time, incidence = cumulative_incidence_competing_risks(
            data["cause"], data["duration"], conf_type="log-log"
        )[:2]
        step = np.searchsorted(time, 200.0, side="right") - 1
        return {"first cause at 200": float(incidence[1][step])}

    return run


@WORK.peer("lifelines (ties jittered)", "lifelines")
def _(data: Data, threads: int) -> Run:
    from lifelines import AalenJohansenFitter

    def run() -> dict[str, float]:
        AalenJohansenFitter(seed=1).fit(data["duration"], data["cause"], event_of_interest=1)
        return {}  # another value at each seed: nothing to agree on

    return run
