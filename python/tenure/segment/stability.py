"""Would the same clusters be found again in other samples?"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._matrix import Matrix
from tenure._progress import Tell, shown
from tenure._results import Table
from tenure._validation import Floats, Ints, as_count, as_level, as_seed
from tenure.segment._clusterers import (
    Clusterer,
    complain,
    counted_warnings,
    finite_matrix,
    mean_and_spread,
    seeds,
    together,
)
from tenure.segment._clusterings import Codes

#: Up to the first a cluster dissolved, from the second on it was recovered. [Hennig 2007]
DISSOLVED, RECOVERED = 0.5, 0.75


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Stability(Table):
    """How well each cluster is found again in bootstrap samples.

    Attributes
    ----------
    cluster : int64 array
        As the estimator numbers them on all rows.
    rows : int64 array
    jaccard : float64 array
        Mean over replicates of the Jaccard similarity to the most similar cluster found: rows in
        both over rows in either, of those drawn. 1: always found again.
    standard_error, lower, upper : float64 arrays
        Of `jaccard`, from the finite number of replicates.
    dissolved, recovered : float64 arrays
        Shares of replicates with a similarity of at most 0.5, and of at least 0.75.
    replicates : int64 array
        Those that drew a row of the cluster; others say nothing of it.
    code : int32 array
        Cluster of each row of X; -1 for noise.
    level : float
    n_bootstrap : int
    warnings : tuple of str
        What the fits warned about.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> X = np.repeat([[0.0], [10.0]], 50, axis=0) + np.linspace(0, 1, 100)[:, None]
    >>> tn.segment.stability(tn.segment.KMeans(2), X, n_bootstrap=20).jaccard.tolist()
    [1.0, 1.0]
    """

    cluster: Ints
    rows: Ints
    jaccard: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    dissolved: Floats
    recovered: Floats
    replicates: Ints
    code: Codes
    level: float
    n_bootstrap: int
    warnings: tuple[str, ...]

    _column_names = (
        "cluster",
        "rows",
        "jaccard",
        "lower",
        "upper",
        "dissolved",
        "recovered",
        "replicates",
    )

    def __len__(self) -> int:
        return len(self.cluster)

    def _title(self) -> str:
        steady = int(np.count_nonzero(self.jaccard >= RECOVERED))
        return (
            f"Stability over {self.n_bootstrap} bootstrap samples: {steady} of {len(self)} "
            f"clusters with a mean Jaccard similarity of {RECOVERED:g} or more"
        )


def stability(
    estimator: Any,
    X: Any,
    n_bootstrap: int = 100,
    *,
    level: float = 0.95,
    random_state: Any = 0,
    progress: Any = False,
) -> Stability:
    """Return how well each cluster of an estimator is found again in bootstrap samples.

    Parameters
    ----------
    estimator : clusterer
        Any with scikit-learn's conventions. Copies are fitted; it stays as it is.
    X : array of shape (n, features) or data frame
        Finite numbers.
    n_bootstrap : int, default 100
        Samples of n rows with replacement, at least 2.
    level : float, default 0.95
        Of the limits.
    random_state : int, None or NumPy generator, default 0
    progress : bool or callable, default False

    Returns
    -------
    Stability

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
    A row that a sample draws several times enters the fit as often, and the similarity once. Rule
    of thumb of the paper: from 0.85 on highly stable, from 0.75 on stable; below 0.6 a cluster
    should not be trusted. Limits say how far the mean of more replicates may lie, not that of
    other data. [Hennig 2007, Comput. Stat. Data Anal. 52:258] docs/methods/choosing_segments.md

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> X = np.linspace(0, 1, 60)[:, None]  # no gap anywhere
    >>> s = tn.segment.stability(tn.segment.KMeans(5, n_init=1), X, n_bootstrap=50)
    >>> bool((s.jaccard < 0.9).any())
    True
    """
    matrix = finite_matrix(X)
    replicates = as_count(n_bootstrap, "n_bootstrap", at_least=2)
    z = NormalDist().inv_cdf(0.5 + as_level(level) / 2)
    clusterer = Clusterer(estimator)
    first, seed = seeds(as_seed(random_state), 2)
    complaints: list[str] = []
    with shown(progress, "stability") as tell, counted_warnings(complaints):
        _, code, clusters = clusterer.fit(matrix, first)
        if clusters == 0:
            msg = f"estimator must find a cluster; {clusterer.name} called every row noise"
            raise InvalidInputError(msg, argument="estimator")
        found = jaccards(clusterer, matrix, code, clusters, None, replicates, seed, tell, 0.0, 1.0)
    complain(complaints)
    seen = np.isfinite(found)
    count = seen.sum(axis=0)
    mean, spread = mean_and_spread(found)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = spread / np.sqrt(count)
    return Stability(
        cluster=np.arange(clusters),
        rows=np.bincount(code[code >= 0], minlength=clusters),
        jaccard=mean,
        standard_error=error,
        lower=np.maximum(mean - z * error, 0.0),
        upper=np.minimum(mean + z * error, 1.0),
        dissolved=_share(found <= DISSOLVED, count),
        recovered=_share(found >= RECOVERED, count),
        replicates=count,
        code=code,
        level=level,
        n_bootstrap=replicates,
        warnings=tuple(complaints),
    )


def _share(hits: npt.NDArray[np.bool_], count: Ints) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.asarray(hits.sum(axis=0) / count)


def jaccards(
    clusterer: Clusterer,
    X: Matrix,
    code: Codes,
    clusters: int,
    k: int | None,
    replicates: int,
    seed: int,
    tell: Tell,
    begin: float,
    end: float,
) -> Floats:
    """Return the greatest Jaccard similarity by replicate and cluster; NaN if not drawn."""
    out = np.empty((replicates, clusters))
    for b, (draw, own) in enumerate(seeds(seed, replicates, 2)):
        drawn = np.random.default_rng(draw).integers(0, len(X), len(X))
        _, label, number = clusterer.fit(np.ascontiguousarray(X[drawn]), own, k)
        rows, at = np.unique(drawn, return_index=True)
        out[b] = _most_similar(code[rows], clusters, label[at], number)
        tell(begin + (end - begin) * (b + 1) / replicates, f"bootstrap {b + 1} of {replicates}")
    return out


def _most_similar(old: Codes, n_old: int, new: Codes, n_new: int) -> Floats:
    # Noise has a row and a column of its own, which count towards the sizes alone.
    both = together(old + 1, n_old + 1, new + 1, n_new + 1)
    either = both.sum(axis=1)[1:, None] + both.sum(axis=0)[None, 1:] - both[1:, 1:]
    with np.errstate(invalid="ignore"):
        similar = (both[1:, 1:] / either).max(axis=1, initial=0.0)
    return np.where(both.sum(axis=1)[1:] > 0, similar, np.nan)
