"""Who belongs together: RFM scores and segments, concentration of revenue, k-means."""

from __future__ import annotations

from tenure.segment._rule_cases import RuleCases
from tenure.segment.concentration import Concentration, concentration
from tenure.segment.kmeans import KMeans
from tenure.segment.rfm import RFM, RFMSegments, rfm, rfm_scores
from tenure.segment.rules import Rules, RuleSegments, SegmentSizes, rules

__all__ = [
    "RFM",
    "Concentration",
    "KMeans",
    "RFMSegments",
    "RuleCases",
    "RuleSegments",
    "Rules",
    "SegmentSizes",
    "concentration",
    "rfm",
    "rfm_scores",
    "rules",
]
