"""What the models of contracts refuse, with argument and row; how they fail and are kept."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pyarrow as pa
import pytest
from clv_contracts import MODELS, cohort, fixed

import tenure as tn

INF, NAN = np.inf, np.nan
GOOD = {"renewals": [0, 0, 0, 1, 6, 6], "churned": [1, 1, 1, 1, 1, 0]}
SBG, BDW, DW = MODELS.values()


def with_(**change):
    return {**GOOD, **change}


def model(**settings):
    return fixed("shifted_beta_geometric", (0.7, 1.2), 0.01 * np.eye(2), **settings)


BAD_DATA = [
    (with_(renewals=[0, -1, 2, 3, 4, 4]), "renewals", 1, "whole number"),
    (with_(renewals=[0, 1.5, 2, 3, 4, 4]), "renewals", 1, "whole number"),
    (with_(renewals=[0, NAN, 2, 3, 4, 4]), "renewals", 1, "whole number"),
    (with_(renewals=[0, 2**20 + 1, 2, 3, 4, 4]), "renewals", 1, "whole number"),
    (with_(renewals=[0, INF, 2, 3, 4, 4]), "renewals", 1, "whole number"),
    (with_(churned=[1, 1, 2, 1, 1, 0]), "churned", 2, "0 or 1"),
    (with_(churned=[1, 1, NAN, 1, 1, 0]), "churned", 2, "0 or 1"),
    (with_(churned=[1, 1]), "churned", None, "rows"),
    (with_(weight=[1, 1, -1, 1, 1, 1]), "weight", 2, ">= 0"),
    (with_(weight=[1, 1, INF, 1, 1, 1]), "weight", 2, "finite"),
    (with_(weight=[0] * 6), "weight", None, "at least one row"),
    (with_(churned=[0] * 6), "churned", None, "nobody churned"),
    ({"renewals": [0, 0], "churned": [1, 1]}, "renewals", None, "first renewal"),
    ({"renewals": [0, 1], "churned": [1, 0]}, "renewals", None, "cannot tell"),
    ({"renewals": [], "churned": []}, "renewals", None, "at least one row"),
    ({"renewals": [1, 2]}, "churned", None, "churned"),
    ({**GOOD, "survivors": [6, 5, 4, 3, 2, 1]}, "survivors", None, "not both"),
    ([1000, 631, 700, 382], "survivors", 0, "at most 631"),
    ([1000, 631, NAN, 382], "survivors", 0, "missing"),
    ([1000, 631, -1], "survivors", 0, "finite and >= 0"),
    ([1000, INF], "survivors", 0, "finite and >= 0"),
    ([[0, 0, 0]], "survivors", None, "cohort with customers"),
    ([[[1.0]]], "survivors", None, "dimensions"),
    ("many", "survivors", None, "counts by age"),
    ({"survivors": [9, 5, 3], "age": [0, 1, 3]}, "age", 2, "without a gap"),
    ({"survivors": [9, 5, 3], "age": [0, 1, 1]}, "age", 2, "without a gap"),
    ({"survivors": [9, 5, 3], "age": [0, 1]}, "age", None, "rows"),
    ({"survivors": [9, 5, 3], "cohort": ["a", "a"]}, "cohort", None, "rows"),
]


@pytest.mark.parametrize(("data", "argument", "row", "rule"), BAD_DATA)
def test_bad_data_are_named(data, argument, row, rule):
    with pytest.raises(tn.InvalidInputError, match=rule) as caught:
        SBG().fit(data)
    assert caught.value.argument == argument
    assert caught.value.row == row


BAD_CALLS = [
    (lambda: SBG(renewal="fortnight").fit(GOOD), "renewal"),
    (lambda: SBG(l2=-1.0).fit(GOOD), "l2"),
    (lambda: SBG(tol=0.0).fit(GOOD), "tol"),
    (lambda: SBG(max_iter=0).fit(GOOD), "max_iter"),
    (lambda: SBG(on_failure="ignore").fit(GOOD), "on_failure"),
    (lambda: SBG().fit({**GOOD, "weight": [1] * 6}, [1] * 6), "sample_weight"),
    (lambda: SBG().fit(cohort("regular-7"), [1] * 8), "sample_weight"),
    (lambda: BDW().fit([1000, 631, 468]), "renewals"),
    (lambda: model().survival(-1), "n"),
    (lambda: model().survival(1.5), "n"),
    (lambda: model().survival([1, 2], [1, 2, 3]), "renewals"),
    (lambda: model().survival(1, interval=1.0), "interval"),
    (lambda: model().retention_rate(0), "n"),
    (lambda: model().discounted_residual_lifetime(1), "renewal"),
    (lambda: model(renewal="year").discounted_residual_lifetime(-1), "renewals"),
    (lambda: model(renewal="year").discounted_residual_lifetime([1, NAN]), "renewals"),
    (lambda: model(renewal="year").discounted_residual_lifetime(1, 0), "horizon"),
    (lambda: model(renewal="year").discounted_residual_lifetime(1, 2.5), "horizon"),
    (lambda: model(renewal="year").discounted_residual_lifetime(1, NAN), "horizon"),
    (
        lambda: model(renewal="year").discounted_residual_lifetime(1, discount_rate=-0.1),
        "discount_rate",
    ),
    (
        lambda: model(renewal="year").discounted_residual_lifetime(1, discount_period="moon"),
        "discount_period",
    ),
    (
        lambda: model(renewal="year").discounted_residual_lifetime(1, until_renewal=-1),
        "until_renewal",
    ),
    (lambda: model().expected_residual_lifetime({"renewals": [1], "churned": [2]}), "churned"),
    (lambda: model().residual_lifetime(1, 0), "max_ahead"),
    (lambda: model().residual_lifetime(-1), "renewals"),
    (lambda: model().expected_survivors(GOOD, 0), "max_renewal"),
    (lambda: model().interval(1.0), "level"),
]


@pytest.mark.parametrize(("call", "argument"), BAD_CALLS)
def test_bad_calls_are_named(call, argument):
    with pytest.raises(tn.InvalidInputError) as caught:
        call()
    assert caught.value.argument == argument


def test_an_unfitted_model_says_so():
    for call in (SBG().survival, SBG().discounted_residual_lifetime, SBG().retention_rate):
        with pytest.raises(tn.NotFittedError):
            call(1)


def test_customers_all_alike_are_at_the_boundary():
    """A constant retention rate: alpha and beta run to infinity, and the fit says so."""
    alike = [100000.0, 80000.0, 64000.0, 51200.0, 40960.0]
    with pytest.warns(tn.ConvergenceWarning, match="boundary"):
        fit = SBG().fit(alike)
    assert not fit.converged_
    assert fit.survival(4) == pytest.approx(0.8**4, rel=1e-4)
    with pytest.raises(tn.NotConvergedError):
        SBG(on_failure="raise").fit(alike)
    assert DW().fit(alike).params_ == pytest.approx({"theta": 0.2, "c": 1.0}, rel=1e-9)


def test_a_budget_that_runs_out_is_told():
    with pytest.warns(tn.ConvergenceWarning, match="max_iter"):
        fit = BDW(max_iter=2).fit(cohort("regular-7"))
    assert fit.status_ == "max_iterations"


def test_any_frame_will_do():
    import pandas as pd
    import polars as pl

    wanted = SBG().fit(GOOD).params_
    flags = [bool(v) for v in GOOD["churned"]]
    table = pa.table({"renewals": GOOD["renewals"], "churned": flags})
    for data in (table, pd.DataFrame(GOOD), pl.from_arrow(table)):
        assert SBG().fit(data).params_ == wanted


def test_models_are_kept():
    for name, cls in MODELS.items():
        fit = cls(renewal="month").fit(cohort("high_end-7"))
        for other in (pickle.loads(pickle.dumps(fit)), copy.deepcopy(fit)):
            assert other.params_ == fit.params_
            assert other.get_params() == fit.get_params()
            assert other.discounted_residual_lifetime(3) == fit.discounted_residual_lifetime(3)
        assert name.split("_")[0] in repr(fit).lower()


def test_limits_of_theta_stay_below_one():
    table = DW().fit([50, 1, 1, 1, 0]).interval(0.999)
    assert 0.0 < table.lower[0] < table.estimate[0] < table.upper[0] < 1.0


# --- the likelihood-ratio test -------------------------------------------------------------------


def test_the_mixture_at_the_boundary_halves_the_p_value():
    data = cohort("regular-4")
    small, large = SBG().fit(data), BDW().fit(data)
    plain = tn.clv.likelihood_ratio_test(small, large)
    edge = tn.clv.likelihood_ratio_test(small, large, boundary=True)
    assert edge.p_value == pytest.approx(plain.p_value / 2)
    two = tn.clv.likelihood_ratio_test(small, large, df=2, boundary=True)
    # chi-square of 2 degrees: exp(-x / 2)
    mixture = (plain.p_value + np.exp(-plain.statistic / 2)) / 2
    assert two.p_value == pytest.approx(mixture, rel=1e-12)
    assert plain.to_arrow()["small"].to_pylist() == ["ShiftedBetaGeometric"]


def test_the_test_refuses_what_it_cannot_compare():
    data = cohort("regular-7")
    small, large = SBG().fit(data), BDW().fit(data)
    bad = [
        (large, small, {}, "df"),
        (small, BDW().fit([v / 2 for v in data]), {}, "large"),
        (small, BDW(l2=1e-3).fit(data), {}, "large"),
        (small, BDW(), {}, None),
        (small, 3, {}, "large"),
        (small, large, {"df": 0}, "df"),
        (large, small, {"df": 1}, "small"),
    ]
    for a, b, given, argument in bad:
        with pytest.raises((tn.InvalidInputError, tn.NotFittedError)) as caught:
            tn.clv.likelihood_ratio_test(a, b, **given)
        assert argument is None or caught.value.argument == argument
