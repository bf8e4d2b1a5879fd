"""Streams: a source read in small parts gives what the same source in memory gives."""

from __future__ import annotations

import gzip
import threading

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_logs import LOG, assert_same_log, columns, customers, frame, plain

import tenure as tn
from tenure.events import event_stream as stream_module


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of some 50 rows, so that customers lie across batches and parts."""
    monkeypatch.setattr(stream_module, "_part_rows", lambda *_: 50)


def write(rows: pd.DataFrame, path, **more):
    table = pa.Table.from_pandas(rows.assign(event=rows["event"].astype(str)), preserve_index=False)
    if table.schema.field("event").type == pa.null():
        table = table.set_column(3, "event", pa.array([], pa.string()))
    pq.write_table(table, path, row_group_size=64, **more)
    return path


def scans():
    return (
        tn.cohort.RetentionScan("week", value="revenue", n_bootstrap=20),
        tn.cohort.RetentionScan("month", by="channel", match="on_or_after"),
        tn.cohort.GrowthScan("week"),
        tn.cohort.ActiveUsersScan(),
        tn.cohort.StickinessScan("day", "month"),
        tn.journey.FunnelScan(["view", "cart", "pay"], window="20d", by="shop"),
    )


@settings(max_examples=12)
@given(st.integers(0, 400), st.integers(0, 10**6), st.booleans(), st.booleans())
def test_a_stream_gives_what_memory_gives(tmp_path_factory, n, seed, text, table):
    path = write(frame(n, seed, text=text), tmp_path_factory.mktemp("s") / "log.parquet")
    more = LOG | {"timezone": "America/Sao_Paulo", "ambiguous": "earliest"}
    if table and not text:
        more["customers"] = customers(max(n // 3, 3))
    log = tn.read(path, **more)
    streamed = tn.stream(path, **more)
    assert (streamed.n_rows, streamed.observed_from, streamed.observed_until) == (
        n,
        log.observed_from,
        log.observed_until,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream_module, "_part_rows", lambda *_: 50)
        parts = list(streamed)
        results = streamed.run(*scans())
    for scan, found in zip(scans(), results, strict=True):
        assert plain(found) == plain(scan.visit(log).finish())

    whole, cut = columns(log), [columns(p) for p in parts]
    for name in ("ids", "time", "amount", "event"):
        assert [v for c in cut for v in c[name]] == whole[name]
    for name, values in whole["properties"].items():
        assert [v for c in cut for v in c["properties"][name]] == values
    if log.customers is not None:
        assert [r for c in cut for r in c["customers"]] == whole["customers"]
    assert {p.observed_until for p in parts} == {log.observed_until}
    if n >= 200:
        assert len(parts) > 1


def test_csv_sql_and_databases_stream_as_they_read(tmp_path, small_parts):
    duckdb = pytest.importorskip("duckdb")
    rows = frame(300, 2)
    path = tmp_path / "rows.csv.gz"
    with gzip.open(path, "wt") as file:
        rows.to_csv(file, index=False)
    base = tmp_path / "shop.duckdb"
    with duckdb.connect(str(base)) as connection:
        connection.register("rows", rows)
        connection.execute("CREATE TABLE t AS SELECT * FROM rows")
    query = {"sql": "SELECT * FROM source WHERE paid > 0"}
    for source, more in [
        (path, {}),
        (path, query),
        (None, {"sql": "SELECT * FROM t", "database": base}),
    ]:
        log = tn.read(source, **more, **LOG)
        (growth,) = tn.stream(source, **more, **LOG).run(tn.cohort.GrowthScan("week"))
        assert plain(growth) == plain(tn.cohort.growth(log, "week"))


@pytest.mark.parametrize("on_refund", ["net", "match", "drop"])
@pytest.mark.parametrize("on_invalid", ["raise", "drop"])
def test_policies_hold_for_streams(tmp_path, small_parts, on_refund, on_invalid):
    rows = frame(500, 7).assign(paid=lambda f: f["paid"].round())
    if on_invalid == "drop":
        rows.loc[::9, "paid"] = np.nan
        rows["who"] = rows["who"].astype("Int64")
        rows.loc[::31, "who"] = pd.NA
        rows.loc[::37, "when"] = pd.NaT
        rows.loc[5, "when"] = pd.Timestamp("1500-01-01")
    path = write(rows, tmp_path / "log.parquet")
    more = LOG | {
        "on_refund": on_refund,
        "on_invalid": on_invalid,
        "observed_until": "2024-03-15",
    }
    log, streamed = tn.read(path, **more), tn.stream(path, **more)
    parts = list(streamed)
    assert len(parts) > 3
    assert sum(p.n_rows for p in parts) == log.n_rows
    frames = [p.summary(unit="day").to_pandas() for p in parts]
    assert pd.concat(frames, ignore_index=True).equals(log.summary(unit="day").to_pandas())
    assert (streamed.observed_from, streamed.observed_until) == (
        log.observed_from,
        log.observed_until,
    )
    found = {k: sum(p.data_report.findings[k] for p in parts) for k in log.data_report.findings}
    assert found == log.data_report.findings


@pytest.mark.parametrize(
    ("column", "value", "more"),
    [
        ("who", None, {}),
        ("when", None, {}),
        ("when", pd.Timestamp("1599-12-31"), {}),
        ("paid", np.nan, {}),
        ("paid", np.inf, {}),
        ("paid", -1.0, {"on_refund": "raise"}),
    ],
)
def test_bad_cells_are_told_before_the_pass_as_memory_tells_them(tmp_path, column, value, more):
    rows = frame(300, 1).assign(paid=1.5, event="pay", who=lambda f: f["who"].astype("Int64"))
    for row in (7, 70, 71, 72, 73, 74, 200):
        rows.loc[row, column] = value
    path = write(rows, tmp_path / "log.parquet")
    with pytest.raises(tn.InvalidInputError) as memory:
        tn.read(path, **LOG, **more)
    with pytest.raises(tn.InvalidInputError) as told:
        tn.stream(path, **LOG, **more)
    assert str(told.value) == str(memory.value)
    assert (told.value.argument, told.value.row) == (memory.value.argument, memory.value.row)


def test_a_missing_name_and_a_time_that_happens_twice_are_told_with_their_place(tmp_path):
    rows = frame(60, 1).sort_values("who", ascending=False, ignore_index=True)
    rows.loc[17, "event"] = None
    path = tmp_path / "log.parquet"
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), path)
    with pytest.raises(tn.InvalidInputError, match=r"event\[17\] has no event name") as told:
        tn.stream(path, **LOG)
    assert told.value.row == 17

    rows = frame(60, 1).sort_values("who", ascending=False, ignore_index=True)
    rows.loc[3, "when"] = pd.Timestamp("2024-10-27 01:30")
    rows.loc[4, "when"] = pd.Timestamp("2024-10-28 01:30")
    who = rows.loc[3, "who"]
    path = write(rows, path)
    streamed = tn.stream(path, **LOG, timezone="Europe/London", observed_until="2025-01-31")
    with pytest.raises(tn.InvalidInputError, match=f"one of {who} at 2024-10-27 01:30:00"):
        list(streamed)
    with pytest.raises(tn.InvalidInputError, match="first or the last of all at 2024-10-27 01:30"):
        tn.stream(write(rows.drop(4), path), **LOG, timezone="Europe/London")


def test_what_cannot_be_streamed_is_told(tmp_path):
    path = write(frame(50), tmp_path / "log.parquet")
    with pytest.raises(tn.InvalidInputError, match="'nobody' is not a column"):
        tn.stream(path, customer="nobody", time="when")
    with pytest.raises(tn.InvalidInputError, match="orders names 'buy'"):
        tn.stream(path, **(LOG | {"orders": ["buy"]}))
    with pytest.raises(tn.InvalidInputError, match="paid must be timestamps"):
        tn.stream(path, customer="who", time="paid")
    with pytest.raises(tn.InvalidInputError, match="there is no file"):
        tn.stream(tmp_path / "none.parquet", customer="who", time="when")
    with pytest.raises(tn.InvalidInputError, match="run takes scans"):
        tn.stream(path, **LOG).run("growth")
    with pytest.raises(tn.InvalidInputError, match="property of the log"):
        tn.stream(path, **LOG).run(tn.journey.FunnelScan(["view"], by="colour"))
    for limit in ("1 horse", "10MB", 0, None, True):
        with pytest.raises(tn.InvalidInputError, match="memory_limit must be at least 256 MiB"):
            tn.stream(path, **LOG, memory_limit=limit)


def test_a_stream_can_be_left_and_begun_again(tmp_path, small_parts):
    path = write(frame(2000, 3), tmp_path / "log.parquet")
    streamed = tn.stream(path, **LOG, memory_limit="0.5GB")
    first = next(iter(streamed))
    for part in streamed:
        assert_same_log(part, first)
        break
    assert threading.active_count() < 10
    seen = []
    streamed.run(tn.cohort.GrowthScan(), progress=lambda done, rows: seen.append((done, rows)))
    assert seen[-1] == (2000, 2000)
    assert len(seen) > 10
    assert repr(streamed).startswith("EventStream: 2,000 rows, 2024-01-01 to ")


def test_a_customer_larger_than_a_part_stays_whole(tmp_path, small_parts):
    rows = frame(700, 5).assign(who=lambda f: np.where(np.arange(700) % 3 == 0, 9, f["who"]))
    path = write(rows, tmp_path / "log.parquet")
    parts = list(tn.stream(path, **LOG))
    ids = [i for p in parts for i in p.customer_ids.tolist()]
    assert ids == sorted(set(rows["who"]))
    assert max(p.n_rows for p in parts) > 230
