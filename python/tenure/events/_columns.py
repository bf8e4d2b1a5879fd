"""From the columns of frames to the engine's codes, and from codes back to ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure._errors import InvalidInputError
from tenure._validation import as_choice
from tenure.events import _frames

if TYPE_CHECKING:
    from tenure.events._rows import LogRows


@dataclass(frozen=True)
class Layout:
    """Which columns of a frame a log is made of, and how bad cells are taken."""

    customer: str
    time: str
    amount: str | None
    event: str | None
    properties: list[str]
    on_invalid: str
    ambiguous: str

    @property
    def columns(self) -> list[str]:
        """Return the names of all columns, each role's in turn."""
        named = (self.customer, self.time, self.amount, self.event, *self.properties)
        return [name for name in named if name is not None]


def as_layout(
    customer: str,
    time: str,
    amount: str | None,
    event: str | None,
    properties: Sequence[str],
    *,
    orders: Sequence[str] | None,
    on_refund: str,
    on_invalid: str,
    ambiguous: str,
) -> Layout:
    """Return what the arguments of a log say, or which of them is none."""
    as_choice(on_refund, "on_refund", ("net", "match", "drop", "raise"))
    as_choice(on_invalid, "on_invalid", ("raise", "drop"))
    as_choice(ambiguous, "ambiguous", ("raise", "earliest", "latest"))
    if (event is None) != (orders is None):
        msg = "event and orders go together: orders names the events that are orders"
        raise InvalidInputError(msg, argument="orders")
    carried = property_names(properties)
    return Layout(customer, time, amount, event, carried, on_invalid, ambiguous)


def order_flags(log: LogRows) -> list[int]:
    """Return by event name of a log whether it is an order."""
    return [int(name in log.orders) for name in log.event_names]


def typed(
    reader: pa.RecordBatchReader,
    customer: str,
    time: str,
    amount: str | None,
    event: str | None,
    properties: Sequence[str] = (),
) -> pa.RecordBatchReader:
    schema = reader.schema
    _frames.check_customer(schema.field(customer).type, customer)
    time_type = schema.field(time).type
    sample: list[Any] = []
    if pa.types.is_integer(time_type):
        first = next(iter(reader), None)
        sample = [] if first is None else first.column(schema.get_field_index(time))[:5].to_pylist()
    _frames.check_time(time_type, time, sample)
    types: dict[str, pa.DataType] = {}
    if amount is not None:
        types[amount] = _frames.amount_type(schema.field(amount).type, amount)
    if event is not None:
        _frames.check_event(schema.field(event).type, event)
    for name in properties:
        types[name] = _frames.property_type(schema.field(name).type, name)
    return _frames.with_types(reader, types)


def property_names(properties: Sequence[str]) -> list[str]:
    names = [properties] if isinstance(properties, str) else list(properties)
    for name in names:
        if not isinstance(name, str) or names.count(name) > 1:
            msg = f"properties must be different names of columns, got {names!r}"
            raise InvalidInputError(msg, argument="properties", value=properties)
    return names


def table_of(customers: Any, customer: str) -> pa.Table:
    """Return all columns of a frame of customers, the one of their ids first."""
    names = _frames.column_names(customers)
    return _frames.as_reader(customers, list(dict.fromkeys([customer, *names]))).read_all()


def customer_table(
    customers: Any, customer: str, reader: pa.RecordBatchReader
) -> tuple[pa.Table | None, object | None]:
    if customers is None:
        return None, None
    table = table_of(customers, customer)
    wanted = reader.schema.field(customer).type
    if pa.types.is_dictionary(wanted):
        wanted = wanted.value_type
    try:
        ids = table.select([customer]).cast(pa.schema([pa.field(customer, wanted)]))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        msg = f"customers[{customer!r}] does not fit the ids of the events: {error}"
        raise InvalidInputError(msg, argument="customers") from error
    return table, ids.__arrow_c_stream__()


def texts(table: tuple[Any, Any], column: str) -> pa.LargeStringArray:
    """Return the distinct texts of a column, which the engine took as bytes."""
    offsets, data = table
    found = pa.LargeStringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data)
    )
    try:
        found.validate(full=True)
    except pa.ArrowInvalid as error:
        msg = f"{column} holds text that is not UTF-8, so the data are damaged"
        raise InvalidInputError(msg, argument=column) from error
    return found


def ids(codes: Any, rows: Any, column: str) -> Any:
    if rows.text_ids:
        names = texts(rows.take_customer_text(), column)
        return names if len(names) == len(codes) else names.take(pa.array(codes))
    if rows.unsigned_ids:
        return codes.view(np.uint64) ^ np.uint64(2**63)
    return codes


def take(ids: Any, rows: Any) -> Any:
    return ids.take(pa.array(rows)) if isinstance(ids, pa.Array) else ids[rows]


def aligned(table: pa.Table, table_ids: Any, codes: Any, customer: str) -> pa.Table:
    """Rows of the customer table in order of customers; null where a customer has none."""
    order = np.argsort(table_ids, kind="stable")
    ordered = table_ids[order]
    repeated = np.flatnonzero(ordered[1:] == ordered[:-1])
    if repeated.size:
        row = int(order[repeated[0] + 1])
        msg = f"customers has more than one row for {table[customer][row].as_py()!r} (row {row})"
        raise InvalidInputError(msg, argument="customers", row=row)
    at = np.searchsorted(ordered, codes)
    at[at == len(ordered)] = 0
    known = (ordered[at] == codes) if len(ordered) else np.zeros(len(codes), dtype=bool)
    rows = pa.array(order[at] if len(ordered) else np.zeros(len(codes), np.int64), mask=~known)
    return table.take(rows)


def order_names(orders: Sequence[str] | None, names: tuple[str, ...]) -> tuple[str, ...]:
    if orders is None:
        return ()
    if isinstance(orders, str):
        orders = [orders]
    wanted = tuple(dict.fromkeys(orders))
    unknown = [o for o in wanted if o not in names]
    if unknown and names:
        known = ", ".join(map(repr, names))
        msg = f"orders names {unknown[0]!r}, which is no event of the log; it has {known}"
        raise InvalidInputError(msg, argument="orders", value=unknown[0])
    return wanted


def matching(ids: Any, others: Any) -> tuple[Any, Any]:
    """Positions in `ids` of those of `others` that occur there, and their rows in `others`."""
    if isinstance(ids, pa.Array):
        import pyarrow.compute as pc

        at = pc.index_in(others, value_set=ids)
        found = pc.is_valid(at).to_numpy(zero_copy_only=False)
        return at.drop_null().to_numpy().astype(np.int64), np.flatnonzero(found)
    position = np.searchsorted(ids, others)
    position = np.minimum(position, max(len(ids) - 1, 0))
    found = ids[position] == others if len(ids) else np.zeros(len(others), dtype=bool)
    return position[found], np.flatnonzero(found)
