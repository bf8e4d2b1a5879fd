"""Limits of Uno's concordance, AUC by time and Brier scores hold the truth as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tenure.churn import concordance_index, dynamic_auc, survival_brier_score, uno_concordance


def customers(rng, n):
    """Weibull lives by a score, censored independently of both: about half of them."""
    score = rng.normal(size=n)
    life = 10.0 * np.exp(-0.7 * score) * rng.weibull(1.3, n)
    seen = rng.uniform(2.0, 20.0, n)
    return score, life, np.minimum(life, seen), life <= seen


def stay_of(score, t):
    # Not the right curve: the score of a wrong one is covered too.
    return np.exp(-((t / (9.0 * np.exp(-0.5 * score))) ** 1.2))


def truth():
    """The same measures of very many customers whose lives are all known."""
    rng = np.random.default_rng(77)
    score, life, _, _ = customers(rng, 200_000)
    everybody = np.ones(life.size, bool)
    times = [4.0, 8.0, 12.0]
    b = survival_brier_score(life, everybody, lambda t: stay_of(score, t), times)
    auc = dynamic_auc(life, everybody, score, times)
    uno = uno_concordance(life, everybody, score, tau=12.0)
    return [
        uno.value, *auc.value, auc.mean.value, *b.score, *b.skill, b.integrated.value,
        b.integrated_skill.value,
    ]  # fmt: skip


def covered(runs, n):
    want, times = np.array(truth()), [4.0, 8.0, 12.0]
    inside = np.zeros(want.size)
    for seed in range(runs):
        score, _, time, churned = customers(np.random.default_rng(seed), n)
        b = survival_brier_score(time, churned, lambda t, s=score: stay_of(s, t), times)
        auc = dynamic_auc(time, churned, score, times)
        uno = uno_concordance(time, churned, score, tau=12.0)
        single = [uno, auc.mean, b.integrated, b.integrated_skill]
        at = [uno.lower, *auc.lower, auc.mean.lower, *b.lower, *b.skill_lower]
        to = [uno.upper, *auc.upper, auc.mean.upper, *b.upper, *b.skill_upper]
        at += [m.lower for m in single[2:]]
        to += [m.upper for m in single[2:]]
        inside += (np.array(at) <= want) & (want <= np.array(to))
    return inside / runs


def test_limits_cover():
    # 200 runs: four binomial errors of a rate of .95 are .062.
    assert (np.abs(covered(200, 400) - 0.95) < 0.062).all()


@pytest.mark.slow
def test_limits_cover_in_two_thousand_runs():
    # Four binomial errors are .0195; the truth itself is known to .002 of an error bar.
    assert (np.abs(covered(2000, 500) - 0.95) < 0.0195 + 0.006).all()


def test_uno_does_not_depend_on_the_censoring_and_harrell_does():
    rng = np.random.default_rng(3)
    score, life, _, _ = customers(rng, 60_000)
    # Score matters for short lives only: what is seen decides what Harrell's measures.
    life = np.where(life < 5.0, life, 5.0 + rng.exponential(5.0, life.size))
    values = []
    for last in (40.0, 13.0):
        seen = rng.uniform(0.0, last, life.size)
        data = np.minimum(life, seen), life <= seen, score
        values.append((uno_concordance(*data, tau=10.0), concordance_index(*data).value))
    (one, harrell), (other, further) = values
    assert abs(one.value - other.value) < 3.0 * math.hypot(one.standard_error, other.standard_error)
    assert abs(harrell - further) > 0.02
