"""Health scores against their definition, and a back-test against a count by hand."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tenure as tn
from tenure._model_file import from_bytes, to_bytes
from tenure.lifecycle import HealthPart, HealthScore
from tenure.lifecycle.health_outcomes import lead_times

START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
VALUES = st.lists(st.integers(-5, 5).map(lambda v: v / 2), min_size=1, max_size=30)


def share(part: HealthPart, values: Any, learnt: Any = (0.0,)) -> list[float]:
    health = HealthScore([part]).fit({part.column: np.array(learnt, dtype=float)})
    return (health.score({part.column: np.array(values, dtype=float)}).score / 100.0).tolist()


def a_log(n: int = 200, seed: int = 0) -> tuple[tn.EventLog, list[tuple[int, int]]]:
    """A log of (customer, day): everybody orders at his own rate and may stop."""
    rng = np.random.default_rng(seed)
    rows = []
    for who in range(n):
        day, end = rng.uniform(0, 100), rng.uniform(50, 900)
        while day < min(end, 480):
            rows.append((who, int(day)))
            day += 1 + rng.exponential(rng.uniform(5, 60))
    log = tn.EventLog(
        {"who": [w for w, _ in rows], "day": [START.date() + d * DAY for _, d in rows]},
        customer="who",
        time="day",
        observed_until=START + 500 * DAY,
    )
    return log, rows


# --- rulers ---------------------------------------------------------------------------------------


def test_cuts_are_reached_at_the_cut_from_both_sides() -> None:
    values = [0, 1, 3, 5, 20, 99]
    high = share(HealthPart("x", cuts=[1, 5, 20]), values)
    low = share(HealthPart("x", healthy="low", cuts=[1, 5, 20]), values)
    assert high == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3, 1, 1])
    assert low == pytest.approx([1, 1, 2 / 3, 2 / 3, 1 / 3, 0])


@given(learnt=VALUES, values=VALUES)
def test_ranks_are_middle_ranks_and_linear_between(
    learnt: list[float], values: list[float]
) -> None:
    def rank(v: float) -> float:
        return (sum(u < v for u in learnt) + sum(u <= v for u in learnt)) / (2 * len(learnt))

    def expected(v: float) -> float:
        below = [u for u in learnt if u <= v]
        above = [u for u in learnt if u >= v]
        if not below or not above:
            return rank(min(learnt) if not below else max(learnt))
        a, b = max(below), min(above)
        return rank(a) if a == b else rank(a) + (v - a) / (b - a) * (rank(b) - rank(a))

    found = share(HealthPart("x"), values, learnt)
    assert found == pytest.approx([expected(v) for v in values], abs=1e-12)
    turned = share(HealthPart("x", healthy="low"), [-v for v in values], [-v for v in learnt])
    assert turned == pytest.approx(found, abs=1e-12)


def test_a_ruler_of_many_values_is_short_and_off_by_less_than_a_thousandth() -> None:
    rng = np.random.default_rng(1)
    many = np.concatenate([rng.lognormal(0, 2, 20_000), np.zeros(9_000), np.full(7_000, 1.5)])
    exact = np.searchsorted(np.sort(many), many) + np.searchsorted(np.sort(many), many, "right")
    found = np.array(share(HealthPart("x"), many, many))
    assert np.abs(found - exact / (2 * len(many))).max() < 1e-3
    assert len(HealthScore([HealthPart("x")]).fit({"x": many}).knots_[0]) <= 3003


def test_points_add_up_and_tell_why_a_score_is_low() -> None:
    parts = [
        HealthPart("logins", 3, cuts=[1, 5, 20]),
        HealthPart("tickets", 1, healthy="low", cuts=[0, 3], missing=0.5),
    ]
    table = {"customer": ["a", "b", "c"], "logins": [6, 0, 30], "tickets": [2, 9, math.nan]}
    scores = HealthScore(parts, bands=(50, 87.5)).fit_score(table)
    assert scores.most.tolist() == [75, 25]
    assert scores.points.tolist() == [[50, 12.5], [0, 0], [75, 12.5]]
    assert scores.score.tolist() == [62.5, 0, 87.5]
    assert scores.band.tolist() == ["amber", "red", "green"]  # a limit belongs to the band above
    assert scores.reasons(1) == ["logins -25 of 75", "logins -75 of 75", "tickets -12.5 of 25"]
    assert scores.to_arrow().column_names == ["customer", "score", "band", "logins", "tickets"]


# --- frozen, without leaks, stored ----------------------------------------------------------------

PARTS = [
    HealthPart("days_since_last", 2.0, healthy="low"),
    HealthPart("events_90d", cuts=[1, 3, 6]),
    HealthPart("mean_gap", 0.5, healthy="low", missing=0.3),
]


def test_a_later_date_is_measured_by_the_ruler_of_the_fit() -> None:
    log, _ = a_log()
    health = HealthScore(PARTS).fit(log, at=START + 200 * DAY)
    later = health.score(log, at=START + 400 * DAY)
    columns = log.features([START + 400 * DAY], health.windows)
    few = np.arange(0, len(later), 7)
    table = {n: columns.columns[n][few] for n in ("days_since_last", "events_90d", "mean_gap")}
    assert (health.score(table).score == later.score[few]).all()  # whoever else is scored
    refitted = HealthScore(PARTS).fit(log, at=START + 400 * DAY)
    assert (refitted.score(log, at=START + 400 * DAY).score != later.score).any()


def test_nothing_after_the_date_is_read() -> None:
    log, _ = a_log()
    at = START + 250 * DAY
    whole = HealthScore(PARTS).fit_score(log, at=at)
    cut = HealthScore(PARTS).fit_score(log.split(at)[0], at=at)
    assert (whole.score == cut.score).all()
    assert (whole.customer == cut.customer).all()


def test_threads_change_no_bit_and_a_file_keeps_every_bit() -> None:
    log, _ = a_log()
    health = HealthScore(PARTS, bands=(30, 60)).fit(log, at=START + 200 * DAY, n_threads=3)
    again = from_bytes(to_bytes(health))
    assert repr(again) == repr(health)
    one = again.score(log, at=START + 400 * DAY, n_threads=1)
    assert (one.score == health.score(log, at=START + 400 * DAY, n_threads=4).score).all()
    test = again.back_test(log, [START + 200 * DAY], "90d")
    assert test.customers[0] > 0  # the file remembers when the ranks were learnt
    with pytest.raises(tn.InvalidInputError, match="ranks were learnt"):
        again.back_test(log, [START + 199 * DAY], "90d")


# --- back-test ------------------------------------------------------------------------------------


def test_a_back_test_is_a_count_by_hand() -> None:
    log, rows = a_log()
    part = HealthPart("days_since_last", healthy="low", cuts=[10, 20, 40, 80])
    health = HealthScore([part], bands=(26, 76)).fit(log)
    dates, horizon = [150, 250, 350], 60
    test = health.back_test(log, [START + d * DAY for d in dates], horizon)
    for k, date in enumerate(dates):
        last: dict[int, int] = {}
        for who, day in rows:
            if day < date:
                last[who] = max(last.get(who, -1), day)
        back = {who for who, day in rows if date <= day < date + horizon}
        score = {w: 25 * sum(date - d <= c for c in (10, 20, 40, 80)) for w, d in last.items()}
        gone, here = ([score[w] for w in last if (w in back) == b] for b in (False, True))
        pairs = [(g < h) + 0.5 * (g == h) for g in gone for h in here]
        assert test.auc[k] == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)
        assert test.lower[k] < test.auc[k] < test.upper[k]
        red = [w for w in last if score[w] < 26]
        assert test.bands.customers[3 * k] == len(red)
        assert test.bands.churned[3 * k] == len([w for w in red if w not in back])
        assert test.customers[k] == len(last)
        assert test.churned[k] == len(gone)


def test_a_date_on_which_nobody_churned_has_no_auc() -> None:
    log = tn.EventLog(
        {"who": [1, 2, 1, 2], "day": [dt.date(2024, 1, d) for d in (1, 2, 20, 21)]},
        customer="who",
        time="day",
        observed_until="2024-03-31",
    )
    health = HealthScore([HealthPart("events_30d", cuts=[1])]).fit(log)
    test = health.back_test(log, ["2024-01-10"], 15)
    assert test.churned.tolist() == [0]
    assert np.isnan(test.auc).all()
    assert test.lead_time.churned == 0
    assert math.isnan(test.lead_time.median)


STATES = st.lists(
    st.lists(st.sampled_from([None, (0, 0), (0, 1), (1, 0), (1, 1)]), min_size=4, max_size=4),
    min_size=1,
    max_size=6,
)


@given(states=STATES, horizon=st.sampled_from([3, 10, 25]))
def test_lead_times_are_their_definition(states: Any, horizon: int) -> None:
    """Rows of (below, churned) by customer and date; dates are ten days apart."""
    day = 86_400 * 10**6
    rows = [(w, k, *s) for w, mine in enumerate(states) for k, s in enumerate(mine) if s]
    expected, missed = [], 0
    for mine in states:
        first = next((k for k, s in enumerate(mine) if s and s[1]), None)
        if first is None:
            continue
        certain = 10 * first + horizon
        k = max(k for k, s in enumerate(mine) if s and 10 * k < certain)
        if not mine[k][0]:
            missed += 1
            continue
        while k > 0 and mine[k - 1] and mine[k - 1][0]:
            k -= 1
        expected.append((certain - 10 * k, bool(k > 0 and mine[k - 1] and not mine[k - 1][0])))
    if not rows:
        return
    who, date, below, churned = (np.array(column) for column in zip(*rows, strict=True))
    ends = np.arange(4) * 10 * day
    lead, seen, none = lead_times(who, date, below > 0, churned > 0, ends, horizon * day)
    assert list(zip(lead.tolist(), seen.tolist(), strict=True)) == expected
    assert none == missed


class Known:
    """Churn that is drawn: by date, of the customers of a log."""

    def __init__(self, left: Any) -> None:
        self.left = left

    def told(self, log: Any, cutoffs: Any, horizon: int, threads: int) -> Any:
        return [(np.arange(len(left)), left) for left in self.left]


def everybody(n: int) -> tn.EventLog:
    ids = np.arange(n)
    day = [START.date()] * n
    return tn.EventLog(
        {"who": ids, "day": day}, customer="who", time="day", observed_until=START + 500 * DAY
    )


def covered(runs: int, n: int, seed: int) -> tuple[Any, float]:
    """How often the limits of churn by band, and of the median lead time, hold the truth."""
    rng = np.random.default_rng(seed)
    log, dates = everybody(n), 10
    cutoffs = [START + (30 + 30 * k) * DAY for k in range(dates)]
    health = HealthScore([HealthPart("h", cuts=[1, 2, 3, 4])], bands=(30, 60)).fit({"h": [0.0]})
    rates, steps = np.array([0.7, 0.3, 0.05]), 3
    bands, medians = [], []
    for _ in range(runs):
        level = rng.integers(0, 3, n)
        left = [rng.random(n) < rates[level]]
        table = {"customer": np.arange(n), "h": np.array([1.0, 2.0, 4.0])[level]}
        found = health.back_test(
            log, cutoffs[:1], 30, label=Known(left), features=lambda h, c, t=table: t
        ).bands
        bands.append((found.lower <= rates) & (rates <= found.upper))
        # Who churns at date e is below from 1, 2, ... dates on before: median `steps` dates.
        end = rng.integers(0, dates, n)
        lead = rng.choice([1, 2, 3, 4, 5, 6], n, p=[0.2, 0.2, 0.2, 0.2, 0.1, 0.1])

        def fallen(history: Any, cutoff: Any, end: Any = end, lead: Any = lead) -> Any:
            k = cutoffs.index(cutoff)
            return {"customer": np.arange(n), "h": np.where(k > end - lead, 0.0, 4.0)}

        told = health.back_test(
            log, cutoffs, 30, label=Known([end <= k for k in range(dates)]), features=fallen
        ).lead_time
        medians.append(told.lower <= 30.0 * steps <= told.upper)
    return np.mean(bands, axis=0), float(np.mean(medians))


def test_limits_hold_the_truth() -> None:
    bands, median = covered(60, 150, 1)
    # 60 runs at 95 %: fewer than 50 hits have a chance of 1 in 3,000 each.
    assert (bands > 0.83).all()
    assert median > 0.83


@pytest.mark.slow
def test_limits_hold_the_truth_as_often_as_they_say() -> None:
    bands, median = covered(1500, 150, 2)
    assert ((bands > 0.93) & (bands < 0.975)).all()
    assert median > 0.93  # of days in whole steps: at least


# --- what is refused, what is drawn ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: HealthScore([]).fit({"x": [1.0]}), "at least one part"),
        (lambda: HealthScore(["x"]).fit({"x": [1.0]}), "must be of HealthPart"),
        (lambda: share(HealthPart("x", 0.0), [1]), "weight of 'x' must"),
        (lambda: share(HealthPart("x", healthy="up"), [1]), "healthy of 'x'"),
        (lambda: share(HealthPart("x", cuts=[]), [1]), "at least one"),
        (lambda: share(HealthPart("x", cuts=[1, 1]), [1]), r"\[1\] is 1"),
        (lambda: share(HealthPart("x", cuts=[1, math.nan]), [1]), r"\[1\] is nan"),
        (lambda: share(HealthPart("x", missing=2), [1]), "missing of 'x'"),
        (lambda: share(HealthPart("x"), [1], [math.nan]), "no value to rank among"),
        (lambda: share(HealthPart("x"), [1, math.nan]), "no value in row 1"),
        (lambda: share(HealthPart("x"), [1, math.inf]), r"x\[1\] must be finite"),
        (lambda: share(HealthPart("score"), [1]), "'score' is taken"),
        (lambda: HealthScore([HealthPart("x"), HealthPart("x")]).fit({"x": [1.0]}), "taken"),
        (lambda: HealthScore([HealthPart("x")], bands=(70, 40)).fit({"x": [1.0]}), "ascend"),
        (lambda: HealthScore([HealthPart("x")]).fit({"y": [1.0]}), "no column 'x'"),
        (lambda: HealthScore([HealthPart("x")]).fit({"x": []}), "at least one customer"),
        (lambda: HealthScore([HealthPart("x")]).fit({"x": [1.0]}, at="2024-01-01"), "for a log"),
    ],
)
def test_what_cannot_be_is_named(make: Any, says: str) -> None:
    with pytest.raises(tn.InvalidInputError, match=says):
        make()


def test_a_file_of_an_impossible_ruler_is_refused() -> None:
    health = HealthScore([HealthPart("x")]).fit({"x": [1.0, 2.0]})
    health.ranks_ = (np.array([0.9, 0.1]),)
    with pytest.raises(tn.ModelFileError, match="ranks_ must ascend"):
        from_bytes(to_bytes(health))


def test_pictures_show_every_band_and_date() -> None:
    figure = pytest.importorskip("matplotlib.figure")
    log, _ = a_log()
    health = HealthScore(PARTS).fit(log, at=START + 150 * DAY)
    test = health.back_test(log, [START + d * DAY for d in (150, 250, 350)], "60d")
    axes = figure.Figure().subplots(2)
    test.plot(ax=axes[0])
    test.bands.plot(ax=axes[1])
    assert len(axes[0].get_xticks()) == 3
    names = [text.get_text().split("\n")[0] for text in axes[1].get_xticklabels()]
    assert names == ["Red", "Amber", "Green"]
