"""How cohorts of customers come back."""

from __future__ import annotations

from tenure.cohort.retention import Retention, RetentionMean, retention

__all__ = ["Retention", "RetentionMean", "retention"]
