"""Harrell's concordance of lifetimes with a score."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._validation import as_column, as_flags, as_level
from tenure.churn._cox_tables import ConcordanceResult
from tenure.churn._groups import as_groups


def concordance_index(
    duration: npt.ArrayLike,
    churned: npt.ArrayLike,
    score: npt.ArrayLike,
    entry: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    *,
    level: float = 0.95,
) -> ConcordanceResult:
    """Return how often of two customers the one who churned first had the higher score.

    Pairs are counted as R's ``survival::concordance`` counts them: who is censored at t outlived
    who churned at t, pairs that churned at the same time are left out, equal scores count one
    half. `tied_time` counts pairs of which both churned at the same time, as R's; scikit-survival's
    counts all pairs of equal time. O(n log n).

    Parameters
    ----------
    duration, churned, entry, sample_weight : array-like, shape (n_customers,)
        As in `CoxPH.fit`.
    score : array-like of float, shape (n_customers,)
        The higher, the sooner churn is expected, as `CoxPH.predict` returns it.
    strata : array-like, shape (n_customers,), optional
        Only pairs within a stratum are compared.
    level : float
        Confidence level of the limits.

    Returns
    -------
    ConcordanceResult
        NaN where no pair can be compared.

    Raises
    ------
    InvalidInputError
        For a bad cell, naming argument and row.

    References
    ----------
    Harrell, F. E., Califf, R. M., Pryor, D. B., Lee, K. L. and Rosati, R. A. (1982). Evaluating the
    yield of medical tests. JAMA 247:2543-2546.

    Examples
    --------
    >>> import tenure as tn
    >>> c = tn.churn.concordance_index([2, 4, 6, 8], [1, 1, 0, 1], [3.0, 1.0, 2.0, 0.0])
    >>> c.value, c.concordant, c.discordant
    (0.8, 4.0, 1.0)
    """
    time = as_column(duration, np.float64, "duration")
    found = _core.churn.concordance(
        time,
        as_flags(churned, "churned"),
        as_column(score, np.float64, "score"),
        None if entry is None else as_column(entry, np.float64, "entry"),
        None if sample_weight is None else as_column(sample_weight, np.float64, "sample_weight"),
        None if strata is None else as_groups(strata, len(time), "strata")[0],
    )
    reach = NormalDist().inv_cdf(0.5 + as_level(level) / 2.0) * found["standard_error"]
    return ConcordanceResult(
        lower=float(np.clip(found["value"] - reach, 0.0, 1.0)),
        upper=float(np.clip(found["value"] + reach, 0.0, 1.0)),
        **found,
    )
