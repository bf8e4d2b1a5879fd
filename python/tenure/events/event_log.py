"""The event log: ordered once by customer and time, then scanned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tenure import _model_file
from tenure._errors import InvalidInputError
from tenure._model_file import storable
from tenure._time import as_end, to_datetime, zone
from tenure._validation import as_threads
from tenure.events import _append, _stored
from tenure.events._columns import as_layout
from tenure.events._order_tables import OrderTables
from tenure.events._parts import LogParts


@storable("events.EventLog")
class EventLog(LogParts, OrderTables):
    """A log of what customers did, indexed by (customer, time, event, amount).

    Everything else in the package is a pass over it. Results do not depend on the order of the
    rows.

    Parameters
    ----------
    frame : data frame
        pandas, polars, pyarrow, a DuckDB relation, anything with ``__arrow_c_stream__``, or a dict
        of arrays. Rows in any order.
    customer : str
        Column of ids: integers of any width or text. Ids come back as they are in every result.
    time : str
        Column of timestamps or dates. Times without a zone are local times of `timezone`.
    amount : str, optional
        Column of amounts in one currency. A negative amount is a refund.
    event : str, optional
        Column of event names. Then `orders` says which of them are orders.
    orders : list of str, optional
        Event names that are orders; required with `event`. [] where none is, as in a log of visits.
        Without event names every row is one.
    properties : list of str, optional
        Columns that events carry along, such as channel, product or country: text, dictionaries,
        integers or booleans (as text). Null is no value. Filters and breakdowns name them.
    customers : data frame, optional
        One row a customer, with the column `customer` and any others; customers without an event
        are kept. It comes back, aligned with `customer_ids`, as `customers`.
    timezone : str, default "UTC"
        IANA name of the zone that days, weeks and months follow.
    observed_until : date or instant, optional
        End of observation; rows from then on are cut off and counted. A bare date means the end of
        that local day. Default: the end of the last event's local day.
    on_refund : {"net", "match", "drop", "raise"}
        ``net`` (default): amounts net within the order's period, timing never moves, a period with
        only refunds is no order. ``match``: a refund cancels the latest order at or before it of
        the same customer with exactly that amount; others net.
    on_invalid : {"raise", "drop"}
        What a null id, a null or impossible time, and a missing or infinite amount of an order
        mean.
    ambiguous : {"raise", "earliest", "latest"}
        How to read wall-clock times that happen twice or not at all when clocks change.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    customer_ids : array
        Distinct ids, ascending.
    n_customers, n_rows, nbytes : int
        `nbytes`: what rows, index and ids take of memory.
    observed_from, observed_until : datetime
        The log holds [from, until).
    data_report : DataReport
        What was found in the rows.
    customers : pyarrow.Table or None
    properties : dict of str to array
        The values of each property, ascending.

    Raises
    ------
    InvalidInputError
        Names the column, the rule, the count and the first rows.

    Notes
    -----
    Definitions: docs/definitions.md, "Time, windows, rows" and "Purchases".

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> log = tn.EventLog(
    ...     {
    ...         "customer": ["ann", "bob", "ann", "ann"],
    ...         "date": [dt.date(2024, 1, d) for d in (1, 3, 8, 8)],
    ...         "amount": [10.0, 20.0, 5.0, 7.0],
    ...     },
    ...     customer="customer",
    ...     time="date",
    ...     amount="amount",
    ... )
    >>> log
    EventLog: 4 events of 2 customers, 2024-01-01 to 2024-01-08 (UTC), with amounts
    >>> s = log.summary(unit="day")
    >>> s.frequency.tolist(), s.recency.tolist(), s.T.tolist(), s.monetary_value.tolist()
    ([1, 0], [7.0, 0.0], [7.0, 5.0], [12.0, nan])
    """

    def __init__(
        self,
        frame: Any,
        *,
        customer: str,
        time: str,
        amount: str | None = None,
        event: str | None = None,
        orders: Sequence[str] | None = None,
        properties: Sequence[str] = (),
        customers: Any = None,
        timezone: str = "UTC",
        observed_until: Any = None,
        on_refund: str = "net",
        on_invalid: str = "raise",
        ambiguous: str = "raise",
        n_threads: int | None = None,
    ) -> None:
        self._layout = as_layout(
            customer,
            time,
            amount,
            event,
            properties,
            orders=orders,
            on_refund=on_refund,
            on_invalid=on_invalid,
            ambiguous=ambiguous,
        )
        threads = as_threads(n_threads)
        zone(timezone)
        until = as_end(observed_until, timezone)
        self.timezone = timezone
        self.on_refund = on_refund
        self._read(frame, customers, orders, until, threads)
        self._match_refunds(threads)

    def __repr__(self) -> str:
        last = to_datetime(self._until - 1, self.timezone)
        extras = ["with amounts"] if self.has_amounts else []
        if self.event_names:
            extras.append(f"{len(self.event_names)} event names")
        if self.properties:
            extras.append(f"properties {', '.join(self.properties)}")
        return (
            f"EventLog: {self.n_rows:,} events of {self.n_customers:,} customers, "
            f"{self.observed_from:%Y-%m-%d} to {last:%Y-%m-%d} ({self.timezone})"
            + "".join(f", {e}" for e in extras)
        )

    # --- files --------------------------------------------------------------------------------

    def save(self, path: Any) -> None:
        """Write the log to a file, whole or not at all; `tenure.load` maps it back into memory.

        Parameters
        ----------
        path : str or path-like

        Examples
        --------
        >>> import tempfile, pathlib, tenure as tn
        >>> orders = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "orders.tenure"
        >>> log.save(path)
        >>> tn.load(path)
        EventLog: 6,919 events of 2,357 customers, 1997-01-01 to 1998-06-30 (UTC), with amounts
        """
        _model_file.write(path, self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _model_file.from_bytes, (_model_file.to_bytes(self),)

    def _state(self) -> dict[str, Any]:
        return _stored.state_of(self)

    @classmethod
    def _from_state(cls, state: dict[str, Any]) -> EventLog:
        log = object.__new__(cls)
        _stored.restore(log, state)
        return log

    # --- further batches ----------------------------------------------------------------------

    def append(
        self,
        frame: Any,
        *,
        customers: Any = None,
        observed_until: Any = None,
        n_threads: int | None = None,
    ) -> EventLog:
        """Return the log with the rows of a further batch, such as those of a day.

        Parameters
        ----------
        frame : data frame
            With the columns that this log was made of.
        customers : data frame, optional
            Rows of new customers, and of known ones in place of what the log has.
        observed_until : date or instant, optional
            As for a new log, and not before the present end. Default: the end of the last event's
            local day, or the present end if that is later.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8.

        Returns
        -------
        EventLog
            Equal to a log of all rows at once. This log stays as it is.

        Raises
        ------
        InvalidInputError
            For bad rows, for ids of another kind, and under ``on_refund="match"`` for rows before
            the present end: they might have been matched with refunds that have gone.

        Notes
        -----
        The batch is indexed by itself, as a segment of its own; the first pass over the log joins
        the segments, in one pass that sorts nothing but customers with late rows. Row numbers of
        the data report go on from those of the batches before.

        Examples
        --------
        >>> import datetime as dt, tenure as tn
        >>> day = {"who": [1, 2], "date": [dt.date(2024, 1, 5)] * 2}
        >>> log = tn.EventLog(day, customer="who", time="date")
        >>> log.append({"who": [2, 3], "date": [dt.date(2024, 1, 6)] * 2})
        EventLog: 4 events of 3 customers, 2024-01-05 to 2024-01-06 (UTC)
        """
        threads = as_threads(n_threads)
        until = as_end(observed_until, self.timezone)
        batch = self._like(self)
        batch._read(frame, customers, self.orders, until, threads, partial=True)
        log = _append.joined(self, batch, said_until=until)
        log._match_refunds(threads)
        return log

    @property
    def n_segments(self) -> int:
        """Batches that no pass has joined yet; 1 for a log in one piece."""
        return len(self._segments.parts)

    def compact(self) -> EventLog:
        """Join the segments now instead of at the next pass, and return this log."""
        self._segments.whole(self)
        return self


def as_log(log: Any, otherwise: str = "make one of the rows with tenure.EventLog") -> EventLog:
    """Return `log` if it is one; else say what to do instead."""
    if not isinstance(log, EventLog):
        msg = f"log must be an EventLog, got {type(log).__name__}: {otherwise}"
        raise InvalidInputError(msg, argument="log")
    return log
