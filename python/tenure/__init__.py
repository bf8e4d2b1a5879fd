"""Customer lifecycle analytics: what each customer is worth, who is leaving, who belongs together.

The usual import is ``import tenure as tn``.
"""

from __future__ import annotations

from tenure import churn, clv, cohort, datasets, journey, lifecycle, plotting, segment
from tenure._errors import (
    ConvergenceWarning,
    DataWarning,
    InvalidInputError,
    MissingExtraError,
    ModelFileError,
    NoControlGroupError,
    NotConvergedError,
    NotFittedError,
    TenureError,
    TenureWarning,
)
from tenure._model_file import load
from tenure.events import EventLog, EventStream, Scan, read, stream
from tenure.reporting import Report, report

__version__ = "0.1.0"

__all__ = [
    "ConvergenceWarning",
    "DataWarning",
    "EventLog",
    "EventStream",
    "InvalidInputError",
    "MissingExtraError",
    "ModelFileError",
    "NoControlGroupError",
    "NotConvergedError",
    "NotFittedError",
    "Report",
    "Scan",
    "TenureError",
    "TenureWarning",
    "churn",
    "clv",
    "cohort",
    "datasets",
    "journey",
    "lifecycle",
    "load",
    "plotting",
    "read",
    "report",
    "segment",
    "stream",
]
