"""The models of contracts against published values, mpmath, and what must hold of any of them."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import scipy.optimize
from clv_contracts import MODELS, cohort, fixed, points, simulate
from clv_models import published, row_id
from hypothesis import given, settings
from hypothesis import strategies as st

import tenure as tn
from tenure import _core

INF = math.inf


def agrees(got, row):
    value = float(row["value"])
    bound = max(float(row["relative"]) * abs(value), float(row["absolute"]))
    assert abs(got - value) <= bound, (
        f"{got!r} is not {value!r} within {bound:.1g} ({row['source']})"
    )


PUBLISHED = [r for m in MODELS for r in published(m)]


@pytest.mark.parametrize(
    "row", [r for r in PUBLISHED if "fit" in r["quantity"]], ids=lambda r: row_id(r)
)
def test_fits_the_cohorts_as_published(row):
    model = MODELS[row["model"]]().fit(cohort(row["arguments"]["data"]))
    name = row["quantity"].split()[1]
    agrees(model.log_likelihood_ if name == "log_likelihood" else model.params_[name], row)
    assert model.converged_
    assert model.gradient_norm_ <= 1e-9


@pytest.mark.parametrize("row", [r for r in PUBLISHED if "test" in r["quantity"]], ids=row_id)
def test_the_published_test_of_duration_dependence(row):
    data = cohort(row["arguments"]["data"])
    small, large = tn.clv.ShiftedBetaGeometric().fit(data), tn.clv.BetaDiscreteWeibull().fit(data)
    test = tn.clv.likelihood_ratio_test(small, large)
    agrees(getattr(test, row["quantity"].split()[1]), row)


@pytest.mark.parametrize("row", [r for r in PUBLISHED if r["quantity"] == "derl"], ids=row_id)
def test_residual_lifetimes_as_published(row):
    model = fixed(row["model"], row["parameters"], renewal="year")
    a = row["arguments"]
    got = model.discounted_residual_lifetime(int(a["renewals"]), discount_rate=a["rate"])
    agrees(got, row)


@pytest.mark.parametrize("name", MODELS)
def test_likelihood_and_derivatives_are_those_of_mpmath(name):
    head, rows = points(name, "likelihood")
    assert len(rows) == 500
    k = head.index("n")
    for row in rows:
        theta, (n, churned, value), rest = row[:k], row[k : k + 3], row[k + 3 :]
        got = getattr(_core.clv, f"{name}_log_likelihood")(
            theta, np.array([n]), np.array([churned], dtype=np.uint8), None
        )
        gradient, hessian = rest[:k], rest[k:]
        assert got[0] == pytest.approx(value, rel=2e-14, abs=0)
        np.testing.assert_allclose(got[1], gradient, rtol=0, atol=1e-11 * np.abs(gradient).max())
        lower = got[2].reshape(k, k)[np.tril_indices(k)]
        np.testing.assert_allclose(lower, hessian, rtol=0, atol=5e-10 * np.abs(hessian).max())


@pytest.mark.parametrize("name", MODELS)
def test_residual_lifetimes_are_those_of_mpmath(name):
    head, rows = points(name, "residual")
    k = head.index("n")
    for row in rows:
        theta, (n, rate, horizon, lifetime, elasticity) = row[:k], row[k:]
        residual = getattr(_core.clv, f"{name}_residual")
        for share, value in ((False, lifetime), (True, elasticity)):
            got = residual(theta, None, np.array([n]), rate, horizon, share, 1)[0]
            assert got == pytest.approx(value, rel=1e-10), (theta, n, rate, horizon)


# --- what holds of any contracts -----------------------------------------------------------------

sizes = st.floats(-3, 3).map(lambda e: 10.0**e)
shapes = st.floats(-1, 1).map(lambda e: 10.0**e)
thetas = st.floats(1e-4, 0.99)


def model_of(kind, a, b, c, theta):
    parameters = {
        "shifted_beta_geometric": (a, b),
        "beta_discrete_weibull": (a, b, c),
        "discrete_weibull": (theta, c),
    }
    return fixed(kind, parameters[kind], renewal="year")


models = st.builds(model_of, st.sampled_from(sorted(MODELS)), sizes, sizes, shapes, thetas)


@settings(max_examples=60)
@given(models, st.integers(0, 300))
def test_survival_falls_and_chains(model, n):
    ages = np.arange(0, 20)
    share = model.survival(ages, n)
    assert share[0] == 1.0
    assert np.all((share >= 0.0) & (np.diff(share, prepend=1.0) <= 0.0))
    rates = np.cumprod(model.retention_rate(np.arange(n + 1, n + 20)))
    np.testing.assert_allclose(share[1:], rates, rtol=1e-10, atol=1e-300)


@settings(max_examples=60)
@given(sizes, sizes)
def test_retention_rises_in_the_shifted_beta_geometric(a, b):
    rate = fixed("shifted_beta_geometric", (a, b)).retention_rate(np.arange(1, 50))
    n = np.arange(50)[1:]
    np.testing.assert_allclose(rate, (b + n - 1) / (a + b + n - 1), rtol=1e-13)
    assert np.all(np.diff(rate) > 0.0)


@settings(max_examples=40)
@given(models, st.integers(0, 200), st.sampled_from([0.003, 0.02, 0.1, 1.0]))
def test_a_lifetime_is_the_next_renewal_and_the_lifetime_after_it(model, n, rate):
    """DERL(n) = r(n + 1) (1 + v DERL(n + 1)), and the lifetime from signing on is 1 + v DERL(0)."""
    # One call each, as rows of one call follow from one another by this very rule.
    now, after = (model.discounted_residual_lifetime(m, discount_rate=rate) for m in (n, n + 1))
    expected = model.retention_rate(n + 1) * (1.0 + after / (1.0 + rate))
    assert now == pytest.approx(expected, rel=1e-11, abs=1e-300)
    for what in (model.discounted_residual_lifetime, model.retention_elasticity):
        many = what([n + 9, n, n + 60, n + 1], discount_rate=rate)
        alone = [what(m, discount_rate=rate) for m in (n + 9, n, n + 60, n + 1)]
        np.testing.assert_allclose(many, alone, rtol=1e-11, atol=1e-300)
    first = model.discounted_residual_lifetime(0, discount_rate=rate)
    lifetime = model.discounted_lifetime(discount_rate=rate)
    assert lifetime == pytest.approx(1.0 + first / (1.0 + rate), rel=1e-11)


@settings(max_examples=30)
@given(models, st.integers(0, 100), st.integers(1, 300), st.sampled_from([0.0, 0.05]))
def test_a_horizon_is_a_plain_sum(model, n, horizon, rate):
    k = np.arange(1, horizon + 1)
    terms = model.survival(k, n) * (1.0 + rate) ** -(k - 1.0)
    got = model.discounted_residual_lifetime(n, horizon, discount_rate=rate)
    assert got == pytest.approx(terms.sum(), rel=1e-10, abs=1e-300)
    if terms[0] > 1e-200:
        share = model.retention_elasticity(n, horizon, discount_rate=rate)
        assert share == pytest.approx((k * terms).sum() / terms.sum(), rel=1e-10)


def test_customers_all_alike_have_the_textbook_lifetime():
    """r (1 + d) / (1 + d - r), and the elasticity (1 + d) / (1 + d - r)."""
    model = fixed("discrete_weibull", (0.2, 1.0), renewal="year")
    textbook = 0.8 * 1.1 / 0.3
    assert model.discounted_residual_lifetime(5, discount_rate=0.1) == pytest.approx(textbook)
    assert model.retention_elasticity(5, discount_rate=0.1) == pytest.approx(1.1 / 0.3)
    assert model.expected_residual_lifetime(5) == pytest.approx(4.0)


def test_the_elasticity_is_the_slope_in_retention():
    """Every retention rate to come times 1 + e: the relative change of the DERL over e."""
    model = fixed("beta_discrete_weibull", (0.5, 0.9, 1.2))
    k = np.arange(1, 2001)
    share = model.survival(k, 3)

    def derl(factor):
        return (share * factor**k * 1.1 ** -(k - 1.0)).sum()

    slope = (math.log(derl(1 + 1e-6)) - math.log(derl(1 - 1e-6))) / 2e-6
    got = model.retention_elasticity(3, discount_rate=0.1, discount_period="renewal")
    assert got == pytest.approx(slope, rel=1e-6)


def test_a_lifetime_without_end_or_discount():
    """Finite where alpha c > 1: (beta + n) / (alpha - 1) in the shifted beta-geometric model."""
    known = fixed("shifted_beta_geometric", (1.7, 4.0))
    assert known.expected_residual_lifetime(3) == pytest.approx(7.0 / 0.7, rel=1e-11)
    assert known.retention_elasticity(3, discount_rate=0.0) == INF
    assert fixed("shifted_beta_geometric", (0.9, 4.0)).expected_residual_lifetime(3) == INF
    assert fixed("beta_discrete_weibull", (0.9, 4.0, 1.2)).expected_residual_lifetime(3) < INF
    assert fixed("beta_discrete_weibull", (1.1, 4.0, 0.9)).expected_residual_lifetime(3) == INF


def test_when_the_payment_falls():
    model = fixed("shifted_beta_geometric", (0.7, 1.2), renewal="month")
    now = model.discounted_residual_lifetime(2, discount_rate=0.1)
    later = model.discounted_residual_lifetime(2, discount_rate=0.1, until_renewal=1.0)
    assert later == pytest.approx(now * 1.1 ** (-1 / 12), rel=1e-13)
    by_period = model.discounted_residual_lifetime(
        2, discount_rate=1.1 ** (1 / 12) - 1, discount_period="renewal"
    )
    assert by_period == pytest.approx(now, rel=1e-10)


# --- data ----------------------------------------------------------------------------------------

customers = st.lists(
    st.tuples(st.integers(0, 12), st.booleans(), st.integers(1, 9)), min_size=4, max_size=30
)


def fit_all(data, weight=None):
    found = []
    for cls in MODELS.values():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", tn.ConvergenceWarning)
                found.append(cls().fit(data, weight))
        except tn.InvalidInputError as error:
            found.append(str(error))
    return found


@settings(max_examples=25)
@given(customers)
def test_weights_are_repeated_rows_in_any_order(rows):
    n, churned, weight = (np.array(v) for v in zip(*rows, strict=True))
    once = fit_all({"renewals": n, "churned": churned, "weight": weight})
    order = np.random.default_rng(1).permutation(int(weight.sum()))
    many = {"renewals": np.repeat(n, weight)[order], "churned": np.repeat(churned, weight)[order]}
    for a, b in zip(once, fit_all(many), strict=True):
        if isinstance(a, str):
            assert a == b
        else:
            assert (a.params_, a.log_likelihood_) == (b.params_, b.log_likelihood_)


def as_customers(counts):
    n, churned, weight = [], [], []
    for age, (now, after) in enumerate(zip(counts, [*counts[1:], 0], strict=True)):
        last = age == len(counts) - 1
        n.append(age)
        churned.append(not last)
        weight.append(now if last else now - after)
    return {"renewals": n, "churned": churned, "weight": weight}


def test_cohorts_and_customers_are_the_same_data():
    import pandas as pd

    short, long = [500.0, 300.0, 210.0], cohort("regular-7")
    parts = [as_customers(short), as_customers(long)]
    together = {name: [*parts[0][name], *parts[1][name]] for name in parts[0]}
    wide = np.full((2, 8), np.nan)
    wide[0, :3], wide[1] = short, long
    frame = pd.DataFrame(
        {
            "cohort": ["b"] * 8 + ["a"] * 3,
            "age": [*range(8), 2, 0, 1],
            "survivors": [*long, short[2], *short[:2]],
        }
    )
    for cls in MODELS.values():
        models = [
            cls().fit(data)
            for data in (
                together,
                wide,
                frame,
                frame.rename(columns={"survivors": "alive"}).iloc[::-1],
            )
        ]
        for model in models[1:]:
            assert model.params_ == models[0].params_
        assert models[0].n_customers_ == 1500.0


def test_fits_what_cohort_project_fits():
    data = cohort("high_end-7")
    p, model = tn.cohort.project(data, 12), tn.clv.ShiftedBetaGeometric().fit(data)
    assert model.params_ == pytest.approx(p.params, rel=1e-9)
    assert model.standard_errors_ == pytest.approx(p.standard_errors, rel=1e-7)
    curve = model.survival(np.arange(13), interval=0.95)
    for name in ("value", "lower", "upper"):
        wanted = getattr(p, "expected" if name == "value" else name)
        np.testing.assert_allclose(getattr(curve, name), wanted, rtol=1e-7)


TRUTHS = [((0.7, 1.5), 1.0), ((3.0, 6.0), 1.4), (0.2, 0.7), ((0.2, 0.5), 1.0)]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("seed", range(4))
def test_finds_the_highest_likelihood_there_is(name, seed):
    rng = np.random.default_rng(seed)
    data = simulate(rng, 800, *TRUTHS[seed])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        model = MODELS[name]().fit(data)
    churned = data["churned"].astype(np.uint8)
    at = getattr(_core.clv, f"{name}_log_likelihood")

    def loss(u):
        value = at(np.exp(u), data["renewals"], churned, None)[0]
        return -value if np.isfinite(value) else 1e10

    k = len(model.parameter_names)
    best = min(
        scipy.optimize.minimize(loss, rng.normal(size=k), method="Nelder-Mead").fun
        for _ in range(4)
    )
    assert -model.log_likelihood_ <= best + 1e-6
    assert model.status_ in ("converged", "boundary")


def test_the_expected_table_is_counted_by_hand():
    data = {
        "renewals": [0, 1, 1, 2, 3, 3],
        "churned": [1, 0, 1, 1, 0, 1],
        "weight": [2, 1, 1, 3, 1, 1],
    }
    model = fixed("shifted_beta_geometric", (1.0, 2.0), 0.01 * np.eye(2))
    table = model.expected_survivors(data, max_renewal=5)
    # At renewal 1 all 9; at 2 the 7 kept less one no longer seen; at 3 five; at 4 one.
    assert table.at_risk.tolist() == [9.0, 6.0, 5.0, 1.0, 0.0]
    np.testing.assert_array_equal(table.observed, [7.0, 5.0, 2.0, 0.0, np.nan])
    expected = np.array([9, 6, 5, 1]) * model.retention_rate([1, 2, 3, 4])
    np.testing.assert_allclose(table.expected[:4], expected)
    np.testing.assert_allclose(table.survival_observed[:3], np.cumprod([7 / 9, 5 / 6, 2 / 5]))
    assert np.all((table.lower < table.survival) & (table.survival < table.upper))


def test_the_distribution_of_the_lifetime_adds_up():
    model = fixed("beta_discrete_weibull", (0.5, 0.9, 1.2), 0.01 * np.eye(3))
    table = model.residual_lifetime(3, max_ahead=10)
    np.testing.assert_allclose(np.cumsum(table.probability), 1.0 - table.survival)
    np.testing.assert_allclose(table.survival, model.survival(np.arange(1, 11), 3))


def test_those_who_are_lost_are_worth_nothing():
    model = fixed("shifted_beta_geometric", (0.7, 1.2), 0.01 * np.eye(2), renewal="year")
    data = {"renewals": [3, 3], "churned": [False, True], "customer": ["a", "b"]}
    table = model.discounted_residual_lifetime(data, interval=0.9)
    assert table.value[1] == table.upper[1] == 0.0 < table.lower[0] < table.value[0]
    assert table.to_arrow()["customer"].to_pylist() == ["a", "b"]
    assert math.isnan(model.retention_elasticity(data)[1])


@pytest.mark.parametrize("name", MODELS)
def test_any_number_of_threads_gives_the_same_bits(name):
    model = MODELS[name](renewal="month").fit(cohort("high_end-7"))
    ages = np.arange(60)
    values = []
    for threads in (1, 2, 5):
        model.set_params(n_threads=threads)
        table = model.discounted_residual_lifetime(ages, interval=0.95)
        values.append(np.concatenate([table.value, table.lower, table.upper]))
    assert np.array_equal(values[0], values[1])
    assert np.array_equal(values[0], values[2])


def test_plots_are_drawn():
    pytest.importorskip("matplotlib").use("Agg")
    data = cohort("regular-7")
    model = tn.clv.ShiftedBetaGeometric().fit(data)
    assert len(model.expected_survivors(data, 12).plot().lines) == 2
    assert len(model.residual_lifetime(3).plot().lines) == 1


@pytest.mark.parametrize("name", MODELS)
def test_limits_of_the_profile_are_near_those_of_many_customers(name):
    """With 10,000 times the customers both kinds of limits are a parabola's."""
    data = [1e4 * v for v in cohort("high_end-7")]
    model = MODELS[name]().fit(data)
    profile, table = model.profile_interval(data), model.interval()
    for side in ("lower", "upper"):
        np.testing.assert_allclose(getattr(profile, side), getattr(table, side), rtol=2e-3)
