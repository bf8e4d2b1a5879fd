"""Intervals, tests and criteria of a fitted logistic regression."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError, NotConvergedError, TenureError
from tenure._validation import Floats, as_choice, as_level, as_threads
from tenure.churn._logistic_predict import LogisticPredictions
from tenure.churn._logistic_sample import LogisticSample
from tenure.churn._logistic_tables import LogisticProbabilities, LogisticSummary, LogisticTests
from tenure.churn._profile import profile_limits
from tenure.churn._times import z_of


class LogisticInference(LogisticPredictions):
    """What a regression with standard errors can be asked, its fit left to a subclass."""

    penalty: str | None
    fit_intercept: bool
    level: float
    max_iter: int
    tol: float
    n_threads: int | None

    covariance_: Floats | None
    robust_covariance_: Floats | None
    standard_errors_: Floats | None
    means_: Floats
    log_likelihood_: float
    null_log_likelihood_: float
    converged_: bool
    status_: str
    n_separated_: int
    n_iter_: int
    gradient_norm_: float
    n_rows_: int
    warnings_: tuple[str, ...]
    _centred_covariance: Floats | None
    _direction: Floats | None
    _penalised: float
    _total_weight: float
    _sample: LogisticSample
    _beta: Floats

    @property
    def terms_(self) -> tuple[str, ...]:
        """The intercept, if any, and the columns."""
        return (("Intercept",) if self.fit_intercept else ()) + self.names_

    @property
    def separation_(self) -> dict[str, float] | None:
        """Terms whose coefficients run away, with their directions; None without separation."""
        self._require_fitted()
        if self._direction is None:
            return None
        return {
            term: float(d)
            for term, d in zip(self.terms_, self._direction, strict=True)
            if abs(d) > 1e-3
        }

    @property
    def deviance_(self) -> float:
        """-2 times the log-likelihood."""
        self._require_fitted()
        return -2.0 * self.log_likelihood_

    @property
    def null_deviance_(self) -> float:
        """-2 times the log-likelihood of intercept and offset alone."""
        self._require_fitted()
        return -2.0 * self.null_log_likelihood_

    @property
    def aic_(self) -> float:
        """Deviance plus twice the number of terms (maximum likelihood only)."""
        self._require_likelihood()
        return self.deviance_ + 2.0 * len(self.terms_)

    @property
    def bic_(self) -> float:
        """Deviance plus log(weight of all rows) times the number of terms."""
        self._require_likelihood()
        return self.deviance_ + math.log(self._total_weight) * len(self.terms_)

    @property
    def pseudo_r2_(self) -> float:
        """McFadden's 1 - log-likelihood / log-likelihood of intercept and offset alone."""
        self._require_fitted()
        return 1.0 - self.log_likelihood_ / self.null_log_likelihood_

    def summary(self, level: float | None = None, method: str | None = None) -> LogisticSummary:
        """Return the coefficients with errors, tests and limits.

        Parameters
        ----------
        level : float, optional
            Confidence level; the estimator's own by default.
        method : {"wald", "profile"}, optional
            Normal limits, or those at which the likelihood, maximised over all other coefficients,
            has fallen by half the square of the normal quantile; infinite where it never does.
            Default: ``"profile"`` with Firth's penalty, whose estimates are far from normal where
            it matters, else ``"wald"``.

        Returns
        -------
        LogisticSummary

        Raises
        ------
        InvalidInputError
            Where there are no standard errors, or a profile is asked of robust ones.
        NotConvergedError
            Where `max_iter` steps do not do for a point of a profile.
        """
        errors = self._errors()
        wanted = as_level(self.level if level is None else level)
        chosen = as_choice(method, "method", (None, "wald", "profile"))
        if chosen is None:
            chosen = "profile" if self.penalty == "firth" else "wald"
        values = np.r_[self.intercept_ if self.fit_intercept else [], self.coef_[0]]
        kind = "robust" if self.robust_covariance_ is not None else chosen
        about = (
            f"Logistic regression of {self.classes_[1]!s} against {self.classes_[0]!s}, {kind} "
            f"limits: {self.n_rows_:,} rows, log-likelihood {self.log_likelihood_:.6g}"
        )
        if chosen == "profile":
            if self.robust_covariance_ is not None:
                msg = "profile limits belong to the likelihood: robust errors have Wald's alone"
                raise InvalidInputError(msg, argument="method")
            rows = [self._profiled(j, v, errors[j], wanted) for j, v in enumerate(values.tolist())]
            z, lower, upper = np.array(rows).T
        else:
            z, half = values / errors, z_of(wanted) * errors
            lower, upper = values - half, values + half
        p = np.array([math.erfc(abs(v) / math.sqrt(2.0)) for v in z.tolist()])
        return LogisticSummary(self.terms_, values, errors, z, p, lower, upper, about)

    def tests(self, columns: Any = None) -> LogisticTests:
        """Test that the coefficients of columns are all 0.

        Parameters
        ----------
        columns : list of str or int, optional
            Names or positions. Default: all, for which a saved model needs no rows.

        Returns
        -------
        LogisticTests
            Likelihood ratio (of penalised likelihoods with Firth's penalty; none with robust
            errors, which it has no part in) and Wald, with the robust covariance where there is
            one.
        """
        self._errors()
        which = self._positions(columns)
        lead = int(self.fit_intercept)
        coef = self.coef_[0][which]
        best = self.covariance_ if self.robust_covariance_ is None else self.robust_covariance_
        assert best is not None
        part = best[np.ix_(which + lead, which + lead)]
        try:
            wald = float(coef @ np.linalg.solve(part, coef))
        except np.linalg.LinAlgError:
            wald = math.nan  # fewer clusters than columns
        names, statistics = ["Wald"], [wald]
        if self.robust_covariance_ is None:
            names.insert(0, "likelihood ratio")
            statistics.insert(0, max(2.0 * (self._penalised - self._without(which)), 0.0))
        statistic = np.array(statistics)
        df = np.full(len(names), len(which), dtype=np.int64)
        p = _core.special.chi_square_survival(statistic, df.astype(np.float64))
        tested = tuple(self.names_[j] for j in which.tolist())
        return LogisticTests(tuple(names), statistic, df, p, tested)

    def predict_interval(
        self, X: Any, level: float | None = None, offset: npt.ArrayLike | None = None
    ) -> LogisticProbabilities:
        """Return the probability of the second class with limits.

        Parameters
        ----------
        X, offset
            As in `decision_function`.
        level : float, optional
            Confidence level; the estimator's own by default.

        Returns
        -------
        LogisticProbabilities
        """
        self._errors()
        covariance = self._centred_covariance
        assert covariance is not None
        z = z_of(as_level(self.level if level is None else level))
        design, names = self._new_design(X)
        eta = self._log_odds(design, names, offset)
        terms = design - self.means_
        if self.fit_intercept:
            terms = np.column_stack([np.ones(len(design)), terms])
        half = z * np.sqrt(np.maximum(((terms @ covariance) * terms).sum(axis=1), 0))
        value, lower, upper = (
            np.exp(-np.logaddexp(0.0, -v)) for v in (eta, eta - half, eta + half)
        )
        return LogisticProbabilities(value, lower, upper)

    # --- what it takes ------------------------------------------------------------------------

    def _require_likelihood(self) -> None:
        self._require_fitted()
        if self.penalty is not None:
            msg = "AIC and BIC belong to maximum likelihood: penalty=None"
            raise InvalidInputError(msg, argument="penalty")

    def _errors(self) -> Floats:
        self._require_fitted()
        if self.standard_errors_ is not None:
            return self.standard_errors_
        if self.penalty in ("l2", "elasticnet"):
            msg = (
                f"a fit with penalty={self.penalty!r} has no standard errors: its bias, which no "
                "interval covers, is on purpose. Use penalty=None or 'firth'"
            )
        else:
            msg = f"there is no estimate to have limits ({self.status_}): see warnings_"
        raise InvalidInputError(msg, argument="penalty")

    def _positions(self, columns: Any) -> npt.NDArray[np.intp]:
        names = self.names_
        if columns is None:
            return np.arange(len(names))
        wanted = [columns] if isinstance(columns, (str, int)) else list(columns)
        found = []
        for column in wanted:
            if isinstance(column, str) and column in names:
                found.append(names.index(column))
            elif isinstance(column, (int, np.integer)) and 0 <= column < len(names):
                found.append(int(column))
            else:
                msg = f"{column!r} is no column of the fit, which has {list(names)}"
                raise InvalidInputError(msg, argument="columns", value=column)
        if not found or len(set(found)) < len(found):
            msg = f"columns must be distinct, and at least one, got {columns!r}"
            raise InvalidInputError(msg, argument="columns")
        return np.array(found, dtype=np.intp)

    def _rows(self) -> LogisticSample:
        if not hasattr(self, "_sample"):
            msg = "a saved model does not hold the rows of its fit: fit again for profiles"
            raise TenureError(msg)
        beta = np.ascontiguousarray(self._beta[None, :])
        here = self._sample.data.log_likelihoods(beta, as_threads(self.n_threads))[0]
        if not abs(here - self.log_likelihood_) <= 1e-7 * (1.0 + abs(self.log_likelihood_)):
            msg = "X was changed after the fit, which does not copy it: fit again for profiles"
            raise TenureError(msg)
        return self._sample

    def _held(self, data: Any, start: Floats, held: Any) -> Any:
        """Return the fit with some terms held where they start."""
        return data.fit(
            self.penalty == "firth", None, np.ascontiguousarray(start), held, self.max_iter,
            self.tol, as_threads(self.n_threads),
        )  # fmt: skip

    def _without(self, which: npt.NDArray[np.intp]) -> float:
        """The largest log-likelihood where some coefficients are 0."""
        if len(which) == self.n_features_in_ and self.penalty is None:
            return self.null_log_likelihood_
        data, lead = self._rows().data, int(self.fit_intercept)
        start, held = self._beta.copy(), np.zeros(data.terms, dtype=np.uint8)
        start[which + lead], held[which + lead] = 0.0, 1
        return float(self._held(data, start, held)["penalised"])

    def _profiled(self, term: int, value: float, error: float, level: float) -> Any:
        """Signed root of the likelihood ratio against 0, and profile limits."""
        sample = self._rows()
        data, start, unit = sample.data, self._beta.copy(), 1.0
        if self.fit_intercept and term == 0:
            # The intercept of columns as they are is a term only where these are not centred.
            data = _core.churn.LogisticData(
                sample.matrix, sample.event, sample.weight, sample.offset, True, False,
                as_threads(self.n_threads),
            )  # fmt: skip
            start[0] = value
        else:
            unit = float(data.scale[term - int(self.fit_intercept)])
        held = np.zeros(data.terms, dtype=np.uint8)
        held[term] = 1

        begin = start.copy()

        def largest(at: float) -> float:
            start[term] = begin[term] = at * unit
            for origin in (start, begin):  # where the last one ended, or at the estimate
                found = self._held(data, origin, held)
                if found["status"] == "converged":
                    start[:] = found["beta"]
                    return float(found["penalised"])
            msg = (
                f"the profile of {self.terms_[term]!r} did not converge at {at:g} "
                f"({found['status']}): raise max_iter"
            )
            raise NotConvergedError(msg)

        lower, upper = profile_limits(largest, value, error, self._penalised, level)
        fall = max(2.0 * (self._penalised - largest(0.0)), 0.0)
        return math.copysign(math.sqrt(fall), value), lower, upper
