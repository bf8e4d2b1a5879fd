"""What regressions with an elastic-net path share: penalties, factors, folds, the choice."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._validation import Floats, as_column
from tenure.churn._groups import as_groups


def as_penalties(penalties: Any) -> Floats:
    """Return distinct penalties from the largest down; none where the engine is to make them."""
    if penalties is None:
        return np.empty(0)
    given = as_column(penalties, np.float64, "penalties")
    bad = np.flatnonzero(~(np.isfinite(given) & (given >= 0.0)))
    if bad.size or not given.size:
        row = int(bad[0]) if bad.size else None
        msg = f"penalties must be finite and >= 0, got {penalties!r}"
        raise InvalidInputError(msg, argument="penalties", row=row)
    return np.ascontiguousarray(np.unique(given)[::-1])


def as_factors(penalty_factor: Any, scale: Floats, standardize: bool) -> tuple[Floats, Floats]:
    """Return what multiplies the penalty of |b| and of b^2, b of the engine's scaled columns."""
    factor = np.ones(len(scale))
    if penalty_factor is not None:
        factor = as_column(penalty_factor, np.float64, "penalty_factor").copy()
        right = len(factor) == len(scale) and bool((np.isfinite(factor) & (factor >= 0.0)).all())
        if not right:
            msg = f"penalty_factor must be {len(scale)} finite numbers >= 0"
            raise InvalidInputError(msg, argument="penalty_factor")
    unit = np.ones(len(scale)) if standardize else 1.0 / scale
    return factor * unit, factor * unit**2


def folds_of(rows: int, folds: int, clusters: Any, seed: int) -> npt.NDArray[np.int64]:
    """Return the fold of each row; rows of one cluster share it."""
    codes = np.arange(rows) if clusters is None else as_groups(clusters, rows, "clusters")[0]
    groups = int(codes.max()) + 1
    if groups < folds:
        msg = f"n_folds must be at most {groups}, the number of rows or clusters, got {folds}"
        raise InvalidInputError(msg, argument="n_folds", value=folds)
    shuffled = np.random.default_rng(seed).permutation(np.arange(groups) % folds)
    return np.asarray(shuffled[codes])


def best_and_simplest(deviance: Any, weight: Any) -> tuple[Floats, Floats, int, int]:
    """Return mean and error over folds by penalty, and where the two rules point.

    The second: the first penalty whose mean is within one error of the least.
    """
    share = np.asarray(weight) / np.sum(weight)
    table = np.array(deviance)
    mean = share @ table
    error = np.sqrt(share @ (table - mean) ** 2 / (len(share) - 1))
    best = int(np.argmin(mean))
    return mean, error, best, int(np.argmax(mean <= mean[best] + error[best]))
