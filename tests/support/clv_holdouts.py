"""Customers of known models with a future: hold-outs whose predictive distributions are known."""

from __future__ import annotations

import datetime as dt

import numpy as np
from clv_models import futures

from tenure.events import CalibrationHoldout, Summary


def holdout(x, t_x, age, orders, duration, unit="week", log_gaps=None):
    """A hold-out of customers given by columns."""
    n = len(x)
    none = np.full(n, np.datetime64("NaT", "us"))
    summary = Summary(
        customer=np.arange(n),
        frequency=np.asarray(x).astype(np.int64),
        recency=np.asarray(t_x, dtype=np.float64),
        T=np.asarray(age, dtype=np.float64),
        monetary_value=np.full(n, np.nan),
        revenue=np.zeros(n),
        first_order=none,
        last_order=none,
        unit=unit,
        collapse=None,
        end=dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        n_without_orders=0,
        log_gaps=log_gaps,
    )
    orders = np.asarray(orders).astype(np.int64)
    return CalibrationHoldout(summary, orders, np.zeros(n), float(duration))


def simulated(model, parameters, n, seed, duration=39.0, ages=(26.0, 39.0)):
    """Customers of a model, drawn purchase by purchase in continuous time."""
    rng = np.random.default_rng(seed)
    if model not in ("BGNBD", "MBGNBD", "ParetoNBD"):
        seen = rng.uniform(*ages, n)
        data, then, _ = futures(model, parameters, n, seed + 1, seen, ahead=duration)
        columns = data["frequency"], data["recency"], data["T"]
        return holdout(*columns, then, duration, log_gaps=data.get("log_gaps"))
    shape, scale, one, two = parameters
    rate = rng.gamma(shape, 1.0 / scale, n)
    age = rng.uniform(*ages, n)
    end = age + duration
    pareto = model == "ParetoNBD"
    leave = rng.beta(one, two, n) if not pareto else np.zeros(n)
    death = rng.exponential(1.0, n) / rng.gamma(one, 1.0 / two, n) if pareto else np.inf * age
    x, t_x, later, now = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    active = np.arange(n)
    if model == "MBGNBD":
        active = active[rng.random(n) > leave]
    while active.size:
        now[active] += rng.exponential(1.0, active.size) / np.maximum(rate[active], 1e-300)
        active = active[now[active] <= np.minimum(end, death)[active]]
        early = now[active] <= age[active]
        x[active] += early
        t_x[active] = np.where(early, now[active], t_x[active])
        later[active] += ~early
        active = active[rng.random(active.size) > leave[active]]
    return holdout(x, t_x, age, later, duration)
