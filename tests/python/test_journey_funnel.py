"""Funnels against every chain of small logs, told by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from funnel_chains import NAMES, Oracle, expected_units, log_of, seconds
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import tenure as tn


def check(rows, until, steps, window, gap=3, **rules):
    log = log_of(rows, until)
    windows = [seconds(w) for w in window] if isinstance(window, list) else seconds(window)
    f = tn.journey.funnel(log, steps, windows, session_gap=seconds(gap), **rules, quantiles=[0.5])
    rows = rows + [(10**6, 0, name, "-") for name in NAMES]
    start = rules.pop("start", "any")
    reached, times, lags = expected_units(rows, until, steps, window, gap=gap, start=start, **rules)
    bits = np.array(reached, dtype=bool).reshape(-1, len(steps))
    assert_array_equal((f.unit_steps[:, None] >> np.arange(len(steps))) & 1, bits)
    assert_array_equal(f.counts, bits.sum(axis=0))
    micros = np.array(times, dtype=np.int64).reshape(-1, len(steps) - 1)
    assert_array_equal(f.unit_times.T, np.where(micros >= 0, micros * 10**6, -1))
    lag = np.array(lags).reshape(-1, len(steps) - 1)
    for k in range(1, len(steps)):
        seen = bits[:, k]
        if seen.any():
            told = f.lags[k, 0] / np.timedelta64(1, "s")
            assert told == pytest.approx(np.median(lag[seen, k - 1]), abs=1e-6)
            told = f.times[k, 0] / np.timedelta64(1, "s")
            assert told == pytest.approx(np.median(micros[seen, k - 1]), abs=1e-6)
    waiting = ~bits[:, 1:] & (micros >= 0)
    assert_array_equal(f.open[1:], waiting.sum(axis=0))
    return f


# Few instants and few names, so that most events are tied or alike.
events = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 7),
        st.sampled_from(NAMES),
        st.sampled_from([None, "p", "q"]),
    ),
    min_size=1,
    max_size=8,
)
step = st.one_of(st.sampled_from("abc"), st.sampled_from([["a", "b"], ["b", "c"], ["a", "c"]]))
funnels = st.lists(step, min_size=2, max_size=4)
window = st.one_of(st.none(), st.integers(0, 6))


@st.composite
def questions(draw):
    steps = draw(funnels)
    order = draw(st.sampled_from(["ordered", "ordered", "strict", "any", "anchored"]))
    free = order in ("any", "anchored")
    count = draw(st.sampled_from(["unique", "unique", "total", "session"]))
    rules = {
        "order": order,
        "ties": draw(st.sampled_from(["either", "increasing"])),
        "reuse": draw(st.sampled_from(["once", "many"])),
        "exclude": draw(st.sampled_from([(), ("x",)])),
        "hold_constant": draw(st.sampled_from([None, None, "kind"])),
        "count": count,
        "start": "every" if count == "total" else draw(st.sampled_from(["any", "first"])),
    }
    if free:
        return steps, draw(window), rules
    rules["window_from"] = draw(st.sampled_from(["first", "previous"]))
    skippable = [s for s in steps[1:] if s != steps[0] and set(s) != set(steps[0])]
    if skippable:
        rules["optional"] = draw(st.sampled_from([[], skippable[:1], skippable[-1:], skippable]))
    if draw(st.booleans()):
        return steps, draw(window), rules
    return steps, draw(st.lists(window, min_size=len(steps) - 1, max_size=len(steps) - 1)), rules


@settings(max_examples=150)
@given(events, st.integers(8, 12), questions())
def test_equals_all_chains_by_brute_force(rows, until, question):
    steps, window, rules = question
    check(rows, until, steps, window, **rules)


@settings(max_examples=80)
@given(
    events,
    st.integers(8, 12),
    st.lists(st.sampled_from("abc"), min_size=2, max_size=3, unique=True),
    st.one_of(window, st.lists(window, min_size=2, max_size=2)),
    st.sampled_from(["either", "increasing"]),
)
def test_the_common_funnel_equals_all_chains_by_brute_force(rows, until, steps, window, ties):
    if isinstance(window, list):
        window = window[: len(steps) - 1]
    check(rows, until, steps, window, ties=ties)


# Corners that few random questions reach: each holds one rule and crowds the instants.
def crowded(names, last=4, size=8):
    return st.lists(
        st.tuples(st.just(0), st.integers(0, last), st.sampled_from(names), st.none()),
        min_size=2,
        max_size=size,
    )


@settings(max_examples=80)
@given(
    crowded("abbcc"),
    st.sampled_from([["a", "b", "c"], ["a", ["b", "c"], "b", "c"], ["a", "b", "b", "c"]]),
    st.sampled_from(["once", "many"]),
    st.booleans(),
)
def test_strict_chains_through_crowded_instants(rows, steps, reuse, skips):
    optional = ["b"] if skips else []
    check(rows, 8, steps, None, order="strict", reuse=reuse, optional=optional)


@settings(max_examples=80)
@given(
    crowded("aabbccx"),
    st.sampled_from(["ordered", "any", "anchored"]),
    st.sampled_from(["either", "increasing"]),
    st.sampled_from([("any", "unique"), ("first", "unique"), ("every", "total")]),
)
def test_excluded_events_at_crowded_instants(rows, order, ties, start):
    rules = {"start": start[0], "count": start[1]}
    check(rows, 8, ["a", "b", "c"], None, order=order, ties=ties, exclude=("x",), **rules)


@settings(max_examples=80)
@given(
    crowded("abbcc", last=14),
    st.lists(st.sampled_from([2, 3, 5, 8]), min_size=3, max_size=3),
    st.sampled_from(["first", "previous"]),
    st.sampled_from([["b"], ["c"], ["b", "c"]]),
)
def test_optional_steps_with_windows_of_their_own(rows, window, window_from, optional):
    rows = [*rows, (0, 15, "x", None)]
    check(rows, 16, ["a", "b", "c", "x"], window, window_from=window_from, optional=optional)


@settings(max_examples=80)
@given(
    crowded("aabc", last=5),
    st.sampled_from([["a", "b", "a"], ["a", ["a", "b"], "c"], [["a", "b"], "a", "b"]]),
    st.sampled_from(["ordered", "any", "anchored"]),
    st.sampled_from([("any", "unique"), ("first", "unique"), ("every", "total")]),
    st.integers(0, 4),
)
def test_steps_that_share_names(rows, steps, order, start, window):
    check(rows, 8, steps, window, order=order, start=start[0], count=start[1])


def test_a_chain_that_begins_at_the_instant_of_an_excluded_event_goes_on():
    rows = [(0, 1, "a", None), (0, 1, "b", None), (0, 1, "x", None), (0, 3, "c", None)]
    f = check(rows, 8, ["a", "b", "c"], None, exclude=("x",))
    assert f.counts.tolist() == [2, 2, 2]


def test_what_breaks_a_chain_of_held_values_may_come_after_its_last_event():
    rows = [(0, 1, "a", "p"), (0, 1, "x", "q"), (0, 3, "x", "q")]
    f = check(rows, 8, ["a", "b"], None, exclude=("x",), hold_constant="kind")
    assert f.open.tolist() == [0, 0]


# --- breakdowns: the same by brute force ----------------------------------------------------------


def counts_by_value(rows, until, steps, window, attribution, order):
    """Counts of each value: of the last event, in canonical order, at the attributed instant."""
    oracle = Oracle(steps, window, until, order=order)
    found = {}
    for who in sorted({r[0] for r in rows}):
        events = sorted(
            (r[1:] for r in rows if r[0] == who), key=lambda e: (e[0], e[1], e[2] or "")
        )
        if attribution == "every":
            for value in {e[2] for e in events}:
                unit = oracle.unit([e for e in events if e[2] == value])
                if unit is not None:
                    found.setdefault(value, []).append([b is not None for b in unit[0]])
            continue
        unit = oracle.unit(events)
        if unit is None:
            continue
        best = unit[0]
        furthest = max(k for k, b in enumerate(best) if b is not None)
        at = best[furthest][1] if attribution == "first" else best[furthest][0]
        if order == "any":
            serving = set().union(*oracle.steps)
        elif attribution == "first" or furthest == 0:
            serving = oracle.steps[0]
        else:
            serving = (
                oracle.steps[furthest] if order == "ordered" else set().union(*oracle.steps[1:])
            )
        value = [e[2] for e in events if e[0] == at and e[1] in serving][-1]
        found.setdefault(value, []).append([b is not None for b in best])
    order_of = sorted(found, key=lambda v: (v is None, v or ""))
    return {v: np.sum(found[v], axis=0).tolist() for v in order_of}


@settings(max_examples=60)
@given(
    events,
    funnels,
    st.integers(0, 6),
    st.sampled_from(["first", "last", "every"]),
    st.sampled_from(["ordered", "any", "anchored"]),
)
def test_breakdown_equals_brute_force(rows, steps, window, attribution, order):
    f = tn.journey.funnel(
        log_of(rows, 9), steps, seconds(window), order=order, by="kind", attribution=attribution
    )
    everyone = rows + [(10**6, 0, name, "-") for name in NAMES]
    expected = counts_by_value(everyone, 9, steps, window, attribution, order)
    b = f.breakdown
    assert dict(zip(b.values, b.counts.tolist(), strict=True)) == expected
    assert list(b.values) == list(expected)
    if attribution != "every":
        assert_array_equal(b.counts.sum(axis=0), f.counts)
    assert b.to_arrow().num_rows == len(b.values) * len(steps)
