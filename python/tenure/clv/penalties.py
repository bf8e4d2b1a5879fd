"""Which penalty of coefficients predicts best: a range of them, scored on customers held out."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, Ints, as_column, as_count, as_seed
from tenure.clv import _design
from tenure.clv._coefficients import CoefficientModel

#: Of the largest penalty, where a path without `alphas` ends.
_SMALLEST = 1e-3
#: Shares of sizes below this count as this, where the largest penalty is sought.
_LEAST_RATIO = 1e-3


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PenaltyPath(Table):
    """Penalties from large to small, as `penalty_path` tells them.

    Attributes
    ----------
    alpha : float64 array of k
        `covariate_alpha`, descending.
    score : float64 array of k
        Mean log-likelihood of a customer held out.
    standard_error : float64 array of k
        Of the score, from its spread over the folds.
    non_zero : int64 array of k
        Coefficients that are not 0 in the fit to all customers.
    converged : bool array of k
        Whether all the fits behind a row found an optimum.
    coefficients : float64 array of k x c
        Of the fit to all customers, in the order of `names`.
    names : tuple of str
        Process and covariate of each coefficient.
    best : float
        The alpha with the highest score.
    best_within_error : float
        The largest alpha whose score lies within a standard error of that.
    folds : int

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(1)
    >>> x, z, noise = rng.integers(1, 6, 800), rng.normal(size=800), rng.normal(size=800)
    >>> level = 20.0 * np.exp(0.5 * z) / rng.gamma(4.0, size=800)
    >>> data = {"frequency": x, "monetary_value": level * rng.gamma(6.0 * x) / x, "z": z,
    ...         "noise": noise}
    >>> model = tn.clv.GammaGamma(covariates=["z", "noise"], covariate_l1_ratio=1.0)
    >>> path = tn.clv.penalty_path(model, data, n_alphas=8)
    >>> path.non_zero[0].item(), path.coefficients[-1].round(1).tolist()
    (0, [0.5, -0.0])
    """

    alpha: Floats
    score: Floats
    standard_error: Floats
    non_zero: Ints
    converged: npt.NDArray[np.bool_]
    coefficients: Floats
    names: tuple[str, ...]
    best: float
    best_within_error: float
    folds: int

    _column_names = ("alpha", "score", "standard_error", "non_zero", "converged")

    def __len__(self) -> int:
        return len(self.alpha)

    def _title(self) -> str:
        return (
            f"Penalties by {self.folds}-fold hold-out: best {self.best:.4g}, within a standard "
            f"error {self.best_within_error:.4g}"
        )


def penalty_path(
    model: CoefficientModel,
    data: Any,
    alphas: Any = None,
    *,
    n_alphas: int = 20,
    folds: int = 5,
    random_state: Any = 0,
    sample_weight: Any = None,
) -> PenaltyPath:
    """Score penalties of the coefficients of covariates by cross-validation.

    Parameters
    ----------
    model : a model with covariates
        `BGNBD`, `GGompertzNBD`, `MBGNBD`, `NBD`, `ParetoNBD`, `ShiftedBetaGeometric` or
        `GammaGamma`; need not be fitted and stays as it is. Its `covariate_l1_ratio` is that of the
        path.
    data : data frame, dict of arrays or summary
        As for the `fit` of the model, one row a customer.
    alphas : array of floats, optional
        Values of `covariate_alpha`, > 0. Default: `n_alphas` from the smallest that leaves no
        coefficient down to a thousandth of it, evenly on a logarithmic scale.
    n_alphas : int, default 20
    folds : int, default 5
        Parts of the customers, drawn at random, each of which is held out once.
    random_state : int or numpy Generator, default 0
        Of the draw.
    sample_weight : array of n floats, optional
        As for `fit`; a column `weight` of the data is refused by it.

    Returns
    -------
    PenaltyPath

    Raises
    ------
    InvalidInputError
        As `fit` does, also where a fold has only customers alike in a covariate.

    Notes
    -----
    Hastie, Tibshirani & Friedman (2009), The elements of statistical learning, section 7.10, with
    the rule of one standard error: docs/methods/covariates.md.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(3)
    >>> z, noise = rng.normal(size=(2, 1000))
    >>> life = rng.geometric(rng.beta(0.8 * np.exp(0.6 * z), 2.0)) - 1
    >>> data = {"renewals": np.minimum(life, 6), "churned": life < 6, "z": z, "noise": noise}
    >>> model = tn.clv.ShiftedBetaGeometric(churn_covariates=["z", "noise"])
    >>> path = tn.clv.penalty_path(model, data, n_alphas=5, folds=3)
    >>> best = model.set_params(covariate_alpha=path.best_within_error).fit(data)
    >>> best.coef_.covariate, best.coef_.estimate.round(2).tolist()
    (('z', 'noise'), [0.45, 0.0])
    """
    if not isinstance(model, CoefficientModel) or not model._covariate_names():
        msg = f"model must be one with covariates, got {model!r}"
        raise InvalidInputError(msg, argument="model")
    as_count(folds, "folds", at_least=2)
    as_count(n_alphas, "n_alphas", at_least=1)
    path, counts = _path_and_counts(model, data, alphas, n_alphas, sample_weight)
    if len(counts) < folds:
        msg = f"folds must be at most the {len(counts)} rows of the data, got {folds}"
        raise InvalidInputError(msg, argument="folds", value=folds)
    weight = np.ones(len(counts))
    if sample_weight is not None:
        weight = as_column(sample_weight, np.float64, "weight")
    rng = np.random.default_rng(as_seed(random_state))
    fold = rng.permutation(np.arange(len(weight)) % folds)

    scores = np.empty((len(path), folds))
    converged = np.ones(len(path), dtype=bool)
    coefficients: list[Floats] = []
    names: tuple[str, ...] = ()
    for i, alpha in enumerate(path):
        for k in range(folds):
            fit = _fitted(model, alpha, data, weight * (fold != k))
            converged[i] &= fit.converged_
            scores[i, k] = fit.score(data, weight * (fold == k))
        fit = _fitted(model, alpha, data, weight)
        converged[i] &= fit.converged_
        coefficients.append(fit.coefficients_)
        names = tuple(fit._estimates())[len(fit.parameter_names) :]
    held_out = np.array([counts[fold == k].sum() for k in range(folds)])
    score = scores @ held_out / held_out.sum()
    error = scores.std(axis=1, ddof=1) / np.sqrt(folds)
    best = int(np.argmax(score))
    within = int(np.flatnonzero(score >= score[best] - error[best])[0])
    table = np.array(coefficients)
    return PenaltyPath(
        path,
        score,
        error,
        np.count_nonzero(table, axis=1).astype(np.int64),
        converged,
        table,
        names,
        float(path[best]),
        float(path[within]),
        folds,
    )


def _fitted(model: CoefficientModel, alpha: float, data: Any, weight: Floats) -> Any:
    settings = model.get_params(deep=False) | {"covariate_alpha": float(alpha)}
    fresh: Any = type(model)(**settings | {"on_failure": "warn"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told by the column `converged`
        return fresh.fit(data, weight)


def _path_and_counts(
    model: CoefficientModel, data: Any, alphas: Any, n_alphas: int, sample_weight: Any
) -> tuple[Floats, Floats]:
    """Return the penalties, descending, and how much each row counts."""
    given = None if alphas is None else np.unique(as_column(alphas, np.float64, "alphas"))[::-1]
    if given is not None and not (len(given) and np.all(np.isfinite(given) & (given > 0.0))):
        msg = f"alphas must be numbers > 0, got {alphas!r}"
        raise InvalidInputError(msg, argument="alphas", value=alphas)
    model._coefficient_penalties()  # checks them
    ratio = max(float(model.covariate_l1_ratio), _LEAST_RATIO)
    # So large that no coefficient is left: the gradient there tells the smallest such penalty.
    settings = model.get_params(deep=False) | {"covariate_alpha": 1e12, "covariate_l1_ratio": 1.0}
    none: Any = type(model)(**settings | {"on_failure": "warn"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        none.fit(data, sample_weight)
    kernel, design, weight = none._joint_likelihood_of(data, sample_weight)
    counts: Floats = np.ones(len(design)) if weight is None else weight
    if given is not None:
        return np.ascontiguousarray(given), counts
    slope = kernel(none._joint_point())[1]
    scaling = _design.scaling_of(design, weight, _design.design_names(none.covariate_levels_))
    k, largest = len(none.parameter_names), 0.0
    for c, (_, _, j, direction) in enumerate(none._layout(none.covariate_levels_)):
        centred = slope[k + c] - scaling.mean[j] * float(np.dot(direction, slope[:k]))
        largest = max(largest, abs(centred) / scaling.spread[j] / none.n_customers_)
    largest *= (1.0 + 1e-6) / ratio  # beyond the rounding of the gradient
    return np.geomspace(largest, _SMALLEST * largest, n_alphas), counts
