"""Shifted beta-geometric: contracts whose customers differ in how likely they are to renew."""

from __future__ import annotations

from tenure._model_file import storable
from tenure.clv._contract import ContractModel


@storable("clv.ShiftedBetaGeometric")
class ShiftedBetaGeometric(ContractModel):
    """Shifted beta-geometric: each customer has an own constant probability of leaving.

    At every renewal a customer leaves with an own probability theta, the same each time, and theta
    is beta(alpha, beta) over customers. The retention rate rises with age although nobody becomes
    more loyal: those who leave easily leave first.

    Parameters
    ----------
    renewal : {"day", "week", "month", "year"}, optional
        Length of a renewal period, for discounting.
    l2 : float, default 0
        Penalty l2 * (alpha^2 + beta^2) a customer.
    max_iter, tol, on_failure, n_threads
        As for `BGNBD`; `max_iter` counts from each of several starts.

    Attributes
    ----------
    params_, standard_errors_ : dict
        Keys alpha, beta (gamma and delta in later papers).
    covariance_, log_covariance_ : 2 x 2 float64 arrays
        Of the parameters, and of their logarithms (the inverse of the observed information).
    log_likelihood_, converged_, status_, n_iter_, gradient_norm_, hessian_eigenvalues_
    n_customers_
        As for `BGNBD`.

    Notes
    -----
    Fader & Hardie (2007), How to project customer retention, Journal of Interactive Marketing
    21(1):76-90. Formulas and numerics: docs/methods/shifted_beta_geometric.md. For customers
    left of cohorts, with prediction limits, see `tenure.cohort.project`: the same model.

    Examples
    --------
    The "Regular" customers of the paper, per 1,000 and seven renewals:

    >>> import tenure as tn
    >>> model = tn.clv.ShiftedBetaGeometric(renewal="year")
    >>> model = model.fit([1000, 631, 468, 382, 326, 289, 262, 241])
    >>> {name: round(value, 3) for name, value in model.params_.items()}
    {'alpha': 0.704, 'beta': 1.182}
    >>> round(model.survival(12), 3), model.retention_rate([1, 12]).round(3).tolist()
    (0.17, [0.627, 0.945])
    >>> model.discounted_residual_lifetime([0, 7], discount_rate=0.10).round(2).tolist()
    [2.96, 6.84]
    """

    parameter_names = ("alpha", "beta")
    _prefix = "shifted_beta_geometric"
