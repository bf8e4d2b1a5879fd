"""What each measure says about the number of clusters, as a vote and in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tenure._validation import Floats, Ints
from tenure.segment.gap import first_reached
from tenure.segment.prediction_strength import last_reached
from tenure.segment.stability import RECOVERED

#: Calinski-Harabasz and Davies-Bouldin look at the same as the silhouette, by cruder means: half a
#: vote each.
WEIGHTS: Mapping[str, float] = {
    "silhouette": 1.0,
    "calinski_harabasz": 0.5,
    "davies_bouldin": 0.5,
    "gap": 1.0,
    "prediction_strength": 1.0,
    "stability": 1.0,
}
STRENGTH = 0.8

_TITLES = {
    "silhouette": "Silhouette",
    "calinski_harabasz": "Calinski-Harabasz",
    "davies_bouldin": "Davies-Bouldin",
    "gap": "Gap",
    "prediction_strength": "Prediction strength",
    "stability": "Stability",
}


def title_of(measure: str) -> str:
    """Return what people call a measure."""
    return _TITLES[measure]


class Votes:
    """Votes and reasons, filled measure by measure."""

    def __init__(self, counts: Ints, values: Mapping[str, Any]) -> None:
        self.counts = counts
        self.values = values
        self.of: dict[str, int | None] = {}
        self.reasons: list[str] = []

    def at(self, k: int, name: str) -> float:
        return float(self.values[name][int(np.flatnonzero(self.counts == k)[0])])

    def add(self, name: str, k: int | None, says: Callable[[int], str], nothing: str) -> None:
        self.of[name] = k
        what = f"none, {nothing}" if k is None else f"{k}, {says(k)}"
        self.reasons.append(f"{title_of(name)}: {what}")

    def extreme(self, name: str, *, largest: bool) -> None:
        value = self.values[name] if largest else -self.values[name]
        known = np.where(np.isfinite(value), value, -np.inf)
        k = int(self.counts[int(np.argmax(known))]) if np.isfinite(known).any() else None
        which = "largest" if largest else "smallest"

        def says(k: int) -> str:
            text = f"the {which}, {self.at(k, name):.4g}"
            error = self.at(k, "silhouette_error") if name == "silhouette" else math.nan
            return f"{text} with standard error {error:.2g}" if math.isfinite(error) else text

        self.add(name, k, says, "no number gave two clusters")

    def gap(self, of_one: float) -> None:
        gap: Floats = self.values["gap"]
        error: Floats = self.values["gap_error"]
        k = None
        nothing = "it grows to the last number that was tried"
        if not (gap - error > of_one).any():
            nothing = "one cluster does as well as any number: there may be no clusters"
        else:
            k = first_reached(self.counts, gap, error)
        self.add(
            "gap",
            k,
            lambda k: (
                f"the first that reaches the next one less its error, {self.at(k, 'gap'):.3g}"
            ),
            nothing,
        )

    def prediction_strength(self) -> None:
        reach = self.values["prediction_strength"] + self.values["prediction_error"]
        self.add(
            "prediction_strength",
            last_reached(self.counts, reach, STRENGTH),
            lambda k: (
                f"the largest that reaches {STRENGTH:g} with its error, "
                f"{self.at(k, 'prediction_strength'):.2f}"
            ),
            f"no number reaches {STRENGTH:g}",
        )

    def stability(self) -> None:
        self.add(
            "stability",
            last_reached(self.counts, self.values["stability"], RECOVERED),
            lambda k: (
                f"the largest whose every cluster comes back, {self.at(k, 'stability'):.2f} in "
                "Jaccard similarity at least"
            ),
            f"at every number a cluster falls below a Jaccard similarity of {RECOVERED:g}",
        )


def take_votes(
    counts: Ints, values: Mapping[str, Any], gap_of_one: float | None
) -> tuple[dict[str, int | None], tuple[str, ...]]:
    """Return the vote of each measure that was taken, and what it says."""
    votes = Votes(counts, values)
    votes.extreme("silhouette", largest=True)
    votes.extreme("calinski_harabasz", largest=True)
    votes.extreme("davies_bouldin", largest=False)
    if gap_of_one is not None:
        votes.gap(gap_of_one)
    if np.isfinite(values["prediction_strength"]).any():
        votes.prediction_strength()
    if np.isfinite(values["stability"]).any():
        votes.stability()
    return votes.of, tuple(votes.reasons)
