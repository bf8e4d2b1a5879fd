"""What was spent on winning customers, by period and segment, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure._errors import InvalidInputError
from tenure._validation import Floats, as_number
from tenure.clv.economics import acquisition_cost, payback_period
from tenure.events._columns import table_of
from tenure.lifecycle._days import as_day, as_days
from tenure.lifecycle._kpi_rows import Dates, Measured, Rows, by_code, over, unit


def spend_by_period(
    spend: Any, starts: Dates, by: str | None, labels: tuple[Any, ...]
) -> dict[Any, Floats]:
    """Return the spend of each finished period: in all (None), and of each segment if it is told.

    `starts` ends with the first day that is in no finished period.
    """
    table = table_of(spend, "date")
    names = ["date", "spend"] + ([by] if by in table.column_names else [])
    for name in names:
        if name not in table.column_names:
            msg = f"spend has no column {name!r}; it has {', '.join(table.column_names)}"
            raise InvalidInputError(msg, argument="spend", value=name)
    day = as_days(table["date"], "spend", "date")
    try:
        paid = np.asarray(pc.cast(table["spend"], pa.float64()).fill_null(np.nan))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        msg = f"spend needs numbers in 'spend': {error}"
        raise InvalidInputError(msg, argument="spend") from error
    _require(np.isfinite(paid) & (paid >= 0.0), "spend", "finite and >= 0", paid)
    early = f"a date in the log, which begins with the period of {starts[0]}"
    _require(day >= starts[0], "date", early, day)
    period = np.searchsorted(starts, day, side="right") - 1
    n = len(starts) - 1
    finished = period < n

    def total(of: Any) -> Floats:
        return by_code(period[of], paid[of], n)

    found: dict[Any, Floats] = {None: total(finished)}
    if by in table.column_names:
        segment = np.array(table[by].to_pylist(), dtype=object)
        known = np.isin(segment, np.array(labels, dtype=object))
        _require(known, by, f"one of the segments {', '.join(map(repr, labels))}", segment)
        for label in labels:
            found[label] = total(finished & (segment == label))
    return found


def _require(ok: Any, name: str | None, rule: str, values: Any) -> None:
    if not ok.all():
        row = int(np.argmin(ok))
        msg = f"spend[{name!r}][{row}] must be {rule}; got {values[row]}"
        raise InvalidInputError(msg, argument="spend", row=row, value=values[row])


def cost_figures(
    rows: Rows, spend: Floats, value: Floats | None, margin: float | None, level: float
) -> dict[str, Measured]:
    """Return what it cost to win the new customers of each period, and what they are worth.

    Who is won is taken to arrive like a Poisson process: a sum over them has the sum of squares
    as its variance.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    won = rows.sums(rows.new)
    low, high = (np.where(won > 0.0, limit, 0.0) for limit in poisson_limits(won, z))
    figures = {
        "spend": Measured(spend),
        "cac": Measured(
            acquisition_cost(spend, won), lower=over(spend, high), upper=over(spend, low)
        ),
        "roas": _total_over(rows, rows.revenue, spend, z),
    }
    if value is not None:
        worth = np.where(rows.new, value[rows.customer], 0.0)
        # Nobody won: the worth of no customer is not known, not 0.
        figures["value_to_cost"] = _total_over(rows, worth, np.where(won > 0.0, spend, 0.0), z)
    if margin is not None:
        figures["payback"] = payback(rows, acquisition_cost(spend, won), margin, z)
    return figures


def _total_over(rows: Rows, values: Floats, spend: Floats, z: float) -> Measured:
    total = rows.sums(values)
    scaled, scale = unit(values)
    reach = z * np.sqrt(rows.sums(scaled**2)) * scale
    return Measured(
        over(total, spend), None, over(total - reach, spend), over(total + reach, spend)
    )


def poisson_limits(count: Floats, z: float) -> tuple[Floats, Floats]:
    """Return Byar's limits of a Poisson mean [Breslow & Day 1987, p. 69]."""
    at = np.maximum(count, 1.0)
    low = np.where(count > 0.0, at * (1.0 - 1.0 / (9.0 * at) - z / (3.0 * np.sqrt(at))) ** 3, 0.0)
    more = count + 1.0
    high: Floats = more * (1.0 - 1.0 / (9.0 * more) + z / (3.0 * np.sqrt(more))) ** 3
    return np.maximum(low, 0.0), high


def payback(rows: Rows, cost: Floats, margin: float, z: float) -> Measured:
    """Return after how many periods the customers won in each have earned what one of them cost.

    The limits are where the curves of the cumulative margin's limits cross the cost: a higher
    curve crosses earlier, so that the upper curve gives the lower limit.
    """
    n = rows.n_periods
    born = np.full(rows.n_customers, -1)
    born[rows.customer[rows.new]] = rows.period[rows.new]
    age = rows.period - born[rows.customer]
    counted = born[rows.customer] >= 0
    counted &= age >= 0
    whose = np.flatnonzero(born >= 0)
    won = by_code(born[whose], np.ones(len(whose)), n)
    revenue, scale = unit(rows.revenue)
    earned = np.zeros(rows.n_customers)
    each = [np.full((n, n), np.nan) for _ in range(3)]
    order = np.argsort(age, kind="stable")
    order = order[counted[order]]
    ends = np.searchsorted(age[order], np.arange(n + 1))
    for k in range(n):
        at = order[ends[k] : ends[k + 1]]
        earned[rows.customer[at]] += margin * revenue[at]
        total = by_code(born[whose], earned[whose], n)
        square = by_code(born[whose], earned[whose] ** 2, n)
        mean = over(total, won)
        spread = np.maximum(over(square, won) - mean**2, 0.0)
        reach = z * np.sqrt(over(spread, won - 1.0))
        seen = np.arange(n) + k < n
        for table, curve in zip(each, (mean, mean + reach, mean - reach), strict=True):
            table[seen, k] = curve[seen] * scale
    return Measured(*_crossings(each, cost))


def _crossings(curves: list[Floats], cost: Floats) -> tuple[Floats, None, Floats, Floats]:
    """Return the payback of the mean curve and of its limits; a limit not reached is infinite."""
    found = [payback_period(np.diff(c, axis=1, prepend=0.0), cost) for c in curves]
    value, early, late = (np.asarray(f, np.float64) for f in found)
    reached = ~np.isnan(value)
    return (
        value,
        None,
        np.where(reached, early, np.nan),
        np.where(reached, np.where(np.isnan(late), np.inf, late), np.nan),
    )


def romi(
    incremental: Mapping[Any, Any], spend: Floats, margin: float | None, starts: Dates
) -> Measured:
    """Return (incremental revenue x margin - spend) / spend, missing where it is not told."""
    if margin is None:
        msg = "incremental revenue needs the margin to become a return on marketing"
        raise InvalidInputError(msg, argument="margin")
    told = np.full(len(starts) - 1, np.nan)
    for date, amount in incremental.items():
        day = as_day(date, f"incremental[{date!r}]")
        p = int(np.searchsorted(starts, day, side="right")) - 1
        extra = as_number(amount, f"incremental[{date!r}]")
        if not 0 <= p < len(told):
            msg = f"incremental[{date!r}] must be of a day from {starts[0]} to before {starts[-1]}"
            raise InvalidInputError(msg, argument="incremental", value=date)
        told[p] = extra + (0.0 if np.isnan(told[p]) else told[p])
    return Measured(over(told * margin - spend, spend))
