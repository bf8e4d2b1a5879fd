"""The predictive distribution of every customer's purchases in a hold-out, and scores of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure._errors import InvalidInputError
from tenure._validation import Floats, Ints
from tenure.clv import _data
from tenure.events import CalibrationHoldout, Summary
from tenure.events._frames import as_reader, column_names

if TYPE_CHECKING:
    from tenure.clv._transaction import TransactionModel

#: What is left of a distribution may be this much where it is cut off; CRPS feels its square.
_TAIL = 1e-8
_CELLS = 2_000_000
_MOST = 4_000_000
_STEP = 8


@dataclass(frozen=True, slots=True)
class CountForecast:
    """What a model said of n customers' counts, seen from the counts that came.

    `probability` is P(X = y), `below` P(X < y), `crps` the integral of (P(X <= k) - [y <= k])^2.
    `lower`, `upper` and `inside` have a row for each level: the equal-tailed interval, and the
    probability that it holds under the model.
    """

    probability: Floats
    below: Floats
    crps: Floats
    lower: Ints
    upper: Ints
    inside: Floats


def as_holdout(value: Any, name: str = "calibration_holdout") -> CalibrationHoldout:
    """Return a hold-out with at least one customer and some time in it."""
    if not isinstance(value, CalibrationHoldout):
        msg = (
            f"{name} must be a CalibrationHoldout, got {type(value).__name__}: "
            "log.calibration_holdout(cut) makes one"
        )
        raise InvalidInputError(msg, argument=name)
    if not len(value):
        msg = f"{name} has no customers: nobody ordered before the cut"
        raise InvalidInputError(msg, argument=name)
    if not value.duration > 0.0:
        msg = f"{name} has a hold-out of length 0: the cut must lie before the end"
        raise InvalidInputError(msg, argument=name, value=value.duration)
    return value


def gives_counts(model: TransactionModel) -> bool:
    """Whether the model knows the distribution of a customer's purchases given the history."""
    return hasattr(model, "probability_of_n_purchases_given")


def as_rows(data: Any, holdout: CalibrationHoldout) -> Any:
    """Return what models read: the history of the hold-out, or `data` about the same customers."""
    if data is None:
        return holdout.calibration
    p, base = _data.purchases(data), holdout.calibration
    if len(p.frequency) != len(base):
        msg = f"data has {len(p.frequency)} rows and the hold-out {len(base)} customers"
        raise InvalidInputError(msg, argument="data")
    same = (p.frequency == base.frequency) & (p.recency == base.recency) & (p.T == base.T)
    if not same.all():
        row = int(np.argmin(same))
        msg = f"data[{row}] has another frequency, recency or T than the hold-out's customer {row}"
        raise InvalidInputError(msg, argument="data", row=row)
    return data


def histories(rows: Any) -> tuple[Any, Ints]:
    """Return the distinct histories, and for each customer which one it is.

    Of data with columns of their own every customer is one.
    """
    if not isinstance(rows, Summary):
        table = as_reader(rows, column_names(rows)).read_all()
        return table, np.arange(table.num_rows)
    columns = {n: np.asarray(getattr(rows, n), np.float64) for n in ("frequency", "recency", "T")}
    order = np.lexsort(list(columns.values()))
    new = np.zeros(len(order), dtype=bool)
    new[0] = True
    for column in columns.values():
        sorted_column = column[order]
        new[1:] |= sorted_column[1:] != sorted_column[:-1]
    which = np.empty(len(order), dtype=np.int64)
    which[order] = np.cumsum(new) - 1
    first = order[new]
    return {n: column[first] for n, column in columns.items()}, which


def forecast(
    model: TransactionModel,
    holdout: CalibrationHoldout,
    levels: Sequence[float] = (),
    data: Any = None,
) -> CountForecast:
    """Return the model's predictive distribution at, below and around the counts that came.

    Each distinct history is computed once, those that expect few purchases first, in blocks whose
    table of probabilities stays within a few megabytes.
    """
    rows, which = histories(as_rows(data, holdout))
    actual = holdout.orders_holdout.astype(np.int64)
    expected = np.asarray(model.expected_purchases(rows, holdout.duration))
    most = np.zeros(len(expected), dtype=np.int64)
    np.maximum.at(most, which, actual)
    size = np.maximum(most + 1, np.ceil(2.0 * expected).astype(np.int64) + 32)
    by_size = np.argsort(size, kind="stable")
    # The customers of each history, in the order in which the histories are walked.
    place = np.empty(len(by_size), dtype=np.int64)
    place[by_size] = np.arange(len(by_size))
    customers = np.argsort(place[which], kind="stable")
    begin = np.concatenate([[0], np.cumsum(np.bincount(place[which], minlength=len(by_size)))])

    n = len(which)
    probability, below, crps = np.empty(n), np.empty(n), np.empty(n)
    lower = np.empty((len(levels), n), dtype=np.int64)
    upper, inside = np.empty_like(lower), np.empty((len(levels), n))
    tail = min([_TAIL, *((1.0 - level) / 8.0 for level in levels)])
    at = 0
    while at < len(by_size):
        stop = at + 1
        while stop < len(by_size) and (stop - at + 1) * size[by_size[stop]] <= _CELLS:
            stop += 1
        block = by_size[at:stop]
        pmf = _probabilities(model, _some(rows, block), holdout.duration, most[block], tail)
        cdf = np.minimum(np.cumsum(pmf, axis=1), 1.0)
        who = customers[begin[at] : begin[stop]]
        r, y = place[which[who]] - at, actual[who]
        probability[who] = pmf[r, y]
        below[who] = np.where(y > 0, cdf[r, y - 1], 0.0)
        # sum of (F - [y <= k])^2 = sum of (1 - F)^2 + sum over k < y of (2 F - 1)
        before = np.cumsum(cdf, axis=1)
        beyond = ((1.0 - cdf) ** 2).sum(axis=1)
        crps[who] = beyond[r] + 2.0 * np.where(y > 0, before[r, y - 1], 0.0) - y
        for i, level in enumerate(levels):
            low = _quantile(cdf, (1.0 - level) / 2.0)
            high = _quantile(cdf, (1.0 + level) / 2.0)
            k = np.arange(len(block))
            within = cdf[k, high] - np.where(low > 0, cdf[k, low - 1], 0.0)
            lower[i, who], upper[i, who], inside[i, who] = low[r], high[r], within[r]
        at = stop
    return CountForecast(probability, below, crps, lower, upper, inside)


def _some(rows: Any, which: Ints) -> Any:
    if isinstance(rows, pa.Table):
        return rows.take(pa.array(which))
    return {name: column[which] for name, column in rows.items()}


def _probabilities(
    model: TransactionModel, rows: Any, horizon: float, most: Ints, tail: float
) -> Floats:
    """P(X = 0), P(X = 1), ... of each row, beyond `most` and so far that only a tail is left.

    Rows that need more get more; what is left of the others stays 0.
    """
    given = model.probability_of_n_purchases_given  # type: ignore[attr-defined]
    pmf = np.asarray(given(rows, np.arange(_STEP), horizon))
    while True:
        size = pmf.shape[1]
        going = np.flatnonzero((1.0 - pmf.sum(axis=1) > tail) | (most >= size))
        if not going.size:
            return pmf
        if size > _MOST:
            msg = f"more than {_MOST:,} purchases of one customer are likely in {horizon:g}"
            raise InvalidInputError(msg, argument="horizon", value=horizon)
        more = np.zeros((len(pmf), max(_STEP, size // 2)))
        numbers = np.arange(size, size + more.shape[1])
        more[going] = given(_some(rows, going), numbers, horizon)
        pmf = np.concatenate([pmf, more], axis=1)


def _quantile(cdf: Floats, share: float) -> Ints:
    """The least k with F(k) >= share, up to rounding."""
    reached: Ints = np.minimum((cdf < share - 1e-12).sum(axis=1), cdf.shape[1] - 1)
    return reached
