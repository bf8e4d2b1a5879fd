"""Orders of customers by period as rows; sums, ratios and shares of them, and what moves these."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import engine_period, start_of_day, to_datetime
from tenure._validation import Floats, Ints
from tenure.events import EventLog

Dates = npt.NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure of each period and how much each row moves it.

    `influence` sums to 0 within a period; its squares, summed over customers, are the variance.
    None for what is counted and not estimated.
    """

    value: Floats
    influence: Floats | None = None
    lower: Floats | None = None
    upper: Floats | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """One row for each customer and finished period with an order or a refund, in that order."""

    customer: Ints
    period: Ints
    orders: Floats
    revenue: Floats
    new: npt.NDArray[np.bool_]
    n_periods: int
    n_customers: int

    @property
    def active(self) -> npt.NDArray[np.bool_]:
        return self.orders > 0.0

    def of(self, chosen: npt.NDArray[np.bool_]) -> Rows:
        """Return the rows of the customers with a flag."""
        keep = chosen[self.customer]
        return replace(
            self,
            customer=self.customer[keep],
            period=self.period[keep],
            orders=self.orders[keep],
            revenue=self.revenue[keep],
            new=self.new[keep],
        )

    def sums(self, values: Any) -> Floats:
        """Return the sum of a column over the rows of each period."""
        return by_code(self.period, values, self.n_periods)

    def ratio(self, above: Any, below: Any) -> Measured:
        """Return a ratio of sums; it moves by (a - R b) / sum(b), customers being drawn."""
        above, below = np.asarray(above, np.float64), np.asarray(below, np.float64)
        total = self.sums(below)
        value = over(self.sums(above), total)
        moved = over(above - value[self.period] * below, total[self.period])
        return Measured(value, self._of_sample(moved, self.sums(below > 0.0)))

    def top_share(self, share: float) -> Measured:
        """Return which share of a period's revenue its best customers hold.

        With x the least value among them, that is (sum of (v - x)+ + q n x) / sum of v: ties at the
        border count in part, and a customer moves it by his summand less its mean.
        """
        value = np.full(self.n_periods, np.nan)
        moved = np.full(len(self.period), np.nan)
        rows = np.flatnonzero(self.active)
        order = rows[np.lexsort((self.revenue[rows], self.period[rows]))]
        ends = np.searchsorted(self.period[order], np.arange(self.n_periods + 1))
        for p in range(self.n_periods):
            held = self.revenue[order[ends[p] : ends[p + 1]]]
            n, total = len(held), float(held.sum())
            if n == 0 or not total > 0.0:
                continue
            least = held[n - max(int(np.ceil(share * n - 1e-9)), 1)]
            part = np.maximum(held - least, 0.0) + share * least
            value[p] = part.sum() / total
            moved[order[ends[p] : ends[p + 1]]] = (part - value[p] * held) / total
        moved[~self.active] = 0.0
        return Measured(value, self._of_sample(moved, self.sums(self.active)))

    def _of_sample(self, moved: Floats, n: Floats) -> Floats:
        # The unbiased variance; one customer alone says nothing of the spread.
        scaled: Floats = moved * np.sqrt(over(n, n - 1.0))[self.period]
        return scaled

    def error(self, influence: Floats) -> Floats:
        """Return the standard error of each period's figure."""
        pull, scale = unit(influence)
        error: Floats = np.sqrt(self.sums(pull**2)) * scale
        return error

    def error_of_change(self, influence: Floats) -> Floats:
        """Return the standard error of the difference to the period before; NaN of the first.

        Customers of both periods move both figures, so that their products count.
        """
        pull, scale = unit(influence)
        each = self.sums(pull**2)
        follows = (np.diff(self.customer) == 0) & (np.diff(self.period) == 1)
        at = np.flatnonzero(follows) + 1
        product = np.zeros(len(pull))
        product[at] = pull[at] * pull[at - 1]
        change = np.full(self.n_periods, np.nan)
        change[1:] = each[1:] + each[:-1] - 2.0 * self.sums(product)[1:]
        error: Floats = np.sqrt(np.maximum(change, 0.0)) * scale
        return error

    def error_of_contrast(self, influence: Floats, weights: Floats) -> float:
        """Return the standard error of sum(weights x figure) over the periods."""
        counted = weights[self.period] != 0.0
        pull, scale = unit(np.where(counted, weights[self.period] * influence, 0.0))
        each = by_code(self.customer, pull, self.n_customers)
        return float(np.sqrt(each @ each) * scale)


def unit(values: Floats) -> tuple[Floats, float]:
    """Return values of at most 1 and their scale, so that no square overflows."""
    scale = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    return values / scale, scale


def by_code(code: Ints, values: Any, n: int) -> Floats:
    """Return the sum of the values of each code in [0, n)."""
    summed: Floats = np.bincount(code, np.asarray(values, np.float64), minlength=n).astype(float)
    return summed


def over(above: Any, below: Any) -> Floats:
    """Return above / below, NaN where there is nothing below."""
    above, below = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    ratio: Floats = np.full(above.shape, np.nan)
    np.divide(above, below, out=ratio, where=below > 0.0)
    return ratio


def read_rows(log: EventLog, period: str, collapse: str, threads: int) -> tuple[Rows, Dates]:
    """Return the rows of all periods that ended within the observation, and their first days."""
    raw = _core.events.order_periods(
        log._core, engine_period(period), engine_period(collapse), log._until, threads
    )
    day = raw["first_day"].view("datetime64[D]")
    orders = raw["orders"]
    if not (orders > 0).any():
        msg = "the log has no order: there is nothing to measure"
        raise InvalidInputError(msg, argument="log")
    first = day[orders > 0].min()
    # The local day that begins where observation ends.
    until = np.datetime64(to_datetime(log._until, log.timezone).date(), "D")
    starts = starts_of_periods(first, until, period)
    finished = starts[:-1]
    if len(finished) == 0:
        msg = f"the log holds no whole {period}: it is observed until {until}"
        raise InvalidInputError(msg, argument="period", value=period)
    keep = (day >= first) & (day < starts[-1])
    customer, active = raw["customer"], orders > 0
    new = np.zeros(len(customer), bool)
    _, at = np.unique(customer[active], return_index=True)
    new[np.flatnonzero(active)[at]] = True
    rows = Rows(
        customer=customer[keep],
        period=np.searchsorted(finished, day[keep], side="right") - 1,
        orders=orders[keep].astype(np.float64),
        revenue=raw["revenue"][keep],
        new=new[keep],
        n_periods=len(finished),
        n_customers=log.n_customers,
    )
    return rows, starts


def starts_of_periods(first: np.datetime64, until: np.datetime64, period: str) -> Dates:
    """Return first days from that of `first` to the last that is not after `until`."""
    unit = {"day": "D", "week": "W", "month": "M", "quarter": "M", "year": "Y"}[period]
    step = 3 if period == "quarter" else 1
    if period == "week":
        # numpy's weeks begin on Thursday, like the epoch.
        return np.arange(first, until + np.timedelta64(1, "D"), np.timedelta64(7, "D"))
    count = (until.astype(f"datetime64[{unit}]") - first.astype(f"datetime64[{unit}]")).astype(int)
    steps = np.arange(0, count + 1, step)
    begins: Dates = (first.astype(f"datetime64[{unit}]") + steps).astype("datetime64[D]")
    return begins


def instant(day: np.datetime64, timezone: str) -> int:
    """Return the first instant (microseconds) of a local day."""
    return start_of_day(day.astype(dt.date), timezone)


def second_orders(log: EventLog, collapse: str, threads: int) -> tuple[Ints, Floats]:
    """Return the customers with an order and the days to their second one, infinite if none yet."""
    raw = _core.events.order_gaps(
        log._core, engine_period(collapse), 1.0, collapse == "day", log._until, threads
    )
    first = raw["number"] == 1
    days = np.where(raw["ended"][first].view(bool), raw["length"][first], np.inf)
    return raw["customer"][first], days
