"""When a product runs out: repurchase hazards by product, and each customer's next due date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._time import to_datetime
from tenure._validation import Floats, Ints, as_count, as_level, as_number, as_threads
from tenure.churn import KaplanMeier
from tenure.events import EventLog
from tenure.events._columns import order_flags, take

OTHERS = "(others)"

_Dates = npt.NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ProductCycles(Table):
    """How soon each product is bought again by the same customer.

    Attributes
    ----------
    product : array of str
        "(others)": those with too few gaps, together.
    gaps, open : int arrays
        Gaps that ended in a purchase, and those still open.
    median, lower, upper : float64 arrays
        Days to the next purchase [Kaplan & Meier 1958], with limits; infinite where the curve
        does not come down to a half.
    bought_again : float64 array
        Share who do within the longest time observed.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> frame = {"who": [1, 1, 1], "day": [dt.date(2024, 1, d) for d in (1, 8, 20)]}
    >>> log = tn.EventLog(
    ...     {**frame, "sku": ["tea"] * 3}, customer="who", time="day", properties=["sku"]
    ... )
    >>> tn.lifecycle.replenishment(log, "sku", min_gaps=1).products.median.tolist()
    [7.0]
    """

    product: npt.NDArray[np.object_]
    gaps: Ints
    open: Ints
    median: Floats
    lower: Floats
    upper: Floats
    bought_again: Floats

    _column_names = ("product", "gaps", "open", "median", "lower", "upper", "bought_again")

    def __len__(self) -> int:
        return len(self.gaps)

    def _title(self) -> str:
        return f"Repurchase of {len(self):,} products, in days"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Replenishment(Table):
    """When each customer will be due to buy a product again. One row a customer and product.

    Attributes
    ----------
    customer : array of ids
        Ascending.
    product : array of str
    last_order : datetime64[D] array
    due : datetime64[D] array
        When the asked share of those who waited as long will have bought; NaT where the curve
        does not tell.
    earliest, latest : datetime64[D] arrays
        Between them the next purchase falls with probability `level`; NaT as for `due`.
    chance : float64 array
        That the product is bought again within the longest time observed, given the silence.
    products : ProductCycles
    quantile, level : float

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = [(c, dt.date(2024, m, 1 + c), "soap") for c in range(20) for m in range(1, 6)]
    >>> log = tn.EventLog(
    ...     {"who": [r[0] for r in rows], "day": [r[1] for r in rows], "sku": [r[2] for r in rows]},
    ...     customer="who",
    ...     time="day",
    ...     properties=["sku"],
    ... )
    >>> due = tn.lifecycle.replenishment(log, "sku")
    >>> print(due.products.median[0], due.due[0])
    30.0 2024-05-31
    """

    customer: Any
    product: npt.NDArray[np.object_]
    last_order: _Dates
    due: _Dates
    earliest: _Dates
    latest: _Dates
    chance: Floats
    products: ProductCycles
    quantile: float
    level: float

    _column_names = ("customer", "product", "last_order", "due", "earliest", "latest", "chance")

    def __len__(self) -> int:
        return len(self.chance)

    def _columns(self) -> Mapping[str, Any]:
        columns = {n: getattr(self, n) for n in self._column_names}
        return columns | {"product": self.product.tolist()}

    def _title(self) -> str:
        never = int(np.isnat(self.due).sum())
        return f"{len(self):,} customers' products to buy again, {never:,} without a due date"

    def first_due(self) -> Replenishment:
        """Return each customer's product that is due first; those without a due date go.

        Returns
        -------
        Replenishment
        """
        rows = np.flatnonzero(~np.isnat(self.due))
        ids = np.asarray(
            self.customer.to_numpy(zero_copy_only=False)
            if isinstance(self.customer, pa.Array)
            else self.customer
        )
        _, code = np.unique(ids[rows], return_inverse=True)
        order = rows[np.lexsort((self.due[rows], code))]
        _, first = np.unique(np.sort(code), return_index=True)
        return self._rows(order[first])

    def _rows(self, rows: Ints) -> Replenishment:
        parts = {n: getattr(self, n)[rows] for n in self._column_names if n != "customer"}
        return Replenishment(
            customer=take(self.customer, rows),
            **parts,
            products=self.products,
            quantile=self.quantile,
            level=self.level,
        )


def replenishment(
    log: EventLog,
    product: str,
    *,
    quantile: float = 0.5,
    level: float = 0.8,
    min_gaps: int = 30,
    n_threads: int | None = None,
) -> Replenishment:
    """Return when each customer is due to buy each of his products again.

    Parameters
    ----------
    log : EventLog
        With the products as one of its `properties`.
    product : str
        Name of that property; rows without one count for none.
    quantile : float in (0, 1), default 0.5
        Share of comparable customers who will have bought by the due date.
    level : float in (0, 1), default 0.8
        Of the window from `earliest` to `latest`.
    min_gaps : int, default 30
        Products with fewer observed repurchases share one curve.
    n_threads : int, optional
        Never changes a result.

    Returns
    -------
    Replenishment

    Raises
    ------
    InvalidInputError
        If the log has no such property, or no order has a product.

    Notes
    -----
    A gap is the time between two days on which a customer bought the product; the last one is
    still open and censored at the end of the log. With S the Kaplan-Meier curve of a product's gaps
    and u the silence so far, the next purchase falls at t > u with S(t)/S(u), and the due date is
    where that first falls to 1 - quantile: docs/methods/due_dates.md.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = [(c, dt.date(2024, m, 1 + c), "soap") for c in range(20) for m in range(1, 6)]
    >>> log = tn.EventLog(
    ...     {"who": [r[0] for r in rows], "day": [r[1] for r in rows], "sku": [r[2] for r in rows]},
    ...     customer="who",
    ...     time="day",
    ...     properties=["sku"],
    ... )
    >>> print(tn.lifecycle.replenishment(log, "sku").products)
    Repurchase of 1 products, in days
    product  gaps  open  median  lower  upper  bought_again
       soap    80    20      30     30    inf             1
    """
    threads = as_threads(n_threads)
    share = as_number(quantile, "quantile", above=0.0, below=1.0)
    level = as_level(level)
    as_count(min_gaps, "min_gaps", at_least=1)
    if product not in log.properties:
        have = ", ".join(map(repr, log.properties)) or "none"
        msg = f"product: {product!r} is no property of the log's events; there are {have}"
        raise InvalidInputError(msg, argument="product", value=product)
    names = np.array(log.properties[product].to_pylist(), object)
    unit, length, ended, last = _gaps(log, product, len(names), threads)
    customer, code = unit // len(names), unit % len(names)
    group = _groups(code[ended], len(names), min_gaps)[code]

    curves = []
    n = len(group)
    quantiles = (share, (1.0 - level) / 2.0, (1.0 + level) / 2.0)
    wait = np.full((3, n), np.inf)
    chance = np.zeros(n)
    for g in np.unique(group):
        mine = np.flatnonzero(group == g)
        km = KaplanMeier().fit(length[mine], ended[mine])
        label = OTHERS if g == len(names) else names[g]
        curves.append((label, km, int(ended[mine].sum()), int((~ended[mine]).sum())))
        waiting = mine[~ended[mine]]
        time, left = km.curve_.time, km.curve_.survival
        now = _after(time, left, length[waiting])
        chance[waiting] = _chance(now, left)
        for k, q in enumerate(quantiles):
            wait[k, waiting] = _first_below(time, left, (1.0 - q) * now)
    rows = np.flatnonzero(~ended)
    day = last[rows]
    due, earliest, latest = (_later(day, wait[k, rows]) for k in range(3))
    return Replenishment(
        customer=take(log.customer_ids, customer[rows]),
        product=names[code[rows]],
        last_order=day,
        due=due,
        earliest=earliest,
        latest=latest,
        chance=chance[rows],
        products=_cycles(curves),
        quantile=share,
        level=level,
    )


def _gaps(log: EventLog, product: str, n: int, threads: int) -> tuple[Ints, Floats, Any, _Dates]:
    """Return the gaps between purchases of each customer and product, as one unit each."""
    core = log._core
    customer = np.repeat(np.arange(log.n_customers), np.diff(core.offset))
    code = core.property(list(log.properties).index(product)).astype(np.int64)
    bought = code >= 0
    if core.has_event:
        bought &= np.array(order_flags(log), bool)[core.event]
    if not bought.any():
        msg = f"no order of the log has a {product!r}"
        raise InvalidInputError(msg, argument="product", value=product)
    frame = {
        "unit": customer[bought] * n + code[bought],
        "time": pa.array(core.time[bought], pa.timestamp("us", "UTC")),
    }
    if log.has_amounts:
        frame["amount"] = core.amount[bought]
    units = EventLog(
        pa.table(frame),
        customer="unit",
        time="time",
        amount="amount" if log.has_amounts else None,
        timezone=log.timezone,
        observed_until=log.observed_until,
        on_refund="net" if log.on_refund == "match" else log.on_refund,
        n_threads=threads,
    )
    gaps = units.order_gaps(n_threads=threads)
    zone = log.timezone
    day = np.array(
        [to_datetime(t, zone).date() for t in np.unique(gaps.order.astype(np.int64)).tolist()],
        "datetime64[D]",
    )
    _, at = np.unique(gaps.order, return_inverse=True)
    return np.asarray(gaps.customer), gaps.length, gaps.ended, day[at]


def _groups(code: Ints, n: int, min_gaps: int) -> Ints:
    """Return the curve of each product: its own, or the shared one, which comes last."""
    enough = np.bincount(code, minlength=n) >= min_gaps
    return np.where(enough, np.arange(n), n)


def _after(time: Floats, left: Floats, at: Floats) -> Floats:
    """Return the curve just after each time."""
    place = np.searchsorted(time, at, side="right")
    now: Floats = np.concatenate([[1.0], left])[place]
    return now


def _chance(now: Floats, left: Floats) -> Floats:
    end = left[-1] if len(left) else 1.0
    # Where nobody ever waited as long and bought, nothing is left to happen.
    chance: Floats = 1.0 - np.divide(end, now, out=np.ones(len(now)), where=now > 0.0)
    return chance


def _first_below(time: Floats, left: Floats, bound: Floats) -> Floats:
    """Return the first time at which the falling curve is at most the bound; infinite if never."""
    # A hair above, for a product of shares that should be equal.
    place = np.searchsorted(-left, -bound * (1.0 + 1e-12), side="left")
    padded = np.concatenate([time, [np.inf]])
    found: Floats = padded[place]
    return np.where(bound > 0.0, found, np.inf)


def _later(day: _Dates, wait: Floats) -> _Dates:
    told = np.isfinite(wait)
    whole = np.ceil(np.where(told, wait, 0.0)).astype("timedelta64[D]")
    later: _Dates = np.where(told, day + whole, np.datetime64("NaT", "D"))
    return later


def _cycles(curves: list[Any]) -> ProductCycles:
    medians = [km.quantile([0.5], interval=0.95) for _, km, _, _ in curves]
    return ProductCycles(
        product=np.array([label for label, *_ in curves], object),
        gaps=np.array([ended for _, _, ended, _ in curves]),
        open=np.array([waiting for *_, waiting in curves]),
        median=np.array([float(m.value[0]) for m in medians]),
        lower=np.array([float(m.lower[0]) for m in medians]),
        upper=np.array([float(m.upper[0]) for m in medians]),
        bought_again=np.array(
            [
                1.0 - km.curve_.survival[-1] if len(km.curve_.survival) else 0.0
                for _, km, *_ in curves
            ]
        ),
    )
