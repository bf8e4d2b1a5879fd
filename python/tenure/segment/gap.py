"""The gap statistic: is there more structure than in rows without any?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._matrix import Matrix
from tenure._progress import Tell, shown
from tenure._results import Table
from tenure._validation import Floats, Ints, as_choice, as_count, as_seed
from tenure.segment._clusterers import (
    Clusterer,
    as_counts,
    complain,
    counted_warnings,
    finite_matrix,
    seeds,
)
from tenure.segment._clusterings import Codes
from tenure.segment.kmeans import KMeans

REFERENCES = ("box", "components")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GapStatistic(Table):
    """The gap by number of clusters.

    Attributes
    ----------
    n_clusters : int64 array
    log_within : float64 array
        Logarithm of the sum of squared distances of the rows to the means of their clusters.
    expected : float64 array
        Its mean over reference data without clusters.
    gap : float64 array
        ``expected - log_within``.
    error : float64 array
        s_k, the error of `gap` from drawing few references: their standard deviation times
        sqrt(1 + 1 / n_references).
    best_n_clusters : int or None
        The smallest number whose gap reaches that of the next number tried less its error; None if
        there is none among those tried.
    n_references : int
    reference : {"box", "components"}
    warnings : tuple of str
        What the fits warned about.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> X = np.repeat([[0.0], [10.0]], 50, axis=0) + np.linspace(0, 1, 100)[:, None]
    >>> tn.segment.gap_statistic(X, range(1, 4)).best_n_clusters
    2
    """

    n_clusters: Ints
    log_within: Floats
    expected: Floats
    gap: Floats
    error: Floats
    best_n_clusters: int | None
    n_references: int
    reference: str
    warnings: tuple[str, ...]

    _column_names = ("n_clusters", "log_within", "expected", "gap", "error")

    def __len__(self) -> int:
        return len(self.n_clusters)

    def _title(self) -> str:
        chosen = "no number of clusters stands out"
        if self.best_n_clusters is not None:
            chosen = f"{self.best_n_clusters} clusters"
        return f"Gap statistic, {self.n_references} references: {chosen}"


def gap_statistic(
    X: Any,
    n_clusters: Any = range(1, 11),
    estimator: Any = None,
    *,
    n_references: int = 50,
    reference: str = "components",
    random_state: Any = 0,
    progress: Any = False,
) -> GapStatistic:
    """Return how much tighter clusters are than those of data without any, by their number.

    Parameters
    ----------
    X : array of shape (n, features) or data frame
        Finite numbers.
    n_clusters : range, list or array of int, default 1 to 10
        Numbers to try, smaller than n. 1 is the way to hear that there are no clusters.
    estimator : clusterer, default ``KMeans(n_init=5)``
        Any with scikit-learn's conventions and a setting `n_clusters` or `n_components`. Copies are
        fitted; it stays as it is.
    n_references : int, default 50
        Data sets without clusters, at least 2, each clustered with every number.
    reference : {"components", "box"}
        Reference rows are uniform over the range of each principal component of X (choice b of the
        paper), or of each column (choice a).
    random_state : int, None or NumPy generator, default 0
    progress : bool or callable, default False

    Returns
    -------
    GapStatistic

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
    [Tibshirani, Walther & Hastie 2001, J. R. Stat. Soc. B 63:411, sections 2 to 4] Distances are
    squared Euclidean. docs/methods/choosing_segments.md

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> X = np.repeat([[0.0], [10.0]], 50, axis=0) + np.linspace(0, 1, 100)[:, None]
    >>> g = tn.segment.gap_statistic(X, [1, 2, 3], n_references=20)
    >>> bool(g.gap[1] > g.gap[0]), bool(g.gap[1] > g.gap[2])
    (True, True)
    """
    matrix = finite_matrix(X)
    counts = as_counts(n_clusters, len(matrix))
    drawn = as_count(n_references, "n_references", at_least=2)
    as_choice(reference, "reference", REFERENCES)
    clusterer = Clusterer(KMeans(n_init=5) if estimator is None else estimator)
    clusterer.require_count()
    own, seed = seeds(as_seed(random_state), 2)
    complaints: list[str] = []
    with shown(progress, "gap statistic") as tell, counted_warnings(complaints):
        within = np.array(
            [
                log_within(matrix, *clustered(clusterer, matrix, int(k), s))
                for k, s in zip(counts, seeds(own, len(counts)), strict=True)
            ]
        )
        references = reference_log_within(
            matrix, counts, clusterer, drawn, reference, seed, tell, 0.0, 1.0
        )
    complain(complaints)
    expected = references.mean(axis=0)
    gap = expected - within
    error = references.std(axis=0) * math.sqrt(1 + 1 / drawn)
    return GapStatistic(
        n_clusters=counts,
        log_within=within,
        expected=expected,
        gap=gap,
        error=error,
        best_n_clusters=first_reached(counts, gap, error),
        n_references=drawn,
        reference=reference,
        warnings=tuple(complaints),
    )


def first_reached(counts: Ints, gap: Floats, error: Floats) -> int | None:
    """Return the smallest k with gap(k) >= gap(k + 1) - s(k + 1), the next one tried."""
    for i in range(len(counts) - 1):
        if gap[i] >= gap[i + 1] - error[i + 1]:
            return int(counts[i])
    return None


def clustered(clusterer: Clusterer, X: Matrix, k: int, seed: int) -> tuple[Codes, int]:
    """Return the cluster of each row of X, and how many there are; one cluster needs no fit."""
    if k == 1:
        return np.zeros(len(X), dtype=np.int32), 1
    _, code, clusters = clusterer.fit(X, seed, k)
    return code, clusters


def log_within(X: Matrix, code: Codes, clusters: int) -> float:
    rows = np.flatnonzero(code >= 0)
    if len(rows) < len(X):
        X, code = np.ascontiguousarray(X[rows]), np.ascontiguousarray(code[rows])
    return float(_core.segment.validity(X, code, clusters, 1)["log_within"])


def reference_log_within(
    X: Matrix,
    counts: Ints,
    clusterer: Clusterer,
    drawn: int,
    reference: str,
    seed: int,
    tell: Tell,
    begin: float,
    end: float,
) -> Floats:
    """Return log W of each reference, by number of clusters; told as from `begin` to `end`."""
    draw = _uniform(X, reference)
    out = np.empty((drawn, len(counts)))
    for b, own in enumerate(seeds(seed, drawn, len(counts) + 1)):
        rows = draw(np.random.default_rng(own[-1]))
        for i, k in enumerate(counts):
            out[b, i] = log_within(rows, *clustered(clusterer, rows, int(k), own[i]))
        tell(
            begin + (end - begin) * (b + 1) / drawn, f"gap statistic, reference {b + 1} of {drawn}"
        )
    return out


def _uniform(X: Matrix, reference: str) -> Callable[[np.random.Generator], npt.NDArray[Any]]:
    """What draws rows without clusters in the place of X."""
    mean = X.mean(axis=0, dtype=np.float64)
    about = X - mean
    turn = np.eye(X.shape[1])
    if reference == "components":
        turn = np.linalg.svd(about, full_matrices=False)[2]
    along = about @ turn.T
    low, high = along.min(axis=0), along.max(axis=0)
    return lambda random: np.ascontiguousarray(
        random.uniform(low, high, size=along.shape) @ turn + mean, dtype=X.dtype
    )
