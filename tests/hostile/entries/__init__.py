"""Every public call that does work, on seeded data of any size: for tests of the process around it.

An entry makes its data once and then computes with a number of threads. Add a line to the `ENTRIES`
of an area for each new public call; `test_system.py` asks of all of them the same bits for any
number of threads, no hang after a fork, an honest MemoryError, and an answer to Ctrl-C.
"""

from . import churn, clv, cohort, events, journey, lifecycle, segment, simulate
from ._entry import Entry, digest

__all__ = ["ENTRIES", "Entry", "digest"]

AREAS = [events, cohort, journey, clv, churn, segment, lifecycle, simulate]
ENTRIES = [entry for area in AREAS for entry in area.ENTRIES]
