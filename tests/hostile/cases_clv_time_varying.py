"""Covariates that no calendar has: gaps, twins, infinities, and effects beyond all numbers."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
from hostile import OK, Case, E, W

import tenure as tn
from tenure.clv import TimeVaryingBGNBD, TimeVaryingParetoNBD, time_varying

WEEKS = 30
START = np.datetime64("2024-01-01")


@functools.cache
def log() -> tn.EventLog:
    rng = np.random.default_rng(4)
    who, day = [], []
    for i in range(120):
        first = int(rng.integers(0, 40))
        times = first + np.cumsum(rng.exponential(rng.gamma(2.0) * 8.0 + 1.0, 12)).astype(int)
        for t in [first, *times[times < 170]]:
            who.append(i)
            day.append(int(t))
    rows = {"customer": np.array(who), "date": START + np.array(day)}
    return tn.EventLog(rows, customer="customer", time="date")


@functools.cache
def calendar() -> dict[str, Any]:
    week = np.arange(WEEKS)
    return {"date": START + 7 * week, "z": np.cos(week * 0.7), "kind": ["a", "b", "c"] * 10}


def data(change: dict[str, Any] | None = None, **arguments: Any) -> Any:
    return time_varying(log(), calendar() | (change or {}), **arguments)


def z(row: int, value: float) -> dict[str, Any]:
    column = np.array(calendar()["z"])
    column[row] = value
    return {"z": column}


def fit(change: dict[str, Any] | None = None, cls: type = TimeVaryingParetoNBD, **more: Any) -> Any:
    return cls(**({"purchase_covariates": ["z", "kind"]} | more)).fit(data(change))


@functools.cache
def model() -> Any:
    return fit(dropout_covariates="z")


def finite(m: Any) -> bool:
    table = m.coef_
    return bool(np.isfinite(table.estimate).all() and np.isfinite(table.standard_error).all())


def probability(p: Any) -> bool:
    return bool(((np.asarray(p) >= 0) & (np.asarray(p) <= 1)).all())


def dates(keep: Any) -> dict[str, Any]:
    """The calendar without some rows, or with some twice."""
    rows = np.arange(WEEKS)[keep]
    return {name: np.asarray(column)[rows] for name, column in calendar().items()}


def empty() -> Any:
    none = tn.EventLog(
        {"customer": np.array([], int), "date": np.array([], "datetime64[D]")},
        customer="customer",
        time="date",
    )
    return TimeVaryingBGNBD(purchase_covariates="z").fit(time_varying(none, calendar()))


INF, NAN = float("inf"), float("nan")
CASES: list[Case] = [
    E("time_varying: NaN", lambda: data(z(3, NAN)), "z[3] must not be missing"),
    E("time_varying: infinity", lambda: data(z(4, -INF)), "z[4] must be finite"),
    E("time_varying: NaN in the future", lambda: data(z(WEEKS - 1, NAN)), "z[29]"),
    E("time_varying: a gap", lambda: data(dates(np.arange(WEEKS) != 7)), "2024-02-19"),
    E("time_varying: a twin", lambda: data(dates([0, 1, 1, *range(2, WEEKS)])), "two rows"),
    E("time_varying: no rows", lambda: data(dates([])), "at least one row"),
    E("time_varying: one row", lambda: data(dates([0])), "no row for the period"),
    E(
        "time_varying: off the grid",
        lambda: data({"date": calendar()["date"] + np.arange(WEEKS)}),
        "no multiple of 7 days",
    ),
    E("time_varying: text for dates", lambda: data({"date": ["x"] * WEEKS}), "must hold dates"),
    E("time_varying: months", lambda: data(period="month"), "one length"),
    E("time_varying: a period of -1", lambda: data(period=-1), "period"),
    E("time_varying: a list as the log", lambda: time_varying([1], calendar()), "EventLog"),
    E("time_varying: a number as the frame", lambda: time_varying(log(), 3), "columns"),
    E("time_varying: no such date", lambda: data(date="day"), "day"),
    E(
        "time_varying: ids of another kind",
        lambda: data({"who": ["x"] * WEEKS}, customer="who"),
        "does not fit the ids",
    ),
    E(
        "time_varying: nobody's rows",
        lambda: data({"who": [999] * WEEKS}, customer="who"),
        "no row for customer 0",
    ),
    OK(
        "time_varying: huge numbers",
        lambda: data({"z": np.full(WEEKS, 1e308)}),
        lambda d: len(d) == 120,
        ("monetary_value",),
    ),
    E("TimeVaryingParetoNBD.fit: an empty log", empty, ""),
    E(
        "TimeVaryingParetoNBD.fit: a spread beyond squares",
        lambda: fit({"z": calendar()["z"] * 1e200}),
        "spread",
    ),
    E(
        "TimeVaryingParetoNBD.fit: all covariates the same",
        lambda: fit({"z": np.ones(WEEKS)}),
        "not identified",
    ),
    E(
        "TimeVaryingParetoNBD.fit: a frame",
        lambda: TimeVaryingBGNBD(purchase_covariates="z").fit(calendar()),
        "data",
    ),
    E(
        "TimeVaryingParetoNBD.fit: weights of another length",
        lambda: model().fit(data(), np.ones(3)),
        "weight",
    ),
    E(
        "TimeVaryingParetoNBD.fit: weights of 0",
        lambda: model().fit(data(), np.zeros(120)),
        "weight",
    ),
    E(
        "TimeVaryingParetoNBD.fit: a NaN weight",
        lambda: model().fit(data(), np.full(120, NAN)),
        "weight",
    ),
    E("TimeVaryingParetoNBD.fit: a penalty of NaN", lambda: fit(covariate_l2=NAN), "covariate_l2"),
    OK(
        "TimeVaryingParetoNBD.fit: units of 1e-80",
        lambda: fit({"z": calendar()["z"] * 1e-80}),
        finite,
    ),
    W(
        "TimeVaryingBGNBD.fit: nobody leaves",
        lambda: fit(cls=TimeVaryingBGNBD),
        "boundary",
    ),
    OK(
        "TimeVaryingParetoNBD.fit: a week at the very end",
        lambda: fit({"z": (np.arange(WEEKS) > 23) * 1.0}, purchase_covariates="z"),
        finite,
    ),
    OK(
        "TimeVaryingParetoNBD.probability_alive: a wild week",
        lambda: model().probability_alive(data(z(2, 50.0))),
        probability,
    ),
    E(
        "TimeVaryingParetoNBD.probability_alive: effects that are no numbers",
        lambda: model().probability_alive(data(z(2, 1e9))),
        "e^(coefficients times covariates)",
    ),
    E(
        "TimeVaryingParetoNBD.score: effects that are no numbers",
        lambda: model().score(data(z(2, -1e9))),
        "e^(coefficients times covariates)",
    ),
    E(
        "TimeVaryingParetoNBD.expected_purchases: beyond the covariates",
        lambda: model().expected_purchases(data(), "1y"),
        "reach until 2024-07-28",
    ),
    E(
        "TimeVaryingParetoNBD.expected_purchases: for ever",
        lambda: model().expected_purchases(data(), INF),
        "horizon",
    ),
    E(
        "TimeVaryingParetoNBD.expected_purchases: NaN",
        lambda: model().expected_purchases(data(), NAN),
        "horizon",
    ),
    E(
        "TimeVaryingParetoNBD.expected_purchases: backwards",
        lambda: model().expected_purchases(data(), -1),
        "horizon",
    ),
    OK(
        "TimeVaryingParetoNBD.expected_purchases: now",
        lambda: model().expected_purchases(data(), 0, interval=0.9).value,
        lambda v: bool((v == 0.0).all()),
    ),
    E(
        "TimeVaryingParetoNBD.expected_purchases: a new level",
        lambda: model().expected_purchases(data({"kind": ["d"] * WEEKS}), 1),
        "levels of the fit",
    ),
    E(
        "TimeVaryingParetoNBD.discounted_expected_purchases: a rate of -1",
        lambda: model().discounted_expected_purchases(data(), 1, -1.0),
        "discount_rate",
    ),
    E(
        "TimeVaryingParetoNBD.coefficients: a level of 1",
        lambda: model().coefficients(1.0),
        "level",
    ),
    OK(
        "time_varying: a frame without order",
        lambda: fit(
            {n: np.asarray(v)[::-1] for n, v in calendar().items()}, purchase_covariates="z"
        ),
        finite,
    ),
    OK(
        "time_varying: dates as timestamps",
        lambda: time_varying(log(), pd.DataFrame(calendar())),
        lambda d: len(d) == 120,
        ("monetary_value",),
    ),
]
