"""Turnbull: retention from lifetimes of which only an interval is known."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import ConvergenceWarning
from tenure._estimator import Estimator
from tenure._model_file import storable
from tenure._results import Table
from tenure._validation import Floats, as_column, as_count, as_number
from tenure.churn._stored import require_columns
from tenure.churn._times import as_times


@storable("churn.IntervalCurve")
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class IntervalCurve(Table):
    """Where the churn of interval-censored customers lies: one row an innermost interval.

    Attributes
    ----------
    left, right : ndarray of float, shape (n_intervals,)
        Ascending intervals (left, right]; equal ends are a point, the last may end at infinity.
    mass : ndarray of float, shape (n_intervals,)
        Share that churns within the interval; where in it, the data do not say.
    survival : ndarray of float, shape (n_intervals,)
        Share still a customer after the interval.
    """

    left: Floats
    right: Floats
    mass: Floats
    survival: Floats

    _column_names = ("left", "right", "mass", "survival")

    def _title(self) -> str:
        return "Share still a customer, from interval-censored lifetimes"

    def plot(self, ax: Any = None, *, label: str | None = None) -> Any:
        """Draw the curve; within an interval, the area in which it may lie. Return the Axes."""
        from tenure import plotting

        seen = np.isfinite(self.right)
        last = max([*self.left[~seen], *self.right[seen][-1:], 0.0])
        after = np.concatenate([[1.0], self.survival[seen]])
        after = np.concatenate([after, after[-1:]])
        first, second = (
            np.concatenate([[0.0], ends[seen], [last]]) for ends in (self.left, self.right)
        )
        ax = plotting.axes(ax)
        # It falls at the left end of an interval at the earliest, and at the right at the latest.
        x = np.unique(np.concatenate([first, second]))
        low, high = (
            after[np.searchsorted(ends[:-1], x, side="right") - 1] for ends in (first, second)
        )
        color = plotting.free_color(ax)
        ax.fill_between(x, low, high, step="post", color=color, alpha=0.25, linewidth=0)
        plotting.curve(second, after, ax=ax, label=label, color=color, steps=True)
        plotting.percent_ticks(ax.yaxis, 0)
        ax.set(xlabel="Tenure", ylabel="Share still a customer", ylim=(0, 1.02))
        return ax


@storable("churn.Turnbull")
class Turnbull(Estimator):
    """The nonparametric maximum likelihood estimate for interval-censored lifetimes.

    For customers who are looked at now and then: churn happened after the last time they were
    there, and by the first time they were gone. Formulas: docs/methods/survival_curves.md.

    Parameters
    ----------
    tolerance : float
        The estimate has converged if no other could have a log-likelihood higher by more than
        this a customer.
    max_iterations : int

    Attributes
    ----------
    curve_ : IntervalCurve
    log_likelihood_ : float
    gap_ : float
        Bound on what the log-likelihood a customer could still gain.
    converged_ : bool
    n_iter_ : int

    References
    ----------
    Turnbull, B. W. (1976), JRSS B 38:290-295. Wellner, J. A. and Zhan, Y. (1997), JASA 92:945-959.

    Examples
    --------
    >>> import tenure as tn
    >>> t = tn.churn.Turnbull().fit([0, 1, 2, 4], [2, 3, 4, float("inf")])
    >>> t.curve_.left.tolist(), t.curve_.mass.round(3).tolist()
    ([1.0, 2.0, 4.0], [0.375, 0.375, 0.25])
    """

    curve_: IntervalCurve
    log_likelihood_: float
    gap_: float
    converged_: bool
    n_iter_: int
    _fitted = ("curve_", "log_likelihood_", "gap_", "converged_", "n_iter_")

    def __init__(self, *, tolerance: float = 1e-9, max_iterations: int = 20_000) -> None:
        self.tolerance = tolerance
        self.max_iterations = max_iterations

    def fit(
        self,
        lower: npt.ArrayLike,
        upper: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Estimate the curve.

        Parameters
        ----------
        lower : array-like of float, shape (n_customers,)
            Largest tenure at which the customer was known to be there; 0 if none. Finite, >= 0.
        upper : array-like of float, shape (n_customers,)
            Tenure by which churn was known, in (lower, upper]; equal to `lower` if the time is
            known exactly, infinite if churn was not seen.
        sample_weight : array-like of float, shape (n_customers,), optional
            >= 0, not all 0.

        Returns
        -------
        Turnbull
            self.

        Raises
        ------
        InvalidInputError
            For a bad cell, naming argument and row, or a setting out of range.

        Warns
        -----
        ConvergenceWarning
            If `max_iterations` did not suffice; `converged_` is False then.
        """
        tolerance, most = self._settings()
        raw = _core.survival.turnbull(
            as_column(lower, np.float64, "lower"),
            as_column(upper, np.float64, "upper"),
            None
            if sample_weight is None
            else as_column(sample_weight, np.float64, "sample_weight"),
            most,
            tolerance,
        )
        # From the right: 1 minus a sum would leave rounding where few are left.
        beyond = np.cumsum(raw["mass"][::-1])[::-1]
        survival = np.minimum(np.concatenate([beyond[1:], [0.0]]), 1.0)
        self.curve_ = IntervalCurve(raw["left"], raw["right"], raw["mass"], survival)
        self.log_likelihood_, self.gap_ = raw["log_likelihood"], raw["gap"]
        self.converged_, self.n_iter_ = raw["converged"], raw["iterations"]
        if not self.converged_:
            msg = f"{most} iterations left a gap of {self.gap_:.3g} a customer, above {tolerance:g}"
            warnings.warn(msg, ConvergenceWarning, stacklevel=2)
        return self

    def predict(self, t: npt.ArrayLike) -> Floats:
        """Return the share still a customer after each time of `t`, shape (n_times,), >= 0.

        NaN within an interval that has mass, where the data do not say.
        """
        self._require_fitted()
        times, curve = as_times(t, "t"), self.curve_
        done = np.searchsorted(curve.right, times, side="right")
        value = np.concatenate([[1.0], curve.survival])[done]
        left = np.concatenate([curve.left, [np.inf]])[done]
        mass = np.concatenate([curve.mass, [0.0]])[done]
        return np.where((times > left) & (mass > 0.0), np.nan, value)

    def plot(self, ax: Any = None, *, label: str | None = None) -> Any:
        """Draw the curve, and where within intervals it may lie; return the Axes."""
        self._require_fitted()
        return self.curve_.plot(ax, label=label)

    def _settings(self) -> tuple[float, int]:
        return (
            as_number(self.tolerance, "tolerance", above=0.0),
            as_count(self.max_iterations, "max_iterations", at_least=1),
        )

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._settings()
        c = require_columns(self.curve_, IntervalCurve, defined=False)
        valid = (
            c["mass"].size > 0
            and all(np.isfinite(c[name]).all() for name in ("left", "mass", "survival"))
            and bool(np.all(c["left"] <= c["right"]))
            and bool(np.all(np.diff(c["left"]) >= 0.0))
            and bool(np.all(c["mass"] >= 0.0))
            and abs(float(c["mass"].sum()) - 1.0) < 1e-9
            and bool(np.all(np.diff(c["survival"], prepend=1.0) <= 0.0))
        )
        if not valid:
            msg = "curve_ holds values that no such curve has"
            raise ValueError(msg)
