"""Customers as no paper has them: every model ends in an optimum, or in the status that it should.

One table: a row a model, a column a kind of customers, and how the fit ends. Whatever is called
converged has a small gradient and a definite Hessian; predictions are finite either way.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from clv_models import AWKWARD, customers, simulate
from numpy.testing import assert_allclose

import tenure as tn

# --- repeat purchases ----------------------------------------------------------------------------

SOME_JUST_ARRIVED = {
    name: np.append(column, np.zeros(200)) for name, column in simulate(2000, seed=21).items()
}
CASES = {
    "usual": simulate(4000, seed=20),
    "x = 10^6": AWKWARD["a million purchases"],
    "one-time": AWKWARD["one-time buyers only"],
    "identical": AWKWARD["identical customers"],
    "Poisson": AWKWARD["Poisson buyers"],
    "nobody leaves": AWKWARD["nobody leaves"],
    "x = 5000": AWKWARD["an outlier"],
    "T = 0": AWKWARD["nothing observed yet"],
    "some T = 0": SOME_JUST_ARRIVED,
}

#: How a fit ends, by model and case, in the order of the cases. c: converged; b: boundary, where a
#: parameter runs away as no finite one is best; m: max_iterations, where it runs so slowly that the
#: budget ends first; e: an InvalidInputError, where there is nothing to fit. The usual customers
#: are drawn from BG/NBD, in which frequent buyers leave sooner than CorrelatedParetoNBD can tell,
#: and hazards do not rise, so that GGompertzNBD ends as ParetoNBD.
ENDS = {
    "NBD": "c c b b b c c b c",
    "BGNBD": "c b b b b b c b c",
    "MBGNBD": "c b b b b b c b c",
    "BGCNBD": "c c b b b b c m c",
    "MBGCNBD": "c c b b b b c b c",
    "ParetoNBD": "c b b b b b c b c",
    "GGompertzNBD": "b b b b b b b b b",
    "CorrelatedParetoNBD": "b b b b b b b b b",
    "BGNBD with covariates": "c b b b b b c b c",
    "MBGNBD with covariates": "c b b b b b c b c",
    "ParetoNBD with covariates": "c b m b b b c b c",
}
STATUS = {"c": "converged", "b": "boundary", "m": "max_iterations"}


def made(name):
    kind, _, covariates = name.partition(" with ")
    more = {"purchase_covariates": ["z"], "dropout_covariates": ["z"]} if covariates else {}
    if "CNBD" in kind:
        more["k"] = 2
    return getattr(tn.clv, kind)(**more)


def of(name, data):
    """The customers with what the model reads besides."""
    n = len(data["T"])
    more = {}
    if "CNBD" in name:
        more["log_gaps"] = np.zeros(n)
    if "covariates" in name:
        more["z"] = (np.arange(n) * 7 % 5 > 2).astype(float)
    return {**data, **more}


def fitted(model, data):
    """The model, fitted, whose warning says what its status does."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(data)
    told = [w for w in caught if w.category is tn.ConvergenceWarning]
    assert len(told) == (0 if model.converged_ else 1)
    if told:
        assert f"stopped without an optimum ({model.status_})" in str(told[0].message)
    return model


def require_optimum(model, likelihood):
    """A gradient within the promise, and a definite Hessian, in logs and of the mean."""
    value, gradient, hessian = likelihood
    n = model.n_customers_
    assert value == pytest.approx(model.log_likelihood_, rel=1e-9, abs=1e-9)
    assert np.abs(gradient).max() / n <= 1e-6 * max(1.0, abs(value / n))
    assert np.linalg.eigvalsh(-np.asarray(hessian)).min() > 0.0
    assert model.gradient_norm_ <= 1e-6


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("case", CASES)
def test_repeat_purchases(name, case):
    data = of(name, CASES[case])
    model = fitted(made(name), data)
    expected = STATUS[ENDS[name].split()[list(CASES).index(case)]]
    assert model.status_ == expected
    assert all(np.isfinite(v) and v > 0.0 for v in model.params_.values())
    assert np.isfinite(model.log_likelihood_)
    if model.converged_ and "covariates" not in name:
        point = np.log(np.array(list(model.params_.values())))
        require_optimum(model, model._likelihood_of(data, None)(point))
    elif model.converged_:
        assert model.gradient_norm_ <= 1e-6
        assert np.all(model.hessian_eigenvalues_ > 0.0)
    alive = model.probability_alive(data)
    assert np.all((alive >= 0.0) & (alive <= 1.0))
    expected = model.expected_purchases(data, max(1.0, data["T"].max()))
    assert np.all(np.isfinite(expected) & (expected >= 0.0))


@pytest.mark.parametrize("name", ENDS)
def test_days_against_seconds(name):
    data = CASES["usual"]
    slow = {**data, "recency": data["recency"] * 86_400.0, "T": data["T"] * 86_400.0}
    per_day, per_second = fitted(made(name), of(name, data)), fitted(made(name), of(name, slow))
    assert per_second.status_ == per_day.status_
    shift = data["frequency"].sum() * np.log(86_400.0)
    if "CNBD" in name:  # log_gaps holds a factor of the density, which was left as it was
        shift *= 2
    assert per_second.log_likelihood_ == pytest.approx(per_day.log_likelihood_ - shift, rel=1e-10)
    assert_allclose(
        per_second.expected_purchases(of(name, slow), 30 * 86_400.0),
        per_day.expected_purchases(of(name, data), 30.0),
        rtol=1e-6,
    )


# --- opportunities to give -----------------------------------------------------------------------


def gifts(n, seed, theta, T=12):
    rng = np.random.default_rng(seed)
    p, leave = rng.beta(theta[0], theta[1], n), rng.beta(theta[2], theta[3], n)
    stays = np.minimum(rng.geometric(np.maximum(leave, 1e-300)) - 1, T)
    gave = (rng.uniform(size=(n, T)) < p[:, None]) & (np.arange(T) < stays[:, None])
    last = np.where(gave.any(axis=1), T - gave[:, ::-1].argmax(axis=1), 0)
    return customers(gave.sum(axis=1), last, np.full(n, T))


def and_one(data, *values):
    """The customers and one more."""
    columns = zip(data.items(), values, strict=True)
    return {name: np.append(column, value) for (name, column), value in columns}


GIFTS = {
    "usual": (gifts(4000, 1, (1.2, 0.75, 0.66, 2.8)), "converged"),
    "nobody gives again": (customers(np.zeros(50), np.zeros(50), np.full(50, 6)), "boundary"),
    "identical": (customers(np.full(80, 3), np.full(80, 4), np.full(80, 6)), "boundary"),
    "no heterogeneity": (gifts(4000, 2, (3e4, 2e4, 1e4, 9e4)), "converged"),
    "nobody leaves": (gifts(2000, 3, (1.2, 0.8, 1e-9, 10.0)), "converged"),
    "T = 0": (customers(np.zeros(20), np.zeros(20), np.zeros(20)), "boundary"),
    "x = 5000": (
        and_one(gifts(2000, 4, (1.2, 0.75, 0.66, 2.8)), 5000.0, 5100.0, 6000.0),
        "converged",
    ),
}


@pytest.mark.parametrize("case", GIFTS)
def test_opportunities(case):
    data, status = GIFTS[case]
    model = fitted(tn.clv.BGBB(), data)
    assert model.status_ == status
    if model.converged_:
        point = np.log(np.array(list(model.params_.values())))
        require_optimum(model, model._likelihood_of(data, None)(point))
    alive = model.probability_alive(data)
    assert np.all((alive >= 0.0) & (alive <= 1.0))
    assert np.all(np.isfinite(model.expected_purchases(data, 5)))


# --- spend ---------------------------------------------------------------------------------------


def spend(n, seed, p=6.0, q=4.0, gamma=15.0):
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 9, n).astype(float)
    rate = rng.gamma(q, 1 / gamma, n)
    return {"frequency": x, "monetary_value": rng.gamma(p * x, 1 / (x * rate))}


SPEND = {
    "usual": (spend(4000, 1), "converged"),
    "x = 10^6": (and_one(spend(2000, 2), 1e6, 40.0), "converged"),
    "x = 5000": (and_one(spend(2000, 2), 5000.0, 4000.0), "converged"),
    "identical": ({"frequency": [3.0] * 100, "monetary_value": [20.0] * 100}, "boundary"),
    "one customer": ({"frequency": [2.0], "monetary_value": [30.0]}, "boundary"),
    "all alike but for chance": (spend(4000, 3, q=1e7, gamma=1e8), "converged"),
    "q <= 1": (spend(4000, 4, q=0.6), "converged"),
}


@pytest.mark.parametrize("case", SPEND)
def test_spend(case):
    data, status = SPEND[case]
    model = fitted(tn.clv.GammaGamma(), data)
    assert model.status_ == status
    if model.converged_:
        point = np.log(np.array(list(model.params_.values())))
        require_optimum(model, model._likelihood_of(data, None)(point))
    if case == "q <= 1":
        assert model.params_["q"] < 1.0
    # A mean over customers there is only for q > 1; of one who has bought, p x + q > 1 is enough.
    expected = model.expected_spend(data)
    assert np.all(np.isfinite(expected) & (expected > 0.0))


# --- contracts -----------------------------------------------------------------------------------


def contracts(n, seed, a, b, c=1.0, longest=12):
    """Lifetimes whose chance to last n periods is B(a, b + n^c) / B(a, b)."""
    rng = np.random.default_rng(seed)
    theta = rng.beta(a, b, n)
    with np.errstate(divide="ignore"):
        whole = np.floor((np.log(rng.uniform(size=n)) / np.log1p(-theta)) ** (1 / c))
    return {
        "renewals": np.minimum(whole, longest).astype(float),
        "churned": (whole < longest).astype(np.uint8),
    }


def same_contracts(n, renewals, churned):
    return {"renewals": np.full(n, float(renewals)), "churned": np.full(n, churned, np.uint8)}


CONTRACTS = {
    "usual": contracts(4000, 1, 0.7, 1.3),
    "nobody leaves": same_contracts(100, 5, 0),
    "all leave at once": same_contracts(100, 0, 1),
    "identical": same_contracts(100, 3, 1),
    "one rate": contracts(4000, 2, 2e5, 8e5),
    "T = 0": same_contracts(20, 0, 0),
    "10^6 renewals": and_one(contracts(2000, 3, 0.7, 1.3), 1e6, 1),
}
CONTRACT_ENDS = {
    "ShiftedBetaGeometric": "c e e b b e c",
    "DiscreteWeibull": "c e e b c e c",
    "BetaDiscreteWeibull": "c e e b c e c",
}


@pytest.mark.parametrize("name", CONTRACT_ENDS)
@pytest.mark.parametrize("case", CONTRACTS)
def test_contracts(name, case):
    data = CONTRACTS[case]
    data = {k: v.astype(np.uint8) if k == "churned" else v for k, v in data.items()}
    end = CONTRACT_ENDS[name].split()[list(CONTRACTS).index(case)]
    if end == "e":
        with pytest.raises(tn.InvalidInputError, match="must hold somebody who"):
            getattr(tn.clv, name)().fit(data)
        return
    model = fitted(getattr(tn.clv, name)(), data)
    assert model.status_ == STATUS[end]
    if model.converged_:
        point = np.log(np.array(list(model.params_.values())))
        require_optimum(model, model._likelihood_of(data, None)(point))
    survival = model.survival(np.arange(13))
    assert np.all((survival >= 0.0) & (survival <= 1.0) & (np.diff(survival, prepend=1.0) <= 0.0))
