"""The Pareto/NBD model with covariates that change over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tenure._model_file import storable
from tenure.clv._time_varying_model import TimeVaryingModel


@storable("clv.TimeVaryingParetoNBD")
class TimeVaryingParetoNBD(TimeVaryingModel):
    """Pareto/NBD whose rates of purchases and of leaving change with seasons, campaigns, prices.

    Customer i buys at the rate lambda exp(g'x_i(t)) and leaves for good at the rate
    mu exp(h'y_i(t)), where x and y are constant within each period. Over customers, lambda is
    gamma(r, rate alpha) and mu is gamma(s, rate beta), independent of each other.

    Parameters
    ----------
    purchase_covariates, dropout_covariates : sequence of str, optional
        Covariates of the data, numbers or text, that move the rate of purchases, and the rate of
        leaving; at least one in all.
    covariate_l2 : float, default 0
        Penalty covariate_l2 * sum of squared coefficients a customer, of columns scaled to a
        spread of 1.
    l2 : float, default 0
        Penalty l2 * (r^2 + alpha^2 + s^2 + beta^2) a customer, alpha and beta in the unit in which
        the longest T is 10.
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
        Keys r, alpha, s, beta: of a customer at a time when all columns are 0.
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
    Bachmann, Meierer & Naef (2021), The role of time-varying contextual factors in latent attrition
    models for customer base analysis, Marketing Science 40:783-809. Where the covariates of each
    customer stay the same over time, the model is `ParetoNBD` with covariates. Formulas and
    numerics: docs/methods/time_varying_covariates.md.


    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> weeks = np.arange("1996-12-30", "1998-07-06", 7, "datetime64[D]")
    >>> spring = (weeks >= np.datetime64("1997-02-24")) & (weeks < np.datetime64("1997-05-26"))
    >>> calendar = {"date": weeks, "spring": spring.astype(float)}
    >>> data = tn.clv.time_varying(log, calendar, end="1997-09-30")
    >>> model = tn.clv.TimeVaryingParetoNBD(purchase_covariates="spring").fit(data)
    >>> model.coef_.process, model.coef_.estimate.round(2).tolist()
    (('purchase',), [-0.03])
    >>> round(float(model.expected_purchases(data, "39w").mean()), 2)
    0.7
    """

    parameter_names = ("r", "alpha", "s", "beta")
    _prefix = "pareto_nbd"
    _moved: ClassVar = {"purchase": 1, "dropout": 3}

    def __init__(
        self,
        *,
        purchase_covariates: Sequence[str] | str | None = None,
        dropout_covariates: Sequence[str] | str | None = None,
        covariate_l2: float = 0.0,
        l2: float = 0.0,
        max_iter: int = 200,
        tol: float = 1e-9,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        self.purchase_covariates = purchase_covariates
        self.dropout_covariates = dropout_covariates
        self.covariate_l2 = covariate_l2
        self.l2 = l2
        self.max_iter = max_iter
        self.tol = tol
        self.on_failure = on_failure
        self.n_threads = n_threads
