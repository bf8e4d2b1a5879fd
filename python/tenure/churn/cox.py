"""Cox regression: which customers leave sooner, from covariates and censored lifetimes."""

from __future__ import annotations

import math
import warnings
from statistics import NormalDist
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import ConvergenceWarning, NotConvergedError
from tenure._matrix import as_matrix
from tenure._model_file import storable
from tenure._validation import Floats, as_choice, as_count, as_level, as_number, as_threads
from tenure.churn._cox_diagnostics import CoxDiagnostics
from tenure.churn._cox_restore import require_baseline, require_shapes
from tenure.churn._cox_sample import CoxSample, as_sample, column_names, unidentified
from tenure.churn._cox_tables import CoxSummary, CoxTests

_STATUSES = ("converged", "max_iterations", "stalled", "monotone_likelihood")


@storable("churn.CoxPH")
class CoxPH(CoxDiagnostics):
    """Cox's proportional-hazards regression, with ties, strata, late entries and clusters.

    The hazard of a customer is the baseline's, which is left free, times ``exp(x @ coef)``. Churn
    at t is at risk at t, and so is who is censored at t. A customer whose covariates change has
    several rows, each for the time (entry, duration]. Formulas, numerics and cost are in
    docs/methods/cox.md.

    Parameters
    ----------
    ties : {"efron", "breslow", "exact"}
        What is made of customers who churn at the same time. ``"exact"`` is the discrete choice of
        those who churn among those at risk, for weights of 1.
    penalty : {None, "firth"}
        Firth's penalty, half the log-determinant of the information: less bias in small samples,
        and finite coefficients where the likelihood has no maximum.
    robust : bool
        Standard errors from score residuals (sandwich), each row a cluster. Implied by `clusters`.
    level : float
        Confidence level of tables.
    max_iter : int
        Newton steps at most.
    tol : float
        A fit has converged when no coefficient moves by more than `tol` standard deviations of its
        column.
    on_failure : {"warn", "raise"}
        What to do when a fit ends without an optimum.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    coef_ : ndarray of float, shape (n_features,)
    standard_errors_ : ndarray of float, shape (n_features,)
        Robust ones where asked for, else from the information.
    covariance_ : ndarray of float, shape (n_features, n_features)
        Inverse of the information.
    robust_covariance_ : ndarray of float, shape (n_features, n_features), or None
        Sandwich estimate.
    log_likelihood_, null_log_likelihood_ : float
        Log partial likelihood at `coef_` and at 0 (the offset alone).
    score_test_ : float
        Statistic of the score test at 0.
    baseline_ : CoxBaseline
        Cumulative hazard of a customer at the mean of each column, by the estimator that belongs to
        `ties` (Efron's with Efron's coefficients; exact ties: Breslow's).
    means_ : ndarray of float, shape (n_features,)
        Weighted means of the columns.
    converged_ : bool
    status_ : str
        converged, max_iterations, stalled, or monotone_likelihood: no finite estimate exists.
    n_iter_ : int
    gradient_norm_ : float
        Largest score of a standardised column over the number of churns.
    n_rows_, n_churned_ : int
    warnings_ : tuple of str
        What `fit` warned about.
    n_features_in_ : int
    feature_names_in_ : array of str
        Only where X is a data frame.

    References
    ----------
    Cox, D. R. (1972). Regression models and life-tables. JRSS B 34:187-220. Efron, B. (1977), JASA
    72:557-565. Lin, D. Y. and Wei, L. J. (1989), JASA 84:1074-1078. Therneau, T. M. and Grambsch,
    P. M. (2000). Modeling Survival Data. Springer.

    Examples
    --------
    >>> import tenure as tn
    >>> price = [[3.0], [1.0], [2.0], [1.0], [3.0], [2.0], [2.0], [1.0]]
    >>> cox = tn.churn.CoxPH().fit(price, [2, 8, 4, 3, 6, 9, 5, 7], [1, 0, 1, 1, 1, 1, 0, 1])
    >>> cox.coef_.round(3).tolist(), cox.standard_errors_.round(3).tolist()
    ([0.58], [0.625])
    >>> cox.predict_survival([[1.0], [3.0]], [4.0]).round(3).ravel().tolist()
    [0.779, 0.452]
    """

    _fitted = (
        "coef_", "standard_errors_", "covariance_", "robust_covariance_", "log_likelihood_",
        "null_log_likelihood_", "_penalised", "score_test_", "baseline_", "means_", "converged_",
        "status_", "n_iter_", "gradient_norm_", "n_rows_", "n_churned_", "warnings_",
        "n_features_in_",
    )  # fmt: skip
    _weighted = ("fit",)

    covariance_: Floats
    robust_covariance_: Floats | None
    log_likelihood_: float
    null_log_likelihood_: float
    _penalised: tuple[float, float]
    score_test_: float
    converged_: bool
    status_: str
    n_iter_: int
    gradient_norm_: float
    n_rows_: int
    n_churned_: int
    warnings_: tuple[str, ...]

    def __init__(
        self,
        ties: str = "efron",
        *,
        penalty: str | None = None,
        robust: bool = False,
        level: float = 0.95,
        max_iter: int = 50,
        tol: float = 1e-8,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        self.ties = ties
        self.penalty = penalty
        self.robust = robust
        self.level = level
        self.max_iter = max_iter
        self.tol = tol
        self.on_failure = on_failure
        self.n_threads = n_threads

    def fit(
        self,
        X: Any,
        duration: npt.ArrayLike,
        churned: npt.ArrayLike,
        entry: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
        strata: npt.ArrayLike | None = None,
        clusters: npt.ArrayLike | None = None,
        offset: npt.ArrayLike | None = None,
    ) -> Self:
        """Estimate the coefficients and the baseline.

        Parameters
        ----------
        X : array of shape (n_rows, n_features) or data frame
            Finite numbers.
        duration : array-like of float, shape (n_rows,)
            Tenure at the end of the row's time. Finite, >= 0; any unit.
        churned : array-like of bool or 0/1, shape (n_rows,)
            Whether churn was seen at `duration`.
        entry : array-like of float, shape (n_rows,), optional
            Tenure at which the row's time begins: at risk at t only if ``entry < t <= duration``.
            0 means from the start.
        sample_weight : array-like of float, shape (n_rows,), optional
            >= 0, not all 0.
        strata : array-like or data frame, shape (n_rows,) or (n_rows, k), optional
            Each stratum has a baseline of its own; several columns: each combination.
        clusters : array-like, shape (n_rows,), optional
            Rows of one cluster (a customer, a household) may depend on one another: robust
            standard errors.
        offset : array-like of float, shape (n_rows,), optional
            Added to the linear predictor, with no coefficient. From -1e6 to 1e6; at most 700 below
            the largest of its stratum, so that hazards can be compared.

        Returns
        -------
        CoxPH
            self.

        Raises
        ------
        InvalidInputError
            For a bad cell, naming argument, row and column; where nobody churned; where a column is
            constant or columns depend on one another, naming them.
        NotConvergedError
            With ``on_failure="raise"``, where the fit ended without an optimum.

        Warns
        -----
        ConvergenceWarning
            Where the fit ended without an optimum. ``status_ == "monotone_likelihood"``: a
            combination of columns separates those who churn from those who stay, and no finite
            estimate exists; the coefficients are those at which this was found out.
        """
        settings = self._settings(clusters is not None)
        threads = as_threads(self.n_threads)
        matrix, frame_names = as_matrix(X)
        names = column_names(frame_names, matrix.shape[1])
        sample = as_sample(
            matrix, frame_names, duration, churned, entry, sample_weight, strata, clusters, offset,
            threads,
        )  # fmt: skip
        if self.ties == "exact" and sample.data.weighted:
            msg = "sample_weight must be 1 for exact ties: a set of customers has no weight"
            raise _invalid(msg, "sample_weight")
        found = sample.data.fit(self.ties, self.penalty == "firth", *settings, threads)
        if found["status"] == "unidentified":
            p = len(names)
            raise unidentified(found["unidentified"].reshape(p, p), names, len(matrix))
        self._take(found, sample, threads)
        self._remember(matrix, frame_names)
        self._complain(found, names)
        return self

    def _settings(self, clustered: bool) -> tuple[int, float]:
        as_choice(self.ties, "ties", ("efron", "breslow", "exact"))
        as_choice(self.penalty, "penalty", (None, "firth"))
        as_choice(self.robust, "robust", (False, True))
        as_choice(self.on_failure, "on_failure", ("warn", "raise"))
        as_level(self.level)
        if self.ties == "exact":
            if self.penalty is not None:
                raise _invalid("penalty='firth' needs ties='efron' or 'breslow'", "penalty")
            if clustered or self.robust:
                msg = "robust standard errors need ties='efron' or 'breslow'"
                raise _invalid(msg, "clusters" if clustered else "robust")
        return (
            as_count(self.max_iter, "max_iter", at_least=1),
            as_number(self.tol, "tol", above=0.0, at_most=1e-2),
        )

    def _take(self, found: Any, sample: CoxSample, threads: int) -> None:
        data = sample.data
        beta, scale = found["beta"], data.scale
        p = len(beta)
        covariance = found["covariance"].reshape(p, p)
        self.coef_ = beta / scale
        self.covariance_ = covariance / np.outer(scale, scale)
        self.robust_covariance_ = None
        if self.robust or sample.clusters is not None:
            own = data.score_residuals(beta, self.ties, threads).reshape(-1, p)
            moved = (own * sample.weights()[:, None]) @ covariance / scale
            self.robust_covariance_ = _crossed(moved, sample.clusters)
        best = self.covariance_ if self.robust_covariance_ is None else self.robust_covariance_
        self.standard_errors_ = np.sqrt(np.diagonal(best))
        self.log_likelihood_ = found["log_likelihood"]
        self.null_log_likelihood_ = found["null_log_likelihood"]
        self._penalised = (found["null_penalised"], found["penalised"])
        self.score_test_ = found["score_test"]
        self.means_ = data.mean
        self.status_ = found["status"]
        self.converged_ = self.status_ == "converged"
        self.n_iter_ = found["iterations"]
        self.gradient_norm_ = found["gradient_norm"]
        self.n_rows_, self.n_churned_ = data.rows, data.churned_rows
        self.baseline_ = sample.baseline(beta, self.ties, threads)
        self._sample = sample

    def _complain(self, found: Any, names: tuple[str, ...]) -> None:
        if self.converged_:
            self.warnings_ = ()
            return
        if self.status_ == "monotone_likelihood":
            ways = found["direction"]
            runaways = ", ".join(
                f"{names[j]!r} goes to {'+' if ways[j] > 0 else '-'}infinity"
                for j in np.flatnonzero(np.abs(ways) > 1e-3).tolist()
            )
            why = (
                f"the likelihood rises for ever as the coefficient of {runaways}: at each time, "
                "those who churned have the largest sum of these columns of those at risk, and no "
                "finite estimate exists. CoxPH(penalty='firth') has one"
            )
        elif self.status_ == "max_iterations":
            why = f"max_iter={self.max_iter} came first"
        else:
            why = "no step raises the likelihood any more, yet the score is not 0"
        self.warnings_ = (f"CoxPH stopped without an optimum ({self.status_}): {why}",)
        if self.on_failure == "raise":
            for name in self._fitted:
                if name != "warnings_" and hasattr(self, name):
                    delattr(self, name)
            raise NotConvergedError(self.warnings_[0])
        warnings.warn(self.warnings_[0], ConvergenceWarning, stacklevel=3)

    # --- what was found -----------------------------------------------------------------------

    @property
    def names_(self) -> tuple[str, ...]:
        """The names of the columns: those of the frame, or x0, x1, ..."""
        self._require_fitted()
        return column_names(getattr(self, "feature_names_in_", None), self.n_features_in_)

    def summary(self, level: float | None = None) -> CoxSummary:
        """Return the coefficients with errors, tests and limits.

        Parameters
        ----------
        level : float, optional
            Confidence level; the estimator's own by default.

        Returns
        -------
        CoxSummary
        """
        self._require_fitted()
        z = NormalDist().inv_cdf(0.5 + as_level(self.level if level is None else level) / 2.0)
        error = self.standard_errors_
        ratio = self.coef_ / error
        lower, upper = self.coef_ - z * error, self.coef_ + z * error
        kind = "robust" if self.robust_covariance_ is not None else "model"
        with np.errstate(over="ignore"):
            ratios = np.exp(self.coef_), np.exp(lower), np.exp(upper)
        return CoxSummary(
            self.names_,
            self.coef_,
            error,
            ratio,
            np.array([math.erfc(abs(v) / math.sqrt(2.0)) for v in ratio.tolist()]),
            lower,
            upper,
            *ratios,
            f"Cox regression, {self.ties} ties, {kind} errors: {self.n_rows_:,} rows, "
            f"{self.n_churned_:,} churned, log-likelihood {self.log_likelihood_:.6g}",
        )

    def tests(self) -> CoxTests:
        """Return the likelihood-ratio, Wald and score tests that all coefficients are 0.

        Wald's test has the robust covariance where there is one; with Firth's penalty the ratio is
        that of the penalised likelihoods.
        """
        self._require_fitted()
        best = self.covariance_ if self.robust_covariance_ is None else self.robust_covariance_
        try:
            wald = float(self.coef_ @ np.linalg.solve(best, self.coef_))
        except np.linalg.LinAlgError:
            wald = math.nan  # fewer clusters than columns
        null, here = self._penalised
        statistic = np.array([2.0 * (here - null), wald, self.score_test_])
        df = np.full(3, self.n_features_in_, dtype=np.int64)
        p = _core.special.chi_square_survival(statistic, df.astype(np.float64))
        return CoxTests(("likelihood ratio", "Wald", "score"), statistic, df, p)

    def _variance_matrix(self) -> Floats:
        return self.covariance_ if self.robust_covariance_ is None else self.robust_covariance_

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._settings(False)
        if self.status_ not in _STATUSES:
            msg = "status_ is impossible"
            raise ValueError(msg)
        require_baseline(self)
        p = self.n_features_in_
        shapes = {
            "standard_errors_": (self.standard_errors_, (p,)),
            "covariance_": (self.covariance_, (p, p)),
        }
        if self.robust_covariance_ is not None:
            shapes["robust_covariance_"] = (self.robust_covariance_, (p, p))
        require_shapes(shapes)


def _crossed(moved: Floats, clusters: Any) -> Floats:
    """Sum of squares and products of how each cluster moves the coefficients."""
    if clusters is not None:
        order = np.argsort(clusters, kind="stable")
        starts = np.flatnonzero(np.diff(clusters[order], prepend=-1))
        moved = np.add.reduceat(moved[order], starts, axis=0)
    return np.asarray(moved.T @ moved)


def _invalid(message: str, argument: str) -> Exception:
    from tenure._errors import InvalidInputError

    return InvalidInputError(message, argument=argument)
