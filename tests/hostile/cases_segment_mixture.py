"""Rows that no mixture fits: equal, collinear, far, too few; starts and files that hold none."""

from __future__ import annotations

import math
from typing import Any

import cases_model_file as files
import numpy as np
from hostile import OK, Case, E, W

from tenure.segment import GaussianMixture

RNG = np.random.default_rng(3)
CLOUDS = np.concatenate([RNG.normal(c, 0.3, (60, 2)) for c in (0.0, 5.0, 10.0)])
EYES = np.tile(np.eye(2), (3, 1, 1))
SKEWED = np.add(EYES, [[0.0, 1.0], [0.0, 0.0]])


def mixture(X: Any = CLOUDS, weight: Any = None, **settings: Any) -> GaussianMixture:
    return GaussianMixture(**{"n_components": 3, **settings}).fit(X, sample_weight=weight)


def refused(about: str, says: str, X: Any = CLOUDS, **given: Any) -> Case:
    return E(f"GaussianMixture: {about}", lambda: mixture(X, **given), says)


def warned(about: str, says: str, X: Any = CLOUDS, **given: Any) -> Case:
    return W(f"GaussianMixture: {about}", lambda: mixture(X, **given), says, whole)


def fine(about: str, X: Any = CLOUDS, **given: Any) -> Case:
    return OK(f"GaussianMixture: {about}", lambda: mixture(X, **given), whole)


def cell(row: int, column: int, value: float) -> np.ndarray:
    X = CLOUDS.copy()
    X[row, column] = value
    return X


def whole(m: GaussianMixture) -> bool:
    return bool(
        math.isfinite(m.log_likelihood_)
        and all(np.isfinite(a).all() for a in (m.means_, m.covariances_, m.precisions_cholesky_))
        and abs(m.weights_.sum() - 1.0) < 1e-12
        and (m.predict_proba(m.means_) >= 0.0).all()
    )


def three_clouds(m: GaussianMixture) -> bool:
    return whole(m) and sorted(np.bincount(m.predict(CLOUDS)).tolist()) == [60, 60, 60]


def stored(means: Any, **change: Any) -> Any:
    arrays = {
        "weights_": [0.25, 0.75],
        "means_": means,
        "covariances_": [[1.0, 1.0], [2.0, 1.0]],
        "precisions_cholesky_": [[1.0, 1.0], [0.7, 1.0]],
        "lower_bounds_": [-3.0],
    }
    arrays |= {name: change.pop(name) for name in list(change) if name in arrays}
    columns = [np.asarray(a, "<f8") for a in arrays.values()]
    specs = [{"dtype": a.dtype.str, "shape": list(a.shape)} for a in columns]
    state = {
        **{name: {"$array": i} for i, name in enumerate(arrays)},
        **dict.fromkeys(("log_likelihood_", "entropy_", "aic_", "bic_", "icl_"), 1.0),
        "converged_": True,
        "warnings_": {"$tuple": []},
        "n_features_in_": 2,
        **change,
    }
    params = {"n_components": 2, "covariance_type": "diag"}
    root = {"$object": "segment.GaussianMixture", "params": params, "state": state}
    body = b"".join(a.tobytes() for a in columns)
    return files.load(files.sealed({"root": root, "arrays": specs}, body))


def impossible(about: str, means: Any = ((0.0, 0.0), (1.0, 1.0)), **change: Any) -> Case:
    return E(
        f"GaussianMixture.load: {about}", lambda: stored(means, **change), "", "ModelFileError"
    )


CASES = [
    refused("no rows", "", np.empty((0, 2))),
    refused("one dimension", "", np.arange(9.0)),
    refused("text", "", [["a", "b"]] * 5),
    refused("complex", "", np.full((5, 2), 1j)),
    refused("89 NaN", "X[7, 1] must be finite, got NaN", cell(7, 1, math.nan)),
    refused("89 infinity", "X[7, 1] must be finite", cell(7, 1, math.inf)),
    refused("1e200", "small enough", cell(7, 1, 1e200)),
    refused("beside 1e150 all others are one point", "collapsed", cell(7, 1, 1e150)),
    refused("more components than rows", "n_samples=2", CLOUDS[:2]),
    refused("no components", "n_components must be >= 1", n_components=0),
    refused("half a component", "n_components must be a whole number", n_components=2.5),
    refused("unknown shape", "covariance_type must be one of", covariance_type="VVV"),
    refused("unknown start", "init_params must be one of", init_params="random"),
    refused("negative regularisation", "reg_covar must be", reg_covar=-1e-6),
    refused("regularisation NaN", "reg_covar must be", reg_covar=math.nan),
    refused("tolerance NaN", "tol must be", tol=math.nan),
    refused("no iterations", "max_iter must be >= 1", max_iter=0),
    refused("no runs", "n_init must be >= 1", n_init=0),
    refused("94 negative seed", "random_state must be >= 0", random_state=-1),
    refused("112 no threads", "n_threads must be >= 1", n_threads=0),
    refused("86 negative weight", "sample_weight", weight=[-1.0] + [1.0] * 179),
    refused("86 weight NaN", "sample_weight", weight=[math.nan] + [1.0] * 179),
    refused("86 all weights 0", "sample_weight", weight=[0.0] * 180),
    refused("86 weights of next to nothing", "sample_weight", weight=[5e-324] * 180),
    refused("86 a weight of 1e300", "weighted sum", CLOUDS * 1e10, weight=[1e300] + [1.0] * 179),
    refused("weights of another length", "sample_weight", weight=[1.0]),
    # --- what collapses
    refused("88 all rows equal, no floor", "collapsed", np.ones((50, 2)), reg_covar=0.0),
    refused("a constant column, no floor", "collapsed", np.c_[CLOUDS, np.ones(180)], reg_covar=0.0),
    refused("a column twice, no floor", "collapsed", CLOUDS[:, [0, 1, 0]], reg_covar=0.0),
    refused("91 one row, no floor", "collapsed", CLOUDS[:1], n_components=1, reg_covar=0.0),
    refused("a component a row, no floor", "collapsed", CLOUDS[:9], n_components=9, reg_covar=0.0),
    refused("a floor below all numbers", "collapsed", np.ones((50, 2)), reg_covar=1e-320),
    refused("variances that are 0", "collapsed", CLOUDS * 1e-310, reg_covar=0.0),
    warned("88 all rows equal", "hold no row", np.ones((50, 2))),
    warned("two distinct rows", "hold no row", np.repeat(np.eye(2), 9, axis=0)),
    warned("91 one row", "too little", CLOUDS[:1], n_components=1),
    warned("a component a row", "too little", CLOUDS[:9], n_components=9),
    warned("more columns than rows", "too little", RNG.normal(size=(5, 40)), n_components=2),
    warned("a constant column", "more than half of the variance", np.c_[CLOUDS, np.ones(180)]),
    warned("numbers whose squares are 0", "more than half", CLOUDS * 1e-310),
    warned("a floor above everything", "more than half", reg_covar=1e300),
    warned("one iteration", "max_iter=1", max_iter=1),
    warned("weight in two rows", "too little", weight=[0.0] * 178 + [1.0, 1.0]),
    warned("a column twice", "drop columns that others determine", CLOUDS[:, [0, 1, 0]]),
    warned("four points", "are flat", np.repeat(CLOUDS[[0, 1, 60, 120]], 9, axis=0)),
    fine("1e150 and more", CLOUDS * 1e150),
    fine("1e-150", CLOUDS * 1e-150, reg_covar=0.0),
    warned("86 weights of 1e-200", "too little", weight=[1e-200] * 180),
    fine(
        "three components in one place",
        n_init=1,
        means_init=np.ones((3, 2)),
        weights_init=[0.2, 0.3, 0.5],
        precisions_init=EYES,
    ),
    OK("GaussianMixture: 112 a million threads", lambda: mixture(n_threads=10**6), three_clouds),
    OK("GaussianMixture: float32", lambda: mixture(CLOUDS.astype("f4")), three_clouds),
    OK("GaussianMixture: Fortran order", lambda: mixture(np.asfortranarray(CLOUDS)), three_clouds),
    OK("GaussianMixture: swapped bytes", lambda: mixture(CLOUDS.astype(">f8")), three_clouds),
    # --- starts
    refused("means of another shape", "means_init must have shape", means_init=np.zeros((2, 2))),
    refused("a mean NaN", "means_init", means_init=np.full((3, 2), math.nan)),
    refused("means in words", "means_init", means_init=[["a", "b"]] * 3),
    refused("several runs from one start", "n_init must be 1", means_init=CLOUDS[:3], n_init=2),
    refused("weights that add up to more", "add up to 1", weights_init=[0.5, 0.5, 0.5]),
    refused("negative weights", "weights_init", weights_init=[1.5, -0.5, 0.0]),
    refused("negative precisions", "positive definite", precisions_init=-EYES),
    refused("precisions NaN", "positive definite", precisions_init=EYES * math.nan),
    refused("precisions not symmetric", "symmetric", precisions_init=SKEWED),
    fine("precisions of 1e300", means_init=CLOUDS[::60], precisions_init=EYES * 1e300),
    # --- afterwards
    E(
        "GaussianMixture.predict: before the fit",
        lambda: GaussianMixture().predict(CLOUDS),
        "not fitted",
        "NotFittedError",
    ),
    E("GaussianMixture.predict: other columns", lambda: mixture().predict(np.ones((3, 5))), ""),
    E("GaussianMixture.predict: NaN", lambda: mixture().predict([[math.nan, 1.0]]), "X[0, 0]"),
    OK(
        "GaussianMixture.predict_proba: far from everything",
        lambda: mixture().predict_proba([[1e150, -1e150]]),
        lambda shares: abs(shares.sum() - 1.0) < 1e-12,
    ),
    E("GaussianMixture.sample: nothing", lambda: mixture().sample(0), "n_samples must be >= 1"),
    E("GaussianMixture.estimates: level 1", lambda: mixture().estimates(CLOUDS, level=1.0), ""),
    E("GaussianMixture.estimates: unknown", lambda: mixture().estimates(CLOUDS, errors="HC3"), ""),
    E(
        "GaussianMixture.estimates: 3,781 parameters",
        lambda: mixture(RNG.normal(size=(300, 60)), n_components=2, reg_covar=0.1).estimates(
            RNG.normal(size=(300, 60))
        ),
        "2,000 parameters",
    ),
    E("GaussianMixture.choose: nothing", lambda: GaussianMixture.choose(CLOUDS, []), ""),
    E(
        "GaussianMixture.choose: by its looks",
        lambda: GaussianMixture.choose(CLOUDS, [1], criterion="looks"),
        "criterion",
    ),
    OK(
        "GaussianMixture.choose: what collapses stays in the table",
        lambda: GaussianMixture.choose(CLOUDS[:6], [1, 6], covariance="full", reg_covar=0.0),
        lambda table: table.status == ("converged", "collapsed"),
        nan=("log_likelihood", "entropy", "aic", "bic", "icl"),
    ),
    # --- files
    OK(
        "GaussianMixture.load: the frame of the cases below",
        lambda: stored([[0.0, 0.0], [1.0, 1.0]]),
        lambda m: m.predict([[-1.0, -1.0]]).tolist() == [0],
    ),
    impossible("98 a mean is NaN", [[0.0, math.nan], [1.0, 1.0]]),
    impossible("98 another number of features", [[0.0], [1.0]]),
    impossible("98 means in one dimension", [0.0, 1.0]),
    impossible("98 weights of more than all", weights_=[0.5, 0.7]),
    impossible("98 a negative weight", weights_=[1.5, -0.5]),
    impossible("98 a negative root", precisions_cholesky_=[[1.0, -1.0], [0.7, 1.0]]),
    impossible("98 one covariance", covariances_=[[1.0, 1.0]]),
    impossible("98 no iterations", lower_bounds_=[]),
    impossible("98 entropy NaN", entropy_={"$float": "nan"}),
    impossible("98 converged maybe", converged_="yes"),
]
