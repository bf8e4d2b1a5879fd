"""Log-rank tests, tests of proportions and their adjustment: published values, SciPy, fractions."""

from __future__ import annotations

import mpmath
import numpy as np
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from log_rank_oracle import by_definition, statistic_of
from numpy.testing import assert_allclose, assert_array_equal

from tenure import _core

# --- log-rank -------------------------------------------------------------------------------------


def log_rank(rows, groups, weights=("log_rank", 0.0, 0.0)):
    """Rows as those of `by_definition`."""
    t, c, g, s, e = zip(*rows, strict=True)
    return _core.survival.log_rank(
        np.array(t, float), np.array(c, np.uint8), np.array(g, np.int32), groups,
        np.array(e, float), np.array(s, np.int32), max(s) + 1, *weights, None, False,
    )  # fmt: skip


def small_samples(draw_entry):
    row = st.tuples(
        st.integers(1, 6), st.booleans(), st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)
    )
    # Whole entries before the duration, or 0: at risk from the start.
    return st.lists(row, min_size=1, max_size=25).map(
        lambda rows: [(t, c, g, s, e if draw_entry and e < t else 0) for t, c, g, s, e in rows]
    )


WEIGHTS = {
    ("log_rank", 0.0, 0.0): lambda n, s: 1,
    ("gehan", 0.0, 0.0): lambda n, s: n,
    ("fleming_harrington", 1.0, 0.0): lambda n, s: s,
    ("fleming_harrington", 1.0, 2.0): lambda n, s: s * (1 - s) ** 2,
}


@settings(max_examples=40)
@given(small_samples(draw_entry=True), st.sampled_from(list(WEIGHTS)))
def test_log_rank_equals_its_definition(rows, weights):
    got = log_rank(rows, 4, weights)
    u, v = by_definition(rows, 4, WEIGHTS[weights])
    assert_allclose(got["observed"] - got["expected"], [float(x) for x in u], atol=1e-11)
    assert_allclose(got["variance"], [float(x) for row in v for x in row], rtol=1e-12, atol=1e-13)
    statistic, rank = statistic_of(u, v)
    assert got["df"] == rank
    assert_allclose(got["statistic"], float(statistic), rtol=1e-8, atol=1e-10)
    p = float(mpmath.gammainc(rank / 2, float(statistic) / 2, regularized=True)) if rank else 1.0
    assert_allclose(got["p_value"], p, rtol=1e-8)


#: Survival in acute myelogenous leukaemia, with and without maintenance. [Miller 1997, Survival
#: Analysis, p. 49; `aml` of R's survival, whose survdiff gives 3.39638870]
AML = [
    [(9, 1), (13, 1), (13, 0), (18, 1), (23, 1), (28, 0), (31, 1), (34, 1), (45, 0), (48, 1),
     (161, 0)],
    [(5, 1), (5, 1), (8, 1), (8, 1), (12, 1), (16, 0), (23, 1), (27, 1), (30, 1), (33, 1), (43, 1),
     (45, 1)],
]  # fmt: skip


def test_log_rank_has_the_published_value():
    rows = [(t, c, g, 0, 0) for g, group in enumerate(AML) for t, c in group]
    assert_allclose(log_rank(rows, 2)["statistic"], 3.39638870, rtol=0, atol=5e-9)
    of_scipy = scipy.stats.logrank(
        *[scipy.stats.CensoredData.right_censored([t for t, _ in group], [not c for _, c in group])
          for group in AML]
    )  # fmt: skip
    assert_allclose(log_rank(rows, 2)["statistic"], of_scipy.statistic**2, rtol=1e-12)


def test_log_rank_tests_hold_their_level():
    # Five groups of one exponential time, censored: the p-value is uniform.
    rng = np.random.default_rng(4)
    p = []
    for _ in range(400):
        time, until = rng.exponential(1.0, 150), rng.uniform(0.2, 2.0, 150)
        rows = zip(np.minimum(time, until), time <= until, rng.integers(0, 5, 150),
                   rng.integers(0, 2, 150), np.zeros(150), strict=True)  # fmt: skip
        p.append(log_rank(list(rows), 5)["p_value"])
    assert scipy.stats.kstest(p, "uniform").pvalue > 0.01


# --- two proportions ------------------------------------------------------------------------------

counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=30)
@given(st.lists(counts, min_size=2, max_size=5))
def test_proportion_tests_are_chi_square_tests(table):
    k, n = (np.array(column, float) for column in zip(*table, strict=True))
    statistic, df, p = _core.survival.proportion_homogeneity(k, n, len(k))
    if 0 < k.sum() < n.sum():
        expected = scipy.stats.chi2_contingency(np.array([k, n - k]), correction=False)
        assert_allclose([statistic[0], p[0]], expected[:2], rtol=1e-10, atol=1e-12)
        assert df[0] == expected.dof
    d, low, high, z, p2 = _core.survival.compare_proportions(k[:1], n[:1], k[1:2], n[1:2], 0.9)
    assert low[0] <= d[0] <= high[0]
    limits = [
        scipy.stats.binomtest(int(a), int(b)).proportion_ci(0.9, method="wilson")
        for a, b in table[:2]
    ]
    (p1, w1), (q1, w2) = ((a / b, w) for (a, b), w in zip(table[:2], limits, strict=True))
    assert_allclose(low[0], d[0] - np.hypot(p1 - w1.low, w2.high - q1), atol=1e-12)
    assert_allclose(high[0], d[0] + np.hypot(w1.high - p1, q1 - w2.low), atol=1e-12)
    if 0 < k[:2].sum() < n[:2].sum():
        two = scipy.stats.chi2_contingency(np.array([k[:2], (n - k)[:2]]), correction=False)
        assert_allclose([z[0] ** 2, p2[0]], two[:2], rtol=1e-10, atol=1e-12)
    else:
        assert (z[0], p2[0]) == (0.0, 1.0)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjusted_p_values_are_those_of_their_step_rules(p):
    values = np.array(p)
    holm = _core.survival.adjusted_p_values(values, "holm")
    bh = _core.survival.adjusted_p_values(values, "benjamini_hochberg")
    assert_allclose(bh, scipy.stats.false_discovery_control(values), rtol=1e-12)
    # Holm rejects at level a: those before the first p_(j) > a / (m - j + 1).
    for level in (0.01, 0.05, 0.3):
        order, rejected = np.argsort(values, kind="stable"), np.zeros(len(p), bool)
        for j, i in enumerate(order):
            if values[i] * (len(p) - j) > level:
                break
            rejected[i] = True
        assert_array_equal(holm <= level, rejected)


def test_difference_limits_cover():
    rng = np.random.default_rng(2)
    k1, k2 = rng.binomial(40, 0.2, 20_000), rng.binomial(70, 0.1, 20_000)
    _, low, high, _, _ = _core.survival.compare_proportions(
        k1.astype(float), np.full(20_000, 40.0), k2.astype(float), np.full(20_000, 70.0), 0.95
    )
    assert 0.94 <= ((low <= 0.1) & (high >= 0.1)).mean() <= 0.965
