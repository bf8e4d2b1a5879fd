"""Calibration at a time and over whole lives: definitions, an own Cox regression, coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import tenure as tn
from tenure.churn import d_calibration, survival_calibration


def customers(seed, n, extreme=1.0, last=24.0):
    """Exponential lives, and the chances until 12 of one who takes their spread `extreme` times."""
    rng = np.random.default_rng(seed)
    spread = rng.normal(0.0, 0.7, n)
    life = rng.exponential(np.exp(3.0 - spread))
    seen = rng.uniform(4.0, last, n)
    stay = np.exp(-12.0 * np.exp(extreme * spread - 3.0))
    return np.minimum(life, seen), life <= seen, stay


# --- an own regression ----------------------------------------------------------------------------


def restricted_spline(x):
    """Harrell's basis, written as truncated powers of a natural spline that is linear outside."""
    a, b, c = np.quantile(x, [0.1, 0.5, 0.9])

    def cube(v):
        return np.where(v > 0.0, v, 0.0) ** 3

    def kappa(k):
        return (cube(x - k) - cube(x - c)) / (c - k)

    return np.column_stack([x, kappa(a) - kappa(b)])


def breslow(columns, time, churned, until):
    """Coefficients by a general optimiser and the cumulative hazard of a row of zeros."""
    order = np.argsort(-time)
    z, gone = columns[order], churned[order] & (time[order] <= until)

    def loss(b):
        risk = np.logaddexp.accumulate(z @ b)
        return float(-(z @ b - risk)[gone].sum())

    b = scipy.optimize.minimize(
        loss, np.zeros(z.shape[1]), method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000},
    ).x  # fmt: skip
    return b, float(np.exp(-np.logaddexp.accumulate(z @ b))[gone].sum())


def test_slope_and_distances_of_an_own_regression():
    time, churned, stay = customers(1, 400, extreme=1.6)
    found = survival_calibration(time, churned, stay, 12.0)
    x = np.log(-np.log(stay))
    slope, _ = breslow(x[:, None], np.minimum(time, 12.0) + 1e-9 * time, churned, 12.0)
    # Nelder and Mead end within 1e-6 of the optimum.
    assert_allclose(found.slope.value, slope[0], rtol=1e-5)
    columns = restricted_spline(x)
    columns = columns / columns.std(axis=0)
    b, hazard = breslow(columns, np.minimum(time, 12.0) + 1e-9 * time, churned, 12.0)
    distance = np.sort(np.abs(-np.expm1(-hazard * np.exp(columns @ b)) - (1.0 - stay)))
    assert_allclose(found.ici.value, distance.mean(), rtol=1e-4)
    assert_allclose(found.e50.value, distance[199], rtol=1e-3)
    assert_allclose(found.e90.value, distance[359], rtol=1e-3)
    assert_allclose(found.emax.value, distance[-1], rtol=1e-3)


def test_groups_are_observed_by_the_product_limit():
    time, churned, stay = customers(2, 300)
    found = survival_calibration(time, churned, stay, 12.0, groups=5)
    assert found.customers.tolist() == [60.0] * 5
    order = np.argsort(1.0 - stay)
    for k, rows in enumerate(np.split(order, 5)):
        left = 1.0
        for u in np.sort(time[rows][churned[rows] & (time[rows] <= 12.0)]):
            left *= 1.0 - 1.0 / (time[rows] >= u).sum()
        assert_allclose(found.observed[k], 1.0 - left, rtol=1e-12)
        assert_allclose(found.predicted[k], 1.0 - stay[rows].mean(), rtol=1e-12)
    left = 1.0
    for u in np.sort(time[churned & (time <= 12.0)]):
        left *= 1.0 - 1.0 / (time >= u).sum()
    assert_allclose(found.ratio.value, (1.0 - left) / (1.0 - stay).mean(), rtol=1e-12)


def test_right_predictions_are_found_right_and_extreme_ones_extreme():
    right = survival_calibration(*customers(8, 6000), 12.0)
    assert right.slope.lower < 1.0 < right.slope.upper
    assert right.ratio.lower < 1.0 < right.ratio.upper
    assert right.ici.value < 0.02
    wrong = survival_calibration(*customers(8, 6000, extreme=2.0), 12.0)
    assert wrong.slope.upper < 0.7
    assert wrong.ici.lower > 0.03
    assert f"slope {wrong.slope.value:.3g}" in repr(wrong)


def test_a_group_of_which_nobody_churned_has_a_limit():
    time, churned, stay = customers(4, 400)
    found = survival_calibration(time, churned, stay, 12.0, groups=40)
    k = int(np.flatnonzero(found.observed == 0.0)[0])
    edges = np.quantile(1.0 - stay, [k / 40, (k + 1) / 40])
    own = (1.0 - stay > edges[0]) & (1.0 - stay <= edges[1])
    beyond = int((own & (time >= 12.0)).sum())
    assert_allclose(found.upper[k], 1.0 - 0.025 ** (1.0 / beyond), rtol=1e-12)


def limits_at_large(runs, n):
    """How often limits hold what a hundred thousand customers have, extreme predictions."""
    many = survival_calibration(*customers(99, 100_000, extreme=1.6, last=60.0), 12.0)
    names = ("ratio", "slope", "ici", "e50", "e90")
    inside = np.zeros(len(names))
    for seed in range(runs):
        found = survival_calibration(*customers(1000 + seed, n, extreme=1.6), 12.0)
        for k, name in enumerate(names):
            limits, value = getattr(found, name), getattr(many, name).value
            inside[k] += limits.lower <= value <= limits.upper
    return inside / runs


def test_limits_cover():
    # 100 runs: four binomial errors of a rate of .95 are .087.
    assert (np.abs(limits_at_large(100, 600) - 0.95) < 0.087).all()


@pytest.mark.slow
def test_limits_cover_in_a_thousand_runs():
    # Four binomial errors are .028; the median distance moves between rows and may cover less.
    rates = limits_at_large(1000, 800)
    assert (np.abs(rates[[0, 1, 2, 4]] - 0.95) < 0.035).all()
    assert abs(rates[3] - 0.95) < 0.06


# --- over whole lives -----------------------------------------------------------------------------


def shares_by_definition(survival, churned, bins):
    out = np.zeros(bins)
    edges = np.linspace(0.0, 1.0, bins + 1)
    for s, gone in zip(survival, churned, strict=True):
        k = min(int(np.searchsorted(edges, s, side="right")) - 1, bins - 1)
        if gone or s == 0.0:
            out[k] += 1.0
        else:
            out[k] += (s - edges[k]) / s
            out[:k] += 1.0 / (bins * s)
    return out / len(survival)


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 1.0]) | st.floats(1e-6, 1.0), st.booleans()),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from([2, 4, 8]),
)
@settings(max_examples=80)
def test_shares_by_definition(rows, bins):
    survival, churned = (np.array(c) for c in zip(*rows, strict=True))
    found = d_calibration(survival, churned, bins=bins)
    assert_allclose(found.share, shares_by_definition(survival, churned, bins), atol=1e-12)
    assert_allclose(found.share.sum(), 1.0, rtol=1e-12)
    off = len(rows) * (found.share - 1.0 / bins)
    assert_allclose(found.pearson, (off**2).sum() * bins / len(rows), rtol=1e-9, atol=1e-9)


def test_both_statistics_are_near_without_censoring():
    u = np.random.default_rng(5).random(2000)
    found = d_calibration(u, np.ones(2000, bool))
    counts = np.histogram(u, 10, (0.0, 1.0))[0]
    assert_allclose(found.pearson, scipy.stats.chisquare(counts).statistic, rtol=1e-10)
    assert_allclose(found.pearson_p_value, scipy.stats.chisquare(counts).pvalue, rtol=1e-9)
    # One has the variance of equal shares, the other that of those found.
    assert_allclose(found.statistic, found.pearson, rtol=0.1)


def test_the_size_of_the_test_under_censoring():
    rng = np.random.default_rng(6)
    small = np.zeros(2)
    runs = 400
    for _ in range(runs):
        life, seen = rng.exponential(1.0, 400), rng.exponential(1.0, 400)
        found = d_calibration(np.exp(-np.minimum(life, seen)), life <= seen)
        small += np.array([found.p_value, found.pearson_p_value]) < 0.05
    # Four binomial errors of .05 in 400 runs are .044. Half are censored: Pearson never rejects.
    assert abs(small[0] / runs - 0.05) < 0.044
    assert small[1] / runs < 0.02


def test_whole_weights_are_shares_of_so_many_rows():
    rng = np.random.default_rng(8)
    survival, churned, weight = rng.random(200), rng.random(200) < 0.7, rng.integers(0, 4, 200)
    rows = np.repeat(np.arange(200), weight)
    found = d_calibration(survival, churned, sample_weight=weight, bins=5)
    assert_allclose(found.share, shares_by_definition(survival[rows], churned[rows], 5), rtol=1e-12)
    # The rows of one customer are not independent: its weight is squared.
    own = np.array(
        [shares_by_definition([s], [c], 5) for s, c in zip(survival, churned, strict=True)]
    )
    off = (own - found.share) * weight[:, None]
    cov = off.T @ off / weight.sum() ** 2
    reach = 1.959963984540054 * np.sqrt(np.diag(cov))
    assert_allclose(found.upper - found.share, reach, rtol=1e-9)
    away = found.share[:4] - 0.2
    assert_allclose(found.statistic, away @ np.linalg.solve(cov[:4, :4], away), rtol=1e-9)
    other = d_calibration(survival, churned, sample_weight=3.5 * weight, bins=5)
    assert_allclose([other.statistic, other.pearson], [found.statistic, found.pearson], rtol=1e-9)


def test_the_size_of_the_test_where_customers_are_drawn_unequally():
    # Long lives are drawn half as often, and weights bring them back.
    rng = np.random.default_rng(9)
    small = np.zeros(2)
    runs = 400
    for _ in range(runs):
        life = rng.exponential(1.0, 800)
        kept = rng.random(800) < np.where(life > 1.0, 0.4, 0.8)
        weight = np.where(life > 1.0, 2.0, 1.0)[kept]
        u, gone = np.exp(-life[kept]), np.ones(kept.sum(), bool)
        small[0] += d_calibration(u, gone, sample_weight=weight).p_value < 0.05
        small[1] += d_calibration(u, gone).p_value < 0.05
    assert abs(small[0] / runs - 0.05) < 0.044
    assert small[1] > 0.9 * runs


def test_wrong_curves_are_refused():
    rng = np.random.default_rng(7)
    life, seen = rng.exponential(1.0, 2000), rng.exponential(1.5, 2000)
    found = d_calibration(np.exp(-1.3 * np.minimum(life, seen)), life <= seen)
    assert found.p_value < 1e-6
    assert "D-calibration" in repr(found)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: survival_calibration([1, math.nan], [1, 0], [0.5, 0.4], 1.0), r"duration\[1\]"),
        (lambda: survival_calibration([1, 2], [1, 0], [0.5, 1.4], 1.0), r"survival\[1\]"),
        (lambda: survival_calibration([1, 2], [1, 0], [0.5], 1.0), "survival"),
        (lambda: survival_calibration([1, 2], [1, 0], [0.5, 0.5], 1.0), "differ"),
        (lambda: survival_calibration([1, 2], [1, 0], [0.5, 0.4], 3.0), "time must be at most 2"),
        (lambda: survival_calibration([2, 3], [1, 0], [0.5, 0.4], 1.0), "somebody churned"),
        (lambda: survival_calibration([2, 3], [1, 0], [0.5, 0.4], 2.0, groups=1), "groups"),
        (lambda: d_calibration([0.5, -0.1], [1, 0]), r"survival\[1\]"),
        (lambda: d_calibration([0.5, 0.1], [1, 2]), r"churned\[1\]"),
        (lambda: d_calibration([0.5, 0.1], [1]), "churned"),
        (lambda: d_calibration([0.5], [1], bins=1), "bins"),
        (lambda: d_calibration([], []), "survival"),
        (
            lambda: d_calibration([0.5, 0.1], [1, 0], sample_weight=[1.0, -1.0]),
            r"sample_weight\[1\]",
        ),
        (lambda: d_calibration([0.5], [1], sample_weight=[0.0]), "sample_weight"),
    ],
)
def test_bad_cells_are_named(call, message):
    with pytest.raises(tn.InvalidInputError, match=message):
        call()


def test_plots_draw():
    pytest.importorskip("matplotlib")
    found = survival_calibration(*customers(3, 500), 12.0)
    assert found.plot().get_ylabel() == "Observed churn"
    assert d_calibration([0.1, 0.3, 0.6], [1, 1, 0], bins=2).plot().get_ylabel() == "Customers"
