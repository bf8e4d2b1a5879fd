"""Shifted beta-geometric: contracts whose customers differ in how likely they are to renew."""

from __future__ import annotations

from tenure._model_file import storable
from tenure.clv._bootstrap import BootstrappedContracts
from tenure.clv._contract_covariates import CovariateContractModel
from tenure.clv._sampling import RENEWAL_SETS, RENEWALS, SampledContracts


@storable("clv.ShiftedBetaGeometric")
class ShiftedBetaGeometric(SampledContracts, BootstrappedContracts, CovariateContractModel):
    """Shifted beta-geometric: each customer has an own constant probability of leaving.

    At every renewal a customer leaves with an own probability theta, the same each time, and theta
    is beta(alpha, beta) over customers. The retention rate rises with age although nobody becomes
    more loyal: those who leave easily leave first.

    Parameters
    ----------
    churn_covariates, retention_covariates : sequence of str, optional
        Columns of the customers, numbers or text, that move alpha and beta. See Notes.
    equal_covariates : sequence of str, optional
        Covariates of both that have one coefficient in both, so that they move only how much
        customers differ.
    covariate_l2, covariate_alpha, covariate_l1_ratio
        Penalties of the coefficients, as for `BGNBD`.
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
    coef_, covariate_levels_, joint_covariance_, n_parameters_, aic_, bic_
        As for `BGNBD`; the processes are "churn" (alpha), "retention" (beta) and "both".

    Notes
    -----
    With covariates z, `params_` are those of a customer whose columns are all 0; others have
    alpha exp(g'z) and beta exp(h'z) (Hubbard, Rostykus, Raimond & Jebara 2019, Beta survival
    models, arXiv:1905.03818). A covariate of churn alone multiplies the odds of leaving by e^g at
    every renewal. Columns are read from the data; where there are none, give `covariates=`:
    docs/methods/covariates.md.

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

    Both segments of the paper to the third renewal, in one model:

    >>> people = {"renewals": [0, 1, 2, 3] * 2, "churned": [1, 1, 1, 0] * 2,
    ...           "weight": [369, 163, 86, 382, 131, 126, 90, 653],
    ...           "segment": ["regular"] * 4 + ["high end"] * 4}
    >>> model = tn.clv.ShiftedBetaGeometric(churn_covariates="segment").fit(people)
    >>> model.coef_.covariate, model.coef_.exp_estimate.round(2).tolist()
    (('segment[regular]',), [2.63])
    >>> model.survival(3, covariates={"segment": ["high end", "regular"]}).round(3).tolist()
    [0.658, 0.371]
    """

    parameter_names = ("alpha", "beta")
    _prefix = "shifted_beta_geometric"
    _quantities = RENEWALS
    _prior_sets = RENEWAL_SETS
