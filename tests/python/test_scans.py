"""Scans: a log in parts gives what the whole gives, to the bit, however it was cut and carried."""

from __future__ import annotations

import datetime as dt
import itertools
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_logs import customers, frame, log_of, plain

import tenure as tn
from tenure import _model_file

R, F = tn.cohort.RetentionScan, tn.journey.FunnelScan

SCANS = {
    "retention": lambda: R("week"),
    "retention revenue": lambda: R("month", value="revenue", n_bootstrap=20),
    "retention rolling": lambda: R("week", clock="rolling", match="on_or_after"),
    "retention by property": lambda: R("month", by="channel", by_return="same"),
    "retention by customer": lambda: R("month", by="plan", mean="simple", n_bootstrap=20),
    "retention signup": lambda: R("month", signup="since", value="events", n_bootstrap=20),
    "retention brackets": lambda: R("day", match="brackets", brackets=[1, 6, 30]),
    "retention recurring": lambda: R(
        "month", anchor="recurring", where={"channel": ["a", "b"]}, n_bootstrap=20
    ),
    "retention of money so far": lambda: R("month", value="cumulative_revenue", n_bootstrap=20),
    "growth": lambda: tn.cohort.GrowthScan("week", lapse=2),
    "growth by signup": lambda: tn.cohort.GrowthScan(new_by="signup", signup="since"),
    "active users": lambda: tn.cohort.ActiveUsersScan(event=["view", "pay"]),
    "stickiness": lambda: tn.cohort.StickinessScan("day", "week", cumulative=True),
    "funnel": lambda: F(["view", "cart", "pay"], window="20d"),
    "funnel by last": lambda: F(["view", ["cart", "pay"]], by="channel", attribution="last"),
    "funnel by every": lambda: F(
        ["view", "cart"], window=dt.timedelta(days=9), by="shop", attribution="every"
    ),
    "funnel attempts": lambda: F(["view", "pay"], window=[None], start="every", count="total"),
}


def parts_of(log, cuts):
    edges = [0, *sorted(min(c, log.n_customers) for c in cuts), log.n_customers]
    return [log._of_customers(a, b) for a, b in itertools.pairwise(edges)]


def random_log(n, seed, **more):
    return log_of(frame(n, seed), customers=customers(max(n // 3, 3)), **more)


@pytest.mark.parametrize("name", SCANS)
@settings(max_examples=12)
@given(st.integers(30, 160), st.lists(st.integers(0, 40), max_size=3), st.integers(0, 10**6))
def test_parts_give_what_the_whole_gives(name, n, cuts, seed):
    log = random_log(n, seed, timezone="Europe/London")
    make = SCANS[name]
    whole = make().visit(log)
    expected = plain(whole.finish())

    one_by_one = make()
    for part in parts_of(log, cuts):
        one_by_one.visit(part)
    assert plain(one_by_one.finish()) == expected
    assert (one_by_one.n_customers, one_by_one.n_rows) == (log.n_customers, log.n_rows)

    scans = [make().visit(part) for part in parts_of(log, cuts)]
    carried = [type(s).from_bytes(s.to_bytes()) for s in scans]
    while len(carried) > 1:  # neighbours first, as a tree
        carried = [
            a.merge(*b) if b else a
            for a, *b in (carried[i : i + 2] for i in range(0, len(carried), 2))
        ]
    assert plain(carried[0].finish()) == expected
    assert plain(pickle.loads(pickle.dumps(one_by_one)).finish()) == expected
    # What was merged from still stands by itself, and finishing uses nothing up.
    assert plain(one_by_one.finish()) == expected
    again = make().merge(scans[0])
    assert plain(again.finish()) == plain(scans[0].finish())


@pytest.mark.parametrize("name", sorted(SCANS.keys() - {"retention recurring", "active users"}))
def test_nothing_in_parts_is_nothing_at_all(name):
    log = random_log(0, 0)  # customers without events
    scan = SCANS[name]()
    for part in parts_of(log, [1, 2]):
        scan.visit(part)
    again = tn.Scan.from_bytes(scan.to_bytes())
    assert plain(again.finish()) == plain(SCANS[name]().visit(log).finish())


@pytest.mark.parametrize("name", SCANS)
@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_and_of_parts_changes_nothing(name, threads):
    log = random_log(3000, 4)
    expected = plain(SCANS[name]().visit(log, n_threads=1).finish())
    scan = SCANS[name]()
    for part in log.parts(5):
        scan.visit(part, n_threads=threads)
    assert plain(scan.finish()) == expected


def test_parts_hold_whole_customers_and_cost_no_copy():
    log = random_log(2000, 1)
    parts = log.parts(4)
    assert [p.n_customers for p in parts] != []
    assert np.concatenate([p.customer_ids for p in parts]).tolist() == log.customer_ids.tolist()
    assert sum(p.n_rows for p in parts) == log.n_rows
    assert max(p.n_rows for p in parts) < 0.4 * log.n_rows
    assert all(np.shares_memory(p._core.time, log._core.time) for p in parts)
    assert {p.observed_until for p in parts} == {log.observed_until}
    assert 400 < len(log.parts(10**9)) <= log.n_customers
    assert (
        parts[1].customers["plan"].to_pylist()
        == (log.customers["plan"].to_pylist()[parts[0].n_customers :][: parts[1].n_customers])
    )


def counted(part):
    return tn.cohort.RetentionScan("week").visit(part).to_bytes()


def test_processes_share_the_work():
    log = random_log(800, 2)
    with ProcessPoolExecutor(2) as pool:
        states = list(pool.map(counted, log.parts(3)))
    total = tn.cohort.RetentionScan("week")
    for state in states:
        total.merge(tn.Scan.from_bytes(state))
    assert plain(total.finish()) == plain(tn.cohort.retention(log, "week"))


def test_what_does_not_belong_together_is_told():
    log = random_log(50, 0)
    scan = tn.cohort.GrowthScan().visit(log)
    with pytest.raises(tn.InvalidInputError, match="same settings"):
        scan.merge(tn.cohort.GrowthScan(lapse=2).visit(log))
    with pytest.raises(tn.InvalidInputError, match="same settings"):
        scan.merge(tn.cohort.StickinessScan().visit(log))
    with pytest.raises(tn.InvalidInputError, match="timezone is 'UTC'"):
        scan.visit(random_log(50, 0, timezone="Europe/London"))
    with pytest.raises(tn.InvalidInputError, match="observed_until"):
        scan.visit(log.split("2024-02-10")[0])
    with pytest.raises(tn.InvalidInputError, match="has visited no log yet"):
        tn.cohort.GrowthScan().finish()
    with pytest.raises(tn.ModelFileError, match="hold a GrowthScan, not a StickinessScan"):
        tn.cohort.StickinessScan.from_bytes(scan.to_bytes())
    with pytest.raises(tn.InvalidInputError, match="log must be an EventLog"):
        scan.visit({"who": [1]})
    assert repr(scan).startswith("GrowthScan(period='month', lapse=3")


def forged(scan, change):
    state = scan._state()
    state["counted"] = change(state["counted"])
    scan._state = lambda: state
    return _model_file.to_bytes(scan)


def without(name):
    return lambda counted: {k: v for k, v in counted.items() if k != name}


def inside(name, key, change):
    return lambda counted: {**counted, name: {**counted[name], key: change(counted[name][key])}}


@pytest.mark.parametrize(
    ("make", "change"),
    [
        ("growth", lambda counted: {k: v.astype(float) for k, v in counted.items()}),
        ("growth", lambda _: [1]),
        ("retention", without("cells")),
        ("retention", inside("cells", "size", lambda v: v[:-1])),
        ("retention", inside("cells", "head", lambda v: v[:3])),
        ("retention", inside("cells", "head", lambda v: v * 0 + 2**40)),
        ("retention revenue", inside("cells", "revenue", lambda v: v * 0 - 5)),
        ("retention revenue", without("members")),
        ("retention rolling", inside("members", "age", lambda v: v[:-1])),
        ("funnel", inside("units", "reached", lambda v: v[:0])),
        ("funnel", inside("units", "time", lambda v: v[:-1])),
        ("funnel by last", inside("units", "group", lambda v: v * 0 + 99)),
        ("funnel by every", lambda counted: {**counted, "grouped": None}),
    ],
)
def test_bytes_that_no_scan_wrote_are_refused(make, change):
    scan = SCANS[make]().visit(random_log(80, 3))
    data = forged(scan, change)
    with pytest.raises(tn.ModelFileError):
        tn.Scan.from_bytes(data)


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("first_cell", lambda v: v + 10**9),
        ("first_cell", lambda v: v[::-1].copy()),
        ("period", lambda v: v + 10**6),
        ("last_age", lambda v: v * 0 - 9),
        ("last_age", lambda v: v * 0 + 2**50),
        ("group", lambda v: v * 0 - 9),
        ("age", lambda v: v * 0 + 2**30),
        ("customer", lambda v: v * 0 - 1),
        ("head", lambda v: v * 0 + 2**61),
    ],
)
def test_members_that_cannot_be_are_refused_before_anything_is_counted(key, change):
    scan = SCANS["retention rolling"]().visit(random_log(80, 3))
    data = forged(scan, inside("members", key, change))
    with pytest.raises((tn.ModelFileError, tn.InvalidInputError)):
        tn.Scan.from_bytes(data).finish()
