"""One row a customer: what the buy-till-you-die models, RFM and the stages start from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tenure._results import Table
from tenure._validation import Floats, Ints

_SUMMARY = (
    "customer",
    "frequency",
    "recency",
    "T",
    "monetary_value",
    "revenue",
    "first_order",
    "last_order",
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Summary(Table):
    """Recency-frequency summary, one row for each customer with at least one order.

    Every model of `tenure.clv` fits it as it stands; the unit travels with it.

    Attributes
    ----------
    customer : array of n ids
        Ascending, as they came in.
    frequency : int64 array
        Repeat orders: orders - 1.
    recency, T : float64 arrays, in `unit`
        From the first order to the last one, and to the end of observation.
    monetary_value : float64 array
        Mean amount of the repeat orders; NaN where there are none.
    revenue : float64 array
        All amounts, refunds included.
    first_order, last_order : datetime64[us] arrays, UTC
        Instants of the first and the last order.
    unit, collapse : str, str or None
        What time is counted in, and what one order is.
    n_without_orders : int
        Customers of the log who have no order before the end, and so no row.
    log_gaps : float64 array or None
        Sum over repeat orders of ln(time since the order before), in `unit`; 0 where there are
        none. A column only where the summary was asked for it.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> s = log.summary(unit="week", end="1997-09-30")
    >>> len(s), int(s.frequency.sum())
    (2357, 2457)
    >>> s.to_arrow().slice(0, 1).to_pylist()[0]["monetary_value"]
    22.345
    """

    customer: Any
    frequency: Ints
    recency: Floats
    T: Floats
    monetary_value: Floats
    revenue: Floats
    first_order: Any
    last_order: Any
    unit: str
    collapse: str | None
    end: Any
    n_without_orders: int
    log_gaps: Floats | None = None

    _column_names = _SUMMARY

    def __len__(self) -> int:
        return len(self.frequency)

    def _columns(self) -> Mapping[str, Any]:
        columns = Table._columns(self)
        return columns if self.log_gaps is None else {**columns, "log_gaps": self.log_gaps}

    def _title(self) -> str:
        return (
            f"Summary of {len(self):,} customers in {self.unit}s, "
            f"observed until {self.end:%Y-%m-%d %H:%M:%S %Z}"
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SummaryPanel(Table):
    """Summaries at several dates; ``panel[k]`` is the one at the k-th.

    Attributes
    ----------
    at : datetime64[us] array of n, UTC
        The date of each row: the first instant that its summary does not know.
    customer, frequency, recency, T, monetary_value, revenue, first_order, last_order
        Columns as in `Summary`, by date and then by customer.
    dates : tuple of datetime
    unit, collapse : str, str or None
    n_customers : int
        Customers of the log.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = {"customer": [1, 1, 2], "date": [dt.date(2024, 1, d) for d in (1, 8, 20)]}
    >>> log = tn.EventLog(rows, customer="customer", time="date")
    >>> panel = log.summaries(["2024-01-05", "2024-01-20"], unit="day")
    >>> panel.customer.tolist(), panel.frequency.tolist(), panel[1].T.tolist()
    ([1, 1, 2], [0, 1, 0], [19.0, 0.0])
    """

    at: Any
    customer: Any
    frequency: Ints
    recency: Floats
    T: Floats
    monetary_value: Floats
    revenue: Floats
    first_order: Any
    last_order: Any
    dates: tuple[Any, ...]
    unit: str
    collapse: str | None
    n_customers: int
    _first: Ints

    _column_names = ("at", *_SUMMARY)

    def __len__(self) -> int:
        return len(self.frequency)

    def __getitem__(self, k: int) -> Summary:
        dates = range(len(self.dates))
        rows = slice(self._first[dates[k]], self._first[dates[k] + 1])
        columns = {name: getattr(self, name)[rows] for name in _SUMMARY}
        return Summary(
            **columns,
            unit=self.unit,
            collapse=self.collapse,
            end=self.dates[k],
            n_without_orders=self.n_customers - (rows.stop - rows.start),
        )

    def __iter__(self) -> Iterator[Summary]:
        return (self[k] for k in range(len(self.dates)))

    def _title(self) -> str:
        return f"Summaries at {len(self.dates):,} dates in {self.unit}s, {len(self):,} rows"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CalibrationHoldout(Table):
    """The summary at a cut, and what each of its customers did afterwards; zeros included.

    Attributes
    ----------
    calibration : Summary
        At the cut; its columns are columns of this table too.
    orders_holdout : int64 array
        Orders in [cut, end), counted as in the summary.
    amount_holdout : float64 array
        Amounts in [cut, end), refunds included.
    duration : float
        Length of the hold-out, in `calibration.unit`.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> h = log.calibration_holdout("1997-09-30")
    >>> h.duration, int(h.orders_holdout.sum()), int((h.orders_holdout == 0).sum())
    (39.0, 1882, 1673)
    """

    calibration: Summary
    orders_holdout: Ints
    amount_holdout: Floats
    duration: float

    def __len__(self) -> int:
        return len(self.calibration)

    def _title(self) -> str:
        c = self.calibration
        return (
            f"Calibration and hold-out of {len(self):,} customers: cut at "
            f"{c.end:%Y-%m-%d %H:%M:%S %Z}, then {self.duration:g} {c.unit}s"
        )

    def _columns(self) -> Mapping[str, Any]:
        return {
            **self.calibration._columns(),
            "orders_holdout": self.orders_holdout,
            "amount_holdout": self.amount_holdout,
        }
