"""Covariates in the models of repeat purchases: the published fits, the reference, invariances."""

from __future__ import annotations

import csv
import functools

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from clv_models import REFERENCE, at, cdnow_log, published, row_id, simulate
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

import tenure as tn
from tenure import _core
from tenure._errors import InvalidInputError

MODELS = {"bg_nbd": tn.clv.BGNBD, "mbg_nbd": tn.clv.MBGNBD, "pareto_nbd": tn.clv.ParetoNBD}
PURCHASE = dict.fromkeys(MODELS, (0.0, -1.0, 0.0, 0.0))
DROPOUT = {
    "bg_nbd": (0.0, 0.0, 1.0, 1.0),
    "mbg_nbd": (0.0, 0.0, 1.0, 1.0),
    "pareto_nbd": (0.0, 0.0, 0.0, -1.0),
}
BOTH = {"purchase_covariates": ["z"], "dropout_covariates": ["z"]}
by_model = pytest.mark.parametrize("name", MODELS)


@functools.cache
def cdnow():
    """The CDNOW sample with the covariate of the published fits: first-day amount above 25."""
    orders = tn.datasets.load_cdnow(sample=True).to_pandas()
    days = orders.groupby(["sample_id", "date"], as_index=False)["amount"].sum()
    first = days.sort_values(["sample_id", "date"]).drop_duplicates("sample_id")
    people = pd.DataFrame({"customer": first["sample_id"], "z": first["amount"] > 25.0})
    base = cdnow_log().summary(unit="week", end="1997-09-30")
    return tn.clv.with_covariates(base, people)


@functools.cache
def fitted(name, **settings):
    return MODELS[name](**(BOTH | settings)).fit(cdnow())


@functools.cache
def customers_with(seed=3, n=4000, g=0.6, h=-0.5):
    """Customers of the BG/NBD model with one covariate, by simulation."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    parts = []
    for i, v in enumerate(np.array_split(np.sort(z), 40)):
        m = float(v.mean())
        part = simulate(
            len(v),
            seed + i,
            r=0.8,
            alpha=6.0 * np.exp(-g * m),
            a=0.9 * np.exp(h * m),
            b=2.5 * np.exp(0.0),
        )
        parts.append(part | {"z": np.full(len(v), m)})
    return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}


def awkward(n=600, seed=1):
    data = simulate(n, seed)
    rng = np.random.default_rng(seed)
    return data | {
        "age": rng.normal(40.0, 10.0, n),
        "channel": rng.choice(["web", "app", "shop"], n),
        "z": rng.integers(0, 2, n).astype(float),
    }


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


# --- predictions ----------------------------------------------------------------------------------


@by_model
def test_predictions_are_those_of_a_model_with_the_parameters_of_the_customer(name):
    data = awkward(300)
    model = MODELS[name](
        purchase_covariates=["age", "z"], dropout_covariates=["channel"], unit="week"
    )
    model.fit(data)
    frame = pd.DataFrame(data)
    coef = dict(
        zip(
            zip(model.coef_.process, model.coef_.covariate, strict=True),
            model.coef_.estimate,
            strict=True,
        )
    )
    calls = {
        "alive": lambda m, d: m.probability_alive(d),
        "expected": lambda m, d: m.expected_purchases(d, 20.0),
        "later": lambda m, d: m.probability_alive(d, ahead=7.0),
        "buys": lambda m, d: m.purchase_probability(d, 9.0),
        "counts": lambda m, d: m.probability_of_n_purchases_given(d, [0, 3], 30.0)[:, 1],
        "score": lambda m, d: m.log_score(d, d["frequency"], 30.0),
        "upper": lambda m, d: m.predictive_interval(d, 60.0).upper,
        "median": lambda m, d: m.next_purchase(d).time[:, 1],
        "lapse": lambda m, d: m.next_purchase(d).lapse,
        "discounted": lambda m, d: m.discounted_expected_purchases(d, 200.0, 0.1),
    }
    together = {key: call(model, data) for key, call in calls.items()}
    new = model.expected_purchases_new([5.0, 50.0], covariates=data)
    chance = model.probability_of_n_purchases(2, 30.0, covariates=frame)
    counts = np.zeros(4)
    for i, row in frame.iterrows():
        g = coef["purchase", "age"] * row["age"] + coef["purchase", "z"] * row["z"]
        h = coef.get(("dropout", f"channel[{row['channel']}]"), 0.0)
        shift = np.array(PURCHASE[name]) * g + np.array(DROPOUT[name]) * h
        own = at(MODELS[name], model._point() * np.exp(shift), unit="week")
        one = {k: frame[k].to_numpy()[i : i + 1] for k in ("frequency", "recency", "T")}
        counts += own.expected_frequency_counts(one, 3).expected
        if i < 40:
            for key, call in calls.items():
                assert together[key][i] == pytest.approx(call(own, one)[0], rel=1e-10), key
            np.testing.assert_allclose(new[i], own.expected_purchases_new([5.0, 50.0]), rtol=1e-10)
            assert chance[i] == pytest.approx(own.probability_of_n_purchases(2, 30.0), rel=1e-9)
    np.testing.assert_allclose(
        model.expected_frequency_counts(data, 3).expected, counts, rtol=1e-10
    )


@by_model
def test_limits_follow_from_the_covariance_of_all_parameters(name):
    model = fitted(name)
    data = {"frequency": [2, 5], "recency": [20.0, 9.0], "T": [30.0, 38.0], "z": [1.0, 0.0]}
    step, k = 1e-5, len(model.parameter_names)
    point = np.append(np.log(model._point()), model.coefficients_)

    def logs(theta):
        kernel = getattr(_core.clv, f"{name}_covariate_expected_purchases")
        at = np.append(np.exp(theta[:k]), theta[k:])
        columns = [np.asarray(data[c], dtype=float) for c in ("frequency", "recency", "T")]
        design = np.asarray(data["z"], dtype=float)[:, None]
        return np.log(kernel(at, None, *columns, *model._effects(design), 39.0, 0.0, 1))

    slope = [
        (logs(point + step * e) - logs(point - step * e)) / (2 * step) for e in np.eye(len(point))
    ]
    error = np.sqrt(np.einsum("ik,ij,jk->k", slope, model.joint_covariance_, slope))
    table = model.expected_purchases(data, 39.0, interval=0.95)
    np.testing.assert_allclose(np.log(table.upper / table.value) / 1.959963985, error, rtol=1e-6)


def test_tracking_sums_over_the_customers_of_the_log():
    orders = tn.datasets.load_cdnow(sample=True)
    summary = cdnow()
    people = {"sample_id": summary.customer, "z": summary.covariates["z"]}
    log = tn.EventLog(
        orders, customer="sample_id", time="date", amount="amount", customers=pa.table(people)
    )
    model = fitted("bg_nbd")
    track = model.tracking(log, [10.0, 39.0])
    base = log.summary(unit="week")
    start = base.T.max() - base.T
    for k, time in enumerate(track.time):
        ages, which = np.unique(np.maximum(time - start, 0.0), return_inverse=True)
        values = model.expected_purchases_new(ages, covariates={"z": [0.0, 1.0]})
        z = np.asarray(tn.clv.with_covariates(base, log).covariates["z"]).astype(int)
        assert track.expected[k] == pytest.approx(values[z, which].sum(), rel=1e-9)
    plain = tn.clv.BGNBD().fit(summary).tracking(log, [10.0, 39.0])
    assert track.actual.tolist() == plain.actual.tolist()
    with pytest.raises(InvalidInputError, match="covariates="):
        model.tracking(np.array([0.0, 1.0]), [3.0])
    with pytest.raises(InvalidInputError, match=r"without customers="):
        model.tracking(cdnow_log())


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


# --- what is refused ------------------------------------------------------------------------------


def bad(**change):
    return {k: v for k, v in (awkward(100) | change).items() if v is not None}


def missing(values):
    values = list(values)
    values[7] = None
    return values


CHANNEL = {"purchase_covariates": "channel"}
AGE = {"purchase_covariates": "age"}
REFUSED = [
    (AGE, bad(age=None), "age", None, "'age' is not a column"),
    (AGE, bad(age=missing(np.ones(100))), "age", 7, "must not be missing"),
    (AGE, bad(age=[np.nan, *np.arange(99.0)]), "age", 0, "must not be missing"),
    (AGE, bad(age=[1.0, np.inf, *np.arange(98.0)]), "age", 1, "must be finite"),
    (AGE, bad(age=np.ones(100)), "age", None, "is 1 for every customer"),
    (AGE, bad(age=np.full(100, "x")), "age", None, "is 'x' for every customer"),
    (AGE, bad(age=np.arange(100).astype("M8[D]")), "age", None, "numbers or text"),
    (CHANNEL, bad(channel=missing(["a", "b"] * 50)), "channel", 7, "must not be missing"),
    ({"purchase_covariates": ["age", "age"]}, bad(), "purchase_covariates", None, "twice"),
    ({"purchase_covariates": 3}, bad(), "purchase_covariates", None, "names of columns"),
    ({"dropout_covariates": ["z", "y"]}, bad(y=1 - awkward(100)["z"]), "dropout_covariates", None,
     "'z', 'y' of dropout_covariates are collinear"),
    ({"equal_covariates": "z"}, bad(), "equal_covariates", None, "must be a covariate"),
    (AGE | {"covariate_l2": -1.0}, bad(), "covariate_l2", None, ">= 0"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "data", "argument", "row", "says"), REFUSED)
def test_bad_covariates_are_named(settings, data, argument, row, says):
    with pytest.raises(InvalidInputError, match=says) as error:
        tn.clv.BGNBD(**settings).fit(data)
    assert error.value.argument == argument
    assert error.value.row == row


def test_a_column_far_from_0_is_told():
    data = awkward()
    far = data | {"age": data["age"] + 1e6 * (1.0 + data["z"])}
    model = tn.clv.BGNBD(purchase_covariates="age").fit(far)  # flat, and so no harm
    assert np.isfinite(model.coefficients_).all()
    far = {k: np.asarray(v) for k, v in customers_with().items()}
    far["z"] = far["z"] + 5000.0
    with pytest.raises(
        InvalidInputError, match=r"lies so far from 0 .* subtract a typical"
    ) as error:
        tn.clv.BGNBD(**BOTH).fit(far)
    assert error.value.argument == "z"


def test_a_level_of_which_nobody_came_back_runs_away_and_is_named():
    data = awkward()
    data["channel"] = np.where(data["frequency"] == 0, data["channel"], "shop")
    model = tn.clv.BGNBD(purchase_covariates="channel")
    with pytest.warns(tn.ConvergenceWarning, match=r"boundary.* purchase of channel\[shop\]="):
        model.fit(data)
    with pytest.raises(tn.NotConvergedError):
        model.set_params(on_failure="raise").fit(data)
    assert not model.__sklearn_is_fitted__()


def test_levels_and_types_of_the_fit_are_asked_for():
    data = awkward()
    model = tn.clv.BGNBD(purchase_covariates=["channel", "age"]).fit(data)
    few = {k: v[:3] for k, v in data.items()}
    with pytest.raises(InvalidInputError, match=r"channel\[1\] must be one of the levels") as error:
        model.probability_alive(few | {"channel": ["web", "tv", "app"]})
    assert (error.value.argument, error.value.row, error.value.value) == ("channel", 1, "tv")
    with pytest.raises(InvalidInputError, match="fitted as text"):
        model.probability_alive(few | {"channel": [1.0, 2.0, 3.0]})
    with pytest.raises(InvalidInputError, match="fitted as numbers"):
        model.probability_alive(few | {"age": ["a", "b", "c"]})
    with pytest.raises(InvalidInputError, match="give covariates="):
        model.expected_purchases_new(3.0)
    with pytest.raises(InvalidInputError, match="covariates of each customer"):
        model.profile_interval(data)
    with pytest.raises(InvalidInputError, match="without covariates"):
        tn.clv.BGNBD().fit(data).expected_purchases_new(3.0, covariates=few)
    with pytest.raises(InvalidInputError, match="finite and > 0") as error:
        model.probability_alive(few | {"age": [1.0, 1e9, 3.0]})
    assert error.value.row == 1


def test_joins_name_the_customer():
    base = cdnow_log().summary(unit="week", end="1997-09-30")
    people = {"customer": base.customer, "z": np.arange(len(base))}
    joined = tn.clv.with_covariates(base, people, columns="z")
    assert joined.covariates["z"].to_numpy().tolist() == list(range(len(base)))
    assert joined.to_pandas().columns.tolist()[-1] == "z"
    short = {k: v[1:] for k, v in people.items()}
    with pytest.raises(InvalidInputError, match="has no row for customer") as error:
        tn.clv.with_covariates(base, short)
    assert error.value.row == 0
    twice = {k: np.append(v, v[5]) for k, v in people.items()}
    with pytest.raises(InvalidInputError, match="more than one row") as error:
        tn.clv.with_covariates(base, twice)
    assert error.value.row == len(base)
    with pytest.raises(InvalidInputError, match="is not a column"):
        tn.clv.with_covariates(base, people, columns=["zz"])
    with pytest.raises(InvalidInputError, match="must be a Summary"):
        tn.clv.with_covariates(people, people)
    with pytest.raises(InvalidInputError, match=r"without customers="):
        tn.clv.with_covariates(base, cdnow_log())
    with pytest.raises(InvalidInputError, match=r"has a column 'T' already"):
        tn.clv.with_covariates(base, people | {"T": people["z"]})
