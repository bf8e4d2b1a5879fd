"""Tables of key figures: one row a segment, measure and period, and their trends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._results import Table
from tenure._validation import Floats, as_choice

#: The segment that is the whole base.
ALL = "(all)"

_Texts = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KPITrends(Table):
    """By how much each figure moves a period: the least-squares line through its periods.

    Attributes
    ----------
    segment, measure : arrays of str
    slope, lower, upper : float64 arrays
        A period; NaN with fewer than three periods. The limits count that customers of several
        periods move several points of the line.
    periods : int64 array
        Points of the line.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> trends = tn.lifecycle.kpis(log, "quarter").trends
    >>> round(float(trends.slope[trends.measure == "order_value"][0]), 2)
    0.27
    """

    segment: _Texts
    measure: _Texts
    slope: Floats
    lower: Floats
    upper: Floats
    periods: npt.NDArray[np.int64]

    _column_names = ("segment", "measure", "slope", "lower", "upper", "periods")

    def _title(self) -> str:
        return "Trend a period, least squares over all periods"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KPIs(Table):
    """Key figures, one row for each segment, measure and period.

    Attributes
    ----------
    period : datetime64[D] array
        First day of the period.
    segment : array of str
        "(all)" for the whole base.
    measure : array of str
    value, lower, upper : float64 arrays
        The figure and its limits; NaN where it cannot be told. Counts and sums of what happened
        have no limits.
    change, change_lower, change_upper : float64 arrays
        Difference to the period before. Limits where the figure has a variance; customers of
        both periods count in both.
    target, to_target : float64 arrays
        What was asked for, and value - target; NaN without a target.
    on_target : array of bool or None
        Whether the target is met; for costs and payback less is better.
    trends : KPITrends
    notes : tuple of str
        What was left out and why.
    length : str
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> k = tn.lifecycle.kpis(log, "quarter", targets={"order_value": 36.0})
    >>> k.of("order_value").value.round(2).tolist()
    [35.5, 36.55, 37.22, 38.45, 37.94, 36.32]
    """

    period: npt.NDArray[np.datetime64]
    segment: _Texts
    measure: _Texts
    value: Floats
    lower: Floats
    upper: Floats
    change: Floats
    change_lower: Floats
    change_upper: Floats
    target: Floats
    to_target: Floats
    on_target: _Texts
    trends: KPITrends
    notes: tuple[str, ...]
    length: str
    level: float

    _column_names = (
        "period",
        "segment",
        "measure",
        "value",
        "lower",
        "upper",
        "change",
        "change_lower",
        "change_upper",
        "target",
        "to_target",
        "on_target",
    )

    def __len__(self) -> int:
        return len(self.value)

    def _title(self) -> str:
        periods = len(np.unique(self.period))
        segments = len(set(self.segment))
        text = f"Key figures of {periods} {self.length}s"
        return text + (f" and {segments - 1} segments" if segments > 1 else "")

    def of(self, measure: str, segment: str | None = None) -> KPIs:
        """Return the rows of one measure, of the whole base or of one segment.

        Parameters
        ----------
        measure : str
        segment : str, optional
            Default: the whole base.

        Returns
        -------
        KPIs
        """
        as_choice(measure, "measure", tuple(dict.fromkeys(self.measure)))
        wanted = as_choice(segment or ALL, "segment", tuple(dict.fromkeys(self.segment)))
        keep = (self.measure == measure) & (self.segment == wanted)
        parts = {n: getattr(self, n)[keep] for n in self._column_names}
        rest = {n: getattr(self, n) for n in ("trends", "notes", "length", "level")}
        return KPIs(**parts, **rest)

    def plot(self, measure: str = "revenue", segment: str | None = None, ax: Any = None) -> Any:
        """Draw one measure over the periods with its limits and its target.

        Parameters
        ----------
        measure : str
        segment : str, optional
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib Axes
        """
        from tenure import plotting

        rows = self.of(measure, segment)
        ax = plotting.axes(ax)
        at = np.arange(len(rows))
        told = ~np.isnan(rows.lower)
        reach = [np.where(told, rows.value - rows.lower, 0.0)]
        reach.append(np.where(told, rows.upper - rows.value, 0.0))
        ax.errorbar(
            at,
            rows.value,
            yerr=np.where(np.isfinite(reach), reach, 0.0) if told.any() else None,
            color=plotting.ACCENT,
            marker="o",
            markersize=4,
            capsize=3,
        )
        if not np.isnan(rows.target).all():
            ax.plot(at, rows.target, color=plotting.MUTED, linestyle="--", label="target")
            plotting.legend_above(ax, 1)
        plotting.period_ticks(ax, rows.period, self.length)
        name = measure.replace("_", " ")
        ax.set(xlabel=self.length.capitalize(), ylabel=name[0].upper() + name[1:])
        return ax
