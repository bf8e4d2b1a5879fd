"""Active customers by day, week and month, and on how many days they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._intervals import wilson
from tenure._model_file import storable
from tenure._results import Table
from tenure._time import PERIODS, engine_period
from tenure._validation import Floats, Ints, as_choice, as_level
from tenure.cohort._members import event_names
from tenure.events import EventLog
from tenure.events._event_flags import event_flags
from tenure.events.scan import CountingScan, Scope

_WINDOWS = {"daily": 1, "weekly": 7, "monthly": 30}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ActiveUsers(Table):
    """Active customers by local day. As a table: one row a day.

    Attributes
    ----------
    dates : ndarray of datetime64[D], shape (n_days,)
        The days of the log that ended within the observation.
    daily, weekly, monthly : ndarray of float, shape (n_days,)
        Customers active on the day; within the 7 days, and within the 30 days, that end with it.
        NaN where the window reaches back behind the first day.
    ratio : ndarray of float, shape (n_days,)
        daily / monthly: the share of a month's customers who are there on a day.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow()
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> users = tn.cohort.active_users(log)
    >>> users.monthly[[28, 29, -1]].tolist()
    [nan, 7579.0, 1506.0]
    """

    dates: npt.NDArray[np.datetime64]
    daily: Floats
    weekly: Floats
    monthly: Floats
    ratio: Floats

    def _columns(self) -> Mapping[str, Any]:
        names = ("daily", "weekly", "monthly", "ratio")
        return {"date": self.dates} | {n: getattr(self, n) for n in names}

    def _title(self) -> str:
        return f"Active customers on {len(self.dates):,} days"

    def plot(self, ax: Any = None) -> Any:
        """Draw the three counts over time.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        tints = plotting.shades(len(_WINDOWS))
        for name, color in zip(_WINDOWS, tints, strict=True):
            plotting.curve(self.dates, getattr(self, name), ax=ax, label=name, color=color)
        plotting.date_ticks(ax.xaxis)
        plotting.number_ticks(ax.yaxis, whole=True)
        ax.set(ylabel="Active customers")
        plotting.from_zero(ax)
        ax.legend()
        return ax


@storable("cohort.ActiveUsersScan")
class ActiveUsersScan(CountingScan):
    """`active_users` as a scan: for logs in parts. Settings as there.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow()
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> tn.cohort.ActiveUsersScan().visit(log).finish().monthly[-1].item()
    1506.0
    """

    labels = ("first",)

    def __init__(self, *, event: str | Sequence[str] | None = None) -> None:
        super().__init__(event=event_names(event))

    def _count(self, log: EventLog, threads: int) -> Any:
        first, active = _core.cohort.active_users(
            log._core,
            event_flags(log, self.settings["event"], "event"),
            list(_WINDOWS.values()),
            threads,
        )
        return {"first": np.array([first])} | dict(zip(_WINDOWS, active, strict=True))

    def _result(self, scope: Scope, counted: Any, threads: int) -> ActiveUsers:
        counts = {}
        for name, window in _WINDOWS.items():
            counts[name] = counted[name].astype(np.float64)
            counts[name][: window - 1] = np.nan
        ratio = np.full(len(counts["monthly"]), np.nan)
        np.divide(counts["daily"], counts["monthly"], out=ratio, where=counts["monthly"] > 0)
        first = int(counted["first"][0])
        days = np.arange(first, first + len(ratio)).view("datetime64[D]")
        return ActiveUsers(dates=days, ratio=ratio, **counts)


def active_users(
    log: EventLog,
    *,
    event: str | Sequence[str] | None = None,
    n_threads: int | None = None,
) -> ActiveUsers:
    """Return how many customers were active by day, in rolling windows of 1, 7 and 30 days.

    Parameters
    ----------
    log : EventLog
        The orders.
    event : str or list of str, optional
        Names of the events that are activity. Default: orders. A refund is none.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    ActiveUsers

    Raises
    ------
    InvalidInputError
        For a name that the log does not have.

    Notes
    -----
    Days follow the time zone of the log. More: docs/methods/growth.md.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = {"id": [1, 1, 2], "day": [dt.date(2024, 1, d) for d in (1, 9, 8)]}
    >>> log = tn.EventLog(rows, customer="id", time="day")
    >>> tn.cohort.active_users(log).weekly.tolist()
    [nan, nan, nan, nan, nan, nan, 1.0, 1.0, 2.0]
    """
    users: ActiveUsers = ActiveUsersScan(event=event).visit(log, n_threads=n_threads).finish()
    return users


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Stickiness(Table):
    """Customers by the number of periods in which they were active.

    As a table: one row for each outer period and number.

    Attributes
    ----------
    periods : ndarray of datetime64[D], shape (n_periods,)
        First day of each outer period that ended within the observation.
    n_active : ndarray of int, shape (most,)
        1, 2, ...: inner periods with activity.
    counts : ndarray of int, shape (n_periods, most)
        Customers active in exactly that many, or (`cumulative`) at least that many.
    rates, lower, upper : ndarray of float, shape (n_periods, most)
        Their share of the customers active in the outer period, with Wilson limits; NaN where
        nobody was.
    mean : ndarray of float, shape (n_periods,)
        Mean number of active inner periods of an active customer.
    period, within : str
    cumulative : bool
    level : float

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = {"id": [1, 1, 1, 2], "day": [dt.date(2024, 1, d) for d in (1, 1, 9, 8)]}
    >>> log = tn.EventLog(rows, customer="id", time="day", observed_until="2024-01-31")
    >>> tn.cohort.stickiness(log).counts[0, :3].tolist()
    [1, 1, 0]
    """

    periods: npt.NDArray[np.datetime64]
    n_active: Ints
    counts: Ints
    rates: Floats
    lower: Floats
    upper: Floats
    mean: Floats
    period: str
    within: str
    cumulative: bool
    level: float

    def _columns(self) -> Mapping[str, Any]:
        rows, columns = self.counts.shape
        names = ("counts", "rates", "lower", "upper")
        return {
            "period": np.repeat(self.periods, columns),
            "n_active": np.tile(self.n_active, rows),
        } | {n.removesuffix("s"): getattr(self, n).ravel() for n in names}

    def _title(self) -> str:
        return f"Active {self.period}s within each {self.within}: {len(self.periods):,} periods"

    def plot(self, ax: Any = None) -> Any:
        """Draw the distribution over all periods together.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        active = self.counts[:, 0] if self.cumulative else self.counts.sum(axis=1)
        shares = self.counts.sum(axis=0) / max(int(active.sum()), 1)
        ax.bar(self.n_active, shares, width=0.8, color=plotting.ACCENT)
        plotting.percent_ticks(ax.yaxis)
        least = "At least this many active" if self.cumulative else "Active"
        ax.set(xlabel=f"{least} {self.period}s in a {self.within}", ylabel="Active customers")
        return ax


@storable("cohort.StickinessScan")
class StickinessScan(CountingScan):
    """`stickiness` as a scan: for logs in parts. Settings as there.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow()
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> tn.cohort.StickinessScan("month", "quarter").visit(log).finish().counts[0].tolist()
    [20506, 2695, 369]
    """

    labels = ("days",)

    def __init__(
        self,
        period: str = "day",
        within: str = "month",
        *,
        cumulative: bool = False,
        event: str | Sequence[str] | None = None,
        level: float = 0.95,
    ) -> None:
        as_choice(cumulative, "cumulative", (False, True))
        super().__init__(
            period=as_choice(period, "period", PERIODS),
            within=as_choice(within, "within", PERIODS),
            cumulative=bool(cumulative),
            event=event_names(event),
            level=as_level(level),
        )

    def _count(self, log: EventLog, threads: int) -> Any:
        asked = self.settings
        days, most, found = _core.cohort.stickiness(
            log._core,
            event_flags(log, asked["event"], "event"),
            engine_period(asked["period"]),
            engine_period(asked["within"]),
            threads,
        )
        return {"days": days, "customers": found.reshape(-1, most)}

    def _result(self, scope: Scope, counted: Any, threads: int) -> Stickiness:
        exact, level = counted["customers"], self.settings["level"]
        n_active = np.arange(1, exact.shape[1] + 1, dtype=np.int64)
        active = exact.sum(axis=1)
        cumulative = self.settings["cumulative"]
        counts = np.cumsum(exact[:, ::-1], axis=1)[:, ::-1] if cumulative else exact
        count, n = counts.astype(np.float64), np.broadcast_to(active[:, None], counts.shape)
        lower, upper = wilson(count, n, level)
        none = np.full(counts.shape, np.nan)
        return Stickiness(
            periods=counted["days"].view("datetime64[D]"),
            n_active=n_active,
            counts=np.ascontiguousarray(counts),
            rates=np.divide(count, n, out=none, where=n > 0),
            lower=lower,
            upper=upper,
            mean=np.divide(
                exact @ n_active, active, out=np.full(len(active), np.nan), where=active > 0
            ),
            **{n: self.settings[n] for n in ("period", "within", "cumulative", "level")},
        )


def stickiness(
    log: EventLog,
    period: str = "day",
    within: str = "month",
    *,
    cumulative: bool = False,
    event: str | Sequence[str] | None = None,
    level: float = 0.95,
    n_threads: int | None = None,
) -> Stickiness:
    """Return how many customers were active on 1, 2, ... days of each month.

    Parameters
    ----------
    log : EventLog
        The orders.
    period, within : str
        What is counted, and within what: days in weeks, months, quarters or years, months in
        quarters or years, quarters in years.
    cumulative : bool
        Whether to count customers with at least that many instead of exactly that many.
    event : str or list of str, optional
        Names of the events that are activity. Default: orders. A refund is none.
    level : float
        Confidence level.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    Stickiness

    Raises
    ------
    InvalidInputError
        For a setting out of range, or periods that do not lie within others.

    Notes
    -----
    More: docs/methods/growth.md.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow()
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> s = tn.cohort.stickiness(log, "month", "quarter", cumulative=True)
    >>> s.counts[:2].tolist()
    [[23570, 3064, 369], [5376, 1579, 420]]
    """
    scan = StickinessScan(period, within, cumulative=cumulative, event=event, level=level)
    found: Stickiness = scan.visit(log, n_threads=n_threads).finish()
    return found
