"""Key figures against tables by hand, a reading in plain Python, the jackknife and simulation."""

from __future__ import annotations

import datetime as dt
import functools
import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

import tenure as tn
from tenure.lifecycle import kpis

Row = tuple[str, str, float]

HAND: list[Row] = [
    ("a", "2024-01-05", 10.0),
    ("a", "2024-01-20", 30.0),
    ("a", "2024-03-02", 20.0),
    ("b", "2024-01-31", 40.0),
    ("c", "2024-02-10", 8.0),
    ("c", "2024-02-29", 12.0),
]


def a_log(rows: list[Row], until: str = "2024-04-30", **more: Any) -> tn.EventLog:
    columns = {
        "who": [who for who, _, _ in rows],
        "day": [dt.date.fromisoformat(day) for _, day, _ in rows],
        "paid": [paid for _, _, paid in rows],
    }
    return tn.EventLog(
        columns, customer="who", time="day", amount="paid", observed_until=until, **more
    )


def values(k: Any, measure: str, segment: str | None = None) -> list[Any]:
    found = k.of(measure, segment).value
    return [None if math.isnan(v) else round(float(v), 9) for v in found]


def test_the_table_by_hand() -> None:
    spend = {"date": [dt.date(2024, 1, 9), dt.date(2024, 2, 1), dt.date(2024, 3, 1)]}
    k = kpis(
        a_log(HAND),
        spend={**spend, "spend": [50.0, 12.0, 5.0]},
        margin=0.5,
        value=[100.0, 20.0, 30.0],
        incremental={"2024-01-01": 150.0},
        repeat_within="30d",
    )
    assert k.period[:4].astype(str).tolist() == [
        "2024-01-01",
        "2024-02-01",
        "2024-03-01",
        "2024-04-01",
    ]
    assert values(k, "customers") == [2, 1, 1, 0]
    assert values(k, "new_customers") == [2, 1, 0, 0]
    assert values(k, "orders") == [3, 2, 1, 0]
    assert values(k, "revenue") == [80, 20, 20, 0]
    assert values(k, "order_value") == [round(80 / 3, 9), 10, 20, None]
    assert values(k, "frequency") == [1.5, 2, 1, None]
    assert values(k, "revenue_per_customer") == [40, 20, 20, None]
    assert values(k, "returning_share") == [0, 0, 1, None]
    # Who was new in March has been watched for 30 days after it, but nobody was.
    assert values(k, "repeat_rate") == [0.5, 1, None, None]
    assert values(k, "top_10_share") == [0.1, 0.1, 0.1, None]
    assert values(k, "cac") == [25, 12, None, None]
    assert values(k, "roas") == [1.6, round(20 / 12, 9), 4, None]
    assert values(k, "value_to_cost") == [2.4, 2.5, None, None]
    # January: 40 and 40 by two, half of it margin: 20, 0, 5 in the third month makes 25 at its end.
    # February: 10 in the first month, never 12.
    assert values(k, "payback") == [3, None, None, None]
    assert values(k, "romi") == [0.5, None, None, None]
    assert np.isnan(k.of("cac").upper[2:]).all()
    assert np.isnan(k.of("cac").lower[2:]).all()


def test_periods_that_are_not_over_do_not_count_and_cohorts_too_young_have_no_rate() -> None:
    k = kpis(a_log(HAND, until="2024-03-15"), repeat_within="30d")
    assert values(k, "orders") == [3, 2]
    assert values(k, "repeat_rate") == [0.5, None]
    assert k.notes == ("the period from 2024-03-01 is not over: nothing of it counts",)
    assert kpis(a_log(HAND)).notes == ()


def test_segments_add_up_and_have_a_cost_of_their_own() -> None:
    spend = {
        "date": [dt.date(2024, 1, 1)] * 2,
        "spend": [30.0, 10.0],
        "channel": ["web", "shop"],
    }
    people = {"who": ["a", "b", "c"], "channel": ["web", "shop", None]}
    k = kpis(a_log(HAND, customers=people), by="channel", spend=spend)
    assert values(k, "cac", "web")[0] == 30
    assert values(k, "cac", "shop")[0] == 10
    assert values(k, "cac")[0] == 20
    assert values(k, "orders", "web") == [2, 0, 1, 0]
    labelled = kpis(a_log(HAND), by=["web", "shop", None])
    for measure in ("orders", "revenue", "order_value", "repeat_rate"):
        assert values(labelled, measure, "web") == values(k, measure, "web")


def test_targets_say_what_is_met() -> None:
    log = a_log(HAND)
    spend = {"date": [dt.date(2024, 1, 1)], "spend": [50.0]}
    k = kpis(log, spend=spend, targets={"frequency": 1.5, ("cac", "(all)"): 20.0})
    assert k.of("frequency").on_target.tolist() == [True, True, False, None]
    assert k.of("frequency").to_target[:3].tolist() == [0.0, 0.5, -0.5]
    assert k.of("cac").on_target.tolist() == [False, True, None, None]
    with pytest.raises(tn.InvalidInputError, match="targets\\['speed'\\] is of no figure"):
        kpis(log, targets={"speed": 1.0})


def simulated(seed: int, customers: int = 60) -> list[Row]:
    rng = np.random.default_rng(seed)
    rows = []
    for who in range(customers):
        rate, size = rng.gamma(1.5, 1.0), rng.lognormal(3.0, 0.6)
        start = int(rng.integers(0, 150))
        days = {start, *(start + rng.integers(1, 300, rng.poisson(3 * rate))).tolist()}
        for day in sorted(days):
            when = dt.date(2023, 1, 1) + dt.timedelta(days=int(day))
            rows.append(
                (f"c{who:03}", when.isoformat(), round(float(size * rng.gamma(4, 0.25)), 2))
            )
    return rows


def in_plain_python(rows: list[Row]) -> dict[str, dict[str, float]]:
    """Read the definitions from the rows, month by month."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    first: dict[str, str] = {}
    for who, day, _ in sorted(rows, key=lambda r: r[1]):
        first.setdefault(who, day[:7])
    for month in sorted({day[:7] for _, day, _ in rows}):
        held: dict[str, float] = defaultdict(float)
        orders = 0
        for who, day, paid in rows:
            if day[:7] == month:
                held[who] += paid
                orders += 1
        best = sorted(held.values(), reverse=True)
        room, top = 0.1 * len(best), 0.0
        for v in best:
            top += v * min(max(room, 0.0), 1.0)
            room -= 1.0
        found["order_value"][month] = sum(best) / orders
        found["frequency"][month] = orders / len(held)
        found["returning_share"][month] = sum(first[w] < month for w in held) / len(held)
        found["top_10_share"][month] = top / sum(best)
    return found


def test_figures_equal_a_reading_in_plain_python() -> None:
    rows = simulated(1)
    k = kpis(a_log(rows, until="2024-06-30"))
    for measure, by_month in in_plain_python(rows).items():
        part = k.of(measure)
        seen = dict(zip(part.period.astype("datetime64[M]").astype(str), part.value, strict=True))
        for month, value in by_month.items():
            assert seen[month] == pytest.approx(value, rel=1e-12), (measure, month)


def test_counts_are_those_of_growth_accounting() -> None:
    log = a_log(simulated(2), until="2024-06-30")
    k, g = kpis(log), tn.cohort.growth(log, "month")
    assert values(k, "customers") == g.active.tolist()
    assert values(k, "new_customers") == g.new.tolist()


@functools.cache
def without_each() -> tuple[Any, list[Any]]:
    """Return the figures of all customers, and those without each of them."""
    rows = simulated(3, customers=150)
    names = sorted({who for who, _, _ in rows})
    parts = [rows, *([r for r in rows if r[0] != name] for name in names)]
    whole, *left = (kpis(a_log(part, until="2023-12-31"), "quarter") for part in parts)
    return whole, left


@pytest.mark.parametrize("measure", ["order_value", "frequency", "returning_share", "top_10_share"])
def test_variances_equal_the_jackknife_over_customers(measure: str) -> None:
    whole, left = without_each()
    n = len(left)

    def error(of: Any) -> Any:
        each = np.array([of(k) for k in left])
        return np.sqrt((n - 1) / n * ((each - each.mean(axis=0)) ** 2).sum(axis=0))

    z = 1.959963984540054
    part = whole.of(measure)
    change = (part.change_upper - part.change)[1:] / z
    # The two variances agree to the order of 1/n of a quarter's customers, the quantile's worse.
    near = 0.25 if measure == "top_10_share" else 0.04
    assert change == pytest.approx(error(lambda k: k.of(measure).change[1:]), rel=near)
    if measure != "returning_share":
        assert (part.upper - part.value) / z == pytest.approx(
            error(lambda k: k.of(measure).value), rel=near
        )
    at = np.flatnonzero(whole.trends.measure == measure)
    slope = (whole.trends.upper - whole.trends.slope)[at] / z
    assert slope == pytest.approx(error(lambda k: k.trends.slope[at]), rel=near)


def coverage(runs: int, customers: int, seed: int) -> dict[str, float]:
    """How often limits hold the truth; customers differ in rate and order size, both quarters."""
    rng = np.random.default_rng(seed)
    hits: dict[str, list[bool]] = defaultdict(list)

    def draw(n: int) -> tuple[Any, Any, Any]:
        rate, size = rng.gamma(2.0, 1.0, n), rng.lognormal(3.0, 0.5, n)
        counts = rng.poisson(np.column_stack([rate, 0.8 * rate]))
        return counts, size, None

    counts, size, _ = draw(2_000_000)
    ratio = (counts * size[:, None]).sum(0) / counts.sum(0)
    per = counts.sum(0) / (counts > 0).sum(0)
    held = np.sort(counts[:, 0] * size)
    held = held[held > 0]
    top = held[-len(held) // 10 :].sum() / held.sum()
    for _ in range(runs):
        counts, size, _ = draw(customers)
        rows: dict[str, list[Any]] = {"who": [], "day": [], "paid": []}
        for q, start in enumerate((dt.date(2024, 1, 1), dt.date(2024, 4, 1))):
            who = np.repeat(np.arange(customers), counts[:, q])
            rank = np.arange(len(who)) - np.repeat(
                np.cumsum(counts[:, q]) - counts[:, q], counts[:, q]
            )
            rows["who"] += who.tolist()
            rows["day"] += [start + dt.timedelta(days=int(r)) for r in rank]
            rows["paid"] += size[who].tolist()
        log = tn.EventLog(
            rows, customer="who", time="day", amount="paid", observed_until="2024-06-30"
        )
        k = kpis(log, "quarter")
        for name, truth in (("order_value", ratio), ("frequency", per)):
            part = k.of(name)
            hits[name].append(bool(part.lower[0] <= truth[0] <= part.upper[0]))
            step = truth[1] - truth[0]
            hits[f"{name} change"].append(
                bool(part.change_lower[1] <= step <= part.change_upper[1])
            )
        best = k.of("top_10_share")
        hits["top_10_share"].append(bool(best.lower[0] <= top <= best.upper[0]))
    return {name: float(np.mean(seen)) for name, seen in hits.items()}


def test_limits_cover_by_day() -> None:
    for name, share in coverage(120, 300, 7).items():
        assert share >= 0.87, (name, share)  # 4 standard errors below 95 %


@pytest.mark.slow
def test_limits_cover() -> None:
    for name, share in coverage(2000, 1500, 8).items():
        assert 0.93 <= share <= 0.97, (name, share)


def test_what_cannot_be_is_refused() -> None:
    log = a_log(HAND)
    bad_date = {"date": [dt.date(2023, 12, 31)], "spend": [5.0]}
    with pytest.raises(tn.InvalidInputError, match=r"spend\['date'\]\[0\]"):
        kpis(log, spend=bad_date)
    with pytest.raises(tn.InvalidInputError, match=r"spend\['spend'\]\[0\]"):
        kpis(log, spend={"date": [dt.date(2024, 1, 1)], "spend": [-1.0]})
    with pytest.raises(tn.InvalidInputError, match="spend has no column 'spend'"):
        kpis(log, spend={"date": [dt.date(2024, 1, 1)], "cost": [1.0]})
    with pytest.raises(tn.InvalidInputError, match="by has 2 labels for 3 customers"):
        kpis(log, by=["x", "y"])
    with pytest.raises(tn.InvalidInputError, match="no whole year"):
        kpis(log, "year")
    with pytest.raises(tn.InvalidInputError, match="measured against a spend"):
        kpis(log, value=[1.0, 1.0, 1.0])
    spend = {"date": [dt.date(2024, 1, 1)], "spend": [1.0]}
    with pytest.raises(tn.InvalidInputError, match="must be finite, got nan"):
        kpis(log, spend=spend, value=[math.nan, 1.0, 1.0])


def test_the_plot_shows_limits_and_target() -> None:
    pytest.importorskip("matplotlib")
    ax = kpis(a_log(simulated(4)), targets={"order_value": 20.0}).plot("order_value")
    assert ax.get_ylabel() == "Order value"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["target"]
