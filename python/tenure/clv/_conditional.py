"""Orders of a hold-out by what the customers did before it: actual and expected means."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, Ints, as_choice, as_count, as_level
from tenure.clv._student import limits_of_means
from tenure.events import CalibrationHoldout

_ROUND = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ConditionalExpectation(Table):
    """Mean orders in a hold-out by group of customers: actual, and expected by a model.

    Attributes
    ----------
    group : tuple of str
        Repeat orders before the cut, the last one or more; or stretches of recency.
    position : float64 array
        Mean frequency or recency of the group.
    customers : int64 array
    actual, lower, upper : float64 arrays
        Mean orders that came, with Student's limits at `level`; no limits of a single customer or
        where all customers of the group ordered equally often.
    expected : float64 array
        Mean of the model's expectations.
    by : str
        "frequency" or "recency".
    level : float
    horizon, unit : float, str
        Length of the hold-out, and what it and recency are counted in.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> holdout = log.calibration_holdout("1997-09-30")
    >>> model = tn.clv.BGNBD().fit(holdout.calibration)
    >>> model.conditional_expectation_by_frequency(holdout, max_frequency=3)
    Mean orders in the next 39 weeks by frequency, 95 % limits of the actual mean
    group  customers    actual     lower     upper  expected
        0       1411  0.236712  0.196815  0.276608  0.225087
        1        439  0.697039  0.576047  0.818031  0.523131
        2        214   1.39252   1.14461   1.64044   1.04413
       3+        293   3.22184   2.72499    3.7187   3.01267
    """

    group: tuple[str, ...]
    position: Floats
    customers: Ints
    actual: Floats
    lower: Floats
    upper: Floats
    expected: Floats
    by: str
    level: float
    horizon: float
    unit: str

    _column_names = ("group", "customers", "actual", "lower", "upper", "expected")

    def __len__(self) -> int:
        return len(self.group)

    def _title(self) -> str:
        return (
            f"Mean orders in the next {self.horizon:g} {self.unit}s by {self.by}, "
            f"{100 * self.level:g} % limits of the actual mean"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw actual means with their limits, and expected ones, by group; return the Axes."""
        from tenure import plotting

        ax = plotting.axes(ax)
        at = np.arange(len(self)) if self.by == "frequency" else self.position
        ax.vlines(at, self.lower, self.upper, color=plotting.ACCENT, linewidth=1.2, alpha=0.6)
        ax.plot(at, self.actual, "o-", color=plotting.ACCENT, markersize=4, label="actual")
        ax.plot(at, self.expected, "s--", color=plotting.PALETTE[3], markersize=4, label="expected")
        if self.by == "frequency":
            ax.set_xticks(at, self.group)
            ax.set_xlabel("repeat orders before the cut")
        else:
            ax.set_xlabel(f"{self.unit}s from the first order to the last before the cut")
        ax.set_ylabel(f"orders a customer in {self.horizon:g} {self.unit}s")
        plotting.from_zero(ax)
        ax.legend(loc="upper left")
        return ax


def by_group(
    holdout: CalibrationHoldout,
    expected: Floats,
    by: str,
    max_frequency: int,
    bins: int,
    level: float,
) -> ConditionalExpectation:
    """Return the means of each group that has a customer."""
    as_choice(by, "by", ("frequency", "recency"))
    as_level(level)
    last = as_count(max_frequency, "max_frequency", at_least=1)
    stretches = as_count(bins, "bins", at_least=1)
    base, actual = holdout.calibration, holdout.orders_holdout.astype(np.float64)
    if len(expected) != len(actual):
        msg = "the expectations and the hold-out have different lengths"
        raise InvalidInputError(msg, argument="calibration_holdout")
    if by == "frequency":
        value = base.frequency.astype(np.float64)
        which = np.minimum(base.frequency, last).astype(np.int64)
        names = [str(k) for k in range(last)] + [f"{last}+"]
    else:
        value = base.recency
        which, names = _stretches(value, stretches)
    customers = np.bincount(which, minlength=len(names))
    some = customers > 0
    n = customers[some].astype(np.float64)

    def mean(values: Floats) -> Floats:
        means: Floats = np.bincount(which, values, minlength=len(names))[some] / n
        return means

    means = np.zeros(len(names))
    means[some] = mean(actual)
    squares = np.bincount(which, (actual - means[which]) ** 2, minlength=len(names))[some]
    lower, upper = limits_of_means(n, means[some], squares / np.maximum(n - 1.0, 1.0), level)
    return ConditionalExpectation(
        group=tuple(name for name, kept in zip(names, some, strict=True) if kept),
        position=mean(value),
        customers=customers[some],
        actual=means[some],
        lower=np.maximum(lower, 0.0),
        upper=upper,
        expected=mean(expected),
        by=by,
        level=float(level),
        horizon=holdout.duration,
        unit=base.unit,
    )


def _stretches(recency: Floats, bins: int) -> tuple[Ints, list[str]]:
    """No repeat order first, then at most `bins` stretches of one round length."""
    top = float(recency.max())
    if not top > 0.0:
        return np.zeros(len(recency), dtype=np.int64), ["0"]
    scale = 10.0 ** math.floor(math.log10(top / bins))
    step = scale * next(m for m in _ROUND if m * scale * bins >= top * (1.0 - 1e-12))
    edges = step * np.arange(bins + 1)
    which = np.where(recency > 0.0, np.clip(np.searchsorted(edges, recency), 1, bins), 0)
    names = ["0"] + [f"{a:.6g}-{b:.6g}" for a, b in itertools.pairwise(edges)]
    return which.astype(np.int64), names
