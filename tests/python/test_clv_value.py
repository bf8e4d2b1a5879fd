"""Lifetime value: discounting, units, limits."""

from __future__ import annotations

import numpy as np
import pytest
from clv_models import at, cdnow_log, simulate
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import tenure as tn


@pytest.fixture(scope="module")
def log():
    return cdnow_log()


@pytest.fixture(scope="module")
def base(log):
    return log.summary(unit="week", end="1997-09-30")


@pytest.fixture(scope="module")
def model(base):
    return tn.clv.CLV(tn.clv.BGNBD(), tn.clv.GammaGamma()).fit(base)


def test_is_the_discounted_sum_of_small_steps(base, model):
    """Purchases of each day, discounted from its middle: within the error of the midpoint rule."""
    table = model.predict(base, horizon="26w", discount_rate=0.25, margin=0.4)
    rows = {n: getattr(base, n)[:60].astype(float) for n in ("frequency", "recency", "T")}
    edges = np.arange(26 * 7 + 1) / 7
    cumulative = np.array([model.transactions_.expected_purchases(rows, t) for t in edges])
    years = (edges[1:] + edges[:-1]) / 2 * 7 / 365.25
    discounted = (np.diff(cumulative, axis=0) * 1.25 ** -years[:, None]).sum(axis=0)
    expected = discounted * model.spend_.expected_spend(base)[:60] * 0.4
    assert_allclose(table.clv[:60], expected, rtol=2e-7)


def test_parts_are_those_of_the_models(base, model):
    table = model.predict(base, horizon=52.0, discount_rate=0.1)
    assert table.customer.tolist() == base.customer.tolist()
    assert table.probability_alive.tolist() == model.transactions_.probability_alive(base).tolist()
    expected = model.transactions_.expected_purchases(base, 52)
    assert_allclose(table.expected_purchases, expected, rtol=1e-13)
    assert table.expected_spend.tolist() == model.spend_.expected_spend(base).tolist()
    assert np.all(table.clv < table.expected_purchases * table.expected_spend)
    plain = model.predict(base, horizon=52.0, discount_rate=0.0, margin=0.25)
    assert_allclose(plain.clv, 0.25 * expected * table.expected_spend, rtol=1e-13)
    assert list(table.to_pandas()) == [
        "customer",
        "probability_alive",
        "expected_purchases",
        "expected_spend",
        "clv",
    ]
    assert repr(table).startswith("Lifetime value of 2,357 customers over 52 weeks, discounted")


def test_days_and_weeks_give_the_same_value(log, base, model):
    days = log.summary(unit="day", end="1997-09-30")
    in_days = tn.clv.CLV(tn.clv.BGNBD(), tn.clv.GammaGamma()).fit(days)
    for horizon in ("1y", "39w", "90d"):
        one = model.predict(base, horizon=horizon, discount_rate=0.15, interval=0.9)
        two = in_days.predict(days, horizon=horizon, discount_rate=0.15, interval=0.9)
        assert_allclose(one.clv, two.clv, rtol=1e-8)
        assert_allclose(one.upper, two.upper, rtol=1e-6)
    monthly = 1.15 ** (30.4375 / 365.25) - 1
    three = model.predict(base, "1y", discount_rate=monthly, discount_period="month")
    assert_allclose(three.clv, model.predict(base, "1y", discount_rate=0.15).clv, rtol=1e-12)


@settings(max_examples=20)
@given(st.floats(-0.3, 3.0), st.floats(0.1, 200.0))
def test_value_falls_with_the_rate_and_grows_with_the_horizon(rate, horizon):
    data = {**simulate(50, seed=1), "monetary_value": np.linspace(5, 60, 50)}
    clv = tn.clv.CLV(tn.clv.BGNBD(), tn.clv.GammaGamma())
    clv.transactions_ = at(tn.clv.BGNBD, (0.25, 4.4, 0.8, 2.4), unit="week")
    clv.spend_ = at(tn.clv.GammaGamma, (6.25, 3.74, 15.44))

    def value(h, r):
        return clv.predict(data, h, discount_rate=r).clv

    now = value(horizon, rate)
    assert np.all(value(horizon, rate + 0.1) < now)
    assert np.all(value(horizon * 1.1, rate) >= now)
    # A constant factor between the discount of the first and of the last moment.
    plain = value(horizon, 0.0)
    last = (1 + rate) ** (-horizon * 7 / 365.25)
    low, high = min(1.0, last), max(1.0, last)
    assert np.all((now >= plain * low * (1 - 1e-12)) & (now <= plain * high * (1 + 1e-12)))


def test_limits_add_the_errors_of_both_models(base, model):
    got = model.predict(base, "39w", discount_rate=0.0, interval=0.95)
    purchases = model.transactions_.expected_purchases(base, "39w", interval=0.95)
    spend = model.spend_.expected_spend(base, interval=0.95)
    width = np.hypot(np.log(purchases.upper / purchases.value), np.log(spend.upper / spend.value))
    assert_allclose(np.log(got.upper / got.clv), width, rtol=1e-10)
    assert_allclose(got.lower * got.upper, got.clv**2, rtol=1e-12)
    assert list(got.to_pandas())[-2:] == ["lower", "upper"]
    assert got.level == 0.95


def test_edges(base, model):
    assert not model.predict(base, 0).clv.any()
    assert not model.predict(base, "1y", margin=0.0).clv.any()
    nothing = model.predict(base, 0, interval=0.9)
    assert not np.any([nothing.clv, nothing.lower, nothing.upper])
    far = model.predict(base, "200y", discount_rate=0.5)
    assert_allclose(far.clv, model.predict(base, "100y", discount_rate=0.5).clv, rtol=1e-12)
    for_ever = model.predict(base, np.inf, discount_rate=0.5, interval=0.9)
    assert_allclose(for_ever.clv, far.clv, rtol=1e-12)
    assert np.all(np.isinf(for_ever.expected_purchases))  # a < 1: they never end
    assert np.all((for_ever.lower < for_ever.clv) & (for_ever.clv < for_ever.upper))


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"horizon": -1}, "horizon"),
        ({"horizon": np.inf, "discount_rate": 0.0}, "horizon"),
        ({"horizon": np.inf, "discount_rate": -0.01}, "horizon"),
        ({"horizon": "1 fortnight"}, "horizon"),
        ({"discount_rate": -1.0}, "discount_rate"),
        ({"discount_rate": -2.0}, "discount_rate"),
        ({"discount_rate": np.inf}, "discount_rate"),
        ({"discount_rate": np.nan}, "discount_rate"),
        ({"discount_rate": "10 %"}, "discount_rate"),
        ({"discount_period": "decade"}, "discount_period"),
        ({"discount_rate": 0.0, "discount_period": "decade"}, "discount_period"),
        ({"margin": -0.1}, "margin"),
        ({"margin": np.nan}, "margin"),
        ({"interval": 1.0}, "interval"),
    ],
)
def test_bad_arguments(base, model, arguments, argument):
    with pytest.raises(tn.InvalidInputError) as caught:
        model.predict(base, **arguments)
    assert caught.value.argument == argument


def test_a_rate_needs_a_unit():
    data = {**simulate(500, seed=2), "monetary_value": np.linspace(5, 60, 500)}
    clv = tn.clv.CLV(tn.clv.BGNBD(), tn.clv.GammaGamma()).fit(data)
    assert np.all(clv.predict(data, 52, discount_rate=0.0).clv > 0)
    with pytest.raises(tn.InvalidInputError, match="a discount rate needs the unit of time"):
        clv.predict(data, 52, discount_rate=0.1)


@pytest.mark.parametrize("kind", [tn.clv.BGNBD, tn.clv.MBGNBD, tn.clv.ParetoNBD])
@pytest.mark.parametrize(("horizon", "rate"), [(52.0, 0.1), (0.0, 0.1), (10.0, 0.0), (5.0, -0.1)])
def test_one_pass_tells_what_the_predictions_tell_one_by_one(base, kind, horizon, rate):
    model = tn.clv.CLV(kind(), tn.clv.GammaGamma()).fit(base)
    table = model.predict(base, horizon, discount_rate=rate)
    purchases = model.transactions_
    assert table.probability_alive.tobytes() == purchases.probability_alive(base).tobytes()
    expected = purchases.expected_purchases(base, horizon)
    assert table.expected_purchases.tobytes() == expected.tobytes()
    discounted = purchases.discounted_expected_purchases(base, horizon, rate)
    np.testing.assert_array_equal(table.clv, discounted * model.spend_.expected_spend(base))
