"""Profiles: counts by hand, limits by inversion and simulation, false discoveries, words."""

from __future__ import annotations

import math
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize, stats

import tenure as tn
from tenure.segment import profile
from tenure.segment._moments import describe
from tenure.segment._ratio import difference_p, ratio_limits


def arrays(*numbers):
    return [np.atleast_1d(np.array(n)) for n in numbers]


# --- ratios of shares ---------------------------------------------------------------------------


def test_koopmans_own_example():
    """36 of 40 against 16 of 80: Koopman (1984), also in R: PropCIs::riskscoreci."""
    lower, upper = ratio_limits(*arrays(36, 40, 16, 80), 0.95)
    assert_allclose([lower[0], upper[0]], [2.940, 7.152], atol=5e-4)


def chi_square(x1, n1, x2, n2, ratio):
    """Pearson's statistic at the likeliest shares with that ratio, found by search."""

    def minus_log_likelihood(p2):
        terms = ((x1, ratio * p2), (n1 - x1, 1 - ratio * p2), (x2, p2), (n2 - x2, 1 - p2))
        return -sum(k * math.log(max(p, 1e-300)) for k, p in terms if k)

    highest = min(1.0, 1.0 / ratio)
    best = optimize.minimize_scalar(
        minus_log_likelihood, bounds=(0, highest), method="bounded", options={"xatol": 1e-13}
    )
    p2 = best.x
    p1 = ratio * p2
    parts = ((x1, n1, p1), (x2, n2, p2))
    return sum((x - n * p) ** 2 / (n * p * (1 - p)) for x, n, p in parts if abs(x - n * p) > 1e-9)


@pytest.mark.parametrize(
    "counts", [(3, 10, 9, 40), (1, 30, 25, 50), (5, 8, 1, 200), (9, 10, 30, 60), (0, 12, 5, 20)]
)
def test_limits_are_where_the_test_rejects(counts):
    lower, upper = ratio_limits(*arrays(*counts), 0.9)
    border = stats.norm.ppf(0.95) ** 2
    for limit in (lower[0], upper[0]):
        if limit > 0:
            assert_allclose(chi_square(*counts, limit), border, rtol=2e-4)  # the search's own error
    assert (lower[0] == 0) == (counts[0] == 0)


@settings(max_examples=60)
@given(st.integers(0, 12), st.integers(1, 12), st.integers(0, 12), st.integers(1, 12))
def test_limits_of_a_ratio_hold_it_and_turn_over(x1, n1, x2, n2):
    x1, x2 = min(x1, n1), min(x2, n2)
    lower, upper = (v[0] for v in ratio_limits(*arrays(x1, n1, x2, n2), 0.95))
    back = [v[0] for v in ratio_limits(*arrays(x2, n2, x1, n1), 0.95)]
    if x1 + x2 == 0:
        assert math.isnan(lower)
        assert math.isnan(upper)
        return
    assert (lower == 0) == (x1 == 0)
    assert math.isinf(upper) == (x2 == 0)
    if x1 and x2:
        assert lower <= (x1 / n1) / (x2 / n2) <= upper
        assert_allclose([lower, upper], [1 / back[1], 1 / back[0]], rtol=1e-9)


@given(st.integers(0, 9), st.integers(1, 9), st.integers(0, 400), st.integers(1, 400))
def test_few_customers_are_tested_exactly(x1, n1, x2, n2):
    x1, x2 = min(x1, n1), min(x2, n2)
    found = difference_p(*arrays(x1, n1, x2, n2))[0]
    table = np.array([[x1, n1 - x1], [x2, n2 - x2]])
    least = table.sum(axis=0).min() * table.sum(axis=1).min() / table.sum()
    if least < 5:
        expected = stats.fisher_exact(table).pvalue
    else:
        expected = stats.chi2_contingency(table, correction=False).pvalue
    assert_allclose(found, expected, rtol=1e-6, atol=1e-12)


# --- counts, means, medians ---------------------------------------------------------------------

CELLS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["web", "street", None]),
        st.one_of(st.none(), st.integers(-3, 6).map(float)),
        st.booleans(),
    ),
    min_size=4,
    max_size=40,
).filter(lambda rows: len({r[0] for r in rows}) > 1)


@settings(max_examples=40)
@given(CELLS)
def test_every_cell_is_a_count(rows):
    label, shop, spend, vip = map(list, zip(*rows, strict=True))
    found = profile({"shop": shop, "spend": spend, "vip": vip}, label, bins=2)
    t, n = found.traits, len(rows)
    sizes = Counter(label)
    assert dict(zip(found.segments, found.customers.tolist(), strict=True)) == sizes
    said = {None: "(missing)", True: "yes", False: "no"}
    for i in range(len(t)):
        if t.column[i] == "spend":
            continue
        column = shop if t.column[i] == "shop" else vip
        has = [said.get(v, v) == t.trait[i] for v in column]
        inside = sum(h for h, s in zip(has, label, strict=True) if s == t.segment[i])
        assert t.customers[i] == inside
        assert_allclose(t.index[i], (inside / sizes[t.segment[i]]) / (sum(has) / n))
        assert t.lower[i] <= t.index[i] * (1 + 1e-12)
        assert t.index[i] <= t.upper[i] * (1 + 1e-12)
    for column in set(t.column):  # traits of a column part each segment
        for name, size in sizes.items():
            mine = [
                t.customers[i]
                for i in range(len(t))
                if (t.segment[i], t.column[i]) == (name, column)
            ]
            assert sum(mine) == size
    m = found.numbers
    for i in range(len(m)):
        values = [
            v for v, s in zip(spend, label, strict=True) if s == m.segment[i] and v is not None
        ]
        assert m.customers[i] == len(values)
        assert m.missing[i] == sizes[m.segment[i]] - len(values)
        if values:
            assert_allclose(m.mean[i], np.mean(values), atol=1e-12)
            assert m.median[i] == np.median(values)
            assert min(values) <= m.median_lower[i] <= m.median[i] <= m.median_upper[i]
    assert set(found.constant) | set(t.column) == {"shop", "spend", "vip"}


def test_numbers_are_those_of_scipy():
    random = np.random.default_rng(4)
    x = np.concatenate(
        [random.gamma(2.0, size=30), random.gamma(3.0, size=50), random.normal(size=20)]
    )
    code = np.repeat([0, 1, 2], [30, 50, 20])
    found = describe(x, code, 3, 0.95)
    for k in range(3):
        own, rest = x[code == k], x[code != k]
        welch = stats.ttest_ind(own, rest, equal_var=False)
        assert_allclose(found["p_value"][k], welch.pvalue, rtol=1e-9)
        pooled = math.sqrt(0.5 * (own.var(ddof=1) + rest.var(ddof=1)))
        assert_allclose(found["smd"][k], (own.mean() - rest.mean()) / pooled, rtol=1e-12)
        assert_allclose(found["z"][k], (own.mean() - x.mean()) / x.std(ddof=1), rtol=1e-12)
    assert_array_equal(found["base_median"], np.median(x))


@pytest.mark.parametrize("scale", [1e-300, 1e-5, 1e5, 1e300])
def test_units_do_not_matter(scale):
    random = np.random.default_rng(8)
    x = random.gamma(2.0, size=60)
    code = np.repeat([0, 1, 2], 20)
    a, b = describe(x, code, 3, 0.9), describe(x * scale, code, 3, 0.9)
    for name in ("smd", "lower", "upper", "p_value", "z", "z_upper"):
        assert_allclose(a[name], b[name], rtol=1e-9)
    assert_allclose(a["median_upper"] * scale, b["median_upper"], rtol=1e-12)


@settings(max_examples=25)
@given(CELLS, st.randoms())
def test_the_order_of_the_rows_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    first, second = (
        profile(
            pa.table(
                {"shop": pa.array([r[1] for r in rs], pa.string()), "vip": [r[3] for r in rs]}
            ),
            [r[0] for r in rs],
        )
        for rs in (rows, shuffled)
    )
    assert repr(first) == repr(second)
    assert_array_equal(first.traits.p_adjusted, second.traits.p_adjusted)


# --- simulation ---------------------------------------------------------------------------------


def coverage(draws, seed):
    """Of the index of a trait, of a standardised difference and of a median, all known."""
    random = np.random.default_rng(seed)
    sizes = np.array([60, 140])
    code = np.repeat([0, 1], sizes)
    shares = np.array([0.3, 0.1])
    index = shares[0] / (shares @ sizes / sizes.sum())
    means = np.array([1.5, 1.0])  # of exponentials: their spreads are the means
    smd = 0.5 / math.sqrt(0.5 * (1.5**2 + 1.0))
    held = np.zeros(3)
    # The traits of all draws are those of one table.
    table = {f"t{i}": random.random(200) < shares[code] for i in range(draws)}
    t = profile(table, code).traits
    mine = (np.array(t.segment) == "0") & (np.array(t.trait) == "yes")
    held[0] = np.sum((t.lower[mine] <= index) & (index <= t.upper[mine]))
    for _ in range(draws):
        found = describe(random.exponential(means[code]), code, 2, 0.95)
        held[1] += found["lower"][0] <= smd <= found["upper"][0]
        held[2] += found["median_lower"][0] <= 1.5 * math.log(2) <= found["median_upper"][0]
    return held / draws


def test_limits_cover():
    # 500 draws: 4 standard errors are 0.039; 4,000 draws give 0.945, 0.959 and 0.946.
    held = coverage(500, seed=12)
    assert (held > 0.905).all()
    assert (held[:2] < 0.985).all()


@pytest.mark.slow
def test_limits_cover_in_many_draws():
    held = coverage(10_000, seed=13)
    # 4 standard errors are 0.0087. Counts are whole, so that no limits of a share or of a median
    # hold 95 % to the point, and the delta method is exact only for many customers.
    assert (np.abs(held - 0.95) < 0.0187).all()


def discoveries(draws, seed):
    """Share of false ones among what is told, with 3 real traits among 30 and 3 among 12 means."""
    random = np.random.default_rng(seed)
    code = np.repeat([0, 1, 2], [100, 150, 250])
    false, power = [], []
    for _ in range(draws):
        table = {}
        for j in range(10):
            share = np.where((code == 0) & (j < 1), 0.45, 0.2)
            table[f"t{j}"] = random.random(500) < share
        for j in range(4):
            table[f"x{j}"] = random.normal(0.5 * ((code == 0) & (j < 1)))
        found = profile(table, code.tolist(), bins=2)
        true = {"t0", "x0"}  # the other segments differ from "others" there too
        told = [
            c not in true
            for part in (found.traits, found.numbers)
            for c, p in zip(part.column, part.p_adjusted, strict=True)
            if p <= 0.05
        ]
        false.append(np.mean(told) if told else 0.0)
        power.append("t0" in repr(found) and "x0" in repr(found))
    return np.mean(false), np.std(false) / math.sqrt(draws), np.mean(power)


def test_false_discoveries_are_held():
    rate, error, power = discoveries(30, seed=21)
    assert rate <= 0.05 + 4 * error
    assert power > 0.8


@pytest.mark.slow
def test_false_discoveries_are_held_in_many_draws():
    rate, error, _ = discoveries(2_000, seed=22)
    assert rate <= 0.05 + 3 * error
    assert error < 0.004


# --- what is told -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people():
    random = np.random.default_rng(7)
    group = np.repeat(["a", "b", "c"], [80, 120, 100])
    return pd.DataFrame(
        {
            "spend": np.where(group == "a", 90.0, 40.0) + random.normal(0, 9, 300),
            "shop": np.where(
                random.random(300) < np.where(group == "b", 0.9, 0.3), "web", "street"
            ),
            "vip": random.random(300) < 0.3,
            "group": group,
        }
    )


def test_words_and_names_tell_what_was_built_in(people):
    found = profile(people, "group")
    assert found.names() == {
        "a": "high spend, shop street",
        "b": "shop web, low spend",
        "c": "low spend, shop street",
    }
    top = found.table(1)
    assert top.trait == ("high spend", "shop web", "low spend")
    assert top.effect == ("smd", "index", "smd")
    assert "a (80): high spend by" in repr(found)
    assert found.names() == profile(people.drop(columns="group"), people["group"]).names()
    assert "group" not in found.traits.column


def test_segments_that_are_alike_keep_their_labels():
    found = profile({"x": [1.0, 2.0, 3.0, 4.0] * 10}, ["a", "a", "b", "b"] * 10, columns=["x"])
    assert found.names() == {"a": "low x", "b": "high x"}
    random = np.random.default_rng(1)
    noise = profile({"x": random.normal(size=90)}, ["a", "b", "c"] * 30)
    assert noise.names()["a"] == "like the others (a)"
    assert "like the others" in repr(noise)
    assert len(noise.table()) == 0


def test_segments_without_customers_and_constant_columns_stay():
    scored = tn.segment.rfm_scores([1, 2, 3, 4, 5] * 4, [9, 1, 1, 1, 4] * 4)
    found = profile({"x": range(20), "all": ["one"] * 20, "none": [None] * 20}, scored)
    assert found.segments == scored.segment_names
    assert found.constant == ("all", "none")
    empty = found.segments.index("loyal")
    assert found.customers[empty] == 0
    assert "loyal (0): no customers" in repr(found)
    assert np.isnan(found.numbers.mean[empty])
    assert np.isnan(found.traits.p_adjusted[np.array(found.traits.segment) == "loyal"]).all()


def test_many_levels_are_refused_or_gathered():
    table = {"id": [f"c{i}" for i in range(100_000)], "x": np.arange(100_000) % 7}
    label = np.arange(100_000) % 2
    with pytest.raises(tn.InvalidInputError, match="'id' holds 100,000 different texts") as caught:
        profile(table, label)
    assert caught.value.argument == "id"
    found = profile(table, label, rare="other", max_levels=3)
    gathered = [i for i, c in enumerate(found.traits.column) if c == "id"]
    assert {found.traits.trait[i] for i in gathered} == {"c0", "c1", "(other)"}
    assert found.traits.customers[gathered].sum() == 100_000


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": ["a"] * 300}, "two segments with customers"),
        ({"labels": ["a", "b"]}, "one for each of the 300 rows"),
        ({"labels": "nothing"}, "not a column"),
        ({"labels": ["a", None] * 150}, r"labels\[1\] must be a label"),
        ({"labels": np.arange(300)}, None),
        ({"labels": 5}, "one a row"),
        ({"columns": []}, "must name one"),
        ({"columns": ["nothing"]}, "not a column"),
        ({"bins": 1}, "bins must be >= 2"),
        ({"max_levels": 1}, "max_levels"),
        ({"rare": "drop"}, "rare must be one of"),
        ({"fdr": 1.0}, "fdr must be"),
        ({"level": 95}, "level must be"),
    ],
)
def test_settings_are_checked(people, change, says):
    given_labels = change.pop("labels", "group")
    if says is None:
        assert len(profile(people, given_labels, **change).segments) == 300
        return
    with pytest.raises(tn.InvalidInputError, match=says):
        profile(people, given_labels, **change)


def test_dates_are_refused_by_name():
    table = {"day": np.array(["2024-01-01", "2024-01-02"], "M8[us]")}
    with pytest.raises(tn.InvalidInputError, match="'day' holds dates"):
        profile(table, [0, 1])


# --- pictures -----------------------------------------------------------------------------------


def test_pictures_show_the_tables(people):
    found = profile(people, "group")
    _, (left, right) = plt.subplots(1, 2)
    assert found.plot(left) is left
    texts = [t.get_text() for t in left.texts]
    assert len(texts) == 3 * len({*zip(found.traits.column, found.traits.trait, strict=True)})
    assert texts[0] == f"{found.traits.index[0]:.1f}"
    assert found.plot(right, kind="parallel") is right
    lines = [line for line in right.lines if line.get_marker() == "o"]
    assert_allclose([line.get_ydata()[0] for line in lines], found.numbers.z)
    plt.close(left.figure)
    with pytest.raises(tn.InvalidInputError, match="no numbers to draw"):
        profile(people[["shop"]], people["group"]).plot(kind="parallel")
    with pytest.raises(tn.InvalidInputError, match="kind must be one of"):
        found.plot(kind="pie")


def test_many_segments_are_told_in_part():
    found = profile({"x": np.arange(90.0)}, np.arange(90) // 3)
    assert repr(found).splitlines()[-1] == "  ... 10 more segments"
    assert len(found.names()) == 30
