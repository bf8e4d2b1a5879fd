"""Who belongs together: RFM scores and segments, concentration of revenue, k-means."""

from __future__ import annotations

from tenure.segment._rule_cases import RuleCases
from tenure.segment.concentration import Concentration, concentration
from tenure.segment.deciles import ValueDeciles, value_deciles
from tenure.segment.kmeans import KMeans
from tenure.segment.mapping import SegmentMap, segment_map
from tenure.segment.profile_result import (
    Profile,
    ProfileHighlights,
    ProfileNumbers,
    ProfileTraits,
)
from tenure.segment.profiling import profile
from tenure.segment.rfm import rfm, rfm_scores
from tenure.segment.rfm_result import RFM, RFMSegments
from tenure.segment.rules import Rules, RuleSegments, SegmentSizes, rules
from tenure.segment.scorecard import RFMScorecard

__all__ = [
    "RFM",
    "Concentration",
    "KMeans",
    "Profile",
    "ProfileHighlights",
    "ProfileNumbers",
    "ProfileTraits",
    "RFMScorecard",
    "RFMSegments",
    "RuleCases",
    "RuleSegments",
    "Rules",
    "SegmentMap",
    "SegmentSizes",
    "ValueDeciles",
    "concentration",
    "profile",
    "rfm",
    "rfm_scores",
    "rules",
    "segment_map",
    "value_deciles",
]
