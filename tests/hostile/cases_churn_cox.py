"""Regressions of lifetimes as they come: Cox, its penalised path, concordance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from hostile import OK, Case, E, W

import tenure as tn

RNG = np.random.default_rng(5)
N = 40
X = RNG.normal(size=(N, 2))
DURATION = np.ceil(RNG.exponential(6.0, N))
CHURNED = (np.arange(N) % 3 > 0).astype(int)


def cox(**given: Any) -> Any:
    names = ("ties", "penalty", "robust", "level", "max_iter", "tol", "on_failure", "n_threads")
    settings = {k: given.pop(k) for k in names if k in given}
    data = {"X": X, "duration": DURATION, "churned": CHURNED, **given}
    return tn.churn.CoxPH(**settings).fit(**data)


def net(**given: Any) -> Any:
    names = ("l1_ratio", "penalties", "n_penalties", "least", "penalty_factor", "tol", "max_iter")
    settings = {k: given.pop(k) for k in names if k in given}
    data = {"X": X, "duration": DURATION, "churned": CHURNED, **given}
    return tn.churn.CoxNet(**settings).fit(**data)


def refused(about: str, says: str, **given: Any) -> Case:
    return E(f"CoxPH: {about}", lambda: cox(**given), says)


def fits(about: str, **given: Any) -> Case:
    return OK(f"CoxPH: {about}", lambda: cox(**given), sound)


def sound(model: Any) -> bool:
    numbers = model.coef_, model.standard_errors_, model.baseline_.cumulative_hazard
    return bool(model.converged_ and all(np.isfinite(n).all() for n in numbers))


def with_column(values: Any) -> Any:
    return np.column_stack([X, values])


def loyal() -> Any:
    """A column that only those have who stay."""
    return with_column((CHURNED == 0) & (np.arange(N) > 9))


def monotone(model: Any) -> bool:
    return model.status_ == "monotone_likelihood" and not model.converged_ and model.warnings_ != ()


ONE_HOT = np.eye(3)[np.arange(N) % 3]
ROW_OF_NAN = X.copy()
ROW_OF_NAN[7, 1] = math.nan

CASES = [
    fits("as it should be"),
    fits("70 all churn at one time", duration=np.full(N, 5.0)),
    fits("all at one time, Breslow", duration=np.full(N, 5.0), ties="breslow"),
    fits("82 nearly all tied", duration=np.minimum(DURATION, 3.0)),
    fits("everyone churned", churned=np.ones(N)),
    fits("time 0", duration=DURATION - 1.0),
    fits("times in seconds since 1970", duration=DURATION * 86_400 + 1.7e9),
    fits("the shortest times", duration=DURATION * 5e-324),
    fits("a column of 1e100 and one of 1e-90", X=X * [1e50, 1e-90]),
    fits("a far mean", X=X + 1e9),
    fits("float32", X=X.astype(np.float32)),
    fits("a frame with an odd index", X=pd.DataFrame(X, index=[0] * N, columns=["a", "b"])),
    fits("86 weight 0", sample_weight=np.r_[np.zeros(5), np.ones(N - 5)]),
    fits("85 strata of one row", strata=["alone", *["rest"] * (N - 1)]),
    fits("a stratum where nobody churned", strata=np.where(CHURNED == 0, "stay", "go")),
    fits("an enormous offset", offset=np.full(N, 1e6)),
    fits("every row a cluster", clusters=np.arange(N)),
    fits("tiny weights", sample_weight=np.full(N, 1e-200)),
    fits("late entries", entry=DURATION - 1.0),
    W(
        "CoxPH: 76 separation",
        lambda: cox(X=loyal()),
        "'x2' goes to -infinity",
        monotone,
        kind="ConvergenceWarning",
    ),
    W(
        "CoxPH: 77 separation, exact ties",
        lambda: cox(X=loyal(), ties="exact"),
        "penalty='firth'",
        monotone,
        kind="ConvergenceWarning",
    ),
    OK(
        "CoxPH: 76 separation with Firth's penalty",
        lambda: cox(X=loyal(), penalty="firth"),
        lambda m: m.converged_ and -20 < m.coef_[2] < 0,
    ),
    E(
        "CoxPH: 76 separation, raised",
        lambda: cox(X=loyal(), on_failure="raise"),
        "x2",
        "NotConvergedError",
    ),
    refused("no rows", "0 sample(s)", X=np.empty((0, 2)), duration=[], churned=[]),
    refused("no columns", "0 feature(s)", X=np.empty((N, 0))),
    refused("nobody churned", "nobody churned", churned=np.zeros(N)),
    refused("79 a constant column", "'x2'] is 3 in every row", X=with_column(np.full(N, 3.0))),
    refused("79 a copy", "'x0', 'x2' are linearly dependent", X=with_column(X[:, 0])),
    refused("79 a rescaled copy", "'x1', 'x2' are linearly", X=with_column(1e9 * X[:, 1] + 5)),
    refused("79 all dummies", "'x2', 'x3', 'x4' are linearly", X=with_column(ONE_HOT)),
    refused(
        "constant within strata",
        "'x2' does not vary among those at risk",
        X=with_column(np.arange(N) % 2),
        strata=np.arange(N) % 2,
    ),
    refused("80 more columns than rows", "50 columns for 40 rows", X=RNG.normal(size=(N, 50))),
    refused("a column of 1e300", "another unit", X=with_column(1e300 * X[:, 0] ** 2)),
    refused("89 NaN", "X[7, 1] must be finite", X=ROW_OF_NAN),
    refused("text", "must hold numbers", X=[["a", "b"]] * N),
    refused("one dimension", "2D", X=np.arange(N)),
    refused("71 negative duration", "duration[0]", duration=-DURATION),
    refused("74 infinite duration", "duration[0]", duration=np.full(N, math.inf)),
    refused("73 event 2", "churned[2]", churned=np.arange(N) % 3),
    refused("unequal lengths", "duration", duration=DURATION[1:]),
    refused("entry behind exit", "entry[0]", entry=DURATION + 1.0),
    refused("86 all weights 0", "sample_weight", sample_weight=np.zeros(N)),
    refused("86 negative weight", "sample_weight[0]", sample_weight=-np.ones(N)),
    refused("exact ties with weights", "sample_weight", ties="exact", sample_weight=np.arange(N)),
    refused("offset -1e300", "offset[0]", offset=np.full(N, -1e300)),
    refused("one offset -1e300", "offset[3]", offset=np.where(np.arange(N) == 3, -1e300, 0.0)),
    refused("one offset far below", "at most 700", offset=np.where(np.arange(N) == 3, -800.0, 0.0)),
    refused("one offset far above", "at most 700", offset=np.where(np.arange(N) == 3, 1e5, 0.0)),
    E("CoxNet: offset -1e300", lambda: net(offset=np.full(N, -1e300)), "offset[0]"),
    refused("offset NaN", "offset[0]", offset=np.full(N, math.nan)),
    refused("a missing stratum", "strata[1]", strata=["a", None, *["b"] * (N - 2)]),
    refused("112 threads 0", "n_threads", n_threads=0),
    E(
        "CoxPH.predict: before fit",
        lambda: tn.churn.CoxPH().predict(X),
        "not fitted",
        "NotFittedError",
    ),
    E("CoxPH.predict: NaN", lambda: cox().predict(ROW_OF_NAN), "X[7, 1] must be finite"),
    E("CoxPH.predict: other columns", lambda: cox().predict(X[:, :1]), "expecting 2 features"),
    E(
        "CoxPH.predict_survival: a stratum not seen",
        lambda: cox(strata=np.arange(N) % 2).predict_survival(X, [1.0], strata=np.full(N, 7)),
        "which the fit has not seen",
    ),
    E(
        "CoxPH.predict_survival: NaN time",
        lambda: cox().predict_survival(X, [math.nan]),
        "times[0]",
    ),
    E(
        "CoxPH.predict_survival: tenure inf",
        lambda: cox().predict_survival(X, [1.0], after=np.full(N, math.inf)),
        "after[0]",
    ),
    OK(
        "CoxPH.predict_survival: enormous covariates",
        lambda: cox().predict_survival(1e5 * X, [1.0, 2.0]),
        lambda s: bool(((s >= 0) & (s <= 1)).all()),
    ),
    OK(
        "CoxPH.predict_survival: no times",
        lambda: cox().predict_survival(X, []),
        lambda s: s.shape == (N, 0),
    ),
    E("CoxPH.predict_quantile: 1", lambda: cox().predict_quantile(X, 1.0), "p must"),
    E("CoxPH.residuals: unknown", lambda: cox().residuals("pearson"), "kind must be one of"),
    E("CoxPH.residuals: exact ties", lambda: cox(ties="exact").residuals(), "exact ties"),
    OK("CoxNet: as it should be", net, lambda m: m.converged_),
    OK(
        "CoxNet: 80 more columns than rows",
        lambda: net(X=RNG.normal(size=(N, 50))),
        lambda m: m.converged_ and bool(np.isfinite(m.coef_path_).all()),
    ),
    OK("CoxNet: 79 copies", lambda: net(X=np.hstack([X, X])), lambda m: m.converged_),
    OK("CoxNet: 76 separation", lambda: net(X=loyal()), lambda m: m.converged_),
    E("CoxNet: nobody churned", lambda: net(churned=np.zeros(N)), "nobody churned"),
    E("CoxNet: penalty NaN", lambda: net(penalties=[math.nan]), "penalties"),
    OK(
        "concordance_index: no pairs",
        lambda: tn.churn.concordance_index([1, 1], [0, 0], [1, 2]),
        lambda c: math.isnan(c.value),
        nan=("value", "standard_error", "lower", "upper"),
    ),
    E(
        "concordance_index: NaN",
        lambda: tn.churn.concordance_index([1, 2], [1, 0], [1, math.nan]),
        "score[1]",
    ),
]
