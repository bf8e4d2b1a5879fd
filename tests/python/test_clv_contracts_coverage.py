"""Do the models of contracts find what simulated customers were drawn from?"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from clv_contracts import MODELS, fixed, simulate

SIMULATIONS = 60
TRUTHS = {
    "shifted_beta_geometric": ((0.8, 2.0), (0.8, 2.0), 1.0),
    "beta_discrete_weibull": ((0.9, 2.5, 1.4), (0.9, 2.5), 1.4),
    "discrete_weibull": ((0.3, 0.7), 0.3, 0.7),
}


@pytest.mark.parametrize("name", MODELS)
def test_95_percent_limits_hold_the_truth(name):
    """Of the parameters, of S(12) and of the discounted lifetime to come."""
    truth, theta, c = TRUTHS[name]
    exact = fixed(name, truth, renewal="year")
    share, lifetime = exact.survival(12), exact.discounted_residual_lifetime(3)
    hit = np.zeros(len(truth) + 2)
    for seed in range(SIMULATIONS):
        data = simulate(np.random.default_rng(seed), 4000, theta, c, longest=12)
        model = MODELS[name](renewal="year").fit(data)
        table = model.interval(0.95)
        told = [(table.lower[i], v, table.upper[i]) for i, v in enumerate(truth)]
        curve = model.survival([12], interval=0.95)
        derl = model.discounted_residual_lifetime([3], interval=0.95)
        told += [
            (curve.lower[0], share, curve.upper[0]),
            (derl.lower[0], lifetime, derl.upper[0]),
        ]
        hit += [low <= value <= high for low, value, high in told]
    # Fails where no coverage between 92 and 98 % explains the count, at 99.9 % confidence.
    low = scipy.stats.binom.ppf(0.0005, SIMULATIONS, 0.92)
    high = scipy.stats.binom.ppf(0.9995, SIMULATIONS, 0.98)
    assert np.all((low <= hit) & (hit <= high)), hit / SIMULATIONS


NIGHTS = 1000
CUSTOMERS = 2000
SHIFTED = [(0.8, 2.0), (0.5, 4.0)]


@pytest.mark.slow
@pytest.mark.parametrize("truth", SHIFTED)
def test_95_percent_limits_of_the_shifted_beta_geometric_hold_the_truth(truth):
    """By the Hessian and by the profile; of the parameters, S(12) and the lifetime to come."""
    exact = fixed("shifted_beta_geometric", truth, renewal="year")
    share, lifetime = exact.survival(12), exact.discounted_residual_lifetime(3)
    hit, profiled = np.zeros(4), np.zeros(2)
    for seed in range(NIGHTS):
        data = simulate(np.random.default_rng(seed), CUSTOMERS, truth, longest=12)
        model = MODELS["shifted_beta_geometric"](renewal="year").fit(data)
        table, profile = model.interval(0.95), model.profile_interval(data)
        curve = model.survival([12], interval=0.95)
        derl = model.discounted_residual_lifetime([3], interval=0.95)
        hit[:2] += (table.lower <= truth) & (truth <= table.upper)
        hit[2] += curve.lower[0] <= share <= curve.upper[0]
        hit[3] += derl.lower[0] <= lifetime <= derl.upper[0]
        profiled += (profile.lower <= truth) & (truth <= profile.upper)
    print(truth, hit / NIGHTS, profiled / NIGHTS)
    told = np.append(hit, profiled)
    # Fails where no coverage between 93 and 97 % explains the count, at 99.9 % confidence.
    low = scipy.stats.binom.ppf(0.0005, NIGHTS, 0.93)
    high = scipy.stats.binom.ppf(0.9995, NIGHTS, 0.97)
    assert np.all((low <= told) & (told <= high)), told / NIGHTS
