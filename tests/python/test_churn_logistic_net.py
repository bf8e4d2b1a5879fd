"""The penalised path: conditions of an optimum from the definition, choice, refusals."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sklearn.linear_model
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.churn import LogisticNet, LogisticRegression


def customers(n=200, p=8, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * np.geomspace(0.1, 10, p) + rng.normal(size=p)
    eta = 0.5 + (X[:, 0] - X[:, 0].mean()) * 12.0 - 0.1 * X[:, -1]
    return X, (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("standardize", [False, True])
def test_every_point_of_the_path_is_an_optimum(l1_ratio, standardize):
    X, y = customers()
    weight, offset = np.linspace(0.5, 1.5, 200), np.linspace(-1, 1, 200)
    factor = np.array([1, 1, 0, 2, 1, 0.5, 1, 1.0])
    net = LogisticNet(
        l1_ratio, standardize=standardize, penalty_factor=factor, n_penalties=15, tol=1e-10
    ).fit(X, y, weight, offset=offset)
    assert net.converged_
    scale = np.sqrt(np.average((X - np.average(X, axis=0, weights=weight)) ** 2, axis=0,
                               weights=weight))  # fmt: skip
    unit = scale if standardize else np.ones(8)
    for k, penalty in enumerate(net.penalties_):
        coef = net.coef_path_[k]
        mu = 1 / (1 + np.exp(-(net.intercept_path_[k] + X @ coef + offset)))
        slope = X.T @ (weight * (y - mu)) / weight.sum()
        assert abs(weight @ (y - mu)) / weight.sum() < 2e-8
        ridge = penalty * (1 - l1_ratio) * factor * unit**2 * coef
        active, lasso = coef != 0, penalty * l1_ratio * factor * unit
        wanted = lasso * np.sign(coef) + ridge
        assert_allclose((slope / scale)[active], (wanted / scale)[active], atol=2e-8)
        assert (np.abs(slope[~active]) <= (lasso * (1 + 1e-6))[~active]).all()
    if l1_ratio > 0:
        assert (net.coef_path_[0][factor > 0] == 0).all()
        assert (net.coef_path_[-1] != 0).sum() > 4


def test_without_a_penalty_it_is_the_regression():
    X, y = customers()
    net = LogisticNet(penalties=[0.1, 0.0], tol=1e-10).fit(X, y)
    model = LogisticRegression().fit(X, y)
    assert_allclose(net.coef_, model.coef_, rtol=1e-7)
    assert_allclose(net.intercept_, model.intercept_, rtol=1e-7)
    assert_allclose(net.log_likelihoods_[-1], model.log_likelihood_, rtol=1e-12)
    assert net.null_log_likelihood_ == model.null_log_likelihood_


def test_a_point_is_scikit_learns_with_its_c():
    X, y = customers()
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    net = LogisticNet(0.5, penalties=[0.05, 0.02], tol=1e-10).fit(X, y)
    theirs = sklearn.linear_model.LogisticRegression(
        C=1 / (200 * 0.02), l1_ratio=0.5, solver="saga", tol=1e-12, max_iter=100_000, random_state=0
    ).fit(Z, y)
    assert_allclose(net.coef_ * X.std(axis=0), theirs.coef_, atol=1e-7)


def test_more_columns_than_rows_copies_and_constants():
    X, y = customers(60, 90)
    net = LogisticNet(0.9).fit(np.hstack([X, X[:, :1], np.full((60, 1), 7.0)]), y)
    assert net.converged_
    assert (net.coef_path_[:, -1] == 0.0).all()
    # A copy shares the coefficient where a ridge is part of the penalty.
    assert_allclose(net.coef_path_[20, 0], net.coef_path_[20, -2], rtol=1e-3)


def test_the_same_bits_for_every_number_of_threads():
    X, y = customers(5000, 6)
    a, b = (LogisticNet(n_penalties=10, n_threads=k).fit(X, y).coef_path_ for k in (1, 3))
    assert_array_equal(a, b)


def test_validation_finds_the_columns_that_matter():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 12))
    y = rng.random(400) < 1 / (1 + np.exp(-1.5 * X[:, 0] + X[:, 1]))
    net = LogisticNet(1.0, n_penalties=30)
    found = net.validate(X, y, n_folds=5, rule="simplest")
    assert found.simplest >= found.best
    assert net.penalty_ == found.simplest
    assert set(np.flatnonzero(net.coef_[0])) >= {0, 1}
    assert (net.coef_ != 0).sum() < 8
    assert 0 < int(np.argmin(found.deviance)) < 30
    again = LogisticNet(1.0, n_penalties=30).validate(X, y, n_folds=5)
    assert_array_equal(again.deviance, found.deviance)


def test_the_deviance_of_a_fold_is_that_of_its_rows():
    X, y = customers(90, 3)
    net = LogisticNet(0.5, penalties=[0.05], tol=1e-9)
    found = net.validate(X, y, n_folds=2, random_state=4)
    fold = np.random.default_rng(4).permutation(np.arange(90) % 2)
    losses = []
    for k in (0, 1):
        part = LogisticNet(0.5, penalties=[0.05], tol=1e-9).fit(X[fold != k], y[fold != k])
        p = part.predict_proba(X[fold == k])[np.arange(45), y[fold == k]]
        losses.append(-2 * np.log(p).mean())
    assert_allclose(found.deviance, [np.mean(losses)], rtol=1e-7)


def test_files_hold_the_path():
    X, y = customers()
    net = LogisticNet(n_penalties=5).fit(X, y)
    other = pickle.loads(pickle.dumps(net))
    assert_array_equal(other.coef_path_, net.coef_path_)
    assert_array_equal(other.select(other.penalties_[2]).predict(X), net.select(
        net.penalties_[2]).predict(X))  # fmt: skip
    assert "x7" in str(net.path_)


def test_tells_what_it_did_not_finish():
    X, y = customers()
    with pytest.warns(tn.ConvergenceWarning, match="of 5 penalties"):
        net = LogisticNet(n_penalties=5, max_iter=1, tol=1e-12).fit(X, y)
    assert not net.converged_


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"l1_ratio": 1.5}, "l1_ratio"),
        ({"penalties": [1.0, -1.0]}, "penalties"),
        ({"n_penalties": 0}, "n_penalties"),
        ({"least": 1.0}, "least"),
        ({"penalty_factor": [1.0]}, "penalty_factor"),
        ({"standardize": "yes"}, "standardize"),
        ({"fit_intercept": 1}, "fit_intercept"),
        ({"tol": 0.0}, "tol"),
    ],
)
def test_refuses_settings(setting, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        LogisticNet(**setting).fit(*customers(30, 2))


def test_refuses_folds_of_one_class():
    X, _ = customers(30, 2)
    y = np.arange(30) == 0
    with pytest.raises(tn.InvalidInputError, match="one class only"):
        LogisticNet().validate(X, y, n_folds=5)
    with pytest.raises(tn.InvalidInputError, match="n_folds"):
        LogisticNet().validate(*customers(30, 2), n_folds=31)
