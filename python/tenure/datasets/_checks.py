"""Checks of the simulator's settings, and their form for the engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tenure._errors import InvalidInputError
from tenure._time import (
    MICROS_PER_DAY,
    as_cutoff,
    as_horizon,
    as_start,
    start_of_day,
    to_datetime,
)
from tenure._validation import as_choice, as_number
from tenure.datasets._settings import Campaign, Funnel, Subscription, Survey

#: Fits to the CDNOW sample in weeks, the literature's example.
DEFAULTS: dict[str, dict[str, float]] = {
    "pareto_nbd": {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669},
    "bg_nbd": {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426},
    "mbg_nbd": {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614},
}


def parameters(model: Any, values: Mapping[str, float] | None) -> dict[str, float]:
    """Return the model's four parameters in the order of the engine."""
    default = DEFAULTS[as_choice(model, "model", tuple(DEFAULTS))]
    if values is None:
        return dict(default)
    if not isinstance(values, Mapping) or set(values) != set(default):
        got = ", ".join(map(str, values)) if isinstance(values, Mapping) else repr(values)
        msg = f"parameters of {model} must be a mapping of {', '.join(default)}; got {got}"
        raise InvalidInputError(msg, argument="parameters", value=values)
    return {k: as_number(values[k], f"parameters[{k!r}]", above=0.0) for k in default}


def spend(values: Any) -> tuple[float, float, float]:
    """Return p, q and gamma of the amounts."""
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != 3:
        msg = f"spend must be three numbers p, q, gamma; got {values!r}"
        raise InvalidInputError(msg, argument="spend", value=values)
    p, q, gamma = (as_number(v, f"spend[{i}]", above=0.0) for i, v in enumerate(values))
    return p, q, gamma


def channels(values: Any) -> dict[str, tuple[float, float, float]]:
    """Return share, cost and multiplier by name."""
    if values is None:
        return {"direct": (1.0, 0.0, 1.0)}
    if not isinstance(values, Mapping) or not 1 <= len(values) <= 255:
        msg = f"channels must be a mapping of 1 to 255 names, got {values!r}"
        raise InvalidInputError(msg, argument="channels", value=values)
    out: dict[str, tuple[float, float, float]] = {}
    for name, row in values.items():
        at = f"channels[{name!r}]"
        if not isinstance(name, str) or not isinstance(row, Sequence) or len(row) != 3:
            msg = f"{at} must be (share, cost, multiplier), got {row!r}"
            raise InvalidInputError(msg, argument="channels", value=row)
        out[name] = (
            as_number(row[0], f"{at} share", at_least=0.0, at_most=1.0),
            as_number(row[1], f"{at} cost", at_least=0.0),
            as_number(row[2], f"{at} multiplier", at_least=0.0),
        )
    total = sum(row[0] for row in out.values())
    if abs(total - 1.0) > 1e-9:
        msg = f"channels must have shares that sum to 1, got {total:g}"
        raise InvalidInputError(msg, argument="channels", value=total)
    return out


def window(start: Any, end: Any, timezone: str, *, whole_days: bool) -> tuple[int, int]:
    """Return the first instant of observation and the first after it."""
    first = as_start(start, timezone, "start")
    if whole_days:
        first = start_of_day(to_datetime(first, timezone).date(), timezone)
    until = as_cutoff(end, timezone, "end")
    if until <= first:
        msg = f"end must lie after start, got {end!r} and {start!r}"
        raise InvalidInputError(msg, argument="end", value=end)
    return first, until


def inside(value: Any, name: str, first: int, until: int, timezone: str) -> int:
    """Return an instant within the observation."""
    at = as_start(value, timezone, name)
    if not first <= at < until:
        span = f"{to_datetime(first, timezone)} to {to_datetime(until, timezone)}"
        msg = f"{name} must lie within the observation, {span}; got {value!r}"
        raise InvalidInputError(msg, argument=name, value=value)
    return at


def probability(value: Any, name: str) -> float:
    """Return a number in [0, 1]."""
    return as_number(value, name, at_least=0.0, at_most=1.0)


def funnel(value: Funnel | None, unit: str) -> tuple[float, float, float, float] | None:
    """Return lead, order, delay in units, visits."""
    if value is None:
        return None
    return (
        probability(value.lead, "funnel.lead"),
        probability(value.order, "funnel.order"),
        as_horizon(value.delay, unit, "funnel.delay"),
        as_number(value.visits, "funnel.visits", at_least=0.0),
    )


def subscription(value: Subscription | None) -> dict[str, Any] | None:
    """Return the engine's arguments."""
    if value is None:
        return None
    days = as_horizon(value.period, "day", "subscriptions.period")
    return {
        "share": probability(value.share, "subscriptions.share"),
        "a": as_number(value.a, "subscriptions.a", above=0.0),
        "b": as_number(value.b, "subscriptions.b", above=0.0),
        # A thousand years are as good as more, and fit the engine's integers.
        "period": int(
            as_number(days, "subscriptions.period", at_least=1e-3, at_most=365_250) * MICROS_PER_DAY
        ),
        "price": as_number(value.price, "subscriptions.price", at_least=0.0),
    }


def named(values: Sequence[Campaign]) -> tuple[Campaign, ...]:
    """Return the campaigns, those without a name called by their number."""
    out = tuple(
        dataclasses.replace(c, name=f"campaign {i + 1}" if c.name is None else str(c.name))
        for i, c in enumerate(values)
    )
    labels = [c.name for c in out]
    if len(set(labels)) < len(labels):
        msg = f"campaigns must have different names, got {labels}"
        raise InvalidInputError(msg, argument="campaigns", value=labels)
    return out


def campaign(value: Campaign, i: int, first: int, until: int, timezone: str) -> dict[str, Any]:
    """Return the engine's arguments."""
    at = f"campaigns[{i}]"
    as_number(value.cost, f"{at}.cost", at_least=0.0)
    return {
        "time": inside(value.date, f"{at}.date", first, until, timezone),
        "audience": probability(value.audience, f"{at}.audience"),
        "control": probability(value.control, f"{at}.control"),
        "base": probability(value.base, f"{at}.base"),
        "uplift": as_number(value.uplift, f"{at}.uplift", at_least=-1.0, at_most=1.0),
        "spread": as_number(value.spread, f"{at}.spread", at_least=-1.0, at_most=1.0),
    }


def survey(value: Survey, i: int, first: int, until: int, timezone: str) -> dict[str, Any]:
    """Return the engine's arguments."""
    at = f"surveys[{i}]"
    shares = {}
    for name in ("promoters", "detractors"):
        pair = getattr(value, name)
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            msg = (
                f"{at}.{name} must be two shares, of those who left and of the active; got {pair!r}"
            )
            raise InvalidInputError(msg, argument=f"{at}.{name}", value=pair)
        shares[name] = tuple(probability(v, f"{at}.{name}[{k}]") for k, v in enumerate(pair))
    for k in range(2):
        both = shares["promoters"][k] + shares["detractors"][k]
        if both > 1.0 + 1e-12:
            msg = f"{at}: promoters and detractors must not exceed 1 together, got {both:g}"
            raise InvalidInputError(msg, argument=at, value=both)
    return {
        "time": inside(value.date, f"{at}.date", first, until, timezone),
        "response": probability(value.response, f"{at}.response"),
        **shares,
    }
