"""What every measure of probabilities shares: reading them, log odds, errors by customer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._validation import Floats, Ints, as_column, as_flags, as_threads

#: Log odds are those of probabilities kept at least this far from 0 and 1.
LEAST = 1e-6


def as_probabilities(values: Any, name: str = "probability") -> Floats:
    """Return a column of numbers in [0, 1]; anything else names its row."""
    column: Floats = as_column(values, np.float64, name)
    if column.size == 0:
        msg = f"{name} must hold at least one row"
        raise InvalidInputError(msg, argument=name)
    bad = np.flatnonzero(~((column >= 0.0) & (column <= 1.0)))
    if bad.size:
        row = int(bad[0])
        msg = f"{name}[{row}] must be in [0, 1], got {column[row]:g}"
        raise InvalidInputError(msg, argument=name, row=row, value=float(column[row]))
    return column


def read(churned: Any, probability: Any, groups: Any = None) -> tuple[Floats, Floats, Ints | None]:
    """Return labels as 0.0 and 1.0, of both of which there are some, probabilities and groups."""
    label = as_flags(churned, "churned").astype(np.float64)
    values = as_probabilities(probability)
    if len(label) != len(values):
        msg = f"probability has {len(values)} rows and churned has {len(label)}"
        raise InvalidInputError(msg, argument="probability")
    positives = int(label.sum())
    if positives in (0, len(label)):
        what = "nobody" if positives == 0 else "everybody"
        msg = f"churned must hold both 0 and 1: {what} of {len(label):,} churned"
        raise InvalidInputError(msg, argument="churned")
    return label, values, as_clusters(groups, len(label))


def as_clusters(groups: Any, rows: int) -> Ints | None:
    """Return a number for each row's group; None where each row is a group of its own."""
    if groups is None:
        return None
    import pyarrow as pa

    try:
        column = pa.array(groups)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
        msg = f"groups must be one column of ids: {error}"
        raise InvalidInputError(msg, argument="groups") from error
    if len(column) != rows:
        msg = f"groups has {len(column)} rows and there are {rows}"
        raise InvalidInputError(msg, argument="groups")
    if column.null_count:
        row = int(np.argmin(column.is_valid().to_numpy(zero_copy_only=False)))
        msg = f"groups[{row}] must not be missing"
        raise InvalidInputError(msg, argument="groups", row=row)
    codes: Ints = column.dictionary_encode().indices.to_numpy().astype(np.int64)
    return None if rows and int(codes.max()) + 1 == rows else codes


def log_odds(probability: Floats) -> Floats:
    """Return log p / (1 - p) of probabilities kept within [LEAST, 1 - LEAST]."""
    kept = np.clip(probability, LEAST, 1.0 - LEAST)
    odds: Floats = np.log(kept) - np.log1p(-kept)
    return odds


def expit(odds: Floats) -> Floats:
    """Return the probability of log odds; of any size, without overflow."""
    tail = np.exp(-np.abs(odds))
    probability: Floats = np.where(odds >= 0.0, 1.0, tail) / (1.0 + tail)
    return probability


def summed(rows: Floats, groups: Ints | None) -> Floats:
    """Return the sum of each column of `rows` over each group."""
    if groups is None:
        return rows
    of: list[Floats] = [
        np.bincount(groups, weights=c).astype(np.float64) for c in np.atleast_2d(rows.T)
    ]
    return np.stack(of, axis=1) if rows.ndim == 2 else of[0]


def spread(influence: Floats, groups: Ints | None) -> float:
    """Return the standard error of a statistic from what each row adds to it.

    The infinitesimal jackknife: the root of the sum, over groups, of the squared sum of the rows'
    influences, times m / (m - 1) for m groups. [Jaeckel 1972; Efron 1982, ch. 6]
    """
    total = summed(influence, groups)
    m = len(total)
    total = total - total.mean()
    return math.sqrt(float(np.sum(total * total)) * (m / (m - 1.0))) if m > 1 else math.inf


def fit_map(
    columns: Any,
    target: Floats,
    *,
    offset: Floats | None = None,
    weight: Floats | None = None,
    intercept: bool = True,
    n_threads: int | None = 1,
) -> Any:
    """Fit log odds = offset + intercept + columns * coef; each of `columns` is one of them."""
    flat = np.concatenate(list(columns)) if len(columns) else np.empty(0)
    return _core.churn.recalibrate(flat, offset, target, weight, intercept, as_threads(n_threads))


def covariance_of(fit: Any, columns: Any, residual: Floats, groups: Ints | None) -> Floats:
    """Return the covariance of coefficients: the model's, or robust to groups of like rows.

    With groups it is the sandwich, whose middle is the sum over groups of the squared sums of the
    rows' scores. `columns` begin with ones where there is an intercept. [Liang & Zeger 1986]
    """
    size = len(fit["coef"])
    inverse: Floats = fit["covariance"].reshape(size, size)
    if groups is None:
        return inverse
    score = summed(np.stack([residual * c for c in columns], axis=1), groups)
    m = len(score)
    middle = np.array([[float(np.sum(a * b)) for a in score.T] for b in score.T])
    robust = _product(_product(inverse, middle * (m / (m - 1.0))), inverse)
    return robust


def _product(a: Floats, b: Floats) -> Floats:
    """A product of small matrices whose bits do not depend on a BLAS."""
    product: Floats = (a[:, :, None] * b[None, :, :]).sum(axis=1)
    return product
