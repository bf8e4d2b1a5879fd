"""Covariates of contracts and of spend that no customer has, and penalties that nobody means."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pyarrow as pa
from hostile import OK, Case, E, W

from tenure.clv import GammaGamma, ShiftedBetaGeometric, penalty_path

N = 400


@functools.cache
def contracts() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    z = rng.normal(size=N)
    life = rng.geometric(np.maximum(rng.beta(0.8 * np.exp(0.5 * z), 2.0), 1e-9)) - 1
    seen = rng.integers(1, 9, N)
    return {
        "renewals": np.minimum(life, seen).astype(float),
        "churned": (life < seen).astype(int),
        "z": z,
        "channel": rng.choice(["web", "app", "shop"], N).tolist(),
    }


@functools.cache
def spend() -> dict[str, Any]:
    rng = np.random.default_rng(2)
    x, z = rng.integers(0, 8, N), rng.normal(size=N)
    many = np.maximum(x, 1)
    m = rng.gamma(2.0 * many) / (rng.gamma(4.0, 1.0, N) / (15.0 * np.exp(0.3 * z)) * many)
    return {"frequency": x.astype(float), "monetary_value": m, "z": z}


def signed(change: dict[str, Any] | None = None, **settings: Any) -> Any:
    return ShiftedBetaGeometric(**({"churn_covariates": "z"} | settings)).fit(
        contracts() | (change or {})
    )


def spent(change: dict[str, Any] | None = None, **settings: Any) -> Any:
    return GammaGamma(**({"covariates": "z"} | settings)).fit(spend() | (change or {}))


@functools.cache
def model() -> Any:
    return signed(renewal="year")


def put(values: Any, row: int, value: Any) -> list[Any]:
    column = list(values)
    column[row] = value
    return column


def finite(m: Any) -> bool:
    table = m.coef_
    return bool(np.isfinite(table.estimate).all() and np.isfinite(table.standard_error).all())


def estimates(m: Any) -> Any:
    """Without the errors, which a penalty on sizes does not tell."""
    assert m.converged_
    return m.coefficients_


def zeros(coefficients: Any) -> bool:
    return not coefficients.any()


def no_contract(about: str, says: str, change: dict[str, Any] | None = None, **more: Any) -> Case:
    return E(f"contracts with covariates: {about}", lambda: signed(change, **more), says)


def no_spend(about: str, says: str, change: dict[str, Any] | None = None, **more: Any) -> Case:
    return E(f"spend with covariates: {about}", lambda: spent(change, **more), says)


Z = contracts()["z"]

CASES = [
    OK("contracts with covariates: numbers", signed, finite),
    OK("contracts with covariates: text", lambda: signed(churn_covariates="channel"), finite),
    OK("contracts with covariates: large numbers", lambda: signed({"z": Z * 1e90}), finite),
    OK("contracts with covariates: small numbers", lambda: signed({"z": Z * 1e-90}), finite),
    OK("contracts with covariates: one customer of a kind",
       lambda: signed({"z": np.arange(N) == 7}, covariate_l2=0.01), finite),
    OK("contracts with covariates: weights of 0",
       lambda: signed({"weight": (np.arange(N) % 2).astype(float)}), finite),
    W("contracts with covariates: a kind that never leaves",
      lambda: signed({"z": contracts()["churned"]}), "ShiftedBetaGeometric",
      lambda m: not m.converged_),
    no_contract("a missing number", "z[5] must not be missing", {"z": put(Z, 5, np.nan)}),
    no_contract("infinity", "must be finite", {"z": put(Z, 5, np.inf)}),
    no_contract("a constant", "for every customer", {"z": np.ones(N)}),
    no_contract("dates", "numbers or text", {"z": np.arange(N).astype("M8[D]")}),
    no_contract("lists", "numbers or text", {"z": pa.array([[1.0]] * N)}),
    no_contract("too few rows", "has 3 rows", {"z": np.ones(3)}),
    no_contract("huge numbers", "another unit", {"z": Z * 1e300}),
    no_contract("one column twice under two names", "collinear", {"y": Z},
                churn_covariates=["z", "y"]),
    no_contract("a name twice", "twice", churn_covariates=["z", "z"]),
    no_contract("a share of 2", "covariate_l1_ratio", covariate_l1_ratio=2.0),
    no_contract("a share that is no number", "covariate_l1_ratio", covariate_l1_ratio="half"),
    no_contract("an infinite penalty", "covariate_alpha", covariate_alpha=np.inf),
    no_contract("a penalty that is no number", "covariate_alpha", covariate_alpha=np.nan),
    no_contract("renewals -1", "renewals[3]", {"renewals": put(contracts()["renewals"], 3, -1.0)}),
    E("contracts with covariates: cohorts", lambda: ShiftedBetaGeometric(churn_covariates="z").fit(
        [9, 5, 3, 2]), "need customers"),
    OK("contracts with covariates: a penalty beyond all",
       lambda: estimates(signed(covariate_alpha=1e300)), zeros),
    OK("contracts with covariates: a penalty of next to nothing",
       lambda: estimates(signed(covariate_alpha=1e-300)), lambda c: bool(c.all())),
    E("contracts with covariates: parameters that overflow",
      lambda: model().survival(3, covariates={"z": [0.0, 1e9]}), "finite and > 0"),
    E("contracts with covariates: nobody asked about",
      lambda: model().discounted_residual_lifetime([1, 2]), "need customers"),
    OK("contracts with covariates: no rows", lambda: model().survival(3, covariates={"z": []}),
       lambda p: p.size == 0),
    OK("contracts with covariates: far away", lambda: model().survival(3, covariates={"z": [30.0]}),
       lambda p: 0.0 <= p[0] < 1e-3),
    OK("spend with covariates: numbers", spent, finite),
    OK("spend with covariates: frequency alone",
       lambda: spent(covariates=None, frequency_effect=True), finite),
    OK("spend with covariates: money in billions",
       lambda: spent({"monetary_value": spend()["monetary_value"] * 1e250}), finite),
    OK("spend with covariates: refunds are left out",
       lambda: spent({"monetary_value": put(spend()["monetary_value"], 3, -4.0)}), finite),
    no_spend("a missing number", "z[5] must not be missing", {"z": put(Z, 5, np.nan)}),
    no_spend("a constant", "for every customer", {"z": np.ones(N)}),
    no_spend("constant among those who came back", "for every customer",
             {"z": np.where(spend()["frequency"] > 0, 1.0, 2.0)}),
    no_spend("half an order", "frequency[2]", {"frequency": put(spend()["frequency"], 2, 0.5)}),
    no_spend("orders -1", "frequency[2]", {"frequency": put(spend()["frequency"], 2, -1.0)},
             frequency_effect=True),
    no_spend("all ordered twice", "for every customer", {"frequency": np.full(N, 2.0)},
             frequency_effect=True),
    no_spend("an effect that is a text", "True or False", frequency_effect="yes"),
    OK("spend with covariates: a penalty beyond all",
       lambda: estimates(spent(covariate_alpha=1e300, covariate_l1_ratio=1.0)), zeros),
    E("penalty_path: a model without covariates", lambda: penalty_path(GammaGamma(), spend()),
      "with covariates"),
    E("penalty_path: a number", lambda: penalty_path(3, spend()), "with covariates"),
    E("penalty_path: weights given twice",
      lambda: penalty_path(ShiftedBetaGeometric(churn_covariates="z"),
                           contracts() | {"weight": np.ones(N)}), "not both"),
    E("penalty_path: a penalty of -1",
      lambda: penalty_path(GammaGamma(covariates="z"), spend(), [-1.0]), "numbers > 0"),
    OK("penalty_path: one penalty",
       lambda: penalty_path(GammaGamma(covariates="z"), spend(), [0.1], folds=2),
       lambda p: len(p) == 1 and bool(np.isfinite(p.score).all())),
]  # fmt: skip
