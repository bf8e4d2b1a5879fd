"""The gamma-gamma model of spend per order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from tenure import _core
from tenure._model_file import storable
from tenure._validation import Floats, as_threads
from tenure.clv import _data
from tenure.clv._bootstrap import BootstrappedSpend
from tenure.clv._group_sampling import SpendByGroup
from tenure.clv._likelihood import LikelihoodModel
from tenure.clv._profile import LogLikelihood, in_logs
from tenure.clv._sampling import SPEND, SPEND_SETS
from tenure.clv._spend_covariates import ORDERS, SpendCoefficients


@storable("clv.GammaGamma")
class GammaGamma(SpendByGroup, BootstrappedSpend, SpendCoefficients):
    """Gamma-gamma: the mean amount of a customer's orders, shrunk to that of all customers.

    Amounts of a customer's orders are gamma(p, rate nu), and nu is gamma(q, rate gamma) over
    customers. How much customers spend is taken to be independent of how often they buy, unless
    `frequency_effect` says otherwise.

    Parameters
    ----------
    covariates : sequence of str, optional
        Columns of the data that move the level of a customer's spend; numbers or text. See Notes.
    frequency_effect : bool, default False
        Whether the level depends on how often a customer ordered, as a power of the number of
        orders, 1 + frequency.
    covariate_l2, covariate_alpha, covariate_l1_ratio
        Penalties of the coefficients, as for `BGNBD`.
    l2 : float, default 0
        Penalty l2 * (p^2 + q^2 + gamma^2) a customer, gamma in the unit in which the mean of
        `monetary_value` is 10.
    max_iter, tol, on_failure, n_threads
        As for `BGNBD`.

    Attributes
    ----------
    params_, standard_errors_ : dict
        Keys p, q, gamma; gamma in the unit of money.
    covariance_, log_covariance_ : 3 x 3 float64 arrays
        Of the parameters, and of their logarithms (the inverse of the observed information).
    n_excluded_ : int
        Rows that tell nothing: without a repeat order, or with a mean amount <= 0.
    correlation_ : float
        Of frequency and monetary_value over the rows used; far from 0 it speaks against the model.
    log_likelihood_, converged_, status_, n_iter_, gradient_norm_, hessian_eigenvalues_
    n_customers_
        As for `BGNBD`.
    coef_, covariate_levels_, joint_covariance_, n_parameters_, aic_, bic_
        As for `BGNBD`; the only process is "spend".

    Notes
    -----
    With covariates z customers have gamma exp(c'z) in place of gamma, so that one more of a column
    multiplies what they spend an order by e^c; `params_` are those of a customer whose columns are
    all 0. `frequency_effect` adds the column ``log(1 + frequency)``, whose coefficient is the
    elasticity of spend in the number of orders; 0 is independence, which `likelihood_ratio_test`
    tests against the model without.

    Fader & Hardie (2013), The gamma-gamma model of monetary value, brucehardie.com/notes/025.
    Formulas and numerics: docs/methods/gamma_gamma.md.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> model = tn.clv.GammaGamma().fit(base)
    >>> {name: round(value, 2) for name, value in model.params_.items()}
    {'p': 6.25, 'q': 3.74, 'gamma': 15.44}
    >>> model.n_excluded_, round(model.expected_spend_new(), 2)
    (1411, 35.17)

    Those who order more often spend more an order:

    >>> large = tn.clv.GammaGamma(frequency_effect=True).fit(base)
    >>> large.coef_.estimate.round(2).tolist(), large.coef_.lower.round(2).tolist()
    ([0.23], [0.15])
    >>> round(tn.clv.likelihood_ratio_test(model, large).statistic, 1)
    30.5
    """

    parameter_names = ("p", "q", "gamma")
    _prefix = "gamma_gamma"
    _quantities = SPEND
    _prior_sets = SPEND_SETS
    _fitted: tuple[str, ...] = (*LikelihoodModel._fitted, "n_excluded_", "correlation_")

    n_excluded_: int
    correlation_: float

    def __init__(
        self,
        *,
        covariates: Sequence[str] | str | None = None,
        frequency_effect: bool = False,
        covariate_l2: float = 0.0,
        covariate_alpha: float = 0.0,
        covariate_l1_ratio: float = 0.5,
        l2: float = 0.0,
        max_iter: int = 200,
        tol: float = 1e-9,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        self.covariates = covariates
        self.frequency_effect = frequency_effect
        self.covariate_l2 = covariate_l2
        self.covariate_alpha = covariate_alpha
        self.covariate_l1_ratio = covariate_l1_ratio
        self.l2 = l2
        self.max_iter = max_iter
        self.tol = tol
        self.on_failure = on_failure
        self.n_threads = n_threads

    def fit(self, data: Any, sample_weight: Any = None) -> Self:
        """Fit the parameters by maximum likelihood.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            One row a customer: `frequency` (repeat orders) and `monetary_value` (their mean
            amount); optionally `weight`. Rows with frequency 0 or monetary_value <= 0 are left out
            and counted in `n_excluded_`.
        sample_weight : array of n floats, optional
            In place of the column `weight`; finite and >= 0.

        Returns
        -------
        self

        Raises
        ------
        InvalidInputError
            Names the column, the row and the rule: frequency a whole number >= 0, monetary_value
            finite where frequency > 0, at least one row of use.
        NotConvergedError
            With ``on_failure="raise"``, if no optimum was found.
        """
        budget = self._budget()
        s = _data.spend(data, sample_weight, weighted=True)
        fit = self._maximise(data, s, budget)
        self.n_excluded_ = int(fit["excluded"])
        self.correlation_ = _correlation(s)
        self._take(fit)
        return self

    def _likelihood_of(self, data: Any, sample_weight: Any) -> LogLikelihood:
        s = self._read(data, sample_weight, weighted=True)
        columns = (s.frequency, s.monetary_value, s.weight)
        return in_logs(_core.clv.gamma_gamma_log_likelihood, *columns, as_threads(self.n_threads))

    def expected_spend(self, data: Any, interval: float | None = None) -> Any:
        """Return the expected mean amount of each customer's orders.

        The posterior mean, a weighted mean of the customer's own and that of the population; the
        latter alone where there is no repeat order, or no positive amount (a DataWarning counts
        those).

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            As for `fit`.
        interval : float, optional
            Confidence level, such as 0.95. Limits are symmetric in the logarithm, and tell the
            uncertainty of the parameters only.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
            Infinite, with a DataWarning, where p x + q <= 1, as no mean exists.
        """
        self._require_fitted()
        s = self._read(data)
        got = self._spend(s, interval is not None)
        return (
            got if interval is None else self._limits(s.customer, got, interval, "Spend an order")
        )

    def expected_spend_new(self, covariates: Any = None) -> Any:
        """Return the expected mean amount of a customer of whom nothing is known, p gamma/(q - 1).

        Parameters
        ----------
        covariates : data frame, optional
            One row a customer; needed for a model with `covariates`, and only there. With
            `frequency_effect` a new customer has one order.

        Returns
        -------
        float, or float64 array with covariates
            Infinite, with a DataWarning, where q <= 1.
        """
        self._require_fitted()
        names = [name for name in self.covariate_levels_ if name != ORDERS]
        if names or covariates is not None:
            design: Floats | None = self._design_of_new(covariates, names)
        else:
            design = np.zeros((1, 1)) if self.covariate_levels_ else None
        n = 1 if design is None else len(design)
        none = _data.Spend(np.zeros(n), np.zeros(n), None, None, design)
        got = self._spend(none, errors=False)
        return got if names else float(got[0])

    def score(self, data: Any, sample_weight: Any = None) -> float:
        """Return the mean log-likelihood a customer of other data, over the rows of use."""
        self._require_fitted()
        s = self._read(data, sample_weight, weighted=True)
        value = self._log_likelihood(s)
        used = (s.frequency > 0) & (s.monetary_value > 0)
        weight = used if s.weight is None else s.weight * used
        return value / float(weight.sum())

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        if state and (type(self.n_excluded_) is not int or self.n_excluded_ < 0):
            msg = "n_excluded_ must be a whole number >= 0"
            raise ValueError(msg)
        if state and (type(self.correlation_) is not float or abs(self.correlation_) > 1.0 + 1e-9):
            msg = "correlation_ must be a number from -1 to 1"
            raise ValueError(msg)


def _correlation(s: _data.Spend) -> float:
    """Weighted Pearson correlation of frequency and mean amount; NaN where one does not vary."""
    used = (s.frequency > 0) & (s.monetary_value > 0)
    x, m = s.frequency[used], s.monetary_value[used]
    w = np.ones(len(x)) if s.weight is None else s.weight[used]
    m = m / m.max(initial=0.0)  # squares of huge amounts are no numbers
    x, m = x - np.average(x, weights=w), m - np.average(m, weights=w)
    scale = np.sqrt(float(w @ (x * x)) * float(w @ (m * m)))
    return float(w @ (x * m) / scale) if scale > 0.0 else float("nan")
