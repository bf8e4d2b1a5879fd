"""Columns of a table as numbers for a learner: levels as 0 and 1, numbers as they are."""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._validation import Floats
from tenure.segment._frame import Frame
from tenure.segment._traits import OTHER, traits_of


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of numbers; `test` is its condition, or None where it is a number itself.

    ``text`` is what conditions call the column of the table.
    """

    column: str
    text: str
    test: str | None
    values: Floats
    has_missing: bool


def _flags(held: npt.NDArray[np.bool_]) -> Floats:
    return held.astype(np.float64)


def features_of(
    frame: Frame, names: Sequence[str], max_levels: int, rare: str, *, with_gaps: bool
) -> list[Feature]:
    """Return a feature of each number (NaN where missing) and of each level but "(other)".

    `with_gaps`: of numbers too, one that says what is missing; of other columns it is always there.
    """
    features = []
    for name in names:
        column = frame.column(name)
        text = name if name.isidentifier() and not keyword.iskeyword(name) else f"column({name!r})"
        missing = column.is_missing
        gaps = bool(missing.any())
        if column.kind == "number":
            features.append(Feature(name, text, None, column.values, gaps))
            if gaps and with_gaps:
                features.append(Feature(name, text, f"missing({text})", _flags(missing), gaps))
            continue
        traits = traits_of(column, 2, max_levels, rare)  # refuses dates and too many texts
        if column.kind == "flag":
            features.append(Feature(name, text, text, _flags(column.values == 1.0), gaps))
        else:
            for k, level in enumerate(traits.levels):
                there = (traits.code == k) & ~missing
                if there.any() and level != OTHER:
                    features.append(
                        Feature(name, text, f"{text} == {level!r}", _flags(there), gaps)
                    )
        if gaps:
            features.append(Feature(name, text, f"missing({text})", _flags(missing), gaps))
    return features


def chosen_columns(frame: Frame, columns: Any, labels: Any = None) -> list[str]:
    """Return the columns that were named, or all but the one of the labels."""
    if isinstance(columns, str):
        columns = [columns]
    if columns is None:
        names = [n for n in frame.names if not (isinstance(labels, str) and n == labels)]
    else:
        names = list(dict.fromkeys(columns))
    if not names:
        msg = "columns must name one at least"
        raise InvalidInputError(msg, argument="columns")
    return names
