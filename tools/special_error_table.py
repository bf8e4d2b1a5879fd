"""Rewrites the error table of docs/methods/special_functions.md from tests/reference/special_*.csv.

python tools/special_error_table.py
"""

from __future__ import annotations

import csv
import ctypes
import ctypes.util
import platform
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy
import scipy.special as sc

from tenure import _core

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/methods/special_functions.md"
BEGIN, END = "<!-- errors: begin -->", "<!-- errors: end -->"

own = _core.special
_libm = ctypes.CDLL(ctypes.util.find_library("m"))
_libm.lgamma_r.restype = ctypes.c_double
_libm.lgamma_r.argtypes = [ctypes.c_double, ctypes.POINTER(ctypes.c_int)]


@np.vectorize
def libm(x: float) -> float:
    return float(_libm.lgamma_r(x, ctypes.byref(ctypes.c_int())))


PEERS: dict[str, dict[str, Callable[..., np.ndarray]]] = {
    "lgamma": {"tenure": own.lgamma, "SciPy `gammaln`": sc.gammaln, "libm `lgamma_r`": libm},
    "digamma": {"tenure": own.digamma, "SciPy `digamma`": sc.digamma},
    "trigamma": {"tenure": own.trigamma, "SciPy `polygamma(1, .)`": lambda x: sc.polygamma(1, x)},
    "log_beta": {
        "tenure": own.log_beta,
        "SciPy `betaln`": sc.betaln,
        "three libm `lgamma_r`": lambda a, b: libm(a) + libm(b) - libm(a + b),
    },
    "log_gamma_ratio": {
        "tenure": own.log_gamma_ratio,
        "two SciPy `gammaln`": lambda x, n: sc.gammaln(x + n) - sc.gammaln(x),
        "two libm `lgamma_r`": lambda x, n: libm(x + n) - libm(x),
    },
    "log_hyp2f1": {
        "tenure": own.log_hyp2f1,
        "log of SciPy `hyp2f1`": lambda a, b, c, z: np.log(sc.hyp2f1(a, b, c, z)),
    },
}


def read(name: str) -> np.ndarray:
    with (ROOT / f"tests/reference/special_{name}.csv").open() as file:
        rows = list(csv.reader(file))[1:]
    return np.array([[float.fromhex(cell) for cell in row] for row in rows])


def figure(value: float) -> str:
    if value < 1000:
        return f"{value:.2f}"
    return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")


def main() -> None:
    lines = [
        f"SciPy {scipy.__version__}; libm of {' '.join(platform.libc_ver())}. "
        '"Scaled" is the error divided by max(1, |value|).',
        "",
        "| function | points | by | max ulp | median ulp | max scaled | not finite |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, peers in PEERS.items():
        table = read(name)
        arguments = [np.ascontiguousarray(table[:, i]) for i in range(table.shape[1] - 2)]
        value, rest = table[:, -2], table[:, -1]
        for peer, function in peers.items():
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                got = function(*arguments)
                good = np.isfinite(got)
                error = np.abs((got - value) - rest)[good]
            ulp = error / np.spacing(np.abs(value[good]))
            scaled = error / np.maximum(1.0, np.abs(value[good]))
            lines.append(
                f"| `{name}` | {len(table)} | {peer} | {figure(ulp.max())} "
                f"| {figure(np.median(ulp))} | {scaled.max():.1e} | {len(table) - good.sum()} |"
            )
    page = PAGE.read_text()
    head, _, tail = page.partition(BEGIN)
    tail = tail.partition(END)[2]
    PAGE.write_text(head + BEGIN + "\n" + "\n".join(lines) + "\n" + END + tail)


if __name__ == "__main__":
    main()
