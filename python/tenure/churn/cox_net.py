"""Cox regression with an elastic-net penalty: a path of fits from no column to all of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure._errors import ConvergenceWarning, InvalidInputError, TenureError
from tenure._matrix import Matrix, as_matrix
from tenure._model_file import storable
from tenure._results import Table
from tenure._validation import (
    Floats,
    Ints,
    as_choice,
    as_count,
    as_number,
    as_seed,
    as_threads,
)
from tenure.churn._cox_predict import CoxPredictions
from tenure.churn._cox_restore import require_baseline, require_shapes
from tenure.churn._cox_sample import CoxSample, as_sample, column_names
from tenure.churn._elastic import as_factors, as_penalties, best_and_simplest, folds_of


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoxNetPath(Table):
    """Coefficients by penalty, one row a penalty.

    Attributes
    ----------
    penalty : ndarray of float, shape (n_penalties,)
        Descending.
    n_nonzero : ndarray of int, shape (n_penalties,)
    log_likelihood : ndarray of float, shape (n_penalties,)
        Without the penalty.
    coef : ndarray of float, shape (n_penalties, n_features)
    names : tuple of str
        The columns of X.
    """

    penalty: Floats
    n_nonzero: Ints
    log_likelihood: Floats
    coef: Floats
    names: tuple[str, ...]

    def _columns(self) -> Mapping[str, Any]:
        columns: dict[str, Any] = {
            "penalty": self.penalty,
            "n_nonzero": self.n_nonzero,
            "log_likelihood": self.log_likelihood,
        }
        return columns | {name: self.coef[:, j] for j, name in enumerate(self.names)}

    def _title(self) -> str:
        return "Coefficients by penalty"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoxNetValidation(Table):
    """Deviance of customers that a fit has not seen, by penalty.

    Attributes
    ----------
    penalty : ndarray of float, shape (n_penalties,)
    deviance, standard_error : ndarray of float, shape (n_penalties,)
        Mean over folds, each by its churns, of -2 (log-likelihood of all rows less that of the rows
        of the fit) a churn, and its error.
    n_nonzero : ndarray of int, shape (n_penalties,)
    best : float
        Penalty of the least deviance.
    simplest : float
        Largest penalty whose deviance is within one standard error of the least.
    """

    penalty: Floats
    deviance: Floats
    standard_error: Floats
    n_nonzero: Ints
    best: float
    simplest: float

    _column_names = ("penalty", "deviance", "standard_error", "n_nonzero")

    def _title(self) -> str:
        return f"Cross-validation: best penalty {self.best:.4g}, simplest {self.simplest:.4g}"


@storable("churn.CoxNet")
class CoxNet(CoxPredictions):
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

    penalties_: Floats
    coef_path_: Floats
    log_likelihoods_: Floats
    null_log_likelihood_: float
    penalty_: float
    converged_: bool
    n_evaluations_: int
    warnings_: tuple[str, ...]

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
        found = self._path(sample.data, matrix.shape)
        self.penalties_ = found["penalty"]
        self.coef_path_ = found["beta"].reshape(-1, matrix.shape[1]) / sample.data.scale
        self.log_likelihoods_ = found["log_likelihood"]
        self.null_log_likelihood_ = found["null_log_likelihood"]
        self.n_evaluations_ = found["evaluations"]
        self.means_ = sample.data.mean
        self.converged_ = bool(found["converged"].all())
        self.warnings_ = ()
        self._sample = sample
        self._remember(matrix, names)
        self._choose(len(self.penalties_) - 1)
        if not self.converged_:
            done = int(found["converged"].sum())
            self.warnings_ = (
                f"CoxNet is done for {done} of {len(self.penalties_)} penalties only: raise "
                "max_iter, or end the path at a larger penalty",
            )
            warnings.warn(self.warnings_[0], ConvergenceWarning, stacklevel=2)
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

    def _path(self, data: Any, shape: tuple[int, ...], penalties: Floats | None = None) -> Any:
        as_choice(self.ties, "ties", ("breslow", "efron"))
        as_choice(self.standardize, "standardize", (False, True))
        rows, p = shape
        least = self.least if self.least is not None else (1e-4 if rows > p else 0.01)
        if penalties is None:
            penalties = as_penalties(self.penalties)
        return data.net(
            self.ties,
            as_number(self.l1_ratio, "l1_ratio", at_least=0.0, at_most=1.0),
            *as_factors(self.penalty_factor, data.scale, self.standardize),
            penalties,
            as_count(self.n_penalties, "n_penalties", at_least=1),
            as_number(least, "least", above=0.0, below=1.0),
            as_count(self.max_iter, "max_iter", at_least=1),
            as_number(self.tol, "tol", above=0.0, at_most=1e-2),
            as_threads(self.n_threads),
        )

    @property
    def path_(self) -> CoxNetPath:
        """The path as a table."""
        self._require_fitted()
        names = column_names(getattr(self, "feature_names_in_", None), self.n_features_in_)
        count = (self.coef_path_ != 0.0).sum(axis=1)
        return CoxNetPath(self.penalties_, count, self.log_likelihoods_, self.coef_path_, names)

    def select(self, penalty: float) -> Self:
        """Take the coefficients of the path's penalty that is nearest (in ratio) and return self.

        Parameters
        ----------
        penalty : float
            > 0.
        """
        self._require_fitted()
        wanted = as_number(penalty, "penalty", at_least=0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.abs(np.log(self.penalties_) - np.log(wanted))
        distance[self.penalties_ == wanted] = 0.0
        self._choose(int(np.nanargmin(distance)))
        return self

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
    ) -> CoxNetValidation:
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
        CoxNetValidation
        """
        as_choice(rule, "rule", ("best", "simplest"))
        folds = as_count(n_folds, "n_folds", at_least=2)
        self.fit(X, duration, churned, entry, sample_weight, strata, offset)
        matrix, names = as_matrix(X)
        fold = folds_of(len(matrix), folds, clusters, as_seed(random_state))
        columns = [
            None if c is None else np.asarray(c)
            for c in (duration, churned, entry, sample_weight, self._sample.strata, offset)
        ]
        threads, whole = as_threads(self.n_threads), self._sample
        gone = np.bincount(fold, whole.churned * whole.weights(), minlength=folds)
        deviance = []
        for k in np.flatnonzero(gone > 0.0).tolist():
            rest = fold != k
            part = self._sample_of(
                np.ascontiguousarray(matrix[rest]),
                names,
                *[None if c is None else c[rest] for c in columns],
            )
            found = self._path(part.data, matrix[rest].shape, self.penalties_)
            coef = found["beta"].reshape(len(self.penalties_), -1) / part.data.scale
            beta = np.ascontiguousarray(coef * whole.data.scale)
            full = whole.data.log_likelihoods(beta, self.ties, threads)
            deviance.append(-2.0 * (full - found["log_likelihood"]) / gone[k])
        if len(deviance) < 2:
            msg = "fewer than two folds hold a churn: use fewer folds"
            raise InvalidInputError(msg, argument="n_folds", value=folds)
        mean, error, at, simplest = best_and_simplest(deviance, gone[gone > 0.0])
        self._choose(at if rule == "best" else simplest)
        return CoxNetValidation(
            self.penalties_,
            mean,
            error,
            (self.coef_path_ != 0.0).sum(axis=1),
            float(self.penalties_[at]),
            float(self.penalties_[simplest]),
        )

    def _variance_matrix(self) -> Floats:
        msg = "penalised coefficients have no intervals: fit CoxPH on the columns chosen"
        raise InvalidInputError(msg, argument="interval")

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        require_baseline(self)
        n = len(self.penalties_)
        require_shapes(
            {
                "coef_path_": (self.coef_path_, (n, self.n_features_in_)),
                "log_likelihoods_": (self.log_likelihoods_, (n,)),
            }
        )
