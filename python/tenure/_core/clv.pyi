from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tenure._core.events import EventLog, Period

_F = npt.NDArray[np.float64]
_I = npt.NDArray[np.int64]
_Evaluation = tuple[float, _F, _F]

def order_days(
    log: EventLog, collapse: Period | None, acquired_until: int, until: int, threads: int
) -> tuple[int, _I, _I]: ...

# The kernels that every model of repeat purchases has, as <model>_<kernel>.
class _Fit(Protocol):
    def __call__(
        self,
        frequency: _F,
        recency: _F,
        T: _F,
        weight: _F | None,
        max_iterations: int,
        tolerance: float,
        l2: float,
        threads: int,
    ) -> dict[str, Any]: ...

class _LogLikelihood(Protocol):
    def __call__(
        self,
        parameters: _F,
        frequency: _F,
        recency: _F,
        T: _F,
        weight: _F | None,
        threads: int,
    ) -> _Evaluation: ...

class _ProbabilityAlive(Protocol):
    def __call__(self, parameters: _F, frequency: _F, recency: _F, T: _F, threads: int) -> _F: ...

class _LogOddsAlive(Protocol):
    def __call__(
        self,
        parameters: _F,
        log_covariance: _F | None,
        frequency: _F,
        recency: _F,
        T: _F,
        threads: int,
    ) -> Any: ...

class _ExpectedPurchases(Protocol):
    def __call__(
        self,
        parameters: _F,
        log_covariance: _F | None,
        frequency: _F,
        recency: _F,
        T: _F,
        horizon: float,
        discount_rate: float,
        threads: int,
    ) -> Any: ...

class _Prospects(Protocol):
    def __call__(
        self,
        parameters: _F,
        frequency: _F,
        recency: _F,
        T: _F,
        horizon: float,
        discount_rate: float,
        threads: int,
    ) -> tuple[_F, _F, _F]: ...

class _ExpectedPurchasesNew(Protocol):
    def __call__(
        self, parameters: _F, log_covariance: _F | None, time: _F, threads: int
    ) -> Any: ...

class _Pmf(Protocol):
    def __call__(self, parameters: _F, count: _F, time: float, threads: int) -> _F: ...

class _FrequencyCounts(Protocol):
    def __call__(
        self, parameters: _F, T: _F, weight: _F | None, frequencies: int, threads: int
    ) -> _F: ...

# m and the correlation of the rates, with standard errors; the least and most that they may be.
def correlated_pareto_nbd_correlation(parameters: _F, log_covariance: _F) -> tuple[_F, _F]: ...
def correlated_pareto_nbd_limits(parameters: _F) -> tuple[_F, _F]: ...

# Those of the models in which somebody alive is again a new customer.
class _OfRowsAndNumbers(Protocol):
    """`n`, one a row, or `levels`."""

    def __call__(
        self,
        parameters: _F,
        frequency: _F,
        recency: _F,
        T: _F,
        numbers: _F,
        horizon: float,
        threads: int,
        /,
    ) -> _F: ...

class _OfRows(Protocol):
    """`level` or `probability`."""

    def __call__(
        self, parameters: _F, frequency: _F, recency: _F, T: _F, value: float, threads: int, /
    ) -> _F: ...

class _EstimateOfRows(Protocol):
    """`horizon` or `ahead`."""

    def __call__(
        self,
        parameters: _F,
        log_covariance: _F | None,
        frequency: _F,
        recency: _F,
        T: _F,
        value: float,
        threads: int,
        /,
    ) -> Any: ...

# Family, two settings, one weight a parameter, whether of their sum.
_Prior = tuple[str, float, float, list[float], bool]
# chains, draws, warmup, target_accept, seed
_Sampling = tuple[int, int, int, float, int]

# Hears of the steps done.
_Tell = Callable[[int], None] | None

class _Posterior(Protocol):
    def __call__(
        self,
        frequency: _F,
        recency: _F,
        T: _F,
        weight: _F | None,
        prior: list[_Prior],
        options: _Sampling,
        tell: _Tell,
        threads: int,
    ) -> dict[str, Any]: ...

class _GroupPosterior(Protocol):
    def __call__(
        self,
        frequency: _F,
        recency: _F,
        T: _F,
        weight: _F | None,
        group: _I,
        groups: int,
        population: list[_Prior],
        spread: list[_Prior],
        options: _Sampling,
        tell: _Tell,
        threads: int,
    ) -> dict[str, Any]: ...

# Those of the CNBD models, which have the shape k as their first argument.
class _CnbdFit(Protocol):
    def __call__(
        self,
        k: int | None,
        frequency: _F,
        recency: _F,
        T: _F,
        weight: _F | None,
        log_gaps: _F | None,
        max_iterations: int,
        tolerance: float,
        l2: float,
        threads: int,
    ) -> dict[str, Any]: ...

class _CnbdLogLikelihood(Protocol):
    def __call__(
        self,
        k: int,
        parameters: _F,
        frequency: _F,
        recency: _F,
        T: _F,
        weight: _F | None,
        log_gaps: _F | None,
        threads: int,
    ) -> _Evaluation: ...

class _CnbdProbabilityAlive(Protocol):
    def __call__(
        self, k: int, parameters: _F, frequency: _F, recency: _F, T: _F, threads: int
    ) -> _F: ...

class _CnbdLogOddsAlive(Protocol):
    def __call__(
        self,
        k: int,
        parameters: _F,
        log_covariance: _F | None,
        frequency: _F,
        recency: _F,
        T: _F,
        threads: int,
    ) -> Any: ...

class _CnbdExpectedPurchases(Protocol):
    def __call__(
        self,
        k: int,
        parameters: _F,
        log_covariance: _F | None,
        frequency: _F,
        recency: _F,
        T: _F,
        horizon: float,
        discount_rate: float,
        threads: int,
    ) -> Any: ...

class _CnbdExpectedPurchasesNew(Protocol):
    def __call__(
        self, k: int, parameters: _F, log_covariance: _F | None, time: _F, threads: int
    ) -> Any: ...

class _CnbdPmf(Protocol):
    def __call__(self, k: int, parameters: _F, count: _F, time: float, threads: int) -> _F: ...

class _CnbdFrequencyCounts(Protocol):
    def __call__(
        self, k: int, parameters: _F, T: _F, weight: _F | None, frequencies: int, threads: int
    ) -> _F: ...

class _CnbdOfRowsAndNumbers(Protocol):
    """`n`, one a row, or `levels`."""

    def __call__(
        self,
        k: int,
        parameters: _F,
        frequency: _F,
        recency: _F,
        T: _F,
        numbers: _F,
        horizon: float,
        threads: int,
        /,
    ) -> _F: ...

class _CnbdOfRows(Protocol):
    """`level` or `probability`."""

    def __call__(
        self,
        k: int,
        parameters: _F,
        frequency: _F,
        recency: _F,
        T: _F,
        value: float,
        threads: int,
        /,
    ) -> _F: ...

class _CnbdEstimateOfRows(Protocol):
    """`horizon` or `ahead`."""

    def __call__(
        self,
        k: int,
        parameters: _F,
        log_covariance: _F | None,
        frequency: _F,
        recency: _F,
        T: _F,
        value: float,
        threads: int,
        /,
    ) -> Any: ...

bg_cnbd_fit: _CnbdFit
bg_cnbd_log_likelihood: _CnbdLogLikelihood
bg_cnbd_probability_alive: _CnbdProbabilityAlive
bg_cnbd_log_odds_alive: _CnbdLogOddsAlive
bg_cnbd_expected_purchases: _CnbdExpectedPurchases
bg_cnbd_expected_purchases_new: _CnbdExpectedPurchasesNew
bg_cnbd_pmf: _CnbdPmf
bg_cnbd_frequency_counts: _CnbdFrequencyCounts
bg_cnbd_purchase_pmf: _CnbdOfRowsAndNumbers
bg_cnbd_purchase_quantiles: _CnbdOfRowsAndNumbers
bg_cnbd_purchase_probability: _CnbdEstimateOfRows
bg_cnbd_log_odds_alive_later: _CnbdEstimateOfRows
bg_cnbd_time_to_purchase: _CnbdOfRows
bg_cnbd_time_to_lapse: _CnbdOfRows
mbg_cnbd_fit: _CnbdFit
mbg_cnbd_log_likelihood: _CnbdLogLikelihood
mbg_cnbd_probability_alive: _CnbdProbabilityAlive
mbg_cnbd_log_odds_alive: _CnbdLogOddsAlive
mbg_cnbd_expected_purchases: _CnbdExpectedPurchases
mbg_cnbd_expected_purchases_new: _CnbdExpectedPurchasesNew
mbg_cnbd_pmf: _CnbdPmf
mbg_cnbd_frequency_counts: _CnbdFrequencyCounts
mbg_cnbd_purchase_pmf: _CnbdOfRowsAndNumbers
mbg_cnbd_purchase_quantiles: _CnbdOfRowsAndNumbers
mbg_cnbd_purchase_probability: _CnbdEstimateOfRows
mbg_cnbd_log_odds_alive_later: _CnbdEstimateOfRows
mbg_cnbd_time_to_purchase: _CnbdOfRows
mbg_cnbd_time_to_lapse: _CnbdOfRows
bg_nbd_fit: _Fit
bg_nbd_log_likelihood: _LogLikelihood
bg_nbd_probability_alive: _ProbabilityAlive
bg_nbd_log_odds_alive: _LogOddsAlive
bg_nbd_expected_purchases: _ExpectedPurchases
bg_nbd_prospects: _Prospects
bg_nbd_expected_purchases_new: _ExpectedPurchasesNew
bg_nbd_pmf: _Pmf
bg_nbd_frequency_counts: _FrequencyCounts
bg_nbd_purchase_pmf: _OfRowsAndNumbers
bg_nbd_purchase_quantiles: _OfRowsAndNumbers
bg_nbd_purchase_probability: _EstimateOfRows
bg_nbd_log_odds_alive_later: _EstimateOfRows
bg_nbd_time_to_purchase: _OfRows
bg_nbd_time_to_lapse: _OfRows
correlated_pareto_nbd_fit: _Fit
correlated_pareto_nbd_log_likelihood: _LogLikelihood
correlated_pareto_nbd_probability_alive: _ProbabilityAlive
correlated_pareto_nbd_log_odds_alive: _LogOddsAlive
correlated_pareto_nbd_expected_purchases: _ExpectedPurchases
correlated_pareto_nbd_expected_purchases_new: _ExpectedPurchasesNew
correlated_pareto_nbd_pmf: _Pmf
correlated_pareto_nbd_frequency_counts: _FrequencyCounts
correlated_pareto_nbd_purchase_pmf: _OfRowsAndNumbers
correlated_pareto_nbd_purchase_quantiles: _OfRowsAndNumbers
correlated_pareto_nbd_purchase_probability: _EstimateOfRows
correlated_pareto_nbd_log_odds_alive_later: _EstimateOfRows
correlated_pareto_nbd_time_to_purchase: _OfRows
correlated_pareto_nbd_time_to_lapse: _OfRows
ggompertz_nbd_fit: _Fit
ggompertz_nbd_log_likelihood: _LogLikelihood
ggompertz_nbd_probability_alive: _ProbabilityAlive
ggompertz_nbd_log_odds_alive: _LogOddsAlive
ggompertz_nbd_expected_purchases: _ExpectedPurchases
ggompertz_nbd_expected_purchases_new: _ExpectedPurchasesNew
ggompertz_nbd_pmf: _Pmf
ggompertz_nbd_frequency_counts: _FrequencyCounts
ggompertz_nbd_purchase_pmf: _OfRowsAndNumbers
ggompertz_nbd_purchase_quantiles: _OfRowsAndNumbers
ggompertz_nbd_purchase_probability: _EstimateOfRows
ggompertz_nbd_log_odds_alive_later: _EstimateOfRows
ggompertz_nbd_time_to_purchase: _OfRows
ggompertz_nbd_time_to_lapse: _OfRows
bg_nbd_posterior: _Posterior
bg_nbd_group_posterior: _GroupPosterior
mbg_nbd_fit: _Fit
mbg_nbd_log_likelihood: _LogLikelihood
mbg_nbd_probability_alive: _ProbabilityAlive
mbg_nbd_log_odds_alive: _LogOddsAlive
mbg_nbd_expected_purchases: _ExpectedPurchases
mbg_nbd_prospects: _Prospects
mbg_nbd_expected_purchases_new: _ExpectedPurchasesNew
mbg_nbd_pmf: _Pmf
mbg_nbd_frequency_counts: _FrequencyCounts
mbg_nbd_purchase_pmf: _OfRowsAndNumbers
mbg_nbd_purchase_quantiles: _OfRowsAndNumbers
mbg_nbd_purchase_probability: _EstimateOfRows
mbg_nbd_log_odds_alive_later: _EstimateOfRows
mbg_nbd_time_to_purchase: _OfRows
mbg_nbd_time_to_lapse: _OfRows
mbg_nbd_posterior: _Posterior
mbg_nbd_group_posterior: _GroupPosterior
nbd_fit: _Fit
nbd_log_likelihood: _LogLikelihood
nbd_probability_alive: _ProbabilityAlive
nbd_log_odds_alive: _LogOddsAlive
nbd_expected_purchases: _ExpectedPurchases
nbd_expected_purchases_new: _ExpectedPurchasesNew
nbd_pmf: _Pmf
nbd_frequency_counts: _FrequencyCounts
nbd_purchase_pmf: _OfRowsAndNumbers
nbd_purchase_quantiles: _OfRowsAndNumbers
nbd_purchase_probability: _EstimateOfRows
nbd_log_odds_alive_later: _EstimateOfRows
nbd_time_to_purchase: _OfRows
nbd_time_to_lapse: _OfRows
nbd_posterior: _Posterior
nbd_group_posterior: _GroupPosterior
pareto_nbd_fit: _Fit
pareto_nbd_log_likelihood: _LogLikelihood
pareto_nbd_probability_alive: _ProbabilityAlive
pareto_nbd_log_odds_alive: _LogOddsAlive
pareto_nbd_expected_purchases: _ExpectedPurchases
pareto_nbd_prospects: _Prospects
pareto_nbd_expected_purchases_new: _ExpectedPurchasesNew
pareto_nbd_pmf: _Pmf
pareto_nbd_frequency_counts: _FrequencyCounts
pareto_nbd_purchase_pmf: _OfRowsAndNumbers
pareto_nbd_purchase_quantiles: _OfRowsAndNumbers
pareto_nbd_purchase_probability: _EstimateOfRows
pareto_nbd_log_odds_alive_later: _EstimateOfRows
pareto_nbd_time_to_purchase: _OfRows
pareto_nbd_time_to_lapse: _OfRows
pareto_nbd_posterior: _Posterior
pareto_nbd_group_posterior: _GroupPosterior

# The same with covariates, as <model>_covariate_<kernel>: `parameters` are the four and the
# coefficients, `column` and `sign` say which column each of them multiplies and what it moves.
class _CovariateFit(Protocol):
    def __call__(
        self,
        start: _F,
        frequency: _F,
        recency: _F,
        T: _F,
        weight: _F | None,
        design: _F,
        columns: int,
        column: _I,
        sign: _F,
        max_iterations: int,
        tolerance: float,
        l2: float,
        coefficient_l2: float,
        coefficient_l1: float,
        threads: int,
    ) -> dict[str, Any]: ...

class _CovariateLogLikelihood(Protocol):
    def __call__(
        self,
        parameters: _F,
        frequency: _F,
        recency: _F,
        T: _F,
        weight: _F | None,
        design: _F,
        columns: int,
        column: _I,
        sign: _F,
        threads: int,
    ) -> _Evaluation: ...

class _CovariateAlive(Protocol):
    def __call__(
        self,
        parameters: _F,
        log_covariance: _F | None,
        frequency: _F,
        recency: _F,
        T: _F,
        design: _F,
        columns: int,
        column: _I,
        sign: _F,
        threads: int,
    ) -> Any: ...

class _CovariateExpectedPurchases(Protocol):
    def __call__(
        self,
        parameters: _F,
        log_covariance: _F | None,
        frequency: _F,
        recency: _F,
        T: _F,
        design: _F,
        columns: int,
        column: _I,
        sign: _F,
        horizon: float,
        discount_rate: float,
        threads: int,
    ) -> Any: ...

class _CovariateExpectedPurchasesNew(Protocol):
    def __call__(
        self,
        parameters: _F,
        time: _F,
        design: _F,
        columns: int,
        column: _I,
        sign: _F,
        threads: int,
    ) -> _F: ...

class _CovariatePmf(Protocol):
    def __call__(
        self,
        parameters: _F,
        count: _F,
        time: float,
        design: _F,
        columns: int,
        column: _I,
        sign: _F,
        threads: int,
    ) -> _F: ...

class _CovariateFrequencyCounts(Protocol):
    def __call__(
        self,
        parameters: _F,
        T: _F,
        weight: _F | None,
        frequencies: int,
        design: _F,
        columns: int,
        column: _I,
        sign: _F,
        threads: int,
    ) -> _F: ...

class _CovariateOutlook(Protocol):
    """Of one number, whose name differs from kernel to kernel."""

    def __call__(
        self,
        parameters: _F,
        log_covariance: _F | None,
        frequency: _F,
        recency: _F,
        T: _F,
        design: _F,
        columns: int,
        column: _I,
        sign: _F,
        value: float,
        /,
        threads: int,
    ) -> Any: ...

class _CovariateOutlookWith(Protocol):
    """Of a column of counts, or of levels."""

    def __call__(
        self,
        parameters: _F,
        log_covariance: None,
        frequency: _F,
        recency: _F,
        T: _F,
        design: _F,
        columns: int,
        column: _I,
        sign: _F,
        numbers: _F,
        /,
        horizon: float,
        threads: int,
    ) -> _F: ...

bg_nbd_covariate_fit: _CovariateFit
bg_nbd_covariate_log_likelihood: _CovariateLogLikelihood
bg_nbd_covariate_probability_alive: _CovariateAlive
bg_nbd_covariate_log_odds_alive: _CovariateAlive
bg_nbd_covariate_expected_purchases: _CovariateExpectedPurchases
bg_nbd_covariate_expected_purchases_new: _CovariateExpectedPurchasesNew
bg_nbd_covariate_pmf: _CovariatePmf
bg_nbd_covariate_frequency_counts: _CovariateFrequencyCounts
bg_nbd_covariate_purchase_probability: _CovariateOutlook
bg_nbd_covariate_log_odds_alive_later: _CovariateOutlook
bg_nbd_covariate_time_to_purchase: _CovariateOutlook
bg_nbd_covariate_time_to_lapse: _CovariateOutlook
bg_nbd_covariate_purchase_pmf: _CovariateOutlookWith
bg_nbd_covariate_purchase_quantiles: _CovariateOutlookWith
mbg_nbd_covariate_fit: _CovariateFit
mbg_nbd_covariate_log_likelihood: _CovariateLogLikelihood
mbg_nbd_covariate_probability_alive: _CovariateAlive
mbg_nbd_covariate_log_odds_alive: _CovariateAlive
mbg_nbd_covariate_expected_purchases: _CovariateExpectedPurchases
mbg_nbd_covariate_expected_purchases_new: _CovariateExpectedPurchasesNew
mbg_nbd_covariate_pmf: _CovariatePmf
mbg_nbd_covariate_frequency_counts: _CovariateFrequencyCounts
mbg_nbd_covariate_purchase_probability: _CovariateOutlook
mbg_nbd_covariate_log_odds_alive_later: _CovariateOutlook
mbg_nbd_covariate_time_to_purchase: _CovariateOutlook
mbg_nbd_covariate_time_to_lapse: _CovariateOutlook
mbg_nbd_covariate_purchase_pmf: _CovariateOutlookWith
mbg_nbd_covariate_purchase_quantiles: _CovariateOutlookWith
pareto_nbd_covariate_fit: _CovariateFit
pareto_nbd_covariate_log_likelihood: _CovariateLogLikelihood
pareto_nbd_covariate_probability_alive: _CovariateAlive
pareto_nbd_covariate_log_odds_alive: _CovariateAlive
pareto_nbd_covariate_expected_purchases: _CovariateExpectedPurchases
pareto_nbd_covariate_expected_purchases_new: _CovariateExpectedPurchasesNew
pareto_nbd_covariate_pmf: _CovariatePmf
pareto_nbd_covariate_frequency_counts: _CovariateFrequencyCounts
pareto_nbd_covariate_purchase_probability: _CovariateOutlook
pareto_nbd_covariate_log_odds_alive_later: _CovariateOutlook
pareto_nbd_covariate_time_to_purchase: _CovariateOutlook
pareto_nbd_covariate_time_to_lapse: _CovariateOutlook
pareto_nbd_covariate_purchase_pmf: _CovariateOutlookWith
pareto_nbd_covariate_purchase_quantiles: _CovariateOutlookWith

def gamma_gamma_fit(
    frequency: _F,
    monetary_value: _F,
    weight: _F | None,
    max_iterations: int,
    tolerance: float,
    l2: float,
    threads: int,
) -> dict[str, Any]: ...
def gamma_gamma_log_likelihood(
    parameters: _F, frequency: _F, monetary_value: _F, weight: _F | None, threads: int
) -> _Evaluation: ...
def gamma_gamma_expected_spend(
    parameters: _F,
    log_covariance: _F | None,
    frequency: _F,
    monetary_value: _F,
    threads: int,
) -> Any: ...

# The kernels that every model of contracts has, as <model>_<kernel>.
_B = npt.NDArray[np.uint8]

class _ContractFit(Protocol):
    def __call__(
        self,
        renewals: _F,
        churned: _B,
        weight: _F | None,
        max_iterations: int,
        tolerance: float,
        l2: float,
    ) -> dict[str, Any]: ...

class _ContractLogLikelihood(Protocol):
    def __call__(
        self, parameters: _F, renewals: _F, churned: _B, weight: _F | None
    ) -> _Evaluation: ...

class _ContractLogOdds(Protocol):
    def __call__(
        self,
        parameters: _F,
        log_covariance: _F | None,
        renewals: _F,
        ahead: _F,
        threads: int,
    ) -> Any: ...

class _ContractResidual(Protocol):
    def __call__(
        self,
        parameters: _F,
        log_covariance: _F | None,
        renewals: _F,
        rate: float,
        horizon: float,
        elasticity: bool,
        threads: int,
    ) -> Any: ...

class _ContractLifetime(Protocol):
    def __call__(
        self, parameters: _F, log_covariance: _F | None, rate: float, horizon: float
    ) -> Any: ...

shifted_beta_geometric_fit: _ContractFit
shifted_beta_geometric_log_likelihood: _ContractLogLikelihood
shifted_beta_geometric_log_odds: _ContractLogOdds
shifted_beta_geometric_residual: _ContractResidual
shifted_beta_geometric_lifetime: _ContractLifetime
beta_discrete_weibull_fit: _ContractFit
beta_discrete_weibull_log_likelihood: _ContractLogLikelihood
beta_discrete_weibull_log_odds: _ContractLogOdds
beta_discrete_weibull_residual: _ContractResidual
beta_discrete_weibull_lifetime: _ContractLifetime
discrete_weibull_fit: _ContractFit
discrete_weibull_log_likelihood: _ContractLogLikelihood
discrete_weibull_log_odds: _ContractLogOdds
discrete_weibull_residual: _ContractResidual
discrete_weibull_lifetime: _ContractLifetime

# With covariates: `parameters` are alpha, beta and the coefficients.
def shifted_beta_geometric_covariate_fit(
    start: _F,
    renewals: _F,
    churned: _B,
    weight: _F | None,
    design: _F,
    columns: int,
    column: _I,
    sign: _F,
    max_iterations: int,
    tolerance: float,
    l2: float,
    coefficient_l2: float,
    coefficient_l1: float,
    threads: int,
) -> dict[str, Any]: ...
def shifted_beta_geometric_covariate_log_likelihood(
    parameters: _F,
    renewals: _F,
    churned: _B,
    weight: _F | None,
    design: _F,
    columns: int,
    column: _I,
    sign: _F,
    threads: int,
) -> _Evaluation: ...
def shifted_beta_geometric_covariate_log_odds(
    parameters: _F,
    log_covariance: _F | None,
    renewals: _F,
    ahead: _F,
    design: _F,
    columns: int,
    column: _I,
    sign: _F,
    threads: int,
) -> Any: ...
def shifted_beta_geometric_covariate_residual(
    parameters: _F,
    log_covariance: _F | None,
    renewals: _F,
    rate: float,
    horizon: float,
    elasticity: bool,
    design: _F,
    columns: int,
    column: _I,
    sign: _F,
    threads: int,
) -> Any: ...
def shifted_beta_geometric_covariate_lifetime(
    parameters: _F,
    log_covariance: _F | None,
    rate: float,
    horizon: float,
    design: _F,
    columns: int,
    column: _I,
    sign: _F,
    threads: int,
) -> Any: ...
def shifted_beta_geometric_covariate_mean_log_odds(
    parameters: _F,
    log_covariance: _F | None,
    weight: _F,
    renewals: _F,
    design: _F,
    columns: int,
    column: _I,
    sign: _F,
    threads: int,
) -> Any: ...
def gamma_gamma_covariate_fit(
    start: _F,
    frequency: _F,
    monetary_value: _F,
    weight: _F | None,
    design: _F,
    columns: int,
    max_iterations: int,
    tolerance: float,
    l2: float,
    coefficient_l2: float,
    coefficient_l1: float,
    threads: int,
) -> dict[str, Any]: ...
def gamma_gamma_covariate_log_likelihood(
    parameters: _F,
    frequency: _F,
    monetary_value: _F,
    weight: _F | None,
    design: _F,
    columns: int,
    threads: int,
) -> _Evaluation: ...
def gamma_gamma_covariate_expected_spend(
    parameters: _F,
    log_covariance: _F | None,
    frequency: _F,
    monetary_value: _F,
    design: _F,
    columns: int,
    threads: int,
) -> Any: ...
def bg_bb_fit(
    frequency: _F,
    recency: _F,
    T: _F,
    weight: _F | None,
    max_iterations: int,
    tolerance: float,
    l2: float,
    threads: int,
) -> dict[str, Any]: ...
def bg_bb_log_likelihood(
    parameters: _F, frequency: _F, recency: _F, T: _F, weight: _F | None, threads: int
) -> _Evaluation: ...
def bg_bb_row_log_likelihood(
    parameters: _F, frequency: _F, recency: _F, T: _F, threads: int
) -> _F: ...
def bg_bb_probability_alive(
    parameters: _F, frequency: _F, recency: _F, T: _F, ahead: float, threads: int
) -> _F: ...
def bg_bb_log_odds_alive(
    parameters: _F,
    log_covariance: _F | None,
    frequency: _F,
    recency: _F,
    T: _F,
    ahead: float,
    threads: int,
) -> Any: ...
def bg_bb_expected_purchases(
    parameters: _F,
    log_covariance: _F | None,
    frequency: _F,
    recency: _F,
    T: _F,
    horizon: float,
    discount: float,
    threads: int,
) -> Any: ...
def bg_bb_expected_purchases_new(
    parameters: _F, log_covariance: _F | None, opportunities: _F, threads: int
) -> Any: ...
def bg_bb_pmf(parameters: _F, count: _F, opportunities: float, threads: int) -> _F: ...
def bg_bb_conditional_pmf(
    parameters: _F,
    frequency: _F,
    recency: _F,
    T: _F,
    count: float,
    horizon: float,
    threads: int,
) -> _F: ...
def bg_bb_purchase_probability(
    parameters: _F,
    log_covariance: _F | None,
    frequency: _F,
    recency: _F,
    T: _F,
    horizon: float,
    threads: int,
) -> Any: ...
def bg_bb_purchase_quantiles(
    parameters: _F,
    frequency: _F,
    recency: _F,
    T: _F,
    levels: _F,
    horizon: float,
    threads: int,
) -> _F: ...
def bg_bb_time_to_purchase(
    parameters: _F, frequency: _F, recency: _F, T: _F, level: float, threads: int
) -> _F: ...
def bg_bb_time_to_lapse(
    parameters: _F, frequency: _F, recency: _F, T: _F, probability: float, threads: int
) -> _F: ...
def bg_bb_frequency_counts(
    parameters: _F, T: _F, weight: _F | None, frequencies: int, threads: int
) -> _F: ...
def gamma_gamma_posterior(
    frequency: _F,
    monetary_value: _F,
    weight: _F | None,
    prior: list[_Prior],
    options: _Sampling,
    tell: _Tell,
    threads: int,
) -> dict[str, Any]: ...
def gamma_gamma_group_posterior(
    frequency: _F,
    monetary_value: _F,
    weight: _F | None,
    group: _I,
    groups: int,
    population: list[_Prior],
    spread: list[_Prior],
    options: _Sampling,
    tell: _Tell,
    threads: int,
) -> dict[str, Any]: ...
def prior_log_density(term: _Prior, log_parameters: _F) -> float: ...
def diagnose_chains(value: _F, chains: int) -> tuple[float, float, float, float, float]: ...
def energy_fraction(energy: _F) -> float: ...

# Covariates that change over time, as <model>_time_varying_<kernel>: `parameters` are the four and
# the coefficients, of purchases and then of dropout.
class CovariatePeriods:
    def __init__(
        self,
        design: _F,
        columns: int,
        length: float,
        first: _I,
        end: _I,
        phase: _F,
        at_purchases: _F,
        by_purchase: _I,
        by_dropout: _I,
    ) -> None: ...

class _TimeVaryingFit(Protocol):
    def __call__(
        self,
        start: _F,
        frequency: _F,
        recency: _F,
        T: _F,
        weight: _F | None,
        periods: CovariatePeriods,
        max_iterations: int,
        tolerance: float,
        l2: float,
        coefficient_l2: float,
        threads: int,
    ) -> dict[str, Any]: ...

class _TimeVaryingLogLikelihood(Protocol):
    def __call__(
        self,
        parameters: _F,
        frequency: _F,
        recency: _F,
        T: _F,
        weight: _F | None,
        periods: CovariatePeriods,
        threads: int,
    ) -> _Evaluation: ...

class _TimeVaryingAlive(Protocol):
    def __call__(
        self,
        parameters: _F,
        log_covariance: _F | None,
        frequency: _F,
        recency: _F,
        T: _F,
        periods: CovariatePeriods,
        threads: int,
    ) -> Any: ...

class _TimeVaryingExpectedPurchases(Protocol):
    def __call__(
        self,
        parameters: _F,
        log_covariance: _F | None,
        frequency: _F,
        recency: _F,
        T: _F,
        periods: CovariatePeriods,
        horizon: float,
        discount_rate: float,
        threads: int,
    ) -> Any: ...

bg_nbd_time_varying_fit: _TimeVaryingFit
bg_nbd_time_varying_log_likelihood: _TimeVaryingLogLikelihood
bg_nbd_time_varying_log_odds_alive: _TimeVaryingAlive
bg_nbd_time_varying_expected_purchases: _TimeVaryingExpectedPurchases
pareto_nbd_time_varying_fit: _TimeVaryingFit
pareto_nbd_time_varying_log_likelihood: _TimeVaryingLogLikelihood
pareto_nbd_time_varying_log_odds_alive: _TimeVaryingAlive
pareto_nbd_time_varying_expected_purchases: _TimeVaryingExpectedPurchases
# chains, draws, warmup, kept, sweeps, seed, where the population is held (empty: it is drawn).
_Chains = tuple[int, int, int, int, int, int, list[float]]

def abe_sample(
    frequency: _F,
    recency: _F,
    T: _F,
    design: _F,
    covariates: int,
    mean: list[float],
    precision: list[float],
    degrees: float,
    scale: list[float],
    options: _Chains,
    threads: int,
) -> dict[str, Any]: ...
def abe_probabilities_alive(
    individual: _F, frequency: _F, recency: _F, T: _F, threads: int
) -> _F: ...
def abe_expected_purchases(
    individual: _F, frequency: _F, recency: _F, T: _F, horizon: float, threads: int
) -> _F: ...
def abe_log_likelihood(x: float, t_x: float, T: float, lambda_: float, mu: float) -> float: ...
def individual_purchases(
    individual: _F,
    rates: int,
    lifetime: _F,
    frequency: _F,
    recency: _F,
    T: _F,
    horizon: float,
    seed: int,
    first: int,
    threads: int,
) -> _F: ...
def pareto_ggg_sample(
    frequency: _F,
    recency: _F,
    T: _F,
    log_gaps: _F,
    prior: list[_Prior],
    options: _Chains,
    threads: int,
) -> dict[str, Any]: ...
def pareto_ggg_probabilities_alive(
    individual: _F, frequency: _F, recency: _F, T: _F, threads: int
) -> _F: ...
def pareto_ggg_log_likelihood(
    x: float, t_x: float, T: float, log_gaps: float, lambda_: float, mu: float, k: float
) -> float: ...

# n, seed, max_iterations, tolerance, l2
_Drawing = tuple[int, int, int, float, float]

class _Bootstrap(Protocol):
    def __call__(
        self,
        parameters: _F,
        T: _F,
        weight: _F | None,
        options: _Drawing,
        tell: _Tell,
        threads: int,
    ) -> dict[str, Any]: ...

class _ContractBootstrap(Protocol):
    def __call__(
        self,
        parameters: _F,
        observed: _F,
        weight: _F | None,
        options: _Drawing,
        tell: _Tell,
        threads: int,
    ) -> dict[str, Any]: ...

bg_nbd_bootstrap: _Bootstrap
ggompertz_nbd_bootstrap: _Bootstrap
mbg_nbd_bootstrap: _Bootstrap
nbd_bootstrap: _Bootstrap
pareto_nbd_bootstrap: _Bootstrap
bg_bb_bootstrap: _Bootstrap
shifted_beta_geometric_bootstrap: _ContractBootstrap
beta_discrete_weibull_bootstrap: _ContractBootstrap

def gamma_gamma_bootstrap(
    parameters: _F,
    frequency: _F,
    monetary_value: _F,
    weight: _F | None,
    options: _Drawing,
    tell: _Tell,
    threads: int,
) -> dict[str, Any]: ...

class _ContractPosterior(Protocol):
    def __call__(
        self,
        renewals: _F,
        churned: npt.NDArray[np.uint8],
        weight: _F | None,
        prior: list[_Prior],
        options: _Sampling,
        tell: _Tell,
        threads: int,
    ) -> dict[str, Any]: ...

shifted_beta_geometric_posterior: _ContractPosterior
beta_discrete_weibull_posterior: _ContractPosterior
