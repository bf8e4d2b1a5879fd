"""Covariates in the shifted beta-geometric model: mpmath, groups fitted apart, predictions."""

from __future__ import annotations

import functools
import itertools

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from clv_contracts import fixed
from numpy.testing import assert_allclose
from sklearn.base import clone

import tenure as tn
from tenure import _core
from tenure._errors import InvalidInputError

SBG = tn.clv.ShiftedBetaGeometric
TRUTH = {"alpha": 0.7, "beta": 2.2, "churn": 0.6, "retention": -0.3}
LEVELS = ("app", "shop", "web")


@functools.cache
def customers(n=1500, seed=1, longest=9):
    rng = np.random.default_rng(seed)
    z, flag = rng.normal(size=n), rng.integers(0, 2, n)
    alpha = TRUTH["alpha"] * np.exp(TRUTH["churn"] * z)
    beta = TRUTH["beta"] * np.exp(TRUTH["retention"] * flag)
    life = rng.geometric(np.maximum(rng.beta(alpha, beta), 1e-12)) - 1
    watched = rng.integers(1, longest + 1, n)
    return {
        "renewals": np.minimum(life, watched).astype(float),
        "churned": life < watched,
        "z": z,
        "flag": flag.astype(float),
        "channel": np.array(LEVELS)[rng.integers(0, 3, n)],
    }


def rows(data, which):
    return {name: column[which] for name, column in data.items()}


@functools.cache
def fitted(**settings):
    wanted = {"churn_covariates": ("z",), "retention_covariates": ("flag",)}
    return SBG(**(wanted | settings)).fit(customers())


# --- likelihood -----------------------------------------------------------------------------------


def oracle(u, renewals, churned, weight, design, column, sign):
    """Log-likelihood from the definition, in mpmath."""
    total = mp.mpf(0)
    for n, lost, w, z in zip(renewals, churned, weight, design, strict=True):
        logs = [u[0], u[1]]
        for c, j in enumerate(column):
            for q in range(2):
                logs[q] += mp.mpf(sign[c][q]) * u[2 + c] * mp.mpf(float(z[j]))
        a, b = mp.exp(logs[0]), mp.exp(logs[1])
        share = mp.beta(a, b + int(n)) / mp.beta(a, b)
        after = mp.beta(a, b + int(n) + 1) / mp.beta(a, b)
        total += mp.mpf(float(w)) * mp.log(share - after if lost else share)
    return total


@pytest.mark.parametrize("seed", range(12))
def test_likelihood_and_derivatives_equal_mpmath(seed):
    rng = np.random.default_rng(seed)
    n, sign = 6, [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
    column = [0, 1, 0]
    design = rng.normal(size=(n, 2))
    if seed % 2:
        design = design[[0, 0, 0, 1, 1, 1]]  # few patterns
    renewals = rng.integers(0, 12, n).astype(float)
    churned = rng.integers(0, 2, n).astype(np.uint8)
    weight = rng.uniform(0.5, 3.0, n)
    u = np.append(rng.normal(0.0, 2.0, 2), rng.normal(0.0, 0.7, 3))
    value, gradient, hessian = _core.clv.shifted_beta_geometric_covariate_log_likelihood(
        np.append(np.exp(u[:2]), u[2:]), renewals, churned, weight, design.ravel(), 2,
        np.array(column), np.array(sign).ravel(), 1,
    )  # fmt: skip
    with mp.workdps(40):
        point = [mp.log(mp.mpf(float(v))) for v in np.exp(u[:2])] + [mp.mpf(v) for v in u[2:]]

        def f(*at):
            return oracle(at, renewals, churned, weight, design, column, sign)

        assert value == pytest.approx(float(f(*point)), rel=1e-12)
        for i in range(5):
            order = [int(k == i) for k in range(5)]
            slope = float(mp.diff(f, point, order))
            assert gradient[i] == pytest.approx(slope, rel=1e-10, abs=1e-11)
        for i, j in itertools.combinations_with_replacement(range(0, 5, 2), 2):
            order = [int(k == i) + int(k == j) for k in range(5)]
            curve = float(mp.diff(f, point, order))
            assert hessian[5 * i + j] == pytest.approx(curve, rel=1e-8, abs=1e-9)


def test_coefficients_of_0_are_the_model_without():
    data = customers()
    plain = SBG().fit(data)
    value, gradient, _ = _core.clv.shifted_beta_geometric_covariate_log_likelihood(
        np.append(plain._point(), [0.0]), data["renewals"], data["churned"].astype(np.uint8), None,
        data["z"], 1, np.array([0]), np.array([1.0, 0.0]), 1,
    )  # fmt: skip
    assert value == pytest.approx(plain.log_likelihood_, rel=1e-13)
    assert np.abs(gradient[:2]).max() < 1e-6
    shrunk = fitted(covariate_l2=1e9)
    assert_allclose(shrunk._point(), plain._point(), rtol=1e-6)
    assert_allclose(shrunk.coefficients_, 0.0, atol=1e-8)


def test_dummies_in_alpha_and_beta_are_groups_fitted_apart():
    data = customers()
    model = SBG(churn_covariates="channel", retention_covariates="channel").fit(data)
    apart = [SBG().fit(rows(data, data["channel"] == level)) for level in LEVELS]
    together = sum(m.log_likelihood_ for m in apart)
    assert model.log_likelihood_ == pytest.approx(together, rel=1e-10)
    own = np.array([np.log(m._point()) for m in apart])
    assert_allclose(np.log(model._point()), own[0], atol=1e-6)
    assert_allclose(model.coefficients_, (own[1:] - own[0]).T.ravel(), atol=1e-6)
    covariance = np.diagonal(apart[1].log_covariance_ + apart[0].log_covariance_)
    assert_allclose(model.coef_.standard_error[[0, 2]] ** 2, covariance, rtol=1e-5)


def test_coefficients_of_simulated_customers_are_found():
    model = SBG(churn_covariates="z", retention_covariates="flag").fit(customers(20_000, 5))
    table = model.coefficients(0.999)
    truths = [TRUTH["churn"], TRUTH["retention"]]
    assert table.process == ("churn", "retention")
    for low, truth, high in zip(table.lower, truths, table.upper, strict=True):
        assert low < truth < high
    assert (table.upper - table.lower).max() < 1.0


def test_the_test_of_the_likelihood_ratio_counts_coefficients():
    data = customers()
    plain, model = SBG().fit(data), fitted()
    test = tn.clv.likelihood_ratio_test(plain, model)
    assert test.df == 2
    assert test.p_value < 1e-6
    noise = data | {"noise": np.random.default_rng(3).normal(size=len(data["z"]))}
    nothing = SBG(churn_covariates="noise").fit(noise)
    assert tn.clv.likelihood_ratio_test(plain, nothing).p_value > 0.01
    with pytest.raises(InvalidInputError, match=r"covariate_l2=0\.1"):
        tn.clv.likelihood_ratio_test(plain, fitted(covariate_l2=0.1))


def test_profile_limits_lose_what_they_say():
    """At a limit the best of the other coordinates loses half a chi-square quantile."""
    data, model = customers(), fitted()
    table = model.profile_interval(data, 0.9)
    assert table.parameter == ("alpha", "beta", "churn of z", "retention of flag")
    normal = model.coefficients(0.9)
    assert_allclose(table.lower[2:], normal.lower, atol=0.05)
    assert_allclose(table.upper[2:], normal.upper, atol=0.05)
    for limit in (table.lower[2], table.upper[2]):
        # An offset: alpha moved by a fixed multiple of z, the coefficient of z left out.
        offset = limit * data["z"]
        kernel = _core.clv.shifted_beta_geometric_covariate_log_likelihood

        def loss(u, offset=offset, kernel=kernel):
            value, gradient, hessian = kernel(
                np.append(np.exp(u[:2]), [1.0, u[2]]), data["renewals"],
                data["churned"].astype(np.uint8), None,
                np.column_stack([offset, data["flag"]]).ravel(), 2, np.array([0, 1]),
                np.array([1.0, 0.0, 0.0, 1.0]), 1,
            )  # fmt: skip
            keep = [0, 1, 3]
            return value, gradient[keep], hessian.reshape(4, 4)[np.ix_(keep, keep)]

        u = np.append(np.log(model._point()), model.coefficients_[1])
        for _ in range(50):
            value, g, h = loss(u)
            u = u - np.linalg.solve(h, g)
        assert 2.0 * (model.log_likelihood_ - value) == pytest.approx(2.705543454, rel=1e-6)
    with pytest.raises(InvalidInputError, match="covariate_l2 must be 0"):
        fitted(covariate_l2=0.1).profile_interval(data)
    with pytest.raises(InvalidInputError, match="data must be those of the fit"):
        model.profile_interval(rows(data, slice(0, 900)))


# --- invariances ----------------------------------------------------------------------------------


def test_units_of_columns_weights_and_order_do_not_matter():
    data, one = customers(), fitted()
    two = clone(one).fit(data | {"z": 12.0 * data["z"] - 7.0})
    assert_allclose(two.coefficients_ * [12.0, 1.0], one.coefficients_, rtol=1e-6)
    assert two.log_likelihood_ == pytest.approx(one.log_likelihood_, rel=1e-12)
    weight = np.random.default_rng(2).integers(0, 3, len(data["z"]))
    repeated = {name: np.repeat(column, weight) for name, column in data.items()}
    three, four = clone(one).fit(data, weight), clone(one).fit(repeated)
    assert_allclose(three.coefficients_, four.coefficients_, rtol=1e-6)
    assert three.score(data, weight) == pytest.approx(four.score(repeated), rel=1e-10)
    order = np.random.default_rng(3).permutation(len(data["z"]))
    assert_allclose(clone(one).fit(rows(data, order)).coefficients_, one.coefficients_, rtol=1e-7)


def test_thread_counts_give_the_same_bits():
    data = customers(3000, 8)
    settings = {"churn_covariates": "z", "retention_covariates": "channel"}
    models = [SBG(**settings, renewal="year", n_threads=t).fit(data) for t in (1, 2, 5)]
    few = rows(data, slice(0, 60))
    for model in models[1:]:
        assert model.coefficients_.tobytes() == models[0].coefficients_.tobytes()
        assert model.joint_covariance_.tobytes() == models[0].joint_covariance_.tobytes()
        a, b = (m.discounted_residual_lifetime(few, interval=0.9) for m in (model, models[0]))
        assert a.lower.tobytes() == b.lower.tobytes()


def test_equal_covariates_have_one_coefficient():
    data = customers()
    settings = {"churn_covariates": ["z"], "retention_covariates": ["z"]}
    free = SBG(**settings).fit(data)
    model = SBG(**settings, equal_covariates="z").fit(data)
    assert model.coef_.process == ("both",)
    assert (model.n_parameters_, free.n_parameters_) == (3, 4)
    assert tn.clv.likelihood_ratio_test(model, free).df == 1


# --- predictions ----------------------------------------------------------------------------------


def test_predictions_are_those_of_the_parameters_of_the_customer():
    data, model = rows(customers(), slice(0, 25)), fitted(renewal="year")
    g, h = model.coefficients_
    calls = {
        "residual": lambda m, d, c: m.discounted_residual_lifetime(d),
        "horizon": lambda m, d, c: m.expected_residual_lifetime(d, horizon=7),
        "elasticity": lambda m, d, c: m.retention_elasticity(d),
        "survival": lambda m, d, c: m.survival(4, d["renewals"], **c),
        "kept": lambda m, d, c: m.retention_rate(3, **c),
        "lifetime": lambda m, d, c: m.discounted_lifetime(**c),
    }
    together = {k: call(model, data, {"covariates": data}) for k, call in calls.items()}
    for i in range(25):
        one = rows(data, slice(i, i + 1))
        point = model._point() * np.exp([g * one["z"][0], h * one["flag"][0]])
        own = fixed("shifted_beta_geometric", point, renewal="year")
        for key, call in calls.items():
            wanted = np.ravel(call(own, {k: one[k] for k in ("renewals", "churned")}, {}))[0]
            assert together[key][i] == pytest.approx(wanted, rel=1e-9, nan_ok=True), key


def test_limits_follow_from_the_covariance_of_all_parameters():
    model = fitted(renewal="year")
    people = {"renewals": [0.0, 3.0], "z": [1.0, -0.5], "flag": [0.0, 1.0]}
    design = np.column_stack([people["z"], people["flag"]])
    point = np.append(np.log(model._point()), model.coefficients_)
    step = 1e-5

    def value(theta):
        at = np.append(np.exp(theta[:2]), theta[2:])
        kernel = _core.clv.shifted_beta_geometric_covariate_residual
        effects = model._effects(design)
        return np.log(
            kernel(at, None, np.array(people["renewals"]), np.log(1.1), np.inf, False, *effects, 1)
        )

    slope = [(value(point + step * e) - value(point - step * e)) / (2 * step) for e in np.eye(4)]
    error = np.sqrt(np.einsum("ik,ij,jk->k", slope, model.joint_covariance_, slope))
    table = model.discounted_residual_lifetime(people, interval=0.95)
    assert_allclose(np.log(table.upper / table.value) / 1.959963985, error, rtol=1e-6)
    curve = model.survival(4, interval=0.95, covariates=people)
    assert np.all((curve.lower < curve.value) & (curve.value < curve.upper))


def test_expected_survivors_are_a_mean_over_the_customers():
    data, model = customers(), fitted()
    table = model.expected_survivors(data, max_renewal=12)
    t = 4
    wanted = model.survival(t, covariates=data)
    assert table.survival[t - 1] == pytest.approx(wanted.mean(), rel=1e-10)
    at_risk = np.where(data["churned"], data["renewals"] + 1, data["renewals"]) >= t
    rates = model.retention_rate(t, covariates=data)
    assert table.expected[t - 1] == pytest.approx(rates[at_risk].sum(), rel=1e-10)
    assert np.all((table.lower <= table.survival) & (table.survival <= table.upper))


def test_one_row_of_covariates_serves_many_ages():
    model = fitted(renewal="month")
    one = {"z": [0.4], "flag": [1.0]}
    curve = model.survival([1, 2, 5], covariates=one)
    assert curve.shape == (3,)
    assert curve[2] == pytest.approx(model.survival(5, covariates=one)[0])
    table = model.residual_lifetime(2, 6, covariates=one)
    assert table.survival[1] == pytest.approx(model.survival(2, 2, covariates=one)[0])


def test_saved_models_predict_the_same(tmp_path):
    data = customers()
    model = SBG(churn_covariates=["channel", "z"], renewal="month").fit(data)
    data = rows(data, slice(0, 60))
    model.save(tmp_path / "model")
    back = tn.load(tmp_path / "model")
    a, b = (m.discounted_residual_lifetime(data, interval=0.9) for m in (model, back))
    assert a.upper.tobytes() == b.upper.tobytes()
    assert "exp_estimate" in repr(back)


def test_refits_forget_the_covariates_of_before():
    model = SBG(churn_covariates="z").fit(customers())
    model.set_params(churn_covariates=None).fit([1000, 631, 468, 382])
    assert len(model.coef_) == 0
    assert 0.0 < model.survival(3) < 1.0


# --- what is refused ------------------------------------------------------------------------------

REFUSED = [
    (lambda: SBG(churn_covariates="z").fit([1000, 700, 500]), "data", "need customers"),
    (lambda: SBG(churn_covariates="zz").fit(customers()), "zz", "not a column"),
    (lambda: SBG(churn_covariates="z", equal_covariates="z").fit(customers()), "equal_covariates",
     "of churn and of retention"),
    (lambda: SBG(churn_covariates="z", covariate_alpha=-1.0).fit(customers()), "covariate_alpha",
     ">= 0"),
    (lambda: SBG(churn_covariates="z", covariate_l1_ratio=2.0).fit(customers()),
     "covariate_l1_ratio", "<= 1"),
    (lambda: fitted().survival(3), "covariates", "give covariates="),
    (lambda: fitted().survival([1, 2], covariates=customers()), "covariates", "rows, but 2"),
    (lambda: fitted().residual_lifetime(1, covariates=customers()), "covariates", "the one row"),
    (lambda: fitted().discounted_lifetime(), "covariates", "give covariates="),
    (lambda: fitted(renewal="year").discounted_residual_lifetime([1, 2]), "data", "need customers"),
    (lambda: SBG().fit(customers()).survival(1, covariates=customers()), "covariates",
     "without covariates"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "argument", "says"), REFUSED)
def test_what_cannot_be_is_named(call, argument, says):
    with pytest.raises(InvalidInputError, match=says) as error:
        call()
    assert error.value.argument == argument


def test_frames_of_all_kinds_give_one_fit():
    data = customers()
    frames = [data, pd.DataFrame(data), pd.DataFrame(data).astype({"channel": "category"})]
    fits = [SBG(churn_covariates=["channel"]).fit(frame) for frame in frames]
    for fit in fits[1:]:
        assert fit.coefficients_.tolist() == fits[0].coefficients_.tolist()
