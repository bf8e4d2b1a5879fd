"""Who belongs together: RFM scores and segments, concentration of revenue, k-means."""

from __future__ import annotations

from tenure.segment.concentration import Concentration, concentration
from tenure.segment.kmeans import KMeans
from tenure.segment.rfm import RFM, RFMSegments, rfm, rfm_scores

__all__ = [
    "RFM",
    "Concentration",
    "KMeans",
    "RFMSegments",
    "concentration",
    "rfm",
    "rfm_scores",
]
