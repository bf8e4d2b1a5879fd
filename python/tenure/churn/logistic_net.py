"""Logistic regression with an elastic-net penalty: a path of fits, and which of them to take."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._matrix import as_matrix
from tenure._model_file import storable
from tenure._validation import Floats, as_choice, as_threads
from tenure.churn._elastic import ElasticNetPaths, Mask
from tenure.churn._elastic_tables import ElasticNetPath, ElasticNetValidation
from tenure.churn._logistic_predict import LogisticPredictions
from tenure.churn._logistic_sample import LogisticSample, as_sample


@storable("churn.LogisticNet")
class LogisticNet(ElasticNetPaths, LogisticPredictions):
    """Logistic regression with an elastic-net penalty, for many columns or dependent ones.

    For each penalty of a descending path, the minimum of minus the log-likelihood over the weight
    of all rows, plus ``penalty * sum(l1_ratio * |b| + (1 - l1_ratio) / 2 * b**2)``: the objective
    of glmnet, with its lambda; scikit-learn's C is ``1 / (W * penalty)``. The intercept is not
    penalised. docs/methods/logistic.md.

    Parameters
    ----------
    l1_ratio : float
        From 0 (ridge) to 1 (lasso).
    penalties : array-like of float, optional
        The path, made descending. Default: `n_penalties` from the least one at which all
        penalised coefficients are 0 down to `least` times it, in equal ratios.
    n_penalties : int
    least : float, optional
        Default: 1e-4 where there are more rows than columns, else 0.01.
    standardize : bool
        Penalise coefficients of columns scaled to a standard deviation of 1. The coefficients
        returned are those of the columns as they are.
    penalty_factor : array-like of float, shape (n_features,), optional
        Times the penalty of each coefficient, >= 0; 0: not penalised. Used as they are.
    fit_intercept : bool
    max_iter : int
        Evaluations for one penalty at most.
    tol : float
        A penalty is done when no coefficient has more than about `tol` standard deviations of its
        column to go.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
    penalties_ : ndarray of float, shape (n_penalties,)
    coef_path_ : ndarray of float, shape (n_penalties, n_features)
    intercept_path_ : ndarray of float, shape (n_penalties,)
    log_likelihoods_ : ndarray of float, shape (n_penalties,)
    null_log_likelihood_ : float
    penalty_ : float
        The one that `coef_` and predictions belong to: the last, until `select` or `validate`.
    coef_ : ndarray of float, shape (1, n_features)
    intercept_ : ndarray of float, shape (1,)
    converged_ : bool
        Whether all penalties are done.
    n_iter_ : int
        Evaluations of all penalties.
    warnings_ : tuple of str
    n_features_in_, feature_names_in_
        As in scikit-learn.

    References
    ----------
    Friedman, J., Hastie, T. and Tibshirani, R. (2010). Regularization paths for generalized linear
    models via coordinate descent. J. Stat. Software 33(1).

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 5))
    >>> left = rng.random(300) < 1 / (1 + np.exp(-2 * X[:, 0]))
    >>> net = tn.churn.LogisticNet(1.0, n_penalties=20).fit(X, left)
    >>> net.select(net.penalties_[5]).coef_.round(2).tolist()
    [[1.73, 0.0, 0.07, 0.0, 0.01]]
    """

    _fitted = (
        "classes_", "penalties_", "coef_path_", "intercept_path_", "log_likelihoods_",
        "null_log_likelihood_", "penalty_", "coef_", "intercept_", "converged_", "n_iter_",
        "warnings_", "n_features_in_",
    )  # fmt: skip

    intercept_path_: Floats
    null_log_likelihood_: float
    n_iter_: int

    def __init__(
        self,
        l1_ratio: float = 0.5,
        *,
        penalties: npt.ArrayLike | None = None,
        n_penalties: int = 100,
        least: float | None = None,
        standardize: bool = True,
        penalty_factor: npt.ArrayLike | None = None,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-5,
        n_threads: int | None = None,
    ) -> None:
        self.l1_ratio = l1_ratio
        self.penalties = penalties
        self.n_penalties = n_penalties
        self.least = least
        self.standardize = standardize
        self.penalty_factor = penalty_factor
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.n_threads = n_threads

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: npt.ArrayLike | None = None,
        *,
        offset: npt.ArrayLike | None = None,
    ) -> Self:
        """Fit the path.

        Parameters
        ----------
        X, y, sample_weight, offset
            As in `LogisticRegression.fit`.

        Returns
        -------
        LogisticNet
            self, with the last penalty selected.

        Raises
        ------
        InvalidInputError
            For a bad cell or setting, and for one class only.

        Warns
        -----
        ConvergenceWarning
            Where `max_iter` evaluations did not do for a penalty.
        """
        self._fit(X, y, sample_weight, offset)
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any, offset: Any) -> LogisticSample:
        as_choice(self.fit_intercept, "fit_intercept", (False, True))
        matrix, names = as_matrix(X)
        threads = as_threads(self.n_threads)
        sample = as_sample(matrix, names, y, sample_weight, offset, self.fit_intercept, threads)
        found = self._path(sample)
        self.classes_ = sample.classes
        self.penalties_ = found["penalty"]
        beta = found["beta"].reshape(len(self.penalties_), -1)
        self.intercept_path_, self.coef_path_ = sample.raw(beta, self.fit_intercept)
        self.log_likelihoods_ = found["log_likelihood"]
        self.null_log_likelihood_ = sample.data.null(threads)[1]
        self.n_iter_ = found["evaluations"]
        self._remember(matrix, names)
        self._choose(len(self.penalties_) - 1)
        self._warn_of_unfinished(found["converged"], stacklevel=3)
        return sample

    def _path(self, sample: LogisticSample, penalties: Floats | None = None) -> Any:
        data, rows = sample.data, len(sample.matrix)
        settings = self._net_settings(data.scale, rows, self.fit_intercept, penalties)
        return _core.churn.logistic_net(data, settings, as_threads(self.n_threads))

    @property
    def path_(self) -> ElasticNetPath:
        """The path as a table."""
        self._require_fitted()
        return ElasticNetPath(
            self.penalties_, self._n_nonzero(), self.log_likelihoods_, self.intercept_path_,
            self.coef_path_, self.names_,
        )  # fmt: skip

    def _choose(self, k: int) -> None:
        self.penalty_ = float(self.penalties_[k])
        self.coef_ = self.coef_path_[k : k + 1].copy()
        self.intercept_ = self.intercept_path_[k : k + 1].copy()

    def validate(
        self,
        X: Any,
        y: Any,
        sample_weight: npt.ArrayLike | None = None,
        *,
        offset: npt.ArrayLike | None = None,
        clusters: npt.ArrayLike | None = None,
        n_folds: int = 10,
        rule: str = "best",
        random_state: Any = 0,
    ) -> ElasticNetValidation:
        """Fit the path, choose a penalty by cross-validation, and select it.

        Parameters
        ----------
        X, y, sample_weight, offset
            As in `fit`.
        clusters : array-like, shape (n_rows,), optional
            Rows of one cluster (a customer with several rows) go to one fold.
        n_folds : int
        rule : {"best", "simplest"}
            Which penalty of the result is selected.
        random_state : int, None or NumPy generator
            Seed of the folds.

        Returns
        -------
        ElasticNetValidation

        Raises
        ------
        InvalidInputError
            As in `fit`; and where the rows outside of a fold hold one class only.
        """
        rows = len(as_matrix(X)[0])
        folds = self._folds(rows, n_folds, clusters, rule, random_state)
        whole, threads = self._fit(X, y, sample_weight, offset), as_threads(self.n_threads)

        def unseen(k: int, inside: Mask) -> tuple[Floats, float] | None:
            judged, fitted = self._part(whole, inside), self._part(whole, ~inside)
            weight = judged.data.total_weight
            if weight == 0.0:
                return None
            if not 0.0 < fitted.data.event_weight < fitted.data.total_weight:
                msg = f"the rows outside of fold {k} hold one class only: use fewer folds"
                raise InvalidInputError(msg, argument="n_folds", value=folds.count)
            found = self._path(fitted, self.penalties_)
            beta = found["beta"].reshape(len(self.penalties_), -1)
            moved = self._standardised(*fitted.raw(beta, self.fit_intercept), judged)
            return -2.0 * judged.data.log_likelihoods(moved, threads) / weight, weight

        return self._cross_validate(folds, unseen, rule)

    def _part(self, whole: LogisticSample, rows: npt.NDArray[np.bool_]) -> LogisticSample:
        """Some of the rows, which may be of one class."""
        matrix, event = np.ascontiguousarray(whole.matrix[rows]), whole.event[rows]
        weight = None if whole.weight is None else whole.weight[rows]
        offset = None if whole.offset is None else whole.offset[rows]
        data = _core.churn.LogisticData(
            matrix, event, weight, offset, self.fit_intercept, True, as_threads(self.n_threads)
        )
        return LogisticSample(data, matrix, event, whole.classes, weight, offset)

    def _standardised(self, intercepts: Floats, coef: Floats, to: LogisticSample) -> Floats:
        """Coefficients of the columns as they are, in another sample's terms."""
        beta = coef * to.data.scale
        if self.fit_intercept:
            beta = np.column_stack([intercepts + coef @ to.data.centre, beta])
        return np.ascontiguousarray(beta)

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._require_path(intercept_path_=self.intercept_path_)
