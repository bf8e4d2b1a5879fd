"""What k-modes and k-prototypes share: reading tables, starting, assigning, telling."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import ConvergenceWarning, DataWarning, InvalidInputError
from tenure._sklearn import FeatureEstimator, as_weights
from tenure._validation import Floats, as_choice, as_count, as_number, as_seed, as_threads
from tenure.segment._mixed import (
    Codes,
    Columns,
    Levels,
    as_columns,
    as_numbers,
    describe_unseen,
    encoded,
    encoded_as,
    level_name,
)
from tenure.segment._prototype_table import PrototypeTable

_ALGORITHMS = ("lloyd", "huang")
_UNSEEN = ("warn", "ignore", "error")


class PrototypeEstimator(FeatureEstimator):
    """Clusters with a mean of each number and a mode of each category."""

    _fitted = (
        "cluster_centers_",
        "modes_",
        "categories_",
        "categorical_features_",
        "labels_",
        "cost_",
        "gamma_",
        "n_iter_",
        "converged_",
        "warnings_",
        "n_features_in_",
    )
    _weighted = ("fit", "score")
    _inits: tuple[str, ...] = ()

    n_clusters: int
    init: Any
    n_init: int
    max_iter: int
    algorithm: str
    unseen: str
    random_state: Any
    n_threads: int | None

    cluster_centers_: Floats
    modes_: Codes
    categories_: tuple[Levels, ...]
    categorical_features_: tuple[int, ...]
    labels_: npt.NDArray[np.int32]
    cost_: float
    gamma_: float
    n_iter_: int
    converged_: bool
    warnings_: tuple[str, ...]

    def _chosen(self, columns: Columns) -> list[int]:
        """Positions of the columns of categories."""
        return list(range(len(columns.values)))

    def _penalty(self) -> float | None:
        return 1.0

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Find the clusters of the rows of X.

        Parameters
        ----------
        X : data frame or array of shape (rows, features)
            Categories are texts, truth values, dictionaries or numbers; a missing one is a level
            of its own. Numbers must be finite.
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
        as_choice(self.unseen, "unseen", _UNSEEN)
        row_by_row = as_choice(self.algorithm, "algorithm", _ALGORITHMS) == "huang"
        gamma = self._penalty()
        columns = as_columns(X)
        chosen = self._chosen(columns)
        rest = [j for j in range(len(columns.values)) if j not in chosen]
        numbers = as_numbers(columns, rest)
        codes, levels = encoded(columns, chosen, missing_level=True)
        weight = as_weights(sample_weight, columns.rows)
        if clusters > columns.rows:
            msg = f"n_samples={columns.rows} should be >= n_clusters={clusters}."
            raise InvalidInputError(msg, argument="n_clusters", value=clusters)
        start = self._start(columns, chosen, rest, levels, clusters)
        if restarts != 1 and (start is not None or self.init == "cao"):
            msg = f"n_init must be 1 where nothing is drawn (all runs would be one), got {restarts}"
            raise InvalidInputError(msg, argument="n_init", value=restarts)
        found = _core.segment.k_prototypes(
            numbers,
            codes,
            [len(level) for level in levels],
            weight,
            None if start is None else start[0],
            None if start is None else start[1],
            clusters,
            restarts,
            max_iter,
            gamma,
            self.init if start is None else "given",
            row_by_row,
            as_seed(self.random_state),
            as_threads(self.n_threads),
        )
        self.cluster_centers_ = found["centre"].reshape(clusters, len(rest))
        self.modes_ = found["mode"].reshape(clusters, len(chosen))
        self.categories_ = levels
        self.categorical_features_ = tuple(chosen)
        self.labels_ = found["label"]
        self.cost_ = found["cost"]
        self.gamma_ = found["gamma"]
        self.n_iter_ = found["iterations"]
        self.converged_ = found["converged"]
        names = None if columns.names is None else list(columns.names)
        self._remember(np.empty((0, len(columns.values))), names)
        self.warnings_ = self._complaints(found["distinct"])
        for complaint in self.warnings_:
            warnings.warn(complaint, ConvergenceWarning, stacklevel=2)
        return self

    def _start(
        self,
        columns: Columns,
        chosen: list[int],
        rest: list[int],
        levels: tuple[Levels, ...],
        clusters: int,
    ) -> tuple[Floats, Codes] | None:
        if isinstance(self.init, str):
            as_choice(self.init, "init", self._inits)
            return None
        start = as_columns(self.init, "init")
        if start.rows != clusters or len(start.values) != len(columns.values):
            msg = (
                f"init must have n_clusters = {clusters} rows and {len(columns.values)} columns as "
                f"X has, got shape {(start.rows, len(start.values))}"
            )
            raise InvalidInputError(msg, argument="init")
        if start.names is not None and columns.names is not None and start.names != columns.names:
            msg = "init must have the columns of X, in their order"
            raise InvalidInputError(msg, argument="init")
        codes, unseen = encoded_as(start, chosen, levels, "init")
        if unseen:
            column, row, value = unseen[0]
            msg = (
                f"init[{row}, {start.label(column)!r}] must be a category of X, "
                f"got {level_name(value)!r}"
            )
            raise InvalidInputError(msg, argument="init", row=row, value=value)
        return as_numbers(start, rest, "init"), codes

    def _complaints(self, distinct: int) -> tuple[str, ...]:
        complaints = []
        if not self.converged_:
            complaints.append(
                f"{type(self).__name__} stopped at max_iter={self.max_iter} before it converged"
            )
        if distinct < len(self.modes_):
            complaints.append(
                f"only {distinct} of {len(self.modes_)} clusters hold a row: X may have fewer "
                "distinct rows than n_clusters"
            )
        return tuple(complaints)

    def _assign(self, X: Any, sample_weight: Any) -> tuple[npt.NDArray[np.int32], float]:
        self._require_fitted()
        columns = as_columns(X)
        self._require_same(columns)
        chosen = list(self.categorical_features_)
        rest = [j for j in range(self.n_features_in_) if j not in chosen]
        numbers = as_numbers(columns, rest)
        codes, unseen = encoded_as(columns, chosen, self.categories_)
        if unseen and self.unseen != "ignore":
            told = describe_unseen(columns, unseen)
            if self.unseen == "error":
                raise InvalidInputError(told, argument="X", row=unseen[0][1], value=unseen[0][2])
            msg = f"{told}; they differ from every mode"
            warnings.warn(msg, DataWarning, stacklevel=3)
        return _core.segment.k_prototypes_assign(
            numbers,
            codes,
            [len(level) for level in self.categories_],
            as_weights(sample_weight, columns.rows),
            self.cluster_centers_,
            self.modes_,
            self.gamma_,
            as_threads(self.n_threads),
        )

    def _require_same(self, columns: Columns) -> None:
        fitted = getattr(self, "feature_names_in_", None)
        same_names = (
            fitted is None or columns.names is None or tuple(fitted.tolist()) == columns.names
        )
        if len(columns.values) != self.n_features_in_ or not same_names:
            msg = (
                f"X must have the {self.n_features_in_} columns of the fit, in their order, got "
                f"{list(columns.names) if columns.names is not None else len(columns.values)}"
            )
            raise InvalidInputError(msg, argument="X")

    def predict(self, X: Any) -> npt.NDArray[np.int32]:
        """Return the nearest prototype of each row; of equally near ones the first.

        A category that `fit` has not seen differs from every mode; see `unseen`.
        """
        return self._assign(X, None)[0]

    def fit_predict(
        self, X: Any, y: Any = None, sample_weight: Any = None
    ) -> npt.NDArray[np.int32]:
        """Fit and return `labels_`."""
        return self.fit(X, y, sample_weight).labels_

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return minus the cost of X about the prototypes: higher is better."""
        del y
        return -self._assign(X, sample_weight)[1]

    def prototypes(self) -> PrototypeTable:
        """Return the clusters: how many rows, the mean of each number, each mode by its name."""
        self._require_fitted()
        names = getattr(self, "feature_names_in_", None)
        names = [f"x{j}" for j in range(self.n_features_in_)] if names is None else names.tolist()
        features: dict[str, Any] = {}
        numbers = iter(self.cluster_centers_.T)
        modes = iter(zip(self.modes_.T, self.categories_, strict=True))
        for j, name in enumerate(names):
            if j in self.categorical_features_:
                mode, levels = next(modes)
                features[name] = tuple(level_name(levels[m]) for m in mode)
            else:
                features[name] = next(numbers).copy()
        clusters = len(self.modes_)
        rows = np.bincount(self.labels_, minlength=clusters).astype(np.int64)
        return PrototypeTable(np.arange(clusters, dtype=np.int64), rows, features)

    def set_fit_request(self, *, sample_weight: bool | str | None) -> Self:
        """Say whether meta-estimators of scikit-learn pass `sample_weight` on to `fit`."""
        return self._ask("fit", sample_weight)

    def set_score_request(self, *, sample_weight: bool | str | None) -> Self:
        """Say whether meta-estimators of scikit-learn pass `sample_weight` on to `score`."""
        return self._ask("score", sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        centre, mode, label = self.cluster_centers_, self.modes_, self.labels_
        levels, chosen = self.categories_, self.categorical_features_
        whole = (
            mode.ndim == centre.ndim == 2
            and mode.dtype == label.dtype == np.int32
            and centre.dtype == np.float64
            and 0 < len(mode) == len(centre)
            and centre.shape[1] + mode.shape[1] == self.n_features_in_
            and isinstance(chosen, tuple)
            and isinstance(levels, tuple)
            and all(type(j) is int and 0 <= j < self.n_features_in_ for j in chosen)
            and list(chosen) == sorted(set(chosen))
            and mode.shape[1] == len(chosen) == len(levels)
            and all(isinstance(level, tuple) and level for level in levels)
            and np.isfinite(centre).all()
            and (mode >= 0).all()
            and all((mode[:, m] < len(level)).all() for m, level in enumerate(levels))
        )
        if not whole or not chosen:
            msg = "prototypes, categories and columns must fit together"
            raise ValueError(msg)
        for level in levels:
            if not all(v is None or isinstance(v, (str, int, float, bool)) for v in level):
                msg = "categories_ must be texts or numbers"
                raise ValueError(msg)
        if label.ndim != 1 or (label.size and not 0 <= label.min() <= label.max() < len(mode)):
            msg = "labels_ must be numbers of clusters"
            raise ValueError(msg)
        as_number(self.cost_, "cost_", at_least=0.0)
        as_number(self.gamma_, "gamma_", at_least=0.0)
        as_count(self.n_iter_, "n_iter_", at_least=1)
        if type(self.converged_) is not bool or not (
            isinstance(self.warnings_, tuple) and all(isinstance(w, str) for w in self.warnings_)
        ):
            msg = "converged_ must be a truth value and warnings_ texts"
            raise ValueError(msg)
