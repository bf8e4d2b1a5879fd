"""What estimators share that are centres: the nearest one, distances, and what a file may claim."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._matrix import Matrix, as_matrix
from tenure._sklearn import FeatureEstimator, as_weights, name_cell
from tenure._validation import as_count, as_number, as_threads

SEEDINGS = ("k-means++", "k-means||")


def as_start(init: Any, X: Matrix, clusters: int) -> Matrix | None:
    """Return the centres to start from in the type of X; None where seeds are drawn."""
    if isinstance(init, str):
        if init in SEEDINGS:
            return None
        msg = f"init must be 'k-means++', 'k-means||' or an array of centres, got {init!r}"
        raise InvalidInputError(msg, argument="init", value=init)
    start, _ = as_matrix(init, "init")
    if start.shape != (clusters, X.shape[1]):
        msg = (
            f"init must have n_clusters = {clusters} rows and {X.shape[1]} columns as X has, "
            f"got shape {start.shape}"
        )
        raise InvalidInputError(msg, argument="init")
    with np.errstate(over="ignore"):  # what leaves float32 is refused by the engine
        return np.ascontiguousarray(start, dtype=X.dtype)


class CentreModel(FeatureEstimator):
    """Base of estimators whose result is `cluster_centers_`."""

    _weighted: tuple[str, ...] = ("fit", "score")

    n_threads: int | None
    cluster_centers_: Matrix
    labels_: npt.NDArray[np.int32]
    inertia_: float
    n_iter_: int
    converged_: bool
    warnings_: tuple[str, ...]

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Find the clusters of the rows of X."""
        raise NotImplementedError

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
