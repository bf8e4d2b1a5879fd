"""Whole logs at the ends of what can be: all events of one customer, one event of each, all times.

Every analysis of a log is asked of each of them, with a check that needs no second analysis.
"""

from __future__ import annotations

import functools
import pickle
from typing import Any

import numpy as np
import pyarrow as pa
from hostile import OK, E

import tenure as tn

START = np.datetime64("2024-01-01", "us")
N = 1_000_000
STEPS = ["view", "cart", "pay"]
NAN = ("rates", "lower", "upper", "mean", "rate", "step_rates", "step_lower", "step_upper")
FINAL = ("final_rates", "final_lower", "final_upper", "quick_ratio")
MORE = ("daily", "weekly", "monthly", "ratio", "probability", "share", "monetary_value")
DOCUMENTED = (*NAN, *FINAL, *MORE)


def named(who: Any, minutes: Any) -> tn.EventLog:
    n = len(minutes)
    names = pa.DictionaryArray.from_arrays(pa.array(np.arange(n) % 3, pa.int8()), pa.array(STEPS))
    when = pa.array(START + np.asarray(minutes, dtype="m8[m]"))
    table = pa.table({"who": who, "when": when, "what": names, "paid": np.full(n, 0.1)})
    columns = {"customer": "who", "time": "when", "event": "what", "amount": "paid"}
    return tn.EventLog(table, **columns, orders=["pay"])


@functools.cache
def of_one() -> tn.EventLog:
    """A million events of one customer, a minute apart: nearly two years."""
    return named(np.zeros(N, np.int64), np.arange(N))


@functools.cache
def of_each() -> tn.EventLog:
    """One event of each of a million customers, all at one instant."""
    return named(np.arange(N) * 7_919 % 10_000_019, np.zeros(N, np.int64))


@functools.cache
def of_all_times() -> tn.EventLog:
    """The first and the last day that nanoseconds reach, and a day between."""
    days = np.array(["1677-09-22", "1970-01-01", "2262-04-11"], dtype="M8[ns]").repeat(2)
    rows = {"who": [1, 2] * 3, "when": days, "what": ["view", "pay"] * 3}
    columns = {"customer": "who", "time": "when", "event": "what", "orders": ["pay"]}
    return tn.EventLog(rows, **columns)


def same_after_a_trip(log: tn.EventLog) -> bool:
    again = pickle.loads(pickle.dumps(log))
    return again.n_rows == log.n_rows and bool((again._core.time == log._core.time).all())


def in_parts(log: tn.EventLog) -> Any:
    total = tn.cohort.GrowthScan()
    for part in log.parts(5):
        total.merge(tn.cohort.GrowthScan().visit(part))
    return total.finish()


def appended(log: tn.EventLog) -> tn.EventLog:
    day = {"who": [0], "what": ["pay"], "paid": [1.0]}
    return log.append(day | {"when": np.array([START + np.timedelta64(900, "D")])}).compact()


CASES = [
    OK("retention: 101 one customer", lambda: tn.cohort.retention(of_one()),
       lambda r: r.sizes.tolist() == [1] and np.nanmin(r.rates) == 1.0, nan=DOCUMENTED),
    OK("growth: 101 one customer", lambda: tn.cohort.growth(of_one()),
       lambda g: g.active.tolist() == [1] * len(g.active), nan=DOCUMENTED),
    OK("active_users: 101 one customer", lambda: tn.cohort.active_users(of_one()),
       lambda a: a.daily.tolist() == [1.0] * len(a.daily), nan=DOCUMENTED),
    OK("funnel: 201 one customer", lambda: tn.journey.funnel(of_one(), STEPS),
       lambda f: f.counts.tolist() == [1, 1, 1], nan=DOCUMENTED),
    OK("funnel: 202 one customer, each start",
       lambda: tn.journey.funnel(of_one(), STEPS, "1h", start="every", count="total"),
       lambda f: f.counts.tolist() == [333_334, 333_333, 333_333], nan=DOCUMENTED),
    OK("sessions: 101 one customer", lambda: tn.journey.sessions(of_one()),
       lambda s: s.events.tolist() == [N]),
    OK("transitions: 101 one customer", lambda: tn.journey.transitions(of_one()),
       lambda t: sum(t.to_pandas()["count"]) == N + 1, nan=DOCUMENTED),
    OK("summary: 101 one customer", lambda: of_one().summary(),
       lambda s: len(s) == 1, nan=DOCUMENTED),
    OK("append: 101 one customer", lambda: appended(of_one()), lambda x: x.n_rows == N + 1),
    OK("load: 101 one customer", lambda: same_after_a_trip(of_one()), bool),
    OK("retention: 102 one event each", lambda: tn.cohort.retention(of_each(), "day"),
       lambda r: r.sizes.tolist() == [333_333], nan=DOCUMENTED),
    OK("growth: 102 one event each", lambda: in_parts(of_each()),
       lambda g: g.new.tolist() == [0] * len(g.new), nan=DOCUMENTED),
    OK("funnel: 203 one event each", lambda: tn.journey.funnel(of_each(), STEPS),
       lambda f: f.counts.tolist() == [333_334, 0, 0], nan=DOCUMENTED),
    OK("sessions: 102 one event each", lambda: tn.journey.sessions(of_each()),
       lambda s: len(s.events) == N),
    OK("transitions: 102 one event each", lambda: tn.journey.transitions(of_each()),
       lambda t: sum(t.to_pandas()["count"]) == 2 * N, nan=DOCUMENTED),
    OK("append: 102 one event each", lambda: appended(of_each()), lambda x: x.n_rows == N + 1),
    OK("load: 102 one event each", lambda: same_after_a_trip(of_each()), bool),
    E("retention: 103 six centuries by day", lambda: tn.cohort.retention(of_all_times(), "day"),
      "longer period"),
    OK("retention: 103 six centuries by year",
       lambda: tn.cohort.retention(of_all_times(), "year"),
       lambda r: r.sizes[0] == 1 and r.counts[0, 293] == 1, nan=DOCUMENTED),
    OK("growth: 103 six centuries", lambda: tn.cohort.growth(of_all_times()),
       lambda g: g.active.sum() == 2 and len(g.active) > 7000, nan=DOCUMENTED),
    OK("active_users: 103 six centuries", lambda: tn.cohort.active_users(of_all_times()),
       lambda a: np.nansum(a.daily) == 3, nan=DOCUMENTED),
    OK("funnel: 204 six centuries", lambda: tn.journey.funnel(of_all_times(), ["view"], None),
       lambda f: f.counts.tolist() == [1], nan=DOCUMENTED),
    OK("funnel: 205 a step that never occurs in time",
       lambda: tn.journey.funnel(of_all_times(), ["pay", "view"], "7d"),
       lambda f: f.counts.tolist() == [1, 0], nan=DOCUMENTED),
    OK("funnel: 206 an empty window", lambda: tn.journey.funnel(of_one(), ["view", "cart"], "0s"),
       lambda f: f.counts.tolist() == [1, 0], nan=DOCUMENTED),
    OK("funnel: 207 the same event twice",
       lambda: tn.journey.funnel(of_one(), ["pay", "pay"], "1h"),
       lambda f: f.counts.tolist() == [1, 1], nan=DOCUMENTED),
    OK("load: 103 six centuries", lambda: same_after_a_trip(of_all_times()), bool),
]  # fmt: skip
