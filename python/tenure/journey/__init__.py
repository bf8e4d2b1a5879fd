"""Journeys: what customers do one after the other, and how far they come."""

from __future__ import annotations

from tenure.journey._funnel_result import Funnel, FunnelBreakdown
from tenure.journey.funnel import FunnelScan, funnel
from tenure.journey.sessions import CustomerSessions, Sessions, sessions

__all__ = [
    "CustomerSessions",
    "Funnel",
    "FunnelBreakdown",
    "FunnelScan",
    "Sessions",
    "funnel",
    "sessions",
]
