"""What each customer would have brought in each arm of a campaign: doubly robust scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._matrix import Matrix
from tenure._results import Table
from tenure._validation import Floats, Ints, as_count, as_level, as_number, as_seed
from tenure.churn._base_learners import (
    as_features,
    chance_of_arms,
    expected,
    fit_arms,
    fit_copy,
)
from tenure.churn._base_learners import (
    outcome_model as default_outcome_model,
)
from tenure.churn._campaign import (
    as_arms,
    as_customers,
    as_outcome,
    assign_folds,
    error_of_mean,
)
from tenure.churn._times import z_of


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PotentialOutcomes(Table):
    """Outcomes of a campaign with what is needed to judge any other choice of whom to contact.

    As a table it has a row an arm: what its outcome would be if all were in it, and how well the
    arms overlap.

    Attributes
    ----------
    outcome : float64 array of n
        As observed.
    arm : int64 array of n
        0: control.
    expected : float64 array of shape (n, arms)
        Outcome that a model, fitted to other customers, expects in each arm.
    propensity : float64 array of shape (n, arms)
        Probability of each arm, known or, from other customers, estimated and clipped.
    score : float64 array of shape (n, arms)
        Doubly robust scores: their mean is the mean outcome if all were in that arm.
    fold : int64 array of n
        Models of the other folds have judged the row.
    customer : int32 array of n, or None
        Rows of one customer are not independent.
    clipped : int64 array of arms
        In how many rows an estimated propensity was raised to the least allowed.
    level : float
        Of the limits in the table.

    Examples
    --------
    >>> import tenure as tn
    >>> seen = tn.churn.potential_outcomes(
    ...     None, outcome=[1, 0, 1, 0, 1, 0], treated=[1, 0, 1, 0, 0, 1], propensity=0.5, n_folds=2
    ... )
    >>> seen.score.shape, seen.propensity[0].tolist(), seen.clipped.tolist()
    ((6, 2), [0.5, 0.5], [0, 0])
    """

    outcome: Floats
    arm: Ints
    expected: Floats
    propensity: Floats
    score: Floats
    fold: Ints
    customer: npt.NDArray[np.int32] | None
    clipped: Ints
    level: float

    def __len__(self) -> int:
        return len(self.outcome)

    @property
    def n_arms(self) -> int:
        """The number of arms, control included."""
        return int(self.score.shape[1])

    def effect(self, arm: int = 1) -> Floats:
        """Return the doubly robust score of the effect of an offer against no contact, by row."""
        return np.asarray(self.score[:, arm] - self.score[:, 0])

    def _columns(self) -> Mapping[str, Any]:
        mean = self.score.mean(axis=0)
        spread = [
            error_of_mean(s - m, self.customer) for s, m in zip(self.score.T, mean, strict=True)
        ]
        error, z = np.array(spread), z_of(self.level)
        own = [self.propensity[self.arm == k, k] for k in range(self.n_arms)]
        return {
            "arm": np.arange(self.n_arms),
            "customers": [len(p) for p in own],
            "mean_outcome": mean,
            "lower": mean - z * error,
            "upper": mean + z * error,
            "least_propensity": self.propensity.min(axis=0),
            "largest_propensity": self.propensity.max(axis=0),
            "clipped": self.clipped,
            "effective_size": [float(np.sum(1.0 / p) ** 2 / np.sum(1.0 / p**2)) for p in own],
        }

    def _title(self) -> str:
        return f"Outcomes by arm of {len(self):,} customers, limits at {self.level:.0%}"


def as_propensity(values: Any, arms: Ints, n_arms: int) -> Floats:
    """Return known propensities of shape (n, arms)."""
    n = len(arms)
    if isinstance(values, str):
        if values != "randomised":
            msg = f"propensity must be numbers, None or 'randomised'; got {values!r}"
            raise InvalidInputError(msg, argument="propensity", value=values)
        return np.tile(np.bincount(arms, minlength=n_arms) / n, (n, 1))
    try:
        given = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = f"propensity must be numbers, None or 'randomised': {error}"
        raise InvalidInputError(msg, argument="propensity") from error
    if given.ndim < 2 and n_arms == 2 and given.shape in ((), (n,)):
        given = np.stack([1.0 - given, given], axis=-1)
    if given.shape == (n_arms,):
        given = np.tile(given, (n, 1))
    if given.shape != (n, n_arms):
        msg = (
            f"propensity has shape {np.shape(values)}; it must be the probability of each of "
            f"{n_arms} arms, once or for each of {n} rows"
            + (", or of being treated" * (n_arms == 2))
        )
        raise InvalidInputError(msg, argument="propensity")
    bad = np.argwhere(~((given > 0.0) & (given < 1.0)))
    if bad.size:
        row, k = (int(v) for v in bad[0])
        msg = f"propensity[{row}] must be above 0 and below 1 in each arm, got {given[row, k]:g}"
        raise InvalidInputError(msg, argument="propensity", row=row, value=float(given[row, k]))
    off = np.flatnonzero(np.abs(given.sum(axis=1) - 1.0) > 1e-9)
    if off.size:
        row = int(off[0])
        msg = f"propensity[{row}] must add up to 1 over the arms, got {given[row].sum():g}"
        raise InvalidInputError(msg, argument="propensity", row=row)
    return np.ascontiguousarray(given)


def _arm_means(y: Floats, arms: Ints, n_arms: int) -> Floats:
    return np.array([y[arms == k].mean() for k in range(n_arms)])


def cross_fit_outcomes(
    X: Matrix | None, y: Floats, arms: Ints, n_arms: int, folds: Ints, model: Any
) -> Floats:
    """Return what models fitted to other folds expect in each arm, shape (n, arms)."""
    found = np.empty((len(y), n_arms))
    for fold in range(int(folds.max()) + 1):
        out, rest = folds == fold, folds != fold
        if X is None:
            found[out] = _arm_means(y[rest], arms[rest], n_arms)
            continue
        for k in range(n_arms):
            of_arm = rest & (arms == k)
            fitted = fit_copy(model, X[of_arm], y[of_arm], "outcome_model")
            found[out, k] = expected(fitted, X[out], "outcome_model")
    return found


def cross_fit_propensity(
    X: Matrix | None, arms: Ints, n_arms: int, folds: Ints, model: Any, clip: float, seed: int
) -> tuple[Floats, Ints]:
    """Return probabilities of the arms by models fitted to other folds, and how many were raised.

    The probabilities of a row need not add up to 1 once one of them was raised.
    """
    if X is None:
        msg = "propensity must be given where X is None: there is nothing to estimate it from"
        raise InvalidInputError(msg, argument="propensity")
    found = np.empty((len(arms), n_arms))
    for fold in range(int(folds.max()) + 1):
        out = folds == fold
        fitted = fit_arms(model, X[~out], arms[~out], n_arms, seed)
        found[out] = chance_of_arms(fitted, X[out], n_arms)
    return np.maximum(found, clip), np.count_nonzero(found < clip, axis=0).astype(np.int64)


def doubly_robust(y: Floats, arms: Ints, mean: Floats, chance: Floats) -> Floats:
    """Return the score of each arm: what is expected, corrected by what was seen in the own arm."""
    own = np.arange(len(y)), arms
    score = mean.copy()
    score[own] += (y - mean[own]) / chance[own]
    return score


def potential_outcomes(
    X: Any,
    outcome: Any,
    treated: Any,
    *,
    propensity: Any = None,
    outcome_model: Any = None,
    propensity_model: Any = None,
    groups: Any = None,
    n_folds: int = 5,
    clip: float = 0.01,
    level: float = 0.95,
    random_state: Any = 0,
) -> PotentialOutcomes:
    """Return doubly robust scores of what each customer would have brought in each arm.

    Each row is judged by models that were fitted to other customers (cross-fitting), so that a
    rule learnt with the same folds can be judged by them without flattery.

    Parameters
    ----------
    X : array of shape (n, features), data frame or None
        What was known before the campaign. None: the mean of each arm is all that is expected.
    outcome : array of n floats
        Responses, 0 or 1, or money.
    treated : array of n flags or whole numbers
        0: control; 1, or 1, 2, ... where there were several offers.
    propensity : optional
        Probability of being treated, one or one a row; with several offers that of each arm. Or
        ``"randomised"``: the shares of the arms. Default: estimated from X.
    outcome_model : estimator, optional
        A regressor, or for responses a classifier. Default: scikit-learn's
        HistGradientBoosting.
    propensity_model : classifier, optional
        Default: HistGradientBoostingClassifier. Used where the propensity is not given.
    groups : array of n labels, optional
        The customer of each row, where one has several rows: they share a fold.
    n_folds : int
    clip : float
        Estimated propensities below it are raised to it, and counted.
    level : float
        Of the limits in the table.
    random_state : int, Generator or None
        Deals customers to folds.

    Returns
    -------
    PotentialOutcomes

    Raises
    ------
    NoControlGroupError
        If all, or none, were contacted.
    InvalidInputError
        Names the row.

    Notes
    -----
    Score of arm a: m_a(x) + 1(A = a) (y - m_a(x)) / e_a(x), Robins, Rotnitzky & Zhao (1994), JASA
    89:846-866; cross-fitted, Chernozhukov et al. (2018), Econometrics Journal 21:C1-C68. Where the
    propensity is known the mean is unbiased, whatever the outcome model is worth.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> X, treated = rng.normal(size=(1000, 2)), rng.integers(0, 2, 1000)
    >>> spent = 10 + X[:, 0] + treated * (2 + X[:, 1]) + rng.normal(size=1000)
    >>> seen = tn.churn.potential_outcomes(
    ...     X, spent, treated, propensity=0.5, outcome_model=LinearRegression()
    ... )
    >>> seen.score.mean(axis=0).round(1).tolist()
    [10.0, 11.9]
    """
    y = as_outcome(outcome)
    arms, n_arms = as_arms(treated, len(y), "outcome")
    features = None if X is None else as_features(X, len(y), "outcome")[0]
    customers = as_customers(groups, len(y))
    checked_level = as_level(level)
    least = as_number(clip, "clip", above=0.0, below=0.5)
    seed = as_seed(random_state)
    folds = assign_folds(arms, customers, as_count(n_folds, "n_folds", at_least=2), seed)
    model = None if features is None else default_outcome_model(outcome_model, y, seed)
    if propensity is None:
        chance, clipped = cross_fit_propensity(
            features, arms, n_arms, folds, propensity_model, least, seed
        )
    else:
        chance = as_propensity(propensity, arms, n_arms)
        clipped = np.zeros(n_arms, dtype=np.int64)
    mean = cross_fit_outcomes(features, y, arms, n_arms, folds, model)
    score = doubly_robust(y, arms, mean, chance)
    return PotentialOutcomes(y, arms, mean, chance, score, folds, customers, clipped, checked_level)
