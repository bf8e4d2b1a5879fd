"""How much longer do customers of one group stay? The difference of two restricted means."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
import numpy.typing as npt

from tenure._results import Table
from tenure._validation import Floats, as_level
from tenure.churn._times import z_of
from tenure.churn.kaplan_meier import KaplanMeier


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RestrictedMeanDifference(Table):
    """Mean tenure within [0, until] of one group less that of another, with normal limits.

    Attributes
    ----------
    until, first, second, difference, standard_error, lower, upper, p_value : ndarray of float
        Shape (n_horizons,); `p_value` of no difference, two-sided; NaN where no error is known.
    """

    until: Floats
    first: Floats
    second: Floats
    difference: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    p_value: Floats

    _column_names = (
        "until", "first", "second", "difference", "standard_error", "lower", "upper", "p_value"
    )  # fmt: skip

    def _title(self) -> str:
        return "Difference of restricted mean tenures"


def restricted_mean_difference(
    first: KaplanMeier, second: KaplanMeier, until: npt.ArrayLike, level: float = 0.95
) -> RestrictedMeanDifference:
    """Compare the mean tenure within [0, `until`] of two independent groups.

    Needs no proportional hazards, and is in units of time.

    Parameters
    ----------
    first, second : KaplanMeier
        Fitted, each on its own customers.
    until : float or array-like of float, shape (n_horizons,)
        As in `KaplanMeier.restricted_mean`.
    level : float
        Confidence level.

    Returns
    -------
    RestrictedMeanDifference

    Raises
    ------
    InvalidInputError
        If one of the curves is not known up to `until`.

    References
    ----------
    Royston, P. and Parmar, M. K. B. (2013), BMC Medical Research Methodology 13:152.

    Examples
    --------
    >>> import tenure as tn
    >>> a = tn.churn.KaplanMeier().fit([2, 4, 6], [1, 1, 0])
    >>> b = tn.churn.KaplanMeier().fit([1, 2, 5], [1, 1, 0])
    >>> tn.churn.restricted_mean_difference(a, b, 5).difference.round(6).tolist()
    [1.0]
    """
    z = z_of(as_level(level))
    a, b = first.restricted_mean(until), second.restricted_mean(until)
    difference = a.value - b.value
    error = np.hypot(a.standard_error, b.standard_error)
    p = np.array(
        [erfc(abs(d) / s / sqrt(2.0)) if s > 0.0 else np.nan
         for d, s in zip(difference, error, strict=True)]
    )  # fmt: skip
    return RestrictedMeanDifference(
        a.until, a.value, b.value, difference, error, difference - z * error,
        difference + z * error, p,
    )  # fmt: skip
