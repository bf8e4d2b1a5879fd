"""Uplift curves: against counting prefixes, derivatives of the areas and known campaigns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import tenure as tn

rows = st.lists(
    st.tuples(st.integers(-3, 3), st.integers(0, 1), st.integers(-4, 4)), min_size=2, max_size=40
).filter(lambda r: {t for _, t, _ in r} == {0, 1})


def columns(drawn):
    score, treated, outcome = (np.array(c, dtype=float) for c in zip(*drawn, strict=True))
    return score, outcome, treated


def counted(score, outcome, treated, weight=None):
    """The points (share, V) and the areas by their definition, prefix by prefix."""
    w = np.ones(len(score)) if weight is None else weight
    points = [(0.0, 0.0)]
    for threshold in sorted(set(score), reverse=True):
        top = score >= threshold
        t, c = w @ (top & (treated == 1)), w @ (top & (treated == 0))
        if t > 0 and c > 0:
            v = (w * outcome * treated) @ top - ((w * outcome * (1 - treated)) @ top) * t / c
            points.append((w @ top, v))
    x, v = (np.array(column) for column in zip(*points, strict=True))
    area = np.trapezoid(v, x) / w.sum()
    return x, v, area, area - v[-1] / 2.0


@settings(max_examples=80)
@given(rows)
def test_curve_and_areas_are_those_of_counting(drawn):
    score, outcome, treated = columns(drawn)
    x, v, area, qini = counted(score, outcome, treated)
    curve = tn.churn.uplift_curve(score, outcome, treated)
    assert_allclose(curve.customers, x)
    assert_allclose(curve.increment, v, atol=1e-12)
    assert_allclose([curve.auuc, curve.qini], [area, qini], atol=1e-12)
    assert_allclose(tn.churn.auuc(score, outcome, treated).value, area, atol=1e-12)
    assert_allclose(tn.churn.qini(score, outcome, treated).value, qini, atol=1e-12)
    assert_allclose(curve.baseline, v[-1] * x / len(score), atol=1e-12)


@settings(max_examples=30)
@given(rows)
def test_errors_are_derivatives_towards_each_row(drawn):
    """Of area / n by the share of a row, numerically: the jackknife for infinitely small parts."""
    score, outcome, treated = columns(drawn)
    n, step = len(score), 1e-5
    for at, measure in ((2, tn.churn.auuc), (3, tn.churn.qini)):
        slope = np.empty(n)
        for i in range(n):
            # Area / n has degree 0 in the weights once they are scaled to add up to 1.
            up, down = np.full(n, 1.0 / n), np.full(n, 1.0 / n)
            up[i] += step
            down[i] -= step
            slope[i] = (
                counted(score, outcome, treated, up / up.sum())[at]
                - counted(score, outcome, treated, down / down.sum())[at]
            ) / (2.0 * step)
        error = measure(score, outcome, treated).standard_error
        # Truncation of the central difference: step**2 times third derivatives of up to n**3.
        assert_allclose(error, np.sqrt(np.sum(slope**2)), rtol=2e-4, atol=1e-5)


def test_bands_are_derivatives_too():
    rng = np.random.default_rng(4)
    n = 60
    score, treated, outcome = rng.permutation(n) * 1.0, rng.integers(0, 2, n), rng.normal(size=n)
    curve = tn.churn.uplift_curve(score, outcome, treated)
    x, _, _, _ = counted(score, outcome, treated)
    step = 1e-6
    slope = np.empty((n, len(x)))
    for i in range(n):
        up, down = np.full(n, 1.0 / n), np.full(n, 1.0 / n)
        up[i] += step
        down[i] -= step
        slope[i] = (
            counted(score, outcome, treated, up / up.sum())[1]
            - counted(score, outcome, treated, down / down.sum())[1]
        ) / (2.0 * step)
    half = (curve.upper - curve.lower) / 2.0 / 1.959963984540054
    assert_allclose(half, np.sqrt(np.sum(slope**2, axis=0)), atol=1e-6)


def ranked(rng, n=400):
    """Uplift x - 0.3 of x uniform, half treated: Qini n/24 and AUUC 11 n/120 by integration."""
    x, treated = rng.random(n), rng.random(n) < 0.5
    return x, 3.0 + (x - 0.3) * treated + rng.normal(size=n), treated


def test_limits_cover():
    rng = np.random.default_rng(7)
    runs, n = 1000, 400
    inside = np.zeros(3)
    for _ in range(runs):
        sample = ranked(rng, n)
        q, a = tn.churn.qini(*sample), tn.churn.auuc(*sample)
        curve = tn.churn.uplift_curve(*sample)
        k = int(np.searchsorted(curve.customers, n / 2))
        half = 0.5 * (0.7 * 0.5 - 0.125) * n
        inside += [
            q.lower <= n / 24 <= q.upper,
            a.lower <= 11 * n / 120 <= a.upper,
            curve.lower[k] <= half <= curve.upper[k],
        ]
    # 1,000 runs: 95 % within 2.9 standard errors.
    assert np.all((inside / runs >= 0.93) & (inside / runs <= 0.97)), inside / runs


def test_groups_are_independent_not_rows():
    rng = np.random.default_rng(8)
    x, outcome, treated = ranked(rng)
    once = tn.churn.qini(x, outcome, treated)
    twice = (np.tile(c, 2) for c in (x, outcome, treated))
    doubled = tn.churn.qini(*twice, groups=np.tile(np.arange(400), 2))
    assert_allclose(doubled.value, 2 * once.value)
    assert_allclose(doubled.standard_error, 2 * once.standard_error)
    told = tn.churn.qini(x, outcome, treated, groups=np.arange(400))
    assert_allclose(told.standard_error, once.standard_error)


def test_scores_are_compared_in_pairs():
    rng = np.random.default_rng(9)
    x, outcome, treated = ranked(rng, 3000)
    blurred = x + rng.normal(0.0, 0.01, 3000)
    d = tn.churn.compare_qini(x, blurred, outcome, treated)
    one = tn.churn.qini(x, outcome, treated)
    assert d.first == one.value
    assert d.second == tn.churn.qini(blurred, outcome, treated).value
    assert d.standard_error < 0.2 * one.standard_error
    same = tn.churn.compare_qini(x, 10 * x, outcome, treated)
    assert (same.difference, same.standard_error, same.p_value) == (0.0, 0.0, 1.0)
    against = tn.churn.compare_qini(x, -x, outcome, treated)
    assert against.lower > 0.0
    assert against.p_value < 0.01


@settings(max_examples=40)
@given(rows, st.integers(1, 5), st.integers(-7, 7))
def test_units_of_score_and_outcome(drawn, unit, level):
    score, outcome, treated = columns(drawn)
    plain = tn.churn.qini(score, outcome, treated)
    moved = tn.churn.qini(np.exp(score), unit * outcome + level, treated)
    assert_allclose(moved.value, unit * plain.value, atol=1e-11)
    assert_allclose(moved.standard_error, unit * plain.standard_error, atol=1e-11)
    order = np.random.default_rng(len(drawn)).permutation(len(drawn))
    mixed = tn.churn.qini(score[order], outcome[order], treated[order])
    assert_allclose(mixed.value, plain.value, atol=1e-12)


def test_uplift_at_the_top():
    rng = np.random.default_rng(10)
    x, outcome, treated = ranked(rng, 2000)
    top = tn.churn.uplift_at(x, outcome, treated, share=[0.1, 0.5, 1.0])
    for k, share in enumerate((0.1, 0.5, 1.0)):
        rows = np.argsort(-x)[: int(2000 * share)]
        t, c = outcome[rows][treated[rows]], outcome[rows][~treated[rows]]
        assert_allclose(top.uplift[k], t.mean() - c.mean())
        assert_allclose(top.standard_error[k] ** 2, t.var(ddof=1) / len(t) + c.var(ddof=1) / len(c))
        assert (top.treated[k], top.control[k]) == (len(t), len(c))
    truth = [0.65, 0.45, 0.2]
    assert np.all((top.lower < truth) & (truth < top.upper))


@pytest.mark.parametrize(
    ("uplift", "outcome", "treated", "said"),
    [
        ([1, 2], [0, 1], [1, 1], "no control group: all 2 customers"),
        ([1, 2], [0, 1], [0, 0], "none of 2 customers was contacted"),
        ([], [], [], "no control group: all 0"),
        ([1, 2], [0, 1], [0, 2], r"treated\[1\] must be 0 or 1"),
        ([1, np.nan], [0, 1], [0, 1], r"uplift\[1\] must be finite"),
        ([1, 2], [np.inf, 1], [0, 1], r"outcome\[0\] must be finite"),
        ([1, 2], [1], [0, 1], "outcome has 1 rows, but uplift has 2"),
        ([1, 2], [1, 0], [0, 1, 1], "treated has 3 rows, but uplift has 2"),
    ],
)
@pytest.mark.parametrize(
    "measure", [tn.churn.qini, tn.churn.auuc, tn.churn.uplift_curve, tn.churn.uplift_at]
)
def test_columns_are_checked(measure, uplift, outcome, treated, said):
    with pytest.raises(tn.InvalidInputError, match=said):
        measure(uplift, outcome, treated)


def test_shares_are_checked():
    sample = ranked(np.random.default_rng(0), 40)
    with pytest.raises(tn.InvalidInputError, match=r"share\[1\] must be above 0"):
        tn.churn.uplift_at(*sample, share=[0.5, 0.0])
    with pytest.raises(tn.InvalidInputError, match="both must be at least 2"):
        tn.churn.uplift_at(*sample, share=[0.02])


def test_the_curve_is_drawn_into_the_axes_given():
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    curve = tn.churn.uplift_curve(*ranked(np.random.default_rng(1)))
    assert curve.plot(ax=ax) is ax
    assert len(ax.lines) == 2
    assert_allclose(ax.lines[1].get_ydata(), curve.increment)
    plt.close("all")
