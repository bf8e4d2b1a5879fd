"""The BG/CNBD-k model of regular repeat purchases."""

from __future__ import annotations

from tenure._model_file import storable
from tenure.clv._cnbd import RegularPurchases


@storable("clv.BGCNBD")
class BGCNBD(RegularPurchases):
    """BG/CNBD-k: customers buy regularly and may leave after each repeat purchase.

    Times between purchases of a customer are Erlang-k: the sum of k exponential times of rate
    lambda, so that their mean is k / lambda and their coefficient of variation k ** -0.5.
    After each repeat purchase the customer leaves for good with probability p. Over customers,
    lambda is gamma(r, rate alpha) and p is beta(a, b), independent of each other. With k = 1 it is
    the BG/NBD model.

    Parameters
    ----------
    k : int from 1 to 12, optional
        How regular purchases are. Default: the most likely k; from 1 on, until two in turn are less
        likely than the one before.
    l2 : float, default 0
        Penalty l2 * (r^2 + alpha^2 + a^2 + b^2) a customer, alpha in the unit in which the longest
        T is 10.
    unit : {"day", "week", "month", "year"}, optional
        What recency and T are counted in. A summary brings its own; needed for horizons such as
        "1y" where the data are a plain frame.
    max_iter : int, default 200
        Evaluations of the likelihood, for each k.
    tol : float, default 1e-9
        For the gradient of the mean log-likelihood in the logs of the parameters; above 1e-6 it
        counts as 1e-6.
    on_failure : {"warn", "raise"}
        What to do where no optimum was found.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    k_ : int
        The k that was given or chosen.
    k_log_likelihoods_ : float64 array
        Log-likelihoods of k = 1, 2, ... as far as they were tried; of the given k alone.
    params_, standard_errors_ : dict
        Keys r, alpha, a, b, given k; alpha in the unit of the data.
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
    unit_ : str or None

    Notes
    -----
    Platzer & Reutterer (2016), Ticking away the moments: timing regularity helps to better predict
    customer activity, Marketing Science 35:779-799.
    Expected purchases given the history are exact, not the approximation of the package BTYDplus.
    Formulas and numerics: docs/methods/cnbd.md.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30", log_gaps=True)
    >>> tn.clv.BGCNBD().fit(base).k_
    1
    >>> model = tn.clv.BGCNBD(k=2).fit(base)
    >>> {name: round(value, 3) for name, value in model.params_.items()}
    {'r': 0.227, 'alpha': 1.463, 'a': 0.944, 'b': 2.074}
    >>> round(model.log_likelihood_, 1)
    -9855.3
    """

    _prefix = "bg_cnbd"
