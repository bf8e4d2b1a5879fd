"""Funnels by brute force: all chains of small logs, straight from the definitions."""

from __future__ import annotations

import itertools

import numpy as np

import tenure as tn

EPOCH = np.datetime64("2024-01-01", "us")
NAMES = "abcx"


def log_of(rows, until=None, **more):
    """Rows are (customer, second, event, property or None)."""
    customer, second, event, value = zip(*rows, strict=True)
    # Every event name occurs, so that every funnel can be asked for.
    frame = {
        "who": [*customer, *[10**6] * len(NAMES)],
        "when": EPOCH + np.array([*second, *[0] * len(NAMES)]).astype("timedelta64[s]"),
        "what": [*event, *NAMES],
        "kind": [*value, *["-"] * len(NAMES)],
    }
    if until is not None:
        more["observed_until"] = (EPOCH + np.timedelta64(until, "s")).item()
    return tn.EventLog(
        frame, customer="who", time="when", event="what", orders=["c"], properties=["kind"], **more
    )


def seconds(n):
    return None if n is None else np.timedelta64(n, "s")


class Oracle:
    """Enumerates every assignment of events to steps and keeps those that obey the rules.

    Nothing is shared with the engine: no pass, no state, no dominance.
    """

    def __init__(self, steps, window, until, **rules):
        self.steps = [set(s) if isinstance(s, (list, tuple)) else {s} for s in steps]
        self.K = len(steps)
        self.window = window if isinstance(window, list) else [window] * (self.K - 1)
        self.until = until
        self.rules = {
            "window_from": "first", "order": "ordered", "start": "any", "ties": "either",
            "reuse": "once", "exclude": (), "optional": (), "hold_constant": None,
        } | rules  # fmt: skip

    def __getattr__(self, name):
        return self.rules[name]

    def level_of(self, chain):
        """Index of the row that a chain counts for, or None if its steps are no beginning."""
        taken = [k for k, _ in chain]
        if self.order == "any":
            return len(chain) - 1
        if self.order == "anchored":
            return len(chain) - 1 if 0 in taken else None
        skipped = set(range(max(taken))) - set(taken)
        return max(taken) if all(self.may_skip(k) for k in skipped) else None

    def may_skip(self, k):
        return any(self.steps[k] == ({o} if isinstance(o, str) else set(o)) for o in self.optional)

    def is_chain(self, chain, events):
        """`chain`: pairs of (step, position in events), in the order in which they are done."""
        times = [events[i][0] for _, i in chain]
        used = [i for _, i in chain]
        hypothetical = [events[i][1] == "future" for i in used]
        real = [i for i, f in zip(used, hypothetical, strict=True) if not f]
        if self.reuse == "once" and len(set(real)) < len(real):
            return False
        for (t0, f0), (t1, f1) in itertools.pairwise(zip(times, hypothetical, strict=True)):
            if t1 < t0 or (self.ties == "increasing" and t1 == t0 and not (f0 and f1)):
                return False
        for (_, t0), (k, t1) in itertools.pairwise(zip([k for k, _ in chain], times, strict=True)):
            limit = self.window[0] if self.order in ("any", "anchored") else self.window[k - 1]
            since = t0 if self.window_from == "previous" else times[0]
            if limit is not None and t1 - since > limit:
                return False
        if self.hold_constant:
            values = {events[i][2] for i in used if events[i][1] != "future"}
            if len(values) != 1 or None in values:
                return False
        inside = [i for i, e in enumerate(events) if times[0] < e[0] < times[-1]]
        if any(events[i][1] in self.exclude for i in inside):
            return False
        if self.order == "strict" and not set(inside) <= set(used):
            return False
        return not (self.order == "anchored" and chain[0][0] != 0)

    def chains(self, events):
        """All chains, each as a list of (step, position)."""
        fits = [
            [i for i, e in enumerate(events) if e[1] == "future" or e[1] in s] for s in self.steps
        ]
        for size in range(1, self.K + 1):
            for taken in itertools.combinations(range(self.K), size):
                for choice in itertools.product(*(fits[k] for k in taken)):
                    chain = list(zip(taken, choice, strict=True))
                    if self.order in ("any", "anchored"):
                        # Sorted by time; an anchored chain begins with step 1 among equal times.
                        chain.sort(key=lambda link: (events[link[1]][0], link[0]))
                    level = self.level_of(chain)
                    if level is not None and self.is_chain(chain, events):
                        yield level, chain

    def starts(self, events):
        first = set().union(*self.steps) if self.order == "any" else self.steps[0]
        return [
            i
            for i, e in enumerate(events)
            if e[1] in first and not (self.hold_constant and e[2] is None)
        ]

    def unit(self, events, own=None, still_open=True):
        """What is told of each step: (time, start, time of the event before), or None; and since
        when it is open."""
        events = list(events)
        starts = self.starts(events)
        if not starts:
            return None
        allowed = set(range(len(events)))
        if own is not None:
            allowed = {own}
        elif self.start == "first":
            allowed = {i for i in starts if events[i][0] == events[starts[0]][0]}
        # One event that may serve as often as need be stands for all that may still come.
        future = [(self.until, "future", None)] if still_open else []
        n = len(events)
        best, since = [None] * self.K, [None] * self.K
        for level, chain in self.chains(events + future):
            begins = [i for _, i in chain if (events + future)[i][0] == self.time(chain[0], events)]
            opener = {chain[0][1]} if self.order != "any" else set(begins)
            if not opener & allowed:
                continue
            times = [self.time(link, events) for link in chain]
            if any(i >= n for _, i in chain):
                if chain[-1][1] >= n and times[0] < self.until:
                    since[level] = max(since[level] or 0, times[0] + 1)
                continue
            told = (-times[-1], times[0], times[-2] if len(times) > 1 else times[0])
            best[level] = told if best[level] is None else max(best[level], told)
        return [None if b is None else (-b[0], b[1], b[2]) for b in best], [
            None if s is None else s - 1 for s in since
        ]

    def time(self, link, events):
        return events[link[1]][0] if link[1] < len(events) else self.until


def expected_units(rows, until, steps, window, count="unique", gap=None, **rules):
    """(times, lags) of every unit at step 1, in the order of the result; -1 for decided."""
    oracle = Oracle(steps, window, until, **rules)
    found = []
    for who in sorted({r[0] for r in rows}):
        # The canonical order: time, then event, then value; None comes first.
        events = sorted(
            (r[1:] for r in rows if r[0] == who), key=lambda e: (e[0], e[1], e[2] or "")
        )
        parts, ends = [events], [True]
        if count == "session":
            cuts = [i for i in range(1, len(events)) if events[i][0] - events[i - 1][0] > gap]
            parts = [events[a:b] for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True)]
            ends = [until - part[-1][0] <= gap for part in parts]
        for part, still_open in zip(parts, ends, strict=True):
            if count == "total":
                starts = oracle.starts(part)
                if rules.get("hold_constant"):  # attempts come by value, then by time
                    starts.sort(key=lambda i: (part[i][2], i))
                units = [oracle.unit(part, own, still_open) for own in starts]
            else:
                units = [oracle.unit(part, None, still_open)]
            found += [u for u in units if u is not None]
    times, lags, reached = [], [], []
    for best, since in found:
        reached.append([b is not None for b in best])
        times.append([
            b[0] - b[1] if b is not None else -1 if s is None else until - s
            for b, s in zip(best[1:], since[1:], strict=True)
        ])  # fmt: skip
        lags.append([-1 if b is None else b[0] - b[2] for b in best[1:]])
    return reached, times, lags
