"""What a comparison of time-to-event curves comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._results import Table
from tenure._validation import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GroupCurve(Table):
    """The curve of one cohort or group, by days since the start. One row an event time.

    Attributes
    ----------
    day : ndarray of float, shape (n_times,)
    at_risk : ndarray of float, shape (n_times,)
        Customers who were still waiting just before.
    share, lower, upper : ndarray of float, shape (n_times,)
        Share who have returned by then, or who have not yet churned (Kaplan-Meier, limits on the
        scale log(-log)). Limits are NaN where nobody is left.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = {"id": [1, 1, 2, 3], "day": [dt.date(2024, 1, d) for d in (1, 9, 1, 1)]}
    >>> log = tn.EventLog(rows, customer="id", time="day", observed_until="2024-01-31")
    >>> tn.cohort.compare_curves(log).curves[0].share.round(3).tolist()
    [0.333]
    """

    day: Floats
    at_risk: Floats
    share: Floats
    lower: Floats
    upper: Floats

    _column_names = ("day", "at_risk", "share", "lower", "upper")

    def _title(self) -> str:
        return f"Curve: {len(self.day):,} times"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CurvePairs(Table):
    """Log-rank tests of pairs of groups. One row a pair.

    Attributes
    ----------
    group, reference : list, length n_pairs
    statistic : ndarray of float, shape (n_pairs,)
        Chi-square.
    df : ndarray of int, shape (n_pairs,)
        1, or 0 where the two are never at risk together.
    p_value, p_adjusted : ndarray of float, shape (n_pairs,)
    correction : str

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow()
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> pairs = tn.cohort.compare_curves(log, pairwise=True).pairs
    >>> pairs.statistic.round(1).tolist()
    [1.1, 0.4, 2.5]
    """

    group: list[Any]
    reference: list[Any]
    statistic: Floats
    df: Ints
    p_value: Floats
    p_adjusted: Floats
    correction: str

    _column_names = ("group", "reference", "statistic", "df", "p_value", "p_adjusted")

    def _title(self) -> str:
        return f"Pairs of curves: {len(self.group):,}, adjusted by {self.correction}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CurveComparison(Table):
    """A log-rank test of time-to-event curves. One row a cohort or group.

    Attributes
    ----------
    group : list, length n_groups
        Dates of cohorts, or values; None, if any customer has no value, comes last.
    customers, ended : ndarray of int, shape (n_groups,)
        Customers with a start, and those of them who were seen to return (to churn).
    observed, expected : ndarray of float, shape (n_groups,)
        Weighted numbers of events, and what they would be if all groups were alike.
    statistic : float
        Chi-square, with `df` degrees of freedom.
    df : int
    p_value : float
    curves : list of GroupCurve
    pairs : CurvePairs or None
        With ``pairwise=True``.
    curve, weights : str
        What was asked for.
    between : str
        "cohort", or what the groups are told apart by.
    level : float
        Confidence level of the curves.
    n_without_start : int
        Customers in no cohort.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow()
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> c = tn.cohort.compare_curves(log)
    >>> c.customers.tolist(), c.ended.tolist(), round(c.statistic, 2), c.df
    ([7846, 8476, 7248], [3870, 4081, 3565], 2.7, 2)
    """

    group: list[Any]
    customers: Ints
    ended: Ints
    observed: Floats
    expected: Floats
    statistic: float
    df: int
    p_value: float
    curves: list[GroupCurve]
    pairs: CurvePairs | None
    curve: str
    weights: str
    between: str
    level: float
    n_without_start: int

    _column_names = ("group", "customers", "ended", "observed", "expected")

    def _title(self) -> str:
        what = "return" if self.curve == "return" else "churn"
        return (
            f"Time to {what} by {self.between}: {self.weights} chi-square {self.statistic:.4g} on "
            f"{self.df} df, p = {self.p_value:.3g}"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the curve of each group with its confidence band.

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
        start = 0.0 if self.curve == "return" else 1.0
        colors = plotting.PALETTE if len(self.group) <= len(plotting.PALETTE) else None
        shades = plotting.shades(len(self.group))
        for at, (label, c) in enumerate(zip(self.group, self.curves, strict=True)):
            day, share, lower, upper = (
                np.concatenate([[first], values])
                for first, values in ((0.0, c.day), (start, c.share), (start, c.lower),
                                      (start, c.upper))
            )  # fmt: skip
            band = (lower, upper) if colors else (None, None)
            plotting.curve(
                day,
                share,
                *band,
                ax=ax,
                color=colors[at] if colors else shades[at],
                label="(none)" if label is None else str(label),
                steps=True,
            )
        plotting.percent_ticks(ax.yaxis)
        label = "Returned" if self.curve == "return" else "Not yet churned"
        ax.set(xlabel="Days since the start", ylabel=label)
        ax.set_ylim(bottom=0.0, top=None if self.curve == "return" else 1.02)
        if len(self.group) <= 12:
            ax.legend()
        return ax
