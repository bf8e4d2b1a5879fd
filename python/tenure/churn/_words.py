"""Sentences for the features of `EventLog.features`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

_WINDOW = re.compile(
    r"(?P<what>events|active_days|amount|orders|mean_amount|trend|n_(?P<event>.+))"
    r"_(?P<window>total|\d+(?:\.\d+)?[a-z]+)"
)
_OVERALL = {
    "days_since_last": "nothing for {value} days (typical: {typical})",
    "days_since_first": "a customer for {value} days (typical: {typical})",
    "mean_gap": "{value} days between active days (typical: {typical})",
    "std_gap": "days between active days vary by {value} (typical: {typical})",
    "last_gap": "{value} days between the last two active days (typical: {typical})",
}
_WITHIN = {
    "events": "{value} events {when} (typical: {typical})",
    "active_days": "active on {value} days {when} (typical: {typical})",
    "amount": "spent {value} {when} (typical: {typical})",
    "orders": "{value} orders {when} (typical: {typical})",
    "mean_amount": "spent {value} an order {when} (typical: {typical})",
    "trend": "{value} events more in the later half {when} than before (typical: {typical})",
}
_UNIT = {"d": "days", "h": "hours", "w": "weeks", "m": "months", "y": "years"}


def sentence(name: str, value: float, typical: float, words: Mapping[str, str] | None) -> str:
    """Return what a feature's value says, beside the typical one."""
    if words is not None and name in words:
        return words[name].format(value=_number(value), typical=_number(typical))
    if name in _OVERALL:
        said = _OVERALL[name]
    elif found := _WINDOW.fullmatch(name):
        said = _windowed(found["what"], found["event"], found["window"])
    else:
        said = name.replace("{", "{{").replace("}", "}}") + " is {value} (typical: {typical})"
    return said.format(value=_number(value), typical=_number(typical))


def _windowed(what: str, event: str | None, window: str) -> str:
    when = "in all" if window == "total" else f"in the last {_length(window)}"
    if event is not None:
        kind = event.replace("{", "{{").replace("}", "}}")
        return f"{{value}} of {kind} {when} (typical: {{typical}})"
    return _WITHIN[what].replace("{when}", when)


def _length(window: str) -> str:
    count, unit = re.fullmatch(r"([\d.]+)([a-z]+)", window).groups()  # type: ignore[union-attr]
    return f"{count} {_UNIT.get(unit, unit)}"


def _number(value: float) -> str:
    """Three figures, whole numbers as they are; what is missing is not known."""
    if math.isnan(value):
        return "not known"
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10.0 else f"{value:.3g}"
