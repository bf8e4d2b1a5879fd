"""Nelson-Aalen, Aalen-Johansen, log-rank tests, bands: published values, fractions, simulation."""

from __future__ import annotations

import csv
import itertools
import math
import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure import _core
from tenure.churn import AalenJohansen, KaplanMeier, NelsonAalen, log_rank

REFERENCE = Path(__file__).parents[1] / "reference"


def table(name):
    with (REFERENCE / name).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {key: [r[key] for r in rows] for key in rows[0]}


def numbers(column):
    return np.array(column, dtype=float)


ROSSI = table("rossi.csv")
BMT = table("bmt.csv")

# --- published values (R 4.2.2, survival 3.5-3; scikit-survival 0.28) -----------------------------


def test_rossi_cumulative_hazard():
    na = NelsonAalen().fit(numbers(ROSSI["week"]), numbers(ROSSI["arrest"]))
    assert_allclose(na.predict([52])[0], 0.30512753, rtol=0, atol=5e-9)


def test_bmt_incidence():
    aj = AalenJohansen().fit(numbers(BMT["ftime"]), numbers(BMT["status"]))
    assert_allclose(aj.predict([10])[0], [0.23771164, 0.34076015], rtol=0, atol=5e-9)
    assert_allclose(aj.curves_.incidence[-1], [0.27283899, 0.48126955], rtol=0, atol=5e-9)


@pytest.mark.parametrize(
    ("file", "time", "event", "group", "weights", "statistic"),
    [
        ("rossi", "week", "arrest", "fin", "log_rank", 3.83756962),
        ("rossi", "week", "arrest", "fin", "peto", 3.74949969),
        ("rossi", "week", "arrest", "fin", (1.0, 0.0), 3.74949969),
        ("lung", "time", "status", "sex", "log_rank", 10.326742),
        ("survival/waltons", "duration", "churned", "group", "log_rank", 122.249126),
        ("survival/aml", "duration", "churned", "group", "log_rank", 3.39638870),
    ],
)
def test_log_rank_statistics(file, time, event, group, weights, statistic):
    data = table(f"{file}.csv")
    test = log_rank(numbers(data[time]), numbers(data[event]), data[group], weights=weights)
    assert test.df == 1
    assert_allclose(test.statistic, statistic, rtol=2e-8)
    assert_allclose(test.p_value, scipy.stats.chi2.sf(test.statistic, 1), rtol=1e-12)


# --- the definitions, in exact arithmetic ---------------------------------------------------------

row = st.tuples(st.integers(1, 9), st.integers(0, 2), st.integers(0, 8), st.integers(1, 3)).map(
    lambda r: (r[0], r[1], min(r[2], r[0] - 1), r[3])
)
samples = st.lists(row, min_size=1, max_size=20).filter(lambda s: any(r[1] for r in s))


def moments(sample):
    """(time, at risk, {cause: left}) at each time someone left."""
    for t in sorted({d for d, c, _, _ in sample if c}):
        n = sum(w for d, _, e, w in sample if (e < t or e == 0) and d >= t)
        yield t, n, {k: sum(w for d, c, _, w in sample if d == t and c == k) for k in (1, 2)}


def exact_incidence(sample):
    """(F_1, F_2) and their variances by the sums of the definition, quadratic in time."""
    rows, before, survival, incidence = [], [], Fraction(1), {1: Fraction(0), 2: Fraction(0)}
    for t, n, left in moments(sample):
        before.append(survival)
        for k in left:
            incidence[k] += survival * Fraction(left[k], n)
        survival *= 1 - Fraction(sum(left.values()), n)
        rows.append((t, n, left, dict(incidence)))
    for j, (_, _, _, now) in enumerate(rows):
        variance = {}
        for k in (1, 2):
            total = Fraction(0)
            for s, (_, n, left, then) in zip(before, rows[: j + 1], strict=False):
                d, lag = sum(left.values()), now[k] - then[k]
                total += s * s * Fraction(left[k] * (n - left[k]), n**3)
                total -= 2 * lag * s * Fraction(left[k], n**2)
                if n > d:
                    total += lag * lag * Fraction(d, n * (n - d))
            variance[k] = total
        yield now, variance


@settings(max_examples=60)
@given(samples)
def test_incidence_equals_the_definition(sample):
    duration, cause, entry, weight = zip(*sample, strict=True)
    aj = AalenJohansen().fit(duration, cause, entry=entry, sample_weight=weight)
    for got, error, (value, variance) in zip(
        aj.curves_.incidence, aj.curves_.standard_error, exact_incidence(sample), strict=True
    ):
        for i, k in enumerate(aj.causes_):
            assert_allclose(got[i], float(value[k]), rtol=1e-13, atol=1e-15)
            assert_allclose(error[i] ** 2, float(variance[k]), rtol=1e-9, atol=1e-14)
    total = aj.curves_.incidence.sum(axis=1) + aj.curves_.survival
    assert_allclose(total, 1.0, rtol=0, atol=1e-13)


@settings(max_examples=60)
@given(samples)
def test_one_cause_is_kaplan_meier_turned_over(sample):
    duration, cause, _, weight = zip(*sample, strict=True)
    churned = [c > 0 for c in cause]
    aj = AalenJohansen().fit(duration, np.array(churned, int), sample_weight=weight).curves_
    km = KaplanMeier().fit(duration, churned, sample_weight=weight).curve_
    assert_allclose(1 - aj.incidence[:, 0], km.survival, rtol=0, atol=1e-14)
    alive = km.survival > 0
    assert_allclose(aj.standard_error[alive, 0], km.standard_error[alive], rtol=1e-7)
    assert_allclose(1 - aj.lower[alive, 0], km.upper[alive], rtol=1e-7)
    assert_allclose(1 - aj.upper[alive, 0], km.lower[alive], rtol=1e-7, atol=1e-12)


@settings(max_examples=60)
@given(samples)
def test_hazard_equals_the_definition(sample):
    duration, cause, entry, weight = zip(*sample, strict=True)
    churned = [c > 0 for c in cause]
    together = NelsonAalen(interval="plain").fit(duration, churned, entry, weight).curve_
    in_turn = NelsonAalen(ties="in_turn").fit(duration, churned, entry, weight).curve_
    hazard = variance = turns = Fraction(0)
    z = scipy.stats.norm.ppf(0.975)
    for j, (t, n, left) in enumerate(moments(sample)):
        d = sum(left.values())
        hazard += Fraction(d, n)
        variance += Fraction(d, n * n)
        turns += sum(Fraction(1, n - i) for i in range(d))
        assert together.time[j] == t
        assert_allclose(together.hazard[j], float(hazard), rtol=1e-13)
        assert_allclose(together.standard_error[j] ** 2, float(variance), rtol=1e-13)
        assert_allclose(together.upper[j], float(hazard) + z * math.sqrt(variance), rtol=1e-12)
        assert_allclose(in_turn.hazard[j], float(turns), rtol=1e-13)
        error = in_turn.standard_error[j] / in_turn.hazard[j]
        assert_allclose(in_turn.lower[j], in_turn.hazard[j] * math.exp(-z * error), rtol=1e-12)


@settings(max_examples=40)
@given(samples, st.permutations(["a", "b", "c"]))
def test_labels_name_causes_and_do_not_change_them(sample, names):
    duration, cause, *_ = zip(*sample, strict=True)
    labels = [None if c == 0 else names[c] for c in cause]
    numbered, named = (AalenJohansen().fit(duration, c) for c in (cause, labels))
    for k in numbered.causes_:
        assert_array_equal(named.predict([3, 7], names[k]), numbered.predict([3, 7], k))


# --- tests ----------------------------------------------------------------------------------------


def robust(t, c, g, entry, stratum, weight, turn):
    """U and V with every row's score a sum over times: Lin and Wei's, at hazards that are equal."""
    groups = np.unique(g)
    own = np.zeros((len(t), len(groups)))
    u = np.zeros(len(groups))
    for k in np.unique(stratum):
        survival = 1.0
        for time in np.unique(t[(c == 1) & (stratum == k) & (weight > 0)]):
            risk = (stratum == k) & (t >= time) & ((entry < time) | (entry == 0))
            dead = risk & (t == time) & (c == 1)
            n, d = weight[risk].sum(), weight[dead].sum()
            a = turn(n, survival)
            for j, label in enumerate(groups):
                share = weight[risk & (g == label)].sum() / n
                own[:, j] += a * risk * ((g == label) - share) * (dead - d / n)
                u[j] += a * (weight[dead & (g == label)].sum() - share * d)
            survival *= 1 - d / n
    return u, (own * weight[:, None]).T @ (own * weight[:, None])


TURNS = {
    "log_rank": lambda n, s: 1.0,
    "gehan": lambda n, s: n,
    "tarone_ware": lambda n, s: np.sqrt(n),
    (1.0, 0.5): lambda n, s: s * np.sqrt(1.0 - s),
}


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from(list(TURNS)), st.booleans())
def test_robust_log_rank_equals_its_definition(seed, weights, late):
    rng = np.random.default_rng(seed)
    t, c, g = rng.integers(1, 8, 40).astype(float), rng.integers(0, 2, 40), rng.integers(0, 3, 40)
    entry = np.floor(t * rng.random(40)) if late else np.zeros(40)
    stratum, weight = rng.integers(0, 2, 40), rng.choice([0.0, 0.5, 1.0, 2.7], 40)
    test = log_rank(
        t, c, g, entry=entry, stratum=stratum, weights=weights, sample_weight=weight
    )  # fmt: skip
    u, v = robust(t, c, g, entry, stratum, weight, TURNS[weights])
    assert_allclose(test.observed - test.expected, u, rtol=1e-10, atol=1e-10 * v.max() ** 0.5)
    assert_allclose(test.variance, v, rtol=1e-9, atol=1e-10 * v.max())
    assert_allclose(test.statistic, u @ np.linalg.pinv(v, rcond=1e-9) @ u, rtol=1e-6, atol=1e-9)
    other = log_rank(
        t, c, g, entry=entry, stratum=stratum, weights=weights, sample_weight=weight * 8.0
    )  # fmt: skip
    assert_allclose(other.statistic, test.statistic, rtol=1e-9)
    assert_array_equal(test.rows, np.bincount(g[weight > 0], minlength=3))


@pytest.mark.parametrize("weights", ["log_rank", "gehan", "tarone_ware", (1.0, 0.5)])
def test_whole_weights_are_so_many_customers(weights):
    rng = np.random.default_rng(3)
    t, c, g = rng.integers(1, 12, 80).astype(float), rng.integers(0, 2, 80), rng.integers(0, 3, 80)
    entry, stratum = np.floor(t * rng.random(80)), rng.integers(0, 2, 80)
    weight = rng.integers(0, 4, 80)
    rows = np.repeat(np.arange(80), weight)
    one = log_rank(
        t, c, g, entry=entry, stratum=stratum, weights=weights, trend=True, sample_weight=weight,
        variance="model",
    )  # fmt: skip
    two = log_rank(
        t[rows], c[rows], g[rows], entry=entry[rows], stratum=stratum[rows], weights=weights,
        trend=True,
    )  # fmt: skip
    assert one.statistic == two.statistic
    assert_array_equal(one.variance, two.variance)
    assert_array_equal([one.rows, one.events], [two.rows, two.events])


def test_robust_log_rank_holds_its_level_where_weights_are_propensities():
    # Who is in which group depends on x, and so does the hazard; weights 1 / P(group | x) undo it.
    rng = np.random.default_rng(8)
    plain, weighted = 0, 0
    for _ in range(400):
        x = rng.normal(size=200)
        chance = 1 / (1 + np.exp(-x))
        g = rng.random(200) < chance
        life, seen = rng.exponential(np.exp(-0.7 * x)), rng.uniform(0.2, 3.0, 200)
        data = np.minimum(life, seen), life <= seen, g
        plain += log_rank(*data).p_value < 0.05
        weight = 1 / np.where(g, chance, 1 - chance)
        weighted += log_rank(*data, sample_weight=weight).p_value < 0.05
    # Four standard errors of 400 are 4.4 %; without weights nearly all are refused.
    assert plain > 200
    assert weighted <= 0.094 * 400


def test_trend_by_hand():
    # Two groups scored 0 and 1: the trend is the test itself.
    data = ([1, 2, 3, 4, 5, 6, 7], [1, 1, 0, 1, 1, 1, 0], list("ababbab"))
    plain, trend = log_rank(*data), log_rank(*data, trend=True)
    assert_allclose(trend.statistic, plain.statistic, rtol=1e-13)
    # Three groups: s'U squared over s'Vs, from the parts of the test.
    three = ([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 0, 1, 1, 1, 0, 1, 1], list("abcabcacb"))
    plain, scores = log_rank(*three), np.array([1.0, 5.0, 7.0])
    score = scores @ (plain.observed - plain.expected)
    expected = score**2 / (scores @ plain.variance @ scores)
    assert_allclose(log_rank(*three, trend=[1, 5, 7]).statistic, expected, rtol=1e-12)
    assert log_rank(*three, trend=[1, 1, 1]).df == 0


def test_strata_keep_groups_apart():
    rng = np.random.default_rng(3)
    t, c = rng.integers(1, 9, 80), rng.random(80) < 0.7
    g, s = rng.integers(0, 2, 80), rng.integers(0, 3, 80)
    whole = log_rank(t, c, g, stratum=s)
    parts = [log_rank(t[s == k], c[s == k], g[s == k]) for k in range(3)]
    assert_allclose(whole.observed, sum(p.observed for p in parts), rtol=1e-13)
    assert_allclose(whole.variance, sum(p.variance for p in parts), rtol=1e-12)


def test_restricted_means_differ_as_their_parts_say():
    data = table("lung.csv")
    sex = np.array(data["sex"])
    a, b = (
        KaplanMeier().fit(numbers(data["time"])[sex == s], numbers(data["status"])[sex == s])
        for s in "21"
    )
    d = tn.churn.restricted_mean_difference(a, b, [180, 365])
    assert_allclose(d.difference, a.restricted_mean([180, 365]).value - d.second)
    error = np.hypot(
        a.restricted_mean([180, 365]).standard_error, b.restricted_mean([180, 365]).standard_error
    )
    assert_allclose(d.standard_error, error, rtol=1e-14)
    assert_allclose(d.p_value, 2 * scipy.stats.norm.sf(abs(d.difference) / error), rtol=1e-10)
    assert_allclose(d.upper - d.difference, scipy.stats.norm.ppf(0.975) * error, rtol=1e-12)


# --- bands ----------------------------------------------------------------------------------------


def test_critical_values_are_those_of_the_tables():
    hall_wellner = _core.survival.hall_wellner_critical_value
    # Kolmogorov's law on the whole range; the table of Hall & Wellner (Klein & Moeschberger, C.4).
    for level in (0.9, 0.95, 0.99):
        expected = scipy.stats.kstwobign.ppf(level)
        assert_allclose(hall_wellner(level, 0.0, 1.0), expected, rtol=1e-9)
    assert_allclose(hall_wellner(0.95, 0.1, 0.6), 1.3211, rtol=0, atol=5e-5)
    # Nair's tables (Klein & Moeschberger, C.3) are of his tail formula, close to the exact value.
    exact = _core.survival.equal_precision_critical_value(0.95, 0.1, 0.6)
    assert_allclose(exact, 2.8826, rtol=2e-3)


def test_probabilities_of_bands_by_simulated_bridges():
    rng = np.random.default_rng(5)
    steps, paths = 2000, 4000
    walk = np.cumsum(rng.normal(size=(paths, steps)), axis=1) / math.sqrt(steps)
    u = np.arange(1, steps + 1) / steps
    bridge = np.abs(walk - u * walk[:, -1:])
    part = (u >= 0.2) & (u <= 0.7)
    # A path in steps misses a little of the highest point: both bounds are one-sided by that.
    inside = (bridge[:, part].max(axis=1) <= 0.9).mean()
    exact = _core.survival.hall_wellner_probability(0.9, 0.2, 0.7)
    assert exact - 0.02 < inside < exact + 0.04
    scaled = bridge[:, part] / np.sqrt(u[part] * (1 - u[part]))
    inside = (scaled.max(axis=1) <= 2.2).mean()
    exact = _core.survival.equal_precision_probability(2.2, 0.2, 0.7)
    assert exact - 0.02 < inside < exact + 0.04


def test_a_point_is_a_pointwise_limit():
    z = scipy.stats.norm.ppf(0.975)
    critical = _core.survival.equal_precision_critical_value(0.95, 0.3, 0.3)
    assert_allclose(critical, z, rtol=1e-6)


@pytest.mark.parametrize("kind", ["equal_precision", "hall_wellner"])
@pytest.mark.parametrize("interval", ["log-log", "log", "plain"])
def test_bands_hold_the_pointwise_limits(kind, interval):
    km = KaplanMeier(interval=interval).fit(numbers(ROSSI["week"]), numbers(ROSSI["arrest"]))
    band = km.band(kind, start=10, end=45)
    rows = np.searchsorted(km.curve_.time, band.time)
    assert band.time[0] <= 10 < band.time[1]
    assert band.time[-1] == 45
    g = np.sqrt(km.curve_.greenwood[rows])
    n = 432
    width = g if kind == "equal_precision" else (1 + n * g * g) / math.sqrt(n)
    if interval == "plain":
        upper = band.survival * (1 + band.critical_value * width)
        assert_allclose(band.upper, np.minimum(upper, 1.0), rtol=1e-12)
    if kind == "equal_precision":
        assert (band.lower < km.curve_.lower[rows]).all()
        assert (band.upper > km.curve_.upper[rows]).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["equal_precision", "hall_wellner"])
def test_bands_hold_the_truth_as_often_as_they_say(kind):
    rng, held, n = np.random.default_rng(8), 0, 1000
    for _ in range(n):
        life, seen = rng.exponential(10, 400), rng.uniform(0, 30, 400)
        km = KaplanMeier().fit(np.minimum(life, seen), life <= seen)
        band = km.band(kind, start=1.0, end=12.0)
        truth = np.exp(-np.maximum(band.time, 1.0) / 10)
        until = np.exp(-np.append(band.time[1:], 12.0) / 10)
        held += bool((band.lower <= until).all() and (truth <= band.upper).all())
    assert 0.92 < held / n < 0.975


# --- conditional curves ---------------------------------------------------------------------------


@settings(max_examples=60)
@given(samples, st.integers(0, 8))
def test_the_curve_given_a_tenure_is_that_of_those_who_reached_it(sample, tenure):
    reached = [(d, c > 0, 0 if e <= tenure else e) for d, c, e, w in sample if d > tenure]
    rows = [(d, c > 0, e) for d, c, e, _ in sample]
    km = KaplanMeier().fit(*zip(*[(d, c) for d, c, _ in rows], strict=True))
    if not km.predict([tenure])[0] > 0:
        with pytest.raises(tn.InvalidInputError, match="tenure"):
            km.given(tenure)
        return
    curve = km.given(tenure)
    if not reached:
        assert curve.time.size == 0
        return
    alone = KaplanMeier().fit(*zip(*[(d, c) for d, c, _ in reached], strict=True)).curve_
    assert_array_equal(curve.time, alone.time)
    assert_array_equal(curve.at_risk, alone.at_risk)
    assert_allclose(curve.survival, alone.survival, rtol=1e-13)
    assert_allclose(curve.standard_error, alone.standard_error, rtol=1e-7)


# --- refusals, files, pictures --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: AalenJohansen().fit([1.0, 2.0], [0, -1]), r"cause\[1\]"),
        (lambda: AalenJohansen().fit([1.0, 2.0], [0, 1.5]), r"cause\[1\]"),
        (lambda: AalenJohansen().fit([1.0, 2.0], ["a", 2]), r"cause\[1\] must be a text"),
        (lambda: AalenJohansen().fit([1.0, 2.0], [0, 0]), "names no cause"),
        (lambda: AalenJohansen().fit([1.0, -2.0], [0, 1]), r"duration\[1\]"),
        (lambda: AalenJohansen().fit([1.0], [1, 1]), "cause"),
        (lambda: AalenJohansen(interval="log").fit([1.0], [1]), "interval"),
        (lambda: AalenJohansen().fit([1.0], [1]).predict([1.0], 7), "cause must be one of"),
        (lambda: AalenJohansen().fit([1.0], [1]).predict([-1.0]), r"t\[0\]"),
        (lambda: NelsonAalen(ties="x").fit([1.0], [1]), "ties"),
        (lambda: NelsonAalen().fit([math.nan], [1]), r"duration\[0\]"),
        (lambda: NelsonAalen().fit([1.0], [1]).predict([math.nan]), r"t\[0\]"),
        (lambda: log_rank([1.0, 2.0], [1, 1], [0, None]), r"group\[1\]"),
        (lambda: log_rank([1.0, 2.0], [1, 1], [0, "a"]), r"group mixes"),
        (lambda: log_rank([1.0, 2.0], [1, 1], [0, 1], weights="wilcoxon"), "weights must be"),
        (lambda: log_rank([1.0, 2.0], [1, 1], [0, 1], weights=(-1.0, 0.0)), "rho"),
        (lambda: log_rank([1.0, 2.0], [1, 1], [0, 1], trend=[1.0]), "trend"),
        (lambda: log_rank([], [], []), "duration"),
        (
            lambda: log_rank([1.0, 2.0], [1, 1], [0, 1], sample_weight=[1.0, -1.0]),
            r"sample_weight\[1\]",
        ),
        (
            lambda: log_rank([1, 2], [1, 1], [0, 1], sample_weight=[1, 0.5], variance="model"),
            r"sample_weight\[1\] must be a whole number",
        ),
        (lambda: log_rank([1.0, 2.0], [1, 1], [0, 1], variance="sandwich"), "variance"),
        (lambda: KaplanMeier().fit([1.0], [0]).band(), "no time at which"),
        (lambda: KaplanMeier().fit([1.0, 2], [1, 0]).band("nair"), "kind"),
        (lambda: KaplanMeier().fit([1.0, 2], [1, 0]).band(start=-1.0), "start"),
        (lambda: KaplanMeier().fit([1.0, 2], [1, 0]).given(5.0), "tenure"),
    ],
)
def test_refusals(call, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        call()


def test_saved_and_read():
    for model in (
        AalenJohansen().fit([1, 2, 2, 4], ["a", "b", None, "a"]),
        NelsonAalen(ties="in_turn").fit([1, 2, 2, 4], [1, 1, 0, 1]),
    ):
        again = pickle.loads(pickle.dumps(model))
        assert_array_equal(again.predict([0, 1, 2, 3]), model.predict([0, 1, 2, 3]))


def test_counting_and_sorting_agree_to_the_bit():
    rng = np.random.default_rng(2)
    t, c = rng.integers(1, 50, 3000), rng.integers(0, 3, 3000)
    days, halves = AalenJohansen().fit(t, c).curves_, AalenJohansen().fit(t / 128.0, c).curves_
    for name in ("incidence", "standard_error", "survival", "at_risk"):
        assert getattr(days, name).tobytes() == getattr(halves, name).tobytes()
    days, fine = (KaplanMeier().fit(x, c > 0).curve_ for x in (t, t * math.pi))
    assert days.survival.tobytes() == fine.survival.tobytes()


def test_pictures_hold_what_was_computed():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    aj = AalenJohansen().fit([1, 2, 2, 4], ["a", "b", None, "a"])
    km = KaplanMeier().fit([1, 2, 2, 3, 5], [1, 1, 0, 1, 0])
    draws = [
        aj.plot,
        lambda ax: aj.plot(ax, stacked=True),
        NelsonAalen().fit([1, 2, 2], [1, 1, 0]).plot,
        km.band().plot,
        km.given(1).plot,
    ]
    for draw in draws:
        _, ax = pyplot.subplots()
        assert draw(ax) is ax
        assert ax.get_xlabel() == "Tenure"
        assert len(ax.collections) >= 1
        pyplot.close(ax.figure)
    _, ax = pyplot.subplots()
    aj.plot(ax)
    for line, cause in itertools.zip_longest(ax.lines, range(2)):
        assert line.get_ydata()[-1] == aj.curves_.incidence[-1, cause]
    pyplot.close(ax.figure)
