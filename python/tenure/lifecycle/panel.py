"""Stages of all customers at several dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._time import to_datetime
from tenure._validation import Floats, Ints, as_threads
from tenure.events import EventLog
from tenure.events._columns import matching
from tenure.events.event_log import as_log
from tenure.lifecycle.stage_table import Calibration

Codes = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PanelSizes(Table):
    """How many customers stood in each stage at each date.

    Attributes
    ----------
    at : tuple of datetime, length n_dates
    stage : tuple of str, length n_stages
    customers : ndarray of int, shape (n_dates, n_stages)
    share : ndarray of float, shape (n_dates, n_stages)
        Of those known at the date.

    Examples
    --------
    >>> import tenure as tn
    >>> panel = tn.lifecycle.StagePanel.from_codes([[0, 0], [0, 1]], ["active", "lost"])
    >>> panel.sizes().customers.tolist()
    [[2, 0], [1, 1]]
    """

    at: tuple[Any, ...]
    stage: tuple[str, ...]
    customers: Ints
    share: Floats

    def _columns(self) -> Mapping[str, Any]:
        return {
            "at": np.repeat(_instants(self.at), len(self.stage)),
            "stage": list(self.stage) * len(self.at),
            "customers": self.customers.ravel(),
            "share": self.share.ravel(),
        }

    def _title(self) -> str:
        return f"Sizes of {len(self.stage)} stages at {len(self.at)} dates"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StagePanel(Table):
    """The stage of every customer at several dates. As a table: one row a date and customer.

    Attributes
    ----------
    customer : array of ids, shape (n_customers,)
        Who is known at one of the dates at least, ascending.
    at : tuple of datetime, length n_dates
        As-of dates: everything before them counts.
    codes : ndarray of int16, shape (n_dates, n_customers)
        Position of the stage in `stages`; -1 while a customer is not known.
    stages : tuple of str
    ranks : tuple of int
        By stage, higher is better.
    four_stages, classics : tuple of str
        By stage: what it is in the four-stage model, and in the classic lifecycle.
    rules : tuple of str
        The conditions, in order; empty for a panel from codes.
    rule_codes : ndarray of int16, shape (n_dates, n_customers)
        The rule that fired, -1 where none was asked. With hysteresis it may belong to another
        stage than the one shown.
    calibrations : tuple of Calibration
        By date; empty for a panel from codes.
    hysteresis : int

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> panel = tn.lifecycle.Stages().assign(log, at=["1997-09-30", "1997-12-31", "1998-03-31"])
    >>> panel.codes.shape
    (3, 2357)
    >>> sizes = panel.sizes()
    >>> sizes.customers[:, sizes.stage.index("champion")].tolist()
    [89, 121, 111]
    """

    customer: Any
    at: tuple[Any, ...]
    codes: Codes
    stages: tuple[str, ...]
    ranks: tuple[int, ...]
    four_stages: tuple[str, ...]
    classics: tuple[str, ...]
    rules: tuple[str, ...]
    rule_codes: Codes
    calibrations: tuple[Calibration, ...]
    hysteresis: int
    _at: tuple[int, ...]

    @classmethod
    def from_codes(
        cls,
        codes: Any,
        stages: Sequence[str],
        *,
        ranks: Sequence[int] | None = None,
        at: Sequence[Any] | None = None,
        customer: Any = None,
    ) -> Self:
        """Return a panel of stages that were found elsewhere.

        Parameters
        ----------
        codes : array of int, shape (n_dates, n_customers)
            Position in `stages`; -1 for who is not, or no longer, a customer.
        stages : sequence of str
        ranks : sequence of int, optional
            Higher is better. Default: the first stage is best.
        at : sequence, optional
            Names of the dates. Default: 0, 1, ...
        customer : array, optional
            Ids. Default: 0, 1, ...

        Returns
        -------
        StagePanel
        """
        names = tuple(stages) if not isinstance(stages, str) else ()
        texts = all(isinstance(name, str) for name in names)
        if not names or not texts or len(set(names)) < len(names) or len(names) > 250:
            msg = f"stages must be different names, between 1 and 250, got {stages!r}"
            raise InvalidInputError(msg, argument="stages", value=stages)
        raw = np.asarray(codes)
        if raw.ndim != 2 or raw.dtype.kind not in "iu" or 0 in raw.shape:
            msg = f"codes must be whole numbers of shape (n_dates, n_customers), got {raw.shape}"
            raise InvalidInputError(msg, argument="codes")
        bad = np.argwhere((raw < -1) | (raw >= len(names)))
        if len(bad):
            date, row = (int(i) for i in bad[0])
            value = int(raw[date, row])
            msg = f"codes[{date}, {row}] must be from -1 to {len(names) - 1}, got {value}"
            raise InvalidInputError(msg, argument="codes", row=row, value=value)
        n_dates, n = raw.shape
        given = tuple(range(len(names), 0, -1)) if ranks is None else tuple(int(r) for r in ranks)
        dates = tuple(range(n_dates)) if at is None else tuple(at)
        ids = np.arange(n) if customer is None else customer
        for argument, got, wanted in (
            ("ranks", given, len(names)),
            ("at", dates, n_dates),
            ("customer", ids, n),
        ):
            if len(got) != wanted:
                msg = f"{argument} must have length {wanted}, got {len(got)}"
                raise InvalidInputError(msg, argument=argument)
        blank = ("",) * len(names)
        none = np.full(raw.shape, -1, dtype=np.int16)
        stage_codes = raw.astype(np.int16)
        return cls(
            ids, dates, stage_codes, names, given, blank, blank, (), none, (), 1, tuple(range(0))
        )

    def __len__(self) -> int:
        return int((self.codes >= 0).sum())

    @property
    def n_dates(self) -> int:
        return len(self.at)

    def _columns(self) -> Mapping[str, Any]:
        import pyarrow as pa

        date, row = np.nonzero(self.codes >= 0)
        ids = self.customer if isinstance(self.customer, pa.Array) else pa.array(self.customer)

        def named(codes: Codes, names: tuple[str, ...]) -> Any:
            return pa.DictionaryArray.from_arrays(pa.array(codes[date, row]), list(names))

        columns = {
            "at": _instants(self.at)[date],
            "customer": ids.take(pa.array(row)),
            "stage": named(self.codes, self.stages),
        }
        return columns | ({"rule": named(self.rule_codes, self.rules)} if self.rules else {})

    def _title(self) -> str:
        return f"Stages of {self.codes.shape[1]:,} customers at {self.n_dates} dates"

    def sizes(self) -> PanelSizes:
        """Return how many customers stood in each stage at each date."""
        k = len(self.stages)
        customers = np.array(
            [np.bincount(row[row >= 0], minlength=k) for row in self.codes], dtype=np.int64
        )
        total = customers.sum(axis=1, keepdims=True)
        share = np.divide(customers, total, out=np.full(customers.shape, np.nan), where=total > 0)
        return PanelSizes(self.at, self.stages, customers, share)

    def revenue(self, log: EventLog, *, n_threads: int | None = None) -> Floats:
        """Return what each customer brought from one date to the next, net of refunds.

        Parameters
        ----------
        log : EventLog
            One that covers all dates of the panel.
        n_threads : int, optional
            Never changes a result.

        Returns
        -------
        ndarray of shape (n_dates - 1, n_customers)
        """
        as_log(log)
        if not self._at:
            msg = "a panel from codes has no dates to look up in a log: pass revenue as an array"
            raise InvalidInputError(msg, argument="log")
        if self._at[0] < log._from or self._at[-1] > log._until:
            msg = f"the log covers {log.observed_from} to {log.observed_until}, not all dates"
            raise InvalidInputError(msg, argument="log")
        _, spent = _core.lifecycle.window_facts(log._core, list(self._at), as_threads(n_threads))
        by_log = spent.reshape(self.n_dates - 1, log.n_customers)
        place, rows = matching(log.customer_ids, self.customer)
        revenue = np.zeros((self.n_dates - 1, self.codes.shape[1]))
        revenue[:, rows] = by_log[:, place]
        return revenue


def panel_of(
    ids: Any,
    at: Sequence[int],
    timezone: str,
    **parts: Any,
) -> StagePanel:
    """Return a panel of the engine's codes."""
    return StagePanel(
        customer=ids, at=tuple(to_datetime(t, timezone) for t in at), _at=tuple(at), **parts
    )


def engine_codes(panel: StagePanel) -> tuple[Any, int]:
    """Return the codes as the engine reads them, and the number of customers."""
    codes = np.where(panel.codes < 0, _core.lifecycle.UNKNOWN, panel.codes).astype(np.uint8)
    return codes.ravel(), codes.shape[1]


def _instants(at: Sequence[Any]) -> npt.NDArray[Any]:
    """Dates as a column: instants in UTC where they are datetimes, else as they are."""
    if all(isinstance(t, dt.datetime) and t.tzinfo for t in at):
        naive = [t.astimezone(dt.UTC).replace(tzinfo=None) for t in at]
        return np.array(naive, dtype="datetime64[us]")
    return np.array(at)
