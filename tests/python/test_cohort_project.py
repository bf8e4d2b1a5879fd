"""The shifted beta-geometric projection: published fits, mpmath, SciPy, simulated contracts."""

from __future__ import annotations

import datetime as dt

import mpmath
import numpy as np
import pytest
import scipy.optimize
import scipy.special
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure import _core

# Per 1,000 customers, after 0 to 12 renewals. [Fader & Hardie 2007, table 1]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241, 223, 207, 194, 183, 173]
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394]


def log_likelihood(a, b, survivors):
    """Eq. 5 and 6 in 30 digits: who left at t, and who was there at the end."""
    with mpmath.workdps(30):
        n = len(survivors) - 1
        total = survivors[n] * mpmath.log(mpmath.beta(a, b + n) / mpmath.beta(a, b))
        for t in range(1, n + 1):
            lost = survivors[t - 1] - survivors[t]
            total += lost * mpmath.log(mpmath.beta(a + 1, b + t - 1) / mpmath.beta(a, b))
        return total


# --- published ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("survivors", "alpha", "beta", "value"),
    [
        (REGULAR[:8], 0.7041, 1.1820, -1680.2652),
        (HIGH_END[:8], 0.6681, 3.8061, -1611.1581),
        (REGULAR[:5], 0.7637, 1.2958, -1401.5594),
        (HIGH_END[:5], 1.2810, 7.7904, -1225.1349),
    ],
)
def test_published_fits(survivors, alpha, beta, value):
    p = tn.cohort.project(survivors, 12)
    assert_allclose([p.params["alpha"], p.params["beta"]], [alpha, beta], rtol=0, atol=1e-4)
    assert_allclose(p.log_likelihood, value, rtol=0, atol=1e-4)
    assert p.status == "converged"
    a, b = p.params.values()
    assert_allclose(p.log_likelihood, float(log_likelihood(a, b, survivors)), rtol=1e-12)
    expected = [float(mpmath.beta(a, b + t) / mpmath.beta(a, b)) for t in p.age]
    assert_allclose(p.expected, expected, rtol=1e-12)
    assert_allclose(p.retention_rate[1:], np.array(expected[1:]) / expected[:-1], rtol=1e-12)


def test_the_projection_of_the_paper_holds():
    # As in their figures, the five renewals that follow lie on the curve of the first seven.
    for survivors in (REGULAR, HIGH_END):
        p = tn.cohort.project(survivors[:8], 12)
        assert np.abs(p.expected - np.array(survivors) / 1000).max() < 0.021
        assert ((p.lower <= p.expected) & (p.expected <= p.upper)).all()
        assert_allclose(p.observed[:8], np.array(survivors[:8]) / 1000, rtol=1e-15)
        assert np.isnan(p.observed[8:]).all()


# --- the fit --------------------------------------------------------------------------------------

tables = st.lists(
    st.tuples(st.integers(20, 400), st.lists(st.floats(0.3, 0.98), min_size=1, max_size=7)),
    min_size=1,
    max_size=4,
).map(lambda cohorts: [[int(n * np.prod(r[:k])) for k in range(len(r) + 1)] for n, r in cohorts])


def as_table(cohorts):
    width = max(map(len, cohorts))
    return np.array([c + [np.nan] * (width - len(c)) for c in cohorts], float)


@pytest.mark.filterwarnings("ignore::tenure.ConvergenceWarning")
@settings(max_examples=30)
@given(tables)
def test_the_fit_is_the_optimum_of_all_cohorts(cohorts):
    try:
        p = tn.cohort.project(as_table(cohorts), 3)
    except tn.InvalidInputError:
        lost = [t for c in cohorts for t in range(1, len(c)) if c[t] < c[t - 1]]
        told = {t for c in cohorts for t in range(1, len(c)) if c[t - 1] > 0}
        kept = any(c[1] > 0 for c in cohorts if len(c) > 1)
        assert not lost or len(told) < 2 or not kept
        return
    assume(p.status == "converged")

    def minus(u):
        a, b = np.exp(u)
        total = 0.0
        for c in cohorts:
            ratio = scipy.special.betaln(a, b + len(c) - 1) - scipy.special.betaln(a, b)
            total += c[-1] * ratio
            for t in range(1, len(c)):
                one = scipy.special.betaln(a + 1, b + t - 1) - scipy.special.betaln(a, b)
                total += (c[t - 1] - c[t]) * one
        return -total

    at = np.log(list(p.params.values()))
    assert_allclose(p.log_likelihood, -minus(at), rtol=1e-9, atol=1e-7)
    best = scipy.optimize.minimize(minus, at, method="Nelder-Mead", options={"xatol": 1e-7})
    assert -best.fun <= p.log_likelihood + 1e-6 * max(1.0, abs(best.fun))


@settings(max_examples=40)
@given(st.floats(-4, 6), st.floats(-4, 6), st.lists(st.integers(0, 50), min_size=2, max_size=20))
def test_gradient_and_hessian_by_complex_steps(u, v, numbers):
    half = len(numbers) // 2
    lost, kept = (np.array(x, float) for x in (numbers[:half], numbers[half : 2 * half]))
    value, gradient, hessian = _core.survival.beta_geometric_log_likelihood(
        np.exp(u), np.exp(v), lost, kept
    )

    def f(u, v):
        t = np.arange(half)
        odds = np.exp(v) + t
        return (lost * np.log(np.exp(u) / (np.exp(u) + odds))
                + kept * np.log(odds / (np.exp(u) + odds))).sum()  # fmt: skip

    h = 1e-30
    assert_allclose(value, f(u, v), rtol=1e-10, atol=1e-10)
    exact = [f(u + 1j * h, v).imag / h, f(u, v + 1j * h).imag / h]
    assert_allclose(gradient, exact, rtol=1e-9, atol=1e-9)
    h = 1e-4
    second = [
        (f(u + du + 1j * 1e-30 * (i == 0), v + dv + 1j * 1e-30 * (i == 1)).imag
         - f(u - du + 1j * 1e-30 * (i == 0), v - dv + 1j * 1e-30 * (i == 1)).imag) / (2e-30 * h)
        for i in range(2) for du, dv in ((h, 0), (0, h))
    ]  # fmt: skip
    assert_allclose(hessian, second, rtol=1e-5, atol=1e-5)


def test_cohorts_pool():
    one = tn.cohort.project(REGULAR[:8], 10)
    two = tn.cohort.project(as_table([REGULAR[:8]] * 2), 10)
    assert_allclose(two.expected, one.expected, rtol=1e-9)
    assert_allclose(two.standard_errors["beta"], one.standard_errors["beta"] / 2**0.5, rtol=1e-8)
    young = tn.cohort.project(as_table([REGULAR[:8], REGULAR[:3]]), 10)
    assert young.n_customers == 2000
    ages = [a for c, a in zip(young.customers.cohort, young.customers.age, strict=True) if c == 1]
    assert ages == list(range(3, 11))
    # Given 468 after two renewals: 468 S(t) / S(2).
    expected = young.customers.expected[np.array(young.customers.cohort) == 1]
    assert_allclose(expected, 468 * young.expected[3:] / young.expected[2], rtol=1e-12)


# --- where the data tell nothing ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("survivors", "says"),
    [
        ([10, 10, 10], "nobody churned"),
        ([10, 4], "two ages"),
        ([10, 0, 0], "two ages"),
        ([10], "two ages"),
        ([[10, 0], [5, 0]], "two ages"),
        ([0, 0, 0], "a cohort with customers"),
        ([[np.nan, np.nan]], "a cohort with customers"),
        ([10, 5, 6], "no contract"),
        ([10, 5.5, 3], "a whole number"),
        ([10, -1, -2], "a whole number"),
        ([10, np.nan, 3], "missing"),
        ("abc", "counts by age"),
        (np.ones((2, 2, 2)), "one or two dimensions"),
    ],
)
def test_refuses_what_it_cannot_tell(survivors, says):
    with pytest.raises(tn.InvalidInputError, match=says) as error:
        tn.cohort.project(survivors)
    assert error.value.argument == "survivors"


@pytest.mark.parametrize(
    ("survivors", "says"),
    [([1000, 500, 250, 125], "all alike"), ([1000, 500, 500, 500], "at once or never")],
)
def test_a_boundary_is_said_and_has_no_limits(survivors, says):
    with pytest.warns(tn.ConvergenceWarning, match=says):
        p = tn.cohort.project(survivors)
    assert p.status == "boundary"
    assert says in p.warnings[0]
    assert np.isnan(p.lower[1:]).all()
    assert np.isnan(p.customers.upper).all()
    limit = np.array(survivors) / 1000
    assert_allclose(p.expected[:4], limit, atol=1e-3)  # the curve is that of the limit
    with pytest.raises(tn.NotConvergedError, match=says):
        tn.cohort.project(survivors, on_failure="raise")
    with pytest.warns(tn.ConvergenceWarning, match="budget"):
        tn.cohort.project(REGULAR[:8], max_iter=1)


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({"max_age": -1}, "max_age"),
        ({"max_age": 5000}, "max_age"),
        ({"level": 1}, "level"),
        ({"max_iter": 0}, "max_iter"),
        ({"tol": 0}, "tol"),
        ({"on_failure": "ignore"}, "on_failure"),
    ],
)
def test_refuses_settings_out_of_range(given, argument):
    with pytest.raises(tn.InvalidInputError) as error:
        tn.cohort.project(REGULAR[:8], **given)
    assert error.value.argument == argument


# --- from results ---------------------------------------------------------------------------------


def monthly(kept):
    """Customers who order every month of 2024 up to their last."""
    rows = [(c, m) for c, last in enumerate(kept) for m in range(1, last + 1)]
    return tn.EventLog(
        {"id": [c for c, _ in rows], "d": [dt.date(2024, m, 9) for _, m in rows]},
        customer="id", time="d", observed_until="2024-06-30",
    )  # fmt: skip


def test_retention_without_returns_is_a_table_of_contracts():
    log = monthly([1] * 30 + [2] * 12 + [3] * 7 + [4] * 4 + [5] * 2 + [6] * 45)
    streak = tn.cohort.retention(log, match="on_or_before")
    p = tn.cohort.project(streak, 8)
    by_hand = tn.cohort.project([100, 70, 58, 51, 47, 45], 8)
    assert_array_equal(p.expected, by_hand.expected)
    assert p.customers.cohort[0] == dt.date(2024, 1, 1)
    assert p.customers.age.tolist() == [6, 7, 8]
    assert_array_equal(tn.cohort.project(tn.cohort.retention(log), 8).expected, p.expected)
    for asked in ({"match": "on_or_after"}, {"clock": "rolling"}, {"value": "events"}):
        with pytest.raises(tn.InvalidInputError, match="must be retention"):
            tn.cohort.project(tn.cohort.retention(log, n_bootstrap=2, **asked))


# --- limits ---------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(0, 80), st.floats(0.05, 200), st.floats(0.05, 200), st.floats(0.5, 0.99))
def test_beta_binomial_limits_are_those_of_scipy(n, a, b, level):
    low, high = _core.survival.beta_binomial_limits(
        np.array([n]), np.array([a]), np.array([b]), level
    )
    law = scipy.stats.betabinom(n, a, b)
    tail = (1 - level) / 2
    slack = 1e-9
    assert law.cdf(low[0]) > tail - slack
    assert law.cdf(low[0] - 1) <= tail + slack
    assert law.cdf(high[0]) >= 1 - tail - slack
    assert law.cdf(high[0] - 1) < 1 - tail + slack


def test_limits_of_many_customers_are_those_of_the_parameters():
    few, many = (tn.cohort.project([n * 10**k for n in HIGH_END[:6]], 12).customers for k in (0, 5))
    assert ((few.upper - few.lower) / few.left > (many.upper - many.lower) / many.left).all()
    assert_array_equal(few.lower, np.floor(few.lower))


def contracts_of(rng, n, alpha, beta, ages):
    """Survivors of n simulated customers at ages 0, 1, ..."""
    theta = rng.beta(alpha, beta, n)
    life = rng.geometric(np.maximum(theta, 1e-12))
    return [int((life > t).sum()) for t in range(ages + 1)]


def coverage(seed, simulations, n, truth):
    """How often the limits of S(12) and of the customers at 12 hold what they should."""
    rng = np.random.default_rng(seed)
    curve = float(mpmath.beta(truth[0], truth[1] + 12) / mpmath.beta(*truth))
    hits = np.zeros(2)
    for _ in range(simulations):
        survivors = contracts_of(rng, n, *truth, 12)
        p = tn.cohort.project(survivors[:8], 12)
        assert p.status == "converged"
        hits[0] += p.lower[12] <= curve <= p.upper[12]
        hits[1] += p.customers.lower[-1] <= survivors[12] <= p.customers.upper[-1]
    return hits


def within(hits, simulations):
    """Fails where no coverage between 93 and 97 % explains the count, at 99.9 % confidence."""
    low = scipy.stats.binom.ppf(0.0005, simulations, 0.93)
    high = scipy.stats.binom.ppf(0.9995, simulations, 0.97)
    assert ((low <= hits) & (hits <= high)).all(), hits / simulations


def test_limits_hold_the_truth():
    within(coverage(1, 300, 1000, (0.7, 1.2)), 300)


@pytest.mark.slow
@pytest.mark.parametrize("truth", [(0.7, 1.2), (0.67, 3.8), (2.0, 6.0)])
@pytest.mark.parametrize("n", [1000, 20_000])
def test_limits_hold_the_truth_in_many_samples(truth, n):
    within(coverage(2, 2000, n, truth), 2000)


def test_picture_shows_the_curve():
    pytest.importorskip("matplotlib").use("Agg")
    p = tn.cohort.project(REGULAR[:8], 12)
    ax = p.plot()
    assert_array_equal(ax.lines[0].get_ydata(), p.expected)
    assert_array_equal(ax.lines[1].get_ydata(), p.observed)
