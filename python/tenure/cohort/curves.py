"""Do cohorts or groups differ in how soon customers return, or leave? Log-rank tests."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import as_horizon, as_period
from tenure._validation import Floats, Ints, as_choice, as_level, as_number, as_threads
from tenure.cohort._curves_result import CurveComparison, CurvePairs, GroupCurve
from tenure.cohort._members import (
    breakdown,
    property_filters,
    require_lone_signup,
    signup_instants,
    where_pairs,
)
from tenure.cohort.compare import CORRECTIONS
from tenure.events import EventLog
from tenure.events._event_flags import event_flags
from tenure.events.event_log import as_log

_WEIGHTS = {
    "log_rank": ("log_rank", 0.0, 0.0),
    "gehan": ("gehan", 0.0, 0.0),
    "tarone_ware": ("tarone_ware", 0.0, 0.0),
    "peto": ("fleming_harrington", 1.0, 0.0),
}

_MAX_GROUPS = 4096


def compare_curves(
    log: EventLog,
    period: str = "month",
    *,
    curve: str = "return",
    inactive_after: Any = None,
    by: str | None = None,
    strata: str | None = None,
    anchor: str = "first_ever",
    start_event: str | Sequence[str] | None = None,
    return_event: str | Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    signup: str | None = None,
    weights: str | tuple[float, float] = "log_rank",
    pairwise: bool = False,
    correction: str = "holm",
    level: float = 0.95,
    n_threads: int | None = None,
) -> CurveComparison:
    """Test whether cohorts, or groups, differ in the time to the first return or to churn.

    Time is counted in local days from the day of the start. Customers who have not returned (not
    churned) are censored at the last day that ended within the observation.

    Parameters
    ----------
    log : EventLog
        The orders.
    period : {"day", "week", "month", "quarter", "year"}
        Of the cohorts that are compared, or that are `strata`.
    curve : {"return", "churn"}
        Time to the first return on a later day than the start; or to churn by a rule:
        `inactive_after`.
    inactive_after : int or str, optional
        With ``curve="churn"``: whole days, as a number or a text such as "90d". A customer has
        churned on the day on which that many days in a row have passed without a return.
    by : str, optional
        A property (its value at the start event) or a column of ``log.customers``. Default: compare
        calendar cohorts.
    strata : str, optional
        Compare within strata only: "cohort" for calendar cohorts, or a column of
        ``log.customers``.
    anchor : {"first_ever", "first_matching"}
        As in `retention`.
    start_event, return_event, where, signup
        As in `retention`. With ``return_event="cancel"`` time to return is time to cancellation.
    weights : {"log_rank", "gehan", "tarone_ware", "peto"} or (rho, gamma)
        Weight of an event time: 1, best against proportional hazards; the number at risk; its root;
        the Kaplan-Meier curve before it (early differences count more); or Fleming and Harrington's
        S**rho (1 - S)**gamma.
    pairwise : bool
        Whether to test each pair, too.
    correction : {"holm", "benjamini_hochberg", "none"}
        Adjustment of their p-values.
    level : float
        Confidence level of the curves.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    CurveComparison

    Raises
    ------
    InvalidInputError
        For a setting out of range, a name that the log does not have, or more than 4096 groups.

    Notes
    -----
    Formulas: docs/methods/compare_cohorts.md.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> days = {1: (1, 8), 2: (1, 12), 3: (1,), 4: (1,), 5: (1, 25), 6: (1,)}
    >>> rows = [(c, dt.date(2024, 1, d)) for c, ds in days.items() for d in ds]
    >>> log = tn.EventLog(
    ...     {"id": [c for c, _ in rows], "day": [d for _, d in rows],
    ...      "ad": ["web" if c < 4 else "tv" for c, _ in rows]},
    ...     customer="id", time="day", properties=["ad"], observed_until="2024-01-31",
    ... )
    >>> tn.cohort.compare_curves(log, by="ad")
    Time to return by ad: log_rank chi-square 1.066 on 1 df, p = 0.302
    group  customers  ended  observed  expected
       tv          3      1         1      1.85
      web          3      2         2      1.15
    """
    as_log(log)
    unit = as_period(period)
    as_choice(anchor, "anchor", ("first_ever", "first_matching"))
    as_choice(correction, "correction", CORRECTIONS)
    level = as_level(level)
    name, rho, gamma = _weights(weights)
    silence = _silence(as_choice(curve, "curve", ("return", "churn")), inactive_after)
    require_lone_signup(signup, anchor, start_event, where)
    groups = breakdown(log, by, signup)
    times = _core.cohort.return_times(
        log._core,
        period=unit,
        anchor=anchor,
        start_event=event_flags(log, start_event, "start_event"),
        return_event=event_flags(log, return_event, "return_event"),
        where=property_filters(log, where_pairs(where)),
        signup=signup_instants(log, signup),
        by_property=groups.by_property,
        by_customer=groups.by_customer,
        silence=silence,
        threads=as_threads(n_threads),
    )
    if by is None:
        days, code = _codes(times["cohort"])
        labels = days.view("datetime64[D]").tolist()
    else:
        labels, code = _labels(times["group"], groups.labels)
    if len(labels) > _MAX_GROUPS:
        msg = f"{len(labels):,} groups are more than {_MAX_GROUPS}: choose a longer period"
        raise InvalidInputError(msg, argument="period", value=period)
    stratum, n_strata = _strata(log, strata, by, times)
    sample = _Sample(times["days"], times["ended"], code.astype(np.int32), stratum, n_strata)
    everything = np.ones(len(code), dtype=bool)
    test = sample.test(everything, len(labels), (name, rho, gamma))
    return CurveComparison(
        group=labels,
        customers=test["rows"],
        ended=test["events"],
        observed=test["observed"],
        expected=test["expected"],
        statistic=float(test["statistic"]),
        df=int(test["df"]),
        p_value=float(test["p_value"]),
        curves=[sample.curve(code == g, curve, level) for g in range(len(labels))],
        pairs=sample.pairs(labels, (name, rho, gamma), correction) if pairwise else None,
        curve=curve,
        weights=weights if isinstance(weights, str) else f"fleming_harrington({rho:g}, {gamma:g})",
        between="cohort" if by is None else by,
        level=level,
        n_without_start=int(times["without_start"]),
    )


@dataclass(frozen=True)
class _Sample:
    days: Floats
    ended: Any
    code: Any
    stratum: Any
    n_strata: int

    def test(self, rows: Any, groups: int, weights: tuple[str, float, float]) -> Any:
        return _core.survival.log_rank(
            np.ascontiguousarray(self.days[rows]),
            np.ascontiguousarray(self.ended[rows]),
            np.ascontiguousarray(self.code[rows]),
            max(groups, 1),
            None,
            None if self.stratum is None else np.ascontiguousarray(self.stratum[rows]),
            self.n_strata,
            *weights,
            None,
            False,
        )

    def curve(self, rows: Any, curve: str, level: float) -> GroupCurve:
        raw = _core.survival.kaplan_meier(
            np.ascontiguousarray(self.days[rows]), np.ascontiguousarray(self.ended[rows]), None,
            None,
        )  # fmt: skip
        _, lower, upper = _core.survival.curve_limits(
            raw["time"], raw["survival"], raw["greenwood"], "log-log", level
        )
        share = raw["survival"]
        if curve == "return":
            share, lower, upper = 1.0 - share, 1.0 - upper, 1.0 - lower
        return GroupCurve(raw["time"], raw["at_risk"], share, lower, upper)

    def pairs(
        self, labels: list[Any], weights: tuple[str, float, float], correction: str
    ) -> CurvePairs:
        found = list(itertools.combinations(range(len(labels)), 2))
        tests = []
        for i, j in found:
            rows = (self.code == i) | (self.code == j)
            tests.append(self.test(rows, len(labels), weights))
        p = np.array([t["p_value"] for t in tests], dtype=np.float64)
        return CurvePairs(
            group=[labels[j] for _, j in found],
            reference=[labels[i] for i, _ in found],
            statistic=np.array([t["statistic"] for t in tests], dtype=np.float64),
            df=np.array([t["df"] for t in tests], dtype=np.int64),
            p_value=p,
            p_adjusted=_core.survival.adjusted_p_values(p, correction),
            correction=correction,
        )


def _weights(weights: Any) -> tuple[str, float, float]:
    if isinstance(weights, str):
        return _WEIGHTS[as_choice(weights, "weights", tuple(_WEIGHTS))]
    try:
        rho, gamma = weights
    except (TypeError, ValueError) as error:
        msg = f"weights must be one of {', '.join(map(repr, _WEIGHTS))} or (rho, gamma)"
        raise InvalidInputError(msg, argument="weights", value=weights) from error
    rho, gamma = (as_number(v, "weights", at_least=0.0) for v in (rho, gamma))
    return "fleming_harrington", rho, gamma


def _silence(curve: str, inactive_after: Any) -> int | None:
    if (inactive_after is not None) != (curve == "churn"):
        msg = "inactive_after and curve='churn' go together: inactive_after='90d' is the rule"
        raise InvalidInputError(msg, argument="inactive_after", value=inactive_after)
    if inactive_after is None:
        return None
    days = as_horizon(inactive_after, "day", "inactive_after")
    if not (days >= 1.0 and days == int(days) and days < 2**31):
        msg = f"inactive_after must be some whole days, got {inactive_after!r}"
        raise InvalidInputError(msg, argument="inactive_after", value=inactive_after)
    return int(days)


def _labels(codes: Any, values: Sequence[Any]) -> tuple[list[Any], Any]:
    """The values that occur, ascending, those without one last; and the position of each row's."""
    found, position = _codes(codes)
    if found.size and found[0] < 0:
        found, position = np.roll(found, -1), (position - 1) % found.size
    return [None if c < 0 else values[c] for c in found.tolist()], position


def _strata(log: EventLog, strata: str | None, by: str | None, times: Any) -> tuple[Any, int]:
    if strata is None:
        return None, 1
    if strata == "cohort":
        if by is None:
            msg = "strata='cohort' goes with by: cohorts cannot be compared within cohorts"
            raise InvalidInputError(msg, argument="strata", value=strata)
        values = times["cohort"]
    else:
        columns = [] if log.customers is None else log.customers.column_names
        if strata not in columns:
            have = ", ".join(map(repr, columns)) or "no columns of customers"
            msg = f"strata must be 'cohort' or a column of customers; there are {have}"
            raise InvalidInputError(msg, argument="strata", value=strata)
        by_customer = breakdown(log, strata).by_customer
        assert by_customer is not None
        values = by_customer[times["customer"]]
    found, position = _codes(values)
    return position.astype(np.int32), max(len(found), 1)


def _codes(values: Any) -> tuple[Ints, Ints]:
    """The whole numbers that occur, ascending, and the position of each, without a sort."""
    if not len(values):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    first = int(values.min())
    seen = np.bincount(values.astype(np.int64) - first) > 0
    position = np.cumsum(seen) - 1
    return np.flatnonzero(seen) + first, position[values - first]
