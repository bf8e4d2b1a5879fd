"""How well a score ranks by the effect of a contact: Qini curve, areas, uplift at the top."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, as_column, as_level
from tenure.churn._campaign import (
    as_customers,
    as_outcome,
    as_treated,
    difference,
    measured,
    require_finite,
)
from tenure.churn._measured import Measured
from tenure.churn._times import z_of
from tenure.churn.ranking import Difference


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UpliftCurve(Table):
    """What contacting the customers with the highest scores brought, by how many they are.

    Attributes
    ----------
    customers : float64 array of k + 1
        From 0 to all; customers of equal score go in together.
    threshold : float64 array of k + 1
        The lowest score among them; infinite for none.
    treated, control : float64 arrays of k + 1
        How many of them are in either arm.
    increment, lower, upper : float64 arrays of k + 1
        V: outcome of the treated less that of the controls, scaled by the arms' sizes. Limits are
        for each point by itself.
    baseline : float64 array of k + 1
        The same where customers are contacted in random order: a straight line.
    auuc, qini : float
        Area under the curve, and between it and the line, over the number of customers.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> curve = tn.churn.uplift_curve([4, 3, 2, 1], outcome=[1, 0, 0, 1], treated=[1, 0, 1, 0])
    >>> curve.customers.tolist(), curve.increment.tolist()
    ([0.0, 2.0, 3.0, 4.0], [0.0, 1.0, 1.0, 0.0])
    """

    customers: Floats
    threshold: Floats
    treated: Floats
    control: Floats
    increment: Floats
    lower: Floats
    upper: Floats
    baseline: Floats
    auuc: float
    qini: float
    level: float

    _column_names = (
        "customers", "threshold", "treated", "control", "increment", "lower", "upper", "baseline"
    )  # fmt: skip

    def _title(self) -> str:
        return f"Uplift curve, Qini {self.qini:.4g}, limits at {self.level:.0%}"

    def plot(self, ax: Any = None) -> Any:
        """Draw the Qini curve with its band over the line of a random order.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        share = self.customers / self.customers[-1]
        ax.plot(share, self.baseline, color=plotting.MUTED, linewidth=1.0, linestyle="--",
                label="random order")  # fmt: skip
        plotting.curve(share, self.increment, self.lower, self.upper, ax=ax, label="by the score")
        plotting.percent_ticks(ax.xaxis)
        plotting.number_ticks(ax.yaxis)
        ax.set(
            xlabel="Share of customers, highest scores first",
            ylabel="Outcome that the contacts brought",
            xlim=(0.0, 1.0),
        )
        ax.set_title(f"Qini {plotting.compact(self.qini)}", loc="left")
        plotting.legend_above(ax, 2)
        return ax


Arms = npt.NDArray[np.uint8]


def _read(uplift: Any, outcome: Any, treated: Any) -> tuple[Floats, Floats, Arms]:
    score: Floats = as_column(uplift, np.float64, "uplift")
    require_finite(score, "uplift")
    y = as_outcome(outcome, len(score), "uplift")
    return score, y, as_treated(treated, len(score), "uplift")


def uplift_curve(uplift: Any, outcome: Any, treated: Any, level: float = 0.95) -> UpliftCurve:
    """Return the uplift curve (Qini curve) of a score on a campaign with a control group.

    Parameters
    ----------
    uplift : array of n floats
        Any score: the higher, the sooner contacted. Predictions for customers that the model was
        fitted to flatter it: see `cross_fit_uplift`.
    outcome : array of n floats
        Responses, 0 or 1, or money.
    treated : array of n flags
        Who was contacted, at random.
    level : float, default 0.95

    Returns
    -------
    UpliftCurve

    Raises
    ------
    NoControlGroupError
        Unless both arms are there.
    InvalidInputError
        Names the row.

    Notes
    -----
    V(k) = Y_T(k) - Y_C(k) T(k) / C(k) among the k highest scores, Radcliffe (2007), Direct
    Marketing Analytics Journal 1:14-21. Until both arms are seen the curve is straight. O(n log n).

    Examples
    --------
    >>> import tenure as tn
    >>> curve = tn.churn.uplift_curve([2, 2, 1, 1], outcome=[1, 0, 0, 0], treated=[1, 0, 1, 0])
    >>> curve.increment.tolist(), curve.baseline.tolist(), curve.auuc
    ([0.0, 1.0, 1.0], [0.0, 0.5, 1.0], 0.75)
    """
    score, y, arms = _read(uplift, outcome, treated)
    z = z_of(as_level(level))
    points = _core.churn.uplift_points(score, arms, y)
    areas = _core.churn.uplift_area(score, arms, y)

    def from_none(column: Floats, at_none: float = 0.0) -> Floats:
        return np.concatenate(([at_none], column))

    customers = from_none(points["treated"] + points["control"])
    increment = from_none(points["increment"])
    half = z * np.sqrt(from_none(points["variance"]))
    return UpliftCurve(
        customers,
        from_none(points["threshold"], math.inf),
        from_none(points["treated"]),
        from_none(points["control"]),
        increment,
        increment - half,
        increment + half,
        increment[-1] * customers / customers[-1],
        areas["auuc"],
        areas["qini"],
        float(level),
    )


def _error(influence: Floats, customers: npt.NDArray[np.int32] | None) -> float:
    summed = influence if customers is None else np.bincount(customers, influence)
    return math.sqrt(float(np.sum(summed**2)))


def qini(
    uplift: Any, outcome: Any, treated: Any, *, groups: Any = None, level: float = 0.95
) -> Measured:
    """Return the Qini coefficient: the area between the uplift curve and a random order's.

    Parameters
    ----------
    uplift, outcome, treated : arrays of n
        As in `uplift_curve`.
    groups : array of n labels, optional
        The customer of each row, where one has several: their rows are not independent.
    level : float, default 0.95

    Returns
    -------
    Measured
        In units of the outcome: how much more the campaign brings, on average over all sizes it
        could have had, by contacting in the order of the score.

    Notes
    -----
    Area between the curve (k, V(k)) and the line from (0, 0) to (n, V(n)), over n; not normalised.
    Limits from the influence of each row, docs/methods/uplift.md. O(n log n).

    Examples
    --------
    >>> import tenure as tn
    >>> tn.churn.qini([2, 2, 1, 1], outcome=[1, 0, 0, 0], treated=[1, 0, 1, 0]).value
    0.25
    """
    score, y, arms = _read(uplift, outcome, treated)
    customers = as_customers(groups, len(score), "uplift")
    found = _core.churn.uplift_area(score, arms, y)
    error = _error(found["qini_influence"], customers)
    return measured(found["qini"], error, as_level(level), "Qini coefficient")


def auuc(
    uplift: Any, outcome: Any, treated: Any, *, groups: Any = None, level: float = 0.95
) -> Measured:
    """Return the area under the uplift curve.

    Parameters
    ----------
    uplift, outcome, treated, groups, level
        As in `qini`.

    Returns
    -------
    Measured
        In units of the outcome.

    Notes
    -----
    Area under the curve (k, V(k)) over n; not normalised. O(n log n).

    Examples
    --------
    >>> import tenure as tn
    >>> tn.churn.auuc([2, 2, 1, 1], outcome=[1, 0, 0, 0], treated=[1, 0, 1, 0]).value
    0.75
    """
    score, y, arms = _read(uplift, outcome, treated)
    customers = as_customers(groups, len(score), "uplift")
    found = _core.churn.uplift_area(score, arms, y)
    error = _error(found["auuc_influence"], customers)
    return measured(found["auuc"], error, as_level(level), "Area under the uplift curve")


def compare_qini(
    first: Any,
    second: Any,
    outcome: Any,
    treated: Any,
    *,
    groups: Any = None,
    level: float = 0.95,
) -> Difference:
    """Compare the Qini coefficients of two scores of the same customers.

    Parameters
    ----------
    first, second : arrays of n floats
    outcome, treated, groups, level
        As in `qini`.

    Returns
    -------
    Difference
        Paired: both scores rank the same rows.

    Examples
    --------
    >>> import tenure as tn
    >>> d = tn.churn.compare_qini([4, 3, 2, 1], [1, 2, 3, 4], [1, 0, 0, 1], [1, 0, 1, 0])
    >>> d.first, d.second
    (0.625, -0.5)
    """
    a, y, arms = _read(first, outcome, treated)
    b, _, _ = _read(second, outcome, treated)
    customers = as_customers(groups, len(a), "first")
    one, other = (_core.churn.uplift_area(score, arms, y) for score in (a, b))
    error = _error(one["qini_influence"] - other["qini_influence"], customers)
    return difference(one["qini"], other["qini"], error, as_level(level), "Two Qini coefficients")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UpliftAtTop(Table):
    """The effect of the contact on the customers with the highest scores.

    Attributes
    ----------
    share : float64 array of k
        As asked.
    customers, treated, control : float64 arrays of k
        All who score as high as the last of that share, hence more where scores are equal.
    uplift, standard_error, lower, upper : float64 arrays of k
        Mean outcome of the treated less that of the controls.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> top = tn.churn.uplift_at(
    ...     [3, 3, 3, 3, 1, 0],
    ...     outcome=[1, 0, 1, 0, 0, 1],
    ...     treated=[1, 0, 1, 0, 1, 0],
    ...     share=[0.5, 1.0],
    ... )
    >>> top.customers.tolist(), top.uplift.round(3).tolist()
    ([4.0, 6.0], [1.0, 0.333])
    """

    share: Floats
    customers: Floats
    treated: Floats
    control: Floats
    uplift: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    level: float

    _column_names = (
        "share", "customers", "treated", "control", "uplift", "standard_error", "lower", "upper"
    )  # fmt: skip

    def _title(self) -> str:
        return f"Uplift at the top, limits at {self.level:.0%}"


def uplift_at(
    uplift: Any,
    outcome: Any,
    treated: Any,
    share: Sequence[float] = (0.1, 0.2, 0.3, 0.5, 1.0),
    level: float = 0.95,
) -> UpliftAtTop:
    """Return the effect of the contact on the customers with the highest scores: uplift at k.

    Parameters
    ----------
    uplift, outcome, treated : arrays of n
        As in `uplift_curve`.
    share : sequence of floats in (0, 1]
        Of all customers. Who scores as high as the last one counted goes in too.
    level : float, default 0.95

    Returns
    -------
    UpliftAtTop

    Raises
    ------
    InvalidInputError
        Also where a share holds fewer than two customers of an arm: there is no spread to see.

    Notes
    -----
    Limits are normal, with the variances of both arms (Welch).

    Examples
    --------
    >>> import tenure as tn
    >>> tn.churn.uplift_at([1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 1, 0], share=[1.0]).uplift.tolist()
    [0.5]
    """
    score, y, arms = _read(uplift, outcome, treated)
    z = z_of(as_level(level))
    wanted: Floats = as_column(np.atleast_1d(np.asarray(share)), np.float64, "share")
    outside = np.flatnonzero(~((wanted > 0.0) & (wanted <= 1.0)))
    if outside.size:
        row = int(outside[0])
        msg = f"share[{row}] must be above 0 and at most 1, got {wanted[row]:g}"
        raise InvalidInputError(msg, argument="share", row=row, value=float(wanted[row]))
    descending = -np.sort(-score)
    rows = []
    for k, part in enumerate(wanted):
        last = max(math.ceil(part * len(score) - 1e-9), 1) - 1
        top = score >= descending[last]
        t, c = y[top & (arms == 1)], y[top & (arms == 0)]
        if min(len(t), len(c)) < 2:
            msg = (
                f"share[{k}] of {part:g} holds {len(t)} treated customers and {len(c)} controls; "
                "both must be at least 2"
            )
            raise InvalidInputError(msg, argument="share", row=k, value=float(part))
        error = math.sqrt(t.var(ddof=1) / len(t) + c.var(ddof=1) / len(c))
        rows.append((len(t) + len(c), len(t), len(c), t.mean() - c.mean(), error))
    customers, n_t, n_c, effect, error_ = (
        np.array(v, dtype=np.float64) for v in zip(*rows, strict=True)
    )
    return UpliftAtTop(
        wanted, customers, n_t, n_c, effect, error_, effect - z * error_, effect + z * error_,
        float(level),
    )  # fmt: skip
