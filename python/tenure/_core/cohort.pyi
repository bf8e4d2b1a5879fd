from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from .events import EventLog, Period, TimeZone

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]

class RateOptions:
    def __init__(
        self, value: str, denominator: str, mean: str, match: str, min_events: int
    ) -> None: ...
    @property
    def is_proportion(self) -> bool: ...

class RetentionTable:
    @property
    def without_start(self) -> int: ...
    @property
    def unassigned_revenue(self) -> float: ...

class Members:
    @property
    def without_start(self) -> int: ...
    @property
    def unassigned_revenue(self) -> float: ...
    def groups(self) -> npt.NDArray[np.int32]: ...
    def in_one_group(self) -> Members: ...

class RetentionCounts:
    def add(self, other: RetentionCounts) -> None: ...
    def table(self, max_age: int | None) -> RetentionTable: ...
    def state(self) -> dict[str, Any]: ...
    @staticmethod
    def restore(head: _Ints, size: _Ints, active: _Ints, revenue: _Ints) -> RetentionCounts: ...

class MemberRows:
    def add(self, later: MemberRows) -> None: ...
    def regroup(self, codes: npt.NDArray[np.int32]) -> None: ...
    def assemble(
        self,
        period: Period,
        rolling: bool,
        max_age: int | None,
        brackets: list[int] | None,
        timezone: TimeZone,
        observed_until: int,
    ) -> Members: ...
    def state(self) -> dict[str, Any]: ...
    @staticmethod
    def restore(
        head: _Ints,
        customer: _Ints,
        period: _Ints,
        last_age: _Ints,
        first_cell: _Ints,
        group: npt.NDArray[np.int32],
        age: npt.NDArray[np.int32],
        events: npt.NDArray[np.int32],
        amount: _Floats,
    ) -> MemberRows: ...

class RetentionCells:
    @property
    def groups(self) -> int: ...
    @property
    def cohorts(self) -> int: ...
    @property
    def ages(self) -> int: ...
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

class _Shares(TypedDict):
    rate: _Floats
    lower: _Floats
    upper: _Floats
    mean: _Floats
    mean_lower: _Floats
    mean_upper: _Floats

def retention_counts(
    log: EventLog, period: Period, max_age: int | None, revenue: bool, threads: int
) -> RetentionCounts: ...
def member_rows(
    log: EventLog,
    *,
    period: Period,
    rolling: bool,
    anchor: str,
    start_event: list[int],
    return_event: list[int],
    where: list[tuple[int, list[int]]],
    signup: _Ints | None,
    by_property: int | None,
    by_customer: npt.NDArray[np.int32] | None,
    same_value: bool,
    max_age: int | None,
    brackets: list[int] | None,
    threads: int,
) -> MemberRows: ...
def table_cells(table: RetentionTable, options: RateOptions) -> RetentionCells: ...
def member_cells(members: Members, options: RateOptions) -> RetentionCells: ...
def retention_rates(cells: RetentionCells, options: RateOptions) -> _Rates: ...
def retention_bootstrap(
    members: Members,
    options: RateOptions,
    replicates: int,
    seed: int,
    level: float,
    threads: int,
) -> tuple[_Floats, _Floats, _Floats, _Floats]: ...
def return_shares(members: Members, min_events: int, level: float, threads: int) -> _Shares: ...

class _Growth(TypedDict):
    period: _Ints
    new: _Ints
    returning: _Ints
    resurrected: _Ints
    dormant: _Ints
    lapsed: _Ints

def growth(
    log: EventLog,
    period: Period,
    lapse: int,
    event: list[int],
    signup: _Ints | None,
    threads: int,
) -> _Growth: ...
def active_users(
    log: EventLog, event: list[int], windows: list[int], threads: int
) -> tuple[int, list[_Ints]]: ...
def stickiness(
    log: EventLog, event: list[int], inner: Period, outer: Period, threads: int
) -> tuple[_Ints, int, _Ints]: ...

class _ReturnTimes(TypedDict):
    customer: _Ints
    cohort: _Ints
    group: npt.NDArray[np.int32]
    days: _Floats
    ended: npt.NDArray[np.uint8]
    without_start: int

def return_times(
    log: EventLog,
    *,
    period: Period,
    anchor: str,
    start_event: list[int],
    return_event: list[int],
    where: list[tuple[int, list[int]]],
    signup: _Ints | None,
    by_property: int | None,
    by_customer: npt.NDArray[np.int32] | None,
    silence: int | None,
    threads: int,
) -> _ReturnTimes: ...

class ContractMoves:
    @property
    def periods(self) -> int: ...
    @property
    def without_contract(self) -> int: ...
    @property
    def opened_without_start(self) -> int: ...
    @property
    def cancelled_before(self) -> int: ...
    def first_days(self, period: Period) -> _Ints: ...
    def exposure(self) -> _Floats: ...
    def ended(self) -> _Ints: ...
    def brief(self) -> _Ints: ...
    def survivors(self) -> _Ints: ...

class _Contracts(TypedDict):
    opening: _Ints
    new: _Ints
    reactivated: _Ints
    expanded: _Ints
    contracted: _Ints
    churned: _Ints
    closing: _Ints
    opening_revenue: _Floats
    new_revenue: _Floats
    reactivated_revenue: _Floats
    expansion: _Floats
    contraction: _Floats
    churned_revenue: _Floats
    closing_revenue: _Floats
    gross_churn: _Floats
    net_churn: _Floats

def contract_moves(
    log: EventLog, period: Period, role: list[int], term: int, threads: int
) -> ContractMoves: ...
def contract_table(moves: ContractMoves) -> _Contracts: ...
def contract_bootstrap(
    moves: ContractMoves, replicates: int, seed: int, level: float, threads: int
) -> tuple[_Floats, _Floats, _Floats, _Floats]: ...
