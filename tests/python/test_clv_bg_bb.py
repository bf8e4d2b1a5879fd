"""BG/BB: the formulas of the paper in 40 digits, histories one by one, awkward data, limits."""

from __future__ import annotations

import itertools
import math
import warnings
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
import scipy.optimize
from clv_models import at, customers
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import betaln, logsumexp

import tenure as tn
from tenure import _core

DONATIONS = (1.203528, 0.749726, 0.6567808, 2.783796)


@pytest.fixture(scope="module")
def donations():
    return tn.datasets.load_donations()


@pytest.fixture(scope="module")
def fitted(donations):
    return tn.clv.BGBB().fit(donations)


def simulate(n, seed, theta=DONATIONS, longest=12, shortest=1):
    rng = np.random.default_rng(seed)
    alpha, beta, gamma, delta = theta
    p, leave = rng.beta(alpha, beta, n), rng.beta(gamma, delta, n)
    T = rng.integers(shortest, longest + 1, n)
    x, t_x, alive = np.zeros(n), np.zeros(n), np.ones(n, bool)
    for t in range(1, longest + 1):
        alive &= rng.random(n) >= leave
        buys = alive & (rng.random(n) < p) & (t <= T)
        x += buys
        t_x = np.where(buys, t, t_x)
    return customers(x, t_x, T)


# --- the formulas of the paper, in plain beta functions ------------------------------------------


def likelihood(theta, x, t_x, n):
    """Eq. 5."""
    a, b, g, d = map(mp.mpf, theta)
    total = mp.beta(a + x, b + n - x) * mp.beta(g, d + n)
    for i in range(n - t_x):
        total += mp.beta(a + x, b + t_x - x + i) * mp.beta(g + 1, d + t_x + i)
    return total / mp.beta(a, b) / mp.beta(g, d)


def alive(theta, x, t_x, n, ahead):
    """Eq. 11, for any opportunity to come."""
    a, b, g, d = map(mp.mpf, theta)
    stays = mp.beta(a + x, b + n - x) / mp.beta(a, b) * mp.beta(g, d + n + ahead) / mp.beta(g, d)
    return stays / likelihood(theta, x, t_x, n)


def expected(theta, x, t_x, n, horizon, discount=0):
    """Eqs. 13 and 14, as the sum that they close."""
    a, b, g, d = map(mp.mpf, theta)
    total = mp.mpf(0)
    for j in range(1, horizon + 1):
        buys = mp.beta(a + x + 1, b + n - x) / mp.beta(a, b) * mp.beta(g, d + n + j) / mp.beta(g, d)
        total += buys / (1 + mp.mpf(discount)) ** j
    return total / likelihood(theta, x, t_x, n)


def dert(theta, x, t_x, n, discount):
    """Eq. 14, closed by a hypergeometric function."""
    a, b, g, d = map(mp.mpf, theta)
    z = 1 / (1 + mp.mpf(discount))
    buys = mp.beta(a + x + 1, b + n - x) / mp.beta(a, b) * mp.beta(g, d + n + 1) / mp.beta(g, d)
    return buys * z * mp.hyp2f1(1, d + n + 1, g + d + n + 1, z) / likelihood(theta, x, t_x, n)


def count(theta, k, n):
    """Eq. 8."""
    a, b, g, d = map(mp.mpf, theta)
    total = mp.binomial(n, k) * mp.beta(a + k, b + n - k) * mp.beta(g, d + n)
    for i in range(k, n):
        total += mp.binomial(i, k) * mp.beta(a + k, b + i - k) * mp.beta(g + 1, d + i)
    return total / mp.beta(a, b) / mp.beta(g, d)


def points(n, seed=5):
    rng = np.random.default_rng(seed)
    for _ in range(n):
        theta = tuple(float(v) for v in np.array(DONATIONS) * 10 ** rng.uniform(-1.2, 1.2, 4))
        T = int(rng.integers(1, 15))
        t_x = int(rng.integers(0, T + 1))
        x = 0 if t_x == 0 else int(rng.integers(1, t_x + 1))
        yield theta, (x, t_x, T)


def test_predictions_are_those_of_the_paper():
    with mp.workdps(40):
        for theta, (x, t_x, n) in points(60):
            model, one = at(tn.clv.BGBB, theta), customers(x, t_x, n)
            for ahead in (0, 1, 4):
                told = float(alive(theta, x, t_x, n, ahead))
                assert_allclose(model.probability_alive(one, ahead=ahead)[0], told, rtol=1e-12)
            told = float(expected(theta, x, t_x, n, 7))
            assert_allclose(model.expected_purchases(one, 7)[0], told, rtol=1e-12)
            told = float(expected(theta, x, t_x, n, 7, 0.2))
            got = model.discounted_expected_purchases(one, 7, 0.2)[0]
            assert_allclose(got, told, rtol=1e-12)
            told = float(dert(theta, x, t_x, n, 0.05))
            got = model.discounted_expected_purchases(one, discount_rate=0.05)[0]
            assert_allclose(got, told, rtol=1e-12)
            told = [float(count(theta, k, n)) for k in range(n + 2)]
            assert_allclose(model.probability_of_n_purchases(range_of(n + 2), n), told, rtol=1e-11)


def range_of(n):
    return np.arange(n, dtype=np.float64)


def test_the_cells_of_the_donations(donations):
    theta = np.array([1.204, 0.750, 0.657, 2.783])
    x, t_x, T = (donations[c].to_numpy().astype(float) for c in ("frequency", "recency", "T"))
    got = _core.clv.bg_bb_row_log_likelihood(theta, x, t_x, T, 1)
    with mp.workdps(50):
        told = [float(mp.log(likelihood(theta, *map(int, c)))) for c in zip(x, t_x, T, strict=True)]
    assert_allclose(got, told, rtol=1e-14)


def test_a_discount_that_hardly_is_one():
    one = customers(3, 4, 6)
    with mp.workdps(30):
        told = float(dert(DONATIONS, 3, 4, 6, 1e-4))
    model = at(tn.clv.BGBB, DONATIONS)
    assert_allclose(
        model.discounted_expected_purchases(one, discount_rate=1e-4)[0], told, rtol=1e-11
    )


def test_all_purchases_to_come_where_they_end():
    theta = (1.2, 0.75, 1.4, 2.8)
    model, one = at(tn.clv.BGBB, theta), customers(3, 4, 6)
    with mp.workdps(30):
        told = float(dert(theta, 3, 4, 6, 0))
    assert_allclose(model.expected_purchases(one, math.inf)[0], told, rtol=1e-13)
    assert_allclose(model.expected_purchases(one, 1_000_000)[0], told, rtol=0.01)


# --- histories one by one, in exact arithmetic ---------------------------------------------------


def rising(s, k):
    product = Fraction(1)
    for i in range(k):
        product *= s + i
    return product


def moment(a, b, i, j):
    """E[p^i (1 - p)^j] under beta(a, b)."""
    return rising(a, i) * rising(b, j) / rising(a + b, i + j)


def probability_of(history, theta):
    """Sum over the opportunity at which the customer leaves; n + 1 stands for later."""
    alpha, beta, gamma, delta = theta
    n, last = len(history), max((t for t, y in enumerate(history, 1) if y), default=0)
    x, total = sum(history), Fraction(0)
    for leaves in range(last + 1, n + 2):
        stayed = leaves - 1
        gone = 1 if leaves <= n else 0
        total += moment(alpha, beta, x, stayed - x) * moment(gamma, delta, gone, stayed)
    return total


def test_histories_and_counts_by_enumeration():
    """Every sequence of 9 opportunities: the first 5 are seen, 4 are to come."""
    theta = (Fraction(3, 2), Fraction(3, 4), Fraction(1, 2), Fraction(5, 2))
    model = at(tn.clv.BGBB, [float(v) for v in theta])
    seen, to_come = {}, {}
    for history in itertools.product((0, 1), repeat=9):
        p = probability_of(history, theta)
        past, future = history[:5], history[5:]
        cell = (sum(past), max((t for t, y in enumerate(past, 1) if y), default=0))
        seen[cell] = seen.get(cell, 0) + p
        key = (*cell, sum(future))
        to_come[key] = to_come.get(key, 0) + p
    table = model.history_table(5, horizon=4)
    cells = list(zip(table.frequency.tolist(), table.recency.tolist(), strict=True))
    assert cells == sorted(seen)
    assert_allclose(table.probability, [float(seen[c]) for c in cells], rtol=1e-13)
    assert sum(seen.values()) == 1
    mean = [float(sum(k * to_come[*c, k] for k in range(5)) / seen[c]) for c in cells]
    assert_allclose(table.expected_purchases, mean, rtol=1e-13)
    rows = {"frequency": table.frequency, "recency": table.recency, "T": [5] * len(table)}
    told = [[float(to_come[*c, k] / seen[c]) for k in range(5)] for c in cells]
    assert_allclose(model.probability_of_n_purchases_given(rows, range_of(5), 4), told, rtol=1e-12)
    assert_allclose(
        model.probability_of_n_purchases_given(rows, 2, 4), [row[2] for row in told], rtol=1e-12
    )


@given(
    st.tuples(*[st.floats(0.05, 50.0)] * 4),
    st.integers(0, 60),
    st.integers(0, 40),
    st.data(),
)
@settings(max_examples=50)
def test_counts_and_expectations_agree(theta, T, horizon, data):
    t_x = data.draw(st.integers(0, T))
    x = data.draw(st.integers(1, t_x)) if t_x else 0
    model, one = at(tn.clv.BGBB, theta), customers(x, t_x, T)
    pmf = model.probability_of_n_purchases_given(one, range_of(horizon + 1), horizon)[0]
    assert pmf.sum() == pytest.approx(1.0, abs=1e-12)
    mean = float(pmf @ range_of(horizon + 1))
    assert mean == pytest.approx(model.expected_purchases(one, horizon)[0], rel=1e-9, abs=1e-12)
    new = model.probability_of_n_purchases(range_of(horizon + 1), horizon)
    assert new @ range_of(horizon + 1) == pytest.approx(
        model.expected_purchases_new(horizon), rel=1e-9, abs=1e-12
    )
    ahead = [model.probability_alive(one, ahead=k)[0] for k in (0, 1, 5)]
    assert ahead == sorted(ahead, reverse=True)
    assert 0.0 <= ahead[-1] <= ahead[0] <= 1.0
    if t_x == T:
        assert ahead[0] == 1.0


# --- fits ----------------------------------------------------------------------------------------


def mean_loss(u, x, t_x, T):
    """Mean negative log-likelihood by scipy's beta function, cells of one T."""
    a, b, g, d = np.exp(u)
    log = betaln(a + x, b + T - x) + betaln(g, d + T)
    for i in range(int(T.max())):
        k = t_x + i
        left = betaln(a + x, b + np.minimum(k, T) - x) + betaln(g + 1, d + np.minimum(k, T))
        log = np.where(k < T, logsumexp(np.stack([log, left]), axis=0), log)
    return -np.mean(log - betaln(a, b) - betaln(g, d))


def test_finds_the_optimum_that_scipy_finds():
    data = simulate(3000, 2)
    model = tn.clv.BGBB().fit(data)
    columns = (data["frequency"], data["recency"], data["T"])
    found = scipy.optimize.minimize(
        mean_loss,
        np.zeros(4),
        columns,
        method="BFGS",
        options={"gtol": 1e-8},
    )
    assert model.converged_
    assert_allclose(np.log(list(model.params_.values())), found.x, atol=2e-4)
    assert_allclose(model.log_likelihood_, -found.fun * 3000, rtol=1e-10)
    assert model.score(data) == pytest.approx(model.log_likelihood_ / 3000, rel=1e-12)


def test_the_frequencies_of_the_donations(fitted, donations):
    counts = fitted.expected_frequency_counts(donations)
    assert counts.frequency.tolist() == list(range(7))
    assert counts.observed.sum() == 11_104
    assert counts.expected.sum() == pytest.approx(11_104, abs=1e-8)
    assert np.abs(counts.expected / counts.observed - 1).max() < 0.1
    few = fitted.expected_frequency_counts(donations, max_frequency=2)
    assert_allclose(few.expected[:2], counts.expected[:2])
    assert few.expected[2] == pytest.approx(counts.expected[2:].sum(), rel=1e-12)


def test_a_weight_is_a_repetition(donations, fitted):
    weight = donations["weight"].to_numpy()
    columns = {c: np.repeat(donations[c].to_numpy(), weight) for c in ("frequency", "recency", "T")}
    other = tn.clv.BGBB().fit(columns)
    assert_allclose(list(other.params_.values()), list(fitted.params_.values()), rtol=1e-9)
    table = donations.drop_columns(["weight"])
    third = tn.clv.BGBB().fit(table, sample_weight=weight)
    assert third.params_ == fitted.params_


def test_threads_change_no_bit():
    data = simulate(150_000, 4)
    one = tn.clv.BGBB(n_threads=1).fit(data)
    two = tn.clv.BGBB(n_threads=2).fit(data)
    assert one.params_ == two.params_
    assert one.log_covariance_.tobytes() == two.log_covariance_.tobytes()
    for call in (
        lambda m: m.probability_alive(data, ahead=1),
        lambda m: m.expected_purchases(data, 9),
        lambda m: m.expected_frequency_counts(data).expected,
    ):
        assert call(one).tobytes() == call(two).tobytes()


def test_the_penalty_is_the_one_it_says():
    data = simulate(2000, 6)
    model = tn.clv.BGBB(l2=0.01).fit(data)
    columns = (data["frequency"], data["recency"], data["T"])

    def penalised(u):
        return mean_loss(u, *columns) + 0.01 * np.sum(np.exp(2 * u))

    slope = scipy.optimize.approx_fprime(np.log(list(model.params_.values())), penalised, 1e-6)
    assert_allclose(slope, 0.0, atol=1e-5)


def test_limits_follow_from_the_gradient(fitted):
    rows = customers([0, 2, 4, 6], [0, 4, 5, 6], [6, 6, 6, 6])
    u, h = np.log(list(fitted.params_.values())), 1e-5

    def slopes(predict):
        moved = [
            predict(at(tn.clv.BGBB, np.exp(u + s * h * e))) for e in np.eye(4) for s in (1, -1)
        ]
        return np.array(
            [(up - down) / (2 * h) for up, down in zip(*[iter(moved)] * 2, strict=True)]
        )

    z = 1.959963984540054
    g = slopes(lambda m: np.log(m.expected_purchases(rows, 5)))
    error = np.sqrt(np.einsum("in,ij,jn->n", g, fitted.log_covariance_, g))
    got = fitted.expected_purchases(rows, 5, interval=0.95)
    assert_allclose(np.log(got.upper / got.value), z * error, rtol=1e-5)
    assert_allclose(got.value, fitted.expected_purchases(rows, 5), rtol=1e-13)

    def odds(m):
        p = m.probability_alive(rows, ahead=1)
        return np.log(p / (1 - p))

    g = slopes(odds)
    error = np.sqrt(np.einsum("in,ij,jn->n", g, fitted.log_covariance_, g))
    got = fitted.probability_alive(rows, 0.95, ahead=1)
    logit = [np.log(v / (1 - v)) for v in (got.lower, got.value, got.upper)]
    assert_allclose(logit[2] - logit[1], z * error, rtol=1e-5)
    assert_allclose(logit[1] - logit[0], z * error, rtol=1e-5)


AWKWARD = {
    "nobody bought again": customers(np.zeros(50), np.zeros(50), np.full(50, 6)),
    "nothing seen yet": customers(np.zeros(20), np.zeros(20), np.zeros(20)),
    "everybody always bought": customers(np.full(50, 6), np.full(50, 6), np.full(50, 6)),
    "one customer": customers(3, 4, 6),
    "one opportunity": customers([0, 1] * 30, [0, 1] * 30, np.ones(60)),
    "everybody leaves at once": customers([1, 0] * 60, [1, 0] * 60, np.full(120, 30)),
    "nobody leaves": simulate(2000, 7, (1.2, 0.8, 1e-9, 10.0)),
    "no heterogeneity": simulate(5000, 8, (3e3, 2e3, 1e3, 9e3)),
    "thousands of opportunities": customers([1, 40, 300, 2000], [5, 900, 1999, 2000], [2000] * 4),
    "a simulation": simulate(5000, 9),
    "long histories": simulate(800, 10, (1.0, 3.0, 0.8, 20.0), 200, 100),
}


@pytest.mark.parametrize("name", AWKWARD)
def test_a_fit_is_an_optimum_or_says_so(name):
    data = AWKWARD[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = tn.clv.BGBB().fit(data)
    assert [w.category for w in caught] == ([] if model.converged_ else [tn.ConvergenceWarning])
    theta = np.array(list(model.params_.values()))
    assert np.all(np.isfinite(theta) & (theta > 0))
    columns = (data["frequency"], data["recency"], data["T"])
    value, gradient, hessian = _core.clv.bg_bb_log_likelihood(theta, *columns, None, 1)
    assert value == pytest.approx(model.log_likelihood_, rel=1e-7, abs=1e-7)
    if model.converged_:
        own = max(1.0, abs(value / model.n_customers_))
        assert np.abs(gradient).max() / model.n_customers_ <= 1e-6 * own
        assert np.linalg.eigvalsh(-hessian.reshape(4, 4)).min() > 0.0
    for got in (model.probability_alive(data, ahead=1), model.expected_purchases(data, 5)):
        assert np.all(np.isfinite(got) & (got >= 0.0))


def test_what_cannot_be_told_is_a_boundary():
    for name in ("nobody bought again", "one opportunity", "everybody always bought"):
        with pytest.warns(tn.ConvergenceWarning, match="boundary"):
            model = tn.clv.BGBB().fit(AWKWARD[name])
        assert model.status_ == "boundary"
    with pytest.raises(tn.NotConvergedError, match="nobody bought again"):
        tn.clv.BGBB(on_failure="raise").fit(AWKWARD["nobody bought again"])


BAD = [
    ("frequency", 1, customers([1, 1.5], [1, 2], [3, 3])),
    ("recency", 0, customers([1, 1], [1.5, 2], [3, 3])),
    ("T", 1, customers([1, 1], [1, 2], [3, 2.5])),
    ("T", 0, customers([1, 1], [1, 2], [200_000, 3])),
    ("T", 1, customers([1, 1], [1, 2], [3, np.nan])),
    ("recency", 1, customers([1, 1], [1, 4], [3, 3])),
    ("recency", 1, customers([1, 3], [1, 2], [3, 3])),
    ("recency", 0, customers([0, 1], [1, 2], [3, 3])),
    ("frequency", None, customers([], [], [])),
]


@pytest.mark.parametrize(("argument", "row", "data"), BAD)
def test_names_the_bad_cell(argument, row, data):
    with pytest.raises(tn.InvalidInputError) as error:
        tn.clv.BGBB().fit(data)
    assert (error.value.argument, error.value.row) == (argument, row)


def test_says_what_it_cannot_predict(fitted):
    one = customers(3, 4, 6)
    for call, argument in (
        (lambda: fitted.expected_purchases(one, 2.5), "horizon"),
        (lambda: fitted.expected_purchases(one, -1), "horizon"),
        (lambda: fitted.expected_purchases(one, "1y"), "horizon"),
        (lambda: fitted.expected_purchases(one, math.inf), "horizon"),
        (lambda: fitted.discounted_expected_purchases(one, discount_rate=1e-7), "horizon"),
        (lambda: fitted.discounted_expected_purchases(one, discount_rate=-0.1), "discount_rate"),
        (lambda: fitted.probability_alive(one, ahead=-1), "ahead"),
        (lambda: fitted.probability_alive(one, ahead=0.5), "ahead"),
        (lambda: fitted.expected_purchases_new([1, 2.5]), "horizon"),
        (lambda: fitted.probability_of_n_purchases(0.5, 4), "n"),
        (lambda: fitted.probability_of_n_purchases_given(one, -1, 4), "n"),
        (lambda: fitted.history_table(1001, 5), "T"),
        (lambda: fitted.expected_frequency_counts(one, 0), "max_frequency"),
    ):
        with pytest.raises(tn.InvalidInputError) as error:
            call()
        assert error.value.argument == argument


def test_saves_and_opens(fitted, tmp_path):
    fitted.save(tmp_path / "m.tenure")
    again = tn.load(tmp_path / "m.tenure")
    assert again.params_ == fitted.params_
    assert repr(again) == repr(fitted)
    assert "converged" in repr(fitted)


def test_plots_the_table(fitted):
    pytest.importorskip("matplotlib").use("Agg")
    ax = fitted.history_table(6, horizon=5).plot()
    image = ax.images[0].get_array()
    assert image[6, 6] == pytest.approx(fitted.expected_purchases(customers(6, 6, 6), 5)[0])
    assert np.ma.is_masked(image[6, 5]) or np.isnan(image[6, 5])
