"""What became of the customers of each stage: the share lost, and the revenue to come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._time import MICROS_PER_DAY, start_of_day, to_datetime
from tenure._validation import Floats, Ints
from tenure.events import EventLog
from tenure.events._columns import matching


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StageOutcomes(Table):
    """Loss risk and revenue potential by stage, from a hold-out window.

    Attributes
    ----------
    stage : tuple of str
    customers, lost : ndarray of int, shape (n_stages,)
        Customers of the stage, and those of them without an order in the window.
    loss_risk, loss_lower, loss_upper : ndarray of float, shape (n_stages,)
        Share lost, with Wilson limits.
    revenue : ndarray of float, shape (n_stages,)
        Net revenue in the window.
    revenue_share, past_share : ndarray of float, shape (n_stages,)
        The stage's share of that revenue, and of the net value up to the as-of date.
    mean, mean_lower, mean_upper : ndarray of float, shape (n_stages,)
        Net revenue a customer, with normal limits; they need some dozens of customers.
    median, winsorised_mean : ndarray of float, shape (n_stages,)
        Of the same; the second with values beyond the outer quantiles moved to them.
    start, until : datetime
        The window [start, until).
    level : float
        Confidence level.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow()
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> outcomes = tn.lifecycle.Stages().assign(log, at="1997-12-31").outcomes(log, "180d")
    >>> champions = outcomes.stage.index("champion")
    >>> int(outcomes.customers[champions]), round(float(outcomes.revenue_share[champions]), 3)
    (1216, 0.417)
    """

    stage: tuple[str, ...]
    customers: Ints
    lost: Ints
    loss_risk: Floats
    loss_lower: Floats
    loss_upper: Floats
    revenue: Floats
    revenue_share: Floats
    past_share: Floats
    mean: Floats
    mean_lower: Floats
    mean_upper: Floats
    median: Floats
    winsorised_mean: Floats
    start: dt.datetime
    until: dt.datetime
    level: float

    def _columns(self) -> Mapping[str, Any]:
        other = {"start", "until", "level"}
        return {n: getattr(self, n) for n in self.__dataclass_fields__ if n not in other}

    def _title(self) -> str:
        last = self.until - dt.timedelta(microseconds=1)
        return f"Outcomes by stage, {self.start:%Y-%m-%d} to {last:%Y-%m-%d}"

    def plot(self, ax: Any = None) -> Any:
        """Draw risk against value: the mean revenue of each stage over its loss risk.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
            Areas are in proportion to customers, lines are the limits.
        """
        from tenure.lifecycle._outcomes_plot import draw

        return draw(self, ax)


def window_end(start: int, days: float, timezone: str) -> int:
    """Return the end of `days` from the instant `start` on.

    Whole days from a local midnight end at a local midnight, also when clocks change between.
    """
    first = to_datetime(start, timezone).date()
    if days.is_integer() and start_of_day(first, timezone) == start:
        return start_of_day(first + dt.timedelta(days=int(days)), timezone)
    return start + round(days * MICROS_PER_DAY)


def stage_outcomes(
    log: EventLog,
    customer: Any,
    group: npt.NDArray[np.uint8],
    stages: tuple[str, ...],
    past: Floats,
    start: int,
    until: int,
    *,
    level: float,
    winsorise: float,
    threads: int,
) -> StageOutcomes:
    """Return what the customers of each group did in [start, until) of the log."""
    if until > log._until or start < log._from:
        msg = (
            f"the log covers {log.observed_from} to {log.observed_until}, and not all of the "
            f"window from {to_datetime(start, log.timezone)} to {to_datetime(until, log.timezone)}"
        )
        raise InvalidInputError(msg, argument="horizon")
    did, spent = _core.lifecycle.window_facts(log._core, [start, until], threads)
    at, rows = matching(log.customer_ids, customer)
    # Who does not occur in the log did nothing in it.
    ordered = np.zeros(len(group), dtype=np.uint8)
    revenue = np.zeros(len(group), dtype=np.float64)
    ordered[rows], revenue[rows] = did[at], spent[at]
    raw = _core.lifecycle.group_outcomes(group, ordered, revenue, len(stages), level, winsorise)
    return StageOutcomes(
        stage=stages,
        revenue_share=share(raw["revenue"]),
        past_share=share(np.bincount(group, weights=past, minlength=len(stages))),
        start=to_datetime(start, log.timezone),
        until=to_datetime(until, log.timezone),
        level=level,
        **raw,
    )


def share(parts: npt.NDArray[Any]) -> Floats:
    """Return the parts over their sum; NaN where that is not positive."""
    total = parts.sum()
    return parts / total if total > 0 else np.full(len(parts), np.nan)
