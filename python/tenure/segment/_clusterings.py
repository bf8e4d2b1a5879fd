"""Clusterings as the engine takes them: numbers of clusters, and rows of none."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import DataWarning, InvalidInputError
from tenure._matrix import Matrix, as_matrix
from tenure._sklearn import name_cell
from tenure._validation import Ints

Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A table of features with the cluster of each row.

    `names` are the clusters in ascending order, `code` the place of each row's cluster in them, -1
    for noise; `rows` are those that are not, and `points` and `own` what the engine gets of them.
    """

    X: Matrix
    columns: list[str] | None
    names: npt.NDArray[Any]
    code: Codes
    rows: Ints
    points: Matrix
    own: Codes

    @property
    def n_noise(self) -> int:
        return len(self.code) - len(self.rows)

    def ask(self, call: Callable[..., Any], *more: Any) -> Any:
        """Return ``call(points, own, clusters, *more)``; its errors name rows of the caller."""
        try:
            return call(self.points, self.own, len(self.names), *more)
        except InvalidInputError as error:
            if error.argument != "X" or error.row is None:
                raise
            found = InvalidInputError(str(error), argument="X", row=int(self.rows[error.row]))
            raise name_cell(found, self.X, self.columns) from None


def as_names(labels: Any, rows: int, name: str = "labels") -> npt.NDArray[Any]:
    """Return the labels as an array of `rows` names, none of them missing."""
    if isinstance(labels, np.ma.MaskedArray):
        hidden, labels = np.ma.getmaskarray(labels), np.ma.getdata(labels).astype(object)
        labels[hidden] = None
    try:
        array = np.asarray(labels)
    except (ValueError, TypeError) as error:
        msg = f"{name} must be one-dimensional: {error}"
        raise InvalidInputError(msg, argument=name) from error
    if array.ndim != 1:
        msg = f"{name} must be one-dimensional, got shape {array.shape}"
        raise InvalidInputError(msg, argument=name)
    if rows >= 0 and len(array) != rows:
        msg = f"{name} must have one label for each of the {rows} rows of X, got {len(array)}"
        raise InvalidInputError(msg, argument=name)
    if array.dtype.kind not in "biufUSO":
        msg = f"{name} must be numbers or texts, got dtype {array.dtype}"
        raise InvalidInputError(msg, argument=name)
    for row in _missing(array):
        msg = f"{name}[{row}] is missing: every row needs the label of a cluster, or of noise"
        raise InvalidInputError(msg, argument=name, row=int(row))
    return array


def _missing(array: npt.NDArray[Any]) -> Any:
    if array.dtype.kind == "f":
        return np.flatnonzero(np.isnan(array))
    if array.dtype.kind != "O":
        return ()
    return [
        i
        for i, v in enumerate(array)
        if v is None
        or type(v).__name__ in {"NAType", "NaTType"}
        or (isinstance(v, float) and math.isnan(v))
    ]


def numbered(names: npt.NDArray[Any], name: str = "labels") -> tuple[npt.NDArray[Any], Codes]:
    """Return the distinct labels, ascending, and the place of each row's label in them."""
    try:
        distinct, code = np.unique(names, return_inverse=True)
    except TypeError as error:
        msg = f"{name} must be of one kind, to be put in order: {error}"
        raise InvalidInputError(msg, argument=name) from error
    return distinct, code.astype(np.int32)


def labelled(
    X: Any, labels: Any, noise: Any, *, at_least: int = 2, stacklevel: int = 3
) -> Labelled:
    """Check features and labels, and set the rows of noise apart, with a warning.

    Parameters
    ----------
    noise : label or None
        Of rows that belong to no cluster.
    at_least : int
        Clusters that the measure needs.
    """
    matrix, columns = as_matrix(X)
    names, code = numbered(as_names(labels, len(matrix)))
    rows = np.arange(len(matrix))
    if noise is not None:
        is_noise = np.array([bool(n == noise) for n in names])
        if is_noise.any():
            place = int(np.argmax(is_noise))
            rows = np.flatnonzero(code != place)
            code = np.where(code == place, -1, code - (code > place)).astype(np.int32)
            names = np.delete(names, place)
            msg = (
                f"{len(matrix) - len(rows):,} of {len(matrix):,} rows have the label {noise!r} of "
                "noise and take no part; noise=None counts them as a cluster"
            )
            warnings.warn(msg, DataWarning, stacklevel=stacklevel)
    if len(names) < at_least:
        msg = f"labels must name at least {at_least} clusters, got {len(names)}"
        raise InvalidInputError(msg, argument="labels", value=len(names))
    whole = len(rows) == len(matrix)
    return Labelled(
        X=matrix,
        columns=columns,
        names=names,
        code=code,
        rows=rows,
        points=matrix if whole else np.ascontiguousarray(matrix[rows]),
        own=code if whole else np.ascontiguousarray(code[rows]),
    )
