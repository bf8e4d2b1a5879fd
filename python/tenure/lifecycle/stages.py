"""Lifecycle stages: every customer in one stage, by the first rule that holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
from tenure.lifecycle.stage_table import Calibration, StageTable


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
        as_log(log)
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
