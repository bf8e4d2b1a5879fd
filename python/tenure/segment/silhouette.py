"""How clearly each row belongs to its cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._progress import shown
from tenure._results import Table
from tenure._validation import Floats, Ints, as_choice, as_level, as_threads
from tenure.segment._clusterings import labelled

METHODS = ("exact", "simplified")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Silhouette(Table):
    """How clearly rows belong to their clusters, one row of the table for each cluster.

    Attributes
    ----------
    cluster : array of k labels
        Ascending.
    rows : int64 array
        Rows by cluster.
    cluster_mean : float64 array
        Mean silhouette by cluster.
    cluster_standard_error, cluster_lower, cluster_upper : float64 arrays
        Of these means; NaN for a cluster of one row, and where no error was asked for.
    negative : float64 array
        Share of the cluster's rows with a silhouette below 0: nearer to another cluster.
    value : float64 array of n
        Silhouette of each row of X in [-1, 1]; NaN for noise.
    neighbour : array of n
        Place in `cluster` of the nearest other cluster of each row, -1 for noise.
    code : int32 array of n
        Place in `cluster` of each row's own, -1 for noise.
    mean : float
        Over all rows but noise.
    standard_error, lower, upper : float
        Of `mean`.
    level : float
    method : {"exact", "simplified"}
    n_noise : int
        Rows that took no part.

    Examples
    --------
    >>> import tenure as tn
    >>> s = tn.segment.silhouette([[0.0], [1.0], [9.0], [10.0]], ["a", "a", "b", "b"])
    >>> s.value.round(4).tolist(), s.neighbour.tolist()
    ([0.8947, 0.8824, 0.8824, 0.8947], [1, 1, 0, 0])
    """

    cluster: npt.NDArray[Any]
    rows: Ints
    cluster_mean: Floats
    cluster_standard_error: Floats
    cluster_lower: Floats
    cluster_upper: Floats
    negative: Floats
    value: Floats
    neighbour: npt.NDArray[np.int32]
    code: npt.NDArray[np.int32]
    mean: float
    standard_error: float
    lower: float
    upper: float
    level: float
    method: str
    n_noise: int

    def __len__(self) -> int:
        return len(self.cluster)

    def _columns(self) -> Mapping[str, Any]:
        return {
            "cluster": self.cluster,
            "rows": self.rows,
            "mean": self.cluster_mean,
            "standard_error": self.cluster_standard_error,
            "lower": self.cluster_lower,
            "upper": self.cluster_upper,
            "negative": self.negative,
        }

    def _title(self) -> str:
        limits = (
            f" ({100 * self.level:g} % limits {self.lower:.4f} to {self.upper:.4f})"
            if np.isfinite(self.standard_error)
            else ""
        )
        noise = f", {self.n_noise:,} rows of noise left out" if self.n_noise else ""
        kind = "Simplified silhouette" if self.method == "simplified" else "Silhouette"
        return f"{kind} {self.mean:.4f}{limits}, {len(self)} clusters{noise}"

    def plot(self, ax: Any = None) -> Any:
        """Draw the silhouettes of each cluster in descending order, and their mean.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib Axes
        """
        from tenure.segment._validity_plots import draw_silhouette

        return draw_silhouette(self, ax)


def silhouette(
    X: Any,
    labels: Any,
    *,
    method: str = "exact",
    standard_error: bool = True,
    level: float = 0.95,
    noise: Any = -1,
    n_threads: int | None = None,
    progress: Any = False,
) -> Silhouette:
    """Return how clearly each row belongs to its cluster: its silhouette.

    A row of mean distance a to the other rows of its cluster, and b to those of the nearest other
    cluster, has the silhouette (b - a) / max(a, b): 1 well inside, 0 between two, below 0 nearer to
    the other one. Distances are Euclidean. [Rousseeuw 1987, section 2]

    Parameters
    ----------
    X : array of shape (n, features) or data frame
        Finite numbers.
    labels : array of n labels
        Numbers or texts, two clusters at least. Their names do not matter.
    method : {"exact", "simplified"}
        "simplified" takes distances to the means of the clusters instead, which costs n k distances
        and not n^2. [Hruschka et al. 2004]
    standard_error : bool, default True
        Whether to compute the errors of the means; only "exact" has them. They take a second look
        at the distances from each row to its own and its nearest cluster.
    level : float, default 0.95
        Of the limits.
    noise : label or None, default -1
        Rows of this label belong to no cluster and take no part. None: there is no such label.
    n_threads : int, optional
        Never changes a result.
    progress : bool or callable, default False
        Show how far it is; a callable gets ``progress(share, what)``.

    Returns
    -------
    Silhouette

    Raises
    ------
    InvalidInputError
        Names the cell of X that is not finite and the label that is missing; fewer than two
        clusters.

    Warns
    -----
    DataWarning
        If rows are noise.

    Notes
    -----
    A row alone in its cluster has 0 by convention, and so has a row with a = b = 0. Every pair of
    rows is looked at, never a sample, and no matrix of distances is kept. The standard error takes
    the labels as given by a fixed rule, and counts that a row moves the distances of all others.
    docs/methods/choosing_segments.md

    Examples
    --------
    >>> import tenure as tn
    >>> tn.segment.silhouette([[0.0], [1.0], [9.0], [10.0]], [0, 0, 1, 1])
    Silhouette 0.8885 (95 % limits 0.8745 to 0.9026), 2 clusters
    cluster  rows      mean  standard_error     lower     upper  negative
          0     2  0.888545      0.00878389  0.871329  0.905761         0
          1     2  0.888545      0.00878389  0.871329  0.905761         0
    """
    as_choice(method, "method", METHODS)
    level = as_level(level)
    rows = labelled(X, labels, noise)
    with shown(progress, "silhouettes") as tell:
        found = rows.ask(
            _core.segment.silhouette,
            method == "simplified",
            bool(standard_error),
            as_threads(n_threads),
            tell.steps(len(rows.own), "silhouettes"),
        )
    size = np.bincount(rows.own, minlength=len(rows.names))
    error = found["cluster_error"] if len(found["cluster_error"]) else np.full(len(size), np.nan)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    lower, upper = _limits(found["cluster_mean"], z * error)
    low, high = _limits(np.array(found["mean"]), np.array(z * found["error"]))
    value = np.full(len(rows.code), np.nan)
    neighbour = np.full(len(rows.code), -1, dtype=np.int32)
    value[rows.rows] = found["value"]
    neighbour[rows.rows] = found["neighbour"]
    return Silhouette(
        cluster=rows.names,
        rows=size,
        cluster_mean=found["cluster_mean"],
        cluster_standard_error=error,
        cluster_lower=lower,
        cluster_upper=upper,
        negative=np.bincount(rows.own, weights=found["value"] < 0, minlength=len(size)) / size,
        value=value,
        neighbour=neighbour,
        code=rows.code,
        mean=found["mean"],
        standard_error=found["error"],
        lower=float(low),
        upper=float(high),
        level=level,
        method=method,
        n_noise=rows.n_noise,
    )


def _limits(mean: Floats, half: Floats) -> tuple[Floats, Floats]:
    return np.maximum(mean - half, -1.0), np.minimum(mean + half, 1.0)
