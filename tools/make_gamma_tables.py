"""Writes cpp/src/special/gamma_tables.hpp: the polynomials behind lgamma, digamma and trigamma.

On [1/2, 16) each octave is cut into eight equal pieces. On a piece with centre m, in t = x - m:

    lgamma(x)   = (x - 1) (x - 2) g(t)     zeros at 1 and 2 taken out: g > 0, so relative accuracy
    digamma(x)  = (x - x0) h(t)            its root x0 = 1.4616... taken out, as two doubles
    trigamma(x) = q(t)

The functions that remain are analytic up to x = 0, 17 half-widths away, so a polynomial of degree
11 reaches 2^-55. Coefficients are Chebyshev fits in 60 digits, rounded once; the constant term has
a second double after them.

Also the table of a logarithm with 13 spare bits: for a mantissa m in [1, 2) cut into 128, c ~ 1/m
in nine bits and -log(c) as a double with 42 fractional bits (so that adding k log 2 is exact) plus
a rest.

    python tools/make_gamma_tables.py
"""

from __future__ import annotations

from pathlib import Path

import mpmath as mp

mp.mp.dps = 60
OUT = Path(__file__).resolve().parents[1] / "cpp/src/special/gamma_tables.hpp"
COEFFICIENTS = 12
PIECES = [
    (mp.mpf(2) ** e * (1 + mp.mpf(i) / 8), mp.mpf(2) ** e / 8)
    for e in range(-1, 4)
    for i in range(8)
]
ROOT = mp.findroot(mp.digamma, mp.mpf("1.4616321449683623"))


def nudge(x: mp.mpf) -> mp.mpf:
    """A point beside a removable singularity; the quotient is smooth, so the shift is harmless."""
    return x + mp.mpf(10) ** -30


def log_gamma_over_zeros(x: mp.mpf) -> mp.mpf:
    if x in (1, 2):
        x = nudge(x)
    return mp.loggamma(x) / ((x - 1) * (x - 2))


def digamma_over_root(x: mp.mpf) -> mp.mpf:
    if abs(x - ROOT) < mp.mpf(10) ** -25:
        x = nudge(ROOT)
    return mp.digamma(x) / (x - ROOT)


def trigamma(x: mp.mpf) -> mp.mpf:
    return mp.psi(1, x)


def fit(f, low: mp.mpf, width: mp.mpf) -> list[mp.mpf]:
    """Coefficients in t = x - centre, constant first."""
    centre = low + width / 2
    high_first = mp.chebyfit(lambda t: f(centre + t), [-width / 2, width / 2], COEFFICIENTS)
    poly = high_first[::-1]
    worst = max(
        abs(mp.polyval(poly[::-1], t) / f(centre + t) - 1)
        for t in mp.linspace(-width / 2, width / 2, 23)
    )
    assert worst < mp.mpf(2) ** -55, (low, float(worst))
    return poly


def split(value: mp.mpf) -> tuple[float, float]:
    """A double with 42 fractional bits and the rest."""
    high = mp.nint(value * 2**42) / 2**42
    return float(high), float(value - high)


def main() -> None:
    lines = [
        "// Written by tools/make_gamma_tables.py; do not edit.",
        "// clang-format off",
        "#pragma once",
        "namespace tenure::special::tables {",
        f"inline constexpr int kCoefficients = {COEFFICIENTS};",
        f"inline constexpr int kPieces = {len(PIECES)};",
    ]
    root = float(ROOT)
    lines.append(f"inline constexpr double kDigammaRoot = {root.hex()};")
    lines.append(f"inline constexpr double kDigammaRootRest = {float(ROOT - mp.mpf(root)).hex()};")
    for name, f in (
        ("kLogGamma", log_gamma_over_zeros),
        ("kDigamma", digamma_over_root),
        ("kTrigamma", trigamma),
    ):
        lines.append(f"inline constexpr double {name}[kPieces][kCoefficients + 1] = {{")
        for low, width in PIECES:
            poly = fit(f, low, width)
            poly.append(poly[0] - mp.mpf(float(poly[0])))
            lines.append("    {" + ", ".join(float(c).hex() for c in poly) + "},")
        lines.append("};")
    ln2 = split(mp.log(2))
    lines.append(f"inline constexpr double kLog2 = {ln2[0].hex()}, kLog2Rest = {ln2[1].hex()};")
    lines.append("// {c, -log(c), rest}")
    lines.append("inline constexpr double kLogTable[128][3] = {")
    for i in range(128):
        c = mp.nint(512 / (1 + (mp.mpf(i) + 0.5) / 128)) / 512
        hi, lo = split(-mp.log(c))
        lines.append(f"    {{{float(c).hex()}, {hi.hex()}, {lo.hex()}}},")
    lines.append("};")
    lines.append("}  // namespace tenure::special::tables")
    OUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
