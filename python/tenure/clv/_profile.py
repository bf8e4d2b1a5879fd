"""Profile-likelihood limits: how far one parameter may go while all the others do their best."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tenure._validation import Floats

#: Log-likelihood, gradient and Hessian at logarithms of the parameters.
LogLikelihood = Callable[[Floats], tuple[float, Floats, Floats]]

#: A logarithm this far from the optimum has run away.
_FAR = 40.0


def in_logs(kernel: Callable[..., Any], *data: Any) -> LogLikelihood:
    """Return the log-likelihood of data as the engine tells it, which is asked at parameters."""

    def at(log_parameters: Floats) -> tuple[float, Floats, Floats]:
        k = len(log_parameters)
        value, gradient, hessian = kernel(np.exp(log_parameters), *data)
        return value, gradient, hessian.reshape(k, k)

    return at


def profile_limits(
    likelihood: LogLikelihood, optimum: Floats, covariance: Floats, z: float
) -> tuple[Floats, Floats]:
    """Return the limits of each coordinate at which twice the loss of log-likelihood is z^2.

    The square root of that loss is nearly a straight line in the coordinate, and its slope is known
    from the gradient at the best of the others, so that a few steps of Newton's method find the
    limit. -inf or inf where the loss never grows so large.
    """
    best = likelihood(optimum)[0]
    limits = np.empty((2, len(optimum)))
    for i in range(len(optimum)):
        for side, sign in enumerate((-1.0, 1.0)):
            limits[side, i] = _limit(likelihood, optimum, covariance, best, i, sign, z)
    return limits[0], limits[1]


def _limit(
    likelihood: LogLikelihood,
    optimum: Floats,
    covariance: Floats,
    best: float,
    i: int,
    sign: float,
    z: float,
) -> float:
    ridge = covariance[:, i] / covariance[i, i]  # where the others go with this coordinate
    away = z * math.sqrt(covariance[i, i])  # distance from the optimum
    inside, outside = 0.0, math.inf
    u = optimum.copy()
    before = 0.0
    for _ in range(60):
        # Along the ridge, as far as a straight line can be trusted.
        u = u + np.clip(sign * (away - before) * ridge, -1.0, 1.0)
        u[i] = optimum[i] + sign * away
        u, value, slope = _best_of_the_others(likelihood, u, i)
        loss = math.sqrt(max(0.0, 2.0 * (best - value)))
        if abs(loss - z) <= 1e-9 * z:
            break
        if loss < z:
            inside = away
        else:
            outside = away
        # d(loss)/d(away) = -slope of the log-likelihood / loss.
        steep = -sign * slope / loss if loss > 0.0 else 0.0
        step = (z - loss) / steep if steep > 0.0 else math.inf
        # Never more than twice as far at once, and never out of the bracket.
        onward = min(away + step, 2.0 * away + 1e-3)
        if not inside < onward < outside:
            onward = 0.5 * (inside + outside) if math.isfinite(outside) else 2.0 * away
        before, away = away, onward
        if inside > _FAR:
            return sign * math.inf
        if math.isfinite(outside) and outside - inside <= 1e-12 * max(1.0, away):
            break
    return float(optimum[i] + sign * away)


def _best_of_the_others(
    likelihood: LogLikelihood, u: Floats, i: int
) -> tuple[Floats, float, float]:
    """Maximise over all coordinates but one; return the point, the value, the slope in that one."""
    others = np.arange(len(u)) != i
    value, gradient, hessian = likelihood(u)
    damping = 0.0
    for _ in range(100):
        g, h = gradient[others], -hessian[np.ix_(others, others)]
        scale = np.maximum(np.abs(np.diagonal(h)), 1e-12)
        lowest = float(np.linalg.eigvalsh(h / np.sqrt(np.outer(scale, scale)))[0])
        lift = damping + max(0.0, 1e-8 - 2.0 * min(lowest, 0.0))
        step = np.linalg.solve(h + lift * np.diag(scale), g)
        step *= min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-300))
        promised = float(g @ step)
        if promised <= 1e-10:
            break
        moved = u.copy()
        moved[others] += step
        tried = likelihood(moved)
        if math.isfinite(tried[0]) and tried[0] >= value - 1e-12 * abs(value):
            u, (value, gradient, hessian) = moved, tried
            damping = 0.0 if damping < 1e-4 else 0.1 * damping
        else:
            damping = max(1e-3, 10.0 * damping)
            if damping > 1e12:
                break
    return u, value, float(gradient[i])
