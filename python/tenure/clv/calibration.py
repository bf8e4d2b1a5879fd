"""Do a model's predictive intervals hold what they promise? Coverage and PIT on a hold-out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._intervals import wilson
from tenure._results import Table
from tenure._validation import Floats, Ints, as_count, as_level, as_seed
from tenure.clv import _holdout
from tenure.clv._transaction import TransactionModel

_LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Calibration(Table):
    """Predictive intervals of each customer's orders against the orders that came.

    Attributes
    ----------
    level : float64 array of k
        Nominal levels of the equal-tailed intervals.
    expected : float64 array
        Share of customers that the intervals hold if the model is right: counts are whole, so that
        it is never below the nominal level, and often far above.
    observed, lower, upper : float64 arrays
        Share that they did hold, with Wilson limits at `confidence`.
    width : float64 array
        Mean of upper - lower limit of the intervals, in orders.
    pit_edges, pit_density : float64 arrays
        Histogram of the probability integral transform; 1 everywhere if the model is right.
    pit_low, pit_high : float64 arrays of n customers
        P(X < y) and P(X <= y): between them lies the transform of the customer.
    customer : array of n ids
    lower_limit, upper_limit : int64 arrays of shape (k, n)
        The intervals of each customer.
    confidence, horizon, unit, name
        Of the Wilson limits; of the hold-out; of the model.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> holdout = log.calibration_holdout("1997-09-30")
    >>> model = tn.clv.ParetoNBD().fit(holdout.calibration)
    >>> checked = tn.clv.calibration(model, holdout, levels=[0.9])
    >>> checked.pit_density.round(2).tolist()
    [0.91, 0.9, 0.94, 0.94, 0.95, 0.95, 0.98, 1.01, 1.06, 1.36]
    """

    level: Floats
    expected: Floats
    observed: Floats
    lower: Floats
    upper: Floats
    width: Floats
    pit_edges: Floats
    pit_density: Floats
    pit_low: Floats
    pit_high: Floats
    customer: Any
    lower_limit: Ints
    upper_limit: Ints
    confidence: float
    horizon: float
    unit: str
    name: str

    _column_names = ("level", "expected", "observed", "lower", "upper", "width")

    def __len__(self) -> int:
        return len(self.level)

    def _title(self) -> str:
        return (
            f"{self.name}: predictive intervals of {len(self.pit_low):,} customers over "
            f"{self.horizon:g} {self.unit}s"
        )

    def randomised_pit(self, random_state: Any = None) -> Floats:
        """Return one draw of each customer's transform, uniform on (0, 1) if the model is right.

        Parameters
        ----------
        random_state : int or Generator, optional

        Returns
        -------
        float64 array of n
            P(X < y) + v P(X = y) with v uniform. `pit_density` is the mean over all draws.
        """
        v = np.random.default_rng(as_seed(random_state)).random(len(self.pit_low))
        drawn: Floats = self.pit_low + v * (self.pit_high - self.pit_low)
        return drawn

    def plot(self, ax: Any = None) -> Any:
        """Draw the PIT histogram against the uniform density; return the Axes.

        Falling from the left: fewer orders came than the model expected. A U: forecasts are too
        narrow. A hump: too wide.
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        width = np.diff(self.pit_edges)
        ax.bar(
            self.pit_edges[:-1],
            self.pit_density,
            width,
            align="edge",
            color=plotting.SOFT,
            edgecolor=plotting.ON_ACCENT,
        )
        ax.axhline(1.0, color=plotting.ACCENT, linewidth=1.4)
        ax.set_xlim(0.0, 1.0)
        ax.set(xlabel="probability integral transform", ylabel="density")
        return ax

    def plot_coverage(self, ax: Any = None) -> Any:
        """Draw observed coverage, with its limits, over the expected one; return the Axes.

        Each point carries its nominal level; below the line the intervals are too narrow.
        """
        from tenure import plotting

        ax = plotting.axes(ax, (4.6, 4.2))
        low = min(float(self.expected.min()), float(self.lower.min()))
        ends = [low - 0.02 * (1.0 - low), 1.0]
        ax.plot(ends, ends, color=plotting.MUTED, linewidth=0.8)
        ax.vlines(self.expected, self.lower, self.upper, color=plotting.ACCENT, linewidth=1.6)
        ax.plot(self.expected, self.observed, "o", color=plotting.ACCENT, markersize=5)
        for level, x, y in zip(self.level, self.expected, self.observed, strict=True):
            ax.annotate(
                f"{100 * level:g} %",
                (x, y),
                xytext=(6, -3),
                textcoords="offset points",
                va="top",
                fontsize=9,
                color=plotting.MUTED,
            )
        plotting.percent_ticks(ax.xaxis)
        plotting.percent_ticks(ax.yaxis)
        ax.set(xlabel="share expected within the interval", ylabel="share observed within it")
        return ax


def calibration(
    model: TransactionModel,
    calibration_holdout: Any,
    *,
    levels: Sequence[float] = _LEVELS,
    bins: int = 10,
    confidence: float = 0.95,
    data: Any = None,
) -> Calibration:
    """Check the predictive distributions of a fitted model on a hold-out.

    Parameters
    ----------
    model : fitted model of repeat purchases
        Fitted to ``calibration_holdout.calibration``.
    calibration_holdout : CalibrationHoldout
        Made by ``log.calibration_holdout``.
    levels : list of floats, default (0.5, 0.8, 0.9, 0.95, 0.99)
        Nominal levels of the intervals, ascending.
    bins : int, default 10
        Of the PIT histogram.
    confidence : float, default 0.95
        Confidence level of the limits of the observed coverage.
    data : Summary or data frame, optional
        What the model reads in place of ``calibration_holdout.calibration``: the same customers in
        the same order, with further columns such as covariates.

    Returns
    -------
    Calibration

    Raises
    ------
    InvalidInputError
        Names the argument and the rule.

    Notes
    -----
    Czado, Gneiting & Held (2009), Predictive model assessment for count data, Biometrics
    65:1254-1261: the histogram is their eq. 1 and 2. The intervals take the parameters as known.
    docs/methods/model_comparison.md.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> holdout = log.calibration_holdout("1997-09-30")
    >>> model = tn.clv.BGNBD().fit(holdout.calibration)
    >>> tn.clv.calibration(model, holdout, levels=[0.8, 0.95])
    BGNBD: predictive intervals of 2,357 customers over 39 weeks
    level  expected  observed     lower     upper    width
      0.8  0.944013  0.928299  0.917172  0.938032  2.02461
     0.95  0.984246  0.971998  0.964531  0.977929  3.61349
    """
    if not isinstance(model, TransactionModel):
        msg = f"model must be a model of repeat purchases, got {type(model).__name__}"
        raise InvalidInputError(msg, argument="model")
    if not _holdout.gives_counts(model):
        msg = f"{type(model).__name__} has no distribution of purchases given the history"
        raise InvalidInputError(msg, argument="model")
    model._require_fitted()
    holdout = _holdout.as_holdout(calibration_holdout)
    asked = _ascending(levels)
    as_level(confidence, "confidence")
    edges = np.linspace(0.0, 1.0, as_count(bins, "bins", at_least=1) + 1)

    got = _holdout.forecast(model, holdout, asked, data)
    actual = holdout.orders_holdout
    held = ((got.lower <= actual) & (actual <= got.upper)).sum(axis=1)
    n = len(holdout)
    lower, upper = wilson(held, float(n), float(confidence))
    high = np.minimum(got.below + got.probability, 1.0)
    return Calibration(
        level=np.array(asked),
        expected=got.inside.mean(axis=1),
        observed=held / n,
        lower=lower,
        upper=upper,
        width=(got.upper - got.lower).mean(axis=1),
        pit_edges=edges,
        pit_density=np.diff(_mean_pit(got.below, high, edges)) / np.diff(edges),
        pit_low=got.below,
        pit_high=high,
        customer=holdout.calibration.customer,
        lower_limit=got.lower,
        upper_limit=got.upper,
        confidence=float(confidence),
        horizon=holdout.duration,
        unit=holdout.calibration.unit,
        name=type(model).__name__,
    )


def _ascending(levels: Any) -> tuple[float, ...]:
    if isinstance(levels, (str, bytes)) or not hasattr(levels, "__iter__"):
        msg = f"levels must be a list of numbers, got {levels!r}"
        raise InvalidInputError(msg, argument="levels", value=levels)
    asked = tuple(as_level(v, f"levels[{i}]") for i, v in enumerate(levels))
    if not asked or any(b <= a for a, b in itertools.pairwise(asked)):
        msg = f"levels must be ascending and at least one, got {list(levels)!r}"
        raise InvalidInputError(msg, argument="levels", value=levels)
    return asked


def _mean_pit(low: Floats, high: Floats, at: Floats) -> Floats:
    """Mean over customers of the distribution function of a uniform on [low, high]."""
    span = high - low
    safe = np.where(span > 0.0, span, 1.0)
    return np.array(
        [
            np.where(span > 0.0, np.clip((u - low) / safe, 0.0, 1.0), high <= u).mean()
            for u in at.tolist()
        ]
    )
