"""The picture of a tree of clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tenure.segment.ward import Dendrogram


def draw(tree: Dendrogram, n_clusters: int | None, leaves: int, ax: Any) -> Any:
    """Draw the last `leaves` - 1 steps; each cluster of a cut has a colour."""
    from tenure import plotting

    n = tree.n_rows
    shown = min(leaves, n)
    first = n - shown  # steps before it are inside leaves
    labels = tree.cut(n_clusters) if n_clusters is not None else None
    ax = plotting.axes(ax, figsize=(7.2, 3.8))
    place: dict[int, tuple[float, float]] = {}  # of a node: where it stands and its height
    member = np.zeros(2 * n - 1, dtype=np.int64)  # a row below each node
    member[:n] = np.arange(n)
    for step in range(n - 1):
        member[n + step] = member[tree.left[step]]
    ticks = []
    for at, node in enumerate(_leaves(tree, first)):
        place[node] = (float(at), float(tree.height[node - n]) if node >= n else 0.0)
        ticks.append(f"({tree.rows[node - n]:,})" if node >= n else str(node))
    for step in range(first, n - 1):
        (x, low), (other, beside) = (place[int(c)] for c in (tree.left[step], tree.right[step]))
        top = float(tree.height[step])
        whole = labels is not None and n_clusters is not None and step < n - n_clusters
        color = (
            plotting.PALETTE[int(labels[member[n + step]]) % len(plotting.PALETTE)]
            if whole and labels is not None
            else plotting.MUTED
        )
        ax.plot([x, x, other, other], [low, top, top, beside], color=color, linewidth=1.3)
        place[n + step] = (0.5 * (x + other), top)
    ax.set_xticks(range(shown), labels=ticks, rotation=90 if shown > 12 else 0, fontsize=8)
    ax.tick_params(axis="x", length=0)
    ax.grid(visible=False, axis="x")
    if first > 0:
        ax.set_xlabel("Rows of X, or (how many rows)")
    else:
        ax.set_xlabel("Rows of X")
    ax.set_ylabel("Height")
    plotting.from_zero(ax)
    return ax


def _leaves(tree: Dendrogram, first: int) -> list[int]:
    """Nodes that no shown step makes, from left to right as the tree hangs."""
    n = tree.n_rows
    order, stack = [], [2 * n - 2]
    while stack:
        node = stack.pop()
        if node < n + first:
            order.append(node)
        else:
            stack += [int(tree.right[node - n]), int(tree.left[node - n])]
    return order
