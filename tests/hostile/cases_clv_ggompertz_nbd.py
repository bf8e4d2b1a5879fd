"""Customers that no paper has: GGompertz/NBD."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from hostile import OK, Case, E, W

from tenure.clv import GGompertzNBD


def rows(frequency: Any, recency: Any, T: Any) -> dict[str, Any]:
    return {"frequency": frequency, "recency": recency, "T": T}


def at(**change: float) -> GGompertzNBD:
    """A model at given parameters."""
    params = {"r": 0.55, "alpha": 10.6, "b": 0.05, "s": 0.6, "beta": 0.4, **change}
    model = GGompertzNBD(unit="week")
    model._restore(
        {
            "params_": params,
            "log_covariance_": np.eye(5) * 0.01,
            "log_likelihood_": 0.0,
            "status_": "converged",
            "n_iter_": 0,
            "gradient_norm_": 0.0,
            "hessian_eigenvalues_": np.ones(5),
            "n_customers_": 1.0,
            "unit_": "week",
        }
    )
    return model


@functools.cache
def model() -> GGompertzNBD:
    return at()


def possible(p: Any) -> bool:
    return bool(np.isfinite(p).all() and (np.asarray(p) >= 0).all())


def probability(p: Any) -> bool:
    return possible(p) and bool((np.asarray(p) <= 1).all())


def alive(x: Any, t_x: Any, T: Any, **change: float) -> Any:
    return at(**change).probability_alive(rows(x, t_x, T))


def unfinished(about: str, data: Any) -> Case:
    return W(
        f"GGompertzNBD: {about}",
        lambda: GGompertzNBD().fit(data),
        "stopped without an optimum",
        lambda m: not m.converged_ and all(v > 0 for v in m.params_.values()),
        "ConvergenceWarning",
    )


ONE = rows([3], [10.0], [39.0])

CASES = [
    E("GGompertzNBD: no customers", lambda: GGompertzNBD().fit(rows([], [], [])), "frequency"),
    E(
        "GGompertzNBD: recency behind T",
        lambda: GGompertzNBD().fit(rows([2], [4.0], [3.0])),
        "recency[0]",
    ),
    E("GGompertzNBD: NaN", lambda: GGompertzNBD().fit(rows([2], [math.nan], [3.0])), "recency[0]"),
    unfinished("nobody bought again", rows([0] * 50, [0.0] * 50, [39.0] * 50)),
    unfinished("nobody was observed", rows([0] * 9, [0.0] * 9, [0.0] * 9)),
    unfinished("one customer", rows([2], [3.0], [9.0])),
    OK("GGompertzNBD: a million purchases", lambda: alive([10**6], [364.0], [365.0]), probability),
    OK("GGompertzNBD: long silent", lambda: alive([10**6], [1.0], [1e6]), probability),
    OK("GGompertzNBD: T = 1e300", lambda: alive([1], [1.0], [1e300]), probability),
    OK("GGompertzNBD: T = 1e-300", lambda: alive([1], [1e-300], [1e-300]), probability),
    OK("GGompertzNBD: b = 1e-200", lambda: alive([3], [10.0], [39.0], b=1e-200), probability),
    OK("GGompertzNBD: b = 1e200", lambda: alive([3], [10.0], [39.0], b=1e200), probability),
    OK("GGompertzNBD: beta = 1e-200", lambda: alive([3], [10.0], [39.0], beta=1e-200), probability),
    OK("GGompertzNBD: beta = 1e200", lambda: alive([3], [10.0], [39.0], beta=1e200), probability),
    OK("GGompertzNBD: s = 1e9", lambda: alive([3], [10.0], [39.0], s=1e9), probability),
    OK("GGompertzNBD: s = 1e-200", lambda: alive([3], [10.0], [39.0], s=1e-200), probability),
    OK(
        "GGompertzNBD: leaving faster than a double tells",
        lambda: alive([3], [10.0], [39.0], s=1e9, b=1e300),
        probability,
    ),
    OK(
        "GGompertzNBD.expected_purchases: leaving faster than a double tells",
        lambda: at(s=1e9, b=1e300).expected_purchases(ONE, 39.0),
        possible,
    ),
    OK(
        "GGompertzNBD.probability_of_n_purchases: leaving faster than a double tells",
        lambda: at(s=1e9, b=1e300).probability_of_n_purchases([0, 1, 5], 39.0),
        probability,
    ),
    E(
        "GGompertzNBD: beta/b overflows",
        lambda: alive([3], [10.0], [39.0], b=1e-200, beta=1e200),
        "beta / b",
    ),
    OK(
        "GGompertzNBD.expected_purchases: for ever",
        lambda: model().expected_purchases(ONE, math.inf),
        possible,
    ),
    OK(
        "GGompertzNBD.expected_purchases: a horizon of 1e300",
        lambda: model().expected_purchases(ONE, 1e300),
        possible,
    ),
    OK(
        "GGompertzNBD.expected_purchases: none",
        lambda: model().expected_purchases(ONE, 0),
        lambda p: p[0] == 0.0,
    ),
    E(
        "GGompertzNBD.expected_purchases: NaN",
        lambda: model().expected_purchases(ONE, math.nan),
        "horizon",
    ),
    E(
        "GGompertzNBD.discounted_expected_purchases: a discount below 0",
        lambda: model().discounted_expected_purchases(ONE, 10, discount_rate=-0.5),
        "discount_rate",
    ),
    OK(
        "GGompertzNBD.probability_of_n_purchases: 10,000",
        lambda: np.array([model().probability_of_n_purchases(10_000, 39)]),
        probability,
    ),
    OK(
        "GGompertzNBD.probability_of_n_purchases: in no time",
        lambda: model().probability_of_n_purchases([0, 1], 0),
        lambda p: p.tolist() == [1.0, 0.0],
    ),
]
