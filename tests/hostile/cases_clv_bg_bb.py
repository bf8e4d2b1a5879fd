"""Customers and opportunities that no paper has: BG/BB."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from hostile import OK, Case, E, W

import tenure as tn
from tenure.clv import BGBB


def rows(frequency: Any, recency: Any, T: Any, **more: Any) -> dict[str, Any]:
    return {"frequency": frequency, "recency": recency, "T": T, **more}


@functools.cache
def model() -> BGBB:
    return BGBB().fit(tn.datasets.load_donations())


def fit(data: Any, weight: Any = None, **settings: Any) -> BGBB:
    return BGBB(**settings).fit(data, weight)


def refused(about: str, says: str, data: Any, weight: Any = None, **more: Any) -> Case:
    return E(f"BGBB: {about}", lambda: fit(data, weight, **more), says)


def unfinished(about: str, data: Any) -> Case:
    return W(
        f"BGBB: {about}",
        lambda: fit(data),
        "stopped without an optimum",
        lambda m: not m.converged_ and all(v > 0 for v in m.params_.values()),
        "ConvergenceWarning",
    )


def alive(x: Any, t_x: Any, T: Any, ahead: Any = 0) -> np.ndarray:
    return np.asarray(model().probability_alive(rows(x, t_x, T), ahead=ahead))


def purchases(x: Any, t_x: Any, T: Any, horizon: Any = 5) -> np.ndarray:
    return np.asarray(model().expected_purchases(rows(x, t_x, T), horizon))


def possible(p: np.ndarray) -> bool:
    return bool(np.isfinite(p).all() and (p >= 0).all())


def probability(p: np.ndarray) -> bool:
    return possible(p) and bool((p <= 1).all())


def log() -> Any:
    when = np.array(["2020-01-05", "2020-03-01"], "datetime64[us]")
    return tn.EventLog({"who": [1, 2], "when": when}, customer="who", time="when")


GOOD = rows([0, 2, 5, 1], [0, 3, 6, 1], [6, 6, 6, 6])

CASES = [
    refused("no customers", "frequency", rows([], [], [])),
    refused("a missing column", "'T' is not a column", {"frequency": [1], "recency": [1.0]}),
    refused("unequal lengths", "recency has 1 rows", rows([1, 2], [1.0], [2.0, 3.0])),
    refused("half an opportunity", "T[1] must be a whole", rows([1, 0], [1, 0], [3, 2.5])),
    refused("half a period of recency", "recency[0] must be a whole", rows([1], [1.5], [3])),
    refused("half a purchase", "frequency[0] must be a whole", rows([0.5], [1], [3])),
    refused("more purchases than opportunities", "recency[0]", rows([4], [3], [6])),
    refused("recency behind T", "recency[0]", rows([2], [4], [3])),
    refused("recency without purchases", "recency[0]", rows([0], [2], [3])),
    refused("NaN T", "T[0]", rows([0], [0], [math.nan])),
    refused("infinite T", "T[0]", rows([0], [0], [math.inf])),
    refused("a billion opportunities", "T[0]", rows([0], [0], [1e9])),
    refused("negative T", "T[0]", rows([0], [0], [-1])),
    refused("NaN recency", "recency[0]", rows([1], [math.nan], [3])),
    refused("negative frequency", "frequency[0]", rows([-1], [0], [3])),
    refused("negative weight", "weight[0]", GOOD, [-1.0, 1, 1, 1]),
    refused("infinite weights in sum", "weight", GOOD, [1e308] * 4),
    refused("all weights 0", "weight", GOOD, [0.0] * 4),
    refused("weights of another length", "weight", GOOD, [1.0] * 3),
    refused("no iterations", "max_iter must be >= 1", GOOD, max_iter=0),
    refused("negative penalty", "l2 must", GOOD, l2=-1.0),
    refused("no threads", "n_threads must be >= 1", GOOD, n_threads=0),
    refused("a summary in weeks", "must be a whole", rows([1], [10 / 7], [39.0])),
    unfinished("nobody bought again", rows([0] * 9, [0] * 9, [6] * 9)),
    unfinished("nothing was seen", rows([0] * 9, [0] * 9, [0] * 9)),
    unfinished("everybody always bought", rows([6] * 9, [6] * 9, [6] * 9)),
    unfinished("one opportunity", rows([0, 1] * 9, [0, 1] * 9, [1] * 18)),
    unfinished("one customer", rows([2], [3], [9])),
    OK("BGBB.probability_alive: the last", lambda: alive([6], [6], [6]), lambda p: p[0] == 1.0),
    OK("BGBB.probability_alive: T = 0", lambda: alive([0], [0], [0]), lambda p: p[0] == 1.0),
    OK(
        "BGBB.probability_alive: silent for 99,999 opportunities",
        lambda: alive([1], [1], [100_000]),
        probability,
    ),
    OK(
        "BGBB.probability_alive: a purchase at each of 100,000",
        lambda: alive([100_000], [100_000], [100_000], 1),
        probability,
    ),
    OK("BGBB.probability_alive: far ahead", lambda: alive([6], [6], [6], 10**6), probability),
    OK("BGBB.probability_alive: no customers", lambda: alive([], [], []), lambda p: p.size == 0),
    E("BGBB.probability_alive: ahead of 10^7", lambda: alive([6], [6], [6], 10**7), "ahead"),
    E("BGBB.probability_alive: backwards", lambda: alive([6], [6], [6], -1), "ahead"),
    E(
        "BGBB.probability_alive: before the fit",
        lambda: BGBB().probability_alive(GOOD),
        "not fitted",
        "NotFittedError",
    ),
    OK("BGBB.expected_purchases: none", lambda: purchases([3], [4], [6], 0), lambda p: p[0] == 0),
    OK("BGBB.expected_purchases: a million", lambda: purchases([3], [4], [6], 10**6), possible),
    OK("BGBB.expected_purchases: long silent", lambda: purchases([1], [1], [100_000]), possible),
    E("BGBB.expected_purchases: half a one", lambda: purchases([3], [4], [6], 2.5), "horizon"),
    E("BGBB.expected_purchases: for ever", lambda: purchases([3], [4], [6], math.inf), "horizon"),
    E("BGBB.expected_purchases: a text", lambda: purchases([3], [4], [6], "1y"), "horizon"),
    E("BGBB.expected_purchases: NaN", lambda: purchases([3], [4], [6], math.nan), "horizon"),
    E(
        "BGBB.discounted_expected_purchases: a discount below 0",
        lambda: model().discounted_expected_purchases(GOOD, discount_rate=-0.5),
        "discount_rate",
    ),
    E(
        "BGBB.discounted_expected_purchases: no discount for ever",
        lambda: model().discounted_expected_purchases(GOOD, discount_rate=0.0),
        "horizon",
    ),
    OK(
        "BGBB.discounted_expected_purchases: a discount of 10^300",
        lambda: model().discounted_expected_purchases(GOOD, discount_rate=1e300),
        possible,
    ),
    OK(
        "BGBB.probability_of_n_purchases_given: more than there can be",
        lambda: model().probability_of_n_purchases_given(GOOD, 9, 5),
        lambda p: p.tolist() == [0.0] * 4,
    ),
    OK(
        "BGBB.probability_of_n_purchases: 50,000 of 100,000",
        lambda: np.array([model().probability_of_n_purchases(50_000, 100_000)]),
        probability,
    ),
    E(
        "BGBB.probability_of_n_purchases: half a purchase",
        lambda: model().probability_of_n_purchases([1, 0.5], 5),
        "n[1]",
    ),
    E("BGBB.history_table: of 10^6", lambda: model().history_table(10**6, 5), "T must be at most"),
    OK("BGBB.history_table: of none", lambda: model().history_table(0, 5), lambda t: len(t) == 1),
    E("opportunities: no log", lambda: tn.clv.opportunities(GOOD, "year"), "EventLog"),
    E("opportunities: a fortnight", lambda: tn.clv.opportunities(log(), "fortnight"), "period"),
    E(
        "opportunities: behind the end",
        lambda: tn.clv.opportunities(log(), end="2030-01-01"),
        "end",
    ),
    OK(
        "opportunities: no order yet",
        lambda: tn.clv.opportunities(log(), end="2019-01-01"),
        lambda t: len(t) == 0,
    ),
]
