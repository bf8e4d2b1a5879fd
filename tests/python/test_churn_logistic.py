"""Logistic regression by maximum likelihood: published fits, an exact oracle, weights, refusals."""

from __future__ import annotations

import pickle

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
import sklearn.linear_model
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.churn import LogisticRegression

# Henderson & Velleman (1981), the 32 cars of R's mtcars.
CARS = pd.DataFrame(
    {
        "hp": [110, 110, 93, 110, 175, 105, 245, 62, 95, 123, 123, 180, 180, 180, 205, 215, 230,
               66, 52, 65, 97, 150, 150, 245, 175, 66, 91, 113, 264, 175, 335, 109],
        "wt": [2.62, 2.875, 2.32, 3.215, 3.44, 3.46, 3.57, 3.19, 3.15, 3.44, 3.44, 4.07, 3.73,
               3.78, 5.25, 5.424, 5.345, 2.2, 1.615, 1.835, 2.465, 3.52, 3.435, 3.84, 3.845,
               1.935, 2.14, 1.513, 3.17, 2.77, 3.57, 2.78],
    }
)  # fmt: skip
MANUAL = np.r_[[1] * 3, [0] * 14, [1] * 3, [0] * 5, [1] * 7]

# Bliss (1935): beetles after five hours of carbon disulphide.
DOSE = np.array([1.6907, 1.7242, 1.7552, 1.7842, 1.8113, 1.8369, 1.8610, 1.8839])
BEETLES = np.array([59, 60, 62, 56, 63, 59, 62, 60])
KILLED = np.array([6, 13, 18, 28, 52, 53, 61, 60])


def customers(n=200, p=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * np.geomspace(0.1, 100.0, p) + rng.normal(size=p)
    eta = 0.3 + (X - X.mean(axis=0)) @ (rng.normal(size=p) / np.geomspace(0.1, 100.0, p))
    return X, (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(int)


def test_the_cars_of_r():
    """glm(am ~ hp + wt, binomial), as R prints it."""
    model = LogisticRegression().fit(CARS, MANUAL)
    table = model.summary()
    assert table.name == ("Intercept", "hp", "wt")
    assert_allclose(table.coef, [18.86630, 0.03626, -8.08348], atol=5e-6)
    assert_allclose(table.standard_error, [7.44356, 0.01773, 3.06868], atol=5e-6)
    assert_allclose(table.z, [2.535, 2.044, -2.634], atol=5e-4)
    assert_allclose(table.p_value, [0.01126, 0.04091, 0.00843], atol=5e-6)
    assert_allclose([model.null_deviance_, model.deviance_, model.aic_], [43.230, 10.059, 16.059],
                    atol=5e-4)  # fmt: skip


def test_the_beetles_of_bliss():
    """glm(cbind(killed, alive) ~ dose, binomial): weights for groups of beetles."""
    X = np.repeat(DOSE, 2)[:, None]
    y, weight = np.tile([1, 0], 8), np.stack([KILLED, BEETLES - KILLED], axis=1).ravel()
    model = LogisticRegression().fit(X, y, weight)
    assert_allclose(model.summary().coef, [-60.717, 34.270], atol=5e-4)
    assert_allclose(model.standard_errors_, [5.181, 2.912], atol=5e-4)
    # R's deviances are those of groups: their difference is that of beetles.
    assert_allclose(model.null_deviance_ - model.deviance_, 284.202 - 11.232, atol=1e-3)


def exact(X, y, weight, offset, beta):
    """Value, score and information from the definition, at 40 digits."""
    mp.mp.dps = 40
    terms = X.shape[1] + 1
    value, score, information = mp.mpf(0), mp.zeros(terms, 1), mp.zeros(terms)
    for x, event, w, o in zip(X, y, weight, offset, strict=True):
        row = mp.matrix([1, *(mp.mpf(float(v)) for v in x)])
        eta = mp.mpf(float(o)) + sum(row[j] * beta[j] for j in range(terms))
        mu = 1 / (1 + mp.exp(-eta))
        value += mp.mpf(float(w)) * mp.log(mu if event else 1 - mu)
        score += mp.mpf(float(w)) * (int(event) - mu) * row
        information += mp.mpf(float(w)) * mu * (1 - mu) * row * row.T
    return value, score, information


def test_the_optimum_of_40_digits():
    X, y = customers(60, 3)
    rng = np.random.default_rng(1)
    weight, offset = rng.uniform(0.5, 3.0, 60), rng.normal(size=60)
    model = LogisticRegression(tol=1e-10).fit(X, y, weight, offset=offset)
    beta = mp.matrix([mp.mpf(float(v)) for v in np.r_[model.intercept_, model.coef_[0]]])
    found = np.array(beta, dtype=float).ravel()
    for _ in range(4):  # Newton from an estimate good to 1e-12 is exact at once
        value, score, information = exact(X, y, weight, offset, beta)
        beta += mp.lu_solve(information, score)
    assert_allclose(found, np.array(beta, dtype=float).ravel(), rtol=1e-11)
    assert_allclose(model.log_likelihood_, float(value), rtol=1e-13)
    errors = np.sqrt(np.array([float((information**-1)[j, j]) for j in range(4)]))
    assert_allclose(model.standard_errors_, errors, rtol=1e-7)


def test_score_and_information_are_derivatives():
    X, y = customers(50, 3)
    data = tn._core.churn.LogisticData(X, y.astype(np.uint8), None, None, True, True, 1)
    beta = np.array([0.2, -0.4, 0.9, 0.1])
    _, score, information = data.point(beta, 1)
    h = 1e-5
    for j in range(4):
        up, down = (data.point(beta + s * h * np.eye(4)[j], 1) for s in (1, -1))
        assert_allclose(score[j], (up[0] - down[0]) / (2 * h), atol=1e-8)
        assert_allclose(information.reshape(4, 4)[j], (down[1] - up[1]) / (2 * h), atol=1e-8)


def test_extreme_log_odds_keep_their_digits():
    X, y = np.array([[800.0], [-800.0], [3.0]]), np.array([1, 0, 0], dtype=np.uint8)
    data = tn._core.churn.LogisticData(X, y, None, None, False, True, 1)
    beta = data.scale.copy()  # so that the log-odds are X itself
    value, score, _ = data.point(beta, 1)
    assert_allclose(value, -np.log1p(np.exp(3.0)), rtol=1e-15)
    assert_allclose(score * data.scale, [-3.0 / (1 + np.exp(-3.0))], rtol=1e-15)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_a_weight_of_two_is_the_row_twice(seed):
    X, y = customers(80, 2, seed)
    weight = np.random.default_rng(seed).integers(0, 3, 80)
    order = np.random.default_rng(seed).permutation(weight.sum())
    with np.errstate(all="raise"):
        a = LogisticRegression().fit(X, y, weight)
    b = LogisticRegression().fit(np.repeat(X, weight, axis=0)[order], np.repeat(y, weight)[order])
    assert_allclose(a.coef_, b.coef_, rtol=1e-8, atol=1e-10)
    assert_allclose(a.standard_errors_, b.standard_errors_, rtol=1e-7)
    assert_allclose([a.log_likelihood_, a.bic_], [b.log_likelihood_, b.bic_], rtol=1e-12)


@given(st.integers(0, 10_000), st.floats(1e-3, 1e3), st.floats(-100.0, 100.0))
@settings(max_examples=25, deadline=None)
def test_the_unit_of_a_column_is_that_of_its_coefficient(seed, unit, origin):
    X, y = customers(100, 2, seed)
    a = LogisticRegression().fit(X, y)
    b = LogisticRegression().fit(np.column_stack([(X[:, 0] + origin) * unit, X[:, 1]]), y)
    assert_allclose(b.coef_[0] * [unit, 1.0], a.coef_[0], rtol=1e-6, atol=1e-9)
    assert_allclose(b.log_likelihood_, a.log_likelihood_, rtol=1e-11)


def test_swapped_classes_swap_the_signs():
    X, y = customers()
    a, b = LogisticRegression().fit(X, y), LogisticRegression().fit(X, 1 - y)
    assert_allclose(a.coef_, -b.coef_, rtol=1e-9)
    assert_allclose(a.predict_proba(X), b.predict_proba(X)[:, ::-1], rtol=1e-9)


def test_an_offset_takes_the_place_of_a_known_coefficient():
    X, y = customers()
    whole = LogisticRegression().fit(X, y)
    rest = LogisticRegression().fit(X[:, 1:], y, offset=X[:, 0] * whole.coef_[0, 0])
    assert_allclose(rest.coef_[0], whole.coef_[0, 1:], rtol=1e-7)
    assert_allclose(
        rest.predict_proba(X[:, 1:], offset=X[:, 0] * whole.coef_[0, 0]),
        whole.predict_proba(X), rtol=1e-7,
    )  # fmt: skip


@pytest.mark.parametrize("penalty", ["l2", "elasticnet"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_optimum_of_scikit_learn(penalty, weighted):
    X, y = customers(300, 5)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 300) if weighted else np.ones(300)
    C, ratio = 0.1, {"l2": 0.0, "elasticnet": 0.4}[penalty]
    ours = LogisticRegression(penalty, strength=1 / (weight.sum() * C), l1_ratio=0.4, tol=1e-9)
    ours.fit(Z, y, weight)
    theirs = sklearn.linear_model.LogisticRegression(
        C=C, l1_ratio=ratio, solver="saga" if ratio else "newton-cholesky", tol=1e-12,
        max_iter=100_000, random_state=0,
    ).fit(Z, y, weight)  # fmt: skip
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-7)
    assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-7)
    assert ours.standard_errors_ is None
    with pytest.raises(tn.InvalidInputError, match="bias"):
        ours.summary()


def test_a_column_scaled_is_penalised_alike_only_where_standardised():
    X, y = customers()
    Z = X / X.std(axis=0)
    a = LogisticRegression("l2", strength=0.1, standardize=True).fit(X, y)
    b = LogisticRegression("l2", strength=0.1).fit(Z, y)
    assert_allclose(a.coef_[0] * X.std(axis=0), b.coef_[0], rtol=1e-7)


def test_robust_errors_are_the_sandwich_of_the_definition():
    X, y = customers(120, 2)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 120)
    group = np.arange(120) // 3
    model = LogisticRegression(robust=True).fit(X, y, weight)
    Z = np.column_stack([np.ones(120), X])
    mu = model.predict_proba(X)[:, 1]
    bread = np.linalg.inv((Z * (weight * mu * (1 - mu))[:, None]).T @ Z)
    scores = Z * (weight * (y - mu))[:, None]
    assert_allclose(model.robust_covariance_, bread @ scores.T @ scores @ bread, rtol=1e-6)
    clustered = LogisticRegression().fit(X, y, weight, clusters=group)
    sums = np.add.reduceat(scores, np.arange(0, 120, 3), axis=0)
    expected = bread @ sums.T @ sums @ bread * 40 / 39
    assert_allclose(clustered.robust_covariance_, expected, rtol=1e-6)
    assert_allclose(clustered.standard_errors_, np.sqrt(np.diag(expected)), rtol=1e-6)
    names = LogisticRegression().fit(X, y, weight, clusters=[f"c{g}" for g in group])
    assert_allclose(names.standard_errors_, clustered.standard_errors_, rtol=1e-12)


def test_profile_limits_have_lost_what_they_may_lose():
    model = LogisticRegression().fit(CARS, MANUAL)
    table = model.summary(method="profile", level=0.9)
    drop = 1.6448536269514722**2 / 2
    X = CARS.to_numpy(float)
    for j, name in enumerate(["hp", "wt"]):
        for limit in (table.lower[j + 1], table.upper[j + 1]):
            held = LogisticRegression().fit(np.delete(X, j, 1), MANUAL, offset=X[:, j] * limit)
            assert_allclose(model.log_likelihood_ - held.log_likelihood_, drop, rtol=1e-5), name
    for limit in (table.lower[0], table.upper[0]):
        held = LogisticRegression(fit_intercept=False).fit(X, MANUAL, offset=np.full(32, limit))
        assert_allclose(model.log_likelihood_ - held.log_likelihood_, drop, rtol=1e-5)
    without = LogisticRegression().fit(CARS[["wt"]], MANUAL)
    assert_allclose(
        table.z[1] ** 2, 2 * (model.log_likelihood_ - without.log_likelihood_), rtol=1e-8
    )
    tests = model.tests("hp")
    assert_allclose(tests.statistic, [table.z[1] ** 2, model.summary().z[1] ** 2], rtol=1e-8)


def test_all_columns_are_tested_against_the_intercept():
    model = LogisticRegression().fit(CARS, MANUAL)
    found = model.tests()
    assert_allclose(found.statistic[0], 43.230 - 10.059, atol=1e-3)
    assert_array_equal(found.df, [2, 2])
    assert found.columns == ("hp", "wt")
    assert_allclose(found.p_value[0], np.exp(-found.statistic[0] / 2), rtol=1e-12)  # two columns


def test_intervals_of_probabilities_are_those_of_the_log_odds():
    model = LogisticRegression().fit(CARS, MANUAL)
    at = CARS.iloc[:5]
    found = model.predict_interval(at, level=0.9)
    Z = np.column_stack([np.ones(5), at])
    half = 1.6448536269514722 * np.sqrt(np.einsum("ij,jk,ik->i", Z, model.covariance_, Z))
    eta = model.decision_function(at)
    assert_allclose(found.lower, 1 / (1 + np.exp(half - eta)), rtol=1e-7)
    assert_allclose(found.upper, 1 / (1 + np.exp(-half - eta)), rtol=1e-7)
    assert_allclose(found.value, model.predict_proba(at)[:, 1], rtol=1e-12)


def test_a_far_origin_costs_no_digits_of_an_interval():
    X, y = customers(200, 2)
    a, b = LogisticRegression().fit(X, y), LogisticRegression().fit(X + 1e7, y)
    p, q = a.predict_interval(X[:9]), b.predict_interval(X[:9] + 1e7)
    assert_allclose(q.upper - q.lower, p.upper - p.lower, rtol=1e-5)


def test_labels_of_any_kind():
    X, y = customers()
    texts = np.where(y == 1, "left", "kept")
    model = LogisticRegression().fit(X, pd.Series(texts))
    assert model.classes_.tolist() == ["kept", "left"]
    assert set(model.predict(X)) == {"kept", "left"}
    plain = LogisticRegression().fit(X, y == 1)
    assert plain.classes_.tolist() == [False, True]
    assert_array_equal(model.coef_, plain.coef_)
    assert model.score(X, texts) == plain.score(X, y == 1)


def test_the_same_bits_for_every_number_of_threads():
    X, y = customers(70_001, 5)
    fits = [LogisticRegression(robust=True, n_threads=k).fit(X, y) for k in (1, 3)]
    assert_array_equal(fits[0].coef_, fits[1].coef_)
    assert_array_equal(fits[0].robust_covariance_, fits[1].robust_covariance_)


def test_files_hold_the_model():
    X, y = customers()
    model = LogisticRegression(robust=True).fit(X, np.where(y == 1, "left", "kept"))
    other = pickle.loads(pickle.dumps(model))
    assert_array_equal(other.predict(X), model.predict(X))
    assert_array_equal(other.summary().p_value, model.summary().p_value)
    assert_array_equal(other.predict_interval(X).lower, model.predict_interval(X).lower)
    plain = pickle.loads(pickle.dumps(LogisticRegression().fit(X, y)))
    assert plain.tests().statistic[0] > 0.0
    with pytest.raises(tn.TenureError, match="fit again"):
        plain.summary(method="profile")


def test_rows_changed_after_a_fit_are_noticed():
    X, y = customers()
    model = LogisticRegression().fit(X, y)
    X[0, 0] += 1.0
    with pytest.raises(tn.TenureError, match="X was changed"):
        model.summary(method="profile")


def coverage(replicates, n, seed, columns=3):
    """Share of Wald and profile intervals that hold the truth, and of probabilities' intervals."""
    rng = np.random.default_rng(seed)
    truth = np.array([-0.5, 0.8, -0.4, 0.0])
    at = np.array([[0.5, -0.5, 1.0]])
    p_at = 1 / (1 + np.exp(-(truth[0] + at[0] @ truth[1:])))
    wald, profile, robust, chance = [], [], [], []
    for _ in range(replicates):
        X = rng.normal(size=(n, columns))
        y = rng.random(n) < 1 / (1 + np.exp(-(truth[0] + X @ truth[1:])))
        model = LogisticRegression().fit(X, y)
        for method, held in (("wald", wald), ("profile", profile)):
            s = model.summary(method=method)
            held.append((s.lower <= truth) & (truth <= s.upper))
        p = model.predict_interval(at)
        chance.append(p.lower[0] <= p_at <= p.upper[0])
        s = LogisticRegression(robust=True).fit(X, y).summary()
        robust.append((s.lower <= truth) & (truth <= s.upper))
    return [np.mean(v) for v in (wald, profile, robust, chance)]


def test_intervals_hold_the_truth_as_often_as_they_say():
    # 60 x 4 limits: a share of 0.95 has an error of about 0.014; 0.028 for the 60 probabilities.
    wald, profile, robust, chance = coverage(60, 250, 5)
    for share in (wald, profile, robust):
        assert 0.90 <= share <= 0.99
    assert chance >= 0.86


@pytest.mark.slow
def test_intervals_hold_the_truth_in_a_thousand_samples():
    for share in coverage(1000, 250, 6):
        assert 0.93 <= share <= 0.97
