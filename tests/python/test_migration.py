"""The numbers that docs/migration.md prints: lifetimes' as they were measured, ours as they are."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import tenure as tn

PAGE = Path(__file__).resolve().parents[2] / "docs" / "migration.md"
NUMBER = re.compile(r"\d+\.\d+")


@pytest.fixture(scope="module")
def table():
    """Rows of the last table: name, numbers of lifetimes, our numbers as text."""
    text = PAGE.read_text(encoding="utf-8").split("## The same numbers")[1]
    cells = [
        [c.strip() for c in line.strip("|").split("|")] for line in text.splitlines() if "|" in line
    ]
    return {name: (NUMBER.findall(theirs), NUMBER.findall(ours)) for name, theirs, ours in cells}


@pytest.fixture(scope="module")
def measured():
    orders = tn.datasets.load_cdnow(sample=True)
    log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    base = log.summary(unit="week", end="1997-09-30")
    models = [kind().fit(base) for kind in (tn.clv.BGNBD, tn.clv.MBGNBD, tn.clv.ParetoNBD)]
    spend = tn.clv.GammaGamma().fit(base)
    month, amount = 4.345, spend.expected_spend(base)
    edges = month * np.arange(13)
    bought = np.diff([models[0].expected_purchases(base, t) for t in edges], axis=0)
    steps = (bought / 1.01 ** np.arange(1, 13)[:, None]).sum(axis=0) @ amount
    whole = (
        tn.clv.CLV(tn.clv.BGNBD(), tn.clv.GammaGamma())
        .fit(base)
        .predict(base, horizon=12 * month, discount_rate=0.01, discount_period="month")
    )
    values = {
        "BG/NBD": list(models[0].params_.values()),
        "MBG/NBD": list(models[1].params_.values()),
        "Pareto/NBD": list(models[2].params_.values()),
        "gamma-gamma": [spend.params_[name] for name in ("p", "q", "gamma")],
        "purchases": [m.expected_purchases(base, 39).sum() for m in models],
        "mean P(alive)": [m.probability_alive(base).mean() for m in models],
        "E[X(52)]": [
            models[0].expected_purchases_new(52),
            models[0].probability_of_n_purchases(0, 39),
        ],
        "mean expected spend": [amount[base.frequency > 0].mean()],
        "value over 12": [steps, whole.clv.sum()],
    }
    return {**values, "base": base}


NAMES = [
    "BG/NBD",
    "MBG/NBD",
    "Pareto/NBD",
    "gamma-gamma",
    "purchases",
    "mean P(alive)",
    "E[X(52)]",
    "mean expected spend",
    "value over 12",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_table_holds(table, measured, name):
    (row,) = [key for key in table if key.startswith(name)]
    theirs, ours = table[row]
    got = measured[name]
    assert len(ours) == len(got)
    for text, value in zip(ours, got, strict=True):
        digits = len(text.partition(".")[2])
        assert f"{value:.{digits}f}" == text
    # Their optimisers stop up to 1e-4 before the optimum.
    assert got[: len(theirs)] == pytest.approx([float(v) for v in theirs], rel=1.2e-4)


def test_every_number_of_the_table_is_tested(table):
    rows = [key for key in table if table[key][1]]
    assert len(rows) == len(NAMES)


def test_the_penalty_is_the_one_of_the_page(measured):
    text = PAGE.read_text(encoding="utf-8")
    printed = NUMBER.findall(re.search(r"here it is ([^;]*)\. The fits", text)[1])
    fitted = tn.clv.BGNBD(l2=0.01).fit(measured["base"]).params_.values()
    assert [float(v) for v in printed] == pytest.approx(list(fitted), rel=2e-4)
