"""Conditional expectations, matrices, histories of P(alive), and spend against frequency."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from clv_models import at, cdnow_log
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import tenure as tn
from tenure.clv import _student

MODELS = ["BGNBD", "MBGNBD", "ParetoNBD"]


@pytest.fixture(scope="module")
def log():
    return cdnow_log()


@pytest.fixture(scope="module")
def holdout(log):
    return log.calibration_holdout("1997-09-30")


@pytest.fixture(scope="module", params=MODELS)
def model(request, holdout):
    return getattr(tn.clv, request.param)().fit(holdout.calibration)


# --- conditional expectations ---------------------------------------------------------------------


@pytest.mark.parametrize("by", ["frequency", "recency"])
def test_groups_are_those_of_pandas(model, holdout, by):
    got = model.conditional_expectation_by_frequency(holdout, by=by, max_frequency=5, bins=4)
    frame = holdout.to_pandas()
    frame["expected"] = model.expected_purchases(holdout, 39)
    if by == "frequency":
        key = frame.frequency.clip(upper=5)
        assert got.group == ("0", "1", "2", "3", "4", "5+")
    else:
        # 38.9 weeks in at most four round lengths: ten each.
        key = pd.cut(frame.recency, [-1, 0, 10, 20, 30, 40])
        assert got.group == ("0", "0-10", "10-20", "20-30", "30-40")
    groups = frame.groupby(key, observed=True)
    assert got.customers.tolist() == groups.size().tolist()
    assert_allclose(got.actual, groups.orders_holdout.mean(), rtol=1e-12)
    assert_allclose(got.expected, groups.expected.mean(), rtol=1e-12)
    assert_allclose(got.position, groups[by].mean(), rtol=1e-12, atol=1e-12)
    t = scipy.stats.t.ppf(0.975, groups.size() - 1)
    upper = groups.orders_holdout.mean() + t * groups.orders_holdout.sem()
    assert_allclose(got.upper, upper, rtol=1e-9)


def test_published_figure_six():
    """BG/NBD at the published parameters: expectations rise with frequency as in the paper."""
    data = cdnow_log().calibration_holdout("1997-09-30")
    model = at(tn.clv.BGNBD, (0.243, 4.414, 0.793, 2.426), unit="week")
    table = model.conditional_expectation_by_frequency(data)
    assert table.customers.tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    assert np.all(np.diff(table.expected) > 0)
    assert np.abs(table.expected - table.actual).max() < 0.4
    within = (table.lower < table.expected) & (table.expected < table.upper)
    assert within.sum() >= 6


def test_a_lone_customer_has_no_limits():
    rows = {"customer": [1, 1, 2], "date": [dt.date(2024, 1, d) for d in (1, 8, 3)]}
    small = tn.EventLog(rows, customer="customer", time="date", observed_until="2024-03-01")
    data = small.calibration_holdout("2024-01-20")
    model = at(tn.clv.BGNBD, (0.2, 4.0, 0.8, 2.4), unit="week")
    got = model.conditional_expectation_by_frequency(data)
    assert got.group == ("0", "1")
    assert np.isnan(got.upper).all()
    by_recency = model.conditional_expectation_by_frequency(data, by="recency")
    assert by_recency.customers.tolist() == [1, 1]


# --- matrices -------------------------------------------------------------------------------------


def test_matrices_hold_the_predictions_of_their_cells(model, holdout):
    alive = model.probability_alive_matrix(holdout)
    buys = model.frequency_recency_matrix(holdout, "39w")
    assert alive.value.shape == buys.value.shape == (40, 30)
    assert (alive.T, alive.unit) == (39.0, "week")
    for x, t_x in ((0, 0), (3, 20), (29, 39), (1, 1)):
        one = {"frequency": [x], "recency": [t_x], "T": [39.0]}
        assert alive.value[t_x, x] == pytest.approx(model.probability_alive(one)[0], rel=1e-13)
        assert buys.value[t_x, x] == pytest.approx(model.expected_purchases(one, 39)[0], rel=1e-11)
    impossible = np.isnan(alive.value)
    assert impossible[0, 1:].all()
    assert impossible[1:, 0].all()
    assert impossible.sum() == 39 + 29
    frame = alive.to_pandas()
    assert len(frame) == len(alive) == 40 * 30 - 68
    row = frame[(frame.frequency == 3) & (frame.recency == 20)]
    assert row.value.tolist() == [alive.value[20, 3]]


def test_bounds_may_be_given(model):
    assert model.probability_alive_matrix(max_frequency=3, max_recency=9.5).value.shape == (11, 4)
    got = model.frequency_recency_matrix(
        {"frequency": [2], "recency": [1.0], "T": [4.0]}, 10, max_frequency=5
    )
    assert got.value.shape == (5, 6)


# --- histories ------------------------------------------------------------------------------------


def test_a_history_is_that_of_summaries_day_by_day(model, log):
    got = model.history_alive(log, 1)
    for k in (0, 1, 40, 200, 545):
        day = got.date[k].astype(object)
        summary = log.summary(unit="week", end=day.isoformat())
        row = int(np.flatnonzero(np.asarray(summary.customer) == 1)[0])
        assert summary.T[row] == pytest.approx(got.time[k], abs=1e-12)
        alive = model.probability_alive(summary)[row]
        assert got.probability_alive[k] == pytest.approx(alive, rel=1e-12)
    dates = log.order_periods("day")
    mine = dates.period[np.asarray(dates.customer) == 1]
    assert got.date[got.ordered].tolist() == mine.tolist()
    assert got.date[-1] == np.datetime64("1998-06-30")


def test_text_ids_and_late_first_orders_have_histories():
    rows = {"who": ["ann", "bob", "bob"], "date": [dt.date(2024, 1, d) for d in (1, 5, 9)]}
    small = tn.EventLog(rows, customer="who", time="date", observed_until="2024-01-10")
    model = at(tn.clv.ParetoNBD, (0.5, 10.0, 0.6, 11.0), unit="day")
    got = model.history_alive(small, "bob")
    assert got.time.tolist() == [0, 1, 2, 3, 4, 5]
    assert got.ordered.tolist() == [True, False, False, False, True, False]
    assert "bob" in repr(got)


# --- spend against frequency ----------------------------------------------------------------------


def test_cdnow_correlation_is_the_published_one(holdout):
    """Fader, Hardie & Lee (2005) report .11 among the repeat buyers."""
    check = tn.clv.spend_frequency_check(holdout)
    frame = holdout.to_pandas().query("frequency > 0")
    pearson = scipy.stats.pearsonr(frame.frequency, frame.monetary_value)
    spearman = scipy.stats.spearmanr(frame.frequency, frame.monetary_value)
    assert round(check.pearson, 2) == 0.11
    assert check.pearson == pytest.approx(pearson.statistic, rel=1e-12)
    assert check.pearson_p == pytest.approx(pearson.pvalue, rel=1e-9)
    limits = pearson.confidence_interval(0.95)
    assert check.pearson_limits == pytest.approx((limits.low, limits.high), rel=1e-9)
    assert check.spearman == pytest.approx(spearman.statistic, rel=1e-12)
    assert check.spearman_p == pytest.approx(spearman.pvalue, rel=1e-9)
    z = scipy.stats.norm.ppf(0.975) * np.sqrt((1 + spearman.statistic**2 / 2) / (946 - 3))
    assert check.spearman_limits[1] == pytest.approx(
        np.tanh(np.arctanh(spearman.statistic) + z), rel=1e-9
    )
    assert (check.n_customers, check.n_excluded) == (946, 1411)
    groups = frame.groupby(frame.frequency.clip(upper=7)).monetary_value
    assert_allclose(check.mean_spend, groups.mean(), rtol=1e-12)
    assert check.overall == pytest.approx(frame.monetary_value.mean())
    assert check.pearson == pytest.approx(tn.clv.GammaGamma().fit(holdout).correlation_, rel=1e-12)


def test_half_of_it_is_one_customer(holdout):
    """21 repeat orders of $300: without them .06, p = .08, as the same paper has it."""
    base = holdout.calibration
    kept = np.arange(len(base)) != np.nanargmax(base.monetary_value)
    rest = tn.clv.spend_frequency_check(
        {"frequency": base.frequency[kept], "monetary_value": base.monetary_value[kept]}
    )
    assert round(rest.pearson, 2) == 0.06
    assert round(rest.pearson_p, 2) == 0.08


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_a_weight_is_a_repetition(seed):
    rng = np.random.default_rng(seed)
    x, m = rng.integers(1, 5, 12), rng.integers(1, 9, 12) * 1.5
    w = np.append(rng.integers(0, 4, 10), [2, 3])
    weighted = tn.clv.spend_frequency_check({"frequency": x, "monetary_value": m}, w)
    repeated = tn.clv.spend_frequency_check(
        {"frequency": np.repeat(x, w), "monetary_value": np.repeat(m, w)}
    )
    for name in ("customers", "mean_spend", "lower", "pearson", "spearman", "spearman_p"):
        one, two = getattr(weighted, name), getattr(repeated, name)
        assert_allclose(one, two, rtol=1e-10, atol=1e-12)


def test_what_does_not_vary_has_no_correlation():
    same = tn.clv.spend_frequency_check({"frequency": [1, 2, 3], "monetary_value": [5.0] * 3})
    assert np.isnan([same.pearson, same.spearman, same.pearson_p]).all()
    assert "no variation" in repr(same)
    line = tn.clv.spend_frequency_check(
        {"frequency": [1, 2, 3, 4], "monetary_value": [1e200, 2e200, 3e200, 4e200]}
    )
    assert line.pearson == pytest.approx(1.0)
    assert line.pearson_p < 1e-6


def test_spend_that_rises_with_frequency_is_found():
    rng = np.random.default_rng(1)
    x = rng.geometric(0.3, 2000)
    free = tn.clv.spend_frequency_check({"frequency": x, "monetary_value": rng.gamma(4, 10, 2000)})
    tied = tn.clv.spend_frequency_check(
        {"frequency": x, "monetary_value": rng.gamma(4, 10, 2000) * x**0.3}
    )
    assert free.pearson_p > 0.01
    assert tied.spearman_limits[0] > 0.1


@pytest.mark.parametrize("df", [1.0, 2.0, 7.0, 944.0, 1e5])
def test_students_t_is_scipys(df):
    for t in (0.1, 0.9, 2.0, 7.5, 30.0):
        assert _student.two_sided_p(t, df) == pytest.approx(2 * scipy.stats.t.sf(t, df), rel=1e-11)
    for level in (0.5, 0.95, 0.999):
        expected = scipy.stats.t.ppf((1 + level) / 2, df)
        assert _student.two_sided_t(level, df) == pytest.approx(expected, rel=1e-10)


# --- inputs and pictures --------------------------------------------------------------------------


def spend(frequency, amount):
    return tn.clv.spend_frequency_check({"frequency": frequency, "monetary_value": amount})


BAD = [
    (lambda m, log, h: m.conditional_expectation_by_frequency(log), "must be a CalibrationHoldout"),
    (lambda m, log, h: m.conditional_expectation_by_frequency(h, by="age"), "by must be"),
    (lambda m, log, h: m.conditional_expectation_by_frequency(h, max_frequency=0), "max_frequency"),
    (lambda m, log, h: m.conditional_expectation_by_frequency(h, by="recency", bins=0), "bins"),
    (lambda m, log, h: m.conditional_expectation_by_frequency(h, level=95), "level must be"),
    (lambda m, log, h: m.frequency_recency_matrix(), "data is needed"),
    (lambda m, log, h: m.frequency_recency_matrix(h, -1), "horizon must be"),
    (lambda m, log, h: m.probability_alive_matrix(h, max_frequency=0), "max_frequency must be"),
    (lambda m, log, h: m.probability_alive_matrix(h, max_recency=-3), "max_recency must be"),
    (lambda m, log, h: m.probability_alive_matrix(h, max_recency=1e9), "cells is too large"),
    (lambda m, log, h: m.probability_alive_matrix(h, max_frequency=10**9), "1,000,000,001 x 40"),
    (lambda m, log, h: m.history_alive(log, "nobody"), "'nobody' is not in the log"),
    (lambda m, log, h: m.history_alive(h, 1), "must be an EventLog"),
    (lambda m, log, h: spend([1], [2.0]), "two are needed"),
    (lambda m, log, h: spend([1, 2.5], [1.0, 2.0]), r"frequency\[1\] must be"),
    (lambda m, log, h: spend([1, 2], [1.0, np.nan]), r"monetary_value\[1\] must be"),
    (lambda m, log, h: tn.clv.spend_frequency_check(h, -np.ones(2357)), r"weight\[0\] must be"),
    (lambda m, log, h: tn.clv.spend_frequency_check(h, level=0), "level must be"),
]


@pytest.mark.parametrize(("call", "says"), BAD, ids=[b[1] for b in BAD])
def test_bad_arguments_are_named(log, holdout, call, says):
    fitted = at(tn.clv.BGNBD, (0.2, 4.0, 0.8, 2.4), unit="week")
    with pytest.raises(tn.InvalidInputError, match=says):
        call(fitted, log, holdout)


def test_a_customer_without_orders_has_no_history():
    rows = {"customer": [1], "date": [dt.date(2024, 1, 1)]}
    people = pd.DataFrame({"customer": [1, 2]})
    small = tn.EventLog(rows, customer="customer", time="date", customers=people)
    model = at(tn.clv.BGNBD, (0.2, 4.0, 0.8, 2.4), unit="week")
    with pytest.raises(tn.InvalidInputError, match="2 has no order"):
        model.history_alive(small, 2)
    with pytest.raises(tn.InvalidInputError, match="unit of time"):
        at(tn.clv.BGNBD, (0.2, 4.0, 0.8, 2.4)).history_alive(small, 1)


def test_pictures_show_the_numbers(log, holdout):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    model = tn.clv.ParetoNBD().fit(holdout.calibration)
    contest = tn.clv.compare(holdout, [tn.clv.BGNBD(), tn.clv.ParetoNBD()])
    ax = contest.plot()
    assert_allclose(ax.lines[0].get_xdata(), -contest.difference)
    assert [t.get_text() for t in ax.get_yticklabels()] == list(contest.model)
    checked = tn.clv.calibration(model, holdout)
    heights = [bar.get_height() for bar in checked.plot().patches]
    assert_allclose(heights, checked.pit_density)
    assert_allclose(checked.plot_coverage().lines[1].get_ydata(), checked.observed)
    for by in ("frequency", "recency"):
        table = model.conditional_expectation_by_frequency(holdout, by=by)
        ax = table.plot()
        assert_allclose(ax.lines[0].get_ydata(), table.actual)
        assert_allclose(ax.lines[1].get_ydata(), table.expected)
    matrix = model.probability_alive_matrix(holdout)
    drawn = matrix.plot().collections[0].get_array()
    assert_allclose(np.ma.filled(drawn, np.nan), matrix.value)
    history = model.history_alive(log, 1)
    lines = history.plot().lines
    assert len(lines[1].get_xdata()) == int(history.ordered.sum())
    spend = tn.clv.spend_frequency_check(holdout)
    assert_allclose(spend.plot().lines[1].get_ydata(), spend.mean_spend)
    pyplot.close("all")
