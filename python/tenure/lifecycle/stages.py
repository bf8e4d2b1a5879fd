"""Lifecycle stages: every customer in one stage, by the first rule that holds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._estimator import Estimator
from tenure._model_file import storable
from tenure._time import to_datetime
from tenure._validation import as_choice, as_count, as_number, as_threads
from tenure.events import EventLog
from tenure.events._columns import take
from tenure.events.event_log import as_log
from tenure.lifecycle._labelling import Plan, plan
from tenure.lifecycle._rule_check import RuleCheck, check_rules
from tenure.lifecycle._rule_set import rule_set
from tenure.lifecycle.panel import StagePanel, panel_of
from tenure.lifecycle.rules import StageRule
from tenure.lifecycle.stage_table import Calibration, StageTable


@storable("lifecycle.Stages")
class Stages(Estimator):
    """Label customers with their stage of the lifecycle.

    The first rule that holds wins, so that labels are exclusive and, as the last rules take all who
    are left, exhaustive. N, A, L and the cuts are calibrated from the log, unless given here. The
    rule table is in docs/methods/stages.md.

    Parameters
    ----------
    preset : {"seed", "rfm", "contract"}
        The rules. "rfm": the ten-segment grid of `tenure.segment.rfm`. "contract": by the columns
        ``contract_start`` and ``contract_end`` (the last day in force; none: open-ended) of the
        log's customer table.
    rules : sequence of StageRule, optional
        One's own in place of a preset. A customer whom no rule takes is an error; `check` looks for
        such cases, and for rules that can never come first, before there are data.
    clock : {"population", "own", "alive", "contract"}
        When a customer is active, lapsing or lost. "population": r against A and L. "own": A and L
        times the customer's own mean gap, shrunk to that of all, over that of all. "alive":
        P(alive) of at least 0.7, of at least 0.3, below. "contract": in force, ended within L days,
        longer ago. N stays in days.
    prior_gaps : float
        k of the own clock: how many gaps of the population a customer starts with.
    prospects : mapping, optional
        Tells customers without an order apart by columns of the customer table: SQL (``score`` of
        at least `sql_score`, 80, or ``accepted``), MQL (``fit`` and ``engagement`` of at least
        `mql_fit` and `mql_engagement`, 50), cold lead (silent for more than `cold_days`, 90), lead,
        loyal visitor (``opted_in``), engaged visitor (two sessions), visitor. ``{}`` takes the
        defaults; a column that is missing never holds.
    hysteresis : int
        In a panel of dates a better stage is left only after so many dates in a row with a worse
        one.
    calibrate : {"each", "first", "last"}
        By which of several dates the numbers are calibrated: each by its own, as single dates are,
        or all by one, so that customers move and cuts do not.
    new_days : float
        N: who bought within so many days is new, if for the first time.
    active_days, lapsed_days : float, optional
        A and L; by default the 80 % and 95 % quantiles of all completed gaps between orders, at
        least N + 1 and A + 1. Needs N < A < L.
    frequency_cuts : 2 floats, optional
        Of the orders in the window, F; by default the 50 % and 80 % quantiles of the customers
        with two orders or more, at least one of them in the window.
    value_cuts : 3 floats, optional
        Of the net value in the window, M; by default their 40 %, 60 % and 80 % quantiles.
    window_days : int
        Length of the window, up to the as-of date.
    min_repeaters : int
        With fewer such customers, A is 90 and L 180 days, the cuts of F are 2 and 4 orders, and
        those of M come from all customers with two orders or more.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.EventLog(
    ...     tn.datasets.load_cdnow(), customer="customer_id", time="date", amount="amount"
    ... )
    >>> table = tn.lifecycle.Stages().assign(cdnow, at="1997-12-31")
    >>> table.calibration.active_days, table.calibration.lapsed_days
    (98.0, 214.0)
    >>> champions = table.stage == "champion"
    >>> int(champions.sum()), str(table.rule[champions][0])
    (1216, 'n >= 2, r <= A, F >= q80, M >= q80')
    >>> held_out = table.outcomes(cdnow, horizon="180d")
    >>> dict(zip(held_out.stage, held_out.loss_risk.round(3).tolist()))["champion"]
    0.189
    """

    def __init__(
        self,
        preset: str = "seed",
        *,
        rules: Sequence[StageRule] | None = None,
        clock: str = "population",
        prior_gaps: float = 5.0,
        prospects: Mapping[str, float] | None = None,
        hysteresis: int = 1,
        calibrate: str = "each",
        new_days: float = 30.0,
        active_days: float | None = None,
        lapsed_days: float | None = None,
        frequency_cuts: Sequence[float] | None = None,
        value_cuts: Sequence[float] | None = None,
        window_days: int = 365,
        min_repeaters: int = 100,
    ) -> None:
        self.preset = preset
        self.rules = rules
        self.clock = clock
        self.prior_gaps = prior_gaps
        self.prospects = prospects
        self.hysteresis = hysteresis
        self.calibrate = calibrate
        self.new_days = new_days
        self.active_days = active_days
        self.lapsed_days = lapsed_days
        self.frequency_cuts = frequency_cuts
        self.value_cuts = value_cuts
        self.window_days = window_days
        self.min_repeaters = min_repeaters

    @overload
    def assign(
        self,
        log: EventLog,
        at: list[Any] | tuple[Any, ...],
        *,
        alive: Any = None,
        n_threads: int | None = None,
    ) -> StagePanel: ...
    @overload
    def assign(
        self, log: EventLog, at: Any = None, *, alive: Any = None, n_threads: int | None = None
    ) -> StageTable: ...
    def assign(
        self, log: EventLog, at: Any = None, *, alive: Any = None, n_threads: int | None = None
    ) -> StageTable | StagePanel:
        """Return the stage of every customer known at a date, or at each of several.

        Known are customers with an event before `at`, and those of the log's customer table
        without any event in the log. Customers without an order are leads if the log has a customer
        table and they are in it, else visitors.

        Parameters
        ----------
        log : EventLog
            The orders.
        at : date or instant, or a list of them, optional
            As-of date: a bare date means the end of that local day. Default: the end of the log.
            Several dates, ascending, cost two passes over the log in all.
        alive : fitted model or array, optional
            What the clock "alive" goes by: a model with `probability_alive`, or the probabilities,
            of shape (n_customers,) or (n_dates, n_customers) in the order of `log.customer_ids`.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8. Never changes a result.

        Returns
        -------
        StageTable or StagePanel
            In ascending order of ids; a panel if `at` is a list.

        Raises
        ------
        InvalidInputError
            For a setting out of range, a date behind the end of the log, dates that do not ascend,
            and a customer whom no rule takes.
        """
        as_log(log)
        rules = rule_set(self.preset, self.rules, self.prospects)
        window = as_count(self.window_days, "window_days", at_least=1)
        threads = as_threads(n_threads)
        several = isinstance(at, (list, tuple))
        patience = as_count(self.hysteresis, "hysteresis", at_least=1)
        as_choice(self.calibrate, "calibrate", ("each", "first", "last"))
        dates = (
            _dates(log, at) if several else [log._until if at is None else log._within(at, "at")]
        )
        how = plan(
            log,
            dates,
            rules,
            clock=self.clock,
            prior_gaps=self.prior_gaps,
            alive=alive,
            threads=threads,
        )
        if several:
            return self._panel(log, dates, how, window, patience, threads)
        cutoff = dates[0]
        calibration, facts = _core.lifecycle.assign(
            log._core, cutoff, window, self._options(), how.identified, threads
        )
        known = np.flatnonzero(facts["known"])
        rule = facts["rule"]
        if how.conditions is not None or self.clock != "population":
            rule = self._fired(log, dates, [calibration], how, window, threads)[0]
        silent = facts["n_orders"] == 0
        return StageTable(
            customer=take(log.customer_ids, known),
            _rule=rule[known],
            _rules=rules,
            n_orders=facts["n_orders"][known],
            days_since_last=np.where(silent, np.nan, facts["days_since_last"])[known],
            mean_gap=facts["mean_gap"][known],
            last_gap=facts["last_gap"][known],
            net_value=facts["net_value"][known],
            window_orders=facts["window_orders"][known],
            window_value=facts["window_value"][known],
            calibration=_calibration(calibration, window),
            at=to_datetime(cutoff, log.timezone),
            _at=cutoff,
        )

    def _panel(
        self,
        log: EventLog,
        dates: list[int],
        how: Plan,
        window: int,
        patience: int,
        threads: int,
    ) -> StagePanel:
        calibrated = {"each": dates, "first": dates[:1], "last": dates[-1:]}[self.calibrate]
        calibrations = _core.lifecycle.calibrate_panel(
            log._core, calibrated, window, self._options(), threads
        )
        if self.calibrate != "each":
            calibrations *= len(dates)
        fired = self._fired(log, dates, calibrations, how, window, threads)
        rules = how.rules
        # Who is known at a date is known at all later ones.
        known = np.flatnonzero(fired[-1] != _core.lifecycle.UNKNOWN)
        if len(known) < fired.shape[1]:
            fired = fired[:, known]
        codes = _recoded(fired, rules.stage_of_rule)
        if patience > 1:
            settled = _core.lifecycle.settle(
                codes.astype(np.uint8).ravel(), len(known), list(rules.ranks), patience, threads
            )
            codes = _recoded(settled.reshape(codes.shape), np.arange(len(rules.stages)))
        stages = rules.by_stage
        return panel_of(
            take(log.customer_ids, known),
            dates,
            log.timezone,
            codes=codes,
            stages=rules.stages,
            ranks=rules.ranks,
            four_stages=tuple(rule.four_stage for rule in stages),
            classics=tuple(rule.classic for rule in stages),
            rules=rules.texts,
            rule_codes=_recoded(fired, np.arange(len(rules.rules))),
            calibrations=tuple(_calibration(c, window) for c in calibrations),
            hysteresis=patience,
        )

    def _fired(
        self,
        log: EventLog,
        dates: list[int],
        calibrations: list[_core.lifecycle.Calibration],
        how: Plan,
        window: int,
        threads: int,
    ) -> npt.NDArray[np.uint8]:
        """Return the rule that fired, dates x customers."""
        fired = _core.lifecycle.label_panel(
            log._core,
            dates,
            window,
            calibrations,
            how.clock,
            None if how.conditions is None else how.conditions.program,
            how.identified,
            how.contract_start,
            how.columns,
            threads,
        ).reshape(len(dates), log.n_customers)
        if how.conditions is not None:
            missed = np.argwhere(fired == _core.lifecycle.UNMATCHED)
            if len(missed):
                date, row = (int(i) for i in missed[0])
                who = log.customer_ids[row]
                day = to_datetime(dates[date], log.timezone)
                msg = (
                    f"no rule takes customer {who} (row {row} of customer_ids) before {day}: end "
                    "the rules with one whose condition is 'True'"
                )
                raise InvalidInputError(msg, argument="rules", row=row)
        return fired

    def check(self, calibration: Calibration) -> RuleCheck:
        """Look for customers whom no rule would take, and for rules that can never come first.

        Parameters
        ----------
        calibration : Calibration
            The numbers to check for, such as those of a result.

        Returns
        -------
        RuleCheck

        Examples
        --------
        >>> import tenure as tn
        >>> cdnow = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
        >>> rules = [("prospect", "n == 0"), ("active", "r <= A"), ("late", "A < r <= L")]
        >>> calibration = tn.lifecycle.Stages().assign(log).calibration
        >>> found = tn.lifecycle.Stages(rules=rules).check(calibration)
        >>> found.exhaustive, found.counterexample["r"] > calibration.lapsed_days
        (False, True)
        """
        return check_rules(rule_set(self.preset, self.rules, self.prospects), calibration)

    def _options(self) -> _core.lifecycle.CalibrationOptions:
        def days(value: float | None, name: str) -> float | None:
            return None if value is None else as_number(value, name, above=0.0)

        return _core.lifecycle.CalibrationOptions(
            as_number(self.new_days, "new_days", above=0.0),
            days(self.active_days, "active_days"),
            days(self.lapsed_days, "lapsed_days"),
            _cuts(self.frequency_cuts, "frequency_cuts", 2),
            _cuts(self.value_cuts, "value_cuts", 3),
            as_count(self.min_repeaters, "min_repeaters"),
        )


def _cuts(values: Any, name: str, size: int) -> tuple[float, ...] | None:
    if values is None:
        return None
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__") or len(values) != size:
        msg = f"{name} must be {size} numbers, got {values!r}"
        raise InvalidInputError(msg, argument=name, value=values)
    return tuple(as_number(value, name) for value in values)


def _dates(log: EventLog, at: Sequence[Any]) -> list[int]:
    if not at:
        msg = "at must name at least one date"
        raise InvalidInputError(msg, argument="at", value=at)
    dates = [log._within(date, f"at[{i}]") for i, date in enumerate(at)]
    for row, (before, date) in enumerate(itertools.pairwise(dates), 1):
        if date <= before:
            msg = f"at[{row}] must be later than the date before it, got {at[row]!r}"
            raise InvalidInputError(msg, argument="at", row=row, value=at[row])
    return dates


def _recoded(codes: npt.NDArray[np.uint8], to: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    """Return what codes become, with -1 for who is not known yet."""
    table = np.full(256, -1, dtype=np.int16)
    table[: len(to)] = to
    return table[codes]


def _calibration(raw: _core.lifecycle.Calibration, window: int) -> Calibration:
    return Calibration(
        new_days=raw.new_days,
        active_days=raw.active_days,
        lapsed_days=raw.lapsed_days,
        frequency_cuts=tuple(raw.frequency_cuts),
        value_cuts=tuple(raw.value_cuts),
        window_days=window,
        mean_gap=raw.mean_gap,
        n_gaps=raw.gaps,
        n_repeaters=raw.repeaters,
        fallback=raw.fallback,
    )
