"""Partial pooling: against its limits, pooled and separate, against shrinkage, and itself."""

from __future__ import annotations

import sys
import types
import warnings

import numpy as np
import pytest
from clv_models import simulate

import tenure as tn

P = tn.clv.priors
TRUTH = (0.5, 6.0, 0.8, 2.4)
QUICK = {"draws": 400, "warmup": 400, "chains": 2, "n_threads": 1}


def quietly(call):
    """Two short chains are never worth 400 draws in every tail."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        return call()


def stack(*parts):
    return {k: np.concatenate([p[k] for p in parts]) for k in ("frequency", "recency", "T")}


@pytest.fixture(scope="module")
def base():
    """Three groups, the last of which is small."""
    parts = [
        simulate(150, 1, 0.5, 6.0, 0.8, 2.4),
        simulate(100, 2, 0.8, 6.0, 0.8, 2.4),
        simulate(15, 3, 0.5, 4.0, 0.8, 2.4),
    ]
    names = np.repeat(["web", "shop", "mail"], [150, 100, 15])
    return {**stack(*parts), "channel": names}


@pytest.fixture(scope="module")
def posterior(base):
    return quietly(
        lambda: tn.clv.BGNBD().posterior_by_group(base, "channel", random_state=1, **QUICK)
    )


def assert_close(ours, theirs, names=("r", "alpha", "a", "b")):
    """Means and quantiles of the logarithms agree within five Monte Carlo errors."""
    for name in names:
        a, b = np.log(ours.draws[name].ravel()), np.log(theirs.draws[name].ravel())
        at = [ours.parameter.index(name), theirs.parameter.index(name)]
        size = [ours.ess_bulk[at[0]], theirs.ess_bulk[at[1]]]
        tail = [ours.ess_tail[at[0]], theirs.ess_tail[at[1]]]
        error = np.hypot(a.std() / np.sqrt(size[0]), b.std() / np.sqrt(size[1]))
        assert abs(a.mean() - b.mean()) < 5 * error, name
        for q in (0.1, 0.9):
            share = np.mean(b <= np.quantile(a, q))
            assert abs(share - q) < 5 * np.sqrt(q * (1 - q) * (1 / tail[0] + 1 / tail[1])), name


def test_groups_that_cannot_differ_have_the_pooled_posterior(base):
    """tau fixed near 0."""
    model = tn.clv.BGNBD()
    got = quietly(
        lambda: model.posterior_by_group(
            base, "channel", spread_priors=P.LogNormal(1e-4, 0.01), random_state=1, **QUICK
        )
    )
    pooled = quietly(lambda: model.posterior(base, random_state=2, **QUICK))
    for name in got.groups:
        assert_close(got.group(name), pooled)
    assert got.priors == pooled.priors


def test_groups_that_have_nothing_in_common_have_their_own_posteriors(base):
    """Median and spread of the groups fixed: each parameter has that normal as its prior."""
    centre = {"r": 0.6, "alpha": 6.0, "a": 0.8, "b": 2.0}
    model = tn.clv.BGNBD()
    got = quietly(
        lambda: model.posterior_by_group(
            base,
            base["channel"],
            priors={k: P.LogNormal(v, 1e-4) for k, v in centre.items()},
            spread_priors=P.LogNormal(0.9, 1e-4),
            random_state=1,
            **QUICK,
        )
    )
    for name in got.groups:
        mine = base["channel"] == name
        alone = quietly(
            lambda mine=mine: model.posterior(
                {k: base[k][mine] for k in ("frequency", "recency", "T")},
                priors={k: P.LogNormal(v, 0.9) for k, v in centre.items()},
                random_state=2,
                **QUICK,
            )
        )
        assert_close(got.group(name), alone)


def test_one_group_with_a_spread_near_0_has_the_posterior_of_spend():
    rng = np.random.default_rng(4)
    x = rng.integers(1, 6, 200).astype(float)
    nu = rng.gamma(4.0, 1 / 15.0, 200)
    rows = {"frequency": x, "monetary_value": rng.gamma(6.0 * x) / (nu * x)}
    model = tn.clv.GammaGamma()
    got = quietly(
        lambda: model.posterior_by_group(
            rows, np.zeros(200), spread_priors=P.LogNormal(1e-4, 0.01), random_state=1, **QUICK
        )
    )
    pooled = quietly(lambda: model.posterior(rows, random_state=2, **QUICK))
    assert_close(got.group(0.0), pooled, ("p", "q", "gamma"))


def test_nbd_has_the_posterior_of_its_grid(base):
    """Two parameters: a grid in logarithms holds all of the density."""
    got = tn.clv.NBD().posterior(base, random_state=1, n_threads=1)
    x, age = base["frequency"].astype(float), base["T"].astype(float)
    u, v = np.meshgrid(np.linspace(-3, 1.5, 150), np.linspace(-1, 4.5, 150), indexing="ij")
    r, alpha = np.exp(u), np.exp(v)
    from scipy.special import gammaln

    log = -0.5 * (u / 1.5) ** 2 - 0.5 * ((u - v + np.log(age.mean())) / 2.0) ** 2
    for k, t in zip(x, age, strict=True):
        log += gammaln(r + k) - gammaln(r) + r * v - (r + k) * np.log(alpha + t)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    for name, grid in (("r", u), ("alpha", v)):
        mean = float((weight * grid).sum())
        sd = float(np.sqrt((weight * (grid - mean) ** 2).sum()))
        ours = np.log(got.draws[name].ravel())
        at = got.parameter.index(name)
        assert abs(ours.mean() - mean) < 5 * sd / np.sqrt(got.ess_bulk[at])
        assert abs(ours.std() / sd - 1) < 5 / np.sqrt(got.ess_tail[at])


def test_contracts_have_the_posterior_of_their_grid():
    """A grid in (log alpha, log beta), with the priors of the share and of the sum by hand."""
    from scipy.special import betaln

    data = [100, 63, 47, 38, 33]
    got = tn.clv.ShiftedBetaGeometric().posterior(data, random_state=1, n_threads=1)
    u, v = np.meshgrid(np.linspace(-4, 4, 400), np.linspace(-4, 5, 400), indexing="ij")
    alpha, beta = np.exp(u), np.exp(v)
    log = np.zeros_like(u)
    for n, lost in enumerate(-np.diff(data)):
        log += lost * (betaln(alpha + 1, beta + n) - betaln(alpha, beta))
    log += data[-1] * (betaln(alpha, beta + len(data) - 1) - betaln(alpha, beta))
    share = alpha / (alpha + beta)
    log += np.log(share) + np.log1p(-share)  # uniform in the share, in its log odds
    log -= 0.5 * ((np.log(alpha + beta) - np.log(2.0)) / 1.5) ** 2
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    for name, grid in (("alpha", u), ("beta", v)):
        mean = float((weight * grid).sum())
        sd = float(np.sqrt((weight * (grid - mean) ** 2).sum()))
        ours = np.log(got.draws[name].ravel())
        at = got.parameter.index(name)
        assert abs(ours.mean() - mean) < 5 * sd / np.sqrt(got.ess_bulk[at])
        assert abs(ours.std() / sd - 1) < 5 / np.sqrt(got.ess_tail[at])
    # Survival is the mean over draws.
    points = got.points(500)
    expected = np.exp(betaln(points[:, 0], points[:, 1] + 6) - betaln(*points.T)).mean()
    assert got.survival(6) == pytest.approx(expected, rel=1e-10)
    later = np.exp(betaln(points[:, 0], points[:, 1] + 6) - betaln(points[:, 0], points[:, 1] + 2))
    curve = got.survival([4], renewals=[2], interval=0.9)
    np.testing.assert_allclose(
        [curve.value[0], curve.lower[0], curve.upper[0]],
        [later.mean(), *np.quantile(later, [0.05, 0.95])],
        rtol=1e-10,
    )


def test_contracts_of_which_none_ended_have_a_posterior():
    model = tn.clv.BetaDiscreteWeibull()
    rows = {"renewals": [3.0] * 40, "churned": [0] * 40}
    with pytest.raises(tn.InvalidInputError):
        model.fit(rows)
    got = quietly(lambda: model.posterior(rows, random_state=1, **QUICK))
    assert got.survival(1) > 0.9


def test_small_groups_are_drawn_to_the_others_and_err_less():
    """Rates r / alpha of 9 groups, truths drawn around one centre."""
    rng = np.random.default_rng(8)
    sizes = np.tile([12, 25, 60], 3)
    truth, parts = [], []
    for i, n in enumerate(sizes):
        r, alpha = 0.7 * np.exp(0.2 * rng.normal()), 6.0 * np.exp(0.3 * rng.normal())
        truth.append(np.log(r / alpha))
        parts.append(simulate(int(n), 100 + i, r, alpha, 0.8, 2.4))
    data = stack(*parts)
    names = np.repeat(np.arange(9), sizes)
    model = tn.clv.BGNBD()
    short = {"draws": 200, "warmup": 200, "chains": 2, "n_threads": 1}
    pooled = quietly(lambda: model.posterior_by_group(data, names, random_state=1, **short))
    rate = np.log(pooled.values("r") / pooled.values("alpha")).mean(axis=(0, 1))
    alone = []
    for part in parts:
        got = quietly(lambda part=part: model.posterior(part, random_state=2, **short))
        alone.append(np.log(got.draws["r"] / got.draws["alpha"]).mean())
    alone = np.array(alone)
    centre = np.mean(rate)
    small = sizes == 12
    assert np.abs(rate[small] - centre).mean() < 0.7 * np.abs(alone - centre)[small].mean()
    assert np.sqrt(np.mean((rate - truth) ** 2)) < 0.9 * np.sqrt(np.mean((alone - truth) ** 2))


def test_same_seed_same_bits_for_any_number_of_threads(base):
    one, five = (
        quietly(
            lambda t=t: tn.clv.MBGNBD().posterior_by_group(
                base, "channel", random_state=7, draws=20, warmup=30, chains=2, n_threads=t
            )
        )
        for t in (1, 5)
    )
    for name in one.parameter:
        assert np.array_equal(one.draws[name], five.draws[name])


def test_the_table_names_levels_groups_and_parameters(posterior):
    table = posterior.to_pandas()
    assert list(table.columns[:4]) == ["level", "group", "parameter", "mean"]
    assert list(table["level"]) == ["median"] * 4 + ["spread"] * 4 + ["group"] * 12
    assert list(table["group"][8::4]) == ["mail", "shop", "web"]
    assert posterior.groups == ("mail", "shop", "web")
    assert posterior.group_customers.tolist() == [15, 100, 150]
    assert posterior.values("r").shape == (2, 400, 3)
    assert np.array_equal(posterior.values("r")[:, :, 1], posterior.draws["r[shop]"])
    assert "3 groups" in repr(posterior)
    # Small groups are known less well.
    sd = dict(zip(posterior.parameter, posterior.sd, strict=True))
    assert sd["r[mail]"] > sd["r[web]"]


def test_customers_are_predicted_under_the_draws_of_their_group(posterior, base):
    got = posterior.expected_purchases(base, 10.0, interval=0.9, max_draws=50)
    for name in posterior.groups:
        mine = base["channel"] == name
        rows = {k: base[k][mine] for k in ("frequency", "recency", "T")}
        alone = posterior.group(name).expected_purchases(rows, 10.0, interval=0.9, max_draws=50)
        for column in ("value", "lower", "upper"):
            assert np.array_equal(getattr(got, column)[mine], getattr(alone, column))
    plain = posterior.probability_alive(base, groups=base["channel"], max_draws=50)
    assert np.array_equal(plain, posterior.probability_alive(base, max_draws=50))


def test_a_new_group_is_drawn_from_the_population(posterior, base):
    new = posterior.new_group(random_state=3)
    z = np.log(new.draws["r"]) - np.log(posterior.draws["median r"])
    z /= posterior.draws["spread r"]
    assert abs(z.mean()) < 5 / np.sqrt(z.size)
    assert abs(z.std() - 1) < 5 / np.sqrt(2 * z.size)
    assert new.n_customers == 0.0
    # Wider than any group that was seen.
    log_sd = [np.log(posterior.draws[f"r[{g}]"]).std() for g in ("shop", "web")]
    assert np.log(new.draws["r"]).std() > max(log_sd)
    strange = {**base, "channel": np.full(len(base["T"]), "radio")}
    with pytest.raises(tn.InvalidInputError) as error:
        posterior.probability_alive(strange)
    assert (error.value.argument, error.value.row, error.value.value) == ("groups", 0, "radio")
    got = posterior.probability_alive(strange, unseen="new", max_draws=50)
    same = posterior.new_group(posterior.seed).probability_alive(base, max_draws=50)
    assert np.array_equal(got, same)


def test_spend_of_groups():
    rng = np.random.default_rng(4)
    x = rng.integers(0, 6, 200).astype(float)
    channel = rng.choice(["web", "shop"], 200)
    level = np.where(channel == "web", 15.0, 45.0)
    nu = rng.gamma(4.0, 1 / level)
    mean = np.where(x > 0, rng.gamma(np.maximum(6.0 * x, 1.0)) / (nu * np.maximum(x, 1.0)), 0.0)
    rows = {"frequency": x, "monetary_value": mean, "channel": channel}
    model = tn.clv.GammaGamma()
    got = quietly(lambda: model.posterior_by_group(rows, "channel", random_state=1, **QUICK))
    spend = got.expected_spend(rows, max_draws=100)
    web, shop = spend[channel == "web"].mean(), spend[channel == "shop"].mean()
    assert 2.0 < shop / web < 4.0
    assert got.n_customers == (x > 0).sum()


def test_groups_come_from_any_kind_of_column(base):
    import pyarrow as pa

    rows = {k: base[k][:30] for k in ("frequency", "recency", "T")}
    short = {"draws": 4, "warmup": 6, "chains": 1, "random_state": 1, "n_threads": 1}
    dates = np.array(["2024-02-01", "2024-01-01"] * 15, dtype="datetime64[D]")
    ordered = pa.DictionaryArray.from_arrays(
        pa.array([1, 0] * 15), pa.array(["z", "a"]), ordered=True
    )
    for groups, names in [
        ([2, 1] * 15, (1, 2)),
        (np.array([True, False] * 15), (False, True)),
        (dates, ("2024-01-01", "2024-02-01")),
        (ordered, ("z", "a")),
    ]:
        got = quietly(lambda g=groups: tn.clv.BGNBD().posterior_by_group(rows, g, **short))
        assert got.groups == names
        assert got.column is None


BAD = [
    ({"groups": "country"}, "country"),
    ({"groups": ["a"] * 3}, "groups"),
    ({"groups": [None] + ["a"] * 264}, "groups"),
    ({"groups": None}, "groups"),
    ({"groups": [1, "a"] * 132 + [1]}, "groups"),
    ({"sample_weight": np.repeat([1.0, 1.0, 0.0], [150, 100, 15])}, "groups"),
    ({"spread_priors": {"s": P.HalfNormal(1.0)}}, "spread_priors"),
    ({"spread_priors": P.Beta(1.0, 1.0)}, "spread_priors"),
    ({"priors": {"s": P.HalfNormal(1.0)}}, "priors"),
    ({"chains": 0}, "chains"),
    ({"progress": "yes"}, "progress"),
]


@pytest.mark.parametrize(("change", "argument"), BAD)
def test_bad_input_names_the_argument(base, change, argument):
    with pytest.raises(tn.InvalidInputError) as error:
        tn.clv.BGNBD().posterior_by_group(
            **{"data": base, "groups": "channel", "random_state": 1, **QUICK, **change}
        )
    assert error.value.argument == argument


def test_models_with_covariates_are_refused(base):
    rows = {**base, "z": np.arange(len(base["T"])) % 2}
    model = tn.clv.BGNBD(purchase_covariates="z")
    for call in (
        lambda: model.posterior(rows),
        lambda: model.posterior_by_group(rows, "channel"),
    ):
        with pytest.raises(tn.InvalidInputError) as error:
            call()
        assert error.value.argument == "covariates"


def test_the_row_of_a_bad_cell_is_that_of_the_data(posterior, base):
    bad = {**base, "T": base["T"].astype(float)}
    bad["T"][200] = -1.0
    for call in (
        lambda: tn.clv.BGNBD().posterior_by_group(bad, "channel"),
        lambda: posterior.probability_alive(bad),
    ):
        with pytest.raises(tn.InvalidInputError) as error:
            call()
        assert (error.value.argument, error.value.row) == ("T", 200)


def test_a_posterior_saves_and_opens(posterior, base, tmp_path):
    posterior.save(tmp_path / "p.tenure")
    again = tn.load(tmp_path / "p.tenure")
    assert repr(again) == repr(posterior)
    assert again.spread_priors == posterior.spread_priors
    assert np.array_equal(
        again.probability_alive(base, max_draws=5), posterior.probability_alive(base, max_draws=5)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"groups": ("a",)},
        {"group_customers": np.ones(2)},
        {"group_customers": np.array([1.0, -1.0, 1.0])},
        {"spread_priors": {"r": 1.0}},
        {"column": 3},
        {"parameter_names": ()},
    ],
)
def test_files_hold_no_impossible_posterior(posterior, change):
    with pytest.raises((ValueError, tn.TenureError)):
        type(posterior)._from_state({**posterior._state(), **change})


@pytest.mark.parametrize("version", ["0.21.0", "1.0.0"])
def test_to_arviz_hands_over_a_dimension_of_groups(posterior, version, monkeypatch):
    def from_dict(groups=None, *, coords, dims, **old):
        return (groups or old), coords, dims

    fake = types.SimpleNamespace(__version__=version, from_dict=from_dict)
    monkeypatch.setitem(sys.modules, "arviz", fake)
    groups, coords, dims = posterior.to_arviz()
    assert groups["posterior"]["r"].shape == (2, 400, 3)
    assert groups["posterior"]["spread_r"].shape == (2, 400)
    assert coords == {"group": ["mail", "shop", "web"]}
    assert dims == {name: ["group"] for name in ("r", "alpha", "a", "b")}
