"""Lead scores against a count by hand, and what replaying a log must not change."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tenure as tn
from tenure.lifecycle import Action, Fit, LeadScore

EVENTS = ["visit", "demo", "unsubscribe", "accept"]
START = dt.datetime(2024, 1, 1)


def a_log(rows: list[tuple[int, float, int]], **more: Any) -> tn.EventLog:
    """Build a log of (lead, day, event)."""
    columns = {
        "who": np.array([who for who, _, _ in rows], dtype=np.int64),
        "when": [START + dt.timedelta(days=float(day)) for _, day, _ in rows],
        "what": [EVENTS[event] for _, _, event in rows],
    }
    return tn.EventLog(columns, customer="who", time="when", event="what", orders=[], **more)


def by_hand(rows: list[tuple[int, float, int]], at: float, action: Action) -> dict[int, float]:
    """Points of one rule, read from its definition."""
    half_life = math.inf if action.half_life is None else float(action.half_life)
    found = {}
    for lead in sorted({who for who, _, _ in rows}):
        ages = sorted(
            at - day
            for who, day, event in rows
            if who == lead and day < at and EVENTS[event] in action.events
        )
        counted = ages if action.cap is None else ages[: action.cap]
        found[lead] = math.fsum(action.points * 2.0 ** (-age / half_life) for age in counted)
    return found


ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 80).map(lambda q: q / 4), st.integers(0, 3)),
    min_size=1,
    max_size=40,
)


@given(
    rows=ROWS,
    cap=st.none() | st.integers(0, 5),
    half_life=st.none() | st.sampled_from([0.5, 3.0, 30.0]),
    points=st.sampled_from([-7.5, 1.0, 20.0]),
    n_events=st.integers(1, 3),
)
def test_points_are_what_the_definition_says(
    rows: list[Any], cap: int | None, half_life: float | None, points: float, n_events: int
) -> None:
    there = sorted({EVENTS[event] for _, _, event in rows})[:n_events]
    action = Action(there, points, cap=cap, half_life=half_life)
    at = START + dt.timedelta(days=15)
    log = a_log(rows, observed_until=START + dt.timedelta(days=30))
    scores = LeadScore(actions=[action]).score(log, at)
    expected = by_hand(rows, 15.0, action)
    known = sorted({who for who, day, _ in rows if day < 15.0})
    assert np.asarray(scores.customer).tolist() == known
    np.testing.assert_allclose(scores.score, [expected[who] for who in known], rtol=1e-14)


SCORE = LeadScore(
    actions=[
        Action("visit", 2.0, cap=5, half_life="14d"),
        Action("demo", 30.0, half_life="60d"),
        Action("unsubscribe", -40.0),
    ],
    limits={"engagement": (0.0, 60.0)},
)


@given(
    days=st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 60), st.integers(0, 2)), min_size=6, max_size=60
    ),
    cuts=st.lists(st.integers(0, 60), max_size=3),
)
def test_a_replay_in_any_batches_gives_the_same_bits(
    days: list[tuple[int, int, int]], cuts: list[int]
) -> None:
    # All events occur, so that every batch knows the names that the rules ask for.
    rows = [*days, (9, 0, 0), (9, 0, 1), (9, 0, 2)]
    until = START + dt.timedelta(days=90)
    whole = SCORE.score(a_log(rows, observed_until=until))
    edges = [0, *sorted(cuts), 61]
    batches = [
        [row for row in rows if low <= row[1] < high] for low, high in itertools.pairwise(edges)
    ]
    first, *later = [batch for batch in batches if batch]
    log = a_log(first, observed_until=until)
    for batch in later:
        frame = {
            "who": np.array([who for who, _, _ in batch], dtype=np.int64),
            "when": [START + dt.timedelta(days=float(day)) for _, day, _ in batch],
            "what": [EVENTS[event] for _, _, event in batch],
        }
        log = log.append(frame, observed_until=until)
    again = SCORE.score(log)
    assert again.points.tobytes() == whole.points.tobytes()
    assert again.score.tobytes() == whole.score.tobytes()


def with_people() -> tn.EventLog:
    people = {
        "who": [1, 2, 3, 4],
        "industry": pa.array(["retail", "banking", None, "mining"]).dictionary_encode(),
        "employees": [5, 10, 250, None],
    }
    rows = [(1, 1.0, 0), (1, 2.0, 1), (2, 3.0, 0), (3, 4.0, 3)]
    return a_log(rows, customers=people)


def test_fit_counts_values_intervals_and_missing_ones() -> None:
    score = LeadScore(
        actions=[Action("visit", 1.0)],
        fit=[
            Fit("industry", {"retail": 10, "banking": 15}, otherwise=-1, missing=2),
            Fit("employees", [(None, 10, 1), (10, 250, 5)], otherwise=3, missing=-4, group="size"),
        ],
    )
    found = score.score(with_people())
    assert found.groups == ("engagement", "fit", "size")
    assert found.by_group.tolist() == [[1, 10, 1], [1, 15, 5], [0, 2, 3], [0, -1, -4]]
    assert found.score.tolist() == [12.0, 21.0, 5.0, -5.0]
    assert list(found.to_arrow().column_names) == [
        "customer", "engagement", "fit", "size", "score", "stage",
    ]  # fmt: skip


def test_stages_follow_thresholds_and_acceptance() -> None:
    score = LeadScore(
        actions=[Action("visit", 5.0), Action("demo", 20.0)],
        fit=[Fit("industry", {"retail": 10, "banking": 15})],
        mql={"engagement": 5.0, "fit": 15.0},
        sql=35.0,
        accepted="accept",
    )
    assert score.score(with_people()).stage.tolist() == ["SQL", "MQL", "SQL", "lead"]


def test_limits_hold_groups_and_the_whole() -> None:
    actions = [Action("visit", 5.0), Action("demo", 20.0, group="interest")]
    limits = {"interest": (None, 12.0), "engagement": (6.0, None)}
    found = LeadScore(actions=actions, limits=limits, cap=17.0).score(with_people())
    assert found.by_group[:2].tolist() == [[6.0, 12.0], [6.0, 0.0]]
    assert found.score[:2].tolist() == [17.0, 6.0]


def test_reasons_name_the_largest_terms() -> None:
    actions = [Action("visit", 5.0), Action("demo", -20.0)]
    assert LeadScore(actions=actions).score(with_people()).reasons(1) == [
        "demo -20",
        "visit +5",
        "",
        "",
    ]


BAD = [
    ({"actions": [Action("call", 1.0)]}, "no event is called 'call'"),
    ({"actions": [Action("visit", math.nan)]}, "points must be finite"),
    ({"actions": [Action("visit", 1.0, cap=-1)]}, "cap"),
    ({"actions": [Action("visit", 1.0, half_life=0)]}, "half_life of 'visit' must be > 0"),
    ({"actions": []}, "needs an action or a fit"),
    ({"actions": [Action("visit", 1.0)] * 63}, "at most 62 actions"),
    ({"actions": [Action("visit", 1.0, group="score")]}, "cannot be called 'score'"),
    ({"actions": [Action("visit", 1.0)], "mql": {"fit": 1.0}}, "no rule has the group 'fit'"),
    ({"actions": [Action("visit", 1.0)], "floor": 2, "cap": 1}, "floor 2 is above the cap 1"),
    ({"actions": [], "fit": [Fit("town", {"x": 1})]}, "no column 'town'"),
    ({"actions": [], "fit": [Fit("industry", [(0, 1, 2)])]}, "need numbers"),
    ({"actions": [], "fit": [Fit("employees", {"many": 1})]}, "not all values"),
    ({"actions": [], "fit": [Fit("employees", [(0, 5, 1), (4, 9, 1)])]}, "overlaps"),
]


@pytest.mark.parametrize(("settings", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_rules_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(tn.InvalidInputError, match=message):
        LeadScore(**settings).score(with_people())


def test_a_log_without_names_or_people_is_refused() -> None:
    plain = tn.EventLog({"who": [1], "when": [START]}, customer="who", time="when")
    with pytest.raises(tn.InvalidInputError, match="event names"):
        SCORE.score(plain)
    with pytest.raises(tn.InvalidInputError, match="customers="):
        LeadScore(actions=[], fit=[Fit("industry", {"retail": 1})]).score(a_log([(1, 1.0, 0)]))


def test_threads_change_nothing() -> None:
    rng = np.random.default_rng(5)
    n = 40_000
    log = a_log(
        list(
            zip(
                rng.integers(0, 9000, n), rng.integers(0, 60, n), rng.integers(0, 3, n), strict=True
            )
        )
    )
    one, two = SCORE.score(log, n_threads=1), SCORE.score(log, n_threads=2)
    assert one.points.tobytes() == two.points.tobytes()
