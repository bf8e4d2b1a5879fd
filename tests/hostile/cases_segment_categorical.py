"""Tables of categories that are none, that are all alike, that nobody has seen before."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
from hostile import OK, Case, E, W

from tenure.segment import KModes, KPrototypes, LatentClass, ward

RNG = np.random.default_rng(8)
CODES = RNG.integers(0, 3, (60, 4))
MIXED = np.hstack([RNG.normal(size=(60, 2)), CODES[:, :2]])


def prototypes(X: Any = MIXED, weight: Any = None, **settings: Any) -> KPrototypes:
    given = {"n_clusters": 3, "categorical": [2, 3], **settings}
    return KPrototypes(**given).fit(X, sample_weight=weight)


def modes(X: Any = CODES, weight: Any = None, **settings: Any) -> KModes:
    return KModes(**{"n_clusters": 3, **settings}).fit(X, sample_weight=weight)


def refused(about: str, says: str, X: Any = MIXED, **given: Any) -> Case:
    return E(f"KPrototypes: {about}", lambda: prototypes(X, **given), says)


def cell(row: int, column: int, value: float) -> np.ndarray:
    X = MIXED.copy()
    X[row, column] = value
    return X


def classes(X: Any = CODES, weight: Any = None, z: Any = None, **settings: Any) -> LatentClass:
    given = {"n_classes": 2, "n_init": 2, **settings}
    return LatentClass(**given).fit(X, sample_weight=weight, covariates=z)


def told(model: LatentClass) -> bool:
    shares = model.class_shares_
    return bool(math.isclose(shares.sum(), 1.0) and math.isfinite(model.log_likelihood_))


def separated() -> LatentClass:
    """A covariate that tells the classes without fail: its coefficient has no finite estimate."""
    code = np.repeat([0, 1], 40)[:, None] * np.ones((1, 4), dtype=int)
    code[::7, 0] ^= 1
    return classes(code, z=np.repeat([-1.0, 1.0], 40)[:, None], max_iter=50)


def whole(model: Any) -> bool:
    return bool(np.isfinite(model.cluster_centers_).all() and 0.0 <= model.cost_ < math.inf)


CASES = [
    refused("89 NaN", "X[7, 1] must be finite, got NaN", cell(7, 1, math.nan)),
    refused("89 infinity", "X[7, 1] must be finite, got -inf", cell(7, 1, -math.inf)),
    refused("numbers whose squares overflow", "small enough", cell(7, 1, 1e200)),
    refused("no rows", "at least one row", np.empty((0, 4))),
    refused("one dimension", "2D", np.arange(9.0)),
    refused("complex", "texts or numbers", np.full((5, 4), 1j)),
    refused("nothing", "2D", None),
    refused("more clusters than rows", "n_samples=2", MIXED[:2]),
    refused("no clusters", "n_clusters must be >= 1", n_clusters=0),
    refused("gamma NaN", "gamma must be", gamma=math.nan),
    refused("gamma infinite", "gamma must be", gamma=math.inf),
    refused("a column beyond the table", "categorical must name", categorical=[9]),
    refused("a column by a name that none has", "categorical must name", categorical=["x"]),
    refused("no column of categories", "use KMeans", categorical=[]),
    refused("86 negative weight", "sample_weight", weight=[-1.0] + [1.0] * 59),
    refused("86 all weights 0", "sample_weight", weight=[0.0] * 60),
    refused("weights of another length", "sample_weight", weight=[1.0]),
    refused("a start of another shape", "init must have", init=MIXED[:2]),
    refused("112 no threads", "n_threads must be >= 1", n_threads=0),
    E(
        "KModes: two columns of one name",
        lambda: modes(pa.table([["a"], ["b"]], ["x", "x"])),
        "one name",
    ),
    E(
        "KModes: lists in cells",
        lambda: modes(pa.table({"x": [[1], [2], [3]]})),
        "texts or numbers",
    ),
    E(
        "KModes.predict: before the fit",
        lambda: KModes().predict(CODES),
        "not fitted",
        "NotFittedError",
    ),
    E(
        "KModes.predict: another number of columns",
        lambda: modes().predict(CODES[:, :2]),
        "columns",
    ),
    W("KModes: 88 all rows equal", lambda: modes(np.ones((50, 2))), "only 1 of 3", whole),
    W("KModes: all cells missing", lambda: modes([[None], [None], [None]]), "only 1 of 3", whole),
    W(
        "KModes: 88 row by row",
        lambda: modes(np.ones((50, 2)), algorithm="huang"),
        "only 1 of 3",
        whole,
    ),
    W("KPrototypes: 88 all rows equal", lambda: prototypes(np.ones((50, 4))), "only 1 of 3", whole),
    OK("KPrototypes: 88 constant columns", lambda: prototypes(MIXED * [0, 0, 1, 0]), whole),
    OK(
        "KPrototypes: 91 one row",
        lambda: prototypes(MIXED[:1], n_clusters=1),
        lambda m: m.cost_ == 0.0,
    ),
    OK("KPrototypes: gamma 0", lambda: prototypes(gamma=0.0), whole),
    OK("KPrototypes: 1e150", lambda: prototypes(MIXED * [1e150, 1, 1, 1]), whole),
    OK("KPrototypes: 112 a million threads", lambda: prototypes(n_threads=10**6), whole),
    OK("KModes: every row its own level", lambda: modes(np.arange(60)[:, None]), whole),
    W(
        "KModes.predict: 2 unseen",
        lambda: modes().predict(CODES + 9),
        "fit has not seen",
        None,
        "DataWarning",
    ),
    E("LatentClass: no rows", lambda: classes(np.empty((0, 3))), "at least one row"),
    E("LatentClass: no classes", lambda: classes(n_classes=0), "n_classes must be >= 1"),
    E("LatentClass: 86 weight NaN", lambda: classes(weight=[math.nan] + [1.0] * 59), "[0]"),
    E("LatentClass: 86 negative weight", lambda: classes(weight=[1.0] * 59 + [-1.0]), "[59]"),
    E("LatentClass: 86 all weights 0", lambda: classes(weight=[0.0] * 60), "sample_weight"),
    E("LatentClass: covariate NaN", lambda: classes(z=np.full((60, 1), math.nan)), "[0, 0]"),
    E("LatentClass: covariate 1e200", lambda: classes(z=np.full((60, 1), 1e200)), "below 1e100"),
    E("LatentClass: 88 constant covariate", lambda: classes(z=np.ones((60, 1))), "does not vary"),
    E("LatentClass: covariates of fewer rows", lambda: classes(z=[[1.0]]), "one row for each"),
    E(
        "LatentClass: an item without answers",
        lambda: classes([[None, 1], [None, 2]]),
        "no answers",
    ),
    E(
        "LatentClass.predict: before the fit",
        lambda: LatentClass().predict(CODES),
        "not fitted",
        "NotFittedError",
    ),
    E("LatentClass.shares: level 1", lambda: classes(n_classes=1).shares(1.0), "level must"),
    W("LatentClass: 88 all rows equal", lambda: classes(np.ones((50, 3))), "not identified", told),
    W("LatentClass: 91 one row", lambda: classes(CODES[:1]), "not identified", told),
    W("LatentClass: more classes than patterns", lambda: classes(CODES[:3], n_classes=5), "", told),
    W("LatentClass: one item", lambda: classes(CODES[:, :1]), "not identified", told),
    W(
        "LatentClass: every row its own level",
        lambda: classes(np.arange(60)[:, None]),
        "not identified",
        told,
    ),
    W("LatentClass: one EM cycle", lambda: classes(max_iter=1), "", told),
    W("LatentClass: separated classes", separated, "", told),
    OK("LatentClass: one class", lambda: classes(n_classes=1), told),
    E("ward: no rows", lambda: ward(np.empty((0, 2))), "0 sample(s)"),
    E("ward: 89 NaN", lambda: ward([[1.0], [math.nan]]), "X[1, 0] must be finite"),
    E("ward: numbers whose squares overflow", lambda: ward([[0.0], [1e200]]), "small enough"),
    E("ward: 86 a weight of 0", lambda: ward([[0.0], [1.0]], sample_weight=[1.0, 0.0]), "[1]"),
    E("ward: 86 weight NaN", lambda: ward([[0.0], [1.0]], sample_weight=[1.0, math.nan]), "[1]"),
    E("ward.cut: more clusters than rows", lambda: ward([[0.0], [1.0]]).cut(3), "n_clusters"),
    E("ward.cut_at: height NaN", lambda: ward([[0.0], [1.0]]).cut_at(math.nan), "height"),
    E("ward.plot: one leaf", lambda: ward([[0.0], [1.0]]).plot(leaves=1), "leaves"),
    OK("ward: 91 one row", lambda: ward([[5.0]]), lambda t: t.cut(1).tolist() == [0]),
    OK("ward: 88 all rows equal", lambda: ward(np.ones((90, 2))), lambda t: not t.height.any()),
    OK(
        "ward: 90 weights of all sizes",
        lambda: ward(MIXED, sample_weight=np.logspace(-300, 300, 60)),
        lambda t: bool(np.isfinite(t.height).all()),
    ),
]
