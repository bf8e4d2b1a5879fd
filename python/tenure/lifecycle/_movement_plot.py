"""Streams of customers from the stages of one date to those of the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tenure import plotting
from tenure._extras import require
from tenure._validation import Floats

if TYPE_CHECKING:
    from tenure.lifecycle.movement import Movement

_WIDTH = 0.025  # of a column of stages
_GAP = 0.022  # between stages, of the height
_BIRTH, _EXIT = "born", "left"


def draw(m: Movement, ax: Any, least: float) -> Any:
    """Draw the moves of an average period: both columns best stage on top."""
    ax = plotting.axes(ax, figsize=(7.2, 5.2))
    flow = m.counts.sum(axis=0) / m.n_periods
    whole = flow.sum()
    order = [*sorted(range(len(m.stages)), key=lambda i: (-m.ranks[i], i)), len(m.stages)]
    names = dict(enumerate(m.stages))
    left = _column(order, flow.sum(axis=1))
    right = _column(order, flow.sum(axis=0))
    shown = [i for i in order if i in left or i in right]
    colors = {i: plotting.PALETTE[c % len(plotting.PALETTE)] for c, i in enumerate(shown)}
    colors[len(m.stages)] = plotting.MUTED
    _streams(ax, flow / whole if whole else flow, order, left, right, colors, least)
    for column, x, side, outside in (
        (left, 0.0, "right", _BIRTH),
        (right, 1.0, "left", _EXIT),
    ):
        _stages(ax, column, x, side, names | {len(m.stages): outside}, colors, flow, whole)
    ax.set_xlim(-0.32, 1.32)
    ax.set_ylim(1.02, -0.07)
    ax.grid(visible=False)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines["bottom"].set_visible(False)
    for x, text, align in ((0.0, "One date", "right"), (1.0, "The next", "left")):
        ax.text(x, -0.03, text, ha=align, va="bottom", fontsize=9, color=plotting.MUTED)
    return ax


def _column(order: list[int], size: Floats) -> dict[int, tuple[float, float]]:
    """Top and bottom of each stage that is not empty."""
    there = [i for i in order if size[i] > 0]
    room = 1.0 - _GAP * max(len(there) - 1, 0)
    total = float(size.sum()) or 1.0
    places, top = {}, 0.0
    for i in there:
        height = room * float(size[i]) / total
        places[i] = (top, top + height)
        top += height + _GAP
    return places


def _streams(
    ax: Any,
    share: Floats,
    order: list[int],
    left: dict[int, tuple[float, float]],
    right: dict[int, tuple[float, float]],
    colors: dict[int, Any],
    least: float,
) -> None:
    path = require("matplotlib.path", "draw pictures").Path
    patch = require("matplotlib.patches", "draw pictures").PathPatch
    leave = {i: top for i, (top, _) in left.items()}
    arrive = {i: top for i, (top, _) in right.items()}
    out, into = share.sum(axis=1), share.sum(axis=0)
    x0, x1 = _WIDTH, 1.0 - _WIDTH
    for i in order:
        for j in order:
            if share[i, j] <= 0:
                continue
            a = (left[i][1] - left[i][0]) * share[i, j] / out[i]
            b = (right[j][1] - right[j][0]) * share[i, j] / into[j]
            y0, y1 = leave[i], arrive[j]
            leave[i] += a
            arrive[j] += b
            if share[i, j] < least:
                continue
            corners = [
                (x0, y0),
                (0.5, y0),
                (0.5, y1),
                (x1, y1),
                (x1, y1 + b),
                (0.5, y1 + b),
                (0.5, y0 + a),
                (x0, y0 + a),
                (x0, y0),
            ]
            curve = [path.MOVETO, *[path.CURVE4] * 3, path.LINETO, *[path.CURVE4] * 3]
            stream = path(corners, [*curve, path.CLOSEPOLY])
            alpha = 0.22 if i == j else 0.45
            ax.add_patch(patch(stream, facecolor=colors[i], alpha=alpha, linewidth=0))


def _stages(
    ax: Any,
    column: dict[int, tuple[float, float]],
    x: float,
    side: str,
    names: dict[int, str],
    colors: dict[int, Any],
    flow: Floats,
    whole: float,
) -> None:
    rectangle = require("matplotlib.patches", "draw pictures").Rectangle
    size = flow.sum(axis=1) if side == "right" else flow.sum(axis=0)
    start = x if side == "right" else x - _WIDTH
    below = -1.0
    for i, (top, bottom) in column.items():
        box = rectangle((start, top), _WIDTH, bottom - top, facecolor=colors[i], linewidth=0)
        ax.add_patch(box)
        at = max((top + bottom) / 2, below + 0.036)  # names of thin stages do not overlap
        below = at
        ax.text(
            x - 0.012 if side == "right" else x + 0.012,
            at,
            f"{names[i]}  {plotting.percent(size[i] / whole)}",
            ha=side,
            va="center",
            fontsize=8.5,
            color=plotting.INK,
            parse_math=False,
        )
