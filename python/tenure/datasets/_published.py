"""Published data sets of the customer-base literature, kept in the package."""

from __future__ import annotations

import importlib.resources
from typing import Any

from tenure._extras import require
from tenure._validation import as_choice

FRAMES = ("arrow", "pandas", "polars")


def convert(table: Any, as_frame: str) -> Any:
    """Return a `pyarrow.Table` as the library that was asked for."""
    as_choice(as_frame, "as_frame", FRAMES)
    if as_frame == "pandas":
        require("pandas", "return a DataFrame")
        return table.to_pandas()
    if as_frame == "polars":
        return require("polars", "return a polars DataFrame").from_arrow(table)
    return table


def _read(name: str) -> Any:
    import pyarrow.parquet as pq

    with (importlib.resources.files("tenure.datasets") / "data" / name).open("rb") as file:
        return pq.read_table(file)


def load_cdnow(sample: bool = False, *, as_frame: str = "arrow") -> Any:
    """Return the CDNOW orders: purchases of CDs by one cohort of new customers.

    Everyone who first bought at CDNOW in the first quarter of 1997, and all they bought until
    1998-06-30: 23,570 customers, 69,659 rows, 67,591 orders when the rows of one day are merged.
    The papers fit a systematic sample of a tenth, 2,357 customers (6,919 rows).

    Parameters
    ----------
    sample : bool
        Only the customers of the papers' sample, with their number in it as `sample_id`.
    as_frame : {"arrow", "pandas", "polars"}
        The library of the table that is returned.

    Returns
    -------
    pyarrow.Table, pandas.DataFrame or polars.DataFrame
        Columns `customer_id` (int64, 1 to 23,570), `sample_id` (int64, 1 to 2,357, only with
        `sample`), `date` (date32), `units` (int64, number of CDs) and `amount` (float64, US
        dollars; 80 rows of the master are 0). Ordered by customer and date; the sample by
        `sample_id` and date, which is the order of the papers and not that of `customer_id`.

    Raises
    ------
    InvalidInputError
        If `as_frame` is none of the three.

    Notes
    -----
    Collected by Fader and Hardie, who publish it at brucehardie.com/datasets and use it in
    [Fader & Hardie 2001, Interfaces 31:S94-S107] and [Fader, Hardie & Lee 2005, Marketing Science
    24:275-284]. See docs/datasets.md.

    Examples
    --------
    >>> load_cdnow().num_rows
    69659
    >>> load_cdnow(sample=True).slice(0, 2).to_pylist()[0]["amount"]
    29.33
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    as_choice(sample, "sample", (True, False))
    stored = _read("cdnow.parquet")
    if sample:
        stored = stored.filter(pc.greater(stored["sample_id"], 0))
        # Arrow does not promise a stable sort: the row breaks the ties.
        row = pa.array(range(stored.num_rows), pa.int32())
        stored = stored.append_column("row", row).sort_by(
            [("sample_id", "ascending"), ("row", "ascending")]
        )
    columns = {
        "customer_id": stored["customer_id"].cast(pa.int64()),
        "sample_id": stored["sample_id"].cast(pa.int64()),
        "date": stored["day"].cast(pa.date32()),
        "units": stored["units"].cast(pa.int64()),
        # Cents over 100 is the double nearest to the printed decimal.
        "amount": pc.divide(stored["cents"].cast(pa.float64()), 100.0),
    }
    if not sample:
        del columns["sample_id"]
    return convert(pa.table(columns).combine_chunks(), as_frame)


def load_donations(*, as_frame: str = "arrow") -> Any:
    """Return the annual donations of 11,104 people who first gave to a charity in 1995.

    For each pattern over the six years after: in how many of them they gave, and in which year
    last. The data of the BG/BB model, whose sufficient statistics these are.

    Parameters
    ----------
    as_frame : {"arrow", "pandas", "polars"}
        The library of the table that is returned.

    Returns
    -------
    pyarrow.Table, pandas.DataFrame or polars.DataFrame
        22 rows: `frequency` (years with a gift), `recency` (last year with one, 0 if none), `T`
        (years, 6) and `weight` (number of people), all int64: what `clv.BGBB` reads.

    Raises
    ------
    InvalidInputError
        If `as_frame` is none of the three.

    Notes
    -----
    [Fader, Hardie & Shang 2010, Marketing Science 29:1086-1108, table 1]. See docs/datasets.md.

    Examples
    --------
    >>> import pyarrow.compute as pc
    >>> pc.sum(load_donations()["weight"]).as_py()
    11104
    """
    stored = _read("donations.parquet")
    return convert(stored.rename_columns(["frequency", "recency", "T", "weight"]), as_frame)
