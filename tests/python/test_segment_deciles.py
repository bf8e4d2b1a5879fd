"""Deciles: groups by sorting, limits against the jackknife and by simulation."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.segment import value_deciles

VALUES = st.lists(st.integers(-3, 9).map(float), min_size=10, max_size=40)


@given(VALUES, st.integers(2, 10))
def test_groups_are_those_of_sorted_customers(values, groups):
    found = value_deciles(values, groups=groups)
    ranked = sorted(range(len(values)), key=lambda i: (-values[i], i))
    parts = np.array_split(ranked, groups)  # the first ones are the larger ones here too
    assert found.customers.tolist() == [len(p) for p in parts]
    for k, part in enumerate(parts):
        mine = [values[i] for i in part]
        assert (found.code[part] == k + 1).all()
        assert_allclose(found.mean[k], np.mean(mine), atol=1e-12)
        assert (found.lowest[k], found.highest[k]) == (min(mine), max(mine))
    if sum(values) > 0:
        assert_allclose(found.share, found.mean * found.customers / sum(values), atol=1e-12)
        assert_allclose(found.cumulative_share[-1], 1.0)
    else:
        assert np.isnan(found.share).all()
        assert np.isnan(found.share_upper).all()


@given(VALUES, st.randoms())
def test_equal_customers_may_come_in_any_order(values, random):
    shuffled = random.sample(values, len(values))
    a, b = value_deciles(values, groups=4), value_deciles(shuffled, groups=4)
    assert_allclose(a.mean, b.mean, atol=1e-12)
    assert_allclose(a.mean_upper, b.mean_upper, atol=1e-9)


def test_limits_are_those_of_the_jackknife():
    """Leave out a customer, cut the rest by exact shares of n - 1: the spread tells the error."""
    values = np.random.default_rng(5).gamma(0.7, size=400)
    n, groups = len(values), 4

    def held(x):
        """Sums of groups of exactly a quarter each: customers at a border count as a fraction."""
        lorenz = np.concatenate([[0.0], np.cumsum(np.sort(x)[::-1])])
        return np.diff(np.interp(np.linspace(0, len(x), groups + 1), np.arange(len(x) + 1), lorenz))

    left = np.array([held(np.delete(values, i)) for i in range(n)])
    means = left / ((n - 1) / groups)
    shares = left / left.sum(axis=1, keepdims=True)
    found = value_deciles(values, groups=groups)
    for leave, lower, upper in (
        (means, found.mean_lower, found.mean_upper),
        (shares, found.share_lower, found.share_upper),
    ):
        error = np.sqrt((n - 1) / n * ((leave - leave.mean(axis=0)) ** 2).sum(axis=0))
        # The jackknife sees the borders move by whole customers: equal up to order 1/sqrt(n).
        assert_allclose((upper - lower) / 2, 1.959963984540054 * error, rtol=0.03)


def coverage(draws, n, seed):
    """Shares of samples of exponential values whose limits hold the truth, which is closed."""
    p = np.linspace(0.0, 1.0, 11)[1:]
    top = p - p * np.log(p)  # integral of the quantile -log(u) from 0 to p
    truth = np.diff(np.concatenate([[0.0], top]))
    random = np.random.default_rng(seed)
    held = np.zeros((2, 10))
    for _ in range(draws):
        d = value_deciles(random.exponential(size=n))
        held[0] += (d.mean_lower <= 10 * truth) & (10 * truth <= d.mean_upper)
        held[1] += (d.share_lower <= truth) & (truth <= d.share_upper)
    return held / draws


def test_limits_cover():
    # 300 draws: 0.95 less 4 standard errors of 0.0126, and 0.01 that 500 customers are short of.
    held = coverage(300, 500, seed=2)
    assert (held > 0.889).all()
    assert (held < 0.9999).all()


@pytest.mark.slow
def test_limits_cover_with_many_customers():
    held = coverage(10_000, 4_000, seed=3)
    assert (np.abs(held - 0.95) < 0.012).all()  # 0.0088 is 4 standard errors


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1.0, 1e200, 1e307])
def test_no_size_of_values_overflows(scale):
    values = np.arange(1.0, 21.0) / 4
    found = value_deciles(values * scale)
    assert_allclose(found.share, value_deciles(values).share, rtol=5e-4)  # 1e-320 has few bits
    assert_allclose(found.share_upper, value_deciles(values).share_upper, rtol=5e-3)
    assert found.highest[0] == values[-1] * scale


def test_bad_values_are_named():
    with pytest.raises(tn.InvalidInputError, match=r"values\[1\] must be finite") as caught:
        value_deciles([1.0, np.nan, 2.0], groups=2)
    assert caught.value.row == 1
    with pytest.raises(tn.InvalidInputError, match="3 customers cannot make 10 groups"):
        value_deciles([1.0, 2.0, 3.0])
    with pytest.raises(tn.InvalidInputError, match="groups must be >= 2"):
        value_deciles([1.0, 2.0, 3.0], groups=1)


def test_the_picture_shows_every_group():
    _, ax = plt.subplots()
    found = value_deciles(np.random.default_rng(1).gamma(0.5, size=200))
    assert found.plot(ax) is ax
    assert_allclose([b.get_height() for b in ax.patches], found.share)
    plt.close(ax.figure)


# --- scorecards ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def log():
    cdnow = tn.datasets.load_cdnow(sample=True)
    return tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")


@pytest.mark.parametrize("monetary", ["total", "mean", None])
def test_a_scorecard_scores_its_own_date_the_same(log, monetary, tmp_path):
    first = tn.segment.rfm(log, at="1997-09-30", monetary=monetary, collapse="week")
    card = first.scorecard()
    card.save(tmp_path / "card.tenure")
    opened = tn.load(tmp_path / "card.tenure")
    assert repr(opened) == repr(card)
    again = opened.score(log, at="1997-09-30")
    for name in ("r", "f", "m", "segment_code", "orders", "days_since_last"):
        assert_array_equal(getattr(first, name), getattr(again, name))
    assert again.segment_names == first.segment_names
    assert again.monetary_is == monetary


def test_a_scorecard_keeps_its_cut_points_at_another_date(log):
    card = tn.segment.rfm(log, at="1997-09-30").scorecard()
    later = card.score(log)
    days = later.days_since_last
    by_hand = 5 - np.searchsorted(card.days_cuts, days, side="right")
    assert_array_equal(later.r, by_hand)
    assert (by_hand != tn.segment.rfm(log).r).any()
    columns = card.score_columns(days, later.orders, later.monetary, customer=later.customer)
    assert_array_equal(columns.segment_code, later.segment_code)
    with pytest.raises(tn.InvalidInputError, match="monetary must be given exactly where"):
        card.score_columns(days, later.orders)
    with pytest.raises(tn.InvalidInputError, match="come from ranks"):
        tn.segment.rfm(log, scoring="ntile").scorecard()
    with pytest.raises(ValueError, match="read-only"):
        card.days_cuts[0] = 1.0
