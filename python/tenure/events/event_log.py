"""The event log: ordered once by customer and time, then scanned."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import (
    as_cutoff,
    engine_zone,
    start_of_day,
    to_datetime,
    zone,
)
from tenure._validation import as_choice, as_threads
from tenure.events import _columns, _frames, _where
from tenure.events._order_tables import OrderTables
from tenure.events.report import (
    DataReport,
    make_report,
    raise_if_invalid,
    raise_if_refund,
    with_matches,
)


class EventLog(OrderTables):
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
        Event names that are orders; required with `event`. Without event names every row is one.
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
    n_customers, n_rows : int
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

    customer_ids: Any
    data_report: DataReport
    customers: Any
    event_names: tuple[str, ...]
    orders: tuple[str, ...]
    properties: dict[str, Any]
    timezone: str
    on_refund: str

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
        as_choice(on_refund, "on_refund", ("net", "match", "drop", "raise"))
        as_choice(on_invalid, "on_invalid", ("raise", "drop"))
        as_choice(ambiguous, "ambiguous", ("raise", "earliest", "latest"))
        if (event is None) != (orders is None):
            msg = "event and orders go together: orders names the events that are orders"
            raise InvalidInputError(msg, argument="orders")
        threads = as_threads(n_threads)
        zone(timezone)
        until = (
            None
            if observed_until is None
            else as_cutoff(observed_until, timezone, "observed_until")
        )

        carried = _columns.property_names(properties)
        columns = [c for c in (customer, time, amount, event, *carried) if c is not None]
        reader = _frames.as_reader(frame, columns)
        reader = _columns.typed(reader, customer, time, amount, event, carried)
        table, table_stream = _columns.customer_table(customers, customer, reader)
        rows = _core.events.import_rows(
            reader.__arrow_c_stream__(),
            customer,
            time,
            amount or "",
            event or "",
            carried,
            engine_zone(timezone),
            ambiguous,
            table_stream,
            threads,
        )
        self.event_names = (
            tuple(_columns.texts(rows.take_event_text()).to_pylist()) if event else ()
        )
        self.orders = _columns.order_names(orders, self.event_names)
        self.properties = {
            name: _columns.texts(rows.take_property_text(p)) for p, name in enumerate(carried)
        }
        self.timezone = timezone
        self.on_refund = on_refund

        is_order = [int(name in self.orders) for name in self.event_names]
        counted, core, codes = _core.events.index_rows(
            rows, is_order, on_invalid == "drop", on_refund == "drop", until, threads
        )
        self.data_report = make_report(counted, on_invalid=on_invalid, on_refund=on_refund)
        if on_refund == "raise":
            raise_if_refund(self.data_report, amount)
        if core is None:
            raise_if_invalid(
                self.data_report, {"customer": customer, "time": time, "amount": amount}
            )
        assert core is not None  # the engine refuses only what the report names
        if on_refund == "match" and amount is not None:
            core, matched, unmatched = _core.events.match_refunds(core, threads)
            self.data_report = with_matches(self.data_report, matched, unmatched)
        self._core = core
        table_ids = rows.take_table_ids()
        self.customer_ids = _columns.ids(codes, rows)
        self.customers = (
            None if table is None else _columns.aligned(table, table_ids, codes, customer)
        )
        self._observe(until)

    def _observe(self, until: int | None) -> None:
        time = self._core.time
        if len(time):
            first, last = int(time.min()), int(time.max())
        else:
            first = last = until - 1 if until is not None else 0
        self._core.observed_from = first
        if until is None:
            day = to_datetime(last, self.timezone).date()
            until = start_of_day(day + dt.timedelta(days=1), self.timezone)
        self._core.observed_until = until

    @property
    def _from(self) -> int:
        return int(self._core.observed_from)

    @property
    def _until(self) -> int:
        return int(self._core.observed_until)

    @property
    def n_customers(self) -> int:
        """Customers, those without an event included."""
        return int(self._core.customers)

    @property
    def n_rows(self) -> int:
        """Events in the log."""
        return int(self._core.rows)

    @property
    def has_amounts(self) -> bool:
        """Whether the log has amounts."""
        return bool(self._core.has_amount)

    @property
    def observed_from(self) -> dt.datetime:
        """Instant of the first event."""
        return to_datetime(self._from, self.timezone)

    @property
    def observed_until(self) -> dt.datetime:
        """First instant that is no longer observed."""
        return to_datetime(self._until, self.timezone)

    def __len__(self) -> int:
        return self.n_rows

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

    # --- parts of the log ---------------------------------------------------------------------

    def _part(self, start: int, until: int, end: int, threads: int) -> EventLog:
        keep_silent = self.customers is not None
        core, kept = _core.events.slice_time(self._core, start, until, keep_silent, threads)
        core.observed_from = max(start, self._from)
        core.observed_until = end
        return self._with(core, kept)

    def _with(self, core: _core.events.EventLog, kept: Any) -> EventLog:
        """Return a log with other rows, and of its customers those at the positions `kept`."""
        part = object.__new__(EventLog)
        part.event_names, part.orders = self.event_names, self.orders
        part.properties = self.properties
        part.timezone, part.on_refund = self.timezone, self.on_refund
        part.data_report = self.data_report
        part.customer_ids = _columns.take(self.customer_ids, kept)
        part.customers = None if self.customers is None else self.customers.take(pa.array(kept))
        part._core = core
        return part

    def where(
        self,
        *,
        event: Any = None,
        customers: Any = None,
        amount: tuple[float | None, float | None] | None = None,
        since: Any = None,
        until: Any = None,
        keep_customers: bool = False,
        n_threads: int | None = None,
        **properties: Any,
    ) -> EventLog:
        """Return the log of the rows that meet every condition.

        Parameters
        ----------
        event : str or list of str, optional
            Names of events.
        customers : array of ids, or of n_customers flags, optional
        amount : (least, most), optional
            Both inclusive; None is no limit.
        since, until : date or instant, optional
            Rows in [since, until). A bare date includes that whole local day.
        keep_customers : bool, default False
            Whether customers without such a row stay, with no events.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8.
        **properties
            By name of a property: a value or a list of values; None is "has no value".

        Returns
        -------
        EventLog
            The window of observation stays as it is, since silence in it is known.

        Raises
        ------
        InvalidInputError
            For an event or a property that the log does not have, with near matches.

        Notes
        -----
        One pass at the speed of memory; nothing is sorted again.

        Examples
        --------
        >>> import datetime as dt, tenure as tn
        >>> rows = {
        ...     "customer": [1, 1, 2],
        ...     "date": [dt.date(2024, 1, d) for d in (1, 5, 2)],
        ...     "channel": ["shop", "web", "web"],
        ... }
        >>> log = tn.EventLog(rows, customer="customer", time="date", properties=["channel"])
        >>> log.where(channel="web", since="2024-01-03").n_rows
        1
        """
        core, kept = _core.events.filter_rows(
            self._core,
            _where.events(self, event),
            _where.properties(self, properties),
            _where.customers(self, customers),
            _where.amounts(self, amount),
            _where.times(self, since, until),
            bool(keep_customers),
            as_threads(n_threads),
        )
        return self._with(core, kept)

    def split(self, cut: Any, *, n_threads: int | None = None) -> tuple[EventLog, EventLog]:
        """Return two logs: the events before `cut`, and those from then on.

        Parameters
        ----------
        cut : date or instant
            History is t < cut; a bare date means the end of that local day, so ``"1997-09-30"``
            keeps that day in the first log.

        Returns
        -------
        history, future : EventLog
            Each with the customers who have an event in it.
        """
        threads = as_threads(n_threads)
        at = self._within(cut, "cut")
        far = 2**62
        return (
            self._part(-far, at, at, threads),
            self._part(at, far, self._until, threads),
        )

    def _within(self, value: Any, name: str) -> int:
        at = as_cutoff(value, self.timezone, name)
        if at > self._until:
            msg = (
                f"{name} ({value}) lies behind the end of observation ({self.observed_until}); "
                "say observed_until= when the log is made if the customers were observed longer"
            )
            raise InvalidInputError(msg, argument=name, value=value)
        return at


def as_log(log: Any, otherwise: str = "make one of the rows with tenure.EventLog") -> EventLog:
    """Return `log` if it is one; else say what to do instead."""
    if not isinstance(log, EventLog):
        msg = f"log must be an EventLog, got {type(log).__name__}: {otherwise}"
        raise InvalidInputError(msg, argument="log")
    return log
