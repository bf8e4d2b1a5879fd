"""The health of each customer, and why it is what it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._results import Table
from tenure._validation import Floats, as_count

BANDS = ("red", "amber", "green")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class HealthScores(Table):
    """Health from 0 to 100 of each customer, with the points of its parts.

    Attributes
    ----------
    customer : array of ids, or of row numbers, shape (n_customers,)
    score : ndarray of float, shape (n_customers,)
        The sum of the points.
    band : ndarray of str, shape (n_customers,)
        "red", "amber" or "green".
    parts : tuple of str
    points : ndarray of float, shape (n_customers, n_parts)
        What each part gave.
    most : ndarray of float, shape (n_parts,)
        What it gives at most; 100 in sum.
    at : datetime or None
        Everything before it counts. None for a table of your own.

    Examples
    --------
    >>> import tenure as tn
    >>> health = tn.lifecycle.HealthScore([
    ...     tn.lifecycle.HealthPart("logins", 3, cuts=[1, 5, 20]),
    ...     tn.lifecycle.HealthPart("tickets", 1, healthy="low", cuts=[0, 3]),
    ... ])
    >>> scores = health.fit_score({"customer": ["ann", "bob"], "logins": [6, 0], "tickets": [2, 9]})
    >>> scores.score.tolist(), scores.band.tolist()
    ([62.5, 0.0], ['amber', 'red'])
    >>> scores.reasons()
    ['logins -25 of 75, tickets -12.5 of 25', 'logins -75 of 75, tickets -25 of 25']
    """

    customer: Any
    score: Floats
    band: npt.NDArray[np.str_]
    parts: tuple[str, ...]
    points: Floats
    most: Floats
    at: dt.datetime | None

    def __len__(self) -> int:
        return len(self.score)

    def _columns(self) -> Mapping[str, Any]:
        parts = {name: self.points[:, p] for p, name in enumerate(self.parts)}
        return {"customer": self.customer, "score": self.score, "band": self.band, **parts}

    def _title(self) -> str:
        title = f"Health of {len(self):,} customers"
        if self.at is None:
            return title
        return f"{title} at the end of {self.at - dt.timedelta(microseconds=1):%Y-%m-%d}"

    def reasons(self, k: int = 3) -> list[str]:
        """Return for each customer the `k` parts that cost it most, in points lost, in words.

        Parts that lost alike come in the order of the parts; one that lost nothing is not named.
        """
        size = as_count(k, "k", at_least=1)
        lost = self.most - self.points
        order = np.argsort(-lost, axis=1, kind="stable")[:, :size]
        return [
            ", ".join(
                f"{self.parts[p]} -{mine[p]:.3g} of {self.most[p]:.3g}"
                for p in largest
                if mine[p] >= 0.005
            )
            for mine, largest in zip(lost, order, strict=True)
        ]
