"""Covariates that no customer has: models of repeat purchases with columns of all kinds."""

from __future__ import annotations

import functools
from typing import Any

import cases_model_file as files
import numpy as np
import pandas as pd
import pyarrow as pa
from cases_clv import cdnow
from hostile import OK, Case, E, W

import tenure as tn
from tenure.clv import BGNBD, NBD, GGompertzNBD, ParetoNBD

N = 300


@functools.cache
def people() -> dict[str, Any]:
    base, rng = cdnow(), np.random.default_rng(1)
    data = {n: np.asarray(getattr(base, n), float)[:N] for n in ("frequency", "recency", "T")}
    return data | {
        "z": rng.normal(size=N),
        "flag": rng.integers(0, 2, N),
        "channel": rng.choice(["web", "app", "shop"], N).tolist(),
    }


def fit(change: dict[str, Any] | None = None, cls: type = BGNBD, **settings: Any) -> Any:
    wanted = {"purchase_covariates": ["z", "channel"], "dropout_covariates": ["flag"]} | settings
    return cls(**wanted).fit(people() | (change or {}))


@functools.cache
def model() -> Any:
    return fit()


def alive(**change: Any) -> np.ndarray:
    return np.asarray(model().probability_alive(people() | change))


def put(name: str, row: int, value: Any) -> dict[str, Any]:
    column = list(people()[name])
    column[row] = value
    return {name: column}


def finite(m: Any) -> bool:
    table = m.coef_
    return bool(np.isfinite(table.estimate).all() and np.isfinite(table.standard_error).all())


def numbers(m: Any) -> bool:
    return bool(np.isfinite(m.coefficients_).all())


def probability(p: np.ndarray) -> bool:
    return bool(((p >= 0) & (p <= 1)).all())


def same(other: Any) -> bool:
    return bool(np.allclose(other.coefficients_, model().coefficients_, rtol=1e-6, atol=1e-8))


def bought(change: dict[str, Any] | None = None, **settings: Any) -> Any:
    """Of the model that knows covariates of purchases only."""
    return NBD(purchase_covariates=["z", "channel"], **settings).fit(people() | (change or {}))


def growing(z: Any, **change: Any) -> Any:
    """P(alive) of GGompertz/NBD with one coefficient in the dropout, at given parameters."""
    model = GGompertzNBD(dropout_covariates="z")
    model._restore(
        {
            "params_": {"r": 0.55, "alpha": 10.6, "b": 0.05, "s": 0.6, "beta": 0.4},
            "log_covariance_": np.eye(5),
            "log_likelihood_": -1.0,
            "status_": "converged",
            "n_iter_": 1,
            "gradient_norm_": 0.0,
            "hessian_eigenvalues_": np.ones(5),
            "n_customers_": 2.0,
            "unit_": None,
            "covariate_levels_": {"z": None},
            "coefficients_": np.array([1.0]),
            "joint_covariance_": np.eye(6),
        }
    )
    data = {"frequency": [0.0, 3.0], "recency": [0.0, 20.0], "T": [30.0, 30.0], "z": z}
    return model.probability_alive(data | change)


def refused(about: str, says: str, change: dict[str, Any] | None = None, **more: Any) -> Case:
    return E(f"covariates: {about}", lambda: fit(change, **more), says)


def stored(**change: Any) -> Any:
    """A saved model with one covariate in which something was replaced, with a right checksum."""
    state = {
        "params_": {"r": 0.24, "alpha": 4.4, "a": 0.79, "b": 2.43},
        "log_covariance_": {"$array": 0},
        "log_likelihood_": -9582.4,
        "status_": "converged",
        "n_iter_": 9,
        "gradient_norm_": 1e-9,
        "hessian_eigenvalues_": {"$array": 1},
        "n_customers_": 2357.0,
        "unit_": "week",
        "covariate_levels_": {"z": None},
        "coefficients_": {"$array": 2},
        "joint_covariance_": {"$array": 3},
    } | change.get("state", {})
    arrays = [
        np.eye(4),
        np.ones(5),
        np.asarray(change.get("coefficients", [0.5])),
        np.eye(change.get("size", 5)),
    ]
    settings = change.get("settings", {"purchase_covariates": "z"})
    root = {"$object": "clv.BGNBD", "params": settings, "state": state}
    specs = [{"dtype": "<f8", "shape": list(a.shape)} for a in arrays]
    body = b"".join(a.astype("<f8").tobytes() for a in arrays)
    return files.load(files.sealed({"root": root, "arrays": specs}, body))


def impossible(about: str, **change: Any) -> Case:
    return E(f"covariates.load: {about}", lambda: stored(**change), "", "ModelFileError")


CASES = [
    OK("covariates.load: as it should be", stored, lambda m: len(m.coef_) == 1),
    impossible("no coefficients", coefficients=[]),
    impossible("a coefficient that is no number", coefficients=[np.nan]),
    impossible("a covariance of others", size=4),
    impossible("covariates of others", settings={"purchase_covariates": "y"}),
    impossible("covariates of nobody", settings={}),
    impossible("one level", state={"covariate_levels_": {"z": {"$tuple": ["a"]}}}),
    impossible("levels that are numbers", state={"covariate_levels_": {"z": {"$tuple": [1, 2]}}}),
    impossible("no levels", state={"covariate_levels_": 3}),
    OK("covariates: numbers, flags and text", fit, finite),
    OK("covariates: Pareto/NBD", lambda: fit(cls=ParetoNBD, l2=1e-3), finite),
    OK("covariates: NBD", bought, finite),
    OK(
        "covariates: NBD, an elastic penalty",
        lambda: bought(covariate_alpha=0.1),
        numbers,
        nan=("log_covariance_", "joint_covariance_"),
    ),
    E("covariates: NBD, a missing number", lambda: bought(put("z", 5, np.nan)), "missing"),
    E(
        "covariates: NBD knows no dropout",
        lambda: fit(cls=NBD),
        "dropout_covariates",
        "TypeError",
    ),
    W(
        "covariates: GGompertz/NBD where b runs to 0",
        lambda: fit(cls=GGompertzNBD),
        "stopped without an optimum",
        numbers,
    ),
    W(
        "covariates: GGompertz/NBD, large numbers",
        lambda: fit({"z": np.asarray(people()["z"]) * 1e90}, cls=GGompertzNBD),
        "stopped without an optimum",
        numbers,
    ),
    refused("GGompertz/NBD, infinity", "must be finite", put("z", 5, np.inf), cls=GGompertzNBD),
    refused("GGompertz/NBD, one level", "for every", {"channel": ["a"] * N}, cls=GGompertzNBD),
    refused("GGompertz/NBD, a bad age", "T", put("T", 3, np.nan), cls=GGompertzNBD),
    OK("covariates: GGompertz/NBD, hazards apart", lambda: growing([-300.0, 300.0]), probability),
    OK("covariates: GGompertz/NBD, no difference", lambda: growing([0.0, -0.0]), probability),
    E("covariates: GGompertz/NBD, parameters that overflow", lambda: growing([0.0, 1e9]), "> 0"),
    OK("covariates: booleans", lambda: fit({"flag": people()["flag"] == 1}), same),
    OK("covariates: 8-bit numbers", lambda: fit({"flag": people()["flag"].astype("i1")}), same),
    OK(
        "covariates: decimals",
        lambda: fit({"flag": pa.array(people()["flag"]).cast(pa.decimal128(20))}),
        same,
    ),
    OK(
        "covariates: categories",
        lambda: fit({"channel": pd.Categorical(people()["channel"])}),
        same,
    ),
    refused("huge numbers", "another unit", {"z": np.asarray(people()["z"]) * 1e300}),
    OK("covariates: large numbers", lambda: fit({"z": np.asarray(people()["z"]) * 1e90}), finite),
    refused("tiny numbers", "another unit", {"z": np.asarray(people()["z"]) * 1e-300}),
    OK("covariates: small numbers", lambda: fit({"z": np.asarray(people()["z"]) * 1e-90}), finite),
    OK(
        "covariates: text that is no ASCII",
        lambda: fit({"channel": ["\u00e9\u4e2d", "\U0001f600", ""] * 100}),
        finite,
    ),
    OK(
        "covariates: more levels than anybody needs",
        lambda: fit({"channel": [f"c{i % 40:02}" for i in range(N)]}, covariate_l2=0.1),
        finite,
    ),
    OK("covariates: a level far away", lambda: alive(z=np.full(N, 50.0)), probability),
    refused("a missing number", "must not be missing", put("z", 5, np.nan)),
    refused("infinity", "must be finite", put("z", 5, -np.inf)),
    refused("a missing text", "must not be missing", put("channel", 5, None)),
    refused("a constant", "for every customer", {"z": np.ones(N)}),
    refused("one level", "for every customer", {"channel": ["a"] * N}),
    refused("dates", "numbers or text", {"z": np.arange(N).astype("M8[D]")}),
    refused("bytes", "numbers or text", {"z": pa.array([b"a", b"b"] * (N // 2))}),
    refused("lists", "numbers or text", {"z": pa.array([[1.0]] * N)}),
    refused("too few rows", "length", {"z": np.ones(3)}),
    refused(
        "one column twice under two names",
        "collinear",
        {"y": people()["z"]},
        purchase_covariates=["z", "y"],
    ),
    refused("a column that is not there", "not a column", purchase_covariates=["zz"]),
    refused("a name that is no text", "names of columns", purchase_covariates=[3]),
    refused("a name twice", "twice", purchase_covariates=["z", "z"]),
    refused("a negative penalty", "covariate_l2", covariate_l2=-1.0),
    refused("a penalty that is no number", "covariate_l2", covariate_l2=np.nan),
    refused("equal coefficients of one process only", "equal_covariates", equal_covariates="z"),
    E(
        "covariates: a level that the fit has not seen",
        lambda: alive(**put("channel", 9, "tv")),
        "levels of the fit",
    ),
    E("covariates: parameters that overflow", lambda: alive(**put("z", 9, 1e9)), "finite and > 0"),
    E("covariates: numbers in place of text", lambda: alive(channel=np.ones(N)), "fitted as text"),
    E(
        "covariates: none for a new customer",
        lambda: model().expected_purchases_new(3.0),
        "covariates=",
    ),
    E(
        "covariates: a summary without its columns",
        lambda: model().probability_alive(cdnow()),
        "not a column",
    ),
    E(
        "with_covariates: ids of another type",
        lambda: tn.clv.with_covariates(cdnow(), {"customer": ["a"], "z": [1]}),
        "does not fit the ids",
    ),
    E(
        "with_covariates: nobody known",
        lambda: tn.clv.with_covariates(cdnow(), {"customer": [7], "z": [1]}),
        "no row for customer",
    ),
    E(
        "with_covariates: an id twice",
        lambda: tn.clv.with_covariates(cdnow(), {"customer": [1, 1], "z": [1, 2]}),
        "more than one row",
    ),
]
