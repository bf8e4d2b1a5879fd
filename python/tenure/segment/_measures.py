"""All measures of one table of rows, by number of clusters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tenure import _core
from tenure._matrix import Matrix
from tenure._progress import Tell
from tenure._validation import Floats, Ints
from tenure.segment._clusterers import Clusterer, mean_and_spread, seeds
from tenure.segment._votes import WEIGHTS
from tenure.segment.gap import log_within, reference_log_within
from tenure.segment.prediction_strength import strengths
from tenure.segment.stability import jaccards


class Measures:
    """All measures of one table of rows, by number of clusters."""

    def __init__(
        self,
        clusterer: Clusterer,
        rows: Matrix,
        counts: Ints,
        draws: Mapping[str, int],
        silhouette: str,
        threads: int,
        seed: int,
    ) -> None:
        self.clusterer, self.rows, self.counts, self.draws = clusterer, rows, counts, draws
        self.simplified = silhouette == "simplified"
        self.threads = threads
        gap, halves, again, fits = seeds(seed, 4)
        self.own = seeds(fits, len(counts))
        self.again = seeds(again, len(counts))
        self.gap_seed, self.halves_seed = gap, halves
        self.gap_of_one: float | None = None  # known once it was taken

    def take(self, tell: Tell) -> dict[str, Any]:
        tried = len(self.counts)
        values: dict[str, Any] = {
            name: np.full(tried, np.nan)
            for name in (*WEIGHTS, "silhouette_error", "gap_error", "prediction_error")
        }
        values["found"] = np.zeros(tried, dtype=np.int64)
        # By the number of fits, a silhouette counted as one.
        work = [
            2,
            self.draws["n_bootstrap"],
            self.draws["n_references"],
            2 * self.draws["n_splits"],
        ]
        ends = (0.98 * np.cumsum(work) / sum(work)).tolist()
        logs = np.empty(tried)
        for i, k in enumerate(self.counts):
            begin = ends[1] * i / tried
            tell(begin, f"{k} clusters")
            logs[i] = self._one(i, int(k), values, tell, begin, ends[1] * (i + 1) / tried)
        if self.draws["n_references"]:
            self._gap(values, logs, tell, ends[1], ends[2])
        if self.draws["n_splits"]:
            splits = self.draws["n_splits"]
            found = strengths(
                self.clusterer, self.rows, self.counts, splits, self.halves_seed, tell, *ends[2:]
            )
            values["prediction_strength"], spread = mean_and_spread(found)
            values["prediction_error"] = spread / math.sqrt(splits)
        return values

    def _one(
        self, i: int, k: int, values: dict[str, Any], tell: Tell, begin: float, end: float
    ) -> float:
        _, code, clusters = self.clusterer.fit(self.rows, self.own[i], k)
        values["found"][i] = clusters
        kept = np.flatnonzero(code >= 0)
        rows, own = self.rows, code
        if len(kept) < len(code):
            rows, own = np.ascontiguousarray(rows[kept]), np.ascontiguousarray(code[kept])
        if clusters < 2:
            return math.nan  # nothing to compare, so no measure either
        seen = _core.segment.silhouette(
            rows, own, clusters, self.simplified, True, self.threads, None
        )
        values["silhouette"][i], values["silhouette_error"][i] = seen["mean"], seen["error"]
        spread = _core.segment.validity(rows, own, clusters, self.threads)
        for name in ("calinski_harabasz", "davies_bouldin"):
            values[name][i] = spread[name]
        if self.draws["n_bootstrap"]:
            found = jaccards(
                self.clusterer,
                self.rows,
                code,
                clusters,
                k,
                self.draws["n_bootstrap"],
                self.again[i],
                tell,
                begin,
                end,
            )
            values["stability"][i] = mean_and_spread(found)[0].min()
        return float(spread["log_within"])

    def _gap(
        self, values: dict[str, Any], logs: Floats, tell: Tell, begin: float, end: float
    ) -> None:
        drawn = self.draws["n_references"]
        # One cluster is looked at as well: it tells whether there is anything to choose.
        counts = np.append(1, self.counts)
        one = log_within(self.rows, np.zeros(len(self.rows), dtype=np.int32), 1)
        found = reference_log_within(
            self.rows,
            counts,
            self.clusterer,
            drawn,
            "components",
            self.gap_seed,
            tell,
            begin,
            end,
        )
        with np.errstate(invalid="ignore"):
            gap = found.mean(axis=0) - np.append(one, logs)
            error = found.std(axis=0) * math.sqrt(1 + 1 / drawn)
        values["gap"], values["gap_error"] = gap[1:], error[1:]
        self.gap_of_one = float(gap[0])
