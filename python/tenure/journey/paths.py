"""Paths and loops: which ways customers take most often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._intervals import wilson
from tenure._results import Table
from tenure._validation import Floats, Ints, as_count, as_level, as_threads
from tenure.events import EventLog
from tenure.events.event_log import as_log
from tenure.journey._states import Durations, as_states, lengths

#: Paths are not longer than the log; the engine counts visits in 64 bits.
_ANY_LENGTH = 2**62


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Paths(Table):
    """The paths taken most often. As a table: one row for each.

    Attributes
    ----------
    paths : tuple of (tuple of str), length n_paths
        By count; those of equal counts by their states, in order of names, the pooled rest last.
    counts : ndarray of int, shape (n_paths,)
        How often the path was taken. Parts may overlap: A > B > A > B > A has A > B > A twice.
    customers : ndarray of int, shape (n_paths,)
        Who took it at least once.
    shares, lower, upper : ndarray of float, shape (n_paths,)
        Share of `n_customers` who did, with Wilson limits.
    median_durations : ndarray of timedelta64[us], shape (n_paths,)
        From the first visit of the path to its last.
    kind : str
        "part", "whole" or "loop".
    n_distinct : int
        Different paths in all.
    n_total : int
        How often any of them was taken.
    unit : str
        "customers" or "sessions".
    n_units : int
    n_customers : int
        Customers with at least one visit.
    level : float

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> minute = np.array([0, 1, 3, 0, 4]).astype("timedelta64[m]")
    >>> rows = {
    ...     "who": [1, 1, 1, 2, 2],
    ...     "what": ["view", "cart", "pay", "view", "cart"],
    ...     "when": np.datetime64("2024-01-01", "us") + minute,
    ... }
    >>> log = tn.EventLog(rows, customer="who", time="when", event="what", orders=["pay"])
    >>> p = tn.journey.paths(log, steps=2)
    >>> p.paths, p.counts.tolist(), p.shares.tolist()
    ((('view', 'cart'), ('cart', 'pay')), [2, 1], [1.0, 0.5])
    """

    paths: tuple[tuple[str, ...], ...]
    counts: Ints
    customers: Ints
    shares: Floats
    lower: Floats
    upper: Floats
    median_durations: Durations
    kind: str
    n_distinct: int
    n_total: int
    unit: str
    n_units: int
    n_customers: int
    level: float

    def _columns(self) -> Mapping[str, Any]:
        return {
            "path": [" > ".join(path) for path in self.paths],
            "steps": np.array([len(path) for path in self.paths], dtype=np.int64),
            "count": self.counts,
            "customers": self.customers,
            "share": self.shares,
            "lower": self.lower,
            "upper": self.upper,
            "median_duration": self.median_durations,
        }

    def _title(self) -> str:
        what = {"part": "paths", "whole": "whole paths", "loop": "loops"}[self.kind]
        return (
            f"{len(self.paths):,} of {self.n_distinct:,} {what}, {self.n_units:,} {self.unit} of "
            f"{self.n_customers:,} customers"
        )

    def plot(self, ax: Any = None, *, top: int = 15) -> Any:
        """Draw a bar for each path: the share of customers who took it, with interval and count.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        top : int
            How many.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        n = min(as_count(top, "top", at_least=1), len(self.paths))
        ax = plotting.axes(ax, figsize=(7.2, 1.2 + 0.27 * n)) if ax is None else ax
        ax = plotting.bars(
            [_short(path) for path in self.paths[:n]],
            self.shares[:n],
            self.lower[:n],
            self.upper[:n],
            ax=plotting.axes(ax),
            texts=[plotting.compact(float(c)) for c in self.counts[:n]],
        )
        plotting.percent_ticks(ax.xaxis)
        ax.set(xlabel="Share of customers; beside it: how often")
        return ax


def _short(path: tuple[str, ...]) -> str:
    if len(path) > 6:
        path = (*path[:3], f"... {len(path) - 5} more ...", *path[-2:])
    return " > ".join(path)


def paths(
    log: EventLog,
    *,
    steps: Any = (2, 5),
    start: str | Sequence[str] | None = None,
    end: str | Sequence[str] | None = None,
    top: int = 20,
    by: str | None = None,
    within: Any = None,
    collapse: bool = True,
    max_states: int | None = None,
    level: float = 0.95,
    n_threads: int | None = None,
) -> Paths:
    """Count every path through the states and return the most frequent ones.

    Parameters
    ----------
    log : EventLog
    steps : int, (int, int) or "whole"
        Visits of a path, or least and most of them: then paths are all runs of so many visits.
        ``"whole"``: paths are whole journeys, from the first visit of a unit to its last.
    start, end : str or list of str, optional
        States that a path begins or ends with.
    top : int
        How many paths to return.
    by, within, max_states
        What is a state and a unit: as for `transitions`. There may be any number of states.
    collapse : bool
        Whether a run of events in the same state is one visit, at the time of its first.
    level : float
        Confidence level of the limits.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    Paths

    Raises
    ------
    InvalidInputError
        For a state that the log does not have, and lengths that are none.

    Notes
    -----
    All counts are exact. docs/methods/paths.md.

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> minute = np.array([0, 1, 3, 60, 61]).astype("timedelta64[m]")
    >>> rows = {
    ...     "who": [1, 1, 1, 1, 1],
    ...     "what": ["view", "view", "cart", "view", "cart"],
    ...     "when": np.datetime64("2024-01-01", "us") + minute,
    ... }
    >>> log = tn.EventLog(rows, customer="who", time="when", event="what", orders=["cart"])
    >>> p = tn.journey.paths(log, steps="whole", within="30min")
    >>> p.paths, p.counts.tolist(), p.median_durations.tolist()
    ((('view', 'cart'),), [2], [datetime.timedelta(seconds=120)])
    """
    whole = isinstance(steps, str) and steps == "whole"
    least, most = (1, _ANY_LENGTH) if whole else _range(steps)
    return _found(
        log,
        "whole" if whole else "part",
        least,
        most,
        start=start,
        end=end,
        top=top,
        by=by,
        within=within,
        collapse=collapse,
        max_states=max_states,
        level=level,
        n_threads=n_threads,
    )


def loops(
    log: EventLog,
    *,
    steps: Any = (2, 5),
    start: str | Sequence[str] | None = None,
    top: int = 20,
    by: str | None = None,
    within: Any = None,
    collapse: bool = True,
    max_states: int | None = None,
    level: float = 0.95,
    n_threads: int | None = None,
) -> Paths:
    """Count the ways that lead back to where they began, such as search > view > search.

    Parameters
    ----------
    log : EventLog
    steps : int or (int, int)
        Visits of a loop, or least and most of them, the return included. A loop ends at the first
        return. Loops of 2 are repeats, which `collapse` takes for one visit.
    start : str or list of str, optional
        States that a loop begins and ends with.
    top, by, within, collapse, max_states, level, n_threads
        As for `paths`.

    Returns
    -------
    Paths

    Raises
    ------
    InvalidInputError
        For a state that the log does not have, and lengths that are none.

    Notes
    -----
    docs/methods/paths.md.

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> minute = np.arange(5).astype("timedelta64[m]")
    >>> rows = {
    ...     "who": [1, 1, 1, 1, 1],
    ...     "what": ["search", "view", "search", "view", "pay"],
    ...     "when": np.datetime64("2024-01-01", "us") + minute,
    ... }
    >>> log = tn.EventLog(rows, customer="who", time="when", event="what", orders=["pay"])
    >>> tn.journey.loops(log).paths
    (('search', 'view', 'search'), ('view', 'search', 'view'))
    """
    least, most = _range(steps, at_least=2)
    return _found(
        log,
        "loop",
        least,
        most,
        start=start,
        end=None,
        top=top,
        by=by,
        within=within,
        collapse=collapse,
        max_states=max_states,
        level=level,
        n_threads=n_threads,
    )


def _range(steps: Any, at_least: int = 1) -> tuple[int, int]:
    pair = steps if isinstance(steps, (tuple, list)) else (steps, steps)
    if len(pair) != 2:
        msg = f"steps must be a number of visits, or the least and the most, got {steps!r}"
        raise InvalidInputError(msg, argument="steps", value=steps)
    least, most = (as_count(n, "steps", at_least=at_least) for n in pair)
    if most < least:
        msg = f"steps must be the least and the most visits, in this order, got {steps!r}"
        raise InvalidInputError(msg, argument="steps", value=steps)
    return min(least, _ANY_LENGTH), min(most, _ANY_LENGTH)


def _found(
    log: EventLog,
    kind: str,
    least: int,
    most: int,
    *,
    start: Any,
    end: Any,
    top: Any,
    by: str | None,
    within: Any,
    collapse: Any,
    max_states: Any,
    level: Any,
    n_threads: int | None,
) -> Paths:
    as_log(log)
    level = as_level(level)
    wanted = min(as_count(top, "top", at_least=1), 2**31 - 1)
    threads = as_threads(n_threads)
    states = as_states(log, by, within, collapse, max_states, threads)
    raw = _core.journey.paths(
        log._core,
        states.plan,
        getattr(_core.journey.PathKind, kind),
        least,
        most,
        states.flags(start, "start"),
        states.flags(end, "end"),
        wanted,
        threads,
    )
    names = np.array([*states.names, None], dtype=object)[:-1]
    customers, everyone = raw["customers"], raw["all_customers"]
    lower, upper = wilson(customers, everyone, level)
    return Paths(
        paths=tuple(
            tuple(names[raw["state"][a:b]])
            for a, b in zip(raw["offset"], raw["offset"][1:], strict=False)
        ),
        counts=raw["counts"],
        customers=customers,
        shares=customers / max(everyone, 1),
        lower=lower,
        upper=upper,
        median_durations=lengths(raw["median"]),
        kind=kind,
        n_distinct=raw["distinct"],
        n_total=raw["total"],
        unit=states.unit,
        n_units=raw["units"],
        n_customers=everyone,
        level=level,
    )
