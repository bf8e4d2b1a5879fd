"""Stages: the rules read by brute force on CDNOW and random logs, published shares, refusals."""

from __future__ import annotations

import datetime as dt
import math
import pickle
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from stage_oracle import calibration_of, facts_of, rules, stages_by_hand

import tenure as tn
from tenure.lifecycle import Stages

# Stage, the two coarser models: the table of the definitions.
COARSER = {
    "visitor": ("acquiring", "reach"),
    "lead": ("acquiring", "acquisition"),
    "reactivated": ("reactivating", "retention"),
    "new": ("retaining", "conversion"),
    "champion": ("cherishing", "loyalty"),
    "loyal": ("cherishing", "loyalty"),
    "recent": ("retaining", "retention"),
    "potential loyalist": ("increasing value", "development"),
    "promising": ("increasing value", "development"),
    "can't lose": ("reactivating", "retention"),
    "at risk": ("reactivating", "lapsed"),
    "one-time lapsed": ("reactivating", "lapsed"),
    "lost": ("reactivating", "lapsed"),
}


def log_of(rows, timezone="UTC", **settings):
    customer, time, amount = zip(*rows, strict=True)
    frame = pd.DataFrame({"customer": customer, "time": pd.to_datetime(time, utc=True)})
    frame["amount"] = np.array(amount, dtype=float)
    return tn.EventLog(
        frame, customer="customer", time="time", amount="amount", timezone=timezone, **settings
    )


def assert_calibrated(calibration, expected):
    new, a, lapsed, cuts_f, cuts_m = expected
    assert calibration.new_days == new
    assert_allclose(calibration.active_days, a, rtol=1e-15)
    assert_allclose(calibration.lapsed_days, lapsed, rtol=1e-15)
    assert_allclose(calibration.frequency_cuts, cuts_f, rtol=1e-15)
    assert_allclose(calibration.value_cuts, cuts_m, rtol=1e-15)


# --- CDNOW ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cdnow():
    return tn.EventLog(
        tn.datasets.load_cdnow(), customer="customer_id", time="date", amount="amount"
    )


@pytest.fixture(scope="module")
def year_end(cdnow):
    return Stages().assign(cdnow, at="1997-12-31")


def test_published_shares_of_cdnow(cdnow, year_end):
    c = year_end.calibration
    assert (c.new_days, c.active_days, c.lapsed_days) == (30, 98, 214)
    o = year_end.outcomes(cdnow, "180d")
    at = [
        o.stage.index(s) for s in ("recent", "promising", "potential loyalist", "loyal", "champion")
    ]
    assert o.customers[at].tolist() == [1162, 135, 384, 1097, 1216]
    assert o.loss_risk[at].round(3).tolist() == [0.590, 0.452, 0.401, 0.361, 0.189]
    assert round(100 * o.revenue_share[at[-1]], 1) == 41.7
    assert round(100 * o.past_share[at[-1]], 1) == 29.9


@pytest.mark.parametrize("at", ["1997-06-30", "1997-12-31", "1998-06-30"])
def test_equals_the_rules_read_by_hand_on_cdnow(cdnow, at):
    frame = tn.datasets.load_cdnow().to_pandas()
    days = pd.to_datetime(frame.date).map(pd.Timestamp.toordinal)
    rows = list(zip(frame.customer_id, days, frame.amount, strict=True))
    last_day = dt.date.fromisoformat(at).toordinal()
    by_customer = {}
    for customer, day, amount in rows:
        if day <= last_day:
            by_customer.setdefault(customer, {}).setdefault(day, []).append(amount)
    facts = {c: facts_of(d, last_day, 365) for c, d in by_customer.items()}
    calibration = calibration_of(facts.values())
    table = Stages().assign(cdnow, at=at)
    assert_calibrated(table.calibration, calibration)
    expected = [
        next(s for s, holds in rules(facts[c], calibration, False) if holds) for c in sorted(facts)
    ]
    assert table.customer.tolist() == sorted(facts)
    assert table.stage.tolist() == expected


# --- random logs ----------------------------------------------------------------------------------

START = dt.datetime(2023, 1, 1, 12, tzinfo=dt.UTC)
rows = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.integers(0, 600 * 24 * 4).map(lambda q: START + dt.timedelta(minutes=15 * q)),
        st.integers(-8, 60).map(lambda q: q / 4),
    ),
    min_size=1,
    max_size=80,
)
zones = st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])


@settings(max_examples=150)
@given(rows, zones, st.integers(0, 620 * 24), st.sampled_from([1, 3, 100]), st.integers(1, 400))
def test_equals_the_rules_read_by_hand(rows, zone, hours, min_repeaters, window):
    at = min(START + dt.timedelta(hours=hours), max(t for _, t, _ in rows))
    table = Stages(min_repeaters=min_repeaters, window_days=window).assign(
        log_of(rows, zone), at=at
    )
    stage, calibration = stages_by_hand(
        rows, at, ZoneInfo(zone), window=window, min_repeaters=min_repeaters
    )
    assert_calibrated(table.calibration, calibration)
    assert dict(zip(table.customer.tolist(), table.stage.tolist(), strict=True)) == stage


@given(rows)
def test_labels_are_exclusive_and_exhaustive_and_keep_their_facts(rows):
    table = Stages(min_repeaters=1).assign(log_of(rows))
    assert len(table) == len({c for c, _, _ in rows})
    for stage, four, classic in zip(table.stage, table.four_stage, table.classic, strict=True):
        assert COARSER[stage] == (four, classic)
    sizes = table.sizes()
    assert sizes.stage == tuple(COARSER)
    assert sizes.customers.sum() == len(table)
    assert_allclose(sizes.net_value.sum(), sum(a for _, _, a in rows), atol=1e-9)
    silent = table.n_orders == 0
    assert_array_equal(np.isnan(table.days_since_last), silent)
    assert_array_equal(np.isnan(table.mean_gap), table.n_orders < 2)
    assert_array_equal(silent, np.isin(table.stage, ["visitor", "lead"]))


@given(rows, st.randoms(use_true_random=False))
def test_row_order_does_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    a, b = (
        Stages(min_repeaters=2).assign(log_of(rows)),
        Stages(min_repeaters=2).assign(log_of(shuffled)),
    )
    assert a.to_pandas().equals(b.to_pandas())


def test_same_bits_for_every_thread_count(cdnow):
    tables = [Stages().assign(cdnow, at="1998-03-31", n_threads=n) for n in (1, 2, 3, 7)]
    for other in tables[1:]:
        assert other.to_arrow().to_pandas().equals(tables[0].to_arrow().to_pandas())
        assert other.calibration == tables[0].calibration


# --- outcomes -------------------------------------------------------------------------------------


@given(rows, zones, st.integers(30, 200))
def test_outcomes_equal_a_count_by_hand(rows, zone, horizon):
    at = START + dt.timedelta(days=250, hours=5)
    end = at + dt.timedelta(days=horizon)
    last = START + dt.timedelta(days=700)
    log = log_of([*rows, (99, START, 1.0)], zone, observed_until=last)
    table = Stages(min_repeaters=2).assign(log, at=at)
    o = table.outcomes(log, horizon, winsorise=0.9)
    for j, stage in enumerate(o.stage):
        members = set(table.customer[table.stage == stage].tolist())
        spent = dict.fromkeys(members, 0.0)
        ordered = set()
        for c, t, amount in rows:
            if c in members and at <= t < end:
                spent[c] += amount
                if amount >= 0:
                    ordered.add(c)
        assert o.customers[j] == len(members)
        assert o.lost[j] == len(members - ordered)
        if not members:
            assert np.isnan([o.loss_risk[j], o.mean[j], o.median[j], o.winsorised_mean[j]]).all()
            continue
        values = np.array([spent[c] for c in sorted(members)])
        assert_allclose(o.mean[j], values.mean(), atol=1e-12)
        assert_allclose(o.median[j], np.median(values), atol=1e-12)
        low, high = np.quantile(values, [0.1, 0.9])
        assert_allclose(o.winsorised_mean[j], values.clip(low, high).mean(), atol=1e-12)
        wilson = scipy.stats.binomtest(int(o.lost[j]), len(members)).proportion_ci(method="wilson")
        assert_allclose([o.loss_lower[j], o.loss_upper[j]], wilson, atol=1e-12)
        if len(members) > 1:
            half = scipy.stats.norm.ppf(0.975) * values.std(ddof=1) / math.sqrt(len(members))
            limits = [values.mean() - half, values.mean() + half]
            assert_allclose([o.mean_lower[j], o.mean_upper[j]], limits, atol=1e-12)


def test_outcomes_find_customers_by_id_in_the_later_part_of_a_split(cdnow, year_end):
    history, future = cdnow.split("1997-12-31")
    split = Stages().assign(history).outcomes(future, "180d")
    whole = year_end.outcomes(cdnow, "180d")
    assert split.to_pandas().equals(whole.to_pandas())


def test_whole_days_end_at_midnight_when_clocks_change():
    # New York, 2024-03-10: a day of 23 hours. Ten days from 1 March end with 10 March.
    zone = ZoneInfo("America/New_York")
    noon = lambda month, day: dt.datetime(2024, month, day, 12, tzinfo=zone)  # noqa: E731
    rows = [(1, noon(1, 1), 1.0), (2, noon(1, 1), 1.0), (1, noon(3, 10), 1.0)]
    rows.append((2, dt.datetime(2024, 3, 11, 0, 30, tzinfo=zone), 1.0))
    log = log_of(rows, "America/New_York")
    o = Stages(new_days=5).assign(log, at="2024-02-29").outcomes(log, "10d")
    j = o.stage.index("recent")
    assert (o.customers[j], o.lost[j]) == (2, 1)
    assert o.until == dt.datetime(2024, 3, 11, tzinfo=zone)


# --- customers without an order -------------------------------------------------------------------


def test_customers_without_an_order():
    frame = pd.DataFrame(
        {
            "customer": ["ann", "bob", "cid", "dan"],
            "time": [dt.date(2024, 1, d) for d in (1, 2, 3, 20)],
            "event": ["order", "view", "view", "order"],
        }
    )
    names = {"customer": "customer", "time": "time", "event": "event", "orders": ["order"]}
    log = tn.EventLog(frame, **names, observed_until="2024-01-31")
    table = Stages().assign(log, at="2024-01-10")
    assert table.customer.to_pylist() == ["ann", "bob", "cid"]  # dan was not seen yet
    assert table.stage.tolist() == ["new", "visitor", "visitor"]
    known = pd.DataFrame({"customer": ["bob", "eve", "ann"]})
    with_table = tn.EventLog(frame, **names, customers=known, observed_until="2024-01-31")
    table = Stages().assign(with_table, at="2024-01-10")
    assert table.customer.to_pylist() == ["ann", "bob", "cid", "eve"]
    assert table.stage.tolist() == ["new", "lead", "visitor", "lead"]
    assert table.rule.tolist()[1:3] == ["n = 0, identified", "n = 0, no contact key"]
    o = Stages(new_days=3).assign(with_table, at="2024-01-10").outcomes(with_table, 5)
    assert "lead" not in o.stage
    assert o.customers.sum() == 2


def test_an_empty_log_gives_an_empty_table():
    frame = {"customer": np.array([], dtype=np.int64), "time": np.array([], dtype="datetime64[us]")}
    log = tn.EventLog(frame, customer="customer", time="time", observed_until="2024-01-01")
    table = Stages().assign(log)
    assert len(table) == 0
    assert table.calibration.fallback
    assert table.sizes().customers.sum() == 0
    assert table.to_pandas().shape == (0, 12)


# --- calibration, settings, refusals --------------------------------------------------------------


def test_a_calibration_labels_another_date(cdnow, year_end):
    settings = year_end.calibration.settings()
    same = Stages(**settings).assign(cdnow, at="1997-12-31")
    assert_array_equal(same.stage, year_end.stage)
    later = Stages(**settings).assign(cdnow, at="1998-03-31")
    assert later.calibration.settings() == settings
    own = Stages().assign(cdnow, at="1998-03-31")
    assert own.calibration.active_days != settings["active_days"]


def test_saves_and_pickles(tmp_path):
    stages = Stages(new_days=14, frequency_cuts=(2, 6))
    stages.save(tmp_path / "stages.tenure")
    for copy in (tn.load(tmp_path / "stages.tenure"), pickle.loads(pickle.dumps(stages))):
        assert copy.get_params() == stages.get_params()


@pytest.mark.parametrize(
    ("settings", "argument"),
    [
        ({"preset": "rfm?"}, "preset"),
        ({"new_days": 0}, "new_days"),
        ({"new_days": math.nan}, "new_days"),
        ({"active_days": 30}, "active_days"),
        ({"active_days": -1}, "active_days"),
        ({"lapsed_days": 31, "active_days": 31}, "lapsed_days"),
        ({"lapsed_days": "x"}, "lapsed_days"),
        ({"frequency_cuts": (3, 2)}, "frequency_cuts"),
        ({"frequency_cuts": (3,)}, "frequency_cuts"),
        ({"frequency_cuts": "ab"}, "frequency_cuts"),
        ({"value_cuts": 5}, "value_cuts"),
        ({"value_cuts": (1, 3, 2)}, "value_cuts"),
        ({"value_cuts": (1, math.inf, 2)}, "value_cuts"),
        ({"window_days": 0}, "window_days"),
        ({"min_repeaters": -1}, "min_repeaters"),
    ],
)
def test_refuses_settings_out_of_range(settings, argument):
    log = log_of([(1, START, 1.0)])
    with pytest.raises(tn.InvalidInputError) as error:
        Stages(**settings).assign(log)
    assert error.value.argument == argument


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"horizon": 29}, "horizon"),
        ({"horizon": "200d"}, "horizon"),
        ({"horizon": -1}, "horizon"),
        ({"horizon": "soon"}, "horizon"),
        ({"horizon": 60, "level": 0}, "level"),
        ({"horizon": 60, "winsorise": 0.4}, "winsorise"),
        ({"horizon": 60, "n_threads": 0}, "n_threads"),
    ],
)
def test_outcomes_refuse_what_the_log_cannot_answer(cdnow, year_end, arguments, argument):
    with pytest.raises(tn.InvalidInputError) as error:
        year_end.outcomes(cdnow, **arguments)
    assert error.value.argument == argument


def test_refuses_a_date_behind_the_log(cdnow):
    with pytest.raises(tn.InvalidInputError) as error:
        Stages().assign(cdnow, at="1999-01-01")
    assert error.value.argument == "at"
    history, _ = cdnow.split("1997-12-31")
    with pytest.raises(tn.InvalidInputError, match="covers"):
        Stages().assign(history).outcomes(history, 60)
