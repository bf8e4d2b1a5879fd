"""Days of orders, where a summary does not tell: the second order of each customer."""

from __future__ import annotations

import numpy as np

from tenure._time import MICROS_PER_DAY, transitions
from tenure._validation import Ints
from tenure.events import EventLog


def local_days(micros: Ints, timezone: str) -> Ints:
    """Return instants as days since 1970-01-01 of the zone."""
    initial, at, to = transitions(timezone)
    offsets = np.concatenate([[initial], to])
    shift = offsets[np.searchsorted(at, micros, side="right")] if len(at) else initial
    days: Ints = (micros + shift) // MICROS_PER_DAY
    return days


def days_to_second_order(log: EventLog) -> tuple[Ints, Ints]:
    """Return, for each customer with an order, (days watched, 1 if a second order was seen).

    The days run from the first order to the second, or to the last day observed. An order is a
    calendar day with a row that is an order and no refund, as in `EventLog.summary`.
    """
    core = log._core
    customer = np.repeat(np.arange(core.customers), np.diff(core.offset))
    is_order = np.ones(len(customer), dtype=bool)
    if log.event_names:
        wanted = [i for i, name in enumerate(log.event_names) if name in log.orders]
        is_order &= np.isin(core.event, wanted)
    if core.has_amount:
        is_order &= ~(core.amount < 0.0)
    customer, day = customer[is_order], local_days(core.time[is_order], log.timezone)
    # Rows come by customer and time: a new order is where either changes.
    new = np.ones(len(day), dtype=bool)
    new[1:] = (customer[1:] != customer[:-1]) | (day[1:] != day[:-1])
    customer, day = customer[new], day[new]
    first = np.flatnonzero(np.diff(customer, prepend=-1))
    repeated = np.zeros(len(first), dtype=np.int64)
    last = int(local_days(np.array([log._until - 1]), log.timezone)[0])
    until = np.full(len(first), last)
    following = first + 1
    has = following < len(customer)
    has[has] = customer[following[has]] == customer[first[has]]
    until[has] = day[following[has]]
    repeated[has] = 1
    return until - day[first], repeated
