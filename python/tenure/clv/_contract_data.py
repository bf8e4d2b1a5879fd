"""Contracts as the models read them: customers with their renewals, or cohorts with survivors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._survivors import as_table, observed_part
from tenure._validation import Floats, as_column, as_flags
from tenure.clv._data import _columns_of, _ids
from tenure.events._frames import column_names

MAX_RENEWALS = 2**20
MOST_AHEAD = 2**40
_COUNTS = ("survivors", "alive")

Flags = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Renewals:
    """n customers, or sets of customers alike; checked by the engine, which names row and rule."""

    renewals: Floats
    churned: Flags
    weight: Floats | None
    #: Renewals that could have been seen, where the data tell.
    observed: Floats | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Customers of whom something is predicted: renewals so far, and who is lost already."""

    renewals: Floats
    lost: npt.NDArray[np.bool_] | None
    customer: Any
    scalar: bool

    def distinct(self) -> tuple[Floats, npt.NDArray[np.intp]]:
        """Return the different numbers of renewals, and for each row the place of its own."""
        there = np.zeros(int(self.renewals.max(initial=0.0)) + 1, dtype=bool)
        at = self.renewals.astype(np.intp)
        there[at] = True
        place = np.cumsum(there) - 1
        return np.flatnonzero(there).astype(np.float64), place[at]


def is_frame(data: Any) -> bool:
    """Whether the data have columns with names."""
    structured = isinstance(data, np.ndarray) and data.dtype.names is not None
    framed = hasattr(data, "__arrow_c_stream__") or hasattr(data, "columns")
    return isinstance(data, Mapping) or structured or framed


def read(data: Any, sample_weight: Any = None) -> Renewals:
    """Read customers or cohorts; the latter as customers of whom many are alike."""
    if isinstance(data, Table) and hasattr(data, "survivors"):
        return _of_cohorts(
            data.survivors,
            list(getattr(data, "periods", range(len(data.survivors)))),
            sample_weight,
        )
    if not is_frame(data):
        table = as_table(data)
        return _of_cohorts(table, list(range(len(table))), sample_weight)
    known = column_names(data)
    counts = [name for name in _COUNTS if name in known]
    if counts and ("renewals" in known or len(counts) > 1):
        msg = (
            f"the data have columns {', '.join(n for n in ('renewals', *counts) if n in known)}: "
            "give customers (renewals, churned) or cohorts (survivors), not both"
        )
        raise InvalidInputError(msg, argument=counts[0])
    if counts:
        return _of_long_table(data, known, counts[0], sample_weight)
    names = ("renewals", "churned")
    get = _columns_of(data, names)
    renewals = as_column(get("renewals"), np.float64, "renewals")
    churned = as_flags(get("churned"), "churned")
    weight = get("weight")
    if sample_weight is not None and weight is not None:
        msg = "give either sample_weight or a column called weight, not both"
        raise InvalidInputError(msg, argument="sample_weight")
    weight = weight if sample_weight is None else sample_weight
    return Renewals(
        renewals, churned, None if weight is None else as_column(weight, np.float64, "weight")
    )


def ask(data: Any) -> Asked:
    """Read whom a prediction is for: a number of renewals, an array of them, or a frame."""
    lost, customer, scalar = None, None, False
    if is_frame(data):
        known = column_names(data)
        names = ("renewals", "churned") if "churned" in known else ("renewals",)
        get = _columns_of(data, names)
        renewals = as_column(get("renewals"), np.float64, "renewals")
        customer = get("customer")
        if "churned" in known:
            lost = as_flags(get("churned"), "churned") != 0
            if len(lost) != len(renewals):
                msg = f"churned has {len(lost)} rows and renewals has {len(renewals)}"
                raise InvalidInputError(msg, argument="churned")
    else:
        scalar = np.ndim(data) == 0
        renewals = as_column([data] if scalar else data, np.float64, "renewals")
    require_whole(renewals, "renewals", 0, MAX_RENEWALS)
    return Asked(renewals, lost, _ids(customer, len(renewals)), scalar)


def ahead_of(n: Any, renewals: Any) -> tuple[Floats, Floats]:
    """Return renewals from now on and so far, as columns of one length."""
    ahead = as_column(np.atleast_1d(n), np.float64, "n")
    so_far = as_column(np.atleast_1d(renewals), np.float64, "renewals")
    require_whole(ahead, "n", 0, MOST_AHEAD)
    require_whole(so_far, "renewals", 0, MAX_RENEWALS)
    try:
        so_far, ahead = np.broadcast_arrays(so_far, ahead)
    except ValueError as error:
        msg = f"n and renewals differ in length: {len(ahead)} and {len(so_far)}"
        raise InvalidInputError(msg, argument="renewals") from error
    return np.ascontiguousarray(ahead), np.ascontiguousarray(so_far)


def require_whole(values: Floats, name: str, least: float, most: float) -> None:
    """Refuse the first value that is no whole number in the range."""
    bad = np.flatnonzero(~((values >= least) & (values <= most) & (values == np.floor(values))))
    if bad.size:
        row = int(bad[0])
        msg = f"{name}[{row}] must be a whole number from {least:g} to {most:.16g}, got "
        raise InvalidInputError(
            f"{msg}{values[row]:g}", argument=name, row=row, value=values[row].item()
        )


def _of_long_table(data: Any, known: list[str], name: str, sample_weight: Any) -> Renewals:
    """Cohorts of a frame with one row a cohort and age."""
    names = tuple(n for n in (name, "age", "cohort") if n in known)
    get = _columns_of(data, names)
    counts = as_column(get(name), np.float64, name)
    rows = len(counts)
    cohort = np.asarray(get("cohort")) if "cohort" in known else np.zeros(rows, dtype=np.int64)
    if cohort.shape != counts.shape:
        msg = f"cohort has shape {cohort.shape} and {name} has {rows} rows"
        raise InvalidInputError(msg, argument="cohort")
    labels, group = np.unique(cohort.astype(str), return_inverse=True)
    if "age" in known:
        age = as_column(get("age"), np.float64, "age")
        if len(age) != rows:
            msg = f"age has {len(age)} rows and {name} has {rows}"
            raise InvalidInputError(msg, argument="age")
        require_whole(age, "age", 0, MAX_RENEWALS)
        order = np.lexsort((age, group))
    else:
        order = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=len(labels))
    starts = np.cumsum(sizes) - sizes
    if "age" in known:
        wanted = np.arange(rows) - np.repeat(starts, sizes)
        wrong = np.flatnonzero(age[order] != wanted)
        if wrong.size:
            row = int(order[wrong[0]])
            msg = (
                f"age[{row}] must be {wanted[wrong[0]]}: the ages of a cohort are 0, 1, 2, ... "
                f"without a gap, got {age[row]:g} in cohort {cohort[row]}"
            )
            raise InvalidInputError(msg, argument="age", row=row, value=age[row].item())
    table = np.full((len(labels), int(sizes.max(initial=0))), np.nan)
    table[group[order], np.arange(rows) - np.repeat(starts, sizes)] = counts[order]
    return _of_cohorts(table, labels.tolist(), sample_weight)


def _of_cohorts(table: Floats, labels: list[Any], sample_weight: Any) -> Renewals:
    if sample_weight is not None:
        msg = "sample_weight is for customers: counts of survivors are weights already"
        raise InvalidInputError(msg, argument="sample_weight")
    renewals, churned, weight, observed = [], [], [], []
    for row, (label, counts) in enumerate(zip(labels, table, strict=True)):
        seen = observed_part(counts, row, label, whole=False)
        if len(seen) == 0 or seen[0] == 0.0:
            continue
        last = len(seen) - 1
        renewals.append(np.arange(last + 1, dtype=np.float64))
        churned.append(np.append(np.ones(last, dtype=np.uint8), np.uint8(0)))
        weight.append(np.append(-np.diff(seen), seen[-1]))
        observed.append(np.full(last + 1, float(last)))
    if not renewals:
        msg = "survivors must hold a cohort with customers"
        raise InvalidInputError(msg, argument="survivors")
    return Renewals(
        np.concatenate(renewals),
        np.concatenate(churned).astype(np.uint8),
        np.concatenate(weight),
        np.concatenate(observed),
    )
