"""Customers that no paper has: BG/NBD."""

from __future__ import annotations

import functools
import math
from typing import Any

import cases_model_file as files
import numpy as np
import pandas as pd
from hostile import OK, Case, E, W

import tenure as tn
from tenure.clv import BGNBD


@functools.cache
def cdnow() -> Any:
    orders = tn.datasets.load_cdnow(sample=True)
    log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    return log.summary(unit="week", end="1997-09-30")


@functools.cache
def model() -> BGNBD:
    return BGNBD().fit(cdnow())


def rows(frequency: Any, recency: Any, T: Any, **more: Any) -> dict[str, Any]:
    return {"frequency": frequency, "recency": recency, "T": T, **more}


GOOD = rows([0, 2, 5, 1] * 25, [0.0, 10.0, 30.0, 3.0] * 25, [39.0, 38.0, 36.0, 30.0] * 25)


def fit(data: Any = GOOD, weight: Any = None, **settings: Any) -> BGNBD:
    return BGNBD(**settings).fit(data, weight)


def alive(frequency: Any, recency: Any, T: Any) -> np.ndarray:
    return np.asarray(model().probability_alive(rows(frequency, recency, T)))


def purchases(frequency: Any, recency: Any, T: Any, horizon: Any = 39.0) -> np.ndarray:
    return np.asarray(model().expected_purchases(rows(frequency, recency, T), horizon=horizon))


def possible(p: np.ndarray) -> bool:
    return bool(np.isfinite(p).all() and (p >= 0).all())


def probability(p: np.ndarray) -> bool:
    return possible(p) and bool((p <= 1).all())


def refused(about: str, says: str, data: Any = GOOD, weight: Any = None, **more: Any) -> Case:
    return E(f"BGNBD: {about}", lambda: fit(data, weight, **more), says)


def unfinished(about: str, data: Any) -> Case:
    return W(
        f"BGNBD: {about}",
        lambda: fit(data),
        "stopped without an optimum",
        lambda m: not m.converged_ and all(v > 0 for v in m.params_.values()),
        "ConvergenceWarning",
    )


def poisson(n: int = 3000) -> dict[str, Any]:
    """Everybody buys at one rate and nobody leaves: neither mixture has a spread."""
    rng = np.random.default_rng(5)
    T = np.full(n, 50.0)
    x = rng.poisson(4.0, n)
    last = np.array([np.sort(rng.uniform(0, 50, k))[-1] if k else 0.0 for k in x])
    return rows(x, last, T)


def days_or_weeks() -> bool:
    """The same customers in another unit: rates scale, shapes and the rest stay."""
    base = cdnow()
    weeks = {n: np.asarray(getattr(base, n)) for n in ("frequency", "recency", "T")}
    seconds = {**weeks, "recency": weeks["recency"] * 604_800, "T": weeks["T"] * 604_800}
    a, b = fit(weeks).params_, fit(seconds).params_
    scaled = {**b, "alpha": b["alpha"] / 604_800}
    return all(math.isclose(a[k], scaled[k], rel_tol=1e-5) for k in a)


def weight_is_repetition() -> bool:
    base = {n: np.asarray(getattr(cdnow(), n), float) for n in ("frequency", "recency", "T")}
    weight = np.arange(len(base["T"])) % 3  # 0 leaves a row out
    a = fit(base, weight).params_
    b = fit({n: np.repeat(column, weight) for n, column in base.items()}).params_
    return all(math.isclose(a[k], b[k], rel_tol=1e-9) for k in a)


def close_to_alpha_equals_beta() -> bool:
    """2F1 near the point where its parameters meet: no jump."""
    h = np.linspace(1.0, 60.0, 400)
    p = np.array([purchases([3], [10.0], [39.0], t)[0] for t in h])
    return possible(p) and bool((np.diff(p) > 0).all())


def stored(**change: Any) -> Any:
    """A saved BG/NBD model in which something was replaced, with a right checksum."""
    params = {"r": 0.24, "alpha": 4.4, "a": 0.79, "b": 2.43, **change.get("values", {})}
    covariance = change.get("covariance", np.eye(4) * 0.01)
    eigenvalues = np.ones(4)
    state = {
        "params_": params,
        "log_covariance_": {"$array": 0},
        "log_likelihood_": -9582.4,
        "status_": "converged",
        "n_iter_": 9,
        "gradient_norm_": 1e-9,
        "hessian_eigenvalues_": {"$array": 1},
        "n_customers_": 2357.0,
        "unit_": "week",
        **change.get("state", {}),
    }
    root = {"$object": "clv.BGNBD", "params": change.get("params", {}), "state": state}
    arrays = [np.asarray(covariance, "<f8"), eigenvalues.astype("<f8")]
    specs = [{"dtype": "<f8", "shape": list(a.shape)} for a in arrays]
    body = b"".join(a.tobytes() for a in arrays)
    return files.load(files.sealed({"root": root, "arrays": specs}, body))


def impossible(about: str, **change: Any) -> Case:
    return E(f"BGNBD.load: {about}", lambda: stored(**change), "", "ModelFileError")


FREQUENT = rows([10**6], [364.0], [365.0])

CASES = [
    # --- what a fit is given
    refused("no customers", "frequency", rows([], [], [])),
    refused("1 an empty frame", "frequency", pd.DataFrame(rows([], [], []), dtype=float)),
    refused("5 a missing column", "'T' is not a column", {"frequency": [1], "recency": [1.0]}),
    refused(
        "5 a column of another case",
        "did you mean",
        pd.DataFrame(rows([1], [1.0], [2.0])).rename(columns={"T": "t"}),
    ),
    refused("47 unequal lengths", "recency has 1 rows", rows([1, 2], [1.0], [2.0, 3.0])),
    refused("47 two dimensions", "one-dimensional", rows(np.ones((2, 2)), [1.0], [2.0])),
    refused("a number", "expected a data frame", 7),
    refused("52 recency without purchases", "recency[1]", rows([1, 0], [1.0, 2.0], [3.0, 3.0])),
    refused("53 purchases without recency", "recency[0]", rows([2, 0], [0.0, 0.0], [3.0, 3.0])),
    refused("recency behind T", "recency[0]", rows([2, 0], [4.0, 0.0], [3.0, 3.0])),
    refused("negative frequency", "frequency[1]", rows([1, -1], [1.0, 0.0], [3.0, 3.0])),
    refused("half a purchase", "frequency[0]", rows([1.5, 0], [1.0, 0.0], [3.0, 3.0])),
    refused("NaN frequency", "frequency[0]", rows([math.nan, 0], [1.0, 0.0], [3.0, 3.0])),
    refused("missing frequency", "frequency[1]", rows([1, None], [1.0, 0.0], [3.0, 3.0])),
    refused("NaN recency", "recency[0]", rows([1, 0], [math.nan, 0.0], [3.0, 3.0])),
    refused("infinite T", "T[1]", rows([1, 0], [1.0, 0.0], [3.0, math.inf])),
    refused("negative T", "T[1]", rows([1, 0], [1.0, 0.0], [3.0, -1.0])),
    refused("text frequency", "frequency must be numeric", rows(["1", "0"], [1.0, 0], [3.0, 3])),
    refused("negative weight", "weight[0]", GOOD, [-1.0] + [1.0] * 99),
    refused("weight NaN", "weight[99]", GOOD, [1.0] * 99 + [math.nan]),
    refused("86 all weights 0", "weight", GOOD, [0.0] * 100),
    refused("weights of another length", "weight", GOOD, [1.0] * 3),
    refused("weights twice", "not both", {**GOOD, "weight": [1.0] * 100}, [1.0] * 100),
    refused("unknown unit", "unit must be one of", unit="fortnight"),
    refused("no iterations", "max_iter must be >= 1", max_iter=0),
    refused("tolerance 0", "tol must", tol=0.0),
    refused("tolerance NaN", "tol must", tol=math.nan),
    refused("negative penalty", "l2 must", l2=-1.0),
    refused("unknown on_failure", "on_failure must be one of", on_failure="ignore"),
    refused("112 no threads", "n_threads must be >= 1", n_threads=0),
    refused("112 fewer than none", "n_threads must be >= 1", n_threads=-5),
    OK(
        "BGNBD: 112 a million threads",
        lambda: fit(cdnow(), n_threads=10**6),
        lambda m: m.converged_,
    ),
    # --- data that do not tell the parameters
    unfinished("4 nobody bought again", rows([0] * 50, [0.0] * 50, [39.0] * 50)),
    unfinished("one customer", rows([2], [3.0], [9.0])),
    unfinished("31 nobody was observed", rows([0] * 9, [0.0] * 9, [0.0] * 9)),
    unfinished("58 a Poisson process without spread", poisson()),
    unfinished("59 nobody drops out", rows([5] * 200, [39.0] * 200, [39.0] * 200)),
    E(
        "BGNBD: 4 and an error was asked for",
        lambda: fit(rows([0] * 50, [0.0] * 50, [39.0] * 50), on_failure="raise"),
        "nobody bought again",
        "NotConvergedError",
    ),
    OK(
        "BGNBD: one iteration more than enough",
        lambda: fit(cdnow(), max_iter=1000),
        lambda m: m.converged_,
    ),
    W(
        "BGNBD: one iteration",
        lambda: fit(cdnow(), max_iter=1),
        "stopped without an optimum",
        lambda m: not m.converged_,
        "ConvergenceWarning",
    ),
    # --- invariances
    OK("BGNBD: 62 weeks or seconds", days_or_weeks, bool),
    OK("BGNBD: weight is repetition", weight_is_repetition, bool),
    # --- predictions at the ends of the domain
    OK(
        "probability_alive: 50 a million purchases",
        lambda: alive([10**6], [364.0], [365.0]),
        probability,
    ),
    OK("probability_alive: long silent", lambda: alive([10**6], [1.0], [1e6]), probability),
    OK(
        "probability_alive: 31 T = 0",
        lambda: alive([0], [0.0], [0.0]),
        lambda p: p.tolist() == [1.0],
    ),
    OK(
        "probability_alive: 32 bought on the last day",
        lambda: alive([3], [39.0], [39.0]),
        probability,
    ),
    OK("probability_alive: 55 T = 1e-300", lambda: alive([1], [1e-300], [1e-300]), probability),
    OK("probability_alive: 55 T = 1e300", lambda: alive([1], [1.0], [1e300]), probability),
    OK("probability_alive: no customers", lambda: alive([], [], []), lambda p: p.size == 0),
    E(
        "probability_alive: before the fit",
        lambda: BGNBD().probability_alive(GOOD),
        "not fitted",
        "NotFittedError",
    ),
    E("probability_alive: recency behind T", lambda: alive([1], [5.0], [4.0]), "recency[0]"),
    E(
        "probability_alive: interval 95",
        lambda: model().probability_alive(GOOD, interval=95),
        "interval",
    ),
    OK(
        "expected_purchases: 50 a million purchases",
        lambda: purchases([10**6], [364.0], [365.0]),
        possible,
    ),
    OK("expected_purchases: 55 T = 1e300", lambda: purchases([1], [1.0], [1e300]), possible),
    OK(
        "expected_purchases: 64 horizon 0",
        lambda: purchases([3], [10.0], [39.0], 0),
        lambda p: p.tolist() == [0.0],
    ),
    OK(
        "expected_purchases: horizon 1e-300",
        lambda: purchases([3], [10.0], [39.0], 1e-300),
        possible,
    ),
    OK(
        "expected_purchases: horizon 1e300", lambda: purchases([3], [10.0], [39.0], 1e300), possible
    ),
    OK("expected_purchases: grows with the horizon", close_to_alpha_equals_beta, bool),
    E(
        "expected_purchases: 64 negative horizon",
        lambda: purchases([3], [10.0], [39.0], -1),
        "horizon must",
    ),
    E(
        "expected_purchases: 64 infinite horizon",
        lambda: purchases([3], [10.0], [39.0], math.inf),
        "horizon must",
    ),
    E(
        "expected_purchases: 64 horizon NaN",
        lambda: purchases([3], [10.0], [39.0], math.nan),
        "horizon must",
    ),
    E(
        "expected_purchases: horizon in words",
        lambda: purchases([3], [10.0], [39.0], "soon"),
        "horizon must",
    ),
    E(
        "expected_purchases: a unit that the fit does not have",
        lambda: fit().expected_purchases(GOOD, horizon="39w"),
        "unit",
    ),
    E(
        "expected_purchases: a summary in another unit",
        lambda: fit(GOOD, unit="day").expected_purchases(cdnow(), horizon=9),
        "week",
    ),
    # --- files
    OK("BGNBD.load: the frame of the cases below", stored, lambda m: m.params_["r"] == 0.24),
    impossible("56 r is 0", values={"r": 0.0}),
    impossible("56 alpha negative", values={"alpha": -1.0}),
    impossible("98 a is NaN", values={"a": {"$float": "nan"}}),
    impossible("98 b is infinite", values={"b": {"$float": "inf"}}),
    impossible("98 r is a text", values={"r": "0.24"}),
    impossible("98 one parameter too many", values={"s": 1.0}),
    impossible("98 covariance of another shape", covariance=np.eye(3)),
    impossible("98 a negative variance", covariance=-np.eye(4)),
    impossible("98 unknown status", state={"status_": "perfect"}),
    impossible("98 unknown unit", state={"unit_": "fortnight"}),
    impossible("98 unknown setting", params={"eval": "1"}),
]
