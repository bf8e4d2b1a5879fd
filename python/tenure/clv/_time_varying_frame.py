"""Covariates that change over calendar time, laid beside the purchases of a log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import UNIT_DAYS, as_unit, engine_period
from tenure._validation import Ints, as_count, as_threads
from tenure.clv import _design
from tenure.clv._time_varying_data import Days, TimeVaryingSummary, id_of
from tenure.events._frames import as_reader, column_names, require_columns
from tenure.events.event_log import as_log

_DAYS = {"day": 1, "week": 7}


def time_varying(
    log: Any,
    covariates: Any,
    *,
    customer: str | None = None,
    date: str = "date",
    columns: Sequence[str] | str | None = None,
    period: str | int = "week",
    unit: str = "week",
    end: Any = None,
    n_threads: int | None = None,
) -> TimeVaryingSummary:
    """Return a summary of a log together with covariates that change from period to period.

    Parameters
    ----------
    log : EventLog
        Its orders by local day; amounts are netted as in `EventLog.summary`.
    covariates : data frame
        One row a period, shared by all customers; with `customer`, one row for each customer and
        period.
    customer : str, optional
        The column of ids, where covariates differ between customers. Rows of ids that have no
        order are not read.
    date : str, default "date"
        The column with the first day of each period: dates, or timestamps at midnight without a
        time zone, in the local days of the log.
    columns : sequence of str, optional
        The covariates: numbers or text. Default: all other columns.
    period : {"week", "day"} or int, default "week"
        Length of every period, in days for a number. Periods may begin on any day.
    unit : {"day", "week", "month", "year"}
        What recency and T are counted in.
    end : date or instant, optional
        End of observation, as for `EventLog.summary`. Covariates may go on behind it: predictions
        need them as far as their horizon.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8.

    Returns
    -------
    TimeVaryingSummary

    Raises
    ------
    InvalidInputError
        Names customer and period where one is missing between the first order and the end of
        observation, or between two that are given; row and value for a date given twice or off the
        grid of periods, and for a covariate that is missing or not finite. Nothing is filled in.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = {"customer": [1, 1, 2], "date": [dt.date(2024, 1, d) for d in (1, 8, 20)]}
    >>> log = tn.EventLog(rows, customer="customer", time="date")
    >>> weeks = [dt.date(2024, 1, 1) + dt.timedelta(weeks=k) for k in range(6)]
    >>> data = tn.clv.time_varying(log, {"date": weeks, "sale": [0, 1, 0, 0, 1, 0]}, unit="day")
    >>> data.recency.tolist(), str(data.reach[0])
    ([7.0, 0.0], '2024-02-12')
    """
    log = as_log(log)
    as_unit(unit)
    days = _period_days(period)
    base = log.summary(unit=unit, collapse="day", end=end, n_threads=n_threads)
    who, day = _order_days(log, end, n_threads)
    starts = np.flatnonzero(np.diff(who, prepend=-1))
    first_day = day[starts]
    names, table = _read(covariates, customer, date, columns)
    of_rows = _design.columns_of(table, names)
    began = _days_of(table[date], date)
    owner, order = _owners(base.customer, table, customer, began)
    row_of, n_rows = _grid(base.customer, owner, began, order, days, len(base), customer)
    began = began[order]
    kept = {
        n: v[order] if isinstance(v, np.ndarray) else v.take(pa.array(order))
        for n, v in of_rows.items()
    }
    end_day = first_day + np.round(base.T * UNIT_DAYS[unit]).astype(np.int64)
    last_day = end_day.max() if len(base) else np.datetime64("NaT")
    _require_cover(base.customer, began[row_of], n_rows, first_day, end_day, days, customer)
    offset = (first_day - began[row_of]).astype(np.int64)
    repeat = np.ones(len(who), dtype=bool)
    repeat[starts] = False
    at = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(who))))[repeat]
    since = (day[repeat] - began[row_of][at]).astype(np.int64)
    return TimeVaryingSummary(
        customer=base.customer,
        frequency=base.frequency,
        recency=base.recency,
        T=base.T,
        monetary_value=base.monetary_value,
        first_day=first_day,
        reach=began[row_of] + n_rows * days,
        last_day=last_day,
        unit=unit,
        period_days=days,
        covariates=names,
        _columns_of_periods=kept,
        _first_row=row_of + offset // days,
        _days_before=offset % days,
        _bought_by=at,
        _bought_in=since // days - (offset // days)[at],
    )


def _period_days(period: Any) -> int:
    if isinstance(period, str):
        if period not in _DAYS:
            msg = (
                f"period must be 'day', 'week' or a number of days, got {period!r}: periods have "
                "one length, which months and years have not"
            )
            raise InvalidInputError(msg, argument="period", value=period)
        return _DAYS[period]
    return as_count(period, "period", at_least=1)


def _order_days(log: Any, end: Any, n_threads: int | None) -> tuple[Ints, Days]:
    """Rank among the customers with an order, and local day, of each order by day."""
    day = engine_period("day")
    raw = _core.events.order_periods(log._core, day, day, log._end(end), as_threads(n_threads))
    real = raw["orders"] > 0
    _, rank = np.unique(raw["customer"][real], return_inverse=True)
    return rank.astype(np.int64), raw["first_day"].view("datetime64[D]")[real]


def _read(
    frame: Any, customer: str | None, date: str, columns: Any
) -> tuple[tuple[str, ...], pa.Table]:
    keys = [date] if customer is None else [customer, date]
    known = column_names(frame)
    if known:
        require_columns(known, keys)
    elif columns is None:
        msg = "columns must be named: those of this frame cannot be told before it is read"
        raise InvalidInputError(msg, argument="columns")
    names = (
        tuple(n for n in known if n not in keys)
        if columns is None
        else _design.as_names(columns, "columns")
    )
    if not names:
        msg = "there must be at least one covariate"
        raise InvalidInputError(msg, argument="columns")
    for name in names:
        if name in keys:
            msg = f"columns names {name!r}, which tells whose and when the covariates are"
            raise InvalidInputError(msg, argument="columns", value=name)
    table = as_reader(frame, [*keys, *names]).read_all()
    if not len(table):
        msg = "covariates must have at least one row"
        raise InvalidInputError(msg, argument="covariates")
    return names, table


def _days_of(column: Any, name: str) -> Days:
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if values.null_count:
        row = int(np.argmax(np.asarray(pc.is_null(values))))
        msg = f"{name}[{row}] must not be missing"
        raise InvalidInputError(msg, argument=name, row=row)
    zone = pt.is_timestamp(values.type) and values.type.tz is not None
    if zone or not (pt.is_date(values.type) or pt.is_timestamp(values.type)):
        msg = f"{name} must hold dates without a time zone, got {values.type}"
        raise InvalidInputError(msg, argument=name)
    instants = np.asarray(values)
    days: Days = instants.astype("datetime64[D]")
    part = np.flatnonzero(days.astype(instants.dtype) != instants)
    if part.size:
        row = int(part[0])
        msg = f"{name}[{row}] must be a day, got {instants[row]}"
        raise InvalidInputError(msg, argument=name, row=row, value=str(instants[row]))
    return days


def _owners(ids: Any, table: pa.Table, customer: str | None, began: Days) -> tuple[Ints, Ints]:
    """Row of the summary that each kept row of the frame belongs to, and the order to keep."""
    if customer is None:
        order = np.argsort(began, kind="stable")
        return np.zeros(len(order), dtype=np.int64), order
    given = table[customer].combine_chunks()
    if given.null_count:
        row = int(np.argmax(np.asarray(pc.is_null(given))))
        msg = f"{customer}[{row}] must not be missing"
        raise InvalidInputError(msg, argument=customer, row=row)
    wanted = pa.array(ids) if isinstance(ids, np.ndarray) else ids
    wanted = wanted.combine_chunks() if isinstance(wanted, pa.ChunkedArray) else wanted
    if pt.is_dictionary(given.type):
        given = given.dictionary_decode()
    try:
        given = given.cast(wanted.type)
    except pa.ArrowException as error:
        msg = f"covariates[{customer!r}] does not fit the ids of the log: {error}"
        raise InvalidInputError(msg, argument=customer) from error
    at = pc.index_in(given, value_set=wanted)
    code = np.asarray(pc.fill_null(at, -1)).astype(np.int64)
    order = np.lexsort((began, code))
    order = order[code[order] >= 0]
    return code[order], order


def _grid(
    ids: Any,
    owner: Ints,
    began: Days,
    order: Ints,
    days: int,
    customers: int,
    customer: str | None,
) -> tuple[Ints, Ints]:
    """First row and number of rows of each customer's periods, which must follow each other."""
    sorted_days = began[order]
    step = np.diff(sorted_days).astype(np.int64)
    bad = np.flatnonzero((np.diff(owner) == 0) & (step != days))
    if bad.size:
        k = int(bad[0]) + 1
        row, value = int(order[k]), sorted_days[k]
        whose = "" if customer is None else f" of customer {id_of(ids, int(owner[k]))!r}"
        if step[k - 1] == 0:
            msg = f"covariates has two rows for the period{whose} that begins on {value}"
        elif step[k - 1] > days and step[k - 1] % days == 0:
            missing = sorted_days[k - 1] + np.timedelta64(days, "D")
            msg = f"covariates has no row for the period{whose} that begins on {missing}"
        else:
            msg = (
                f"the periods{whose} that begin on {sorted_days[k - 1]} and {value} are no "
                f"multiple of {days} days apart"
            )
        raise InvalidInputError(f"{msg} (row {row})", argument="covariates", row=row, value=value)
    if customer is None:
        return np.zeros(customers, dtype=np.int64), np.full(customers, len(order), dtype=np.int64)
    counts = np.bincount(owner, minlength=customers).astype(np.int64)
    none = np.flatnonzero(counts == 0)
    if none.size:
        who = id_of(ids, int(none[0]))
        msg = f"covariates has no row for customer {who!r}"
        raise InvalidInputError(msg, argument="covariates", row=int(none[0]), value=who)
    return np.cumsum(counts) - counts, counts


def _require_cover(
    ids: Any,
    began: Days,
    rows: Ints,
    first_day: Days,
    end_day: Days,
    days: int,
    customer: str | None,
) -> None:
    early, late = first_day < began, end_day >= began + rows * days
    bad = np.flatnonzero(early | late)
    if not bad.size:
        return
    row = int(bad[0])
    back = -((began[row] - first_day[row]).astype(np.int64) // -days) * days
    missing = began[row] - back if early[row] else began[row] + rows[row] * days
    msg = (
        f"covariates has no row for the period of customer {id_of(ids, row)!r} that begins on "
        f"{missing}: it is observed from {first_day[row]} to {end_day[row]}"
    )
    raise InvalidInputError(msg, argument="covariates", row=row, value=str(missing))
