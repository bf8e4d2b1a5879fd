"""Comparisons of nobody, contracts that never ran, curves that say nothing."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pandas as pd
from cases_cohort import GAPS, a_log
from cases_segment import a_log_of_nobody
from hostile import OK, Case, E, W

import tenure as tn
from tenure.cohort import compare, compare_curves, contracts, project, retention

#: NaN where nobody is left, nobody was under contract, or no cohort is that old.
OPEN = ("lower", "upper", "retention_rate", "observed")
RATES = tuple(
    f"{name}{end}"
    for name in ("logo_churn", "gross_churn", "net_churn", "annual_churn", "hazard")
    for end in ("", "_lower", "_upper")
)


def gaps() -> Any:
    return retention(a_log(*GAPS, observed_until="2024-08-31"))


def signed(*rows: tuple[int, int, str, float | None], **more: Any) -> Any:
    """(customer, month, event, revenue) as a log of contracts."""
    names = ["start", "renewal", "change", "cancel"]
    table = [*rows, *((99, 1, name, 0.0) for name in names)]
    return tn.EventLog(
        {
            "c": [r[0] for r in table],
            "d": [dt.date(2024, r[1], 9) for r in table],
            "e": [r[2] for r in table],
            "v": [r[3] for r in table],
        },
        customer="c",
        time="d",
        event="e",
        amount="v",
        orders=["start", "change"],
        **{"observed_until": "2024-06-30", **more},
    )


def refused(about: str, says: str, survivors: Any, **more: Any) -> Case:
    return E(f"project: {about}", lambda: project(survivors, **more), says)


CASES = [
    OK(
        "compare: cohorts of one",
        lambda: compare(gaps()),
        lambda c: bool((c.p_adjusted > 0.05).all() and np.isfinite(c.lower).all()),
    ),
    E("compare: 1 nobody", lambda: compare(retention(a_log_of_nobody())), "two at least"),
    E("compare: one cohort", lambda: compare(retention(a_log([1], [1]))), "two at least"),
    E("compare: no retention", lambda: compare(pd.DataFrame({"a": [1]})), "retention returns"),
    E("compare: groups of nothing", lambda: compare(gaps(), "groups"), "by=..."),
    E("compare: an age NaN", lambda: compare(gaps(), ages=[math.nan]), "ages must"),
    E("compare: level NaN", lambda: compare(gaps(), level=math.nan), "level must"),
    OK(
        "compare_curves: 1 nobody",
        lambda: compare_curves(a_log_of_nobody()),
        lambda c: c.group == [] and c.df == 0 and c.p_value == 1.0,
    ),
    OK(
        "compare_curves: cohorts that never meet",
        lambda: compare_curves(a_log(*GAPS), pairwise=True),
        lambda c: len(c.group) == 2 and 0 <= c.p_value <= 1,
        nan=OPEN,
    ),
    OK(
        "compare_curves: a silence longer than time",
        lambda: compare_curves(a_log(*GAPS), curve="churn", inactive_after=2**31 - 1),
        lambda c: c.ended.sum() == 0 and c.statistic == 0.0,
    ),
    E("compare_curves: no log", lambda: compare_curves([1, 2]), "must be an EventLog"),
    E(
        "compare_curves: half a day",
        lambda: compare_curves(a_log(*GAPS), curve="churn", inactive_after=0.5),
        "whole days",
    ),
    E(
        "compare_curves: weights NaN",
        lambda: compare_curves(a_log(*GAPS), weights=(math.nan, 0)),
        "weights must",
    ),
    # --- projections
    refused("nobody", "a cohort with customers", []),
    refused("NaN", "a cohort with customers", [math.nan]),
    refused("negative", "a whole number", [5, -1, -2]),
    refused("infinite", "a whole number", [math.inf, 5, 2]),
    refused("more than anyone has", "a whole number", [1e300, 5, 2]),
    refused("text", "counts by age", ["a", "b"]),
    refused("ragged", "counts by age", [[3, 2], [1]]),
    refused("who come back", "no contract", [5, 3, 4]),
    refused("nobody leaves", "nobody churned", [5, 5, 5]),
    refused("all leave", "two ages", [5, 0, 0]),
    refused("a table of frames", "survivors", pd.DataFrame({"a": ["x"]})),
    refused("an age beyond counting", "max_age", [5, 3, 2], max_age=10**9),
    refused("level 95", "level must", [5, 3, 2], level=95),
    OK(
        "project: two thousand million customers",
        lambda: project([2**31, 2**30, 2**29 + 2**28, 2**29 + 2**27], 8),
        lambda p: bool((p.customers.lower <= p.customers.upper).all()),
        nan=OPEN,
    ),
    OK(
        "project: three customers",
        lambda: project([4, 2, 2, 1], 8),
        lambda p: bool((p.customers.lower == 0).all() and (p.customers.upper == 1).all()),
        nan=OPEN,
    ),
    W(
        "project: all alike",
        lambda: project([64, 32, 16, 8]),
        "all alike",
        lambda p: p.status == "boundary",
    ),
    # --- contracts
    OK(
        "contracts: contracts of no length",
        lambda: contracts(signed()),
        lambda c: c.closing.sum() == 0 and c.brief.sum() == 1,
        nan=(*RATES, "survivors"),
    ),
    OK(
        "contracts: free ones",
        lambda: contracts(signed((1, 1, "start", 0.0))),
        lambda c: c.closing[-1] == 1 and c.closing_revenue[-1] == 0.0,
        nan=(*RATES, "survivors"),
    ),
    OK(
        "contracts: the running month alone",
        lambda: contracts(signed(observed_until="2024-01-20")),
        lambda c: c.periods.size == 0,
        nan=(*RATES, "survivors"),
    ),
    OK(
        "contracts: the largest amounts",
        lambda: contracts(signed(*((i, 1, "start", 9e12) for i in range(50)))),
        lambda c: c.closing_revenue[-1] == 50 * 9e12,
        nan=(*RATES, "survivors"),
    ),
    OK(
        "contracts: a term longer than time",
        lambda: contracts(signed((1, 1, "start", 1.0)), term=4096),
        lambda c: c.churned.sum() == 0,
        nan=(*RATES, "survivors"),
    ),
    W(
        "contracts: cancelled before they began",
        lambda: contracts(signed((1, 1, "cancel", None))),
        "cancellations of customers without a contract",
        lambda c: c.n_without_contract == 1,
    ),
    E("contracts: no log", lambda: contracts(pd.DataFrame({"a": [1]})), "must be an EventLog"),
    E("contracts: no amounts", lambda: contracts(a_log(*GAPS)), "must have amounts"),
    E(
        "contracts: no names of events",
        lambda: contracts(a_log(*GAPS, amount=[5.0] * 4)),
        "event names",
    ),
    *[
        E(
            f"contracts: revenue {amount}",
            lambda amount=amount: contracts(signed((1, 2, "change", amount), (1, 1, "start", 1.0))),
            "recurring revenue",
        )
        for amount in (-1.0, 1e13)
    ],
    E(
        "contracts: renewed for nobody knows how much",
        lambda: contracts(signed((1, 2, "renewal", None))),
        "needs an amount",
    ),
    E(
        "contracts: a change to nobody knows what",
        lambda: contracts(signed((1, 2, "change", None))),
        "null or NaN",
    ),
    E("contracts: term of text", lambda: contracts(signed(), term="1y"), "term must"),
    E("contracts: a name of nothing", lambda: contracts(signed(), cancel="stop"), "cancel: no"),
]
