"""Logs larger than memory: DuckDB sorts by customer and time, parts of whole customers come out."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._extras import require
from tenure._time import as_end, to_datetime, zone
from tenure._validation import as_threads
from tenure.events import _append, _columns, _frames, _source_facts
from tenure.events._columns import as_layout
from tenure.events._segments import Segments
from tenure.events._source import of_no_rows, opened, quoted
from tenure.events.event_log import EventLog
from tenure.events.report import make_report, raise_if_invalid, raise_if_refund
from tenure.events.scan import Scan

_SIZE = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*([KMGT]i?B)\s*", re.IGNORECASE)
_LEAST = 256 * 2**20


class EventStream:
    """A log that is read part by part: iterate over it, or run scans over all of it at once.

    Each part is an `EventLog` of whole customers, in ascending order of ids; event names, values of
    properties, time zone and window of observation are those of the whole. Every pass sorts the
    source anew. `tenure.stream` makes one.

    Attributes
    ----------
    n_rows : int
        Rows of the source.
    event_names : tuple of str
    properties : dict of str to array
    timezone : str
    observed_from, observed_until : datetime

    Examples
    --------
    >>> import pathlib, tempfile, tenure as tn
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "orders.csv"
    >>> _ = path.write_text("id,day,value\\n2,2024-01-01,9.5\\n1,2024-02-01,3\\n1,2024-01-01,4\\n")
    >>> orders = tn.stream(path, customer="id", time="day", amount="value")
    >>> [part.summary().frequency.tolist() for part in orders]
    [[1, 0]]
    """

    event_names: tuple[str, ...]
    properties: dict[str, Any]

    def __init__(
        self,
        source: Any,
        *,
        sql: str | None,
        database: Any,
        memory_limit: Any,
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
        duckdb = require("duckdb", "read files")
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
        zone(timezone)
        self.timezone, self.on_refund = timezone, on_refund
        self._threads = as_threads(n_threads)
        self._limit = as_bytes(memory_limit, "memory_limit")
        self._source = source, sql, database
        self._duckdb = duckdb
        until = as_end(observed_until, timezone)
        self._customers = None
        if customers is not None:
            self._customers = _columns.table_of(customers, customer).sort_by(customer)
        with self._opened() as (_, relation):
            self._look(relation, orders, until)

    # --- what is known before the pass ----------------------------------------------------------

    def _look(self, relation: Any, orders: Sequence[str] | None, until: int | None) -> None:
        at = self._layout
        facts = _source_facts.of(relation, at, orders, drops_refunds=self.on_refund == "drop")
        self._facts = facts
        self.n_rows = facts.rows
        self.event_names = facts.event_names
        self.orders = _columns.order_names(orders, facts.event_names)
        self.properties = facts.properties
        report = make_report(facts.findings, on_invalid=at.on_invalid, on_refund=self.on_refund)
        if self.on_refund == "raise":
            raise_if_refund(report, at.amount)
        if at.on_invalid == "raise":
            raise_if_invalid(
                report, {"customer": at.customer, "time": at.time, "amount": at.amount}
            )
        # The first and the last instant, read as the rows will be.
        rows = pa.table({at.customer: np.zeros(len(facts.ends), np.int64), at.time: facts.ends})
        try:
            ends = EventLog(
                rows,
                customer=at.customer,
                time=at.time,
                timezone=self.timezone,
                observed_until=None if until is None else to_datetime(until, "UTC"),
                ambiguous=at.ambiguous,
            )
        except InvalidInputError as error:
            raise self._in_the_source(error, rows, "the first or the last of all") from error
        self._observed = ends._from, ends._until

    @property
    def observed_from(self) -> Any:
        """Instant of the first event."""
        return to_datetime(self._observed[0], self.timezone)

    @property
    def observed_until(self) -> Any:
        """First instant that is no longer observed."""
        return to_datetime(self._observed[1], self.timezone)

    def __repr__(self) -> str:
        last = to_datetime(self._observed[1] - 1, self.timezone)
        return (
            f"EventStream: {self.n_rows:,} rows, {self.observed_from:%Y-%m-%d} to "
            f"{last:%Y-%m-%d} ({self.timezone}), within {self._limit / 2**30:.3g} GiB"
        )

    # --- the pass -------------------------------------------------------------------------------

    def run(
        self, *scans: Scan, progress: Callable[[int, int], None] | None = None
    ) -> tuple[Any, ...]:
        """Run scans over the whole source in one pass and return their results.

        Parameters
        ----------
        *scans : Scan
            Such as ``tn.cohort.RetentionScan()``; they take in the source and can be merged,
            stored and finished again afterwards.
        progress : callable, optional
            Called with the rows that are done and the rows in all, after each part.

        Returns
        -------
        tuple
            What each scan finds, in their order: the same as from a log in memory, to the bit.

        Examples
        --------
        >>> import pathlib, tempfile, tenure as tn
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "orders.csv"
        >>> _ = path.write_text("id,day\\n2,2024-01-01\\n1,2024-02-01\\n1,2024-01-01\\n")
        >>> orders = tn.stream(path, customer="id", time="day", observed_until="2024-02-29")
        >>> triangle, growth = orders.run(tn.cohort.RetentionScan(), tn.cohort.GrowthScan())
        >>> triangle.rates.tolist(), growth.active.tolist()
        ([[1.0, 0.5]], [2, 1])
        """
        for scan in scans:
            if not isinstance(scan, Scan):
                msg = f"run takes scans such as tn.cohort.RetentionScan(), got {scan!r}"
                raise InvalidInputError(msg, argument="scans")
        done = 0
        for part in self:
            for scan in scans:
                scan.visit(part, n_threads=self._threads)
            done += part.data_report.rows
            if progress is not None:
                progress(done, self.n_rows)
        return tuple(scan.finish() for scan in scans)

    def __iter__(self) -> Iterator[EventLog]:
        silent = _Silent(self._customers, self._layout.customer)
        with self._opened() as (connection, relation), ThreadPoolExecutor(1) as reading:
            tables = self._tables(relation)
            try:
                # The next rows are sorted and read while the scans look at these.
                ahead = reading.submit(next, tables, None)
                while (table := ahead.result()) is not None:
                    ahead = reading.submit(next, tables, None)
                    yield self._part(table, silent.up_to(table[self._layout.customer][-1]))
            except BaseException:
                connection.interrupt()  # else the reader would be waited for
                raise
            rest = silent.rest()
            if rest is not None or not self.n_rows:
                yield self._part(self._no_rows(relation), rest)

    def _tables(self, relation: Any) -> Iterator[pa.Table]:
        """Tables of whole customers, each of about as many rows as the limit allows."""
        at = self._layout
        ids = self._no_rows(relation).schema.field(at.customer).type
        wanted = _part_rows(self._limit, ids, len(at.properties))
        reader = _source_facts.ordered(relation, at, self._facts).to_arrow_reader(
            min(wanted, 2**17)
        )
        batches: list[pa.RecordBatch] = []
        rows = 0
        for batch in reader:
            batches.append(batch)
            rows += batch.num_rows
            if rows < wanted:
                continue
            table = pa.Table.from_batches(batches)
            whole = rows - _rows_of_last(table[at.customer])
            if whole:
                yield table.slice(0, whole)
            rest = table.slice(whole).combine_chunks()  # lets go of the other rows
            batches, rows = rest.to_batches(), rest.num_rows
        if rows:
            yield pa.Table.from_batches(batches)

    def _no_rows(self, relation: Any) -> pa.Table:
        return of_no_rows(
            relation.limit(0).to_arrow_table().schema, self._layout.time, self._layout.amount
        )

    def _part(self, table: pa.Table, customers: pa.Table | None) -> EventLog:
        part = object.__new__(EventLog)
        part.timezone, part.on_refund, part._layout = self.timezone, self.on_refund, self._layout
        try:
            part._read(
                table, customers, self.orders, self._observed[1], self._threads, partial=True
            )
        except InvalidInputError as error:
            raise self._in_the_source(error, table) from error
        part._match_refunds(self._threads)
        self._name_alike(part)
        part._segments.watch(*self._observed)
        return part

    def _in_the_source(
        self, error: InvalidInputError, table: pa.Table, whose: str | None = None
    ) -> InvalidInputError:
        """Say whose row it is: its number in a sorted part tells nobody anything."""
        if error.row is None or not 0 <= error.row < len(table):
            return error
        who, when = (
            table[n][error.row].as_py() for n in (self._layout.customer, self._layout.time)
        )
        place = f"{whose or f'one of {who!r}'} at {when}"
        msg = f"{error} (rows counted by customer and time: it is {place})"
        return InvalidInputError(msg, argument=error.argument, value=error.value)

    def _name_alike(self, part: EventLog) -> None:
        """Give a part the codes of the whole."""
        same = part.event_names == self.event_names and all(
            values.equals(self.properties[name]) for name, values in part.properties.items()
        )
        whole = object.__new__(EventLog)
        whole.customer_ids = part.customer_ids
        whole.event_names, whole.properties = self.event_names, self.properties
        whole.orders = self.orders
        if not same:
            codes = _append.codes_in(part, whole)
            core = _core.events.joined(
                [(part._core, codes.customer, codes.event, codes.properties)],
                part.n_customers,
                _columns.order_flags(whole),
                *self._observed,
                self._threads,
            )
            part._segments = Segments.of(core)
        part.event_names, part.properties = self.event_names, self.properties
        part.orders = self.orders

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any]]:
        source, sql, database = self._source
        with tempfile.TemporaryDirectory(prefix="tenure-") as spill:
            config = {
                "memory_limit": f"{self._limit // 2 // 2**20}MiB",
                "temp_directory": spill,
                "threads": str(self._threads),
            }
            at = self._layout
            columns = at.columns
            with opened(self._duckdb, source, sql, database, config) as (connection, relation):
                _frames.require_columns(relation.columns, columns)
                names = ", ".join(map(quoted, dict.fromkeys(columns)))
                yield connection, relation.project(names)


class _Silent:
    """The rows of a customer table, handed out in the order of ids along with those of events."""

    def __init__(self, table: pa.Table | None, key: str) -> None:
        self._table, self._key, self._next = table, key, 0

    def up_to(self, last: pa.Scalar) -> pa.Table | None:
        """Return the rows up to a customer; none if there is no table."""
        if self._table is None:
            return None
        ids = self._table[self._key].slice(self._next)
        behind = pc.greater(ids, last.cast(ids.type)) if last.is_valid else pc.is_null(ids)
        first = pc.index(behind, value=True).as_py()
        count = len(ids) if first < 0 else first
        rows = self._table.slice(self._next, count)
        self._next += count
        return rows

    def rest(self) -> pa.Table | None:
        """Return the rows behind the last customer with events; none if there are none."""
        if self._table is None or self._next == len(self._table):
            return None
        return self._table.slice(self._next)


def _part_rows(limit: int, ids: pa.DataType, properties: int) -> int:
    """Rows of a part: those at hand, those ahead and their index are a good part of the limit."""
    width = 8 * (4 + properties) + (0 if pa.types.is_integer(ids) else 48)
    return max(limit // (24 * width), 65_536)


def as_bytes(value: Any, name: str) -> int:
    """Return a number of bytes of at least 256 MiB from a text such as "1GiB" or a whole number."""
    size = value if isinstance(value, int) and not isinstance(value, bool) else None
    if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        unit = match.group(2).upper()
        base = 1024 if "I" in unit else 1000
        size = int(float(match.group(1)) * base ** ("KMGT".index(unit[0]) + 1))
    if size is None or size < _LEAST:
        msg = f"{name} must be at least 256 MiB, such as '1GiB' or a number of bytes, got {value!r}"
        raise InvalidInputError(msg, argument=name, value=value)
    return size


def _rows_of_last(ids: pa.ChunkedArray) -> int:
    """How many rows at the end of ascending ids have the last one."""
    last = ids[-1]
    count = 0
    for chunk in reversed(ids.chunks):
        same = pc.equal(chunk, last) if last.is_valid else pc.is_null(chunk)
        first = pc.index(same, value=True).as_py()
        if first < 0:
            break
        count += len(chunk) - first
        if first > 0:
            break
    return count
