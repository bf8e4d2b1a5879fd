"""What each customer of BG/BB will do, as a distribution: against all futures one by one."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from clv_models import at, cdnow_log
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import tenure as tn

PARAMETERS = (Fraction(6, 5), Fraction(3, 4), Fraction(2, 3), Fraction(14, 5))
USUAL = tuple(float(v) for v in PARAMETERS)
HISTORIES = [(0, 0, 0), (0, 0, 3), (1, 1, 4), (2, 3, 3), (2, 2, 5), (3, 3, 3)]
AHEAD = 6


@pytest.fixture(scope="module")
def model():
    return at(tn.clv.BGBB, USUAL)


def rows(*histories):
    x, t_x, n = np.array(histories, dtype=float).reshape(-1, 3).T
    return {"frequency": x, "recency": t_x, "T": n}


def rising(a, n):
    return math.prod((a + j for j in range(n)), start=Fraction(1))


def beta(a, b, i, j):
    """E[u^i (1 - u)^j], u ~ beta(a, b)."""
    return rising(a, i) * rising(b, j) / rising(a + b, i + j)


def chance(bought):
    """P(a customer buys at exactly these of so many opportunities): over the time of leaving."""
    alpha, b, gamma, delta = PARAMETERS
    n, x = len(bought), sum(bought)
    last = max((i + 1 for i, y in enumerate(bought) if y), default=0)
    stayed = beta(alpha, b, x, n - x) * beta(gamma, delta, 0, n)
    left = (beta(alpha, b, x, k - x) * beta(gamma, delta, 1, k) for k in range(last, n))
    return stayed + sum(left, start=Fraction(0))


def futures(x, t_x, n):
    """All that may follow a history, and its probability given that."""
    history = [i < x - 1 or i == t_x - 1 for i in range(n)]
    told = {f: chance([*history, *f]) for f in itertools.product((0, 1), repeat=AHEAD)}
    total = chance(history)
    assert sum(told.values()) == total
    return {f: p / total for f, p in told.items()}


@pytest.mark.parametrize("history", HISTORIES)
def test_counts_and_the_next_purchase_are_those_of_all_futures(model, history):
    all_of_them, data = futures(*history), rows(history)
    counts = [sum(p for f, p in all_of_them.items() if sum(f) == k) for k in range(AHEAD + 1)]
    given = model.probability_of_n_purchases_given(data, range(AHEAD + 1), AHEAD)[0]
    assert_allclose(given, [float(c) for c in counts], rtol=1e-13)
    scores = model.log_score(rows(*[history] * 7), np.arange(7), AHEAD)
    assert_allclose(scores, np.log([float(c) for c in counts]), rtol=1e-12)
    first = [sum(p for f, p in all_of_them.items() if any(f[: h + 1])) for h in range(AHEAD)]
    for h, share in enumerate(first):
        assert model.purchase_probability(data, h + 1)[0] == pytest.approx(float(share), rel=1e-13)
    below = np.cumsum([float(c) for c in counts])
    for level in (0.2, 0.8, 0.95):
        forecast = model.predictive_interval(data, AHEAD, level=level)
        ends = [(1 - level) / 2, 0.5, (1 + level) / 2]
        wanted = [int(np.searchsorted(below, end)) for end in ends]
        assert [forecast.lower[0], forecast.median[0], forecast.upper[0]] == wanted
    for quantile in (0.05, 0.3, 0.6):
        time = model.next_purchase(data, quantiles=(quantile,)).time[0, 0]
        reached = [h + 1 for h, share in enumerate(first) if share >= quantile]
        assert time == reached[0] if reached else time > AHEAD


@settings(max_examples=60)
@given(
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(0, 30),
    st.floats(0.02, 0.98),
    st.tuples(*[st.floats(0.2, 5.0)] * 4),
)
def test_silence_lapses_where_the_probability_says(x, between, silent, threshold, parameters):
    model = at(tn.clv.BGBB, parameters)
    t_x = x + between if x else 0
    data = rows((x, t_x, t_x + silent))
    soon = model.next_purchase(data, quantiles=(0.2,), lapse=threshold)
    lapse = soon.lapse[0]
    if not np.isfinite(lapse):
        return
    silences = {k: rows((x, t_x, t_x + silent + k)) for k in (lapse - 1, lapse)}
    at_last = model.probability_alive(silences[lapse])[0]
    assert at_last <= threshold + 1e-12
    if lapse > 0:
        assert model.probability_alive(silences[lapse - 1])[0] > threshold - 1e-12
    if np.isfinite(soon.time[0, 0]):
        assert model.purchase_probability(data, soon.time[0, 0])[0] >= 0.2 - 1e-12
        assert model.purchase_probability(data, soon.time[0, 0] - 1)[0] < 0.2 + 1e-12


def test_what_never_comes_is_infinite(model):
    assert np.isinf(model.next_purchase(rows((0, 0, 40)), quantiles=(0.9,)).time).all()
    loyal = at(tn.clv.BGBB, (1e-9, 1.0, 1e-9, 1.0))
    assert np.isinf(loyal.next_purchase(rows((0, 0, 3)), lapse=0.5).lapse).all()
    soon = model.next_purchase(rows((1, 1, 2)))
    with pytest.raises(tn.InvalidInputError, match="dates need"):
        _ = soon.date


def test_small_chances_keep_their_digits():
    """Somebody who hardly ever buys: 1 - P(none) would have no digit left."""
    model = at(tn.clv.BGBB, (1e-20, 2.0, 1.0, 3.0))
    got = model.purchase_probability(rows((0, 0, 0)), 3)[0]
    # To first order alpha/(alpha + beta) at each opportunity that one sees.
    stays = [3 / 4, 3 / 4 * 4 / 5, 3 / 4 * 4 / 5 * 5 / 6]
    silent = [1, 1, 1]
    expected = sum(
        1e-20 / (2 + j) * s * q for j, (s, q) in enumerate(zip(stays, silent, strict=True))
    )
    # (beta)_j / (alpha + beta)_j is 1 where alpha is nothing.
    assert got == pytest.approx(expected, rel=1e-12)


def test_intervals_of_a_fitted_model_cover_the_donors_of_the_paper():
    donations = tn.datasets.load_donations()
    model = tn.clv.BGBB().fit(donations)
    table = model.purchase_probability(donations, 5, interval=0.95)
    assert np.all((table.lower < table.value) & (table.value < table.upper) & (table.upper <= 1))
    given = model.probability_of_n_purchases_given(donations, 0, 5)
    assert_allclose(table.value, 1 - given, rtol=1e-12)
    forecast = model.predictive_interval(donations, 5, level=0.9)
    assert_allclose(forecast.mean, model.expected_purchases(donations, 5))
    assert "within 5, 90 % predictive interval" in repr(forecast)


def test_lifetime_value_in_opportunities(tmp_path):
    groups = tn.datasets.load_donations().to_pandas()
    donations = groups.loc[groups.index.repeat(groups.pop("weight").astype(int))]
    rng = np.random.default_rng(1)
    x = np.maximum(donations["frequency"], 1)
    spent = rng.gamma(6.0 * x, 1.0 / rng.gamma(3.75, 1.0 / 15.0, len(x))) / x
    donations["monetary_value"] = np.where(donations["frequency"] > 0, spent, np.nan)
    model = tn.clv.CLV(tn.clv.BGBB(), tn.clv.GammaGamma()).fit(donations)
    told = {"horizon": 5, "discount_rate": 0.1, "discount_period": "opportunity"}
    table = model.predict(donations, **told, margin=0.5, interval=0.9)
    purchases = model.transactions_.discounted_expected_purchases(donations, 5, 0.1)
    spend = model.spend_.expected_spend(donations)
    assert_allclose(table.clv, 0.5 * purchases * spend, rtol=1e-12)
    assert_allclose(table.expected_purchases, model.transactions_.expected_purchases(donations, 5))
    assert np.all((table.lower < table.clv) & (table.clv < table.upper))
    assert "over 5, discounted at 10 % an opportunity" in repr(table)
    for_ever = model.predict(donations, **{**told, "horizon": math.inf})
    assert np.all(for_ever.clv > 2 * table.clv)
    assert np.isinf(for_ever.expected_purchases).all()
    for wrong in ({"discount_period": "year"}, {"horizon": "1y"}, {"horizon": 1.5}):
        with pytest.raises(tn.InvalidInputError) as caught:
            model.predict(donations, **{**told, **wrong})
        assert caught.value.argument == next(iter(wrong))
    model.save(tmp_path / "clv.tenure")
    again = tn.load(tmp_path / "clv.tenure").predict(donations, **told)
    assert again.clv.tolist() == model.predict(donations, **told).clv.tolist()


@pytest.mark.parametrize("acquired_until", [None, "1997-03-31"])
def test_tracking_adds_up_periods_with_orders(model, acquired_until):
    log = cdnow_log()
    track = model.tracking(log, "month", acquired_until=acquired_until, end="1998-06-15")
    orders = tn.datasets.load_cdnow(sample=True).to_pandas()
    month = pd.PeriodIndex(pd.to_datetime(orders["date"]), freq="M").astype("int64")
    table = orders.assign(month=month - month.min())
    first = table.groupby("sample_id")["month"].min()
    if acquired_until:
        first = first[first < 3]
        table = table[table["sample_id"].isin(first.index)]
    pairs = table.drop_duplicates(["sample_id", "month"])
    later = pairs[pairs["month"] > pairs["sample_id"].map(first)]
    assert track.time.tolist() == list(range(1, 17))  # June 1998 was not seen in full
    assert track.actual.tolist() == [int((later["month"] <= k).sum()) for k in range(1, 17)]
    for k in (1, 7, 16):
        expected = sum(
            n * model.expected_purchases_new(max(k - start, 0))
            for start, n in first.value_counts().items()
        )
        assert track.expected[k - 1] == pytest.approx(expected, rel=1e-12)


def test_opportunities_bring_what_was_spent_at_them():
    log = cdnow_log()
    months = tn.clv.opportunities(log, "month", end="1998-06-15")
    orders = tn.datasets.load_cdnow(sample=True).to_pandas()
    month = pd.PeriodIndex(pd.to_datetime(orders["date"]), freq="M").astype("int64")
    spent = orders.assign(month=month).groupby(["sample_id", "month"])["amount"].sum().reset_index()
    later = spent[spent["month"] > spent.groupby("sample_id")["month"].transform("min")]
    later = later[later["month"] < month.max()]
    mean = later.groupby("sample_id")["amount"].mean().reindex(months.customer)
    assert_allclose(months.monetary_value, mean.to_numpy(), rtol=1e-12)
    value = tn.clv.CLV(tn.clv.BGBB(), tn.clv.GammaGamma()).fit(months)
    assert value.transactions_.converged_


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda m, d: m.log_score(d, [1, 2], 3), "purchases"),
        (lambda m, d: m.log_score(d, [0.5], 3), "n"),
        (lambda m, d: m.log_score(d, [math.nan], 3), "n"),
        (lambda m, d: m.purchase_probability(d, -1), "horizon"),
        (lambda m, d: m.purchase_probability(d, 0.5), "horizon"),
        (lambda m, d: m.purchase_probability(d, 1, interval=1.0), "interval"),
        (lambda m, d: m.predictive_interval(d, math.inf), "horizon"),
        (lambda m, d: m.predictive_interval(d, 1, level=0.0), "level"),
        (lambda m, d: m.next_purchase(d, quantiles=()), "quantiles"),
        (lambda m, d: m.next_purchase(d, quantiles=(0.5, 0.2)), "quantiles"),
        (lambda m, d: m.next_purchase(d, lapse=1.0), "lapse"),
        (lambda m, d: m.next_purchase({**d, "recency": np.array([9.0])}), "recency"),
    ],
)
def test_what_has_no_answer_is_refused_by_name(model, call, argument):
    with pytest.raises(tn.InvalidInputError) as caught:
        call(model, rows((1, 2, 3)))
    assert caught.value.argument == argument
