"""Logs in files: what is saved comes back, and what no log can be is refused."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_logs import START, assert_same_log, frame, log_of

import tenure as tn
from tenure import _model_file
from tenure.events import _stored


@settings(max_examples=30)
@given(st.integers(0, 150), st.integers(0, 10**6), st.booleans())
def test_bytes_hold_the_whole_log(n, seed, text):
    log = log_of(frame(n, seed, text=text), timezone="America/Sao_Paulo", ambiguous="earliest")
    again = _model_file.from_bytes(_model_file.to_bytes(log))
    assert_same_log(again, log)
    assert repr(again) == repr(log)
    assert again.where(amount=(2, None)).n_rows == log.where(amount=(2, None)).n_rows


@pytest.mark.parametrize("n", [200, 60_000])  # read, and mapped into memory
def test_files_hold_the_whole_log(tmp_path, n):
    path = tmp_path / "log.tenure"
    log = log_of(frame(n))
    log.save(path)
    again = tn.load(path)
    assert_same_log(again, log)
    path.unlink()  # a mapped file stays until nobody reads it
    assert again.summary().to_pandas().equals(log.summary().to_pandas())
    assert_same_log(again.append(frame(50, 9)), log.append(frame(50, 9)))


def test_a_log_of_anything_less_comes_back(tmp_path):
    day = np.array([START]).view("M8[us]")
    ids = np.array([2**64 - 1], dtype=np.uint64)
    logs = [
        tn.EventLog({"who": [7], "when": day}, customer="who", time="when"),
        tn.EventLog({"who": ids, "when": day}, customer="who", time="when"),
        tn.EventLog({"who": ids[:0], "when": day[:0]}, customer="who", time="when"),
        tn.EventLog(
            {"who": ["é"], "when": day},
            customer="who",
            time="when",
            customers={"who": ["é", "silent"], "since": day.repeat(2)},
        ),
    ]
    for log in logs:
        log.save(tmp_path / "x")
        again = tn.load(tmp_path / "x")
        assert_same_log(again, log)
        assert again.customer_ids.__class__ is log.customer_ids.__class__


def rows_of(log):
    return log.n_rows, log.summary().frequency.sum()


def test_a_log_travels_to_another_process():
    log = log_of(frame(500))
    with ProcessPoolExecutor(1) as pool:
        assert pool.submit(rows_of, log).result() == rows_of(log)
    assert_same_log(pickle.loads(pickle.dumps(log)), log)


def test_a_part_saves_as_a_part(tmp_path):
    early, late = log_of(frame(80)).split("2024-02-15")
    for part in (early, late, early.where(amount=(1e9, None)), late.split("2024-04-29")[0]):
        part.save(tmp_path / "x")
        assert_same_log(tn.load(tmp_path / "x"), part)


def broken(name, change):
    """The bytes of a log of which one part was changed."""
    log = log_of(frame(60, 1))
    state = _stored.state_of(log)
    state[name] = change(state[name])
    forged = object.__new__(tn.EventLog)
    forged._state = lambda: state
    return _model_file.to_bytes(forged)


def swapped(values, i, value):
    values = np.array(values)
    values[i] = value
    return values


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("offset", lambda v: swapped(v, 1, 10**12)),
        ("offset", lambda v: swapped(v, -1, 10)),
        ("offset", lambda v: swapped(v, 0, 1)),
        ("offset", lambda v: v[::-1].copy()),
        ("offset", lambda v: v[:0]),
        ("time", lambda v: v[:-1]),
        ("time", lambda v: swapped(v, 3, -(2**60))),
        ("time", lambda v: v[::-1].copy()),
        ("amount", lambda v: swapped(v, 0, np.inf)),
        ("amount", lambda v: swapped(v, 0, np.nan)),
        ("event", lambda v: swapped(v, 0, 60_000)),
        ("event", lambda _: None),
        ("property", lambda v: [swapped(v[0], 0, 99), v[1]]),
        ("property", lambda v: [swapped(v[0], 0, -2), v[1]]),
        ("property", lambda v: v[:1]),
        ("customer", lambda v: v[:-1]),
        ("customer", lambda v: v[::-1].copy()),
        ("customer", lambda v: v.astype(float)),
        ("event_names", lambda v: v[:-1]),
        ("event_names", lambda v: [v[0]] * len(v)),
        ("orders", lambda _: []),
        ("properties", lambda _: ["a", "a"]),
        ("values", lambda v: [{**v[0], "offsets": v[0]["offsets"] + 10**9}, v[1]]),
        ("values", lambda v: [{**v[0], "bytes": v[0]["bytes"] | 0x80}, v[1]]),
        ("timezone", lambda _: "Mars/Olympus"),
        ("on_refund", lambda _: "keep"),
        ("data_report", lambda _: None),
        ("observed", lambda _: [0, 1]),
        ("observed", lambda _: ["a", "b"]),
        ("layout", lambda v: {**v, "customer": 3}),
        ("layout", lambda v: {**v, "properties": []}),
        ("customers", lambda _: np.zeros(9, np.uint8)),
    ],
)
def test_what_no_log_can_be_is_refused(name, change):
    data = broken(name, change)
    with pytest.raises(tn.ModelFileError):
        _model_file.from_bytes(data)


def test_texts_that_do_not_ascend_are_refused():
    log = log_of(frame(60, text=True))
    state = _stored.state_of(log)
    state["customer"] = _stored._text(log.customer_ids.take(pa.array(range(log.n_customers)[::-1])))
    forged = object.__new__(tn.EventLog)
    forged._state = lambda: state
    with pytest.raises(tn.ModelFileError, match="do not ascend"):
        _model_file.from_bytes(_model_file.to_bytes(forged))
