"""Groups of customers: a column of the data, or one value a row, as numbers of groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure._errors import InvalidInputError
from tenure._validation import Ints
from tenure.events import CalibrationHoldout
from tenure.events._frames import as_reader

#: What names a group; anything else is named by its text.
Name = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Groups:
    """The group of each of n customers."""

    names: tuple[Name, ...]
    code: Ints  #: by customer the position of its group in `names`
    column: str | None  #: where they came from


def read(data: Any, groups: Any, rows: int) -> Groups:
    """Read the group of each row: `groups` names a column of the data, or holds one value a row."""
    column = groups if isinstance(groups, str) else None
    if isinstance(data, CalibrationHoldout):
        data = data.calibration
    values = as_reader(data, [column]).read_all()[column] if column is not None else _array(groups)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if len(values) != rows:
        msg = f"groups has {len(values)} rows and the data have {rows}"
        raise InvalidInputError(msg, argument="groups")
    missing = pc.is_null(values, nan_is_null=True)
    if pc.any(missing).as_py():
        row = int(np.argmax(np.asarray(missing)))
        msg = f"groups[{row}] must not be missing"
        raise InvalidInputError(msg, argument="groups", row=row)
    if rows == 0:
        return Groups((), np.zeros(0, dtype=np.int64), column)
    coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    at = np.asarray(coded.indices, dtype=np.int64)
    names = [_name(v) for v in coded.dictionary.to_pylist()]
    present = np.unique(at)
    ordered = pa.types.is_dictionary(values.type) and values.type.ordered
    order = present if ordered else np.array(sorted(present, key=lambda i: names[i]))
    place = np.zeros(len(names), dtype=np.int64)
    place[order] = np.arange(len(order))
    return Groups(tuple(names[i] for i in order), place[at], column)


def place(groups: Groups, names: tuple[Name, ...]) -> Ints:
    """Return by row the position of its group in other names, -1 where it is not among them."""
    known = {name: i for i, name in enumerate(names)}
    where = np.array([known.get(name, -1) for name in groups.names], dtype=np.int64)
    return where[groups.code]


def _array(values: Any) -> Any:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    if values is None or np.ndim(values) != 1:
        msg = "groups must name a column of the data, or hold one value a row"
        raise InvalidInputError(msg, argument="groups", value=values)
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError) as error:
        msg = f"groups must be values of one type: {error}"
        raise InvalidInputError(msg, argument="groups") from error


def _name(value: Any) -> Name:
    return value if isinstance(value, (str, int, float, bool)) else str(value)
