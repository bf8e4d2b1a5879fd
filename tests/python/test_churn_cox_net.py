"""The penalised path: the published point, its optimality conditions, selection, refusals."""

from __future__ import annotations

import csv
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.churn import CoxNet, CoxPH
from tenure.churn._elastic import folds_of

REFERENCE = Path(__file__).parents[1] / "reference" / "cox"


def rossi():
    table = pd.read_csv(REFERENCE.parent / "rossi.csv")
    return table.drop(columns=["week", "arrest"]), table["week"], table["arrest"]


def customers(n=150, p=8, seed=0, days=True):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * np.geomspace(0.1, 10, p) + rng.normal(size=p)
    Z = X - X.mean(axis=0)
    life = rng.exponential(10 * np.exp(-8.0 * Z[:, 0] + 0.1 * Z[:, -1]))
    seen = rng.uniform(1, 20, n)
    duration = np.minimum(life, seen)
    return X, np.ceil(duration) if days else duration, life <= seen


def score(X, duration, churned, coef):
    """The score of Breslow's likelihood, from its definition."""
    theta = np.exp(X @ coef)
    total = np.zeros(X.shape[1])
    for i in np.flatnonzero(churned):
        risk = duration >= duration[i]
        total += X[i] - theta[risk] @ X[risk] / theta[risk].sum()
    return total


def test_published_point():
    with (REFERENCE / "values.csv").open(newline="") as file:
        (row,) = (r for r in csv.DictReader(file) if "elastic net" in r["fit"])
    net = CoxNet(0.5, penalties=[0.1, 0.01], standardize=False, tol=1e-11).fit(*rossi())
    expected = np.array(row["values"].split(), dtype=float)
    assert_allclose(net.coef_, expected, rtol=0, atol=float(row["tolerance"]))


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("standardize", [False, True])
def test_every_point_of_the_path_is_an_optimum(l1_ratio, standardize):
    X, duration, churned = customers()
    factor = np.array([1, 1, 0, 2, 1, 0.5, 1, 1.0])
    net = CoxNet(
        l1_ratio, standardize=standardize, penalty_factor=factor, n_penalties=15, tol=1e-10
    ).fit(X, duration, churned)
    assert net.converged_
    unit = X.std(axis=0) if standardize else np.ones(8)
    for penalty, coef in zip(net.penalties_, net.coef_path_, strict=True):
        slope = score(X, duration, churned, coef) / len(X)
        scale = X.std(axis=0)
        ridge = penalty * (1 - l1_ratio) * factor * unit**2 * coef
        active = coef != 0
        lasso = penalty * l1_ratio * factor * unit
        wanted = lasso * np.sign(coef) + ridge
        assert_allclose((slope / scale)[active], (wanted / scale)[active], atol=2e-8)
        assert (np.abs(slope[~active]) <= (lasso * (1 + 1e-7))[~active]).all()
    if l1_ratio > 0:
        assert (net.coef_path_[0][factor > 0] == 0).all()
        assert (net.coef_path_[-1] != 0).sum() > 4


def test_without_a_penalty_it_is_the_regression():
    X, duration, churned = customers()
    net = CoxNet(penalties=[0.1, 0.0], ties="efron", tol=1e-10).fit(X, duration, churned)
    cox = CoxPH().fit(X, duration, churned)
    assert_allclose(net.coef_, cox.coef_, rtol=1e-7)
    assert_allclose(net.log_likelihoods_[-1], cox.log_likelihood_, rtol=1e-12)
    assert_allclose(net.predict_survival(X, [3.0]), cox.predict_survival(X, [3.0]), rtol=1e-7)


def test_more_columns_than_rows_and_copies_of_columns():
    X, duration, churned = customers(40, 60)
    net = CoxNet(0.9).fit(np.hstack([X, X[:, :1]]), duration, churned)
    assert net.converged_
    assert np.isfinite(net.coef_path_).all()
    # A copy shares the coefficient where a ridge is part of the penalty.
    assert_allclose(net.coef_path_[20, 0], net.coef_path_[20, -1], atol=1e-5)


def test_a_path_is_what_its_penalties_are_alone():
    """Penalties are looked at eight together; each must end where it ends by itself."""
    X, duration, churned = customers(200, 6, days=True)
    together = CoxNet(0.7, n_penalties=25, tol=1e-10).fit(X, duration, churned)
    for k in range(0, 25, 6):
        alone = CoxNet(0.7, penalties=[together.penalties_[k]], tol=1e-10)
        alone.fit(X, duration, churned)
        unit = X.std(axis=0)
        assert_allclose(alone.coef_ * unit, together.coef_path_[k] * unit, atol=1e-8)


def test_the_same_bits_for_every_number_of_threads():
    X, duration, churned = customers(5000, 6)
    a, b = (
        CoxNet(n_penalties=10, n_threads=k).fit(X, duration, churned).coef_path_ for k in (1, 3)
    )
    assert_array_equal(a, b)


@pytest.mark.parametrize("ties", ["breslow", "efron"])
@pytest.mark.parametrize("days", [False, True])
def test_weights_strata_and_entry_are_those_of_the_regression(ties, days):
    X, duration, churned = customers(300, 3, days=days)
    more = {
        "entry": np.where(duration > 2, np.floor(duration / 2), 0.0),
        "sample_weight": np.arange(300) % 3 + 0.5,
        "strata": np.arange(300) % 2,
        "offset": 0.1 * X[:, 0],
    }
    net = CoxNet(penalties=[0.0], ties=ties, tol=1e-10).fit(X, duration, churned, **more)
    cox = CoxPH(ties).fit(X, duration, churned, **more)
    assert_allclose(net.coef_, cox.coef_, rtol=1e-7)
    assert_allclose(net.log_likelihoods_, cox.log_likelihood_, rtol=1e-12)


def test_validation_finds_the_columns_that_matter():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 12))
    life = rng.exponential(np.exp(-X[:, 0] + X[:, 1]))
    seen = rng.uniform(0, 3, 400)
    net = CoxNet(1.0, n_penalties=30)
    found = net.validate(X, np.minimum(life, seen), life <= seen, n_folds=5, rule="simplest")
    assert found.simplest >= found.best
    assert net.penalty_ == found.simplest
    assert set(np.flatnonzero(net.coef_)) >= {0, 1}
    assert (net.coef_ != 0).sum() < 8
    best = int(np.argmin(found.deviance))
    assert 0 < best < len(found.penalty)
    again = CoxNet(1.0, n_penalties=30).validate(X, np.minimum(life, seen), life <= seen, n_folds=5)
    assert_array_equal(again.deviance, found.deviance)


def test_folds_keep_clusters_together():
    fold = folds_of(100, 5, np.arange(100) // 4, 0)
    assert all(len(set(fold[i : i + 4].tolist())) == 1 for i in range(0, 100, 4))


def test_files_hold_the_path(tmp_path):
    X, duration, churned = customers()
    net = CoxNet(n_penalties=5).fit(X, duration, churned)
    other = pickle.loads(pickle.dumps(net))
    assert_array_equal(other.coef_path_, net.coef_path_)
    assert_array_equal(other.predict(X), net.predict(X))
    with pytest.raises(tn.TenureError, match="fit again"):
        other.select(0.1)


def test_tells_what_it_did_not_finish():
    X, duration, churned = customers()
    with pytest.warns(tn.ConvergenceWarning, match="of 5 penalties"):
        net = CoxNet(n_penalties=5, max_iter=1, tol=1e-12).fit(X, duration, churned)
    assert not net.converged_


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"l1_ratio": 1.5}, "l1_ratio"),
        ({"penalties": [1.0, -1.0]}, "penalties"),
        ({"penalties": []}, "penalties"),
        ({"n_penalties": 0}, "n_penalties"),
        ({"least": 1.0}, "least"),
        ({"ties": "exact"}, "ties"),
        ({"penalty_factor": [1.0]}, "penalty_factor"),
        ({"standardize": "yes"}, "standardize"),
        ({"tol": 0.0}, "tol"),
    ],
)
def test_refuses_settings(setting, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        CoxNet(**setting).fit(*customers(30, 2))


def test_refuses_intervals_and_empty_folds():
    X, duration, churned = customers(30, 2)
    net = CoxNet().fit(X, duration, churned)
    with pytest.raises(tn.InvalidInputError, match="no intervals"):
        net.predict_survival(X, [1.0], interval=0.9)
    with pytest.raises(tn.InvalidInputError, match="n_folds"):
        CoxNet().validate(X, duration, churned, n_folds=31)
    with pytest.raises(tn.InvalidInputError, match="nobody churned"):
        CoxNet().fit(X, duration, np.zeros(30))
