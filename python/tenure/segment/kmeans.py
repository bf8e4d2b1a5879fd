"""k-means with scikit-learn's conventions."""

from __future__ import annotations

import warnings
from typing import Any, Self

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._model_file import storable
from tenure._sklearn import as_weights, name_cell
from tenure._validation import as_count, as_number, as_seed, as_threads
from tenure.segment._centres import CentreModel, as_start

ALGORITHMS = ("auto", "lloyd", "hamerly", "exponion")


@storable("segment.KMeans")
class KMeans(CentreModel):
    """k-means clustering: Lloyd's algorithm, from greedy k-means++ seeds unless told otherwise.

    From the same start it takes the steps of scikit-learn's ``KMeans(algorithm="lloyd")``, in one
    pass over the data an iteration.

    Parameters
    ----------
    n_clusters : int, default 8
    init : "k-means++", "k-means||" or array of shape (n_clusters, n_features)
        Where to start from: seeds drawn far from one another, seeds picked from a sample that
        takes six passes over X instead of `n_clusters`, or given centres.
    n_init : int, default 1
        Runs from seeds of their own; the one with the lowest inertia is kept. 1 where `init` is an
        array.
    max_iter : int, default 300
        Iterations of one run.
    tol : float, default 1e-4
        A run also ends once the squared shifts of all centres add up to at most `tol` times the
        mean variance of the features. With 0 it ends when no row changes its cluster.
    algorithm : "auto", "lloyd", "hamerly" or "exponion", default "auto"
        How the nearest centres are found: by a look at each, or with bounds that tell which rows
        stay ("hamerly") and which centres are near ("exponion"). Changes the time of a fit, and
        no bit of it.
    min_cluster_size : int, default 0
        Rows that each cluster holds at least, rows without weight not counted. Above 0, the rows
        of an iteration are shared out at the least inertia that keeps the sizes, exactly;
        `labels_` says how, while `predict` still says the nearest centre. Takes 24 bytes x rows x
        clusters.
    random_state : int, None or NumPy generator, default 0
        Seed of the draws; None takes fresh entropy.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    cluster_centers_ : array of shape (n_clusters, n_features), float32 where X is
    labels_ : int32 array
        The nearest centre of each row of X, as `predict` says; with `min_cluster_size` the
        cluster that the row was given.
    inertia_ : float
        Sum of squared distances of the rows to their centres, times their weights.
    n_iter_ : int
        Iterations of the run that was kept.
    converged_ : bool
        False: `max_iter` came first.
    warnings_ : tuple of str
        What `fit` warned about.
    n_features_in_ : int
    feature_names_in_ : array of str
        Only where X is a data frame.

    Raises
    ------
    InvalidInputError
        Names the cell of X that is not finite, and settings that no data fit.

    Warns
    -----
    ConvergenceWarning
        If a run did not converge, or if fewer than `n_clusters` clusters hold a row.

    Notes
    -----
    Features should be of one scale: a distance adds them up as they are. Same bits for every
    number of threads. Method, cost and numerics: docs/methods/kmeans.md. [Lloyd 1982; Arthur &
    Vassilvitskii 2007; Bahmani et al. 2012; Hamerly 2010; Newling & Fleuret 2016]

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> m = tn.segment.KMeans(n_clusters=2).fit(X)
    >>> sorted(m.cluster_centers_.tolist()), m.inertia_
    ([[1.0, 2.0], [10.0, 2.0]], 16.0)
    >>> (m.predict([[0, 0], [12, 3]]) == m.labels_[[0, 3]]).all()
    np.True_
    """

    _fitted = (
        "cluster_centers_",
        "labels_",
        "inertia_",
        "n_iter_",
        "converged_",
        "warnings_",
        "n_features_in_",
    )

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        n_init: int = 1,
        max_iter: int = 300,
        tol: float = 1e-4,
        algorithm: str = "auto",
        min_cluster_size: int = 0,
        random_state: Any = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.algorithm = algorithm
        self.min_cluster_size = min_cluster_size
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Find the clusters of the rows of X.

        Parameters
        ----------
        X : array of shape (rows, features) or data frame
            Finite numbers. float32 is computed in float32, with sums in float64.
        y : ignored
        sample_weight : array of n weights, optional
            Finite, >= 0 and not all 0. A whole weight w counts as w equal rows.

        Returns
        -------
        self
        """
        del y
        clusters = as_count(self.n_clusters, "n_clusters", at_least=1)
        restarts = as_count(self.n_init, "n_init", at_least=1)
        max_iter = as_count(self.max_iter, "max_iter", at_least=1)
        tol = as_number(self.tol, "tol", at_least=0.0)
        least = as_count(self.min_cluster_size, "min_cluster_size")
        if self.algorithm not in ALGORITHMS:
            known = ", ".join(map(repr, ALGORITHMS))
            msg = f"algorithm must be one of {known}, got {self.algorithm!r}"
            raise InvalidInputError(msg, argument="algorithm", value=self.algorithm)
        matrix, names = self._fit_matrix(X)
        weight = as_weights(sample_weight, len(matrix))
        if clusters > len(matrix):
            msg = f"n_samples={len(matrix)} should be >= n_clusters={clusters}."
            raise InvalidInputError(msg, argument="n_clusters", value=clusters)
        start = as_start(self.init, matrix, clusters)
        if start is not None and restarts != 1:
            msg = f"n_init must be 1 where init is an array (all runs would be one), got {restarts}"
            raise InvalidInputError(msg, argument="n_init", value=restarts)
        try:
            found = _core.segment.kmeans(
                matrix,
                weight,
                start,
                self.init if start is None else "",
                self.algorithm,
                clusters,
                restarts,
                max_iter,
                tol,
                as_seed(self.random_state),
                least,
                as_threads(self.n_threads),
            )
        except InvalidInputError as error:
            raise name_cell(error, matrix, names) from None
        self.cluster_centers_ = found["centre"].reshape(clusters, -1)
        self.labels_ = found["label"]
        self.inertia_ = found["inertia"]
        self.n_iter_ = found["iterations"]
        self.converged_ = found["converged"]
        self._remember(matrix, names)
        self.warnings_ = self._complaints(found["distinct"])
        for complaint in self.warnings_:
            warnings.warn(complaint, ConvergenceWarning, stacklevel=2)
        return self

    def _complaints(self, distinct: int) -> tuple[str, ...]:
        complaints = []
        if not self.converged_:
            complaints.append(
                f"k-means stopped at max_iter={self.max_iter} before it converged: raise max_iter "
                "or tol, or look at the scale of the features"
            )
        if distinct < len(self.cluster_centers_):
            complaints.append(
                f"only {distinct} of {len(self.cluster_centers_)} clusters hold a row: X may have "
                "fewer distinct rows than n_clusters"
            )
        return tuple(complaints)
