"""Funnels: every chain of small logs by brute force, identities, words that do not go together."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

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


# --- the oracle: all chains of one customer, straight from the definitions ------------------------


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
        if self.reuse == "once" and len(set(used)) < len(used):
            return False
        hypothetical = [events[i][1] == "future" for i in used]
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
        future = [(self.until, "future", None)] * self.K if still_open else []
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


def check(rows, until, steps, window, gap=3, **rules):
    log = log_of(rows, until)
    windows = [seconds(w) for w in window] if isinstance(window, list) else seconds(window)
    f = tn.journey.funnel(log, steps, windows, session_gap=seconds(gap), **rules, quantiles=[0.5])
    rows = rows + [(10**6, 0, name, "-") for name in NAMES]
    start = rules.pop("start", "any")
    reached, times, lags = expected_units(rows, until, steps, window, gap=gap, start=start, **rules)
    bits = np.array(reached, dtype=bool).reshape(-1, len(steps))
    assert_array_equal((f.unit_steps[:, None] >> np.arange(len(steps))) & 1, bits)
    assert_array_equal(f.counts, bits.sum(axis=0))
    micros = np.array(times, dtype=np.int64).reshape(-1, len(steps) - 1)
    assert_array_equal(f.unit_times.T, np.where(micros >= 0, micros * 10**6, -1))
    lag = np.array(lags).reshape(-1, len(steps) - 1)
    for k in range(1, len(steps)):
        seen = bits[:, k]
        if seen.any():
            told = f.lags[k, 0] / np.timedelta64(1, "s")
            assert told == pytest.approx(np.median(lag[seen, k - 1]), abs=1e-6)
            told = f.times[k, 0] / np.timedelta64(1, "s")
            assert told == pytest.approx(np.median(micros[seen, k - 1]), abs=1e-6)
    waiting = ~bits[:, 1:] & (micros >= 0)
    assert_array_equal(f.open[1:], waiting.sum(axis=0))
    return f


# Few instants and few names, so that most events are tied or alike.
events = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 7),
        st.sampled_from(NAMES),
        st.sampled_from([None, "p", "q"]),
    ),
    min_size=1,
    max_size=8,
)
step = st.one_of(st.sampled_from("abc"), st.sampled_from([["a", "b"], ["b", "c"], ["a", "c"]]))
funnels = st.lists(step, min_size=2, max_size=4)
window = st.one_of(st.none(), st.integers(0, 6))


@st.composite
def questions(draw):
    steps = draw(funnels)
    order = draw(st.sampled_from(["ordered", "ordered", "strict", "any", "anchored"]))
    free = order in ("any", "anchored")
    count = draw(st.sampled_from(["unique", "unique", "total", "session"]))
    rules = {
        "order": order,
        "ties": draw(st.sampled_from(["either", "increasing"])),
        "reuse": draw(st.sampled_from(["once", "many"])),
        "exclude": draw(st.sampled_from([(), ("x",)])),
        "hold_constant": draw(st.sampled_from([None, None, "kind"])),
        "count": count,
        "start": "every" if count == "total" else draw(st.sampled_from(["any", "first"])),
    }
    if free:
        return steps, draw(window), rules
    rules["window_from"] = draw(st.sampled_from(["first", "previous"]))
    skippable = [s for s in steps[1:] if s != steps[0] and set(s) != set(steps[0])]
    if skippable:
        rules["optional"] = draw(st.sampled_from([[], skippable[:1], skippable[-1:], skippable]))
    if draw(st.booleans()):
        return steps, draw(window), rules
    return steps, draw(st.lists(window, min_size=len(steps) - 1, max_size=len(steps) - 1)), rules


@settings(max_examples=150)
@given(events, st.integers(8, 12), questions())
def test_equals_all_chains_by_brute_force(rows, until, question):
    steps, window, rules = question
    check(rows, until, steps, window, **rules)


@settings(max_examples=80)
@given(
    events,
    st.integers(8, 12),
    st.lists(st.sampled_from("abc"), min_size=2, max_size=3, unique=True),
    st.one_of(window, st.lists(window, min_size=2, max_size=2)),
    st.sampled_from(["either", "increasing"]),
)
def test_the_common_funnel_equals_all_chains_by_brute_force(rows, until, steps, window, ties):
    if isinstance(window, list):
        window = window[: len(steps) - 1]
    check(rows, until, steps, window, ties=ties)


# --- breakdowns: the same by brute force ----------------------------------------------------------


def counts_by_value(rows, until, steps, window, attribution, order):
    """Counts of each value: of the last event, in canonical order, at the attributed instant."""
    oracle = Oracle(steps, window, until, order=order)
    found = {}
    for who in sorted({r[0] for r in rows}):
        events = sorted(
            (r[1:] for r in rows if r[0] == who), key=lambda e: (e[0], e[1], e[2] or "")
        )
        if attribution == "every":
            for value in {e[2] for e in events}:
                unit = oracle.unit([e for e in events if e[2] == value])
                if unit is not None:
                    found.setdefault(value, []).append([b is not None for b in unit[0]])
            continue
        unit = oracle.unit(events)
        if unit is None:
            continue
        best = unit[0]
        furthest = max(k for k, b in enumerate(best) if b is not None)
        at = best[furthest][1] if attribution == "first" else best[furthest][0]
        if order == "any":
            serving = set().union(*oracle.steps)
        elif attribution == "first" or furthest == 0:
            serving = oracle.steps[0]
        else:
            serving = (
                oracle.steps[furthest] if order == "ordered" else set().union(*oracle.steps[1:])
            )
        value = [e[2] for e in events if e[0] == at and e[1] in serving][-1]
        found.setdefault(value, []).append([b is not None for b in best])
    order_of = sorted(found, key=lambda v: (v is None, v or ""))
    return {v: np.sum(found[v], axis=0).tolist() for v in order_of}


@settings(max_examples=60)
@given(
    events,
    funnels,
    st.integers(0, 6),
    st.sampled_from(["first", "last", "every"]),
    st.sampled_from(["ordered", "any", "anchored"]),
)
def test_breakdown_equals_brute_force(rows, steps, window, attribution, order):
    f = tn.journey.funnel(
        log_of(rows, 9), steps, seconds(window), order=order, by="kind", attribution=attribution
    )
    everyone = rows + [(10**6, 0, name, "-") for name in NAMES]
    expected = counts_by_value(everyone, 9, steps, window, attribution, order)
    b = f.breakdown
    assert dict(zip(b.values, b.counts.tolist(), strict=True)) == expected
    assert list(b.values) == list(expected)
    if attribution != "every":
        assert_array_equal(b.counts.sum(axis=0), f.counts)
    assert b.to_arrow().num_rows == len(b.values) * len(steps)


# --- what follows from the definitions ------------------------------------------------------------


@settings(max_examples=60)
@given(events, funnels, st.integers(0, 6), st.randoms())
def test_order_of_rows_threads_and_parts_of_the_log_do_not_matter(rows, steps, window, random):
    steps = list(steps)
    f = tn.journey.funnel(log_of(rows, 9), steps, seconds(window))
    shuffled = random.sample(rows, len(rows))
    g = tn.journey.funnel(log_of(shuffled, 9), steps, seconds(window), n_threads=4)
    assert_array_equal(f.unit_steps, g.unit_steps)
    assert_array_equal(f.unit_times, g.unit_times)
    assert_array_equal(f.final_rates, g.final_rates)
    nobody = tn.journey.funnel(log_of([(0, 0, "x", None)], 9), steps, seconds(window)).counts
    parts = [
        tn.journey.funnel(log_of(part, 9), steps, seconds(window)).counts - nobody
        for part in ([r for r in rows if r[0] == who] for who in {r[0] for r in rows})
    ]
    assert_array_equal(sum(parts) + nobody, f.counts)


@settings(max_examples=60)
@given(events, funnels, st.integers(0, 6))
def test_stricter_rules_never_count_more(rows, steps, window):
    log = log_of(rows, 9)

    def counts(window=window, **rules):
        return tn.journey.funnel(log, steps, seconds(window), **rules).counts

    ordered = counts()
    assert (np.diff(ordered) <= 0).all()
    assert (counts(order="strict") <= ordered).all()
    assert (ordered <= counts(order="anchored")).all()
    assert (counts(order="anchored") <= counts(order="any")).all()
    assert (counts(start="first") <= ordered).all()
    assert (counts(ties="increasing") <= ordered).all()
    assert (ordered <= counts(reuse="many")).all()
    assert (counts(exclude="x") <= ordered).all()
    assert (counts(hold_constant="kind") <= ordered).all()
    assert (ordered <= counts(window=None)).all()
    assert (ordered <= counts(window_from="previous")).all()
    assert counts(count="session", session_gap="1h").tolist() == ordered.tolist()


def many(n=4000, seed=5):
    rng = np.random.default_rng(seed)
    rows = zip(
        rng.integers(0, 700, n).tolist(),
        rng.integers(0, 5000, n).tolist(),
        rng.choice(list(NAMES), n, p=[0.5, 0.25, 0.15, 0.1]).tolist(),
        rng.choice(["p", "q"], n).tolist(),
        strict=True,
    )
    return log_of(list(rows), 5000)


def test_the_general_pass_finds_what_the_common_one_does():
    log = many()
    f = tn.journey.funnel(log, ["a", "b", "c"], seconds(900))
    # Sessions without end and a breaker that never occurs take the general way.
    g = tn.journey.funnel(log, ["a", "b", "c"], seconds(900), count="session", session_gap="90d")
    assert_array_equal(f.unit_steps, g.unit_steps)
    assert_array_equal(f.unit_times, g.unit_times)
    assert_array_equal(f.lags, g.lags)


def test_rates_and_intervals():
    f = tn.journey.funnel(many(), ["a", "b", "c"], seconds(900), level=0.9)
    n1, n2, n3 = f.counts.tolist()
    assert f.rates.tolist() == [1.0, n2 / n1, n3 / n1]
    assert f.step_rates[1:].tolist() == [n2 / n1, n3 / n2]
    assert f.dropped.tolist() == [0, n1 - n2, n2 - n3]
    for k, n, lower, upper in (
        (n3, n1, f.lower[2], f.upper[2]),
        (n3, n2, f.step_lower[2], f.step_upper[2]),
    ):
        interval = scipy.stats.binomtest(k, n).proportion_ci(0.9, method="wilson")
        assert_allclose([lower, upper], interval, rtol=1e-12)


def test_later_steps_are_compared_with_the_last_that_is_not_optional():
    rows = [(1, 0, "a", None), (1, 1, "c", None), (2, 0, "a", None), (2, 1, "b", None)]
    f = tn.journey.funnel(log_of(rows), ["a", "b", "c"], "1h", optional="b")
    assert f.counts.tolist() == [3, 2, 2]
    assert f.step_rates[1:].tolist() == [2 / 3, 2 / 3]
    assert f.dropped.tolist() == [0, 1, 1]


def test_the_final_rate_is_the_product_limit():
    f = tn.journey.funnel(many(), ["a", "b", "c"], seconds(900))
    for k in (1, 2):
        assert f.open[k] > 0
        came = (f.unit_steps >> k) & 1 == 1
        time = f.unit_times[k - 1].astype(float)
        time[time < 0] = 900e6
        sample = scipy.stats.CensoredData(uncensored=time[came], right=time[~came])
        curve = scipy.stats.ecdf(sample).sf
        at = np.searchsorted(curve.quantiles, time[came].max())
        assert_allclose(f.final_rates[k], 1.0 - curve.probabilities[at], rtol=1e-12)
        assert f.rates[k] < f.final_rates[k]
        assert f.final_lower[k] < f.final_rates[k] < f.final_upper[k]
        survival = f.time_to(k + 1)
        assert_allclose(1.0 - survival.survival[-1], f.final_rates[k], rtol=1e-12)
        assert survival.last_time == 900 / 86_400


def test_the_final_rate_is_the_rate_once_all_windows_are_closed():
    rows = [(1, 0, "a", None), (1, 1, "b", None), (2, 0, "a", None)]
    f = tn.journey.funnel(log_of(rows, 1000), ["a", "b"], seconds(10))
    assert f.open.tolist() == [0, 0]
    assert f.final_rates.tolist() == f.rates.tolist()
    assert f.final_lower.tolist() == f.lower.tolist()


def test_the_final_rate_is_unknown_if_nobody_was_watched_so_long():
    rows = [(1, 0, "a", None), (1, 1, "b", None), (2, 0, "a", None)]
    f = tn.journey.funnel(log_of(rows, 5), ["a", "b", "c"], seconds(10))
    assert np.isnan(f.final_rates[1:]).all()
    g = tn.journey.funnel(log_of(rows, 5), ["a", "b", "c"], None)
    assert_allclose(g.final_rates[1], 2 / 3)


def test_draws_a_bar_a_step():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    f = tn.journey.funnel(many(), ["a", "b", "c"], seconds(900))
    _, ax = pyplot.subplots()
    assert f.plot(ax) is ax
    assert_allclose([bar.get_width() for bar in ax.patches], f.rates)
    assert len(ax.texts) == 3
    pyplot.close("all")


# --- words ----------------------------------------------------------------------------------------

PLAIN = log_of([(1, 0, "a", "p"), (1, 1, "b", "p")])
REFUSED = [
    ({"steps": "a"}, "steps must be a list"),
    ({"steps": []}, "steps must be 1 to 32"),
    ({"steps": ["a"] * 33}, "steps must be 1 to 32"),
    ({"steps": ["a", []]}, r"steps\[1\] must be an event name"),
    ({"steps": ["a", "view"]}, "'view', which is no event of the log"),
    ({"steps": ["a", 3]}, r"steps\[1\] must be an event name"),
    ({"window": 7}, "window must be a length of time"),
    ({"window": "7m"}, "window must be a length of time"),
    ({"window": "-1h"}, "window must be a length of time"),
    ({"window": np.timedelta64("NaT")}, "window must be a length of time"),
    ({"window": ["1h"]}, "one for each step after the first: 2"),
    ({"window_from": "last"}, "window_from must be one of"),
    ({"order": "loose"}, "order must be one of"),
    ({"start": "last"}, "start must be one of"),
    ({"ties": "input"}, "a log does not keep it"),
    ({"ties": "no"}, "ties must be one of"),
    ({"reuse": "twice"}, "reuse must be one of"),
    ({"count": "all"}, "count must be one of"),
    ({"count": "total"}, "go together"),
    ({"start": "every"}, "go together"),
    ({"exclude": "nothing"}, "which is no event of the log"),
    ({"exclude": "a"}, "which is also a step"),
    ({"optional": "a"}, "must not name the first step"),
    ({"optional": "x"}, "which is no step"),
    ({"optional": "b", "order": "any"}, "optional steps need"),
    ({"window": ["1h", "2h"], "order": "any"}, "takes one window"),
    ({"window_from": "previous", "order": "anchored"}, "takes one window"),
    ({"hold_constant": "colour"}, "hold_constant must be a property"),
    ({"by": "colour"}, "by must be a property"),
    ({"by": "kind", "attribution": "middle"}, "attribution must be one of"),
    ({"count": "session", "session_gap": None}, "session_gap must be a length"),
    ({"quantiles": [1.5]}, "quantiles must be"),
    ({"level": 95}, "level must be"),
    ({"n_threads": 0}, "n_threads must be"),
]


@pytest.mark.parametrize(("words", "says"), REFUSED, ids=[str(w) for w, _ in REFUSED])
def test_words_that_mean_nothing_are_refused(words, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        tn.journey.funnel(PLAIN, **{"steps": ["a", "b", "c"], **words})


def test_a_log_without_names_has_no_funnel():
    log = tn.EventLog({"who": [1], "when": np.array([EPOCH])}, customer="who", time="when")
    with pytest.raises(tn.InvalidInputError, match="event names"):
        tn.journey.funnel(log, ["a"])


def test_lengths_of_time_are_read_in_every_form():
    import datetime as dt

    for window in ("90s", "1.5min", "90 seconds", dt.timedelta(seconds=90), seconds(90)):
        f = tn.journey.funnel(PLAIN, ["a", "b"], window)
        assert f.horizons[1] == 90 * 10**6
