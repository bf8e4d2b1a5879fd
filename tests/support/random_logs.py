"""Small random logs with ties, refunds, gaps and rare names; and what makes two logs equal."""

from __future__ import annotations

import numpy as np
import pandas as pd

import tenure as tn
from tenure import _core

DAY = 86_400_000_000
START = 1_704_067_200_000_000  # 2024-01-01
NAMES = ["view", "cart", "pay", "renew"]

#: The columns of `frame`.
LOG = {
    "customer": "who",
    "time": "when",
    "amount": "paid",
    "event": "event",
    "orders": ["pay"],
    "properties": ["channel", "shop"],
}


def frame(n: int, seed: int = 0, *, text: bool = False, days: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    who = rng.integers(0, max(n // 4, 2), n)
    when = START + rng.integers(0, days * 4, n) * (DAY // 4)
    event = rng.choice(NAMES, n, p=[0.4, 0.3, 0.25, 0.05])
    event[:1] = "pay"  # a log without its orders is refused
    return pd.DataFrame(
        {
            "who": pd.Series([f"c{i}é" for i in who], dtype="str") if text else who,
            "when": when.view("M8[us]") if n else np.empty(0, "M8[us]"),
            "paid": rng.integers(-2, 9, n) + rng.random(n).round(3),
            "event": event,
            "channel": pd.array(
                [None if v == 3 else "abcd"[v] for v in rng.integers(0, 4, n)], dtype="string"
            ),
            "shop": rng.integers(0, 3, n),
        }
    )


def log_of(rows, **more) -> tn.EventLog:
    return tn.EventLog(rows, **(LOG | {"observed_until": "2024-04-30"} | more))


def columns(log: tn.EventLog) -> dict[str, object]:
    """All that a log holds, as plain values."""
    core = log._core
    return {
        "ids": list(map(str, np.asarray(log.customer_ids).tolist())),
        "offset": core.offset.tolist(),
        "time": core.time.tolist(),
        "amount": core.amount.tolist(),
        "event": [log.event_names[e] for e in core.event.tolist()],
        "properties": {
            name: [None if c < 0 else values[c].as_py() for c in core.property(p).tolist()]
            for p, (name, values) in enumerate(log.properties.items())
        },
        "observed": (log.observed_from, log.observed_until),
        "orders": log.orders,
        "zone": log.timezone,
        "customers": None if log.customers is None else log.customers.to_pylist(),
    }


def assert_same_log(log: tn.EventLog, other: tn.EventLog) -> None:
    mine, others = columns(log), columns(other)
    for name, values in mine.items():
        assert values == others[name], name
    report, expected = log.data_report, other.data_report
    assert (report.rows, report.kept) == (expected.rows, expected.kept)
    assert {k: v for k, v in report.findings.items() if v} == {
        k: v for k, v in expected.findings.items() if v
    }


def customers(n: int) -> dict[str, object]:
    """More customers than have events, some of them without a plan or a date."""
    ids = np.arange(n)
    since = np.datetime64("2023-12-20", "us") + (ids % 60).astype("m8[D]")
    since[ids % 7 == 0] = np.datetime64("NaT")
    return {"who": ids, "plan": [None if i % 5 == 0 else "xyz"[i % 3] for i in ids], "since": since}


def plain(value):
    """What two results must agree on to the bit."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, tuple):
        return tuple(plain(v) for v in value)
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, _core.journey.FunnelUnits):
        return [plain(value.reached())]
    if hasattr(value, "__dataclass_fields__"):
        names = [*value.__dataclass_fields__, "unit_times"]
        return {f: plain(getattr(value, f)) for f in names if hasattr(value, f)}
    return value
