"""Discrete-time hazards: published person-weeks, the table of person-periods, refusals."""

from __future__ import annotations

import csv
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.churn import DiscreteTimeHazard

REFERENCE = Path(__file__).parents[1] / "reference"
NAMES = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]


def rossi():
    with (REFERENCE / "rossi.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    X = {c: np.array([float(r[c]) for r in rows]) for c in NAMES}
    return X, [int(r["week"]) for r in rows], [int(r["arrest"]) for r in rows]


# --- published values (R 4.2.2, glm of 19,809 person-weeks) ---------------------------------------


def test_rossi_logit_with_linear_week():
    model = DiscreteTimeHazard(period="linear").fit(*rossi())
    assert model.converged_
    assert model.n_person_periods_ == 19809
    assert_allclose(model.period_coef_[1], 0.018219039, rtol=0, atol=6e-10)
    assert_allclose(model.coef_[:2], [-0.38234884, -0.05751771], rtol=0, atol=6e-9)
    assert_allclose(-2 * model.log_likelihood_, 1363.546, rtol=0, atol=6e-4)


def test_rossi_cloglog_with_week_factors():
    model = DiscreteTimeHazard(link="cloglog").fit(*rossi())
    assert model.converged_
    published = [-0.38017237, -0.05754650, 0.09176942]
    assert_allclose(model.coef_[[0, 1, 6]], published, rtol=0, atol=6e-9)
    assert model.periods_.size == 49  # nobody was arrested in the other three


# --- the table of person-periods ------------------------------------------------------------------


def data(seed, n=40):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    entry = rng.integers(0, 2, n)
    duration = entry + rng.integers(1, 6, n)
    churned = rng.random(n) < 0.5
    churned[:2] = [True, False]
    return X, duration, churned, entry, rng.integers(1, 4, n).astype(float)


def written_out(X, duration, churned, entry, weight):
    rows = [
        (i, t, bool(churned[i]) and t == duration[i])
        for i in range(len(duration))
        for t in range(entry[i] + 1, duration[i] + 1)
    ]
    i, t, y = map(np.array, zip(*rows, strict=True))
    return X[i], t, y, weight[i]


def log_likelihood(model, columns):
    x, t, y, w = columns
    h = np.array([model.predict_hazard(x[k : k + 1], [t[k]])[0, 0] for k in range(t.size)])
    with np.errstate(divide="ignore"):
        return float(w @ np.where(y, np.log(h), np.log1p(-h)))


@settings(max_examples=20)
@given(st.integers(0, 1000), st.sampled_from(["logit", "cloglog"]),
       st.sampled_from(["linear", "constant"]))  # fmt: skip
def test_equals_the_regression_of_person_periods(seed, link, period):
    X, duration, churned, entry, weight = data(seed)
    model = DiscreteTimeHazard(link=link, period=period).fit(X, duration, churned, entry, weight)
    x, t, y, w = written_out(X, duration, churned, entry, weight)
    time = np.column_stack([np.ones(t.size), t])[:, : 1 + (period == "linear")]
    Z = np.hstack([time, x])

    def loss(b):
        eta = Z @ b
        if link == "logit":
            return -float(w @ (y * eta - np.logaddexp(0, eta)))
        e = np.exp(np.minimum(eta, 30))
        return -float(w @ np.where(y, np.log(-np.expm1(-e)), -e))

    fitted = np.concatenate([model.period_coef_, model.coef_])
    assert_allclose(model.log_likelihood_, -loss(fitted), rtol=1e-10)
    found = scipy.optimize.minimize(loss, fitted + 0.01, method="BFGS")
    assert -found.fun <= model.log_likelihood_ + 1e-9 * abs(model.log_likelihood_)
    h = 1e-4
    k = fitted.size
    hessian = np.array([
        [(loss(fitted + h * (a + b)) - loss(fitted + h * (a - b)) - loss(fitted - h * (a - b))
          + loss(fitted - h * (a + b))) / (4 * h * h) for a in np.eye(k)] for b in np.eye(k)
    ])  # fmt: skip
    assert_allclose(model.covariance_ @ hessian, np.eye(k), rtol=0, atol=1e-3)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.sampled_from(["logit", "cloglog"]))
def test_factors_maximise_the_likelihood_of_person_periods(seed, link):
    X, duration, churned, entry, weight = data(seed, 60)
    # One who is asked in every period and never leaves, so that no hazard is 1.
    X, weight = np.vstack([X, [[0.0, 0.0]]]), np.append(weight, 1.0)
    duration, churned = np.append(duration, 7), np.append(churned, False)
    entry = np.append(entry, 0)
    model = DiscreteTimeHazard(link=link).fit(X, duration, churned, entry, weight)
    columns = written_out(X, duration, churned, entry, weight)
    best = log_likelihood(model, columns)
    assert_allclose(best, model.log_likelihood_, rtol=1e-9)
    for name, size in (("coef_", 2), ("period_coef_", model.periods_.size)):
        for k in range(size):
            for step in (-0.01, 0.01):
                other = pickle.loads(pickle.dumps(model))
                moved = getattr(other, name).copy()
                moved[k] += step
                setattr(other, name, moved)
                assert log_likelihood(other, columns) < best


def test_survival_is_the_product_of_stays():
    model = DiscreteTimeHazard(period="linear").fit(*data(1)[:3])
    X = np.array([[0.3, -0.2]])
    h = model.predict_hazard(X, [1, 2, 3, 4])[0]
    stay = model.predict_survival(X, [0, 1, 3, 4])[0]
    assert_allclose(stay, [1, 1 - h[0], np.prod(1 - h[:3]), np.prod(1 - h)], rtol=1e-13)
    given_two = model.predict_survival(X, [2, 4], tenure=2)[0]
    assert_allclose(given_two, [1, (1 - h[2]) * (1 - h[3])], rtol=1e-13)


def test_threads_do_not_change_a_bit():
    rng = np.random.default_rng(0)
    X, t = rng.normal(size=(30_000, 3)), rng.integers(1, 12, 30_000)
    c = rng.random(30_000) < 0.4
    fits = [DiscreteTimeHazard(n_threads=k).fit(X, t, c) for k in (1, 2, 5)]
    for fit in fits[1:]:
        assert fit.coef_.tobytes() == fits[0].coef_.tobytes()
        assert fit.covariance_.tobytes() == fits[0].covariance_.tobytes()


def test_factors_know_nothing_beyond_the_last_period():
    model = DiscreteTimeHazard().fit([[0.0], [1.0], [2.0], [0.5]], [1, 3, 3, 3], [1, 1, 0, 0])
    hazard = model.predict_hazard([[0.0]], [2, 4])[0]
    assert hazard[0] == 0.0
    assert math.isnan(hazard[1])


def test_a_column_that_tells_who_leaves_is_a_boundary():
    with pytest.warns(tn.ConvergenceWarning, match="did not converge"):
        model = DiscreteTimeHazard(period="constant").fit(
            [[0.0], [0.0], [1.0], [1.0]], [1, 1, 3, 3], [1, 1, 0, 0]
        )
    assert not model.converged_


X3 = [[0.1], [0.7], [0.3]]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda m: m.fit(X3, [1, 0, 2], [1, 0, 0]), r"duration\[1\]"),
        (lambda m: m.fit(X3, [1, 1.5, 2], [1, 0, 0]), r"duration\[1\]"),
        (lambda m: m.fit(X3, [1, 2, 10**6], [1, 0, 0]), r"duration\[2\]"),
        (lambda m: m.fit(X3, [1, 2, 3], [0, 0, 0]), "nobody left"),
        (lambda m: m.fit(X3, [1, 2, 3], [1, 0]), "churned has 2 rows"),
        (lambda m: m.fit(X3, [1, 2, 3], [1, 0, 0], entry=[0, 2, 0]), r"entry\[1\]"),
        (lambda m: m.fit(X3, [1, 2, 3], [1, 0, 0], sample_weight=[1, -1, 1]), "sample_weight"),
        (lambda m: m.fit([[1.0]] * 3, [1, 2, 3], [1, 0, 0]), "does not vary"),
        (lambda m: m.set_params(link="probit").fit(X3, [1, 2, 3], [1, 0, 0]), "link"),
        (lambda m: m.set_params(period="square").fit(X3, [1, 2, 3], [1, 0, 0]), "period"),
    ],
)
def test_refusals(call, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        call(DiscreteTimeHazard(period="constant"))


def test_saved_and_read():
    model = DiscreteTimeHazard().fit(*data(3)[:2], data(3)[2] & (np.arange(40) % 2 == 0))
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_hazard([[0.0, 1.0]], [1, 2]),
                       model.predict_hazard([[0.0, 1.0]], [1, 2]))  # fmt: skip
