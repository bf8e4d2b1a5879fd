"""The simulator against closed forms, its own truth, and the event log."""

from __future__ import annotations

import datetime as dt
import time
import zoneinfo

import numpy as np
import pyarrow.compute as pc
import pytest
import scipy.special as sc
from hypothesis import given
from hypothesis import strategies as st

import tenure as tn
from tenure import InvalidInputError
from tenure.datasets import Campaign, Funnel, Subscription, Survey, simulate

WEEKS = 52
START, END = "2024-01-01", "2024-12-29"  # 52 weeks


def close(sample, expected, sigmas=3.5):
    sample = np.asarray(sample, dtype=float)
    error = sample.std() / np.sqrt(len(sample))
    assert abs(sample.mean() - expected) <= sigmas * error, (sample.mean(), expected, error)


def close_share(hits, n, p, sigmas=3.5):
    assert abs(hits / n - p) <= sigmas * np.sqrt(p * (1 - p) / n), (hits / n, p)


def column(table, name):
    return table[name].to_numpy(zero_copy_only=False)


def purchases_pareto(t, r, alpha, s, beta):
    """[Schmittlein, Morrison & Colombo 1987, eq. 17]."""
    return r * beta / (alpha * (s - 1)) * (1 - (beta / (beta + t)) ** (s - 1))


def purchases_bg(t, r, alpha, a, b):
    """[Fader, Hardie & Lee 2005, eq. 9]."""
    f = sc.hyp2f1(r, b, a + b - 1, t / (alpha + t))
    return (a + b - 1) / (a - 1) * (1 - (alpha / (alpha + t)) ** r * f)


def purchases_mbg(t, r, alpha, a, b):
    """[Batislam, Denizel & Filiztekin 2007, eq. 12]."""
    f = sc.hyp2f1(r, b + 1, a + b, t / (alpha + t))
    return b / (a - 1) * (1 - (alpha / (alpha + t)) ** r * f)


@pytest.mark.parametrize(
    ("model", "expected"),
    [("pareto_nbd", purchases_pareto), ("bg_nbd", purchases_bg), ("mbg_nbd", purchases_mbg)],
)
def test_orders_have_the_expectation_of_the_model(model, expected):
    base = simulate(40_000, model=model, start=START, end=END, arrivals=0, random_state=11)
    repeat = column(base.customers, "orders") - 1
    close(repeat, expected(WEEKS, *base.truth["parameters"].values()))


def test_visits_follow_the_orders():
    """Visits come at c times the order rate while active: c times the expected repeat orders."""
    base = simulate(30_000, start=START, end=END, arrivals=0, visits=3.0, random_state=12)
    visits = pc.sum(pc.equal(base.events["event"], "visit")).as_py()
    expected = 3 * purchases_pareto(WEEKS, *base.truth["parameters"].values())
    per_customer = np.bincount(
        column(base.events, "customer")[column(base.events, "event") == "visit"], minlength=30_000
    )
    assert per_customer.sum() == visits
    close(per_customer, expected)


def test_spend_has_the_mean_of_gamma_gamma():
    base = simulate(40_000, start=START, end=END, random_state=13)
    close(column(base.customers, "mean_spend"), 6.25 * 15.44 / (3.74 - 1))
    orders = base.orders
    own = column(base.customers, "mean_spend")[column(orders, "customer")]
    close(column(orders, "amount") / own, 1.0)


def test_refunds_cost_the_stated_share():
    base = simulate(20_000, refunds=0.1, refund_delay=0, random_state=14)
    amount = column(base.events, "amount")
    event = column(base.events, "event")
    assert (amount[event == "refund"] < 0).all()
    close_share((event == "refund").sum(), (event == "order").sum(), 0.1)
    cancelled = base.log(on_refund="match").data_report
    plain = base.log()
    assert plain.n_rows == base.events.num_rows
    assert cancelled.findings["refund_matched"] == (event == "refund").sum()


def test_campaigns_have_the_stated_control_and_uplift():
    campaign = Campaign(
        date="2025-01-15", control=0.25, base=0.2, uplift=0.1, spread=-0.5, cost=0.5
    )
    base = simulate(60_000, campaigns=campaign, random_state=15)
    contacts = base.contacts
    treated, responded = column(contacts, "treated"), column(contacts, "responded")
    n = contacts.num_rows
    close_share((~treated).sum(), n, 0.25)
    effect = responded[treated].mean() - responded[~treated].mean()
    error = np.sqrt(sum(responded[arm].var() / arm.sum() for arm in (treated, ~treated)))
    truth = column(contacts, "true_uplift").mean()
    assert truth > 10 * error
    assert abs(effect - truth) <= 3.5 * error
    dropped = base.customers["dropout_time"].take(contacts["customer"])
    gone = pc.fill_null(pc.less_equal(dropped, contacts["time"]), False).to_numpy()
    assert not responded[gone].any()
    np.testing.assert_array_equal(column(contacts, "cost"), np.where(treated, 0.5, 0.0))
    np.testing.assert_array_equal(column(contacts, "revenue") > 0, responded)


def test_surveys_have_the_stated_score():
    survey = Survey(date="2025-06-01", response=0.5, promoters=(0.1, 0.5), detractors=(0.6, 0.2))
    base = simulate(40_000, surveys=[survey], random_state=16)
    score, active = column(base.surveys, "nps"), column(base.surveys, "active")
    for state, promoters, detractors in ((False, 0.1, 0.6), (True, 0.5, 0.2)):
        marks = score[active == state]
        close_share((marks >= 9).sum(), len(marks), promoters)
        close_share((marks <= 6).sum(), len(marks), detractors)
    assert set(column(base.surveys, "csat")) == {1, 2, 3, 4, 5}


def test_subscriptions_survive_as_shifted_beta_geometric():
    plan = Subscription(share=0.5, a=0.7, b=1.2, period="30d", price=9.0)
    base = simulate(20_000, subscriptions=plan, arrivals=0, random_state=17)
    renewals = column(base.subscriptions, "renewals")
    close_share(len(renewals), 20_000, 0.5)
    for k in (1, 4, 12):
        survival = np.exp(sc.betaln(0.7, 1.2 + k) - sc.betaln(0.7, 1.2))
        close_share((renewals >= k).sum(), len(renewals), survival)
    paid = pc.sum(base.renewals["amount"]).as_py()
    assert paid == pytest.approx(9.0 * (len(renewals) + renewals.sum()))


def test_the_funnel_precedes_the_first_order():
    base = simulate(20_000, funnel=Funnel(lead=0.5, order=0.4, visits=0.0, delay="1d"), arrivals=0)
    event, when = column(base.events, "event"), column(base.events, "time")
    assert (event == "visit").sum() == 20_000
    close_share((event == "lead").sum(), 20_000, 0.5)
    close_share(base.customers.num_rows - base.customers["first_order"].null_count, 20_000, 0.2)
    customer = column(base.events, "customer")
    first_order = column(base.customers, "first_order")
    for kind in ("visit", "lead"):
        rows = (event == kind) & ~np.isnat(first_order[customer])
        assert (when[rows] <= first_order[customer[rows]]).all()


def test_channels_have_their_cost_and_multiplier():
    channels = {"ads": (0.3, 20.0, 2.0), "search": (0.7, 5.0, 1.0)}
    base = simulate(30_000, channels=channels, random_state=18)
    name = column(base.customers, "channel")
    for channel, (share, cost, multiplier) in channels.items():
        mine = name == channel
        close_share(mine.sum(), 30_000, share)
        assert set(column(base.customers, "acquisition_cost")[mine]) == {cost}
        close(column(base.customers, "purchase_rate")[mine], multiplier * 0.553 / 10.578)


EVERYTHING = {
    "refunds": 0.1,
    "visits": 2.0,
    "funnel": Funnel(),
    "subscriptions": Subscription(),
    "campaigns": [Campaign(date="2025-01-15"), Campaign(date="2025-02-15", name="spring")],
    "surveys": [Survey(date="2025-06-01"), Survey(date="2025-09-01")],
    "channels": {"ads": (0.5, 2.0, 1.5), "search": (0.5, 1.0, 1.0)},
    "timezone": "America/New_York",
}
TABLES = ("customers", "events", "subscriptions", "renewals", "contacts", "surveys")


@pytest.mark.parametrize("n_threads", [2, 7])
def test_any_number_of_threads_gives_the_same_bits(n_threads):
    one = simulate(3_000, **EVERYTHING, n_threads=1)
    other = simulate(3_000, **EVERYTHING, n_threads=n_threads)
    for name in TABLES:
        assert getattr(one, name).num_rows > 0, name
        assert getattr(one, name).equals(getattr(other, name)), name


def test_seeds_decide():
    one, again, other = (simulate(500, random_state=s) for s in (1, 1, 2))
    assert one.events.equals(again.events)
    assert not one.events.equals(other.events)
    fresh = [simulate(500, random_state=None).truth["seed"] for _ in range(2)]
    assert fresh[0] != fresh[1]
    rerun = simulate(500, random_state=fresh[0])
    assert rerun.truth["seed"] == fresh[0]


def test_more_customers_and_features_change_nothing_else():
    few, more = simulate(500), simulate(700)
    assert few.customers.equals(more.customers.slice(0, 500))
    rich = simulate(500, **{**EVERYTHING, "funnel": None, "channels": None, "timezone": "UTC"})
    assert rich.orders.equals(few.orders)
    assert rich.customers.equals(few.customers)


def test_tables_keep_their_columns_when_empty():
    plain, rich = simulate(0), simulate(2_000, **{**EVERYTHING, "timezone": "UTC"})
    for name in TABLES:
        assert getattr(plain, name).num_rows == 0
        assert getattr(plain, name).schema == getattr(rich, name).schema, name
    assert plain.log().n_rows == 0


def test_the_log_reads_what_was_simulated():
    base = simulate(2_000, **EVERYTHING, resolution="instant")
    log = base.log()
    assert (log.n_customers, log.n_rows) == (2_000, base.events.num_rows)
    assert log.observed_until == base.observed_until
    summary = log.summary(collapse=None)
    orders = column(base.customers, "orders")
    buyers = np.flatnonzero(orders)
    np.testing.assert_array_equal(summary.customer, buyers)
    np.testing.assert_array_equal(summary.frequency, orders[buyers] - 1)


def test_days_begin_at_local_midnight_and_instants_do_not():
    kwargs = {"timezone": "America/New_York", "visits": 5.0, "random_state": 4}
    days = simulate(300, **kwargs).events["time"].to_pylist()
    zone = zoneinfo.ZoneInfo("America/New_York")
    assert all(t.astimezone(zone).time() == dt.time(0) for t in days)
    instants = simulate(300, **kwargs, resolution="instant").events["time"].to_pylist()
    assert [t.astimezone(zone).date() for t in instants] == [
        t.astimezone(zone).date() for t in days
    ]
    assert len({t.time() for t in instants}) > 100


def test_the_window_is_read_like_every_other_window():
    base = simulate(500, start="2024-03-01", end="2024-03-10", arrivals=0, resolution="instant")
    assert base.observed_until == dt.datetime(2024, 3, 11, tzinfo=dt.UTC)
    times = base.events["time"].to_pylist()
    assert min(times) == dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
    assert max(times) < base.observed_until
    assert base.truth["arrivals"] == 0.0


@given(
    st.sampled_from(["pareto_nbd", "bg_nbd", "mbg_nbd"]),
    st.integers(0, 40),
    st.sampled_from(["day", "week", "month", "year"]),
    st.integers(0, 2**64 - 1),
)
def test_alive_means_no_dropout_before_the_end(model, n, unit, seed):
    base = simulate(n, model=model, unit=unit, random_state=seed, refunds=0.5)
    alive = column(base.customers, "alive")
    np.testing.assert_array_equal(alive, ~base.customers["dropout_time"].is_valid().to_numpy())
    counted = np.bincount(column(base.orders, "customer"), minlength=n)
    np.testing.assert_array_equal(counted, column(base.customers, "orders"))


def test_mappings_stand_for_settings():
    as_class = simulate(200, surveys=Survey(date="2025-06-01", response=0.4))
    as_mapping = simulate(200, surveys={"date": "2025-06-01", "response": 0.4})
    assert as_class.surveys.equals(as_mapping.surveys)
    assert as_mapping.truth["surveys"] == (Survey(date="2025-06-01", response=0.4),)


def test_the_result_is_frozen_and_says_what_it_is():
    base = simulate(100)
    with pytest.raises(AttributeError):
        base.events = None
    with pytest.raises(TypeError):
        base.truth["seed"] = 1
    assert repr(base).startswith("SimulatedBase: 100 customers, ")
    assert repr(base).endswith("; pareto_nbd, 2024-01-01 to 2025-12-31 (UTC)")


BAD = [
    ({"n_customers": -1}, "n_customers must be >= 0"),
    ({"n_customers": 1.5}, "n_customers must be a whole number"),
    ({"model": "nbd"}, "model must be one of"),
    ({"parameters": {"r": 1.0}}, "parameters of pareto_nbd must be a mapping of r, alpha, s, beta"),
    ({"parameters": [1, 2, 3, 4]}, "parameters of pareto_nbd must be a mapping"),
    (
        {"parameters": {"r": 1, "alpha": 1, "s": 0, "beta": 1}},
        r"parameters\['s'\] must be finite and > 0, got 0",
    ),
    ({"unit": "hour"}, "unit must be one of"),
    ({"spend": (1.0, 2.0)}, "spend must be three numbers"),
    ({"spend": (1.0, 2.0, float("nan"))}, r"spend\[2\] must be finite and > 0"),
    ({"decimals": -1}, "decimals must be >= 0"),
    ({"refunds": 1.1}, "refunds must be finite and >= 0 and <= 1"),
    ({"refund_delay": "soon"}, "refund_delay must be a number"),
    ({"start": "2026-01-01"}, "end must lie after start"),
    ({"end": "yesterday"}, "end must be a date"),
    ({"arrivals": "3y"}, "arrivals must be finite and <= "),
    ({"arrivals": -1}, "arrivals must be finite and >= 0"),
    ({"channels": {}}, "channels must be a mapping of 1 to 255 names"),
    ({"channels": {"ads": (1.0, 2.0)}}, r"channels\['ads'\] must be \(share, cost, multiplier\)"),
    ({"channels": {"ads": (0.5, 2.0, 1.0)}}, "channels must have shares that sum to 1, got 0.5"),
    ({"channels": {"ads": (1.0, -2.0, 1.0)}}, r"channels\['ads'\] cost must be"),
    ({"visits": -1}, "visits must be finite and >= 0"),
    ({"visits": 1e12}, "visits.* fewer than a million"),
    ({"funnel": Funnel(lead=2)}, "funnel.lead must be"),
    ({"funnel": {"leads": 0.5}}, "funnel has the keys lead, order, delay, visits; got leads"),
    ({"funnel": 0.5}, "funnel must be a Funnel or a mapping"),
    ({"subscriptions": Subscription(a=0)}, "subscriptions.a must be finite and > 0"),
    ({"subscriptions": Subscription(period=0)}, "subscriptions.period must be"),
    ({"campaigns": 3}, "campaigns must be a sequence of Campaign"),
    ({"campaigns": [Campaign(date="2023-01-01")]}, r"campaigns\[0\].date must lie within"),
    ({"campaigns": [Campaign(date="2025-01-01", base=2)]}, r"campaigns\[0\].base must be"),
    (
        {
            "campaigns": [
                Campaign(date="2025-01-01", name="x"),
                Campaign(date="2025-02-01", name="x"),
            ]
        },
        "campaigns must have different names",
    ),
    (
        {"surveys": [Survey(date="2025-01-01", promoters=(0.5,))]},
        r"surveys\[0\].promoters must be two",
    ),
    (
        {"surveys": [Survey(date="2025-01-01", promoters=(0.5, 0.9), detractors=(0.1, 0.2))]},
        r"surveys\[0\]: promoters and detractors must not exceed 1",
    ),
    ({"resolution": "hour"}, "resolution must be one of"),
    ({"timezone": "Mars/Olympus"}, "timezone must be an IANA name"),
    ({"random_state": -1}, "random_state must be >= 0"),
    ({"n_threads": 0}, "n_threads must be >= 1"),
]


@pytest.mark.parametrize(("settings", "message"), BAD)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(InvalidInputError, match=message):
        simulate(**{"n_customers": 50, **settings})


def test_an_impossible_rate_names_its_customer():
    parameters = {"r": 1.0, "alpha": 1e-9, "s": 1.0, "beta": 10.0}
    with pytest.raises(InvalidInputError, match="fewer than a million events") as caught:
        simulate(50, parameters=parameters)
    assert caught.value.row is not None


def test_a_million_events_take_seconds():
    """About 0.2 s of one core; the bound only catches a change of class."""
    begin = time.process_time()
    base = simulate(100_000, visits=20.0, random_state=19)
    assert base.events.num_rows > 1_000_000
    assert time.process_time() - begin < 5.0


@pytest.mark.slow
def test_ten_million_events_take_seconds():
    begin = time.process_time()
    base = simulate(1_000_000, visits=8.0, random_state=19)
    assert base.events.num_rows > 10_000_000
    assert time.process_time() - begin < 20.0


def test_datasets_are_reached_from_the_package():
    assert tn.datasets.simulate is simulate
