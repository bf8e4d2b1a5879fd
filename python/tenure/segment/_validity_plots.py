"""Pictures of silhouettes and of the choice of a number of clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure import plotting
from tenure._extras import require
from tenure.segment._votes import title_of

if TYPE_CHECKING:
    from tenure.segment.choose import Choice
    from tenure.segment.silhouette import Silhouette

_POINTS = 400  # of an outline: more than a picture has pixels for a cluster


def draw_silhouette(s: Silhouette, ax: Any) -> Any:
    height = min(1.4 + 0.55 * len(s), 9.0)
    ax = plotting.axes(ax, figsize=(6.4, height)) if ax is None else plotting.axes(ax)
    total = int(s.rows.sum())
    gap = 0.02 * total
    top, ticks, names = 0.0, [], []
    for c, size in enumerate(s.rows):
        value = np.sort(s.value[s.code == c])[::-1]
        place = np.linspace(0, size - 1, min(int(size), _POINTS)).round().astype(int)
        # From the upper edge of the first row to the lower edge of the last one.
        y = np.concatenate([[top], top + place + 0.5, [top + size]])
        x = np.concatenate([value[:1], value[place], value[-1:]])
        color = plotting.PALETTE[c % len(plotting.PALETTE)]
        ax.fill_betweenx(y, 0.0, x, color=color, alpha=0.85, linewidth=0)
        ticks.append(top + size / 2)
        about = f"{plotting.compact(int(size))} rows, {s.cluster_mean[c]:.2f}"
        thin = size * height < 0.45 * total  # inches: a second line would run into the next name
        names.append(f"{s.cluster[c]}, {about}" if thin else f"{s.cluster[c]}\n{about}")
        top += size + gap
    ax.set_yticks(ticks, labels=names, parse_math=False)
    ax.set_ylim(top - gap, 0.0)
    lowest = float(np.nanmin(s.value, initial=0.0))
    ax.set_xlim(min(-0.02, 1.05 * lowest), 1.0)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x", color=plotting.LINE, linewidth=0.7)
    ax.axvline(0.0, color=plotting.MUTED, linewidth=0.8)
    ax.axvline(s.mean, color=plotting.INK, linewidth=1.2, linestyle="--")
    kind = "Simplified silhouette" if s.method == "simplified" else "Silhouette"
    ax.set_xlabel(f"{kind} of each row, by cluster; dashed: the mean, {s.mean:.2f}")
    ax.set_title(f"{kind} {s.mean:.2f}, {len(s)} clusters", loc="left")
    return ax


def draw_choice(c: Choice, ax: Any) -> Any:
    """A table of the measures: darker is better, a ring is a vote, the frame is the choice."""
    measures = list(c.votes)
    k = len(c.n_clusters)
    rectangle = require("matplotlib.patches", "draw pictures").Rectangle
    if ax is None:
        ax = plotting.axes(figsize=(2.6 + 0.62 * k, 1.3 + 0.42 * len(measures)))
    else:
        ax = plotting.axes(ax)
    for i, measure in enumerate(measures):
        value = c.measure(measure)
        score = _standing(value, lower_is_better=measure == "davies_bouldin")
        for j in range(k):
            known = bool(np.isfinite(value[j]))
            color = plotting.tint(score[j]) if known else plotting.UNOBSERVED
            ax.add_patch(rectangle((j - 0.48, i - 0.46), 0.96, 0.92, facecolor=color, linewidth=0))
            text = _short(value[j]) if known else ""
            voted = c.votes[measure] == c.n_clusters[j]
            ax.text(
                j,
                i,
                f"{text} \u2713" if voted else text,
                ha="center",
                va="center",
                fontsize=8.5,
                fontweight="bold" if voted else "normal",
                color=plotting.ON_ACCENT if known and score[j] > 0.7 else plotting.INK,
            )
    best = int(np.flatnonzero(c.n_clusters == c.best_n_clusters)[0])
    frame = (best - 0.5, -0.5), 1.0, len(measures)
    ax.add_patch(
        rectangle(*frame, fill=False, edgecolor=plotting.PALETTE[1], linewidth=2.0, clip_on=False)
    )
    ax.set_xticks(np.arange(k), labels=[str(n) for n in c.n_clusters])
    ax.set_yticks(np.arange(len(measures)), labels=[title_of(m) for m in measures])
    ax.set_xlim(-0.5, k - 0.5)
    ax.set_ylim(len(measures) - 0.5, -0.5)
    ax.grid(visible=False, axis="both")
    ax.tick_params(axis="both", length=0)
    ax.spines["bottom"].set_visible(False)
    ax.set_xlabel("Number of clusters; darker is better, \u2713 a vote, framed the choice")
    ax.set_title(f"{c.best_n_clusters} clusters", loc="left")
    return ax


def _standing(value: Any, *, lower_is_better: bool) -> Any:
    """From 0, the worst number of clusters, to 1, the best."""
    value = -value if lower_is_better else value
    seen = value[np.isfinite(value)]
    if not seen.size or seen.max() == seen.min():
        return np.where(np.isfinite(value), 0.5, 0.0)
    return np.where(np.isfinite(value), (value - seen.min()) / (seen.max() - seen.min()), 0.0)


def _short(value: float) -> str:
    return plotting.compact(float(value)) if abs(value) >= 10 else f"{value:.2f}"
