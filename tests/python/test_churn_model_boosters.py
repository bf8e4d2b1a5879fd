"""ChurnModel around LightGBM and XGBoost, where they are installed."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import tenure as tn


def booster(package):
    module = pytest.importorskip(package)
    if package == "lightgbm":
        return module.LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1, random_state=0)
    return module.XGBClassifier(n_estimators=20, enable_categorical=True, n_jobs=1, random_state=0)


def customers(n=1200):
    """Two columns with holes, one of categories; who leaves depends on the first and the last."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2))
    X[rng.random((n, 2)) < 0.1] = np.nan
    plan = pd.Categorical(rng.choice(["a", "b", "c"], n))
    odds = np.nan_to_num(X[:, 0]) + (plan == "a")
    y = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    return pd.DataFrame({"use": X[:, 0], "fee": X[:, 1], "plan": plan}), y


@pytest.mark.parametrize("package", ["lightgbm", "xgboost"])
def test_holes_categories_weights_and_calibration(package):
    X, y = customers()
    model = tn.churn.ChurnModel(booster(package), calibration="platt", cv=3).fit(X[:800], y[:800])
    p = model.predict_proba(X)[:, 1]
    alone = clone(model.estimator).fit(X[:800], y[:800]).predict_proba(X)[:, 1]
    # One map of the classifier's own probabilities (float32 in XGBoost), which rises.
    order = np.argsort(alone, kind="stable")
    assert (np.diff(p[order]) >= -1e-9).all()
    assert model.evaluate(X[800:], y[800:])["roc_auc"] > 0.65
    assert list(model.feature_names_in_) == ["use", "fee", "plan"]
    weight = np.where(y == 1, 0.25, 1.0)[:800]
    weighted = clone(model).fit(X[:800], y[:800], None, weight)
    share = np.average(y[:800], weights=weight)
    found = np.average(
        weighted.predict_proba(X[800:])[:, 1], weights=np.where(y == 1, 0.25, 1.0)[800:]
    )
    assert abs(found - share) < 0.06
    assert share < y.mean() - 0.2


@pytest.mark.parametrize("package", ["lightgbm", "xgboost"])
def test_cloned_changed_pickled_and_explained(package):
    X, y = customers(600)
    model = tn.churn.ChurnModel(booster(package), calibration="platt", cv=2)
    other = clone(model).set_params(estimator__n_estimators=5)
    assert (other.estimator.n_estimators, model.estimator.n_estimators) == (5, 20)
    model.fit(X, y)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))
    numbers = X[["use", "fee"]].to_numpy()
    plain = clone(model).fit(numbers, y)
    found = tn.churn.permutation_importance(plain, numbers, y)
    assert found.value[0] > found.value[1]
    assert_allclose(plain.predict_proba(numbers).sum(axis=1), 1.0)
    with pytest.raises(tn.TenureError, match="plan"):
        tn.churn.permutation_importance(model, X, y)
