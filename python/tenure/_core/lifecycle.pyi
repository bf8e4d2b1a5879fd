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
    def mean_gap(self) -> float: ...
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
def window_facts(log: EventLog, edges: list[int], threads: int) -> tuple[_Flags, _Floats]: ...
def group_outcomes(
    group: _Flags, ordered: _Flags, revenue: _Floats, groups: int, level: float, winsorise: float
) -> _Outcomes: ...

MAX_POINT_RULES: int

class PointRule:
    def __init__(self, points: float, cap: int, half_life: float, event: list[int]) -> None: ...

def lead_points(log: EventLog, rules: list[PointRule], at: int, threads: int) -> _Floats: ...

UNKNOWN: int
UNMATCHED: int
FACTS: int

class Clock:
    def __init__(
        self,
        kind: str,
        prior_gaps: float,
        alive_above: float,
        lost_below: float,
        alive: _Floats | None,
        contract_end: _Floats | None,
    ) -> None: ...

class RuleProgram:
    def __init__(
        self,
        code: list[tuple[int, int]],
        end: list[int],
        constants: list[float],
        columns: int,
    ) -> None: ...
    def match(self, facts: _Floats, threads: int) -> _Flags: ...

def calibrate_panel(
    log: EventLog, at: list[int], window_days: int, options: CalibrationOptions, threads: int
) -> list[Calibration]: ...
def label_panel(
    log: EventLog,
    at: list[int],
    window_days: int,
    calibrations: list[Calibration],
    clock: Clock,
    program: RuleProgram | None,
    identified: _Flags,
    contract_start: _Floats | None,
    columns: list[_Floats],
    threads: int,
) -> _Flags: ...
def settle(
    codes: _Flags, customers: int, rank: list[int], patience: int, threads: int
) -> _Flags: ...

class _Moves(TypedDict):
    counts: _Ints
    movers: _Ints
    squares: _Ints
    products: _Ints
    row_squares: _Ints
    runs: _Ints
    run_periods: _Ints

class _Values(TypedDict):
    rows: _Ints
    members: _Ints
    mean: _Floats
    error: _Floats
    spread: _Floats

def count_moves(codes: _Flags, customers: int, stages: int, threads: int) -> _Moves: ...
def stage_values(
    codes: _Flags, customers: int, stages: int, revenue: _Floats, threads: int
) -> _Values: ...
def absorb(transition: _Floats, target: _Flags) -> tuple[_Flags, _Floats, _Floats]: ...
def draw_matrices(
    weight: _Floats, rows: int, columns: int, draws: int, seed: int, threads: int
) -> _Floats: ...
def forecast(
    sizes: _Ints,
    weight: _Floats,
    concentration: _Floats,
    births: _Floats,
    births_given: bool,
    value: _Floats,
    value_error: _Floats,
    value_spread: _Floats,
    periods: int,
    draws: int,
    seed: int,
    threads: int,
) -> tuple[_Floats, _Floats, _Floats]: ...
