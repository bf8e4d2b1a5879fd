"""Contracts from logs: against a reading of the rules row by row, and against cohort.contracts."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tenure as tn

EVENTS = ["start", "renewal", "change", "cancel", "visit"]
BEGIN, END = dt.date(2023, 11, 1), dt.date(2024, 7, 31)
rows = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, (END - BEGIN).days), st.sampled_from(EVENTS)),
    min_size=1,
    max_size=25,
)


def log_of(data, amounts=False):
    data = [*data, (9, 0, "start"), (9, 0, "visit"), (9, 0, "change"), (9, 0, "renewal"),
            (9, 0, "cancel")]  # fmt: skip
    columns = {
        "who": [who for who, *_ in data],
        "day": [BEGIN + dt.timedelta(days) for _, days, _ in data],
        "what": [what for *_, what in data],
        "mrr": [10.0] * len(data),
    }
    return tn.EventLog(
        columns,
        customer="who",
        time="day",
        event="what",
        orders=["start", "change"],
        amount="mrr" if amounts else None,
        observed_until=str(END),
    )


def month_after(day, months):
    """First day of the month that lies so many months after that of a day."""
    index = day.year * 12 + day.month - 1 + months
    return dt.date(index // 12, index % 12 + 1, 1)


def spells_by_hand(data, term):
    """(customer, start, end, how), a customer and a day at a time."""
    found = []
    over = END + dt.timedelta(1)
    for who in sorted({w for w, *_ in data}):
        start = lapses = None
        for days in sorted({d for w, d, _ in data if w == who}):
            today = BEGIN + dt.timedelta(days)
            events = {e for w, d, e in data if w == who and d == days}
            if start and lapses and lapses <= today:
                found.append((who, start, lapses, "lapsed"))
                start = None
            opens = bool(events & {"start", "renewal"})
            if start is None and (opens or "change" in events):
                start, lapses = today, month_after(today, term + 1) if term else None
                if "cancel" in events:
                    found.append((who, start, today, "cancelled"))
                    start = None
            elif start is not None:
                if opens:
                    lapses = month_after(today, term + 1) if term else None
                elif "cancel" in events:
                    found.append((who, start, today, "cancelled"))
                    start = None
        if start:
            if lapses and lapses <= over:
                found.append((who, start, lapses, "lapsed"))
            else:
                found.append((who, start, over, "running"))
    return found


@settings(max_examples=60)
@given(rows, st.sampled_from([None, 1, 3]))
def test_spells_are_those_of_the_rules(data, term):
    spells = tn.churn.contract_spells(log_of(data), term=term)
    mine = spells.customer != 9
    told = list(
        zip(
            spells.customer[mine].tolist(),
            spells.start[mine].astype("datetime64[D]").tolist(),
            spells.end[mine].astype("datetime64[D]").tolist(),
            spells.how[mine].tolist(),
            strict=True,
        )
    )
    expected = spells_by_hand(data, term)
    assert told == expected
    assert spells.duration[mine].tolist() == [float((e - s).days) for _, s, e, _ in expected]
    assert spells.ended[mine].tolist() == [how != "running" for *_, how in expected]
    numbers = [n for who in range(4) for n in range(1, sum(w == who for w, *_ in expected) + 1)]
    assert spells.number[mine].tolist() == numbers


@pytest.mark.parametrize("term", [None, 2])
def test_who_is_under_contract_at_the_end_of_a_month(term):
    rng = np.random.default_rng(1)
    data = [(int(w), int(d), EVENTS[int(e)]) for w, d, e in
            zip(rng.integers(0, 200, 900), rng.integers(0, 273, 900), rng.integers(0, 4, 900),
                strict=True)]  # fmt: skip
    log = log_of(data, amounts=True)
    with pytest.warns(tn.DataWarning):
        table = tn.cohort.contracts(log, term=term)
    spells = tn.churn.contract_spells(log, term=term)
    for month, closing in zip(table.periods, table.closing, strict=True):
        after = (month.astype("datetime64[M]") + 1).astype("datetime64[us]")
        runs = (spells.start < after) & ((spells.end >= after) | ~spells.ended)
        runs &= ~((spells.how == "lapsed") & (spells.end <= after))
        assert runs.sum() == closing


def test_threads_change_nothing():
    rng = np.random.default_rng(2)
    data = [(int(w), int(d), EVENTS[int(e)]) for w, d, e in
            zip(rng.integers(0, 3000, 30_000), rng.integers(0, 273, 30_000),
                rng.integers(0, 5, 30_000), strict=True)]  # fmt: skip
    log = log_of(data)
    once, twice = (tn.churn.contract_spells(log, term=2, n_threads=n).to_arrow() for n in (1, 4))
    assert once.equals(twice)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"start": "begin"}, "no event of the log is called 'begin'"),
        ({"start": "change"}, "is named as start, too"),
        ({"term": 0}, "term must be"),
        ({"term": 5000}, "at most 4096"),
        ({"period": "decade"}, "period must be"),
    ],
)
def test_settings_are_checked(asked, said):
    with pytest.raises(tn.InvalidInputError, match=said):
        tn.churn.contract_spells(log_of([(1, 1, "start")]), **asked)


def test_a_log_without_event_names_is_refused():
    log = tn.EventLog({"a": [1], "b": [dt.date(2024, 1, 1)]}, customer="a", time="b")
    with pytest.raises(tn.InvalidInputError, match="event names"):
        tn.churn.contract_spells(log)
