"""From the settings of `Stages` to what the engine labels by: rules, clock, columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import to_datetime
from tenure._validation import Floats, as_choice, as_column, as_number
from tenure.events import EventLog
from tenure.events._columns import matching
from tenure.lifecycle._conditions import FACTS, Conditions
from tenure.lifecycle._rule_set import SEED_SET, RuleSet

CLOCKS = ("population", "own", "alive", "contract")
_CONTRACT_COLUMNS = ("contract_start", "contract_end")
_PROSPECT_COLUMNS = ("score", "accepted", "fit", "engagement", "opted_in")
_SCORES = ("R_score", "F_score", "M_score")
#: With these a one-time buyer is alive for ever, so that silence would never count.
_NEVER_LAPSES = ("BGNBD", "BGCNBD", "TimeVaryingBGNBD")


@dataclass(frozen=True)
class Plan:
    """What the engine needs beyond dates and calibrations."""

    rules: RuleSet
    conditions: Conditions | None  # None: the engine's own reading of "seed"
    clock: _core.lifecycle.Clock
    identified: npt.NDArray[np.uint8]
    contract_start: Floats | None
    columns: list[Floats]


def plan(
    log: EventLog,
    at: Sequence[int],
    rules: RuleSet,
    *,
    clock: Any,
    prior_gaps: Any,
    alive: Any,
    threads: int,
) -> Plan:
    """Return how a log is labelled at the instants `at`."""
    as_choice(clock, "clock", CLOCKS)
    if (alive is None) != (clock != "alive"):
        msg = (
            "clock='alive' needs alive=: probabilities, or a fitted model"
            if alive is None
            else f"alive is what clock='alive' goes by; the clock is {clock!r}"
        )
        raise InvalidInputError(msg, argument="alive")
    table = _columns_of(log)
    start, end = (_days_of(table[n], n) if n in table else None for n in _CONTRACT_COLUMNS)
    own = [n for n in table if n not in FACTS and n not in _CONTRACT_COLUMNS]
    names = list(dict.fromkeys([*own, *_PROSPECT_COLUMNS, *_SCORES]))
    conditions, columns = None, []
    if rules is not SEED_SET:
        named = Conditions([rule.when for rule in rules.rules], names).used
        _require_contract(named, start, end)
        used = [n for n in names if n in named]
        conditions = Conditions([rule.when for rule in rules.rules], used)
        scores = _rfm_scores(log, at, threads) if any(n in _SCORES for n in used) else {}
        absent = np.full(log.n_customers, np.nan)
        columns = [
            scores[n] if n in scores else _numbers_of(table[n], n) if n in table else absent
            for n in used
        ]
    if clock == "contract" and end is None:
        msg = "clock='contract' needs a column contract_end in the log's customer table"
        raise InvalidInputError(msg, argument="clock", value=clock)
    return Plan(
        rules,
        conditions,
        _core.lifecycle.Clock(
            clock,
            as_number(prior_gaps, "prior_gaps", above=0.0),
            0.7,
            0.3,
            None if alive is None else _alive(log, at, alive, threads),
            end,
        ),
        identified(log),
        start,
        columns,
    )


def _require_contract(named: set[str], start: Floats | None, end: Floats | None) -> None:
    for fact, column, name in (
        ("contract_days", start, "contract_start"),
        ("days_to_end", end, "contract_end"),
    ):
        if fact in named and column is None:
            msg = f"a rule asks for {fact}: the log's customer table needs a column {name}"
            raise InvalidInputError(msg, argument="rules", value=fact)


def identified(log: EventLog) -> npt.NDArray[np.uint8]:
    """Return which customers have a row in the log's customer table."""
    if log.customers is None:
        return np.zeros(log.n_customers, dtype=np.uint8)
    known = log.customers.column(0).is_valid().to_numpy(zero_copy_only=False)
    return np.asarray(known, dtype=np.uint8)


def _columns_of(log: EventLog) -> dict[str, Any]:
    """Columns of the customer table by name, those that no condition could name left out."""
    if log.customers is None:
        return {}
    names = log.customers.column_names[1:]
    return {name: log.customers.column(name) for name in names if name.isidentifier()}


def _numbers_of(column: Any, name: str) -> Floats:
    import pyarrow as pa

    try:
        values = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
        cast = values.cast(pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        msg = f"customers[{name!r}] must hold numbers or flags for a rule, not {column.type}"
        raise InvalidInputError(msg, argument="customers", value=name) from error
    return np.ascontiguousarray(cast.to_numpy(), dtype=np.float64)


def _days_of(column: Any, name: str) -> Floats:
    """Local days since 1970-01-01, NaN where there is none."""
    import pyarrow as pa

    try:
        days = column.cast(pa.timestamp("us")).cast(pa.date32(), safe=False).cast(pa.int32())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        msg = f"customers[{name!r}] must hold dates, not {column.type}"
        raise InvalidInputError(msg, argument="customers", value=name) from error
    return np.ascontiguousarray(days.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _rfm_scores(log: EventLog, at: Sequence[int], threads: int) -> dict[str, Floats]:
    """Scores at each date, dates x customers, as `tenure.segment.rfm` gives them."""
    from tenure.segment import rfm

    scores = {name: np.full((len(at), log.n_customers), np.nan) for name in _SCORES}
    for d, instant in enumerate(at):
        end = to_datetime(instant, log.timezone)
        if not len(log.summary("day", "day", end, n_threads=threads)):
            continue
        monetary = "total" if log.has_amounts else None
        result = rfm(log, at=end, monetary=monetary, n_threads=threads)
        place, _ = matching(log.customer_ids, result.customer)
        for name, score in zip(_SCORES, (result.r, result.f, result.m), strict=True):
            if score is not None:
                scores[name][d, place] = score
    return {name: np.ravel(values) for name, values in scores.items()}


def _alive(log: EventLog, at: Sequence[int], alive: Any, threads: int) -> Floats:
    """P(alive) by date and customer, from an array or a fitted model."""
    shape = (len(at), log.n_customers)
    if not hasattr(alive, "probability_alive"):
        given = np.asarray(alive)
        if given.shape not in {shape, shape[1:]} or (given.ndim == 1 and len(at) > 1):
            msg = f"alive must have the shape {shape} of dates and customers, got {given.shape}"
            raise InvalidInputError(msg, argument="alive")
        return as_column(given.ravel(), np.float64, "alive")
    if type(alive).__name__ in _NEVER_LAPSES:
        msg = (
            f"alive is a {type(alive).__name__}, by which a one-time buyer is alive for ever: pass "
            "an MBGNBD, a ParetoNBD or a BGBB"
        )
        raise InvalidInputError(msg, argument="alive")
    values = np.full(shape, np.nan)
    for d, instant in enumerate(at):
        end = to_datetime(instant, log.timezone)
        summary = log.summary(alive.unit_ or "week", end=end, n_threads=threads)
        if len(summary):
            place, _ = matching(log.customer_ids, summary.customer)
            values[d, place] = np.asarray(alive.probability_alive(summary), dtype=np.float64)
    return values.ravel()
