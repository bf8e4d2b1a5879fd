"""Attribution against exact fractions: paths, parts, coalitions and chains from the definitions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journey_oracle import (
    conversion_probability,
    heuristic,
    log_of,
    removal_effects,
    seconds,
    shapley,
    touch_paths,
)
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn

MODELS = ("last", "first", "linear", "position", "time_decay", "shapley", "markov")
NAMES = "abdc"

rows = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 25),
        st.sampled_from("aabdcc"),
        st.sampled_from([None, "p", "q", "r", "s"]),
        st.sampled_from([4.0, 2.5, 1.0, 0.0, -3.0]),
    ),
    min_size=1,
    max_size=24,
)
questions = st.fixed_dictionaries(
    {
        "by": st.sampled_from([None, None, "kind"]),
        "touch": st.sampled_from([None, None, ["a", "d"]]),
        "lookback": st.sampled_from([None, 0, 4, 12]),
    }
)


def ask(rows, question, **more):
    """The attribution, the oracle's paths, and their channels."""
    rows = [*rows, (9, 0, "a", None, 1.0), (9, 90, "b", None, 1.0), (9, 180, "d", None, 1.0)]
    rows.append((10, 0, "c", "p", 0.5))
    by, touch, lookback = (question[name] for name in ("by", "touch", "lookback"))
    a = tn.journey.attribution(
        log_of(rows), conversion="c", by=by, touch=touch, lookback=seconds(lookback), **more
    )
    paths = touch_paths(rows, "c", touch or "abd", by, lookback)
    channels = sorted({r[3] for r in rows} - {None}) if by else sorted(touch or "abd")
    assert a.channels == tuple(channels)
    return a, paths, channels


def credits(paths, channels, model, value, **more):
    total = dict.fromkeys(channels, Fraction(0))
    for _, touches, second, amount in paths:
        if second is None or not touches:
            continue
        for (channel, _), part in zip(touches, heuristic(touches, model, **more), strict=True):
            total[channel] += part * (amount if value == "amount" else 1)
    return [float(total[c]) for c in channels]


@settings(max_examples=60)
@given(
    rows,
    questions,
    st.sampled_from(["count", "amount"]),
    st.sampled_from([(0.5, 0.25, 0.25), (0, 1, 0), (1, 0, 0), (2, 1, 1)]),
)
def test_heuristics_equal_exact_parts(rows, question, value, weights):
    models = MODELS[:5]
    a, paths, channels = ask(
        rows,
        question,
        model=models,
        value=value,
        position_weights=weights,
        half_life=seconds(3),
    )
    won = [p for p in paths if p[2] is not None]
    assert (a.n_conversions, a.n_credited) == (len(won), sum(bool(p[1]) for p in won))
    assert a.n_paths == sum(bool(p[1]) for p in paths)
    for k, model in enumerate(models):
        expected = [
            credits(paths, channels, model, v, half_life=3, weights=weights)
            for v in ("count", "amount")
        ]
        assert_allclose(a.credits[:, k], expected[0], rtol=1e-13, atol=1e-15)
        assert a.credits[:, k].sum() == pytest.approx(a.n_credited, rel=1e-13)
        if value == "amount":
            assert_allclose(a.revenue[:, k], expected[1], rtol=1e-13, atol=1e-15)
            total = float(sum(p[3] for p in won if p[1]))
            assert a.revenue_credited == pytest.approx(total, rel=1e-13)
            assert a.revenue_total == pytest.approx(float(sum(p[3] for p in won)), rel=1e-13)
            if total:
                assert_allclose(a.shares[:, k], a.revenue[:, k] / total, rtol=1e-13)
        elif a.n_credited:
            assert_allclose(a.shares[:, k], a.credits[:, k] / a.n_credited, rtol=1e-13)


@settings(max_examples=40)
@given(rows, questions)
def test_shapley_equals_all_orders_of_arrival(rows, question):
    a, paths, channels = ask(rows, question, model="shapley", value="amount")
    expected = shapley(paths, channels)
    assert_allclose(a.credits[:, 0], [float(expected.get(c, 0)) for c in channels], atol=1e-13)
    expected = shapley(paths, channels, weight=lambda path: path[3])
    assert_allclose(a.revenue[:, 0], [float(expected.get(c, 0)) for c in channels], atol=1e-12)


@settings(max_examples=60)
@given(rows, questions, st.integers(1, 4))
def test_removal_effects_equal_exact_elimination(rows, question, order):
    a, paths, channels = ask(rows, question, model="markov", order=order, value="amount")
    effects = removal_effects(paths, channels, order)
    expected = [float(effects[c]) for c in channels]
    assert_allclose(a.removal_effects, expected, rtol=1e-12, atol=1e-13)
    total = sum(effects.values())
    if total:
        shares = [float(effects[c] / total) for c in channels]
        assert_allclose(a.credits[:, 0], np.multiply(shares, a.n_credited), atol=1e-12)
        assert_allclose(a.revenue[:, 0], np.multiply(shares, a.revenue_credited), atol=1e-12)
    else:
        assert_array_equal(a.credits, 0.0)


def log_of_paths(paths):
    """Paths as text: one letter a touch, "!" the conversion."""
    rows = [
        (who, second, "buy" if e == "!" else e, None)
        for who, path in enumerate(paths)
        for second, e in enumerate(path)
    ]
    return log_of(rows, orders=["buy"])


def test_the_three_paths_of_the_textbooks():
    # Bryl (2016), "Attribution model with R: Markov chains concept": C1 > C2 > C3 > purchase,
    # C1 > null, C2 > C3 > null. By hand: P = (2/3 1/2 + 1/3) 1/2 = 1/3; without C1 1/6; without C2
    # or C3 nothing. Removal effects 1/2, 1, 1.
    a = tn.journey.attribution(log_of_paths(["123!", "1", "23"]), model="markov")
    assert_allclose(a.removal_effects, [0.5, 1.0, 1.0], rtol=1e-15)
    assert_allclose(a.credits[:, 0], [0.2, 0.4, 0.4], rtol=1e-15)


def test_the_oracle_of_chains_is_right_where_it_can_be_seen():
    paths = touch_paths([(1, 0, "a", None), (1, 1, "c", None), (2, 0, "a", None)], "c", "a")
    assert conversion_probability(paths, 1) == Fraction(1, 2)
    assert conversion_probability(paths, 1, "a") == 0


def test_a_chain_of_long_memory_is_the_table_of_paths():
    # Whoever remembers everything knows how each path went on: the effect of a channel is the share
    # of conversions whose path has it.
    log = log_of_paths(["ab!", "ba!", "a", "bda!", "dd", "d!", "abab!"])
    a = tn.journey.attribution(log, model="markov", order=5)
    assert_allclose(a.removal_effects, [4 / 5, 4 / 5, 2 / 5], rtol=1e-14)


def test_each_conversion_owns_the_touches_since_the_one_before():
    a = tn.journey.attribution(log_of_paths(["ab!d!!"]), model=["first", "last"])
    assert (a.n_conversions, a.n_credited, a.n_paths) == (3, 2, 2)
    assert a.credits.tolist() == [[1, 0], [0, 1], [1, 1]]


def test_touches_at_the_instant_of_a_conversion_lie_before_it():
    rows = [(1, 5, "c", None), (1, 5, "z", None), (1, 5, "c", None), (1, 6, "z", None)]
    a = tn.journey.attribution(log_of(rows))
    assert (a.n_conversions, a.credits.tolist(), a.n_paths) == (1, [[1.0]], 2)


def test_the_lookback_holds_its_end():
    rows = [(1, 0, "a", None), (1, 10, "c", None)]
    for lookback, credited in ((10, 1), (9, 0)):
        a = tn.journey.attribution(log_of(rows), lookback=seconds(lookback))
        assert (a.n_credited, a.n_conversions, a.n_paths) == (credited, 1, 1)


def random_log(customers=300, seed=4):
    rng = np.random.default_rng(seed)
    rows = [
        (int(w), int(t), "aabbdc"[e], "pqr"[p], float(m))
        for w, t, e, p, m in rng.integers(0, [customers, 10_000, 6, 3, 50], (customers * 7, 5))
    ]
    return rows


@pytest.mark.parametrize("more", [{}, {"value": "amount", "order": 2, "by": "kind"}])
def test_bits_do_not_depend_on_threads_or_order(more):
    rows = random_log()
    told = [
        tn.journey.attribution(
            log_of(r), model=MODELS, n_bootstrap=20, n_threads=n, lookback="1h", **more
        ).to_arrow()
        for r, n in ((rows, 1), (rows[::-1], 5))
    ]
    assert told[0].equals(told[1])


def test_limits_spread_as_the_count_of_conversions_does():
    # One touch and, for every other customer, one conversion: the credit in a replicate is a sum of
    # Poisson(1) weights over 400 customers, so Poisson(400).
    log = log_of_paths(["a!", "a"] * 400)
    a = tn.journey.attribution(
        log, model=["last", "markov"], n_bootstrap=2000, level=0.9, random_state=1
    )
    spread = 1.645 * np.sqrt(400)
    assert_allclose(a.lower, 400 - spread, atol=4.0)
    assert_allclose(a.upper, 400 + spread, atol=4.0)


def test_the_seed_is_the_sample():
    log = log_of(random_log(60))
    draw = [
        tn.journey.attribution(log, n_bootstrap=40, random_state=seed).lower for seed in (1, 1, 2)
    ]
    assert_array_equal(draw[0], draw[1])
    assert (draw[0] != draw[2]).any()


SMALL = [(1, 0, "a", "p"), (1, 1, "c", None)]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"conversion": "buy"}, "conversion names 'buy', which is no event"),
        ({"conversion": []}, "conversion must be an event name or a list"),
        ({"touch": "z"}, "touch names 'z', which is no event"),
        ({"touch": ["c"]}, "touch names 'c', which is a conversion"),
        ({"by": "colour"}, "by must be a property"),
        ({"model": "magic"}, "model must be one of 'last'"),
        ({"model": []}, "model must be a name or a list"),
        ({"lookback": "soon"}, "lookback must be a length of time"),
        ({"half_life": "0d"}, "half_life must be longer than 0"),
        ({"half_life": None}, "half_life must be a length of time"),
        ({"position_weights": (1, 2)}, "position_weights must be three numbers"),
        ({"position_weights": (0, 0, 0)}, "position_weights must not all be 0"),
        ({"position_weights": (1, -1, 1)}, "position_weights must be"),
        ({"order": 0}, "order must be >= 1"),
        ({"value": "money"}, "value must be one of"),
        ({"n_bootstrap": 1}, "n_bootstrap must be 0"),
        ({"n_bootstrap": -1}, "n_bootstrap must be >= 0"),
        ({"level": 0.0}, "level must be"),
        ({"random_state": "x"}, "random_state must be"),
        ({"n_threads": 0}, "n_threads must be"),
    ],
)
def test_refuses(words, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        tn.journey.attribution(log_of(SMALL), **words)


def test_a_chain_with_too_many_states_is_refused():
    rng = np.random.default_rng(0)
    rows = [(w, t, "a", str(rng.integers(30))) for w in range(40) for t in range(30)]
    log = log_of([*rows, (1, 99, "c", None)])
    tn.journey.attribution(log, by="kind", model="markov")
    with pytest.raises(tn.InvalidInputError, match="order must be so low that the chain has at"):
        tn.journey.attribution(log, by="kind", model="markov", order=2)


def test_a_conversion_without_an_amount_is_worth_nothing():
    rows = [(1, 0, "b", None, 1.0), (1, 1, "a", None, float("nan")), (2, 0, "c", None, 1.0)]
    a = tn.journey.attribution(log_of(rows), conversion="a", value="amount")
    assert (a.n_credited, a.revenue_credited, a.revenue.tolist()) == (1, 0.0, [[0.0], [0.0]])


def test_too_many_channels_are_refused():
    log = log_of([*((1, t, "a", str(t)) for t in range(255)), (1, 999, "c", None)])
    with pytest.raises(tn.InvalidInputError, match="255 channels are too many: 254 at most"):
        tn.journey.attribution(log, by="kind")


def test_amounts_and_names_are_needed():
    rows = {"who": [1], "when": np.array(["2024-01-01"], "datetime64[us]"), "what": ["buy"]}
    bare = tn.EventLog(rows, customer="who", time="when")
    with pytest.raises(tn.InvalidInputError, match="log has no event names"):
        tn.journey.attribution(bare)
    named = tn.EventLog(rows, customer="who", time="when", event="what", orders=["buy"])
    with pytest.raises(tn.InvalidInputError, match="needs a log with amounts"):
        tn.journey.attribution(named, value="amount")


def test_bars_show_each_model_with_its_limits():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    a = tn.journey.attribution(log_of(random_log(60)), model=["last", "linear"], n_bootstrap=10)
    _, ax = pyplot.subplots()
    assert a.plot(ax) is ax
    order = np.argsort(-a.credits.sum(axis=1), kind="stable")
    assert [b.get_width() for b in ax.patches] == a.credits[order].T.ravel().tolist()
    assert [t.get_text() for t in ax.get_yticklabels()] == [a.channels[i] for i in order]
    assert len(ax.collections) == 2
    pyplot.close("all")
