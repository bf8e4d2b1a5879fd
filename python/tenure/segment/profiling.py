"""Profiles: what makes a segment different from the other customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import frozen
from tenure._validation import Floats, Ints, as_choice, as_count, as_level, as_number
from tenure.segment._features import chosen_columns
from tenure.segment._frame import Column, Frame
from tenure.segment._labels import as_labels
from tenure.segment._moments import describe
from tenure.segment._ratio import difference_p, ratio_limits
from tenure.segment._traits import Traits, traits_of
from tenure.segment.profile_result import Profile, ProfileNumbers, ProfileTraits

_MOST_CELLS = 2**20


def profile(
    table: Any,
    labels: Any,
    *,
    columns: Sequence[str] | None = None,
    bins: int = 4,
    max_levels: int = 50,
    rare: str = "raise",
    fdr: float = 0.05,
    level: float = 0.95,
) -> Profile:
    """Say what makes each segment different: traits that are more frequent, numbers that differ.

    Parameters
    ----------
    table : data frame or dict of arrays
        One row a customer. Texts and flags are traits as they are, numbers are also compared as
        numbers, and cut into traits.
    labels : array of n labels, str or result
        The segment of each row: any labels, such as `KMeans.labels_`; the name of a column of the
        table; or a result such as `RFM`, whose segments without a customer are kept.
    columns : sequence of str, optional
        Which columns to compare. Default: all but the labels'.
    bins : int, default 4
        Numbers are cut at their quantiles into at most so many traits.
    max_levels : int, default 50
        A column of more different texts is refused, or see `rare`.
    rare : {"raise", "other"}
        ``other``: all texts but the ``max_levels - 1`` most frequent ones become "(other)".
    fdr : float, default 0.05
        What the words and pictures tell of: adjusted p-values up to this.
    level : float
        Confidence level of the limits, which are not adjusted for their number.

    Returns
    -------
    Profile

    Raises
    ------
    InvalidInputError
        If there are fewer than two segments, a label is missing, a number is infinite, a column
        holds dates or too many texts. The message names it.

    Notes
    -----
    Shares are compared by the score test (by Fisher's exact test where fewer than 5 customers are
    expected in a cell), with Koopman's limits of the ratio; means by Welch's test, with limits of
    the standardised difference by the delta method. The false discovery rate is held over all tests
    of the profile [Benjamini & Hochberg 1995]. Segments that were made of these very columns differ
    by construction: then the tests only sort, and p-values mean nothing. Formulas:
    docs/methods/profiles.md.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> table = log.calibration_holdout("1997-09-30", "1998-06-30").to_arrow()
    >>> later = tn.segment.rules([("came back", "orders_holdout > 0")], otherwise="did not")
    >>> early = ["frequency", "recency", "revenue"]
    >>> p = tn.segment.profile(table, later.assign(table), columns=early)
    >>> p.names(1), p.table(1).value.round(2).tolist()
    ({'came back': 'high recency', 'did not': 'low recency'}, [1.08, -1.08])
    """
    frame = Frame(table)
    code, segments = as_labels(labels, frame.rows, frame)
    bins = as_count(bins, "bins", at_least=2)
    max_levels = as_count(max_levels, "max_levels", at_least=2)
    as_choice(rare, "rare", ("raise", "other"))
    fdr = as_number(fdr, "fdr", above=0.0, below=1.0)
    level = as_level(level)
    chosen = [frame.column(name) for name in chosen_columns(frame, columns, labels)]
    traits = [traits_of(column, bins, max_levels, rare) for column in chosen]
    cells = len(segments) * sum(len(t.levels) for t in traits)
    if cells > _MOST_CELLS:
        msg = f"{cells:,} cells of segments by traits are more than 2**20: name fewer columns"
        raise InvalidInputError(msg, argument="columns", value=cells)
    size = np.bincount(code, minlength=len(segments))
    varied = [t for t in traits if len(t.levels) > 1]
    constant = tuple(t.column for t in traits if len(t.levels) == 1)
    shares = _shares(varied, code, size, level)
    numbers = [c for c in chosen if c.kind == "number" and c.name not in constant]
    means = [describe(c.values, code, len(segments), level) for c in numbers]
    tested = [shares["p_value"], *(m["p_value"] for m in means)]
    p = np.concatenate(tested)
    adjusted = _core.survival.adjusted_p_values(p, "benjamini_hochberg")
    adjusted = np.where(np.isnan(p), np.nan, adjusted)
    parts = np.split(adjusted, np.cumsum([len(t) for t in tested])[:-1])
    return Profile(
        segments=segments,
        customers=frozen(size),
        traits=ProfileTraits(
            segment=tuple(s for t in varied for s in np.repeat(segments, len(t.levels)).tolist()),
            column=tuple(t.column for t in varied for _ in range(len(t.levels) * len(segments))),
            trait=tuple(name for t in varied for _ in segments for name in t.levels),
            p_adjusted=parts[0],
            **shares,
        ),
        numbers=_numbers(numbers, means, segments, parts[1:]),
        constant=constant,
        n_tests=int(np.count_nonzero(~np.isnan(p))),
        fdr=fdr,
        level=level,
    )


def _shares(traits: list[Traits], code: Any, size: Ints, level: float) -> dict[str, Any]:
    """Counts and what follows from them, one row a column, segment and trait."""
    segments, rows = len(size), int(size.sum())
    counted = [
        np.bincount(code * len(t.levels) + t.code, minlength=segments * len(t.levels))
        for t in traits
    ]
    x1 = np.concatenate(counted) if counted else np.empty(0, dtype=np.int64)
    n1 = np.concatenate([np.repeat(size, len(t.levels)) for t in traits] or [x1])
    have = [np.tile(c.reshape(segments, -1).sum(axis=0), segments) for c in counted]
    x2 = np.concatenate(have or [x1]) - x1
    n2 = rows - n1
    with np.errstate(all="ignore"):
        share, rest = x1 / n1, x2 / n2
        base = (x1 + x2) / rows
        index = share / base
        spread = np.sqrt(0.5 * (share * (1.0 - share) + rest * (1.0 - rest)))
        smd = np.where(share == rest, 0.0, (share - rest) / spread)
    smd[(n1 == 0) | (n2 == 0)] = np.nan
    weight = n1 / rows
    limits = [_of_base(r, weight) for r in ratio_limits(x1, n1, x2, n2, level)]
    return {
        "customers": x1,
        "share": share,
        "base_share": base,
        "index": index,
        "lower": limits[0],
        "upper": limits[1],
        "smd": smd,
        "p_value": difference_p(x1, n1, x2, n2),
    }


def _of_base(ratio: Floats, weight: Floats) -> Floats:
    """The ratio to all customers that goes with a ratio to the others: it grows with it."""
    with np.errstate(all="ignore"):
        of_base: Floats = 1.0 / (weight + (1.0 - weight) / ratio)
    return of_base


def _numbers(
    columns: list[Column], means: list[dict[str, Any]], segments: tuple[str, ...], adjusted: Any
) -> ProfileNumbers:
    fields = ProfileNumbers.__dataclass_fields__
    joined = {
        name: np.concatenate([m[name] for m in means] or [np.empty(0)])
        for name in fields
        if name not in ("segment", "column", "p_adjusted")
    }
    for name in ("customers", "missing"):
        joined[name] = joined[name].astype(np.int64)
    return ProfileNumbers(
        segment=segments * len(columns),
        column=tuple(c.name for c in columns for _ in segments),
        p_adjusted=np.concatenate(list(adjusted) or [np.empty(0)]),
        **joined,
    )
