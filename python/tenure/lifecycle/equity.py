"""Sizes of stages and customer equity to come, with bands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import (
    Floats,
    as_column,
    as_count,
    as_number,
    as_seed,
)
from tenure.lifecycle._chain import Chain
from tenure.lifecycle.values import StageValues

if TYPE_CHECKING:
    from tenure.lifecycle.movement import Movement


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SizeForecast(Table):
    """Sizes of stages to come. As a table: one row a period and stage.

    Attributes
    ----------
    stage : tuple of str
    mean, lower, upper : ndarray of float, shape (n_periods + 1, n_stages)
        Row 0 is the last date of the panel.
    total, total_lower, total_upper : ndarray of float, shape (n_periods + 1,)
    births : ndarray of float, shape (n_periods,)
        Mean over draws.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> codes = [[0, 0, 0, 0, 1], [0, 0, 0, 1, 1]]
    >>> panel = tn.lifecycle.StagePanel.from_codes(codes, ["active", "lost"])
    >>> forecast = tn.lifecycle.movement(panel).forecast(2, births=0)
    >>> forecast.mean.shape, forecast.total.tolist()
    ((3, 2), [5.0, 5.0, 5.0])
    """

    stage: tuple[str, ...]
    mean: Floats
    lower: Floats
    upper: Floats
    total: Floats
    total_lower: Floats
    total_upper: Floats
    births: Floats
    level: float

    def _columns(self) -> Mapping[str, Any]:
        periods, k = self.mean.shape
        return {
            "period": np.repeat(np.arange(periods), k),
            "stage": list(self.stage) * periods,
            "mean": self.mean.ravel(),
            "lower": self.lower.ravel(),
            "upper": self.upper.ravel(),
        }

    def _title(self) -> str:
        return f"Sizes of {len(self.stage)} stages over {len(self.mean) - 1} periods to come"

    def plot(self, ax: Any = None) -> Any:
        """Draw the sizes of the six largest stages with their bands.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        x = np.arange(len(self.mean))
        largest = np.argsort(-self.mean.max(axis=0), kind="stable")[:6]
        for color, i in zip(plotting.PALETTE, sorted(largest), strict=False):
            plotting.curve(
                x,
                self.mean[:, i],
                self.lower[:, i],
                self.upper[:, i],
                ax=ax,
                label=self.stage[i],
                color=color,
            )
        plotting.number_ticks(ax.yaxis, whole=True)
        plotting.from_zero(ax)
        ax.set_xticks(x)
        ax.set_xlabel("Periods ahead")
        ax.set_ylabel("Customers")
        plotting.legend_above(ax, 3)
        return ax


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class EquityForecast(Table):
    """Customer equity: size times value, summed over stages and periods. One row a period.

    Attributes
    ----------
    revenue, lower, upper : ndarray of float, shape (n_periods,)
        Of each period to come, times the margin, not discounted.
    equity, equity_lower, equity_upper : float
        Their discounted sum.
    stage : tuple of str
    by_stage : ndarray of float, shape (n_stages,)
        Size today times the value of one period, times the margin.
    discount, margin, level : float

    Examples
    --------
    >>> import tenure as tn
    >>> panel = tn.lifecycle.StagePanel.from_codes([[0, 0, 0], [0, 0, 1]], ["active", "lost"])
    >>> values = tn.lifecycle.stage_values(panel, [[10.0, 20.0, 6.0]])
    >>> e = tn.lifecycle.movement(panel).equity(values, 2, births=0)
    >>> e.by_stage.tolist(), e.equity_lower < e.equity < e.equity_upper
    ([24.0, 12.0], True)
    """

    revenue: Floats
    lower: Floats
    upper: Floats
    equity: float
    equity_lower: float
    equity_upper: float
    stage: tuple[str, ...]
    by_stage: Floats
    discount: float
    margin: float
    level: float

    def _columns(self) -> Mapping[str, Any]:
        return {
            "period": np.arange(1, len(self.revenue) + 1),
            "revenue": self.revenue,
            "lower": self.lower,
            "upper": self.upper,
        }

    def _title(self) -> str:
        low, high = self.equity_lower, self.equity_upper
        return (
            f"Customer equity of {len(self.revenue)} periods: {self.equity:,.2f} "
            f"({low:,.2f} to {high:,.2f})"
        )


def sizes_of(
    m: Movement,
    chain: Chain,
    periods: Any,
    births: Any,
    n_draws: Any,
    random_state: Any,
    threads: int,
) -> SizeForecast:
    none = np.empty(0)
    sizes, born, _ = _draw(
        m, chain, (none, none, none), periods, births, n_draws, random_state, threads
    )
    lower, upper = _limits(sizes, m.level)
    total = sizes.sum(axis=2)
    low, high = _limits(total, m.level)
    return SizeForecast(
        m.stages,
        sizes.mean(axis=0),
        lower,
        upper,
        total.mean(axis=0),
        low,
        high,
        born.mean(axis=0),
        m.level,
    )


def equity_of(
    m: Movement,
    chain: Chain,
    values: StageValues,
    periods: Any,
    discount: float,
    margin: float,
    births: Any,
    n_draws: Any,
    random_state: Any,
    threads: int,
) -> EquityForecast:
    mean, error, spread = _complete(values)
    _, _, revenue = _draw(
        m, chain, (mean, error, spread), periods, births, n_draws, random_state, threads
    )
    revenue = margin * revenue
    lower, upper = _limits(revenue, m.level)
    k = np.arange(1, revenue.shape[1] + 1)
    sums = revenue @ (1.0 + discount) ** -k.astype(np.float64)
    low, high = _limits(sums, m.level)
    return EquityForecast(
        revenue.mean(axis=0),
        lower,
        upper,
        float(sums.mean()),
        float(low),
        float(high),
        m.stages,
        margin * m.sizes * mean[:-1],
        discount,
        margin,
        m.level,
    )


def _complete(values: StageValues) -> tuple[Floats, Floats, Floats]:
    """Values of all stages: one that was never seen takes the mean of all, and its spread.

    Of a single customer there is no error: the spread of all stands in.
    """
    n = values.periods.astype(np.float64)
    if not n.sum():
        msg = "values hold no customer in any stage"
        raise InvalidInputError(msg, argument="values")
    seen = n > 0
    average = float((n[seen] * values.mean[seen]).sum() / n.sum())
    within = np.where(np.isfinite(values.spread), values.spread, 0.0) ** 2 * n
    between = np.where(seen, n * (np.nan_to_num(values.mean) - average) ** 2, 0.0)
    overall = float(np.sqrt((within.sum() + between.sum()) / n.sum()))
    mean = np.where(seen, values.mean, average)
    spread = np.where(np.isfinite(values.spread), values.spread, overall)
    error = np.where(np.isfinite(values.error), values.error, overall)
    return mean, error, spread


def _limits(draws: Floats, level: float) -> Any:
    tail = (1.0 - level) / 2.0
    return np.quantile(draws, [tail, 1.0 - tail], axis=0)


def _draw(
    m: Movement,
    chain: Chain,
    values: tuple[Floats, Floats, Floats],
    periods: Any,
    births: Any,
    n_draws: Any,
    random_state: Any,
    threads: int,
) -> tuple[Floats, Floats, Floats]:
    ahead = as_count(periods, "periods", at_least=1)
    draws = as_count(n_draws, "n_draws", at_least=2)
    weights = chain.weights()
    if births is None:
        history = m.births.astype(np.float64)
    else:
        given = np.asarray(births)
        filled = np.full(ahead, as_number(births, "births")) if given.ndim == 0 else given
        history = as_column(filled, np.float64, "births")
        if len(history) != ahead:
            msg = f"births must be a number or have length {ahead}, got {len(history)}"
            raise InvalidInputError(msg, argument="births")
        bad = np.flatnonzero(~((history >= 0) & (history == np.floor(history))))
        if len(bad):
            row = int(bad[0])
            msg = f"births[{row}] must be a whole number >= 0, got {history[row]!r}"
            raise InvalidInputError(msg, argument="births", row=row, value=float(history[row]))
        if history.any() and not weights[-1].any():
            msg = "births cannot be forecast: the panel saw none, so that nobody knows their stage"
            raise InvalidInputError(msg, argument="births")
    sizes, born, revenue = _core.lifecycle.forecast(
        m.sizes,
        weights.ravel(),
        chain.concentration(),
        history,
        births is not None,
        *values,
        ahead,
        draws,
        as_seed(random_state),
        threads,
    )
    return (
        sizes.reshape(draws, ahead + 1, len(m.stages)),
        born.reshape(draws, ahead),
        revenue.reshape(draws, -1),
    )
