"""Cure mixtures: forty-digit likelihoods, the EM algorithm, the edge of no cure, coverage."""

from __future__ import annotations

import math
import pickle

import mpmath as mp
import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure import _core
from tenure.churn import AFT, CureModel, follow_up_test

LAWS = ("weibull", "exponential", "log_normal", "log_logistic")
QUIET = pytest.mark.filterwarnings("ignore::tenure.ConvergenceWarning")


def customers(seed, n, *, last=60.0, slope=0.8, stretch=0.4, share=0.6):
    """Weibull lives of those who leave, chance and length by one column."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    leaves = rng.random(n) < 1.0 / (1.0 + np.exp(-(math.log(share / (1 - share)) + slope * x)))
    life = np.where(leaves, 10.0 * np.exp(stretch * x) * rng.weibull(1.6, n), np.inf)
    seen = rng.uniform(0.3 * last, last, n)
    return {"x": x}, np.minimum(life, seen), life <= seen


# --- the likelihood, in forty digits --------------------------------------------------------------


def mp_tails(law, w):
    """Density of W and the survival beyond w."""
    if law in ("weibull", "exponential"):
        s = mp.exp(-mp.exp(w))
        return mp.exp(w) * s, s
    if law == "log_normal":
        return mp.npdf(w), mp.erfc(w / mp.sqrt(2)) / 2
    return mp.exp(w) / (1 + mp.exp(w)) ** 2, 1 / (1 + mp.exp(w))


def mp_row(law, time, churned, entry, a, eta, log_scale):
    p = 1 / (1 + mp.exp(-a))

    def tails(t):
        return mp_tails(law, (mp.log(t) - eta) / mp.exp(log_scale))

    stay = mp.log(1 - p + p * tails(time)[1])
    leave = mp.log(p * tails(time)[0] / (mp.exp(log_scale) * time))
    late = mp.log(1 - p + p * tails(entry)[1]) if entry else mp.mpf(0)
    return (leave if churned else stay) - late


@pytest.mark.parametrize("law", LAWS)
def test_rows_in_forty_digits(law):
    rng = np.random.default_rng(LAWS.index(law))
    n = 12
    time = np.exp(rng.uniform(-1.0, 3.0, n))
    churned = np.arange(n) % 2
    entry = np.where(np.arange(n) % 3 == 0, 0.5 * time, 0.0)
    a, eta = rng.uniform(-6.0, 6.0, n), rng.uniform(0.0, 3.0, n)
    a[0], a[1] = 30.0, -30.0
    log_scale = 0.0 if law == "exponential" else -0.3
    rows = _core.survival.cure_rows(
        time, churned.astype(np.uint8), entry, law, a, eta, log_scale, 1
    )
    with mp.workdps(40):
        for i in range(n):
            given = law, mp.mpf(time[i]), churned[i], mp.mpf(entry[i])
            at = [mp.mpf(a[i]), mp.mpf(eta[i]), mp.mpf(log_scale)]
            assert_allclose(rows[i, 0], float(mp_row(*given, *at)), rtol=1e-12, atol=1e-14)
            for k in range(3):
                slope = mp.diff(
                    lambda v, k=k, g=given, at=at: mp_row(*g, *at[:k], v, *at[k + 1 :]), at[k]
                )
                # u - p of two chances near 1: an absolute error, of the size of rounding.
                assert_allclose(rows[i, 1 + k], float(slope), rtol=1e-10, atol=1e-14)


# --- the optimum, by other ways -------------------------------------------------------------------


def weibull_by_em(z, x, time, churned, rounds=6000):
    """Farewell's mixture by EM: logistic and weighted Weibull regressions, SciPy's optimiser."""
    design, lives = (np.column_stack([np.ones(time.size), c]) for c in (z, x))

    def chances(g):
        return 1.0 / (1.0 + np.exp(-design @ g))

    g, b = np.zeros(design.shape[1]), np.append(np.zeros(lives.shape[1]), 0.0)
    b[0] = np.log(time[churned]).mean()
    for _ in range(rounds):
        p = chances(g)
        stay = np.exp(-np.exp((np.log(time) - lives @ b[:-1]) / math.exp(b[-1])))
        leaves = np.where(churned, 1.0, p * stay / (1.0 - p + p * stay))
        before = np.append(g, b)
        w = p * (1.0 - p)
        g = g + np.linalg.solve(design.T * w @ design, design.T @ (leaves - p))

        def loss(b, leaves=leaves):
            w = (np.log(time) - lives @ b[:-1]) / math.exp(b[-1])
            return -float((churned * (w - b[-1]) - leaves * np.exp(w)).sum())

        b = scipy.optimize.minimize(loss, b, method="BFGS").x
        if np.abs(np.append(g, b) - before).max() < 1e-8:
            break
    return g, b


def test_the_optimum_is_that_of_em():
    X, time, churned = customers(1, 150)
    model = CureModel().fit(X, time, churned)
    g, b = weibull_by_em(X["x"], X["x"], time, churned)
    got = [model.incidence_intercept_, *model.incidence_coef_]
    got += [model.latency_intercept_, *model.latency_coef_, math.log(model.scale_)]
    # EM is linear: it stands still 1e-8 a round, some rounds before the optimum.
    assert_allclose(got, np.append(g, b), atol=2e-5)


def negative_log_likelihood(point, law, X, time, churned, entry, weight):
    g, b, s = point[:2], point[2:4], point[4]
    base = {
        "weibull": (lambda w: w - np.exp(w), lambda w: -np.exp(w)),
        "log_normal": (scipy.stats.norm.logpdf, scipy.stats.norm.logsf),
        "log_logistic": (scipy.stats.logistic.logpdf, scipy.stats.logistic.logsf),
    }
    density, tail = base[law]
    a = g[0] + g[1] * X["x"]
    eta = b[0] + b[1] * X["x"]

    def stay(t):
        return np.log1p(np.exp(a + tail((np.log(t) - eta) / np.exp(s)))) - np.log1p(np.exp(a))

    w = (np.log(time) - eta) / np.exp(s)
    row = np.where(churned, a - np.log1p(np.exp(a)) + density(w) - s - np.log(time), stay(time))
    late = np.where(entry > 0, stay(np.maximum(entry, 1e-300)), 0.0)
    return -float(np.sum(weight * (row - late)))


@pytest.mark.parametrize("law", ["weibull", "log_normal", "log_logistic"])
def test_no_other_point_is_more_likely(law):
    X, time, churned = customers(2, 300)
    entry = np.where(np.arange(300) % 4 == 0, 0.4 * time, 0.0)
    weight = 1.0 + np.arange(300) % 3
    model = CureModel(law).fit(X, time, churned, entry, weight)
    data = law, X, time, churned, entry, weight
    at = np.array([*model._values()])
    assert model.converged_
    assert_allclose(-negative_log_likelihood(at, *data), model.log_likelihood_, rtol=1e-12)
    best = scipy.optimize.minimize(negative_log_likelihood, at + 0.1, data, method="BFGS")
    assert_allclose(at, best.x, atol=5e-4)
    assert model.log_likelihood_ >= -best.fun - 1e-8
    # The covariance is the inverse of the curvature, by central differences of fourth order.
    k, h = at.size, 1e-3
    curvature = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            total = 0.0
            for u, f in ((1, 8.0), (-1, -8.0), (2, -1.0), (-2, 1.0)):
                for v, e in ((1, 8.0), (-1, -8.0), (2, -1.0), (-2, 1.0)):
                    moved = at.copy()
                    moved[i] += u * h
                    moved[j] += v * h
                    total += f * e * negative_log_likelihood(moved, *data)
            curvature[i, j] = total / (12.0 * h) ** 2
    assert_allclose(model.covariance_, np.linalg.inv(curvature), rtol=1e-4, atol=1e-8)


# --- what the model says --------------------------------------------------------------------------


def test_predictions_follow_from_the_mixture():
    X, time, churned = customers(3, 2000)
    model = CureModel().fit(X, time, churned)
    new, tenure = {"x": np.array([-1.0, 0.0, 1.5])}, np.array([0.0, 5.0, 20.0])
    p = 1.0 / (1.0 + np.exp(-model.incidence_intercept_ - model.incidence_coef_[0] * new["x"]))
    eta = model.latency_intercept_ + model.latency_coef_[0] * new["x"]

    def whole(t):
        return 1.0 - p + p * np.exp(-((t / np.exp(eta)) ** (1.0 / model.scale_)))

    assert_allclose(model.predict_stays(new, tenure), (1.0 - p) / whole(tenure), rtol=1e-12)
    stay = model.predict_survival(new, [3.0, 50.0], tenure)
    for k, t in enumerate([3.0, 50.0]):
        assert_allclose(stay[:, k], whole(tenure + t) / whole(tenure), rtol=1e-12)
    share = np.array([0.05, 0.3, 0.9])
    wait = model.predict_quantile(new, share, tenure)
    for k, q in enumerate(share):
        known = np.isfinite(wait[:, k])
        assert_allclose((whole(tenure + wait[:, k]) / whole(tenure))[known], 1.0 - q, rtol=1e-11)
        # Infinite exactly where fewer ever leave.
        assert_array_equal(known, q < 1.0 - model.predict_stays(new, tenure))
    assert math.isinf(wait[2, 2])
    assert_array_equal(model.predict(new), model.predict_quantile(new)[:, 0])


def test_columns_go_where_they_are_sent():
    X, time, churned = customers(4, 500)
    X = {"a": X["x"], "b": np.sin(np.arange(500.0))}
    model = CureModel(incidence=["b"], latency=()).fit(X, time, churned)
    assert model.terms_ == (
        "incidence: Intercept", "incidence: b", "latency: Intercept", "log(scale)"
    )  # fmt: skip
    alone = CureModel(latency=()).fit({"b": X["b"]}, time, churned)
    assert_allclose(model.incidence_coef_, alone.incidence_coef_, rtol=1e-8)
    assert_array_equal(model.predict(X), CureModel(incidence=["b"], latency=()).fit(
        X, time, churned).predict(X))  # fmt: skip
    assert len(model.summary().term) == 4


def test_a_weight_is_so_many_customers_and_units_do_not_matter():
    X, time, churned = customers(5, 200)
    weight = 1 + np.arange(200) % 3
    one = CureModel().fit(X, time, churned, None, weight)
    many = CureModel().fit(
        {"x": np.repeat(X["x"], weight)}, np.repeat(time, weight), np.repeat(churned, weight)
    )
    assert_allclose(one.log_likelihood_, many.log_likelihood_, rtol=1e-11)
    assert_allclose(one._values(), many._values(), rtol=1e-6)
    days = CureModel().fit({"x": 100.0 * X["x"] + 7.0}, 30.0 * time, churned, None, weight)
    assert_allclose(days.incidence_coef_ * 100.0, one.incidence_coef_, rtol=1e-6)
    assert_allclose(days.latency_coef_ * 100.0, one.latency_coef_, rtol=1e-6)
    assert_allclose(days.cure_share_.value, one.cure_share_.value, rtol=1e-7)


def test_threads_change_nothing():
    X, time, churned = customers(6, 3000)
    one, four = (CureModel(n_threads=k).fit(X, time, churned) for k in (1, 4))
    assert_array_equal(one.covariance_, four.covariance_)
    assert one.log_likelihood_ == four.log_likelihood_


def test_a_model_is_saved_and_pickled(tmp_path):
    X, time, churned = customers(7, 300)
    model = CureModel("log_normal", latency=()).fit(X, time, churned)
    model.save(tmp_path / "cure.model")
    for other in (tn.load(tmp_path / "cure.model"), pickle.loads(pickle.dumps(model))):
        assert_array_equal(other.predict_stays(X, time), model.predict_stays(X, time))
        assert repr(other.cure_share_) == repr(model.cure_share_)


# --- the edge: nobody stays -----------------------------------------------------------------------


def everybody_leaves(seed, n):
    """Watched until a quarter is left: the longer, the later the law at the edge holds."""
    rng = np.random.default_rng(seed)
    life, seen = 10.0 * rng.weibull(1.6, n), rng.uniform(4.0, 18.0, n)
    return np.minimum(life, seen), life <= seen


def at_the_edge():
    """The first sample whose likelihood rises until nobody stays."""
    for seed in range(20):
        time, churned = everybody_leaves(seed, 400)
        test = CureModel().test_cure(None, time, churned)
        if test.statistic < 1e-6:
            return time, churned
    raise AssertionError


def test_where_nobody_stays_the_lifetimes_are_those_of_aft():
    time, churned = at_the_edge()
    with pytest.warns(tn.ConvergenceWarning, match="nobody seems to stay"):
        model = CureModel().fit(None, time, churned)
    # AFT needs a column: one that is not there has the coefficient 0 of an offset.
    raw = _core.survival.aft_fit(
        time, np.where(churned, time, np.inf), np.empty((400, 0)), None, None, None, "weibull",
        True, 200, 1e-9, 1,
    )  # fmt: skip
    assert model.status_ == "boundary"
    assert model.cure_share_.value == 0.0
    assert_allclose(model.latency_intercept_, raw["coefficients"][0], rtol=1e-12)
    assert_allclose(model.log_likelihood_, raw["log_likelihood"], rtol=1e-12)
    assert_array_equal(model.predict_stays(None, [0.0, 50.0]), [0.0, 0.0])
    lower, upper = model.profile_cure_share(None, time, churned)
    assert lower == 0.0
    assert 0.0 < upper < 0.5


@QUIET
def test_the_size_of_the_test_of_cure():
    runs = 150
    p = np.array(
        [CureModel().test_cure(None, *everybody_leaves(100 + k, 250)).p_value for k in range(runs)]
    )
    # Four binomial errors: .05 in 150 runs is known to .071, the half at the edge to .163.
    assert (p < 0.05).mean() < 0.05 + 0.071
    assert abs((p > 0.5).mean() - 0.5) < 0.163


def test_the_power_of_the_test_of_cure():
    X, time, churned = customers(8, 300)
    found = CureModel().test_cure(X, time, churned)
    without = AFT().fit(X, time, churned).log_likelihood_
    assert_allclose(found.log_likelihood_without, without, rtol=1e-10)
    assert found.p_value < 1e-10
    assert "stay for good" in repr(found)


def test_the_profile_falls_by_the_quantile():
    _, time, churned = customers(9, 200, slope=0.0, stretch=0.0)
    model = CureModel().fit(None, time, churned)
    lower, upper = model.profile_cure_share(None, time, churned)
    assert lower < model.cure_share_.value < upper
    none = np.empty((200, 0))
    for share in (lower, upper):
        fall = model.log_likelihood_ - _core.survival.cure_fit(
            time, churned.astype(np.uint8), none, none, None, None, "weibull",
            math.log((1.0 - share) / share), 200, 1e-9, 1,
        )["log_likelihood"]  # fmt: skip
        assert_allclose(2.0 * fall, 3.841458820694124, rtol=1e-6)
    X, *rest = customers(9, 200)
    with_columns = CureModel().fit(X, *rest)
    with pytest.raises(tn.InvalidInputError, match="incidence"):
        with_columns.profile_cure_share(X, *rest)


# --- follow-up ------------------------------------------------------------------------------------


def test_follow_up_by_hand():
    # t* = 6, t_n = 8: churns in (4, 6] are those at 5 and 6, so alpha = (1 - 2/10)^10.
    found = follow_up_test([1, 2, 3, 4, 5, 6, 7, 7, 8, 8], [1, 1, 1, 1, 1, 1, 0, 0, 0, 0])
    assert found.late_churned == 2
    assert_allclose(found.p_value, 0.8**10, rtol=1e-14)
    assert_allclose(found.plateau, 0.4, rtol=1e-14)
    assert (found.last_churn, found.last_seen, found.gap) == (6.0, 8.0, 2.0)


def test_follow_up_tells_long_from_short():
    _, time, churned = customers(10, 500, last=200.0)
    assert follow_up_test(time, churned).p_value < 0.01
    _, time, churned = customers(10, 500, last=10.0)
    assert follow_up_test(time, churned).p_value > 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CureModel().fit(None, [1, math.nan], [1, 0]), r"duration\[1\]"),
        (lambda: CureModel().fit(None, [0, 1], [1, 0]), r"duration\[0\]"),
        (lambda: CureModel().fit(None, [1, 2], [0, 0]), "nobody churned"),
        (lambda: CureModel().fit(None, [1, 2], [1, 3]), r"churned\[1\]"),
        (lambda: CureModel().fit(None, [1, 2], [1]), "churned"),
        (lambda: CureModel().fit(None, [1, 2], [1, 0], [2, 0]), r"entry\[0\]"),
        (lambda: CureModel().fit(None, [1, 2], [1, 0], None, [1, -1]), r"sample_weight\[1\]"),
        (lambda: CureModel().fit([[1.0], [math.inf]], [1, 2], [1, 0]), r"X\[1"),
        (lambda: CureModel().fit([[1.0], [1.0]], [1, 2], [1, 0]), "does not vary"),
        (lambda: CureModel(incidence=["z"]).fit([[1.0], [2.0]], [1, 2], [1, 0]), "incidence"),
        (lambda: CureModel("gamma").fit(None, [1, 2], [1, 0]), "distribution"),
        (lambda: follow_up_test([1, 2], [0, 0]), "nobody churned"),
        (lambda: follow_up_test([1, -2], [1, 0]), r"duration\[1\]"),
    ],
)
def test_bad_cells_are_named(call, message):
    with pytest.raises(tn.InvalidInputError, match=message):
        call()
