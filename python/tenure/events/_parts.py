"""Parts of a log as logs: by conditions, by time, by customer."""

from __future__ import annotations

import itertools
from typing import Any, Self

import numpy as np

from tenure import _core
from tenure._time import engine_zone
from tenure._validation import as_count, as_threads
from tenure.events import _where
from tenure.events._columns import order_flags
from tenure.events._rows import LogRows


class LogParts(LogRows):
    """The part of `EventLog` that cuts logs."""

    def where(
        self,
        *,
        event: Any = None,
        customers: Any = None,
        amount: tuple[float | None, float | None] | None = None,
        since: Any = None,
        until: Any = None,
        keep_customers: bool = False,
        n_threads: int | None = None,
        **properties: Any,
    ) -> Self:
        """Return the log of the rows that meet every condition.

        Parameters
        ----------
        event : str or list of str, optional
            Names of events.
        customers : array of ids, or of n_customers flags, optional
        amount : (least, most), optional
            Both inclusive; None is no limit.
        since, until : date or instant, optional
            Rows in [since, until). A bare date includes that whole local day.
        keep_customers : bool, default False
            Whether customers without such a row stay, with no events.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8.
        **properties
            By name of a property: a value or a list of values; None is "has no value".

        Returns
        -------
        EventLog
            The window of observation stays as it is, since silence in it is known.

        Raises
        ------
        InvalidInputError
            For an event or a property that the log does not have, with near matches.

        Notes
        -----
        One pass at the speed of memory; nothing is sorted again.

        Examples
        --------
        >>> import datetime as dt, tenure as tn
        >>> rows = {
        ...     "customer": [1, 1, 2],
        ...     "date": [dt.date(2024, 1, d) for d in (1, 5, 2)],
        ...     "channel": ["shop", "web", "web"],
        ... }
        >>> log = tn.EventLog(rows, customer="customer", time="date", properties=["channel"])
        >>> log.where(channel="web", since="2024-01-03").n_rows
        1
        """
        core, kept = _core.events.filter_rows(
            self._core,
            _where.events(self, event),
            _where.properties(self, properties),
            _where.customers(self, customers),
            _where.amounts(self, amount),
            _where.times(self, since, until),
            bool(keep_customers),
            as_threads(n_threads),
        )
        return self._with(core, kept)

    def split(self, cut: Any, *, n_threads: int | None = None) -> tuple[Self, Self]:
        """Return two logs: the events before `cut`, and those from then on.

        Parameters
        ----------
        cut : date or instant
            History is t < cut; a bare date means the end of that local day, so ``"1997-09-30"``
            keeps that day in the first log.

        Returns
        -------
        history, future : EventLog
            Each with the customers who have an event in it.
        """
        threads = as_threads(n_threads)
        at = self._within(cut, "cut")
        far = 2**62
        return (
            self._part(-far, at, at, threads),
            self._part(at, far, self._until, threads),
        )

    def parts(self, n: int) -> list[Self]:
        """Return the log in parts of whole customers, in ascending order of ids.

        Parameters
        ----------
        n : int
            How many parts, of about as many rows each; fewer if there are fewer customers.

        Returns
        -------
        list of EventLog
            Views: no row is copied. The window of observation, names and values are those of the
            log, so that scans of the parts merge into those of the log.

        Examples
        --------
        >>> import tenure as tn
        >>> orders = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
        >>> [part.n_customers for part in log.parts(3)]
        [792, 773, 792]
        """
        n = min(as_count(n, "n", at_least=1), max(self.n_customers, 1))
        offset = self._core.offset
        # A customer weighs as much as two rows, as in the passes of the engine.
        weight = offset + 2 * np.arange(len(offset))
        wanted = weight[-1] * np.arange(1, n) // n
        edges = np.unique([0, *np.searchsorted(weight, wanted), self.n_customers])
        return [self._of_customers(int(a), int(b)) for a, b in itertools.pairwise(edges)]

    def _of_customers(self, first: int, last: int) -> Self:
        """Return the log of the customers at positions [first, last)."""
        core = self._core
        offset = core.offset[first : last + 1]
        rows = slice(int(offset[0]), int(offset[-1]))
        values = list(self.properties.values())
        part = _core.events.restore(
            np.ascontiguousarray(offset - offset[0]),
            core.time[rows],
            core.amount[rows] if core.has_amount else None,
            core.event[rows] if core.has_event else None,
            [core.property(p)[rows] for p in range(len(values))],
            [len(v) for v in values],
            order_flags(self),
            engine_zone(self.timezone),
            self._from,
            self._until,
            1,
        )
        return self._with(part, np.arange(first, last))
