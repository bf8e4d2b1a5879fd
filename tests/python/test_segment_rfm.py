"""RFM: scores by definition in exact arithmetic, grids cell by cell, tables against pandas."""

from __future__ import annotations

import datetime as dt
import itertools
import pickle
import re
from fractions import Fraction

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.segment import rfm, rfm_scores
from tenure.segment.grid import make_grid

ANY_GRID = {"all": {}}
numbers = st.one_of(
    st.integers(0, 4).map(float),
    st.just(-0.0),
    st.floats(0, 1e6),
    st.sampled_from([1.0, 1.0 + 2**-52, 1e300, 5e-324]),
)
columns = st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=40)


def scored(rows, scoring, bins=5, **more):
    result = rfm_scores(*zip(*rows, strict=True), scoring=scoring, bins=bins, grid=ANY_GRID, **more)
    return result, [result.r.tolist(), result.f.tolist(), result.m.tolist()]


def goodness(rows):
    """The three columns as exact numbers of which more is better."""
    days, orders, money = zip(*rows, strict=True)
    return [[-Fraction(x) for x in days], [*map(Fraction, orders)], [*map(Fraction, money)]]


# --- scores by definition ----------------------------------------------------------------------


def quantile_scores(y, bins):
    """Type-7 quantiles in exact arithmetic; one point, and one for each that is beaten."""
    ordered = sorted(y)
    cuts = []
    for i in range(1, bins):
        place = Fraction((len(y) - 1) * i, bins)
        below = int(place)
        above = min(below + 1, len(y) - 1)
        cuts.append(ordered[below] + (place - below) * (ordered[above] - ordered[below]))
    return [1 + sum(c < v for c in cuts) for v in y], cuts


@given(columns, st.integers(2, 10))
def test_quantile_scores_are_exact(rows, bins):
    result, scores = scored(rows, "quantile", bins)
    for y, score, cut, sign in zip(
        goodness(rows),
        scores,
        (result.days_cuts, result.orders_cuts, result.monetary_cuts),
        (-1, 1, 1),
        strict=True,
    ):
        expected, cuts = quantile_scores(y, bins)
        assert score == expected
        assert_allclose(cut, sorted(float(sign * c) for c in cuts), rtol=1e-14, atol=1e-300)
        by_value = {}
        assert all(by_value.setdefault(v, s) == s for v, s in zip(y, score, strict=True))


def tiles(order, bins):
    """SQL's NTILE over rows in the given order."""
    size, larger = divmod(len(order), bins)
    score, at = {}, 0
    for tile in range(1, bins + 1):
        for row in order[at : at + size + (tile <= larger)]:
            score[row] = tile
        at += size + (tile <= larger)
    return score


@given(columns, st.integers(2, 10))
def test_ntile_splits_ties_by_row(rows, bins):
    _, scores = scored(rows, "ntile", bins)
    for y, score in zip(goodness(rows), scores, strict=True):
        expected = tiles(sorted(range(len(y)), key=lambda i, y=y: (y[i], i)), bins)
        assert score == [expected[i] for i in range(len(y))]


@given(columns, st.integers(2, 5))
def test_nested_scores_rank_within_the_former(rows, bins):
    _, scores = scored(rows, "nested", bins)
    groups = dict.fromkeys(range(len(rows)), ())
    for y, score in zip(goodness(rows), scores, strict=True):
        expected = {}
        for group in set(groups.values()):
            members = [i for i in groups if groups[i] == group]
            expected |= tiles(sorted(members, key=lambda i, y=y: (y[i], i)), bins)
        assert score == [expected[i] for i in range(len(rows))]
        groups = {i: (*groups[i], expected[i]) for i in groups}


@given(columns, st.data())
def test_fixed_scores_count_the_cut_points_beaten(rows, data):
    bins = data.draw(st.integers(2, 6))
    cuts = {
        name: sorted(data.draw(st.lists(numbers, min_size=bins - 1, max_size=bins - 1)))
        for name in ("days_since_last", "orders", "monetary")
    }
    result, scores = scored(rows, "fixed", bins, cuts=cuts)
    days, orders, money = zip(*rows, strict=True)
    assert scores[0] == [1 + sum(x < c for c in cuts["days_since_last"]) for x in days]
    assert scores[1] == [1 + sum(x > c for c in cuts["orders"]) for x in orders]
    assert scores[2] == [1 + sum(x > c for c in cuts["monetary"]) for x in money]
    assert_array_equal(result.cuts["orders"], np.array(cuts["orders"]) + 0.0)


@given(columns, st.integers(2, 10))
def test_cut_points_of_a_result_score_alike(rows, bins):
    result, scores = scored(rows, "quantile", bins)
    assert scored(rows, "fixed", bins, cuts=result.cuts)[1] == scores


def test_ntile_is_the_one_of_sql():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": np.arange(3001),
            "days": rng.integers(0, 90, 3001).astype(float),
            "orders": rng.geometric(0.6, 3001).astype(float),
        }
    )
    expected = duckdb.sql(
        "select ntile(5) over (order by days desc, id) as r, ntile(5) over (order by orders, id) "
        "as f from frame order by id"
    ).df()
    found = rfm_scores(frame.days, frame.orders, scoring="ntile")
    assert_array_equal(found.r, expected.r)
    assert_array_equal(found.f, expected.f)


def test_quantile_scores_are_those_of_qcut_without_ties():
    money = np.random.default_rng(1).lognormal(size=4004)
    found = rfm_scores(money, money, money, bins=7, grid=ANY_GRID)
    assert_array_equal(found.m, pd.qcut(money, 7, labels=False) + 1)
    assert_array_equal(found.m, found.f)
    assert_array_equal(found.r, 8 - found.m)


def test_the_thread_count_never_changes_a_score():
    rng = np.random.default_rng(2)
    rows = rng.integers(0, 50, 30_000), rng.geometric(0.5, 30_000), rng.normal(size=30_000)
    for scoring in ("quantile", "ntile", "nested"):
        fits = [rfm_scores(*rows, scoring=scoring, n_threads=t) for t in (1, 2, 3, 16)]
        for other in fits[1:]:
            for name in ("r", "f", "m"):
                assert_array_equal(getattr(other, name), getattr(fits[0], name))


# --- grids -------------------------------------------------------------------------------------

#: R from 1 to 5 down, F from 1 to 5 across.
TEN = """
hibernating     hibernating          at risk              at risk  can't lose
hibernating     hibernating          at risk              at risk  can't lose
about to sleep  about to sleep       need attention       loyal    loyal
promising       potential loyalists  potential loyalists  loyal    loyal
new             potential loyalists  potential loyalists  champions  champions
"""


def test_the_ten_segments_cell_by_cell():
    table = [re.split(r"\s{2,}", line) for line in TEN.strip().splitlines()]
    cells = list(itertools.product(range(1, 6), range(1, 6)))
    cuts = {"days_since_last": [1, 2, 3, 4], "orders": [1.5, 2.5, 3.5, 4.5]}
    result = rfm_scores(
        [4.5 - (r - 1) for r, _ in cells], [f for _, f in cells], scoring="fixed", cuts=cuts
    )
    assert list(zip(result.r.tolist(), result.f.tolist(), strict=True)) == cells
    assert result.segment.tolist() == [table[r - 1][f - 1] for r, f in cells]
    assert len(result.segment_names) == 10


def refused(grid, bins=2, has_monetary=True):
    with pytest.raises(tn.InvalidInputError) as caught:
        make_grid(grid, bins, has_monetary=has_monetary)
    assert caught.value.argument == "grid"
    return str(caught.value), caught.value.value


def test_a_grid_lists_its_uncovered_cells():
    message, cells = refused({"a": (1, (1, 2)), "b": (2, 2)})
    assert "no segment holds the (r, f) cells (2, 1)" in message
    assert cells == [(2, 1)]
    message, cells = refused({"a": (1, 1, 1)})
    assert "(r, f, m) cells" in message
    assert len(cells) == 7
    message, cells = refused({"a": (1, 1)}, bins=5)
    assert message.endswith("(3, 3) and 12 more")
    assert len(cells) == 24
    # The ten segments are a grid of scores from 1 to 5.
    assert refused("10-segment", bins=6)[1][-1] == (6, 6)
    assert "scores from 1 to 4" in refused("10-segment", bins=4)[0]


def test_a_grid_lists_its_overlapping_cells():
    message, cells = refused({"a": (1, (1, 2)), "b": ((1, 2), 2), "c": (2, 1)})
    assert "two segments hold the (r, f) cells (1, 2) of 'a' and 'b'" in message
    assert cells == [(1, 2)]


def test_the_first_rule_of_a_list_wins():
    grid = make_grid([("best", {"r": 2, "f": 2}), ("rest", {})], 2, has_monetary=False)
    assert grid.codes.tolist() == [[1, 1], [1, 0]]
    message, _ = refused([("all", {}), ("late", (1, 1))])
    assert "no cell is left for 'late'" in message
    by_m = make_grid([("rich", {"m": 2}), ("rest", {})], 2, has_monetary=True)
    assert by_m.codes.shape == (2, 2, 2)
    assert_array_equal(by_m.codes[:, :, 1], 0)
    union = make_grid({"corner": [(1, 1), (2, 2)], "side": [(1, 2), (2, 1)]}, 2, has_monetary=False)
    assert union.codes.tolist() == [[0, 1], [1, 0]]


@given(st.data(), st.integers(2, 4))
def test_any_partition_of_the_cells_is_a_grid(data, bins):
    cells = list(itertools.product(range(1, bins + 1), repeat=data.draw(st.sampled_from([2, 3]))))
    names = data.draw(st.lists(st.sampled_from("abc"), min_size=len(cells), max_size=len(cells)))
    grid = {}
    for cell, name in zip(cells, names, strict=True):
        grid.setdefault(name, []).append(cell)
    made = make_grid(grid, bins, has_monetary=True)
    for cell, name in zip(cells, names, strict=True):
        assert made.names[made.codes[tuple(s - 1 for s in cell)]] == name
    dropped = data.draw(st.sampled_from(cells))
    grid[names[cells.index(dropped)]].remove(dropped)
    _, listed = refused({n: c for n, c in grid.items() if c} or {"x": cells[0]}, bins)
    assert dropped in listed or len(cells) == 1


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ("11-segment", "grid must be one of '10-segment' or your own"),
        (7, "grid must be a name, a mapping"),
        ({}, "must have names, and there must be at least one"),
        ({"": {}}, "must have names"),
        ([("a",)], "grid must be a name, a mapping"),
        ({"a": (1,)}, "the cells of 'a' must be"),
        ({"a": {"q": 1}}, "the cells of 'a' must be"),
        ({"a": (3, 1)}, "must hold scores from 1 to 2"),
        ({"a": ((2, 1), 1)}, "must hold scores from 1 to 2"),
        ({"a": (True, 1)}, "must hold scores from 1 to 2"),
        ({"a": (1.0, 1)}, "must hold scores from 1 to 2"),
    ],
)
def test_grids_of_another_form_are_refused(grid, message):
    assert message in refused(grid)[0]


def test_a_grid_of_m_needs_m_scores():
    assert "there are none" in refused({"a": {"m": 1}, "b": {"m": 2}}, has_monetary=False)[0]


# --- from a log --------------------------------------------------------------------------------


def orders_frame(seed, n=600, customers=60):
    rng = np.random.default_rng(seed)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 200, n), "D")
    return pd.DataFrame(
        {
            "customer": rng.integers(0, customers, n) * 7,
            "time": day + pd.to_timedelta(rng.integers(0, 86_400, n), "s"),
            "amount": rng.integers(-20, 200, n) / 4,
        }
    )


def as_log(frame, **more):
    return tn.EventLog(frame, customer="customer", time="time", amount="amount", **more)


def cdnow():
    sample = tn.datasets.load_cdnow(sample=True)
    return tn.EventLog(sample, customer="customer_id", time="date", amount="amount")


@pytest.mark.parametrize("at", [None, "2024-03-31", dt.datetime(2024, 4, 15, 12, tzinfo=dt.UTC)])
def test_counts_days_orders_and_money_up_to_the_date(at):
    frame = orders_frame(3)
    log = as_log(frame, observed_until="2024-07-31")
    found = rfm(log, at)
    end = {None: "2024-08-01", "2024-03-31": "2024-04-01"}.get(at, "2024-04-15 12:00")
    past = frame[frame.time < end].assign(day=lambda f: f.time.dt.floor("D"))
    last_day = (pd.Timestamp(end) - pd.Timedelta("1us")).floor("D")
    positive = past[past.amount >= 0].groupby("customer").day
    expected = pd.DataFrame(
        {
            "days": (last_day - positive.max()).dt.days,
            "orders": positive.nunique(),
        }
    ).join(past.groupby("customer").amount.sum())
    assert_array_equal(found.customer, expected.index)
    assert_array_equal(found.days_since_last, expected.days)
    assert_array_equal(found.orders, expected.orders)
    assert_allclose(found.monetary, expected.amount, rtol=1e-12)
    assert_allclose(found.revenue, expected.amount, rtol=1e-12)
    mean = rfm(log, at, monetary="mean")
    assert_allclose(mean.monetary, expected.amount / expected.orders, rtol=1e-12)
    assert_allclose(mean.revenue, expected.amount, rtol=1e-12)
    assert found.n_without_orders == frame.customer.nunique() - len(expected)


def test_days_are_those_of_the_logs_time_zone():
    frame = {
        "customer": ["a", "b"],
        "time": [pd.Timestamp("2024-01-01T04:30Z"), pd.Timestamp("2024-01-03T12:00Z")],
        "amount": [1.0, 2.0],
    }
    assert rfm(as_log(frame)).days_since_last.tolist() == [2, 0]
    assert rfm(as_log(frame, timezone="America/New_York")).days_since_last.tolist() == [3, 0]


def test_cdnow_scores():
    log = cdnow()
    found = rfm(log, "1997-09-30")
    base = log.summary("day", end="1997-09-30")
    assert_array_equal(found.orders, base.frequency + 1)
    assert_array_equal(found.days_since_last, base.T - base.recency)
    once = found.orders == 1
    assert once.sum() == 1411  # of 2,357, as published: they lie on two cut points and beat none
    assert found.orders_cuts.tolist()[:2] == [1, 1]
    assert set(found.f[once]) == {1}
    assert set(found.f[~once]) == {3, 4, 5}
    sizes = np.bincount(found.m, minlength=6)[1:] / len(found)
    assert_allclose(sizes, 0.2, atol=0.05)  # amounts tie little
    table = found.segments()
    assert table.customers.sum() == len(found)
    assert_allclose(table.revenue_share.sum(), 1.0)


def test_another_date_by_the_same_cut_points():
    log = cdnow()
    base = rfm(log, "1997-06-30")
    later = rfm(log, "1997-09-30", scoring="fixed", cuts=base.cuts)
    assert_array_equal(later.f, 1 + (later.orders[:, None] > base.orders_cuts).sum(axis=1))
    with pytest.raises(tn.InvalidInputError, match="ntile scores come from ranks"):
        _ = rfm(log, scoring="ntile").cuts


def test_a_log_without_amounts_has_r_and_f():
    frame = orders_frame(4).assign(amount=1.0)
    log = tn.EventLog(frame, customer="customer", time="time")
    found = rfm(log, monetary=None)
    expected = rfm(as_log(frame))
    assert_array_equal(found.segment, expected.segment)
    assert found.m is None
    assert found.monetary is None
    assert found.revenue is None
    assert not {"m", "monetary"} & set(found.to_arrow().column_names)
    assert "revenue" not in found.segments().to_arrow().column_names
    assert set(found.cuts) == {"days_since_last", "orders"}
    with pytest.raises(tn.InvalidInputError, match="no amounts to score M by"):
        rfm(log)


# --- the tables --------------------------------------------------------------------------------


def test_segments_add_up_as_in_pandas():
    found = rfm(as_log(orders_frame(5)))
    table = found.segments().to_pandas().set_index("segment")
    assert list(table.index) == list(found.segment_names)
    frame = found.to_pandas().assign(segment=found.segment)
    by = frame.groupby("segment")
    expected = pd.DataFrame(
        {
            "customers": by.size(),
            "customer_share": by.size() / len(frame),
            "mean_days_since_last": by.days_since_last.mean(),
            "mean_orders": by.orders.mean(),
            "mean_monetary": by.monetary.mean(),
            "revenue": by.monetary.sum(),
            "revenue_share": by.monetary.sum() / frame.monetary.sum(),
        }
    )
    assert_allclose(table.loc[expected.index], expected, rtol=1e-12)
    empty = table.index.difference(expected.index)
    assert (table.loc[empty, "customers"] == 0).all()
    assert table.loc[empty, "mean_orders"].isna().all()


def test_mean_money_gives_totals_by_segment():
    found = rfm_scores([1, 2, 3], [2, 4, 1], [10.0, 5.0, 7.0], monetary_is="mean")
    assert found.revenue.tolist() == [20.0, 20.0, 7.0]
    assert rfm_scores([1, 2], [1, 1]).segments().revenue is None
    assert np.isnan(rfm_scores([1, 2], [1, 1], [1.0, -1.0]).segments().revenue_share).all()


def test_becomes_a_table_of_any_library():
    found = rfm(as_log(orders_frame(6)))
    assert pl.DataFrame(found).schema["segment"] in (pl.Categorical, pl.Enum, pl.Categorical())
    assert pa.table(found).num_rows == len(found)
    assert found.to_pandas()["segment"].tolist() == found.segment.tolist()
    assert repr(found).startswith("RFM of 60 customers before 2024-07-")
    assert "<table>" in found._repr_html_()
    again = pickle.loads(pickle.dumps(found))
    assert_array_equal(again.r, found.r)
    with pytest.raises(ValueError, match="read-only"):
        found.r[0] = 1
    text = rfm_scores([1, 2], [1, 2], customer=np.array(["a", "b"]))
    assert text.to_pandas().customer.tolist() == ["a", "b"]


def test_draws_the_cells_and_names_the_segments():
    figure = pytest.importorskip("matplotlib.figure")
    ax = figure.Figure().add_subplot()
    found = rfm(as_log(orders_frame(7)))
    assert found.plot(ax) is ax
    texts = [t.get_text() for t in ax.texts]
    assert set(found.segment_names) < set(texts)
    shares = [float(t) for t in texts if t.replace(".", "").isdigit()]
    assert len(shares) == 25
    assert abs(sum(shares) - 100) < 1.5
    by_m = rfm_scores([1, 2], [1, 2], [1, 2], grid=[("rich", {"m": (4, 5)}), ("rest", {})])
    ax = figure.Figure().add_subplot()
    assert "rich" not in [t.get_text() for t in by_m.plot(ax).texts]


# --- what is refused ---------------------------------------------------------------------------

LOG = as_log(orders_frame(8))
FIXED = {"days_since_last": [1, 2, 3, 4], "orders": [1, 2, 3, 4], "monetary": [1, 2, 3, 4]}


@pytest.mark.parametrize(
    ("call", "argument", "row", "message"),
    [
        (lambda: rfm(pd.DataFrame()), "log", None, "log must be an EventLog, got DataFrame"),
        (lambda: rfm(LOG, "2030-01-01"), "at", None, "behind the end of observation"),
        (lambda: rfm(LOG, "2023-01-01"), "at", None, "no customer has an order before"),
        (lambda: rfm(LOG, scoring="decile"), "scoring", None, "scoring must be one of 'quantile'"),
        (lambda: rfm(LOG, bins=1), "bins", None, "bins must be >= 2"),
        (lambda: rfm(LOG, bins=11, grid=ANY_GRID), "bins", None, "bins must be from 2 to 10"),
        (lambda: rfm(LOG, bins=5.0), "bins", None, "bins must be a whole number"),
        (lambda: rfm(LOG, cuts=FIXED), "cuts", None, "cuts go with scoring='fixed'"),
        (lambda: rfm(LOG, scoring="fixed"), "cuts", None, "cuts must be a mapping with the keys"),
        (lambda: rfm(LOG, scoring="fixed", cuts={**FIXED, "x": []}), "cuts", None, "the keys days"),
        (
            lambda: rfm(LOG, scoring="fixed", cuts={**FIXED, "orders": [1, 2, 3]}),
            "cuts",
            None,
            "bins - 1 cut points",
        ),
        (
            lambda: rfm(LOG, scoring="fixed", cuts={**FIXED, "orders": [1, 2, 4, 3]}),
            "cuts",
            3,
            "finite and ascending",
        ),
        (lambda: rfm(LOG, monetary="sum"), "monetary", None, "monetary must be one of 'total'"),
        (lambda: rfm(LOG, collapse="hour"), "collapse", None, "collapse must be one of"),
        (lambda: rfm(LOG, n_threads=0), "n_threads", None, "n_threads must be >= 1"),
        (lambda: rfm_scores([], []), "days_since_last", None, "of at least one customer"),
        (lambda: rfm_scores([1, -1], [1, 1]), "days_since_last", 1, "finite and >= 0, got -1"),
        (lambda: rfm_scores([1, 1], [1, np.nan]), "orders", 1, "finite and >= 0, got nan"),
        (lambda: rfm_scores([1, 1], [1, 1], [np.inf, 1]), "monetary", 0, "finite, got inf"),
        (lambda: rfm_scores([1, 1], [1]), "orders", None, "as long as days_since_last"),
        (lambda: rfm_scores([1], [1], customer=[1, 2]), "customer", None, "one id for each"),
        (lambda: rfm_scores([1], [1], [1], monetary_is="sum"), "monetary_is", None, "must be one"),
        (lambda: rfm_scores(["a"], [1]), "days_since_last", None, "must be numeric"),
    ],
)  # fmt: skip
def test_names_what_is_wrong(call, argument, row, message):
    with pytest.raises(tn.InvalidInputError, match=re.escape(message)) as caught:
        call()
    assert caught.value.argument == argument
    assert caught.value.row == row
