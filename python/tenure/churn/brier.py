"""The Brier score and its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._results import Table
from tenure._validation import Floats, as_count
from tenure.churn._limits import level_and_z
from tenure.churn._probabilities import read, spread


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BrierScore(Table):
    """Mean squared error of probabilities, with limits and its parts.

    ``value = reliability - resolution + uncertainty + within``.

    Attributes
    ----------
    value, standard_error, lower, upper : float
    reliability : float
        Mean squared distance of each bin's mean probability from its churn rate: 0 is best.
    resolution : float
        Mean squared distance of the bins' churn rates from that of all: the higher the better.
    uncertainty : float
        Rate times one less the rate, of all: the score of the rate itself.
    within : float
        What the bins hide: probabilities that vary within them.
    bins : int
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> s = tn.churn.brier_score([0, 0, 1, 1], [0.1, 0.1, 0.6, 0.6])
    >>> round(s.value, 3), round(s.reliability, 3), s.resolution, s.uncertainty
    (0.085, 0.085, 0.25, 0.25)
    """

    value: float
    standard_error: float
    lower: float
    upper: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float
    bins: int
    level: float

    def __float__(self) -> float:
        return self.value

    def _columns(self) -> Mapping[str, Any]:
        left = ("bins", "level")
        names = [n for n in self.__dataclass_fields__ if n not in left]
        return {name: [getattr(self, name)] for name in names}

    def _title(self) -> str:
        return f"Brier score, limits at {self.level:.0%}, parts over {self.bins} bins"


def brier_score(
    churned: Any, probability: Any, *, bins: int = 10, groups: Any = None, level: float = 0.95
) -> BrierScore:
    """Return the Brier score with limits, and its decomposition by Murphy.

    Parameters
    ----------
    churned : array of n flags
    probability : array of n floats in [0, 1]
    bins : int, default 10
        Bins of about as many rows each; equal probabilities are never parted. They matter for the
        parts only.
    groups : array of n ids, optional
        Rows of one customer, who then count as one draw in the limits.
    level : float, default 0.95

    Returns
    -------
    BrierScore

    Raises
    ------
    InvalidInputError
        Names the row; also unless both classes are there.

    Notes
    -----
    Brier (1950), Monthly Weather Review 78:1-3. Murphy (1973), Journal of Applied Meteorology
    12:595-600, eq. 3; what is left within bins after Stephenson, Coelho & Jolliffe (2008). The
    reliability of bins is biased upwards by about the number of bins times the uncertainty over n.

    Examples
    --------
    >>> import tenure as tn
    >>> round(tn.churn.brier_score([0, 1, 0, 1], [0.2, 0.9, 0.3, 0.7]).value, 4)
    0.0575
    """
    label, p, of = read(churned, probability, groups)
    checked, z = level_and_z(level)
    count = as_count(bins, "bins", at_least=1)
    loss = (p - label) ** 2
    value = float(loss.mean())
    error = spread((loss - value) / len(loss), of)
    place = _bins(p, count)
    size = np.bincount(place).astype(np.float64)
    kept = size > 0.0
    size = size[kept]
    rate = np.bincount(place, weights=label)[kept] / size
    mean = np.bincount(place, weights=p)[kept] / size
    base = float(label.mean())
    share = size / len(p)
    reliability = float(np.sum(share * (mean - rate) ** 2))
    resolution = float(np.sum(share * (rate - base) ** 2))
    uncertainty = base * (1.0 - base)
    return BrierScore(
        value,
        error,
        max(0.0, value - z * error),
        min(1.0, value + z * error),
        reliability,
        resolution,
        uncertainty,
        value - (reliability - resolution + uncertainty),
        len(size),
        checked,
    )


def _bins(p: Floats, count: int) -> Any:
    edges = np.unique(np.quantile(p, np.arange(1, count) / count)) if count > 1 else np.empty(0)
    return np.searchsorted(edges, p, side="left")
