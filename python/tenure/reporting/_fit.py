"""How well the model fits: learnt up to the cut, compared with what came after it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa

from tenure import plotting
from tenure._validation import Floats
from tenure.reporting._context import Context, Z, day_words
from tenure.reporting._forecast import Check, check_fit, forecast
from tenure.reporting._parts import (
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

_MOST_FREQUENCIES = 8  # the last bar holds this many repeat orders or more


def fit(context: Context) -> Section:
    """Return the section; its tables are those of the pictures and `parameters`."""
    made = check_fit(context)
    title = "How well the model fits"
    if isinstance(made, Missing):
        blocks: list[Block] = [made]
        parameters = _parameters(context, None)
        return Section(
            "fit",
            title,
            "The model could not be compared with orders that it had not seen.",
            (*blocks, *([parameters] if parameters else [])),
        )
    cumulative, weekly = _tracking(context, made)
    blocks = [cumulative, weekly, _frequencies(context, made), _conditional(context, made)]
    parameters = _parameters(context, made)
    if parameters is not None:
        blocks.append(parameters)
    return Section("fit", title, _lead(context, made), tuple(blocks))


def _lead(context: Context, made: Check) -> str:
    actual, expected = float(made.holdout_orders.sum()), float(made.holdout_expected.sum())
    said = (
        f"The model learnt from the orders up to {day_words(made.last_day)} and expected "
        f"{expected:,.0f} orders of the same customers after that; they placed {actual:,.0f}"
    )
    if actual > 0:
        off = expected / actual - 1.0
        said += f", so it was {plotting.percent(abs(off))} too {'high' if off > 0 else 'low'}"
    return said + "."


def _tracking(context: Context, made: Check) -> tuple[Picture, Picture]:
    track = made.tracking
    context.findings.tables["tracking"] = as_table(
        {
            "period_end": track.end,
            "actual": track.actual,
            "expected": track.expected,
            "actual_cumulative": np.cumsum(track.actual),
            "expected_cumulative": np.cumsum(track.expected),
            "holdout": track.end > np.datetime64(made.last_day),
        }
    )
    unit = track.unit
    last = float(np.cumsum(track.expected)[-1] / max(np.cumsum(track.actual)[-1], 1.0) - 1.0)

    def paint(cumulative: bool) -> Any:
        def painted(figure: Any) -> None:
            ax = plotting.axes(figure.subplots())
            actual = np.cumsum(track.actual) if cumulative else track.actual
            expected = np.cumsum(track.expected) if cumulative else track.expected
            plotting.curve(
                track.end, actual, ax=ax, color=plotting.INK, linewidth=1.4, label="Actual"
            )
            plotting.curve(track.end, expected, ax=ax, label="Expected")
            cut = np.datetime64(made.last_day)
            ax.axvline(cut, color=plotting.MUTED, linewidth=1.0, linestyle=(0, (4, 3)))
            ax.annotate(
                "cut",
                (cut, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(4, -10),
                textcoords="offset points",
                fontsize=9,
                color=plotting.MUTED,
            )
            plotting.date_ticks(ax.xaxis)
            plotting.number_ticks(ax.yaxis)
            ax.set_ylim(bottom=0)
            ax.legend(loc="lower right" if cumulative else "upper right")

        return painted

    high = "above" if last > 0 else "below"
    return (
        context.draw(
            "tracking-cumulative",
            "Repeat orders so far",
            "Repeat orders added up, as they were and as the model expects them. At the end the "
            f"model stands {plotting.percent(abs(last))} {high} the orders.",
            "tracking",
            paint(True),
            HALF,
        ),
        context.draw(
            "tracking-incremental",
            f"Repeat orders by {unit}",
            f"The same, {unit} by {unit}. Right of the cut the model had seen nothing.",
            "tracking",
            paint(False),
            HALF,
        ),
    )


def _frequencies(context: Context, made: Check) -> Picture:
    labels = [str(k) for k in range(len(made.frequency_actual))]
    labels[-1] += "+"
    context.findings.tables["frequency_fit"] = as_table(
        {
            "repeat_orders": pa.array(labels),
            "customers": made.frequency_actual,
            "expected": made.frequency_expected,
        }
    )

    def paint(figure: Any) -> None:
        ax = plotting.axes(figure.subplots())
        at = np.arange(len(labels))
        ax.bar(at - 0.2, made.frequency_actual, 0.38, color=plotting.INK, label="Actual")
        ax.bar(at + 0.2, made.frequency_expected, 0.38, color=plotting.ACCENT, label="Expected")
        ax.set_xticks(at, labels=labels)
        plotting.number_ticks(ax.yaxis, whole=True)
        ax.set_xlabel("Repeat orders until the cut", loc="left")
        ax.legend(loc="upper right")

    zero, expected = float(made.frequency_actual[0]), float(made.frequency_expected[0])
    caption = (
        "Customers by repeat orders until the cut: "
        f"{zero:,.0f} had none, {expected:,.0f} were expected to have none."
    )
    return context.draw(
        "frequency", "Customers by repeat orders", caption, "frequency", paint, HALF
    )


def _conditional(context: Context, made: Check) -> Picture:
    """Mean orders in the hold-out by repeat orders before it; actual means with their intervals."""
    x = np.minimum(made.calibration_frequency, _MOST_FREQUENCIES - 1)
    groups = np.unique(x)
    labels = [f"{k}+" if k == _MOST_FREQUENCIES - 1 else str(k) for k in groups]
    n = np.array([(x == k).sum() for k in groups])
    actual = np.array([made.holdout_orders[x == k].mean() for k in groups])
    expected = np.array([made.holdout_expected[x == k].mean() for k in groups])
    error = np.array(
        [
            made.holdout_orders[x == k].std(ddof=1) / math.sqrt(m) if m > 1 else math.nan
            for k, m in zip(groups, n, strict=True)
        ]
    )
    lower: Floats = np.maximum(actual - Z * error, 0.0)
    upper: Floats = actual + Z * error
    context.findings.tables["conditional_expectation"] = as_table(
        {
            "repeat_orders": pa.array(labels),
            "customers": n,
            "actual": actual,
            "lower": lower,
            "upper": upper,
            "expected": expected,
        }
    )

    def paint(figure: Any) -> None:
        ax = plotting.axes(figure.subplots())
        at = np.arange(len(groups))
        ax.vlines(at, lower, upper, color=plotting.INK, linewidth=1.2)
        plotting.curve(
            at, actual, ax=ax, color=plotting.INK, marker="o", linewidth=1.2, label="Actual"
        )
        plotting.curve(at, expected, ax=ax, marker="o", label="Expected")
        ax.set_xticks(at, labels=labels)
        ax.set_ylim(bottom=0)
        plotting.number_ticks(ax.yaxis)
        ax.set_xlabel("Repeat orders until the cut", loc="left")
        ax.legend(loc="upper left")

    caption = (
        "Mean orders of a customer in the hold-out by repeat orders before it. Upright lines: "
        "intervals of the actual means."
    )
    return context.draw(
        "conditional", "Orders in the hold-out", caption, "conditional", paint, HALF
    )


def _parameters(context: Context, made: Check | None) -> View | None:
    """Every parameter with its standard error, of the forecast and of the fit up to the cut."""
    fitted = forecast(context)
    rows: list[tuple[str, str, str, float, float]] = []
    if not isinstance(fitted, Missing):
        rows += fitted.parameters
    if made is not None:
        rows += made.parameters
    if not rows:
        return None
    columns = list(zip(*rows, strict=True))
    names = ("model", "fitted_to", "parameter", "estimate", "standard_error")
    table = as_table(dict(zip(names, map(list, columns), strict=True)))
    context.findings.tables["parameters"] = table
    return view(
        table,
        "Parameters",
        {
            "model": Column("Model", "text"),
            "fitted_to": Column("Fitted to", "text", "holdout"),
            "parameter": Column("Parameter", "text"),
            "estimate": Column("Estimate", "fine"),
            "standard_error": Column("Standard error", "fine", "standard-error"),
        },
        file="parameters",
        open=True,
    )
