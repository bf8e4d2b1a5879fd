"""Journeys told straight from the definitions: lists of visits, counted in plain Python."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from fractions import Fraction
from statistics import NormalDist, median

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

import tenure as tn

EPOCH = np.datetime64("2024-01-01", "us")


def log_of(rows, until=None, orders=("c",), **more):
    """Rows are (customer, second, event, property or None) and, if they have it, amount."""
    rows = [(*row, 1.0)[:5] for row in rows]
    customer, second, event, value, amount = zip(*rows, strict=True)
    frame = {
        "who": list(customer),
        "when": EPOCH + np.array(second).astype("timedelta64[s]"),
        "what": [*event],
        "kind": pa.array(value, pa.string()),
        "paid": list(amount),
    }
    known = [o for o in orders if o in event] or [event[0]]
    if until is not None:
        more["observed_until"] = (EPOCH + np.timedelta64(until, "s")).item()
    return tn.EventLog(
        frame, customer="who", time="when", event="what", amount="paid", orders=known,
        properties=["kind"], **more,
    )  # fmt: skip


def random_rows(most):
    """Up to so many rows of few customers, crowded instants and some values of the property."""
    return st.lists(
        st.tuples(
            st.integers(0, 3),
            st.integers(0, 30),
            st.sampled_from("aabcd"),
            st.sampled_from([None, "p", "q", "r"]),
        ),
        min_size=1,
        max_size=most,
    )


def random_rules(max_states):
    """What may be asked of states; `max_states` as one of those."""
    return st.fixed_dictionaries(
        {
            "by": st.sampled_from([None, None, "kind"]),
            "within": st.sampled_from([None, 0, 3, 12]),
            "collapse": st.booleans(),
            "max_states": st.sampled_from(max_states),
        }
    )


def seconds(n):
    return None if n is None else np.timedelta64(n, "s")


def canonical(rows):
    """Rows by customer, in the order of a log: time, name, amount, value, none first."""
    rows = [(*row, 1.0)[:5] for row in rows]
    key = {r: (r[0], r[1], r[2], r[4], r[3] is not None, r[3] or "") for r in rows}
    ordered = sorted(rows, key=key.__getitem__)
    return {who: list(g) for who, g in itertools.groupby(ordered, key=lambda r: r[0])}


def pooled_names(rows, by, max_states):
    count = Counter(r[3] if by else r[2] for r in rows)
    count.pop(None, None)
    if max_states is None or len(count) <= max_states:
        return {name: name for name in count}
    kept = sorted(count, key=lambda name: (-count[name], name))[:max_states]
    return {name: name if name in kept else "(other)" for name in count}


def units(rows, by=None, within=None, collapse=False, max_states=None):
    """(customer, [(state, second, names of the visit's events)], last second) of every unit."""
    names = pooled_names(rows, by, max_states)
    found = []
    for who, events in canonical(rows).items():
        sessions = [[events[0]]]
        for before, event in itertools.pairwise(events):
            if within is not None and event[1] - before[1] > within:
                sessions.append([])
            sessions[-1].append(event)
        for session in sessions:
            visits = []
            for _, second, name, value, _ in session:
                state = names.get(value if by else name)
                if state is None:
                    continue
                if collapse and visits and visits[-1][0] == state:
                    visits[-1][2].add(name)
                else:
                    visits.append((state, second, {name}))
            if visits:
                found.append((who, visits, session[-1][1]))
    return found


def order_of(state):
    """States ascend; the start comes before them, then the pooled rest, then the end."""
    return {"(start)": (0, ""), "(other)": (2, ""), "(end)": (3, "")}.get(state, (1, state))


def transitions(found, start=True, terminal=True):
    """By pair: count, customers, median second or None; in order."""
    counts, customers, times = Counter(), defaultdict(set), defaultdict(list)
    for who, visits, _ in found:
        states = ["(start)"] * start + [v[0] for v in visits] + ["(end)"] * terminal
        for pair in itertools.pairwise(states):
            counts[pair] += 1
            customers[pair].add(who)
        for (a, s, _), (b, t, _) in itertools.pairwise(visits):
            times[a, b].append(t - s)
    return {
        pair: (counts[pair], len(customers[pair]), median(times[pair]) if times[pair] else None)
        for pair in sorted(counts, key=lambda p: (order_of(p[0]), order_of(p[1])))
    }


def wilson(k, n, level):
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle, spread = k + z * z / 2, z * (k * (n - k) / n + z * z / 4) ** 0.5
    return (middle - spread) / (n + z * z), (middle + spread) / (n + z * z)


def step_counts(found, steps, anchor=None):
    """Counter of (state, step), units, units without the anchor."""
    counts, n, without = Counter(), 0, 0
    for _, visits, _ in found:
        at = 0
        if anchor is not None:
            with_anchor = [i for i, v in enumerate(visits) if anchor in v[2]]
            if not with_anchor:
                without += 1
                continue
            at = with_anchor[0]
        n += 1
        wanted = range(1, steps + 1) if anchor is None else range(-steps, steps + 1)
        for step in wanted:
            i = step - 1 if anchor is None else at + step
            state = "(start)" if i < 0 else "(end)" if i >= len(visits) else visits[i][0]
            counts[state, step] += 1
    return counts, n, without


def paths(found, kind, least, most, start=None, end=None):
    """By path: count, customers, median duration; most frequent first."""
    counts, customers, times = Counter(), defaultdict(set), defaultdict(list)
    for who, visits, _ in found:
        n = len(visits)
        for i, j in itertools.combinations_with_replacement(range(n), 2):
            path = tuple(v[0] for v in visits[i : j + 1])
            inner = path[0] in path[1:-1]
            if (
                not least <= len(path) <= most
                or (start is not None and path[0] not in start)
                or (end is not None and path[-1] not in end)
                or (kind == "whole" and len(path) < n)
                or (kind == "loop" and (len(path) < 2 or path[0] != path[-1] or inner))
            ):
                continue
            counts[path] += 1
            customers[path].add(who)
            times[path].append(visits[j][1] - visits[i][1])
    return {
        path: (counts[path], len(customers[path]), median(times[path]))
        for path in sorted(counts, key=lambda p: (-counts[p], [order_of(s) for s in p]))
    }


# --- attribution -------------------------------------------------------------------------------


def touch_paths(rows, conversions, touches, by=None, lookback=None):
    """(customer, ((channel, second), ...), second of the conversion or None, amount)."""
    found = []
    for who, events in canonical(rows).items():
        waiting = []
        for second, group in itertools.groupby(events, key=lambda r: r[1]):
            group = list(group)
            waiting += [
                (value if by else name, second)
                for _, _, name, value, _ in group
                if name in touches and (not by or value is not None)
            ]
            paid = [a for _, _, name, _, a in group if name in conversions and a >= 0]
            if not paid:
                continue
            late = [t for t in waiting if lookback is not None and second - t[1] > lookback]
            if late:
                found.append((who, tuple(late), None, 0))
            found.append((who, tuple(waiting[len(late) :]), second, sum(map(Fraction, paid))))
            waiting = []
        if waiting:
            found.append((who, tuple(waiting), None, 0))
    return found


def heuristic(path, model, half_life=1, weights=(0, 0, 0)):
    """Parts of the touches of a path, exactly."""
    n = len(path)
    parts = [Fraction(0)] * n
    if model == "last":
        parts[-1] = Fraction(1)
    elif model == "first":
        parts[0] = Fraction(1)
    elif model == "linear":
        parts = [Fraction(1)] * n
    elif model == "time_decay":
        parts = [Fraction(2) ** Fraction(t - path[-1][1], half_life) for _, t in path]
    elif model == "position":
        first, between, last = map(Fraction, weights)
        parts = [between / max(n - 2, 1)] * n
        parts[0], parts[-1] = first, last
        if n == 1 or not sum(parts):
            parts = [Fraction(1)] * n
    return [p / sum(parts) for p in map(Fraction, parts)]


def shapley(paths, channels, weight=lambda path: 1):
    """The average over all orders of arrival of what a channel adds to v(S)."""

    def v(coalition):
        return sum(
            Fraction(weight(p)) for p in paths
            if p[2] is not None and p[1] and {c for c, _ in p[1]} <= coalition
        )  # fmt: skip

    value = {}
    orders = list(itertools.permutations(channels))
    for order in orders:
        for k, channel in enumerate(order):
            added = v(set(order[: k + 1])) - v(set(order[:k]))
            value[channel] = value.get(channel, Fraction(0)) + added
    return {channel: total / len(orders) for channel, total in value.items()}


def conversion_probability(paths, order, removed=None):
    """Of the chain of the last `order` channels; touches of the removed one lead to null."""
    moves = defaultdict(Counter)
    for _, touches, second, _ in paths:
        if not touches:
            continue
        state = ()
        for channel, _ in touches:
            after = (*state, channel)[-order:]
            moves[state][after] += 1
            state = after
        moves[state]["conversion" if second is not None else "null"] += 1
    states = [s for s in moves if removed not in s]
    at = {s: i for i, s in enumerate(states)}
    rows = []
    for s in states:
        total = sum(moves[s].values())
        row = [Fraction(int(t == s)) for t in states] + [Fraction(0)]
        for after, n in moves[s].items():
            if after in at:
                row[at[after]] -= Fraction(n, total)
            elif after == "conversion":
                row[-1] += Fraction(n, total)
        rows.append(row)
    for i in range(len(rows)):
        pivot = next(k for k in range(i, len(rows)) if rows[k][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for k in range(len(rows)):
            if k != i and rows[k][i]:
                rows[k] = [x - rows[k][i] * y for x, y in zip(rows[k], rows[i], strict=True)]
    return rows[at[()]][-1] if () in at else Fraction(0)


def removal_effects(paths, channels, order=1):
    whole = conversion_probability(paths, order)
    return {
        c: 1 - conversion_probability(paths, order, c) / whole if whole else Fraction(0)
        for c in channels
    }
