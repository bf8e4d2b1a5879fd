"""Contracts by period against a replay of each customer's events in rational numbers."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
import retention_oracle as calendar
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn

START = dt.datetime(2017, 9, 20, 12, tzinfo=dt.UTC)
ZONES = ["UTC", "America/Sao_Paulo", "Europe/London"]
KINDS = ["start", "start", "renewal", "renewal", "change", "cancel", "other"]
#: Every name occurs, so that it can be asked for: in a contract of no length.
EVERY_KIND = [(-1, START, kind, 1.0) for kind in dict.fromkeys(KINDS)]


def many_rows(seed, n):
    """(customer, instant, event, amount or None) with ties and instants around clock changes."""
    rng = random.Random(seed)
    times = [0, 48, 48, 1178, 1180, 1893, 1894]
    rows = []
    for _ in range(n):
        half_hour = rng.choice(times) if rng.random() < 0.25 else rng.randrange(200 * 48)
        kind = rng.choice(KINDS)
        amount = rng.choice([0, 10, 999, 1999, rng.randrange(10**6)]) / 100
        if kind == "cancel" or (kind == "renewal" and rng.random() < 0.2):
            amount = None
        rows.append((rng.randrange(7), START + dt.timedelta(minutes=30 * half_hour), kind, amount))
    rows.sort(key=lambda r: r[1])
    seen = (
        set(range(7)) if rng.random() < 0.05 else set()
    )  # of some customers the revenue may remain unknown
    for i, (customer, t, kind, amount) in enumerate(rows):
        if kind == "renewal" and customer not in seen:
            rows[i] = customer, t, kind, amount or 5.0
        seen |= {customer} if kind in ("start", "renewal", "change") else set()
    rng.shuffle(rows)
    return rows


logs = st.builds(many_rows, st.integers(0, 2**32), st.integers(1, 60))


def log_of(rows, zone="UTC", until=None):
    table = [*rows, *EVERY_KIND]
    frame = pa.table(
        {"id": [r[0] for r in table],
         "t": pa.array([r[1] for r in table], pa.timestamp("us", "UTC")),
         "what": [r[2] for r in table], "mrr": pa.array([r[3] for r in table], pa.float64())}
    )  # fmt: skip
    return tn.EventLog(
        frame, customer="id", time="t", event="what", amount="mrr", timezone=zone,
        orders=["start", "change"],
        observed_until=until,
    )  # fmt: skip


class UnknownRevenue(Exception):  # noqa: N818
    """A contract that was never seen is renewed without an amount."""


def counts(row, kind):
    """Whether a row is of that kind and has an amount that counts."""
    return row[2] == kind and row[3] is not None and (kind != "renewal" or row[3] != 0)


def millionths(amount):
    return Fraction(round(amount * 10**6), 10**6)


class Replay:
    """One customer's contract, from the first event to the end of a period, anew at each call."""

    def __init__(self, mine, period, zone, term):
        self.period, self.zone, self.term = period, zone, term
        ordered = sorted(mine, key=lambda r: r[1])
        self.instants = [(t, list(g)) for t, g in itertools.groupby(ordered, lambda r: r[1])]

    def at(self, time):
        return calendar.period_of(time, self.period, self.zone)

    def end_of(self, p):
        return calendar.begins(p + 1, self.period, self.zone)

    def to(self, last):
        """(revenue or None, spells of (from, to, period of the end), the first start)."""
        revenue, due, spells, first, latest = None, None, [], None, None
        for t, group in self.instants:
            p = self.at(t)
            if p > last:
                break
            if revenue is not None and self.term and due < p:
                revenue = None
                spells[-1] = (spells[-1][0], self.end_of(due), due)
            kinds = {r[2] for r in group}
            amounts = [
                max(r[3] for r in group if counts(r, kind))
                for kind in ("start", "renewal", "change")
                if any(counts(r, kind) for r in group)
            ]
            opens = bool(kinds & {"start", "renewal"})
            if revenue is None and (opens or "change" in kinds):
                if not amounts and first is None:
                    raise UnknownRevenue
                revenue = latest = millionths(amounts[-1]) if amounts else latest
                first, due = first or t, p + (self.term or 0)
                spells.append((t, None, None))
                if "cancel" in kinds:
                    revenue, spells[-1] = None, (t, t, p)
            elif revenue is not None and "cancel" in kinds and not opens:
                revenue, spells[-1] = None, (spells[-1][0], t, p)
            elif revenue is not None:
                if amounts:
                    revenue = latest = millionths(amounts[-1])
                due = p + (self.term or 0) if opens else due
        if revenue is not None and self.term and due <= last:
            revenue, spells[-1] = None, (spells[-1][0], self.end_of(due), due)
        return revenue, spells, first


def needs_amount(rows, period, zone, term):
    try:
        for c in {r[0] for r in rows}:
            Replay([r for r in rows if r[0] == c], period, zone, term).to(10**9)
    except UnknownRevenue:
        return True
    return False


def by_definition(rows, until, period, zone, term):
    rows = [r for r in rows if r[1] < until]
    ids = sorted({r[0] for r in rows})
    replays = [Replay([r for r in rows if r[0] == c], period, zone, term) for c in ids]
    first = min(calendar.period_of(t, period, zone) for _, t, *_ in [*rows, (0, START)])
    periods = []
    while calendar.begins(first + len(periods) + 1, period, zone) <= until:
        periods.append(first + len(periods))
    names = ("opening", "new", "reactivated", "churned", "closing", "expanded", "contracted",
             "opening_revenue", "new_revenue", "reactivated_revenue", "expansion", "contraction",
             "churned_revenue", "closing_revenue", "ended", "brief", "exposure")  # fmt: skip
    out = {name: [Fraction(0)] * len(periods) for name in names}
    survivors = np.full((len(periods), len(periods)), np.nan)
    for i in range(len(periods)):
        survivors[i, : len(periods) - i] = 0
    for replay in replays:
        states = [replay.to(p)[0] for p in periods]
        _, spells, born = replay.to(periods[-1]) if periods else (None, [], None)
        for i, p in enumerate(periods):

            def add(name, value=1, i=i):
                out[name][i] += value

            before, after = (states[i - 1] if i else None), states[i]
            if before is not None:
                add("opening"), add("opening_revenue", before)
            if after is not None:
                add("closing"), add("closing_revenue", after)
            if before is None and after is not None:
                kind = "new" if replay.at(born) == p else "reactivated"
                add(kind), add(f"{kind}_revenue", after)
            elif before is not None and after is None:
                add("churned"), add("churned_revenue", before)
            elif before is not None and after > before:
                add("expanded"), add("expansion", after - before)
            elif before is not None and after < before:
                add("contracted"), add("contraction", before - after)
            begins, ends = calendar.begins(p, period, zone), replay.end_of(p)
            there = False
            for since, to, end in spells:
                if end == p:
                    add("ended")
                low, high = max(since, begins), min(to or ends, ends)
                if low < high:
                    add("exposure", Fraction((high - low) / dt.timedelta(microseconds=1))
                        / Fraction((ends - begins) / dt.timedelta(microseconds=1)))  # fmt: skip
                there |= replay.at(since) == p
            add("brief", int(there and before is None and after is None))
        if born is not None and replay.at(born) in periods:
            i = periods.index(replay.at(born))
            survivors[i, 0] += 1
            for k in range(1, len(periods) - i):
                survivors[i, k] += all(s is not None for s in states[i : i + k + 1])
    return [calendar.first_day(p, period) for p in periods], out, survivors


@settings(max_examples=80)
@given(
    logs,
    st.sampled_from(ZONES),
    st.sampled_from(["week", "month", "month", "quarter", "year"]),
    st.sampled_from([None, None, 1, 2]),
    st.integers(0, 90),
)
@pytest.mark.filterwarnings("ignore::tenure.DataWarning")
def test_equals_a_replay_of_each_customer(rows, zone, period, term, days):
    until = max(r[1] for r in [*rows, (0, START)]) + dt.timedelta(days=days, hours=7)
    everyone = [*rows, *EVERY_KIND]
    log = log_of(rows, zone, until)
    if needs_amount(everyone, period, zone, term):
        with pytest.raises(tn.InvalidInputError, match="needs an amount"):
            tn.cohort.contracts(log, period, term=term, n_bootstrap=2)
        return
    c = tn.cohort.contracts(log, period, term=term, n_bootstrap=2)
    periods, expected, survivors = by_definition(everyone, until, period, zone, term)
    assert c.periods.tolist() == periods
    for name, values in expected.items():
        got = getattr(c, name)
        if name == "exposure":
            assert_allclose(got, [float(v) for v in values], rtol=1e-12, atol=1e-12)
        else:
            assert got.tolist() == [float(v) for v in values], name
    assert_array_equal(c.survivors, survivors)
    # To the millionth.
    units = {n: [round(v * 10**6) for v in getattr(c, n).tolist()] for n in expected if n in (
        "opening_revenue", "new_revenue", "reactivated_revenue", "expansion", "contraction",
        "churned_revenue", "closing_revenue")}  # fmt: skip
    for o, n, r, e, d, x, z in zip(*units.values(), strict=True):
        assert o + n + r + e - d - x == z
    assert_array_equal(c.opening + c.new + c.reactivated - c.churned, c.closing)


# --- rates ----------------------------------------------------------------------------------------


def day(month, d=9):
    return dt.datetime(2024, month, d, tzinfo=dt.UTC)


def base(n=40, leave=6, shrink=5, grow=8):
    """n contracts of January at 10; in February some leave, some shrink to 7, some grow to 16."""
    rows = [(i, day(1), "start", 10.0) for i in range(n)]
    rows += [(i, day(2), "cancel", None) for i in range(leave)]
    rows += [(leave + i, day(2), "change", 7.0) for i in range(shrink)]
    rows += [(leave + shrink + i, day(2), "change", 16.0) for i in range(grow)]
    return rows


def plain_log(rows, until="2024-02-29", orders=("start", "change")):
    orders = [o for o in orders if o in {r[2] for r in rows}]
    return tn.EventLog(
        {"id": [r[0] for r in rows], "t": [r[1] for r in rows], "what": [r[2] for r in rows],
         "mrr": [r[3] for r in rows]},
        customer="id", time="t", event="what", amount="mrr", orders=orders,
        observed_until=until,
    )  # fmt: skip


def test_rates_by_hand():
    c = tn.cohort.contracts(plain_log(base()), level=0.9)
    assert np.isnan(c.logo_churn[0])
    assert (c.logo_churn[1], c.gross_churn[1], c.net_churn[1]) == (0.15, 75 / 400, 27 / 400)
    assert_allclose([c.gross_retention[1], c.net_retention[1]], [1 - 75 / 400, 1 - 27 / 400])
    wilson = scipy.stats.binomtest(6, 40).proportion_ci(0.9, method="wilson")
    assert_allclose([c.logo_churn_lower[1], c.logo_churn_upper[1]], wilson, rtol=1e-12)
    assert_allclose(c.annual_churn[1], 1 - 0.85**12, rtol=1e-14)
    assert_allclose(c.annual_churn_upper[1], 1 - (1 - wilson.high) ** 12, rtol=1e-12)
    # February: 34 all month, 6 until the 9th.
    assert_allclose(c.exposure[1], 34 + 6 * 8 / 29, rtol=1e-14)
    assert_allclose(c.hazard[1], 6 / c.exposure[1], rtol=1e-14)
    z = scipy.stats.norm.ppf(0.95)
    for limit in (c.hazard_lower[1], c.hazard_upper[1]):  # the score of a Poisson count is z
        mean = limit * c.exposure[1]
        assert_allclose((6 - mean) ** 2 / mean, z * z, rtol=1e-10)
    assert c.few.tolist() == [True, False]


def test_new_customers_are_in_no_rate_but_the_hazard():
    rows = [*base(), *((100 + i, day(2, 3), "start", 50.0) for i in range(9)),
            *((100 + i, day(2, 20), "cancel", None) for i in range(4))]  # fmt: skip
    c, old = (tn.cohort.contracts(plain_log(r)) for r in (rows, base()))
    for name in ("logo_churn", "gross_churn", "net_churn"):
        assert_array_equal(getattr(c, name), getattr(old, name))
    assert (c.brief[1], c.ended[1], c.new[1]) == (4, 10, 5)
    assert c.hazard[1] > old.hazard[1]


def test_bootstrap_has_the_spread_of_the_ratio():
    rng = np.random.default_rng(3)
    before = np.round(rng.gamma(2.0, 50.0, 2000), 2)
    after = np.where(rng.random(2000) < 0.1, 0.0, np.round(before * rng.uniform(0.5, 1.6, 2000), 2))
    rows = [(i, day(1), "start", float(v)) for i, v in enumerate(before)]
    rows += [(i, day(2), "cancel" if v == 0 else "change", float(v)) for i, v in enumerate(after)]
    c = tn.cohort.contracts(plain_log(rows), n_bootstrap=4000, random_state=5)
    for name, lost in (("gross", np.maximum(before - after, 0)), ("net", before - after)):
        rate = lost.sum() / before.sum()
        error = np.sqrt(np.sum((lost - rate * before) ** 2)) / before.sum()
        limits = [getattr(c, f"{name}_churn_{end}")[1] for end in ("lower", "upper")]
        assert_allclose(getattr(c, f"{name}_churn")[1], rate, rtol=1e-12)
        assert_allclose(limits, [rate - 1.96 * error, rate + 1.96 * error], atol=0.12 * error)


@pytest.mark.filterwarnings("ignore::tenure.DataWarning")
def test_same_bits_for_every_thread_count_and_order():
    rows = [(c + 9 * k, *r) for k in range(300) for c, *r in many_rows(k, 12)]
    rows = [(c, t, kind, v or 5.0) for c, t, kind, v in rows]
    until = max(r[1] for r in rows) + dt.timedelta(days=3)
    one, *others = (
        tn.cohort.contracts(plain_log(r, until), n_threads=n, n_bootstrap=20)
        for r, n in ((rows, 1), (rows, 3), (rows[::-1], 2))
    )
    for other in others:
        assert other.to_pandas().equals(one.to_pandas())
        assert other.survivors.tobytes() == one.survivors.tobytes()
    assert one.n_without_contract == others[0].n_without_contract
    seeded = tn.cohort.contracts(plain_log(rows, until), n_bootstrap=20, random_state=1)
    assert not np.array_equal(seeded.net_churn_lower, one.net_churn_lower, equal_nan=True)


def test_names_of_events_are_free():
    rows = [(0, day(1), "begin", 4.0), (1, day(1), "trial", 0.0), (0, day(2), "end", None)]
    log = plain_log(rows, orders=["begin", "trial"])
    c = tn.cohort.contracts(log, start=["begin", "trial"], cancel="end")
    assert c.closing.tolist() == [2, 1]
    assert c.closing_revenue.tolist() == [4.0, 0.0]
    assert_array_equal(c.net_churn, [np.nan, 1.0])


def test_who_is_first_seen_in_the_middle_is_told():
    rows = [(0, day(1), "start", 1.0), (1, day(1), "renewal", 2.0), (2, day(1), "cancel", None)]
    with pytest.warns(tn.DataWarning) as caught:
        c = tn.cohort.contracts(plain_log(rows))
    assert len(caught) == 2
    assert "1 customers are first seen with a renewal" in c.warnings[0]
    assert "1 cancellations" in c.warnings[1]
    assert c.new.tolist() == [2, 0]
    assert c.n_without_contract == 1


def test_survivors_are_projected():
    rng = np.random.default_rng(6)
    life = rng.geometric(rng.beta(0.8, 3.0, 2000))
    start = rng.integers(1, 7, 2000)
    rows = [(i, day(int(m)), "start", 9.0) for i, m in enumerate(start)]
    ends = [(i, int(end)) for i, end in enumerate(start + life) if end <= 11]
    rows += [(i, day(end), "cancel", None) for i, end in ends]
    c = tn.cohort.contracts(plain_log(rows, "2024-11-30"))
    by_hand = np.full((11, 11), np.nan)
    for m in range(1, 12):
        for k in range(12 - m):
            by_hand[m - 1, k] = (life[start == m] > k).sum()
    assert_array_equal(c.survivors, by_hand)
    p = tn.cohort.project(c, 20)
    assert p.params == tn.cohort.project(by_hand[:6], 20).params
    assert p.customers.cohort[0] == dt.date(2024, 1, 1)


def test_picture_is_the_bridge():
    pytest.importorskip("matplotlib").use("Agg")
    c = tn.cohort.contracts(plain_log(base()))
    heights = np.array([p.get_height() for p in c.plot().patches]).reshape(5, -1)
    parts = [c.new_revenue, c.reactivated_revenue, c.expansion, -c.churned_revenue, -c.contraction]
    assert_array_equal(heights, parts)
    assert_allclose(heights.sum(axis=0), c.closing_revenue - c.opening_revenue)


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({"period": "hour"}, "period"),
        ({"start": "begin"}, "start"),
        ({"change": "grow"}, "change"),
        ({"cancel": []}, "cancel"),
        ({"cancel": "start"}, "cancel"),
        ({"renewal": ["cancel"], "cancel": "cancel"}, "cancel"),
        ({"term": 0}, "term"),
        ({"term": 1.5}, "term"),
        ({"term": 5000}, "term"),
        ({"level": 0}, "level"),
        ({"n_bootstrap": 1}, "n_bootstrap"),
        ({"random_state": -1}, "random_state"),
        ({"n_threads": 0}, "n_threads"),
    ],
)
def test_refuses_settings_out_of_range(given, argument):
    with pytest.raises(tn.InvalidInputError) as error:
        tn.cohort.contracts(plain_log(base()), **given)
    assert error.value.argument == argument


def test_refuses_logs_that_hold_no_contracts():
    rows = {"id": [1], "t": [day(1)], "what": ["start"], "v": [1.0]}
    for more, says in (({"event": "what", "orders": ["start"]}, "must have amounts"),
                       ({"amount": "v"}, "event names")):  # fmt: skip
        with pytest.raises(tn.InvalidInputError, match=says):
            tn.cohort.contracts(tn.EventLog(rows, customer="id", time="t", **more))
    with pytest.raises(tn.InvalidInputError, match="among the orders"):
        tn.cohort.contracts(plain_log(base(), orders=["start"]))
    for bad in (-1.0, 1e13):
        with pytest.raises(tn.InvalidInputError, match="recurring revenue"):
            tn.cohort.contracts(plain_log([*base(3, 0, 0, 0), (1, day(2), "change", bad)]))
