"""What a churn model needs of any classifier: data it can take, probabilities it tells."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._extras import require
from tenure._sklearn import as_weights
from tenure._validation import Floats, Ints
from tenure.churn._probabilities import expit
from tenure.churn.calibration import Calibrator
from tenure.churn.churn_scores import CrossFitted
from tenure.churn.dataset import ChurnDataset

_MICROSECOND = dt.timedelta(microseconds=1)


def require_alone(y: Any, groups: Any) -> None:
    if y is not None or groups is not None:
        msg = "y and groups are those of the data set: leave them out"
        raise InvalidInputError(msg, argument="y" if y is not None else "groups")


def training(X: Any, y: Any, groups: Any, gap: int) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Features, their names, labels, customers, cutoffs and when labels were known."""
    if isinstance(X, ChurnDataset):
        require_alone(y, groups)
        at = X.at.view(np.int64)
        return X.X, X.names, X.y, X.group, at, at + X.horizon // _MICROSECOND + gap
    if y is None:
        msg = "fit requires y to be passed, but the target y is None"
        raise InvalidInputError(msg, argument="y")
    return _indexable(X), None, y, groups, None, None


def _indexable(X: Any) -> Any:
    """Data frames as they are, sparse tables by rows, anything else as an array."""
    if hasattr(X, "tocsr"):
        return X.tocsr()
    frame = hasattr(X, "iloc") or (hasattr(X, "__arrow_c_stream__") and hasattr(X, "schema"))
    return X if frame or isinstance(X, np.ndarray) else np.asarray(X)


def classes_of(y: Any) -> tuple[Any, Ints]:
    """The two classes, and which of them each row has."""
    validation = require("sklearn.utils.validation", "fit a ChurnModel")
    multiclass = require("sklearn.utils.multiclass", "fit a ChurnModel")
    column = validation.column_or_1d(y, warn=True)
    try:
        validation.assert_all_finite(column, input_name="y")
    except ValueError as error:
        row = int(np.argmin(np.isfinite(column.astype(np.float64))))
        msg = f"{str(error).rstrip('.')}: y[{row}] is {column[row]}"
        raise InvalidInputError(msg, argument="y", row=row) from error
    multiclass.check_classification_targets(column)
    classes, label = np.unique(column, return_inverse=True)
    if len(classes) > 2:
        kind = multiclass.type_of_target(column, input_name="y")
        msg = f"Only binary classification is supported. The type of the target is {kind}."
        raise InvalidInputError(msg, argument="y")
    if len(classes) < 2:
        msg = f"y must hold both classes, got one class: {classes.tolist()}"
        raise InvalidInputError(msg, argument="y")
    return classes, label.astype(np.int64)


def labels_among(y: Any, classes: Any) -> Any:
    if y is None:
        msg = "y must be given beside a table of features"
        raise InvalidInputError(msg, argument="y")
    column = np.asarray(y)
    known = np.isin(column, classes)
    if not known.all():
        row = int(np.argmin(known))
        msg = f"y[{row}] must be one of {classes.tolist()}, got {column[row]!r}"
        raise InvalidInputError(msg, argument="y", row=row)
    return (column == classes[1]).astype(np.uint8)


def calibrate(
    method: str,
    blanks: list[Any],
    parts: list[tuple[Ints, Ints]],
    table: Any,
    y: Any,
    label: Ints,
    weight: Floats | None = None,
) -> tuple[CrossFitted, Calibrator]:
    column = np.asarray(y).ravel()
    rows, told = [], []
    for blank, (train, test) in zip(blanks, parts, strict=True):
        own = None if weight is None else weight[train]
        fitted = fit_weighted(blank, _take(table, train), column[train], own)
        rows.append(test)
        told.append(raw_probability(fitted, _take(table, test)))
    row, p = np.concatenate(rows), np.concatenate(told)
    order = np.argsort(row)
    row, p = row[order], p[order]
    churned = label[row].astype(np.float64)
    calibrator = Calibrator(method).fit(p, churned, None if weight is None else weight[row])
    return CrossFitted(row, churned, p, calibrator.predict(p)), calibrator


def weights_of(sample_weight: Any, label: Ints) -> Floats | None:
    """Return weights that leave something of both classes."""
    weight = as_weights(sample_weight, len(label))
    if weight is None:
        return None
    good = np.isfinite(weight) & (weight >= 0.0)
    if not good.all():
        row = int(np.argmin(good))
        msg = f"sample_weight[{row}] must be finite and >= 0, got {weight[row]:g}"
        raise InvalidInputError(msg, argument="sample_weight", row=row, value=float(weight[row]))
    if not all((weight[label == k] > 0.0).any() for k in (0, 1)):
        msg = "sample_weight must leave something of both classes: it is zero for one"
        raise InvalidInputError(msg, argument="sample_weight")
    return weight


def fit_weighted(blank: Any, table: Any, y: Any, weight: Floats | None) -> Any:
    """Fit a classifier, with weights if there are any and it takes them."""
    if weight is None:
        return blank.fit(table, y)
    takes = require("sklearn.utils.validation", "fit a ChurnModel").has_fit_parameter
    if takes(blank, "sample_weight"):
        return blank.fit(table, y, sample_weight=weight)
    steps = getattr(blank, "steps", None)
    if steps and takes(steps[-1][1], "sample_weight"):
        return blank.fit(table, y, **{f"{steps[-1][0]}__sample_weight": weight})
    msg = f"sample_weight cannot be used: the fit of {type(blank).__name__} takes none"
    raise InvalidInputError(msg, argument="sample_weight")


def _take(table: Any, rows: Ints) -> Any:
    if hasattr(table, "iloc"):
        return table.iloc[rows]
    if hasattr(table, "take") and hasattr(table, "schema") and hasattr(table, "column_names"):
        return table.take(rows)  # a pyarrow.Table, whose brackets pick columns
    return table[rows]


def raw_probability(fitted: Any, table: Any) -> Floats:
    """Probability of churn as the classifier tells it; of a margin, by the logistic function."""
    if hasattr(fitted, "predict_proba"):
        told = np.asarray(fitted.predict_proba(table), dtype=np.float64)
        p: Floats = np.clip(told[:, -1], 0.0, 1.0)  # rounding of float32 may leave [0, 1]
    else:
        p = expit(np.asarray(fitted.decision_function(table), dtype=np.float64))
    return p
