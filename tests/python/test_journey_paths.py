"""Paths and loops against plain counting of runs of visits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journey_oracle import (
    log_of,
    paths,
    random_rows,
    random_rules,
    seconds,
    units,
    wilson,
)
from numpy.testing import assert_allclose

import tenure as tn

rows, rules = random_rows(25), random_rules(max_states=[None, None, 2])


def check(p, found, expected, top):
    assert p.n_distinct == len(expected)
    assert p.n_total == sum(n for n, _, _ in expected.values())
    shown = list(expected.items())[:top]
    assert p.paths == tuple(path for path, _ in shown)
    assert p.counts.tolist() == [n for _, (n, _, _) in shown]
    assert p.customers.tolist() == [n for _, (_, n, _) in shown]
    micros = [round(middle * 10**6) for _, (_, _, middle) in shown]
    assert p.median_durations.view(np.int64).tolist() == micros
    assert (p.n_units, p.n_customers) == (len(found), len({who for who, _, _ in found}))
    for k, (_, (_, n, _)) in enumerate(shown):
        assert p.shares[k] == n / p.n_customers
        assert_allclose([p.lower[k], p.upper[k]], wilson(n, p.n_customers, 0.9), atol=1e-12)


@settings(max_examples=60)
@given(
    rows,
    rules,
    st.sampled_from([(2, 5), (1, 1), (3, 4), (1, 30)]),
    st.sampled_from([None, "a", "z"]),
    st.booleans(),
    st.integers(1, 12),
)
def test_paths_equal_counting(rows, rules, steps, start, ends, top):
    rows = [*rows, (9, 0, "c", "p"), (9, 50, "z", "z")]
    found = units(rows, **rules)
    flat = {state for _, visits, _ in found for state, _, _ in visits}
    start = None if start not in flat else start
    end = sorted(flat - {"(other)"})[:2] if ends else None
    expected = paths(found, "part", *steps, start=start, end=end)
    asked = rules | {"within": seconds(rules["within"])}
    p = tn.journey.paths(
        log_of(rows), steps=steps, start=start, end=end, top=top, level=0.9, **asked
    )
    check(p, found, expected, top)


@settings(max_examples=60)
@given(rows, rules, st.sampled_from(["whole", (2, 5), (3, 3)]), st.integers(1, 12))
def test_whole_paths_and_loops_equal_counting(rows, rules, steps, top):
    found = units(rows, **rules)
    asked = rules | {"within": seconds(rules["within"])}
    if steps == "whole":
        p = tn.journey.paths(log_of(rows), steps=steps, top=top, level=0.9, **asked)
        check(p, found, paths(found, "whole", 1, 99), top)
    else:
        p = tn.journey.loops(log_of(rows), steps=steps, top=top, level=0.9, **asked)
        check(p, found, paths(found, "loop", *steps), top)


def test_a_loop_ends_at_its_first_return():
    log = log_of([(1, t, e, None) for t, e in enumerate("abaaba")])
    p = tn.journey.loops(log, steps=(2, 6), collapse=False)
    assert [("".join(path), n) for path, n in zip(p.paths, p.counts, strict=True)] == [
        ("aba", 2),
        ("aa", 1),
        ("baab", 1),
    ]


def test_the_pooled_rest_is_a_state_that_can_be_asked_for():
    log = log_of([(1, t, e, None) for t, e in enumerate("aabac")])
    p = tn.journey.paths(log, steps=2, end="(other)", max_states=1)
    assert p.paths == (("a", "(other)"),)
    with pytest.raises(tn.InvalidInputError, match="'b', which max_states pools as"):
        tn.journey.paths(log, end="b", max_states=1)


def test_bits_do_not_depend_on_threads_or_order():
    rng = np.random.default_rng(2)
    rows = [
        (int(w), int(t), "abcdefgh"[e], None)
        for w, t, e in rng.integers(0, [400, 40_000, 8], (20_000, 3))
    ]
    for find in (tn.journey.paths, tn.journey.loops):
        first = find(log_of(rows), top=500, n_threads=1)
        second = find(log_of(rows[::-1]), top=500, n_threads=5)
        assert first.to_arrow().equals(second.to_arrow())
        assert first.counts[-1] >= 1
        assert first.n_distinct > 500


SMALL = [(1, 0, "a", None), (1, 1, "c", "p")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"steps": 0}, "steps must be >= 1"),
        ({"steps": (3, 2)}, "in this order"),
        ({"steps": (1, 2, 3)}, "the least and the most"),
        ({"steps": "all"}, "steps must be a whole number"),
        ({"start": "z"}, "start names 'z', which is no state"),
        ({"end": []}, "end must be a state or a list"),
        ({"end": 3}, "end must be a state or a list"),
        ({"top": 0}, "top must be >= 1"),
        ({"level": 2}, "level must be finite and > 0 and < 1"),
    ],
)
def test_paths_refuse(words, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        tn.journey.paths(log_of(SMALL), **words)


def test_a_loop_has_two_visits_at_least():
    with pytest.raises(tn.InvalidInputError, match="steps must be >= 2"):
        tn.journey.loops(log_of(SMALL), steps=1)


def test_bars_show_the_shares_of_customers():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    p = tn.journey.paths(log_of([(1, t, e, None) for t, e in enumerate("abcabcab")]), steps=(2, 8))
    _, ax = pyplot.subplots()
    assert p.plot(ax, top=4) is ax
    assert [bar.get_width() for bar in ax.patches] == p.shares[:4].tolist()
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0] == "a > b"
    pyplot.close("all")
