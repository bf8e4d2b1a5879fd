"""Logs that do not carry a whole report: it says what is missing and why, and the rest stands."""

from __future__ import annotations

import datetime as dt
import html
import math
import re
import warnings

import numpy as np
import pytest

import tenure as tn
from tenure.reporting import _context
from tenure.reporting._context import Context
from tenure.reporting._forecast import forecast
from tenure.reporting._settings import check

pytest.importorskip("matplotlib").use("Agg")
pytest.importorskip("jinja2")

START = dt.date(2023, 1, 1)


@pytest.fixture
def outlines(monkeypatch):
    """Pictures are painted but not rendered, which takes most of the time of a report."""
    monkeypatch.setattr(_context, "to_svg", lambda figure, name, text: "<svg></svg>")


def make(ids, days, amounts=None, **more):
    frame = {
        "customer": ids,
        "time": [START + dt.timedelta(days=int(d)) for d in days],
    }
    if amounts is not None:
        frame["amount"] = [float(a) for a in amounts]
        more["amount"] = "amount"
    return tn.EventLog(frame, customer="customer", time="time", **more)


def shop(customers=200, days=400, seed=0):
    """Customers whose rates and whose chance to leave differ, as the models have it."""
    random = np.random.default_rng(seed)
    ids, at, amounts = [], [], []
    for i in range(customers):
        day, rate, leaves = random.integers(0, days // 2), random.gamma(0.8) / 20, random.beta(1, 3)
        level = 30.0 / random.gamma(4, 0.25)
        while day < days:
            ids.append(i)
            at.append(day)
            amounts.append(round(float(random.gamma(5, level / 5)), 2))
            day += max(1, int(random.exponential(1 / rate)))
            if random.random() < leaves:
                break
    return ids, at, amounts


def report_of(log, path=None, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.TenureWarning)
        return tn.report(log, path, **more)


def missing(made):
    """What the page says it cannot show, by section."""
    found = {}
    for key, section in re.findall(r'<section id="(\w+)">(.*?)</section>', made.html, re.DOTALL):
        texts = re.findall(r'<p class="missing wide">(.*?)</p>', section, re.DOTALL)
        found[key] = [html.unescape(re.sub("<[^>]+>", "", t)) for t in texts]
    return found


def said(made, *words):
    everything = " ".join(t for texts in missing(made).values() for t in texts)
    return all(w in everything for w in words)


@pytest.mark.usefixtures("outlines")
def test_a_whole_log_misses_nothing():
    made = report_of(make(*shop()))
    assert not any(missing(made).values())
    assert made.warnings == ()
    assert len(made.figures) == 8


def test_without_amounts_everything_about_orders_stands():
    ids, at, _ = shop()
    made = report_of(make(ids, at))
    assert missing(made)["overview"] == [
        "Revenue, order value and spend are not shown: the log has no amounts."
    ]
    keys = {f.key for f in made.figures}
    assert keys == {"customers", "orders", "repeat_rate", "expected_orders"}
    names = {n for t in made.tables.values() for n in t.column_names}
    assert not names & {"expected_value", "monetary_score", "revenue", "revenue_mean"}
    assert made.tables["value_deciles"]["expected_share"].to_pylist()[0] > 0.1
    assert "$" not in re.sub(r"<(style|svg).*?</\1>", "", made.html, flags=re.DOTALL)


def test_one_order():
    made = report_of(make(["a"], [0], [5]))
    figures = {f.key: f for f in made.figures}
    assert figures["orders"].value == 1
    assert math.isnan(figures["order_value"].lower)
    assert said(made, "no calendar month after a first order", "has placed a second order")
    assert said(
        made, "nobody ordered a second time", "the log spans 1 day", "at least 10 customers"
    )
    assert made.tables["customers"].to_pylist()[0]["revenue"] == 5.0


def test_a_handful_of_customers():
    made = report_of(make([1, 1, 2, 3, 3, 3, 4], [0, 50, 10, 5, 60, 100, 90], range(1, 8)))
    assert said(made, "the fit did not converge", "at least 10 customers")
    assert any("no optimum was found" in w for w in made.warnings)
    assert "no optimum was found" in made.html
    assert made.tables["customers"].num_rows == 4


def test_a_single_day():
    made = report_of(make(range(50), [0] * 50, [5] * 50))
    assert said(made, "the log spans 1 day, too few to keep some back", "all customers ordered")
    assert made.parameters["cut"] is None
    assert "retention" in made.tables


def test_no_repeaters():
    random = np.random.default_rng(1)
    made = report_of(make(range(300), random.integers(0, 365, 300), random.random(300)))
    assert said(made, "The repeat curve is not shown", "nobody ordered a second time")
    assert missing(made)["retention"] == [
        "The repeat curve is not shown: no customer has placed a second order yet."
    ]
    assert {f.key for f in made.figures} >= {"repeat_rate", "revenue"}
    assert set(made.tables["retention_pooled"]["retention"].to_pylist()[1:]) == {0.0}


@pytest.mark.usefixtures("outlines")
def test_a_model_without_an_optimum_is_no_forecast():
    """Like clockwork: the rates do not differ and nobody leaves."""
    ids = [i for i in range(40) for _ in range(12)]
    log = make(ids, [30 * k for _ in range(40) for k in range(12)], [10] * 480)
    with pytest.warns(tn.ConvergenceWarning, match="no optimum was found"):
        made = tn.report(log, None)
    assert said(made, "The forecast is not shown: the fit did not converge")
    assert "probability_alive" not in made.tables["customers"].column_names
    assert "expected_orders" not in {f.key for f in made.figures}


@pytest.mark.usefixtures("outlines")
def test_a_parameter_that_runs_away_is_held_by_a_penalty_and_told_of():
    """Everyone leaves with the same probability: a and b grow without bound."""
    random = np.random.default_rng(0)
    ids, at = [], []
    for i in range(300):
        day, rate = random.integers(0, 200), random.gamma(0.8) / 20
        while day < 400:
            ids.append(i)
            at.append(day)
            day += max(1, int(random.exponential(1 / rate)))
            if random.random() < 0.2:
                break
    log = make(ids, at)
    with pytest.warns(tn.ConvergenceWarning, match="a weak penalty") as caught:
        made = tn.report(log, None)
    assert {str(w.message) for w in caught} == set(made.warnings)
    assert "a weak penalty" in made.html
    assert {f.key for f in made.figures} >= {"expected_orders"}
    actual = sum(made.tables["tracking"]["actual"].to_pylist())
    expected = sum(made.tables["tracking"]["expected"].to_pylist())
    assert expected == pytest.approx(actual, rel=0.1)


def test_amounts_that_are_all_zero():
    ids, at, _ = shop()
    made = report_of(make(ids, at, [0] * len(ids)))
    assert said(made, "Concentration is not shown: revenue does not add up to more than 0")
    assert "Expected value is not shown" in html.unescape(made.html)
    assert "expected_value" not in {f.key for f in made.figures}
    assert "nan" not in re.sub(r"<svg.*?</svg>", "", made.html, flags=re.DOTALL).lower()


@pytest.mark.usefixtures("outlines")
def test_refunds_are_counted_and_linked():
    ids, at, amounts = shop()
    amounts[3::10] = [-a for a in amounts[3::10]]
    made = report_of(make(ids, at, amounts))
    n = len(amounts[3::10])
    assert f"refunds among them: {n:,}." in made.html
    assert "#def-refund" in made.html
    assert made.tables["data_findings"].to_pylist()[0]["rows"] == n


@pytest.mark.usefixtures("outlines")
def test_dropped_rows_are_told():
    days = [dt.datetime(2024, 1, 1), None, dt.datetime(2024, 3, 1), dt.datetime(2024, 3, 2)]
    log = tn.EventLog(
        {"c": [1, 2, 1, 2], "t": days, "a": [1.0, 1.0, float("nan"), 3.0]},
        customer="c",
        time="t",
        amount="a",
        on_invalid="drop",
    )
    made = report_of(log)
    assert "Rows read: 4; kept: 2; dropped: 2." in made.html
    assert made.tables["data_findings"]["finding"].to_pylist() == ["no time", "no amount"]


@pytest.mark.usefixtures("outlines")
def test_only_refunds_are_refused():
    with pytest.raises(tn.InvalidInputError, match="no order") as caught:
        tn.report(make([1, 2], [0, 3], [-1, -2]), None)
    assert caught.value.argument == "log"


@pytest.mark.usefixtures("outlines")
def test_customers_without_an_order_are_counted_apart():
    ids, at, amounts = shop()
    log = make(ids, at, amounts, customers={"customer": list(range(250))})
    made = report_of(log)
    assert made.figures[0].value == 200
    assert made.figures[0].detail == "with an order; 50 more without"
    assert "50 customers of the log have no order" in made.html
    assert made.tables["customers"].num_rows == 200
    assert sum(made.tables["stages"]["customers"].to_pylist()) == 200


@pytest.mark.parametrize("days", [10, 60, 3000])
def test_short_and_long_logs(days):
    made = report_of(make(*shop(100, days)))
    spans = made.tables["orders_by_period"].num_rows
    assert 1 < spans <= 40
    total = made.tables["orders_by_period"]["orders"].to_pylist()
    assert sum(total) == next(f.value for f in made.figures if f.key == "orders")
    if "expected_orders" in {f.key for f in made.figures}:
        # Whether the forecast reaches further than what was observed.
        assert ("days that were observed" in made.html) == (days < 365)


@pytest.mark.usefixtures("outlines")
def test_days_and_months_are_those_of_the_time_zone():
    """Half past eleven in the evening of 31 January in New York is February in UTC."""
    instants = [dt.datetime(2024, 2, 1, 4, 30), dt.datetime(2024, 4, 1, 3, 30)]
    frame = {"c": [1, 1], "t": [t.replace(tzinfo=dt.UTC) for t in instants]}
    made = report_of(tn.EventLog(frame, customer="c", time="t", timezone="America/New_York"))
    (row,) = made.tables["customers"].to_pylist()
    assert (row["first_order"], row["last_order"]) == (dt.date(2024, 1, 31), dt.date(2024, 3, 31))
    assert {r["cohort"] for r in made.tables["retention"].to_pylist()} == {dt.date(2024, 1, 1)}
    assert "31 January 2024 to 31 March 2024, America/New_York" in made.html


@pytest.mark.usefixtures("outlines")
def test_events_that_are_no_orders_do_not_count():
    frame = {
        "c": [1, 1, 1, 2],
        "t": [START + dt.timedelta(days=d) for d in (0, 10, 40, 41)],
        "e": ["buy", "look", "buy", "look"],
    }
    log = tn.EventLog(frame, customer="c", time="t", event="e", orders=["buy"])
    made = report_of(log)
    figures = {f.key: f.value for f in made.figures}
    assert (figures["customers"], figures["orders"]) == (1, 2)
    assert made.tables["repeat_curve"]["days"].to_pylist() == [0.0, 40.0]
    assert "Events that count as orders: buy." in made.html


# --- arguments -----------------------------------------------------------------------------------

GOOD = {"path": None}


@pytest.mark.usefixtures("outlines")
@pytest.mark.parametrize(
    ("more", "argument"),
    [
        ({"horizon": 0}, "horizon"),
        ({"horizon": "soon"}, "horizon"),
        ({"horizon": math.nan}, "horizon"),
        ({"horizon": math.inf}, "horizon"),
        ({"discount_rate": -1}, "discount_rate"),
        ({"discount_rate": math.inf}, "discount_rate"),
        ({"discount_period": "decade"}, "discount_period"),
        ({"margin": 0}, "margin"),
        ({"margin": "30 %"}, "margin"),
        ({"unit": "fortnight"}, "unit"),
        ({"currency": "a very long currency"}, "currency"),
        ({"currency": "\x1b[31m"}, "currency"),
        ({"currency": 5}, "currency"),
        ({"title": "x" * 300}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"cut": "2099-01-01"}, "cut"),
        ({"cut": "1999-01-01"}, "cut"),
        ({"cut": "yesterday"}, "cut"),
    ],
)
def test_a_bad_argument_is_named(more, argument):
    log = make([1, 1, 2], [0, 50, 100], [1, 2, 3])
    with pytest.raises(tn.InvalidInputError) as caught:
        tn.report(log, None, **more)
    assert caught.value.argument == argument


@pytest.mark.usefixtures("outlines")
def test_a_log_is_needed():
    with pytest.raises(tn.InvalidInputError, match="must be an EventLog"):
        tn.report({"customer": [1]}, None)


@pytest.mark.usefixtures("outlines")
def test_a_taken_path_is_refused_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis").write_text("years")
    steps = []
    with pytest.raises(tn.InvalidInputError, match="thesis"):
        tn.report(make([1], [0]), tmp_path / "mine", progress=lambda *step: steps.append(step))
    assert steps == []


@pytest.mark.usefixtures("outlines")
def test_progress_goes_from_nothing_to_all():
    steps = []
    report_of(make([1, 1, 2], [0, 50, 100]), progress=lambda *step: steps.append(step))
    shares = [share for share, _ in steps]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def settings_of(log, **more):
    asked = {
        "horizon": "1y",
        "discount_rate": 0.10,
        "discount_period": "year",
        "margin": 1.0,
        "cut": None,
        "unit": "week",
        "currency": "",
        "title": None,
    }
    return check(log, **{**asked, **more})


def forecast_of(log, **more):
    settings = settings_of(log, **more)
    return forecast(Context(log, settings, log.summary(settings.unit)))


def test_the_horizon_may_be_in_any_unit():
    log = make(*shop())
    values = [
        forecast_of(log, horizon=horizon, unit=unit).total_orders.value
        for horizon, unit in (("26w", "week"), (26, "week"), ("182d", "day"), (182, "day"))
    ]
    assert values == pytest.approx([values[0]] * 4, rel=1e-6)


def test_value_is_proportional_to_the_margin_and_falls_with_the_discount():
    log = make(*shop())

    def value(**more):
        return forecast_of(log, **more).total_value.value

    plain = value()
    assert value(margin=0.25) == pytest.approx(plain / 4)
    none = value(discount_rate=0.0)
    assert none / 1.10 < plain < none


@pytest.mark.parametrize(("days", "holdout"), [(90, 30), (545, 181), (546, 273), (2000, 273)])
def test_the_default_cut_keeps_a_third_or_39_weeks(days, holdout):
    log = make([1, 1, 1], [0, days // 2, days - 1])
    assert (log._until - settings_of(log).cut) == holdout * 86_400_000_000


def test_the_default_cut_is_the_end_of_a_local_day_also_when_clocks_change():
    instants = [dt.datetime(2024, 1, 1, 12), dt.datetime(2024, 6, 29, 12)]
    log = tn.EventLog(
        {"c": [1, 1], "t": instants}, customer="c", time="t", timezone="Europe/London"
    )
    cut = dt.datetime.fromtimestamp(settings_of(log).cut / 1e6, dt.UTC)
    # 181 days, of which the last 60 are held out: from 1 May on, and midnight is 23:00 UTC.
    assert cut == dt.datetime(2024, 4, 30, 23, tzinfo=dt.UTC)
