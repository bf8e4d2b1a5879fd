"""The report of a log: one page that stands for itself, and the tables behind it."""

from __future__ import annotations

from tenure.reporting._parts import Figure
from tenure.reporting._report import Report, report

__all__ = ["Figure", "Report", "report"]
