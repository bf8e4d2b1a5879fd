"""Profile limits: against a search by another optimiser, and where there is no profile."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from clv_models import cdnow_log, futures
from numpy.testing import assert_allclose

import tenure as tn

MODELS = ["BGNBD", "MBGNBD", "ParetoNBD", "GammaGamma"]


@pytest.fixture(scope="module")
def base():
    return cdnow_log().summary(unit="week", end="1997-09-30")


@pytest.fixture(scope="module", params=MODELS)
def model(request, base):
    return getattr(tn.clv, request.param)().fit(base)


def test_at_a_limit_the_best_of_the_others_loses_half_a_quantile(model, base):
    table = model.profile_interval(base, level=0.9)
    likelihood = model._likelihood_of(base, None)
    optimum = np.log(table.estimate)
    half = 1.6448536269514722**2 / 2
    for i in range(len(optimum)):
        for limit in (table.lower[i], table.upper[i]):

            def loss(others, i=i, limit=limit):
                value, gradient, _ = likelihood(np.insert(others, i, np.log(limit)))
                return -value, -np.delete(gradient, i)

            found = scipy.optimize.minimize(
                loss, np.delete(optimum, i), jac=True, method="BFGS", options={"gtol": 1e-6}
            )
            assert model.log_likelihood_ + found.fun == pytest.approx(half, rel=1e-6)


def test_bg_bb_has_a_profile():
    data = tn.datasets.load_donations()
    model = tn.clv.BGBB().fit(data)
    table = model.profile_interval(data, level=0.9)
    likelihood = model._likelihood_of(data, None)
    best = model.log_likelihood_
    optimum = np.log(table.estimate)

    def loss(others):
        value, gradient, _ = likelihood(np.insert(others, 3, np.log(table.upper[3])))
        return -value, -gradient[:3]

    found = scipy.optimize.minimize(loss, optimum[:3], jac=True, method="BFGS")
    assert_allclose(2 * (best + found.fun), 1.6448536269514722**2, rtol=1e-5)


def test_limits_are_around_the_estimate_and_widen_with_the_level(model, base):
    narrow, wide = (model.profile_interval(base, level=level) for level in (0.5, 0.99))
    assert np.all(wide.lower < narrow.lower)
    assert np.all(narrow.lower < narrow.estimate)
    assert np.all(narrow.estimate < narrow.upper)
    assert np.all(narrow.upper < wide.upper)
    assert_allclose(wide.standard_error, list(model.standard_errors_.values()), rtol=1e-12)


def test_many_customers_make_the_likelihood_a_parabola():
    data = futures("BGNBD", (0.8, 6.0, 1.5, 4.0), 300_000, 1, seen=52.0)[0]
    model = tn.clv.BGNBD().fit(data)
    profile, wald = model.profile_interval(data), model.interval()
    spread = np.log(wald.upper / wald.lower)
    assert np.all(np.abs(np.log(profile.lower / wald.lower)) < 0.02 * spread)
    assert np.all(np.abs(np.log(profile.upper / wald.upper)) < 0.02 * spread)


def test_weights_stand_for_customers(base):
    data = futures("BGNBD", (0.8, 6.0, 1.5, 4.0), 500, 2, seen=52.0)[0]
    weight = np.arange(500) % 3
    repeated = {name: np.repeat(column, weight) for name, column in data.items()}
    weighted = tn.clv.BGNBD().fit(data, sample_weight=weight)
    one = weighted.profile_interval(data, sample_weight=weight)
    two = tn.clv.BGNBD().fit(repeated).profile_interval(repeated)
    assert_allclose(one.lower, two.lower, rtol=1e-6)
    assert_allclose(one.upper, two.upper, rtol=1e-6)


def test_a_ridge_has_no_end():
    """Few customers who may as well all buy at one rate: r and alpha grow together for ever."""
    rng = np.random.default_rng(4)
    data = futures("BGNBD", (4.0, 40.0, 1.0, 3.0), 60, rng, seen=60.0)[0]
    model = tn.clv.BGNBD().fit(data)
    assert model.converged_
    table = model.profile_interval(data, level=0.9999)
    assert np.isinf(table.upper[:2]).all()
    assert np.all(table.lower > 0.0)


def test_no_profile_without_an_optimum_or_with_a_penalty(base):
    with pytest.warns(tn.ConvergenceWarning):
        short = tn.clv.BGNBD(max_iter=1).fit(base)
    with pytest.raises(tn.NotConvergedError, match="no profile"):
        short.profile_interval(base)
    with pytest.raises(tn.InvalidInputError, match="l2 must be 0"):
        tn.clv.BGNBD(l2=0.01).fit(base).profile_interval(base)


def test_other_data_are_refused(model, base):
    other = cdnow_log().summary(unit="week", end="1997-08-31")
    with pytest.raises(tn.InvalidInputError, match="must be those of the fit") as caught:
        model.profile_interval(other)
    assert caught.value.argument == "data"
