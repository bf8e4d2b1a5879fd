"""What retention comes to: cohorts by age, their mean, and the same by group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, Ints, as_choice
from tenure.cohort._retention_plot import draw_curves, draw_groups, draw_triangle

Flags = npt.NDArray[np.bool_]


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

    _column_names = ("age", "rate", "lower", "upper", "few", "n_cohorts")

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
        Periods since the start: 0, 1, ...; with brackets, the first one of each.
    sizes : ndarray of int, shape (n_cohorts,)
        Customers who started in the period, as far as observed.
    counts : ndarray of float, shape (n_cohorts, n_ages)
        Customers who count in the cell, their events or their net revenue, of those observed
        throughout it. Cells in which nobody is observed are NaN, here and below.
    denominators : ndarray of float, shape (n_cohorts, n_ages)
        What `counts` is divided by.
    rates, lower, upper : ndarray of float, shape (n_cohorts, n_ages)
        NaN also where there is nothing (or a negative sum) to divide by. With
        ``match="on_or_after"`` not counts over denominators but Kaplan-Meier estimates.
    active : ndarray of int, shape (n_cohorts, n_ages)
        Customers with a return behind the cell, whatever is counted; 0 where not observed.
    few : ndarray of bool, shape (n_cohorts, n_ages)
        Whether fewer than 5 customers came back: read the interval with care.
    mean : RetentionMean
        Over cohorts, by age.
    period, value, denominator : str
        What was asked for.
    level : float
        Confidence level of the limits.
    n_without_orders : int
        Customers of the log without an order (a start event, a signup), who belong to no cohort.
    unassigned_revenue : float
        Amounts in no cell because they lie before the start, such as refunds, or have none.
    clock, match, anchor : str
        What was asked for.
    by : str or None
        What `groups` are told apart by.
    groups : RetentionGroups or None
        The same for the customers of each value of `by`.

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
    active: Ints
    few: Flags
    mean: RetentionMean
    period: str
    value: str
    denominator: str
    level: float
    n_without_orders: int
    unassigned_revenue: float
    clock: str = "calendar"
    match: str = "on"
    anchor: str = "first_ever"
    by: str | None = None
    groups: RetentionGroups | None = None

    def _columns(self) -> Mapping[str, Any]:
        cohort, age = np.nonzero(~np.isnan(self.counts))
        columns = {"cohort": self.cohorts[cohort], "age": self.ages[age]}
        columns["size"] = self.sizes[cohort]
        names = ("counts", "denominators", "rates", "lower", "upper", "few")
        return columns | {n.removesuffix("s"): getattr(self, n)[cohort, age] for n in names}

    def _title(self) -> str:
        customers = int(self.sizes.sum())
        return (
            f"Retention of {self.value.replace('_', ' ')} by {self.period}: "
            f"{customers:,} customers in "
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
        draw = draw_triangle if kind == "triangle" else draw_curves
        return draw(self, ax)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RetentionGroups(Table):
    """Retention by group, as a mapping from value to `Retention`. As a table: all of their cells.

    Every group has the same cohorts and ages, and its customers add up to those of the whole.

    Attributes
    ----------
    by : str
        The property or column that tells the groups apart.
    values : list
        Its values, ascending; None, if any customer has no value, comes last.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = {
    ...     "id": [1, 1, 2, 3],
    ...     "day": [dt.date(2024, m, 5) for m in (1, 2, 1, 1)],
    ...     "ad": ["web", "shop", "web", "shop"],
    ... }
    >>> log = tn.EventLog(
    ...     rows, customer="id", time="day", properties=["ad"], observed_until="2024-02-29"
    ... )
    >>> groups = tn.cohort.retention(log, by="ad").groups
    >>> groups.values, groups["web"].rates.tolist(), groups["shop"].rates.tolist()
    (['shop', 'web'], [[1.0, 0.5]], [[1.0, 0.0]])
    """

    by: str
    values: list[Any]
    retentions: list[Retention]

    def __getitem__(self, value: Any) -> Retention:
        if value not in self.values:
            known = ", ".join(map(repr, self.values))
            msg = f"no group {value!r}; by {self.by!r} there are {known}"
            raise InvalidInputError(msg, argument="value", value=value)
        return self.retentions[self.values.index(value)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def _columns(self) -> Mapping[str, Any]:
        parts = [r._columns() for r in self.retentions]
        rows = [len(part["age"]) for part in parts]
        name = self.by if self.by not in (parts[0] if parts else ()) else f"by_{self.by}"
        group = [v for v, n in zip(self.values, rows, strict=True) for _ in range(n)]
        columns = list(parts[0]) if parts else []
        return {name: group} | {c: np.concatenate([p[c] for p in parts]) for c in columns}

    def _title(self) -> str:
        return f"Retention by {self.by}: {len(self.values):,} groups"

    def plot(self, ax: Any = None) -> Any:
        """Draw the mean over cohorts of each group, with its interval, from age 1 on.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
        """
        return draw_groups(self, ax)
