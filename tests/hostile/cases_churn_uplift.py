"""Campaigns as they come: no control group, arms that do not overlap, outcomes of any size."""

from __future__ import annotations

from typing import Any

import numpy as np
from hostile import OK, Case, E

import tenure as tn

RNG = np.random.default_rng(9)
N = 60
X = RNG.normal(size=(N, 2))
TREATED = np.arange(N) % 2
OUTCOME = RNG.normal(size=N) + TREATED
KIND = "NoControlGroupError"


class Flat:
    """The mean."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {}

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Flat:
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.mean_)


class Broken(Flat):
    """Foretells nothing."""

    def predict(self, X: Any) -> Any:
        return np.full(len(X), np.nan)


def dr(**given: Any) -> Any:
    names = ("outcome_model", "effect_model", "n_folds", "clip")
    settings = {"outcome_model": Flat(), "effect_model": Flat()}
    settings |= {k: given.pop(k) for k in names if k in given}
    data = {"X": X, "outcome": OUTCOME, "treated": TREATED, "propensity": 0.5, **given}
    return tn.churn.DRLearner(**settings).fit(**data)


def qini(**given: Any) -> Any:
    return tn.churn.qini(**{"uplift": X[:, 0], "outcome": OUTCOME, "treated": TREATED, **given})


def seen(**given: Any) -> Any:
    data = {"X": None, "outcome": OUTCOME, "treated": TREATED, "propensity": 0.5, **given}
    return tn.churn.potential_outcomes(**data)


def refused(about: str, says: str, kind: str = "InvalidInputError", **given: Any) -> Case:
    return E(f"DRLearner: {about}", lambda: dr(**given), says, kind)


def finite(found: Any) -> bool:
    return bool(np.isfinite([found.value, found.lower, found.upper]).all())


CASES = [
    refused("everybody was contacted", "no control group", KIND, treated=np.ones(N)),
    refused("nobody was contacted", "controls only", KIND, treated=np.zeros(N)),
    refused(
        "a missing outcome", "outcome[3] must be finite", outcome=np.r_[1, 1, 1, np.nan, X[4:, 0]]
    ),
    refused("an infinite outcome", "outcome[0] must be finite", outcome=np.r_[np.inf, X[1:, 0]]),
    refused("no rows", "0 sample(s)", X=np.empty((0, 2)), outcome=[], treated=[]),
    refused("text for features", "must hold numbers", X=np.array([["a", "b"]] * N)),
    refused("a propensity of 0", "above 0 and below 1", propensity=np.r_[0.0, np.full(N - 1, 0.5)]),
    refused("a propensity that is missing", "propensity[0]", propensity=np.full(N, np.nan)),
    refused("more folds than customers", "n_folds is 100", n_folds=100),
    refused("one customer in all rows", "there are 1 customers", groups=["a"] * N),
    refused("a model that foretells NaN", "predicts nan for X[0]", outcome_model=Broken()),
    refused("a class for a model", "must be a regressor", outcome_model=Flat),
    E("DRLearner: saved to a file", lambda: dr().save("model"), "another library", "TenureError"),
    OK("DRLearner: constant columns", lambda: dr(X=np.ones((N, 2))), lambda m: len(m.scores_) == N),
    OK(
        "DRLearner: outcomes all 0",
        lambda: dr(outcome=np.zeros(N)).predict(X),
        lambda p: not p.any(),
    ),
    E("qini: everybody was contacted", lambda: qini(treated=np.ones(N)), "no control group", KIND),
    E("qini: an infinite score", lambda: qini(uplift=np.full(N, np.inf)), "uplift[0] must be"),
    E("qini: missing treatment", lambda: qini(treated=[None] * N), "treated"),
    E("qini: nobody", lambda: tn.churn.qini([], [], []), "no control group", KIND),
    OK("qini: one score for all", lambda: qini(uplift=np.zeros(N)), lambda q: abs(q.value) < 1e-12),
    OK("qini: denormal scores", lambda: qini(uplift=5e-324 * np.arange(N)), finite),
    OK("qini: huge scores", lambda: qini(uplift=1e308 * np.sign(X[:, 0])), finite),
    OK("qini: outcomes of 1e150", lambda: qini(outcome=1e150 * OUTCOME), finite),
    E("potential_outcomes: nothing to estimate from", lambda: seen(propensity=None), "X is None"),
    E("potential_outcomes: an arm is skipped", lambda: seen(treated=2 * TREATED), "offer 1"),
    E("potential_outcomes: a huge arm", lambda: seen(treated=TREATED * 2**40), "up to 999"),
    E("potential_outcomes: half an arm", lambda: seen(treated=0.5 * TREATED), "whole number"),
    E("policy_value: an unknown arm", lambda: tn.churn.policy_value([7] * N, seen()), "policy[0]"),
    E("policy_value: no campaign", lambda: tn.churn.policy_value([1], [1]), "with a control group"),
    OK("policy_value: nobody", lambda: tn.churn.policy_value([0] * N, seen()), finite),
    E("target: nobody", lambda: tn.churn.target([]), "uplift holds no customer"),
    E(
        "target: a missing prediction",
        lambda: tn.churn.target([1, None]),
        "uplift[1] must be finite",
    ),
    E("target: a cost below 0", lambda: tn.churn.target([1.0], cost=-1), "cost[0] must be >= 0"),
    E("target: a budget below 0", lambda: tn.churn.target([1.0], budget=-1), "budget must be"),
    E("target: a value too large", lambda: tn.churn.target([1e10], value=1e308), "must be finite"),
    E("target: evidence of others", lambda: tn.churn.target([1.0], evidence=seen()), "60 rows"),
    OK(
        "target: no money", lambda: tn.churn.target([1.0], cost=1, budget=0), lambda t: t.spent == 0
    ),
    OK("target: nobody is worth it", lambda: tn.churn.target([-1.0]), lambda t: not t.offer.any()),
    E(
        "uplift_calibration: one prediction",
        lambda: tn.churn.uplift_calibration([1] * N, seen()),
        "differ",
    ),
    E(
        "linear_uplift: a missing cell",
        lambda: tn.churn.linear_uplift(X * np.nan, seen()),
        "X[0, 'x0']",
    ),
]
