"""k-prototypes by its definition, row by row in plain Python: the oracle of its tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

Row = tuple[tuple[float, ...], tuple[object, ...]]  # numbers and categories


def distance(row: Row, prototype: Row, gamma: float) -> float:
    squares = sum((x - c) ** 2 for x, c in zip(row[0], prototype[0], strict=True))
    return squares + gamma * sum(a != b for a, b in zip(row[1], prototype[1], strict=True))


def nearest(row: Row, prototypes: Sequence[Row], gamma: float) -> int:
    by_distance = [distance(row, p, gamma) for p in prototypes]
    return by_distance.index(min(by_distance))


def cost(rows: Sequence[Row], prototypes: Sequence[Row], gamma: float) -> float:
    return sum(min(distance(r, p, gamma) for p in prototypes) for r in rows)


def middle(rows: Sequence[Row]) -> Row:
    """Means and modes; of equally frequent categories the first in order."""
    means = tuple(sum(x) / len(rows) for x in zip(*(r[0] for r in rows), strict=True))
    modes = []
    for column in zip(*(r[1] for r in rows), strict=True):
        counts = Counter(column)
        modes.append(min(v for v in counts if counts[v] == max(counts.values())))
    return means, tuple(modes)


def lloyd(rows: Sequence[Row], prototypes: Sequence[Row], gamma: float) -> list[Row]:
    """All rows, then all prototypes, until nothing moves; no cluster may lose its rows."""
    prototypes = list(prototypes)
    label: list[int] = []
    while True:
        now = [nearest(r, prototypes, gamma) for r in rows]
        if now == label:
            return prototypes
        label = now
        prototypes = [
            middle([r for r, c in zip(rows, label, strict=True) if c == k])
            for k in range(len(prototypes))
        ]


def huang(rows: Sequence[Row], prototypes: Sequence[Row], gamma: float) -> list[Row]:
    """Both prototypes are renewed when a row moves; the old mode stays where others tie with it."""
    prototypes = list(prototypes)
    label = [nearest(r, prototypes, gamma) for r in rows]

    def members(k: int) -> list[Row]:
        return [r for r, c in zip(rows, label, strict=True) if c == k]

    prototypes = [middle(members(k)) for k in range(len(prototypes))]
    before = cost(rows, prototypes, gamma)
    while True:
        moves = 0
        for i, row in enumerate(rows):
            old, new = label[i], nearest(row, prototypes, gamma)
            if old == new or len(members(old)) == 1:
                continue
            label[i] = new
            moves += 1
            for k in (old, new):
                fresh = middle(members(k))
                modes = []
                for m, mode in enumerate(prototypes[k][1]):
                    counts = Counter(r[1][m] for r in members(k))
                    value = row[1][m]
                    if k == new:
                        modes.append(value if counts[value] > counts[mode] else mode)
                    else:
                        modes.append(fresh[1][m] if mode == value else mode)
                prototypes[k] = (fresh[0], tuple(modes))
        now = cost(rows, prototypes, gamma)
        if moves == 0 or now >= before:
            return prototypes
        before = now
