"""A map of segments: customers in the two directions in which they differ most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, as_choice, as_count, as_seed
from tenure.segment._frame import Frame
from tenure.segment._labels import as_labels


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SegmentMap(Table):
    """Customers and segments on the first two principal components. One row a segment.

    Attributes
    ----------
    segment : tuple of str
    customers : ndarray of int
    x, y : ndarray of float
        Centre of the segment; NaN without customers.
    scores : ndarray of float, shape (n_customers, 2)
        Where each customer is, in the order of the input.
    codes : ndarray of int
        Position of each customer's segment in `segment`.
    loadings : ndarray of float, shape (n_columns, 2)
        Weight of each standardised column in the two directions; columns of length 1.
    columns : tuple of str
    explained : ndarray of float, shape (2,)
        Shares of the variance that the directions hold.
    filled : ndarray of int, shape (n_columns,)
        Missing cells, which stand at the mean.
    constant : tuple of str
        Columns that do not vary and have no part.

    Examples
    --------
    >>> import tenure as tn
    >>> table = {"spend": [10.0, 12.0, 90.0, 95.0], "orders": [1, 2, 8, 9]}
    >>> found = tn.segment.segment_map(table, ["few", "few", "many", "many"], scale="value")
    >>> found.x.round(2).tolist(), found.explained.round(3).tolist()
    ([-1.41, 1.41], [0.997, 0.003])
    """

    segment: tuple[str, ...]
    customers: npt.NDArray[np.int64]
    x: Floats
    y: Floats
    scores: Floats
    codes: npt.NDArray[np.intp]
    loadings: Floats
    columns: tuple[str, ...]
    explained: Floats
    filled: npt.NDArray[np.int64]
    constant: tuple[str, ...]

    _column_names = ("segment", "customers", "x", "y")

    def __len__(self) -> int:
        return len(self.segment)

    def _title(self) -> str:
        held = 100 * float(self.explained.sum())
        return (
            f"Map of {len(self)} segments on {len(self.columns)} columns: two directions hold "
            f"{held:.0f} % of the variance"
        )

    def axis_label(self, axis: int) -> str:
        """Return what a direction means: its heaviest columns, and its share of the variance."""
        weight = self.loadings[:, axis]
        order = np.argsort(-_weights(weight), kind="stable")[:3]
        heavy = [k for k in order if abs(weight[k]) > 0.25]
        said = ", ".join(f"{'+' if weight[k] > 0 else '-'}{self.columns[k]}" for k in heavy)
        return f"{said} ({100 * self.explained[axis]:.0f} % of the variance)"

    def plot(self, ax: Any = None, *, most: int = 2_000, random_state: Any = 0) -> Any:
        """Draw customers as dots and segments by their names, at the centres.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        most : int
            Dots to draw; of more customers a random sample is shown.
        random_state : int, None or NumPy generator
            Seed of that sample.

        Returns
        -------
        matplotlib Axes
        """
        from tenure import plotting

        as_count(most, "most", at_least=1)
        ax = plotting.axes(ax, figsize=(6.4, 5.2))
        rows = np.arange(len(self.scores))
        if len(rows) > most:
            random = np.random.default_rng(as_seed(random_state))
            rows = np.sort(random.choice(len(rows), most, replace=False))
        there = [k for k in range(len(self)) if self.customers[k]]
        colors = {k: plotting.PALETTE[n % len(plotting.PALETTE)] for n, k in enumerate(there)}
        dots = self.scores[rows]
        ax.scatter(
            dots[:, 0],
            dots[:, 1],
            s=9,
            c=[colors[k] for k in self.codes[rows]],
            alpha=0.45,
            linewidths=0,
        )
        ax.get_ylim()  # settles the scale of which the next line asks
        lifts = _lifts(ax.transData.transform([(self.x[k], self.y[k]) for k in there])[:, 1])
        for k, lift in zip(there, lifts, strict=True):
            ax.plot(
                self.x[k],
                self.y[k],
                "o",
                markersize=8,
                color=colors[k],
                markeredgecolor="white",
                markeredgewidth=1.2,
            )
            ax.annotate(
                self.segment[k],
                (self.x[k], self.y[k]),
                xytext=(14, lift * 72.0 / ax.figure.dpi),
                textcoords="offset points",
                va="center",
                fontsize=9,
                fontweight="bold",
                color=plotting.INK,
                arrowprops={"arrowstyle": "-", "color": plotting.MUTED, "linewidth": 0.8},
                bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 1.2},
                parse_math=False,
            )
        ax.grid(visible=True, axis="both", color=plotting.LINE, linewidth=0.7)
        ax.set_xlabel(self.axis_label(0), parse_math=False)
        ax.set_ylabel(self.axis_label(1), parse_math=False)
        return ax


def _lifts(heights: Floats, gap: float = 17.0) -> Floats:
    """How far to lift each label, in pixels, so that none hides another."""
    order = np.argsort(heights, kind="stable")
    place = heights[order].copy()
    for k in range(1, len(place)):
        place[k] = max(place[k], place[k - 1] + gap)
    place += (heights[order] - place).mean()
    lifts = np.empty_like(heights)
    lifts[order] = place - heights[order]
    return lifts


def _ranks(values: Floats) -> Floats:
    """Places from 1, of equal values the mean of theirs."""
    _, at, count = np.unique(values, return_inverse=True, return_counts=True)
    mean: Floats = np.cumsum(count) - 0.5 * (count - 1)
    return mean[at]


def _weights(loadings: Floats) -> Floats:
    """Sizes of loadings, equal where only rounding tells them apart."""
    return np.asarray(np.round(np.abs(loadings), 9), dtype=np.float64)


def segment_map(
    table: Any, labels: Any, *, columns: Sequence[str] | None = None, scale: str = "rank"
) -> SegmentMap:
    """Lay customers out in the two directions in which their numbers differ most.

    Parameters
    ----------
    table : data frame or dict of arrays
        One row a customer.
    labels : array of n labels, str or result
        As for `profile`.
    columns : sequence of str, optional
        Numbers and flags to use; at least two that vary. Default: all of them.
    scale : {"rank", "value"}
        ``rank``: customers are laid out by their order on each column, equal ones at the mean of
        their places, so that a few large spenders do not make the map, and logarithms change
        nothing. ``value``: by the numbers as they are.

    Returns
    -------
    SegmentMap

    Raises
    ------
    InvalidInputError
        If fewer than two columns vary, a named one holds no numbers, or a number is infinite.

    Notes
    -----
    Principal components of the standardised columns (or ranks), by a singular value decomposition
    of their correlations. The sign of a direction is that its heaviest column weighs positive. What
    is missing stands at the mean of its column. Distances on the map are those of the customers
    only as far as `explained` says.

    Examples
    --------
    >>> import tenure as tn
    >>> table = {"spend": [10.0, 12.0, 90.0, 95.0], "orders": [1, 2, 8, 9]}
    >>> print(tn.segment.segment_map(table, ["few", "few", "many", "many"]).axis_label(0))
    +spend, +orders (100 % of the variance)
    """
    as_choice(scale, "scale", ("rank", "value"))
    frame = Frame(table)
    codes, segments = as_labels(labels, frame.rows, frame)
    if columns is None:
        own = {labels} if isinstance(labels, str) else set()
        read = [frame.column(n) for n in frame.names if n not in own]
        read = [c for c in read if c.kind in ("number", "flag")]
    else:
        read = [frame.column(n) for n in ([columns] if isinstance(columns, str) else columns)]
        for column in read:
            if column.kind not in ("number", "flag"):
                msg = f"the column {column.name!r} holds {column.kind}s: a map is of numbers"
                raise InvalidInputError(msg, argument="columns", value=column.name)
    standard, used, filled, constant = [], [], [], []
    for column in read:
        gaps = column.is_missing
        there = column.values[~gaps]
        if not len(there) or there.min() == there.max():
            constant.append(column.name)
            continue
        if scale == "rank":
            there = _ranks(there)
        else:  # a power of two takes no bits, and squares do not overflow
            there = there / 2.0 ** min(int(np.frexp(np.abs(there).max())[1]), 1023)
        value = np.zeros(frame.rows)
        value[~gaps] = there - there.mean()
        standard.append(value / np.sqrt(np.mean(value * value)))
        used.append(column.name)
        filled.append(int(gaps.sum()))
    if len(used) < 2:
        msg = f"a map needs two columns of numbers that vary, and there is {len(used)}"
        raise InvalidInputError(msg, argument="columns", value=len(used))
    X = np.stack(standard, axis=1)
    # Of the matrix of columns by columns: a decomposition of X itself costs the same sums and a
    # copy; of two directions that hold much of the variance nothing is lost by squaring.
    _, singular, directions = np.linalg.svd(X.T @ X / len(X))
    loadings = directions[:2].T
    heaviest = _weights(loadings).argmax(axis=0)
    loadings = loadings * np.sign(loadings[heaviest, [0, 1]])
    scores = X @ loadings
    size = np.bincount(codes, minlength=len(segments))
    centres = np.full((2, len(segments)), np.nan)
    for axis in (0, 1):
        total = np.bincount(codes, scores[:, axis], len(segments))
        np.divide(total, size, out=centres[axis], where=size > 0)
    return SegmentMap(
        segment=segments,
        customers=size,
        x=centres[0],
        y=centres[1],
        scores=scores,
        codes=codes,
        loadings=loadings,
        columns=tuple(used),
        explained=singular[:2] / singular.sum(),
        filled=np.array(filled),
        constant=tuple(constant),
    )
