"""Plans: caps that hold in every window, hold-outs that are exact, and the same plan twice."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tenure as tn
from tenure.lifecycle import Play, plan
from tenure.lifecycle._hold_out import held_out

AT = dt.date(2024, 6, 1)


def days(*after: int) -> list[dt.date]:
    return [AT + dt.timedelta(days=d) for d in after]


def rows(p: Any) -> list[tuple[str, Any, str]]:
    return list(zip(p.date.astype(str).tolist(), p.customer.tolist(), p.play.tolist(), strict=True))


def whys(p: Any) -> dict[tuple[str, Any], str]:
    left = p.left_out
    return dict(zip(zip(left.play, left.customer, strict=True), left.why, strict=True))


def test_the_plan_by_hand() -> None:
    renew = Play("renew", ["a", "b", "c"], [9.0, 8.0, 7.0], due=days(2, -5, 40))
    sell = Play("sell", ["a", "b", "d"], [5.0, 20.0, 1.0], cost=1.0, patience="6d")
    p = plan([renew, sell], AT, hold_out=0.0)
    # b is sold to today and has no room within a week; "renew" of a leaves none for "sell".
    assert rows(p) == [("2024-06-01", "b", "sell"), ("2024-06-03", "a", "renew")]
    assert whys(p) == {
        ("renew", "b"): "contacts are capped",
        ("sell", "a"): "contacts are capped",
        ("renew", "c"): "due after the plan",
        ("sell", "d"): "costs what is at stake",
    }
    assert p.priority.tolist() == [1, 2]
    patient = plan([renew, Play("sell", ["a"], 5.0, patience="9d")], AT, hold_out=0.0)
    assert ("2024-06-10", "a", "sell") in rows(patient)


def test_capacity_budget_and_missing_dates_say_why() -> None:
    some = Play("call", [1, 2, 3, 4], [4.0, 3.0, 2.0, 1.0], capacity=2)
    full = "the play is full"
    assert whys(plan([some], AT)) == {("call", 3): full, ("call", 4): full}
    dear = Play("call", [1, 2, 3], [40.0, 30.0, 9.0], cost=[20.0, 5.0, 6.0])
    # By value less cost over cost: 2 (5), 1 (1), 3 (.5); after 2 there are 19 left.
    p = plan([dear], AT, budget=24.0, hold_out=0.0)
    assert sorted(p.customer.tolist()) == [2, 3]
    assert whys(p) == {("call", 1): "the budget is spent"}
    undated = Play("mail", [1, 2], 1.0, due=np.array(["2024-06-05", "NaT"], "datetime64[D]"))
    assert whys(plan([undated], AT)) == {("mail", 2): "no due date"}


def test_history_counts_for_caps_by_channel() -> None:
    mail = Play("mail", ["a", "b"], 1.0, channel="email")
    call = Play("call", ["a", "b"], 1.0, channel="phone")
    past = {"customer": ["a"], "date": days(-3), "channel": ["email"]}
    p = plan([mail, call], AT, history=past, cap=None, channel_caps={"email": 1}, hold_out=0.0)
    assert rows(p) == [
        ("2024-06-01", "b", "mail"),
        ("2024-06-01", "a", "call"),
        ("2024-06-01", "b", "call"),
    ]
    assert whys(plan([mail], AT, history=past)) == {("mail", "a"): "contacts are capped"}
    assert len(plan([mail], AT, history=past, cap_window="3d")) == 2


plays_drawn = st.lists(
    st.tuples(
        st.dictionaries(
            st.integers(0, 6), st.tuples(st.integers(-3, 20), st.integers(1, 9)), max_size=7
        ),
        st.sampled_from(["email", "phone"]),
        st.integers(0, 10),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=4,
)
past_drawn = st.lists(st.tuples(st.integers(0, 6), st.integers(-12, 12)), max_size=6)


def made(drawn: Any) -> list[Play]:
    return [
        Play(
            f"play {k}",
            np.array(sorted(who), dtype=np.int64),
            [float(who[i][1]) for i in sorted(who)],
            due=days(*(who[i][0] for i in sorted(who))) if who else None,
            channel=channel,
            patience=patience,
            cost=cost,
        )
        for k, (who, channel, patience, cost) in enumerate(drawn)
    ]


@settings(max_examples=150, deadline=None)
@given(plays_drawn, past_drawn, st.integers(1, 3), st.integers(1, 9), st.sampled_from([None, 6.0]))
def test_no_window_holds_more_contacts_than_its_cap_and_twice_is_once(
    drawn: Any, past: Any, cap: int, window: int, budget: Any
) -> None:
    plays = made(drawn)
    history: dict[str, Any] = {
        "customer": np.array([who for who, _ in past], np.int64),
        "date": np.array(days(*(day for _, day in past)), "datetime64[D]"),
    }
    told: dict[str, Any] = {
        "cap": cap,
        "cap_window": window,
        "hold_out": 0.3,
        "budget": budget,
        "horizon": 15,
    }
    p = plan(plays, AT, history=history, **told)
    seen = defaultdict(list)
    old = defaultdict(list)
    for who, day in past:
        old[who].append(day)
    for day, who in zip((p.date - np.datetime64(AT)).astype(int), p.customer, strict=True):
        seen[who].append(int(day))
    for who, new in seen.items():
        every = sorted(new + old[who])
        for first in new:
            for begin in range(first - window + 1, first + 1):
                held = [d for d in every if begin <= d < begin + window]
                assert len(held) <= cap
    sizes = p.sizes
    assert (sizes.contacts + sizes.held_out + sizes.left_out == sizes.audience).all()
    assert budget is None or float(p.cost.sum()) <= budget

    sent = p.contacts()
    again = {
        "customer": np.array([*history["customer"], *sent.customer], np.int64),
        "date": np.array([*history["date"], *sent.date], "datetime64[D]"),
        "play": [*["" for _ in past], *sent.play],
        "channel": [*["any" for _ in past], *sent.channel],
    }
    twice = plan(plays, AT, history=again, **told)
    assert rows(twice) == rows(p)
    assert twice.held_out.tolist() == p.held_out.tolist()


@given(st.sets(st.integers(0, 10**9), max_size=60), st.floats(0.0, 0.99), st.randoms())
def test_the_hold_out_is_exact_and_blind_to_order(ids: Any, share: float, random: Any) -> None:
    ordered = sorted(ids)
    shuffled = ordered[:]
    random.shuffle(shuffled)
    out = {i for i, h in zip(ordered, held_out(ordered, share, "s", "n"), strict=True) if h}
    assert abs(len(out) - share * len(ids)) <= 0.5
    assert out == {
        i for i, h in zip(shuffled, held_out(shuffled, share, "s", "n"), strict=True) if h
    }


def test_hold_outs_of_plays_and_salts_are_independent() -> None:
    ids = list(range(40_000))
    one = held_out(ids, 0.5, "salt", "one")
    for salt, name in (("salt", "two"), ("pepper", "one"), ("salt\0", "one")):
        both = int((one & held_out(ids, 0.5, salt, name)).sum())
        assert abs(both - 10_000) < 4 * 71  # hypergeometric, standard deviation 50; 4 of the larger
    assert abs(int(one[:20_000].sum()) - 10_000) < 4 * 71


def test_a_larger_audience_changes_few() -> None:
    before = held_out(list(range(10_000)), 0.1, "s", "n")
    after = held_out(list(range(10_100)), 0.1, "s", "n")[:10_000]
    assert int((before != after).sum()) <= 110


def test_shares_of_plays_differ() -> None:
    plays = [Play("a", list(range(100)), 1.0), Play("b", list(range(100, 200)), 1.0)]
    sizes = plan(plays, AT, hold_out={"b": 0.25}).sizes
    assert sizes.held_out.tolist() == [0, 25]
    assert sizes.contacts.tolist() == [100, 75]
    assert sizes.value.tolist() == [100.0, 75.0]


def test_files_hold_the_rows(tmp_path: Any) -> None:
    p = plan([Play("=win", ["+1", "b"], [3.0, 2.0], reason="=cmd()")], AT, hold_out=0.0)
    p.write(tmp_path / "plan.parquet")
    assert pq.read_table(tmp_path / "plan.parquet").equals(p.to_arrow())
    p.write(tmp_path / "plan.csv")
    text = (tmp_path / "plan.csv").read_text()
    assert "'=cmd()" in text
    assert "'+1" in text
    assert ',"=' not in text
    with pytest.raises(tn.InvalidInputError, match=r"must end in \.parquet, \.csv or \.duckdb"):
        p.write(tmp_path / "plan.xls")


def test_a_database_keeps_its_other_tables(tmp_path: Any) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "crm.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE people AS SELECT 1 AS id")
    p = plan([Play("win", [1, 2], [3.0, 2.0])], AT, hold_out=0.0)
    p.write(path, table="june")
    p.contacts().write(path, table="june")
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("SELECT count(*) FROM june").fetchone() == (2,)
        assert connection.execute("SELECT * FROM people").fetchone() == (1,)
    other = tmp_path / "note.duckdb"
    other.write_text("no database, a note")
    with pytest.raises(tn.InvalidInputError, match="cannot be written as a DuckDB database"):
        p.write(other)
    assert other.read_text() == "no database, a note"


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(tn.InvalidInputError, match=r"customer\[1\] must be given once"):
        Play("a", [1, 1], 1.0)
    with pytest.raises(tn.InvalidInputError, match=r"customer\[0\] must be integers or text"):
        Play("a", [1.5], 1.0)
    with pytest.raises(tn.InvalidInputError, match=r"value\[1\] must be finite"):
        Play("a", [1, 2], [1.0, np.nan])
    with pytest.raises(tn.InvalidInputError, match="two plays called 'a'"):
        plan([Play("a", [1], 1.0), Play("a", [2], 1.0)], AT)
    with pytest.raises(tn.InvalidInputError, match="in different ways: int and str"):
        plan([Play("a", [1], 1.0), Play("b", ["1"], 1.0)], AT)
    with pytest.raises(tn.InvalidInputError, match="hold_out names 'z'"):
        plan([Play("a", [1], 1.0)], AT, hold_out={"z": 0.5})
    with pytest.raises(tn.InvalidInputError, match="at must be a date"):
        plan([Play("a", [1], 1.0)], "soon")


def test_ids_come_from_any_column() -> None:
    stages = pa.array(["a", "b"])
    p = plan([Play("mail", stages, 1.0), Play("call", np.array(["a"]), 2.0)], AT, hold_out=0.0)
    assert rows(p) == [("2024-06-01", "a", "call"), ("2024-06-01", "b", "mail")]


def test_the_plot_stacks_plays_by_day() -> None:
    pytest.importorskip("matplotlib")
    plays = [Play("mail", [1, 2], 1.0), Play("call", [3], 2.0, due="2024-06-04")]
    ax = plan(plays, AT, hold_out=0.0).plot()
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["mail", "call"]
