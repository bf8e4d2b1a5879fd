"""Copies of any clusterer of scikit-learn's conventions, fitted with another number of clusters."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._matrix import Matrix, as_matrix
from tenure._sklearn import FeatureEstimator, name_cell
from tenure._validation import Floats, Ints, as_count
from tenure.segment._clusterings import Codes, as_names, numbered

_COUNTS = ("n_clusters", "n_components")


class Clusterer:
    """Fits copies of an estimator, which itself stays as it is."""

    def __init__(self, estimator: Any) -> None:
        if isinstance(estimator, type) or not (
            hasattr(estimator, "get_params")
            and hasattr(estimator, "set_params")
            and (hasattr(estimator, "fit_predict") or hasattr(estimator, "fit"))
        ):
            msg = (
                "estimator must be a clusterer with fit, get_params and set_params, as "
                f"tn.segment.KMeans() is; got {estimator!r}"
            )
            raise InvalidInputError(msg, argument="estimator")
        self.estimator = estimator
        settings = list(estimator.get_params(deep=True))
        self._seeds = [s for s in settings if s.rpartition("__")[2] == "random_state"]
        self._count = next(
            (s for c in _COUNTS for s in settings if s.rpartition("__")[2] == c), None
        )

    def native(self, X: Any, matrix: Matrix) -> Any:
        """Return X as the caller has it where the estimator reads its names, else the matrix."""
        named = isinstance(self.estimator, FeatureEstimator) or hasattr(X, "iloc")
        return X if named and hasattr(X, "columns") else matrix

    @property
    def name(self) -> str:
        return type(self.estimator).__name__

    def require_count(self) -> None:
        """Refuse an estimator that does not take a number of clusters."""
        if self._count is None:
            msg = f"estimator must have the setting n_clusters or n_components; {self.name} has not"
            raise InvalidInputError(msg, argument="estimator")

    def fit(self, X: Any, seed: int, clusters: int | None = None) -> tuple[Any, Codes, int]:
        """Return a fitted copy, the cluster of each row from 0 on (-1: noise), and their number."""
        settings: dict[str, Any] = dict.fromkeys(self._seeds, seed)
        if clusters is not None and self._count is not None:
            settings[self._count] = clusters
        own = self.estimator.get_params(deep=False)
        model = type(self.estimator)(**{k: copy.deepcopy(v) for k, v in own.items()})
        model.set_params(**settings)
        labels = model.fit_predict(X) if hasattr(model, "fit_predict") else model.fit(X).labels_
        names, code = numbered(as_names(labels, len(X), "labels_"), "labels_")
        if names.dtype.kind == "i" and names[0] == -1:
            return model, code - np.int32(1), len(names) - 1
        return model, code, len(names)

    @staticmethod
    def assign(model: Any, X: Matrix, code: Codes, clusters: int, new: Matrix) -> Codes:
        """Return the clusters of new rows: what the model predicts, else the nearest mean."""
        if hasattr(model, "predict"):
            return numbered(as_names(model.predict(new), len(new), "predict(X)"), "predict(X)")[1]
        rows = np.flatnonzero(code >= 0)
        centre = _core.segment.validity(
            np.ascontiguousarray(X[rows]), np.ascontiguousarray(code[rows]), clusters, 1
        )["centre"]
        centre = centre.reshape(clusters, -1).astype(new.dtype)
        return _core.segment.kmeans_assign(new, None, centre, 1)[0]


def finite_matrix(X: Any) -> Matrix:
    """Return X as a matrix of finite numbers, for estimators that say less about a bad cell."""
    matrix, names = as_matrix(X)
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if bad.size:
        error = InvalidInputError("", argument="X", row=int(bad[0]))
        raise name_cell(error, matrix, names)
    return matrix


def as_counts(values: Any, rows: int, *, at_least: int = 1) -> Ints:
    """Return the numbers of clusters to try, ascending and without repeats."""
    name = "n_clusters"
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray)):
        values = [values]
    counts = sorted({as_count(v, name, at_least=at_least) for v in values})
    if not counts:
        msg = f"{name} must name a number of clusters at least, got none"
        raise InvalidInputError(msg, argument=name)
    if counts[-1] >= rows:
        msg = f"{name} must be smaller than the number of rows, {rows}; got {counts[-1]}"
        raise InvalidInputError(msg, argument=name, value=counts[-1])
    return np.array(counts, dtype=np.int64)


def seeds(seed: int, *shape: int) -> Any:
    """Return seeds for that many fits, within the range that every estimator takes."""
    return np.random.default_rng(seed).integers(0, 2**31 - 1, size=shape).tolist()


@contextmanager
def counted_warnings(complaints: list[str]) -> Iterator[None]:
    """Collect what many fits warn about, each complaint once with how often it came."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    found: dict[str, int] = {}
    for w in caught:
        if issubclass(w.category, UserWarning | RuntimeWarning):
            text = f"{w.category.__name__}: {str(w.message).splitlines()[0]}"
            found[text] = found.get(text, 0) + 1
    complaints += [f"{text} ({count:,} of the fits)" for text, count in found.items()]


def complain(complaints: Sequence[str], stacklevel: int = 3) -> None:
    """Say once what the fits warned about."""
    if complaints:
        warnings.warn("; ".join(complaints), ConvergenceWarning, stacklevel=stacklevel)


def together(a: Codes, n_a: int, b: Codes, n_b: int) -> Floats:
    """Return how many rows have each pair of codes, shape (n_a, n_b)."""
    pair = a.astype(np.int64) * n_b + b
    return np.bincount(pair, minlength=n_a * n_b).reshape(n_a, n_b).astype(np.float64)


def mean_and_spread(found: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation by column over what is not NaN; NaN of too few."""
    seen = np.isfinite(found)
    count = seen.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(seen, found, 0.0).sum(axis=0) / count
        square = np.where(seen, found - mean, 0.0) ** 2
        return mean, np.sqrt(square.sum(axis=0) / np.where(count > 1, count - 1, np.nan))
