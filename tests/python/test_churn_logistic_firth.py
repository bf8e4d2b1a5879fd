"""Firth's penalty and separation: logistf's numbers, the definition, certificates."""

from __future__ import annotations

from pathlib import Path

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import linprog, minimize

import tenure as tn
from tenure.churn import LogisticRegression

REFERENCE = Path(__file__).parents[1] / "reference" / "logistic"


def sex2():
    table = pd.read_csv(REFERENCE / "sex2.csv")
    return table.drop(columns="case"), table["case"]


def endometrial():
    table = pd.read_csv(REFERENCE / "endometrial.csv")
    return table.drop(columns="HG"), table["HG"]


def test_logistf_of_sex2():
    """logistf(case ~ age + oc + vic + vicl + vis + dia); its iterations end at 1e-5."""
    model = LogisticRegression("firth").fit(*sex2())
    table = model.summary()
    coef = [0.12025405, -1.10598131, -0.06881673, 2.26887464, -2.11140817, -0.78831694, 3.09601166]
    lower = [-0.8185591, -1.9737884, -0.9414363, 1.2730216, -3.2608611, -1.6080879, 0.7745682]
    upper = [1.07315122, -0.30742514, 0.78920202, 3.43543273, -1.11773495, 0.01518468, 8.03029352]
    chi = [0.06286298, 7.50773092, 0.02467044, 22.93139022, 19.10407252, 3.69740975, 7.89693139]
    assert_allclose(table.coef, coef, atol=1e-6)
    assert_allclose(table.lower, lower, atol=1e-5)
    assert_allclose(table.upper, upper, atol=1e-5)
    assert_allclose(table.z**2, chi, atol=1e-5)
    assert_allclose(model.tests().statistic[0], 49.09064, atol=1e-5)
    assert_allclose(model.tests().p_value[0], 7.15089e-09, rtol=1e-5)


def test_logistf_of_endometrial():
    table = LogisticRegression("firth").fit(*endometrial()).summary()
    assert_allclose(table.coef, [3.77455951, 2.92927330, -0.03475175, -2.60416387], atol=1e-6)
    assert_allclose(table.lower, [1.0825371, 0.6097244, -0.1244587, -4.3651832], atol=1e-5)
    assert_allclose(table.upper, [7.20928050, 7.85463171, 0.04045547, -1.23272106], atol=1e-5)


def test_a_profile_is_the_maximum_over_the_other_coefficients():
    X, y = endometrial()
    Z, sign = np.column_stack([np.ones(79), X]), np.where(y == 1, 1.0, -1.0)

    def penalised(beta):
        eta = Z @ beta
        h = 1.0 / (2.0 + 2.0 * np.cosh(eta))
        return -np.logaddexp(0.0, -sign * eta).sum() + np.linalg.slogdet((Z.T * h) @ Z)[1] / 2

    model = LogisticRegression("firth").fit(X, y)
    best = np.r_[model.intercept_, model.coef_[0]]
    for j in range(4):
        rest = np.delete(np.arange(4), j)
        found = minimize(
            lambda b, j=j: -penalised(np.insert(b, j, 0.0)), best[rest] * 0.8, method="Nelder-Mead",
            options={"xatol": 1e-7, "fatol": 1e-12, "maxiter": 10_000, "maxfev": 10_000},
        )  # fmt: skip
        root = model.summary().z[j] ** 2
        assert_allclose(root, 2 * (penalised(best) + found.fun), rtol=1e-6)


def test_the_maximum_of_the_penalised_likelihood():
    """No move of a coefficient raises l + log|I| / 2, computed at 30 digits."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(25, 2)) * [1.0, 50.0]
    y, weight = (rng.random(25) < 0.4).astype(int), rng.uniform(0.5, 2.0, 25)
    model = LogisticRegression("firth", tol=1e-10).fit(X, y, weight)
    mp.mp.dps = 30

    def penalised(a, b, c):
        value, information = mp.mpf(0), mp.zeros(3)
        for x, event, w in zip(X.tolist(), y.tolist(), weight.tolist(), strict=True):
            row = mp.matrix([1, x[0], x[1]])
            mu = 1 / (1 + mp.exp(-(a + b * row[1] + c * row[2])))
            value += w * mp.log(mu if event else 1 - mu)
            information += w * mu * (1 - mu) * row * row.T
        return value + mp.log(mp.det(information)) / 2

    at = [mp.mpf(float(v)) for v in np.r_[model.intercept_, model.coef_[0]]]
    for j in range(3):
        slope = mp.diff(penalised, tuple(at), tuple(int(k == j) for k in range(3)))
        assert abs(slope) * model.standard_errors_[j] < 1e-7


def test_doubled_rows_are_weights_of_two():
    X, y = endometrial()
    a = LogisticRegression("firth").fit(X, y, np.full(79, 2.0))
    b = LogisticRegression("firth").fit(pd.concat([X, X]), np.r_[y, y])
    assert_allclose(a.coef_, b.coef_, rtol=1e-6)
    assert_allclose(a.standard_errors_, b.standard_errors_, rtol=1e-6)


def separated_by_programme(X, y):
    """What linear programmes say of |b_j| <= 1. [Konis 2007, thesis, Oxford, ch. 4]

    Complete: the largest t with s_i x_i'b >= t in every row is > 0. Quasi: not so, but the largest
    sum of s_i x_i'b, all of them >= 0, is.
    """
    Z = np.column_stack([np.ones(len(X)), X]) * np.where(y == 1, 1.0, -1.0)[:, None]
    ones, zeros = np.ones((len(Z), 1)), np.zeros(len(Z))
    box = [(-1, 1)] * Z.shape[1]
    apart = linprog(np.r_[np.zeros(Z.shape[1]), -1.0], np.hstack([-Z, ones]), zeros,
                    bounds=[*box, (None, 1)])  # fmt: skip
    if -apart.fun > 1e-7:
        return "complete_separation"
    return "quasi_separation" if -linprog(-Z.sum(axis=0), -Z, zeros, bounds=box).fun > 1e-7 else ""


def test_the_certificate_agrees_with_a_linear_programme():
    seen = dict.fromkeys(("", "complete_separation", "quasi_separation"), 0)
    for seed in range(120):
        rng = np.random.default_rng(seed)
        X = np.column_stack([rng.normal(size=18), rng.integers(0, 2, (18, 2))]).round(1)
        y = (X[:, 0] * (seed % 5) + X[:, 1] + rng.logistic(size=18) > 0.5).astype(int)
        Z = np.column_stack([np.ones(18), X])
        if not 0 < y.sum() < 18 or np.linalg.matrix_rank(Z) < 4:
            continue
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("warnings.warn", lambda *_, **__: None)
            model = LogisticRegression().fit(X, y)
        expected = separated_by_programme(X, y)
        seen[expected] += 1
        assert model.status_ == (expected or "converged"), seed
        if not expected:
            continue
        direction = model._direction
        scale = np.r_[1.0, X.std(axis=0)]
        raw = direction / scale
        raw[0] -= raw[1:] @ X.mean(axis=0)
        margins = Z @ raw * np.where(y == 1, 1, -1)
        assert margins.min() > -1e-6
        assert (margins > 1e-6).sum() == model.n_separated_
    assert min(seen.values()) >= 5, seen


def test_names_what_separates():
    X, y = endometrial()
    with pytest.warns(tn.ConvergenceWarning, match=r"13 of 79 rows.*'NV' goes to \+infinity"):
        model = LogisticRegression().fit(X, y)
    assert model.status_ == "quasi_separation"
    assert model.separation_["NV"] == 1.0
    assert set(model.separation_) == {"NV", "Intercept"} or set(model.separation_) == {"NV"}
    assert not model.converged_
    assert model.standard_errors_ is None
    with pytest.raises(tn.InvalidInputError, match="quasi_separation"):
        model.summary()
    with pytest.warns(tn.ConvergenceWarning, match="in every row"):
        whole = LogisticRegression().fit([[1.0], [2.0], [3.0], [4.0]], [0, 0, 1, 1])
    assert whole.status_ == "complete_separation"
    with pytest.raises(tn.NotConvergedError, match="firth"):
        LogisticRegression(on_failure="raise").fit([[1.0], [2.0], [3.0], [4.0]], [0, 0, 1, 1])


def test_firth_has_an_estimate_where_all_is_separated():
    model = LogisticRegression("firth").fit([[1.0], [2.0], [3.0], [4.0]], [0, 0, 1, 1])
    table = model.summary()
    assert model.converged_
    assert 0.0 < table.coef[1] < 5.0
    assert table.upper[1] == np.inf or table.upper[1] > table.coef[1]
