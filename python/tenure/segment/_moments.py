"""Means, medians and standardised differences of numbers by segment."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._validation import Floats, Ints

Codes = npt.NDArray[np.intp]


def describe(values: Floats, code: Codes, segments: int, level: float) -> dict[str, Any]:
    """Return what each segment's numbers are, beside those of all others. NaN is missing."""
    there = ~np.isnan(values)
    x, c = values[there], code[there]
    n = np.bincount(c, minlength=segments)
    # Units of its own, a power of two, so that fourth powers neither overflow nor vanish.
    biggest = float(np.abs(x).max()) if len(x) else 1.0
    scale = 2.0 ** min(int(np.frexp(biggest)[1]), 1023)
    x = x / scale
    own = _central(x, c, n)
    rest = _others(own, n)
    found = _difference(own, rest, n, level)
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    grand = float(x.mean()) if len(x) else np.nan
    spread = float(x.std(ddof=1)) if len(x) > 1 else np.nan
    with np.errstate(all="ignore"):
        error = np.sqrt(own[1] / (n - 1.0) / n) / spread
        mean = np.where(n > 0, own[0], np.nan)
        standing = np.where(spread > 0, (mean - grand) / spread, np.nan)
    median, lower, upper = _medians(x, c, n, z)
    return {
        "customers": n,
        "missing": np.bincount(code, minlength=segments) - n,
        "mean": mean * scale,
        "base_mean": np.full(segments, grand * scale),
        "z": standing,
        "z_lower": standing - z * error,
        "z_upper": standing + z * error,
        "median": median * scale,
        "median_lower": lower * scale,
        "median_upper": upper * scale,
        "base_median": np.full(segments, np.median(x) * scale if len(x) else np.nan),
        **found,
    }


def _central(x: Floats, code: Codes, n: Ints) -> Floats:
    """Mean, and sums of the second, third and fourth powers about it; one column a segment."""
    out = np.zeros((4, len(n)))
    np.divide(np.bincount(code, x, len(n)), n, out=out[0], where=n > 0)
    off = x - out[0][code]
    power = off * off
    for k in (1, 2, 3):
        out[k] = np.bincount(code, power, len(n))
        power = power * off
    return out


def _others(own: Floats, n: Ints) -> Floats:
    """The same of everybody outside each segment, from the segments: nothing is subtracted."""
    others = (~np.eye(len(n), dtype=bool)) * n.astype(np.float64)  # row: segment left out
    size = others.sum(axis=1)
    mean = np.zeros(len(n))
    np.divide(others @ own[0], size, out=mean, where=size > 0)
    off = own[0] - mean[:, None]
    rest = np.empty_like(own)
    rest[0] = mean
    inside = (others > 0).astype(np.float64)
    rest[1] = inside @ own[1] + (others * off**2).sum(axis=1)
    rest[2] = inside @ own[2] + (inside * (3 * off * own[1]) + others * off**3).sum(axis=1)
    rest[3] = inside @ own[3] + (
        inside * (4 * off * own[2] + 6 * off**2 * own[1]) + others * off**4
    ).sum(axis=1)
    return rest


def _difference(own: Floats, rest: Floats, n: Ints, level: float) -> dict[str, Floats]:
    """Standardised difference of means, its limits by the delta method, Welch's test."""
    m = n.sum() - n
    with np.errstate(all="ignore"):
        variance = [part[1] / (count - 1.0) for part, count in ((own, n), (rest, m))]
        pooled = 0.5 * (variance[0] + variance[1])
        fine = (n > 1) & (m > 1) & (pooled > 0)
        scale = np.sqrt(pooled)
        smd = (own[0] - rest[0]) / scale
        square = np.zeros(len(n))
        for sign, part, count, s2 in (
            (1.0, own, n, variance[0]),
            (-1.0, rest, m, variance[1]),
        ):
            by_mean, by_variance = sign / scale, -smd / (4.0 * pooled)
            third, fourth = part[2] / count, part[3] / count
            square += (
                by_mean**2 * s2
                + by_variance**2 * np.maximum(fourth - s2**2, 0.0)
                + 2.0 * by_mean * by_variance * third
            ) / count
        reach = NormalDist().inv_cdf(0.5 + level / 2.0) * np.sqrt(np.maximum(square, 0.0))
        a, b = variance[0] / n, variance[1] / m
        t = (own[0] - rest[0]) / np.sqrt(a + b)
        df = (a + b) ** 2 / (a**2 / (n - 1.0) + b**2 / (m - 1.0))
    p = np.full(len(n), np.nan)
    p[fine] = _core.special.incomplete_beta(
        0.5 * df[fine], np.full(int(fine.sum()), 0.5), df[fine] / (df[fine] + t[fine] ** 2)
    )
    smd, reach = np.where(fine, smd, np.nan), np.where(fine, reach, np.nan)
    return {"smd": smd, "lower": smd - reach, "upper": smd + reach, "p_value": p}


def _medians(x: Floats, code: Codes, n: Ints, z: float) -> tuple[Floats, Floats, Floats]:
    """Medians with limits by order statistics [Conover 1999, section 3.2]."""
    # Segment by segment, so that no step is long: Ctrl-C waits for the end of one. There are at
    # most 1,000 segments, and 16 bits are sorted in one pass.
    parts = np.split(x[np.argsort(code.astype(np.uint16), kind="stable")], np.cumsum(n)[:-1])
    out = np.full((3, len(n)), np.nan)
    for k, part in enumerate(parts):
        size = len(part)
        if size:
            half = 0.5 * z * np.sqrt(size)
            low = max(int(np.ceil(0.5 * size - half)) - 1, 0)
            high = min(int(np.ceil(0.5 * size + half)), size) - 1
            middle = ((size - 1) // 2, size // 2)
            ranked = np.partition(part, sorted({low, high, *middle}))
            out[:, k] = (0.5 * (ranked[middle[0]] + ranked[middle[1]]), ranked[low], ranked[high])
    return out[0], out[1], out[2]
