"""The NBD model: closed forms against mpmath, and what holds for every model of purchases."""

from __future__ import annotations

import warnings

import mpmath as mp
import numpy as np
import pytest
from clv_models import AWKWARD, at, cdnow_log, customers, simulate
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import tenure as tn
from tenure import _core

parameters = st.tuples(*[st.floats(0.01, 50.0)] * 2)


@pytest.fixture(scope="module")
def base():
    return cdnow_log().summary(unit="week", end="1997-09-30")


@settings(max_examples=50)
@given(parameters, st.integers(0, 300), st.floats(0.0, 300.0), st.floats(0.1, 300.0))
def test_predictions_are_the_closed_forms(theta, n, age, horizon):
    model = at(tn.clv.NBD, theta, unit="week")
    one = customers(n, min(age, 1e-3) if n and age else 0.0, age if age or not n else 1.0)
    if n and not age:
        one = customers(n, 0.5, 1.0)
    r, alpha, t = mp.mpf(theta[0]), mp.mpf(theta[1]), mp.mpf(horizon)
    with mp.workdps(30):
        rate = (r + n) / (alpha + mp.mpf(one["T"][0]))
        d = mp.log(mp.mpf("1.1"))
        short = rate * (1 - mp.exp(-d * t)) / d
        chance = mp.gammaprod([r + n], [r, n + 1]) * (alpha / (alpha + t)) ** r
        chance *= (t / (alpha + t)) ** n
        assert model.expected_purchases(one, horizon)[0] == pytest.approx(float(rate * t), 1e-13)
        got = model.discounted_expected_purchases(one, horizon, 0.1, "week")[0]
        assert got == pytest.approx(float(short), 1e-13)
        got = model.discounted_expected_purchases(one, np.inf, 0.1, "week")[0]
        assert got == pytest.approx(float(rate / d), 1e-13)
        assert model.probability_of_n_purchases(n, horizon) == pytest.approx(float(chance), 1e-11)
        assert model.expected_purchases_new(horizon) == pytest.approx(float(r * t / alpha), 1e-13)
    assert model.probability_alive(one)[0] == 1.0


@given(parameters, st.floats(0.01, 50.0))
def test_the_distribution_adds_up(theta, horizon):
    model = at(tn.clv.NBD, theta)
    n = np.arange(3000)
    p = model.probability_of_n_purchases(n, horizon)
    if p[-1] < 1e-18:
        assert p.sum() == pytest.approx(1.0, abs=1e-11)
        assert p @ n == pytest.approx(model.expected_purchases_new(horizon), rel=1e-9)
    counts = model.expected_frequency_counts(customers([2, 0], [1, 0], [horizon + 1] * 2), 5)
    q = model.probability_of_n_purchases(n[:5], horizon + 1)
    assert_allclose(counts.expected[:5], 2 * q, rtol=1e-11)
    assert counts.expected.sum() == pytest.approx(2.0, rel=1e-12)
    assert counts.observed.tolist() == [1, 0, 1, 0, 0, 0]


def test_nobody_leaves(base):
    model = tn.clv.NBD().fit(base)
    table = model.probability_alive(base, interval=0.9)
    for column in (table.value, table.lower, table.upper):
        assert np.all(column == 1.0)
    with pytest.raises(tn.InvalidInputError, match="nobody leaves, and the sum diverges"):
        model.expected_purchases(base, np.inf)
    value = tn.clv.CLV(tn.clv.NBD(), tn.clv.GammaGamma()).fit(base)
    told = value.predict(base, horizon=np.inf)
    assert np.all(np.isinf(told.expected_purchases))
    assert np.all(np.isfinite(told.clv))


def test_recency_order_weights_units_and_threads_do_not_matter():
    data = simulate(3000, seed=3)
    model = tn.clv.NBD(n_threads=1).fit(data)
    earlier = {**data, "recency": data["recency"] / 2}
    shuffle = np.random.default_rng(1).permutation(3000)
    weight = np.random.default_rng(2).integers(0, 3, 3000)
    x, t_x, age = data["frequency"], data["recency"], data["T"]
    for other, like, unit in (
        (tn.clv.NBD(n_threads=3).fit(data), model, 1.0),
        (tn.clv.NBD().fit(earlier), model, 1.0),
        (tn.clv.NBD().fit({n: c[shuffle] for n, c in data.items()}), model, 1.0),
        (tn.clv.NBD().fit(customers(x, t_x * 7, age * 7)), model, 7.0),
        (
            tn.clv.NBD().fit(data, weight),
            tn.clv.NBD().fit({n: np.repeat(c, weight) for n, c in data.items()}),
            1.0,
        ),
    ):
        assert other.params_["r"] == pytest.approx(like.params_["r"], rel=1e-8)
        assert other.params_["alpha"] == pytest.approx(unit * like.params_["alpha"], rel=1e-8)
    assert tn.clv.NBD(n_threads=3).fit(data).params_ == model.params_


@pytest.mark.parametrize("name", AWKWARD)
def test_a_fit_is_an_optimum_or_says_so(name):
    data = AWKWARD[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = tn.clv.NBD().fit(data)
    assert [w.category for w in caught] == ([] if model.converged_ else [tn.ConvergenceWarning])
    theta = np.array(list(model.params_.values()))
    assert np.all(np.isfinite(theta) & (theta > 0.0))
    columns = (data["frequency"], data["recency"], data["T"])
    value, gradient, hessian = _core.clv.nbd_log_likelihood(theta, *columns, None, 1)
    assert value == pytest.approx(model.log_likelihood_, rel=1e-9, abs=1e-9)
    if model.converged_:
        n = len(data["T"])
        assert np.abs(gradient).max() / n <= 1e-6 * max(1.0, abs(value / n))
        assert np.linalg.eigvalsh(-hessian.reshape(2, 2)).min() > 0.0


def test_a_model_comes_back_as_it_was(base, tmp_path):
    model = tn.clv.NBD().fit(base)
    model.save(tmp_path / "model")
    again = tn.load(tmp_path / "model")
    assert repr(again) == repr(model)
    assert again.expected_purchases(base, "1y").tolist() == (
        model.expected_purchases(base, "1y").tolist()
    )
