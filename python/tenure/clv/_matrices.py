"""What a model says of every frequency and recency, and of one customer over time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._extras import require
from tenure._results import Table
from tenure._validation import Floats, Ints, as_count, as_number
from tenure.clv import _data
from tenure.events import EventLog

_MOST_CELLS = 4_000_000


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FrequencyRecencyMatrix(Table):
    """A prediction for each frequency and recency of customers of one age.

    Attributes
    ----------
    frequency : int64 array of k
        0, 1, ...
    recency : float64 array of m
        0, 1, ... in `unit`, up to `T`.
    value : float64 array of shape (m, k)
        NaN where there is no such customer: repeat orders with recency 0, or recency without any.
    quantity : str
        What is predicted.
    T : float
        Age of the customers, in `unit`.
    unit : str or None

    As a table: a row for each customer that there can be, with columns frequency, recency, value.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> alive = tn.clv.BGNBD().fit(base).probability_alive_matrix(base)
    >>> alive.value.shape, alive.value[20, 5].round(3).item()
    ((40, 30), 0.284)
    """

    frequency: Ints
    recency: Floats
    value: Floats
    quantity: str
    T: float
    unit: str | None

    def __len__(self) -> int:
        return int(np.isfinite(self.value).sum())

    def _columns(self) -> Mapping[str, Any]:
        row, column = np.nonzero(np.isfinite(self.value))
        return {
            "frequency": self.frequency[column],
            "recency": self.recency[row],
            "value": self.value[row, column],
        }

    def _title(self) -> str:
        unit = f" {self.unit}s" if self.unit else ""
        return f"{self.quantity} of customers whose first order was {self.T:g}{unit} ago"

    def plot(self, ax: Any = None) -> Any:
        """Draw the matrix as a heat map with a scale beside it; return the Axes."""
        from tenure import plotting

        ax = plotting.axes(ax, (6.4, 4.8))
        colors = require("matplotlib.colors", "draw pictures")
        shades = [colors.to_rgba(*plotting.tint(s)) for s in np.linspace(0.0, 1.0, 256)]
        mesh = ax.pcolormesh(
            self.frequency,
            self.recency,
            np.ma.masked_invalid(self.value),
            cmap=colors.ListedColormap(shades),
            vmin=0.0,
            vmax=1.0 if self.quantity == _ALIVE else None,
            shading="nearest",
            linewidth=0,
            rasterized=True,
        )
        ax.pcolormesh(  # where there can be no customer
            self.frequency,
            self.recency,
            np.ma.masked_where(np.isfinite(self.value), np.zeros_like(self.value)),
            cmap=colors.ListedColormap([plotting.UNOBSERVED]),
            shading="nearest",
            linewidth=0,
            rasterized=True,
        )
        ax.grid(visible=False)
        plotting.number_ticks(ax.xaxis, whole=True)
        ax.set_xlabel("repeat orders")
        ax.set_ylabel(f"{self.unit}s from the first order to the last" if self.unit else "recency")
        ax.set_title(self.quantity)
        scale = ax.figure.colorbar(mesh, ax=ax)
        scale.outline.set_visible(False)
        if self.quantity == _ALIVE:
            plotting.percent_ticks(scale.ax.yaxis)
        scale.ax.tick_params(length=0, labelcolor=plotting.INK)
        return ax


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AliveHistory(Table):
    """P(alive) of one customer on each day from the first order on.

    Attributes
    ----------
    date : datetime64[D] array
    time : float64 array
        Since the first order, in `unit`.
    probability_alive : float64 array
        At the end of that day, given what was known then.
    ordered : bool array
        Whether the customer ordered on that day.
    customer : id
    unit : str

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> model = tn.clv.BGNBD().fit(log.summary(unit="week", end="1997-09-30"))
    >>> history = model.history_alive(log, 1)
    >>> len(history), int(history.ordered.sum()), history.probability_alive[-1].round(3).item()
    (546, 4, 0.583)
    """

    date: npt.NDArray[np.datetime64]
    time: Floats
    probability_alive: Floats
    ordered: npt.NDArray[np.bool_]
    customer: Any
    unit: str

    _column_names = ("date", "time", "probability_alive", "ordered")

    def __len__(self) -> int:
        return len(self.time)

    def _title(self) -> str:
        return f"P(alive) of customer {self.customer} on {len(self):,} days"

    def plot(self, ax: Any = None) -> Any:
        """Draw P(alive) over time, a mark at each day with an order; return the Axes."""
        from tenure import plotting

        ax = plotting.axes(ax)
        plotting.curve(self.date, self.probability_alive, ax=ax, label="P(alive)")
        days = self.date[self.ordered]
        ax.plot(
            days,
            self.probability_alive[self.ordered],
            "o",
            color=plotting.PALETTE[3],
            markersize=4,
            label="order",
        )
        plotting.date_ticks(ax.xaxis)
        plotting.percent_ticks(ax.yaxis)
        ax.set_ylim(0.0, 1.03)
        ax.set_ylabel("probability to be alive")
        ax.set_title(f"Customer {self.customer}", parse_math=False)
        ax.legend(loc="lower left")
        return ax


_ALIVE = "Probability to be alive"


def grid(
    data: Any, max_frequency: int | None, max_recency: float | None
) -> tuple[Ints, Floats, float]:
    """Return frequencies, recencies and the age of the customers that a matrix is made of."""
    if data is None and (max_frequency is None or max_recency is None):
        msg = "data is needed, or both max_frequency and max_recency"
        raise InvalidInputError(msg, argument="data")
    p = None if data is None else _data.purchases(data)
    if p is not None and not len(p.frequency):
        msg = "data has no customers"
        raise InvalidInputError(msg, argument="data")
    if max_frequency is None:
        assert p is not None
        largest = as_number(p.frequency.max(), "max_frequency", at_least=0.0)
        most = max(1, int(largest))
    else:
        most = as_count(max_frequency, "max_frequency", at_least=1)
    if max_recency is None:
        assert p is not None
        top = as_number(p.T.max(), "max_recency", at_least=0.0)
    else:
        top = as_number(max_recency, "max_recency", above=0.0)
    steps = max(1, math.ceil(top - 1e-9))
    if (most + 1) * (steps + 1) > _MOST_CELLS:
        msg = (
            f"a matrix of {most + 1:,} x {steps + 1:,} cells is too large: "
            "give max_frequency and max_recency"
        )
        raise InvalidInputError(msg, argument="max_frequency", value=most)
    return np.arange(most + 1), np.arange(steps + 1, dtype=np.float64), float(steps)


def cells(frequency: Ints, recency: Floats, age: float) -> tuple[dict[str, Floats], Any]:
    """Return the customers of a matrix as columns, and where they stand in it."""
    x, t_x = np.meshgrid(frequency.astype(np.float64), recency)
    possible = (x > 0) == (t_x > 0)
    columns = {"frequency": x[possible], "recency": t_x[possible]}
    return {**columns, "T": np.full(int(possible.sum()), age)}, possible


def filled(values: Floats, possible: Any) -> Floats:
    """Return a matrix with the values where a customer is possible, NaN elsewhere."""
    matrix = np.full(possible.shape, np.nan)
    matrix[possible] = values
    return matrix


def days_of(log: EventLog, customer: Any) -> tuple[npt.NDArray[np.datetime64], Any]:
    """Return the days of one customer from the first order to the end, and which have orders."""
    ids = log.customer_ids
    ids = ids.to_pylist() if hasattr(ids, "to_pylist") else ids.tolist()
    try:
        at = ids.index(customer)
    except ValueError as error:
        msg = f"customer {customer!r} is not in the log"
        raise InvalidInputError(msg, argument="customer", value=customer) from error
    one = log._of_customers(at, at + 1)
    periods = one.order_periods("day", "day", n_threads=1)
    ordered = periods.period[periods.orders > 0]
    if not len(ordered):
        msg = f"customer {customer!r} has no order"
        raise InvalidInputError(msg, argument="customer", value=customer)
    # Whole days that were seen: the last one begins before the end of observation.
    seen = np.datetime64(_last_day(log), "D")
    days = np.arange(ordered[0], max(seen, ordered[-1]) + 1)
    return days, np.isin(days, ordered)


def _last_day(log: EventLog) -> Any:
    from tenure._time import to_datetime

    return to_datetime(log._until - 1, log.timezone).date()
