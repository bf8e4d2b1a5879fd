"""Journeys: what customers do one after the other, how far they come, and what brought them."""

from __future__ import annotations

from tenure.journey._attribution_result import Attribution
from tenure.journey._funnel_result import Funnel, FunnelBreakdown
from tenure.journey.attribution import attribution
from tenure.journey.funnel import FunnelScan, funnel
from tenure.journey.paths import Paths, loops, paths
from tenure.journey.sessions import CustomerSessions, Sessions, sessions
from tenure.journey.step_matrix import StepMatrix, step_matrix
from tenure.journey.transitions import TransitionMatrix, Transitions, transitions

__all__ = [
    "Attribution",
    "CustomerSessions",
    "Funnel",
    "FunnelBreakdown",
    "FunnelScan",
    "Paths",
    "Sessions",
    "StepMatrix",
    "TransitionMatrix",
    "Transitions",
    "attribution",
    "funnel",
    "loops",
    "paths",
    "sessions",
    "step_matrix",
    "transitions",
]
