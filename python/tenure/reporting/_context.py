"""What every section starts from: the log, the settings, one summary, and where findings go."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tenure import _intervals, plotting
from tenure._time import UNIT_DAYS, start_of_day
from tenure._validation import Floats
from tenure.events import EventLog, Summary
from tenure.reporting._orders import local_days
from tenure.reporting._parts import Findings, Picture
from tenure.reporting._settings import Settings, last_day
from tenure.reporting._svg import to_svg

LEVEL = 0.95
Z = 1.959963984540054  # the 97.5 % quantile of the normal distribution


@dataclass(slots=True)
class Context:
    """One report in the making."""

    log: EventLog
    settings: Settings
    base: Summary
    findings: Findings = field(default_factory=Findings)
    customer_columns: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what `make` returned when the name was first asked for."""
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]

    @property
    def money(self) -> bool:
        """Whether the log has amounts."""
        return bool(self.log.has_amounts)

    @property
    def unit_days(self) -> float:
        """Days in a unit of `base`."""
        return UNIT_DAYS[self.base.unit]

    def draw(
        self,
        name: str,
        title: str,
        caption: str,
        term: str,
        paint: Callable[[Any], None],
        size: tuple[float, float],
        *,
        spoken: str | None = None,
    ) -> Picture:
        """Return the picture that `paint` makes of a figure of `size` inches."""
        with plotting.look():
            figure = plotting.figure(size)
            paint(figure)
            svg = to_svg(figure, f"picture-{name}", spoken or f"{title}. {caption}")
        return Picture(svg, title, caption, term, wide=size[0] > 6.0)

    def local_days(self, instants: Any) -> Any:
        """Return instants (datetime64[us], UTC) as days of the log's time zone."""
        micros = np.asarray(instants).view(np.int64)
        return local_days(micros, self.log.timezone).astype("datetime64[D]")


def wilson(k: float, n: float) -> tuple[float, float]:
    """Return the Wilson interval of a share."""
    lower, upper = wilson_all(k, n)
    return float(lower), float(upper)


def wilson_all(k: Any, n: Any) -> tuple[Floats, Floats]:
    """Return the Wilson intervals of many shares."""
    return _intervals.wilson(k, n, LEVEL)


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar period cut to what was observed: [start, end) in microseconds."""

    label: str
    start: int
    end: int
    whole: bool


def periods(log: EventLog, most: int = 40) -> tuple[str, list[Period]]:
    """Return the finest calendar in which the log has at most `most` periods, and its periods."""
    first, last = log.observed_from.date(), last_day(log)
    days = (last - first).days + 1
    for name, length in (("day", 1), ("week", 7), ("month", 30.44), ("quarter", 91.3)):
        limit = {"day": 21, "week": 16}.get(name, most)
        if days / length <= limit:
            break
    else:
        name = "year"
    return name, list(_calendar(name, first, last, log))


def _calendar(name: str, first: dt.date, last: dt.date, log: EventLog) -> Iterator[Period]:
    start = floor_date(name, first)
    while start <= last:
        following = next_date(name, start)
        end = start_of_day(following, log.timezone)
        yield Period(
            date_label(name, start),
            start_of_day(start, log.timezone),
            min(end, log._until),
            end <= log._until,
        )
        start = following


def floor_date(name: str, day: dt.date) -> dt.date:
    """Return the first day of the period that holds `day`."""
    if name == "day":
        return day
    if name == "week":
        return day - dt.timedelta(days=day.weekday())
    month = {"month": day.month, "quarter": (day.month - 1) // 3 * 3 + 1, "year": 1}[name]
    return dt.date(day.year, month, 1)


def next_date(name: str, start: dt.date) -> dt.date:
    """Return the first day of the next period."""
    if name in {"day", "week"}:
        return start + dt.timedelta(days=1 if name == "day" else 7)
    months = start.year * 12 + start.month - 1 + {"month": 1, "quarter": 3, "year": 12}[name]
    return dt.date(months // 12, months % 12 + 1, 1)


def date_label(name: str, start: dt.date) -> str:
    """Return a period as the axes call it."""
    if name in {"day", "week"}:
        return f"{start.day} {start:%b}"
    if name == "quarter":
        return f"Q{(start.month + 2) // 3} {start.year}"
    return f"{start:%b %Y}" if name == "month" else str(start.year)


def day_words(day: dt.date) -> str:
    """Return a date inside a sentence: 1 January 1997."""
    return f"{day.day} {day:%B} {day.year}"
