"""Customers, priors and settings that no model of individual customers expects."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from hostile import OK, E, W

import tenure as tn
from tenure.clv import priors

QUICK = {"draws": 60, "warmup": 60, "chains": 2, "kept": 20, "random_state": 1, "n_threads": 1}
MODELS = {"AbeParetoNBD": tn.clv.AbeParetoNBD, "ParetoGGG": tn.clv.ParetoGGG}


def rows(frequency: Any, recency: Any, T: Any, log_gaps: Any = None, **more: Any) -> dict[str, Any]:
    gaps = [0.0] * len(frequency) if log_gaps is None else log_gaps
    return {"frequency": frequency, "recency": recency, "T": T, "log_gaps": gaps, **more}


GOOD = rows(
    [0, 2, 5, 1] * 25,
    [0.0, 10.0, 30.0, 3.0] * 25,
    [39.0, 38.0, 36.0, 30.0] * 25,
    [0.0, 3.0, 8.0, 1.0] * 25,
)


def quietly(name: str, data: Any, **settings: Any) -> Any:
    """Whatever the checks find: a few draws of few customers are never enough."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        model = MODELS[name](**{**QUICK, **settings}).fit(data)
    return model, model.probability_alive(interval=0.9), model.purchase_forecast(5.0)


def possible(got: Any) -> bool:
    model, alive, forecast = got
    n = len(model.T_)
    finite = all(
        bool(np.all(np.isfinite(v))) for v in (model.individual_, model.lifetime_, forecast.mean)
    )
    inside = bool(np.all((alive.value >= 0.0) & (alive.value <= 1.0)))
    return finite and inside and len(alive) == len(forecast) == n


# A million purchases in nine weeks, each as long as the others.
MANY = rows([1e6, 3], [9.0, 8.0], [9.0, 9.0], [1e6 * np.log(9e-6), 3 * np.log(8 / 3)])
DATA = {
    "one customer": rows([2], [3.0], [9.0], [0.8]),
    "nobody bought again": rows([0] * 50, [0.0] * 50, [9.0] * 50),
    "T of 0": rows([0, 0], [0.0, 0.0], [0.0, 0.0]),
    "times of 1e-12": rows([2], [3e-12], [9e-12], [2 * np.log(1.5e-12)]),
    "times of 1e12": rows([2], [3e12], [9e12], [2 * np.log(1.5e12)]),
    "a million purchases": MANY,
    "a frequent buyer silent for long": rows([400], [4.0], [900.0], [400 * np.log(0.01)]),
    "gaps all alike": rows([50] * 5, [50.0] * 5, [50.5] * 5, [0.0] * 5),
}

CASES = [
    *(
        OK(f"{name}: {about}", lambda name=name, data=data: quietly(name, data), possible)
        for name in MODELS
        for about, data in DATA.items()
    ),
    *(
        OK(f"{name}: no warm-up", lambda name=name: quietly(name, GOOD, warmup=0), possible)
        for name in MODELS
    ),
    *(
        W(
            f"{name}: a few draws",
            lambda cls=cls: cls(**QUICK).fit(GOOD),
            "effective sample size",
            lambda m: not m.population_.converged,
            "ConvergenceWarning",
        )
        for name, cls in MODELS.items()
    ),
    *(
        E(f"{name}: {about}", lambda cls=cls, data=data: cls(**QUICK).fit(data), says)
        for name, cls in MODELS.items()
        for about, data, says in [
            ("no rows", rows([], [], []), "frequency must be non-empty"),
            ("recency beyond T", rows([1], [3.0], [2.0]), "recency"),
            ("NaN", rows([1], [np.nan], [2.0]), "recency"),
            ("weights", {**GOOD, "weight": [1.0] * 100}, "weight"),
        ]
    ),
    E(
        "ParetoGGG: gaps of a one-time buyer",
        lambda: tn.clv.ParetoGGG(**QUICK).fit(rows([0], [0.0], [3.0], [1.0])),
        "log_gaps",
    ),
    E(
        "ParetoGGG: priors that do not go together",
        lambda: tn.clv.ParetoGGG(
            priors={"gamma": priors.HalfNormal(1.0), "regularity": priors.HalfNormal(1.0)}, **QUICK
        ).fit(GOOD),
        "do not go together",
    ),
    E(
        "AbeParetoNBD: a prior that is no density",
        lambda: tn.clv.AbeParetoNBD(prior={"precision": [[-1.0]]}, **QUICK).fit(GOOD),
        "positive definite",
    ),
    E(
        "AbeParetoNBD: covariates that are all alike and huge",
        lambda: tn.clv.AbeParetoNBD(covariates="z", **QUICK).fit({**GOOD, "z": [1e200] * 100}),
        "collinear",
    ),
    E(
        "AbeParetoNBD: an infinite horizon",
        lambda: quietly("AbeParetoNBD", GOOD)[0].expected_purchases(np.inf),
        "horizon",
    ),
]
