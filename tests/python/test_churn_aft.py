"""Accelerated failure time models: published fits, 40-digit likelihoods, brute force, coverage."""

from __future__ import annotations

import csv
import math
import pickle
import warnings
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure import _core
from tenure.churn import AFT

REFERENCE = Path(__file__).parents[1] / "reference"
LAWS = ("weibull", "exponential", "log_normal", "log_logistic", "generalized_gamma")


def table(name, columns):
    """The rows without a missing cell in the columns."""
    with (REFERENCE / name).open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if all(r[c] for c in columns)]
    return {c: [r[c] for r in rows] for c in columns}


def numbers(column):
    return np.array(column, dtype=float)


def rossi():
    names = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
    data = table("rossi.csv", ["week", "arrest", *names])
    return {c: numbers(data[c]) for c in names}, numbers(data["week"]), numbers(data["arrest"])


def lung():
    names = ["age", "sex", "ph.ecog"]
    data = table("lung.csv", ["time", "status", *names])
    return {c: numbers(data[c]) for c in names}, numbers(data["time"]), numbers(data["status"])


def veteran():
    data = table("veteran.csv", ["Survival_in_days", "Status", "Karnofsky_score"])
    dead = np.array(data["Status"]) == "dead"
    return {"karno": numbers(data["Karnofsky_score"])}, numbers(data["Survival_in_days"]), dead


# --- published values (R 4.2.2, survreg) ----------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "law", "log_likelihood", "coefficients", "scale"),
    [
        (rossi, "weibull", -679.916563937, [3.99013, 0.27216336, 0.04071380, -0.22480244,
         0.10655659, 0.31127326, 0.05882725, -0.06581691], 0.71240533),
        (rossi, "log_normal", -683.234625278, [None, 0.34284768], None),
        (rossi, "log_logistic", -679.938411053, [None, 0.28887614, *[None] * 4, 0.05079815], None),
        (rossi, "exponential", -686.365940, [], 1.0),
        (lung, "weibull", -1132.4387, [6.2734353, -0.00747544, 0.40109054, -0.33963810],
         0.73110899),
        (veteran, "weibull", -726.03607, [2.6447161, 0.03498579], 1.02248470),
        (veteran, "log_normal", -721.55154, [], None),
        (veteran, "log_logistic", -720.17790, [], None),
    ],
)  # fmt: skip
def test_published_fits(data, law, log_likelihood, coefficients, scale):
    X, duration, churned = data()
    model = AFT(law).fit(X, duration, churned)
    assert model.converged_
    digits = len(str(log_likelihood).partition(".")[2])
    assert_allclose(model.log_likelihood_, log_likelihood, rtol=0, atol=0.6 * 10.0**-digits)
    fitted = [model.intercept_, *model.coef_]
    for got, want in zip(fitted, coefficients, strict=False):
        if want is not None:
            assert_allclose(got, want, rtol=0, atol=6e-6 if want == 3.99013 else 6e-8)
    if scale is not None:
        # survreg stops where the likelihood changes by 1e-9 of itself: 3e-8 of veteran's scale.
        assert_allclose(model.scale_, scale, rtol=0, atol=3e-8)


# --- the likelihood, in forty digits --------------------------------------------------------------


def mp_tails(law, q, w):
    """Density, S and F of W."""
    if law in ("weibull", "exponential"):
        s = mp.exp(-mp.exp(w))
        return mp.exp(w) * s, s, -mp.expm1(-mp.exp(w))
    if law == "log_normal" or (law == "generalized_gamma" and q == 0):
        return mp.npdf(w), mp.erfc(w / mp.sqrt(2)) / 2, mp.erfc(-w / mp.sqrt(2)) / 2
    if law == "log_logistic":
        return mp.exp(w) / (1 + mp.exp(w)) ** 2, 1 / (1 + mp.exp(w)), 1 / (1 + mp.exp(-w))
    g = 1 / mp.mpf(q) ** 2
    u = g * mp.exp(q * w)
    lower = mp.gammainc(g, 0, u, regularized=True)
    upper = mp.gammainc(g, u, mp.inf, regularized=True)
    density = abs(mp.mpf(q)) * mp.exp(g * mp.log(u) - u - mp.loggamma(g))
    return (density, upper, lower) if q > 0 else (density, lower, upper)


def mp_row(law, lower, upper, entry, eta, log_scale, q):
    def w(t):
        return (mp.log(t) - eta) / mp.exp(log_scale)

    if lower == upper:
        value = mp.log(mp_tails(law, q, w(lower))[0]) - log_scale - mp.log(lower)
    elif math.isinf(upper):
        value = mp.log(mp_tails(law, q, w(lower))[1]) if lower else mp.mpf(0)
    elif lower == 0:
        value = mp.log(mp_tails(law, q, w(upper))[2])
    else:
        value = mp.log(mp_tails(law, q, w(lower))[1] - mp_tails(law, q, w(upper))[1])
    return value - (mp.log(mp_tails(law, q, w(entry))[1]) if entry else 0)


@pytest.mark.parametrize("law", LAWS)
def test_rows_in_forty_digits(law):
    rng = np.random.default_rng(LAWS.index(law))
    shapes = [-1.3, -0.2, 0.02, 0.5, 1.0, 2.2] if law == "generalized_gamma" else [0.0]
    for q in shapes:
        n = 10
        lower = np.exp(rng.uniform(-1, 3, n))
        upper = np.select(
            [np.arange(n) % 4 == 0, np.arange(n) % 4 == 1, np.arange(n) % 4 == 2],
            [lower, np.inf, lower * rng.uniform(1.1, 4, n)],
            lower,
        )
        lower = np.where(np.arange(n) % 4 == 3, 0.0, lower)
        entry = np.where(rng.random(n) < 0.5, 0.5 * lower, 0.0)
        eta, log_scale = rng.uniform(0, 3, n), 0.0 if law == "exponential" else -0.3
        rows = _core.survival.aft_rows(
            lower, upper, np.zeros((n, 1)), entry, law, eta, log_scale, q, 1
        )
        with mp.workdps(40):
            for i in range(n):
                given = (law, mp.mpf(lower[i]), upper[i], mp.mpf(entry[i]))
                at = (mp.mpf(eta[i]), mp.mpf(log_scale), mp.mpf(q))
                value = mp_row(*given, *at)
                # Near q = 0 the tails are interpolated between laws of larger |q|.
                tolerance = 1e-9 if 0 < abs(q) < 0.03 else 1e-11
                assert_allclose(rows[i, 0], float(value), rtol=tolerance, atol=tolerance)
                h = mp.mpf(10) ** -12
                for k in range(3 if law == "generalized_gamma" else 1 + (law != "exponential")):
                    step = [h * (j == k) for j in range(3)]
                    up = mp_row(*given, *(a + s for a, s in zip(at, step, strict=True)))
                    down = mp_row(*given, *(a - s for a, s in zip(at, step, strict=True)))
                    slope = float((up - down) / (2 * h))
                    loose = 1e-6 if tolerance == 1e-9 else 1e-7 if k == 2 else 1e-9
                    assert_allclose(rows[i, 1 + k], slope, rtol=loose, atol=loose)


# --- the optimum, by other means ------------------------------------------------------------------


def simulated(n, law, seed):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(size=n), rng.integers(0, 2, n)])
    w = {
        "weibull": lambda: np.log(rng.exponential(size=n)),
        "exponential": lambda: np.log(rng.exponential(size=n)),
        "log_normal": lambda: rng.normal(size=n),
        "log_logistic": lambda: rng.logistic(size=n),
        "generalized_gamma": lambda: np.log(rng.gamma(4.0, 0.25, size=n)) / 0.5,
    }[law]()
    scale = 1.0 if law == "exponential" else 0.6
    return X, np.exp(2.0 + X @ [0.4, -0.5] + scale * w), rng


def awkward(n, law, seed):
    """Exact, right-, left- and interval-censored rows, some of them observed late."""
    X, time, rng = simulated(n, law, seed)
    entry = np.where(rng.random(n) < 0.3, rng.uniform(0, 2, n), 0.0)
    keep = time > entry
    X, time, entry = X[keep], time[keep], entry[keep]
    kind = rng.integers(0, 4, time.size)
    cut = time * rng.uniform(0.3, 1.0, time.size)
    lower = np.select([kind == 0, kind == 1, kind == 2], [time, cut, cut], 0.0)
    upper = np.select([kind == 0, kind == 1, kind == 2], [time, np.inf, time * 1.5], time * 1.2)
    entry = np.where(kind == 0, entry, 0.0)
    return X, lower, upper, entry, rng.integers(1, 4, time.size).astype(float)


SCIPY = {
    "weibull": scipy.stats.gumbel_l,
    "exponential": scipy.stats.gumbel_l,
    "log_normal": scipy.stats.norm,
    "log_logistic": scipy.stats.logistic,
}


def scipy_log_likelihood(parameters, law, X, lower, upper, entry, weight):
    """From the rows as they are, with scipy's laws."""
    b, scale = parameters[:3], 1.0 if law == "exponential" else math.exp(parameters[3])
    if law == "generalized_gamma":
        return None
    eta, w = b[0] + X @ b[1:], SCIPY[law]
    with np.errstate(divide="ignore"):
        low, high, start = ((np.log(t) - eta) / scale for t in (lower, upper, entry))
        exact = lower == upper
        rows = np.where(
            exact,
            w.logpdf(low) - math.log(scale) - np.log(np.where(exact, lower, 1.0)),
            np.log(w.cdf(high) - w.cdf(low)),
        )
    return float(weight @ (rows - w.logsf(start)))


@pytest.mark.parametrize("law", ["weibull", "exponential", "log_normal", "log_logistic"])
def test_no_optimiser_finds_better(law):
    X, lower, upper, entry, weight = awkward(250, law, 4)
    model = AFT(law).fit(X, lower, entry=entry, sample_weight=weight, upper=upper)
    data = (law, X, lower, upper, entry, weight)
    at = model._values()
    assert model.converged_
    assert_allclose(scipy_log_likelihood(at, *data), model.log_likelihood_, rtol=1e-11)
    found = scipy.optimize.minimize(
        lambda v: -scipy_log_likelihood(v, *data), at + 0.05, method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-10, "maxiter": 4000},
    )  # fmt: skip
    assert -found.fun <= model.log_likelihood_ + 1e-8 * abs(model.log_likelihood_)
    assert_allclose(found.x, at, rtol=0, atol=2e-4)


def test_generalized_gamma_holds_the_others():
    X, lower, upper, entry, weight = awkward(600, "generalized_gamma", 5)
    data = {"entry": entry, "sample_weight": weight, "upper": upper}
    wide = AFT("generalized_gamma").fit(X, lower, **data)
    assert wide.converged_
    assert 0.0 < wide.shape_ < 1.3  # 0.5 was simulated
    for law in ("weibull", "log_normal"):
        assert wide.log_likelihood_ > AFT(law).fit(X, lower, **data).log_likelihood_
    # The gradient by rows, which differences of fourth order made, is 0 there.
    rows = _core.survival.aft_rows(
        lower, upper, X, entry, "generalized_gamma", wide.intercept_ + X @ wide.coef_,
        math.log(wide.scale_), wide.shape_, 1,
    )  # fmt: skip
    scores = np.column_stack([rows[:, 1], rows[:, 1:2] * X, rows[:, 2:]])
    assert np.abs(weight @ scores).max() / weight.sum() < 1e-8


@pytest.mark.parametrize("law", LAWS)
def test_covariance_is_the_inverse_of_the_scores_slope(law):
    X, lower, upper, entry, weight = awkward(300, law, 6)
    model = AFT(law).fit(X, lower, entry=entry, sample_weight=weight, upper=upper)
    at = model._values()
    k = at.size

    def scores(v):
        scale = 0.0 if law == "exponential" else v[3]
        rows = _core.survival.aft_rows(
            lower, upper, X, entry, law, v[0] + X @ v[1:3], scale,
            v[4] if law == "generalized_gamma" else 0.0, 1,
        )  # fmt: skip
        return weight @ np.column_stack([rows[:, 1], rows[:, 1:2] * X, rows[:, 2:]])[:, :k]

    h = 1e-5
    hessian = np.array([(scores(at + h * e) - scores(at - h * e)) / (2 * h) for e in np.eye(k)])
    assert_allclose(model.covariance_ @ -hessian, np.eye(k), rtol=0, atol=2e-5)


# --- properties -----------------------------------------------------------------------------------


@settings(max_examples=15)
@given(st.sampled_from(LAWS[:4]), st.integers(0, 50))
def test_weight_is_repetition_and_order_and_units_are_nothing(law, seed):
    X, lower, upper, entry, weight = awkward(60, law, seed)
    model = AFT(law).fit(X, lower, entry=entry, sample_weight=weight, upper=upper)
    rows = np.repeat(np.arange(lower.size), weight.astype(int))
    rows = np.random.default_rng(seed).permutation(rows)
    again = AFT(law).fit(X[rows], lower[rows], entry=entry[rows], upper=upper[rows])
    assert_allclose(again._values(), model._values(), rtol=1e-7, atol=1e-7)
    other = AFT(law).fit(
        X * [100.0, 0.01] + [7.0, 3.0], lower * 30, entry=entry * 30, sample_weight=weight,
        upper=upper * 30,
    )  # fmt: skip
    assert_allclose(other.coef_ * [100.0, 0.01], model.coef_, rtol=1e-7, atol=1e-8)
    assert_allclose(other.scale_, model.scale_, rtol=1e-8)


def test_threads_do_not_change_a_bit():
    X, time, _ = simulated(40_000, "log_normal", 1)
    fits = [AFT("log_normal", n_threads=n).fit(X, time, time < 20) for n in (1, 2, 3, 7)]
    for fit in fits[1:]:
        assert fit.coef_.tobytes() == fits[0].coef_.tobytes()
        assert fit.covariance_.tobytes() == fits[0].covariance_.tobytes()
        assert fit.predict(X).tobytes() == fits[0].predict(X).tobytes()


def test_robust_errors_by_hand():
    X, time, rng = simulated(300, "weibull", 2)
    group = rng.integers(0, 40, 300)
    plain = AFT().fit(X, np.minimum(time, 15), time < 15)
    w = (np.log(np.minimum(time, 15)) - plain.intercept_ - X @ plain.coef_) / plain.scale_
    gone = time < 15
    score = (np.exp(w) - gone) / plain.scale_
    scores = np.column_stack([score, score[:, None] * X, w * np.exp(w) - gone * (w + 1)])
    for clusters, sums in ((None, scores), (group, np.array([scores[group == g].sum(0)
                           for g in range(40)]))):  # fmt: skip
        robust = AFT(robust=True).fit(X, np.minimum(time, 15), gone, clusters=clusters)
        expected = plain.covariance_ @ sums.T @ sums @ plain.covariance_
        assert_allclose(robust.covariance_, expected, rtol=1e-6, atol=1e-12)


def test_profile_limits_lie_where_the_likelihood_has_fallen():
    X, duration, churned = rossi()
    model = AFT().fit(X, duration, churned)
    for term in ("fin", "Intercept"):
        limits = model.profile_interval(term, X, duration, churned)
        j = model.terms_.index(term)
        assert limits[0] < model._values()[j] < limits[1]
        wald = model.summary()
        assert_allclose(limits, (wald.lower[j], wald.upper[j]), rtol=0.15, atol=0.05)
        for limit in limits:
            column = np.ones(432) if term == "Intercept" else X[term]
            others = np.column_stack([X[c] for c in X if c != term])

            def loss(v, limit=limit, column=column, others=others, term=term):
                eta = limit * column + others @ v[1:-1] + (v[0] if term != "Intercept" else 0)
                w = (np.log(duration) - eta) / math.exp(v[-1])
                return -float(
                    np.sum(churned * (w - v[-1] - np.log(duration)) - np.exp(np.minimum(w, 50)))
                )

            start = np.append(
                np.append(0.0 if term == "Intercept" else model.intercept_,
                          [b for b, c in zip(model.coef_, X, strict=True) if c != term]),
                math.log(model.scale_),
            )  # fmt: skip
            best = -scipy.optimize.minimize(loss, start, method="BFGS").fun
            fall = 2 * (model.log_likelihood_ - best)
            assert_allclose(fall, scipy.stats.chi2.ppf(0.95, 1), rtol=1e-3)


# --- predictions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS)
def test_predictions_agree_with_each_other(law):
    X, time, _ = simulated(500, law, 9)
    model = AFT(law).fit(X, np.minimum(time, 20), time < 20)
    few, tenure = X[:4], np.array([0.0, 1.0, 5.0, 30.0])
    for reached in (None, tenure):
        from_then = np.zeros(4) if reached is None else tenure
        at = model.predict_quantile(few, [0.1, 0.5, 0.95], reached)
        for i in range(4):
            alone = None if reached is None else from_then[i : i + 1]
            kept = model.predict_survival(few[i : i + 1], at[i], alone)[0]
            assert_allclose(kept, [0.9, 0.5, 0.05], rtol=1e-9)

            def stays(t, i=i, alone=alone):
                return model.predict_survival(few[i : i + 1], [t], alone)[0, 0]

            area = scipy.integrate.quad(stays, 0, 12, epsabs=1e-11, limit=200)[0]
            got = model.predict_restricted_mean(few[i : i + 1], [12.0], alone)[0, 0]
            assert_allclose(got, area, rtol=1e-8)
            h = 1e-5
            hazard = -(math.log(stays(3 + h)) - math.log(stays(3 - h))) / (2 * h)
            got = model.predict_hazard(few[i : i + 1], [3.0], alone)[0, 0]
            assert_allclose(got, hazard, rtol=1e-6)
    if law == "weibull":
        expected = np.exp(model.intercept_ + few @ model.coef_) * math.gamma(1 + model.scale_)
        assert_allclose(model.predict_mean(few), expected, rtol=1e-12)
    mean = model.predict_mean(few[:1])[0]
    if law != "log_logistic":
        area = scipy.integrate.quad(
            lambda u: model.predict_survival(few[:1], [u / (1 - u)])[0, 0] / (1 - u) ** 2, 0, 1,
            limit=400,
        )[0]  # fmt: skip
        assert_allclose(mean, area, rtol=1e-6)


def test_tenure_cannot_shorten_what_a_sure_law_leaves():
    model = AFT("exponential").fit(*simulated(200, "exponential", 3)[:2])
    X = np.zeros((2, 2))
    assert_allclose(
        model.predict_quantile(X, 0.5, [0.0, 40.0])[1], model.predict_quantile(X, 0.5)[0]
    )


def test_a_law_without_a_mean_says_so():
    X, time, _ = simulated(200, "log_logistic", 3)
    model = AFT("log_logistic").fit(X, time**3)
    assert model.scale_ > 1.0
    assert np.isinf(model.predict_mean(X[:2])).all()


# --- what cannot be fitted ------------------------------------------------------------------------


def test_nobody_churned_is_a_boundary():
    rng = np.random.default_rng(0)
    with pytest.warns(tn.ConvergenceWarning, match="did not converge"):
        model = AFT().fit(rng.normal(size=(30, 1)), np.ones(30), np.zeros(30))
    assert not model.converged_


X2, T2 = np.array([[0.1], [0.4], [0.2], [0.9]]), [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: AFT("gompertz").fit(X2, T2), "distribution"),
        (lambda: AFT().fit(X2, [1.0, 0.0, 3, 4]), r"duration\[1\] must be > 0"),
        (lambda: AFT().fit(X2, [1.0, -1.0, 3, 4]), r"duration\[1\]"),
        (lambda: AFT().fit(X2, [1.0, math.nan, 3, 4]), r"duration\[1\]"),
        (lambda: AFT().fit(X2, [1.0, 2.0]), "X has 4 rows"),
        (lambda: AFT().fit(X2, T2, [1, 1, 2, 0]), r"churned\[2\]"),
        (lambda: AFT().fit(X2, T2, [1, 1]), "churned has 2 rows"),
        (lambda: AFT().fit(X2, T2, [1, 1, 1, 1], upper=T2), "say the same"),
        (lambda: AFT().fit(X2, T2, upper=[1.0, 1.0, 3.0, 4.0]), r"upper\[1\]"),
        (lambda: AFT().fit(X2, T2, entry=[0.0, 2.0, 0.0, 5.0]), r"entry\[1\]"),
        (lambda: AFT().fit(X2, T2, sample_weight=[1.0, -1.0, 1.0, 1.0]), r"sample_weight\[1\]"),
        (lambda: AFT().fit(np.where(X2 > 0.5, np.nan, X2), T2), r"X\[3, 'x0'\]"),
        (lambda: AFT().fit(np.ones((4, 1)), T2), "does not vary"),
        (lambda: AFT().fit(np.hstack([X2, 3 * X2 + 1]), T2), r"'x1' is determined by \['x0'\]"),
        (lambda: AFT().fit(np.eye(4), T2), "too many for 4"),
        (lambda: AFT().fit(X2, T2, clusters=[1, 1, 2, 2]), "robust=True"),
        (lambda: AFT(robust=True).fit(X2, T2, clusters=[1, 1]), "clusters"),
        (lambda: AFT(tolerance=1.0).fit(X2, T2), "tolerance"),
        (lambda: AFT().fit(X2, T2).predict(np.ones((1, 3))), "X has 3 columns"),
        (lambda: AFT().fit({"a": X2[:, 0]}, T2).predict({"b": [1.0]}), r"\['b'\]"),
        (lambda: AFT().fit(X2, T2).predict_survival(X2, [-1.0]), "t"),
        (lambda: AFT().fit(X2, T2).predict_quantile(X2, 1.0), "p"),
        (lambda: AFT().fit(X2, T2).predict_survival(X2, [1.0], [1.0]), "tenure"),
    ],
)
def test_refusals(call, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        call()


def test_saved_and_read():
    X, time, _ = simulated(100, "weibull", 3)
    for law in LAWS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", tn.ConvergenceWarning)
            model = AFT(law).fit(X, time)
        again = pickle.loads(pickle.dumps(model))
        assert_array_equal(again.predict(X), model.predict(X))
        assert again.terms_ == model.terms_


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS[:4])
def test_intervals_cover_as_often_as_they_say(law):
    held, rounds = np.zeros(2), 1000
    for seed in range(rounds):
        X, time, rng = simulated(300, law, 100 + seed)
        seen = rng.uniform(5, 30, 300)
        table = AFT(law, n_threads=1).fit(X, np.minimum(time, seen), time < seen).summary()
        held += (table.lower[1:3] <= [0.4, -0.5]) & (table.upper[1:3] >= [0.4, -0.5])
    assert ((held / rounds >= 0.93) & (held / rounds <= 0.97)).all()
