"""Groups of customers and what each holds: deciles of expected value, RFM segments, the top."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow.compute as pc

from tenure import plotting, segment
from tenure._validation import Floats, Ints
from tenure.reporting._context import Context
from tenure.reporting._forecast import Forecast, forecast
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

_FEWEST = 10
_TOPS = (0.01, 0.05, 0.1, 0.2, 0.5)


def segments(context: Context) -> Section:
    """Return the section; its tables are `value_deciles`, `rfm_segments` and `concentration`."""
    made = forecast(context)
    pictures: list[Block] = []
    tables: list[Block] = []
    sentences: list[str] = []
    if isinstance(made, Missing):
        pictures.append(Missing("Deciles of value", "are not shown: there is no forecast."))
    elif len(context.base) < _FEWEST:
        pictures.append(Missing("Deciles of value", f"need at least {_FEWEST} customers."))
    else:
        picture, table, sentence = _deciles(context, made)
        pictures.append(picture)
        tables.append(table)
        sentences.append(sentence)
    scored = segment.rfm(context.log, monetary="total" if context.money else None)
    alike = len(np.unique(scored.r)) == 1 and len(np.unique(scored.f)) == 1
    if alike or len(context.base) < _FEWEST:
        why = (
            f"need at least {_FEWEST} customers."
            if len(context.base) < _FEWEST
            else "are not shown: all customers ordered equally often and equally long ago."
        )
        pictures.append(Missing("RFM segments", why))
    else:
        picture, table, sentence = _rfm(context, scored, made)
        pictures.append(picture)
        tables.append(table)
        sentences.append(sentence)
    if context.money:
        tables.append(_concentration(context))
    lead = " ".join(sentences) or "These customers are too few, or too alike, to be put in groups."
    return Section("segments", "Value segments", lead, (*pictures, *tables))


def decile_of(worth: Floats) -> Ints:
    """Return the decile of each customer, 1 for the highest; ties are split by id."""
    n = len(worth)
    place = np.empty(n, dtype=np.int64)
    place[np.argsort(-worth, kind="stable")] = np.arange(n)
    decile: Ints = place * 10 // n + 1
    return decile


def _deciles(context: Context, made: Forecast) -> tuple[Picture, View, str]:
    base, settings = context.base, context.settings
    worth = made.orders if made.value is None else made.value
    name = "orders" if made.value is None else "value"
    past = base.revenue if context.money else (base.frequency + 1).astype(float)
    past_name = "Revenue so far" if context.money else "Orders so far"
    decile = decile_of(worth)
    context.customer_columns["decile"] = decile

    def total(values: Any) -> Floats:
        sums: Floats = np.bincount(decile, values, 11)[1:].astype(np.float64)
        return sums

    share, past_share = _share(total(worth)), _share(total(past))
    columns: dict[str, Any] = {
        "decile": np.arange(1, 11),
        "customers": np.bincount(decile, minlength=11)[1:],
        "expected_orders": total(made.orders),
    }
    if made.value is not None:
        columns["expected_value"] = total(made.value)
    columns |= {
        "expected_share": share,
        ("revenue" if context.money else "orders"): total(past),
        "past_share": past_share,
    }
    context.findings.tables["value_deciles"] = table = as_table(columns)

    def paint(figure: Any) -> None:
        ax = plotting.axes(figure.subplots())
        labels = [str(k) for k in range(1, 11)]
        both = (f"Expected {name}", past_name)
        plotting.paired_bars(labels, share, past_share, names=both, ax=ax)
        ax.set_ylabel("Decile of customers")

    caption = (
        f"Customers in ten equal groups, the highest expected {name} first: each group's share of "
        f"expected {name} and of {past_name.lower()}."
    )
    sentence = (
        f"The tenth of customers with the highest expected {name} holds "
        f"{plotting.percent(float(share[0]))} of {'them' if name == 'orders' else 'it'}"
    )
    if np.isfinite(past_share[0]):
        sentence += (
            f"; they brought {plotting.percent(float(past_share[0]))} of "
            f"{'revenue' if context.money else 'orders'} so far"
        )
    sentence += "."
    heads = {
        "decile": Column("Decile", "count", "decile"),
        "customers": Column("Customers", "count", "customer"),
        "expected_orders": Column("Expected orders", "count", "expected-orders"),
        "expected_value": Column("Expected value", "money", "expected-value"),
        "expected_share": Column("Share", "percent"),
        "revenue": Column("Revenue so far", "money", "revenue"),
        "orders": Column("Orders so far", "count", "order"),
        "past_share": Column("Share", "percent"),
    }
    shown = view(
        table,
        "The numbers by decile",
        {key: head for key, head in heads.items() if key in columns},
        currency=settings.currency,
        file="value_deciles",
    )
    size = (HALF[0], 3.9)
    title = f"Deciles of expected {name}"
    return context.draw("deciles", title, caption, "decile", paint, size), shown, sentence


def _rfm(context: Context, scored: Any, made: Forecast | Missing) -> tuple[Picture, View, str]:
    groups = scored.segments()
    context.customer_columns |= {"recency_score": scored.r, "frequency_score": scored.f}
    if scored.m is not None:
        context.customer_columns["monetary_score"] = scored.m
    context.customer_columns["rfm_segment"] = scored.segment.astype(np.str_)
    columns: dict[str, Any] = {
        "segment": list(groups.segment),
        "customers": groups.customers,
        "customer_share": groups.customer_share,
        "mean_days_since_last": groups.mean_days_since_last,
        "mean_orders": groups.mean_orders,
    }
    orders = (context.base.frequency + 1).astype(float)
    past, past_name = _by_segment(scored, orders), "orders"
    if groups.revenue is not None:
        columns["revenue"] = groups.revenue
        past, past_name = groups.revenue, "revenue"
    columns["past_share"] = past_share = _share(past)
    if isinstance(made, Forecast):
        worth = made.orders if made.value is None else made.value
        columns["expected_orders"] = _by_segment(scored, made.orders)
        if made.value is not None:
            columns["expected_value"] = _by_segment(scored, made.value)
        columns["expected_share"] = _share(_by_segment(scored, worth))
    context.findings.tables["rfm_segments"] = table = as_table(columns)
    some = np.flatnonzero(groups.customers)
    names = [groups.segment[i] for i in some]

    def paint(figure: Any) -> None:
        ax = plotting.axes(figure.subplots())
        plotting.paired_bars(
            names,
            past_share[some],
            groups.customer_share[some],
            names=(f"Share of {past_name}", "Share of customers"),
            ax=ax,
        )

    known = bool(np.isfinite(past_share).all())
    top = int(np.argmax(past_share if known else groups.customers))
    sentence = (
        f"The RFM segment “{groups.segment[top]}” holds "
        f"{plotting.percent(float(groups.customer_share[top]))} of customers"
        + (
            f" and brought {plotting.percent(float(past_share[top]))} of {past_name}"
            if known
            else ""
        )
        + "."
    )
    heads = {
        "segment": Column("Segment", "text", "rfm"),
        "customers": Column("Customers", "count", "customer"),
        "customer_share": Column("Share", "percent"),
        "mean_days_since_last": Column("Days since last order", "count"),
        "mean_orders": Column("Orders each", "number", "order"),
        "revenue": Column("Revenue", "money", "revenue"),
        "past_share": Column("Share", "percent"),
        "expected_value": Column("Expected value", "money", "expected-value"),
        "expected_share": Column("Share", "percent"),
    }
    shown = view(
        table.filter(pc.greater(table["customers"], 0)),
        "The numbers by RFM segment",
        {key: head for key, head in heads.items() if key in columns},
        currency=context.settings.currency,
        file="rfm_segments",
    )
    caption = f"Each segment's share of customers and of {past_name} so far."
    picture = context.draw("rfm", "RFM segments", caption, "rfm", paint, (HALF[0], 3.9))
    return picture, shown, sentence


def _by_segment(scored: Any, values: Floats) -> Floats:
    sums = np.bincount(scored.segment_code, values, len(scored.segment_names))
    return sums.astype(np.float64)


def _concentration(context: Context) -> Block:
    if not context.base.revenue.sum() > 0:
        return Missing("Concentration", "is not shown: revenue does not add up to more than 0.")
    if len(context.base) < _FEWEST:
        return Missing("Concentration", f"needs at least {_FEWEST} customers.")
    held = segment.concentration(context.base, top=_TOPS)
    context.findings.tables["concentration"] = table = as_table(held._columns())
    first, tenth = float(held.value_share[0]), float(held.value_share[_TOPS.index(0.1)])
    context.findings.figures["concentration"] = Figure(
        "concentration",
        "Revenue of the top 10 %",
        plotting.percent(tenth),
        f"top 1 %: {plotting.percent(first)}" if len(context.base) >= 100 else "ranked by revenue",
        "concentration",
        tenth,
    )
    return view(
        table,
        "The top customers",
        {
            "top": Column("Best customers", "percent", "concentration"),
            "value": Column("Revenue", "money", "revenue"),
            "value_share": Column("Share of revenue", "percent"),
            "mean_order_value": Column("Order value", "money", "order-value"),
            "rest_mean_order_value": Column("of all others", "money"),
        },
        currency=context.settings.currency,
        file="concentration",
    )


def _share(values: Floats) -> Floats:
    total = values.sum()
    shares: Floats = values / total if total > 0 else np.full(len(values), np.nan)
    return shares
