"""Analyses as values that take in logs part by part, join, and tell their result at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, cast

import numpy as np

from tenure import _core, _model_file
from tenure._errors import InvalidInputError, ModelFileError
from tenure._model_file import storable
from tenure._time import engine_zone
from tenure._validation import as_threads
from tenure.events.event_log import EventLog, as_log


@storable("events.Scope")
@dataclass(frozen=True)
class Scope:
    """What the parts of one log have in common."""

    timezone: str
    observed_from: int
    observed_until: int
    has_amounts: bool
    event_names: tuple[str, ...]
    orders: tuple[str, ...]
    properties: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, log: EventLog) -> Scope:
        return cls(
            timezone=log.timezone,
            observed_from=log._from,
            observed_until=log._until,
            has_amounts=log.has_amounts,
            event_names=log.event_names,
            orders=log.orders,
            properties={name: tuple(v.to_pylist()) for name, v in log.properties.items()},
        )

    @property
    def zone(self) -> _core.events.TimeZone:
        return engine_zone(self.timezone)

    def require_same(self, other: Scope) -> None:
        for field in fields(self):
            mine, others = getattr(self, field.name), getattr(other, field.name)
            if mine != others:
                msg = (
                    f"a scan takes in parts of one log: {field.name} is {_brief(mine)} in those "
                    f"before and {_brief(others)} here"
                )
                raise InvalidInputError(msg, argument="log", value=field.name)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


class Scan(ABC):
    """An analysis that takes in the customers of a log part by part.

    ``visit`` takes in a part, ``merge`` what another scan of the same settings has taken in of the
    customers that come later, ``finish`` tells the result: that of the whole log, to the bit. A
    scan is a small value: it pickles, and ``to_bytes`` and ``from_bytes`` carry it between
    processes without running code.

    A part is an `EventLog` that holds whole customers. All parts have the same window of
    observation, time zone, event names and values of properties, as those of `tenure.stream` do,
    and come in ascending order of ids.

    Attributes
    ----------
    settings : dict
        As given to the constructor, defaults included.
    n_customers, n_rows : int
        Taken in so far.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> first, later = (tn.cohort.GrowthScan().visit(part) for part in log.parts(2))
    >>> later = tn.Scan.from_bytes(later.to_bytes())  # from another process, say
    >>> first.merge(later).finish().new[:3].tolist()
    [781, 857, 719]
    >>> tn.cohort.growth(log).new[:3].tolist()
    [781, 857, 719]
    """

    def __init__(self, **settings: Any) -> None:
        self.settings: dict[str, Any] = settings
        self.n_customers = 0
        self.n_rows = 0
        self._scope: Scope | None = None
        self._counted: Any = None
        self._threads = 0

    # --- what a scan adds -----------------------------------------------------------------------

    @abstractmethod
    def _count(self, log: EventLog, threads: int) -> Any:
        """Return what is to be known of one part."""

    @abstractmethod
    def _joined(self, counted: Any, later: Any) -> Any:
        """Return what is known of both; neither is used again."""

    @abstractmethod
    def _result(self, scope: Scope, counted: Any, threads: int) -> Any:
        """Return the result of what was counted."""

    def _pack(self, counted: Any) -> dict[str, Any]:
        """Return what was counted as arrays and plain values."""
        return cast("dict[str, Any]", counted)

    def _unpack(self, packed: dict[str, Any], scope: Scope) -> Any:
        """Return what `_pack` was given, or raise ValueError for what cannot be."""
        return packed

    # --- the contract ---------------------------------------------------------------------------

    def visit(self, log: EventLog, *, n_threads: int | None = None) -> Self:
        """Take in a part of a log, or a whole one; return the scan.

        Raises
        ------
        InvalidInputError
            If it is no part of the same log, or the settings ask for what it does not have.
        """
        as_log(log)
        scope = Scope.of(log)
        if self._scope is not None:
            self._scope.require_same(scope)
        self._threads = as_threads(n_threads)
        counted = self._count(log, self._threads)
        self._add(scope, counted, log.n_customers, log.n_rows)
        return self

    def merge(self, later: Self) -> Self:
        """Take in what another scan took in of customers that come later; return the scan.

        Raises
        ------
        InvalidInputError
            If it is a scan of another kind, of other settings or of another log.
        """
        if type(later) is not type(self) or later.settings != self.settings:
            msg = f"merge needs a {type(self).__name__} with the same settings"
            raise InvalidInputError(msg, argument="later")
        if later._scope is None:
            return self
        if self._scope is not None:
            self._scope.require_same(later._scope)
        # A copy: joining may use up what it is given.
        counted = later._unpack(_copied(later._pack(later._counted)), later._scope)
        self._add(later._scope, counted, later.n_customers, later.n_rows)
        return self

    def _add(self, scope: Scope, counted: Any, customers: int, rows: int) -> None:
        self._counted = counted if self._scope is None else self._joined(self._counted, counted)
        self._scope = scope
        self.n_customers += customers
        self.n_rows += rows

    def finish(self) -> Any:
        """Return the result of all that was taken in; more may follow.

        Raises
        ------
        InvalidInputError
            If nothing was visited.
        """
        if self._scope is None:
            msg = f"{type(self).__name__} has visited no log yet"
            raise InvalidInputError(msg, argument="log")
        return self._result(self._scope, self._counted, self._threads or as_threads(None))

    # --- between processes ----------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Return the scan with all it took in, as `from_bytes` reads it."""
        return _model_file.to_bytes(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the scan that `to_bytes` wrote; no code is ever run.

        Raises
        ------
        ModelFileError
            For bytes that are damaged, of another kind of scan, or hold impossible values.
        """
        scan = _model_file.from_bytes(data)
        if not isinstance(scan, cls):
            msg = f"the bytes hold a {type(scan).__name__}, not a {cls.__name__}"
            raise ModelFileError(msg)
        return scan

    def __reduce__(self) -> tuple[Any, ...]:
        return _model_file.from_bytes, (self.to_bytes(),)

    def _state(self) -> dict[str, Any]:
        return {
            "settings": self.settings,
            "scope": self._scope,
            "counted": None if self._scope is None else self._pack(self._counted),
            "customers": self.n_customers,
            "rows": self.n_rows,
        }

    @classmethod
    def _from_state(cls, state: dict[str, Any]) -> Self:
        scan = cls(**state["settings"])
        scan.n_customers, scan.n_rows = int(state["customers"]), int(state["rows"])
        scope = state["scope"]
        if scope is not None:
            if not isinstance(scope, Scope):
                msg = "a scan of no log"
                raise ValueError(msg)
            scan._scope = scope
            scan._counted = scan._unpack(state["counted"], scope)
        return scan

    def __repr__(self) -> str:
        settings = ", ".join(f"{k}={_brief(v)}" for k, v in self.settings.items())
        return (
            f"{type(self).__name__}({settings}): "
            f"{self.n_rows:,} events of {self.n_customers:,} customers"
        )


class CountingScan(Scan):
    """A scan whose state is arrays that add up; those in `labels` are the same in all parts."""

    labels: tuple[str, ...] = ()

    def _joined(self, counted: Any, later: Any) -> Any:
        return {
            name: values if name in self.labels else values + later[name]
            for name, values in counted.items()
        }

    def _unpack(self, packed: dict[str, Any], scope: Scope) -> Any:
        if not isinstance(packed, Mapping) or not all(
            isinstance(v, np.ndarray) and v.dtype == np.int64 for v in packed.values()
        ):
            msg = "counts that are no whole numbers"
            raise ValueError(msg)
        return packed


def _copied(packed: dict[str, Any]) -> dict[str, Any]:
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in packed.items()}
