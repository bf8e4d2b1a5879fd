"""Logistic regressions as they come: separation, odd columns, odd labels, odd settings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from hostile import OK, Case, E, W

import tenure as tn

RNG = np.random.default_rng(5)
N = 60
X = RNG.normal(size=(N, 2))
Y = (RNG.random(N) < 1.0 / (1.0 + np.exp(-X[:, 0]))).astype(int)


def logistic(**given: Any) -> Any:
    data = {
        k: given.pop(k) for k in ("X", "y", "sample_weight", "offset", "clusters") if k in given
    }
    return tn.churn.LogisticRegression(**given).fit(**{"X": X, "y": Y, **data})


def net(**given: Any) -> Any:
    data = {k: given.pop(k) for k in ("X", "y", "sample_weight", "offset") if k in given}
    return tn.churn.LogisticNet(**given).fit(**{"X": X, "y": Y, **data})


def refused(about: str, says: str, **given: Any) -> Case:
    return E(f"LogisticRegression: {about}", lambda: logistic(**given), says)


def fits(about: str, **given: Any) -> Case:
    return OK(f"LogisticRegression: {about}", lambda: logistic(**given), sound)


def separated(about: str, says: str, status: str, **given: Any) -> Case:
    return W(
        f"LogisticRegression: {about}",
        lambda: logistic(**given),
        says,
        lambda m: m.status_ == status and not m.converged_ and m.standard_errors_ is None,
        kind="ConvergenceWarning",
    )


def sound(model: Any) -> bool:
    numbers = model.coef_, model.intercept_, model.standard_errors_
    return bool(model.converged_ and all(np.isfinite(n).all() for n in numbers))


def with_column(values: Any) -> Any:
    return np.column_stack([X, values])


LOYAL = with_column((Y == 0) & (np.arange(N) > 9))  # a column that only those have who stay
ONE_HOT = np.eye(3)[np.arange(N) % 3]
ROW_OF_NAN = X.copy()
ROW_OF_NAN[7, 1] = math.nan

CASES = [
    fits("as it should be"),
    fits("booleans", y=Y == 1),
    fits("texts", y=np.where(Y == 1, "gone", "here")),
    fits("objects", y=np.where(Y == 1, "gone", "here").astype(object)),
    fits("a column of labels as floats", y=Y.astype(float)),
    fits("labels -1 and 1", y=2 * Y - 1),
    fits("a column of 1e100 and one of 1e-90", X=X * [1e90, 1e-90]),
    fits("a far mean", X=X + 1e9),
    fits("an outlier in the first row", X=np.vstack([X[:1] * 1e6, X[1:]])),
    fits("float32", X=X.astype(np.float32)),
    fits("integers", X=np.round(10 * X).astype(int)),
    fits("a frame with an odd index", X=pd.DataFrame(X, index=[0] * N, columns=["a", "b"])),
    fits("columns in Fortran's order", X=np.asfortranarray(X)),
    fits("weight 0", sample_weight=np.r_[np.zeros(5), np.ones(N - 5)]),
    fits("tiny weights", sample_weight=np.full(N, 1e-200)),
    fits("enormous weights", sample_weight=np.full(N, 1e200)),
    fits("an enormous offset", offset=np.full(N, 1e6)),
    fits("every row a cluster", clusters=np.arange(N)),
    fits("no intercept", fit_intercept=False),
    fits("Firth's penalty", penalty="firth"),
    separated("76 separation", "'x2' goes to -infinity", "quasi_separation", X=LOYAL),
    separated(
        "77 every row told apart", "in every row", "complete_separation", X=Y[:, None] + 0.1 * X
    ),
    separated(
        "77 one row of a class",
        "goes to",
        "complete_separation",
        y=np.arange(N) == np.argmax(X[:, 0]),
    ),
    OK(
        "LogisticRegression: 76 separation with Firth's penalty",
        lambda: logistic(X=LOYAL, penalty="firth"),
        lambda m: m.converged_ and -20 < m.coef_[0, 2] < 0,
    ),
    E(
        "LogisticRegression: 76 separation, raised",
        lambda: logistic(X=LOYAL, on_failure="raise"),
        "x2",
        "NotConvergedError",
    ),
    refused("no rows", "0 sample(s)", X=np.empty((0, 2)), y=[]),
    refused("no columns", "0 feature(s)", X=np.empty((N, 0))),
    refused("one class", "in every row", y=np.zeros(N)),
    refused("one class with a weight", "with a weight above 0", sample_weight=Y * 1.0),
    refused("three classes", "Only binary", y=np.arange(N) % 3),
    refused("a continuous target", "Unknown label type", y=X[:, 0]),
    refused("a missing label", "y[1] must be a label", y=["a", None, *["b"] * (N - 2)]),
    refused("labels NaN", "y[0] must be a label, got NaN", y=np.r_[math.nan, Y[1:]]),
    refused("labels of two kinds", "one kind", y=np.array(["a", 1] * (N // 2), dtype=object)),
    refused("79 a constant column", "'x2'] is 3 in every row", X=with_column(np.full(N, 3.0))),
    refused("79 a copy", "'x0', 'x2' are linearly dependent", X=with_column(X[:, 0])),
    refused("79 a rescaled copy", "'x1', 'x2' are linearly", X=with_column(1e9 * X[:, 1] + 5)),
    refused("79 all dummies", "'x2', 'x3', 'x4' are linearly dependent", X=with_column(ONE_HOT)),
    refused("80 more columns than rows", "a penalty is needed", X=RNG.normal(size=(N, 70))),
    refused("a column of 1e300", "another unit", X=with_column(1e300 * X[:, 0] ** 2)),
    refused("89 NaN", "X[7, 1] must be finite", X=ROW_OF_NAN),
    refused("NaN in a row of weight 0", "X[7, 1]", X=ROW_OF_NAN, sample_weight=np.arange(N) != 7),
    refused("text", "must hold numbers", X=[["a", "b"]] * N),
    refused("one dimension", "2D", X=np.arange(N)),
    refused("unequal lengths", "y must have one label", y=Y[1:]),
    refused("86 all weights 0", "sample_weight", sample_weight=np.zeros(N)),
    refused("86 negative weight", "sample_weight[0]", sample_weight=-np.ones(N)),
    refused("offset NaN", "offset[0]", offset=np.full(N, math.nan)),
    refused("offsets that decide", "makes all outcomes certain", offset=np.where(Y, 1e6, -1e6)),
    refused("a missing cluster", "clusters[1]", clusters=["a", None, *["b"] * (N - 2)]),
    refused("a strength of 0", "strength must be", penalty="l2", strength=0.0),
    refused("112 threads 0", "n_threads", n_threads=0),
    E(
        "LogisticRegression.summary: of a penalty",
        lambda: logistic(penalty="l2", strength=1.0).summary(),
        "no standard errors",
    ),
    E(
        "LogisticRegression.tests: an unknown column",
        lambda: logistic().tests("price"),
        "no column of the fit",
    ),
    E(
        "LogisticRegression.predict: 89 infinity",
        lambda: logistic().predict([[math.inf, 0.0]]),
        "X[0, 0] must be finite",
    ),
    OK("LogisticNet: as it should be", net, lambda m: m.converged_),
    OK(
        "LogisticNet: 80 more columns than rows",
        lambda: net(X=RNG.normal(size=(N, 100))),
        lambda m: m.converged_ and np.isfinite(m.coef_path_).all(),
    ),
    OK("LogisticNet: 79 copies", lambda: net(X=np.hstack([X, X])), lambda m: m.converged_),
    OK("LogisticNet: 76 separation", lambda: net(X=LOYAL), lambda m: m.converged_),
    OK(
        "LogisticNet: 79 a constant column",
        lambda: net(X=with_column(np.full(N, 1e9))),
        lambda m: m.converged_ and (m.coef_path_[:, 2] == 0.0).all(),
    ),
    E("LogisticNet: one class", lambda: net(y=np.ones(N)), "in every row"),
    E("LogisticNet: penalty NaN", lambda: net(penalties=[math.nan]), "penalties"),
]
