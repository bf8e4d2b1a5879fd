"""Who belongs together: RFM, rules, k-means; what tells segments apart; who is like whom."""
"""Who belongs together: RFM scores and segments, concentration of revenue, clusters, classes."""

from __future__ import annotations

from tenure.segment._rule_cases import RuleCases
from tenure.segment.concentration import Concentration, concentration
from tenure.segment.deciles import ValueDeciles, value_deciles
from tenure.segment.k_modes import KModes
from tenure.segment.k_prototypes import KPrototypes
"""Who belongs together: RFM scores and segments, concentration of revenue, k-means,
Gaussian mixtures."""

from __future__ import annotations

from tenure.segment._mixture_choice import MixtureChoice
from tenure.segment._mixture_estimates import MixtureEstimates
from tenure.segment.concentration import Concentration, concentration
from tenure.segment.gaussian_mixture import GaussianMixture
from tenure.segment.kmeans import KMeans
from tenure.segment.look_alike_result import LookAlike, LookAlikeLift
from tenure.segment.look_alikes import look_alike
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
from tenure.segment.tree import SegmentTree, tree
from tenure.segment.latent_class import LatentClass
from tenure.segment.mini_batch_kmeans import MiniBatchKMeans
from tenure.segment.rfm import RFM, RFMSegments, rfm, rfm_scores
from tenure.segment.ward import Dendrogram, ward
"""Who belongs together: RFM, concentration of revenue, k-means, and how far to trust segments."""

from __future__ import annotations

from tenure.segment.choose import Choice, choose
from tenure.segment.concentration import Concentration, concentration
from tenure.segment.drift import Drift, drift
from tenure.segment.gap import GapStatistic, gap_statistic
from tenure.segment.kmeans import KMeans
from tenure.segment.prediction_strength import PredictionStrength, prediction_strength
from tenure.segment.rfm import RFM, RFMSegments, rfm, rfm_scores
from tenure.segment.silhouette import Silhouette, silhouette
from tenure.segment.stability import Stability, stability
from tenure.segment.validity import calinski_harabasz, davies_bouldin

__all__ = [
    "RFM",
    "Choice",
    "Concentration",
    "Dendrogram",
    "KMeans",
    "LookAlike",
    "LookAlikeLift",
    "Profile",
    "ProfileHighlights",
    "ProfileNumbers",
    "ProfileTraits",
    "RFMScorecard",
    "KModes",
    "KPrototypes",
    "LatentClass",
    "GaussianMixture",
    "KMeans",
    "MixtureChoice",
    "MixtureEstimates",
    "MiniBatchKMeans",
    "RFMSegments",
    "RuleCases",
    "RuleSegments",
    "Rules",
    "SegmentMap",
    "SegmentSizes",
    "SegmentTree",
    "ValueDeciles",
    "concentration",
    "look_alike",
    "profile",
    "rfm",
    "rfm_scores",
    "rules",
    "segment_map",
    "tree",
    "value_deciles",
    "ward",
    "Drift",
    "GapStatistic",
    "KMeans",
    "PredictionStrength",
    "RFMSegments",
    "Silhouette",
    "Stability",
    "calinski_harabasz",
    "choose",
    "concentration",
    "davies_bouldin",
    "drift",
    "gap_statistic",
    "prediction_strength",
    "rfm",
    "rfm_scores",
    "silhouette",
    "stability",
]
