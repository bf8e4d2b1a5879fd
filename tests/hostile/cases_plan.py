"""Plays of nobody, caps of nothing, dates at the ends of time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hostile import OK, E

from tenure.lifecycle import Play, plan

AT = "2024-06-01"


def play(who: Any = ("a", "b"), value: Any = 1.0, **more: Any) -> Play:
    return Play("p", list(who), value, **more)


def planned(at: Any = AT, of: Any = None, **more: Any) -> Any:
    return plan([play() if of is None else of], at, **more)


CASES = [
    OK("plan: nobody", lambda: planned(of=play(())), lambda p: len(p) == 0),
    OK(
        "plan: all held out but one", lambda: planned(hold_out=0.5), lambda p: p.held_out.sum() == 1
    ),
    OK("plan: values of 1e300", lambda: planned(of=play(value=1e300)), lambda p: len(p) == 2),
    OK(
        "plan: nothing at stake",
        lambda: planned(of=play(value=0.0)),
        lambda p: len(p) == 0 and len(p.left_out) == 2,
    ),
    OK(
        "plan: due in the year 1",
        lambda: planned(of=play(due="0001-01-01")),
        lambda p: (p.date == np.datetime64(AT)).all(),
    ),
    OK(
        "plan: due in the year 9999",
        lambda: planned(of=play(due="9999-01-01")),
        lambda p: len(p) == 0,
    ),
    OK("plan: no capacity", lambda: planned(of=play(capacity=0)), lambda p: len(p) == 0),
    OK("plan: no budget", lambda: planned(of=play(cost=0.5), budget=0.0), lambda p: len(p) == 0),
    OK("plan: no cap", lambda: planned(cap=None), lambda p: len(p) == 2),
    E("plan: no play", lambda: plan([], AT), "at least one Play"),
    E("plan: not a play", lambda: plan(["p"], AT), "must be a Play"),
    E("plan: no day", lambda: planned(None), "at must be a date"),
    E("plan: NaT", lambda: planned(np.datetime64("NaT")), "at must be a date"),
    E("plan: a cap of 0", lambda: planned(cap=0), "cap must be >= 1"),
    E("plan: a cap of half", lambda: planned(cap=0.5), "cap must be a whole number"),
    E("plan: all held out", lambda: planned(hold_out=1.0), "hold_out must"),
    E("plan: hold-out NaN", lambda: planned(hold_out=math.nan), "hold_out must"),
    E("plan: budget NaN", lambda: planned(budget=math.nan), "budget must"),
    E("plan: no end", lambda: planned(horizon=math.inf), "horizon"),
    E("plan: history of no date", lambda: planned(history={"customer": ["a"]}), "no column 'date'"),
    E(
        "plan: history of words",
        lambda: planned(history={"customer": ["a"], "date": ["x"]}),
        "history['date'] must hold dates",
    ),
    E("Play: one text", lambda: Play("p", "abc", 1.0), "must be an array of ids"),
    E("Play: no name", lambda: Play("", ["a"], 1.0), "name must be a text"),
    E("Play: missing id", lambda: Play("p", ["a", None], 1.0), "customer[1]"),
    E("Play: mixed ids", lambda: Play("p", ["a", 1], 1.0), "all integers or all text"),
    E("Play: value NaN", lambda: play(value=math.nan), "value must be a number"),
    E("Play: value infinite", lambda: play(value=math.inf), "value[0] must be finite"),
    E("Play: too few values", lambda: play(value=[1.0]), "value has 1 rows"),
    E("Play: cost below 0", lambda: play(cost=-1.0), "cost[0] must be"),
    E("Play: due in words", lambda: play(due="soon"), "due must hold dates"),
    E("Play: too few dates", lambda: play(due=["2024-01-01"]), "due has 1 rows"),
    E("Play: too few reasons", lambda: play(reason=["x"]), "reason has 1 rows"),
    E("Play: patience below 0", lambda: play(patience=-1.0), "patience"),
    E("Play: capacity NaN", lambda: play(capacity=math.nan), "capacity"),
]
