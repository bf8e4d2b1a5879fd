"""Write clv_bg_nbd_predictions.csv: BG/NBD predictions of single customers by mpmath.

One row a parameter point, customer, horizon and discount rate: P(alive) [Fader, Hardie & Lee 2008,
note 021], the expected purchases of eq. 10 through 2F1, and their discounted value, the integral
over the horizon of the expected rate of purchases times exp(-rate s), the rate from the defining
integral over p (a beta density) after lambda has been integrated out. Nothing is shared with the
engine, which sums other series. Run with mpmath 1.4; takes five minutes.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

import mpmath as mp

HERE = Path(__file__).parent


def alive(r, alpha, a, b, x, t_x, age):
    if x == 0:
        return mp.mpf(1)
    odds = a / (b + x - 1) * ((alpha + age) / (alpha + t_x)) ** (r + x)
    return 1 / (1 + odds)


def expected_if_alive(r, alpha, a, b, x, age, t):
    """Eq. 10 without its denominator; a is moved off 1, where it is a limit."""
    with mp.extradps(60):
        if a == 1:
            a += mp.mpf(10) ** -40
        z = t / (alpha + age + t)
        none = (1 - z) ** (r + x) * mp.hyp2f1(r + x, b + x, a + b + x - 1, z)
        return (a + b + x - 1) / (a - 1) * (1 - none)


def rate_if_alive(r, alpha, a, b, x, age, s):
    """E[lambda exp(-lambda p s)] for lambda ~ gamma(r + x, alpha + T), p ~ beta(a, b + x)."""
    w = s / (alpha + age)
    return (r + x) / (alpha + age) * mp.hyp2f1(r + x + 1, a, a + b + x, -w)


def row(theta, data, horizon, rate):
    theta = [mp.mpf(v) for v in theta]
    x, t_x, age = (mp.mpf(v) for v in data)
    horizon, rate = mp.mpf(horizon), mp.mpf(rate)
    p = alive(*theta, x, t_x, age)
    cet = p * expected_if_alive(*theta, x, age, horizon)
    pieces = mp.linspace(0, horizon, 9)
    pieces = sorted({*pieces, *(h for h in (horizon / 1000, horizon / 100) if h > 0)})
    det = p * mp.quad(lambda s: rate_if_alive(*theta, x, age, s) * mp.exp(-rate * s), pieces)
    return [p, cet, det]


def main():
    rng = random.Random(7)
    cdnow = (0.24259452, 4.4136020, 0.7929220, 2.4259068)
    points = [
        (cdnow, (2.0, 30.43, 38.86), 39.0, 0.002),
        (cdnow, (0.0, 0.0, 0.0), 52.0, 0.002),
        (cdnow, (0.0, 0.0, 38.0), 1e-6, 0.002),
        (cdnow, (26.0, 30.857142857142858, 31.0), 52.0, 0.002),
        (cdnow, (400.0, 38.0, 39.0), 520.0, 0.01),
        (cdnow, (5000.0, 38.0, 39.0), 39.0, 0.01),
        (cdnow, (3.0, 10.0, 39.0), 5200.0, 0.05),
        ((0.3, 0.001, 0.8, 2.0), (0.0, 0.0, 0.0), 100.0, 0.01),
        ((0.5, 5.0, 1.0, 2.0), (4.0, 10.0, 30.0), 20.0, 0.01),
        ((0.5, 5.0, 1.0 + 1e-9, 2.0), (4.0, 10.0, 30.0), 20.0, 0.01),
        ((0.5, 5.0, 0.01, 2.0), (4.0, 10.0, 30.0), 20.0, 0.01),
        ((0.5, 5.0, 0.01, 2.0), (4.0, 10.0, 30.0), 20000.0, 0.01),
        ((0.5, 5.0, 50.0, 200.0), (4.0, 10.0, 30.0), 20.0, 0.01),
        ((20.0, 2.0, 30.0, 3.0), (60.0, 29.0, 30.0), 200.0, 0.3),
    ]
    while len(points) < 120:
        theta = tuple(m * 10 ** rng.uniform(-1.2, 1.2) for m in (0.5, 5.0, 0.8, 2.5))
        age = rng.uniform(0.5, 100.0)
        x = rng.choice([0, 1, 2, 3, 5, 10, 40])
        t_x = 0.0 if x == 0 else age * rng.uniform(0.05, 1.0)
        points.append(
            (theta, (float(x), t_x, age), 10 ** rng.uniform(-1, 2.5), 10 ** rng.uniform(-4, -0.5))
        )
    head = ["r", "alpha", "a", "b", "x", "t_x", "T", "horizon", "rate", "alive", "cet", "det"]
    with (HERE / "clv_bg_nbd_predictions.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(head)
        for theta, data, horizon, rate in points:
            results = []
            for digits in (30, 45):
                with mp.workdps(digits):
                    results.append(row(theta, data, horizon, rate))
            for one, two in zip(*results, strict=True):
                assert abs(one - two) <= mp.mpf(10) ** -15 * abs(two), (
                    theta,
                    data,
                    horizon,
                    one,
                    two,
                )
            numbers = [float(v) for v in (*theta, *data, horizon, rate, *results[1])]
            out.writerow([v.hex() for v in numbers])


if __name__ == "__main__":
    main()
