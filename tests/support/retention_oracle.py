"""Retention by its definition: one customer at a time, in plain Python, with zoneinfo's calendar.

Shares nothing with the engine: no codes, no tables of periods, no sums from the right. Slow, and
meant to be read beside docs/definitions.md.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import zoneinfo
from fractions import Fraction
from typing import Any

LENGTH = {"day": dt.timedelta(1), "week": dt.timedelta(7), "month": dt.timedelta(30)}


@dataclasses.dataclass(frozen=True)
class Row:
    customer: int
    time: dt.datetime  # UTC
    event: str
    amount: float
    channel: str | None


@dataclasses.dataclass
class Member:
    cohort: int
    group: Any
    last: int  # age observed last
    events: dict[int, int]
    amounts: dict[int, Fraction]


@functools.cache
def period_of(time, period, zone):
    day = time.astimezone(zoneinfo.ZoneInfo(zone)).date()
    if period == "day":
        return day.toordinal()
    if period == "week":
        return (day.toordinal() - 1) // 7
    months = day.year * 12 + day.month - 1
    return months // {"month": 1, "quarter": 3, "year": 12}[period]


@functools.cache
def first_day(p, period):
    if period == "day":
        return dt.date.fromordinal(p)
    if period == "week":
        return dt.date.fromordinal(p * 7 + 1)
    months = p * {"month": 1, "quarter": 3, "year": 12}[period]
    return dt.date(months // 12, months % 12 + 1, 1)


@functools.cache
def begins(p, period, zone):
    midnight = dt.datetime.combine(first_day(p, period), dt.time(), zoneinfo.ZoneInfo(zone))
    return midnight.astimezone(dt.UTC)


def members_of(rows, until, *, period="month", zone="UTC", clock="calendar", anchor="first_ever",
               start_event=("buy",), return_event=("buy",), where=None, signup=None,
               by=None, by_customer=None, by_return="any", max_age=None, brackets=None,
               customers=(), **_):  # fmt: skip
    found = []
    for customer in sorted({r.customer for r in rows} | set(customers)):
        mine = sorted((r for r in rows if r.customer == customer), key=canonical)
        for start, group in starts_of(mine, customer, until, period, zone, anchor, start_event,
                                      where, signup, by, by_customer):  # fmt: skip

            def age_of(time, start=start):
                if clock == "calendar":
                    return period_of(time, period, zone) - period_of(start, period, zone)
                return (time - start) // LENGTH[period]

            def ended(age, start=start):
                if clock == "calendar":
                    return begins(period_of(start, period, zone) + age + 1, period, zone) <= until
                return start + (age + 1) * LENGTH[period] <= until

            last = -1
            while ended(last + 1):
                last += 1
            cell = {a: a for a in range(last + 1)}
            if brackets:
                ends = [sum(brackets[: j + 1]) for j in range(len(brackets))]
                whole = [e for e in ends if e - 1 <= last]
                cell = {a: sum(e <= a for e in ends) for a in range(whole[-1] if whole else 0)}
                last = len(whole) - 1
            elif max_age is not None:
                last = min(last, max_age)
            m = Member(period_of(start, period, zone), group, last, {}, {})
            for r in mine:
                if r.event not in return_event:
                    continue
                if by_return == "same" and r.channel != group:
                    continue
                age = cell.get(age_of(r.time), -1)
                if 0 <= age <= last:
                    m.events[age] = m.events.get(age, 0) + (r.amount >= 0)
                    m.amounts[age] = m.amounts.get(age, 0) + Fraction(r.amount)
            found.append(m)
    return found


def canonical(row):
    channels = "" if row.channel is None else row.channel
    return row.time, row.event, row.amount, row.channel is not None, channels


def starts_of(mine, customer, until, period, zone, anchor, start_event, where, signup, by,
              by_customer):  # fmt: skip
    column = None if by_customer is None else by_customer.get(customer)
    if signup is not None:
        time = signup.get(customer)
        return [] if time is None or time >= until else [(time, column)]
    starts = [r for r in mine if r.event in start_event and r.amount >= 0]
    if anchor == "first_ever":
        starts = starts[:1]
    if where is not None:
        starts = [r for r in starts if r.channel in where]
    if anchor == "first_matching":
        starts = starts[:1]
    in_period = {}
    for r in starts:
        in_period.setdefault(period_of(r.time, period, zone), r)
    return [(r.time, r.channel if by == "channel" else column) for r in in_period.values()]


def value_at(m, age, value, match, min_events):
    """What a member observed at an age counts in it."""
    if value == "events":
        return Fraction(m.events.get(age, 0))
    if value == "revenue":
        return Fraction(m.amounts.get(age, 0))
    if value == "cumulative_revenue":
        return sum((m.amounts.get(a, Fraction(0)) for a in range(age + 1)), Fraction(0))
    active = [m.events.get(a, 0) >= min_events for a in range(m.last + 1)]
    if match == "on_or_before":
        return Fraction(all(active[: age + 1]))
    if match == "on_or_after":
        return Fraction(any(active[age:]))
    return Fraction(active[age])


def rate_of(members, age, value, match, denominator, min_events):
    """(count, denominator, rate) of the members of one cohort; None where there is none."""
    seen = [m for m in members if m.last >= age]

    def total(who, at):
        return sum((value_at(m, at, value, match, min_events) for m in who), Fraction(0))

    count = total(seen, age)
    if denominator == "previous":
        n = None if age == 0 else total(seen, age - 1)
    elif value == "revenue":
        n = total(seen if denominator == "at_risk" else [m for m in members if m.last >= 0], 0)
    else:
        n = Fraction(len(seen if denominator == "at_risk" else members))
    return count, n, count / n if n is not None and n > 0 else None


def waits_share(members, age, min_events):
    """Kaplan-Meier of the wait from an age on to the next active one, within what was observed."""
    waits = []
    for m in members:
        if m.last >= age:
            active = [a for a in range(age, m.last + 1) if m.events.get(a, 0) >= min_events]
            waits.append((active[0], True) if active else (m.last, False))
    if not waits:
        return None
    silent = Fraction(1)
    for j in sorted({until for until, returned in waits if returned}):
        at_risk = sum(until >= j for until, _ in waits)
        silent *= 1 - Fraction(sum(until == j and r for until, r in waits), at_risk)
    return 1 - silent


def table_of(rows, until, *, value="customers", match="on", denominator="at_risk",
             mean="weighted", min_events=1, group=None, grouped=False, **setting):  # fmt: skip
    """Cohorts, sizes, cells by (cohort, age), and means by age; None: missing."""
    everyone = members_of(rows, until, **setting)
    members = [m for m in everyone if not grouped or m.group == group]
    if not everyone:
        return None
    cohorts = range(min(m.cohort for m in everyone), max(m.cohort for m in everyone) + 1)
    ages = range(max(max(m.last for m in everyone) + 1, 1))
    cells, means = {}, {}
    for c in cohorts:
        mine = [m for m in members if m.cohort == c]
        for age in ages:
            if not any(m.last >= age for m in mine):
                continue
            count, n, rate = rate_of(mine, age, value, match, denominator, min_events)
            if match == "on_or_after":
                rate = waits_share(mine, age, min_events)
            cells[c, age] = count, n, rate
    for age in ages:
        column = [cell for (_, a), cell in cells.items() if a == age and cell[1] is not None]
        rates = [rate for _, _, rate in column if rate is not None]
        if mean == "simple":
            means[age] = sum(rates) / len(rates) if rates else None
        elif match == "on_or_after":
            means[age] = waits_share(members, age, min_events)
        else:
            n = sum(n for _, n, _ in column)
            means[age] = sum(count for count, _, _ in column) / n if n > 0 else None
    sizes = [sum(m.cohort == c for m in members) for c in cohorts]
    return cohorts, sizes, cells, means
