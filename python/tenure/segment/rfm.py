"""Recency, frequency and monetary value: scores and segments of customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import PERIODS, to_datetime
from tenure._validation import Floats, as_choice, as_column, as_count, as_threads
from tenure.events import EventLog
from tenure.events.event_log import as_log
from tenure.segment.grid import make_grid
from tenure.segment.rfm_result import MEASURES, RFM

SCORINGS = ("quantile", "ntile", "fixed", "nested")
_MONETARY = ("total", "mean", None)


def rfm(
    log: EventLog,
    at: Any = None,
    *,
    scoring: str = "quantile",
    bins: int = 5,
    cuts: Mapping[str, Sequence[float]] | None = None,
    grid: Any = "10-segment",
    monetary: str | None = "total",
    collapse: str | None = "day",
    n_threads: int | None = None,
) -> RFM:
    """Score the customers of a log on recency, frequency and monetary value.

    A customer scores one point on each, and one more for every cut point that his value is strictly
    better than: more recent, more orders, more money. So equal values score alike, and many equal
    values (one order) get the lowest of the scores that they span.

    Parameters
    ----------
    log : EventLog
    at : date or instant, optional
        As of when; a bare date means the end of that local day. Default: the end of observation.
    scoring : {"quantile", "ntile", "fixed", "nested"}
        ``quantile``: cut points are the i/bins quantiles of all scored customers (type 7), so that
        sizes are equal but for ties. ``ntile``: equal sizes, equal values split in the order of
        ids. ``fixed``: `cuts`. ``nested``: ntile of R, of F within each R, of M within each (R, F).
    bins : int, default 5
        The best score, 2 to 10.
    cuts : mapping, only for "fixed"
        ``bins - 1`` ascending numbers under each of ``days_since_last``, ``orders`` and
        ``monetary``; `RFM.cuts` of an earlier result has that form.
    grid : str, mapping or sequence, default "10-segment"
        Which segment each combination of scores belongs to, see Notes.
    monetary : {"total", "mean"} or None
        What M scores: the net total of all orders, or that total by order. None: no M, for logs
        without amounts.
    collapse : {"day", "week", "month", "quarter", "year"} or None
        What one order is, as for `EventLog.summary`.
    n_threads : int, optional
        Never changes a result.

    Returns
    -------
    RFM
        One row for each customer with an order before `at`.

    Raises
    ------
    InvalidInputError
        Among others for a grid with cells that no segment or two segments hold: it lists them.

    Notes
    -----
    A grid is a mapping of segment to cells, such as ``{"best": (5, (4, 5)), "rest": [...]}`` with
    (r, f) or (r, f, m), each a score or a pair (low, high) with both ends; a list of cells is their
    union. Given as a list of (segment, cells), the first segment that holds a cell has it. Methods
    and the default grid: docs/methods/rfm.md. Definitions: docs/definitions.md, "RFM".

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> log = tn.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "ann", "bob", "cid"],
    ...         "date": [dt.date(2024, 1, d) for d in (2, 9, 30, 5, 28)],
    ...         "amount": [30.0, 50.0, 40.0, 20.0, 10.0],
    ...     },
    ...     customer="customer",
    ...     time="date",
    ...     amount="amount",
    ... )
    >>> result = tn.segment.rfm(log)
    >>> result.days_since_last.tolist(), result.orders.tolist(), result.monetary.tolist()
    ([0.0, 25.0, 2.0], [3, 1, 1], [120.0, 20.0, 10.0])
    >>> result.r.tolist(), result.f.tolist(), result.m.tolist()
    ([5, 1, 3], [5, 1, 1], [5, 3, 1])
    >>> result.segment.tolist()
    ['champions', 'hibernating', 'about to sleep']
    """
    as_log(log, "arrays go to rfm_scores")
    as_choice(monetary, "monetary", _MONETARY)
    as_choice(collapse, "collapse", (None, *PERIODS))
    if monetary is not None and not log.has_amounts:
        msg = "the log has no amounts to score M by: pass monetary=None to score R and F alone"
        raise InvalidInputError(msg, argument="monetary", value=monetary)
    until = log._until if at is None else log._within(at, "at")
    end = to_datetime(until, log.timezone)
    base = log.summary("day", collapse, end, n_threads=n_threads)
    if not len(base):
        msg = f"no customer has an order before {end}"
        raise InvalidInputError(msg, argument="at", value=at)
    orders = base.frequency + 1
    value = None
    if monetary is not None:
        value = base.revenue if monetary == "total" else base.revenue / orders
    return _score(
        base.customer,
        base.T - base.recency,
        orders,
        value,
        scoring=scoring,
        bins=bins,
        cuts=cuts,
        grid=grid,
        monetary_is=monetary,
        collapse=collapse,
        revenue=base.revenue if log.has_amounts else None,
        at=end,
        n_without_orders=base.n_without_orders,
        n_threads=n_threads,
    )


def rfm_scores(
    days_since_last: Any,
    orders: Any,
    monetary: Any = None,
    *,
    customer: Any = None,
    scoring: str = "quantile",
    bins: int = 5,
    cuts: Mapping[str, Sequence[float]] | None = None,
    grid: Any = "10-segment",
    monetary_is: str = "total",
    n_threads: int | None = None,
) -> RFM:
    """Score customers from what is known of each, without a log.

    Parameters
    ----------
    days_since_last : array of n numbers
        Days from the last order to the reference date, >= 0.
    orders : array of n numbers
        How many orders, >= 0.
    monetary : array of n numbers, optional
        What each customer spent; absent: no M scores.
    customer : array of n ids, optional
        Default: 0 to n - 1. With ``ntile`` and ``nested`` equal values are split in this order of
        rows, so ids should ascend.
    scoring, bins, cuts, grid, n_threads
        As for `rfm`.
    monetary_is : {"total", "mean"}
        Whether `monetary` is a total or the mean of the orders; `segments` shows totals.

    Returns
    -------
    RFM

    Examples
    --------
    >>> import tenure as tn
    >>> tn.segment.rfm_scores([1, 40, 3, 90], [9, 1, 1, 1], [90.0, 10.0, 20.0, 5.0])
    RFM of 4 customers: quantile scores from 1 to 5
    customer  days_since_last  orders  monetary  r  f  m      segment
           0                1       9        90  5  5  5    champions
           1               40       1        10  2  1  2  hibernating
           2                3       1        20  4  1  4    promising
           3               90       1         5  1  1  1  hibernating
    """
    as_choice(monetary_is, "monetary_is", _MONETARY[:2])
    days = as_column(days_since_last, np.float64, "days_since_last")
    count = as_column(orders, np.float64, "orders")
    value = None if monetary is None else as_column(monetary, np.float64, "monetary")
    if customer is None:
        customer = np.arange(len(days))
    elif len(customer) != len(days):
        msg = f"customer must have one id for each of the {len(days)} rows, got {len(customer)}"
        raise InvalidInputError(msg, argument="customer")
    exact = (count == np.rint(count)) & (np.abs(count) < 2.0**53)
    whole = count.astype(np.int64) if bool(exact.all()) else count
    return _score(
        customer,
        days,
        whole,
        value,
        scoring=scoring,
        bins=bins,
        cuts=cuts,
        grid=grid,
        monetary_is=None if value is None else monetary_is,
        collapse=None,
        revenue=value if value is None or monetary_is == "total" else value * count,
        at=None,
        n_without_orders=0,
        n_threads=n_threads,
    )


def _score(
    customer: Any,
    days: Floats,
    orders: npt.NDArray[Any],
    monetary: Floats | None,
    *,
    scoring: str,
    bins: int,
    cuts: Mapping[str, Sequence[float]] | None,
    grid: Any,
    n_threads: int | None,
    **more: Any,
) -> RFM:
    as_choice(scoring, "scoring", SCORINGS)
    as_count(bins, "bins", at_least=2)
    checked = make_grid(grid, bins, has_monetary=monetary is not None)
    r, f, m, days_cuts, orders_cuts, monetary_cuts = _core.segment.rfm_scores(
        days,
        orders.astype(np.float64, copy=False),
        monetary,
        scoring,
        bins,
        _cut_lists(cuts, scoring, monetary is not None),
        as_threads(n_threads),
    )
    scores_m = None if monetary is None else m
    return RFM(
        customer=customer,
        days_since_last=days,
        orders=orders,
        monetary=monetary,
        r=r,
        f=f,
        m=scores_m,
        segment_code=checked(r, f, scores_m),
        segment_names=checked.names,
        grid_codes=checked.codes,
        days_cuts=days_cuts,
        orders_cuts=orders_cuts,
        monetary_cuts=monetary_cuts,
        scoring=scoring,
        bins=bins,
        **more,
    )


def _cut_lists(
    cuts: Mapping[str, Sequence[float]] | None, scoring: str, has_monetary: bool
) -> list[list[float]]:
    if scoring != "fixed":
        if cuts is not None:
            msg = f"cuts go with scoring='fixed', not with {scoring!r}"
            raise InvalidInputError(msg, argument="cuts")
        return [[], [], []]
    wanted = MEASURES if has_monetary else MEASURES[:2]
    if not isinstance(cuts, Mapping) or set(cuts) != set(wanted):
        msg = f"cuts must be a mapping with the keys {', '.join(wanted)}, got {cuts!r}"
        raise InvalidInputError(msg, argument="cuts", value=cuts)
    lists = [as_column(cuts[n], np.float64, f"cuts[{n!r}]").tolist() for n in wanted]
    return lists if has_monetary else [*lists, []]
