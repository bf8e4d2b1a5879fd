"""Arguments become columns and numbers, or an error that names the cell."""

from __future__ import annotations

import decimal
import math
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from tenure import _validation as v
from tenure._errors import InvalidInputError

COLUMNS = [
    ([1, 2, 3], [1.0, 2.0, 3.0]),
    ((1, 2.5), [1.0, 2.5]),
    (range(3), [0.0, 1.0, 2.0]),
    ([], []),
    (np.array([1, 2], np.int8), [1.0, 2.0]),
    (np.array([1.5], np.float16), [1.5]),
    (np.array([1.5], ">f8"), [1.5]),
    (np.arange(6)[::2], [0.0, 2.0, 4.0]),
    (np.array([True, False]), [1.0, 0.0]),
    (np.ma.array([1.0, 2.0], mask=[0, 1]), [1.0, math.nan]),
    (np.ma.array([1, 2], mask=[0, 1]), [1.0, math.nan]),
    ([1, None], [1.0, math.nan]),
    ([decimal.Decimal("0.1"), 2], [0.1, 2.0]),
    ([2**70], [2.0**70]),
    (pd.Series([1.0, None]), [1.0, math.nan]),
    (pd.Series([1, pd.NA], dtype="Int64"), [1.0, math.nan]),
    (pd.Series([3, 4], index=[7, 7]), [3.0, 4.0]),
    (pa.array([1, None, 3]), [1.0, math.nan, 3.0]),
]


@pytest.mark.parametrize(("values", "expected"), COLUMNS)
def test_numbers_of_every_kind_become_doubles(values, expected):
    column = v.as_column(values, np.float64, "x")
    assert_array_equal(column, expected, strict=False)
    assert column.dtype == np.float64
    assert column.flags.c_contiguous


def test_an_array_that_fits_is_not_copied():
    array = np.arange(5.0)
    assert v.as_column(array, np.float64, "x") is array


BAD_COLUMNS = [
    (3.0, "one-dimensional, got shape ()"),
    (np.zeros((2, 2)), "one-dimensional, got shape (2, 2)"),
    ([[1], [2, 3]], "one-dimensional"),
    (["1,234.50", "2"], "x must be numeric, got dtype <U8"),
    ([1.0, "2"], "x must be numeric"),
    ([None, "2"], "x[1] must be a number, got '2'"),
    ([1, [2]], "one-dimensional"),
    ([1j], "x must be numeric, got dtype complex128"),
    (np.array(["2024-01-01"], "datetime64[D]"), "x must be numeric"),
    ([1, Ellipsis], "x[1] must be a number"),
    ([None, 1j], "x[1] must be a number"),
    (None, "one-dimensional"),
    ({"a": 1}, "one-dimensional"),
]


@pytest.mark.parametrize(("values", "says"), BAD_COLUMNS)
def test_what_is_no_column_is_told(values, says):
    with pytest.raises(InvalidInputError) as caught:
        v.as_column(values, np.float64, "x")
    assert says in str(caught.value)
    assert caught.value.argument == "x"


def test_whole_numbers_pass_into_integer_columns():
    assert_array_equal(v.as_column([1.0, 2.0], np.int64, "x"), [1, 2])
    assert_array_equal(v.as_column(np.array([255], np.int64), np.uint8, "x"), [255])
    assert_array_equal(v.as_column([-(2.0**63)], np.int64, "x"), [-(2**63)])


@pytest.mark.parametrize(
    ("values", "dtype", "row"),
    [
        ([1.0, 1.5], np.int64, 1),
        ([1.0, math.nan], np.int64, 1),
        ([2.0**63], np.int64, 0),
        ([math.inf], np.int64, 0),
        ([0, 256], np.uint8, 1),
        ([-1], np.uint64, 0),
        (np.array([2**63], np.uint64), np.int64, 0),
        ([1, None], np.int64, 1),
    ],
)
def test_integer_columns_neither_cut_nor_wrap(values, dtype, row):
    with pytest.raises(InvalidInputError, match=rf"x\[{row}\] must be a whole number") as caught:
        v.as_column(values, dtype, "x")
    assert caught.value.row == row


FLAGS = [
    [True, False],
    [1, 0],
    [1.0, 0.0],
    np.array([1, 0], np.uint8),
    np.array([True, False], object),
    pd.Series([True, False]),
    pd.Series([True, False], dtype="boolean"),
    np.ma.array([True, False], mask=[0, 0]),
]


@pytest.mark.parametrize("values", FLAGS)
def test_flags_become_bytes(values):
    flags = v.as_flags(values, "churned")
    assert flags.dtype == np.uint8
    assert flags.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("values", "row"),
    [
        ([0, 1, 2], 2),
        ([1, math.nan], 1),
        ([1, None], 1),
        ([0.5], 0),
        ([-1], 0),
        (np.ma.array([True, False], mask=[0, 1]), 1),
        (pd.Series([True, None], dtype="boolean"), 1),
    ],
)
def test_a_flag_that_is_neither_names_its_row(values, row):
    with pytest.raises(InvalidInputError, match=rf"churned\[{row}\] must be 0 or 1") as caught:
        v.as_flags(values, "churned")
    assert caught.value.row == row


def test_flags_are_no_words():
    with pytest.raises(InvalidInputError, match="churned must be numeric"):
        v.as_flags(["yes", "no"], "churned")


@pytest.mark.parametrize("value", [1, 1.5, np.float32(1.5), np.int8(1), decimal.Decimal("1.5")])
def test_numbers_pass(value):
    assert v.as_number(value, "x") == float(value)


@pytest.mark.parametrize(
    ("value", "bounds", "rule"),
    [
        (math.nan, {}, "finite"),
        (math.inf, {}, "finite"),
        (-math.inf, {"finite": False, "at_least": 0.0}, ">= 0"),
        (math.nan, {"finite": False}, "a number"),
        (0.0, {"above": 0.0}, "finite and > 0"),
        (-0.1, {"at_least": 0.0, "at_most": 1.0}, "finite and >= 0 and <= 1"),
        (1.0, {"below": 1.0}, "finite and < 1"),
        (1.1, {"at_most": 1.0}, "finite and <= 1"),
        ("1", {}, "a number"),
        (b"1", {}, "a number"),
        (None, {}, "a number"),
        ([1, 2], {}, "a number"),
        (10**400, {}, "a number"),
    ],
)
def test_numbers_out_of_bounds_name_the_rule(value, bounds, rule):
    with pytest.raises(InvalidInputError) as caught:
        v.as_number(value, "x", **bounds)
    assert str(caught.value).startswith(f"x must be {rule}, got ")
    assert caught.value.value is value


def test_infinity_passes_where_it_may():
    assert v.as_number(math.inf, "x", finite=False) == math.inf


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_counts_pass(value):
    count = v.as_count(value, "k")
    assert (count, type(count)) == (3, int)


@pytest.mark.parametrize("value", [3.0, "3", True, np.True_, None, -1, 1.5, math.nan])
def test_what_is_no_count_is_refused(value):
    with pytest.raises(InvalidInputError, match=r"^k must be"):
        v.as_count(value, "k")


def test_choices_compare_by_type():
    assert v.as_choice("on", "match", ("on", None)) == "on"
    assert v.as_choice(None, "match", ("on", None)) is None
    for value in ("off", 1, True, ["on"], np.array(["on"])):
        with pytest.raises(InvalidInputError, match=r"match must be one of 'on', 1\.0"):
            v.as_choice(value, "match", ("on", 1.0))


def test_seeds():
    assert v.as_seed(7) == 7
    assert v.as_seed(2**64 - 1) == 2**64 - 1
    assert v.as_seed(np.random.default_rng(1)) == v.as_seed(np.random.default_rng(1))
    assert v.as_seed(np.random.RandomState(1)) == v.as_seed(np.random.RandomState(1))
    assert len({v.as_seed(None) for _ in range(20)}) == 20
    for value in (-1, 2**64, 1.0, "7", True):
        with pytest.raises(InvalidInputError, match=r"^random_state must be"):
            v.as_seed(value)


def test_threads():
    cpus = len(os.sched_getaffinity(0))
    assert v.as_threads(None) == min(cpus, 8)
    assert v.as_threads(3) == 3
    assert v.as_threads(10**6) == 256
    for value in (0, -5, 1.5, "2", True):
        with pytest.raises(InvalidInputError, match=r"^n_threads must be"):
            v.as_threads(value)


def test_the_environment_of_openmp_is_not_ours(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "junk")
    assert v.as_threads(None) >= 1
