"""Do 95 % limits hold the truth in 95 % of simulated customer bases? Minutes; run at night."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from clv_models import simulate

import tenure as tn

pytestmark = pytest.mark.slow

SIMULATIONS = 200
TRUTHS = [(0.25, 4.4, 0.8, 2.4), (1.0, 8.0, 1.5, 6.0)]


@pytest.mark.parametrize("truth", TRUTHS)
def test_limits_of_the_parameters_hold_the_truth(truth):
    hit = np.zeros(4)
    for seed in range(SIMULATIONS):
        table = tn.clv.BGNBD().fit(simulate(2000, seed, *truth, days=False)).interval(0.95)
        hit += (table.lower <= truth) & (truth <= table.upper)
    # Fails where no coverage between 93 and 97 % explains the count, at 99.9 % confidence.
    low = scipy.stats.binom.ppf(0.0005, SIMULATIONS, 0.93)
    high = scipy.stats.binom.ppf(0.9995, SIMULATIONS, 0.97)
    assert np.all((low <= hit) & (hit <= high)), hit / SIMULATIONS


def test_limits_of_expectations_hold_the_truth():
    """Of P(alive) and of the expected purchases of one history, over customer bases."""
    truth = TRUTHS[0]
    history = {"frequency": [3.0], "recency": [20.0], "T": [39.0]}
    names = ("r", "alpha", "a", "b")
    exact = tn.clv.BGNBD().fit(simulate(2000, 0, *truth, days=False))
    exact.params_ = dict(zip(names, truth, strict=True))
    alive = exact.probability_alive(history)[0]
    purchases = exact.expected_purchases(history, 39)[0]
    hit = np.zeros(2)
    for seed in range(SIMULATIONS):
        model = tn.clv.BGNBD().fit(simulate(2000, seed, *truth, days=False))
        for i, (got, true) in enumerate(
            (
                (model.probability_alive(history, interval=0.95), alive),
                (model.expected_purchases(history, 39, interval=0.95), purchases),
            )
        ):
            hit[i] += got.lower[0] <= true <= got.upper[0]
    low = scipy.stats.binom.ppf(0.0005, SIMULATIONS, 0.93)
    high = scipy.stats.binom.ppf(0.9995, SIMULATIONS, 0.97)
    assert np.all((low <= hit) & (hit <= high)), hit / SIMULATIONS
