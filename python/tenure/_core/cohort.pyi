from typing import TypedDict

import numpy as np
import numpy.typing as npt

from .events import EventLog, Period

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]

class RateOptions:
    def __init__(self, value: str, denominator: str, mean: str) -> None: ...
    @property
    def is_proportion(self) -> bool: ...

class RetentionTable:
    @property
    def cohorts(self) -> int: ...
    @property
    def ages(self) -> int: ...
    @property
    def without_orders(self) -> int: ...
    @property
    def unassigned_revenue(self) -> float: ...
    def first_days(self, period: Period) -> _Ints: ...
    def sizes(self) -> _Ints: ...
    def observed(self) -> npt.NDArray[np.uint8]: ...
    def active(self) -> _Ints: ...

class _Rates(TypedDict):
    count: _Floats
    denominator: _Floats
    rate: _Floats
    mean_count: _Floats
    mean_denominator: _Floats
    mean: _Floats
    mean_cohorts: _Ints

def retention(
    log: EventLog, period: Period, max_age: int | None, threads: int
) -> RetentionTable: ...
def retention_rates(table: RetentionTable, options: RateOptions) -> _Rates: ...
def retention_bootstrap(
    log: EventLog,
    table: RetentionTable,
    period: Period,
    options: RateOptions,
    replicates: int,
    seed: int,
    level: float,
    threads: int,
) -> tuple[_Floats, _Floats, _Floats, _Floats]: ...
