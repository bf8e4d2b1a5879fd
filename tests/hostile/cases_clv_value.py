"""Amounts that no paper has: Gamma-Gamma and lifetime value."""

from __future__ import annotations

import functools
import math
from typing import Any

import cases_model_file as files
import numpy as np
from cases_clv import GOOD, cdnow, possible
from hostile import OK, Case, E, W

from tenure.clv import BGNBD, CLV, GammaGamma


@functools.cache
def spend() -> GammaGamma:
    return GammaGamma().fit(cdnow())


@functools.cache
def value() -> CLV:
    return CLV(BGNBD(), GammaGamma()).fit(cdnow())


def spent(frequency: Any, monetary_value: Any, **settings: Any) -> GammaGamma:
    data = {"frequency": frequency, "monetary_value": monetary_value}
    return GammaGamma(**settings).fit(data)


def spent_with_losses() -> tuple[GammaGamma, int]:
    """The sample, in which some who bought again have brought nothing or less in the end."""
    x, m = np.asarray(cdnow().frequency), np.asarray(cdnow().monetary_value).copy()
    once = int((x == 0).sum())
    again = np.flatnonzero(x > 0)
    m[again[:30]] = -5.0
    m[again[30:40]] = 0.0
    return spent(x, m), once + 40


def lifetime(**given: Any) -> Any:
    return value().predict(cdnow(), **given)


def refused(about: str, says: str, x: Any, m: Any, weight: Any = None, **settings: Any) -> Case:
    def fit() -> GammaGamma:
        return GammaGamma(**settings).fit({"frequency": x, "monetary_value": m}, weight)

    return E(f"GammaGamma: {about}", fit, says)


def cents_or_dollars() -> bool:
    """The same amounts in another unit: the scale moves, shapes and verdict stay."""
    x, m = np.asarray(cdnow().frequency), np.asarray(cdnow().monetary_value)
    a, b = spent(x, m).params_, spent(x, m * 100).params_
    scaled = {**b, "gamma": b["gamma"] / 100}
    return all(math.isclose(a[k], scaled[k], rel_tol=1e-6) for k in a)


def saved_spend(**change: Any) -> dict[str, Any]:
    """A node of a model file: a fitted Gamma-Gamma in which something was replaced."""
    state = {
        "params_": {"p": 6.2, "q": 3.7, "gamma": 15.4, **change.get("values", {})},
        "log_covariance_": {"$array": 0},
        "log_likelihood_": -4055.9,
        "status_": "converged",
        "n_iter_": 9,
        "gradient_norm_": 1e-9,
        "hessian_eigenvalues_": {"$array": 1},
        "n_customers_": 946.0,
        "n_excluded_": 1411,
        "correlation_": 0.1,
        **change.get("state", {}),
    }
    return {"$object": "clv.GammaGamma", "params": {}, "state": state}


def load(root: Any, covariance: Any = None) -> Any:
    covariance = np.eye(3) * 0.01 if covariance is None else covariance
    arrays = [np.asarray(covariance, "<f8"), np.ones(3)]
    specs = [{"dtype": "<f8", "shape": list(a.shape)} for a in arrays]
    body = b"".join(a.tobytes() for a in arrays)
    return files.load(files.sealed({"root": root, "arrays": specs}, body))


def impossible(about: str, covariance: Any = None, **change: Any) -> Case:
    def read() -> Any:
        return load(saved_spend(**change), covariance)

    return E(f"GammaGamma.load: {about}", read, "", "ModelFileError")


UNFITTED = {
    "BGNBD": {"$object": "clv.BGNBD", "params": {}, "state": {}},
    "GammaGamma": {"$object": "clv.GammaGamma", "params": {}, "state": {}},
}


def saved_value(transactions: Any = None, spend: Any = None, state: Any = None) -> Any:
    params = {
        "transactions": transactions or UNFITTED["BGNBD"],
        "spend": spend or UNFITTED["GammaGamma"],
    }
    return load({"$object": "clv.CLV", "params": params, "state": state or {}}, np.eye(3))


CASES = [
    # --- spend
    refused("no customers", "frequency", [], []),
    E(
        "GammaGamma: 5 a missing column",
        lambda: GammaGamma().fit({"frequency": [1]}),
        "'monetary_value' is not a column",
    ),
    refused("47 unequal lengths", "rows", [1, 2], [3.0]),
    refused("47 two dimensions", "one-dimensional", [1], np.ones((1, 2))),
    refused("negative frequency", "frequency[1]", [1, -1], [3.0, 4.0]),
    refused("half an order", "frequency[0]", [1.5, 1], [3.0, 4.0]),
    refused("missing frequency", "frequency[1]", [1, None], [3.0, 4.0]),
    refused("86 negative weight", "weight[0]", [1, 2], [3.0, 4.0], [-1.0, 1.0]),
    refused("86 all weights 0", "weight", [1, 2], [3.0, 4.0], [0.0, 0.0]),
    refused("weights of another length", "weight", [1, 2], [3.0, 4.0], [1.0]),
    refused("no iterations", "max_iter must be >= 1", [1, 2], [3.0, 4.0], max_iter=0),
    refused("negative penalty", "l2 must", [1, 2], [3.0, 4.0], l2=-1.0),
    refused("112 no threads", "n_threads must be >= 1", [1, 2], [3.0, 4.0], n_threads=0),
    OK("GammaGamma: 62 cents or dollars", cents_or_dollars, bool),
    E("GammaGamma: no repeat orders", lambda: spent([0, 0], [math.nan, math.nan]), ""),
    E("GammaGamma: infinite spend", lambda: spent([1, 2], [math.inf, 3.0]), "monetary_value[0]"),
    E(
        "GammaGamma: NaN spend of a repeat buyer",
        lambda: spent([1, 2], [3.0, math.nan]),
        "monetary_value[1]",
    ),
    E("GammaGamma: text", lambda: spent([1, 2], ["3", "4"]), "monetary_value must be numeric"),
    W(
        "GammaGamma: 67 everybody spends the same",
        lambda: spent([1, 2, 3, 4] * 20, [10.0] * 80),
        "stopped without an optimum",
        lambda m: not m.converged_,
        "ConvergenceWarning",
    ),
    W(
        "GammaGamma: one customer",
        lambda: spent([3], [10.0]),
        "stopped without an optimum",
        None,
        "ConvergenceWarning",
    ),
    OK(
        "GammaGamma: 37 net totals below zero are left out and counted",
        spent_with_losses,
        lambda made: made[0].converged_ and made[0].n_excluded_ == made[1],
    ),
    OK(
        "expected_spend: nobody bought again",
        lambda: spend().expected_spend({"frequency": [0], "monetary_value": [math.nan]}),
        lambda s: bool(np.isfinite(s).all()),
    ),
    W(
        "expected_spend: repeat orders without a positive amount",
        lambda: spend().expected_spend({"frequency": [2], "monetary_value": [-3.0]}),
        "",
        None,
        "DataWarning",
    ),
    # --- value
    E("CLV: 65 discount rate -1", lambda: lifetime(discount_rate=-1.0), "discount_rate must"),
    E(
        "CLV: 65 infinite discount rate",
        lambda: lifetime(discount_rate=math.inf),
        "discount_rate must",
    ),
    E("CLV: 65 discount rate NaN", lambda: lifetime(discount_rate=math.nan), "discount_rate must"),
    E("CLV: discount period", lambda: lifetime(discount_period="annum"), "discount_period must"),
    E("CLV: negative margin", lambda: lifetime(margin=-0.1), "margin must"),
    E("CLV: margin NaN", lambda: lifetime(margin=math.nan), "margin must"),
    E(
        "CLV: for ever, and nothing discounted",
        lambda: lifetime(horizon=math.inf, discount_rate=0.0),
        "horizon must be finite where nothing is discounted and a <= 1",
    ),
    E("CLV: two spend models", lambda: CLV(GammaGamma(), GammaGamma()).fit(cdnow()), ""),
    E("CLV: classes and not models", lambda: CLV(BGNBD, GammaGamma).fit(cdnow()), ""),
    E(
        "CLV: before the fit",
        lambda: CLV(BGNBD(), GammaGamma()).predict(cdnow()),
        "not fitted",
        "NotFittedError",
    ),
    E("CLV: a log without amounts", lambda: CLV(BGNBD(), GammaGamma()).fit(GOOD), "monetary_value"),
    OK(
        "CLV: 64 horizon 0 is worth nothing",
        lambda: lifetime(horizon=0),
        lambda t: bool((t.clv == 0).all()),
    ),
    OK(
        "CLV: no margin, no value", lambda: lifetime(margin=0.0), lambda t: bool((t.clv == 0).all())
    ),
    OK(
        "CLV: a discount that eats everything",
        lambda: lifetime(discount_rate=1e300),
        lambda t: possible(t.clv),
    ),
    # --- files
    OK(
        "GammaGamma.load: the frame of the cases below",
        lambda: load(saved_spend()),
        lambda m: m.params_["q"] == 3.7,
    ),
    impossible("98 q is 0", values={"q": 0.0}),
    impossible("98 p is NaN", values={"p": {"$float": "nan"}}),
    impossible("98 one parameter too many", values={"s": 1.0}),
    impossible("98 covariance of another shape", covariance=np.eye(2)),
    impossible("98 rows left out below 0", state={"n_excluded_": -1}),
    impossible("98 correlation is a text", state={"correlation_": "high"}),
    impossible("98 correlation above 1", state={"correlation_": 2.0}),
    impossible("98 unknown status", state={"status_": "perfect"}),
    E(
        "CLV.load: 98 a spend model that counts purchases",
        lambda: saved_value(spend=UNFITTED["BGNBD"]),
        "spend must be",
        "ModelFileError",
    ),
    E(
        "CLV.load: 98 a fitted model of the wrong kind",
        lambda: saved_value(state={"transactions_": saved_spend(), "spend_": saved_spend()}),
        "transactions must be",
        "ModelFileError",
    ),
    E(
        "CLV.load: 98 half a fit",
        lambda: saved_value(state={"spend_": saved_spend()}),
        "attributes",
        "ModelFileError",
    ),
]
