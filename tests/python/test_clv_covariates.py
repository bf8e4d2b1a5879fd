"""Covariates in the models of repeat purchases: the published fits, the reference, invariances."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from clv_covariates import (
    BOTH,
    DROPOUT,
    MODELS,
    PURCHASE,
    awkward,
    by_model,
    cdnow,
    customers_with,
    fitted,
)
from clv_models import REFERENCE, published, row_id
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

import tenure as tn
from tenure import _core

# --- published ------------------------------------------------------------------------------------

PUBLISHED = [
    (name, separate, row)
    for name in MODELS
    for separate in (False, True)
    for row in published(f"{name}_{'separate_' if separate else ''}covariates")
]


@pytest.mark.parametrize(
    ("name", "separate", "row"), PUBLISHED, ids=[f"{n} {row_id(r)}" for n, _, r in PUBLISHED]
)
def test_fits_the_cdnow_sample_as_computed_elsewhere(name, separate, row):
    assert int(np.sum(cdnow().covariates["z"].to_numpy())) == 1111
    model = fitted(name, separate_dropout=True) if separate else fitted(name)
    coef = dict(zip(model.coef_.process, model.coef_.estimate, strict=True))
    got = {
        **model.params_,
        **{process.replace(" ", "_"): float(v) for process, v in coef.items()},
        "log_likelihood": model.log_likelihood_,
    }[row["quantity"].split()[1]]
    value = float(row["value"])
    assert abs(got - value) <= max(float(row["relative"]) * abs(value), float(row["absolute"]))
    assert model.converged_


# --- the kernel against 50 digits -----------------------------------------------------------------


@by_model
def test_likelihood_and_derivatives_equal_the_reference(name):
    """A row of the 50-digit tables is a customer whose covariates made these parameters."""
    rng = np.random.default_rng(4)
    kernel = getattr(_core.clv, f"{name}_covariate_log_likelihood")
    with (REFERENCE / f"clv_{name}_likelihood.csv").open() as file:
        rows = [[float.fromhex(v) for v in r] for r in list(csv.reader(file))[1:]]
    assert len(rows) == 500
    sign = np.array(
        [PURCHASE[name], DROPOUT[name], PURCHASE[name], np.add(PURCHASE[name], DROPOUT[name])]
    )
    column = np.array([0, 0, 1, 2])
    for row in rows:
        z, coefficients = rng.normal(size=3), rng.normal(scale=0.3, size=4)
        # Of the four logarithms by the eight coordinates.
        jacobian = np.hstack([np.eye(4), (sign * z[column][:, None]).T])
        start = np.exp(np.log(row[:4]) - jacobian[:, 4:] @ coefficients)
        value, gradient, hessian = kernel(
            np.append(start, coefficients), *(np.array([v]) for v in row[4:7]), None, z, 3, column,
            sign.ravel(), 1,
        )  # fmt: skip
        g = np.array(row[8:12])
        h = np.zeros((4, 4))
        h[np.tril_indices(4)] = row[12:22]
        h = h + np.tril(h, -1).T
        # The parameters are those of the table to rounding, which moves what is steep.
        slack = 1e-14 * (np.abs(g).sum() + np.abs(h).sum())
        assert value == pytest.approx(row[7], rel=1e-12, abs=1e-12 + slack)
        np.testing.assert_allclose(gradient, jacobian.T @ g, rtol=1e-10, atol=1e-11 + 20 * slack)
        wanted = jacobian.T @ h @ jacobian
        np.testing.assert_allclose(
            hessian.reshape(8, 8), wanted, rtol=1e-9, atol=1e-10 * np.abs(wanted).max() + 1e-11
        )


@by_model
def test_sums_over_rows_weights_and_patterns(name):
    data = awkward(700)
    model = MODELS[name](purchase_covariates=["age", "channel"], dropout_covariates=["z"])
    model.fit(data)
    rows = [{k: v[i : i + 1] for k, v in data.items()} for i in range(60)]
    few = {k: v[:60] for k, v in data.items()}
    alone = [model.score(row) for row in rows]
    assert model.score(few) == pytest.approx(np.mean(alone), rel=1e-12)
    weight = np.arange(60.0)
    assert model.score(few, weight) == pytest.approx(np.average(alone, weights=weight), rel=1e-12)
    # Repeated rows are merged, which changes nothing but the rounding.
    often = {k: np.tile(v, 40) for k, v in few.items()}
    assert model.score(often) == pytest.approx(np.mean(alone), rel=1e-12)


# --- invariances ----------------------------------------------------------------------------------


@by_model
def test_covariates_that_do_not_matter_leave_the_model(name):
    data = cdnow()
    plain = MODELS[name]().fit(data)
    model = MODELS[name](**BOTH, covariate_l2=1e9).fit(data)
    np.testing.assert_allclose(model._point(), plain._point(), rtol=1e-6)
    assert np.abs(model.coefficients_).max() < 1e-8
    assert model.log_likelihood_ == pytest.approx(plain.log_likelihood_, abs=1e-5)
    few = {"frequency": [0, 3], "recency": [0.0, 20.0], "T": [30.0, 30.0], "z": [0.0, 1.0]}
    for call in (
        lambda m: m.probability_alive(few),
        lambda m: m.expected_purchases(few, 20.0),
        lambda m: m.discounted_expected_purchases(few, "1y"),
        lambda m: m.expected_frequency_counts(few).expected,
    ):
        np.testing.assert_allclose(call(model), call(plain), rtol=1e-5)
    assert len(plain.coef_) == 0


@by_model
def test_units_of_columns_and_of_time_do_not_matter(name):
    data = awkward()
    model = MODELS[name](purchase_covariates=["age", "z"], dropout_covariates=["age"], l2=1e-4)
    one = clone(model).fit(data)
    moved = data | {"age": data["age"] / 12.0 - 7.0}
    two = clone(model).fit(moved)
    days = data | {"recency": data["recency"] * 7.0, "T": data["T"] * 7.0}
    three = clone(model).fit(days)
    assert all(model.converged_ for model in (one, two, three))
    factor = np.array([12.0, 1.0, 12.0])
    np.testing.assert_allclose(two.coefficients_, one.coefficients_ * factor, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(three.coefficients_, one.coefficients_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        two.expected_purchases(moved, 10.0), one.expected_purchases(data, 10.0), rtol=1e-7
    )
    np.testing.assert_allclose(
        two.coef_.standard_error, one.coef_.standard_error * factor, rtol=1e-5
    )
    errors = [m.expected_purchases(d, 10.0, interval=0.9) for m, d in ((one, data), (two, moved))]
    np.testing.assert_allclose(errors[0].lower, errors[1].lower, rtol=1e-6)


def test_shifting_a_covariate_of_purchases_moves_alpha_alone():
    data = awkward()
    one = tn.clv.BGNBD(purchase_covariates="z").fit(data)
    two = tn.clv.BGNBD(purchase_covariates="z").fit(data | {"z": data["z"] + 2.0})
    change = np.exp(2.0 * one.coefficients_[0])
    wanted = one._point() * [1.0, change, 1.0, 1.0]
    np.testing.assert_allclose(two._point(), wanted, rtol=1e-6)


@by_model
def test_row_order_and_threads_do_not_matter(name):
    data = awkward(5000)
    model = MODELS[name](
        purchase_covariates=["age"], dropout_covariates=["channel"], n_threads=1
    ).fit(data)
    order = np.random.default_rng(2).permutation(5000)
    shuffled = clone(model).fit({k: v[order] for k, v in data.items()})
    np.testing.assert_allclose(shuffled.coefficients_, model.coefficients_, rtol=1e-7, atol=1e-10)
    for threads in (2, 5):
        more = clone(model).set_params(n_threads=threads).fit(data)
        assert more.coefficients_.tobytes() == model.coefficients_.tobytes()
        assert more.joint_covariance_.tobytes() == model.joint_covariance_.tobytes()
        for interval in (None, 0.9):
            a, b = (m.expected_purchases(data, 5.0, interval=interval) for m in (more, model))
            a, b = (a, b) if interval is None else (a.lower, b.lower)
            assert a.tobytes() == b.tobytes()


def test_frames_of_all_kinds_give_one_fit():
    data = awkward()
    settings = {"purchase_covariates": ["channel", "age"], "dropout_covariates": ["channel"]}
    frames = [data, pd.DataFrame(data), pl.DataFrame(data), pa.table(data)]
    frames.append(pd.DataFrame(data).astype({"channel": "category"}))
    fits = [tn.clv.BGNBD(**settings).fit(frame) for frame in frames]
    assert fits[0].covariate_levels_ == {"channel": ("app", "shop", "web"), "age": None}
    assert fits[0].coef_.covariate == (
        "channel[shop]", "channel[web]", "age", "channel[shop]", "channel[web]",
    )  # fmt: skip
    for fit in fits[1:]:
        assert fit.coefficients_.tolist() == fits[0].coefficients_.tolist()


def test_ordered_categories_keep_their_order():
    data = pd.DataFrame(awkward())
    data["channel"] = pd.Categorical(data["channel"], ["web", "tv", "shop", "app"], ordered=True)
    model = tn.clv.BGNBD(purchase_covariates="channel").fit(data)
    assert model.covariate_levels_ == {"channel": ("web", "shop", "app")}


# --- settings, files, recovery --------------------------------------------------------------------


def test_equal_covariates_have_one_coefficient():
    data = awkward()
    model = tn.clv.ParetoNBD(**BOTH, equal_covariates="z", l2=1e-3).fit(data)
    assert model.coef_.process == ("both",)
    free = tn.clv.ParetoNBD(**BOTH, l2=1e-3).fit(data)
    assert free.log_likelihood_ > model.log_likelihood_ - 1e-3
    assert (model.n_parameters_, free.n_parameters_) == (5, 6)


def test_penalties_shrink_and_criteria_count():
    free, small = fitted("bg_nbd"), fitted("bg_nbd", covariate_l2=0.05)
    assert np.abs(small.coefficients_).sum() < np.abs(free.coefficients_).sum()
    assert small.log_likelihood_ < free.log_likelihood_
    assert free.aic_ == pytest.approx(12.0 - 2.0 * free.log_likelihood_)
    assert free.bic_ == pytest.approx(6.0 * np.log(2357.0) - 2.0 * free.log_likelihood_)


def test_repr_shows_the_coefficients():
    text = repr(fitted("bg_nbd"))
    assert "purchase_covariates=['z']" in text
    assert "exp_estimate" in text
    assert "dropout" in text


def test_saved_models_predict_the_same(tmp_path):
    data = awkward()
    model = tn.clv.MBGNBD(purchase_covariates=["channel", "age"], unit="week").fit(data)
    model.save(tmp_path / "model")
    back = tn.load(tmp_path / "model")
    assert back.get_params() == model.get_params()
    assert back.covariate_levels_ == model.covariate_levels_
    a, b = (m.expected_purchases(data, "1y", interval=0.9) for m in (model, back))
    assert a.lower.tobytes() == b.lower.tobytes()
    assert repr(back.coef_) == repr(model.coef_)


def test_refits_forget_the_covariates_of_before():
    data = awkward()
    model = tn.clv.BGNBD(purchase_covariates="channel").fit(data)
    model.set_params(purchase_covariates=None).fit(data)
    assert len(model.coef_) == 0
    assert model.probability_alive(data).shape == (600,)


def test_lifetime_value_takes_customers_with_covariates():
    model = tn.clv.CLV(tn.clv.BGNBD(**BOTH), tn.clv.GammaGamma()).fit(cdnow())
    value = model.predict(cdnow(), horizon="39w").clv
    assert np.isfinite(value).all()
    assert value.min() >= 0.0


def test_coefficients_of_simulated_customers_are_found():
    model = tn.clv.BGNBD(**BOTH, separate_dropout=True).fit(customers_with())
    table = model.coefficients(0.999)
    truth = dict(zip(table.process, zip(table.lower, table.upper, strict=True), strict=True))
    for process, value in (("purchase", 0.6), ("dropout a", -0.5), ("dropout b", 0.0)):
        lower, upper = truth[process]
        assert lower < value < upper


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.floats(-2.0, 2.0), st.floats(-2.0, 2.0))
def test_more_of_a_covariate_moves_the_rate(seed, g, h):
    rng = np.random.default_rng(seed)
    model = fitted("bg_nbd")
    kernel = _core.clv.bg_nbd_covariate_expected_purchases_new
    z = np.sort(rng.normal(size=20))
    layout = model._effects(z[:, None])
    got = kernel(np.append(model._point(), [g, 0.0]), np.array([10.0]), *layout, 1)
    assert (np.diff(got) * g >= -1e-15).all()
    same = kernel(np.append(model._point(), [0.0, 0.0]), np.array([10.0]), *layout, 1)
    assert np.ptp(same) == 0.0
