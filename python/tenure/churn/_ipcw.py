"""What measures that weigh customers by the inverse chance of censoring have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._validation import Floats, as_choice, as_column, as_flags
from tenure.churn._times import as_times

#: Positions of `Scorable` in the engine.
_REASONS = {1: "nobody churned by", 2: "nobody was seen beyond"}


def prepared(
    duration: Any, churned: Any, sample_weight: Any, train: Any, ties: Any, censoring_at: Any
) -> tuple[Any, int]:
    """Return the engine's sorted rows with their censoring curve, and how many rows there are."""
    time = as_column(duration, np.float64, "duration")
    flags = as_flags(churned, "churned")
    weight = (
        None if sample_weight is None else as_column(sample_weight, np.float64, "sample_weight")
    )
    train_time = train_flags = None
    if train is not None:
        if not isinstance(train, (tuple, list)) or len(train) != 2:
            msg = "train must be a pair of duration and churned"
            raise InvalidInputError(msg, argument="train")
        train_time = as_column(train[0], np.float64, "train duration")
        train_flags = as_flags(train[1], "train churned")
    data = _core.churn.IpcwData(
        time,
        flags,
        weight,
        train_time,
        train_flags,
        as_choice(ties, "ties", ("churn_first", "strict")) == "churn_first",
        as_choice(censoring_at, "censoring_at", ("before", "at")) == "before",
    )
    return data, time.size


def scorable_times(data: Any, times: Any, *, both: bool) -> tuple[Floats, Floats, str, Any]:
    """Return the times that can be scored, those that cannot, why, and which ones can.

    Raises
    ------
    InvalidInputError
        If times do not ascend, or none is left.
    """
    asked = as_times(times, "times", finite=True)
    if asked.size == 0:
        msg = "times must hold at least one time"
        raise InvalidInputError(msg, argument="times")
    steps = np.flatnonzero(np.diff(asked) <= 0.0)
    if steps.size:
        row = int(steps[0]) + 1
        msg = f"times[{row}] must be greater than the time before it, got {asked[row]:g}"
        raise InvalidInputError(msg, argument="times", row=row, value=float(asked[row]))
    found = data.scorable(asked, both)
    parts = []
    for code, what in _REASONS.items():
        of = asked[found == code]
        if of.size:
            parts.append(f"{what} {', '.join(f'{t:g}' for t in of)}")
    keep = found == 0
    if not keep.any():
        msg = f"times: none can be scored: {'; '.join(parts)}"
        raise InvalidInputError(msg, argument="times")
    return asked[keep], asked[~keep], "; ".join(parts), keep


def as_cells(values: Any, rows: int, times: int, name: str) -> Floats:
    """Return one value a row, or one a row and time, as a contiguous array of floats."""
    array = np.asarray(values)
    if array.ndim != 2:
        column: Floats = as_column(values, np.float64, name)
        if column.size != rows:
            msg = f"{name} has {column.size} rows, but duration has {rows}"
            raise InvalidInputError(msg, argument=name)
        return column
    if array.shape != (rows, times):
        msg = f"{name} must have shape ({rows}, {times}), a row a customer and a column a time, "
        msg += f"got {array.shape}"
        raise InvalidInputError(msg, argument=name)
    if array.dtype.kind not in "biuf":
        msg = f"{name} must be numeric, got dtype {array.dtype}"
        raise InvalidInputError(msg, argument=name)
    return np.ascontiguousarray(array, dtype=np.float64)
