"""Tables of orders against a reading of the rows in plain Python."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
import zoneinfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import tenure as tn

ZONES = ["UTC", "America/Sao_Paulo", "Europe/London", "Pacific/Apia"]
UTC = dt.UTC


@st.composite
def rows(draw):
    """Rows around clock changes, with refunds, ties and customers without an order."""
    zone = draw(st.sampled_from(ZONES))
    start = int(dt.datetime(2018, 10, 1, tzinfo=UTC).timestamp()) * 10**6
    n = draw(st.integers(1, 40))
    step = draw(st.sampled_from([3_600_000_000, 7_200_000_000, 43_200_000_000]))
    when = draw(st.lists(st.integers(0, 1500), min_size=n, max_size=n))
    who = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    paid = draw(st.lists(st.sampled_from([-3.0, 0.0, 1.5, 2.0, 10.25]), min_size=n, max_size=n))
    return zone, sorted(zip(who, [start + step * w for w in when], paid, strict=True))


def log_of(zone, data) -> tn.EventLog:
    who, when, paid = map(np.array, zip(*data, strict=True))
    frame = {
        "who": who,
        "when": when.view("M8[us]"),
        "paid": paid,
    }
    # Instants, not wall-clock times of the zone.
    import pyarrow as pa

    frame["when"] = pa.array(frame["when"]).cast(pa.timestamp("us", "UTC"))
    return tn.EventLog(frame, customer="who", time="when", amount="paid", timezone=zone)


def local_day(micros: int, zone: str) -> dt.date:
    instant = dt.datetime(1970, 1, 1, tzinfo=UTC) + dt.timedelta(microseconds=int(micros))
    return instant.astimezone(zoneinfo.ZoneInfo(zone)).date()


def month(day: dt.date) -> dt.date:
    return day.replace(day=1)


def days_of(data, zone, end):
    """By customer: local day -> (instant of the first row, amount, whether it is an order)."""
    found: dict[int, dict[dt.date, list]] = {}
    for who, when, paid in data:
        if when >= end:
            continue
        day = found.setdefault(who, {}).setdefault(local_day(when, zone), [when, 0.0, False])
        day[1] += paid
        day[2] |= paid >= 0
    return found


@given(rows())
def test_gaps_are_those_between_days_with_an_order(given_rows):
    zone, data = given_rows
    log = log_of(zone, data)
    last = local_day(log._until - 1, zone)
    expected = []
    for who, days in sorted(days_of(data, zone, log._until).items()):
        ordered = [(day, first) for day, (first, _, is_order) in sorted(days.items()) if is_order]
        for k, (day, first) in enumerate(ordered):
            following = ordered[k + 1][0] if k + 1 < len(ordered) else last
            expected.append(
                (who, k + 1, first, float((following - day).days), k + 1 < len(ordered))
            )
    got = log.order_gaps(n_threads=2)
    columns = (got.customer, got.number, got.order.astype(np.int64), got.length, got.ended)
    assert list(zip(*(c.tolist() for c in columns), strict=True)) == expected


@settings(max_examples=50)
@given(rows(), st.sampled_from(["day", "week"]))
def test_logs_of_gaps_are_those_of_the_gaps(given_rows, unit):
    zone, data = given_rows
    log = log_of(zone, data)
    per_unit = {"day": 1.0, "week": 7.0}[unit]
    expected = {}
    for who, days in days_of(data, zone, log._until).items():
        ordered = sorted(day for day, (_, _, is_order) in days.items() if is_order)
        if ordered:
            gaps = [(b - a).days / per_unit for a, b in itertools.pairwise(ordered)]
            expected[who] = sum(math.log(gap) for gap in gaps)
    got = log.summary(unit=unit, log_gaps=True, n_threads=2)
    assert_allclose(got.log_gaps, [expected[who] for who in sorted(expected)], atol=1e-12)
    assert "log_gaps" in got.to_arrow().column_names
    plain = log.summary(unit=unit)
    assert plain.log_gaps is None
    assert plain.to_pandas().equals(got.to_pandas().drop(columns="log_gaps"))


@given(rows(), st.sampled_from(["day", "month"]))
def test_periods_hold_what_was_bought_in_them(given_rows, period):
    zone, data = given_rows
    log = log_of(zone, data)
    expected = []
    for who, days in sorted(days_of(data, zone, log._until).items()):
        by_period: dict[dt.date, list] = {}
        for day, (_, paid, is_order) in sorted(days.items()):
            row = by_period.setdefault(day if period == "day" else month(day), [0, 0.0])
            row[0] += is_order
            row[1] += paid
        expected += [(who, day, n, paid) for day, (n, paid) in by_period.items()]
    got = log.order_periods(period)
    columns = (got.customer, got.period, got.orders, got.revenue)
    assert list(zip(*(c.tolist() for c in columns), strict=True)) == expected


@given(
    rows(),
    st.sampled_from(["day", "month", None]),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=5, unique=True),
)
def test_a_panel_is_the_summary_at_each_date_to_the_bit(given_rows, collapse, parts):
    zone, data = given_rows
    log = log_of(zone, data)
    span = log._until - log._from
    ends = sorted({log._from + span * p // 10**6 for p in parts})
    instants = [dt.datetime(1970, 1, 1, tzinfo=UTC) + dt.timedelta(microseconds=e) for e in ends]
    panel = log.summaries(instants, unit="day", collapse=collapse, n_threads=2)
    assert len(panel) == sum(len(s) for s in panel)
    for got, end in zip(panel, instants, strict=True):
        want = log.summary(unit="day", collapse=collapse, end=end)
        for field in dataclasses.fields(want):
            a, b = getattr(got, field.name), getattr(want, field.name)
            if isinstance(b, np.ndarray):
                assert a.dtype == b.dtype
                assert a.tobytes() == b.tobytes(), field.name
            else:
                assert a == b, field.name


def test_event_names_decide_what_is_an_order():
    log = tn.EventLog(
        {
            "who": [1, 1, 1, 2],
            "when": np.array(["2024-01-01", "2024-01-03", "2024-01-09", "2024-01-02"], "M8[D]"),
            "what": ["pay", "view", "pay", "view"],
        },
        customer="who",
        time="when",
        event="what",
        orders=["pay"],
        observed_until="2024-01-31",
    )
    gaps = log.order_gaps()
    assert gaps.customer.tolist() == [1, 1]
    assert gaps.length.tolist() == [8.0, 22.0]
    assert log.order_periods("month").orders.tolist() == [2]
    assert [len(s) for s in log.summaries(["2024-01-02", "2024-01-10"])] == [1, 1]
    assert [s.n_without_orders for s in log.summaries(["2024-01-02"])] == [1]


def test_tables_read_well():
    orders = tn.datasets.load_cdnow(sample=True)
    log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    assert "gaps between orders in weeks" in repr(log.order_gaps("week"))
    assert "months of customers" in repr(log.order_periods())
    assert "Summaries at 2 dates" in repr(log.summaries(["1997-02-01", "1997-09-30"]))
    assert log.order_gaps().to_arrow().num_rows == 6696
    assert log.summaries(["1997-09-30"])[-1].frequency.sum() == 2457


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda log: log.summaries(["1997-09-30", "1997-06-30"]), "behind the date before it"),
        (lambda log: log.summaries(["2001-01-01"]), "behind the end"),
        (lambda log: log.summaries(["soon"]), "must be a date"),
        (lambda log: log.summaries([], unit="fortnight"), "unit must be"),
        (lambda log: log.order_gaps(collapse="hour"), "collapse must be"),
        (lambda log: log.order_periods("fortnight"), "period must be"),
        (lambda log: log.order_periods(end="2001-01-01"), "behind the end"),
    ],
)
def test_what_cannot_be_asked_is_told(call, says):
    orders = tn.datasets.load_cdnow(sample=True)
    log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    with pytest.raises(tn.InvalidInputError, match=says):
        call(log)


def test_no_dates_make_an_empty_panel():
    orders = tn.datasets.load_cdnow(sample=True)
    log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    assert len(log.summaries([])) == 0
    assert list(log.summaries([])) == []


def test_a_day_goes_on_where_clocks_are_set_back_over_midnight():
    """America/St_Johns, until 2011: one minute past midnight it became 23:01 of the day before."""
    import pyarrow as pa

    before = dt.datetime(2010, 11, 7, 2, 30, 30, tzinfo=UTC)  # half a minute past midnight, summer
    times = [before, before + dt.timedelta(minutes=20), before + dt.timedelta(hours=2)]
    rows = {"who": [1, 1, 1], "when": pa.array(times, pa.timestamp("us", "UTC")), "paid": [1.0] * 3}
    log = tn.EventLog(rows, customer="who", time="when", amount="paid", timezone="America/St_Johns")
    zone = zoneinfo.ZoneInfo("America/St_Johns")
    assert [t.astimezone(zone).day for t in times] == [7, 6, 7]
    assert log.summary().frequency.tolist() == [0]
    assert log.order_gaps().length.tolist() == [0.0]
    assert log.summaries([times[-1]])[0].frequency.tolist() == [0]
    assert log.features([times[-1]]).columns["active_days_total"].tolist() == [1.0]
    assert tn.lifecycle.Stages().assign(log).n_orders.tolist() == [1]
