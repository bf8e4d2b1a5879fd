"""The strong rule saves time and changes no solution: paths with it, without it, and optimality."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tenure import _core
from tenure.churn import CoxNet, LogisticNet

ROWS, COLUMNS = 120, 400


def dependent_columns(seed, rows=ROWS, columns=COLUMNS):
    """Neighbours have a correlation of 0.9, so that what matters hides behind what does not."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, columns))
    for j in range(1, columns):
        X[:, j] = 0.9 * X[:, j - 1] + np.sqrt(1 - 0.81) * X[:, j]
    coef = np.zeros(columns)
    coef[:: columns // 12] = rng.normal(size=len(coef[:: columns // 12]))
    return X, X @ coef, rng


def settings(terms, l1_ratio, screen, lead=0, factor=None, penalty=()):
    lasso = np.ones(terms) if factor is None else factor.copy()
    lasso[:lead] = 0.0
    return _core.churn.ElasticNetSettings(
        l1_ratio=l1_ratio, lasso=lasso, ridge=lasso, penalty=np.array(penalty, float),
        penalties=30, least=0.4, max_iterations=1000, tolerance=1e-9, screen=screen,
    )  # fmt: skip


def cox_path(seed, l1_ratio, screen, factor=None):
    X, eta, rng = dependent_columns(seed)
    life, seen = rng.exponential(np.exp(-eta)), rng.exponential(2.0, ROWS)
    duration, churned = np.minimum(life, seen), (life <= seen).astype(np.uint8)
    data = _core.churn.CoxData(X, duration, churned, None, None, None, None, 1)
    return _core.churn.cox_net(data, "efron", settings(COLUMNS, l1_ratio, screen, 0, factor), 1)


def logistic_path(seed, l1_ratio, screen, factor=None):
    X, eta, rng = dependent_columns(seed)
    event = (rng.random(ROWS) < 1 / (1 + np.exp(-eta))).astype(np.uint8)
    data = _core.churn.LogisticData(X, event, None, None, True, True, 1)
    factor = None if factor is None else np.r_[0.0, factor]
    return _core.churn.logistic_net(data, settings(COLUMNS + 1, l1_ratio, screen, 1, factor), 1)


@pytest.mark.parametrize("path", [cox_path, logistic_path])
@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_rule_never_changes_a_solution(path, l1_ratio, seed):
    """Solutions are within the tolerance of 1e-9 of the optimum, times the condition."""
    with_rule, without = (path(seed, l1_ratio, screen) for screen in (True, False))
    assert with_rule["converged"].all()
    assert without["converged"].all()
    assert_allclose(with_rule["penalty"], without["penalty"], rtol=1e-14)
    assert_allclose(with_rule["beta"], without["beta"], atol=1e-6)
    assert_allclose(with_rule["log_likelihood"], without["log_likelihood"], atol=1e-7)


@pytest.mark.parametrize("path", [cox_path, logistic_path])
def test_the_rule_leaves_columns_out(path):
    few, all_of_them = (path(0, 1.0, screen)["widest"] for screen in (True, False))
    assert few < COLUMNS <= all_of_them


@pytest.mark.parametrize("path", [cox_path, logistic_path])
def test_factors_decide_what_is_left_out(path):
    """Columns of factor 0 are in from the start; one of a large factor comes late or never."""
    factor = np.ones(COLUMNS)
    factor[[3, 200]] = 0.0
    factor[100:150] = 20.0
    with_rule, without = (path(0, 0.9, screen, factor) for screen in (True, False))
    beta = with_rule["beta"].reshape(30, -1)[:, -COLUMNS:]
    assert_allclose(with_rule["beta"], without["beta"], atol=1e-6)
    assert (beta[:, [3, 200]] != 0).all()
    assert (beta[:5, 100:150] == 0).all()


def test_every_column_is_at_its_optimum_on_a_wide_path():
    """The conditions of an optimum, from the definition, in columns that were never solved for."""
    X, eta, rng = dependent_columns(5)
    y = rng.random(ROWS) < 1 / (1 + np.exp(-eta))
    net = LogisticNet(1.0, n_penalties=30, least=0.25, tol=1e-9).fit(X, y)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    for k, penalty in enumerate(net.penalties_):
        mu = 1 / (1 + np.exp(-(net.intercept_path_[k] + X @ net.coef_path_[k])))
        slope = Z.T @ (y - mu) / ROWS
        active = net.coef_path_[k] != 0
        assert_allclose(slope[active], penalty * np.sign(net.coef_path_[k][active]), atol=1e-7)
        assert np.abs(slope[~active]).max() <= penalty + 1e-7
    assert 5 < active.sum() < ROWS  # the last penalty is one of interest


def test_penalties_of_any_spacing_end_at_the_same_points():
    """A jump over many penalties, a repeated path and a penalty of almost nothing."""
    X, eta, rng = dependent_columns(7)
    y = rng.random(ROWS) < 1 / (1 + np.exp(-eta))
    fine = LogisticNet(0.8, n_penalties=30, least=0.2, tol=1e-9).fit(X, y)
    for k in (1, 17, 29):
        one = LogisticNet(0.8, penalties=[fine.penalties_[k]], tol=1e-9).fit(X, y)
        assert_allclose(one.coef_[0] * X.std(axis=0), fine.coef_path_[k] * X.std(axis=0), atol=1e-6)


def test_wide_paths_are_the_same_bits_for_every_number_of_threads():
    X, eta, rng = dependent_columns(3, 3000, 80)
    life = rng.exponential(np.exp(-eta))
    y = eta + rng.logistic(size=3000) > 0
    cox, logistic = (
        [
            fit(n_threads).coef_path_
            for n_threads in (1, 3)
        ]
        for fit in (
            lambda n: CoxNet(1.0, n_penalties=12, n_threads=n).fit(X, life, np.ones(3000)),
            lambda n: LogisticNet(1.0, n_penalties=12, n_threads=n).fit(X, y),
        )
    )  # fmt: skip
    assert_array_equal(*cox)
    assert_array_equal(*logistic)


def test_refuses_factors_of_another_length():
    data = _core.churn.LogisticData(
        np.eye(4), np.array([0, 1, 0, 1], dtype=np.uint8), None, None, True, True, 1
    )
    with pytest.raises(ValueError, match="one value a term"):
        _core.churn.logistic_net(data, settings(4, 1.0, True), 1)


def test_more_columns_than_memory_for_their_products_would_hold():
    """Products of 20,000 columns would take 3.2 GB: none is made of more than are solved for."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 20_000))
    y = X[:, 7] - X[:, 19_000] + 0.5 * rng.logistic(size=100) > 0
    net = LogisticNet(1.0, n_penalties=12, least=0.3).fit(X, y)
    assert net.converged_
    assert {7, 19_000} <= set(np.flatnonzero(net.coef_[0]))
