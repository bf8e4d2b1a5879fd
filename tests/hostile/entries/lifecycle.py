"""Public calls of `tn.lifecycle`."""

from __future__ import annotations

import tenure as tn

from ._data import a_log
from ._entry import Entry

ENTRIES = [
    Entry(
        "Stages", a_log, lambda log, t: tn.lifecycle.Stages().assign(log, n_threads=t), 30_000_000
    ),
]
