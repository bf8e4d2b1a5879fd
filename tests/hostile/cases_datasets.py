"""Customer bases that cannot be, and settings of the simulator that mean nothing."""

from __future__ import annotations

import math
from typing import Any

from hostile import OK, Case, E

import tenure as tn

RATES = {"r": 0.24, "alpha": 4.4, "a": 0.79, "b": 2.43}


def base(n: Any = 200, **settings: Any) -> Any:
    return tn.datasets.simulate(n, **settings)


def refused(about: str, says: str, n: Any = 200, **settings: Any) -> Case:
    return E(f"simulate: {about}", lambda: base(n, **settings), says)


CASES = [
    E(
        "load_cdnow: unknown kind of frame",
        lambda: tn.datasets.load_cdnow(as_frame="R"),
        "as_frame",
    ),
    E(
        "load_donations: unknown kind of frame",
        lambda: tn.datasets.load_donations(as_frame="csv"),
        "as_frame",
    ),
    OK("simulate: one customer", lambda: base(1), lambda b: b.customers.num_rows == 1),
    OK("simulate: nobody", lambda: base(0), lambda b: b.orders.num_rows == 0),
    refused("fewer than nobody", "n_customers", -5),
    refused("half a customer", "n_customers", 10.5),
    refused("94 negative seed", "random_state must be >= 0", random_state=-1),
    refused("94 seed 2^64", "random_state must be < 2**64", random_state=2**64),
    refused("ends before it starts", "end", start="2025-01-01", end="2024-01-01"),
    refused("28 a date that is none", "start", start="2023-02-29"),
    refused("unknown time zone", "Mars/Olympus", timezone="Mars/Olympus"),
    refused("unknown model", "model must be one of", model="nbd"),
    refused("unknown unit", "unit must be one of", unit="fortnight"),
    refused("a missing parameter", "parameters of bg_nbd", model="bg_nbd", parameters={"r": 0.2}),
    refused("56 a rate of 0", "parameters['r']", model="bg_nbd", parameters={**RATES, "r": 0.0}),
    refused("56 NaN", "parameters['a']", model="bg_nbd", parameters={**RATES, "a": math.nan}),
    refused("two numbers of spend", "spend must be", spend=(6.0, 4.0)),
    refused("68 infinite spend", "spend[2]", spend=(6.0, 4.0, math.inf)),
    refused("refunds more often than orders", "refunds", refunds=1.5),
    refused("64 arrivals take less than no time", "arrivals", arrivals=-1.0),
    refused("shares of channels that make no whole", "channels", channels={"a": (0.5, 1.0, 1.0)}),
    refused("negative visits", "visits", visits=-1.0),
    refused("112 no threads", "n_threads must be >= 1", n_threads=0),
    OK(
        "simulate: 31 observed for a day",
        lambda: base(start="2024-01-01", end="2024-01-01"),
        lambda b: b.orders.num_rows >= 200,
    ),
    OK(
        "simulate: 55 hardly ever an order",
        lambda: base(model="bg_nbd", parameters={**RATES, "alpha": 1e300}),
        lambda b: b.orders.num_rows == 200,
    ),
]
