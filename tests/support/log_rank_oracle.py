"""The log-rank test straight from its definition, in rational numbers."""

from __future__ import annotations

from fractions import Fraction


def by_definition(rows, groups, weight=lambda n, s: 1):
    """Sums over strata and times: U and V. Rows are (duration, churned, group, stratum, entry)."""
    u = [Fraction(0)] * groups
    v = [[Fraction(0)] * groups for _ in range(groups)]
    for stratum in {r[3] for r in rows}:
        mine = [r for r in rows if r[3] == stratum]
        curve = Fraction(1)
        for t in sorted({r[0] for r in mine if r[1]}):
            at_risk = [r for r in mine if r[0] >= t and (r[4] < t or r[4] == 0)]
            n, d = len(at_risk), sum(r[0] == t and r[1] for r in at_risk)
            share = [Fraction(sum(r[2] == k for r in at_risk), n) for k in range(groups)]
            w = weight(n, curve)
            for k in range(groups):
                u[k] += w * (sum(r[2] == k and r[0] == t and r[1] for r in at_risk) - share[k] * d)
                for j in range(groups if n > 1 else 0):
                    spread = Fraction(w * w * d * (n - d), n - 1)
                    v[k][j] += spread * share[k] * ((k == j) - share[j])
            curve *= 1 - Fraction(d, n)
    return u, v


def statistic_of(u, v):
    """u' V^- u and the rank of V by elimination in rational numbers."""
    u, v, total, rank = list(u), [list(row) for row in v], Fraction(0), 0
    for k in range(len(u)):
        if v[k][k] == 0:
            continue
        total, rank = total + u[k] ** 2 / v[k][k], rank + 1
        for j in range(k + 1, len(u)):
            factor = v[j][k] / v[k][k]
            u[j] -= factor * u[k]
            v[j] = [a - factor * b for a, b in zip(v[j], v[k], strict=True)]
    return total, rank
