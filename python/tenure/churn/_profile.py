"""Limits at which a profile likelihood has fallen."""

from __future__ import annotations

import math
from collections.abc import Callable

from tenure.churn._times import z_of

_FURTHEST = 40.0  # standard errors from the estimate, beyond which a limit is infinite


def profile_limits(
    log_likelihood: Callable[[float], float],
    estimate: float,
    error: float,
    highest: float,
    level: float,
) -> tuple[float, float]:
    """Return where the root of twice the fall is the normal quantile, below and above the estimate.

    The signed root is close to a straight line, on which the secant is quick; within a bracket, by
    the rule of Illinois.
    """
    z = z_of(level)

    def beyond(value: float) -> float:
        return math.sqrt(max(2.0 * (highest - log_likelihood(value)), 0.0)) - z

    def limit(side: float) -> float:
        inner, low = estimate, -z
        reach = z
        while (high := beyond(estimate + side * reach * error)) < 0.0:
            inner, low = estimate + side * reach * error, high
            reach *= 1.6
            if reach > _FURTHEST:
                return side * math.inf
        outer = estimate + side * reach * error
        for _ in range(60):
            middle = outer - high * (outer - inner) / (high - low)
            value = beyond(middle)
            if abs(value) < 1e-8 or abs(outer - inner) < 1e-10 * error:
                return middle
            if value * high < 0.0:
                inner, low = outer, high
            else:
                low *= 0.5
            outer, high = middle, value
        return outer

    return limit(-1.0), limit(1.0)
