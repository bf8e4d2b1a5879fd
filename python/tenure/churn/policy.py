"""What a rule of whom to contact would bring: by inverse propensity and doubly robust."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._validation import Floats, as_choice, as_column, as_level
from tenure.churn._campaign import difference, error_of_mean, measured, require_finite
from tenure.churn._measured import Measured
from tenure.churn.potential_outcomes import PotentialOutcomes
from tenure.churn.ranking import Difference

_METHODS = ("dr", "ipw")


def as_amounts(values: Any, shape: tuple[int, int], name: str, *, negative: bool = True) -> Floats:
    """Return one amount a row and offer, from one for all, one an offer, one a row, or all."""
    try:
        given = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = f"{name} must be numbers: {error}"
        raise InvalidInputError(msg, argument=name) from error
    n, offers = shape
    if given.shape == (n,) and (n != offers or n == 1):
        given = given[:, None]
    if given.shape not in ((), (offers,), (n, 1), shape):
        msg = (
            f"{name} has shape {given.shape}; it must be one number, or have the shape "
            f"({offers},) of offers, ({n},) of rows or {shape}"
        )
        raise InvalidInputError(msg, argument=name)
    require_finite(np.atleast_1d(given), name)
    if not negative and (given < 0.0).any():
        cell = np.atleast_1d(given)
        at = tuple(int(v) for v in np.argwhere(cell < 0.0)[0])
        msg = f"{name}[{', '.join(map(str, at))}] must be >= 0, got {cell[at]:g}"
        raise InvalidInputError(msg, argument=name, row=at[0], value=float(cell[at]))
    return np.ascontiguousarray(np.broadcast_to(given, shape))


def require_evidence(evidence: Any) -> PotentialOutcomes:
    """Refuse anything but the scores of a campaign."""
    if not isinstance(evidence, PotentialOutcomes):
        msg = (
            "evidence must come from potential_outcomes, of a campaign with a control group; got "
            f"{type(evidence).__name__}"
        )
        raise InvalidInputError(msg, argument="evidence")
    return evidence


def _as_policy(policy: Any, evidence: PotentialOutcomes, name: str) -> Floats:
    """Return the probability that a policy puts each row into each arm."""
    n, arms = evidence.score.shape
    if np.ndim(policy) == 2:
        try:
            chance = np.asarray(policy, dtype=np.float64)
        except (TypeError, ValueError) as error:
            msg = f"{name} must be numbers: {error}"
            raise InvalidInputError(msg, argument=name) from error
        if chance.shape != (n, arms):
            msg = f"{name} has shape {chance.shape}, but evidence has {(n, arms)}"
            raise InvalidInputError(msg, argument=name)
        good = (chance >= 0.0).all(axis=1) & (np.abs(chance.sum(axis=1) - 1.0) <= 1e-9)
        if not good.all():
            row = int(np.argmin(good))
            msg = (
                f"{name}[{row}] must be probabilities that add up to 1, got {chance[row].tolist()}"
            )
            raise InvalidInputError(msg, argument=name, row=row)
        return chance
    arm = as_column(policy, np.int64, name)
    if len(arm) != n:
        msg = f"{name} has {len(arm)} rows, but evidence has {n}"
        raise InvalidInputError(msg, argument=name)
    bad = np.flatnonzero((arm < 0) | (arm >= arms))
    if bad.size:
        row = int(bad[0])
        msg = f"{name}[{row}] must be an arm from 0 to {arms - 1}, got {arm[row]}"
        raise InvalidInputError(msg, argument=name, row=row, value=int(arm[row]))
    certain: Floats = np.eye(arms)[arm]
    return certain


def _influence(
    policy: Any, evidence: PotentialOutcomes, value: Any, cost: Any, method: str, name: str
) -> tuple[float, Floats]:
    """The value of a policy, and of each row its pull on it."""
    n, arms = evidence.score.shape
    chance = _as_policy(policy, evidence, name)
    worth = as_amounts(value, (n, 1), "value")
    paid = np.column_stack([np.zeros(n), as_amounts(cost, (n, arms - 1), "cost")])
    if method == "dr":
        each = np.sum(chance * (worth * evidence.score - paid), axis=1)
        mean = float(each.mean())
        return mean, each - mean
    row = np.arange(n)
    weight = chance[row, evidence.arm] / evidence.propensity[row, evidence.arm]
    if not weight.any():
        msg = f"{name} chooses for no customer the arm that they were in: there is nothing to weigh"
        raise InvalidInputError(msg, argument=name)
    brought = worth[:, 0] * evidence.outcome - paid[row, evidence.arm]
    mean = float(weight @ brought / weight.sum())
    return mean, weight * (brought - mean) / weight.mean()


def policy_value(
    policy: Any,
    evidence: PotentialOutcomes,
    *,
    value: Any = 1.0,
    cost: Any = 0.0,
    method: str = "dr",
    level: float = 0.95,
) -> Measured:
    """Return what a rule of whom to contact would bring, a customer.

    Parameters
    ----------
    policy : array of n flags or arms, or of shape (n, arms)
        Who would be contacted, with which offer (0: none); or the probabilities of each arm. It
        must not have been learnt from the outcomes of the same rows: see `cross_fit_uplift`.
    evidence : PotentialOutcomes
        Of a campaign with a control group.
    value : float or array of n floats
        Worth of one unit of the outcome.
    cost : float, or array of offers, n, or (n, offers) floats
        Of a contact with each offer.
    method : {"dr", "ipw"}
        Doubly robust, or inverse propensity alone (weights normalised, Hajek), which uses no model
        of outcomes.
    level : float

    Returns
    -------
    Measured

    Notes
    -----
    Dudik, Langford & Li (2011), ICML 28:1097-1104. Standard errors of the mean of influences, rows
    of a customer together; propensities count as known.

    Examples
    --------
    >>> import tenure as tn
    >>> seen = tn.churn.potential_outcomes(
    ...     None, outcome=[9, 1, 9, 1, 0, 0], treated=[1, 0, 1, 0, 0, 1], propensity=0.5, n_folds=2
    ... )
    >>> tn.churn.policy_value([1, 1, 1, 1, 0, 0], seen, cost=2.0, method="ipw").value
    4.666666666666667
    """
    seen = require_evidence(evidence)
    how = as_choice(method, "method", _METHODS)
    mean, influence = _influence(policy, seen, value, cost, how, "policy")
    error = error_of_mean(influence, seen.customer)
    kind = "doubly robust" if how == "dr" else "by inverse propensity"
    return measured(mean, error, as_level(level), f"Value of a policy, {kind}")


def compare_policies(
    first: Any,
    second: Any,
    evidence: PotentialOutcomes,
    *,
    value: Any = 1.0,
    cost: Any = 0.0,
    method: str = "dr",
    level: float = 0.95,
) -> Difference:
    """Compare what two rules of whom to contact would bring, a customer.

    Parameters
    ----------
    first, second : as `policy` in `policy_value`
    evidence, value, cost, method, level
        As in `policy_value`.

    Returns
    -------
    Difference
        Paired: both are judged by the same customers, and where they agree nothing is uncertain.

    Examples
    --------
    >>> import tenure as tn
    >>> seen = tn.churn.potential_outcomes(
    ...     None, outcome=[9, 1, 9, 1, 0, 0], treated=[1, 0, 1, 0, 0, 1], propensity=0.5, n_folds=2
    ... )
    >>> tn.churn.compare_policies([1] * 6, [1] * 6, seen).difference
    0.0
    """
    seen = require_evidence(evidence)
    how = as_choice(method, "method", _METHODS)
    a, one = _influence(first, seen, value, cost, how, "first")
    b, other = _influence(second, seen, value, cost, how, "second")
    error = error_of_mean(one - other, seen.customer)
    return difference(a, b, error, as_level(level), "Values of two policies")
