"""What a lead gets points for: actions in the log, and what its customer table says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import MICROS_PER_DAY, as_horizon
from tenure._validation import Floats, as_count, as_number
from tenure.events import EventLog


@dataclass(frozen=True, slots=True)
class Action:
    """Points for what somebody did.

    Attributes
    ----------
    event : str or sequence of str
        Name of the event, or names that count alike.
    points : float
        Of one action; negative points deduct.
    cap : int, optional
        Only the latest so many actions count.
    half_life : float or str, optional
        Days, or a text such as "30d", after which an action is worth half. Default: for ever the
        same.
    group : str
        The part of the score that the points belong to.

    Examples
    --------
    >>> import tenure as tn
    >>> tn.lifecycle.Action("view_pricing", 10, cap=3, half_life="30d").name
    'view_pricing'
    """

    event: str | Sequence[str]
    points: float
    cap: int | None = None
    half_life: float | str | None = None
    group: str = "engagement"

    @property
    def events(self) -> tuple[str, ...]:
        """The names of the events, also where there is one."""
        return (self.event,) if isinstance(self.event, str) else tuple(self.event)

    @property
    def name(self) -> str:
        """What tables and reasons call it."""
        return " or ".join(self.events)

    def compiled(self, log: EventLog) -> _core.lifecycle.PointRule:
        """Return the rule as the engine counts it in this log."""
        half_life = 0.0
        if self.half_life is not None:
            half_life = as_horizon(self.half_life, "day", "half_life") * MICROS_PER_DAY
            if half_life == 0.0:
                msg = f"half_life of {self.name!r} must be > 0, got {self.half_life!r}"
                raise InvalidInputError(msg, argument="half_life", value=self.half_life)
        cap = 2**62 if self.cap is None else as_count(self.cap, "cap")
        points = as_number(self.points, "points")
        return _core.lifecycle.PointRule(points, cap, half_life, flags(self.events, log))


@dataclass(frozen=True, slots=True)
class Fit:
    """Points for what somebody is, from a column of the log's customer table.

    Attributes
    ----------
    column : str
    points : mapping or sequence of (low, high, points)
        Points by value, or by interval: low <= x < high, None where there is no bound.
    otherwise : float
        For any other value.
    missing : float
        Where the column is null.
    group : str
        The part of the score that the points belong to.

    Examples
    --------
    >>> import tenure as tn
    >>> tn.lifecycle.Fit("employees", [(None, 10, 0), (10, 250, 15), (250, None, 5)]).name
    'employees'
    """

    column: str
    points: Mapping[Any, float] | Sequence[tuple[float | None, float | None, float]]
    otherwise: float = 0.0
    missing: float = 0.0
    group: str = "fit"

    @property
    def name(self) -> str:
        """What tables and reasons call it."""
        return self.column

    def of(self, table: pa.Table | None) -> Floats:
        """Return the points of each row of a customer table."""
        if table is None or self.column not in table.column_names:
            msg = (
                f"the log's customer table has no column {self.column!r}"
                if table is not None
                else f"points for {self.column!r} need a log with a customer table: customers="
            )
            raise InvalidInputError(msg, argument="fit", value=self.column)
        column = table.column(self.column).combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        named = isinstance(self.points, Mapping)
        found = self._by_value(column) if named else self._by_interval(column)
        absent = column.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
        return np.where(absent, as_number(self.missing, "missing"), found)

    def _by_value(self, column: pa.Array) -> Floats:
        assert isinstance(self.points, Mapping)
        try:
            values = pa.array(list(self.points), type=column.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            msg = f"points of {self.column!r}: not all values are of type {column.type}: {error}"
            raise InvalidInputError(msg, argument="fit", value=self.column) from None
        table = [as_number(p, "points") for p in self.points.values()]
        at = pc.index_in(column, values).fill_null(len(table)).to_numpy()
        points: Floats = np.array([*table, as_number(self.otherwise, "otherwise")])
        found: Floats = points[at]
        return found

    def _by_interval(self, column: pa.Array) -> Floats:
        x = _numbers(column, self.column)
        found = np.full(len(x), as_number(self.otherwise, "otherwise"))
        end = -np.inf
        for low, high, points in sorted(self.points, key=_low):
            first = -np.inf if low is None else as_number(low, "low")
            last = np.inf if high is None else as_number(high, "high")
            if not end <= first < last:
                msg = (
                    f"points of {self.column!r}: the interval from {low} to {high} is empty or "
                    "overlaps the one before"
                )
                raise InvalidInputError(msg, argument="fit", value=self.column)
            found[(x >= first) & (x < last)] = as_number(points, "points")
            end = last
        return found


def _low(interval: tuple[float | None, float | None, float]) -> float:
    return -np.inf if interval[0] is None else interval[0]


def _numbers(column: pa.Array, name: str) -> Floats:
    try:
        numbers: Floats = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        msg = f"points of {name!r} by interval need numbers, the column is of type {column.type}"
        raise InvalidInputError(msg, argument="fit", value=name) from None
    return numbers


def flags(names: Sequence[str], log: EventLog) -> list[int]:
    """Return by event name of the log whether it is among `names`, all of which it must know."""
    for name in names:
        if log.event_names and name not in log.event_names:
            known = ", ".join(map(repr, log.event_names[:20]))
            msg = f"no event is called {name!r}; there are {known}"
            raise InvalidInputError(msg, argument="event", value=name)
    return [int(event in names) for event in log.event_names]
