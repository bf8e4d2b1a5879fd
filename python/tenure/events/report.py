"""What was found in the rows of a log, and what was done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._model_file import storable
from tenure._results import Table

#: finding -> what it says of a row, the argument it belongs to
_INVALID = {
    "missing_customer": ("is null", "customer"),
    "missing_time": ("is null", "time"),
    "impossible_time": ("lies outside the years 1600 to 2400 (a wrong unit?)", "time"),
    "missing_amount": ("is null or NaN", "amount"),
    "infinite_amount": ("is infinite or beyond 1e150", "amount"),
}


@storable("events.DataReport")
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DataReport(Table):
    """What an `EventLog` found in its rows: every finding is counted, whatever was done about it.

    Attributes
    ----------
    rows, kept : int
        Rows read, and rows in the log.
    findings : dict of str to int
        Rows by finding: ``missing_customer``, ``missing_time``, ``impossible_time``,
        ``missing_amount``, ``infinite_amount``, ``after_end`` (at or after `observed_until`),
        ``refund`` (orders with a negative amount), ``refund_matched`` and ``refund_unmatched``
        (under ``on_refund="match"``).
    first_rows : dict of str to tuple of int
        The first few rows of each finding, 0-based, as they came in.
    actions : dict of str to str
        What was done about each finding.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = {"id": ["a", None], "day": [dt.date(2024, 1, 1), dt.date(2024, 1, 2)]}
    >>> log = tn.EventLog(rows, customer="id", time="day", on_invalid="drop")
    >>> log.data_report
    Data report: 2 rows read, 1 kept
             finding  rows   action  first_rows
    missing_customer     1  dropped           1
    >>> log.data_report.findings["missing_time"]
    0
    """

    rows: int
    kept: int
    findings: dict[str, int]
    first_rows: dict[str, tuple[int, ...]]
    actions: dict[str, str]

    def _title(self) -> str:
        return f"Data report: {self.rows:,} rows read, {self.kept:,} kept"

    def _columns(self) -> Mapping[str, Any]:
        names = [n for n, count in self.findings.items() if count]
        return {
            "finding": np.array(names, dtype=np.str_),
            "rows": np.array([self.findings[n] for n in names], dtype=np.int64),
            "action": np.array([self.actions.get(n, "") for n in names], dtype=np.str_),
            "first_rows": np.array(
                [", ".join(map(str, self.first_rows.get(n, ()))) for n in names], dtype=np.str_
            ),
        }


def make_report(raw: dict[str, Any], *, on_invalid: str, on_refund: str) -> DataReport:
    """Build the report from what the engine counted."""
    names = [n for n in raw if n not in {"rows", "kept"}]
    done = "dropped" if on_invalid == "drop" else "raised"
    actions = dict.fromkeys(_INVALID, done)
    actions["after_end"] = "dropped"
    actions["refund"] = {
        "net": "netted within the order's period",
        "match": "matched with the order they cancel",
        "drop": "dropped",
        "raise": "raised",
    }[on_refund]
    return DataReport(
        rows=raw["rows"],
        kept=raw["kept"],
        findings={n: raw[n][0] for n in names},
        first_rows={n: tuple(raw[n][1]) for n in names},
        actions=actions,
    )


def with_matches(report: DataReport, matched: int, unmatched: int) -> DataReport:
    """Return the report after refunds were matched with the orders that they cancel."""
    counts = {"refund_matched": matched, "refund_unmatched": unmatched}
    done = {"refund_matched": "dropped with the order", "refund_unmatched": "netted"}
    return replace(
        report,
        kept=report.kept - 2 * matched,
        findings={**report.findings, **counts},
        actions={**report.actions, **done},
    )


def raise_if_invalid(report: DataReport, columns: Mapping[str, str | None]) -> None:
    """Raise for the first kind of invalid cell, naming column, rule, count and first rows."""
    for finding, (rule, argument) in _INVALID.items():
        count = report.findings[finding]
        if count:
            _raise(report, finding, columns[argument] or argument, rule, count)


def raise_if_refund(report: DataReport, column: str | None) -> None:
    """Raise for ``on_refund="raise"``."""
    if count := report.findings["refund"]:
        _raise(report, "refund", column or "amount", "is negative (a refund)", count)


def _raise(report: DataReport, finding: str, column: str, rule: str, count: int) -> None:
    first = report.first_rows[finding]
    rows = ", ".join(map(str, first)) + (", ..." if count > len(first) else "")
    plural = "row" if count == 1 else "rows"
    option = "on_refund" if finding == "refund" else "on_invalid"
    msg = (
        f"{column} {rule} in {count:,} {plural} ({plural} {rows}); "
        f"{option}='drop' leaves them out and counts them"
    )
    raise InvalidInputError(msg, argument=column, row=first[0])
