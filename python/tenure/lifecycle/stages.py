"""Lifecycle stages: every customer in one stage, by the first rule that holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._estimator import Estimator
from tenure._model_file import storable
from tenure._results import Table
from tenure._time import as_horizon, to_datetime
from tenure._validation import Floats, Ints, as_choice, as_count, as_number, as_threads
from tenure.events import EventLog
from tenure.events._columns import take
from tenure.lifecycle.outcomes import StageOutcomes, share, stage_outcomes, window_end

_RULES = _core.lifecycle.seed_rules()
#: One entry for each stage, in the order of the rules: (stage, four-stage model, classic stage).
_STAGES = tuple(dict.fromkeys(rule[:3] for rule in _RULES))
_NAMES = tuple(stage for stage, _, _ in _STAGES)
_STAGE_OF_RULE = np.array([_NAMES.index(rule[0]) for rule in _RULES], dtype=np.uint8)


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
    n_gaps, n_repeaters : int
        Completed gaps between orders behind A and L, customers behind the cuts.
    fallback : bool
        Whether too few customers bought twice, and fixed numbers took the place of quantiles.
    """

    new_days: float
    active_days: float
    lapsed_days: float
    frequency_cuts: tuple[float, ...]
    value_cuts: tuple[float, ...]
    window_days: int
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
    """

    customer: Any
    _rule: npt.NDArray[np.uint8]
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
        return self._of_rule(0)

    @property
    def four_stage(self) -> npt.NDArray[np.str_]:
        return self._of_rule(1)

    @property
    def classic(self) -> npt.NDArray[np.str_]:
        return self._of_rule(2)

    @property
    def rule(self) -> npt.NDArray[np.str_]:
        return self._of_rule(3)

    def _of_rule(self, field: int) -> npt.NDArray[np.str_]:
        return np.array([rule[field] for rule in _RULES])[self._rule]

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
        labels = {
            name: _dictionary(self._rule, [rule[field] for rule in _RULES])
            for field, name in enumerate(("stage", "four_stage", "classic", "rule"))
        }
        return {"customer": self.customer, **labels, **{n: getattr(self, n) for n in facts}}

    def _title(self) -> str:
        last = self.at - dt.timedelta(microseconds=1)
        return f"Stages of {len(self):,} customers at the end of {last:%Y-%m-%d %H:%M:%S %Z}"

    def sizes(self) -> StageSizes:
        """Return how many customers stand in each stage, and what they have brought."""
        group = _STAGE_OF_RULE[self._rule]
        customers = np.bincount(group, minlength=len(_NAMES)).astype(np.int64)
        value = np.bincount(group, self.net_value, len(_NAMES)).astype(np.float64)
        stage, four_stage, classic = zip(*_STAGES, strict=True)
        return StageSizes(
            stage, four_stage, classic, customers, share(customers), value, share(value)
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
            All stages but ``lead``: the log cannot tell when a customer without events became
            known, so that nothing can be said of how many leads bought later.

        Raises
        ------
        InvalidInputError
            If the log does not cover the window, or a setting is out of range.
        """
        days = as_horizon(horizon, "day")
        if days < self.calibration.new_days:
            msg = (
                f"horizon must not be shorter than {self.calibration.new_days:g} days (new_days), "
                f"got {horizon!r}"
            )
            raise InvalidInputError(msg, argument="horizon", value=horizon)
        kept = np.flatnonzero(self._rule != _NAMES.index("lead"))
        stages = tuple(name for name in _NAMES if name != "lead")
        group = np.array([stages.index(n) if n in stages else 0 for n in _NAMES], np.uint8)
        return stage_outcomes(
            log,
            take(self.customer, kept),
            group[_STAGE_OF_RULE[self._rule[kept]]],
            stages,
            self.net_value[kept],
            self._at,
            window_end(self._at, days, log.timezone),
            level=as_number(level, "level", above=0.0, below=1.0),
            winsorise=as_number(winsorise, "winsorise", at_least=0.5, at_most=1.0),
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

        ax = plotting.axes(ax)
        sizes = self.sizes()
        shown = np.flatnonzero(sizes.customers)[::-1]
        place = np.arange(len(shown))
        ax.barh(place + 0.2, 100 * sizes.share[shown], height=0.4, label="customers")
        ax.barh(place - 0.2, 100 * sizes.value_share[shown], height=0.4, label="net value")
        ax.set_yticks(place, [sizes.stage[i] for i in shown])
        ax.set(xlabel="Share, %")
        ax.legend()
        return ax


@storable("lifecycle.Stages")
class Stages(Estimator):
    """Label customers with their stage of the lifecycle.

    The first rule that holds wins, so that labels are exclusive and, as the last rules take all who
    are left, exhaustive. N, A, L and the cuts are calibrated from the log, unless given here. The
    rule table is in docs/methods/stages.md.

    Parameters
    ----------
    preset : {"seed"}
        The rules.
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
        new_days: float = 30.0,
        active_days: float | None = None,
        lapsed_days: float | None = None,
        frequency_cuts: Sequence[float] | None = None,
        value_cuts: Sequence[float] | None = None,
        window_days: int = 365,
        min_repeaters: int = 100,
    ) -> None:
        self.preset = preset
        self.new_days = new_days
        self.active_days = active_days
        self.lapsed_days = lapsed_days
        self.frequency_cuts = frequency_cuts
        self.value_cuts = value_cuts
        self.window_days = window_days
        self.min_repeaters = min_repeaters

    def assign(self, log: EventLog, at: Any = None, *, n_threads: int | None = None) -> StageTable:
        """Return the stage of every customer known at a date.

        Known are customers with an event before `at`, and those of the log's customer table
        without any event in the log. Customers without an order are leads if the log has a customer
        table and they are in it, else visitors.

        Parameters
        ----------
        log : EventLog
            The orders.
        at : date or instant, optional
            As-of date: a bare date means the end of that local day. Default: the end of the log.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8. Never changes a result.

        Returns
        -------
        StageTable
            In ascending order of ids.

        Raises
        ------
        InvalidInputError
            For a setting out of range, or a date behind the end of the log.
        """
        as_choice(self.preset, "preset", ("seed",))
        window = as_count(self.window_days, "window_days", at_least=1)
        cutoff = log._until if at is None else log._within(at, "at")
        calibration, facts = _core.lifecycle.assign(
            log._core, cutoff, window, self._options(), _identified(log), as_threads(n_threads)
        )
        known = np.flatnonzero(facts["known"])
        silent = facts["n_orders"] == 0
        return StageTable(
            customer=take(log.customer_ids, known),
            _rule=facts["rule"][known],
            n_orders=facts["n_orders"][known],
            days_since_last=np.where(silent, np.nan, facts["days_since_last"])[known],
            mean_gap=facts["mean_gap"][known],
            last_gap=facts["last_gap"][known],
            net_value=facts["net_value"][known],
            window_orders=facts["window_orders"][known],
            window_value=facts["window_value"][known],
            calibration=Calibration(
                new_days=calibration.new_days,
                active_days=calibration.active_days,
                lapsed_days=calibration.lapsed_days,
                frequency_cuts=tuple(calibration.frequency_cuts),
                value_cuts=tuple(calibration.value_cuts),
                window_days=window,
                n_gaps=calibration.gaps,
                n_repeaters=calibration.repeaters,
                fallback=calibration.fallback,
            ),
            at=to_datetime(cutoff, log.timezone),
            _at=cutoff,
        )

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


def _identified(log: EventLog) -> npt.NDArray[np.uint8]:
    """Which customers have a row in the log's customer table."""
    if log.customers is None:
        return np.zeros(log.n_customers, dtype=np.uint8)
    known = log.customers.column(0).is_valid().to_numpy(zero_copy_only=False)
    return np.asarray(known, dtype=np.uint8)


def _dictionary(codes: npt.NDArray[np.uint8], names: list[str]) -> Any:
    import pyarrow as pa

    # Several rules may give one label: a dictionary must not hold it twice.
    labels = list(dict.fromkeys(names))
    position = np.array([labels.index(name) for name in names], dtype=np.int8)
    return pa.DictionaryArray.from_arrays(position[codes], labels)
