"""Lifetimes as they come: Kaplan-Meier and what is asked of its curve."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import cases_model_file as files
import numpy as np
import pandas as pd
from hostile import OK, Case, E, W

import tenure as tn

#: Undefined where the curve is 0, and said so in the docstring.
LIMITS = ("standard_error", "lower", "upper")


def km(duration: Any = (1.0, 2.0, 2.0, 3.0), churned: Any = (1, 1, 0, 0), **more: Any) -> Any:
    settings = {k: more.pop(k) for k in ("interval", "level") if k in more}
    return tn.churn.KaplanMeier(**settings).fit(duration, churned, **more)


def refused(about: str, says: str, **given: Any) -> Case:
    return E(f"KaplanMeier: {about}", lambda: km(**given), says)


def curve(about: str, survival: list[float], **given: Any) -> Case:
    def right(model: Any) -> bool:
        return np.allclose(model.curve_.survival, survival, rtol=0, atol=1e-15)

    return OK(f"KaplanMeier: {about}", lambda: km(**given), right, nan=LIMITS)


def same_in_another_unit() -> bool:
    rng = np.random.default_rng(1)
    days, gone = np.ceil(rng.exponential(100, 2000)), rng.random(2000) < 0.7
    a, b = km(days, gone).curve_, km(days * 86_400, gone).curve_
    return a.survival.tobytes() == b.survival.tobytes()


def stored(**change: Any) -> Any:
    """A saved model in which one value of the curve was replaced, with a right checksum."""
    parts = {
        "time": [1.0, 2.0], "at_risk": [4.0, 3.0], "churned": [1.0, 1.0], "survival": [0.75, 0.5],
        "standard_error": [0.2, 0.25], "lower": [0.1, 0.05], "upper": [0.96, 0.8],
        "greenwood": [0.08, 0.25],
    }  # fmt: skip
    parts.update({k: v for k, v in change.items() if k in parts})
    specs = [{"dtype": "<f8", "shape": [len(v)]} for v in parts.values()]
    state: dict[str, Any] = {name: {"$array": i} for i, name in enumerate(parts)}
    state["last_time"] = change.get("last_time", 3.0)
    root = {
        "$object": "churn.KaplanMeier",
        "params": change.get("params", {}),
        "state": {
            "curve_": {"$object": "churn.SurvivalCurve", "state": state},
            "warnings_": {"$tuple": []},
        },
    }
    body = b"".join(np.array(v, "<f8").tobytes() for v in parts.values())
    return files.load(files.sealed({"root": root, "arrays": specs}, body))


def impossible(about: str, **change: Any) -> Case:
    return E(f"KaplanMeier.load: {about}", lambda: stored(**change), "", "ModelFileError")


def saved_and_read() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "km.tenure")
        km().save(path)
        return bool(tn.load(path).curve_.survival.tolist() == [0.75, 0.5])


CASES = [
    # --- durations
    refused("no customers", "duration", duration=[], churned=[]),
    curve("one customer gone", [0.0], duration=[5.0], churned=[1]),
    OK(
        "KaplanMeier: one customer stays",
        lambda: km([5.0], [0]),
        lambda m: m.curve_.survival.size == 0 and m.median_ == math.inf,
    ),
    curve("70 all events at one time", [0.0], duration=[2.0] * 9, churned=[1] * 9),
    curve("everything at time 0", [0.5], duration=[0.0, 0.0], churned=[1, 0]),
    refused("71 negative duration", "duration[1]", duration=[1.0, -1.0], churned=[1, 0]),
    refused("NaN duration", "duration[0]", duration=[math.nan, 1.0], churned=[1, 0]),
    refused("missing duration", "duration[1]", duration=[1.0, None], churned=[1, 0]),
    refused("74 infinite duration", "duration[1]", duration=[1.0, math.inf], churned=[1, 0]),
    curve("-0.0 is 0.0", [0.5], duration=[-0.0, 0.0, 1.0, 1.0], churned=[1, 1, 0, 0]),
    curve("the shortest and the longest", [0.5, 0.0], duration=[5e-324, 1e308], churned=[1, 1]),
    curve(
        "83 times that differ by one bit are two times",
        [2 / 3, 1 / 3],
        duration=[1.0, 1.0 + 2**-52, 2.0],
        churned=[1, 1, 0],
    ),
    OK("KaplanMeier: 62 days or seconds", same_in_another_unit, bool),
    curve("numbers of every kind", [0.5], duration=np.array([1, 2], "i1"), churned=[True, False]),
    curve(
        "columns of pandas",
        [0.5],
        duration=pd.Series([1, 2], index=[9, 9], dtype="Int64"),
        churned=pd.Series([True, False], dtype="boolean"),
    ),
    refused("text durations", "duration must be numeric", duration=["1", "2"], churned=[1, 0]),
    refused("dates", "duration must be numeric", duration=pd.to_datetime(["2024-01-01"] * 2)),
    refused("two dimensions", "one-dimensional", duration=np.ones((2, 2)), churned=[1, 0]),
    refused("unequal lengths", "churned", duration=[1.0, 2.0], churned=[1]),
    refused("nothing at all", "one-dimensional", duration=None, churned=None),
    # --- flags
    refused("73 event 2", "churned[2] must be 0 or 1", duration=[1.0] * 3, churned=[0, 1, 2]),
    refused("73 events in words", "churned", duration=[1.0] * 2, churned=["yes", "no"]),
    refused("73 event NaN", "churned[1]", duration=[1.0] * 2, churned=[1, math.nan]),
    refused("73 event missing", "churned[0]", duration=[1.0] * 2, churned=[None, 1]),
    refused(
        "73 event masked",
        "churned[0]",
        duration=[1.0] * 2,
        churned=np.ma.array([True, False], mask=[1, 0]),
    ),
    # --- entry and weights
    refused("entry behind exit", "entry[1]", entry=[0.0, 2.5, 0.0, 0.0]),
    refused("negative entry", "entry[0]", entry=[-1.0, 0.0, 0.0, 0.0]),
    refused("entry NaN", "entry[2]", entry=[0.0, 0.0, math.nan, 0.0]),
    W(
        "KaplanMeier: everyone gone before others come",
        lambda: km([1.0, 5.0, 6.0], [1, 1, 0], entry=[0.0, 2.0, 2.0]),
        "the curve is 0 from there on",
        lambda m: m.warnings_ != () and m.curve_.survival[-1] == 0.0,
    ),
    curve(
        "86 weight 0 is no customer",
        [0.5],
        duration=[1.0, 2.0, 1.0],
        churned=[1, 0, 1],
        sample_weight=[1.0, 1.0, 0.0],
    ),
    refused("86 all weights 0", "sample_weight", sample_weight=[0.0] * 4),
    refused("86 negative weight", "sample_weight[3]", sample_weight=[1.0, 1.0, 1.0, -1.0]),
    refused("86 weight NaN", "sample_weight[0]", sample_weight=[math.nan, 1.0, 1.0, 1.0]),
    refused("86 infinite weight", "sample_weight[1]", sample_weight=[1.0, math.inf, 1.0, 1.0]),
    refused("86 weights whose sum overflows", "sample_weight", sample_weight=[1.7e308] * 4),
    # --- settings
    refused("unknown interval", "interval must be one of", interval="logit"),
    *[
        refused(f"level {level}", "level must", level=level)
        for level in (0, 1, 95, -0.5, math.nan, "95%", None)
    ],
    # --- what is asked of the curve
    E(
        "predict: before fit",
        lambda: tn.churn.KaplanMeier().predict([1.0]),
        "not fitted",
        "NotFittedError",
    ),
    E("predict: negative time", lambda: km().predict([-1.0]), "t[0]"),
    E("predict: NaN", lambda: km().predict([math.nan]), "t[0]"),
    OK("predict: no times", lambda: km().predict([]), lambda v: v.size == 0),
    E("predict: interval 95", lambda: km().predict([1.0], interval=95), "interval must"),
    E("quantile: above 1", lambda: km().quantile(1.5), "p"),
    E("quantile: NaN", lambda: km().quantile(math.nan), "p"),
    OK("quantile: never reached", lambda: km().quantile(0.9), lambda v: v == math.inf),
    E("restricted_mean: beyond what is known", lambda: km().restricted_mean(99.0), "until[0]"),
    E("restricted_mean: infinite", lambda: km().restricted_mean(math.inf), "until[0]"),
    E("restricted_mean: negative", lambda: km().restricted_mean(-1.0), "until[0]"),
    # --- files
    OK("KaplanMeier.load: what was saved", saved_and_read, bool),
    OK("KaplanMeier.load: the frame of the cases below", stored, lambda m: m.median_ == 2.0),
    impossible("98 survival NaN", survival=[math.nan, 0.5]),
    impossible("98 survival above 1", survival=[1.5, 0.5]),
    impossible("98 survival rises", survival=[0.5, 0.75]),
    impossible("98 times descend", time=[2.0, 1.0]),
    impossible("98 time NaN", time=[1.0, math.nan]),
    impossible("98 unequal lengths", time=[1.0, 2.0, 2.5]),
    impossible("98 negative variance", greenwood=[-1.0, 0.25]),
    impossible("98 last time before the last event", last_time=1.5),
    impossible("98 last time is a text", last_time="3"),
    impossible("98 level 7", params={"level": 7}),
    impossible("98 limits NaN", lower=[math.nan, 0.05]),
    impossible("98 negative risk set", at_risk=[-4.0, 3.0]),
]
