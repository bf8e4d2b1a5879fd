"""Student's t and the limits of means and correlations that rest on it."""

from __future__ import annotations

import math
import sys

import numpy as np

from tenure import _core
from tenure._validation import Floats

_TINY = sys.float_info.min


def two_sided_p(t: float, df: float) -> float:
    """Return P(|T| >= |t|) of Student's t: I_z(df/2, 1/2) at z = df / (df + t^2)."""
    if not (math.isfinite(t) and df > 0.0):
        return 0.0 if math.isinf(t) else math.nan
    square = t * t
    z, rest = df / (df + square), square / (df + square)
    a, b = df / 2.0, 0.5
    # The continued fraction converges quickly on the side of the mean; elsewhere by symmetry.
    if z < (a + 1.0) / (a + b + 2.0):
        return _incomplete_beta(a, b, z, rest)
    return 1.0 - _incomplete_beta(b, a, rest, z)


def two_sided_t(level: float, df: float) -> float:
    """Return the t that a share `level` of Student's distribution lies within; NaN for df < 1."""
    if df < 1.0:
        return math.nan
    outside = 1.0 - level
    low, high = 0.0, 1.0
    while two_sided_p(high, df) > outside:
        low, high = high, 2.0 * high
    while True:
        middle = 0.5 * (low + high)
        if not low < middle < high:
            return middle
        if two_sided_p(middle, df) > outside:
            low = middle
        else:
            high = middle


def limits_of_means(
    customers: Floats, mean: Floats, variance: Floats, level: float
) -> tuple[Floats, Floats]:
    """Return Student's limits of means; NaN of fewer than two values or of values all alike."""
    half = np.full(len(mean), np.nan)
    for i, n in enumerate(customers.tolist()):
        if n >= 2 and variance[i] > 0.0:
            half[i] = two_sided_t(level, n - 1.0) * math.sqrt(float(variance[i]) / n)
    return mean - half, mean + half


def _incomplete_beta(a: float, b: float, z: float, rest: float) -> float:
    """I_z(a, b) with rest = 1 - z, by its continued fraction [DLMF 8.17.22], Lentz's method."""
    if z == 0.0:
        return 0.0
    log_beta = float(_core.special.log_beta(np.array([a]), np.array([b]))[0])
    front = math.exp(a * math.log(z) + b * math.log(rest) - log_beta) / a if rest > 0.0 else 0.0
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * z / (a + 1.0))
    fraction = d
    for m in range(1, 100_000):
        for term in (
            m * (b - m) * z / ((a + 2 * m - 1.0) * (a + 2 * m)),
            -(a + m) * (a + b + m) * z / ((a + 2 * m) * (a + 2 * m + 1.0)),
        ):
            d = 1.0 / _away(1.0 + term * d)
            c = _away(1.0 + term / c)
            fraction *= d * c
        if abs(d * c - 1.0) < 1e-16:
            break
    return front * fraction


def _away(x: float) -> float:
    return x if abs(x) > _TINY else _TINY
