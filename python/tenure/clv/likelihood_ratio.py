"""The test of a model against a larger one that contains it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import as_count
from tenure.clv._likelihood import LikelihoodModel

#: Log-likelihoods of the same optimum differ by rounding, relative to their size.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LikelihoodRatioTest(Table):
    """Result of `likelihood_ratio_test`.

    Attributes
    ----------
    small, large : str
        Names of the models.
    statistic : float
        Twice the difference of their log-likelihoods, >= 0.
    df : int
        Restrictions that make the larger model the small one.
    p_value : float
        Probability of such a statistic, or a greater one, if the small model is true.
    boundary : bool
        Whether p_value is that of the mixture at the edge of the parameters.

    Examples
    --------
    >>> import tenure as tn
    >>> data = [1000, 869, 743, 653, 593]
    >>> small = tn.clv.ShiftedBetaGeometric().fit(data)
    >>> test = tn.clv.likelihood_ratio_test(small, tn.clv.BetaDiscreteWeibull().fit(data))
    >>> test.large, round(test.statistic, 2), round(test.p_value, 3)
    ('BetaDiscreteWeibull', 4.77, 0.029)
    """

    small: str
    large: str
    statistic: float
    df: int
    p_value: float
    boundary: bool

    def _columns(self) -> dict[str, list[object]]:
        return {name: [getattr(self, name)] for name in self.__dataclass_fields__}

    def __len__(self) -> int:
        return 1

    def _title(self) -> str:
        return f"Likelihood-ratio test of {self.small} against {self.large}"


def likelihood_ratio_test(
    small: LikelihoodModel,
    large: LikelihoodModel,
    *,
    df: int | None = None,
    boundary: bool = False,
) -> LikelihoodRatioTest:
    """Test a model against a larger one that contains it, both fitted to the same customers.

    Parameters
    ----------
    small, large : fitted models
        Nested: some values of the parameters make `large` the same as `small`, as c = 1 makes
        `BetaDiscreteWeibull` the `ShiftedBetaGeometric`, and coefficients of 0 a model with
        covariates the one without. Both fitted by maximum likelihood without
        a penalty, and converged. That they are nested and saw the same data is the caller's word;
        only the number of customers is compared.
    df : int, optional
        Restrictions that turn one into the other. Default: the difference of the numbers of
        parameters, coefficients of covariates included.
    boundary : bool, default False
        Whether the restriction lies at the edge of the larger model's parameters, such as a
        variance of 0. Then the statistic is, with equal chance, chi-square of df - 1 and of df
        degrees of freedom (of 0: the number 0), and for df = 1 its p-value is halved.

    Returns
    -------
    LikelihoodRatioTest

    Raises
    ------
    InvalidInputError
        If a model is not converged, or has a penalty; if the numbers of customers differ; if the
        small model fits better, so that it cannot be a case of the larger one.

    Notes
    -----
    Wilks (1938), Annals of Mathematical Statistics 9:60-62; at the boundary Self & Liang (1987),
    Journal of the American Statistical Association 82:605-610, case 5.

    Examples
    --------
    >>> import tenure as tn
    >>> data = [1000, 631, 468, 382, 326]
    >>> small = tn.clv.ShiftedBetaGeometric().fit(data)
    >>> test = tn.clv.likelihood_ratio_test(small, tn.clv.BetaDiscreteWeibull().fit(data))
    >>> round(test.statistic, 2), test.df, round(test.p_value, 3)
    (0.35, 1, 0.553)
    """
    for name, model in (("small", small), ("large", large)):
        _require_optimum(name, model)
    if abs(small.n_customers_ - large.n_customers_) > _ROUNDING * small.n_customers_:
        msg = (
            f"the models were fitted to {small.n_customers_:,g} and {large.n_customers_:,g} "
            "customers: only fits of the same data can be compared"
        )
        raise InvalidInputError(msg, argument="large")
    more = large.n_parameters_ - small.n_parameters_
    if df is None and more < 1:
        msg = (
            f"{type(large).__name__} has {large.n_parameters_} parameters, "
            f"{type(small).__name__} {small.n_parameters_}: give the larger model second, "
            "or say df"
        )
        raise InvalidInputError(msg, argument="df")
    degrees = more if df is None else as_count(df, "df", at_least=1)
    statistic = 2.0 * (large.log_likelihood_ - small.log_likelihood_)
    if statistic < -_ROUNDING * max(1.0, abs(small.log_likelihood_)):
        msg = (
            f"{type(small).__name__} fits better than {type(large).__name__} (log-likelihoods "
            f"{small.log_likelihood_:.6f} and {large.log_likelihood_:.6f}), so it cannot be a case "
            "of it, or the data differ"
        )
        raise InvalidInputError(msg, argument="small")
    statistic = max(statistic, 0.0)
    p_value = _tail(statistic, degrees)
    if boundary:
        p_value = 0.5 * (_tail(statistic, degrees - 1) + p_value)
    names = (type(small).__name__, type(large).__name__)
    return LikelihoodRatioTest(*names, statistic, degrees, p_value, bool(boundary))


def _require_optimum(name: str, model: LikelihoodModel) -> None:
    if not isinstance(model, LikelihoodModel):
        msg = f"{name} must be a model fitted by maximum likelihood, got {type(model).__name__}"
        raise InvalidInputError(msg, argument=name)
    if not model.converged_:
        msg = (
            f"{name} did not converge ({model.status_}): its log-likelihood is not the maximum, "
            "which the test needs"
        )
        raise InvalidInputError(msg, argument=name)
    for setting, value in model._penalty_settings().items():
        if value > 0.0:
            msg = (
                f"{name} was fitted with a penalty ({setting}={value:g}), under which there is no "
                "test"
            )
            raise InvalidInputError(msg, argument=name)


def _tail(statistic: float, degrees: int) -> float:
    """P(chi-square >= statistic); of 0 degrees of freedom it is the number 0."""
    if degrees == 0:
        return 1.0 if statistic == 0.0 else 0.0
    if math.isinf(statistic):
        return 0.0
    return float(
        _core.special.chi_square_survival(np.array([statistic]), np.array([float(degrees)]))[0]
    )
