"""Pareto/NBD and BG/NBD with covariates that change over time, against oracles of other code."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from time_varying_oracles import Panel, bg_oracle, clock, pareto_by_force, pareto_oracle

from tenure import _core

PARETO = np.array([0.55, 10.6, 0.6, 11.7])
BG = np.array([0.24, 4.4, 0.8, 2.4])
KERNEL = {"pareto_nbd": PARETO, "bg_nbd": BG}


def log_likelihood(model, point, panel, periods, threads=1):
    kernel = getattr(_core.clv, f"{model}_time_varying_log_likelihood")
    value, gradient, hessian = kernel(point, panel.x, panel.t_x, panel.T, None, periods, threads)
    return value, gradient, hessian.reshape(len(point), len(point))


@pytest.mark.parametrize("model", KERNEL)
@pytest.mark.parametrize("length", [1.0, 0.25])
def test_without_effects_it_is_the_model_without_covariates(model, length):
    panel = Panel(200, 30, 2, 3, length=length)
    by_dropout = [0, 1] if model == "pareto_nbd" else []
    point = np.append(KERNEL[model], np.zeros(2 + len(by_dropout)))
    value, gradient, hessian = log_likelihood(model, point, panel, panel.kernel([0, 1], by_dropout))
    plain = getattr(_core.clv, f"{model}_log_likelihood")(
        KERNEL[model], panel.x, panel.t_x, panel.T, None, 1
    )
    assert value == pytest.approx(plain[0], rel=1e-12)
    np.testing.assert_allclose(gradient[:4], plain[1], rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(hessian[:4, :4], plain[2].reshape(4, 4), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("model", KERNEL)
def test_constant_in_time_it_is_the_model_with_static_covariates(model):
    panel = Panel(150, 20, 2, 4)
    z = np.random.default_rng(5).normal(size=(150, 2))
    panel.design = np.repeat(z, panel.periods, axis=0)
    panel.bought = z * panel.x[:, None]
    pareto = model == "pareto_nbd"
    point = np.append(KERNEL[model], [0.4, -0.3, 0.5][: 3 if pareto else 2])
    value, gradient, _ = log_likelihood(model, point, panel, panel.kernel([0, 1], [1] * pareto))
    column = np.array([0, 1, 1][: len(point) - 4], dtype=np.int64)
    sign = np.array([[0, -1, 0, 0], [0, -1, 0, 0], [0, 0, 0, -1]], float)[: len(column)].ravel()
    static = getattr(_core.clv, f"{model}_covariate_log_likelihood")(
        point, panel.x, panel.t_x, panel.T, None, z.ravel(), 2, column, sign, 1
    )
    assert value == pytest.approx(static[0], rel=1e-12)
    np.testing.assert_allclose(gradient, static[1], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("seed", range(10))
def test_likelihood_is_the_integral_over_lambda_mu_and_the_time_of_death(seed):
    panel = Panel(1, 4, 2, 40 + seed)
    rng = np.random.default_rng(seed)
    parameters, effects = np.exp(rng.normal(0.3, 0.5, 4)), rng.normal(size=3)
    point = np.append(parameters, effects)
    value, *_ = log_likelihood("pareto_nbd", point, panel, panel.kernel([0, 1], [1]))
    truth = pareto_by_force(panel, 0, parameters, effects[:2], [0, 1], effects[2:], [1])
    assert value == pytest.approx(truth, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("seed", range(12))
def test_pareto_likelihood_and_p_alive_at_thirty_digits(seed):
    panel = Panel(3, 5, 2, 60 + seed, spread=1.5)
    rng = np.random.default_rng(seed)
    parameters, effects = np.exp(rng.normal(0.5, 1.5, 4)), rng.normal(size=3)
    if seed % 3 == 2:
        panel.x = np.where(panel.x > 0.0, panel.x * 500.0, 0.0)
    point = np.append(parameters, effects)
    periods = panel.kernel([0, 1], [1])
    odds = _core.clv.pareto_nbd_time_varying_log_odds_alive(
        point, None, panel.x, panel.t_x, panel.T, periods, 1
    )
    with mp.workdps(30):
        for i in range(3):
            one = panel.customer(i)
            value, *_ = log_likelihood("pareto_nbd", point, one, one.kernel([0, 1], [1]))
            truth, alive = pareto_oracle(
                panel, i, parameters, effects[:2], [0, 1], effects[2:], [1]
            )
            assert value == pytest.approx(float(truth), rel=1e-12, abs=1e-12)
            assert odds[i] == pytest.approx(float(mp.log(alive / (1 - alive))), rel=1e-10)


@pytest.mark.parametrize("seed", range(8))
def test_bg_likelihood_and_p_alive_at_thirty_digits(seed):
    panel = Panel(3, 5, 2, 80 + seed, spread=1.5)
    rng = np.random.default_rng(seed)
    parameters, effects = np.exp(rng.normal(0.5, 1.5, 4)), rng.normal(size=2)
    point = np.append(parameters, effects)
    odds = _core.clv.bg_nbd_time_varying_log_odds_alive(
        point, None, panel.x, panel.t_x, panel.T, panel.kernel([0, 1], []), 1
    )
    with mp.workdps(30):
        for i in range(3):
            one = panel.customer(i)
            value, *_ = log_likelihood("bg_nbd", point, one, one.kernel([0, 1], []))
            truth, alive = bg_oracle(panel, i, parameters, effects, [0, 1])
            assert value == pytest.approx(float(truth), rel=1e-12, abs=1e-12)
            if panel.x[i]:
                assert odds[i] == pytest.approx(float(mp.log(alive / (1 - alive))), rel=1e-10)
            else:
                assert math.isinf(odds[i])


def test_a_silence_beyond_all_doubles_has_its_likelihood():
    """No purchase where 800 and more were due: the density is below the least number."""
    panel = Panel(1, 3, 1, 21)
    panel.x[:] = panel.t_x[:] = panel.bought[:] = 0.0
    point = np.array([400.0, 0.05, 0.8, 2.4, 0.4])
    value, *_ = log_likelihood("bg_nbd", point, panel, panel.kernel([0], []))
    now = float(clock(panel.pieces(0, [0.4], [0], 0, panel.T[0])))
    assert value < -750.0
    assert value == pytest.approx(-400.0 * math.log1p(now / 0.05), rel=1e-14)


@pytest.mark.parametrize("model", KERNEL)
def test_gradient_and_hessian_are_those_of_the_oracle(model):
    panel = Panel(2, 3, 2, 9)
    pareto = model == "pareto_nbd"
    coordinates = np.append(np.log([0.8, 2.0, 0.7, 3.0]), [0.3, -0.4, 0.6][: 3 if pareto else 2])
    point = np.append(np.exp(coordinates[:4]), coordinates[4:])
    _, gradient, hessian = log_likelihood(
        model, point, panel, panel.kernel([0, 1], [1] if pareto else [])
    )

    def truth(at):
        parameters = [mp.exp(u) for u in at[:4]]
        if pareto:
            each = (
                pareto_oracle(panel, i, parameters, at[4:6], [0, 1], at[6:], [1]) for i in range(2)
            )
        else:
            each = (bg_oracle(panel, i, parameters, at[4:], [0, 1]) for i in range(2))
        return sum(value for value, _ in each)

    with mp.workdps(25):
        u, step = [mp.mpf(v) for v in coordinates], mp.mpf("1e-6")
        moved = lambda j, k=0.0: [v + k * step * (i == j) for i, v in enumerate(u)]  # noqa: E731
        middle = truth(u)
        for j in range(len(u)):
            high, low = truth(moved(j, 1)), truth(moved(j, -1))
            assert gradient[j] == pytest.approx(float((high - low) / (2 * step)), abs=1e-9)
            second = float((high - 2 * middle + low) / step**2)
            assert hessian[j, j] == pytest.approx(second, abs=1e-7)


@pytest.mark.parametrize("model", KERNEL)
def test_hessian_is_the_slope_of_the_gradient(model):
    panel = Panel(60, 40, 3, 10)
    pareto = model == "pareto_nbd"
    periods = panel.kernel([0, 1], [1, 2] if pareto else [])
    effects = [0.3, -0.5, 0.4, 0.2][: 4 if pareto else 2]
    u = np.append(np.log(KERNEL[model]), effects)

    def at(u):
        return log_likelihood(model, np.append(np.exp(u[:4]), u[4:]), panel, periods)

    hessian = at(u)[2]
    step = 1e-5
    for j, unit in enumerate(np.eye(len(u))):
        slope = (at(u + step * unit)[1] - at(u - step * unit)[1]) / (2 * step)
        np.testing.assert_allclose(hessian[j], slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("model", KERNEL)
def test_threads_never_change_a_bit(model):
    panel = Panel(700, 15, 2, 11, ahead=10)
    periods = panel.kernel([0, 1], [0] if model == "pareto_nbd" else [])
    point = np.append(KERNEL[model], [0.2, 0.1, -0.3][: 3 if model == "pareto_nbd" else 2])
    one, four = (log_likelihood(model, point, panel, periods, n) for n in (1, 4))
    for a, b in zip(one, four, strict=True):
        assert np.array_equal(a, b)
    kernel = getattr(_core.clv, f"{model}_time_varying_expected_purchases")
    rows = (point, None, panel.x, panel.t_x, panel.T, periods, 9.0, 0.01)
    assert np.array_equal(kernel(*rows, 1), kernel(*rows, 4))


@pytest.mark.parametrize("model", KERNEL)
@pytest.mark.parametrize("rate", [0.0, 0.02, 0.5])
def test_expectations_without_effects_are_those_of_the_model_without_covariates(model, rate):
    panel = Panel(40, 10, 1, 12, ahead=30)
    periods = panel.kernel([0], [0] if model == "pareto_nbd" else [])
    point = np.append(KERNEL[model], np.zeros(2 if model == "pareto_nbd" else 1))
    rows = panel.x, panel.t_x, panel.T
    got = getattr(_core.clv, f"{model}_time_varying_expected_purchases")(
        point, None, *rows, periods, 29.5, rate, 1
    )
    plain = getattr(_core.clv, f"{model}_expected_purchases")(
        KERNEL[model], None, *rows, 29.5, rate, 1
    )
    np.testing.assert_allclose(got, plain, rtol=1e-9)


def test_pareto_expectations_are_the_integral_over_the_future():
    panel = Panel(4, 4, 2, 13, ahead=8)
    g, h, horizon = [0.7, -0.5], [0.9], 6.3
    point = np.append(PARETO, [*g, *h])
    for rate in (0.0, 0.07):
        got = _core.clv.pareto_nbd_time_varying_expected_purchases(
            point, None, panel.x, panel.t_x, panel.T, panel.kernel([0, 1], [1]), horizon, rate, 1
        )
        with mp.workdps(20):
            r, alpha, s, beta = map(mp.mpf, PARETO)
            for i in range(4):
                age = mp.mpf(panel.T[i])
                _, alive = pareto_oracle(panel, i, PARETO, g, [0, 1], h, [1])
                a = alpha + clock(panel.pieces(i, g, [0, 1], 0, age))
                b = before = beta + clock(panel.pieces(i, h, [1], 0, age))
                total = mp.mpf(0)
                for (low, high, p), (_, _, d) in zip(
                    panel.pieces(i, g, [0, 1], age, age + horizon),
                    panel.pieces(i, h, [1], age, age + horizon),
                    strict=True,
                ):
                    total += p * mp.quad(
                        lambda t, b=b, d=d, low=low, age=age, before=before, rate=rate, s=s: (
                            mp.exp(-rate * (t - age)) * (before / (b + d * (t - low))) ** s
                        ),
                        [low, high],
                    )
                    b += d * (high - low)
                truth = alive * (r + panel.x[i]) / a * total
                assert got[i] == pytest.approx(float(truth), rel=1e-12)


def simulated(rng, parameters, g, h, weeks, dropout):
    """Purchase times of one customer, by thinning: weekly multipliers, everything by the day."""
    r, alpha = parameters[:2]
    rate = rng.gamma(r) / alpha
    fastest = rate * g.max()
    leaves = np.inf
    if dropout == "rate":
        gone = rng.exponential() / (rng.gamma(parameters[2]) / parameters[3])
        clocks = np.concatenate([[0.0], np.cumsum(h)])
        if gone < clocks[-1]:
            k = np.searchsorted(clocks, gone) - 1
            leaves = k + (gone - clocks[k]) / h[k]
    else:
        chance = rng.beta(*parameters[2:])
    times, t = [], 0.0
    while True:
        t += rng.exponential() / fastest
        if t >= min(weeks, leaves):
            return np.array(times)
        if rng.uniform() * g.max() < g[int(t)]:
            times.append(t)
            if dropout == "chance" and rng.uniform() < chance:
                return np.array(times)


def simulated_panel(model, parameters, effects, n, weeks, seen, seed):
    """Customers first bought at week 0, shared covariates; purchases seen and to come."""
    rng = np.random.default_rng(seed)
    design = np.column_stack(
        [np.sin(np.arange(weeks) * 2 * np.pi / 13.0), (np.arange(weeks) % 6 == 2).astype(float)]
    )
    g = np.exp(design @ effects[:2])
    h = np.exp(design[:, 1] * effects[2]) if model == "pareto_nbd" else np.ones(weeks)
    dropout = "rate" if model == "pareto_nbd" else "chance"
    panel = object.__new__(Panel)
    panel.design, panel.length, panel.periods = design, 1.0, weeks
    panel.phase, panel.T = np.zeros(n), np.full(n, float(seen))
    panel.first = np.zeros(n, dtype=np.int64)
    panel.x, panel.t_x = np.zeros(n), np.zeros(n)
    panel.bought, panel.later = np.zeros((n, 2)), np.zeros(n)
    for i in range(n):
        times = simulated(rng, parameters, g, h, weeks, dropout)
        known = times[times < seen]
        panel.x[i], panel.later[i] = len(known), len(times) - len(known)
        if len(known):
            panel.t_x[i] = known[-1]
            panel.bought[i] = design[known.astype(int)].sum(axis=0)
    return panel


@pytest.mark.parametrize("model", KERNEL)
def test_expectations_are_the_means_of_the_simulated_process(model):
    parameters = np.array([1.2, 5.0, 1.5, 25.0] if model == "pareto_nbd" else [1.2, 5.0, 1.1, 6.0])
    effects = np.array([0.6, 0.8, 0.9] if model == "pareto_nbd" else [0.6, 0.8])
    panel = simulated_panel(model, parameters, effects, 4000, 40, 20, 7)
    periods = panel.kernel([0, 1], [1] if model == "pareto_nbd" else [])
    expected = getattr(_core.clv, f"{model}_time_varying_expected_purchases")(
        np.append(parameters, effects), None, panel.x, panel.t_x, panel.T, periods, 20.0, 0.0, 2
    )
    groups = [panel.x == 0, (panel.x > 0) & (panel.x < 4), panel.x >= 4, panel.t_x > 15.0]
    for group in groups:
        later = panel.later[group]
        error = later.std() / math.sqrt(group.sum())
        assert abs(later.mean() - expected[group].mean()) < 4.0 * error


def covered(model, n, panels, level=2.0):
    parameters = np.array([1.2, 5.0, 1.5, 25.0] if model == "pareto_nbd" else [1.2, 5.0, 1.1, 6.0])
    effects = np.array([0.5, 0.6, 0.7] if model == "pareto_nbd" else [0.5, 0.6])
    inside = []
    for seed in range(panels):
        panel = simulated_panel(model, parameters, effects, n, 40, 40, 100 + seed)
        fit = getattr(_core.clv, f"{model}_time_varying_fit")(
            parameters,
            panel.x,
            panel.t_x,
            panel.T,
            None,
            panel.kernel([0, 1], [1] if model == "pareto_nbd" else []),
            200,
            1e-9,
            0.0,
            0.0,
            2,
        )
        assert fit["status"] == "converged"
        k = 4 + len(effects)
        error = np.sqrt(np.diagonal(fit["log_covariance"].reshape(k, k)))
        truth = np.append(np.log(parameters), effects)
        found = np.append(np.log(fit["parameters"][:4]), fit["parameters"][4:])
        inside.append(np.abs(found - truth) < level * error)
    return np.array(inside)


@pytest.mark.parametrize("model", KERNEL)
def test_a_fit_finds_what_was_simulated(model):
    inside = covered(model, 1500, 2, level=3.0)
    assert inside.mean() > 0.8, inside


@pytest.mark.slow
@pytest.mark.parametrize("model", KERNEL)
def test_limits_cover_the_truth_as_often_as_they_say(model):
    inside = covered(model, 1500, 200, level=1.959964)
    # 200 panels: 0.95 plus or minus 4 standard errors.
    assert np.all(np.abs(inside.mean(axis=0) - 0.95) < 0.062), inside.mean(axis=0)
