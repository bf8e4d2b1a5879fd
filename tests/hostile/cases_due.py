"""Lengths of centuries, products of nobody, gaps that never end."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from hostile import OK, E

import tenure as tn
from tenure.lifecycle import due_dates, replenishment

DAY = dt.date(2024, 1, 31)


def item(length: Any = "1y", **more: Any) -> Any:
    told = {"at": DAY, "item": None} | more
    return due_dates({"customer": ["a"], "date": [DAY]}, length, **told)


def a_log(n: int = 1, sku: Any = "x") -> Any:
    days = [DAY + dt.timedelta(days=10 * k) for k in range(n)]
    frame = {"c": ["a"] * n, "d": days, "sku": [sku] * n}
    return tn.EventLog(frame, customer="c", time="d", properties=["sku"])


CASES = [
    OK("due_dates: of no length", lambda: item(0), lambda d: d.days_left[0] == 0),
    OK("due_dates: 500 years", lambda: item("500y"), lambda d: str(d.due[0]) == "2524-01-31"),
    OK("due_dates: one month", lambda: item("1mo"), lambda d: str(d.due[0]) == "2024-02-29"),
    E("due_dates: less than nothing", lambda: item(-5), "length must be a whole number of days"),
    E("due_dates: half a day", lambda: item(0.5), "length must be a whole number of days"),
    E("due_dates: in words", lambda: item("a while"), "length must be a whole number of days"),
    E("due_dates: no day", lambda: item(at="soon"), "at must be a date"),
    E("due_dates: lengths of no item", lambda: item({"x": 1}), "needs the column of the items"),
    OK(
        "replenishment: one purchase",
        lambda: replenishment(a_log(), "sku"),
        lambda r: np.isnat(r.due[0]),
    ),
    OK(
        "replenishment: a clock",
        lambda: replenishment(a_log(40), "sku"),
        lambda r: (r.due - r.last_order)[0].astype(int) == 10,
    ),
    E("replenishment: of no product", lambda: replenishment(a_log(2, None), "sku"), "sku"),
    E("replenishment: no property", lambda: replenishment(a_log(), "d"), "no property"),
    E("replenishment: quantile 0", lambda: replenishment(a_log(), "sku", quantile=0.0), "quantile"),
    E(
        "replenishment: no gap at all",
        lambda: replenishment(a_log(), "sku", min_gaps=0),
        "min_gaps",
    ),
]
