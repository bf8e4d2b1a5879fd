"""What each customer is worth: how often they will buy, for how much, and for how long."""

from __future__ import annotations

from tenure.clv._tables import (
    FrequencyCounts,
    LifetimeValue,
    ParameterTable,
    Predictions,
    Tracking,
)
from tenure.clv.bg_nbd import BGNBD
from tenure.clv.gamma_gamma import GammaGamma
from tenure.clv.value import CLV

__all__ = [
    "BGNBD",
    "CLV",
    "FrequencyCounts",
    "GammaGamma",
    "LifetimeValue",
    "ParameterTable",
    "Predictions",
    "Tracking",
]
