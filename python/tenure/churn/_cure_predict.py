"""What a fitted mixture with customers who never leave says of customers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._estimator import Estimator
from tenure._validation import Floats, as_column, as_threads
from tenure.churn._regression import require_columns_of


class CurePredictions(Estimator):
    """Base of the model: predictions from its coefficients."""

    distribution: str
    n_threads: int | None
    incidence_intercept_: float
    incidence_coef_: Floats
    latency_intercept_: float
    latency_coef_: Floats
    scale_: float
    feature_names_in_: tuple[str, ...]

    def predict_stays(self, X: Any, tenure: npt.ArrayLike | None = None) -> Floats:
        """Return the chance to stay for good, given the tenure reached, shape (n_customers,).

        Parameters
        ----------
        X : table of shape (n_customers, n_features), or None
            None, of a model without columns: as many customers as tenures, or one.
        tenure : array-like of float, shape (n_customers,), optional
            What each customer has reached; default: 0.
        """
        a, eta, reached = self._customers(X, tenure)
        leaving: Floats = _core.survival.cure_leaving(
            self.distribution, self.scale_, a, eta, reached, as_threads(self.n_threads)
        )
        return 1.0 - leaving

    def predict_survival(
        self, X: Any, t: npt.ArrayLike, tenure: npt.ArrayLike | None = None
    ) -> Floats:
        """Return the chance to stay for `t` more, shape (n_customers, n_times).

        Parameters
        ----------
        X, tenure
            As in `predict_stays`; times count from the tenure on.
        t : array-like of float, shape (n_times,)
            >= 0.
        """
        return self._ask(_core.survival.cure_survival, X, t, tenure)

    def predict_quantile(
        self, X: Any, p: npt.ArrayLike = 0.5, tenure: npt.ArrayLike | None = None
    ) -> Floats:
        """Return the time after `tenure` by which a share `p` leaves, (n_customers, n_shares).

        Infinite where no such share ever leaves.
        """
        return self._ask(_core.survival.cure_quantile, X, p, tenure)

    def predict(self, X: Any) -> Floats:
        """Return the median lifetime, shape (n_customers,); infinite where half of them stay."""
        return self.predict_quantile(X, 0.5)[:, 0]

    def _ask(self, kernel: Any, X: Any, at: Any, tenure: Any) -> Floats:
        a, eta, reached = self._customers(X, tenure)
        asked = as_column(np.atleast_1d(np.asarray(at)), np.float64, "at")
        answer: Floats = kernel(
            self.distribution, self.scale_, a, eta, reached, asked, as_threads(self.n_threads)
        )
        return answer

    def _customers(self, X: Any, tenure: Any) -> tuple[Floats, Floats, Floats | None]:
        self._require_fitted()
        reached = None if tenure is None else as_column(tenure, np.float64, "tenure")
        if X is None and not self.feature_names_in_:
            matrix = np.empty((1 if reached is None else reached.size, 0))
        else:
            matrix = require_columns_of(X, self.feature_names_in_)
        a = self.incidence_intercept_ + self._part(matrix, "incidence")
        eta = self.latency_intercept_ + self._part(matrix, "latency")
        return np.ascontiguousarray(a), np.ascontiguousarray(eta), reached

    def _part(self, matrix: Floats, name: str) -> Floats:
        names = list(self.feature_names_in_)
        columns = [names.index(term) for term in getattr(self, f"{name}_terms_")]
        product: Floats = np.einsum("ij,j->i", matrix[:, columns], getattr(self, f"{name}_coef_"))
        return product
