"""How well a score ranks 10^5 lifetimes: Harrell's and Uno's concordance, AUC and Brier by time."""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload


def customers(n: int) -> Data:
    """Exponential lifetimes in 400 steps by a score, half of them censored."""
    rng = np.random.default_rng(11)
    # scikit-survival takes scores within 1e-8 for equal; rounded, they are equal or are not.
    score = rng.normal(size=n).round(4)
    life, seen = rng.exponential(np.exp(-0.7 * score)), rng.uniform(0.0, 2.5, n)
    duration = np.ceil(np.minimum(life, seen) * 100.0)
    times = np.linspace(20.0, 180.0, 9)
    return {
        "duration": duration,
        "churned": (life <= seen).astype(np.uint8),
        "score": score,
        "times": times,
        "stay": np.exp(-np.outer(np.exp(0.7 * score), times / 100.0)),
    }


CONCORDANCE = Workload(
    "uno_c",
    "Harrell's and Uno's concordance of 10^5 lifetimes in 250 steps, with standard errors (ours)",
    customers,
    full={"n": 10**5},
    smoke={"n": 400},
    agree={"harrell": 1e-10, "uno": 1e-10},
    bound="two passes over a Fenwick tree of ranks",
)
BY_TIME = Workload(
    "dynamic_auc",
    "AUC and Brier score of 10^5 lifetimes at 9 times, with standard errors (ours)",
    customers,
    full={"n": 10**5},
    smoke={"n": 400},
    agree={"auc": 1e-10, "brier": 1e-10},
    bound="one sort of the score, then passes over the rows",
)


@CONCORDANCE.ours("tenure")
def _(data: Data, threads: int) -> Run:
    import tenure as tn

    rows = data["duration"], data["churned"], data["score"]

    def run() -> dict[str, float]:
        # scikit-survival's convention: a churn at t is weighed by G(t).
        uno = tn.churn.uno_concordance(*rows, tau=180.0, censoring_at="at")
        return {"harrell": tn.churn.concordance_index(*rows).value, "uno": uno.value}

    return run


@CONCORDANCE.peer("scikit-survival")
def _(data: Data, threads: int) -> Run:
    from sksurv.metrics import concordance_index_censored, concordance_index_ipcw
    from sksurv.util import Surv

    churned = data["churned"].astype(bool)
    y = Surv.from_arrays(churned, data["duration"])

    def run() -> dict[str, float]:
        harrell = concordance_index_censored(churned, data["duration"], data["score"])
        return {
            "harrell": harrell[0],
            "uno": concordance_index_ipcw(y, y, data["score"], 180.0)[0],
        }

    return run


@BY_TIME.ours("tenure")
def _(data: Data, threads: int) -> Run:
    import tenure as tn

    rows = data["duration"], data["churned"]

    def run() -> dict[str, float]:
        auc = tn.churn.dynamic_auc(*rows, data["score"], data["times"], censoring_at="at")
        brier = tn.churn.survival_brier_score(*rows, data["stay"], data["times"], censoring_at="at")
        assert brier.integrated is not None
        return {"auc": auc.mean.value, "brier": brier.integrated.value}

    return run


@BY_TIME.peer("scikit-survival")
def _(data: Data, threads: int) -> Run:
    from sksurv.metrics import cumulative_dynamic_auc, integrated_brier_score
    from sksurv.util import Surv

    y = Surv.from_arrays(data["churned"].astype(bool), data["duration"])

    def run() -> dict[str, float]:
        return {
            "auc": cumulative_dynamic_auc(y, y, data["score"], data["times"])[1],
            "brier": integrated_brier_score(y, y, data["stay"], data["times"]),
        }

    return run
