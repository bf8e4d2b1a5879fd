"""Who came back: monthly cohorts, their curves, and the time to the second order."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure import churn, cohort, plotting
from tenure.reporting._context import LEVEL, Context
from tenure.reporting._orders import days_to_second_order
from tenure.reporting._parts import (
    FULL_WIDTH,
    HALF,
    Block,
    Column,
    Missing,
    Picture,
    Section,
    View,
    as_table,
    view,
)

_MOST_COHORTS = 24
_MOST_MONTHS = 24
_FEW = 4  # cohorts up to which each curve has its own band
_FEWEST = 30  # customers of a cohort that is told of or drawn by itself
_TOLD_MONTH = 3
_TOLD_DAYS = (90, 180, 365)


def retention(context: Context) -> Section:
    """Return the section; its tables are `retention`, `retention_pooled` and `repeat_curve`."""
    table = cohort.retention(context.log, period="month", level=LEVEL)
    names = [f"{first:%b %Y}" for first in table.cohorts.tolist()]
    seen = np.isfinite(table.rates)
    _keep(context, table)
    repeat = _repeat_curve(context)
    blocks: list[Block]
    if not seen[:, 1:].any():
        blocks = [
            Missing(
                "Monthly retention",
                "is not shown: no calendar month after a first order has been observed whole.",
            ),
            repeat,
        ]
        return Section("retention", "Retention", _repeat_lead(context), tuple(blocks))
    blocks = [
        _triangle(context, table.rates, names, table.sizes),
        _curves(context, table, names),
        repeat,
        _cells(context),
    ]
    return Section("retention", "Retention", _lead(table), tuple(blocks))


def _keep(context: Context, table: cohort.Retention) -> None:
    cells = np.argwhere(np.isfinite(table.rates))
    rows, ages = cells[:, 0], cells[:, 1]
    context.findings.tables["retention"] = as_table(
        {
            "cohort": table.cohorts[rows],
            "month": ages,
            "customers": table.sizes[rows],
            "returned": table.counts[rows, ages].astype(np.int64),
            "retention": table.rates[rows, ages],
            "lower": table.lower[rows, ages],
            "upper": table.upper[rows, ages],
        }
    )
    pooled = table.mean
    context.findings.tables["retention_pooled"] = as_table(
        {
            "month": pooled.age,
            "customers": np.nansum(table.denominators, axis=0).astype(np.int64),
            "returned": np.nansum(table.counts, axis=0).astype(np.int64),
            "retention": pooled.rate,
            "lower": pooled.lower,
            "upper": pooled.upper,
        }
    )


def _triangle(context: Context, rates: Any, names: list[str], sizes: Any) -> Picture:
    from_row = max(0, len(names) - _MOST_COHORTS)
    seen = np.flatnonzero(np.isfinite(rates[from_row:]).any(axis=0))
    until = min(int(seen.max()) if len(seen) else 0, _MOST_MONTHS)
    shown = rates[from_row:, 1 : until + 1]
    height = 0.62 + 0.26 * len(shown)
    rows = [
        f"{name}   {size:,.0f}"
        for name, size in zip(names[from_row:], sizes[from_row:], strict=True)
    ]
    columns = [str(k) for k in range(1, until + 1)]
    low = float(np.nanmax(shown)) < 0.1
    cut = (
        f" The latest {_MOST_COHORTS} of {len(names)} cohorts; all are in the table."
        if from_row
        else ""
    )
    caption = (
        "Of the customers who placed their first order in a month (row, with their number), the "
        "per cent who ordered in the k-th month after it (column). Grey: not over yet." + cut
    )

    def paint(figure: Any) -> None:
        ax = plotting.axes(figure.subplots())
        plotting.triangle(shown, rows, columns, ax=ax, digits=1 if low or until <= 18 else 0)
        ax.set_xlabel("Months since the first order", loc="left")

    width = FULL_WIDTH if until > 8 else HALF[0]
    return context.draw("triangle", "Cohorts by month", caption, "cohort", paint, (width, height))


def _curves(context: Context, table: cohort.Retention, names: list[str]) -> Picture:
    until = min(len(table.ages), _MOST_MONTHS + 1)
    months, pooled = table.ages[1:until], table.mean
    large = table.sizes >= _FEWEST
    shown = [i for i in np.flatnonzero(large) if np.isfinite(table.rates[i, 1:until]).any()]
    few = len(shown) <= _FEW

    def paint(figure: Any) -> None:
        ax = plotting.axes(figure.subplots())
        picked = shown[-_MOST_COHORTS:]
        for tint, i in zip(plotting.shades(len(picked)), picked, strict=True):
            if len(names) == 1:
                break
            at = np.flatnonzero(np.isfinite(table.rates[i]))[1:]
            plotting.curve(
                at,
                table.rates[i, at],
                ax=ax,
                color=tint,
                linewidth=1.1,
                label=names[i] if few else None,
            )
        plotting.curve(
            months,
            pooled.rate[1:until],
            pooled.lower[1:until],
            pooled.upper[1:until],
            ax=ax,
            color=plotting.INK,
            label="All cohorts",
            marker="o" if len(months) < 3 else None,
        )
        plotting.percent_ticks(ax.yaxis)
        ax.set_ylim(bottom=0)
        ax.set_xlabel("Months since the first order", loc="left")
        plotting.month_ticks(ax.xaxis, float(months.max()))
        ax.set_xlim(0.7, max(float(months.max()), 2.0) + 0.3)
        ax.legend(loc="upper right")

    band = "the band is the interval of all cohorts together."
    if not shown or len(names) == 1:
        caption = "The share of all customers who ordered in month k; " + band
    elif few:
        caption = "Each cohort's share who ordered in month k; " + band
    else:
        caption = "Each cohort's share who ordered in month k, the later the darker; " + band
    if shown and not large.all():
        caption += f" Cohorts of fewer than {_FEWEST} customers are only in the triangle."
    return context.draw("curves", "Retention curves", caption, "pooled", paint, HALF)


def _repeat_curve(context: Context) -> Block:
    days, repeated = days_to_second_order(context.log)
    if not repeated.any():
        return Missing(
            "The repeat curve", "is not shown: no customer has placed a second order yet."
        )
    curve = churn.KaplanMeier(level=LEVEL).fit(days.astype(np.float64), repeated).curve_
    time = np.concatenate([[0.0], curve.time, [curve.last_time]])
    share = 1.0 - np.concatenate([[1.0], curve.survival, curve.survival[-1:]])
    lower = 1.0 - np.concatenate([[1.0], curve.upper, curve.upper[-1:]])
    upper = 1.0 - np.concatenate([[1.0], curve.lower, curve.lower[-1:]])
    context.findings.tables["repeat_curve"] = as_table(
        {"days": time[:-1], "share": share[:-1], "lower": lower[:-1], "upper": upper[:-1]}
    )
    told = [d for d in _TOLD_DAYS if d <= curve.last_time]
    at = np.searchsorted(time, told, side="right") - 1
    words = [
        f"{plotting.percent(float(share[i]))} within {d} days"
        for i, d in zip(at, told, strict=True)
    ]
    caption = "Share of customers with a second order by days since the first" + (
        f": {', '.join(words)}." if words else "."
    )

    def paint(figure: Any) -> None:
        ax = plotting.axes(figure.subplots())
        plotting.curve(time, share, lower, upper, ax=ax, steps=True)
        plotting.percent_ticks(ax.yaxis)
        ax.set_ylim(bottom=0)
        ax.set_xlim(left=0)
        ax.set_xlabel("Days since the first order", loc="left")

    return context.draw("repeat", "Time to the second order", caption, "repeat-curve", paint, HALF)


def _cells(context: Context) -> View:
    return view(
        context.findings.tables["retention_pooled"],
        "The numbers, all cohorts",
        {
            "month": Column("Month", "count"),
            "customers": Column("Customers observed", "count", "pooled"),
            "returned": Column("Ordered", "count"),
            "retention": Column("Retention", "percent", "retention"),
            "lower": Column("From", "percent", "interval"),
            "upper": Column("To", "percent", "interval"),
        },
        rows=_MOST_MONTHS + 1,
        file="retention",
    )


def _lead(table: cohort.Retention) -> str:
    """Compare the earliest and the latest large cohort whose third month, or last, is over."""
    rates = table.rates
    observed = np.isfinite(rates) & (table.sizes >= _FEWEST)[:, None]
    several = [m for m in (_TOLD_MONTH, 2, 1) if m < rates.shape[1]]
    month = next((m for m in several if observed[:, m].any()), None)
    if month is None:
        month = next(m for m in several if np.isfinite(table.mean.rate[m]))
        limits = (table.mean.lower[month], table.mean.upper[month])
        low, high = (plotting.percent(float(v)) for v in limits)
        return (
            f"Of all customers {plotting.percent(float(table.mean.rate[month]))} bought again in "
            f"month {month} after their first order ({low} to {high})."
        )
    rows = np.flatnonzero(observed[:, month])
    first, last = int(rows[0]), int(rows[-1])
    text = (
        f"Of customers who bought first in {_long(table, first)}, "
        f"{plotting.percent(float(rates[first, month]))} bought again in month {month}"
    )
    if last != first:
        text += (
            f"; of those who came in {_long(table, last)} it was "
            f"{plotting.percent(float(rates[last, month]))}"
        )
    return text + "."


def _long(table: cohort.Retention, row: int) -> str:
    return f"{table.cohorts[row].item():%B %Y}"


def _repeat_lead(context: Context) -> str:
    base = context.base
    n, repeaters = len(base), int((base.frequency > 0).sum())
    return f"{repeaters:,} of {n:,} customers have placed a second order."
