"""What was known of each customer at each of several dates: the columns that models learn from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._results import Table

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FeatureTable(Table):
    """Features by date and customer, as of the date: nothing at or after it was read.

    Attributes
    ----------
    at : datetime64[us] array of n, UTC
        The cutoff of each row.
    customer : array of n ids
    columns : dict of str to float32 array
        ``events_30d`` and the like. For each window, the last so many days before the cutoff, and
        for the whole history (``_total``): ``events``; ``active_days``, distinct local days with an
        event; in a log with amounts ``amount`` (over orders, net of refunds), ``orders`` (rows that
        are orders and no refunds) and ``mean_amount`` (NaN without an order); ``n_<event>`` for
        each event name that was asked for. For each window ``trend``: events in its later half less
        those in its earlier half. Over the history ``days_since_first``, ``days_since_last``, and
        of the days between active days ``mean_gap``, ``std_gap``, ``last_gap`` (NaN below two,
        three, two active days).
    dates : tuple of datetime

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = {"customer": [1, 1, 2], "date": [dt.date(2024, 1, d) for d in (1, 8, 20)]}
    >>> log = tn.EventLog(rows, customer="customer", time="date")
    >>> table = log.features(["2024-01-09", "2024-01-20"], windows=["7d"])
    >>> table.customer.tolist(), table.columns["events_7d"].tolist()
    ([1, 1, 2], [1.0, 0.0, 1.0])
    """

    at: Any
    customer: Any
    columns: Mapping[str, Float32]
    dates: tuple[dt.datetime, ...]
    _first: npt.NDArray[np.int64]
    _code: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(self.columns)

    def __getitem__(self, k: int) -> FeatureTable:
        """Return the rows of the k-th date."""
        dates = range(len(self.dates))
        rows = slice(self._first[dates[k]], self._first[dates[k] + 1])
        return FeatureTable(
            at=self.at[rows],
            customer=self.customer[rows],
            columns={name: column[rows] for name, column in self.columns.items()},
            dates=(self.dates[k],),
            _first=np.array([0, rows.stop - rows.start]),
            _code=self._code[rows],
        )

    def to_numpy(self) -> Float32:
        """Return the features as one matrix, rows x names."""
        matrix = np.empty((len(self), len(self.columns)), np.float32)
        for f, column in enumerate(self.columns.values()):
            matrix[:, f] = column
        return matrix

    def _title(self) -> str:
        return (
            f"{len(self.columns)} features of customers at {len(self.dates):,} dates, "
            f"{len(self):,} rows"
        )

    def _columns(self) -> Mapping[str, Any]:
        return {"at": self.at, "customer": self.customer, **self.columns}


def name_of(what: str, window: str | None, event: str | None) -> str:
    """Return the name of a feature."""
    if what in {"days_since_first", "days_since_last", "mean_gap", "std_gap", "last_gap"}:
        return what
    return f"{what if event is None else f'n_{event}'}_{window or 'total'}"
