"""Accelerated failure time regression: what makes customers stay longer, and by what factor."""

from __future__ import annotations

import copy
import math
import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._estimator import Estimator
from tenure._model_file import storable
from tenure._validation import (
    Floats,
    as_choice,
    as_column,
    as_count,
    as_flags,
    as_level,
    as_number,
    as_threads,
)
from tenure.churn import _aft_predict as ask
from tenure.churn._profile import profile_limits
from tenure.churn._regression import (
    CoefficientTable,
    as_design,
    clustered,
    coefficient_table,
    require_columns_of,
    require_independent,
)

_LAWS = ("weibull", "exponential", "log_normal", "log_logistic", "generalized_gamma")


@storable("churn.AFT")
class AFT(Estimator):
    """Parametric regression of lifetimes, log T = intercept + X coef + scale W.

    exp(coefficient) is the factor by which a unit of a column stretches every lifetime. Names and
    values are those of R's survreg. Formulas: docs/methods/aft.md.

    Parameters
    ----------
    distribution : {"weibull", "exponential", "log_normal", "log_logistic", "generalized_gamma"}
        The law of T at given columns; generalized gamma holds the other ones but the log-logistic,
        with one more parameter.
    fit_intercept : bool
    robust : bool
        Standard errors by the sandwich, which holds where the distribution is wrong, by row, or by
        cluster where `fit` is given `clusters`.
    level : float
        Confidence level, between 0 and 1.
    max_iterations : int
    tolerance : float
        Of the gradient a customer.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    intercept_ : float
    coef_ : ndarray of float, shape (n_features,)
    scale_ : float
        Of W; 1 in "exponential". Weibull's shape is 1 / scale.
    shape_ : float
        Prentice's q of "generalized_gamma" (1: Weibull, 0: log-normal), else NaN.
    covariance_ : ndarray of float
        Of intercept, coefficients, log(scale) and q, as far as they are estimated.
    terms_ : tuple of str
        Their names.
    feature_names_in_ : tuple of str
    log_likelihood_ : float
        Of the times, as in survreg.
    status_ : {"converged", "max_iterations", "stalled", "boundary"}
    n_iter_, gradient_norm_, n_customers_

    References
    ----------
    Kalbfleisch, J. D. and Prentice, R. L. (2002), The Statistical Analysis of Failure Time Data,
    ch. 3. Prentice, R. L. (1974), Biometrika 61:539-544 (generalized gamma).

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(1)
    >>> plan = rng.integers(0, 2, 4000)
    >>> months = np.exp(2 + 0.5 * plan) * rng.weibull(1.5, 4000)
    >>> model = tn.churn.AFT().fit({"plan": plan}, np.minimum(months, 12), months <= 12)
    >>> model.coef_.round(2).tolist(), round(model.scale_, 2), model.converged_
    ([0.48], 0.67, True)
    >>> model.predict_quantile({"plan": [0, 1]}).ravel().round(1).tolist()
    [5.8, 9.4]
    """

    intercept_: float
    coef_: Floats
    scale_: float
    shape_: float
    covariance_: Floats
    terms_: tuple[str, ...]
    feature_names_in_: tuple[str, ...]
    log_likelihood_: float
    status_: str
    n_iter_: int
    gradient_norm_: float
    n_customers_: int
    _fitted = (
        "intercept_", "coef_", "scale_", "shape_", "covariance_", "terms_", "feature_names_in_",
        "log_likelihood_", "status_", "n_iter_", "gradient_norm_", "n_customers_",
    )  # fmt: skip

    def __init__(
        self,
        distribution: str = "weibull",
        *,
        fit_intercept: bool = True,
        robust: bool = False,
        level: float = 0.95,
        max_iterations: int = 200,
        tolerance: float = 1e-9,
        n_threads: int | None = None,
    ) -> None:
        self.distribution = distribution
        self.fit_intercept = fit_intercept
        self.robust = robust
        self.level = level
        self.max_iterations = max_iterations
        self.tolerance = tolerance
        self.n_threads = n_threads

    def fit(
        self,
        X: Any,
        duration: npt.ArrayLike,
        churned: npt.ArrayLike | None = None,
        entry: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
        *,
        upper: npt.ArrayLike | None = None,
        clusters: Any = None,
    ) -> Self:
        """Fit by maximum likelihood.

        Parameters
        ----------
        X : table of shape (n_customers, n_features)
            What tells customers apart: numbers, finite.
        duration : array-like of float, shape (n_customers,)
            Tenure at exit, > 0 where churn was seen. With `upper`: the last tenure at which the
            customer was known to be there, 0 if none.
        churned : array-like of bool or 0/1, shape (n_customers,), optional
            Whether churn was seen at `duration`; default: of everyone. Not with `upper`.
        entry : array-like of float, shape (n_customers,), optional
            Tenure at which observation began (left truncation).
        sample_weight : array-like of float, shape (n_customers,), optional
            >= 0, not all 0; a whole weight is the same as so many equal rows.
        upper : array-like of float, shape (n_customers,), optional
            Churn came within (duration, upper]: equal to `duration` if the time is known, infinite
            if churn was not seen; with `duration` 0, left-censored.
        clusters : array-like of labels, shape (n_customers,), optional
            Rows of one cluster may depend on each other; needs ``robust=True``.

        Returns
        -------
        AFT
            self.

        Raises
        ------
        InvalidInputError
            For a bad cell, naming argument and row; for columns that determine each other, naming
            them; for a setting out of range.

        Warns
        -----
        ConvergenceWarning
            If `status_` is not "converged".
        """
        settings = self._settings()
        data = self._data(X, duration, churned, entry, sample_weight, upper)
        lower, high, matrix, names, late, weight = data
        require_independent(matrix, names, weight, intercept=bool(self.fit_intercept))
        if clusters is not None and not self.robust:
            msg = "clusters need robust=True"
            raise InvalidInputError(msg, argument="clusters")
        raw = _core.survival.aft_fit(lower, high, matrix, late, weight, None, *settings)
        coefficients = raw["coefficients"]
        first = int(bool(self.fit_intercept))
        self.feature_names_in_ = tuple(names)
        self.terms_ = self._terms(names)
        self.intercept_ = float(coefficients[0]) if first else 0.0
        self.coef_ = coefficients[first:].copy()
        self.scale_ = math.exp(raw["log_scale"])
        self.shape_ = raw["shape"] if settings[0] == "generalized_gamma" else math.nan
        self.covariance_ = raw["covariance"]
        self.log_likelihood_ = raw["log_likelihood"]
        self.status_, self.n_iter_ = raw["status"], raw["iterations"]
        self.gradient_norm_, self.n_customers_ = raw["gradient_norm"], lower.size
        if self.robust:
            self.covariance_ = self._sandwich(lower, high, matrix, late, weight, clusters)
        if not self.converged_:
            msg = f"AFT did not converge: {self.status_} after {self.n_iter_} evaluations"
            warnings.warn(msg, ConvergenceWarning, stacklevel=2)
        return self

    @property
    def converged_(self) -> bool:
        """Whether the fit ended at an optimum."""
        self._require_fitted()
        return self.status_ == "converged"

    @property
    def aic_(self) -> float:
        """Akaike's criterion, 2 k - 2 log likelihood."""
        self._require_fitted()
        return 2.0 * len(self.terms_) - 2.0 * self.log_likelihood_

    @property
    def standard_errors_(self) -> Floats:
        """Of `terms_`, in their order."""
        self._require_fitted()
        return np.sqrt(np.diag(self.covariance_))

    def summary(self) -> CoefficientTable:
        """Return estimates with standard errors, Wald's tests and limits, one row a term."""
        self._require_fitted()
        return coefficient_table(
            list(self.terms_), self._values(), self.covariance_, as_level(self.level)
        )

    def profile_interval(
        self,
        term: str,
        X: Any,
        duration: npt.ArrayLike,
        churned: npt.ArrayLike | None = None,
        entry: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
        *,
        upper: npt.ArrayLike | None = None,
    ) -> tuple[float, float]:
        """Return the limits of one coefficient at which the profile likelihood has fallen.

        Better than Wald's where the likelihood is not a parabola. A dozen fits; the data are those
        of `fit`.

        Parameters
        ----------
        term : str
            A name of `feature_names_in_`, or "Intercept".

        Returns
        -------
        lower, upper : float
            At which twice the fall is the chi-square quantile of `level`; infinite if it never is.
        """
        self._require_fitted()
        settings = self._settings()
        known = self.terms_[: len(self.coef_) + int(bool(self.fit_intercept))]
        at = known.index(as_choice(term, "term", known))
        data = self._data(X, duration, churned, entry, sample_weight, upper)
        lower, high, matrix, _, late, weight = data
        law, intercept, most, tolerance, threads = settings
        if intercept and at == 0:
            column, others, keep = np.ones(lower.size), matrix, False
        else:
            j = at - int(intercept)
            column, others, keep = matrix[:, j], np.delete(matrix, j, axis=1), intercept
        if others.shape[1] == 0 and not keep:
            others = np.zeros((lower.size, 0))

        def log_likelihood(value: float) -> float:
            raw = _core.survival.aft_fit(
                lower, high, np.ascontiguousarray(others), late, weight,
                np.ascontiguousarray(value * column), law, keep, most, tolerance, threads,
            )  # fmt: skip
            return float(raw["log_likelihood"])

        return profile_limits(
            log_likelihood,
            float(self._values()[at]),
            float(self.standard_errors_[at]),
            self.log_likelihood_,
            as_level(self.level),
        )

    def predict_survival(
        self, X: Any, t: npt.ArrayLike, tenure: npt.ArrayLike | None = None
    ) -> Floats:
        """Return the probability to stay for `t` more, shape (n_customers, n_times).

        Parameters
        ----------
        X : table of shape (n_customers, n_features)
        t : array-like of float, shape (n_times,)
            >= 0.
        tenure : array-like of float, shape (n_customers,), optional
            What each customer has reached: times count from there. Default: 0.
        """
        return self._ask(_core.survival.aft_survival, X, t, tenure)

    def predict_hazard(
        self, X: Any, t: npt.ArrayLike, tenure: npt.ArrayLike | None = None
    ) -> Floats:
        """Return the hazard of churn `t` after `tenure`, shape (n_customers, n_times)."""
        return self._ask(_core.survival.aft_hazard, X, t, tenure)

    def predict_quantile(
        self, X: Any, p: npt.ArrayLike = 0.5, tenure: npt.ArrayLike | None = None
    ) -> Floats:
        """Return the time after `tenure` by which a share `p` leaves, (n_customers, n_shares)."""
        return self._ask(_core.survival.aft_quantile, X, p, tenure)

    def predict_restricted_mean(
        self, X: Any, until: npt.ArrayLike, tenure: npt.ArrayLike | None = None
    ) -> Floats:
        """Return the mean stay within `until` after `tenure`, shape (n_customers, n_horizons)."""
        return self._ask(_core.survival.aft_restricted_mean, X, until, tenure)

    def predict_mean(self, X: Any) -> Floats:
        """Return the mean lifetime, shape (n_customers,); infinite where the law has none."""
        self._require_fitted()
        eta = ask.linear_predictor(self, require_columns_of(X, self.feature_names_in_))
        return np.exp(eta + ask.log_mean(self.distribution, self.scale_, self.shape_))

    def predict(self, X: Any) -> Floats:
        """Return the median lifetime, shape (n_customers,)."""
        return self.predict_quantile(X, 0.5)[:, 0]

    def plot(
        self, X: Any, ax: Any = None, *, until: float | None = None, labels: Any = None
    ) -> Any:
        """Draw the survival curve of each row of `X` with limits at `level`; return the Axes.

        Parameters
        ----------
        X : table of shape (n_profiles, n_features)
        ax : matplotlib Axes, optional
        until : float, optional
            Last tenure drawn. Default: when nine of ten of the most loyal profile have left.
        labels : sequence of str, optional
            Names of the profiles.
        """
        from tenure.churn._survival_picture import draw_survival

        if until is None:
            until = float(self.predict_quantile(X, 0.9).max())
        at = np.linspace(0.0, as_number(until, "until", above=0.0), 201)
        return draw_survival(
            self, X, at, ax, labels=labels, level=self.level, steps=False, xlabel="Tenure"
        )

    def _moved(self, values: Floats) -> AFT:
        """Return the model with other values of its terms."""
        other = copy.copy(self)
        first, p = int(bool(self.fit_intercept)), len(self.feature_names_in_)
        other.intercept_ = float(values[0]) if first else 0.0
        other.coef_ = values[first : first + p]
        if self.distribution != "exponential":
            other.scale_ = math.exp(values[first + p])
        if self.distribution == "generalized_gamma":
            other.shape_ = float(values[-1])
        return other

    def _ask(self, kernel: Any, X: Any, at: Any, tenure: Any) -> Floats:
        self._require_fitted()
        matrix = require_columns_of(X, self.feature_names_in_)
        reached = None if tenure is None else as_column(tenure, np.float64, "tenure")
        return ask.predict(self, kernel, matrix, at, reached)

    def _values(self) -> Floats:
        values = [self.intercept_] if self.fit_intercept else []
        values += self.coef_.tolist()
        if self.distribution != "exponential":
            values.append(math.log(self.scale_))
        if self.distribution == "generalized_gamma":
            values.append(self.shape_)
        return np.array(values)

    def _terms(self, names: list[str]) -> tuple[str, ...]:
        terms = (["Intercept"] if self.fit_intercept else []) + names
        if self.distribution != "exponential":
            terms.append("log(scale)")
        return (*terms, "q") if self.distribution == "generalized_gamma" else tuple(terms)

    def _settings(self) -> tuple[str, bool, int, float, int]:
        as_choice(self.robust, "robust", (True, False))
        as_level(self.level)
        return (
            as_choice(self.distribution, "distribution", _LAWS),
            as_choice(self.fit_intercept, "fit_intercept", (True, False)),
            as_count(self.max_iterations, "max_iterations", at_least=1),
            as_number(self.tolerance, "tolerance", above=0.0, at_most=1e-6),
            as_threads(self.n_threads),
        )

    def _data(
        self, X: Any, duration: Any, churned: Any, entry: Any, weight: Any, upper: Any
    ) -> tuple[Floats, Floats, Floats, list[str], Floats | None, Floats | None]:
        lower = as_column(duration, np.float64, "duration")
        if upper is None:
            gone = (
                np.ones(lower.size, np.uint8) if churned is None else as_flags(churned, "churned")
            )
            if gone.size != lower.size:
                msg = f"churned has {gone.size} rows, but duration has {lower.size}"
                raise InvalidInputError(msg, argument="churned")
            zero = np.flatnonzero((lower == 0.0) & (gone == 1))
            if zero.size:
                row = int(zero[0])
                msg = f"duration[{row}] must be > 0 where churn was seen, got 0"
                raise InvalidInputError(msg, argument="duration", row=row, value=0.0)
            high = np.where(gone == 1, lower, np.inf)
        elif churned is not None:
            msg = "churned and upper say the same: give one of them"
            raise InvalidInputError(msg, argument="churned")
        else:
            high = as_column(upper, np.float64, "upper")
        bad = np.flatnonzero(~(np.isfinite(lower) & (lower >= 0.0)))
        if bad.size:
            row = int(bad[0])
            msg = f"duration[{row}] must be finite and >= 0, got {lower[row]:g}"
            raise InvalidInputError(msg, argument="duration", row=row, value=float(lower[row]))
        matrix, names = as_design(X, lower.size)
        late = None if entry is None else as_column(entry, np.float64, "entry")
        heavy = None if weight is None else as_column(weight, np.float64, "sample_weight")
        return lower, high, matrix, names, late, heavy

    def _sandwich(
        self, lower: Floats, high: Floats, X: Floats, late: Any, weight: Any, clusters: Any
    ) -> Floats:
        shape = 0.0 if math.isnan(self.shape_) else self.shape_
        rows = _core.survival.aft_rows(
            lower, high, X, late, self.distribution, ask.linear_predictor(self, X),
            math.log(self.scale_), shape, as_threads(self.n_threads),
        )  # fmt: skip
        ones = [np.ones((lower.size, 1))] if self.fit_intercept else []
        scores = rows[:, 1:2] * np.hstack([*ones, X])
        further = len(self.terms_) - scores.shape[1]
        scores = np.hstack([scores, rows[:, 2 : 2 + further]])
        if weight is not None:
            scores = scores * weight[:, None]
        return self.covariance_ @ clustered(scores, clusters) @ self.covariance_

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._settings()
        names = self.feature_names_in_
        k = len(self._terms(list(names)))
        numbers = [self.intercept_, self.scale_, self.log_likelihood_, self.gradient_norm_]
        good = (
            all(isinstance(n, str) for n in names)
            and self.terms_ == self._terms(list(names))
            and isinstance(self.coef_, np.ndarray)
            and self.coef_.shape == (len(names),)
            and bool(np.isfinite(self.coef_).all())
            and all(isinstance(v, float) and math.isfinite(v) for v in numbers)
            and self.scale_ > 0.0
            and isinstance(self.shape_, float)
            and math.isfinite(self.shape_) == (self.distribution == "generalized_gamma")
            and isinstance(self.covariance_, np.ndarray)
            and self.covariance_.shape == (k, k)
        )
        if not good:
            msg = "the model holds values that no fit has"
            raise ValueError(msg)
