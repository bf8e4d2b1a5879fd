"""The segment of each row, from labels of any kind or a result that holds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure.segment._frame import Frame

_MOST_SEGMENTS = 1_000


def as_labels(labels: Any, rows: int, frame: Frame) -> tuple[npt.NDArray[np.intp], tuple[str, ...]]:
    """Return the code of each row and the names of the segments.

    Parameters
    ----------
    labels : array of n labels, str or result
        A name of a column of `frame`; a result with `segment_code` and `segment_names`, whose
        segments without a customer stay; or texts, numbers or flags.
    """
    if isinstance(labels, str):
        labels = frame.table.column(frame.column(labels).name)
    if hasattr(labels, "segment_code") and hasattr(labels, "segment_names"):
        codes = np.asarray(labels.segment_code).astype(np.intp)
        names = tuple(map(str, labels.segment_names))
    else:
        if not hasattr(labels, "__len__"):
            msg = f"labels must be one a row, got {type(labels).__name__}"
            raise InvalidInputError(msg, argument="labels")
        column = Frame({"labels": labels}, "labels").column("labels")
        missing = column.is_missing
        if missing.any():
            row = int(np.argmax(missing))
            msg = f"labels[{row}] must be a label, got a missing value"
            raise InvalidInputError(msg, argument="labels", row=row)
        if column.kind == "text":
            codes, names = column.values.astype(np.intp), column.levels
        else:
            found, codes = np.unique(column.values, return_inverse=True)
            names = tuple(_named(column.kind, value) for value in found)
    if len(codes) != rows:
        msg = f"labels must have one for each of the {rows:,} rows, got {len(codes):,}"
        raise InvalidInputError(msg, argument="labels")
    if len(names) > _MOST_SEGMENTS:
        msg = f"labels name {len(names):,} segments, more than {_MOST_SEGMENTS:,}: are they ids?"
        raise InvalidInputError(msg, argument="labels", value=len(names))
    if np.count_nonzero(np.bincount(codes, minlength=len(names))) < 2:
        msg = "labels must name two segments with customers at least: one differs from nothing"
        raise InvalidInputError(msg, argument="labels")
    return codes, names


def _named(kind: str, value: Any) -> str:
    if kind == "flag":
        return "yes" if value else "no"
    if kind == "date":
        return str(value.astype("datetime64[s]")).replace("T00:00:00", "")
    return str(int(value)) if float(value).is_integer() else repr(float(value))
