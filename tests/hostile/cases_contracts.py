"""Contracts that no paper has: shifted beta-geometric, Weibull, lifetimes to come."""

from __future__ import annotations

import math
from typing import Any

import cases_model_file as files
import numpy as np
from cases_clv import possible
from hostile import OK, Case, E, W

from tenure.clv import (
    BetaDiscreteWeibull,
    DiscreteWeibull,
    ShiftedBetaGeometric,
    likelihood_ratio_test,
)

HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
MODELS = (ShiftedBetaGeometric, BetaDiscreteWeibull, DiscreteWeibull)


def fit(renewals: Any, churned: Any, weight: Any = None, model: Any = ShiftedBetaGeometric) -> Any:
    return model().fit({"renewals": renewals, "churned": churned}, weight)


def fitted(model: Any = ShiftedBetaGeometric, **settings: Any) -> Any:
    return model(**settings).fit(HIGH_END)


def derl(renewals: Any, model: Any = ShiftedBetaGeometric, **given: Any) -> Any:
    return fitted(model, renewal="month").discounted_residual_lifetime(renewals, **given)


def refused(about: str, says: str, data: Any, model: Any = ShiftedBetaGeometric) -> Case:
    return E(f"{model.__name__}: {about}", lambda: model().fit(data), says)


def extremes_are_ordered(model: Any) -> bool:
    """From the first renewal to the millionth, at any discount, lifetimes are numbers in order."""
    m = fitted(model, renewal="day")
    rates = (0.0, 1e-9, 1e-3, 1.0, 1e6)
    told = [m.discounted_residual_lifetime([0, 10, 2**20], discount_rate=r) for r in rates]
    table = np.array(told)
    return not np.isnan(table).any() and bool(np.all(np.diff(table, axis=0) <= 0.0))


def million_rows_are_their_counts() -> bool:
    rng = np.random.default_rng(3)
    n = np.minimum(rng.geometric(rng.beta(0.8, 2.0, 1_000_000)) - 1, 12)
    churned = n < 12
    counts = np.bincount(n)
    few = fit(np.arange(13), [1] * 12 + [0], counts.astype(float))
    return bool(fit(n, churned).params_ == few.params_)


def load(values: dict[str, Any] | None = None, **state: Any) -> Any:
    root = {
        "$object": "clv.DiscreteWeibull",
        "params": {},
        "state": {
            "params_": {"theta": 0.3, "c": 0.8, **(values or {})},
            "log_covariance_": {"$array": 0},
            "log_likelihood_": -10.0,
            "status_": "converged",
            "n_iter_": 9,
            "gradient_norm_": 1e-9,
            "hessian_eigenvalues_": {"$array": 1},
            "n_customers_": 9.0,
            **state,
        },
    }
    arrays = [np.eye(2) * 0.01, np.ones(2)]
    specs = [{"dtype": "<f8", "shape": list(a.shape)} for a in arrays]
    body = b"".join(a.tobytes() for a in arrays)
    return files.load(files.sealed({"root": root, "arrays": specs}, body))


LONG = {"survivors": [9.0, 5.0, 3.0, 2.0]}

CASES = [
    refused("no rows", "at least one row", {"renewals": [], "churned": []}),
    refused("no cohorts", "cohort with customers", np.empty((0, 4))),
    refused("nobody in the cohort", "cohort with customers", [0, 0, 0]),
    refused("nobody left", "nobody churned", {"renewals": [1, 5], "churned": [0, 0]}),
    refused("all left at once", "first renewal", {"renewals": [0, 0], "churned": [1, 1]}),
    refused("one renewal", "cannot tell 2", [1000, 600]),
    refused("two renewals", "cannot tell 3", [1000, 600, 400], BetaDiscreteWeibull),
    refused("half a renewal", "renewals[1]", {"renewals": [1, 1.5], "churned": [0, 1]}),
    refused("renewals NaN", "renewals[0]", {"renewals": [math.nan, 1], "churned": [0, 1]}),
    refused("renewals 1e300", "renewals[0]", {"renewals": [1e300, 1], "churned": [0, 1]}),
    refused("text", "renewals", {"renewals": ["a", "b"], "churned": [0, 1]}),
    refused("churned twice", "churned[0]", {"renewals": [1, 1], "churned": [2, 1]}),
    refused("survivors rise", "at most 5", [9, 5, 6]),
    refused("a hole", "missing", [9, math.nan, 3]),
    refused("survivors infinite", "finite", [math.inf, 5, 3]),
    refused("a table of text", "counts by age", [["a", "b"]]),
    refused("ages with a gap", "age[3]", {**LONG, "age": [0, 1, 2, 4]}),
    refused("ages that do not fit", "rows", {**LONG, "age": [0, 1]}),
    refused("both kinds of data", "not both", {**LONG, "renewals": [0, 1, 2, 3]}),
    E("fit: weight -1", lambda: fit([0, 1, 2], [1, 1, 0], [1, -1, 1]), "weight[1]"),
    E("fit: weights 0", lambda: fit([0, 1, 2], [1, 1, 0], [0, 0, 0]), "weight"),
    W(
        "fit: customers all alike",
        lambda: ShiftedBetaGeometric().fit([1000.0, 800.0, 640.0, 512.0]),
        "boundary",
        lambda m: not m.converged_ and 0.79 < m.retention_rate(2) < 0.81,
    ),
    W(
        "fit: who leaves leaves at once",
        lambda: fit([0, 9], [1, 0], [50.0, 50.0]),
        "ShiftedBetaGeometric",
        lambda m: not m.converged_,
    ),
    OK(
        "fit: a tiny weight",
        lambda: ShiftedBetaGeometric().fit([v * 1e-12 for v in HIGH_END]),
        lambda m: m.converged_ and abs(m.params_["alpha"] - 0.668) < 1e-3,
    ),
    OK(
        "fit: a huge weight",
        lambda: ShiftedBetaGeometric().fit([v * 1e200 for v in HIGH_END]),
        lambda m: m.converged_ and abs(m.params_["alpha"] - 0.668) < 1e-3,
    ),
    OK("fit: a million rows are their counts", million_rows_are_their_counts, bool),
    *(
        OK(f"{m.__name__}: lifetimes at the ends", lambda m=m: extremes_are_ordered(m), bool)
        for m in MODELS
    ),
    OK("survival: 0 renewals", lambda: fitted().survival(0), lambda p: p == 1.0),
    OK("survival: a trillion", lambda: fitted().survival(2**40), lambda p: 0.0 <= p < 1e-3),
    OK(
        "survival: no ages",
        lambda: fitted().survival(np.empty(0)),
        lambda p: p.size == 0,
    ),
    E("survival: -1", lambda: fitted().survival(-1), "n[0]"),
    E("survival: a text", lambda: fitted().survival("12"), "n"),
    E("survival: level 95", lambda: fitted().survival(1, interval=95), "interval"),
    E("retention_rate: 0", lambda: fitted().retention_rate(0), "n[0]"),
    OK("derl: no customers", lambda: derl(np.empty(0)), lambda p: p.size == 0),
    OK("derl: a million renewals", lambda: derl([2**20]), possible),
    OK(
        "derl: rate 1e300",
        lambda: derl([3], discount_rate=1e300),
        lambda p: possible(p) and p[0] < 1.0,
    ),
    OK(
        "derl: due in 1e300 periods",
        lambda: derl([3], until_renewal=1e300),
        lambda p: p.tolist() == [0.0],
    ),
    OK(
        "derl: horizon 1 is the next renewal",
        lambda: derl([3], horizon=1) / fitted().retention_rate([4]),
        lambda p: abs(p[0] - 1.0) < 1e-12,
    ),
    E("derl: renewals past the limit", lambda: derl([2**20 + 1]), "renewals[0]"),
    E("derl: horizon 0", lambda: derl([1], horizon=0), "horizon"),
    E("derl: horizon 1e300", lambda: derl([1], horizon=1e300), "horizon"),
    E("derl: horizon NaN", lambda: derl([1], horizon=math.nan), "horizon"),
    E("derl: a negative rate", lambda: derl([1], discount_rate=-0.5), "discount_rate"),
    E(
        "derl: no length of a period",
        lambda: fitted().discounted_residual_lifetime([1]),
        "renewal='month'",
    ),
    E(
        "derl: before the fit",
        lambda: ShiftedBetaGeometric().discounted_residual_lifetime(1),
        "not fitted",
        "NotFittedError",
    ),
    OK(
        "expected_residual_lifetime: without end",
        lambda: fitted().expected_residual_lifetime(3),
        lambda p: p == math.inf,
    ),
    E(
        "likelihood_ratio_test: the wrong way round",
        lambda: likelihood_ratio_test(fitted(BetaDiscreteWeibull), fitted()),
        "larger model second",
    ),
    E(
        "likelihood_ratio_test: a number",
        lambda: likelihood_ratio_test(fitted(), 3),  # type: ignore[arg-type]
        "fitted by maximum likelihood",
    ),
    OK("DiscreteWeibull.load: the frame", load, lambda m: m.params_["theta"] == 0.3),
    E(
        "DiscreteWeibull.load: theta 1",
        lambda: load({"theta": 1.0}),
        "",
        "ModelFileError",
    ),
]
