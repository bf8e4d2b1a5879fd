"""Clusterings that say nothing, rows at the ends of the numbers, dates without members."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from hostile import OK, Case, E, W

from tenure.segment import (
    KMeans,
    calinski_harabasz,
    choose,
    davies_bouldin,
    drift,
    gap_statistic,
    prediction_strength,
    silhouette,
    stability,
)

RNG = np.random.default_rng(4)
CLOUDS = np.concatenate([RNG.normal(c, 0.3, (30, 2)) for c in (0.0, 5.0, 10.0)])
LABELS = np.repeat([0, 1, 2], 30)
ONE_FIT = {"n_references": 2, "n_bootstrap": 2, "n_splits": 2}
ERRORS_OF_ONE_ROW = ("cluster_standard_error", "cluster_lower", "cluster_upper")
NO_ERRORS = (*ERRORS_OF_ONE_ROW, "standard_error", "lower", "upper")


def cell(value: float) -> np.ndarray:
    X = CLOUDS.copy()
    X[7, 1] = value
    return X


def bad(about: str, says: str, X: Any = CLOUDS, labels: Any = LABELS, **given: Any) -> Case:
    return E(f"silhouette: {about}", lambda: silhouette(X, labels, **given), says)


def same_as_plain() -> Any:
    plain = silhouette(CLOUDS, LABELS).value
    return lambda s: bool(np.allclose(s.value, plain, rtol=0, atol=1e-12))


def clear(s: Any) -> bool:
    return bool(s.mean > 0.8 and (np.abs(s.value) <= 1.0).all())


class Mute:
    """Fits, and says nothing."""

    n_clusters = 2

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {}

    def set_params(self, **params: Any) -> Any:
        return self

    def fit_predict(self, X: Any) -> Any:
        return [0]


CASES = [
    # --- silhouettes
    bad("no rows", "0 sample", np.empty((0, 2)), []),
    bad("no columns", "0 feature", np.empty((90, 0))),
    bad("one dimension", "2D", np.arange(90.0)),
    bad("text", "X", [["a"]] * 90),
    bad("NaN", "X[7, 1] must be finite, got NaN", cell(math.nan)),
    bad("infinity", "X[7, 1] must be finite, got -inf", cell(-math.inf)),
    bad("a missing cell", "must be finite", pd.DataFrame(cell(math.nan))),
    bad("one cluster", "at least 2 clusters, got 1", labels=np.zeros(90)),
    bad("labels of another length", "one label for each of the 90", labels=[0, 1]),
    bad("a label that is missing", "labels[89] is missing", labels=[0] * 89 + [None]),
    bad("a label that is NaN", "labels[0] is missing", labels=[math.nan] + [0.0] * 89),
    bad("labels of two kinds", "one kind", labels=np.array([0, "a"] * 45, dtype=object)),
    bad("labels in two dimensions", "one-dimensional", labels=np.zeros((90, 1))),
    bad("complex labels", "numbers or texts", labels=LABELS * 1j),
    bad("unknown method", "method must be one of", method="approximate"),
    bad("level 1", "level", level=1.0),
    bad("no threads", "n_threads", n_threads=0),
    OK("silhouette: 1e200", lambda: silhouette(CLOUDS * 1e200, LABELS), same_as_plain()),
    OK("silhouette: 1e-300", lambda: silhouette(CLOUDS * 1e-300, LABELS), same_as_plain()),
    OK("silhouette: 1e307", lambda: silhouette(CLOUDS * 1e306, LABELS), same_as_plain()),
    OK("silhouette: a million threads", lambda: silhouette(CLOUDS, LABELS, n_threads=10**6), clear),
    OK("silhouette: swapped bytes", lambda: silhouette(CLOUDS.astype(">f8"), LABELS), clear),
    OK("silhouette: Fortran order", lambda: silhouette(np.asfortranarray(CLOUDS), LABELS), clear),
    OK("silhouette: huge labels", lambda: silhouette(CLOUDS, LABELS * 2**62), clear),
    OK(
        "silhouette: every row alone",
        lambda: silhouette(CLOUDS, np.arange(90)),
        lambda s: bool((s.value == 0.0).all()),
        nan=ERRORS_OF_ONE_ROW,
    ),
    OK(
        "silhouette: all rows equal",
        lambda: silhouette(np.ones((90, 2)), LABELS),
        lambda s: s.mean == 0.0 and s.standard_error == 0.0,
    ),
    OK(
        "silhouette: simplified",
        lambda: silhouette(CLOUDS, LABELS, method="simplified"),
        clear,
        nan=NO_ERRORS,
    ),
    OK(
        "silhouette: without errors",
        lambda: silhouette(CLOUDS, LABELS, standard_error=False),
        clear,
        nan=NO_ERRORS,
    ),
    W(
        "silhouette: noise",
        lambda: silhouette(CLOUDS, np.where(np.arange(90) % 9 == 0, -1, LABELS)),
        "10 of 90 rows have the label -1 of noise",
        lambda s: s.n_noise == 10,
        "DataWarning",
    ),
    # --- indices
    E("calinski_harabasz: NaN", lambda: calinski_harabasz(cell(math.nan), LABELS), "X[7, 1]"),
    E("calinski_harabasz: one cluster", lambda: calinski_harabasz(CLOUDS, [1] * 90), "got 1"),
    E(
        "calinski_harabasz: every row alone",
        lambda: calinski_harabasz(CLOUDS, range(90)),
        "fewer clusters than there are rows",
    ),
    OK(
        "calinski_harabasz: 1e200", lambda: calinski_harabasz(CLOUDS * 1e200, LABELS), math.isfinite
    ),
    OK("calinski_harabasz: no spread", lambda: calinski_harabasz(np.ones((90, 1)), LABELS), bool),
    E("davies_bouldin: NaN", lambda: davies_bouldin(cell(math.nan), LABELS), "X[7, 1]"),
    OK("davies_bouldin: 1e200", lambda: davies_bouldin(CLOUDS * 1e200, LABELS), lambda d: d < 1),
    OK(
        "davies_bouldin: no spread",
        lambda: davies_bouldin(np.ones((90, 1)), LABELS),
        lambda d: d == 0,
    ),
    # --- gap, stability, strength
    E("gap_statistic: NaN", lambda: gap_statistic(cell(math.nan)), "X[7, 1]"),
    E("gap_statistic: 1e200", lambda: gap_statistic(CLOUDS * 1e200, [2]), "squared distances"),
    E(
        "gap_statistic: more clusters than rows",
        lambda: gap_statistic(CLOUDS, [91]),
        "smaller than",
    ),
    E("gap_statistic: half a cluster", lambda: gap_statistic(CLOUDS, [2.5]), "whole number"),
    E("gap_statistic: a text", lambda: gap_statistic(CLOUDS, "23"), "whole number"),
    E("gap_statistic: one reference", lambda: gap_statistic(CLOUDS, n_references=1), ">= 2"),
    E("gap_statistic: no estimator", lambda: gap_statistic(CLOUDS, [2], 7), "must be a clusterer"),
    E("gap_statistic: a mute one", lambda: gap_statistic(CLOUDS, [2], Mute()), "n_clusters"),
    E("stability: a mute one", lambda: stability(Mute(), CLOUDS), "labels_ must have one label"),
    E("stability: NaN", lambda: stability(KMeans(2), cell(math.nan)), "X[7, 1]"),
    E("stability: one sample", lambda: stability(KMeans(2), CLOUDS, 1), "n_bootstrap must be >= 2"),
    E("stability: more clusters than rows", lambda: stability(KMeans(99), CLOUDS), "n_clusters"),
    E(
        "stability: progress in words",
        lambda: stability(KMeans(2), CLOUDS, progress="yes"),
        "progress",
    ),
    W(
        "stability: all rows equal",
        lambda: stability(KMeans(2), np.ones((20, 2)), 3),
        "clusters hold a row",
        lambda s: len(s) == 1 and s.jaccard[0] == 1.0,
    ),
    E("prediction_strength: NaN", lambda: prediction_strength(cell(math.nan)), "X[7, 1]"),
    E("prediction_strength: two rows", lambda: prediction_strength(CLOUDS[:2]), "smaller than"),
    E("prediction_strength: 0", lambda: prediction_strength(CLOUDS, threshold=0), "threshold"),
    # --- choose
    E("choose: NaN", lambda: choose(cell(math.nan)), "X[7, 1]"),
    E("choose: 1e200", lambda: choose(CLOUDS * 1e200, [2]), "squared distances"),
    E("choose: one cluster", lambda: choose(CLOUDS, [1]), "n_clusters must be >= 2"),
    E("choose: nothing to choose from", lambda: choose(CLOUDS, []), "must name a number"),
    E("choose: few rows", lambda: choose(CLOUDS[:4]), "smaller than the number of rows"),
    E("choose: a million rows", lambda: choose(np.zeros((10**6, 1))), "pass sample=20_000"),
    E("choose: more than all", lambda: choose(CLOUDS, [2], sample=91), "at most"),
    E("choose: a vote of NaN", lambda: choose(CLOUDS, [2], weights={"gap": math.nan}), "weights"),
    OK(
        "choose: clouds",
        lambda: choose(CLOUDS, [2, 3, 4], **ONE_FIT),
        lambda c: c.best_n_clusters == 3,
    ),
    W(
        "choose: all rows equal",
        lambda: choose(np.ones((20, 2)), [2, 3], **ONE_FIT),
        "clusters hold a row",
        lambda c: set(c.votes.values()) == {None},
    ),
    # --- drift
    E("drift: nobody", lambda: drift([], []), "before must hold a member"),
    E("drift: one segment", lambda: drift([1], [1]), "two segments"),
    E("drift: a missing label", lambda: drift([1, None], [1, 2]), "before[1] is missing"),
    E("drift: an empty segment", lambda: drift([1, 2], [1, 1]), "smoothing=0.5"),
    E("drift: two kinds", lambda: drift([1, 2], ["a", "b"]), "one kind"),
    E(
        "drift: an id twice",
        lambda: drift([1, 2], [1, 2], before_ids=[3, 3], after_ids=[3, 4]),
        "[1]",
    ),
    E("drift: ids of one date", lambda: drift([1, 2], [1, 2], after_ids=[3, 4]), "before_ids"),
    E("drift: smoothing NaN", lambda: drift([1, 2], [1, 2], smoothing=math.nan), "smoothing"),
    OK("drift: a member a segment", lambda: drift([1, 2], [1, 2]), lambda d: d.psi == 0.0),
    OK(
        "drift: the whole population moves",
        lambda: drift([1] * 10**6 + [2], [1] + [2] * 10**6),
        lambda d: d.psi > 20 and d.psi_lower < d.psi < d.psi_upper and d.p_value < 1e-9,
    ),
    OK(
        "drift: nobody in common",
        lambda: drift([1, 2], [1, 2], before_ids=[1, 2], after_ids=[3, 4]),
        lambda d: d.stayed is None and d.symmetry.p_value == 1.0 and d.left == 2,
    ),
]
