"""Rows that form no clusters, scores without spread, grids with holes."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import cases_model_file as files
import numpy as np
import pandas as pd
from hostile import OK, Case, E, W

import tenure as tn
from tenure.segment import KMeans, MiniBatchKMeans, concentration, rfm, rfm_scores

RNG = np.random.default_rng(3)
CLOUDS = np.concatenate([RNG.normal(c, 0.3, (60, 2)) for c in (0.0, 5.0, 10.0)])


def means(X: Any = CLOUDS, weight: Any = None, **settings: Any) -> KMeans:
    return KMeans(**{"n_clusters": 3, **settings}).fit(X, sample_weight=weight)


def batches(**settings: Any) -> MiniBatchKMeans:
    return MiniBatchKMeans(3, **settings)


def refused(about: str, says: str, X: Any = CLOUDS, **given: Any) -> Case:
    return E(f"KMeans: {about}", lambda: means(X, **given), says)


def cell(row: int, column: int, value: float) -> np.ndarray:
    X = CLOUDS.copy()
    X[row, column] = value
    return X


def whole(model: Any) -> bool:
    return bool(np.isfinite(model.cluster_centers_).all() and model.inertia_ >= 0)


def three_clouds(model: Any) -> bool:
    return whole(model) and sorted(np.bincount(model.labels_).tolist()) == [60, 60, 60]


def a_log(days: Any = (2, 9, 30, 5, 28), who: Any = ("a", "a", "a", "b", "c"), **more: Any) -> Any:
    frame: dict[str, Any] = {"c": list(who), "d": [dt.date(2024, 1, d) for d in days]}
    amount = more.pop("amount", [30.0, 50.0, 40.0, 20.0, 10.0])
    if amount is not None:
        frame["v"] = amount
    return tn.EventLog(
        frame, customer="c", time="d", amount=None if amount is None else "v", **more
    )


def a_log_of_nobody() -> Any:
    frame = {"c": np.array([], np.int64), "d": np.array([], "M8[us]"), "v": np.array([])}
    return tn.EventLog(frame, customer="c", time="d", amount="v")


def scored(days: Any, orders: Any, money: Any = None, **more: Any) -> Any:
    return rfm_scores(days, orders, money, **more)


def within(result: Any) -> bool:
    scores = [result.r, result.f] + ([result.m] if result.m is not None else [])
    return all(((s >= 1) & (s <= 5)).all() for s in scores)


def zeros_of_both_signs() -> bool:
    a = scored([0.0, -0.0, 1.0, 2.0], [1, 1, 2, 3], [0.0, -0.0, 1.0, 5.0])
    return bool(a.m[0] == a.m[1] and a.r[0] == a.r[1])


def stored(centre: Any, label: Any = (0, 1), **change: Any) -> Any:
    arrays = [np.asarray(centre, "<f8"), np.asarray(label, "<i4")]
    specs = [{"dtype": a.dtype.str, "shape": list(a.shape)} for a in arrays]
    state = {
        "cluster_centers_": {"$array": 0},
        "labels_": {"$array": 1},
        "inertia_": 1.0,
        "n_iter_": 2,
        "converged_": True,
        "warnings_": {"$tuple": []},
        "n_features_in_": 2,
        **change,
    }
    root = {"$object": "segment.KMeans", "params": {"n_clusters": 2}, "state": state}
    body = b"".join(a.tobytes() + b"\0" * (-len(a.tobytes()) % 8) for a in arrays)
    return files.load(files.sealed({"root": root, "arrays": specs}, body))


def impossible(about: str, *given: Any, **change: Any) -> Case:
    return E(f"KMeans.load: {about}", lambda: stored(*given, **change), "", "ModelFileError")


HOLES: dict[str, Any] = {"best": (5, (4, 5)), "rest": ((1, 3), (1, 5))}
TWICE: dict[str, Any] = {"all": ((1, 5), (1, 5)), "best": (5, 5)}

CASES = [
    # --- k-means
    refused("no rows", "", np.empty((0, 2))),
    refused("no columns", "", np.empty((5, 0))),
    refused("one dimension", "", np.arange(9.0)),
    refused("three dimensions", "", np.zeros((3, 3, 3))),
    refused("ragged", "", [[1.0], [2.0, 3.0]]),
    refused("text", "", [["a", "b"]] * 5),
    refused("complex", "", np.full((5, 2), 1j)),
    refused("nothing", "", None),
    refused("89 NaN", "", cell(7, 1, math.nan)),
    refused("89 infinity", "", cell(7, 1, math.inf)),
    refused("89 a missing cell", "", pd.DataFrame({"x": [1.0, None, 3.0], "y": [1.0, 2.0, 3.0]})),
    refused("values whose squares overflow", "", cell(7, 1, 1e300)),
    refused("more clusters than rows", "n_samples=2", CLOUDS[:2]),
    refused("no clusters", "n_clusters must be >= 1", n_clusters=0),
    refused("half a cluster", "n_clusters must be a whole number", n_clusters=2.5),
    refused("no iterations", "max_iter must be >= 1", max_iter=0),
    refused("negative tolerance", "tol must", tol=-1.0),
    refused("tolerance NaN", "tol must", tol=math.nan),
    refused("unknown start", "init must be", init="random"),
    refused("centres of another shape", "init must have", init=np.zeros((2, 2))),
    refused("centre NaN", "init", init=np.full((3, 2), math.nan)),
    refused("94 negative seed", "random_state must be >= 0", random_state=-1),
    refused("94 seed 2^64", "random_state must be < 2**64", random_state=2**64),
    refused("94 seed in words", "random_state must be", random_state="7"),
    refused("112 no threads", "n_threads must be >= 1", n_threads=0),
    refused("112 fewer than none", "n_threads must be >= 1", n_threads=-5),
    refused("86 negative weight", "sample_weight", weight=[-1.0] + [1.0] * 179),
    refused("86 weight NaN", "sample_weight", weight=[math.nan] + [1.0] * 179),
    refused("86 all weights 0", "sample_weight", weight=[0.0] * 180),
    refused("weights of another length", "sample_weight", weight=[1.0]),
    OK("KMeans: 112 a million threads", lambda: means(n_threads=10**6), three_clouds),
    OK("KMeans: float32", lambda: means(CLOUDS.astype("f4")), three_clouds),
    OK("KMeans: Fortran order", lambda: means(np.asfortranarray(CLOUDS)), three_clouds),
    OK("KMeans: swapped bytes", lambda: means(CLOUDS.astype(">f8")), three_clouds),
    OK("KMeans: 1e150 and more", lambda: means(CLOUDS * 1e150, n_clusters=3), whole),
    W(
        "KMeans: numbers whose squares are 0",
        lambda: means(CLOUDS * 1e-310),
        "clusters hold a row",
        whole,
    ),
    OK(
        "KMeans: 91 one row, one column",
        lambda: means([[5.0]], n_clusters=1),
        lambda m: m.cluster_centers_.tolist() == [[5.0]] and m.inertia_ == 0.0,
    ),
    W("KMeans: 88 all rows equal", lambda: means(np.ones((50, 2))), "clusters hold a row", whole),
    W(
        "KMeans: two distinct rows",
        lambda: means(np.repeat(np.eye(2), 9, axis=0)),
        "only 2 of 3",
        whole,
    ),
    W(
        "KMeans: one iteration",
        lambda: means(max_iter=1, tol=0.0, init=CLOUDS[:3]),
        "max_iter=1",
        lambda m: not m.converged_,
    ),
    W(
        "KMeans: one distinct row, a sample to start from",
        lambda: means(np.ones((50, 2)), init="k-means||", algorithm="exponion"),
        "only 1 of 3",
        whole,
    ),
    OK(
        "KMeans: as many clusters as rows",
        lambda: means(CLOUDS, n_clusters=180, algorithm="exponion"),
        # A centre is kept about the mean of the data: a row comes back to the last digit.
        lambda m: len(set(m.labels_.tolist())) == 180 and m.inertia_ < 1e-27,
    ),
    OK(
        "KMeans: bounds at 1e150",
        lambda: means(CLOUDS * 1e150, algorithm="hamerly", tol=0.0),
        three_clouds,
    ),
    OK(
        "KMeans: sizes of rows that are all equal",
        lambda: means(np.ones((50, 2)), min_cluster_size=16),
        lambda m: min(np.bincount(m.labels_)) >= 16,
    ),
    refused("more rows than there are for sizes", "min_cluster_size", min_cluster_size=61),
    refused("negative size", "min_cluster_size must be >= 0", min_cluster_size=-1),
    refused("unknown algorithm", "algorithm must be one of", algorithm="elkan"),
    refused("algorithm in bytes", "algorithm must be one of", algorithm=b"lloyd"),
    OK("MiniBatchKMeans: three clouds", lambda: batches().fit(CLOUDS), three_clouds),
    W(
        "MiniBatchKMeans: one pass",
        lambda: batches(max_iter=1, tol=0.0).fit(CLOUDS),
        "max_iter=1",
        whole,
    ),
    E("MiniBatchKMeans: NaN", lambda: batches().fit(cell(7, 1, math.nan)), "X[7, 1] must be"),
    E("MiniBatchKMeans: 1e300", lambda: batches().partial_fit(cell(7, 1, 1e300)), "float64"),
    E("MiniBatchKMeans: a batch of fewer rows", lambda: batches().partial_fit(CLOUDS[:2]), "=3."),
    E(
        "MiniBatchKMeans: batches of no rows",
        lambda: batches(batch_size=0).fit(CLOUDS),
        "batch_size",
    ),
    E("MiniBatchKMeans.merge: nothing", lambda: batches().fit(CLOUDS).merge(None), "other must be"),
    E(
        "KMeans.predict: before the fit",
        lambda: KMeans().predict(CLOUDS),
        "not fitted",
        "NotFittedError",
    ),
    E("KMeans.predict: another number of columns", lambda: means().predict(np.ones((3, 5))), ""),
    E("KMeans.predict: NaN", lambda: means().predict([[math.nan, 1.0]]), ""),
    OK(
        "KMeans.load: the frame of the cases below", lambda: stored([[0.0, 0.0], [1.0, 1.0]]), whole
    ),
    impossible("98 a centre is NaN", [[0.0, math.nan], [1.0, 1.0]]),
    impossible("98 no centres", np.empty((0, 2))),
    impossible("98 centres in one dimension", [0.0, 1.0]),
    impossible("98 another number of features", [[0.0], [1.0]]),
    impossible("98 a label of no cluster", [[0.0, 0.0], [1.0, 1.0]], [0, 7]),
    impossible("98 a negative label", [[0.0, 0.0], [1.0, 1.0]], [0, -1]),
    impossible("98 negative inertia", [[0.0, 0.0], [1.0, 1.0]], inertia_=-1.0),
    impossible("98 inertia NaN", [[0.0, 0.0], [1.0, 1.0]], inertia_={"$float": "nan"}),
    impossible("98 converged maybe", [[0.0, 0.0], [1.0, 1.0]], converged_="yes"),
    # --- RFM
    OK("rfm: one order a customer", lambda: rfm(a_log()), within),
    OK("rfm: equal values everywhere", lambda: scored([3.0] * 50, [1] * 50, [5.0] * 50), within),
    OK("rfm: 91 one customer", lambda: scored([3.0], [1], [5.0]), within),
    OK("rfm: 92 zeros of both signs", zeros_of_both_signs, bool),
    OK("rfm: no money", lambda: rfm(a_log(amount=None), monetary=None), within),
    E("rfm: money of a log without amounts", lambda: rfm(a_log(amount=None)), "no amounts"),
    E("rfm: nobody", lambda: rfm(a_log_of_nobody(), monetary=None), "no customer has an order"),
    E("rfm: before everything", lambda: rfm(a_log(), at="2020-01-01"), "no customer has an order"),
    E("rfm: behind the end", lambda: rfm(a_log(), at="2030-01-01"), "behind the end"),
    E("rfm: a frame and no log", lambda: rfm(pd.DataFrame({"a": [1]})), "must be an EventLog"),
    E("rfm: unknown scoring", lambda: rfm(a_log(), scoring="kmeans"), "scoring must be one of"),
    E("rfm: one bin", lambda: rfm(a_log(), bins=1), "bins"),
    E("rfm: eleven bins", lambda: rfm(a_log(), bins=11), "no segment holds"),
    E("rfm: cuts that nobody asked for", lambda: rfm(a_log(), cuts={"orders": [1]}), "cuts"),
    E("rfm: fixed without cuts", lambda: rfm(a_log(), scoring="fixed"), "cuts"),
    E("rfm: unknown grid", lambda: rfm(a_log(), grid="11-segment"), "grid"),
    E("rfm: 43 a grid with holes", lambda: rfm(a_log(), grid=HOLES), "4"),
    E("rfm: a grid that says two things", lambda: rfm(a_log(), grid=TWICE), "best"),
    E("rfm: a grid beyond the scores", lambda: rfm(a_log(), grid={"all": ((1, 9), (1, 5))}), ""),
    E("rfm_scores: NaN days", lambda: scored([math.nan], [1], [5.0]), "days_since_last[0]"),
    E("rfm_scores: negative days", lambda: scored([-1.0], [1], [5.0]), "days_since_last[0]"),
    E("rfm_scores: infinite money", lambda: scored([1.0], [1], [math.inf]), "monetary[0]"),
    E("rfm_scores: negative orders", lambda: scored([1.0], [-1], [5.0]), "orders[0]"),
    E("rfm_scores: unequal lengths", lambda: scored([1.0, 2.0], [1], [5.0]), "orders"),
    E("rfm_scores: no customers", lambda: scored([], [], []), ""),
    E("rfm_scores: 112 no threads", lambda: scored([1.0], [1], [5.0], n_threads=0), "n_threads"),
    # --- concentration
    E("concentration: nobody", lambda: concentration([]), ""),
    E("concentration: nothing", lambda: concentration([0.0, 0.0]), ""),
    E("concentration: NaN", lambda: concentration([1.0, math.nan]), "[1]"),
    E("concentration: infinite", lambda: concentration([1.0, math.inf]), "[1]"),
    E("concentration: less than nothing", lambda: concentration([1.0, -5.0]), ""),
    E("concentration: more than all", lambda: concentration([1.0, 2.0], top=[1.5]), "top"),
    E("concentration: no top", lambda: concentration([1.0, 2.0], top=[0.0]), "top"),
    E(
        "concentration: two points of a curve",
        lambda: concentration([1.0, 2.0], points=1),
        "points",
    ),
    W(
        "concentration: a customer in the red",
        lambda: concentration([5.0, -1.0]),
        "",
        None,
        "DataWarning",
    ),
    OK(
        "concentration: one customer",
        lambda: concentration([5.0], [1]),
        lambda c: c.gini == 0.0,
        nan=("lower_90_mean_order_value", "rest_mean_order_value"),
    ),
]
