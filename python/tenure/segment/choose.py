"""How many segments are there? All measures, one rule, and the reasons in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._progress import shown
from tenure._results import Table
from tenure._validation import Floats, Ints, as_choice, as_count, as_number, as_seed, as_threads
from tenure.segment._clusterers import (
    Clusterer,
    as_counts,
    complain,
    counted_warnings,
    finite_matrix,
)
from tenure.segment._clusterings import Codes
from tenure.segment._measures import Measures
from tenure.segment._votes import WEIGHTS, take_votes
from tenure.segment.kmeans import KMeans
from tenure.segment.silhouette import METHODS

#: Distances between rows that are taken without asking: about ten minutes of one core.
MOST_DISTANCES = 5e11


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Choice(Table):
    """Every measure by number of clusters, the votes, and the choice.

    Attributes
    ----------
    n_clusters : int64 array
        Numbers that were tried.
    found : int64 array
        Clusters that hold a row.
    silhouette, silhouette_error, calinski_harabasz, davies_bouldin : float64 arrays
    gap, gap_error, prediction_strength, prediction_error : float64 arrays
    stability : float64 array
        Mean Jaccard similarity of the least stable cluster.
    score : float64 array
        Weights of the votes for each number.
    votes : dict
        Number of clusters that each measure votes for, by its name; None: it votes for none.
    weights : dict
        Of the measures.
    best_n_clusters : int
    best_ : estimator
        Fitted to all rows of X with that number.
    labels : array of n
        Its clusters of the rows of X.
    reasons : tuple of str
        What each measure says, in words.
    n_rows : int
        Rows of X.
    sample : int or None
        Rows drawn for the measures; None: all of them.
    silhouette_method : {"exact", "simplified"}
    warnings : tuple of str
        What the fits warned about.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> X = np.repeat([[0.0], [10.0]], 50, axis=0) + np.linspace(0, 1, 100)[:, None]
    >>> c = tn.segment.choose(X, [2, 3], n_references=10, n_bootstrap=5, n_splits=2)
    >>> c.best_n_clusters, np.bincount(c.labels).tolist()
    (2, [50, 50])
    """

    n_clusters: Ints
    found: Ints
    silhouette: Floats
    silhouette_error: Floats
    calinski_harabasz: Floats
    davies_bouldin: Floats
    gap: Floats
    gap_error: Floats
    prediction_strength: Floats
    prediction_error: Floats
    stability: Floats
    score: Floats
    votes: Mapping[str, int | None]
    weights: Mapping[str, float]
    best_n_clusters: int
    best_: Any
    labels: Codes
    reasons: tuple[str, ...]
    n_rows: int
    sample: int | None
    silhouette_method: str
    warnings: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.n_clusters)

    def measure(self, name: str) -> Floats:
        """Return the values of a measure by its name."""
        as_choice(name, "name", list(WEIGHTS))
        return np.asarray(getattr(self, name))

    def _columns(self) -> Mapping[str, Any]:
        shown = ["n_clusters"]
        for name in self.votes:
            shown.append(name)
            if name in _ERROR_OF:
                shown.append(_ERROR_OF[name])
        return {name: getattr(self, name) for name in [*shown, "score"]}

    def table(self) -> Any:
        """Return the measures and scores as a `pyarrow.Table`, one row a number of clusters."""
        return self.to_arrow()

    def _title(self) -> str:
        most = float(np.max(self.score))
        all_of = sum(self.weights[m] for m in self.votes)
        tried = f"{self.n_clusters[0]} to {self.n_clusters[-1]}"
        seen = f"{self.n_rows:,} rows"
        if self.sample is not None:
            seen = f"a sample of {self.sample:,} of {self.n_rows:,} rows"
        return (
            f"{self.best_n_clusters} clusters, of {tried}: {most:g} of {all_of:g} votes, by {seen}"
        )

    def __repr__(self) -> str:
        return "\n".join([Table.__repr__(self), *(f"- {reason}" for reason in self.reasons)])

    def plot(self, ax: Any = None) -> Any:
        """Draw the measures as a table: darker is better, votes ticked, the choice framed.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib Axes
        """
        from tenure.segment._validity_plots import draw_choice

        return draw_choice(self, ax)


_ERROR_OF = {
    "silhouette": "silhouette_error",
    "gap": "gap_error",
    "prediction_strength": "prediction_error",
}


def choose(
    X: Any,
    n_clusters: Any = range(2, 11),
    estimator: Any = None,
    *,
    n_references: int = 20,
    n_bootstrap: int = 20,
    n_splits: int = 5,
    silhouette: str = "exact",
    sample: int | None = None,
    weights: Mapping[str, float] | None = None,
    random_state: Any = 0,
    n_threads: int | None = None,
    progress: Any = False,
) -> Choice:
    """Choose the number of clusters by six measures under one rule.

    Each measure votes for a number, or for none:

    - silhouette and Calinski-Harabasz: the largest; Davies-Bouldin: the smallest
    - gap: the smallest number whose gap reaches that of the next one less its error; none if no
      gap less its error exceeds that of one cluster
    - prediction strength: the largest number whose strength plus its error reaches 0.8
    - stability: the largest number whose every cluster has a mean Jaccard similarity of 0.75

    The number with the most votes wins, by `weights`; of equal ones that with the highest
    silhouette, then the smaller one.

    Parameters
    ----------
    X : array of shape (n, features) or data frame
        Finite numbers, of one scale.
    n_clusters : range, list or array of int, default 2 to 10
        Numbers to try, at least 2 and smaller than half of the rows.
    estimator : clusterer, default ``KMeans(n_init=5)``
        Any with scikit-learn's conventions and a setting `n_clusters` or `n_components`. Copies are
        fitted; it stays as it is.
    n_references, n_bootstrap, n_splits : int
        Fits by number of clusters for the gap, the stability and, twice as many, the prediction
        strength; 0 leaves that measure out.
    silhouette : {"exact", "simplified"}
        As in `tn.segment.silhouette`.
    sample : int, optional
        Take the measures of that many rows drawn at random; `best_` is still fitted to all.
        Without it all rows count, or an error says what they would cost.
    weights : dict, optional
        Weights of votes by the name of the measure, in place of the default: 1, and 1/2 for
        Calinski-Harabasz and Davies-Bouldin, which look at the same as the silhouette.
    random_state : int, None or NumPy generator, default 0
    n_threads : int, optional
        Of the silhouettes. Never changes a result.
    progress : bool or callable, default False
        Show how far it is.

    Returns
    -------
    Choice

    Raises
    ------
    InvalidInputError
        Names the cell of X that is not finite, settings that no data fit, and the cost of more than
        5e11 distances between rows.

    Warns
    -----
    ConvergenceWarning
        Once, with all that the fits warned about.

    Notes
    -----
    A vote is no proof: data without clusters have a best number too. Look at the reasons: a gap
    that is not above that of one cluster, a strength below 0.8 and clusters that dissolve say so.
    Rules and sources: docs/methods/choosing_segments.md

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> X = np.repeat([[0.0], [10.0]], 50, axis=0) + np.linspace(0, 1, 100)[:, None]
    >>> c = tn.segment.choose(X, [2, 3], n_references=10, n_bootstrap=5, n_splits=2)
    >>> c.votes["gap"], c.table().num_rows
    (2, 2)
    """
    matrix = finite_matrix(X)
    n = len(matrix)
    size = n if sample is None else as_count(sample, "sample", at_least=1)
    if size > n:
        msg = f"sample must be at most the number of rows, {n}; got {size}"
        raise InvalidInputError(msg, argument="sample", value=size)
    counts = as_counts(n_clusters, size // 2, at_least=2)
    draws = {
        name: as_count(value, name)
        for name, value in (
            ("n_references", n_references),
            ("n_bootstrap", n_bootstrap),
            ("n_splits", n_splits),
        )
    }
    for name, value in draws.items():
        if value == 1:
            msg = f"{name} must be 0, or at least 2: one tells no spread"
            raise InvalidInputError(msg, argument=name, value=1)
    as_choice(silhouette, "silhouette", METHODS)
    _require_affordable(size, len(counts), silhouette)
    clusterer = Clusterer(KMeans(n_init=5) if estimator is None else estimator)
    clusterer.require_count()
    given = _weights(weights)
    seed = as_seed(random_state)
    complaints: list[str] = []
    with shown(progress, "choosing clusters") as tell, counted_warnings(complaints):
        rows = matrix
        if sample is not None:
            chosen = np.random.default_rng([seed % 2**63, 1]).choice(n, size, replace=False)
            rows = np.ascontiguousarray(matrix[np.sort(chosen)])
        looked = Measures(clusterer, rows, counts, draws, silhouette, as_threads(n_threads), seed)
        values = looked.take(tell)
        votes, reasons = take_votes(counts, values, looked.gap_of_one)
        score = np.array(
            [sum(given[m] for m, v in votes.items() if v == k) for k in counts], dtype=np.float64
        )
        best = int(np.lexsort((counts, -values["silhouette"], -score))[0])
        k = int(counts[best])
        tell(0.99, f"fitting {k} clusters to all rows")
        # The same fit again where nothing was sampled, now on X itself with its names.
        model, code, _ = clusterer.fit(clusterer.native(X, matrix), looked.own[best], k)
    complain(complaints)
    return Choice(
        n_clusters=counts,
        **values,
        score=score,
        votes=votes,
        weights=given,
        best_n_clusters=k,
        best_=model,
        labels=code,
        reasons=reasons,
        n_rows=n,
        sample=sample,
        silhouette_method=silhouette,
        warnings=tuple(complaints),
    )


def _require_affordable(size: int, tried: int, silhouette: str) -> None:
    distances = float(size) ** 2 * tried
    if silhouette == "exact" and distances > MOST_DISTANCES:
        hours = distances * 1.5e-9 / 3600
        msg = (
            f"exact silhouettes of {size:,} rows for {tried} numbers of clusters take "
            f"{distances:.1e} distances, about {max(hours, 0.1):.1f} hours of one core: pass "
            "sample=20_000, or silhouette='simplified'"
        )
        raise InvalidInputError(msg, argument="sample", value=None)


def _weights(weights: Mapping[str, float] | None) -> dict[str, float]:
    given = {**WEIGHTS}
    for name, value in (weights or {}).items():
        as_choice(name, "weights", list(WEIGHTS))
        given[name] = as_number(value, f"weights[{name!r}]", at_least=0.0)
    return given
