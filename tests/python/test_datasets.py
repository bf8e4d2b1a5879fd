"""The published data sets: counts of the papers, types, and frames."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from tenure import InvalidInputError
from tenure.datasets import load_cdnow, load_donations


@pytest.fixture(scope="module")
def master():
    return load_cdnow()


@pytest.fixture(scope="module")
def sample():
    return load_cdnow(sample=True)


def orders(table):
    return len(set(zip(table["customer_id"].to_pylist(), table["date"].to_pylist(), strict=True)))


def test_cdnow_has_the_published_counts(master, sample):
    assert master.num_rows == 69_659
    assert len(np.unique(master["customer_id"])) == 23_570
    assert orders(master) == 67_591
    assert sample.num_rows == 6_919
    assert len(np.unique(sample["customer_id"])) == 2_357
    assert orders(sample) == 6_696
    assert np.array_equal(np.unique(sample["sample_id"]), np.arange(1, 2_358))


def test_cdnow_has_the_printed_rows(master, sample):
    assert master.slice(0, 3).to_pylist() == [
        {"customer_id": 1, "date": dt.date(1997, 1, 1), "units": 1, "amount": 11.77},
        {"customer_id": 2, "date": dt.date(1997, 1, 12), "units": 1, "amount": 12.0},
        {"customer_id": 2, "date": dt.date(1997, 1, 12), "units": 5, "amount": 77.0},
    ]
    assert sample.slice(3, 2).to_pylist() == [
        {
            "customer_id": 4,
            "sample_id": 1,
            "date": dt.date(1997, 12, 12),
            "units": 2,
            "amount": 26.48,
        },
        {
            "customer_id": 21,
            "sample_id": 2,
            "date": dt.date(1997, 1, 1),
            "units": 3,
            "amount": 63.34,
        },
    ]
    assert master.schema.field("date").type == pa.date32()
    assert master.column_names == ["customer_id", "date", "units", "amount"]


def test_cdnow_has_the_moments_of_the_paper(sample):
    """Calibration of 39 weeks: 2,457 repeat purchases, 946 repeaters; hold-out 1,882 purchases."""
    ids, days = sample["customer_id"].to_numpy(), sample["date"].to_numpy()
    distinct = set(zip(ids.tolist(), days.tolist(), strict=True))
    cut = dt.date(1997, 9, 30)
    calibration = Counter(c for c, day in distinct if day <= cut)
    assert sum(calibration.values()) - len(calibration) == 2_457
    assert sum(n > 1 for n in calibration.values()) == 946
    assert sum(day > cut for _, day in distinct) == 1_882


def test_the_sample_is_the_masters_rows(master, sample):
    inside = np.isin(master["customer_id"].to_numpy(), sample["customer_id"].to_numpy())
    mine = sample.to_pandas().sort_values(["customer_id", "date"], kind="stable")
    columns = master.column_names
    assert mine[columns].to_numpy().tolist() == (
        master.filter(pa.array(inside)).to_pandas()[columns].to_numpy().tolist()
    )


@pytest.mark.parametrize(("which", "key"), [("master", "customer_id"), ("sample", "sample_id")])
def test_rows_ascend_by_customer_and_date(which, key, request):
    table = request.getfixturevalue(which)
    step = np.diff(table[key].to_numpy())
    assert (step >= 0).all()
    assert (np.diff(table["date"].to_numpy()).astype(int)[step == 0] >= 0).all()


def test_donations_have_the_published_cells():
    table = load_donations()
    rows = {(r["frequency"], r["recency"]): r["weight"] for r in table.to_pylist()}
    assert len(rows) == table.num_rows == 22
    assert sum(rows.values()) == 11_104
    assert rows[0, 0] == 3_464
    assert rows[6, 6] == 1_203
    assert set(table["T"].to_pylist()) == {6}


@pytest.mark.parametrize("load", [load_cdnow, load_donations])
def test_frames_are_equal_in_every_library(load):
    arrow = load()
    pandas = load(as_frame="pandas")
    polars = load(as_frame="polars")
    assert list(pandas.columns) == polars.columns == arrow.column_names
    for name in arrow.column_names:
        assert pandas[name].tolist() == polars[name].to_list() == arrow[name].to_pylist()


def test_wrong_settings_are_named():
    with pytest.raises(InvalidInputError, match="as_frame must be one of") as caught:
        load_cdnow(as_frame="numpy")
    assert caught.value.argument == "as_frame"
    with pytest.raises(InvalidInputError, match="sample must be one of"):
        load_cdnow(sample="yes")
