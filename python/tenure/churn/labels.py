"""What churn is: who may churn at a cutoff, and whether they did within the horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import MICROS_PER_DAY, as_horizon, to_datetime
from tenure._validation import Ints, as_number
from tenure.churn.contract_spells import contract_spells
from tenure.events import EventLog

Flags = npt.NDArray[np.bool_]


class Label(Protocol):
    """Anything that tells codes of customers at risk, ascending, and who of them churned."""

    def told(
        self, log: EventLog, cutoffs: Sequence[int], horizon: int, threads: int
    ) -> list[tuple[Ints, Flags]]:
        """Return customers at risk and whether they churned, for each cutoff."""
        ...


@dataclass(frozen=True, slots=True)
class Silence:
    """Churned who orders nothing within the horizon: for customers without a contract.

    At risk is who ordered before the cutoff.

    Parameters
    ----------
    active_within : str or float, optional
        At risk is only who ordered within so long before the cutoff: ``"90d"``, or days. Default:
        ever before.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> active = tn.churn.Silence(active_within="90d")
    >>> data = tn.churn.make_dataset(log, ["1997-12-31"], "90d", label=active)
    >>> len(data), round(float(data.churned.mean()), 2)
    (400, 0.51)
    """

    active_within: str | float | None = None

    def told(
        self, log: EventLog, cutoffs: Sequence[int], horizon: int, threads: int
    ) -> list[tuple[Ints, Flags]]:
        """Return customers at risk and whether they churned, for each cutoff."""
        if self.active_within is None:
            windows = []
        else:
            days = as_horizon(self.active_within, "day", "active_within")
            if days <= 0.0:
                msg = f"active_within must be longer than 0, got {self.active_within!r}"
                raise InvalidInputError(msg, argument="active_within", value=self.active_within)
            windows = [round(days * MICROS_PER_DAY)]
        risk = _orders(log, cutoffs, windows, threads)
        after = _orders(log, [c + horizon for c in cutoffs], [horizon], threads)
        told = []
        for (code, orders), (later, again) in zip(risk, after, strict=True):
            at_risk = code[orders > 0]
            told.append((at_risk, again[np.searchsorted(later, at_risk)] == 0))
        return told


@dataclass(frozen=True, slots=True)
class ContractEnd:
    """Churned whose contract ends within the horizon. At risk is who is under contract.

    A contract that ends and begins anew within the horizon has ended all the same; events of one
    instant count together.

    Parameters
    ----------
    period, start, renewal, change, cancel, term
        As for `contract_spells`.

    Examples
    --------
    >>> import tenure as tn
    >>> base = tn.datasets.simulate(500, subscriptions={"share": 0.5}, random_state=1)
    >>> log = tn.EventLog(base.renewals, customer="customer", time="time", event="event",
    ...                   amount="amount", orders=["start", "renewal"])
    >>> cutoff = log.observed_from + (log.observed_until - log.observed_from) / 2
    >>> data = tn.churn.make_dataset(log, [cutoff], "30d", label=tn.churn.ContractEnd())
    >>> len(data) > 0
    True
    """

    period: str = "month"
    start: str | Sequence[str] | None = None
    renewal: str | Sequence[str] | None = None
    change: str | Sequence[str] | None = None
    cancel: str | Sequence[str] | None = None
    term: int | None = None

    def told(
        self, log: EventLog, cutoffs: Sequence[int], horizon: int, threads: int
    ) -> list[tuple[Ints, Flags]]:
        """Return customers at risk and whether they churned, for each cutoff."""
        spells = contract_spells(
            log,
            self.period,
            start=self.start,
            renewal=self.renewal,
            change=self.change,
            cancel=self.cancel,
            term=self.term,
            n_threads=threads,
        )
        begun, over = spells.start.view(np.int64), spells.end.view(np.int64)

        def runs(spell: Any, at: int) -> Flags:
            # A cancellation at the instant itself is an event of the future; a lapse is known.
            lapsed = spells.how[spell] == "lapsed"
            still = np.where(spells.ended[spell], over[spell] >= at + lapsed, True)
            running: Flags = (begun[spell] < at) & still
            return running

        told = []
        for cutoff in cutoffs:
            spell = np.flatnonzero(runs(slice(None), cutoff))
            told.append((spells._code[spell], ~runs(spell, cutoff + horizon)))
        return told


@dataclass(frozen=True, slots=True)
class LowProbabilityAlive:
    """Churned who is probably gone by the end of the horizon, as a model of purchases sees it.

    For customers without a contract whose habits differ: half a year of silence says little of one
    who buys once a year. At risk is who ordered before the cutoff and was probably alive at it.

    Parameters
    ----------
    model : fitted model of repeat purchases
        Such as `tn.clv.BGNBD`, from a summary with the unit of time of the log. Fit it to orders
        before the first cutoff, or accept that its few parameters know the whole base.
    threshold : float, default 0.5
        Churned below, at risk from it on.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> model = tn.clv.MBGNBD().fit(log.summary(unit="week", end="1997-09-30"))
    >>> gone = tn.churn.LowProbabilityAlive(model)
    >>> data = tn.churn.make_dataset(log, ["1997-09-30"], "90d", label=gone)
    >>> len(data), round(float(data.churned.mean()), 2)
    (522, 0.27)
    """

    model: Any
    threshold: float = 0.5

    def told(
        self, log: EventLog, cutoffs: Sequence[int], horizon: int, threads: int
    ) -> list[tuple[Ints, Flags]]:
        """Return customers at risk and whether they churned, for each cutoff."""
        limit = as_number(self.threshold, "threshold", above=0.0, below=1.0)
        told = []
        for cutoff in cutoffs:
            code, alive = self._alive(log, cutoff, threads)
            later, then = self._alive(log, cutoff + horizon, threads)
            at_risk = code[alive >= limit]
            told.append((at_risk, then[np.searchsorted(later, at_risk)] < limit))
        return told

    def _alive(self, log: EventLog, at: int, threads: int) -> tuple[Ints, Any]:
        unit = self.model.unit_ or "week"
        base = log.summary(unit=unit, end=to_datetime(at, log.timezone), n_threads=threads)
        code = _orders(log, [at], [], threads)[0]
        return code[0][code[1] > 0], self.model.probability_alive(base)


def _orders(
    log: EventLog, ends: Sequence[int], windows: list[int], threads: int
) -> list[tuple[Ints, Any]]:
    """Return codes, ascending, and orders in the window that ends at each of the instants.

    Without a window: orders ever before.
    """
    named = [] if log.has_amounts or not log.event_names else _codes_of_orders(log)
    first, customer, columns = _core.events.features(log._core, list(ends), windows, named, threads)
    wanted = 0 if windows else -1
    what = "orders" if log.has_amounts else "event" if named else "events"
    orders = np.sum([c for name, w, _, c in columns if name == what and w == wanted], axis=0)
    return [
        (customer[first[k] : first[k + 1]], orders[first[k] : first[k + 1]])
        for k in range(len(ends))
    ]


def _codes_of_orders(log: EventLog) -> list[int]:
    return [code for code, name in enumerate(log.event_names) if name in log.orders]
