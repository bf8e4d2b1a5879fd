"""Whether lives end evenly over their own predicted survival curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._results import Table
from tenure._validation import Floats, as_column, as_count, as_flags, as_level
from tenure.churn._times import z_of


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DCalibration(Table):
    """Where customers' lives end on their own survival curves; a row an equal part of [0, 1].

    Attributes
    ----------
    start, end : ndarray of float, shape (n_bins,)
        Of the bin, in predicted survival at the end of the life.
    share, lower, upper : ndarray of float, shape (n_bins,)
        Customers in the bin, censored ones spread over what was left of their curve.
    statistic : float
        Squared distance of the shares from equal ones in units of their covariance, chi-square with
        bins - 1 degrees of freedom if the curves are right; NaN where it is singular.
    p_value : float
    pearson, pearson_p_value : float
        Of Haider et al.: takes censored customers for whole ones, and so rejects too rarely.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> found = tn.churn.d_calibration([0.1, 0.3, 0.6, 0.9], [1, 1, 1, 1], bins=2)
    >>> found.share.tolist(), found.pearson
    ([0.5, 0.5], 0.0)
    """

    start: Floats
    end: Floats
    share: Floats
    lower: Floats
    upper: Floats
    statistic: float
    p_value: float
    pearson: float
    pearson_p_value: float
    level: float

    _column_names = ("start", "end", "share", "lower", "upper")

    def _title(self) -> str:
        return f"D-calibration, p {self.p_value:.3g}, limits at {self.level:.0%}"

    def plot(self, ax: Any = None) -> Any:
        """Draw the share of each bin with its limits, and the equal share of right curves.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        middle = 0.5 * (self.start + self.end)
        ax.bar(middle, self.share, 0.9 * (self.end - self.start), color=plotting.SOFT)
        ax.errorbar(
            middle, self.share, yerr=[self.share - self.lower, self.upper - self.share],
            fmt="none", color=plotting.ACCENT, linewidth=1.2,
        )  # fmt: skip
        ax.axhline(1.0 / self.share.size, color=plotting.INK, linewidth=1.0, linestyle="--")
        plotting.percent_ticks(ax.yaxis, 0)
        ax.set(xlabel="Predicted survival at the end of a life", ylabel="Customers", xlim=(0, 1))
        return ax


def d_calibration(
    survival: npt.ArrayLike,
    churned: npt.ArrayLike,
    *,
    sample_weight: npt.ArrayLike | None = None,
    bins: int = 10,
    level: float = 0.95,
) -> DCalibration:
    """Return whether lives end evenly over their own predicted survival curves.

    If S is the right curve of a customer, S(T) is uniform on [0, 1]: a tenth of all lives ends
    where a tenth to two tenths were to be left, and so on.

    Parameters
    ----------
    survival : array-like of float, shape (n_customers,)
        Each customer's predicted survival at their own duration, in [0, 1].
    churned : array-like of bool or 0/1, shape (n_customers,)
        Whether churn was seen then; else the customer adds to all bins below, in proportion.
    sample_weight : array-like of float, shape (n_customers,), optional
        Finite, >= 0, not all 0: how much of the population each customer stands for. Errors are
        those of independent customers with weights that are given, whatever their unit.
    bins : int
    level : float

    Returns
    -------
    DCalibration

    Raises
    ------
    InvalidInputError
        For a bad cell, naming argument and row.

    References
    ----------
    Haider, H., Hoehn, B., Davis, S. and Greiner, R. (2020), Journal of Machine Learning Research
    21(85):1-63.

    Examples
    --------
    >>> import tenure as tn
    >>> found = tn.churn.d_calibration([0.1, 0.3, 0.6, 0.9, 0.75], [1, 1, 1, 1, 0], bins=2)
    >>> found.share.round(3).tolist()
    [0.533, 0.467]
    """
    count, checked = as_count(bins, "bins", at_least=2), as_level(level)
    share, error, pearson, wald = _core.churn.d_calibration(
        as_column(survival, np.float64, "survival"),
        as_flags(churned, "churned"),
        None if sample_weight is None else as_column(sample_weight, np.float64, "sample_weight"),
        count,
    )
    edges = np.linspace(0.0, 1.0, count + 1)
    reach = z_of(checked) * error
    statistics = np.array([wald, pearson])
    p = _core.special.chi_square_survival(statistics, np.full(2, count - 1.0))
    return DCalibration(
        edges[:-1], edges[1:], share,
        np.maximum(share - reach, 0.0), np.minimum(share + reach, 1.0),
        wald, float(p[0]), pearson, float(p[1]), checked,
    )  # fmt: skip
