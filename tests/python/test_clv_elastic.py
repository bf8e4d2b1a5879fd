"""The elastic penalty of coefficients: conditions of the optimum, limits, another optimiser."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import scipy.optimize
from clv_covariates import awkward
from clv_models import gompertz_customers
from numpy.testing import assert_allclose
from sklearn.base import clone

import tenure as tn
from tenure import _core
from tenure._errors import InvalidInputError
from tenure.clv import _design

NOISE = tuple(f"n{k}" for k in range(4))


@functools.cache
def buyers():
    data, rng = awkward(900, 4), np.random.default_rng(4)
    return data | {name: rng.normal(size=900) for name in NOISE}


@functools.cache
def leavers():
    rng = np.random.default_rng(6)
    z = rng.normal(size=900)
    theta = (0.4, 3.0 * np.exp(-0.3 * z), 0.25, 1.5, 400.0 * np.exp(-0.8 * z))
    data = gompertz_customers(900, 6, theta) | {"z": 2.0 * z + 5.0}
    return data | {name: rng.normal(size=900) for name in NOISE}


@functools.cache
def contracts():
    rng = np.random.default_rng(2)
    n = 1500
    z, noise = rng.normal(size=n), rng.normal(size=(4, n))
    theta = rng.beta(0.7 * np.exp(0.5 * z), 2.0)
    life, watched = rng.geometric(np.maximum(theta, 1e-9)) - 1, rng.integers(1, 9, n)
    data = {"renewals": np.minimum(life, watched).astype(float), "churned": life < watched}
    return data | {"z": 3.0 * z + 1.0} | dict(zip(NOISE, noise, strict=True))


@functools.cache
def spenders():
    rng = np.random.default_rng(3)
    n = 2500
    x, z, noise = rng.integers(1, 8, n), rng.normal(size=n), rng.normal(size=(4, n))
    m = rng.gamma(6.0 * x) / (rng.gamma(4.0, 1.0, n) / (15.0 * np.exp(0.3 * z)) * x)
    data = {"frequency": x.astype(float), "monetary_value": m, "z": z / 50.0}
    return data | dict(zip(NOISE, noise, strict=True))


COLUMNS = ("z", *NOISE)
MODELS = {
    "BGNBD": (tn.clv.BGNBD(purchase_covariates=COLUMNS, dropout_covariates="z"), buyers),
    "BGNBD separate": (
        tn.clv.BGNBD(dropout_covariates=COLUMNS, separate_dropout=True, l2=1e-3),
        buyers,
    ),
    "MBGNBD": (tn.clv.MBGNBD(purchase_covariates=COLUMNS, l2=1e-3), buyers),
    "ParetoNBD": (tn.clv.ParetoNBD(purchase_covariates=COLUMNS, l2=1e-3), buyers),
    "GGompertzNBD": (
        tn.clv.GGompertzNBD(purchase_covariates=COLUMNS, dropout_covariates="z"),
        leavers,
    ),
    "NBD": (tn.clv.NBD(purchase_covariates=COLUMNS), buyers),
    "ShiftedBetaGeometric": (
        tn.clv.ShiftedBetaGeometric(churn_covariates=COLUMNS, retention_covariates=NOISE),
        contracts,
    ),
    "GammaGamma": (tn.clv.GammaGamma(covariates=COLUMNS, frequency_effect=True), spenders),
}
by_model = pytest.mark.parametrize("name", MODELS)


@functools.cache
def fitted(name, alpha, ratio):
    model, data = MODELS[name]
    model = clone(model).set_params(covariate_alpha=alpha, covariate_l1_ratio=ratio)
    return model.fit(data())


def gradient(model, data):
    """Of the mean log-likelihood in the coefficients of standardised columns; the coefficients."""
    kernel, design, weight = model._joint_likelihood_of(data, None)
    _, slope, _ = kernel(model._joint_point())
    names = _design.design_names(model.covariate_levels_)
    scaling = _design.scaling_of(design, weight, names)
    k, n = len(model.parameter_names), model.n_customers_
    by_coefficient = []
    for c, (_, _, j, direction) in enumerate(model._layout(model.covariate_levels_)):
        centred = slope[k + c] - scaling.mean[j] * np.dot(direction, slope[:k])
        by_coefficient.append(centred / scaling.spread[j] / n)
    spread = [scaling.spread[j] for _, _, j, _ in model._layout(model.covariate_levels_)]
    return np.array(by_coefficient), model.coefficients_ * spread, slope[:k] / n


@by_model
@pytest.mark.parametrize(("alpha", "ratio"), [(0.02, 1.0), (0.02, 0.5), (0.05, 0.8)])
def test_the_conditions_of_an_optimum_hold(name, alpha, ratio):
    """Zou & Hastie (2005): the gradient is the penalty's, or smaller where a coefficient is 0."""
    model, data = fitted(name, alpha, ratio), MODELS[name][1]()
    slope, coefficient, parameters = gradient(model, data)
    assert model.converged_
    assert model.gradient_norm_ <= 1e-6
    if model.l2 == 0.0:
        assert np.abs(parameters).max() < 2e-6 * max(1.0, abs(model.log_likelihood_))
    zero = coefficient == 0.0
    assert zero.any()
    assert np.all(np.abs(slope[zero]) <= alpha * ratio * (1 + 1e-9) + 1e-6)
    wanted = alpha * ratio * np.sign(coefficient) + alpha * (1.0 - ratio) * coefficient
    assert_allclose(slope[~zero], wanted[~zero], atol=3e-6)


@by_model
def test_a_large_penalty_leaves_nothing_and_a_small_one_everything(name):
    model, data = MODELS[name]
    data = data()
    none = fitted(name, 10.0, 1.0)
    assert not none.coefficients_.any()
    names = ("purchase_covariates", "dropout_covariates", "churn_covariates",
             "retention_covariates", "covariates")  # fmt: skip
    bare = dict.fromkeys((n for n in names if n in model.get_params()), None)
    if "frequency_effect" in model.get_params():
        bare["frequency_effect"] = False
    plain = clone(model).set_params(**bare).fit(data)
    assert_allclose(none._point(), plain._point(), rtol=1e-5)
    assert none.log_likelihood_ == pytest.approx(plain.log_likelihood_, rel=1e-9)
    assert none.n_parameters_ == plain.n_parameters_
    free, small = fitted(name, 0.0, 0.5), fitted(name, 1e-9, 1.0)
    assert_allclose(small.coefficients_, free.coefficients_, rtol=1e-3, atol=1e-5)


@by_model
def test_a_ratio_of_0_is_the_penalty_of_squares(name):
    ridge = clone(MODELS[name][0]).set_params(covariate_l2=0.02).fit(MODELS[name][1]())
    model = fitted(name, 0.04, 0.0)
    assert model.coefficients_.tobytes() == ridge.coefficients_.tobytes()
    assert np.isfinite(model.coef_.standard_error).all()


@by_model
def test_a_penalty_of_sizes_tells_no_errors(name):
    model, data = fitted(name, 0.02, 1.0), MODELS[name][1]()
    assert np.isnan(model.coef_.standard_error).all()
    assert np.isnan(model.joint_covariance_).all()
    assert np.isnan(list(model.standard_errors_.values())).all()
    assert model.n_parameters_ == len(model.params_) + np.count_nonzero(model.coefficients_)
    with pytest.raises(InvalidInputError, match=r"(l2|covariate_alpha) must be 0"):
        model.profile_interval(data)
    with pytest.raises(InvalidInputError, match=r"\((l2=0\.001|covariate_alpha=0\.02)\)"):
        tn.clv.likelihood_ratio_test(model, fitted(name, 0.0, 0.5))
    assert np.isfinite(model.score(data))


def test_another_optimiser_finds_the_same_point():
    """L-BFGS-B on coefficients split into two parts that are not negative."""
    data, alpha, ratio = contracts(), 0.02, 0.7
    model = tn.clv.ShiftedBetaGeometric(
        churn_covariates=COLUMNS, covariate_alpha=alpha, covariate_l1_ratio=ratio
    ).fit(data)
    design = np.column_stack([data[name] for name in COLUMNS])
    design = (design - design.mean(axis=0)) / design.std(axis=0)
    kernel = _core.clv.shifted_beta_geometric_covariate_log_likelihood
    churned, k = data["churned"].astype(np.uint8), design.shape[1]
    effects = (design.ravel(), k, np.arange(k), np.tile([1.0, 0.0], k))

    def loss(v):
        theta = v[2 : 2 + k] - v[2 + k :]
        at = np.append(np.exp(v[:2]), theta)
        value, slope, _ = kernel(at, data["renewals"], churned, None, *effects, 1)
        n = len(churned)
        total = -value / n + alpha * (1 - ratio) / 2 * theta @ theta + alpha * ratio * v[2:].sum()
        both = -slope[2:] / n + alpha * (1 - ratio) * theta
        return total, np.concatenate([-slope[:2] / n, both + alpha * ratio, -both + alpha * ratio])

    bounds = [(None, None)] * 2 + [(0.0, None)] * (2 * k)
    found = scipy.optimize.minimize(
        loss, np.zeros(2 + 2 * k), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 2000},
    )  # fmt: skip
    theta = found.x[2 : 2 + k] - found.x[2 + k :]
    spread = np.array([np.std(data[name]) for name in COLUMNS])
    assert_allclose(model.coefficients_ * spread, theta, atol=2e-5)
    assert (model.coefficients_ == 0.0).tolist() == (np.abs(theta) < 1e-9).tolist()


@by_model
def test_units_of_columns_and_threads_do_not_matter(name):
    one, data = fitted(name, 0.02, 0.7), MODELS[name][1]()
    moved = data | {"z": 5.0 - 40.0 * np.asarray(data["z"])}
    two = clone(one).fit(moved)
    factor = np.array([-40.0 if c == "z" else 1.0 for c in one.coef_.covariate])
    assert_allclose(two.coefficients_ * factor, one.coefficients_, rtol=1e-5, atol=1e-8)
    more = clone(one).set_params(n_threads=3).fit(data)
    assert (
        more.coefficients_.tobytes()
        == clone(one).set_params(n_threads=1).fit(data).coefficients_.tobytes()
    )


def test_collinear_columns_are_accepted_with_a_penalty():
    data = contracts() | {"twice": 2.0 * contracts()["z"]}
    model = tn.clv.ShiftedBetaGeometric(churn_covariates=["z", "twice"])
    with pytest.raises(InvalidInputError, match="or give covariate_l2 or covariate_alpha"):
        model.fit(data)
    ridge = clone(model).set_params(covariate_alpha=0.02, covariate_l1_ratio=0.5).fit(data)
    assert ridge.converged_
    # Squares share the weight between equal columns.
    assert ridge.coefficients_[0] == pytest.approx(2.0 * ridge.coefficients_[1], rel=1e-5)


def test_a_penalised_model_is_saved(tmp_path):
    model = fitted("GammaGamma", 0.02, 1.0)
    model.save(tmp_path / "model")
    back = tn.load(tmp_path / "model")
    assert back.get_params() == model.get_params()
    assert back.coefficients_.tolist() == model.coefficients_.tolist()
    assert "nan" in repr(back)


# --- the choice of a penalty ----------------------------------------------------------------------


def test_a_path_scores_each_penalty_on_customers_held_out():
    data, alphas = contracts(), [0.5, 0.01, 0.001]
    model = tn.clv.ShiftedBetaGeometric(churn_covariates=COLUMNS, covariate_l1_ratio=1.0)
    path = tn.clv.penalty_path(model, data, alphas[::-1], folds=3, random_state=7)
    assert path.alpha.tolist() == alphas
    fold = np.random.default_rng(7).permutation(np.arange(1500) % 3)
    for i, alpha in enumerate(alphas):
        total, count = 0.0, 0
        for k in range(3):
            train, test = ({n: v[w] for n, v in data.items()} for w in (fold != k, fold == k))
            fit = clone(model).set_params(covariate_alpha=alpha).fit(train)
            total, count = total + fit.score(test) * (fold == k).sum(), count + (fold == k).sum()
        assert path.score[i] == pytest.approx(total / count, rel=1e-7)
        whole = clone(model).set_params(covariate_alpha=alpha).fit(data)
        assert path.coefficients[i].tolist() == pytest.approx(whole.coefficients_.tolist())
    assert path.names == tuple(f"churn of {c}" for c in COLUMNS)
    assert path.converged.all()
    assert path.best in (0.01, 0.001)
    assert path.best_within_error >= path.best
    assert not hasattr(model, "params_")


@by_model
def test_a_path_begins_where_the_first_coefficient_comes_in(name):
    model, data = MODELS[name]
    model = clone(model).set_params(covariate_l1_ratio=0.9)
    path = tn.clv.penalty_path(model, data(), n_alphas=4, folds=2)
    assert path.non_zero[0] == 0
    assert path.non_zero[-1] > 0
    below = clone(model).set_params(covariate_alpha=0.99 * path.alpha[0]).fit(data())
    assert np.count_nonzero(below.coefficients_) == 1
    assert_allclose(path.alpha[-1] / path.alpha[0], 1e-3)
    assert "hold-out" in repr(path)


def test_what_a_path_refuses():
    with pytest.raises(InvalidInputError, match="one with covariates") as error:
        tn.clv.penalty_path(tn.clv.BGNBD(), buyers())
    assert error.value.argument == "model"
    model = tn.clv.BGNBD(purchase_covariates="z")
    for more, says in (
        ({"alphas": [0.0, 1.0]}, "alphas must be numbers > 0"),
        ({"alphas": []}, "alphas must be numbers > 0"),
        ({"folds": 1}, "folds"),
        ({"folds": 901}, "at most the 900 rows"),
        ({"n_alphas": 0}, "n_alphas"),
        ({"random_state": -1}, "random_state"),
    ):
        with pytest.raises(InvalidInputError, match=says):
            tn.clv.penalty_path(model, buyers(), **more)
