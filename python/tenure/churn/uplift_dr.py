"""The DR-learner: a regression of doubly robust scores."""

from __future__ import annotations

from typing import Any

from tenure._matrix import Matrix
from tenure._validation import Floats
from tenure.churn._base_learners import effect_model, expected, fit_copy, outcome_model
from tenure.churn._uplift_learner import CrossFitted, Sample
from tenure.churn.potential_outcomes import PotentialOutcomes, cross_fit_outcomes, doubly_robust


class DRLearner(CrossFitted):
    """Regression of doubly robust scores on the features.

    Right on average if either the outcome model or the propensity is, and the learner whose scores
    give intervals: `scores_` go into `linear_uplift`, `uplift_calibration` and `policy_value`.

    Parameters
    ----------
    outcome_model : estimator, optional
        Of the outcome in each arm. A regressor, or for responses a classifier. Default:
        scikit-learn's HistGradientBoosting.
    effect_model : regressor, optional
        Of the scores. Default: HistGradientBoostingRegressor.
    propensity_model : classifier, optional
        Used where the propensity is not given. Default: HistGradientBoostingClassifier.
    n_folds : int
        Each customer's score comes from models of the other folds.
    clip : float
        Estimated propensities below it are raised to it.
    random_state : int, Generator or None

    Attributes
    ----------
    effect_model_ : estimator
    scores_ : PotentialOutcomes
        Of the customers of the fit; its table is the report on overlap.
    n_features_in_ : int

    References
    ----------
    Kennedy, E. H. (2023). Towards optimal doubly robust estimation of heterogeneous causal effects.
    Electronic Journal of Statistics 17:3008-3049, algorithm 1.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> X, treated = rng.normal(size=(2000, 1)), rng.integers(0, 2, 2000)
    >>> spent = 10 + treated * (2 + X[:, 0]) + rng.normal(size=2000)
    >>> learner = tn.churn.DRLearner(LinearRegression(), LinearRegression())
    >>> learner.fit(X, spent, treated, propensity=0.5).predict([[0.0], [1.0]]).round(1).tolist()
    [2.1, 3.1]
    """

    _fitted = ("effect_model_", "scores_", "n_features_in_")

    effect_model_: Any
    scores_: PotentialOutcomes

    def _learn(self, sample: Sample) -> None:
        seed = self._seed()
        folds = self._folds(sample, seed)
        chance, clipped = self._cross_propensity(sample, folds, seed)
        model = outcome_model(self.outcome_model, sample.y, seed)
        mean = cross_fit_outcomes(sample.X, sample.y, sample.arms, 2, folds, model)
        score = doubly_robust(sample.y, sample.arms, mean, chance)
        scores = PotentialOutcomes(
            sample.y, sample.arms, mean, chance, score, folds, sample.customers, clipped, 0.95
        )
        effect = effect_model(self.effect_model, seed)
        self.effect_model_ = fit_copy(effect, sample.X, scores.effect(), "effect_model")
        self.scores_ = scores

    def _effect(self, X: Matrix) -> Floats:
        return expected(self.effect_model_, X, "effect_model")
