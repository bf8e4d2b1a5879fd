"""What every fitted table read from a file is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure._validation import Floats


def require_columns(table: Any, kind: type[Any], *, defined: bool = True) -> dict[str, Floats]:
    """Return the columns of a table of the right kind: numbers, of one length, times ascending."""
    if not isinstance(table, kind):
        msg = f"there is no {kind.__name__}"
        raise ValueError(msg)
    columns = {name: getattr(table, name) for name in table._column_names}
    size = np.size(next(iter(columns.values())))
    for name, column in columns.items():
        if not isinstance(column, np.ndarray) or column.dtype != np.float64:
            msg = f"{name} is no column of numbers"
            raise ValueError(msg)
        if column.shape != (size,) or (defined and not np.isfinite(column).all()):
            msg = f"{name} holds values that no such table has"
            raise ValueError(msg)
    time = columns.get("time")
    if time is not None and not (
        np.isfinite(table.last_time)
        and bool(np.all(np.diff(time, prepend=0.0, append=np.inf)[1:] > 0.0))
        and bool(np.all((time >= 0.0) & (time <= table.last_time)))
    ):
        msg = "times do not ascend"
        raise ValueError(msg)
    return columns
