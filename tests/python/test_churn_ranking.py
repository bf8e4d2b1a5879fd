"""ROC, precision and gains: against scikit-learn, counting of pairs and published values."""

from __future__ import annotations

import numpy as np
import pytest
from churn_rankings import columns, rankings, rossi
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn import metrics

import tenure as tn


def test_published_values_of_rossi():
    arrest, score = rossi()
    assert_allclose(tn.churn.roc_auc(arrest, score).value, 0.66080492, atol=5e-9)
    assert_allclose(tn.churn.average_precision(arrest, score).value, 0.42585020, atol=5e-9)
    assert_allclose(tn.churn.gains(arrest, score, [43 / 432]).lift, [1.98286], atol=5e-6)


@settings(max_examples=60)
@given(rankings)
def test_areas_and_curves_are_those_of_scikit_learn(rows):
    churned, score = columns(rows)
    auc = tn.churn.roc_auc(churned, score)
    assert_allclose(auc.value, metrics.roc_auc_score(churned, score), atol=1e-14)
    assert auc.lower <= auc.value <= auc.upper
    curve = tn.churn.roc_curve(churned, score)
    assert_allclose(curve.auc, auc.value, atol=1e-14)
    fpr, tpr, threshold = metrics.roc_curve(churned, score, drop_intermediate=False)
    assert_allclose(curve.false_positive_rate, fpr, atol=1e-15)
    assert_allclose(curve.true_positive_rate, tpr, atol=1e-15)
    assert_allclose(curve.threshold, threshold)
    found = tn.churn.average_precision(churned, score)
    assert_allclose(found.value, metrics.average_precision_score(churned, score), atol=1e-14)
    assert found.lower <= found.value <= found.upper


def pair_kernel(churned, score):
    one, other = score[churned], score[~churned]
    return (one[:, None] > other) + 0.5 * (one[:, None] == other)


@settings(max_examples=60)
@given(rankings, st.data())
def test_errors_are_those_of_all_pairs(rows, data):
    churned, score = columns(rows)
    second = np.array(data.draw(st.lists(st.integers(-2, 2), min_size=len(rows),
                                         max_size=len(rows))), float)  # fmt: skip
    a, b = pair_kernel(churned, score), pair_kernel(churned, second)

    def covariance(x, y):
        total = 0.0
        for axis in (0, 1):
            u, v = x.mean(axis=axis), y.mean(axis=axis)
            if len(u) > 1:
                total += np.cov(u, v)[0, 1] / len(u)
        return total

    told = tn.churn.roc_auc(churned, score)
    assert_allclose(told.standard_error**2, covariance(a, a), atol=1e-14)
    both = tn.churn.compare_roc_auc(churned, score, second)
    spread = covariance(a, a) + covariance(b, b) - 2 * covariance(a, b)
    assert_allclose(both.standard_error**2, spread, atol=1e-13)
    assert_allclose(both.difference, a.mean() - b.mean(), atol=1e-14)


def test_limits_cover():
    """Scores of both classes are normal: the area is Phi(shift / sqrt 2)."""
    from scipy.stats import norm

    rng = np.random.default_rng(1)
    truth = norm.cdf(1.0 / np.sqrt(2.0))
    covered, runs = 0, 1000
    for _ in range(runs):
        churned = np.arange(300) < 80
        auc = tn.churn.roc_auc(churned, rng.normal(size=300) + churned)
        covered += auc.lower <= truth <= auc.upper
    assert 0.93 <= covered / runs <= 0.97


def test_perfect_ranking_has_a_limit_too():
    churned = np.arange(30) < 10
    auc = tn.churn.roc_auc(churned, churned.astype(float))
    assert (auc.value, auc.upper) == (1.0, 1.0)
    assert_allclose(auc.lower, 0.025**0.1)
    worst = tn.churn.roc_auc(churned, ~churned)
    assert_allclose([worst.lower, worst.upper], [0.0, 1.0 - auc.lower])


@settings(max_examples=40)
@given(rankings, st.lists(st.integers(0, 3), min_size=60, max_size=60))
def test_weights_are_copies(rows, weight):
    churned, score = columns(rows)
    w = np.array(weight[: len(rows)])
    if not (w[churned].any() and w[~churned].any()):
        with pytest.raises(tn.InvalidInputError, match="both classes"):
            tn.churn.roc_curve(churned, score, w)
        return
    weighted = tn.churn.roc_curve(churned, score, w)
    copied = tn.churn.roc_curve(np.repeat(churned, w), np.repeat(score, w))
    assert_allclose(weighted.auc, copied.auc, atol=1e-14)


@settings(max_examples=40)
@given(rankings)
def test_gains_average_over_the_order_of_ties(rows):
    churned, score = columns(rows)
    table = tn.churn.gains(churned, score, [0.25, 0.5, 1.0])
    rng = np.random.default_rng(0)
    n = len(rows)
    seen = np.zeros(3)
    runs = 400
    for _ in range(runs):
        order = np.lexsort((rng.random(n), -score))
        cumulated = np.concatenate(([0.0], np.cumsum(churned[order])))
        seen += np.interp(np.array([0.25, 0.5, 1.0]) * n, np.arange(n + 1), cumulated)
    assert_allclose(table.churned, seen / runs, atol=0.15 * np.sqrt(n))
    assert_allclose(table.gain[-1], 1.0)
    assert_allclose(table.lift[-1], 1.0)
    assert np.all((table.lower <= table.rate + 1e-12) & (table.rate <= table.upper + 1e-12))


def test_order_of_rows_changes_nothing():
    rng = np.random.default_rng(3)
    churned, score = rng.random(5000) < 0.2, np.round(rng.normal(size=5000), 2)
    order = rng.permutation(5000)
    assert (
        tn.churn.roc_auc(churned, score).value
        == tn.churn.roc_auc(churned[order], score[order]).value
    )


@pytest.mark.parametrize("score", [-1e308, -1.0, -0.0, 0.0, 5e-324, 1e308])
def test_any_finite_score_is_ranked(score):
    rows = np.array([-1e308, -1.0, 0.0, 5e-324, 1e308])
    churned = np.concatenate((rows < score, [True]))
    if churned.all():
        return
    auc = tn.churn.roc_auc(churned, np.concatenate((rows, [score])))
    assert_allclose(auc.value, metrics.roc_auc_score(churned, np.concatenate((rows, [score]))))


@pytest.mark.parametrize(
    ("churned", "score", "said"),
    [
        ([0, 0], [1.0, 2.0], "nobody of 2 churned"),
        ([1, 1], [1.0, 2.0], "everybody of 2 churned"),
        ([0, 2], [1.0, 2.0], r"churned\[1\] must be 0 or 1"),
        ([0, 1], [1.0], "score has 1 rows"),
        ([0, 1], [1.0, np.nan], r"score\[1\]"),
        ([0, 1], [np.inf, 1.0], r"score\[0\]"),
        ([0, 1], ["a", "b"], "score must be numeric"),
    ],
)
@pytest.mark.parametrize(
    "measure",
    [tn.churn.roc_auc, tn.churn.roc_curve, tn.churn.average_precision, tn.churn.gains,
     tn.churn.expected_maximum_profit, tn.churn.h_measure],
)  # fmt: skip
def test_columns_are_checked(measure, churned, score, said):
    with pytest.raises(tn.InvalidInputError, match=said):
        measure(churned, score)


def test_plots_draw_into_the_axes_given():
    import matplotlib.pyplot as plt

    arrest, score = rossi()
    _, axes = plt.subplots(1, 3)
    curve = tn.churn.profit_curve(arrest, score, value=200, accept=0.3, offer=10, contact=1)
    drawn = [tn.churn.roc_curve(arrest, score), tn.churn.gains(arrest, score), curve]
    for one, ax in zip(drawn, axes, strict=True):
        assert one.plot(ax=ax) is ax
        assert ax.lines
    plt.close("all")
