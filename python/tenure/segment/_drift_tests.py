"""Tests of a square table of moves, and limits of the stability index."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from tenure import _core
from tenure._validation import Floats


@dataclass(frozen=True, slots=True)
class ChiSquareTest:
    """A chi-square test.

    Attributes
    ----------
    statistic : float
    df : int
        Degrees of freedom; 0 where nobody moved, and then `p_value` is 1.
    p_value : float
    """

    statistic: float
    df: int
    p_value: float


def tail(x: float, df: float) -> float:
    """Return the probability that a chi-square exceeds x."""
    return float(_core.special.chi_square_survival(np.array([x]), np.array([float(df)]))[0])


def symmetry(moves: Floats) -> ChiSquareTest:
    """Do as many move from i to j as from j to i? [Bowker 1948, J. Am. Stat. Assoc. 43:572]"""
    upper = np.triu_indices(len(moves), 1)
    there, back = moves[upper], moves.T[upper]
    total = there + back
    known = total > 0
    statistic = float((((there - back) ** 2)[known] / total[known]).sum())
    df = int(known.sum())
    return ChiSquareTest(statistic, df, tail(statistic, df) if df else 1.0)


def homogeneity(moves: Floats) -> ChiSquareTest:
    """Are both margins one? d' S^-1 d of the differences d of the margins, with S as it is where
    they are: S_ii = n_i. + n_.i - 2 n_ii, S_ij = -(n_ij + n_ji).

    Degrees of freedom are the rank of S: segments that nobody left or entered tell nothing.
    [Stuart 1955, Biometrika 42:412; Maxwell 1970, Br. J. Psychiatry 116:651]
    """
    gap = moves.sum(axis=1) - moves.sum(axis=0)
    spread = -(moves + moves.T)
    np.fill_diagonal(spread, 0.0)
    np.fill_diagonal(spread, -spread.sum(axis=1))
    df = int(np.linalg.matrix_rank(spread, hermitian=True))
    if df == 0:
        return ChiSquareTest(0.0, 0, 1.0)
    statistic = float(gap @ np.linalg.pinv(spread, rcond=1e-10, hermitian=True) @ gap)
    return ChiSquareTest(statistic, df, tail(statistic, df))


def noncentral_tail(x: float, df: float, shift: float) -> float:
    """Return the probability that a noncentral chi-square exceeds x: a Poisson mixture."""
    half = shift / 2.0
    reach = 12.0 * math.sqrt(half) + 30.0
    j = np.arange(max(0.0, math.floor(half - reach)), math.ceil(half + reach))
    log_weight = -half + (j * math.log(half) if half > 0.0 else np.where(j > 0, -np.inf, 0.0))
    weight = np.exp(log_weight - _core.special.lgamma(j + 1.0))
    q = _core.special.chi_square_survival(np.full(len(j), x), df + 2.0 * j)
    return float(min((weight * q).sum(), 1.0))


def index_limits(
    psi: float, expected: float, scale: float, variance: float, level: float
) -> tuple[float, float]:
    """Return limits of the stability index of the populations.

    Near no change ``psi / scale`` is a noncentral chi-square of ``expected / scale`` degrees, whose
    shift is inverted. Its variance is 2 scale expected + 4 scale psi; far from no change that of
    the delta method, `variance`, replaces the last term, and the limits are stretched accordingly.
    """
    if scale == 0.0:
        return psi, psi
    x, df = psi / scale, expected / scale
    below = (1.0 - level) / 2.0
    if x > 1e4:  # the distance of the limits is that of a normal law by then
        z = -NormalDist().inv_cdf(below) * math.sqrt(variance)
        return max(psi - expected - z, 0.0), max(psi - expected + z, 0.0)
    low, high = (
        scale * _solve(lambda shift: noncentral_tail(x, df, shift), target)
        for target in (below, 1.0 - below)
    )
    centre = max(psi - expected, 0.0)
    near = 2.0 * scale * expected + 4.0 * scale * centre
    stretch = math.sqrt((2.0 * scale * expected + variance) / near) if centre > 0.0 else 1.0
    return max(centre - stretch * (centre - low), 0.0), centre + stretch * (high - centre)


def _solve(tail_at: Callable[[float], float], target: float) -> float:
    """Return the shift at which a rising tail reaches the target; 0 where it starts above."""
    if tail_at(0.0) >= target:
        return 0.0
    low, high = 0.0, 1.0
    below, above = tail_at(low) - target, tail_at(high) - target
    while above < 0.0:
        low, below = high, above
        high *= 2.0
        above = tail_at(high) - target
    side = 0
    # False position with the Illinois rule: an end that stays counts half. [Dowell & Jarratt 1971]
    for _ in range(100):
        middle = high - above * (high - low) / (above - below)
        gap = tail_at(middle) - target
        if abs(gap) < 1e-12 or high - low < 1e-12 * high:
            return middle
        if gap < 0.0:
            low, below = middle, gap
            above *= 0.5 if side < 0 else 1.0
            side = -1
        else:
            high, above = middle, gap
            below *= 0.5 if side > 0 else 1.0
            side = 1
    return 0.5 * (low + high)
