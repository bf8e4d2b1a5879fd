"""Fine-Gray regression: the definition by quadratic loops, Cox's model as a limit, coverage."""

from __future__ import annotations

import csv
import functools
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
from tenure.churn import AalenJohansen, FineGray

REFERENCE = Path(__file__).parents[1] / "reference"


def table(name):
    with (REFERENCE / name).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {c: np.array([float(r[c]) for r in rows]) for c in rows[0]}


def observed_curve(duration, cause, entry):
    """G(t-) H(t-), by the definitions: censoring forwards, entry backwards."""

    @functools.cache
    def before(t):
        a = 1.0
        for u in np.unique(duration[cause == 0]):
            if u < t:
                lost = (duration == u) & (cause == 0)
                a *= 1 - np.sum(lost) / np.sum((entry < u) & (duration >= u))
        for u in np.unique(entry):
            if u >= t:
                a *= 1 - np.sum(entry == u) / np.sum((entry <= u) & (duration > u))
        return a

    return before


def from_start(duration, entry):
    """Entry 0 is before any time, also before 0."""
    return np.full(duration.size, -1.0) if entry is None else np.where(entry > 0, entry, -1.0)


def weights(duration, cause, times, entry=None):
    """w_i(t) of every customer at every time: a table, not a sum."""
    entry = from_start(duration, entry)
    before = observed_curve(duration, cause, entry)
    out = ((entry[:, None] < times) & (duration[:, None] >= times)).astype(float)
    for i in np.flatnonzero(cause == 2):
        for j, t in enumerate(times):
            if t > duration[i]:
                out[i, j] = before(t) / before(duration[i])
    return out


def loss(b, X, duration, cause, entry=None, w=None):
    own = np.flatnonzero(cause == 1)
    if w is None:
        w = weights(duration, cause, duration[own], entry)
    return -float(np.sum(X[own] @ b - np.log(w.T @ np.exp(X @ b))))


def sandwich(b, X, duration, cause, entry=None, *, parts=False):
    """Section 5 of Fine & Gray, with every integral a sum over event times."""
    n = duration.size
    risk = np.exp(X @ b)
    events = np.unique(duration[cause == 1])
    w = weights(duration, cause, events, entry)
    entry = from_start(duration, entry)
    s0 = w.T @ risk
    mean = (w.T @ (risk[:, None] * X)) / s0[:, None]
    d = np.array([np.sum((duration == t) & (cause == 1)) for t in events])
    jump = d / s0
    eta = np.zeros_like(X)
    for i in range(n):
        for j, t in enumerate(events):
            own = float(cause[i] == 1 and duration[i] == t)
            eta[i] += (X[i] - mean[j]) * (own - w[i, j] * risk[i] * jump[j])

    def q(u):
        out = np.zeros(X.shape[1])
        for i in np.flatnonzero((cause == 2) & (duration <= u)):
            for j, t in enumerate(events):
                if t > u:
                    out += (X[i] - mean[j]) * w[i, j] * risk[i] * jump[j]
        return out

    psi = np.zeros_like(X)
    for u in np.unique(duration[cause == 0]):
        at_risk = (entry < u) & (duration >= u)
        lost = (cause == 0) & (duration == u)
        martingale = lost - at_risk * (lost.sum() / at_risk.sum())
        psi += martingale[:, None] * q(u) / at_risk.sum()
    for u in np.unique(entry[entry > 0]):
        at_risk = (entry <= u) & (duration > u)
        martingale = (entry == u) - at_risk * (np.sum(entry == u) / at_risk.sum())
        psi -= martingale[:, None] * q(u) / at_risk.sum()
    information = np.zeros((X.shape[1],) * 2)
    for j in range(events.size):
        centred = X - mean[j]
        information += d[j] * (centred * (w[:, j] * risk)[:, None]).T @ centred / s0[j]
    bread = np.linalg.inv(information)
    meat = (eta + psi).T @ (eta + psi)
    out = bread, bread @ meat @ bread, (events, np.cumsum(jump))
    return (*out, eta + psi) if parts else out


def simulated(n, seed, ties):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(size=n), rng.integers(0, 2, n)])
    own = rng.exponential(10 * np.exp(-X @ [0.5, -0.4]))
    other, seen = rng.exponential(12, n), rng.uniform(2, 20, n)
    time = np.minimum(np.minimum(own, other), seen)
    cause = np.where(time == own, 1, np.where(time == other, 2, 0))
    return X, np.ceil(time) if ties else time, cause


@pytest.mark.parametrize("ties", [True, False])
def test_equals_the_definition(ties):
    X, duration, cause = simulated(80, 1, ties)
    model = FineGray().fit(X, duration, cause)
    w = weights(duration, cause, duration[cause == 1])
    data = (X, duration, cause, None, w)
    found = scipy.optimize.minimize(loss, np.zeros(2), data, tol=1e-10)
    assert_allclose(model.coef_, found.x, rtol=0, atol=2e-5)
    assert_allclose(model.log_likelihood_, -loss(model.coef_, X, duration, cause), rtol=1e-11)
    assert_allclose(model.null_log_likelihood_, -loss(np.zeros(2), X, duration, cause), rtol=1e-12)
    bread, robust, (times, hazard) = sandwich(model.coef_, X, duration, cause)
    assert_allclose(model.naive_covariance_, bread, rtol=1e-8)
    assert_allclose(model.covariance_, robust, rtol=1e-8)
    assert_array_equal(model.baseline_time_, times)
    assert_allclose(model.baseline_hazard_, hazard, rtol=1e-10)


def truncated(n, seed, ties):
    """Customers seen from a random tenure on, if they have not left by then."""
    X, duration, cause = simulated(3 * n, seed, ties)
    entry = np.random.default_rng(seed + 1).uniform(-4, 8, 3 * n).clip(0)
    entry = np.floor(entry) if ties else entry
    rows = np.flatnonzero(entry < duration)[:n]
    return X[rows], duration[rows], cause[rows], entry[rows]


@pytest.mark.parametrize("ties", [True, False])
def test_late_entry_equals_the_definition(ties):
    data = truncated(80, 1, ties)
    model = FineGray().fit(*data)
    _, duration, cause, entry = data
    w = weights(duration, cause, duration[cause == 1], entry)
    found = scipy.optimize.minimize(loss, np.zeros(2), (*data, w), tol=1e-10)
    assert_allclose(model.coef_, found.x, rtol=0, atol=2e-5)
    assert_allclose(model.log_likelihood_, -loss(model.coef_, *data), rtol=1e-11)
    bread, robust, (times, hazard) = sandwich(model.coef_, *data)
    assert_allclose(model.naive_covariance_, bread, rtol=1e-8)
    # The correlation is near 0: what is left of a difference.
    assert_allclose(model.covariance_, robust, rtol=1e-8, atol=1e-10)
    assert_array_equal(model.baseline_time_, times)
    assert_allclose(model.baseline_hazard_, hazard, rtol=1e-10)
    weight = np.arange(80) % 3 + 1
    copies = FineGray().fit(*(np.repeat(column, weight, axis=0) for column in data))
    model = FineGray().fit(*data, sample_weight=weight)
    assert_allclose(model.coef_, copies.coef_, rtol=0, atol=1e-9)
    assert_allclose(model.naive_covariance_, copies.naive_covariance_, rtol=1e-8)


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_without_columns_late_entry_is_aalen_johansens(seed):
    # With b = 0 the hazard of the subdistribution is dF / (1 - F), F by Aalen and Johansen, whose
    # risk sets know of no weights [Geskus 2011, sec. 3]. No ties: G counts who leaves as at risk.
    X, duration, cause, entry = truncated(60, seed, ties=False)
    # Somebody from the start to the end: no time at which nobody is under observation.
    entry[0], duration[0], cause[0] = 0.0, duration.max() + 1.0, 0
    curves = AalenJohansen().fit(duration, cause, entry).curves_
    own = curves.incidence[:, curves.causes.index(1)]
    before = np.concatenate([[0.0], own[:-1]])
    rises = own > before
    expected = np.sum(np.log((own - before)[rises] / (1.0 - before[rises])))
    model = FineGray().fit(X, duration, cause, entry)
    assert_allclose(model.null_log_likelihood_, expected, rtol=1e-10)


def test_entries_before_anyone_is_last_seen_change_nothing():
    X, duration, cause = simulated(80, 3, ties=True)
    entry = np.where(np.arange(80) % 2, 0.0, 0.5)  # durations are from 1
    a, b = FineGray().fit(X, duration, cause), FineGray().fit(X, duration, cause, entry)
    assert_array_equal(a.coef_, b.coef_)
    assert_array_equal(a.covariance_, b.covariance_)


def test_nobody_under_observation():
    # The two who were there from the start are gone at 3; another enters at 5.
    X = [[0.0], [1.0], [0.7], [1.0], [0.5]]
    duration, entry = [2.0, 3.0, 6.0, 7.0, 8.0], [0.0, 0.0, 5.0, 5.5, 5.0]
    with pytest.raises(tn.InvalidInputError, match="entry must be at a time when others") as error:
        FineGray().fit(X, duration, [2, 1, 1, 1, 0], entry)
    assert error.value.argument == "entry"
    # No competitor left before: nothing to be weighed.
    cause = np.array([1, 1, 1, 2, 0])
    model = FineGray().fit(X, duration, cause, entry)
    value = -loss(model.coef_, np.array(X), np.array(duration), cause, np.array(entry))
    assert_allclose(model.log_likelihood_, value, rtol=1e-12)


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_equals_the_definition_on_any_data(seed):
    X, duration, cause = simulated(40, seed, ties=seed % 2 == 0)
    model = FineGray().fit(X, duration, cause)
    data = X, duration, cause, None, weights(duration, cause, duration[cause == 1])
    assert_allclose(model.log_likelihood_, -loss(model.coef_, *data), rtol=1e-11)
    h = 1e-5
    slope = [loss(model.coef_ + h * e, *data) - loss(model.coef_ - h * e, *data) for e in np.eye(2)]
    assert_allclose(np.array(slope) / (2 * h), 0.0, rtol=0, atol=1e-5)
    assert_allclose(model.covariance_, sandwich(model.coef_, X, duration, cause)[1], rtol=1e-7)


@pytest.mark.parametrize("ties", [True, False])
def test_a_whole_weight_is_so_many_rows(ties):
    X, duration, cause = simulated(90, 6, ties)
    weight = np.arange(90) % 4
    rows = np.repeat(np.arange(90), weight)
    model = FineGray().fit(X, duration, cause, sample_weight=weight)
    copies = FineGray().fit(X[rows], duration[rows], cause[rows])
    assert_allclose(model.coef_, copies.coef_, rtol=0, atol=1e-9)
    assert_allclose(model.log_likelihood_, copies.log_likelihood_, rtol=1e-11)
    assert_allclose(model.naive_covariance_, copies.naive_covariance_, rtol=1e-8)
    assert_array_equal(model.baseline_time_, copies.baseline_time_)
    assert_allclose(model.baseline_hazard_, copies.baseline_hazard_, rtol=1e-9)
    # The copies of a row are one cluster: (eta + psi) of the definition, times the weight.
    _, _, _, part = sandwich(copies.coef_, X[rows], duration[rows], cause[rows], parts=True)
    whole = np.zeros((90, 2))
    np.add.at(whole, rows, part)
    bread = copies.naive_covariance_
    assert_allclose(model.covariance_, bread @ whole.T @ whole @ bread, rtol=1e-7)
    assert (model.n_customers_, model.n_events_) == (
        np.sum(weight > 0), np.sum((cause == 1) & (weight > 0))
    )  # fmt: skip


def test_the_unit_of_weights_does_not_matter():
    X, duration, cause = simulated(90, 7, ties=True)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 90)
    a, b = (FineGray().fit(X, duration, cause, sample_weight=w) for w in (weight, 1000.0 * weight))
    assert_allclose(a.coef_, b.coef_, rtol=0, atol=1e-9)
    assert_allclose(a.covariance_, b.covariance_, rtol=1e-8)
    assert_allclose(a.baseline_hazard_, b.baseline_hazard_, rtol=1e-9)


def test_without_competitors_it_is_cox():
    # R 4.2.2, coxph(ties = "breslow"), of rossi.
    data = table("rossi.csv")
    names = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
    model = FineGray().fit({c: data[c] for c in names}, data["week"], data["arrest"].astype(int))
    published = [
        -0.37902189, -0.05724593, 0.31412977, -0.15111460, -0.43278257, -0.08498284, 0.09111154
    ]  # fmt: skip
    assert_allclose(model.coef_, published, rtol=0, atol=2e-8)
    assert_allclose(model.log_likelihood_, -659.120606, rtol=0, atol=6e-7)


def test_without_censoring_competitors_stay_for_ever():
    X, duration, cause = simulated(300, 2, ties=False)
    seen = cause > 0
    X, duration, cause = X[seen], duration[seen], cause[seen]
    model = FineGray().fit(X, duration, cause)
    forever = np.where(cause == 2, duration.max() + 1, duration)
    cox = FineGray().fit(X, forever, np.where(cause == 1, 1, 0))
    assert_allclose(model.coef_, cox.coef_, rtol=0, atol=1e-9)
    assert_allclose(model.covariance_, cox.covariance_, rtol=1e-8)


def test_where_columns_say_nothing_incidence_is_aalen_johansens():
    _X, duration, cause = simulated(3000, 3, ties=False)
    noise = np.random.default_rng(0).normal(size=(3000, 1))
    model = FineGray().fit(noise, duration, cause)
    at = [2.0, 8.0, 14.0]
    expected = AalenJohansen().fit(duration, cause).predict(at, 1)
    got = model.predict_incidence(noise, at).mean(axis=0)
    assert_allclose(got, expected, rtol=0, atol=0.005)


def test_causes_by_name_and_units_of_columns():
    X, duration, cause = simulated(200, 4, ties=True)
    names = np.array(["", "price", "moved"], dtype=object)[cause]
    a = FineGray(1).fit(X, duration, cause)
    b = FineGray("price").fit(X * [100.0, 1.0] + [50.0, 0.0], duration * 7, names)
    assert_allclose(b.coef_ * [100.0, 1.0], a.coef_, rtol=1e-9)
    assert_allclose(b.standard_errors_ * [100.0, 1.0], a.standard_errors_, rtol=1e-8)
    assert_allclose(
        b.predict_incidence(X * [100.0, 1.0] + [50.0, 0.0], [35.0]),
        a.predict_incidence(X, [5.0]),
        rtol=1e-9,
    )
    assert np.isnan(a.predict_incidence(X[:1], [1e6])).all()
    assert a.predict_incidence(X[:1], [0.0]).tolist() == [[0.0]]


def test_a_column_that_tells_who_leaves_is_a_boundary():
    duration, cause = np.arange(1.0, 21.0), np.tile([1, 2], 10)
    column = (cause == 1).astype(float)[:, None]
    with pytest.warns(tn.ConvergenceWarning, match="did not converge"):
        model = FineGray().fit(column, duration, cause)
    assert model.status_ == "boundary"
    with pytest.warns(tn.ConvergenceWarning, match="did not converge"):
        alone = FineGray().fit([[1.0], [0.0]], [1.0, 2.0], [1, 1])
    assert alone.status_ == "boundary"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: FineGray(3).fit([[1.0], [2.0]], [1.0, 2.0], [1, 2]), "nobody left for the cause"),
        (lambda: FineGray().fit([[1.0], [2.0]], [1.0, 2.0], [0, 0]), "names no cause"),
        (lambda: FineGray().fit([[1.0], [2.0]], [1.0, -2.0], [1, 2]), r"duration\[1\]"),
        (lambda: FineGray().fit([[1.0], [2.0]], [1.0], [1]), "X has 2 rows"),
        (lambda: FineGray().fit([[1.0], [2.0]], [1.0, 2.0], [1]), "cause has 1 rows"),
        (lambda: FineGray().fit([[1.0], [math.inf]], [1.0, 2.0], [1, 2]), r"X\[1, 'x0'\]"),
        (lambda: FineGray().fit([[1.0], [1.0]], [1.0, 2.0], [1, 2]), "does not vary"),
        (
            lambda: FineGray().fit([[1.0], [2.0]], [1.0, 2.0], [1, 2], None, [1.0, -1.0]),
            r"sample_weight\[1\]",
        ),
        (lambda: FineGray().fit([[1.0], [2.0]], [1.0, 2.0], [1, 2], None, [1.0]), "sample_weight"),
        (
            lambda: FineGray().fit([[1.0], [2.0]], [1.0, 2.0], [1, 2], None, [0, 1]),
            "positive weight",
        ),
        (lambda: FineGray().fit([[1.0], [2.0]], [1.0, 2.0], [1, 2], [0, 2]), r"entry\[1\] must be"),
        (lambda: FineGray().fit([[1.0], [2.0]], [1.0, 2.0], [1, 2], [0]), "entry has 1 rows"),
        (lambda: FineGray(tolerance=0).fit([[1.0], [2.0]], [1.0, 2.0], [1, 2]), "tolerance"),
    ],
)
def test_refusals(call, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        call()


def test_saved_and_drawn():
    X, duration, cause = simulated(100, 5, ties=True)
    model = FineGray().fit(X, duration, cause)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_incidence(X, [3.0]), model.predict_incidence(X, [3.0]))
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    _, ax = pyplot.subplots()
    assert again.plot(X[:2], ax, labels=["a", "b"]) is ax
    for line, row in zip(ax.lines, model.predict_incidence(X[:2], [duration.max()]), strict=True):
        assert line.get_ydata()[-1] == row[0]
    pyplot.close(ax.figure)


def covered(rounds, n, *, late):
    """Shares of limits that hold the truth, in Fine and Gray's own simulation.

    F_1(t | x) = 1 - (1 - p (1 - e^-t))^exp(x b).
    """
    held, p, b = np.zeros(2), 0.5, np.array([0.5, -0.5])
    size = 3 * n if late else n
    for seed in range(rounds):
        rng = np.random.default_rng(seed)
        X = np.column_stack([rng.normal(size=size), rng.integers(0, 2, size)])
        risk = np.exp(X @ b)
        top = 1 - (1 - p) ** risk
        own = rng.random(size) < top
        u = rng.random(size) * top
        first = -np.log(1 - (1 - (1 - u) ** (1 / risk)) / p)
        life = np.where(own, first, rng.exponential(size=size))
        seen = rng.uniform(0.2, 3.0, size)
        entry = rng.uniform(-0.3, 0.8, size).clip(0) if late else np.zeros(size)
        seen = np.maximum(seen, entry + 0.2)
        cause = np.where(life > seen, 0, np.where(own, 1, 2))
        duration = np.minimum(life, seen)
        rows = np.flatnonzero(entry < duration)[:n]
        table = FineGray().fit(X[rows], duration[rows], cause[rows], entry[rows]).summary()
        held += (table.lower <= b) & (b <= table.upper)
    return held / rounds


def test_limits_with_late_entry_hold_the_truth():
    # 200 of a level of 95 %: four standard errors are 6 %.
    assert (covered(200, 200, late=True) >= 0.89).all()


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True])
def test_intervals_cover_as_often_as_they_say(late):
    share = covered(1000, 300, late=late)
    assert ((share >= 0.93) & (share <= 0.97)).all()
