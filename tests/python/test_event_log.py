"""The event log against readings of the definitions that share no code with the engine."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tenure as tn

START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)

rows = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "", "zoë", "eve"]),
        st.integers(0, 80 * 24 * 60),  # minutes
        st.sampled_from([-5.0, -1.0, 0.0, 1.0, 2.5, 5.0]),
    ),
    min_size=1,
    max_size=40,
)


def frame(data: list[tuple[str, int, float]]) -> dict[str, object]:
    return {
        "who": [r[0] for r in data],
        "when": [START + dt.timedelta(minutes=r[1]) for r in data],
        "paid": [r[2] for r in data],
    }


def log_of(data: list[tuple[str, int, float]], **options: object) -> tn.EventLog:
    return tn.EventLog(frame(data), customer="who", time="when", amount="paid", **options)


def summary_by_definition(
    data: list[tuple[str, int, float]], tz: ZoneInfo, end: dt.date
) -> dict[str, tuple[int, int, int, float, float]]:
    """orders - 1, days first to last, days to the end, mean of the repeats, revenue."""
    days: dict[str, dict[dt.date, list[float]]] = defaultdict(lambda: defaultdict(list))
    for who, minute, paid in data:
        day = (START + dt.timedelta(minutes=minute)).astimezone(tz).date()
        days[who][day].append(paid)
    out = {}
    for who, by_day in days.items():
        orders = sorted(d for d, paid in by_day.items() if any(p >= 0 for p in paid))
        if not orders:
            continue
        repeats = [sum(by_day[d]) for d in orders[1:]]
        out[who] = (
            len(orders) - 1,
            (orders[-1] - orders[0]).days,
            (end - orders[0]).days,
            sum(repeats) / len(repeats) if repeats else math.nan,
            sum(map(sum, by_day.values())),
        )
    return out


@given(rows, st.sampled_from(["UTC", "America/Sao_Paulo", "Asia/Kolkata"]))
def test_the_summary_is_the_definition(data: list[tuple[str, int, float]], zone: str) -> None:
    log = log_of(data, timezone=zone)
    last = max((START + dt.timedelta(minutes=r[1])).astimezone(ZoneInfo(zone)) for r in data).date()
    expected = summary_by_definition(data, ZoneInfo(zone), last)
    s = log.summary(unit="day")
    assert s.customer.to_pylist() == sorted(expected, key=lambda w: w.encode())
    for i, who in enumerate(s.customer.to_pylist()):
        got = (s.frequency[i], s.recency[i], s.T[i], s.monetary_value[i], s.revenue[i])
        np.testing.assert_allclose(got, expected[who], rtol=1e-14, atol=1e-14)


@given(rows, st.randoms(use_true_random=False))
def test_row_order_and_threads_change_nothing(data: list[tuple[str, int, float]], random) -> None:
    shuffled = list(data)
    random.shuffle(shuffled)
    once, again = log_of(data, n_threads=1).summary(), log_of(shuffled, n_threads=3).summary()
    for name, column in once._columns().items():
        if name != "customer":
            assert column.tobytes() == again._columns()[name].tobytes(), name


@given(rows, st.integers(0, 80))
def test_split_cuts_at_the_end_of_the_day(data: list[tuple[str, int, float]], day: int) -> None:
    cut = (START + dt.timedelta(days=day)).date()
    log = log_of(data, observed_until="2024-12-31")
    history, future = log.split(str(cut))
    before = sum(r[1] < (day + 1) * 24 * 60 for r in data)
    assert (history.n_rows, future.n_rows) == (before, len(data) - before)
    whole = log.calibration_holdout(cut)
    np.testing.assert_array_equal(whole.calibration.frequency, history.summary().frequency)
    later = {w: (f + 1, r) for w, f, r in _orders(future)}
    for i, who in enumerate(whole.calibration.customer.to_pylist()):
        assert (whole.orders_holdout[i], whole.amount_holdout[i]) == later.get(who, (0, 0.0))


def _orders(log: tn.EventLog):
    s = log.summary()
    return zip(s.customer.to_pylist(), s.frequency, s.revenue, strict=True)


# --- any frame ------------------------------------------------------------------------------------

DATA = [("b", 3, 1.0), ("a", 5_000, 2.0), ("b", 9_000, 4.0), ("a", 9_000, 8.0)]


def arrow(data=DATA) -> pa.Table:
    return pa.table(frame(data))


def column(name: str, values: object) -> pa.Table:
    table = arrow()
    return table.set_column(table.schema.get_field_index(name), name, values)


def cast(name: str, to: pa.DataType) -> pa.Table:
    return column(name, arrow()[name].cast(to))


def dictionary_of_large_text() -> pa.Table:
    levels = pa.array(["a", "b", "nobody"], pa.large_string())
    codes = pa.array([1, 0, 1, 0], pa.uint8())
    return column("who", pa.chunked_array([pa.DictionaryArray.from_arrays(codes, levels)]))


def numpy_arrays() -> dict[str, np.ndarray]:
    naive = [t.replace(tzinfo=None) for t in frame(DATA)["when"]]
    return {k: np.array(naive if k == "when" else v) for k, v in frame(DATA).items()}


def in_chunks() -> pa.Table:
    empty = arrow([]).cast(arrow().schema)
    return pa.concat_tables([arrow(DATA[:1]), empty, arrow(DATA[1:])])


FRAMES = {
    "arrow": arrow,
    "record batch": lambda: arrow().to_batches()[0],
    "chunks": in_chunks,
    "slice": lambda: arrow([("x", 0, 0.0), *DATA]).slice(1),
    "large text": lambda: cast("who", pa.large_string()),
    "text view": lambda: cast("who", pa.string_view()),
    "dictionary": lambda: column("who", arrow()["who"].dictionary_encode()),
    "dictionary with an unused level": dictionary_of_large_text,
    "pandas": lambda: arrow().to_pandas(),
    "pandas categorical": lambda: arrow().to_pandas().astype({"who": "category"}),
    "pandas object": lambda: arrow().to_pandas().astype({"who": object}),
    "polars": lambda: pl.from_arrow(arrow()),
    "polars categorical": lambda: pl.from_arrow(arrow()).cast({"who": pl.Categorical}),
    "duckdb": lambda: duckdb.connect().from_arrow(arrow()),
    "dict": lambda: frame(DATA),
    "numpy": numpy_arrays,
    "reader": lambda: arrow().to_reader(max_chunksize=1),
    "seconds": lambda: cast("when", pa.timestamp("s", "UTC")),
    "milliseconds": lambda: cast("when", pa.timestamp("ms")),
    "nanoseconds": lambda: cast("when", pa.timestamp("ns", "Asia/Tokyo")),
    "decimal": lambda: cast("paid", pa.decimal128(9, 2)),
    "float32": lambda: cast("paid", pa.float32()),
    "float16": lambda: cast("paid", pa.float16()),
    "int8": lambda: cast("paid", pa.int8()),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_every_frame_gives_the_same_log(kind: str) -> None:
    log = tn.EventLog(FRAMES[kind](), customer="who", time="when", amount="paid")
    s = log.summary(unit="day")
    assert s.customer.to_pylist() == ["a", "b"]
    assert s.frequency.tolist() == [1, 1]
    assert s.recency.tolist() == [3.0, 6.0]
    assert s.monetary_value.tolist() == [8.0, 4.0]


@pytest.mark.parametrize(
    "ids",
    [
        np.array([3, 1, 3, 1], np.int8),
        np.array([3, 1, 3, 1], np.uint16),
        np.array([2**63 + 5, 1, 2**63 + 5, 1], np.uint64),
        np.array([-(2**63), 2**63 - 1, -(2**63), 2**63 - 1], np.int64),
        pa.array([3, 1, 3, 1], pa.int32()).dictionary_encode(),
    ],
)
def test_integer_ids_come_back(ids) -> None:
    data = {**frame(DATA), "who": ids}
    log = tn.EventLog(data, customer="who", time="when", amount="paid")
    values = ids.to_pylist() if isinstance(ids, pa.Array) else ids.tolist()
    assert log.customer_ids.tolist() == sorted(set(values))
    assert dict(
        zip(log.summary().customer.tolist(), log.summary().revenue.tolist(), strict=True)
    ) == {
        values[0]: 5.0,
        values[1]: 10.0,
    }


def test_strange_texts_are_kept_byte_for_byte() -> None:
    names = ["a\0b", "\u200b", "\u202eabc", "😀", "x" * 10_000, "", " a", "A", "a"]
    log = tn.EventLog({"c": names, "t": [dt.date(2024, 1, 1)] * len(names)}, customer="c", time="t")
    assert log.customer_ids.to_pylist() == sorted(names, key=str.encode)


def test_dates_begin_where_the_local_day_begins() -> None:
    # In São Paulo 2018-11-04 has no midnight: clocks jump from 00:00 to 01:00.
    days = [dt.date(2018, 11, 3), dt.date(2018, 11, 4), dt.date(2018, 11, 5)]
    log = tn.EventLog(
        {"c": [1, 1, 1], "t": days}, customer="c", time="t", timezone="America/Sao_Paulo"
    )
    zone = ZoneInfo("America/Sao_Paulo")
    got = [dt.datetime.fromtimestamp(t / 1e6, zone) for t in log._core.time.tolist()]
    assert [g.date() for g in got] == days
    assert [g.hour for g in got] == [0, 1, 0]
    assert log.summary(unit="day").recency.tolist() == [2.0]


@pytest.mark.parametrize(
    ("wall", "words"),
    [(dt.datetime(2024, 3, 31, 1, 30), "jump over"), (dt.datetime(2024, 10, 27, 1, 30), "twice")],
)
def test_wall_clock_times_that_do_not_exist_or_exist_twice(wall: dt.datetime, words: str) -> None:
    data = {"c": [1, 1], "t": [dt.datetime(2024, 1, 1), wall]}
    options = {"customer": "c", "time": "t", "timezone": "Europe/London"}
    with pytest.raises(tn.InvalidInputError, match=words) as caught:
        tn.EventLog(data, **options)
    assert (caught.value.argument, caught.value.row) == ("t", 1)
    first = tn.EventLog(data, **options, ambiguous="earliest")._core.time[1]
    last = tn.EventLog(data, **options, ambiguous="latest")._core.time[1]
    assert (last - first) / 3.6e9 == (1.0 if words == "twice" else 0.0)


# --- what is in the rows --------------------------------------------------------------------------

BAD = {
    "null id": ({"who": ["a", None, "b", None]}, "who is null in 2 rows .rows 1, 3"),
    "no time": ({"when": pa.array([START, None, START, START])}, "when is null in 1 row .row 1"),
    "year 54000": (
        {"when": pa.array([0, 1, 2, 1_640_995_200_000_000_000], pa.timestamp("us"))},
        "when lies outside the years 1600 to 2400",
    ),
    "NaN": ({"paid": [1.0, 2.0, math.nan, 3.0]}, "paid is null or NaN in 1 row .row 2"),
    "infinite": (
        {"paid": [1.0, -math.inf, 2.0, math.inf]},
        "paid is infinite or beyond 1e150 in 2 rows .rows 1, 3",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_cells_are_named_or_counted(kind: str) -> None:
    change, words = BAD[kind]
    data = {**frame(DATA), **change}
    with pytest.raises(tn.InvalidInputError, match=words) as caught:
        tn.EventLog(data, customer="who", time="when", amount="paid")
    assert caught.value.argument in change
    log = tn.EventLog(data, customer="who", time="when", amount="paid", on_invalid="drop")
    dropped = sum(log.data_report.findings.values())
    assert dropped > 0
    assert log.n_rows == len(DATA) - dropped == log.data_report.kept


TYPES = {
    "missing column": ({}, {"customer": "whom"}, "did you mean 'who'"),
    "mixed ids": ({"who": [1, "1", 1.0, 2]}, {}, "mixes integers .row 0. and text .row 1"),
    "float ids": ({"who": [1.0, math.nan, 2.0, 3.0]}, {}, "must be integers or text"),
    "huge ids": ({"who": [2**70, 1, 2, 3]}, {}, "who"),
    "yyyymmdd": ({"when": [20240131, 20240201, 20240202, 20240203]}, {}, "looks like yyyymmdd"),
    "epoch": ({"when": [1_700_000_000] * 4}, {}, "integers carry no unit"),
    "text time": ({"when": ["2024-01-01"] * 4}, {}, "parse the text"),
    "aware and naive": (
        {"when": [START, START.replace(tzinfo=None), START, START]},
        {},
        "mixes times",
    ),
    "text amount": ({"paid": ["1,234.50", "€5", "1", "2"]}, {}, "paid must be numbers"),
    "two-dimensional": ({"paid": np.ones((4, 1))}, {}, "one-dimensional"),
    "ragged": ({"paid": [1.0]}, {}, "differ in length"),
    "lone surrogate": ({"who": ["a", "\ud800", "b", "c"]}, {}, "who"),
    "unknown zone": ({}, {"timezone": "Mars/Olympus"}, "timezone must be an IANA name"),
    "no threads": ({}, {"n_threads": 0}, "n_threads must be >= 1"),
    "bad option": ({}, {"on_refund": "keep"}, "on_refund must be one of"),
    "orders without event": ({}, {"orders": ["x"]}, "go together"),
    "bad end": ({}, {"observed_until": "2024-13-01"}, "observed_until must be a date"),
}


@pytest.mark.parametrize("kind", TYPES)
def test_wrong_types_and_options_are_told(kind: str) -> None:
    change, options, words = TYPES[kind]
    arguments = {"customer": "who", "time": "when", "amount": "paid", **options}
    with pytest.raises(tn.InvalidInputError, match=words):
        tn.EventLog({**frame(DATA), **change}, **arguments)


def test_a_lazy_frame_is_asked_to_collect() -> None:
    with pytest.raises(tn.InvalidInputError, match="collect"):
        tn.EventLog(pl.LazyFrame({"c": [1]}), customer="c", time="t")


def test_an_empty_frame_gives_an_empty_log() -> None:
    log = tn.EventLog(arrow([]).cast(arrow().schema), customer="who", time="when", amount="paid")
    assert (log.n_rows, log.n_customers, len(log.summary())) == (0, 0, 0)
    assert list(log.summary().to_arrow().schema.names) == list(log.summary()._columns())


def test_refund_policies() -> None:
    day = 24 * 60
    data = [("a", 0, 10.0), ("a", 5 * day, 4.0), ("a", 9 * day, -4.0), ("a", 12 * day, -1.0)]

    def facts(**options: object) -> tuple[int, float, int]:
        log = log_of(data, **options)
        s = log.summary(unit="day")
        return int(s.frequency[0]), float(s.revenue[0]), log.data_report.findings["refund"]

    assert facts() == (1, 9.0, 2)
    assert facts(on_refund="match") == (0, 9.0, 2)
    assert facts(on_refund="drop") == (1, 14.0, 2)
    report = log_of(data, on_refund="match").data_report
    assert (report.findings["refund_matched"], report.findings["refund_unmatched"]) == (1, 1)
    assert report.kept == log_of(data, on_refund="match").n_rows
    with pytest.raises(tn.InvalidInputError, match=r"paid is negative \(a refund\) in 2 rows"):
        log_of(data, on_refund="raise")


def test_event_names_say_what_an_order_is() -> None:
    data = {
        "who": ["a", "a", "b", "a"],
        "when": [START + dt.timedelta(days=d) for d in (0, 3, 4, 8)],
        "what": ["visit", "order", "visit", "order"],
        "paid": [None, 5.0, math.nan, 7.0],
    }
    arguments = {"customer": "who", "time": "when", "amount": "paid", "event": "what"}
    log = tn.EventLog(data, **arguments, orders=["order"])
    s = log.summary(unit="day")
    assert s.customer.to_pylist() == ["a"]
    assert (s.frequency[0], s.recency[0], s.n_without_orders) == (1, 5.0, 1)
    assert log.event_names == ("order", "visit")
    with pytest.raises(tn.InvalidInputError, match="which is no event of the log"):
        tn.EventLog(data, **arguments, orders=["ordre"])


def test_customers_without_events_are_kept() -> None:
    table = pd.DataFrame({"who": ["z", "a", "m"], "channel": ["ads", "mail", "ads"]})
    log = log_of([("a", 0, 1.0), ("b", 1, 1.0)], customers=table)
    assert log.customer_ids.to_pylist() == ["a", "b", "m", "z"]
    assert log.customers["channel"].to_pylist() == ["mail", None, "ads", "ads"]
    assert log.summary().n_without_orders == 2
    assert log.split("2024-01-01")[0].n_customers == 4
    with pytest.raises(tn.InvalidInputError, match="more than one row for 'a'"):
        log_of([("a", 0, 1.0)], customers={"who": ["a", "a"]})


def test_the_end_of_observation_cuts_and_counts() -> None:
    log = log_of(DATA, observed_until="2024-01-04")
    assert (log.n_rows, log.data_report.findings["after_end"]) == (2, 2)
    assert log.observed_until == dt.datetime(2024, 1, 5, tzinfo=dt.UTC)
    later = log_of(DATA, observed_until="2024-01-31")
    assert later.summary(unit="day").T.tolist() == [27.0, 30.0]
    with pytest.raises(tn.InvalidInputError, match="behind the end of observation"):
        log.summary(end="2024-02-01")


def test_units_and_collapse_are_two_arguments() -> None:
    data = [("a", d * 24 * 60, 1.0) for d in (0, 1, 8, 40)]
    log = log_of(data, observed_until="2024-03-10")
    assert log.summary(unit="day", collapse="week").frequency.tolist() == [2]
    assert log.summary(unit="week", collapse="week").recency.tolist() == [5.0]
    assert log.summary(unit="month", collapse="month").T.tolist() == [2.0]
    assert log.summary(unit="day", collapse=None).T.tolist() == [70.0]
    assert log.summary(unit="week").recency.tolist() == [40 / 7]
    with pytest.raises(tn.InvalidInputError, match="unit must be one of"):
        log.summary(unit="fortnight")


def test_damaged_streams_are_refused() -> None:
    capsule = arrow().to_reader().__arrow_c_stream__()

    class Once:
        def __arrow_c_stream__(self, requested_schema=None):
            return capsule

    tn.EventLog(Once(), customer="who", time="when", amount="paid")
    with pytest.raises(tn.TenureError):
        tn.EventLog(Once(), customer="who", time="when", amount="paid")

    class Wrong:
        def __arrow_c_stream__(self, requested_schema=None):
            return 3

    with pytest.raises((tn.InvalidInputError, TypeError)):
        tn.EventLog(Wrong(), customer="who", time="when")

    def failing():
        yield arrow().to_batches()[0]
        raise RuntimeError("the source broke")

    reader = pa.RecordBatchReader.from_batches(arrow().schema, failing())
    with pytest.raises(tn.TenureError, match="the source broke"):
        tn.EventLog(reader, customer="who", time="when")


def test_a_dictionary_index_out_of_range_names_its_row() -> None:
    broken = pa.DictionaryArray.from_arrays(
        pa.array([0, 9, 0, 0], pa.int8()), pa.array(["a"]), safe=False
    )
    reader = pa.RecordBatchReader.from_batches(
        pa.schema({"who": broken.type, "when": pa.timestamp("us")}),
        [pa.record_batch([broken, pa.array([1, 2, 3, 4], pa.timestamp("us"))], ["who", "when"])],
    )
    with pytest.raises(tn.InvalidInputError, match="dictionary"):
        tn.EventLog(reader, customer="who", time="when")


# --- files ----------------------------------------------------------------------------------------


def test_read_takes_files_globs_and_queries(tmp_path) -> None:
    table = arrow()
    pl.from_arrow(table).write_csv(tmp_path / "all.csv")
    pl.from_arrow(table[:2]).write_parquet(tmp_path / "p1.parquet")
    pl.from_arrow(table[2:]).write_parquet(tmp_path / "p2.parquet")
    arguments = {"customer": "who", "time": "when", "amount": "paid"}
    expected = tn.EventLog(table, **arguments).summary().to_arrow()
    for source in (
        tmp_path / "all.csv",
        str(tmp_path / "*.parquet"),
        [tmp_path / "p2.parquet", tmp_path / "p1.parquet"],
    ):
        assert tn.read(source, **arguments).summary().to_arrow().equals(expected)
    query = 'SELECT who, "when", paid FROM source WHERE paid > 1'
    assert tn.read(tmp_path / "all.csv", sql=query, **arguments).n_rows == 3


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", None, "there is no file"),
        ("x.xlsx", b"", "none of .csv"),
        ("nul.csv", b"who,when,paid\n1,2024-01-01,1\n2,\x00\x00,3\n", "when must be timestamps"),
        ("utf16.csv", "who,when\n1,2024-01-01\n".encode("utf-16"), "Line: 1; .*utf-8"),
        ("quote.csv", b'who,when,paid\n1,2024-01-01,1\n"2,2024-01-02,3\n', "cannot be read"),
        ("ragged.csv", b"who,when,paid\n1,2024-01-01,1\n2,2024-01-01,3,4,5\n", "cannot be read"),
        ("empty.csv", b"", "'who' is not a column"),
        ("broken.parquet", b"PAR1xxxxPAR1", "cannot be read"),
    ],
)
def test_unreadable_files_are_told(tmp_path, name: str, content: bytes | None, words: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(tn.InvalidInputError, match=words):
        tn.read(path, customer="who", time="when", amount="paid")
