"""Key figures of logs with one order, amounts beyond reason, and costs of nobody."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
from hostile import OK, E

import tenure as tn
from tenure.lifecycle import kpis

DAY = dt.date(2024, 1, 10)


def a_log(paid: Any = (30.0, 50.0, 40.0), who: Any = ("a", "a", "b"), **more: Any) -> Any:
    days = [DAY + dt.timedelta(days=20 * i) for i in range(len(paid))]
    frame = {"c": list(who), "d": days, "v": list(paid)}
    settings = {"observed_until": "2024-06-30"} | more
    return tn.EventLog(frame, customer="c", time="d", amount="v", **settings)


def visits() -> Any:
    frame = {"c": ["a"], "d": [DAY], "what": ["visit"]}
    return tn.EventLog(frame, customer="c", time="d", event="what", orders=[])


def paid(amount: Any, day: Any = DAY, **more: Any) -> dict[str, Any]:
    return {"date": [day], "spend": [amount]} | more


def found(k: Any, measure: str) -> Any:
    return k.of(measure).value


#: A figure that cannot be told is missing, and so is what is said of it.
NONE = (
    "value",
    "lower",
    "upper",
    "change",
    "change_lower",
    "change_upper",
    "target",
    "to_target",
    "slope",
)

CASES = [
    OK(
        "kpis: one order",
        lambda: kpis(a_log([5.0], ["a"])),
        lambda k: found(k, "orders")[0] == 1,
        nan=NONE,
    ),
    OK(
        "kpis: amounts of 1e150",
        lambda: kpis(a_log([1e150, 1e150, 1e150])),
        lambda k: found(k, "order_value")[0] == 1e150,
        nan=NONE,
    ),
    OK(
        "kpis: amounts of nothing",
        lambda: kpis(a_log([0.0, 0.0, 0.0])),
        lambda k: np.isnan(found(k, "top_10_share")).all(),
        nan=NONE,
    ),
    OK(
        "kpis: a spend of nothing",
        lambda: kpis(a_log(), spend=paid(0.0), margin=0.5),
        lambda k: found(k, "cac")[0] == 0.0 and found(k, "payback")[0] == 0.0,
        nan=NONE,
    ),
    OK(
        "kpis: a margin below 0",
        lambda: kpis(a_log(), spend=paid(10.0), margin=-1.0),
        lambda k: np.isnan(found(k, "payback")[0]),
        nan=NONE,
    ),
    E("kpis: a log of no order", lambda: kpis(visits()), "the log has no order"),
    E("kpis: no whole period", lambda: kpis(a_log(), "year"), "no whole year"),
    E("kpis: a period of its own", lambda: kpis(a_log(), "fortnight"), "period must"),
    E("kpis: a spend of NaN", lambda: kpis(a_log(), spend=paid(math.nan)), "finite and >= 0"),
    E("kpis: a spend without end", lambda: kpis(a_log(), spend=paid(math.inf)), "finite and >= 0"),
    E("kpis: a spend in words", lambda: kpis(a_log(), spend=paid("much")), "numbers in 'spend'"),
    E("kpis: a spend on no day", lambda: kpis(a_log(), spend=paid(1.0, None)), "spend"),
    E(
        "kpis: a spend of no segment",
        lambda: kpis(a_log(), spend={"date": [DAY]}),
        "no column 'spend'",
    ),
    E(
        "kpis: a segment of events",
        lambda: kpis(a_log(), by="nothing"),
        "'nothing' is not to be found",
    ),
    E("kpis: a target of NaN", lambda: kpis(a_log(), targets={"orders": math.nan}), "targets"),
    E(
        "kpis: an increment of NaN",
        lambda: kpis(a_log(), spend=paid(1.0), margin=1.0, incremental={"2024-01-01": math.nan}),
        "incremental",
    ),
    E(
        "kpis: an increment of no day",
        lambda: kpis(a_log(), spend=paid(1.0), margin=1.0, incremental={"soon": 1.0}),
        "incremental['soon']",
    ),
    E(
        "kpis: an increment and no margin",
        lambda: kpis(a_log(), spend=paid(1.0), incremental={}),
        "margin",
    ),
]
