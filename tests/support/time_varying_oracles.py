"""Customers with covariates by period, and their likelihood by code of its own."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np

from tenure import _core


class Panel:
    """Customers with own periods, and what the kernels take of them."""

    def __init__(self, n, periods, columns, seed, *, ahead=0, length=1.0, spread=1.0):
        rng = np.random.default_rng(seed)
        self.length, self.periods = length, periods + ahead
        self.phase = rng.uniform(0.0, length, n)
        self.T = rng.uniform(0.0, periods * length - self.phase)
        self.x = rng.poisson(2.0, n).astype(float)
        self.t_x = np.where(self.x > 0.0, self.T * rng.uniform(0.05, 1.0, n), 0.0)
        self.design = spread * rng.normal(size=(n * self.periods, columns))
        self.first = np.arange(n) * self.periods
        self.bought = np.zeros((n, columns))
        for i in range(n):
            if self.x[i]:
                times = np.append(rng.uniform(0.0, self.t_x[i], int(self.x[i]) - 1), self.t_x[i])
                rows = np.minimum((self.phase[i] + times) // length, self.periods - 1)
                self.bought[i] = self.design[self.first[i] + rows.astype(int)].sum(axis=0)

    def kernel(self, by_purchase, by_dropout):
        return _core.clv.CovariatePeriods(
            self.design.ravel(),
            self.design.shape[1],
            self.length,
            self.first,
            self.first + self.periods,
            self.phase,
            self.bought.ravel(),
            np.array(by_purchase, dtype=np.int64),
            np.array(by_dropout, dtype=np.int64),
        )

    def customer(self, i):
        """The same panel with one customer."""
        one = object.__new__(Panel)
        one.__dict__.update(self.__dict__)
        for name in ("phase", "T", "x", "t_x", "first", "bought"):
            setattr(one, name, getattr(self, name)[i : i + 1])
        return one

    def pieces(self, i, coefficients, columns, start, stop):
        """(from, to, multiplier) of each period of a customer between two times."""
        out = []
        for k in range(self.periods):
            low = max(mp.mpf(start), mp.mpf(k) * self.length - mp.mpf(self.phase[i]))
            high = min(mp.mpf(stop), mp.mpf(k + 1) * self.length - mp.mpf(self.phase[i]))
            if high > low:
                row = self.design[self.first[i] + k]
                power = sum(
                    mp.mpf(c) * mp.mpf(row[j]) for c, j in zip(coefficients, columns, strict=True)
                )
                out.append((low, high, mp.exp(power)))
        return out


def clock(pieces):
    return sum(((high - low) * m for low, high, m in pieces), mp.mpf(0))


def over_rate(shape, rate, power, seen):
    """E[v^power e^(-v seen)] of a gamma(shape, rate) v: trapezoids in log v, exact to rounding."""
    u = np.arange(-80.0, 7.0, 0.02) / min(shape, 1.0)
    log_density = shape * np.log(rate) - math.lgamma(shape) + (shape + power) * u
    terms = np.exp(log_density - np.exp(u) * (rate + np.asarray(seen)[..., None]))
    return terms.sum(axis=-1) * (u[1] - u[0])


def pareto_by_force(panel, i, parameters, g, g_columns, h, h_columns):
    """The integral over lambda, mu and the time of death, of the process itself."""
    r, alpha, s, beta = parameters
    x, t_x, age = panel.x[i], panel.t_x[i], panel.T[i]
    node, weight = np.polynomial.legendre.leggauss(40)

    def at(start, stop):
        return (
            float(clock(panel.pieces(i, g, g_columns, start, stop))),
            float(clock(panel.pieces(i, h, h_columns, start, stop))),
        )

    a, b = at(0, age)
    total = over_rate(r, alpha, x, a) * over_rate(s, beta, 0, b)
    for low, high, _ in panel.pieces(i, g, g_columns, t_x, age):
        times = float(low) + float(high - low) * (node + 1.0) / 2.0
        (p0, d0), (p1, d1) = at(0, float(low)), at(0, float(high))
        speed = (d1 - d0) / float(high - low)
        share = (times - float(low)) / float(high - low)
        stay = over_rate(r, alpha, x, p0 + share * (p1 - p0))
        leave = over_rate(s, beta, 1, d0 + share * (d1 - d0))
        total += speed * float(high - low) / 2.0 * (weight * stay * leave).sum()
    return math.log(total) + panel.bought[i, g_columns] @ g


def pareto_oracle(panel, i, parameters, g, g_columns, h, h_columns):
    """The same with the integrals over lambda and mu in closed form, at 30 digits."""
    r, alpha, s, beta = map(mp.mpf, parameters)
    m, t_x, age = r + int(panel.x[i]), panel.t_x[i], panel.T[i]
    a = a0 = alpha + clock(panel.pieces(i, g, g_columns, 0, t_x))
    b = b0 = beta + clock(panel.pieces(i, h, h_columns, 0, t_x))
    # Relative to the density at t_x: quadrature stops at an absolute error.
    stay = (a0 / (alpha + clock(panel.pieces(i, g, g_columns, 0, age)))) ** m
    stay *= (b0 / (beta + clock(panel.pieces(i, h, h_columns, 0, age)))) ** s
    leave = mp.mpf(0)
    for (low, high, p), (_, _, d) in zip(
        panel.pieces(i, g, g_columns, t_x, age),
        panel.pieces(i, h, h_columns, t_x, age),
        strict=True,
    ):
        leave += mp.quad(
            lambda t, a=a, b=b, p=p, d=d, low=low: (
                s
                * d
                * (a0 / (a + p * (t - low))) ** m
                * (b0 / (b + d * (t - low))) ** s
                / (b + d * (t - low))
            ),
            [low, (low + high) / 2, high],
        )
        a += p * (high - low)
        b += d * (high - low)
    bought = sum(mp.mpf(c) * panel.bought[i, j] for c, j in zip(g, g_columns, strict=True))
    front = mp.loggamma(m) - mp.loggamma(r) + bought
    front += r * mp.log(alpha / a0) + s * mp.log(beta / b0) - int(panel.x[i]) * mp.log(a0)
    return front + mp.log(stay + leave), stay / (stay + leave)


def bg_oracle(panel, i, parameters, g, g_columns):
    """Integral over lambda and p of the process: hazard lambda e^(g'x), dropout at purchases."""
    r, alpha, a, b = map(mp.mpf, parameters)
    x = int(panel.x[i])
    now = clock(panel.pieces(i, g, g_columns, 0, panel.T[i]))
    last = clock(panel.pieces(i, g, g_columns, 0, panel.t_x[i]))
    rate = lambda c: mp.gamma(r + x) / mp.gamma(r) * alpha**r * (alpha + c) ** -(r + x)  # noqa: E731
    stay = mp.beta(a, b + x) * rate(now)
    left = mp.beta(a + 1, b + x - 1) * rate(last) if x else mp.mpf(0)
    bought = sum(mp.mpf(c) * panel.bought[i, j] for c, j in zip(g, g_columns, strict=True))
    return bought + mp.log((stay + left) / mp.beta(a, b)), stay / (stay + left)
