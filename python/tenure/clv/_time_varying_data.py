"""A summary of purchases with covariates by period, and the periods that a model needs of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._time import UNIT_DAYS
from tenure._validation import Floats, Ints

Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TimeVaryingSummary(Table):
    """A summary of purchases with the covariates of every period, as `time_varying` makes it.

    `TimeVaryingParetoNBD` and `TimeVaryingBGNBD` fit it; the models without covariates take it in
    place of a summary.

    Attributes
    ----------
    customer, frequency, recency, T, monetary_value : arrays of n
        As in `Summary`, of orders by day.
    first_day : datetime64[D] array of n
        Local day of the first order.
    reach : datetime64[D] array of n
        The first day that the covariates of each customer no longer cover.
    last_day : datetime64[D]
        Last day of observation, on which T ends.
    unit : str
    period_days : int
    covariates : tuple of str

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = {"customer": [1, 1, 2], "date": [dt.date(2024, 1, d) for d in (1, 8, 20)]}
    >>> log = tn.EventLog(rows, customer="customer", time="date")
    >>> weeks = [dt.date(2024, 1, 1) + dt.timedelta(weeks=k) for k in range(6)]
    >>> data = tn.clv.time_varying(log, {"date": weeks, "sale": [0, 1, 0, 0, 1, 0]}, unit="day")
    >>> data
    Summary of 2 customers in days with sale every 7 days
    customer  frequency  recency   T  monetary_value   first_day       reach
           1          1        7  19             nan  2024-01-01  2024-02-12
           2          0        0   0             nan  2024-01-20  2024-02-12
    """

    customer: Any
    frequency: Ints
    recency: Floats
    T: Floats
    monetary_value: Floats
    first_day: Days
    reach: Days
    last_day: np.datetime64
    unit: str
    period_days: int
    covariates: tuple[str, ...]
    #: Columns of the periods, by customer and then by time, or shared by all.
    _columns_of_periods: Any
    #: Row of the period of the first purchase, and days of it before that.
    _first_row: Ints
    _days_before: Ints
    #: Period of each repeat purchase: customer's row, periods after the first one.
    _bought_by: Ints
    _bought_in: Ints

    _column_names = (
        "customer",
        "frequency",
        "recency",
        "T",
        "monetary_value",
        "first_day",
        "reach",
    )

    def __len__(self) -> int:
        return len(self.frequency)

    def _title(self) -> str:
        days = "day" if self.period_days == 1 else f"{self.period_days} days"
        return (
            f"Summary of {len(self):,} customers in {self.unit}s with "
            f"{', '.join(self.covariates)} every {days}"
        )


@dataclass(frozen=True, slots=True)
class Periods:
    """The periods that matter up to some day: columns, and where each customer stands in them."""

    columns: dict[str, Any]
    first: Ints
    end: Ints
    phase: Floats
    length: float
    bought_by: Ints
    bought_row: Ints


def periods_until(data: TimeVaryingSummary, names: Sequence[str], days: float) -> Periods:
    """Return the periods of some covariates from each first purchase to `days` after the end.

    Raises InvalidInputError, which says until when they are known, where that is not enough.
    """
    per_unit = UNIT_DAYS[data.unit]
    age = np.round(data.T * per_unit).astype(np.int64)
    known = (data.reach - data.first_day).astype(np.int64)
    short = np.flatnonzero(age + days > known + 1e-9)
    if days > 0.0 and short.size:
        row = int(short[np.argmin(data.reach[short])])
        who, until = id_of(data.customer, row), data.reach[row] - np.timedelta64(1, "D")
        msg = (
            f"the covariates of customer {who!r} reach until {until}, and the horizon of "
            f"{days / per_unit:g} {data.unit}s after {data.last_day} goes beyond: give the "
            "covariates of the future to time_varying, or ask for a shorter horizon"
        )
        raise InvalidInputError(msg, argument="horizon", row=row, value=days / per_unit)
    total = len(next(iter(data._columns_of_periods.values())))
    needed = np.ceil((data._days_before + age + days) / data.period_days - 1e-9).astype(np.int64)
    # The day of the last purchase is in a period of its own, even if that begins at the end of T.
    needed = np.maximum(needed, (data._days_before + age) // data.period_days + 1)
    end = data._first_row + needed
    marks = np.zeros(total + 1, dtype=np.int64)
    np.add.at(marks, data._first_row, 1)
    np.add.at(marks, end, -1)
    used = np.cumsum(marks[:-1]) > 0
    row_of = np.cumsum(used) - 1
    first = row_of[data._first_row]
    rows = np.flatnonzero(used)
    columns = {
        name: values[rows] if isinstance(values, np.ndarray) else values.take(pa.array(rows))
        for name, values in data._columns_of_periods.items()
        if name in names
    }
    return Periods(
        columns,
        first,
        first + needed,
        data._days_before / per_unit,
        data.period_days / per_unit,
        data._bought_by,
        first[data._bought_by] + data._bought_in,
    )


def id_of(ids: Any, row: int) -> Any:
    """Return the id of a row as Python's own value."""
    value = ids[row]
    return value.as_py() if hasattr(value, "as_py") else value.item()
