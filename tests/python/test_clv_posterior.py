"""The posterior by the No-U-Turn sampler against importance sampling, formulas and itself."""

from __future__ import annotations

import dataclasses
import pickle
import sys
import types
import warnings

import numpy as np
import posterior_oracles as oracles
import pytest
import scipy.stats as st
from clv_models import simulate

import tenure as tn
from tenure import _core
from tenure.clv import _posterior

QUICK = {"draws": 300, "warmup": 300, "chains": 4, "n_threads": 1}
TRUTH = (0.5, 6.0, 0.8, 2.4)


@pytest.fixture(scope="module")
def base():
    orders = tn.datasets.load_cdnow(sample=True)
    log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    return log.summary(unit="week", end="1997-09-30")


@pytest.fixture(scope="module")
def posterior(base):
    return tn.clv.BGNBD().posterior(base, random_state=1, n_threads=1)


@pytest.fixture(scope="module")
def small():
    return simulate(150, 5, *TRUTH)


def distinct(*columns):
    rows, count = np.unique(np.stack(columns), axis=1, return_counts=True)
    return (*rows, count.astype(float))


def assert_same_distribution(posterior, u, weight):
    """Means, deviations and quantiles agree within the errors of both samples."""
    size = 1.0 / np.sum(weight**2)
    assert size > 500
    for i, name in enumerate(posterior.parameter):
        ours, theirs = np.log(posterior.draws[name].ravel()), u[:, i]
        mean = weight @ theirs
        sd = np.sqrt(weight @ (theirs - mean) ** 2)
        error = sd * np.sqrt(1 / size + 1 / posterior.ess_bulk[i])
        assert abs(ours.mean() - mean) < 5 * error, name
        assert abs(ours.std() / sd - 1) < 5 * np.sqrt(1 / size + 1 / posterior.ess_tail[i]), name
        for q in (0.05, 0.25, 0.75, 0.95):
            share = weight[theirs <= np.quantile(ours, q)].sum()
            spread = np.sqrt(q * (1 - q) * (1 / size + 1 / posterior.ess_tail[i]))
            assert abs(share - q) < 5 * spread, (name, q)


@pytest.mark.parametrize("modified", [False, True])
def test_posterior_of_purchases_equals_importance_sampling(base, modified):
    cls = tn.clv.MBGNBD if modified else tn.clv.BGNBD
    rows = distinct(base.frequency, base.recency, base.T)
    fit = cls().fit(base)
    centre = np.log(list(fit.params_.values()))
    u, weight = oracles.importance_sample(
        lambda u: oracles.bg_nbd_log_posterior(u, rows, modified),
        centre,
        fit.log_covariance_,
        2000,
        seed=2,
    )
    got = cls().posterior(base, random_state=3, n_threads=1)
    assert got.converged
    assert got.n_divergent == 0
    assert_same_distribution(got, u, weight)


def test_posterior_of_spend_equals_importance_sampling(base):
    used = base.frequency > 0
    rows = distinct(base.frequency[used], base.monetary_value[used])
    fit = tn.clv.GammaGamma().fit(base)
    u, weight = oracles.importance_sample(
        lambda u: oracles.gamma_gamma_log_posterior(u, rows),
        np.log(list(fit.params_.values())),
        fit.log_covariance_,
        4000,
        seed=2,
    )
    got = tn.clv.GammaGamma().posterior(base, random_state=3, n_threads=1)
    assert_same_distribution(got, u, weight)


def test_posterior_of_pareto_equals_importance_sampling():
    """The likelihood is the engine's, which has references of its own; prior and draws are not."""
    small = simulate(40, 5, *TRUTH)
    columns = [np.asarray(small[name], float) for name in ("frequency", "recency", "T")]
    scale = columns[2].mean()

    def log_posterior(points):
        value = [
            _core.clv.pareto_nbd_log_likelihood(np.exp(u), *columns, None, 1)[0] for u in points
        ]
        rates = [oracles.log_normal(points[:, i] - points[:, i + 1], 1 / scale, 2) for i in (0, 2)]
        shapes = [oracles.log_normal(points[:, i], 1.0, 1.5) for i in (0, 2)]
        return np.array(value) + sum(rates) + sum(shapes)

    model = tn.clv.ParetoNBD()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        got = model.posterior(small, random_state=3, draws=500, warmup=300, n_threads=1)
        # The proposal comes from other draws than those that are tested.
        pilot = model.posterior(small, random_state=4, draws=500, warmup=300, n_threads=1)
    pilot = np.log(pilot.points())
    u, weight = oracles.importance_sample(
        log_posterior, pilot.mean(axis=0), np.cov(pilot.T), 2000, seed=2
    )
    assert_same_distribution(got, u, weight)


def test_diagnostics_equal_their_formulas():
    rng = np.random.default_rng(1)
    for chains, draws, rho, apart in [(4, 200, 0, 0), (1, 101, 0.7, 0), (3, 57, -0.4, 0.3)]:
        x = rng.standard_normal((chains, draws))
        for i in range(1, draws):
            x[:, i] += rho * x[:, i - 1]
        x += apart * np.arange(chains)[:, None]
        for values in (x, np.exp(2 * x), np.round(x, 1)):
            got = _core.clv.diagnose_chains(np.ascontiguousarray(values).ravel(), chains)
            np.testing.assert_allclose(got, oracles.diagnostics(values), rtol=1e-10)


def test_summary_describes_the_draws(posterior):
    for i, name in enumerate(posterior.parameter):
        x = posterior.draws[name]
        assert x.shape == (4, 1000)
        expected = [x.mean(), x.std(ddof=1), *np.quantile(x, [0.025, 0.5, 0.975])]
        got = [getattr(posterior, c)[i] for c in ("mean", "sd", "lower", "median", "upper")]
        np.testing.assert_allclose(got, expected, rtol=1e-12)
        rhat, bulk, tail, _, mcse = oracles.diagnostics(x)
        got = [getattr(posterior, c)[i] for c in ("rhat", "ess_bulk", "ess_tail", "mcse")]
        np.testing.assert_allclose(got, [rhat, bulk, tail, mcse], rtol=1e-10)
    e = posterior.energy
    fraction = np.sum(np.diff(e) ** 2, axis=1) / np.sum((e.T - e.mean(axis=1)) ** 2, axis=0)
    np.testing.assert_allclose(posterior.ebfmi, fraction, rtol=1e-10)


def test_draws_are_worth_nearly_as_much_as_independent_ones(posterior):
    assert posterior.ess_bulk.min() > 0.5 * 4000
    assert posterior.depth.mean() < 4


def test_same_seed_same_bits_for_any_number_of_threads(small):
    model = tn.clv.BGNBD()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        one, five, other = (
            model.posterior(small, random_state=s, draws=50, warmup=60, n_threads=t)
            for s, t in ((7, 1), (7, 5), (8, 1))
        )
    for name in one.parameter:
        assert np.array_equal(one.draws[name], five.draws[name])
        assert not np.array_equal(one.draws[name], other.draws[name])
        # Chains have streams of their own.
        assert not np.array_equal(one.draws[name][0], one.draws[name][1])


def assert_close(a, b, factors):
    """Means of two posteriors agree within their Monte Carlo errors, once b is scaled."""
    for i, factor in enumerate(factors):
        error = np.hypot(a.mcse[i], factor * b.mcse[i])
        assert abs(a.mean[i] - factor * b.mean[i]) < 5 * error


def test_the_unit_of_time_does_not_matter(small):
    days = {**small, "recency": 7.0 * small["recency"], "T": 7.0 * small["T"]}
    model = tn.clv.BGNBD()
    weekly = model.posterior(small, random_state=1, **QUICK)
    daily = model.posterior(days, random_state=2, **QUICK)
    assert_close(daily, weekly, (1, 7, 1, 1))
    assert daily.priors["purchase_rate"].median == pytest.approx(
        weekly.priors["purchase_rate"].median / 7, rel=1e-12
    )


def test_a_weight_is_a_number_of_customers(small):
    twice = {k: np.tile(v, 2) for k, v in small.items()}
    model = tn.clv.BGNBD()
    weighted = model.posterior(small, 2.0 * np.ones(len(small["T"])), random_state=1, **QUICK)
    repeated = model.posterior(twice, random_state=2, **QUICK)
    assert weighted.n_customers == repeated.n_customers == 2 * len(small["T"])
    assert_close(weighted, repeated, (1, 1, 1, 1))


def test_a_certain_prior_is_obeyed(small):
    certain = tn.clv.priors.LogNormal(0.3, 1e-3)
    for priors, quantity in [
        ({"r": certain}, lambda d: d["r"]),
        ({"purchase_rate": certain}, lambda d: d["r"] / d["alpha"]),
        ({"alpha": certain}, lambda d: d["alpha"]),
        ({"dropout_size": certain}, lambda d: d["a"] + d["b"]),
        ({"a": certain}, lambda d: d["a"]),
        ({"dropout": tn.clv.priors.Beta(3e5, 7e5)}, lambda d: d["a"] / (d["a"] + d["b"])),
        ({"b": tn.clv.priors.Gamma(1e6, 1e6 / 0.3)}, lambda d: d["b"]),
    ]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", tn.ConvergenceWarning)
            got = tn.clv.BGNBD().posterior(small, priors=priors, random_state=1, **QUICK)
        assert quantity(got.draws).mean() == pytest.approx(0.3, rel=5e-3), priors
        assert set(priors) <= set(got.priors)
        assert len(got.priors) == 4


def test_densities_and_draws_of_priors_are_those_of_scipy():
    p = tn.clv.priors
    rng = np.random.default_rng(3)
    for prior, theirs in [
        (p.LogNormal(2.0, 0.7), st.lognorm(0.7, scale=2.0)),
        (p.Gamma(2.5, 4.0), st.gamma(2.5, scale=0.25)),
        (p.HalfNormal(3.0), st.halfnorm(scale=3.0)),
        (p.Beta(2.0, 0.5), st.beta(2.0, 0.5)),
    ]:
        for x in (1e-6, 0.2, 0.999):
            assert prior.log_density(x) == pytest.approx(theirs.logpdf(x), rel=1e-12, abs=1e-12)
        assert st.kstest(prior.sample(rng, 2000), theirs.cdf).pvalue > 1e-4
        assert dataclasses.asdict(prior) == dataclasses.asdict(pickle.loads(pickle.dumps(prior)))


def brute_force(cls, posterior, n, predict):
    """Mean and quantiles over models that each have one of the draws."""
    rows = []
    for point in posterior.points(n):
        model = cls()
        model.params_ = dict(zip(cls.parameter_names, point.tolist(), strict=True))
        model.log_covariance_ = np.full((len(point), len(point)), np.nan)
        for name in cls._fitted:
            if not hasattr(model, name):
                setattr(model, name, None)
        rows.append(predict(model))
    return np.mean(rows, axis=0), np.quantile(rows, [0.05, 0.95], axis=0)


@pytest.mark.parametrize("cells", [4_000_000, 100])
def test_predictions_average_over_the_draws(posterior, small, cells, monkeypatch):
    monkeypatch.setattr(_posterior, "_CELLS", cells)
    for predict, told in [
        (lambda m, **k: m.probability_alive(small, **k), "Probability"),
        (lambda m, **k: m.expected_purchases(small, 13.0, **k), "Purchases"),
    ]:
        mean, limits = brute_force(tn.clv.BGNBD, posterior, 20, predict)
        got = predict(posterior, interval=0.9, max_draws=20)
        assert told in repr(got)
        np.testing.assert_allclose(got.value, mean, rtol=1e-11)
        np.testing.assert_allclose([got.lower, got.upper], limits, rtol=1e-11)
        assert np.array_equal(predict(posterior, max_draws=20), got.value)


def test_predictions_of_spend_average_over_the_draws(base):
    got = tn.clv.GammaGamma().posterior(base, random_state=1, n_threads=1)
    few = {"frequency": [0.0, 3.0], "monetary_value": [0.0, 12.5]}
    mean, limits = brute_force(tn.clv.GammaGamma, got, 50, lambda m: m.expected_spend(few))
    table = got.expected_spend(few, interval=0.9, max_draws=50)
    np.testing.assert_allclose(table.value, mean, rtol=1e-12)
    np.testing.assert_allclose([table.lower, table.upper], limits, rtol=1e-12)


def test_horizons_and_units_are_those_of_the_data(posterior, base, small):
    assert np.array_equal(
        posterior.expected_purchases(base, "2w", max_draws=5),
        posterior.expected_purchases(base, 2.0, max_draws=5),
    )
    plain = tn.clv.BGNBD(unit="day").posterior(small, random_state=1, **QUICK)
    assert plain.unit == "day"
    for call in (
        lambda: plain.expected_purchases(base, 3.0),
        lambda: plain.probability_alive(base),
        lambda: tn.clv.BGNBD(unit="day").posterior(base),
    ):
        with pytest.raises(tn.InvalidInputError) as error:
            call()
        assert error.value.argument == "unit"


def test_what_the_checks_find_is_warned_of_and_kept(small):
    with pytest.warns(tn.ConvergenceWarning, match="effective sample size") as caught:
        got = tn.clv.BGNBD().posterior(small, random_state=1, draws=20, warmup=50, n_threads=1)
    assert len(caught) == 1
    assert got.warnings
    assert not got.converged
    assert got.warnings[0] in str(caught[0].message)
    assert "CHECKS FAILED" in repr(got)


def test_findings_name_each_fault():
    fine = {"rhat": np.ones(2), "ess_bulk": np.full(2, 500.0), "ess_tail": np.full(2, 500.0)}
    none = np.zeros((2, 2), bool)
    names, slow = ("r", "s"), np.ones(2)
    assert _posterior.findings(fine, none, slow, names) == ()
    for changed, divergent, ebfmi, word in [
        ({"rhat": np.array([1.0, 1.02])}, none, slow, "R-hat of s is"),
        ({"rhat": np.array([np.nan, 1.0])}, none, slow, "R-hat of r is"),
        ({"ess_tail": np.array([399.0, 500.0])}, none, slow, "size of r is"),
        ({}, ~none, slow, "4 draws diverged"),
        ({}, none, np.array([0.2, 1.0]), "E-BFMI of 1"),
    ]:
        found = _posterior.findings({**fine, **changed}, divergent, ebfmi, names)
        assert len(found) == 1
        assert word in found[0]


BAD = [
    ({"chains": 0}, "chains"),
    ({"draws": 3}, "draws"),
    ({"draws": 2.5}, "draws"),
    ({"warmup": -1}, "warmup"),
    ({"target_accept": 1.0}, "target_accept"),
    ({"random_state": -1}, "random_state"),
    ({"n_threads": 0}, "n_threads"),
    ({"priors": {"s": tn.clv.priors.HalfNormal(1.0)}}, "priors"),
    ({"priors": {"r": 1.0}}, "priors"),
    ({"priors": {"r": tn.clv.priors.Beta(1.0, 1.0)}}, "priors"),
    ({"priors": {"dropout": tn.clv.priors.HalfNormal(1.0)}}, "priors"),
    (
        {"priors": dict.fromkeys(("alpha", "purchase_rate"), tn.clv.priors.HalfNormal(1.0))},
        "priors",
    ),
    ({"priors": dict.fromkeys(("a", "dropout_size"), tn.clv.priors.HalfNormal(1.0))}, "priors"),
    ({"data": {"frequency": [1], "recency": [3.0], "T": [2.0]}}, "recency"),
    ({"data": {"frequency": [-1], "recency": [0.0], "T": [2.0]}}, "frequency"),
    ({"data": {"frequency": [], "recency": [], "T": []}}, "frequency"),
    ({"sample_weight": [0.0] * 150}, "weight"),
]


@pytest.mark.parametrize(("change", "argument"), BAD)
def test_bad_input_names_the_argument(small, change, argument):
    with pytest.raises(tn.InvalidInputError) as error:
        tn.clv.BGNBD().posterior(**{"data": small, "random_state": 1, **QUICK, **change})
    assert error.value.argument == argument


@pytest.mark.parametrize("settings", [(0.0, 1.0), (1.0, -1.0), (1.0, np.inf), (np.nan, 1.0)])
@pytest.mark.parametrize("cls", [tn.clv.priors.LogNormal, tn.clv.priors.Gamma, tn.clv.priors.Beta])
def test_priors_refuse_what_is_no_density(cls, settings):
    with pytest.raises(tn.InvalidInputError):
        cls(*settings)


def test_a_posterior_without_repeat_purchases_is_wide_and_finite():
    rows = {"frequency": [0, 0, 0], "recency": [0.0, 0.0, 0.0], "T": [5.0, 6.0, 9.0]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        got = tn.clv.BGNBD().posterior(rows, random_state=1, **QUICK)
    assert all(np.isfinite(v).all() for v in got.draws.values())
    # Nothing was seen of leaving: dropout is as uniform as its prior.
    share = got.draws["a"] / (got.draws["a"] + got.draws["b"])
    assert abs(share.mean() - 0.5) < 0.05
    assert abs(share.std() - 12**-0.5) < 0.03


def test_a_posterior_saves_and_opens(posterior, base, tmp_path):
    posterior.save(tmp_path / "p.tenure")
    again = tn.load(tmp_path / "p.tenure")
    assert repr(again) == repr(posterior)
    assert again.priors == posterior.priors
    assert np.array_equal(again.draws["b"], posterior.draws["b"])
    assert np.array_equal(
        again.probability_alive(base, max_draws=5), posterior.probability_alive(base, max_draws=5)
    )
    assert pickle.loads(pickle.dumps(posterior)).seed == posterior.seed


@pytest.mark.parametrize(
    "change",
    [
        {"draws": {"r": np.ones((4, 1000))}},
        {"mean": np.ones(3)},
        {"log_density": np.ones(4)},
        {"divergent": np.ones((4, 1000))},
        {"prefix": "no_such"},
        {"unit": "fortnight"},
        {"priors": {"r": 1.0}},
        {"seed": -1},
        {"warnings": (1,)},
        {"draws": {n: -np.ones((4, 1000)) for n in ("r", "alpha", "a", "b")}},
    ],
)
def test_files_hold_no_impossible_posterior(posterior, change):
    with pytest.raises((ValueError, tn.TenureError)):
        type(posterior)._from_state({**posterior._state(), **change})


def test_arrays_of_a_posterior_are_read_only(posterior):
    for array in (posterior.mean, posterior.draws["r"], posterior.divergent):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_table_and_points(posterior):
    table = posterior.to_pandas()
    assert list(table.columns[:3]) == ["parameter", "mean", "sd"]
    assert len(table) == 4
    assert posterior.points().shape == (4000, 4)
    few = posterior.points(8)
    assert np.array_equal(few[:, 0], posterior.draws["r"][:, [250, 750]].ravel())


def test_plots_show_every_chain(posterior):
    pytest.importorskip("matplotlib").use("Agg")
    ax = posterior.plot(parameter="a")
    assert len(ax.lines) == 4
    assert ax.get_ylabel() == "a"
    worst = posterior.parameter[int(np.argmax(posterior.rhat))]
    assert posterior.plot(kind="density").get_xlabel() == worst
    with pytest.raises(tn.InvalidInputError):
        posterior.plot(parameter="s")


@pytest.mark.parametrize("version", ["0.21.0", "1.0.0"])
def test_to_arviz_hands_over_draws_and_statistics(posterior, version, monkeypatch):
    def from_dict(groups=None, **old):
        return groups or old

    fake = types.SimpleNamespace(__version__=version, from_dict=from_dict)
    monkeypatch.setitem(sys.modules, "arviz", fake)
    groups = posterior.to_arviz()
    assert groups["posterior"]["r"].shape == (4, 1000)
    assert set(groups["sample_stats"]) == {"lp", "diverging", "energy", "tree_depth"}


def test_to_arviz_says_what_is_missing(posterior, monkeypatch):
    monkeypatch.setitem(sys.modules, "arviz", None)
    with pytest.raises(tn.MissingExtraError, match="arviz"):
        posterior.to_arviz()
