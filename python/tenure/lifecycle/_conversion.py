"""Who is a lead at a date, and whether it converts: the label that learned lead scores learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._time import to_datetime
from tenure._validation import Ints
from tenure.events import EventLog

_LONG_AGO = -(2**62)


@dataclass(frozen=True, slots=True)
class Conversion:
    """A label of `tenure.churn`: who has no order yet, and whether the first one comes in time."""

    def told(
        self, log: EventLog, cutoffs: Sequence[int], horizon: int, threads: int
    ) -> list[tuple[Ints, npt.NDArray[np.bool_]]]:
        """Return leads and whether they order within the horizon, for each cutoff."""
        told = []
        for cutoff in cutoffs:
            leads = lead_codes(log, cutoff, threads)
            told.append((leads, _ordered(log, cutoff, cutoff + horizon, threads)[leads]))
        return told


def lead_codes(log: EventLog, cutoff: int, threads: int) -> Ints:
    """Return who has an event, and no order, before the cutoff: codes, ascending."""
    seen: Ints = log.features(
        [to_datetime(cutoff, log.timezone)], windows=[], n_threads=threads
    )._code
    leads: Ints = seen[~_ordered(log, _LONG_AGO, cutoff, threads)[seen]]
    return leads


def _ordered(log: EventLog, start: int, until: int, threads: int) -> Any:
    did, _ = _core.lifecycle.window_facts(log._core, [start, until], threads)
    return did.astype(bool)
