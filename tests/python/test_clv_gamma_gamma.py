"""Gamma-gamma: the optimum, its honesty on awkward data, expected spend."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.optimize
from clv_models import at, cdnow_log
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import gammaln

import tenure as tn
from tenure import _core


def simulate(n, seed, p=6.0, q=4.0, gamma=15.0):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 8, n)
    nu = rng.gamma(q, 1 / gamma, n)
    m = rng.gamma(p * np.maximum(x, 1)) / (nu * np.maximum(x, 1))
    return {"frequency": x.astype(float), "monetary_value": np.where(x > 0, m, np.nan)}


def oracle(u, x, m):
    """Mean negative log-likelihood [Fader & Hardie 2013, eq. 1a] by scipy's gamma functions."""
    p, q, g = np.exp(u)
    return -np.mean(
        gammaln(p * x + q)
        - gammaln(p * x)
        - gammaln(q)
        + q * np.log(g)
        + (p * x - 1) * np.log(m)
        + p * x * np.log(x)
        - (p * x + q) * np.log(g + m * x)
    )


def test_finds_the_optimum_that_scipy_finds():
    data = simulate(3000, 1)
    used = data["frequency"] > 0
    x, m = (c[used] for c in data.values())
    model = tn.clv.GammaGamma().fit(data)
    found = scipy.optimize.minimize(
        oracle,
        np.zeros(3),
        (x, m),
        method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 10_000, "maxfev": 10_000},
    )
    assert model.converged_
    assert_allclose(list(model.params_.values()), np.exp(found.x), rtol=1e-5)
    assert_allclose(model.log_likelihood_, -found.fun * len(x), rtol=1e-12)
    assert model.n_excluded_ == (~used).sum()
    assert model.correlation_ == pytest.approx(np.corrcoef(x, m)[0, 1], rel=1e-9)
    assert model.score(data) == pytest.approx(model.log_likelihood_ / len(x), rel=1e-12)


@pytest.mark.parametrize("factor", [100.0, 1e-6, 1e120, 1e-120])
def test_the_unit_of_money_does_not_matter(factor):
    data = simulate(1000, 2)
    scaled = {**data, "monetary_value": data["monetary_value"] * factor}
    one, two = tn.clv.GammaGamma().fit(data), tn.clv.GammaGamma().fit(scaled)
    assert two.converged_
    expected = np.array(list(one.params_.values())) * [1, 1, factor]
    assert_allclose(list(two.params_.values()), expected, rtol=1e-7)
    assert_allclose(two.expected_spend(scaled), one.expected_spend(data) * factor, rtol=1e-7)


def test_a_weight_is_a_repetition():
    data = simulate(800, 3)
    weight = np.random.default_rng(3).integers(0, 4, 800)
    repeated = {name: np.repeat(column, weight) for name, column in data.items()}
    one = tn.clv.GammaGamma().fit(repeated)
    two = tn.clv.GammaGamma().fit(data, sample_weight=weight)
    assert_allclose(list(one.params_.values()), list(two.params_.values()), rtol=1e-8)
    assert two.correlation_ == pytest.approx(one.correlation_, rel=1e-9)
    assert two.score(data, weight) == pytest.approx(one.score(repeated), rel=1e-12)


def test_the_penalty_is_the_one_it_says():
    data = simulate(1000, 4)
    used = data["frequency"] > 0
    x, m = (c[used] for c in data.values())

    def penalised(u):
        p, q, g = np.exp(u)
        return oracle(u, x, m) + 0.01 * (p**2 + q**2 + (10 * g / m.mean()) ** 2)

    model = tn.clv.GammaGamma(l2=0.01).fit(data)
    u = np.log(list(model.params_.values()))
    assert_allclose(scipy.optimize.approx_fprime(u, penalised, 1e-6), 0.0, atol=1e-5)


def same(value, n=200):
    return np.full(n, value)


AWKWARD = {
    "constant amounts": {"frequency": same(3.0), "monetary_value": same(20.0)},
    "constant up to cents": {
        "frequency": same(3.0),
        "monetary_value": 20 + np.random.default_rng(1).uniform(-0.01, 0.01, 200),
    },
    "one customer": {"frequency": [2.0], "monetary_value": [30.0]},
    "one purchase each": {
        "frequency": same(1.0),
        "monetary_value": np.random.default_rng(2).gamma(2, 10, 200),
    },
    "heavy tails": {
        "frequency": np.arange(200) % 5 + 1.0,
        "monetary_value": np.exp(3 * np.random.default_rng(3).normal(size=200)),
    },
    "a million purchases": {
        "frequency": np.append(simulate(300, 5)["frequency"], 1e6),
        "monetary_value": np.append(simulate(300, 5)["monetary_value"], 40.0),
    },
    "a simulation": simulate(5000, 6),
}


@pytest.mark.parametrize("name", AWKWARD)
def test_a_fit_is_an_optimum_or_says_so(name):
    data = {k: np.asarray(v, dtype=float) for k, v in AWKWARD[name].items()}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = tn.clv.GammaGamma().fit(data)
    assert [w.category for w in caught] == ([] if model.converged_ else [tn.ConvergenceWarning])
    theta = np.array(list(model.params_.values()))
    assert np.all(np.isfinite(theta) & (theta > 0))
    value, gradient, hessian = _core.clv.gamma_gamma_log_likelihood(theta, *data.values(), None, 1)
    assert value == pytest.approx(model.log_likelihood_, rel=1e-8, abs=1e-8)
    if model.converged_:
        own = max(1.0, abs(value / model.n_customers_))
        assert np.abs(gradient).max() / model.n_customers_ <= 1e-6 * own
        assert np.linalg.eigvalsh(-hessian.reshape(3, 3)).min() > 0.0


def test_constant_amounts_are_a_boundary():
    with pytest.warns(tn.ConvergenceWarning, match="boundary"):
        model = tn.clv.GammaGamma().fit(AWKWARD["constant amounts"])
    assert model.params_["p"] > 1e3
    assert_allclose(model.expected_spend(AWKWARD["constant amounts"]), 20.0, rtol=1e-3)
    assert np.isnan(model.correlation_)


@given(
    st.tuples(st.floats(0.2, 20.0), st.floats(1.1, 20.0), st.floats(0.1, 100.0)),
    st.integers(1, 50),
    st.floats(0.1, 500.0),
)
def test_expected_spend_is_the_posterior_mean(theta, x, m):
    """E[p / nu] under the gamma posterior of nu, integrated numerically."""
    p, q, gamma = theta
    shape, rate = p * x + q, gamma + m * x
    # The trapezoidal rule in log nu; nu times the density cancels against 1 / nu.
    v, step = np.linspace(-500.0, 50.0, 20_001, retstep=True)
    log_density = shape * np.log(rate) - gammaln(shape) + (shape - 1) * v - rate * np.exp(v)
    expected = p * np.exp(log_density).sum() * step
    model = at(tn.clv.GammaGamma, theta)
    got = model.expected_spend({"frequency": [x], "monetary_value": [m]})[0]
    assert got == pytest.approx(expected, rel=1e-9)


def test_limits_follow_from_the_gradient():
    base = cdnow_log().summary(unit="week", end="1997-09-30")
    model = tn.clv.GammaGamma().fit(base)
    u = np.log(list(model.params_.values()))
    h = 1e-5
    rows = np.array(
        [
            np.log(at(tn.clv.GammaGamma, np.exp(u + h * e)).expected_spend(base))
            - np.log(at(tn.clv.GammaGamma, np.exp(u - h * e)).expected_spend(base))
            for e in np.eye(3)
        ]
    ) / (2 * h)
    error = np.sqrt(np.einsum("in,ij,jn->n", rows, model.log_covariance_, rows))
    got = model.expected_spend(base, interval=0.95)
    assert_allclose(np.log(got.upper / got.value), 1.959963984540054 * error, rtol=1e-5)
    assert_allclose(got.value, model.expected_spend(base), rtol=1e-13)


def test_no_mean_is_infinite_and_flagged():
    model = at(tn.clv.GammaGamma, (0.2, 0.5, 10.0))
    data = {"frequency": [0.0, 1.0, 4.0], "monetary_value": [np.nan, 20.0, 20.0]}
    with pytest.warns(tn.DataWarning, match=r"2 of 3 customers have p x \+ q <= 1"):
        got = model.expected_spend(data)
    assert got.tolist()[:2] == [np.inf, np.inf]
    assert np.isfinite(got[2])
    with pytest.warns(tn.DataWarning, match="1 of 1"):
        assert model.expected_spend_new() == np.inf


def test_amounts_that_the_model_cannot_read_are_counted():
    model = at(tn.clv.GammaGamma, (6.25, 3.74, 15.44))
    data = {"frequency": [2.0, 2.0, 0.0], "monetary_value": [-5.0, 0.0, -5.0]}
    with pytest.warns(tn.DataWarning, match="2 of 3 customers have repeat orders"):
        got = model.expected_spend(data)
    assert got.tolist() == [model.expected_spend_new()] * 3
