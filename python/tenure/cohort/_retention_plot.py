"""Pictures of retention: the triangle, the curves of cohorts, the means of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tenure.cohort._retention_result import Retention, RetentionGroups

_LABELS = {
    "customers": "Customers retained",
    "revenue": "Revenue retained",
    "events": "Events per customer",
    "cumulative_revenue": "Revenue per acquired customer",
}


def draw_triangle(r: Retention, ax: Any) -> Any:
    from tenure import plotting

    # Age 0 of customers is 1 by definition: the colours are for what comes after it.
    percent = _is_share(r)
    shown = r.rates if percent else r.rates / 100
    from_age = 1 if percent else 0
    later = shown[:, from_age:][~np.isnan(shown[:, from_age:])]
    top = float(later.max()) if later.size and later.max() > 0.0 else 1.0
    ax = plotting.triangle(
        shown,
        r.cohorts.astype(str).tolist(),
        [str(age) for age in r.ages],
        ax=None if ax is None else plotting.axes(ax),
        top=top,
        digits=0 if percent or 100 * top >= 100 else 1,
    )
    # A cohort without customers has no rates, but is no secret.
    for patch, count, rate in zip(ax.patches, r.counts.flat, r.rates.flat, strict=True):
        if np.isnan(rate) and not np.isnan(count):
            patch.set_facecolor("none")
    ax.set(xlabel=f"Age in {r.period}s", ylabel=_LABELS[r.value] + (", %" if percent else ""))
    return ax


def draw_curves(r: Retention, ax: Any) -> Any:
    from tenure import plotting

    ax = plotting.axes(ax)
    first = _first(r)
    for rates in r.rates[:, first:]:
        ax.plot(r.ages[first:], rates, color=plotting.LINE, linewidth=0.9)
    _mean(r, ax, label="Mean")
    return _finished(r, ax)


def draw_groups(groups: RetentionGroups, ax: Any) -> Any:
    from tenure import plotting

    ax = plotting.axes(ax)
    for at, (value, r) in enumerate(zip(groups.values, groups.retentions, strict=True)):
        color = plotting.PALETTE[at % len(plotting.PALETTE)]
        _mean(r, ax, label="(none)" if value is None else str(value), color=color)
    return _finished(groups.retentions[0], ax) if groups.retentions else ax


def _is_share(r: Retention) -> bool:
    return r.value in ("customers", "revenue")


def _first(r: Retention) -> int:
    return 1 if _is_share(r) and len(r.ages) > 1 else 0


def _mean(r: Retention, ax: Any, **style: Any) -> None:
    from tenure import plotting

    ages, rate, lower, upper = (
        column[_first(r) :] for column in (r.ages, r.mean.rate, r.mean.lower, r.mean.upper)
    )
    plotting.curve(ages, rate, lower, upper, ax=ax, **style)


def _finished(r: Retention, ax: Any) -> Any:
    from tenure import plotting

    if _is_share(r):
        plotting.percent_ticks(ax.yaxis)
    ax.set(xlabel=f"Age in {r.period}s", ylabel=_LABELS[r.value])
    plotting.from_zero(ax)
    ax.legend()
    return ax
