"""Retention by cohort and age: who comes back k periods later, or how much money does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._model_file import storable
from tenure._time import PERIODS
from tenure._validation import as_choice, as_count, as_level, as_replicates, as_seed
from tenure.cohort._members import (
    breakdown,
    event_names,
    property_filters,
    require_lone_signup,
    signup_instants,
    where_pairs,
)
from tenure.cohort._retention_asked import Asked
from tenure.cohort._retention_result import Retention, RetentionGroups
from tenure.events import EventLog
from tenure.events._event_flags import event_flags
from tenure.events.scan import Scan, Scope


@dataclass
class _Counted:
    """What a retention scan took in: cells, members or both, and the names of their groups."""

    cells: _core.cohort.RetentionCounts | None
    members: _core.cohort.MemberRows | None
    labels: tuple[Any, ...]


@storable("cohort.RetentionScan")
class RetentionScan(Scan):
    """`retention` as a scan: for logs in parts. Settings as there.

    The state is O(cohorts x ages) for the common case, shares of customers active on a period of
    the calendar; otherwise it is O(customers x ages), 16 bytes for each age at which a customer was
    active.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow()
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> tn.cohort.RetentionScan("quarter").visit(log).finish().mean.rate.round(3)[:3].tolist()
    [1.0, 0.228, 0.181]
    """

    def __init__(
        self,
        period: str = "month",
        *,
        clock: str = "calendar",
        match: str = "on",
        brackets: Sequence[int] | None = None,
        anchor: str = "first_ever",
        start_event: str | Sequence[str] | None = None,
        return_event: str | Sequence[str] | None = None,
        where: Mapping[str, Any] | None = None,
        signup: str | None = None,
        by: str | None = None,
        by_return: str = "any",
        value: str = "customers",
        denominator: str = "at_risk",
        mean: str = "weighted",
        min_events: int = 1,
        max_age: int | None = None,
        level: float = 0.95,
        n_bootstrap: int = 500,
        random_state: Any = 0,
    ) -> None:
        if max_age is not None:
            max_age = as_count(max_age, "max_age")
        matches = ("on", "on_or_after", "on_or_before", "brackets")
        values = ("customers", "revenue", "events", "cumulative_revenue")
        super().__init__(
            period=as_choice(period, "period", PERIODS),
            clock=as_choice(clock, "clock", ("calendar", "rolling")),
            match=as_choice(match, "match", matches),
            brackets=_brackets(brackets, match, max_age),
            anchor=as_choice(anchor, "anchor", ("first_ever", "first_matching", "recurring")),
            start_event=event_names(start_event),
            return_event=event_names(return_event),
            where=where_pairs(where),
            signup=signup,
            by=by,
            by_return=as_choice(by_return, "by_return", ("any", "same")),
            value=as_choice(value, "value", values),
            denominator=as_choice(denominator, "denominator", ("at_risk", "cohort", "previous")),
            mean=as_choice(mean, "mean", ("weighted", "simple")),
            min_events=as_count(min_events, "min_events", at_least=1),
            max_age=max_age,
            level=as_level(level),
            n_bootstrap=as_replicates(n_bootstrap),
            random_state=as_seed(random_state),
        )
        self._asked = asked = Asked.of(self.settings)
        asked.require_sense()
        require_lone_signup(signup, anchor, start_event, where)
        named = (start_event, return_event, where, signup, by, brackets)
        self._is_common = asked.is_common and all(n is None for n in named)

    def _count(self, log: EventLog, threads: int) -> _Counted:
        asked, more = self._asked, self.settings
        asked.require_amounts(log)
        groups = breakdown(log, more["by"], more["signup"])
        if more["by_return"] == "same" and groups.by_property is None:
            msg = "by_return='same' needs a property of events in by"
            raise InvalidInputError(msg, argument="by_return", value=more["by_return"])
        cells = members = None
        if self._is_common:
            cells = _core.cohort.retention_counts(
                log._core, asked.unit, more["max_age"], asked.value == "revenue", threads
            )
        if not self._is_common or asked.resamples:
            members = _core.cohort.member_rows(
                log._core,
                period=asked.unit,
                rolling=asked.clock == "rolling",
                anchor=asked.anchor,
                start_event=event_flags(log, more["start_event"], "start_event"),
                return_event=event_flags(log, more["return_event"], "return_event"),
                where=property_filters(log, more["where"]),
                signup=signup_instants(log, more["signup"]),
                by_property=groups.by_property,
                by_customer=groups.by_customer,
                same_value=more["by_return"] == "same",
                max_age=more["max_age"],
                brackets=more["brackets"],
                threads=threads,
            )
        return _Counted(cells, members, groups.labels)

    def _joined(self, counted: _Counted, later: _Counted) -> _Counted:
        if counted.cells is not None and later.cells is not None:
            counted.cells.add(later.cells)
        if counted.members is not None and later.members is not None:
            counted.labels = _in_one_order(counted, later)
            counted.members.add(later.members)
        return counted

    def _result(self, scope: Scope, counted: _Counted, threads: int) -> Retention:
        asked, more = self._asked, self.settings
        found = None
        if counted.members is not None:
            found = counted.members.assemble(
                asked.unit,
                asked.clock == "rolling",
                more["max_age"],
                more["brackets"],
                scope.zone,
                scope.observed_until,
            )
        if counted.cells is not None:
            table = counted.cells.table(more["max_age"])
            cells = _core.cohort.table_cells(table, asked.options)
            return asked.result(cells, table, found, threads)[0]
        assert found is not None  # one of both is there
        lengths, by = more["brackets"], more["by"]
        starts = None if lengths is None else np.cumsum([0, *lengths[:-1]])
        of_groups = None
        if by is not None:
            cells = _core.cohort.member_cells(found, asked.options)
            labels = (*counted.labels, None)  # code -1: no value
            values = [labels[code] for code in found.groups().tolist()]
            of_groups = RetentionGroups(
                by=by,
                values=values,
                retentions=asked.result(cells, found, found, threads, starts)[: len(values)],
            )
        whole = found.in_one_group() if by is not None else found
        cells = _core.cohort.member_cells(whole, asked.options)
        (result,) = asked.result(cells, whole, whole, threads, starts, by=by, groups=of_groups)
        return result

    def _pack(self, counted: _Counted) -> dict[str, Any]:
        return {
            "cells": None if counted.cells is None else counted.cells.state(),
            "members": None if counted.members is None else counted.members.state(),
            "labels": counted.labels,
        }

    def _unpack(self, packed: dict[str, Any], scope: Scope) -> _Counted:
        cells, members = packed["cells"], packed["members"]
        counted = _Counted(
            None if cells is None else _core.cohort.RetentionCounts.restore(**cells),
            None if members is None else _core.cohort.MemberRows.restore(**members),
            tuple(packed["labels"]),
        )
        if (counted.cells is None) == self._is_common or (
            counted.members is None and (not self._is_common or self._asked.resamples)
        ):
            msg = "counts that the settings do not ask for"
            raise ValueError(msg)
        return counted


def _in_one_order(counted: _Counted, later: _Counted) -> tuple[Any, ...]:
    """Give the groups of both the codes of all labels together."""
    if counted.labels == later.labels:
        return counted.labels
    labels = tuple(sorted({*counted.labels, *later.labels}))
    for part in (counted, later):
        assert part.members is not None
        codes = [labels.index(label) for label in part.labels]
        part.members.regroup(np.array(codes, dtype=np.int32))
    return labels


def retention(
    log: EventLog,
    period: str = "month",
    *,
    clock: str = "calendar",
    match: str = "on",
    brackets: Sequence[int] | None = None,
    anchor: str = "first_ever",
    start_event: str | Sequence[str] | None = None,
    return_event: str | Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    signup: str | None = None,
    by: str | None = None,
    by_return: str = "any",
    value: str = "customers",
    denominator: str = "at_risk",
    mean: str = "weighted",
    min_events: int = 1,
    max_age: int | None = None,
    level: float = 0.95,
    n_bootstrap: int = 500,
    random_state: Any = 0,
    n_threads: int | None = None,
) -> Retention:
    """Return which share of each cohort came back in each later period.

    By default a cohort is all customers whose first order fell into the same calendar period, in
    the time zone of the log, and a customer is active in a period with at least one order in it; a
    period with refunds only is not active, but its money counts. A cell is observed only if its
    period ended within the observation of the log; others are NaN, never 0.

    Parameters
    ----------
    log : EventLog
        The orders.
    period : {"day", "week", "month", "quarter", "year"}
        Of cohorts and ages. Weeks begin on Monday.
    clock : {"calendar", "rolling"}
        Age is the difference of calendar periods; or whole lengths since the start: day 24 h, week
        7 d, month 30 d (no quarters, no years). Then what is observed differs by customer.
    match : {"on", "on_or_after", "on_or_before", "brackets"}
        A customer counts at age k if active at k; at some age >= k, estimated by Kaplan-Meier
        because who has not returned may still do so; at every age from 0 to k; or in the k-th
        bracket.
    brackets : list of int, optional
        With ``match="brackets"``: the lengths of the brackets in periods, from age 0 on.
    anchor : {"first_ever", "first_matching", "recurring"}
        What opens a cohort: the customer's first start event at all, if it meets `where`; the first
        that meets `where`; or every one that does, once in each period.
    start_event, return_event : str or list of str, optional
        Names of the events that start a cohort and that count as returns. Default: orders.
    where : dict, optional
        Values, by property, that the start event must have, such as ``{"channel": "web"}`` or
        ``{"channel": ["web", "shop"]}``.
    signup : str, optional
        Column of ``log.customers`` with dates or timestamps: the start, in place of an event.
    by : str, optional
        A property (its value at the start event) or a column of ``log.customers``: the result's
        `groups` hold the same for the customers of each value.
    by_return : {"any", "same"}
        Whether a return must have the start event's value of the property `by`.
    value : {"customers", "revenue", "events", "cumulative_revenue"}
        What is counted: customers; net revenue; return events per customer; net revenue up to that
        age per acquired customer.
    denominator : {"at_risk", "cohort", "previous"}
        For customers, events and cumulative revenue: the customers observed at that age, or the
        cohort's size. For revenue: the revenue of age 0 (of those observed). ``previous``: what was
        counted at the age before, of those observed.
    mean : {"weighted", "simple"}
        Over cohorts: sums over sums, or the mean of rates.
    min_events : int
        Return events in a cell that make a customer active.
    max_age : int, optional
        Last age to count; all that is observed by default.
    level : float
        Confidence level. Shares of customers carry Wilson intervals; revenue, events, simple means,
        recurring cohorts and ``denominator="previous"`` percentile intervals from resampled
        customers.
    n_bootstrap : int
        Replicates, where resampling is needed; 0 for no limits there (they are NaN), which takes
        one pass only.
    random_state : int, None or numpy.random.Generator
        Seed of the resampling.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    Retention

    Raises
    ------
    InvalidInputError
        For a setting out of range or one that does not go with another, a name that the log does
        not have, revenue of a log without amounts, or more than 2**24 cells.

    Notes
    -----
    Formulas and conventions: docs/methods/retention.md.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> log = tn.EventLog(
    ...     {
    ...         "customer": [1, 1, 2, 2, 3],
    ...         "date": [dt.date(2024, m, 9) for m in (1, 3, 1, 2, 2)],
    ...     },
    ...     customer="customer",
    ...     time="date",
    ...     observed_until="2024-03-31",
    ... )
    >>> r = tn.cohort.retention(log)
    >>> r.cohorts.astype(str).tolist(), r.sizes.tolist()
    (['2024-01-01', '2024-02-01'], [2, 1])
    >>> r.rates
    array([[1. , 0.5, 0.5],
           [1. , 0. , nan]])
    >>> r.mean.rate.round(3).tolist()
    [1.0, 0.333, 0.5]

    Who buys again within 30, 60, ... days after the first order:

    >>> r = tn.cohort.retention(log, clock="rolling", match="on_or_after", max_age=1)
    >>> r.rates.round(3).tolist()
    [[1.0, 0.5], [1.0, nan]]
    """
    scan = RetentionScan(
        period,
        clock=clock,
        match=match,
        brackets=brackets,
        anchor=anchor,
        start_event=start_event,
        return_event=return_event,
        where=where,
        signup=signup,
        by=by,
        by_return=by_return,
        value=value,
        denominator=denominator,
        mean=mean,
        min_events=min_events,
        max_age=max_age,
        level=level,
        n_bootstrap=n_bootstrap,
        random_state=random_state,
    )
    retention: Retention = scan.visit(log, n_threads=n_threads).finish()
    return retention


def _brackets(brackets: Sequence[int] | None, match: str, max_age: int | None) -> list[int] | None:
    if (brackets is not None) != (match == "brackets"):
        msg = "brackets and match='brackets' go together: brackets=[1, 3, 8] are their lengths"
        raise InvalidInputError(msg, argument="brackets", value=brackets)
    if brackets is None:
        return None
    if max_age is not None:
        msg = "max_age goes without brackets, which say themselves how far they reach"
        raise InvalidInputError(msg, argument="max_age", value=max_age)
    lengths = [as_count(n, "brackets", at_least=1) for n in brackets]
    if not lengths or sum(lengths) >= 2**31:
        msg = f"brackets must be some lengths of less than 2**31 periods together, got {brackets!r}"
        raise InvalidInputError(msg, argument="brackets", value=brackets)
    return lengths
