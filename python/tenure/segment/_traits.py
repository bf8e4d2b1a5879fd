"""Traits: the levels of a column that customers have or have not."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._validation import Floats, Ints
from tenure.segment._frame import Column

MISSING = "(missing)"
OTHER = "(other)"


@dataclass(frozen=True, slots=True)
class Traits:
    """Levels of one column: `code` of each row, -1 never; `is_binned` for cut numbers."""

    column: str
    levels: tuple[str, ...]
    code: npt.NDArray[np.intp]
    is_binned: bool


def traits_of(column: Column, bins: int, max_levels: int, rare: str) -> Traits:
    """Return the levels of a column; what is missing is a level of its own."""
    if column.kind == "text":
        return _texts(column, max_levels, rare)
    if column.kind == "flag":
        code = np.where(column.is_missing, 2, np.nan_to_num(column.values)).astype(np.intp)
        return _without_idle(column.name, ("no", "yes", MISSING), code, is_binned=False)
    if column.kind == "date":
        msg = (
            f"the column {column.name!r} holds dates, of which no mean or share is one: give days "
            "since a date, or a text such as the month"
        )
        raise InvalidInputError(msg, argument=column.name)
    there = column.values[~column.is_missing]
    cuts = cut_points(there, bins)
    code = np.searchsorted(cuts, column.values, side="left")
    code[column.is_missing] = len(cuts) + 1
    return _without_idle(column.name, (*_ranges(cuts), MISSING), code, is_binned=True)


def cut_points(values: Floats, bins: int) -> Floats:
    """Quantiles that part the values into bins of about equal size; equal values stay together."""
    if not len(values):
        return np.empty(0)
    cuts = np.quantile(values, np.arange(1, bins) / bins)
    if bool((values == np.rint(values)).all()):
        cuts = np.floor(cuts)  # says the same of whole numbers, in a whole number
    return np.unique(cuts[cuts < values.max()])


def _ranges(cuts: Floats) -> tuple[str, ...]:
    if not len(cuts):
        return ("any",)
    said = [f"{c:.6g}" for c in cuts]
    between = (f"above {low} to {high}" for low, high in itertools.pairwise(said))
    return (f"up to {said[0]}", *between, f"above {said[-1]}")


def _texts(column: Column, max_levels: int, rare: str) -> Traits:
    levels = len(column.levels)
    if levels > max_levels and rare == "raise":
        msg = (
            f"the column {column.name!r} holds {levels:,} different texts, more than max_levels = "
            f"{max_levels}: name the columns to profile, or gather the rarest by rare='other'"
        )
        raise InvalidInputError(msg, argument=column.name, value=levels)
    code = column.values.astype(np.intp)
    names = column.levels
    if levels > max_levels:
        count = np.bincount(code[code >= 0], minlength=levels)
        kept = np.sort(np.argsort(-count, kind="stable")[: max_levels - 1])
        place = np.full(levels + 1, len(kept))
        place[kept] = np.arange(len(kept))
        place[-1] = -1
        code = place[code]
        names = (*(column.levels[k] for k in kept), OTHER)
    code = np.where(code < 0, len(names), code)
    return _without_idle(column.name, (*names, MISSING), code, is_binned=False)


def _without_idle(name: str, levels: tuple[str, ...], code: Any, *, is_binned: bool) -> Traits:
    count: Ints = np.bincount(code, minlength=len(levels))
    there = np.flatnonzero(count)
    place = np.full(len(levels), -1, dtype=np.intp)
    place[there] = np.arange(len(there))
    return Traits(name, tuple(levels[k] for k in there), place[code], is_binned)
