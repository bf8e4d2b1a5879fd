"""What an event log says about the orders of its customers: the methods that return tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import (
    MICROS_PER_DAY,
    PERIODS,
    UNIT_DAYS,
    as_horizon,
    as_period,
    as_unit,
    engine_period,
    to_datetime,
)
from tenure._validation import as_choice, as_threads
from tenure.events import _columns, _where
from tenure.events._rows import LogRows
from tenure.events.features import FeatureTable, name_of
from tenure.events.order_tables import OrderGaps, OrderPeriods
from tenure.events.summary import CalibrationHoldout, Summary, SummaryPanel


def _period(collapse: str | None) -> _core.events.Period | None:
    as_choice(collapse, "collapse", (None, *PERIODS))
    return None if collapse is None else engine_period(collapse)


class OrderTables(LogRows):
    """The part of `EventLog` that counts orders."""

    def _ids(self, codes: Any) -> Any:
        return _columns.take(self.customer_ids, codes)

    def summary(
        self,
        unit: str = "week",
        collapse: str | None = "day",
        end: Any = None,
        *,
        log_gaps: bool = False,
        n_threads: int | None = None,
    ) -> Summary:
        """Return frequency, recency, T and value of each customer with an order.

        Parameters
        ----------
        unit : {"day", "week", "month", "year"}
            What recency and T are counted in; a month is 30.4375 days and a year 365.25.
        collapse : {"day", "week", "month", "quarter", "year"} or None
            What one order is: all that a customer bought within one local calendar period. None
            keeps every instant as an order of its own.
        end : date or instant, optional
            End of observation, at most that of the log, which is the default. A bare date means the
            end of that local day.
        log_gaps : bool, default False
            Whether to add the column `log_gaps`, the sum over repeat orders of ln(time since the
            order before), in `unit`: `clv.BGCNBD` and `clv.MBGCNBD` fit how regularly customers buy
            with it. It costs one more pass.

        Returns
        -------
        Summary
            In ascending order of ids; its columns fit every model of `tenure.clv`.

        Notes
        -----
        Times are those of the collapse periods: T = last observed period - period of the first
        order. With ``collapse="day", unit="week"`` they are whole days / 7, as in Fader, Hardie &
        Lee (2005). Where collapse and unit are the same period, whole periods are counted.
        """
        as_unit(unit)
        until = self._end(end)
        raw = _core.events.summary(
            self._core,
            _period(collapse),
            UNIT_DAYS[unit],
            collapse == unit,
            until,
            as_choice(log_gaps, "log_gaps", (False, True)),
            as_threads(n_threads),
        )
        rows = len(raw["customer"])
        whole = rows == self.n_customers
        return Summary(
            customer=self.customer_ids if whole else self._ids(raw["customer"]),
            frequency=raw["frequency"],
            recency=raw["recency"],
            T=raw["T"],
            monetary_value=raw["monetary_value"],
            revenue=raw["revenue"],
            first_order=raw["first_order"].view("datetime64[us]"),
            last_order=raw["last_order"].view("datetime64[us]"),
            unit=unit,
            collapse=collapse,
            end=to_datetime(until, self.timezone),
            n_without_orders=self.n_customers - rows,
            log_gaps=raw["log_gaps"] if log_gaps else None,
        )

    def calibration_holdout(
        self,
        cut: Any,
        end: Any = None,
        unit: str = "week",
        collapse: str | None = "day",
        *,
        log_gaps: bool = False,
        n_threads: int | None = None,
    ) -> CalibrationHoldout:
        """Return the summary at `cut` and each of its customers' orders in [cut, end).

        Parameters
        ----------
        cut, end : date or instant
            As for `split`; the default end is that of the log.
        unit, collapse, log_gaps
            As for `summary`.

        Returns
        -------
        CalibrationHoldout
            One row for each customer of the history, zeros included.
        """
        at = self._within(cut, "cut")
        stop = self._end(end)
        if stop < at:
            msg = f"end ({end}) lies before cut ({cut})"
            raise InvalidInputError(msg, argument="end", value=end)
        threads = as_threads(n_threads)
        calibration = self.summary(
            unit, collapse, to_datetime(at, self.timezone), log_gaps=log_gaps, n_threads=threads
        )
        later = self._part(at, stop, stop, threads).summary(unit, collapse, n_threads=threads)
        orders = np.zeros(len(calibration), dtype=np.int64)
        amount = np.zeros(len(calibration))
        position, row = _columns.matching(calibration.customer, later.customer)
        orders[position] = later.frequency[row] + 1
        amount[position] = later.revenue[row]
        return CalibrationHoldout(
            calibration=calibration,
            orders_holdout=orders,
            amount_holdout=amount,
            duration=(stop - at) / MICROS_PER_DAY / UNIT_DAYS[unit],
        )

    def summaries(
        self,
        at: Sequence[Any],
        unit: str = "week",
        collapse: str | None = "day",
        *,
        n_threads: int | None = None,
    ) -> SummaryPanel:
        """Return the summary at each of several dates, from one pass over the log.

        Parameters
        ----------
        at : sequence of dates or instants
            Ascending, at most the end of the log. A bare date means the end of that local day.
        unit, collapse
            As for `summary`.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8.

        Returns
        -------
        SummaryPanel
            One row for each date and customer with an order before it; ``panel[k]`` is the
            `Summary` at the k-th date, equal to ``log.summary(end=at[k])``.

        Examples
        --------
        >>> import tenure as tn
        >>> orders = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
        >>> panel = log.summaries(["1997-06-30", "1997-09-30", "1997-12-31"])
        >>> len(panel), [int(s.frequency.sum()) for s in panel]
        (7071, [1732, 2457, 3188])
        """
        as_unit(unit)
        ends = [self._within(value, f"at[{k}]") for k, value in enumerate(at)]
        raw, first = _core.events.summaries(
            self._core,
            _period(collapse),
            UNIT_DAYS[unit],
            collapse == unit,
            ends,
            as_threads(n_threads),
        )
        return SummaryPanel(
            at=np.repeat(np.array(ends, "datetime64[us]"), np.diff(first)),
            customer=self._ids(raw["customer"]),
            frequency=raw["frequency"],
            recency=raw["recency"],
            T=raw["T"],
            monetary_value=raw["monetary_value"],
            revenue=raw["revenue"],
            first_order=raw["first_order"].view("datetime64[us]"),
            last_order=raw["last_order"].view("datetime64[us]"),
            dates=tuple(to_datetime(end, self.timezone) for end in ends),
            unit=unit,
            collapse=collapse,
            n_customers=self.n_customers,
            _first=first,
        )

    def features(
        self,
        at: Sequence[Any],
        windows: Sequence[Any] = ("7d", "30d", "90d", "365d"),
        events: Any = None,
        *,
        n_threads: int | None = None,
    ) -> FeatureTable:
        """Return what was known of each customer at each of several cutoffs.

        Free of leaks by construction: of the rows at or after a cutoff nothing is read for it.

        Parameters
        ----------
        at : sequence of dates or instants
            Cutoffs, ascending. A bare date means the end of that local day.
        windows : sequence of str or float
            Lengths of the windows that end at the cutoff: ``"30d"``, ``"12w"``, or a number of
            days. A window is the interval [cutoff - length, cutoff).
        events : str or list of str, optional
            Event names whose events are counted one by one.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8.

        Returns
        -------
        FeatureTable
            One row for each cutoff and customer with an event before it, float32 columns.

        Notes
        -----
        A customer is read once, whatever the number of cutoffs: about 4 bytes of result are
        written for each row and feature, and that is what bounds the time.

        Examples
        --------
        >>> import tenure as tn
        >>> orders = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
        >>> table = log.features(["1997-09-30", "1997-12-31"], windows=["30d", "90d"])
        >>> len(table), len(table.names)
        (4714, 22)
        >>> float(table[0].columns["orders_90d"].sum())
        735.0
        """
        lengths = [as_horizon(w, "day", f"windows[{i}]") for i, w in enumerate(windows)]
        labels = [w if isinstance(w, str) else f"{w:g}d" for w in windows]
        for i, length in enumerate(lengths):
            if length <= 0.0 or labels.index(labels[i]) != i:
                msg = f"windows must be different lengths longer than 0, got {list(windows)!r}"
                raise InvalidInputError(msg, argument="windows", value=windows[i])
        ends = [self._within(value, f"at[{k}]") for k, value in enumerate(at)]
        named = np.flatnonzero(_where.events(self, events)).tolist()
        first, customer, columns = _core.events.features(
            self._core,
            ends,
            [round(length * MICROS_PER_DAY) for length in lengths],
            named,
            as_threads(n_threads),
        )
        return FeatureTable(
            at=np.repeat(np.array(ends, "datetime64[us]"), np.diff(first)),
            customer=self._ids(customer),
            columns={
                name_of(
                    what,
                    None if window < 0 else labels[window],
                    None if event < 0 else self.event_names[named[event]],
                ): column
                for what, window, event, column in columns
            },
            dates=tuple(to_datetime(end, self.timezone) for end in ends),
            _first=first,
            _code=customer,
        )

    def order_gaps(
        self,
        unit: str = "day",
        collapse: str | None = "day",
        end: Any = None,
        *,
        n_threads: int | None = None,
    ) -> OrderGaps:
        """Return the time from each order to the next, and from the last one to the end.

        Parameters
        ----------
        unit, collapse, end
            As for `summary`.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8.

        Returns
        -------
        OrderGaps
            One row for each order. The gap behind a customer's last order is still open: it is
            censored, and fits `tenure.churn.KaplanMeier` as it stands.

        Examples
        --------
        >>> import tenure as tn
        >>> orders = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
        >>> gaps = log.order_gaps()
        >>> float(tn.churn.KaplanMeier().fit(gaps.length, gaps.ended).quantile(0.4))
        51.0
        """
        as_unit(unit)
        raw = _core.events.order_gaps(
            self._core,
            _period(collapse),
            UNIT_DAYS[unit],
            collapse == unit,
            self._end(end),
            as_threads(n_threads),
        )
        return OrderGaps(
            customer=self._ids(raw["customer"]),
            number=raw["number"],
            order=raw["from"].view("datetime64[us]"),
            length=raw["length"],
            ended=raw["ended"].view(np.bool_),
            unit=unit,
        )

    def order_periods(
        self,
        period: str = "month",
        collapse: str | None = "day",
        end: Any = None,
        *,
        n_threads: int | None = None,
    ) -> OrderPeriods:
        """Return orders and revenue of each customer in each calendar period.

        Parameters
        ----------
        period : {"day", "week", "month", "quarter", "year"}
            In the time zone of the log. Weeks begin on Monday.
        collapse, end
            As for `summary`; an order belongs to the period in which it begins.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8.

        Returns
        -------
        OrderPeriods
            One row for each customer and period with an order or a refund.

        Examples
        --------
        >>> import tenure as tn
        >>> orders = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
        >>> quarters = log.order_periods("quarter")
        >>> int(quarters.orders.sum()), quarters.period[:2].astype(str).tolist()
        (6696, ['1997-01-01', '1997-07-01'])
        """
        unit = as_period(period)
        raw = _core.events.order_periods(
            self._core,
            unit,
            _period(collapse),
            self._end(end),
            as_threads(n_threads),
        )
        return OrderPeriods(
            customer=self._ids(raw["customer"]),
            period=raw["first_day"].view("datetime64[D]"),
            orders=raw["orders"],
            revenue=raw["revenue"],
            length=period,
        )
