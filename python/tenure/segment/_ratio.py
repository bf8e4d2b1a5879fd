"""How two shares compare: limits of their ratio, and a test that also serves for few customers."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from tenure import _core
from tenure._validation import Floats, Ints

_HALVINGS = 50
_FEWEST_EXPECTED = 5.0


def ratio_limits(x1: Ints, n1: Ints, x2: Ints, n2: Ints, level: float) -> tuple[Floats, Floats]:
    """Return limits of (x1 / n1) / (x2 / n2): the ratios that a score test does not reject.

    Koopman (1984), Biometrics 40:513-517. 0 and infinity where a count is 0; NaN where a group is
    empty or both counts are 0, which say nothing about the ratio.
    """
    a, m, b, n = (np.asarray(v, dtype=np.float64) for v in (x1, n1, x2, n2))
    z2 = NormalDist().inv_cdf(0.5 + level / 2.0) ** 2
    known = (m > 0) & (n > 0) & (a + b > 0)
    with np.errstate(all="ignore"):
        centre = np.log(np.clip(a, 0.5, None) / m) - np.log(np.clip(b, 0.5, None) / n)
    limits = []
    for sign in (-1.0, 1.0):
        # e^40 is beyond what counts can exclude, and where a count is 0 the best ratio lies there.
        start = np.where((a > 0) & (b > 0), centre, centre - sign * 40.0)
        near = np.where(known, start, 0.0)
        far = np.where(known, centre, 0.0) + sign * 40.0
        for _ in range(_HALVINGS):
            middle = 0.5 * (near + far)
            inside = _score(a, m, b, n, np.exp(middle)) <= z2
            near = np.where(inside, middle, near)
            far = np.where(inside, far, middle)
        limits.append(np.exp(0.5 * (near + far)))
    lower = np.where(a == 0, 0.0, limits[0])
    upper = np.where(b == 0, np.inf, limits[1])
    return np.where(known, lower, np.nan), np.where(known, upper, np.nan)


def _score(a: Floats, m: Floats, b: Floats, n: Floats, ratio: Floats) -> Floats:
    """Chi-square of p1 = ratio p2, its variance at the most likely such shares [Koopman, eq. 1]."""
    with np.errstate(all="ignore"):
        # p2 is the smaller root of A p^2 - B p + C; the form that does not cancel.
        quadratic, constant = (m + n) * ratio, a + b
        linear = m * ratio + a + n + b * ratio
        root = np.sqrt(np.maximum(linear * linear - 4.0 * quadratic * constant, 0.0))
        p2 = np.minimum(2.0 * constant / (linear + root), 1.0)
        p1 = np.minimum(ratio * p2, 1.0)
        parts = [
            np.where(off == 0.0, 0.0, off * off / spread)  # 0 / 0 at a share of 0 or 1 is a fit
            for off, spread in (
                (a - m * p1, m * p1 * (1.0 - p1)),
                (b - n * p2, n * p2 * (1.0 - p2)),
            )
        ]
    square: Floats = parts[0] + parts[1]
    return square


def difference_p(x1: Ints, n1: Ints, x2: Ints, n2: Ints) -> Floats:
    """Return two-sided p-values of equal shares; NaN where a group is empty.

    The score test; Fisher's exact test where fewer than five customers are expected in a cell.
    """
    p = np.full(len(x1), np.nan)
    there = np.flatnonzero((n1 > 0) & (n2 > 0))
    if not len(there):
        return p
    a, m, b, n = (np.ascontiguousarray(np.asarray(v)[there], np.float64) for v in (x1, n1, x2, n2))
    *_, found = _core.survival.compare_proportions(a, m, b, n, 0.95)
    have, rows = a + b, m + n
    least = np.minimum(m, n) * np.minimum(have, rows - have) / rows
    for k in np.flatnonzero(least < _FEWEST_EXPECTED):
        found[k] = _fisher(int(a[k]), int(m[k]), int(have[k]), int(rows[k]))
    p[there] = found
    return p


def _fisher(a: int, m: int, have: int, rows: int) -> float:
    """The chance of a table no likelier than this one, margins given."""
    x = np.arange(max(0, have - (rows - m)), min(m, have) + 1, dtype=np.float64)
    if len(x) == 1:
        return 1.0
    parts = [x, m - x, have - x, rows - m - have + x]
    log_p = -sum((_core.special.lgamma(part + 1.0) for part in parts), np.zeros(len(x)))
    chance = np.exp(log_p - log_p.max())
    # Tables of equal chance differ by rounding; R's fisher.test allows for 1e-7 too.
    likely = chance[int(a - x[0])] * (1.0 + 1e-7)
    return float(min(1.0, chance[chance <= likely].sum() / chance.sum()))
