"""Simple formulas of value against sums by hand, and what they refuse."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import tenure as tn
from tenure.clv import economics

RATE = st.floats(0.0, 0.99)


def test_the_two_readings_of_the_simple_formula():
    # 50 an order, 4 orders a year, 30 % margin: 60 a year.
    assert economics.simple_value(50, 4, 0.8, margin=0.3) == pytest.approx(300.0)
    assert economics.simple_value(50, 4, 0.8, margin=0.3, reading="next_year") == pytest.approx(
        48.0
    )
    both = economics.simple_value([50, 20], 4, [0.8, 0.5], margin=0.3)
    assert_allclose(both, [300.0, 48.0])


@given(RATE, st.floats(0.001, 0.5))
def test_a_contract_is_worth_the_sum_of_its_margins(retention, discount):
    rho, d = Fraction(retention), Fraction(discount)
    q = rho / (1 + d)
    for first, start in (("now", Fraction(1)), ("later", q)):
        # Partial sums of the geometric series and its rest, exactly.
        partial = sum(start * q**t for t in range(20))
        whole = partial + start * q**20 / (1 - q)
        got = economics.contract_value(7.0, retention, discount, first=first)
        assert got == pytest.approx(7.0 * float(whole), rel=1e-12)


@given(
    RATE,
    st.floats(0.0, 0.5),
    st.floats(-0.2, 0.2),
    st.booleans(),
    st.sampled_from(["now", "later"]),
)
def test_a_gain_is_the_ratio_of_two_values(retention, discount, change, relative, first):
    better = retention * (1 + change) if relative else retention + change
    assume(0.0 <= better <= 0.995 and retention > 1e-3)
    got = economics.retention_gain(
        retention, discount, change=change, relative=relative, first=first
    )
    before, after = (
        economics.contract_value(1.0, rho, discount, first=first) for rho in (retention, better)
    )
    assert got == pytest.approx(after / before - 1.0, rel=1e-9, abs=1e-12)


def test_five_points_more_are_25_to_95_percent():
    assert_allclose(economics.retention_gain([0.75, 0.8974]), [0.25, 0.95], atol=5e-3)
    # As high as a rate can be, where the sum still ends.
    assert economics.retention_gain(0.95, 0.1) == pytest.approx(0.15 / 0.1 - 1.0)


def test_cost_of_nobody_is_missing():
    assert_allclose(economics.acquisition_cost([100, 50, 0], [4, 0, 10]), [25.0, math.nan, 0.0])
    assert_allclose(
        economics.value_to_cost([90.0, 90.0, 90.0], [30.0, 0.0, math.nan]),
        [3.0, math.nan, math.nan],
    )
    assert_allclose(economics.net_value([100.0, 20.0], [30.0, 30.0], 5.0), [65.0, -15.0])


@pytest.mark.parametrize(
    ("margin", "cost", "periods"),
    [
        ([10, 8, 6, 4], 21, 2.5),
        ([10, 8, 6, 4], 10, 1.0),
        ([10, 8, 6, 4], 0, 0.0),
        ([10, 8, 6, 4], 28, 4.0),
        ([10, 8, 6, 4], 28.1, math.nan),
        ([10, math.nan, math.nan], 12, math.nan),
        ([0, 0, 6], 3, 2.5),
        ([5, -4, 8], 4.5, 0.9),
        ([10, 8], math.nan, math.nan),
    ],
)
def test_payback_by_hand(margin, cost, periods):
    assert economics.payback_period(margin, cost) == pytest.approx(periods, nan_ok=True)


def test_payback_of_many_cohorts():
    margins = [[10.0, 8.0, 6.0], [1.0, 1.0, 1.0], [30.0, math.nan, math.nan]]
    assert_allclose(economics.payback_period(margins, 15.0), [1.625, math.nan, 0.5])
    assert_allclose(economics.payback_period(margins, [10.0, 3.0, 60.0]), [1.0, 3.0, math.nan])
    assert_allclose(economics.payback_period([10.0], [5.0]), [0.5])


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: economics.simple_value(50, 4, 1.0), "retention"),
        (lambda: economics.simple_value(50, 4, 1.2, reading="next_year"), "retention"),
        (lambda: economics.simple_value(-1, 4, 0.5), "order_value"),
        (lambda: economics.simple_value(1, 4, 0.5, reading="both"), "reading"),
        (lambda: economics.simple_value("much", 4, 0.5), "order_value"),
        (lambda: economics.contract_value(1, 1.0, 0.0), "retention"),
        (lambda: economics.contract_value(1, [0.5, 0.99], [0.1, -0.1]), "retention"),
        (lambda: economics.contract_value(1, 0.5, -1.0), "discount_rate"),
        (lambda: economics.contract_value(1, 0.5, 0.1, first="never"), "first"),
        (lambda: economics.contract_value(math.inf, 0.5, 0.1), "margin"),
        (lambda: economics.retention_gain(0.97, 0.1), "change"),
        (lambda: economics.retention_gain(0.95, 0.0), "change"),
        (lambda: economics.retention_gain(0.0, 0.1, first="later"), "retention"),
        (lambda: economics.acquisition_cost(-1.0, 3), "spend"),
        (lambda: economics.payback_period(3.0, 1.0), "margin"),
        (lambda: economics.payback_period([[1.0], [2.0]], [1.0, 2.0, 3.0]), "acquisition_cost"),
    ],
)
def test_what_has_no_answer_is_refused_by_name(call, argument):
    with pytest.raises(tn.InvalidInputError) as caught:
        call()
    assert caught.value.argument == argument


def test_the_row_at_fault_is_named():
    with pytest.raises(
        tn.InvalidInputError, match=r"retention\[1\] must be <= 1, got 1.5"
    ) as caught:
        economics.simple_value(50, 4, [0.5, 1.5, math.nan])
    assert caught.value.row == 1
