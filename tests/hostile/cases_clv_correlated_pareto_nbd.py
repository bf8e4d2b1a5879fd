"""Customers and parameters that no paper has: Pareto/NBD with correlated rates."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from hostile import OK, Case, E, W

from tenure.clv import CorrelatedParetoNBD


def rows(frequency: Any, recency: Any, T: Any) -> dict[str, Any]:
    return {"frequency": frequency, "recency": recency, "T": T}


def at(**change: float) -> CorrelatedParetoNBD:
    """A model at given parameters."""
    params = {"r": 0.55, "alpha": 10.6, "s": 0.61, "beta": 11.7, "odds": 4.0, **change}
    model = CorrelatedParetoNBD(unit="week")
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
def model() -> CorrelatedParetoNBD:
    return at()


def possible(p: Any) -> bool:
    return bool(np.isfinite(p).all() and (np.asarray(p) >= 0).all())


def probability(p: Any) -> bool:
    return possible(p) and bool((np.asarray(p) <= 1).all())


def within(table: Any) -> bool:
    return bool(
        np.all((table.lowest <= table.value) & (table.value <= table.highest))
        and np.all((table.lowest <= table.lower) & (table.upper <= table.highest))
    )


def alive(x: Any, t_x: Any, T: Any, **change: float) -> Any:
    return at(**change).probability_alive(rows(x, t_x, T))


def unfinished(about: str, data: Any) -> Case:
    return W(
        f"CorrelatedParetoNBD: {about}",
        lambda: CorrelatedParetoNBD().fit(data),
        "stopped without an optimum",
        lambda m: not m.converged_ and all(v > 0 for v in m.params_.values()),
        "ConvergenceWarning",
    )


ONE = rows([2], [30.43], [38.86])

CASES: list[Case] = [
    E(
        "CorrelatedParetoNBD: no customers",
        lambda: CorrelatedParetoNBD().fit(rows([], [], [])),
        "frequency",
    ),
    E(
        "CorrelatedParetoNBD: recency behind T",
        lambda: CorrelatedParetoNBD().fit(rows([2], [4.0], [3.0])),
        "recency[0]",
    ),
    E(
        "CorrelatedParetoNBD: NaN",
        lambda: CorrelatedParetoNBD().fit(rows([2], [math.nan], [3.0])),
        "recency[0]",
    ),
    unfinished("nobody bought again", rows([0] * 50, [0.0] * 50, [39.0] * 50)),
    unfinished("nobody was observed", rows([0] * 9, [0.0] * 9, [0.0] * 9)),
    unfinished("one customer", rows([2], [3.0], [9.0])),
    OK(
        "CorrelatedParetoNBD: a million purchases",
        lambda: alive([10**6], [364.0], [365.0]),
        probability,
    ),
    OK("CorrelatedParetoNBD: long silent", lambda: alive([10**6], [1.0], [1e6]), probability),
    OK("CorrelatedParetoNBD: T = 1e300", lambda: alive([1], [1.0], [1e300]), probability),
    OK("CorrelatedParetoNBD: T = 1e-300", lambda: alive([1], [1e-300], [1e-300]), probability),
    OK(
        "CorrelatedParetoNBD: odds = 1e-300",
        lambda: alive([3], [10], [39], odds=1e-300),
        probability,
    ),
    OK(
        "CorrelatedParetoNBD: odds = 1e300", lambda: alive([3], [10], [39], odds=1e300), probability
    ),
    OK("CorrelatedParetoNBD: r = 1e9", lambda: alive([3], [10], [39], r=1e9), probability),
    OK("CorrelatedParetoNBD: r = 1e-200", lambda: alive([3], [10], [39], r=1e-200), probability),
    OK("CorrelatedParetoNBD: s = 1e9", lambda: alive([3], [10], [39], s=1e9), probability),
    OK("CorrelatedParetoNBD: s = 1e-200", lambda: alive([3], [10], [39], s=1e-200), probability),
    E(
        "CorrelatedParetoNBD: alpha / r overflows",
        lambda: alive([3], [10.0], [39.0], r=1e-200, alpha=1e200),
        "alpha",
    ),
    E(
        "CorrelatedParetoNBD.expected_purchases: for ever",
        lambda: model().expected_purchases(ONE, math.inf),
        "diverges",
    ),
    OK(
        "CorrelatedParetoNBD.expected_purchases: a horizon of 1e300",
        lambda: model().expected_purchases(ONE, 1e300),
        possible,
    ),
    OK(
        "CorrelatedParetoNBD.expected_purchases: none",
        lambda: model().expected_purchases(ONE, 0),
        lambda p: p[0] == 0.0,
    ),
    OK("CorrelatedParetoNBD.correlation", lambda: model().correlation(), within),
    OK(
        "CorrelatedParetoNBD.correlation: at a limit",
        lambda: at(odds=1e300).correlation(),
        within,
    ),
    OK("CorrelatedParetoNBD.correlation: r = 1e9", lambda: at(r=1e9).correlation(), within),
    E(
        "CorrelatedParetoNBD.correlation: level 1",
        lambda: model().correlation(1.0),
        "level",
    ),
]
