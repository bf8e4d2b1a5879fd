"""Customers, priors and settings that no posterior expects."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from hostile import OK, E, W

import tenure as tn
from tenure.clv import priors

QUICK = {"draws": 100, "warmup": 150, "chains": 2, "random_state": 1, "n_threads": 1}


def rows(frequency: Any, recency: Any, T: Any, **more: Any) -> dict[str, Any]:
    return {"frequency": frequency, "recency": recency, "T": T, **more}


GOOD = rows([0, 2, 5, 1] * 25, [0.0, 10.0, 30.0, 3.0] * 25, [39.0, 38.0, 36.0, 30.0] * 25)


def sample(data: Any = GOOD, model: Any = None, **settings: Any) -> Any:
    return (model or tn.clv.BGNBD()).posterior(data, **{**QUICK, **settings})


def quietly(data: Any, **settings: Any) -> Any:
    """Whatever the checks find: a few draws of few customers are never enough."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        return sample(data, **settings)


def by_group(data: Any, groups: Any, **settings: Any) -> Any:
    return tn.clv.BGNBD().posterior_by_group(data, groups, **{**QUICK, **settings})


def quietly_by_group(data: Any, groups: Any, **settings: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        return by_group(data, groups, **settings)


def possible(posterior: Any) -> bool:
    return all(bool(np.all((v > 0) & np.isfinite(v))) for v in posterior.draws.values())


CASES = [
    OK("posterior: one customer", lambda: quietly(rows([2], [3.0], [9.0])), possible),
    OK("posterior: nobody bought again", lambda: quietly(rows([0], [0.0], [9.0])), possible),
    OK("posterior: times of 1e-12", lambda: quietly(rows([2], [3e-12], [9e-12])), possible),
    OK("posterior: times of 1e12", lambda: quietly(rows([2], [3e12], [9e12])), possible),
    OK("posterior: T of 0", lambda: quietly(rows([0, 0], [0.0, 0.0], [0.0, 0.0])), possible),
    OK(
        "posterior: a million purchases",
        lambda: quietly(rows([1e6, 3], [9.0, 8.0], [9.0, 9.0])),
        possible,
    ),
    OK(
        "posterior: weights of 1e9",
        lambda: quietly({**GOOD, "weight": [1e9] * 100}),
        possible,
    ),
    OK("posterior: no warm-up", lambda: quietly(GOOD, warmup=0), possible),
    OK(
        "posterior: one spend",
        lambda: quietly({"frequency": [1], "monetary_value": [1e-9]}, model=tn.clv.GammaGamma()),
        possible,
    ),
    W(
        "posterior: a few draws",
        lambda: sample(draws=8),
        "effective sample size",
        lambda p: not p.converged,
        "ConvergenceWarning",
    ),
    E("posterior: no rows", lambda: sample(rows([], [], [])), "frequency must be non-empty"),
    E("posterior: recency beyond T", lambda: sample(rows([1], [3.0], [2.0])), "recency"),
    E("posterior: no chains", lambda: sample(chains=0), "chains"),
    E("posterior: an acceptance of 1", lambda: sample(target_accept=1), "target_accept"),
    E("posterior: a prior that is a number", lambda: sample(priors={"r": 1.0}), "priors"),
    E(
        "posterior: a prior of something else",
        lambda: sample(priors={"beta": priors.HalfNormal(1.0)}),
        "no quantity 'beta'",
    ),
    E(
        "posterior: priors that do not go together",
        lambda: sample(priors={"a": priors.HalfNormal(1.0), "dropout": priors.Beta(1.0, 1.0)}),
        "do not go together",
    ),
    E(
        "posterior: no spend of use",
        lambda: sample({"frequency": [0], "monetary_value": [0.0]}, model=tn.clv.GammaGamma()),
        "monetary_value",
    ),
    E("posterior: a prior without spread", lambda: priors.LogNormal(1.0, 0.0), "sigma"),
    OK(
        "posterior by group: one customer in each of two groups",
        lambda: quietly_by_group(rows([2, 0], [3.0, 0.0], [9.0, 8.0]), ["a", "b"]),
        possible,
    ),
    OK(
        "posterior by group: ten groups of three",
        lambda: quietly_by_group({k: v[:30] for k, v in GOOD.items()}, np.arange(30) % 10),
        possible,
    ),
    OK(
        "posterior by group: times of 1e12",
        lambda: quietly_by_group(rows([2, 1], [3e12, 1e12], [9e12, 8e12]), [1, 2]),
        possible,
    ),
    OK(
        "posterior by group: spreads that cannot be",
        lambda: quietly_by_group(GOOD, np.arange(100) % 2, spread_priors=priors.HalfNormal(1e-12)),
        possible,
    ),
    E("posterior by group: no rows", lambda: by_group(rows([], [], []), []), "at least one"),
    E("posterior by group: a group a row short", lambda: by_group(GOOD, [1] * 99), "groups has 99"),
    E("posterior by group: no such column", lambda: by_group(GOOD, "channel"), "channel"),
    E(
        "posterior by group: a missing group",
        lambda: by_group(GOOD, [None] + ["a"] * 99),
        "groups[0] must not be missing",
    ),
    E(
        "posterior by group: a group of weight 0",
        lambda: by_group({**GOOD, "weight": [0.0] + [1.0] * 99}, [0] + [1] * 99),
        "group 0 has no customer",
    ),
    E(
        "posterior by group: a spread that is a share",
        lambda: by_group(GOOD, [1] * 100, spread_priors=priors.Beta(1.0, 1.0)),
        "spread_priors",
    ),
]
