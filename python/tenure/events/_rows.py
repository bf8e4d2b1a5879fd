"""The rows of a log with all that is known of them: what every part of `EventLog` builds on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Self

import pyarrow as pa

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import as_cutoff, engine_zone, start_of_day, to_datetime
from tenure.events import _columns, _frames
from tenure.events._columns import Layout
from tenure.events._segments import Segments
from tenure.events.report import (
    DataReport,
    make_report,
    raise_if_invalid,
    raise_if_refund,
    with_matches,
)

EngineLog = _core.events.EventLog


class LogRows:
    """Rows, names, ids and the window of observation."""

    customer_ids: Any
    data_report: DataReport
    customers: Any
    event_names: tuple[str, ...]
    orders: tuple[str, ...]
    properties: dict[str, Any]
    timezone: str
    on_refund: str
    _layout: Layout
    _segments: Segments

    @classmethod
    def _like(cls, log: LogRows) -> Self:
        """Return a log with the settings of another and nothing else yet."""
        new = object.__new__(cls)
        new.timezone, new.on_refund, new._layout = log.timezone, log.on_refund, log._layout
        return new

    def _read(
        self,
        frame: Any,
        customers: Any,
        orders: Sequence[str] | None,
        until: int | None,
        threads: int,
        *,
        partial: bool = False,
    ) -> None:
        """Index the rows of a frame; a `partial` one may lack names of orders."""
        at = self._layout
        columns = at.columns
        reader = _frames.as_reader(frame, columns)
        reader = _columns.typed(reader, at.customer, at.time, at.amount, at.event, at.properties)
        table, table_stream = _columns.customer_table(customers, at.customer, reader)
        rows = _core.events.import_rows(
            reader.__arrow_c_stream__(),
            at.customer,
            at.time,
            at.amount or "",
            at.event or "",
            at.properties,
            engine_zone(self.timezone),
            at.ambiguous,
            table_stream,
            threads,
        )
        self.event_names = (
            tuple(_columns.texts(rows.take_event_text(), at.event).to_pylist()) if at.event else ()
        )
        self.orders = (
            tuple(orders or ()) if partial else _columns.order_names(orders, self.event_names)
        )
        self.properties = {
            name: _columns.texts(rows.take_property_text(p), name)
            for p, name in enumerate(at.properties)
        }
        drops = at.on_invalid == "drop", self.on_refund == "drop"
        counted, core, codes = _core.events.index_rows(
            rows, _columns.order_flags(self), *drops, until, threads
        )
        self.data_report = make_report(counted, on_invalid=at.on_invalid, on_refund=self.on_refund)
        if self.on_refund == "raise":
            raise_if_refund(self.data_report, at.amount)
        if core is None:
            raise_if_invalid(
                self.data_report,
                {"customer": at.customer, "time": at.time, "amount": at.amount},
            )
        assert core is not None  # the engine refuses only what the report names
        table_ids = rows.take_table_ids()
        self.customer_ids = _columns.ids(codes, rows, at.customer)
        self.customers = (
            None if table is None else _columns.aligned(table, table_ids, codes, at.customer)
        )
        self._segments = Segments.of(core)
        self._observe(until)

    def _match_refunds(self, threads: int) -> None:
        if self.on_refund != "match" or self._layout.amount is None:
            return
        core, matched, unmatched = _core.events.match_refunds(self._core, threads)
        self.data_report = with_matches(self.data_report, matched, unmatched)
        self._segments = Segments.of(core)

    def _observe(self, until: int | None) -> None:
        time = self._core.time
        if len(time):
            first, last = int(time.min()), int(time.max())
        else:
            first = last = until - 1 if until is not None else 0
        if until is None:
            day = to_datetime(last, self.timezone).date()
            until = start_of_day(day + dt.timedelta(days=1), self.timezone)
        self._segments.watch(first, until)

    @property
    def _core(self) -> EngineLog:
        """The rows in the engine, in one piece."""
        return self._segments.whole(self)

    @property
    def _from(self) -> int:
        return self._segments.observed[0]

    @property
    def _until(self) -> int:
        return self._segments.observed[1]

    @property
    def n_customers(self) -> int:
        """Customers, those without an event included."""
        return len(self.customer_ids)

    @property
    def n_rows(self) -> int:
        """Events in the log."""
        return self._segments.rows

    @property
    def nbytes(self) -> int:
        """Bytes of memory (or of the mapped file) that rows, index and ids take."""
        core = self._core
        columns = [core.offset, core.time, core.amount, core.event]
        columns += [core.property(p) for p in range(len(self.properties))]
        return sum(int(c.nbytes) for c in [*columns, self.customer_ids])

    @property
    def has_amounts(self) -> bool:
        """Whether the log has amounts."""
        return self._layout.amount is not None

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

    # --- other rows ----------------------------------------------------------------------------

    def _with(self, core: EngineLog, kept: Any) -> Self:
        """Return a log with other rows, and of its customers those at the positions `kept`."""
        part = self._like(self)
        part.event_names, part.orders = self.event_names, self.orders
        part.properties = self.properties
        part.data_report = self.data_report
        part.customer_ids = _columns.take(self.customer_ids, kept)
        part.customers = None if self.customers is None else self.customers.take(pa.array(kept))
        part._segments = Segments.of(core)
        return part

    def _part(self, start: int, until: int, end: int, threads: int) -> Self:
        keep_silent = self.customers is not None
        core, kept = _core.events.slice_time(self._core, start, until, keep_silent, threads)
        core.observed_from = max(start, self._from)
        core.observed_until = end
        return self._with(core, kept)

    def _end(self, end: Any) -> int:
        """Return the end that was said, or that of observation."""
        return self._until if end is None else self._within(end, "end")

    def _within(self, value: Any, name: str) -> int:
        at = as_cutoff(value, self.timezone, name)
        if at > self._until:
            msg = (
                f"{name} ({value}) lies behind the end of observation ({self.observed_until}); "
                "say observed_until= when the log is made if the customers were observed longer"
            )
            raise InvalidInputError(msg, argument=name, value=value)
        return at
