"""A log with batches appended is the log of all their rows."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_logs import DAY, START, assert_same_log, frame, log_of

import tenure as tn


@settings(max_examples=40)
@given(
    st.integers(0, 120),
    st.lists(st.integers(0, 120), min_size=1, max_size=4),
    st.integers(0, 10**6),
    st.booleans(),
)
def test_batches_in_any_order_give_the_log_of_all_rows(n, cuts, seed, text):
    rows = frame(n, seed, text=text)
    edges = sorted(min(c, n) for c in cuts)
    parts = [rows.iloc[a:b] for a, b in itertools.pairwise([0, *edges, n])]
    log = log_of(parts[0])
    for part in parts[1:]:
        before = log.n_rows
        log = log.append(part)
        assert log.n_rows == before + len(part)
    if n == 0 or len(parts[0]):
        assert_same_log(log, log_of(rows))


def test_segments_wait_for_the_first_pass_and_then_are_one():
    rows = frame(90)
    log = log_of(rows[:30]).append(rows[30:60]).append(rows[60:])
    assert log.n_segments == 3
    assert repr(log) == repr(log_of(rows))
    assert log.n_segments == 3
    summary = log.summary()
    assert log.n_segments == 1
    assert summary.frequency.tolist() == log_of(rows).summary().frequency.tolist()
    assert log_of(rows[:30]).append(rows[30:]).compact().n_segments == 1


def test_the_log_that_was_appended_to_stays_as_it_was():
    rows = frame(60)
    first = log_of(rows[:30])
    first.append(rows[30:]).compact()
    assert_same_log(first, log_of(rows[:30]))


def test_a_day_may_bring_new_customers_names_and_values_or_none():
    day = pd.DataFrame(
        {"who": [5], "when": [pd.Timestamp("2024-01-05")], "event": ["pay"], "channel": ["m"]}
    )
    layout = {"customer": "who", "time": "when", "event": "event", "properties": ["channel"]}
    log = tn.EventLog(day, **layout, orders=["pay"])
    more = log.append(day.assign(who=1, event="aha", channel="a", when=pd.Timestamp("2024-01-09")))
    assert more.customer_ids.tolist() == [1, 5]
    assert more.event_names == ("aha", "pay")
    assert more.orders == ("pay",)
    assert more.properties["channel"].to_pylist() == ["a", "m"]
    assert more.observed_until == dt.datetime(2024, 1, 10, tzinfo=dt.UTC)
    assert more.append(day.iloc[:0]).n_rows == 2
    assert more.where(channel="m").customer_ids.tolist() == [5]


def test_the_customer_table_takes_new_rows_and_replaces_known_ones():
    day = {"who": [1, 3], "when": np.array([START, START]).view("M8[us]")}
    table = {"who": [1, 2], "plan": ["basic", "basic"]}
    log = tn.EventLog(day, customer="who", time="when", customers=table)
    more = log.append(
        {"who": [4], "when": np.array([START + DAY]).view("M8[us]")},
        customers={"who": [2, 4], "plan": ["gold", "gold"]},
    )
    assert more.customer_ids.tolist() == [1, 2, 3, 4]
    assert more.customers["plan"].to_pylist() == ["basic", "gold", None, "gold"]
    without = log.append({"who": [9], "when": np.array([START + DAY]).view("M8[us]")})
    assert without.customers["plan"].to_pylist() == ["basic", "basic", None, None]


def test_observation_never_moves_back():
    rows = frame(20)
    log = log_of(rows)
    with pytest.raises(tn.InvalidInputError, match="present end of the log") as told:
        log.append(rows, observed_until="2024-02-01")
    assert told.value.argument == "observed_until"
    longer = log.append(rows[:0], observed_until="2024-06-30")
    assert longer.observed_until == dt.datetime(2024, 7, 1, tzinfo=dt.UTC)
    late = log.append(rows.assign(when=rows["when"] + pd.Timedelta(days=200)))
    assert (
        late.observed_until
        == log_of(
            pd.concat([rows, rows.assign(when=rows["when"] + pd.Timedelta(days=200))]),
            observed_until=None,
        ).observed_until
    )


@pytest.mark.parametrize("on_refund", ["net", "drop", "match"])
def test_refund_policies_see_all_rows(on_refund):
    rows = frame(150, 3).assign(paid=lambda f: f["paid"].round()).sort_values("when")
    cut = rows["when"].iloc[75].normalize()
    early, late = rows[rows["when"] < cut], rows[rows["when"] >= cut]
    log = log_of(early, on_refund=on_refund, observed_until=cut - pd.Timedelta(days=1))
    more = log.append(late, observed_until="2024-04-30")
    whole = log_of(rows, on_refund=on_refund)
    assert more.summary().to_pandas().equals(whole.summary().to_pandas())
    assert more.n_rows == whole.n_rows


def test_matched_refunds_refuse_rows_before_the_end():
    rows = frame(30)
    with pytest.raises(tn.InvalidInputError, match="must not lie before the present end"):
        log_of(rows, on_refund="match").append(rows)


def test_ids_of_another_kind_and_bad_rows_are_told():
    log = log_of(frame(20))
    with pytest.raises(tn.InvalidInputError, match="ids of the batch are large_string") as told:
        log.append(frame(20, text=True))
    assert told.value.argument == "who"
    with pytest.raises(tn.InvalidInputError, match="paid is null or NaN in 1 row"):
        log.append(frame(20).assign(paid=np.nan, event="pay").iloc[:1])
    with pytest.raises(tn.InvalidInputError, match="'paid' is not a column"):
        log.append(frame(20).drop(columns="paid"))
    dropping = log_of(frame(20), on_invalid="drop").append(
        frame(5).assign(paid=np.nan, event="pay")
    )
    assert dropping.data_report.findings["missing_amount"] == 5
    assert dropping.data_report.first_rows["missing_amount"] == (20, 21, 22, 23, 24)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_number_of_threads_changes_nothing(threads):
    rows = frame(4000, 5)
    log = log_of(rows[:1000]).append(rows[1000:3000], n_threads=threads)
    log = log.append(rows[3000:], n_threads=threads)
    assert_same_log(log, log_of(rows, n_threads=1))
