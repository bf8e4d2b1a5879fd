"""What an RFM analysis returns: each customer's scores, and what each segment is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats

if TYPE_CHECKING:
    from tenure.segment.scorecard import RFMScorecard

MEASURES = ("days_since_last", "orders", "monetary")

Scores = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RFM(Table):
    """Scores and segment of each customer with an order, 5 (or `bins`) best.

    Attributes
    ----------
    customer : array of n ids
        Ascending; positions where the customers have no ids.
    days_since_last : float64 array
        Days from the last order to the reference date.
    orders : array
        Number of orders.
    monetary : float64 array or None
        What M scores: total or mean, see `monetary_is`.
    r, f, m : uint8 arrays
        Scores from 1 to `bins`; m is None without `monetary`.
    segment_code : int16 array
        Position in `segment_names`.
    segment_names : tuple of str
    grid_codes : int16 array of shape (bins, bins) or (bins, bins, bins)
        Position in `segment_names` for each (r - 1, f - 1) or (r - 1, f - 1, m - 1).
    revenue : float64 array or None
        Total of each customer, refunds included.
    days_cuts, orders_cuts, monetary_cuts : float64 arrays
        Cut points, ascending; empty where scores come from ranks.
    scoring : str
    bins : int
    monetary_is : {"total", "mean"} or None
    collapse : str or None
        What one order was.
    at : datetime or None
        Customers were looked at as of just before this instant.
    n_without_orders : int
        Customers of the log without an order before `at`, who have no row.

    Examples
    --------
    >>> import tenure as tn
    >>> result = tn.segment.rfm_scores([1, 2, 3, 4, 5], [9, 1, 1, 1, 4])
    >>> result.r.tolist(), result.f.tolist()
    ([5, 4, 3, 2, 1], [5, 1, 1, 1, 4])
    >>> result.cuts["days_since_last"].round(9).tolist()
    [1.8, 2.6, 3.4, 4.2]
    """

    customer: Any
    days_since_last: Floats
    orders: npt.NDArray[Any]
    monetary: Floats | None
    r: Scores
    f: Scores
    m: Scores | None
    segment_code: npt.NDArray[np.int16]
    segment_names: tuple[str, ...]
    grid_codes: npt.NDArray[np.int16]
    revenue: Floats | None
    days_cuts: Floats
    orders_cuts: Floats
    monetary_cuts: Floats
    scoring: str
    bins: int
    monetary_is: str | None
    collapse: str | None
    at: Any
    n_without_orders: int

    def __len__(self) -> int:
        return len(self.r)

    def _title(self) -> str:
        at = "" if self.at is None else f" before {self.at:%Y-%m-%d %H:%M:%S %Z}"
        return f"RFM of {len(self):,} customers{at}: {self.scoring} scores from 1 to {self.bins}"

    def _columns(self) -> Mapping[str, Any]:
        import pyarrow as pa

        columns = {
            "customer": self.customer,
            "days_since_last": self.days_since_last,
            "orders": self.orders,
            "monetary": self.monetary,
            "r": self.r,
            "f": self.f,
            "m": self.m,
            "segment": pa.DictionaryArray.from_arrays(
                pa.array(self.segment_code), pa.array(self.segment_names, pa.string())
            ),
        }
        return {name: column for name, column in columns.items() if column is not None}

    @property
    def segment(self) -> npt.NDArray[np.object_]:
        """Name of each customer's segment."""
        return np.array(self.segment_names, dtype=object)[self.segment_code]

    @property
    def cuts(self) -> dict[str, Floats]:
        """The cut points, to score other customers or another date by: ``scoring="fixed"``."""
        if not len(self.days_cuts):
            msg = f"{self.scoring} scores come from ranks and have no cut points"
            raise InvalidInputError(msg, argument="scoring", value=self.scoring)
        cuts = dict(
            zip(MEASURES, (self.days_cuts, self.orders_cuts, self.monetary_cuts), strict=True)
        )
        return cuts if self.monetary is not None else {n: cuts[n] for n in MEASURES[:2]}

    def scorecard(self) -> RFMScorecard:
        """Return the cut points and the grid, frozen: to be saved, and to score other dates by.

        Returns
        -------
        RFMScorecard

        Raises
        ------
        InvalidInputError
            If the scores come from ranks (``ntile``, ``nested``), which no other date shares.
        """
        from tenure.segment.scorecard import card_of

        return card_of(self)

    def segments(self) -> RFMSegments:
        """Return what each segment of the grid holds, those without a customer included."""
        k = len(self.segment_names)
        size = np.bincount(self.segment_code, minlength=k)

        def total(values: npt.NDArray[Any]) -> Floats:
            return np.bincount(self.segment_code, values, k).astype(np.float64, copy=False)

        def mean(values: npt.NDArray[Any]) -> Floats:
            means: Floats = np.full(k, np.nan)
            np.divide(total(values), size, out=means, where=size > 0)
            return means

        revenue = share = None
        if self.revenue is not None:
            revenue = total(self.revenue)
            whole = revenue.sum()
            share = revenue / whole if whole > 0 else np.full(k, np.nan)
        return RFMSegments(
            segment=self.segment_names,
            customers=size,
            customer_share=size / len(self),
            mean_days_since_last=mean(self.days_since_last),
            mean_orders=mean(self.orders),
            mean_monetary=None if self.monetary is None else mean(self.monetary),
            revenue=revenue,
            revenue_share=share,
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the share of customers in each cell of R and F, with the segments' names.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib Axes
        """
        from tenure.segment._rfm_plot import draw

        return draw(self, ax)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RFMSegments(Table):
    """Size and worth of each segment, in the order of the grid.

    Attributes
    ----------
    segment : tuple of str
    customers : int64 array
    customer_share : float64 array
    mean_days_since_last, mean_orders, mean_monetary : float64 arrays
        NaN in a segment without customers; mean_monetary is None without monetary.
    revenue, revenue_share : float64 arrays or None
        Refunds included; shares are NaN where the total is not above 0.

    Examples
    --------
    >>> import tenure as tn
    >>> days, orders, spent = [1, 2, 3, 4, 5], [9, 1, 1, 1, 4], [60.0, 5.0, 5.0, 10.0, 20.0]
    >>> table = tn.segment.rfm_scores(days, orders, spent).segments()
    >>> dict(zip(table.segment, table.revenue_share.tolist()))["champions"]
    0.6
    """

    segment: tuple[str, ...]
    customers: npt.NDArray[np.int64]
    customer_share: Floats
    mean_days_since_last: Floats
    mean_orders: Floats
    mean_monetary: Floats | None
    revenue: Floats | None
    revenue_share: Floats | None

    def __len__(self) -> int:
        return len(self.segment)

    def _title(self) -> str:
        return f"{len(self)} segments of {self.customers.sum():,} customers"

    def _columns(self) -> Mapping[str, Any]:
        columns = {
            "segment": self.segment,
            "customers": self.customers,
            "customer_share": self.customer_share,
            "mean_days_since_last": self.mean_days_since_last,
            "mean_orders": self.mean_orders,
            "mean_monetary": self.mean_monetary,
            "revenue": self.revenue,
            "revenue_share": self.revenue_share,
        }
        return {name: column for name, column in columns.items() if column is not None}
