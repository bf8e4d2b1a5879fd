"""Settings of the simulator: each a frozen value, checked when the simulation is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from tenure._errors import InvalidInputError

_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """What precedes the first order: visits, then perhaps a lead, then perhaps an order.

    Attributes
    ----------
    lead : float
        Probability that a visitor becomes a lead.
    order : float
        Probability that a lead places a first order.
    delay : float or str
        Mean of the exponential time from each step to the next, in the unit of the simulation or as
        a text such as "3d".
    visits : float
        Mean number of further visits before that, geometrically distributed.

    Examples
    --------
<<<<<<< HEAD
    >>> from tenure.datasets import simulate
    >>> base = simulate(1000, funnel=Funnel(lead=0.5, order=0.4))
    >>> base.customers.num_rows - base.customers["first_order"].null_count  # about 1000 x 0.5 x 0.4
    202
=======
    Of 1,000 prospects about 0.6 * 0.5 = 30 % become customers.

    >>> from tenure.datasets import Funnel, simulate
    >>> base = simulate(1000, funnel=Funnel(lead=0.6, order=0.5), random_state=1)
    >>> 600 < base.customers["first_order"].null_count < 800
    True
>>>>>>> docs
    """

    lead: float = 0.5
    order: float = 0.4
    delay: float | str = "3d"
    visits: float = 1.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A contract that starts with the first order and ends at a renewal: shifted beta-geometric.

    Attributes
    ----------
    share : float
        Probability that a customer subscribes.
    a, b : float
        Each customer's probability of cancelling at a renewal is drawn from Beta(a, b) once.
    period : float or str
        Days between renewals, or a text such as "1mo" (30.4375 days).
    price : float
        Paid at the start and at every renewal.

    Examples
    --------
<<<<<<< HEAD
    >>> from tenure.datasets import simulate
    >>> simulate(1000, subscriptions=Subscription(share=0.3)).subscriptions.num_rows
    306
=======
    >>> from tenure.datasets import Subscription, simulate
    >>> base = simulate(500, subscriptions=Subscription(share=1.0, price=20.0), random_state=1)
    >>> base.subscriptions.num_rows, base.renewals.column_names
    (500, ['customer', 'time', 'event', 'amount'])
>>>>>>> docs
    """

    share: float = 1.0
    a: float = 0.7
    b: float = 1.2
    period: float | str = "1mo"
    price: float = 10.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A contact with a random part of the customers, and a control group that is left alone.

    Attributes
    ----------
    date : date or instant
        When; a bare date means the start of that local day. Customers with an order before then are
        the population.
    name : str, optional
        Default: "campaign 1", "campaign 2", ...
    audience : float
        Share of the population that is drawn.
    control : float
        Share of the audience that is not contacted.
    base : float
        Probability that an active customer responds without contact; one who has dropped out never
        does.
    uplift : float
        What the contact adds to that probability, for a customer with the mean purchase rate m.
    spread : float
        Between -1 and 1. The own uplift is uplift (1 + spread x), x = (rate - m) / (rate + m).
    cost : float
        Of one contact.

    Examples
    --------
<<<<<<< HEAD
    >>> from tenure.datasets import simulate
    >>> base = simulate(1000, campaigns=Campaign(date="2025-03-01", control=0.5, uplift=0.1))
    >>> base.contacts.column_names[:5]
    ['campaign', 'customer', 'time', 'treated', 'responded']
=======
    >>> import pyarrow.compute as pc
    >>> from tenure.datasets import Campaign, simulate
    >>> spring = Campaign(date="2025-03-01", control=0.2, uplift=0.04)
    >>> base = simulate(1000, campaigns=spring, random_state=1)
    >>> base.contacts.num_rows, 700 < pc.sum(base.contacts["treated"]).as_py() < 900
    (1000, True)
>>>>>>> docs
    """

    date: Any
    name: str | None = None
    audience: float = 1.0
    control: float = 0.2
    base: float = 0.05
    uplift: float = 0.03
    spread: float = 0.0
    cost: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A survey of all customers with an order so far: recommendation 0-10 and satisfaction 1-5.

    Attributes
    ----------
    date : date or instant
        When; a bare date means the start of that local day.
    response : float
        Share that answers.
    promoters, detractors : (float, float)
        Shares of the marks 9-10 and 0-6 among customers who have dropped out and among active ones.

    Examples
    --------
<<<<<<< HEAD
    >>> from tenure.datasets import simulate
    >>> simulate(1000, surveys=Survey(date="2025-06-01", response=1.0)).surveys.num_rows
    1000
=======
    >>> from tenure.datasets import Survey, simulate
    >>> base = simulate(1000, surveys=Survey(date="2025-06-01", response=0.3), random_state=1)
    >>> 200 < base.surveys.num_rows < 400
    True
>>>>>>> docs
    """

    date: Any
    response: float = 0.2
    promoters: tuple[float, float] = (0.15, 0.45)
    detractors: tuple[float, float] = (0.55, 0.15)


def as_setting(cls: type[_T], value: Any, name: str) -> _T:
    """Return `value` if it is of that class, or build it from a mapping of its attributes."""
    if isinstance(value, cls):
        return value
    if isinstance(value, Mapping):
        try:
            return cls(**value)
        except TypeError as error:
            known = ", ".join(f.name for f in dataclasses.fields(cls))  # type: ignore[arg-type]
            msg = f"{name} has the keys {known}; got {', '.join(map(str, value))}"
            raise InvalidInputError(msg, argument=name, value=value) from error
    msg = f"{name} must be a {cls.__name__} or a mapping of its attributes, got {value!r}"
    raise InvalidInputError(msg, argument=name, value=value)


def as_settings(cls: type[_T], values: Any, name: str) -> tuple[_T, ...]:
    """Return a sequence of settings; a single one counts as a sequence of one."""
    if isinstance(values, (cls, Mapping)):
        values = [values]
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes)):
        msg = f"{name} must be a sequence of {cls.__name__}, got {values!r}"
        raise InvalidInputError(msg, argument=name, value=values)
    return tuple(as_setting(cls, v, f"{name}[{i}]") for i, v in enumerate(values))
