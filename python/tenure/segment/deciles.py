"""Deciles of value: who is worth most, and what each tenth of the customers holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, Ints, as_column, as_count, as_level


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ValueDeciles(Table):
    """What each tenth of the customers holds, the most valuable first.

    Attributes
    ----------
    decile : ndarray of int
        1 for the highest values.
    customers : ndarray of int
    mean, mean_lower, mean_upper : ndarray of float
        Value a customer, with limits.
    share, share_lower, share_upper : ndarray of float
        Of the whole value, with limits; NaN where the whole is not above 0.
    lowest, highest : ndarray of float
        Of the values in the decile.
    cumulative_share : ndarray of float
        Of this decile and the ones above.
    code : ndarray of int
        The decile of each customer, in the order of the input.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> d = tn.segment.value_deciles([5.0, 1.0, 30.0, 4.0], groups=2)
    >>> d.code.tolist(), d.mean.tolist(), d.share.round(3).tolist()
    ([1, 2, 1, 2], [17.5, 2.5], [0.875, 0.125])
    """

    decile: Ints
    customers: Ints
    mean: Floats
    mean_lower: Floats
    mean_upper: Floats
    share: Floats
    share_lower: Floats
    share_upper: Floats
    lowest: Floats
    highest: Floats
    cumulative_share: Floats
    code: Ints
    level: float

    def __len__(self) -> int:
        return len(self.decile)

    def _columns(self) -> Mapping[str, Any]:
        return {
            n: getattr(self, n) for n in self.__dataclass_fields__ if n not in ("code", "level")
        }

    def _title(self) -> str:
        return f"{len(self.code):,} customers in {len(self)} groups by value, highest first"

    def plot(self, ax: Any = None) -> Any:
        """Draw the share of the value that each decile holds, with limits.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        ax.bar(self.decile, self.share, width=0.72, color=plotting.ACCENT, linewidth=0)
        ax.vlines(
            self.decile, self.share_lower, self.share_upper, color=plotting.INK, linewidth=1.1
        )
        top = np.fmax(np.nan_to_num(self.share), np.nan_to_num(self.share_upper))
        for k, share in enumerate(self.share):
            ax.annotate(
                plotting.percent(share, 0 if share >= 0.0995 else 1),
                (self.decile[k], top[k]),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=8.5,
                color=plotting.INK,
                bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.8},
            )
        ax.axhline(0.0, color=plotting.MUTED, linewidth=0.8)
        ax.axhline(1.0 / len(self), color=plotting.MUTED, linewidth=1.0, linestyle="--")
        ax.set_xticks(self.decile)
        ax.margins(y=0.12)
        plotting.percent_ticks(ax.yaxis)
        ax.set_xlabel("Group of customers, 1 the most valuable")
        ax.set_ylabel("Share of the value")
        ax.set_title("Value by decile" if len(self) == 10 else f"Value by {len(self)} groups")
        return ax


def value_deciles(values: Any, *, groups: int = 10, level: float = 0.95) -> ValueDeciles:
    """Cut customers into groups of equal size by value, and say what each group holds.

    Parameters
    ----------
    values : array of n numbers
        Any value of each customer: expected value from `tenure.clv.CLV.predict`, revenue, margin.
    groups : int, default 10
        At least 2; if n = q groups + r, the first r groups have q + 1 customers.
    level : float
        Confidence level of the limits.

    Returns
    -------
    ValueDeciles

    Raises
    ------
    InvalidInputError
        If a value is not finite or there are fewer customers than groups.

    Notes
    -----
    Equal values at a border are split in the order of the rows; means and shares do not depend on
    how. Limits say how much another sample of as many customers would differ, borders of the groups
    included: with w a value held between the two borders of its group, the mean of the group has
    the influence function (w - E w) / p, p its share of customers, and its share of the value
    (w - E w - S (x - E x)) / E x [the L-statistics of Serfling 1980, section 8.1]. They are normal
    limits, so a top group whose mean a few customers decide has limits that are too narrow. Where
    values are predictions, the error of the model is not in them. Formulas: docs/methods/rfm.md.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> d = tn.segment.value_deciles(log.summary().revenue)
    >>> d.share[0].round(3), d.share_lower[0].round(3), d.share_upper[0].round(3)
    (np.float64(0.508), np.float64(0.476), np.float64(0.54))
    """
    value = as_column(values, np.float64, "values")
    count = as_count(groups, "groups", at_least=2)
    level = as_level(level)
    bad = ~np.isfinite(value)
    if bad.any():
        row = int(np.argmax(bad))
        msg = f"values[{row}] must be finite, got {value[row]}"
        raise InvalidInputError(msg, argument="values", row=row, value=float(value[row]))
    n = len(value)
    if n < count:
        msg = f"{n} customers cannot make {count} groups"
        raise InvalidInputError(msg, argument="groups", value=count)
    order = np.argsort(-value, kind="stable")  # equal values in the order of the rows
    size = np.full(count, n // count)
    size[: n % count] += 1
    ends = np.cumsum(size)
    starts = ends - size
    code = np.empty(n, dtype=np.int64)
    code[order] = np.repeat(np.arange(1, count + 1), size)
    ranked = value[order]
    # A power of two takes no bits, and sums of squares neither overflow nor vanish.
    scale = 2.0 ** min(int(np.frexp(np.abs(ranked).max())[1]), 1023)
    ranked = ranked / scale
    held = np.add.reduceat(ranked, starts)
    total = float(held.sum())
    grand = total / n
    mean = held / size
    has_share = total > 0.0
    share = held / total if has_share else np.full(count, np.nan)
    error = np.empty((2, count))
    for k in range(count):
        # The borders are order statistics; the outer groups end at the outermost customers.
        low, high = ranked[ends[k] - 1], ranked[starts[k]]
        inside = np.clip(ranked, low, high)
        inside -= inside.mean()
        error[0, k] = np.sqrt(inside @ inside) / size[k]
        inside -= (share[k] if has_share else 0.0) * (ranked - grand)
        error[1, k] = np.sqrt(inside @ inside) / (n * grand) if has_share else np.nan
    reach = NormalDist().inv_cdf(0.5 + level / 2.0) * error
    with np.errstate(over="ignore"):  # limits beyond the largest number are infinite
        lower, upper = (mean - reach[0]) * scale, (mean + reach[0]) * scale
    return ValueDeciles(
        decile=np.arange(1, count + 1),
        customers=size,
        mean=mean * scale,
        mean_lower=lower,
        mean_upper=upper,
        share=share,
        share_lower=share - reach[1],
        share_upper=share + reach[1],
        lowest=ranked[ends - 1] * scale,
        highest=ranked[starts] * scale,
        cumulative_share=np.cumsum(share),
        code=code,
        level=level,
    )
