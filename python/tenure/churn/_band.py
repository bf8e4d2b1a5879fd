"""Simultaneous confidence bands of a survival curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, as_number
from tenure.churn.survival_curve import SurvivalCurve


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SurvivalBand(Table):
    """A band that holds a whole survival curve: one row for each time at which someone churned.

    Attributes
    ----------
    time, survival, lower, upper : ndarray of float, shape (n_times,)
    kind : str
    start, end : float
        Range in which the curve is held.
    level, critical_value : float
        Probability, and the half-width in standard errors (equal precision) or in the units of Hall
        and Wellner's limit process.
    """

    time: Floats
    survival: Floats
    lower: Floats
    upper: Floats
    kind: str
    start: float
    end: float
    level: float
    critical_value: float

    _column_names = ("time", "survival", "lower", "upper")

    def _title(self) -> str:
        name = self.kind.replace("_", " ")
        return f"{100 * self.level:g} % {name} band from {self.start:g} to {self.end:g}"

    def plot(self, ax: Any = None, *, label: str | None = None) -> Any:
        """Draw the curve within its band; return the Axes."""
        from tenure import plotting

        ax = plotting.axes(ax)
        time = np.append(self.time, self.end)
        rows = (np.append(v, v[-1:]) for v in (self.survival, self.lower, self.upper))
        plotting.curve(time, *rows, ax=ax, label=label, steps=True)
        plotting.percent_ticks(ax.yaxis, 0)
        ax.set(xlabel="Tenure", ylabel="Share still a customer", ylim=(0, 1.02))
        return ax


def band_of(
    curve: SurvivalCurve, kind: str, start: Any, end: Any, level: float, scale: str
) -> SurvivalBand:
    """Return the band; [Klein & Moeschberger 2003, sec. 4.4], with exact critical values."""
    inner = (curve.survival > 0.0) & (curve.survival < 1.0)
    first = None if start is None else as_number(start, "start", at_least=0.0)
    last = None if end is None else as_number(end, "end", at_least=0.0)
    if first is not None:
        # The value at `start` is that of the step before it.
        step = int(np.searchsorted(curve.time, first, side="right")) - 1
        inner &= np.arange(curve.time.size) >= max(step, 0)
    if last is not None:
        inner &= curve.time <= last
    if not inner.any():
        msg = "start and end hold no time at which the curve is between 0 and 1"
        raise InvalidInputError(msg, argument="start", value=start)
    time, survival, greenwood = (np.ascontiguousarray(c[inner]) for c in curve._arrays())
    n = float(curve.at_risk.max())
    share = n * greenwood / (1.0 + n * greenwood)
    a, b = float(share[0]), float(share[-1])
    if kind == "equal_precision":
        critical = _core.survival.equal_precision_critical_value(level, a, b)
        deviation = critical * np.sqrt(greenwood)
    else:
        critical = _core.survival.hall_wellner_critical_value(level, a, b)
        deviation = critical * (1.0 + n * greenwood) / np.sqrt(n)
    lower, upper = _core.survival.limits_of_deviations(time, survival, greenwood, scale, deviation)
    return SurvivalBand(
        time, survival, lower, upper, kind,
        float(time[0]) if first is None else first,
        float(time[-1]) if last is None else last,
        level, critical,
    )  # fmt: skip
