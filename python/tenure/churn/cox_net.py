"""Cox regression with an elastic-net penalty: a path of fits from no column to all of them."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError, TenureError
from tenure._matrix import Matrix, as_matrix
from tenure._model_file import storable
from tenure._validation import Floats, as_choice, as_threads
from tenure.churn._cox_predict import CoxPredictions
from tenure.churn._cox_restore import require_baseline
from tenure.churn._cox_sample import CoxSample, as_sample, column_names
from tenure.churn._elastic import ElasticNetPaths, Mask
from tenure.churn._elastic_tables import ElasticNetPath, ElasticNetValidation


@storable("churn.CoxNet")
class CoxNet(ElasticNetPaths, CoxPredictions):
    """Cox regression with an elastic-net penalty, for many columns or dependent ones.

    For each penalty of a descending path, the minimum of minus the log partial likelihood over the
    weight of all rows, plus ``penalty * sum(l1_ratio * |b| + (1 - l1_ratio) / 2 * b**2)``: the
    objective of glmnet and of scikit-survival. docs/methods/cox_net.md.

    Parameters
    ----------
    l1_ratio : float
        From 0 (ridge) to 1 (lasso).
    penalties : array-like of float, optional
        The path, made descending. Default: `n_penalties` from the least one at which all
        coefficients are 0 down to `least` times it, in equal ratios.
    n_penalties : int
    least : float, optional
        Default: 1e-4 where there are more rows than columns, else 0.01.
    standardize : bool
        Penalise coefficients of columns scaled to a standard deviation of 1. The coefficients
        returned are those of the columns as they are.
    penalty_factor : array-like of float, shape (n_features,), optional
        Times the penalty of each coefficient, >= 0; 0: not penalised. Used as they are.
    ties : {"breslow", "efron"}
        The peers above have Breslow's.
    max_iter : int
        Evaluations for one penalty at most.
    tol : float
        A penalty is done when no coefficient has more than about `tol` standard deviations of its
        column to go. (scikit-survival's default leaves about 1e-4.)
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    penalties_ : ndarray of float, shape (n_penalties,)
    coef_path_ : ndarray of float, shape (n_penalties, n_features)
    log_likelihoods_ : ndarray of float, shape (n_penalties,)
    null_log_likelihood_ : float
    penalty_ : float
        The one that `coef_` and predictions belong to: the last, until `select` or `validate`.
    coef_ : ndarray of float, shape (n_features,)
    baseline_ : CoxBaseline
    means_ : ndarray of float, shape (n_features,)
    converged_ : bool
        Whether all penalties are done.
    n_evaluations_ : int
    warnings_ : tuple of str
    n_features_in_ : int
    feature_names_in_ : array of str
        Only where X is a data frame.

    References
    ----------
    Simon, N., Friedman, J., Hastie, T. and Tibshirani, R. (2011). Regularization paths for Cox's
    proportional hazards model via coordinate descent. J. Stat. Software 39(5).

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 5))
    >>> life = rng.exponential(np.exp(-X[:, 0]))
    >>> net = tn.churn.CoxNet(n_penalties=20).fit(X, np.minimum(life, 1.0), life < 1.0)
    >>> net.select(net.penalties_[5]).coef_.round(3).tolist()
    [0.88, 0.0, 0.0, 0.0, 0.0]
    """

    _fitted = (
        "penalties_", "coef_path_", "log_likelihoods_", "null_log_likelihood_", "penalty_", "coef_",
        "baseline_", "means_", "converged_", "n_evaluations_", "warnings_", "n_features_in_",
    )  # fmt: skip
    _weighted = ("fit",)

    null_log_likelihood_: float
    n_evaluations_: int

    def __init__(
        self,
        l1_ratio: float = 0.5,
        *,
        penalties: npt.ArrayLike | None = None,
        n_penalties: int = 100,
        least: float | None = None,
        standardize: bool = True,
        penalty_factor: npt.ArrayLike | None = None,
        ties: str = "breslow",
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
        self.ties = ties
        self.max_iter = max_iter
        self.tol = tol
        self.n_threads = n_threads

    def fit(
        self,
        X: Any,
        duration: npt.ArrayLike,
        churned: npt.ArrayLike,
        entry: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
        strata: npt.ArrayLike | None = None,
        offset: npt.ArrayLike | None = None,
    ) -> Self:
        """Fit the path.

        Parameters
        ----------
        X, duration, churned, entry, sample_weight, strata, offset
            As in `CoxPH.fit`.

        Returns
        -------
        CoxNet
            self, with the last penalty selected.

        Raises
        ------
        InvalidInputError
            For a bad cell or setting, where nobody churned, and for constant columns.

        Warns
        -----
        ConvergenceWarning
            Where `max_iter` evaluations did not do for a penalty.
        """
        matrix, names = as_matrix(X)
        sample = self._sample_of(
            matrix, names, duration, churned, entry, sample_weight, strata, offset
        )
        found = self._path(sample)
        self.penalties_ = found["penalty"]
        self.coef_path_ = found["beta"].reshape(-1, matrix.shape[1]) / sample.data.scale
        self.log_likelihoods_ = found["log_likelihood"]
        self.null_log_likelihood_ = found["start_log_likelihood"]
        self.n_evaluations_ = found["evaluations"]
        self.means_ = sample.data.mean
        self._sample = sample
        self._remember(matrix, names)
        self._choose(len(self.penalties_) - 1)
        self._warn_of_unfinished(found["converged"], stacklevel=2)
        return self

    def _sample_of(
        self,
        matrix: Matrix,
        names: list[str] | None,
        duration: Any,
        churned: Any,
        entry: Any,
        weight: Any,
        strata: Any,
        offset: Any,
    ) -> CoxSample:
        threads = as_threads(self.n_threads)
        return as_sample(
            matrix, names, duration, churned, entry, weight, strata, None, offset, threads
        )

    def _path(self, sample: CoxSample, penalties: Floats | None = None) -> Any:
        as_choice(self.ties, "ties", ("breslow", "efron"))
        data, rows = sample.data, len(sample.duration)
        settings = self._net_settings(data.scale, rows, False, penalties)
        return _core.churn.cox_net(data, self.ties, settings, as_threads(self.n_threads))

    @property
    def path_(self) -> ElasticNetPath:
        """The path as a table."""
        self._require_fitted()
        names = column_names(getattr(self, "feature_names_in_", None), self.n_features_in_)
        return ElasticNetPath(
            self.penalties_, self._n_nonzero(), self.log_likelihoods_, None, self.coef_path_, names
        )

    def _choose(self, k: int) -> None:
        if not hasattr(self, "_sample"):
            msg = "a saved path does not hold the rows of its fit: fit again to select"
            raise TenureError(msg)
        self.penalty_ = float(self.penalties_[k])
        self.coef_ = self.coef_path_[k].copy()
        beta = np.ascontiguousarray(self.coef_ * self._sample.data.scale)
        self.baseline_ = self._sample.baseline(beta, self.ties, as_threads(self.n_threads))

    def validate(
        self,
        X: Any,
        duration: npt.ArrayLike,
        churned: npt.ArrayLike,
        entry: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
        strata: npt.ArrayLike | None = None,
        offset: npt.ArrayLike | None = None,
        *,
        clusters: npt.ArrayLike | None = None,
        n_folds: int = 10,
        rule: str = "best",
        random_state: Any = 0,
    ) -> ElasticNetValidation:
        """Fit the path, choose a penalty by cross-validation, and select it.

        The deviance of a fold is that of all rows less that of the rows of the fit, at the
        coefficients of the fit. [van Houwelingen et al. 2006, Stat. Med. 25:3201-3216]

        Parameters
        ----------
        X, duration, churned, entry, sample_weight, strata, offset
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
        """
        matrix, names = as_matrix(X)
        folds = self._folds(len(matrix), n_folds, clusters, rule, random_state)
        self.fit(X, duration, churned, entry, sample_weight, strata, offset)
        threads, whole = as_threads(self.n_threads), self._sample
        columns = [
            None if c is None else np.asarray(c)
            for c in (duration, churned, entry, sample_weight, whole.strata, offset)
        ]
        gone = np.bincount(folds.of_row, whole.churned * whole.weights(), minlength=folds.count)

        def unseen(k: int, inside: Mask) -> tuple[Floats, float] | None:
            if not gone[k] > 0.0:
                return None
            some = [None if c is None else c[~inside] for c in columns]
            part = self._sample_of(np.ascontiguousarray(matrix[~inside]), names, *some)
            found = self._path(part, self.penalties_)
            coef = found["beta"].reshape(len(self.penalties_), -1) / part.data.scale
            beta = np.ascontiguousarray(coef * whole.data.scale)
            full = whole.data.log_likelihoods(beta, self.ties, threads)
            return -2.0 * (full - found["log_likelihood"]) / gone[k], float(gone[k])

        return self._cross_validate(folds, unseen, rule)

    def _variance_matrix(self) -> Floats:
        msg = "penalised coefficients have no intervals: fit CoxPH on the columns chosen"
        raise InvalidInputError(msg, argument="interval")

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        require_baseline(self)
        self._require_path()
