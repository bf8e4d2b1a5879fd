"""The cut points and the grid of one date, to score customers at another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tenure import _model_file
from tenure._errors import InvalidInputError
from tenure._model_file import storable
from tenure._results import frozen
from tenure._validation import Floats
from tenure.events import EventLog
from tenure.segment.grid import Grid
from tenure.segment.rfm_result import MEASURES, RFM

if TYPE_CHECKING:
    from collections.abc import Mapping


@storable("segment.RFMScorecard")
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RFMScorecard:
    """Cut points and grid of an RFM result, so that scores of several dates mean the same.

    `RFM.scorecard` makes it. It can be saved and opened by `tenure.load`.

    Attributes
    ----------
    days_cuts, orders_cuts, monetary_cuts : float64 arrays of length bins - 1
        Ascending; monetary_cuts is empty without M.
    bins : int
    monetary_is : {"total", "mean"} or None
    collapse : str or None
        What one order is.
    segment_names : tuple of str
    grid_codes : int32 array
        Position in `segment_names` for each (r - 1, f - 1) or (r - 1, f - 1, m - 1).
    customers : int
        From how many customers the cut points come.
    at : str
        And as of when; "" where that is not known.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> card = tn.segment.rfm(log, at="1997-09-30").scorecard()
    >>> later = card.score(log)
    >>> then, now = tn.segment.rfm(log, at="1997-09-30").segments(), later.segments()
    >>> k = then.segment.index("champions")
    >>> int(then.customers[k]), int(now.customers[k])
    (335, 292)
    """

    days_cuts: Floats
    orders_cuts: Floats
    monetary_cuts: Floats
    bins: int
    monetary_is: str | None
    collapse: str | None
    segment_names: tuple[str, ...]
    grid_codes: npt.NDArray[np.int32]
    customers: int
    at: str

    def __post_init__(self) -> None:
        has_money = self.monetary_is is not None
        for name in ("days_cuts", "orders_cuts", "monetary_cuts"):
            cuts = getattr(self, name)
            wanted = self.bins - 1 if has_money or name != "monetary_cuts" else 0
            fine = (
                isinstance(cuts, np.ndarray)
                and cuts.dtype == np.float64
                and cuts.shape == (wanted,)
                and bool(np.isfinite(cuts).all() and (cuts[1:] >= cuts[:-1]).all())
            )
            if not fine:
                msg = f"{name} must be {wanted} finite numbers that ascend"
                raise ValueError(msg)
            object.__setattr__(self, name, frozen(cuts))
        codes = self.grid_codes
        shapes = [(self.bins,) * 2] + [(self.bins,) * 3] * has_money
        names = self.segment_names
        fine = (
            isinstance(codes, np.ndarray)
            and codes.dtype == np.int32
            and codes.shape in shapes
            and isinstance(names, tuple)
            and all(isinstance(n, str) for n in names)
            and 0 <= int(codes.min()) <= int(codes.max()) < len(names)
        )
        if not fine:
            msg = "grid_codes must be positions of segment_names for every combination of scores"
            raise ValueError(msg)
        object.__setattr__(self, "grid_codes", frozen(codes))

    def __repr__(self) -> str:
        lines = [
            f"RFM scores from 1 to {self.bins} by the cut points of {self.customers:,} customers"
        ]
        if self.at:
            lines[0] += f" before {self.at}"
        lines += [
            f"  {name}: " + ", ".join(f"{c:.6g}" for c in cuts)
            for name, cuts in zip(
                MEASURES, (self.days_cuts, self.orders_cuts, self.monetary_cuts), strict=True
            )
            if len(cuts)
        ]
        return "\n".join(lines)

    @property
    def cuts(self) -> Mapping[str, Floats]:
        """The cut points as `rfm` takes them."""
        cuts = dict(
            zip(MEASURES, (self.days_cuts, self.orders_cuts, self.monetary_cuts), strict=True)
        )
        return {name: c for name, c in cuts.items() if len(c)}

    def score(self, log: EventLog, at: Any = None, *, n_threads: int | None = None) -> RFM:
        """Score the customers of a log, as `rfm` does, by these cut points and this grid.

        Parameters
        ----------
        log : EventLog
        at : date or instant, optional
        n_threads : int, optional
            Never changes a result.

        Returns
        -------
        RFM
        """
        from tenure.segment.rfm import rfm

        return rfm(
            log,
            at,
            scoring="fixed",
            bins=self.bins,
            cuts=self.cuts,  # type: ignore[arg-type]
            grid=self._grid(),
            monetary=self.monetary_is,
            collapse=self.collapse,
            n_threads=n_threads,
        )

    def score_columns(
        self,
        days_since_last: Any,
        orders: Any,
        monetary: Any = None,
        *,
        customer: Any = None,
        n_threads: int | None = None,
    ) -> RFM:
        """Score customers from what is known of each, as `rfm_scores` does.

        Parameters
        ----------
        days_since_last, orders, monetary, customer, n_threads
            As for `rfm_scores`; `monetary` exactly if the cut points have one.

        Returns
        -------
        RFM

        Examples
        --------
        >>> import tenure as tn
        >>> card = tn.segment.rfm_scores([1, 2, 3, 4, 5], [9, 1, 1, 1, 4]).scorecard()
        >>> card.score_columns([1, 40], [5, 5]).r.tolist()
        [5, 1]
        """
        from tenure.segment.rfm import rfm_scores

        if (monetary is None) != (self.monetary_is is None):
            msg = "monetary must be given exactly where the cut points have one"
            raise InvalidInputError(msg, argument="monetary")
        return rfm_scores(
            days_since_last,
            orders,
            monetary,
            customer=customer,
            scoring="fixed",
            bins=self.bins,
            cuts=self.cuts,  # type: ignore[arg-type]
            grid=self._grid(),
            monetary_is=self.monetary_is or "total",
            n_threads=n_threads,
        )

    def _grid(self) -> Grid:
        return Grid(self.segment_names, self.grid_codes.astype(np.int16))

    def save(self, path: Any) -> None:
        """Write it to one file, whole or not at all; `tenure.load` reads it back."""
        _model_file.write(path, self)


def card_of(result: RFM) -> RFMScorecard:
    """Return the scorecard of a result."""
    cuts = result.cuts  # says why there are none
    return RFMScorecard(
        days_cuts=cuts["days_since_last"],
        orders_cuts=cuts["orders"],
        monetary_cuts=cuts.get("monetary", np.empty(0)),
        bins=result.bins,
        monetary_is=result.monetary_is,
        collapse=result.collapse,
        segment_names=result.segment_names,
        grid_codes=result.grid_codes.astype(np.int32),
        customers=len(result),
        at="" if result.at is None else result.at.isoformat(),
    )
