"""Probabilities and outcomes for the tests of calibration."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

#: Rows of (label, probability in twentieths), of both classes.
labelled = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=60).filter(
    lambda rows: len({y for y, _ in rows}) == 2
)


def binary(rows):
    return np.array([y for y, _ in rows]), np.array([p for _, p in rows]) / 20.0


def drawn(n, seed, slope=1.0, shift=0.0):
    """Probabilities, and outcomes whose log odds are shift + slope times theirs."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1.2, 3.0, n).clip(0.005, 0.995)
    odds = shift + slope * np.log(p / (1.0 - p))
    return p, rng.random(n) < 1.0 / (1.0 + np.exp(-odds))
