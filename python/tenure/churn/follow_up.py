"""Whether customers were watched long enough to say that some stay for good."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import as_column, as_flags
from tenure.churn.kaplan_meier import KaplanMeier


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FollowUpTest(Table):
    """Maller and Zhou's test of follow-up.

    Attributes
    ----------
    p_value : float
        Chance that none of so many customers leaves in the stretch after the last churn, at the
        rate of the equal stretch before it: small where the follow-up is long enough.
    late_churned : int
        Customers who churned within `gap` before the last churn.
    last_churn, last_seen : float
        Longest life that ended, longest life.
    gap : float
        `last_seen` less `last_churn`: how long nothing happened.
    plateau : float
        Kaplan-Meier's share still there at the end: an estimate of those who stay for good.
    plateau_lower, plateau_upper : float
        Its limits, of the default of `KaplanMeier`.
    customers : int

    Examples
    --------
    >>> import tenure as tn
    >>> found = tn.churn.follow_up_test([1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 0, 0])
    >>> found.late_churned, found.last_churn, found.gap
    (2, 4.0, 2.0)
    """

    p_value: float
    late_churned: int
    last_churn: float
    last_seen: float
    gap: float
    plateau: float
    plateau_lower: float
    plateau_upper: float
    customers: int

    def _columns(self) -> Mapping[str, Any]:
        return {name: [getattr(self, name)] for name in self.__dataclass_fields__}

    def _title(self) -> str:
        return "Was the follow-up long enough? Small p: yes"


def follow_up_test(duration: npt.ArrayLike, churned: npt.ArrayLike) -> FollowUpTest:
    """Test whether lives were watched beyond the longest one that ends at all.

    If they were, the curve of who is left ends in a plateau that is long against the time over
    which customers leave. Without that, no model tells customers who never leave from customers who
    leave later than anybody watched: `CureModel` then extrapolates.

    Parameters
    ----------
    duration : array-like of float, shape (n_customers,)
        Finite, >= 0.
    churned : array-like of bool or 0/1, shape (n_customers,)
        Somebody must have churned.

    Returns
    -------
    FollowUpTest

    Raises
    ------
    InvalidInputError
        For a bad cell, naming argument and row.

    Notes
    -----
    alpha = (1 - N / n)^n, N the churns in (2 t* - t_n, t*] with t* the last churn and t_n the
    longest life. A guide rather than a size: it rests on the few largest lives.

    References
    ----------
    Maller, R. A. and Zhou, S. (1994), JASA 89:1499-1506; Maller and Zhou (1996), sec. 4.3.

    Examples
    --------
    >>> import tenure as tn
    >>> found = tn.churn.follow_up_test([1, 2, 3, 4, 5, 30, 32, 36], [1, 1, 1, 1, 1, 0, 0, 0])
    >>> found.plateau, found.gap, round(found.p_value, 3)
    (0.375, 31.0, 0.0)
    """
    time, gone = as_column(duration, np.float64, "duration"), as_flags(churned, "churned")
    curve = KaplanMeier().fit(time, gone).curve_
    if not gone.any():
        msg = "churned must hold a 1: nobody churned"
        raise InvalidInputError(msg, argument="churned")
    ends = time[gone == 1]
    last, longest, n = float(ends.max()), float(time.max()), time.size
    late = int(((ends > 2.0 * last - longest) & (ends <= last)).sum())
    p = math.exp(n * math.log1p(-late / n)) if late < n else 0.0
    plateau = float(curve.survival[-1])
    limits = (float(curve.lower[-1]), float(curve.upper[-1])) if plateau > 0.0 else (0.0, 0.0)
    return FollowUpTest(p, late, last, longest, longest - last, plateau, *limits, n)
