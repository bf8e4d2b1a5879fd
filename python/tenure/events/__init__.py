"""The event log: indexed once, scanned by every question about the customer base."""

from __future__ import annotations

from tenure.events.event_log import EventLog
from tenure.events.event_stream import EventStream
from tenure.events.features import FeatureTable
from tenure.events.order_tables import OrderGaps, OrderPeriods
from tenure.events.read import read, stream
from tenure.events.report import DataReport
from tenure.events.scan import Scan
from tenure.events.summary import CalibrationHoldout, Summary, SummaryPanel

__all__ = [
    "CalibrationHoldout",
    "DataReport",
    "EventLog",
    "EventStream",
    "FeatureTable",
    "OrderGaps",
    "OrderPeriods",
    "Scan",
    "Summary",
    "SummaryPanel",
    "read",
    "stream",
]
