"""What a path of penalised regressions and its cross-validation return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenure._results import Table
from tenure._validation import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ElasticNetPath(Table):
    """Coefficients by penalty, one row a penalty.

    Attributes
    ----------
    penalty : ndarray of float, shape (n_penalties,)
        Descending.
    n_nonzero : ndarray of int, shape (n_penalties,)
        Coefficients other than 0.
    log_likelihood : ndarray of float, shape (n_penalties,)
        Without the penalty.
    intercept : ndarray of float, shape (n_penalties,), or None
        None where the regression has none.
    coef : ndarray of float, shape (n_penalties, n_features)
    names : tuple of str
        The columns of X.
    """

    penalty: Floats
    n_nonzero: Ints
    log_likelihood: Floats
    intercept: Floats | None
    coef: Floats
    names: tuple[str, ...]

    def _columns(self) -> Mapping[str, Any]:
        columns: dict[str, Any] = {
            "penalty": self.penalty,
            "n_nonzero": self.n_nonzero,
            "log_likelihood": self.log_likelihood,
        }
        if self.intercept is not None:
            columns["intercept"] = self.intercept
        return columns | {name: self.coef[:, j] for j, name in enumerate(self.names)}

    def _title(self) -> str:
        return "Coefficients by penalty"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ElasticNetValidation(Table):
    """Deviance of rows that a fit has not seen, by penalty.

    Attributes
    ----------
    penalty : ndarray of float, shape (n_penalties,)
    deviance, standard_error : ndarray of float, shape (n_penalties,)
        Mean over folds and its error. Of `LogisticNet`: -2 log-likelihood a row, folds by their
        weight. Of `CoxNet`: -2 (log-likelihood of all rows less that of the rows of the fit) a
        churn, folds by their churns.
    n_nonzero : ndarray of int, shape (n_penalties,)
        Coefficients other than 0 in the fit of all rows.
    best : float
        Penalty of the least deviance.
    simplest : float
        Largest penalty whose deviance is within one standard error of the least.
    """

    penalty: Floats
    deviance: Floats
    standard_error: Floats
    n_nonzero: Ints
    best: float
    simplest: float

    _column_names = ("penalty", "deviance", "standard_error", "n_nonzero")

    def _title(self) -> str:
        return f"Cross-validation: best penalty {self.best:.4g}, simplest {self.simplest:.4g}"
