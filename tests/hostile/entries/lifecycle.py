"""Public calls of `tn.lifecycle`."""

from __future__ import annotations

import datetime as dt
import functools
from typing import Any

import numpy as np
import pyarrow as pa

import tenure as tn
from tenure.lifecycle import StagePanel, Stages, movement, preset_rules, stage_values

from ._data import a_log, orders
from ._entry import Entry
from .journey import visits

LEADS = tn.lifecycle.LeadScore(
    actions=[
        tn.lifecycle.Action("view", 1.0, cap=20, half_life="30d"),
        tn.lifecycle.Action("cart", 5.0, half_life="60d"),
    ]
)


HEALTH = tn.lifecycle.HealthScore(
    [
        tn.lifecycle.HealthPart("days_since_last", 2.0, healthy="low"),
        tn.lifecycle.HealthPart("orders_90d", cuts=[1, 2, 4]),
    ],
    windows=["90d"],
)


def health(log: tn.EventLog, threads: int) -> Any:
    fitted = HEALTH.fit(log, at=dates(log)[3], n_threads=threads)
    test = fitted.back_test(log, dates(log)[3:8], "90d", n_threads=threads)
    return fitted.score(log, n_threads=threads), test


def learned(log: tn.EventLog, threads: int) -> Any:
    """Leads of the visits: whoever has put nothing into a cart yet."""
    span = log.observed_until - log.observed_from
    cutoffs = [log.observed_from + span * k / 10 for k in (3, 5)]
    model = tn.lifecycle.LearnedLeadScore(span.days / 10, windows=[span.days / 5], cv=2)
    return model.fit(log, cutoffs, n_threads=threads).score(log, cutoffs[1], n_threads=threads)


def dates(log: tn.EventLog) -> list[dt.datetime]:
    return [log.observed_until - dt.timedelta(days=60 * i) for i in range(12)][::-1]


@functools.lru_cache(maxsize=2)
def a_panel(n: int) -> tuple[StagePanel, Any]:
    rng = np.random.default_rng(12)
    customers = max(n // 12, 1)
    codes = rng.integers(-1, 6, (12, customers))
    return StagePanel.from_codes(codes, list("abcdef")), rng.lognormal(3, 1, (11, customers))


def bought(n: int) -> tn.EventLog:
    codes = np.random.default_rng(6).choice(4, n).astype(np.int8)
    sku = pa.DictionaryArray.from_arrays(codes, pa.array(["soap", "tea", "oil", "salt"]))
    table = orders(n).append_column("sku", sku)
    return tn.EventLog(table, customer="who", time="when", properties=["sku"], n_threads=1)


def a_play(n: int) -> tn.lifecycle.Play:
    return tn.lifecycle.Play("all", np.arange(n), np.random.default_rng(5).random(n))


def outlook(given: tuple[StagePanel, Any], threads: int) -> Any:
    panel, revenue = given
    values = stage_values(panel, revenue, n_threads=threads)
    moved = movement(panel, n_threads=threads)
    return moved, values, moved.equity(values, 4, n_threads=threads)


ENTRIES = [
    Entry("Stages", a_log, lambda log, t: Stages().assign(log, n_threads=t), 30_000_000),
    Entry(
        "Stages at dates",
        a_log,
        lambda log, t: Stages(hysteresis=2).assign(log, at=dates(log), n_threads=t),
        10_000_000,
    ),
    Entry("HealthScore", a_log, health, 3_000_000),
    # Of fewer visits no two features differ.
    Entry("LearnedLeadScore", lambda n: visits(max(n, 20_000)), learned, 3_000_000),
    Entry("LeadScore", visits, lambda log, t: LEADS.score(log, n_threads=t), 10_000_000),
    Entry(
        "Stages by own rules",
        a_log,
        lambda log, t: Stages(rules=preset_rules("seed"), clock="own").assign(
            log, at=dates(log), n_threads=t
        ),
        5_000_000,
    ),
    Entry(
        "replenishment",
        bought,
        lambda log, t: tn.lifecycle.replenishment(log, "sku", n_threads=t),
        500_000,
    ),
    Entry("plan", a_play, lambda play, t: tn.lifecycle.plan([play], "2024-01-01"), 200_000),
    Entry("kpis", a_log, lambda log, t: tn.lifecycle.kpis(log, n_threads=t), 5_000_000),
    Entry("movement", a_panel, outlook, 100_000_000),
]
