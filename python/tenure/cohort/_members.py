"""From arguments to what the engine reads: who starts a cohort, when, in which group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tenure._errors import InvalidInputError
from tenure._time import transitions
from tenure._validation import Ints
from tenure.events import EventLog

#: The engine's sign for a customer without a signup.
_NEVER = np.iinfo(np.int64).min


def event_names(names: Any) -> tuple[str, ...] | None:
    """Return names as a setting."""
    if names is None:
        return None
    return (names,) if isinstance(names, str) else tuple(names)


def where_pairs(where: Any) -> tuple[tuple[str, tuple[str, ...]], ...] | None:
    """Return a dict of values by property as a setting."""
    if where is None:
        return None
    if isinstance(where, tuple):  # a setting already
        return where
    if not isinstance(where, Mapping):
        msg = f"where must be a dict such as {{'channel': ['web', 'shop']}}, got {where!r}"
        raise InvalidInputError(msg, argument="where", value=where)
    return tuple(
        (name, tuple(_text(v) for v in ([wanted] if _is_single(wanted) else wanted)))
        for name, wanted in where.items()
    )


def property_filters(
    log: EventLog, where: tuple[tuple[str, tuple[str, ...]], ...] | None
) -> list[tuple[int, list[int]]]:
    """Return (property, flag for each of its values) of `where_pairs`."""
    filters = []
    for name, wanted in where or ():
        if name not in log.properties:
            known = ", ".join(map(repr, log.properties)) or "none"
            msg = f"where names {name!r}, which is no property of the log; it has {known}"
            raise InvalidInputError(msg, argument="where", value=name)
        values = log.properties[name].to_pylist()
        chosen = set(wanted)
        unknown = sorted(chosen.difference(values))
        if unknown or not chosen:
            what = f"{unknown[0]!r} is no value" if unknown else "names no value"
            msg = f"where[{name!r}]: {what} of that property"
            raise InvalidInputError(msg, argument="where", value=name)
        filters.append((list(log.properties).index(name), [int(v in chosen) for v in values]))
    return filters


def _is_single(value: Any) -> bool:
    return isinstance(value, (str, int, np.integer, np.bool_))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, (bool, np.bool_)) else str(value)


@dataclass(frozen=True)
class Breakdown:
    """Where the engine finds the group of a member, and the values of its codes."""

    by_property: int | None = None
    by_customer: npt.NDArray[np.int32] | None = None
    labels: tuple[Any, ...] = ()


def require_lone_signup(signup: str | None, anchor: str, start_event: Any, where: Any) -> None:
    """Refuse a signup beside what else would say where a customer starts."""
    if signup is not None and (anchor != "first_ever" or start_event is not None or where):
        msg = "signup is the start itself: it goes without anchor, start_event and where"
        raise InvalidInputError(msg, argument="signup", value=signup)


def breakdown(log: EventLog, by: str | None, signup: str | None = None) -> Breakdown:
    """Return the groups of a property of events or of a column of the customer table.

    With a signup for the start there is no event that has the property.
    """
    if by is None:
        return Breakdown()
    columns = () if log.customers is None else log.customers.column_names
    if by in log.properties and by in columns:
        msg = f"by: both a property of events and a column of customers are called {by!r}"
        raise InvalidInputError(msg, argument="by", value=by)
    if by in log.properties:
        if signup is not None:
            msg = f"by: a signup has no {by!r}: break down by a column of the customers"
            raise InvalidInputError(msg, argument="by", value=by)
        labels = tuple(log.properties[by].to_pylist())
        return Breakdown(by_property=list(log.properties).index(by), labels=labels)
    column = _customer_column(log, by, "by", known=[*log.properties, *columns])
    values = pc.unique(column).drop_null()
    values = values.take(pc.sort_indices(values))
    codes = pc.fill_null(pc.index_in(column, value_set=values), -1)
    return Breakdown(
        by_customer=np.ascontiguousarray(codes.to_numpy(zero_copy_only=False), dtype=np.int32),
        labels=tuple(values.to_pylist()),
    )


def _customer_column(log: EventLog, name: Any, argument: str, known: list[str]) -> pa.Array:
    if log.customers is None or name not in log.customers.column_names:
        have = ", ".join(map(repr, known)) or "none"
        msg = f"{argument}: {name!r} is not to be found; there are {have}"
        raise InvalidInputError(msg, argument=argument, value=name)
    column = log.customers[name].combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # pyarrow gives one where there are no chunks
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def signup_instants(log: EventLog, signup: str | None) -> Ints | None:
    """Return the instant of signup of every customer of the log."""
    if signup is None:
        return None
    known = [] if log.customers is None else log.customers.column_names
    column = _customer_column(log, signup, "signup", known=known)
    kind = column.type
    if not (pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
        msg = f"signup: the column {signup!r} must hold dates or timestamps, not {kind}"
        raise InvalidInputError(msg, argument="signup", value=signup)
    is_local = pa.types.is_date(kind) or kind.tz is None
    try:
        micros = column.cast(pa.timestamp("us", None if is_local else "UTC"), safe=False)
    except pa.ArrowInvalid as error:
        msg = f"signup: {error}"
        raise InvalidInputError(msg, argument="signup", value=signup) from error
    given = np.asarray(pc.is_valid(column))
    local = np.asarray(pc.fill_null(micros.cast(pa.int64()), 0), dtype=np.int64)
    outside = given & (np.abs(local) > 2**58)
    if outside.any():
        row = int(np.argmax(outside))
        msg = f"signup: {signup!r} of customer {row} lies outside the years 1 to 9999"
        raise InvalidInputError(msg, argument="signup", row=row)
    instants = _instants(local, log.timezone) if is_local else local
    return np.ascontiguousarray(np.where(given, instants, _NEVER))


def _instants(local: Ints, timezone: str) -> Ints:
    """Wall-clock times as instants: the earlier of two, the end of the gap where there is none."""
    initial, at, offsets = transitions(timezone)
    if not at.size:
        return local - initial
    before = np.concatenate([[initial], offsets[:-1]])
    after = np.searchsorted(at + before, local, side="right")
    instants = local - np.concatenate([[initial], offsets])[after]
    floor = np.concatenate([[_NEVER], at])[after]
    latest: Ints = np.maximum(instants, floor)
    return latest
