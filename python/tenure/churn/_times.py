"""Times that a curve is asked about, and the half-width of its intervals."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._validation import Floats, as_column


def as_times(values: Any, name: str, *, finite: bool = False) -> Floats:
    """Return times >= 0, one-dimensional; a number alone is one time."""
    times: Floats = as_column(np.atleast_1d(np.asarray(values)), np.float64, name)
    good = (times >= 0.0) & (np.isfinite(times) | (not finite))
    if not good.all():
        row = int(np.argmin(good))
        rule = "finite and >= 0" if finite else ">= 0"
        msg = f"{name}[{row}] must be {rule}, got {times[row]:g}"
        raise InvalidInputError(msg, argument=name, row=row, value=float(times[row]))
    return times


def z_of(level: float) -> float:
    """Return the half-width of a two-sided normal interval in standard errors."""
    return -statistics.NormalDist().inv_cdf(0.5 * (1.0 - level))
