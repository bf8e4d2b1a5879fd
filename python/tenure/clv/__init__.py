"""What each customer is worth: how often they will buy, for how much, and for how long."""

from __future__ import annotations

from tenure.clv import economics, priors
from tenure.clv._bootstrap import Bootstrap, BootstrapLimits
from tenure.clv._comparison import ModelComparison
from tenure.clv._conditional import ConditionalExpectation
from tenure.clv._contract_tables import ExpectedSurvivors, RenewalCurve, ResidualLifetime
from tenure.clv._covariates import CoefficientTable, CustomerSummary, with_covariates
from tenure.clv._group_posterior import (
    GroupPosterior,
    PurchaseGroupPosterior,
    SpendGroupPosterior,
)
from tenure.clv._matrices import AliveHistory, FrequencyRecencyMatrix
from tenure.clv._opportunities import HistoryTable, Opportunities, opportunities
from tenure.clv._outlook import NextPurchase, PurchaseForecast
from tenure.clv._population import PopulationPosterior
from tenure.clv._posterior import Posterior
from tenure.clv._posterior_predict import ContractPosterior, PurchasePosterior, SpendPosterior
from tenure.clv._tables import (
    FrequencyCounts,
    LifetimeValue,
    ParameterTable,
    Predictions,
    Tracking,
)
from tenure.clv._time_varying_data import TimeVaryingSummary
from tenure.clv._time_varying_frame import time_varying
from tenure.clv.abe import AbeParetoNBD
from tenure.clv.beta_discrete_weibull import BetaDiscreteWeibull
from tenure.clv.bg_bb import BGBB
from tenure.clv.bg_cnbd import BGCNBD
from tenure.clv.bg_nbd import BGNBD
from tenure.clv.calibration import Calibration, calibration
from tenure.clv.compare import compare
from tenure.clv.correlated_pareto_nbd import CorrelatedParetoNBD, RateCorrelation
from tenure.clv.discrete_weibull import DiscreteWeibull
from tenure.clv.gamma_gamma import GammaGamma
from tenure.clv.ggompertz_nbd import GGompertzNBD
from tenure.clv.likelihood_ratio import LikelihoodRatioTest, likelihood_ratio_test
from tenure.clv.mbg_cnbd import MBGCNBD
from tenure.clv.mbg_nbd import MBGNBD
from tenure.clv.nbd import NBD
from tenure.clv.pareto_ggg import ParetoGGG
from tenure.clv.pareto_nbd import ParetoNBD
from tenure.clv.penalties import PenaltyPath, penalty_path
from tenure.clv.shifted_beta_geometric import ShiftedBetaGeometric
from tenure.clv.spend_frequency import SpendFrequencyCheck, spend_frequency_check
from tenure.clv.time_varying_bg_nbd import TimeVaryingBGNBD
from tenure.clv.time_varying_pareto_nbd import TimeVaryingParetoNBD
from tenure.clv.value import CLV

__all__ = [
    "BGBB",
    "BGCNBD",
    "BGNBD",
    "CLV",
    "MBGCNBD",
    "MBGNBD",
    "NBD",
    "AbeParetoNBD",
    "AliveHistory",
    "BetaDiscreteWeibull",
    "Bootstrap",
    "BootstrapLimits",
    "Calibration",
    "CoefficientTable",
    "ConditionalExpectation",
    "ContractPosterior",
    "CorrelatedParetoNBD",
    "CustomerSummary",
    "DiscreteWeibull",
    "ExpectedSurvivors",
    "FrequencyCounts",
    "FrequencyRecencyMatrix",
    "GGompertzNBD",
    "GammaGamma",
    "GroupPosterior",
    "HistoryTable",
    "LifetimeValue",
    "LikelihoodRatioTest",
    "ModelComparison",
    "NextPurchase",
    "Opportunities",
    "ParameterTable",
    "ParetoGGG",
    "ParetoNBD",
    "PenaltyPath",
    "PopulationPosterior",
    "Posterior",
    "Predictions",
    "PurchaseForecast",
    "PurchaseGroupPosterior",
    "PurchasePosterior",
    "RateCorrelation",
    "RenewalCurve",
    "ResidualLifetime",
    "ShiftedBetaGeometric",
    "SpendFrequencyCheck",
    "SpendGroupPosterior",
    "SpendPosterior",
    "TimeVaryingBGNBD",
    "TimeVaryingParetoNBD",
    "TimeVaryingSummary",
    "Tracking",
    "calibration",
    "compare",
    "economics",
    "likelihood_ratio_test",
    "opportunities",
    "penalty_path",
    "priors",
    "spend_frequency_check",
    "time_varying",
    "with_covariates",
]
