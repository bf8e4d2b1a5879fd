"""What an entry is, and the digest that tells two results apart."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

import tenure as tn
from tenure import _core


@dataclasses.dataclass(frozen=True)
class Entry:
    """`call(make(n), threads)` is the work; `rows` of it last some seconds on one core."""

    name: str
    make: Callable[[int], Any]
    call: Callable[[Any, int], Any]
    rows: int


def digest(value: Any) -> str:
    """A hash of every number and text in a result, to the bit."""
    seen = hashlib.sha256()
    _add(seen, value)
    return seen.hexdigest()


def _add(seen: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        seen.update(f"{value.dtype} {value.shape}".encode())
        # The bytes of an array of objects are addresses.
        of_objects = value.dtype == object
        seen.update(
            repr(value.tolist()).encode() if of_objects else np.ascontiguousarray(value).tobytes()
        )
    elif isinstance(value, (pa.Array, pa.ChunkedArray, pa.Table)):
        seen.update(repr(value.to_pylist()).encode())
    elif isinstance(value, dict):
        for key, part in value.items():
            seen.update(str(key).encode())
            _add(seen, part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            _add(seen, part)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            _add(seen, getattr(value, field.name))
    elif getattr(value, "_fitted", None):
        for field in value._fitted:
            _add(seen, getattr(value, field))
    elif isinstance(value, _core.journey.FunnelUnits):
        _add(seen, [value.reached(), value.group()])
    elif isinstance(value, tn.EventLog):
        core = value._core
        properties = [core.property(p) for p in range(len(value.properties))]
        _add(seen, [value.customer_ids, value.data_report, value.summary(n_threads=1), properties])
    else:
        seen.update(repr(value).encode())
