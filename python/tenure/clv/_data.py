"""Customers as the models read them: columns of any frame, the unit and the ids on the side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tenure._errors import InvalidInputError
from tenure._validation import Floats, as_column
from tenure.clv._covariates import CustomerSummary
from tenure.clv._time_varying_data import TimeVaryingSummary
from tenure.events import CalibrationHoldout, Summary
from tenure.events._frames import as_reader, column_names


@dataclass(frozen=True, slots=True)
class Purchases:
    """Repeat purchases of n customers; checked by the engine, which names row and rule."""

    frequency: Floats
    recency: Floats
    T: Floats
    weight: Floats | None
    customer: Any
    unit: str | None
    #: Design of the covariates, n rows, where the model has some.
    design: Any = None
    #: Sums of ln(time between consecutive purchases), where the model reads them.
    log_gaps: Floats | None = None


@dataclass(frozen=True, slots=True)
class Spend:
    """Observed spend of n customers."""

    frequency: Floats
    monetary_value: Floats
    weight: Floats | None
    customer: Any
    #: Design of the covariates, n rows, where the model has some.
    design: Any = None


def purchases(data: Any, sample_weight: Any = None, weighted: bool = False) -> Purchases:
    """Read frequency, recency and T, and the weights where a fit asks for them."""
    columns, weight, customer = _read(data, ("frequency", "recency", "T"), sample_weight, weighted)
    x, t_x, age = columns
    return Purchases(x, t_x, age, weight, customer, unit_of(data))


def spend(data: Any, sample_weight: Any = None, weighted: bool = False) -> Spend:
    """Read frequency and monetary_value, and the weights where a fit asks for them."""
    columns, weight, customer = _read(
        data, ("frequency", "monetary_value"), sample_weight, weighted
    )
    x, m = columns
    return Spend(x, m, weight, customer)


def optional_column(data: Any, name: str, rows: int) -> Floats | None:
    """Return a column of `rows` numbers, None where the data have none of that name."""
    if isinstance(data, CalibrationHoldout):
        data = data.calibration
    values = (
        getattr(data, name, None)
        if isinstance(data, Summary)
        else _columns_of(data, (name,))(name)
        if name in column_names(data)
        else None
    )
    if values is None:
        return None
    column: Floats = as_column(values, np.float64, name)
    if len(column) != rows:
        msg = f"{name} has {len(column)} rows and frequency has {rows}"
        raise InvalidInputError(msg, argument=name)
    return column


def unit_of(data: Any) -> str | None:
    """Return the unit that travels with a summary, None where a frame carries none."""
    if isinstance(data, CalibrationHoldout):
        return data.calibration.unit
    known = (Summary, CustomerSummary, TimeVaryingSummary)
    return data.unit if isinstance(data, known) else None


def end_of(data: Any) -> Any:
    """Return the end of observation of a summary, None for a frame."""
    if isinstance(data, CalibrationHoldout):
        data = data.calibration
    return data.end if isinstance(data, Summary) else None


def _read(
    data: Any, names: tuple[str, ...], sample_weight: Any, weighted: bool
) -> tuple[list[Floats], Floats | None, Any]:
    if isinstance(data, CalibrationHoldout):
        data = data.calibration
    get = _columns_of(data, names)
    columns = [as_column(get(name), np.float64, name) for name in names]
    rows = len(columns[0])
    for name, column in zip(names, columns, strict=True):
        if len(column) != rows:
            msg = f"{name} has {len(column)} rows and {names[0]} has {rows}"
            raise InvalidInputError(msg, argument=name)
    weight = None
    if weighted:
        has_weight = get("weight") is not None
        if sample_weight is not None and has_weight:
            msg = "give either sample_weight or a column called weight, not both"
            raise InvalidInputError(msg, argument="sample_weight")
        if sample_weight is not None or has_weight:
            values = sample_weight if sample_weight is not None else get("weight")
            weight = as_column(values, np.float64, "weight")
    return columns, weight, _ids(get("customer"), rows)


def _columns_of(data: Any, names: tuple[str, ...]) -> Any:
    """Return a function from a column's name to its values; None where it is absent."""
    if isinstance(data, Summary):
        return lambda name: getattr(data, name, None)
    if isinstance(data, (CustomerSummary, TimeVaryingSummary)):
        return data._columns().get
    known = column_names(data)
    simple = isinstance(data, Mapping) or type(data).__module__.startswith("pandas")
    if simple and all(known.count(name) == 1 for name in names):
        return lambda name: data[name] if name in known else None
    # Everything else comes over Arrow; a missing column is told there, with its near matches.
    wanted = [*names, *(n for n in ("weight", "customer") if n in known)]
    table = as_reader(data, wanted).read_all()

    def get(name: str) -> Any:
        if name not in table.column_names:
            return None
        column = table[name]
        if name == "customer":
            return column.combine_chunks()
        if pa.types.is_decimal(column.type):
            column = column.cast(pa.float64())
        return column.to_numpy()

    return get


def _ids(values: Any, rows: int) -> Any:
    """Return the ids that name the rows of a result; positions where there are none."""
    if values is None:
        return np.arange(rows)
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    ids = np.asarray(values)
    return ids if ids.dtype.kind in "iuMm" else pa.array(ids.tolist())
