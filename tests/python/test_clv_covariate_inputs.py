"""Covariates that are refused, by name, and joins that name the customer."""

from __future__ import annotations

import numpy as np
import pytest
from clv_covariates import BOTH, awkward, customers_with
from clv_models import cdnow_log

import tenure as tn
from tenure._errors import InvalidInputError


def bad(**change):
    return {k: v for k, v in (awkward(100) | change).items() if v is not None}


def missing(values):
    values = list(values)
    values[7] = None
    return values


CHANNEL = {"purchase_covariates": "channel"}
AGE = {"purchase_covariates": "age"}
REFUSED = [
    (AGE, bad(age=None), "age", None, "'age' is not a column"),
    (AGE, bad(age=missing(np.ones(100))), "age", 7, "must not be missing"),
    (AGE, bad(age=[np.nan, *np.arange(99.0)]), "age", 0, "must not be missing"),
    (AGE, bad(age=[1.0, np.inf, *np.arange(98.0)]), "age", 1, "must be finite"),
    (AGE, bad(age=np.ones(100)), "age", None, "is 1 for every customer"),
    (AGE, bad(age=np.full(100, "x")), "age", None, "is 'x' for every customer"),
    (AGE, bad(age=np.arange(100).astype("M8[D]")), "age", None, "numbers or text"),
    (CHANNEL, bad(channel=missing(["a", "b"] * 50)), "channel", 7, "must not be missing"),
    ({"purchase_covariates": ["age", "age"]}, bad(), "purchase_covariates", None, "twice"),
    ({"purchase_covariates": 3}, bad(), "purchase_covariates", None, "names of columns"),
    ({"dropout_covariates": ["z", "y"]}, bad(y=1 - awkward(100)["z"]), "dropout_covariates", None,
     "'z', 'y' of dropout_covariates are collinear"),
    ({"equal_covariates": "z"}, bad(), "equal_covariates", None, "must be a covariate"),
    (AGE | {"covariate_l2": -1.0}, bad(), "covariate_l2", None, ">= 0"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "data", "argument", "row", "says"), REFUSED)
def test_bad_covariates_are_named(settings, data, argument, row, says):
    with pytest.raises(InvalidInputError, match=says) as error:
        tn.clv.BGNBD(**settings).fit(data)
    assert error.value.argument == argument
    assert error.value.row == row


def test_a_column_far_from_0_is_told():
    data = awkward()
    far = data | {"age": data["age"] + 1e6 * (1.0 + data["z"])}
    model = tn.clv.BGNBD(purchase_covariates="age").fit(far)  # flat, and so no harm
    assert np.isfinite(model.coefficients_).all()
    far = {k: np.asarray(v) for k, v in customers_with().items()}
    far["z"] = far["z"] + 5000.0
    with pytest.raises(
        InvalidInputError, match=r"lies so far from 0 .* subtract a typical"
    ) as error:
        tn.clv.BGNBD(**BOTH).fit(far)
    assert error.value.argument == "z"


def test_a_level_of_which_nobody_came_back_runs_away_and_is_named():
    data = awkward()
    data["channel"] = np.where(data["frequency"] == 0, data["channel"], "shop")
    model = tn.clv.BGNBD(purchase_covariates="channel")
    with pytest.warns(tn.ConvergenceWarning, match=r"boundary.* purchase of channel\[shop\]="):
        model.fit(data)
    with pytest.raises(tn.NotConvergedError):
        model.set_params(on_failure="raise").fit(data)
    assert not model.__sklearn_is_fitted__()


def test_levels_and_types_of_the_fit_are_asked_for():
    data = awkward()
    model = tn.clv.BGNBD(purchase_covariates=["channel", "age"]).fit(data)
    few = {k: v[:3] for k, v in data.items()}
    with pytest.raises(InvalidInputError, match=r"channel\[1\] must be one of the levels") as error:
        model.probability_alive(few | {"channel": ["web", "tv", "app"]})
    assert (error.value.argument, error.value.row, error.value.value) == ("channel", 1, "tv")
    with pytest.raises(InvalidInputError, match="fitted as text"):
        model.probability_alive(few | {"channel": [1.0, 2.0, 3.0]})
    with pytest.raises(InvalidInputError, match="fitted as numbers"):
        model.probability_alive(few | {"age": ["a", "b", "c"]})
    with pytest.raises(InvalidInputError, match="give covariates="):
        model.expected_purchases_new(3.0)
    with pytest.raises(InvalidInputError, match="without covariates"):
        tn.clv.BGNBD().fit(data).expected_purchases_new(3.0, covariates=few)
    with pytest.raises(InvalidInputError, match="finite and > 0") as error:
        model.probability_alive(few | {"age": [1.0, 1e9, 3.0]})
    assert error.value.row == 1


def test_joins_name_the_customer():
    base = cdnow_log().summary(unit="week", end="1997-09-30")
    people = {"customer": base.customer, "z": np.arange(len(base))}
    joined = tn.clv.with_covariates(base, people, columns="z")
    assert joined.covariates["z"].to_numpy().tolist() == list(range(len(base)))
    assert joined.to_pandas().columns.tolist()[-1] == "z"
    short = {k: v[1:] for k, v in people.items()}
    with pytest.raises(InvalidInputError, match="has no row for customer") as error:
        tn.clv.with_covariates(base, short)
    assert error.value.row == 0
    twice = {k: np.append(v, v[5]) for k, v in people.items()}
    with pytest.raises(InvalidInputError, match="more than one row") as error:
        tn.clv.with_covariates(base, twice)
    assert error.value.row == len(base)
    with pytest.raises(InvalidInputError, match="is not a column"):
        tn.clv.with_covariates(base, people, columns=["zz"])
    with pytest.raises(InvalidInputError, match="must be a Summary"):
        tn.clv.with_covariates(people, people)
    with pytest.raises(InvalidInputError, match=r"without customers="):
        tn.clv.with_covariates(base, cdnow_log())
    with pytest.raises(InvalidInputError, match=r"has a column 'T' already"):
        tn.clv.with_covariates(base, people | {"T": people["z"]})
