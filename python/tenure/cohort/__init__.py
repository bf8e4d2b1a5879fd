"""How cohorts of customers come back, and how the base of active customers moves."""

from __future__ import annotations

from tenure.cohort._retention_result import Retention, RetentionGroups, RetentionMean
from tenure.cohort.active_users import ActiveUsers, Stickiness, active_users, stickiness
from tenure.cohort.growth import Growth, growth
from tenure.cohort.retention import retention

__all__ = [
    "ActiveUsers",
    "Growth",
    "Retention",
    "RetentionGroups",
    "RetentionMean",
    "Stickiness",
    "active_users",
    "growth",
    "retention",
    "stickiness",
]
