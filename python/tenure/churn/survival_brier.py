"""How far predicted chances to stay are from who stayed: Brier scores by time, with censoring."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, as_column, as_level
from tenure.churn._ipcw import as_cells, prepared, scorable_times
from tenure.churn._measured import Measured
from tenure.churn._times import z_of


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SurvivalBrierScore(Table):
    """Brier scores: one row for each time that can be scored.

    Attributes
    ----------
    time, score, standard_error, lower, upper : ndarray of float, shape (n_times,)
        Mean squared distance of the predicted chance to stay from 1 of who stayed and 0 of who
        churned; 0 is best.
    null_score : ndarray of float, shape (n_times,)
        That of the Kaplan-Meier curve, which knows no customers apart.
    skill, skill_lower, skill_upper : ndarray of float, shape (n_times,)
        1 - score / null_score: the share of the spread that is explained; NaN where nobody had
        churned yet.
    integrated, integrated_null, integrated_skill : Measured or None
        Means over time from the first to the last one, by trapezoids; None of a single time.
    dropped : ndarray of float
        Times asked for that cannot be scored.
    reason : str
        Why; empty if none was dropped.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> stay = [[0.4, 0.1], [0.8, 0.5], [0.9, 0.7], [0.9, 0.8]]
    >>> b = tn.churn.survival_brier_score([1, 2, 3, 4], [1, 1, 0, 1], stay, [1, 3])
    >>> round(b.integrated.value, 3), round(b.integrated_skill.value, 2)
    (0.07, 0.68)
    """

    time: Floats
    score: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    null_score: Floats
    skill: Floats
    skill_lower: Floats
    skill_upper: Floats
    integrated: Measured | None
    integrated_null: Measured | None
    integrated_skill: Measured | None
    dropped: Floats
    reason: str
    level: float

    _column_names = (
        "time", "score", "standard_error", "lower", "upper", "null_score", "skill", "skill_lower",
        "skill_upper",
    )  # fmt: skip

    def _title(self) -> str:
        whole = f", integrated {self.integrated.value:.4g}" if self.integrated else ""
        left = f"; left out: {self.reason}" if self.reason else ""
        return f"Brier score{whole}, limits at {self.level:.0%}{left}"

    def plot(self, ax: Any = None, *, label: str | None = None) -> Any:
        """Draw the score by time with its limits, and that of the Kaplan-Meier curve.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        label : str, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        ax.plot(
            self.time, self.null_score, color=plotting.MUTED, linewidth=1.2, linestyle="--",
            label="Kaplan-Meier",
        )  # fmt: skip
        plotting.curve(self.time, self.score, self.lower, self.upper, ax=ax, label=label or "Model")
        top = max(float(self.upper.max()), float(self.null_score.max()))
        ax.set(xlabel="Tenure", ylabel="Brier score", ylim=(0.0, 1.08 * top))
        ax.legend(frameon=False)
        return ax


def survival_brier_score(
    duration: npt.ArrayLike,
    churned: npt.ArrayLike,
    survival: npt.ArrayLike | Callable[[float], npt.ArrayLike],
    times: npt.ArrayLike,
    *,
    train: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    sample_weight: npt.ArrayLike | None = None,
    censoring_at: str = "before",
    level: float = 0.95,
) -> SurvivalBrierScore:
    """Return the Brier score of predicted chances to stay, by time and over time.

    Who was censored before the time counts through those who are like them: each customer who was
    seen to the end has the inverse chance to be seen so long as weight.

    Parameters
    ----------
    duration, churned, train, sample_weight, censoring_at
        As in `uno_concordance`; of equal durations, who churned left first.
    survival : array-like of float, shape (n_customers, n_times), or callable
        Predicted chances to stay, in [0, 1]; or a function that returns those of all customers,
        shape (n_customers,), at a given time, so that only one column is held at a time.
    times : array-like of float, shape (n_times,)
        Ascending.
    level : float

    Returns
    -------
    SurvivalBrierScore

    Raises
    ------
    InvalidInputError
        For a bad cell, naming argument and row; if no time can be scored.

    Notes
    -----
    O(n) a time after one sort. Errors by the influence of each customer on score, censoring curve
    and Kaplan-Meier curve.

    References
    ----------
    Graf, E., Schmoor, C., Sauerbrei, W. and Schumacher, M. (1999), Statistics in Medicine
    18:2529-2545. Gerds, T. A. and Schumacher, M. (2006), Biometrical Journal 48:1029-1040.

    Examples
    --------
    >>> import tenure as tn
    >>> stay = [[0.4, 0.1], [0.8, 0.5], [0.9, 0.7], [0.9, 0.8]]
    >>> b = tn.churn.survival_brier_score([1, 2, 3, 4], [1, 1, 0, 1], stay, [1, 3])
    >>> b.score.round(3).tolist(), b.null_score.round(3).tolist(), b.skill.round(2).tolist()
    ([0.055, 0.085], [0.188, 0.25], [0.71, 0.66])
    """
    data, rows = prepared(duration, churned, sample_weight, train, "churn_first", censoring_at)
    checked = as_level(level)
    z = z_of(checked)
    asked = np.atleast_1d(np.asarray(times))
    matrix = None
    if not callable(survival):
        matrix = as_cells(survival, rows, asked.size, "survival")
        if matrix.ndim == 1:
            matrix = matrix[:, None]
        if matrix.shape[1] != asked.size:
            msg = f"survival must have a column for each of the {asked.size} times"
            raise InvalidInputError(msg, argument="survival")
    kept, dropped, reason, keep = scorable_times(data, times, both=False)
    share = _trapezoids(kept)
    columns: list[list[float]] = []
    sums: list[Any] = [0.0, 0.0]  # influence on the integrals
    for k, (column, t) in enumerate(zip(np.flatnonzero(keep), kept.tolist(), strict=True)):
        at = (
            survival(t) if matrix is None else np.ascontiguousarray(matrix[:, column])  # type: ignore[operator]
        )
        values = as_column(np.ravel(at), np.float64, "survival")
        score, null, influence, null_influence = data.brier_at(values, t)
        error = _norm(influence)
        skill, skill_error = _skill(score, null, influence, null_influence)
        reach = z * skill_error
        columns.append(
            [score, error, max(score - z * error, 0.0), min(score + z * error, 1.0), null,
             skill, skill - reach, min(skill + reach, 1.0)]
        )  # fmt: skip
        sums = [
            s + share[k] * one for s, one in zip(sums, (influence, null_influence), strict=True)
        ]
    table = [np.array(c) for c in zip(*columns, strict=True)]
    integrated: Measured | None = None
    integrated_null: Measured | None = None
    integrated_skill: Measured | None = None
    if kept.size > 1:
        score, null = (float(np.sum(share * table[at])) for at in (0, 4))
        skill, skill_error = _skill(score, null, *sums)
        names = ("Integrated Brier score", "Integrated Brier score of Kaplan-Meier", "Skill")
        integrated, integrated_null, integrated_skill = (
            Measured(v, e, max(v - z * e, least), min(v + z * e, 1.0), checked, name)
            for v, e, least, name in zip(
                (score, null, skill), (_norm(sums[0]), _norm(sums[1]), skill_error),
                (0.0, 0.0, -math.inf), names, strict=True,
            )
        )  # fmt: skip
    by_time: dict[str, Any] = dict(
        zip(SurvivalBrierScore._column_names, [kept, *table], strict=True)
    )
    return SurvivalBrierScore(
        **by_time,
        integrated=integrated,
        integrated_null=integrated_null,
        integrated_skill=integrated_skill,
        dropped=dropped,
        reason=reason,
        level=checked,
    )


def _trapezoids(time: Floats) -> Floats:
    """Weights of a mean over time by trapezoids."""
    if time.size < 2:
        return np.ones(time.size)
    steps = np.diff(time)
    weights: Floats = 0.5 * (np.append(steps, 0.0) + np.append(0.0, steps)) / (time[-1] - time[0])
    return weights


def _norm(influence: Floats) -> float:
    # A sum of squares in one order, whatever the threads of a linear algebra library.
    return math.sqrt(float(np.sum(influence * influence)))


def _skill(score: float, null: float, influence: Floats, of_null: Floats) -> tuple[float, float]:
    if null == 0.0:
        return math.nan, math.nan
    return 1.0 - score / null, _norm(influence - score / null * of_null) / null
