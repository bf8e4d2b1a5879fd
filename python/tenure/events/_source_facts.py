"""What a source holds, asked of DuckDB before its rows are sorted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tenure._errors import InvalidInputError
from tenure.events import _columns
from tenure.events._columns import Layout
from tenure.events._source import quoted

#: A property with more values than this is sorted as text.
_MOST_VALUES = 4096


@dataclass(frozen=True)
class Facts:
    """What all parts of a source share."""

    rows: int
    event_names: tuple[str, ...]
    properties: dict[str, pa.LargeStringArray]
    findings: dict[str, Any]  # as the engine counts them: finding -> (rows, first rows)
    ends: pa.Array  # the first and the last time of the rows that will be kept


def of(
    relation: Any, layout: Layout, orders: Sequence[str] | None, *, drops_refunds: bool
) -> Facts:
    """Ask for the facts; columns of a type that no log has raise as they do for a frame."""
    _columns.typed(
        relation.limit(5).to_arrow_reader(),
        layout.customer,
        layout.time,
        layout.amount,
        layout.event,
        layout.properties,
    )
    rules = _rules(layout, orders)
    if layout.event is not None:
        nameless = _first_rows(relation, f"{quoted(layout.event)} IS NULL")
        if nameless:
            msg = f"{layout.event}[{nameless[0]}] has no event name"
            raise InvalidInputError(msg, argument=layout.event, row=nameless[0])
    left_out = [name for name in rules if name != "refund" or drops_refunds]
    kept = " AND ".join(f"({rules[name]}) IS NOT TRUE" for name in left_out)
    time = quoted(layout.time)
    asked = ["count(*)", *(f"count(*) FILTER (WHERE {rule})" for rule in rules.values())]
    asked += [f"{end}({time}) FILTER (WHERE {kept})" for end in ("min", "max")]
    columns = (f"{what} AS c{i}" for i, what in enumerate(asked))
    answer = relation.aggregate(", ".join(columns)).to_arrow_table().combine_chunks().columns
    rows, *counts = (column[0].as_py() for column in answer[:-2])
    findings: dict[str, Any] = {
        name: (n, _first_rows(relation, rules[name]) if n else ())
        for name, n in zip(rules, counts, strict=True)
    }
    findings["after_end"] = (0, ())
    return Facts(
        rows=rows,
        event_names=tuple(_values(relation, layout.event).to_pylist()) if layout.event else (),
        properties={name: _values(relation, name) for name in layout.properties},
        findings=findings | {"rows": rows, "kept": 0},
        ends=pa.concat_arrays([pa.concat_arrays(c.chunks) for c in answer[-2:]]).drop_null(),
    )


def ordered(relation: Any, layout: Layout, facts: Facts) -> Any:
    """Return the rows by customer and time; names and values are codes, so that less is sorted."""
    values = dict(facts.properties)
    if layout.event:
        values[layout.event] = pa.array(facts.event_names, pa.large_string())
    columns = []
    for name in relation.columns:
        column = quoted(name)
        if name in values and 0 < len(values[name]) <= _MOST_VALUES:
            known = ", ".join(map(_literal, values[name].to_pylist()))
            column = f"CAST(CAST({column} AS VARCHAR) AS ENUM ({known})) AS {column}"
        columns.append(column)
    keys = f"{quoted(layout.customer)}, {quoted(layout.time)}"
    return relation.project(", ".join(columns)).order(keys)


def _rules(layout: Layout, orders: Sequence[str] | None) -> dict[str, str]:
    """The condition of each finding, as the engine has it."""
    customer, time = quoted(layout.customer), quoted(layout.time)
    rules = {
        "missing_customer": f"{customer} IS NULL",
        "missing_time": f"{time} IS NULL",
        "impossible_time": (
            f"CAST({time} AS DATE) < DATE '1600-01-01' OR CAST({time} AS DATE) >= DATE '2400-01-01'"
        ),
    }
    none = "FALSE"
    order = none if layout.amount is None else "TRUE"
    if layout.amount is not None and layout.event is not None:
        names = ", ".join(
            _literal(o) for o in ([orders] if isinstance(orders, str) else orders or ())
        )
        order = f"CAST({quoted(layout.event)} AS VARCHAR) IN ({names})" if names else none
    amount = "NULL" if layout.amount is None else f"CAST({quoted(layout.amount)} AS DOUBLE)"
    rules["missing_amount"] = f"{order} AND ({amount} IS NULL OR isnan({amount}))"
    rules["infinite_amount"] = f"{order} AND NOT isnan({amount}) AND abs({amount}) > 1e150"
    rules["refund"] = f"{order} AND NOT isnan({amount}) AND {amount} < 0"
    return rules


def _first_rows(relation: Any, rule: str) -> tuple[int, ...]:
    numbered = relation.project("*, row_number() OVER () - 1 AS tenure_row")
    rows = numbered.filter(rule).project("tenure_row").order("tenure_row").limit(5).fetchall()
    return tuple(row for (row,) in rows)


def _values(relation: Any, name: str) -> pa.LargeStringArray:
    column = f"CAST({quoted(name)} AS VARCHAR)"
    texts = relation.project(f"{column} AS v").distinct().fetchall()
    found = [v for (v,) in texts if v is not None]
    return pa.array(sorted(found, key=lambda v: v.encode()), pa.large_string())


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
