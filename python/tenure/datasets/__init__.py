"""Data to learn and test with: the data sets of the papers, and a simulator with known truth."""

from __future__ import annotations

from tenure.datasets._published import load_cdnow, load_donations

__all__ = ["load_cdnow", "load_donations"]
