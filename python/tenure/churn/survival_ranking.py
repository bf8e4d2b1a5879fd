"""How well a score ranks lifetimes, whoever was censored when: Uno's concordance, AUC by time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._results import Table
from tenure._validation import Floats, as_column, as_level, as_number
from tenure.churn._ipcw import as_cells, prepared, scorable_times
from tenure.churn._limits import chance_limits
from tenure.churn._measured import Measured
from tenure.churn._times import z_of


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UnoConcordance(Table):
    """Uno's concordance.

    Attributes
    ----------
    value : float
        (concordant + tied_score / 2) / (concordant + discordant + tied_score); NaN without a pair.
    standard_error : float
        Infinitesimal jackknife over rows, which knows that the censoring curve is estimated.
    lower, upper : float
        Limits, symmetric in the log odds.
    concordant, discordant, tied_score : float
        Pairs of which one churned before `tau` while the other stayed, each with the inverse square
        of the chance that the one who churned was still seen.
    tau : float
        Churn before it counts; infinite if all does. Lower than asked where from some churn on the
        censoring curve is 0 or unknown.
    churned : int
        Rows that churned before `tau`.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> c = tn.churn.uno_concordance([1, 2, 3, 4], [1, 0, 1, 1], [4.0, 3.0, 1.0, 2.0], tau=3.0)
    >>> c.value, c.tau, c.churned
    (1.0, 3.0, 1)
    """

    value: float
    standard_error: float
    lower: float
    upper: float
    concordant: float
    discordant: float
    tied_score: float
    tau: float
    churned: int
    level: float

    def _columns(self) -> Mapping[str, Any]:
        names = (
            "value", "standard_error", "lower", "upper", "concordant", "discordant", "tied_score"
        )  # fmt: skip
        return {name: [getattr(self, name)] for name in names}

    def _title(self) -> str:
        until = f", churn before {self.tau:g}" if math.isfinite(self.tau) else ""
        return f"Uno's concordance{until}, limits at {self.level:.0%}"


def uno_concordance(
    duration: npt.ArrayLike,
    churned: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    tau: float | None = None,
    train: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ties: str = "churn_first",
    censoring_at: str = "before",
    level: float = 0.95,
) -> UnoConcordance:
    """Return how often of two customers the one who churned first had the higher score.

    Harrell's concordance (`concordance_index`) depends on who happened to be censored when; this
    one weighs each pair by the inverse square of the chance G that the one who churned was still
    seen, and estimates the same number under any censoring that does not depend on score and life.

    Parameters
    ----------
    duration : array-like of float, shape (n_customers,)
        Tenure at exit or when last seen; finite, >= 0.
    churned : array-like of bool or 0/1, shape (n_customers,)
        Whether churn was seen at `duration`.
    score : array-like of float, shape (n_customers,)
        The higher, the sooner churn is expected.
    tau : float, optional
        Only churn before it counts. Choose it where a fair share is still seen: the last pairs
        otherwise have large weights.
    train : pair of duration and churned, optional
        Customers whose censoring is taken, such as those of the fit; default: these here.
    sample_weight : array-like of float, shape (n_customers,), optional
        >= 0; a whole weight is the same as so many equal rows.
    ties : {"churn_first", "strict"}
        Of equal durations, the one who churned left before the one who was censored, as in R's
        survival and scikit-survival; or neither: only strictly longer lives are compared.
    censoring_at : {"before", "at"}
        Weigh a churn at t by G(t-), the chance to be seen at t, or by G(t), as scikit-survival.
    level : float

    Returns
    -------
    UnoConcordance

    Raises
    ------
    InvalidInputError
        For a bad cell, naming argument and row.

    Notes
    -----
    O(n log n). Formulas and conventions: docs/methods/survival_measures.md.

    References
    ----------
    Uno, H., Cai, T., Pencina, M. J., D'Agostino, R. B. and Wei, L. J. (2011), Statistics in
    Medicine 30:1105-1117, eq. 6.

    Examples
    --------
    >>> import tenure as tn
    >>> c = tn.churn.uno_concordance([1, 2, 3, 4], [1, 0, 1, 1], [4.0, 3.0, 1.0, 2.0])
    >>> round(c.value, 4), c.concordant, c.discordant
    (0.5714, 3.0, 2.25)
    """
    data, rows = prepared(duration, churned, sample_weight, train, ties, censoring_at)
    checked = as_level(level)
    limit = math.inf if tau is None else as_number(tau, "tau", above=0.0, finite=False)
    found = data.uno_concordance(as_column(score, np.float64, "score"), limit)
    pairs = min(found["churned"], rows - found["churned"]) or found["churned"] // 2
    lower, upper = chance_limits(
        found["value"], found["standard_error"], z_of(checked), pairs, checked
    )
    return UnoConcordance(lower=lower, upper=upper, level=checked, **found)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamicAuc(Table):
    """Area under the ROC curve by time: one row for each time that can be scored.

    Attributes
    ----------
    time, value, standard_error, lower, upper : ndarray of float, shape (n_times,)
        The area of who churned by the time against who was seen beyond it.
    churned, beyond : ndarray of float, shape (n_times,)
        Rows of either kind.
    mean : Measured
        Weighted by the fall of the Kaplan-Meier curve between the times.
    dropped : ndarray of float
        Times asked for that cannot be scored.
    reason : str
        Why; empty if none was dropped.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> auc = tn.churn.dynamic_auc([1, 2, 3, 4], [1, 1, 0, 0], [4.0, 1.0, 3.0, 2.0], [1, 2, 4])
    >>> auc.mean.value, auc.dropped.tolist()
    (0.75, [4.0])
    """

    time: Floats
    value: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    churned: Floats
    beyond: Floats
    mean: Measured
    dropped: Floats
    reason: str
    level: float

    _column_names = (
        "time", "value", "standard_error", "lower", "upper", "churned", "beyond"
    )  # fmt: skip

    def _title(self) -> str:
        left = f"; left out: {self.reason}" if self.reason else ""
        return f"AUC by time, mean {self.mean.value:.4g}, limits at {self.level:.0%}{left}"

    def plot(self, ax: Any = None, *, label: str | None = None) -> Any:
        """Draw the area by time with its limits, and the half of a score that knows nothing.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        label : str, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        ax.axhline(0.5, color=plotting.LINE, linewidth=1.0)
        plotting.curve(self.time, self.value, self.lower, self.upper, ax=ax, label=label)
        low = min(0.45, float(self.lower.min()) - 0.02)
        ax.set(xlabel="Tenure", ylabel="AUC", ylim=(max(low, 0.0), 1.02))
        return ax


def dynamic_auc(
    duration: npt.ArrayLike,
    churned: npt.ArrayLike,
    score: npt.ArrayLike,
    times: npt.ArrayLike,
    *,
    train: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    sample_weight: npt.ArrayLike | None = None,
    censoring_at: str = "before",
    level: float = 0.95,
) -> DynamicAuc:
    """Return the chance that who churned by a time scores above who was seen beyond it.

    Those who churned are weighed by the inverse chance that their churn was seen. Times beyond
    which nobody was seen, the usual end of a snapshot, are left out and told.

    Parameters
    ----------
    duration, churned, train, sample_weight, censoring_at
        As in `uno_concordance`; of equal durations, who churned left first.
    score : array-like of float, shape (n_customers,) or (n_customers, n_times)
        The higher, the sooner churn is expected; a column a time where the score changes with it.
    times : array-like of float, shape (n_times,)
        Ascending.
    level : float

    Returns
    -------
    DynamicAuc

    Raises
    ------
    InvalidInputError
        For a bad cell, naming argument and row; if no time can be scored.

    Notes
    -----
    One sort of a score, then O(n) a time. Errors as in Blanche et al. 2013: of the customers and of
    the censoring curve together.

    References
    ----------
    Uno, H., Cai, T., Tian, L. and Wei, L. J. (2007), JASA 102:527-537. Blanche, P., Dartigues,
    J.-F. and Jacqmin-Gadda, H. (2013), Statistics in Medicine 32:5381-5397.

    Examples
    --------
    >>> import tenure as tn
    >>> auc = tn.churn.dynamic_auc([1, 2, 3, 4], [1, 1, 0, 0], [4.0, 1.0, 3.0, 2.0], [1, 2, 4])
    >>> auc.value.tolist(), auc.reason
    ([1.0, 0.5], 'nobody was seen beyond 4')
    """
    data, rows = prepared(duration, churned, sample_weight, train, "churn_first", censoring_at)
    checked = as_level(level)
    asked = np.atleast_1d(np.asarray(times))
    cells = as_cells(score, rows, asked.size, "score")
    kept, dropped, reason, keep = scorable_times(data, times, both=True)
    if cells.ndim == 2:
        cells = np.ascontiguousarray(cells[:, keep])
    found = data.dynamic_auc(cells.ravel(), kept)
    z = z_of(checked)
    pairs = np.minimum(found["churned"], found["beyond"]).astype(int)
    limits = [
        chance_limits(v, e, z, k, checked)
        for v, e, k in zip(
            found["value"].tolist(), found["standard_error"].tolist(), pairs.tolist(), strict=True
        )
    ]
    lower, upper = np.array(limits).T
    mean, error = found["mean"], found["mean_error"]
    across = chance_limits(mean, error, z, int(pairs.max()), checked)
    return DynamicAuc(
        kept, found["value"], found["standard_error"], lower, upper,
        found["churned"], found["beyond"],
        Measured(mean, error, *across, checked, "Mean AUC"),
        dropped, reason, checked,
    )  # fmt: skip
