"""GGompertz/NBD: its Pareto/NBD limit, lifetimes with a mode, simulated histories."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import scipy.integrate
from clv_models import AWKWARD, at, cdnow_log, customers, published
from clv_models import gompertz_customers as simulate
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import tenure as tn
from tenure import _core

USUAL = (0.55, 10.6, 0.05, 0.6, 0.4)
MODE = (1.5, 6.0, 0.25, 1.5, 400.0)  # most leave at an age of about 20
PARETO = (0.5533, 10.578, 0.6062, 11.669)
CUSTOMERS = 2500
HISTORIES = customers([0, 0, 1, 2, 5, 40], [0, 0, 39, 10, 30, 3], [0, 39, 39, 30, 38, 20])


def columns(data):
    return data["frequency"], data["recency"], data["T"]


@pytest.fixture(scope="module")
def fitted():
    return tn.clv.GGompertzNBD().fit(simulate(CUSTOMERS, 3, MODE))


def test_recovers_a_lifetime_with_a_mode(fitted):
    assert fitted.converged_
    error = np.sqrt(np.diagonal(fitted.log_covariance_))
    off = np.log(np.array(list(fitted.params_.values())) / MODE)
    assert np.all(np.abs(off) < 4 * error)
    data = simulate(CUSTOMERS, 3, MODE)
    value, gradient, hessian = _core.clv.ggompertz_nbd_log_likelihood(
        np.array(list(fitted.params_.values())), *columns(data), None, 2
    )
    assert value == pytest.approx(fitted.log_likelihood_, rel=1e-10)
    assert np.abs(gradient).max() < 1e-6 * CUSTOMERS
    # The covariance is that of the parameters told, not of beta/b.
    assert_allclose(fitted.log_covariance_, np.linalg.inv(-hessian.reshape(5, 5)), rtol=1e-5)
    with pytest.warns(tn.ConvergenceWarning, match="boundary"):
        falling = tn.clv.ParetoNBD().fit(data)
    assert fitted.log_likelihood_ > falling.log_likelihood_ + 10


def test_cdnow_runs_to_its_pareto_limit():
    base = cdnow_log().summary(unit="week", end="1997-09-30")
    with pytest.warns(tn.ConvergenceWarning, match=r"boundary.*b runs to 0.*beta/b = 11\.6"):
        model = tn.clv.GGompertzNBD().fit(base)
    pareto = tn.clv.ParetoNBD().fit(base)
    assert model.status_ == "boundary"
    assert not model.converged_
    assert model.log_likelihood_ == pytest.approx(pareto.log_likelihood_, abs=1e-3)
    for row in published("ggompertz_nbd"):
        name = row["quantity"].split()[1]
        got = model.log_likelihood_ if name == "log_likelihood" else model.params_[name]
        assert got == pytest.approx(float(row["value"]), abs=float(row["absolute"])), row
    assert model.log_likelihood_ <= pareto.log_likelihood_ + 1e-6
    assert model.beta_over_b_ == pytest.approx(pareto.params_["beta"], rel=1e-2)
    assert model.params_["r"] == pytest.approx(pareto.params_["r"], rel=1e-3)
    assert_allclose(
        model.expected_purchases(base, 39), pareto.expected_purchases(base, 39), rtol=1e-2
    )


def test_predictions_become_those_of_pareto():
    b = 1e-10
    model = at(tn.clv.GGompertzNBD, (*PARETO[:2], b, PARETO[2], PARETO[3] * b))
    pareto = at(tn.clv.ParetoNBD, PARETO)
    for call in (
        lambda m: m.probability_alive(HISTORIES),
        lambda m: m.expected_purchases(HISTORIES, 39),
        lambda m: m._discounted(m._read(HISTORIES), math.inf, 0.05, False),
        lambda m: m.expected_purchases_new([1.0, 39.0, 500.0]),
        lambda m: m.probability_of_n_purchases([0, 1, 2, 10, 50], 39),
        lambda m: m.expected_frequency_counts(HISTORIES).expected,
    ):
        assert_allclose(call(model), call(pareto), rtol=1e-6)


@given(
    st.tuples(
        st.floats(0.1, 5.0),
        st.floats(0.5, 50.0),
        st.floats(1e-3, 1.0),
        st.floats(0.1, 5.0),
        st.floats(1e-3, 1e3),
    ),
    st.floats(0.5, 100.0),
)
@settings(max_examples=30)
def test_expected_purchases_are_the_integral_of_survival(theta, horizon):
    r, alpha, b, s, beta = theta
    told, _ = scipy.integrate.quad(
        lambda t: (1 + math.expm1(b * t) / beta) ** -s,
        0,
        horizon,
        epsabs=0,
        epsrel=1e-10,
        limit=400,
    )
    model = at(tn.clv.GGompertzNBD, theta)
    assert model.expected_purchases_new(horizon) == pytest.approx(r / alpha * told, rel=1e-8)
    new = model.expected_purchases(customers(0, 0, 0), horizon)[0]
    assert new == pytest.approx(r / alpha * told, rel=1e-8)
    alive = model.probability_alive(HISTORIES)
    assert np.all((alive >= 0) & (alive <= 1))
    assert alive[0] == alive[2] == 1.0


def test_all_purchases_to_come_are_finite():
    model = at(tn.clv.GGompertzNBD, USUAL, unit="week")
    ever = model.expected_purchases(HISTORIES, math.inf)
    assert_allclose(model.expected_purchases(HISTORIES, 1e6), ever, rtol=1e-12)
    assert np.all(ever > model.expected_purchases(HISTORIES, 100))


def test_the_unit_of_time_does_not_matter():
    data = simulate(800, 4, MODE)
    weeks = tn.clv.GGompertzNBD().fit(data)
    days = tn.clv.GGompertzNBD().fit(
        customers(data["frequency"], data["recency"] * 7, data["T"] * 7)
    )
    told = np.array(list(weeks.params_.values())) * [1, 7, 1 / 7, 1, 1]
    assert_allclose(list(days.params_.values()), told, rtol=1e-6)


def test_threads_change_no_bit():
    data = simulate(800, 5, MODE)

    def bits(threads):
        model = tn.clv.GGompertzNBD(n_threads=threads).fit(data)
        return [
            np.array(list(model.params_.values())).tobytes(),
            model.probability_alive(data).tobytes(),
            model.expected_purchases(data, 20, interval=0.9).upper.tobytes(),
            model.expected_frequency_counts(data).expected.tobytes(),
        ]

    assert bits(1) == bits(2)


@pytest.mark.parametrize(
    "name",
    [
        "one-time buyers only",
        "one customer",
        "nothing observed yet",
        "identical customers",
        "Poisson buyers",
        "nobody leaves",
        "everybody leaves at once",
        "an outlier",
        "tiny times",
        "three customers",
        "a small simulation",
    ],
)
def test_a_fit_is_an_optimum_or_says_so(name):
    data = AWKWARD[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = tn.clv.GGompertzNBD().fit(data)
    assert [w.category for w in caught] == ([] if model.converged_ else [tn.ConvergenceWarning])
    theta = np.array(list(model.params_.values()))
    assert np.all(np.isfinite(theta) & (theta > 0.0))
    value, gradient, hessian = _core.clv.ggompertz_nbd_log_likelihood(
        theta, *columns(data), None, 2
    )
    assert value == pytest.approx(model.log_likelihood_, rel=1e-8, abs=1e-8)
    if model.converged_:
        n = len(data["T"])
        own = max(1.0, abs(model.log_likelihood_ / n))
        assert np.abs(gradient).max() / n <= 1e-5 * own
        assert np.linalg.eigvalsh(-hessian.reshape(5, 5)).min() > 0.0
    for got in (
        model.probability_alive(data),
        model.expected_purchases(data, data["T"].max()),
    ):
        assert np.all(np.isfinite(got) & (got >= 0.0))


def test_values_for_ever():
    spend = at(tn.clv.GammaGamma, (6.25, 3.74, 15.44))
    model = tn.clv.CLV(tn.clv.GGompertzNBD(), tn.clv.GammaGamma())
    model.transactions_, model.spend_ = at(tn.clv.GGompertzNBD, USUAL, unit="week"), spend
    data = {**HISTORIES, "monetary_value": [np.nan, np.nan, 20.0, 30.0, 40.0, 35.0]}
    table = model.predict(data, horizon=math.inf, discount_rate=0.1)
    assert_allclose(
        table.expected_purchases, model.transactions_.expected_purchases(HISTORIES, math.inf)
    )
    assert np.all((table.clv > 0) & np.isfinite(table.clv))


def test_a_discount_below_zero_is_refused():
    model = at(tn.clv.GGompertzNBD, USUAL, unit="week")
    with pytest.raises(tn.InvalidInputError, match="discount_rate"):
        model.discounted_expected_purchases(HISTORIES, 10, discount_rate=-0.1)


def test_saves_and_opens(fitted, tmp_path):
    fitted.save(tmp_path / "m.tenure")
    again = tn.load(tmp_path / "m.tenure")
    assert again.params_ == fitted.params_
    assert again.beta_over_b_ == fitted.beta_over_b_
