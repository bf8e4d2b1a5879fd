"""Covariates of spend, and spend that depends on frequency: mpmath, recovery, CLV."""

from __future__ import annotations

import functools
import itertools

import mpmath as mp
import numpy as np
import pytest
import scipy.optimize
from clv_models import at, cdnow_log
from numpy.testing import assert_allclose
from sklearn.base import clone

import tenure as tn
from tenure import _core
from tenure._errors import InvalidInputError

GG = tn.clv.GammaGamma
LEVELS = ("app", "shop", "web")


@functools.cache
def customers(n=4000, seed=1, effect=0.0, of_z=0.4):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 9, n)
    z, channel = rng.normal(size=n), np.array(LEVELS)[rng.integers(0, 3, n)]
    gamma = 15.0 * np.exp(of_z * z + effect * np.log1p(x))
    many = np.maximum(x, 1)
    m = rng.gamma(6.0 * many) / (rng.gamma(4.0, 1.0, n) / gamma * many)
    return {
        "frequency": x.astype(float),
        "monetary_value": np.where(x > 0, m, np.nan),
        "z": z,
        "channel": channel,
    }


def rows(data, which):
    return {name: column[which] for name, column in data.items()}


@functools.cache
def fitted(**settings):
    return GG(**({"covariates": ("z", "channel")} | settings)).fit(customers())


# --- likelihood -----------------------------------------------------------------------------------


def oracle(u, x, m, weight, design):
    """Fader & Hardie (2013), eq. 1a, at the gamma of each customer, in mpmath."""
    total = mp.mpf(0)
    for n, amount, w, z in zip(x, m, weight, design, strict=True):
        if n == 0 or not amount > 0:
            continue
        p, q = mp.exp(u[0]), mp.exp(u[1])
        scale = mp.exp(u[2] + sum(c * mp.mpf(float(v)) for c, v in zip(u[3:], z, strict=True)))
        k, a = p * int(n), mp.mpf(float(amount))
        total += mp.mpf(float(w)) * (
            -mp.log(mp.beta(k, q)) + q * mp.log(scale) + (k - 1) * mp.log(a)
            + k * mp.log(int(n)) - (k + q) * mp.log(scale + a * int(n))
        )  # fmt: skip
    return total


@pytest.mark.parametrize("seed", range(12))
def test_likelihood_and_derivatives_equal_mpmath(seed):
    rng = np.random.default_rng(seed)
    n = 7
    x = rng.integers(0, 40, n).astype(float)
    m = np.exp(rng.normal(3.0, 2.0, n)) * 10.0 ** rng.integers(-3, 6)
    m[0] = np.nan if x[0] == 0 else m[0]
    weight, design = rng.uniform(0.5, 3.0, n), rng.normal(size=(n, 2))
    u = np.concatenate([rng.normal(1.0, 1.0, 2), rng.normal(3.0, 1.0, 1), rng.normal(size=2)])
    value, gradient, hessian = _core.clv.gamma_gamma_covariate_log_likelihood(
        np.append(np.exp(u[:3]), u[3:]), x, m, weight, design.ravel(), 2, 1
    )
    with mp.workdps(40):
        point = [mp.log(mp.mpf(float(v))) for v in np.exp(u[:3])] + [mp.mpf(v) for v in u[3:]]

        def f(*at):
            return oracle(at, x, m, weight, design)

        assert value == pytest.approx(float(f(*point)), rel=1e-12)
        for i in range(5):
            slope = float(mp.diff(f, point, [int(k == i) for k in range(5)]))
            assert gradient[i] == pytest.approx(slope, rel=1e-10, abs=1e-11)
        for i, j in itertools.combinations_with_replacement((0, 1, 2, 4), 2):
            order = [int(k == i) + int(k == j) for k in range(5)]
            curve = float(mp.diff(f, point, order))
            assert hessian[5 * i + j] == pytest.approx(curve, rel=1e-8, abs=1e-8)


def test_coefficients_of_0_are_the_model_without():
    data = customers()
    plain = GG().fit(data)
    value, gradient, _ = _core.clv.gamma_gamma_covariate_log_likelihood(
        np.append(plain._point(), [0.0]), data["frequency"], data["monetary_value"], None,
        data["z"], 1, 1,
    )  # fmt: skip
    assert value == pytest.approx(plain.log_likelihood_, rel=1e-12)
    assert np.abs(gradient[:3]).max() < 1e-4
    shrunk = fitted(covariate_l2=1e9)
    assert_allclose(shrunk._point(), plain._point(), rtol=1e-5)
    assert_allclose(shrunk.expected_spend(data), plain.expected_spend(data), rtol=1e-5)


def test_dummies_are_a_scale_for_each_group():
    """p and q are everybody's; given them, each group has the scale that fits it best."""
    data = customers()
    model = GG(covariates="channel").fit(data)
    p, q, gamma = model._point()
    own = gamma * np.exp(np.append(0.0, model.coefficients_))
    total = 0.0
    for level, scale in zip(LEVELS, own, strict=True):
        part = rows(data, data["channel"] == level)
        columns = (part["frequency"], part["monetary_value"], None)

        def loss(log_scale, columns=columns):
            point = np.array([p, q, np.exp(log_scale)])
            return -_core.clv.gamma_gamma_log_likelihood(point, *columns, 1)[0]

        found = scipy.optimize.minimize_scalar(loss, (2.0, 4.0), tol=1e-12)
        assert np.exp(found.x) == pytest.approx(scale, rel=1e-6)
        total -= found.fun
    assert model.log_likelihood_ == pytest.approx(total, rel=1e-12)


def test_coefficients_of_simulated_customers_are_found():
    model = GG(covariates="z", frequency_effect=True).fit(customers(20_000, 3, 0.3))
    table = model.coefficients(0.999)
    assert table.covariate == ("z", "log(1 + frequency)")
    assert table.process == ("spend", "spend")
    for low, truth, high in zip(table.lower, (0.4, 0.3), table.upper, strict=True):
        assert low < truth < high
    assert (table.upper - table.lower).max() < 0.2
    for name, truth in {"p": 6.0, "q": 4.0, "gamma": 15.0}.items():
        assert model.params_[name] == pytest.approx(truth, rel=0.25)


def test_units_of_money_and_columns_weights_and_threads():
    data, one = customers(), fitted()
    two = clone(one).fit(
        data | {"monetary_value": 1e90 * data["monetary_value"], "z": 9.0 - 4.0 * data["z"]}
    )
    assert_allclose(two.coefficients_ * [-4.0, 1.0, 1.0], one.coefficients_, rtol=1e-6)
    weight = np.random.default_rng(2).integers(0, 3, len(data["z"]))
    repeated = {name: np.repeat(column, weight) for name, column in data.items()}
    three, four = clone(one).fit(data, weight), clone(one).fit(repeated)
    assert_allclose(three.coefficients_, four.coefficients_, rtol=1e-6)
    assert three.score(data, weight) == pytest.approx(four.score(repeated), rel=1e-10)
    large = customers(40_000, 9)
    fits = [GG(covariates="z", n_threads=t).fit(large) for t in (1, 2, 5)]
    for fit in fits[1:]:
        assert fit.joint_covariance_.tobytes() == fits[0].joint_covariance_.tobytes()
        a, b = (m.expected_spend(large, interval=0.9) for m in (fit, fits[0]))
        assert a.lower.tobytes() == b.lower.tobytes()


# --- predictions ----------------------------------------------------------------------------------


def test_expected_spend_is_that_of_the_gamma_of_the_customer():
    data, model = rows(customers(), slice(0, 40)), fitted(frequency_effect=True)
    got = model.expected_spend(data)
    g = dict(zip(model.coef_.covariate, model.coef_.estimate, strict=True))
    for i in range(40):
        one = rows(data, slice(i, i + 1))
        eta = g["z"] * one["z"][0] + g.get(f"channel[{one['channel'][0]}]", 0.0)
        eta += g["log(1 + frequency)"] * np.log1p(one["frequency"][0])
        own = at(GG, model._point() * np.exp([0.0, 0.0, eta]))
        assert got[i] == pytest.approx(own.expected_spend(one)[0], rel=1e-12)
    new = model.expected_spend_new({"z": [0.5], "channel": ["web"]})
    p, q, gamma = model._point()
    gamma *= np.exp(0.5 * g["z"] + g["channel[web]"])
    assert new[0] == pytest.approx(p * gamma / (q - 1.0), rel=1e-12)


def test_limits_follow_from_the_covariance_of_all_parameters():
    data, model = rows(customers(), slice(0, 6)), fitted()
    point = np.append(np.log(model._point()), model.coefficients_)
    design = model._read(data).design
    step = 1e-5

    def value(theta):
        kernel = _core.clv.gamma_gamma_covariate_expected_spend
        at = np.append(np.exp(theta[:3]), theta[3:])
        more = (data["frequency"], data["monetary_value"], design.ravel(), design.shape[1], 1)
        return np.log(kernel(at, None, *more))

    k = len(point)
    slope = [(value(point + step * e) - value(point - step * e)) / (2 * step) for e in np.eye(k)]
    error = np.sqrt(np.einsum("ik,ij,jk->k", slope, model.joint_covariance_, slope))
    table = model.expected_spend(data, interval=0.95)
    assert_allclose(np.log(table.upper / table.value) / 1.959963985, error, rtol=1e-6)


def test_profiles_have_limits_of_coefficients():
    model = GG(covariates="z").fit(customers())
    table, normal = model.profile_interval(customers()), model.coef_
    assert table.parameter == ("p", "q", "gamma", "spend of z")
    assert_allclose(table.lower[3], normal.lower[0], atol=0.005)
    assert_allclose(table.upper[3], normal.upper[0], atol=0.005)
    with pytest.raises(InvalidInputError, match="covariate_alpha must be 0"):
        fitted(covariate_alpha=0.01).profile_interval(customers())


def test_saved_models_predict_the_same(tmp_path):
    model = fitted(frequency_effect=True)
    model.save(tmp_path / "model")
    back = tn.load(tmp_path / "model")
    assert back.expected_spend(customers()).tobytes() == model.expected_spend(customers()).tobytes()
    assert back.get_params() == model.get_params()


# --- spend and frequency --------------------------------------------------------------------------


def test_independence_is_tested_by_the_likelihood_ratio():
    free = tn.clv.likelihood_ratio_test(
        GG().fit(customers(of_z=0.0)), GG(frequency_effect=True).fit(customers(of_z=0.0))
    )
    assert free.df == 1
    assert free.p_value > 0.01
    bound = customers(effect=0.15, of_z=0.0)
    test = tn.clv.likelihood_ratio_test(GG().fit(bound), GG(frequency_effect=True).fit(bound))
    assert test.p_value < 1e-4


def test_the_test_of_independence_holds_its_level():
    """p-values of 60 independent bases: as many below 0.2 as chance has it."""
    below = 0
    for seed in range(60):
        data = customers(2000, 100 + seed, 0.0, 0.0)
        test = tn.clv.likelihood_ratio_test(GG().fit(data), GG(frequency_effect=True).fit(data))
        below += test.p_value < 0.2
    assert 3 <= below <= 24  # binomial(60, 0.2) lies there with probability 0.999


def base_with_dependence(seed, n=20_000, power=0.3):
    """BG/NBD customers whose mean spend rises with their rate of purchases, and their future."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.8, 1 / 6.0, n)
    leave = rng.beta(0.8, 2.5, n)
    level = 30.0 * (rate / 0.13) ** power * rng.gamma(4.0, 1 / 4.0, n)
    time, end, cut = np.zeros(n), np.full(n, np.inf), 39.0
    x, recency, future, spent, revenue = (np.zeros(n) for _ in range(5))
    for _ in range(300):
        time = time + rng.exponential(size=n) / rate
        alive = (end == np.inf) & (time < 2 * cut)
        if not alive.any():
            break
        amount = rng.gamma(6.0, level / 6.0)
        seen, later = alive & (time <= cut), alive & (time > cut)
        x, spent = x + seen, spent + seen * amount
        recency = np.where(seen, time, recency)
        future, revenue = future + later, revenue + later * amount
        end = np.where(alive & (rng.random(n) < leave), time, end)
    with np.errstate(invalid="ignore"):
        mean = spent / x
    data = {"frequency": x, "recency": recency, "T": np.full(n, cut), "monetary_value": mean}
    return data, revenue


def test_revenue_to_come_is_nearer_where_spend_depends_on_frequency():
    data, revenue = base_with_dependence(2)
    totals = {}
    for effect in (False, True):
        model = tn.clv.CLV(tn.clv.BGNBD(), GG(frequency_effect=effect)).fit(data)
        value = model.predict(data, 39.0, discount_rate=0.0, discount_period="week").clv
        totals[effect] = value.sum() / revenue.sum() - 1.0
    assert model.spend_.coef_.lower[0] > 0.0
    assert abs(totals[True]) < abs(totals[False])
    few = data["frequency"] == 0
    # Customers of one order are those whom independence values too high.
    assert model.spend_.expected_spend(data)[few].mean() < GG().fit(data).expected_spend_new()


def test_lifetime_value_takes_covariates_of_spend():
    base = cdnow_log().summary(unit="week", end="1997-09-30")
    people = {"customer": base.customer, "z": np.arange(len(base)) % 7}
    data = tn.clv.with_covariates(base, people)
    model = tn.clv.CLV(tn.clv.BGNBD(), GG(covariates="z", frequency_effect=True)).fit(data)
    table = model.predict(data, "39w", interval=0.9)
    assert np.all(table.lower <= table.clv)
    assert_allclose(table.expected_spend, model.spend_.expected_spend(data))


# --- what is refused ------------------------------------------------------------------------------

REFUSED = [
    (lambda: GG(covariates="zz").fit(customers()), "zz", "not a column"),
    (lambda: GG(covariates="log(1 + frequency)", frequency_effect=True).fit(customers()),
     "covariates", "makes already"),
    (lambda: GG(frequency_effect=1).fit(customers()), "frequency_effect", "True or False"),
    (lambda: GG(frequency_effect=True).fit({"frequency": [2, 2, 2], "monetary_value": [1, 2, 4]}),
     "log(1 + frequency)", "for every customer"),
    (lambda: GG(covariates="z", covariate_l2=-1.0).fit(customers()), "covariate_l2", ">= 0"),
    (lambda: fitted().expected_spend_new(), "covariates", "give covariates="),
    (lambda: fitted(covariates=None, frequency_effect=True).expected_spend_new({"z": [1.0]}),
     "covariates", "without covariates"),
    (lambda: fitted().expected_spend(rows(customers(), slice(0, 2)) | {"channel": ["tv", "web"]}),
     "channel", "levels of the fit"),
    (lambda: fitted().expected_spend(rows(customers(), slice(0, 1)) | {"z": [1e9]}), "covariates",
     "finite and > 0"),
    (lambda: GG(covariates="z").posterior(customers()), "covariates", "knows no covariates"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "argument", "says"), REFUSED)
def test_what_cannot_be_is_named(call, argument, says):
    with pytest.raises(InvalidInputError, match=says) as error:
        call()
    assert error.value.argument == argument
