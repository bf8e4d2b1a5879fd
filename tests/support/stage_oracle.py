"""A second reading of the definitions of stages, in plain Python."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from fractions import Fraction


def quantile(values, percent):
    """Type 7, at an exact place; the value itself where the place is a whole number."""
    x = sorted(values)
    place = Fraction(percent * (len(x) - 1), 100)
    below = place.numerator // place.denominator
    if place == below:
        return float(x[below])
    return x[below] + float(place - below) * (x[below + 1] - x[below])


def facts_of(days, last_day, window):
    """days: local day -> [amounts]. One customer's facts, or None without an order."""
    orders = sorted(d for d, amounts in days.items() if any(a >= 0 for a in amounts))
    net = {d: math.fsum(amounts) for d, amounts in days.items()}
    gaps = [b - a for a, b in itertools.pairwise(orders)]
    recent = [d for d in days if d > last_day - window]
    return {
        "n": len(orders),
        "r": last_day - orders[-1] if orders else None,
        "gaps": gaps,
        "F": sum(d in recent for d in orders),
        "M": math.fsum(net[d] for d in recent),
    }


def calibration_of(facts, new_days=30.0, min_repeaters=100):
    gaps = [g for f in facts for g in f["gaps"]]
    repeaters = [f for f in facts if f["n"] >= 2]
    base = [f for f in repeaters if f["F"] >= 1]
    fallback = len(base) < max(min_repeaters, 1)
    if fallback:
        base = repeaters
    a = max(90.0 if fallback else quantile(gaps, 80), new_days + 1)
    lapsed = max(180.0 if fallback else quantile(gaps, 95), a + 1)
    cuts_f = (
        (2.0, 4.0) if fallback else tuple(quantile([f["F"] for f in base], p) for p in (50, 80))
    )
    values = [f["M"] for f in base]
    cuts_m = tuple(quantile(values, p) if values else math.nan for p in (40, 60, 80))
    return new_days, a, lapsed, cuts_f, cuts_m


def rules(f, calibration, identified):
    """Every rule with whether it holds, in order."""
    new, a, lapsed, (f50, f80), (m40, m60, m80) = calibration
    n, r = f["n"], f["r"]
    if n == 0:
        yield "lead", identified
        yield "visitor", True
        return
    gap = f["gaps"][-1] if f["gaps"] else 0
    mean_gap = sum(f["gaps"]) / (n - 1) if n > 1 else math.nan
    yield "reactivated", n >= 2 and r <= new and gap > lapsed
    yield "new", n == 1 and r <= new
    yield "champion", n >= 2 and r <= a and f["F"] >= f80 and f["M"] >= m80
    yield "loyal", n >= 2 and r <= a and f["F"] >= f50 and f["M"] >= m60
    yield "recent", n == 1 and new < r <= a
    yield "recent", 2 <= n <= 3 and mean_gap > a and r <= a
    yield "potential loyalist", n >= 2 and r <= a and f["M"] >= m40
    yield "promising", n >= 2 and r <= a
    yield "can't lose", n >= 2 and a < r <= lapsed and f["F"] >= f50 and f["M"] >= m60
    yield "at risk", n >= 2 and a < r <= lapsed
    yield "one-time lapsed", n == 1 and a < r <= lapsed
    yield "lost", r > lapsed


def stages_by_hand(rows, at, zone, window=365, identified=(), **calibrate):
    """rows: (customer, instant, amount). {customer: stage} at the instant `at`, and calibration."""

    def day(instant):
        return instant.astimezone(zone).date().toordinal()

    days = {}
    for customer, instant, amount in rows:
        if instant < at:
            days.setdefault(customer, {}).setdefault(day(instant), []).append(amount)
    last_day = day(at - dt.timedelta(microseconds=1))
    facts = {c: facts_of(d, last_day, window) for c, d in days.items()}
    calibration = calibration_of(facts.values(), **calibrate)
    stage = {
        c: next(s for s, holds in rules(f, calibration, c in identified) if holds)
        for c, f in facts.items()
    }
    return stage, calibration
