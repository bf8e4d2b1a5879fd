"""Coverage of predictive intervals and the PIT on a hold-out: by definition, and on known truth."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from clv_holdouts import holdout as customers_with_orders
from clv_holdouts import simulated
from clv_models import at, cdnow_log
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import tenure as tn

BG = (0.243, 4.414, 0.793, 2.426)
MBG = (0.525, 6.183, 0.891, 1.614)
PARETO = (0.553, 10.578, 0.606, 11.669)
MODELS = {"BGNBD": BG, "MBGNBD": MBG, "ParetoNBD": PARETO}


@pytest.fixture(scope="module")
def holdout():
    return cdnow_log().calibration_holdout("1997-09-30")


@pytest.fixture(scope="module")
def checked(holdout):
    return tn.clv.calibration(tn.clv.BGNBD().fit(holdout.calibration), holdout)


# --- by definition --------------------------------------------------------------------------------


@settings(max_examples=6)
@given(seed=st.integers(0, 2**32), name=st.sampled_from(sorted(MODELS)))
def test_intervals_and_pit_are_their_definitions(seed, name):
    rng = np.random.default_rng(seed)
    n = 12
    x = rng.integers(0, 8, n)
    age = rng.integers(2, 40, n) / 1.0
    t_x = np.where(x > 0, age * rng.integers(1, 4, n) / 3, 0.0)
    y = rng.integers(0, 6, n)
    model = at(getattr(tn.clv, name), MODELS[name])
    data = customers_with_orders(x, t_x, age, y, rng.uniform(1, 60))
    levels = (0.3, 0.8, 0.95)
    got = tn.clv.calibration(model, data, levels=levels, bins=4)
    pmf = model.probability_of_n_purchases_given(data.calibration, np.arange(200), data.duration)
    histogram = np.zeros(4)
    for i in range(n):
        cdf = [0.0]
        for p in pmf[i]:
            cdf.append(cdf[-1] + p)
        assert got.pit_low[i] == pytest.approx(cdf[y[i]], abs=1e-12)
        assert got.pit_high[i] == pytest.approx(cdf[y[i] + 1], abs=1e-12)
        for j, level in enumerate(levels):
            low = next(k for k in range(200) if cdf[k + 1] >= (1 - level) / 2 - 1e-12)
            high = next(k for k in range(200) if cdf[k + 1] >= (1 + level) / 2 - 1e-12)
            assert (got.lower_limit[j, i], got.upper_limit[j, i]) == (low, high)
        # A uniform on [low, high] puts so much of itself into each quarter.
        a, b = cdf[y[i]], cdf[y[i] + 1]
        for q in range(4):
            histogram[q] += max(0.0, min(b, (q + 1) / 4) - max(a, q / 4)) / (b - a)
    assert_allclose(got.pit_density, histogram / n * 4, atol=1e-9)
    inside = [(got.lower_limit[j] <= y) & (y <= got.upper_limit[j]) for j in range(3)]
    assert got.observed.tolist() == np.mean(inside, axis=1).tolist()
    assert np.all(got.expected >= np.array(levels) - 1e-12)


def test_the_histogram_is_the_mean_of_randomised_ones(checked):
    drawn = np.array(
        [np.histogram(checked.randomised_pit(seed), checked.pit_edges)[0] for seed in range(200)]
    )
    n = len(checked.pit_low)
    assert_allclose(drawn.mean(axis=0) / n * 10, checked.pit_density, atol=0.02)
    assert checked.randomised_pit(3).tolist() == checked.randomised_pit(3).tolist()
    assert np.all(checked.pit_low <= checked.randomised_pit(3))


def test_limits_of_the_coverage_are_wilsons(checked):
    held = np.rint(checked.observed * 2357).astype(int)
    for k, low, high in zip(held, checked.lower, checked.upper, strict=True):
        exact = scipy.stats.binomtest(int(k), 2357).proportion_ci(0.95, method="wilson")
        assert (low, high) == pytest.approx((exact.low, exact.high), rel=1e-9)


def test_intervals_are_those_of_the_model(holdout, checked):
    model = tn.clv.BGNBD().fit(holdout.calibration)
    for i, level in enumerate(checked.level):
        table = model.predictive_interval(holdout, holdout.duration, float(level))
        assert table.lower.tolist() == checked.lower_limit[i].tolist()
        assert table.upper.tolist() == checked.upper_limit[i].tolist()


# --- where the truth is known ---------------------------------------------------------------------


@pytest.fixture(scope="module", params=sorted(MODELS))
def known(request):
    """A model at its true parameters, and customers drawn from it."""
    model = at(getattr(tn.clv, request.param), MODELS[request.param])
    return model, simulated(request.param, MODELS[request.param], 3000, seed=8, ages=(39.0, 39.0))


def test_pit_is_uniform_where_the_model_is_true(known):
    model, data = known
    pit = tn.clv.calibration(model, data).randomised_pit(5)
    assert scipy.stats.kstest(pit, "uniform").pvalue > 0.01


def test_coverage_is_as_expected_where_the_model_is_true(known):
    model, data = known
    got = tn.clv.calibration(model, data)
    # Of five levels and three models none beyond four standard errors.
    error = np.sqrt(got.expected * (1 - got.expected) / len(data))
    assert np.all(np.abs(got.observed - got.expected) < 4 * error)
    assert np.all(got.expected >= got.level)


def test_a_wrong_model_is_found_out(known):
    model, data = known
    # Nobody ever leaves.
    first, second, leaving, more = model.params_.values()
    got = tn.clv.calibration(at(type(model), (first, second, 1e-3 * leaving, more)), data)
    assert scipy.stats.kstest(got.randomised_pit(5), "uniform").pvalue < 1e-6


# --- results, inputs ------------------------------------------------------------------------------


def test_cdnow_as_the_page_says(checked):
    """docs/methods/model_comparison.md prints these."""
    assert checked.expected.round(3).tolist() == [0.822, 0.944, 0.96, 0.984, 0.997]
    assert checked.observed.round(3).tolist() == [0.815, 0.928, 0.947, 0.972, 0.991]
    assert repr(checked).startswith(
        "BGNBD: predictive intervals of 2,357 customers over 39 weeks\nlevel"
    )
    assert list(checked.to_pandas()) == [
        "level",
        "expected",
        "observed",
        "lower",
        "upper",
        "width",
    ]


def test_a_weighted_mean_of_bins_is_one(checked):
    assert checked.pit_density @ np.diff(checked.pit_edges) == pytest.approx(1.0, abs=1e-12)


BAD = [
    ({"model": tn.clv.GammaGamma()}, "model must be a model of repeat purchases"),
    ({"model": tn.clv.BGNBD}, "model must be a model of repeat purchases"),
    ({"calibration_holdout": {"frequency": [1]}}, "must be a CalibrationHoldout"),
    ({"levels": 0.9}, "levels must be a list"),
    ({"levels": []}, "levels must be ascending"),
    ({"levels": [0.9, 0.5]}, "levels must be ascending"),
    ({"levels": [0.5, 1.0]}, r"levels\[1\] must be"),
    ({"bins": 0}, "bins must be >= 1"),
    ({"confidence": 0.0}, "confidence must be"),
]


@pytest.mark.parametrize(("given", "says"), BAD, ids=[b[1] for b in BAD])
def test_bad_arguments_are_named(holdout, given, says):
    arguments = {"model": at(tn.clv.BGNBD, BG), "calibration_holdout": holdout} | given
    with pytest.raises(tn.InvalidInputError, match=says):
        tn.clv.calibration(**arguments)


def test_a_model_that_was_not_fitted_says_so(holdout):
    with pytest.raises(tn.NotFittedError):
        tn.clv.calibration(tn.clv.BGNBD(), holdout)


def test_no_customers_and_no_time_are_refused():
    none = customers_with_orders([], [], [], [], 10.0)
    with pytest.raises(tn.InvalidInputError, match="no customers"):
        tn.clv.calibration(at(tn.clv.BGNBD, BG), none)
    still = customers_with_orders([1], [2.0], [3.0], [0], 0.0)
    with pytest.raises(tn.InvalidInputError, match="length 0"):
        tn.clv.calibration(at(tn.clv.BGNBD, BG), still)
