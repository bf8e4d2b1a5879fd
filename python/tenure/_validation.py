"""The only place where a caller's arguments become NumPy columns and checked numbers."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MAX_THREADS = 256


def as_column(values: Any, dtype: npt.DTypeLike, name: str) -> npt.NDArray[Any]:
    """Return `values` as a contiguous 1-D array of `dtype`, without a copy where possible.

    Masked and missing entries become NaN for floating `dtype`; text, objects that are no numbers
    and complex values are refused.
    """
    if isinstance(values, np.ma.MaskedArray):
        values = np.where(np.ma.getmaskarray(values), np.nan, np.ma.getdata(values))
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        msg = f"{name} must be one-dimensional: {error}"
        raise InvalidInputError(msg, argument=name) from error
    if array.ndim != 1:
        msg = f"{name} must be one-dimensional, got shape {array.shape}"
        raise InvalidInputError(msg, argument=name)
    if array.dtype.kind == "O":
        array = _numbers_from_objects(array, name)
    if array.dtype.kind not in "biuf":
        msg = f"{name} must be numeric, got dtype {array.dtype}"
        raise InvalidInputError(msg, argument=name)
    _require_exact(array, np.dtype(dtype), name)
    return np.ascontiguousarray(array, dtype=dtype)


def _require_exact(array: npt.NDArray[Any], wanted: np.dtype[Any], name: str) -> None:
    """Refuse what a conversion to whole numbers would cut off or wrap around."""
    if wanted.kind not in "iu" or np.can_cast(array.dtype, wanted):
        return
    limits = np.iinfo(wanted)
    inside = (array >= limits.min) & (array <= limits.max)
    if array.dtype.kind == "f":
        # The largest 64-bit number is no double: its neighbour above would wrap around.
        inside &= (array < 2.0**63) & (array == np.floor(array))
    if not inside.all():
        row = int(np.argmin(inside))
        value = array[row].item()
        msg = f"{name}[{row}] must be a whole number in [{limits.min}, {limits.max}], got {value!r}"
        raise InvalidInputError(msg, argument=name, row=row, value=value)


def _numbers_from_objects(array: npt.NDArray[Any], name: str) -> Floats:
    out = np.empty(array.shape, dtype=np.float64)
    for row, value in enumerate(array):
        if value is None or type(value).__name__ in {"NAType", "NaTType"}:
            out[row] = np.nan
            continue
        try:
            if isinstance(value, (str, bytes)):
                raise TypeError
            out[row] = float(value)
        except (TypeError, ValueError, OverflowError) as error:
            msg = f"{name}[{row}] must be a number, got {value!r}"
            raise InvalidInputError(msg, argument=name, row=row, value=value) from error
    return out


def as_flags(values: Any, name: str) -> npt.NDArray[np.uint8]:
    """Return booleans or 0/1 numbers as uint8; anything else names its row."""
    array = np.asarray(values)
    plain = type(values) is np.ndarray and array.dtype == np.uint8 and array.ndim == 1
    if plain and array.max(initial=0) <= 1:  # the usual case, without a detour over floats
        return np.ascontiguousarray(array)
    # A masked flag is a missing one: it goes the way of numbers, where it becomes NaN.
    if array.dtype.kind != "b" or isinstance(values, np.ma.MaskedArray):
        column = as_column(values, np.float64, name)
        bad = np.flatnonzero((column != 0.0) & (column != 1.0))
        if bad.size:
            row = int(bad[0])
            value = column[row].item()
            msg = f"{name}[{row}] must be 0 or 1, got {value!r}"
            raise InvalidInputError(msg, argument=name, row=row, value=value)
        array = column
    return as_column(array, np.uint8, name)


def as_number(
    value: Any,
    name: str,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    finite: bool = True,
) -> float:
    """Return a finite real number within the stated bounds."""
    rules = [
        rule
        for bound, rule in (
            (above, f"> {above:g}" if above is not None else ""),
            (at_least, f">= {at_least:g}" if at_least is not None else ""),
            (below, f"< {below:g}" if below is not None else ""),
            (at_most, f"<= {at_most:g}" if at_most is not None else ""),
        )
        if bound is not None
    ]
    rule = " and ".join((["finite"] if finite else []) + rules) or "a number"
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        msg = f"{name} must be a number, got {value!r}"
        raise InvalidInputError(msg, argument=name, value=value) from error
    inside = (
        not math.isnan(number)
        and not (finite and math.isinf(number))
        and (above is None or number > above)
        and (at_least is None or number >= at_least)
        and (below is None or number < below)
        and (at_most is None or number <= at_most)
    )
    if not inside:
        msg = f"{name} must be {rule}, got {value!r}"
        raise InvalidInputError(msg, argument=name, value=value)
    return number


def as_count(value: Any, name: str, *, at_least: int = 0) -> int:
    """Return a whole number."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        msg = f"{name} must be a whole number, got {value!r}"
        raise InvalidInputError(msg, argument=name, value=value)
    if value < at_least:
        msg = f"{name} must be >= {at_least}, got {value}"
        raise InvalidInputError(msg, argument=name, value=value)
    return int(value)


def as_level(value: Any, name: str = "level") -> float:
    """Return a confidence level, between 0 and 1."""
    return as_number(value, name, above=0.0, below=1.0)


def as_replicates(n_bootstrap: Any) -> int:
    """Return how often to resample: 0 for no limits, else at least 2."""
    replicates = as_count(n_bootstrap, "n_bootstrap")
    if replicates == 1:
        msg = "n_bootstrap must be 0, or at least 2: one replicate tells no spread"
        raise InvalidInputError(msg, argument="n_bootstrap", value=1)
    return replicates


def as_choice(value: Any, name: str, choices: Sequence[Any]) -> Any:
    """Return `value` if it is one of `choices`."""
    if not any(value is c or (type(value) is type(c) and value == c) for c in choices):
        allowed = ", ".join(repr(c) for c in choices)
        msg = f"{name} must be one of {allowed}; got {value!r}"
        raise InvalidInputError(msg, argument=name, value=value)
    return value


def as_seed(random_state: Any) -> int:
    """Return a seed in [0, 2**64) from an int, None (fresh entropy) or a NumPy generator."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**31 - 1))
    seed = as_count(random_state, "random_state")
    if seed >= 2**64:
        msg = f"random_state must be < 2**64, got {seed}"
        raise InvalidInputError(msg, argument="random_state", value=seed)
    return seed


def as_threads(n_threads: int | None) -> int:
    """Return the number of threads: the CPUs this process may use, at most 8, if None."""
    if n_threads is None:
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return min(cpus or 1, 8)
    return min(as_count(n_threads, "n_threads", at_least=1), _MAX_THREADS)
