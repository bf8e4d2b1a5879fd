"""In which stage of the lifecycle customers stand, how they move, and what becomes of them."""

from __future__ import annotations

from tenure.lifecycle._health_ruler import HealthPart
from tenure.lifecycle._movement_tables import Absorption, Homogeneity, Rises, Sojourns
from tenure.lifecycle._rule_check import RuleCheck
from tenure.lifecycle.diagram import Diagram
from tenure.lifecycle.due_table import DueDates, due_dates
from tenure.lifecycle.equity import EquityForecast, SizeForecast
from tenure.lifecycle.health import HealthScore
from tenure.lifecycle.health_outcomes import HealthBackTest, HealthBands, LeadTime
from tenure.lifecycle.health_scores import HealthScores
from tenure.lifecycle.key_figures import kpis
from tenure.lifecycle.kpi_tables import KPIs, KPITrends
from tenure.lifecycle.lead_rules import Action, Fit
from tenure.lifecycle.lead_score import LeadScore, LeadScores
from tenure.lifecycle.learned_score import LearnedLeadScore
from tenure.lifecycle.learned_scores import LeadEvaluation, LearnedLeadScores, ScoreCard
from tenure.lifecycle.movement import Movement, movement
from tenure.lifecycle.outcomes import StageOutcomes
from tenure.lifecycle.panel import PanelSizes, StagePanel
from tenure.lifecycle.plan_table import LeftOut, Plan, PlanSizes
from tenure.lifecycle.planning import plan
from tenure.lifecycle.play import Play
from tenure.lifecycle.predicted import PredictedRisks
from tenure.lifecycle.repurchase import ProductCycles, Replenishment, replenishment
from tenure.lifecycle.rules import StageRule, preset_rules
from tenure.lifecycle.stage_table import Calibration, StageSizes, StageTable
from tenure.lifecycle.stages import Stages
from tenure.lifecycle.values import StageValues, stage_values

__all__ = [
    "Absorption",
    "Action",
    "Calibration",
    "Diagram",
    "DueDates",
    "EquityForecast",
    "Fit",
    "HealthBackTest",
    "HealthBands",
    "HealthPart",
    "HealthScore",
    "HealthScores",
    "Homogeneity",
    "KPITrends",
    "KPIs",
    "LeadEvaluation",
    "LeadScore",
    "LeadScores",
    "LeadTime",
    "LearnedLeadScore",
    "LearnedLeadScores",
    "LeftOut",
    "Movement",
    "PanelSizes",
    "Plan",
    "PlanSizes",
    "Play",
    "PredictedRisks",
    "ProductCycles",
    "Replenishment",
    "Rises",
    "RuleCheck",
    "ScoreCard",
    "SizeForecast",
    "Sojourns",
    "StageOutcomes",
    "StagePanel",
    "StageRule",
    "StageSizes",
    "StageTable",
    "StageValues",
    "Stages",
    "due_dates",
    "kpis",
    "movement",
    "plan",
    "preset_rules",
    "replenishment",
    "stage_values",
]
