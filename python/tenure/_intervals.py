"""Confidence limits that every area asks the engine for."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure import _core
from tenure._validation import Floats


def wilson(count: Any, of: Any, level: float) -> tuple[Floats, Floats]:
    """Return the Wilson limits of the shares count / of, in the shape of `count`; NaN of none."""
    count = np.asarray(count, dtype=np.float64)
    of = np.broadcast_to(np.asarray(of, dtype=np.float64), count.shape)
    lower, upper = _core.survival.wilson_intervals(
        np.ascontiguousarray(count).ravel(), np.ascontiguousarray(of).ravel(), level
    )
    return lower.reshape(count.shape), upper.reshape(count.shape)
