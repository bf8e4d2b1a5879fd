"""Logistic regressions among the tools of scikit-learn, and what they refuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import tenure as tn
from tenure.churn import LogisticNet, LogisticRegression

# scikit-learn wants its own base class; ours is not its subclass so that it need not be imported.
NO_BASE = "ignore:Estimator Logistic.* does not inherit:UserWarning"
# Its blobs are separated, as a regression without a penalty says.
SEPARATED = "ignore:LogisticRegression stopped:tenure.ConvergenceWarning"

MORE_COLUMNS = {
    "check_sample_weight_equivalence_on_dense_data": "has 30 columns for 27 rows, which a "
    "regression without a penalty refuses"
}


def unpenalised(estimator):
    return getattr(estimator, "penalty", "path") in (None, "firth")


with pytest.warns(UserWarning, match="does not inherit"):
    CHECKS = parametrize_with_checks(
        [
            LogisticRegression("l2", strength=0.01),
            LogisticRegression("elasticnet", strength=0.01),
            LogisticRegression("firth"),
            LogisticRegression(),
            LogisticNet(penalties=[0.1, 0.01]),
        ],
        expected_failed_checks=lambda e: MORE_COLUMNS if unpenalised(e) else {},
    )


@CHECKS
@pytest.mark.filterwarnings(NO_BASE, SEPARATED)
def test_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


rng = np.random.default_rng(0)
X = rng.normal(size=(120, 3)) * [1, 10, 100]
Y = (rng.random(120) < 1 / (1 + np.exp(-X[:, 0]))).astype(int)


def test_works_in_a_pipeline_a_search_and_a_score():
    pipe = make_pipeline(StandardScaler(), LogisticRegression("l2", strength=0.1))
    search = GridSearchCV(pipe, {"logisticregression__strength": [0.01, 0.1, 1.0]}, cv=3).fit(X, Y)
    assert search.best_score_ > 0.6
    assert cross_val_score(LogisticRegression(), X, Y, scoring="roc_auc", cv=3).mean() > 0.65
    assert is_classifier(LogisticRegression())
    assert is_classifier(LogisticNet())


def test_asks_for_sample_weight():
    weight = np.linspace(0.1, 3.0, len(X))
    with sklearn.config_context(enable_metadata_routing=True):
        m = clone(LogisticRegression().set_fit_request(sample_weight=True))
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), m)
        pipe.fit(X, Y, sample_weight=weight)
        expected = LogisticRegression().fit(X, Y, sample_weight=weight)
        assert pipe[-1].log_likelihood_ == pytest.approx(expected.log_likelihood_, rel=1e-10)


def test_a_frame_gives_names():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = LogisticRegression().fit(frame, Y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    assert model.terms_ == ("Intercept", "a", "b", "c")
    with pytest.raises(tn.InvalidInputError, match="same order"):
        model.predict(frame[["b", "a", "c"]])
    assert model.summary().to_pandas()["name"].tolist() == ["Intercept", "a", "b", "c"]


ONE_HOT = np.eye(3)[np.arange(120) % 3]
NAN = X.copy()
NAN[7, 1] = np.nan


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"X": NAN}, r"X\[7, 1\] must be finite, got NaN"),
        ({"X": pd.DataFrame(NAN, columns=list("abc"))}, r"X\[7, 'b'\]"),
        ({"X": np.column_stack([X, np.full(120, 4.0)])}, r"'x3'\] is 4 in every row: the interc"),
        ({"X": np.column_stack([X, 2 * X[:, 1]])}, r"'x1', 'x3' are linearly dependent"),
        (
            {"X": np.column_stack([X, ONE_HOT])},
            r"'x3', 'x4', 'x5' are linearly dependent .*dummies that add up",
        ),
        ({"X": X * [1.0, 1e300, 1.0]}, r"'x1'\] has a range of .*e\+30"),
        ({"X": X[:3], "y": [0, 1, 0]}, "3 columns and an intercept for 3 rows"),
        ({"y": np.ones(120)}, "one class only, 1.0 in every row"),
        ({"y": np.arange(120) % 3}, "Only binary classification"),
        ({"y": X[:, 0]}, "Unknown label type"),
        ({"y": [None, *Y[1:]]}, r"y\[0\]"),
        ({"y": Y[:-1]}, "y must have one label"),
        ({"sample_weight": np.r_[-1.0, np.ones(119)]}, r"sample_weight\[0\]"),
        ({"sample_weight": Y.astype(float)}, "two classes with a weight above 0"),
        ({"offset": np.r_[np.ones(119), np.inf]}, r"offset\[119\] must be finite"),
        ({"clusters": np.zeros(120)}, "clusters must be at least two"),
        ({"penalty": "l1"}, "penalty must be one of"),
        ({"penalty": "l2"}, "needs a strength"),
        ({"strength": 1.0}, "strength is lambda"),
        ({"penalty": "firth", "robust": True}, "robust standard errors need penalty=None"),
        ({"level": 1.0}, "level"),
        ({"tol": 1.0}, "tol"),
        ({"max_iter": 0}, "max_iter"),
        ({"fit_intercept": "no"}, "fit_intercept"),
    ],
)
def test_refuses_with_the_reason(given, says):
    data = {"X": X, "y": Y} | {k: v for k, v in given.items() if k in _ROWS}
    settings = {k: v for k, v in given.items() if k not in _ROWS}
    with pytest.raises(tn.InvalidInputError, match=says):
        LogisticRegression(**settings).fit(**data)


_ROWS = ("X", "y", "sample_weight", "offset", "clusters")


def test_refuses_questions_that_have_no_answer():
    model = LogisticRegression(robust=True).fit(X, Y)
    with pytest.raises(tn.InvalidInputError, match="robust errors have Wald's alone"):
        model.summary(method="profile")
    assert model.tests().test == ("Wald",)
    with pytest.raises(tn.InvalidInputError, match="no column of the fit"):
        model.tests("price")
    with pytest.raises(tn.InvalidInputError, match="distinct"):
        model.tests(["x0", 0])
    with pytest.raises(tn.InvalidInputError, match="penalty=None"):
        _ = LogisticRegression("firth").fit(X, Y).aic_
    with pytest.raises(tn.InvalidInputError, match=r"offset\[0\]"):
        model.predict(X[:1], offset=[np.nan])
    with pytest.raises(tn.NotFittedError):
        LogisticRegression().predict(X)


def test_says_where_steps_ran_out():
    with pytest.warns(tn.ConvergenceWarning, match="max_iter=1 came first"):
        model = LogisticRegression(max_iter=1, tol=1e-12).fit(X, Y)
    assert model.status_ == "max_iterations"
    with pytest.raises(tn.InvalidInputError, match="max_iterations"):
        model.summary()
