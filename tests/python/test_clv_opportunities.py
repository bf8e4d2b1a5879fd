"""Opportunities counted in a log, against a loop over the definition."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tenure as tn

PERIOD = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}


def by_hand(frame, period, until):
    """Frequency, recency and T of each customer, one customer at a time, by pandas' periods."""
    code = PERIOD[period]
    last = pd.Period(until, code) - 1  # `until` is a midnight: the period before it is complete
    rows = {}
    for who, when in frame[frame["when"] < until].groupby("who")["when"]:
        periods = sorted({pd.Period(t, code) for t in when})
        steps = [(p - periods[0]).n for p in periods[1:] if p <= last]
        rows[who] = (len(steps), max(steps, default=0), max((last - periods[0]).n, 0))
    return rows


def log_of(frame, **settings):
    return tn.EventLog(frame, customer="who", time="when", **settings)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 1200)),
        min_size=1,
        max_size=60,
    ),
    st.sampled_from(list(PERIOD)),
    st.integers(0, 40),
)
def test_equals_the_definition(rows, period, more):
    frame = pd.DataFrame(rows, columns=["who", "day"])
    frame["when"] = pd.Timestamp("2019-12-20") + pd.to_timedelta(frame["day"], "D")
    end = frame["when"].max() + pd.Timedelta(days=1 + more)
    log = log_of(frame, observed_until=end.to_pydatetime())
    got = tn.clv.opportunities(log, period)
    told = by_hand(frame, period, end)
    assert got.customer.tolist() == sorted(told)
    table = zip(got.frequency.tolist(), got.recency.tolist(), got.T.tolist(), strict=True)
    assert list(table) == [told[who] for who in sorted(told)]


def test_the_period_of_the_end_counts_once_it_is_over():
    frame = {"who": ["a", "a"], "when": pd.to_datetime(["2020-05-01", "2021-12-31"])}
    for until, counted, seen in (
        ("2021-12-31", 1, 1),  # a bare date is the end of that day
        (dt.datetime(2022, 1, 1), 1, 1),
        (dt.datetime(2021, 12, 31, 23), 0, 0),
        ("2022-12-30", 1, 1),
    ):
        got = tn.clv.opportunities(log_of(frame, observed_until=until), "year")
        assert (got.frequency.tolist(), got.T.tolist()) == ([counted], [seen])


def test_periods_are_those_of_the_time_zone():
    """New Year's Eve in New York is already the next year in UTC."""
    when = pd.to_datetime(["2020-05-01T12:00Z", "2021-01-01T02:00Z", "2021-06-01T12:00Z"])
    frame = {"who": [1, 1, 1], "when": when}
    utc = tn.clv.opportunities(log_of(frame, observed_until="2022-03-01"), "year")
    york = log_of(frame, timezone="America/New_York", observed_until="2022-03-01")
    assert utc.frequency.tolist() == [1]
    assert tn.clv.opportunities(york, "year").frequency.tolist() == [1]
    months = tn.clv.opportunities(york, "month")
    assert months.frequency.tolist() == [2]
    assert months.recency.tolist() == [13]
    assert tn.clv.opportunities(york, "day").recency.tolist() == [396]


def test_a_period_with_refunds_only_is_no_purchase():
    frame = {
        "who": [1, 1, 1],
        "when": pd.to_datetime(["2020-05-01", "2021-05-01", "2022-05-01"]),
        "paid": [20.0, -20.0, 30.0],
    }
    log = tn.EventLog(
        frame, customer="who", time="when", amount="paid", observed_until="2022-12-31"
    )
    got = tn.clv.opportunities(log, "year")
    assert (got.frequency[0], got.recency[0], got.T[0]) == (1, 2, 2)


def test_an_earlier_end_forgets_what_came_later():
    orders = tn.datasets.load_cdnow(sample=True, as_frame="pandas")
    columns = {"customer": "sample_id", "time": "date", "amount": "amount"}
    log = tn.EventLog(orders, **columns)
    early = orders[orders["date"].astype("datetime64[ns]") <= "1997-09-30"]
    one = tn.clv.opportunities(log, "week", end="1997-09-30")
    two = tn.clv.opportunities(tn.EventLog(early, observed_until="1997-09-30", **columns), "week")
    for name in ("customer", "frequency", "recency", "T"):
        assert getattr(one, name).tolist() == getattr(two, name).tolist()
    again = tn.clv.opportunities(log, "week", end="1997-09-30", n_threads=2)
    assert again.frequency.tobytes() == one.frequency.tobytes()
    model = tn.clv.BGBB().fit(one)
    assert model.converged_
    assert model.n_customers_ == 2357
    table = model.expected_purchases(one, 39, interval=0.9)
    assert table.customer.tolist() == one.customer.tolist()


def test_no_orders_are_no_customers():
    log = log_of({"who": [1], "when": pd.to_datetime(["2020-05-01"])})
    got = tn.clv.opportunities(log, "month", end="2020-04-30")
    assert len(got) == 0
    assert got.frequency.dtype == got.recency.dtype == got.T.dtype == np.int64


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [({"period": "fortnight"}, "period"), ({"collapse": "hour"}, "collapse")],
)
def test_names_the_bad_argument(arguments, argument):
    log = log_of({"who": [1], "when": pd.to_datetime(["2020-05-01"])})
    with pytest.raises(tn.InvalidInputError) as error:
        tn.clv.opportunities(log, **arguments)
    assert error.value.argument == argument
