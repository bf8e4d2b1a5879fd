"""Logs made of what people really send: EventLog, its parts and summaries."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hostile import OK, Case, E

import tenure as tn

D = dt.date
DAYS = [D(2024, 1, 1), D(2024, 1, 3), D(2024, 1, 8)]
IDS = [7, 7, 9]


def log(
    customer: Any = IDS,
    time: Any = DAYS,
    amount: Any = (10.0, 20.0, 5.0),
    frame: Any = None,
    **options: Any,
) -> tn.EventLog:
    data = {"id": customer, "t": time, "v": amount} if frame is None else frame
    amounts = None if amount is None else "v"
    return tn.EventLog(data, **{"customer": "id", "time": "t", "amount": amounts, **options})


def ids(made: tn.EventLog) -> list[Any]:
    return made.customer_ids.tolist()


def refused(about: str, says: str, **given: Any) -> Case:
    return E(f"EventLog: {about}", lambda: log(**given), says)


def same_bits(a: tn.EventLog, b: tn.EventLog) -> bool:
    x, y = a.summary(), b.summary()
    names = ("frequency", "recency", "T", "monetary_value", "revenue")
    return ids(a) == ids(b) and all(
        getattr(x, n).tobytes() == getattr(y, n).tobytes() for n in names
    )


def shuffled() -> bool:
    rng = np.random.default_rng(3)
    n = 5000
    customer = rng.integers(0, 700, n)
    time = np.datetime64("2024-01-01") + rng.integers(0, 300, n).astype("timedelta64[D]")
    amount = rng.lognormal(3, 2, n)
    order = rng.permutation(n)
    return same_bits(
        log(customer, time, amount), log(customer[order], time[order], amount[order], n_threads=3)
    )


STRANGE = [
    "zero\u200bwidth",
    "zerowidth",
    "\u202eright to left",
    "n\0l",
    "n",
    "\U0001f469\u200d\U0001f680",
    "x" * 10_000,
    "",
    " ",
    "\ufeffmark",
    "e\u0301",
    "\u00e9",
]


def strange_ids() -> bool:
    made = log(STRANGE, [DAYS[0]] * len(STRANGE), [1.0] * len(STRANGE))
    return made.customer_ids.to_pylist() == sorted(STRANGE, key=lambda s: s.encode())


def utc(*args: int) -> dt.datetime:
    return dt.datetime(*args, tzinfo=dt.UTC)


def spring_forward() -> bool:
    """Three local days around the change of clocks: 23 hours are one day still."""
    times = [utc(2024, 3, 29, 23, 30), utc(2024, 3, 30, 23, 30), utc(2024, 3, 31, 22, 30)]
    made = log([1, 1, 1], times, [1.0, 1.0, 1.0], timezone="Europe/Berlin")
    s = made.summary(unit="day")
    return s.frequency.tolist() == [2] and s.recency.tolist() == [2.0]


def truncated() -> bool:
    made = log(observed_until="2024-01-03")
    return made.n_rows == 2 and made.data_report.findings["after_end"] == 1


def dropped() -> bool:
    made = log([7, None, 9], on_invalid="drop")
    return made.n_rows == 2 and made.data_report.findings["missing_customer"] == 1


def refunds(policy: str) -> tn.EventLog:
    return log([1, 1, 1], DAYS, [10.0, 10.0, -10.0], on_refund=policy)


def damaged_offsets() -> pa.Table:
    offsets = np.array([0, 1, 1_000_000, 3], np.int32)
    bad = pa.StringArray.from_buffers(3, pa.py_buffer(offsets), pa.py_buffer(b"abc"))
    return pa.table({"id": bad, "t": pa.array(DAYS), "v": [1.0] * 3})


def not_utf8(column: str) -> tn.EventLog:
    offsets = np.array([0, 1, 2, 3], np.int32)
    bad = pa.StringArray.from_buffers(3, pa.py_buffer(offsets), pa.py_buffer(b"a\xffc"))
    good = pa.array(["a", "b", "c"])
    names = dict.fromkeys(["who", "what", "where"], good) | {column: bad}
    return tn.EventLog(
        pa.table({**names, "t": pa.array(DAYS)}),
        customer="who",
        time="t",
        event="what",
        orders=["a"],
        properties=["where"],
    )


def negative_offsets() -> pa.Table:
    offsets = np.array([0, -5, 2, 3], np.int32)
    bad = pa.StringArray.from_buffers(3, pa.py_buffer(offsets), pa.py_buffer(b"abc"))
    return pa.table({"id": bad, "t": pa.array(DAYS), "v": [1.0] * 3})


def dictionary_index_out_of_range() -> pa.Table:
    index = pa.array([0, 99, 1], pa.int8())
    bad = pa.DictionaryArray.from_arrays(index, pa.array(["a", "b"]), safe=False)
    return pa.table({"id": bad, "t": pa.array(DAYS), "v": [1.0] * 3})


class Stream:
    """A frame whose only talent is the Arrow PyCapsule method given."""

    def __init__(self, give: Any) -> None:
        self.give = give

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.give()


def failing_reader() -> pa.RecordBatchReader:
    schema = pa.schema({"id": pa.int64(), "t": pa.date32(), "v": pa.float64()})

    def batches() -> Any:
        yield pa.record_batch([[1], DAYS[:1], [1.0]], schema=schema)
        msg = "the connection was lost"
        raise OSError(msg)

    return pa.RecordBatchReader.from_batches(schema, batches())


def used_reader() -> pa.RecordBatchReader:
    table = pa.table({"id": IDS, "t": pa.array(DAYS), "v": [1.0] * 3})
    reader = table.to_reader()
    reader.read_all()
    return reader


def used_capsule() -> Stream:
    capsule = pa.table({"id": IDS, "t": pa.array(DAYS), "v": [1.0] * 3}).__arrow_c_stream__()
    pa.RecordBatchReader._import_from_c_capsule(capsule)
    return Stream(lambda: capsule)


def wrong_capsule() -> object:
    return pa.array([1]).__arrow_c_array__()[0]


EMPTY = {
    "id": np.array([], np.int64),
    "t": np.array([], "datetime64[us]"),
    "v": np.array([], np.float64),
}
HOSTILE_NAMES = ['t"; drop table t; --', "", "x" * 300, "<script>", "a\nb", "SELECT"]


def columns(customer: str) -> tn.EventLog:
    return tn.EventLog({"id": IDS, "t": DAYS}, customer=customer, time="t")


def named(name: str) -> bool:
    made = tn.EventLog({name: IDS, "t": DAYS}, customer=name, time="t")
    return ids(made) == [7, 9]


CASES = [
    # --- sizes
    OK("EventLog: 1 empty arrays", lambda: log(frame=EMPTY), lambda x: x.n_rows == 0),
    OK(
        "EventLog: 1 empty pandas",
        lambda: log(frame=pd.DataFrame(EMPTY)),
        lambda x: len(x.summary()) == 0,
    ),
    OK(
        "EventLog: 1 empty polars",
        lambda: log(frame=pl.DataFrame(EMPTY)),
        lambda x: len(x.summary()) == 0,
    ),
    OK(
        "EventLog: 1 table without chunks",
        lambda: log(frame=pa.schema({"id": "int64", "t": pa.date32(), "v": "f8"}).empty_table()),
        lambda x: x.summary().frequency.tolist() == [],
    ),
    OK(
        "EventLog: 2 one row",
        lambda: log([7], DAYS[:1], [3.0]).summary(),
        lambda s: s.frequency.tolist() == [0] and s.T.tolist() == [0.0],
        nan=("monetary_value",),
    ),
    # --- the frame
    E("EventLog: 5 missing column", lambda: columns("ID"), "did you mean 'id'?"),
    E("EventLog: 5 nothing like it", lambda: columns("zzz"), "is not a column of the data"),
    refused("no frame", "expected a data frame", frame=7),
    refused("a text", "expected a data frame", frame="orders.csv"),
    refused("a list", "expected a data frame", frame=[1, 2]),
    refused("a Series", "cannot be read as an Arrow stream", frame=pd.Series(IDS)),
    refused("a LazyFrame", ".collect()", frame=pl.LazyFrame({"id": IDS})),
    refused("a plain array", "named columns", frame=np.zeros((3, 3))),
    refused("a column twice", "2 columns called 'id'", frame=pa.table([IDS, IDS], ["id", "id"])),
    refused("47 a number for a column", "one-dimensional", amount=3.0),
    refused("47 two dimensions", "one-dimensional", amount=np.zeros((3, 2))),
    refused("47 ragged", "v", amount=[[1.0], [2.0, 3.0], [4.0]]),
    refused("47 unequal lengths", "columns differ in length", amount=[1.0]),
    *[
        OK(f"EventLog: 106 column {name[:12]!r}", lambda n=name: named(n), bool)
        for name in HOSTILE_NAMES
    ],
    # --- ids
    refused("7 null id", "id", customer=[7, None, 9]),
    OK("EventLog: 7 null id dropped and counted", dropped, bool),
    refused("8 mixed ids", "mixes", customer=[1, "1", 2]),
    refused("8 integers and floats", "mixes", customer=np.array([1, 1.0, "x"], object)),
    OK("EventLog: 10 strange ids stay byte for byte", strange_ids, bool),
    refused("11 lone surrogate", "id", customer=["a", "\udc80", "c"]),
    refused("13 float ids", "integers or text", customer=[1.0, math.nan, 2.0]),
    OK(
        "EventLog: 14 ends of int64",
        lambda: log([2**63 - 1, -(2**63), 0]),
        lambda x: ids(x) == [-(2**63), 0, 2**63 - 1],
    ),
    OK(
        "EventLog: 14 uint64 above 2^63",
        lambda: log(np.array([2**64 - 1, 2**63, 1], np.uint64)),
        lambda x: ids(x) == [1, 2**63, 2**64 - 1],
    ),
    refused("14 Python integers beyond 64 bits", "id", customer=[2**70, 1, 2]),
    OK(
        "EventLog: 16 unused categories are no customers",
        lambda: log(pd.Categorical(["a", "b", "a"], categories=["zz", "b", "a"])),
        lambda x: x.customer_ids.to_pylist() == ["a", "b"],
    ),
    refused("ids are bytes", "integers or text", customer=[b"a", b"b", b"c"]),
    refused("ids are booleans", "integers or text", customer=[True, False, True]),
    refused("ids are dates", "integers or text", customer=DAYS),
    # --- times
    OK("EventLog: 17 order of rows changes no bit", shuffled, bool),
    OK(
        "EventLog: 19 twice on a day is one order",
        lambda: log([1, 1, 1], [DAYS[0], DAYS[0], DAYS[1]], [1.0, 2.0, 4.0]).summary(),
        lambda s: s.frequency.tolist() == [1] and s.revenue.tolist() == [7.0],
    ),
    refused("20 NaT", "t ", time=pd.to_datetime(["2024-01-01", None, "2024-01-03"])),
    refused("20 null date", "row 1", time=[DAYS[0], None, DAYS[1]]),
    refused("22 yyyymmdd", "looks like yyyymmdd", time=[20240131, 20240201, 20240301]),
    refused("23 seconds without a unit", "cast them", time=[1704067200] * 3),
    refused(
        "23 milliseconds read as seconds",
        "1600 to 2400",
        time=pa.array([1704067200000] * 3, pa.timestamp("s")),
    ),
    refused("23 year 1577", "1600 to 2400", time=np.array(["1577-01-01"] * 3, "M8[s]")),
    refused("23 the largest second", "", time=pa.array([2**63 - 1] * 3, pa.timestamp("s"))),
    refused(
        "25 aware and naive", "mixes", time=[utc(2024, 1, 1), dt.datetime(2024, 1, 2), DAYS[0]]
    ),
    OK("EventLog: 26 a day of 23 hours", spring_forward, bool),
    refused(
        "26 an hour that does not exist",
        "t",
        time=[dt.datetime(2024, 3, 31, 2, 30)] * 3,
        timezone="Europe/Berlin",
    ),
    refused("28 leap second as text", "parse the text", time=["2016-12-31T23:59:60"] * 3),
    OK(
        "EventLog: 28 29 February",
        lambda: log(time=[D(2024, 2, 29)] * 3).summary(unit="day"),
        lambda s: s.T.tolist() == [0.0, 0.0],
        nan=("monetary_value",),
    ),
    OK("EventLog: 29 an explicit end cuts off and counts", truncated, bool),
    OK(
        "EventLog: 31 everything on the last day",
        lambda: log([1, 2, 3], [DAYS[0]] * 3).summary(),
        lambda s: s.T.tolist() == [0.0] * 3,
        nan=("monetary_value",),
    ),
    refused("times of day", "timestamps or dates", time=[dt.time(12)] * 3),
    refused("durations", "timestamps or dates", time=[dt.timedelta(1)] * 3),
    # --- amounts
    refused("34 infinite amount", "row 1", amount=[1.0, math.inf, 2.0]),
    refused("34 minus infinity", "row 1", amount=[1.0, -math.inf, 2.0]),
    refused("NaN amount", "row 2", amount=[1.0, 2.0, math.nan]),
    OK(
        "EventLog: 35 refunds net",
        lambda: refunds("net").summary(),
        lambda s: s.revenue.tolist() == [10.0] and s.frequency.tolist() == [1],
    ),
    OK(
        "EventLog: 35 refunds match",
        lambda: refunds("match"),
        lambda x: x.n_rows == 1 and x.data_report.findings["refund_matched"] == 1,
    ),
    OK("EventLog: 35 refunds dropped", lambda: refunds("drop"), lambda x: x.n_rows == 2),
    E("EventLog: 35 refunds refused", lambda: refunds("raise"), "row 2"),
    refused("38 amounts whose sum overflows", "beyond 1e150", amount=[1.7e308] * 3),
    refused("40 amounts as text", "parsed first", amount=["1,234.50", "2", "3"]),
    refused("40 currency signs", "must be numbers", amount=["\u20ac5", "$2", "3"]),
    OK(
        "EventLog: 41 decimals",
        lambda: log([1] * 3, [DAYS[0]] * 3, [decimal.Decimal("0.1")] * 3).summary(),
        lambda s: abs(s.revenue[0] - 0.3) < 1e-15,
        nan=("monetary_value",),
    ),
    OK(
        "EventLog: 41 decimal128 of 38 digits",
        lambda: log(amount=pa.array([decimal.Decimal("12345678901234567890.12")] * 3)).summary(),
        lambda s: abs(s.revenue[1] / 12345678901234567890.12 - 1) < 1e-15,
        nan=("monetary_value",),
    ),
    *[
        OK(
            f"EventLog: 44 amounts of type {kind}",
            lambda k=kind: log(amount=np.array([1, 2, 4], k)).summary(),
            lambda s: s.revenue.tolist() == [3.0, 4.0],
            nan=("monetary_value",),
        )
        for kind in ("f2", "f4", "i1", "u1", "u8", ">f8", ">i4")
    ],
    refused("46 masked amount", "row 1", amount=np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])),
    refused("46 pandas NA", "row 1", amount=pd.array([1, pd.NA, 3], "Int64")),
    refused("46 Arrow null", "row 1", amount=pa.array([1.0, None, 3.0])),
    refused("complex amounts", "v", amount=[1j, 2j, 3j]),
    refused("amounts are booleans", "must be numbers", amount=[True, False, True]),
    # --- Arrow from outside
    refused("100 offsets beyond the data", "damaged", frame=damaged_offsets()),
    refused("100 negative offsets", "damaged", frame=negative_offsets()),
    *[
        E(
            f"EventLog: 100 no UTF-8 in {c}",
            lambda c=c: not_utf8(c),
            f"{c} holds text that is not UTF-8",
        )
        for c in ("who", "what", "where")
    ],
    refused("100 dictionary index", "damaged", frame=dictionary_index_out_of_range()),
    E(
        "EventLog: 100 a stream that fails",
        lambda: log(frame=failing_reader()),
        "the connection was lost",
        "TenureError",
    ),
    E("EventLog: 100 a stream already read", lambda: log(frame=Stream(used_reader)), ""),
    E("EventLog: 101 a capsule used twice", lambda: log(frame=used_capsule()), ""),
    E("EventLog: 101 a capsule of another kind", lambda: log(frame=Stream(wrong_capsule)), ""),
    E("EventLog: 101 no capsule at all", lambda: log(frame=Stream(lambda: 7)), ""),
    # --- options
    refused("112 no threads", "n_threads must be >= 1", n_threads=0),
    refused("112 fewer than none", "n_threads must be >= 1", n_threads=-5),
    OK("EventLog: 112 a million threads", lambda: log(n_threads=10**6), lambda x: x.n_rows == 3),
    refused("unknown zone", "IANA", timezone="Mars/Olympus"),
    refused("zone is a path", "IANA", timezone="../../../etc/passwd"),
    refused("unknown policy", "on_refund must be one of", on_refund="ignore"),
    refused("unknown invalid policy", "on_invalid must be one of", on_invalid="skip"),
    refused("end is no date", "observed_until must be", observed_until="soon"),
    refused("end is NaT", "observed_until must be", observed_until=pd.NaT),
    refused("orders without events", "go together", orders=["purchase"]),
    E(
        "EventLog: an order that no event has",
        lambda: tn.EventLog(
            {"id": IDS, "t": DAYS, "e": ["buy", "see", "see"]},
            customer="id",
            time="t",
            event="e",
            orders=["bye"],
        ),
        "'bye', which is no event of the log",
    ),
    E("split: no date", lambda: log().split("then"), "cut must be"),
    E("split: behind the end", lambda: log().split("2030-01-01"), "behind the end of observation"),
    OK(
        "split: before the beginning",
        lambda: log().split("2020-01-01"),
        lambda parts: [p.n_rows for p in parts] == [0, 3],
    ),
    E("summary: unknown unit", lambda: log().summary(unit="fortnight"), "unit must be one of"),
    E("summary: unknown collapse", lambda: log().summary(collapse="hour"), "collapse must be"),
    E("summary: no threads", lambda: log().summary(n_threads=0), "n_threads"),
    refused("properties that are no columns", "not a column", properties=["shop"]),
    refused("a property of amounts", "text, integers or booleans", properties=["v"]),
    E("where: no such property", lambda: log().where(shop="north"), "there are none"),
    E("where: no event names", lambda: log().where(event="pay"), "no event names"),
    E("where: amounts upside down", lambda: log().where(amount=(5, 1)), "(least, most)"),
    E("where: since no day", lambda: log().where(since="then"), "since must be"),
    OK("where: nobody", lambda: log().where(customers=[99]), lambda x: x.n_rows == 0),
    OK(
        "summary: of a log of which nothing is left",
        lambda: log().where(customers=[99]).summary(),
        lambda s: len(s) == 0,
    ),
    E("summaries: dates that descend", lambda: log().summaries(["2024-01-03", "2024-01-01"]), ""),
    OK("summaries: no dates", lambda: log().summaries([]), lambda p: len(p) == 0),
    OK("features: no cutoffs", lambda: log().features([]), lambda t: len(t) == 0),
    OK(
        "features: before everything", lambda: log().features(["2020-01-01"]), lambda t: len(t) == 0
    ),
    E("features: a window of no time", lambda: log().features([], windows=["0d"]), "longer than 0"),
    E("features: no such event", lambda: log().features([], events="pay"), "no event names"),
    E("order_gaps: unknown unit", lambda: log().order_gaps(unit="hour"), "unit must be one of"),
    E("order_periods: unknown period", lambda: log().order_periods("hour"), "period must be"),
    E(
        "calibration_holdout: end before cut",
        lambda: log().calibration_holdout("2024-01-05", "2024-01-02"),
        "lies before cut",
    ),
]
