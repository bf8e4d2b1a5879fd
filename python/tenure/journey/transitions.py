"""Transitions: what follows what, how often, how soon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._intervals import wilson
from tenure._results import Table
from tenure._validation import Floats, Ints, as_choice, as_level, as_number, as_threads
from tenure.events import EventLog
from tenure.events.event_log import as_log
from tenure.journey._states import Durations, as_flag, as_states, lengths


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TransitionMatrix(Table):
    """Transitions as a square: one row for each state that is left, one column for each reached.

    Attributes
    ----------
    states : tuple of str, length n_states
    values : ndarray, shape (n_states, n_states)
        0 where nothing happened; a state that nothing leaves, such as the end, has a row of 0.
    value : str
        What the values are.

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> minute = np.array([0, 1, 2]).astype("timedelta64[m]")
    >>> rows = {
    ...     "who": [1, 1, 2],
    ...     "what": ["view", "pay", "view"],
    ...     "when": np.datetime64("2024-01-01", "us") + minute,
    ... }
    >>> log = tn.EventLog(rows, customer="who", time="when", event="what", orders=["pay"])
    >>> m = tn.journey.transitions(log).matrix()
    >>> m.states, m.values[2].tolist()
    (('(start)', 'pay', 'view', '(end)'), [0.0, 0.5, 0.0, 0.5])
    """

    states: tuple[str, ...]
    values: Any
    value: str

    def _columns(self) -> Mapping[str, Any]:
        name = "from"
        while name in self.states:
            name += "_"
        columns: dict[str, Any] = {name: list(self.states)}
        return columns | dict(zip(self.states, self.values.T, strict=True))

    def _title(self) -> str:
        return f"Transitions between {len(self.states)} states, {self.value}"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.values, dtype=dtype, copy=copy)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Transitions(Table):
    """How states follow one another. As a table: one row for each pair that occurs.

    Attributes
    ----------
    states : tuple of str, length n_states
        The start of a unit, the states in ascending order, the pooled rest, the end of a unit;
        start and end only if asked for.
    visits : ndarray of int, shape (n_states,)
        How often each was visited; for start and end the number of units.
    source, target : tuple of str, length n_pairs
        In order of `states`.
    counts : ndarray of int, shape (n_pairs,)
    customers : ndarray of int, shape (n_pairs,)
        Who made the transition at least once.
    probabilities, lower, upper : ndarray of float, shape (n_pairs,)
        Share of all transitions from the source, with Wilson limits. The limits take transitions
        as independent of each other; where few customers make many of them they are too narrow.
    median_times : ndarray of timedelta64[us], shape (n_pairs,)
        From the visit of the source to that of the target; NaT for start and end.
    unit : str
        "customers" or "sessions".
    n_units : int
    n_open : int
        Units that may still go on: they count as ended where observation ends.
    n_customers : int
        Customers of the log, whatever they did.
    level : float

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> minute = np.array([0, 1, 2, 0, 5]).astype("timedelta64[m]")
    >>> rows = {
    ...     "who": [1, 1, 1, 2, 2],
    ...     "what": ["view", "cart", "pay", "view", "view"],
    ...     "when": np.datetime64("2024-01-01", "us") + minute,
    ... }
    >>> log = tn.EventLog(rows, customer="who", time="when", event="what", orders=["pay"])
    >>> t = tn.journey.transitions(log, start=False)
    >>> [*zip(t.source, t.target)]
    [('cart', 'pay'), ('pay', '(end)'), ('view', 'cart'), ('view', 'view'), ('view', '(end)')]
    >>> t.probabilities.round(3).tolist()
    [1.0, 1.0, 0.333, 0.333, 0.333]
    """

    states: tuple[str, ...]
    visits: Ints
    source: tuple[str, ...]
    target: tuple[str, ...]
    counts: Ints
    customers: Ints
    probabilities: Floats
    lower: Floats
    upper: Floats
    median_times: Durations
    unit: str
    n_units: int
    n_open: int
    n_customers: int
    level: float

    def _columns(self) -> Mapping[str, Any]:
        return {
            "from": list(self.source),
            "to": list(self.target),
            "count": self.counts,
            "customers": self.customers,
            "probability": self.probabilities,
            "lower": self.lower,
            "upper": self.upper,
            "median_time": self.median_times,
        }

    def _title(self) -> str:
        return f"{int(self.counts.sum()):,} transitions of {self.n_units:,} {self.unit}"

    def matrix(self, value: str = "probability") -> TransitionMatrix:
        """Return the table as a square of states by states.

        Parameters
        ----------
        value : {"probability", "count", "customers"}

        Returns
        -------
        TransitionMatrix
        """
        as_choice(value, "value", ("probability", "count", "customers"))
        values = {"count": self.counts, "customers": self.customers}.get(value, self.probabilities)
        at = {name: i for i, name in enumerate(self.states)}
        square = np.zeros((len(self.states), len(self.states)), dtype=values.dtype)
        square[[at[s] for s in self.source], [at[s] for s in self.target]] = values
        return TransitionMatrix(self.states, square, value)

    def plot(self, ax: Any = None, *, least: float = 0.05) -> Any:
        """Draw states as circles, by visits, and transitions as arrows, by probability.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        least : float
            Transitions less probable than this are left out; at most 30 states are drawn. A
            state's transitions to itself are written beside its name.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure.journey._transitions_plot import draw

        return draw(self, ax, as_number(least, "least", at_least=0.0, at_most=1.0))


def transitions(
    log: EventLog,
    *,
    by: str | None = None,
    within: Any = None,
    collapse: bool = False,
    start: bool = True,
    terminal: bool = True,
    max_states: int | None = None,
    level: float = 0.95,
    n_threads: int | None = None,
) -> Transitions:
    """Count what follows what in the journeys of customers or sessions.

    Parameters
    ----------
    log : EventLog
        Filter it first, with `log.where`, if not all of its events are steps of a journey.
    by : str, optional
        States are the values of this property; events without a value are passed over. Default:
        states are event names.
    within : str or timedelta, optional
        Units are sessions: a silence of more than this ends one, and no transition leads over it.
        Default: units are customers.
    collapse : bool
        Whether a run of events in the same state is one visit, at the time of its first.
    start, terminal : bool
        Whether a unit's first visit is a transition from "(start)", and its last one to "(end)".
        Without `terminal` probabilities are shares of what was followed by something.
    max_states : int, optional
        Keep the states with the most events, the first in order among equals, and pool the rest
        as "(other)". Required if there are more than 254.
    level : float
        Confidence level of the limits.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    Transitions

    Raises
    ------
    InvalidInputError
        For a log without event names if no property is named, and for too many states.

    Notes
    -----
    Events at the same instant stand in the order of the log: by name, amount, properties.
    docs/methods/transitions.md.

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> minute = np.array([0, 10, 100]).astype("timedelta64[m]")
    >>> rows = {
    ...     "who": [1, 1, 1],
    ...     "what": ["view", "pay", "view"],
    ...     "when": np.datetime64("2024-01-01", "us") + minute,
    ... }
    >>> log = tn.EventLog(rows, customer="who", time="when", event="what", orders=["pay"])
    >>> t = tn.journey.transitions(log, within="30min")
    >>> [*zip(t.source, t.target, t.counts.tolist())]
    [('(start)', 'view', 2), ('pay', '(end)', 1), ('view', 'pay', 1), ('view', '(end)', 1)]
    """
    as_log(log)
    level = as_level(level)
    start, terminal = as_flag(start, "start"), as_flag(terminal, "terminal")
    threads = as_threads(n_threads)
    states = as_states(
        log, by, within, collapse, max_states, threads, limit=_core.journey.MAX_TABLE_STATES
    )
    raw = _core.journey.transitions(log._core, states.plan, threads)

    side = len(states.names) + 1
    # The engine puts the start behind the states; here it comes first.
    rows = [side - 1, *range(side - 1)] if start else [*range(side - 1)]
    columns = [*range(side if terminal else side - 1)]
    square = np.ix_(rows, columns)

    def cells(values: Any) -> Any:
        return values.reshape(side, side)[square]

    counts = cells(raw["counts"])
    whole = np.broadcast_to(counts.sum(axis=1, keepdims=True), counts.shape)
    some = counts > 0
    n, total = counts[some], whole[some]
    lower, upper = wilson(n, total, level)
    source = [states.start, *states.names] if start else [*states.names]
    target = [*states.names, states.end] if terminal else [*states.names]
    left, reached = np.nonzero(some)
    visits = raw["counts"].reshape(side, side).sum(axis=1)
    ends = raw["units"]
    return Transitions(
        states=tuple([*source, states.end] if terminal else source),
        visits=np.array([ends] * start + visits[:-1].tolist() + [ends] * terminal, dtype=np.int64),
        source=tuple(source[i] for i in left),
        target=tuple(target[i] for i in reached),
        counts=n,
        customers=cells(raw["customers"])[some],
        probabilities=n / total,
        lower=lower,
        upper=upper,
        median_times=lengths(cells(raw["median"])[some]),
        unit=states.unit,
        n_units=ends,
        n_open=raw["open"],
        n_customers=log.n_customers,
        level=level,
    )
