"""By what ruler a part of a health score is measured: cut points, or ranks in the fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._model_file import storable
from tenure._validation import Floats, as_choice, as_column, as_number

#: A ruler of ranks keeps no more than some knots by step: off by less than 1 / STEPS of a part.
STEPS = 1000


@storable("lifecycle.HealthPart")
@dataclass(frozen=True, slots=True)
class HealthPart:
    """One part of a health score: a column, which way is healthy, and how much it counts.

    Attributes
    ----------
    column : str
        A column of `EventLog.features`, such as ``"orders_90d"``, or of a table of your own.
    weight : float
        > 0; shares of the 100 points are in proportion to weights.
    healthy : {"high", "low"}
        Which end is good.
    cuts : sequence of float, optional
        Ascending. Each cut that is reached (from below, or from above where low is healthy; the
        cut itself counts as reached) gives an equal share of the part. Default: the rank among
        the customers of the fit.
    missing : float, optional
        Share of the part, from 0 to 1, of who has no value (NaN). Default: refuse such rows.

    Examples
    --------
    >>> import tenure as tn
    >>> tn.lifecycle.HealthPart("days_since_last", 2.0, healthy="low", cuts=[30, 90]).name
    'days_since_last'
    """

    column: str
    weight: float = 1.0
    healthy: str = "high"
    cuts: Sequence[float] | None = None
    missing: float | None = None

    @property
    def name(self) -> str:
        """What tables and reasons call it."""
        return self.column

    def require_valid(self) -> None:
        """Refuse settings that are none, naming them."""
        as_number(self.weight, f"weight of {self.column!r}", above=0.0)
        as_choice(self.healthy, f"healthy of {self.column!r}", ("high", "low"))
        if self.missing is not None:
            as_number(self.missing, f"missing of {self.column!r}", at_least=0.0, at_most=1.0)
        if self.cuts is None:
            return
        name = f"cuts of {self.column!r}"
        cuts = as_column(np.asarray(self.cuts), np.float64, name)
        if len(cuts) == 0:
            msg = f"{name} must hold at least one"
            raise InvalidInputError(msg, argument="cuts", value=self.cuts)
        bad = np.flatnonzero(~np.isfinite(cuts) | (np.diff(cuts, prepend=-np.inf) <= 0.0))
        if bad.size:
            row = int(bad[0])
            msg = f"{name} must be finite and ascend, but [{row}] is {cuts[row]:g}"
            raise InvalidInputError(msg, argument="cuts", row=row, value=float(cuts[row]))

    def ruler(self, values: Floats) -> tuple[Floats, Floats]:
        """Return knots and the share of the part at each, learnt from values where no cuts are."""
        if self.cuts is not None:
            knots = as_column(np.asarray(self.cuts), np.float64, "cuts")
            return knots, np.arange(1.0, len(knots) + 1.0) / len(knots)
        seen = values[~np.isnan(values)]
        if len(seen) == 0:
            msg = f"{self.column!r} has no value to rank among: give the part cuts"
            raise InvalidInputError(msg, argument="parts", value=self.column)
        knots, count = np.unique(seen, return_counts=True)
        upto = np.cumsum(count)
        if len(knots) > 3 * (STEPS + 1):
            at = np.searchsorted(upto, np.linspace(0.0, upto[-1], STEPS + 1))
            # With both neighbours: a line towards a value that many share would bend all before it.
            kept = np.unique(np.clip([at - 1, at, at + 1], 0, len(knots) - 1))
            knots, count, upto = knots[kept], count[kept], upto[kept]
        return knots, (upto - 0.5 * count) / len(seen)  # ties share the rank in their middle

    def share(self, values: Floats, knots: Floats, ranks: Floats) -> Floats:
        """Return the share of the part, from 0 to 1, that each value earns."""
        if self.cuts is None:
            # Absent values pass through as NaN; between two knots the rank is linear.
            rank = np.interp(values, knots, ranks)
            share = rank if self.healthy == "high" else 1.0 - rank
        elif self.healthy == "high":
            share = np.searchsorted(knots, values, side="right") / len(knots)
        else:
            share = (len(knots) - np.searchsorted(knots, values, side="left")) / len(knots)
        absent = np.isnan(values)
        if absent.any():
            if self.missing is None:
                row = int(np.argmax(absent))
                msg = (
                    f"{self.column!r} has no value in row {row}: say in HealthPart(missing=...) "
                    "which share of the part that is worth"
                )
                raise InvalidInputError(msg, argument=self.column, row=row)
            share = np.where(absent, float(self.missing), share)
        return np.asarray(share, dtype=np.float64)


def as_values(column: Any, name: str) -> Floats:
    """Return a column as numbers, each finite or NaN."""
    values: Floats = as_column(column, np.float64, name)
    endless = np.isinf(values)
    if endless.any():
        row = int(np.argmax(endless))
        msg = f"{name}[{row}] must be finite, or NaN where unknown, got {values[row]}"
        raise InvalidInputError(msg, argument=name, row=row, value=float(values[row]))
    return values
