"""Simulation-based calibration: where truths come from the prior, their ranks are uniform.

Talts, Betancourt, Simpson, Vehtari & Gelman (2018), arXiv:1804.06788; quantities that depend on the
data, here the posterior density itself, as Modrak et al. (2023), Bayesian Analysis 20:461-488, ask.
By day 60 replicates a model, at night 1,000; 99 draws each, thinned from 500.
"""

from __future__ import annotations

import math
import os
import warnings

import numpy as np
import pytest

import tenure as tn
from tenure import _core

NIGHT = os.environ.get("TENURE_TESTS") == "nightly"
REPLICATES = 1000 if NIGHT else 60
DRAWS = 99
#: A false alarm in a thousand runs, over all quantities of a model.
FALSE_ALARM = 1e-3

slow = pytest.mark.slow


def of_rates(rng, model, truth):
    """Purchases of 60 customers, each watched for an own time; times of order statistics."""
    n = 60
    age = np.linspace(20.0, 40.0, n)
    rate = rng.gamma(truth["r"], 1.0 / truth["alpha"], n)
    made = rng.poisson(rate * age)
    if model is tn.clv.ParetoNBD:
        lifetime = rng.exponential(1.0, n) / np.maximum(
            rng.gamma(truth["s"], 1.0 / truth["beta"], n), 1e-300
        )
        seen = np.minimum(age, lifetime)
        made = rng.poisson(rate * seen)
        last = seen * rng.uniform(size=n) ** (1.0 / np.maximum(made, 1))
    elif model is tn.clv.NBD:
        last = age * rng.uniform(size=n) ** (1.0 / np.maximum(made, 1))
    else:
        leave = np.clip(rng.beta(truth["a"], truth["b"], n), 1e-12, 1.0)
        chances = rng.geometric(leave)
        if model is tn.clv.MBGNBD:
            chances -= 1  # the first purchase is one
        stayed = made
        made = np.minimum(made, chances)
        last = age * rng.beta(np.maximum(made, 1), np.maximum(stayed - made + 1, 1))
    recency = np.where(made > 0, np.clip(last, 1e-9, age), 0.0)
    return {"frequency": made.astype(float), "recency": recency, "T": age}


def of_spend(rng, model, truth):
    """Mean amounts of 60 customers with 1 to 5 orders."""
    x = np.arange(60) % 5 + 1.0
    nu = rng.gamma(truth["q"], 1.0 / truth["gamma"], 60)
    return {"frequency": x, "monetary_value": rng.gamma(truth["p"] * x) / (nu * x)}


def parameters(model, told):
    """The letters of the papers from the quantities that priors are about."""
    out = dict(told)
    if "purchase_rate" in told:
        out["alpha"] = told["r"] / told["purchase_rate"]
    if "dropout" in told:
        out["a"] = told["dropout"] * told["dropout_size"]
        out["b"] = (1.0 - told["dropout"]) * told["dropout_size"]
    if "dropout_rate" in told:
        out["beta"] = told["s"] / told["dropout_rate"]
    if "spend_level" in told:
        out["gamma"] = told["spend_level"] * told["q"] / told["p"]
    return {name: out[name] for name in model.parameter_names}


def log_joint(model, priors, truth, data):
    at = np.array(list(truth.values()))
    columns = [np.ascontiguousarray(c, dtype=float) for c in data.values()]
    value = getattr(_core.clv, f"{model._prefix}_log_likelihood")(at, *columns, None, 1)[0]
    terms = [model._quantities[name].term(prior) for name, prior in priors.items()]
    return value + sum(_core.clv.prior_log_density(term, np.log(at)) for term in terms)


def replicate(model, simulate, priors, seed):
    """Ranks of the truth among the draws, by quantity; and of a truth that is off."""
    rng = np.random.default_rng([11, seed])
    told = {name: float(prior.sample(rng)) for name, prior in priors.items()}
    truth = parameters(model, told)
    data = simulate(rng, model, truth)
    with warnings.catch_warnings():
        # Small samples of extreme truths are hard; a draw that is lost must not bias the ranks.
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        got = model().posterior(
            data,
            priors=priors,
            chains=2,
            draws=250,
            warmup=250,
            target_accept=0.9,
            random_state=seed,
            n_threads=1,
        )
    points = np.log(got.points(DRAWS))
    at = ((np.arange(DRAWS) + 0.5) * (500 / DRAWS)).astype(int)
    log_truth = np.log(list(truth.values()))
    ranks = list((points < log_truth).sum(axis=0))
    ranks.append((points[:, 0] - points[:, 1] < log_truth[0] - log_truth[1]).sum())
    if model is not tn.clv.GammaGamma:
        ranks.append((points[:, 2] - points[:, 3] < log_truth[2] - log_truth[3]).sum())
    ranks.append((got.log_density.ravel()[at] < log_joint(model, priors, truth, data)).sum())
    off = (points[:, 0] < log_truth[0] + points[:, 0].std()).sum()
    return ranks, off


def departure(ranks):
    """Largest distance of the ranks' distribution from the uniform one."""
    below = np.searchsorted(np.sort(ranks), np.arange(DRAWS + 1), side="right") / len(ranks)
    return np.abs(below - (np.arange(DRAWS + 1) + 1) / (DRAWS + 1)).max()


P = tn.clv.priors
RATES = {"r": P.LogNormal(1.0, 1.5), "purchase_rate": P.LogNormal(1 / 30, 2.0)}
GEOMETRIC = RATES | {"dropout": P.Beta(1.0, 1.0), "dropout_size": P.LogNormal(2.0, 1.5)}
PARETO = RATES | {"s": P.LogNormal(1.0, 1.5), "dropout_rate": P.LogNormal(1 / 30, 2.0)}
SPEND = {"p": P.LogNormal(3.0, 1.5), "q": P.LogNormal(3.0, 1.0), "spend_level": P.LogNormal(30, 2)}


@pytest.mark.parametrize(
    ("model", "simulate", "priors"),
    [
        (tn.clv.BGNBD, of_rates, GEOMETRIC),
        (tn.clv.GammaGamma, of_spend, SPEND),
        pytest.param(tn.clv.MBGNBD, of_rates, GEOMETRIC, marks=slow),
        pytest.param(tn.clv.ParetoNBD, of_rates, PARETO, marks=slow),
    ],
)
def test_ranks_of_truths_drawn_from_the_priors_are_uniform(model, simulate, priors):
    defaults = {n: model._quantities[n].default(30.0) for n in priors}
    assert priors == defaults
    done = [replicate(model, simulate, priors, seed) for seed in range(REPLICATES)]
    ranks = np.array([r for r, _ in done])
    # Dvoretzky-Kiefer-Wolfowitz-Massart: holds for every n, and is sharp.
    band = math.sqrt(math.log(2 * ranks.shape[1] / FALSE_ALARM) / (2 * REPLICATES))
    departures = [departure(column) for column in ranks.T]
    assert max(departures) < band, departures
    # The band is narrow enough to see a posterior that is off by one standard deviation.
    assert departure([off for _, off in done]) > band


#: Customers of three groups.
SIZES = (30, 20, 10)
SPREAD = tn.clv.priors.HalfNormal(0.5)


def replicate_groups(model, simulate, priors, seed):
    """The same with parameters that differ between groups, as the hierarchy says."""
    rng = np.random.default_rng([13, seed])
    median = parameters(model, {name: float(p.sample(rng)) for name, p in priors.items()})
    mu = np.log(list(median.values()))
    tau = SPREAD.sample(rng, len(mu))
    u = mu + tau * rng.standard_normal((len(SIZES), len(mu)))
    parts = []
    for size, logs in zip(SIZES, u, strict=True):
        truth = dict(zip(model.parameter_names, np.exp(logs).tolist(), strict=True))
        whole = simulate(rng, model, truth)
        parts.append({k: v[:: 60 // size] for k, v in whole.items()})
    data = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        got = model().posterior_by_group(
            data,
            np.repeat(range(len(SIZES)), SIZES),
            priors=priors,
            spread_priors=SPREAD,
            chains=2,
            draws=250,
            warmup=250,
            target_accept=0.95,
            random_state=seed,
            n_threads=1,
        )
    points = np.log(got.points(DRAWS))
    k = len(mu)
    at = ((np.arange(DRAWS) + 0.5) * (500 / DRAWS)).astype(int)
    # Medians, spreads and the smallest group; the order is that of `parameter`.
    seen = np.r_[0 : 2 * k, 4 * k : 5 * k]
    truths = np.concatenate([mu, np.log(tau), u.ravel()])
    ranks = list((points[:, seen] < truths[seen]).sum(axis=0))
    density = log_joint_of_groups(model, priors, (mu, tau, u), parts)
    ranks.append((got.log_density.ravel()[at] < density).sum())
    off = (points[:, k] < truths[k] + 2.0 * points[:, k].std()).sum()
    return ranks, off, got.n_divergent


def log_joint_of_groups(model, priors, truth, parts):
    mu, tau, u = truth
    value = 0.0
    for data, logs in zip(parts, u, strict=True):
        columns = [np.ascontiguousarray(c, dtype=float) for c in data.values()]
        kernel = getattr(_core.clv, f"{model._prefix}_log_likelihood")
        value += kernel(np.exp(logs), *columns, None, 1)[0]
    value += np.sum(-0.5 * ((u - mu) / tau) ** 2 - np.log(tau) - 0.5 * math.log(2 * math.pi))
    terms = [model._quantities[name].term(prior) for name, prior in priors.items()]
    value += sum(_core.clv.prior_log_density(term, mu) for term in terms)
    # Of log(tau): the density of tau times tau.
    return value + sum(SPREAD.log_density(t) + math.log(t) for t in tau)


GROUP_REPLICATES = 1000 if NIGHT else 30


@pytest.mark.parametrize(
    ("model", "simulate", "priors"),
    [
        (tn.clv.NBD, of_rates, RATES),
        pytest.param(tn.clv.GammaGamma, of_spend, SPEND, marks=slow),
        pytest.param(tn.clv.BGNBD, of_rates, GEOMETRIC, marks=slow),
    ],
)
def test_ranks_of_groups_drawn_from_the_hierarchy_are_uniform(model, simulate, priors):
    done = [replicate_groups(model, simulate, priors, seed) for seed in range(GROUP_REPLICATES)]
    ranks = np.array([r for r, _, _ in done])
    band = math.sqrt(math.log(2 * ranks.shape[1] / FALSE_ALARM) / (2 * GROUP_REPLICATES))
    departures = [departure(column) for column in ranks.T]
    assert max(departures) < band, departures
    # By day the band is wide, and sees what is off by two standard deviations.
    assert departure([off for _, off, _ in done]) > band
