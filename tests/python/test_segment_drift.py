"""Drift: the stability index against its sampling distribution, and tests of moves."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.segment import drift
from tenure.segment._drift_tests import homogeneity, noncentral_tail, symmetry

SHARES = np.array([0.4, 0.3, 0.2, 0.1])

# Unaided distance vision of 7,477 women, right eye by left eye. [Stuart 1955, table 1]
VISION = np.array(
    [[1520, 266, 124, 66], [234, 1512, 432, 78], [117, 362, 1772, 205], [36, 82, 179, 492]], float
)


def members(table):
    """Labels before and after of one member for each count of a table of moves."""
    before, after = (
        np.repeat(i.ravel(), table.astype(int).ravel()) for i in np.indices(table.shape)
    )
    return before, after, np.arange(len(before))


# --- published and by hand ---------------------------------------------------------------------


def test_tests_of_moves_are_the_published_ones():
    # Statistics of Stuart 1955 (11.96) and, of symmetry, Bowker's (19.11).
    marginal, mutual = homogeneity(VISION), symmetry(VISION)
    assert (marginal.df, mutual.df) == (3, 6)
    assert_allclose(marginal.statistic, 11.957, atol=5e-4)
    assert_allclose(mutual.statistic, 19.107, atol=5e-4)
    before, after, who = members(VISION)
    d = drift(before, after, before_ids=who, after_ids=who)
    assert d.homogeneity == marginal
    assert d.symmetry == mutual
    assert_array_equal(d.migration, VISION)
    assert_allclose(d.stayed, np.trace(VISION) / VISION.sum(), rtol=1e-15)
    assert d.left == d.joined == 0
    # The index knows the pairs as well: samples that were independent would not differ by so much.
    assert d.p_value < 0.05 < drift(before, after).p_value


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 9))
def test_two_segments_are_mcnemars(there, back, stay):
    table = np.array([[stay, there], [back, 3.0]])
    expected = (there - back) ** 2 / (there + back) if there + back else 0.0
    for found in (symmetry(table), homogeneity(table)):
        assert_allclose(found.statistic, expected, atol=1e-12)
        assert found.df == (there + back > 0)
        assert_allclose(found.p_value, scipy.stats.chi2.sf(expected, 1), rtol=1e-12)


def test_the_index_by_hand():
    d = drift(["a"] * 60 + ["b"] * 40, ["a"] * 45 + ["b"] * 55)
    p, q = (0.6, 0.4), (0.45, 0.55)
    expected = [(b - a) * math.log(b / a) for a, b in zip(p, q, strict=True)]
    assert_allclose(d.part, expected, rtol=1e-15)
    assert_allclose(d.psi, sum(expected), rtol=1e-15)
    assert_allclose(d.expected_psi, 1 / 100 + 1 / 100, rtol=1e-12)
    assert_allclose(d.p_value, scipy.stats.chi2.sf(d.psi / 0.02, 1), rtol=1e-10)
    assert d.migration is d.stayed is d.symmetry is None
    half = 1.959963984540054 * math.sqrt(0.24 / 100 + 0.2475 / 100)
    assert_allclose([d.lower[0], d.upper[0]], [-0.15 - half, -0.15 + half], rtol=1e-12)


@settings(max_examples=50)
@given(x=st.floats(0.01, 300), df=st.floats(0.5, 12), shift=st.floats(0, 400))
def test_the_noncentral_tail_is_scipys(x, df, shift):
    expected = scipy.stats.ncx2.sf(x, df, shift) if shift > 0 else scipy.stats.chi2.sf(x, df)
    assert_allclose(noncentral_tail(x, df, shift), expected, rtol=1e-6, atol=1e-12)


def test_the_noncentral_tail_is_the_mixture_in_many_digits():
    mpmath.mp.dps = 30
    for x, df, shift in [(3.0, 2.0, 1.5), (40.0, 4.5, 25.0)]:
        half = mpmath.mpf(shift) / 2
        exact = mpmath.nsum(
            lambda j, half=half, x=x, df=df: (
                mpmath.exp(-half)
                * half**j
                / mpmath.factorial(j)
                * mpmath.gammainc(df / 2 + j, x / 2, mpmath.inf, regularized=True)
            ),
            [0, 150],
        )
        assert_allclose(noncentral_tail(x, df, shift), float(exact), rtol=1e-11)


# --- simulations -------------------------------------------------------------------------------


def simulate(after, overlap, replicates, n=400, m=500):
    """Shares of samples: index covered, rejected at 0.1, changes covered; mean indices."""
    rng = np.random.default_rng(1)
    truth = ((after - SHARES) * np.log(after / SHARES)).sum()
    cuts = np.cumsum(SHARES)[:-1], np.cumsum(after)[:-1]
    both = int(overlap * n)
    who = {"before_ids": np.arange(n), "after_ids": np.arange(m) + (n - both)}
    found = []
    for _ in range(replicates):
        u, v = rng.random(n), rng.random(m)
        # Members of both dates, the last before and the first after, often keep their place.
        v[:both] = np.where(rng.random(both) < 0.7, u[n - both :], v[:both])
        d = drift(
            *(np.searchsorted(c, x) for c, x in zip(cuts, (u, v), strict=True)), **who, level=0.9
        )
        change = after - SHARES
        found.append(
            (
                d.psi_lower <= truth <= d.psi_upper,
                d.p_value < 0.1,
                ((d.lower <= change) & (change <= d.upper)).mean(),
                d.psi,
                d.expected_psi,
            )
        )
    return np.mean(found, axis=0)


@pytest.mark.parametrize("overlap", [0.0, 0.5, 1.0])
def test_nothing_changed(overlap):
    _, rejected, covered, psi, expected = simulate(SHARES, overlap, 250)
    assert abs(rejected - 0.1) < 0.076  # four standard errors
    assert abs(covered - 0.9) < 0.04
    assert_allclose(psi, expected, rtol=0.25)


@pytest.mark.parametrize("overlap", [0.0, 1.0])
@pytest.mark.parametrize("after", [[0.36, 0.31, 0.22, 0.11], [0.1, 0.2, 0.3, 0.4]])
def test_limits_of_the_index_cover_a_change(after, overlap):
    covered, rejected, *_ = simulate(np.array(after), overlap, 150)
    assert covered > 0.9 - 0.076  # four standard errors
    assert rejected > 0.15


@pytest.mark.slow
@pytest.mark.parametrize("overlap", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    "after", [[0.36, 0.31, 0.22, 0.11], [0.3, 0.3, 0.25, 0.15], [0.1, 0.2, 0.3, 0.4]]
)
def test_limits_of_the_index_cover_changes_in_many_samples(after, overlap):
    covered, _, changes, *_ = simulate(np.array(after), overlap, 4000)
    assert 0.88 < covered < 0.97
    assert abs(changes - 0.9) < 0.02


# --- properties --------------------------------------------------------------------------------

labels = st.lists(st.integers(0, 3), min_size=8, max_size=60).map(lambda rows: [*rows, 0, 1, 2, 3])


@settings(max_examples=30)
@given(labels, labels, st.randoms(use_true_random=False))
def test_orders_names_and_directions_do_not_matter(before, after, random):
    d = drift(before, after)
    back = drift(after, before)
    assert_allclose(back.psi, d.psi, rtol=1e-12, atol=1e-15)
    assert_allclose(back.p_value, d.p_value, rtol=1e-9)
    shuffled = random.sample(before, len(before))
    assert drift(shuffled, after).psi == d.psi
    names = np.array(["w", "v", "x", "y"])
    renamed = drift(names[before], pd.Series(names[after], dtype="category"))
    assert renamed.segment.tolist() == ["v", "w", "x", "y"]
    assert_allclose(renamed.psi, d.psi, rtol=1e-12, atol=1e-15)
    assert d.psi_lower <= max(d.psi - d.expected_psi, 0.0) + 1e-12 <= d.psi_upper + 1e-9
    assert_allclose(d.change.sum(), 0, atol=1e-14)


def test_who_moved_is_told():
    d = drift(
        ["lo", "lo", "hi", "hi", "hi"],
        ["hi", "lo", "hi", "lo"],
        before_ids=["a", "b", "c", "d", "e"],
        after_ids=["a", "c", "d", "z"],
    )
    assert d.segment.tolist() == ["hi", "lo"]
    # a: lo to hi; c: hi to lo; d: hi to hi.
    assert d.migration.tolist() == [[1, 1], [1, 0]]
    assert (d.left, d.joined) == (2, 1)
    assert "33.3 % of the members of both dates stayed" in repr(d)


def test_nobody_moved():
    rows = [0, 1, 1, 2]
    d = drift(rows, rows, before_ids=range(4), after_ids=range(4))
    assert d.psi == d.psi_lower == d.psi_upper == d.expected_psi == 0.0
    assert d.p_value == d.symmetry.p_value == d.homogeneity.p_value == 1.0
    assert_array_equal(d.upper, 0.0)


def test_an_empty_segment_needs_smoothing():
    with pytest.raises(tn.InvalidInputError, match=r"segment 'b' has no members after"):
        drift(["a", "b"], ["a", "a"])
    d = drift(["a", "b"], ["a", "a"], smoothing=0.5)
    p, q = np.array([1.5, 1.5]) / 3, np.array([2.5, 0.5]) / 3
    assert_allclose(d.psi, ((q - p) * np.log(q / p)).sum(), rtol=1e-14)
    assert d.after.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("call", "says", "row"),
    [
        (lambda: drift([], [1, 2]), "before must hold a member", None),
        (lambda: drift([1, 1], [1]), "must name two segments", None),
        (lambda: drift([1, None], [1, 2]), r"before\[1\] is missing", 1),
        (lambda: drift([1, 2], [1, math.nan]), r"after\[1\] is missing", 1),
        (lambda: drift([1, 2], ["a", "b"]), "must be of one kind", None),
        (lambda: drift([1, 2], [1, 2], before_ids=[1, 2]), "after_ids must be given too", None),
        (lambda: drift([1, 2], [1, 2], after_ids=[1, 2]), "before_ids must be given too", None),
        (
            lambda: drift([1, 2], [1, 2], before_ids=[7, 7], after_ids=[1, 2]),
            r"before_ids\[1\] must come once, got 7 again",
            1,
        ),
        (
            lambda: drift([1, 2], [1, 2], before_ids=[7], after_ids=[1, 2]),
            "one id for each of the 2",
            None,
        ),
        (
            lambda: drift([1, 2], [1, 2], before_ids=[7, 8], after_ids=["a", "b"]),
            "after_ids must be of the same kind",
            None,
        ),
        (lambda: drift([1, 2], [1, 2], smoothing=-1), "smoothing must be", None),
        (lambda: drift([1, 2], [1, 2], level=0), "level must be", None),
    ],
)
def test_names_what_is_wrong(call, says, row):
    with pytest.raises(tn.InvalidInputError, match=says) as caught:
        call()
    assert caught.value.row == row


def test_the_picture_has_two_bars_a_segment():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert drift([1, 1, 2, 3], [1, 2, 2, 3]).plot(ax) is ax
    assert len(ax.patches) == 6
