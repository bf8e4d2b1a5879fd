"""Transitions and step matrices against plain counting of visits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journey_oracle import (
    log_of,
    order_of,
    random_rows,
    random_rules,
    seconds,
    step_counts,
    transitions,
    units,
    wilson,
)
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn

rows, rules = random_rows(30), random_rules(max_states=[None, 1, 2, 4])


def asked(rules):
    return rules | {"within": seconds(rules["within"])}


@settings(max_examples=60)
@given(rows, rules, st.booleans(), st.booleans(), st.integers(31, 40))
def test_transitions_equal_counting(rows, rules, start, terminal, until):
    found = units(rows, **rules)
    expected = transitions(found, start, terminal)
    t = tn.journey.transitions(
        log_of(rows, until), **asked(rules), start=start, terminal=terminal, level=0.9
    )
    assert list(zip(t.source, t.target, strict=True)) == list(expected)
    assert t.counts.tolist() == [n for n, _, _ in expected.values()]
    assert t.customers.tolist() == [n for _, n, _ in expected.values()]
    for time, (_, _, middle) in zip(t.median_times, expected.values(), strict=True):
        assert np.isnat(time) if middle is None else time == np.timedelta64(int(middle * 1e6), "us")
    for k, pair in enumerate(expected):
        total = sum(n for (a, _), (n, _, _) in expected.items() if a == pair[0])
        assert t.probabilities[k] == pytest.approx(t.counts[k] / total, rel=1e-15)
        assert_allclose([t.lower[k], t.upper[k]], wilson(t.counts[k], total, 0.9), atol=1e-12)
    assert t.n_units == len(found)
    gap = rules["within"]
    assert t.n_open == sum(gap is None or until - last <= gap for _, _, last in found)
    visits = [state for _, visits, _ in found for state, _, _ in visits]
    for state, n in zip(t.states, t.visits, strict=True):
        assert n == (len(found) if state in ("(start)", "(end)") else visits.count(state))
    assert list(t.states) == sorted(t.states, key=order_of)


@settings(max_examples=60)
@given(rows, rules, st.integers(1, 4), st.sampled_from([None, "a", "c"]))
def test_step_matrices_equal_counting(rows, rules, steps, anchor):
    rows = [*rows, (9, 0, "c", "p"), (9, 1, "a", None)]
    counts, n, without = step_counts(units(rows, **rules), steps, anchor)
    s = tn.journey.step_matrix(log_of(rows), steps=steps, anchor=anchor, **asked(rules), level=0.8)
    assert (s.n_units, s.n_without_anchor) == (n, without)
    for i, state in enumerate(s.states):
        for k, step in enumerate(s.steps):
            assert s.counts[i, k] == counts[state, step]
            if n:
                assert s.shares[i, k] == counts[state, step] / n
                expected = wilson(counts[state, step], n, 0.8)
                assert_allclose([s.lower[i, k], s.upper[i, k]], expected, atol=1e-12)
    assert_array_equal(s.counts.sum(axis=0), n)


def test_the_square_holds_the_table():
    t = tn.journey.transitions(log_of([(1, 0, "a", None), (1, 1, "b", None), (2, 0, "a", None)]))
    m = t.matrix()
    assert m.states == ("(start)", "a", "b", "(end)")
    assert np.asarray(m).tolist() == [[0, 1, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert t.matrix("count").values.sum() == t.counts.sum()
    assert m.to_pandas().columns.tolist() == ["from", *m.states]


def test_names_that_are_taken_get_brackets():
    rows = [(1, 0, "(end)", None), (1, 1, "(start)", None), (1, 2, "(other)", None)]
    t = tn.journey.transitions(log_of(rows, orders=["(end)"]), max_states=2)
    assert t.states == ("((start))", "(end)", "(other)", "((other))", "((end))")


def test_the_median_of_many_times_is_that_of_numpy():
    # More than one round of the selection, in a cell of many equal and some far times.
    rng = np.random.default_rng(5)
    gaps = np.where(rng.random(150_000) < 0.3, 7, rng.integers(1, 10**9, 150_000))
    when = np.datetime64("2024-01-01", "us") + np.cumsum(gaps)
    rows = {"who": np.ones(len(when), int), "when": when, "what": ["a"] * len(when)}
    log = tn.EventLog(rows, customer="who", time="when", event="what", orders=["a"])
    t = tn.journey.transitions(log, start=False, terminal=False)
    assert t.median_times.view(np.int64).tolist() == [np.rint(np.median(gaps[1:]))]


def test_bits_do_not_depend_on_threads_or_order():
    rng = np.random.default_rng(2)
    rows = [
        (int(w), int(t), "abcd"[e], None)
        for w, t, e in rng.integers(0, [300, 4000, 4], (20_000, 3))
    ]
    first = tn.journey.transitions(log_of(rows), within="5min", n_threads=1)
    second = tn.journey.transitions(log_of(rows[::-1]), within="5min", n_threads=5)
    assert first.to_arrow().equals(second.to_arrow())
    steps = [
        tn.journey.step_matrix(log_of(rows), within="5min", n_threads=n).to_arrow() for n in (1, 5)
    ]
    assert steps[0].equals(steps[1])


SMALL = [(1, 0, "a", None), (1, 1, "c", "p")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"by": "colour"}, "by must be a property of the log"),
        ({"within": "soon"}, "within must be a length of time"),
        ({"collapse": 1}, "collapse must be True or False"),
        ({"start": None}, "start must be True or False"),
        ({"terminal": "no"}, "terminal must be True or False"),
        ({"max_states": 0}, "max_states must be >= 1"),
        ({"level": 1.0}, "level must be finite and > 0 and < 1"),
        ({"n_threads": 0}, "n_threads must be >= 1"),
    ],
)
def test_transitions_refuse(words, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        tn.journey.transitions(log_of(SMALL), **words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"steps": 0}, "steps must be >= 1"),
        ({"steps": 1001}, "steps must be <= 1000"),
        ({"steps": 2.0}, "steps must be a whole number"),
        ({"anchor": "z"}, "no event of the log"),
        ({"anchor": ["a"]}, "anchor must be an event name"),
        ({"level": 0}, "level must be finite and > 0 and < 1"),
    ],
)
def test_step_matrices_refuse(words, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        tn.journey.step_matrix(log_of(SMALL), **words)


def test_too_many_states_ask_to_be_pooled():
    log = log_of([(1, t, "c", str(t)) for t in range(255)])
    with pytest.raises(tn.InvalidInputError, match="255 states are too many for a table"):
        tn.journey.transitions(log, by="kind")
    t = tn.journey.transitions(log, by="kind", max_states=253)
    assert len(t.states) == 253 + 3


def test_a_log_without_names_needs_a_property():
    rows = {"who": [1], "when": np.array(["2024-01-01"], "datetime64[us]"), "kind": ["p"]}
    columns = {"customer": "who", "time": "when", "properties": ["kind"]}
    log = tn.EventLog(rows, **columns)
    assert tn.journey.transitions(log, by="kind").states == ("(start)", "p", "(end)")
    with pytest.raises(tn.InvalidInputError, match="log has no event names"):
        tn.journey.transitions(log)
    with pytest.raises(tn.InvalidInputError, match="anchor must be an event name"):
        tn.journey.step_matrix(log, by="kind", anchor="p")


@pytest.fixture
def ax():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    yield axes
    pyplot.close(figure)


def test_the_graph_shows_states_and_what_is_likely(ax):
    rows = [(w, t, e, None) for w in range(20) for t, e in enumerate("abac" if w else "abad")]
    t = tn.journey.transitions(log_of(rows))
    assert t.plot(ax) is ax
    # a > d has 1 of 40 transitions from a: too few for an arrow.
    square = t.matrix().values
    assert len(ax.patches) == np.count_nonzero(square >= 0.05) == np.count_nonzero(square) - 1
    assert [text.get_text().split("\n")[0] for text in ax.texts] == list(t.states)


def test_the_heatmap_writes_each_share(ax):
    s = tn.journey.step_matrix(log_of(SMALL), steps=2)
    assert s.plot(ax) is ax
    assert [text.get_text() for text in ax.texts] == [f"{100 * v:.0f}" for v in s.shares.ravel()]
