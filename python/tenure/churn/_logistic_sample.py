"""The rows of a logistic regression: labels, weights and offsets checked, kept for profiles."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._matrix import Matrix
from tenure._sklearn import as_weights, name_cell
from tenure._validation import Floats, as_column
from tenure.churn._cox_sample import column_names, dependent_groups, require_range


@dataclass(frozen=True, slots=True, eq=False)
class LogisticSample:
    """What a fit saw; `data` reads the matrix where it lies."""

    data: _core.churn.LogisticData
    matrix: Floats
    event: npt.NDArray[np.uint8]
    classes: npt.NDArray[Any]
    weight: Floats | None
    offset: Floats | None

    def raw(self, beta: Floats, intercept: bool) -> tuple[Floats, Floats]:
        """Return intercepts and coefficients of the columns as they are, from standardised ones."""
        table = np.atleast_2d(beta)
        lead = int(intercept)
        coef = table[:, lead:] / self.data.scale
        shift = (coef * self.data.centre).sum(axis=1)
        return (table[:, 0] - shift if intercept else np.zeros(len(table))), coef


def as_labels(y: Any, rows: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
    """Return 0 or 1 by row and the two classes in ascending order.

    Raises
    ------
    InvalidInputError
        Unless y is one label a row of exactly two kinds.
    """
    if y is None:
        msg = "requires y to be passed, but the target y is None"
        raise InvalidInputError(msg, argument="y")
    if isinstance(y, np.ma.MaskedArray):
        filled = np.ma.getdata(y).astype(object)
        filled[np.ma.getmaskarray(y)] = None
        y = filled
    try:
        labels = np.asarray(y)
    except (ValueError, TypeError) as error:
        msg = f"y must be one label a row: {error}"
        raise InvalidInputError(msg, argument="y") from error
    if labels.ndim == 2 and labels.shape[1] == 1:
        _warn_of_column()
        labels = labels[:, 0]
    if labels.ndim != 1:
        msg = f"y should be a 1d array, got an array of shape {labels.shape} instead."
        raise InvalidInputError(msg, argument="y")
    if len(labels) != rows:
        msg = f"y must have one label for each of the {rows} rows of X, got {len(labels)}"
        raise InvalidInputError(msg, argument="y")
    _require_labels(labels)
    plain = labels.dtype == np.uint8 and labels.max(initial=0) <= 1
    if plain and labels.any() and not labels.all():  # the usual case, without a sort
        return np.ascontiguousarray(labels), np.array([0, 1], dtype=np.uint8)
    try:
        classes, codes = np.unique(labels, return_inverse=True)
    except TypeError as error:
        msg = f"y must hold labels of one kind: {error}"
        raise InvalidInputError(msg, argument="y") from error
    if len(classes) > 2:
        kind = "continuous" if labels.dtype.kind == "f" and len(classes) > 20 else "multiclass"
        msg = (
            f"Only binary classification is supported. The type of the target is {kind}: "
            f"y holds {len(classes)} classes"
        )
        raise InvalidInputError(msg, argument="y")
    if len(classes) < 2:
        only = classes.tolist()[0]
        msg = f"y holds one class only, {only!r} in every row: there is nothing to tell apart"
        raise InvalidInputError(msg, argument="y")
    return codes.astype(np.uint8).ravel(), classes


def _require_labels(labels: npt.NDArray[Any]) -> None:
    if labels.dtype.kind == "f":
        bad = np.flatnonzero(~np.isfinite(labels))
        if bad.size:
            row, value = int(bad[0]), float(labels[bad[0]])
            shown = "NaN" if np.isnan(value) else "infinity"
            msg = f"y[{row}] must be a label, got {shown}"
            raise InvalidInputError(msg, argument="y", row=row, value=value)
        part = np.flatnonzero(labels != np.floor(labels))
        if part.size:
            row, value = int(part[0]), float(labels[part[0]])
            msg = f"Unknown label type: continuous. y[{row}] must be a label, got {value!r}"
            raise InvalidInputError(msg, argument="y", row=row, value=value)
    elif labels.dtype.kind == "O":
        for row, value in enumerate(labels.tolist()):
            missing = value is None or type(value).__name__ in {"NAType", "NaTType"}
            if missing or (isinstance(value, float) and value != value):
                msg = f"y[{row}] must be a label, got a missing value"
                raise InvalidInputError(msg, argument="y", row=row)
    elif labels.dtype.kind not in "biuUST":
        msg = f"Unknown label type: y must hold labels, got dtype {labels.dtype}"
        raise InvalidInputError(msg, argument="y")


def _warn_of_column() -> None:
    category: type[Warning] = UserWarning
    if "sklearn.exceptions" in sys.modules:
        category = sys.modules["sklearn.exceptions"].DataConversionWarning
    msg = "A column-vector y was passed when a 1d array was expected; its one column is taken."
    warnings.warn(msg, category, stacklevel=5)


def as_offset(offset: Any, rows: int) -> Floats | None:
    """Return the offset of each row, None where there is none."""
    if offset is None:
        return None
    column = as_column(offset, np.float64, "offset")
    if len(column) != rows:
        msg = f"offset must have one value for each of the {rows} rows of X, got {len(column)}"
        raise InvalidInputError(msg, argument="offset")
    return column


def as_sample(
    X: Matrix,
    names: Sequence[str] | None,
    y: Any,
    sample_weight: Any,
    offset: Any,
    intercept: bool,
    threads: int,
) -> LogisticSample:
    """Check the rows and measure the columns."""
    matrix = np.ascontiguousarray(X, dtype=np.float64)
    rows = len(matrix)
    event, classes = as_labels(y, rows)
    weight = as_weights(sample_weight, rows)
    shift = as_offset(offset, rows)
    if weight is not None and not weight.any():
        msg = "sample_weight is zero in every row: no row counts"
        raise InvalidInputError(msg, argument="sample_weight")
    try:
        data = _core.churn.LogisticData(matrix, event, weight, shift, intercept, True, threads)
    except InvalidInputError as error:
        raise name_cell(error, matrix, names) from None
    own = column_names(names, matrix.shape[1])
    require_range(data.least, data.most, own)
    if not 0.0 < data.event_weight < data.total_weight:
        msg = "y must hold two classes with a weight above 0: nothing to tell apart"
        raise InvalidInputError(msg, argument="y")
    return LogisticSample(
        data,
        matrix,
        event.copy(),
        classes,
        None if weight is None else weight.copy(),
        None if shift is None else shift.copy(),
    )


def require_varying(data: _core.churn.LogisticData, names: Sequence[str], intercept: bool) -> None:
    """Refuse columns that a regression without a penalty cannot use."""
    for j in np.flatnonzero(data.most == data.least).tolist():
        value = float(data.least[j])
        if intercept or value == 0.0:
            why = "the intercept is there already" if value else "its coefficient changes nothing"
            msg = f"X[{names[j]!r}] is {value:g} in every row: {why}"
            raise InvalidInputError(msg, argument="X", value=value)
    if len(names) + int(intercept) > data.rows:
        msg = (
            f"there are {len(names)} columns{' and an intercept' if intercept else ''} for "
            f"{data.rows} rows (n_samples = {data.rows}): a penalty is needed"
        )
        raise InvalidInputError(msg, argument="X")


def unidentified(part: Floats, names: Sequence[str], intercept: bool) -> InvalidInputError:
    """Return the error for columns whose coefficients the data do not determine.

    `part` projects on the combinations of terms that are 0 in every row.
    """
    terms = (*(("the intercept",) if intercept else ()), *(repr(n) for n in names))
    reasons = []
    for group in dependent_groups(part):
        members = [terms[j] for j in group]
        why = "a copy, a multiple, a sum, or dummies that add up to a constant"
        reasons.append(f"{', '.join(members)} are linearly dependent ({why})")
    msg = f"the coefficients of X are not identified: {'; '.join(reasons)}: leave a column out"
    return InvalidInputError(msg, argument="X")
