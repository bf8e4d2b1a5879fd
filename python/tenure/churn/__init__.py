"""Who leaves, when, why, and whom to keep: lifetimes and labels from logs, curves and models."""

from __future__ import annotations

from tenure.churn._cure_edge import CureTest
from tenure.churn._measured import Measured
from tenure.churn.aalen_johansen import AalenJohansen
from tenure.churn.aft import AFT
from tenure.churn.brier import BrierScore, brier_score
from tenure.churn.calibration import CalibrationCoefficients, Calibrator
from tenure.churn.calibration_error import CalibrationError, ici
from tenure.churn.cause_specific_cox import CauseSpecificCox
from tenure.churn.churn_model import ChurnModel
from tenure.churn.churn_scores import CrossFitted, Scores
from tenure.churn.concordance import concordance_index
from tenure.churn.contract_spells import ContractSpells, contract_spells
from tenure.churn.cox import CoxPH
from tenure.churn.cox_net import CoxNet
from tenure.churn.cure import CureModel
from tenure.churn.d_calibration import DCalibration, d_calibration
from tenure.churn.dataset import ChurnDataset, make_dataset
from tenure.churn.decision import Campaign, cost_threshold
from tenure.churn.discrete_time import DiscreteTimeHazard
from tenure.churn.evaluation import Evaluation, evaluate
from tenure.churn.explain import Contributions, Reasons, reasons, shapley
from tenure.churn.fine_gray import FineGray
from tenure.churn.follow_up import FollowUpTest, follow_up_test
from tenure.churn.importance import (
    Importance,
    PartialEffect,
    partial_effect,
    permutation_importance,
)
from tenure.churn.kaplan_meier import KaplanMeier
from tenure.churn.labels import ContractEnd, LowProbabilityAlive, Silence
from tenure.churn.leakage import LeakageReport, leakage_report
from tenure.churn.log_rank import log_rank
from tenure.churn.logistic import LogisticRegression
from tenure.churn.logistic_net import LogisticNet
from tenure.churn.nelson_aalen import NelsonAalen
from tenure.churn.policy import compare_policies, policy_value
from tenure.churn.potential_outcomes import PotentialOutcomes, potential_outcomes
from tenure.churn.profit import (
    MaximumProfit,
    ProfitCurve,
    expected_maximum_profit,
    h_measure,
    profit_curve,
)
from tenure.churn.ranking import (
    Difference,
    Gains,
    RocCurve,
    average_precision,
    compare_roc_auc,
    gains,
    roc_auc,
    roc_curve,
)
from tenure.churn.reliability import (
    CalibrationSlope,
    Reliability,
    calibration_slope,
    reliability,
)
from tenure.churn.restricted_mean import restricted_mean_difference
from tenure.churn.survival_brier import SurvivalBrierScore, survival_brier_score
from tenure.churn.survival_calibration import SurvivalCalibration, survival_calibration
from tenure.churn.survival_ranking import (
    DynamicAuc,
    UnoConcordance,
    dynamic_auc,
    uno_concordance,
)
from tenure.churn.target import ProfitByBudget, TargetList, profit_by_budget, target
from tenure.churn.turnbull import Turnbull
from tenure.churn.uplift_calibration import (
    LinearUplift,
    UpliftCalibration,
    UpliftIntervals,
    linear_uplift,
    uplift_calibration,
)
from tenure.churn.uplift_curve import (
    UpliftAtTop,
    UpliftCurve,
    auuc,
    compare_qini,
    qini,
    uplift_at,
    uplift_curve,
)
from tenure.churn.uplift_dr import DRLearner
from tenure.churn.uplift_learners import RLearner, SLearner, TLearner, XLearner, cross_fit_uplift

__all__ = [
    "AFT",
    "AalenJohansen",
    "BrierScore",
    "CalibrationCoefficients",
    "CalibrationError",
    "CalibrationSlope",
    "Calibrator",
    "Campaign",
    "CauseSpecificCox",
    "ChurnDataset",
    "ChurnModel",
    "ContractEnd",
    "ContractSpells",
    "Contributions",
    "CoxNet",
    "CoxPH",
    "CrossFitted",
    "CureModel",
    "CureTest",
    "DCalibration",
    "DRLearner",
    "Difference",
    "DiscreteTimeHazard",
    "DynamicAuc",
    "Evaluation",
    "FineGray",
    "FollowUpTest",
    "Gains",
    "Importance",
    "KaplanMeier",
    "LeakageReport",
    "LinearUplift",
    "LogisticNet",
    "LogisticRegression",
    "LowProbabilityAlive",
    "MaximumProfit",
    "Measured",
    "NelsonAalen",
    "PartialEffect",
    "PotentialOutcomes",
    "ProfitByBudget",
    "ProfitCurve",
    "RLearner",
    "Reasons",
    "Reliability",
    "RocCurve",
    "SLearner",
    "Scores",
    "Silence",
    "SurvivalBrierScore",
    "SurvivalCalibration",
    "TLearner",
    "TargetList",
    "Turnbull",
    "UnoConcordance",
    "UpliftAtTop",
    "UpliftCalibration",
    "UpliftCurve",
    "UpliftIntervals",
    "XLearner",
    "auuc",
    "average_precision",
    "brier_score",
    "calibration_slope",
    "compare_policies",
    "compare_qini",
    "compare_roc_auc",
    "concordance_index",
    "contract_spells",
    "cost_threshold",
    "cross_fit_uplift",
    "d_calibration",
    "dynamic_auc",
    "evaluate",
    "expected_maximum_profit",
    "follow_up_test",
    "gains",
    "h_measure",
    "ici",
    "leakage_report",
    "linear_uplift",
    "log_rank",
    "make_dataset",
    "partial_effect",
    "permutation_importance",
    "policy_value",
    "potential_outcomes",
    "profit_by_budget",
    "profit_curve",
    "qini",
    "reasons",
    "reliability",
    "restricted_mean_difference",
    "roc_auc",
    "roc_curve",
    "shapley",
    "survival_brier_score",
    "survival_calibration",
    "target",
    "uno_concordance",
    "uplift_at",
    "uplift_calibration",
    "uplift_curve",
]
