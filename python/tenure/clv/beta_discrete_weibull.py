"""Beta-discrete-Weibull: contracts whose customers differ, and change with the time they stay."""

from __future__ import annotations

from tenure._model_file import storable
from tenure.clv._bootstrap import BootstrappedContracts
from tenure.clv._contract import ContractModel
from tenure.clv._sampling import AGEING, AGEING_SETS, SampledContracts


@storable("clv.BetaDiscreteWeibull")
class BetaDiscreteWeibull(SampledContracts, BootstrappedContracts, ContractModel):
    """Beta-discrete-Weibull: unequal customers, whose probability of leaving changes with age.

    A customer is still there after n renewals with probability (1 - theta)^(n^c), and theta is
    beta(alpha, beta) over customers. With c < 1 each customer becomes more loyal, with c > 1 less;
    c = 1 is the shifted beta-geometric model, against which `likelihood_ratio_test` tests.

    Parameters
    ----------
    renewal, max_iter, tol, on_failure, n_threads
        As for `ShiftedBetaGeometric`.
    l2 : float, default 0
        Penalty l2 * (alpha^2 + beta^2 + c^2) a customer.

    Attributes
    ----------
    params_, standard_errors_ : dict
        Keys alpha, beta, c (gamma and delta in the paper).
    covariance_, log_covariance_ : 3 x 3 float64 arrays
        Of the parameters, and of their logarithms (the inverse of the observed information).
    log_likelihood_, converged_, status_, n_iter_, gradient_norm_, hessian_eigenvalues_
    n_customers_
        As for `BGNBD`.

    Notes
    -----
    Fader, Hardie, Liu, Davin & Steenburgh (2018), How to project customer retention revisited: the
    role of duration dependence, Journal of Interactive Marketing 43:1-16. Formulas and numerics:
    docs/methods/beta_discrete_weibull.md.

    Examples
    --------
    The "High End" customers of Fader & Hardie (2007), per 1,000 and seven renewals:

    >>> import tenure as tn
    >>> data = [1000, 869, 743, 653, 593, 551, 517, 491]
    >>> model = tn.clv.BetaDiscreteWeibull().fit(data)
    >>> {name: round(value, 2) for name, value in model.params_.items()}
    {'alpha': 0.21, 'beta': 1.43, 'c': 1.72}
    >>> small = tn.clv.ShiftedBetaGeometric().fit(data)
    >>> f"{tn.clv.likelihood_ratio_test(small, model).p_value:.1g}"
    '0.0006'
    """

    parameter_names = ("alpha", "beta", "c")
    _prefix = "beta_discrete_weibull"
    _quantities = AGEING
    _prior_sets = AGEING_SETS
