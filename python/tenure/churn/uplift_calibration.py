"""What doubly robust scores tell of uplift, with intervals: by group, and as a linear predictor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, as_column, as_count, as_level
from tenure.churn._campaign import error_of_mean, measured, require_finite
from tenure.churn._measured import Measured
from tenure.churn._regression import (
    CoefficientTable,
    as_design,
    clustered,
    coefficient_table,
    require_columns_of,
    require_independent,
)
from tenure.churn._times import z_of
from tenure.churn.policy import require_evidence
from tenure.churn.potential_outcomes import PotentialOutcomes


def _regress(design: Floats, evidence: PotentialOutcomes, arm: int) -> tuple[Floats, Floats]:
    """Least squares of the scores of an effect, with errors robust to heteroscedasticity (HC1)."""
    effect = evidence.effect(arm)
    inverse = np.linalg.inv(np.einsum("ij,ik->jk", design, design))
    value: Floats = inverse @ np.einsum("ij,i->j", design, effect)
    residual = effect - np.einsum("ij,j->i", design, value)
    meat = clustered(design * residual[:, None], evidence.customer, "groups")
    n, p = design.shape
    return value, inverse @ meat @ inverse * (n / max(n - p, 1))


def _within_folds(score: Floats, fold: Any, n_groups: int) -> tuple[Any, Floats]:
    """Return the group of each row, 0 the highest, and the score less the mean of its fold.

    Each fold by itself: where a fold was lucky the learners of all others foretell more. Against
    them its own customers would seem low just because they did well.
    """
    code, centred = np.empty(len(score), dtype=np.int64), score.copy()
    for k in range(int(fold.max()) + 1):
        own = fold == k
        borders = np.quantile(-score[own], np.arange(1, n_groups) / n_groups, method="lower")
        at = np.searchsorted(borders, -score[own], side="left")
        code[own] = np.unique(at, return_inverse=True)[1]
        centred[own] -= score[own].mean()
    return code, centred


def _as_offer(arm: Any, evidence: PotentialOutcomes) -> int:
    chosen = as_count(arm, "arm", at_least=1)
    if chosen >= evidence.n_arms:
        msg = f"arm must be an offer from 1 to {evidence.n_arms - 1}, got {chosen}"
        raise InvalidInputError(msg, argument="arm", value=chosen)
    return chosen


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UpliftCalibration(Table):
    """Uplift as foretold and as seen, by group of customers: the highest first.

    Attributes
    ----------
    group : int64 array of k
        1: the highest predictions.
    customers : int64 array of k
    predicted : float64 array of k
        Mean prediction.
    uplift, standard_error, lower, upper : float64 arrays of k
        Mean doubly robust score of the effect: the sorted group average treatment effects (GATES).
    average : Measured
        Effect on all customers.
    slope : Measured
        By how much the effect differs between customers whose predictions differ by 1: 1 where
        predictions are right, below 1 where they exaggerate, 0 where they know nothing.
    level : float

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> x, treated = rng.normal(size=4000), rng.integers(0, 2, 4000)
    >>> seen = tn.churn.potential_outcomes(
    ...     None, outcome=treated * x + rng.normal(size=4000), treated=treated, propensity=0.5
    ... )
    >>> groups = tn.churn.uplift_calibration(x, seen, n_groups=3)
    >>> groups.uplift.round(1).tolist(), bool(groups.slope.lower < 1.0 < groups.slope.upper)
    ([1.2, 0.1, -1.1], True)
    """

    group: Any
    customers: Any
    predicted: Floats
    uplift: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    average: Measured
    slope: Measured
    level: float

    _column_names = (
        "group", "customers", "predicted", "uplift", "standard_error", "lower", "upper"
    )  # fmt: skip

    def _title(self) -> str:
        return (
            f"Uplift by group, slope {self.slope.value:.2f} ({self.slope.lower:.2f} to "
            f"{self.slope.upper:.2f}), limits at {self.level:.0%}"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw uplift by group as bars with intervals, and what was foretold as points.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        ax.bar(self.group, self.uplift, width=0.68, color=plotting.SOFT, linewidth=0, label="seen")
        ax.vlines(self.group, self.lower, self.upper, color=plotting.ACCENT, linewidth=1.4)
        ax.plot(self.group, self.predicted, "o", color=plotting.PALETTE[3], markersize=5,
                label="foretold")  # fmt: skip
        ax.axhline(0.0, color=plotting.MUTED, linewidth=0.8)
        ax.set_xticks(self.group)
        ax.set(xlabel="Group of customers, highest predictions first", ylabel="Uplift")
        plotting.legend_above(ax, 2)
        return ax


def uplift_calibration(
    uplift: Any,
    evidence: PotentialOutcomes,
    *,
    n_groups: int = 10,
    arm: int = 1,
    level: float = 0.95,
) -> UpliftCalibration:
    """Compare uplift as foretold with what was seen, by groups of equal size.

    Parameters
    ----------
    uplift : array of n floats
        Predictions that have not seen the outcomes of these rows: see `cross_fit_uplift`.
    evidence : PotentialOutcomes
        Of the same rows.
    n_groups : int
        Customers are grouped within their folds; those of equal prediction stay together, so that
        there may be fewer groups.
    arm : int
        The offer.
    level : float

    Returns
    -------
    UpliftCalibration

    Raises
    ------
    InvalidInputError
        Names the row; also where all predictions are equal.

    Notes
    -----
    Chernozhukov, Demirer, Duflo & Fernandez-Val (2018), NBER 24678, eq. 3.5 (`average` and
    `slope`: the best linear predictor of the effect by the prediction) and 3.9 (GATES), with
    doubly robust scores. Errors are robust, rows of a customer together.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> seen = tn.churn.potential_outcomes(
    ...     None, np.arange(8.0), [0, 1, 0, 1, 0, 1, 0, 1], propensity=0.5, n_folds=2
    ... )
    >>> tn.churn.uplift_calibration([1, 1, 1, 1, 0, 0, 0, 0], seen).customers.tolist()
    [4, 4]
    """
    seen = require_evidence(evidence)
    score: Floats = as_column(uplift, np.float64, "uplift")
    if len(score) != len(seen):
        msg = f"uplift has {len(score)} rows, but evidence has {len(seen)}"
        raise InvalidInputError(msg, argument="uplift")
    require_finite(score, "uplift")
    offer, checked = _as_offer(arm, seen), as_level(level)
    wanted = as_count(n_groups, "n_groups", at_least=2)
    code, centred = _within_folds(score, seen.fold, wanted)
    if not centred.any():
        msg = f"uplift must differ between customers of a fold: it is {score[0]:g} for all"
        raise InvalidInputError(msg, argument="uplift")
    size = np.bincount(code)
    effect = seen.effect(offer)
    mean = np.bincount(code, effect) / size
    # The influence of a row on its group's mean: rows of other groups have none.
    error = np.array(
        [
            error_of_mean(np.where(code == g, effect - mean[g], 0.0), seen.customer)
            * len(score) / size[g]
            for g in range(len(size))
        ]
    )  # fmt: skip
    value, spread = _regress(np.column_stack([np.ones(len(score)), centred]), seen, offer)
    z = z_of(checked)
    root = np.sqrt(np.diag(spread))
    return UpliftCalibration(
        np.arange(1, len(size) + 1),
        size,
        np.bincount(code, score) / size,
        mean,
        error,
        mean - z * error,
        mean + z * error,
        measured(float(value[0]), float(root[0]), checked, "Average effect"),
        measured(float(value[1]), float(root[1]), checked, "Slope of the effect"),
        checked,
    )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UpliftIntervals(Table):
    """The best linear prediction of the uplift of each customer, with its interval.

    Attributes
    ----------
    value, lower, upper : float64 arrays of n
    level : float

    Examples
    --------
    See `linear_uplift`.

    >>> import tenure as tn
    >>> tn.churn.UpliftIntervals([1.0], [0.5], [1.5], 0.95)
    Best linear prediction of uplift, limits at 95%
    value  lower  upper
        1    0.5    1.5
    """

    value: Floats
    lower: Floats
    upper: Floats
    level: float

    _column_names = ("value", "lower", "upper")

    def _title(self) -> str:
        return f"Best linear prediction of uplift, limits at {self.level:.0%}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LinearUplift(Table):
    """The best linear predictor of uplift from features.

    Attributes
    ----------
    coefficients : CoefficientTable
        A row a term: intercept, then the features.
    covariance : float64 array of shape (terms, terms)
    level : float

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> x, treated = rng.normal(size=(4000, 1)), rng.integers(0, 2, 4000)
    >>> spent = treated * (2 + x[:, 0]) + rng.normal(size=4000)
    >>> seen = tn.churn.potential_outcomes(None, spent, treated, propensity=0.5)
    >>> tn.churn.linear_uplift(x, seen).coefficients.coefficient.round(1).tolist()
    [2.1, 1.0]
    """

    coefficients: CoefficientTable
    covariance: Floats
    level: float

    def _columns(self) -> Any:
        return self.coefficients._columns()

    def _title(self) -> str:
        return f"Best linear predictor of uplift, limits at {self.level:.0%}"

    def predict(self, X: Any) -> UpliftIntervals:
        """Return the linear prediction for customers, with intervals.

        They cover the best linear approximation of the uplift, not the uplift of one customer,
        which nothing can tell: nobody is both contacted and left alone.

        Parameters
        ----------
        X : array of shape (m, features), data frame or dict of columns

        Returns
        -------
        UpliftIntervals
        """
        matrix = require_columns_of(X, self.coefficients.term[1:])
        design = np.column_stack([np.ones(len(matrix)), matrix])
        value = np.einsum("ij,j->i", design, self.coefficients.coefficient)
        error = np.sqrt(np.einsum("ij,jk,ik->i", design, self.covariance, design))
        half = z_of(self.level) * error
        return UpliftIntervals(value, value - half, value + half, self.level)


def linear_uplift(
    X: Any, evidence: PotentialOutcomes, *, arm: int = 1, level: float = 0.95
) -> LinearUplift:
    """Return the best linear predictor of uplift from features, with intervals.

    Parameters
    ----------
    X : array of shape (n, features), data frame or dict of columns
        Finite; transform features, or choose few that matter, to say what is of interest.
    evidence : PotentialOutcomes
        Of the same rows.
    arm : int
        The offer.
    level : float

    Returns
    -------
    LinearUplift

    Raises
    ------
    InvalidInputError
        Names the cell; also where a column is constant or determined by others.

    Notes
    -----
    Regression of doubly robust scores, Semenova & Chernozhukov (2021), Econometrics Journal
    24:264-289, eq. 2.5 and theorem 3.1. Errors robust (HC1), rows of a customer together.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> x, treated = rng.normal(size=(4000, 1)), rng.integers(0, 2, 4000)
    >>> spent = treated * (2 + x[:, 0]) + rng.normal(size=4000)
    >>> seen = tn.churn.potential_outcomes(None, spent, treated, propensity=0.5)
    >>> found = tn.churn.linear_uplift(x, seen).predict([[0.0]])
    >>> bool(found.lower[0] < 2.0 < found.upper[0])
    True
    """
    seen = require_evidence(evidence)
    matrix, names = as_design(X)
    if len(matrix) != len(seen):
        msg = f"X has {len(matrix)} rows, but evidence has {len(seen)}"
        raise InvalidInputError(msg, argument="X")
    require_independent(matrix, names, None, intercept=True)
    offer, checked = _as_offer(arm, seen), as_level(level)
    # Around their means and in their own units, so that the normal equations keep their digits.
    mean, scale = matrix.mean(axis=0), matrix.std(axis=0)
    design = np.column_stack([np.ones(len(matrix)), (matrix - mean) / scale])
    value, spread = _regress(design, seen, offer)
    back = np.diag(np.concatenate(([1.0], 1.0 / scale)))
    back[0, 1:] = -mean / scale
    value, spread = back @ value, back @ spread @ back.T
    table = coefficient_table(["intercept", *names], value, spread, checked)
    return LinearUplift(table, spread, checked)
