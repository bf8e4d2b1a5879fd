"""What a report was asked for: checked once, then read by every section."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from tenure._errors import InvalidInputError
from tenure._time import MICROS_PER_DAY, as_cutoff, as_horizon, as_unit, start_of_day, to_datetime
from tenure._validation import as_number
from tenure.events import EventLog

#: The hold-out of the papers; a shorter log leaves its last third.
_HOLDOUT_DAYS = 39 * 7
_LONGEST_CURRENCY = 8
_LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked arguments of `report`; `horizon` in `unit`, `cut` an instant, or None and why."""

    horizon: float
    horizon_text: str
    discount_rate: float
    discount_period: str
    margin: float
    unit: str
    currency: str
    title: str
    cut: int | None
    no_cut: str

    @property
    def horizon_words(self) -> str:
        """The horizon inside a sentence."""
        return {"1y": "year", "1 year": "year"}.get(self.horizon_text, self.horizon_text)


def check(
    log: EventLog,
    *,
    horizon: Any,
    discount_rate: Any,
    discount_period: Any,
    margin: Any,
    cut: Any,
    unit: Any,
    currency: Any,
    title: Any,
) -> Settings:
    """Return the settings, or raise InvalidInputError naming the argument."""
    unit = as_unit(unit)
    length = as_horizon(horizon, unit)
    if not length > 0:
        msg = f"horizon must be longer than 0, got {horizon!r}"
        raise InvalidInputError(msg, argument="horizon", value=horizon)
    text = str(horizon) if isinstance(horizon, str) else f"{length:g} {unit}s"
    at, why = (_chosen_cut(log, cut), "") if cut is not None else _default_cut(log)
    return Settings(
        horizon=length,
        horizon_text=text.strip(),
        discount_rate=as_number(discount_rate, "discount_rate", above=-1.0),
        discount_period=as_unit(discount_period, "discount_period"),
        margin=as_number(margin, "margin", above=0.0),
        unit=unit,
        currency=_text(currency, "currency", _LONGEST_CURRENCY),
        title="" if title is None else _text(title, "title", _LONGEST_TITLE),
        cut=at,
        no_cut=why,
    )


def _chosen_cut(log: EventLog, cut: Any) -> int:
    at = as_cutoff(cut, log.timezone, "cut")
    if not log._from < at < log._until:
        msg = (
            f"cut ({cut}) must lie inside the log, which runs from {log.observed_from:%Y-%m-%d} to "
            f"{last_day(log):%Y-%m-%d}"
        )
        raise InvalidInputError(msg, argument="cut", value=cut)
    return at


def _default_cut(log: EventLog) -> tuple[int | None, str]:
    """39 weeks before the end where that is at most half the log, else a third; at a day's end."""
    end = last_day(log)
    days = (end - log.observed_from.date()).days + 1
    holdout = _HOLDOUT_DAYS if days >= 2 * _HOLDOUT_DAYS else days // 3
    if holdout < 1:
        return None, f"the log spans {days} day{'s' if days > 1 else ''}, too few to keep some back"
    return start_of_day(end - dt.timedelta(days=holdout - 1), log.timezone), ""


def last_day(log: EventLog) -> dt.date:
    """Return the last local day that is observed."""
    return to_datetime(log._until - 1, log.timezone).date()


def day_before(instant: int, timezone: str) -> dt.date:
    """Return the last local day before an instant: what a cut is called by."""
    return to_datetime(instant - 1, timezone).date()


def days_between(start: int, end: int) -> float:
    """Return the length of [start, end) in days."""
    return (end - start) / MICROS_PER_DAY


def _text(value: Any, name: str, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        msg = f"{name} must be a text of at most {longest} printable characters, got {value!r}"
        raise InvalidInputError(msg, argument=name, value=value)
    return value
