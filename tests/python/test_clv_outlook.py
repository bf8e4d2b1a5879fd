"""What each customer will do as a distribution: against simulated futures, and how it is told."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import numpy as np
import pytest
from clv_models import at, cdnow_log, customers, futures
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import tenure as tn

MODELS = {
    "BGNBD": (0.8, 6.0, 0.8, 3.0),
    "MBGNBD": (0.8, 6.0, 0.8, 2.0),
    "ParetoNBD": (0.8, 6.0, 0.7, 12.0),
    "NBD": (0.8, 6.0),
    "GGompertzNBD": (0.8, 6.0, 0.1, 0.8, 8.0),
    "BGCNBD": (3, 0.8, 2.0, 0.8, 3.0),
    "MBGCNBD": (3, 0.8, 2.0, 0.8, 2.0),
}


@pytest.fixture(scope="module", params=MODELS)
def kind(request):
    return getattr(tn.clv, request.param)


@pytest.fixture(scope="module")
def base():
    return cdnow_log().summary(unit="week", end="1997-09-30", log_gaps=True)


@pytest.fixture(scope="module")
def fitted(kind, base):
    if kind is tn.clv.GGompertzNBD:  # these customers ask for b = 0
        return usual(kind, log_covariance=0.02 * np.eye(5) + 0.01, unit="week")
    return kind(**({"k": 2} if "CNBD" in kind.__name__ else {})).fit(base)


def usual(kind, times=1.0, **settings):
    parameters = np.array(MODELS[kind.__name__])
    if "CNBD" in kind.__name__:
        settings, parameters = {"k": int(parameters[0]), **settings}, parameters[1:]
    return at(kind, parameters * times, **settings)


def simulated(name, n, seed, ahead=40.0):
    return futures(name, MODELS[name], n, seed, seen=40.0, ahead=ahead)


# --- against simulated futures -------------------------------------------------------------------


def test_chances_of_counts_are_those_of_simulated_futures(kind):
    n = 20_000
    data, then, _ = simulated(kind.__name__, n, seed=1)
    chance = usual(kind).probability_of_n_purchases_given(data, list(range(6)), 40.0)
    # Within groups of histories: the whole base, one-time buyers, the frequent and the silent.
    x, silence = data["frequency"], data["T"] - data["recency"]
    for group in (x >= 0, x == 0, x >= 3, (x > 0) & (silence > 20), (x > 0) & (silence < 5)):
        share = np.array([(then[group] == k).mean() for k in range(6)])
        expected = chance[group].mean(axis=0)
        error = np.sqrt(expected * (1 - expected) / group.sum())
        assert np.all(np.abs(share - expected) < 4.5 * error), (share, expected)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_predictive_intervals_cover_as_often_as_they_should(kind, level):
    n = 10_000
    data, then, _ = simulated(kind.__name__, n, seed=2)
    model = usual(kind)
    forecast = model.predictive_interval(data, 40.0, level=level)
    # A count is whole, so that the chance of an interval is more than its level, by as much as the
    # model itself says: never less, and hit by the simulated customers.
    nominal = np.zeros(n)
    for count in range(forecast.upper.max() + 1):
        within = np.flatnonzero((forecast.lower <= count) & (count <= forecast.upper))
        rows = {name: column[within] for name, column in data.items()}
        nominal[within] += model.probability_of_n_purchases_given(rows, count, 40.0)
    assert nominal.min() >= level - 1e-12
    error = math.sqrt((nominal * (1 - nominal)).sum()) / n
    assert abs(forecast.covered(then) - nominal.mean()) < 4.5 * error


def test_intervals_of_a_fitted_model_cover_its_own_customers(kind):
    data, then, _ = simulated(kind.__name__, 4000, seed=3)
    forecast = kind().fit(data).predictive_interval(data, 40.0, level=0.9)
    assert forecast.covered(then) >= 0.9 - 3 * math.sqrt(0.09 / 4000)


def test_the_time_to_the_next_purchase_is_that_of_simulated_futures(kind):
    n = 40_000
    data, _, first = simulated(kind.__name__, n, seed=4, ahead=400.0)
    soon = usual(kind).next_purchase(data, quantiles=(0.05, 0.2, 0.5))
    for k, quantile in enumerate(soon.quantiles):
        known = soon.time[:, k] < 400.0
        share = (first[known] <= soon.time[known, k]).mean()
        assert abs(share - quantile) < 4.5 * math.sqrt(quantile * (1 - quantile) / known.sum())


def test_the_page_tells_what_the_intervals_hold_on_cdnow():
    page = (Path(__file__).resolve().parents[2] / "docs/methods/outlook.md").read_text()
    both = cdnow_log().calibration_holdout("1997-09-30", "1998-06-30")
    base, then = both.calibration, np.asarray(both.orders_holdout)
    for name in ("BGNBD", "MBGNBD", "ParetoNBD", "NBD"):
        model = getattr(tn.clv, name)().fit(base)
        cells = []
        for level in (0.5, 0.8, 0.95):
            forecast = model.predictive_interval(base, 39, level=level)
            counts = np.arange(forecast.upper.max() + 1)
            within = (counts >= forecast.lower[:, None]) & (counts <= forecast.upper[:, None])
            chance = model.probability_of_n_purchases_given(base, counts, 39)
            held, promised = forecast.covered(then), (chance * within).sum(axis=1).mean()
            assert held >= level
            cells.append(f"{100 * held:.1f} % ({100 * promised:.1f} %)")
        cells.append(f"{model.log_score(base, then, 39).mean():.4f}")
        assert f"| {name} | {' | '.join(cells)} |" in page


# --- among each other ----------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(0, 40), st.floats(0.0, 1.0), st.floats(10.0, 500.0), st.floats(0.01, 300.0))
def test_all_answers_tell_of_one_distribution(kind, x, share, age, horizon):
    model = usual(kind)
    data = customers(x, max(share, 1e-3) * age if x else 0.0, age)
    forecast = model.predictive_interval(data, horizon, level=0.9)
    chance = model.probability_of_n_purchases_given(data, np.arange(forecast.upper[0] + 1), horizon)
    below = np.cumsum(chance[0])
    assert below[-1] >= 0.95 - 1e-9
    assert forecast.upper[0] == 0 or below[-2] < 0.95 + 1e-9
    assert forecast.lower[0] <= forecast.median[0] <= forecast.upper[0]
    buys = model.purchase_probability(data, horizon)[0]
    assert buys == pytest.approx(1.0 - chance[0, 0], abs=1e-12)
    soon = model.next_purchase(data, quantiles=(0.3,))
    assert (soon.time[0, 0] <= horizon) == (buys >= 0.3) or buys == pytest.approx(0.3, rel=1e-9)
    later = model.probability_alive(data, ahead=horizon)[0]
    assert later <= model.probability_alive(data)[0] + 1e-15


def test_the_log_score_is_the_log_of_the_probability(fitted, base):
    then = np.arange(len(base)) % 4
    table = fitted.probability_of_n_purchases_given(base, range(4), 39)
    expected = np.log(table[np.arange(len(base)), then])
    assert_allclose(fitted.log_score(base, then, "39w"), expected, rtol=1e-12)


def test_units_do_not_matter(kind):
    days = usual(kind)
    data = customers([3.0, 0.0, 12.0], [20.0, 0.0, 39.0], [40.0, 40.0, 40.0])
    longer = {**data, "recency": data["recency"] * 7, "T": data["T"] * 7}
    longer_for = {"alpha": 7.0, "b": 1 / 7 if kind is tn.clv.GGompertzNBD else 1.0}
    longer_for |= {"beta": 7.0} if kind is tn.clv.ParetoNBD else {}
    weeks = usual(kind, [longer_for.get(name, 1.0) for name in days.parameter_names])
    one, seven = days.next_purchase(data), weeks.next_purchase(longer)
    assert_allclose(seven.time, 7 * one.time, rtol=1e-11)
    assert_allclose(seven.lapse, 7 * one.lapse, rtol=1e-9)
    assert np.array_equal(
        days.predictive_interval(data, 40).upper, weeks.predictive_interval(longer, 280).upper
    )


def test_intervals_of_parameters_are_those_of_moved_parameters(fitted, base):
    few = {
        name: np.asarray(getattr(base, name), dtype=float)[:40]
        for name in ("frequency", "recency", "T")
    }
    predictions = [
        lambda m, **k: m.purchase_probability(few, 39, **k),
        lambda m, **k: m.probability_alive(few, ahead=39, **k),
    ]
    for predict in predictions[:1] if isinstance(fitted, tn.clv.NBD) else predictions:
        table = predict(fitted, interval=0.95)
        assert_allclose(table.value, predict(fitted), rtol=1e-12)
        assert np.all((table.lower < table.value) & (table.value < table.upper))
        assert np.all(table.upper <= 1.0)
    # By hand: the gradient in the logs of the parameters, one parameter moved at a time.
    at_ = np.array(list(fitted.params_.values()))
    shape = {"k": 2} if "CNBD" in type(fitted).__name__ else {}
    gradient = []
    for unit in np.eye(len(at_)):
        moved = [
            np.log(at(type(fitted), at_ * np.exp(h * unit), **shape).purchase_probability(few, 39))
            for h in (1e-5, -1e-5)
        ]
        gradient.append((moved[0] - moved[1]) / 2e-5)
    g = np.array(gradient).T
    error = np.sqrt(np.einsum("ij,jk,ik->i", g, fitted.log_covariance_, g))
    table = fitted.purchase_probability(few, 39, interval=0.95)
    assert_allclose(np.log(table.value / table.lower), 1.959963985 * error, rtol=1e-5)


@settings(max_examples=20)
@given(st.integers(0, 40), st.floats(0.0, 1.0), st.floats(10.0, 500.0), st.floats(0.01, 300.0))
def test_limits_of_one_model_are_another(x, share, age, horizon):
    """CNBD with k = 1, GGompertz/NBD with b near 0, NBD where nobody leaves."""
    data = customers(x, max(share, 1e-3) * age if x else 0.0, age)
    one = {"log_covariance": None, "k": 1}
    # Silence would tell of leaving, however rare that is.
    now = customers(x, age if x else 0.0, age)
    pairs = [
        (usual(tn.clv.BGNBD), at(tn.clv.BGCNBD, MODELS["BGNBD"], **one), 1e-10),
        (usual(tn.clv.MBGNBD), at(tn.clv.MBGCNBD, MODELS["MBGNBD"], **one), 1e-10),
        (usual(tn.clv.ParetoNBD), at(tn.clv.GGompertzNBD, (0.8, 6.0, 1e-13, 0.7, 12e-13)), 1e-8),
        (at(tn.clv.BGNBD, (0.8, 6.0, 1e-13, 3.0)), usual(tn.clv.NBD), 1e-9),
    ]
    for model, other, close in pairs:
        rows = now if isinstance(other, tn.clv.NBD) else data
        for told in (
            lambda m, d: m.probability_of_n_purchases_given(d, [0, 1, 3, 9], horizon),
            lambda m, d: m.purchase_probability(d, horizon),
            lambda m, d: m.probability_alive(d, ahead=horizon),
            lambda m, d: m.next_purchase(d, quantiles=(0.01, 0.1)).time,
        ):
            assert_allclose(told(other, rows), told(model, rows), rtol=close, atol=1e-12)


# --- how it is told ------------------------------------------------------------------------------


def test_dates_start_at_the_end_of_the_observation(fitted, base):
    soon = fitted.next_purchase(base, quantiles=(0.1,), lapse=0.3)
    assert soon.end == base.end
    end = base.end.astimezone(dt.UTC).replace(tzinfo=None)
    row = int(np.flatnonzero(np.isfinite(soon.time[:, 0]))[0])
    told = [(soon.date[row, 0], soon.time[row, 0])]
    lapses = np.flatnonzero(np.isfinite(soon.lapse) & (soon.lapse > 0))
    assert bool(lapses.size) != isinstance(fitted, tn.clv.NBD)
    told += [(soon.lapse_date[row], soon.lapse[row]) for row in lapses[:1]]
    for date, time in told:
        away = date.item() - (end + dt.timedelta(weeks=float(time)))
        assert abs(away) <= dt.timedelta(microseconds=2)
    assert np.array_equal(np.isnat(soon.date[:, 0]), np.isinf(soon.time[:, 0]))
    assert soon.to_arrow().column_names == ["customer", "probability_alive", "by_10%", "lapse"]
    assert "lapsed where P(alive) falls to 0.3" in repr(soon)


def test_a_frame_has_no_dates(kind):
    soon = usual(kind).next_purchase(customers(1.0, 2.0, 3.0))
    with pytest.raises(tn.InvalidInputError, match="dates need the end of observation"):
        _ = soon.date


def test_who_cannot_have_left_never_lapses():
    for name in MODELS:
        lapse = usual(getattr(tn.clv, name)).next_purchase(customers(0.0, 0.0, 40.0)).lapse[0]
        assert np.isinf(lapse) == (name in ("BGNBD", "BGCNBD", "NBD"))


def test_the_forecast_names_its_interval(fitted, base):
    forecast = fitted.predictive_interval(base, "39w", level=0.8)
    assert len(forecast) == len(base)
    assert "within 39 weeks, 80 % predictive interval" in repr(forecast)
    assert forecast.to_arrow().column_names == ["customer", "mean", "median", "lower", "upper"]
    assert_allclose(forecast.mean, fitted.expected_purchases(base, "39w"))


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda m, d: m.probability_of_n_purchases_given(d, -1, 3.0), "n"),
        (lambda m, d: m.probability_of_n_purchases_given(d, 0.5, 3.0), "n"),
        (lambda m, d: m.probability_of_n_purchases_given(d, 1, math.inf), "horizon"),
        (lambda m, d: m.probability_of_n_purchases_given(d, 1, "3w"), "unit"),
        (lambda m, d: m.log_score(d, [1, 2], 3.0), "purchases"),
        (lambda m, d: m.purchase_probability(d, -1.0), "horizon"),
        (lambda m, d: m.purchase_probability(d, 1.0, interval=1.0), "interval"),
        (lambda m, d: m.predictive_interval(d, 1.0, level=0.0), "level"),
        (lambda m, d: m.predictive_interval(d, 1.0).covered([1, 2]), "purchases"),
        (lambda m, d: m.next_purchase(d, quantiles=()), "quantiles"),
        (lambda m, d: m.next_purchase(d, quantiles=(0.5, 0.2)), "quantiles"),
        (lambda m, d: m.next_purchase(d, quantiles=(1.0,)), "quantiles"),
        (lambda m, d: m.next_purchase(d, lapse=1.0), "lapse"),
        (lambda m, d: m.probability_alive(d, ahead=-1.0), "ahead"),
        (lambda m, d: m.probability_alive(d, ahead=math.nan), "ahead"),
        (lambda m, d: m.next_purchase({**d, "recency": np.array([9.0])}), "recency"),
    ],
)
def test_what_has_no_answer_is_refused_by_name(kind, call, argument):
    with pytest.raises(tn.InvalidInputError) as caught:
        call(usual(kind), customers(1.0, 2.0, 3.0))
    assert caught.value.argument == argument
