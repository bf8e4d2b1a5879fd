"""Do the clusters of one half of the rows foretell those of the other half?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._matrix import Matrix
from tenure._progress import Tell, shown
from tenure._results import Table
from tenure._validation import Floats, Ints, as_count, as_number, as_seed
from tenure.segment._clusterers import (
    Clusterer,
    as_counts,
    complain,
    counted_warnings,
    finite_matrix,
    mean_and_spread,
    seeds,
    together,
)
from tenure.segment._clusterings import Codes
from tenure.segment.kmeans import KMeans


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PredictionStrength(Table):
    """How well clusters of one half of the rows foretell those of the other, by their number.

    Attributes
    ----------
    n_clusters : int64 array
    strength : float64 array
        Mean over splits; 1 for one cluster.
    standard_error : float64 array
        Of this mean, over splits.
    best_n_clusters : int or None
        The largest number whose strength plus its error reaches the threshold; None if there is
        none among those tried.
    threshold : float
    n_splits : int
    warnings : tuple of str
        What the fits warned about.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> X = np.repeat([[0.0], [10.0]], 50, axis=0) + np.linspace(0, 1, 100)[:, None]
    >>> tn.segment.prediction_strength(X, [2, 3]).best_n_clusters
    2
    """

    n_clusters: Ints
    strength: Floats
    standard_error: Floats
    best_n_clusters: int | None
    threshold: float
    n_splits: int
    warnings: tuple[str, ...]

    _column_names = ("n_clusters", "strength", "standard_error")

    def __len__(self) -> int:
        return len(self.n_clusters)

    def _title(self) -> str:
        chosen = "no number of clusters reaches"
        if self.best_n_clusters is not None:
            chosen = f"{self.best_n_clusters} clusters reach"
        return f"Prediction strength, {self.n_splits} splits: {chosen} {self.threshold:g}"


def prediction_strength(
    X: Any,
    n_clusters: Any = range(2, 11),
    estimator: Any = None,
    *,
    n_splits: int = 10,
    threshold: float = 0.8,
    random_state: Any = 0,
    progress: Any = False,
) -> PredictionStrength:
    """Return how well clusters of one half of the rows foretell those of the other.

    Both halves are clustered. Of each cluster of one half, the share of its pairs of rows is taken
    that the clusters of the other half put together too; the strength is the least share over
    clusters, averaged over both directions and over splits.

    Parameters
    ----------
    X : array of shape (n, features) or data frame
        Finite numbers.
    n_clusters : range, list or array of int, default 2 to 10
        Numbers to try, smaller than half of n.
    estimator : clusterer, default ``KMeans(n_init=5)``
        Any with scikit-learn's conventions and a setting `n_clusters` or `n_components`. New rows
        get what it predicts or, where it cannot, the nearest mean. Copies are fitted.
    n_splits : int, default 10
        Splits into halves at random, at least 2.
    threshold : float in (0, 1], default 0.8
        The strength that clusters should have; 0.8 to 0.9 in the paper.
    random_state : int, None or NumPy generator, default 0
    progress : bool or callable, default False

    Returns
    -------
    PredictionStrength

    Raises
    ------
    InvalidInputError
        Names the cell of X that is not finite, and settings that no data fit.

    Warns
    -----
    ConvergenceWarning
        Once, with all that the fits warned about.

    Notes
    -----
    A cluster of one row has no pairs and counts 0: nothing foretold it. So does a fit that finds
    fewer than two clusters. [Tibshirani & Walther 2005,
    J. Comput. Graph. Stat. 14:511, sections 2 and 3] docs/methods/choosing_segments.md

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> X = np.repeat([[0.0], [10.0]], 50, axis=0) + np.linspace(0, 1, 100)[:, None]
    >>> float(tn.segment.prediction_strength(X, [2]).strength[0])
    1.0
    """
    matrix = finite_matrix(X)
    counts = as_counts(n_clusters, len(matrix) // 2)
    splits = as_count(n_splits, "n_splits", at_least=2)
    threshold = as_number(threshold, "threshold", above=0.0, at_most=1.0)
    clusterer = Clusterer(KMeans(n_init=5) if estimator is None else estimator)
    clusterer.require_count()
    complaints: list[str] = []
    with shown(progress, "prediction strength") as tell, counted_warnings(complaints):
        found = strengths(clusterer, matrix, counts, splits, as_seed(random_state), tell, 0.0, 1.0)
    complain(complaints)
    mean, spread = mean_and_spread(found)
    error = spread / math.sqrt(splits)
    return PredictionStrength(
        n_clusters=counts,
        strength=mean,
        standard_error=error,
        best_n_clusters=last_reached(counts, mean + error, threshold),
        threshold=threshold,
        n_splits=splits,
        warnings=tuple(complaints),
    )


def last_reached(counts: Ints, reach: Floats, threshold: float) -> int | None:
    """Return the largest number of clusters that reaches the threshold."""
    good = np.flatnonzero(reach >= threshold)
    return int(counts[good[-1]]) if good.size else None


def strengths(
    clusterer: Clusterer,
    X: Matrix,
    counts: Ints,
    splits: int,
    seed: int,
    tell: Tell,
    begin: float,
    end: float,
) -> Floats:
    """Return the prediction strength of each split, by number of clusters."""
    out = np.ones((splits, len(counts)))
    for b, own in enumerate(seeds(seed, splits, len(counts) + 1)):
        order = np.random.default_rng(own[-1]).permutation(len(X))
        half = len(X) // 2
        parts = [np.ascontiguousarray(X[np.sort(p)]) for p in (order[:half], order[half:])]
        for i, k in enumerate(counts):
            if k == 1:
                continue
            fits = [clusterer.fit(part, own[i], int(k)) for part in parts]
            # Rows that all fall into one cluster are foretold, but are no k clusters.
            told = [_foretold(parts, fits, train, 1 - train) for train in (0, 1)]
            out[b, i] = np.mean(told) if min(clusters for *_, clusters in fits) > 1 else 0.0
        tell(begin + (end - begin) * (b + 1) / splits, f"split {b + 1} of {splits}")
    return out


def _foretold(
    parts: list[Matrix], fits: list[tuple[Any, Codes, int]], train: int, test: int
) -> float:
    model, code, clusters = fits[train]
    _, own, number = fits[test]
    if not clusters or not number:
        return 0.0  # noise foretells nothing
    told = Clusterer.assign(model, parts[train], code, clusters, parts[test])
    both = together(own + 1, number + 1, told, int(told.max()) + 1)[1:]
    size = both.sum(axis=1)
    with np.errstate(invalid="ignore"):
        share = (both * (both - 1)).sum(axis=1) / (size * (size - 1))
    return float(np.where(size > 1, share, 0.0).min())
