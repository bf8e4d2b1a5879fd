"""What the models of contracts return besides plain arrays: frozen tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._results import Table
from tenure._validation import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RenewalCurve(Table):
    """A share of customers by number of renewals, with confidence limits.

    Attributes
    ----------
    renewals : int64 array
    value, lower, upper : float64 arrays
        Limits are symmetric in the log odds: uncertainty of the parameters only.
    level : float
    quantity : str

    Examples
    --------
    >>> import tenure as tn
    >>> model = tn.clv.ShiftedBetaGeometric().fit([1000, 631, 468, 382, 326, 289, 262, 241])
    >>> model.survival([1, 12], interval=0.95)
    Share still there after the renewals, 95 % limits
    renewals     value     lower     upper
           1  0.626706  0.597456  0.655057
          12  0.170037  0.145615  0.197609
    """

    renewals: Ints
    value: Floats
    lower: Floats
    upper: Floats
    level: float
    quantity: str

    _column_names = ("renewals", "value", "lower", "upper")

    def __len__(self) -> int:
        return len(self.value)

    def _title(self) -> str:
        return f"{self.quantity}, {100 * self.level:g} % limits"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ResidualLifetime(Table):
    """How many more renewals a customer will make, as a distribution.

    Attributes
    ----------
    ahead : int64 array
        1, 2, ...: the next renewal and those after it.
    probability : float64 array
        Of being lost at that renewal, which is of making ``ahead - 1`` more.
    survival, lower, upper : float64 arrays
        Probability of making that renewal too, with confidence limits of it.
    renewals : float
        Renewals that the customer has made so far.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> model = tn.clv.ShiftedBetaGeometric().fit([1000, 631, 468, 382, 326, 289, 262, 241])
    >>> table = model.residual_lifetime(7, max_ahead=2)
    >>> table.probability.round(3).tolist(), table.survival.round(3).tolist()
    ([0.079, 0.066], [0.921, 0.855])
    """

    ahead: Ints
    probability: Floats
    survival: Floats
    lower: Floats
    upper: Floats
    renewals: float
    level: float

    _column_names = ("ahead", "probability", "survival", "lower", "upper")

    def __len__(self) -> int:
        return len(self.ahead)

    def _title(self) -> str:
        return f"Lifetime to come after {self.renewals:g} renewals, {100 * self.level:g} % limits"

    def plot(self, ax: Any = None) -> Any:
        """Draw the survival to come with its limits; return the Axes."""
        from tenure import plotting

        ax = plotting.axes(ax)
        (line,) = ax.plot(self.ahead, self.survival)
        ax.fill_between(self.ahead, self.lower, self.upper, color=line.get_color(), alpha=0.2)
        ax.set_xlabel("renewals ahead")
        ax.set_ylabel("still a customer")
        ax.set_ylim(0.0, 1.0)
        return ax


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ExpectedSurvivors(Table):
    """Customers kept at each renewal, observed and expected: the check of fit.

    Attributes
    ----------
    renewal : int64 array
        1, 2, ...
    at_risk : float64 array
        Customers seen at that renewal, kept or lost. Weighted counts.
    observed, expected : float64 arrays
        Those of them who were kept; `at_risk` times the retention rate of the model. NaN beyond
        the observed renewals.
    survival_observed : float64 array
        Product of the observed retention rates; NaN beyond.
    survival, lower, upper : float64 arrays
        S(renewal) with confidence limits: uncertainty of the parameters only.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> data = [1000, 631, 468, 382, 326]
    >>> table = tn.clv.ShiftedBetaGeometric().fit(data).expected_survivors(data, max_renewal=5)
    >>> table.observed.tolist(), table.expected.round(1).tolist()
    ([631.0, 468.0, 382.0, 326.0, nan], [629.2, 473.5, 380.0, 324.3, nan])
    """

    renewal: Ints
    at_risk: Floats
    observed: Floats
    expected: Floats
    survival_observed: Floats
    survival: Floats
    lower: Floats
    upper: Floats
    level: float

    _column_names = (
        "renewal",
        "at_risk",
        "observed",
        "expected",
        "survival_observed",
        "survival",
        "lower",
        "upper",
    )

    def __len__(self) -> int:
        return len(self.renewal)

    def _title(self) -> str:
        return f"Customers kept at {len(self):,} renewals, {100 * self.level:g} % limits"

    def plot(self, ax: Any = None) -> Any:
        """Draw the observed and the expected survival with its limits; return the Axes."""
        from tenure import plotting

        ax = plotting.axes(ax)
        age = np.append(0, self.renewal)
        (line,) = ax.plot(age, np.append(1.0, self.survival), label="expected")
        low, high = np.append(1.0, self.lower), np.append(1.0, self.upper)
        ax.fill_between(age, low, high, color=line.get_color(), alpha=0.2)
        ax.plot(age, np.append(1.0, self.survival_observed), "o", label="observed")
        ax.set_xlabel("renewals")
        ax.set_ylabel("still a customer")
        ax.set_ylim(0.0, 1.05)
        ax.legend()
        return ax
