"""Who leaves, when, why, and whom to keep: lifetimes and labels from logs, curves and models."""

from __future__ import annotations

from tenure.churn.aalen_johansen import AalenJohansen
from tenure.churn.aft import AFT
from tenure.churn.concordance import concordance_index
from tenure.churn.contract_spells import ContractSpells, contract_spells
from tenure.churn.cox import CoxPH
from tenure.churn.cox_net import CoxNet
from tenure.churn.dataset import ChurnDataset, make_dataset
from tenure.churn.discrete_time import DiscreteTimeHazard
from tenure.churn.fine_gray import FineGray
from tenure.churn.kaplan_meier import KaplanMeier
from tenure.churn.labels import ContractEnd, LowProbabilityAlive, Silence
from tenure.churn.log_rank import log_rank
from tenure.churn.nelson_aalen import NelsonAalen
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
    Measured,
    RocCurve,
    average_precision,
    compare_roc_auc,
    gains,
    roc_auc,
    roc_curve,
)
from tenure.churn.restricted_mean import restricted_mean_difference
from tenure.churn.turnbull import Turnbull

__all__ = [
    "AFT",
    "AalenJohansen",
    "ChurnDataset",
    "ContractEnd",
    "ContractSpells",
    "CoxNet",
    "CoxPH",
    "Difference",
    "DiscreteTimeHazard",
    "FineGray",
    "Gains",
    "KaplanMeier",
    "LowProbabilityAlive",
    "MaximumProfit",
    "Measured",
    "NelsonAalen",
    "ProfitCurve",
    "RocCurve",
    "Silence",
    "Turnbull",
    "average_precision",
    "compare_roc_auc",
    "concordance_index",
    "contract_spells",
    "expected_maximum_profit",
    "gains",
    "h_measure",
    "log_rank",
    "make_dataset",
    "profit_curve",
    "restricted_mean_difference",
    "roc_auc",
    "roc_curve",
]
