"""What a page is made of: plain values, so that the template decides nothing."""

from __future__ import annotations

import datetime as dt
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from tenure import plotting

#: In a picture column: one of two columns on a wide screen; the whole width.
HALF = (5.3, 3.2)
FULL_WIDTH = 11.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the band at the top.

    Attributes
    ----------
    key, label : str
        Its name in the tables, and on the page.
    text, detail : str
        The number as the page shows it, and the line below.
    term : str
        The definition that it links to.
    value, lower, upper : float
        NaN limits where it is counted and not estimated.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True).slice(0, 500)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date")
    >>> figure = tn.report(log, None).figures[0]
    >>> figure.key, figure.value == log.n_customers
    ('customers', True)
    """

    key: str
    label: str
    text: str
    detail: str
    term: str
    value: float
    lower: float = math.nan
    upper: float = math.nan


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn picture with its caption; `term` is the definition that it links to."""

    svg: str
    title: str
    caption: str
    term: str
    wide: bool = False
    kind: str = "picture"


@dataclass(frozen=True, slots=True)
class Missing:
    """What cannot be shown, and why."""

    what: str
    why: str
    kind: str = "missing"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table on the page: its heading, how its cells read, its definition."""

    label: str
    form: str
    term: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A table on the page; `file` names the table behind it, which may hold more."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    file: str | None = None
    note: str = ""
    open: bool = False
    kind: str = "table"


Block = Picture | Missing | View


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: a title, one sentence that says what was found, and its blocks."""

    key: str
    title: str
    lead: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Findings:
    """What the sections found on the way: tables by name, warnings, figures for the top."""

    tables: dict[str, pa.Table] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)


def as_table(columns: Mapping[str, Any]) -> pa.Table:
    """Return an Arrow table in which what is not a number is missing."""
    arrays = {
        name: column if isinstance(column, (pa.Array, pa.ChunkedArray)) else _array(column)
        for name, column in columns.items()
    }
    return pa.table(arrays)


def _array(column: Any) -> Any:
    return pa.array(column, from_pandas=True)


def view(
    table: pa.Table,
    title: str,
    columns: Mapping[str, Column],
    *,
    currency: str = "",
    rows: int | None = None,
    file: str | None = None,
    note: str = "",
    open: bool = False,
) -> View:
    """Return the named columns of a table as texts, the first `rows` of them."""
    shown = table.select(list(columns))
    if rows is not None:
        shown = shown.slice(0, rows)
    texts = [
        [cell(value, column.form, currency) for value in shown[name].to_pylist()]
        for name, column in columns.items()
    ]
    return View(
        title,
        tuple(columns.values()),
        tuple(zip(*texts, strict=True)),
        file=file,
        note=note,
        open=open,
    )


def cell(value: Any, form: str, currency: str = "") -> str:
    """Return one value as the text that the page shows."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if form == "text":
        return "".join(c if unicodedata.category(c) != "Cc" else "\ufffd" for c in str(value))
    if form == "date":
        return f"{value:%Y-%m-%d}" if isinstance(value, dt.date) else str(value)
    if form == "count":
        return f"{value:,.0f}"
    if form == "percent":
        return plotting.percent(value)
    if form == "money":
        sign = "−" if value < 0 else ""
        space = " " if len(currency) > 1 else ""
        return f"{sign}{currency}{space}{abs(value):,.2f}"
    digits = {"number": 2, "fine": 4}[form]
    return f"{value:,.{digits}f}".replace("-", "−")


def listed(items: Sequence[str]) -> str:
    """Return "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]


def counted(n: int, one: str, many: str | None = None) -> str:
    """Return "1 customer", "2 customers"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
