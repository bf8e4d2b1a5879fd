"""BG/NBD: draws from the posterior, beside what a peer needs for its point estimate."""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload

CHAINS, DRAWS = 4, 1000
NAMES = ("r", "alpha")


def cdnow(week: int) -> Data:
    """The papers' sample of CDNOW, seen for so many weeks."""
    import tenure as tn

    orders = tn.datasets.load_cdnow(sample=True)
    log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    end = np.datetime64("1997-01-01") + np.timedelta64(7 * week - 1, "D")
    base = log.summary(unit="week", end=str(end))
    return {name: np.asarray(getattr(base, name), float) for name in ("frequency", "recency", "T")}


work = Workload(
    "bgnbd_posterior",
    "BG/NBD posterior of CDNOW's 2,357 customers, 4 chains of 1,000 draws and their warm-up; "
    "the peer: the point estimate alone",
    cdnow,
    full={"week": 39},
    smoke={"week": 39},
    agree=dict.fromkeys(NAMES, 0.05),  # a posterior median is not the mode
)


@work.ours("tenure")
def _(data: Data, threads: int) -> Run:
    from tenure.clv import BGNBD

    def run() -> dict[str, float]:
        posterior = BGNBD().posterior(data, chains=CHAINS, draws=DRAWS, random_state=1)
        return {name: float(np.median(posterior.draws[name])) for name in NAMES}

    return run


@work.peer("lifetimes, point estimate", "Lifetimes")
def _(data: Data, threads: int) -> Run:
    from lifetimes import BetaGeoFitter

    columns = [data[name] for name in ("frequency", "recency", "T")]

    def run() -> dict[str, float]:
        params = BetaGeoFitter().fit(*columns).params_
        return {name: float(params[name]) for name in NAMES}

    return run
