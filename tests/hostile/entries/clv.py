"""Public calls of `tn.clv`."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np

import tenure as tn

from ._data import a_log
from ._entry import Entry


@functools.lru_cache(maxsize=2)
def customers(n: int) -> dict[str, np.ndarray]:
    """Repeat purchases in continuous time, so that hardly two rows are equal."""
    rng = np.random.default_rng(12)
    T = rng.uniform(20.0, 40.0, n)
    x = rng.geometric(0.4, n) - 1.0
    recency = np.where(x > 0, T * rng.uniform(0.05, 1.0, n), 0.0)
    value = np.where(x > 0, rng.gamma(6.0, 5.0, n), np.nan)
    return {"frequency": x, "recency": recency, "T": T, "monetary_value": value}


def regular_customers(n: int) -> dict[str, np.ndarray]:
    """The same, as if gaps were even."""
    base = customers(n)
    x, t_x = base["frequency"], base["recency"]
    even = np.where(x > 0, t_x, 1.0) / np.where(x > 0, x, 1.0)
    return base | {"log_gaps": x * np.log(even)}


def with_a_covariate(n: int) -> dict[str, Any]:
    return customers(n) | {"z": np.random.default_rng(17).normal(size=n)}


@functools.lru_cache(maxsize=2)
def with_weeks(n: int) -> Any:
    week = np.arange(170)
    calendar = {"date": np.datetime64("2020-09-07") + 7 * week, "z": np.cos(0.7 * week)}
    return tn.clv.time_varying(a_log(n), calendar, n_threads=1)


def contracts(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(17)
    life = rng.geometric(rng.beta(0.8, 2.0, n)) - 1
    seen = rng.integers(1, 13, n)
    return {"renewals": np.minimum(life, seen).astype(float), "churned": life < seen}


def contracts_with_a_covariate(n: int) -> dict[str, np.ndarray]:
    return contracts(n) | {"z": np.random.default_rng(17).normal(size=n)}


def own_contracts(n: int) -> tuple[Any, dict[str, np.ndarray]]:
    settings = {"churn_covariates": "z", "renewal": "month", "n_threads": 1}
    model = tn.clv.ShiftedBetaGeometric(**settings).fit(contracts_with_a_covariate(2000))
    return model, contracts_with_a_covariate(n)


def foretell_contracts(given: tuple[Any, dict[str, np.ndarray]], threads: int) -> Any:
    model, data = given
    model.set_params(n_threads=threads)
    return model.discounted_residual_lifetime(data, horizon=24, interval=0.9)


def choose_penalty(data: dict[str, np.ndarray], threads: int) -> Any:
    model = tn.clv.ShiftedBetaGeometric(churn_covariates="z", n_threads=threads)
    return tn.clv.penalty_path(model, data, n_alphas=2, folds=2)


def value_of_contracts(n: int) -> tuple[Any, np.ndarray]:
    model = tn.clv.BetaDiscreteWeibull(renewal="day").fit(contracts(5000))
    return model, np.arange(min(n, 2**20), dtype=float)


@functools.lru_cache(maxsize=2)
def fitted(n: int) -> tuple[Any, Any]:
    few = {name: column[:2000] for name, column in customers(max(n, 2000)).items()}
    model = tn.clv.CLV(tn.clv.BGNBD(n_threads=1), tn.clv.GammaGamma(n_threads=1))
    return model.fit(few), customers(n)


@functools.lru_cache(maxsize=2)
def givers(n: int) -> dict[str, np.ndarray]:
    """Up to 60 opportunities each, so that tens of thousands of histories differ."""
    rng = np.random.default_rng(17)
    T = rng.integers(1, 61, n)
    recency = np.minimum(rng.integers(0, 61, n), T)
    frequency = np.ceil(recency * rng.uniform(0.01, 1.0, n))
    return {"frequency": frequency, "recency": recency.astype(float), "T": T.astype(float)}


def foretell_gifts(data: dict[str, np.ndarray], threads: int) -> Any:
    model = tn.clv.BGBB(n_threads=threads).fit(data)
    return [
        model,
        model.probability_alive(data, ahead=1),
        model.expected_purchases(data, 12),
        model.predictive_interval(data, 12),
        model.next_purchase(data),
    ]


def at_given_parameters(model: Any, params: dict[str, float]) -> Any:
    model.params_ = params
    k = len(params)
    model.log_covariance_, model.hessian_eigenvalues_ = np.eye(k), np.ones(k)
    model.log_likelihood_ = model.gradient_norm_ = model.n_customers_ = 1.0
    model.status_, model.n_iter_, model.unit_ = "converged", 1, None
    return model


def growing(threads: int) -> Any:
    params = {"r": 0.55, "alpha": 10.6, "b": 0.05, "s": 0.6, "beta": 0.4}
    return at_given_parameters(tn.clv.GGompertzNBD(n_threads=threads), params)


def foretell_growing(data: dict[str, np.ndarray], threads: int) -> Any:
    model = growing(threads)
    return [
        model.score(data),
        model.probability_alive(data),
        model.expected_purchases(data, 39.0),
        model.expected_frequency_counts(data),
    ]


def foretell_correlated(data: dict[str, np.ndarray], threads: int) -> Any:
    params = {"r": 0.55, "alpha": 10.6, "s": 0.61, "beta": 11.7, "odds": 4.0}
    model = at_given_parameters(tn.clv.CorrelatedParetoNBD(n_threads=threads), params)
    return [
        model.score(data),
        model.probability_alive(data),
        model.expected_purchases(data, 39.0),
        model.purchase_probability(data, 39.0),
    ]


def predict(given: tuple[Any, Any], threads: int) -> Any:
    model, data = given
    model.transactions_.n_threads = model.spend_.n_threads = threads
    return model.predict(data, horizon=39.0, discount_rate=0.0)


def foretell(given: tuple[Any, Any], threads: int) -> Any:
    model, data = given
    model.transactions_.n_threads = threads
    forecast = model.transactions_.predictive_interval(data, 39.0)
    return forecast, model.transactions_.next_purchase(data)


@functools.lru_cache(maxsize=2)
def a_holdout(n: int) -> Any:
    return a_log(n).calibration_holdout("2022-06-30", unit="month", n_threads=1)


def compare(holdout: Any, threads: int) -> Any:
    models = [tn.clv.BGNBD(n_threads=threads), tn.clv.ParetoNBD(n_threads=threads)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)  # orders at random know no leaving
        return tn.clv.compare(holdout, models, n_threads=threads)


def a_checked_model(n: int) -> tuple[Any, Any]:
    return tn.clv.BGNBD(n_threads=1).fit(customers(2000)), a_holdout(n)


def calibration(given: tuple[Any, Any], threads: int) -> Any:
    model, holdout = given
    model.n_threads = threads
    return tn.clv.calibration(model, holdout)


@functools.lru_cache(maxsize=2)
def regular(n: int) -> tuple[Any, Any]:
    few = {name: column[:2000] for name, column in customers(max(n, 2000)).items()}
    model = tn.clv.MBGCNBD(3, unit="week").fit({**few, "log_gaps": np.zeros(len(few["T"]))})
    return model, customers(n)


def discounted(given: tuple[Any, Any], threads: int) -> Any:
    model, data = given
    model.n_threads = threads
    return model.discounted_expected_purchases(data, horizon="2y")


def foretell_regular(given: tuple[Any, Any], threads: int) -> Any:
    model, data = given
    model.n_threads = threads
    return model.predictive_interval(data, 39.0), model.next_purchase(data)


ENTRIES = [
    Entry(
        "BGNBD",
        customers,
        lambda d, t: tn.clv.BGNBD(n_threads=t).fit(d),
        3_000_000,
    ),
    Entry("NBD", customers, lambda d, t: tn.clv.NBD(n_threads=t).fit(d), 3_000_000),
    Entry(
        "MBGCNBD",
        customers,
        lambda d, t: tn.clv.MBGCNBD(n_threads=t).fit({**d, "log_gaps": np.zeros(len(d["T"]))}),
        1_000_000,
    ),
    Entry("MBGCNBD.discounted", regular, discounted, 3_000),
    Entry("MBGCNBD.predictive_interval and next_purchase", regular, foretell_regular, 100_000),
    Entry(
        "GGompertzNBD.next_purchase",
        customers,
        lambda d, t: growing(t).next_purchase(d),
        50_000,
    ),
    Entry(
        "GGompertzNBD at given parameters",
        customers,
        foretell_growing,
        200_000,
    ),
    Entry(
        "CorrelatedParetoNBD at given parameters",
        customers,
        foretell_correlated,
        500_000,
    ),
    Entry("BGBB", givers, foretell_gifts, 5_000_000),
    Entry(
        "opportunities",
        a_log,
        lambda log, t: tn.clv.opportunities(log, "week", n_threads=t),
        20_000_000,
    ),
    Entry(
        "ParetoNBD with covariates",
        with_a_covariate,
        lambda d, t: tn.clv.ParetoNBD(purchase_covariates="z", n_threads=t).fit(d),
        60_000,
    ),
    Entry(
        "GGompertzNBD with covariates",
        with_a_covariate,
        lambda d, t: tn.clv.GGompertzNBD(
            purchase_covariates="z", dropout_covariates="z", max_iter=4, n_threads=t
        ).fit(d),
        120_000,
    ),
    Entry(
        "NBD with covariates",
        with_a_covariate,
        lambda d, t: tn.clv.NBD(purchase_covariates="z", n_threads=t).fit(d),
        3_000_000,
    ),
    Entry(
        "TimeVaryingParetoNBD",
        with_weeks,
        lambda d, t: tn.clv.TimeVaryingParetoNBD(
            purchase_covariates="z", dropout_covariates="z", max_iter=2, n_threads=t
        ).fit(d),
        80_000,
    ),
    Entry(
        "BGNBD.posterior",
        customers,
        lambda d, t: tn.clv.BGNBD().posterior(
            d, chains=2, draws=4, warmup=6, random_state=1, n_threads=t
        ),
        1_000_000,
    ),
    Entry(
        "AbeParetoNBD",
        lambda n: customers(n // 5),  # to look for the mode is the work of 100 draws
        lambda d, t: tn.clv.AbeParetoNBD(
            chains=2, draws=4, warmup=4, sweeps=1, kept=1, random_state=1, n_threads=t
        ).fit(d),
        20_000,
    ),
    Entry(
        "ParetoGGG",
        regular_customers,
        lambda d, t: tn.clv.ParetoGGG(
            chains=2, draws=4, warmup=4, sweeps=1, kept=1, random_state=1, n_threads=t
        ).fit(d),
        20_000,
    ),
    Entry(
        "BGNBD.posterior_by_group",
        customers,
        lambda d, t: tn.clv.BGNBD().posterior_by_group(
            d,
            np.arange(len(d["T"])) % 3,
            chains=2,
            draws=4,
            warmup=0,
            random_state=1,
            n_threads=t,
        ),
        300_000,
    ),
    Entry(
        "NBD.bootstrap",
        customers,
        lambda d, t: tn.clv.NBD().fit(d).bootstrap(d, n=8, random_state=1, n_threads=t),
        500_000,
    ),
    Entry(
        "GammaGamma",
        customers,
        lambda d, t: tn.clv.GammaGamma(n_threads=t).fit(d),
        5_000_000,
    ),
    Entry(
        "GammaGamma with covariates",
        with_a_covariate,
        lambda d, t: tn.clv.GammaGamma(covariates="z", frequency_effect=True, n_threads=t).fit(d),
        200_000,
    ),
    Entry(
        "ShiftedBetaGeometric with covariates",
        contracts_with_a_covariate,
        lambda d, t: tn.clv.ShiftedBetaGeometric(churn_covariates="z", n_threads=t).fit(d),
        500_000,
    ),
    Entry(
        "ShiftedBetaGeometric under an elastic penalty",
        contracts_with_a_covariate,
        lambda d, t: tn.clv.ShiftedBetaGeometric(
            churn_covariates="z", covariate_alpha=0.01, n_threads=t
        ).fit(d),
        300_000,
    ),
    Entry("lifetimes of contracts with covariates", own_contracts, foretell_contracts, 100_000),
    Entry("clv.penalty_path", contracts_with_a_covariate, choose_penalty, 20_000),
    Entry("CLV.predict", fitted, predict, 3_000_000),
    Entry("BGNBD.predictive_interval and next_purchase", fitted, foretell, 2_000_000),
    Entry("clv.compare", a_holdout, compare, 300_000),
    Entry("clv.calibration", a_checked_model, calibration, 300_000),
    Entry(
        "BetaDiscreteWeibull",
        contracts,
        lambda d, t: tn.clv.BetaDiscreteWeibull(n_threads=t).fit(d),
        50_000_000,
    ),
    Entry(
        "discounted_residual_lifetime",
        value_of_contracts,
        lambda given, t: (
            given[0].set_params(n_threads=t).discounted_residual_lifetime(given[1], interval=0.95)
        ),
        20_000,
    ),
]
