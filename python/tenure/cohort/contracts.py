"""Churn of contracts from a log of subscriptions: customers and recurring revenue by period."""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import DataWarning, InvalidInputError
from tenure._intervals import wilson
from tenure._results import Table
from tenure._time import UNIT_DAYS, as_period
from tenure._validation import (
    Floats,
    Ints,
    as_count,
    as_level,
    as_seed,
    as_threads,
)
from tenure.events import EventLog
from tenure.events._event_flags import ROLES, contract_roles
from tenure.events.event_log import as_log

_PER_YEAR = {
    "day": UNIT_DAYS["year"],
    "week": UNIT_DAYS["year"] / UNIT_DAYS["week"],
    "month": 12.0,
    "quarter": 4.0,
    "year": 1.0,
}
_FEW = 5

_CUSTOMERS = ("opening", "new", "reactivated", "churned", "closing", "expanded", "contracted")
_REVENUE = (
    "opening_revenue",
    "new_revenue",
    "reactivated_revenue",
    "expansion",
    "contraction",
    "churned_revenue",
    "closing_revenue",
)
_RATES = ("logo_churn", "gross_churn", "net_churn", "annual_churn", "hazard")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Contracts(Table):
    """Contracts by period. As a table: one row a period.

    In customers, ``opening + new + reactivated - churned = closing``; in recurring revenue
    ``opening + new + reactivated + expansion - contraction - churned = closing``, to the millionth.

    Attributes
    ----------
    periods : ndarray of datetime64[D], shape (n_periods,)
        First day of each period that ended within the observation.
    opening, closing : ndarray of int, shape (n_periods,)
        Customers under contract when the period began and when it ended.
    new, reactivated : ndarray of int, shape (n_periods,)
        Under contract at its end and not at its beginning: for the first time, or again.
    churned : ndarray of int, shape (n_periods,)
        Under contract at its beginning and not at its end.
    expanded, contracted : ndarray of int, shape (n_periods,)
        Under contract at both, for more or for less.
    opening_revenue, new_revenue, reactivated_revenue, expansion, contraction, churned_revenue, \
closing_revenue : ndarray of float, shape (n_periods,)
        Their recurring revenue, or by how much it changed.
    logo_churn, logo_churn_lower, logo_churn_upper : ndarray of float, shape (n_periods,)
        ``churned / opening`` with Wilson limits. NaN where nobody was under contract.
    gross_churn, gross_churn_lower, gross_churn_upper : ndarray of float, shape (n_periods,)
        ``(churned + contraction) / opening`` of revenue, with limits from resampled customers.
    net_churn, net_churn_lower, net_churn_upper : ndarray of float, shape (n_periods,)
        ``(churned + contraction - expansion) / opening``; negative where expansion prevails.
    annual_churn, annual_churn_lower, annual_churn_upper : ndarray of float, shape (n_periods,)
        ``1 - (1 - logo_churn)**n``, with n periods a year: 12 months.
    hazard, hazard_lower, hazard_upper : ndarray of float, shape (n_periods,)
        Contracts that ended per customer-period under contract, with score limits. Counts the brief
        ones and new customers too, as long as they were there.
    exposure : ndarray of float, shape (n_periods,)
        Customer-periods under contract.
    ended, brief : ndarray of int, shape (n_periods,)
        Contracts that ended; customers under contract in the period, though neither when it began
        nor when it ended.
    few : ndarray of bool, shape (n_periods,)
        Whether fewer than 5 customers churned: read the limits with care.
    survivors : ndarray of float, shape (n_periods, n_periods)
        By period of a customer's first contract and age: customers never since without a contract
        at the end of a period. NaN where not observed. For `project`.
    n_without_contract : int
        Customers of the log who never had one.
    warnings : tuple of str
    period : str
    term : int or None
    level : float

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = [("a", 1, "start", 10.0), ("b", 1, "start", 20.0), ("a", 2, "change", 15.0),
    ...         ("b", 3, "cancel", None), ("c", 3, "start", 5.0)]
    >>> log = tn.EventLog(
    ...     {"id": [c for c, *_ in rows], "day": [dt.date(2024, m, 9) for _, m, *_ in rows],
    ...      "what": [w for *_, w, _ in rows], "mrr": [v for *_, v in rows]},
    ...     customer="id", time="day", event="what", amount="mrr", orders=["start", "change"],
    ...     observed_until="2024-03-31",
    ... )
    >>> c = tn.cohort.contracts(log)
    >>> c.opening_revenue.tolist(), c.closing_revenue.tolist()
    ([0.0, 30.0, 35.0], [30.0, 35.0, 20.0])
    >>> c.expansion.tolist(), c.churned_revenue.tolist(), c.net_retention.round(3).tolist()
    ([0.0, 5.0, 0.0], [0.0, 0.0, 20.0], [nan, 1.167, 0.429])
    """

    periods: npt.NDArray[np.datetime64]
    opening: Ints
    new: Ints
    reactivated: Ints
    churned: Ints
    closing: Ints
    expanded: Ints
    contracted: Ints
    opening_revenue: Floats
    new_revenue: Floats
    reactivated_revenue: Floats
    expansion: Floats
    contraction: Floats
    churned_revenue: Floats
    closing_revenue: Floats
    logo_churn: Floats
    logo_churn_lower: Floats
    logo_churn_upper: Floats
    gross_churn: Floats
    gross_churn_lower: Floats
    gross_churn_upper: Floats
    net_churn: Floats
    net_churn_lower: Floats
    net_churn_upper: Floats
    annual_churn: Floats
    annual_churn_lower: Floats
    annual_churn_upper: Floats
    hazard: Floats
    hazard_lower: Floats
    hazard_upper: Floats
    exposure: Floats
    ended: Ints
    brief: Ints
    few: npt.NDArray[np.bool_]
    survivors: Floats
    n_without_contract: int
    warnings: tuple[str, ...]
    period: str
    term: int | None
    level: float

    @property
    def gross_retention(self) -> Floats:
        """Revenue of the opening that is still there, expansion left out: 1 - gross_churn."""
        return 1.0 - self.gross_churn

    @property
    def net_retention(self) -> Floats:
        """Revenue now of the customers of the opening, as a share of it: 1 - net_churn."""
        return 1.0 - self.net_churn

    def _columns(self) -> Mapping[str, Any]:
        limits = [f"{n}{end}" for n in _RATES for end in ("", "_lower", "_upper")]
        names = (*_CUSTOMERS, *_REVENUE, *limits, "exposure", "ended", "brief", "few")
        return {"period": self.periods} | {n: getattr(self, n) for n in names}

    def _title(self) -> str:
        return f"Contracts by {self.period}: {len(self.periods):,} periods"

    def plot(self, ax: Any = None) -> Any:
        """Draw what was added to the recurring revenue of each period upwards, what was lost below.

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
        up = {"new": self.new_revenue, "reactivated": self.reactivated_revenue,
              "expansion": self.expansion}  # fmt: skip
        down = {"churned": self.churned_revenue, "contraction": self.contraction}
        colors = iter((plotting.ACCENT, plotting.PALETTE[2], plotting.SOFT, plotting.PALETTE[3],
                       plotting.PALETTE[1]))  # fmt: skip
        for sign, parts in ((1.0, up), (-1.0, down)):
            base = np.zeros(len(position))
            for label, amounts in parts.items():
                ax.bar(position, sign * amounts, bottom=base, width=0.8, color=next(colors),
                       label=label)  # fmt: skip
                base = base + sign * amounts
        net = self.closing_revenue - self.opening_revenue
        ax.plot(
            position,
            net,
            "o",
            color=plotting.INK,
            markersize=5,
            markeredgecolor=plotting.ON_ACCENT,
            label="net",
        )
        ax.axhline(0.0, color=plotting.INK, linewidth=0.8)
        plotting.period_ticks(ax, self.periods, self.period)
        plotting.number_ticks(ax.yaxis)
        ax.set(xlabel=self.period.capitalize(), ylabel="Change of recurring revenue")
        plotting.legend_above(ax, 3)
        return ax


def contracts(
    log: EventLog,
    period: str = "month",
    *,
    start: str | Sequence[str] | None = None,
    renewal: str | Sequence[str] | None = None,
    change: str | Sequence[str] | None = None,
    cancel: str | Sequence[str] | None = None,
    term: int | None = None,
    level: float = 0.95,
    n_bootstrap: int = 500,
    random_state: Any = 0,
    n_threads: int | None = None,
) -> Contracts:
    """Return how many contracts, and how much recurring revenue, came, stayed and went.

    A customer has at most one contract at a time. The amount of an event is the recurring revenue
    of the contract from then on, in any one unit such as a month's: not what was paid.

    Parameters
    ----------
    log : EventLog
        With event names and amounts; starts and changes are among its `orders`, whose amounts are
        checked when the log is made.
    period : {"day", "week", "month", "quarter", "year"}
        In the time zone of the log. Weeks begin on Monday. Only periods that ended within the
        observation count.
    start : str or list of str, optional
        Events that open a contract, or replace the revenue of one that runs. Default: "start".
    renewal : str or list of str, optional
        Events that prolong a contract; the revenue changes unless their amount is 0 or missing.
        Default: "renewal", if the log has it. Outside a contract they open one, without an amount
        at the revenue of the customer's last.
    change : str or list of str, optional
        Events that change the revenue. Default: "change", if the log has it. Outside a contract
        they open one.
    cancel : str or list of str, optional
        Events that end a contract at that instant. Default: "cancel", if the log has it.
    term : int, optional
        A contract lapses with the end of the period that lies `term` periods after that of its last
        start or renewal, unless renewed by then. Default: contracts run until they are cancelled.
    level : float
        Confidence level.
    n_bootstrap : int
        Replicates for the limits of revenue churn; at least 2.
    random_state : int, None or numpy.random.Generator
        Seed of the resampling.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    Contracts

    Raises
    ------
    InvalidInputError
        For a setting out of range, an event that the log does not have, starts or changes that are
        no orders of the log, a log without amounts, an amount that is negative or above 9e12, and a
        renewal without an amount of a contract that was never seen.

    Warns
    -----
    DataWarning
        If customers are first seen in the middle of a contract: it counts from its first renewal or
        change on, and as new then; or not at all, if it is first seen to be cancelled.

    Notes
    -----
    Events of one instant count together: under contract, a cancellation with a start or renewal is
    a change of revenue. More: docs/methods/contracts.md.

    Examples
    --------
    >>> import tenure as tn
    >>> base = tn.datasets.simulate(3000, subscriptions={"share": 0.5}, random_state=1)
    >>> log = tn.EventLog(base.renewals, customer="customer", time="time", event="event",
    ...                   amount="amount", orders=["start", "renewal"])
    >>> c = tn.cohort.contracts(log, "quarter")
    >>> bool((c.opening + c.new + c.reactivated - c.churned == c.closing).all())
    True
    """
    as_log(log)
    unit = as_period(period)
    level = as_level(level)
    replicates = as_count(n_bootstrap, "n_bootstrap", at_least=2)
    if term is not None and as_count(term, "term", at_least=1) > 4096:
        msg = f"term must be at most 4096 periods, got {term}"
        raise InvalidInputError(msg, argument="term", value=term)
    if not log.has_amounts:
        msg = "log must have amounts: name the column of recurring revenue when the log is made"
        raise InvalidInputError(msg, argument="log")
    role = contract_roles(log, dict(zip(ROLES, (start, renewal, change, cancel), strict=True)))
    _require_orders(log, role)
    threads, seed = as_threads(n_threads), as_seed(random_state)
    moves = _core.cohort.contract_moves(log._core, unit, role, term or 0, threads)
    table: dict[str, Any] = dict(_core.cohort.contract_table(moves))
    said = _warnings(moves)
    for message in said:
        warnings.warn(message, DataWarning, stacklevel=2)

    opening, churned = table["opening"].astype(float), table["churned"].astype(float)
    table["logo_churn"] = np.divide(
        churned, opening, out=np.full(len(opening), np.nan), where=opening > 0
    )
    table["logo_churn_lower"], table["logo_churn_upper"] = wilson(churned, opening, level)
    drawn = _core.cohort.contract_bootstrap(moves, replicates, seed, level, threads)
    names = ("gross_churn_lower", "gross_churn_upper", "net_churn_lower", "net_churn_upper")
    table |= dict(zip(names, drawn, strict=True))
    for end in ("", "_lower", "_upper"):
        table[f"annual_churn{end}"] = 1.0 - (1.0 - table[f"logo_churn{end}"]) ** _PER_YEAR[period]
    n = int(moves.periods)
    exposure, ended = moves.exposure(), moves.ended()
    table |= _hazard(ended.astype(float), exposure, level)
    return Contracts(
        periods=moves.first_days(unit).view("datetime64[D]"),
        **table,
        exposure=exposure,
        ended=ended,
        brief=moves.brief(),
        few=table["churned"] < _FEW,
        survivors=_triangle(moves.survivors().reshape(n, n)),
        n_without_contract=int(moves.without_contract),
        warnings=said,
        period=period,
        term=term,
        level=level,
    )


def _hazard(ended: Floats, exposure: Floats, level: float) -> dict[str, Floats]:
    """Events per time, with the limits at which a Poisson count's score is z."""
    z = -statistics.NormalDist().inv_cdf((1.0 - level) / 2.0)
    centre, half = ended + 0.5 * z * z, z * np.sqrt(ended + 0.25 * z * z)
    parts = {"hazard": ended, "hazard_lower": ended**2 / (centre + half)}
    parts["hazard_upper"] = centre + half
    return {
        name: np.divide(part, exposure, out=np.full(len(ended), np.nan), where=exposure > 0)
        for name, part in parts.items()
    }


def _triangle(kept: Ints) -> Floats:
    n = len(kept)
    observed = np.add.outer(np.arange(n), np.arange(n)) < n
    return np.where(observed, kept, np.nan)


def _warnings(moves: Any) -> tuple[str, ...]:
    said = []
    if moves.opened_without_start:
        said.append(
            f"{moves.opened_without_start:,} customers are first seen with a renewal or change: "
            "their contracts count from then on, and as new then"
        )
    if moves.cancelled_before:
        said.append(
            f"{moves.cancelled_before:,} cancellations of customers without a contract before are "
            "not counted"
        )
    return tuple(said)


def _require_orders(log: EventLog, role: list[int]) -> None:
    for event, code in zip(log.event_names, role, strict=True):
        name = ROLES[code - 1] if code else ""
        if name in ("start", "change") and event not in log.orders:
            msg = (
                f"{name}: {event!r} must be among the orders of the log, so that missing amounts "
                f"are found: tn.EventLog(..., orders=[{event!r}, ...])"
            )
            raise InvalidInputError(msg, argument=name, value=event)
