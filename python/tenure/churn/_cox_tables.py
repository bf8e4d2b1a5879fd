"""What a Cox regression is told as: coefficients, tests, baseline, curves of customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._model_file import storable
from tenure._results import Table
from tenure._validation import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoxSummary(Table):
    """Coefficients of a Cox regression.

    Attributes
    ----------
    name : tuple of str
        The columns of X.
    coef, standard_error, z, p_value : ndarray of float, shape (n_features,)
        `p_value` of Wald's test that the coefficient is 0.
    lower, upper : ndarray of float, shape (n_features,)
        Normal limits of `coef`.
    hazard_ratio, hazard_ratio_lower, hazard_ratio_upper : ndarray of float, shape (n_features,)
        exp of `coef` and its limits: the factor on the hazard of one unit more.
    """

    name: tuple[str, ...]
    coef: Floats
    standard_error: Floats
    z: Floats
    p_value: Floats
    lower: Floats
    upper: Floats
    hazard_ratio: Floats
    hazard_ratio_lower: Floats
    hazard_ratio_upper: Floats
    _about: str

    _column_names = (
        "name", "coef", "hazard_ratio", "standard_error", "z", "p_value", "lower", "upper",
        "hazard_ratio_lower", "hazard_ratio_upper",
    )  # fmt: skip

    def _title(self) -> str:
        return self._about


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoxTests(Table):
    """Tests that all coefficients are 0.

    Attributes
    ----------
    test : tuple of str
        likelihood ratio, Wald, score.
    statistic, df, p_value : ndarray, shape (3,)
    """

    test: tuple[str, ...]
    statistic: Floats
    df: Ints
    p_value: Floats

    _column_names = ("test", "statistic", "df", "p_value")

    def _title(self) -> str:
        return "Tests that no column matters"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ProportionalHazardsTest(Table):
    """Score tests that coefficients do not change with time, the last row for all at once.

    Attributes
    ----------
    name : tuple of str
        The columns of X, and GLOBAL.
    statistic, df, p_value : ndarray, shape (n_features + 1,)
    transform : str
        The function of time against which a coefficient may have a slope.
    """

    name: tuple[str, ...]
    statistic: Floats
    df: Ints
    p_value: Floats
    transform: str

    _column_names = ("name", "statistic", "df", "p_value")

    def _title(self) -> str:
        return f"Are the hazards proportional? Score tests against {self.transform} time"


@storable("churn.CoxBaseline")
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoxBaseline(Table):
    """Hazard of a customer at the mean of each column, one row a stratum and time of churn.

    Attributes
    ----------
    time : ndarray of float, shape (n_times,)
        Ascending within a stratum.
    stratum : ndarray of int, shape (n_times,)
        Position in `strata`.
    at_risk, churned : ndarray of float, shape (n_times,)
        Weight under observation just before the time, and weight that churned at it.
    cumulative_hazard : ndarray of float, shape (n_times,)
    survival : ndarray of float, shape (n_times,)
        exp(-cumulative_hazard).
    strata : tuple of str
        Labels of the strata; one empty label without strata.
    variance, mean_hazard : ndarray of float, shapes (n_times,) and (n_times, n_features)
        What the variance of a curve is made of: docs/methods/cox.md.
    last_time : ndarray of float, shape (n_strata,)
        The largest duration of each stratum: beyond it the hazard is unknown.
    """

    time: Floats
    stratum: Any
    at_risk: Floats
    churned: Floats
    cumulative_hazard: Floats
    variance: Floats
    mean_hazard: Floats
    strata: tuple[str, ...]
    last_time: Floats

    @property
    def survival(self) -> Floats:
        return np.exp(-self.cumulative_hazard)

    def _columns(self) -> Mapping[str, Any]:
        columns: dict[str, Any] = {}
        if len(self.strata) > 1:
            columns["stratum"] = [self.strata[k] for k in self.stratum]
        columns |= {
            "time": self.time,
            "at_risk": self.at_risk,
            "churned": self.churned,
            "cumulative_hazard": self.cumulative_hazard,
            "survival": self.survival,
        }
        return columns

    def _title(self) -> str:
        return "Baseline: a customer at the mean of each column"

    def of(self, stratum: int) -> slice:
        """Return the rows of a stratum."""
        first, last = np.searchsorted(self.stratum, [stratum, stratum + 1])
        return slice(int(first), int(last))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoxSurvival(Table):
    """Survival of customers at chosen times, with limits, one row a customer and time.

    Attributes
    ----------
    row : ndarray of int, shape (n_customers * n_times,)
        The customer's row in X.
    time, value, lower, upper : ndarray of float, shape (n_customers * n_times,)
        NaN where the curve is not known.
    """

    row: Ints
    time: Floats
    value: Floats
    lower: Floats
    upper: Floats

    _column_names = ("row", "time", "value", "lower", "upper")

    def _title(self) -> str:
        return "Share still a customer"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ConcordanceResult(Table):
    """Harrell's concordance and the pairs behind it.

    Attributes
    ----------
    value : float
        (concordant + tied_score / 2) / (concordant + discordant + tied_score).
    standard_error : float
        Infinitesimal jackknife over rows.
    lower, upper : float
        Normal limits, within [0, 1].
    concordant, discordant, tied_score : float
        Pairs (product of weights) of which one churned while the other stayed, or was censored at
        the same time.
    tied_time, tied_both : float
        Pairs that churned at the same time, with different and with equal scores: R's counts. They
        are no part of `value`.
    """

    value: float
    standard_error: float
    lower: float
    upper: float
    concordant: float
    discordant: float
    tied_score: float
    tied_time: float
    tied_both: float

    def _columns(self) -> Mapping[str, Any]:
        return {name: [getattr(self, name)] for name in self.__dataclass_fields__}

    def _title(self) -> str:
        return "Harrell's concordance"
