"""Public calls of `tn.cohort`."""

from __future__ import annotations

import tenure as tn

from ._data import a_log, signed
from ._entry import Entry

ENTRIES = [
    Entry(
        "retention", a_log, lambda log, t: tn.cohort.retention(log, "week", n_threads=t), 30_000_000
    ),
    Entry(
        "retention of revenue",
        a_log,
        lambda log, t: tn.cohort.retention(log, "month", value="revenue", n_threads=t),
        300_000,
    ),
    Entry(
        "retention on or after",
        a_log,
        lambda log, t: tn.cohort.retention(
            log, "week", clock="rolling", match="on_or_after", n_threads=t
        ),
        10_000_000,
    ),
    Entry(
        "retention of recurring cohorts",
        a_log,
        lambda log, t: tn.cohort.retention(
            log, "month", anchor="recurring", n_bootstrap=30, n_threads=t
        ),
        1_000_000,
    ),
    Entry("growth", a_log, lambda log, t: tn.cohort.growth(log, n_threads=t), 30_000_000),
    Entry(
        "active_users", a_log, lambda log, t: tn.cohort.active_users(log, n_threads=t), 30_000_000
    ),
    Entry("stickiness", a_log, lambda log, t: tn.cohort.stickiness(log, n_threads=t), 30_000_000),
    Entry(
        "compare_curves",
        a_log,
        lambda log, t: tn.cohort.compare_curves(log, pairwise=True, n_threads=t),
        1_000_000,
    ),
    Entry(
        "compare_curves of churn",
        a_log,
        lambda log, t: tn.cohort.compare_curves(
            log, "quarter", curve="churn", inactive_after=90, n_threads=t
        ),
        10_000_000,
    ),
    Entry(
        "contracts",
        signed,
        lambda log, t: tn.cohort.contracts(log, term=12, n_bootstrap=30, n_threads=t),
        2_000_000,
    ),
]
