"""Properties travel with their rows, and conditions keep the rows that a data frame would keep."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tenure as tn

DAY = 86_400_000_000
START = 1_704_067_200_000_000  # 2024-01-01


def frame(n: int, seed: int = 0) -> pd.DataFrame:
    """Few times and few values, so that rows with equal keys are common."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "who": rng.integers(0, 7, n),
            "when": (START + rng.integers(0, 9, n) * DAY).view("M8[us]")
            if n
            else np.empty(0, "M8[us]"),
            "paid": rng.integers(-2, 5, n).astype(float),
            "event": rng.choice(["view", "cart", "pay"], n),
            "channel": pd.array(
                [None if v == 3 else "abcd"[v] for v in rng.integers(0, 4, n)], dtype="string"
            ),
            "shop": rng.integers(0, 12, n),
            "member": rng.random(n) < 0.5,
        }
    )


def log_of(rows, **more) -> tn.EventLog:
    return tn.EventLog(
        rows,
        customer="who",
        time="when",
        amount="paid",
        event="event",
        orders=["pay"],
        properties=["channel", "shop", "member"],
        observed_until="2024-01-31",
        **more,
    )


def table_of(log: tn.EventLog) -> pd.DataFrame:
    """Every column of a log, as a frame in the log's own order."""
    core = log._core
    columns = {
        "who": np.repeat(np.asarray(log.customer_ids), np.diff(core.offset)),
        "when": core.time.view("M8[us]"),
        "paid": core.amount,
        "event": np.array(log.event_names, object)[core.event],
    }
    for p, (name, values) in enumerate(log.properties.items()):
        known = np.array([*values.to_pylist(), None], object)
        columns[name] = known[core.property(p)]
    return pd.DataFrame(columns)


def expected(rows: pd.DataFrame) -> pd.DataFrame:
    """Sorted as the log sorts: text by bytes, no value first."""
    rows = rows.assign(
        shop=rows["shop"].astype(str).astype(object),
        member=rows["member"].map({True: "true", False: "false"}).astype(object),
        channel=rows["channel"].astype(object).where(rows["channel"].notna(), None),
        event=rows["event"].astype(object),
    )
    keys = rows.assign(channel=rows["channel"].fillna(""))
    order = keys.sort_values(["who", "when", "event", "paid", "channel", "shop", "member"]).index
    return rows.loc[order].reset_index(drop=True)


def same(log: tn.EventLog, rows: pd.DataFrame) -> None:
    got, want = table_of(log), expected(rows)
    assert len(got) == len(want)
    for name in got.columns:
        assert plain(got[name]) == plain(want[name]), name


def plain(column: pd.Series) -> list[object]:
    return [None if pd.isna(value) else value for value in column]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_properties_travel_with_their_rows(threads):
    rows = frame(3000)
    same(log_of(rows, n_threads=threads), rows)


def test_neither_the_order_of_rows_nor_their_batches_matter():
    rows = frame(500, 1)
    shuffled = rows.sample(frac=1.0, random_state=2)
    batches = pa.Table.from_pandas(shuffled, preserve_index=False).to_batches(max_chunksize=37)
    same(log_of(pa.Table.from_batches(batches)), rows)


def test_sparse_ids_carry_properties_as_dense_ones_do():
    rows = frame(800, 3)
    rows["who"] = rows["who"] * 2**55 - 2**57
    same(log_of(rows), rows)


def test_rows_that_are_dropped_take_their_properties_along():
    rows = frame(400, 4)
    bad = rows.copy()
    bad.loc[::5, "when"] = pd.NaT
    same(log_of(bad, on_invalid="drop"), rows.drop(index=rows.index[::5]))


def test_parts_of_a_log_keep_their_properties():
    rows = frame(600, 5)
    history, future = log_of(rows).split("2024-01-04")
    cut = rows["when"] < pd.Timestamp("2024-01-05")
    same(history, rows[cut])
    same(future, rows[~cut])


CONDITIONS = {
    "event": ({"event": "view"}, lambda r: r["event"] == "view"),
    "events": ({"event": ["cart", "pay"]}, lambda r: r["event"].isin(["cart", "pay"])),
    "value": ({"channel": "a"}, lambda r: r["channel"].eq("a").fillna(False).astype(bool)),
    "missing": ({"channel": None}, lambda r: r["channel"].isna()),
    "some": (
        {"channel": ["b", None]},
        lambda r: r["channel"].isna() | r["channel"].eq("b").fillna(False),
    ),
    "unknown value": ({"channel": "zebra"}, lambda r: r["who"] < 0),
    "integer": ({"shop": [1, 11]}, lambda r: r["shop"].isin([1, 11])),
    "boolean": ({"member": True}, lambda r: r["member"]),
    "amount": ({"amount": (0, 2)}, lambda r: r["paid"].between(0, 2)),
    "at most": ({"amount": (None, -1.0)}, lambda r: r["paid"] <= -1.0),
    "customers": ({"customers": [1, 2, 99]}, lambda r: r["who"].isin([1, 2])),
    "since": ({"since": "2024-01-03"}, lambda r: r["when"] >= pd.Timestamp("2024-01-03")),
    "until": ({"until": "2024-01-03"}, lambda r: r["when"] < pd.Timestamp("2024-01-04")),
    "nothing": ({}, lambda r: r["who"] >= 0),
}


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("threads", [1, 3])
def test_a_condition_keeps_the_rows_of_a_frame(name, threads):
    rows = frame(2000, 6)
    condition, mask = CONDITIONS[name]
    same(log_of(rows).where(**condition, n_threads=threads), rows[mask(rows).astype(bool)])


@given(
    st.integers(0, 60),
    st.integers(0, 10**6),
    st.sets(st.sampled_from([n for n in CONDITIONS if n != "events"]), max_size=4),
)
def test_conditions_hold_together(n, seed, names):
    rows = frame(n, seed)
    if n and not set(rows["event"]) >= {"view", "cart", "pay"}:
        return
    if not n:
        return
    given, keep = {}, np.ones(n, bool)
    for name in sorted(names):
        condition, mask = CONDITIONS[name]
        if set(condition) & set(given):
            continue
        given |= condition
        keep &= mask(rows).to_numpy(bool)
    same(log_of(rows).where(**given), rows[keep])


def test_silent_customers_stay_when_they_are_asked_to():
    log = log_of(frame(300, 7))
    alone = log.where(customers=[3])
    assert alone.customer_ids.tolist() == [3]
    kept = log.where(customers=[3], keep_customers=True)
    assert kept.customer_ids.tolist() == log.customer_ids.tolist()
    assert kept.n_rows == alone.n_rows
    assert kept.observed_until == log.observed_until
    flags = log.customer_ids == 3
    assert log.where(customers=flags).n_rows == alone.n_rows


def test_text_ids_are_found():
    rows = frame(200, 8)
    rows["who"] = "c" + rows["who"].astype(str)
    part = log_of(rows).where(customers=["c2", "nobody"])
    assert part.customer_ids.to_pylist() == ["c2"]


REFUSED = [
    ({"event": "veiw"}, "did you mean 'view'"),
    ({"chanel": "a"}, "did you mean 'channel'"),
    ({"colour": "a"}, "there are 'channel', 'shop', 'member'"),
    ({"amount": 3}, "(least, most)"),
    ({"amount": (3, 1)}, "(least, most)"),
    ({"amount": (float("nan"), 1)}, "(least, most)"),
    ({"since": "2024-02-01", "until": "2024-01-01"}, "lies behind"),
    ({"since": "soon"}, "since must be"),
    ({"customers": np.array([True])}, "flags"),
]


@pytest.mark.parametrize(("given", "says"), REFUSED)
def test_what_cannot_be_asked_is_told(given, says):
    with pytest.raises(tn.InvalidInputError, match=says.replace("(", r"\(").replace(")", r"\)")):
        log_of(frame(100)).where(**given)


@pytest.mark.parametrize(
    ("rows", "given", "says"),
    [
        ({"event": "view"}, {}, "no event names"),
        ({"amount": (0, 1)}, {}, "no amounts"),
        ({"channel": "a"}, {}, "there are none"),
    ],
)
def test_a_log_without_the_column_says_so(rows, given, says):
    plain = tn.EventLog(frame(50), customer="who", time="when")
    with pytest.raises(tn.InvalidInputError, match=says):
        plain.where(**rows)


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        (["channel", "channel"], "different names"),
        (["colour"], "not a column"),
        ([3], "different names"),
        (["paid"], "text, integers or booleans"),
    ],
)
def test_properties_that_cannot_be_are_refused(properties, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        tn.EventLog(frame(50), customer="who", time="when", properties=properties)
