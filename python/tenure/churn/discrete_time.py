"""Discrete-time hazards: who does not renew, asked once a period."""

from __future__ import annotations

import copy
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
from tenure.churn._regression import (
    CoefficientTable,
    as_design,
    coefficient_table,
    require_columns_of,
    require_independent,
)

_MAX_PERIODS = 10_000


@storable("churn.DiscreteTimeHazard")
class DiscreteTimeHazard(Estimator):
    """Regression of the chance not to renew, period by period.

    The same estimates as a binary regression of all person-periods, which are never written out.
    With ``link="cloglog"`` and period factors it is the proportional hazards model of lifetimes
    that are only known to the period. Formulas: docs/methods/discrete_time.md.

    Parameters
    ----------
    link : {"logit", "cloglog"}
        Of the hazard: log(h / (1 - h)), or log(-log(1 - h)).
    period : {"factor", "linear", "constant"}
        What the hazard has in common at each period: a level of its own, an intercept and a slope,
        or an intercept.
    level : float
        Confidence level, between 0 and 1.
    max_iterations : int
    tolerance : float
        Of the gradient a person-period.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    coef_ : ndarray of float, shape (n_features,)
    period_coef_ : ndarray of float
        Of the periods in `periods_`; or of intercept and period; or of the intercept.
    periods_ : ndarray of int
        With factors: the periods at which someone left. In others the hazard is 0.
    covariance_ : ndarray of float
        Of `terms_`.
    terms_ : tuple of str
    feature_names_in_ : tuple of str
    log_likelihood_ : float
        The deviance of the binary regression is -2 times it.
    n_person_periods_ : float
    last_period_, status_, n_iter_, gradient_norm_, n_customers_

    References
    ----------
    Prentice, R. L. and Gloeckler, L. A. (1978), Biometrics 34:57-67. Allison, P. D. (1982),
    Sociological Methodology 13:61-98.

    Examples
    --------
    >>> import tenure as tn
    >>> model = tn.churn.DiscreteTimeHazard(period="constant").fit(
    ...     {"annual": [0, 0, 0, 1, 1, 1]}, [1, 2, 3, 2, 4, 4], [1, 1, 0, 1, 0, 0]
    ... )
    >>> model.predict_hazard({"annual": [0, 1]}, [1]).round(4).tolist()
    [[0.3333], [0.1]]
    """

    coef_: Floats
    period_coef_: Floats
    periods_: npt.NDArray[np.int64]
    covariance_: Floats
    terms_: tuple[str, ...]
    feature_names_in_: tuple[str, ...]
    log_likelihood_: float
    n_person_periods_: float
    last_period_: int
    status_: str
    n_iter_: int
    gradient_norm_: float
    n_customers_: int
    _fitted = (
        "coef_", "period_coef_", "periods_", "covariance_", "terms_", "feature_names_in_",
        "log_likelihood_", "n_person_periods_", "last_period_", "status_", "n_iter_",
        "gradient_norm_", "n_customers_",
    )  # fmt: skip

    def __init__(
        self,
        *,
        link: str = "logit",
        period: str = "factor",
        level: float = 0.95,
        max_iterations: int = 200,
        tolerance: float = 1e-9,
        n_threads: int | None = None,
    ) -> None:
        self.link = link
        self.period = period
        self.level = level
        self.max_iterations = max_iterations
        self.tolerance = tolerance
        self.n_threads = n_threads

    def fit(
        self,
        X: Any,
        duration: npt.ArrayLike,
        churned: npt.ArrayLike,
        entry: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Fit by maximum likelihood.

        Parameters
        ----------
        X : table of shape (n_customers, n_features)
            Numbers, finite.
        duration : array-like of int, shape (n_customers,)
            Periods in which the customer was asked to renew, 1 or more: the last of them is the
            one in which they left, or were last seen to renew.
        churned : array-like of bool or 0/1, shape (n_customers,)
            Whether they left in it.
        entry : array-like of int, shape (n_customers,), optional
            Periods before observation began, < `duration`.
        sample_weight : array-like of float, shape (n_customers,), optional
            >= 0, not all 0.

        Returns
        -------
        DiscreteTimeHazard
            self.

        Raises
        ------
        InvalidInputError
            For a bad cell, naming argument and row; if nobody left; for columns that determine
            each other; for more than 10,000 periods.

        Warns
        -----
        ConvergenceWarning
            If `status_` is not "converged", as where a column tells exactly who leaves, or
            everyone asked in the last period left.
        """
        cloglog, most, tolerance, threads = self._settings()
        asked = as_column(duration, np.int32, "duration")
        left = as_flags(churned, "churned")
        if left.size != asked.size:
            msg = f"churned has {left.size} rows, but duration has {asked.size}"
            raise InvalidInputError(msg, argument="churned")
        bad = np.flatnonzero((asked < 1) | (asked > _MAX_PERIODS))
        if bad.size:
            row = int(bad[0])
            msg = f"duration[{row}] must be from 1 to {_MAX_PERIODS} periods, got {asked[row]}"
            raise InvalidInputError(msg, argument="duration", row=row, value=int(asked[row]))
        matrix, names = as_design(X, asked.size)
        weight = None
        if sample_weight is not None:
            weight = as_column(sample_weight, np.float64, "sample_weight")
            if weight.size != asked.size:
                msg = f"sample_weight has {weight.size} rows, but duration has {asked.size}"
                raise InvalidInputError(msg, argument="sample_weight")
        require_independent(matrix, names, weight, intercept=True)
        gone = left == 1 if weight is None else (left == 1) & (weight > 0.0)
        if not gone.any():
            msg = "nobody left: churned is 0 for everyone"
            raise InvalidInputError(msg, argument="churned")
        self.periods_ = np.unique(asked[gone]).astype(np.int64)
        self.last_period_ = int(asked.max())
        raw = _core.survival.discrete_time_fit(
            asked,
            left,
            matrix,
            self._time(np.arange(1, self.last_period_ + 1)),
            None if entry is None else as_column(entry, np.int32, "entry"),
            weight,
            cloglog,
            most,
            tolerance,
            threads,
        )
        split = raw["coefficients"].size - len(names)
        self.period_coef_ = raw["coefficients"][:split].copy()
        self.coef_ = raw["coefficients"][split:].copy()
        self.covariance_, self.log_likelihood_ = raw["covariance"], raw["log_likelihood"]
        self.feature_names_in_, self.terms_ = tuple(names), (*self._time_terms(), *names)
        self.n_person_periods_, self.status_ = raw["person_periods"], raw["status"]
        self.n_iter_, self.gradient_norm_ = raw["iterations"], raw["gradient_norm"]
        self.n_customers_ = asked.size
        if not self.converged_:
            msg = f"DiscreteTimeHazard did not converge: {self.status_} after {self.n_iter_} steps"
            warnings.warn(msg, ConvergenceWarning, stacklevel=2)
        return self

    @property
    def converged_(self) -> bool:
        """Whether the fit ended at an optimum."""
        self._require_fitted()
        return self.status_ == "converged"

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

    def predict_hazard(self, X: Any, period: npt.ArrayLike) -> Floats:
        """Return the chance to leave in each period, if asked, shape (n_customers, n_periods).

        `period` holds whole numbers from 1 on; with factors, NaN beyond `last_period_`.
        """
        self._require_fitted()
        periods = as_column(np.atleast_1d(np.asarray(period)), np.int64, "period")
        bad = np.flatnonzero((periods < 1) | (periods > _MAX_PERIODS))
        if bad.size:
            row = int(bad[0])
            msg = f"period[{row}] must be from 1 to {_MAX_PERIODS}, got {periods[row]}"
            raise InvalidInputError(msg, argument="period", row=row, value=int(periods[row]))
        shared = require_columns_of(X, self.feature_names_in_) @ self.coef_
        eta = shared[:, None] + (self._time(periods) @ self.period_coef_)
        with np.errstate(over="ignore"):
            if self.link == "cloglog":
                hazard: Floats = -np.expm1(-np.exp(eta))
            else:
                hazard = 1.0 / (1.0 + np.exp(-eta))
        if self.period == "factor":
            hazard[:, ~np.isin(periods, self.periods_)] = 0.0
            hazard[:, periods > self.last_period_] = np.nan
        return hazard

    def predict_survival(self, X: Any, period: npt.ArrayLike, tenure: int = 0) -> Floats:
        """Return the chance to stay through each period, shape (n_customers, n_periods).

        Parameters
        ----------
        X : table of shape (n_customers, n_features)
        period : array-like of int, shape (n_periods,)
            0 or more.
        tenure : int
            Periods that the customers have renewed already; 1 up to there.
        """
        periods = as_column(np.atleast_1d(np.asarray(period)), np.int64, "period")
        reached = as_count(tenure, "tenure")
        if periods.size and (periods.min() < 0 or periods.max() > _MAX_PERIODS):
            msg = f"period must be from 0 to {_MAX_PERIODS}"
            raise InvalidInputError(msg, argument="period")
        last = int(max(periods.max(initial=0), reached, 1))
        stays = np.log1p(-self.predict_hazard(X, np.arange(1, last + 1)))
        stays[:, :reached] = 0.0
        curve = np.concatenate([np.zeros((stays.shape[0], 1)), np.cumsum(stays, axis=1)], axis=1)
        survival: Floats = np.exp(curve[:, periods])
        return survival

    def plot(self, X: Any, ax: Any = None, *, labels: Any = None) -> Any:
        """Draw the survival of each row of `X` with limits at `level`; return the Axes.

        Parameters
        ----------
        X : table of shape (n_profiles, n_features)
        ax : matplotlib Axes, optional
        labels : sequence of str, optional
            Names of the profiles.
        """
        from tenure.churn._survival_picture import draw_survival

        self._require_fitted()
        at = np.arange(self.last_period_ + 1)
        return draw_survival(
            self, X, at, ax, labels=labels, level=self.level, steps=True, xlabel="Period"
        )

    def _values(self) -> Floats:
        return np.concatenate([self.period_coef_, self.coef_])

    def _moved(self, values: Floats) -> DiscreteTimeHazard:
        """Return the model with other values of its terms."""
        other = copy.copy(self)
        other.period_coef_, other.coef_ = np.split(values, [self.period_coef_.size])
        return other

    def _time(self, periods: npt.NDArray[Any]) -> Floats:
        if self.period == "factor":
            own: Floats = np.equal(periods[:, None], self.periods_).astype(np.float64)
            return own
        columns = [np.ones(periods.size), periods.astype(np.float64)]
        return np.stack(columns[: 1 + (self.period == "linear")], axis=1)

    def _time_terms(self) -> tuple[str, ...]:
        if self.period == "factor":
            return tuple(f"period {t}" for t in self.periods_.tolist())
        return ("Intercept", "period")[: 1 + (self.period == "linear")]

    def _settings(self) -> tuple[bool, int, float, int]:
        as_level(self.level)
        as_choice(self.period, "period", ("factor", "linear", "constant"))
        return (
            as_choice(self.link, "link", ("logit", "cloglog")) == "cloglog",
            as_count(self.max_iterations, "max_iterations", at_least=1),
            as_number(self.tolerance, "tolerance", above=0.0, at_most=1e-6),
            as_threads(self.n_threads),
        )

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._settings()
        good = (
            isinstance(self.periods_, np.ndarray)
            and self.periods_.dtype == np.int64
            and bool(np.all(np.diff(self.periods_) > 0))
            and self.terms_ == (*self._time_terms(), *self.feature_names_in_)
        )
        shapes = {
            "coef_": (len(self.feature_names_in_),),
            "period_coef_": (len(self.terms_) - len(self.feature_names_in_),),
            "covariance_": (len(self.terms_), len(self.terms_)),
        }
        for name, shape in shapes.items():
            column = getattr(self, name)
            good = good and isinstance(column, np.ndarray) and column.shape == shape
            good = good and column.dtype == np.float64
        good = good and bool(np.isfinite(self.coef_).all() and np.isfinite(self.period_coef_).all())
        if not (good and isinstance(self.last_period_, int) and self.last_period_ >= 1):
            msg = "the model holds values that no fit has"
            raise ValueError(msg)
