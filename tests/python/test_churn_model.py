"""ChurnModel on data sets of a log: honest in time and by customer; its report's limits cover."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tenure as tn
from tenure.churn._cross_fit import folds_of

DAY = 86_400_000_000


@pytest.fixture(scope="module")
def data():
    cdnow = tn.datasets.load_cdnow(sample=True)
    log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    dates = ["1997-06-30", "1997-09-30", "1997-12-31", "1998-03-31"]
    made = tn.churn.make_dataset(log, dates, "90d", windows=["90d"])
    kept = {n: c for n, c in made.columns.items() if not np.isnan(c).any()}
    scaled = {n: (c - c.mean()) / c.std() for n, c in kept.items()}
    return dataclasses.replace(made, columns=scaled)


@pytest.fixture(scope="module")
def model(data):
    train, _ = data.split()
    return tn.churn.ChurnModel(LogisticRegression(), calibration="platt", cv=3).fit(train)


# --- folds ------------------------------------------------------------------------------------


def test_no_row_is_scored_by_a_model_that_knew_its_customer_or_its_future(data):
    at = data.at.view(np.int64)
    learnt = at + 90 * DAY + 5 * DAY
    seen = np.zeros(len(data), int)
    for train, test in folds_of(data.y, data.group, 4, 0, at, learnt):
        assert not set(data.group[train]) & set(data.group[test])
        assert (learnt[train].max() <= at[test]).all()
        assert set(data.y[train]) == {0, 1}
        seen[test] += 1
    # The first cutoff has nothing before it; the second would need a gap of 2 days at most.
    assert_array_equal(seen, (at >= np.unique(at)[2]).astype(int))


def test_one_cutoff_leaves_folds_of_customers():
    rng = np.random.default_rng(0)
    group, label = np.arange(60) // 2, rng.random(60) < 0.3
    at = np.zeros(60, np.int64)
    parts = folds_of(label.astype(int), group, 5, 1, at, at + DAY)
    assert_array_equal(np.sort(np.concatenate([test for _, test in parts])), np.arange(60))
    for train, test in parts:
        assert not set(group[train]) & set(group[test])
        assert 0 < label[test].sum() < len(test)


def test_folds_are_no_more_than_the_customers_of_the_rarer_class():
    label = np.array([1, 1, 0, 0, 0, 0, 0])
    assert len(folds_of(label, np.arange(7), 5, 0)) == 2


# --- the model --------------------------------------------------------------------------------


def test_calibrates_on_rows_in_time(data, model):
    train, _ = data.split()
    cross = model.cross_fitted_
    assert set(train.at[cross.row]) == set(np.unique(train.at)[1:])
    assert_array_equal(cross.churned, train.churned[cross.row])
    assert str(model.learnt_until_)[:10] == "1998-04-01"  # 90 days from the end of 31 December
    assert model.feature_names_in_.tolist() == list(data.names)
    p = model.predict_proba(data)[:, 1]
    raw = model.estimator_.predict_proba(data.X)[:, 1]
    assert_allclose(p, model.calibrator_.predict(raw), rtol=1e-14)


def test_report_is_on_what_came_later(data, model):
    _, test = data.split()
    campaign = tn.churn.Campaign(value=50, accept=0.2, offer=5, contact=1)
    report = model.evaluate(test, campaign=campaign)
    p = model.predict_proba(test)[:, 1]
    assert_allclose(report["roc_auc"], tn.churn.roc_auc(test.churned, p).value)
    assert_allclose(report["profit"], campaign.profit(test.churned, p).mean())
    assert report.n_groups == report.n_rows == len(test)
    with pytest.raises(tn.InvalidInputError, match="when the last label was known"):
        model.evaluate(data)
    assert model.evaluate(data, in_time=False).n_groups == len(np.unique(data.group))


def test_scores_rank_customers_and_tell_whom_to_contact(data):
    train, test = data.split()
    campaign = tn.churn.Campaign(value=50, accept=0.2, offer=5, contact=1)
    model = tn.churn.ChurnModel(LogisticRegression(), cv=2, threshold=campaign).fit(train)
    scores = model.scores(test)
    assert scores.to_arrow().column_names[-1] == "expected_profit"
    assert_array_equal(scores.customer, test.customer)
    assert_array_equal(scores.act, scores.expected_profit > 0)
    for i in range(0, len(test), 97):
        assert scores.rank[i] == 1 + np.sum(scores.probability > scores.probability[i])
    assert_array_equal(model.predict(test), scores.act.astype(int))
    curve = model.profit_curve(campaign)
    # What the data say is best can only be better on them than what probabilities say.
    cross = model.cross_fitted_
    earned = campaign.profit(cross.churned, cross.calibrated).mean()
    assert curve.profit[curve.best] >= earned - 1e-12


def test_without_calibration_it_is_the_estimator(data):
    train, test = data.split()
    model = tn.churn.ChurnModel(LogisticRegression(), calibration=None).fit(train)
    expected = LogisticRegression().fit(train.X, train.y).predict_proba(test.X)
    assert_allclose(model.predict_proba(test), expected, atol=1e-15)
    assert model.cross_fitted_ is None
    campaign = tn.churn.Campaign(value=50, accept=0.2, offer=5, contact=1)
    with pytest.raises(tn.InvalidInputError, match="scored out of their folds"):
        model.profit_curve(campaign)


def by_hand(X, y, groups, weight, parts):
    """The probabilities of a weighted ChurnModel: its folds, each fit and the map written out."""
    p = np.empty(len(y))
    for train, test in parts:
        fold = LogisticRegression().fit(X[train], y[train], sample_weight=weight[train])
        p[test] = fold.predict_proba(X[test])[:, 1]
    # The map itself, weights in it, is held against its definition in test_churn_calibration.
    line = tn.churn.Calibrator("platt").fit(p, y, weight)
    whole = LogisticRegression().fit(X, y, sample_weight=weight)
    return line.predict(whole.predict_proba(X)[:, 1])


def test_weights_reach_the_classifier_the_folds_and_the_calibration():
    rng = np.random.default_rng(4)
    X, groups = rng.normal(size=(400, 2)), np.arange(400) // 2
    y = (rng.random(400) < 1 / (1 + np.exp(-X[:, 0]))).astype(int)
    # Who churned was drawn four times as often: weights bring their share back.
    weight = np.where(y == 1, 0.25, 1.0) * rng.choice([0.5, 1.0], 400)
    model = tn.churn.ChurnModel(LogisticRegression(), calibration="platt", cv=3)
    model.fit(X, y, groups, weight)
    parts = folds_of(y, groups, 3, 0, None, None)
    found = model.predict_proba(X)[:, 1]
    assert_allclose(found, by_hand(X, y, groups, weight, parts), rtol=1e-9)
    share = np.average(y, weights=weight)
    assert abs(np.average(found, weights=weight) - share) < 0.01
    assert abs(share - y.mean()) > 0.2
    right = model.predict(X) == y
    assert model.score(X, y, weight) == pytest.approx(np.average(right, weights=weight))
    piped = make_pipeline(StandardScaler(with_std=False), LogisticRegression())
    again = tn.churn.ChurnModel(piped, calibration=None).fit(X, y, sample_weight=weight)
    alone = LogisticRegression().fit(X, y, sample_weight=weight)
    assert_allclose(again.predict_proba(X), alone.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize(
    ("estimator", "weight", "says"),
    [
        (KNeighborsClassifier(), [1.0] * 40, "KNeighborsClassifier takes none"),
        (LogisticRegression(), [1.0] * 39, "sample_weight"),
        (LogisticRegression(), [math.nan] + [1.0] * 39, r"sample_weight\[0\]"),
        (LogisticRegression(), [0.0, 1.0] * 20, "both classes"),
    ],
)
def test_weights_that_cannot_be_used(estimator, weight, says):
    X, y = np.arange(40.0)[:, None], np.arange(40) % 2
    with pytest.raises(tn.InvalidInputError, match=says):
        tn.churn.ChurnModel(estimator).fit(X, y, sample_weight=weight)


def test_a_data_set_brings_its_labels_and_its_features(data, model):
    with pytest.raises(tn.InvalidInputError, match="leave them out"):
        tn.churn.ChurnModel(LogisticRegression()).fit(data, data.y)
    columns = {"other" if n == "days_since_last" else n: c for n, c in data.columns.items()}
    with pytest.raises(tn.InvalidInputError, match="days_since_last, other"):
        model.predict(dataclasses.replace(data, columns=columns))
    with pytest.raises(tn.InvalidInputError, match=r"y\[1\] must be one of"):
        model.evaluate(data.X[:3], [0, 7, 1])


# --- decisions --------------------------------------------------------------------------------


def test_a_contact_pays_above_the_threshold_only():
    campaign = tn.churn.Campaign(value=120.0, accept=0.25, offer=8.0, contact=2.0)
    t = campaign.threshold
    assert_allclose(campaign.expected([t]), 0.0, atol=1e-13)
    assert campaign.expected([t + 0.01])[0] > 0 > campaign.expected([t - 0.01])[0]
    y, p = np.array([1, 0, 1, 0, 1]), np.array([0.9, 0.8, 0.5, 0.2, 0.05])
    curve = tn.churn.profit_curve(y, p, value=120, accept=0.25, offer=8, contact=2)
    contacted = int(np.sum(p > t))
    assert_allclose(campaign.profit(y, p).mean(), curve.profit[contacted])
    assert tn.churn.Campaign(10, 0.0, 0.0, 1.0).threshold == np.inf
    assert tn.churn.Campaign(10, 0.0, 0.0, 0.0).threshold == 0.0
    assert tn.churn.cost_threshold(1, 3) == 0.25


# --- the report -------------------------------------------------------------------------------


def test_values_are_those_of_scikit_learn():
    rng = np.random.default_rng(3)
    p = np.round(rng.random(500), 2).clip(0.01, 0.99)
    y = rng.random(500) < p**2
    report = tn.churn.evaluate(y, p)
    assert_allclose(report["average_precision"], average_precision_score(y, p))
    assert_allclose(report["log_loss"], log_loss(y, p))
    assert_allclose(report["brier_score"], brier_score_loss(y, p))
    assert_allclose(report["lift_top_10%"], tn.churn.gains(y, p, [0.1]).lift[0])


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("roc_auc", roc_auc_score),
        ("average_precision", average_precision_score),
        ("brier_score", brier_score_loss),
        ("log_loss", log_loss),
    ],
)
def test_errors_are_those_of_leaving_one_customer_out(measure, value):
    """The jackknife proper, customer by customer, of scikit-learn's values."""
    rng = np.random.default_rng(4)
    customers = 150
    p = rng.random((customers, 2)).clip(0.02, 0.98)
    y = rng.random((customers, 1)) < p
    group = np.repeat(np.arange(customers), 2)
    told = tn.churn.evaluate(y.ravel(), p.ravel(), groups=group)
    error = told.standard_error[told.measure.index(measure)]
    left = []
    for k in range(customers):
        kept = group != k
        left.append(value(y.ravel()[kept], p.ravel()[kept]))
    jackknife = np.sqrt((customers - 1) * np.var(left))
    assert_allclose(error, jackknife, rtol=0.03)  # the two agree to the order of 1 / customers


def test_a_certain_miss_costs_infinitely_much():
    report = tn.churn.evaluate([1, 0, 1, 0], [0.0, 0.2, 0.7, 0.5])
    assert report["log_loss"] == np.inf
    assert np.isfinite(report["brier_score"])


def test_probabilities_that_tell_nobody_apart_are_reported_on():
    report = tn.churn.evaluate([1, 0, 1, 0], [0.5] * 4)
    assert report["roc_auc"] == 0.5
    assert np.isnan(report["calibration_slope"])
    with pytest.raises(tn.InvalidInputError, match="measure must be one of"):
        report["f1"]


def expit(x):
    return 1.0 / (1.0 + np.exp(-x))


def rows_of(rng, customers, each):
    """Log odds and outcomes; those of one customer are alike."""
    odds = np.repeat(rng.normal(-1.2, 1.0, customers), each)
    odds = odds + (rng.normal(0.0, 0.3, len(odds)) if each > 1 else 0.0)
    own = np.repeat(rng.random(customers), each)
    u = np.where(rng.random(len(odds)) < 0.7, own, rng.random(len(odds)))
    return u < expit(0.3 + 0.7 * odds), expit(odds), np.repeat(np.arange(customers), each)


CAMPAIGN = tn.churn.Campaign(200.0, 0.3, 10.0, 1.0)


def covered(customers, each, runs):
    y, p, _ = rows_of(np.random.default_rng(10**6), 300_000 // each, each)
    slope = tn.churn.calibration_slope(y, p)
    truth = {
        "roc_auc": tn.churn.roc_auc(y, p).value,
        "average_precision": tn.churn.average_precision(y, p).value,
        "brier_score": np.mean((p - y) ** 2),
        "log_loss": -np.mean(np.log(np.where(y, p, 1.0 - p))),
        "calibration_slope": slope.slope,
        "calibration_intercept": slope.intercept,
        "calibration_in_the_large": slope.in_the_large,
        "ici": np.mean(np.abs(expit(0.3 + 0.7 * np.log(p / (1 - p))) - p)),
        "lift_top_10%": tn.churn.gains(y, p, [0.1]).lift[0],
        "profit": CAMPAIGN.profit(y, p).mean(),
    }
    inside = dict.fromkeys(truth, 0)
    for seed in range(runs):
        y, p, group = rows_of(np.random.default_rng(seed), customers, each)
        told = tn.churn.evaluate(y, p, groups=group, campaign=CAMPAIGN)
        for name, true in truth.items():
            k = told.measure.index(name)
            inside[name] += told.lower[k] <= true <= told.upper[k]
    return {name: count / runs for name, count in inside.items()}


def test_limits_of_the_report_cover_where_customers_come_three_times():
    share = covered(customers=400, each=3, runs=30)
    # Of 30, with a chance of 0.95 each: fewer than 25 once in 3,000 measures.
    assert min(share.values()) >= 25 / 30, share


@pytest.mark.slow
@pytest.mark.parametrize("each", [1, 3])
def test_limits_of_the_report_cover_in_a_thousand_runs(each):
    share = covered(customers=1200 // each, each=each, runs=1000)
    # Three and a half errors of a share of 1,000 are 0.024; the ICI's limits are made to be safe.
    assert all(0.926 <= s <= (1.0 if n == "ici" else 0.974) for n, s in share.items()), share
