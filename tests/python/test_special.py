"""The special functions of the engine, as Python sees them; their accuracy is tested in C++."""

from __future__ import annotations

import csv
from pathlib import Path

import mpmath
import numpy as np
import pytest
import scipy.special as sc
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from tenure._core import special

REFERENCE = Path(__file__).parents[1] / "reference"
NAMES = ["lgamma", "digamma", "trigamma", "log_beta", "log_gamma_ratio", "log_hyp2f1"]

positive = st.floats(1e-6, 1e6)


def table(name):
    with (REFERENCE / f"special_{name}.csv").open() as file:
        return np.array([[float.fromhex(c) for c in row] for row in list(csv.reader(file))[1:]])


@pytest.mark.parametrize("name", NAMES)
def test_equals_the_reference_table(name):
    rows = table(name)
    arguments = [np.ascontiguousarray(rows[:, i]) for i in range(rows.shape[1] - 2)]
    got = getattr(special, name)(*arguments)
    assert_allclose(got, rows[:, -2], rtol=1e-14, atol=5e-15)


@settings(max_examples=200)
@given(st.one_of(st.integers(1, 40).map(lambda df: df / 2), st.floats(0.5, 1000)), st.floats(0, 3))
def test_gamma_q_equals_mpmath(a, ratio):
    """Q(a, x) within 2e-13 of its value, for a from 1/2 to 1000."""
    x = a * ratio
    with mpmath.workdps(40):
        exact = float(mpmath.gammainc(a, x, regularized=True))
    if exact > 1e-300:
        got = special.gamma_q(np.array([a]), np.array([x]))
        assert_allclose(got, [exact], rtol=2e-13)


@given(st.lists(positive, min_size=1, max_size=20))
def test_agrees_with_scipy(x):
    x = np.array(x)
    assert_allclose(special.lgamma(x), sc.gammaln(x), rtol=1e-13, atol=1e-13)
    assert_allclose(special.digamma(x), sc.digamma(x), rtol=1e-13, atol=1e-13)
    assert_allclose(special.trigamma(x), sc.polygamma(1, x), rtol=1e-13)


@given(positive, positive)
def test_recurrences_hold(a, b):
    """Gamma(x+1) = x Gamma(x), and B(a, b) = B(a+1, b) + B(a, b+1)."""
    x, n = np.array([a]), np.array([b])
    assert_allclose(special.log_gamma_ratio(x, np.array([1.0])), np.log(x), rtol=1e-14, atol=1e-14)
    parts = np.logaddexp(special.log_beta(x + 1, n), special.log_beta(x, n + 1))
    assert_allclose(special.log_beta(x, n), parts, rtol=3e-14, atol=1e-14)


@given(st.floats(0.01, 50), st.floats(0.01, 50), st.floats(0.05, 50), st.floats(0, 0.99))
def test_hypergeometric_is_symmetric_and_obeys_gauss(a, b, c, z):
    """(b - a) F = b F(b+1) - a F(a+1)  [DLMF 15.5.12]."""
    one = np.ones(1)

    def f(a, b):
        return special.log_hyp2f1(a * one, b * one, c * one, z * one)[0]

    value = f(a, b)
    assert_allclose(f(b, a), value, rtol=1e-13, atol=1e-13)
    left = b * np.exp(f(a, b + 1) - value) - a * np.exp(f(a + 1, b) - value)
    size = b * np.exp(f(a, b + 1) - value) + a * np.exp(f(a + 1, b) - value)
    assert abs(left - (b - a)) <= 1e-12 * size * max(1.0, abs(value))


@pytest.mark.parametrize("name", NAMES)
def test_nan_gives_nan_and_wrong_columns_are_refused(name):
    function = getattr(special, name)
    arity = table(name).shape[1] - 2
    for position in range(arity):
        arguments = [np.full(2, 0.5) for _ in range(arity)]
        arguments[position][1] = np.nan
        got = function(*arguments)
        assert np.isfinite(got[0])
        assert np.isnan(got[1])
    with pytest.raises(TypeError):
        function(*[np.ones(2, dtype=np.int64)] * arity)
    with pytest.raises(ValueError, match="differ in shape"):
        function(*[np.ones((2, 2))] * arity)
