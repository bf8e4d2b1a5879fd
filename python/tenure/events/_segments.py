"""The rows of a log as one segment or several, joined when a pass needs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._validation import Ints, as_threads
from tenure.events._columns import order_flags

if TYPE_CHECKING:
    from tenure.events._rows import LogRows

Events = npt.NDArray[np.uint16]
Values = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Codes:
    """What the codes of a segment are in the log: position = the segment's own code."""

    customer: Ints
    event: Events
    properties: list[Values]

    def then(self, later: Codes) -> Codes:
        """Return the codes after a further change of those of the log."""
        return Codes(
            later.customer[self.customer],
            later.event[self.event],
            [new[old] for old, new in zip(self.properties, later.properties, strict=True)],
        )


@dataclass(frozen=True)
class Segment:
    """Rows that were indexed together; without codes they are the log's own."""

    core: _core.events.EventLog
    codes: Codes | None


class Segments:
    """All rows of a log, and the window in which they were observed."""

    def __init__(self, parts: list[Segment], observed: tuple[int, int]) -> None:
        self.parts = parts
        self.observed = observed
        self.rows = sum(p.core.rows for p in parts)

    @classmethod
    def of(cls, core: _core.events.EventLog) -> Segments:
        """Return the one segment that is a whole log."""
        return cls([Segment(core, None)], (core.observed_from, core.observed_until))

    def watch(self, first: int, until: int) -> None:
        """Say when observation began and ended."""
        self.observed = first, until
        for part in self.parts:
            part.core.observed_from, part.core.observed_until = first, until

    def whole(self, log: LogRows) -> _core.events.EventLog:
        """Return the rows in one piece, joining them if that is not yet done."""
        parts = self.parts
        if len(parts) == 1 and parts[0].codes is None:
            return parts[0].core
        core = _core.events.joined(
            [
                (p.core, p.codes.customer, p.codes.event, p.codes.properties)
                for p in parts
                if p.codes is not None
            ],
            log.n_customers,
            order_flags(log),
            *self.observed,
            as_threads(None),
        )
        self.parts = [Segment(core, None)]  # one assignment: another thread sees either state
        return core
