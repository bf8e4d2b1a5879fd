"""Growth accounting: who is new, who stayed, who came back and who went silent, by period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._intervals import wilson
from tenure._model_file import storable
from tenure._results import Table
from tenure._time import PERIODS, engine_period
from tenure._validation import Floats, Ints, as_choice, as_count, as_level
from tenure.cohort._members import event_names, signup_instants
from tenure.events import EventLog
from tenure.events._event_flags import event_flags
from tenure.events.scan import CountingScan, Scope

#: The parts of a bar, upwards and downwards.
_UP = ("returning", "new", "resurrected")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Growth(Table):
    """Customers by what they did in each period. As a table: one row a period.

    Attributes
    ----------
    periods : ndarray of datetime64[D], shape (n_periods,)
        First day of each period that ended within the observation.
    active : ndarray of int, shape (n_periods,)
        Customers with activity in the period: new + returning + resurrected.
    new, returning, resurrected : ndarray of int, shape (n_periods,)
        Of them, the new ones; those active the period before too; and all others.
    dormant : ndarray of int, shape (n_periods,)
        Active the period before and not now.
    lapsed : ndarray of int, shape (n_periods,)
        Whose `lapse`-th silent period in a row this is.
    quick_ratio, lower, upper : ndarray of float, shape (n_periods,)
        (new + resurrected) / dormant with its confidence limits: above 1 the base grows. Infinite
        where nobody went dormant, NaN where nobody came either.
    period, new_by : str
    lapse : int
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow()
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> g = tn.cohort.growth(log, "quarter")
    >>> g.active.tolist()
    [23570, 5376, 4263, 4221, 3817, 3317]
    >>> g.quick_ratio.round(2).tolist()
    [inf, 0.0, 0.64, 0.98, 0.82, 0.76]
    """

    periods: npt.NDArray[np.datetime64]
    active: Ints
    new: Ints
    returning: Ints
    resurrected: Ints
    dormant: Ints
    lapsed: Ints
    quick_ratio: Floats
    lower: Floats
    upper: Floats
    period: str
    new_by: str
    lapse: int
    level: float

    def _columns(self) -> Mapping[str, Any]:
        names = ("active", "new", "returning", "resurrected", "dormant", "lapsed")
        ratio = ("quick_ratio", "lower", "upper")
        return {"period": self.periods} | {n: getattr(self, n) for n in (*names, *ratio)}

    def _title(self) -> str:
        return f"Growth by {self.period}: {len(self.periods):,} periods"

    def plot(self, ax: Any = None) -> Any:
        """Draw the active of each period as a bar upwards, those gone dormant downwards.

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
        position = np.arange(len(self.periods))
        colors = dict(zip(_UP, (plotting.SOFT, plotting.ACCENT, plotting.PALETTE[2]), strict=True))
        below = np.zeros(len(position))
        for part in _UP:
            counts = getattr(self, part)
            ax.bar(position, counts, bottom=below, width=0.8, color=colors[part], label=part)
            below = below + counts
        ax.bar(position, -self.dormant, width=0.8, color=plotting.PALETTE[3], label="dormant")
        ax.axhline(0.0, color=plotting.INK, linewidth=0.8)
        plotting.period_ticks(ax, self.periods, self.period)
        plotting.number_ticks(ax.yaxis, whole=True)
        ax.set(xlabel=self.period.capitalize(), ylabel="Customers")
        plotting.legend_above(ax, 4)
        return ax


@storable("cohort.GrowthScan")
class GrowthScan(CountingScan):
    """`growth` as a scan: for logs in parts. Settings as there.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow()
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> tn.cohort.GrowthScan("quarter").visit(log).finish().active[:3].tolist()
    [23570, 5376, 4263]
    """

    labels = ("period",)

    def __init__(
        self,
        period: str = "month",
        *,
        lapse: int = 3,
        new_by: str = "first_event",
        signup: str | None = None,
        event: str | Sequence[str] | None = None,
        level: float = 0.95,
    ) -> None:
        as_choice(new_by, "new_by", ("first_event", "signup"))
        if (signup is not None) != (new_by == "signup"):
            msg = "signup and new_by='signup' go together: signup names the column of dates"
            raise InvalidInputError(msg, argument="signup", value=signup)
        lapse = as_count(lapse, "lapse", at_least=1)
        if lapse >= 2**62:
            msg = f"lapse must be < 2**62, got {lapse}"
            raise InvalidInputError(msg, argument="lapse", value=lapse)
        super().__init__(
            period=as_choice(period, "period", PERIODS),
            lapse=lapse,
            new_by=new_by,
            signup=signup,
            event=event_names(event),
            level=as_level(level),
        )

    def _count(self, log: EventLog, threads: int) -> Any:
        asked = self.settings
        return _core.cohort.growth(
            log._core,
            engine_period(asked["period"]),
            asked["lapse"],
            event_flags(log, asked["event"], "event"),
            signup_instants(log, asked["signup"]),
            threads,
        )

    def _result(self, scope: Scope, counted: Any, threads: int) -> Growth:
        new, returning, resurrected, dormant = (
            counted[n] for n in ("new", "returning", "resurrected", "dormant")
        )
        came = (new + resurrected).astype(np.float64)
        moved = came + dormant
        share = np.divide(came, moved, out=np.full(len(came), np.nan), where=moved > 0)
        low, high = wilson(came, moved, self.settings["level"])
        return Growth(
            periods=counted["period"].view("datetime64[D]"),
            active=new + returning + resurrected,
            new=new,
            returning=returning,
            resurrected=resurrected,
            dormant=dormant,
            lapsed=counted["lapsed"],
            quick_ratio=np.divide(came, dormant, out=_odds(share), where=dormant > 0),
            lower=_odds(low),
            upper=_odds(high),
            **{n: self.settings[n] for n in ("period", "new_by", "lapse", "level")},
        )


def growth(
    log: EventLog,
    period: str = "month",
    *,
    lapse: int = 3,
    new_by: str = "first_event",
    signup: str | None = None,
    event: str | Sequence[str] | None = None,
    level: float = 0.95,
    n_threads: int | None = None,
) -> Growth:
    """Return how the base of active customers grows and shrinks from period to period.

    A customer is active in a calendar period, in the time zone of the log, with at least one order
    in it that is no refund. In each period

        active = new + returning + resurrected
        dormant = active of the period before - returning

    Parameters
    ----------
    log : EventLog
        The orders.
    period : {"day", "week", "month", "quarter", "year"}
        Weeks begin on Monday. Only periods that ended within the observation count.
    lapse : int
        Silent periods in a row after which a customer has lapsed; with 1 the same as dormant.
    new_by : {"first_event", "signup"}
        A customer is new in the first active period of the log; or when active in the period of
        signup (those without a signup date as before). Whoever is active for the first time in a
        later period than that of signup counts as resurrected.
    signup : str, optional
        With ``new_by="signup"``: the column of ``log.customers`` with the dates.
    event : str or list of str, optional
        Names of the events that are activity. Default: orders.
    level : float
        Confidence level of the quick ratio.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    Growth

    Raises
    ------
    InvalidInputError
        For a setting out of range or a name that the log does not have.

    Notes
    -----
    Those who come and those who go dormant in a period are different customers, so that of all
    these the share who come is binomial; its Wilson limits q give those of the ratio, q / (1 - q).
    More: docs/methods/growth.md.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = [("a", 1), ("a", 2), ("a", 4), ("b", 1), ("c", 2), ("c", 3)]
    >>> log = tn.EventLog(
    ...     {"id": [c for c, _ in rows], "day": [dt.date(2024, m, 5) for _, m in rows]},
    ...     customer="id",
    ...     time="day",
    ...     observed_until="2024-04-30",
    ... )
    >>> tn.cohort.growth(log, lapse=2).to_pandas().iloc[:, 1:7].values.tolist()
    [[2, 2, 0, 0, 0, 0], [2, 1, 1, 0, 1, 0], [1, 0, 1, 0, 1, 1], [1, 0, 0, 1, 1, 0]]
    """
    scan = GrowthScan(period, lapse=lapse, new_by=new_by, signup=signup, event=event, level=level)
    growth: Growth = scan.visit(log, n_threads=n_threads).finish()
    return growth


def _odds(share: Floats) -> Floats:
    infinite = np.where(np.isnan(share), np.nan, np.inf)
    odds: Floats = np.divide(share, 1.0 - share, out=infinite, where=share < 1.0)
    return odds
