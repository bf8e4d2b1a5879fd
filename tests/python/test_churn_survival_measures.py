"""Uno's concordance, AUC by time and Brier scores: published values, all pairs, coverage."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.churn import concordance_index, dynamic_auc, survival_brier_score, uno_concordance

REFERENCE = Path(__file__).parents[1] / "reference"
TIMES = [30.0, 90.0, 180.0, 365.0]


def veteran():
    with (REFERENCE / "veteran.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    time = np.array([float(r["Survival_in_days"]) for r in rows])
    dead = np.array([r["Status"] == "dead" for r in rows])
    return time, dead, np.array([float(r["Karnofsky_score"]) for r in rows])


# --- published values: scikit-survival 0.28.0, which weighs a churn at t by G(t) ------------------


@pytest.mark.parametrize(
    ("tau", "value"),
    [(None, 0.6992529166236074), (365.0, 0.7004030004877936), (200.0, 0.706343607442887)],
)
def test_uno_of_scikit_survival(tau, value):
    time, dead, karno = veteran()
    found = uno_concordance(time, dead, -karno, tau=tau, censoring_at="at")
    assert_allclose(found.value, value, rtol=1e-13)


def test_areas_of_scikit_survival():
    time, dead, karno = veteran()
    found = dynamic_auc(time, dead, -karno, TIMES, censoring_at="at")
    values = [0.8430657312242731, 0.8270574145797865, 0.7123386095772744, 0.7116415565509673]
    assert_allclose(found.value, values, rtol=1e-13)
    assert_allclose(found.mean.value, 0.7850764889823065, rtol=1e-13)


def test_brier_scores_of_scikit_survival():
    time, dead, karno = veteran()
    stay = np.exp(-np.outer(np.exp(-0.03 * (karno - 60)), np.array(TIMES) / 130.0))
    found = survival_brier_score(time, dead, stay, TIMES, censoring_at="at")
    values = [0.16465986244548864, 0.17719046689283346, 0.15882953823264573, 0.077866116640415]
    assert_allclose(found.score, values, rtol=1e-13)
    assert_allclose(found.integrated.value, 0.1411067408553861, rtol=1e-13)


# --- the definitions, over all pairs --------------------------------------------------------------


def curve_of_censoring(time, churned, weight, ties, at, where):
    """Product over censorings before `where`, or up to it."""
    out = 1.0
    for u in sorted({t for t, c in zip(time, churned, strict=True) if not c}):
        if not (u < where or (at == "at" and u == where)):
            continue
        own = sum(w for t, c, w in zip(time, churned, weight, strict=True) if t == u and not c)
        risk = sum(
            w
            for t, c, w in zip(time, churned, weight, strict=True)
            if t > u or (t == u and (ties == "strict" or not c))
        )
        out *= 1.0 - own / risk
    return out


def uno_of_all_pairs(time, churned, score, weight, tau, ties, at):
    good = all_ = 0.0
    for i in range(len(time)):
        if not churned[i] or time[i] >= tau:
            continue
        g = curve_of_censoring(time, churned, weight, ties, at, time[i])
        for j in range(len(time)):
            outlived = time[j] > time[i] or (
                ties == "churn_first" and time[j] == time[i] and not churned[j]
            )
            if j != i and outlived:
                pair = weight[i] * weight[j] / g**2
                all_ += pair
                good += pair * (float(score[i] > score[j]) + 0.5 * float(score[i] == score[j]))
    return good / all_


def areas_of_all_pairs(time, churned, score, weight, times, at):
    def area(t):
        good = all_ = 0.0
        for i in range(len(time)):
            if churned[i] and time[i] <= t:
                g = curve_of_censoring(time, churned, weight, "churn_first", at, time[i])
                for j in range(len(time)):
                    if time[j] > t:
                        pair = weight[i] * weight[j] / g
                        all_ += pair
                        good += pair * (
                            float(score[i] > score[j]) + 0.5 * float(score[i] == score[j])
                        )
        return good / all_

    values = np.array([area(t) for t in times])
    alive = [1.0, *(kaplan_meier(time, churned, weight, t) for t in times)]
    falls = -np.diff(alive)
    return np.append(values, (values * falls).sum() / falls.sum())


def kaplan_meier(time, churned, weight, t):
    out = 1.0
    for u in sorted({v for v, c in zip(time, churned, strict=True) if c and v <= t}):
        own = sum(w for v, c, w in zip(time, churned, weight, strict=True) if v == u and c)
        out *= 1.0 - own / sum(w for v, w in zip(time, weight, strict=True) if v >= u)
    return out


def briers_of_all_rows(time, churned, stay, weight, times, at):
    """Scores, those of the curve, and one less their ratio, then the same integrated."""
    rows = []
    for k, t in enumerate(times):
        sums = [0.0, 0.0]
        null = kaplan_meier(time, churned, weight, t)
        beyond = curve_of_censoring(time, churned, weight, "churn_first", "at", t)
        for i in range(len(time)):
            if time[i] > t:
                losses, w = [(1 - stay[i, k]) ** 2, (1 - null) ** 2], 1.0 / beyond
            elif churned[i]:
                losses = [stay[i, k] ** 2, null**2]
                w = 1.0 / curve_of_censoring(time, churned, weight, "churn_first", at, time[i])
            else:
                continue
            for m in (0, 1):
                sums[m] += weight[i] * w * losses[m]
        rows.append([s / sum(weight) for s in sums])
    table = np.array(rows)
    whole = np.trapezoid(table, times, axis=0) / (times[-1] - times[0])
    table = np.vstack([table, whole])
    return np.column_stack([table, 1.0 - table[:, 0] / table[:, 1]])


def jackknifed(measure, weight):
    """Root of the summed squares of weight times derivative by weight, by differences."""
    total = 0.0
    for i in range(len(weight)):
        step = 1e-5 * weight[i]
        moved = []
        for side in (1.0, -1.0):
            other = weight.copy()
            other[i] += side * step
            moved.append(np.asarray(measure(other)))
        total = total + (weight[i] * (moved[0] - moved[1]) / (2.0 * step)) ** 2
    return np.sqrt(total)


def small_sample(seed, n=22):
    rng = np.random.default_rng(seed)
    time = rng.integers(1, 9, n).astype(float)
    churned = rng.random(n) < 0.6
    score = rng.integers(0, 6, n).astype(float)
    return time, churned, score, rng.integers(1, 4, n).astype(float)


@pytest.mark.parametrize("ties", ["churn_first", "strict"])
@pytest.mark.parametrize("at", ["before", "at"])
@pytest.mark.parametrize("tau", [math.inf, 6.0])
def test_uno_and_its_error_over_all_pairs(ties, at, tau):
    for seed in range(3):
        time, churned, score, weight = small_sample(seed)
        if at == "at":  # so that nobody churns where the curve has fallen to 0
            time, churned = np.append(time, 9.0), np.append(churned, False)
            score, weight = np.append(score, 1.0), np.append(weight, 1.0)

        def measure(w, data=(time, churned, score)):
            return uno_of_all_pairs(*data, w, tau, ties, at)

        found = uno_concordance(
            time, churned, score, tau=tau, sample_weight=weight, ties=ties, censoring_at=at
        )
        assert_allclose(found.value, measure(weight), rtol=1e-12)
        # The differences are good to nine digits.
        assert_allclose(found.standard_error, jackknifed(measure, weight), rtol=1e-7)


@pytest.mark.parametrize("at", ["before", "at"])
def test_areas_and_their_errors_over_all_pairs(at):
    for seed in range(3):
        time, churned, score, weight = small_sample(seed + 10)
        times = [2.0, 4.5, 6.0]

        def measure(w, data=(time, churned, score), asked=tuple(times)):
            return areas_of_all_pairs(*data, w, asked, at)

        found = dynamic_auc(time, churned, score, times, sample_weight=weight, censoring_at=at)
        want, errors = measure(weight), jackknifed(measure, weight)
        assert_allclose([*found.value, found.mean.value], want, rtol=1e-12)
        assert_allclose([*found.standard_error, found.mean.standard_error], errors, rtol=1e-7)


@pytest.mark.parametrize("at", ["before", "at"])
def test_briers_and_their_errors_over_all_rows(at):
    for seed in range(3):
        time, churned, _, weight = small_sample(seed + 20)
        times = np.array([2.0, 4.5, 6.0])
        stay = np.random.default_rng(seed).random((time.size, times.size))

        def measure(w, data=(time, churned, stay), asked=times):
            return briers_of_all_rows(*data, w, asked, at)

        found = survival_brier_score(
            time, churned, stay, times, sample_weight=weight, censoring_at=at
        )
        want, errors = measure(weight), jackknifed(measure, weight)
        assert_allclose(found.score, want[:-1, 0], rtol=1e-12)
        assert_allclose(found.null_score, want[:-1, 1], rtol=1e-12)
        assert_allclose(found.skill, want[:-1, 2], rtol=1e-11)
        assert_allclose(found.standard_error, errors[:-1, 0], rtol=1e-7)
        z = 1.959963984540054
        assert_allclose((found.skill - found.skill_lower) / z, errors[:-1, 2], rtol=1e-7)
        whole = (found.integrated, found.integrated_null, found.integrated_skill)
        assert_allclose([m.value for m in whole], want[-1], rtol=1e-11)
        assert_allclose([m.standard_error for m in whole], errors[-1], rtol=1e-7)


# --- properties -----------------------------------------------------------------------------------

lives = st.lists(
    st.tuples(st.integers(1, 6), st.booleans(), st.integers(0, 4), st.integers(1, 3)),
    min_size=4,
    max_size=20,
).filter(lambda rows: any(r[1] and r[0] < max(q[0] for q in rows) for r in rows))


@given(lives)
@settings(max_examples=60)
def test_a_weight_is_so_many_rows(rows):
    time, churned, score, weight = (np.array(c) for c in zip(*rows, strict=True))
    many = [np.repeat(c, weight) for c in (time, churned, score)]
    one = uno_concordance(time, churned, score, sample_weight=weight)
    same = uno_concordance(*many)
    assert_allclose(one.value, same.value, rtol=1e-12)
    assert_allclose(
        [one.concordant, one.discordant, one.tied_score],
        [same.concordant, same.discordant, same.tied_score],
        rtol=1e-12, atol=1e-12,
    )  # fmt: skip
    stay = np.linspace(0.1, 0.9, time.size)[:, None]
    t = [float(time.min())]
    assert_allclose(
        survival_brier_score(time, churned, stay, t, sample_weight=weight).score,
        survival_brier_score(many[0], many[1], np.repeat(stay, weight, axis=0), t).score,
        rtol=1e-12,
    )


@given(lives, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_neither_order_nor_unit_matters(rows, random):
    shuffled = random.sample(rows, len(rows))
    a = [np.array(c, dtype=float) for c in zip(*rows, strict=True)]
    b = [np.array(c, dtype=float) for c in zip(*shuffled, strict=True)]
    one = uno_concordance(a[0], a[1], a[2])
    other = uno_concordance(30.0 * b[0], b[1], np.exp(b[2]))
    assert_allclose(one.value, other.value, rtol=1e-12)
    assert_allclose(one.standard_error, other.standard_error, rtol=1e-9, atol=1e-12)
    mirrored = uno_concordance(a[0], a[1], -a[2])
    assert_allclose(one.value + mirrored.value, 1.0, rtol=1e-12)


def test_without_censoring_uno_is_harrell_and_the_area_is_the_roc():
    rng = np.random.default_rng(4)
    score = rng.normal(size=300)
    time = rng.exponential(np.exp(-score))
    everybody = np.ones(300, bool)
    uno, harrell = (f(time, everybody, score) for f in (uno_concordance, concordance_index))
    assert_allclose(uno.value, harrell.value, rtol=1e-13)
    assert_allclose(uno.standard_error, harrell.standard_error, rtol=1e-9)
    t = float(np.median(time))
    area = dynamic_auc(time, everybody, score, [t])
    assert_allclose(area.value[0], tn.churn.roc_auc(time <= t, score).value, rtol=1e-13)
    assert_allclose(area.mean.value, area.value[0], rtol=1e-13)


def test_a_score_by_time_is_taken_column_by_column():
    time, churned, score, _ = small_sample(5)
    times = [2.0, 4.0]
    both = dynamic_auc(time, churned, np.column_stack([score, -score]), times)
    plain = dynamic_auc(time, churned, score, times)
    assert_allclose(both.value, [plain.value[0], 1.0 - plain.value[1]], rtol=1e-13)


def test_a_function_of_time_is_asked_for_one_column_at_a_time():
    time, churned, _, _ = small_sample(6)
    rate = np.linspace(0.05, 0.4, time.size)
    asked = []

    def stay(t):
        asked.append(t)
        return np.exp(-rate * t)

    times = [2.0, 4.0, 6.0]
    by_column = survival_brier_score(time, churned, stay, times)
    whole = survival_brier_score(time, churned, np.exp(-np.outer(rate, times)), times)
    assert asked == times
    assert_array_equal(by_column.score, whole.score)


def test_a_snapshot_whose_last_lives_are_all_censored_is_scored_before_them():
    rng = np.random.default_rng(8)
    score = rng.normal(size=400)
    life = rng.exponential(20.0 * np.exp(-score))
    time, churned = np.minimum(life, 24.0), life <= 24.0
    found = dynamic_auc(time, churned, score, [0.0001, 12.0, 24.0, 30.0])
    assert found.time.tolist() == [12.0]
    assert found.dropped.tolist() == [0.0001, 24.0, 30.0]
    assert found.reason == "nobody churned by 0.0001; nobody was seen beyond 24, 30"
    assert found.reason in repr(found)
    stay = np.full((400, 2), 0.5)
    scores = survival_brier_score(time, churned, stay, [12.0, 24.0])
    assert scores.time.tolist() == [12.0]
    assert scores.reason == "nobody was seen beyond 24"


def test_censoring_of_others_may_be_taken():
    time, churned, score, _ = small_sample(9)
    same = uno_concordance(time, churned, score, train=(time, churned))
    assert_allclose(same.value, uno_concordance(time, churned, score).value, rtol=1e-13)
    # Nobody of the others was seen beyond 5: churn from there on cannot be weighed.
    short = uno_concordance(time, churned, score, train=([2.0, 5.0, 5.0], [1, 0, 0]))
    assert short.tau == time[churned & (time > 5.0)].min()
    assert f"churn before {short.tau:g}" in repr(short)


def test_limits_of_a_perfect_score_are_no_point():
    found = uno_concordance([1, 2, 3, 4], [1, 1, 0, 0], [4, 3, 2, 1])
    assert found.value == 1.0
    assert found.upper == 1.0
    assert 0.1 < found.lower < 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: uno_concordance([1, math.nan], [1, 0], [1, 2]), r"duration\[1\]"),
        (lambda: uno_concordance([1, 2], [1, 2], [1, 2]), r"churned\[1\]"),
        (lambda: uno_concordance([1, 2], [1, 0], [1, math.inf]), r"score\[1\]"),
        (lambda: uno_concordance([1, 2], [1, 0], [1]), "score"),
        (lambda: uno_concordance([1, 2], [1, 0], [1, 2], tau=0.0), "tau"),
        (lambda: uno_concordance([1, 2], [1, 0], [1, 2], ties="none"), "ties"),
        (lambda: uno_concordance([1, 2], [1, 0], [1, 2], censoring_at="after"), "censoring_at"),
        (lambda: uno_concordance([1, 2], [1, 0], [1, 2], train=([1],)), "train"),
        (
            lambda: uno_concordance([1, 2], [1, 0], [1, 2], train=([-1], [1])),
            r"train duration\[0\]",
        ),
        (lambda: uno_concordance([1, 2], [1, 0], [1, 2], sample_weight=[1, -1]), "weight"),
        (lambda: dynamic_auc([1, 2], [1, 0], [1, 2], []), "times"),
        (lambda: dynamic_auc([1, 2], [1, 0], [1, 2], [1, 1]), r"times\[1\]"),
        (lambda: dynamic_auc([1, 2], [1, 0], [1, 2], [3]), "none can be scored"),
        (lambda: dynamic_auc([1, 2], [1, 0], np.ones((2, 3)), [1]), "score must have shape"),
        (lambda: survival_brier_score([1, 2], [1, 0], [[0.5], [1.5]], [1]), r"survival\[1\]"),
        (lambda: survival_brier_score([1, 2], [1, 0], [0.5, 0.5], [1, 1.5]), "survival"),
        (lambda: survival_brier_score([1, 2], [1, 0], lambda t: [0.5], [1]), "survival"),
    ],
)  # fmt: skip
def test_bad_cells_are_named(call, message):
    with pytest.raises(tn.InvalidInputError, match=message):
        call()


def test_plots_draw():
    pytest.importorskip("matplotlib")
    time, dead, karno = veteran()
    stay = np.exp(-np.outer(np.exp(-0.03 * (karno - 60)), np.array(TIMES) / 130.0))
    auc = dynamic_auc(time, dead, -karno, TIMES)
    assert auc.plot().get_ylabel() == "AUC"
    assert survival_brier_score(time, dead, stay, TIMES).plot().get_ylabel() == "Brier score"
