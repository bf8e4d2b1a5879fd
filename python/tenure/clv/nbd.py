"""The NBD model of repeat purchases."""

from __future__ import annotations

from tenure._model_file import storable
from tenure.clv._bootstrap import BootstrappedPurchases
from tenure.clv._covariate_model import PurchaseCovariateModel
from tenure.clv._group_sampling import PurchasesByGroup
from tenure.clv._sampling import RATE_SETS, RATES


@storable("clv.NBD")
class NBD(PurchasesByGroup, BootstrappedPurchases, PurchaseCovariateModel):
    """NBD: customers buy at random, each at a rate of their own, and nobody ever leaves.

    Purchases of a customer are a Poisson process with rate lambda, which is gamma(r, rate alpha)
    over customers. The yardstick of the other models: what they add is leaving.

    Parameters
    ----------
    purchase_covariates : sequence of str, optional
        Columns of the data that move the rate of purchases; numbers or text. See Notes.
    covariate_l2 : float, default 0
        Penalty covariate_l2 * sum of squared coefficients a customer, of columns scaled to a
        spread of 1.
    covariate_alpha, covariate_l1_ratio : float, default 0 and 0.5
        Elastic penalty of the same coefficients, as scikit-learn's ``ElasticNet(alpha, l1_ratio)``:
        covariate_alpha * (l1_ratio * sum of sizes + (1 - l1_ratio) / 2 * sum of squares) a
        customer. It sets coefficients to 0; standard errors and limits are then NaN.
    l2 : float, default 0
        Penalty l2 * (r^2 + alpha^2) a customer, alpha in the unit in which the longest T is 10.
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
        Keys r, alpha; alpha in the unit of the data.
    covariance_, log_covariance_ : 2 x 2 float64 arrays
        Of the parameters, and of their logarithms (the inverse of the observed information).
    log_likelihood_ : float
        Without the penalty, and of the times of the purchases, as in the other models of `clv`, so
        that it compares with theirs; the chance of their numbers alone has T^x / x! as well.
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
    Ehrenberg (1959), The pattern of consumer purchases, Applied Statistics 8:26-41. Everything is
    in closed form: docs/methods/nbd.md. `probability_alive` is 1 for everybody, recency tells
    nothing, and without a discount purchases to come have no end.

    With covariates z, `params_` are those of a customer whose columns are all 0; others have
    alpha exp(-g'z), so that exp(g'z) multiplies the mean rate: docs/methods/covariates.md.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> model = tn.clv.NBD().fit(base)
    >>> {name: round(value, 3) for name, value in model.params_.items()}
    {'r': 0.385, 'alpha': 12.072}
    >>> round(model.log_likelihood_, 1)
    -9763.7
    >>> model.expected_purchases(base, horizon="39w")[:3].round(2).tolist()
    [1.83, 0.3, 1.06]
    """

    parameter_names = ("r", "alpha")
    _prefix = "nbd"
    _purchase = (0.0, -1.0)
    _tail = None
    _quantities = RATES
    _prior_sets = RATE_SETS

    def _diverges(self) -> bool:
        return True  # nobody leaves
