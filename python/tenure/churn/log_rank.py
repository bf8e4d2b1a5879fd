"""Do groups of customers leave at the same rate? Log-rank tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, Ints, as_choice, as_column, as_flags, as_number
from tenure.churn._case_weights import as_case_weights
from tenure.churn._codes import as_groups

_WEIGHTS = {
    "log_rank": ("log_rank", 0.0, 0.0),
    "gehan": ("gehan", 0.0, 0.0),
    "tarone_ware": ("tarone_ware", 0.0, 0.0),
    "peto": ("fleming_harrington", 1.0, 0.0),
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RankTest(Table):
    """A log-rank test; a row a group.

    Attributes
    ----------
    group : tuple
        Labels, ascending.
    rows, events : ndarray of int, shape (n_groups,)
        Customers (with ``variance="model"`` the sums of their weights), and those of them that
        churned.
    observed, expected : ndarray of float, shape (n_groups,)
        Weighted sums of churn, and of what equal hazards would have given.
    variance : ndarray of float, shape (n_groups, n_groups)
        Of observed - expected.
    statistic, df, p_value : float, int, float
        Chi-square; `df` is 0 and `p_value` 1 where no two groups were ever at risk together.
    """

    group: tuple[Any, ...]
    rows: Ints
    events: Ints
    observed: Floats
    expected: Floats
    variance: Floats
    statistic: float
    df: int
    p_value: float

    _column_names = ("group", "rows", "events", "observed", "expected")

    def _title(self) -> str:
        return f"Chi-square {self.statistic:.6g}, df {self.df}, p = {self.p_value:.4g}"


def log_rank(
    duration: npt.ArrayLike,
    churned: npt.ArrayLike,
    group: Any,
    *,
    entry: npt.ArrayLike | None = None,
    stratum: Any = None,
    weights: str | tuple[float, float] = "log_rank",
    trend: bool | Sequence[float] = False,
    sample_weight: npt.ArrayLike | None = None,
    variance: str | None = None,
) -> RankTest:
    """Test whether the hazards of groups are the same at all times.

    Parameters
    ----------
    duration, churned, entry
        As in `KaplanMeier.fit`.
    group : array-like of labels, shape (n_customers,)
        Numbers or texts.
    stratum : array-like of labels, shape (n_customers,), optional
        Groups are compared within strata only.
    weights : {"log_rank", "gehan", "tarone_ware", "peto"} or (rho, gamma)
        Weight of a time: 1, best against proportional hazards; the number at risk
        (Gehan-Wilcoxon, Breslow); its root; the Kaplan-Meier curve S before it; or Fleming and
        Harrington's S**rho (1 - S)**gamma.
    trend : bool or sequence of float
        Test for a trend over the groups, with one degree of freedom: True scores them 0, 1, 2, ...
        in ascending order of labels; a sequence gives the scores.
    sample_weight : array-like of float, shape (n_customers,), optional
        0, or from 1e-60 to 1e60; a row of weight 0 is no row.
    variance : {"model", "robust"}, optional
        ``"model"``: a weight is a number of customers who are alike, and whole; the test is that of
        so many rows. ``"robust"``: a weight is that of a survey or of a propensity, and V the sum
        of squares of what each row adds, whatever the unit of weights; it does not need the
        hazards of all customers to be the same within groups. Default: robust with
        `sample_weight`.

    Returns
    -------
    RankTest

    Raises
    ------
    InvalidInputError
        For a bad cell, naming argument and row, or a setting out of range.

    Notes
    -----
    Formulas: docs/methods/compare_cohorts.md; the trend: docs/methods/survival_curves.md.

    References
    ----------
    Mantel, N. (1966), Cancer Chemotherapy Reports 50:163-170. Tarone, R. E. (1975), Biometrika
    62:679-682 (trend). Lin, D. Y. and Wei, L. J. (1989), JASA 84:1074-1078; Xie, J. and Liu, C.
    (2005), Statistics in Medicine 24:3089-3110 (robust variance).

    Examples
    --------
    >>> import tenure as tn
    >>> test = tn.churn.log_rank([1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 0], list("aabbbb"))
    >>> round(test.statistic, 4), test.df
    (5.6279, 1)
    >>> weighted = tn.churn.log_rank(
    ...     [1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 0], list("aabbbb"), sample_weight=[1, 2, 1, 1, 3, 1]
    ... )
    >>> round(weighted.statistic, 4)
    3.296
    """
    kind, rho, gamma = _weights(weights)
    times = as_column(duration, np.float64, "duration")
    codes, labels = as_groups(group, "group")
    weight = as_case_weights(sample_weight, times.size, 1e60)
    default = "model" if sample_weight is None else "robust"
    spread = default if variance is None else as_choice(variance, "variance", ("model", "robust"))
    strata, names = (None, ("all",)) if stratum is None else as_groups(stratum, "stratum")
    raw = _core.survival.log_rank(
        times,
        as_flags(churned, "churned"),
        codes,
        max(len(labels), 1),
        None if entry is None else as_column(entry, np.float64, "entry"),
        strata,
        max(len(names), 1),
        kind,
        rho,
        gamma,
        weight,
        spread == "robust",
    )
    k = len(labels)
    if k == 0:
        msg = "duration must be non-empty"
        raise InvalidInputError(msg, argument="duration")
    raw["variance"] = raw["variance"].reshape(k, k)
    if trend is not False:
        raw |= _trend(raw, trend)  # type: ignore[typeddict-item]
    return RankTest(group=labels, **raw)


def _weights(weights: Any) -> tuple[str, float, float]:
    if isinstance(weights, tuple) and len(weights) == 2:
        rho, gamma = (
            as_number(v, name, at_least=0.0)
            for v, name in zip(weights, ("rho", "gamma"), strict=True)
        )
        return "fleming_harrington", rho, gamma
    return _WEIGHTS[as_choice(weights, "weights", tuple(_WEIGHTS))]


def _trend(raw: Any, trend: bool | Sequence[float]) -> dict[str, Any]:
    """Tarone's (s'U)^2 / s'Vs, which a common shift of the scores does not move."""
    k = raw["rows"].size
    scores = np.arange(k, dtype=np.float64)
    if trend is not True:
        scores = as_column(trend, np.float64, "trend")
        if scores.shape != (k,) or not np.isfinite(scores).all():
            msg = f"trend must hold a finite score for each of the {k} groups"
            raise InvalidInputError(msg, argument="trend")
    scores = scores - scores.mean()
    spread = float(scores @ raw["variance"] @ scores)
    score = float(scores @ (raw["observed"] - raw["expected"]))
    if spread <= 1e-12 * float(scores @ scores) * float(np.trace(raw["variance"])):
        return {"statistic": 0.0, "df": 0, "p_value": 1.0}
    statistic = score * score / spread
    p = _core.special.chi_square_survival(np.array([statistic]), np.array([1.0]))
    return {"statistic": statistic, "df": 1, "p_value": float(p[0])}
