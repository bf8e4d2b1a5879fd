"""k-means with scikit-learn's conventions."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._matrix import Matrix, as_matrix
from tenure._model_file import storable
from tenure._sklearn import FeatureEstimator, as_weights, name_cell
from tenure._validation import as_count, as_number, as_seed, as_threads


@storable("segment.KMeans")
class KMeans(FeatureEstimator):
    """k-means clustering: Lloyd's algorithm from greedy k-means++ seeds.

    From the same start it takes the steps of scikit-learn's ``KMeans(algorithm="lloyd")``, in one
    pass over the data an iteration.

    Parameters
    ----------
    n_clusters : int, default 8
    init : "k-means++" or array of shape (n_clusters, n_features)
        Where to start from: seeds drawn far from one another, or given centres.
    n_init : int, default 1
        Runs from seeds of their own; the one with the lowest inertia is kept. 1 where `init` is an
        array.
    max_iter : int, default 300
        Iterations of one run.
    tol : float, default 1e-4
        A run also ends once the squared shifts of all centres add up to at most `tol` times the
        mean variance of the features. With 0 it ends when no row changes its cluster.
    random_state : int, None or NumPy generator, default 0
        Seed of the draws; None takes fresh entropy.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    cluster_centers_ : array of shape (n_clusters, n_features), float32 where X is
    labels_ : int32 array
        The nearest centre of each row of X; `predict` says the same.
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
    Vassilvitskii 2007]

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
    _weighted = ("fit", "score")

    cluster_centers_: Matrix
    labels_: npt.NDArray[np.int32]
    inertia_: float
    n_iter_: int
    converged_: bool
    warnings_: tuple[str, ...]

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        n_init: int = 1,
        max_iter: int = 300,
        tol: float = 1e-4,
        random_state: Any = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
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
        matrix, names = self._fit_matrix(X)
        weight = as_weights(sample_weight, len(matrix))
        if clusters > len(matrix):
            msg = f"n_samples={len(matrix)} should be >= n_clusters={clusters}."
            raise InvalidInputError(msg, argument="n_clusters", value=clusters)
        start = self._start(matrix, clusters, restarts)
        try:
            found = _core.segment.kmeans(
                matrix,
                weight,
                start,
                clusters,
                restarts,
                max_iter,
                tol,
                as_seed(self.random_state),
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

    def _start(self, X: Matrix, clusters: int, restarts: int) -> Matrix | None:
        if isinstance(self.init, str):
            if self.init == "k-means++":
                return None
            msg = f"init must be 'k-means++' or an array of centres, got {self.init!r}"
            raise InvalidInputError(msg, argument="init", value=self.init)
        start, _ = as_matrix(self.init, "init")
        if start.shape != (clusters, X.shape[1]):
            msg = (
                f"init must have n_clusters = {clusters} rows and {X.shape[1]} columns as X has, "
                f"got shape {start.shape}"
            )
            raise InvalidInputError(msg, argument="init")
        if restarts != 1:
            msg = f"n_init must be 1 where init is an array (all runs would be one), got {restarts}"
            raise InvalidInputError(msg, argument="n_init", value=restarts)
        with np.errstate(over="ignore"):  # what leaves float32 is refused by the engine
            return np.ascontiguousarray(start, dtype=X.dtype)

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

    def _assign(self, X: Any, sample_weight: Any) -> tuple[npt.NDArray[np.int32], float]:
        matrix, names = self._new_matrix(X)
        weight = as_weights(sample_weight, len(matrix))
        centre = np.ascontiguousarray(self.cluster_centers_, dtype=matrix.dtype)
        try:
            return _core.segment.kmeans_assign(matrix, weight, centre, as_threads(self.n_threads))
        except InvalidInputError as error:
            raise name_cell(error, matrix, names) from None

    def predict(self, X: Any) -> npt.NDArray[np.int32]:
        """Return the nearest centre of each row; of equally near ones the first."""
        return self._assign(X, None)[0]

    def fit_predict(
        self, X: Any, y: Any = None, sample_weight: Any = None
    ) -> npt.NDArray[np.int32]:
        """Fit and return `labels_`."""
        return self.fit(X, y, sample_weight).labels_

    def transform(self, X: Any) -> Matrix:
        """Return the distance of each row to each centre, shape (rows, n_clusters)."""
        matrix, names = self._new_matrix(X)
        centre = np.ascontiguousarray(self.cluster_centers_, dtype=matrix.dtype)
        try:
            flat = _core.segment.kmeans_distances(matrix, centre, as_threads(self.n_threads))
        except InvalidInputError as error:
            raise name_cell(error, matrix, names) from None
        return flat.reshape(len(matrix), -1)

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> Matrix:
        """Fit and return the distances of the rows of X to the centres."""
        return self.fit(X, y, sample_weight).transform(X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return minus the inertia of X about the centres: higher is better."""
        del y
        return -self._assign(X, sample_weight)[1]

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the names of the columns that `transform` returns."""
        self._require_fitted()
        del input_features  # the new columns are clusters, whatever the old ones were called
        return np.array([f"kmeans{c}" for c in range(len(self.cluster_centers_))], dtype=object)

    def set_fit_request(self, *, sample_weight: bool | str | None) -> Self:
        """Say whether meta-estimators of scikit-learn pass `sample_weight` on to `fit`."""
        return self._ask("fit", sample_weight)

    def set_score_request(self, *, sample_weight: bool | str | None) -> Self:
        """Say whether meta-estimators of scikit-learn pass `sample_weight` on to `score`."""
        return self._ask("score", sample_weight)

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        centre, label = self.cluster_centers_, self.labels_
        if (
            centre.ndim != 2
            or centre.dtype not in (np.float32, np.float64)
            or centre.shape[0] == 0
            or centre.shape[1] != self.n_features_in_
            or not np.isfinite(centre).all()
        ):
            msg = f"cluster_centers_ of shape {centre.shape} and dtype {centre.dtype}"
            raise ValueError(msg)
        if (
            label.ndim != 1
            or label.dtype != np.int32
            or (label.size and not 0 <= label.min() <= label.max() < len(centre))
        ):
            msg = "labels_ must be numbers of clusters"
            raise ValueError(msg)
        as_number(self.inertia_, "inertia_", at_least=0.0)
        as_count(self.n_iter_, "n_iter_", at_least=1)
        if type(self.converged_) is not bool or not (
            isinstance(self.warnings_, tuple) and all(isinstance(w, str) for w in self.warnings_)
        ):
            msg = "converged_ must be a truth value and warnings_ texts"
            raise ValueError(msg)
