"""Transitions, paths and attribution of nobody, of one customer who never stops, of every name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
from cases_journey import START, STEPS, a_log, small, tied, tireless
from hostile import OK, E

import tenure as tn


def nobody() -> Any:
    return small().split("2020-01-01")[0]


def transitions(log: Any = None, **words: Any) -> Any:
    return tn.journey.transitions(small() if log is None else log, **words)


def step_matrix(log: Any = None, **words: Any) -> Any:
    return tn.journey.step_matrix(small() if log is None else log, **words)


def paths(log: Any = None, **words: Any) -> Any:
    return tn.journey.paths(small() if log is None else log, **words)


def loops(log: Any = None, **words: Any) -> Any:
    return tn.journey.loops(small() if log is None else log, **words)


def attribution(log: Any = None, **words: Any) -> Any:
    return tn.journey.attribution(small() if log is None else log, **words)


def every_value(n: int) -> Any:
    """As many values as events."""
    return a_log((STEPS * n)[:n], np.arange(n), p=[str(i) for i in range(n)])


def bare() -> Any:
    return tn.EventLog({"c": [1], "t": np.array([START])}, customer="c", time="t")


ALL_MODELS = ["last", "first", "linear", "position", "time_decay", "shapley", "markov"]
EMPTY = ("shares", "lower", "upper")

CASES = [
    OK("transitions: four events", transitions, lambda t: t.counts.sum() == 6),
    OK("transitions: 1 nobody", lambda: transitions(nobody()), lambda t: len(t.counts) == 0),
    OK("transitions: nobody, drawn as a square", lambda: transitions(nobody()).matrix(),
       lambda m: m.values.tolist() == [[0, 0], [0, 0]]),
    OK("transitions: a property without any value",
       lambda: transitions(small(p=pa.nulls(4, pa.string())), by="p"),
       lambda t: t.states == ("(start)", "(end)") and t.n_units == 0),
    OK("transitions: 200,000 events at one instant", lambda: transitions(tied(200_000)),
       lambda t: t.counts.sum() == 200_001),
    OK("transitions: one customer who never stops", lambda: transitions(tireless(500_000)),
       lambda t: t.median_times[1] == np.timedelta64(60, "s")),
    OK("transitions: a session for every event", lambda: transitions(tireless(999), within="0s"),
       lambda t: t.n_units == 999 and t.n_open == 0),
    OK("transitions: a gap longer than time", lambda: transitions(within="9" * 300 + "d"),
       lambda t: t.n_units == t.n_open == 2),
    OK("transitions: no rest to pool", lambda: transitions(max_states=10**30),
       lambda t: "(other)" not in t.states),
    OK("transitions: 100,000 values pooled",
       lambda: transitions(every_value(100_000), by="p", max_states=5),
       lambda t: len(t.states) == 8),
    OK("transitions: 112 a million threads", lambda: transitions(n_threads=10**6), bool),
    E("transitions: 100,000 values", lambda: transitions(every_value(100_000), by="p"),
      "too many for a table"),
    E("transitions: no log", lambda: tn.journey.transitions([1]), "must be an EventLog"),
    E("transitions: no names of events", lambda: transitions(bare()), "no event names"),
    E("transitions: level NaN", lambda: transitions(level=math.nan), "level must be"),
    E("transitions: within of a number", lambda: transitions(within=30), "within must be"),
    E("transitions: max_states 2.5", lambda: transitions(max_states=2.5), "whole number"),
    E("transitions: unknown value", lambda: transitions().matrix("rate"), "value must be one"),
    E("transitions: 112 no threads", lambda: transitions(n_threads=0), "n_threads"),
    OK("step_matrix: four events", step_matrix, lambda s: s.counts.shape == (4, 10)),
    OK("step_matrix: 1 nobody", lambda: step_matrix(nobody()),
       lambda s: s.n_units == 0 and len(repr(s)) > 0, nan=EMPTY),
    OK("step_matrix: nobody has the anchor",
       lambda: step_matrix(small().where(event=["view", "cart"]), anchor="pay", steps=1),
       lambda s: (s.n_units, s.n_without_anchor) == (0, 2), nan=EMPTY),
    OK("step_matrix: 1,000 steps of one customer", lambda: step_matrix(tireless(5000), steps=1000),
       lambda s: s.shares.sum() == 1000.0),
    E("step_matrix: more steps than fit", lambda: step_matrix(steps=10**9), "must be <= 1000"),
    E("step_matrix: no log", lambda: tn.journey.step_matrix(None), "must be an EventLog"),
    E("step_matrix: unknown anchor", lambda: step_matrix(anchor="buy"), "no event of the log"),
    E("step_matrix: 100,000 values", lambda: step_matrix(every_value(100_000), by="p"),
      "too many for a table"),
    OK("paths: four events", paths, lambda p: p.paths[0] == ("cart", "pay")),
    OK("paths: 1 nobody", lambda: paths(nobody()), lambda p: p.n_customers == len(p.paths) == 0),
    OK("paths: longer than anybody's", lambda: paths(steps=10**30), lambda p: p.n_total == 0),
    OK("paths: one whole path of 500,000 visits", lambda: paths(tireless(500_000), steps="whole"),
       lambda p: len(p.paths[0]) == 500_000 and p.counts.tolist() == [1]),
    OK("paths: 20,000 events at one instant", lambda: paths(tied(20_000), collapse=False),
       lambda p: p.n_customers == 1),
    OK("paths: a value for every event", lambda: paths(every_value(50_000), by="p", top=10**30),
       lambda p: p.n_distinct == len(p.paths) == 4 * 50_000 - 10),
    OK("paths: an event that never happens",
       lambda: paths(small().where(event=["view", "cart"]), start="pay"), lambda p: not p.paths),
    E("paths: no log", lambda: tn.journey.paths("log"), "must be an EventLog"),
    E("paths: steps None", lambda: paths(steps=None), "whole number"),
    E("paths: steps of text", lambda: paths(steps=("a", "b")), "whole number"),
    E("paths: top NaN", lambda: paths(top=math.nan), "top must be a whole number"),
    E("paths: unknown start", lambda: paths(start="buy"), "which is no state"),
    OK("loops: nobody comes back", loops, lambda p: p.n_total == 0 and len(repr(p)) > 0),
    OK("loops: as long as one likes", lambda: loops(tireless(3000), steps=(2, 10**30)),
       lambda p: p.n_distinct == 3 and set(map(len, p.paths)) == {4}),
    E("loops: no log", lambda: tn.journey.loops(1), "must be an EventLog"),
    E("loops: of one visit", lambda: loops(steps=1), "steps must be >= 2"),
    OK("attribution: four events", lambda: attribution(model=ALL_MODELS),
       lambda a: np.allclose(a.credits.sum(axis=0), 1.0)),
    OK("attribution: 1 nobody", lambda: attribution(nobody(), model=ALL_MODELS, n_bootstrap=2),
       lambda a: a.credits.shape == (0, 7)),
    OK("attribution: nobody converts",
       lambda: attribution(a_log(["view", "pay"], [1, 0]), model=ALL_MODELS, n_bootstrap=9),
       lambda a: (a.credits == 0.0).all() and (a.n_conversions, a.n_credited) == (1, 0),
       nan=("shares",)),
    OK("attribution: touches years before", lambda: attribution(
        a_log(["view", "view", "pay"], [0, 10**7, 10**7]), model="time_decay", lookback=None,
        half_life="1s"), lambda a: a.credits.tolist() == [[1.0]]),
    OK("attribution: a lookback of nothing", lambda: attribution(lookback="0s"),
       lambda a: a.n_credited == 0, nan=("shares",)),
    OK("attribution: one customer who never stops",
       lambda: attribution(tireless(300_000), model=ALL_MODELS, order=3),
       lambda a: (a.n_conversions, a.n_credited) == (100_000, 100_000)),
    OK("attribution: an order longer than any path", lambda: attribution(model="markov",
       order=10**30), lambda a: a.removal_effects.tolist() == [1.0, 1.0]),
    OK("attribution: 20,000 touches at one instant", lambda: attribution(tied(20_000)), bool),
    OK("attribution: a property without any value",
       lambda: attribution(small(p=pa.nulls(4, pa.string())), by="p", model=ALL_MODELS),
       lambda a: a.credits.shape == (0, 7)),
    E("attribution: a value for every event", lambda: attribution(every_value(9000), by="p"),
      "channels are too many"),
    E("attribution: no log", lambda: tn.journey.attribution({}), "must be an EventLog"),
    E("attribution: no names of events", lambda: attribution(bare()), "no event names"),
    E("attribution: weights NaN", lambda: attribution(position_weights=(1, math.nan, 1)),
      "position_weights must"),
    E("attribution: weights infinite", lambda: attribution(position_weights=(1, math.inf, 1)),
      "position_weights must"),
    E("attribution: a million million replicates", lambda: attribution(n_bootstrap=10**12),
      "n_bootstrap must"),
    E("attribution: a half-life of NaT", lambda: attribution(half_life=np.timedelta64("NaT")),
      "half_life must be"),
]  # fmt: skip
