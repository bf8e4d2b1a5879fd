"""Weights of rows whose sums are squared."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._sklearn import as_weights
from tenure._validation import Floats


def as_case_weights(values: Any, rows: int, size: float) -> Floats | None:
    """Return weights, 0 or from 1 / size to size: powers of their sums are doubles."""
    weight = as_weights(values, rows)
    if weight is None:
        return None
    bad = np.flatnonzero(~((weight == 0.0) | ((weight >= 1.0 / size) & (weight <= size))))
    if bad.size:
        row = int(bad[0])
        least, most = f"{1.0 / size:.0e}", f"{size:.0e}".replace("+", "")
        msg = f"sample_weight[{row}] must be 0 or from {least} to {most}, got {weight[row]:g}"
        raise InvalidInputError(msg, argument="sample_weight", row=row, value=float(weight[row]))
    return weight
