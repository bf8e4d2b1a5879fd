"""What a score is worth: profit of a retention campaign, the best threshold, H-measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, as_column, as_number
from tenure.churn.ranking import _read


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ProfitCurve(Table):
    """Profit of contacting everybody who scores at least a threshold.

    Attributes
    ----------
    threshold : float64 array of k + 1
        Distinct scores, descending, behind an infinite one: contact nobody.
    share : float64 array of k + 1
        Of customers contacted.
    profit : float64 array of k + 1
        A customer of the whole base, in the unit of the values.
    best : int
        Position of the largest profit.

    Examples
    --------
    >>> import tenure as tn
    >>> curve = tn.churn.profit_curve(
    ...     [1, 0, 1, 0, 0], [0.9, 0.8, 0.7, 0.2, 0.1], value=200, accept=0.3, offer=10, contact=1
    ... )
    >>> float(curve.threshold[curve.best]), round(float(curve.profit[curve.best]), 2)
    (0.7, 20.2)
    """

    threshold: Floats
    share: Floats
    profit: Floats
    best: int

    _column_names = ("threshold", "share", "profit")

    def _title(self) -> str:
        return (
            f"Profit of a campaign: at best {self.profit[self.best]:.4g} a customer, from a score "
            f"of {self.threshold[self.best]:.4g} on ({self.share[self.best]:.1%} of customers)"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the profit by the share of customers contacted.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        ax.axhline(0.0, color=plotting.LINE, linewidth=1.0)
        ax.plot(self.share, self.profit, color=plotting.ACCENT)
        ax.plot(self.share[self.best], self.profit[self.best], "o", color=plotting.PALETTE[3])
        ax.set(
            xlabel="Share of customers contacted, highest scores first",
            ylabel="Profit a customer",
            xlim=(0.0, 1.0),
        )
        return ax


def profit_curve(
    churned: Any, score: Any, *, value: Any, accept: float, offer: float, contact: float
) -> ProfitCurve:
    """Return the profit of contacting everybody above each threshold.

    A churner who is contacted accepts with a fixed chance and then stays; one who would have stayed
    accepts always. Who accepts gets the offer; everybody contacted costs the contact.

    Parameters
    ----------
    churned : array of n flags
    score : array of n floats
    value : float or array of n floats
        What a customer is worth who stays, > 0.
    accept : float
        Chance in [0, 1] that a churner accepts.
    offer, contact : float
        Cost of the offer and of the contact, >= 0.

    Returns
    -------
    ProfitCurve

    Notes
    -----
    Neslin et al. (2006), Journal of Marketing Research 43:204-211. The best threshold of the data
    at hand flatters itself: choose it on other data than it is judged by.

    Examples
    --------
    >>> import tenure as tn
    >>> curve = tn.churn.profit_curve([1, 0], [0.9, 0.1], value=100, accept=1, offer=0, contact=1)
    >>> curve.profit.tolist(), curve.share.tolist()
    ([0.0, 49.5, 49.0], [0.0, 0.5, 1.0])
    """
    label, values = _read(churned, score)
    chance = as_number(accept, "accept", at_least=0.0, at_most=1.0)
    gift = as_number(offer, "offer", at_least=0.0)
    call = as_number(contact, "contact", at_least=0.0)
    many = np.ndim(value) > 0
    worth = as_column(value if many else [value], np.float64, "value")
    bad = np.flatnonzero(~((worth > 0.0) & np.isfinite(worth)))
    if bad.size:
        row = int(bad[0])
        msg = f"value[{row}] must be finite and > 0, got {worth[row]:g}"
        raise InvalidInputError(msg, argument="value", row=row, value=float(worth[row]))
    if many and len(worth) != len(values):
        msg = f"value has {len(worth)} rows and churned has {len(values)}"
        raise InvalidInputError(msg, argument="value")
    threshold, positives, negatives = _core.churn.roc_points(values, label, None)
    saved = positives * worth[0]
    if many:
        _, saved, _ = _core.churn.roc_points(values, label, worth)
    cost = positives * (chance * gift + call) + negatives * (gift + call)
    profit = np.concatenate(([0.0], chance * saved - cost)) / len(values)
    share = np.concatenate(([0.0], positives + negatives)) / len(values)
    best = int(np.argmax(profit))
    return ProfitCurve(np.concatenate(([np.inf], threshold)), share, profit, best)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MaximumProfit(Table):
    """Expected maximum profit of a retention campaign, and how many to contact for it.

    Attributes
    ----------
    profit : float
        EMPC: a customer of the base, averaged over the acceptance rate, each time at its best
        threshold.
    share : float
        Customers to contact, averaged alike.
    at_mean : float
        MPC: the largest profit at the mean acceptance rate.

    Examples
    --------
    >>> import tenure as tn
    >>> m = tn.churn.expected_maximum_profit([1, 0, 1, 0], [0.9, 0.3, 0.6, 0.7])
    >>> round(m.profit, 2), round(m.share, 2)
    (25.25, 0.75)
    """

    profit: float
    share: float
    at_mean: float

    def _columns(self) -> Mapping[str, Any]:
        return {name: [getattr(self, name)] for name in ("profit", "share", "at_mean")}

    def _title(self) -> str:
        return "Expected maximum profit a customer"


def expected_maximum_profit(
    churned: Any,
    score: Any,
    *,
    value: float = 200.0,
    offer: float = 10.0,
    contact: float = 1.0,
    accept: tuple[float, float] = (6.0, 14.0),
) -> MaximumProfit:
    """Return the expected maximum profit for customer churn, EMPC.

    The profit of a campaign that contacts whoever scores above the best threshold, where the chance
    that a churner accepts is uncertain: beta distributed.

    Parameters
    ----------
    churned : array of n flags
    score : array of n floats
    value : float, default 200
        What a customer is worth who stays, > 0.
    offer, contact : float, default 10 and 1
        Cost of the offer, less than the value, and of the contact, >= 0.
    accept : (float, float), default (6, 14)
        Parameters of the beta distribution of the chance to accept.

    Returns
    -------
    MaximumProfit

    Notes
    -----
    Verbraken, Verbeke & Baesens (2013), IEEE Transactions on Knowledge and Data Engineering
    25:961-973, eq. 20-24: the best threshold moves along the convex hull of the ROC curve. Exact up
    to the incomplete beta function; O(n log n).

    Examples
    --------
    >>> import tenure as tn
    >>> m = tn.churn.expected_maximum_profit(
    ...     [0, 1, 0, 1, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9]
    ... )
    >>> round(m.profit, 6), round(m.at_mean, 3)
    (23.875593, 23.875)
    """
    label, values = _read(churned, score)
    worth = as_number(value, "value", above=0.0)
    gift = as_number(offer, "offer", at_least=0.0, below=worth)
    call = as_number(contact, "contact", at_least=0.0)
    a, b = (as_number(v, f"accept[{i}]", above=0.0) for i, v in enumerate(accept))
    churners, stayers = _hull(values, label)
    # Profit at a corner: gained times the chance to accept, less what is spent.
    gained = (worth - gift) * churners
    spent = call * churners + (gift + call) * stayers
    profit, share = _over_beta(gained, spent, churners + stayers, a, b)
    at_mean = float(np.max(gained * (a / (a + b)) - spent))
    return MaximumProfit(profit, share, at_mean)


def h_measure(churned: Any, score: Any, *, severity: tuple[float, float] | None = None) -> float:
    """Return the H-measure: the share of the loss of a score that knows nothing that is avoided.

    Parameters
    ----------
    churned : array of n flags
    score : array of n floats
    severity : (float, float), optional
        Parameters of the beta distribution of c, the cost of a false alarm in terms of both
        costs together. Default: (1 + share of churners, 1 + share of others).

    Returns
    -------
    float
        From 0 to 1.

    Notes
    -----
    Hand (2009), Machine Learning 77:103-123; the default of Hand & Anagnostopoulos (2014), Pattern
    Recognition Letters 40:41-46. The AUC weighs the costs by the score itself, so that two scores
    are measured with two rulers; here the ruler is given.

    Examples
    --------
    >>> import tenure as tn
    >>> round(tn.churn.h_measure([0, 1, 0, 1], [0.1, 0.4, 0.35, 0.8]), 3)
    1.0
    """
    label, values = _read(churned, score)
    share = float(np.mean(label))
    a, b = (1.0 + share, 1.0 + (1.0 - share)) if severity is None else severity
    a, b = as_number(a, "severity[0]", above=0.0), as_number(b, "severity[1]", above=0.0)
    churners, stayers = _hull(values, label)
    # Loss at cost c: c * false alarms + (1 - c) * missed churners. In terms of profit, over nobody
    # contacted: (1 - c) * churners - c * stayers, a line in 1 - c.
    avoided, _ = _over_beta(churners + stayers, stayers, churners, b, a)
    ends = np.array([0, -1])
    trivial, _ = _over_beta((churners + stayers)[ends], stayers[ends], churners[ends], b, a)
    nobody = share * (b / (a + b))  # the mean of (1 - c) times all churners
    return float((avoided - trivial) / (nobody - trivial))


def _hull(values: Floats, label: Any) -> tuple[Floats, Floats]:
    """Shares of all customers that are churners, and others, above the corners of the hull."""
    _, positives, negatives = _core.churn.roc_points(values, label, None)
    corner = _core.churn.roc_hull(positives, negatives) + 1
    n = len(values)
    return tuple(np.concatenate(([0.0], c))[corner] / n for c in (positives, negatives))  # type: ignore[return-value]


def _over_beta(
    gained: Floats, spent: Floats, share: Floats, a: float, b: float
) -> tuple[float, float]:
    """Mean over t ~ beta(a, b) of the largest gained * t - spent of all corners, and of its share.

    Gains ascend, so that each corner is best on one interval of t, between its crossings with its
    neighbours.
    """
    rise = np.diff(gained)
    with np.errstate(divide="ignore", invalid="ignore"):
        cross = np.where(rise > 0.0, np.diff(spent) / rise, np.inf)
    # Corners without churners beyond those before are never best.
    cross = np.clip(np.maximum.accumulate(cross), 0.0, 1.0)
    edge = np.concatenate(([0.0], cross, [1.0]))
    mass = np.diff(_core.special.incomplete_beta(*_columns(a, b, edge)))
    first = np.diff(_core.special.incomplete_beta(*_columns(a + 1.0, b, edge))) * (a / (a + b))
    return float(gained @ first - spent @ mass), float(share @ mass)


def _columns(a: float, b: float, x: Floats) -> tuple[Floats, Floats, Floats]:
    return np.full(len(x), a), np.full(len(x), b), x
