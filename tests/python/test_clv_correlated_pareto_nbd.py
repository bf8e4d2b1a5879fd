"""Pareto/NBD with correlated rates: the double integral itself, its limits, recovery."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pytest
import scipy.special
from clv_models import at, cdnow_log, customers
from numpy.testing import assert_allclose

import tenure as tn
from tenure import _core

USUAL = (0.55, 10.6, 0.61, 11.7, 2.0)
HISTORIES = customers([0, 0, 1, 2, 5, 40], [0, 0, 39, 10, 30, 3], [0, 39, 39, 30, 38, 20])
#: Customers and points of the parameters on both sides of m = 0, and close to both limits of m.
POINTS = [
    (*np.array([0.6, 8.0, 0.6, 10.0]) * 10 ** rng.uniform(-0.6, 0.6, 4), odds)
    for rng in [np.random.default_rng(5)]
    for odds in (1e-6, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 30.0, 1e4)
]


def rate_nodes(shape, scale, highest):
    """Nodes of a gamma rate in logs, where the trapezoidal rule converges faster than any power."""
    low, high = -32.0 / shape, np.log(highest)
    u = np.linspace(low, high, int(8 * (high - low)))
    density = np.exp(shape * u - np.exp(u) - scipy.special.gammaln(shape))
    return np.exp(u) / scale, density * (u[1] - u[0])


@functools.cache
def rates(theta):
    """The joint density of the rates on a grid: lambda, mu, and the weight of each pair."""
    r, alpha, s, beta, odds = theta
    rate, w = rate_nodes(r, alpha, 200.0 + 40.0 * r)
    leave, v = rate_nodes(s, beta, 200.0 + 40.0 * s)
    buys, leaves = np.exp(-rate * alpha / r), np.exp(-leave * beta / s)
    one, two = w @ buys, v @ leaves
    lowest = -1.0 / max(one * two, (1 - one) * (1 - two))
    highest = 1.0 / max(one * (1 - two), (1 - one) * two)
    m = (lowest + odds * highest) / (1 + odds)
    tilt = 1 + m * np.outer(buys - one, leaves - two)
    return rate[:, None], leave[None, :], w[:, None] * v * tilt, (lowest, m, highest)


def density(theta, x, t_x, age):
    """The weight of each pair times the likelihood of having stayed, and of having left."""
    rate, leave, weight, _ = rates(theta)
    both = rate + leave
    scale = rate**x / both * weight
    left = leave * scale * (np.exp(-both * t_x) - np.exp(-both * age))
    return scale * both * np.exp(-both * age), left


def each(data):
    return list(zip(data["frequency"], data["recency"], data["T"], strict=True))


# --- against the definition ----------------------------------------------------------------------


@pytest.mark.parametrize("theta", POINTS, ids=lambda t: f"odds {t[-1]:g}")
def test_the_likelihood_is_the_double_integral(theta):
    for x, t_x, age in each(HISTORIES):
        stayed, left = density(theta, x, t_x, age)
        told, _, _ = _core.clv.correlated_pareto_nbd_log_likelihood(
            np.array(theta), *(np.array([v]) for v in (x, t_x, age)), None, 1
        )
        assert told == pytest.approx(np.log(stayed.sum() + left.sum()), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("theta", POINTS, ids=lambda t: f"odds {t[-1]:g}")
def test_predictions_are_means_over_the_posterior_of_the_rates(theta):
    model = at(tn.clv.CorrelatedParetoNBD, theta, unit="week")
    alive = model.probability_alive(HISTORIES)
    horizon, delta = 39.0, np.log1p(0.1) * 7 / 365.25
    expected = model.expected_purchases(HISTORIES, horizon)
    discounted = model.discounted_expected_purchases(HISTORIES, horizon, discount_rate=0.1)
    for_ever = model.discounted_expected_purchases(HISTORIES, discount_rate=0.1)
    bought = model.purchase_probability(HISTORIES, horizon)
    chance = model.probability_of_n_purchases_given(HISTORIES, [0, 1, 4], horizon)
    later = model.probability_alive(HISTORIES, ahead=10.0)
    rate, leave, _, _ = rates(theta)
    for i, row in enumerate(each(HISTORIES)):
        stayed, left = density(theta, *row)
        stayed /= stayed.sum() + left.sum()
        assert alive[i] == pytest.approx(stayed.sum(), rel=1e-9)

        def mean(value, stayed=stayed):
            return (stayed * value).sum()

        def within(speed, h=horizon):
            return rate * -np.expm1(-speed * h) / speed

        both = rate + leave
        assert expected[i] == pytest.approx(mean(within(leave)), rel=1e-9)
        assert discounted[i] == pytest.approx(mean(within(leave + delta)), rel=1e-9)
        assert for_ever[i] == pytest.approx(mean(rate / (leave + delta)), rel=1e-9)
        assert bought[i] == pytest.approx(mean(within(both)), rel=1e-9)
        assert later[i] == pytest.approx(mean(np.exp(-10.0 * leave)), rel=1e-9)
        for k, n in enumerate((0, 1, 4)):
            stays = np.exp(-both * horizon + n * np.log(rate * horizon)) / scipy.special.factorial(
                n
            )
            leaves = scipy.special.gammainc(n + 1, both * horizon) * leave / both
            of_alive = mean(stays + leaves * (rate / both) ** n)
            assert chance[i, k] == pytest.approx(of_alive + (n == 0) * (1 - alive[i]), rel=1e-9)


def test_of_a_new_customer_the_same():
    for theta in POINTS[::3]:
        model = at(tn.clv.CorrelatedParetoNBD, theta)
        rate, leave, weight, _ = rates(theta)
        time = np.array([0.0, 3.0, 200.0])
        means = [(weight * rate * -np.expm1(-leave * t) / leave).sum() for t in time]
        assert_allclose(model.expected_purchases_new(time), means, rtol=1e-9)
        n = np.arange(8)
        p = model.probability_of_n_purchases(n, 30.0)
        fresh = customers(0, 0, 0)
        assert_allclose(p, model.probability_of_n_purchases_given(fresh, n, 30.0)[0], rtol=1e-9)
        counts = model.expected_frequency_counts(customers([0] * 5, [0] * 5, [30.0] * 5), 8)
        assert_allclose(counts.expected[:8], 5 * p, rtol=1e-9)


def test_times_to_come_are_those_of_which_the_chances_tell():
    for theta in POINTS[1:-1:3]:
        model = at(tn.clv.CorrelatedParetoNBD, theta)
        soon = model.next_purchase(HISTORIES, quantiles=(0.05, 0.3), lapse=0.2)
        for i in range(len(soon)):
            row = {name: column[i : i + 1] for name, column in HISTORIES.items()}
            for k, level in enumerate(soon.quantiles):
                if np.isfinite(soon.time[i, k]):
                    chance = model.purchase_probability(row, soon.time[i, k])[0]
                    assert chance == pytest.approx(level, rel=1e-9)
            silent = {**row, "T": row["T"] + soon.lapse[i]}
            if soon.lapse[i] > 0.0:
                assert model.probability_alive(silent)[0] == pytest.approx(0.2, rel=1e-9)
            else:
                assert soon.probability_alive[i] <= 0.2
        forecast = model.predictive_interval(HISTORIES, 39.0, level=0.9)
        n = np.arange(400)
        below = model.probability_of_n_purchases_given(HISTORIES, n, 39.0).cumsum(axis=1)
        assert_allclose(forecast.upper, (below < 0.95 - 1e-12).sum(axis=1))
        assert_allclose(forecast.lower, (below < 0.05 - 1e-12).sum(axis=1))


# --- correlation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("theta", POINTS, ids=lambda t: f"odds {t[-1]:g}")
def test_the_correlation_is_that_of_the_rates(theta):
    rate, leave, weight, (lowest, m, highest) = rates(theta)
    table = at(tn.clv.CorrelatedParetoNBD, theta, 0.01 * np.eye(5)).correlation()
    mean = (weight * rate).sum(), (weight * leave).sum()
    spread = [
        np.sqrt((weight * (v - c) ** 2).sum()) for v, c in zip((rate, leave), mean, strict=True)
    ]
    told = (weight * (rate - mean[0]) * (leave - mean[1])).sum() / spread[0] / spread[1]
    assert_allclose(table.value, [m, told], rtol=1e-9, atol=1e-12)
    assert_allclose(table.lowest, [lowest, told * lowest / m], rtol=1e-9)
    assert_allclose(table.highest, [highest, told * highest / m], rtol=1e-9)
    assert np.all((table.lowest <= table.lower) & (table.lower <= table.value))
    assert np.all((table.value <= table.upper) & (table.upper <= table.highest))
    # At its limits, and not beyond, m leaves a density.
    r, _, s, _, _ = theta
    one, two = (1 + 1 / r) ** -r, (1 + 1 / s) ** -s
    corners = np.outer([-one, 1 - one], [-two, 1 - two])
    for limit in (lowest, highest):
        assert (1 + limit * corners).min() == pytest.approx(0.0, abs=1e-9)


def test_standard_errors_of_the_correlation_are_those_of_the_delta_method():
    theta = np.array(USUAL)
    root = np.random.default_rng(3).normal(size=(5, 5)) * 0.1
    table = at(tn.clv.CorrelatedParetoNBD, theta, root @ root.T).correlation()

    def told(point):
        return at(tn.clv.CorrelatedParetoNBD, point).correlation().value

    slope = [(told(theta * np.exp(h)) - told(theta * np.exp(-h))) / 2e-5 for h in 1e-5 * np.eye(5)]
    assert_allclose(table.standard_error, np.linalg.norm(root.T @ slope, axis=0), rtol=1e-6)


def independent(theta):
    """Odds of m = 0 at these r and s."""
    limits = _core.clv.correlated_pareto_nbd_limits(np.array([*theta, 1.0]))
    return [*theta, -limits[0][0] / limits[1][0]]


def test_without_a_correlation_it_is_pareto_nbd():
    theta = USUAL[:4]
    free = at(tn.clv.CorrelatedParetoNBD, independent(theta), unit="week")
    plain = at(tn.clv.ParetoNBD, theta, unit="week")
    assert_allclose(free.correlation().value, 0.0, atol=1e-15)
    for predict in (
        lambda m: m.score(HISTORIES),
        lambda m: m.probability_alive(HISTORIES),
        lambda m: m.expected_purchases(HISTORIES, 39.0),
        lambda m: m.discounted_expected_purchases(HISTORIES),
        lambda m: m.next_purchase(HISTORIES, (0.01,)).time,
        lambda m: m.next_purchase(HISTORIES, (0.01,)).lapse,
    ):
        assert_allclose(predict(free), predict(plain), rtol=1e-10)


# --- fits ----------------------------------------------------------------------------------------


def simulate(n, seed, theta, longest=78.0):
    """Customers by the definition: pairs of rates by rejection."""
    return with_future(n, seed, theta, longest)[0]


def with_future(n, seed, theta, longest=78.0, ahead=40.0):
    """The same, and what each buys in the time ahead."""
    rng = np.random.default_rng(seed)
    r, alpha, s, beta, _ = theta
    _, _, _, (_, m, _) = rates(tuple(theta))
    one, two = (1 + 1 / r) ** -r, (1 + 1 / s) ** -s
    highest = 1 + max(m * corner for corner in np.outer([-one, 1 - one], [-two, 1 - two]).ravel())
    rate, leave = np.empty(0), np.empty(0)
    while len(rate) < n:
        a, b = rng.gamma(r, 1 / alpha, n), rng.gamma(s, 1 / beta, n)
        tilt = 1 + m * (np.exp(-a * alpha / r) - one) * (np.exp(-b * beta / s) - two)
        kept = rng.uniform(size=n) * highest < tilt
        rate, leave = np.append(rate, a[kept]), np.append(leave, b[kept])
    rate, leave = rate[:n], leave[:n]
    T = rng.uniform(0.5 * longest, longest, n)
    leaves = rng.exponential(size=n) / leave
    active = np.minimum(leaves, T)
    x = rng.poisson(rate * active).astype(float)
    last = np.where(x > 0, active * rng.beta(np.maximum(x, 1.0), 1.0), 0.0)
    then = rng.poisson(rate * np.clip(leaves - T, 0.0, ahead)).astype(float)
    return customers(x, last, T), then


TOGETHER = (1.5, 6.0, 1.2, 30.0, 20.0)  # a correlation of 0.19


@pytest.fixture(scope="module")
def together():
    data = simulate(8000, 1, TOGETHER)
    return data, tn.clv.CorrelatedParetoNBD().fit(data)


def test_recovers_what_was_simulated(together):
    data, model = together
    assert model.converged_
    error = np.sqrt(np.diagonal(model.log_covariance_))
    off = np.log(np.array(list(model.params_.values())) / TOGETHER)
    assert np.all(np.abs(off) < 4 * error)
    table = model.correlation()
    truth = at(tn.clv.CorrelatedParetoNBD, TOGETHER).correlation().value
    assert np.all((table.lower < truth) & (truth < table.upper))
    test = tn.clv.likelihood_ratio_test(tn.clv.ParetoNBD().fit(data), model)
    assert test.df == 1
    assert test.p_value < 1e-4


def test_predictive_intervals_cover_as_often_as_they_should():
    n = 1000
    data, then = with_future(n, 6, TOGETHER)
    model = at(tn.clv.CorrelatedParetoNBD, TOGETHER)
    forecast = model.predictive_interval(data, 40.0, level=0.8)
    nominal = np.zeros(n)
    for count in range(forecast.upper.max() + 1):
        within = np.flatnonzero((forecast.lower <= count) & (count <= forecast.upper))
        rows = {name: column[within] for name, column in data.items()}
        nominal[within] += model.probability_of_n_purchases_given(rows, count, 40.0)
    assert nominal.min() >= 0.8 - 1e-9
    error = np.sqrt((nominal * (1 - nominal)).sum()) / n
    assert abs(forecast.covered(then) - nominal.mean()) < 4.5 * error
    spread = np.std(then - forecast.mean) / np.sqrt(n)
    assert abs((then - forecast.mean).mean()) < 4.5 * spread


def test_without_a_correlation_the_test_finds_none():
    data = simulate(3000, 2, independent(TOGETHER[:4]))
    model = tn.clv.CorrelatedParetoNBD().fit(data)
    test = tn.clv.likelihood_ratio_test(tn.clv.ParetoNBD().fit(data), model)
    assert test.p_value > 0.01


@pytest.mark.parametrize("factor", [7.0, 1e-9, 1e150])
def test_the_unit_of_time_matters_neither_to_m_nor_to_the_correlation(together, factor):
    data, model = together
    scaled = {**data, "recency": data["recency"] * factor, "T": data["T"] * factor}
    other = tn.clv.CorrelatedParetoNBD().fit(scaled)
    assert other.converged_
    times = np.array([1.0, factor, 1.0, factor, 1.0])
    assert_allclose(
        list(other.params_.values()), np.array(list(model.params_.values())) * times, rtol=1e-7
    )
    shift = data["frequency"].sum() * np.log(factor)
    assert other.log_likelihood_ == pytest.approx(model.log_likelihood_ - shift, rel=1e-11)
    assert_allclose(other.correlation().value, model.correlation().value, rtol=1e-7)
    assert_allclose(other.correlation().lower, model.correlation().lower, rtol=1e-6)


def test_at_a_limit_of_m_the_fit_says_so():
    # Those who buy often leave soon, and those who seldom buy never: more than the model can hold.
    rng = np.random.default_rng(4)
    often = np.arange(600) % 2 == 0
    active = np.where(often, rng.exponential(8.0, 600), 1e9).clip(max=60.0)
    x = rng.poisson(np.where(often, 2.0, 0.05) * active).astype(float)
    last = np.where(x > 0, active * rng.beta(np.maximum(x, 1.0), 1.0), 0.0)
    data = customers(x, last, np.full(600, 60.0))
    with pytest.warns(tn.ConvergenceWarning, match="m is at its highest limit"):
        model = tn.clv.CorrelatedParetoNBD().fit(data)
    assert model.status_ == "boundary"
    assert model.correlation().value[0] == pytest.approx(model.correlation().highest[0], rel=1e-5)
    plain = tn.clv.ParetoNBD().fit(data)
    assert model.log_likelihood_ > plain.log_likelihood_
    with pytest.raises(tn.InvalidInputError, match="large did not converge"):
        tn.clv.likelihood_ratio_test(plain, model)


def test_threads_never_change_a_bit(together):
    data = {name: column[:3000] for name, column in together[0].items()}

    def bits(threads):
        m = tn.clv.CorrelatedParetoNBD(n_threads=threads).fit(data)
        return [
            np.array(list(m.params_.values())).tobytes(),
            m.log_covariance_.tobytes(),
            m.probability_alive(data).tobytes(),
            m.expected_purchases(data, 52, interval=0.9).upper.tobytes(),
            m.predictive_interval(data, 52).upper.tobytes(),
        ]

    assert bits(1) == bits(3)


def test_is_saved_and_opened(together, tmp_path):
    _, model = together
    model.save(tmp_path / "model")
    opened = tn.load(tmp_path / "model")
    assert opened.params_ == model.params_
    assert opened.correlation().to_pandas().equals(model.correlation().to_pandas())


def test_of_cdnow_the_rates_go_together():
    base = cdnow_log().summary(unit="week", end="1997-09-30")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        model = tn.clv.CorrelatedParetoNBD().fit(base)
    assert model.log_likelihood_ > tn.clv.ParetoNBD().fit(base).log_likelihood_
    assert model.log_likelihood_ == pytest.approx(-9584.59, abs=0.01)
    assert model.status_ == "boundary"
    # To the limit: those who buy often leave sooner.
    assert model.correlation().value[1] == pytest.approx(0.264, abs=1e-3)
