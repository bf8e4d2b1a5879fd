"""Write clv_ggompertz_nbd_{likelihood,derivatives,predictions}.csv: GGompertz/NBD by mpmath.

One row a customer and parameter point: the log-likelihood; and with a horizon and a discount rate
P(alive), the expected purchases and their discounted value. All are integrals over the time of
leaving as the model says, by mpmath's quadrature over pieces that shrink towards the last purchase,
at 30 and 45 digits, which must agree. Gradient and Hessian of some of them, in the logarithms
of the parameters, are central differences at 60 digits of sums over fixed nodes, with twice as many
nodes that must tell the same. Nothing is shared with the engine. Run with mpmath 1.4, all or those
named; takes minutes, and the derivatives half an hour, or a quarter of that with gmpy2.
"""

from __future__ import annotations

import csv
import itertools
import random
import sys
from pathlib import Path

import mpmath as mp
from make_clv_likelihoods import derivatives
from mpmath.calculus.quadrature import GaussLegendre

HERE = Path(__file__).parent
PARAMETERS = ["r", "alpha", "b", "s", "beta"]


def survives(b, s, beta, t):
    """P(lifetime > t): Bemmaor & Glady 2012, eq. 2 mixed over the gamma distribution of eta."""
    return (beta / (beta + mp.expm1(b * t))) ** s


def leaves(b, s, beta, t):
    """Density of the lifetime."""
    grown = beta + mp.expm1(b * t)
    return s * b * mp.exp(b * t) * beta**s / grown ** (s + 1)


def integral(f, low, high):
    span = high - low
    pieces = [low, *(low + span * mp.mpf(2) ** -k for k in range(10, -1, -1))]
    return mp.quad(f, pieces, method="gauss-legendre")


def parts(theta, x, t_x, age):
    """Likelihood of having stayed and of having left, relative to being there at t_x.

    mpmath's quadrature stops at an absolute error, so that the integrand must be of the size of 1.
    """
    r, alpha, b, s, beta = theta
    here = survives(b, s, beta, t_x)

    def silent(t):
        return ((alpha + t) / (alpha + t_x)) ** -(r + x) / here

    stayed = silent(age) * survives(b, s, beta, age)
    if t_x == age:
        return stayed, mp.mpf(0)
    return stayed, integral(lambda t: silent(t) * leaves(b, s, beta, t), t_x, age)


def log_likelihood(theta, data):
    r, alpha = theta[:2]
    stayed, left = parts(theta, *data)
    x, t_x = data[:2]
    here = mp.log(survives(*theta[2:], t_x)) - (r + x) * mp.log(alpha + t_x)
    ways = mp.loggamma(r + x) - mp.loggamma(r) + r * mp.log(alpha)
    return [ways + here + mp.log(stayed + left)]


#: Which of the points of the likelihood: the corners, and some more.
DERIVATIVES = [*range(40), *range(70, 160)]


def with_nodes(theta, data, nodes):
    """Gradient and Hessian of the log-likelihood, its integral a sum over nodes of each piece."""
    x, t_x, age = data
    span = age - t_x
    ends = [mp.mpf(0), *(mp.mpf(2) ** -k for k in range(10, -1, -1))]
    at = [
        (t_x + span * ((a + b) + (b - a) * node) / 2, weight * span * (b - a) / 2)
        for a, b in itertools.pairwise(ends)
        for node, weight in nodes
    ]

    def told(u):
        r, alpha, b, s, beta = (mp.exp(v) for v in u)
        scale = s * b * beta**s

        def log_rate(t):
            return -(r + x) * mp.log(alpha + t)

        here = log_rate(t_x)
        grown = beta + mp.expm1(b * age)
        total = mp.exp(log_rate(age) - here + s * (u[4] - mp.log(grown)))
        if span > 0:
            for t, weight in at:
                e = mp.exp(b * t)
                fall = log_rate(t) - here - (s + 1) * mp.log(beta + e - 1)
                total += weight * scale * e * mp.exp(fall)
        ways = mp.loggamma(r + x) - mp.loggamma(r) + r * u[1]
        return ways + here + mp.log(total)

    return derivatives(told, [mp.log(v) for v in theta])[1:]


def write_derivatives(points):
    names = [f"g_{p}" for p in PARAMETERS]
    names += [f"h_{p}_{q}" for i, p in enumerate(PARAMETERS) for q in PARAMETERS[: i + 1]]
    with (HERE / "clv_ggompertz_nbd_derivatives.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*PARAMETERS, "x", "t_x", "T", *names])
        for theta, data in points:
            with mp.workdps(60):
                exact = [[mp.mpf(v) for v in numbers] for numbers in (theta, data)]
                rules = [GaussLegendre(mp.mp).calc_nodes(degree, mp.mp.prec) for degree in (5, 6)]
                one, two = (with_nodes(*exact, nodes) for nodes in rules)
                size = max(abs(v) for v in two)
                for few, many in zip(one, two, strict=True):
                    assert abs(few - many) <= mp.mpf(10) ** -15 * size, (theta, data, few, many)
            out.writerow([float(v).hex() for v in (*theta, *data, *two)])
            file.flush()


def predictions(theta, data, horizon, rate):
    r, alpha, b, s, beta = theta
    x, _, age = data
    stayed, left = parts(theta, *data)
    alive = stayed / (stayed + left)
    speed = alive * (r + x) / (alpha + age)

    def time(d):
        now = survives(b, s, beta, age)
        return integral(lambda u: survives(b, s, beta, age + u) / now * mp.exp(-d * u), 0, horizon)

    return [alive, speed * time(0), speed * time(rate)]


CDNOW = (0.553, 10.578, 0.0002, 0.603, 0.0026)
CORNERS = [
    (CDNOW, (0.0, 0.0, 40.0)),
    (CDNOW, (0.0, 0.0, 0.0)),
    (CDNOW, (1.0, 39.0, 39.0)),
    (CDNOW, (132.0, 200.0, 200.0)),
    (CDNOW, (400.0, 38.0, 39.0)),
    (CDNOW, (30.0, 0.01, 77.0)),
    ((0.553, 10.578, 1e-9, 0.606, 1.16687e-8), (2.0, 30.0, 39.0)),
    ((0.553, 10.578, 0.2, 0.6, 50.0), (0.0, 0.0, 60.0)),
    ((0.553, 10.578, 0.2, 0.6, 50.0), (3.0, 5.0, 60.0)),
    ((0.553, 10.578, 0.5, 2.0, 1e4), (3.0, 5.0, 60.0)),
    ((0.553, 10.578, 0.5, 2.0, 1e-4), (3.0, 5.0, 60.0)),
    ((0.553, 10.578, 20.0, 0.3, 0.1), (3.0, 5.0, 60.0)),
    ((0.553, 10.578, 0.1, 40.0, 400.0), (3.0, 5.0, 60.0)),
    ((50.0, 20.0, 0.02, 3.0, 5.0), (60.0, 30.0, 40.0)),
    ((0.553, 10.578, 0.1, 1.0, 1.0), (2.0, 10.0, 40.0)),
]


def points(rng, n, longest):
    found = list(CORNERS)
    while len(found) < n:
        middle = (0.6, 8.0, 0.03, 0.6, 0.3)
        theta = tuple(m * 10 ** rng.uniform(-1.2, 1.2) for m in middle)
        age = rng.uniform(0.5, 100.0)
        kind = rng.random()
        x = 0 if kind < 0.2 else rng.randint(1, 8) if kind < 0.7 else rng.randint(1, longest)
        t_x = 0.0 if x == 0 else age * (1.0 if rng.random() < 0.1 else rng.uniform(0.01, 1.0))
        found.append((theta, (float(x), t_x, age)))
    return found


def write(what, columns, rows):
    with (HERE / f"clv_ggompertz_nbd_{what}.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*PARAMETERS, "x", "t_x", "T", *columns])
        for theta, data, more, f in rows:
            told = []
            for digits in (30, 45):
                with mp.workdps(digits):
                    exact = [[mp.mpf(v) for v in numbers] for numbers in (theta, data)]
                    told.append(f(*exact, *map(mp.mpf, more)))
            for one, two in zip(*told, strict=True):
                bound = mp.mpf(10) ** -15 * max(abs(two), mp.mpf(10) ** -20)
                assert abs(one - two) <= bound, (theta, data, more, one, two)
            out.writerow([float(v).hex() for v in (*theta, *data, *more, *told[1])])


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["likelihood", "derivatives", "predictions"]
    if "likelihood" in wanted:
        found = points(random.Random(20120401), 500, 400)
        write("likelihood", ["value"], [(*p, (), log_likelihood) for p in found])
    if "derivatives" in wanted:
        found = points(random.Random(20120401), 500, 400)
        write_derivatives([found[i] for i in DERIVATIVES])
    if "predictions" in wanted:
        rng = random.Random(20120402)
        ahead = [(10 ** rng.uniform(-1, 2.5), 10 ** rng.uniform(-4, -0.5)) for _ in range(120)]
        found = zip(points(rng, 120, 40), ahead, strict=True)
        more = ["horizon", "rate", "alive", "cet", "det"]
        write("predictions", more, [(*p, a, predictions) for p, a in found])
