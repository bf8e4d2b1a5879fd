"""Step matrices: where customers are at each step of their journey."""

from __future__ import annotations

from collections.abc import Mapping
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
from tenure.journey._plan import as_names
from tenure.journey._states import as_states


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StepMatrix(Table):
    """Shares of units in each state at each step. As a table: one row a state, one column a step.

    Attributes
    ----------
    states : tuple of str, length n_states
        With an anchor the first is "(start)": not yet begun. The last is "(end)": no longer going.
    steps : ndarray of int, shape (n_steps,)
        1 for the first visit; with an anchor 0 for it, negative before it.
    counts : ndarray of int, shape (n_states, n_steps)
        Every column adds up to `n_units`.
    shares, lower, upper : ndarray of float, shape (n_states, n_steps)
        Of `n_units`, with Wilson limits; NaN where there is no unit. The limits take units as
        independent: of sessions, those of one customer may not be.
    unit : str
        "customers" or "sessions".
    n_units : int
    n_without_anchor : int
        Units left out as they do not have the anchor.
    anchor : str or None
    level : float

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
    >>> s = tn.journey.step_matrix(log, steps=3)
    >>> s.states, s.shares.tolist()
    (('pay', 'view', '(end)'), [[0.0, 0.5, 0.0], [1.0, 0.0, 0.0], [0.0, 0.5, 1.0]])
    """

    states: tuple[str, ...]
    steps: Ints
    counts: Ints
    shares: Floats
    lower: Floats
    upper: Floats
    unit: str
    n_units: int
    n_without_anchor: int
    anchor: str | None
    level: float

    def _columns(self) -> Mapping[str, Any]:
        shares = {str(step): self.shares[:, k] for k, step in enumerate(self.steps)}
        return {"state": list(self.states), **shares}

    def _title(self) -> str:
        around = "" if self.anchor is None else f" around {self.anchor}"
        return f"States of {self.n_units:,} {self.unit} by step{around}"

    def plot(self, ax: Any = None) -> Any:
        """Draw the matrix: the darker a cell, the larger the share, in per cent.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.triangle(
            self.shares,
            self.states,
            [str(k) for k in self.steps],
            ax=None if ax is None else plotting.axes(ax),
        )
        step = "Step" if self.anchor is None else f"Step, 0: first {self.anchor}"
        ax.set(xlabel=step, ylabel=f"{self.unit.capitalize()} in a state, %")
        return ax


def step_matrix(
    log: EventLog,
    *,
    steps: int = 10,
    by: str | None = None,
    anchor: str | None = None,
    within: Any = None,
    collapse: bool = False,
    max_states: int | None = None,
    level: float = 0.95,
    n_threads: int | None = None,
) -> StepMatrix:
    """Tell which share of customers or sessions is in which state at each step.

    Parameters
    ----------
    log : EventLog
    steps : int
        How many, up to 1,000; with an anchor as many before it as after it.
    by, within, collapse, max_states
        What is a state, a unit and a visit: as for `transitions`.
    anchor : str, optional
        An event name: each unit's first visit with such an event is its step 0, and units without
        one are left out. Default: step 1 is the first visit.
    level : float
        Confidence level of the limits.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    StepMatrix

    Raises
    ------
    InvalidInputError
        For an event that the log does not have, and for too many states.

    Notes
    -----
    docs/methods/transitions.md.

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> minute = np.array([0, 1, 2, 3]).astype("timedelta64[m]")
    >>> rows = {
    ...     "who": [1, 1, 1, 2],
    ...     "what": ["help", "pay", "view", "view"],
    ...     "when": np.datetime64("2024-01-01", "us") + minute,
    ... }
    >>> log = tn.EventLog(rows, customer="who", time="when", event="what", orders=["pay"])
    >>> s = tn.journey.step_matrix(log, steps=1, anchor="pay")
    >>> s.to_pandas().set_index("state").loc["help"].tolist(), s.n_without_anchor
    ([1.0, 0.0, 0.0], 1)
    """
    as_log(log)
    level = as_level(level)
    n = as_count(steps, "steps", at_least=1)
    if n > _core.journey.MAX_MATRIX_STEPS:
        msg = f"steps must be <= {_core.journey.MAX_MATRIX_STEPS}, got {n}"
        raise InvalidInputError(msg, argument="steps", value=steps)
    flags: list[int] = []
    if anchor is not None:
        if not isinstance(anchor, str) or not log.event_names:
            msg = f"anchor must be an event name of the log, got {anchor!r}"
            raise InvalidInputError(msg, argument="anchor", value=anchor)
        (name,) = as_names(anchor, "anchor", log)
        flags = [int(event == name) for event in log.event_names]
    threads = as_threads(n_threads)
    states = as_states(
        log, by, within, collapse, max_states, threads, limit=_core.journey.MAX_TABLE_STATES
    )
    raw = _core.journey.step_counts(log._core, states.plan, n, flags, threads)
    counts = raw["counts"].reshape(len(states.names) + 2, -1)
    own, begun, ended = counts[:-2], counts[-2:-1], counts[-1:]
    counts = np.concatenate([begun, own, ended] if flags else [own, ended])
    units = raw["units"]
    lower, upper = wilson(counts, units, level)
    return StepMatrix(
        states=(*([states.start] if flags else []), *states.names, states.end),
        steps=np.arange(-n, n + 1) if flags else np.arange(1, n + 1),
        counts=counts,
        shares=counts / units if units else np.full(counts.shape, np.nan),
        lower=lower,
        upper=upper,
        unit=states.unit,
        n_units=units,
        n_without_anchor=raw["without_anchor"],
        anchor=anchor,
        level=level,
    )
