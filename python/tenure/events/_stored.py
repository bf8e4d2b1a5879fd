"""An event log as the values of a model file, and back."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure import _core
from tenure._time import engine_zone
from tenure._validation import as_threads
from tenure.events._columns import Layout
from tenure.events._segments import Segments
from tenure.events.report import DataReport

if TYPE_CHECKING:
    from tenure.events.event_log import EventLog

_POLICIES = ("net", "match", "drop", "raise")


def state_of(log: EventLog) -> dict[str, Any]:
    core = log._core
    text_ids = isinstance(log.customer_ids, pa.Array)
    return {
        "offset": core.offset,
        "time": core.time,
        "amount": core.amount if core.has_amount else None,
        "event": core.event if core.has_event else None,
        "property": [core.property(p) for p in range(len(log.properties))],
        "customer": _text(log.customer_ids) if text_ids else log.customer_ids,
        "event_names": list(log.event_names),
        "orders": list(log.orders),
        "properties": list(log.properties),
        "values": [_text(values) for values in log.properties.values()],
        "customers": None if log.customers is None else _table(log.customers),
        "timezone": log.timezone,
        "on_refund": log.on_refund,
        "data_report": log.data_report,
        "observed": [log._from, log._until],
        "layout": dataclasses.asdict(log._layout),
    }


def restore(log: EventLog, state: dict[str, Any]) -> None:
    """Fill an empty log; ValueError or InvalidInputError for what no log can have."""
    names, orders = state["event_names"], state["orders"]
    for texts in (names, orders, state["properties"]):
        if not all(isinstance(t, str) for t in texts) or len(set(texts)) != len(texts):
            msg = "names that are no different texts"
            raise ValueError(msg)
    if names and not orders:
        msg = "event names of which none is an order"
        raise ValueError(msg)
    if state["on_refund"] not in _POLICIES or not isinstance(state["data_report"], DataReport):
        msg = "a policy or report that no log has"
        raise ValueError(msg)
    values = [_array(v) for v in state["values"]]
    _require_ascending(values)
    ids = state["customer"]
    ids = _array(ids) if isinstance(ids, dict) else ids
    if isinstance(ids, pa.Array):
        _require_ascending([ids])
    elif ids.dtype not in (np.int64, np.uint64) or ids.ndim != 1 or not (ids[1:] > ids[:-1]).all():
        msg = "ids that do not ascend"
        raise ValueError(msg)
    first, until = state["observed"]
    core = _core.events.restore(
        state["offset"],
        state["time"],
        state["amount"],
        state["event"],
        state["property"],
        [len(v) for v in values],
        [int(name in orders) for name in names],
        engine_zone(state["timezone"]),
        first,
        until,
        as_threads(None),
    )
    if len(ids) != core.customers:
        msg = f"{len(ids)} ids of {core.customers} customers"
        raise ValueError(msg)
    log._segments = Segments.of(core)
    log._layout = _layout(state["layout"], state)
    log.customer_ids = ids
    log.event_names, log.orders = tuple(names), tuple(orders)
    log.properties = dict(zip(state["properties"], values, strict=True))
    log.timezone, log.on_refund = state["timezone"], state["on_refund"]
    log.data_report = state["data_report"]
    log.customers = None if state["customers"] is None else _read_table(state["customers"])
    if log.customers is not None and len(log.customers) != len(ids):
        msg = f"{len(log.customers)} rows of {len(ids)} customers"
        raise ValueError(msg)


def _layout(stored: dict[str, Any], state: dict[str, Any]) -> Layout:
    layout = Layout(**stored)
    texts = [layout.customer, layout.time, layout.on_invalid, layout.ambiguous]
    texts += [name for name in (layout.amount, layout.event) if name is not None]
    if not all(isinstance(t, str) for t in texts) or layout.properties != state["properties"]:
        msg = "columns that no log has"
        raise ValueError(msg)
    if (state["event"] is not None and layout.event is None) or (
        state["amount"] is not None and layout.amount is None
    ):
        msg = "a column that was not named"
        raise ValueError(msg)
    return layout


def _text(values: Any) -> dict[str, Any]:
    values = pa.concat_arrays([values.cast(pa.large_string())])
    _, offsets, data = values.buffers()
    at = np.frombuffer(offsets, np.int64)[values.offset : values.offset + len(values) + 1]
    raw = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return {"offsets": at - at[0], "bytes": raw[at[0] : at[-1]]}


def _array(stored: dict[str, Any]) -> pa.LargeStringArray:
    offsets, raw = stored["offsets"], stored["bytes"]
    if offsets.dtype != np.int64 or raw.dtype != np.uint8 or offsets.ndim != 1 or not len(offsets):
        msg = "texts without offsets"
        raise ValueError(msg)
    array = pa.LargeStringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(raw)
    )
    array.validate(full=True)
    return array


def _require_ascending(texts: list[pa.LargeStringArray]) -> None:
    import pyarrow.compute as pc

    for array in texts:
        raw = array.cast(pa.large_binary())
        if len(raw) > 1 and not pc.all(pc.less(raw[:-1], raw[1:])).as_py():
            msg = "texts that do not ascend"
            raise ValueError(msg)


def _table(table: pa.Table) -> Any:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return np.frombuffer(sink.getvalue(), np.uint8)


def _read_table(raw: Any) -> pa.Table:
    table = pa.ipc.open_stream(pa.py_buffer(raw)).read_all()
    table.validate(full=True)
    return table
