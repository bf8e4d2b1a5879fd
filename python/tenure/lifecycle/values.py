"""What customers of each stage bring in a period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, Ints, as_column, as_level, as_threads
from tenure.events import EventLog
from tenure.lifecycle.panel import StagePanel, engine_codes

BIRTH = "(birth)"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StageValues(Table):
    """What a customer brings in one period, by the stage at its start.

    Attributes
    ----------
    stage : tuple of str, length n_stages + 1
        The last is "(birth)": who was born in the period, and what he brought in it.
    periods : ndarray of int
        Customers times periods.
    customers : ndarray of int
    mean, lower, upper : ndarray of float
        Revenue a customer and period, with normal limits; all periods of a customer are one
        cluster. NaN without customers (limits: below two).
    error, spread : ndarray of float
        Standard error of the mean; standard deviation over customers and periods.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> panel = tn.lifecycle.StagePanel.from_codes([[0, 0], [0, 1], [0, 1]], ["active", "lost"])
    >>> values = tn.lifecycle.stage_values(panel, [[10.0, 20.0], [30.0, 0.0]])
    >>> values.mean[:2].tolist()
    [20.0, 0.0]
    """

    stage: tuple[str, ...]
    periods: Ints
    customers: Ints
    mean: Floats
    lower: Floats
    upper: Floats
    error: Floats
    spread: Floats
    level: float

    def _columns(self) -> Mapping[str, Any]:
        return {n: getattr(self, n) for n in self.__dataclass_fields__ if n != "level"}

    def _title(self) -> str:
        return "Revenue a customer and period, by stage at its start"


def stage_values(
    panel: StagePanel,
    revenue: EventLog | Any,
    *,
    level: float = 0.95,
    n_threads: int | None = None,
) -> StageValues:
    """Return what customers of each stage bring from one date to the next.

    Parameters
    ----------
    panel : StagePanel
    revenue : EventLog, or array of shape (n_periods, n_customers)
        A log that covers all dates, or what each customer brought.
    level : float
    n_threads : int, optional
        Never changes a result.

    Returns
    -------
    StageValues

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> panel = tn.lifecycle.Stages().assign(log, at=["1997-09-30", "1997-12-31", "1998-03-31"])
    >>> values = tn.lifecycle.stage_values(panel, log)
    >>> float(values.mean[values.stage.index("champion")].round(2))
    90.0
    """
    if not isinstance(panel, StagePanel):
        msg = f"panel must be a StagePanel, got {type(panel).__name__}"
        raise InvalidInputError(msg, argument="panel", value=panel)
    level, threads = as_level(level), as_threads(n_threads)
    codes, n = engine_codes(panel)
    if isinstance(revenue, EventLog):
        money = panel.revenue(revenue, n_threads=threads)
    else:
        money = np.asarray(revenue)
        if money.shape != (panel.n_dates - 1, n):
            msg = f"revenue must have the shape {(panel.n_dates - 1, n)}, got {money.shape}"
            raise InvalidInputError(msg, argument="revenue")
    column = as_column(np.ravel(money), np.float64, "revenue")
    raw = _core.lifecycle.stage_values(codes, n, len(panel.stages), column, threads)
    half = NormalDist().inv_cdf(0.5 + level / 2.0) * raw["error"]
    return StageValues(
        stage=(*panel.stages, BIRTH),
        periods=raw["rows"],
        customers=raw["members"],
        mean=raw["mean"],
        lower=raw["mean"] - half,
        upper=raw["mean"] + half,
        error=raw["error"],
        spread=raw["spread"],
        level=level,
    )
