"""Two logs of the same columns as one, and the codes of a log in a larger one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure._errors import InvalidInputError
from tenure._time import to_datetime
from tenure._validation import Ints
from tenure.events._segments import Codes, Segment, Segments
from tenure.events.report import DataReport

if TYPE_CHECKING:
    from tenure.events.event_log import EventLog


def joined(log: EventLog, batch: EventLog, said_until: int | None) -> EventLog:
    """Return a log of the rows of both, in segments of their own."""
    first, until = _window(log, batch, said_until)
    out = log._like(log)
    out.orders = log.orders
    out.customer_ids = _union_of_ids(log, batch)
    out.event_names = tuple(_ascending({*log.event_names, *batch.event_names}))
    out.properties = {
        name: _union(values, batch.properties[name]) for name, values in log.properties.items()
    }
    out.customers = _customer_rows(log, batch, out)
    out.data_report = _reports(log.data_report, batch.data_report)

    mine = codes_in(log, out)
    parts = [
        Segment(p.core, mine if p.codes is None else p.codes.then(mine))
        for p in log._segments.parts
    ]
    parts.append(Segment(batch._core, codes_in(batch, out)))
    out._segments = Segments(parts, (first, until))
    return out


def codes_in(log: EventLog, larger: EventLog) -> Codes:
    """Return the codes of a log in one that has all its customers, names and values."""
    names = {name: code for code, name in enumerate(larger.event_names)}
    return Codes(
        customer=_positions(log.customer_ids, larger.customer_ids),
        event=np.array([names[n] for n in log.event_names], dtype=np.uint16),
        properties=[
            _positions(values, larger.properties[name]).astype(np.int32)
            for name, values in log.properties.items()
        ],
    )


def _window(log: EventLog, batch: EventLog, said_until: int | None) -> tuple[int, int]:
    if said_until is not None and said_until < log._until:
        msg = (
            f"observed_until must not lie before the present end of the log, {log.observed_until}; "
            f"got {to_datetime(said_until, log.timezone)}"
        )
        raise InvalidInputError(msg, argument="observed_until")
    if log.on_refund == "match" and batch.n_rows and batch._from < log._until:
        msg = (
            f"under on_refund='match' rows must not lie before the present end of the log, "
            f"{log.observed_until}: a refund may have cancelled what they would; make the log anew"
        )
        raise InvalidInputError(msg, argument=log._layout.time)
    starts = [part._from for part in (log, batch) if part.n_rows]
    until = max(log._until, batch._until) if batch.n_rows or said_until is not None else log._until
    return min(starts, default=log._from), until


def _union_of_ids(log: EventLog, batch: EventLog) -> Any:
    mine, others = log.customer_ids, batch.customer_ids
    kinds = [a.type if isinstance(a, pa.Array) else a.dtype for a in (mine, others)]
    if kinds[0] == kinds[1]:
        return _union(mine, others)
    if not len(others):
        return mine
    if not len(mine):
        return others
    msg = f"the ids of the batch are {kinds[1]}, those of the log {kinds[0]}"
    raise InvalidInputError(msg, argument=log._layout.customer)


def _union(mine: Any, others: Any) -> Any:
    """Distinct values of both, ascending; the very same where nothing is new."""
    if isinstance(mine, pa.Array):
        new = others.filter(pc.invert(pc.is_in(others, value_set=mine)))
        if not len(new):
            return mine
        both = pa.concat_arrays([mine, new])
        return both.take(pc.sort_indices(both))
    at = np.minimum(np.searchsorted(mine, others), max(len(mine) - 1, 0))
    known = mine[at] == others if len(mine) else np.zeros(len(others), dtype=bool)
    return mine if known.all() else np.union1d(mine, others)


def _positions(values: Any, among: Any) -> Ints:
    if values is among:
        return np.arange(len(values), dtype=np.int64)
    if isinstance(values, pa.Array):
        return np.asarray(pc.index_in(values, value_set=among), dtype=np.int64)
    return np.asarray(np.searchsorted(among, values), dtype=np.int64)


def _ascending(names: set[str]) -> list[str]:
    return sorted(names, key=lambda name: name.encode())  # as the engine does


def _customer_rows(log: EventLog, batch: EventLog, out: EventLog) -> pa.Table | None:
    """Rows of the customers: those that the batch brings, else those of the log."""
    if log.customers is None and batch.customers is None:
        return None
    key = log._layout.customer
    tables, sources = [], []
    source = np.full(len(out.customer_ids), -1, dtype=np.int64)
    offset = 0
    for part in (log, batch):
        if part.customers is None:
            continue
        given = np.asarray(pc.is_valid(part.customers[key]), dtype=bool)
        at = _positions(part.customer_ids, out.customer_ids)[given]
        source[at] = np.flatnonzero(given) + offset
        tables.append(part.customers)
        sources.append(part)
        offset += len(part.customers)
    try:
        table = pa.concat_tables(tables, promote_options="default")
    except pa.ArrowException as error:
        msg = f"customers has other columns than those of the log: {error}"
        raise InvalidInputError(msg, argument="customers") from error
    return table.take(pa.array(source, mask=source < 0))


def _reports(first: DataReport, later: DataReport) -> DataReport:
    names = list(dict.fromkeys([*first.findings, *later.findings]))
    counts = {n: first.findings.get(n, 0) + later.findings.get(n, 0) for n in names}
    rows = {
        n: (
            first.first_rows.get(n, ()) + tuple(r + first.rows for r in later.first_rows.get(n, ()))
        )[:5]
        for n in names
    }
    return replace(
        first,
        rows=first.rows + later.rows,
        kept=first.kept + later.kept,
        findings=counts,
        first_rows=rows,
        actions={**first.actions, **later.actions},
    )
