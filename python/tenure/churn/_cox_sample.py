"""The rows of a Cox regression: checked, ordered by the engine, kept for residuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._matrix import Matrix
from tenure._sklearn import as_weights, name_cell
from tenure._validation import Floats, as_column, as_flags
from tenure.churn._cox_tables import CoxBaseline
from tenure.churn._groups import Codes, as_groups

_SMALLEST_SPREAD = 1e-100


@dataclass(frozen=True, slots=True, eq=False)
class CoxSample:
    """What a fit saw; `data` holds the rows in the engine's order."""

    data: _core.churn.CoxData
    duration: Floats
    churned: Any
    entry: Floats | None
    weight: Floats | None
    strata: Codes | None
    labels: tuple[str, ...]
    clusters: Codes | None

    def weights(self) -> Floats:
        """Return the weight of each row."""
        return np.ones(len(self.duration)) if self.weight is None else self.weight

    def last_times(self) -> Floats:
        """Return the largest duration of each stratum."""
        if self.strata is None:
            return np.array([self.duration.max()])
        last = np.zeros(len(self.labels))
        np.maximum.at(last, self.strata, self.duration)
        return last

    def baseline(self, beta: Floats, ties: str, threads: int) -> CoxBaseline:
        """Return the baseline at coefficients of the engine's columns."""
        found = self.data.baseline(beta, ties, threads)
        return CoxBaseline(
            time=found["time"],
            stratum=found["stratum"],
            at_risk=found["at_risk"],
            churned=found["churned"],
            cumulative_hazard=found["hazard"],
            variance=found["variance"],
            mean_hazard=found["mean"].reshape(-1, len(beta)) * self.data.scale,
            strata=self.labels,
            last_time=self.last_times(),
        )


def as_sample(
    X: Matrix,
    names: Sequence[str] | None,
    duration: Any,
    churned: Any,
    entry: Any,
    sample_weight: Any,
    strata: Any,
    clusters: Any,
    offset: Any,
    threads: int,
) -> CoxSample:
    """Check and order the rows; refuse columns that no regression can use."""
    rows = len(X)
    time = as_column(duration, np.float64, "duration")
    if len(time) != rows:
        msg = f"duration must have one time for each of the {rows} rows of X, got {len(time)}"
        raise InvalidInputError(msg, argument="duration")
    codes, labels = (None, ("",)) if strata is None else as_groups(strata, rows, "strata")
    flags = as_flags(churned, "churned")
    start = None if entry is None else as_column(entry, np.float64, "entry")
    weight = as_weights(sample_weight, rows)
    matrix = np.ascontiguousarray(X, dtype=np.float64)
    try:
        data = _core.churn.CoxData(
            matrix,
            time,
            flags,
            start,
            weight,
            None if offset is None else as_column(offset, np.float64, "offset"),
            codes,
            threads,
        )
    except InvalidInputError as error:
        raise name_cell(error, matrix, names) from None
    _require_columns(data, column_names(names, X.shape[1]))
    if data.churned_rows == 0:
        msg = "nobody churned (with a weight above 0): there is no hazard to compare"
        raise InvalidInputError(msg, argument="churned")
    return CoxSample(
        data=data,
        duration=time.copy(),
        churned=flags.copy(),
        entry=None if start is None else start.copy(),
        weight=None if weight is None else weight.copy(),
        strata=codes,
        labels=labels,
        clusters=None if clusters is None else as_groups(clusters, rows, "clusters")[0],
    )


def column_names(names: Sequence[str] | None, columns: int) -> tuple[str, ...]:
    """Return the names of the columns: those of the frame, or x0, x1, ..."""
    return tuple(names) if names is not None else tuple(f"x{j}" for j in range(columns))


def _require_columns(data: _core.churn.CoxData, names: Sequence[str]) -> None:
    for j in np.flatnonzero(data.most == data.least).tolist():
        value = float(data.least[j])
        msg = f"X[{names[j]!r}] is {value:g} in every row: its coefficient is not identified"
        raise InvalidInputError(msg, argument="X", value=value)
    require_range(data.least, data.most, names)


def require_range(least: Floats, most: Floats, names: Sequence[str]) -> None:
    """Refuse columns that vary over a range whose square is no number."""
    with np.errstate(over="ignore"):
        spread = most - least
    wild = (spread != 0.0) & ~((spread > _SMALLEST_SPREAD) & (spread < 1.0 / _SMALLEST_SPREAD))
    for j in np.flatnonzero(wild).tolist():
        msg = (
            f"X[{names[j]!r}] has a range of {spread[j]:g}, whose square is no number: count it in "
            "another unit"
        )
        raise InvalidInputError(msg, argument="X", value=float(spread[j]))


def unidentified(part: Floats, names: Sequence[str], rows: int) -> InvalidInputError:
    """Return the error for columns whose coefficients the data do not determine.

    `part` projects on the combinations of columns that do not vary among those at risk.
    """
    reasons = []
    for group in dependent_groups(part):
        members = [repr(names[j]) for j in group]
        if len(members) == 1:
            reasons.append(f"{members[0]} does not vary among those at risk at any time of churn")
        else:
            reasons.append(
                f"{', '.join(members)} are linearly dependent among those at risk (a copy, a "
                "multiple, or dummies that add up to a constant)"
            )
    if len(names) >= rows:
        reasons.append(f"there are {len(names)} columns for {rows} rows: a penalty is needed")
    msg = "the coefficients of X are not identified: " + "; ".join(reasons)
    return InvalidInputError(msg, argument="X")


def dependent_groups(part: Floats) -> list[list[int]]:
    """Return the positions that a projection on what is not identified ties together."""
    left = np.diag(part) > 1e-6
    groups = []
    while left.any():
        group = np.zeros(len(part), dtype=bool)
        group[int(np.argmax(left))] = True
        while True:
            grown = group | (left & (np.abs(part[group]) > 1e-6).any(axis=0))
            if (grown == group).all():
                break
            group = grown
        left &= ~group
        groups.append(np.flatnonzero(group).tolist())
    return groups
