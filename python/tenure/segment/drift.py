"""Have segments changed between two dates? Shares, the stability index, and who moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._intervals import wilson
from tenure._results import Table
from tenure._validation import Floats, Ints, as_level, as_number
from tenure.segment._clusterings import as_names, numbered
from tenure.segment._drift_tests import ChiSquareTest, homogeneity, index_limits, symmetry, tail


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Drift(Table):
    """How the shares of segments changed, and which members moved.

    Attributes
    ----------
    segment : array of k labels
        Of either date, ascending.
    before, after : int64 arrays
        Members.
    before_share, after_share : float64 arrays
    change, lower, upper : float64 arrays
        ``after_share - before_share`` with limits.
    part : float64 array
        What each segment adds to `psi`.
    psi : float
        Population stability index.
    psi_lower, psi_upper : float
        Limits of the index of the populations that the members were drawn from.
    expected_psi : float
        Mean of the index where nothing changed but the members drawn.
    p_value : float
        Probability of an index as large where nothing changed.
    migration : int64 array of shape (k, k) or None
        Members of both dates by segment before (rows) and after; None without ids.
    stayed, stayed_lower, stayed_upper : float or None
        Share of the members of both dates who are in the same segment.
    left, joined : int or None
        Members of one date only.
    symmetry : ChiSquareTest or None
        Do as many members move from one segment to another as back? [Bowker 1948]
    homogeneity : ChiSquareTest or None
        Have the shares changed among members of both dates? [Stuart 1955; Maxwell 1970]
    level : float
    smoothing : float

    Examples
    --------
    >>> import tenure as tn
    >>> d = tn.segment.drift(["a"] * 60 + ["b"] * 40, ["a"] * 45 + ["b"] * 55)
    >>> d.before.tolist(), d.after.tolist(), round(d.psi, 4)
    ([60, 40], [45, 55], 0.0909)
    """

    segment: npt.NDArray[Any]
    before: Ints
    after: Ints
    before_share: Floats
    after_share: Floats
    change: Floats
    lower: Floats
    upper: Floats
    part: Floats
    psi: float
    psi_lower: float
    psi_upper: float
    expected_psi: float
    p_value: float
    migration: Ints | None
    stayed: float | None
    stayed_lower: float | None
    stayed_upper: float | None
    left: int | None
    joined: int | None
    symmetry: ChiSquareTest | None
    homogeneity: ChiSquareTest | None
    level: float
    smoothing: float

    def __len__(self) -> int:
        return len(self.segment)

    def _columns(self) -> Mapping[str, Any]:
        names = ("segment", "before", "after", "before_share", "after_share")
        return {n: getattr(self, n) for n in (*names, "change", "lower", "upper", "part")}

    def _title(self) -> str:
        limits = f"{100 * self.level:g} % limits {self.psi_lower:.4f} to {self.psi_upper:.4f}"
        text = (
            f"Stability index {self.psi:.4f} ({limits}), {self.expected_psi:.4f} expected by "
            f"chance, p = {self.p_value:.3g}"
        )
        if self.stayed is None:
            return text
        return (
            f"{text}; {100 * self.stayed:.1f} % of the members of both dates stayed in their "
            f"segment, {self.left:,} left, {self.joined:,} joined"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the shares of each segment at both dates.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib Axes
        """
        from tenure import plotting

        height = 1.3 + 0.5 * len(self)
        ax = plotting.axes(ax, figsize=(6.4, height)) if ax is None else plotting.axes(ax)
        names = [str(s) for s in self.segment]
        plotting.paired_bars(
            names, self.after_share, self.before_share, names=("after", "before"), ax=ax
        )
        ax.set_xlabel("Share of the members")
        ax.set_title(f"Stability index {self.psi:.3f}", loc="left")
        return ax


def drift(
    before: Any,
    after: Any,
    *,
    before_ids: Any = None,
    after_ids: Any = None,
    smoothing: float = 0.0,
    level: float = 0.95,
) -> Drift:
    """Return how the shares of segments changed between two dates, and whether by chance.

    Parameters
    ----------
    before, after : arrays of n and m labels
        Segment of each member at either date.
    before_ids, after_ids : arrays of n and m ids, optional
        Who the members are, each once: members of both dates are then followed, and tests know
        that they are no independent samples. Without ids they are taken as independent.
    smoothing : float, default 0
        Added to the members of each segment at both dates, for the index alone: it is infinite
        where a segment is empty at one date. 0.5 is a common choice.
    level : float, default 0.95
        Of the limits.

    Returns
    -------
    Drift

    Raises
    ------
    InvalidInputError
        If a label or an id is missing, an id comes twice, there is but one segment, or a segment is
        empty at one date and there is no smoothing.

    Notes
    -----
    ``psi = sum (q - p) log(q / p)`` over the shares p before and q after. Where nothing changed it
    is not 0 but about (k - 1)(1/n + 1/m) times a chi-square over its k - 1 degrees of freedom, so
    fixed bounds such as 0.1 and 0.25 say little about small samples; with members of both dates
    the scale and the degrees come from their joint distribution. [Yurdakul 2018; Satterthwaite
    1946] docs/methods/choosing_segments.md

    Examples
    --------
    >>> import tenure as tn
    >>> who = {"before_ids": [1, 2, 3, 4], "after_ids": [1, 2, 3, 5]}
    >>> d = tn.segment.drift(["a", "a", "b", "b"], ["a", "b", "b", "b"], **who)
    >>> d.migration.tolist(), d.left, d.joined, round(d.stayed, 3)
    ([[1, 1], [0, 1]], 1, 1, 0.667)
    """
    level = as_level(level)
    smoothing = as_number(smoothing, "smoothing", at_least=0.0)
    old, new = as_names(before, -1, "before"), as_names(after, -1, "after")
    for name, labels in (("before", old), ("after", new)):
        if not len(labels):
            msg = f"{name} must hold a member at least, got none"
            raise InvalidInputError(msg, argument=name)
    if old.dtype.kind != new.dtype.kind:
        old, new = old.astype(object), new.astype(object)
    segment, code = numbered(np.concatenate([old, new]), "before and after")
    k, n, m = len(segment), len(old), len(new)
    if k < 2:
        msg = "before and after must name two segments at least, got one"
        raise InvalidInputError(msg, argument="before", value=k)
    first, last = code[:n].astype(np.int64), code[n:].astype(np.int64)
    joint = _joint(first, last, before_ids, after_ids, k)
    counts = np.array([np.bincount(c, minlength=k) for c in (first, last)])
    if smoothing == 0.0 and (counts == 0).any():
        date, place = (int(i) for i in np.argwhere(counts == 0)[0])
        msg = (
            f"segment {segment[place].item()!r} has no members {('before', 'after')[date]}: the "
            "index is infinite; smoothing=0.5 adds half a member to each segment"
        )
        raise InvalidInputError(msg, argument=("before", "after")[date], value=segment[place])
    p, q = counts[0] / n, counts[1] / m
    both = np.zeros((k, k)) if joint is None else joint.astype(np.float64)
    cross = _cross(both, n, m)
    spread = _multinomial(p) / n + _multinomial(q) / m - cross - cross.T
    half = -NormalDist().inv_cdf((1.0 - level) / 2.0) * np.sqrt(np.maximum(np.diag(spread), 0.0))
    ps, qs = ((c + smoothing) / (c + smoothing).sum() for c in counts)
    part = (qs - ps) * np.log(qs / ps)
    psi = float(part.sum())
    weights = _null_weights((counts[0] + counts[1]) / (n + m), n, m, cross)
    total = float(weights.sum())
    scale = float((weights**2).sum()) / total if total > 0.0 else 0.0
    slope = np.concatenate([-np.log(qs / ps) - (qs - ps) / ps, np.log(qs / ps) + (qs - ps) / qs])
    variance = slope @ np.block([[_multinomial(p) / n, cross], [cross.T, _multinomial(q) / m]])
    lower, upper = index_limits(psi, total, scale, float(variance @ slope), level)
    stayed = _stayed(both, level) if joint is not None and joint.sum() else (None, None, None)
    followed = joint is not None
    return Drift(
        segment=segment,
        before=counts[0],
        after=counts[1],
        before_share=p,
        after_share=q,
        change=q - p,
        lower=np.maximum(q - p - half, -1.0),
        upper=np.minimum(q - p + half, 1.0),
        part=part,
        psi=psi,
        psi_lower=lower,
        psi_upper=upper,
        expected_psi=total,
        p_value=tail(psi / scale, total / scale) if scale > 0.0 else 1.0,
        migration=joint,
        stayed=stayed[0],
        stayed_lower=stayed[1],
        stayed_upper=stayed[2],
        left=n - int(both.sum()) if followed else None,
        joined=m - int(both.sum()) if followed else None,
        symmetry=symmetry(both) if followed else None,
        homogeneity=homogeneity(both) if followed else None,
        level=level,
        smoothing=smoothing,
    )


def _joint(first: Ints, last: Ints, before_ids: Any, after_ids: Any, k: int) -> Ints | None:
    if before_ids is None and after_ids is None:
        return None
    if before_ids is None or after_ids is None:
        name = "before_ids" if before_ids is None else "after_ids"
        msg = f"{name} must be given too, to know who is a member of both dates"
        raise InvalidInputError(msg, argument=name)
    ids = _ids(before_ids, len(first), "before_ids"), _ids(after_ids, len(last), "after_ids")
    if ids[0].dtype.kind != ids[1].dtype.kind:
        ids = ids[0].astype(object), ids[1].astype(object)
    try:
        _, here, there = np.intersect1d(*ids, assume_unique=True, return_indices=True)
    except TypeError as error:
        msg = f"after_ids must be of the same kind as before_ids: {error}"
        raise InvalidInputError(msg, argument="after_ids") from error
    return np.bincount(first[here] * k + last[there], minlength=k * k).reshape(k, k)


def _ids(values: Any, rows: int, name: str) -> npt.NDArray[Any]:
    ids = as_names(values, -1, name)
    if len(ids) != rows:
        msg = f"{name} must have one id for each of the {rows} members, got {len(ids)}"
        raise InvalidInputError(msg, argument=name)
    distinct, code = numbered(ids, name)
    if len(distinct) < len(ids):
        _, first = np.unique(code, return_index=True)
        row = int(np.setdiff1d(np.arange(len(code)), first)[0])
        msg = f"{name}[{row}] must come once, got {ids[row].item()!r} again"
        raise InvalidInputError(msg, argument=name, row=row, value=ids[row])
    return ids


def _multinomial(p: Floats) -> Floats:
    return np.asarray(np.diag(p) - np.outer(p, p))


def _cross(both: Floats, n: int, m: int) -> Floats:
    """Covariance of the shares before with those after, by the members of both dates."""
    members = both.sum()
    if members == 0:
        return np.zeros_like(both)
    return np.asarray((both - np.outer(both.sum(axis=1), both.sum(axis=0)) / members) / n / m)


def _null_weights(pooled: Floats, n: int, m: int, cross: Floats) -> Floats:
    """What multiplies each chi-square of 1 degree in the index where nothing changed."""
    spread = _multinomial(pooled) * (1 / n + 1 / m) - cross - cross.T
    root = np.sqrt(np.where(pooled > 0.0, pooled, 1.0))
    values = np.linalg.eigvalsh(spread / np.outer(root, root))
    # One is 0, as shares add up to 1; rounding may leave it, and no other, below.
    found: Floats = np.maximum(values, 0.0)
    return np.where(found > 1e-9 * (1 / n + 1 / m), found, 0.0)


def _stayed(both: Floats, level: float) -> tuple[float, float, float]:
    same, of = float(np.trace(both)), float(both.sum())
    lower, upper = wilson([same], [of], level)
    return same / of, float(lower[0]), float(upper[0])
