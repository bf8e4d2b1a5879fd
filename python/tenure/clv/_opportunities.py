"""Customers who may buy at whole opportunities: counted from a log, and as a table of histories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._results import Table
from tenure._time import as_period, engine_period, to_datetime
from tenure._validation import Floats, Ints, as_choice, as_threads
from tenure.events import EventLog
from tenure.events.event_log import as_log

_COLLAPSE = (None, "day", "week", "month", "quarter", "year")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Opportunities(Table):
    """In how many periods after the first each customer bought, and in which last.

    Attributes
    ----------
    customer : array of ids
        Ascending; those with an order before the end.
    frequency, recency, T : int64 arrays
        Whole periods after the one of the first order, up to the last that was seen in full: those
        with an order, the last of these (0 if none), and all.
    monetary_value : float64 array
        Mean spent in a period of `frequency`; NaN without one, or where the log has no amounts.
    period : str
        What an opportunity is.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> months = tn.clv.opportunities(log, "month")
    >>> len(months), months.period, int(months.T.max())
    (2357, 'month', 17)
    """

    customer: Any
    frequency: Ints
    recency: Ints
    T: Ints
    monetary_value: Floats
    period: str

    _column_names = ("customer", "frequency", "recency", "T", "monetary_value")

    def __len__(self) -> int:
        return len(self.frequency)

    def _title(self) -> str:
        return f"Opportunities of {len(self):,} customers, one a {self.period}"


def opportunities(
    log: Any,
    period: str = "month",
    *,
    collapse: str | None = "day",
    end: Any = None,
    n_threads: int | None = None,
) -> Opportunities:
    """Return in which calendar periods each customer bought, counted from the first order's.

    The period of the first order is number 0. Each later one that ends by the end of observation is
    an opportunity; in it a customer either buys or does not, however often. Orders in a last period
    that was not seen in full do not count.

    Parameters
    ----------
    log : EventLog
    period : {"day", "week", "month", "quarter", "year"}
        In the time zone of the log. Weeks begin on Monday.
    collapse : {"day", "week", "month", "quarter", "year"} or None
        What one order is, as in `EventLog.summary`.
    end : date or instant, optional
        End of observation; a bare date means the end of that day. Default: that of the log.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    Opportunities
        What `BGBB` reads, and `GammaGamma` too where the log has amounts. A customer of the last,
        unfinished period has T = 0.

    Notes
    -----
    The mean of a cohort's later periods is not spoiled by the first, which always has an order:
    that one is how the customer came to be one.

    Examples
    --------
    >>> import tenure as tn
    >>> rows = {"who": [1, 1, 1, 2], "when": ["2020-05-01", "2021-02-03", "2023-01-09",
    ...                                       "2021-08-01"]}
    >>> import pandas as pd
    >>> rows["when"] = pd.to_datetime(rows["when"])
    >>> log = tn.EventLog(rows, customer="who", time="when", observed_until="2023-06-30")
    >>> gifts = tn.clv.opportunities(log, "year")
    >>> gifts.frequency.tolist(), gifts.recency.tolist(), gifts.T.tolist()
    ([1, 0], [1, 0], [2, 1])
    """
    seen = bought_in(log, period, collapse, end, n_threads)
    begins, counts = seen.begins, seen.counts
    each = len(begins)
    frequency = np.add.reduceat(counts, begins, dtype=np.int64) if each else begins
    recency = np.maximum.reduceat(np.where(counts, seen.after, 0), begins) if each else begins
    spent = np.add.reduceat(np.where(counts, seen.revenue, 0.0), begins) if each else np.zeros(0)
    with np.errstate(invalid="ignore"):
        mean = np.where(frequency > 0, spent / np.maximum(frequency, 1), np.nan)
    return Opportunities(
        seen.log._ids(seen.codes[begins]),
        frequency.astype(np.int64),
        recency.astype(np.int64),
        np.maximum(seen.last - seen.number[begins], 0).astype(np.int64),
        mean,
        period,
    )


@dataclass(frozen=True, slots=True)
class Bought:
    """Periods with an order, customer after customer: those of one begin at `begins`.

    `number` counts periods from 1970, `after` from the customer's first; `counts` says which are
    repeat purchases in a period that was seen in full, of which `last` is the last.
    """

    log: EventLog
    codes: Ints
    number: Ints
    after: Ints
    counts: Any
    revenue: Floats
    begins: Ints
    last: int


def bought_in(log: Any, period: str, collapse: Any, end: Any, n_threads: int | None) -> Bought:
    """Return in which calendar periods of a log each customer bought."""
    log = as_log(log)
    as_choice(collapse, "collapse", _COLLAPSE)
    until = log._end(end)
    raw = _core.events.order_periods(
        log._core,
        as_period(period),
        None if collapse is None else engine_period(collapse),
        until,
        as_threads(n_threads),
    )
    bought = raw["orders"] > 0
    codes = raw["customer"][bought]
    number = _number(raw["first_day"].view("datetime64[D]")[bought], period)
    # The period of the end itself is not over, or has not begun.
    last = number_of(until, log, period) - 1
    begins = np.flatnonzero(np.diff(codes, prepend=-1) != 0)
    after = number - np.repeat(number[begins], np.diff(np.append(begins, len(codes))))
    counts = (after > 0) & (number <= last)
    return Bought(log, codes, number, after, counts, raw["revenue"][bought], begins, last)


def number_of(instant: int, log: EventLog, period: str) -> int:
    """Return the number of the period in which an instant lies."""
    day = np.datetime64(to_datetime(instant, log.timezone).date(), "D")
    return int(_number(np.array([day]), period)[0])


def _number(first_day: Any, period: str) -> Ints:
    """Number the periods by their first days (or any day of them), one after the other."""
    if period == "week":
        days: Ints = first_day.astype(np.int64)
        return (days + 3) // 7  # 1970-01-01 was a Thursday
    if period == "quarter":
        months: Ints = first_day.astype("datetime64[M]").astype(np.int64)
        return months // 3
    letter = {"day": "D", "month": "M", "year": "Y"}[period]
    numbers: Ints = first_day.astype(f"datetime64[{letter}]").astype(np.int64)
    return numbers


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class HistoryTable(Table):
    """All histories of T opportunities that differ to the BG/BB model, and what each promises.

    Attributes
    ----------
    frequency, recency : int64 arrays
        Ascending by frequency, then recency.
    probability : float64 array
        That a customer just acquired will have this history; they add up to 1.
    probability_alive, expected_purchases : float64 arrays
        At the opportunity T, and at the opportunities of the horizon, given the history.
    T, horizon : int

    Examples
    --------
    >>> import tenure as tn
    >>> model = tn.clv.BGBB().fit(tn.datasets.load_donations())
    >>> table = model.history_table(6, horizon=5)
    >>> len(table), round(float(table.expected_purchases[-1]), 2)
    (22, 3.75)
    """

    frequency: Ints
    recency: Ints
    probability: Floats
    probability_alive: Floats
    expected_purchases: Floats
    T: int
    horizon: float

    _column_names = (
        "frequency",
        "recency",
        "probability",
        "probability_alive",
        "expected_purchases",
    )

    def __len__(self) -> int:
        return len(self.frequency)

    def _title(self) -> str:
        return f"Histories of {self.T} opportunities, purchases at the next {self.horizon:g}"

    def plot(self, ax: Any = None) -> Any:
        """Draw the expected purchases by recency and frequency as shades; return the Axes."""
        from tenure import plotting

        ax = plotting.axes(ax)
        grid = np.full((self.T + 1, self.T + 1), np.nan)
        grid[self.frequency, self.recency] = self.expected_purchases
        image = ax.imshow(grid, origin="lower", cmap="Blues", aspect="auto")
        ax.figure.colorbar(image, ax=ax, label=f"purchases in the next {self.horizon:g}")
        ax.set_xlabel("recency")
        ax.set_ylabel("frequency")
        return ax


def histories(T: int) -> tuple[Ints, Ints, Floats]:
    """Return frequency, recency, and the log of how many orders of events each stands for."""
    x, t_x = np.tril_indices(T, 0)
    t_x, x = x + 1, t_x + 1  # 1 <= x <= t_x <= T
    order = np.lexsort((t_x, x))
    x, t_x = np.append(0, x[order]), np.append(0, t_x[order])
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1.0, max(T, 1))))])
    # The last purchase is at t_x, the others at any of the opportunities before.
    before, chosen = np.maximum(t_x - 1, 0), np.maximum(x - 1, 0)
    ways = log_factorial[before] - log_factorial[chosen] - log_factorial[before - chosen]
    return x.astype(np.int64), t_x.astype(np.int64), ways
