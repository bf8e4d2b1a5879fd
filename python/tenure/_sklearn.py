"""What estimators share that take a table of features, as scikit-learn's do.

scikit-learn is never imported here for its own sake: its tags and metadata requests are made of its
own classes, so they are imported where scikit-learn asks for them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from tenure._errors import InvalidInputError
from tenure._estimator import Estimator
from tenure._matrix import Matrix, as_matrix
from tenure._validation import Floats, as_column

_SHOWN_NAMES = 5


class FeatureEstimator(Estimator):
    """Base of estimators fitted to X of shape (rows, features).

    A subclass says in `_sklearn_kind` what scikit-learn calls it, and in `_weighted` which of its
    methods take `sample_weight`.
    """

    _sklearn_kind: str = "clusterer"
    _weighted: tuple[str, ...] = ()

    n_features_in_: int
    feature_names_in_: np.ndarray[Any, Any]

    # --- the features -------------------------------------------------------------------------

    def _fit_matrix(self, X: Any) -> tuple[Matrix, list[str] | None]:
        """Return X as a matrix; `_remember` its features once the fit succeeded."""
        return as_matrix(X)

    def _remember(self, X: Matrix, names: list[str] | None) -> None:
        self.n_features_in_ = X.shape[1]
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _new_matrix(self, X: Any) -> tuple[Matrix, list[str] | None]:
        """Return X as a matrix after checking that it has the features of the fit."""
        self._require_fitted()
        matrix, names = as_matrix(X)
        kind = type(self).__name__
        fitted = list(getattr(self, "feature_names_in_", ())) or None
        if names is not None and fitted is None:
            msg = f"X has feature names, but {kind} was fitted without feature names"
            warnings.warn(msg, UserWarning, stacklevel=3)
        elif names is None and fitted is not None:
            msg = f"X does not have valid feature names, but {kind} was fitted with feature names"
            warnings.warn(msg, UserWarning, stacklevel=3)
        elif names is not None and fitted is not None and names != fitted:
            raise InvalidInputError(_difference(fitted, names), argument="X")
        if matrix.shape[1] != self.n_features_in_:
            msg = (
                f"X has {matrix.shape[1]} features, but {kind} is expecting "
                f"{self.n_features_in_} features as input"
            )
            raise InvalidInputError(msg, argument="X")
        return matrix, names

    # --- files --------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        state = super()._state()
        if hasattr(self, "feature_names_in_"):
            state["feature_names_in_"] = self.feature_names_in_.tolist()
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        names = state.pop("feature_names_in_", None)
        super()._restore(state)
        if names is not None:
            if len(names) != self.n_features_in_ or not all(isinstance(n, str) for n in names):
                msg = f"feature_names_in_ must be {self.n_features_in_} texts"
                raise ValueError(msg)
            self.feature_names_in_ = np.array(names, dtype=object)

    # --- scikit-learn -------------------------------------------------------------------------

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=self._sklearn_kind,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=["float64", "float32"])
            if hasattr(self, "transform")
            else None,
            input_tags=InputTags(),
        )

    def get_metadata_routing(self) -> Any:
        """Return the metadata that each method asks for; scikit-learn calls this."""
        if hasattr(self, "_metadata_request"):
            return self._metadata_request
        from sklearn.utils.metadata_routing import MetadataRequest

        request = MetadataRequest(owner=self)
        for method in self._weighted:
            getattr(request, method).add_request(param="sample_weight", alias=None)
        return request

    def _ask(self, method: str, sample_weight: bool | str | None) -> Self:
        request = self.get_metadata_routing()
        getattr(request, method).add_request(param="sample_weight", alias=sample_weight)
        self._metadata_request = request  # under this name `clone` copies it
        return self


def as_weights(values: Any, rows: int, name: str = "sample_weight") -> Floats | None:
    """Return weights of rows as float64, None where none are given."""
    if values is None:
        return None
    if np.asarray(values).ndim == 0:
        return np.full(rows, as_column([values], np.float64, name)[0])
    weight = as_column(values, np.float64, name)
    if len(weight) != rows:
        msg = f"{name} must have one weight for each of the {rows} rows of X, got {len(weight)}"
        raise InvalidInputError(msg, argument=name)
    return weight


def name_cell(error: InvalidInputError, X: Matrix, names: Iterable[str] | None) -> Exception:
    """Return the engine's error about a cell of X with the name of its column."""
    if error.argument != "X" or error.row is None:
        return error
    column = int(np.flatnonzero(~np.isfinite(X[error.row]))[0])
    value = float(X[error.row, column])
    where = repr(list(names)[column]) if names is not None else column
    shown = "NaN" if np.isnan(value) else repr(value)
    msg = f"X[{error.row}, {where}] must be finite, got {shown}"
    return InvalidInputError(msg, argument="X", row=error.row, value=value)


def _difference(fitted: list[str], names: list[str]) -> str:
    lines = ["The feature names should match those that were passed during fit."]
    unseen = sorted(set(names) - set(fitted))
    missing = sorted(set(fitted) - set(names))
    for title, some in (
        ("Feature names unseen at fit time:", unseen),
        ("Feature names seen at fit time, yet now missing:", missing),
    ):
        if some:
            lines.append(title)
            lines += [f"- {n}" for n in some[:_SHOWN_NAMES]]
            lines += ["- ..."] * (len(some) > _SHOWN_NAMES)
    if not unseen and not missing:
        lines.append("Feature names must be in the same order as they were in fit.")
    return "\n".join(lines) + "\n"
