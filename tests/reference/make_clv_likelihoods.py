"""Write clv_<model>_likelihood.csv: log-likelihoods at 50 digits.

One row a customer and parameter point: the arguments as hexadecimal floats, the log-likelihood, and
its gradient and Hessian (lower triangle by rows) in the logarithms of the parameters, by central
differences at 60 digits, computed again at 120 and compared (of the correlated Pareto/NBD every
tenth point). The formulas are those of the papers, in plain gamma and hypergeometric functions;
nothing is shared with the engine. Run with mpmath 1.4, all models or those named; takes some
minutes.
"""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path

import mpmath as mp

HERE = Path(__file__).parent
POINTS = 500


def bg_nbd(u, x, t_x, age):
    """Fader, Hardie & Lee 2005, eq. 3 integrated over the two heterogeneities (eq. 6)."""
    r, alpha, a, b = (mp.exp(v) for v in u)
    alive = mp.beta(a, b + x) / mp.beta(a, b) * (alpha + age) ** -(r + x)
    if x > 0:
        alive += mp.beta(a + 1, b + x - 1) / mp.beta(a, b) * (alpha + t_x) ** -(r + x)
    return mp.loggamma(r + x) - mp.loggamma(r) + r * mp.log(alpha) + mp.log(alive)


def mbg_nbd(u, x, t_x, age):
    """Batislam, Denizel & Filiztekin 2007, eq. 3; the BG/NBD model with a chance to leave at 0."""
    r, alpha, a, b = (mp.exp(v) for v in u)
    alive = mp.beta(a, b + x + 1) / mp.beta(a, b) * (alpha + age) ** -(r + x)
    left = mp.beta(a + 1, b + x) / mp.beta(a, b) * (alpha + t_x) ** -(r + x)
    return mp.loggamma(r + x) - mp.loggamma(r) + r * mp.log(alpha) + mp.log(alive + left)


def pareto_nbd(u, x, t_x, age):
    """Fader & Hardie 2005, A note on deriving the Pareto/NBD model, eqs. 17 to 22."""
    r, alpha, s, beta = (mp.exp(v) for v in u)
    total = r + s + x
    larger, second = (alpha, s + 1) if alpha >= beta else (beta, r + x)

    def primitive(t):
        z = abs(alpha - beta) / (larger + t)
        return mp.hyp2f1(total, second, total + 1, z, maxterms=10**6) / (larger + t) ** total

    stayed = (alpha + age) ** -(r + x) * (beta + age) ** -s
    left = s / total * (primitive(t_x) - primitive(age))
    gammas = mp.loggamma(r + x) - mp.loggamma(r)
    return gammas + r * mp.log(alpha) + s * mp.log(beta) + mp.log(stayed + left)


def sarmanov_limits(one, two):
    """Lee 1996, eq. 2.5: the m for which 1 + m (e1 - one) (e2 - two) >= 0 for e1, e2 in (0, 1)."""
    lowest = -1 / max(one * two, (1 - one) * (1 - two))
    return lowest, 1 / max(one * (1 - two), (1 - one) * two)


def correlated_pareto_nbd(u, x, t_x, age):
    """Park & Fader 2004, eqs. 5 to 7, for a Pareto/NBD model: the product of the two kernels
    multiplied out. Each kernel exp(-c rate) has c = 1 / mean rate, so that exp(-c rate) times a
    gamma density is again one, of another scale and another mass."""
    r, alpha, s, beta, odds = (mp.exp(v) for v in u)
    c_buy, c_leave = alpha / r, beta / s
    one, two = (alpha / (alpha + c_buy)) ** r, (beta / (beta + c_leave)) ** s
    lowest, highest = sarmanov_limits(one, two)
    m = (lowest + odds * highest) / (1 + odds)

    def likelihood(a, b):
        return mp.exp(pareto_nbd([mp.log(r), mp.log(a), mp.log(s), mp.log(b)], x, t_x, age))

    none = likelihood(alpha, beta)
    buy = one * likelihood(alpha + c_buy, beta)
    leave = two * likelihood(alpha, beta + c_leave)
    both = one * two * likelihood(alpha + c_buy, beta + c_leave)
    return mp.log(none + m * (both - two * buy - one * leave + one * two * none))


def nbd(u, x, t_x, age):
    """Ehrenberg 1959: the density of the times of x purchases, of which only T is in it."""
    r, alpha = (mp.exp(v) for v in u)
    return mp.loggamma(r + x) - mp.loggamma(r) + r * mp.log(alpha) - (r + x) * mp.log(alpha + age)


def cnbd(u, k, x, t_x, age, log_gaps, chances_to_leave):
    """Platzer & Reutterer 2016, the likelihood given lambda and p, integrated term by term.

    The running time between purchases has lasted for longer than T - t_x: less than k events of the
    Poisson process.
    """
    r, alpha, a, b = (mp.exp(v) for v in u)
    shape = int(k)
    gaps = (shape - 1) * log_gaps - x * mp.loggamma(shape)
    alive = sum(
        mp.gammaprod([r + k * x + j], [r, j + 1])
        * (age - t_x) ** j
        * alpha**r
        * (alpha + age) ** -(r + k * x + j)
        for j in range(shape)
    )
    outlived = chances_to_leave(x)
    alive *= mp.beta(a, b + outlived) / mp.beta(a, b)
    if outlived > 0:
        left = mp.gammaprod([r + k * x], [r]) * alpha**r * (alpha + t_x) ** -(r + k * x)
        alive += left * mp.beta(a + 1, b + outlived - 1) / mp.beta(a, b)
    return gaps + mp.log(alive)


def bg_cnbd(u, *data):
    return cnbd(u, *data, lambda x: x)


def mbg_cnbd(u, *data):
    """Reutterer, Platzer & Schroeder 2021: the first purchase is a chance to leave too."""
    return cnbd(u, *data, lambda x: x + 1)


def gamma_gamma(u, x, m):
    """Fader & Hardie 2013, eq. 1a."""
    p, q, g = (mp.exp(v) for v in u)
    return (
        mp.loggamma(p * x + q)
        - mp.loggamma(p * x)
        - mp.loggamma(q)
        + q * mp.log(g)
        + (p * x - 1) * mp.log(m)
        + p * x * mp.log(x)
        - (p * x + q) * mp.log(g + m * x)
    )


def bg_bb(u, x, t_x, n):
    """Fader, Hardie & Shang 2010, eq. 5."""
    alpha, beta, gamma, delta = (mp.exp(v) for v in u)
    total = mp.beta(alpha + x, beta + n - x) * mp.beta(gamma, delta + n)
    for i in range(int(n - t_x)):
        left = mp.beta(gamma + 1, delta + t_x + i)
        total += mp.beta(alpha + x, beta + t_x - x + i) * left
    return mp.log(total / mp.beta(alpha, beta) / mp.beta(gamma, delta))


def derivatives(f, u):
    """Value, gradient and lower triangle of the Hessian, by central differences."""
    n = len(u)
    h = mp.mpf(10) ** -12
    value = f(u)

    def moved(*steps):
        v = list(u)
        for i, s in steps:
            v[i] += s * h
        return f(v)

    up = [moved((i, 1)) for i in range(n)]
    down = [moved((i, -1)) for i in range(n)]
    gradient = [(up[i] - down[i]) / (2 * h) for i in range(n)]
    hessian = []
    for i in range(n):
        for j in range(i):
            cross = moved((i, 1), (j, 1)) + moved((i, -1), (j, -1))
            cross -= moved((i, 1), (j, -1)) + moved((i, -1), (j, 1))
            hessian.append(cross / (4 * h * h))
        hessian.append((up[i] + down[i] - 2 * value) / (h * h))
    return [value, *gradient, *hessian]


def write(name, parameters, arguments, f, points, again=1):
    """Every `again`-th point is computed at 120 digits too."""
    n = len(parameters)
    triangle = [f"h_{parameters[i]}_{parameters[j]}" for i in range(n) for j in range(i + 1)]
    head = [*parameters, *arguments, "value", *(f"g_{p}" for p in parameters), *triangle]
    with (HERE / name).open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(head)
        for i, (theta, data) in enumerate(points):
            # Twice the digits must tell the same: of the differences and of the formula.
            rows = []
            for digits in (60, 120) if i % again == 0 else (60,):
                with mp.workdps(digits):
                    u = [mp.log(mp.mpf(v)) for v in theta]
                    rows.append(derivatives(lambda v, d=data: f(v, *map(mp.mpf, d)), u))
            for one, two in zip(rows[0], rows[-1], strict=True):
                assert abs(one - two) <= mp.mpf(10) ** -17 * max(1, abs(two)), (theta, data)
            # What is 0 comes out of differences as their rounding.
            told = [
                v if abs(v) > mp.mpf(10) ** (-60 if len(rows) > 1 else -30) else 0 for v in rows[-1]
            ]
            numbers = [float(v) for v in (*theta, *data, *told)]
            out.writerow([v.hex() for v in numbers])


def around(rng, middle, spread):
    return middle * 10 ** rng.uniform(-spread, spread)


def bg_nbd_points(rng):
    corners = [
        ((0.25, 4.0, 0.8, 2.5), (0.0, 0.0, 40.0)),
        ((0.25, 4.0, 0.8, 2.5), (200.0, 38.0, 40.0)),
        ((0.25, 4.0, 0.8, 2.5), (0.0, 0.0, 0.0)),
        ((0.25, 4.0, 0.8, 2.5), (1.0, 39.0, 39.0)),
        ((0.25, 4.0, 0.8, 2.5), (1e6, 364.0, 365.0)),
        ((0.25, 4.0, 0.8, 2.5), (1e6, 365.0, 365.0)),
        ((0.25, 4.0, 0.8, 2.5), (5000.0, 1.0, 77.0)),
        ((0.25, 4.0, 0.8, 2.5), (1000.0, 1e-3, 77.0)),
        ((1e-3, 4.0, 1e-3, 2.5), (3.0, 10.0, 40.0)),
        ((1e6, 1e7, 0.8, 2.5), (3.0, 10.0, 40.0)),
        ((0.25, 4.0, 1e6, 3e6), (7.0, 10.0, 40.0)),
        ((0.25, 4.0, 1e-8, 2.5), (7.0, 10.0, 40.0)),
        ((0.25, 4.0, 0.8, 1e-6), (1.0, 10.0, 40.0)),
        ((0.25, 1e-6, 0.8, 2.5), (2.0, 10.0, 40.0)),
        ((0.25, 1e6, 0.8, 2.5), (2.0, 10.0, 40.0)),
        ((30.0, 5.0, 20.0, 40.0), (50.0, 17.0, 20.0)),
        ((17.0, 5.0, 16.0, 40.0), (150.0, 17.0, 20.0)),
    ]
    while len(corners) < POINTS:
        theta = tuple(around(rng, m, 1.5) for m in (0.5, 5.0, 0.8, 2.5))
        age = rng.uniform(0.0, 100.0)
        kind = rng.random()
        x = 0 if kind < 0.2 else rng.randint(1, 8) if kind < 0.6 else rng.randint(1, 400)
        t_x = 0.0 if x == 0 else age * (1.0 if rng.random() < 0.1 else rng.uniform(0.01, 1.0))
        corners.append((theta, (float(x), t_x, age)))
    return corners


def nbd_points(rng):
    return [(theta[:2], data) for theta, data in bg_nbd_points(rng)]


def cnbd_points(rng):
    """The same customers with k from 1 to 12, and any gaps: they are a constant."""
    points = []
    for i, (theta, (x, t_x, age)) in enumerate(bg_nbd_points(rng)):
        k = 1.0 + i % 12
        theta = (theta[0], theta[1] / k, *theta[2:])
        log_gaps = 0.0 if x == 0.0 else x * rng.uniform(-3.0, 3.0)
        points.append((theta, (k, x, t_x, age, log_gaps)))
    return points


def pareto_nbd_points(rng):
    cdnow = (0.55, 10.6, 0.61, 11.7)
    corners = [
        (cdnow, (0.0, 0.0, 40.0)),
        (cdnow, (0.0, 0.0, 0.0)),
        (cdnow, (1.0, 39.0, 39.0)),
        (cdnow, (132.0, 200.0, 200.0)),
        (cdnow, (5000.0, 1.0, 77.0)),
        (cdnow, (5000.0, 76.0, 77.0)),
        (cdnow, (30.0, 1e-3, 77.0)),
        ((0.55, 1e-4, 0.61, 11.7), (2.0, 10.0, 40.0)),
        ((0.55, 10.6, 0.61, 1e-4), (2.0, 10.0, 40.0)),
        ((0.55, 10.6, 0.61, 1e-4), (0.0, 0.0, 40.0)),
        ((0.55, 10.6, 0.61, 1e4), (2.0, 10.0, 40.0)),
        ((0.55, 1e4, 0.61, 11.7), (2.0, 10.0, 40.0)),
        ((1e-3, 10.6, 1e-3, 11.7), (3.0, 10.0, 40.0)),
        ((50.0, 20.0, 30.0, 300.0), (60.0, 30.0, 40.0)),
        ((0.5143, 2.8845, 0.2856, 14.1087), (221.0, 103.42857, 103.57143)),
        ((10.465, 0.00798565, 3.0516, 2.820), (4.0, 10.0, 40.0)),
        ((5.0, 5.0, 5.0, 5.0), (4.0, 10.0, 40.0)),
    ]
    while len(corners) < POINTS:
        theta = tuple(around(rng, m, 1.2) for m in (0.6, 8.0, 0.6, 10.0))
        age = rng.uniform(0.0, 100.0)
        kind = rng.random()
        x = 0 if kind < 0.2 else rng.randint(1, 8) if kind < 0.6 else rng.randint(1, 400)
        t_x = 0.0 if x == 0 else age * (1.0 if rng.random() < 0.1 else rng.uniform(0.01, 1.0))
        corners.append((theta, (float(x), t_x, age)))
    return corners


def correlated_pareto_nbd_points(rng):
    """The customers of Pareto/NBD, with odds of m within its range on both sides and near both.

    Where r = s a limit of m has a corner, and no derivative: s is then another.
    """
    far = (1e-6, 1e-2, 1.0, 1e2, 1e6)
    points = []
    for i, ((r, alpha, s, beta), data) in enumerate(pareto_nbd_points(rng)):
        odds = far[i % 5] if i < 40 else around(rng, 1.0, 1.5)
        points.append(((r, alpha, 1.1 * s if s == r else s, beta, odds), data))
    return points


def gamma_gamma_points(rng):
    points = [
        ((6.25, 3.74, 15.44), (1.0, 40.0)),
        ((6.25, 3.74, 15.44), (1e6, 40.0)),
        ((6.25, 3.74, 15.44), (3.0, 1e-6)),
        ((6.25, 3.74, 15.44), (3.0, 1e9)),
        ((1e4, 3.74, 15.44), (3.0, 30.0)),
        ((6.25, 1e4, 1e5), (3.0, 30.0)),
        ((1e-2, 1e-2, 1e-2), (3.0, 30.0)),
    ]
    while len(points) < POINTS // 2:
        theta = tuple(around(rng, m, 1.2) for m in (6.0, 4.0, 15.0))
        points.append((theta, (float(rng.randint(1, 60)), around(rng, 30.0, 1.5))))
    return points


def bg_bb_points(rng):
    donations = (1.203528, 0.749726, 0.6567808, 2.783796)
    corners = [
        (donations, (0.0, 0.0, 0.0)),
        (donations, (0.0, 0.0, 6.0)),
        (donations, (6.0, 6.0, 6.0)),
        (donations, (1.0, 1.0, 1.0)),
        (donations, (5000.0, 9990.0, 10_000.0)),
        (donations, (10_000.0, 10_000.0, 10_000.0)),
        (donations, (1.0, 9995.0, 10_000.0)),
        (donations, (0.0, 0.0, 300.0)),
        (donations, (150.0, 160.0, 300.0)),
        ((1e6, 2e6, 0.66, 2.8), (3.0, 5.0, 12.0)),
        ((1.2, 0.75, 1e6, 1e7), (3.0, 5.0, 12.0)),
        ((1e-6, 2e-6, 0.66, 2.8), (3.0, 5.0, 12.0)),
        ((1.2, 0.75, 1e-8, 2.8), (3.0, 5.0, 12.0)),
        ((1.2, 0.75, 0.66, 1e-8), (3.0, 5.0, 12.0)),
        ((1e-6, 1e6, 1e-6, 1e6), (3.0, 5.0, 12.0)),
    ]
    while len(corners) < POINTS:
        theta = tuple(around(rng, m, 1.2) for m in (1.2, 0.8, 0.7, 2.8))
        n = rng.randint(1, 12) if rng.random() < 0.7 else rng.randint(13, 40)
        t_x = 0 if rng.random() < 0.15 else rng.randint(1, n)
        x = 0 if t_x == 0 else rng.randint(1, t_x)
        corners.append((theta, (float(x), float(t_x), float(n))))
    return corners


PURCHASES = ["x", "t_x", "T"]
OPPORTUNITIES = ["x", "t_x", "n"]
REGULAR = ["k", *PURCHASES, "log_gaps"]
MODELS = {
    "bg_bb": (["alpha", "beta", "gamma", "delta"], OPPORTUNITIES, bg_bb, bg_bb_points),
    "bg_nbd": (["r", "alpha", "a", "b"], PURCHASES, bg_nbd, bg_nbd_points),
    "bg_cnbd": (["r", "alpha", "a", "b"], REGULAR, bg_cnbd, cnbd_points),
    "correlated_pareto_nbd": (
        ["r", "alpha", "s", "beta", "odds"],
        PURCHASES,
        correlated_pareto_nbd,
        correlated_pareto_nbd_points,
    ),
    "gamma_gamma": (["p", "q", "gamma"], ["x", "m"], gamma_gamma, gamma_gamma_points),
    "mbg_cnbd": (["r", "alpha", "a", "b"], REGULAR, mbg_cnbd, cnbd_points),
    "mbg_nbd": (["r", "alpha", "a", "b"], PURCHASES, mbg_nbd, bg_nbd_points),
    "nbd": (["r", "alpha"], PURCHASES, nbd, nbd_points),
    "pareto_nbd": (["r", "alpha", "s", "beta"], PURCHASES, pareto_nbd, pareto_nbd_points),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or MODELS:
        parameters, arguments, f, points = MODELS[name]
        table = points(random.Random(20050302))
        again = 10 if name == "correlated_pareto_nbd" else 1  # four times the work a point
        write(f"clv_{name}_likelihood.csv", parameters, arguments, f, table, again)
