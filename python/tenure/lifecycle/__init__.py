"""In which stage of the lifecycle each customer stands, and what becomes of each stage."""

from __future__ import annotations

from tenure.lifecycle.outcomes import StageOutcomes
from tenure.lifecycle.stage_table import Calibration, StageSizes, StageTable
from tenure.lifecycle.stages import Stages

__all__ = ["Calibration", "StageOutcomes", "StageSizes", "StageTable", "Stages"]
