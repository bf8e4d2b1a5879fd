"""Who belongs together: k-means."""

from __future__ import annotations

from tenure.segment.kmeans import KMeans

__all__ = ["KMeans"]
