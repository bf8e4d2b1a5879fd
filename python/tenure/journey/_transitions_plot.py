"""The picture of transitions: states on an oval, arrows inside it, names outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure._extras import require
from tenure._validation import Floats, Ints

if TYPE_CHECKING:
    from tenure.journey.transitions import Transitions

#: States beyond it are not drawn: arrows could no longer be told apart.
_MOST = 30
_WIDE, _HIGH = 1.55, 1.0
#: Radius of the largest circle, in points.
_LARGEST = 15.0
_WIDEST = 6.5


def draw(t: Transitions, ax: Any, least: float) -> Any:
    from tenure import plotting

    ax = plotting.axes(ax, figsize=(7.6, 5.0))
    shown = _shown(t)
    square = t.matrix().values[np.ix_(shown, shown)]
    names = [t.states[i] for i in shown]
    visits = t.visits[shown].astype(float)
    angle = _angles(t, shown)
    place = np.stack([_WIDE * np.cos(angle), _HIGH * np.sin(angle)], axis=1)
    radius = _LARGEST * np.sqrt(np.maximum(visits / max(visits.max(initial=1.0), 1.0), 0.03))

    _arrows(ax, square, place, radius, least)
    ax.scatter(*place.T, s=(2 * radius) ** 2, color=plotting.ACCENT, edgecolor="white", zorder=3)
    for i, (name, at, r) in enumerate(zip(names, angle, radius, strict=True)):
        x, y = np.cos(at), np.sin(at)
        text = f"{name}\n{plotting.compact(visits[i])}"
        if square[i, i] >= max(least, 0.005):
            text += f", again {plotting.percent(square[i, i], 0)}"
        ax.annotate(
            text,
            place[i],
            xytext=((r + 5) * x, (r + 5) * y),
            textcoords="offset points",
            ha="center" if abs(x) < 0.35 else "left" if x > 0 else "right",
            va="center" if abs(y) < 0.35 else "bottom" if y > 0 else "top",
            fontsize=9,
            color=plotting.INK,
            parse_math=False,
        )
    _legend(ax, least)
    ax.set_xlim(-_WIDE * 1.42, _WIDE * 1.42)
    ax.set_ylim(-_HIGH * 1.32, _HIGH * 1.32)
    ax.set_aspect("equal")
    ax.grid(visible=False)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines["bottom"].set_visible(False)
    return ax


def _shown(t: Transitions) -> list[int]:
    """Positions of the states with the most visits, in order."""
    return sorted(np.argsort(-t.visits, kind="stable")[:_MOST].tolist())


def _angles(t: Transitions, shown: list[int]) -> Floats:
    """Place the start at the left, the end at the right, and between them what comes early first.

    Neighbours in this order lie above and below in turn.
    """
    n = len(shown)
    first = next((k for k, i in enumerate(shown) if t.states[i] not in t.target), None)
    last = next((k for k, i in enumerate(shown) if t.states[i] not in t.source), None)
    depth = _depths(t.matrix("count").values[np.ix_(shown, shown)], first, last)
    order = [k for k in np.argsort(depth, kind="stable") if k not in (first, last)]
    upper, lower = order[::2], order[1::2]
    angle = np.zeros(n)
    for row, sign in ((upper, 1.0), (lower, -1.0)):
        # Even places on the half oval; the ends of it are for start and end.
        angle[row] = sign * np.pi * (1.0 - (np.arange(len(row)) + 1.0) / (len(row) + 1.0))
    if first is not None:
        angle[first] = np.pi
    if last is not None:
        angle[last] = 0.0
    return angle


def _depths(counts: Ints, first: int | None, last: int | None) -> Floats:
    """How late a state comes: 0 at the start, 1 at the end, elsewhere the mean of its neighbours.

    Neighbours count by the transitions to and from them.
    """
    n = len(counts)
    between = (counts + counts.T).astype(float)
    np.fill_diagonal(between, 0.0)
    system = np.diag(between.sum(axis=1)) - between
    right = np.zeros(n)
    for k, depth in ((first, 0.0), (last, 1.0)):
        if k is not None:
            system[k] = np.eye(n)[k]
            right[k] = depth
    # States that neither start nor end leads to have no depth: the least solution gives them 0.
    return np.asarray(np.linalg.lstsq(system, right, rcond=None)[0].round(9))


def _arrows(ax: Any, square: Floats, place: Floats, radius: Floats, least: float) -> None:
    from tenure import plotting

    arrow = require("matplotlib.patches", "draw pictures").FancyArrowPatch
    pairs = [p for p in zip(*np.nonzero(square >= max(least, 1e-12)), strict=True) if p[0] != p[1]]
    # The strongest on top.
    for i, j in sorted(pairs, key=lambda p: (square[p], p)):
        p = float(square[i, j])
        width = _width(p)
        ax.add_patch(
            arrow(
                place[i],
                place[j],
                arrowstyle=f"-|>,head_length={3.0 + 1.1 * width},head_width={1.5 + 0.7 * width}",
                connectionstyle="arc3,rad=0.16",
                shrinkA=radius[i] + 1.0,
                shrinkB=radius[j] + 1.0,
                linewidth=width,
                color=plotting.tint(0.25 + 0.75 * p),
                zorder=2,
                mutation_scale=1.0,
            )
        )


def _width(p: float) -> float:
    return 0.4 + (_WIDEST - 0.4) * p


def _legend(ax: Any, least: float) -> None:
    from tenure import plotting

    line = require("matplotlib.lines", "draw pictures").Line2D
    handles = [
        line([], [], color=plotting.tint(0.25 + 0.75 * p), linewidth=_width(p))
        for p in (0.1, 0.25, 0.5, 1.0)
        if p >= least
    ]
    labels = [f"{p:.0%}".replace("%", " %") for p in (0.1, 0.25, 0.5, 1.0) if p >= least]
    ax.legend(
        handles,
        labels,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=4,
        borderaxespad=0.0,
        frameon=False,
        title="Probability" + (f" (from {100 * least:g} % on)" if least > 0 else ""),
        title_fontsize=9,
    )
