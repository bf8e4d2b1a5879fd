"""Repeat purchases of a customer base over calendar time, expected and actual."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import MICROS_PER_DAY, UNIT_DAYS, as_cutoff, engine_period
from tenure._validation import Floats, Ints, as_choice, as_column, as_threads
from tenure.clv._likelihood import LikelihoodModel
from tenure.clv._tables import Tracking
from tenure.clv._units import require_unit
from tenure.events import EventLog

_COLLAPSE = (None, "day", "week", "month", "quarter", "year")


class TrackedModel(LikelihoodModel):
    """Base of the models that know the purchases expected of somebody just acquired."""

    unit_: str | None

    def expected_purchases_new(self, horizon: Any) -> Any:
        """Return the expected repeat purchases of a customer just acquired."""
        raise NotImplementedError

    def tracking(
        self,
        data: Any,
        times: Any = None,
        *,
        collapse: str | None = "day",
        acquired_until: Any = None,
    ) -> Tracking:
        """Return cumulative repeat purchases over calendar time, expected and actual.

        Parameters
        ----------
        data : EventLog, or array of n floats
            A log gives expected and actual purchases. An array says when each customer bought
            first, in the unit of the model since any origin; then only the expected ones are known.
        times : array of floats, optional
            When to look, in the unit of the model, since the first order of all (or since the
            origin of the array). Default for a log: every whole unit until its end.
        collapse : str or None
            What one order is, as in `EventLog.summary`. Used with a log only.
        acquired_until : date or instant, optional
            Only customers whose first order is earlier, such as those of the calibration period; a
            bare date means the end of that day. Used with a log only.

        Returns
        -------
        Tracking
        """
        self._require_fitted()
        if isinstance(data, EventLog):
            return self._track_log(data, times, collapse, acquired_until)
        first = as_column(data, np.float64, "data")
        bad = np.flatnonzero(~np.isfinite(first))
        if bad.size:
            row = int(bad[0])
            msg = f"data[{row}] must be finite, got {first[row]}"
            raise InvalidInputError(msg, argument="data", row=row, value=first[row])
        if times is None:
            msg = "times is needed where data is an array"
            raise InvalidInputError(msg, argument="times")
        grid = _grid(times)
        start, customers = np.unique(first, return_counts=True)
        expected = self._cumulative(start, customers.astype(np.float64), grid)
        return Tracking(grid, expected, np.full(len(grid), np.nan), self.unit_)

    def _track_log(
        self, log: EventLog, times: Any, collapse: str | None, acquired_until: Any
    ) -> Tracking:
        as_choice(collapse, "collapse", _COLLAPSE)
        per_unit = UNIT_DAYS[require_unit(self.unit_, "tracking a log")]
        until = (
            log._until
            if acquired_until is None
            else as_cutoff(acquired_until, log.timezone, "acquired_until")
        )
        day, first, repeat = _core.clv.order_days(
            log._core,
            None if collapse is None else engine_period(collapse),
            until,
            log._until,
            as_threads(self.n_threads),
        )
        if times is None:
            # Days that were seen in full, of which the last need not have an order.
            begin = day * MICROS_PER_DAY
            seen = len(first) if not len(first) else (log._until - begin) // MICROS_PER_DAY
            grid = np.arange(1.0, np.floor(max(seen, len(first)) / per_unit) + 1.0)
        else:
            grid = _grid(times)
        expected = self._expected_of_log(log, until, collapse, first, per_unit, grid)
        # An order on day k lies at k / per_unit, as in the summary.
        upto = np.clip(np.floor(grid * per_unit + 1e-9).astype(np.int64) + 1, 0, len(repeat))
        actual = np.concatenate([[0.0], np.cumsum(repeat, dtype=np.float64)])[upto]
        return Tracking(grid, expected, actual, self.unit_)

    def _expected_of_log(
        self,
        log: EventLog,
        until: int,
        collapse: str | None,
        first: Ints,
        per_unit: float,
        grid: Floats,
    ) -> Floats:
        """Cumulative expected purchases of the customers of a log, of whom `first` begin on day."""
        acquired = np.flatnonzero(first)
        return self._cumulative(acquired / per_unit, first[acquired].astype(np.float64), grid)

    def _cumulative(
        self,
        start: Floats,
        customers: Floats,
        grid: Floats,
        new: Callable[[Floats], Any] | None = None,
    ) -> Floats:
        """Sum over customers of E[X(t - start)] at each time t, each distinct age once."""
        new = new or self.expected_purchases_new
        expected = np.zeros(len(grid))
        if not len(start) or not len(grid):
            return expected
        # A few times at once, so that memory stays within a few columns.
        rows = max(1, 4_000_000 // len(start))
        for i in range(0, len(grid), rows):
            ages = np.maximum(grid[i : i + rows, None] - start[None, :], 0.0)
            distinct, where = np.unique(ages, return_inverse=True)
            values = new(distinct)
            expected[i : i + rows] = values[where.reshape(ages.shape)] @ customers
        return expected


def _grid(times: Any) -> Floats:
    grid: Floats = as_column(times, np.float64, "times")
    bad = np.flatnonzero(~(np.isfinite(grid) & (grid >= 0.0)))
    if not bad.size:
        bad = np.flatnonzero(np.diff(grid, prepend=-1.0) <= 0.0)
    if bad.size:
        row = int(bad[0])
        msg = f"times[{row}] must be finite, >= 0 and ascending, got {grid[row]}"
        raise InvalidInputError(msg, argument="times", row=row, value=grid[row])
    return grid
