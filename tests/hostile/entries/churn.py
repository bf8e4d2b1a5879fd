"""Public calls of `tn.churn`."""

from __future__ import annotations

from typing import Any

import numpy as np

import tenure as tn

from ._data import a_log, signed
from ._entry import Entry


def lifetimes(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(13)
    return rng.exponential(100.0, n), rng.random(n) < 0.6


def leave_for_causes(data: Any, threads: int) -> Any:
    duration, churned = data
    cause = np.where(churned, 1 + np.arange(len(duration)) % 3, 0)
    return tn.churn.AalenJohansen().fit(duration, cause)


def look_now_and_then(data: Any, threads: int) -> Any:
    duration, churned = data
    lower = np.floor(duration / 30) * 30
    return tn.churn.Turnbull().fit(lower, np.where(churned, lower + 30, np.inf))


def rank_groups(data: Any, threads: int) -> Any:
    duration, churned = data
    return tn.churn.log_rank(duration, churned, np.arange(len(duration)) % 5)


def regression(n: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(23)
    X = rng.normal(size=(n, 4))
    life = 100.0 * np.exp(X @ [0.4, -0.2, 0.0, 0.1]) * rng.weibull(1.3, n)
    seen = rng.uniform(10.0, 200.0, n)
    return X, np.minimum(life, seen), (life <= seen).astype(np.uint8)


def leave_and_foretell(data: Any, threads: int) -> Any:
    X, duration, churned = data
    cause = np.where(churned, 1 + np.arange(len(duration)) % 3, 0)
    model = tn.churn.CauseSpecificCox(n_threads=threads).fit(X, duration, cause)
    return [
        model.coef_,
        model.predict_incidence(X[:200], [30.0]),
        model.predict_incidence(X[:20], [30.0], interval=0.95),
    ]


def renew(data: Any, threads: int) -> Any:
    X, duration, churned = data
    months = np.ceil(duration / 20).astype(int)
    return tn.churn.DiscreteTimeHazard(n_threads=threads).fit(X, months, churned)


def fit_and_foretell_lives(data: Any, threads: int) -> Any:
    model = tn.churn.AFT("generalized_gamma", n_threads=threads).fit(*data)
    return [
        model,
        model.predict_survival(data[0], [30.0], data[1]),
        model.predict_restricted_mean(data[0][:200], [90.0]),
    ]


def scores(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(18)
    return rng.random(n) < 0.3, rng.normal(size=n)


class Line:
    """A regression line on the first column, which costs nothing."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {}

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Line:
        self.slope_, self.level_ = np.polyfit(X[:, 0], y, 1, w=sample_weight)
        return self

    def predict(self, X: Any) -> Any:
        return self.level_ + self.slope_ * X[:, 0]


def contacted(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(29)
    X, treated = rng.normal(size=(n, 2)), rng.random(n) < 0.5
    return X, rng.normal(size=n) + treated * X[:, 0], treated.astype(np.uint8)


def learn_and_choose(data: Any, threads: int) -> list[Any]:
    learner = tn.churn.DRLearner(Line(), Line())
    uplift = tn.churn.cross_fit_uplift(learner, *data, propensity=0.5)
    seen = tn.churn.potential_outcomes(*data, propensity=0.5, outcome_model=Line())
    return [
        tn.churn.target(uplift, cost=0.5, budget=0.1 * len(uplift), evidence=seen),
        tn.churn.uplift_calibration(uplift, seen),
        tn.churn.linear_uplift(data[0], seen),
    ]


def regressed(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covariates with the lifetimes that follow from them, in tenths of a month."""
    rng = np.random.default_rng(12)
    X = rng.normal(size=(n, 4))
    life = rng.exponential(20.0 * np.exp(0.4 * X[:, 0] - 0.2 * X[:, 1]))
    seen = rng.uniform(0.0, 60.0, n)
    return X, np.ceil(10.0 * np.minimum(life, seen)) / 10.0, (life <= seen).astype(np.uint8)


def asked(model: tn.churn.CoxPH, data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[Any]:
    """What a fit is asked besides its coefficients."""
    X = data[0]
    return [
        model.predict_survival(X, [1.0, 5.0]),
        model.predict_survival(X[:100], [1.0, 5.0], interval=0.9).lower,
        model.predict_quantile(X),
        model.residuals("deviance"),
        model.residuals("scaled_schoenfeld"),
        model.test_proportional_hazards().statistic,
        model.concordance(),
    ]


def measured(data: tuple[np.ndarray, np.ndarray, np.ndarray], threads: int) -> list[Any]:
    """Measures of the chances to stay that a wrong model has."""
    X, duration, churned = data
    rate = np.exp(0.3 * X[:, 0]) / 20.0
    stay = np.exp(-30.0 * rate)
    return [
        tn.churn.dynamic_auc(duration, churned, X[:, 0], [10.0, 30.0]),
        tn.churn.survival_brier_score(duration, churned, lambda t: np.exp(-t * rate), [10.0, 30.0]),
        tn.churn.survival_calibration(duration, churned, stay, 30.0),
        tn.churn.d_calibration(np.exp(-rate * duration), churned),
    ]


def fit_and_ask_who_stays(data: Any, threads: int) -> list[Any]:
    X, duration, churned = data
    duration = np.where(X[:, 3] > 0.0, 100.0, duration)
    churned = churned & (X[:, 3] <= 0.0)
    model = tn.churn.CureModel(n_threads=threads).fit(X[:, :3], duration, churned)
    return [
        model,
        model.predict_stays(X[:, :3], duration),
        model.predict_quantile(X[:, :3], 0.2, duration),
    ]


def ask_odds(data: tuple[np.ndarray, np.ndarray, np.ndarray], threads: int) -> list[Any]:
    """Firth's penalty with its profiles, clusters, intervals of probabilities."""
    X, _, churned = data
    groups = np.arange(len(X)) % 50
    clustered = tn.churn.LogisticRegression(n_threads=threads).fit(X, churned, clusters=groups)
    firth = tn.churn.LogisticRegression("firth", n_threads=threads).fit(X[:2000], churned[:2000])
    return [clustered.robust_covariance_, clustered.predict_interval(X).lower, firth.summary()]


def forecast(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(19)
    p = rng.beta(1.0, 4.0, n)
    return rng.random(n) < p, p


def calibrate(data: tuple[np.ndarray, np.ndarray], threads: int) -> Any:
    churned, p = data
    made = [tn.churn.Calibrator(m, n_threads=threads).fit(p, churned) for m in ("beta", "isotonic")]
    return [*made, tn.churn.reliability(churned, p, n_bootstrap=20, n_threads=threads)]


ENTRIES = [
    Entry("Calibrator and reliability", forecast, calibrate, 2_000_000),
    Entry("evaluate", forecast, lambda d, t: tn.churn.evaluate(*d), 1_000_000),
    Entry(
        "contract_spells",
        signed,
        lambda log, t: tn.churn.contract_spells(log, term=12, n_threads=t),
        10_000_000,
    ),
    Entry(
        "make_dataset",
        a_log,
        lambda log, t: tn.churn.make_dataset(log, ["2021-06-30", "2022-06-30"], "90d", n_threads=t),
        5_000_000,
    ),
    Entry(
        "roc_auc and EMPC",
        scores,
        lambda d, t: [tn.churn.roc_auc(*d), tn.churn.expected_maximum_profit(*d)],
        5_000_000,
    ),
    Entry(
        "uplift_curve",
        contacted,
        lambda d, t: tn.churn.uplift_curve(d[0][:, 0], d[1], d[2]),
        3_000_000,
    ),
    Entry("DRLearner and target", contacted, learn_and_choose, 500_000),
    Entry("KaplanMeier", lifetimes, lambda d, t: tn.churn.KaplanMeier().fit(*d), 20_000_000),
    Entry("NelsonAalen", lifetimes, lambda d, t: tn.churn.NelsonAalen().fit(*d), 20_000_000),
    Entry("AalenJohansen", lifetimes, leave_for_causes, 20_000_000),
    Entry("Turnbull", lifetimes, look_now_and_then, 1_000_000),
    Entry("log_rank", lifetimes, rank_groups, 5_000_000),
    Entry("AFT", regression, lambda d, t: tn.churn.AFT(n_threads=t).fit(*d), 1_000_000),
    Entry("AFT of generalized gamma", regression, fit_and_foretell_lives, 30_000),
    Entry("DiscreteTimeHazard", regression, renew, 300_000),
    Entry("FineGray", regression, lambda d, t: tn.churn.FineGray().fit(*d), 1_000_000),
    Entry("CoxPH", regressed, lambda d, t: tn.churn.CoxPH(n_threads=t).fit(*d), 2_000_000),
    Entry(
        "CoxPH exact",
        regressed,
        lambda d, t: tn.churn.CoxPH("exact", n_threads=t).fit(*d),
        40_000,
    ),
    Entry(
        "CoxPH firth and robust",
        regressed,
        lambda d, t: tn.churn.CoxPH(penalty="firth", robust=True, n_threads=t).fit(*d),
        500_000,
    ),
    Entry(
        "CoxPH asked",
        regressed,
        lambda d, t: asked(tn.churn.CoxPH(n_threads=t).fit(*d), d),
        500_000,
    ),
    Entry("CauseSpecificCox", regression, leave_and_foretell, 300_000),
    Entry("CoxNet", regressed, lambda d, t: tn.churn.CoxNet(n_threads=t).fit(*d), 300_000),
    Entry(
        "LogisticRegression",
        regressed,
        lambda d, t: tn.churn.LogisticRegression(n_threads=t).fit(d[0], d[2]),
        5_000_000,
    ),
    Entry("LogisticRegression asked", regressed, ask_odds, 300_000),
    Entry(
        "LogisticNet",
        regressed,
        lambda d, t: tn.churn.LogisticNet(n_penalties=20, n_threads=t).fit(d[0], d[2]),
        500_000,
    ),
    Entry(
        "concordance_index",
        regressed,
        lambda d, t: tn.churn.concordance_index(d[1], d[2], d[0][:, 0]),
        3_000_000,
    ),
    Entry(
        "uno_concordance",
        regressed,
        lambda d, t: tn.churn.uno_concordance(d[1], d[2], d[0][:, 0]),
        2_000_000,
    ),
    Entry("AUC, Brier score, calibration", regressed, measured, 300_000),
    Entry("CureModel", regressed, fit_and_ask_who_stays, 300_000),
]
