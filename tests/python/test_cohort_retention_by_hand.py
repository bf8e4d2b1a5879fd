"""Retention under each option in cases small enough to count by hand, and limits that cover."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import numpy as np
import pyarrow as pa
import pytest
import scipy.stats
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn


def days_log(days, until, **more):
    """Customer -> days since 2024-01-01 (with an hour) as a log of instants."""
    rows = [(c, dt.datetime(2024, 1, 1) + dt.timedelta(d)) for c, ds in days.items() for d in ds]
    frame = {"id": [c for c, _ in rows], "t": [t for _, t in rows]}
    end = dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(until)
    return tn.EventLog(frame, customer="id", time="t", observed_until=end, **more)


def test_the_rolling_clock_observes_customers_one_by_one():
    log = days_log({"a": [0, 7.5], "b": [3, 9.9], "c": [6]}, until=20)
    r = tn.cohort.retention(log, "week", clock="rolling")
    # a: 0 and 1 of ages 0, 1 (two weeks end on day 14 of 20). b: 6.9 days later is age 0.
    assert r.sizes.tolist() == [3]
    assert r.denominators.tolist() == [[3.0, 3.0]]
    assert r.counts.tolist() == [[3.0, 1.0]]
    late = tn.cohort.retention(days_log({"a": [0, 7.5], "b": [3, 9.9], "c": [6.5]}, 20), "week",
                               clock="rolling")  # fmt: skip
    assert late.denominators.tolist() == [[3.0, 2.0]]
    assert late.rates[0, 1] == 0.5
    whole = tn.cohort.retention(days_log({"a": [0, 7.5], "b": [3, 9.9], "c": [6.5]}, 20), "week",
                                clock="rolling", denominator="cohort")  # fmt: skip
    assert whole.rates[0, 1] == 1 / 3


def test_on_or_after_is_censored():
    # Three weeks seen of a, b and c, two of d. Who is silent in week 1: b, c, d, and d is then lost
    # from sight; of b and c one returns in week 2: S = (1 - 1/4)(1 - 1/2).
    log = days_log({"a": [0, 8], "b": [0, 15], "c": [0], "d": [6]}, until=21)
    r = tn.cohort.retention(log, "week", clock="rolling", match="on_or_after")
    assert_allclose(r.rates[0], [1.0, 1 - 0.75 * 0.5, 1 / 3], rtol=1e-15)
    assert r.counts[0].tolist() == [4.0, 2.0, 1.0]
    # Rothman's limits: Wilson's with the n that gives Greenwood's variance.
    s, g = 0.375, 1 / (4 * 3) + 1 / (2 * 1)
    n = (1 - s) / (s * g)
    z = scipy.stats.norm.ppf(0.975)
    centre = ((1 - s) + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(s * (1 - s) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    assert_allclose([r.lower[0, 1], r.upper[0, 1]], [centre - half, centre + half], rtol=1e-12)


def test_on_or_after_without_censoring_has_wilson_limits():
    log = days_log({c: [0, 8] if c < 7 else [0] for c in range(20)}, until=14)
    r = tn.cohort.retention(log, "week", clock="rolling", match="on_or_after")
    expected = scipy.stats.binomtest(7, 20).proportion_ci(method="wilson")
    assert_allclose((r.lower[0, 1], r.upper[0, 1]), expected, rtol=1e-12)
    assert_allclose((r.mean.lower[1], r.mean.upper[1]), expected, rtol=1e-12)
    none = tn.cohort.retention(days_log({c: [0] for c in range(20)}, 14), "week", clock="rolling",
                               match="on_or_after")  # fmt: skip
    expected = scipy.stats.binomtest(0, 20).proportion_ci(method="wilson")
    assert_allclose((none.lower[0, 1], none.upper[0, 1]), expected, rtol=1e-12, atol=1e-15)


def test_on_or_after_covers_a_truth_that_is_censored():
    # Weekly activity with probability .3: P(active in some week of 1..5) = 1 - .7^5.
    rng = np.random.default_rng(5)
    days = {
        c: [s, *(s + 7 * k + 1 for k in range(1, 6) if rng.random() < 0.3)]
        for c, s in enumerate(rng.uniform(0, 28, 4000))
    }
    log = days_log({c: [d for d in ds if d < 45] for c, ds in days.items()}, until=45)
    r = tn.cohort.retention(log, "month", clock="calendar", match="on_or_after")
    assert r.rates.shape[1] == 1  # two calendar months have not ended
    w = tn.cohort.retention(log, "week", clock="rolling", match="on_or_after", max_age=5)
    assert w.mean.lower[1] < 1 - 0.7**5 < w.mean.upper[1]
    naive = w.counts[:, 1].sum() / w.denominators[:, 1].sum()
    assert naive < 1 - 0.7**5 - 0.04  # what counting would say


def test_recurring_cohorts_open_once_a_period_and_count_what_follows():
    log = days_log({"a": [0, 1, 35], "b": [40]}, until=60)  # January, February up to the 29th
    r = tn.cohort.retention(log, anchor="recurring", n_bootstrap=10)
    assert r.sizes.tolist() == [1, 2]
    assert_array_equal(r.counts, [[1.0, 1.0], [2.0, np.nan]])


def test_recurring_cohorts_resample_customers_and_not_starts():
    # Each customer is in every cohort, active throughout or only in its own: cells of one customer
    # go together, so the limits of the mean are those of customers, not of customer-periods.
    n = 300
    days = {c: [31 * k for k in range(6)] if c % 2 else [31 * (c % 6)] for c in range(n)}
    log = days_log(days, until=182)
    r = tn.cohort.retention(log, anchor="recurring", n_bootstrap=2000)
    per_period = scipy.stats.binomtest(
        int(np.nansum(r.counts[:, 1])), int(np.nansum(r.denominators[:, 1]))
    ).proportion_ci(method="wilson")
    wide = r.mean.upper[1] - r.mean.lower[1]
    assert wide > 1.3 * (per_period.high - per_period.low)


def test_events_and_cumulative_revenue_are_per_customer():
    rows = [("a", 1, 10.0), ("a", 2, 1.0), ("a", 3, 2.0), ("b", 1, 20.0), ("b", 1, 4.0)]
    log = tn.EventLog(
        {"id": [c for c, _, _ in rows], "t": [dt.date(2024, m, 5) for _, m, _ in rows],
         "v": [v for *_, v in rows]},
        customer="id", time="t", amount="v", observed_until="2024-03-31",
    )  # fmt: skip
    e = tn.cohort.retention(log, value="events", n_bootstrap=5)
    assert e.rates.tolist() == [[1.5, 0.5, 0.5]]
    c = tn.cohort.retention(log, value="cumulative_revenue", n_bootstrap=5)
    assert c.rates.tolist() == [[17.0, 17.5, 18.5]]


def test_signup_dates_are_local_days_and_may_have_no_event():
    log = tn.EventLog(
        {"id": [1, 2], "t": [dt.datetime(2024, 3, 5, 12)] * 2}, customer="id", time="t",
        timezone="America/Sao_Paulo", observed_until="2024-04-30",
        customers={"id": [1, 2, 3, 4, 5], "joined": pa.array([
            dt.date(2024, 2, 29), dt.date(2024, 3, 1), dt.date(2024, 3, 31), None,
            dt.date(2024, 6, 1)])},
    )  # fmt: skip
    r = tn.cohort.retention(log, signup="joined")
    assert r.cohorts.astype(str).tolist() == ["2024-02-01", "2024-03-01"]
    assert r.sizes.tolist() == [1, 2]
    assert_array_equal(r.counts, [[0, 1, 0], [1, 0, np.nan]])
    assert r.n_without_orders == 2


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Europe/London", "UTC"])
def test_naive_signups_are_wall_clock_times(zone):
    # Clocks go back and forth in 2017 and 2018 in both.
    walls = [dt.datetime(2017, 10, 1) + dt.timedelta(minutes=30 * i) for i in range(48 * 200)]
    log = tn.EventLog(
        {"id": list(range(len(walls))), "t": [dt.datetime(2019, 1, 1)] * len(walls)},
        customer="id", time="t", timezone=zone,
        customers={"id": list(range(len(walls))), "joined": walls},
    )  # fmt: skip
    r = tn.cohort.retention(log, "day", signup="joined", max_age=0)
    # A wall time in a gap is the end of the gap: still that day, as no gap ends at midnight here
    # but those that begin there.
    count = np.unique(np.array(walls, "datetime64[D]"), return_counts=True)
    assert_array_equal(r.cohorts, count[0])
    assert_array_equal(r.sizes, count[1])
    z = zoneinfo.ZoneInfo(zone)
    last = walls[-1].replace(tzinfo=z).astimezone(dt.UTC)
    rolling = tn.cohort.retention(log, "day", signup="joined", clock="rolling", max_age=10_000)
    until = log.observed_until.astimezone(dt.UTC)
    assert rolling.ages[-1] == (until - walls[0].replace(tzinfo=z)) // dt.timedelta(1) - 1
    assert rolling.denominators[-1, 0] > 0
    assert last < until


def test_days_that_begin_twice_and_days_left_out():
    # St John's went back over midnight at 00:01; Samoa left out 30 December 2011.
    night = dt.datetime(2010, 11, 7, 2, 30, 30, tzinfo=dt.UTC)  # 00:00:30 on the 7th
    back = night + dt.timedelta(minutes=20)  # 23:20:30 on the 6th, once more
    frame = {"id": [1, 1, 1], "t": [night, back, night + dt.timedelta(hours=2)]}
    log = tn.EventLog(frame, customer="id", time="t", timezone="America/St_Johns")
    r = tn.cohort.retention(log, "day")
    assert r.cohorts.astype(str).tolist() == ["2010-11-07"]
    assert r.counts.tolist() == [[1.0]]
    times = [dt.datetime(2011, 12, 29, 22, tzinfo=dt.UTC), dt.datetime(2011, 12, 30, 22,
             tzinfo=dt.UTC)]  # fmt: skip
    log = tn.EventLog({"id": [1, 1], "t": times}, customer="id", time="t",
                      timezone="Pacific/Apia")  # fmt: skip
    r = tn.cohort.retention(log, "day")
    assert r.cohorts.astype(str).tolist() == ["2011-12-29"]
    assert r.counts.tolist() == [[1.0, 0.0, 1.0]]
