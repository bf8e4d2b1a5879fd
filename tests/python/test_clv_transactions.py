"""What holds for every model of repeat purchases: what must not matter, honesty, order."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from clv_models import AWKWARD, at, cdnow_log, customers, simulate
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import tenure as tn
from tenure import _core

MODELS = ["BGNBD", "MBGNBD", "ParetoNBD"]


@pytest.fixture(scope="module")
def base():
    return cdnow_log().summary(unit="week", end="1997-09-30")


@pytest.fixture(scope="module", params=MODELS)
def kind(request):
    return getattr(tn.clv, request.param)


@pytest.fixture(scope="module")
def model(kind, base):
    return kind().fit(base)


def columns(data):
    return data["frequency"], data["recency"], data["T"]


# --- what must not matter ------------------------------------------------------------------------


def same_fit(one, two, rtol=1e-8):
    assert_allclose(list(one.params_.values()), list(two.params_.values()), rtol=rtol)
    assert_allclose(one.log_covariance_, two.log_covariance_, rtol=100 * rtol)


@settings(max_examples=10)
@given(st.integers(0, 2**32))
def test_the_order_of_rows_does_not_matter(kind, seed):
    data = simulate(1500, seed=3)
    order = np.random.default_rng(seed).permutation(1500)
    shuffled = {name: column[order] for name, column in data.items()}
    same_fit(kind().fit(data), kind().fit(shuffled))


@settings(max_examples=10)
@given(st.integers(0, 2**32))
def test_a_weight_is_a_repetition(kind, seed):
    data = simulate(1000, seed=4)
    weight = np.random.default_rng(seed).integers(0, 4, 1000)
    repeated = {name: np.repeat(column, weight) for name, column in data.items()}
    plain = kind().fit(repeated)
    for weighted in (
        kind().fit(data, sample_weight=weight),
        kind().fit({**data, "weight": weight}),
    ):
        same_fit(plain, weighted)
        assert weighted.log_likelihood_ == pytest.approx(plain.log_likelihood_, rel=1e-12)
        assert weighted.n_customers_ == weight.sum()


@pytest.mark.parametrize("factor", [7.0, 86_400.0 * 7, 1e-9, 1e150, 1e-150])
def test_the_unit_of_time_does_not_matter(kind, model, base, factor):
    data = customers(base.frequency, base.recency * factor, base.T * factor)
    scaled = kind().fit(data)
    assert scaled.converged_
    times = [factor if name in ("alpha", "beta") else 1.0 for name in model.params_]
    expected = np.array(list(model.params_.values())) * times
    assert_allclose(list(scaled.params_.values()), expected, rtol=1e-8)
    shift = base.frequency.sum() * np.log(factor)
    assert scaled.log_likelihood_ == pytest.approx(model.log_likelihood_ - shift, rel=1e-11)
    assert_allclose(
        scaled.expected_purchases(data, 39 * factor), model.expected_purchases(base, 39), rtol=1e-7
    )


def test_the_number_of_threads_does_not_change_a_bit(kind):
    data = simulate(80_000, seed=5, days=False)

    def bits(threads):
        m = kind(n_threads=threads).fit(data)
        return [
            np.array(list(m.params_.values())).tobytes(),
            m.log_covariance_.tobytes(),
            m.probability_alive(data).tobytes(),
            m.expected_purchases(data, 52).tobytes(),
            m.expected_purchases(data, 52, interval=0.9).upper.tobytes(),
            m.expected_frequency_counts(data).expected.tobytes(),
        ]

    one = bits(1)
    for threads in (2, 3, 8):
        assert bits(threads) == one


# --- honesty on awkward data ---------------------------------------------------------------------


@pytest.mark.parametrize("name", AWKWARD)
def test_a_fit_is_an_optimum_or_says_so(kind, name):
    data = AWKWARD[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = kind().fit(data)
    assert [w.category for w in caught] == ([] if model.converged_ else [tn.ConvergenceWarning])
    at = np.array(list(model.params_.values()))
    assert np.all(np.isfinite(at) & (at > 0.0))
    assert np.isfinite(model.log_likelihood_)
    likelihood = getattr(_core.clv, f"{kind._prefix}_log_likelihood")
    value, gradient, hessian = likelihood(at, *columns(data), None, 1)
    assert value == pytest.approx(model.log_likelihood_, rel=1e-9, abs=1e-9)
    if model.converged_:
        n = len(data["T"])
        # The scale that a mean log-likelihood in its own unit of time has.
        own = max(1.0, abs(model.log_likelihood_ / n))
        assert np.abs(gradient).max() / n <= 1e-6 * own
        assert np.linalg.eigvalsh(-hessian.reshape(4, 4)).min() > 0.0
        assert np.all(np.diagonal(model.log_covariance_) > 0.0)
    else:
        assert str(caught[0].message).startswith(
            f"{kind.__name__} stopped without an optimum ({model.status_}"
        )
        with pytest.raises(tn.NotConvergedError, match=model.status_):
            kind(on_failure="raise").fit(data)
    for prediction in (
        model.probability_alive(data),
        model.expected_purchases(data, data["T"].max()),
    ):
        assert np.all(np.isfinite(prediction) & (prediction >= 0.0))


# --- predictions ---------------------------------------------------------------------------------

parameters = st.tuples(*[st.floats(0.05, 20.0)] * 4)


@st.composite
def histories(draw):
    age = draw(st.floats(0.5, 200.0))
    x = draw(st.integers(0, 200))
    return customers(x, 0.0 if x == 0 else age * draw(st.floats(0.01, 1.0)), age)


@given(parameters, histories(), st.floats(0.01, 300.0))
def test_predictions_obey_their_order(kind, theta, data, horizon):
    model = at(kind, theta)
    alive = model.probability_alive(data)[0]
    assert 0.0 <= alive <= 1.0
    longer = {**data, "T": data["T"] + 1.0}
    assert model.probability_alive(longer)[0] <= alive
    near, far = (model.expected_purchases(data, h)[0] for h in (horizon, 2 * horizon))
    rounding = 1 + 1e-12
    assert 0.0 <= near <= far * rounding <= 2 * near * rounding**2
    # Nobody buys more than an immortal with the same rate.
    rate = (theta[0] + data["frequency"][0]) / (theta[1] + data["T"][0])
    assert near <= alive * rate * horizon * (1 + 1e-12)
    tiny = 1e-8 / rate
    assert model.expected_purchases(data, tiny)[0] == pytest.approx(alive * rate * tiny, rel=1e-4)


@given(parameters, st.floats(0.0, 300.0))
def test_the_distribution_has_the_expected_mean(kind, theta, horizon):
    model = at(kind, theta)
    n = np.arange(200)
    p = model.probability_of_n_purchases(n, horizon)
    assert np.all(p >= 0.0)
    total = p.sum()
    assert total <= 1.0 + 1e-12
    # Above n, the mean is at least n times the rest; the two bounds enclose it.
    expected = model.expected_purchases_new(horizon)
    assert p @ n <= expected * (1 + 1e-10) + 1e-12
    if total > 1.0 - 1e-15:
        assert p @ n == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_the_first_purchase_is_no_repeat(model):
    fresh = customers(0, 0, 0)
    assert model.expected_purchases(fresh, 39)[0] == pytest.approx(
        model.expected_purchases_new(39), rel=1e-13
    )


# --- for ever ------------------------------------------------------------------------------------

USUAL = {
    "BGNBD": (0.25, 4.4, 0.8, 2.4),
    "MBGNBD": (0.5, 6.0, 0.9, 1.6),
    "ParetoNBD": (0.55, 10.6, 0.61, 11.7),
}
HISTORIES = customers([0, 1, 4, 30], [0.0, 10.0, 30.0, 38.0], [39.0, 39.0, 35.0, 39.0])


def with_tail(kind, value):
    """The usual model with another weight of those who stay long."""
    theta = dict(zip(kind.parameter_names, USUAL[kind.__name__], strict=True))
    return at(kind, list({**theta, kind._tail: value}.values()), unit="week")


def test_a_discount_makes_for_ever_finite(kind):
    model = with_tail(kind, 0.7)
    for_ever = model.discounted_expected_purchases(HISTORIES, discount_rate=0.1)
    near = 0.0
    for years in (1, 5, 20, 80):
        far = model.discounted_expected_purchases(HISTORIES, f"{years}y", discount_rate=0.1)
        assert np.all((near < far) & (far < for_ever))
        near = far
    assert_allclose(
        model.discounted_expected_purchases(HISTORIES, "1000y", 0.1), for_ever, rtol=1e-12
    )
    assert_allclose(
        model.discounted_expected_purchases(HISTORIES, "5y", discount_rate=0.0),
        model.expected_purchases(HISTORIES, "5y"),
        rtol=1e-12,
    )


def test_without_a_discount_for_ever_is_the_limit_or_refused(kind):
    for value in (0.7, 1.0):
        with pytest.raises(tn.InvalidInputError, match=f"{kind._tail} <= 1: the sum diverges"):
            with_tail(kind, value).expected_purchases(HISTORIES, np.inf)
    model = with_tail(kind, 3.0)
    x, _, age = columns(HISTORIES)
    if kind is tn.clv.ParetoNBD:  # the mean of lambda times that of 1/mu
        r, alpha, s, beta = model.params_.values()
        if_alive = (r + x) / (alpha + age) * (beta + age) / (s - 1.0)
    else:  # the mean of 1/p over beta(a, b + chances outlived)
        _, _, a, b = model.params_.values()
        if_alive = (b + x + (kind is tn.clv.MBGNBD)) / (a - 1.0) + 1.0
    assert_allclose(
        model.expected_purchases(HISTORIES, np.inf),
        if_alive * model.probability_alive(HISTORIES),
        rtol=1e-12,
    )


def test_the_limit_of_the_tail_is_no_hole(kind):
    for horizon in (1.0, 52.0, 5200.0):
        exact, near = (
            with_tail(kind, v).expected_purchases(HISTORIES, horizon) for v in (1.0, 1.0 + 1e-9)
        )
        assert_allclose(near, exact, rtol=1e-7)
        discounted = (
            with_tail(kind, v).discounted_expected_purchases(HISTORIES) for v in (1.0, 1.0 + 1e-9)
        )
        assert_allclose(*discounted, rtol=1e-7)


def test_of_a_million_customers_all_is_finite(kind):
    rng = np.random.default_rng(1)
    n = 1_000_000
    x = np.floor(rng.pareto(0.7, n)).clip(0, 300)
    age = rng.uniform(0.0, 1000.0, n)
    last = np.where(x > 0, np.maximum(age * rng.beta(3.0, 0.5, n), 1e-3), 0.0)
    data = customers(x, last, np.maximum(age, last))
    model = with_tail(kind, 0.7)
    alive = model.probability_alive(data)
    assert np.all((alive >= 0.0) & (alive <= 1.0))
    dert = model.discounted_expected_purchases(data)
    assert np.all(np.isfinite(dert) & (dert >= 0.0))
