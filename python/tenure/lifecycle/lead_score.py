"""Lead scores by points: what each lead did and is, counted by stated rules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._time import to_datetime
from tenure._validation import Floats, as_count, as_number, as_threads
from tenure.events import EventLog
from tenure.events._columns import take
from tenure.events.event_log import as_log
from tenure.lifecycle.lead_rules import Action, Fit, flags

_TAKEN = ("customer", "score", "stage")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LeadScores(Table):
    """The score of every lead known at a date, by group, and the stage that it earns.

    Attributes
    ----------
    customer : array of ids, shape (n_leads,)
        Ascending.
    groups : tuple of str
    by_group : ndarray of float, shape (n_leads, n_groups)
        Points of each group, within its limits.
    score : ndarray of float, shape (n_leads,)
        Their sum, within the limits of the whole.
    stage : ndarray of str, shape (n_leads,)
        "lead", "MQL" or "SQL".
    terms : tuple of str
        The rules, actions first.
    points : ndarray of float, shape (n_leads, n_terms)
        What each rule gave, before any limit.
    at : datetime
        The as-of date: everything before it counts.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> days = [dt.date(2024, 5, d) for d in (1, 2, 3, 3)]
    >>> did = ["visit", "demo", "visit", "visit"]
    >>> log = tn.EventLog({"who": [1, 1, 2, 2], "day": days, "what": did}, customer="who",
    ...                   time="day", event="what", orders=[])
    >>> rules = [tn.lifecycle.Action("visit", 2), tn.lifecycle.Action("demo", 30)]
    >>> scores = tn.lifecycle.LeadScore(actions=rules, sql=30).score(log)
    >>> scores.score.tolist(), scores.stage.tolist()
    ([32.0, 4.0], ['SQL', 'lead'])
    >>> scores.reasons()
    ['demo +30, visit +2', 'visit +4']
    """

    customer: Any
    groups: tuple[str, ...]
    by_group: Floats
    score: Floats
    stage: npt.NDArray[np.str_]
    terms: tuple[str, ...]
    points: Floats
    at: dt.datetime

    def __len__(self) -> int:
        return len(self.score)

    def _columns(self) -> Mapping[str, Any]:
        parts = {name: self.by_group[:, g] for g, name in enumerate(self.groups)}
        return {"customer": self.customer, **parts, "score": self.score, "stage": self.stage}

    def _title(self) -> str:
        last = self.at - dt.timedelta(microseconds=1)
        return f"Scores of {len(self):,} leads at the end of {last:%Y-%m-%d}"

    def reasons(self, k: int = 3) -> list[str]:
        """Return for each lead its `k` largest terms in words, deductions among them.

        Terms of equal size come in the order of the rules. A lead without points has "".
        """
        size = as_count(k, "k", at_least=1)
        order = np.argsort(-np.abs(self.points), axis=1, kind="stable")[:, :size]
        return [
            ", ".join(
                f"{self.terms[t]} {points[t]:+.3g}" for t in largest if abs(points[t]) >= 0.005
            )
            for points, largest in zip(self.points, order, strict=True)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadScore:
    """Score leads by points for what they do and for what they are.

    The points of a group are added up and held within its limits, the groups are added up and held
    within the limits of the whole. A score depends on the events before the date and on nothing
    else: replaying the log, in any batches, gives the same bits. The formula is in
    docs/methods/lead_score.md.

    Parameters
    ----------
    actions : sequence of Action
        At most 62.
    fit : sequence of Fit
    limits : mapping of str to (floor, cap), optional
        By group; None where there is no bound.
    floor, cap : float, optional
        Of the score.
    mql : mapping of str to float, optional
        A lead with at least so many points in each of the named groups is an MQL.
    sql : float, optional
        A lead with at least this score is an SQL.
    accepted : str or sequence of str, optional
        So is who has one of these events: accepted by sales.

    Examples
    --------
    >>> import tenure as tn
    >>> score = tn.lifecycle.LeadScore(
    ...     actions=[
    ...         tn.lifecycle.Action("visit", 2, cap=5, half_life="14d"),
    ...         tn.lifecycle.Action("demo", 30),
    ...         tn.lifecycle.Action("unsubscribe", -40),
    ...     ],
    ...     fit=[tn.lifecycle.Fit("industry", {"retail": 10, "banking": 15})],
    ...     limits={"engagement": (0, 60)},
    ...     mql={"engagement": 20, "fit": 10},
    ...     sql=60,
    ... )
    >>> score.groups
    ('engagement', 'fit')
    """

    actions: Sequence[Action]
    fit: Sequence[Fit] = ()
    limits: Mapping[str, tuple[float | None, float | None]] | None = None
    floor: float | None = None
    cap: float | None = None
    mql: Mapping[str, float] | None = None
    sql: float | None = None
    accepted: str | Sequence[str] | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups in the order in which the rules name them."""
        return tuple(dict.fromkeys(rule.group for rule in self._rules))

    @property
    def _rules(self) -> tuple[Action | Fit, ...]:
        return (*self.actions, *self.fit)

    def score(self, log: EventLog, at: Any = None, *, n_threads: int | None = None) -> LeadScores:
        """Return the scores of everybody known at a date.

        Known is who has an event before `at`, and who is in the log's customer table without any
        event in the log.

        Parameters
        ----------
        log : EventLog
            With event names.
        at : date or instant, optional
            As-of date: a bare date means the end of that local day. Default: the end of the log.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8. Never changes a result.

        Returns
        -------
        LeadScores
            In ascending order of ids.

        Raises
        ------
        InvalidInputError
            For an event or column that the log does not have, a number out of range, or a date
            behind the end of the log.
        """
        as_log(log)
        self._require_valid(log)
        cutoff = log._until if at is None else log._within(at, "at")
        threads = as_threads(n_threads)
        known, accepted, points = self._points(log, cutoff, threads)
        groups = self.groups
        by_group = self._by_group(points, groups)
        score = _clip(_sum(list(by_group.T)), self.floor, self.cap, "score")
        return LeadScores(
            customer=take(log.customer_ids, known),
            groups=groups,
            by_group=by_group,
            score=score,
            stage=self._stages(by_group, groups, score, accepted),
            terms=tuple(rule.name for rule in self._rules),
            points=points,
            at=to_datetime(cutoff, log.timezone),
        )

    def _require_valid(self, log: EventLog) -> None:
        if not self.groups:
            raise InvalidInputError("a score needs an action or a fit", argument="actions")
        if not log.event_names and log.n_rows:
            msg = "lead scores need a log with event names: EventLog(..., event=..., orders=...)"
            raise InvalidInputError(msg, argument="log")
        most = _core.lifecycle.MAX_POINT_RULES - 2  # two for who is known and who was accepted
        if len(self.actions) > most:
            msg = f"at most {most} actions, got {len(self.actions)}"
            raise InvalidInputError(msg, argument="actions", value=len(self.actions))
        for name in self.groups:
            if name in _TAKEN:
                msg = f"a group cannot be called {name!r}: the result has that column"
                raise InvalidInputError(msg, argument="group", value=name)
        for argument, named in (("limits", self.limits), ("mql", self.mql)):
            for name in named or {}:
                if name not in self.groups:
                    there = ", ".join(map(repr, self.groups))
                    msg = f"{argument}: no rule has the group {name!r}; there are {there}"
                    raise InvalidInputError(msg, argument=argument, value=name)

    def _points(
        self, log: EventLog, cutoff: int, threads: int
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_], Floats]:
        """Return who is known, and of these who was accepted and the points by rule."""

        def once(events: list[int]) -> _core.lifecycle.PointRule:
            return _core.lifecycle.PointRule(1.0, 1, 0.0, events)

        anything = once([1] * len(log.event_names))
        names = (self.accepted,) if isinstance(self.accepted, str) else self.accepted or ()
        accepted = once(flags(names, log))
        rules = [anything, accepted, *(action.compiled(log) for action in self.actions)]

        def counted(rules: list[_core.lifecycle.PointRule], at: int) -> Floats:
            flat = _core.lifecycle.lead_points(log._core, rules, at, threads)
            return flat.reshape(log.n_customers, len(rules))

        earned = counted(rules, cutoff)
        present = earned[:, 0] > 0.0
        if log.customers is not None:
            present |= counted([anything], log._until)[:, 0] == 0.0
        known = np.flatnonzero(present)
        given = [rule.of(log.customers) for rule in self.fit]
        points = np.column_stack([earned[:, 2:], *given])[known]
        return known, earned[known, 1] > 0.0, points

    def _by_group(self, points: Floats, groups: tuple[str, ...]) -> Floats:
        parts = np.zeros((len(points), len(groups)))
        for g, name in enumerate(groups):
            mine = [points[:, r] for r, rule in enumerate(self._rules) if rule.group == name]
            floor, cap = (self.limits or {}).get(name, (None, None))
            parts[:, g] = _clip(_sum(mine), floor, cap, f"limits of {name!r}")
        return parts

    def _stages(
        self,
        by_group: Floats,
        groups: tuple[str, ...],
        score: Floats,
        accepted: npt.NDArray[np.bool_],
    ) -> npt.NDArray[np.str_]:
        stage = np.full(len(score), "lead", dtype="<U4")
        if self.mql is not None:
            reached = np.ones(len(score), dtype=bool)
            for name, least in self.mql.items():
                reached &= by_group[:, groups.index(name)] >= as_number(least, "mql")
            stage[reached] = "MQL"
        ready = accepted
        if self.sql is not None:
            ready = ready | (score >= as_number(self.sql, "sql"))
        stage[ready] = "SQL"
        return stage


def _sum(columns: list[Floats]) -> Floats:
    """Add columns from the first to the last: NumPy's own order depends on the shape."""
    total = np.zeros_like(columns[0])
    for column in columns:
        total += column
    return total


def _clip(values: Floats, floor: float | None, cap: float | None, name: str) -> Floats:
    low = -np.inf if floor is None else as_number(floor, f"floor of the {name}")
    high = np.inf if cap is None else as_number(cap, f"cap of the {name}")
    if low > high:
        msg = f"{name}: the floor {floor} is above the cap {cap}"
        raise InvalidInputError(msg, argument=name, value=floor)
    return np.clip(values, low, high)
