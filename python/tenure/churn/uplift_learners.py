"""S-, T-, X- and R-learners: the effect of a contact on each customer, over any regressor."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure._matrix import Matrix
from tenure._validation import Floats, Ints, as_count, as_seed
from tenure.churn._base_learners import (
    as_features,
    effect_model,
    expected,
    fit_copy,
    outcome_model,
)
from tenure.churn._campaign import as_arms, as_customers, as_outcome, assign_folds, require_finite
from tenure.churn._uplift_learner import (
    CrossFitted,
    Sample,
    UpliftLearner,
    fit_treated_chance,
    treated_chance,
)
from tenure.churn.potential_outcomes import as_propensity


class SLearner(UpliftLearner):
    """One model of the outcome with the treatment as a column: the difference it makes.

    Parameters
    ----------
    outcome_model : estimator, optional
        A regressor, or for responses a classifier. Default: scikit-learn's HistGradientBoosting.
        A model without interactions foretells one effect for all.
    random_state : int, Generator or None
        Of the default model.

    Attributes
    ----------
    model_ : estimator
        Its last column is the treatment.
    n_features_in_ : int

    References
    ----------
    Künzel, S. R., Sekhon, J. S., Bickel, P. J. and Yu, B. (2019). Metalearners for estimating
    heterogeneous treatment effects using machine learning. PNAS 116:4156-4165.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> X, treated = np.array([[0], [0], [1], [1]] * 5), np.array([0, 1, 0, 1] * 5)
    >>> spent = 5.0 + 3.0 * treated * X[:, 0]
    >>> learner = tn.churn.SLearner(DecisionTreeRegressor()).fit(X, spent, treated)
    >>> learner.predict([[0], [1]]).tolist()
    [0.0, 3.0]
    """

    _fitted = ("model_", "n_features_in_")

    model_: Any

    def __init__(self, outcome_model: Any = None, *, random_state: Any = 0) -> None:
        self.outcome_model = outcome_model
        self.random_state = random_state

    def _learn(self, sample: Sample) -> None:
        model = outcome_model(self.outcome_model, sample.y, self._seed())
        both = np.column_stack([sample.X, sample.treated])
        self.model_ = fit_copy(model, both, sample.y, "outcome_model")

    def _effect(self, X: Matrix) -> Floats:
        one, none = (
            expected(self.model_, np.column_stack([X, np.full(len(X), w)]), "outcome_model")
            for w in (1.0, 0.0)
        )
        return one - none


class TLearner(UpliftLearner):
    """Two models of the outcome, of the treated and of the controls: their difference.

    Parameters
    ----------
    outcome_model : estimator, optional
        A regressor, or for responses a classifier. Default: scikit-learn's HistGradientBoosting.
    random_state : int, Generator or None
        Of the default model.

    Attributes
    ----------
    control_model_, treated_model_ : estimator
    n_features_in_ : int

    References
    ----------
    Künzel, Sekhon, Bickel and Yu (2019), PNAS 116:4156-4165.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LinearRegression
    >>> X, treated = np.arange(20.0)[:, None], np.arange(20) % 2
    >>> learner = tn.churn.TLearner(LinearRegression()).fit(X, 1 + treated * X[:, 0], treated)
    >>> learner.predict([[1.0], [5.0]]).round(6).tolist()
    [1.0, 5.0]
    """

    _fitted = ("control_model_", "treated_model_", "n_features_in_")

    control_model_: Any
    treated_model_: Any

    def __init__(self, outcome_model: Any = None, *, random_state: Any = 0) -> None:
        self.outcome_model = outcome_model
        self.random_state = random_state

    def _learn(self, sample: Sample) -> None:
        model = outcome_model(self.outcome_model, sample.y, self._seed())
        self.control_model_, self.treated_model_ = _both_arms(model, sample)

    def _effect(self, X: Matrix) -> Floats:
        return expected(self.treated_model_, X, "outcome_model") - expected(
            self.control_model_, X, "outcome_model"
        )


def _both_arms(model: Any, sample: Sample) -> tuple[Any, Any]:
    control, treated = (
        fit_copy(model, sample.X[sample.arms == k], sample.y[sample.arms == k], "outcome_model")
        for k in (0, 1)
    )
    return control, treated


class XLearner(UpliftLearner):
    """Each arm's outcomes against what the model of the other arm expects, then a blend.

    Strong where one arm is much smaller than the other.

    Parameters
    ----------
    outcome_model : estimator, optional
        A regressor, or for responses a classifier. Default: scikit-learn's HistGradientBoosting.
    effect_model : regressor, optional
        Default: HistGradientBoostingRegressor.
    propensity_model : classifier, optional
        Used where the propensity is not given. Default: HistGradientBoostingClassifier.
    random_state : int, Generator or None
        Of the default models.

    Attributes
    ----------
    control_effect_, treated_effect_ : estimator
        Of the effect, learnt from either arm.
    propensity_ : estimator or float
        Weighs them: e(x) times the controls' and 1 - e(x) times that of the treated.
    n_features_in_ : int

    References
    ----------
    Künzel, Sekhon, Bickel and Yu (2019), PNAS 116:4156-4165, eq. 7-9.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LinearRegression
    >>> X, treated = np.arange(20.0)[:, None], np.arange(20) % 4 == 0
    >>> learner = tn.churn.XLearner(LinearRegression(), LinearRegression())
    >>> _ = learner.fit(X, 1 + treated * X[:, 0], treated, propensity=0.25)
    >>> learner.predict([[0.0], [5.0]]).round(6).tolist()
    [0.0, 5.0]
    """

    _fitted = ("control_effect_", "treated_effect_", "propensity_", "n_features_in_")

    control_effect_: Any
    treated_effect_: Any
    propensity_: Any

    def __init__(
        self,
        outcome_model: Any = None,
        effect_model: Any = None,
        *,
        propensity_model: Any = None,
        random_state: Any = 0,
    ) -> None:
        self.outcome_model = outcome_model
        self.effect_model = effect_model
        self.propensity_model = propensity_model
        self.random_state = random_state

    def _learn(self, sample: Sample) -> None:
        seed = self._seed()
        control, treated = _both_arms(outcome_model(self.outcome_model, sample.y, seed), sample)
        effect = effect_model(self.effect_model, seed)
        held, sent = sample.arms == 0, sample.arms == 1
        gained = sample.y[sent] - expected(control, sample.X[sent], "outcome_model")
        missed = expected(treated, sample.X[held], "outcome_model") - sample.y[held]
        self.treated_effect_ = fit_copy(effect, sample.X[sent], gained, "effect_model")
        self.control_effect_ = fit_copy(effect, sample.X[held], missed, "effect_model")
        self.propensity_ = fit_treated_chance(self.propensity_model, sample, seed)

    def _effect(self, X: Matrix) -> Floats:
        chance = treated_chance(self.propensity_, X)
        by_control = expected(self.control_effect_, X, "effect_model")
        by_treated = expected(self.treated_effect_, X, "effect_model")
        return chance * by_control + (1.0 - chance) * by_treated


class RLearner(CrossFitted):
    """The effect that best explains what outcome and treatment leave unexplained together.

    Parameters
    ----------
    outcome_model : estimator, optional
        Of the outcome without regard to the treatment. A regressor, or for responses a classifier.
        Default: scikit-learn's HistGradientBoosting.
    effect_model : regressor, optional
        Its `fit` takes `sample_weight`. Default: HistGradientBoostingRegressor.
    propensity_model : classifier, optional
        Used where the propensity is not given. Default: HistGradientBoostingClassifier.
    n_folds : int
        Each customer's outcome and propensity are foretold by models of the other folds.
    clip : float
        Estimated propensities stay between it and 1 less it.
    random_state : int, Generator or None

    Attributes
    ----------
    effect_model_ : estimator
    clipped_ : int64 array of 2
        In how many rows the probability of control, and of treatment, was raised to `clip`.
    n_features_in_ : int

    References
    ----------
    Nie, X. and Wager, S. (2021). Quasi-oracle estimation of heterogeneous treatment effects.
    Biometrika 108:299-319, eq. 4.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LinearRegression
    >>> X, treated = np.arange(4000.0)[:, None] % 10, np.arange(4000) // 10 % 2
    >>> learner = tn.churn.RLearner(LinearRegression(), LinearRegression())
    >>> _ = learner.fit(X, 1 + treated * (2 + X[:, 0]), treated, propensity=0.5)
    >>> learner.predict([[0.0], [5.0]]).round(1).tolist()
    [2.0, 7.0]
    """

    _fitted = ("effect_model_", "clipped_", "n_features_in_")

    effect_model_: Any
    clipped_: Ints

    def _learn(self, sample: Sample) -> None:
        seed = self._seed()
        folds = self._folds(sample, seed)
        chance, clipped = self._cross_propensity(sample, folds, seed)
        likely = chance[:, 1] / chance.sum(axis=1)  # what was raised no longer adds up to 1
        model = outcome_model(self.outcome_model, sample.y, seed)
        mean = np.empty(len(sample.y))
        for fold in range(int(folds.max()) + 1):
            rest, out = folds != fold, folds == fold
            fitted = fit_copy(model, sample.X[rest], sample.y[rest], "outcome_model")
            mean[out] = expected(fitted, sample.X[out], "outcome_model")
        surprise = sample.arms - likely
        self.effect_model_ = fit_copy(
            effect_model(self.effect_model, seed),
            sample.X,
            (sample.y - mean) / surprise,
            "effect_model",
            surprise**2,
        )
        self.clipped_ = clipped

    def _effect(self, X: Matrix) -> Floats:
        return expected(self.effect_model_, X, "effect_model")


def cross_fit_uplift(
    learner: Any,
    X: Any,
    outcome: Any,
    treated: Any,
    *,
    propensity: Any = None,
    groups: Any = None,
    n_folds: int = 5,
    random_state: Any = 0,
) -> Floats:
    """Return the uplift of each customer by learners fitted to other customers.

    A learner foretells its own customers too well: it has seen their luck. What is chosen by these
    predictions can be judged on the same customers, with `potential_outcomes` of the same folds
    (the same `groups`, `n_folds` and `random_state`), without the winner's curse.

    Parameters
    ----------
    learner : SLearner, TLearner, XLearner, RLearner or DRLearner
        Copied for each fold.
    X, outcome, treated, propensity, groups
        As in the learner's `fit`; with several offers `treated` holds 0, 1, 2, ..., and each offer
        is learnt against the controls.
    n_folds : int
    random_state : int, Generator or None
        Deals customers to folds.

    Returns
    -------
    ndarray of float, shape (n,)
        With several offers (n, offers).

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LinearRegression
    >>> X, treated = np.arange(40.0)[:, None], np.arange(40) % 2
    >>> spent = 1 + treated * X[:, 0]
    >>> tn.churn.cross_fit_uplift(
    ...     tn.churn.TLearner(LinearRegression()), X, spent, treated
    ... )[1:4].round(6).tolist()
    [1.0, 2.0, 3.0]
    """
    y = as_outcome(outcome)
    arms, n_arms = as_arms(treated, len(y), "outcome")
    matrix, _ = as_features(X, len(y), "outcome")
    customers = as_customers(groups, len(y))
    known = None if propensity is None else as_propensity(propensity, arms, n_arms)
    count = as_count(n_folds, "n_folds", at_least=2)
    folds = assign_folds(arms, customers, count, as_seed(random_state))
    found = np.empty((len(y), n_arms - 1))
    for fold in range(count):
        out = folds == fold
        for k in range(1, n_arms):
            rest = ~out & ((arms == 0) | (arms == k))
            chance = None if known is None else known[rest, k] / (known[rest, 0] + known[rest, k])
            fitted = type(learner)(**learner.get_params(deep=False)).fit(
                matrix[rest],
                y[rest],
                arms[rest] == k,
                propensity=chance,
                groups=None if customers is None else customers[rest],
            )
            found[out, k - 1] = fitted.predict(matrix[out])
    require_finite(found, "uplift")
    return found[:, 0].copy() if n_arms == 2 else found
