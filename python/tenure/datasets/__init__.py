"""Data to learn and test with: the data sets of the papers, and a simulator with known truth."""

from __future__ import annotations

from tenure.datasets._base import SimulatedBase
from tenure.datasets._published import load_cdnow, load_donations
from tenure.datasets._settings import Campaign, Funnel, Subscription, Survey
from tenure.datasets._simulate import simulate

__all__ = [
    "Campaign",
    "Funnel",
    "SimulatedBase",
    "Subscription",
    "Survey",
    "load_cdnow",
    "load_donations",
    "simulate",
]
