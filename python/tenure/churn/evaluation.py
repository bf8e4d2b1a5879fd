"""One report of how good churn probabilities are, each measure with its limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, Ints, as_number
from tenure.churn._limits import level_and_z, logit_limits
from tenure.churn._probabilities import read, spread
from tenure.churn.brier import brier_score
from tenure.churn.calibration_error import ici
from tenure.churn.decision import Campaign
from tenure.churn.ranking import roc_auc
from tenure.churn.reliability import calibration_slope


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Evaluation(Table):
    """How good churn probabilities are.

    Attributes
    ----------
    measure : tuple of str
    value, standard_error, lower, upper : float64 arrays
        Standard errors are NaN where limits do not come from one.
    n_rows, n_churned, n_groups : int
        Rows, churners and customers that it rests on.
    level : float

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(1, 4, 2000)
    >>> report = tn.churn.evaluate(rng.random(2000) < p, p)
    >>> report.measure[:3], 0.7 < report["roc_auc"] < 0.8
    (('roc_auc', 'average_precision', 'brier_score'), True)
    """

    measure: tuple[str, ...]
    value: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    n_rows: int
    n_churned: int
    n_groups: int
    level: float

    _column_names = ("measure", "value", "standard_error", "lower", "upper")

    def __getitem__(self, measure: str) -> float:
        """Return the value of a measure."""
        if measure not in self.measure:
            msg = f"measure must be one of {', '.join(self.measure)}; got {measure!r}"
            raise InvalidInputError(msg, argument="measure", value=measure)
        return float(self.value[self.measure.index(measure)])

    def _title(self) -> str:
        return (
            f"{self.n_rows:,} rows of {self.n_groups:,} customers, {self.n_churned:,} churned; "
            f"limits at {self.level:.0%}"
        )


def evaluate(
    churned: Any,
    probability: Any,
    *,
    groups: Any = None,
    campaign: Campaign | None = None,
    top: float = 0.1,
    level: float = 0.95,
    random_state: Any = 0,
) -> Evaluation:
    """Return a report of how good churn probabilities are, with limits of each measure.

    Parameters
    ----------
    churned : array of n flags
    probability : array of n floats in [0, 1]
    groups : array of n ids, optional
        Rows of one customer, such as those at several cutoffs: they count as one draw.
    campaign : Campaign, optional
        Adds ``"profit"``, a row: contacting everybody above the campaign's threshold.
    top : float, default 0.1
        Share of the rows, highest probabilities first, whose lift is told.
    level : float, default 0.95
    random_state : int, None or numpy.random.Generator
        Of the draws behind the limits of the ICI.

    Returns
    -------
    Evaluation
        ``roc_auc``, ``average_precision``, ``brier_score``, ``log_loss``, ``calibration_slope``,
        ``calibration_intercept``, ``calibration_in_the_large``, ``ici``, ``lift_top_10%`` and
        perhaps ``profit``.

    Raises
    ------
    InvalidInputError
        Names the row; also unless both classes are there.

    Notes
    -----
    Area: DeLong, DeLong & Clarke-Pearson (1988), with groups Obuchowski (1997), Biometrics
    53:567-578. Calibration: `calibration_slope` and `ici`; NaN where all probabilities are equal or
    part the classes. The others by the infinitesimal jackknife over customers. Limits of shares on
    the log odds, of the lift on the log, of the rest as they are. docs/methods/calibration.md.

    Examples
    --------
    >>> import tenure as tn
    >>> p, y = [0.1, 0.2, 0.3, 0.6, 0.7, 0.9], [0, 1, 0, 0, 1, 1]
    >>> round(tn.churn.evaluate(y, p, top=0.5)["lift_top_50%"], 3)
    1.333
    """
    label, p, of = read(churned, probability, groups)
    checked, z = level_and_z(level)
    share = as_number(top, "top", above=0.0, at_most=1.0)
    if campaign is not None and not isinstance(campaign, Campaign):
        msg = f"campaign must be a tn.churn.Campaign, got {type(campaign).__name__}"
        raise InvalidInputError(msg, argument="campaign", value=campaign)
    rows = {
        "roc_auc": _area(label, p, of, checked, z),
        "average_precision": _precision(label, p, of, z),
    }
    brier = brier_score(label, p, groups=of, level=checked)
    rows["brier_score"] = (brier.value, brier.standard_error, brier.lower, brier.upper)
    rows["log_loss"] = _log_loss(label, p, of, z)
    rows |= _calibration(label, p, of, checked, random_state)
    rows[f"lift_top_{share:.0%}"] = _lift(label, p, of, share, z)
    if campaign is not None:
        rows["profit"] = _mean(campaign.profit(label, p), of, z)
    value, error, lower, upper = (np.array(c) for c in zip(*rows.values(), strict=True))
    n_groups = len(label) if of is None else int(of.max()) + 1
    return Evaluation(
        tuple(rows), value, error, lower, upper, len(label), int(label.sum()), n_groups, checked
    )


_Row = tuple[float, float, float, float]


def _mean(each: Floats, of: Ints | None, z: float, least: float = -math.inf) -> _Row:
    value = float(each.mean())
    error = spread((each - value) / len(each), of)
    return value, error, max(least, value - z * error), value + z * error


def _log_loss(label: Floats, p: Floats, of: Ints | None, z: float) -> _Row:
    """Infinite where somebody did what had the probability 0."""
    with np.errstate(divide="ignore"):
        loss = -np.log(np.where(label > 0.0, p, 1.0 - p))
    if np.isinf(loss).any():
        return math.inf, math.nan, math.nan, math.inf
    return _mean(loss, of, z, least=0.0)


def _area(label: Floats, p: Floats, of: Ints | None, level: float, z: float) -> _Row:
    if of is None:
        told = roc_auc(label, p, level)
        return told.value, told.standard_error, told.lower, told.upper
    flag = label.astype(np.uint8)
    placement = _core.churn.roc_placements(p, flag)
    area = float(placement[flag == 1].mean())
    positives = float(label.sum())
    size = np.where(flag == 1, positives, len(label) - positives)
    error = spread((placement - area) / size, of)
    return _share(area, error, z)


def _share(value: float, error: float, z: float) -> _Row:
    if 0.0 < value < 1.0:
        return value, error, *logit_limits(value, error, z)
    return value, error, value, value


def _precision(label: Floats, p: Floats, of: Ints | None, z: float) -> _Row:
    """Average precision, by what each row adds to it.

    With A and B the churners and rows at or above a probability and M all churners, the mean of
    A / B over churners moves by (A / B - value) / M with a churner, and by the sum of
    (churner / B - A / B^2) / M over the churners at or below, with any row.
    """
    threshold, positives, negatives = _core.churn.roc_points(p, label.astype(np.uint8), None)
    above, everyone = positives, positives + negatives
    m = positives[-1]
    there = np.diff(positives, prepend=0.0)  # churners at each probability, highest first
    precision = above / everyone
    value = min(float(np.sum(there * precision)) / m, 1.0)
    place = len(threshold) - 1 - np.searchsorted(threshold[::-1], p)
    # Sums over the churners at or below each place.
    of_churner = np.cumsum((there / everyone)[::-1])[::-1]
    of_any = np.cumsum((there * above / everyone**2)[::-1])[::-1]
    influence = (label * (precision[place] - value + of_churner[place]) - of_any[place]) / m
    return _share(value, spread(influence, of), z)


def _lift(label: Floats, p: Floats, of: Ints | None, share: float, z: float) -> _Row:
    """Churn rate of the top share over that of all, ties at the border in part.

    The border is estimated too: a row above it adds to the churners found, and moves the border by
    as much, which takes away customers who churn at the rate at the border.
    """
    order = np.argsort(-p, kind="stable")
    n = len(p)
    border = p[order[math.ceil(share * n) - 1]]
    tied = p == border
    part = (share * n - float(np.sum(p > border))) / float(tied.sum())
    taken = np.where(p > border, 1.0, np.where(tied, part, 0.0))
    found, base = float(np.mean(taken * label)), float(label.mean())
    value = found / share / base
    first, _, rate, _ = _core.churn.isotonic(p, label, None)
    local = rate[max(0, int(np.searchsorted(first, border, side="right")) - 1)]
    influence = (taken * label - found) - local * (taken - share)
    if found == 0.0:
        return 0.0, math.nan, 0.0, math.nan
    relative = influence / found - (label - base) / base
    error = spread(relative / n, of)
    return value, value * error, value * math.exp(-z * error), value * math.exp(z * error)


def _calibration(
    label: Floats, p: Floats, of: Ints | None, level: float, random_state: Any
) -> dict[str, _Row]:
    unknown = (math.nan,) * 4
    try:
        told = calibration_slope(label, p, groups=of, level=level)
        error = ici(label, p, groups=of, level=level, random_state=random_state)
    except InvalidInputError:  # a model that tells nobody apart, or everybody
        names = ("slope", "intercept", "in_the_large")
        return {f"calibration_{name}": unknown for name in names} | {"ici": unknown}
    columns = (told.value, told.standard_error, told.lower, told.upper)
    rows: dict[str, _Row] = {}
    for k, name in enumerate(("slope", "intercept", "in_the_large")):
        value, deviation, lower, upper = (float(c[k]) for c in columns)
        rows[f"calibration_{name}"] = (value, deviation, lower, upper)
    rows["ici"] = (error.ici, math.nan, float(error.lower[0]), float(error.upper[0]))
    return rows
