"""Final rates under start="any": who was open one window ago, and came by what had begun."""

from __future__ import annotations

import numpy as np
import pytest
from funnel_chains import EPOCH, NAMES, Oracle, expected_units, log_of, seconds
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn

EVERYONE = [(10**6, 0, name, "-") for name in NAMES]


def standing(oracle, at, part, still_open):
    """Rows that a unit was open at and came to since, as two sets; from the definition."""
    before = [e for e in part if e[0] < at]
    cut = Oracle([list(s) for s in oracle.steps], oracle.window, at, **oracle.rules)
    unit = cut.unit(before, None, still_open)
    if unit is None:
        return set(), set()
    opened = {k for k in range(1, oracle.K) if unit[0][k] is None and unit[1][k] is not None}
    came = set()
    for level, chain in oracle.chains(part):
        times = [part[i][0] for _, i in chain]
        if times[0] < at <= times[-1]:
            came.add(level)
    return opened, opened & came


def units_of(rows, until, gap):
    """Events of each customer, or of each session, in canonical order; open at `at` or not."""
    for who in sorted({r[0] for r in rows}):
        events = sorted(
            (r[1:] for r in rows if r[0] == who), key=lambda e: (e[0], e[1], e[2] or "")
        )
        cuts = [i for i in range(1, len(events)) if gap and events[i][0] - events[i - 1][0] > gap]
        for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True):
            yield events[a:b]


def expected(rows, until, steps, window, gap=None, **rules):
    """Where units stood, and final rates, by brute force."""
    oracle = Oracle(steps, window, until, **rules)
    count = "unique" if gap is None else "session"
    reached, times, _ = expected_units(rows, until, steps, window, count=count, gap=gap, **rules)
    n, opened, came = 0, [], []
    longest = (sum if rules.get("window_from") == "previous" else max)(oracle.window)
    at = until - longest
    for part in units_of(rows, until, gap):
        if oracle.unit(part) is None:
            continue
        n += 1
        before = [e[0] for e in part if e[0] < at]
        alive = bool(before) and (gap is None or at - before[-1] <= gap)
        o, c = standing(oracle, at, part, alive) if before else (set(), set())
        opened.append(sum(1 << k for k in o))
        came.append(sum(1 << k for k in c))
    assert n == len(reached)
    rates = []
    for k in range(len(steps)):
        count = sum(r[k] for r in reached)
        now = sum(not r[k] and t[k - 1] >= 0 for r, t in zip(reached, times, strict=True) if k)
        then = sum(o >> k & 1 for o in opened)
        arrived = sum(c >> k & 1 for c in came)
        share = 0.0 if now == 0 else np.nan if then == 0 else arrived / then
        rates.append((count + now * share) / n)
    return opened, came, rates


def check(rows, until, steps, window, gap=None, **rules):
    rows = [r for r in rows if r[1] < until] or EVERYONE
    windows = [seconds(w) for w in window] if isinstance(window, list) else seconds(window)
    more = {} if gap is None else {"count": "session", "session_gap": seconds(gap)}
    f = tn.journey.funnel(log_of(rows, until), steps, windows, **more, **rules)
    rows = [*rows, *EVERYONE]
    opened, came, rates = expected(rows, until, steps, window, gap, **rules)
    told = np.zeros((2, len(opened)), dtype=np.int64)
    told[:, f.units.then_unit()] = f.units.then_open(), f.units.then_came()
    assert told.tolist() == [opened, came]
    assert_allclose(f.final_rates, rates, rtol=0, atol=1e-12)
    known = f.final_lower[~np.isnan(f.final_lower)]
    assert (known <= f.final_rates[~np.isnan(f.final_lower)]).all()
    return f


events = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 14),
        st.sampled_from("aaabbcx"),
        st.sampled_from([None, "p", "q"]),
    ),
    min_size=2,
    max_size=12,
)
step = st.one_of(st.sampled_from("abc"), st.sampled_from([["a", "b"], ["b", "c"], ["a", "c"]]))


@st.composite
def questions(draw):
    steps = draw(st.lists(step, min_size=2, max_size=3))
    order = draw(st.sampled_from(["ordered", "strict", "any", "anchored"]))
    rules = {
        "order": order,
        "ties": draw(st.sampled_from(["either", "increasing"])),
        "reuse": draw(st.sampled_from(["once", "many"])),
        "exclude": draw(st.sampled_from([(), ("x",)])),
        "hold_constant": draw(st.sampled_from([None, None, "kind"])),
        "gap": draw(st.sampled_from([None, None, 2, 4])),
    }
    window = st.integers(0, 5)
    if order in ("any", "anchored"):
        return steps, draw(window), rules
    rules["window_from"] = draw(st.sampled_from(["first", "previous"]))
    skippable = [s for s in steps[1:] if s != steps[0] and set(s) != set(steps[0])]
    rules["optional"] = draw(st.sampled_from([[], skippable[:1]])) if skippable else []
    if draw(st.booleans()):
        return steps, draw(window), rules
    return steps, draw(st.lists(window, min_size=len(steps) - 1, max_size=len(steps) - 1)), rules


@settings(max_examples=60)
@given(events, st.integers(8, 16), questions())
def test_final_rates_by_brute_force(rows, until, question):
    steps, window, rules = question
    check(rows, until, steps, window, **rules)


@settings(max_examples=60)
@given(
    events,
    st.integers(10, 16),
    st.lists(st.sampled_from("abc"), min_size=2, max_size=3, unique=True),
    st.integers(2, 6),
    st.sampled_from(["either", "increasing"]),
    st.sampled_from(["ordered", "any", "anchored", "strict"]),
)
def test_final_rates_of_plain_funnels_by_brute_force(rows, until, steps, window, ties, order):
    check(rows, until, steps, window, ties=ties, order=order)


@settings(max_examples=40)
@given(events, st.integers(10, 16), st.integers(2, 5), st.sampled_from(["ordered", "any"]))
def test_final_rates_of_values_by_brute_force(rows, until, window, order):
    rows = [r for r in rows if r[1] < until] or EVERYONE
    f = tn.journey.funnel(
        log_of(rows, until), ["a", "b"], seconds(window), order=order, by="kind",
        attribution="every",
    )  # fmt: skip
    rows = [*rows, *EVERYONE]
    b = f.breakdown
    for value, rates in zip(b.values, b.final_rates, strict=True):
        own = [r for r in rows if r[3] == value]
        assert_allclose(rates, expected(own, until, ["a", "b"], window, order=order)[2], atol=1e-12)


def test_a_later_start_does_not_count_for_who_was_open():
    # Window 10, until 40: who was open at 30? Ann came by her start of 25, Bob by one of 32 only.
    rows = [(1, 25, "a", None), (1, 34, "b", None), (2, 22, "a", None), (2, 32, "a", None)]
    rows += [(2, 33, "b", None), (3, 38, "a", None), (4, 5, "a", None)]
    f = check([r for r in rows if r[1:3] != (33, "b")], 40, ["a", "b"], 10)
    assert f.units.then_unit().tolist() == [0, 1]
    assert f.units.then_came().tolist() == [2, 0]
    # Counts: Ann and the one who does everything at 0, of 5; open: Bob and Cid.
    assert_allclose(f.final_rates, [1, (2 + 2 * 0.5) / 5])
    f = check(rows, 40, ["a", "b"], 10)  # Bob now came at 33: by his start of 32, not that of 22
    assert f.units.then_came().tolist() == [2, 0]
    assert_allclose(f.final_rates, [1, (3 + 1 * 0.5) / 5])


def test_without_anybody_open_then_the_final_rate_is_unknown():
    rows = [(1, 35, "a", None), (2, 5, "a", None)]
    for window in (10, 40):  # the landmark lies before the log if the window is as long
        f = check(rows, 40, ["a", "b"], window)
        assert np.isnan([f.final_rates[1], f.final_lower[1], f.final_upper[1]]).all()
    f = tn.journey.funnel(log_of(rows, 40), ["a", "b"], None)
    assert f.open[1] == 2
    assert np.isnan(f.final_rates[1])
    assert f.units.then_unit().size == 0


def test_the_limits_are_those_of_the_linearised_estimate():
    rng = np.random.default_rng(4)
    n = 3000
    rows = list(
        zip(
            rng.integers(0, 700, n).tolist(),
            rng.integers(0, 5000, n).tolist(),
            rng.choice(list(NAMES), n, p=[0.6, 0.2, 0.1, 0.1]).tolist(),
            rng.choice(["p", "q"], n).tolist(),
            strict=True,
        )
    )
    f = tn.journey.funnel(log_of(rows, 5000), ["a", "b", "c"], seconds(900), level=0.9)
    z = 1.6448536269514722
    for k in (1, 2):
        x = (f.unit_steps >> k & 1).astype(float)
        y = (f.unit_times[k - 1] >= 0) & (x == 0)
        t, came = np.zeros((2, len(x)))
        t[f.units.then_unit()] = f.units.then_open() >> k & 1
        came[f.units.then_unit()] = f.units.then_came() >> k & 1
        rho = came.sum() / t.sum()
        value = x + y * rho
        assert_allclose(f.final_rates[k], value.mean(), rtol=1e-12)
        weight = y.sum() / t.sum()
        linear = value - value.mean() + weight * t * (came - rho)
        smoothed = (came.sum() + 1) / (t.sum() + 2)
        variance = (linear**2).sum() + weight**2 * t.sum() * (
            smoothed * (1 - smoothed) - rho * (1 - rho)
        )
        survival = 1 - value.mean()
        spread = z * np.sqrt(variance) / len(x) / survival / np.log(survival)
        limits = 1 - survival ** np.exp([spread, -spread])
        assert_allclose([f.final_lower[k], f.final_upper[k]], np.sort(limits), rtol=1e-9)


def test_none_or_all_of_a_few_are_no_certainty():
    for came in (0, 1):
        rows = [(who, 5, "a", None) for who in range(40)]
        rows += [(who, 6, "b", None) for who in range(20)]
        rows += [(who, 85, "a", None) for who in range(40, 60)]  # open now, window 20, until 100
        rows += [(99, 79, "a", None)]  # open at 80
        rows += [(99, 82, "b", None)] * came
        f = tn.journey.funnel(log_of(rows, 100), ["a", "b"], seconds(20))
        assert f.open[1] == 20
        assert_allclose(f.final_rates[1], (21 + came + 20 * came) / 62)
        # One unit says little of the twenty: from few of them to most is possible.
        assert f.final_upper[1] - f.final_lower[1] > 0.35


@pytest.mark.parametrize(("start", "count"), [("first", "unique"), ("every", "total")])
def test_with_one_start_a_unit_it_is_still_the_product_limit(start, count):
    rows = [(who, 3 * who % 37, "a", None) for who in range(60)]
    rows += [(who, 3 * who % 37 + 1 + who % 5, "b", None) for who in range(0, 60, 2)]
    f = tn.journey.funnel(
        log_of([r for r in rows if r[1] < 38], 38), ["a", "b"], seconds(6), start=start, count=count
    )
    assert f.open[1] > 0
    assert f.units.then_unit().size == 0
    assert_allclose(f.final_rates[1], 1 - f.time_to(2).survival[-1], rtol=1e-12)
    assert_allclose(f.final_lower[1], 1 - f.time_to(2).upper[-1], rtol=1e-12)


# --- the truth of simulated customers ------------------------------------------------------------

WINDOW = 20 * 86_400
REPLICATES, CUSTOMERS = 400, 300


def visitors(seed):
    """Visits of customers who come again and again, 0.4 carts and 0.2 payments a visit, within
    the window; (customer, second, event) until one window after the end of observation."""
    rng = np.random.default_rng(seed)
    n, until = REPLICATES * CUSTOMERS, 4 * WINDOW
    visits = rng.poisson(0.8 * 5, n)
    who = np.repeat(np.arange(n), visits)
    at = rng.integers(0, until + WINDOW, len(who))
    cart = rng.random(len(who)) < 0.2
    pay = cart & (rng.random(len(who)) < 0.5)
    cart_at = at + rng.integers(1, WINDOW // 2, len(who))
    pay_at = cart_at + rng.integers(1, WINDOW // 2, len(who))
    customer = np.concatenate([who, who[cart], who[pay]])
    second = np.concatenate([at, cart_at[cart], pay_at[pay]])
    event = np.repeat(["visit", "cart", "pay"], [len(who), cart.sum(), pay.sum()])
    return customer, second, event, until


def funnel_of(customer, second, event, until):
    frame = {
        "who": customer,
        "when": EPOCH + second.astype("timedelta64[s]"),
        "what": event,
        "replicate": np.char.mod("%03d", customer // CUSTOMERS),
    }
    log = tn.EventLog(
        frame, customer="who", time="when", event="what", orders=["pay"], properties=["replicate"],
        observed_until=(EPOCH + np.timedelta64(until, "s")).item(),
    )  # fmt: skip
    return tn.journey.funnel(
        log, ["visit", "cart", "pay"], seconds(WINDOW), by="replicate", n_threads=1
    )


def test_limits_hold_the_truth_where_customers_restart():
    customer, second, event, until = visitors(11)
    seen = second < until
    f = funnel_of(customer[seen], second[seen], event[seen], until)
    # The log goes on for a window, without further starts: all that had begun runs out.
    goes_on = seen | ((event != "visit") & (second < until + WINDOW))
    closed = funnel_of(customer[goes_on], second[goes_on], event[goes_on], until + WINDOW)
    b, truth = f.breakdown, closed.rates
    assert closed.open.sum() == 0
    assert closed.counts[0] == f.counts[0]
    for k in (1, 2):
        bias = b.final_rates[:, k] - closed.breakdown.rates[:, k]
        error = bias.std() / np.sqrt(REPLICATES)
        assert abs(bias.mean()) < 3 * error
        low = closed.breakdown.rates[:, k] - b.rates[:, k]
        assert low.mean() > 20 * low.std() / np.sqrt(REPLICATES)
        assert f.final_lower[k] < truth[k] < f.final_upper[k]
        inside = (b.final_lower[:, k] <= truth[k]) & (truth[k] <= b.final_upper[:, k])
        assert 0.92 <= inside.mean() <= 0.985


def test_parts_carried_and_threads_give_the_same_bits():
    customer, second, event, until = visitors(3)
    few = (customer < 3000) & (second < until)
    frame = {
        "who": customer[few],
        "when": EPOCH + second[few].astype("timedelta64[s]"),
        "what": event[few],
    }
    log = tn.EventLog(frame, customer="who", time="when", event="what", orders=["pay"])
    make = lambda: tn.journey.FunnelScan(["visit", "cart", "pay"], window=seconds(WINDOW))  # noqa: E731
    whole = make().visit(log, n_threads=1).finish()
    assert len(whole.units.then_unit()) > 100
    parts = [make().visit(part, n_threads=3) for part in log.parts(4)]
    total = make()
    for part in parts:
        total.merge(tn.Scan.from_bytes(part.to_bytes()))
    for got in (total.finish(), make().visit(log, n_threads=4).finish()):
        for name in ("then_unit", "then_open", "then_came"):
            assert_array_equal(getattr(got.units, name)(), getattr(whole.units, name)())
        for name in ("final_rates", "final_lower", "final_upper"):
            assert getattr(got, name).tobytes() == getattr(whole, name).tobytes()


def test_forged_states_are_refused():
    def restore(unit=(0,), opened=(2,), came=(2,), steps=2):
        none = np.zeros(0, np.int64)
        return tn._core.journey.FunnelUnits.restore(
            steps, np.array([3, 1], np.uint32), np.zeros(0, np.int32),
            [none] * (steps - 1), [none] * (steps - 1), [none] * (steps - 1),
            np.array(unit, np.int64), np.array(opened, np.uint32), np.array(came, np.uint32),
        )  # fmt: skip

    assert restore().then_came().tolist() == [2]
    for forged in (
        {"unit": [2]}, {"unit": [-1]}, {"unit": [0, 0], "opened": [2, 2], "came": [0, 0]},
        {"opened": [2, 2]}, {"came": []}, {"opened": [0], "came": [0]}, {"opened": [3]},
        {"opened": [4], "came": [0]}, {"opened": [2], "came": [4]}, {"unit": [1]},
    ):  # fmt: skip
        with pytest.raises(tn.InvalidInputError, match="state"):
            restore(**forged)
