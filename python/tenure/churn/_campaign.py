"""What everything about the effect of a contact shares: arms, folds, independent customers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError, NoControlGroupError
from tenure._validation import Floats, Ints, as_column, as_flags
from tenure.churn._codes import as_groups
from tenure.churn._measured import Measured
from tenure.churn._times import z_of
from tenure.churn.ranking import Difference


def as_outcome(values: Any, rows: int | None = None, of: str = "X") -> Floats:
    """Return finite outcomes, as many as there are rows of `of`."""
    outcome: Floats = as_column(values, np.float64, "outcome")
    if rows is not None:
        require_rows(outcome, rows, "outcome", of)
    require_finite(outcome, "outcome")
    return outcome


def require_rows(values: npt.NDArray[Any], rows: int, name: str, of: str) -> None:
    """Refuse a column of another length."""
    if len(values) != rows:
        msg = f"{name} has {len(values)} rows, but {of} has {rows}"
        raise InvalidInputError(msg, argument=name)


def require_finite(values: Floats, name: str) -> None:
    """Refuse NaN and infinite cells of one or two dimensions, naming the row."""
    finite = np.isfinite(values)
    if finite.all():
        return
    at = tuple(int(v) for v in np.argwhere(~finite)[0])
    value = float(values[at])
    msg = f"{name}[{', '.join(map(str, at))}] must be finite, got {value:g}"
    raise InvalidInputError(msg, argument=name, row=at[0], value=value)


def as_treated(values: Any, rows: int, of: str) -> npt.NDArray[np.uint8]:
    """Return who was contacted, after checking that there are both arms."""
    treated = as_flags(values, "treated")
    require_rows(treated, rows, "treated", of)
    require_arms(treated, 2)
    return treated


def as_arms(values: Any, rows: int, of: str) -> tuple[Ints, int]:
    """Return the arm of each customer, 0 for control, and how many arms there are."""
    arms: Ints = as_column(values, np.int64, "treated")
    require_rows(arms, rows, "treated", of)
    bad = np.flatnonzero(arms < 0)
    if bad.size:
        row = int(bad[0])
        msg = f"treated[{row}] must be 0 for control, or 1, 2, ... for an offer; got {arms[row]}"
        raise InvalidInputError(msg, argument="treated", row=row, value=int(arms[row]))
    count = max(int(arms.max(initial=0)) + 1, 2)
    if count > 1_000:
        row = int(np.argmax(arms))
        msg = f"treated[{row}] is {arms[row]}: offers are numbered 1, 2, ... up to 999"
        raise InvalidInputError(msg, argument="treated", row=row, value=int(arms[row]))
    require_arms(arms, count)
    return arms, count


def require_arms(arms: npt.NDArray[Any], count: int) -> None:
    """Refuse data of one arm only, in which no effect can be seen."""
    held = np.bincount(arms, minlength=count)
    if held[0] == 0:
        msg = (
            f"treated has no control group: all {len(arms):,} customers were contacted. What they "
            "would have done otherwise is nowhere in the data, and no model can tell the effect of "
            "a contact from what happens anyway; leave a random share of the next campaign alone"
        )
        raise NoControlGroupError(msg, argument="treated")
    if held.sum() == held[0]:
        msg = f"treated holds controls only: none of {len(arms):,} customers was contacted"
        raise NoControlGroupError(msg, argument="treated")
    empty = np.flatnonzero(held == 0)
    if empty.size:
        msg = f"treated holds no customer with offer {empty[0]}; offers are numbered 1, 2, ..."
        raise InvalidInputError(msg, argument="treated")


def as_customers(groups: Any, rows: int, of: str = "X") -> npt.NDArray[np.int32] | None:
    """Return the code of the customer of each row; None where each row is its own."""
    if groups is None:
        return None
    codes, _ = as_groups(groups, "groups")
    require_rows(codes, rows, "groups", of)
    return codes


def assign_folds(
    arms: Ints, customers: npt.NDArray[np.int32] | None, n_folds: int, seed: int
) -> Ints:
    """Return the fold of each row: all rows of a customer in one, arms in even shares.

    Raises
    ------
    InvalidInputError
        If there are fewer customers than folds, or an arm lies in one fold only.
    """
    code = np.arange(len(arms)) if customers is None else customers
    _, first, of_row = np.unique(code, return_index=True, return_inverse=True)
    if len(first) < n_folds:
        msg = f"n_folds is {n_folds}, but there are {len(first)} customers"
        raise InvalidInputError(msg, argument="n_folds", value=n_folds)
    shuffled = np.random.default_rng(seed).permutation(len(first))
    dealt = shuffled[np.argsort(arms[first[shuffled]], kind="stable")]
    fold = np.empty(len(first), dtype=np.int64)
    fold[dealt] = np.arange(len(first)) % n_folds
    folds: Ints = fold[of_row]
    for arm in np.unique(arms):
        if len(np.unique(folds[arms == arm])) < 2:
            what = "the control group" if arm == 0 else f"offer {arm}" if arm > 1 else "the treated"
            msg = (
                f"treated: {what} must have at least 2 customers, to learn on one and judge on one"
            )
            raise InvalidInputError(msg, argument="treated")
    return folds


def error_of_mean(influence: Floats, customers: npt.NDArray[np.int32] | None) -> float:
    """Return the standard error of the mean of centred values; rows of a customer go together."""
    n = len(influence)
    summed = influence
    if customers is not None:
        summed = np.bincount(customers, influence).astype(np.float64)
    return math.sqrt(float(np.sum(summed**2)) * len(summed) / max(len(summed) - 1, 1)) / n


def measured(value: float, error: float, level: float, quantity: str) -> Measured:
    """Return a value with normal limits."""
    half = z_of(level) * error
    return Measured(value, error, value - half, value + half, level, quantity)


def difference(first: float, second: float, error: float, level: float, what: str) -> Difference:
    """Return first less second with normal limits and a test of 0."""
    gap = first - second
    if error > 0.0:
        p = math.erfc(abs(gap) / (error * math.sqrt(2.0)))
    else:
        p = 1.0 if gap == 0.0 else 0.0
    half = z_of(level) * error
    return Difference(first, second, gap, error, gap - half, gap + half, p, level, what)
