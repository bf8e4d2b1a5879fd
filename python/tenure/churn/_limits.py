"""Limits of measures that are shares or chances."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tenure._validation import Floats, as_level
from tenure.churn._times import z_of


def level_and_z(level: Any) -> tuple[float, float]:
    """Return a confidence level, checked, and the half-width of its limits in standard errors."""
    checked = as_level(level)
    return checked, z_of(checked)


def logit_limits(value: float, error: float, z: float) -> tuple[float, float]:
    """Return limits symmetric in the log odds, which stay between 0 and 1."""
    odds = math.log(value / (1.0 - value))
    spread = z * error / (value * (1.0 - value))
    lower, upper = (1.0 / (1.0 + math.exp(-(odds + s))) for s in (-spread, spread))
    return lower, upper


def chance_limits(
    value: float, error: float, z: float, pairs: int, level: float
) -> tuple[float, float]:
    """Return limits of a chance that one of a pair outranks the other.

    Where all pairs are ranked alike the error is 0 and tells nothing: the limit is then that of so
    many disjoint pairs.
    """
    if math.isnan(value):
        return math.nan, math.nan
    if 0.0 < value < 1.0 and error > 0.0:
        return logit_limits(value, error, z)
    least = ((1.0 - level) / 2.0) ** (1.0 / max(pairs, 1))
    if 0.0 < value < 1.0:  # every row ties with its like: nothing is ranked
        return min(least, 1.0 - least, value), max(least, 1.0 - least, value)
    return (least, 1.0) if value >= 1.0 else (0.0, 1.0 - least)


def incidence_limits(value: Floats, error: Floats, z: float, scale: str) -> tuple[Floats, Floats]:
    """Return limits of a share that has left: log-log, normal in log(-log(1 - F)), or plain."""
    if scale == "plain":
        return np.maximum(value - z * error, 0.0), np.minimum(value + z * error, 1.0)
    # With one cause those of Kaplan-Meier, turned over.
    inner = (value > 0.0) & (value < 1.0)
    log_stay = np.log1p(-np.where(inner, value, 0.5))
    with np.errstate(over="ignore"):
        factor = np.exp(-z * error / (np.exp(log_stay) * log_stay))
        lower, upper = (-np.expm1(log_stay * f) for f in (1.0 / factor, factor))
    return np.where(inner, lower, value), np.where(inner, upper, value)
