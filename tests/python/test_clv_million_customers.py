"""Of a million customers, extremes among them, P(alive) and discounted purchases are finite.

For every model, with what decides whether a sum without a discount has an end, and units of time.
All million are asked at night; by day it is a part of them, with every extreme.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from clv_models import at, customers
from numpy.testing import assert_allclose

import tenure as tn

USUAL = {
    "NBD": (0.4, 12.0),
    "BGNBD": (0.25, 4.4, 0.8, 2.4),
    "MBGNBD": (0.5, 6.0, 0.9, 1.6),
    "BGCNBD": (0.25, 2.2, 0.8, 2.4),
    "MBGCNBD": (0.5, 3.0, 0.9, 1.6),
    "ParetoNBD": (0.55, 10.6, 0.61, 11.7),
    "CorrelatedParetoNBD": (0.55, 10.6, 0.61, 11.7, 3.0),
    "GGompertzNBD": (0.55, 10.6, 0.05, 0.6, 0.4),
}
#: The quadrature of GGompertz/NBD costs a customer about ten times what the others cost.
MANY = dict.fromkeys(USUAL, 1_000_000) | {"GGompertzNBD": 100_000}
FEW = dict.fromkeys(USUAL, 30_000) | {"GGompertzNBD": 5_000}

EXTREME = customers(
    [0, 0, 0, 1, 1, 1, 10**6, 10**6, 5000, 300],
    [0, 0, 0, 1e-9, 1e4, 1, 1e-3, 365, 1, 1e-300],
    [0, 1e-300, 1e5, 1e5, 1e4, 1e5, 1e5, 365, 77, 1e3],
)


@functools.cache
def many(n):
    rng = np.random.default_rng(1)
    n -= len(EXTREME["T"])
    x = np.floor(rng.pareto(0.7, n)).clip(0, 300)
    age = rng.uniform(0.0, 1000.0, n)
    last = np.where(x > 0, np.maximum(age * rng.beta(3.0, 0.5, n), 1e-3), 0.0)
    base = customers(x, last, np.maximum(age, last))
    return {name: np.append(EXTREME[name], base[name]) for name in base}


def model_of(name, unit="week", **change):
    kind = getattr(tn.clv, name)
    theta = dict(zip(kind.parameter_names, USUAL[name], strict=True)) | change
    more = {"k": 2} if "CNBD" in name else {}
    return at(kind, list(theta.values()), unit=unit, **more)


def of(name, data):
    return data | {"log_gaps": np.zeros(len(data["T"]))} if "CNBD" in name else data


@pytest.mark.parametrize(
    "rows", [pytest.param(FEW, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", USUAL)
def test_all_is_finite(name, rows):
    data = of(name, many(rows[name]))
    model = model_of(name)
    alive = model.probability_alive(data)
    assert np.all((alive >= 0.0) & (alive <= 1.0))
    dert = model.discounted_expected_purchases(data)
    assert np.all(np.isfinite(dert) & (dert >= 0.0))
    # A year of them is a part of all of them.
    year = model.discounted_expected_purchases(data, "1y")
    assert np.all((year >= 0.0) & (year <= dert * (1 + 1e-9)))


def test_all_is_finite_with_covariates():
    data = many(20_000)
    rng = np.random.default_rng(2)
    data = data | {"z": rng.integers(0, 2, len(data["T"])).astype(float)}
    small = {name: column[10:3010] for name, column in data.items()}
    # Fitted, as a model with covariates is made in no other way.
    for name in ("BGNBD", "MBGNBD", "ParetoNBD"):
        model = getattr(tn.clv, name)(
            purchase_covariates=["z"], dropout_covariates=["z"], unit="week"
        )
        model.fit(clean(small))
        alive = model.probability_alive(data)
        assert np.all((alive >= 0.0) & (alive <= 1.0))
        dert = model.discounted_expected_purchases(data)
        assert np.all(np.isfinite(dert) & (dert >= 0.0))


def clean(data):
    """Customers drawn from a model, in place of the columns of a base."""
    n = len(data["T"])
    rng = np.random.default_rng(3)
    rate, leave = rng.gamma(0.8, 0.1, n), rng.exponential(1 / rng.gamma(0.8, 0.1, n))
    age = rng.uniform(50.0, 100.0, n)
    active = np.minimum(leave, age)
    x = rng.poisson(rate * active).astype(float)
    last = np.where(x > 0, active * rng.beta(np.maximum(x, 1.0), 1.0), 0.0)
    return data | customers(x, last, age)


def test_gifts_of_a_million_donors_are_finite():
    rng = np.random.default_rng(4)
    n = 1_000_000
    T = rng.integers(0, 40, n)
    last = np.floor(T * rng.beta(2.0, 1.0, n)).astype(int)
    x = np.where(last > 0, 1 + np.floor((last - 1) * rng.uniform(size=n)), 0)
    data = customers(
        np.append(x, [100_000, 1, 0]), np.append(last, [100_000, 1, 0]), np.append(T, [100_000] * 3)
    )
    model = at(tn.clv.BGBB, (1.2, 0.75, 0.66, 2.8))
    alive = model.probability_alive(data)
    assert np.all((alive >= 0.0) & (alive <= 1.0))
    dert = model.discounted_expected_purchases(data, discount_rate=0.1)
    assert np.all(np.isfinite(dert) & (dert >= 0.0))


# --- without an end ------------------------------------------------------------------------------

TAILED = [name for name in USUAL if getattr(tn.clv, name)._tail]
HISTORIES = customers([0, 1, 4, 30], [0.0, 10.0, 30.0, 38.0], [39.0, 39.0, 35.0, 39.0])


@pytest.mark.parametrize("name", TAILED)
def test_a_sum_that_diverges_is_refused_and_one_that_does_not_is_told(name):
    tail = getattr(tn.clv, name)._tail
    data = of(name, HISTORIES)
    for value in (0.7, 1.0):
        with pytest.raises(tn.InvalidInputError, match=f"{tail} <= 1: the sum diverges") as caught:
            model_of(name, **{tail: value}).expected_purchases(data, np.inf)
        assert caught.value.argument == "horizon"
    model = model_of(name, **{tail: 3.0})
    for_ever = model.expected_purchases(data, np.inf)
    # Of rates close to 0 purchases come as slowly as t^-r.
    assert_allclose(model.expected_purchases(data, 1e100), for_ever, rtol=1e-6)
    assert np.all(for_ever > model.expected_purchases(data, 100.0))


def test_a_sum_without_customers_who_leave_is_refused():
    with pytest.raises(tn.InvalidInputError, match="diverges"):
        model_of("NBD").expected_purchases(HISTORIES, np.inf)


def test_a_sum_that_always_ends_is_told():
    got = model_of("GGompertzNBD", s=0.01).expected_purchases(HISTORIES, np.inf)
    assert np.all(np.isfinite(got))


@pytest.mark.parametrize("name", TAILED)
def test_nothing_happens_where_the_formula_has_a_hole(name):
    tail = getattr(tn.clv, name)._tail
    data = of(name, HISTORIES)
    for predict in (
        lambda m: m.expected_purchases(data, 1.0),
        lambda m: m.expected_purchases(data, 520.0),
        lambda m: m.expected_purchases_new([1.0, 520.0]),
        lambda m: m.discounted_expected_purchases(data),
        lambda m: m.discounted_expected_purchases(data, "10y"),
    ):
        below, there, above = (
            predict(model_of(name, **{tail: v})) for v in (1.0 - 1e-7, 1.0, 1.0 + 1e-7)
        )
        assert_allclose(0.5 * (below + above), there, rtol=1e-9)


# --- units ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", USUAL)
def test_days_and_weeks_give_the_same_value(name):
    weeks, days = model_of(name), model_of(name, unit="day")
    times = {"alpha": 7.0} | ({"beta": 7.0} if "Pareto" in name else {})
    if name == "GGompertzNBD":
        times["b"] = 1 / 7.0
    moved = {key: days.params_[key] * factor for key, factor in times.items()}
    days = model_of(name, unit="day", **moved)
    data = HISTORIES
    daily = {**data, "recency": data["recency"] * 7.0, "T": data["T"] * 7.0}
    assert_allclose(
        days.probability_alive(of(name, daily)), weeks.probability_alive(of(name, data)), rtol=1e-10
    )
    spend = at(tn.clv.GammaGamma, (6.25, 3.74, 15.44))
    values = []
    for model, rows in ((weeks, data), (days, daily)):
        both = tn.clv.CLV(model, spend)
        both.transactions_, both.spend_ = model, spend
        rows = of(name, rows) | {"monetary_value": np.array([np.nan, 20.0, 30.0, 40.0])}
        values.append(both.predict(rows, horizon="2y", discount_rate=0.1, margin=0.4).clv)
    assert np.all(values[0] > 0.0)
    assert_allclose(values[1], values[0], rtol=1e-10)
