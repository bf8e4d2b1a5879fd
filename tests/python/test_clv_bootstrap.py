"""The parametric bootstrap against Wald errors, hand-computed limits, and coverage."""

from __future__ import annotations

import statistics
import warnings

import numpy as np
import pytest
from clv_models import at, simulate

import tenure as tn

RATES = {"n": 100, "random_state": 1, "n_threads": 1}
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]


@pytest.fixture(scope="module")
def base():
    return simulate(3000, 5, 0.8, 6.0, 0.8, 2.4)


@pytest.fixture(scope="module")
def boot(base):
    return tn.clv.BGNBD().fit(base).bootstrap(base, n=300, random_state=1, n_threads=1)


def relative_errors(boot):
    wald = boot.model.standard_errors_
    return boot.interval().standard_error / np.array(list(wald.values()))


def test_errors_of_a_large_base_are_those_of_wald(boot):
    """300 replicates tell a standard deviation to 4 %; a and b are skewed, and scatter more."""
    assert boot.n_failed == 0
    ratio = relative_errors(boot)
    assert np.all(np.abs(ratio[:2] - 1) < 0.2), ratio
    assert np.all((ratio[2:] > 0.8) & (ratio[2:] < 1.6)), ratio


@pytest.mark.parametrize("case", ["spend", "contracts", "nbd", "gifts"])
def test_errors_of_other_models_are_those_of_wald(case):
    if case == "spend":
        rng = np.random.default_rng(2)
        x = rng.integers(0, 8, 4000).astype(float)
        nu = rng.gamma(4.0, 1 / 15.0, 4000)
        m = np.where(x > 0, rng.gamma(np.maximum(6.0 * x, 1.0)) / (nu * np.maximum(x, 1.0)), 0.0)
        data = {"frequency": x, "monetary_value": m}
        model = tn.clv.GammaGamma().fit(data)
    elif case == "contracts":
        data = REGULAR
        model = tn.clv.ShiftedBetaGeometric().fit(data)
    elif case == "nbd":
        data = simulate(2000, 5, 0.8, 6.0, 0.8, 2.4)
        model = tn.clv.NBD().fit(data)
    else:
        data = tn.datasets.load_donations()
        model = tn.clv.BGBB().fit(data)
    n = 60 if case == "gifts" else 200
    got = model.bootstrap(data, n=n, random_state=2)
    assert got.n_failed == 0
    # The standard deviation of n draws is known to 1 / sqrt(2 n); five of those.
    ratio = relative_errors(got)
    assert np.all(np.abs(ratio - 1) < 5 / np.sqrt(2 * n)), ratio


def test_other_models_are_drawn_and_fitted(base):
    few = {k: v[:400] for k, v in base.items()}
    for cls, parameters in [
        (tn.clv.MBGNBD, (0.8, 6.0, 0.8, 2.4)),
        (tn.clv.ParetoNBD, (0.8, 6.0, 0.6, 12.0)),
    ]:
        got = at(cls, parameters).bootstrap(few, n=8, random_state=1)
        log = np.log(got.replicates[[o == "converged" for o in got.outcome]])
        assert np.abs(log[:, :2] - np.log(parameters[:2])).max() < 1.0
    # Two cohorts as customers: watched for seven renewals and for four.
    lost = [*-np.diff(REGULAR), REGULAR[-1], *-np.diff(REGULAR[:5]), REGULAR[4]]
    contracts = {
        "renewals": [*range(8), *range(5)],
        "churned": [1] * 7 + [0] + [1] * 4 + [0],
        "weight": lost,
    }
    with pytest.raises(tn.InvalidInputError) as error:
        tn.clv.ShiftedBetaGeometric().fit(contracts).bootstrap(contracts, n=4)
    assert error.value.argument == "observed"
    observed = [7] * 8 + [4] * 5
    for cls in (tn.clv.BetaDiscreteWeibull, tn.clv.ShiftedBetaGeometric):
        model = cls().fit(contracts)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", tn.ConvergenceWarning)
            got = model.bootstrap(contracts, observed=observed, n=6, random_state=1)
        assert len(got.outcome) == 6


def test_limits_are_those_of_their_formulas(boot):
    values = boot.replicates[:, 0]
    estimate = boot.estimate[0]
    level, n = 0.9, len(values)
    plain = boot.interval(level, "percentile")
    quantiles = np.quantile(values, [0.05, 0.95])
    np.testing.assert_allclose([plain.lower[0], plain.upper[0]], quantiles, rtol=1e-12)
    basic = boot.interval(level, "basic")
    expected = np.exp(2 * np.log(estimate) - np.log(quantiles[::-1]))
    np.testing.assert_allclose([basic.lower[0], basic.upper[0]], expected, rtol=1e-12)
    np.testing.assert_allclose(plain.bias[0], values.mean() - estimate, rtol=1e-9)
    np.testing.assert_allclose(plain.standard_error[0], values.std(ddof=1), rtol=1e-12)

    normal = statistics.NormalDist()
    shift = normal.inv_cdf(np.mean(values < estimate))
    drift = boot.score @ (boot.model.log_covariance_ @ [estimate, 0.0, 0.0, 0.0])
    drift -= drift.mean()
    a = np.mean(drift**3) / np.mean(drift**2) ** 1.5 / 6
    tails = (normal.inv_cdf(0.05), normal.inv_cdf(0.95))
    cuts = [normal.cdf(shift + (shift + z) / (1 - a * (shift + z))) for z in tails]
    got = boot.interval(level)
    np.testing.assert_allclose([got.lower[0], got.upper[0]], np.quantile(values, cuts), rtol=1e-10)
    assert n == 300


def test_functions_of_the_model_have_limits(boot, base):
    whole = lambda m: float(m.expected_purchases(base, 10.0).sum())  # noqa: E731
    got = boot.of(whole, level=0.9)
    assert got.estimate[0] == whole(boot.model)
    assert got.lower[0] < got.estimate[0] < got.upper[0]
    # The parameter itself as a function has the limits of the parameter.
    r = boot.of(lambda m: m.params_["r"], level=0.9)
    direct = boot.interval(0.9)
    np.testing.assert_allclose([r.lower[0], r.upper[0]], [direct.lower[0], direct.upper[0]], 1e-6)
    two = boot.of(lambda m: m.expected_purchases_new([4.0, 8.0]), method="percentile")
    assert two.quantity == ("value[0]", "value[1]")
    assert np.all(two.upper > two.lower)
    with pytest.raises(tn.InvalidInputError):
        boot.of(lambda m: np.ones((2, 2)))


def test_a_seed_gives_the_same_bits_for_any_number_of_threads(base):
    model = tn.clv.BGNBD().fit(base)
    one, three, more = (
        model.bootstrap(base, n=n, random_state=s, n_threads=t)
        for n, s, t in ((4, 3, 1), (4, 3, 3), (6, 3, 2))
    )
    assert np.array_equal(one.replicates, three.replicates)
    assert np.array_equal(one.score, three.score)
    assert np.array_equal(one.replicates, more.replicates[:4])


def test_a_weight_is_a_number_of_customers(base):
    few = {k: v[:300] for k, v in base.items()}
    twice = {k: np.repeat(v, 2) for k, v in few.items()}
    model = tn.clv.BGNBD().fit(few)
    weighted = model.bootstrap(few, 2.0 * np.ones(300), n=3, random_state=1)
    assert np.array_equal(
        weighted.replicates, model.bootstrap(twice, n=3, random_state=1).replicates
    )


def test_bases_without_an_optimum_are_named_and_left_out(base):
    few = {k: v[:30] for k, v in base.items()}
    model = at(tn.clv.BGNBD, (0.8, 6.0, 0.8, 2.4))
    with pytest.warns(tn.ConvergenceWarning, match=r"of 40 drawn bases have no optimum") as caught:
        got = model.bootstrap(few, n=40, random_state=1)
    assert len(caught) == 1
    assert 0 < got.n_failed < 40
    assert sum(got.failures.values()) == got.n_failed == np.isnan(got.replicates[:, 0]).sum()
    assert "WITHOUT AN OPTIMUM" in got._title()
    good = got.replicates[[o == "converged" for o in got.outcome]]
    np.testing.assert_allclose(
        got.interval(method="percentile").lower, np.quantile(good, 0.025, axis=0)
    )


def test_cohorts_tell_for_how_long_they_were_watched():
    cohorts = {
        "cohort": ["a"] * 4 + ["b"] * 3,
        "age": [0, 1, 2, 3, 0, 1, 2],
        "survivors": [400, 300, 240, 210, 500, 380, 310],
    }
    model = tn.clv.ShiftedBetaGeometric().fit(cohorts)
    assert model.bootstrap(cohorts, n=3, random_state=1).replicates.shape == (3, 2)
    with pytest.raises(tn.InvalidInputError) as error:
        model.bootstrap(
            {"renewals": [2, 3], "churned": [1, 0]}, observed=[2, 3], n=3, random_state=1
        )
    assert (error.value.argument, error.value.row) == ("observed", 0)


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"n": 1}, "n"),
        ({"n": 2.5}, "n"),
        ({"random_state": -1}, "random_state"),
        ({"n_threads": 0}, "n_threads"),
        ({"progress": 1}, "progress"),
        ({"sample_weight": np.full(3000, 0.5)}, "weight"),
        ({"sample_weight": np.zeros(3000)}, "weight"),
    ],
)
def test_bad_input_names_the_argument(base, boot, change, argument):
    with pytest.raises(tn.InvalidInputError) as error:
        boot.model.bootstrap(base, **{**RATES, **change})
    assert error.value.argument == argument


def test_models_that_cannot_be_drawn_from_say_so(base, boot):
    with pytest.raises(tn.TenureError, match="not fitted"):
        tn.clv.BGNBD().bootstrap(base)
    flat = at(tn.clv.BGNBD, (0.8, 6.0, 0.8, 2.4))
    flat.status_ = "boundary"
    with pytest.raises(tn.NotConvergedError, match="boundary"):
        flat.bootstrap(base)
    rows = {**base, "z": np.arange(3000) % 2}
    model = tn.clv.BGNBD(purchase_covariates="z").fit(rows)
    with pytest.raises(tn.InvalidInputError, match="knows no covariates"):
        model.bootstrap(rows)
    with pytest.raises(tn.InvalidInputError):
        boot.interval(method="jackknife")


def test_the_table_is_that_of_the_parameters(boot):
    table = boot.to_pandas()
    assert list(table.columns) == [
        *("quantity", "estimate", "bias", "standard_error", "lower", "upper"),
    ]
    assert list(table["quantity"]) == ["r", "alpha", "a", "b"]
    assert "bootstrap of 300 bases" in repr(boot)
    with pytest.raises(ValueError, match="read-only"):
        boot.replicates[0, 0] = 1.0


@pytest.mark.slow
def test_limits_cover_the_truth():
    """300 bases of 400 contracts; five binomial standard errors around 90 %."""
    truth = at(tn.clv.ShiftedBetaGeometric, (0.7, 1.2))
    rng = np.random.default_rng(9)
    covered = {"bca": 0, "percentile": 0}
    bases = 300
    for i in range(bases):
        theta = rng.beta(0.7, 1.2, 400)
        stay = np.minimum(rng.geometric(np.maximum(theta, 1e-12)) - 1, 7)
        alive = [400, *(400 - np.cumsum(np.bincount(stay, minlength=8)[:7])).tolist()]
        boot = tn.clv.ShiftedBetaGeometric().fit(alive).bootstrap(alive, n=400, random_state=i)
        for method in covered:
            limits = boot.of(lambda m: m.survival(12), level=0.9, method=method)
            covered[method] += limits.lower[0] < truth.survival(12) < limits.upper[0]
    spread = 5 * np.sqrt(0.9 * 0.1 / bases)
    assert abs(covered["bca"] / bases - 0.9) < spread, covered
    assert abs(covered["percentile"] / bases - 0.9) < spread, covered
