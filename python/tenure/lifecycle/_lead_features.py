"""Which of a log's features a lead score learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure.churn import ChurnDataset

Names = tuple[str, ...]


def chosen(
    data: ChurnDataset, columns: str | Sequence[str] | None, counted: bool
) -> tuple[Names, Names]:
    """Return the features to learn from, and those left out because they do not vary.

    Without `columns`: counts by window, of named events where these are `counted`, and the days
    since the first and the last event.
    """
    if columns is not None:
        named = (columns,) if isinstance(columns, str) else tuple(columns)
        for place, name in enumerate(named):
            if name in named[:place]:
                msg = f"columns names {name!r} twice"
                raise InvalidInputError(msg, argument="columns", row=place, value=name)
            if name not in data.columns:
                there = ", ".join(map(repr, data.names[:30]))
                msg = f"there is no feature {name!r}; there are {there}"
                raise InvalidInputError(msg, argument="columns", value=name)
        if not named:
            raise InvalidInputError("columns must name a feature", argument="columns")
        return named, ()
    start: str | tuple[str, ...] = "n_" if counted else ("events_", "active_days_")
    # A total is what its windows and the days since the first event tell already.
    named = tuple(
        name
        for name in data.names
        if (name.startswith(start) and not name.endswith("_total"))
        or name in ("days_since_first", "days_since_last")
    )
    kept = tuple(n for n in named if np.ptp(data.columns[n]) > 0.0)
    if not kept:
        raise InvalidInputError("no feature of the leads varies", argument="columns")
    return kept, tuple(n for n in named if n not in kept)


def require_known(columns: Mapping[str, Any], names: Names) -> None:
    """Refuse a lead of which a feature is not known: a linear score has no place for it."""
    for name in names:
        absent = np.isnan(columns[name])
        if absent.any():
            row = int(np.argmax(absent))
            msg = (
                f"{name!r} is not known of every lead, the first in row {row}: leave it out of "
                "columns, or give an estimator that takes NaN"
            )
            raise InvalidInputError(msg, argument="columns", row=row, value=name)
