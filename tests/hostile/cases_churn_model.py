"""Churn probabilities as they come: maps, measures, models and reasons."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pandas as pd
from hostile import OK, Case, E, W

import tenure as tn

P = (0.1, 0.2, 0.3, 0.6, 0.7, 0.9)
GONE = (0, 1, 0, 0, 1, 1)
CHANCES = np.linspace(0.01, 0.99, 60)
FLAGS = np.arange(60) * 7 % 60 < np.arange(60)


def mapped(method: str = "isotonic", p: Any = P, churned: Any = GONE, w: Any = None) -> Any:
    return tn.churn.Calibrator(method).fit(p, churned, w)


def shifted(**change: Any) -> Any:
    """A map in a file whose values were changed, read again."""
    model = mapped()
    for name, value in change.items():
        setattr(model, name, value)
    return pickle.loads(pickle.dumps(model))


class Told:
    """A classifier that says what it is given."""

    def __init__(self, says: Any = 0.5) -> None:
        self.says = says

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"says": self.says}

    def set_params(self, **params: Any) -> Any:
        vars(self).update(params)
        return self

    def fit(self, X: Any, y: Any) -> Any:
        self.n_features_in_ = np.shape(X)[1]
        return self

    def predict_proba(self, X: Any) -> Any:
        p = np.full(len(X), self.says)
        return np.stack([1.0 - p, p], axis=1)


def model(says: Any = 0.5, y: Any = FLAGS, **settings: Any) -> Any:
    return tn.churn.ChurnModel(Told(says), **settings).fit(CHANCES[:, None], y)


def refused(about: str, says: str, call: Any) -> Case:
    return E(about, call, says)


CASES = [
    # --- maps
    refused("Calibrator: nobody", "probability", lambda: mapped(p=[], churned=[])),
    refused(
        "Calibrator: 1 above 1", "probability[1]", lambda: mapped(p=(0.1, 1.1), churned=(0, 1))
    ),
    refused("Calibrator: NaN", "probability[0]", lambda: mapped(p=(math.nan, 0.1), churned=(0, 1))),
    refused("Calibrator: words", "probability", lambda: mapped(p=["a", "b"], churned=(0, 1))),
    refused("Calibrator: churned 2", "churned[1]", lambda: mapped(churned=(0, 2, 0, 0, 1, 1))),
    refused("Calibrator: weight -1", "weight", lambda: mapped(w=[-1.0] + [1.0] * 5)),
    refused("Calibrator: weights 0", "churned", lambda: mapped(w=[0.0] * 6)),
    refused("Calibrator: weight NaN", "", lambda: mapped(w=[math.nan] + [1.0] * 5)),
    refused("Calibrator: unequal", "probability has 2", lambda: mapped(p=(0.1, 0.2))),
    refused("Calibrator.predict: 2", "probability[0]", lambda: mapped().predict([2.0])),
    E("Calibrator: before fit", lambda: tn.churn.Calibrator().predict(P), "", "NotFittedError"),
    E(
        "Calibrator.load: descending",
        lambda: shifted(values_=-mapped().values_),
        "",
        "ModelFileError",
    ),
    E("Calibrator.load: NaN", lambda: shifted(knots_=np.array([math.nan])), "", "ModelFileError"),
    E("Calibrator.load: of another kind", lambda: shifted(coef_=np.ones(2)), "", "ModelFileError"),
    OK(
        "Calibrator: certain probabilities",
        lambda: mapped("platt", [0.0, 1.0, 0.0, 1.0], [0, 1, 1, 1]).predict([0.0, 5e-324, 1.0]),
        lambda p: bool(np.all((p > 0) & (p < 1)) and p[0] == p[1]),
    ),
    W(
        "Calibrator: classes apart",
        lambda: mapped("temperature", [0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]),
        "do not overlap",
        lambda m: not m.converged_,
    ),
    OK(
        "Calibrator: weights of 1e300",
        lambda: mapped(w=[1e300] * 6).predict(P),
        lambda p: np.allclose(p, [1e-300, 1 / 3, 1 / 3, 1 / 3, 1, 1], atol=1e-12),
    ),
    # --- measures
    refused(
        "brier_score: everybody", "everybody", lambda: tn.churn.brier_score([1, 1], [0.1, 0.2])
    ),
    refused("brier_score: -1 bins", "bins", lambda: tn.churn.brier_score(GONE, P, bins=-1)),
    refused("ici: level 1", "level", lambda: tn.churn.ici(GONE, P, level=1.0)),
    refused(
        "reliability: seed -1",
        "random_state",
        lambda: tn.churn.reliability(GONE, P, random_state=-1),
    ),
    refused(
        "calibration_slope: all alike",
        "must differ",
        lambda: tn.churn.calibration_slope(GONE, [0.3] * 6),
    ),
    refused(
        "evaluate: groups NaN", "groups", lambda: tn.churn.evaluate(GONE, P, groups=[None] * 6)
    ),
    refused("evaluate: top 0", "top", lambda: tn.churn.evaluate(GONE, P, top=0.0)),
    refused("evaluate: campaign 3", "campaign", lambda: tn.churn.evaluate(GONE, P, campaign=3)),
    OK(
        "evaluate: a miss that was certain",
        lambda: tn.churn.evaluate([1, 0, 0, 1], [0.0, 0.3, 0.6, 0.5], top=0.5),
        lambda e: e["log_loss"] == math.inf,
        nan=("standard_error", "lower"),
    ),
    refused("Campaign: value 0", "value", lambda: tn.churn.Campaign(0, 0.5, 1, 1)),
    refused("Campaign: accept 2", "accept", lambda: tn.churn.Campaign(9, 2, 1, 1)),
    refused("cost_threshold: -1", "false_alarm", lambda: tn.churn.cost_threshold(-1, 1)),
    # --- the model
    refused("ChurnModel: one class", "both classes", lambda: model(y=np.zeros(60))),
    refused("ChurnModel: y NaN", "y[9] is nan", lambda: model(y=np.where(FLAGS, math.nan, 0.0))),
    refused(
        "ChurnModel: weights that the classifier does not take",
        "takes none",
        lambda: tn.churn.ChurnModel(Told(0.5)).fit(
            CHANCES[:, None], FLAGS, sample_weight=np.ones(60)
        ),
    ),
    refused(
        "ChurnModel: weight NaN",
        "sample_weight[0]",
        lambda: tn.churn.ChurnModel().fit(
            CHANCES[:, None], FLAGS, sample_weight=np.full(60, math.nan)
        ),
    ),
    refused("ChurnModel: cv 1", "cv", lambda: model(cv=1)),
    refused("ChurnModel: threshold NaN", "threshold", lambda: model(threshold=math.nan)),
    refused("ChurnModel: a model that says NaN", "probability[0]", lambda: model(math.nan)),
    E(
        "ChurnModel: before fit",
        lambda: tn.churn.ChurnModel().predict_proba([[1.0]]),
        "not fitted",
        "NotFittedError",
    ),
    OK(
        "ChurnModel: a classifier that knows nothing",
        lambda: model(calibration="isotonic").predict_proba([[0.5]])[0, 1],
        lambda p: math.isclose(p, FLAGS.mean()),
    ),
    # --- why
    refused("shapley: no model", "predict_proba", lambda: tn.churn.shapley(3, [[1.0, 2.0]])),
    refused(
        "shapley: X of words", "X must hold numbers", lambda: tn.churn.shapley(Told(), [["a"]])
    ),
    refused("reasons: k -1", "k must be", lambda: tn.churn.reasons(Told(), [[1.0]], -1)),
    OK(
        "reasons: nothing matters",
        lambda: tn.churn.reasons(Told(), [[1.0, math.nan]] * 3, 2, n_permutations=2),
        lambda r: r.reasons == ((), (), ()),
    ),
    refused(
        "permutation_importance: one class",
        "nobody",
        lambda: tn.churn.permutation_importance(Told(), [[1.0], [2.0]], [0, 0]),
    ),
    refused(
        "partial_effect: no such", "names 9", lambda: tn.churn.partial_effect(Told(), [[1.0]], 9)
    ),
    refused(
        "leakage_report: a frame", "ChurnDataset", lambda: tn.churn.leakage_report(pd.DataFrame())
    ),
]
