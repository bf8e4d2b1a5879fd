"""k-means over a stream of batches, in states that merge."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._matrix import Matrix
from tenure._model_file import storable
from tenure._sklearn import as_weights, name_cell
from tenure._validation import Floats, as_count, as_number, as_seed, as_threads
from tenure.segment._centres import SEEDINGS, CentreModel, as_start

_MOST_MERGES = 10_000  # Lloyd iterations over a few points; they end long before


@storable("segment.MiniBatchKMeans")
class MiniBatchKMeans(CentreModel):
    """k-means over batches: each centre is the mean of all rows that were ever given to it.

    A batch is shared out among the nearest centres; then each centre moves towards the mean of its
    new rows by their share of all weight that it has absorbed. Rows are not kept, so data may
    come in batches that never fit into memory together, and states fitted apart can be merged.

    Parameters
    ----------
    n_clusters : int, default 8
    init : "k-means++", "k-means||" or array of shape (n_clusters, n_features)
        Where to start from: seeds drawn from the first batch, or (`fit`) from a sample of the rows
        as large as three batches; or given centres, which weigh nothing.
    batch_size : int, default 1024
        Rows of a batch in `fit`.
    max_iter : int, default 100
        Passes over the rows in `fit`.
    tol : float, default 1e-4
        `fit` ends once the squared shifts of all centres over a pass add up to at most `tol` times
        the mean variance of the features.
    random_state : int, None or NumPy generator, default 0
        Seed of the draws and of the order of rows in `fit`; None takes fresh entropy.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    cluster_centers_ : float64 array of shape (n_clusters, n_features)
    weights_ : float64 array of n_clusters
        The weight of the rows that each centre absorbed; a row counts once for each pass.
    labels_ : int32 array
        After `fit` the nearest centre of each row; after `partial_fit` those of the batch before
        the centres moved; after `merge` empty.
    inertia_ : float
        Of the rows that `labels_` speaks of; 0 after `merge`.
    n_iter_ : int
        Passes of `fit`, or batches of `partial_fit`.
    converged_ : bool
        False: `max_iter` came first. True after `partial_fit` and `merge`, which do one step.
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
        If `fit` did not converge.

    Notes
    -----
    The result depends on the order of batches, and its inertia is a little above that of
    `KMeans`. Method and cost: docs/methods/kmeans.md. [Sculley 2010; Guha et al. 2003]

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> X = np.array([[1.0], [2.0], [3.0], [10.0], [11.0], [12.0]])
    >>> m = tn.segment.MiniBatchKMeans(n_clusters=2, init=[[2.0], [9.0]])
    >>> for batch in (X[::2], X[1::2]):
    ...     m = m.partial_fit(batch)
    >>> m.cluster_centers_.ravel().tolist(), m.weights_.tolist()
    ([2.0, 11.0], [3.0, 3.0])

    Two days of data, fitted apart:

    >>> a = tn.segment.MiniBatchKMeans(2, init=[[2.0], [9.0]]).partial_fit(X[::2])
    >>> b = tn.segment.MiniBatchKMeans(2, init=[[9.0], [2.0]]).partial_fit(X[1::2])
    >>> a.merge(b).cluster_centers_.ravel().tolist()
    [2.0, 11.0]
    """

    _fitted = (
        "cluster_centers_",
        "weights_",
        "labels_",
        "inertia_",
        "n_iter_",
        "converged_",
        "warnings_",
        "n_features_in_",
    )
    _weighted = ("fit", "partial_fit", "score")

    cluster_centers_: Floats
    weights_: Floats

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        batch_size: int = 1024,
        max_iter: int = 100,
        tol: float = 1e-4,
        random_state: Any = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Find the clusters of the rows of X, in passes over them in random batches.

        Parameters
        ----------
        X : array of shape (rows, features) or data frame
            Finite numbers.
        y : ignored
        sample_weight : array of n weights, optional
            Finite, >= 0 and not all 0.

        Returns
        -------
        self
        """
        del y
        clusters = as_count(self.n_clusters, "n_clusters", at_least=1)
        size = as_count(self.batch_size, "batch_size", at_least=1)
        max_iter = as_count(self.max_iter, "max_iter", at_least=1)
        tol = as_number(self.tol, "tol", at_least=0.0)
        seed = as_seed(self.random_state)
        threads = as_threads(self.n_threads)
        matrix, names = self._fit_matrix(X)
        weight = as_weights(sample_weight, len(matrix))
        _require_rows(len(matrix), clusters)
        random = np.random.Generator(np.random.Philox(seed))
        try:
            # One look at all rows: what is wrong is named before anything is drawn.
            origin = np.zeros((1, matrix.shape[1]), matrix.dtype)
            _core.segment.kmeans_assign(matrix, weight, origin, threads)
            sample = np.sort(random.permutation(len(matrix))[: 3 * max(size, clusters)])
            if weight is not None and not weight[sample].any():
                sample = np.flatnonzero(weight)
            some = None if weight is None else weight[sample]
            if len(sample) < clusters:
                sample, some = np.arange(len(matrix)), weight
            centre = self._first_centres(matrix[sample], some, clusters, seed, threads)
            mass = np.zeros(clusters)
            enough = tol * float(matrix.var(axis=0, dtype=np.float64).mean())
            passes, converged = 0, False
            while not converged and passes < max_iter:
                passes += 1
                before = centre
                order = random.permutation(len(matrix))
                for first in range(0, len(matrix), size):
                    rows = order[first : first + size]
                    part = None if weight is None else weight[rows]
                    if part is not None and not part.any():
                        continue
                    centre, mass, _, _ = _core.segment.kmeans_absorb(
                        matrix[rows], part, centre.reshape(clusters, -1), mass, threads
                    )
                    centre = centre.reshape(clusters, -1)
                converged = bool(((centre - before) ** 2).sum() <= enough)
            label, inertia = _core.segment.kmeans_assign(
                matrix, weight, centre.astype(matrix.dtype), threads
            )
        except InvalidInputError as error:
            raise name_cell(error, matrix, names) from None
        self._remember(matrix, names)
        self._set(centre, mass, label, inertia, passes)
        self.converged_ = converged
        if not converged:
            self.warnings_ = (
                f"mini-batch k-means stopped at max_iter={max_iter} before it converged: raise "
                "max_iter or tol",
            )
            warnings.warn(self.warnings_[0], ConvergenceWarning, stacklevel=2)
        return self

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Absorb the rows of one batch; the first batch gives the centres to start from.

        Parameters
        ----------
        X : array of shape (rows, features) or data frame
            Finite numbers; the first batch has at least `n_clusters` rows unless `init` is an
            array.
        y : ignored
        sample_weight : array of n weights, optional
            Finite, >= 0 and not all 0.

        Returns
        -------
        self
        """
        del y
        clusters = as_count(self.n_clusters, "n_clusters", at_least=1)
        threads = as_threads(self.n_threads)
        fresh = not self.__sklearn_is_fitted__()
        matrix, names = self._fit_matrix(X) if fresh else self._new_matrix(X)
        weight = as_weights(sample_weight, len(matrix))
        try:
            if fresh:
                if isinstance(self.init, str):
                    _require_rows(len(matrix), clusters)
                centre = self._first_centres(
                    matrix, weight, clusters, as_seed(self.random_state), threads
                )
                mass, batches = np.zeros(clusters), 0
            else:
                centre, mass, batches = self.cluster_centers_, self.weights_, self.n_iter_
            absorbed = _core.segment.kmeans_absorb(matrix, weight, centre, mass, threads)
        except InvalidInputError as error:
            raise name_cell(error, matrix, names) from None
        if fresh:
            self._remember(matrix, names)
        centre, mass, label, inertia = absorbed
        self._set(centre.reshape(len(mass), -1), mass, label, inertia, batches + 1)
        return self

    def merge(self, other: MiniBatchKMeans) -> Self:
        """Take in what another model of the same features has absorbed.

        The centres of both, each as heavy as what it absorbed, are clustered by Lloyd's algorithm
        from the centres of the heavier model (of this one if both weigh the same). The weight and
        the mean of all rows are kept; so is the number of clusters of this model.

        Parameters
        ----------
        other : MiniBatchKMeans
            Fitted, with as many clusters and the same features; it is not changed.

        Returns
        -------
        self
        """
        if not isinstance(other, MiniBatchKMeans):
            msg = f"other must be a MiniBatchKMeans, got {type(other).__name__}"
            raise InvalidInputError(msg, argument="other")
        self._require_fitted()
        other._require_fitted()
        if self.cluster_centers_.shape != other.cluster_centers_.shape or list(
            getattr(self, "feature_names_in_", ())
        ) != list(getattr(other, "feature_names_in_", ())):
            msg = (
                "other must have as many clusters and the same features, got "
                f"{other.cluster_centers_.shape} for {self.cluster_centers_.shape}"
            )
            raise InvalidInputError(msg, argument="other")
        # The heavier first, so that it does not matter who takes in whom.
        swap = other.weights_.sum() > self.weights_.sum()
        heavy, light = (other, self) if swap else (self, other)
        centre = np.concatenate([heavy.cluster_centers_, light.cluster_centers_])
        mass = np.concatenate([heavy.weights_, light.weights_])
        found = _core.segment.kmeans(
            centre,
            mass,
            heavy.cluster_centers_,
            "",
            "lloyd",
            len(self.cluster_centers_),
            1,
            _MOST_MERGES,
            0.0,
            0,
            0,
            as_threads(self.n_threads),
        )
        merged = found["centre"].reshape(self.cluster_centers_.shape)
        weights = np.bincount(found["label"], mass, len(merged)).astype(np.float64)
        nobody = np.empty(0, dtype=np.int32)
        self._set(merged, weights, nobody, 0.0, self.n_iter_ + other.n_iter_)
        return self

    def set_partial_fit_request(self, *, sample_weight: bool | str | None) -> Self:
        """Say whether meta-estimators of scikit-learn pass `sample_weight` on to `partial_fit`."""
        return self._ask("partial_fit", sample_weight)

    def _first_centres(
        self, X: Matrix, weight: Floats | None, clusters: int, seed: int, threads: int
    ) -> Floats:
        start = as_start(self.init, X, clusters)
        if start is None:
            seeding = self.init if isinstance(self.init, str) else SEEDINGS[0]
            start = X[_core.segment.kmeans_seeds(X, weight, seeding, clusters, seed, 0, threads)]
        return start.astype(np.float64)

    def _set(
        self,
        centre: Floats,
        mass: Floats,
        label: npt.NDArray[np.int32],
        inertia: float,
        steps: int,
    ) -> None:
        self.cluster_centers_ = centre
        self.weights_ = mass
        self.labels_ = label
        self.inertia_ = inertia
        self.n_iter_ = steps
        self.converged_ = True
        self.warnings_ = ()

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        mass = self.weights_
        if (
            self.cluster_centers_.dtype != np.float64
            or mass.dtype != np.float64
            or mass.shape != (len(self.cluster_centers_),)
            or not (np.isfinite(mass).all() and (mass >= 0).all() and mass.any())
        ):
            msg = "weights_ must be a finite weight >= 0 of each float64 centre, and not all 0"
            raise ValueError(msg)


def _require_rows(rows: int, clusters: int) -> None:
    if clusters > rows:
        msg = f"n_samples={rows} should be >= n_clusters={clusters}."
        raise InvalidInputError(msg, argument="n_clusters", value=clusters)
