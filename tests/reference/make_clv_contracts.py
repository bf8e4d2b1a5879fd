"""Write clv_<model>_likelihood.csv and clv_<model>_residual.csv for the models of contracts.

Likelihoods as in make_clv_likelihoods.py: one customer with n renewals, lost or not, at 500 points.
Residual lifetimes: the discounted sum over the renewals to come of S(n + k) / S(n) and the same
weighted by k, for the shifted beta-geometric model in the closed form of Fader & Hardie (2010), for
the others term by term, and beyond some thousand terms by an integral with mpmath's own
derivatives. S(n) is written in gamma functions, nothing is shared with the engine. Run with mpmath
1.4, all models or those named; takes minutes.
"""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path

import mpmath as mp
from make_clv_likelihoods import POINTS, around, write

HERE = Path(__file__).parent
LONGEST = 1200  # terms summed one by one


def beta_share(alpha, beta, x):
    """B(alpha, beta + x) / B(alpha, beta); the digits lost to a large x are added."""
    lost = int(abs(mp.log10(x + alpha + beta + 1))) if x else 0
    with mp.extradps(15 + 2 * lost):
        told = mp.loggamma(beta + x) - mp.loggamma(alpha + beta + x)
        return mp.exp(told + mp.loggamma(alpha + beta) - mp.loggamma(beta))


def shifted_beta_geometric(theta, n):
    """Fader & Hardie 2007, eq. 6."""
    return beta_share(*theta, n)


def beta_discrete_weibull(theta, n):
    """Fader, Hardie, Liu, Davin & Steenburgh 2018: the mean of (1 - theta)^(n^c)."""
    alpha, beta, c = theta
    return beta_share(alpha, beta, n**c)


def discrete_weibull(theta, n):
    """Nakagawa & Osaki 1975, with rate = -log(1 - theta)."""
    rate, c = theta
    return mp.exp(-rate * n**c)


def log_likelihood(share):
    def f(u, n, churned):
        with mp.extradps(60):
            theta = [mp.exp(v) for v in u]
            return mp.log(share(theta, n) - (share(theta, n + 1) if churned else 0))

    return f


def residual(share, theta, n, rate, horizon):
    """Sums over k of v^(k-1) S(n + k) / S(n), plain and times k."""
    with mp.extradps(10):
        now = share(theta, n)

        def term(k):
            return mp.exp(-rate * (k - 1)) * share(theta, n + k) / now

        plain = weighted = mp.mpf(0)
        k = mp.mpf(1)
        while k <= min(horizon, LONGEST):
            t = term(k)
            plain += t
            weighted += k * t
            k += 1
            if rate > 0 and t * k < mp.mpf(10) ** -25 * rate * rate * plain:
                return plain, weighted
        if k > horizon:
            return plain, weighted
        more = [euler_maclaurin(lambda k, p=p: k**p * term(k), k, horizon) for p in (0, 1)]
        return plain + more[0], weighted + more[1]


def euler_maclaurin(f, first, last):
    """Sum of f over first, first + 1, ..., last by the trapezium's formula [DLMF 2.10.1]."""
    edges = [(first, 1)] if mp.isinf(last) else [(first, 1), (last, -1)]
    end, least = first, f(first) * mp.mpf(10) ** -28
    while end < last and f(end) * end > least:
        end = min(2 * end, last)
    nodes = [mp.log(first), *(mp.log(first) + 2 * i for i in range(1, 60)), mp.log(end)]
    nodes = [w for w in nodes if w <= mp.log(end)]
    total = mp.quad(lambda w: mp.exp(w) * f(mp.exp(w)), nodes, method="gauss-legendre")
    for at, sign in edges:
        total += f(at) / 2 - sign * mp.diff(f, at) / 12 + sign * mp.diff(f, at, 3) / 720
    return total


def beta_geometric_residual(theta, n, rate, horizon):
    if not mp.isinf(horizon):
        return residual(shifted_beta_geometric, theta, n, rate, horizon)
    alpha, beta = theta
    retention = (beta + n) / (alpha + beta + n)
    v = mp.exp(-rate)
    return tuple(
        retention * mp.hyp2f1(power, beta + n + 1, alpha + beta + n + 1, v) for power in (1, 2)
    )


# --- where ---------------------------------------------------------------------------------------


def renewals(rng):
    kind = rng.random()
    if kind < 0.15:
        return 0.0
    if kind < 0.7:
        return float(rng.randint(1, 24))
    return float(int(10 ** rng.uniform(1.0, 6.0)))


def points_of(corners, middle, spread, least):
    """The corners, each lost and not, and random ones."""

    def points(rng):
        told = [(t, (n, churned)) for t, n in corners for churned in (0.0, 1.0) if n or churned]
        while len(told) < POINTS:
            theta = tuple(around(rng, m, s) for m, s in zip(middle, spread, strict=True))
            n, churned = renewals(rng), float(rng.random() < 0.7)
            # Shares below 1e-300 are no doubles, and customers without a renewal tell nothing.
            if (n or churned) and least(theta, n + 1):
                told.append((theta, (n, churned)))
        return told

    return points


def beta_corners(with_c):
    extremes = [
        ((0.704, 1.182), 7.0),
        ((0.704, 1.182), 0.0),
        ((0.704, 1.182), 1e6),
        ((1e-8, 1.0), 5.0),
        ((1e-8, 1e-8), 5.0),
        ((1e-6, 1e6), 12.0),
        ((1e8, 1e8), 7.0),
        ((1e6, 1e10), 1000.0),
        ((1e10, 1e12), 3.0),
        ((3.0, 1e-8), 2.0),
        ((15.9, 16.1), 20.0),
        ((0.5, 1e6), 1e6),
    ]
    if not with_c:
        return extremes
    shapes = (1e-3, 0.3, 1.0, 1.7, 20.0)
    told = [((a, b, c), n) for (a, b), n in extremes for c in shapes if a * n**c / (b + 1) < 400]
    return [*told, ((1e-3, 1.0, 20.0), 1e6), ((0.2, 1.4, 20.0), 1000.0), ((2.0, 1e3, 1e-3), 1e6)]


WEIBULL_CORNERS = [
    ((0.4685, 0.6359), 7.0),
    ((0.4685, 0.6359), 0.0),
    ((0.2, 1e-3), 1e6),
    ((1e-10, 1.0), 3.0),
    ((1e-120, 20.0), 1e6),
    ((1e-9, 1.5), 1e6),
    ((30.0, 0.05), 100.0),
    ((1e-3, 20.0), 1.0),
]

MODELS = {
    "shifted_beta_geometric": (
        ["alpha", "beta"],
        shifted_beta_geometric,
        points_of(beta_corners(False), (0.8, 2.0), (2.0, 2.0), lambda t, n: t[0] < 60),
    ),
    "beta_discrete_weibull": (
        ["alpha", "beta", "c"],
        beta_discrete_weibull,
        points_of(
            beta_corners(True), (0.6, 1.5, 1.1), (1.5, 1.5, 0.6), lambda t, n: t[0] * t[2] < 40
        ),
    ),
    "discrete_weibull": (
        ["rate", "c"],
        discrete_weibull,
        points_of(WEIBULL_CORNERS, (0.2, 0.8), (2.0, 0.7), lambda t, n: t[0] * n ** t[1] < 600),
    ),
}

INFINITE = float("inf")
RESIDUALS = {
    "shifted_beta_geometric": [
        *(((3.8, 15.2), float(n), 0.0953, INFINITE) for n in range(5)),
        *(((0.067, 0.267), float(n), 0.0953, INFINITE) for n in range(5)),
        ((0.704, 1.182), 0.0, 0.008, INFINITE),
        ((0.704, 1.182), 7.0, 1e-4, INFINITE),
        ((0.704, 1.182), 1e6, 1e-4, INFINITE),
        ((0.704, 1.182), 7.0, 1e-7, INFINITE),
        ((1e-3, 1.0), 2.0, 1e-3, INFINITE),
        ((1e3, 1e5), 3.0, 1e-3, INFINITE),
        ((5.0, 1e-3), 0.0, 0.1, INFINITE),
        ((0.704, 1.182), 7.0, 0.008, 12.0),
        ((0.704, 1.182), 7.0, 0.0, 1.0),
        ((0.704, 1.182), 7.0, 0.0, 400.0),
        ((0.704, 1.182), 0.0, 1e-3, 1e5),
        ((0.704, 1.182), 300.0, 0.0, 1e4),
        ((3.0, 40.0), 5.0, 1e-3, INFINITE),
    ],
    "beta_discrete_weibull": [
        ((0.5231, 0.8944, 1.1963), 0.0, 0.1, INFINITE),
        ((0.5231, 0.8944, 1.1963), 4.0, 0.008, INFINITE),
        ((0.2593, 1.7225, 1.5844), 4.0, 1e-3, INFINITE),
        ((0.2593, 1.7225, 1.5844), 4.0, 0.0, 300.0),
        ((0.2593, 1.7225, 1.5844), 4.0, 0.0, 1e4),
        ((2.0, 5.0, 2.0), 1.0, 0.0, INFINITE),
        ((1.3, 2.0, 3.0), 0.0, 0.0, INFINITE),
        ((2.5, 50.0, 1.2), 100.0, 0.0, INFINITE),
        ((3.0, 1e4, 4.0), 2.0, 0.01, INFINITE),
        ((30.0, 200.0, 0.5), 10.0, 1e-4, INFINITE),
        ((1e6, 1e9, 1.5), 10.0, 1e-3, INFINITE),
        ((0.5, 1e12, 20.0), 0.0, 0.05, INFINITE),
        ((0.05, 0.2, 0.3), 1e5, 0.01, INFINITE),
        ((0.5231, 0.8944, 1.1963), 1e6, 1e-3, INFINITE),
    ],
    "discrete_weibull": [
        ((0.4685, 0.6359), 0.0, 0.1, INFINITE),
        ((0.4685, 0.6359), 4.0, 0.0, INFINITE),
        ((0.149, 0.9101), 4.0, 0.008, INFINITE),
        ((0.149, 0.9101), 4.0, 0.0, 12.0),
        ((0.01, 1.0), 50.0, 0.0, INFINITE),
        ((1e-4, 1.5), 10.0, 0.0, INFINITE),
        ((1e-4, 1.5), 10.0, 1e-3, 500.0),
        ((2.0, 0.2), 3.0, 0.0, INFINITE),
        ((1e-30, 10.0), 0.0, 0.0, INFINITE),
        ((1e-60, 20.0), 0.0, 0.0, INFINITE),
        ((1e-8, 1.2), 1e6, 0.0, INFINITE),
    ],
}


def write_residuals(name, parameters, share):
    with (HERE / f"clv_{name}_residual.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*parameters, "n", "rate", "horizon", "lifetime", "elasticity"])
        for theta, *data in RESIDUALS[name]:
            rows = []
            for digits in (22, 32):
                with mp.workdps(digits):
                    at, (n, rate, horizon) = [mp.mpf(v) for v in theta], map(mp.mpf, data)
                    if share is shifted_beta_geometric:
                        plain, weighted = beta_geometric_residual(at, n, rate, horizon)
                    else:
                        plain, weighted = residual(share, at, n, rate, horizon)
                    rows.append((plain, weighted / plain))
            for one, two in zip(*rows, strict=True):
                assert abs(one - two) <= mp.mpf(10) ** -15 * abs(two), (theta, data, one, two)
            out.writerow([float(v).hex() for v in (*theta, *data, *rows[1])])
            file.flush()


if __name__ == "__main__":
    for name in sys.argv[1:] or MODELS:
        parameters, share, points = MODELS[name]
        table = points(random.Random(20070201))
        write(
            f"clv_{name}_likelihood.csv", parameters, ["n", "churned"], log_likelihood(share), table
        )
        write_residuals(name, parameters, share)
