"""Discrete Weibull: contracts whose customers are alike, and change with the time they stay."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tenure._model_file import storable
from tenure._validation import Floats
from tenure.clv._contract import ContractModel
from tenure.clv._likelihood import two_sided
from tenure.clv._profile import LogLikelihood
from tenure.clv._tables import ParameterTable

_BELOW_ONE = math.nextafter(1.0, 0.0)


@storable("clv.DiscreteWeibull")
class DiscreteWeibull(ContractModel):
    """Discrete Weibull: equal customers, whose probability of leaving changes with age.

    A customer is still there after n renewals with probability (1 - theta)^(n^c), the same theta
    for all; theta is what leaves at the first renewal. A benchmark for the models in which
    customers differ, whose rising retention rates it can only explain by c < 1.

    Parameters
    ----------
    renewal, max_iter, tol, on_failure, n_threads
        As for `ShiftedBetaGeometric`.
    l2 : float, default 0
        Penalty l2 * (log(1 - theta)^2 + c^2) a customer.

    Attributes
    ----------
    params_, standard_errors_ : dict
        Keys theta, c. Limits of theta are symmetric in log(-log(1 - theta)), so that they stay
        below 1.
    covariance_, log_covariance_ : 2 x 2 float64 arrays
        Of the parameters, and of their logarithms (the inverse of the observed information).
    log_likelihood_, converged_, status_, n_iter_, gradient_norm_, hessian_eigenvalues_
    n_customers_
        As for `BGNBD`; the gradient and the eigenvalues are those in log(-log(1 - theta)) and
        log(c).

    Notes
    -----
    Nakagawa & Osaki (1975), The discrete Weibull distribution, IEEE Transactions on Reliability
    R-24:300-301; as a benchmark in Fader, Hardie, Liu, Davin & Steenburgh (2018). Formulas and
    numerics: docs/methods/beta_discrete_weibull.md.

    Examples
    --------
    The "Regular" customers of Fader & Hardie (2007), per 1,000 and four renewals:

    >>> import tenure as tn
    >>> model = tn.clv.DiscreteWeibull().fit([1000, 631, 468, 382, 326])
    >>> {name: round(value, 3) for name, value in model.params_.items()}
    {'theta': 0.374, 'c': 0.636}
    """

    parameter_names = ("theta", "c")
    _prefix = "discrete_weibull"

    def _take(self, fit: dict[str, Any], hint: str = "") -> None:
        # The engine's first parameter is the rate -log(1 - theta).
        rate, c = fit["parameters"].tolist()
        # d log theta = slope d log rate
        slope = rate / math.expm1(rate) if rate < 700.0 else 0.0
        scale = np.array([slope, 1.0])
        log_covariance = fit["log_covariance"].reshape(2, 2) * np.outer(scale, scale)
        theta = min(-math.expm1(-rate), _BELOW_ONE)
        super()._take(
            {**fit, "parameters": np.array([theta, c]), "log_covariance": log_covariance}, hint
        )

    def _engine(self, errors: bool) -> tuple[Floats, Floats | None]:
        theta, c = self._point()
        rate = -math.log1p(-theta)
        if not errors:
            return np.array([rate, c]), None
        scale = np.array([math.expm1(rate) / rate, 1.0])
        return np.array([rate, c]), (self.log_covariance_ * np.outer(scale, scale)).ravel()

    def _likelihood_of(self, data: Any, sample_weight: Any) -> LogLikelihood:
        of_rate = super()._likelihood_of(data, sample_weight)

        def at(log_parameters: Floats) -> tuple[float, Floats, Floats]:
            theta = min(math.exp(min(log_parameters[0], 0.0)), _BELOW_ONE)
            rate = -math.log1p(-theta)
            value, gradient, hessian = of_rate(np.array([math.log(rate), log_parameters[1]]))
            # d log rate / d log theta, and its derivative.
            slope = theta / ((1.0 - theta) * rate)
            bend = slope * (1.0 / (1.0 - theta) - slope)
            scale = np.array([slope, 1.0])
            curved = hessian * np.outer(scale, scale)
            curved[0, 0] += bend * gradient[0]
            return value, gradient * scale, curved

        return at

    def interval(self, level: float = 0.95) -> ParameterTable:
        """Return the parameters with confidence limits.

        Those of c are symmetric on the log scale, those of theta in log(-log(1 - theta)).

        Parameters
        ----------
        level : float, default 0.95
            In (0, 1).

        Returns
        -------
        ParameterTable
            NaN errors and limits where the Hessian is not positive definite.
        """
        table = super().interval(level)
        at, covariance = self._engine(errors=True)
        assert covariance is not None
        spread = two_sided(level, "level") * math.sqrt(covariance[0])
        with np.errstate(over="ignore", under="ignore"):
            low, high = -np.expm1(-at[0] * np.exp([-spread, spread]))
        lower, upper = np.array([low, table.lower[1]]), np.array([high, table.upper[1]])
        told = (table.parameter, table.estimate, table.standard_error)
        return ParameterTable(*told, lower, upper, table.level)

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        if state and not self.params_["theta"] < 1.0:
            msg = f"parameter theta must be below 1, got {self.params_['theta']!r}"
            raise ValueError(msg)
