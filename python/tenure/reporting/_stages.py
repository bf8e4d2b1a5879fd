"""Where customers stand in the lifecycle, and what became of each stage in the hold-out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa

from tenure import lifecycle, plotting
from tenure._time import to_datetime
from tenure.reporting._context import LEVEL, Context, day_words
from tenure.reporting._parts import (
    FULL_WIDTH,
    Block,
    Column,
    Missing,
    Picture,
    Section,
    View,
    as_table,
    listed,
    view,
)
from tenure.reporting._settings import day_before, days_between

_FEW = 30  # below this many customers a normal interval of a mean says little


def stages(context: Context) -> Section:
    """Return the section; its tables are `stages` and `stage_outcomes`."""
    log = context.log
    table = lifecycle.Stages(preset="seed").assign(log)
    sizes = table.sizes()
    # Customers without an order are no customers of this report.
    bought = [i for i, name in enumerate(sizes.stage) if name not in {"lead", "visitor"}]
    shown = [i for i in bought if sizes.customers[i]]
    outcomes = _outcomes(context)
    ordering = table.n_orders > 0
    context.customer_columns["stage"] = table.stage[ordering]
    context.findings.tables["stages"] = _sizes_table(context, sizes, bought, outcomes)
    total = int(sizes.customers[bought].sum())
    blocks: list[Block] = [_picture(context, sizes, shown, outcomes)]
    if isinstance(outcomes, Missing):
        blocks.append(outcomes)
    blocks += [_numbers(context, shown, outcomes), _rules(context, table)]
    largest = max(shown, key=lambda i: sizes.customers[i])
    lead = (
        f"{plotting.percent(sizes.customers[largest] / total)} of customers are "
        f"{_quoted(sizes.stage[largest])}"
    )
    best = _loyal(sizes, shown, context.money)
    return Section("lifecycle", "Lifecycle stages", lead + best + ".", tuple(blocks))


def _quoted(stage: str) -> str:
    return f"“{stage}”"


def _loyal(sizes: Any, shown: list[int], money: bool) -> str:
    """What the cherished stages hold, if there are any."""
    kept = [i for i in shown if sizes.four_stage[i] == "cherishing"]
    if not kept or not money or not sizes.net_value[shown].sum() > 0:
        return ""
    customers = float(sizes.customers[kept].sum() / sizes.customers[shown].sum())
    value = float(sizes.net_value[kept].sum() / sizes.net_value[shown].sum())
    names = listed([_quoted(sizes.stage[i]) for i in kept])
    hold = "the stage {} holds" if len(kept) == 1 else "the stages {} hold"
    return (
        f"; {hold.format(names)} {plotting.percent(customers)} of customers and brought "
        f"{plotting.percent(value)} of revenue"
    )


def _outcomes(context: Context) -> Any:
    log, settings = context.log, context.settings
    what = "Loss risk and revenue potential"
    if settings.cut is None:
        return Missing(what, f"are not shown: {settings.no_cut}.")
    at = lifecycle.Stages(preset="seed").assign(log, to_datetime(settings.cut, log.timezone))
    days = days_between(settings.cut, log._until)
    if days < at.calibration.new_days:
        return Missing(
            what,
            f"are not shown: the hold-out has {days:g} days, and a customer counts as new for "
            f"{at.calibration.new_days:g}.",
        )
    return at.outcomes(log, days, level=LEVEL)


def _sizes_table(context: Context, sizes: Any, bought: list[int], outcomes: Any) -> pa.Table:
    columns: dict[str, Any] = {
        "stage": [sizes.stage[i] for i in bought],
        "four_stage": [sizes.four_stage[i] for i in bought],
        "classic": [sizes.classic[i] for i in bought],
        "customers": sizes.customers[bought],
        "customer_share": _share(sizes.customers[bought]),
    }
    if context.money:
        columns["revenue"] = sizes.net_value[bought]
        columns["revenue_share"] = _share(sizes.net_value[bought])
    if not isinstance(outcomes, Missing):
        counted = {k: np.asarray(v) for k, v in outcomes._columns().items()}
        if not context.money:
            kept = ("stage", "customers", "lost", "loss_risk", "loss_lower", "loss_upper")
            counted = {k: counted[k] for k in kept}
        context.findings.tables["stage_outcomes"] = as_table(counted)
        at = [outcomes.stage.index(sizes.stage[i]) for i in bought]
        columns["customers_at_cut"] = outcomes.customers[at]
        for name in ("loss_risk", "loss_lower", "loss_upper"):
            columns[name] = getattr(outcomes, name)[at]
        if context.money:
            for name in ("mean", "mean_lower", "mean_upper", "median", "winsorised_mean"):
                columns[f"revenue_{name}"] = getattr(outcomes, name)[at]
    return as_table(columns)


def _share(values: Any) -> Any:
    total = values.sum()
    return values / total if total > 0 else np.full(len(values), np.nan)


def _picture(context: Context, sizes: Any, shown: list[int], outcomes: Any) -> Picture:
    """Three panels that share their rows: customers, loss risk, revenue potential."""
    table = context.findings.tables["stages"].to_pydict()
    names = [sizes.stage[i] for i in shown]
    rows = [table["stage"].index(name) for name in names]

    def column(key: str) -> Any:
        return np.array([math.nan if table[key][r] is None else table[key][r] for r in rows])

    panels = 1
    if not isinstance(outcomes, Missing):
        panels = 3 if context.money else 2
    currency = context.settings.currency

    def paint(figure: Any) -> None:
        figure.get_layout_engine().set(wspace=0.07)
        every = np.atleast_1d(
            figure.subplots(1, panels, sharey=True, width_ratios=[1.25, 1, 1][:panels])
        )
        counts = column("customers")
        ax = plotting.axes(every[0])
        plotting.bars(
            names,
            counts,
            ax=ax,
            texts=[f"{n:,.0f}  ({plotting.percent(n / counts.sum())})" for n in counts],
        )
        plotting.number_ticks(ax.xaxis, whole=True)
        ax.set_xlim(0, counts.max() * 1.38)
        ax.set_title("Customers now")
        if panels > 1:
            ax = plotting.axes(every[1])
            plotting.points(column("loss_risk"), column("loss_lower"), column("loss_upper"), ax=ax)
            plotting.percent_ticks(ax.xaxis, 0)
            ax.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0])
            ax.set_xlim(-0.02, 1.02)
            ax.set_title("Loss risk")
        if panels > 2:
            ax = plotting.axes(every[2])
            few = column("customers_at_cut") < _FEW
            low, high = column("revenue_mean_lower"), column("revenue_mean_upper")
            plotting.points(
                column("revenue_mean"),
                np.where(few, np.nan, low),
                np.where(few, np.nan, high),
                ax=ax,
            )
            plotting.number_ticks(ax.xaxis, currency)
            ax.set_xlim(left=min(0.0, *ax.get_xlim()))
            ax.set_title("Revenue per customer")

    if isinstance(outcomes, Missing):
        caption = "Customers in each stage at the end of observation."
    else:
        cut = day_before(context.settings.cut or 0, context.log.timezone)
        caption = (
            "Left: customers in each stage at the end of observation. The rest is measured: of the "
            f"customers who stood in a stage on {day_words(cut)}, the share who placed no order "
            "until the end"
            + (" and what they brought on average" if context.money else "")
            + ". Lines are intervals."
        )
    size = (FULL_WIDTH if panels > 1 else FULL_WIDTH * 0.62, 0.75 + 0.29 * len(names))
    return context.draw("stages", "Customers by stage", caption, "stage", paint, size)


def _numbers(context: Context, shown: list[int], outcomes: Any) -> View:
    heads = {
        "stage": Column("Stage", "text", "stage"),
        "customers": Column("Customers", "count", "customer"),
        "customer_share": Column("Share", "percent"),
        "revenue": Column("Revenue", "money", "revenue"),
        "revenue_share": Column("Share", "percent"),
        "loss_risk": Column("Loss risk", "percent", "loss-risk"),
        "loss_lower": Column("From", "percent", "interval"),
        "loss_upper": Column("To", "percent", "interval"),
        "revenue_mean": Column("Revenue potential", "money", "revenue-potential"),
        "revenue_median": Column("Median", "money"),
    }
    del outcomes
    table = context.findings.tables["stages"]
    table = table.filter(pa.compute.greater(table["customers"], 0))
    assert table.num_rows == len(shown)
    return view(
        table,
        "The numbers",
        {name: head for name, head in heads.items() if name in table.column_names},
        currency=context.settings.currency,
        file="stages",
    )


def _rules(context: Context, table: Any) -> View:
    """The thresholds that the rules compared with."""
    c, currency = table.calibration, context.settings.currency
    rows = {
        "N: new for": f"{c.new_days:g} days",
        "A: active until": f"{c.active_days:g} days without an order",
        "L: lost after": f"{c.lapsed_days:g} days without an order",
        f"F: orders in the last {c.window_days} days": f"q50 {c.frequency_cuts[0]:g}, "
        f"q80 {c.frequency_cuts[1]:g}",
    }
    if context.money and all(math.isfinite(v) for v in c.value_cuts):
        q40, q60, q80 = (plotting.money(v, currency) for v in c.value_cuts)
        rows[f"M: revenue in the last {c.window_days} days"] = f"q40 {q40}, q60 {q60}, q80 {q80}"
    settled = pa.table({"threshold": list(rows), "value": list(rows.values())})
    context.findings.tables["stage_thresholds"] = settled
    source = (
        "Too few customers ordered twice to take quantiles: A, L and F are fixed numbers."
        if c.fallback
        else f"A and L are quantiles of {c.n_gaps:,} completed gaps between orders; F and M of "
        f"{c.n_repeaters:,} customers with a repeat order."
    )
    return view(
        settled,
        "The thresholds",
        {"threshold": Column("Threshold", "text"), "value": Column("Value", "text")},
        note=source + " The rules: first match wins, as in the documentation of tenure.lifecycle.",
    )
