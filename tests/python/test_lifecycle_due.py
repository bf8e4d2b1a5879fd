"""Due dates by the calendar, and by how soon a product is bought again."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tenure as tn
from tenure._time import add_calendar_length
from tenure.lifecycle import due_dates, replenishment

START = dt.date(2024, 1, 1)


def texts(days: Any) -> list[str]:
    return [str(d) for d in days]


def test_due_dates_by_hand() -> None:
    items = {
        "customer": ["a", "b", "c"],
        "date": [dt.date(2023, 8, 31), dt.date(2024, 2, 29), dt.date(2024, 5, 30)],
        "item": ["laptop", "lease", "filter"],
    }
    lengths = {"laptop": "6mo", "lease": "1y", "filter": "6w"}
    d = due_dates(items, lengths, at="2024-06-01", lead="2w")
    assert texts(d.due) == ["2024-02-29", "2025-02-28", "2024-07-11"]
    assert texts(d.contact) == ["2024-02-15", "2025-02-14", "2024-06-27"]
    assert d.days_left.tolist() == [-93, 272, 40]
    assert repr(d).startswith("3 due dates, 1 of them passed")


@given(st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), st.integers(0, 400))
def test_months_later_is_the_same_day_or_the_last_of_the_month(day: dt.date, months: int) -> None:
    later = add_calendar_length(np.array([day], "datetime64[D]"), months, 0)[0].item()
    index = day.year * 12 + day.month - 1 + months
    assert (later.year, later.month) == (index // 12, index % 12 + 1)
    ends = (later + dt.timedelta(days=1)).day == 1
    assert later.day == day.day or (later.day < day.day and ends)


def test_what_has_no_length_or_date_is_refused() -> None:
    items = {"customer": ["a"], "date": [START], "item": ["x"]}
    with pytest.raises(tn.InvalidInputError, match=r"items\['item'\]\[0\] is 'x'"):
        due_dates(items, {"y": "1y"}, at=START)
    with pytest.raises(tn.InvalidInputError, match="length must be a whole number of days"):
        due_dates(items, "soon", at=START)
    with pytest.raises(tn.InvalidInputError, match="length must be a whole number"):
        due_dates(items, "1.5mo", at=START)
    undated = {"customer": ["a"], "date": np.array(["NaT"], "datetime64[D]")}
    with pytest.raises(tn.InvalidInputError, match=r"items\['date'\]\[0\] is missing"):
        due_dates(undated, 5, at=START, item=None)
    with pytest.raises(tn.InvalidInputError, match="has no column 'item'"):
        due_dates({"customer": ["a"], "date": [START]}, 5, at=START)
    with pytest.raises(tn.InvalidInputError, match="lead must be in days or weeks"):
        due_dates(items, 5, at=START, lead="1mo")


def a_log(rows: list[tuple[Any, int, str]], until: int, **more: Any) -> tn.EventLog:
    columns = {
        "who": [who for who, _, _ in rows],
        "day": [START + dt.timedelta(days=day) for _, day, _ in rows],
        "sku": [sku for _, _, sku in rows],
    }
    end = START + dt.timedelta(days=until - 1)
    return tn.EventLog(
        columns, customer="who", time="day", properties=["sku"], observed_until=end, **more
    )


def by_hand(rows: list[tuple[Any, int, str]], until: int, q: float) -> dict[tuple[Any, str], Any]:
    """Due days from the definition, one product's curve at a time, in plain Python."""
    bought: dict[tuple[Any, str], list[int]] = defaultdict(list)
    for who, day, sku in sorted(set(rows)):
        bought[who, sku].append(day)
    found = {}
    for sku in {s for _, s in bought}:
        gaps = []
        for (_, s), days in bought.items():
            if s == sku:
                gaps += [(b - a, True) for a, b in itertools.pairwise(days)]
                gaps.append((until - 1 - days[-1], False))
        curve, left = [], 1.0
        for t in sorted({g for g, ended in gaps if ended}):
            risk = sum(g >= t for g, _ in gaps)
            left *= 1.0 - sum(g == t and ended for g, ended in gaps) / risk
            curve.append((t, left))
        for (who, s), days in bought.items():
            if s == sku:
                silent = until - 1 - days[-1]
                now = [1.0, *(x for t, x in curve if t <= silent)][-1]
                due = [t for t, x in curve if x <= (1 - q) * now + 1e-12 and now > 0]
                found[who, s] = days[-1] + due[0] if due else None
    return found


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 60), st.sampled_from("xy")),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([0.25, 0.5, 0.9]),
)
def test_due_days_equal_a_reading_in_plain_python(rows: Any, q: float) -> None:
    found = replenishment(a_log(rows, 70), "sku", quantile=q, min_gaps=1)
    wanted = by_hand(rows, 70, q)
    gaps = {s for (who, s) in wanted if len({d for w, d, p in rows if (w, p) == (who, s)}) > 1}
    for who, sku, due in zip(
        found.customer.to_pylist()
        if hasattr(found.customer, "to_pylist")
        else found.customer.tolist(),
        found.product,
        found.due,
        strict=True,
    ):
        expected = wanted[who, sku] if sku in gaps else None
        got = None if np.isnat(due) else (due.item() - START).days
        assert got == expected, (who, sku)


def test_products_with_few_gaps_share_a_curve() -> None:
    rows = [(c, 30 * k + c, "often") for c in range(20) for k in range(4)]
    rows += [(c, 10 * k, f"rare {c}") for c in range(3) for k in range(2)]
    found = replenishment(a_log(rows, 200), "sku")
    assert found.products.product.tolist() == ["often", "(others)"]
    assert found.products.gaps.tolist() == [60, 3]
    assert found.products.median.tolist() == [30.0, 10.0]
    # Silent for longer than anybody ever waited: no date is told, and no chance.
    rare = np.char.startswith(found.product.astype(str), "rare")
    assert np.isnat(found.due[rare]).all()
    assert (found.chance[rare] == 0.0).all()


def test_windows_hold_the_next_purchase() -> None:
    """Of purchases after the end of the log, the stated share falls into the window."""
    rng = np.random.default_rng(3)
    until = 360
    rows, ahead = [], {}
    for who in range(1500):
        day = float(rng.integers(0, 90))
        while day < until:
            rows.append((who, int(day), "filter"))
            day += rng.gamma(6.0, 8.0) + 1.0
        ahead[who] = int(day)
    found = replenishment(a_log(rows, until), "sku", level=0.8)
    told = ~np.isnat(found.due)
    assert told.mean() > 0.97
    first, due, last = (
        (d[told] - np.datetime64(START)).astype(int)
        for d in (found.earliest, found.due, found.latest)
    )
    next_day = np.array([ahead[int(c)] for c in np.asarray(found.customer)[told]])
    inside = np.mean((first <= next_day) & (next_day <= last))
    # Days are whole, so that the window holds a little more than asked; 3 standard errors.
    assert 0.77 <= inside <= 0.86
    assert abs(np.mean(next_day <= due) - 0.5) < 0.06


def test_first_due_is_one_row_a_customer() -> None:
    rows = [("a", 10 * k, "x") for k in range(5)] + [("a", 7 * k, "y") for k in range(6)]
    rows += [("b", 10 * k + 1, "x") for k in range(4)]
    found = replenishment(a_log(rows, 44), "sku", min_gaps=1)
    first = found.first_due()
    assert list(first.customer) == list(dict.fromkeys(first.customer))
    play = tn.lifecycle.Play("refill", first.customer, 1.0, due=first.due)
    assert len(tn.lifecycle.plan([play], START, horizon="90d", hold_out=0.0)) == len(first)


def test_refunds_and_other_events_are_no_purchase() -> None:
    day = [START + dt.timedelta(days=d) for d in (0, 10, 12, 30)]
    frame = {"who": ["a"] * 4, "day": day, "sku": ["x"] * 4}
    events = {**frame, "what": ["buy", "buy", "view", "buy"]}
    told: dict[str, Any] = {"customer": "who", "time": "day", "properties": ["sku"]}
    seen = tn.EventLog(events, event="what", orders=["buy"], **told)
    assert replenishment(seen, "sku").products.gaps.tolist() == [2]
    paid = tn.EventLog({**frame, "v": [5.0, 5.0, -5.0, 5.0]}, amount="v", **told)
    assert replenishment(paid, "sku").products.gaps.tolist() == [2]


def test_what_the_log_has_not_is_refused() -> None:
    log = a_log([("a", 0, "x")], 10)
    with pytest.raises(tn.InvalidInputError, match="'colour' is no property"):
        replenishment(log, "colour")
    with pytest.raises(tn.InvalidInputError, match="quantile must be"):
        replenishment(log, "sku", quantile=1.0)
    with pytest.raises(tn.InvalidInputError, match="level must be"):
        replenishment(log, "sku", level=math.nan)
    one = replenishment(log, "sku")
    assert np.isnat(one.due).all()
    assert one.chance.tolist() == [0.0]
