"""Features as of a date: against a plain reading of the rows, and blind to what comes later."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import statistics
import zoneinfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tenure as tn

DAY = 86_400_000_000
START = int(dt.datetime(2018, 10, 20, tzinfo=dt.UTC).timestamp()) * 10**6
EVENTS = ["pay", "view", "zoom"]
WINDOWS = {"1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}


@st.composite
def logs(draw):
    zone = draw(st.sampled_from(["UTC", "America/Sao_Paulo", "Europe/London"]))
    n = draw(st.integers(1, 40))
    rows = [
        (
            draw(st.integers(0, 3)),
            START + draw(st.integers(0, 400)) * (DAY // 8),
            draw(st.sampled_from([-4.0, 0.0, 0.25, 3.0, 1e9])),
            draw(st.sampled_from(EVENTS)),
        )
        for _ in range(n)
    ]
    cuts = draw(st.lists(st.integers(0, 420), min_size=1, max_size=4, unique=True))
    return zone, rows, [START + c * (DAY // 8) for c in sorted(cuts)]


def log_of(zone, rows) -> tn.EventLog:
    who, when, paid, what = zip(*rows, strict=True)
    frame = {
        "who": list(who),
        "when": pa.array(np.array(when).view("M8[us]")).cast(pa.timestamp("us", "UTC")),
        "paid": list(paid),
        "what": list(what),
    }
    return tn.EventLog(
        frame,
        customer="who",
        time="when",
        amount="paid",
        event="what",
        orders=["pay"] if "pay" in what else [what[0]],
        timezone=zone,
        observed_until="2018-12-31",
    )


def instant(micros: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros)


def expected(log, rows, cut, who, zone):
    day = {r: instant(r[1]).astimezone(zoneinfo.ZoneInfo(zone)).date() for r in rows}
    known = sorted(r for r in rows if r[0] == who and r[1] < cut)
    if not known:
        return None
    found = {}
    for label, length in [*WINDOWS.items(), ("total", 10**18)]:
        inside = [r for r in known if r[1] >= cut - length]
        found[f"events_{label}"] = len(inside)
        found[f"active_days_{label}"] = len({day[r] for r in inside})
        orders = [r for r in inside if r[3] in log.orders]
        amount = math.fsum(r[2] for r in orders)
        count = sum(r[2] >= 0 for r in orders)
        found[f"amount_{label}"] = amount
        found[f"orders_{label}"] = count
        found[f"mean_amount_{label}"] = amount / count if count else math.nan
        for event in log.event_names:
            found[f"n_{event}_{label}"] = sum(r[3] == event for r in inside)
        if label != "total":
            later = sum(r[1] >= cut - length // 2 for r in inside)
            found[f"trend_{label}"] = later - (len(inside) - later)
    days = sorted({day[r] for r in known})
    gaps = [(b - a).days for a, b in itertools.pairwise(days)]
    found["days_since_first"] = (cut - known[0][1]) / DAY
    found["days_since_last"] = (cut - known[-1][1]) / DAY
    found["mean_gap"] = statistics.mean(gaps) if gaps else math.nan
    found["std_gap"] = statistics.stdev(gaps) if len(gaps) > 1 else math.nan
    found["last_gap"] = gaps[-1] if gaps else math.nan
    return found


@given(logs())
def test_features_are_a_plain_reading_of_the_rows(given_log):
    zone, rows, cuts = given_log
    log = log_of(zone, rows)
    table = log.features(
        [instant(c) for c in cuts], windows=list(WINDOWS), events=list(log.event_names)
    )
    wanted = []
    for cut in cuts:
        for who in sorted({r[0] for r in rows}):
            found = expected(log, rows, cut, who, zone)
            if found:
                wanted.append({"at": np.datetime64(cut, "us"), "customer": who, **found})
    assert len(table) == len(wanted)
    for k, want in enumerate(wanted):
        assert table.at[k] == want.pop("at")
        assert table.customer[k] == want.pop("customer")
        assert set(want) == set(table.names)
        for name, value in want.items():
            got = float(table.columns[name][k])
            assert got == pytest.approx(np.float32(value), rel=1e-6, abs=1e-6, nan_ok=True), name


@given(logs(), st.integers(0, 10**6))
def test_what_happens_at_or_after_the_cutoff_changes_nothing(given_log, seed):
    zone, rows, cuts = given_log
    cut = cuts[0]
    rng = np.random.default_rng(seed)
    past = [r for r in rows if r[1] < cut]
    # All names stay, as the names of a log are its columns.
    futures = [
        past + [(r[0], cut + int(d), r[2] * 7, r[3]) for r, d in zip(rows, delays, strict=True)]
        for delays in (rng.integers(0, DAY, len(rows)), rng.integers(0, 9 * DAY, len(rows)))
    ]
    a, b = (
        log_of(zone, future).features([instant(cut)], windows=list(WINDOWS)) for future in futures
    )
    assert a.customer.tolist() == b.customer.tolist()
    assert a.to_numpy().tobytes() == b.to_numpy().tobytes()


@given(logs())
def test_a_cutoff_does_not_depend_on_the_others(given_log):
    zone, rows, cuts = given_log
    log = log_of(zone, rows)
    together = log.features([instant(c) for c in cuts], windows=["7d"], n_threads=3)
    for k, cut in enumerate(cuts):
        alone = log.features([instant(cut)], windows=["7d"], n_threads=1)
        assert together[k].customer.tolist() == alone.customer.tolist()
        assert together[k].to_numpy().tobytes() == alone.to_numpy().tobytes()


def test_a_small_sum_behind_a_huge_one_keeps_its_digits():
    when = np.arange(4).astype("M8[D]")
    rows = {"who": [1] * 4, "when": when, "paid": [1e15, 0.1, 0.2, 0.3]}
    log = tn.EventLog(rows, customer="who", time="when", amount="paid")
    table = log.features(["1970-01-04"], windows=["3d"])
    assert table.columns["amount_3d"][0] == np.float32(0.6)


def test_the_table_reads_well_and_converts():
    orders = tn.datasets.load_cdnow(sample=True)
    log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    table = log.features(["1997-09-30", "1998-03-31"], windows=["4w", 90])
    assert "22 features of customers at 2 dates" in repr(table)
    assert table.names[:2] == ("events_4w", "active_days_4w")
    assert "trend_90d" in table.names
    assert table.to_arrow().num_columns == 24
    assert table.to_numpy().shape == (len(table), 22)
    assert table[-1].dates == (table.dates[1],)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"at": ["1998-03-31", "1997-09-30"]}, "behind the date before it"),
        ({"at": ["2001-01-01"]}, "behind the end"),
        ({"at": ["1997-09-30"], "windows": ["7d", "7d"]}, "different lengths"),
        ({"at": ["1997-09-30"], "windows": [0]}, "longer than 0|must be"),
        ({"at": ["1997-09-30"], "windows": ["soon"]}, r"windows\[0\] must be"),
        ({"at": ["1997-09-30"], "events": "view"}, "no event names"),
    ],
)
def test_what_cannot_be_asked_is_told(given, says):
    orders = tn.datasets.load_cdnow(sample=True)
    log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    with pytest.raises(tn.InvalidInputError, match=says):
        log.features(**given)
