"""Cox's partial likelihood from its definition: one loop over times, ties and risk sets."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import numpy as np


def at_risk(rows: Any, t: Any, stratum: Any) -> list[int]:
    return [
        i
        for i, r in enumerate(rows)
        if r["stratum"] == stratum and (r["entry"] < t or r["entry"] == 0) and r["time"] >= t
    ]


def log_likelihood(rows: Any, beta: Any, ties: str) -> Any:
    """Log partial likelihood at beta, in the arithmetic of mpmath."""
    eta = [
        mpmath.fsum(mpmath.mpf(b) * x for b, x in zip(beta, r["x"], strict=True)) + r["offset"]
        for r in rows
    ]
    total = mpmath.mpf(0)
    for stratum, t in {(r["stratum"], r["time"]) for r in rows if r["churned"] and r["weight"]}:
        risk = [i for i in at_risk(rows, t, stratum) if rows[i]["weight"]]
        died = [i for i in risk if rows[i]["time"] == t and rows[i]["churned"]]
        d = len(died)
        if ties == "exact":
            total += mpmath.fsum(eta[i] for i in died)
            total -= mpmath.log(
                mpmath.fsum(
                    mpmath.exp(mpmath.fsum(eta[i] for i in some))
                    for some in itertools.combinations(risk, d)
                )
            )
            continue
        total += mpmath.fsum(rows[i]["weight"] * eta[i] for i in died)
        everyone = mpmath.fsum(rows[i]["weight"] * mpmath.exp(eta[i]) for i in risk)
        own = mpmath.fsum(rows[i]["weight"] * mpmath.exp(eta[i]) for i in died)
        each = mpmath.fsum(rows[i]["weight"] for i in died) / d
        for k in range(d):
            share = mpmath.mpf(k) / d if ties == "efron" else 0
            total -= each * mpmath.log(everyone - share * own)
    return total


def derivatives(rows: Any, beta: Any, ties: str) -> tuple[Any, Any]:
    """Gradient and negative Hessian by central differences in 50 digits."""
    p, h = len(beta), mpmath.mpf(10) ** -12

    def at(*moves: tuple[int, int]) -> Any:
        point = [mpmath.mpf(b) for b in beta]
        for j, sign in moves:
            point[j] += sign * h
        return log_likelihood(rows, point, ties)

    with mpmath.workdps(50):
        gradient = [(at((j, 1)) - at((j, -1))) / (2 * h) for j in range(p)]
        hessian = [
            [
                -(
                    at((j, 1), (k, 1)) - at((j, 1), (k, -1)) - at((j, -1), (k, 1))
                    + at((j, -1), (k, -1))
                )
                / (4 * h * h)
                for k in range(p)
            ]
            for j in range(p)
        ]  # fmt: skip
    return np.array(gradient, dtype=float), np.array(hessian, dtype=float)


def random_rows(seed: int, n: int = 24, p: int = 2, *, plain: bool = False) -> list[dict[str, Any]]:
    """Rows with ties; unless `plain` with entries, weights (0 among them), strata, offsets."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        time = int(rng.integers(1, 9))
        rows.append(
            {
                "time": time,
                "churned": int(rng.random() < 0.6),
                "entry": 0 if plain else int(rng.integers(0, time)),
                "weight": 1.0 if plain else float(rng.choice([0.0, 0.5, 1.0, 2.5])),
                "stratum": 0 if plain else int(rng.integers(0, 2)),
                "offset": 0.0 if plain else float(np.round(rng.normal(0, 0.5), 3)),
                "x": [float(v) for v in np.round(rng.normal(0, 1, p), 2)],
            }
        )
    rows[0] |= {"churned": 1, "weight": 1.0}
    return rows


def columns(rows: Any) -> dict[str, Any]:
    """The arguments of `CoxPH.fit`."""
    return {
        "X": np.array([r["x"] for r in rows]),
        "duration": [r["time"] for r in rows],
        "churned": [r["churned"] for r in rows],
        "entry": [r["entry"] for r in rows],
        "sample_weight": [r["weight"] for r in rows],
        "strata": [r["stratum"] for r in rows],
        "offset": [r["offset"] for r in rows],
    }
