"""The README's table of estimates is what a fit gives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tenure as tn

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"\| (BG/NBD|Gamma-Gamma) \| ([\w-]+) \| (-?[\d.]+) \| (-?[\d.]*) ?\|", README)


@pytest.fixture(scope="module")
def models() -> dict[str, object]:
    orders = tn.datasets.load_cdnow(sample=True)
    log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    base = log.summary(unit="week", end="1997-09-30")
    return {"BG/NBD": tn.clv.BGNBD().fit(base), "Gamma-Gamma": tn.clv.GammaGamma().fit(base)}


def test_the_table_has_all_parameters() -> None:
    assert len(ROWS) == 9


@pytest.mark.parametrize(("model", "name", "ours", "published"), ROWS)
def test_a_row_is_what_a_fit_gives(
    models, model: str, name: str, ours: str, published: str
) -> None:
    fit = models[model]
    value = fit.log_likelihood_ if name == "log-likelihood" else fit.params_[name]
    assert value == pytest.approx(float(ours), rel=1e-6)
    if published:
        digits = len(published.split(".")[1])
        assert round(value, digits) == pytest.approx(float(published), abs=1e-9)
