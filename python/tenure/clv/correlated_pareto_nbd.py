"""The Pareto/NBD model with rates of purchase and of leaving that go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._model_file import storable
from tenure._results import Table
from tenure.clv._likelihood import two_sided
from tenure.clv._outlook import OutlookModel


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RateCorrelation(Table):
    """How the rates of purchase and of leaving go together: m, and their correlation.

    Attributes
    ----------
    quantity : tuple of str
        "m" and "correlation".
    value, standard_error, lower, upper : float64 arrays
        Limits are symmetric, and cut at the admissible ones. NaN errors and limits where the fit
        has no optimum.
    lowest, highest : float64 arrays
        What m, and with it the correlation, may be at these r and s.
    level : float

    Examples
    --------
    >>> import warnings
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", tn.ConvergenceWarning)
    ...     table = tn.clv.CorrelatedParetoNBD().fit(base).correlation()
    >>> table.quantity, table.lowest.round(2).tolist(), table.highest.round(2).tolist()
    (('m', 'correlation'), [-2.61, -0.19], [3.6, 0.26])
    """

    quantity: tuple[str, ...]
    value: Any
    standard_error: Any
    lower: Any
    upper: Any
    lowest: Any
    highest: Any
    level: float

    _column_names = (
        "quantity",
        "value",
        "standard_error",
        "lower",
        "upper",
        "lowest",
        "highest",
    )

    def __len__(self) -> int:
        return len(self.quantity)

    def _title(self) -> str:
        return (
            f"Correlation of the rates of purchase and of leaving, {100 * self.level:g} % limits, "
            "and what it may be"
        )


@storable("clv.CorrelatedParetoNBD")
class CorrelatedParetoNBD(OutlookModel):
    """Pareto/NBD with correlated rates: frequent buyers may leave sooner, or later, than others.

    Purchases of a customer are a Poisson process with rate lambda; the customer leaves for good
    after an exponential time with rate mu. Over customers, lambda is gamma(r, rate alpha) and mu is
    gamma(s, rate beta), as in `ParetoNBD`; but their joint density is the product of the two times

        1 + m (exp(-lambda alpha/r) - E[.]) (exp(-mu beta/s) - E[.]),

    a Sarmanov density. m = 0 is `ParetoNBD`; with m > 0 those who buy often leave soon.

    Parameters
    ----------
    l2 : float, default 0
        Penalty l2 * (r^2 + alpha^2 + s^2 + beta^2) a customer, alpha and beta in the unit in which
        the longest T is 10. It does not act on the odds.
    unit : {"day", "week", "month", "year"}, optional
        What recency and T are counted in. A summary brings its own; needed for horizons such as
        "1y" where the data are a plain frame.
    max_iter : int, default 200
        Evaluations of the likelihood.
    tol : float, default 1e-9
        For the gradient of the mean log-likelihood in the logs of the parameters; above 1e-6 it
        counts as 1e-6.
    on_failure : {"warn", "raise"}
        What to do where no optimum was found.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    params_, standard_errors_ : dict
        Keys r, alpha, s, beta, odds; alpha and beta in the unit of the data. odds tells where m
        lies between the limits that r and s set: (m - lowest) / (highest - m).
    covariance_, log_covariance_ : 5 x 5 float64 arrays
        Of the parameters, and of their logarithms (the inverse of the observed information).
    log_likelihood_ : float
        Without the penalty.
    converged_ : bool
    status_ : {"converged", "max_iterations", "stalled", "boundary"}
        boundary also where the likelihood still rises at a limit of m, to which odds of 0 or
        infinity belong.
    n_iter_, gradient_norm_, hessian_eigenvalues_
        Evaluations over all the rows; what the verdict of the optimiser rests on.
    n_customers_ : float
        Sum of weights.
    unit_ : str or None

    Notes
    -----
    Each kernel is measured in the mean of its own rate, so that m and the correlation are the same
    in every unit of time. The correlation cannot be strong: it lies between -0.25 and 0.323 at
    best, and `correlation` tells the limits at the fitted r and s.

    Test it against no correlation by ``tn.clv.likelihood_ratio_test(pareto_nbd, correlated)``, with
    one degree of freedom: m = 0 lies within the limits.

    Sarmanov (1966), Generalized normal correlation and two-dimensional Frechet classes, Doklady
    168:32-35. Lee (1996), Properties and applications of the Sarmanov family of bivariate
    distributions, Communications in Statistics - Theory and Methods 25:1207-1222. Park & Fader
    (2004), Modeling browsing behavior at multiple websites, Marketing Science 23:280-303. Glady,
    Lemmens & Croux (2015), Unveiling the relationship between the transaction timing, spending and
    dropout behavior of customers, International Journal of Research in Marketing 32:78-93. Formulas
    and numerics: docs/methods/sarmanov.md.

    Examples
    --------
    The frequent buyers of CDNOW leave sooner, by more than the model can hold (log-likelihood of
    `ParetoNBD`: -9594.98):

    >>> import warnings
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", tn.ConvergenceWarning)
    ...     model = tn.clv.CorrelatedParetoNBD().fit(base)
    >>> model.status_, round(model.log_likelihood_, 2)
    ('boundary', -9584.59)
    """

    parameter_names = ("r", "alpha", "s", "beta", "odds")
    _prefix = "correlated_pareto_nbd"
    _tail = "s"

    def correlation(self, level: float = 0.95) -> RateCorrelation:
        """Return m and the correlation of the two rates, with limits and what they may be.

        Parameters
        ----------
        level : float, default 0.95
            In (0, 1).

        Returns
        -------
        RateCorrelation
        """
        z = two_sided(level, "level")
        value, error = _core.clv.correlated_pareto_nbd_correlation(
            self._point(), self._flat_covariance()
        )
        lowest, highest = _core.clv.correlated_pareto_nbd_limits(self._point())
        if not self.converged_:
            error = np.full(2, np.nan)  # at a limit of m the likelihood is no parabola
        return RateCorrelation(
            ("m", "correlation"),
            value,
            error,
            np.maximum(value - z * error, lowest),
            np.minimum(value + z * error, highest),
            lowest,
            highest,
            float(level),
        )

    def _hint(self, fit: dict[str, Any]) -> str:
        odds = float(fit["parameters"][4])
        if fit["status"] != "boundary" or 1e-6 < odds < 1e6:
            return ""
        limit = "lowest" if odds < 1.0 else "highest"
        return (
            f"; the rates are as correlated as the model can have them: m is at its {limit} limit"
        )
