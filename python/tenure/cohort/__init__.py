"""How cohorts of customers come back, and how the base of active customers moves."""

from __future__ import annotations

from tenure.cohort._curves_result import CurveComparison, CurvePairs, GroupCurve
from tenure.cohort._projection_result import ProjectedCustomers, Projection
from tenure.cohort._retention_result import Retention, RetentionGroups, RetentionMean
from tenure.cohort.active_users import (
    ActiveUsers,
    ActiveUsersScan,
    Stickiness,
    StickinessScan,
    active_users,
    stickiness,
)
from tenure.cohort.compare import Homogeneity, RetentionComparison, compare
from tenure.cohort.contracts import Contracts, contracts
from tenure.cohort.curves import compare_curves
from tenure.cohort.growth import Growth, GrowthScan, growth
from tenure.cohort.project import project
from tenure.cohort.retention import RetentionScan, retention

__all__ = [
    "ActiveUsers",
    "ActiveUsersScan",
    "Contracts",
    "CurveComparison",
    "CurvePairs",
    "GroupCurve",
    "Growth",
    "GrowthScan",
    "Homogeneity",
    "ProjectedCustomers",
    "Projection",
    "Retention",
    "RetentionComparison",
    "RetentionGroups",
    "RetentionMean",
    "RetentionScan",
    "Stickiness",
    "StickinessScan",
    "active_users",
    "compare",
    "compare_curves",
    "contracts",
    "growth",
    "project",
    "retention",
    "stickiness",
]
