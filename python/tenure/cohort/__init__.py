"""How cohorts of customers come back, and how the base of active customers moves."""

from __future__ import annotations

from tenure.cohort._retention_result import Retention, RetentionGroups, RetentionMean
from tenure.cohort.active_users import (
    ActiveUsers,
    ActiveUsersScan,
    Stickiness,
    StickinessScan,
    active_users,
    stickiness,
)
from tenure.cohort.growth import Growth, GrowthScan, growth
from tenure.cohort.retention import RetentionScan, retention

__all__ = [
    "ActiveUsers",
    "ActiveUsersScan",
    "Growth",
    "GrowthScan",
    "Retention",
    "RetentionGroups",
    "RetentionMean",
    "RetentionScan",
    "Stickiness",
    "StickinessScan",
    "active_users",
    "growth",
    "retention",
    "stickiness",
]
