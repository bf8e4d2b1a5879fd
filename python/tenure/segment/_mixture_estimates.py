"""Weights and means of a mixture with their limits."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._model_file import storable
from tenure._results import Table
from tenure._validation import Floats, Ints


@storable("segment.MixtureEstimates")
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MixtureEstimates(Table):
    """Weights of components, then their means by feature, a row each.

    Attributes
    ----------
    component : int64 array
    parameter : tuple of str
        "weight" or "mean of ..." and the name or number of the feature.
    estimate, standard_error : float64 arrays
        The error is NaN where the component holds no row or the information is singular.
    lower, upper : float64 arrays
        Limits of a weight are symmetric on the scale of its logit, those of a mean on its own.
    level : float
    errors : str
        "observed" or "robust".

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> X = np.random.default_rng(3).normal(size=(100, 1))
    >>> e = tn.segment.GaussianMixture(1, reg_covar=0.0).fit(X).estimates(X)
    >>> bool(np.isclose(e.standard_error[1], X.std() / 10))
    True
    """

    component: Ints
    parameter: tuple[str, ...]
    estimate: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    level: float
    errors: str

    _column_names = ("component", "parameter", "estimate", "standard_error", "lower", "upper")

    def __len__(self) -> int:
        return len(self.component)

    def _title(self) -> str:
        kind = "robust" if self.errors == "robust" else "observed information"
        return f"Weights and means with {100 * self.level:g} % limits ({kind})"


def estimates_of(
    weights: Floats,
    means: Floats,
    features: Any,
    weight_error: Floats,
    mean_error: Floats,
    level: float,
    errors: str,
) -> MixtureEstimates:
    """Return the table of estimates, weights first."""
    k, d = means.shape
    z = -statistics.NormalDist().inv_cdf((1.0 - level) / 2.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        logit = np.log(weights) - np.log1p(-weights)
        reach = z * weight_error / (weights * (1.0 - weights))
    certain = weights == 1.0  # a single component: there is nothing to estimate
    limits = [
        np.where(certain, 1.0, 1.0 / (1.0 + np.exp(-(logit + sign * reach))))
        for sign in (-1.0, 1.0)
    ]
    mean = means.ravel()
    return MixtureEstimates(
        component=np.concatenate([np.arange(k), np.repeat(np.arange(k), d)]),
        parameter=("weight",) * k + tuple(f"mean of {name}" for _ in range(k) for name in features),
        estimate=np.concatenate([weights, mean]),
        standard_error=np.concatenate([weight_error, mean_error]),
        lower=np.concatenate([limits[0], mean - z * mean_error]),
        upper=np.concatenate([limits[1], mean + z * mean_error]),
        level=level,
        errors=errors,
    )
