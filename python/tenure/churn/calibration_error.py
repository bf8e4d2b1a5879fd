"""How far probabilities are from a smooth curve of what happened: ICI, E50, E90."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, as_choice, as_level, as_replicates, as_seed
from tenure.churn._probabilities import covariance_of, expit, fit_map, log_odds, read
from tenure.churn.reliability import quadratic

#: Where knots lie, as shares of the rows. [Harrell 2015, Regression Modeling Strategies, table 2.3]
_KNOTS = {3: (0.1, 0.5, 0.9), 4: (0.05, 0.35, 0.65, 0.95), 5: (0.05, 0.275, 0.5, 0.725, 0.95)}
_GROUPS = 1000  # of rows with like probabilities, for the draws


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CalibrationError(Table):
    """Distances between probabilities and a smooth calibration curve, with limits.

    Attributes
    ----------
    name : tuple of str
        ``"ICI"``, the mean distance over the rows; ``"E50"`` and ``"E90"``, their median and
        90th percentile.
    value, lower, upper : float64 arrays of 3
    statistic, p_value : float
        Wald test that the curve is the diagonal.
    smooth : float64 array of n
        The curve at each row: how likely churn was, given the probability.
    knots : float64 array
        Of the spline, in log odds; empty for a line.
    level : float

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> p = rng.random(3000)
    >>> e = tn.churn.ici(rng.random(3000) < p**2, p)
    >>> bool(0.1 < e.ici < 0.22), float(e.lower[0]) < 1 / 6 < float(e.upper[0])
    (True, True)
    """

    name: tuple[str, ...]
    value: Floats
    lower: Floats
    upper: Floats
    statistic: float
    p_value: float
    smooth: Floats
    knots: Floats
    level: float

    _column_names = ("name", "value", "lower", "upper")

    @property
    def ici(self) -> float:
        """The integrated calibration index."""
        return float(self.value[0])

    def _title(self) -> str:
        return (
            f"Distance from calibration, limits at {self.level:.0%}; test of calibration "
            f"p = {self.p_value:.2g}"
        )


def ici(
    churned: Any,
    probability: Any,
    *,
    knots: int = 4,
    groups: Any = None,
    level: float = 0.95,
    n_bootstrap: int = 500,
    random_state: Any = 0,
) -> CalibrationError:
    """Return the integrated calibration index: mean distance of probabilities from what happens.

    Parameters
    ----------
    churned : array of n flags
    probability : array of n floats in [0, 1]
    knots : {3, 4, 5}, default 4
        Of the curve that smooths the outcomes.
    groups : array of n ids, optional
        Rows of one customer: limits are then robust to their likeness.
    level : float, default 0.95
    n_bootstrap : int, default 500
        Draws for the limits; 0 for none (NaN).
    random_state : int, None or numpy.random.Generator

    Returns
    -------
    CalibrationError

    Raises
    ------
    InvalidInputError
        Names the row; also unless both classes are there, and where all probabilities are equal or
        part the classes.

    Notes
    -----
    Austin & Steyerberg (2019), Statistics in Medicine 38:4051-4065. The smoother: logistic
    regression of the outcome on a restricted cubic spline of the log odds, knots at Harrell's
    quantiles; with fewer knots, and at last a line, where the data do not identify it (the paper
    smooths by loess). An index is never negative, so that chance alone makes it positive: the lower
    limit is 0 unless the test rejects calibration at the level. How the limits are drawn:
    docs/methods/calibration.md.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(1)
    >>> p = rng.random(1000)
    >>> tn.churn.ici(rng.random(1000) < p, p).lower.tolist()
    [0.0, 0.0, 0.0]
    """
    label, p, of = read(churned, probability, groups)
    checked = as_level(level)
    most = as_choice(knots, "knots", tuple(_KNOTS))
    replicates = as_replicates(n_bootstrap)
    odds = log_odds(p)
    place, columns, fit = _spline(odds, label, most)
    size = len(columns) + 1
    eta = _linear(fit["coef"], columns)
    smooth = expit(eta)
    covariance = covariance_of(fit, [np.ones(len(p)), *columns], label - smooth, of)
    gap = np.abs(smooth - p)
    value = np.array([float(gap.mean()), *np.quantile(gap, [0.5, 0.9])])
    away = fit["coef"].copy()
    away[1] -= 1.0
    statistic = quadratic(away, covariance)
    p_value = float(
        _core.special.chi_square_survival(np.array([statistic]), np.array([float(size)]))[0]
    )
    lower = upper = np.full(3, np.nan)
    if replicates:
        drawn, there = _drawn(odds, fit["coef"], covariance, place, replicates, random_state)
        tail = 0.5 * (1.0 - checked)
        low, high = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
        # Reflected about the estimate, which is off upwards as the draws are; where it is near 0
        # the reflection overshoots, and the plain percentile holds.
        lower = np.maximum(0.0, 2.0 * there - high) if p_value < 1.0 - checked else np.zeros(3)
        upper = np.maximum(2.0 * there - low, high)
        lower, upper = np.minimum(lower, value), np.maximum(upper, value)
    return CalibrationError(
        ("ICI", "E50", "E90"), value, lower, upper, statistic, p_value, smooth, place, checked
    )


def spline(odds: Floats, knots: Floats) -> list[Floats]:
    """Return the columns of a restricted cubic spline: the log odds, and one for each inner knot.

    Linear beyond the outer knots; scaled by their squared distance. [Harrell 2015, eq. 2.25]
    """
    columns = [odds]
    if len(knots) < 3:
        return columns
    last, before = knots[-1], knots[-2]
    scale = (last - knots[0]) ** 2

    def cube(t: float) -> Floats:
        return np.maximum(odds - t, 0.0) ** 3

    for t in knots[:-2]:
        bend = cube(t) - cube(before) * (last - t) / (last - before)
        columns.append((bend + cube(last) * (before - t) / (last - before)) / scale)
    return columns


def _spline(odds: Floats, label: Floats, most: int) -> tuple[Floats, list[Floats], Any]:
    """The fit with the most knots, up to those asked for, that the data identify."""
    if not np.ptp(odds) > 1e-9:
        msg = f"probability must differ between rows: each of {len(odds):,} is the same"
        raise InvalidInputError(msg, argument="probability")
    distinct = len(np.unique(odds))
    for count in (*range(most, 2, -1), 0):
        place = np.unique(np.quantile(odds, _KNOTS[count])) if count else np.empty(0)
        if len(place) < count or (count and distinct <= count):
            continue
        columns = spline(odds, place)
        if not all(np.ptp(c) > 1e-9 for c in columns):
            continue
        fit = fit_map(columns, label)
        if fit["status"] == "converged":
            return place, columns, fit
    msg = "probability separates the classes: calibration cannot be told"
    raise InvalidInputError(msg, argument="probability")


def _linear(coef: Floats, columns: list[Floats]) -> Floats:
    eta = np.full(len(columns[0]), coef[0])
    for column, b in zip(columns, coef[1:], strict=True):
        eta += b * column
    return eta


def _drawn(
    odds: Floats,
    coef: Floats,
    covariance: Floats,
    knots: Floats,
    replicates: int,
    random_state: Any,
) -> tuple[Floats, Floats]:
    """The measures for drawn coefficients and drawn weights of rows, and at the estimate.

    Rows are merged to groups of like log odds; their weights are Dirichlet, the Bayesian bootstrap
    [Rubin 1981], for the rows are a sample too.
    """
    parts = np.array_split(np.sort(odds), min(_GROUPS, len(odds)))
    centre = np.array([float(part.mean()) for part in parts])
    rows = np.array([float(len(part)) for part in parts])
    columns = spline(centre, knots)
    rng = np.random.default_rng(as_seed(random_state))
    root = np.linalg.cholesky(covariance)
    normal = rng.standard_normal((replicates, len(coef)))
    weight = rng.standard_gamma(rows, (replicates, len(rows)))
    p = expit(centre)
    drawn = np.empty((replicates, 3))
    for r in range(replicates):
        moved = coef + (root * normal[r]).sum(axis=1)
        drawn[r] = _measures(np.abs(expit(_linear(moved, columns)) - p), weight[r])
    return drawn, _measures(np.abs(expit(_linear(coef, columns)) - p), rows)


def _measures(gap: Floats, weight: Floats) -> Floats:
    order = np.argsort(gap)
    reached = np.cumsum(weight[order])
    reached /= reached[-1]
    quantiles = gap[order][np.searchsorted(reached, [0.5, 0.9])]
    return np.array([float(np.sum(gap * weight) / np.sum(weight)), *quantiles])
