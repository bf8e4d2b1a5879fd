"""Orders of customers as rows: the gaps between them, and what falls into each period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._results import Table
from tenure._validation import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OrderGaps(Table):
    """Time from each order to the next one of the same customer.

    Attributes
    ----------
    customer : array of n ids
        Ascending; the orders of a customer follow each other in time.
    number : int64 array
        Of the order that the gap follows: 1 for the first.
    order : datetime64[us] array, UTC
        Its instant.
    length : float64 array, in `unit`
    ended : bool array
        True where the next order ended the gap; False where the observation did (censored).
    unit : str

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = {"customer": [1, 1, 2], "date": [dt.date(2024, 1, d) for d in (1, 8, 3)]}
    >>> log = tn.EventLog(rows, customer="customer", time="date", observed_until="2024-01-10")
    >>> gaps = log.order_gaps()
    >>> gaps.length.tolist(), gaps.ended.tolist()
    ([7.0, 2.0, 7.0], [True, False, False])
    """

    customer: Any
    number: Ints
    order: npt.NDArray[np.datetime64]
    length: Floats
    ended: npt.NDArray[np.bool_]
    unit: str

    _column_names = ("customer", "number", "order", "length", "ended")

    def __len__(self) -> int:
        return len(self.length)

    def _title(self) -> str:
        still = int(len(self) - self.ended.sum())
        return f"{len(self):,} gaps between orders in {self.unit}s, {still:,} of them still open"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OrderPeriods(Table):
    """Orders and revenue of each customer in each calendar period that has any.

    Attributes
    ----------
    customer : array of n ids
        Ascending; the periods of a customer follow each other.
    period : datetime64[D] array
        First day of the period.
    orders : int64 array
        0 where there were nothing but refunds.
    revenue : float64 array
        Net of refunds; 0 in a log without amounts.
    length : str
        day, week, month, quarter or year.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = {"customer": [1, 1, 1], "date": [dt.date(2024, m, 5) for m in (1, 3, 3)]}
    >>> log = tn.EventLog(rows, customer="customer", time="date")
    >>> log.order_periods("month").orders.tolist()
    [1, 1]
    """

    customer: Any
    period: npt.NDArray[np.datetime64]
    orders: Ints
    revenue: Floats
    length: str

    _column_names = ("customer", "period", "orders", "revenue")

    def __len__(self) -> int:
        return len(self.orders)

    def _title(self) -> str:
        return f"{len(self):,} {self.length}s of customers with an order"
