"""Covariates that change over time, from a log and a frame to fits, predictions and refusals."""

from __future__ import annotations

import datetime as dt
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

import tenure as tn
from tenure import InvalidInputError

START = np.datetime64("2024-01-01")  # a Monday
WEEKS = 52
END = "2024-12-01"


@pytest.fixture(scope="module")
def log():
    """400 customers who come over 10 weeks and buy more in the weeks of a sale."""
    rng = np.random.default_rng(1)
    rows = []
    days = np.arange(336)
    faster = np.where(days // 7 % 5 == 0, 2.0, 1.0)
    for i in range(400):
        first = int(rng.integers(0, 70))
        rate, leaves = rng.gamma(1.0) / 5.0, first + rng.exponential(250.0)
        buys = rng.uniform(size=336) < -np.expm1(-rate / 7.0 * faster)
        buys &= (days > first) & (days < leaves)
        rows += [(i, day) for day in (first, *np.flatnonzero(buys).tolist())]
    frame = {
        "customer": [f"c{i:03d}" for i, _ in rows],
        "date": START + np.array([d for _, d in rows]),
        "amount": np.ones(len(rows)),
    }
    return tn.EventLog(frame, customer="customer", time="date", amount="amount")


@pytest.fixture(scope="module")
def calendar():
    week = np.arange(WEEKS)
    return {
        "date": START + 7 * week,
        "sale": (week % 5 == 0).astype(float),
        "price": 10.0 + np.sin(week / 3.0),
        "season": np.array(["winter", "spring", "summer", "autumn"])[week // 13],
    }


@pytest.fixture(scope="module")
def data(log, calendar):
    return tn.clv.time_varying(log, calendar, end=END)


@pytest.fixture(scope="module")
def model(data):
    return tn.clv.TimeVaryingParetoNBD(
        purchase_covariates=["sale", "price"], dropout_covariates="price"
    ).fit(data)


def own_frame(log, calendar, **changed):
    """The same calendar, one for each customer."""
    ids = log.summary().customer.to_pylist()
    frame = {"customer": np.repeat(ids, WEEKS)}
    frame |= {name: np.tile(np.asarray(v), len(ids)) for name, v in calendar.items()}
    return frame | changed


def test_the_summary_is_that_of_the_log(log, data):
    base = log.summary(unit="week", end=END)
    for name in ("frequency", "recency", "T", "monetary_value"):
        np.testing.assert_array_equal(getattr(data, name), getattr(base, name))
    assert str(data.last_day) == END
    assert str(data.reach[0]) == "2024-12-30"
    table = data.to_pandas()
    orders = log.order_periods("day", end=END).to_pandas()
    assert (table["first_day"].to_numpy() == orders.groupby("customer").period.min()).all()


def test_purchases_lie_in_the_period_that_holds_their_day(log, calendar, data):
    orders = log.order_periods("day", end=END).to_pandas()
    repeat = orders[orders.duplicated("customer")]
    week = (repeat.period.to_numpy().astype("datetime64[D]") - START).astype(int) // 7
    expected = np.bincount(
        pd.factorize(orders.customer)[0][orders.duplicated("customer")],
        calendar["price"][week],
        len(data),
    )
    periods = tn.clv._time_varying_data.periods_until(data, ["price"], 0.0)
    got = np.bincount(periods.bought_by, periods.columns["price"][periods.bought_row], len(data))
    assert_allclose(got, expected, rtol=1e-13)


def test_a_shared_calendar_is_that_of_every_customer(log, calendar, data, model):
    own = tn.clv.time_varying(log, own_frame(log, calendar), customer="customer", end=END)
    again = tn.clv.TimeVaryingParetoNBD(**model.get_params()).fit(own)
    assert_allclose(again.log_likelihood_, model.log_likelihood_, rtol=1e-13)
    assert_allclose(again.coefficients_, model.coefficients_, rtol=1e-7)
    assert_allclose(again.expected_purchases(own, 4), model.expected_purchases(data, 4), rtol=1e-7)


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, lambda f: pl.DataFrame(f).to_arrow()])
def test_frames_of_all_kinds_in_any_order(log, calendar, data, kind):
    frame = own_frame(log, calendar)
    order = np.random.default_rng(3).permutation(len(frame["customer"]))
    shuffled = kind({name: values[order] for name, values in frame.items()})
    own = tn.clv.time_varying(log, shuffled, customer="customer", end=END, columns=["sale"])
    fit = {"purchase_covariates": "sale"}
    a, b = (tn.clv.TimeVaryingBGNBD(**fit).fit(d) for d in (own, data))
    assert_allclose(a.coefficients_, b.coefficients_, rtol=1e-8)


@pytest.mark.parametrize(
    ("varying", "static", "settings"),
    [
        (
            tn.clv.TimeVaryingParetoNBD,
            tn.clv.ParetoNBD,
            {"purchase_covariates": ["z", "kind"], "dropout_covariates": "z"},
        ),
        (tn.clv.TimeVaryingBGNBD, tn.clv.BGNBD, {"purchase_covariates": ["z", "kind"]}),
    ],
)
def test_constant_in_time_it_is_the_model_with_static_covariates(
    log, calendar, varying, static, settings
):
    rng = np.random.default_rng(8)
    base = log.summary(unit="week", end=END)
    z, kind = rng.normal(size=len(base)), rng.choice(["web", "shop"], len(base))
    frame = own_frame(log, {"date": calendar["date"]})
    frame |= {"z": np.repeat(z, WEEKS), "kind": np.repeat(kind, WEEKS)}
    data = tn.clv.time_varying(log, frame, customer="customer", end=END)
    customers = {"customer": base.customer, "z": z, "kind": kind}
    still = tn.clv.with_covariates(base, pd.DataFrame(customers))
    a, b = varying(**settings, tol=1e-13).fit(data), static(**settings, tol=1e-13).fit(still)
    assert_allclose(a.log_likelihood_, b.log_likelihood_, rtol=1e-12)
    assert_allclose(a.coefficients_, b.coefficients_, rtol=1e-10, atol=1e-11)
    assert a.coef_.covariate == b.coef_.covariate
    assert a.coef_.process == b.coef_.process
    assert_allclose(a.joint_covariance_, b.joint_covariance_, rtol=1e-7, atol=1e-10)
    assert_allclose(a.probability_alive(data), b.probability_alive(still), rtol=1e-9)
    assert_allclose(a.expected_purchases(data, 4), b.expected_purchases(still, 4), rtol=1e-9)
    for got, want in zip(
        a.expected_purchases(data, "4w", interval=0.9)._columns().values(),
        b.expected_purchases(still, "4w", interval=0.9)._columns().values(),
        strict=True,
    ):
        if isinstance(got, np.ndarray):
            assert_allclose(got, want, rtol=1e-5)
    discounted = a.discounted_expected_purchases(data, 4, 0.3)
    assert_allclose(discounted, b.discounted_expected_purchases(still, 4, 0.3), rtol=1e-7)
    assert_allclose(a.score(data), b.score(still), rtol=1e-10)


def test_a_sale_is_found_and_tested(data):
    small = tn.clv.ParetoNBD().fit(data)
    large = tn.clv.TimeVaryingParetoNBD(purchase_covariates="sale").fit(data)
    assert small.unit_ == large.unit_ == "week"
    table = large.coef_
    assert table.lower[0] < np.log(2.0) < table.upper[0]
    test = tn.clv.likelihood_ratio_test(small, large)
    assert test.df == 1
    assert test.statistic == pytest.approx(2 * (large.log_likelihood_ - small.log_likelihood_))
    assert test.p_value < 1e-6
    assert large.aic_ == pytest.approx(10.0 - 2.0 * large.log_likelihood_)


def test_the_unit_of_time_and_of_a_covariate_are_conventions(log, calendar, data):
    settings = {"purchase_covariates": "price", "dropout_covariates": "price"}
    weeks = tn.clv.TimeVaryingParetoNBD(**settings).fit(data)
    cents = {"date": calendar["date"], "price": 100.0 * calendar["price"] - 3.0}
    other = tn.clv.time_varying(log, cents, end=END, unit="day")
    days = tn.clv.TimeVaryingParetoNBD(**settings).fit(other)
    assert_allclose(100.0 * days.coefficients_, weeks.coefficients_, rtol=1e-6)
    shift = np.log(7.0) * data.frequency.sum()
    assert_allclose(days.log_likelihood_ + shift, weeks.log_likelihood_, rtol=1e-12)
    assert_allclose(
        days.expected_purchases(other, "4w"), weeks.expected_purchases(data, 4), rtol=1e-6
    )


def test_days_are_weeks_where_the_covariates_say_so(log, calendar, data):
    daily = {"date": START + np.arange(7 * WEEKS), "sale": np.repeat(calendar["sale"], 7)}
    fits = [
        tn.clv.TimeVaryingParetoNBD(purchase_covariates="sale", dropout_covariates="sale").fit(d)
        for d in (data, tn.clv.time_varying(log, daily, period="day", end=END))
    ]
    assert_allclose(fits[0].log_likelihood_, fits[1].log_likelihood_, rtol=1e-12)
    assert_allclose(fits[0].coefficients_, fits[1].coefficients_, rtol=1e-6)


def test_nothing_of_the_future_enters_a_fit(log, calendar, model):
    changed = dict(calendar)
    changed["price"] = np.where(calendar["date"] > np.datetime64(END), 1e6, calendar["price"])
    data = tn.clv.time_varying(log, changed, end=END)
    again = tn.clv.TimeVaryingParetoNBD(**model.get_params()).fit(data)
    assert np.array_equal(again.coefficients_, model.coefficients_)


def test_weights_are_repetitions(data):
    settings = {"purchase_covariates": "sale"}
    weight = np.where(np.arange(len(data)) % 2 == 0, 2.0, 0.0)
    a = tn.clv.TimeVaryingParetoNBD(**settings).fit(data, sample_weight=weight)
    b = tn.clv.TimeVaryingParetoNBD(**settings).fit(data, sample_weight=weight / 2.0)
    assert a.n_customers_ == 400.0
    assert_allclose(a.log_likelihood_, 2.0 * b.log_likelihood_, rtol=1e-12)
    assert_allclose(a.score(data, weight), a.log_likelihood_ / 400.0, rtol=1e-12)


def test_text_counts_by_level(data):
    model = tn.clv.TimeVaryingParetoNBD(purchase_covariates="season").fit(data)
    assert model.coef_.covariate == ("season[spring]", "season[summer]", "season[winter]")
    assert model.covariate_levels_ == {"season": ("autumn", "spring", "summer", "winter")}


def test_files_and_pickles_keep_the_model(tmp_path, data, model):
    model.save(tmp_path / "m.tenure")
    for again in (tn.load(tmp_path / "m.tenure"), pickle.loads(pickle.dumps(model))):
        assert repr(again) == repr(model)
        a, b = (m.expected_purchases(data, 4, interval=0.9) for m in (again, model))
        assert np.array_equal(a.value, b.value)
        assert np.array_equal(a.upper, b.upper)


def test_limits_hold_the_value_and_the_whole_covariance(data, model):
    table = model.expected_purchases(data, 4, interval=0.95)
    assert np.all((table.lower < table.value) & (table.value < table.upper))
    alive = model.probability_alive(data, interval=0.95)
    assert_allclose(alive.value, model.probability_alive(data), rtol=1e-13)
    # By hand for one customer: differences in all seven coordinates.
    point = np.append(np.log(model._point()), model.coefficients_)
    slope = []
    for j in range(len(point)):
        moved = []
        for step in (1e-5, -1e-5):
            at = point.copy()
            at[j] += step
            other = pickle.loads(pickle.dumps(model))
            other.params_ = dict(zip(other.parameter_names, np.exp(at[:4]).tolist(), strict=True))
            other.coefficients_ = at[4:]
            moved.append(np.log(other.expected_purchases(data, 4)[5]))
        slope.append((moved[0] - moved[1]) / 2e-5)
    error = np.sqrt(slope @ model.joint_covariance_ @ slope)
    assert np.log(table.upper[5] / table.value[5]) == pytest.approx(1.959964 * error, rel=1e-4)


BAD = [
    ({"sale": [float("nan")] + [0.0] * (WEEKS - 1)}, {}, r"sale\[0\] must not be missing", "sale"),
    ({"sale": [0.0, float("inf")] + [0.0] * (WEEKS - 2)}, {}, r"sale\[1\] must be finite", "sale"),
    ({"date": "drop 3"}, {}, "no row for the period that begins on 2024-01-22", "covariates"),
    ({"date": "repeat 3"}, {}, "two rows for the period that begins on 2024-01-22", "covariates"),
    ({"date": "shift 3"}, {}, "no multiple of 7 days apart", "covariates"),
    ({"date": "late"}, {}, "customer 'c0.*' that begins on 2024-01-0", "covariates"),
    ({"date": "early"}, {}, "'c000' that begins on 2024-10-07", "covariates"),
    ({"date": list(range(WEEKS))}, {}, "must hold dates", "date"),
    ({"date": [None] * WEEKS}, {}, r"date\[0\] must not be missing|must hold dates", "date"),
    ({}, {"period": "month"}, "'day', 'week' or a number of days", "period"),
    ({}, {"period": 0}, "period", "period"),
    ({}, {"unit": "hour"}, "unit must be one of", "unit"),
    ({}, {"columns": ["date"]}, "whose and when", "columns"),
    ({}, {"columns": ["rain"]}, "rain", None),
    ({}, {"columns": []}, "at least one covariate", "columns"),
    ({}, {"customer": "who"}, "who", None),
]


@pytest.mark.parametrize(("change", "arguments", "message", "argument"), BAD)
def test_bad_periods_are_named(log, calendar, change, arguments, message, argument):
    frame = {k: np.asarray(v) for k, v in (calendar | change).items() if k in calendar}
    kind = change.get("date")
    if isinstance(kind, str):
        date, row = calendar["date"], np.arange(WEEKS)
        rows = {
            "drop 3": row[row != 3],
            "repeat 3": np.sort(np.append(row, 3)),
            "late": row[2:],
            "early": row[:40],
        }.get(kind, row)
        date = date + np.where(row == 3, 2, 0) if kind == "shift 3" else date
        frame = {k: np.asarray(v)[rows] for k, v in (calendar | {"date": date}).items()}
    elif kind == [None] * WEEKS:
        frame = pd.DataFrame(calendar | {"date": pd.array(kind, dtype="datetime64[us]")})
    with pytest.raises(InvalidInputError, match=message) as error:
        tn.clv.time_varying(log, frame, **{"end": END} | arguments)
    if argument is not None:
        assert error.value.argument == argument


def test_a_missing_period_names_its_customer(log, calendar):
    frame = own_frame(log, calendar)
    for keep, message in (
        (np.arange(len(frame["date"])) != WEEKS * 2 + 20, "'c002' that begins on 2024-05-20"),
        (frame["customer"] != "c007", "no row for customer 'c007'"),
        (
            ~((frame["customer"] == "c009") & (frame["date"] > np.datetime64("2024-11-20"))),
            "customer 'c009' that begins on 2024-11-25",
        ),
    ):
        part = {name: values[keep] for name, values in frame.items()}
        with pytest.raises(InvalidInputError, match=message):
            tn.clv.time_varying(log, part, customer="customer", end=END)


def test_days_with_a_time_or_a_zone_are_refused(log, calendar):
    noon = pd.DataFrame(calendar).assign(date=lambda f: f.date + pd.Timedelta("12h"))
    with pytest.raises(InvalidInputError, match=r"date\[0\] must be a day"):
        tn.clv.time_varying(log, noon, end=END)
    zoned = pd.DataFrame(calendar).assign(date=lambda f: f.date.dt.tz_localize("UTC"))
    with pytest.raises(InvalidInputError, match="without a time zone"):
        tn.clv.time_varying(log, zoned, end=END)


def test_a_horizon_beyond_the_covariates_says_until_when_they_reach(data, model):
    assert np.isfinite(model.expected_purchases(data, 4)).all()
    for predict in (model.expected_purchases, model.discounted_expected_purchases):
        with pytest.raises(InvalidInputError, match="reach until 2024-12-29") as error:
            predict(data, "5w")
        assert error.value.argument == "horizon"
        with pytest.raises(InvalidInputError, match="horizon"):
            predict(data, np.inf)


def test_what_tells_nothing_is_refused(log, calendar, data):
    shared = dict(calendar, one=np.ones(WEEKS), twice=2.0 * calendar["sale"], same=["a"] * WEEKS)
    bad = tn.clv.time_varying(log, shared, end=END)
    for names, message in (
        (["one"], "not identified"),
        (["sale", "twice"], "collinear"),
        (["same"], "tells nothing"),
        (["rain"], "no covariate 'rain'"),
        ([], "at least one covariate"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            tn.clv.TimeVaryingParetoNBD(purchase_covariates=names).fit(bad)
    with pytest.raises(InvalidInputError, match="must be a TimeVaryingSummary"):
        tn.clv.TimeVaryingBGNBD(purchase_covariates="sale").fit(log.summary())
    fitted = tn.clv.TimeVaryingBGNBD(purchase_covariates="season").fit(data)
    with pytest.raises(InvalidInputError, match="no profile"):
        fitted.profile_interval(data)
    new = dict(calendar, season=["dry"] * WEEKS)
    with pytest.raises(InvalidInputError, match="levels of the fit"):
        fitted.probability_alive(tn.clv.time_varying(log, new, end=END))
    with pytest.raises(InvalidInputError, match="counts in days"):
        fitted.score(tn.clv.time_varying(log, calendar, end=END, unit="day"))


def test_huge_covariates_are_units(log, calendar, data):
    huge = dict(calendar, price=1e80 * (calendar["price"] - 10.0))
    settings = {"purchase_covariates": "price"}
    large = tn.clv.TimeVaryingParetoNBD(**settings).fit(tn.clv.time_varying(log, huge, end=END))
    usual = tn.clv.TimeVaryingParetoNBD(**settings).fit(data)
    assert large.converged_
    assert_allclose(1e80 * large.coefficients_, usual.coefficients_, rtol=1e-6)
    far = dict(calendar, price=calendar["price"] + 1e7)
    with pytest.raises(InvalidInputError, match="subtract a typical value"):
        tn.clv.TimeVaryingParetoNBD(**settings).fit(tn.clv.time_varying(log, far, end=END))


def test_one_day_and_one_purchase(calendar):
    rows = {"customer": [1, 2, 3, 3], "date": [dt.date(2024, 3, d) for d in (1, 4, 4, 11)]}
    log = tn.EventLog(rows, customer="customer", time="date")
    data = tn.clv.time_varying(log, calendar)
    assert data.T.tolist() == [10 / 7, 1.0, 1.0]
    assert data._bought_in.tolist() == [1]  # the last day begins a period of its own
    model = tn.clv.TimeVaryingBGNBD(purchase_covariates="price", covariate_l2=0.1)
    with pytest.warns(tn.ConvergenceWarning, match="without an optimum"):
        model.fit(data)
    assert np.isfinite(model.expected_purchases(data, 10)).all()


def test_there_is_no_test_with_a_penalty(data):
    settings = {"purchase_covariates": "price"}
    free = tn.clv.TimeVaryingBGNBD(**settings).fit(data)
    held = tn.clv.TimeVaryingBGNBD(**settings, covariate_l2=10.0).fit(data)
    assert abs(held.coefficients_[0]) < 0.5 * abs(free.coefficients_[0])
    with pytest.raises(InvalidInputError, match="covariate_l2=10"):
        tn.clv.likelihood_ratio_test(tn.clv.BGNBD().fit(data), held)
