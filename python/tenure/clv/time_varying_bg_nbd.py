"""The BG/NBD model with covariates of purchases that change over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tenure._model_file import storable
from tenure.clv._time_varying_model import TimeVaryingModel


@storable("clv.TimeVaryingBGNBD")
class TimeVaryingBGNBD(TimeVaryingModel):
    """BG/NBD whose rate of purchases changes with seasons, campaigns, prices.

    Customer i buys at the rate lambda exp(g'x_i(t)), where x is constant within each period, and
    leaves after each repeat purchase with probability p. Over customers, lambda is
    gamma(r, rate alpha) and p is beta(a, b), independent of each other.

    Parameters
    ----------
    purchase_covariates : sequence of str
        Covariates of the data, numbers or text, that move the rate of purchases.
    covariate_l2 : float, default 0
        Penalty covariate_l2 * sum of squared coefficients a customer, of columns scaled to a
        spread of 1.
    l2 : float, default 0
        Penalty l2 * (r^2 + alpha^2 + a^2 + b^2) a customer, alpha in the unit in which the
        longest T is 10.
    max_iter : int, default 200
        Evaluations of the likelihood.
    tol : float, default 1e-9
        For the gradient of the mean log-likelihood; above 1e-6 it counts as 1e-6.
    on_failure : {"warn", "raise"}
        What to do where no optimum was found.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    params_, standard_errors_ : dict
        Keys r, alpha, a, b: of a customer at a time when all columns are 0.
    coef_ : CoefficientTable
        Coefficients of the covariates, in the units of the columns.
    covariance_, log_covariance_ : 4 x 4 float64 arrays
        Of the parameters, and of their logarithms.
    joint_covariance_ : float64 array
        Of the logarithms of the parameters and of the coefficients: the inverse of the observed
        information.
    covariate_levels_ : dict
        By covariate its levels, the base first; None for a number.
    log_likelihood_ : float
        Without the penalty.
    n_parameters_, aic_, bic_
        Number of parameters and coefficients; criteria of Akaike and Schwarz.
    converged_, status_, n_iter_, gradient_norm_, hessian_eigenvalues_
        The verdict of the optimiser, and what it rests on.
    n_customers_ : float
        Sum of weights.
    unit_ : str

    Notes
    -----
    On a clock that runs at exp(g'x(t)) this is the BG/NBD model of Fader, Hardie & Lee (2005),
    "Counting your customers" the easy way, Marketing Science 24:275-284: docs/methods/
    time_varying_covariates.md has the derivation. Customers leave at purchases only, and covariates
    do not move that chance.


    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> weeks = np.arange("1996-12-30", "1998-07-06", 7, "datetime64[D]")
    >>> spring = (weeks >= np.datetime64("1997-02-24")) & (weeks < np.datetime64("1997-05-26"))
    >>> calendar = {"date": weeks, "spring": spring.astype(float)}
    >>> data = tn.clv.time_varying(log, calendar, end="1997-09-30")
    >>> model = tn.clv.TimeVaryingBGNBD(purchase_covariates="spring").fit(data)
    >>> model.coef_.process, model.coef_.estimate.round(2).tolist()
    (('purchase',), [-0.02])
    >>> round(float(model.expected_purchases(data, "39w").mean()), 2)
    0.7
    """

    parameter_names = ("r", "alpha", "a", "b")
    _prefix = "bg_nbd"
    _moved: ClassVar = {"purchase": 1}

    def __init__(
        self,
        *,
        purchase_covariates: Sequence[str] | str | None = None,
        covariate_l2: float = 0.0,
        l2: float = 0.0,
        max_iter: int = 200,
        tol: float = 1e-9,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        self.purchase_covariates = purchase_covariates
        self.covariate_l2 = covariate_l2
        self.l2 = l2
        self.max_iter = max_iter
        self.tol = tol
        self.on_failure = on_failure
        self.n_threads = n_threads
