"""Writes special_*.csv: the special functions at 60 digits, computed again at 120 and compared.

Inputs are hexadecimal floats, so they are exact. The value is written as two doubles whose sum
holds about 32 digits: errors far below one unit in the last place can be measured.

    python tests/reference/make_special.py          # about three minutes
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import mpmath as mp

HERE = Path(__file__).parent
ROOT = 1.4616321449683623  # of digamma


def log_uniform(low: float, high: float) -> float:
    return 10.0 ** random.uniform(low, high)


def beside(point: float) -> float:
    return point + random.choice([-1, 1]) * log_uniform(-14, -0.5)


def one_positive() -> Iterator[tuple[float]]:
    """Small, moderate, large, and beside what is special: 1, 2, the root, ends of the pieces."""
    for x in (1.0, 2.0, 0.5, 3.0, 16.0, 1e-300, 5e-324, 1e300, 171.5, 2.0**-60, 2.0**60, 2.0**61):
        yield (x,)
    for edge in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0):
        for steps in (-2, -1, 1, 2):
            yield (edge * (1 + steps * 2.0**-52),)
    for _ in range(440):
        yield (log_uniform(-12, 1),)
        yield (log_uniform(0, 15),)
        yield (random.uniform(0.4, 17.0),)
        yield (beside(1.0),)
        yield (beside(2.0),)
        yield (beside(ROOT),)


def two_positive() -> Iterator[tuple[float, float]]:
    yield from [(1.0, 1.0), (2.0, 0.5), (16.0, 16.0), (1e-300, 1.0), (1e150, 1e150), (0.5, 1e300)]
    for _ in range(450):
        yield (log_uniform(-1, 2), log_uniform(-1, 2))
        yield (log_uniform(-6, 2), log_uniform(2, 15))
        yield (log_uniform(1, 12), log_uniform(1, 12))
        yield (random.uniform(10, 20), random.uniform(10, 20))
        yield (log_uniform(-10, 0), log_uniform(-10, 1.3))


def ratio_arguments() -> Iterator[tuple[float, float]]:
    for a, b in two_positive():
        yield (a, b)
        if random.random() < 0.3:
            yield (b, a)


def hypergeometric_arguments() -> Iterator[tuple[float, float, float, float]]:
    def z() -> float:
        return random.choice([random.random(), 1.0 - log_uniform(-3, 0), log_uniform(-8, 0) * 0.99])

    def x() -> float:
        return float(random.choice([0, 0, 1, 2, 5, 10, 30, 100, 1000, 10_000]))

    def r() -> float:
        return log_uniform(-2, 1)

    for a, b, c in [(1, 1, 1), (1, 1, 2), (2, 1, 2), (0.5, 0.5, 1.5), (3, 4, 0.25), (1, 1, 30)]:
        for at in (0.0, 1e-15, 0.25, 0.5, 0.9, 0.999):
            yield (float(a), float(b), float(c), at)
    for _ in range(420):
        # BG/NBD: expected purchases given the history, and of a new customer.
        a, b, n = r(), r(), x()
        if a + b + n > 1.001:
            yield (r() + n, b + n, a + b + n - 1.0, z())
        yield (r(), b, max(a + b - 1.0, 0.05), z())
        # Pareto/NBD: the likelihood, and purchases in an interval.
        s, n, rate = r(), x(), r()
        yield (rate + s + n, s + 1.0, rate + s + n + 1.0, z())
        yield (rate + s + n, rate + n, rate + s + n + 1.0, z())
        # Any, c below and above the others; then c - a - b an integer, or a parameter that repeats.
        yield (log_uniform(-1, 2), log_uniform(-1, 2), log_uniform(-1, 2), z())
        a, b = log_uniform(-1, 1), log_uniform(-1, 1)
        yield (a, b, random.choice([a, b, a + b, a + b + 1.0, a + b + 3.0, a + 1.0]), z())


def write(
    name: str,
    columns: str,
    rows: Iterator[tuple[float, ...]],
    function: Callable[..., mp.mpf],
) -> None:
    random.seed(name)
    count = 0
    with (HERE / f"special_{name}.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*columns.split(), "value", "rest"])
        for row in rows:
            with mp.workdps(60):
                value = function(*map(mp.mpf, row))
            with mp.workdps(120):
                again = function(*map(mp.mpf, row))
            assert abs(value - again) <= mp.mpf(10) ** -36 * max(abs(again), mp.mpf(10) ** -18), row
            high = float(again)
            with mp.workdps(120):
                rest = float(again - mp.mpf(high))
            out.writerow([v.hex() for v in (*row, high, rest)])
            count += 1
    assert count >= 2000, (name, count)
    print(f"special_{name}.csv: {count} rows")


def log_gamma_ratio(x: mp.mpf, n: mp.mpf) -> mp.mpf:
    """With digits enough for what the difference loses."""
    with mp.extradps(40 + int(max(mp.log10(1 + x), 0) + max(-mp.log10(n), 0))):
        return +(mp.loggamma(x + n) - mp.loggamma(x))


def log_beta(a: mp.mpf, b: mp.mpf) -> mp.mpf:
    a, b = min(a, b), max(a, b)
    with mp.extradps(60):
        return +(mp.loggamma(a) - log_gamma_ratio(b, a))


def log_gamma(x: mp.mpf) -> mp.mpf:
    with mp.extradps(60):
        return +mp.loggamma(x)


def log_hyp2f1(a: mp.mpf, b: mp.mpf, c: mp.mpf, z: mp.mpf) -> mp.mpf:
    with mp.extradps(20):
        return +mp.log(mp.hyp2f1(a, b, c, z, maxterms=10**7))


if __name__ == "__main__":
    write("lgamma", "x", one_positive(), log_gamma)
    write("digamma", "x", (r for r in one_positive() if r[0] > 1e-300), mp.digamma)
    write("trigamma", "x", (r for r in one_positive() if r[0] > 1e-150), lambda x: mp.psi(1, x))
    write("log_beta", "a b", two_positive(), log_beta)
    write("log_gamma_ratio", "x n", ratio_arguments(), log_gamma_ratio)
    write("log_hyp2f1", "a b c z", hypergeometric_arguments(), log_hyp2f1)
