"""Lengths of time within a journey: windows and gaps, in the engine's microseconds."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError

_SECONDS = {
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1,
    "sec": 1,
    "second": 1,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
}
_SECONDS |= {"d": 86_400, "day": 86_400, "w": 604_800, "week": 604_800}
_TEXT = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*([A-Za-z]+)\s*")

#: The engine reads anything from here on as no limit.
_LONGEST = 2**60


def as_duration(value: Any, name: str) -> int:
    """Return microseconds from a text such as "30min", "12h", "7d", or a timedelta."""
    if isinstance(value, str):
        match = _TEXT.fullmatch(value)
        unit = match.group(2).lower() if match else ""
        seconds = _SECONDS.get(unit) or _SECONDS.get(unit.removesuffix("s"))
        if match is not None and seconds is not None:
            return _within(float(match.group(1)) * seconds * 1e6)
    elif isinstance(value, (dt.timedelta, np.timedelta64)):
        micros = np.timedelta64(value).astype("timedelta64[us]")
        if not np.isnat(micros) and micros >= np.timedelta64(0, "us"):
            return _within(int(micros.astype(np.int64)))
    msg = (
        f"{name} must be a length of time >= 0 such as '30min', '12h', '7d' or a timedelta, "
        f"got {value!r}"
    )
    raise InvalidInputError(msg, argument=name, value=value)


def as_setting(value: Any, name: str) -> Any:
    """Return a length of time as a text that says the same; texts and None as they are."""
    if value is None or isinstance(value, str):
        return value
    return f"{as_duration(value, name)}us"


def _within(micros: float) -> int:
    return _LONGEST if not math.isfinite(micros) or micros > _LONGEST else round(micros)
