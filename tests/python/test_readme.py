"""The README's table of estimates is what a fit gives."""

from __future__ import annotations

import json
import re
import statistics
from functools import partial
from pathlib import Path

import pytest
from clv_contracts import cohort

import tenure as tn

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODELS = {
    "BG/NBD": tn.clv.BGNBD,
    "MBG/NBD": tn.clv.MBGNBD,
    "Pareto/NBD": tn.clv.ParetoNBD,
    "BG/BB": tn.clv.BGBB,
    "NBD": tn.clv.NBD,
    "BG/CNBD-2": partial(tn.clv.BGCNBD, k=2),
    "MBG/CNBD-2": partial(tn.clv.MBGCNBD, k=2),
    "Gamma-Gamma": tn.clv.GammaGamma,
}
CONTRACTS = {
    "sBG, Regular, 7 renewals": (tn.clv.ShiftedBetaGeometric, "regular-7"),
    "BdW, High End, 12 renewals": (tn.clv.BetaDiscreteWeibull, "high_end-12"),
}
NAMES = "|".join([*MODELS, *CONTRACTS])
ROWS = re.findall(rf"\| ({NAMES}) \| ([\w-]+) \| (-?[\d.]+) \| (-?[\d.]*) ?\|", README)


@pytest.fixture(scope="module")
def models() -> dict[str, object]:
    orders = tn.datasets.load_cdnow(sample=True)
    log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    base = log.summary(unit="week", end="1997-09-30", log_gaps=True)
    data = {"BG/BB": tn.datasets.load_donations()}
    contracts = {name: model().fit(cohort(which)) for name, (model, which) in CONTRACTS.items()}
    purchases = {name: model().fit(data.get(name, base)) for name, model in MODELS.items()}
    return purchases | contracts


def test_the_table_has_all_parameters() -> None:
    assert len(ROWS) == 32


@pytest.mark.parametrize(("model", "name", "ours", "published"), ROWS)
def test_a_row_is_what_a_fit_gives(
    models, model: str, name: str, ours: str, published: str
) -> None:
    fit = models[model]
    value = fit.log_likelihood_ if name == "log-likelihood" else fit.params_[name]
    for printed in filter(None, (ours, published)):
        digits = len(printed.split(".")[1])
        assert round(value, digits) == pytest.approx(float(printed), abs=1e-9)


TIMES = re.findall(
    r"\| \[[^]]+\]\(docs/benchmarks\.md#(\w+)\) \| ([\d.]+) s "
    r"\| ([^|]+?) \| ([\d.]+) s \| ([\d.]+) \|",
    README,
)


def test_every_line_of_the_table_of_times_is_read() -> None:
    assert len(TIMES) == README.count("docs/benchmarks.md#") > 3


@pytest.mark.parametrize(("work", "ours", "peer", "theirs", "ratio"), TIMES)
def test_times_are_those_that_were_measured(work, ours, peer, theirs, ratio) -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / f"{work}.json").read_text())
    median = {row["name"]: statistics.median(row["wall"]) for row in measured["rows"]}
    assert f"{median['tenure']:.3g}" == ours
    assert f"{median[peer]:.3g}" == theirs
    times = median[peer] / median["tenure"]
    assert (f"{times:.0f}" if times >= 10 else f"{times:.1f}") == ratio
