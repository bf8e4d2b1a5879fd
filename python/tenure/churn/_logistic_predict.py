"""What logistic regressions foretell, penalised path or not: log-odds, probabilities, labels."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._sklearn import FeatureEstimator, as_weights, name_cell
from tenure._validation import Floats
from tenure.churn._cox_sample import column_names
from tenure.churn._logistic_sample import as_offset


class LogisticPredictions(FeatureEstimator):
    """Base of estimators with `coef_`, `intercept_` and `classes_`, as scikit-learn's have."""

    _sklearn_kind = "classifier"
    _weighted = ("fit", "score")

    coef_: Floats
    intercept_: Floats
    classes_: npt.NDArray[Any]

    def decision_function(self, X: Any, offset: npt.ArrayLike | None = None) -> Floats:
        """Return the log-odds of the second class.

        Parameters
        ----------
        X : array of shape (n_rows, n_features) or data frame
            Finite numbers.
        offset : array-like of float, shape (n_rows,), optional
            Added to the log-odds. Default: 0, whatever the fit had.

        Returns
        -------
        ndarray of float, shape (n_rows,)
        """
        return self._log_odds(*self._new_design(X), offset)

    def predict_proba(self, X: Any, offset: npt.ArrayLike | None = None) -> Floats:
        """Return the probabilities of both classes, in the order of `classes_`.

        Parameters
        ----------
        X, offset
            As in `decision_function`.

        Returns
        -------
        ndarray of float, shape (n_rows, 2)
            Each is exact to rounding, however small.
        """
        return np.exp(self.predict_log_proba(X, offset))

    def predict_log_proba(self, X: Any, offset: npt.ArrayLike | None = None) -> Floats:
        """Return the logarithms of `predict_proba`, shape (n_rows, 2)."""
        eta = self.decision_function(X, offset)
        return -np.stack([np.logaddexp(0.0, eta), np.logaddexp(0.0, -eta)], axis=1)

    def predict(self, X: Any, offset: npt.ArrayLike | None = None) -> npt.NDArray[Any]:
        """Return the more probable class of each row, shape (n_rows,)."""
        second = self.decision_function(X, offset) > 0.0
        return self.classes_[second.astype(np.intp)]

    def score(self, X: Any, y: Any, sample_weight: npt.ArrayLike | None = None) -> float:
        """Return the share of rows whose class is foretold, as scikit-learn's classifiers do."""
        right = self.predict(X) == np.asarray(y).ravel()
        return float(np.average(right, weights=as_weights(sample_weight, len(right))))

    def set_fit_request(self, *, sample_weight: bool | str | None) -> Self:
        """Say whether meta-estimators of scikit-learn pass `sample_weight` on to `fit`."""
        return self._ask("fit", sample_weight)

    def set_score_request(self, *, sample_weight: bool | str | None) -> Self:
        """Say whether meta-estimators of scikit-learn pass `sample_weight` on to `score`."""
        return self._ask("score", sample_weight)

    @property
    def names_(self) -> tuple[str, ...]:
        """The names of the columns: those of the frame, or x0, x1, ..."""
        self._require_fitted()
        return column_names(getattr(self, "feature_names_in_", None), self.n_features_in_)

    def _new_design(self, X: Any) -> tuple[Floats, list[str] | None]:
        matrix, names = self._new_matrix(X)
        design = np.asarray(matrix, dtype=np.float64)
        finite = np.isfinite(design).all(axis=1)
        if not finite.all():
            row = int(np.argmin(finite))
            raise name_cell(InvalidInputError("", argument="X", row=row), design, names)
        return design, names

    def _log_odds(self, design: Floats, names: Any, offset: Any) -> Floats:
        eta: Floats = design @ self.coef_[0] + self.intercept_[0]
        shift = as_offset(offset, len(design))
        if shift is None:
            return eta
        bad = np.flatnonzero(~np.isfinite(shift))
        if bad.size:
            row, value = int(bad[0]), float(shift[bad[0]])
            msg = f"offset[{row}] must be finite, got {value:g}"
            raise InvalidInputError(msg, argument="offset", row=row, value=value)
        return eta + shift

    def _state(self) -> dict[str, Any]:
        state = super()._state()
        if "classes_" in state:
            state["classes_"] = state["classes_"].tolist()
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        classes = state.pop("classes_", None)
        super()._restore(state)
        p = self.n_features_in_
        good = isinstance(classes, (list, tuple)) and len(classes) == 2 and isinstance(p, int)
        for name, shape in (("coef_", (1, p)), ("intercept_", (1,))):
            array = getattr(self, name, None)
            good = good and isinstance(array, np.ndarray) and array.shape == shape
            good = good and array is not None and bool(np.isfinite(array).all())
        if not good:
            msg = "coefficients or classes hold values that no fit has"
            raise ValueError(msg)
        self.classes_ = np.array(classes)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags

        tags = super().__sklearn_tags__()
        tags.classifier_tags = ClassifierTags(multi_class=False)
        tags.target_tags.required = True
        return tags
