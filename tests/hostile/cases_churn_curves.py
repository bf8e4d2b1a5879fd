"""Lifetimes as they come: causes, intervals, tests of groups, and regressions."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pandas as pd
from hostile import OK, Case, E, W

import tenure as tn

X = [[0.1], [0.7], [0.3], [0.9], [0.5], [0.2]]
TIME = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
GONE = (1, 0, 1, 1, 1, 0)
CAUSE = (1, 2, 1, 0, 1, 2)
MONTHS = (1, 2, 3, 3, 2, 3)
INFINITE = math.inf


def aj(duration: Any = TIME, cause: Any = CAUSE, **more: Any) -> Any:
    return tn.churn.AalenJohansen().fit(duration, cause, **more)


def aft(x: Any = X, duration: Any = TIME, churned: Any = GONE, **more: Any) -> Any:
    settings = {k: more.pop(k) for k in ("distribution", "n_threads", "robust") if k in more}
    return tn.churn.AFT(**settings).fit(x, duration, churned, **more)


def fine_gray(
    x: Any = X,
    duration: Any = TIME,
    cause: Any = CAUSE,
    of: Any = 1,
    weight: Any = None,
    entry: Any = None,
) -> Any:
    return tn.churn.FineGray(of).fit(x, duration, cause, entry, weight)


def by_cause(x: Any = X, duration: Any = TIME, cause: Any = (1, 2, 1, 1, 2, 2), **more: Any) -> Any:
    return tn.churn.CauseSpecificCox().fit(x, duration, cause, **more)


def renew(x: Any = X, duration: Any = MONTHS, churned: Any = GONE, **more: Any) -> Any:
    return tn.churn.DiscreteTimeHazard(period="constant").fit(x, duration, churned, **more)


def turnbull(lower: Any, upper: Any, **more: Any) -> Any:
    return tn.churn.Turnbull().fit(lower, upper, **more)


def shifted(**change: Any) -> Any:
    """A model in a file whose values were changed, read again."""
    model = aft()
    for name, value in change.items():
        setattr(model, name, value)
    return pickle.loads(pickle.dumps(model))


def refused(about: str, says: str, call: Any) -> Case:
    return E(about, call, says)


def scale_of_units() -> bool:
    days, seconds = aft(), aft(duration=np.multiply(TIME, 86_400.0))
    return bool(np.allclose(days.coef_, seconds.coef_, rtol=1e-7))


CASES = [
    # --- causes
    refused("AalenJohansen: nobody", "", lambda: aj([], [])),
    refused("AalenJohansen: nobody left", "names no cause", lambda: aj(TIME, [0] * 6)),
    refused("AalenJohansen: cause -1", "cause[1]", lambda: aj([1.0, 2.0], [1, -1])),
    refused("AalenJohansen: cause 1.5", "cause[1]", lambda: aj([1.0, 2.0], [1, 1.5])),
    refused("AalenJohansen: cause NaN among numbers", "cause[1]", lambda: aj([1, 2], [1, None])),
    refused("AalenJohansen: words and numbers", "cause[1]", lambda: aj([1, 2], ["a", 1])),
    refused("AalenJohansen: 74 infinite", "duration[0]", lambda: aj([INFINITE, 1.0], [1, 1])),
    refused("AalenJohansen: unequal", "cause", lambda: aj(TIME, [1, 0])),
    refused("AalenJohansen: 2000 causes", "1024", lambda: aj(np.arange(2000.0), np.arange(2000))),
    OK(
        "AalenJohansen: causes in words",
        lambda: aj([1, 2, 3], pd.Series(["a", None, "b"])),
        lambda m: m.causes_ == ("a", "b"),
    ),
    OK(
        "AalenJohansen: 70 everyone at one time",
        lambda: aj([2.0] * 6),
        lambda m: np.allclose(m.curves_.incidence, [[0.5, 1 / 3]]),
    ),
    refused(
        "NelsonAalen: 71 negative",
        "duration[1]",
        lambda: tn.churn.NelsonAalen().fit([1, -1], [1, 1]),
    ),
    OK(
        "NelsonAalen: one customer stays",
        lambda: tn.churn.NelsonAalen().fit([5.0], [0]),
        lambda m: m.predict([1.0]).tolist() == [0.0],
    ),
    # --- intervals
    refused("Turnbull: nobody", "lower", lambda: turnbull([], [])),
    refused("Turnbull: upper below lower", "upper[0]", lambda: turnbull([2.0], [1.0])),
    refused("Turnbull: NaN", "upper[1]", lambda: turnbull([1.0, 1.0], [2.0, math.nan])),
    refused("Turnbull: infinite lower", "lower[0]", lambda: turnbull([INFINITE], [INFINITE])),
    refused("Turnbull: 86 weights 0", "weight", lambda: turnbull([1], [2], sample_weight=[0.0])),
    OK(
        "Turnbull: nothing is known of anyone",
        lambda: turnbull([0.0] * 3, [INFINITE] * 3),
        lambda m: m.converged_ and m.curve_.mass.tolist() == [1.0],
    ),
    OK(
        "Turnbull: the shortest and the longest",
        lambda: turnbull([0.0, 1e308], [5e-324, INFINITE]),
        lambda m: np.allclose(m.curve_.mass, 0.5),
    ),
    # --- tests
    refused(
        "log_rank: weight NaN",
        "sample_weight[5]",
        lambda: tn.churn.log_rank(TIME, GONE, list("ababab"), sample_weight=[1.0] * 5 + [math.nan]),
    ),
    refused(
        "log_rank: weights of half a customer",
        "sample_weight[0] must be a whole number",
        lambda: tn.churn.log_rank(
            TIME, GONE, list("ababab"), sample_weight=[0.5] * 6, variance="model"
        ),
    ),
    OK(
        "log_rank: one customer has all the weight",
        lambda: tn.churn.log_rank(TIME, GONE, list("ababab"), sample_weight=[1.0] * 5 + [1e60]),
        lambda t: 0.0 <= t.p_value <= 1.0,
    ),
    refused("log_rank: nobody", "duration", lambda: tn.churn.log_rank([], [], [])),
    refused(
        "log_rank: missing group",
        "group[1]",
        lambda: tn.churn.log_rank([1, 2], [1, 1], ["a", None]),
    ),
    OK(
        "log_rank: one group",
        lambda: tn.churn.log_rank(TIME, GONE, ["a"] * 6),
        lambda t: t.df == 0 and t.p_value == 1.0,
    ),
    # --- accelerated failure time
    refused("AFT: 71 negative duration", "duration[0]", lambda: aft(duration=(-1.0, *TIME[1:]))),
    refused("AFT: churn at 0", "duration[0] must be > 0", lambda: aft(duration=(0.0, *TIME[1:]))),
    refused("AFT: 74 infinite", "duration[5]", lambda: aft(duration=(*TIME[:5], INFINITE))),
    refused("AFT: 73 event 2", "churned[1]", lambda: aft(churned=(1, 2, 0, 0, 0, 0))),
    refused("AFT: X NaN", "X[1", lambda: aft(x=[[0.1], [math.nan], *X[2:]])),
    refused("AFT: X infinite", "X[0", lambda: aft(x=[[INFINITE], *X[1:]])),
    refused("AFT: 79 duplicate column", "determined by", lambda: aft(x=np.hstack([X, X]))),
    refused(
        "AFT: 79 rescaled column",
        "determined by",
        lambda: aft(x=np.hstack([X, np.multiply(X, -3)])),
    ),
    refused(
        "AFT: 79 full dummies",
        "determined by",
        lambda: aft(x=[[1, 0], [1, 0], [0, 1], [0, 1], [1, 0], [0, 1]]),
    ),
    refused("AFT: constant column", "does not vary", lambda: aft(x=np.ones((6, 1)))),
    refused("AFT: 80 p > n", "too many", lambda: aft(x=np.eye(6))),
    refused("AFT: 86 weight NaN", "weight[0]", lambda: aft(sample_weight=[math.nan] + [1.0] * 5)),
    refused("AFT: 86 all weights 0", "", lambda: aft(sample_weight=[0.0] * 6)),
    refused("AFT: entry after exit", "entry[0]", lambda: aft(entry=[3.0] + [0.0] * 5)),
    refused("AFT: 112 threads 0", "n_threads", lambda: aft(n_threads=0)),
    OK("AFT: 62 days or seconds", scale_of_units, bool),
    W(
        "AFT: nobody churned",
        lambda: aft(churned=[0] * 6),
        "did not converge",
        lambda m: not m.converged_,
    ),
    W(
        "AFT: 76 churn only where x is 1",
        lambda: aft(x=[[1], [0], [1], [1], [1], [0]]),
        "did not converge",
        lambda m: not m.converged_,
    ),
    E("AFT: before fit", lambda: tn.churn.AFT().predict(X), "not fitted", "NotFittedError"),
    refused("AFT.predict_survival: NaN", "t", lambda: aft().predict_survival(X, [math.nan])),
    refused("AFT.predict_quantile: 2", "p", lambda: aft().predict_quantile(X, 2.0)),
    E("AFT.load: scale -1", lambda: shifted(scale_=-1.0), "", "ModelFileError"),
    E("AFT.load: coef NaN", lambda: shifted(coef_=np.array([math.nan])), "", "ModelFileError"),
    E("AFT.load: other terms", lambda: shifted(terms_=("a",)), "", "ModelFileError"),
    # --- Fine-Gray
    refused("FineGray: cause not seen", "nobody left", lambda: fine_gray(of="price")),
    refused("FineGray: weight NaN", "sample_weight[0]", lambda: fine_gray(weight=[math.nan] * 6)),
    refused("FineGray: weights 0", "positive weight", lambda: fine_gray(weight=np.zeros(6))),
    refused(
        "FineGray: weight 1e308", "sample_weight[0]", lambda: fine_gray(weight=np.full(6, 1e308))
    ),
    refused("FineGray: entry NaN", "entry[5]", lambda: fine_gray(entry=[0.0] * 5 + [math.nan])),
    refused(
        "FineGray: entry after all have left",
        "others are under observation",
        lambda: fine_gray(entry=[0.0, 0.0, 2.5, 3.5, 4.5, 5.5]),
    ),
    refused("FineGray: X NaN", "X[0", lambda: fine_gray(x=[[math.nan], *X[1:]])),
    refused("FineGray: 79 duplicate", "determined by", lambda: fine_gray(x=np.hstack([X, X]))),
    W(
        "FineGray: 76 the cause only where x is 1",
        lambda: fine_gray(x=[[1], [0], [1], [0], [1], [0]]),
        "did not converge",
        lambda m: not m.converged_,
    ),
    # --- a Cox regression for each cause
    OK("CauseSpecificCox: as it should be", by_cause, lambda m: m.converged_),
    refused("CauseSpecificCox: nobody left", "names no cause", lambda: by_cause(cause=[0] * 6)),
    refused(
        "CauseSpecificCox: weights NaN",
        "sample_weight[5]",
        lambda: by_cause(sample_weight=[1.0] * 5 + [math.nan]),
    ),
    refused(
        "CauseSpecificCox: a cause of weight 0",
        "positive weight",
        lambda: by_cause(sample_weight=[1.0, 0.0, 1.0, 1.0, 0.0, 0.0]),
    ),
    refused("CauseSpecificCox: X NaN", "X[0", lambda: by_cause(x=[[math.nan], *X[1:]])),
    refused("CauseSpecificCox: short", "duration", lambda: by_cause(duration=TIME[:5])),
    refused("CauseSpecificCox: short cause", "cause has 5 rows", lambda: by_cause(cause=CAUSE[:5])),
    W(
        "CauseSpecificCox: 76 the cause only where x is 1",
        lambda: by_cause(x=[[1], [0], [1], [1], [0], [0]]),
        "cause 1: ",
        lambda m: not m.converged_,
    ),
    OK(
        "CauseSpecificCox: a risk beyond all numbers",
        lambda: by_cause().predict_incidence([[1e5], [-1e5]], [3.0]),
        lambda f: bool(((f >= 0.0) & (f <= 1.0)).all()),
    ),
    refused(
        "CauseSpecificCox: times NaN",
        "times[0]",
        lambda: by_cause().predict_incidence(X, [math.nan]),
    ),
    # --- renewals
    refused(
        "DiscreteTimeHazard: period 0", "duration[0]", lambda: renew(duration=(0, *MONTHS[1:]))
    ),
    refused("DiscreteTimeHazard: half", "duration[0]", lambda: renew(duration=(0.5, *MONTHS[1:]))),
    refused("DiscreteTimeHazard: nobody left", "nobody left", lambda: renew(churned=[0] * 6)),
    refused("DiscreteTimeHazard: entry", "entry[0]", lambda: renew(entry=[1, 0, 0, 0, 0, 0])),
]
