"""In which stage of the lifecycle each customer stands, and what becomes of each stage."""

from __future__ import annotations

from tenure.lifecycle.lead_rules import Action, Fit
from tenure.lifecycle.lead_score import LeadScore, LeadScores
from tenure.lifecycle.outcomes import StageOutcomes
from tenure.lifecycle.stage_table import Calibration, StageSizes, StageTable
from tenure.lifecycle.stages import Stages

__all__ = [
    "Action",
    "Calibration",
    "Fit",
    "LeadScore",
    "LeadScores",
    "StageOutcomes",
    "StageSizes",
    "StageTable",
    "Stages",
]
