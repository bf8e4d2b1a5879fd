"""What learners of uplift share: the conventions of scikit-learn, with a treatment beside y."""

from __future__ import annotations

import copyreg
from typing import Any, NoReturn, Self

import numpy as np

from tenure._errors import TenureError
from tenure._matrix import Matrix
from tenure._sklearn import FeatureEstimator
from tenure._validation import Floats, Ints, as_count, as_number, as_seed
from tenure.churn._base_learners import as_features, chance_of_arms, fit_arms
from tenure.churn._campaign import as_customers, as_outcome, as_treated, assign_folds
from tenure.churn.potential_outcomes import as_propensity, cross_fit_propensity


class Sample:
    """The checked arguments of a fit."""

    def __init__(self, X: Any, outcome: Any, treated: Any, propensity: Any, groups: Any) -> None:
        self.y = as_outcome(outcome)
        self.X, self.names = as_features(X, len(self.y), "outcome")
        self.treated = as_treated(treated, len(self.y), "outcome")
        self.arms: Ints = self.treated.astype(np.int64)
        self.customers = as_customers(groups, len(self.y))
        self.known = None if propensity is None else as_propensity(propensity, self.arms, 2)


class UpliftLearner(FeatureEstimator):
    """Base of learners: `fit(X, outcome, treated)`, `predict(X)`."""

    _sklearn_kind = "regressor"

    def fit(
        self, X: Any, outcome: Any, treated: Any, *, propensity: Any = None, groups: Any = None
    ) -> Self:
        """Fit the learner to a campaign with a control group.

        Parameters
        ----------
        X : array of shape (n, features) or data frame
            What was known before the campaign. Whether NaN may be in it is for the models to say.
        outcome : array of n floats
            Responses, 0 or 1, or money.
        treated : array of n flags
        propensity : float, array of n floats or "randomised", optional
            Probability of being treated, where it is known; "randomised": the share of the
            treated. Default: estimated from X where the learner needs it.
        groups : array of n labels, optional
            The customer of each row, where one has several: they share a fold.

        Returns
        -------
        self

        Raises
        ------
        NoControlGroupError
            If all, or none, were contacted.
        InvalidInputError
            Names the row.
        """
        sample = Sample(X, outcome, treated, propensity, groups)
        self._learn(sample)
        self._remember(sample.X, sample.names)
        return self

    def predict(self, X: Any) -> Floats:
        """Return what the contact is expected to add to the outcome.

        Parameters
        ----------
        X : array of shape (n, features) or data frame

        Returns
        -------
        ndarray of float, shape (n,)
        """
        matrix, _ = self._new_matrix(X)
        return self._effect(matrix)

    def _learn(self, sample: Sample) -> None:
        raise NotImplementedError

    def _effect(self, X: Matrix) -> Floats:
        raise NotImplementedError

    def _seed(self) -> int:
        return as_seed(getattr(self, "random_state", 0))

    # --- nested estimators and files ----------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name; with `deep`, those of the models inside as ``a__b`` too."""
        params = super().get_params(deep)
        if deep:
            for name, value in list(params.items()):
                if hasattr(value, "get_params") and not isinstance(value, type):
                    params.update({f"{name}__{k}": v for k, v in value.get_params().items()})
        return params

    def save(self, path: Any) -> NoReturn:
        """Refuse: the models inside are of other libraries, and their files may run code."""
        msg = (
            f"{type(self).__name__} holds models of another library, which no safe file can hold; "
            "pickle it where you trust whoever opens it, or save its predictions"
        )
        raise TenureError(msg)

    def __reduce__(self) -> tuple[Any, ...]:
        # The safe format of other estimators knows nothing of scikit-learn's models.
        return copyreg.__newobj__, (type(self),), self.__dict__.copy()  # type: ignore[attr-defined]


class CrossFitted(UpliftLearner):
    """Base of learners that judge each row by models of other rows."""

    outcome_model: Any
    effect_model: Any
    propensity_model: Any
    n_folds: int
    clip: float
    random_state: Any

    def __init__(
        self,
        outcome_model: Any = None,
        effect_model: Any = None,
        *,
        propensity_model: Any = None,
        n_folds: int = 5,
        clip: float = 0.01,
        random_state: Any = 0,
    ) -> None:
        self.outcome_model = outcome_model
        self.effect_model = effect_model
        self.propensity_model = propensity_model
        self.n_folds = n_folds
        self.clip = clip
        self.random_state = random_state

    def _folds(self, sample: Sample, seed: int) -> Ints:
        n_folds = as_count(self.n_folds, "n_folds", at_least=2)
        return assign_folds(sample.arms, sample.customers, n_folds, seed)

    def _cross_propensity(self, sample: Sample, folds: Ints, seed: int) -> tuple[Floats, Ints]:
        """Probabilities of both arms, and how many were raised to `clip` in each."""
        least = as_number(self.clip, "clip", above=0.0, below=0.5)
        if sample.known is not None:
            return sample.known, np.zeros(2, dtype=np.int64)
        return cross_fit_propensity(
            sample.X, sample.arms, 2, folds, self.propensity_model, least, seed
        )


def fit_treated_chance(model: Any, sample: Sample, seed: int) -> Any:
    """Return a fitted classifier of who is treated, or the mean where that is known."""
    if sample.known is not None:
        return float(sample.known[:, 1].mean())
    return fit_arms(model, sample.X, sample.arms, 2, seed)


def treated_chance(model: Any, X: Matrix) -> Floats:
    """Return the probability of being treated."""
    if isinstance(model, float):
        return np.full(len(X), model)
    return np.asarray(chance_of_arms(model, X, 2)[:, 1])
