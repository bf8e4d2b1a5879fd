"""What customers that no paper has will do: counts, the next purchase, the date of lapse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hostile import OK, Case, E

import tenure as tn
from tenure.clv import BGBB, BGCNBD, MBGCNBD, NBD, GGompertzNBD

USUAL: dict[type, dict[str, float]] = {
    NBD: {"r": 0.4, "alpha": 12.0},
    GGompertzNBD: {"r": 0.55, "alpha": 10.6, "b": 0.05, "s": 0.6, "beta": 0.4},
    BGCNBD: {"r": 0.8, "alpha": 3.0, "a": 0.8, "b": 2.4},
    MBGCNBD: {"r": 0.8, "alpha": 3.0, "a": 0.8, "b": 2.4},
}
HISTORIES = {
    "nothing observed yet": (0, 0.0, 0.0),
    "a purchase at T": (3, 39.0, 39.0),
    "a million purchases": (10**6, 364.0, 365.0),
    "long silent": (10**6, 1.0, 1e6),
    "T = 1e300": (1, 1.0, 1e300),
    "T = 1e-300": (1, 1e-300, 1e-300),
}
CORNERS = {
    "b = 1e-200": {"b": 1e-200},
    "b = 1e200": {"b": 1e200},
    "beta = 1e-200": {"beta": 1e-200},
    "beta = 1e200": {"beta": 1e200},
    "s = 1e9": {"s": 1e9},
    "s = 1e-200": {"s": 1e-200},
    "r = 1e-200": {"r": 1e-200},
    "alpha = 1e200": {"alpha": 1e200},
}


def at(kind: type, **change: float) -> Any:
    """A model at given parameters."""
    params = {**USUAL[kind], **change}
    settings = {"k": 12} if "k" in kind().get_params() else {}
    model = kind(**settings, unit="week")
    size = len(params)
    state = {
        "params_": params,
        "log_covariance_": np.eye(size) * 0.01,
        "log_likelihood_": 0.0,
        "status_": "converged",
        "n_iter_": 0,
        "gradient_norm_": 0.0,
        "hessian_eigenvalues_": np.ones(size),
        "n_customers_": 1.0,
        "unit_": "week",
    }
    model._restore(state | ({"k_": 12, "k_log_likelihoods_": np.zeros(1)} if settings else {}))
    return model


def foretold(model: Any, x: Any, t_x: Any, age: Any, horizon: float = 39.0) -> dict[str, Any]:
    data = {"frequency": [x], "recency": [t_x], "T": [age]}
    soon = model.next_purchase(data)
    forecast = model.predictive_interval(data, horizon)
    return {
        "counts": model.probability_of_n_purchases_given(data, [0, 1, 7, 10**4], horizon),
        "buys": model.purchase_probability(data, horizon),
        "later": model.probability_alive(data, ahead=horizon),
        "limits": np.array([forecast.lower, forecast.median, forecast.upper]),
        "time": soon.time,
        "lapse": soon.lapse,
    }


def possible(told: dict[str, Any]) -> bool:
    chances = np.concatenate([told[n].ravel() for n in ("counts", "buys", "later")])
    ordered = np.diff(told["limits"], axis=0) >= 0
    later = told["time"][:, 1:] >= told["time"][:, :-1]
    inside = (chances >= 0) & (chances <= 1 + 1e-9)
    return bool(inside.all() and ordered.all() and later.all() and told["lapse"] >= 0)


def gifts(**rows: Any) -> Any:
    model = BGBB().fit(tn.datasets.load_donations())
    data = {name: [value] for name, value in rows.items()}
    soon = model.next_purchase(data, quantiles=(0.01, 0.99))
    return {
        "time": np.append(soon.time, soon.lapse),
        "upper": model.predictive_interval(data, 100).upper,
        "buys": model.purchase_probability(data, 10**6),
    }


def case_of(kind: type, history: str) -> Case:
    return OK(
        f"{kind.__name__}: what comes after {history}",
        lambda: foretold(at(kind), *HISTORIES[history]),
        possible,
    )


def corner(name: str) -> Case:
    return OK(
        f"GGompertzNBD: what comes at {name}",
        lambda: foretold(at(GGompertzNBD, **CORNERS[name]), 3, 10.0, 39.0),
        possible,
    )


ONE = {"frequency": [3], "recency": [10.0], "T": [39.0]}

CASES: list[Case] = [
    *(case_of(kind, history) for kind in USUAL for history in HISTORIES),
    *(corner(name) for name in CORNERS),
    *(
        OK(
            f"{kind.__name__}: what comes within {horizon:g}",
            lambda kind=kind, horizon=horizon: foretold(at(kind), 3, 10.0, 39.0, horizon),
            possible,
        )
        for kind in USUAL
        for horizon in (0.0, 1e-300)
    ),
    E(
        "NBD.predictive_interval: for ever",
        lambda: at(NBD).predictive_interval(ONE, math.inf),
        "horizon",
    ),
    E(
        "BGCNBD.probability_of_n_purchases_given: half a purchase",
        lambda: at(BGCNBD).probability_of_n_purchases_given(ONE, 0.5, 9.0),
        "n",
    ),
    OK(
        "BGBB.next_purchase: long silent",
        lambda: gifts(frequency=1, recency=1, T=1000),
        lambda told: bool(told["time"][-1] == 0 and np.isinf(told["time"][1])),
    ),
    OK(
        "BGBB.next_purchase: a purchase at each of 10,000",
        lambda: gifts(frequency=10_000, recency=10_000, T=10_000),
        lambda told: bool(told["time"][0] == 1 and 0 < told["upper"][0] <= 100),
    ),
    E(
        "BGBB.next_purchase: recency behind T",
        lambda: gifts(frequency=1, recency=9, T=6),
        "recency",
    ),
]
