"""The unit of time of a model: what data and horizons may say of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._time import as_horizon
from tenure._validation import as_number


def require_unit(unit: str | None, what: str) -> str:
    """Return the unit of a model, or say how to give it one."""
    if unit is None:
        msg = (
            f"{what} needs the unit of time of the model: fit a summary of an EventLog, or say "
            'unit="week" (day, month, year) when the model is made'
        )
        raise InvalidInputError(msg, argument="unit")
    return unit


def require_same_unit(of_data: str | None, of_model: str | None, made: str) -> None:
    """Refuse a summary that counts time otherwise than the model; either may not say."""
    if of_data is not None and of_model is not None and of_data != of_model:
        msg = f"the summary counts in {of_data}s, but {made} in {of_model}s"
        raise InvalidInputError(msg, argument="unit", value=of_data)


def horizon_of(value: Any, unit: str | None, name: str = "horizon") -> float:
    """Return a horizon in units of the model: a number is one, text such as "90 days" is read."""
    if isinstance(value, (int, float, np.integer, np.floating)):
        return as_number(value, name, at_least=0.0, finite=False)
    return as_horizon(value, require_unit(unit, f"{name} with a unit"), name)
