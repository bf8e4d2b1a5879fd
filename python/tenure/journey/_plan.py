"""From the words of a funnel to the plan of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._validation import as_choice
from tenure.events import EventLog
from tenure.events.scan import Scope
from tenure.journey._durations import as_duration

#: What knows the names of events and properties.
Named = EventLog | Scope

#: One step of a funnel: the events that serve it.
Names = tuple[str, ...]


def as_names(value: Any, name: str, log: Named) -> Names:
    """Return one event name, or several, that the log has."""
    names = (value,) if isinstance(value, str) else value
    if isinstance(names, (set, frozenset)):
        names = sorted(names, key=str)
    if not isinstance(names, Sequence) or not names:
        msg = f"{name} must be an event name or a list of them, got {value!r}"
        raise InvalidInputError(msg, argument=name, value=value)
    for event in names:
        if not isinstance(event, str) or (log.event_names and event not in log.event_names):
            known = ", ".join(map(repr, log.event_names[:20]))
            msg = f"{name} names {event!r}, which is no event of the log; it has {known}"
            raise InvalidInputError(msg, argument=name, value=event)
    return tuple(dict.fromkeys(names))


def as_steps(steps: Any, log: Named) -> list[Names]:
    """Return the events of each step."""
    most = _core.journey.MAX_STEPS
    if isinstance(steps, (str, set, frozenset)) or not isinstance(steps, Sequence):
        msg = f"steps must be a list of event names, or of lists of them, got {steps!r}"
        raise InvalidInputError(msg, argument="steps", value=steps)
    if not 1 <= len(steps) <= most:
        msg = f"steps must be 1 to {most}, got {len(steps)}"
        raise InvalidInputError(msg, argument="steps", value=len(steps))
    return [as_names(step, f"steps[{k}]", log) for k, step in enumerate(steps)]


def as_windows(window: Any, steps: int) -> list[int]:
    """Return the window of each step; that of the first is not used."""
    if not isinstance(window, (list, tuple)):
        window = [window] * (steps - 1)
    if len(window) != steps - 1:
        msg = (
            f"window must be one length, or one for each step after the first: {steps - 1}, "
            f"got {len(window)}"
        )
        raise InvalidInputError(msg, argument="window", value=len(window))
    none = _core.journey.NO_WINDOW
    return [0] + [none if w is None else as_duration(w, "window") for w in window]


def property_index(value: Any, name: str, log: Named) -> int:
    """Return the position of a property of the log."""
    names = list(log.properties)
    if value not in names:
        known = ", ".join(map(repr, names)) or "none"
        msg = (
            f"{name} must be a property of the log, got {value!r}; it has {known} "
            "(name columns in properties= when the log is made)"
        )
        raise InvalidInputError(msg, argument=name, value=value)
    return names.index(value)


def label(names: Names) -> str:
    return "|".join(names)


def labels(steps: Sequence[Names], order: str) -> tuple[str, ...]:
    """Return what each row of the result is called."""
    n = len(steps)
    if order == "any":
        return tuple(f"{k} of {n}" for k in range(1, n + 1))
    if order == "anchored":
        first = label(steps[0])
        return (first, *(f"{first} + {k} of {n - 1}" for k in range(1, n)))
    return tuple(label(s) for s in steps)


def _optional(optional: Any, steps: Sequence[Names], log: Named) -> int:
    bits = 0
    for value in [optional] if isinstance(optional, str) else optional:
        names = as_names(value, "optional", log)
        at = [k for k, step in enumerate(steps) if set(step) == set(names)]
        if not at:
            msg = f"optional names {value!r}, which is no step"
            raise InvalidInputError(msg, argument="optional", value=value)
        if at[0] == 0:
            msg = f"optional must not name the first step, got {value!r}"
            raise InvalidInputError(msg, argument="optional", value=value)
        bits |= sum(1 << k for k in at)
    return bits


def make_plan(
    log: Named,
    steps: Sequence[Names],
    windows: Sequence[int],
    *,
    window_from: str,
    order: str,
    start: str,
    ties: str,
    reuse: str,
    exclude: str | Iterable[str],
    optional: Any,
    hold_constant: str | None,
    count: str,
    session_gap: Any,
) -> _core.journey.FunnelPlan:
    """Return the plan, or say which words do not go together."""
    as_choice(window_from, "window_from", ("first", "previous"))
    as_choice(order, "order", ("ordered", "strict", "any", "anchored"))
    as_choice(start, "start", ("any", "first", "every"))
    as_choice(ties, "ties", ("either", "increasing", "input"))
    as_choice(reuse, "reuse", ("once", "many"))
    as_choice(count, "count", ("unique", "total", "session"))
    if ties == "input":
        msg = (
            "ties='input' needs the order in which rows came, and a log does not keep it: rows are "
            "ordered by customer, time and event. Give times that tell them apart, or choose "
            "'either' or 'increasing'"
        )
        raise InvalidInputError(msg, argument="ties", value=ties)
    if (count == "total") != (start == "every"):
        msg = (
            "start='every' and count='total' go together: each event of the first step is an "
            f"attempt, and attempts are counted; got start={start!r}, count={count!r}"
        )
        raise InvalidInputError(msg, argument="count", value=count)
    plan = _core.journey.FunnelPlan()
    plan.steps = len(steps)
    plan.window = list(windows)
    plan.window_from_previous = window_from == "previous"
    plan.order = getattr(_core.journey.StepOrder, order)
    plan.start = getattr(_core.journey.ChainStart, start)
    plan.increasing = ties == "increasing"
    plan.reuse = reuse == "many"
    plan.step_of = [
        sum(1 << k for k, names in enumerate(steps) if event in names) for event in log.event_names
    ]
    plan.optional = _optional(optional, steps, log)
    excluded = [exclude] if isinstance(exclude, str) else list(exclude)
    names = as_names(excluded, "exclude", log) if excluded else ()
    for name in names:
        if any(name in step for step in steps):
            msg = f"exclude names {name!r}, which is also a step"
            raise InvalidInputError(msg, argument="exclude", value=name)
    if names:
        plan.exclude = [int(event in names) for event in log.event_names]
    if order in ("any", "anchored"):
        if plan.optional:
            msg = f"optional steps need order='ordered' or 'strict', got {order!r}"
            raise InvalidInputError(msg, argument="optional", value=optional)
        if window_from == "previous" or len(set(windows[1:])) > 1:
            msg = f"order={order!r} takes one window, from the first event of a chain"
            raise InvalidInputError(msg, argument="window", value=order)
    if hold_constant is not None:
        plan.hold = property_index(hold_constant, "hold_constant", log)
    if count == "session":
        plan.session_gap = as_duration(session_gap, "session_gap")
    return plan
