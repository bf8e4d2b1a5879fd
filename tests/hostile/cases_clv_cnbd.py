"""Customers that no paper has: NBD, BG/CNBD-k and MBG/CNBD-k."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from cases_clv import GOOD, possible, probability, rows
from hostile import OK, Case, E, W

import tenure as tn
from tenure.clv import BGCNBD, MBGCNBD, NBD

GAPS = [0.0, 3.0, 8.0, 1.0] * 25


def fit(data: Any = GOOD, gaps: Any = GAPS, k: Any = 2, kind: Any = MBGCNBD) -> Any:
    return kind(k).fit(data if gaps is None else {**data, "log_gaps": gaps})


@functools.cache
def cdnow() -> Any:
    orders = tn.datasets.load_cdnow(sample=True)
    log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    return log.summary(unit="week", end="1997-09-30", log_gaps=True)


@functools.cache
def model(k: int | None) -> Any:
    return MBGCNBD(k).fit(cdnow())


def refused(about: str, says: str, **more: Any) -> Case:
    return E(f"MBGCNBD: {about}", lambda: fit(**more), says)


def purchases(x: Any, t_x: Any, age: Any, horizon: float, k: int = 12) -> np.ndarray:
    return np.asarray(model(k).expected_purchases(rows(x, t_x, age), horizon))


def summary_of(days: list[str], collapse: Any, log_gaps: Any = True) -> Any:
    orders = {"who": [1] * len(days), "day": np.array(days, "datetime64[us]")}
    log = tn.EventLog(orders, customer="who", time="day")
    return log.summary(collapse=collapse, log_gaps=log_gaps)


CASES = [
    OK("MBGCNBD: k by likelihood", lambda: model(None), lambda m: m.k_ == 1),
    W(
        "MBGCNBD: four kinds of customers, k is 1 and needs no gaps",
        lambda: fit(gaps=None, k=1),
        "stopped without an optimum",
        lambda m: m.k_ == 1 and m.status_ == "boundary",
        "ConvergenceWarning",
    ),
    refused("no gaps", "log_gaps", gaps=None),
    refused("no gaps, and k is open", "log_gaps", gaps=None, k=None),
    refused("58 gaps NaN", "log_gaps[3]", gaps=[0.0, 3.0, 8.0, math.nan] * 25),
    refused("gaps infinite", "log_gaps[1]", gaps=[0.0, -math.inf, 8.0, 1.0] * 25),
    refused("gaps of a one-time buyer", "log_gaps[0]", gaps=[1.0, 3.0, 8.0, 1.0] * 25),
    refused("gaps of other length", "log_gaps has 3 rows", gaps=[0.0, 3.0, 8.0]),
    refused("gaps in words", "log_gaps", gaps=["short"] * 100),
    refused("k is 0", "k must", k=0),
    refused("k is 13", "k must", k=13),
    refused("k is 2.5", "k must", k=2.5),
    refused("k is NaN", "k must", k=math.nan),
    W(
        "MBGCNBD: nobody bought again",
        lambda: fit(rows([0] * 9, [0.0] * 9, [5.0] * 9), [0.0] * 9),
        "stopped without an optimum",
        lambda m: not m.converged_,
        "ConvergenceWarning",
    ),
    OK(
        "MBGCNBD: 50 a million purchases, alive",
        lambda: model(12).probability_alive(rows([10**6], [364.0], [365.0])),
        probability,
    ),
    OK(
        "MBGCNBD: 50 a million purchases to come",
        lambda: purchases([10**6], [364.0], [365.0], 39.0),
        possible,
    ),
    OK("MBGCNBD: 55 T = 1e300", lambda: purchases([1], [1.0], [1e300], 39.0), possible),
    OK("MBGCNBD: horizon 1e-300", lambda: purchases([3], [9.0], [39.0], 1e-300), possible),
    OK("MBGCNBD: horizon 1e300", lambda: purchases([3], [9.0], [39.0], 1e300), possible),
    E("MBGCNBD: horizon NaN", lambda: purchases([3], [9.0], [39.0], math.nan), "horizon must"),
    E(
        "BGCNBD: before the fit",
        lambda: BGCNBD(k=2).expected_purchases(GOOD, 9.0),
        "not fitted",
        "NotFittedError",
    ),
    OK("NBD: a hundred customers", lambda: NBD().fit(GOOD), lambda m: m.converged_),
    E(
        "NBD: for ever",
        lambda: NBD().fit(GOOD).expected_purchases(GOOD, math.inf),
        "nobody leaves",
    ),
    OK(
        "summary: log_gaps without collapse",
        lambda: summary_of(["2024-01-01T00:00:00", "2024-01-01T00:00:00.000001"], None).log_gaps,
        lambda gaps: bool(np.isfinite(gaps).all()),
    ),
    E(
        "summary: log_gaps in words",
        lambda: summary_of(["2024-01-01"], "day", "yes"),
        "log_gaps",
    ),
]
