"""From the words of a question to the states that journeys are told in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._validation import Floats, as_count
from tenure.events import EventLog
from tenure.journey._durations import as_duration
from tenure.journey._plan import property_index

Durations = npt.NDArray[np.timedelta64]


@dataclass(frozen=True)
class States:
    """The plan of the engine, and what its states are called."""

    plan: _core.journey.StatePlan
    names: tuple[str, ...]
    #: What no state may be called: the start and the end of a unit.
    start: str
    end: str
    unit: str
    _known: dict[str, int]
    _other: str | None

    def flags(self, wanted: Any, name: str) -> list[int]:
        """Return 1 for each state that is named; none where all are welcome."""
        if wanted is None:
            return []
        chosen = [wanted] if isinstance(wanted, str) else wanted
        if not isinstance(chosen, Sequence) or not chosen:
            msg = f"{name} must be a state or a list of them, got {wanted!r}"
            raise InvalidInputError(msg, argument=name, value=wanted)
        flags = [0] * len(self.names)
        for state in chosen:
            if state == self._other and self._other is not None:
                flags[-1] = 1
                continue
            if not isinstance(state, str) or state not in self._known:
                known = ", ".join(map(repr, list(self._known)[:20])) or "none"
                msg = f"{name} names {state!r}, which is no state; there are {known}"
                raise InvalidInputError(msg, argument=name, value=state)
            at = self._known[state]
            if at == len(self.names) - 1 and self._other is not None:
                msg = f"{name} names {state!r}, which max_states pools as {self._other!r}"
                raise InvalidInputError(msg, argument=name, value=state)
            if at >= 0:  # else it never happens
                flags[at] = 1
        return flags


def as_states(
    log: EventLog,
    by: str | None,
    within: Any,
    collapse: Any,
    max_states: Any,
    threads: int,
    *,
    limit: int | None = None,
) -> States:
    """Return the states that occur, the rarest pooled if there are more than `max_states`."""
    names = code_names(log, by)
    plan = _core.journey.StatePlan()
    plan.by = None if by is None else property_index(by, "by", log)
    plan.collapse = as_flag(collapse, "collapse")
    if within is not None:
        plan.session_gap = as_duration(within, "within")
    most = None if max_states is None else as_count(max_states, "max_states", at_least=1)

    rows = _core.journey.rows_by_code(log._core, plan.by, len(names), threads)
    own = np.flatnonzero(rows)
    pooled = most is not None and len(own) > most
    if pooled:
        own = np.sort(own[np.argsort(-rows[own], kind="stable")[:most]])
    state_of = np.full(len(names), -1, dtype=np.int32)
    other = _free("(other)", names) if pooled else None
    if pooled:
        state_of[rows > 0] = len(own)
    state_of[own] = np.arange(len(own), dtype=np.int32)
    if limit is not None and len(own) + pooled > limit:
        msg = f"{len(own) + pooled:,} states are too many for a table: say max_states, < {limit}"
        raise InvalidInputError(msg, argument="max_states", value=max_states)
    plan.set_state_of(state_of)
    plan.states = len(own) + pooled
    return States(
        plan=plan,
        names=(*(names[i] for i in own), *([] if other is None else [other])),
        start=_free("(start)", names),
        end=_free("(end)", names),
        unit="customers" if within is None else "sessions",
        _known=dict(zip(names, state_of.tolist(), strict=True)),
        _other=other,
    )


def code_names(log: EventLog, by: str | None) -> tuple[str, ...]:
    """Return what the codes of events, or of the values of a property, are called."""
    if by is not None:
        property_index(by, "by", log)
        return tuple(log.properties[by].to_pylist())
    if not log.event_names and log.n_rows:
        msg = "log has no event names: name their column when it is made, or say by= a property"
        raise InvalidInputError(msg, argument="log")
    return log.event_names


def _free(name: str, taken: Iterable[str]) -> str:
    while name in taken:
        name = f"({name})"
    return name


def as_flag(value: Any, name: str) -> bool:
    """Return True or False, of nothing but these."""
    if not isinstance(value, (bool, np.bool_)):
        msg = f"{name} must be True or False, got {value!r}"
        raise InvalidInputError(msg, argument=name, value=value)
    return bool(value)


def lengths(micros: Floats) -> Durations:
    """Return microseconds as lengths of time; NaT for NaN."""
    missing = np.isnan(micros)
    whole = np.rint(np.where(missing, 0.0, micros)).astype(np.int64).view("timedelta64[us]")
    return np.where(missing, np.timedelta64("NaT", "us"), whole)
