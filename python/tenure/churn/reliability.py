"""Whether probabilities are what they say: logistic recalibration and the reliability diagram."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, as_replicates, as_seed, as_threads
from tenure.churn._limits import level_and_z
from tenure.churn._probabilities import (
    covariance_of,
    expit,
    fit_map,
    log_odds,
    read,
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CalibrationSlope(Table):
    """Logistic recalibration: how steep and how high probabilities are.

    Attributes
    ----------
    name : tuple of str
        ``"slope"``, ``"intercept"`` (beside that slope) and ``"in the large"`` (the intercept
        where the slope is 1). A calibrated model has 1, 0 and 0; a slope below 1 says that the
        probabilities are too extreme, an intercept in the large below 0 that they are too high.
    value, standard_error, lower, upper : float64 arrays of 3
    statistic, p_value : float
        Wald test of slope 1 and intercept 0 at once, two degrees of freedom.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> p, y = [0.1, 0.2, 0.3, 0.6, 0.7, 0.9], [0, 1, 0, 0, 1, 1]
    >>> c = tn.churn.calibration_slope(y, p)
    >>> round(c.slope, 2), round(c.intercept, 2), c.p_value > 0.5
    (0.78, 0.15, True)
    """

    name: tuple[str, ...]
    value: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    statistic: float
    p_value: float
    level: float

    _column_names = ("name", "value", "standard_error", "lower", "upper")

    @property
    def slope(self) -> float:
        """The slope by the log odds."""
        return float(self.value[0])

    @property
    def intercept(self) -> float:
        """The intercept beside the slope."""
        return float(self.value[1])

    @property
    def in_the_large(self) -> float:
        """The intercept where the slope is 1."""
        return float(self.value[2])

    def _title(self) -> str:
        return (
            f"Logistic recalibration, limits at {self.level:.0%}; test of calibration "
            f"p = {self.p_value:.2g}"
        )


def calibration_slope(
    churned: Any, probability: Any, *, groups: Any = None, level: float = 0.95
) -> CalibrationSlope:
    """Return slope and intercept of outcomes by the log odds of their probabilities.

    Parameters
    ----------
    churned : array of n flags
    probability : array of n floats in [0, 1]
        Log odds are those of probabilities kept within [1e-6, 1 - 1e-6].
    groups : array of n ids, optional
        Rows of one customer: errors are then robust to their likeness.
    level : float, default 0.95
        Of the Wald limits.

    Returns
    -------
    CalibrationSlope

    Raises
    ------
    InvalidInputError
        Names the row; also unless both classes are there, where all probabilities are equal, and
        where every churner has a higher one than every other customer.

    Notes
    -----
    Cox (1958), Biometrika 45:562-565; the three numbers as in Miller, Hui & Tierney (1991),
    Statistics in Medicine 10:1213-1226. Newton, O(n) a step.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> p = np.repeat([0.2, 0.8], 10)
    >>> y = np.tile([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], 2) ^ (p > 0.5)
    >>> c = tn.churn.calibration_slope(y, p)
    >>> abs(c.slope - 1) < 1e-9, abs(c.in_the_large) < 1e-9
    (True, True)
    """
    label, p, of = read(churned, probability, groups)
    checked, z = level_and_z(level)
    odds = log_odds(p)
    if not np.ptp(odds) > 1e-9:
        msg = f"probability must differ between rows: each of {len(p):,} is {p[0]:g}"
        raise InvalidInputError(msg, argument="probability")
    both = fit_map([odds], label)
    if both["status"] != "converged":
        msg = (
            "probability separates the classes: the slope is infinite, and calibration cannot be "
            "told"
        )
        raise InvalidInputError(msg, argument="probability")
    large = fit_map([], label, offset=odds)
    ones = np.ones(len(p))
    a, b = both["coef"]
    covariance = covariance_of(both, [ones, odds], label - expit(a + b * odds), of)
    shift = float(large["coef"][0])
    in_large = covariance_of(large, [ones], label - expit(shift + odds), of)
    value = np.array([b, a, shift])
    error = np.sqrt([covariance[1, 1], covariance[0, 0], in_large[0, 0]])
    statistic = quadratic(np.array([a, b - 1.0]), covariance)
    return CalibrationSlope(
        ("slope", "intercept", "in the large"),
        value,
        error,
        value - z * error,
        value + z * error,
        statistic,
        math.exp(-0.5 * statistic),  # the chi-square of two degrees of freedom
        checked,
    )


def quadratic(x: Floats, covariance: Floats) -> float:
    """Return x' covariance^-1 x."""
    return float(np.sum(x * np.linalg.solve(covariance, x)))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Reliability(Table):
    """A reliability diagram without bins to choose: the steps of isotonic regression.

    Attributes
    ----------
    first, last : float64 arrays of k
        Lowest and highest probability of a step.
    rate : float64 array of k
        Share of its rows that churned.
    customers : float64 array of k
    at, band_lower, band_upper : float64 arrays
        Where the steps of calibrated probabilities would lie, at the given probabilities: outside
        of the band they are not what they say.
    brier, miscalibration, discrimination, uncertainty : float
        ``brier = miscalibration - discrimination + uncertainty``, none of them negative.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> r = tn.churn.reliability([0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.7, 0.9])
    >>> r.rate.tolist(), r.first.tolist()
    ([0.0, 0.5, 1.0], [0.1, 0.3, 0.7])
    """

    first: Floats
    last: Floats
    rate: Floats
    customers: Floats
    at: Floats
    band_lower: Floats
    band_upper: Floats
    brier: float
    miscalibration: float
    discrimination: float
    uncertainty: float
    level: float
    _histogram: Floats

    _column_names = ("first", "last", "rate", "customers")

    def _title(self) -> str:
        return (
            f"Reliability: Brier score {self.brier:.4g} = {self.miscalibration:.4g} "
            f"miscalibration - {self.discrimination:.4g} discrimination + "
            f"{self.uncertainty:.4g} uncertainty"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the steps over the diagonal and its band, with a histogram of the probabilities.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax, figsize=(4.8, 4.8))
        tall = self._histogram / self._histogram.max() * 0.12
        edges = np.linspace(0.0, 1.0, len(tall) + 1)
        ax.bar(edges[:-1], tall, width=np.diff(edges), align="edge", color=plotting.LINE)
        if len(self.at):
            ax.fill_between(
                self.at,
                self.band_lower,
                self.band_upper,
                color=plotting.ACCENT,
                alpha=0.16,
                linewidth=0,
                label=f"{self.level:.0%} of calibrated models",
            )
        ax.plot([0.0, 1.0], [0.0, 1.0], color=plotting.MUTED, linewidth=0.9)
        x = np.stack([self.first, self.last], axis=1).ravel()
        ax.plot(x, np.repeat(self.rate, 2), color=plotting.PALETTE[3], linewidth=1.8)
        ax.set(
            xlabel="Probability",
            ylabel="Share that churned",
            xlim=(0.0, 1.0),
            ylim=(0.0, 1.0),
            aspect="equal",
        )
        plotting.percent_ticks(ax.xaxis)
        plotting.percent_ticks(ax.yaxis)
        if len(self.at):
            ax.legend(loc="upper left", frameon=False)
        return ax


_PLACES = 200


def reliability(
    churned: Any,
    probability: Any,
    *,
    level: float = 0.95,
    n_bootstrap: int = 500,
    random_state: Any = 0,
    n_threads: int | None = None,
) -> Reliability:
    """Return a reliability diagram: how often churn happened, by how likely it was said to be.

    Parameters
    ----------
    churned : array of n flags
    probability : array of n floats in [0, 1]
    level : float, default 0.95
        Of the band, probability by probability.
    n_bootstrap : int, default 500
        Draws of outcomes from the probabilities, for the band; 0 for none.
    random_state : int, None or numpy.random.Generator
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    Reliability

    Raises
    ------
    InvalidInputError
        Names the row; also unless both classes are there.

    Notes
    -----
    CORP: Dimitriadis, Gneiting & Jordan (2021), PNAS 118:e2016191118. The steps are those of
    isotonic regression, so that there are no bins to choose; the band is where they lie for
    outcomes drawn from the probabilities (rows as independent). O(n log n) and O(n) a draw.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> p = rng.random(2000)
    >>> r = tn.churn.reliability(rng.random(2000) < p, p)
    >>> r.miscalibration < 0.02 < r.discrimination
    True
    """
    label, p, _ = read(churned, probability)
    checked, _ = level_and_z(level)
    replicates = as_replicates(n_bootstrap)
    first, last, rate, customers = _core.churn.isotonic(p, label, None)
    base = float(label.mean())
    brier = float(np.mean((p - label) ** 2))
    fitted = np.sum(customers * rate * (1.0 - rate)) / len(p)  # the score of the steps themselves
    uncertainty = base * (1.0 - base)
    at = lower = upper = np.empty(0)
    if replicates:
        places = np.quantile(p, np.linspace(0.0, 1.0, _PLACES), method="nearest")
        at = np.unique(places)
        drawn = _core.churn.isotonic_consistency(
            p, at, replicates, as_seed(random_state), as_threads(n_threads)
        ).reshape(replicates, len(at))
        tail = 0.5 * (1.0 - checked)
        lower, upper = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
    return Reliability(
        first,
        last,
        rate,
        customers,
        at,
        lower,
        upper,
        brier,
        float(brier - fitted),
        float(uncertainty - fitted),
        uncertainty,
        checked,
        np.histogram(p, bins=50, range=(0.0, 1.0))[0].astype(np.float64),
    )
