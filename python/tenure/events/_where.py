"""Conditions on rows, from what a user writes to the flags of the engine."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure._errors import InvalidInputError
from tenure._time import as_cutoff, as_start

if TYPE_CHECKING:
    from tenure.events._rows import LogRows

_FAR = 2**62


def events(log: LogRows, wanted: Any) -> list[int]:
    """Return a flag for each event name; none where every event passes."""
    if wanted is None:
        return []
    if not log.event_names:
        msg = "the log has no event names: name their column when it is made (event=, orders=)"
        raise InvalidInputError(msg, argument="event", value=wanted)
    names = _listed(wanted)
    for name in names:
        _known(name, log.event_names, "event")
    return [int(name in names) for name in log.event_names]


def properties(log: LogRows, wanted: Mapping[str, Any]) -> list[tuple[int, list[int], bool]]:
    """Return index, flags of values, and whether rows without a value pass."""
    places = list(log.properties)
    found = []
    for name, values in wanted.items():
        _known(name, places, "property")
        known = log.properties[name]
        names = _listed(values)
        texts = [_text(v) for v in names if v is not None]
        codes = {text: code for code, text in enumerate(known.to_pylist())}
        allowed = [0] * len(known)
        for text in texts:
            # A value that never occurred matches nothing, which is an answer.
            if text in codes:
                allowed[codes[text]] = 1
        found.append((places.index(name), allowed, None in names))
    return found


def customers(log: LogRows, wanted: Any) -> Any:
    """Return a flag for each customer; none where all pass."""
    if wanted is None:
        return np.zeros(0, np.uint8)
    if isinstance(wanted, np.ndarray) and wanted.dtype == np.bool_:
        if wanted.shape != (log.n_customers,):
            msg = (
                f"customers has {wanted.shape} flags, but the log has {log.n_customers:,} customers"
            )
            raise InvalidInputError(msg, argument="customers")
        return wanted.astype(np.uint8)
    flags = np.zeros(log.n_customers, np.uint8)
    if isinstance(log.customer_ids, pa.Array):
        import pyarrow.compute as pc

        ids = pa.array(wanted, type=log.customer_ids.type)
        flags[pc.is_in(log.customer_ids, value_set=ids).to_numpy(zero_copy_only=False)] = 1
    else:
        flags[np.isin(log.customer_ids, np.asarray(wanted))] = 1
    return flags


def amounts(log: LogRows, wanted: Any) -> tuple[float, float]:
    if wanted is None:
        return -math.inf, math.inf
    if not log.has_amounts:
        msg = "the log has no amounts: name their column when it is made (amount=)"
        raise InvalidInputError(msg, argument="amount", value=wanted)
    try:
        least, most = wanted
        low = -math.inf if least is None else float(least)
        high = math.inf if most is None else float(most)
    except (TypeError, ValueError):
        low = high = math.nan
    if not low <= high:
        msg = f"amount must be (least, most), either of them None for no limit; got {wanted!r}"
        raise InvalidInputError(msg, argument="amount", value=wanted)
    return low, high


def times(log: LogRows, since: Any, until: Any) -> tuple[int, int]:
    first = -_FAR if since is None else as_start(since, log.timezone, "since")
    last = _FAR if until is None else as_cutoff(until, log.timezone, "until")
    if first > last:
        msg = f"since ({since}) lies behind until ({until})"
        raise InvalidInputError(msg, argument="since", value=since)
    return first, last


def _listed(values: Any) -> list[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        return [values]
    return list(values)


def _text(value: Any) -> str:
    # As Arrow writes booleans and integers as text.
    return str(value).lower() if isinstance(value, (bool, np.bool_)) else str(value)


def _known(name: Any, names: Iterable[str], kind: str) -> None:
    names = list(names)
    if name in names:
        return
    near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.5)
    has = ", ".join(map(repr, names)) if names else "none"
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else f"; there are {has}"
    msg = f"{name!r} is no {kind} of the log{hint}"
    raise InvalidInputError(msg, argument=kind, value=name)
