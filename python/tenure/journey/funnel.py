"""Funnels: how far customers come through a sequence of steps, and how long it takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._model_file import storable
from tenure._validation import Floats, as_choice, as_column, as_number
from tenure.events import EventLog
from tenure.events.scan import Scan, Scope
from tenure.journey._durations import as_setting
from tenure.journey._funnel_result import Durations, Funnel, FunnelBreakdown
from tenure.journey._plan import (
    Named,
    Names,
    as_steps,
    as_windows,
    labels,
    make_plan,
    property_index,
)


@dataclass
class _Counted:
    """Units by customer, and by value too where every step of a chain shares one."""

    units: _core.journey.FunnelUnits
    grouped: _core.journey.FunnelUnits | None
    told: bool = False  # a result holds the units: they stay as they are


@storable("journey.FunnelScan")
class FunnelScan(Scan):
    """`funnel` as a scan: for logs in parts. Settings as there.

    The state is O(units): 16 bytes for each customer at the first step and each later step.

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> hour = np.array([0, 1, 0]).astype("timedelta64[h]")
    >>> rows = {
    ...     "who": [1, 1, 2],
    ...     "what": ["view", "pay", "view"],
    ...     "when": np.datetime64("2024-01-01", "us") + hour,
    ... }
    >>> log = tn.EventLog(rows, customer="who", time="when", event="what", orders=["pay"])
    >>> tn.journey.FunnelScan(["view", "pay"]).visit(log).finish().counts.tolist()
    [2, 1]
    """

    def __init__(
        self,
        steps: Sequence[str | Iterable[str]],
        window: Any = "7d",
        *,
        window_from: str = "first",
        order: str = "ordered",
        start: str = "any",
        ties: str = "either",
        reuse: str = "once",
        exclude: str | Iterable[str] = (),
        optional: str | Iterable[Any] = (),
        hold_constant: str | None = None,
        count: str = "unique",
        session_gap: Any = "30min",
        by: str | None = None,
        attribution: str = "first",
        quantiles: Sequence[float] = (0.25, 0.5, 0.75),
        level: float = 0.95,
    ) -> None:
        as_choice(attribution, "attribution", ("first", "last", "every"))
        probabilities = as_column(quantiles, np.float64, "quantiles")
        for p in probabilities:
            as_number(p, "quantiles", at_least=0.0, at_most=1.0)
        several = isinstance(window, (list, tuple))
        super().__init__(
            steps=steps if isinstance(steps, (set, frozenset)) else _named(steps),
            window=(
                tuple(as_setting(w, "window") for w in window)
                if several
                else as_setting(window, "window")
            ),
            window_from=window_from,
            order=order,
            start=start,
            ties=ties,
            reuse=reuse,
            exclude=_named(exclude),
            optional=_named(optional),
            hold_constant=hold_constant,
            count=count,
            session_gap=as_setting(session_gap, "session_gap"),
            by=by,
            attribution=attribution,
            quantiles=tuple(probabilities.tolist()),
            level=as_number(level, "level", above=0.0, below=1.0),
        )

    def _plan(self, log: Named) -> tuple[_core.journey.FunnelPlan, list[Names]]:
        asked = dict(self.settings)
        for name in ("by", "attribution", "quantiles", "level"):
            del asked[name]
        names = as_steps(asked.pop("steps"), log)
        windows = as_windows(asked.pop("window"), len(names))
        return make_plan(log, names, windows, **asked), names

    def _count(self, log: EventLog, threads: int) -> _Counted:
        if not log.event_names and log.n_rows:
            msg = "a funnel needs a log with event names: name their column when the log is made"
            raise InvalidInputError(msg, argument="log")
        plan, _ = self._plan(log)
        by, attribution = self.settings["by"], self.settings["attribution"]
        index = None if by is None else property_index(by, "by", log)
        if index is not None and attribution != "every":
            plan.by, plan.by_last = index, attribution == "last"
        units = _core.journey.funnel_units(log._core, plan, threads)
        grouped = None
        if index is not None and attribution == "every":
            plan.split = index
            grouped = _core.journey.funnel_units(log._core, plan, threads)
        return _Counted(units, grouped)

    def _joined(self, counted: _Counted, later: _Counted) -> _Counted:
        if counted.told:
            counted = _Counted(counted.units.copy(), counted.grouped)
        counted.units.add(later.units)
        if counted.grouped is not None and later.grouped is not None:
            counted.grouped.add(later.grouped)
        return counted

    def _result(self, scope: Scope, counted: _Counted, threads: int) -> Funnel:
        asked, counted.told = self.settings, True
        plan, names = self._plan(scope)
        longest = scope.observed_until - scope.observed_from
        previous = asked["window_from"] == "previous"
        horizons = np.minimum(np.cumsum(plan.window) if previous else plan.window, 2**60)
        probabilities = np.array(asked["quantiles"], dtype=np.float64)
        tables = _Tables(
            plan.optional,
            horizons.tolist(),
            longest,
            asked["level"],
            probabilities,
            landmark=asked["start"] == "any",
            threads=threads,
        )
        units, by = counted.units, asked["by"]
        whole = tables(units, None)
        before = _counts_before(whole["counts"], plan.optional)
        rows = labels(names, asked["order"])
        return Funnel(
            steps=rows,
            **whole,
            dropped=before - whole["counts"],
            quantiles=probabilities,
            breakdown=None
            if by is None
            else _breakdown(
                scope.properties[by],
                units if counted.grouped is None else counted.grouped,
                tables,
                by,
                asked["attribution"],
                rows,
            ),
            n_customers=self.n_customers,
            order=asked["order"],
            start=asked["start"],
            count=asked["count"],
            level=asked["level"],
            units=units,
            horizons=np.where(horizons >= _core.journey.NO_WINDOW, longest, horizons),
        )

    def _pack(self, counted: _Counted) -> dict[str, Any]:
        parts = {"units": counted.units, "grouped": counted.grouped}
        inner = range(len(self.settings["steps"]) - 1)
        return {
            name: None
            if units is None
            else {
                "reached": units.reached(),
                "group": units.group(),
                "unit": [units.unit(k) for k in inner],
                "time": [units.time(k) for k in inner],
                "lag": [units.lag(k) for k in inner],
                "then_unit": units.then_unit(),
                "then_open": units.then_open(),
                "then_came": units.then_came(),
            }
            for name, units in parts.items()
        }

    def _unpack(self, packed: dict[str, Any], scope: Scope) -> _Counted:
        steps = len(self.settings["steps"])
        units, grouped = (
            None
            if packed[name] is None
            else _core.journey.FunnelUnits.restore(steps, **packed[name])
            for name in ("units", "grouped")
        )
        by = self.settings["by"]
        every = by is not None and self.settings["attribution"] == "every"
        if units is None or (grouped is not None) != every:
            msg = "units that the settings do not ask for"
            raise ValueError(msg)
        if units.then_unit().size and self.settings["start"] != "any":
            msg = "units at a landmark that the settings do not ask for"
            raise ValueError(msg)
        told = units if grouped is None else grouped
        values = len(scope.properties[by]) if by is not None else 0
        if told.group().max(initial=-1) >= values:
            msg = "a group without a value"
            raise ValueError(msg)
        return _Counted(units, grouped)


def _named(names: Any) -> Any:
    """Names, and lists of them, as a setting; what is none is told when the log is known."""
    if isinstance(names, str) or not isinstance(names, Iterable):
        return names
    ordered = sorted(names, key=str) if isinstance(names, (set, frozenset)) else names
    return tuple(_named(n) for n in ordered)


def funnel(
    log: EventLog,
    steps: Sequence[str | Iterable[str]],
    window: Any = "7d",
    *,
    window_from: str = "first",
    order: str = "ordered",
    start: str = "any",
    ties: str = "either",
    reuse: str = "once",
    exclude: str | Iterable[str] = (),
    optional: str | Iterable[Any] = (),
    hold_constant: str | None = None,
    count: str = "unique",
    session_gap: Any = "30min",
    by: str | None = None,
    attribution: str = "first",
    quantiles: Sequence[float] = (0.25, 0.5, 0.75),
    level: float = 0.95,
    n_threads: int | None = None,
) -> Funnel:
    """Count who came how far through the steps, within a window.

    Parameters
    ----------
    log : EventLog
        With event names.
    steps : list of (str or list of str)
        Event names; a list within the list is a step that any of its events serves. A name may
        occur in several steps. At most 32.
    window : str, timedelta, None, or a list of these
        How long a chain may take, its end included: "30min", "12h", "7d"; None is no limit. A list
        has one window for each step after the first.
    window_from : {"first", "previous"}
        Whether windows run from step 1 or from the step before.
    order : {"ordered", "strict", "any", "anchored"}
        ``ordered``: other events may lie between. ``strict``: no other event of the customer may.
        ``any``: in any order, and n_k counts k steps, whichever. ``anchored``: step 1 first, then
        as for ``any``.
    start : {"any", "first", "every"}
        ``any``: the furthest that any chain comes. ``first``: only the customer's first event of
        step 1 opens a chain. ``every``: each such event is an attempt of its own; goes with
        ``count="total"``.
    ties : {"either", "increasing"}
        Events at the same instant may be taken in either order, or not at all: times must increase.
        ``"input"``, the order of rows, is refused, as a log does not keep it.
    reuse : {"once", "many"}
        Whether one event may serve several steps.
    exclude : str or list of str
        Events that break a chain if they lie between its first and last event.
    optional : str or list
        Steps that may be skipped, named as in `steps`; not the first. They are counted, but
        later steps are compared with the last step that is not optional.
    hold_constant : str, optional
        A property of which all events of a chain have the same value; events without one serve no
        step.
    count : {"unique", "total", "session"}
        Customers, attempts, or sessions: then a chain lies within one session.
    session_gap : str or timedelta
        A session ends where more than this passes without an event.
    by : str, optional
        A property to break the funnel down by.
    attribution : {"first", "last", "every"}
        Whose value counts: of the event of step 1, of the last step reached, or of every step (a
        chain then shares one value, and a customer may count for several).
    quantiles : list of float
        Of the times to convert.
    level : float
        Confidence level of the limits.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    Funnel

    Raises
    ------
    InvalidInputError
        For a log without event names, names that the log does not have, and settings that do not go
        together.

    Notes
    -----
    Definitions, algorithms and the words of other tools: docs/methods/funnel.md.

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> hour = np.array([0, 1, 30, 0, 40, 41, 42]).astype("timedelta64[h]")
    >>> rows = {
    ...     "who": [1, 1, 1, 2, 2, 2, 2],
    ...     "what": ["view", "cart", "pay", "view", "view", "cart", "pay"],
    ...     "when": np.datetime64("2024-01-01", "us") + hour,
    ... }
    >>> log = tn.EventLog(rows, customer="who", time="when", event="what", orders=["pay"])
    >>> steps = ["view", "cart", "pay"]
    >>> tn.journey.funnel(log, steps, window="1d").counts.tolist()
    [2, 2, 1]
    >>> tn.journey.funnel(log, steps, window="1d", start="first").counts.tolist()
    [2, 1, 0]
    >>> tn.journey.funnel(log, steps, start="every", count="total").counts.tolist()
    [3, 3, 3]
    """
    scan = FunnelScan(
        steps,
        window=window,
        window_from=window_from,
        order=order,
        start=start,
        ties=ties,
        reuse=reuse,
        exclude=exclude,
        optional=optional,
        hold_constant=hold_constant,
        count=count,
        session_gap=session_gap,
        by=by,
        attribution=attribution,
        quantiles=quantiles,
        level=level,
    )
    found: Funnel = scan.visit(log, n_threads=n_threads).finish()
    return found


class _Tables:
    """The engine's table of chosen units, with quantiles as lengths of time."""

    def __init__(
        self,
        optional: int,
        horizons: list[int],
        longest: int,
        level: float,
        quantiles: Floats,
        *,
        landmark: bool,
        threads: int,
    ) -> None:
        self.settings = optional, horizons, longest, level, quantiles.tolist(), landmark, threads
        self.n_quantiles = len(quantiles)

    def __call__(self, units: _core.journey.FunnelUnits, rows: Any) -> dict[str, Any]:
        raw: dict[str, Any] = dict(_core.journey.funnel_table(units, rows, *self.settings))
        steps = len(raw["counts"])
        for name, old in (("times", "time_quantiles"), ("lags", "lag_quantiles")):
            raw[name] = _lengths(raw.pop(old)).reshape(steps, self.n_quantiles)
        return raw


def _lengths(micros: Floats) -> Durations:
    missing = np.isnan(micros)
    whole = np.rint(np.where(missing, 0.0, micros)).astype(np.int64).view("timedelta64[us]")
    return np.where(missing, np.timedelta64("NaT", "us"), whole)


def _counts_before(counts: Any, optional: int) -> Any:
    before, last = [], counts[0]
    for k, n in enumerate(counts):
        before.append(last)
        if not optional >> k & 1:
            last = n
    return np.array(before, dtype=np.int64)


def _breakdown(
    values: Sequence[str],
    units: _core.journey.FunnelUnits,
    tables: _Tables,
    by: str,
    attribution: str,
    steps: tuple[str, ...],
) -> FunnelBreakdown:
    group = units.group()
    codes, counts = np.unique(group, return_counts=True)
    # Units without a value come last, though their code is the lowest.
    order = np.argsort(group, kind="stable")
    parts = dict(zip(codes.tolist(), np.split(order, np.cumsum(counts)[:-1]), strict=False))
    if -1 in parts:
        parts[-1] = parts.pop(-1)
    found = [tables(units, rows.astype(np.int64)) for rows in parts.values()]
    shape = (len(found), len(steps))
    names = ["counts", "rates", "lower", "upper", "step_rates", "open"]
    names += ["final_rates", "final_lower", "final_upper"]
    columns: dict[str, Any] = {
        name: np.array(
            [f[name] for f in found], np.int64 if name in _INTEGERS else np.float64
        ).reshape(shape)
        for name in names
    }
    spans: dict[str, Any] = {
        name: np.array([f[name] for f in found], "timedelta64[us]").reshape(
            *shape, tables.n_quantiles
        )
        for name in ("times", "lags")
    }
    return FunnelBreakdown(
        by=by,
        attribution=attribution,
        values=tuple(None if c < 0 else values[c] for c in parts),
        steps=steps,
        quantiles=np.array(tables.settings[4], dtype=np.float64),
        **columns,
        **spans,
    )


_INTEGERS = ("counts", "open")
