"""What regressions of lifetimes share: columns that tell customers apart, the table of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erfc, sqrt
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._matrix import as_matrix
from tenure._results import Table
from tenure._validation import Floats, as_column
from tenure.churn._times import z_of

#: What has another unit than a coefficient.
_OTHER_TERMS = ("Intercept", "log(scale)", "q")
_DEPENDENT = 1e-10  # share of a column's variance that other columns leave


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoefficientTable(Table):
    """The estimates of a regression; a row a term.

    Attributes
    ----------
    term : tuple of str
    coefficient, standard_error, z, p_value, lower, upper : ndarray of float, shape (n_terms,)
        Wald's test of 0, and limits at the model's level.
    """

    term: tuple[str, ...]
    coefficient: Floats
    standard_error: Floats
    z: Floats
    p_value: Floats
    lower: Floats
    upper: Floats

    _column_names = (
        "term", "coefficient", "standard_error", "z", "p_value", "lower", "upper"
    )  # fmt: skip

    def _title(self) -> str:
        return "Coefficients"

    def plot(self, ax: Any = None, *, terms: Sequence[str] | None = None) -> Any:
        """Draw coefficients with their limits, a row a term; return the Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        terms : sequence of str, optional
            Which ones, from the top. Default: those that belong to columns of X or to periods.
        """
        from tenure import plotting

        chosen = [t for t in self.term if t not in _OTHER_TERMS] if terms is None else list(terms)
        for term in chosen:
            if term not in self.term:
                msg = f"terms: {term!r} is none of {list(self.term)}"
                raise InvalidInputError(msg, argument="terms", value=term)
        at = [self.term.index(term) for term in chosen]
        ax = plotting.axes(ax, figsize=(7.2, 1.0 + 0.34 * max(len(at), 2)))
        plotting.horizontal(ax, chosen)
        ax.axvline(0.0, color=plotting.MUTED, linewidth=0.8, zorder=0)
        plotting.points(self.coefficient[at], self.lower[at], self.upper[at], ax=ax)
        ax.set(xlabel="Coefficient")
        return ax


def coefficient_table(
    terms: list[str], value: Floats, covariance: Floats, level: float
) -> CoefficientTable:
    """Return estimates with Wald's tests and limits."""
    error = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = value / error
    p = np.array([erfc(abs(v) / sqrt(2.0)) if np.isfinite(v) else np.nan for v in z])
    half = z_of(level) * error
    return CoefficientTable(tuple(terms), value, error, z, p, value - half, value + half)


def as_design(X: Any, rows: int | None = None) -> tuple[Floats, list[str]]:
    """Return the columns as a finite float64 matrix, and their names (x0, x1, ... if none).

    Raises
    ------
    InvalidInputError
        If it is no table of finite numbers, or not as long as the lifetimes.
    """
    if isinstance(X, Mapping):
        columns = [as_column(v, np.float64, f"X[{name!r}]") for name, v in X.items()]
        if len({c.size for c in columns}) > 1:
            msg = f"X has columns of unequal lengths: {[c.size for c in columns]}"
            raise InvalidInputError(msg, argument="X")
        matrix, names = as_matrix(np.stack(columns, axis=1) if columns else np.empty((0, 0)))
        names = [str(name) for name in X]
    else:
        matrix, names = as_matrix(X)
    matrix = np.ascontiguousarray(matrix, dtype=np.float64)
    if rows is not None and matrix.shape[0] != rows:
        msg = f"X has {matrix.shape[0]} rows, but duration has {rows}"
        raise InvalidInputError(msg, argument="X")
    names = [f"x{j}" for j in range(matrix.shape[1])] if names is None else names
    finite = np.isfinite(matrix)
    if not finite.all():
        row, column = (int(v) for v in np.argwhere(~finite)[0])
        msg = f"X[{row}, {names[column]!r}] must be finite, got {matrix[row, column]:g}"
        raise InvalidInputError(msg, argument="X", row=row, value=float(matrix[row, column]))
    return matrix, names


def require_independent(
    matrix: Floats, names: list[str], weight: Floats | None, *, intercept: bool
) -> None:
    """Refuse columns of which one is a sum of others, naming them; also a constant one.

    By Cholesky's factorisation of their correlations, column after column.
    """
    used = matrix if weight is None else matrix[weight > 0.0]
    p = used.shape[1]
    if used.shape[0] < p + int(intercept):
        msg = f"X has {p} columns, too many for {used.shape[0]} customers"
        raise InvalidInputError(msg, argument="X")
    centred = used - used.mean(axis=0) if intercept else used
    size = np.sqrt(np.einsum("ij,ij->j", centred, centred))
    flat = size <= 1e-12 * np.sqrt(used.shape[0]) * np.abs(used).max(axis=0, initial=0.0)
    if flat.any():
        name = names[int(np.flatnonzero(flat)[0])]
        what = "does not vary, and the intercept is there already" if intercept else "is 0"
        msg = f"X: the column {name!r} {what}"
        raise InvalidInputError(msg, argument="X")
    gram = (centred / size).T @ (centred / size)
    kept: list[int] = []
    for j in range(p):
        if kept:
            part = np.linalg.solve(gram[np.ix_(kept, kept)], gram[kept, j])
            left = 1.0 - float(part @ gram[kept, j])
            if left < _DEPENDENT:
                others = [names[k] for k, b in zip(kept, part, strict=True) if abs(b) > 1e-6]
                msg = f"X: the column {names[j]!r} is determined by {others}; leave one of them out"
                raise InvalidInputError(msg, argument="X")
        kept.append(j)


def require_columns_of(X: Any, names: tuple[str, ...]) -> Floats:
    """Return new customers' columns, checked against those of the fit, by name if they have any."""
    matrix, given = as_design(X)
    if len(given) != len(names):
        msg = f"X has {len(given)} columns, but the model was fitted to {len(names)}"
        raise InvalidInputError(msg, argument="X")
    unnamed = [f"x{j}" for j in range(len(names))]
    if given not in (unnamed, list(names)) and list(names) != unnamed:
        msg = f"X has the columns {given}, but the model was fitted to {list(names)}"
        raise InvalidInputError(msg, argument="X")
    return matrix


def clustered(scores: Floats, clusters: Any, name: str = "clusters") -> Floats:
    """Return the sum over clusters of the outer products of their summed scores."""
    if clusters is not None:
        from tenure.churn._codes import as_groups

        codes, labels = as_groups(clusters, name)
        if codes.size != scores.shape[0]:
            msg = f"{name} must be as long as duration"
            raise InvalidInputError(msg, argument=name)
        sums = [np.bincount(codes, column, minlength=len(labels)) for column in scores.T]
        scores = np.stack(sums, axis=1)
    # einsum adds in one order whatever the threads of a linear algebra library.
    product: Floats = np.einsum("ij,ik->jk", scores, scores)
    return product
