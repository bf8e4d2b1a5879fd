"""Pictures of a profile: indices as a heat map, means as parallel lines."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tenure import plotting
from tenure._errors import InvalidInputError
from tenure._extras import require

#: Less often than among all; the accent is more often.
_UNDER = plotting.PALETTE[3]
#: A fourth and four times: the fullest colours.
_FULL = math.log(4.0)
_MOST_LINES = 12


def heatmap(result: Any, ax: Any, top: int) -> Any:
    """Draw the index of traits by segment, columns of the table side by side."""
    traits = result.traits
    if not len(traits):
        msg = "there are no traits to draw: all columns are constant"
        raise InvalidInputError(msg, argument="kind")
    keys = list(zip(traits.column, traits.trait, strict=True))
    place = {key: k for k, key in enumerate(dict.fromkeys(keys))}
    row = {name: i for i, name in enumerate(result.segments)}
    index = np.full((len(row), len(place)), np.nan)
    adjusted, strength = np.ones_like(index), np.zeros_like(index)
    for i, (segment, key) in enumerate(zip(traits.segment, keys, strict=True)):
        at = row[segment], place[key]
        index[at], adjusted[at] = traits.index[i], traits.p_adjusted[i]
        strength[at] = np.nan_to_num(abs(traits.smd[i]), posinf=1e9)
    strength[~(adjusted <= result.fdr)] = 0.0
    shown = np.sort(np.argsort(-strength.max(axis=0), kind="stable")[:top])
    names = [f"{c}: {t}" for c, t in place]
    index, adjusted = index[:, shown], adjusted[:, shown]
    if ax is None:
        longest = max(len(names[k]) for k in shown)
        size = (2.2 + 0.52 * len(shown), 0.9 + 0.06 * longest + 0.36 * len(row))
        ax = plotting.axes(figsize=size)
    else:
        ax = plotting.axes(ax)
    patch = require("matplotlib.patches", "draw pictures").Rectangle
    for (i, j), value in np.ndenumerate(index):
        known = math.isfinite(value)
        sure = known and adjusted[i, j] <= result.fdr
        depth = min(abs(math.log(value)) / _FULL, 1.0) if known and value > 0 else 1.0
        color: Any = plotting.UNOBSERVED
        if sure:
            color = (plotting.ACCENT if value > 1 else _UNDER, 0.10 + 0.75 * depth)
        ax.add_patch(patch((j - 0.5, i - 0.5), 1, 1, facecolor=color, edgecolor="white"))
        if known:
            ink = plotting.ON_ACCENT if depth > 0.72 else plotting.INK
            text = f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
            ax.text(
                j,
                i,
                text,
                ha="center",
                va="center",
                fontsize=8.5,
                color=ink if sure else plotting.MUTED,
            )
    for i, count in enumerate(result.customers):
        if not count:
            ax.text(-0.4, i, "no customers", va="center", fontsize=8.5, color=plotting.MUTED)
    ax.set_xlim(-0.5, len(shown) - 0.5)
    ax.set_ylim(len(row) - 0.5, -0.5)
    ax.set_yticks(range(len(row)), labels=list(row), parse_math=False)
    ax.set_xticks(
        range(len(shown)),
        labels=[names[k] for k in shown],
        rotation=45,
        ha="left",
        rotation_mode="anchor",
        parse_math=False,
    )
    ax.xaxis.tick_top()
    ax.tick_params(axis="both", length=0)
    ax.grid(visible=False)
    ax.spines["bottom"].set_visible(False)
    ax.set_xlabel(
        "Share in the segment / share of all. Blue: more often; grey: may be chance", labelpad=8
    )
    ax.xaxis.set_label_position("bottom")
    return ax


def parallel(result: Any, ax: Any, top: int) -> Any:
    """Draw each segment's means, in standard deviations of all customers, with limits."""
    numbers = result.numbers
    if not len(numbers):
        msg = "there are no numbers to draw: no column holds any that vary"
        raise InvalidInputError(msg, argument="kind")
    segments = len(result.segments)
    shape = (-1, segments)
    strength = np.nan_to_num(np.abs(numbers.z).reshape(shape)).max(axis=1)
    shown = np.sort(np.argsort(-strength, kind="stable")[:top])
    columns = np.array(numbers.column, dtype=object).reshape(shape)[shown, 0]
    z, low, high = (
        np.asarray(v).reshape(shape)[shown] for v in (numbers.z, numbers.z_lower, numbers.z_upper)
    )
    ax = plotting.axes(ax, figsize=(max(5.6, 2.6 + 1.1 * len(shown)), 4.0))
    at = np.arange(len(shown))
    ax.axhline(0.0, color=plotting.MUTED, linewidth=0.9, linestyle="--")
    largest = np.argsort(-result.customers, kind="stable")[:_MOST_LINES]
    drawn = [k for k in range(segments) if k in largest and result.customers[k]]
    for n, k in enumerate(drawn):
        color = plotting.PALETTE[n % len(plotting.PALETTE)]
        style = "-" if n < len(plotting.PALETTE) else "--"
        shift = at + 0.06 * (n - (len(drawn) - 1) / 2) / max(len(drawn) / 6, 1)
        ax.vlines(shift, low[:, k], high[:, k], color=color, linewidth=1.2)
        ax.plot(
            shift,
            z[:, k],
            style,
            marker="o",
            markersize=3.5,
            color=color,
            linewidth=1.6,
            label=result.segments[k],
        )
    ax.set_xticks(at, labels=list(columns), parse_math=False)
    ax.grid(visible=True, axis="x", color=plotting.LINE, linewidth=0.7)
    ax.set_xlim(-0.3, len(shown) - 0.7)
    ax.set_ylabel("Mean, in standard deviations of all")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax
