"""Nelson-Aalen: the cumulative hazard of churn."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._estimator import Estimator
from tenure._model_file import storable
from tenure._results import Table
from tenure._validation import Floats, as_choice, as_column, as_flags, as_level
from tenure.churn._stored import require_columns
from tenure.churn._times import as_times, z_of


@storable("churn.HazardCurve")
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class HazardCurve(Table):
    """A cumulative hazard: one row for each distinct time at which someone churned.

    Attributes
    ----------
    time : ndarray of float, shape (n_times,)
        Ascending, in the unit of `duration`.
    at_risk, churned : ndarray of float, shape (n_times,)
        Customers (weight) under observation just before the time, and that churned at it.
    hazard : ndarray of float, shape (n_times,)
        Cumulative hazard up to the time.
    standard_error, lower, upper : ndarray of float, shape (n_times,)
    last_time : float
        Largest duration: beyond it the hazard is unknown.
    """

    time: Floats
    at_risk: Floats
    churned: Floats
    hazard: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    last_time: float

    _column_names = ("time", "at_risk", "churned", "hazard", "standard_error", "lower", "upper")

    def _title(self) -> str:
        return f"Cumulative hazard, known up to {self.last_time:g}"

    def plot(self, ax: Any = None, *, label: str | None = None) -> Any:
        """Draw the cumulative hazard as steps with its confidence band; return the Axes."""
        from tenure import plotting

        time = np.concatenate([[0.0], self.time, [self.last_time]])

        def steps(values: Floats) -> Floats:
            ends = np.concatenate([[0.0], values])
            return np.concatenate([ends, ends[-1:]])

        ax = plotting.axes(ax)
        bands = steps(self.lower), steps(self.upper)
        plotting.curve(time, steps(self.hazard), *bands, ax=ax, label=label, steps=True)
        plotting.from_zero(ax)
        ax.set(xlabel="Tenure", ylabel="Cumulative hazard of churn")
        return ax


@storable("churn.NelsonAalen")
class NelsonAalen(Estimator):
    """Nelson-Aalen estimate of the cumulative hazard, with left truncation and weights.

    Churn comes before censoring at the same time. Formulas: docs/methods/survival_curves.md.

    Parameters
    ----------
    ties : {"together", "in_turn"}
        Churn at one time counts as d / n, or as 1/n + 1/(n - 1) + ..., as if one came after the
        other.
    interval : {"log", "plain"}
        Scale on which the hazard is taken as normal for its confidence limits.
    level : float
        Confidence level, between 0 and 1.

    Attributes
    ----------
    curve_ : HazardCurve

    References
    ----------
    Nelson, W. (1972), Technometrics 14:945-966. Aalen, O. O. (1978), Annals of Statistics
    6:701-726. Fleming, T. R. and Harrington, D. P. (1984), Comm. Stat. 13:2469-2486 (ties).

    Examples
    --------
    >>> import tenure as tn
    >>> tn.churn.NelsonAalen().fit([1, 2, 2, 4], [1, 1, 1, 0]).curve_.hazard.round(4).tolist()
    [0.25, 0.9167]
    """

    curve_: HazardCurve
    _fitted = ("curve_",)

    def __init__(
        self, *, ties: str = "together", interval: str = "log", level: float = 0.95
    ) -> None:
        self.ties = ties
        self.interval = interval
        self.level = level

    def fit(
        self,
        duration: npt.ArrayLike,
        churned: npt.ArrayLike,
        entry: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Estimate the cumulative hazard; arguments and errors as in `KaplanMeier.fit`."""
        ties, scale, level = self._settings()
        raw = _core.survival.nelson_aalen(
            as_column(duration, np.float64, "duration"),
            as_flags(churned, "churned"),
            None if entry is None else as_column(entry, np.float64, "entry"),
            None
            if sample_weight is None
            else as_column(sample_weight, np.float64, "sample_weight"),
            ties == "in_turn",
        )
        error = np.sqrt(raw["variance"])
        hazard, half = raw["hazard"], z_of(level) * error
        if scale == "log":
            ratio = np.exp(half / hazard)
            lower, upper = hazard / ratio, hazard * ratio
        else:
            lower, upper = np.maximum(hazard - half, 0.0), hazard + half
        self.curve_ = HazardCurve(
            raw["time"], raw["at_risk"], raw["churned"], hazard, error, lower, upper,
            raw["last_time"],
        )  # fmt: skip
        return self

    def predict(self, t: npt.ArrayLike) -> Floats:
        """Return the cumulative hazard at each time of `t`, shape (n_times,), >= 0.

        0 before the first churn, NaN beyond the last time observed.
        """
        self._require_fitted()
        times = as_times(t, "t")
        step = np.searchsorted(self.curve_.time, times, side="right")
        value = np.concatenate([[0.0], self.curve_.hazard])[step]
        return np.where(times > self.curve_.last_time, np.nan, value)

    def plot(self, ax: Any = None, *, label: str | None = None) -> Any:
        """Draw the cumulative hazard with its confidence band; return the Axes."""
        self._require_fitted()
        return self.curve_.plot(ax, label=label)

    def _settings(self) -> tuple[str, str, float]:
        ties = as_choice(self.ties, "ties", ("together", "in_turn"))
        return ties, as_choice(self.interval, "interval", ("log", "plain")), as_level(self.level)

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._settings()
        c = require_columns(self.curve_, HazardCurve)
        rows = [c[name] for name in ("lower", "hazard", "upper")]
        rises = bool(np.all(np.diff(c["hazard"], prepend=0.0) > 0.0))
        if not rises or not all(np.all(a <= b) for a, b in itertools.pairwise(rows)):
            msg = "curve_ holds values that no cumulative hazard has"
            raise ValueError(msg)
