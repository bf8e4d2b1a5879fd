"""Units, horizons, cutoffs and zones: against the calendar, the zone files and hand-made cases."""

from __future__ import annotations

import datetime as dt
import importlib.resources
import math
import random
import struct
import zoneinfo
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure import _time
from tenure._errors import InvalidInputError

UTC = dt.UTC
ZONES = [
    "Europe/London",
    "America/New_York",
    "America/St_Johns",  # changed at 00:01
    "America/Sao_Paulo",  # midnights that did not exist
    "Pacific/Apia",  # skipped a day
    "Africa/Casablanca",  # four changes a year
    "Australia/Lord_Howe",  # half an hour
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Antarctica/Troll",  # two hours
]


def micros(*args: int, tz: dt.tzinfo = UTC) -> int:
    return (dt.datetime(*args, tzinfo=tz) - dt.datetime(1970, 1, 1, tzinfo=UTC)) // dt.timedelta(
        microseconds=1
    )


def offset_at(zone: str, instant: int) -> int:
    """What `transitions` says, read as the engine reads it."""
    initial, at, offsets = _time.transitions(zone)
    i = int(np.searchsorted(at, instant, side="right"))
    return initial if i == 0 else int(offsets[i - 1])


def zoneinfo_offset(zone: str, instant: int) -> int:
    moment = dt.datetime(1970, 1, 1, tzinfo=UTC) + dt.timedelta(microseconds=instant)
    delta = moment.astimezone(zoneinfo.ZoneInfo(zone)).utcoffset()
    return delta // dt.timedelta(microseconds=1)


def zone_file(zone: str) -> bytes:
    for folder in zoneinfo.TZPATH:
        if (path := Path(folder, zone)).is_file():
            return path.read_bytes()
    return importlib.resources.files("tzdata").joinpath("zoneinfo", zone).read_bytes()


def changes_in_file(zone: str) -> list[int]:
    """Transition instants (seconds) of a TZif file [RFC 8536], read without zoneinfo."""
    data = zone_file(zone)

    def counts(at: int) -> tuple[int, ...]:
        assert data[at : at + 4] == b"TZif"
        return struct.unpack(">6l", data[at + 20 : at + 44])

    isut, isstd, leap, time, kind, char = counts(0)
    second = 44 + 5 * time + 6 * kind + char + 8 * leap + isstd + isut
    time = counts(second)[3]
    return list(struct.unpack(f">{time}q", data[second + 44 : second + 44 + 8 * time]))


def check_zone(zone: str, samples: int) -> None:
    rng = random.Random(zone)
    low, high = micros(1850, 1, 2), micros(2199, 12, 31)
    instants = [rng.randrange(low, high) for _ in range(samples)]
    for second in changes_in_file(zone):
        instants += [second * 1_000_000 + d for d in (-1, 0, 1)]
    for instant in instants:
        if low <= instant < high:
            assert offset_at(zone, instant) == zoneinfo_offset(zone, instant), (zone, instant)
    _, at, _ = _time.transitions(zone)
    assert (np.diff(at) > 0).all()


@pytest.mark.parametrize("zone", ZONES)
def test_transitions_are_those_of_the_zone_file(zone):
    check_zone(zone, 300)


@pytest.mark.slow
@pytest.mark.parametrize("zone", sorted(zoneinfo.available_timezones() - {"localtime"}))
def test_transitions_of_every_zone_there_is(zone):
    check_zone(zone, 100)


def test_utc_never_changes():
    initial, at, offsets = _time.transitions("UTC")
    assert (initial, len(at), len(offsets)) == (0, 0, 0)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", None, 5, "\0", "Europe"])
def test_unknown_zones_are_refused(name):
    with pytest.raises(InvalidInputError, match="timezone must be an IANA name"):
        _time.zone(name)


CUTOFFS = [
    ("1997-09-30", "UTC", micros(1997, 10, 1)),
    ("  1997-09-30 ", "UTC", micros(1997, 10, 1)),
    (dt.date(1997, 9, 30), "UTC", micros(1997, 10, 1)),
    (np.datetime64("1997-09-30"), "UTC", micros(1997, 10, 1)),
    ("1997-09-30T00:00", "UTC", micros(1997, 9, 30)),
    ("1997-09-30 12:30:15.5", "UTC", micros(1997, 9, 30, 12, 30, 15, 500_000)),
    ("1997-09-30T12:00+02:00", "UTC", micros(1997, 9, 30, 10)),
    ("1997-09-30T12:00Z", "America/New_York", micros(1997, 9, 30, 12)),
    (dt.datetime(1997, 9, 30, 12), "UTC", micros(1997, 9, 30, 12)),
    (dt.datetime(1997, 9, 30, 12), "America/New_York", micros(1997, 9, 30, 16)),
    (dt.datetime(1997, 9, 30, 12, tzinfo=UTC), "America/New_York", micros(1997, 9, 30, 12)),
    (np.datetime64("1997-09-30T12:00"), "UTC", micros(1997, 9, 30, 12)),
    (pd.Timestamp("1997-09-30 12:00"), "America/New_York", micros(1997, 9, 30, 16)),
    (pd.Timestamp("1997-09-30", tz="UTC"), "UTC", micros(1997, 9, 30)),
    ("2024-03-30", "Europe/London", micros(2024, 3, 31)),
    ("2024-03-31", "Europe/London", micros(2024, 3, 31, 23)),  # a day of 23 hours
    ("2024-10-27", "Europe/London", micros(2024, 10, 28)),  # a day of 25 hours
    ("2018-11-03", "America/Sao_Paulo", micros(2018, 11, 4, 3)),  # no midnight follows
    ("2011-12-29", "Pacific/Apia", micros(2011, 12, 30, 10)),  # no day follows
    ("1969-12-31", "UTC", 0),
]


@pytest.mark.parametrize(("value", "zone", "instant"), CUTOFFS, ids=lambda v: str(v))
def test_a_cutoff_is_the_first_instant_behind(value, zone, instant):
    assert _time.as_cutoff(value, zone, "cut") == instant


@given(st.dates(dt.date(1900, 1, 2), dt.date(2150, 12, 30)), st.sampled_from(ZONES))
def test_a_bare_date_keeps_its_whole_day(day, zone):
    cut = _time.as_cutoff(day, zone, "cut")
    assert _time.to_datetime(cut - 1, zone).date() <= day
    assert _time.to_datetime(cut, zone).date() > day
    before = _time.as_cutoff(day - dt.timedelta(days=1), zone, "cut")
    assert before <= cut
    if before < cut:  # the day exists
        assert _time.to_datetime(before, zone).date() == day


@pytest.mark.parametrize(
    "value",
    [
        *["", "yesterday", "1997-13-01", "30.9.1997", 19970930, 1.5, None, [dt.date(1997, 9, 30)]],
        *[pd.NaT, np.datetime64("NaT"), dt.time(12), "0001-01-01T00:00+10:00", "9999-12-31"],
        *[dt.date.max, np.datetime64("300000-01-01"), np.datetime64("9999-12-31")],
    ],
    ids=str,
)
def test_what_is_no_cutoff_is_refused_by_name(value):
    with pytest.raises(InvalidInputError, match=r"^cut must") as caught:
        _time.as_cutoff(value, "Asia/Tehran", "cut")
    assert caught.value.argument == "cut"


HORIZONS = [
    (39, "week", 39.0),
    ("39w", "week", 39.0),
    ("39 weeks", "week", 39.0),
    ("1y", "week", 365.25 / 7),
    ("1 year", "year", 1.0),
    ("6mo", "day", 6 * 30.4375),
    ("6m", "month", 6.0),
    ("1.5d", "day", 1.5),
    ("1e2d", "day", 100.0),
    (".5w", "day", 3.5),
    (dt.timedelta(days=14), "week", 2.0),
    (np.timedelta64(36, "h"), "day", 1.5),
    (0, "day", 0.0),
]


@pytest.mark.parametrize(("value", "unit", "length"), HORIZONS, ids=str)
def test_a_horizon_is_counted_in_the_unit(value, unit, length):
    assert _time.as_horizon(value, unit) == pytest.approx(length, rel=1e-15)


@pytest.mark.parametrize(
    "value",
    [
        *["39", "w", "39x", "-1w", "39w 2d", "1e400d", "nan", "39 wk", "", None, [39]],
        *[-1, math.inf, math.nan, dt.timedelta(days=-1), np.timedelta64("NaT")],
    ],
    ids=str,
)
def test_what_is_no_horizon_is_refused_by_name(value):
    with pytest.raises(InvalidInputError, match=r"^horizon must"):
        _time.as_horizon(value, "week")


def test_units_are_named():
    assert _time.as_unit("week") == "week"
    with pytest.raises(InvalidInputError, match="unit must be one of day, week, month, year"):
        _time.as_unit("fortnight")


def test_a_discount_rate_becomes_continuous_in_the_unit():
    # 10 % a year, discounted week by week over a year of 365.25 / 7 weeks, is 10 % again.
    delta = _time.discount_rate_per_unit(0.10, "year", "week")
    assert math.exp(delta * 365.25 / 7) == pytest.approx(1.10, rel=1e-14)
    assert _time.discount_rate_per_unit(0.0, "year", "week") == 0.0


@pytest.mark.parametrize("rate", [-1.0, -2, math.inf, math.nan, "10%", None])
def test_impossible_discount_rates_are_refused(rate):
    with pytest.raises(InvalidInputError, match="discount_rate must"):
        _time.discount_rate_per_unit(rate, "year", "week")


def test_a_discount_rate_needs_a_known_period():
    with pytest.raises(InvalidInputError, match="discount_period must be one of"):
        _time.discount_rate_per_unit(0.1, "annum", "week")
