"""How much of the revenue few customers hold."""

from __future__ import annotations

import warnings as python_warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import DataWarning
from tenure._results import Table
from tenure._validation import Floats, as_column, as_count, as_threads
from tenure.events import EventLog, Summary
from tenure.segment.rfm_result import RFM


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Concentration(Table):
    """What the customers of highest value hold, one row for each asked share of customers.

    Attributes
    ----------
    top : float64 array
        Shares of the customers, ranked by value.
    customers : float64 array
        How many that is, perhaps not whole.
    value, value_share : float64 arrays
        What they hold, and that as a share of the total.
    mean_order_value, rest_mean_order_value : float64 arrays
        Value by order, of them and of all others; NaN where orders are not known or there are none.
    gini : float
        0: all hold the same; (n - 1)/n: one holds everything.
    lower_90_mean_order_value : float
        Value by order of the lowest 90 % of customers.
    lorenz_customers, lorenz_value : float64 arrays
        The share of value that the lowest share of customers holds.
    n_customers : int
    total : float
    warnings : tuple of str
        What was unusual about the values.

    Examples
    --------
    >>> import tenure as tn
    >>> c = tn.segment.concentration([1, 1, 1, 1, 6], top=[0.2], points=6)
    >>> c.customers.tolist(), c.value.tolist(), c.lorenz_value.round(9).tolist()
    ([1.0], [6.0], [0.0, 0.1, 0.2, 0.3, 0.4, 1.0])
    """

    top: Floats
    customers: Floats
    value: Floats
    value_share: Floats
    mean_order_value: Floats
    rest_mean_order_value: Floats
    gini: float
    lower_90_mean_order_value: float
    lorenz_customers: Floats
    lorenz_value: Floats
    n_customers: int
    total: float
    warnings: tuple[str, ...]

    _column_names = (
        "top",
        "customers",
        "value",
        "value_share",
        "mean_order_value",
        "rest_mean_order_value",
    )

    def __len__(self) -> int:
        return len(self.top)

    def _title(self) -> str:
        return f"Concentration among {self.n_customers:,} customers: Gini {self.gini:.4f}"

    def plot(self, ax: Any = None) -> Any:
        """Draw the Lorenz curve and the line of equal shares.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax, figsize=(5.4, 4.6)) if ax is None else plotting.axes(ax)
        ax.plot([0, 1], [0, 1], color=plotting.MUTED, linewidth=1.0, linestyle="--")
        plotting.curve(self.lorenz_customers, self.lorenz_value, ax=ax)
        plotting.percent_ticks(ax.xaxis)
        plotting.percent_ticks(ax.yaxis)
        ax.set_xlim(0, 1)
        ax.set_xlabel("Customers, lowest value first")
        ax.set_ylabel("Share of the value")
        ax.set_title(f"Lorenz curve, Gini {self.gini:.2f}")
        return ax


def concentration(
    values: Any,
    orders: Any = None,
    *,
    top: Any = (0.01, 0.1),
    points: int = 101,
    n_threads: int | None = None,
) -> Concentration:
    """Return how much of the value the customers of highest value hold.

    Parameters
    ----------
    values : array of n numbers, EventLog, Summary or RFM
        Value of each customer, such as revenue; of a log, a summary or an RFM result the revenue
        of its customers with an order, and their orders.
    orders : array of n numbers, optional
        Orders of each customer, for mean order values.
    top : array of shares in (0, 1], default 1 % and 10 %
    points : int, default 101
        Points of the Lorenz curve, ends included.
    n_threads : int, optional
        Never changes a result.

    Returns
    -------
    Concentration

    Raises
    ------
    InvalidInputError
        If a value is not finite or the values do not add up to more than 0.

    Warns
    -----
    DataWarning
        If there are negative values: the curve then dips below 0 and Gini may exceed 1.

    Notes
    -----
    Customers of equal value at the border of the top count as a fraction each, so that their order
    does not matter: the share of the top q is 1 - L(1 - q) of the Lorenz curve L. Formulas:
    docs/methods/rfm.md, "Concentration".

    Examples
    --------
    >>> import tenure as tn
    >>> c = tn.segment.concentration([1, 1, 1, 1, 6], [1, 1, 1, 1, 2], top=[0.2, 0.6])
    >>> c.value_share.tolist(), c.mean_order_value.tolist(), round(c.gini, 3)
    ([0.6, 0.8], [3.0, 2.0], 0.4)
    """
    if isinstance(values, EventLog):
        values = values.summary(n_threads=n_threads)
    if isinstance(values, Summary):
        values, orders = values.revenue, values.frequency + 1
    elif isinstance(values, RFM):
        values, orders = values.revenue, values.orders
    value = as_column(values, np.float64, "values")
    counts = None if orders is None else as_column(orders, np.float64, "orders")
    share = as_column(np.atleast_1d(np.asarray(top)), np.float64, "top")
    as_count(points, "points", at_least=2)
    # The lowest 90 % is what the top 10 % leaves.
    found = _core.segment.concentration(
        value, counts, np.append(share, 0.1), points, as_threads(n_threads)
    )
    customers, held, ordered = found["top"].reshape(-1, 3).T
    by_order = _ratio(held, ordered)
    rest = _ratio(found["value"] - held, found["orders"] - ordered)
    negative = int(np.count_nonzero(value < 0))
    complaints: tuple[str, ...] = ()
    if negative:
        complaints = (
            f"{negative:,} of {len(value):,} customers have a negative value: the Lorenz curve "
            "dips below 0 and Gini may exceed 1",
        )
        python_warnings.warn(complaints[0], DataWarning, stacklevel=2)
    return Concentration(
        top=share,
        customers=customers[:-1],
        value=held[:-1],
        value_share=held[:-1] / found["value"],
        mean_order_value=by_order[:-1],
        rest_mean_order_value=rest[:-1],
        gini=found["gini"],
        lower_90_mean_order_value=float(rest[-1]),
        lorenz_customers=np.arange(points) / (points - 1),
        lorenz_value=found["lorenz"],
        n_customers=len(value),
        total=found["value"],
        warnings=complaints,
    )


def _ratio(value: Floats, orders: Floats) -> Floats:
    # Without a whole order there is no mean; differences of sums leave less than one in 10^6.
    ratio: Floats = np.full(len(value), np.nan)
    np.divide(value, orders, out=ratio, where=orders > 1e-6)
    return ratio
