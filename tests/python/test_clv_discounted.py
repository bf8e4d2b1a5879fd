"""Discounted purchases of BG/NBD at all corners of its parameters, against mpmath."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from clv_models import at, customers

import tenure as tn

#: r, alpha, a, b; x, T; discount a week, horizon in weeks.
POINTS = [
    ((0.243, 4.414, 0.793, 2.426), (0, 39.0), 0.1, 1e4),
    ((0.243, 4.414, 0.793, 2.426), (3, 39.0), 0.002, 52.0),
    ((0.243, 4.414, 0.793, 2.426), (110, 39.0), 0.002, 1e5),
    ((0.243, 4.414, 0.793, 2.426), (150, 39.0), 0.002, 1e5),
    ((4.4, 0.8, 0.0013, 1.3), (0, 0.7), 0.00077, 4.6),
    ((1.4, 0.8, 0.0013, 1.3), (3, 0.7), 0.08, 1e4),
    ((4.15, 3.0, 0.87, 0.088), (0, 0.7), 0.0002, 215.0),
    ((4.2, 2.0, 0.09, 0.17), (0, 200.0), 0.00007, 1e6),
    ((0.01, 0.1, 0.02, 0.03), (0, 5.0), 0.001, 1e5),
    ((0.5, 5.0, 30.0, 2.0), (1, 10.0), 0.01, 1e4),
]


def exact(parameters, history, rate, horizon):
    """Purchases at t come at the rate m/start E (1 + p t/start)^-(m + 1), p ~ beta(a, b + x)."""
    with mp.workdps(17):
        r, alpha, a, b = map(mp.mpf, parameters)
        x, age = history
        m, start = r + x, alpha + mp.mpf(age)
        end = min(mp.mpf(horizon), 50 / mp.mpf(rate))

        def purchases(q):
            t = start * mp.expm1(q)
            mean = mp.hyp2f1(m + 1, a, a + b + x, -t / start)
            return mp.exp(-rate * t) * mean * m * mp.exp(q)

        return float(mp.quad(purchases, mp.linspace(0, mp.log1p(end / start), 4)))


@pytest.mark.parametrize(("parameters", "history", "rate", "horizon"), POINTS)
def test_discounted_purchases_are_those_of_mpmath(parameters, history, rate, horizon):
    x, age = history
    model = at(tn.clv.BGNBD, parameters, unit="week")
    data = customers(x, age if x else 0.0, age)  # bought at T: surely a customer before leaving
    alive = model.probability_alive(data)[0]
    got = model.discounted_expected_purchases(data, horizon, np.expm1(rate), "week")[0]
    assert got == pytest.approx(alive * exact(parameters, history, rate, horizon), rel=1e-10)
