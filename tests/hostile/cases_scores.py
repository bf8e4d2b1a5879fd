"""Scores of customers: parts of nonsense, tables without rows, files of impossible rulers."""

from __future__ import annotations

import math
from typing import Any

import cases_model_file as files
import numpy as np
from cases_lifecycle import a_log
from hostile import OK, Case, E

import tenure as tn
from tenure.lifecycle import HealthPart, HealthScore, LearnedLeadScore


def health(values: Any = (0.0, 1.0, 2.0), **settings: Any) -> Any:
    return HealthScore([HealthPart("x", **settings)]).fit_score({"x": values})


def banded(*bands: Any) -> Any:
    return HealthScore([HealthPart("x")], bands=bands).fit({"x": [1.0]})


def foretold(*dates: Any, horizon: Any = "10d", **more: Any) -> Any:
    fitted = HealthScore([HealthPart("days_since_last", cuts=[5])]).fit(a_log())
    return fitted.back_test(a_log(), list(dates), horizon, **more)


def a_file(**state: Any) -> Any:
    part = {"column": "x", "weight": 1.0, "healthy": "high", "cuts": None, "missing": None}
    root = {
        "$object": "lifecycle.HealthScore",
        "params": {"parts": [{"$object": "lifecycle.HealthPart", "state": part}]},
        "state": {
            "knots_": {"$tuple": [{"$array": 0}]},
            "ranks_": {"$tuple": [{"$array": 0}]},
            "n_customers_": 3,
            "_until": None,
            **state,
        },
    }
    body = np.array([0.25, 0.75]).tobytes()
    return files.load(
        files.sealed({"root": root, "arrays": [{"dtype": "<f8", "shape": [2]}]}, body)
    )


def bad_file(about: str, **state: Any) -> Case:
    return E(f"HealthScore: file with {about}", lambda: a_file(**state), "", "ModelFileError")


def leads(**settings: Any) -> Any:
    log = tn.datasets.simulate(400, funnel={}, visits=2, random_state=1).log()
    model = LearnedLeadScore("60d", **{"windows": ["30d"], "cv": 2, **settings})
    return model.fit(log, ["2024-06-30"]).score(log)


def no_leads() -> Any:
    """A score of a date before anybody came."""
    log = tn.datasets.simulate(400, funnel={}, visits=2, random_state=1).log()
    model = LearnedLeadScore("60d", windows=["30d"], cv=2).fit(log, ["2024-06-30"])
    return model.score(log, "2023-12-31")


#: Everybody or nobody churned, a band is empty, or nobody was warned.
UNKNOWN = ("auc", "lower", "upper", "rate", "median", "warned_share")

CASES: list[Case] = [
    OK("HealthScore: one customer", lambda: health([3.0]), lambda s: s.score.tolist() == [50.0]),
    OK(
        "HealthScore: numbers at the end of what there is",
        lambda: health([-1e308, 0.0, 1e308]),
        lambda s: bool((np.diff(s.score) > 0).all()),
    ),
    OK(
        "HealthScore: weight next to nothing",
        lambda: health(weight=5e-324),
        lambda s: bool((s.score <= 100).all()),
    ),
    OK(
        "HealthScore: a million customers",
        lambda: health(np.arange(1e6)),
        lambda s: bool((np.diff(s.score) > 0).all()),
    ),
    E("HealthScore: no rows", lambda: health([]), "at least one customer"),
    E("HealthScore: text", lambda: health(["a"]), "must be a number"),
    E("HealthScore: NaN", lambda: health([1.0, math.nan]), "no value in row 1"),
    E("HealthScore: infinite", lambda: health([1.0, math.inf]), "finite"),
    E("HealthScore: weight NaN", lambda: health(weight=math.nan), "weight of 'x'"),
    E("HealthScore: cuts that descend", lambda: health(cuts=[2, 1]), "ascend"),
    E("HealthScore: cuts of text", lambda: health(cuts="ab"), "cuts of 'x'"),
    E("HealthScore: no table", lambda: HealthScore([HealthPart("x")]).fit(3), "data frame"),
    E("HealthScore: bands NaN", lambda: banded(math.nan, 1), "bands"),
    E("HealthScore: three bands", lambda: banded(1, 2, 3), "two scores"),
    OK(
        "HealthScore: back-test",
        lambda: foretold("2024-01-15"),
        lambda t: len(t.auc) == 1,
        nan=UNKNOWN,
    ),
    E("HealthScore: no date", lambda: foretold(), "at least one date"),
    E("HealthScore: horizon behind the log", lambda: foretold("2024-03-30"), "observed until"),
    E("HealthScore: dates descend", lambda: foretold("2024-02-01", "2024-01-15"), "ascend"),
    E(
        "HealthScore: threshold NaN",
        lambda: foretold("2024-01-15", threshold=math.nan),
        "threshold",
    ),
    E("HealthScore: level 1", lambda: foretold("2024-01-15", level=1.0), "level"),
    OK("HealthScore: a file", a_file, lambda m: m.n_customers_ == 3),
    bad_file("no rulers", knots_={"$tuple": []}),
    bad_file("rulers of text", knots_={"$tuple": ["a"]}),
    bad_file("a count of text", n_customers_="3"),
    bad_file("a date of text", _until="now"),
    bad_file("one attribute more", more=1),
    OK("LearnedLeadScore: leads", leads, lambda s: bool(np.isfinite(s.score).all())),
    OK("LearnedLeadScore: nobody", no_leads, lambda s: len(s) == 0),
    OK(
        "LearnedLeadScore: points next to nothing",
        lambda: leads(pdo=5e-324),
        lambda s: bool((s.score == s.score[0]).all()),
    ),
    E(
        "LearnedLeadScore: no log",
        lambda: LearnedLeadScore(30).fit([1], ["2024-06-30"]),
        "EventLog",
    ),
    E(
        "LearnedLeadScore: orders only",
        lambda: LearnedLeadScore(30).fit(a_log(), ["2024-01-15"]),
        "no orders",
    ),
    E("LearnedLeadScore: pdo NaN", lambda: leads(pdo=math.nan), "pdo"),
    E("LearnedLeadScore: odds of 0", lambda: leads(base_odds=0), "base_odds"),
    E("LearnedLeadScore: no columns", lambda: leads(columns=[]), "must name a feature"),
    E("LearnedLeadScore: a column twice", lambda: leads(columns=["events_30d"] * 2), "twice"),
    E("LearnedLeadScore: a column with NaN", lambda: leads(columns=["mean_gap"]), "mean_gap"),
    E("LearnedLeadScore: cv of 1", lambda: leads(cv=1), "cv"),
]
