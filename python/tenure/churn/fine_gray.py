"""Fine-Gray regression: what raises the share of customers that leaves for one cause."""

from __future__ import annotations

import math
import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._estimator import Estimator
from tenure._model_file import storable
from tenure._validation import Floats, as_column, as_count, as_level, as_number
from tenure.churn._case_weights import as_case_weights
from tenure.churn._codes import as_causes
from tenure.churn._regression import (
    CoefficientTable,
    as_design,
    coefficient_table,
    require_columns_of,
    require_independent,
)
from tenure.churn._times import as_times


@storable("churn.FineGray")
class FineGray(Estimator):
    """Proportional hazards of the subdistribution of one cause of leaving.

    A positive coefficient raises the share that has left for the cause by any time, other causes
    being what they are. Values and conventions are those of R's cmprsk. Formulas:
    docs/methods/fine_gray.md.

    Parameters
    ----------
    cause : label
        The cause of interest; all others compete.
    level : float
        Confidence level, between 0 and 1.
    max_iterations : int
    tolerance : float
        Of the gradient an event.

    Attributes
    ----------
    coef_ : ndarray of float, shape (n_features,)
    covariance_ : ndarray of float, shape (n_features, n_features)
        Fine and Gray's sandwich, which knows that the weights of censoring and entry are estimated.
    naive_covariance_ : ndarray of float
        Inverse information.
    baseline_time_, baseline_hazard_ : ndarray of float, shape (n_times,)
        Cumulative subdistribution hazard where all columns are 0.
    feature_names_in_ : tuple of str
    log_likelihood_, null_log_likelihood_ : float
        Partial likelihoods, at the estimate and at 0.
    status_ : {"converged", "max_iterations", "stalled", "boundary"}
    last_time_ : float
    n_iter_, gradient_norm_, n_customers_, n_events_
        Customers and events are rows of a positive weight.

    References
    ----------
    Fine, J. P. and Gray, R. J. (1999), JASA 94:496-509. Late entry: Geskus, R. B. (2011),
    Biometrics 67:39-49.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> fee = rng.normal(size=500)
    >>> price, moved = rng.exponential(10 * np.exp(-0.7 * fee)), rng.exponential(15, 500)
    >>> months = np.minimum(np.minimum(price, moved), 12)
    >>> cause = np.where(price < moved, "price", "moved")
    >>> cause = np.where(months < 12, cause, "")
    >>> model = tn.churn.FineGray("price").fit({"fee": fee}, months, cause)
    >>> model.converged_, bool(model.coef_[0] > 0.3)
    (True, True)
    >>> model.predict_incidence({"fee": [-1, 1]}, [6]).shape
    (2, 1)
    """

    coef_: Floats
    covariance_: Floats
    naive_covariance_: Floats
    baseline_time_: Floats
    baseline_hazard_: Floats
    feature_names_in_: tuple[str, ...]
    log_likelihood_: float
    null_log_likelihood_: float
    status_: str
    last_time_: float
    n_iter_: int
    gradient_norm_: float
    n_customers_: int
    n_events_: int
    _fitted = (
        "coef_", "covariance_", "naive_covariance_", "baseline_time_", "baseline_hazard_",
        "feature_names_in_", "log_likelihood_", "null_log_likelihood_", "status_", "last_time_",
        "n_iter_", "gradient_norm_", "n_customers_", "n_events_",
    )  # fmt: skip

    def __init__(
        self,
        cause: Any = 1,
        *,
        level: float = 0.95,
        max_iterations: int = 100,
        tolerance: float = 1e-9,
    ) -> None:
        self.cause = cause
        self.level = level
        self.max_iterations = max_iterations
        self.tolerance = tolerance

    def fit(
        self,
        X: Any,
        duration: npt.ArrayLike,
        cause: Any,
        entry: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Fit by partial likelihood.

        Parameters
        ----------
        X : table of shape (n_customers, n_features)
            Numbers, finite.
        duration : array-like of float, shape (n_customers,)
            Tenure at exit, finite, >= 0.
        cause : array-like of int or str, shape (n_customers,)
            As in `AalenJohansen.fit`: 0, None, NaN or an empty text is still a customer.
        entry : array-like of float, shape (n_customers,), optional
            Tenure at which observation began, >= 0 and < duration. 0 means from the start; late
            entry must say nothing of when and why the customer leaves.
        sample_weight : array-like of float, shape (n_customers,), optional
            0 or from 1e-100 to 1e100; a row of weight 0 is no row. Estimates are those of so many
            equal rows; `covariance_` takes weights for those of a survey, as R's robust errors do.

        Returns
        -------
        FineGray
            self.

        Raises
        ------
        InvalidInputError
            For a bad cell, naming argument and row; if nobody left for the cause; for columns that
            determine each other; if nobody was under observation just before someone entered, once
            a customer had left for another cause: how many more would have left is not known.

        Warns
        -----
        ConvergenceWarning
            If `status_` is not "converged", as where a column tells exactly who leaves.
        """
        most, tolerance = self._settings()
        times = as_column(duration, np.float64, "duration")
        codes, labels = as_causes(cause)
        if self.cause not in labels:
            msg = f"nobody left for the cause {self.cause!r}; the causes are {labels}"
            raise InvalidInputError(msg, argument="cause", value=self.cause)
        if codes.size != times.size:
            msg = f"cause has {codes.size} rows, but duration has {times.size}"
            raise InvalidInputError(msg, argument="cause")
        bad = np.flatnonzero(~(np.isfinite(times) & (times >= 0.0)))
        if bad.size:
            row = int(bad[0])
            msg = f"duration[{row}] must be finite and >= 0, got {times[row]:g}"
            raise InvalidInputError(msg, argument="duration", row=row, value=float(times[row]))
        begun = None if entry is None else _as_entry(entry, times)
        own = codes == labels.index(self.cause) + 1
        kind = np.where(own, 1, np.where(codes > 0, 2, 0)).astype(np.uint8)
        matrix, names = as_design(X, times.size)
        weight = as_case_weights(sample_weight, times.size, 1e100)
        if weight is not None:
            used = weight > 0.0
            times, kind, own, weight = times[used], kind[used], own[used], weight[used]
            matrix = np.ascontiguousarray(matrix[used])
            begun = None if begun is None else begun[used]
            if not own.any():
                msg = f"nobody of a positive weight left for the cause {self.cause!r}"
                raise InvalidInputError(msg, argument="sample_weight")
        require_independent(matrix, names, weight, intercept=True)
        raw = _core.survival.fine_gray(times, kind, matrix, begun, weight, most, tolerance)
        self.coef_ = raw["coefficients"]
        self.covariance_, self.naive_covariance_ = raw["covariance"], raw["naive_covariance"]
        self.baseline_time_, self.baseline_hazard_ = raw["time"], raw["baseline"]
        self.feature_names_in_ = tuple(names)
        self.log_likelihood_ = raw["log_likelihood"]
        self.null_log_likelihood_ = raw["null_log_likelihood"]
        self.status_, self.n_iter_ = raw["status"], raw["iterations"]
        self.gradient_norm_, self.last_time_ = raw["gradient_norm"], float(times.max())
        self.n_customers_, self.n_events_ = times.size, int(own.sum())
        if not self.converged_:
            msg = f"FineGray did not converge: {self.status_} after {self.n_iter_} evaluations"
            warnings.warn(msg, ConvergenceWarning, stacklevel=2)
        return self

    @property
    def converged_(self) -> bool:
        """Whether the fit ended at an optimum."""
        self._require_fitted()
        return self.status_ == "converged"

    @property
    def standard_errors_(self) -> Floats:
        """Of `coef_`, from `covariance_`."""
        self._require_fitted()
        return np.sqrt(np.diag(self.covariance_))

    def summary(self) -> CoefficientTable:
        """Return estimates with standard errors, Wald's tests and limits, one row a column of X."""
        self._require_fitted()
        return coefficient_table(
            list(self.feature_names_in_), self.coef_, self.covariance_, as_level(self.level)
        )

    def predict_incidence(self, X: Any, t: npt.ArrayLike) -> Floats:
        """Return the probability to have left for the cause by each time.

        Parameters
        ----------
        X : table of shape (n_customers, n_features)
        t : array-like of float, shape (n_times,)
            >= 0.

        Returns
        -------
        ndarray of float, shape (n_customers, n_times)
            NaN beyond the last time observed.
        """
        self._require_fitted()
        times = as_times(t, "t")
        risk = np.exp(require_columns_of(X, self.feature_names_in_) @ self.coef_)
        step = np.searchsorted(self.baseline_time_, times, side="right")
        hazard = np.concatenate([[0.0], self.baseline_hazard_])[step]
        hazard = np.where(times > self.last_time_, np.nan, hazard)
        return -np.expm1(-np.outer(risk, hazard))

    def plot(self, X: Any, ax: Any = None, *, labels: Any = None) -> Any:
        """Draw the predicted incidence of each row of `X` over time; return the Axes."""
        from tenure import plotting

        times = np.concatenate([[0.0], self.baseline_time_, [self.last_time_]])
        ax = plotting.axes(ax)
        rows = self.predict_incidence(X, times)
        for i, row in enumerate(rows):
            color = plotting.PALETTE[i % len(plotting.PALETTE)]
            label = None if labels is None else str(labels[i])
            plotting.curve(times, row, ax=ax, steps=True, color=color, label=label)
        plotting.from_zero(ax)
        plotting.percent_ticks(ax.yaxis, 0)
        ax.set(xlabel="Tenure", ylabel=f"Share that has left: {self.cause}")
        if labels is not None:
            plotting.legend_above(ax, len(rows))
        return ax

    def _settings(self) -> tuple[int, float]:
        as_level(self.level)
        return (
            as_count(self.max_iterations, "max_iterations", at_least=1),
            as_number(self.tolerance, "tolerance", above=0.0, at_most=1e-6),
        )

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._settings()
        p, n = len(self.feature_names_in_), np.size(self.baseline_time_)
        shapes = {
            "coef_": (p,), "covariance_": (p, p), "naive_covariance_": (p, p),
            "baseline_time_": (n,), "baseline_hazard_": (n,),
        }  # fmt: skip
        for name, shape in shapes.items():
            column = getattr(self, name)
            good = isinstance(column, np.ndarray) and column.dtype == np.float64
            if not good or column.shape != shape:
                msg = f"{name} holds values that no fit has"
                raise ValueError(msg)
        good = (
            bool(np.isfinite(self.coef_).all())
            and bool(np.all(np.diff(self.baseline_time_) > 0.0))
            and bool(np.all(np.diff(self.baseline_hazard_, prepend=0.0) > 0.0))
            and isinstance(self.last_time_, float)
            and math.isfinite(self.last_time_)
        )
        if not good:
            msg = "the model holds values that no fit has"
            raise ValueError(msg)


def _as_entry(entry: Any, duration: Floats) -> Floats:
    begun: Floats = as_column(entry, np.float64, "entry")
    if begun.size != duration.size:
        msg = f"entry has {begun.size} rows, but duration has {duration.size}"
        raise InvalidInputError(msg, argument="entry")
    bad = np.flatnonzero(~((begun >= 0.0) & ((begun < duration) | (begun == 0.0))))
    if bad.size:
        row = int(bad[0])
        msg = (
            f"entry[{row}] must be >= 0 and < duration (or 0: observed from the start), "
            f"got {begun[row]:g}"
        )
        raise InvalidInputError(msg, argument="entry", row=row, value=float(begun[row]))
    return begun
