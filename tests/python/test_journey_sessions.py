"""Sessions: an independent pandas reading, identities, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from funnel_chains import EPOCH, log_of
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import tenure as tn

rows = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 30), st.sampled_from("abc"), st.none()),
    min_size=1,
    max_size=25,
)


def by_pandas(log, gap):
    frame = pd.DataFrame(
        {"who": np.repeat(log.customer_ids, np.diff(log._core.offset)), "t": log._core.time}
    )
    new = frame.groupby("who").t.diff().isna() | (frame.groupby("who").t.diff() > gap * 1e6)
    grouped = frame.groupby(new.cumsum())
    return grouped.agg(who=("who", "first"), start=("t", "min"), end=("t", "max"), n=("t", "size"))


@given(rows, st.integers(0, 12))
def test_equals_pandas(rows, gap):
    log = log_of(rows, 40)
    s = tn.journey.sessions(log, np.timedelta64(gap, "s"), n_threads=3)
    expected = by_pandas(log, gap)
    assert_array_equal(s.customer, expected.who)
    assert_array_equal(s.start.view(np.int64), expected.start)
    assert_array_equal(s.length.view(np.int64), expected.end - expected.start)
    assert_array_equal(s.events, expected.n)
    assert_array_equal(s.open, log._until - expected.end <= gap * 10**6)

    each = expected.assign(length=expected.end - expected.start).groupby("who")
    c = s.by_customer
    assert_array_equal(c.customer, list(each.groups))
    assert_array_equal(c.sessions, each.size())
    assert_array_equal(c.events, each.n.sum())
    assert_array_equal(c.events_per_session, each.n.mean())
    assert_array_equal(c.mean_length.view(np.int64), np.rint(each.length.mean()))


@given(rows, st.integers(0, 12))
def test_funnels_count_the_same_sessions(rows, gap):
    log = log_of(rows, 40)
    s = tn.journey.sessions(log, np.timedelta64(gap, "s"))
    f = tn.journey.funnel(
        log,
        [["a", "b", "c", "x"]],
        count="session",
        session_gap=np.timedelta64(gap, "s"),
    )
    assert f.counts.tolist() == [len(s.events)]


def test_customers_without_an_event_have_no_session():
    log = tn.EventLog(
        {"who": [2], "when": np.array([EPOCH])},
        customer="who",
        time="when",
        customers={"who": [1, 2]},
    )
    c = tn.journey.sessions(log).by_customer
    assert c.sessions.tolist() == [0, 1]
    assert np.isnan(c.events_per_session[0])
    assert np.isnat(c.mean_length[0])
    assert tn.journey.sessions(log).to_arrow().num_rows == 1


def test_draws_the_share_of_each_size():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    s = tn.journey.sessions(log_of([(1, t, "a", None) for t in range(30)], 40))
    _, ax = pyplot.subplots()
    assert s.plot(ax) is ax
    heights = [bar.get_height() for bar in ax.patches]
    # Thirty events of one customer, and the four of the customer who has every name.
    assert heights == [0.0] * 3 + [0.5] + [0.0] * 15 + [0.5]
    pyplot.close("all")


@pytest.mark.parametrize("gap", [None, 30, "30", "half an hour", "-5min", np.timedelta64("NaT")])
def test_a_gap_is_a_length_of_time(gap):
    with pytest.raises(tn.InvalidInputError, match="gap must be a length of time"):
        tn.journey.sessions(log_of([(1, 0, "a", None)]), gap)
