"""Key figures of a business by period and segment, beside the period before and the target."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._intervals import wilson
from tenure._time import MICROS_PER_DAY, PERIODS, as_horizon
from tenure._validation import Floats, as_choice, as_column, as_level, as_number, as_threads
from tenure.cohort._members import breakdown
from tenure.events import EventLog
from tenure.lifecycle._kpi_money import cost_figures, romi, spend_by_period
from tenure.lifecycle._kpi_rows import Measured, Rows, instant, read_rows, second_orders
from tenure.lifecycle.kpi_tables import ALL, KPIs, KPITrends

#: Where less is better: a figure above its target misses it.
_LESS_IS_BETTER = {"cac", "payback", "spend"}


def kpis(
    log: EventLog,
    period: str = "month",
    *,
    by: Any = None,
    spend: Any = None,
    incremental: Mapping[Any, float] | None = None,
    value: Any = None,
    margin: float | None = None,
    repeat_within: Any = "90d",
    targets: Mapping[Any, float] | None = None,
    collapse: str = "day",
    level: float = 0.95,
    n_threads: int | None = None,
) -> KPIs:
    """Return the key figures of each period, of the whole base and of its segments.

    Parameters
    ----------
    log : EventLog
    period : {"day", "week", "month", "quarter", "year"}
        Only periods that ended within the observation count, in the time zone of the log.
    by : str or array of labels, optional
        Segments: the name of a column of ``log.customers``, or one label for each of
        ``log.customer_ids``, such as a stage or a cluster. None: in no segment.
    spend : frame, optional
        What winning customers cost: columns ``date`` and ``spend``, and one named as `by` for the
        spend of each segment (channel). Without that column only the whole base has a cost.
    incremental : mapping of date to amount, optional
        Revenue that would not have been there without the spend, from an experiment: for ROMI.
    value : array, optional
        Lifetime value of each of ``log.customer_ids``, for value to cost. NaN is refused for a
        customer who was won.
    margin : float, optional
        Share of revenue that is profit, for payback and ROMI.
    repeat_within : str or float, default "90d"
        How soon the second order counts for the repeat rate, in days if a number.
    targets : mapping, optional
        Of a measure, or of (measure, segment), to what it should be.
    collapse : {"day", "week", "month", "quarter", "year"}
        What one order is, as in `EventLog.summary`.
    level : float
    n_threads : int, optional
        Never changes a result.

    Returns
    -------
    KPIs
        customers, new_customers, orders, revenue, order_value (revenue / orders), frequency
        (orders / customer), revenue_per_customer, returning_share (who had ordered before),
        repeat_rate (of the period's new customers, who ordered again in time), top_1_share and
        top_10_share of the revenue; with a spend also spend, cac, roas, value_to_cost, payback and
        romi.

    Raises
    ------
    InvalidInputError
        If the log has no whole period, a name is not known, or a spend has no place.

    Notes
    -----
    Definitions and formulas: docs/methods/kpis.md. A period whose new customers have not all been
    watched for `repeat_within` has no repeat rate, one without new customers no CAC.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> spend = {"date": [dt.date(1997, 1, 15), dt.date(1997, 2, 10)], "spend": [9000.0, 9000.0]}
    >>> k = tn.lifecycle.kpis(log, "quarter", spend=spend, margin=0.3)
    >>> k.of("cac").value[:2].round(2).tolist(), k.of("payback").value[:1].round(2).tolist()
    ([7.64, nan], [0.53])
    """
    as_choice(period, "period", PERIODS)
    as_choice(collapse, "collapse", PERIODS)
    as_level(level)
    threads = as_threads(n_threads)
    days = as_horizon(repeat_within, "day", "repeat_within")
    if margin is not None:
        margin = as_number(margin, "margin")
    code, labels = _segments(log, by)
    rows, starts = read_rows(log, period, collapse, threads)
    worth = None if value is None else _worth(value, log, rows)
    paid = {} if spend is None else spend_by_period(spend, starts, _name(by), labels)
    if spend is None and (value is not None or incremental is not None):
        msg = "value and incremental are measured against a spend: give it too"
        raise InvalidInputError(msg, argument="spend")
    again = _repeat_rates(log, rows, starts, days, collapse, threads)

    blocks = []
    for s, label in enumerate((None, *labels)):
        here = rows if label is None else rows.of(code == s - 1)
        figures = _figures(here, log.has_amounts, again, level)
        if label in paid:
            figures |= cost_figures(here, paid[label], worth, margin, level)
        if label is None and incremental is not None:
            figures["romi"] = romi(incremental, paid[None], margin, starts)
        blocks.append((ALL if label is None else str(label), here, figures))
    return _assembled(blocks, starts[:-1], targets or {}, _notes(log, starts), period, level)


def _name(by: Any) -> str | None:
    return by if isinstance(by, str) else None


def _segments(log: EventLog, by: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return the code of each customer, -1 for in none, and what the codes stand for."""
    if by is None:
        return None, ()
    if isinstance(by, str):
        known = breakdown(log, by)
        if known.by_customer is None:
            msg = f"by: {by!r} belongs to events; a segment belongs to customers"
            raise InvalidInputError(msg, argument="by", value=by)
        return known.by_customer, known.labels
    given = list(by.tolist() if isinstance(by, np.ndarray) else by)
    if len(given) != log.n_customers:
        msg = f"by has {len(given):,} labels for {log.n_customers:,} customers"
        raise InvalidInputError(msg, argument="by")
    labels = tuple(sorted({v for v in given if v is not None}, key=str))
    place = {label: k for k, label in enumerate(labels)}
    return np.array([-1 if v is None else place[v] for v in given], np.int64), labels


def _worth(value: Any, log: EventLog, rows: Rows) -> Floats:
    worth: Floats = as_column(value, np.float64, "value")
    if len(worth) != log.n_customers:
        msg = f"value has {len(worth):,} rows for {log.n_customers:,} customers"
        raise InvalidInputError(msg, argument="value")
    won = rows.customer[rows.new]
    bad = won[~np.isfinite(worth[won])]
    if len(bad):
        msg = f"value[{bad[0]}] of a customer who was won must be finite, got {worth[bad[0]]}"
        raise InvalidInputError(msg, argument="value", row=int(bad[0]), value=float(worth[bad[0]]))
    return worth


def _repeat_rates(
    log: EventLog, rows: Rows, starts: Any, days: float, collapse: str, threads: int
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return 1 for each customer who ordered again in time, and which periods can tell."""
    customer, gap = second_orders(log, collapse, threads)
    soon = np.zeros(rows.n_customers)
    soon[customer] = gap <= days
    ends = np.array([instant(day, log.timezone) for day in starts[1:]], dtype=np.float64)
    return soon, ends + days * MICROS_PER_DAY <= log._until


def _figures(
    rows: Rows, has_amounts: bool, again: tuple[Floats, Any], level: float
) -> dict[str, Measured]:
    active, new = rows.active.astype(float), rows.new.astype(float)
    figures = {
        "customers": Measured(rows.sums(active)),
        "new_customers": Measured(rows.sums(new)),
        "orders": Measured(rows.sums(rows.orders)),
    }
    if has_amounts:
        figures["revenue"] = Measured(rows.sums(rows.revenue))
        figures["order_value"] = rows.ratio(rows.revenue, rows.orders)
    figures["frequency"] = rows.ratio(rows.orders, active)
    if has_amounts:
        figures["revenue_per_customer"] = rows.ratio(rows.revenue, active)
    figures["returning_share"] = _share(rows, active - new, active, level)
    soon, told = again
    figures["repeat_rate"] = _share(rows, soon[rows.customer] * new, new, level, told)
    if has_amounts:
        figures["top_1_share"] = rows.top_share(0.01)
        figures["top_10_share"] = rows.top_share(0.10)
    return figures


def _share(rows: Rows, above: Floats, below: Floats, level: float, told: Any = True) -> Measured:
    """Return a share of customers with Wilson limits, missing where it cannot be told yet."""
    share = rows.ratio(above, below)
    lower, upper = wilson(rows.sums(above), rows.sums(below), level)
    value, lower, upper = (np.where(told, x, np.nan) for x in (share.value, lower, upper))
    return Measured(value, share.influence, lower, upper)


def _assembled(
    blocks: list[tuple[str, Rows, dict[str, Measured]]],
    periods: Any,
    targets: Mapping[Any, float],
    notes: tuple[str, ...],
    length: str,
    level: float,
) -> KPIs:
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    wanted = _targets(targets, blocks)
    columns: dict[str, list[Any]] = {n: [] for n in KPIs._column_names}
    trends: list[tuple[Any, ...]] = []
    for label, rows, figures in blocks:
        for name, figure in figures.items():
            target = wanted.get((name, label), np.nan)
            less = name in _LESS_IS_BETTER
            met = (figure.value <= target) if less else (figure.value >= target)
            on_target = met.astype(object)
            on_target[np.isnan(figure.value - target)] = None
            part = {
                "period": periods,
                "segment": np.full(len(periods), label, object),
                "measure": np.full(len(periods), name, object),
                "value": figure.value,
                "target": np.full(len(periods), target),
                "to_target": figure.value - target,
                "on_target": on_target,
                **_limits(rows, figure, z),
            }
            for column, values in part.items():
                columns[column].append(values)
            if figure.influence is not None or name in ("customers", "orders", "revenue"):
                trends.append((label, name, *_trend(rows, figure, z)))
    segment, measure, slope, lower, upper, points = zip(*trends, strict=True)
    return KPIs(
        **{n: np.concatenate(parts) for n, parts in columns.items()},
        trends=KPITrends(
            segment=np.array(segment, object),
            measure=np.array(measure, object),
            slope=np.array(slope),
            lower=np.array(lower),
            upper=np.array(upper),
            periods=np.array(points),
        ),
        notes=notes,
        length=length,
        level=level,
    )


def _limits(rows: Rows, figure: Measured, z: float) -> dict[str, Floats]:
    value, pull = figure.value, figure.influence
    none = np.full(len(value), np.nan)
    change = np.concatenate([[np.nan], np.diff(value)])
    reach = none if pull is None else z * rows.error(pull)
    moved = none if pull is None else z * rows.error_of_change(pull)
    return {
        "lower": value - reach if figure.lower is None else figure.lower,
        "upper": value + reach if figure.upper is None else figure.upper,
        "change": change,
        "change_lower": change - moved,
        "change_upper": change + moved,
    }


def _trend(rows: Rows, figure: Measured, z: float) -> tuple[float, float, float, int]:
    told = ~np.isnan(figure.value)
    at = np.flatnonzero(told)
    if len(at) < 3:
        return np.nan, np.nan, np.nan, len(at)
    weights = np.zeros(len(told))
    weights[at] = (at - at.mean()) / float(((at - at.mean()) ** 2).sum())
    slope = float(weights[at] @ figure.value[at])
    if figure.influence is None:
        return slope, np.nan, np.nan, len(at)
    reach = z * rows.error_of_contrast(figure.influence, weights)
    return slope, slope - reach, slope + reach, len(at)


def _targets(targets: Mapping[Any, float], blocks: Any) -> dict[tuple[str, str], float]:
    known = {name for _, _, figures in blocks for name in figures}
    labels = {label for label, _, _ in blocks}
    wanted = {}
    for key, target in targets.items():
        name, label = key if isinstance(key, tuple) else (key, ALL)
        if name not in known or label not in labels:
            msg = f"targets[{key!r}] is of no figure here; measures are {', '.join(sorted(known))}"
            raise InvalidInputError(msg, argument="targets", value=key)
        wanted[name, label] = as_number(target, f"targets[{key!r}]")
    return wanted


def _notes(log: EventLog, starts: Any) -> tuple[str, ...]:
    until = instant(starts[-1], log.timezone)
    if until == log._until:
        return ()
    return (f"the period from {starts[-1]} is not over: nothing of it counts",)
