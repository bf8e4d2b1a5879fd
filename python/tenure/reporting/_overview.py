"""The figures at the top, and how the orders came in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tenure import plotting
from tenure._time import to_datetime
from tenure.reporting._context import Context, Period, Z, day_words, periods, wilson
from tenure.reporting._parts import (
    FULL_WIDTH,
    Column,
    Figure,
    Missing,
    Picture,
    Section,
    as_table,
    counted,
    view,
)
from tenure.reporting._settings import last_day


def overview(context: Context) -> Section:
    """Return the first section, and the figures of the base in the findings."""
    base, settings = context.base, context.settings
    n, orders = len(base), int(base.frequency.sum()) + len(base)
    repeaters = int((base.frequency > 0).sum())
    revenue = math.fsum(base.revenue) if context.money else math.nan
    figures = context.findings.figures
    without = base.n_without_orders
    figures["customers"] = Figure(
        "customers",
        "Customers",
        f"{n:,}",
        f"with an order; {without:,} more without" if without else "with at least one order",
        "customer",
        n,
    )
    figures["orders"] = Figure(
        "orders", "Orders", f"{orders:,}", f"{orders / n:.2f} per customer", "order", orders
    )
    if context.money:
        figures["revenue"] = Figure(
            "revenue",
            "Revenue",
            plotting.money(revenue, settings.currency),
            f"{plotting.money(revenue / n, settings.currency)} per customer",
            "revenue",
            revenue,
        )
        value, lower, upper = _order_value(base.revenue, base.frequency + 1.0)
        figures["order_value"] = Figure(
            "order_value",
            "Order value",
            plotting.money(value, settings.currency),
            _between(lower, upper, settings.currency),
            "order-value",
            value,
            lower,
            upper,
        )
    low, high = wilson(repeaters, n)
    figures["repeat_rate"] = Figure(
        "repeat_rate",
        "Repeat rate",
        plotting.percent(repeaters / n),
        f"{plotting.percent(low)} to {plotting.percent(high)}",
        "repeat-rate",
        repeaters / n,
        low,
        high,
    )
    first, last = context.log.observed_from.date(), last_day(context.log)
    worth = f" worth {plotting.money(revenue, settings.currency)}" if context.money else ""
    span = (
        f"on {day_words(first)}"
        if first == last
        else f"between {day_words(first)} and {day_words(last)}"
    )
    lead = (
        f"{counted(n, 'customer')} placed {counted(orders, 'order')}{worth} {span}; "
        f"{plotting.percent(repeaters / n)} of them ordered more than once."
    )
    blocks: list[Any] = [_by_period(context)]
    if not context.money:
        blocks.append(
            Missing("Revenue, order value and spend", "are not shown: the log has no amounts.")
        )
    return Section("overview", "Overview", lead, (*blocks, _growth_view(context)))


def _order_value(revenue: Any, orders: Any) -> tuple[float, float, float]:
    """Revenue over orders; its variance as that of a ratio of sums over independent customers."""
    n, total = len(revenue), float(orders.sum())
    value = math.fsum(revenue) / total
    if n < 2:
        return value, math.nan, math.nan
    residual = revenue - value * orders
    error = math.sqrt(n / (n - 1) * float(np.dot(residual, residual))) / total
    return value, value - Z * error, value + Z * error


def _between(lower: float, upper: float, currency: str) -> str:
    if not math.isfinite(lower):
        return "one customer, so no interval"
    return f"{plotting.money(lower, currency)} to {plotting.money(upper, currency)}"


def _by_period(context: Context) -> Picture:
    name, spans = periods(context.log)
    growth = _growth(context, spans)
    context.findings.tables["orders_by_period"] = as_table(growth)
    new, repeat = growth["new_customers"], growth["repeat_orders"]
    share = float(repeat.sum()) / max(float(growth["orders"].sum()), 1.0)
    caption = (
        f"Orders by {name}: first orders of new customers and repeat orders. Repeat orders are "
        f"{plotting.percent(share)} of all"
        + ("." if spans[-1].whole else f"; the last {name} is not complete.")
    )

    def paint(figure: Any) -> None:
        ax = plotting.axes(figure.subplots())
        at = np.arange(len(spans))
        ax.bar(at, new, width=0.78, color=plotting.SOFT, label="First orders")
        ax.bar(at, repeat, bottom=new, width=0.78, color=plotting.ACCENT, label="Repeat orders")
        plotting.number_ticks(ax.yaxis, whole=True)
        shown = at[:: max(1, math.ceil(len(at) / 13))]
        ax.set_xticks(shown, labels=[spans[i].label for i in shown])
        ax.set_xlim(-0.6, max(len(spans), 4) - 0.4)
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.2)

    return context.draw("orders", f"Orders by {name}", caption, "order", paint, (FULL_WIDTH, 2.9))


def _growth(context: Context, spans: list[Period]) -> dict[str, Any]:
    """Differences of summaries cut at the end of each period: one reading of what an order is."""
    log, collapse = context.log, context.base.collapse
    customers, orders, revenue = [0], [0], [0.0]
    for span in spans:
        part = (
            context.base
            if span.end >= log._until
            else log.summary("day", collapse, to_datetime(span.end, log.timezone))
        )
        customers.append(len(part))
        orders.append(int(part.frequency.sum()) + len(part))
        revenue.append(math.fsum(part.revenue))
    new, every = np.diff(customers), np.diff(orders)
    columns = {
        "period": [s.label for s in spans],
        "start": [to_datetime(s.start, log.timezone).date() for s in spans],
        "complete": [s.whole for s in spans],
        "new_customers": new,
        "orders": every,
        "repeat_orders": every - new,
    }
    if context.money:
        columns["revenue"] = np.diff(revenue)
    return columns


def _growth_view(context: Context) -> Any:
    columns = {
        "period": Column("Period", "text"),
        "new_customers": Column("New customers", "count", "customer"),
        "orders": Column("Orders", "count", "order"),
        "repeat_orders": Column("Repeat orders", "count"),
    }
    if context.money:
        columns["revenue"] = Column("Revenue", "money", "revenue")
    return view(
        context.findings.tables["orders_by_period"],
        "The numbers",
        columns,
        currency=context.settings.currency,
        file="orders_by_period",
    )
