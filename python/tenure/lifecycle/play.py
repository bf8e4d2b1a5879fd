"""A play: customers who should hear of something, when, why, and what is at stake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._results import frozen
from tenure._time import as_horizon
from tenure._validation import Floats, as_column, as_number


@dataclass(frozen=True, eq=False, repr=False)
class Play:
    """One kind of contact and its audience.

    Parameters
    ----------
    name : str
    customer : array of n ids
        Each at most once.
    value : float or array of n
        What is at stake in contacting a customer: expected margin won or saved. Ranks the list.
    due : date, or array of n dates, optional
        When each should be contacted; default: the first day of the plan. A missing date leaves
        the customer out, which the plan reports.
    reason : str or array of n str, optional
        Why this customer; default: the name.
    channel : str, default "any"
        Contacts of one channel are capped together.
    cost : float or array of n, default 0
        Of one contact.
    patience : str or float, default 0
        By how long a contact may be put off where a cap is in the way, in days if a number.
    capacity : int, optional
        At most so many customers.

    Examples
    --------
    >>> import tenure as tn
    >>> tn.lifecycle.Play("win back", ["a", "b"], value=[20.0, 5.0], reason="silent for 90 days")
    Play('win back': 2 customers, channel 'any', value at stake 25)
    """

    name: str
    customer: Any
    value: Any
    due: Any = None
    reason: Any = None
    channel: str = "any"
    cost: Any = 0.0
    patience: Any = 0.0
    capacity: int | None = None

    def __post_init__(self) -> None:
        for field in ("name", "channel"):
            text = getattr(self, field)
            if not isinstance(text, str) or not text:
                msg = f"{field} must be a text, got {text!r}"
                raise InvalidInputError(msg, argument=field, value=text)
        ids = _ids(self.customer)
        n = len(ids)
        value, cost = _of_each(self.value, "value", n), _of_each(self.cost, "cost", n)
        _require(np.isfinite(value), value, f"play {self.name!r}: value", "finite")
        _require(
            np.isfinite(cost) & (cost >= 0.0), cost, f"play {self.name!r}: cost", "finite, >= 0"
        )
        reason = self.name if self.reason is None else self.reason
        if not isinstance(reason, str) and len(reason) != n:
            msg = f"play {self.name!r}: reason has {len(reason):,} rows for {n:,} customers"
            raise InvalidInputError(msg, argument="reason")
        if self.capacity is not None:
            as_number(self.capacity, "capacity", at_least=0.0)
        given: dict[str, Any] = {
            "customer": ids,
            "value": value,
            "cost": cost,
            "due": None if self.due is None else _days(self.due, self.name, n),
            "reason": np.full(n, reason, object)
            if isinstance(reason, str)
            else np.array(list(reason), object),
            "patience": as_horizon(self.patience, "day", "patience"),
        }
        for field, checked in given.items():
            object.__setattr__(self, field, frozen(checked))

    def __len__(self) -> int:
        return len(self.customer)

    def __repr__(self) -> str:
        return (
            f"Play({self.name!r}: {len(self):,} customers, channel {self.channel!r}, "
            f"value at stake {float(self.value.sum()):,.6g})"
        )


def _ids(customer: Any) -> npt.NDArray[Any]:
    if isinstance(customer, str) or not hasattr(customer, "__len__"):
        msg = f"customer must be an array of ids, got {customer!r}"
        raise InvalidInputError(msg, argument="customer", value=customer)
    ids = np.array(customer.tolist() if hasattr(customer, "tolist") else list(customer), object)
    seen: set[Any] = set()
    for row, i in enumerate(ids):
        kind = isinstance(i, (str, int)) and not isinstance(i, bool)
        if not kind or i in seen:
            rule = "given once" if kind else "integers or text"
            msg = f"customer[{row}] must be {rule}, got {i!r}"
            raise InvalidInputError(msg, argument="customer", row=row, value=i)
        seen.add(i)
    if len({type(i) for i in ids}) > 1:
        msg = "customer must be all integers or all text"
        raise InvalidInputError(msg, argument="customer")
    return ids


def _of_each(value: Any, name: str, n: int) -> Floats:
    if np.ndim(value) == 0:
        return np.full(n, as_number(value, name, finite=False))
    column: Floats = as_column(value, np.float64, name)
    if len(column) != n:
        msg = f"{name} has {len(column):,} rows for {n:,} customers"
        raise InvalidInputError(msg, argument=name)
    return column


def _days(due: Any, play: str, n: int) -> npt.NDArray[np.datetime64]:
    try:
        if np.ndim(due) == 0:
            return np.full(n, np.datetime64(str(due)[:10], "D"))
        days = np.asarray(due, dtype="datetime64[us]").astype("datetime64[D]")
    except (ValueError, TypeError) as error:
        msg = f"play {play!r}: due must hold dates: {error}"
        raise InvalidInputError(msg, argument="due", value=due) from error
    if days.shape != (n,):
        msg = f"play {play!r}: due has {len(days):,} rows for {n:,} customers"
        raise InvalidInputError(msg, argument="due")
    return days


def _require(ok: Any, values: Any, name: str, rule: str) -> None:
    if not ok.all():
        row = int(np.argmin(ok))
        msg = f"{name}[{row}] must be {rule}, got {values[row]}"
        raise InvalidInputError(msg, argument=name, row=row, value=float(values[row]))
