"""Lifetimes of contracts from a log of subscriptions, ready for the models of survival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._time import MICROS_PER_DAY, as_period
from tenure._validation import Floats, Ints, as_count, as_threads
from tenure.events import EventLog
from tenure.events._event_flags import ROLES, contract_roles
from tenure.events.event_log import as_log

_HOW = np.array(["running", "cancelled", "lapsed"])


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ContractSpells(Table):
    """One row a contract: when it began, when it ended and how.

    Attributes
    ----------
    customer : array of n ids
    number : int64 array of n
        1 for a customer's first contract, 2 for the second, ...
    start, end : datetime64[us] arrays of n, UTC
        From `end` on there is no contract; where it still runs, the end of observation.
    duration : float64 array of n
        Days from start to end.
    ended : bool array of n
        False where the contract still ran: its duration is censored.
    how : array of n str
        "running", "cancelled" or "lapsed".

    Examples
    --------
    >>> import tenure as tn
    >>> base = tn.datasets.simulate(500, subscriptions={"share": 0.5}, random_state=1)
    >>> log = tn.EventLog(base.renewals, customer="customer", time="time", event="event",
    ...                   amount="amount", orders=["start", "renewal"])
    >>> spells = tn.churn.contract_spells(log)
    >>> len(spells) == int(spells.ended.sum()) + int((spells.how == "running").sum())
    True
    """

    customer: Any
    number: Ints
    start: npt.NDArray[np.datetime64]
    end: npt.NDArray[np.datetime64]
    duration: Floats
    ended: npt.NDArray[np.bool_]
    how: npt.NDArray[np.str_]
    _code: Ints

    _column_names = (
        "customer",
        "number",
        "start",
        "end",
        "duration",
        "ended",
        "how",
    )

    def __len__(self) -> int:
        return len(self.start)

    def _title(self) -> str:
        running = len(self) - int(self.ended.sum())
        return f"{len(self):,} contracts, of which {running:,} still run"


def contract_spells(
    log: EventLog,
    period: str = "month",
    *,
    start: str | Sequence[str] | None = None,
    renewal: str | Sequence[str] | None = None,
    change: str | Sequence[str] | None = None,
    cancel: str | Sequence[str] | None = None,
    term: int | None = None,
    n_threads: int | None = None,
) -> ContractSpells:
    """Return the contracts of all customers with their durations.

    A customer has at most one contract at a time. Read as `cohort.contracts` reads them.

    Parameters
    ----------
    log : EventLog
        With event names.
    period : {"day", "week", "month", "quarter", "year"}
        What `term` counts, in the time zone of the log.
    start, renewal, change : str or list of str, optional
        Events that open a contract where none runs. Default: "start", which the log must have, and
        "renewal" and "change", if it has them.
    cancel : str or list of str, optional
        Events that end a contract at that instant. Default: "cancel", if the log has it.
    term : int, optional
        A contract lapses with the end of the period that lies `term` periods after that of its last
        start or renewal, unless renewed by then. Default: contracts run until they are cancelled.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    ContractSpells

    Raises
    ------
    InvalidInputError
        For an event that the log does not have, an event with two roles, or a term out of range.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = [("a", 1, "start"), ("b", 1, "start"), ("a", 3, "cancel"), ("a", 4, "start")]
    >>> log = tn.EventLog(
    ...     {"id": [c for c, *_ in rows], "day": [dt.date(2024, m, 9) for _, m, _ in rows],
    ...      "what": [w for *_, w in rows]},
    ...     customer="id", time="day", event="what", orders=["start"],
    ...     observed_until="2024-04-30",
    ... )
    >>> spells = tn.churn.contract_spells(log)
    >>> spells.customer.tolist(), spells.duration.tolist(), spells.ended.tolist()
    (['a', 'a', 'b'], [60.0, 22.0, 113.0], [True, False, False])
    >>> curve = tn.churn.KaplanMeier().fit(spells.duration, spells.ended)
    """
    as_log(log)
    unit = as_period(period)
    if term is not None and as_count(term, "term", at_least=1) > 4096:
        msg = f"term must be at most 4096 periods, got {term}"
        raise InvalidInputError(msg, argument="term", value=term)
    role = contract_roles(log, dict(zip(ROLES, (start, renewal, change, cancel), strict=True)))
    code, begun, over, how = _core.events.contract_spells(
        log._core, unit, role, term or 0, as_threads(n_threads)
    )
    first = np.flatnonzero(np.diff(code, prepend=-1) != 0)
    number = np.arange(1, len(code) + 1) - np.repeat(first, np.diff(first, append=len(code)))
    return ContractSpells(
        customer=log._ids(code),
        number=number,
        start=begun.view("datetime64[us]"),
        end=over.view("datetime64[us]"),
        duration=(over - begun) / MICROS_PER_DAY,
        ended=how != 0,
        how=_HOW[how],
        _code=code,
    )
