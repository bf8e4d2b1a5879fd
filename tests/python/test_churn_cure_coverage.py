"""Limits of cure mixtures hold the truth as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tenure.churn import CureModel


def customers(seed, n, *, last=60.0, slope=0.8, stretch=0.4, share=0.6):
    """Weibull lives of those who leave, chance and length by one column."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    leaves = rng.random(n) < 1.0 / (1.0 + np.exp(-(math.log(share / (1 - share)) + slope * x)))
    life = np.where(leaves, 10.0 * np.exp(stretch * x) * rng.weibull(1.6, n), np.inf)
    seen = rng.uniform(0.3 * last, last, n)
    return {"x": x}, np.minimum(life, seen), life <= seen


def covered(runs, n):
    truth = np.array([math.log(1.5), 0.8, math.log(10.0), 0.4, math.log(1.0 / 1.6)])
    rng = np.random.default_rng(0)
    x = rng.normal(size=1_000_000)
    share = float((1.0 / (1.0 + 1.5 * np.exp(0.8 * x))).mean())
    inside, of_share = np.zeros(5), 0
    for seed in range(runs):
        model = CureModel().fit(*customers(seed, n))
        table = model.summary()
        inside += (table.lower <= truth) & (truth <= table.upper)
        of_share += model.cure_share_.lower <= share <= model.cure_share_.upper
    return np.append(inside, of_share) / runs


def test_limits_cover():
    # 150 runs: four binomial errors of a rate of .95 are .071.
    assert (np.abs(covered(150, 400) - 0.95) < 0.071).all()


@pytest.mark.slow
def test_limits_cover_in_two_thousand_runs():
    # Four binomial errors are .0195.
    assert (np.abs(covered(2000, 500) - 0.95) < 0.0195).all()


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.6, 0.9])
def test_the_profile_covers_in_a_thousand_runs(share):
    inside, runs = 0, 1000
    for seed in range(runs):
        _, time, churned = customers(seed, 200, last=50.0, slope=0.0, stretch=0.0, share=share)
        model = CureModel().fit(None, time, churned)
        lower, upper = model.profile_cure_share(None, time, churned)
        inside += lower <= 1.0 - share <= upper
    # Four binomial errors are .028.
    assert abs(inside / runs - 0.95) < 0.028
