"""Write clv_<model>_outlook.csv: what single customers will do, by brute force.

One row a parameter point, customer, horizon and count: the probability of that count in the
horizon, of any purchase, and to be alive at its end, given the history. All are integrals of what
holds for known rates, over a grid of the two things that differ between customers: no conjugacy,
no closed form of any mixture is used. In the logarithm of a rate and the log odds of a probability
the integrands are smooth and fall off exponentially, where the trapezoidal rule converges
exponentially; all terms are positive. Agrees with a grid twice as fine to 1e-12. Needs SciPy.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
from scipy import special

HERE = Path(__file__).parent
STEP = 0.04


def grid(low, high):
    return np.arange(low, high, STEP)


def gamma_weights(shape, rate):
    """Values of a gamma variable on a grid of its logarithm, and log density times value."""
    u = grid(-90.0 / max(shape, 0.3), np.log(800.0 + 4.0 * shape)) - np.log(rate)
    return np.exp(u), shape * (u + np.log(rate)) - rate * np.exp(u) - special.gammaln(shape)


def beta_weights(a, b):
    """Log of p and of 1 - p on a grid of log odds, and log density times p (1 - p)."""
    v = grid(-90.0 / a, 90.0 / b) if min(a, b) > 2 else grid(-40.0 / min(a, 1), 40.0 / min(b, 1))
    log_p, log_q = -np.logaddexp(0, -v), -np.logaddexp(0, v)
    return log_p, log_q, a * log_p + b * log_q - special.betaln(a, b)


def geometric(theta, x, t_x, age, h, n, first_chance):
    """BG/NBD, and MBG/NBD with a chance to leave at the first purchase too."""
    r, alpha, a, b = theta
    rate, log_w = gamma_weights(r, alpha)
    log_p, log_q, log_v = beta_weights(a, b)
    rate, log_w = rate[:, None], log_w[:, None]
    prior = log_w + log_v + x * np.log(rate)
    here = np.exp(prior + (x + first_chance) * log_q - rate * age)
    gone = 0.0
    if x + first_chance > 0:
        gone = np.exp(prior + log_p + (x + first_chance - 1) * log_q - rate * t_x).sum()
    total = here.sum() + gone
    count = np.exp(n * np.log(rate * h) - rate * h - special.gammaln(n + 1)) * np.exp(n * log_q)
    if n > 0:
        count = count + np.exp(log_p + (n - 1) * log_q) * special.gammainc(n, rate * h)
    any_ = -np.expm1(-rate * h)
    later = np.exp(-rate * np.exp(log_p) * h)
    chance = (here * count).sum() / total + (n == 0) * gone / total
    return chance, (here * any_).sum() / total, (here * later).sum() / total


def pareto(theta, x, t_x, age, h, n):
    r, alpha, s, beta = theta
    rate, log_w = gamma_weights(r, alpha)
    leave, log_v = gamma_weights(s, beta)
    rate, log_w = rate[:, None], log_w[:, None]
    both = rate + leave
    prior = log_w + log_v + x * np.log(rate)
    here = np.exp(prior - both * age)
    gone = (np.exp(prior - both * t_x) * leave / both * -np.expm1(-both * (age - t_x))).sum()
    total = here.sum() + gone
    count = np.exp(n * np.log(rate * h) - both * h - special.gammaln(n + 1))
    count += leave / both * (rate / both) ** n * special.gammainc(n + 1, both * h)
    any_ = rate / both * -np.expm1(-both * h)
    chance = (here * count).sum() / total + (n == 0) * gone / total
    return chance, (here * any_).sum() / total, (here * np.exp(-leave * h)).sum() / total


MODELS = {
    "bg_nbd": lambda *rest: geometric(*rest, 0),
    "mbg_nbd": lambda *rest: geometric(*rest, 1),
    "pareto_nbd": pareto,
}


def main() -> None:
    names = "p1,p2,p3,p4,frequency,recency,T,horizon,n,pmf,purchase,alive_later"
    for seed, (model, of) in enumerate(MODELS.items()):
        rng = random.Random(seed)
        with (HERE / f"clv_{model}_outlook.csv").open("w", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(names.split(","))
            for _ in range(30):
                time = 10 ** rng.uniform(-1, 2)
                theta = [10 ** rng.uniform(-0.7, 1.0) for _ in range(4)]
                theta[1] *= time
                if model == "pareto_nbd":
                    theta[3] *= time
                age = time * 10 ** rng.uniform(-0.5, 0.5)
                x = rng.choice([0, 1, 2, 5, 20, 60])
                t_x = age * rng.random() ** 0.5 if x else 0.0
                h = age * 10 ** rng.uniform(-1.5, 0.7)
                n = rng.choice([0, 1, 2, 3, 7, 30])
                row = [*theta, x, t_x, age, h, n]
                out.writerow([*map(repr, row), *(repr(float(v)) for v in of(theta, *row[4:]))])


if __name__ == "__main__":
    main()
