"""Sessions: runs of events without a long silence between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._results import Table
from tenure._validation import Floats, Ints, as_threads
from tenure.events import EventLog
from tenure.events._columns import take
from tenure.events.event_log import as_log
from tenure.journey._durations import as_duration

Instants = npt.NDArray[np.datetime64]
Durations = npt.NDArray[np.timedelta64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CustomerSessions(Table):
    """Sessions by customer: one row for each customer of the log.

    Attributes
    ----------
    customer : array, shape (n_customers,)
        Ids, ascending.
    sessions, events : ndarray of int, shape (n_customers,)
    events_per_session : ndarray of float, shape (n_customers,)
        NaN for a customer without a session.
    mean_length : ndarray of timedelta64[us], shape (n_customers,)
        From the first to the last event of a session; NaT for a customer without a session.

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> hour = np.array([0, 1, 50, 0]).astype("timedelta64[h]")
    >>> rows = {"who": [1, 1, 1, 2], "when": np.datetime64("2024-01-01", "us") + hour}
    >>> log = tn.EventLog(rows, customer="who", time="when")
    >>> tn.journey.sessions(log, gap="2h").by_customer.sessions.tolist()
    [2, 1]
    """

    customer: Any
    sessions: Ints
    events: Ints
    events_per_session: Floats
    mean_length: Durations

    _column_names = ("customer", "sessions", "events", "events_per_session", "mean_length")

    def _title(self) -> str:
        return f"Sessions of {len(self.sessions):,} customers"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sessions(Table):
    """The sessions of a log: one row each, in order of customers and time.

    Attributes
    ----------
    customer : array, shape (n_sessions,)
        Ids.
    start : ndarray of datetime64[us], shape (n_sessions,)
        Time of the first event, UTC.
    length : ndarray of timedelta64[us], shape (n_sessions,)
        From the first to the last event: 0 for a session of one.
    events : ndarray of int, shape (n_sessions,)
    open : ndarray of bool, shape (n_sessions,)
        Whether observation ended before the gap had passed: the session may go on.
    gap : timedelta64[us]
    by_customer : CustomerSessions

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> minute = np.array([0, 10, 100]).astype("timedelta64[m]")
    >>> rows = {"who": [1, 1, 1], "when": np.datetime64("2024-01-01T12:00", "us") + minute}
    >>> s = tn.journey.sessions(tn.EventLog(rows, customer="who", time="when"))
    >>> s.events.tolist(), s.length.tolist()
    ([2, 1], [datetime.timedelta(seconds=600), datetime.timedelta(0)])
    """

    customer: Any
    start: Instants
    length: Durations
    events: Ints
    open: npt.NDArray[np.bool_]
    gap: np.timedelta64
    by_customer: CustomerSessions

    _column_names = ("customer", "start", "length", "events", "open")

    def _title(self) -> str:
        minutes = self.gap / np.timedelta64(60_000_000, "us")
        return f"{len(self.events):,} sessions, gap {minutes:g} minutes"

    def plot(self, ax: Any = None) -> Any:
        """Draw the share of sessions with 1, 2, ... events, up to 19, and with 20 or more.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        counts = np.bincount(np.minimum(self.events, 20), minlength=21)[1:]
        ax.bar(np.arange(1, 21), counts / max(len(self.events), 1), color=plotting.ACCENT)
        ax.set_xticks([1, 5, 10, 15, 20], labels=["1", "5", "10", "15", "20+"])
        plotting.percent_ticks(ax.yaxis)
        ax.set(xlabel="Events in a session", ylabel="Sessions")
        return ax


def sessions(log: EventLog, gap: Any = "30min", *, n_threads: int | None = None) -> Sessions:
    """Cut what each customer did into sessions.

    Parameters
    ----------
    log : EventLog
        All of its events count, whatever their name.
    gap : str or timedelta
        A session ends where more than this passes without an event: "30min", "12h", "7d".
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    Sessions

    Raises
    ------
    InvalidInputError
        If `gap` is no length of time.

    Notes
    -----
    docs/methods/sessions.md.

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> minute = np.array([0, 30, 61]).astype("timedelta64[m]")
    >>> rows = {"who": [1, 1, 1], "when": np.datetime64("2024-01-01T12:00", "us") + minute}
    >>> log = tn.EventLog(rows, customer="who", time="when")
    >>> tn.journey.sessions(log, gap="30min").events.tolist()
    [2, 1]
    """
    as_log(log)
    micros = as_duration(gap, "gap")
    raw = _core.journey.sessions(log._core, micros, as_threads(n_threads))
    code, start, length, events = (raw[n] for n in ("customer", "start", "length", "events"))

    n = log.n_customers
    count = np.bincount(code, minlength=n).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(count)])

    def total(values: Ints) -> Ints:
        sums = np.concatenate([[0], np.cumsum(values)])
        return np.asarray(sums[first[1:]] - sums[first[:-1]], dtype=np.int64)

    some = np.maximum(count, 1)
    mean = np.rint(total(length) / some).astype(np.int64).view("timedelta64[us]")
    each = total(events)
    return Sessions(
        customer=take(log.customer_ids, code),
        start=start.view("datetime64[us]"),
        length=length.view("timedelta64[us]"),
        events=events,
        open=log._until - (start + length) <= micros,
        gap=np.timedelta64(micros, "us"),
        by_customer=CustomerSessions(
            customer=log.customer_ids,
            sessions=count,
            events=each,
            events_per_session=np.where(count > 0, each / some, np.nan),
            mean_length=np.where(count > 0, mean, np.timedelta64("NaT", "us")),
        ),
    )
