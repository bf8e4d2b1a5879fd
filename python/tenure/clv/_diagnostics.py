"""Looks at a fitted model of repeat purchases: against a hold-out, over a grid, over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tenure._time import UNIT_DAYS
from tenure.clv import _conditional, _holdout, _matrices
from tenure.clv._conditional import ConditionalExpectation
from tenure.clv._matrices import AliveHistory, FrequencyRecencyMatrix
from tenure.clv._units import require_unit
from tenure.events.event_log import as_log

if TYPE_CHECKING:
    from tenure.clv._transaction import TransactionModel


class Diagnostics:
    """Mixin of the models of repeat purchases; uses their predictions and nothing else."""

    def conditional_expectation_by_frequency(
        self,
        calibration_holdout: Any,
        *,
        by: str = "frequency",
        max_frequency: int = 7,
        bins: int = 10,
        level: float = 0.95,
        data: Any = None,
    ) -> ConditionalExpectation:
        """Return mean orders in a hold-out, actual and expected, by what came before the cut.

        Parameters
        ----------
        calibration_holdout : CalibrationHoldout
            Made by ``log.calibration_holdout``; the model was fitted to its calibration.
        by : {"frequency", "recency"}
            Groups: repeat orders before the cut, or the time from the first to the last of them.
        max_frequency : int, default 7
            The last group by frequency holds the customers with this many or more.
        bins : int, default 10
            At most so many stretches of recency, of one round length; no repeat order apart.
        level : float, default 0.95
            Confidence level of the limits of the actual means.
        data : Summary or data frame, optional
            What the model reads in place of the summary before the cut: the same customers in the
            same order, with further columns such as covariates.

        Returns
        -------
        ConditionalExpectation

        Notes
        -----
        Fader, Hardie & Lee (2005), "Counting your customers" the easy way, fig. 6.

        Examples
        --------
        >>> import tenure as tn
        >>> orders = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
        >>> holdout = log.calibration_holdout("1997-09-30")
        >>> model = tn.clv.BGNBD().fit(holdout.calibration)
        >>> table = model.conditional_expectation_by_frequency(holdout, by="recency", bins=3)
        >>> table.group, table.expected.round(2).tolist()
        (('0', '0-15', '15-30', '30-45'), [0.23, 0.44, 1.74, 3.56])
        """
        holdout = _holdout.as_holdout(calibration_holdout)
        expected = self._model.expected_purchases(_holdout.as_rows(data, holdout), holdout.duration)
        return _conditional.by_group(holdout, expected, by, max_frequency, bins, level)

    def frequency_recency_matrix(
        self,
        data: Any = None,
        horizon: Any = 1.0,
        *,
        max_frequency: int | None = None,
        max_recency: float | None = None,
    ) -> FrequencyRecencyMatrix:
        """Return the expected purchases of customers of every frequency and recency.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays, optional
            Whose highest frequency and T bound the matrix.
        horizon : float or str, default 1 unit
            As for `expected_purchases`.
        max_frequency : int, optional
        max_recency : float, optional
            In place of the bounds of the data. All customers of the matrix are this old.

        Returns
        -------
        FrequencyRecencyMatrix

        Examples
        --------
        >>> import tenure as tn
        >>> orders = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
        >>> base = log.summary(unit="week", end="1997-09-30")
        >>> matrix = tn.clv.BGNBD().fit(base).frequency_recency_matrix(base, "52w")
        >>> matrix.value.shape, matrix.value[39, 10].round(2).item()
        ((40, 30), 8.52)
        """
        length = self._model._horizon(horizon)
        frequency, recency, age = _matrices.grid(data, max_frequency, max_recency)
        rows, possible = _matrices.cells(frequency, recency, age)
        value = _matrices.filled(self._model.expected_purchases(rows, length), possible)
        unit = self._model.unit_
        of = f"{length:g} {unit}s" if unit else f"{length:g}"
        quantity = f"Purchases expected within {of}"
        return FrequencyRecencyMatrix(frequency, recency, value, quantity, age, unit)

    def probability_alive_matrix(
        self,
        data: Any = None,
        *,
        max_frequency: int | None = None,
        max_recency: float | None = None,
    ) -> FrequencyRecencyMatrix:
        """Return P(alive) of customers of every frequency and recency.

        Parameters
        ----------
        data, max_frequency, max_recency
            As for `frequency_recency_matrix`.

        Returns
        -------
        FrequencyRecencyMatrix

        Examples
        --------
        >>> import tenure as tn
        >>> orders = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
        >>> base = log.summary(unit="week", end="1997-09-30")
        >>> model = tn.clv.ParetoNBD().fit(base)
        >>> model.probability_alive_matrix(max_frequency=3, max_recency=39).value.shape
        (40, 4)
        """
        frequency, recency, age = _matrices.grid(data, max_frequency, max_recency)
        rows, possible = _matrices.cells(frequency, recency, age)
        value = _matrices.filled(self._model.probability_alive(rows), possible)
        return FrequencyRecencyMatrix(
            frequency, recency, value, _matrices._ALIVE, age, self._model.unit_
        )

    def history_alive(self, log: Any, customer: Any) -> AliveHistory:
        """Return P(alive) of one customer on each day from the first order to the end of the log.

        Parameters
        ----------
        log : EventLog
            Orders of one day count as one.
        customer : id
            As it stands in ``log.customer_ids``.

        Returns
        -------
        AliveHistory

        Raises
        ------
        InvalidInputError
            If the customer is not in the log or never ordered, or the model knows no unit of time.

        Examples
        --------
        >>> import tenure as tn
        >>> orders = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
        >>> model = tn.clv.ParetoNBD().fit(log.summary(unit="week", end="1997-09-30"))
        >>> model.history_alive(log, 1).probability_alive[[0, -1]].round(3).tolist()
        [1.0, 0.632]
        """
        self._model._require_fitted()
        log = as_log(log)
        unit = require_unit(self._model.unit_, "a history of P(alive)")
        days, ordered = _matrices.days_of(log, customer)
        time = np.arange(len(days)) / UNIT_DAYS[unit]
        last = np.maximum.accumulate(np.where(ordered, np.arange(len(days)), 0))
        rows = {
            "frequency": np.cumsum(ordered).astype(np.float64) - 1.0,
            "recency": last / UNIT_DAYS[unit],
            "T": time,
        }
        alive = self._model.probability_alive(rows)
        return AliveHistory(days, time, alive, ordered, customer, unit)

    @property
    def _model(self) -> TransactionModel:
        return cast("TransactionModel", self)
