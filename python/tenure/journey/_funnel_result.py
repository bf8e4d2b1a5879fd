"""What a funnel found: how far customers came, how long it took, who may still come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._time import MICROS_PER_DAY
from tenure._validation import Floats, Ints, as_count
from tenure.churn.kaplan_meier import KaplanMeier
from tenure.churn.survival_curve import SurvivalCurve

Durations = npt.NDArray[np.timedelta64]


def median_of(times: Durations, quantiles: Floats) -> Durations | None:
    """Return the medians, if they were asked for."""
    at = np.flatnonzero(quantiles == 0.5)
    return times[..., at[0]] if at.size else None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FunnelBreakdown(Table):
    """A funnel by the value of a property. As a table: one row for each value and step.

    Attributes
    ----------
    by, attribution : str
        What was asked for.
    values : tuple of (str or None), length n_values
        Ascending; None, last, for events without a value.
    steps : tuple of str, length n_steps
    counts, open : ndarray of int, shape (n_values, n_steps)
    rates, lower, upper, step_rates : ndarray of float, shape (n_values, n_steps)
    final_rates, final_lower, final_upper : ndarray of float, shape (n_values, n_steps)
    times, lags : ndarray of timedelta64[us], shape (n_values, n_steps, n_quantiles)
    quantiles : ndarray of float, shape (n_quantiles,)
        All as in `Funnel`.

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> minute = np.array([0, 5, 3]).astype("timedelta64[m]")
    >>> rows = {
    ...     "who": [1, 1, 2],
    ...     "what": ["view", "pay", "view"],
    ...     "device": ["web", "web", "app"],
    ...     "when": np.datetime64("2024-01-01", "us") + minute,
    ... }
    >>> columns = {"customer": "who", "time": "when", "event": "what", "properties": ["device"]}
    >>> log = tn.EventLog(rows, **columns, orders=["pay"])
    >>> b = tn.journey.funnel(log, steps=["view", "pay"], window="1h", by="device").breakdown
    >>> b.values, b.counts.tolist()
    (('app', 'web'), [[1, 0], [1, 1]])
    """

    by: str
    attribution: str
    values: tuple[str | None, ...]
    steps: tuple[str, ...]
    counts: Ints
    rates: Floats
    lower: Floats
    upper: Floats
    step_rates: Floats
    times: Durations
    lags: Durations
    quantiles: Floats
    open: Ints
    final_rates: Floats
    final_lower: Floats
    final_upper: Floats

    def _columns(self) -> Mapping[str, Any]:
        n, k = self.counts.shape
        columns: dict[str, Any] = {
            self.by if self.by not in _TAKEN else f"{self.by}_": np.repeat(
                np.array([*self.values, None], dtype=object)[:-1], k
            ),
            "step": list(self.steps) * n,
        }
        names = ("counts", "rates", "lower", "upper", "step_rates")
        columns |= {name.removesuffix("s"): getattr(self, name).ravel() for name in names}
        median = median_of(self.times, self.quantiles)
        if median is not None:
            columns["median_time"] = median.ravel()
        return columns | {"open": self.open.ravel(), "final_rate": self.final_rates.ravel()}

    def _title(self) -> str:
        return f"Funnel by {self.by} of the {self.attribution} step, {len(self.values):,} values"


#: Columns that a property must not hide.
_TAKEN = {"step", "count", "rate", "lower", "upper", "step_rate", "median_time", "open"}
_TAKEN |= {"final_rate"}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Funnel(Table):
    """How many came how far. As a table: one row for each step.

    A unit is a customer, a session or an attempt, as `count` says. A cell without anything to
    divide by, or a time that nobody took, is NaN or NaT.

    Attributes
    ----------
    steps : tuple of str, length n_steps
        Names of the rows: event names; under ``order="any"`` and ``"anchored"`` how many steps.
    counts : ndarray of int, shape (n_steps,)
        Units that reached the step.
    rates, lower, upper : ndarray of float, shape (n_steps,)
        Share of those at step 1, with Wilson limits.
    step_rates, step_lower, step_upper : ndarray of float, shape (n_steps,)
        Share of those at the step before (the last that is not optional); NaN for step 1.
    dropped : ndarray of int, shape (n_steps,)
        Units at the step before, as above, that did not reach this one; 0 for step 1.
    quantiles : ndarray of float, shape (n_quantiles,)
    times, lags : ndarray of timedelta64[us], shape (n_steps, n_quantiles)
        Quantiles of the time to the step from the chain's start, and from its event before.
    open : ndarray of int, shape (n_steps,)
        Units that had not reached the step when observation ended, but still could.
    final_rates, final_lower, final_upper : ndarray of float, shape (n_steps,)
        What `rates` come to once every window open at `observed_until` has run out, by chains that
        have begun. Where no unit is open they are `rates`. With ``start="first"`` or ``"every"`` by
        Kaplan-Meier, open units censored where observation ends; NaN if nobody was watched for the
        whole window. Under ``start="any"`` by landmark: of those who were open one longest chain
        before `observed_until`, the share that came by what had begun then is taken for those open
        now; NaN if nobody was open then, or a window has no end. Limits are NaN where nobody, or
        everybody, has come.
    breakdown : FunnelBreakdown or None
    n_customers : int
        Customers of the log, whatever they did.
    order, start, count : str
    level : float
    horizons : ndarray of int, shape (n_steps,)
        Microseconds after which a unit that has not come is decided.

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> minute = np.array([0, 2, 7, 1, 9, 5]).astype("timedelta64[m]")
    >>> rows = {
    ...     "who": [1, 1, 1, 2, 2, 3],
    ...     "what": ["view", "cart", "pay", "view", "cart", "view"],
    ...     "when": np.datetime64("2024-01-01T12:00", "us") + minute,
    ... }
    >>> log = tn.EventLog(rows, customer="who", time="when", event="what", orders=["pay"])
    >>> f = tn.journey.funnel(log, steps=["view", "cart", "pay"], window="1h")
    >>> f.counts.tolist(), f.dropped.tolist()
    ([3, 2, 1], [0, 1, 1])
    >>> f.times[:, 1].tolist()[1:]
    [datetime.timedelta(seconds=300), datetime.timedelta(seconds=420)]
    """

    steps: tuple[str, ...]
    counts: Ints
    rates: Floats
    lower: Floats
    upper: Floats
    step_rates: Floats
    step_lower: Floats
    step_upper: Floats
    dropped: Ints
    quantiles: Floats
    times: Durations
    lags: Durations
    open: Ints
    final_rates: Floats
    final_lower: Floats
    final_upper: Floats
    breakdown: FunnelBreakdown | None
    n_customers: int
    order: str
    start: str
    count: str
    level: float
    horizons: Ints
    units: _core.journey.FunnelUnits

    @property
    def unit_steps(self) -> npt.NDArray[np.uint32]:
        """By unit at step 1, in order of customers, held values and time: bit k is step k + 1.

        An array of shape (n_units,).
        """
        return self.units.reached()

    @property
    def unit_times(self) -> Ints:
        """Microseconds from the chain's start to the step, by step from the second on, by unit.

        If the unit is not there: how long it has been open; -1 if it is not. An array of shape
        (n_steps - 1, n_units).
        """
        times = np.full((len(self.steps) - 1, self.units.size), -1, dtype=np.int64)
        for k, row in enumerate(times):
            row[self.units.unit(k)] = self.units.time(k)
        return times

    def _columns(self) -> Mapping[str, Any]:
        names = ("counts", "rates", "lower", "upper", "step_rates", "dropped")
        columns: dict[str, Any] = {"step": list(self.steps)}
        columns |= {name.removesuffix("s"): getattr(self, name) for name in names}
        median = median_of(self.times, self.quantiles)
        if median is not None:
            columns["median_time"] = median
        return columns | {"open": self.open, "final_rate": self.final_rates}

    def _units(self) -> str:
        return {"unique": "customers", "total": "attempts", "session": "sessions"}[self.count]

    def _title(self) -> str:
        return (
            f"Funnel of {int(self.counts[0]):,} {self._units()} in {len(self.steps)} steps "
            f"({self.order}), {self.n_customers:,} customers in the log"
        )

    def time_to(self, step: int) -> SurvivalCurve:
        """Return the Kaplan-Meier curve of the time from a unit's start to a step.

        Parameters
        ----------
        step : int
            2 for the second step, and so on.

        Returns
        -------
        SurvivalCurve
            Time in days; `survival` is the share that has not reached the step by then, and
            `churned` counts those who did. Units still open are censored where observation ends,
            decided ones stay at risk to the end of the window. Under ``start="any"`` the start is
            the one that is told of, and the curve does not end at `final_rates`.
        """
        step = as_count(step, "step", at_least=2)
        if step > len(self.steps) or not self.units.size:
            msg = f"step must be 2 to {len(self.steps)} of a funnel that somebody began, got {step}"
            raise InvalidInputError(msg, argument="step", value=step)
        time = self.unit_times[step - 2]
        came = (self.unit_steps >> (step - 1)) & 1
        days = np.where(time >= 0, time, self.horizons[step - 1]) / MICROS_PER_DAY
        return KaplanMeier(level=self.level).fit(days, came).curve_

    def plot(self, ax: Any = None) -> Any:
        """Draw a bar for each step: its share of step 1 with interval, count and step rate.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        texts = [plotting.compact(float(self.counts[0]))] + [
            f"{plotting.compact(float(n))}  ({plotting.percent(r)} of step before)"
            for n, r in zip(self.counts[1:], self.step_rates[1:], strict=True)
        ]
        ax = plotting.bars(self.steps, self.rates, self.lower, self.upper, ax=ax, texts=texts)
        plotting.percent_ticks(ax.xaxis)
        ax.set(xlabel=f"Share of {self._units()} at step 1")
        return ax
