"""The table of stages: who stands where, why, and how many."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._time import as_horizon
from tenure._validation import Floats, Ints, as_level, as_number, as_threads
from tenure.events import EventLog
from tenure.events._columns import take
from tenure.events.event_log import as_log
from tenure.lifecycle._rule_set import LEADS, RuleSet
from tenure.lifecycle.outcomes import StageOutcomes, share, stage_outcomes, window_end
from tenure.lifecycle.predicted import PredictedRisks, predicted_risks


@dataclass(frozen=True, slots=True)
class Calibration:
    """The numbers that the rules compare with.

    Attributes
    ----------
    new_days, active_days, lapsed_days : float
        N, A and L of the rules, in local days.
    frequency_cuts : tuple of 2 floats
        Of the orders in the window, F: q50 and q80.
    value_cuts : tuple of 3 floats
        Of the net value in the window, M: q40, q60 and q80; NaN where nobody bought twice.
    window_days : int
        Length of the window in which F and M are counted.
    mean_gap : float
        Of all completed gaps between orders; NaN without one.
    n_gaps, n_repeaters : int
        Completed gaps between orders behind A and L, customers behind the cuts.
    fallback : bool
        Whether too few customers bought twice, and fixed numbers took the place of quantiles.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> days = [dt.date(2024, 1, 9), dt.date(2024, 3, 9)]
    >>> log = tn.EventLog({"who": [1, 1], "day": days}, customer="who", time="day")
    >>> c = tn.lifecycle.Stages(new_days=14).assign(log).calibration
    >>> c.new_days, c.active_days, c.lapsed_days, c.fallback
    (14.0, 90.0, 180.0, True)
    """

    new_days: float
    active_days: float
    lapsed_days: float
    frequency_cuts: tuple[float, ...]
    value_cuts: tuple[float, ...]
    window_days: int
    mean_gap: float
    n_gaps: int
    n_repeaters: int
    fallback: bool

    def settings(self) -> dict[str, Any]:
        """Return these numbers as arguments of `Stages`, to label another date or log by them."""
        names = ("new_days", "active_days", "lapsed_days", "frequency_cuts", "value_cuts")
        return {n: getattr(self, n) for n in names} | {"window_days": self.window_days}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StageSizes(Table):
    """How many customers stand in each stage, and what they have brought.

    Attributes
    ----------
    stage, four_stage, classic : tuple of str
        All stages in the order of the rules, empty ones included.
    customers : ndarray of int, shape (n_stages,)
    share : ndarray of float, shape (n_stages,)
        Of all customers.
    net_value, value_share : ndarray of float, shape (n_stages,)
        All amounts up to the as-of date, and the share of them.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> days = [dt.date(2024, 1, 9), dt.date(2024, 3, 9)]
    >>> log = tn.EventLog({"who": [1, 2], "day": days}, customer="who", time="day")
    >>> sizes = tn.lifecycle.Stages().assign(log).sizes()
    >>> {s: n for s, n in zip(sizes.stage, sizes.customers.tolist()) if n}
    {'new': 1, 'recent': 1}
    """

    stage: tuple[str, ...]
    four_stage: tuple[str, ...]
    classic: tuple[str, ...]
    customers: Ints
    share: Floats
    net_value: Floats
    value_share: Floats

    def _columns(self) -> Mapping[str, Any]:
        return {n: getattr(self, n) for n in self.__dataclass_fields__}

    def _title(self) -> str:
        return f"Sizes of stages: {int(self.customers.sum()):,} customers"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StageTable(Table):
    """Every customer known at a date, with its stage, the rule that fired and the facts behind.

    Attributes
    ----------
    customer : array of ids, shape (n_customers,)
        Ascending.
    stage, four_stage, classic, rule : ndarray of str, shape (n_customers,)
        The stage, what it is in the four-stage model and in the classic lifecycle, and the rule.
    n_orders : ndarray of int, shape (n_customers,)
        n: days with an order.
    days_since_last : ndarray of float, shape (n_customers,)
        r: whole local days since the last order; NaN without one.
    mean_gap, last_gap : ndarray of float, shape (n_customers,)
        Days between orders, and before the last one; NaN below two orders.
    net_value : ndarray of float, shape (n_customers,)
        All amounts, refunds included; 0 in a log without amounts.
    window_orders, window_value : ndarray, shape (n_customers,)
        F and M: orders and net value in the last `calibration.window_days` days.
    calibration : Calibration
        The numbers that the rules compared with.
    at : datetime
        The as-of date: everything before it counts.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> days = [dt.date(2024, 1, 9), dt.date(2024, 3, 9)]
    >>> log = tn.EventLog({"who": ["ann", "bob"], "day": days}, customer="who", time="day")
    >>> table = tn.lifecycle.Stages().assign(log)
    >>> table.stage.tolist(), table.days_since_last.tolist()
    (['recent', 'new'], [60.0, 0.0])
    """

    customer: Any
    _rule: npt.NDArray[np.uint8]
    _rules: RuleSet
    n_orders: Ints
    days_since_last: Floats
    mean_gap: Floats
    last_gap: Floats
    net_value: Floats
    window_orders: Ints
    window_value: Floats
    calibration: Calibration
    at: dt.datetime
    _at: int

    def __len__(self) -> int:
        return len(self._rule)

    @property
    def stage(self) -> npt.NDArray[np.str_]:
        return self._of_rule("stage")

    @property
    def four_stage(self) -> npt.NDArray[np.str_]:
        return self._of_rule("four_stage")

    @property
    def classic(self) -> npt.NDArray[np.str_]:
        return self._of_rule("classic")

    @property
    def rule(self) -> npt.NDArray[np.str_]:
        return self._of_rule("rule")

    def _labels(self) -> dict[str, list[str]]:
        """By name of a label, what it is by rule."""
        rules = self._rules.rules
        return {
            "stage": [rule.stage for rule in rules],
            "four_stage": [rule.four_stage for rule in rules],
            "classic": [rule.classic for rule in rules],
            "rule": list(self._rules.texts),
        }

    def _of_rule(self, label: str) -> npt.NDArray[np.str_]:
        return np.array(self._labels()[label])[self._rule]

    def _columns(self) -> Mapping[str, Any]:
        facts = (
            "n_orders",
            "days_since_last",
            "mean_gap",
            "last_gap",
            "net_value",
            "window_orders",
            "window_value",
        )
        labels = {name: _dictionary(self._rule, names) for name, names in self._labels().items()}
        return {"customer": self.customer, **labels, **{n: getattr(self, n) for n in facts}}

    def _title(self) -> str:
        last = self.at - dt.timedelta(microseconds=1)
        return f"Stages of {len(self):,} customers at the end of {last:%Y-%m-%d %H:%M:%S %Z}"

    def sizes(self) -> StageSizes:
        """Return how many customers stand in each stage, and what they have brought."""
        stages = self._rules.by_stage
        group = self._rules.stage_of_rule[self._rule]
        customers = np.bincount(group, minlength=len(stages)).astype(np.int64)
        value = np.bincount(group, self.net_value, len(stages)).astype(np.float64)
        return StageSizes(
            self._rules.stages,
            tuple(rule.four_stage for rule in stages),
            tuple(rule.classic for rule in stages),
            customers,
            share(customers),
            value,
            share(value),
        )

    def outcomes(
        self,
        log: EventLog,
        horizon: Any,
        *,
        level: float = 0.95,
        winsorise: float = 0.99,
        n_threads: int | None = None,
    ) -> StageOutcomes:
        """Return what became of each stage after the as-of date.

        Parameters
        ----------
        log : EventLog
            A log that covers the window: the whole one, or the later part of a split.
        horizon : float or str
            Length of the window from `at` on, in days or as a text such as ``"26w"``; not shorter
            than the calibration's `new_days`.
        level : float
            Confidence level.
        winsorise : float
            Revenues beyond the quantiles ``1 - winsorise`` and ``winsorise`` of their stage are
            moved to them for the winsorised mean; from 0.5 to 1.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8. Never changes a result.

        Returns
        -------
        StageOutcomes
            All stages but those of identified customers without an order, such as ``lead``: the
            log cannot tell when a customer without events became known, so that nothing can be
            said of how many of them bought later.

        Raises
        ------
        InvalidInputError
            If the log does not cover the window, or a setting is out of range.
        """
        as_log(log)
        days = as_horizon(horizon, "day")
        if days < self.calibration.new_days:
            msg = (
                f"horizon must not be shorter than {self.calibration.new_days:g} days (new_days), "
                f"got {horizon!r}"
            )
            raise InvalidInputError(msg, argument="horizon", value=horizon)
        own = self._rules.stages
        left_out = [name for name in own if name in LEADS]
        group_of_rule = self._rules.stage_of_rule
        kept = np.flatnonzero(~np.isin(group_of_rule[self._rule], [own.index(n) for n in left_out]))
        stages = tuple(name for name in own if name not in LEADS)
        group = np.array([stages.index(n) if n in stages else 0 for n in own], np.uint8)
        return stage_outcomes(
            log,
            take(self.customer, kept),
            group[group_of_rule[self._rule[kept]]],
            stages,
            self.net_value[kept],
            self._at,
            window_end(self._at, days, log.timezone),
            level=as_level(level),
            winsorise=as_number(winsorise, "winsorise", at_least=0.5, at_most=1.0),
            threads=as_threads(n_threads),
        )

    def predicted(
        self,
        log: EventLog,
        model: Any,
        horizon: Any,
        *,
        level: float = 0.95,
        n_threads: int | None = None,
    ) -> PredictedRisks:
        """Return the loss risk of each stage as a fitted model has it, without a hold-out.

        Parameters
        ----------
        log : EventLog
            That of the table.
        model : fitted model of `tenure.clv`
            One with `purchase_probability`.
        horizon : float or str
            From `at` on, in the unit of the model or as a text such as ``"26w"``.
        level : float
        n_threads : int, optional
            Never changes a result.

        Returns
        -------
        PredictedRisks
            Of customers with an order. Limits take the parameters of the model as known.
        """
        as_log(log)
        return predicted_risks(
            log,
            self.customer,
            self._rules.stage_of_rule[self._rule].astype(np.int64),
            self._rules.stages,
            self.at,
            model,
            horizon,
            level=as_level(level),
            threads=as_threads(n_threads),
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw each stage's share of customers and of net value as bars.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        sizes = self.sizes()
        shown = np.flatnonzero(sizes.customers)
        return plotting.paired_bars(
            [sizes.stage[i] for i in shown],
            sizes.share[shown],
            sizes.value_share[shown],
            names=("Customers", "Net value"),
            ax=plotting.axes(ax),
        )


def _dictionary(codes: npt.NDArray[np.uint8], names: list[str]) -> Any:
    import pyarrow as pa

    # Several rules may give one label: a dictionary must not hold it twice.
    labels = list(dict.fromkeys(names))
    position = np.array([labels.index(name) for name in names], dtype=np.int16)
    return pa.DictionaryArray.from_arrays(position[codes], labels)
