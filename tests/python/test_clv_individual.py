"""Models drawn customer by customer, against integrals, closed forms and the published row."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from clv_models import cdnow_log, published
from scipy import integrate, special

import tenure as tn
from tenure import _core

ROWS = {
    "frequency": np.array([0.0, 0.0, 1.0, 2.0, 6.0, 8.0]),
    "recency": np.array([0.0, 0.0, 3.0, 30.0, 12.0, 37.5]),
    "T": np.array([39.0, 5.0, 35.0, 38.0, 38.0, 38.0]),
}
#: As if the gaps were even.
LOG_GAPS = np.array(
    [
        x * math.log(t / x) if x else 0.0
        for x, t in zip(ROWS["frequency"], ROWS["recency"], strict=True)
    ]
)
COLUMNS = (ROWS["frequency"], ROWS["recency"], ROWS["T"])


def quietly(model, data):
    """Few draws of few customers never pass the checks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        return model.fit(data)


def abe_at(mean, gamma, options, columns=COLUMNS, threads=1):
    n = len(columns[0])
    held = [*mean, gamma[0], gamma[1], gamma[2]] if mean is not None else []
    prior = ([0.0, 0.0], [0.01], 4.0, [4.0, 0.0, 0.0, 4.0])
    return _core.clv.abe_sample(*columns, np.ones(n), 1, *prior, (*options, held), threads)


def ggg_at(parameters, options, columns=COLUMNS, gaps=LOG_GAPS, threads=1):
    terms = [("log_normal", 0.0, 1.0, row.tolist(), False) for row in np.eye(6)]
    return _core.clv.pareto_ggg_sample(*columns, gaps, terms, (*options, list(parameters)), threads)


# --- one customer: likelihood and P(alive) by brute force ----------------------------------------


def silent(lam, mu, k, c):
    """P(no purchase within c): left at v before the next purchase, or a gap longer than c."""
    rate = k * lam
    left, _ = integrate.quad(
        lambda v: mu * math.exp(-mu * v) * special.gammaincc(k, rate * v), 0.0, c, epsabs=1e-13
    )
    there = math.exp(-mu * c) * special.gammaincc(k, rate * c)
    return left + there, there


@pytest.mark.parametrize("k", [0.3, 1.0, 2.5, 40.0])
@pytest.mark.parametrize(("lam", "mu"), [(0.2, 0.05), (1.5, 0.001), (0.01, 0.9)])
def test_likelihood_and_p_alive_of_a_regular_customer_are_integrals(lam, mu, k):
    gaps = np.array([2.0, 5.0, 3.5])
    t_x, T = gaps.sum(), 17.0
    total, there = silent(lam, mu, k, T - t_x)
    rate = k * lam
    log_density = k * np.log(rate) - special.gammaln(k) + (k - 1) * np.log(gaps) - rate * gaps
    expected = log_density.sum() - mu * t_x + math.log(total)
    got = _core.clv.pareto_ggg_log_likelihood(3.0, t_x, T, np.log(gaps).sum(), lam, mu, k)
    assert got == pytest.approx(expected, rel=1e-9)
    alive = _core.clv.pareto_ggg_probabilities_alive(
        np.array([lam, mu, k]), np.array([3.0]), np.array([t_x]), np.array([T]), 1
    )
    assert alive[0] == pytest.approx(there / total, rel=1e-8, abs=1e-14)


@pytest.mark.parametrize(("x", "t_x", "T"), [(0, 0.0, 30.0), (4, 11.0, 12.0), (4, 11.0, 60.0)])
def test_a_regularity_of_one_is_the_likelihood_of_abe(x, t_x, T):
    for lam, mu in [(0.3, 0.02), (2.0, 1e-6), (1e-4, 3.0)]:
        abe = _core.clv.abe_log_likelihood(x, t_x, T, lam, mu)
        assert _core.clv.pareto_ggg_log_likelihood(x, t_x, T, 1.7 if x else 0.0, lam, mu, 1.0) == (
            pytest.approx(abe, rel=1e-11, abs=1e-11)
        )
        alive = [
            _core.clv.abe_probabilities_alive(
                np.array([lam, mu]), *map(np.array, ([x * 1.0], [t_x], [T])), 1
            ),
            _core.clv.pareto_ggg_probabilities_alive(
                np.array([lam, mu, 1.0]), *map(np.array, ([x * 1.0], [t_x], [T])), 1
            ),
        ]
        assert alive[0][0] == pytest.approx(alive[1][0], rel=1e-9, abs=1e-290)


# --- customers at a population that is held ------------------------------------------------------


def grid_means(log_density, lam, mu):
    """Posterior means over a grid of (log lambda, log mu) of P(alive), lambda and mu."""
    out = []
    for x, t_x, T in zip(*COLUMNS, strict=True):
        s = lam + mu
        gone = np.exp(-s * (T - t_x))
        log_l = x * np.log(lam) - s * t_x + np.log((mu + lam * gone) / s)
        w = log_l + log_density
        w = np.exp(w - w.max())
        w /= w.sum()
        out.append([(w * v).sum() for v in (s * gone / (mu + lam * gone), lam, mu)])
    return np.array(out).T


GRID = np.meshgrid(np.linspace(-16, 5, 700), np.linspace(-22, 8, 900), indexing="ij")


def within_error(draws, expected, chains):
    """Whether means of (draws, customers) agree with what is expected, by Monte Carlo errors."""
    for i, value in enumerate(expected):
        column = np.ascontiguousarray(draws[:, i])
        *_, mcse = _core.clv.diagnose_chains(column, chains)
        assert abs(column.mean() - value) < 5.0 * mcse + 1e-12, (i, column.mean(), value, mcse)


def test_customers_of_abe_agree_with_integration_over_a_grid():
    mean, gamma = (-3.5, -3.6), (1.34, 0.5, 2.62)
    got = abe_at(mean, gamma, (4, 2000, 300, 2000, 1, 7))
    rates = got["individual"].reshape(8000, 2, 6)
    life = got["lifetime"].reshape(8000, 6)
    u, v = GRID
    precision = np.linalg.inv([[gamma[0], gamma[1]], [gamma[1], gamma[2]]])
    a, b = u - mean[0], v - mean[1]
    log_density = -0.5 * (
        precision[0, 0] * a * a + 2 * precision[0, 1] * a * b + precision[1, 1] * b * b
    )
    alive, lam, mu = grid_means(log_density, np.exp(u), np.exp(v))
    within_error(rates[:, 0], lam, 4)
    within_error(rates[:, 1], mu, 4)
    within_error((life > ROWS["T"]).astype(float), alive, 4)
    told = _core.clv.abe_probabilities_alive(np.ascontiguousarray(rates).ravel(), *COLUMNS, 1)
    within_error(told.reshape(-1, 6), alive, 4)
    assert (life >= ROWS["recency"]).all()


def test_with_regularity_one_the_customers_are_those_of_pareto_nbd():
    """k ~ gamma(1e7, rate 1e7) is 1 for everybody."""
    r, alpha, s, beta = 0.55, 10.6, 0.61, 11.7
    got = ggg_at((r, alpha, s, beta, 1e7, 1e7), (4, 2000, 300, 2000, 1, 3))
    rates = got["individual"].reshape(8000, 3, 6)
    assert np.abs(rates[:, 2] - 1.0).max() < 0.01
    life = got["lifetime"].reshape(8000, 6)
    # ParetoNBD's closed forms at the same parameters.
    alive = _core.clv.pareto_nbd_probability_alive(np.array([r, alpha, s, beta]), *COLUMNS, 1)
    within_error((life > ROWS["T"]).astype(float), alive, 4)
    u, v = GRID
    log_density = r * u - alpha * np.exp(u) + s * v - beta * np.exp(v)
    also_alive, lam, _ = grid_means(log_density, np.exp(u), np.exp(v))
    np.testing.assert_allclose(also_alive, alive, rtol=2e-3)
    within_error(rates[:, 0], lam, 4)


def test_times_of_leaving_of_regular_customers_follow_their_density():
    """P(left before v | left before T) of one customer with known rates, over many draws."""
    n, k, lam, mu, t_x, T = 200, 5.0, 0.4, 0.03, 4.0, 9.0
    columns = tuple(np.full(n, v) for v in (2.0, t_x, T))
    # A population so narrow that everybody has the same rates.
    tight = 1e8
    held = (tight, tight / lam, tight, tight / mu, tight, tight / k)
    got = ggg_at(held, (2, 200, 0, 20, 1, 5), columns, np.full(n, 2 * math.log(2.0)))
    rates = got["individual"].reshape(40, 3, n)
    life = got["lifetime"].reshape(40, n)
    # No warm-up: rates still move from where they start; so use each draw's own integral.
    left = life < T
    lam_d, mu_d, k_d = rates[:, 0][left], rates[:, 1][left], rates[:, 2][left]
    grid = np.linspace(0.0, 1.0, 201)[None, :] * (T - t_x)
    density = np.exp(-mu_d[:, None] * grid) * special.gammaincc(
        k_d[:, None], (k_d * lam_d)[:, None] * grid
    )
    mass = integrate.cumulative_trapezoid(density, grid, axis=1, initial=0.0)
    at = (life[left] - t_x) / (T - t_x) * 200
    low = np.minimum(at.astype(int), 199)
    rows = np.arange(len(at))
    inside = mass[rows, low] + (at - low) * (mass[rows, low + 1] - mass[rows, low])
    share = inside / mass[:, -1]  # uniform if the times follow the density
    assert len(share) > 500
    ks = np.abs(np.sort(share) - (np.arange(len(share)) + 0.5) / len(share)).max()
    assert ks < 1.95 / math.sqrt(len(share))  # a false alarm in 1,000


# --- the population ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base():
    return cdnow_log().summary(unit="week", end="1997-09-30", log_gaps=True)


@pytest.fixture(scope="module")
def abe(base):
    return quietly(tn.clv.AbeParetoNBD(draws=400, warmup=200, sweeps=1, random_state=1), base)


@pytest.mark.parametrize("row", published("abe_pareto_nbd"), ids=lambda r: r["quantity"])
def test_population_of_cdnow_is_as_published(abe, row):
    """Medians, within the row's tolerance or four Monte Carlo errors of ours."""
    kind, name = row["quantity"].split()
    at = abe.population_.parameter.index(name)
    if kind == "median":
        got = abe.population_.median[at]
    else:
        got = np.quantile(abe.population_.draws[name], 0.025 if kind == "lower" else 0.975)
    assert abs(got - float(row["value"])) <= float(row["absolute"])


def test_the_published_medians_lie_well_inside_the_posterior(abe):
    population = abe.population_
    for row in published("abe_pareto_nbd"):
        kind, name = row["quantity"].split()
        if kind == "median":
            at = population.parameter.index(name)
            away = (population.median[at] - float(row["value"])) / population.sd[at]
            assert abs(away) < 0.6, name


#: Mean, its Monte Carlo error and standard deviation of the same posterior by another sampler:
#: draws of the population given all customers' rates, and of these, in 4 chains of 80,000 sweeps.
BY_GIBBS = {
    "log_lambda": (-3.5306, 0.0020, 0.1108),
    "log_mu": (-3.6364, 0.0029, 0.2055),
    "var_log_lambda": (1.3701, 0.0024, 0.1593),
    "cov_log_lambda_log_mu": (0.2438, 0.0045, 0.2749),
    "var_log_mu": (3.1695, 0.0291, 1.3322),
}


def check_agrees_with_gibbs(population):
    for i, (name, (mean, error, sd)) in enumerate(BY_GIBBS.items()):
        assert population.parameter[i] == name
        assert abs(population.mean[i] - mean) < 4.0 * math.hypot(error, population.mcse[i]), name
        # The error of a standard deviation of n draws is near sd / sqrt(2 n), more with long tails.
        band = 5.0 / math.sqrt(2.0 * population.ess_tail[i])
        assert abs(population.sd[i] / sd - 1.0) < band, name


def test_the_posterior_is_that_of_a_sampler_that_draws_all_rates(abe):
    check_agrees_with_gibbs(abe.population_)


@pytest.mark.slow
def test_the_defaults_pass_the_checks_and_agree_with_long_chains(base):
    model = tn.clv.AbeParetoNBD(random_state=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error", tn.ConvergenceWarning)
        model.fit(base)
    assert model.population_.ess_bulk.min() > 800
    check_agrees_with_gibbs(model.population_)


def simulate_regular(n, seed, t=6.0, gamma=2.0):
    """Customers of the Pareto/GGG model over 52 weeks."""
    rng = np.random.default_rng(seed)
    lam, mu = rng.gamma(1.5, 1 / 6.0, n), rng.gamma(1.0, 1 / 30.0, n)
    k = rng.gamma(t, 1 / gamma, n)
    T = rng.uniform(40.0, 52.0, n)
    end = np.minimum(T, rng.exponential(1.0, n) / mu)
    x, t_x, gaps = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        now = 0.0
        while (now := now + (gap := rng.gamma(k[i], 1 / (k[i] * lam[i])))) <= end[i]:
            x[i] += 1
            t_x[i] = now
            gaps[i] += math.log(gap)
    return {"frequency": x, "recency": t_x, "T": T, "log_gaps": gaps}, end >= T


def test_pareto_ggg_recovers_the_population_and_who_is_there():
    data, alive = simulate_regular(300, 4)
    model = quietly(tn.clv.ParetoGGG(chains=2, draws=150, warmup=150, random_state=2), data)
    draws = model.population_.draws
    for quantity, truth in [
        (draws["r"] / draws["alpha"], 0.25),
        (draws["t"] / draws["gamma"], 3.0),
        (draws["s"] / draws["beta"], 1 / 30.0),
    ]:
        assert abs(np.median(quantity) - truth) < 4.0 * quantity.std()
    assert np.median(draws["t"] / draws["gamma"]) > 2.0
    p = model.probability_alive()
    assert abs(p.mean() - alive.mean()) < 4.0 * math.sqrt((p * (1 - p)).mean() / len(p)) + 0.02
    assert p[alive].mean() > p[~alive].mean() + 0.4


def test_abe_recovers_the_effect_of_a_covariate():
    rng = np.random.default_rng(5)
    n = 400
    web = rng.integers(0, 2, n)
    lam = np.exp(-2.0 + 0.8 * web + 0.6 * rng.normal(size=n))
    mu = np.exp(-4.0 - 0.5 * web + 0.5 * rng.normal(size=n))
    T = rng.uniform(40.0, 52.0, n)
    end = np.minimum(T, rng.exponential(1.0, n) / mu)
    x = rng.poisson(lam * end).astype(float)
    # The last of x uniform times in (0, end).
    t_x = np.where(x > 0, end * rng.random(n) ** (1 / np.maximum(x, 1)), 0.0)
    data = {"frequency": x, "recency": t_x, "T": T, "channel": np.where(web, "web", "shop")}
    model = tn.clv.AbeParetoNBD(
        covariates="channel", chains=2, draws=200, warmup=150, sweeps=2, random_state=2
    )
    population = quietly(model, data).population_
    assert population.parameter[1] == "log_lambda_channel[web]"
    effect = population.draws["log_lambda_channel[web]"]
    assert abs(effect.mean() - 0.8) < 4.0 * effect.std()
    assert 0.3 < effect.mean() < 1.3


# --- predictions, files, bits --------------------------------------------------------------------


def test_predictions_of_abe_go_together(abe, base):
    alive = abe.probability_alive(interval=0.9)
    expected = abe.expected_purchases("39w", interval=0.9)
    forecast = abe.purchase_forecast(39, level=0.9)
    assert (alive.lower <= alive.upper).all()
    # Drawn futures and the closed form have the same mean; one future a kept draw.
    assert forecast.mean.sum() == pytest.approx(expected.value.sum(), rel=0.02)
    assert (forecast.lower <= forecast.median).all()
    both = cdnow_log().calibration_holdout("1997-09-30", "1998-06-30")
    assert 0.88 < forecast.covered(both.orders_holdout) < 1.0
    # The Pareto/NBD model says much the same of everybody together.
    other = tn.clv.ParetoNBD().fit(base)
    assert alive.value.mean() == pytest.approx(other.probability_alive(base).mean(), abs=0.06)
    assert expected.value.sum() == pytest.approx(other.expected_purchases(base, 39).sum(), rel=0.1)
    rate = abe.purchase_rate(interval=0.5)
    assert (rate.lower < rate.upper).all()
    assert (abe.expected_lifetime() > 0).all()


@pytest.mark.parametrize("cls", [tn.clv.AbeParetoNBD, tn.clv.ParetoGGG])
def test_same_bits_for_any_number_of_threads_and_after_a_file(cls, tmp_path):
    data = {**ROWS, "log_gaps": LOG_GAPS, "customer": list("abcdef")}
    settings = {"chains": 3, "draws": 30, "warmup": 30, "kept": 7, "random_state": 9}
    one, two = (quietly(cls(n_threads=t, **settings), data) for t in (1, 3))
    assert one.individual_.tobytes() == two.individual_.tobytes()
    assert one.lifetime_.tobytes() == two.lifetime_.tobytes()
    for name, values in one.population_.draws.items():
        assert values.tobytes() == two.population_.draws[name].tobytes()
    one.save(tmp_path / "m.tenure")
    back = tn.load(tmp_path / "m.tenure")
    assert back.individual_.tobytes() == one.individual_.tobytes()
    table = back.probability_alive(interval=0.5)
    assert table.value.tobytes() == one.probability_alive().tobytes()
    assert table.to_arrow()["customer"].to_pylist() == list("abcdef")
    forecast = one.purchase_forecast(10.0)
    assert forecast.mean.tobytes() == two.purchase_forecast(10.0).mean.tobytes()
    assert len(one.customer_draws("mu")) == 21


@pytest.mark.parametrize(
    ("settings", "data", "says"),
    [
        ({"kept": 50}, ROWS, "kept"),
        ({"chains": 0}, ROWS, "chains"),
        ({"draws": 3}, ROWS, "draws"),
        ({"prior": {"scale": [[1.0, 2.0], [2.0, 1.0]]}}, ROWS, "positive definite"),
        ({"prior": {"shape": 1}}, ROWS, "prior has no"),
        ({"prior": {"mean": [1.0]}}, ROWS, "shape"),
        ({}, {**ROWS, "weight": np.ones(6)}, "weight"),
        ({}, {**ROWS, "recency": ROWS["recency"] + 50}, "recency"),
        ({"covariates": "z"}, {**ROWS, "z": [1.0, 2.0, 3.0, 4.0, 5.0, np.nan]}, "missing"),
    ],
)
def test_refuses_what_abe_cannot_use(settings, data, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        tn.clv.AbeParetoNBD(**{"draws": 20, "warmup": 5, "kept": 5, **settings}).fit(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (ROWS, "log_gaps"),
        ({**ROWS, "log_gaps": LOG_GAPS + np.nan}, "log_gaps"),
        ({**ROWS, "log_gaps": LOG_GAPS + 1.0}, "0 where frequency is 0"),
    ],
)
def test_refuses_what_pareto_ggg_cannot_use(data, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        tn.clv.ParetoGGG(draws=20, warmup=5, kept=5).fit(data)


def test_few_draws_are_told():
    with pytest.warns(tn.ConvergenceWarning, match="effective sample size"):
        model = tn.clv.AbeParetoNBD(draws=20, warmup=20, kept=5, random_state=1).fit(ROWS)
    assert not model.population_.converged
    assert "CHECKS FAILED" in repr(model.population_)


# --- simulation-based calibration ----------------------------------------------------------------


@pytest.mark.parametrize("replicates", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_ranks_of_the_truth_are_uniform_for_abe(replicates):
    """Talts et al. (2018): truths from a prior, 40 customers each, ranks among thinned draws.

    Of the population, and of the rates of the first customer.
    """
    rng = np.random.default_rng(11)
    n, ranks = 40, []
    prior = {"mean": [[-2.0, -3.0]], "precision": [[4.0]], "degrees": 8.0, "scale": 6.0 * np.eye(2)}
    for i in range(replicates):
        a = np.linalg.inv(prior["scale"])
        root = np.linalg.cholesky(a) @ rng.normal(size=(2, 8))
        gamma = np.linalg.inv(root @ root.T)
        mean = rng.multivariate_normal(prior["mean"][0], gamma / 4.0)
        lam, mu = np.exp(rng.multivariate_normal(mean, gamma, n)).T
        T = rng.uniform(20.0, 40.0, n)
        end = np.minimum(T, rng.exponential(1.0, n) / mu)
        x = rng.poisson(np.minimum(lam * end, 1e6)).astype(float)
        t_x = np.where(x > 0, end * rng.random(n) ** (1 / np.maximum(x, 1)), 0.0)
        data = {"frequency": x, "recency": t_x, "T": T}
        model = tn.clv.AbeParetoNBD(
            prior=prior, chains=2, draws=50, warmup=150, sweeps=5, kept=50, random_state=i
        )
        quietly(model, data)
        drawn = [d.ravel()[:99] for d in model.population_.draws.values()]
        drawn += [model.individual_[:99, rate, 0] for rate in (0, 1)]
        truth = (*mean, gamma[0, 0], gamma[1, 0], gamma[1, 1], lam[0], mu[0])
        ranks.append([(d < t).sum() for d, t in zip(drawn, truth, strict=True)])
    shares = (np.sort(np.array(ranks), axis=0) + 0.5) / 100.0
    even = (np.arange(replicates)[:, None] + 0.5) / replicates
    # Dvoretzky-Kiefer-Wolfowitz, a false alarm in 1,000 over the seven quantities.
    band = math.sqrt(math.log(2 * 7 / 0.001) / (2 * replicates))
    assert np.abs(shares - even).max() < band
