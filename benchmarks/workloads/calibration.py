"""Calibration maps of 10^6 probabilities: isotonic by pooling, sigmoid by Platt's targets."""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload


def scores(n: int) -> Data:
    """Probabilities that are too extreme, and whether churn happened."""
    rng = np.random.default_rng(21)
    p = rng.beta(1.0, 4.0, n).clip(1e-4, 1.0 - 1e-4)
    odds = np.log(p / (1.0 - p))
    churned = rng.random(n) < 1.0 / (1.0 + np.exp(-(0.2 + 0.7 * odds)))
    return {"p": p, "odds": odds, "churned": churned.astype(np.uint8)}


ISOTONIC = Workload(
    "calibration_isotonic",
    "isotonic calibration of 10^6 probabilities, and the map of them all",
    scores,
    full={"n": 10**6},
    smoke={"n": 2000},
    agree={"mean": 1e-9, "at 0.3": 1e-9},
    data="calibration",
    bound="the radix sort of the scores",
)
PLATT = Workload(
    "calibration_platt",
    "Platt's map of 10^6 probabilities, and the map of them all",
    scores,
    full={"n": 10**6},
    smoke={"n": 2000},
    agree={"mean": 1e-5, "at 0.3": 1e-4},  # scikit-learn stops at a gradient of 1e-6
    data="calibration",
    bound="exponentials and logarithms, one of each a row and Newton step",
)


def told(mapped: np.ndarray, at: float) -> dict[str, float]:
    return {"mean": float(mapped.mean()), "at 0.3": float(at)}


def ours(method: str):
    def prepare(data: Data, threads: int) -> Run:
        from tenure.churn import Calibrator

        p, churned = data["p"], data["churned"]

        def run() -> dict[str, float]:
            model = Calibrator(method, n_threads=threads).fit(p, churned)
            return told(model.predict(p), model.predict([0.3])[0])

        return run

    return prepare


ISOTONIC.ours("tenure")(ours("isotonic"))
PLATT.ours("tenure")(ours("platt"))


@ISOTONIC.peer("scikit-learn IsotonicRegression")
def isotonic(data: Data, threads: int) -> Run:
    from sklearn.isotonic import IsotonicRegression

    p, churned = data["p"], data["churned"].astype(np.float64)
    least = 1.0 / (len(p) + 2.0)

    def run() -> dict[str, float]:
        model = IsotonicRegression(out_of_bounds="clip", y_min=least, y_max=1.0 - least)
        model.fit(p, churned)
        return told(model.predict(p), model.predict([0.3])[0])

    return run


@PLATT.peer("scikit-learn LogisticRegression")
def platt(data: Data, threads: int) -> Run:
    """Platt's targets as two weighted rows each, fitted by Newton."""
    from sklearn.linear_model import LogisticRegression

    odds, churned = data["odds"][:, None], data["churned"]
    m, k = float(churned.sum()), float(len(churned) - churned.sum())
    target = np.where(churned == 1, (m + 1.0) / (m + 2.0), 1.0 / (k + 2.0))
    twice = np.concatenate([odds, odds])
    label = np.repeat([1, 0], len(odds))
    weight = np.concatenate([target, 1.0 - target])

    def run() -> dict[str, float]:
        model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-6)
        model.fit(twice, label, sample_weight=weight)
        at = model.predict_proba([[np.log(0.3 / 0.7)]])[0, 1]
        return told(model.predict_proba(odds)[:, 1], at)

    return run
