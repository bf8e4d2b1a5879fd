"""Concentration: Gini, Lorenz and top shares by their definitions in exact arithmetic."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.segment import concentration

values = st.lists(st.integers(0, 12), min_size=1, max_size=30).filter(lambda v: sum(v) > 0)


def lorenz(v, share):
    """Share of the total that the lowest `share` of the sorted customers holds, linear between."""
    place = share * len(v)
    whole = int(place)
    held = sum(sorted(v)[:whole])
    if whole < len(v):
        held += (place - whole) * sorted(v)[whole]
    return Fraction(held) / sum(v)


@given(values, st.integers(2, 40))
def test_gini_and_lorenz_are_those_of_the_definition(v, points):
    found = concentration(v, points=points)
    mean = Fraction(sum(v), len(v))
    gini = Fraction(sum(abs(a - b) for a in v for b in v)) / (2 * len(v) ** 2 * mean)
    assert_allclose(found.gini, float(gini), rtol=1e-13, atol=1e-15)
    expected = [float(lorenz(v, Fraction(p, points - 1))) for p in range(points)]
    assert_allclose(found.lorenz_value, expected, rtol=1e-13, atol=1e-15)
    assert_allclose(found.lorenz_customers, np.linspace(0, 1, points))
    assert found.lorenz_value[0] == 0.0
    assert_allclose(found.lorenz_value[-1], 1.0)


@given(values, st.lists(st.integers(1, 20), min_size=1, max_size=3))
def test_the_top_share_is_what_the_curve_leaves(v, twentieths):
    top = [t / 20 for t in twentieths]
    found = concentration(v, top=top)
    for share, t in zip(found.value_share, twentieths, strict=True):
        assert_allclose(share, float(1 - lorenz(v, 1 - Fraction(t, 20))), rtol=1e-9, atol=1e-12)
    assert_allclose(found.customers, np.array(top) * len(v))
    assert_allclose(found.value, found.value_share * sum(v))


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), min_size=2, max_size=6).filter(
        lambda rows: sum(v for v, _ in rows) > 0
    )
)
def test_ties_count_as_on_average_over_their_orders(rows):
    """Orders of the top k customers, over all ways to sort: each sorting breaks ties anew."""
    v, orders = zip(*rows, strict=True)
    n = len(rows)
    sortings = [
        p
        for p in itertools.permutations(range(n))
        if all(v[a] >= v[b] for a, b in itertools.pairwise(p))
    ]
    top = [k / n for k in range(1, n + 1)]
    found = concentration(v, orders, top=top)
    for k in range(1, n + 1):
        mean = Fraction(sum(sum(orders[i] for i in p[:k]) for p in sortings), len(sortings))
        held = sum(sorted(v)[n - k :])
        assert_allclose(found.mean_order_value[k - 1], float(held / mean), rtol=1e-9)
        if k < n:
            rest = (sum(v) - held) / (sum(orders) - mean)
            assert_allclose(found.rest_mean_order_value[k - 1], float(rest), rtol=1e-9, atol=1e-12)
    assert np.isnan(found.rest_mean_order_value[-1])


@given(values, st.randoms())
def test_the_order_of_the_rows_and_the_currency_do_not_matter(v, random):
    shuffled = list(v)
    random.shuffle(shuffled)
    found, other = concentration(v), concentration(np.array(shuffled) * 256.0)
    assert found.gini == other.gini
    assert_array_equal(found.lorenz_value, other.lorenz_value)
    assert_allclose(other.value, found.value * 256.0, rtol=1e-13)


def test_reads_logs_summaries_and_rfm_results():
    sample = tn.datasets.load_cdnow(sample=True)
    log = tn.EventLog(sample, customer="customer_id", time="date", amount="amount")
    summary = log.summary()
    expected = concentration(summary.revenue, summary.frequency + 1)
    for source in (log, summary, tn.segment.rfm(log)):
        found = concentration(source)
        assert found.gini == expected.gini
        assert_array_equal(found.mean_order_value, expected.mean_order_value)
    assert expected.top.tolist() == [0.01, 0.1]
    assert 0.4 < expected.value_share[1] < 0.6
    ranked = np.sort(summary.revenue)
    orders = (summary.frequency + 1)[np.argsort(summary.revenue, kind="stable")]
    lower = len(ranked) * 9 // 10
    assert_allclose(
        expected.lower_90_mean_order_value,
        ranked[:lower].sum() / orders[:lower].sum(),
        rtol=2e-3,  # the tenth customer more or less of a tie
    )
    assert repr(expected).startswith(f"Concentration among {len(ranked):,} customers: Gini 0.")
    assert expected.to_pandas().shape == (2, 6)


def test_negative_values_are_told_of():
    with pytest.warns(tn.DataWarning, match="1 of 3 customers have a negative value"):
        found = concentration([-5, 1, 10])
    assert len(found.warnings) == 1
    assert found.gini > 1
    assert found.lorenz_value.min() < 0
    assert concentration([1, 2]).warnings == ()
    assert np.isnan(concentration([1, 2]).mean_order_value).all()


def test_the_thread_count_never_changes_a_bit():
    rng = np.random.default_rng(0)
    v, orders = rng.lognormal(size=60_000), rng.geometric(0.5, 60_000)
    once = concentration(v, orders, n_threads=1)
    for threads in (2, 3, 16):
        again = concentration(v, orders, n_threads=threads)
        assert again.gini == once.gini
        assert again.mean_order_value.tobytes() == once.mean_order_value.tobytes()
        assert again.lorenz_value.tobytes() == once.lorenz_value.tobytes()


def test_draws_the_curve():
    figure = pytest.importorskip("matplotlib.figure")
    ax = figure.Figure().add_subplot()
    found = concentration([1, 2, 3, 10])
    assert found.plot(ax) is ax
    assert_array_equal(ax.lines[-1].get_ydata(), found.lorenz_value)


@pytest.mark.parametrize(
    ("call", "argument", "row"),
    [
        (lambda: concentration([]), "values", None),
        (lambda: concentration([1, np.nan]), "values", 1),
        (lambda: concentration([0, 0]), "values", None),
        (lambda: concentration([1, -2]), "values", None),
        (lambda: concentration([[1, 2]]), "values", None),
        (lambda: concentration([1, 2], [1]), "orders", None),
        (lambda: concentration([1, 2], [1, -1]), "orders", 1),
        (lambda: concentration([1, 2], top=[0.5, 1.5]), "top", 1),
        (lambda: concentration([1, 2], top=0), "top", 0),
        (lambda: concentration([1, 2], points=1), "points", None),
    ],
)
def test_names_what_is_wrong(call, argument, row):
    with pytest.raises(tn.InvalidInputError) as caught:
        call()
    assert caught.value.argument == argument
    assert caught.value.row == row
