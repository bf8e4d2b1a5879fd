"""Kaplan-Meier: the share of customers still there, from lifetimes of which many have not ended."""

from __future__ import annotations

import warnings
from typing import Any, Self, overload

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import DataWarning, InvalidInputError
from tenure._estimator import Estimator
from tenure._model_file import storable
from tenure._validation import Floats, as_choice, as_column, as_flags, as_level, as_number
from tenure.churn._band import SurvivalBand, band_of
from tenure.churn.survival_curve import (
    QuantileEstimate,
    RestrictedMean,
    SurvivalCurve,
    SurvivalEstimate,
    require_curve,
)


@storable("churn.KaplanMeier")
class KaplanMeier(Estimator):
    """Kaplan-Meier estimate of customer retention, with left truncation and weights.

    Churn comes before censoring at the same time; times are the same only if they are the same
    number. The formulas are in docs/methods/kaplan_meier.md.

    Parameters
    ----------
    interval : {"log-log", "log", "plain"}
        Scale on which the curve is taken as normal for its confidence limits.
    level : float
        Confidence level, between 0 and 1.

    Attributes
    ----------
    curve_ : SurvivalCurve
        The curve, with its risk sets and limits.
    median_ : float
        Time by which half have churned; infinite if the curve stays above one half.
    warnings_ : tuple of str
        What the data gave reason to warn of.

    References
    ----------
    Kaplan, E. L. and Meier, P. (1958). Nonparametric estimation from incomplete observations.
    JASA 53:457-481. Kalbfleisch, J. D. and Prentice, R. L. (1980), p. 15 (log-log). Brookmeyer, R.
    and Crowley, J. (1982), Biometrics 38:29-41 (quantiles).

    Examples
    --------
    >>> import tenure as tn
    >>> km = tn.churn.KaplanMeier().fit([1, 2, 2, 3], [1, 1, 0, 0])
    >>> km.curve_.survival.tolist()
    [0.75, 0.5]
    >>> km.predict([0.5, 1, 2.5, 9]).tolist()
    [1.0, 0.75, 0.5, nan]
    """

    curve_: SurvivalCurve
    warnings_: tuple[str, ...]
    _fitted = ("curve_", "warnings_")

    def __init__(self, *, interval: str = "log-log", level: float = 0.95) -> None:
        self.interval = interval
        self.level = level

    def fit(
        self,
        duration: npt.ArrayLike,
        churned: npt.ArrayLike,
        entry: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Estimate the curve.

        Parameters
        ----------
        duration : array-like of float, shape (n_customers,)
            Tenure at exit: at churn, or when last seen. Finite, >= 0; any unit.
        churned : array-like of bool or 0/1, shape (n_customers,)
            Whether churn was seen at `duration`; else the customer is censored there.
        entry : array-like of float, shape (n_customers,), optional
            Tenure at which observation began (left truncation): a customer is at risk at t only if
            ``entry < t <= duration``. 0 means from the start.
        sample_weight : array-like of float, shape (n_customers,), optional
            >= 0, not all 0; a whole weight is the same as so many equal rows.

        Returns
        -------
        KaplanMeier
            self.

        Raises
        ------
        InvalidInputError
            For a bad cell, naming argument and row, or a setting out of range.

        Warns
        -----
        DataWarning
            If everyone at risk churned before later customers came under observation: the curve is
            0 from there on, whatever they did.
        """
        scale, level = self._scale(self.interval), as_level(self.level)
        raw = _core.survival.kaplan_meier(
            as_column(duration, np.float64, "duration"),
            as_flags(churned, "churned"),
            None if entry is None else as_column(entry, np.float64, "entry"),
            None
            if sample_weight is None
            else as_column(sample_weight, np.float64, "sample_weight"),
        )
        error, lower, upper = _core.survival.curve_limits(
            raw["time"], raw["survival"], raw["greenwood"], scale, level
        )
        self.curve_ = SurvivalCurve(standard_error=error, lower=lower, upper=upper, **raw)
        self.warnings_ = _warnings(self.curve_)
        for message in self.warnings_:
            warnings.warn(message, DataWarning, stacklevel=2)
        return self

    @property
    def median_(self) -> float:
        """Time by which half have churned; infinite if the curve stays above one half."""
        return float(self.quantile(0.5))

    @overload
    def predict(self, t: npt.ArrayLike, interval: None = None) -> Floats: ...
    @overload
    def predict(self, t: npt.ArrayLike, interval: float) -> SurvivalEstimate: ...
    def predict(self, t: npt.ArrayLike, interval: float | None = None) -> Floats | SurvivalEstimate:
        """Return the share still a customer after time `t`.

        Parameters
        ----------
        t : array-like of float, shape (n_times,)
            >= 0, in the unit of `duration`.
        interval : float, optional
            Confidence level: return limits too.

        Returns
        -------
        ndarray of float, shape (n_times,), or SurvivalEstimate
            1 before the first churn, NaN beyond the last time observed (unless nobody is left).
        """
        self._require_fitted()
        times = as_column(t, np.float64, "t")
        curve = self.curve_
        value = _core.survival.survival_at(*curve._arrays(), curve.last_time, times)
        if interval is None:
            return value
        level = as_level(interval, "interval")
        # Limits of the steps that are asked for, and of no others.
        step = np.searchsorted(curve.time, times, side="right")
        used, at = np.unique(step, return_inverse=True)
        if curve.time.size:
            time, survival, greenwood = (
                np.ascontiguousarray(c[np.maximum(used, 1) - 1]) for c in curve._arrays()
            )
            _, lower, upper = _core.survival.curve_limits(
                time, survival, greenwood, self._scale(self.interval), level
            )
        else:
            lower = upper = np.ones(used.size)
        start, unknown = step == 0, np.isnan(value)
        limits = [
            np.where(unknown, np.nan, np.where(start, 1.0, limit[at])) for limit in (lower, upper)
        ]
        return SurvivalEstimate(times, value, *limits)

    def quantile(self, p: npt.ArrayLike, interval: float | None = None) -> Any:
        """Return the time by which a share `p` of customers has churned.

        Parameters
        ----------
        p : float or array-like of float, shape (n_shares,)
            Between 0 and 1; 0.5 gives the median.
        interval : float, optional
            Confidence level: return Brookmeyer-Crowley limits too.

        Returns
        -------
        float or ndarray of float, as `p` is, or QuantileEstimate
            The first time with survival <= 1 - p; infinite if there is none.
        """
        self._require_fitted()
        shape = np.shape(p)
        shares = as_column(np.atleast_1d(np.asarray(p)), np.float64, "p")
        if interval is None:
            return self.curve_._first_times(shares).reshape(shape)[()]
        scale, level = self._scale(self.interval), as_level(interval, "interval")
        value, lower, upper = _core.survival.curve_quantiles(
            *self.curve_._arrays(), scale, level, shares
        )
        return QuantileEstimate(shares, value, lower, upper)

    def restricted_mean(
        self, until: npt.ArrayLike, interval: float | None = None
    ) -> RestrictedMean:
        """Return the mean tenure within [0, `until`]: the area under the curve.

        Parameters
        ----------
        until : float or array-like of float, shape (n_horizons,)
            >= 0 and at most the last time observed, unless nobody is left by then.
        interval : float, optional
            Confidence level; the estimator's own by default.

        Returns
        -------
        RestrictedMean
            Mean, standard error and normal limits.

        Raises
        ------
        InvalidInputError
            If the curve is not known up to `until`.
        """
        self._require_fitted()
        level = as_level(self.level if interval is None else interval, "interval")
        horizons = as_column(np.atleast_1d(np.asarray(until)), np.float64, "until")
        valid = np.isfinite(horizons) & (horizons >= 0.0)
        valid[valid] = ~np.isnan(self.predict(horizons[valid]))
        if not valid.all():
            row = int(np.flatnonzero(~valid)[0])
            msg = (
                f"until[{row}] must be >= 0 and at most {self.curve_.last_time:g}, the last time "
                f"at which the curve is known, got {horizons[row]:g}"
            )
            raise InvalidInputError(msg, argument="until", row=row, value=float(horizons[row]))
        rows = [
            _core.survival.restricted_mean(*self.curve_._arrays(), float(h), level)
            for h in horizons
        ]
        return RestrictedMean(horizons, *np.array(rows, dtype=np.float64).reshape(-1, 4).T.copy())

    def given(self, tenure: float) -> SurvivalCurve:
        """Return the curve of customers who have reached `tenure`: S(t) / S(tenure) for t beyond.

        Parameters
        ----------
        tenure : float
            >= 0, where the curve is known and not 0. Times stay those since the start.

        Returns
        -------
        SurvivalCurve
            With its own standard errors and limits, on the scale and level of the estimator.

        Raises
        ------
        InvalidInputError
            If nobody is known to have reached `tenure`.

        Examples
        --------
        >>> import tenure as tn
        >>> km = tn.churn.KaplanMeier().fit([1, 2, 2, 3, 4], [1, 1, 0, 1, 0])
        >>> km.given(1).survival.round(4).tolist()
        [0.75, 0.375]
        """
        self._require_fitted()
        at = as_number(tenure, "tenure", at_least=0.0)
        reached = float(self.predict([at])[0])
        if not reached > 0.0:
            msg = f"tenure must be a time that customers are known to reach, got {at:g}"
            raise InvalidInputError(msg, argument="tenure", value=at)
        curve = self.curve_
        first = int(np.searchsorted(curve.time, at, side="right"))
        rest = {
            name: np.ascontiguousarray(getattr(curve, name)[first:])
            for name in ("time", "at_risk", "churned", "survival", "greenwood")
        }
        rest["survival"] = rest["survival"] / reached
        rest["greenwood"] = rest["greenwood"] - (curve.greenwood[first - 1] if first else 0.0)
        error, lower, upper = _core.survival.curve_limits(
            rest["time"], rest["survival"], rest["greenwood"],
            self._scale(self.interval), as_level(self.level),
        )  # fmt: skip
        return SurvivalCurve(
            standard_error=error, lower=lower, upper=upper, last_time=curve.last_time, **rest
        )

    def band(
        self,
        kind: str = "equal_precision",
        *,
        start: float | None = None,
        end: float | None = None,
        level: float | None = None,
    ) -> SurvivalBand:
        """Return a band that holds the whole curve from `start` to `end` with probability `level`.

        Parameters
        ----------
        kind : {"equal_precision", "hall_wellner"}
            Proportional to the pointwise limits (Nair), or narrower in the middle and wider at the
            ends.
        start, end : float, optional
            Default: the first time, and the last with survival above 0, at which someone churned.
        level : float, optional
            The estimator's own by default.

        Returns
        -------
        SurvivalBand

        Raises
        ------
        InvalidInputError
            If no curve between 0 and 1 lies within the range, or a setting is out of range.

        Notes
        -----
        Critical values are computed, not looked up: docs/methods/survival_curves.md.

        References
        ----------
        Nair, V. N. (1984), Technometrics 26:265-275. Hall, W. J. and Wellner, J. A. (1980),
        Biometrika 67:133-143.
        """
        self._require_fitted()
        as_choice(kind, "kind", ("equal_precision", "hall_wellner"))
        level = as_level(self.level if level is None else level)
        return band_of(self.curve_, kind, start, end, level, self._scale(self.interval))

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
        self._require_fitted()
        return self.curve_.plot(ax, label=label)

    @staticmethod
    def _scale(interval: Any) -> str:
        return str(as_choice(interval, "interval", ("log-log", "log", "plain")))

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._scale(self.interval)
        as_level(self.level)
        require_curve(self.curve_)


def _warnings(curve: SurvivalCurve) -> tuple[str, ...]:
    dead = np.flatnonzero(curve.survival == 0.0)
    if dead.size == 0 or curve.time[dead[0]] == curve.last_time:
        return ()
    return (
        f"everyone under observation at {curve.time[dead[0]]:g} churned, and other customers were "
        "under observation only later: the curve is 0 from there on, whatever they did",
    )
