"""Profit and H-measure: against published values and integrals by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from churn_rankings import columns, rankings, rossi
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import special, stats

import tenure as tn


def test_published_values():
    y, s = [0, 1, 0, 1, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9]
    found = tn.churn.expected_maximum_profit(y, s)
    assert_allclose(found.profit, 23.875593418353, rtol=1e-12)
    assert_allclose(found.at_mean, 23.875, rtol=1e-12)
    assert_allclose(found.share, 0.87437008, atol=5e-9)
    arrest, score = rossi()
    found = tn.churn.expected_maximum_profit(arrest, score)
    assert_allclose(found.profit, 7.82349762, atol=5e-9)
    assert_allclose(found.at_mean, 7.62962963, atol=5e-9)


def lines(churned, score):
    """Shares of all that churn and stay above each threshold, and of nobody."""
    at = [score >= t for t in np.unique(score)]
    above = [(0.0, 0.0), *((np.mean(churned & m), np.mean(~churned & m)) for m in at)]
    return np.array(above).T


NODES, WEIGHTS = np.polynomial.legendre.leggauss(80)


def mean_of_best(slope, level, a, b):
    """By quadrature, cut where the best line changes, and with nodes crowded to the ends."""
    with np.errstate(all="ignore"):
        cross = np.subtract.outer(level, level) / np.subtract.outer(slope, slope)
    cuts = np.array([0.0, *np.unique(cross[(cross > 0) & (cross < 1)]), 1.0])
    total = 0.0
    for low, high in itertools.pairwise(np.arccos(1.0 - 2.0 * cuts)):
        angle = 0.5 * (low + high + (high - low) * NODES)
        t = 0.5 - 0.5 * np.cos(angle)
        best = np.max(np.outer(slope, t) - level[:, None], axis=0)
        density = best * stats.beta.pdf(t, a, b) * 0.5 * np.sin(angle)
        total += 0.5 * (high - low) * float(density @ WEIGHTS)
    return total


@settings(max_examples=25)
@given(rankings, st.sampled_from([(6, 14), (2, 2), (1, 5)]))
def test_expected_profit_is_an_integral(rows, accept):
    churned, score = columns(rows)
    one, other = lines(churned, score)
    expected = mean_of_best(190.0 * one, one + 11.0 * other, *accept)
    found = tn.churn.expected_maximum_profit(churned, score, accept=accept)
    assert_allclose(found.profit, expected, rtol=1e-9, atol=1e-10)


@settings(max_examples=25)
@given(rankings)
def test_h_measure_is_one_less_a_ratio_of_integrals(rows):
    churned, score = columns(rows)
    one, other = lines(churned, score)
    p = churned.mean()
    a, b = 1 + p, 2 - p

    def loss(points):
        hits, alarms = points
        # (1 - c) (p - hits) + c alarms, with t = 1 - c ~ beta(b, a): less is better.
        return -mean_of_best(-(p - hits) + alarms, alarms, b, a)

    trivial = np.array([[0.0, p], [0.0, 1 - p]])
    expected = 1.0 - loss((one, other)) / loss(trivial)
    assert_allclose(tn.churn.h_measure(churned, score), expected, atol=1e-7)


@settings(max_examples=40)
@given(rankings, st.floats(0.0, 1.0))
def test_profit_of_a_threshold_is_counted(rows, accept):
    churned, score = columns(rows)
    rng = np.random.default_rng(1)
    value = rng.uniform(10, 200, len(rows))
    curve = tn.churn.profit_curve(churned, score, value=value, accept=accept, offer=5, contact=1)
    for threshold, profit, share in zip(curve.threshold, curve.profit, curve.share, strict=True):
        m = score >= threshold
        saved = (accept * (value[m & churned] - 5) - 1).sum() - 6 * (m & ~churned).sum()
        assert_allclose(profit, saved / len(rows), atol=1e-10)
        assert_allclose(share, m.mean())
    assert curve.profit[curve.best] == curve.profit.max() >= 0.0


def test_the_incomplete_beta_function():
    rng = np.random.default_rng(4)
    a, b = 10.0 ** rng.uniform(-2, 4, (2, 4000))
    # Around the mean, where neither tail is empty, and anywhere.
    x = np.where(rng.random(4000) < 0.5, rng.random(4000), rng.beta(a, b))
    x = np.clip(x, 1e-12, 1 - 1e-12)
    from tenure import _core

    found = _core.special.incomplete_beta(a, b, x)
    expected, rest = special.betainc(a, b, x), special.betaincc(a, b, x)
    seen = np.minimum(expected, rest) > 1e-200
    lower = seen & (expected < rest)
    assert_allclose(found[lower], expected[lower], rtol=5e-12)
    assert_allclose(found[seen], expected[seen], rtol=5e-12, atol=1e-15)


@pytest.mark.parametrize(("a", "b", "x"), [(2, 3, 0.1), (0.5, 0.5, 0.3), (500, 3, 0.99),
                                           (300, 200, 0.58), (6, 14, 0.9)])  # fmt: skip
def test_the_incomplete_beta_function_at_fifty_digits(a, b, x):
    import mpmath as mp

    from tenure import _core

    with mp.workdps(50):
        exact = float(mp.betainc(a, b, 0, mp.mpf(x), regularized=True))
    found = _core.special.incomplete_beta(*(np.array([float(v)]) for v in (a, b, x)))[0]
    assert_allclose(found, exact, rtol=2e-13)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"value": 0.0}, "value must be finite and > 0"),
        ({"offer": 300.0}, "offer must be"),
        ({"contact": -1.0}, "contact must be"),
        ({"accept": (0.0, 1.0)}, r"accept\[0\] must be"),
    ],
)
def test_settings_are_checked(asked, said):
    with pytest.raises(tn.InvalidInputError, match=said):
        tn.churn.expected_maximum_profit([0, 1], [0.1, 0.2], **asked)


@pytest.mark.parametrize(
    ("value", "said"), [([1.0], "value has 1 rows"), ([1.0, np.nan], r"value\[1\] must be")]
)
def test_values_are_checked(value, said):
    with pytest.raises(tn.InvalidInputError, match=said):
        tn.churn.profit_curve([0, 1], [0.1, 0.2], value=value, accept=0.5, offer=1, contact=1)
