"""Contests and checks of models on hold-outs that no paper has."""

from __future__ import annotations

import datetime as dt
import functools
from typing import Any

import numpy as np
from cases_clv import cdnow
from hostile import OK, Case, E, W

import tenure as tn
from tenure.clv import BGNBD, MBGNBD, ParetoNBD


@functools.cache
def log() -> tn.EventLog:
    orders = tn.datasets.load_cdnow(sample=True)
    return tn.EventLog(orders, customer="customer_id", time="date", amount="amount")


@functools.cache
def holdout() -> Any:
    return log().calibration_holdout("1997-09-30")


@functools.cache
def model() -> ParetoNBD:
    return ParetoNBD().fit(cdnow())


def small(days: list[int], who: list[Any], until: str = "2024-03-01") -> tn.EventLog:
    dates = [dt.date(2024, 1, 1) + dt.timedelta(days=d) for d in days]
    frame = {"who": who, "date": dates}
    return tn.EventLog(frame, customer="who", time="date", observed_until=until)


def bots() -> tn.EventLog:
    """Two hundred quiet customers, and one who orders on every day."""
    days = list(range(300)) + [k % 290 for k in range(200)] + [k % 290 + 5 for k in range(100)]
    who = [0] * 300 + list(range(1, 201)) + list(range(1, 101))
    return small(days, who, "2024-10-27")


def contest(given: Any = None, models: Any = None, **more: Any) -> Any:
    models = [BGNBD(), ParetoNBD()] if models is None else models
    return tn.clv.compare(log() if given is None else given, models, **more)


def refused(about: str, says: str, **given: Any) -> Case:
    return E(f"compare: {about}", lambda: contest(**{"cut": "1997-09-30"} | given), says)


def finite(c: Any) -> bool:
    return bool(np.isfinite(c.log_score).all() and np.isfinite(c.crps).all())


CASES = [
    OK("compare: the sample", lambda: contest(holdout()), finite),
    W(
        "compare: one customer",
        lambda: contest(small([0, 9, 30], [1, 1, 1]), cut="2024-01-20"),
        "stopped without an optimum",
        lambda c: c.winner is None and "no fit converged" in repr(c),
        "ConvergenceWarning",
    ),
    W(
        "compare: nobody comes back",
        lambda: contest(small([0, 5, 9, 12], [1, 2, 3, 4]), cut="2024-01-20"),
        "stopped without an optimum",
        lambda c: c.winner is None,
        "ConvergenceWarning",
    ),
    OK(
        "compare: a customer who orders daily",
        lambda: contest(bots(), [MBGNBD()], cut="2024-06-30", unit="day"),
        lambda c: finite(c) and c.actual > 100,
        nan=("difference", "standard_error", "margin", "log_covariance_", "hessian_eigenvalues_"),
    ),
    refused("no models", "models must name at least one", models=[]),
    refused("a class", "models[0] must be a model", models=[BGNBD]),
    refused("a spend model", "models[0] must be a model", models=[tn.clv.GammaGamma()]),
    refused("two of a name", "two models called BGNBD", models=[BGNBD(), BGNBD()]),
    refused("no cut", "cut is needed", cut=None),
    refused("a cut behind the log", "cut", cut="2030-01-01"),
    refused("a cut before it", "no customers", cut="1996-12-31"),
    refused("an end before the cut", "end", end="1997-01-31"),
    refused("no time to judge by", "length 0", end="1997-09-30"),
    refused("a level of 1", "level must be", level=1),
    E("compare: a frame", lambda: contest({"a": [1]}, cut="1997-09-30"), "must be an EventLog"),
    OK(
        "calibration: the sample",
        lambda: tn.clv.calibration(model(), holdout()),
        lambda c: bool((c.observed > 0.8).all()),
    ),
    E(
        "calibration: not fitted",
        lambda: tn.clv.calibration(BGNBD(), holdout()),
        "not fitted",
        "NotFittedError",
    ),
    E(
        "calibration: a summary",
        lambda: tn.clv.calibration(model(), cdnow()),
        "must be a CalibrationHoldout",
    ),
    E(
        "calibration: levels that fall",
        lambda: tn.clv.calibration(model(), holdout(), levels=[0.9, 0.5]),
        "levels must be ascending",
    ),
    E(
        "calibration: a level that is NaN",
        lambda: tn.clv.calibration(model(), holdout(), levels=[float("nan")]),
        "levels[0] must be",
    ),
    OK(
        "conditional_expectation_by_frequency: one group",
        lambda: model().conditional_expectation_by_frequency(
            small([0, 3], [1, 2]).calibration_holdout("2024-01-20")
        ),
        lambda t: t.group == ("0",) and t.customers.tolist() == [2],
        nan=("lower", "upper"),
    ),
    E(
        "probability_alive_matrix: too large",
        lambda: model().probability_alive_matrix(max_frequency=10**6, max_recency=10**6),
        "cells is too large",
    ),
    E(
        "probability_alive_matrix: an endless age",
        lambda: model().probability_alive_matrix(max_frequency=3, max_recency=float("inf")),
        "max_recency must be finite",
    ),
    E(
        "frequency_recency_matrix: no customers",
        lambda: model().frequency_recency_matrix({"frequency": [], "recency": [], "T": []}),
        "no customers",
    ),
    OK(
        "frequency_recency_matrix: an hour",
        lambda: model().frequency_recency_matrix(max_frequency=1, max_recency=0.005),
        lambda m: m.value.shape == (2, 2),
        nan=("value",),
    ),
    E("history_alive: a stranger", lambda: model().history_alive(log(), -1), "is not in the log"),
    E("history_alive: a list", lambda: model().history_alive(log(), [1]), "is not in the log"),
    OK(
        "history_alive: one day",
        lambda: model().history_alive(small([0], [7], "2024-01-01"), 7),
        lambda h: len(h) == 1 and h.probability_alive.tolist() == [1.0],
    ),
    E(
        "spend_frequency_check: one customer",
        lambda: tn.clv.spend_frequency_check({"frequency": [3], "monetary_value": [2.0]}),
        "two are needed",
    ),
    E(
        "spend_frequency_check: an infinite amount",
        lambda: tn.clv.spend_frequency_check(
            {"frequency": [3, 1], "monetary_value": [2.0, np.inf]}
        ),
        "monetary_value[1]",
    ),
    OK(
        "spend_frequency_check: huge and tiny amounts",
        lambda: tn.clv.spend_frequency_check(
            {"frequency": [1, 2, 3, 9], "monetary_value": [1e-300, 1e150, 1e-5, 3e150]}
        ),
        lambda c: -1.0 <= c.pearson <= 1.0,
        nan=("lower", "upper"),
    ),
    OK(
        "spend_frequency_check: no weight",
        lambda: tn.clv.spend_frequency_check(
            {"frequency": [1, 2, 3], "monetary_value": [1.0, 5.0, 2.0], "weight": [1, 0, 1]}
        ),
        lambda c: c.n_customers == 2.0 and c.n_excluded == 1,
        nan=("lower", "upper", "pearson_limits", "spearman_limits", "pearson_p", "spearman_p"),
    ),
]
