"""ChurnModel among the tools of scikit-learn: its own checks, pipelines, searches, pickles."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

import tenure as tn
from tenure.churn._cross_fit import folds_of

# scikit-learn wants its own base class; ours is not its subclass so that it need not be imported.
NO_BASE = "ignore:Estimator ChurnModel does not inherit:UserWarning"
FLAT = "ignore:calibration by .*the classes do not overlap:tenure.ConvergenceWarning"


def quick():
    return DecisionTreeClassifier(max_depth=3, random_state=0)


def own_folds(estimator):
    """What hands in its own folds, which are ours to make: by customer and in time."""
    names = (
        "check_sample_weight_equivalence_on_dense_data",
        "check_sample_weight_equivalence_on_sparse_data",
    )
    return dict.fromkeys(names, "cv is a number of folds; test_churn_model weighs by hand")


with pytest.warns(UserWarning, match="does not inherit"):
    CHECKS = parametrize_with_checks(
        [
            tn.churn.ChurnModel(LogisticRegression(), calibration="platt", cv=2),
            tn.churn.ChurnModel(quick(), cv=2),
        ],
        expected_failed_checks=own_folds,
    )
with pytest.warns(UserWarning, match="does not inherit"):
    SLOW_CHECKS = parametrize_with_checks([tn.churn.ChurnModel()], expected_failed_checks=own_folds)


@CHECKS
@pytest.mark.filterwarnings(NO_BASE, FLAT)
def test_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@SLOW_CHECKS
@pytest.mark.filterwarnings(NO_BASE, FLAT)
def test_passes_the_checks_as_it_comes(estimator, check):
    check(estimator)


RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
Y = RNG.random(300) < 1.0 / (1.0 + np.exp(1.0 - X @ [1.0, -0.5, 0.0]))


def test_is_that_of_scikit_learn_on_the_same_folds():
    """CalibratedClassifierCV with our folds: isotonic by its own code, without our bounds."""
    cross = tn.churn.ChurnModel(LogisticRegression(), cv=3).fit(X, Y).cross_fitted_
    folds = folds_of(Y.astype(int), np.arange(300), 3, 0)
    theirs = CalibratedClassifierCV(
        LogisticRegression(), method="isotonic", cv=folds, ensemble=False
    ).fit(X, Y)
    margin = np.log(cross.probability / (1.0 - cross.probability))
    told = theirs.calibrated_classifiers_[0].calibrators[0].predict(margin)
    # Between two steps the margin is rounded, and the map may be steep there.
    assert_allclose(cross.calibrated, told.clip(1 / 302, 301 / 302), atol=1e-7)


def test_rows_are_scored_out_of_their_folds():
    model = tn.churn.ChurnModel(LogisticRegression(), calibration="beta", cv=4).fit(X, Y)
    cross = model.cross_fitted_
    assert_array_equal(cross.row, np.arange(300))
    assert_array_equal(cross.churned, Y)
    inside = LogisticRegression().fit(X, Y).predict_proba(X)[:, 1]
    assert (cross.probability != inside).all()
    assert_allclose(cross.calibrated, model.calibrator_.predict(cross.probability))


def test_works_in_searches_and_around_pipelines_and_frames():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame["plan"] = np.where(X[:, 2] > 0, "gold", "basic")
    pipe = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["plan"]), (StandardScaler(), ["a", "b"])),
        LogisticRegression(),
    )
    model = tn.churn.ChurnModel(pipe, calibration="platt", cv=2)
    search = GridSearchCV(
        model,
        {"estimator__logisticregression__C": [0.01, 1.0], "calibration": ["platt", None]},
        cv=StratifiedKFold(2),
        scoring="neg_log_loss",
    ).fit(frame, Y)
    assert set(search.best_params_) == {"estimator__logisticregression__C", "calibration"}
    fitted = clone(model).fit(frame, Y)
    assert fitted.feature_names_in_.tolist() == ["a", "b", "c", "plan"]
    assert fitted.predict_proba(frame).shape == (300, 2)


def test_margins_and_words_for_classes_do_as_well():
    names = np.where(Y, "left", "here")
    model = tn.churn.ChurnModel(LinearSVC(), calibration="platt", cv=3)
    p = model.fit(X, np.where(Y, "yes", "no")).predict_proba(X)[:, 1]
    assert np.mean((p > 0.5) == Y) > 0.65
    assert model.predict(X[:5]).tolist() == np.where(p[:5] > 0.5, "yes", "no").tolist()
    assert is_classifier(model)
    # The greater of two words is churn: "left".
    worded = tn.churn.ChurnModel(LogisticRegression(), cv=3).fit(X, names)
    assert worded.classes_.tolist() == ["here", "left"]


def test_pickles_keep_the_model_and_files_of_ours_refuse_it(tmp_path):
    model = tn.churn.ChurnModel(LogisticRegression(), cv=2, threshold=0.3).fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    with pytest.raises(tn.InvalidInputError, match=r"pickle, joblib or skops"):
        model.save(tmp_path / "model.tenure")


def test_fits_are_the_same_again_and_the_given_estimator_stays_blank():
    given = quick()
    one, two = (tn.churn.ChurnModel(given, cv=3).fit(X, Y).predict_proba(X) for _ in range(2))
    assert_array_equal(one, two)
    assert not hasattr(given, "classes_")


def test_a_missing_scikit_learn_is_called_by_the_name_it_is_installed_by(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.utils.validation", None)
    with pytest.raises(tn.MissingExtraError, match="pip install 'scikit-learn'"):
        tn.churn.ChurnModel().fit(X, Y)


@pytest.mark.parametrize(
    ("settings", "y", "said"),
    [
        ({"calibration": "sigmoid"}, Y, "calibration must be one of"),
        ({"cv": 1}, Y, "cv must be >= 2"),
        ({"threshold": 1.5}, Y, "threshold must be"),
        ({"gap": -1}, Y, "gap"),
        ({}, np.zeros(300), "one class"),
        ({}, np.arange(300) % 3, "Only binary classification"),
        ({}, np.arange(300) == 7, "at least two customers of each class"),
        ({}, None, "requires y"),
    ],
)
def test_bad_settings_and_labels_are_named(settings, y, said):
    with pytest.raises(tn.InvalidInputError, match=said):
        tn.churn.ChurnModel(LogisticRegression(), **settings).fit(X, y)
