"""Retention with every option, against its definition customer by customer; identities."""

from __future__ import annotations

import datetime as dt
import random

import numpy as np
import pyarrow as pa
import pytest
import retention_oracle as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn

ZONES = ["UTC", "America/Sao_Paulo", "Europe/London", "Australia/Lord_Howe"]
START = dt.datetime(2017, 9, 20, 12, tzinfo=dt.UTC)
CHANNELS = ["ads", "shop", None]
PLANS = {0: "free", 1: "paid", 2: "free", 4: "paid", 5: "free", 7: "paid"}


def half_hours(most):
    return st.integers(0, most * 48)


#: Ties, and nights when clocks change in Brazil and Britain.
TIMES = [0, 0, 48, 1178, 1180, 1893, 1894, 7274]
EVENTS = ["buy", "buy", "buy", "view", "join"]


def row_at(who, t, event, quarters, channel):
    time = START + dt.timedelta(minutes=30 * t)
    return oracle.Row(who, time, event, quarters / 4, channel)


def many_rows(seed, n):
    rng = random.Random(seed)
    return [
        row_at(
            rng.randrange(7),
            rng.choice(TIMES) if rng.random() < 0.2 else rng.randrange(260 * 48),
            rng.choice(EVENTS),
            rng.randint(-2, 12),
            rng.choice(CHANNELS),
        )
        for _ in range(n)
    ]


few_rows = st.lists(
    st.builds(
        row_at,
        st.integers(0, 6),
        st.one_of(st.sampled_from(TIMES), half_hours(260)),
        st.sampled_from(EVENTS),
        st.integers(-2, 12),
        st.sampled_from(CHANNELS),
    ),
    min_size=1,
    max_size=12,
)
# Hypothesis likes short lists: those of a seed are long enough for cohorts of several customers.
seeds = st.builds(many_rows, st.integers(0, 2**32), st.integers(10, 60))
events = st.one_of(few_rows, seeds, seeds, seeds)
signups = st.dictionaries(st.integers(0, 8), half_hours(200), max_size=9).map(
    lambda days: {c: START + dt.timedelta(minutes=30 * (t - 1200)) for c, t in days.items()}
)


def log_of(rows, zone, until, signup=None, customers=()):
    ids = sorted({r.customer for r in rows} | set(customers))
    table = pa.table(
        {
            "id": pa.array([r.customer for r in rows], pa.int64()),
            "time": pa.array([r.time for r in rows], pa.timestamp("us", "UTC")),
            "what": [r.event for r in rows],
            "paid": pa.array([r.amount for r in rows], pa.float64()),
            "channel": pa.array([r.channel for r in rows], pa.string()),
        }
    )
    known = pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "joined": pa.array([(signup or {}).get(c) for c in ids], pa.timestamp("us", "UTC")),
            "plan": pa.array([PLANS.get(c) for c in ids], pa.string()),
        }
    )
    # Every name occurs, so that it can be asked for: by someone who is in no cohort.
    names = pa.table(
        {
            "id": pa.array([-1] * 3, pa.int64()),
            "time": pa.array([START] * 3, pa.timestamp("us", "UTC")),
            "what": ["buy", "join", "view"],
            "paid": [-1.0] * 3,
            "channel": ["ads", "shop", None],
        }
    )
    return tn.EventLog(
        pa.concat_tables([table, names]), customer="id", time="time", amount="paid", event="what",
        orders=["buy"], properties=["channel"], customers=known, timezone=zone,
        observed_until=until,
    )  # fmt: skip


def end_of(rows, days_longer):
    """Often a whole number of days after an event: the edge of what the rolling clock observes."""
    odd = dt.timedelta(days=1) if days_longer % 3 else dt.timedelta(hours=7)
    return max([r.time for r in rows] + [START]) + dt.timedelta(days=days_longer) + odd


def assert_equals(r, expected, period):
    if expected is None:
        assert r.cohorts.size == 0
        return
    cohorts, sizes, cells, means = expected
    assert r.cohorts.tolist() == [oracle.first_day(c, period) for c in cohorts]
    assert r.sizes.tolist() == sizes
    assert len(r.mean.age) == len(means)
    # A cohort that is empty in its group has no counts to compare, but no rate either.
    told = [
        [(c, age) in cells or size > 0 for age in range(len(means))]
        for c, size in zip(cohorts, sizes, strict=True)
    ]
    none = (None, None, None)
    table = [[cells.get((c, age), none) for age in range(len(means))] for c in cohorts]
    for at, got in enumerate((r.counts, r.denominators, r.rates)):
        wanted = np.array([[number(cell[at]) for cell in row] for row in table])
        seen = np.array(told) | (at == 2)
        assert_allclose(got[seen], wanted[seen], rtol=1e-12, atol=1e-12)
    assert_allclose(r.mean.rate, [number(means[a]) for a in means], rtol=1e-12, atol=1e-12)


def number(x):
    return np.nan if x is None else float(x)


@st.composite
def questions(draw):
    """Options that go together, as keywords of `retention`."""
    clock = draw(st.sampled_from(["calendar", "rolling"]))
    short = ["day", "week", "month"]
    q = {
        "period": draw(st.sampled_from(short + (["quarter", "year"] if clock[0] == "c" else []))),
        "clock": clock,
        "match": draw(st.sampled_from(["on", "on_or_after", "on_or_before", "brackets"])),
        "anchor": draw(st.sampled_from(["first_ever", "first_matching", "recurring"])),
        "mean": draw(st.sampled_from(["weighted", "simple"])),
    }
    q["denominator"] = draw(
        st.just("at_risk")
        if q["match"] == "on_or_after"
        else st.sampled_from(["at_risk", "cohort", "previous"])
    )
    values = ["customers"]
    if q["match"] in ("on", "brackets"):
        values += ["events", "revenue"] + ["cumulative_revenue"] * (q["denominator"] != "previous")
    q["value"] = draw(st.sampled_from(values))
    if q["value"] == "customers":
        q["min_events"] = draw(st.sampled_from([1, 1, 2]))
    if q["match"] == "brackets":
        q["brackets"] = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    elif q["period"] == "day" or draw(st.booleans()):
        q["max_age"] = draw(st.integers(0, 9))
    q["start_event"] = draw(st.sampled_from([None, "join", ["join", "view"]]))
    q["return_event"] = draw(st.sampled_from([None, "view", ["buy", "view"]]))
    if draw(st.integers(0, 3)) == 0:
        q |= {"signup": "joined", "anchor": "first_ever", "start_event": None}
    else:
        q["where"] = draw(st.sampled_from([None, {"channel": "ads"}, {"channel": ["ads", "shop"]}]))
    return q


def as_oracle(q, zone, signup, customers):
    o = {k: v for k, v in q.items() if k != "signup"} | {"zone": zone, "customers": customers}
    for name in ("start_event", "return_event"):
        given = q.get(name)
        o[name] = ("buy",) if given is None else (given,) if isinstance(given, str) else given
    if q.get("where"):
        wanted = q["where"]["channel"]
        o["where"] = (wanted,) if isinstance(wanted, str) else wanted
    if "signup" in q:
        o["signup"] = signup
    return o


@settings(max_examples=80)
@given(events, signups, questions(), st.sampled_from(ZONES), st.integers(0, 90))
def test_equals_the_definition(rows, signup, q, zone, days_longer):
    until = end_of(rows, days_longer)
    log = log_of(rows, zone, until, signup, signup)
    r = tn.cohort.retention(log, **q, n_bootstrap=2)
    assert_equals(r, oracle.table_of(rows, until, **as_oracle(q, zone, signup, signup)),
                  q["period"])  # fmt: skip


@settings(max_examples=12)
@given(events, signups, questions(), st.sampled_from(["channel", "plan"]), st.booleans())
def test_groups_equal_the_definition(rows, signup, q, by, same):
    until = end_of(rows, 20)
    if "signup" in q:
        by = "plan"
    q["by_return"] = "same" if same and by == "channel" else "any"
    log = log_of(rows, "Europe/London", until, signup, signup)
    r = tn.cohort.retention(log, **q, by=by, n_bootstrap=2)
    o = as_oracle(q, "Europe/London", signup, signup)
    o |= {"by": by, "by_customer": PLANS if by == "plan" else None}
    whole = oracle.table_of(rows, until, **o)
    assert_equals(r, whole, q["period"])
    found = {m.group for m in oracle.members_of(rows, until, **o)}
    assert r.groups.values == sorted(found - {None}) + [None] * (None in found)
    for value in r.groups:
        expected = oracle.table_of(rows, until, group=value, grouped=True, **o)
        assert_equals(r.groups[value], expected, q["period"])
    if whole is not None:
        assert sum(r.groups[v].sizes for v in r.groups).tolist() == whole[1]


# --- identities -----------------------------------------------------------------------------------


@settings(max_examples=12)
@given(events, st.sampled_from(ZONES), st.sampled_from(["week", "month"]), st.integers(1, 2))
def test_on_or_after_is_the_reverse_cumulative_or_of_on(rows, zone, period, m):
    # One cohort after another under the calendar clock: all of its customers are observed alike.
    until = end_of(rows, 3)
    log = log_of(rows, zone, until)
    after = tn.cohort.retention(log, period, match="on_or_after", min_events=m)
    assert_allclose(after.rates, after.counts / np.where(after.sizes, after.sizes, np.nan)[:, None])
    everyone = oracle.members_of(rows, until, period=period, zone=zone)
    first = min((x.cohort for x in everyone), default=0)
    for c, age in np.argwhere(~np.isnan(after.rates)):
        cohort = [x for x in everyone if x.cohort == first + c]
        back = [any(x.events.get(a, 0) >= m for a in range(age, x.last + 1)) for x in cohort]
        assert_allclose(after.rates[c, age], np.mean(back))
    assert (np.diff(after.rates, axis=1) <= 1e-12)[~np.isnan(after.rates[:, 1:])].all()


@settings(max_examples=12)
@given(events, questions(), st.randoms(use_true_random=False))
def test_rates_lie_in_their_limits_and_order_and_threads_do_not_matter(rows, q, dice):
    until = end_of(rows, 40)
    shuffled = list(rows)
    dice.shuffle(shuffled)
    signup = {r.customer: START for r in rows}
    a = tn.cohort.retention(log_of(rows, "America/Sao_Paulo", until, signup), **q,
                            n_bootstrap=6, n_threads=1)  # fmt: skip
    b = tn.cohort.retention(log_of(shuffled, "America/Sao_Paulo", until, signup), **q,
                            n_bootstrap=6, n_threads=3)  # fmt: skip
    assert a.to_arrow().equals(b.to_arrow()) or a.to_pandas().equals(b.to_pandas())
    assert a.mean.to_pandas().equals(b.mean.to_pandas())
    if q["value"] == "customers" and q["denominator"] != "previous":
        known = ~np.isnan(a.rates)
        assert ((a.rates[known] >= 0) & (a.rates[known] <= 1)).all()
        if q["anchor"] != "recurring":
            slack = 1e-12
            assert (a.lower[known] <= a.rates[known] + slack).all()
            assert (a.upper[known] >= a.rates[known] - slack).all()


@settings(max_examples=12)
@given(events, st.sampled_from(["customers", "revenue"]), st.sampled_from(ZONES))
def test_the_common_call_and_the_general_one_agree(rows, value, zone):
    # `where` that always holds, or all names of orders, sends the same question the other way.
    log = log_of(rows, zone, end_of(rows, 5))
    one = tn.cohort.retention(log, "week", value=value, n_bootstrap=3)
    other = tn.cohort.retention(log, "week", value=value, n_bootstrap=3, start_event="buy")
    for name in ("cohorts", "sizes", "counts", "denominators", "rates", "lower", "upper", "few"):
        assert_array_equal(getattr(one, name), getattr(other, name))
    assert_array_equal(one.mean.upper, other.mean.upper)
    assert one.n_without_orders == other.n_without_orders
    assert_allclose(one.unassigned_revenue, other.unassigned_revenue)


@settings(max_examples=12)
@given(events)
def test_on_or_before_never_rises_and_brackets_of_one_are_ages(rows):
    log = log_of(rows, "UTC", end_of(rows, 30))
    streak = tn.cohort.retention(log, "week", match="on_or_before").rates
    assert (np.diff(streak, axis=1)[~np.isnan(streak[:, 1:])] <= 0).all()
    r = tn.cohort.retention(log, "week", max_age=3)
    b = tn.cohort.retention(log, "week", match="brackets", brackets=[1, 1, 1, 1])
    assert_array_equal(b.rates, r.rates)
    assert b.ages.tolist() == r.ages.tolist()


def days_log(days, until, **more):
    """Customer -> days since 2024-01-01 (with an hour) as a log of instants."""
    rows = [(c, dt.datetime(2024, 1, 1) + dt.timedelta(d)) for c, ds in days.items() for d in ds]
    frame = {"id": [c for c, _ in rows], "t": [t for _, t in rows]}
    end = dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(until)
    return tn.EventLog(frame, customer="id", time="t", observed_until=end, **more)


# --- pictures and refusals ------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["customers", "events", "cumulative_revenue"])
def test_pictures_say_what_they_show(value):
    pytest.importorskip("matplotlib").use("Agg")
    rows = [oracle.Row(c, START + dt.timedelta(30 * k), "buy", 2.5, "ads")
            for c in range(4) for k in range(c + 1)]  # fmt: skip
    log = log_of(rows, "UTC", end_of(rows, 40))
    r = tn.cohort.retention(log, value=value, by="channel", n_bootstrap=5)
    label = {"customers": "retained", "events": "Events per", "cumulative_revenue": "acquired"}
    for ax in (r.plot(), r.plot(kind="curves"), r.groups.plot()):
        assert label[value] in ax.get_ylabel()
    assert "ads" in [t.get_text() for t in r.groups.plot().get_legend().get_texts()]
    assert r.groups.to_pandas().columns[0] == "channel"
    if value == "events":
        assert "1.0" in [t.get_text() for t in r.plot().texts]


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({"clock": "rolling", "period": "year"}, "period"),
        ({"match": "brackets"}, "brackets"),
        ({"brackets": [1, 2]}, "brackets"),
        ({"match": "brackets", "brackets": []}, "brackets"),
        ({"match": "brackets", "brackets": [1, 0]}, "brackets"),
        ({"match": "brackets", "brackets": [2**31]}, "brackets"),
        ({"match": "brackets", "brackets": [1], "max_age": 2}, "max_age"),
        ({"match": "on_or_after", "value": "revenue"}, "match"),
        ({"match": "on_or_after", "denominator": "cohort"}, "denominator"),
        ({"match": "on_or_before", "value": "events"}, "match"),
        ({"value": "events", "min_events": 2}, "min_events"),
        ({"min_events": 0}, "min_events"),
        ({"value": "cumulative_revenue", "denominator": "previous"}, "denominator"),
        ({"start_event": "fly"}, "start_event"),
        ({"return_event": []}, "return_event"),
        ({"where": {"colour": "red"}}, "where"),
        ({"where": {"channel": "tv"}}, "where"),
        ({"where": {"channel": []}}, "where"),
        ({"where": "ads"}, "where"),
        ({"by": "colour"}, "by"),
        ({"by": "channel", "signup": "joined"}, "by"),
        ({"by": "plan", "by_return": "same"}, "by_return"),
        ({"by_return": "other"}, "by_return"),
        ({"signup": "left"}, "signup"),
        ({"signup": "plan"}, "signup"),
        ({"signup": "joined", "anchor": "recurring"}, "signup"),
        ({"signup": "joined", "start_event": "buy"}, "signup"),
    ],
)
def test_refuses_what_does_not_go_together(given, argument):
    rows = [oracle.Row(1, START, "buy", 1.0, "ads")]
    with pytest.raises(tn.InvalidInputError) as error:
        tn.cohort.retention(log_of(rows, "UTC", end_of(rows, 1)), **given)
    assert error.value.argument == argument


def test_names_of_events_need_a_log_that_has_them():
    log = days_log({"a": [0]}, until=3)
    with pytest.raises(tn.InvalidInputError, match="event names"):
        tn.cohort.retention(log, start_event="buy")
    groups = tn.cohort.retention(
        tn.EventLog({"id": [1], "t": [dt.date(2024, 1, 1)], "p": ["x"]}, customer="id", time="t",
                    properties="p"), by="p").groups  # fmt: skip
    with pytest.raises(tn.InvalidInputError, match="no group"):
        groups["y"]
