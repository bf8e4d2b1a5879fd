"""Predictions of models with covariates: those of each customer's own parameters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.optimize
from clv_covariates import DROPOUT, MODELS, PURCHASE, awkward, by_model, cdnow, fitted
from clv_models import at, cdnow_log

import tenure as tn
from tenure import _core
from tenure._errors import InvalidInputError


@by_model
def test_predictions_are_those_of_a_model_with_the_parameters_of_the_customer(name):
    data = awkward(300)
    model = MODELS[name](
        purchase_covariates=["age", "z"], dropout_covariates=["channel"], unit="week"
    )
    model.fit(data)
    frame = pd.DataFrame(data)
    coef = dict(
        zip(
            zip(model.coef_.process, model.coef_.covariate, strict=True),
            model.coef_.estimate,
            strict=True,
        )
    )
    calls = {
        "alive": lambda m, d: m.probability_alive(d),
        "expected": lambda m, d: m.expected_purchases(d, 20.0),
        "later": lambda m, d: m.probability_alive(d, ahead=7.0),
        "buys": lambda m, d: m.purchase_probability(d, 9.0),
        "counts": lambda m, d: m.probability_of_n_purchases_given(d, [0, 3], 30.0)[:, 1],
        "score": lambda m, d: m.log_score(d, d["frequency"], 30.0),
        "upper": lambda m, d: m.predictive_interval(d, 60.0).upper,
        "median": lambda m, d: m.next_purchase(d).time[:, 1],
        "lapse": lambda m, d: m.next_purchase(d).lapse,
        "discounted": lambda m, d: m.discounted_expected_purchases(d, 200.0, 0.1),
    }
    together = {key: call(model, data) for key, call in calls.items()}
    new = model.expected_purchases_new([5.0, 50.0], covariates=data)
    chance = model.probability_of_n_purchases(2, 30.0, covariates=frame)
    counts = np.zeros(4)
    for i, row in frame.iterrows():
        g = coef["purchase", "age"] * row["age"] + coef["purchase", "z"] * row["z"]
        h = coef.get(("dropout", f"channel[{row['channel']}]"), 0.0)
        shift = np.array(PURCHASE[name]) * g + np.array(DROPOUT[name]) * h
        own = at(MODELS[name], model._point() * np.exp(shift), unit="week")
        one = {k: frame[k].to_numpy()[i : i + 1] for k in ("frequency", "recency", "T")}
        counts += own.expected_frequency_counts(one, 3).expected
        if i < 40:
            for key, call in calls.items():
                assert together[key][i] == pytest.approx(call(own, one)[0], rel=1e-10), key
            np.testing.assert_allclose(new[i], own.expected_purchases_new([5.0, 50.0]), rtol=1e-10)
            assert chance[i] == pytest.approx(own.probability_of_n_purchases(2, 30.0), rel=1e-9)
    np.testing.assert_allclose(
        model.expected_frequency_counts(data, 3).expected, counts, rtol=1e-10
    )


@by_model
def test_limits_follow_from_the_covariance_of_all_parameters(name):
    model = fitted(name)
    data = {"frequency": [2, 5], "recency": [20.0, 9.0], "T": [30.0, 38.0], "z": [1.0, 0.0]}
    step, k = 1e-5, len(model.parameter_names)
    point = np.append(np.log(model._point()), model.coefficients_)

    def logs(theta):
        kernel = getattr(_core.clv, f"{name}_covariate_expected_purchases")
        at = np.append(np.exp(theta[:k]), theta[k:])
        columns = [np.asarray(data[c], dtype=float) for c in ("frequency", "recency", "T")]
        design = np.asarray(data["z"], dtype=float)[:, None]
        return np.log(kernel(at, None, *columns, *model._effects(design), 39.0, 0.0, 1))

    slope = [
        (logs(point + step * e) - logs(point - step * e)) / (2 * step) for e in np.eye(len(point))
    ]
    error = np.sqrt(np.einsum("ik,ij,jk->k", slope, model.joint_covariance_, slope))
    table = model.expected_purchases(data, 39.0, interval=0.95)
    np.testing.assert_allclose(np.log(table.upper / table.value) / 1.959963985, error, rtol=1e-6)


@by_model
def test_profile_limits_lose_half_a_quantile(name):
    """At a limit the best of all the other coordinates, by SciPy, loses what the level says."""
    model = fitted(name)
    table, normal = model.profile_interval(cdnow(), 0.9), model.coefficients(0.9)
    assert table.parameter[4:] == ("purchase of z", "dropout of z")
    np.testing.assert_allclose(table.estimate[:4], model._point())
    np.testing.assert_allclose(table.standard_error[4:], normal.standard_error)
    kernel, _, _ = model._joint_likelihood_of(cdnow(), None)
    optimum = np.append(np.log(model._point()), model.coefficients_)
    for i, limit in ((4, table.upper[4]), (1, np.log(table.lower[1]))):
        others = np.arange(6) != i

        def loss(free, i=i, limit=limit, others=others):
            u = np.empty(6)
            u[i], u[others] = limit, free
            value, gradient, _ = kernel(np.append(np.exp(u[:4]), u[4:]))
            return -value, -gradient[others]

        found = scipy.optimize.minimize(loss, optimum[others], jac=True, options={"gtol": 1e-5})
        assert 2.0 * (model.log_likelihood_ + found.fun) == pytest.approx(2.705543454, rel=1e-5)


def test_tracking_sums_over_the_customers_of_the_log():
    orders = tn.datasets.load_cdnow(sample=True)
    summary = cdnow()
    people = {"sample_id": summary.customer, "z": summary.covariates["z"]}
    log = tn.EventLog(
        orders, customer="sample_id", time="date", amount="amount", customers=pa.table(people)
    )
    model = fitted("bg_nbd")
    track = model.tracking(log, [10.0, 39.0])
    base = log.summary(unit="week")
    start = base.T.max() - base.T
    for k, time in enumerate(track.time):
        ages, which = np.unique(np.maximum(time - start, 0.0), return_inverse=True)
        values = model.expected_purchases_new(ages, covariates={"z": [0.0, 1.0]})
        z = np.asarray(tn.clv.with_covariates(base, log).covariates["z"]).astype(int)
        assert track.expected[k] == pytest.approx(values[z, which].sum(), rel=1e-9)
    plain = tn.clv.BGNBD().fit(summary).tracking(log, [10.0, 39.0])
    assert track.actual.tolist() == plain.actual.tolist()
    with pytest.raises(InvalidInputError, match="covariates="):
        model.tracking(np.array([0.0, 1.0]), [3.0])
    with pytest.raises(InvalidInputError, match=r"without customers="):
        model.tracking(cdnow_log())
