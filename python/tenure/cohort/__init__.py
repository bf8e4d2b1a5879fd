"""How cohorts of customers come back."""

from __future__ import annotations

from tenure.cohort._retention_result import Retention, RetentionGroups, RetentionMean
from tenure.cohort.retention import retention

__all__ = ["Retention", "RetentionGroups", "RetentionMean", "retention"]
