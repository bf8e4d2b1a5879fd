"""Regressors and classifiers of others, such as scikit-learn's, as parts of ours."""

from __future__ import annotations

import copy
import sys
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._extras import require
from tenure._matrix import Matrix, as_matrix
from tenure._validation import Floats, Ints
from tenure.churn._campaign import require_rows

_PURPOSE = "learn uplift"


def as_features(X: Any, rows: int, of: str) -> tuple[Matrix, list[str] | None]:
    """Return X, as long as `of`, which NaN may be in: that is for the model to judge."""
    matrix, names = as_matrix(X)
    require_rows(matrix, rows, "X", of)
    return matrix, names


class _Same:
    """What is foretold where all outcomes are equal; many classifiers refuse to learn that."""

    def __init__(self, value: float) -> None:
        self.value = value

    def predict(self, X: Matrix) -> Floats:
        return np.full(len(X), self.value)


def _copy(model: Any, name: str) -> Any:
    asked = ("fit", "predict", "get_params")
    if isinstance(model, type) or not all(hasattr(model, a) for a in asked):
        msg = (
            f"{name} must be a regressor or a classifier with fit, predict and get_params, "
            f"got {model!r}"
        )
        raise InvalidInputError(msg, argument=name, value=model)
    # Whoever has a model of scikit-learn has imported it; a model of their own does not need it.
    sklearn = sys.modules.get("sklearn.base")
    if sklearn is not None:
        return sklearn.clone(model)
    return type(model)(**copy.deepcopy(model.get_params(deep=False)))


def outcome_model(model: Any, y: Floats, seed: int) -> Any:
    """Return the model for outcomes, by default boosted trees for shares or for amounts."""
    binary = bool(np.all((y == 0.0) | (y == 1.0)))
    if model is None:
        ensemble = require("sklearn.ensemble", _PURPOSE)
        kind = "HistGradientBoostingClassifier" if binary else "HistGradientBoostingRegressor"
        return getattr(ensemble, kind)(random_state=seed % 2**32)
    if hasattr(model, "predict_proba") and not binary:
        row = int(np.flatnonzero((y != 0.0) & (y != 1.0))[0])
        msg = f"outcome_model is a classifier: outcome[{row}] must be 0 or 1, got {y[row]:g}"
        raise InvalidInputError(msg, argument="outcome", row=row, value=float(y[row]))
    return model


def effect_model(model: Any, seed: int) -> Any:
    """Return the regressor for effects, by default boosted trees."""
    if model is None:
        ensemble = require("sklearn.ensemble", _PURPOSE)
        return ensemble.HistGradientBoostingRegressor(random_state=seed % 2**32)
    if hasattr(model, "predict_proba"):
        msg = f"effect_model must be a regressor, as effects are no classes; got {model!r}"
        raise InvalidInputError(msg, argument="effect_model", value=model)
    return model


def fit_copy(
    model: Any, X: Matrix, y: Floats, name: str, sample_weight: Floats | None = None
) -> Any:
    """Return a fitted copy of a model."""
    if hasattr(model, "predict_proba") and np.all(y == y[0]):
        return _Same(float(y[0]))
    own = _copy(model, name)
    if sample_weight is None:
        return own.fit(X, y)
    return own.fit(X, y, sample_weight=sample_weight)


def expected(model: Any, X: Matrix, name: str) -> Floats:
    """Return what a fitted model expects: the probability of 1 where it is a classifier."""
    if hasattr(model, "predict_proba"):
        column = int(np.flatnonzero(np.asarray(model.classes_) == 1.0)[0])
        found = np.asarray(model.predict_proba(X))[:, column]
    else:
        found = np.asarray(model.predict(X))
    values: Floats = np.ascontiguousarray(found, dtype=np.float64).reshape(len(X))
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        row = int(bad[0])
        msg = f"{name} predicts {values[row]:g} for X[{row}]"
        raise InvalidInputError(msg, argument=name, row=row)
    return values


def fit_arms(model: Any, X: Matrix, arms: Ints, n_arms: int, seed: int) -> Any:
    """Return a fitted classifier of the arm that a customer is in."""
    if model is None:
        model = require(
            "sklearn.ensemble", _PURPOSE
        ).HistGradientBoostingClassifier(random_state=seed % 2**32)  # fmt: skip
    if not hasattr(model, "predict_proba"):
        msg = f"propensity_model must be a classifier with predict_proba, got {model!r}"
        raise InvalidInputError(msg, argument="propensity_model", value=model)
    return _copy(model, "propensity_model").fit(X, arms)


def chance_of_arms(model: Any, X: Matrix, n_arms: int) -> Floats:
    """Return the probability of each arm by a fitted classifier, shape (rows, arms)."""
    found = np.zeros((len(X), n_arms))
    found[:, np.asarray(model.classes_).astype(np.int64)] = model.predict_proba(X)
    return found
