"""The models at the values that papers and packages print, from tests/reference/clv_values.csv."""

from __future__ import annotations

import math

import numpy as np
import pytest
from clv_models import at, cdnow_log, customers, published, row_id

import tenure as tn
from tenure import _core

TRANSACTIONS = {
    "bg_cnbd": tn.clv.BGCNBD,
    "bg_nbd": tn.clv.BGNBD,
    "mbg_cnbd": tn.clv.MBGCNBD,
    "mbg_nbd": tn.clv.MBGNBD,
    "nbd": tn.clv.NBD,
    "pareto_nbd": tn.clv.ParetoNBD,
}
MODELS = {**TRANSACTIONS, "bg_bb": tn.clv.BGBB, "gamma_gamma": tn.clv.GammaGamma}


@pytest.fixture(scope="module")
def base():
    return cdnow_log().summary(unit="week", end="1997-09-30", log_gaps=True)


@pytest.fixture(scope="module")
def fitted(base):
    data = {"bg_bb": tn.datasets.load_donations()}
    shapes = {"bg_cnbd": {"k": 2}, "mbg_cnbd": {"k": 2}}
    return {
        name: model(**shapes.get(name, {})).fit(data.get(name, base))
        for name, model in MODELS.items()
    }


def agrees(got, row):
    value = float(row["value"])
    bound = max(float(row["relative"]) * abs(value), float(row["absolute"]))
    assert abs(got - value) <= bound, (
        f"{got!r} is not {value!r} within {bound:.1g} ({row['source']})"
    )


@pytest.mark.parametrize(
    "row",
    [r for m in MODELS for r in published(m) if r["arguments"].get("data")],
    ids=row_id,
)
def test_fits_the_data_as_published(fitted, row):
    model = fitted[row["model"]]
    kind, name = row["quantity"].split()
    told = model.standard_errors_ if kind == "error" else model.params_
    agrees(model.log_likelihood_ if name == "log_likelihood" else told[name], row)
    assert model.converged_
    assert model.gradient_norm_ <= 1e-9


def by_week(model):
    return model.tracking(cdnow_log()).expected_per_step


def predicted(row):
    a = row["arguments"]
    shape = {"k": int(a["k"])} if "k" in a else {}
    model = at(TRANSACTIONS[row["model"]], row["parameters"], unit="week", **shape)
    one = customers(a.get("x", 0.0), a.get("t_x", 0.0), a.get("T", 0.0))
    columns = (one["frequency"], one["recency"], one["T"])
    return {
        "log_likelihood": lambda: getattr(_core.clv, row["model"] + "_log_likelihood")(
            np.array(row["parameters"]), *columns, None, 1
        )[0],
        "dert": lambda: model._discounted(model._read(one), math.inf, a["rate"], False)[0],
        "pmf": lambda: model.probability_of_n_purchases(a["n"], a["horizon"]),
        "expected_new": lambda: model.expected_purchases_new(a["horizon"]),
        "expected": lambda: model.expected_purchases(one, a["horizon"])[0],
        "alive": lambda: model.probability_alive(one)[0],
        "purchases in week": lambda: by_week(model)[int(a["week"]) - 1],
    }[row["quantity"]]()


@pytest.mark.parametrize(
    "row",
    [r for m in TRANSACTIONS for r in published(m) if not r["arguments"].get("data")],
    ids=row_id,
)
def test_purchases_at_fixed_parameters(row):
    agrees(predicted(row), row)


@pytest.mark.parametrize(
    "row", [r for r in published("bg_bb") if not r["arguments"].get("data")], ids=row_id
)
def test_bg_bb_at_fixed_parameters(row):
    a, donations = row["arguments"], tn.datasets.load_donations()
    model = at(tn.clv.BGBB, row["parameters"])
    one = customers(a.get("x", 0.0), a.get("t_x", 0.0), a.get("T", 0.0))
    weight = donations["weight"].to_numpy()
    got = {
        "log_likelihood": lambda: model.score(one),
        "dert": lambda: model.discounted_expected_purchases(one, discount_rate=a["discount"])[0],
        "expected_new": lambda: model.expected_purchases_new(a["horizon"]),
        "expected": lambda: model.expected_purchases(one, a["horizon"])[0],
        "expected_total": lambda: weight @ model.expected_purchases(donations, a["horizon"]),
        "alive_next": lambda: model.probability_alive(one, ahead=1)[0],
        "customers": lambda: model.expected_frequency_counts(donations).expected[int(a["n"])],
    }[row["quantity"]]()
    agrees(got, row)


@pytest.mark.parametrize(
    "row", [r for r in published("gamma_gamma") if not r["arguments"].get("data")], ids=row_id
)
def test_gamma_gamma_at_fixed_parameters(base, row):
    a = row["arguments"]
    model = at(tn.clv.GammaGamma, row["parameters"])
    if row["quantity"] == "spend of cdnow":
        got = model.expected_spend(base)[int(a["customer"])]
    elif row["quantity"] == "spend_new":
        got = model.expected_spend_new()
    else:
        got = model.expected_spend({"frequency": [a["x"]], "monetary_value": [a["m"]]})[0]
    agrees(got, row)


def test_the_sample_is_that_of_the_papers(base):
    """2,357 customers, 2,457 repeat orders, T up to 272/7 weeks."""
    assert len(base) == 2357
    assert base.frequency.sum() == 2457
    assert base.T.max() == 272 / 7
