"""Turnbull's estimate: brute-force optima, Kaplan-Meier as a special case, its own certificate."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.churn import KaplanMeier, Turnbull

interval = st.tuples(
    st.integers(0, 6), st.sampled_from([0, 1, 2, 4, math.inf]), st.integers(1, 3)
).filter(lambda r: r[0] + r[1] > 0)
samples = st.lists(interval, min_size=1, max_size=14)


def columns(sample):
    lower, length, weight = map(np.array, zip(*sample, strict=True))
    return lower.astype(float), lower + length, weight.astype(float)


def holds(lower, upper, left, right):
    """Whether an innermost interval lies within a row's, by the points that it holds."""
    if lower == upper:
        return left == right == lower
    inside_left = left >= lower if left < right else left > lower
    return inside_left and right <= upper


def brute_force(lower, upper, weight, left, right):
    """The largest log-likelihood over the simplex, by scipy, from the rows as they are."""
    a = np.array(
        [[holds(lo, up, x, y) for x, y in zip(left, right, strict=True)]
         for lo, up in zip(lower, upper, strict=True)], dtype=float,
    )  # fmt: skip
    assert (a.sum(axis=1) > 0).all()

    def loss(p):
        return -float(weight @ np.log(np.maximum(a @ p, 1e-300)))

    def slope(p):
        return -(weight / np.maximum(a @ p, 1e-300)) @ a

    k = a.shape[1]
    found = scipy.optimize.minimize(
        loss, np.full(k, 1 / k), jac=slope, method="SLSQP", bounds=[(0, 1)] * k,
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1, "jac": lambda p: np.ones(k)},
        options={"ftol": 1e-13, "maxiter": 500},
    )  # fmt: skip
    return -found.fun, a


@settings(max_examples=60)
@given(samples)
def test_no_point_of_the_simplex_is_likelier(sample):
    lower, upper, weight = columns(sample)
    t = Turnbull().fit(lower, upper, weight)
    best, a = brute_force(lower, upper, weight, t.curve_.left, t.curve_.right)
    assert t.converged_
    assert t.log_likelihood_ >= best - 1e-7 * weight.sum()
    assert_allclose(t.log_likelihood_, weight @ np.log(a @ t.curve_.mass), rtol=1e-10, atol=1e-10)
    assert_allclose(t.curve_.mass.sum(), 1.0, rtol=1e-13)
    # The certificate, from the rows as they are.
    gradient = (weight / (a @ t.curve_.mass)) @ a
    assert gradient.max() <= weight.sum() * (1 + 1.01e-9)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=30))
def test_right_censoring_gives_kaplan_meier(sample):
    t, churned = map(np.array, zip(*sample, strict=True))
    turnbull = Turnbull(tolerance=1e-12).fit(t, np.where(churned, t, math.inf))
    km = KaplanMeier().fit(t, churned)
    exact = turnbull.curve_.left == turnbull.curve_.right
    assert_array_equal(turnbull.curve_.left[exact], km.curve_.time)
    assert_allclose(turnbull.curve_.survival[exact], km.curve_.survival, rtol=0, atol=1e-6)


def test_current_status_is_isotonic_regression():
    # Seen once each: the estimate of F is the isotonic regression of churn on the time of the look.
    at, gone = np.array([1.0, 2, 3, 4, 5, 6]), np.array([0, 1, 0, 1, 1, 0])
    gone = np.append(gone, 1)
    at = np.append(at, 7.0)
    t = Turnbull().fit(np.where(gone, 0.0, at), np.where(gone, at, math.inf))
    f = np.array([0, 1 / 2, 1 / 2, 2 / 3, 2 / 3, 2 / 3, 1])
    assert_allclose(1 - t.predict(at), f, rtol=0, atol=1e-6)


@settings(max_examples=30)
@given(samples, st.randoms(use_true_random=False))
def test_weight_is_repetition_and_order_is_nothing(sample, random):
    repeated = [(a, b, 1) for a, b, w in sample for _ in range(w)]
    random.shuffle(repeated)
    one, two = Turnbull().fit(*columns(sample)), Turnbull().fit(*columns(repeated))
    assert_array_equal(one.curve_.left, two.curve_.left)
    assert_allclose(one.log_likelihood_, two.log_likelihood_, rtol=1e-9, atol=1e-9)


def test_says_nothing_within_an_interval_that_has_mass():
    t = Turnbull().fit([0, 1, 2, 4], [2, 3, 4, math.inf])
    value = t.predict([0.0, 1.0, 1.5, 2.0, 4.0, 5.0])
    assert np.isnan(value[[2, 5]]).all()
    assert_allclose(value[[0, 1, 3, 4]], [1, 1, 0.625, 0.25])


def test_a_fit_that_was_cut_short_says_so():
    rng = np.random.default_rng(1)
    lower = np.floor(rng.exponential(20, 400))
    upper = lower + rng.integers(1, 30, 400)
    with pytest.warns(tn.ConvergenceWarning, match="gap"):
        short = Turnbull(max_iterations=2).fit(lower, upper)
    assert not short.converged_
    assert short.gap_ > 1e-9
    assert Turnbull().fit(lower, upper).log_likelihood_ > short.log_likelihood_


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Turnbull().fit([], []), "lower"),
        (lambda: Turnbull().fit([1.0], [0.5]), r"upper\[0\]"),
        (lambda: Turnbull().fit([math.inf], [math.inf]), r"lower\[0\]"),
        (lambda: Turnbull().fit([1.0], [math.nan]), r"upper\[0\]"),
        (lambda: Turnbull().fit([1.0, 1.0], [2.0]), "upper"),
        (lambda: Turnbull().fit([1.0], [2.0], [0.0]), "sample_weight"),
        (lambda: Turnbull(tolerance=0).fit([1.0], [2.0]), "tolerance"),
        (lambda: Turnbull(max_iterations=0).fit([1.0], [2.0]), "max_iterations"),
    ],
)
def test_refusals(call, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        call()


def test_saved_read_and_drawn():
    t = Turnbull().fit([0, 1, 2, 4, 3], [2, 3, 4, math.inf, 3])
    again = pickle.loads(pickle.dumps(t))
    assert_array_equal(again.curve_.mass, t.curve_.mass)
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    _, ax = pyplot.subplots()
    assert again.plot(ax) is ax
    assert len(ax.lines) == len(ax.collections) == 1
    pyplot.close(ax.figure)
