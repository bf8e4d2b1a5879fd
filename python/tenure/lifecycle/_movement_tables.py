"""What follows from movement: stays, rises and falls, homogeneity, absorption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure import _core
from tenure._intervals import wilson
from tenure._results import Table
from tenure._validation import Floats, Ints
from tenure.lifecycle._chain import Chain

if TYPE_CHECKING:
    from tenure.lifecycle.movement import Movement


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sojourns(Table):
    """How long customers stay in each stage, in periods.

    Attributes
    ----------
    stage : tuple of str
    staying : ndarray of float
        Estimated probability to be in the stage again at the next date.
    expected, lower, upper : ndarray of float
        Mean stay 1 / (1 - p_ii) of the chain, with the limits of p_ii; infinite where all stay.
    runs : ndarray of int
        Stays seen from their beginning to their end.
    mean_run : ndarray of float
        Their mean length. Longer stays are cut off by the ends of the panel more often: where it
        falls short of `expected` that is one reason, and stays that are not geometric another.

    Examples
    --------
    >>> import tenure as tn
    >>> codes = [[0, 0, 1, 1], [1, 0, 0, 1], [1, 1, 0, 1], [0, 1, 0, 1]]
    >>> panel = tn.lifecycle.StagePanel.from_codes(codes, ["active", "lost"])
    >>> tn.lifecycle.movement(panel, alpha=0.0).sojourns().expected.tolist()
    [2.5, 3.5]
    """

    stage: tuple[str, ...]
    staying: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    runs: Ints
    mean_run: Floats

    def _columns(self) -> Mapping[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def _title(self) -> str:
        return "Stays by stage, in periods"


def sojourns_of(m: Movement) -> Sojourns:
    k = len(m.stages)
    stay, low, high = (np.diag(a)[:k].copy() for a in (m.probabilities, m.lower, m.upper))
    with np.errstate(divide="ignore", invalid="ignore"):
        expected, lower, upper = (1.0 / (1.0 - p) for p in (stay, low, high))
        mean_run = m._run_periods[:k] / m._runs[:k]
    return Sojourns(m.stages, stay, expected, lower, upper, m._runs[:k], mean_run)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Rises(Table):
    """Who rose, fell, stayed, came and left, by period.

    Attributes
    ----------
    start : tuple
        Date at which the period begins.
    customers : ndarray of int
        At that date.
    rose, fell, level, births, exits : ndarray of int
        `level` are those in a stage of the same rank at both dates.
    rise, rise_lower, rise_upper, fall, fall_lower, fall_upper : ndarray of float
        Shares of the customers at the start, with Wilson limits.

    Examples
    --------
    >>> import tenure as tn
    >>> codes = [[0, 1, 1, -1], [1, 1, 0, 0]]
    >>> panel = tn.lifecycle.StagePanel.from_codes(codes, ["active", "lost"])
    >>> r = tn.lifecycle.movement(panel).rises()
    >>> [int(a[0]) for a in (r.rose, r.fell, r.level, r.births, r.exits)]
    [1, 1, 1, 1, 0]
    """

    start: tuple[Any, ...]
    customers: Ints
    rose: Ints
    fell: Ints
    level: Ints
    births: Ints
    exits: Ints
    rise: Floats
    rise_lower: Floats
    rise_upper: Floats
    fall: Floats
    fall_lower: Floats
    fall_upper: Floats

    def _columns(self) -> Mapping[str, Any]:
        names = [n for n in self.__dataclass_fields__ if n != "start"]
        return {"start": [str(t) for t in self.start]} | {n: getattr(self, n) for n in names}

    def _title(self) -> str:
        return f"Upgrades and downgrades in {len(self.start)} periods"


def rises_of(m: Movement) -> Rises:
    k = len(m.stages)
    rank = np.array(m.ranks)
    step = np.sign(rank[None, :] - rank[:, None])
    inner = m.counts[:, :k, :k]
    rose, fell, level = ((inner * (step == s)).sum(axis=(1, 2)) for s in (1, -1, 0))
    exits = m.counts[:, :k, k].sum(axis=1)
    customers = rose + fell + level + exits
    shares = []
    for count in (rose, fell):
        low, high = wilson(count, customers, m.level)
        share = np.divide(count, customers, out=np.full(len(count), np.nan), where=customers > 0)
        shares += [share, low, high]
    return Rises(m.at[:-1], customers, rose, fell, level, m.births, exits, *shares)


@dataclass(frozen=True, slots=True)
class Homogeneity:
    """Whether the probabilities of moves are the same in all periods [Anderson & Goodman 1957].

    Attributes
    ----------
    statistic : float
        Pearson's X^2 of the counts of each period against the probabilities of all periods.
    likelihood_ratio : float
        2 log of the likelihood ratio of the same hypotheses.
    df : int
        Sum over states of (periods with somebody in it - 1) (states that were reached - 1).
    p_value, likelihood_ratio_p_value : float
        By the chi-square distribution, moves taken as independent; NaN without degrees of freedom.

    Examples
    --------
    >>> import tenure as tn
    >>> codes = [[0] * 20, [0] * 10 + [1] * 10, [0] * 10 + [1] * 10]
    >>> panel = tn.lifecycle.StagePanel.from_codes(codes, ["active", "lost"])
    >>> test = tn.lifecycle.movement(panel).homogeneity()
    >>> test.df, round(test.statistic, 3), round(test.p_value, 4)
    (1, 7.5, 0.0062)
    """

    statistic: float
    likelihood_ratio: float
    df: int
    p_value: float
    likelihood_ratio_p_value: float


def homogeneity_statistics(counts: Ints) -> tuple[float, float, int]:
    """Return X^2, the likelihood ratio and the degrees of freedom."""
    n = counts.astype(np.float64)
    left = n.sum(axis=2, keepdims=True)
    total = n.sum(axis=0)
    whole = total.sum(axis=1, keepdims=True)
    share = np.divide(total, whole, out=np.zeros_like(total), where=whole > 0)
    expected = left * share
    some = expected > 0
    x2 = float((((n - expected) ** 2)[some] / expected[some]).sum())
    both = n > 0
    ratio = 2.0 * float((n[both] * np.log(n[both] / expected[both])).sum())
    periods = (left[:, :, 0] > 0).sum(axis=0)
    targets = (total > 0).sum(axis=1)
    df = int(((periods - 1).clip(0) * (targets - 1).clip(0)).sum())
    return x2, ratio, df


def homogeneity_of(m: Movement) -> Homogeneity:
    x2, ratio, df = homogeneity_statistics(m.counts)
    p = np.full(2, np.nan)
    if df > 0:
        p = _core.special.chi_square_survival(np.array([x2, ratio]), np.full(2, float(df)))
    return Homogeneity(x2, ratio, df, float(p[0]), float(p[1]))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Absorption(Table):
    """First passage of the chain into one stage.

    Attributes
    ----------
    stage : tuple of str
    status : tuple of {"reached", "target", "no path"}
        "no path": no customer was ever seen on a way from the stage into the target.
    probability, lower, upper : ndarray of float
        Of ever coming there; 1 in the target, 0 without a path.
    periods, periods_lower, periods_upper : ndarray of float
        Expected number until then, of those who come; NaN without a path.
    into : str
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> codes = [[0, 0, 0, 0, 1], [0, 0, 0, 1, 1]]
    >>> panel = tn.lifecycle.StagePanel.from_codes(codes, ["active", "lost"])
    >>> a = tn.lifecycle.movement(panel, alpha=0.0).absorption(into="lost")
    >>> a.status, a.periods.tolist()
    (('reached', 'target'), [4.0, 0.0])
    """

    stage: tuple[str, ...]
    status: tuple[str, ...]
    probability: Floats
    lower: Floats
    upper: Floats
    periods: Floats
    periods_lower: Floats
    periods_upper: Floats
    into: str
    level: float

    def _columns(self) -> Mapping[str, Any]:
        names = [n for n in self.__dataclass_fields__ if n not in {"into", "level"}]
        return {name: getattr(self, name) for name in names}

    def _title(self) -> str:
        return f"First passage into {self.into!r}"


_STATUS = ("reached", "target", "no path")


def absorption_of(
    m: Movement, chain: Chain, into: int, draws: int, seed: int, threads: int
) -> Absorption:
    k, states = len(m.stages), chain.states
    target = np.zeros(states, dtype=np.uint8)
    target[into] = 1
    # Which paths there are, the data say: smoothing would put a path everywhere.
    seen = m.counts.sum(axis=0) > 0
    reached = _paths(seen, into)
    status = tuple(
        "target" if i == into else "reached" if reached[i] else "no path" for i in range(k)
    )
    without = ~reached[:k] & (np.arange(k) != into)

    def passage(matrix: Floats) -> tuple[Floats, Floats]:
        _, probability, periods = _core.lifecycle.absorb(
            np.ascontiguousarray(matrix).ravel(), target
        )
        return (
            np.where(without, 0.0, probability[:k]),
            np.where(without, np.nan, periods[:k]),
        )

    probability, periods = passage(chain.closed())
    drawn = [passage(matrix) for matrix in chain.drawn(draws, seed, threads)]
    tail = (1.0 - m.level) / 2.0
    (low, high), (soonest, latest) = (
        np.quantile([d[i] for d in drawn], [tail, 1.0 - tail], axis=0) for i in (0, 1)
    )
    return Absorption(
        m.stages,
        status,
        probability,
        low,
        high,
        periods,
        soonest,
        latest,
        into=(*m.stages, "(exit)")[into],
        level=m.level,
    )


def _paths(seen: Any, into: int) -> Any:
    reached = np.zeros(len(seen), dtype=bool)
    reached[into] = True
    for _ in range(len(seen)):
        reached |= (seen & reached[None, :]).any(axis=1)
    return reached
