"""Funnels of nobody, of one instant, of one customer who never stops, and words that do not fit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
from hostile import OK, E

import tenure as tn

START = np.datetime64("2024-01-01", "us")
STEPS = ["view", "cart", "pay"]


def a_log(events: Any, minutes: Any, who: Any = None, **more: Any) -> Any:
    when = START + np.asarray(minutes, dtype="timedelta64[m]")
    frame = {"c": np.ones(len(when), int) if who is None else who, "t": when, "e": list(events)}
    columns = {"customer": "c", "time": "t", "event": "e", "orders": ["pay"]}
    if "p" in more:
        frame["p"] = more.pop("p")
        columns["properties"] = ["p"]
    return tn.EventLog(frame, **columns, **more)


def small(**more: Any) -> Any:
    return a_log([*STEPS, "view"], [0, 5, 9, 20], [1, 1, 1, 2], **more)


def funnel(log: Any = None, steps: Any = STEPS, **words: Any) -> Any:
    return tn.journey.funnel(small() if log is None else log, steps, **words)


def tied(n: int) -> Any:
    """Everything at one instant, and every event may be any step."""
    rng = np.random.default_rng(3)
    return a_log(rng.choice(STEPS, n), np.zeros(n, int))


def tireless(n: int) -> Any:
    return a_log((STEPS * (n // 3 + 1))[:n], np.arange(n))


#: NaN by definition: nothing before step 1, nobody to divide by, windows not yet watched.
EMPTY = ("step_rates", "step_lower", "step_upper", "rates", "lower", "upper")
OPEN = (*EMPTY, "final_rates", "final_lower", "final_upper")
ANY_STEP = [STEPS, STEPS, STEPS]

CASES = [
    OK("funnel: four events", funnel, lambda f: f.counts.tolist() == [2, 1, 1], nan=OPEN),
    OK(
        "funnel: 1 nobody",
        lambda: funnel(small().split("2020-01-01")[0]),
        lambda f: f.counts.tolist() == [0, 0, 0] and len(f.unit_steps) == 0,
        nan=OPEN,
    ),
    OK(
        "funnel: nobody begins",
        lambda: funnel(a_log(["cart", "pay", "view"], [0, 1, 2]), ["view", "pay"]),
        lambda f: f.counts.tolist() == [1, 0],
        nan=OPEN,
    ),
    OK(
        "funnel: one step",
        lambda: funnel(steps=["view"]),
        lambda f: f.counts.tolist() == [2],
        nan=OPEN,
    ),
    OK(
        "funnel: a window of nothing",
        lambda: funnel(window="0s"),
        lambda f: f.counts.tolist() == [2, 0, 0],
        nan=OPEN,
    ),
    OK(
        "funnel: a window longer than time",
        lambda: funnel(window="9" * 300 + "d"),
        lambda f: f.counts.tolist() == [2, 1, 1],
        nan=OPEN,
    ),
    OK(
        "funnel: 20,000 events at one instant that may be any step",
        lambda: funnel(tied(20_000), ANY_STEP),
        lambda f: f.counts.tolist() == [1, 1, 1],
        nan=OPEN,
    ),
    OK(
        "funnel: 20,000 events at one instant in any order",
        lambda: funnel(tied(20_000), ANY_STEP, order="any"),
        lambda f: f.counts.tolist() == [1, 1, 1],
        nan=OPEN,
    ),
    OK(
        "funnel: 32 steps alike",
        lambda: funnel(tireless(3000), [STEPS] * 32, window=None),
        lambda f: f.counts.tolist() == [1] * 32,
        nan=OPEN,
    ),
    OK(
        "funnel: a customer who never stops, every order",
        lambda: [
            funnel(tireless(200_000), window=None, order=order)
            for order in ("ordered", "strict", "any", "anchored")
        ],
        lambda fs: all(f.counts.tolist() == [1, 1, 1] for f in fs),
        nan=OPEN,
    ),
    OK(
        "funnel: a customer always within a window, to a step that nobody takes",
        lambda: [
            funnel(
                a_log([*(STEPS * 70_000)[:-1], "never"], np.r_[1:210_000, 0]),
                ["view", "cart", "never"],
                window="60d",
                order=order,
            )
            for order in ("ordered", "strict", "any", "anchored")
        ],
        lambda fs: fs[0].open[2] == 1 and fs[0].final_rates[2] == 0.0 and len(fs) == 4,
        nan=OPEN,
    ),
    OK(
        "funnel: a value for every event",
        lambda: funnel(
            a_log((STEPS * 10_000), np.arange(30_000), p=[str(i) for i in range(30_000)]),
            hold_constant="p",
        ),
        lambda f: f.counts.tolist() == [1, 0, 0],
        nan=OPEN,
    ),
    OK(
        "funnel: a property without any value",
        lambda: funnel(small(p=pa.nulls(4, pa.string())), by="p"),
        lambda f: f.breakdown.values == (None,),
        nan=OPEN,
    ),
    OK(
        "funnel: nobody to break down",
        lambda: funnel(small(p=list("abcd")).split("2020-01-01")[0], by="p"),
        lambda f: f.breakdown.counts.shape == (0, 3),
        nan=OPEN,
    ),
    OK(
        "funnel: no quantiles",
        lambda: funnel(quantiles=[]),
        lambda f: f.times.shape == (3, 0) and len(repr(f)) > 0,
        nan=OPEN,
    ),
    OK(
        "sessions: a gap of nothing",
        lambda: tn.journey.sessions(small(), "0s"),
        lambda s: s.events.tolist() == [1, 1, 1, 1],
    ),
    OK(
        "sessions: a gap longer than time",
        lambda: tn.journey.sessions(small(), "9" * 300 + "d"),
        lambda s: s.events.tolist() == [3, 1] and bool(s.open.all()),
    ),
    OK(
        "sessions: 1 nobody",
        lambda: tn.journey.sessions(small().split("2020-01-01")[0]),
        lambda s: len(s.events) == 0 and len(repr(s)) > 0,
    ),
    E("sessions: no log", lambda: tn.journey.sessions({"a": [1]}), "must be an EventLog"),
    E("sessions: a gap of None", lambda: tn.journey.sessions(small(), None), "gap must be"),
    E("sessions: 112 no threads", lambda: tn.journey.sessions(small(), n_threads=0), "n_threads"),
    OK("funnel: 112 a million threads", lambda: funnel(n_threads=10**6), bool, nan=OPEN),
    E("funnel: no log", lambda: tn.journey.funnel({"a": [1]}, STEPS), "must be an EventLog"),
    E("funnel: no names of events", lambda: funnel(tn.EventLog(
        {"c": [1], "t": np.array([START])}, customer="c", time="t")), "event names"),
    E("funnel: no steps", lambda: funnel(steps=[]), "steps must be 1 to 32"),
    E("funnel: 33 steps", lambda: funnel(steps=["view"] * 33), "steps must be 1 to 32"),
    E("funnel: text for steps", lambda: funnel(steps="view"), "steps must be a list"),
    E("funnel: steps None", lambda: funnel(steps=None), "steps must be a list"),
    E("funnel: unknown event", lambda: funnel(steps=["view", "buy"]), "no event of the log"),
    E("funnel: window NaN", lambda: funnel(window=math.nan), "window must be a length of time"),
    E("funnel: ties by rows", lambda: funnel(ties="input"), "a log does not keep it"),
    E("funnel: unknown property", lambda: funnel(by="colour"), "must be a property"),
    E("funnel: level 95", lambda: funnel(level=95), "level must"),
    E("funnel: quantile NaN", lambda: funnel(quantiles=[math.nan]), "quantiles must"),
    E("funnel: 112 no threads", lambda: funnel(n_threads=0), "n_threads"),
    E("funnel: time to step 1", lambda: funnel().time_to(1), "step must be >= 2"),
    E("funnel: time to step 9", lambda: funnel().time_to(9), "step must be 2 to 3"),
]  # fmt: skip
