"""Simple formulas of customer value, and what it is worth next to the cost of winning customers.

Every argument is a number or an array of numbers (one a segment, channel or year, say); arrays
combine as in NumPy, and numbers alone give a number. Missing is NaN, in and out. Formulas and their
readings: docs/methods/economics.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._validation import as_choice

__all__ = [
    "acquisition_cost",
    "contract_value",
    "net_value",
    "payback_period",
    "retention_gain",
    "simple_value",
    "value_to_cost",
]

_FIRST = ("now", "later")


def simple_value(
    order_value: Any,
    orders_per_year: Any,
    retention: Any,
    *,
    margin: Any = 1.0,
    reading: str = "lifetime",
) -> Any:
    """Return the textbook value of a customer: order value x orders a year x years x margin.

    Parameters
    ----------
    order_value : float or array
        Mean amount of an order, >= 0.
    orders_per_year : float or array
        >= 0.
    retention : float or array
        Share of customers who are still there a year later, in [0, 1]; below 1 for the reading
        "lifetime".
    margin : float or array, default 1
        Share of revenue that is profit.
    reading : {"lifetime", "next_year"}
        "lifetime" takes 1 / (1 - retention) years, the expected number of years of somebody who is
        retained with that chance each year, the first one included. "next_year" multiplies by the
        retention rate itself, as is often printed: that is the margin expected of next year alone.

    Returns
    -------
    float or array

    Notes
    -----
    Nothing is discounted and all customers leave at one rate. `tn.clv.CLV` knows better for
    orders, `contract_value` for contracts.

    Examples
    --------
    >>> from tenure.clv import economics
    >>> round(economics.simple_value(50.0, 4.0, retention=0.8, margin=0.3), 6)
    300.0
    >>> economics.simple_value(50.0, 4.0, retention=0.8, margin=0.3, reading="next_year")
    48.0
    """
    as_choice(reading, "reading", ("lifetime", "next_year"))
    per_year = (
        _values(order_value, "order_value", at_least=0.0)
        * _values(orders_per_year, "orders_per_year", at_least=0.0)
        * _values(margin, "margin")
    )
    stays = _values(retention, "retention", at_least=0.0, at_most=1.0)
    if reading == "next_year":
        return _plain(per_year * stays)
    _require(stays < 1.0, stays, "retention", "below 1: such customers stay for ever")
    return _plain(per_year / (1.0 - stays))


def contract_value(margin: Any, retention: Any, discount_rate: Any, *, first: str = "now") -> Any:
    """Return the value of a contract that is renewed with one probability each period, for ever.

    Parameters
    ----------
    margin : float or array
        Of one period, received at its beginning.
    retention : float or array
        Probability of a renewal, in [0, 1].
    discount_rate : float or array
        A period, > -1; with the retention less than 1 + discount_rate, or the sum diverges.
    first : {"now", "later"}
        "now": the first margin comes with the contract, m (1 + d) / (1 + d - rho). "later": with
        the first renewal, m rho / (1 + d - rho).

    Returns
    -------
    float or array

    Notes
    -----
    Blattberg & Deighton (1996), Manage marketing by the customer equity test, Harvard Business
    Review 74(4):136-144. Where customers differ in their retention rates this is too low; the
    shifted beta-geometric model tells by how much (Fader & Hardie 2010).

    Examples
    --------
    >>> from tenure.clv import economics
    >>> round(economics.contract_value(100.0, 0.8, 0.1), 2)
    366.67
    >>> round(economics.contract_value(100.0, 0.8, 0.1, first="later"), 2)
    266.67
    """
    m = _values(margin, "margin")
    stays, growth = _contract(retention, discount_rate, first)
    start = growth if first == "now" else stays
    return _plain(m * start / (growth - stays))


def retention_gain(
    retention: Any,
    discount_rate: Any = 0.0,
    *,
    change: Any = 0.05,
    relative: bool = False,
    first: str = "now",
) -> Any:
    """Return by which share `contract_value` grows when the retention rate does.

    Parameters
    ----------
    retention, discount_rate : float or array
        As in `contract_value`.
    change : float or array, default 0.05
        Of the retention rate: points, or with ``relative=True`` a share of the rate. The new rate
        must lie in [0, 1] and below 1 + discount_rate.
    relative : bool, default False
    first : {"now", "later"}

    Returns
    -------
    float or array
        0.25 for a gain of 25 %.

    Notes
    -----
    Reichheld & Sasser (1990), Zero defections: quality comes to services, Harvard Business Review
    68(5):105-111, is quoted for "5 % more retention, 25 to 95 % more profit". That is 5 points at
    retention rates of 0.75 and 0.90, undiscounted: by how much depends on where one stands.

    Examples
    --------
    >>> from tenure.clv import economics
    >>> economics.retention_gain([0.75, 0.8974]).round(2).tolist()
    [0.25, 0.95]
    """
    stays, growth = _contract(retention, discount_rate, first)
    step = _values(change, "change")
    better = stays * (1.0 + step) if relative else stays + step
    # 0.95 + 0.05 rounds to 1, and 0.85 + 0.15 above it.
    better = np.where(np.abs(better - 1.0) < 1e-12, 1.0, better)
    _require(
        (better >= 0.0) & (better <= 1.0), better, "change", "such that retention is in [0, 1]"
    )
    _require(better < growth, better, "change", "such that retention is below 1 + discount_rate")
    gain = (growth - stays) / (growth - better)
    if first == "later":
        _require(stays > 0.0, stays, "retention", "above 0 where the first margin comes later")
        gain = gain * better / stays
    return _plain(gain - 1.0)


def acquisition_cost(spend: Any, new_customers: Any) -> Any:
    """Return the cost of winning a customer (CAC): spend over new customers of the same period.

    Parameters
    ----------
    spend : float or array
        On acquisition only, >= 0; one a channel or a period.
    new_customers : float or array
        Won in the same period, >= 0.

    Returns
    -------
    float or array
        NaN where nobody was won: the cost of no customer is not known, not infinite.

    Examples
    --------
    >>> from tenure.clv import economics
    >>> economics.acquisition_cost([9000.0, 500.0], [300, 0]).tolist()
    [30.0, nan]
    """
    cost = _values(spend, "spend", at_least=0.0)
    won = _values(new_customers, "new_customers", at_least=0.0)
    return _plain(cost / np.where(won > 0.0, won, np.nan))


def net_value(value: Any, acquisition_cost: Any = 0.0, retention_cost: Any = 0.0) -> Any:
    """Return the value of a customer after what it costs to win and to keep one.

    Parameters
    ----------
    value : float or array
        Discounted margins, such as `clv` of `tn.clv.CLV`.
    acquisition_cost : float or array, default 0
        For a customer still to be won; 0 for one who is there, whose cost is spent.
    retention_cost : float or array, default 0
        Discounted like the value.

    Returns
    -------
    float or array

    Examples
    --------
    >>> from tenure.clv import economics
    >>> economics.net_value([120.0, 20.0], acquisition_cost=30.0).tolist()
    [90.0, -10.0]
    """
    return _plain(
        _values(value, "value")
        - _values(acquisition_cost, "acquisition_cost", at_least=0.0)
        - _values(retention_cost, "retention_cost", at_least=0.0)
    )


def value_to_cost(value: Any, acquisition_cost: Any) -> Any:
    """Return the lifetime value over the cost of winning a customer (LTV:CAC).

    Parameters
    ----------
    value : float or array
    acquisition_cost : float or array
        >= 0.

    Returns
    -------
    float or array
        NaN where the cost is 0 or missing.

    Examples
    --------
    >>> from tenure.clv import economics
    >>> economics.value_to_cost(120.0, 40.0)
    3.0
    """
    cost = _values(acquisition_cost, "acquisition_cost", at_least=0.0)
    return _plain(_values(value, "value") / np.where(cost > 0.0, cost, np.nan))


def payback_period(margin: Any, acquisition_cost: Any) -> Any:
    """Return after how many periods the margins of a cohort have earned what it cost.

    Parameters
    ----------
    margin : array of k floats, or of n x k
        Margin per acquired customer in each period since acquisition, those who left included; one
        row a cohort or channel. NaN from the period on that is not yet observed.
    acquisition_cost : float or array of n
        Of one customer, >= 0.

    Returns
    -------
    float, or array of n
        Counted from the beginning of the first period and interpolated within one; NaN where the
        cost is not earned within what is observed, or not known.

    Examples
    --------
    >>> from tenure.clv import economics
    >>> economics.payback_period([10.0, 8.0, 6.0, 4.0], acquisition_cost=21.0)
    2.5
    """
    by_period = _values(margin, "margin")
    if by_period.ndim not in (1, 2) or by_period.shape[-1] == 0:
        msg = f"margin must have one column a period, got shape {by_period.shape}"
        raise InvalidInputError(msg, argument="margin")
    cost = _values(acquisition_cost, "acquisition_cost", at_least=0.0)
    rows = np.atleast_2d(by_period)
    try:
        costs = np.broadcast_to(cost, len(rows))
    except ValueError as error:
        msg = f"acquisition_cost has shape {cost.shape} and margin {len(rows)} rows"
        raise InvalidInputError(msg, argument="acquisition_cost") from error
    earned = np.column_stack([np.zeros(len(rows)), np.cumsum(rows, axis=1)])
    reached = earned >= costs[:, None]
    at = np.argmax(reached, axis=1)
    row = np.arange(len(rows))
    before = earned[row, np.maximum(at - 1, 0)]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = (costs - before) / (earned[row, at] - before)
    periods = np.where(at == 0, 0.0, at - 1.0 + part)
    periods = np.where(reached.any(axis=1), periods, np.nan)
    return _plain(periods if by_period.ndim == 2 or cost.ndim else periods[0])


def _contract(retention: Any, discount_rate: Any, first: str) -> tuple[Any, Any]:
    """Return the retention rates and 1 + the discount rates, checked against each other."""
    as_choice(first, "first", _FIRST)
    stays = _values(retention, "retention", at_least=0.0, at_most=1.0)
    growth = 1.0 + _values(discount_rate, "discount_rate")
    _require(growth > 0.0, growth - 1.0, "discount_rate", "greater than -1")
    short = stays < growth
    _require(short, stays + 0.0 * growth, "retention", "below 1 + discount_rate: the sum diverges")
    return stays, growth


def _values(
    value: Any, name: str, at_least: float | None = None, at_most: float | None = None
) -> Any:
    """Return numbers of any shape as float64; NaN is missing, an infinity is refused."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        msg = f"{name} must be a number or an array of numbers, got {value!r}"
        raise InvalidInputError(msg, argument=name, value=value)
    numbers = array.astype(np.float64)
    _require(~np.isinf(numbers), numbers, name, "finite")
    for bound, ok, word in ((at_least, np.greater_equal, ">="), (at_most, np.less_equal, "<=")):
        if bound is not None:
            _require(ok(numbers, bound) | np.isnan(numbers), numbers, name, f"{word} {bound:g}")
    return numbers


def _require(ok: Any, values: Any, name: str, rule: str) -> None:
    """Raise for the first value that is neither ok nor missing."""
    good, shown = np.broadcast_arrays(ok | np.isnan(values), values)
    if good.all():
        return
    row = int(np.argmin(good.ravel()))
    value = float(shown.ravel()[row])
    where = name if good.ndim == 0 else f"{name}[{row}]"
    msg = f"{where} must be {rule}, got {value:g}"
    raise InvalidInputError(msg, argument=name, row=None if good.ndim == 0 else row, value=value)


def _plain(values: Any) -> Any:
    return float(values) if np.ndim(values) == 0 else values
