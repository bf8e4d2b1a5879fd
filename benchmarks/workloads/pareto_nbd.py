"""Pareto/NBD: the fit, at the size of a paper's data and five times that."""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload

TRUTH = {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}  # CDNOW, in weeks


def customers(n: int) -> Data:
    """The process that the model describes, seen in whole days as order logs are.

    Customers come over twelve weeks and are observed until week 39.
    """
    rng = np.random.default_rng(8)
    age = rng.integers(189, 273, n) / 7.0
    rate = np.maximum(rng.gamma(TRUTH["r"], 1.0 / TRUTH["alpha"], n), 1e-12)
    leaves = rng.exponential(1.0 / rng.gamma(TRUTH["s"], 1.0 / TRUTH["beta"], n))
    until = np.minimum(leaves, age)
    frequency = np.zeros(n, np.int64)
    last_day = np.zeros(n, np.int64)
    at = np.zeros(n)
    here = np.arange(n)
    while here.size:
        at[here] += rng.exponential(1.0 / rate[here])
        here = here[at[here] < until[here]]
        day = np.floor(at[here] * 7.0).astype(np.int64)
        # Two purchases on a day are one order, and the day of the first one is day 0.
        new = day > last_day[here]
        frequency[here[new]] += 1
        last_day[here[new]] = day[new]
    return {"frequency": frequency, "recency": last_day / 7.0, "T": age}


# Only r and alpha: s and beta lie on a flat ridge, along which Nelder-Mead stops at a step of 1e-4.
NAMES = ("r", "alpha")
AGREE = dict.fromkeys(NAMES, 1e-2)
small = Workload(
    "pareto_nbd_fit",
    "Pareto/NBD fit of 2 x 10^4 simulated customers, day-grained",
    customers,
    full={"n": 20_000},
    smoke={"n": 500},
    agree=AGREE,
)
large = Workload(
    "pareto_nbd_fit_large",
    "Pareto/NBD fit of 10^5 simulated customers, day-grained",
    customers,
    full={"n": 100_000},
    smoke={"n": 500},
    agree=AGREE,
)


def ours(data: Data, threads: int) -> Run:
    from tenure.clv import ParetoNBD

    def run() -> dict[str, float]:
        params = ParetoNBD().fit(data).params_
        return {name: float(params[name]) for name in NAMES}

    return run


def by_lifetimes(data: Data, threads: int) -> Run:
    from lifetimes import ParetoNBDFitter

    columns = [data[name].astype(float) for name in ("frequency", "recency", "T")]

    def run() -> dict[str, float]:
        params = ParetoNBDFitter().fit(*columns).params_
        return {name: float(params[name]) for name in NAMES}

    return run


def by_lifetimes_weighted(data: Data, threads: int) -> Run:
    import pandas as pd
    from lifetimes import ParetoNBDFitter

    frame = pd.DataFrame(data)

    def run() -> dict[str, float]:
        rows = frame.groupby(["frequency", "recency", "T"], sort=False).size().reset_index()
        columns = [rows[c].to_numpy(float) for c in ("frequency", "recency", "T")]
        params = ParetoNBDFitter().fit(*columns, weights=rows[0].to_numpy(float)).params_
        return {name: float(params[name]) for name in NAMES}

    return run


for work in (small, large):
    work.ours("tenure")(ours)
    work.peer("lifetimes", "Lifetimes")(by_lifetimes)
    work.peer("lifetimes, equal rows weighted", "Lifetimes")(by_lifetimes_weighted)
