"""Due dates from what was agreed: the end of a warranty, an agreement, a product's life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._time import add_calendar_length, as_calendar_length
from tenure._validation import Ints
from tenure.events._columns import table_of
from tenure.lifecycle._days import Days, as_day, as_days


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DueDates(Table):
    """What ends when. As a table: one row for each item, in the order given.

    Attributes
    ----------
    customer : array of ids
    item : array of str
    start, due : datetime64[D] arrays
    contact : datetime64[D] array
        `lead` before the due date.
    days_left : int array
        From `at` to the due date; negative where it has passed.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> sold = {"customer": ["a"], "date": [dt.date(2023, 8, 31)], "item": ["laptop"]}
    >>> d = tn.lifecycle.due_dates(sold, {"laptop": "6mo"}, at="2024-02-01", lead="14d")
    >>> print(d.due[0], d.contact[0], d.days_left[0])
    2024-02-29 2024-02-15 28
    """

    customer: Any
    item: npt.NDArray[np.object_]
    start: Days
    due: Days
    contact: Days
    days_left: Ints

    _column_names = ("customer", "item", "start", "due", "contact", "days_left")

    def __len__(self) -> int:
        return len(self.due)

    def _columns(self) -> Mapping[str, Any]:
        columns = {n: getattr(self, n) for n in self._column_names}
        return columns | {"customer": self.customer.tolist(), "item": self.item.tolist()}

    def _title(self) -> str:
        return f"{len(self):,} due dates, {int((self.days_left < 0).sum()):,} of them passed"


def due_dates(
    items: Any,
    length: Any,
    *,
    at: Any,
    customer: str = "customer",
    start: str = "date",
    item: str | None = "item",
    lead: Any = 0,
) -> DueDates:
    """Return when what each customer bought or agreed to ends.

    Parameters
    ----------
    items : frame
        One row for each item that was bought or agreed.
    length : str, int or mapping of item to it
        "24mo" and "2y" are calendar months and years (the 31st becomes the last day of a shorter
        month), "90d", "6w" or a number are days.
    at : date
        From which days are counted.
    customer, start : str
        Columns of ids and of dates.
    item : str or None
        Column of what it is; None: not told.
    lead : str or int, default 0
        How long before the due date to make contact, as `length`, in days or weeks.

    Returns
    -------
    DueDates

    Raises
    ------
    InvalidInputError
        If a column is missing, a date or an item without a length is.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> agreed = {"customer": [7], "date": [dt.date(2024, 1, 15)]}
    >>> d = tn.lifecycle.due_dates(agreed, "1y", at="2024-06-01", item=None)
    >>> print(d)
    1 due dates, 0 of them passed
    customer  item       start         due     contact  days_left
           7        2024-01-15  2025-01-15  2025-01-15        228
    """
    table = table_of(items, customer)
    for name in (start, *([] if item is None else [item])):
        if name not in table.column_names:
            msg = f"items has no column {name!r}; it has {', '.join(table.column_names)}"
            raise InvalidInputError(msg, argument="items", value=name)
    began = as_days(table[start], "items", start)
    n = len(began)
    labels = [""] * n if item is None else table[item].to_pylist()
    lengths = _lengths(length, labels, item)
    before = as_calendar_length(lead, "lead")
    if before[0]:
        msg = f"lead must be in days or weeks, got {lead!r}"
        raise InvalidInputError(msg, argument="lead", value=lead)
    today = as_day(at, "at")
    due = add_calendar_length(began, lengths[:, 0], lengths[:, 1])
    return DueDates(
        customer=np.array(table[customer].to_pylist(), object),
        item=np.array(labels, object),
        start=began,
        due=due,
        contact=due - np.timedelta64(before[1], "D"),
        days_left=(due - today).astype(np.int64),
    )


def _lengths(length: Any, labels: list[Any], item: str | None) -> Ints:
    """Return months and days of each row."""
    if not isinstance(length, Mapping):
        return np.tile(np.array(as_calendar_length(length, "length"), np.int64), (len(labels), 1))
    if item is None:
        msg = "length by item needs the column of the items"
        raise InvalidInputError(msg, argument="item")
    told = {k: as_calendar_length(v, f"length[{k!r}]") for k, v in length.items()}
    for row, label in enumerate(labels):
        if label not in told:
            msg = f"items[{item!r}][{row}] is {label!r}, of which no length is told"
            raise InvalidInputError(msg, argument="length", row=row, value=label)
    return np.array([told[label] for label in labels], np.int64).reshape(-1, 2)
