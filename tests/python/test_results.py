"""Results are frozen, become tables of any library, and show themselves safely."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from tenure._results import Table, frozen


@dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False)
class Prices(Table):
    name: object
    price: np.ndarray
    note: str = "in euro"

    def _columns(self):
        return {"name": self.name, "price": self.price}

    def _title(self):
        return f"Prices, {self.note}"


@pytest.fixture
def prices():
    return Prices(pa.array(["tea", "coffee", None]), np.array([1.5, 1234567.891, np.nan]))


def test_a_result_cannot_be_changed(prices):
    with pytest.raises(dataclasses.FrozenInstanceError):
        prices.note = "in pounds"
    with pytest.raises(ValueError, match="read-only"):
        prices.price[0] = 0.0
    with pytest.raises((AttributeError, TypeError)):
        prices.other = 1


def test_the_callers_array_stays_writable():
    mine = np.zeros(3)
    assert not frozen(mine).flags.writeable
    mine[0] = 1.0
    assert frozen("text") == "text"


def test_a_result_is_a_table_of_any_library(prices):
    assert prices.to_arrow().column_names == ["name", "price"]
    assert pa.table(prices).equals(prices.to_arrow()) is False  # NaN is not NaN, so compare values
    assert pa.table(prices)["name"].to_pylist() == ["tea", "coffee", None]
    assert pl.DataFrame(prices)["price"].to_list()[:2] == [1.5, 1234567.891]
    assert prices.to_polars().columns == ["name", "price"]
    assert prices.to_pandas()["price"].tolist()[:2] == [1.5, 1234567.891]


def test_repr_shows_title_and_aligned_rows(prices):
    assert repr(prices).splitlines() == [
        "Prices, in euro",
        "  name        price",
        "   tea          1.5",
        "coffee  1.23457e+06",
        "     -          nan",
    ]


def test_repr_shows_ten_rows_and_counts_the_rest():
    many = Prices(pa.array(["x"] * 12345), np.arange(12345.0))
    lines = repr(many).splitlines()
    assert len(lines) == 13
    assert lines[-1] == "... 12,335 more rows"
    assert "12,335 more rows" in many._repr_html_()


def test_an_empty_result_shows_its_columns():
    empty = Prices(pa.array([], pa.string()), np.array([]))
    assert repr(empty) == "Prices, in euro\nname  price"
    assert empty.to_pandas().shape == (0, 2)


ATTACKS = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</td></table>", "a&b"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_html_escapes_cells_heads_and_titles(attack):
    @dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False)
    class Named(Table):
        cell: object

        def _columns(self):
            return {attack: self.cell}

        def _title(self):
            return attack

    shown = Named(pa.array([attack]))._repr_html_()
    assert attack not in shown
    assert shown.count("&lt;") + shown.count("&amp;") >= 3
