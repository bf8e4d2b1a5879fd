"""The checked arguments of a fit of customers of whom some never leave, and that fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure import _core
from tenure._validation import Floats, as_choice, as_column, as_flags
from tenure.churn._regression import as_design, require_independent


class CureData:
    """The checked arguments of a fit."""

    def __init__(
        self, model: Any, X: Any, duration: Any, churned: Any, entry: Any, weight: Any
    ) -> None:
        self.law, self.most, self.tolerance, self.threads = model._settings()
        self.duration: Floats = as_column(duration, np.float64, "duration")
        self.churned = as_flags(churned, "churned")
        self.entry = None if entry is None else as_column(entry, np.float64, "entry")
        self.weight: Floats | None = (
            None if weight is None else as_column(weight, np.float64, "sample_weight")
        )
        rows = self.duration.size
        matrix, names = (np.empty((rows, 0)), []) if X is None else as_design(X, rows)
        self.names = tuple(names)
        self.incidence_terms, self.incidence = self._part(model.incidence, "incidence", matrix)
        self.latency_terms, self.latency = self._part(model.latency, "latency", matrix)

    def _part(self, asked: Any, part: str, matrix: Floats) -> tuple[tuple[str, ...], Floats]:
        terms = self.names if asked is None else tuple(asked)
        for name in terms:
            as_choice(name, part, self.names)
        columns = np.ascontiguousarray(matrix[:, [self.names.index(name) for name in terms]])
        if terms:
            good = self.weight if self.weight is None or self.weight.size == len(matrix) else None
            require_independent(columns, list(terms), good, intercept=True)
        return terms, columns

    def fit(self, *, intercept: float | None = None, plain: bool = False) -> dict[str, Any]:
        """Fit; with the incidence intercept given, or without columns of the incidence."""
        incidence = np.empty((self.duration.size, 0)) if plain else self.incidence
        found: dict[str, Any] = dict(
            _core.survival.cure_fit(
                self.duration, self.churned, incidence, self.latency, self.entry, self.weight,
                self.law, intercept, self.most, self.tolerance, self.threads,
            )
        )  # fmt: skip
        return found

    def without_stayers(self) -> dict[str, Any]:
        """Fit the lifetimes alone: everybody leaves one day."""
        upper = np.where(self.churned == 1, self.duration, np.inf)
        raw = _core.survival.aft_fit(
            self.duration, upper, self.latency, self.entry, self.weight, None, self.law, True,
            self.most, self.tolerance, self.threads,
        )  # fmt: skip
        return dict(raw) | {"latency": raw["coefficients"]}
