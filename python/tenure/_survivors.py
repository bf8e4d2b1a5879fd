"""Tables of survivors: customers of a cohort still there at age 0, 1, ..., as far as observed."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._validation import Floats


def as_table(values: Any) -> Floats:
    """Return counts by age as a table, one row a cohort."""
    try:
        table = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = f"survivors must be counts by age, or a table of cohorts by age: {error}"
        raise InvalidInputError(msg, argument="survivors") from error
    if table.ndim not in (1, 2):
        msg = f"survivors must be of one or two dimensions, got shape {table.shape}"
        raise InvalidInputError(msg, argument="survivors")
    return np.atleast_2d(table)


def observed_part(counts: Floats, row: int, label: Any, *, whole: bool) -> Floats:
    """Return a cohort's counts up to the first missing one; refuse what no contracts can give."""
    seen = int(np.argmax(np.isnan(counts))) if np.isnan(counts).any() else len(counts)

    def refuse(age: int, rule: str) -> None:
        msg = f"survivors of cohort {label} at age {age} must be {rule}, got {counts[age]:g}"
        raise InvalidInputError(msg, argument="survivors", row=row, value=float(counts[age]))

    for age in range(len(counts)):
        value = counts[age]
        if age >= seen:
            if not np.isnan(value):
                refuse(age, "missing, as an age before it is")
        elif whole and not (0 <= value <= 2**31 and value == np.floor(value)):
            refuse(age, "a whole number from 0 to 2**31")
        elif not 0 <= value < np.inf:
            refuse(age, "finite and >= 0")
        elif age > 0 and value > counts[age - 1]:
            refuse(
                age,
                f"at most {counts[age - 1]:g}, as at the age before: who comes back has no "
                "contract, and this model is for contracts",
            )
    return counts[:seen]
