"""The Markov chain behind absorption and forecasts: its rows, and how surely they are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._validation import Floats, Ints


@dataclass(frozen=True)
class Chain:
    """Counts by period, with what widens the uncertainty of their sums."""

    counts: Ints
    alpha: float
    design_effects: Floats
    dispersion: float

    @property
    def states(self) -> int:
        return int(self.counts.shape[1])

    def _smoothed(self, total: Floats) -> Floats:
        smoothed: Floats = np.where(possible(total), total + self.alpha, 0.0)
        return smoothed

    def weights(self) -> Floats:
        """Return the parameters of each row's Dirichlet: its mean is the smoothed estimate.

        A stage that nobody was seen to leave keeps its customers; without births the last row is 0.
        """
        total = self.counts.sum(axis=0).astype(np.float64)
        weights = self._smoothed(total) / (self.design_effects[:, None] * self.dispersion)
        unseen = total.sum(axis=1) == 0
        weights[unseen] = np.eye(self.states)[unseen]
        if unseen[-1]:
            weights[-1] = 0.0
        return weights

    def closed(self) -> Floats:
        """Return the estimated matrix with outside as an end: who has left stays there."""
        total = self.counts.sum(axis=0).astype(np.float64)
        weights = self._smoothed(total)
        unseen = total.sum(axis=1) == 0
        weights[unseen] = np.eye(self.states)[unseen]
        weights[-1] = 0.0
        weights[-1, -1] = 1.0
        closed: Floats = weights / weights.sum(axis=1, keepdims=True)
        return closed

    def drawn(self, draws: int, seed: int, threads: int) -> Floats:
        """Return matrices from the Dirichlet distributions of the rows, outside as an end."""
        weights = self.weights()
        weights[-1] = 0.0
        weights[-1, -1] = 1.0
        s = self.states
        matrices: Floats = _core.lifecycle.draw_matrices(
            weights.ravel(), s, s, draws, seed, threads
        )
        return matrices.reshape(draws, s, s)

    def concentration(self) -> Floats:
        """Return how closely a period's row keeps to its mean; infinite without dispersion.

        For rows of n customers a Dirichlet of concentration c about the mean inflates variances by
        1 + (n - 1) / (c + 1); c is where that is the dispersion at the mean n of the periods.
        """
        by_period = self.counts.sum(axis=2).astype(np.float64)
        periods = np.maximum((by_period > 0).sum(axis=0), 1)
        size = by_period.sum(axis=0) / periods
        if self.dispersion <= 1.0:
            return np.full(self.states, np.inf)
        close: Floats = np.maximum((size - 1.0) / (self.dispersion - 1.0) - 1.0, 1.0)
        return close


def possible(total: Floats) -> npt.NDArray[np.bool_]:
    """Return which moves there can be: into stages ever seen, out if anybody ever left."""
    seen = (total.sum(axis=0) > 0) | (total.sum(axis=1) > 0)
    can = np.broadcast_to(seen, total.shape).copy()
    can[:, -1] = total[:, -1].sum() > 0
    can[-1, -1] = False
    return can
