"""The GGompertz/NBD model of repeat purchases."""

from __future__ import annotations

from typing import Any

from tenure._model_file import storable
from tenure.clv._bootstrap import BootstrappedPurchases
from tenure.clv._dropout_model import CovariateModel


@storable("clv.GGompertzNBD")
class GGompertzNBD(BootstrappedPurchases, CovariateModel):
    """GGompertz/NBD: customers buy at random, and leave at a rate that grows with time.

    Purchases of a customer are a Poisson process with rate lambda; the customer leaves for good at
    the hazard eta b exp(b t), a Gompertz lifetime. Over customers, lambda is gamma(r, rate alpha)
    and eta is gamma(s, rate beta), independent of each other. Most leave soon where beta < 1, and
    around one age where beta is large, which the Pareto/NBD model cannot tell.

    Parameters
    ----------
    purchase_covariates, dropout_covariates : sequence of str, optional
        Columns of the data that move the rate of purchases, and the hazard of leaving; numbers or
        text. See Notes.
    equal_covariates : sequence of str, optional
        Covariates of both that have one coefficient in both.
    covariate_l2 : float, default 0
        Penalty covariate_l2 * sum of squared coefficients a customer, of columns scaled to a
        spread of 1.
    covariate_alpha, covariate_l1_ratio : float, default 0 and 0.5
        Elastic penalty of the same coefficients, as scikit-learn's ``ElasticNet(alpha, l1_ratio)``:
        covariate_alpha * (l1_ratio * sum of sizes + (1 - l1_ratio) / 2 * sum of squares) a
        customer. It sets coefficients to 0; standard errors and limits are then NaN.
    l2 : float, default 0
        Penalty l2 * (r^2 + alpha^2 + b^2 + s^2 + (beta/b)^2) a customer, times in the unit in which
        the longest T is 10.
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
        Keys r, alpha, b, s, beta; alpha in the unit of the data, b per that unit.
    beta_over_b_ : float
        In the unit of the data: the beta of the Pareto/NBD model, which this one becomes as b runs
        to 0. All that the data tell of the two where the status is boundary for that reason.
    covariance_, log_covariance_ : 5 x 5 float64 arrays
        Of the parameters, and of their logarithms (the inverse of the observed information).
    log_likelihood_ : float
        Without the penalty.
    converged_ : bool
    status_ : {"converged", "max_iterations", "stalled", "boundary"}
    n_iter_, gradient_norm_, hessian_eigenvalues_
        Evaluations over all the rows; what the verdict of the optimiser rests on.
    n_customers_ : float
        Sum of weights.
    coef_ : CoefficientTable
        Coefficients of the covariates, in the units of the columns.
    covariate_levels_ : dict
        By covariate its levels, the base first; None for a number.
    joint_covariance_ : float64 array
        Of the logarithms of the parameters and of the coefficients.
    n_parameters_, aic_, bic_
        Number of parameters and coefficients; criteria of Akaike and Schwarz.
    unit_ : str or None

    Notes
    -----
    With covariates z, `params_` are those of a customer whose columns are all 0; others have
    alpha exp(-g'z) and beta exp(-h'z), the parametrisation of CLVTools: exp(g'z) multiplies the
    mean rate of purchases, exp(h'z) multiplies eta and so the hazard of each customer. Text columns
    count as 0 or 1 for each level but the first in alphabetical order. Coefficients are in `coef_`,
    and a Summary gets its columns from `with_covariates`: docs/methods/covariates.md.

    Discount rates must be >= 0. Purchases to come are a finite number for any parameters, so that
    horizons without an end need no discount.

    Bemmaor & Glady (2012), Modeling purchasing behavior with sudden "death": a flexible customer
    lifetime model, Management Science 58:1012-1021. Formulas and numerics:
    docs/methods/ggompertz_nbd.md.

    Examples
    --------
    The customers of CDNOW leave ever more slowly, so that b runs to 0:

    >>> import warnings
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", tn.ConvergenceWarning)
    ...     model = tn.clv.GGompertzNBD().fit(base)
    >>> model.status_, round(model.log_likelihood_, 2), round(model.beta_over_b_, 2)
    ('boundary', -9594.98, 11.67)

    Customers who stay for about as long as each other, those of one channel half as long:

    >>> import numpy as np
    >>> rng = np.random.default_rng(2)
    >>> web = rng.integers(0, 2, 1500)
    >>> eta = rng.gamma(1.5, 1.0 / (400.0 * np.exp(-2.5 * web)))
    >>> stay = np.minimum(np.log1p(rng.exponential(size=1500) / eta) / 0.25, 60.0)
    >>> x = rng.poisson(rng.gamma(1.5, 1.0 / 6.0, 1500) * stay)
    >>> recency = np.where(x > 0, stay * rng.beta(np.maximum(x, 1), 1.0), 0.0)
    >>> data = {"frequency": x, "recency": recency, "T": np.full(1500, 60.0), "web": web}
    >>> model = tn.clv.GGompertzNBD(dropout_covariates="web").fit(data)
    >>> bool(model.coef_.lower[0] < 2.5 < model.coef_.upper[0])
    True
    """

    parameter_names = ("r", "alpha", "b", "s", "beta")
    _prefix = "ggompertz_nbd"
    _purchase = (0.0, -1.0, 0.0, 0.0, 0.0)
    _dropout = (0.0, 0.0, 0.0, 0.0, -1.0)
    _tail = None

    @property
    def beta_over_b_(self) -> float:
        """The scale of the lifetimes that stays when b runs to 0."""
        self._require_fitted()
        return self.params_["beta"] / self.params_["b"]

    def _hint(self, fit: dict[str, Any]) -> str:
        _, _, b, _, beta = fit["parameters"].tolist()
        if fit["status"] != "boundary" or beta > 0.01:
            return ""
        return (
            f"; b runs to 0, where only beta/b = {beta / b:.6g} is told: the model is then "
            "ParetoNBD with this beta"
        )
