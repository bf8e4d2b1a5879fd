"""Campaigns whose every effect is known, and a regression that costs nothing to fit."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np


class LeastSquares:
    """A linear regression; with weights if asked."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {}

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LeastSquares:
        design = np.column_stack([np.ones(len(X)), X])
        weighted = design if sample_weight is None else design * sample_weight[:, None]
        self.coef_ = np.linalg.solve(weighted.T @ design, weighted.T @ y)
        return self

    def predict(self, X: Any) -> Any:
        return self.coef_[0] + X @ self.coef_[1:]


@dataclasses.dataclass
class Campaign:
    X: Any
    treated: Any
    outcome: Any
    uplift: Any  # true
    risk: Any  # of churn
    propensity: Any


def money(rng: np.random.Generator, n: int, chance: float = 0.4) -> Campaign:
    """The likelier a customer is to leave anyway, the less a contact does: lost causes."""
    X = rng.normal(size=(n, 3))
    uplift = 1.0 + 1.5 * X[:, 1] - 0.8 * X[:, 0]
    treated = rng.random(n) < chance
    outcome = 10.0 - 2.0 * X[:, 0] + treated * uplift + rng.normal(0.0, 5.0, n)
    return Campaign(X, treated, outcome, uplift, X[:, 0], np.full(n, chance))


def responses(rng: np.random.Generator, n: int) -> Campaign:
    """Responses of 0 or 1, and contacts that went to some rather than to others."""
    X = rng.normal(size=(n, 2))
    propensity = 1.0 / (1.0 + np.exp(-0.5 * X[:, 0]))
    treated = rng.random(n) < propensity
    base = 0.15 + 0.05 * np.tanh(X[:, 0])
    uplift = 0.06 + 0.08 * np.tanh(X[:, 1])
    outcome = (rng.random(n) < base + treated * uplift).astype(float)
    return Campaign(X, treated, outcome, uplift, -base, propensity)
