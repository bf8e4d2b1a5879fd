"""Write clv_<model>_predictions.csv: predictions of single customers by mpmath.

One row a parameter point, customer, horizon and discount rate: P(alive), the expected purchases in
the closed form of the papers, and their discounted value, the integral over the horizon of the
expected rate of purchases times exp(-rate s). Nothing is shared with the engine, which sums other
series and integrates otherwise. Run with mpmath 1.4, all models or those named; takes minutes.
"""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path

import mpmath as mp
from make_clv_likelihoods import pareto_nbd as pareto_nbd_log_likelihood

HERE = Path(__file__).parent


def alive(r, alpha, a, b, x, t_x, age):
    """BG/NBD [Fader, Hardie & Lee 2008, note 021]."""
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


def discounted(rate_if_alive, horizon, rate):
    pieces = mp.linspace(0, horizon, 9)
    pieces = sorted({*pieces, *(h for h in (horizon / 1000, horizon / 100) if h > 0)})
    return mp.quad(lambda s: rate_if_alive(s) * mp.exp(-rate * s), pieces)


def bg_nbd(theta, data, horizon, rate):
    x, t_x, age = data
    p = alive(*theta, x, t_x, age)
    cet = p * expected_if_alive(*theta, x, age, horizon)
    return [p, cet, p * discounted(lambda s: rate_if_alive(*theta, x, age, s), horizon, rate)]


def mbg_nbd(theta, data, horizon, rate):
    """One more chance to leave than in the BG/NBD model: after the first purchase."""
    r, alpha, a, b = theta
    x, t_x, age = data
    p = 1 / (1 + a / (b + x) * ((alpha + age) / (alpha + t_x)) ** (r + x))
    after = (r, alpha, a, b + 1)
    cet = p * expected_if_alive(*after, x, age, horizon)
    return [p, cet, p * discounted(lambda s: rate_if_alive(*after, x, age, s), horizon, rate)]


def pareto_nbd(theta, data, horizon, rate):
    """Fader & Hardie 2005, A note on deriving the Pareto/NBD model, eqs. 36 and 41."""
    r, alpha, s, beta = theta
    x, t_x, age = data
    stayed = mp.loggamma(r + x) - mp.loggamma(r) + r * mp.log(alpha) + s * mp.log(beta)
    stayed -= (r + x) * mp.log(alpha + age) + s * mp.log(beta + age)
    with mp.extradps(30):
        told = pareto_nbd_log_likelihood([mp.log(v) for v in theta], x, t_x, age)
    p = mp.exp(stayed - told)
    speed = (r + x) / (alpha + age)
    with mp.extradps(60):
        off = s + mp.mpf(10) ** -40 if s == 1 else s
        shrunk = ((beta + age) / (beta + age + horizon)) ** (off - 1)
        cet = p * speed * (beta + age) / (off - 1) * (1 - shrunk)

    def rate_if_alive(u):
        return speed * ((beta + age) / (beta + age + u)) ** s

    return [p, cet, p * discounted(rate_if_alive, horizon, rate)]


def bg_nbd_points(rng):
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
    return points


def pareto_nbd_points(rng):
    cdnow = (0.553277047, 10.5776835, 0.606239989, 11.6687353)
    points = [
        (cdnow, (2.0, 30.43, 38.86), 39.0, 0.002),
        (cdnow, (0.0, 0.0, 0.0), 52.0, 0.002),
        (cdnow, (0.0, 0.0, 38.0), 1e-6, 0.002),
        (cdnow, (26.0, 30.857142857142858, 31.0), 52.0, 0.002),
        (cdnow, (133.0, 200.0, 200.0), 10.0, 0.01),
        (cdnow, (400.0, 38.0, 39.0), 520.0, 0.01),
        (cdnow, (5000.0, 38.0, 39.0), 39.0, 0.01),
        (cdnow, (3.0, 10.0, 39.0), 5200.0, 0.05),
        ((0.5, 5.0, 1.0, 2.0), (4.0, 10.0, 30.0), 20.0, 0.01),
        ((0.5, 5.0, 1.0 + 1e-9, 2.0), (4.0, 10.0, 30.0), 20.0, 0.01),
        ((0.5, 1e-3, 0.6, 12.0), (4.0, 10.0, 30.0), 20.0, 0.01),
        ((0.5, 5.0, 0.6, 1e-3), (4.0, 10.0, 30.0), 20.0, 0.01),
        ((20.0, 2.0, 30.0, 300.0), (60.0, 29.0, 30.0), 200.0, 0.3),
    ]
    while len(points) < 120:
        theta = tuple(m * 10 ** rng.uniform(-1.2, 1.2) for m in (0.6, 8.0, 0.6, 10.0))
        age = rng.uniform(0.5, 100.0)
        x = rng.choice([0, 1, 2, 3, 5, 10, 40])
        t_x = 0.0 if x == 0 else age * rng.uniform(0.05, 1.0)
        points.append(
            (theta, (float(x), t_x, age), 10 ** rng.uniform(-1, 2.5), 10 ** rng.uniform(-4, -0.5))
        )
    return points


def write(name, parameters, row, points):
    head = [*parameters, "x", "t_x", "T", "horizon", "rate", "alive", "cet", "det"]
    with (HERE / f"clv_{name}_predictions.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(head)
        for theta, data, horizon, rate in points:
            results = []
            for digits in (30, 45):
                with mp.workdps(digits):
                    exact = [[mp.mpf(v) for v in numbers] for numbers in (theta, data)]
                    results.append(row(*exact, mp.mpf(horizon), mp.mpf(rate)))
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


MODELS = {
    "bg_nbd": (["r", "alpha", "a", "b"], bg_nbd, bg_nbd_points),
    "mbg_nbd": (["r", "alpha", "a", "b"], mbg_nbd, bg_nbd_points),
    "pareto_nbd": (["r", "alpha", "s", "beta"], pareto_nbd, pareto_nbd_points),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or MODELS:
        parameters, row, points = MODELS[name]
        write(name, parameters, row, points(random.Random(7)))
