"""Cox regression of 10^5 customers, its curves, and a penalised path."""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload


def lifetimes(n: int, columns: int, kind: str) -> Data:
    """Exponential lifetimes, a third censored; `days` in 400 steps, `rows` with late entries."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n, columns))
    coef = np.zeros(columns)
    coef[: columns // 2] = rng.normal(0.0, 0.2, columns // 2)
    life, seen = rng.exponential(np.exp(-X @ coef)), rng.exponential(2.0, n)
    duration = np.minimum(life, seen) + 1e-9
    if kind == "days":
        duration = np.ceil(duration * 100.0)
    data = {"X": X, "duration": duration, "churned": (life <= seen).astype(np.uint8)}
    if kind == "rows":
        data["entry"] = duration * rng.uniform(0.0, 0.9, n)
    return data


FITS = [
    Workload(
        f"cox_{kind}",
        f"Cox regression, 10^5 rows x 20, {text}",
        lambda n, kind=kind: lifetimes(n, 20, kind),
        full={"n": 10**5},
        smoke={"n": 400},
        agree={"first coefficient": 1e-5, "last coefficient": 1e-5},
        bound="two triangular products of 10^5 x 20 a Newton step, the sort and the copy of X",
    )
    for kind, text in [
        ("continuous", "continuous times"),
        ("days", "times in whole days"),
        ("rows", "continuous (start, stop] rows"),
    ]
]
CURVES = Workload(
    "cox_curves",
    "survival curves of 10^5 customers at 52 times from a fitted Cox regression",
    lambda n: lifetimes(n, 20, "days"),
    full={"n": 10**5},
    smoke={"n": 400},
    agree={"mean at the end": 1e-3},
    bound="an exponential a cell",
)
PATH = Workload(
    "cox_net",
    "elastic-net path of a Cox regression, 10^5 rows x 50, 100 penalties",
    lambda n: lifetimes(n, 50, "continuous"),
    full={"n": 10**5},
    smoke={"n": 400},
    agree={"first coefficient": 1e-2, "largest penalty": 1e-6},
    bound="reading X twice an evaluation",
)


def _coefficients(coef: np.ndarray) -> dict[str, float]:
    return {"first coefficient": float(coef[0]), "last coefficient": float(coef[-1])}


def ours(data: Data, threads: int) -> Run:
    from tenure.churn import CoxPH

    def run() -> dict[str, float]:
        cox = CoxPH(n_threads=threads)
        cox.fit(data["X"], data["duration"], data["churned"], entry=data.get("entry"))
        return _coefficients(cox.coef_)

    return run


def scikit_survival(data: Data, threads: int) -> Run:
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    outcome = Surv.from_arrays(data["churned"].astype(bool), data["duration"])

    def run() -> dict[str, float]:
        return _coefficients(CoxPHSurvivalAnalysis(ties="efron").fit(data["X"], outcome).coef_)

    return run


def lifelines(data: Data, threads: int) -> Run:
    import pandas as pd
    from lifelines import CoxPHFitter

    frame = pd.DataFrame(data["X"]).add_prefix("x")
    frame = frame.assign(duration=data["duration"], churned=data["churned"])
    entry = None
    if "entry" in data:
        frame, entry = frame.assign(entry=data["entry"]), "entry"

    def run() -> dict[str, float]:
        cox = CoxPHFitter().fit(frame, "duration", "churned", entry_col=entry)
        return _coefficients(cox.params_.to_numpy())

    return run


def our_curves(data: Data, threads: int) -> Run:
    from tenure.churn import CoxPH

    cox = CoxPH(n_threads=threads).fit(data["X"], data["duration"], data["churned"])
    times = np.linspace(1.0, np.quantile(data["duration"], 0.9), 52)

    def run() -> dict[str, float]:
        total = 0.0
        for _, values in cox.survival_batches(data["X"], times):
            total += float(values[:, -1].sum())
        return {"mean at the end": total / len(data["X"])}

    return run


def lifelines_curves(data: Data, threads: int) -> Run:
    import pandas as pd
    from lifelines import CoxPHFitter

    X = pd.DataFrame(data["X"]).add_prefix("x")
    frame = X.assign(duration=data["duration"], churned=data["churned"])
    cox = CoxPHFitter().fit(frame, "duration", "churned")
    times = np.linspace(1.0, np.quantile(data["duration"], 0.9), 52)

    def run() -> dict[str, float]:
        values = cox.predict_survival_function(X, times=times)
        return {"mean at the end": float(values.iloc[-1].mean())}

    return run


#: scikit-survival ends its path where the deviance hardly falls, after 63 of the 100 penalties of
#: the full data: coefficients are compared before that.
_COMPARED = 30


def our_path(data: Data, threads: int) -> Run:
    from tenure.churn import CoxNet

    def run() -> dict[str, float]:
        net = CoxNet(0.5, least=1e-3, n_threads=threads)
        net.fit(data["X"], data["duration"], data["churned"])
        return {
            "first coefficient": float(net.coef_path_[_COMPARED, 0]),
            "largest penalty": float(net.penalties_[0]),
        }

    return run


def scikit_survival_path(data: Data, threads: int) -> Run:
    from sksurv.linear_model import CoxnetSurvivalAnalysis
    from sksurv.util import Surv

    outcome = Surv.from_arrays(data["churned"].astype(bool), data["duration"])
    spread = data["X"].std(axis=0)

    def run() -> dict[str, float]:
        net = CoxnetSurvivalAnalysis(l1_ratio=0.5, n_alphas=100, alpha_min_ratio=1e-3)
        net.fit(data["X"] / spread, outcome)
        return {
            "first coefficient": float(net.coef_[0, _COMPARED] / spread[0]),
            "largest penalty": float(net.alphas_[0]),
        }

    return run


for work in FITS:
    work.ours("tenure")(ours)
    work.peer("lifelines")(lifelines)
for work in FITS[:2]:
    work.peer("scikit-survival")(scikit_survival)
CURVES.ours("tenure")(our_curves)
CURVES.peer("lifelines")(lifelines_curves)
PATH.ours("tenure")(our_path)
PATH.peer("scikit-survival")(scikit_survival_path)
