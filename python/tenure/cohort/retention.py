"""Retention by cohort and age: who comes back k periods later, or how much money does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._time import PERIODS
from tenure._validation import (
    Floats,
    Ints,
    as_choice,
    as_count,
    as_number,
    as_seed,
    as_threads,
)
from tenure.events import EventLog
from tenure.events.event_log import as_log

Flags = npt.NDArray[np.bool_]

#: Below this many customers behind a rate, its interval is flagged.
_FEW = 5


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RetentionMean(Table):
    """Retention over all cohorts, by age.

    Attributes
    ----------
    age : ndarray of int, shape (n_ages,)
        Periods since the one of the first order.
    rate, lower, upper : ndarray of float, shape (n_ages,)
        Mean rate and its confidence limits; NaN where no cohort has one.
    few : ndarray of bool, shape (n_ages,)
        Whether fewer than 5 customers came back.
    n_cohorts : ndarray of int, shape (n_ages,)
        Cohorts behind the mean.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> january, march = dt.date(2024, 1, 9), dt.date(2024, 3, 9)
    >>> rows = {"customer": [1, 2, 2], "date": [january, january, march]}
    >>> log = tn.EventLog(rows, customer="customer", time="date", observed_until="2024-03-31")
    >>> tn.cohort.retention(log).mean
    Mean retention by age
    age  rate      lower     upper   few  n_cohorts
      0     1    0.34238         1  True          1
      1     0          0   0.65762  True          1
      2   0.5  0.0945312  0.905469  True          1
    """

    age: Ints
    rate: Floats
    lower: Floats
    upper: Floats
    few: Flags
    n_cohorts: Ints

    def _columns(self) -> Mapping[str, Any]:
        return {n: getattr(self, n) for n in ("age", "rate", "lower", "upper", "few", "n_cohorts")}

    def _title(self) -> str:
        return "Mean retention by age"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Retention(Table):
    """Cohorts by age. As a table: one row for each observed cell.

    Attributes
    ----------
    cohorts : ndarray of datetime64[D], shape (n_cohorts,)
        First day of each cohort's period, without gaps up to the last cohort that has a customer.
    ages : ndarray of int, shape (n_ages,)
        Periods since that one: 0, 1, ...
    sizes : ndarray of int, shape (n_cohorts,)
        Customers whose first order fell into the period, as far as observed.
    counts : ndarray of float, shape (n_cohorts, n_ages)
        Customers with an order in the cell's period, or net revenue in it. Cells that are not
        observed are NaN, here and below.
    denominators : ndarray of float, shape (n_cohorts, n_ages)
        What `counts` is divided by.
    rates, lower, upper : ndarray of float, shape (n_cohorts, n_ages)
        NaN also where there is nothing (or a negative sum) to divide by.
    few : ndarray of bool, shape (n_cohorts, n_ages)
        Whether fewer than 5 customers came back: read the interval with care.
    mean : RetentionMean
        Over cohorts, by age.
    period, value, denominator : str
        What was asked for.
    level : float
        Confidence level of the limits.
    n_without_orders : int
        Customers of the log without an order, who belong to no cohort.
    unassigned_revenue : float
        Refunds before a customer's first order, which are in no cell.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow()
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> r = tn.cohort.retention(log, value="revenue", max_age=3)
    >>> r.cohorts.astype(str).tolist(), r.sizes.tolist()
    (['1997-01-01', '1997-02-01', '1997-03-01'], [7846, 8476, 7248])
    >>> r.rates.round(2).tolist()
    [[1.0, 0.2, 0.17, 0.14], [1.0, 0.2, 0.15, 0.12], [1.0, 0.19, 0.12, 0.13]]
    """

    cohorts: npt.NDArray[np.datetime64]
    ages: Ints
    sizes: Ints
    counts: Floats
    denominators: Floats
    rates: Floats
    lower: Floats
    upper: Floats
    few: Flags
    mean: RetentionMean
    period: str
    value: str
    denominator: str
    level: float
    n_without_orders: int
    unassigned_revenue: float

    def _columns(self) -> Mapping[str, Any]:
        cohort, age = np.nonzero(~np.isnan(self.counts))
        columns = {"cohort": self.cohorts[cohort], "age": self.ages[age]}
        columns["size"] = self.sizes[cohort]
        names = ("counts", "denominators", "rates", "lower", "upper", "few")
        return columns | {n.removesuffix("s"): getattr(self, n)[cohort, age] for n in names}

    def _title(self) -> str:
        customers = int(self.sizes.sum())
        return (
            f"Retention of {self.value} by {self.period}: {customers:,} customers in "
            f"{len(self.cohorts):,} cohorts, {len(self.ages):,} ages"
        )

    def plot(self, ax: Any = None, *, kind: str = "triangle") -> Any:
        """Draw the triangle as a heat map, or one curve for each cohort with their mean.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        kind : {"triangle", "curves"}
            In the triangle, cells not yet observed are grey, and those of cohorts without customers
            empty. The curves begin at age 1, as age 0 is 1 by definition.

        Returns
        -------
        matplotlib.axes.Axes
        """
        as_choice(kind, "kind", ("triangle", "curves"))
        draw = _draw_triangle if kind == "triangle" else _draw_curves
        return draw(self, ax)


def retention(
    log: EventLog,
    period: str = "month",
    *,
    clock: str = "calendar",
    match: str = "on",
    anchor: str = "first_ever",
    value: str = "customers",
    denominator: str = "at_risk",
    mean: str = "weighted",
    max_age: int | None = None,
    level: float = 0.95,
    n_bootstrap: int = 500,
    random_state: Any = 0,
    n_threads: int | None = None,
) -> Retention:
    """Return which share of each cohort came back in each later period.

    A cohort is all customers whose first order fell into the same calendar period, in the time zone
    of the log. A customer is active in a period with at least one order in it; a period with
    refunds only is not active, but its money counts. A cell is observed only if its period ended
    within the observation of the log; others are NaN, never 0.

    Parameters
    ----------
    log : EventLog
        The orders.
    period : {"day", "week", "month", "quarter", "year"}
        Of cohorts and ages. Weeks begin on Monday.
    clock : {"calendar"}
        Age is the difference of calendar periods.
    match : {"on"}
        Active at age k means in that very period.
    anchor : {"first_ever"}
        What opens a cohort: the first order.
    value : {"customers", "revenue"}
        What is counted. Revenue is net of refunds.
    denominator : {"at_risk", "cohort", "previous"}
        For customers: those observed at that age (under the calendar clock the whole cohort, so
        the same as ``cohort``), the cohort's size, or those active in the period before. For
        revenue: the revenue of age 0 (of those observed), or that of the period before.
    mean : {"weighted", "simple"}
        Over cohorts: sums over sums, or the mean of rates.
    max_age : int, optional
        Last age to count; all that is observed by default.
    level : float
        Confidence level. Shares of customers carry Wilson intervals; revenue, simple means and
        ``denominator="previous"`` percentile intervals from resampled customers.
    n_bootstrap : int
        Replicates, where resampling is needed; at least 2.
    random_state : int, None or numpy.random.Generator
        Seed of the resampling.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    Retention

    Raises
    ------
    InvalidInputError
        For a setting out of range, revenue of a log without amounts, or more than 2**24 cells.

    Notes
    -----
    Formulas and conventions: docs/methods/retention.md.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> log = tn.EventLog(
    ...     {
    ...         "customer": [1, 1, 2, 2, 3],
    ...         "date": [dt.date(2024, m, 9) for m in (1, 3, 1, 2, 2)],
    ...     },
    ...     customer="customer",
    ...     time="date",
    ...     observed_until="2024-03-31",
    ... )
    >>> r = tn.cohort.retention(log)
    >>> r.cohorts.astype(str).tolist(), r.sizes.tolist()
    (['2024-01-01', '2024-02-01'], [2, 1])
    >>> r.rates
    array([[1. , 0.5, 0.5],
           [1. , 0. , nan]])
    >>> r.mean.rate.round(3).tolist()
    [1.0, 0.333, 0.5]
    """
    as_log(log)
    as_choice(clock, "clock", ("calendar",))
    as_choice(match, "match", ("on",))
    as_choice(anchor, "anchor", ("first_ever",))
    unit = getattr(_core.events.Period, as_choice(period, "period", PERIODS))
    options = _core.cohort.RateOptions(
        as_choice(value, "value", ("customers", "revenue")),
        as_choice(denominator, "denominator", ("at_risk", "cohort", "previous")),
        as_choice(mean, "mean", ("weighted", "simple")),
    )
    level = as_number(level, "level", above=0.0, below=1.0)
    replicates = as_count(n_bootstrap, "n_bootstrap", at_least=2)
    seed, threads = as_seed(random_state), as_threads(n_threads)
    if max_age is not None:
        max_age = as_count(max_age, "max_age")
    if value == "revenue" and not log.has_amounts:
        msg = "value='revenue' needs a log with amounts: name its column when the log is made"
        raise InvalidInputError(msg, argument="value", value=value)

    table = _core.cohort.retention(log._core, unit, max_age, threads)
    rates = _core.cohort.retention_rates(table, options)
    if options.is_proportion:
        lower, upper = _wilson(rates["count"], rates["denominator"], level)
        mean_lower, mean_upper = _wilson(rates["mean_count"], rates["mean_denominator"], level)
    if not options.is_proportion or mean == "simple":
        drawn = _core.cohort.retention_bootstrap(
            log._core, table, unit, options, replicates, seed, level, threads
        )
        mean_lower, mean_upper = drawn[2:]
        if not options.is_proportion:
            lower, upper = drawn[:2]

    shape = table.cohorts, table.ages
    observed = table.observed().astype(bool).reshape(shape)
    active = np.where(observed, table.active().reshape(shape), 0)
    ages = np.arange(table.ages, dtype=np.int64)
    return Retention(
        cohorts=table.first_days(unit).view("datetime64[D]"),
        ages=ages,
        sizes=table.sizes(),
        counts=rates["count"].reshape(shape),
        denominators=rates["denominator"].reshape(shape),
        rates=rates["rate"].reshape(shape),
        lower=lower.reshape(shape),
        upper=upper.reshape(shape),
        few=observed & (active < _FEW),
        mean=RetentionMean(
            age=ages,
            rate=rates["mean"],
            lower=mean_lower,
            upper=mean_upper,
            few=active.sum(axis=0) < _FEW,
            n_cohorts=rates["mean_cohorts"],
        ),
        period=period,
        value=value,
        denominator=denominator,
        level=level,
        n_without_orders=table.without_orders,
        unassigned_revenue=table.unassigned_revenue,
    )


def _wilson(count: Floats, denominator: Floats, level: float) -> tuple[Floats, Floats]:
    return _core.survival.wilson_intervals(count, denominator, level)


def _draw_triangle(r: Retention, ax: Any) -> Any:
    from tenure import plotting

    # Age 0 of customers is 1 by definition: the colours are for what comes after it.
    later = r.rates[:, 1:][~np.isnan(r.rates[:, 1:])]
    top = float(later.max()) if later.size and later.max() > 0.0 else 1.0
    ax = plotting.triangle(
        r.rates,
        r.cohorts.astype(str).tolist(),
        [str(age) for age in r.ages],
        ax=None if ax is None else plotting.axes(ax),
        top=top,
    )
    # A cohort without customers has no rates, but is no secret.
    for patch, count, rate in zip(ax.patches, r.counts.flat, r.rates.flat, strict=True):
        if np.isnan(rate) and not np.isnan(count):
            patch.set_facecolor("none")
    ax.set(xlabel=f"Age in {r.period}s", ylabel=f"{r.value.capitalize()} retained, %")
    return ax


def _draw_curves(r: Retention, ax: Any) -> Any:
    from tenure import plotting

    ax = plotting.axes(ax)
    for rates in r.rates[:, 1:]:
        ax.plot(r.ages[1:], rates, color=plotting.LINE, linewidth=0.9)
    ages, rate, lower, upper = (
        column[1:] for column in (r.ages, r.mean.rate, r.mean.lower, r.mean.upper)
    )
    plotting.curve(ages, rate, lower, upper, ax=ax, label="Mean")
    plotting.percent_ticks(ax.yaxis)
    ax.set(xlabel=f"Age in {r.period}s", ylabel=f"{r.value.capitalize()} retained")
    ax.set_ylim(bottom=0.0)
    ax.legend()
    return ax
