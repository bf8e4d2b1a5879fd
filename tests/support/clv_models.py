"""What the tests of `tenure.clv` share: published values, simulated customers, fixed models."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

import tenure as tn

REFERENCE = Path(__file__).parents[1] / "reference"


def published(model):
    """Rows of clv_values.csv for one model, with arguments as a dict of floats."""
    rows = []
    with (REFERENCE / "clv_values.csv").open() as file:
        for row in csv.DictReader(file):
            if row["model"] == model:
                row["parameters"] = [float(v) for v in row["parameters"].split()]
                pairs = (a.split("=") for a in row["arguments"].split())
                row["arguments"] = {k: v if k == "data" else float(v) for k, v in pairs}
                rows.append(row)
    return rows


def row_id(row):
    arguments = " ".join(f"{k}={v:g}" for k, v in row["arguments"].items() if k != "data")
    return f"{row['row']} {row['quantity']} {arguments}".strip()


def at(cls, parameters, log_covariance=None, **settings):
    """A model at given parameters, as if it had been fitted."""
    model = cls(**settings)
    k = len(parameters)
    covariance = np.full((k, k), np.nan) if log_covariance is None else log_covariance
    state = {
        "params_": dict(zip(cls.parameter_names, map(float, parameters), strict=True)),
        "log_covariance_": covariance,
        "log_likelihood_": 0.0,
        "status_": "converged",
        "n_iter_": 0,
        "gradient_norm_": 0.0,
        "hessian_eigenvalues_": np.ones(k),
        "n_customers_": 1.0,
    }
    if cls is tn.clv.GammaGamma:
        state |= {"n_excluded_": 0, "correlation_": 0.0}
    else:
        state |= {"unit_": settings.get("unit")}
    model._restore(state)
    return model


def cdnow_log():
    orders = tn.datasets.load_cdnow(sample=True)
    return tn.EventLog(orders, customer="sample_id", time="date", amount="amount")


def customers(x, t_x, age):
    return {
        name: np.atleast_1d(np.asarray(v, dtype=np.float64))
        for name, v in (("frequency", x), ("recency", t_x), ("T", age))
    }


def simulate(n, seed, r=0.25, alpha=4.4, a=0.8, b=2.4, days=True, horizon=(26.0, 78.0)):
    """Customers drawn from the BG/NBD model; times in weeks, on whole days by default."""
    rng = np.random.default_rng(seed)
    rate, leave = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    age = rng.uniform(*horizon, n)
    if days:
        age = np.floor(age * 7) / 7
    x, t_x, now = np.zeros(n), np.zeros(n), np.zeros(n)
    active = np.arange(n)
    while active.size:
        now[active] += rng.exponential(1.0, active.size) / np.maximum(rate[active], 1e-300)
        active = active[now[active] <= age[active]]
        when = now[active] if not days else np.maximum(np.floor(now[active] * 7), 1.0) / 7
        x[active] += when > t_x[active]
        t_x[active] = when
        active = active[rng.random(active.size) > leave[active]]
    return customers(x, t_x, age)
