"""What a churn model tells of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenure._results import Table
from tenure._validation import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scores(Table):
    """Customers by how likely they churn.

    Attributes
    ----------
    customer : array of n ids, or of row numbers
    at : datetime64[us] array of n, or None
        The cutoff, where the rows came with one.
    probability : float64 array of n
    rank : int64 array of n
        1 is the likeliest to churn; equal probabilities share the better rank.
    act : bool array of n
        Above the threshold.
    expected_profit : float64 array of n, or None
        Of contacting the customer, where the threshold is a campaign's.
    threshold : float

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 2))
    >>> y = rng.random(400) < 1 / (1 + np.exp(-X[:, 0]))
    >>> model = tn.churn.ChurnModel(LogisticRegression(), calibration="platt").fit(X, y)
    >>> model.scores(X[:3]).rank.tolist()
    [2, 1, 3]
    """

    customer: Any
    at: Any
    probability: Floats
    rank: Ints
    act: Any
    expected_profit: Floats | None
    threshold: float

    def _columns(self) -> Mapping[str, Any]:
        names = ("customer", "at", "probability", "rank", "act", "expected_profit")
        return {n: getattr(self, n) for n in names if getattr(self, n) is not None}

    def _title(self) -> str:
        return (
            f"{len(self.probability):,} rows, {int(self.act.sum()):,} of them above "
            f"{self.threshold:.4g}"
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CrossFitted(Table):
    """Rows scored by models that knew neither their customer nor what came after.

    Attributes
    ----------
    row : int64 array of k
        Position in what the model was fitted to.
    churned : float64 array of k
    probability : float64 array of k
        Before calibration.
    calibrated : float64 array of k

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.arange(40.0)[:, None], np.arange(40) % 3 == 0
    >>> model = tn.churn.ChurnModel(LogisticRegression(), calibration="platt").fit(X, y)
    >>> len(model.cross_fitted_.row)
    40
    """

    row: Ints
    churned: Floats
    probability: Floats
    calibrated: Floats

    _column_names = ("row", "churned", "probability", "calibrated")

    def _title(self) -> str:
        return "Rows scored out of their folds"
