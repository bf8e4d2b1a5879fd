"""Covariates in GGompertz/NBD and in NBD: the reference, groups apart, predictions, limits."""

from __future__ import annotations

import csv
import functools
import math
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.optimize
import scipy.stats
from clv_covariates import BOTH, cdnow
from clv_models import REFERENCE, at, gompertz_customers
from sklearn.base import clone

import tenure as tn
from tenure import _core
from tenure._errors import InvalidInputError

#: What a covariate of each process moves.
MOVES = {
    "ggompertz_nbd": {"purchase": (0, -1, 0, 0, 0), "dropout": (0, 0, 0, 0, -1)},
    "nbd": {"purchase": (0, -1)},
}
MODELS = {"ggompertz_nbd": tn.clv.GGompertzNBD, "nbd": tn.clv.NBD}
MODE = (1.5, 6.0, 0.25, 1.5, 400.0)  # most leave at an age of about 20
G, H = 0.4, 1.2
by_model = pytest.mark.parametrize("name", MODELS)


@functools.cache
def buyers(n=700, seed=3, g=G, h=H):
    """Customers whose rate and hazard a flag moves, with columns that move nothing beside it."""
    rng = np.random.default_rng([seed, 1])
    flag = rng.integers(0, 2, n).astype(float)
    r, alpha, b, s, beta = MODE
    theta = (r, alpha * np.exp(-g * flag), b, s, beta * np.exp(-h * flag))
    return gompertz_customers(n, seed, theta) | {
        "flag": flag,
        "kind": rng.choice(["web", "app", "shop"], n),
        "z": rng.normal(40.0, 10.0, n),
    }


def make(name, purchase=("flag",), dropout=("flag",), **settings):
    names = {"purchase_covariates": list(purchase), "dropout_covariates": list(dropout)}
    return MODELS[name](**{k: v for k, v in names.items() if k[:-11] in MOVES[name]}, **settings)


@functools.cache
def fitted(name, **settings):
    return make(name, **settings).fit(buyers())


def own_parameters(model, name, frame):
    """Parameters of each customer, written out."""
    shift = np.zeros((len(frame), len(model.parameter_names)))
    for process, covariate, value in zip(
        model.coef_.process, model.coef_.covariate, model.coef_.estimate, strict=True
    ):
        column, _, level = covariate.partition("[")
        z = frame[column] if not level else frame[column] == level[:-1]
        moves = MOVES[name]
        direction = np.sum(list(moves.values()), 0) if process == "both" else moves[process]
        shift += np.outer(z.astype(float), direction) * value
    return model._point() * np.exp(shift)


# --- the likelihood ------------------------------------------------------------------------------


@by_model
def test_likelihood_equals_the_reference_at_the_parameters_of_the_customer(name):
    """Values of mpmath at 30 to 50 digits; derivatives stand in the tests of the engine."""
    rng = np.random.default_rng(4)
    kernel = getattr(_core.clv, f"{name}_covariate_log_likelihood")
    k, directions = len(MODELS[name].parameter_names), list(MOVES[name].values())
    sign, column = np.array([*directions, directions[0]], dtype=float), [0] * len(directions) + [1]
    with (REFERENCE / f"clv_{name}_likelihood.csv").open() as file:
        rows = [[float.fromhex(v) for v in r] for r in list(csv.reader(file))[1:]]
    assert len(rows) == 500
    for row in rows:
        z, coefficients = rng.normal(size=2), rng.normal(scale=0.3, size=len(column))
        start = np.exp(np.log(row[:k]) - (coefficients * z[column]) @ sign)
        value, gradient, _ = kernel(
            np.append(start, coefficients), *(np.array([v]) for v in row[k : k + 3]), None, z, 2,
            np.array(column), sign.ravel(), 1,
        )  # fmt: skip
        # The parameters are those of the table to a rounding, which what is steep tells.
        slack = 1e-14 * np.abs(gradient).sum()
        assert value == pytest.approx(row[k + 3], rel=1e-12, abs=1e-12 + slack)


@by_model
def test_an_optimum_is_that_of_groups_that_share_what_they_share(name):
    """Groups apart: the plain kernel of each at its own alpha and beta adds up to the same."""
    model, data = fitted(name), buyers()
    kernel = getattr(_core.clv, f"{name}_log_likelihood")
    directions = np.array([MOVES[name][p] for p in model.coef_.process], dtype=float)
    k, n = len(model.parameter_names), model.n_parameters_
    value, gradient, hessian = 0.0, np.zeros(n), np.zeros((n, n))
    for flag in (0.0, 1.0):
        columns = [data[c][data["flag"] == flag] for c in ("frequency", "recency", "T")]
        point = model._point() * np.exp(flag * model.coefficients_ @ directions)
        v, g, h = kernel(point, *columns, None, 1)
        jacobian = np.hstack([np.eye(k), flag * directions.T])
        value += v
        gradient += jacobian.T @ g
        hessian += jacobian.T @ h.reshape(k, k) @ jacobian
    assert model.converged_
    assert model.log_likelihood_ == pytest.approx(value, rel=1e-12)
    assert np.abs(gradient).max() < 1e-6 * len(data["T"])
    np.testing.assert_allclose(model.joint_covariance_, np.linalg.inv(-hessian), rtol=1e-5)


def test_groups_of_nbd_by_another_optimiser():
    """SciPy on the negative binomial of SciPy, one alpha a group."""
    data, model = buyers(), fitted("nbd")
    x, age, flag = data["frequency"], data["T"], data["flag"]

    def loss(u):
        r, alpha = np.exp(u[0]), np.exp(u[1] - u[2] * flag)
        return -scipy.stats.nbinom.logpmf(x, r, alpha / (alpha + age)).sum()

    found = scipy.optimize.minimize(loss, [0.0, 1.0, 0.0], tol=1e-10)
    wanted = np.append(np.log(model._point()), model.coefficients_)
    np.testing.assert_allclose(found.x, wanted, atol=1e-4)
    whole = np.sum(x * np.log(age) - scipy.special.gammaln(x + 1))
    assert -found.fun - whole == pytest.approx(model.log_likelihood_, abs=1e-6)


@by_model
def test_covariates_that_do_not_matter_leave_the_model(name):
    data = buyers()
    plain = MODELS[name]().fit(data)
    model = make(name, covariate_l2=1e9).fit(data)
    np.testing.assert_allclose(model._point(), plain._point(), rtol=1e-5)
    assert np.abs(model.coefficients_).max() < 1e-7
    assert model.log_likelihood_ == pytest.approx(plain.log_likelihood_, abs=1e-5)
    test = tn.clv.likelihood_ratio_test(plain, fitted(name))
    assert test.df == len(MOVES[name])
    assert test.statistic == pytest.approx(
        2 * (fitted(name).log_likelihood_ - plain.log_likelihood_)
    )
    assert test.p_value == pytest.approx(scipy.stats.chi2.sf(test.statistic, test.df), rel=1e-9)


def test_cdnow_runs_to_its_pareto_limit_with_covariates_too():
    with pytest.warns(tn.ConvergenceWarning, match=r"boundary.*b runs to 0.*beta/b"):
        model = tn.clv.GGompertzNBD(**BOTH).fit(cdnow())
    pareto = tn.clv.ParetoNBD(**BOTH).fit(cdnow())
    assert model.status_ == "boundary"
    assert model.log_likelihood_ == pytest.approx(pareto.log_likelihood_, abs=1e-3)
    np.testing.assert_allclose(model.coefficients_, pareto.coefficients_, rtol=1e-2)
    assert model.beta_over_b_ == pytest.approx(pareto.params_["beta"], rel=1e-2)


# --- predictions ---------------------------------------------------------------------------------


@by_model
def test_predictions_are_those_of_a_model_with_the_parameters_of_the_customer(name):
    data = buyers()
    model = make(name, ("z", "flag"), ("kind",), unit="week").fit(data)
    frame = pd.DataFrame(data).head(30)
    few = {k: v[:30] for k, v in data.items()}
    calls = {
        "alive": lambda m, d: m.probability_alive(d),
        "expected": lambda m, d: m.expected_purchases(d, 20.0),
        "later": lambda m, d: m.probability_alive(d, ahead=7.0),
        "buys": lambda m, d: m.purchase_probability(d, 9.0),
        "counts": lambda m, d: m.probability_of_n_purchases_given(d, [0, 3], 30.0)[:, 1],
        "score": lambda m, d: m.log_score(d, d["frequency"], 30.0),
        "upper": lambda m, d: m.predictive_interval(d, 60.0).upper,
        "median": lambda m, d: m.next_purchase(d).time[:, 1],
        "lapse": lambda m, d: m.next_purchase(d).lapse,
        "DECT": lambda m, d: m.discounted_expected_purchases(d, 200.0, 0.1),
        "DERT": lambda m, d: m.discounted_expected_purchases(d, math.inf, 0.1),
    }
    together = {key: call(model, few) for key, call in calls.items()}
    new = model.expected_purchases_new([5.0, 50.0], covariates=few)
    chance = model.probability_of_n_purchases(2, 30.0, covariates=frame)
    parameters, counts = own_parameters(model, name, frame), np.zeros(4)
    for i in range(30):
        own = at(MODELS[name], parameters[i], unit="week")
        one = {k: few[k][i : i + 1] for k in ("frequency", "recency", "T")}
        counts += own.expected_frequency_counts(one, 3).expected
        for key, call in calls.items():
            assert together[key][i] == pytest.approx(call(own, one)[0], rel=1e-9), key
        np.testing.assert_allclose(new[i], own.expected_purchases_new([5.0, 50.0]), rtol=1e-9)
        assert chance[i] == pytest.approx(own.probability_of_n_purchases(2, 30.0), rel=1e-9)
    np.testing.assert_allclose(model.expected_frequency_counts(few, 3).expected, counts, rtol=1e-9)


@by_model
def test_limits_follow_from_the_covariance_of_all_parameters(name):
    model = fitted(name)
    data = {"frequency": [2, 5], "recency": [10.0, 9.0], "T": [14.0, 12.0], "flag": [1.0, 0.0]}
    step, k = 1e-5, len(model.parameter_names)
    point = np.append(np.log(model._point()), model.coefficients_)
    kernel = getattr(_core.clv, f"{name}_covariate_expected_purchases")
    columns = [np.asarray(data[c], dtype=float) for c in ("frequency", "recency", "T")]
    effects = model._effects(np.asarray(data["flag"])[:, None])

    def logs(u):
        return np.log(
            kernel(np.append(np.exp(u[:k]), u[k:]), None, *columns, *effects, 9.0, 0.0, 1)
        )

    slope = [
        (logs(point + step * e) - logs(point - step * e)) / (2 * step) for e in np.eye(len(point))
    ]
    error = np.sqrt(np.einsum("ik,ij,jk->k", slope, model.joint_covariance_, slope))
    table = model.expected_purchases(data, 9.0, interval=0.95)
    np.testing.assert_allclose(np.log(table.upper / table.value) / 1.959963985, error, rtol=1e-5)


@by_model
def test_profile_limits_lose_half_a_quantile(name):
    """At a limit the best of all the other coordinates, by SciPy, loses what the level says."""
    model = fitted(name)
    table, k, n = model.profile_interval(buyers(), 0.9), len(model.params_), model.n_parameters_
    assert table.parameter[k:] == tuple(f"{process} of flag" for process in MOVES[name])
    kernel, _, _ = model._joint_likelihood_of(buyers(), None)
    optimum = np.append(np.log(model._point()), model.coefficients_)
    for i, limit in ((n - 1, table.upper[-1]), (k, table.lower[k])):
        others = np.arange(n) != i

        def loss(free, i=i, limit=limit, others=others):
            u = np.empty(n)
            u[i], u[others] = limit, free
            value, gradient, _ = kernel(np.append(np.exp(u[:k]), u[k:]))
            return -value, -gradient[others]

        found = scipy.optimize.minimize(loss, optimum[others], jac=True, options={"gtol": 1e-5})
        assert 2.0 * (model.log_likelihood_ + found.fun) == pytest.approx(2.705543454, rel=1e-4)


# --- invariances, settings, files ----------------------------------------------------------------


@by_model
def test_units_of_columns_and_of_time_do_not_matter(name):
    data = buyers()
    one = make(name, ("z", "flag"), ("z",), l2=1e-6).fit(data)
    other = data | {"z": data["z"] / 12.0 - 3.0}
    other |= {"recency": data["recency"] * 7.0, "T": data["T"] * 7.0}
    two = make(name, ("z", "flag"), ("z",), l2=1e-6).fit(other)
    factor = np.where([c == "z" for c in one.coef_.covariate], 12.0, 1.0)
    wanted = one.coefficients_ * factor
    np.testing.assert_allclose(two.coefficients_, wanted, rtol=1e-5, atol=1e-7)
    errors = one.coef_.standard_error * factor
    np.testing.assert_allclose(two.coef_.standard_error, errors, rtol=1e-4)
    tables = [m.expected_purchases(d, h, 0.9) for m, d, h in ((one, data, 5), (two, other, 35))]
    np.testing.assert_allclose(tables[0].upper, tables[1].upper, rtol=1e-5)


@by_model
def test_row_order_weights_and_threads_do_not_matter(name):
    data = buyers()
    model = make(name, ("z", "flag"), n_threads=1).fit(data)
    order = np.random.default_rng(2).permutation(len(data["T"]))
    shuffled = clone(model).fit({k: v[order] for k, v in data.items()})
    np.testing.assert_allclose(shuffled.coefficients_, model.coefficients_, rtol=1e-6, atol=1e-9)
    more = clone(model).set_params(n_threads=3).fit(data)
    assert more.joint_covariance_.tobytes() == model.joint_covariance_.tobytes()
    a, b = (m.expected_purchases(data, 5.0, interval=0.9).lower for m in (more, model))
    assert a.tobytes() == b.tobytes()
    rows = [{k: v[i : i + 1] for k, v in data.items()} for i in range(20)]
    few = {k: v[:20] for k, v in data.items()}
    alone, weight = [model.score(row) for row in rows], np.arange(20.0)
    assert model.score(few, weight) == pytest.approx(np.average(alone, weights=weight), rel=1e-12)


@by_model
def test_frames_with_factors_give_one_fit(name):
    data = buyers()
    frames = [data, pd.DataFrame(data), pa.table(data)]
    frames.append(pd.DataFrame(data).astype({"kind": "category"}))
    fits = [make(name, ("kind", "z"), (), l2=1e-6).fit(frame) for frame in frames]
    assert fits[0].coef_.covariate == ("kind[shop]", "kind[web]", "z")
    assert fits[0].covariate_levels_ == {"kind": ("app", "shop", "web"), "z": None}
    for fit in fits[1:]:
        assert fit.coefficients_.tolist() == fits[0].coefficients_.tolist()


def test_equal_covariates_have_one_coefficient():
    model, free = fitted("ggompertz_nbd", equal_covariates="flag"), fitted("ggompertz_nbd")
    assert model.coef_.process == ("both",)
    assert (model.n_parameters_, free.n_parameters_) == (6, 7)
    assert free.log_likelihood_ > model.log_likelihood_ - 1e-9
    parameters = own_parameters(model, "ggompertz_nbd", pd.DataFrame({"flag": [1.0]}))[0]
    change = np.exp(-model.coefficients_[0])
    np.testing.assert_allclose(parameters / model._point(), [1, change, 1, 1, change])


@by_model
def test_saved_models_predict_the_same(name, tmp_path):
    data = buyers()
    model = make(name, ("kind", "z"), l2=1e-6, unit="week").fit(data)
    model.save(tmp_path / "model")
    back = tn.load(tmp_path / "model")
    assert back.get_params() == model.get_params()
    a, b = (m.expected_purchases(data, "1y", interval=0.9).lower for m in (model, back))
    assert a.tobytes() == b.tobytes()
    assert repr(back) == repr(model)
    model.set_params(purchase_covariates=None).fit(data)
    assert not any(process == "purchase" for process in model.coef_.process)


@by_model
def test_what_knows_no_covariates_refuses(name):
    model, data = fitted(name), buyers()
    with pytest.raises(InvalidInputError, match="covariates="):
        model.expected_purchases_new(3.0)
    with pytest.raises(InvalidInputError, match="knows no covariates"):
        model.bootstrap(data, n=2)
    with pytest.raises(InvalidInputError, match="'flag' is not a column"):
        model.probability_alive({k: data[k] for k in ("frequency", "recency", "T")})


def test_lifetime_value_takes_customers_with_covariates():
    data = buyers()
    x = data["frequency"]
    spend = np.random.default_rng(3).gamma(6.0 * np.maximum(x, 1)) / np.maximum(x, 1)
    data = data | {"monetary_value": np.where(x > 0, spend, np.nan)}
    model = tn.clv.CLV(make("ggompertz_nbd"), tn.clv.GammaGamma())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)  # of the spend, all alike
        table = model.fit(data).predict(data, horizon=math.inf, discount_rate=0.0)
    got = model.transactions_.expected_purchases(data, math.inf)
    np.testing.assert_allclose(table.expected_purchases, got)


# --- coverage ------------------------------------------------------------------------------------


def hits(name, seeds, n):
    """How often the 95 % limits of each coefficient hold the truth."""
    truth = np.array([G, H])[: len(MOVES[name])]
    held = np.zeros(len(truth))
    for seed in seeds:
        table = make(name).fit(buyers.__wrapped__(n, seed)).coef_
        held += (table.lower <= truth) & (truth <= table.upper)
    return held


@by_model
def test_limits_of_coefficients_hold_the_truth(name):
    """At least 93 % of simulated bases, at 99.9 % confidence; of NBD those in which all stay."""
    simulations = 60
    held = hits(name, range(simulations), 400) if name == "ggompertz_nbd" else stayers(simulations)
    assert np.all(held >= scipy.stats.binom.ppf(0.0005, simulations, 0.93)), held / simulations


def stayers(simulations):
    held = np.zeros(1)
    for seed in range(simulations):
        rng = np.random.default_rng([seed, 7])
        flag = rng.integers(0, 2, 500).astype(float)
        x = rng.poisson(rng.gamma(0.8, np.exp(G * flag) / 6.0) * 30.0)
        recency = np.where(x > 0, 30.0 * rng.beta(np.maximum(x, 1), 1.0), 0.0)
        data = {"frequency": x, "recency": recency, "T": np.full(500, 30.0), "flag": flag}
        table = tn.clv.NBD(purchase_covariates="flag").fit(data).coef_
        held += (table.lower <= G) & (table.upper >= G)
    return held


@pytest.mark.slow
def test_limits_of_coefficients_hold_the_truth_in_many_bases():
    simulations = 500
    held = hits("ggompertz_nbd", range(1000, 1000 + simulations), 2000)
    low = scipy.stats.binom.ppf(0.0005, simulations, 0.93)
    high = scipy.stats.binom.ppf(0.9995, simulations, 0.97)
    print("GGompertzNBD coefficients", held / simulations)
    assert np.all((low <= held) & (held <= high)), held / simulations
