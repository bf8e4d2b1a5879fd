"""A measure with its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenure._results import Table


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Measured(Table):
    """A measure with its limits.

    Attributes
    ----------
    value, lower, upper : float
    standard_error : float
    level : float
        Confidence level of the limits.
    quantity : str

    Examples
    --------
    >>> import tenure as tn
    >>> auc = tn.churn.roc_auc([0, 1, 0, 1, 1, 0], [0.2, 0.3, 0.4, 0.5, 0.8, 0.1])
    >>> round(auc.value, 3), round(auc.lower, 3), auc.upper < 1.0
    (0.889, 0.261, True)
    """

    value: float
    standard_error: float
    lower: float
    upper: float
    level: float
    quantity: str

    def __float__(self) -> float:
        return self.value

    def _columns(self) -> Mapping[str, Any]:
        names = ("value", "standard_error", "lower", "upper")
        return {name: [getattr(self, name)] for name in names}

    def _title(self) -> str:
        return f"{self.quantity}, limits at {self.level:.0%}"
