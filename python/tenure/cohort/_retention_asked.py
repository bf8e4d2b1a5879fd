"""What was asked of retention, and its answer from the engine's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._intervals import wilson
from tenure._time import engine_period
from tenure._validation import Floats
from tenure.cohort._retention_result import Retention, RetentionMean
from tenure.events import EventLog

#: Below this many customers behind a rate, its interval is flagged.
_FEW = 5

_CELL = ("count", "denominator", "rate", "lower", "upper")
_MEAN = ("mean", "mean_lower", "mean_upper", "mean_cohorts")


@dataclass(frozen=True)
class Asked:
    """What was asked for, as far as it does not depend on the log."""

    period: str
    clock: str
    match: str
    anchor: str
    value: str
    denominator: str
    mean: str
    min_events: int
    level: float
    n_bootstrap: int
    random_state: int

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Asked:
        """Return what the settings of a scan say."""
        return cls(**{field.name: settings[field.name] for field in fields(cls)})

    @property
    def unit(self) -> _core.events.Period:
        return engine_period(self.period)

    @property
    def options(self) -> _core.cohort.RateOptions:
        match = "on" if self.match == "brackets" else self.match
        return _core.cohort.RateOptions(
            self.value, self.denominator, self.mean, match, self.min_events
        )

    @property
    def is_common(self) -> bool:
        """Whether one scan into a table answers it, without members in memory."""
        return (
            (self.clock, self.match) == ("calendar", "on")
            and self.anchor != "recurring"
            and self.value in ("customers", "revenue")
            and self.min_events == 1
        )

    @property
    def is_proportion(self) -> bool:
        return self.options.is_proportion and self.anchor != "recurring"

    @property
    def needs_resampling(self) -> bool:
        return not self.is_proportion or self.mean == "simple"

    @property
    def resamples(self) -> bool:
        return self.n_bootstrap > 0 and self.needs_resampling

    def require_amounts(self, log: EventLog) -> None:
        if "revenue" in self.value and not log.has_amounts:
            msg = (
                f"value={self.value!r} needs a log with amounts: name its column when the log is "
                "made"
            )
            raise InvalidInputError(msg, argument="value", value=self.value)

    def require_sense(self) -> None:
        def refuse(argument: str, rule: str) -> None:
            msg = f"{argument}={getattr(self, argument)!r} {rule}"
            raise InvalidInputError(msg, argument=argument, value=getattr(self, argument))

        if self.clock == "rolling" and self.period in ("quarter", "year"):
            refuse("period", "has no length under the rolling clock: day, week and month have")
        if self.value != "customers" and self.match in ("on_or_after", "on_or_before"):
            refuse("match", "says which customers count: it needs value='customers'")
        if self.value != "customers" and self.min_events > 1:
            refuse("min_events", "says which customers count: it needs value='customers'")
        if self.match == "on_or_after" and self.denominator != "at_risk":
            refuse(
                "denominator", "does not go with on_or_after, which is estimated from those at risk"
            )
        if self.value == "cumulative_revenue" and self.denominator == "previous":
            refuse("denominator", "does not go with revenue per acquired customer")

    def result(
        self,
        cells: _core.cohort.RetentionCells,
        counted: _core.cohort.RetentionTable | _core.cohort.Members,
        members: _core.cohort.Members | None,
        threads: int,
        starts: Any = None,
        **more: Any,
    ) -> list[Retention]:
        """Return one Retention for each group of the cells."""
        numbers = self._rates(cells, members, threads)
        shape = cells.groups, cells.cohorts, cells.ages
        observed = cells.observed().astype(bool).reshape(shape)
        active = np.where(observed, cells.active().reshape(shape), 0)
        cell = {n: numbers[n].reshape(shape) for n in _CELL}
        mean = {n: numbers[n].reshape(shape[0], shape[2]) for n in _MEAN}
        ages = np.arange(cells.ages, dtype=np.int64)
        if starts is not None:
            ages = np.asarray(starts, dtype=np.int64)[: cells.ages]
        days = cells.first_days(self.unit).view("datetime64[D]")
        return [
            Retention(
                cohorts=days,
                ages=ages,
                sizes=cells.sizes().reshape(shape[:2])[g],
                counts=cell["count"][g],
                denominators=cell["denominator"][g],
                rates=cell["rate"][g],
                lower=cell["lower"][g],
                upper=cell["upper"][g],
                active=active[g],
                few=observed[g] & (active[g] < _FEW),
                mean=RetentionMean(
                    age=ages,
                    rate=mean["mean"][g],
                    lower=mean["mean_lower"][g],
                    upper=mean["mean_upper"][g],
                    few=active[g].sum(axis=0) < _FEW,
                    n_cohorts=mean["mean_cohorts"][g],
                ),
                period=self.period,
                value=self.value,
                denominator=self.denominator,
                level=self.level,
                n_without_orders=counted.without_start,
                unassigned_revenue=counted.unassigned_revenue,
                clock=self.clock,
                match=self.match,
                anchor=self.anchor,
                **more,
            )
            for g in range(cells.groups)
        ]

    def _rates(
        self,
        cells: _core.cohort.RetentionCells,
        members: _core.cohort.Members | None,
        threads: int,
    ) -> dict[str, Any]:
        rates: dict[str, Any] = dict(_core.cohort.retention_rates(cells, self.options))
        censored = self.match == "on_or_after"
        if censored:
            assert members is not None
            shares = _core.cohort.return_shares(members, self.min_events, self.level, threads)
            if self.mean == "simple":
                shares["mean"] = _mean_of_cohorts(shares["rate"], cells)
            rates |= shares
        elif self.is_proportion:
            rates["lower"], rates["upper"] = wilson(
                rates["count"], rates["denominator"], self.level
            )
            rates["mean_lower"], rates["mean_upper"] = wilson(
                rates["mean_count"], rates["mean_denominator"], self.level
            )
        if self.needs_resampling:
            drawn = self._drawn(rates, members, threads)
            rates["mean_lower"], rates["mean_upper"] = drawn[2:]
            if not self.is_proportion:
                rates["lower"], rates["upper"] = drawn[:2]
        return rates

    def _drawn(
        self, rates: dict[str, Any], members: _core.cohort.Members | None, threads: int
    ) -> tuple[Floats, ...]:
        """Limits of the cells and of the means from resampled customers, NaN if not asked for."""
        if not self.resamples:
            cell, mean = (np.full(len(rates[n]), np.nan) for n in ("rate", "mean"))
            return cell, cell.copy(), mean, mean.copy()
        assert members is not None
        return _core.cohort.retention_bootstrap(
            members, self.options, self.n_bootstrap, self.random_state, self.level, threads
        )


def _mean_of_cohorts(rates: Floats, cells: _core.cohort.RetentionCells) -> Floats:
    """The mean over the cohorts of each group that have a rate, by age."""
    cube = rates.reshape(cells.groups, cells.cohorts, cells.ages)
    known = ~np.isnan(cube)
    n = known.sum(axis=1)
    total = np.where(known, cube, 0.0).sum(axis=1)
    means: Floats = np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0)
    return means.ravel()
