"""Cause-specific Cox: likelihoods and incidence by their definitions, variances by derivatives."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.churn import AalenJohansen, CauseSpecificCox

B = {1: np.array([0.5, -0.4]), 2: np.array([-0.3, 0.6])}


def simulated(n, seed, *, ties=False, late=False):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(size=n), rng.integers(0, 2, n)])
    first, second = (rng.exponential(s * np.exp(-X @ B[k])) for k, s in ((1, 10.0), (2, 14.0)))
    seen = rng.uniform(4, 20, n)
    time = np.minimum(np.minimum(first, second), seen)
    cause = np.where(time == first, 1, np.where(time == second, 2, 0))
    entry = rng.uniform(-6, 6, n).clip(0) if late else np.zeros(n)
    rows = entry < time
    time = np.ceil(time) if ties else time
    return X[rows], time[rows], cause[rows], np.floor(entry[rows]) if ties else entry[rows]


def breslow(b, X, duration, gone, entry):
    """Times of a cause, what its baseline gains at each, for x = 0, and how many leave."""
    risk = np.exp(X @ b)
    times = np.unique(duration[gone])
    at_risk = np.array([risk[(entry < t) & (duration >= t)].sum() for t in times])
    deaths = np.array([np.sum(gone & (duration == t)) for t in times])
    return times, deaths / at_risk, deaths


def incidence(steps, x, b, until, after=-1.0):
    """F_1, F_2 and S by going through all times, each a matrix exponential of its hazards."""
    p = np.eye(3)[0]
    for t in np.unique(np.concatenate([s[0] for s in steps])):
        if after < t <= until:
            a = [math.exp(x @ bk) * s[1][s[0] == t].sum() for bk, s in zip(b, steps, strict=True)]
            generator = np.zeros((3, 3))
            generator[0] = [-sum(a), *a]
            p = p @ scipy.linalg.expm(generator)
    return p


@pytest.mark.parametrize("ties", [True, False])
def test_coefficients_are_those_of_each_likelihood(ties):
    X, duration, cause, entry = simulated(150, 1, ties=ties, late=True)
    model = CauseSpecificCox("breslow").fit(X, duration, cause, entry)

    def loss(b, k):
        _, steps, deaths = breslow(b, X, duration, cause == k, entry)
        return float(deaths @ np.log(deaths / steps) - X[cause == k].sum(axis=0) @ b)

    for k in (1, 2):
        found = scipy.optimize.minimize(loss, np.zeros(2), (k,), tol=1e-10)
        assert_allclose(model.coef_[k - 1], found.x, rtol=0, atol=2e-5)
    x, until = np.array([[0.4, 1.0], [-1.0, 0.0]]), [2.0, 3.5, 9.0]
    steps = [
        breslow(b, X, duration, cause == k, entry)
        for k, b in ((1, model.coef_[0]), (2, model.coef_[1]))
    ]
    expected = np.array([[incidence(steps, row, model.coef_, t) for t in until] for row in x])
    assert_allclose(model.predict_incidence(x, until), expected[:, :, 1:], rtol=1e-10)
    assert_allclose(model.predict_survival(x, until), expected[:, :, 0], rtol=1e-10)
    given = model.predict_incidence(x, [1.0, 4.0], 2, after=[2.0, 3.0])
    expected = [
        [incidence(steps, row, model.coef_, s + t, s)[2] for t in (1.0, 4.0)]
        for row, s in zip(x, (2.0, 3.0), strict=True)
    ]
    assert_allclose(given, expected, rtol=1e-10)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_shares_add_up_to_one(ties):
    X, duration, cause, _ = simulated(300, 2, ties=True)
    model = CauseSpecificCox(ties).fit(X, duration, cause)
    until = [15.0, 0.0, 1.0, 7.0]
    total = model.predict_incidence(X, until).sum(axis=2) + model.predict_survival(X, until)
    assert_allclose(total, 1.0, rtol=0, atol=1e-13)
    assert_array_equal(model.predict_survival(X, [0.0]), 1.0)
    far = model.predict_incidence(X[:1], [1e9], interval=0.9)
    assert np.isnan(far.value).all()
    assert np.isnan(far.lower).all()


def test_variances_are_those_of_derivatives():
    # Breslow's baseline at moved coefficients, and each of its steps moved, by central differences.
    X, duration, cause, entry = simulated(45, 3, late=True)
    model = CauseSpecificCox("breslow").fit(X, duration, cause, entry)
    x, until, h = np.array([0.7, 1.0]), 8.0, 1e-5

    def share(b, moved=None):
        steps = [list(breslow(b[k], X, duration, cause == k + 1, entry)) for k in (0, 1)]
        if moved is not None:
            k, j, by = moved
            steps[k][1] = steps[k][1] + by * (np.arange(steps[k][1].size) == j)
        return incidence(steps, x, b, until)[1:]

    b = model.coef_
    slope = []
    for k in (0, 1):
        for j in (0, 1):
            up, down = b.copy(), b.copy()
            up[k, j] += h
            down[k, j] -= h
            slope.append((share(up) - share(down)) / (2 * h))
    slope = np.array(slope)
    variance = np.einsum("ik,ij,jk->k", slope, model.covariance_, slope)
    for k in (0, 1):
        times, steps, deaths = breslow(b[k], X, duration, cause == k + 1, entry)
        for j in np.flatnonzero(times <= until):
            d = (share(b, (k, j, h)) - share(b, (k, j, -h))) / (2 * h)
            variance += d**2 * steps[j] ** 2 / deaths[j]
    found = model.predict_incidence(x[None], [until], interval=0.95)
    assert_allclose(found.standard_error, np.sqrt(variance), rtol=1e-6)
    assert found.cause == (1, 2)
    for value, error, low, high in zip(
        found.value, found.standard_error, found.lower, found.upper, strict=True
    ):
        half = 1.959963984540054 * error / ((1 - value) * -math.log(1 - value))
        assert_allclose(math.log(-math.log(1 - low)), math.log(-math.log(1 - value)) - half)
        assert_allclose(math.log(-math.log(1 - high)), math.log(-math.log(1 - value)) + half)


def test_one_cause_is_cox():
    X, duration, cause, _ = simulated(200, 4, ties=True)
    gone = (cause > 0).astype(int)
    model = CauseSpecificCox().fit(X, duration, gone)
    # Turned over, the limits of a survival curve by another way.
    cox = tn.churn.CoxPH().fit(X, duration, gone).predict_survival(X[:3], [3.0, 9.0], interval=0.9)
    found = model.predict_incidence(X[:3], [3.0, 9.0], 1, interval=0.9)
    assert_allclose(found.value, 1 - cox.value, rtol=1e-12)
    assert_allclose(found.lower, 1 - cox.upper, rtol=1e-9)
    assert_allclose(found.upper, 1 - cox.lower, rtol=1e-9)


def test_where_columns_say_nothing_it_is_aalen_johansen():
    _, duration, cause, _ = simulated(3000, 5)
    noise = np.random.default_rng(0).normal(size=(3000, 1))
    model = CauseSpecificCox().fit(noise, duration, cause)
    at = [2.0, 8.0, 14.0]
    # The product of 1 - d / n against that of exp(-d / n): 1 / n apart.
    expected = AalenJohansen().fit(duration, cause).predict(at)
    assert_allclose(model.predict_incidence([[0.0]], at)[0], expected, rtol=0, atol=2e-3)


def test_robust_errors_know_who_leaves_for_both():
    # Each customer twice, once for each cause: all scores of a cluster are one.
    X, duration, cause, _ = simulated(200, 6)
    model = CauseSpecificCox(robust=True).fit(X, duration, cause)
    clusters = np.arange(len(X)) // 4
    joint = CauseSpecificCox().fit(X, duration, cause, clusters=clusters)
    for k, label in enumerate((1, 2)):
        alone = tn.churn.CoxPH().fit(X, duration, cause == label, clusters=clusters)
        block = joint.covariance_[2 * k : 2 * k + 2, 2 * k : 2 * k + 2]
        assert_allclose(block, alone.robust_covariance_, rtol=1e-9)
    # Infinitesimal jackknife: the derivative of all coefficients by the weight of a cluster.
    moved = np.zeros((clusters.max() + 1, 4))
    for c in range(0, clusters.max() + 1, 10):
        ends = []
        for h in (1e-4, -1e-4):
            weight = np.where(clusters == c, 1.0 + h, 1.0)
            fit = CauseSpecificCox().fit(X, duration, cause, sample_weight=weight)
            ends.append(fit.coef_.ravel())
        moved[c] = (ends[0] - ends[1]) / 2e-4
    own = np.hstack([m.residuals("dfbeta") for m in joint.models_.values()])
    for c in range(0, clusters.max() + 1, 10):
        assert_allclose(own[clusters == c].sum(axis=0), moved[c], rtol=1e-4, atol=1e-7)
    assert np.abs(joint.covariance_[:2, 2:]).max() > 0
    assert not np.allclose(model.covariance_, joint.covariance_)


def test_weights_strata_and_names():
    X, duration, cause, _ = simulated(240, 7, ties=True)
    weight = np.arange(240) % 3
    rows = np.repeat(np.arange(240), weight)
    a = CauseSpecificCox("breslow").fit(X, duration, cause, sample_weight=weight)
    b = CauseSpecificCox("breslow").fit(X[rows], duration[rows], cause[rows])
    assert_allclose(a.coef_, b.coef_, rtol=0, atol=1e-8)
    one, two = (m.predict_incidence(X[:3], [6.0], interval=0.95) for m in (a, b))
    assert_allclose(one.value, two.value, rtol=1e-8)
    assert_allclose(one.standard_error, two.standard_error, rtol=1e-7)
    # A stratum far from the other is a fit of its own baseline.
    group = np.where(np.arange(240) % 2, "b", "a")
    names = np.array(["", "price", "moved"], dtype=object)[cause]
    model = CauseSpecificCox().fit(X, duration, names, strata=group)
    assert model.causes_ == ("moved", "price")
    both = model.predict_incidence(X[:2], [6.0], strata=["a", "b"])
    alone = model.predict_incidence(X[1:2], [6.0], "price", strata=["b"])
    assert_array_equal(both[1, :, 1], alone[0])
    assert not np.allclose(both[1], model.predict_incidence(X[1:2], [6.0], strata=["a"])[0])
    table = model.summary()
    assert table.cause == ("moved", "moved", "price", "price")
    assert table.name == ("x0", "x1") * 2
    assert_array_equal(table.coef, model.coef_.ravel())
    assert_allclose(table.standard_error, model.standard_errors_.ravel(), rtol=1e-14)
    assert "240 rows" in repr(table)


def test_threads_do_not_change_a_bit():
    X, duration, cause, _ = simulated(400, 8)
    models = [CauseSpecificCox(n_threads=n).fit(X, duration, cause) for n in (1, 3)]
    one, three = (m.predict_incidence(X, [2.0, 9.0], interval=0.95) for m in models)
    assert_array_equal(one.value, three.value)
    assert_array_equal(one.standard_error, three.standard_error)


def test_a_cause_without_an_optimum_is_named():
    X, duration, cause, _ = simulated(100, 9)
    X = np.column_stack([X[:, 0], cause == 2]).astype(float)
    with pytest.warns(tn.ConvergenceWarning, match=r"cause \d: .*infinity"):
        model = CauseSpecificCox().fit(X, duration, cause)
    assert not model.converged_
    assert not model.models_[2].converged_
    assert [text[:7] for text in model.warnings_] == ["cause 1", "cause 2"]
    with pytest.raises(tn.NotConvergedError, match="cause"):
        CauseSpecificCox(on_failure="raise").fit(X, duration, cause)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: CauseSpecificCox().fit([[1.0], [2.0]], [1.0, 2.0], [0, 0]), "names no cause"),
        (lambda: CauseSpecificCox().fit([[1.0], [2.0]], [1.0, -2.0], [1, 2]), r"duration\[1\]"),
        (lambda: CauseSpecificCox().fit([[1.0], [math.nan]], [1.0, 2.0], [1, 2]), r"X\[1"),
        (lambda: CauseSpecificCox().fit([[1.0], [1.0]], [1.0, 2.0], [1, 2]), "cause 1: "),
        (
            lambda: CauseSpecificCox().fit([[1.0], [2.0]], [1.0, 2.0], [1, 2], None, [1, 0]),
            "nobody of a positive weight left for the cause 2",
        ),
        (lambda: CauseSpecificCox("last").fit([[1.0], [2.0]], [1.0, 2.0], [1, 2]), "ties"),
        (lambda: CauseSpecificCox().predict_survival([[1.0]], [1.0]), "not fitted"),
    ],
)
def test_refusals(call, says):
    with pytest.raises(tn.TenureError, match=says):
        call()


def test_refused_questions():
    X, duration, cause, _ = simulated(80, 10)
    model = CauseSpecificCox().fit(X, duration, cause)
    for call, says in (
        (lambda: model.predict_incidence(X, [1.0], 3), "cause must be one of"),
        (lambda: model.predict_incidence(X, [math.nan]), r"times\[0\]"),
        (lambda: model.predict_incidence(X[:, :1], [1.0]), "expecting 2 features"),
        (lambda: model.predict_incidence(X, [1.0], after=[1.0]), "after"),
        (lambda: model.predict_incidence(X, [1.0], interval=2.0), "interval"),
        (lambda: model.plot(X[:2]), "cause must be given"),
    ):
        with pytest.raises(tn.InvalidInputError, match=says):
            call()
    # However large the risk: everyone is gone at the first time, and nothing is NaN.
    far = model.predict_incidence([[900.0, -900.0]], [9.0], interval=0.95)
    assert np.isfinite(far.value).all()
    assert far.value.sum() == pytest.approx(1.0)


def test_saved_and_drawn():
    X, duration, cause, _ = simulated(100, 11)
    model = CauseSpecificCox().fit(X, duration, cause)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_incidence(X, [3.0]), model.predict_incidence(X, [3.0]))
    assert_array_equal(again.covariance_, model.covariance_)
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    _, ax = pyplot.subplots()
    assert again.plot(X[:2], 1, ax, labels=["a", "b"], interval=0.9) is ax
    last = model.predict_incidence(X[:2], [duration.max()], 1)
    for line, row in zip(ax.lines, last, strict=True):
        assert line.get_ydata()[-1] == row[0]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "b"]
    assert len(again.plot(X[:1]).lines) == 2
    pyplot.close("all")


def covered(rounds, n):
    """Shares of limits that hold the truth: four coefficients, and both incidences of a profile."""
    held = np.zeros(6)
    x, t = np.array([0.5, 1.0]), 6.0
    rate = np.array([math.exp(x @ B[1]) / 10.0, math.exp(x @ B[2]) / 14.0])
    truth = rate / rate.sum() * -math.expm1(-rate.sum() * t)
    for seed in range(rounds):
        X, duration, cause, entry = simulated(n, seed, late=True)
        model = CauseSpecificCox().fit(X, duration, cause, entry)
        table = model.summary()
        b = np.concatenate([B[1], B[2]])
        held[:4] += (table.lower <= b) & (b <= table.upper)
        found = model.predict_incidence(x[None], [t], interval=0.95)
        held[4:] += (found.lower <= truth) & (truth <= found.upper)
    return held / rounds


def test_limits_hold_the_truth():
    # 200 of a level of 95 %: four standard errors are 6 %.
    assert (covered(200, 250) >= 0.89).all()


@pytest.mark.slow
def test_limits_hold_the_truth_as_often_as_they_say():
    share = covered(2000, 300)
    assert ((share >= 0.935) & (share <= 0.965)).all()
