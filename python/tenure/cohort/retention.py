"""Retention by cohort and age: who comes back k periods later, or how much money does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import PERIODS
from tenure._validation import as_choice, as_count, as_number, as_seed, as_threads
from tenure.cohort._members import breakdown, event_flags, property_filters, signup_instants
from tenure.cohort._retention_asked import Asked
from tenure.cohort._retention_result import Retention, RetentionGroups
from tenure.events import EventLog
from tenure.events.event_log import as_log


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
        Replicates, where resampling is needed; at least 2.
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
    as_log(log)
    asked = Asked(
        period=as_choice(period, "period", PERIODS),
        clock=as_choice(clock, "clock", ("calendar", "rolling")),
        match=as_choice(match, "match", ("on", "on_or_after", "on_or_before", "brackets")),
        anchor=as_choice(anchor, "anchor", ("first_ever", "first_matching", "recurring")),
        value=as_choice(value, "value", ("customers", "revenue", "events", "cumulative_revenue")),
        denominator=as_choice(denominator, "denominator", ("at_risk", "cohort", "previous")),
        mean=as_choice(mean, "mean", ("weighted", "simple")),
        min_events=as_count(min_events, "min_events", at_least=1),
        level=as_number(level, "level", above=0.0, below=1.0),
        replicates=as_count(n_bootstrap, "n_bootstrap", at_least=2),
        seed=as_seed(random_state),
        threads=as_threads(n_threads),
    )
    if max_age is not None:
        max_age = as_count(max_age, "max_age")
    lengths = _brackets(brackets, match, max_age)
    asked.require_sense(log)
    as_choice(by_return, "by_return", ("any", "same"))
    if signup is not None and (anchor != "first_ever" or start_event is not None or where):
        msg = "signup is the start itself: it goes without anchor, start_event and where"
        raise InvalidInputError(msg, argument="signup", value=signup)
    groups = breakdown(log, by)
    if signup is not None and groups.by_property is not None:
        msg = f"by: a signup has no {by!r}: break down by a column of the customers"
        raise InvalidInputError(msg, argument="by", value=by)
    if by_return == "same" and groups.by_property is None:
        msg = "by_return='same' needs a property of events in by"
        raise InvalidInputError(msg, argument="by_return", value=by_return)

    def members(by_group: bool) -> _core.cohort.Members:
        return _core.cohort.members(
            log._core,
            period=asked.unit,
            rolling=clock == "rolling",
            anchor=anchor,
            start_event=event_flags(log, start_event, "start_event"),
            return_event=event_flags(log, return_event, "return_event"),
            where=property_filters(log, where),
            signup=signup_instants(log, signup),
            by_property=groups.by_property if by_group else None,
            by_customer=groups.by_customer if by_group else None,
            same_value=by_return == "same",
            max_age=max_age,
            brackets=lengths,
            threads=asked.threads,
        )

    named = (start_event, return_event, where, signup, by, brackets)
    if asked.is_common and all(n is None for n in named):
        table = _core.cohort.retention(
            log._core, asked.unit, max_age, value == "revenue", asked.threads
        )
        cells = _core.cohort.table_cells(table, asked.options)
        found = members(False) if asked.resamples else None
        return asked.result(cells, table, found)[0]

    found = members(by is not None)
    whole = found.in_one_group() if by is not None else found
    starts = None if lengths is None else np.cumsum([0, *lengths[:-1]])
    of_groups = None
    if by is not None:
        cells = _core.cohort.member_cells(found, asked.options)
        values = [groups.label(code) for code in found.groups().tolist()]
        of_groups = RetentionGroups(
            by=by,
            values=values,
            retentions=asked.result(cells, found, found, starts)[: len(values)],
        )
    cells = _core.cohort.member_cells(whole, asked.options)
    (result,) = asked.result(cells, whole, whole, starts, by=by, groups=of_groups)
    return result


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
