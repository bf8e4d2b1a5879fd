"""Writes the data of `tenure.datasets` from the copies in the PyPI package lifetimes 0.11.3.

    pip download lifetimes==0.11.3 --no-deps && unzip -d lt Lifetimes-*.whl
    python tools/make_datasets.py lt/lifetimes/datasets

CDNOW: the sample is the master's rows of 2,357 customers (checked here), so one file holds both;
amounts are whole cents. Published by Fader and Hardie at brucehardie.com/datasets. Donations:
[Fader, Hardie & Shang 2010], table of 22 cells. See docs/datasets.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).resolve().parents[1] / "python/tenure/datasets/data"


def read_text(path: Path, names: list[str]) -> pd.DataFrame:
    skip = 1 if "customer_id" in path.read_text().partition("\n")[0] else 0
    frame = pd.read_csv(path, sep=r"\s+", names=names, skiprows=skip)
    frame["cents"] = (frame.pop("amount") * 100).round().astype("int32")
    return frame


def write(table: pa.Table, name: str) -> None:
    path = OUT / name
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=["cents", "units"] if "cents" in table.column_names else False,
        column_encoding={
            c: "DELTA_BINARY_PACKED"
            for c in table.column_names
            if c in {"customer_id", "sample_id", "day"}
        },
        write_statistics=False,
        store_schema=False,
    )
    print(f"{name}: {table.num_rows} rows, {path.stat().st_size} bytes")


def cdnow(folder: Path) -> None:
    master = read_text(folder / "CDNOW_master.txt", ["customer_id", "date", "units", "amount"])
    sample = read_text(
        folder / "CDNOW_sample.txt", ["customer_id", "sample_id", "date", "units", "amount"]
    )
    assert (len(master), master.customer_id.nunique()) == (69_659, 23_570)
    assert len(master.drop_duplicates(["customer_id", "date"])) == 67_591
    assert (len(sample), sample.customer_id.nunique()) == (6_919, 2_357)
    key = ["customer_id", "date", "units", "cents"]
    mine = master[master.customer_id.isin(sample.customer_id)].sort_values(key)
    theirs = sample[key].sort_values(key)
    assert np.array_equal(mine[key].to_numpy(), theirs.to_numpy())

    numbers = sample.drop_duplicates("customer_id").set_index("customer_id").sample_id
    master = master.sort_values(["customer_id", "date"], kind="stable")
    day = pd.to_datetime(master.date.astype(str), format="%Y%m%d")
    table = pa.table(
        {
            "customer_id": pa.array(master.customer_id, pa.int32()),
            "day": pa.array((day - pd.Timestamp(0)).dt.days, pa.int32()),
            "units": pa.array(master.units, pa.int32()),
            "cents": pa.array(master.cents, pa.int32()),
            # 0: not in the sample.
            "sample_id": pa.array(master.customer_id.map(numbers).fillna(0), pa.int32()),
        }
    )
    write(table, "cdnow.parquet")


def donations(folder: Path) -> None:
    frame = pd.read_csv(folder / "donations.csv").rename(columns={"weights": "weight"})
    assert len(frame) == 22
    assert frame.weight.sum() == 11_104
    write(
        pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(),
        "donations.parquet",
    )


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    cdnow(Path(sys.argv[1]))
    donations(Path(sys.argv[1]))
