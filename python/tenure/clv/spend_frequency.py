"""Do customers who order more often spend more an order? The assumption of gamma-gamma, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, as_count, as_level
from tenure.clv import _data
from tenure.clv._likelihood import two_sided
from tenure.clv._student import limits_of_means, two_sided_p


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SpendFrequencyCheck(Table):
    """Correlation of repeat customers' frequency and mean spend, and their spend by frequency.

    Attributes
    ----------
    group : tuple of str
        Repeat orders 1, 2, ...; the last one or more.
    customers : float64 array
        Sums of weights.
    mean_spend, lower, upper : float64 arrays
        Mean over customers of their mean amount of an order, with Student's limits at `level`; no
        limits of a single customer or where all spend the same.
    overall : float
        Mean spend of all of them.
    pearson, spearman : float
        Correlation, and rank correlation with ties at their mean rank; NaN where one of the two
        does not vary.
    pearson_limits, spearman_limits : tuple of two floats
        At `level`, symmetric on Fisher's scale; NaN for fewer than four customers.
    pearson_p, spearman_p : float
        Two-sided p-value of no correlation, by Student's t.
    n_customers : float
        Repeat customers with positive spend, weighted; `n_excluded` rows are not.
    n_excluded : int
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> check = tn.clv.spend_frequency_check(log.summary(unit="week", end="1997-09-30"))
    >>> round(check.pearson, 3), [round(v, 3) for v in check.pearson_limits]
    (0.114, [0.051, 0.176])
    """

    group: tuple[str, ...]
    customers: Floats
    mean_spend: Floats
    lower: Floats
    upper: Floats
    overall: float
    pearson: float
    pearson_limits: tuple[float, float]
    pearson_p: float
    spearman: float
    spearman_limits: tuple[float, float]
    spearman_p: float
    n_customers: float
    n_excluded: int
    level: float

    _column_names = ("group", "customers", "mean_spend", "lower", "upper")

    def __len__(self) -> int:
        return len(self.group)

    def _title(self) -> str:
        return (
            f"Spend an order by repeat orders, {self.n_customers:,g} customers: "
            f"Pearson {_told(self.pearson, self.pearson_limits, self.pearson_p)}, "
            f"Spearman {_told(self.spearman, self.spearman_limits, self.spearman_p)}"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw mean spend by repeat orders, with limits and the mean of all; return the Axes."""
        from tenure import plotting

        ax = plotting.axes(ax)
        at = np.arange(len(self))
        ax.axhline(self.overall, color=plotting.MUTED, linewidth=0.9, linestyle="--", label="all")
        ax.vlines(at, self.lower, self.upper, color=plotting.ACCENT, linewidth=1.6)
        ax.plot(at, self.mean_spend, "o", color=plotting.ACCENT, markersize=5, label="mean")
        ax.set_xticks(at, self.group)
        ax.set_xlabel("repeat orders")
        ax.set_ylabel("mean spend an order")
        plotting.from_zero(ax)
        ax.legend(loc="lower right")
        return ax


def spend_frequency_check(
    data: Any, sample_weight: Any = None, *, max_frequency: int = 7, level: float = 0.95
) -> SpendFrequencyCheck:
    """Check that spend an order does not depend on how often customers order.

    Gamma-gamma, and with it every product of purchases and spend, takes the two as independent.

    Parameters
    ----------
    data : Summary, data frame or dict of arrays
        One row a customer: `frequency` (repeat orders), `monetary_value` (their mean amount), and
        optionally `weight`. Rows with frequency 0 or monetary_value <= 0 tell nothing, as in
        `GammaGamma.fit`.
    sample_weight : array of n floats, optional
        In place of the column `weight`: how many customers a row stands for.
    max_frequency : int, default 7
        The last group holds the customers with this many or more.
    level : float, default 0.95
        Confidence level of the limits.

    Returns
    -------
    SpendFrequencyCheck

    Raises
    ------
    InvalidInputError
        Names the column, the row and the rule; and where fewer than two rows are of use.

    Notes
    -----
    Fader, Hardie & Lee (2005), RFM and CLV, Journal of Marketing Research 42:415-430, report 0.11
    for CDNOW. Limits: Fisher's z with variance 1/(n - 3), times 1 + r^2/2 for ranks: Bonett &
    Wright (2000), Psychometrika 65:23-28. Where it fails, ``GammaGamma(frequency_effect=True)`` has
    a number for how spend goes with frequency, and a test of it: docs/methods/gamma_gamma.md.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> tn.clv.spend_frequency_check(base, max_frequency=3)  # doctest: +NORMALIZE_WHITESPACE
    Spend an order by repeat orders, 946 customers: Pearson 0.114 (0.051 to 0.176, p = 0.00045),
    Spearman 0.206 (0.144 to 0.267, p = 1.5e-10)
    group  customers  mean_spend    lower    upper
        1        439     32.4033  29.5154  35.2912
        2        214      36.725   32.513   40.937
       3+        293     37.8821   34.604  41.1601
    """
    as_level(level)
    last = as_count(max_frequency, "max_frequency", at_least=1)
    s = _data.spend(data, sample_weight, weighted=True)
    _require_valid(s)
    weight = np.ones(len(s.frequency)) if s.weight is None else s.weight
    used = (s.frequency > 0) & (s.monetary_value > 0) & (weight > 0)
    x, m, w = s.frequency[used], s.monetary_value[used], weight[used]
    if len(x) < 2:
        msg = f"data has {len(x)} rows with frequency > 0 and monetary_value > 0; two are needed"
        raise InvalidInputError(msg, argument="data")
    n = float(w.sum())
    pearson = _correlation(x, m, w)
    spearman = _correlation(_ranks(x, w), _ranks(m, w), w)

    which = np.minimum(x, last).astype(np.int64) - 1
    customers: Floats = np.bincount(which, w, minlength=last).astype(np.float64)
    some = customers > 0
    means = np.zeros(last)
    means[some] = np.bincount(which, w * m, minlength=last)[some] / customers[some]
    squares = np.bincount(which, w * (m - means[which]) ** 2, minlength=last)[some]
    count = customers[some]
    variance = squares / np.where(count > 1.0, count - 1.0, 1.0)
    lower, upper = limits_of_means(count, means[some], variance, level)
    names = [str(k) for k in range(1, last)] + [f"{last}+"]
    return SpendFrequencyCheck(
        group=tuple(name for name, kept in zip(names, some, strict=True) if kept),
        customers=count,
        mean_spend=means[some],
        lower=lower,
        upper=upper,
        overall=float(w @ m / n),
        pearson=pearson,
        pearson_limits=_limits(pearson, n, level, 1.0),
        pearson_p=_p_value(pearson, n),
        spearman=spearman,
        spearman_limits=_limits(spearman, n, level, 1.0 + spearman**2 / 2.0),
        spearman_p=_p_value(spearman, n),
        n_customers=n,
        n_excluded=int(len(used) - used.sum()),
        level=float(level),
    )


def _require_valid(s: _data.Spend) -> None:
    x, m = s.frequency, s.monetary_value
    _refuse(
        "frequency", x, ~(np.isfinite(x) & (x >= 0) & (x == np.floor(x))), "a whole number >= 0"
    )
    _refuse("monetary_value", m, (x > 0) & ~np.isfinite(m), "finite where frequency > 0")
    if s.weight is not None:
        w = s.weight
        _refuse("weight", w, ~(np.isfinite(w) & (w >= 0)), "finite and >= 0")


def _refuse(name: str, column: Floats, bad: npt.NDArray[np.bool_], rule: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        value = column[row].item()
        msg = f"{name}[{row}] must be {rule}, got {value!r}"
        raise InvalidInputError(msg, argument=name, row=row, value=value)


def _correlation(x: Floats, y: Floats, w: Floats) -> float:
    x, y = x - np.average(x, weights=w), y - np.average(y, weights=w)
    # Scaled first, so that squares of very large or small amounts neither overflow nor vanish.
    spread_x, spread_y = float(np.abs(x).max()), float(np.abs(y).max())
    if not (spread_x > 0.0 and spread_y > 0.0):
        return math.nan
    x, y = x / spread_x, y / spread_y
    return float(np.clip(w @ (x * y) / math.sqrt(float(w @ (x * x)) * float(w @ (y * y))), -1, 1))


def _ranks(values: Floats, w: Floats) -> Floats:
    """Mean ranks, a row of weight w counted as w equal ones."""
    distinct, which = np.unique(values, return_inverse=True)
    total = np.bincount(which, w, minlength=len(distinct))
    ranks: Floats = (np.cumsum(total) - total + (total + 1.0) / 2.0)[which]
    return ranks


def _limits(r: float, n: float, level: float, factor: float) -> tuple[float, float]:
    if not (n > 3.0 and abs(r) <= 1.0):
        return math.nan, math.nan
    if abs(r) == 1.0:
        return r, r
    half = two_sided(level, "level") * math.sqrt(factor / (n - 3.0))
    return math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)


def _p_value(r: float, n: float) -> float:
    if not (n > 2.0 and abs(r) <= 1.0):
        return math.nan
    left = 1.0 - r * r
    return two_sided_p(math.inf if left <= 0.0 else r * math.sqrt((n - 2.0) / left), n - 2.0)


def _told(r: float, limits: tuple[float, float], p: float) -> str:
    if math.isnan(r):
        return "unknown (no variation)"
    return f"{r:.3f} ({limits[0]:.3f} to {limits[1]:.3f}, p = {p:.2g})"
