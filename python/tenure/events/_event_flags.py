"""From names of events, as callers give them, to what the engine reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure.events.event_log import EventLog

#: What an event may do to a contract; the engine counts them from 1 on.
ROLES = ("start", "renewal", "change", "cancel")


def event_flags(log: EventLog, names: Any, argument: str) -> list[int]:
    """Return one flag for each event name of the log; empty stands for its orders."""
    if names is None:
        return []
    wanted = [names] if isinstance(names, str) else list(names)
    if not log.event_names:
        msg = f"{argument} needs a log with event names: name their column when the log is made"
        raise InvalidInputError(msg, argument=argument, value=names)
    unknown = [n for n in wanted if n not in log.event_names]
    if unknown or not wanted:
        known = ", ".join(map(repr, log.event_names))
        what = f"no event of the log is called {unknown[0]!r}" if unknown else "name an event"
        msg = f"{argument}: {what}; it has {known}"
        raise InvalidInputError(msg, argument=argument, value=names)
    return [int(n in wanted) for n in log.event_names]


def contract_roles(log: EventLog, given: dict[str, Any]) -> list[int]:
    """Return the role of each event name of a log: 0, or the position in `ROLES` from 1 on."""
    role = [0] * len(log.event_names)
    for code, (name, events) in enumerate(given.items(), start=1):
        if events is None and name != "start" and name not in log.event_names:
            continue
        flags = event_flags(log, name if events is None else events, name)
        for at in np.flatnonzero(flags):
            if role[at]:
                other = ROLES[role[at] - 1]
                msg = f"{name}: the event {log.event_names[at]!r} is named as {other}, too"
                raise InvalidInputError(msg, argument=name, value=events)
            role[at] = code
    return role
