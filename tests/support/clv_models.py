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
    elif "unit_" in cls._fitted:
        state |= {"unit_": settings.get("unit")}
    if "k_" in cls._fitted:
        state |= {"k_": settings["k"], "k_log_likelihoods_": np.zeros(1)}
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


def gompertz_customers(n, seed, theta, longest=60.0):
    """Customers of GGompertz/NBD by its definition: a Gompertz lifetime each, by inversion.

    Parameters may be arrays of n.
    """
    rng = np.random.default_rng(seed)
    r, alpha, b, s, beta = theta
    rate, eta = rng.gamma(r, 1 / alpha, n), rng.gamma(s, 1 / beta, n)
    leaves = np.log1p(rng.exponential(size=n) / eta) / b
    T = np.floor(rng.uniform(0.6 * longest, longest, n) * 7) / 7
    active = np.minimum(leaves, T)
    x = rng.poisson(rate * active).astype(float)
    last = np.where(x > 0, active * rng.beta(np.maximum(x, 1.0), 1.0), 0.0)
    return customers(x, last, T)


def futures(name, parameters, n, seed, seen, ahead=0.0):
    """Customers of a model, and what follows: purchases in `ahead`, and the first time of one.

    Drawn purchase by purchase; `seen` may be one number a customer. The parameters of the models of
    regular purchases begin with k, and their customers have the column log_gaps.
    """
    rng = np.random.default_rng(seed)
    ticks, parameters = (parameters[0], parameters[1:]) if "CNBD" in name else (1, parameters)
    r, alpha, *leaving = parameters
    age = np.broadcast_to(np.asarray(seen, dtype=np.float64), n).copy()
    rate = rng.gamma(r, 1 / alpha, n)
    p, leaves = np.zeros(n), np.full(n, np.inf)
    if name == "ParetoNBD":
        leaves = rng.exponential(1 / rng.gamma(leaving[0], 1 / leaving[1], n))
    elif name == "GGompertzNBD":
        b, s, beta = leaving
        leaves = np.log1p(rng.exponential(1 / rng.gamma(s, 1 / beta, n))) / b
    elif name != "NBD":
        p = rng.beta(*leaving, n)
    if name.startswith("M"):
        leaves[rng.random(n) < p] = 0.0
    x, t_x, then, now, log_gaps = (np.zeros(n) for _ in range(5))
    first = np.full(n, np.inf)
    active = np.flatnonzero(leaves > 0.0)
    while active.size:
        gap = rng.gamma(ticks, 1.0, active.size) / np.maximum(rate[active], 1e-300)
        now[active] += gap
        here = now[active] < np.minimum(leaves, age + ahead)[active]
        active, gap = active[here], gap[here]
        past = active[now[active] <= age[active]]
        log_gaps[past] += np.log(gap[now[active] <= age[active]])
        x[past] += 1
        t_x[past] = now[past]
        later = active[now[active] > age[active]]
        then[later] += 1
        first[later] = np.minimum(first[later], (now - age)[later])
        active = active[rng.random(active.size) >= p[active]]
    data = customers(x, t_x, age)
    return data | {"log_gaps": log_gaps} if "CNBD" in name else data, then, first


# --- awkward customers ---------------------------------------------------------------------------


def repeated(rows, n):
    x, t_x, age = np.array(rows, dtype=float).T
    return customers(np.tile(x, n), np.tile(t_x, n), np.tile(age, n))


def poisson(n=2000, rate=0.1):
    """Everybody buys at one rate, and nobody leaves."""
    rng = np.random.default_rng(11)
    age = rng.integers(100, 200, n).astype(float)
    x = rng.poisson(rate * age).astype(float)
    last = np.where(x > 0, age * rng.beta(np.maximum(x, 1.0), 1.0), 0.0)
    return customers(x, last, age)


def nobody_leaves(n=2000):
    """Rates differ, and everybody's last purchase was a moment ago."""
    rng = np.random.default_rng(12)
    age = rng.uniform(50.0, 60.0, n)
    x = rng.poisson(age * rng.gamma(0.5, 0.2, n)).astype(float)
    return customers(x, np.where(x > 0, age - 1e-9, 0.0), age)


def with_outlier():
    data = simulate(2000, seed=6)
    return {
        name: np.append(column, value)
        for (name, column), value in zip(data.items(), (5000.0, 60.0, 70.0), strict=True)
    }


AWKWARD = {
    "one-time buyers only": customers(np.zeros(500), np.zeros(500), np.linspace(1, 50, 500)),
    "one customer, no repeat": customers(0, 0, 10),
    "one customer": customers(3, 10, 20),
    "nothing observed yet": customers(np.zeros(20), np.zeros(20), np.zeros(20)),
    "identical customers": repeated([(3, 20, 30)], 100),
    "two kinds of customers": repeated([(3, 20, 30), (0, 0, 30)], 100),
    "everybody bought once more at the end": repeated([(1, 30, 30)], 50),
    "Poisson buyers": poisson(),
    "nobody leaves": nobody_leaves(),
    "everybody leaves at once": repeated([(1, 0.1, 50), (0, 0, 50), (0, 0, 40)], 200),
    "an outlier": with_outlier(),
    "a million purchases": repeated([(1e6, 300, 365), (0, 0, 365), (4, 10, 20)], 5),
    "tiny times": customers([1, 2, 0, 3], np.array([1, 2, 0, 3]) * 1e-300, np.full(4, 4e-300)),
    "huge times": customers([1, 2, 0, 3], np.array([1, 2, 0, 3]) * 1e299, np.full(4, 4e299)),
    "times of all sizes": customers([1, 2, 0, 3], [1e-200, 2, 0, 1e200], [1e-199, 3, 1, 2e200]),
    "three customers": customers([0, 1, 5], [0, 3, 30], [40, 40, 40]),
    "a small simulation": simulate(60, seed=7),
    "a large simulation": simulate(30_000, seed=8),
    "continuous times": simulate(2000, seed=9, days=False),
    "few repeat buyers": simulate(300, seed=10, r=0.01),
    "heavy buyers": simulate(500, seed=11, r=20.0, alpha=1.0, a=0.5, b=30.0, days=False),
    "quick leavers": simulate(3000, seed=12, a=30.0, b=3.0),
    "much heterogeneity": simulate(5000, seed=13, r=0.05, alpha=0.5, a=0.1, b=0.2),
    "little heterogeneity": simulate(5000, seed=14, r=50.0, alpha=500.0, a=30.0, b=90.0),
}
