"""Covariates of latent classes: numbers that tell which class is likely."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._matrix import as_matrix
from tenure._validation import Floats


def as_covariates(values: Any, rows: int) -> tuple[Floats, list[str] | None]:
    """Return the covariates as a matrix of finite numbers, and their names if they have any."""
    table, names = as_matrix(values, "covariates")
    table = table.astype(np.float64)
    if len(table) != rows:
        msg = f"covariates must have one row for each of the {rows} rows of X, got {len(table)}"
        raise InvalidInputError(msg, argument="covariates")
    bad = np.argwhere(~(np.abs(table) < 1e100))
    if bad.size:
        row, column = (int(i) for i in bad[0])
        value = float(table[row, column])
        where = column if names is None else repr(names[column])
        msg = f"covariates[{row}, {where}] must be finite and below 1e100, got {value!r}"
        raise InvalidInputError(msg, argument="covariates", row=row, value=value)
    return table, names


def standardised(covariates: Any, weight: Floats) -> tuple[Floats, Floats, Floats, tuple[str, ...]]:
    """The design with an intercept, centres and scales of the covariates, names of the terms."""
    ones = np.ones((len(weight), 1))
    if covariates is None:
        return ones, np.empty(0), np.empty(0), ("Intercept",)
    table, names = as_covariates(covariates, len(weight))
    counted = table[weight > 0]
    if not len(counted):
        counted = table
    centre, scale = counted.mean(axis=0), counted.std(axis=0)
    flat = np.flatnonzero(~(scale > 1e-12 * np.abs(centre)))
    names = [f"z{j}" for j in range(table.shape[1])] if names is None else names
    if flat.size:
        msg = f"covariates[:, {names[int(flat[0])]!r}] does not vary: the intercept says as much"
        raise InvalidInputError(msg, argument="covariates")
    return np.hstack([ones, (table - centre) / scale]), centre, scale, ("Intercept", *names)
