"""How well a score ranks who churns: ROC and precision-recall curves, gains and lift."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._intervals import wilson
from tenure._results import Table
from tenure._validation import Floats, as_column, as_flags, as_level
from tenure.churn._limits import chance_limits, level_and_z, logit_limits
from tenure.churn._measured import Measured


def _read(churned: Any, score: Any) -> tuple[Any, Floats]:
    label = as_flags(churned, "churned")
    values: Floats = as_column(score, np.float64, "score")
    if len(label) != len(values):
        msg = f"score has {len(values)} rows and churned has {len(label)}"
        raise InvalidInputError(msg, argument="score")
    positives = int(label.sum())
    if positives in (0, len(label)):
        what = "nobody" if positives == 0 else "everybody"
        msg = f"churned must hold both 0 and 1: {what} of {len(label):,} churned"
        raise InvalidInputError(msg, argument="churned")
    return label, values


def roc_auc(churned: Any, score: Any, level: float = 0.95) -> Measured:
    """Return the area under the ROC curve: the chance that a churner scores above one who stays.

    Parameters
    ----------
    churned : array of n flags
    score : array of n floats
        The higher, the more likely to churn. Ties count half.
    level : float, default 0.95
        Of the confidence limits, which are symmetric in the log odds.

    Returns
    -------
    Measured

    Raises
    ------
    InvalidInputError
        Names the row; also unless both classes are there.

    Notes
    -----
    O(n log n). Standard error by DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44:837-845.
    Where the classes do not overlap it is 0 and tells nothing; the limit then is that of min(m, n)
    disjoint pairs that were all ranked alike.

    Examples
    --------
    >>> import tenure as tn
    >>> tn.churn.roc_auc([0, 1, 0, 1], [0.1, 0.4, 0.35, 0.8]).value
    1.0
    """
    label, values = _read(churned, score)
    checked, z = level_and_z(level)
    auc, spread = _delong(label, _core.churn.roc_placements(values, label)[:, None])
    return _limited(float(auc[0]), math.sqrt(spread[0, 0]), label, checked, z)


def _limited(auc: float, error: float, label: Any, level: float, z: float) -> Measured:
    pairs = min(int(label.sum()), len(label) - int(label.sum()))
    lower, upper = chance_limits(auc, error, z, pairs, level)
    return Measured(auc, error, lower, upper, level, "Area under the ROC curve")


def _delong(label: Any, placement: Any) -> tuple[Floats, Any]:
    """Areas of several scores, and their covariance."""
    positive = label == 1
    p, n = placement[positive], placement[~positive]
    spread = np.zeros((placement.shape[1], placement.shape[1]))
    for part in (p, n):
        if len(part) > 1:
            spread += np.atleast_2d(np.cov(part, rowvar=False)) / len(part)
    return p.mean(axis=0), spread


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Difference(Table):
    """Two measures of the same rows and their difference.

    Attributes
    ----------
    first, second : float
    difference : float
        First less second.
    standard_error, lower, upper : float
        Of the difference.
    p_value : float
        Two-sided, of no difference.
    level : float
    quantity : str
        What is compared.

    Examples
    --------
    >>> import tenure as tn
    >>> churned, one = [0, 1, 0, 1, 1, 0], [0.2, 0.3, 0.4, 0.5, 0.8, 0.1]
    >>> d = tn.churn.compare_roc_auc(churned, one, [0.5, 0.4, 0.4, 0.6, 0.7, 0.6])
    >>> round(d.difference, 3), round(d.p_value, 2)
    (0.222, 0.37)
    """

    first: float
    second: float
    difference: float
    standard_error: float
    lower: float
    upper: float
    p_value: float
    level: float
    quantity: str = "Areas under two ROC curves"

    def _columns(self) -> Mapping[str, Any]:
        names = [n for n in self.__dataclass_fields__ if n not in ("level", "quantity")]
        return {name: [getattr(self, name)] for name in names}

    def _title(self) -> str:
        return f"{self.quantity}, limits of the difference at {self.level:.0%}"


def compare_roc_auc(churned: Any, first: Any, second: Any, level: float = 0.95) -> Difference:
    """Compare the areas under the ROC curves of two scores of the same customers.

    Parameters
    ----------
    churned : array of n flags
    first, second : arrays of n floats
    level : float, default 0.95

    Returns
    -------
    Difference

    Notes
    -----
    DeLong, DeLong & Clarke-Pearson (1988); the scores are correlated, as they rank the same rows.

    Examples
    --------
    >>> import tenure as tn
    >>> tn.churn.compare_roc_auc([0, 1, 0, 1], [1, 2, 3, 4], [1, 2, 3, 4]).p_value
    1.0
    """
    label, a = _read(churned, first)
    _, b = _read(churned, second)
    checked, z = level_and_z(level)
    placement = np.column_stack([_core.churn.roc_placements(v, label) for v in (a, b)])
    auc, spread = _delong(label, placement)
    difference = float(auc[0] - auc[1])
    error = math.sqrt(max(0.0, spread[0, 0] + spread[1, 1] - 2.0 * spread[0, 1]))
    if error > 0.0:
        p = math.erfc(abs(difference) / (error * math.sqrt(2.0)))
    else:
        p = 1.0 if difference == 0.0 else 0.0
    lower, upper = difference - z * error, difference + z * error
    return Difference(float(auc[0]), float(auc[1]), difference, error, lower, upper, p, checked)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RocCurve(Table):
    """What is caught, and what is disturbed in vain, above each threshold.

    Attributes
    ----------
    threshold : float64 array of k + 1
        Distinct scores, descending, behind an infinite one.
    true_positive_rate, false_positive_rate, precision : float64 arrays of k + 1
        Of rows that score at least the threshold; precision of none is 1.
    auc : float

    Examples
    --------
    >>> import tenure as tn
    >>> curve = tn.churn.roc_curve([0, 1, 0, 1], [0.1, 0.4, 0.35, 0.8])
    >>> curve.true_positive_rate.tolist(), curve.false_positive_rate.tolist()
    ([0.0, 0.5, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.5, 1.0])
    """

    threshold: Floats
    true_positive_rate: Floats
    false_positive_rate: Floats
    precision: Floats
    auc: float

    _column_names = ("threshold", "true_positive_rate", "false_positive_rate", "precision")

    def _title(self) -> str:
        return f"ROC curve, area {self.auc:.4g}"

    def plot(self, ax: Any = None) -> Any:
        """Draw the curve over the diagonal of a score that knows nothing.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        ax.plot([0.0, 1.0], [0.0, 1.0], color=plotting.LINE, linewidth=1.0)
        ax.plot(self.false_positive_rate, self.true_positive_rate, color=plotting.ACCENT)
        ax.set(
            xlabel="Share of those who stay",
            ylabel="Share of those who churn",
            title=f"Area {self.auc:.3f}",
            xlim=(0.0, 1.0),
            ylim=(0.0, 1.02),
        )
        return ax


def roc_curve(churned: Any, score: Any, sample_weight: Any = None) -> RocCurve:
    """Return the ROC curve of a score, and its precision, one point a distinct score.

    Parameters
    ----------
    churned : array of n flags
    score : array of n floats
    sample_weight : array of n floats, optional
        Finite and >= 0.

    Returns
    -------
    RocCurve

    Examples
    --------
    >>> import tenure as tn
    >>> round(tn.churn.roc_curve([0, 1, 0, 1], [0.1, 0.3, 0.35, 0.8]).auc, 2)
    0.75
    """
    label, values = _read(churned, score)
    weight = (
        None if sample_weight is None else as_column(sample_weight, np.float64, "sample_weight")
    )
    threshold, positives, negatives = _core.churn.roc_points(values, label, weight)
    if not (positives[-1] > 0.0 and negatives[-1] > 0.0):
        msg = "sample_weight must leave something of both classes"
        raise InvalidInputError(msg, argument="sample_weight")
    p, n = (np.concatenate(([0.0], c)) for c in (positives, negatives))
    tpr, fpr = p / p[-1], n / n[-1]
    precision = np.divide(p, p + n, out=np.ones_like(p), where=p + n > 0.0)
    area = float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1])) / 2.0)
    return RocCurve(np.concatenate(([math.inf], threshold)), tpr, fpr, precision, area)


def average_precision(churned: Any, score: Any, level: float = 0.95) -> Measured:
    """Return the area under the precision-recall curve: precision, averaged over the churners.

    Parameters
    ----------
    churned : array of n flags
    score : array of n floats
        Equal scores are taken or left together.
    level : float, default 0.95

    Returns
    -------
    Measured

    Notes
    -----
    Without interpolation. Limits symmetric in the log odds with the error of a share of as many
    rows as there are churners, Boyd, Eng & Page (2013), ECML PKDD, sect. 3.

    Examples
    --------
    >>> import tenure as tn
    >>> round(tn.churn.average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).value, 4)
    0.8333
    """
    label, values = _read(churned, score)
    checked, z = level_and_z(level)
    _, positives, negatives = _core.churn.roc_points(values, label, None)
    recall = np.concatenate(([0.0], positives)) / positives[-1]
    value = float(np.sum(np.diff(recall) * positives / (positives + negatives)))
    value = min(value, 1.0)
    error = math.sqrt(value * (1.0 - value) / positives[-1])
    lower, upper = (
        logit_limits(value, error, z)
        if 0.0 < value < 1.0
        else (float(((1.0 - checked) / 2.0) ** (1.0 / positives[-1])), 1.0)
    )
    return Measured(value, error, lower, upper, checked, "Average precision")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Gains(Table):
    """What contacting the customers with the highest scores finds.

    Attributes
    ----------
    share : float64 array of k
        Of all customers, from the highest score down.
    customers, churned : float64 arrays of k
        How many these are, and how many of them churn; at equal scores a fraction of each.
    rate, lower, upper : float64 arrays of k
        Share of them that churns, with Wilson limits.
    gain : float64 array of k
        Share of all churners that is among them.
    lift : float64 array of k
        Their rate over that of all customers.
    base_rate, level : float

    Examples
    --------
    >>> import tenure as tn
    >>> table = tn.churn.gains([1, 0, 1, 0, 0], [0.9, 0.8, 0.7, 0.2, 0.1], share=[0.2, 0.6])
    >>> table.churned.tolist(), table.lift.round(2).tolist()
    ([1.0, 2.0], [2.5, 1.67])
    """

    share: Floats
    customers: Floats
    churned: Floats
    rate: Floats
    lower: Floats
    upper: Floats
    gain: Floats
    lift: Floats
    base_rate: float
    level: float

    _column_names = (
        "share",
        "customers",
        "churned",
        "rate",
        "lower",
        "upper",
        "gain",
        "lift",
    )

    def _title(self) -> str:
        return f"Gains over a base rate of {self.base_rate:.2%}, limits at {self.level:.0%}"

    def plot(self, ax: Any = None) -> Any:
        """Draw the share of churners that is found by contacting so many customers.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        ax.plot([0.0, 1.0], [0.0, 1.0], color=plotting.LINE, linewidth=1.0)
        ax.plot(
            np.concatenate(([0.0], self.share)),
            np.concatenate(([0.0], self.gain)),
            "o-",
            color=plotting.ACCENT,
            markersize=4,
        )
        ax.set(
            xlabel="Share of customers, highest scores first",
            ylabel="Share of those who churn",
            xlim=(0.0, 1.0),
            ylim=(0.0, 1.02),
        )
        return ax


def gains(
    churned: Any,
    score: Any,
    share: Sequence[float] = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    level: float = 0.95,
) -> Gains:
    """Return what contacting the customers with the highest scores finds: gain and lift.

    Parameters
    ----------
    churned : array of n flags
    score : array of n floats
    share : sequence of floats in (0, 1]
        Of all customers, from the highest score down. Of customers with equal scores at the border
        a fraction is taken, so that their order does not matter.
    level : float, default 0.95

    Returns
    -------
    Gains

    Examples
    --------
    >>> import tenure as tn
    >>> round(float(tn.churn.gains([1, 0, 0, 0], [3, 3, 1, 1], share=[0.25]).lift[0]), 2)
    2.0
    """
    label, values = _read(churned, score)
    checked = as_level(level)
    wanted = as_column(np.atleast_1d(np.asarray(share)), np.float64, "share")
    outside = np.flatnonzero(~((wanted > 0.0) & (wanted <= 1.0)))
    if outside.size:
        row = int(outside[0])
        msg = f"share[{row}] must be in (0, 1], got {wanted[row]:g}"
        raise InvalidInputError(msg, argument="share", row=row, value=float(wanted[row]))
    _, positives, negatives = _core.churn.roc_points(values, label, None)
    seen = np.concatenate(([0.0], positives + negatives))
    customers = wanted * seen[-1]
    found = np.interp(customers, seen, np.concatenate(([0.0], positives)))
    lower, upper = wilson(found, customers, checked)
    base = positives[-1] / seen[-1]
    return Gains(
        wanted,
        customers,
        found,
        found / customers,
        lower,
        upper,
        found / positives[-1],
        found / customers / base,
        float(base),
        checked,
    )
