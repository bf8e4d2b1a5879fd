"""The picture of an RFM result: shares of customers by R and F, borders and names of segments."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure import plotting


def draw(result: Any, ax: Any) -> Any:
    """Draw the heat map; segments that depend on M have no borders here and are not named."""
    bins = result.bins
    cell = (result.r.astype(np.int64) - 1) * bins + result.f - 1
    share = np.bincount(cell, minlength=bins * bins).reshape(bins, bins) / len(result)
    best_first = [str(r) for r in range(bins, 0, -1)]
    ax = plotting.triangle(
        share[::-1],
        best_first,
        best_first[::-1],
        ax=plotting.axes(figsize=(6.4, 5.4)) if ax is None else ax,
        digits=1,
    )
    ax.xaxis.tick_bottom()
    ax.xaxis.set_label_position("bottom")
    ax.set_xlabel("F: orders, 5 most" if bins == 5 else f"F: orders, {bins} most")
    ax.set_ylabel("R: days since the last order, 5 fewest".replace("5", str(bins)))
    ax.set_title("Customers, % of all")
    codes = result.grid_codes
    if codes.ndim == 2:
        _outline(ax, codes[::-1], result.segment_names, share[::-1] / share.max())
    return ax


def _outline(ax: Any, codes: Any, names: tuple[str, ...], depth: Any) -> None:
    bins = len(codes)
    for i in range(bins):
        for j in range(bins):
            if j + 1 < bins and codes[i, j] != codes[i, j + 1]:
                ax.plot([j + 0.5] * 2, [i - 0.5, i + 0.5], color=plotting.INK, linewidth=1.2)
            if i + 1 < bins and codes[i, j] != codes[i + 1, j]:
                ax.plot([j - 0.5, j + 0.5], [i + 0.5] * 2, color=plotting.INK, linewidth=1.2)
    for code, name in enumerate(names):
        rows, columns = np.nonzero(codes == code)
        if not len(rows):
            continue
        at = int(rows.min())
        first = int(columns[rows == at].min())
        color = plotting.ON_ACCENT if depth[at, first] > 0.6 else plotting.INK
        ax.text(first - 0.44, at - 0.33, name, fontsize=7.5, color=color, va="center")
