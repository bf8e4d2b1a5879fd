from typing import ClassVar, TypedDict

import numpy as np
import numpy.typing as npt

from .events import EventLog, _Enum

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]

NO_WINDOW: int
MAX_STEPS: int

class StepOrder(_Enum):
    ordered: ClassVar[StepOrder]
    strict: ClassVar[StepOrder]
    any: ClassVar[StepOrder]
    anchored: ClassVar[StepOrder]

class ChainStart(_Enum):
    any: ClassVar[ChainStart]
    first: ClassVar[ChainStart]
    every: ClassVar[ChainStart]

class FunnelPlan:
    steps: int
    step_of: list[int]
    exclude: list[int]
    optional: int
    window: list[int]
    window_from_previous: bool
    order: StepOrder
    start: ChainStart
    increasing: bool
    reuse: bool
    hold: int | None
    split: int | None
    session_gap: int | None
    by: int | None
    by_last: bool
    def __init__(self) -> None: ...

class FunnelUnits:
    @staticmethod
    def restore(
        steps: int,
        reached: npt.NDArray[np.uint32],
        group: npt.NDArray[np.int32],
        unit: list[_Ints],
        time: list[_Ints],
        lag: list[_Ints],
        then_unit: _Ints,
        then_open: npt.NDArray[np.uint32],
        then_came: npt.NDArray[np.uint32],
    ) -> FunnelUnits: ...
    def add(self, later: FunnelUnits) -> None: ...
    def copy(self) -> FunnelUnits: ...
    @property
    def size(self) -> int: ...
    def unit(self, step: int) -> _Ints: ...
    def lag(self, step: int) -> _Ints: ...
    def then_unit(self) -> _Ints: ...
    def then_open(self) -> npt.NDArray[np.uint32]: ...
    def then_came(self) -> npt.NDArray[np.uint32]: ...
    def reached(self) -> npt.NDArray[np.uint32]: ...
    def group(self) -> npt.NDArray[np.int32]: ...
    def time(self, step: int) -> _Ints: ...

class _FunnelTable(TypedDict):
    counts: _Ints
    rates: _Floats
    lower: _Floats
    upper: _Floats
    step_rates: _Floats
    step_lower: _Floats
    step_upper: _Floats
    time_quantiles: _Floats
    lag_quantiles: _Floats
    open: _Ints
    final_rates: _Floats
    final_lower: _Floats
    final_upper: _Floats

class _Sessions(TypedDict):
    customer: _Ints
    start: _Ints
    length: _Ints
    events: _Ints

def funnel_units(log: EventLog, plan: FunnelPlan, threads: int) -> FunnelUnits: ...
def funnel_table(
    units: FunnelUnits,
    rows: _Ints | None,
    optional: int,
    window: list[int],
    longest: int,
    level: float,
    quantile: list[float],
    landmark: bool,
    threads: int,
) -> _FunnelTable: ...
def sessions(log: EventLog, gap: int, threads: int) -> _Sessions: ...

MAX_TABLE_STATES: int
MAX_MATRIX_STEPS: int
MAX_CHANNELS: int
CREDIT_MODELS: tuple[str, ...]

class StatePlan:
    by: int | None
    states: int
    session_gap: int | None
    collapse: bool
    def __init__(self) -> None: ...
    def set_state_of(self, state_of: npt.NDArray[np.int32]) -> None: ...

class PathKind(_Enum):
    part: ClassVar[PathKind]
    whole: ClassVar[PathKind]
    loop: ClassVar[PathKind]

class _Transitions(TypedDict):
    counts: _Ints
    customers: _Ints
    median: _Floats
    units: int
    open: int

class _StepCounts(TypedDict):
    counts: _Ints
    units: int
    without_anchor: int

class _Paths(TypedDict):
    offset: _Ints
    state: npt.NDArray[np.int32]
    counts: _Ints
    customers: _Ints
    median: _Floats
    distinct: int
    total: int
    units: int
    all_customers: int

def rows_by_code(log: EventLog, by: int | None, codes: int, threads: int) -> _Ints: ...
def transitions(log: EventLog, plan: StatePlan, threads: int) -> _Transitions: ...
def step_counts(
    log: EventLog, states: StatePlan, steps: int, anchor: list[int], threads: int
) -> _StepCounts: ...
def paths(
    log: EventLog,
    states: StatePlan,
    kind: PathKind,
    least: int,
    most: int,
    start: list[int],
    end: list[int],
    top: int,
    threads: int,
) -> _Paths: ...

class AttributionPlan:
    by: int | None
    channel_of: list[int]
    channels: int
    touch: list[int]
    conversion: list[int]
    models: list[int]
    lookback: int
    half_life: float
    position: tuple[float, float, float] | list[float]
    order: int
    revenue: bool
    def __init__(self) -> None: ...

class _Attribution(TypedDict):
    credit: _Floats
    money: _Floats
    effect: _Floats
    conversions: float
    credited: float
    revenue: float
    credited_revenue: float
    paths: float

def attribution(log: EventLog, plan: AttributionPlan, threads: int) -> _Attribution: ...
def attribution_bootstrap(
    log: EventLog, plan: AttributionPlan, replicates: int, seed: int, level: float, threads: int
) -> tuple[_Floats, _Floats]: ...
