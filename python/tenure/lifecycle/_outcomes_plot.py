"""Risk against value: a circle a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure import plotting

if TYPE_CHECKING:
    from tenure.lifecycle.outcomes import StageOutcomes

_LARGEST = 1100.0  # points squared
_SMALLEST = 12.0
_TALL = 10.0  # of a name, in points
_APART = 3.0  # of a name from its circle
_PLACES = ((1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1), (0, -1), (1, 0), (-1, 0))


def draw(outcomes: StageOutcomes, ax: Any) -> Any:
    """Draw the stages that have customers, the riskiest at the right."""
    ax = plotting.axes(ax, figsize=(7.2, 4.6))
    shown = np.flatnonzero(outcomes.customers)
    risk, mean = outcomes.loss_risk[shown], outcomes.mean[shown]
    size = outcomes.customers[shown]
    area = np.maximum(_LARGEST * size / max(int(size.max(initial=1)), 1), _SMALLEST)
    ax.hlines(mean, outcomes.loss_lower[shown], outcomes.loss_upper[shown], color=plotting.MUTED)
    ax.vlines(risk, outcomes.mean_lower[shown], outcomes.mean_upper[shown], color=plotting.MUTED)
    ax.scatter(risk, mean, s=area, color=plotting.ACCENT, alpha=0.55, linewidth=0, zorder=3)
    top = float(np.nanmax(np.append(outcomes.mean_upper[shown], mean), initial=0.0)) or 1.0
    _names(ax, [outcomes.stage[i] for i in shown], risk, mean / top, top, np.sqrt(area / np.pi))
    ax.set_xlim(-0.02, 1.1)
    ax.set_ylim(bottom=min(0.0, float(np.nanmin(np.append(mean, 0.0)))), top=1.1 * top)
    plotting.percent_ticks(ax.xaxis)
    plotting.number_ticks(ax.yaxis)
    ax.set_xlabel("Loss risk: without an order in the window")
    ax.set_ylabel("Mean net revenue in the window")
    return ax


def _names(ax: Any, names: list[str], risk: Any, height: Any, top: float, radius: Any) -> None:
    """Write each name beside its circle, at the first of eight places that is still free."""
    extent = ax.get_window_extent()
    points = 72.0 / ax.figure.dpi
    wide, high = extent.width * points, extent.height * points
    spots = [
        (float(r) / 1.12 * wide, float(h) / 1.1 * high) for r, h in zip(risk, height, strict=True)
    ]
    taken = [(x - r, y - r, x + r, y + r) for (x, y), r in zip(spots, radius, strict=True)]
    for i in sorted(range(len(names)), key=lambda j: -float(height[j])):
        width, tall = 5.2 * len(names[i]), _TALL
        x, y = spots[i]
        for dx, dy in _PLACES:
            reach = float(radius[i]) + _APART
            left = x + dx * reach - (width / 2) * (1 - dx)
            low = y + dy * reach + (dy - 1) * tall / 2
            box = (left, low, left + width, low + tall)
            if not any(_meet(box, other) for j, other in enumerate(taken) if j != i):
                break
        taken.append(box)
        ax.annotate(
            names[i],
            (risk[i], height[i] * top),
            xytext=(dx * reach, dy * reach),
            textcoords="offset points",
            ha={-1: "right", 0: "center", 1: "left"}[dx],
            va={-1: "top", 0: "center", 1: "bottom"}[dy],
            fontsize=8.5,
            color=plotting.INK,
            parse_math=False,
        )


def _meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
