from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

_F = npt.NDArray[np.float64]
_I = npt.NDArray[np.int64]
_Text = tuple[_I, npt.NDArray[np.int8]]

class _Enum:
    """What pybind11 gives every enumeration."""

    __members__: ClassVar[dict[str, Self]]
    def __init__(self, value: int) -> None: ...
    def __eq__(self, other: object) -> bool: ...
    def __ne__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __int__(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Period(_Enum):
    day: ClassVar[Period]
    week: ClassVar[Period]
    month: ClassVar[Period]
    quarter: ClassVar[Period]
    year: ClassVar[Period]

class TimeZone:
    def __init__(self, initial_offset: int, transition: _I, offset: _I) -> None: ...
    def offset_at(self, utc: int) -> int: ...
    def start_of_day(self, day: int) -> int: ...
    def local_day(self, utc: int) -> int: ...

class EventLog:
    observed_from: int
    observed_until: int
    @property
    def customers(self) -> int: ...
    @property
    def rows(self) -> int: ...
    @property
    def has_amount(self) -> bool: ...
    @property
    def has_event(self) -> bool: ...
    @property
    def offset(self) -> _I: ...
    @property
    def time(self) -> _I: ...
    @property
    def amount(self) -> _F: ...
    @property
    def event(self) -> npt.NDArray[np.uint16]: ...
    def property(self, p: int) -> npt.NDArray[np.int32]: ...

class Import:
    @property
    def rows(self) -> int: ...
    @property
    def text_ids(self) -> bool: ...
    @property
    def unsigned_ids(self) -> bool: ...
    def take_table_ids(self) -> _I: ...
    def take_customer_text(self) -> _Text: ...
    def take_event_text(self) -> _Text: ...
    def take_property_text(self, p: int) -> _Text: ...

def import_rows(
    stream: object,
    customer: str,
    time: str,
    amount: str,
    event: str,
    properties: list[str],
    timezone: TimeZone,
    ambiguous: str,
    customers: object | None,
    threads: int,
) -> Import: ...
def index_rows(
    rows: Import,
    order_event: list[int],
    drop_invalid: bool,
    drop_refunds: bool,
    until: int | None,
    threads: int,
) -> tuple[dict[str, Any], EventLog | None, _I]: ...
def match_refunds(log: EventLog, threads: int) -> tuple[EventLog, int, int]: ...
def slice_time(
    log: EventLog, start: int, until: int, keep_silent: bool, threads: int
) -> tuple[EventLog, _I]: ...
def filter_rows(
    log: EventLog,
    event: list[int],
    property: list[tuple[int, list[int], bool]],
    customer: npt.NDArray[np.uint8],
    amount: tuple[float, float],
    time: tuple[int, int],
    keep_customers: bool,
    threads: int,
) -> tuple[EventLog, _I]: ...
def summary(
    log: EventLog,
    collapse: Period | None,
    unit_days: float,
    unit_is_collapse: bool,
    end: int,
    log_gaps: bool,
    threads: int,
) -> dict[str, npt.NDArray[Any]]: ...
def summaries(
    log: EventLog,
    collapse: Period | None,
    unit_days: float,
    unit_is_collapse: bool,
    ends: list[int],
    threads: int,
) -> tuple[dict[str, Any], _I]: ...
def order_gaps(
    log: EventLog,
    collapse: Period | None,
    unit_days: float,
    unit_is_collapse: bool,
    end: int,
    threads: int,
) -> dict[str, Any]: ...
def order_periods(
    log: EventLog, period: Period, collapse: Period | None, end: int, threads: int
) -> dict[str, Any]: ...
def features(
    log: EventLog, at: list[int], windows: list[int], events: list[int], threads: int
) -> tuple[_I, _I, list[tuple[str, int, int, npt.NDArray[np.float32]]]]: ...
def contract_spells(
    log: EventLog, period: Period, role: list[int], term: int, threads: int
) -> tuple[_I, _I, _I, npt.NDArray[np.uint8]]: ...
def restore(
    offset: _I,
    time: _I,
    amount: _F | None,
    event: npt.NDArray[np.uint16] | None,
    property: list[npt.NDArray[np.int32]],
    property_values: list[int],
    order_event: list[int],
    timezone: TimeZone,
    observed_from: int,
    observed_until: int,
    threads: int,
) -> EventLog: ...
def joined(
    segments: list[tuple[EventLog, _I, npt.NDArray[np.uint16], list[npt.NDArray[np.int32]]]],
    customers: int,
    order_event: list[int],
    observed_from: int,
    observed_until: int,
    threads: int,
) -> EventLog: ...
