"""What a survival curve holds, and what it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._model_file import storable
from tenure._results import Table
from tenure._validation import Floats


@storable("churn.SurvivalCurve")
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SurvivalCurve(Table):
    """A survival curve: one row for each distinct time at which someone churned.

    Attributes
    ----------
    time : ndarray of float, shape (n_times,)
        Ascending, in the unit of `duration`.
    at_risk : ndarray of float, shape (n_times,)
        Customers (weight) under observation just before the time.
    churned : ndarray of float, shape (n_times,)
        Customers (weight) that churned at the time.
    survival : ndarray of float, shape (n_times,)
        Share still a customer after the time.
    standard_error : ndarray of float, shape (n_times,)
        Greenwood's standard error of `survival`; NaN where `survival` is 0.
    lower, upper : ndarray of float, shape (n_times,)
        Pointwise confidence limits of `survival`; NaN where it is 0.
    greenwood : ndarray of float, shape (n_times,)
        Variance of log `survival`; infinite where it is 0.
    last_time : float
        Largest duration: beyond it the curve is unknown, unless it is 0 by then.
    """

    time: Floats
    at_risk: Floats
    churned: Floats
    survival: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    greenwood: Floats
    last_time: float

    _column_names = ("time", "at_risk", "churned", "survival", "standard_error", "lower", "upper")

    def _title(self) -> str:
        return f"Survival curve, known up to {self.last_time:g}"

    def plot(self, ax: Any = None, *, label: str | None = None) -> Any:
        """Draw the curve as steps with its confidence band.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        label : str, optional
            Name of the curve in a legend.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        time = np.concatenate([[0.0], self.time, [self.last_time]])

        def steps(values: Floats) -> Floats:
            ends = np.concatenate([[1.0], values])
            return np.concatenate([ends, ends[-1:]])

        bands = steps(self.lower), steps(self.upper)
        ax = plotting.axes(ax)
        plotting.curve(time, steps(self.survival), *bands, ax=ax, label=label, steps=True)
        plotting.percent_ticks(ax.yaxis, 0)
        ax.set(xlabel="Tenure", ylabel="Share still a customer", ylim=(0, 1.02))
        return ax

    def _first_times(self, shares: Floats) -> Floats:
        """The first times with survival <= 1 - p, within a relative 1e-10; infinite if none."""
        good = (shares > 0.0) & (shares < 1.0)
        if not good.all():
            row = int(np.argmin(good))
            msg = f"p[{row}] must be between 0 and 1, got {shares[row]:g}"
            raise InvalidInputError(msg, argument="p", row=row, value=float(shares[row]))
        # Ascending, as searchsorted wants it, without a copy of the curve.
        position = self.survival.size - np.searchsorted(
            self.survival[::-1], (1.0 - shares) * (1.0 + 1e-10), side="right"
        )
        out = np.full(shares.shape, np.inf)
        found = position < self.survival.size
        out[found] = self.time[position[found]]
        return out

    def _arrays(self) -> tuple[Floats, Floats, Floats]:
        return self.time, self.survival, self.greenwood


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SurvivalEstimate(Table):
    """Survival at chosen times, with confidence limits.

    Attributes
    ----------
    time, value, lower, upper : ndarray of float, shape (n_times,)
        `value` is NaN beyond the curve's last time; limits are NaN there and where it is 0, and
        equal to it where it is 1.
    """

    time: Floats
    value: Floats
    lower: Floats
    upper: Floats

    _column_names = ("time", "value", "lower", "upper")

    def _title(self) -> str:
        return "Share still a customer"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class QuantileEstimate(Table):
    """Times by which given shares have churned, with Brookmeyer-Crowley limits.

    Attributes
    ----------
    p, value, lower, upper : ndarray of float, shape (n_shares,)
        A value or limit is infinite where the curve or its confidence limit never falls so low.
    """

    p: Floats
    value: Floats
    lower: Floats
    upper: Floats

    _column_names = ("p", "value", "lower", "upper")

    def _title(self) -> str:
        return "Time by which a share p has churned"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RestrictedMean(Table):
    """Mean tenure within [0, until], with normal limits cut to that range.

    Attributes
    ----------
    until, value, standard_error, lower, upper : ndarray of float, shape (n_horizons,)
    """

    until: Floats
    value: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats

    _column_names = ("until", "value", "standard_error", "lower", "upper")

    def _title(self) -> str:
        return "Restricted mean tenure"


def require_curve(curve: Any) -> None:
    """Refuse what no fit can have left in a file."""
    if not isinstance(curve, SurvivalCurve):
        msg = "curve_ is no survival curve"
        raise ValueError(msg)
    for name, column in {**curve._columns(), "greenwood": curve.greenwood}.items():
        if not isinstance(column, np.ndarray) or column.dtype != np.float64:
            msg = f"{name} is no column of numbers"
            raise ValueError(msg)
        if column.shape != (curve.time.size,):
            msg = f"{name} has shape {column.shape}, not {(curve.time.size,)}"
            raise ValueError(msg)
    steps = np.concatenate([[1.0], curve.survival])
    alive = curve.survival > 0.0
    lower, value, upper = curve.lower[alive], curve.survival[alive], curve.upper[alive]
    valid = (
        np.isfinite(curve.last_time)
        and bool(np.all(np.diff(curve.time, append=np.inf) > 0.0))
        and bool(np.all((curve.time >= 0.0) & (curve.time <= curve.last_time)))
        and bool(np.all((curve.churned > 0.0) & (curve.churned <= curve.at_risk)))
        and bool(np.all((np.diff(steps) <= 0.0) & (curve.survival >= 0.0)))
        and bool(np.all(np.isfinite(curve.greenwood[alive])))
        and bool(np.all(np.diff(curve.greenwood[alive], prepend=0.0) >= 0.0))
        and bool(np.all((lower >= 0.0) & (lower <= value) & (value <= upper) & (upper <= 1.0)))
        and bool(np.all(curve.standard_error[alive] >= 0.0))
    )
    if not valid:
        msg = "curve_ holds values that no survival curve has"
        raise ValueError(msg)
