"""Units, cutoffs, horizons and time zones: the one reading of time that everything shares."""

from __future__ import annotations

import datetime as dt
import functools
import math
import re
import zoneinfo
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._validation import Ints, as_choice, as_number

MICROS_PER_DAY = 86_400_000_000

#: Days in one unit; a month and a year are means over the Gregorian leap rule's quarter days.
UNIT_DAYS = {"day": 1.0, "week": 7.0, "month": 30.4375, "year": 365.25}
PERIODS = ("day", "week", "month", "quarter", "year")

_SUFFIX = {"d": "day", "w": "week", "mo": "month", "m": "month", "y": "year"}
_HORIZON = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z]+)\s*")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def as_unit(unit: Any, name: str = "unit") -> str:
    """Return the unit if it is one of day, week, month, year."""
    if unit not in UNIT_DAYS:
        msg = f"{name} must be one of {', '.join(UNIT_DAYS)}; got {unit!r}"
        raise InvalidInputError(msg, argument=name, value=unit)
    return str(unit)


def convert(length: float, unit: str, to: str) -> float:
    """Convert a length of time between units; exact where they are the same."""
    return length if unit == to else length * (UNIT_DAYS[unit] / UNIT_DAYS[to])


def as_horizon(value: Any, unit: str, name: str = "horizon") -> float:
    """Return a length of time in `unit`, from a number or a text such as "39w" or "1y"."""
    if isinstance(value, str):
        match = _HORIZON.fullmatch(value)
        suffix = match.group(2).lower() if match else ""
        named = _SUFFIX.get(suffix) or (
            suffix.rstrip("s") if suffix.rstrip("s") in UNIT_DAYS else None
        )
        if match is None or named is None:
            msg = (
                f"{name} must be a number in {unit}s or a text such as '39w' or '1y', got {value!r}"
            )
            raise InvalidInputError(msg, argument=name, value=value)
        return convert(as_number(float(match.group(1)), name, at_least=0.0), named, unit)
    if isinstance(value, (dt.timedelta, np.timedelta64)):
        days = np.timedelta64(value).astype("timedelta64[us]").astype(np.int64) / MICROS_PER_DAY
        return convert(as_number(float(days), name, at_least=0.0), "day", unit)
    return as_number(value, name, at_least=0.0)


def discount_rate_per_unit(rate: Any, period: str, unit: str) -> float:
    """Return the continuous rate delta = ln(1 + rate) per period, scaled to one `unit`."""
    annual = as_number(rate, "discount_rate", above=-1.0)
    as_unit(period, "discount_period")
    return math.log1p(annual) / convert(1.0, period, unit)


def zone(name: Any) -> zoneinfo.ZoneInfo | dt.timezone:
    """Return the time zone of that name."""
    if name == "UTC":
        return dt.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        msg = f"timezone must be an IANA name such as 'Europe/London', got {name!r}"
        raise InvalidInputError(msg, argument="timezone", value=name) from error


@functools.lru_cache(maxsize=64)
def transitions(name: str) -> tuple[int, Ints, Ints]:
    """Return (initial offset, transition instants, offsets from then on), in microseconds.

    zoneinfo keeps its transitions to itself, so they are found by bisection between samples five
    days apart, from 1850 to 2200; two changes within five days have never been legislated.
    """
    if name == "UTC":
        empty = np.empty(0, dtype=np.int64)
        return 0, empty, empty
    tz = zone(name)

    def offset(second: int) -> int:
        instant = (_EPOCH + dt.timedelta(seconds=second)).astimezone(tz)
        delta = instant.utcoffset()
        assert delta is not None
        return int(delta.total_seconds())

    step = 5 * 86_400
    low = int((dt.datetime(1850, 1, 1, tzinfo=dt.UTC) - _EPOCH).total_seconds())
    high = int((dt.datetime(2200, 1, 1, tzinfo=dt.UTC) - _EPOCH).total_seconds())
    at: list[int] = []
    offsets: list[int] = []
    previous = first = offset(low)
    for sample in range(low + step, high, step):
        now = offset(sample)
        if now == previous:
            continue
        left, right = sample - step, sample
        while right - left > 1:
            middle = (left + right) // 2
            if offset(middle) == previous:
                left = middle
            else:
                right = middle
        at.append(right)
        offsets.append(now)
        previous = now
    scale = 1_000_000
    return first * scale, np.array(at, np.int64) * scale, np.array(offsets, np.int64) * scale


def to_datetime(micros: int, timezone: str = "UTC") -> dt.datetime:
    """Return an instant as an aware datetime of the zone."""
    return (_EPOCH + dt.timedelta(microseconds=int(micros))).astimezone(zone(timezone))


def _instant(value: dt.datetime) -> int:
    return (value - _EPOCH) // dt.timedelta(microseconds=1)


@functools.lru_cache(maxsize=64)
def engine_zone(name: str) -> _core.events.TimeZone:
    """Return the zone as the engine reads it."""
    return _core.events.TimeZone(*transitions(name))


def engine_period(name: str) -> _core.events.Period:
    """Return one of `PERIODS` as the engine reads it."""
    period: _core.events.Period = getattr(_core.events.Period, name)
    return period


def as_period(value: Any, name: str = "period") -> _core.events.Period:
    """Return the engine's period of that name, if it is one of `PERIODS`."""
    return engine_period(as_choice(value, name, PERIODS))


def start_of_day(day: dt.date, timezone: str = "UTC") -> int:
    """Return the first instant of a local day, also where midnight does not exist."""
    return engine_zone(timezone).start_of_day(day.toordinal() - _EPOCH.toordinal())


def as_cutoff(value: Any, timezone: str, name: str) -> int:
    """Return the instant c (microseconds) such that history is t < c.

    A bare date means the end of that local day. A datetime, or a text with a time of day, is that
    instant; without an offset it is local time of `timezone`.
    """
    try:
        return _cutoff(value, timezone, name)
    except OverflowError as error:
        msg = f"{name} must lie well within the years 1 to 9999, got {value!r}"
        raise InvalidInputError(msg, argument=name, value=value) from error


def as_start(value: Any, timezone: str, name: str) -> int:
    """Return an instant from which something begins; a bare date means the start of that day."""
    until = as_cutoff(value, timezone, name)
    bare = (
        (isinstance(value, str) and len(value.strip()) <= 10)
        or (isinstance(value, dt.date) and not isinstance(value, dt.datetime))
        or (isinstance(value, np.datetime64) and np.datetime_data(value.dtype)[0] in "DWMY")
    )
    return start_of_day(to_datetime(until - 1, timezone).date(), timezone) if bare else until


def as_end(value: Any, timezone: str, name: str = "observed_until") -> int | None:
    """Return the instant at which observation ends, as `as_cutoff`; None if none was said."""
    return None if value is None else as_cutoff(value, timezone, name)


def _cutoff(value: Any, timezone: str, name: str) -> int:
    if isinstance(value, np.datetime64):
        bare = np.datetime_data(value.dtype)[0] in {"D", "W", "M", "Y"}
        if np.isnat(value):
            msg = f"{name} must be a date or an instant, got NaT"
            raise InvalidInputError(msg, argument=name, value=value)
        value = value.astype("datetime64[D]" if bare else "datetime64[us]").item()
    if isinstance(value, str):
        text = value.strip()
        try:
            value = (
                dt.date.fromisoformat(text) if len(text) <= 10 else dt.datetime.fromisoformat(text)
            )
        except ValueError as error:
            msg = f"{name} must be a date such as '1997-09-30' or an ISO instant, got {value!r}"
            raise InvalidInputError(msg, argument=name, value=value) from error
    if isinstance(value, dt.datetime):
        if value != value:
            msg = f"{name} must be a date or an instant, got {value!r}"
            raise InvalidInputError(msg, argument=name, value=value)
        aware = value if value.tzinfo else value.replace(tzinfo=zone(timezone))
        return _instant(aware.astimezone(dt.UTC))
    if isinstance(value, dt.date):
        return start_of_day(value + dt.timedelta(days=1), timezone)
    msg = f"{name} must be a date or an instant, got {value!r}"
    raise InvalidInputError(msg, argument=name, value=value)


def as_calendar_length(value: Any, name: str) -> tuple[int, int]:
    """Return a length as whole calendar months and days: "24mo", "2y", "90d", "6w" or days."""
    text = f"{value}d" if not isinstance(value, str) else value
    match = _HORIZON.fullmatch(text)
    unit = _SUFFIX.get(match[2].lower()) if match else None
    number = float(match[1]) if match else math.nan
    if unit is None or not number.is_integer():
        msg = f"{name} must be a whole number of days, or such as '24mo', '2y', '6w'; got {value!r}"
        raise InvalidInputError(msg, argument=name, value=value)
    count = int(number)
    months = {"month": count, "year": 12 * count}.get(unit, 0)
    return months, {"day": count, "week": 7 * count}.get(unit, 0)


def add_calendar_length(day: Any, months: Any, days: Any) -> Any:
    """Return days later by calendar months and days; a month too short ends in its last day."""
    month = day.astype("datetime64[M]")
    later = month + np.asarray(months).astype("timedelta64[M]")
    last = (later + 1).astype("datetime64[D]") - 1
    same = later.astype("datetime64[D]") + (day - month.astype("datetime64[D]"))
    return np.minimum(same, last) + np.asarray(days).astype("timedelta64[D]")
