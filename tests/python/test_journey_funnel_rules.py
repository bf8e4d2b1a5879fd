"""Funnels: what follows from their definitions, rates and intervals, words that do not fit."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import scipy.stats
from funnel_chains import EPOCH, NAMES, log_of, seconds
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn

events = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 7),
        st.sampled_from(NAMES),
        st.sampled_from([None, "p", "q"]),
    ),
    min_size=1,
    max_size=9,
)
step = st.one_of(st.sampled_from("abc"), st.sampled_from([["a", "b"], ["b", "c"], ["a", "c"]]))
funnels = st.lists(step, min_size=2, max_size=4)


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


def test_the_final_rate_of_a_first_start_is_the_product_limit():
    f = tn.journey.funnel(many(), ["a", "b", "c"], seconds(900), start="first")
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
    g = tn.journey.funnel(log_of(rows, 5), ["a", "b", "c"], None, start="first")
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
    for window in ("90s", "1.5min", "90 seconds", dt.timedelta(seconds=90), seconds(90)):
        f = tn.journey.funnel(PLAIN, ["a", "b"], window)
        assert f.horizons[1] == 90 * 10**6
