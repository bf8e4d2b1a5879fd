"""Whether predicted chances to churn by a time come true."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, as_column, as_count, as_flags, as_level, as_number
from tenure.churn._measured import Measured
from tenure.churn._times import z_of
from tenure.churn.cox import CoxPH
from tenure.churn.kaplan_meier import KaplanMeier

#: What predicted chances of 0 and 1 are moved to, whose log(-log) is infinite.
_EDGE = 1e-9
_KNOTS = (0.1, 0.5, 0.9)  # quantiles, Harrell (2001), Regression Modeling Strategies, sec. 2.4.6


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SurvivalCalibration(Table):
    """Predicted and observed churn by a time; a row a group of customers alike in prediction.

    Attributes
    ----------
    customers : ndarray of float, shape (n_groups,)
    predicted : ndarray of float, shape (n_groups,)
        Mean predicted chance to churn by `time`, ascending.
    observed, lower, upper : ndarray of float, shape (n_groups,)
        Share that churned by `time`, Kaplan-Meier with log-log limits; NaN where nobody of the
        group was seen so long.
    ratio : Measured
        Observed share of all customers over the mean prediction: 1 if right on the whole.
    slope : Measured
        Coefficient of log(-log(1 - predicted)) in a Cox regression of churn up to `time`: below 1
        where predictions are too extreme.
    ici, e50, e90, emax : Measured
        Mean, median, 90 % quantile and maximum over customers of the distance between prediction
        and smoothed observation [Austin et al. 2020].
    curve_predicted, curve_observed, curve_lower, curve_upper : ndarray of float
        The smoothed observation by prediction, with pointwise limits.
    time, level : float

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> rate = np.exp(rng.normal(-3.0, 0.7, 4000))
    >>> life = np.minimum(rng.exponential(1.0 / rate), 24.0)
    >>> found = tn.churn.survival_calibration(life, life < 24.0, np.exp(-12.0 * rate), 12.0)
    >>> found.ratio.lower < 1.0 < found.ratio.upper, found.customers.tolist()[:2]
    (True, [400.0, 400.0])
    """

    customers: Floats
    predicted: Floats
    observed: Floats
    lower: Floats
    upper: Floats
    ratio: Measured
    slope: Measured
    ici: Measured
    e50: Measured
    e90: Measured
    emax: Measured
    curve_predicted: Floats
    curve_observed: Floats
    curve_lower: Floats
    curve_upper: Floats
    time: float
    level: float

    _column_names = ("customers", "predicted", "observed", "lower", "upper")

    def _title(self) -> str:
        return (
            f"Churn by {self.time:g}: observed over predicted {self.ratio.value:.3g}, slope "
            f"{self.slope.value:.3g}, ICI {self.ici.value:.3g}, limits at {self.level:.0%}"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw observed churn against predicted, by group and as a curve, over the diagonal.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        top = float(np.nanmax(np.concatenate([self.upper, self.predicted, self.curve_upper])))
        top = min(1.02, 1.06 * top)
        ax.plot([0.0, top], [0.0, top], color=plotting.LINE, linewidth=1.0)
        plotting.curve(
            self.curve_predicted, self.curve_observed, self.curve_lower, self.curve_upper, ax=ax
        )
        ax.errorbar(
            self.predicted, self.observed,
            yerr=[self.observed - self.lower, self.upper - self.observed],
            fmt="o", color=plotting.INK, markersize=4, linewidth=1.0,
        )  # fmt: skip
        plotting.percent_ticks(ax.xaxis, 0)
        plotting.percent_ticks(ax.yaxis, 0)
        ax.set(
            xlabel=f"Predicted churn by {self.time:g}", ylabel="Observed churn",
            xlim=(0.0, top), ylim=(0.0, top),
        )  # fmt: skip
        return ax


def survival_calibration(
    duration: npt.ArrayLike,
    churned: npt.ArrayLike,
    survival: npt.ArrayLike,
    time: float,
    *,
    groups: int = 10,
    level: float = 0.95,
) -> SurvivalCalibration:
    """Return whether predicted chances to stay until a time come true.

    Parameters
    ----------
    duration : array-like of float, shape (n_customers,)
        Tenure at exit or when last seen; finite, > 0 where churn was seen.
    churned : array-like of bool or 0/1, shape (n_customers,)
        Whether churn was seen at `duration`.
    survival : array-like of float, shape (n_customers,)
        Predicted chance to stay until `time`, in [0, 1]. 0 and 1 count as 1e-9 and 1 - 1e-9 in the
        regressions.
    time : float
        > 0; somebody must have churned by then and somebody must have been seen so long.
    groups : int
        Equal parts of the predictions; equal predictions stay together.
    level : float

    Returns
    -------
    SurvivalCalibration

    Raises
    ------
    InvalidInputError
        For a bad cell, naming argument and row; if all predictions are equal.

    Notes
    -----
    The observation is smoothed by a Cox regression, up to `time`, on a restricted cubic spline of
    log(-log(1 - predicted)) with knots at the quantiles 10, 50 and 90 %; limits follow from its
    coefficients and baseline by the delta method. The ICI of a model that is right is not 0 but of
    the size of its own error: read it beside slope and ratio.

    References
    ----------
    Austin, P. C., Harrell, F. E. and van Klaveren, D. (2020), Statistics in Medicine 39:2714-2742.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> rate = np.exp(rng.normal(-3.0, 0.7, 4000))
    >>> life = rng.exponential(1.0 / rate)
    >>> found = tn.churn.survival_calibration(
    ...     np.minimum(life, 24.0), life <= 24.0, np.exp(-12.0 * rate), 12.0
    ... )
    >>> round(found.slope.value, 1), found.ici.value < 0.03
    (1.0, True)
    """
    lives, gone = as_column(duration, np.float64, "duration"), as_flags(churned, "churned")
    stay: Floats = as_column(survival, np.float64, "survival")
    until = as_number(time, "time", above=0.0)
    parts, checked = as_count(groups, "groups", at_least=2), as_level(level)
    _require_rows(lives, gone, stay)
    if not (gone.astype(bool) & (lives <= until)).any():
        msg = f"time must be one by which somebody churned, got {until:g}"
        raise InvalidInputError(msg, argument="time", value=until)
    if not (lives >= until).any():
        msg = f"time must be at most {lives.max():g}, when the last customer was seen"
        raise InvalidInputError(msg, argument="time", value=until)
    predicted = 1.0 - stay
    if np.ptp(predicted) == 0.0:
        msg = "survival must differ between customers: one number cannot be told apart"
        raise InvalidInputError(msg, argument="survival")
    z = z_of(checked)
    whole = KaplanMeier(level=checked).fit(lives, gone)
    columns = _by_group(lives, gone, predicted, until, parts, checked)
    table: dict[str, Any] = dict(zip(SurvivalCalibration._column_names, columns, strict=True))
    # Churn after the time is not to tell of chances until it.
    seen = np.minimum(lives, until)
    churn = (gone.astype(bool) & (lives <= until)).astype(np.uint8)
    x = np.log(-np.log(np.clip(stay, _EDGE, 1.0 - _EDGE)))
    straight = CoxPH(level=checked).fit(x[:, None], seen, churn)
    slope, error = float(straight.coef_[0]), float(straight.standard_errors_[0])
    smooth = _Smooth(x, seen, churn, until)
    ici, e50, e90, emax = _distances(smooth, predicted, z, checked)
    grid = np.quantile(x, np.linspace(0.005, 0.995, 100))
    curve, spread = smooth.at(grid)
    with np.errstate(over="ignore"):
        lower, upper = (-np.expm1(-np.exp(curve + side * z * spread)) for side in (-1.0, 1.0))
    return SurvivalCalibration(
        **table,
        ratio=_ratio(whole, predicted, until, z, checked),
        slope=Measured(slope, error, slope - z * error, slope + z * error, checked, "Slope"),
        ici=ici,
        e50=e50,
        e90=e90,
        emax=emax,
        curve_predicted=-np.expm1(-np.exp(grid)),
        curve_observed=-np.expm1(-np.exp(curve)),
        curve_lower=lower,
        curve_upper=upper,
        time=until,
        level=checked,
    )


def _require_rows(lives: Floats, gone: Any, stay: Floats) -> None:
    for name, column in (("churned", gone), ("survival", stay)):
        if column.size != lives.size:
            msg = f"{name} has {column.size} rows, but duration has {lives.size}"
            raise InvalidInputError(msg, argument=name)
    outside = np.flatnonzero(~((stay >= 0.0) & (stay <= 1.0)))
    if outside.size:
        row = int(outside[0])
        msg = f"survival[{row}] must be a probability in [0, 1], got {stay[row]:g}"
        raise InvalidInputError(msg, argument="survival", row=row, value=float(stay[row]))


def _by_group(
    lives: Floats, gone: Any, predicted: Floats, until: float, parts: int, level: float
) -> tuple[Floats, ...]:
    edges = np.unique(np.quantile(predicted, np.arange(1, parts) / parts))
    of = np.searchsorted(edges, predicted, side="left")
    rows = []
    for k in np.unique(of):
        own = of == k
        share = KaplanMeier(level=level).fit(lives[own], gone[own]).predict([until], level)
        lower, upper = 1.0 - float(share.upper[0]), 1.0 - float(share.lower[0])
        value = 1.0 - float(share.value[0])
        beyond = int((lives[own] >= until).sum())
        if value == 0.0:  # nobody churned: the limit of so many who were seen to stay
            upper = 1.0 - ((1.0 - level) / 2.0) ** (1.0 / max(beyond, 1))
        elif value == 1.0:
            lower = ((1.0 - level) / 2.0) ** (1.0 / int(own.sum()))
            upper = 1.0
        rows.append((float(own.sum()), float(predicted[own].mean()), value, lower, upper))
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def _ratio(whole: KaplanMeier, predicted: Floats, until: float, z: float, level: float) -> Measured:
    curve = whole.curve_
    at = int(np.searchsorted(curve.time, until, side="right")) - 1
    stay, mean = float(curve.survival[at]), float(predicted.mean())
    churn = 1.0 - stay
    # Greenwood's error of the share, on the log scale of a ratio; the mean prediction is given.
    error = stay * math.sqrt(float(curve.greenwood[at])) / churn if stay > 0.0 else 0.0
    value = churn / mean
    reach = math.exp(z * error)
    return Measured(
        value, value * error, value / reach, value * reach, level, "Observed over predicted"
    )


class _Smooth:
    """Log cumulative hazard until a time by log(-log S), a Cox regression on a spline."""

    def __init__(self, x: Floats, seen: Floats, churn: Any, until: float) -> None:
        knots = np.quantile(x, _KNOTS)
        #: Too few distinct predictions for a curve leave a line.
        self.knots = knots if np.unique(knots).size == len(_KNOTS) else None
        columns = self._columns(x)
        cox = CoxPH().fit(columns, seen, churn)
        base = cox.baseline_
        last = int(np.searchsorted(base.time, until, side="right")) - 1
        self.hazard = float(base.cumulative_hazard[last])
        self.means, self.coef = cox.means_, cox.coef_
        self.columns = columns - self.means
        v, q = cox.covariance_, base.mean_hazard[last] / self.hazard
        # Of log hazard at the means and of the coefficients: docs/methods/cox.md, Baseline.
        self.covariance = np.empty((q.size + 1, q.size + 1))
        self.covariance[0, 0] = base.variance[last] / self.hazard**2 + q @ v @ q
        self.covariance[0, 1:] = self.covariance[1:, 0] = -(v @ q)
        self.covariance[1:, 1:] = v

    def _columns(self, x: Floats) -> Floats:
        if self.knots is None:
            return x[:, None]
        a, b, c = self.knots

        def cube(values: Floats) -> Floats:
            return np.maximum(values, 0.0) ** 3

        bend = cube(x - a) - cube(x - b) * (c - a) / (c - b) + cube(x - c) * (b - a) / (c - b)
        return np.column_stack([x, bend / (c - a) ** 2])

    def at(self, x: Floats) -> tuple[Floats, Floats]:
        """Return log hazards and their standard errors."""
        design = np.column_stack([np.ones(x.size), self._columns(x) - self.means])
        value = math.log(self.hazard) + np.einsum("ij,j->i", design[:, 1:], self.coef)
        return value, np.sqrt(np.einsum("ij,jk,ik->i", design, self.covariance, design))

    def own(self) -> tuple[Floats, Floats]:
        """Return each customer's observed chance, and its derivatives."""
        eta = math.log(self.hazard) + np.einsum("ij,j->i", self.columns, self.coef)
        with np.errstate(over="ignore"):
            hazard = np.exp(eta)
        observed: Floats = -np.expm1(-hazard)
        moved = np.where(np.isfinite(hazard), hazard * (1.0 - observed), 0.0)
        return observed, moved[:, None] * np.column_stack([np.ones(eta.size), self.columns])


def _distances(smooth: _Smooth, predicted: Floats, z: float, level: float) -> list[Measured]:
    observed, slope = smooth.own()
    off = observed - predicted
    distance, signed = np.abs(off), np.sign(off)[:, None] * slope
    order = np.argsort(distance, kind="stable")

    def measured(name: str, value: float, gradient: Floats, own: float = 0.0) -> Measured:
        error = math.sqrt(max(float(gradient @ smooth.covariance @ gradient), 0.0) + own)
        low, high = max(value - z * error, 0.0), min(value + z * error, 1.0)
        return Measured(value, error, low, high, level, name)

    n = distance.size
    out = [measured("ICI", float(distance.mean()), signed.mean(axis=0), float(distance.var()) / n)]
    for name, share in (("E50", 0.5), ("E90", 0.9), ("Emax", 1.0)):
        row = order[min(math.ceil(share * n), n) - 1]
        out.append(measured(name, float(distance[row]), signed[row]))
    return out
