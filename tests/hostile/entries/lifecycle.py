"""Public calls of `tn.lifecycle`."""

from __future__ import annotations

import tenure as tn

from ._data import a_log
from ._entry import Entry
from .journey import visits

LEADS = tn.lifecycle.LeadScore(
    actions=[
        tn.lifecycle.Action("view", 1.0, cap=20, half_life="30d"),
        tn.lifecycle.Action("cart", 5.0, half_life="60d"),
    ]
)

ENTRIES = [
    Entry(
        "Stages", a_log, lambda log, t: tn.lifecycle.Stages().assign(log, n_threads=t), 30_000_000
    ),
    Entry("LeadScore", visits, lambda log, t: LEADS.score(log, n_threads=t), 10_000_000),
]
