"""The report of the CDNOW sample: its numbers counted by hand, its page as a document."""

from __future__ import annotations

import collections
import datetime as dt
import html
import itertools
import json
import math
import os
import re
import shutil
import subprocess
import warnings
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

import tenure as tn
from tenure.reporting._definitions import KEYS

pytest.importorskip("matplotlib").use("Agg")
pytest.importorskip("jinja2")

END = dt.date(1998, 6, 30)
CUT = dt.date(1997, 9, 30)


@pytest.fixture(scope="module")
def rows():
    table = tn.datasets.load_cdnow(sample=True).select(["sample_id", "date", "amount"])
    return list(zip(*table.to_pydict().values(), strict=True))


@pytest.fixture(scope="module")
def log():
    frame = tn.datasets.load_cdnow(sample=True)
    return tn.EventLog(frame, customer="sample_id", time="date", amount="amount")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("report") / "out"


@pytest.fixture(scope="module")
def made(log, folder):
    return tn.report(log, folder, currency="$", title="The sample")


@pytest.fixture(scope="module")
def page(made):
    return text_of(made.html)


def text_of(page):
    """The page as a reader sees it, without pictures."""
    plain = re.sub(r"<(svg|style).*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", plain)))


@pytest.fixture(scope="module")
def orders(rows):
    """Orders by customer: {customer: {day: amount}}; an order is a day."""
    found = collections.defaultdict(lambda: collections.defaultdict(float))
    for customer, day, amount in rows:
        found[customer][day] += amount
    return found


# --- the numbers ---------------------------------------------------------------------------------


def test_headline_figures_equal_a_count_by_hand(made, orders, rows, page):
    got = {f.key: f for f in made.figures}
    n = len(orders)
    count = sum(map(len, orders.values()))
    revenue = math.fsum(amount for _, _, amount in rows)
    repeaters = sum(len(days) > 1 for days in orders.values())
    assert got["customers"].value == n == 2357
    assert got["orders"].value == count
    assert got["revenue"].value == pytest.approx(revenue, rel=1e-12)
    assert got["order_value"].value == pytest.approx(revenue / count, rel=1e-12)
    assert got["repeat_rate"].value == repeaters / n
    spent = sorted((math.fsum(days.values()) for days in orders.values()), reverse=True)
    top = math.fsum(spent[:235]) + 0.7 * spent[235]  # 10 % of 2,357 customers
    assert got["concentration"].value == pytest.approx(top / revenue, rel=1e-9)
    for figure in made.figures:
        assert figure.text in page
        assert figure.detail in page


def test_the_interval_of_the_repeat_rate_is_wilsons(made):
    figure = next(f for f in made.figures if f.key == "repeat_rate")
    n, z = 2357, 1.959963984540054
    for limit in (figure.lower, figure.upper):
        assert abs(figure.value - limit) == pytest.approx(
            z * math.sqrt(limit * (1 - limit) / n), rel=1e-9
        )


def test_the_interval_of_the_order_value_agrees_with_resampled_customers(made, orders):
    figure = next(f for f in made.figures if f.key == "order_value")
    spent = np.array([math.fsum(days.values()) for days in orders.values()])
    count = np.array([len(days) for days in orders.values()])
    random = np.random.default_rng(1)
    drawn = random.integers(0, len(spent), (2000, len(spent)))
    means = spent[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    width = high - low
    assert figure.lower == pytest.approx(low, abs=0.1 * width)
    assert figure.upper == pytest.approx(high, abs=0.1 * width)


def test_orders_by_month_equal_a_count_by_hand(made, orders):
    new, every, revenue = (collections.Counter() for _ in range(3))
    for days in orders.values():
        first = min(days)
        new[first.year, first.month] += 1
        for day, amount in days.items():
            every[day.year, day.month] += 1
            revenue[day.year, day.month] += amount
    table = made.tables["orders_by_period"].to_pylist()
    assert len(table) == 18
    for row in table:
        month = row["start"].year, row["start"].month
        assert row["new_customers"] == new[month]
        assert row["orders"] == every[month]
        assert row["repeat_orders"] == every[month] - new[month]
        assert row["revenue"] == pytest.approx(revenue[month], abs=1e-6)
        assert row["complete"]


def test_retention_equals_a_count_by_hand_and_is_told(made, orders, page):
    size, active = collections.Counter(), collections.Counter()
    for days in orders.values():
        first = min(days)
        size[first.month] += 1
        for age in {(d.year - first.year) * 12 + d.month - first.month for d in days}:
            active[first.month, age] += 1
    table = made.tables["retention"].to_pylist()
    assert {(r["cohort"].month, r["month"]) for r in table} == {
        (m, k) for m in (1, 2, 3) for k in range(19 - m)
    }
    for row in table:
        month, age = row["cohort"].month, row["month"]
        assert row["customers"] == size[month]
        assert row["returned"] == active[month, age]
        assert row["retention"] == active[month, age] / size[month]
        assert row["lower"] <= row["retention"] <= row["upper"]
    january, march = (100 * active[m, 3] / size[m] for m in (1, 3))
    assert (
        f"Of customers who bought first in January 1997, {january:.1f} % bought again in month 3; "
        f"of those who came in March 1997 it was {march:.1f} %." in page
    )


def test_the_repeat_curve_is_the_product_limit(made, orders):
    watched = []
    for days in orders.values():
        first, *later = sorted(days)
        watched.append(((later[0] - first).days, 1) if later else ((END - first).days, 0))
    table = {r["days"]: r["share"] for r in made.tables["repeat_curve"].to_pylist()}
    silent = 1.0
    for day in sorted({d for d, e in watched if e}):
        at_risk = sum(d >= day for d, _ in watched)
        silent *= 1.0 - sum(d == day and e for d, e in watched) / at_risk
        if day in (1, 7, 30, 180, 365):
            assert table[day] == pytest.approx(1.0 - silent, abs=1e-12)
    assert table[0] == 0.0


def test_stages_hold_every_customer_once(made, log):
    table = made.tables["stages"].to_pydict()
    stage = log_stages(log)
    assert sum(table["customers"]) == 2357
    assert sum(table["customer_share"]) == pytest.approx(1.0)
    assert dict(zip(table["stage"], table["customers"], strict=True)) == {
        s: stage.count(s) for s in table["stage"]
    }


def log_stages(log):
    return tn.lifecycle.Stages().assign(log).stage.tolist()


def test_loss_risk_is_counted_in_the_hold_out(made, orders):
    """Of all stages together: customers of the history without an order after the cut."""
    table = made.tables["stage_outcomes"].to_pydict()
    known = [days for days in orders.values() if min(days) <= CUT]
    lost = sum(all(day <= CUT for day in days) for days in known)
    spent = math.fsum(a for days in known for d, a in days.items() if d > CUT)
    assert sum(table["customers"]) == len(known)
    assert sum(table["lost"]) == lost
    assert math.fsum(table["revenue"]) == pytest.approx(spent, rel=1e-9)


def test_customers_are_those_of_the_models_the_most_valuable_first(made, log, page):
    base = log.summary("week")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.DataWarning)
        model = tn.clv.CLV(tn.clv.BGNBD(), tn.clv.GammaGamma()).fit(base)
        want = model.predict(base, horizon="1y")
    table = made.tables["customers"].to_pydict()
    assert table["expected_value"] == sorted(table["expected_value"], reverse=True)
    at = np.argsort(table["customer"])
    for name, column in (
        ("customer", want.customer),
        ("probability_alive", want.probability_alive),
        ("expected_orders", want.expected_purchases),
        ("expected_order_value", want.expected_spend),
        ("expected_value", want.clv),
        ("orders", base.frequency + 1),
        ("revenue", base.revenue),
    ):
        np.testing.assert_array_equal(np.array(table[name])[at], column)
    got = {f.key: f for f in made.figures}
    assert got["expected_orders"].value == pytest.approx(want.expected_purchases.sum())
    assert got["expected_value"].value == pytest.approx(want.clv.sum())
    best = made.tables["customers"].to_pylist()
    for row in best[:25]:
        cells = (
            f"{row['customer']} {row['orders']:,} {row['last_order']} ${row['revenue']:,.2f} "
            f"{100 * row['probability_alive']:.1f} % {row['expected_orders']:,.2f} "
            f"${row['expected_order_value']:,.2f} ${row['expected_value']:,.2f}"
        )
        assert cells in page
    assert f"${best[26]['expected_value']:,.2f}" not in page


def test_first_and_last_orders_are_local_days(made, orders):
    table = made.tables["customers"].to_pydict()
    for customer, first, last in zip(
        table["customer"], table["first_order"], table["last_order"], strict=True
    ):
        assert (first, last) == (min(orders[customer]), max(orders[customer]))


def test_the_interval_of_a_total_agrees_with_parameters_drawn_at_random(made, log):
    """The total over parameters drawn from their normal distribution, in logs."""
    base = log.summary("week")
    model = tn.clv.BGNBD().fit(base)
    random = np.random.default_rng(3)
    names = model.parameter_names
    centre = np.log([model.params_[n] for n in names])
    totals = []
    for draw in random.multivariate_normal(centre, model.log_covariance_, 400):
        model.params_ = dict(zip(names, np.exp(draw).tolist(), strict=True))
        totals.append(float(model.expected_purchases(base, "1y").sum()))
    low, high = np.quantile(totals, [0.025, 0.975])
    figure = next(f for f in made.figures if f.key == "expected_orders")
    assert figure.lower == pytest.approx(low, abs=0.12 * (high - low))
    assert figure.upper == pytest.approx(high, abs=0.12 * (high - low))


def test_deciles_hold_what_their_customers_hold(made):
    customers = made.tables["customers"].to_pylist()
    deciles = made.tables["value_deciles"].to_pylist()
    assert sorted({d["customers"] for d in deciles}) == [235, 236]
    assert sum(d["customers"] for d in deciles) == 2357
    for row in deciles:
        members = [c for c in customers if c["decile"] == row["decile"]]
        assert len(members) == row["customers"]
        value = math.fsum(c["expected_value"] for c in members)
        assert row["expected_value"] == pytest.approx(value)
        assert row["revenue"] == pytest.approx(math.fsum(c["revenue"] for c in members))
    assert sum(d["expected_share"] for d in deciles) == pytest.approx(1.0)
    for one, next_one in itertools.pairwise(customers):
        assert one["decile"] <= next_one["decile"]


def test_rfm_segments_hold_what_their_customers_hold(made):
    customers = made.tables["customers"].to_pylist()
    for row in made.tables["rfm_segments"].to_pylist():
        members = [c for c in customers if c["rfm_segment"] == row["segment"]]
        assert len(members) == row["customers"]
        assert row["revenue"] == pytest.approx(math.fsum(c["revenue"] for c in members), abs=1e-6)
        expected = math.fsum(c["expected_value"] for c in members)
        assert row["expected_value"] == pytest.approx(expected, abs=1e-6)


def test_the_fit_is_the_published_one_and_its_hold_out_the_counted_one(made, orders, page):
    """Fader, Hardie & Lee (2005): r .243, alpha 4.414, a .793, b 2.426 up to 1997-09-30."""
    fitted = {
        r["parameter"]: r["estimate"]
        for r in made.tables["parameters"].to_pylist()
        if r["fitted_to"] == "orders up to 1997-09-30"
    }
    assert [round(fitted[k], 3) for k in ("r", "alpha", "a", "b")] == [0.243, 4.414, 0.793, 2.426]
    later = sum(day > CUT for days in orders.values() for day in days)
    assert f"they placed {later:,}" in page
    table = made.tables["conditional_expectation"].to_pylist()
    for row in table[:7]:
        x = int(row["repeat_orders"])
        members = [d for d in orders.values() if sum(day <= CUT for day in d) == x + 1]
        assert row["customers"] == len(members)
        mean = sum(day > CUT for d in members for day in d) / len(members)
        assert row["actual"] == pytest.approx(mean)
    counts = made.tables["frequency_fit"].to_pydict()
    assert counts["customers"][0] == sum(sum(day <= CUT for day in d) == 1 for d in orders.values())
    assert sum(counts["expected"]) == pytest.approx(2357)


def test_tracking_counts_repeat_orders(made, orders):
    table = made.tables["tracking"].to_pylist()
    for row in table[5::20]:
        count = sum(max(sum(day <= row["period_end"] for day in d) - 1, 0) for d in orders.values())
        assert row["actual_cumulative"] == count
    assert [r["holdout"] for r in table] == [r["period_end"] > CUT for r in table]


def test_the_settings_are_told(made, page):
    assert made.parameters["cut"] == "1997-09-30"
    assert made.parameters["unit"] == "week"
    assert "1997-09-30, then 273 days of hold-out" in page
    assert f"tenure {tn.__version__}" in page


# --- the files -----------------------------------------------------------------------------------


def test_each_table_lies_beside_the_page_twice(made, folder):
    assert set(made.files) == {str(p) for p in folder.rglob("*") if p.is_file()}
    for name, table in made.tables.items():
        assert pq.read_table(folder / "tables" / f"{name}.parquet").equals(table)
        text = pacsv.read_csv(folder / "tables" / f"{name}.csv")
        assert text.num_rows == table.num_rows
        assert text.column_names == table.column_names
    assert (folder / "index.html").read_text(encoding="utf-8") == made.html
    about = json.loads((folder / "report.json").read_text())
    assert about["parameters"] == made.parameters


def test_the_same_log_gives_the_same_bytes(log, made, folder, tmp_path):
    again = tn.report(log, tmp_path / "out", currency="$", title="The sample")
    for file in folder.rglob("*"):
        if file.is_file():
            assert (tmp_path / "out" / file.relative_to(folder)).read_bytes() == file.read_bytes()
    assert again.html == made.html


def test_one_file_or_none(tmp_path):
    days = [dt.date(2024, 1, d) for d in (1, 2, 3)]
    log = tn.EventLog({"who": [1, 2, 1], "day": days}, customer="who", time="day")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        one_file_or_none(log, tmp_path)


def one_file_or_none(log, tmp_path):
    alone = tn.report(log, tmp_path / "page.html")
    assert alone.files == (str(tmp_path / "page.html"),)
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
    assert 'href="tables/' not in alone.html
    nothing = tn.report(log, None)
    assert nothing.page is None
    assert nothing.files == ()
    assert nothing.html == alone.html


def test_the_result_is_a_table_of_its_figures(made):
    table = made.to_arrow().to_pydict()
    assert table["figure"] == [f.key for f in made.figures]
    assert repr(made).startswith("The sample: ")


# --- the document --------------------------------------------------------------------------------


class Document(HTMLParser):
    """Every element with its attributes; complains about tags left open."""

    VOID = frozenset(("meta", "link", "br", "img", "input"))

    def __init__(self, page):
        super().__init__()
        self.elements, self.stack = [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag


@pytest.fixture(scope="module")
def document(made):
    return Document(made.html)


def test_tags_are_closed_and_ids_are_unique(document):
    assert document.stack == []
    ids = [a["id"] for _, a in document.elements if "id" in a]
    assert len(ids) == len(set(ids))


def test_the_page_points_to_itself_and_its_tables_only(document, folder):
    ids = {a["id"] for _, a in document.elements if "id" in a}
    for tag, attributes in document.elements:
        assert tag not in {"script", "img", "iframe", "object", "embed", "form", "base"}
        assert not {"src", "srcset", "action", "onload", "onclick", "onerror"} & set(attributes)
        for key, value in attributes.items():
            assert "http:" not in str(value), (tag, key, value)
            assert "https:" not in str(value), (tag, key, value)
            for target in re.findall(r"url\(#([^)]+)\)", str(value)):
                assert target in ids
        link = attributes.get("href")
        if link and tag != "link":
            assert link.startswith("#") or (folder / link).is_file()
            assert not link.startswith("#") or link[1:] in ids
        if tag == "link":
            assert link == "data:,"
    assert "@import" not in str(document.elements)


def test_the_policy_forbids_everything_else(document):
    policies = [a["content"] for t, a in document.elements if a.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_the_style_sheet_loads_nothing(made):
    style = re.search(r"<style>(.*?)</style>", made.html, re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style


def test_every_figure_and_picture_links_to_its_definition(document, made):
    links = {a["href"] for t, a in document.elements if a.get("class") == "term"}
    assert {f"#def-{f.term}" for f in made.figures} <= links
    pictures = sum(t == "svg" for t, _ in document.elements)
    titles = re.findall(r'<h3><a class="term" href="#def-([a-z-]+)">', made.html)
    assert len(titles) == pictures == 13
    assert {link.removeprefix("#def-") for link in links} <= KEYS


def test_every_definition_is_used(document):
    links = {
        a["href"].removeprefix("#def-")
        for _, a in document.elements
        if str(a.get("href", "")).startswith("#def-")
    }
    # "Refund" is linked where a log has refunds.
    assert KEYS - links <= {"refund"}


def test_pictures_are_described(document):
    for tag, attributes in document.elements:
        if tag == "svg":
            assert attributes["role"] == "img"
            assert len(attributes["aria-label"]) > 20


# --- escaping ------------------------------------------------------------------------------------

PAYLOADS = [
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=1">',
    "</td></tr></table><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&amp;",
    "javascript:alert(1)",
    "https://evil.example/x.png",
    "\u202egnp.exe",
    "a\x00b\x1b[31m",
]


@pytest.fixture(scope="module")
def hostile():
    random = np.random.default_rng(5)
    frame = {"customer": [], "time": [], "amount": [], "event": []}
    for i in range(120):
        day = 0
        name = PAYLOADS[i % len(PAYLOADS)] + str(i)
        while day < 300:
            frame["customer"].append(name)
            frame["time"].append(dt.date(2024, 1, 1) + dt.timedelta(days=day))
            frame["amount"].append(float(np.round(random.gamma(3, 10), 2)))
            frame["event"].append("<b>buy</b>")
            day += int(random.exponential(30 + i)) + 1
            if random.random() < 0.2:
                break
    return tn.EventLog(
        frame,
        customer="customer",
        time="time",
        amount="amount",
        event="event",
        orders=["<b>buy</b>"],
    )


@pytest.fixture(scope="module")
def hostile_report(hostile, tmp_path_factory):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.TenureWarning)
        return tn.report(
            hostile,
            tmp_path_factory.mktemp("hostile") / "out",
            title="</title><script>document.title='owned'</script>",
            currency="<$>",
        )


def test_hostile_texts_are_texts(hostile_report):
    document = Document(hostile_report.html)
    tags = {tag for tag, _ in document.elements}
    assert not tags & {"script", "img", "b"}
    assert all(not key.startswith("on") for _, a in document.elements for key in a)
    shown = html.unescape(hostile_report.html)
    for payload in PAYLOADS[:3]:
        assert payload in shown
    assert "{{ 7 * 7 }}" in shown
    assert "\x1b" not in hostile_report.html
    assert "\x00" not in hostile_report.html


# --- in a browser --------------------------------------------------------------------------------


def open_in_chromium(file, folder):
    """Return (document as loaded, console lines, URLs that were asked for)."""
    run = subprocess.run(
        [
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={folder / 'profile'}",
            f"--log-net-log={folder / 'net.json'}",
            "--enable-logging=stderr",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        # A sanitizer that is preloaded for Python has no business in the browser.
        env={k: v for k, v in os.environ.items() if k != "LD_PRELOAD"},
    )
    console = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    urls = re.findall(r'"url":"([^"]+)"', (folder / "net.json").read_text(errors="replace"))
    return run.stdout, console, urls


chromium = pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")


@chromium
def test_a_browser_shows_the_page_without_a_word_or_a_request(hostile_report, tmp_path):
    page = Path(hostile_report.page)
    dom, console, urls = open_in_chromium(page, tmp_path)
    assert console == []
    assert not [u for u in urls if "evil.example" in u]
    loaded = Document(dom)
    tags = {tag for tag, _ in loaded.elements}
    assert not tags & {"script", "img"}
    title = re.search(r"<title>(.*?)</title>", dom, re.DOTALL)[1]
    assert html.unescape(title).startswith("</title><script>")


@chromium
def test_the_browser_test_would_notice(tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text(
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'
        '<img src="https://evil.example/x.png"><script>console.log(1)</script>'
    )
    _, console, _ = open_in_chromium(bad, tmp_path)
    assert console
    (tmp_path / "open").mkdir()
    bad.write_text('<img src="https://evil.example/x.png">')
    _, _, urls = open_in_chromium(bad, tmp_path / "open")
    assert [u for u in urls if "evil.example" in u]
