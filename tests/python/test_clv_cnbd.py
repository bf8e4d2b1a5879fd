"""Regular purchases: the shape k, the logs of gaps, and expectations by other ways than ticks."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from clv_models import AWKWARD, at, cdnow_log, customers
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import special, stats

import tenure as tn
from tenure import _core

PAIRS = [(tn.clv.BGCNBD, tn.clv.BGNBD), (tn.clv.MBGCNBD, tn.clv.MBGNBD)]
USUAL = (0.85, 1.45, 0.79, 2.42)


@pytest.fixture(scope="module")
def base():
    return cdnow_log().summary(unit="week", end="1997-09-30", log_gaps=True)


@pytest.fixture(scope="module", params=[tn.clv.BGCNBD, tn.clv.MBGCNBD])
def kind(request):
    return request.param


def simulate(kind, k, n, seed, until=52.0, later=26.0, theta=USUAL):
    """Histories until T = `until`, whether alive then, and what was bought in `later` more."""
    rng = np.random.default_rng(seed)
    r, alpha, a, b = theta
    rate, leave = rng.gamma(r, 1.0 / alpha, n), rng.beta(a, b, n)
    alive = np.ones(n, bool) if kind is tn.clv.BGCNBD else rng.random(n) >= leave
    x, t_x, now, gaps, after = (np.zeros(n) for _ in range(5))
    alive_then = alive.copy()
    active = np.flatnonzero(alive)
    while active.size:
        length = rng.gamma(k, 1.0 / rate[active])
        now[active] += length
        active, length = active[now[active] <= until + later], length[now[active] <= until + later]
        before = now[active] <= until
        seen, length = active[before], length[before]
        x[seen] += 1.0
        t_x[seen] = now[seen]
        gaps[seen] += np.log(length)
        after[active[~before]] += 1.0
        leaves = rng.random(active.size) < leave[active]
        alive_then[active[leaves & before]] = False
        active = active[~leaves]
    return {**customers(x, t_x, np.full(n, until)), "log_gaps": gaps}, alive_then, after


# --- the shape ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("regular", "plain"), PAIRS)
def test_with_k_of_1_it_is_the_plain_model(base, regular, plain):
    one, same = regular(k=1).fit(base), plain().fit(base)
    assert one.k_ == 1
    assert_allclose(list(one.params_.values()), list(same.params_.values()), rtol=1e-12)
    assert_allclose(one.log_covariance_, same.log_covariance_, rtol=1e-9)
    assert one.log_likelihood_ == pytest.approx(same.log_likelihood_, rel=1e-14)
    at_same = at(regular, same.params_.values(), k=1, unit="week")
    for got, want in (
        (at_same.probability_alive(base), same.probability_alive(base)),
        (at_same.expected_purchases(base, 39), same.expected_purchases(base, 39)),
        (
            at_same.discounted_expected_purchases(base, "1y"),
            same.discounted_expected_purchases(base, "1y"),
        ),
    ):
        assert got.tobytes() == want.tobytes()
    assert_allclose(
        at_same.probability_of_n_purchases(range(30), 39.0),
        same.probability_of_n_purchases(range(30), 39.0),
        rtol=1e-13,
    )
    assert_allclose(
        at_same.expected_purchases_new([1.0, 39.0]), same.expected_purchases_new([1.0, 39.0]), 1e-13
    )
    assert_allclose(
        at_same.expected_frequency_counts(base).expected,
        same.expected_frequency_counts(base).expected,
        rtol=1e-13,
    )


@pytest.mark.parametrize("k", [3, 12])
def test_the_likely_k_is_that_of_the_customers(kind, k):
    data, _, _ = simulate(kind, k, 3000, seed=k, theta=(0.85, 4.0 / k, 0.79, 2.42))
    model = kind().fit(data)
    told = model.k_log_likelihoods_
    assert model.converged_
    assert model.log_likelihood_ == told.max() == told[model.k_ - 1]
    assert abs(model.k_ - k) <= k // 6
    if len(told) < 12:
        assert told[-1] < told[-2] < told[-3]
    fixed = kind(k=model.k_).fit(data)
    assert (model.n_parameters_, fixed.n_parameters_) == (5, 4)
    assert fixed.params_ == model.params_
    assert fixed.k_log_likelihoods_.tolist() == [model.log_likelihood_]


def test_the_history_of_a_holdout_fits(kind, base):
    parts = cdnow_log().calibration_holdout("1997-09-30", log_gaps=True)
    assert parts.calibration.log_gaps.tolist() == base.log_gaps.tolist()
    assert kind(k=2).fit(parts).params_ == kind(k=2).fit(base).params_


def test_the_truth_lies_within_the_limits(kind):
    data, _, _ = simulate(kind, 3, 20_000, seed=5)
    table = kind(k=3).fit(data).interval(0.999)
    assert np.all((table.lower < USUAL) & (np.array(USUAL) < table.upper))


def test_the_optimum_is_one(kind, base):
    """From any point nearby scipy comes back to it."""
    from scipy.optimize import minimize

    model = kind(k=2).fit(base)
    kernel = getattr(_core.clv, f"{kind._prefix}_log_likelihood")
    columns = (base.frequency * 1.0, base.recency, base.T, None, base.log_gaps, 1)
    best = np.log(list(model.params_.values()))
    found = minimize(
        lambda u: -kernel(2, np.exp(u), *columns)[0],
        best + np.array([0.1, -0.1, 0.1, -0.1]),
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 2000},
    )
    assert_allclose(found.x, best, atol=2e-5)
    assert -found.fun == pytest.approx(model.log_likelihood_, abs=1e-7)


@pytest.mark.parametrize("name", AWKWARD)
def test_a_fit_is_an_optimum_or_says_so(kind, name):
    data = {**AWKWARD[name], "log_gaps": np.zeros(len(AWKWARD[name]["T"]))}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = kind(k=3).fit(data)
    assert [w.category for w in caught] == ([] if model.converged_ else [tn.ConvergenceWarning])
    theta = np.array(list(model.params_.values()))
    assert np.all(np.isfinite(theta) & (theta > 0.0))
    value, gradient, hessian = model._kernel("log_likelihood")(
        theta, *(data[n] for n in ("frequency", "recency", "T")), None, data["log_gaps"], 1
    )
    assert value == pytest.approx(model.log_likelihood_, rel=1e-9, abs=1e-9)
    if model.converged_:
        n = len(data["T"])
        assert np.abs(gradient).max() / n <= 1e-6 * max(1.0, abs(value / n))
        assert np.linalg.eigvalsh(-hessian.reshape(4, 4)).min() > 0.0
    for prediction in (
        model.probability_alive(data),
        model.expected_purchases(data, data["T"].max()),
    ):
        assert np.all(np.isfinite(prediction) & (prediction >= 0.0))


# --- what is to come, by renewal theory -----------------------------------------------------------


def rates(kind, theta, k, x, t_x, age):
    """Nodes of lambda, and weights of its posterior given alive, over P(no purchase since).

    What is multiplied by them is a probability together with that of no purchase in (t_x, T].
    """
    r, alpha, _, _ = theta
    u, w = np.polynomial.legendre.leggauss(200)
    spread = stats.gamma(r + k * x).ppf([1e-18, 1.0 - 1e-16])
    spread[0] = max(spread[0], 1e-12)
    low, high = np.log(spread[0] / 50 / (alpha + age)), np.log((spread[1] + 30) / (alpha + t_x))
    log_rate = low + (high - low) * (u + 1) / 2
    rate = np.exp(log_rate)
    density = (r + k * x) * log_rate - rate * (alpha + t_x)
    silent = special.gammaincc(k, rate * (age - t_x))
    weight = w * np.exp(density - density.max())
    return rate, weight / (weight @ silent)


def renewal(kind, theta, k, x, t_x, age, horizon, purchases=300):
    """Expected purchases of one who is alive: the sum of P(n-th within the horizon)."""
    _, _, a, b = theta
    rate, weight = rates(kind, theta, k, x, t_x, age)
    outlived = b + x + (kind is tn.clv.MBGCNBD)
    u, w = np.polynomial.legendre.leggauss(80)
    silent = age - t_x
    total, chance = 0.0, 1.0
    for n in range(1, purchases):
        if n == 1:  # ends in (silent, silent + horizon]
            within = special.gammaincc(k, rate * silent) - special.gammaincc(
                k, rate * (silent + horizon)
            )
        else:  # a first gap longer than the silence, and n - 1 more
            first = silent + horizon * (u + 1) / 2
            density = stats.gamma(k, scale=1.0 / rate[:, None]).pdf(first)
            rest = special.gammainc(k * (n - 1), rate[:, None] * (silent + horizon - first))
            within = (density * rest) @ w * horizon / 2
        term = chance * (weight @ within)
        total += term
        chance *= (outlived + n - 1) / (a + outlived + n - 1)
        if n > 3 and term < 1e-13 * total:
            break
    return total


HISTORIES = [
    (2, 0, 0.0, 10.0, 5.0),
    (3, 0, 0.0, 52.0, 26.0),
    (3, 3, 20.0, 52.0, 26.0),
    (3, 10, 40.0, 52.0, 26.0),
    (3, 10, 51.0, 52.0, 26.0),
    (6, 4, 30.0, 33.0, 8.0),
    (12, 2, 8.0, 12.0, 4.0),
    (12, 5, 30.0, 30.0, 20.0),
]


@pytest.mark.parametrize("history", HISTORIES)
def test_expectations_are_those_of_renewal_theory(kind, history):
    k, x, t_x, age, horizon = history
    model = at(kind, USUAL, k=k)
    one = customers(x, t_x, age)
    if_alive = model.expected_purchases(one, horizon)[0] / model.probability_alive(one)[0]
    assert if_alive == pytest.approx(renewal(kind, USUAL, *history), rel=1e-8)


@pytest.mark.parametrize("history", HISTORIES)
def test_discounted_for_ever_is_the_mean_over_rates(kind, history):
    """Given lambda and p it is s^left / (1 - (1 - p) s^k), with s = lambda / (lambda + d)."""
    k, x, t_x, age, _ = history
    _, _, a, b = USUAL
    outlived = b + x + (kind is tn.clv.MBGCNBD)
    rate, weight = rates(kind, USUAL, k, x, t_x, age)
    d = np.log(1.1)
    s = rate / (rate + d)
    # E 1/(1 - (1 - p) v) over p ~ beta(a, outlived), by its series in v.
    later = special.hyp2f1(1.0, outlived, a + outlived, s**k)
    passed = stats.poisson.pmf(np.arange(k)[:, None], rate * (age - t_x))
    left = (passed * s ** (k - np.arange(k))[:, None]).sum(axis=0)
    model = at(kind, USUAL, k=k, unit="week")
    one = customers(x, t_x, age)
    got = model.discounted_expected_purchases(one, discount_rate=0.1, discount_period="week")
    assert got[0] / model.probability_alive(one)[0] == pytest.approx(
        weight @ (left * later), rel=1e-8
    )


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("rate", [0.1, 0.002, -0.01])
def test_discounted_until_a_time_is_a_sum_over_its_parts(kind, history, rate):
    """Purchases of each short interval, at the worth of its middle, refined by Richardson."""
    k, x, t_x, age, horizon = history
    model = at(kind, USUAL, k=k, unit="week")
    one = customers(x, t_x, age)

    def cut(parts):
        until = np.linspace(0.0, horizon, parts + 1)
        expected = np.array([model.expected_purchases(one, t)[0] for t in until])
        return np.diff(expected) @ (1.0 + rate) ** -((until[1:] + until[:-1]) / 2)

    two, four, eight = cut(40), cut(80), cut(160)
    finer = [(4 * b - a) / 3 for a, b in ((two, four), (four, eight))]
    want = (16 * finer[1] - finer[0]) / 15
    got = model.discounted_expected_purchases(one, horizon, rate, "week")[0]
    assert got == pytest.approx(want, rel=1e-8)


def test_a_long_horizon_is_for_ever(kind):
    """Where the discount has eaten everything, the two ways meet."""
    data = customers([0, 3, 40], [0, 20, 50], [52, 52, 52])
    for k in (2, 12):
        model = at(kind, USUAL, k=k, unit="week")
        weekly = np.expm1(0.5)
        near, far = (
            model.discounted_expected_purchases(data, h, weekly, "week") for h in (89.0, 91.0)
        )
        assert_allclose(near, far, rtol=1e-9)


def test_histories_come_true(kind):
    """P(alive) and expectations, averaged over simulated customers of each frequency."""
    data, alive, after = simulate(kind, 3, 100_000, seed=9)
    model = at(kind, USUAL, k=3)
    chance = model.probability_alive(data)
    expected = model.expected_purchases(data, 26.0)
    for lowest, highest in ((0, 0), (1, 1), (2, 4), (5, 9), (10, 1000)):
        group = (lowest <= data["frequency"]) & (data["frequency"] <= highest)
        n = group.sum()
        error = np.sqrt((chance[group] * (1 - chance[group])).sum()) / n
        assert abs(alive[group].mean() - chance[group].mean()) <= 4.5 * error + 1e-12
        error = after[group].std() / np.sqrt(n)
        assert abs(after[group].mean() - expected[group].mean()) <= 4.5 * error


parameters = st.tuples(*[st.floats(0.1, 8.0)] * 4)


@settings(max_examples=20)
@given(
    parameters,
    st.integers(1, 12),
    st.integers(0, 40),
    st.floats(0.05, 1.0),
    st.floats(0.5, 100.0),
    st.floats(0.1, 100.0),
)
def test_predictions_obey_their_order(kind, theta, k, x, share, age, horizon):
    model = at(kind, theta, k=k, unit="week")
    one = customers(x, age * share if x else 0.0, age)
    alive = model.probability_alive(one)[0]
    assert 0.0 <= alive <= 1.0
    near, far = (model.expected_purchases(one, h)[0] for h in (horizon, 2 * horizon))
    rounding = 1 + 1e-11
    assert 0.0 <= near <= far * rounding
    discounted = [
        model.discounted_expected_purchases(one, horizon, rate, "week")[0]
        for rate in (0.5, 0.01, 0.0, -0.01)
    ]
    assert discounted[2] == pytest.approx(near, rel=1e-12)
    assert np.all(np.diff(discounted) >= -1e-9 * near)
    assert discounted[0] >= near * 1.5**-horizon * (1 - 1e-9)


@settings(max_examples=40)
@given(parameters, st.integers(1, 12), st.floats(0.1, 100.0))
def test_the_distribution_adds_up(kind, theta, k, horizon):
    model = at(kind, theta, k=k)
    n = np.arange(400)
    p = model.probability_of_n_purchases(n, horizon)
    assert np.all(p >= 0.0)
    assert p.sum() <= 1.0 + 1e-11
    if p[-1] < 1e-16:
        assert p.sum() == pytest.approx(1.0, abs=1e-11)
        assert p @ n == pytest.approx(model.expected_purchases_new(horizon), rel=1e-9, abs=1e-12)
    counts = model.expected_frequency_counts(customers(2, 0.5 * horizon, horizon), 5).expected
    assert_allclose(counts[:5], p[:5], atol=1e-12)


@pytest.mark.parametrize("k", [2, 5, 12])
def test_where_the_series_is_long_nothing_jumps(kind, k):
    """The way through the roots of unity takes over at some horizon."""
    model = at(kind, USUAL, k=k)
    data = customers([0, 4, 30], [0, 30, 38], [39, 35, 39])
    horizon = np.geomspace(2000.0, 4500.0, 24)
    told = np.log([model.expected_purchases(data, h) for h in horizon])
    assert np.abs(np.diff(told, n=6, axis=0)).max() < 5e-11
    a_million = model.expected_purchases(customers([1e6] * 2, [300] * 2, [301, 301]), 26.0)
    assert np.all(np.isfinite(a_million))


# --- what must not matter, and what is said -------------------------------------------------------


def test_order_weights_units_and_threads_do_not_matter(kind):
    data, _, _ = simulate(kind, 2, 4000, seed=3)
    model = kind(k=2, n_threads=1).fit(data)
    shuffle = np.random.default_rng(1).permutation(4000)
    weight = np.random.default_rng(2).integers(0, 3, 4000)
    for other, like in (
        (kind(k=2).fit({n: c[shuffle] for n, c in data.items()}), model),
        (
            kind(k=2).fit(data, weight),
            kind(k=2).fit({n: np.repeat(c, weight) for n, c in data.items()}),
        ),
    ):
        assert_allclose(list(other.params_.values()), list(like.params_.values()), rtol=1e-8)
        assert other.log_likelihood_ == pytest.approx(like.log_likelihood_, rel=1e-12)
    x = data["frequency"]
    days = {
        **customers(x, data["recency"] * 7, data["T"] * 7),
        "log_gaps": data["log_gaps"] + x * np.log(7.0),
    }
    in_days = kind(k=2).fit(days)
    assert in_days.params_["alpha"] == pytest.approx(7 * model.params_["alpha"], rel=1e-8)
    assert in_days.log_likelihood_ == pytest.approx(
        model.log_likelihood_ - x.sum() * np.log(7.0), rel=1e-12
    )
    large, _, _ = simulate(kind, 2, 20_000, seed=4)
    bits = []
    for threads in (1, 2, 3):
        m = kind(n_threads=threads).fit(large)
        told = m.expected_purchases(large, 26.0, interval=0.9)
        bits.append((m.params_, told.upper.tobytes(), m.probability_alive(large).tobytes()))
    assert bits[0] == bits[1] == bits[2]


def test_limits_of_the_profile_know_the_gaps(kind, base):
    model = kind(k=2).fit(base)
    profile, wald = model.profile_interval(base), model.interval()
    assert_allclose(profile.lower, wald.lower, rtol=0.3)
    assert_allclose(profile.upper, wald.upper, rtol=0.3)
    assert np.all((profile.lower < wald.estimate) & (wald.estimate < profile.upper))


def test_a_model_comes_back_as_it_was(kind, base, tmp_path):
    model = kind(k=2).fit(base)
    model.save(tmp_path / "model")
    again = tn.load(tmp_path / "model")
    assert again.k_ == 2
    assert again.get_params() == model.get_params()
    assert again.expected_purchases(base, "39w").tobytes() == (
        model.expected_purchases(base, "39w").tobytes()
    )
    assert repr(again) == repr(model)
    assert ", k = 2\n" in repr(model)
    assert model.score(base) == pytest.approx(model.log_likelihood_ / len(base), rel=1e-12)


def test_a_value_of_customers_can_rest_on_it(kind, base):
    value = tn.clv.CLV(kind(k=2), tn.clv.GammaGamma()).fit(base)
    table = value.predict(base, horizon="1y", interval=0.9)
    assert np.all((table.lower <= table.clv) & (table.clv <= table.upper))


GOOD = {**customers([0, 2], [0, 5], [9, 9]), "log_gaps": np.array([0.0, 1.0])}


@pytest.mark.parametrize(
    ("change", "k", "says"),
    [
        ({"log_gaps": None}, None, r"BGCNBD needs the column log_gaps, unless k is 1"),
        ({"log_gaps": None}, 2, r"needs the column log_gaps"),
        ({"log_gaps": np.array([0.0, np.nan])}, 2, r"log_gaps\[1\] must be finite"),
        ({"log_gaps": np.array([1.0, 1.0])}, 2, r"log_gaps\[0\] must be 0 where frequency is 0"),
        ({"log_gaps": np.array([1.0])}, 2, r"log_gaps has 1 rows and frequency has 2"),
        ({"frequency": np.array([0.0, 2.5])}, 2, r"frequency\[1\] must be a whole number"),
        ({}, 0, r"k must be"),
        ({}, 13, r"k must be at most 12, got 13"),
        ({}, 1.5, r"k must be"),
        ({}, "two", r"k must be"),
    ],
)
def test_what_is_wrong_is_named(change, k, says):
    data = {n: c for n, c in {**GOOD, **change}.items() if c is not None}
    with pytest.raises(tn.InvalidInputError, match=says):
        tn.clv.BGCNBD(k=k).fit(data)
