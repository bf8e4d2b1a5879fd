"""Measures of survival models and cure mixtures on data as they come."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hostile import OK, Case, E, W

import tenure as tn

DURATION = (1.0, 2.0, 2.0, 3.0, 5.0, 8.0)
CHURNED = (1, 1, 0, 1, 0, 0)
SCORE = (3.0, 2.0, 2.5, 1.0, 0.5, 0.7)
STAY = (0.2, 0.3, 0.4, 0.5, 0.8, 0.9)


def uno(**given: Any) -> Any:
    data = {"duration": DURATION, "churned": CHURNED, "score": SCORE, **given}
    return tn.churn.uno_concordance(**data)


def auc(times: Any = (2.0, 4.0), **given: Any) -> Any:
    data = {"duration": DURATION, "churned": CHURNED, "score": SCORE, **given}
    return tn.churn.dynamic_auc(times=times, **data)


def brier(times: Any = (2.0,), survival: Any = STAY, **given: Any) -> Any:
    data = {"duration": DURATION, "churned": CHURNED, **given}
    return tn.churn.survival_brier_score(survival=survival, times=times, **data)


def calibrated(**given: Any) -> Any:
    data = {"duration": DURATION, "churned": CHURNED, "survival": STAY, "time": 3.0, **given}
    return tn.churn.survival_calibration(**data)


def cure(**given: Any) -> Any:
    names = ("distribution", "incidence", "latency", "level", "tolerance", "n_threads")
    settings = {k: given.pop(k) for k in names if k in given}
    data = {"X": None, "duration": DURATION, "churned": CHURNED, **given}
    return tn.churn.CureModel(**settings).fit(**data)


def refused(about: str, call: Any, says: str) -> Case:
    return E(about, call, says)


def tampered(**values: Any) -> Any:
    """A model whose file claims what no fit has."""
    rng = np.random.default_rng(1)
    leaves, seen = rng.random(300) < 0.5, rng.uniform(3.0, 9.0, 300)
    life = np.where(leaves, rng.exponential(1.0, 300), np.inf)
    model = tn.churn.CureModel().fit(None, np.minimum(life, seen), life <= seen)
    for name, value in values.items():
        setattr(model, name, value)
    return model.__reduce__()[0](*model.__reduce__()[1])


CASES = [
    OK("uno_concordance: no pairs", lambda: uno(churned=[0] * 6), lambda c: math.isnan(c.value),
       nan=("value", "standard_error", "lower", "upper")),
    OK("uno_concordance: all equal scores", lambda: uno(score=[1.0] * 6),
       lambda c: c.value == 0.5 and 0.0 <= c.lower <= 0.5 <= c.upper <= 1.0),
    OK("uno_concordance: all at one time", lambda: uno(duration=[2.0] * 6),
       lambda c: 0.0 <= c.value <= 1.0),
    refused("uno_concordance: empty", lambda: uno(duration=[], churned=[], score=[]), "duration"),
    refused("uno_concordance: NaN score", lambda: uno(score=[math.nan] * 6), "score[0]"),
    refused("uno_concordance: negative", lambda: uno(duration=[-1.0] * 6), "duration[0]"),
    refused("uno_concordance: event 2", lambda: uno(churned=[2] * 6), "churned[0]"),
    refused("uno_concordance: weights 0", lambda: uno(sample_weight=[0.0] * 6), "sample_weight"),
    refused("uno_concordance: tau NaN", lambda: uno(tau=math.nan), "tau"),
    refused("uno_concordance: train is text", lambda: uno(train="x"), "train"),
    OK("dynamic_auc: times beyond", lambda: auc([2.0, 8.0, 9.0]),
       lambda a: a.dropped.tolist() == [8.0, 9.0]),
    refused("dynamic_auc: none left", lambda: auc([0.5, 9.0]), "none can be scored"),
    refused("dynamic_auc: times descend", lambda: auc([4.0, 2.0]), "times[1]"),
    refused("dynamic_auc: times NaN", lambda: auc([math.nan]), "times[0]"),
    refused("dynamic_auc: shape", lambda: auc(score=np.ones((6, 5))), "shape"),
    OK("survival_brier_score: nobody churned yet", lambda: brier([0.5]),
       lambda b: b.null_score[0] == 0.0 and math.isnan(b.skill[0]),
       nan=("skill", "skill_lower", "skill_upper")),
    refused("survival_brier_score: chance 1.1", lambda: brier(survival=[1.1] * 6), "survival[0]"),
    refused("survival_brier_score: NaN", lambda: brier(survival=[math.nan] * 6), "survival[0]"),
    refused("survival_brier_score: function", lambda: brier(survival=lambda t: [0.5]), "survival"),
    refused("survival_calibration: all equal", lambda: calibrated(survival=[0.5] * 6), "differ"),
    refused("survival_calibration: too late", lambda: calibrated(time=9.0), "at most 8"),
    refused("survival_calibration: too early", lambda: calibrated(time=0.5), "somebody churned"),
    OK("d_calibration: certain", lambda: tn.churn.d_calibration([0.0, 1.0], [1, 0], bins=2),
       lambda d: d.share.sum() == 1.0, nan=("statistic", "p_value")),
    refused("d_calibration: weight NaN",
            lambda: tn.churn.d_calibration([0.4, 0.2], [1, 0], sample_weight=[1.0, math.nan]),
            "sample_weight[1]"),
    refused("d_calibration: weight 1e200",
            lambda: tn.churn.d_calibration([0.4, 0.2], [1, 0], sample_weight=[1.0, 1e200]),
            "finite when squared"),
    refused("d_calibration: NaN", lambda: tn.churn.d_calibration([math.nan], [1]), "survival[0]"),
    W("CureModel: everybody left", lambda: cure(churned=[1] * 6), "nobody seems to stay"),
    refused("CureModel: nobody churned", lambda: cure(churned=[0] * 6), "nobody churned"),
    refused("CureModel: churn at 0", lambda: cure(duration=(0.0, *DURATION[1:])), "duration[0]"),
    refused("CureModel: infinite", lambda: cure(duration=(*DURATION[:5], math.inf)), "duration[5]"),
    refused("CureModel: entry after exit", lambda: cure(entry=[2.0] + [0.0] * 5), "entry[0]"),
    refused("CureModel: constant column", lambda: cure(X=np.ones((6, 1))), "does not vary"),
    refused("CureModel: unknown column", lambda: cure(incidence=["a"]), "incidence"),
    refused("CureModel: threads 0", lambda: cure(n_threads=0), "n_threads"),
    E("CureModel: before fit", lambda: tn.churn.CureModel().predict_stays(None), "not fitted",
      "NotFittedError"),
    E("CureModel.load: scale -1", lambda: tampered(scale_=-1.0), "", "ModelFileError"),
    E("CureModel.load: other terms", lambda: tampered(terms_=("a",)), "", "ModelFileError"),
    refused("follow_up_test: nobody churned", lambda: tn.churn.follow_up_test([1.0], [0]),
            "nobody churned"),
]  # fmt: skip
