"""What was found in the rows, and everything that is needed to make the same report again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from tenure import plotting
from tenure.reporting._context import Context, day_words
from tenure.reporting._parts import Block, Column, Section, as_table, counted, view
from tenure.reporting._settings import day_before, days_between, last_day

_FINDINGS = {
    "missing_customer": "no customer id",
    "missing_time": "no time",
    "impossible_time": "a time outside the years 1600 to 2400",
    "missing_amount": "no amount",
    "infinite_amount": "an infinite amount",
    "after_end": "after the end of observation",
    "refund": "refunds (negative amounts)",
    "refund_matched": "refunds that cancel an order",
    "refund_unmatched": "refunds without an order to cancel",
}


def data(context: Context) -> Section:
    """Return the data report."""
    log, found = context.log, context.log.data_report
    dropped = found.rows - found.kept
    names = [n for n, count in found.findings.items() if count]
    table = as_table(
        {
            "finding": pa.array(
                [_FINDINGS.get(n, n.replace("_", " ")) for n in names], pa.string()
            ),
            "rows": np.array([found.findings[n] for n in names], dtype=np.int64),
            "action": pa.array([found.actions.get(n, "") for n in names], pa.string()),
            "first_rows": pa.array(
                [", ".join(map(str, found.first_rows.get(n, ()))) for n in names], pa.string()
            ),
        }
    )
    context.findings.tables["data_findings"] = table
    lead = f"Rows read: {found.rows:,}; kept: {found.kept:,}; dropped: {dropped:,}"
    refunds = found.findings.get("refund", 0)
    lead += f"; refunds among them: {refunds:,}." if refunds else "."
    blocks: list[Block] = []
    if names:
        blocks.append(
            view(
                table,
                "What was found",
                {
                    "finding": Column("Finding", "text", "refund" if refunds else None),
                    "rows": Column("Rows", "count"),
                    "action": Column("What was done", "text"),
                    "first_rows": Column("First rows (from 0)", "text"),
                },
                file="data_findings",
                open=True,
            )
        )
    notes = []
    if context.base.n_without_orders:
        without = counted(context.base.n_without_orders, "customer")
        notes.append(f"{without} of the log have no order and appear in no figure.")
    if log.event_names:
        notes.append(f"Events that count as orders: {', '.join(log.orders)}.")
    return Section("data", "Data", lead, tuple(blocks), tuple(notes))


def method(context: Context) -> Section:
    """Return what the report was made from; no clock, no path, no machine."""
    from tenure import __version__

    log, settings = context.log, context.settings
    cut = (
        f"none: {settings.no_cut}"
        if settings.cut is None
        else f"{day_before(settings.cut, log.timezone)}, then "
        f"{days_between(settings.cut, log._until):g} days of hold-out"
    )
    rows: dict[str, Any] = {
        "Observed": f"{log.observed_from.date()} to {last_day(log)}, time zone {log.timezone}",
        "One order": "all rows of a customer on one calendar day",
        "Refunds": {
            "net": "net within the day of the order",
            "match": "cancel the latest order of the same amount, others net",
            "drop": "dropped",
            "raise": "none allowed",
        }[log.on_refund],
        "Unit of time": settings.unit,
        "Cut": cut,
        "Horizon": f"{settings.horizon_text} ({settings.horizon:.2f} {settings.unit}s)",
        "Discount rate": f"{plotting.percent(settings.discount_rate)} a {settings.discount_period}",
        "Margin": plotting.percent(settings.margin),
        "Models": "BG/NBD for orders"
        + (", Gamma-Gamma for order values" if context.money else "")
        + ", by maximum likelihood",
        "Intervals": "95 %",
        "Software": f"tenure {__version__}",
    }
    context.findings.parameters.update(
        {
            "tenure": __version__,
            "observed_from": log.observed_from.isoformat(),
            "observed_until": log.observed_until.isoformat(),
            "timezone": log.timezone,
            "collapse": context.base.collapse,
            "on_refund": log.on_refund,
            "orders": list(log.orders),
            "unit": settings.unit,
            "cut": None if settings.cut is None else str(day_before(settings.cut, log.timezone)),
            "horizon": settings.horizon_text,
            "discount_rate": settings.discount_rate,
            "discount_period": settings.discount_period,
            "margin": settings.margin,
            "rows_read": log.data_report.rows,
            "rows_kept": log.data_report.kept,
        }
    )
    table = pa.table({"setting": list(rows), "value": [str(v) for v in rows.values()]})
    context.findings.tables["method"] = table
    block = view(
        table,
        "Settings",
        {"setting": Column("Setting", "text"), "value": Column("Value", "text")},
        file="method",
        open=True,
    )
    lead = (
        f"Everything above follows from the rows up to {day_words(last_day(log))} and the settings "
        "below; the same rows and settings give the same report."
    )
    return Section("method", "Method", lead, (block,))
