"""Causes, groups and strata: labels of any kind become codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError

Codes = npt.NDArray[np.int32]


def as_causes(values: Any, name: str = "cause") -> tuple[Codes, tuple[int | str, ...]]:
    """Return codes, 0 for customers who are still there, and the causes in ascending order.

    Numbers are whole: 0 is still there, 1, 2, ... are causes. Texts are causes themselves, and
    None, NaN or an empty text is still there.
    """
    labels = _labels(values, name)
    if labels.dtype.kind in "SU" or labels.dtype.kind == "O":
        left = np.array([not _missing(v) and v != "" for v in labels], dtype=bool)
        for row in np.flatnonzero(left).tolist():
            if not isinstance(labels[row], str):
                _refuse(name, row, labels[row], "a text, as others are")
        names, codes = _distinct(labels, left)
    else:
        numbers = labels.astype(np.float64)
        bad = np.flatnonzero(~((numbers >= 0) & (numbers == np.floor(numbers)) & (numbers < 2**31)))
        if bad.size:
            _refuse(name, int(bad[0]), labels[bad[0]].item(), "0 or a positive whole number")
        names, codes = _distinct(numbers.astype(np.int64), numbers > 0)
    if not names:
        msg = f"{name} names no cause: everyone is still a customer"
        raise InvalidInputError(msg, argument=name)
    return codes, names


def as_groups(values: Any, name: str) -> tuple[Codes, tuple[int | float | str, ...]]:
    """Return codes from 0 on, and the labels in ascending order; a missing label is refused."""
    labels = _labels(values, name)
    if labels.dtype.kind == "O":
        kinds = {type(v) for v in labels}
        for row, value in enumerate(labels):
            if _missing(value) or not isinstance(value, (str, int, float, np.number)):
                _refuse(name, row, value, "a label")
        if len({issubclass(k, str) for k in kinds}) > 1:
            msg = f"{name} mixes texts and numbers"
            raise InvalidInputError(msg, argument=name)
    elif labels.dtype.kind == "f" and np.isnan(labels).any():
        row = int(np.flatnonzero(np.isnan(labels))[0])
        _refuse(name, row, float("nan"), "a label")
    names, codes = _distinct(labels, np.ones(labels.shape, dtype=bool))
    return codes - np.int32(1), names


def _labels(values: Any, name: str) -> npt.NDArray[Any]:
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.MaskedArray(values, dtype=object).filled(None)
    try:
        # NumPy would turn the numbers of a mixed list into texts.
        plain = isinstance(values, (list, tuple))
        labels = np.array(values, dtype=object) if plain else np.asarray(values)
    except (ValueError, TypeError) as error:
        msg = f"{name} must be one-dimensional: {error}"
        raise InvalidInputError(msg, argument=name) from error
    if labels.ndim != 1:
        msg = f"{name} must be one-dimensional, got shape {labels.shape}"
        raise InvalidInputError(msg, argument=name)
    if labels.dtype.kind == "T":
        labels = labels.astype(object)
    if labels.dtype.kind == "O":
        numbers = [isinstance(v, (int, float, np.number, np.bool_)) or _missing(v) for v in labels]
        if all(numbers) and not all(_missing(v) for v in labels):
            labels = np.array([np.nan if _missing(v) else float(v) for v in labels])
    if labels.dtype.kind not in "biufOUS":
        msg = f"{name} must hold texts or numbers, got dtype {labels.dtype}"
        raise InvalidInputError(msg, argument=name)
    return labels


def _missing(value: Any) -> bool:
    return (
        value is None
        or type(value).__name__ in {"NAType", "NaTType"}
        or (isinstance(value, float) and value != value)
    )


def _distinct(
    labels: npt.NDArray[Any], counted: npt.NDArray[np.bool_]
) -> tuple[tuple[Any, ...], Codes]:
    """Codes from 1 on where counted, else 0."""
    codes = np.zeros(labels.shape, dtype=np.int32)
    if not counted.any():
        return (), codes
    found, at = np.unique(labels[counted], return_inverse=True)
    codes[counted] = at.astype(np.int32) + 1
    return tuple(v.item() if isinstance(v, np.generic) else v for v in found), codes


def _refuse(name: str, row: int, value: Any, rule: str) -> None:
    msg = f"{name}[{row}] must be {rule}, got {value!r}"
    raise InvalidInputError(msg, argument=name, row=row, value=value)
