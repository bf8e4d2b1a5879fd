"""Who belongs together: clusters, classes, RFM, rules; profiles, and how far to trust them."""

from __future__ import annotations

from tenure.segment._mixture_choice import MixtureChoice
from tenure.segment._mixture_estimates import MixtureEstimates
from tenure.segment._rule_cases import RuleCases
from tenure.segment.choose import Choice, choose
from tenure.segment.concentration import Concentration, concentration
from tenure.segment.deciles import ValueDeciles, value_deciles
from tenure.segment.drift import Drift, drift
from tenure.segment.gap import GapStatistic, gap_statistic
from tenure.segment.gaussian_mixture import GaussianMixture
from tenure.segment.k_modes import KModes
from tenure.segment.k_prototypes import KPrototypes
from tenure.segment.kmeans import KMeans
from tenure.segment.latent_class import LatentClass
from tenure.segment.look_alike_result import LookAlike, LookAlikeLift
from tenure.segment.look_alikes import look_alike
from tenure.segment.mapping import SegmentMap, segment_map
from tenure.segment.mini_batch_kmeans import MiniBatchKMeans
from tenure.segment.prediction_strength import PredictionStrength, prediction_strength
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
from tenure.segment.silhouette import Silhouette, silhouette
from tenure.segment.stability import Stability, stability
from tenure.segment.tree import SegmentTree, tree
from tenure.segment.validity import calinski_harabasz, davies_bouldin
from tenure.segment.ward import Dendrogram, ward

__all__ = [
    "RFM",
    "Choice",
    "Concentration",
    "Dendrogram",
    "Drift",
    "GapStatistic",
    "GaussianMixture",
    "KMeans",
    "KModes",
    "KPrototypes",
    "LatentClass",
    "LookAlike",
    "LookAlikeLift",
    "MiniBatchKMeans",
    "MixtureChoice",
    "MixtureEstimates",
    "PredictionStrength",
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
    "SegmentTree",
    "Silhouette",
    "Stability",
    "ValueDeciles",
    "calinski_harabasz",
    "choose",
    "concentration",
    "davies_bouldin",
    "drift",
    "gap_statistic",
    "look_alike",
    "prediction_strength",
    "profile",
    "rfm",
    "rfm_scores",
    "rules",
    "segment_map",
    "silhouette",
    "stability",
    "tree",
    "value_deciles",
    "ward",
]
