"""Days as plans, due dates and key figures are told of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tenure._errors import InvalidInputError

Days = npt.NDArray[np.datetime64]


def as_day(value: Any, name: str) -> Any:
    """Return a date, an instant's own day or an ISO text as datetime64[D]."""
    try:
        day = np.datetime64(str(value)[:10], "D")
    except ValueError as error:
        msg = f"{name} must be a date such as '2024-06-01', got {value!r}"
        raise InvalidInputError(msg, argument=name, value=value) from error
    if np.isnat(day):
        msg = f"{name} must be a date, got {value!r}"
        raise InvalidInputError(msg, argument=name, value=value)
    return day


def as_days(column: Any, argument: str, name: str) -> Days:
    """Return the column `name` of the frame `argument` as days, none of them missing."""
    try:
        days: Days = np.asarray(column.cast(pa.date32())).astype("datetime64[D]")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        msg = f"{argument}[{name!r}] must hold dates: {error}"
        raise InvalidInputError(msg, argument=argument) from error
    if np.isnat(days).any():
        row = int(np.argmax(np.isnat(days)))
        msg = f"{argument}[{name!r}][{row}] is missing"
        raise InvalidInputError(msg, argument=argument, row=row)
    return days
