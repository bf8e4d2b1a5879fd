"""Growth accounting, active customers and stickiness against sets of customers in plain Python."""

from __future__ import annotations

import datetime as dt
import random
import zoneinfo

import numpy as np
import pytest
import retention_oracle as oracle
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn

START = dt.datetime(2017, 9, 20, 12, tzinfo=dt.UTC)
ZONES = ["UTC", "America/Sao_Paulo", "Europe/London"]


def many_rows(seed, n):
    """(customer, instant, amount) with ties, refunds and nights when clocks change."""
    rng = random.Random(seed)
    return [
        (
            rng.randrange(9),
            START
            + dt.timedelta(minutes=30 * rng.choice([rng.randrange(9000), 1178, 1180, 1893, 0])),
            rng.randint(-2, 12) / 4,
        )
        for _ in range(n)
    ]


logs = st.builds(many_rows, st.integers(0, 2**32), st.integers(1, 60))


def log_of(rows, zone, until, signup=None):
    ids = sorted({c for c, _, _ in rows} | set(signup or {}))
    return tn.EventLog(
        {"id": [c for c, _, _ in rows], "t": [t for _, t, _ in rows], "v": [v for *_, v in rows]},
        customer="id",
        time="t",
        amount="v",
        timezone=zone,
        observed_until=until,
        customers={"id": ids, "joined": np.array([(signup or {}).get(c) for c in ids], "M8[us]")},
    )


def active_sets(rows, period, zone, until):
    """Period -> customers active in it, from the first of the log to the last that ended."""
    of = {c: set() for c, _, _ in rows}
    for c, t, v in rows:
        if v >= 0:
            of[c].add(oracle.period_of(t, period, zone))
    first = min(oracle.period_of(t, period, zone) for _, t, _ in rows)
    periods = []
    while oracle.begins(first + len(periods) + 1, period, zone) <= until:
        periods.append(first + len(periods))
    return of, periods


def end_of(rows, days):
    return max(t for _, t, _ in rows) + dt.timedelta(days=days, hours=5)


@settings(max_examples=40)
@given(
    logs,
    st.sampled_from(ZONES),
    st.sampled_from(["day", "week", "month", "quarter", "year"]),
    st.integers(1, 4),
    st.booleans(),
    st.integers(0, 90),
)
def test_growth_equals_sets_of_customers(rows, zone, period, lapse, by_signup, days):
    until = end_of(rows, days)
    # Signups of some, at the wall-clock hour of noon, before, in and after the log.
    signup = {c: (START + dt.timedelta(days=40 * c - 90)).replace(tzinfo=None) for c in range(6)}
    log = log_of(rows, zone, until, signup if by_signup else None)
    more = {"new_by": "signup", "signup": "joined"} if by_signup else {}
    g = tn.cohort.growth(log, period, lapse=lapse, **more)
    of, periods = active_sets(rows, period, zone, until)
    assert g.periods.tolist() == [oracle.first_day(p, period) for p in periods]

    def born(c):
        if by_signup and c in signup:
            local = signup[c].replace(tzinfo=zoneinfo.ZoneInfo(zone))
            return oracle.period_of(local, period, zone)
        return min(of[c], default=None)

    for i, p in enumerate(periods):
        now = {c for c in of if p in of[c]}
        before = {c for c in of if p - 1 in of[c]}
        new = {c for c in now - before if born(c) == p}
        expected = {
            "active": now,
            "returning": now & before,
            "new": new,
            "resurrected": now - before - new,
            "dormant": before - now,
            "lapsed": {
                c for c in of
                if p - lapse in of[c] and not of[c] & set(range(p - lapse + 1, p + 1))
            },
        }  # fmt: skip
        for name, customers in expected.items():
            assert getattr(g, name)[i] == len(customers), name


@settings(max_examples=15)
@given(logs, st.sampled_from(["week", "month"]))
def test_growth_adds_up(rows, period):
    g = tn.cohort.growth(log_of(rows, "Europe/London", end_of(rows, 20)), period, lapse=1)
    assert_array_equal(g.new + g.returning + g.resurrected, g.active)
    assert_array_equal(g.dormant[1:], g.active[:-1] - g.returning[1:])
    assert_array_equal(g.lapsed, g.dormant)
    known = np.isfinite(g.quick_ratio)
    assert (g.lower[known] <= g.quick_ratio[known]).all()
    assert (g.upper[known] >= g.quick_ratio[known]).all()


def test_quick_ratio_has_the_limits_of_its_odds():
    first = [(c, dt.datetime(2024, 1, 5, tzinfo=dt.UTC), 1.0) for c in range(10)]
    second = [(c, dt.datetime(2024, 2, 5, tzinfo=dt.UTC), 1.0) for c in range(4, 30)]
    until = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
    g = tn.cohort.growth(log_of(first + second, "UTC", until), level=0.9)
    assert g.quick_ratio.tolist() == [np.inf, 5.0]  # 20 new, 4 dormant
    wilson = scipy.stats.binomtest(20, 24).proportion_ci(0.9, method="wilson")
    odds = [wilson.low / (1 - wilson.low), wilson.high / (1 - wilson.high)]
    assert_allclose([g.lower[1], g.upper[1]], odds, rtol=1e-12)
    assert g.upper[0] == np.inf


def test_quick_ratio_limits_cover():
    # Arrivals and departures as Poisson counts with ratio 2.
    rng = np.random.default_rng(3)
    came, went = rng.poisson(40, 4000), rng.poisson(20, 4000)
    low, high = tn._core.survival.wilson_intervals(
        came.astype(float), (came + went).astype(float), 0.95
    )
    covered = (low / (1 - low) <= 2) & (high / (1 - high) >= 2)
    assert 0.94 <= covered.mean() <= 0.96


@settings(max_examples=15)
@given(logs, st.sampled_from(ZONES), st.integers(0, 40))
def test_active_users_equal_sets_of_customers(rows, zone, days):
    until = end_of(rows, days)
    users = tn.cohort.active_users(log_of(rows, zone, until))
    of, dates = active_sets(rows, "day", zone, until)
    assert users.dates.tolist() == [dt.date.fromordinal(d) for d in dates]
    for name, window in [("daily", 1), ("weekly", 7), ("monthly", 30)]:
        for i, day in enumerate(dates):
            within = set(range(day - window + 1, day + 1))
            expected = sum(bool(of[c] & within) for c in of) if i >= window - 1 else np.nan
            assert_array_equal(getattr(users, name)[i], expected)
    with np.errstate(invalid="ignore"):
        assert_array_equal(users.ratio, users.daily / users.monthly)


@settings(max_examples=15)
@given(
    logs,
    st.sampled_from(ZONES),
    st.sampled_from(
        [("day", "week"), ("day", "month"), ("day", "quarter"), ("day", "year"),
         ("month", "quarter"), ("month", "year"), ("quarter", "year")]
    ),
    st.integers(0, 90),
)  # fmt: skip
def test_stickiness_equals_sets_of_customers(rows, zone, units, days):
    period, within = units
    until = end_of(rows, days)
    log = log_of(rows, zone, until)
    s = tn.cohort.stickiness(log, period, within)
    _, outer = active_sets(rows, within, zone, until)
    assert s.periods.tolist() == [oracle.first_day(p, within) for p in outer]
    at_least = tn.cohort.stickiness(log, period, within, cumulative=True)
    for i, p in enumerate(outer):
        visits = {}
        for c, t, v in rows:
            if v >= 0 and oracle.period_of(t, within, zone) == p:
                visits.setdefault(c, set()).add(oracle.period_of(t, period, zone))
        numbers = [len(v) for v in visits.values()]
        for j, n in enumerate(s.n_active):
            assert s.counts[i, j] == numbers.count(n)
            assert at_least.counts[i, j] == sum(x >= n for x in numbers)
        assert_array_equal(s.mean[i], np.mean(numbers) if numbers else np.nan)
        assert_array_equal(at_least.rates[i, 0], 1.0 if numbers else np.nan)


def test_same_counts_for_every_thread_count_and_order():
    rng = np.random.default_rng(1)
    n = 60_000
    frame = {"id": rng.integers(0, 20_000, n), "t": rng.integers(15e8, 16e8, n) * 10**6}
    frame["t"] = frame["t"].view("M8[us]")
    log = tn.EventLog(frame, customer="id", time="t")
    back = tn.EventLog({k: v[::-1].copy() for k, v in frame.items()}, customer="id", time="t")
    for call in (tn.cohort.growth, tn.cohort.active_users, tn.cohort.stickiness):
        one = call(log, n_threads=1)
        for other in (call(log, n_threads=3), call(back, n_threads=2)):
            assert one.to_arrow().to_pandas().equals(other.to_arrow().to_pandas())


def test_activity_may_be_any_event():
    log = tn.EventLog(
        {"id": [1, 1, 2], "t": [dt.date(2024, 1, d) for d in (1, 2, 2)],
         "e": ["view", "buy", "view"]},
        customer="id", time="t", event="e", orders=["buy"], observed_until="2024-01-31",
    )  # fmt: skip
    assert tn.cohort.growth(log).active.tolist() == [1]
    assert tn.cohort.growth(log, event=["view", "buy"]).active.tolist() == [2]
    assert tn.cohort.active_users(log, event="view").daily[:2].tolist() == [1, 1]
    assert tn.cohort.stickiness(log, event=["view", "buy"]).counts[0, :2].tolist() == [1, 1]


def test_pictures_show_the_counts():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    log = log_of(many_rows(4, 60), "UTC", end_of(many_rows(4, 60), 3))
    g = tn.cohort.growth(log)
    ax = g.plot()
    heights = np.array([p.get_height() for p in ax.patches]).reshape(4, -1)
    assert_array_equal(heights, [g.returning, g.new, g.resurrected, -g.dormant])
    s = tn.cohort.stickiness(log)
    shares = [p.get_height() for p in s.plot().patches]
    assert_allclose(shares, s.counts.sum(axis=0) / s.counts.sum())
    users = tn.cohort.active_users(log)
    assert_array_equal(users.plot().lines[0].get_ydata(), users.daily)
    pyplot.close("all")


@pytest.mark.parametrize(
    ("call", "given", "argument"),
    [
        ("growth", {"period": "hour"}, "period"),
        ("growth", {"lapse": 0}, "lapse"),
        ("growth", {"lapse": 2**62}, "lapse"),
        ("growth", {"new_by": "birth"}, "new_by"),
        ("growth", {"new_by": "signup"}, "signup"),
        ("growth", {"signup": "joined"}, "signup"),
        ("growth", {"new_by": "signup", "signup": "left"}, "signup"),
        ("growth", {"event": "buy"}, "event"),
        ("growth", {"level": 1}, "level"),
        ("growth", {"n_threads": 0}, "n_threads"),
        ("active_users", {"event": "buy"}, "event"),
        ("stickiness", {"period": "week"}, "within"),
        ("stickiness", {"period": "month", "within": "week"}, "within"),
        ("stickiness", {"period": "month", "within": "month"}, "within"),
        ("stickiness", {"within": "decade"}, "within"),
        ("stickiness", {"cumulative": "yes"}, "cumulative"),
        ("stickiness", {"level": 0}, "level"),
    ],
)
def test_refuses_settings_out_of_range(call, given, argument):
    log = log_of([(1, START, 1.0)], "UTC", None)
    with pytest.raises(tn.InvalidInputError) as error:
        getattr(tn.cohort, call)(log, **given)
    assert error.value.argument == argument
