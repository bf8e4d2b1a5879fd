"""Grids: which segment each combination of scores belongs to, checked to be one and only one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError

#: Scores of 1 to 5 on R and F, 5 best; a pair (low, high) holds both ends.
TEN_SEGMENTS: dict[str, tuple[Any, Any]] = {
    "champions": (5, (4, 5)),
    "loyal": ((3, 4), (4, 5)),
    "potential loyalists": ((4, 5), (2, 3)),
    "new": (5, 1),
    "promising": (4, 1),
    "need attention": (3, 3),
    "about to sleep": (3, (1, 2)),
    "can't lose": ((1, 2), 5),
    "at risk": ((1, 2), (3, 4)),
    "hibernating": ((1, 2), (1, 2)),
}

GRIDS: dict[str, Any] = {"10-segment": TEN_SEGMENTS}

_SHOWN_CELLS = 12
_Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A checked grid.

    Attributes
    ----------
    names : tuple of str
        Segments, in the order in which they were given.
    codes : int16 array of shape (bins, bins) or (bins, bins, bins)
        Position in `names` for each (r - 1, f - 1) or (r - 1, f - 1, m - 1).
    """

    names: tuple[str, ...]
    codes: npt.NDArray[np.int16]

    def __call__(
        self, r: npt.NDArray[Any], f: npt.NDArray[Any], m: npt.NDArray[Any] | None
    ) -> npt.NDArray[np.int16]:
        """Return the segment of each customer, as a position in `names`."""
        cell = r.astype(np.intp) - 1
        for score in (f, m)[: self.codes.ndim - 1]:
            assert score is not None  # make_grid refuses M where there are no M scores
            cell = cell * self.codes.shape[0] + score - 1
        return self.codes.ravel()[cell]


def make_grid(grid: Any, bins: int, *, has_monetary: bool) -> Grid:
    """Return a grid after checking that every cell belongs to a segment and none to two.

    Parameters
    ----------
    grid : str, mapping, sequence or Grid
        The name of a grid; a mapping of segment to its cells, which must not overlap; or a list of
        (segment, cells), where the first that holds a cell has it. Cells are ``(r, f)``,
        ``(r, f, m)`` or a mapping with the keys r, f, m, each a score, a pair (low, high) with
        both ends, or absent for all; a list of these is their union.
    bins : int
        Scores run from 1 to `bins`.
    has_monetary : bool
        Whether there are M scores.

    Raises
    ------
    InvalidInputError
        Lists the cells without a segment, those with two, and segments that no cell reaches.
    """
    if isinstance(grid, Grid):  # checked before
        return grid
    name = grid if isinstance(grid, str) else "grid"
    if isinstance(grid, str):
        if grid not in GRIDS:
            msg = f"grid must be one of {', '.join(map(repr, GRIDS))} or your own, got {grid!r}"
            raise InvalidInputError(msg, argument="grid", value=grid)
        grid = GRIDS[grid]
    ordered = not isinstance(grid, Mapping)
    rules = [(n, _boxes(n, cells, bins)) for n, cells in _pairs(grid)]
    uses_m = any(len(box) == 3 for _, boxes in rules for box in boxes)
    if uses_m and not has_monetary:
        msg = f"{name} has cells of M scores, and there are none: monetary is None"
        raise InvalidInputError(msg, argument="grid")

    names = tuple(dict.fromkeys(n for n, _ in rules))
    shape = (bins,) * (3 if uses_m else 2)
    codes = np.full(shape, -1, dtype=np.int16)
    overlaps: list[tuple[tuple[int, ...], str, str]] = []
    for segment, boxes in rules:
        code = names.index(segment)
        for box in boxes:
            for cell in itertools.product(*(range(low, high + 1) for low, high in box)):
                at = tuple(score - 1 for score in cell)
                for full in _completed(at, shape):
                    held = int(codes[full])
                    if held < 0:
                        codes[full] = code
                    elif held != code and not ordered:
                        overlaps.append((tuple(i + 1 for i in full), names[held], segment))
    _refuse(name, names, codes, overlaps, bins)
    return Grid(names, codes)


def _pairs(grid: Any) -> list[tuple[str, Any]]:
    if isinstance(grid, Mapping):
        pairs = list(grid.items())
    elif isinstance(grid, Sequence) and all(
        isinstance(p, Sequence) and not isinstance(p, str) and len(p) == 2 for p in grid
    ):
        pairs = [(p[0], p[1]) for p in grid]
    else:
        msg = "grid must be a name, a mapping of segment to cells or a list of (segment, cells)"
        raise InvalidInputError(msg, argument="grid", value=grid)
    if not pairs or not all(isinstance(n, str) and n for n, _ in pairs):
        msg = "the segments of grid must have names, and there must be at least one"
        raise InvalidInputError(msg, argument="grid", value=grid)
    return pairs


def _boxes(segment: str, cells: Any, bins: int) -> list[_Box]:
    if isinstance(cells, list):
        return [box for c in cells for box in _boxes(segment, c, bins)]
    if isinstance(cells, Mapping):
        unknown = set(cells) - {"r", "f", "m"}
        if not unknown:
            some = (1, bins)
            wanted: Iterable[Any] = (
                cells.get("r", some),
                cells.get("f", some),
                *((cells["m"],) if "m" in cells else ()),
            )
            return [_box(segment, cells, wanted, bins)]
    elif isinstance(cells, tuple) and len(cells) in (2, 3):
        return [_box(segment, cells, cells, bins)]
    msg = (
        f"the cells of {segment!r} must be (r, f), (r, f, m), a mapping with the keys r, f, m, "
        f"or a list of these; got {cells!r}"
    )
    raise InvalidInputError(msg, argument="grid", value=cells)


def _box(segment: str, cells: Any, wanted: Iterable[Any], bins: int) -> _Box:
    box = []
    for scores in wanted:
        low, high = scores if isinstance(scores, tuple) and len(scores) == 2 else (scores, scores)
        whole = all(isinstance(s, (int, np.integer)) and type(s) is not bool for s in (low, high))
        if not whole or not 1 <= low <= high <= bins:
            msg = (
                f"the cells of {segment!r} must hold scores from 1 to {bins} or pairs "
                f"(low, high) of them; got {cells!r}"
            )
            raise InvalidInputError(msg, argument="grid", value=cells)
        box.append((int(low), int(high)))
    return tuple(box)


def _completed(at: tuple[int, ...], shape: tuple[int, ...]) -> Iterable[tuple[int, ...]]:
    return (at + rest for rest in itertools.product(*map(range, shape[len(at) :])))


def _refuse(
    name: str,
    names: tuple[str, ...],
    codes: npt.NDArray[np.int16],
    overlaps: list[tuple[tuple[int, ...], str, str]],
    bins: int,
) -> None:
    letters = "(r, f, m)"[: 3 * codes.ndim - 1] + ")"
    problems = []
    open_cells = [tuple(int(i) + 1 for i in at) for at in np.argwhere(codes < 0)]
    if open_cells:
        problems.append(f"no segment holds the {letters} cells {_some(open_cells)}")
    if overlaps:
        told = [f"{cell} of {a!r} and {b!r}" for cell, a, b in overlaps]
        problems.append(f"two segments hold the {letters} cells {_some(told)}")
    idle = [n for i, n in enumerate(names) if not (codes == i).any()]
    if idle and not overlaps:
        problems.append(f"no cell is left for {', '.join(map(repr, idle))}")
    if problems:
        msg = f"{name} with scores from 1 to {bins}: " + "; ".join(problems)
        cells = open_cells + [cell for cell, _, _ in overlaps]
        raise InvalidInputError(msg, argument="grid", value=cells)


def _some(items: Sequence[Any]) -> str:
    more = f" and {len(items) - _SHOWN_CELLS} more" if len(items) > _SHOWN_CELLS else ""
    return ", ".join(map(str, items[:_SHOWN_CELLS])) + more
