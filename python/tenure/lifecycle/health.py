"""Customer health from 0 to 100: named parts, each by a ruler that is frozen at the fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from tenure._errors import InvalidInputError
from tenure._estimator import Estimator
from tenure._model_file import storable
from tenure._time import to_datetime
from tenure._validation import Floats, as_number
from tenure.events import EventLog
from tenure.events._frames import as_reader, column_names
from tenure.lifecycle._health_ruler import HealthPart, as_values
from tenure.lifecycle.health_outcomes import HealthBackTest, back_test
from tenure.lifecycle.health_scores import BANDS, HealthScores

_TAKEN = ("customer", "score", "band")


@storable("lifecycle.HealthScore")
class HealthScore(Estimator):
    """A customer's health from 0 to 100 at a date, as the sum of named parts.

    A part gives ``100 * weight / (sum of weights)`` points times the share that its column earns:
    the share of its cut points that are reached, or the rank among the customers of the fit. Both
    are frozen at the fit, so that another date is measured by the same ruler. A score is a
    convention until `back_test` shows what it foretells. Formulas: docs/methods/health_score.md.

    Parameters
    ----------
    parts : sequence of HealthPart
    bands : (float, float)
        Red below the first, amber below the second, green from there on.
    windows, events
        As for `EventLog.features`, which makes the columns of a log.

    Attributes
    ----------
    knots_, ranks_ : tuple of ndarray
        By part: values, ascending, and the share of the part at each.
    n_customers_ : int
        Those of the fit.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> health = tn.lifecycle.HealthScore(
    ...     [
    ...         tn.lifecycle.HealthPart("days_since_last", 2, healthy="low"),
    ...         tn.lifecycle.HealthPart("orders_180d", cuts=[1, 2, 4]),
    ...     ],
    ...     windows=["180d"],
    ... ).fit(log, at="1997-09-30")
    >>> scores = health.score(log, at="1997-12-31")
    >>> test = health.back_test(log, ["1997-09-30", "1997-12-31"], "180d")
    >>> bool((test.auc > 0.7).all())
    True
    """

    _fitted = ("knots_", "ranks_", "n_customers_", "_until")

    knots_: tuple[Floats, ...]
    ranks_: tuple[Floats, ...]
    n_customers_: int

    def __init__(
        self,
        parts: Sequence[HealthPart],
        *,
        bands: tuple[float, float] = (40.0, 70.0),
        windows: Sequence[str | float] = ("30d", "90d", "365d"),
        events: str | Sequence[str] | None = None,
    ) -> None:
        self.parts = parts
        self.bands = bands
        self.windows = windows
        self.events = events

    def fit(self, data: Any, at: Any = None, *, n_threads: int | None = None) -> Self:
        """Make the rulers.

        Parameters
        ----------
        data : EventLog, data frame or dict of arrays
            Of a log, everybody with an event before `at`; of a table, every row.
        at : date or instant, optional
            With a log. A bare date means the end of that local day. Default: the end of the log.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8. Never changes a result.

        Returns
        -------
        HealthScore
            self.

        Raises
        ------
        InvalidInputError
            For settings that are none, a column that is not there, and cells that are no number.
        """
        self._require_valid()
        columns, customer, until = self._columns(data, at, n_threads)
        if len(customer) == 0:
            msg = "data must hold at least one customer to make the rulers from"
            raise InvalidInputError(msg, argument="data")
        rulers = [p.ruler(c) for p, c in zip(self.parts, columns, strict=True)]
        self.knots_ = tuple(knots for knots, _ in rulers)
        self.ranks_ = tuple(ranks for _, ranks in rulers)
        self.n_customers_ = len(customer)
        self._until = until
        return self

    def score(self, data: Any, at: Any = None, *, n_threads: int | None = None) -> HealthScores:
        """Return the health of every customer, by the rulers of the fit.

        Parameters
        ----------
        data : EventLog, data frame or dict of arrays
            A table may name its rows in a column ``customer``.
        at : date or instant, optional
            With a log. A bare date means the end of that local day. Default: the end of the log.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8. Never changes a result.

        Returns
        -------
        HealthScores
            Of a log in ascending order of ids, of a table in that of its rows.

        Raises
        ------
        InvalidInputError
            For a column that is not there, and a cell that is no number, naming its row.
        """
        self._require_fitted()
        columns, customer, until = self._columns(data, at, n_threads)
        points, score, band = self._measured(columns)
        return HealthScores(
            customer=customer,
            score=score,
            band=band,
            parts=tuple(part.name for part in self.parts),
            points=points,
            most=self._most(),
            at=None if until is None else to_datetime(until, data.timezone),
        )

    def fit_score(self, data: Any, at: Any = None, *, n_threads: int | None = None) -> HealthScores:
        """Make the rulers of these customers and return their health by them."""
        return self.fit(data, at, n_threads=n_threads).score(data, at, n_threads=n_threads)

    def back_test(
        self,
        log: EventLog,
        dates: Sequence[Any],
        horizon: Any,
        *,
        label: Any = None,
        features: Any = None,
        threshold: float | None = None,
        level: float = 0.95,
        n_threads: int | None = None,
    ) -> HealthBackTest:
        """Score at dates in the past, and see who churned within the horizon after each.

        Parameters
        ----------
        log : EventLog
        dates : sequence of dates or instants
            Ascending. A bare date means the end of that local day.
        horizon : str or float
            ``"90d"``, or days. It must end within the observation of the log at every date.
        label : label of `tenure.churn`, optional
            What churn is and who is at risk of it. Default: ``churn.Silence()``, no order within
            the horizon of who had ordered before.
        features : callable or list of callables, optional
            Columns of your own, as for `churn.make_dataset`.
        threshold : float, optional
            A score below it is a warning. Default: where amber ends.
        level : float, default 0.95
        n_threads : int, optional
            Default: the CPUs of this process, at most 8. Never changes a result.

        Returns
        -------
        HealthBackTest

        Raises
        ------
        InvalidInputError
            Also where ranks were learnt after the first date: they would know the future.
        """
        self._require_fitted()
        limit = self.bands[1] if threshold is None else threshold
        learnt = self._until if any(part.cuts is None for part in self.parts) else None
        return back_test(
            self,
            log,
            dates,
            horizon,
            label=label,
            features=features,
            threshold=as_number(limit, "threshold"),
            level=level,
            learnt=learnt,
            n_threads=n_threads,
        )

    def _measured(self, columns: Sequence[Floats]) -> tuple[Floats, Floats, Any]:
        """Return points by part, scores and bands."""
        most = self._most()
        points = np.empty((len(columns[0]), len(columns)))
        total = np.zeros(len(points))
        rulers = zip(self.parts, columns, self.knots_, self.ranks_, strict=True)
        for p, (part, column, knots, ranks) in enumerate(rulers):
            points[:, p] = most[p] * part.share(column, knots, ranks)
            total += points[:, p]
        score = np.clip(total, 0.0, 100.0)  # shares of 100 may add up to one bit more
        band = np.array(BANDS)[np.searchsorted(np.asarray(self.bands), score, side="right")]
        return points, score, band

    def _most(self) -> Floats:
        weight = np.array([float(part.weight) for part in self.parts])
        most: Floats = 100.0 * (weight / math.fsum(weight))
        return most

    def _columns(
        self, data: Any, at: Any, n_threads: int | None
    ) -> tuple[list[Floats], Any, int | None]:
        """Return the columns of the parts, who the rows are, and until when they know."""
        until = None
        if isinstance(data, EventLog):
            until = data._until if at is None else data._within(at, "at")
            when = to_datetime(until, data.timezone)
            made = data.features([when], self.windows, self.events, n_threads=n_threads)
            columns, customer = made.columns, made.customer
        else:
            if at is not None:
                msg = "at is for a log: a table is of the date that it is of"
                raise InvalidInputError(msg, argument="at", value=at)
            columns = _table(data)
            rows = len(next(iter(columns.values()), ()))
            customer = columns.get("customer", np.arange(rows))
        return self._picked(columns), customer, until

    def _picked(self, columns: Mapping[str, Any]) -> list[Floats]:
        picked = []
        for part in self.parts:
            if part.column not in columns:
                there = ", ".join(map(repr, list(columns)[:30]))
                msg = f"there is no column {part.column!r}; there are {there}"
                raise InvalidInputError(msg, argument="parts", value=part.column)
            picked.append(as_values(columns[part.column], part.column))
        return picked

    def _require_valid(self) -> None:
        if not self.parts:
            raise InvalidInputError("a health score needs at least one part", argument="parts")
        for part in self.parts:
            if not isinstance(part, HealthPart):
                msg = f"parts must be of HealthPart, got {type(part).__name__}"
                raise InvalidInputError(msg, argument="parts", value=part)
            part.require_valid()
        names = [part.name for part in self.parts]
        for p, name in enumerate(names):
            if name in names[:p] or name in _TAKEN:
                msg = f"parts must have columns of their own: {name!r} is taken"
                raise InvalidInputError(msg, argument="parts", row=p, value=name)
        if len(self.bands) != 2:
            msg = f"bands must be two scores, got {self.bands!r}"
            raise InvalidInputError(msg, argument="bands", value=self.bands)
        red, amber = (as_number(b, "bands", at_least=0.0, at_most=100.0) for b in self.bands)
        if red > amber:
            msg = f"bands must ascend, got {self.bands!r}"
            raise InvalidInputError(msg, argument="bands", value=self.bands)

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._require_valid()
        if not (len(self.knots_) == len(self.ranks_) == len(self.parts)):
            msg = "knots_ and ranks_ must be as many as the parts"
            raise ValueError(msg)
        for knots, ranks in zip(self.knots_, self.ranks_, strict=True):
            for values in (knots, ranks):
                known = isinstance(values, np.ndarray) and values.dtype == np.float64
                if not known or values.ndim != 1 or not np.isfinite(values).all():
                    msg = "knots_ and ranks_ must be finite numbers"
                    raise ValueError(msg)
            if len(knots) != len(ranks) or len(knots) == 0 or (np.diff(knots) <= 0.0).any():
                msg = "knots_ must ascend, each with a rank"
                raise ValueError(msg)
            if (np.diff(ranks) < 0.0).any() or not ((ranks >= 0.0) & (ranks <= 1.0)).all():
                msg = "ranks_ must ascend within 0 and 1"
                raise ValueError(msg)
        if type(self.n_customers_) is not int or type(self._until) not in (int, type(None)):
            msg = "n_customers_ must be a count, and the date of the fit an instant or none"
            raise ValueError(msg)


def _table(data: Any) -> dict[str, Any]:
    import pyarrow as pa

    table = as_reader(data, column_names(data)).read_all()
    columns: dict[str, Any] = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        columns[name] = column.to_numpy(zero_copy_only=False)
    return columns
