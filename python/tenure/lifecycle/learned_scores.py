"""What a learned lead score tells: points of each lead, points of a feature, how good they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, as_count
from tenure.churn import Evaluation


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LearnedLeadScores(Table):
    """The learned score of every lead at a date, and what it is made of.

    Attributes
    ----------
    customer : array of ids, shape (n_leads,)
        Ascending.
    score : ndarray of float, shape (n_leads,)
        Points: `base` and, for a linear estimator, the sum of `points`.
    probability : ndarray of float, shape (n_leads,)
        Calibrated chance of a first order within the horizon.
    features : tuple of str
    points : ndarray of float, shape (n_leads, n_features), or None
        What each feature adds to the score of a lead that is average in every feature. None where
        the estimator is not linear in them.
    base : float or None
        That score.
    at : datetime
        Everything before it counts.

    Examples
    --------
    >>> import tenure as tn
    >>> log = tn.datasets.simulate(2000, funnel={}, visits=2, random_state=1).log()
    >>> model = tn.lifecycle.LearnedLeadScore("30d", windows=["30d"])
    >>> scores = model.fit(log, ["2024-06-30"]).score(log, at="2024-09-30")
    >>> scores.points.shape == (len(scores), len(scores.features))
    True
    """

    customer: Any
    score: Floats
    probability: Floats
    features: tuple[str, ...]
    points: Floats | None
    base: float | None
    at: dt.datetime

    def __len__(self) -> int:
        return len(self.score)

    def _columns(self) -> Mapping[str, Any]:
        made = {} if self.points is None else dict(zip(self.features, self.points.T, strict=True))
        known = {"customer": self.customer, "score": self.score, "probability": self.probability}
        return {**known, **made}

    def _title(self) -> str:
        last = self.at - dt.timedelta(microseconds=1)
        return f"Learned scores of {len(self):,} leads at the end of {last:%Y-%m-%d}"

    def reasons(self, k: int = 3) -> list[str]:
        """Return for each lead the `k` features with the most points, deductions among them.

        Raises
        ------
        InvalidInputError
            Where the estimator is not linear: `churn.shapley` explains such a one.
        """
        size = as_count(k, "k", at_least=1)
        if self.points is None:
            msg = "reasons need a linear estimator; churn.shapley explains any other"
            raise InvalidInputError(msg, argument="estimator")
        order = np.argsort(-np.abs(self.points), axis=1, kind="stable")[:, :size]
        return [
            ", ".join(f"{self.features[f]} {mine[f]:+.3g}" for f in most if abs(mine[f]) >= 0.005)
            for mine, most in zip(self.points, order, strict=True)
        ]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ScoreCard(Table):
    """A linear score as a card: points of a feature by unit of it.

    Attributes
    ----------
    feature : tuple of str
    mean : ndarray of float, shape (n_features,)
        Over the rows of the fit; at it a feature gives no points.
    points : ndarray of float, shape (n_features,)
        Of one unit more.
    base : float
        Score of who is average in every feature.
    pdo, offset : float
        Points that double the odds, and points at odds of 1 to 1.

    Examples
    --------
    >>> import tenure as tn
    >>> log = tn.datasets.simulate(2000, funnel={}, visits=2, random_state=1).log()
    >>> model = tn.lifecycle.LearnedLeadScore("30d", windows=["30d"]).fit(log, ["2024-06-30"])
    >>> model.card().feature == model.features_
    True
    """

    feature: tuple[str, ...]
    mean: Floats
    points: Floats
    base: float
    pdo: float
    offset: float

    _column_names = ("feature", "mean", "points")

    def _title(self) -> str:
        return f"{self.base:.4g} points for the average lead, {self.pdo:g} more double the odds"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LeadEvaluation(Evaluation):
    """How good a learned lead score was on leads of later dates.

    Attributes
    ----------
    measure, value, standard_error, lower, upper, n_rows, n_churned, n_groups, level
        As of `churn.Evaluation`; "churned" are the leads that converted.

    Examples
    --------
    >>> import tenure as tn
    >>> log = tn.datasets.simulate(2000, funnel={}, visits=2, random_state=1).log()
    >>> model = tn.lifecycle.LearnedLeadScore("30d", windows=["30d"]).fit(log, ["2024-06-30"])
    >>> model.evaluate(log, ["2024-09-30"]).measure[0]
    'roc_auc'
    """

    def _title(self) -> str:
        return (
            f"{self.n_rows:,} rows of {self.n_groups:,} leads, {self.n_churned:,} converted; "
            f"limits at {self.level:.0%}"
        )
