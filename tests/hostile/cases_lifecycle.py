"""Panels of one customer, rules of nonsense, chains that nobody leaves."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
from hostile import OK, Case, E

import tenure as tn
from tenure.lifecycle import StagePanel, Stages, movement, stage_values

SOME = [[0, 0, 1, -1], [0, 1, 1, 0], [1, 1, -1, 0]]


def a_log(days: Any = (2, 9, 30, 5, 28), who: Any = ("a", "a", "a", "b", "c")) -> Any:
    frame = {
        "c": list(who),
        "d": [dt.date(2024, 1, d) for d in days],
        "v": [30.0, 50.0, 40.0, 20.0, 10.0][: len(list(days))],
    }
    return tn.EventLog(frame, customer="c", time="d", amount="v", observed_until="2024-03-31")


def panel(at: Any = ("2024-01-15", "2024-02-15"), **settings: Any) -> StagePanel:
    made: StagePanel = Stages(**settings).assign(a_log(), at=list(at))
    return made


def ruled(*rules: Any, **settings: Any) -> StagePanel:
    return panel(rules=list(rules), **settings)


def coded(codes: Any = SOME, stages: Any = ("active", "lost"), **more: Any) -> StagePanel:
    return StagePanel.from_codes(codes, list(stages), **more)


def moved(codes: Any = SOME, **settings: Any) -> Any:
    return movement(coded(codes), **settings)


def shares(m: Any) -> bool:
    p = m.probabilities[~np.isnan(m.probabilities).any(axis=1)]
    return bool(((p >= 0) & (p <= 1)).all() and np.allclose(p.sum(axis=1), 1.0))


def everyone_stays() -> bool:
    f = moved([[0, 1], [0, 1]], alpha=0.0).forecast(3)
    return bool((f.mean == [1.0, 1.0]).all() and (f.lower == f.upper).all())


def vast() -> bool:
    """A hundred dates; counts, and limits between 0 and 1."""
    codes = np.tile(np.arange(500) % 3 - 1, (100, 1))
    m = movement(coded(codes))
    return shares(m) and m.counts.sum() == 99 * (codes[0] >= 0).sum()


def long_condition() -> StagePanel:
    return ruled(("a", " or ".join(["n == 1"] * 2000)), ("b", "True"))


def wide_condition() -> StagePanel:
    deep = "n" + " + (n" * 80 + ")" * 80
    return ruled(("a", f"{deep} > 0"))


CHAIN = ("probabilities", "lower", "upper")
CALIBRATED = ("calibrations",)
UNCALIBRATED = ("mean_gap", "value_cuts")

CASES: list[Case] = [
    OK("panel: two dates", panel, lambda p: p.codes.shape == (2, 3), nan=CALIBRATED),
    OK(
        "panel: before anybody came",
        lambda: panel(["2020-01-01"]),
        lambda p: len(p) == 0,
        nan=UNCALIBRATED,
    ),
    OK(
        "panel: hysteresis of a century",
        lambda: panel(hysteresis=10**6),
        lambda p: len(p) == 5,
        nan=CALIBRATED,
    ),
    OK(
        "panel: a window longer than time",
        lambda: panel(window_days=2**62),
        lambda p: len(p) == 5,
        nan=CALIBRATED,
    ),
    E("panel: no date", lambda: panel([]), "at must name"),
    E("panel: dates that descend", lambda: panel(["2024-02-15", "2024-01-15"]), "later than"),
    E("panel: a date twice", lambda: panel(["2024-02-15"] * 2), "later than"),
    E("panel: behind the log", lambda: panel(["2024-02-15", "2030-01-01"]), "behind the end"),
    E("panel: no hysteresis", lambda: panel(hysteresis=0), "hysteresis must"),
    E("panel: unknown clock", lambda: panel(clock="moon"), "clock must"),
    E("panel: no alive", lambda: panel(clock="alive"), "needs alive"),
    E("panel: prior gaps NaN", lambda: panel(clock="own", prior_gaps=math.nan), "prior_gaps"),
    E("panel: no contracts", lambda: panel(clock="contract"), "contract_end"),
    E("panel: preset contract without any", lambda: panel(preset="contract"), "contract_"),
    E(
        "panel: alive NaN",
        lambda: Stages(clock="alive").assign(a_log(), alive=[0.5, math.nan, 0.5]),
        "alive",
    ),
    OK(
        "rules: every rule true",
        lambda: ruled(("a", "True"), ("b", "True")),
        lambda p: len(p) == 5,
        nan=CALIBRATED,
    ),
    OK(
        "rules: division by nothing",
        lambda: ruled(("a", "n / 0 > 1"), ("b", "True")),
        lambda p: len(p) == 5,
        nan=CALIBRATED,
    ),
    OK("rules: two thousand conditions", long_condition, lambda p: len(p) == 5, nan=CALIBRATED),
    E("rules: too many open operands", wide_condition, "64 open operands"),
    E("rules: nobody", lambda: ruled(("a", "n > 99")), "no rule takes"),
    E("rules: code", lambda: ruled(("a", "print(n)")), "may hold facts"),
    E("rules: attribute", lambda: ruled(("a", "n.__class__")), "may hold facts"),
    E("rules: a walrus", lambda: ruled(("a", "(n := 3)")), "may hold facts"),
    E("rules: a zero byte", lambda: ruled(("a", "n \0 > 1")), "must be an expression"),
    E("rules: a text", lambda: panel(rules="n > 1"), "must be a list"),
    E("rules: 300", lambda: ruled(*[(f"s{i}", "True") for i in range(300)]), "between 1 and 250"),
    E("rules: a rank that is no number", lambda: ruled(("a", "True", None)), "rules[0]"),
    E("codes: none", lambda: coded([]), "codes must"),
    E("codes: out of range", lambda: coded([[7]]), "codes[0, 0]"),
    E("codes: floats", lambda: coded([[0.0]]), "codes must"),
    E("codes: text", lambda: coded([["a"]]), "codes must"),
    E("codes: stages twice", lambda: coded(stages=["a", "a"]), "stages must"),
    OK("movement: some", moved, shares, nan=CHAIN),
    OK("movement: nobody moves", everyone_stays, bool),
    OK(
        "movement: nobody is there",
        lambda: moved([[-1, -1], [-1, -1]]),
        lambda m: m.counts.sum() == 0,
        nan=CHAIN,
    ),
    OK("movement: a hundred dates", vast, bool),
    E("movement: one date", lambda: moved([[0, 1]]), "two dates"),
    E("movement: no panel", lambda: movement([[0, 1]]), "must be a StagePanel"),
    E("movement: alpha NaN", lambda: moved(alpha=math.nan), "alpha must"),
    E("forecast: no period", lambda: moved().forecast(0), "periods must"),
    E("forecast: births negative", lambda: moved().forecast(1, births=-3), "births[0]"),
    E("forecast: births NaN", lambda: moved().forecast(1, births=math.nan), "births"),
    E("forecast: one draw", lambda: moved().forecast(1, n_draws=1), "n_draws must"),
    E("values: too few", lambda: stage_values(coded(), [[1.0]]), "revenue must have the shape"),
    E("values: NaN", lambda: stage_values(coded(), np.full((2, 4), math.nan)), "revenue"),
    E("values: infinite", lambda: stage_values(coded(), np.full((2, 4), math.inf)), "revenue"),
    E("equity: no values", lambda: moved().equity(None, 2), "values must"),
    E(
        "equity: a discount of all",
        lambda: moved().equity(stage_values(coded(), np.ones((2, 4))), 2, discount=-1.0),
        "discount must",
    ),
]
