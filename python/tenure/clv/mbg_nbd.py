"""The MBG/NBD model of repeat purchases."""

from __future__ import annotations

from tenure._model_file import storable
from tenure.clv._bootstrap import BootstrappedPurchases
from tenure.clv._covariate_model import BetaDropoutModel
from tenure.clv._group_sampling import PurchasesByGroup
from tenure.clv._sampling import BETA_GEOMETRIC, BETA_GEOMETRIC_SETS


@storable("clv.MBGNBD")
class MBGNBD(PurchasesByGroup, BootstrappedPurchases, BetaDropoutModel):
    """MBG/NBD: customers buy at random and may leave after any purchase, the first included.

    Purchases of a customer are a Poisson process with rate lambda, and after each purchase the
    customer leaves for good with probability p. Over customers, lambda is gamma(r, rate alpha)
    and p is beta(a, b), independent of each other.

    Parameters
    ----------
    purchase_covariates, dropout_covariates : sequence of str, optional
        Columns of the data that move the rate of purchases, and the chance to leave; numbers or
        text. See Notes.
    equal_covariates : sequence of str, optional
        Covariates of both that have one coefficient in both.
    separate_dropout : bool, default False
        Whether a covariate of dropout has one coefficient for a and another one for b.
    covariate_l2 : float, default 0
        Penalty covariate_l2 * sum of squared coefficients a customer, of columns scaled to a
        spread of 1.
    covariate_alpha, covariate_l1_ratio : float, default 0 and 0.5
        Elastic penalty of the same coefficients, as scikit-learn's ``ElasticNet(alpha, l1_ratio)``:
        covariate_alpha * (l1_ratio * sum of sizes + (1 - l1_ratio) / 2 * sum of squares) a
        customer. It sets coefficients to 0; standard errors and limits are then NaN.
    l2 : float, default 0
        Penalty l2 * (r^2 + alpha^2 + a^2 + b^2) a customer, alpha in the unit in which the longest
        T is 10.
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
        Keys r, alpha, a, b; alpha in the unit of the data.
    covariance_, log_covariance_ : 4 x 4 float64 arrays
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
    alpha exp(-g'z), a exp(h'z) and b exp(h'z). Text columns count as 0 or 1 for each level but the
    first in alphabetical order. Coefficients are in `coef_`, and a Summary gets its columns from
    `with_covariates`. Fader & Hardie (2007), Incorporating time-invariant covariates into the
    Pareto/NBD and BG/NBD models, note 019: docs/methods/covariates.md.

    Unlike in the BG/NBD model, customers who bought only once may have left.

    Batislam, Denizel & Filiztekin (2007), Empirical validation and comparison of models for
    customer base analysis, International Journal of Research in Marketing 24:201-209.
    Formulas and numerics: docs/methods/mbg_nbd.md.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> model = tn.clv.MBGNBD().fit(base)
    >>> {name: round(value, 3) for name, value in model.params_.items()}
    {'r': 0.525, 'alpha': 6.183, 'a': 0.891, 'b': 1.614}
    >>> round(model.log_likelihood_, 1)
    -9582.1
    """

    parameter_names = ("r", "alpha", "a", "b")
    _prefix = "mbg_nbd"
    _tail = "a"
    _one_pass = True
    _quantities = BETA_GEOMETRIC
    _prior_sets = BETA_GEOMETRIC_SETS
