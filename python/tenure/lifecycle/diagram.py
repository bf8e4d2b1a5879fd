"""The lifecycle as a picture: stages by size and risk, and who moves between them, as SVG."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenure._model_file import write_whole
from tenure.lifecycle.outcomes import StageOutcomes
from tenure.plotting import ACCENT, INK, LINE, MUTED, percent

_WIDTH, _HEIGHT = 960.0, 620.0
_CENTRE = (_WIDTH / 2.0, _HEIGHT / 2.0 + 6.0)
_RADII = (300.0, 205.0)
_LARGEST = 46.0

#: Start, control point and end of a quadratic curve.
_Curve = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]

#: From no risk to a sure loss; both ends apart under colour blindness.
_CALM, _RISKY = (11, 100, 160), (213, 94, 0)


@dataclass(frozen=True)
class Diagram:
    """A lifecycle diagram: shown by Jupyter as it stands, written with `write`.

    Attributes
    ----------
    svg : str
        The picture: one element without outside references, scaled by its viewBox.

    Examples
    --------
    >>> import tenure as tn
    >>> panel = tn.lifecycle.StagePanel.from_codes([[0, 0, 1], [0, 1, 1]], ["active", "lost"])
    >>> picture = tn.lifecycle.movement(panel).diagram()
    >>> picture.svg.startswith("<svg"), picture.svg.count("<circle")
    (True, 2)
    """

    svg: str

    def _repr_html_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"Diagram({len(self.svg):,} characters of SVG)"

    def write(self, path: Any) -> None:
        """Write the picture as an SVG file: whole or not at all.

        Parameters
        ----------
        path : str or path
        """
        write_whole(Path(path), ('<?xml version="1.0"?>\n' + self.svg).encode())


@dataclass(frozen=True)
class Node:
    """A stage of the picture: `risk` is (estimate, lower, upper), None if not known."""

    name: str
    customers: int
    risk: tuple[float, float, float] | None


def diagram_of(movement: Any, outcomes: StageOutcomes | None, least: float) -> Diagram:
    """Return the picture of a movement: stages that were ever seen, moves of at least a share."""
    known: dict[str, tuple[float, float, float]] = {}
    if outcomes is not None:
        limits = (outcomes.loss_risk, outcomes.loss_lower, outcomes.loss_upper)
        rows = zip(*(part.tolist() for part in limits), strict=True)
        known = dict(zip(outcomes.stage, rows, strict=True))
    stages, sizes, moved = movement.stages, movement.sizes, movement.counts.sum(axis=0)
    seen = [k for k in range(len(stages)) if sizes[k] or moved[k].any() or moved[:, k].any()]
    nodes = [Node(stages[k], int(sizes[k]), known.get(stages[k])) for k in seen]
    flows = [
        (a, b, float(movement.probabilities[i, j]))
        for a, i in enumerate(seen)
        for b, j in enumerate(seen)
        if i != j and moved[i, j] and movement.probabilities[i, j] >= least
    ]
    return draw(nodes, flows, "Stages of the lifecycle")


def draw(nodes: list[Node], flows: list[tuple[int, int, float]], title: str) -> Diagram:
    """Place the stages on a ring and join them by arrows (from, to, share of those at `from`)."""
    most = max((n.customers for n in nodes), default=0) or 1
    spots = [_spot(k, len(nodes)) for k in range(len(nodes))]
    sizes = [max(_LARGEST * math.sqrt(n.customers / most), 4.0) for n in nodes]
    names = f"{title}: " + ", ".join(f"{n.name} {n.customers:,}" for n in nodes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" '
        f'role="img" font-family="system-ui, sans-serif" font-size="13" fill="{INK}">',
        f"<title>{html.escape(names)}</title>",
        f'<text x="20" y="28" font-size="16" font-weight="600">{html.escape(title)}</text>',
    ]
    labels: list[tuple[float, float, float]] = []
    for source, target, share in sorted(flows, key=lambda flow: flow[2]):
        curve = _curve(spots, sizes, source, target, share)
        parts.append(_arrow(*curve, share))
        labels.append((*_free_spot(curve, labels), share))
    parts += [_label(*label) for label in labels]
    for node, spot, size in zip(nodes, spots, sizes, strict=True):
        parts += _node(node, spot, size)
    if any(n.risk is not None for n in nodes):
        parts += _legend()
    return Diagram("\n".join([*parts, "</svg>"]))


def _spot(k: int, n: int) -> tuple[float, float]:
    angle = math.pi + 2.0 * math.pi * k / max(n, 1)
    return _CENTRE[0] + _RADII[0] * math.cos(angle), _CENTRE[1] + _RADII[1] * math.sin(angle)


def _color(risk: float) -> str:
    mixed = (c + (r - c) * min(max(risk, 0.0), 1.0) for c, r in zip(_CALM, _RISKY, strict=True))
    return "#" + "".join(f"{round(channel):02x}" for channel in mixed)


def _node(node: Node, spot: tuple[float, float], size: float) -> list[str]:
    x, y = spot
    known = node.risk is not None and not math.isnan(node.risk[0])
    fill = _color(node.risk[0]) if known and node.risk else ACCENT
    right, below = x >= _CENTRE[0] - 1.0, y > _CENTRE[1] + 1.0
    middle = abs(x - _CENTRE[0]) < 60.0
    anchor = "middle" if middle else "start" if right else "end"
    lines = [f"{node.customers:,} customers"]
    if known and node.risk:
        risk, lower, upper = node.risk
        lines.append(f"risk {percent(risk)} ({100 * lower:.0f} to {100 * upper:.0f})")
    lx = x if middle else x + (size + 9.0) * (1.0 if right else -1.0)
    ly = y + (size + 17.0 if below else -size - 6.0 - 15.0 * len(lines)) if middle else y - 8.0
    text = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" fill="{fill}" stroke="#ffffff" '
        'stroke-width="2"/>',
        f'<text x="{lx:.1f}" y="{ly:.1f}" text-anchor="{anchor}" font-weight="600">'
        f"{html.escape(node.name)}</text>",
    ]
    for row, line in enumerate(lines, 1):
        text.append(
            f'<text x="{lx:.1f}" y="{ly + 15.0 * row:.1f}" text-anchor="{anchor}" fill="{MUTED}" '
            f'font-size="12">{html.escape(line)}</text>'
        )
    return text


def _curve(spots: Any, sizes: Any, source: int, target: int, share: float) -> _Curve:
    """Return start, middle and end of a curve between two rims, bowed towards the centre."""
    (x0, y0), (x1, y1) = spots[source], spots[target]
    # To the right of its way, so that the two directions between a pair do not cover each other.
    dx, dy = x1 - x0, y1 - y0
    cx, cy = 0.5 * (x0 + x1), 0.5 * (y0 + y1)
    middle = (
        cx + 0.25 * (_CENTRE[0] - cx) - 0.16 * dy,
        cy + 0.25 * (_CENTRE[1] - cy) + 0.16 * dx,
    )
    start = _towards((x0, y0), middle, sizes[source] + 2.0)
    end = _towards((x1, y1), middle, sizes[target] + 4.0 + 1.6 * _width(share))
    return start, middle, end


def _width(share: float) -> float:
    return 0.8 + 9.0 * share


def _arrow(
    start: tuple[float, float], middle: tuple[float, float], end: tuple[float, float], share: float
) -> str:
    width = _width(share)
    angle = math.atan2(end[1] - middle[1], end[0] - middle[0])
    along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
    tip, wing = 1.6 * width + 3.0, 1.1 * width + 2.0
    head = [
        (end[0] + tip * along[0], end[1] + tip * along[1]),
        (end[0] + wing * across[0], end[1] + wing * across[1]),
        (end[0] - wing * across[0], end[1] - wing * across[1]),
    ]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in head)
    return (
        f'<path d="M{start[0]:.1f},{start[1]:.1f} Q{middle[0]:.1f},{middle[1]:.1f} '
        f'{end[0]:.1f},{end[1]:.1f}" fill="none" stroke="{LINE}" stroke-width="{width:.1f}"/>'
        f'<polygon points="{points}" fill="{LINE}"/>'
    )


def _free_spot(curve: _Curve, taken: list[tuple[float, float, float]]) -> tuple[float, float]:
    """Return a point of the curve, near its middle, where no label stands yet."""
    (x0, y0), (x1, y1), (x2, y2) = curve
    spots = []
    for t in (0.5, 0.4, 0.6, 0.32, 0.68, 0.25, 0.75):
        a, b, c = (1.0 - t) ** 2, 2.0 * t * (1.0 - t), t * t
        spots.append((a * x0 + b * x1 + c * x2, a * y0 + b * y1 + c * y2))
    for x, y in spots:
        if all(abs(x - u) > 42.0 or abs(y - v) > 14.0 for u, v, _ in taken):
            return x, y
    return spots[0]


def _label(x: float, y: float, share: float) -> str:
    return (
        f'<text x="{x:.1f}" y="{y + 4.0:.1f}" text-anchor="middle" font-size="11" fill="{MUTED}" '
        f'stroke="#ffffff" stroke-width="3" paint-order="stroke">{percent(share)}</text>'
    )


def _towards(
    point: tuple[float, float], aim: tuple[float, float], by: float
) -> tuple[float, float]:
    dx, dy = aim[0] - point[0], aim[1] - point[1]
    length = math.hypot(dx, dy) or 1.0
    return point[0] + by * dx / length, point[1] + by * dy / length


def _legend() -> list[str]:
    left, top = _WIDTH - 190.0, 18.0
    cells = [
        f'<rect x="{left + 17.0 * k:.1f}" y="{top}" width="17" height="10" '
        f'fill="{_color(k / 9.0)}"/>'
        for k in range(10)
    ]
    ends = [
        ("0 %", left, "start"),
        ("risk of loss", left + 85.0, "middle"),
        ("100 %", left + 170.0, "end"),
    ]
    texts = [
        f'<text x="{x:.1f}" y="{top + 24.0}" text-anchor="{anchor}" font-size="11" '
        f'fill="{MUTED}">{text}</text>'
        for text, x, anchor in ends
    ]
    return cells + texts
