"""Predictions of an accelerated failure time model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tenure._validation import Floats, as_column, as_threads


def linear_predictor(model: Any, X: Floats) -> Floats:
    """Return the location of log T of each row."""
    return np.ascontiguousarray(model.intercept_ + X @ model.coef_)


def predict(model: Any, kernel: Any, X: Floats, at: Any, tenure: Floats | None) -> Floats:
    """Return a kernel's answers, one row a customer and one column a time or share."""
    asked = as_column(np.atleast_1d(np.asarray(at)), np.float64, "at")
    shape = 0.0 if math.isnan(model.shape_) else model.shape_
    answer: Floats = kernel(
        model.distribution,
        model.scale_,
        shape,
        linear_predictor(model, X),
        tenure,
        asked,
        as_threads(model.n_threads),
    )
    return answer


def log_mean(law: str, scale: float, shape: float) -> float:
    """Return log E[exp(scale W)]; infinite where there is no mean."""
    if law == "log_normal":
        return 0.5 * scale * scale
    if law == "log_logistic":
        return math.log(math.pi * scale / math.sin(math.pi * scale)) if scale < 1.0 else math.inf
    if law == "generalized_gamma":
        if abs(shape) < 1e-3:  # the series in q: the gammas below would cancel
            return 0.5 * scale * scale - shape * (scale / 2.0 + scale**3 / 6.0)
        g = 1.0 / (shape * shape)
        if g + scale / shape <= 0.0:
            return math.inf
        return math.lgamma(g + scale / shape) - math.lgamma(g) - scale / shape * math.log(g)
    return math.lgamma(1.0 + scale)
