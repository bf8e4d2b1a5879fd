from typing import TypedDict

import numpy as np
import numpy.typing as npt

from .events import EventLog

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.uint8]

class CalibrationOptions:
    def __init__(
        self,
        new_days: float,
        active_days: float | None,
        lapsed_days: float | None,
        frequency_cuts: tuple[float, ...] | None,
        value_cuts: tuple[float, ...] | None,
        min_repeaters: int,
    ) -> None: ...

class Calibration:
    @property
    def new_days(self) -> float: ...
    @property
    def active_days(self) -> float: ...
    @property
    def lapsed_days(self) -> float: ...
    @property
    def frequency_cuts(self) -> list[float]: ...
    @property
    def value_cuts(self) -> list[float]: ...
    @property
    def gaps(self) -> int: ...
    @property
    def repeaters(self) -> int: ...
    @property
    def fallback(self) -> bool: ...

class _Facts(TypedDict):
    known: _Flags
    rule: _Flags
    n_orders: _Ints
    days_since_last: _Ints
    mean_gap: _Floats
    last_gap: _Floats
    net_value: _Floats
    window_orders: _Ints
    window_value: _Floats

class _Outcomes(TypedDict):
    customers: _Ints
    lost: _Ints
    loss_risk: _Floats
    loss_lower: _Floats
    loss_upper: _Floats
    revenue: _Floats
    mean: _Floats
    mean_lower: _Floats
    mean_upper: _Floats
    median: _Floats
    winsorised_mean: _Floats

def seed_rules() -> list[tuple[str, str, str, str]]: ...
def assign(
    log: EventLog,
    at: int,
    window_days: int,
    options: CalibrationOptions,
    identified: _Flags,
    threads: int,
) -> tuple[Calibration, _Facts]: ...
def window_facts(log: EventLog, start: int, until: int, threads: int) -> tuple[_Flags, _Floats]: ...
def group_outcomes(
    group: _Flags, ordered: _Flags, revenue: _Floats, groups: int, level: float, winsorise: float
) -> _Outcomes: ...

MAX_POINT_RULES: int

class PointRule:
    def __init__(self, points: float, cap: int, half_life: float, event: list[int]) -> None: ...

def lead_points(log: EventLog, rules: list[PointRule], at: int, threads: int) -> _Floats: ...
