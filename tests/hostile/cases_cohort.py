"""Cohorts with gaps, logs of a day, stages of nobody."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pandas as pd
from cases_segment import a_log_of_nobody
from hostile import OK, E

import tenure as tn
from tenure.cohort import active_users, growth, retention, stickiness
from tenure.lifecycle import Stages


def a_log(months: Any, who: Any, **more: Any) -> Any:
    days = [dt.date(2024 + (m - 1) // 12, (m - 1) % 12 + 1, 9) for m in months]
    frame: dict[str, Any] = {"c": list(who), "d": days}
    amount = more.pop("amount", None)
    if amount is not None:
        frame["v"] = amount
    return tn.EventLog(
        frame, customer="c", time="d", amount=None if amount is None else "v", **more
    )


#: Cohorts of January and April; nobody came in between, and nobody bought in June.
GAPS = ([1, 3, 4, 7], [1, 1, 2, 2])


def gaps() -> bool:
    r = retention(a_log(*GAPS, observed_until="2024-08-31"))
    known = ~np.isnan(r.rates)
    return bool(
        np.isfinite(r.lower[known]).all()
        and ((r.rates[known] >= 0) & (r.rates[known] <= 1)).all()
        and r.sizes.sum() == 2
    )


def one_month_apart() -> bool:
    """A cell that nobody can have seen yet is missing; one in which nobody came is 0."""
    r = retention(a_log([1, 2], [1, 2], observed_until="2024-02-29"))
    return bool(np.isnan(r.rates[1, 1]) and r.rates[0, 1] == 0.0)


def stages(log: Any = None, at: Any = None, **settings: Any) -> Any:
    made = a_log(*GAPS, amount=[5.0] * 4) if log is None else log
    return Stages(**settings).assign(made, at)


def labelled(table: Any) -> bool:
    return len(table) == len(table.stage) and all(len(s) > 0 for s in table.stage)


#: NaN by definition: no order yet, no gap with one order only.
SILENT = ("days_since_last", "mean_gap", "last_gap", "value_cuts", "frequency_cuts")
OPEN = ("rates", "lower", "upper", "denominators", "counts", "rate", "denominator", "count")
OPEN += ("quick_ratio",)

CASES = [
    OK("retention: 95 gaps between cohorts", gaps, bool),
    OK("retention: cells not yet seen are missing", one_month_apart, bool),
    OK(
        "retention: one order",
        lambda: retention(a_log([1], [1])),
        lambda r: r.sizes.tolist() == [1],
        nan=OPEN,
    ),
    OK(
        "retention: 1 nobody",
        lambda: retention(a_log_of_nobody()),
        lambda r: r.sizes.size == 0,
        nan=OPEN,
    ),
    E("retention: no log", lambda: retention(pd.DataFrame({"a": [1]})), "must be an EventLog"),
    E("retention: unknown period", lambda: retention(a_log(*GAPS), "fortnight"), "period must be"),
    E("retention: unknown clock", lambda: retention(a_log(*GAPS), clock="sun"), "clock must be"),
    E("retention: unknown match", lambda: retention(a_log(*GAPS), match="near"), "match must be"),
    E("retention: unknown value", lambda: retention(a_log(*GAPS), value="x"), "value must be"),
    E(
        "retention: revenue without amounts",
        lambda: retention(a_log(*GAPS), value="revenue"),
        "needs a log with amounts",
    ),
    E("retention: level 95", lambda: retention(a_log(*GAPS), level=95), "level must"),
    E("retention: level NaN", lambda: retention(a_log(*GAPS), level=math.nan), "level must"),
    E("retention: negative age", lambda: retention(a_log(*GAPS), max_age=-1), "max_age must"),
    E("retention: one replicate", lambda: retention(a_log(*GAPS), n_bootstrap=1), "n_bootstrap"),
    E(
        "retention: 94 negative seed",
        lambda: retention(a_log(*GAPS), random_state=-1),
        "random_state",
    ),
    E("retention: 112 no threads", lambda: retention(a_log(*GAPS), n_threads=0), "n_threads"),
    E(
        "retention: more cells than memory",
        lambda: retention(a_log([1, 12 * 300 + 1], [1, 2]), "day"),
        "",
    ),
    OK(
        "retention: no length fits the observation",
        lambda: retention(a_log([1], [1]), "month", clock="rolling"),
        lambda r: r.rates.shape == (1, 1),
        nan=OPEN,
    ),
    OK(
        "retention: nobody on or after",
        lambda: retention(a_log_of_nobody(), match="on_or_after", mean="simple", n_bootstrap=2),
        lambda r: r.sizes.size == 0,
        nan=OPEN,
    ),
    OK(
        "retention: recurring gaps",
        lambda: retention(a_log(*GAPS, observed_until="2024-08-31"), anchor="recurring"),
        lambda r: r.sizes.tolist() == [1, 0, 1, 1, 0, 0, 1],
        nan=OPEN,
    ),
    OK(
        "retention: a bracket that never ends",
        lambda: retention(a_log(*GAPS), match="brackets", brackets=[1, 2**30]),
        lambda r: r.ages.tolist() == [0],
        nan=OPEN,
    ),
    OK(
        "retention: more returns than anyone made",
        lambda: retention(a_log(*GAPS, observed_until="2024-08-31"), min_events=2**40),
        lambda r: np.nansum(r.counts) == 0,
        nan=OPEN,
    ),
    OK(
        "retention: signup in the year 1",
        lambda: retention(
            a_log([1], [1], customers={"c": [1], "s": [dt.date(1, 1, 1)]}), "year", signup="s"
        ),
        lambda r: r.ages[-1] == 2022,
        nan=OPEN,
    ),
    OK(
        "retention: signup after the end",
        lambda: retention(
            a_log([1], [1], customers={"c": [1], "s": [dt.date(9999, 1, 1)]}), signup="s"
        ),
        lambda r: r.n_without_orders == 1,
        nan=OPEN,
    ),
    E(
        "retention: brackets of text",
        lambda: retention(a_log(*GAPS), match="brackets", brackets=["week"]),
        "brackets must",
    ),
    E("retention: half a return", lambda: retention(a_log(*GAPS), min_events=0.5), "min_events"),
    E("retention: signup without customers", lambda: retention(a_log(*GAPS), signup="s"), "signup"),
    E("retention: groups of nothing", lambda: retention(a_log(*GAPS), by="s"), "by: 's'"),
    OK(
        "growth: 1 nobody",
        lambda: growth(a_log_of_nobody()),
        lambda g: g.active.sum() == 0,
        nan=OPEN,
    ),
    OK(
        "growth: the running month alone",
        lambda: growth(a_log([1], [1])),
        lambda g: g.active.size == 0,
        nan=OPEN,
    ),
    OK(
        "growth: a lapse longer than time",
        lambda: growth(a_log(*GAPS, observed_until="2024-08-31"), lapse=2**61),
        lambda g: g.lapsed.sum() == 0 and g.active.sum() == 4,
        nan=OPEN,
    ),
    E("growth: no log", lambda: growth(pd.DataFrame({"a": [1]})), "must be an EventLog"),
    E("growth: half a lapse", lambda: growth(a_log(*GAPS), lapse=1.5), "lapse must"),
    E("growth: event without names", lambda: growth(a_log(*GAPS), event="buy"), "event names"),
    OK(
        "active_users: 1 nobody",
        lambda: active_users(a_log_of_nobody()),
        lambda u: np.nansum(u.daily) == 0,
        nan=("daily", "weekly", "monthly", "ratio"),
    ),
    OK(
        "active_users: 300 years apart",
        lambda: active_users(a_log([1, 12 * 300 + 1], [1, 2])),
        lambda u: u.dates.size > 109_000,
        nan=("weekly", "monthly", "ratio"),
    ),
    E("active_users: no log", lambda: active_users([1, 2]), "must be an EventLog"),
    OK(
        "stickiness: 1 nobody",
        lambda: stickiness(a_log_of_nobody()),
        lambda s: s.counts.sum() == 0,
        nan=("rates", "lower", "upper", "mean"),
    ),
    E("stickiness: weeks in months", lambda: stickiness(a_log(*GAPS), "week"), "within"),
    OK("Stages: four orders", stages, labelled, nan=SILENT),
    OK("Stages: 1 nobody", lambda: stages(a_log_of_nobody()), lambda t: len(t) == 0, nan=SILENT),
    OK(
        "Stages: before everything",
        lambda: stages(at="2020-01-01"),
        lambda t: len(t) == 0,
        nan=SILENT,
    ),
    OK(
        "Stages: 112 a million threads",
        lambda: Stages().assign(a_log(*GAPS, amount=[5.0] * 4), n_threads=10**6),
        labelled,
        nan=SILENT,
    ),
    E("Stages: behind the end", lambda: stages(at="2030-01-01"), "behind the end"),
    E("Stages: no log", lambda: stages(pd.DataFrame({"a": [1]})), "must be an EventLog"),
    E("Stages.outcomes: no log", lambda: stages().outcomes(7, "60d"), "must be an EventLog"),
    E("Stages: unknown preset", lambda: stages(preset="mine"), "preset must be one of"),
    E("Stages: no new days", lambda: stages(new_days=0.0), "new_days must"),
    E("Stages: new days NaN", lambda: stages(new_days=math.nan), "new_days must"),
    E("Stages: A before N", lambda: stages(new_days=30.0, active_days=20.0), ""),
    E("Stages: L before A", lambda: stages(active_days=90.0, lapsed_days=60.0), ""),
    E("Stages: three cuts of F", lambda: stages(frequency_cuts=[1, 2, 3]), "frequency_cuts must"),
    E("Stages: cuts that descend", lambda: stages(frequency_cuts=[3, 2]), ""),
    E("Stages: a cut NaN", lambda: stages(value_cuts=[1.0, math.nan, 3.0]), "value_cuts must"),
    E("Stages: a window of no day", lambda: stages(window_days=0), "window_days must"),
    OK(
        "Stages: a window longer than time",
        lambda: stages(window_days=10**15),
        labelled,
        nan=SILENT,
    ),
    E(
        "Stages: 112 no threads",
        lambda: Stages().assign(a_log(*GAPS, amount=[5.0] * 4), n_threads=0),
        "n_threads",
    ),
]
