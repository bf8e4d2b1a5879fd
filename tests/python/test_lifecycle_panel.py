"""Panels: every date equals the rules read by hand; hysteresis, clocks, presets, own rules."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from stage_oracle import calibration_of, facts_of, rules

import tenure as tn
from tenure.lifecycle import StagePanel, StageRule, Stages, preset_rules

DATES = [dt.date(1997, 2, 15) + dt.timedelta(days=45 * i) for i in range(11)]


@pytest.fixture(scope="module")
def cdnow():
    frame = tn.datasets.load_cdnow(sample=True)
    return tn.EventLog(frame, customer="customer_id", time="date", amount="amount")


@pytest.fixture(scope="module")
def panel(cdnow):
    return Stages().assign(cdnow, at=DATES)


@pytest.fixture(scope="module")
def base():
    """A simulated base with refunds, three years long."""
    return tn.datasets.simulate(
        600, start="2022-01-01", end="2024-12-31", refunds=0.08, random_state=4
    )


def by_hand(frame, customer, time, dates, window=365):
    """{customer: stage} for each date, read from the definitions; times are whole days."""
    days = pd.to_datetime(frame[time], utc=True).map(pd.Timestamp.toordinal)
    rows = list(zip(frame[customer], days, frame.amount, strict=True))
    for date in dates:
        last = date.toordinal()
        seen = {}
        for who, day, amount in rows:
            if day <= last:
                seen.setdefault(who, {}).setdefault(day, []).append(amount)
        facts = {c: facts_of(d, last, window) for c, d in seen.items()}
        calibration = calibration_of(facts.values())
        yield {
            c: next(s for s, holds in rules(f, calibration, False) if holds)
            for c, f in facts.items()
        }


def stages_at(panel, k):
    known = panel.codes[k] >= 0
    names = np.array(panel.stages)[panel.codes[k][known]]
    return dict(zip(np.asarray(panel.customer)[known].tolist(), names.tolist(), strict=True))


# --- labels ---------------------------------------------------------------------------------------


def test_equals_the_rules_read_by_hand_at_every_date_of_cdnow(panel):
    frame = tn.datasets.load_cdnow(sample=True).to_pandas()
    for k, expected in enumerate(by_hand(frame, "customer_id", "date", DATES)):
        assert stages_at(panel, k) == expected


def test_equals_the_rules_read_by_hand_at_every_date_of_the_simulator(base):
    frame = base.events.to_pandas()
    frame = frame[frame.event.isin(["order", "refund"])]
    log = tn.EventLog(frame, customer="customer", time="time", amount="amount")
    dates = [dt.date(2022, 6, 30) + dt.timedelta(days=91 * i) for i in range(9)]
    panel = Stages().assign(log, at=dates)
    for k, expected in enumerate(by_hand(frame, "customer", "time", dates)):
        assert stages_at(panel, k) == expected


START = dt.datetime(2023, 1, 1, 12, tzinfo=dt.UTC)
events = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.integers(0, 300 * 24 * 4).map(lambda q: START + dt.timedelta(minutes=15 * q)),
        st.integers(-8, 60).map(lambda q: q / 4),
    ),
    min_size=1,
    max_size=60,
)
hours = st.lists(st.integers(0, 320 * 24), min_size=1, max_size=5, unique=True).map(sorted)


def log_of(rows, zone="UTC", **settings):
    customer, time, amount = zip(*rows, strict=True)
    frame = pd.DataFrame({"customer": customer, "time": pd.to_datetime(time, utc=True)})
    frame["amount"] = np.array(amount, dtype=float)
    return tn.EventLog(
        frame, customer="customer", time="time", amount="amount", timezone=zone, **settings
    )


@settings(max_examples=60)
@given(
    events,
    st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]),
    hours,
    st.sampled_from([1, 100]),
    st.integers(1, 200),
)
def test_each_date_of_a_panel_is_the_single_date(rows, zone, hours, repeaters, window):
    log = log_of(rows, zone, observed_until=START + dt.timedelta(days=400))
    dates = [START + dt.timedelta(hours=h) for h in hours]
    stages = Stages(min_repeaters=repeaters, window_days=window)
    panel = stages.assign(log, at=dates)
    for k, date in enumerate(dates):
        table = stages.assign(log, at=date)
        assert panel.calibrations[k] == table.calibration or np.isnan(table.calibration.mean_gap)
        assert stages_at(panel, k) == dict(zip(table.customer, table.stage, strict=True))
        known = panel.rule_codes[k] >= 0
        assert [panel.rules[i] for i in panel.rule_codes[k][known]] == table.rule.tolist()


def test_same_bits_for_every_thread_count(cdnow, panel):
    for threads in (2, 5):
        other = Stages().assign(cdnow, at=DATES, n_threads=threads)
        assert_array_equal(other.codes, panel.codes)
        assert other.calibrations == panel.calibrations


def test_the_tidy_table_has_a_row_for_each_known_customer_and_date(panel):
    frame = panel.to_pandas()
    assert len(frame) == len(panel) == (panel.codes >= 0).sum()
    assert frame.columns.tolist() == ["at", "customer", "stage", "rule"]
    sizes = frame.groupby(["at", "stage"], observed=False).size().unstack()
    assert_array_equal(sizes[list(panel.stages)], panel.sizes().customers)
    assert "2,357 customers at 11 dates" in repr(panel)


def test_one_calibration_for_all_dates(cdnow, panel):
    for which, place in (("first", 0), ("last", -1)):
        fixed = Stages(calibrate=which).assign(cdnow, at=DATES)
        assert set(fixed.calibrations) == {panel.calibrations[place]}
        assert_array_equal(fixed.codes[place], panel.codes[place])
        same = Stages(**panel.calibrations[place].settings()).assign(cdnow, at=DATES)
        assert_array_equal(fixed.codes, same.codes)


def test_revenue_of_periods_adds_up(cdnow, panel):
    revenue = panel.revenue(cdnow)
    frame = tn.datasets.load_cdnow(sample=True).to_pandas()
    days = pd.to_datetime(frame.date)
    for k, (a, b) in enumerate(itertools.pairwise(DATES)):
        inside = (days > pd.Timestamp(a)) & (days <= pd.Timestamp(b))
        spent = frame[inside].groupby("customer_id").amount.sum()
        expected = spent.reindex(np.asarray(panel.customer), fill_value=0.0)
        np.testing.assert_allclose(revenue[k], expected, atol=1e-9)


# --- hysteresis -----------------------------------------------------------------------------------


def settled(raw, ranks, h):
    """One customer's stages, by the definition."""
    shown, worse, out = None, 0, []
    for code in raw:
        if code < 0 or shown is None or ranks[code] >= ranks[shown]:
            worse = 0
            shown = code if code >= 0 else None
        else:
            worse += 1
            if worse == h:
                shown, worse = code, 0
        out.append(-1 if shown is None else shown)
    return out


@pytest.mark.parametrize("h", [2, 3, 6])
def test_hysteresis_holds_on_to_better_stages(cdnow, panel, h):
    slow = Stages(hysteresis=h).assign(cdnow, at=DATES)
    expected = np.array([settled(raw, panel.ranks, h) for raw in panel.codes.T]).T
    assert_array_equal(slow.codes, expected)
    assert_array_equal(slow.rule_codes, panel.rule_codes)
    assert (slow.codes != panel.codes).any()


# --- rules ----------------------------------------------------------------------------------------


def test_the_preset_in_the_form_of_ones_own_rules_gives_the_same_labels(cdnow, panel):
    own = Stages(rules=preset_rules("seed"))
    again = own.assign(cdnow, at=DATES)
    assert_array_equal(again.codes, panel.codes)
    assert_array_equal(again.rule_codes, panel.rule_codes)
    single = own.assign(cdnow, at=DATES[5])
    assert_array_equal(single.stage, Stages().assign(cdnow, at=DATES[5]).stage)


def test_own_rules_are_what_numpy_says(cdnow):
    mine = [
        StageRule("big", "value / n > 40 or (n - 1) * 2 >= 6", 3),
        StageRule("fresh", "not r >= 100 and 5 < r <= N + 20 and mean_gap != 30", 2),
        StageRule("new", "n == 1 and -r > -L * 1.5", 2),
        StageRule("rest", "True", 0),
    ]
    table = Stages(rules=mine).assign(cdnow, at="1997-12-31")
    n, r, value, gap = table.n_orders, table.days_since_last, table.net_value, table.mean_gap
    cut = table.calibration
    expected = np.select(
        [
            (value / n > 40) | ((n - 1) * 2 >= 6),
            (r < 100) & (r > 5) & (r <= cut.new_days + 20) & (gap != 30),
            (n == 1) & (r < cut.lapsed_days * 1.5),
        ],
        ["big", "fresh", "new"],
        "rest",
    )
    assert_array_equal(table.stage, expected)
    assert set(table.rule) <= {rule.when for rule in mine}
    assert len(set(expected)) == 4


def test_a_customer_whom_no_rule_takes_is_named(cdnow):
    with pytest.raises(tn.InvalidInputError, match="no rule takes customer") as error:
        Stages(rules=[("early", "r <= 100")]).assign(cdnow)
    assert error.value.argument == "rules"
    row = error.value.row
    days = Stages().assign(cdnow).days_since_last
    assert days[row] > 100
    assert (days[:row] <= 100).all()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("n > 1", "must be a list"),
        ([], "between 1 and 250"),
        ([("a",)], r"rules\[0\] must be"),
        ([("a", "True", 1.5)], r"rules\[0\] must be"),
        ([("", "True")], r"rules\[0\] must be"),
        ([("a", "True", 1), ("a", "n > 1", 2)], r"rules\[1\].*same rank"),
        ([("a", "n >")], "must be an expression"),
        ([("a", "")], "must be an expression"),
        ([("a", "orders > 2")], "'orders', which is no fact"),
        ([("a", "n > 2"), ("b", "__import__('os')")], r"rules\[1\].*may hold facts"),
        ([("a", "n in (1, 2)")], "compares by something else"),
        ([("a", "n ** 2 > 3")], "may hold facts"),
        ([("a", "'x' == n")], "may hold facts"),
        ([("a", "r <= 1" + "0" * 400)], "too large"),
        ([("a", "-" * 5000 + "n > 0")], "nested|expression"),
        ([("a", "days_to_end > 3")], "column contract_end"),
    ],
)
def test_refuses_rules_that_are_none(cdnow, given, says):
    with pytest.raises(tn.InvalidInputError, match=says) as error:
        Stages(rules=given).assign(cdnow)
    assert error.value.argument == "rules"


def test_a_check_finds_gaps_and_idle_rules(panel):
    calibration = panel.calibrations[-1]
    found = Stages().check(calibration)
    assert found.exhaustive
    assert found.complete
    assert found.unreachable == ()
    gap = [("none", "n == 0"), ("one", "n == 1"), ("active", "r < 60"), ("late", "r > 60")]
    found = Stages(rules=gap).check(calibration)
    assert not found.exhaustive
    assert found.counterexample == {"n": 2.0, "r": 60.0}
    idle = [("few", "n <= 2"), ("one", "n == 1"), ("rest", "True"), ("never", "n > 5")]
    found = Stages(rules=idle).check(calibration)
    assert found.exhaustive
    assert found.unreachable == (1, 3)
    two_facts = [("fast", "n >= 2 and last_gap < mean_gap"), ("rest", "True")]
    assert not Stages(rules=two_facts).check(calibration).complete


def test_saves_rules(tmp_path):
    stages = Stages(rules=preset_rules("seed"), clock="own", hysteresis=2)
    stages.save(tmp_path / "stages.tenure")
    for copy in (tn.load(tmp_path / "stages.tenure"), pickle.loads(pickle.dumps(stages))):
        assert [tuple(rule) for rule in copy.rules] == [tuple(r) for r in stages.rules]
        assert (copy.clock, copy.hysteresis) == ("own", 2)


# --- presets and clocks ---------------------------------------------------------------------------


def test_the_rfm_preset_is_the_grid_of_segments(cdnow):
    dates = DATES[3::3]
    panel = Stages("rfm").assign(cdnow, at=dates)
    for k, date in enumerate(dates):
        expected = tn.segment.rfm(cdnow, at=date)
        names = stages_at(panel, k)
        assert names == dict(zip(expected.customer.tolist(), expected.segment, strict=True))


def test_the_own_clock_goes_by_the_customers_gaps(cdnow):
    table = Stages(clock="own", prior_gaps=3).assign(cdnow, at="1997-12-31")
    plain = Stages().assign(cdnow, at="1997-12-31")
    cut = table.calibration
    n, r = plain.n_orders, plain.days_since_last
    gaps = np.where(n > 1, np.nan_to_num(plain.mean_gap) * (n - 1), 0.0)
    own = (3 * cut.mean_gap + gaps) / (3 + n - 1)
    active = np.maximum(cut.active_days * own / cut.mean_gap, cut.new_days + 1)
    lapsed = np.maximum(cut.lapsed_days * own / cut.mean_gap, active + 1)
    lost = ~((n == 1) & (r <= 30)) & (r > lapsed)
    lost &= ~((n >= 2) & (r <= 30) & (np.nan_to_num(plain.last_gap) > lapsed))
    assert_array_equal(table.stage == "lost", lost)
    late = (r > active) & (r <= lapsed)
    assert_array_equal(np.isin(table.stage, ["at risk", "can't lose", "one-time lapsed"]), late)
    assert (table.stage != plain.stage).any()
    assert_array_equal(table.stage[n == 1], plain.stage[n == 1])


def test_the_clock_of_p_alive(cdnow):
    model = tn.clv.MBGNBD().fit(cdnow.summary("week", end="1997-09-30"))
    panel = Stages(clock="alive").assign(cdnow, at=["1997-09-30", "1997-12-31"], alive=model)
    for k, end in enumerate(("1997-09-30", "1997-12-31")):
        alive = model.probability_alive(cdnow.summary("week", end=end))
        stage = np.array(panel.stages)[panel.codes[k]]
        fresh = np.isin(stage, ["new", "reactivated"])
        assert_array_equal(stage == "lost", ~fresh & (alive < 0.3))
        late = np.isin(stage, ["at risk", "can't lose", "one-time lapsed"])
        assert_array_equal(late, ~fresh & (alive >= 0.3) & (alive < 0.7))
    same = Stages(clock="alive").assign(cdnow, at="1997-12-31", alive=alive)
    assert_array_equal(same.stage, stage)


def test_p_alive_is_checked(cdnow):
    alive = np.full(cdnow.n_customers, 0.5)
    alive[7] = 1.5
    with pytest.raises(tn.InvalidInputError) as error:
        Stages(clock="alive").assign(cdnow, alive=alive)
    assert (error.value.argument, error.value.row) == ("alive", 7)
    bg = tn.clv.BGNBD().fit(cdnow.summary("week"))
    for stages, passed, says in (
        (Stages(clock="alive"), None, "needs alive"),
        (Stages(), alive, "is what clock='alive' goes by"),
        (Stages(clock="alive"), alive[1:], "shape"),
        (Stages(clock="alive"), bg, "alive for ever"),
        (Stages(clock="contract"), None, "contract_end"),
        (Stages(clock="sun"), None, "clock must be"),
    ):
        with pytest.raises(tn.InvalidInputError, match=says):
            stages.assign(cdnow, alive=passed)


@pytest.fixture(scope="module")
def contracts():
    day = dt.date
    frame = pd.DataFrame(
        {
            "who": list("abcdef"),
            "on": [day(2024, 1, 5)] * 6,
            "paid": [10.0] * 6,
        }
    )
    customers = pd.DataFrame(
        {
            "who": list("abcdefg"),
            "contract_start": [
                day(2024, 5, 20),
                day(2023, 1, 1),
                day(2024, 1, 1),
                day(2023, 6, 1),
                day(2022, 6, 1),
                day(2022, 6, 1),
                None,
            ],
            "contract_end": [
                day(2025, 5, 20),
                None,
                day(2024, 6, 20),
                day(2024, 5, 31),
                day(2023, 5, 31),
                day(2024, 12, 31),
                None,
            ],
        }
    )
    return tn.EventLog(
        frame, customer="who", time="on", amount="paid", customers=customers,
        observed_until="2024-06-30",
    )  # fmt: skip


def test_the_contract_preset(contracts):
    table = Stages("contract").assign(contracts, at="2024-06-05")
    assert dict(zip(table.customer.to_pylist(), table.stage.tolist(), strict=True)) == {
        "a": "new",
        "b": "established",
        "c": "due for renewal",
        "d": "lapsed",
        "e": "lost",
        "f": "established",
        "g": "prospect",
    }
    panel = Stages("contract").assign(contracts, at=["2024-05-31", "2024-06-01", "2024-06-05"])
    d = panel.customer.to_pylist().index("d")
    assert [panel.stages[c] for c in panel.codes[:, d]] == ["due for renewal", "lapsed", "lapsed"]
    o = table.outcomes(contracts, 20) if table.calibration.new_days <= 20 else None
    assert o is None


def test_the_clock_of_contracts(contracts):
    table = Stages(clock="contract").assign(contracts, at="2024-06-05")
    stage = dict(zip(table.customer.to_pylist(), table.stage.tolist(), strict=True))
    # One order each, 152 days ago: lapsing by silence, but here the contract counts.
    assert stage == {
        **dict.fromkeys("abcf", "recent"),
        "d": "one-time lapsed",
        "e": "lost",
        "g": "lead",
    }


def test_prospects_by_visits_and_scores():
    minute = dt.timedelta(minutes=1)
    noon = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
    seen = {
        "buyer": [("order", noon)],
        "once": [("view", noon), ("view", noon + 30 * minute)],
        "twice": [("view", noon), ("view", noon + 31 * minute)],
        "opted": [("view", noon)],
        "lead": [("view", noon)],
        "cold": [("view", noon - dt.timedelta(days=92))],
        "mql": [("view", noon)],
        "sql": [("view", noon)],
        "accepted": [("view", noon - dt.timedelta(days=200))],
    }
    frame = pd.DataFrame(
        [(who, at, what) for who, rows in seen.items() for what, at in rows],
        columns=["who", "at", "what"],
    )
    known = pd.DataFrame(
        {
            "who": ["lead", "cold", "mql", "sql", "accepted"],
            "fit": [60, 70, 55, 10, None],
            "engagement": [10, 10, 50, 0, None],
            "score": [79.9, 0, 0, 80, None],
            "accepted": [False, False, False, False, True],
        }
    )
    names = {"customer": "who", "time": "at", "event": "what", "orders": ["order"]}
    log = tn.EventLog(frame, **names, customers=known, observed_until="2024-05-31")
    table = Stages(prospects={}).assign(log, at="2024-05-01")
    assert dict(zip(table.customer.to_pylist(), table.stage.tolist(), strict=True)) == {
        "buyer": "new",
        "once": "visitor",
        "twice": "engaged visitor",
        "opted": "visitor",
        "lead": "lead",
        "cold": "cold lead",
        "mql": "MQL",
        "sql": "SQL",
        "accepted": "SQL",
    }
    looser = Stages(prospects={"sql_score": 79, "cold_days": 100}).assign(log, at="2024-05-01")
    stage = dict(zip(looser.customer.to_pylist(), looser.stage.tolist(), strict=True))
    assert (stage["lead"], stage["cold"]) == ("SQL", "lead")


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "at", "argument"),
    [
        ({}, [], "at"),
        ({}, ["1997-12-31", "1997-12-31"], "at"),
        ({}, ["1997-12-31", "1997-06-30"], "at"),
        ({}, ["1997-06-30", "1999-06-30"], "at[1]"),
        ({"hysteresis": 0}, ["1997-06-30"], "hysteresis"),
        ({"calibrate": "mine"}, ["1997-06-30"], "calibrate"),
        ({"prior_gaps": 0}, ["1997-06-30"], "prior_gaps"),
        ({"new_days": math.nan}, ["1997-06-30"], "new_days"),
        ({"prospects": {"fit": 1}}, ["1997-06-30"], "prospects"),
        ({"prospects": {}, "preset": "contract"}, ["1997-06-30"], "prospects"),
    ],
)
def test_refuses_what_is_no_panel(cdnow, settings, at, argument):
    with pytest.raises(tn.InvalidInputError) as error:
        Stages(**settings).assign(cdnow, at=at)
    assert error.value.argument == argument


@pytest.mark.parametrize(
    ("codes", "stages", "more", "argument"),
    [
        ([[0, 2]], ["a", "b"], {}, "codes"),
        ([[0, -2]], ["a", "b"], {}, "codes"),
        ([0, 1], ["a", "b"], {}, "codes"),
        ([[0.5, 1]], ["a", "b"], {}, "codes"),
        ([[]], ["a", "b"], {}, "codes"),
        ([[0]], ["a", "a"], {}, "stages"),
        ([[0]], [], {}, "stages"),
        ([[0]], "ab", {}, "stages"),
        ([[0]], ["a"], {"ranks": [1, 2]}, "ranks"),
        ([[0]], ["a"], {"at": [1, 2]}, "at"),
        ([[0]], ["a"], {"customer": [1, 2]}, "customer"),
    ],
)
def test_refuses_codes_that_are_none(codes, stages, more, argument):
    with pytest.raises(tn.InvalidInputError) as error:
        StagePanel.from_codes(codes, stages, **more)
    assert error.value.argument == argument
