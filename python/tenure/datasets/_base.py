"""The result of a simulation: Arrow tables and the truth behind them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pyarrow.compute as pc

from tenure._time import to_datetime
from tenure.datasets._tables import EVENTS
from tenure.events import EventLog


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SimulatedBase:
    """A simulated customer base, with the truth that produced it.

    Attributes
    ----------
    customers : pyarrow.Table
        One row a customer: `customer` (0, 1, ...), `signup` (arrival), `first_order`, `channel`,
        `acquisition_cost`, `orders`, `purchase_rate` (per unit), `dropout_rate` (per unit) or
        `dropout_probability`, `dropout_time`, `alive` (active at the end) and `mean_spend`. Times
        are null where nothing happened before the end.
    events : pyarrow.Table
        `customer`, `time`, `event` (visit, lead, order, refund), `amount` (refunds are negative,
        null for visits and leads), ordered by customer and time.
    subscriptions, renewals : pyarrow.Table
        One row a subscription (`customer`, `start`, `cancelled`, `renewals`, `cancel_probability`);
        one row a start, renewal or cancellation.
    contacts : pyarrow.Table
        One row a customer in a campaign's audience: `campaign`, `customer`, `time`, `treated`,
        `responded`, `revenue`, `cost`, and the true probabilities `true_base` and `true_uplift`.
    surveys : pyarrow.Table
        One row an answer: `survey` (0, 1, ...), `customer`, `time`, `nps` (0-10), `csat` (1-5) and
        `active`, the truth behind them.
    truth : mapping
        Every setting and parameter, defaults filled in.

    Examples
    --------
    >>> from tenure.datasets import simulate
<<<<<<< HEAD
    >>> base = simulate(100, random_state=1)
    >>> base.log().n_customers, base.orders.column_names
    (100, ['customer', 'time', 'amount'])
=======
    >>> base = simulate(200, random_state=1)
    >>> base.truth["model"], base.customers.num_rows
    ('pareto_nbd', 200)
    >>> base.log().n_customers
    200
>>>>>>> docs
    """

    customers: Any
    events: Any
    subscriptions: Any
    renewals: Any
    contacts: Any
    surveys: Any
    truth: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "truth", MappingProxyType(dict(self.truth)))

    @property
    def orders(self) -> Any:
        """The orders alone, as a table of customer, time and amount; refunds are left out."""
        code = self.events["event"].combine_chunks().indices
        is_order = pc.equal(code, EVENTS.index("order"))
        return self.events.select(["customer", "time", "amount"]).filter(is_order)

    @property
    def observed_until(self) -> dt.datetime:
        """First instant that is not observed."""
        return to_datetime(self.truth["end"], self.truth["timezone"])

    def log(self, **settings: Any) -> EventLog:
        """Return the events as an `EventLog` that is observed until the end, all customers kept.

        Refunds belong to the orders, so that `on_refund` applies to them.

        Parameters
        ----------
        **settings
            More arguments of `EventLog`, such as ``on_refund="match"``.
        """
        refunded = pc.any(pc.equal(self.events["event"], "refund")).as_py()
        settings = {
            "orders": ["order", "refund"] if refunded else ["order"],
            "customers": self.customers,
            "timezone": self.truth["timezone"],
            "observed_until": self.observed_until,
            **settings,
        }
        return EventLog(
            self.events,
            customer="customer",
            time="time",
            amount="amount",
            event="event",
            **settings,
        )

    def __repr__(self) -> str:
        t = self.truth
        last = to_datetime(t["end"] - 1, t["timezone"])
        tables = {
            "subscriptions": self.subscriptions,
            "contacts": self.contacts,
            "survey answers": self.surveys,
        }
        more = "".join(f", {v.num_rows:,} {k}" for k, v in tables.items() if v.num_rows)
        return (
            f"SimulatedBase: {self.customers.num_rows:,} customers, {self.events.num_rows:,} events"
            f"{more}; {t['model']}, {to_datetime(t['start'], t['timezone']):%Y-%m-%d} to "
            f"{last:%Y-%m-%d} ({t['timezone']})"
        )
