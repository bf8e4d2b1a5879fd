"""What the tests of the models of contracts share: cohorts of the papers, points, simulations."""

from __future__ import annotations

import csv

import numpy as np
from clv_models import REFERENCE

import tenure as tn

MODELS = {
    "shifted_beta_geometric": tn.clv.ShiftedBetaGeometric,
    "beta_discrete_weibull": tn.clv.BetaDiscreteWeibull,
    "discrete_weibull": tn.clv.DiscreteWeibull,
}


def cohort(name):
    """Survivors of a cohort of Fader & Hardie (2007), such as regular-7: seven renewals."""
    kind, renewals = name.split("-")
    with (REFERENCE / "clv_cohorts.csv").open() as file:
        counts = [float(row[kind]) for row in csv.DictReader(file)]
    return counts[: int(renewals) + 1]


def points(name, what):
    """Rows of clv_<model>_<what>.csv as floats, and the names of its columns."""
    with (REFERENCE / f"clv_{name}_{what}.csv").open() as file:
        head, *rows = csv.reader(file)
    return head, np.array([[float.fromhex(v) for v in row] for row in rows])


def fixed(name, theta, log_covariance=None, **settings):
    """A model at given parameters (theta, c for the discrete Weibull), as if it had been fitted."""
    model = MODELS[name](**settings)
    k = len(theta)
    model._restore(
        {
            "params_": dict(zip(model.parameter_names, map(float, theta), strict=True)),
            "log_covariance_": np.full((k, k), np.nan)
            if log_covariance is None
            else log_covariance,
            "log_likelihood_": 0.0,
            "status_": "converged",
            "n_iter_": 0,
            "gradient_norm_": 0.0,
            "hessian_eigenvalues_": np.ones(k),
            "n_customers_": 1.0,
        }
    )
    return model


def simulate(rng, n, theta, c=1.0, longest=8):
    """Customers lost with probability `theta` (a number, or beta parameters), watched 1 to longest.

    By inversion: T is the first n with (1 - theta)^(n^c) < U.
    """
    leave = rng.beta(*theta, n) if isinstance(theta, tuple) else np.full(n, theta)
    with np.errstate(divide="ignore", over="ignore"):
        life = np.floor((rng.exponential(size=n) / -np.log1p(-leave)) ** (1.0 / c))
    watched = rng.integers(1, longest + 1, n)
    return {"renewals": np.minimum(life, watched), "churned": life < watched}
