"""Who is still there and what they are worth: the forecast, customer by customer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa

from tenure import plotting
from tenure._validation import Floats, Ints
from tenure.reporting._context import Context, day_words
from tenure.reporting._forecast import Forecast, check_fit, forecast
from tenure.reporting._parts import (
    HALF,
    Block,
    Column,
    Figure,
    Missing,
    Picture,
    Section,
    View,
    as_table,
    view,
)

TOP = 25

#: Repeat orders, and months without an order, as the matrix groups them: [from, to).
_FREQUENCIES = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 6), (6, 10), (10, math.inf))
_SILENCES = ((0, 1), (1, 2), (2, 3), (3, 6), (6, 9), (9, 12), (12, 18), (18, math.inf))
_MONTH_DAYS = 30.4375


def customers(context: Context) -> Section:
    """Return the section; the table `customers` has a row for each customer."""
    made = forecast(context)
    settings, base = context.settings, context.base
    if isinstance(made, Missing):
        return Section(
            "customers",
            "Customers by value",
            "Without a fitted model nothing can be said about the future of single customers.",
            (made, _past(context)),
        )
    words = settings.horizon_words
    n = len(base)
    figures, orders = context.findings.figures, made.total_orders
    figures["expected_orders"] = Figure(
        "expected_orders",
        f"Expected orders, next {words}",
        f"{orders.value:,.0f}",
        f"{orders.lower:,.0f} to {orders.upper:,.0f} if the model holds",
        "expected-orders",
        orders.value,
        orders.lower,
        orders.upper,
    )
    lead = (
        f"These {n:,} customers are expected to place {orders.value:,.0f} orders over the next "
        f"{words}"
    )
    if made.total_value is not None:
        worth = made.total_value
        low, high = (plotting.money(v, settings.currency) for v in (worth.lower, worth.upper))
        figures["expected_value"] = Figure(
            "expected_value",
            f"Expected value, next {words}",
            plotting.money(worth.value, settings.currency),
            f"{low} to {high} if the model holds",
            "expected-value",
            worth.value,
            worth.lower,
            worth.upper,
        )
        lead += f", worth {plotting.money(worth.value, settings.currency)} today"
    blocks: list[Block] = [_matrix(context, made), _shares(context, made), _top(context, made)]
    notes = (*made.notes, *_track_record(context))
    return Section("customers", "Customers by value", lead + ".", tuple(blocks), notes)


def _track_record(context: Context) -> tuple[str, ...]:
    """How far the same model was off where that could be seen."""
    tried = check_fit(context)
    if isinstance(tried, Missing) or not tried.holdout_orders.sum() > 0:
        return ()
    off = float(tried.holdout_expected.sum() / tried.holdout_orders.sum()) - 1.0
    return (
        f"Intervals of the totals take the model for true. Fitted to the orders up to "
        f"{day_words(tried.last_day)}, it expected {plotting.percent(abs(off))} "
        f"{'more' if off > 0 else 'fewer'} orders after that than were placed.",
    )


def customer_columns(context: Context, made: Forecast | Missing) -> tuple[dict[str, Any], Ints]:
    """Return the columns that every table of customers begins with, and the order of its rows."""
    base = context.base
    columns: dict[str, Any] = {
        "customer": base.customer,
        "orders": base.frequency + 1,
        "first_order": context.local_days(base.first_order),
        "last_order": context.local_days(base.last_order),
    }
    worth: Floats = base.frequency.astype(float)
    if context.money:
        columns["revenue"] = base.revenue
        worth = base.revenue
    if isinstance(made, Forecast):
        columns["probability_alive"] = made.alive
        columns["expected_orders"] = made.orders
        worth = made.orders
        if made.value is not None:
            columns["expected_order_value"] = made.spend
            columns["expected_value"] = made.value
            worth = made.value
    # Stable: of equal worth the lower id comes first.
    return columns, np.argsort(-worth, kind="stable")


def ordered(columns: dict[str, Any], order: Ints) -> pa.Table:
    """Return the columns as a table, its rows in that order."""
    return as_table(columns).take(pa.array(order))


def _top(context: Context, made: Forecast) -> View:
    columns, order = customer_columns(context, made)
    heads = {
        "customer": Column("Customer", "text"),
        "orders": Column("Orders", "count", "order"),
        "last_order": Column("Last order", "date"),
        "revenue": Column("Revenue", "money", "revenue"),
        "probability_alive": Column("P(alive)", "percent", "p-alive"),
        "expected_orders": Column("Expected orders", "number", "expected-orders"),
        "expected_order_value": Column("Expected order value", "money", "expected-spend"),
        "expected_value": Column("Expected value", "money", "expected-value"),
    }
    shown = {name: head for name, head in heads.items() if name in columns}
    return view(
        ordered(columns, order[:TOP]),
        f"The {min(TOP, len(order))} customers with the highest expected "
        + ("value" if made.value is not None else "orders"),
        shown,
        currency=context.settings.currency,
        file="customers",
        open=True,
    )


def _past(context: Context) -> View:
    columns, order = customer_columns(context, Missing("", ""))
    heads = {
        "customer": Column("Customer", "text"),
        "orders": Column("Orders", "count", "order"),
        "first_order": Column("First order", "date"),
        "last_order": Column("Last order", "date"),
        "revenue": Column("Revenue", "money", "revenue"),
    }
    shown = {name: head for name, head in heads.items() if name in columns}
    return view(
        ordered(columns, order[:TOP]),
        f"The {min(TOP, len(order))} customers with the "
        + ("highest revenue" if context.money else "most orders")
        + " so far",
        shown,
        currency=context.settings.currency,
        file="customers",
        open=True,
    )


def _matrix(context: Context, made: Forecast) -> Picture:
    """Mean P(alive) by how often and how long ago; cells without customers stay empty."""
    base = context.base
    silence = (base.T - base.recency) * context.unit_days / _MONTH_DAYS
    told = _FREQUENCIES[1:]  # without a repeat order the model has no doubt
    rows = [f for f in told if ((base.frequency >= f[0]) & (base.frequency < f[1])).any()]
    columns = [s for s in _SILENCES if s[0] <= silence.max()]
    mean = np.full((len(rows), len(columns)), np.nan)
    count = np.zeros(mean.shape, dtype=np.int64)
    for i, (low, high) in enumerate(rows):
        often = (base.frequency >= low) & (base.frequency < high)
        for j, (start, end) in enumerate(columns):
            here = often & (silence >= start) & (silence < end)
            count[i, j] = here.sum()
            if count[i, j]:
                mean[i, j] = made.alive[here].mean()
    some, of = np.nonzero(count)
    context.findings.tables["alive_by_history"] = as_table(
        {
            "repeat_orders_from": np.array([r[0] for r in rows])[some],
            "repeat_orders_below": np.array([float(r[1]) for r in rows])[some],
            "months_silent_from": np.array([c[0] for c in columns])[of],
            "months_silent_below": np.array([float(c[1]) for c in columns])[of],
            "customers": count[some, of],
            "probability_alive": mean[some, of],
        }
    )

    def paint(figure: Any) -> None:
        ax = plotting.axes(figure.subplots())
        labels = [_range(low, high) for low, high in rows]
        plotting.triangle(mean, labels, [_months(*c) for c in columns], ax=ax, top=1.0)
        ax.set_xlabel("Months since the last order", loc="left")
        ax.set_ylabel("Repeat orders")

    caption = (
        "Mean probability, in per cent, that customers with so many repeat orders (row) who have "
        "been silent for so long (column) are still active. Grey: no such customer."
    )
    return context.draw(
        "alive", "Who is still active", caption, "p-alive", paint, (HALF[0], 0.9 + 0.34 * len(rows))
    )


def _range(low: float, high: float) -> str:
    if math.isinf(high):
        return f"{low:g}+"
    return f"{low:g}" if high == low + 1 and low < 4 else f"{low:g}–{high - 1:g}"


def _months(low: float, high: float) -> str:
    if low == 0:
        return f"< {high:g}"
    return f"{low:g}+" if math.isinf(high) else f"{low:g}–{high:g}"


def _shares(context: Context, made: Forecast) -> Picture:
    worth = made.orders if made.value is None else made.value
    name = "orders" if made.value is None else "value"
    share, at = lorenz(worth)
    tenth = float(np.interp(0.1, at, share))

    def paint(figure: Any) -> None:
        ax = plotting.axes(figure.subplots())
        ax.plot([0, 1], [0, 1], color=plotting.LINE, linewidth=1.0)
        plotting.curve(at, share, ax=ax)
        ax.plot([0.1], [tenth], "o", color=plotting.ACCENT, markersize=5)
        ax.annotate(
            f"best 10 %: {plotting.percent(tenth)}",
            (0.1, tenth),
            xytext=(8, -4),
            textcoords="offset points",
            fontsize=9,
            color=plotting.INK,
        )
        plotting.percent_ticks(ax.xaxis, 0)
        plotting.percent_ticks(ax.yaxis, 0)
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1.02)
        ax.set_xlabel("Customers, the most valuable first", loc="left")

    caption = (
        f"Share of all expected {name} that the best customers hold: the best tenth holds "
        f"{plotting.percent(tenth)}. The straight line is what equal customers would hold."
    )
    return context.draw(
        "shares", f"How expected {name} is spread", caption, "expected-value", paint, HALF
    )


def lorenz(worth: Floats, points: int = 200) -> tuple[Floats, Floats]:
    """Return (share of the total, share of customers), the highest first, thinned for a picture."""
    total = np.concatenate([[0.0], np.cumsum(np.sort(worth)[::-1])])
    at = np.linspace(0.0, 1.0, len(total))
    share = total / total[-1] if total[-1] > 0 else at
    if len(at) > points:
        grid = np.unique(np.concatenate([np.linspace(0, 1, points), at[: min(20, len(at))]]))
        share, at = np.interp(grid, at, share), grid
    return share, at
