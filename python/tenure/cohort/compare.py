"""Do cohorts or groups differ in retention? Two-proportion tests at each age."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, Ints, as_choice, as_count, as_level
from tenure.cohort._retention_result import Retention

CORRECTIONS = ("holm", "benjamini_hochberg", "none")

_MAX_TESTS = 2**20


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Homogeneity(Table):
    """Whether all cohorts or groups retain alike, age by age: Pearson's chi-square.

    Attributes
    ----------
    age : ndarray of int, shape (n_ages,)
    n_groups : ndarray of int, shape (n_ages,)
        Cohorts or groups observed at that age.
    statistic : ndarray of float, shape (n_ages,)
        Chi-square of the table of 2 x `n_groups`.
    df : ndarray of int, shape (n_ages,)
    p_value, p_adjusted : ndarray of float, shape (n_ages,)
        Adjusted over the ages. 1 where fewer than two are observed.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> came = [1] * 30 + [2] * 12 + [1] * 30 + [2] * 21
    >>> rows = {
    ...     "id": [*range(30), *range(12), *range(30, 60), *range(30, 51)],
    ...     "day": [dt.date(2024, m, 5) for m in came],
    ...     "ad": ["web"] * 42 + ["tv"] * 51,
    ... }
    >>> log = tn.EventLog(
    ...     rows, customer="id", time="day", properties=["ad"], observed_until="2024-02-29"
    ... )
    >>> tn.cohort.compare(tn.cohort.retention(log, by="ad")).overall
    Homogeneity by ad: 1 ages, adjusted by holm
    age  n_groups  statistic  df    p_value  p_adjusted
      1         2    5.45455   1  0.0195175   0.0195175
    """

    age: Ints
    n_groups: Ints
    statistic: Floats
    df: Ints
    p_value: Floats
    p_adjusted: Floats
    between: str
    correction: str

    _column_names = ("age", "n_groups", "statistic", "df", "p_value", "p_adjusted")

    def _title(self) -> str:
        return (
            f"Homogeneity by {self.between}: {len(self.age):,} ages, adjusted by {self.correction}"
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RetentionComparison(Table):
    """Differences in retention between pairs of cohorts or groups. One row a pair and age.

    Attributes
    ----------
    age : ndarray of int, shape (n_tests,)
    group, reference : list, length n_tests
        What is compared with what.
    rate, reference_rate : ndarray of float, shape (n_tests,)
    difference, lower, upper : ndarray of float, shape (n_tests,)
        ``rate - reference_rate`` with Newcombe's limits, each for its own pair and age.
    z : ndarray of float, shape (n_tests,)
        Score statistic; its square is the chi-square of the 2 x 2 table.
    p_value, p_adjusted : ndarray of float, shape (n_tests,)
        Two-sided; adjusted over all rows.
    n_group, n_reference : ndarray of float, shape (n_tests,)
        Customers observed.
    overall : Homogeneity
        All of them together, at each age.
    between : str
        "cohort", or what the groups are told apart by.
    correction : str
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow()
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> c = tn.cohort.compare(tn.cohort.retention(log), ages=[1, 2])
    >>> [str(d) for d in c.reference[:3]], c.difference[:3].round(4).tolist()
    (['1997-01-01', '1997-01-01', '1997-02-01'], [0.0073, -0.0051, -0.0124])
    >>> c.p_adjusted[:3].round(3).tolist()
    [0.46, 0.46, 0.118]
    """

    age: Ints
    group: list[Any]
    reference: list[Any]
    rate: Floats
    reference_rate: Floats
    difference: Floats
    lower: Floats
    upper: Floats
    z: Floats
    p_value: Floats
    p_adjusted: Floats
    n_group: Floats
    n_reference: Floats
    overall: Homogeneity
    between: str
    correction: str
    level: float

    _column_names = (
        "age",
        "group",
        "reference",
        "n_group",
        "n_reference",
        "rate",
        "reference_rate",
        "difference",
        "lower",
        "upper",
        "z",
        "p_value",
        "p_adjusted",
    )

    def _title(self) -> str:
        return (
            f"Retention by {self.between}: {len(self.age):,} differences, "
            f"adjusted by {self.correction}"
        )

    def plot(self, ax: Any = None, *, age: int | None = None) -> Any:
        """Draw differences with their intervals: of one pair by age, or of all pairs at an age.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        age : int, optional
            With more than one pair: the age to show; by default the first.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        pairs = list(zip(self.group, self.reference, strict=True))
        is_one = len(set(pairs)) <= 1
        shown = np.ones(len(self.age), dtype=bool)
        if not is_one or age is not None:
            at = self.age[0] if age is None else as_count(age, "age")
            shown = self.age == at
            if not shown.any():
                msg = f"age must be one that was compared, got {age}"
                raise InvalidInputError(msg, argument="age", value=age)
        rows = np.flatnonzero(shown)
        if is_one:
            labels = [f"age {self.age[i]}" for i in rows]
        else:
            labels = [f"{pairs[i][0]} - {pairs[i][1]}" for i in rows]
        ax = plotting.axes(ax, figsize=(7.2, 1.2 + 0.32 * len(rows)))
        plotting.horizontal(ax, labels)
        plotting.points(self.difference[rows], self.lower[rows], self.upper[rows], ax=ax)
        ax.axvline(0.0, color=plotting.INK, linewidth=0.8)
        plotting.percent_ticks(ax.xaxis)
        what = f"{pairs[rows[0]][0]} - {pairs[rows[0]][1]}" if is_one and pairs else None
        where = what if is_one else f"at age {self.age[rows[0]]}"
        ax.set(xlabel="Difference in retention" + (f", {where}" if where else ""))
        return ax


def compare(
    r: Retention,
    between: str | None = None,
    *,
    ages: int | Sequence[int] | None = None,
    reference: Any = None,
    correction: str = "holm",
    level: float = 0.95,
) -> RetentionComparison:
    """Test whether cohorts, or groups, differ in the share of customers who are retained.

    At each age every pair is compared by the score test of two proportions (the chi-square test
    without continuity correction), with Newcombe's interval of the difference; and all of them
    together by Pearson's chi-square (`overall`).

    Parameters
    ----------
    r : Retention
        Of customers (``value="customers"``), divided by those at risk; not of recurring cohorts, in
        which a customer appears more than once, and not ``match="on_or_after"``, which is a curve:
        see `compare_curves`.
    between : {"groups", "cohorts"}, optional
        The groups of ``retention(by=...)``, each over all cohorts; or the cohorts. By default
        groups, if there are any.
    ages : int or list of int, optional
        Default: all but age 0.
    reference : optional
        Compare all others with this cohort (a date) or group only. Default: all pairs.
    correction : {"holm", "benjamini_hochberg", "none"}
        Adjustment of the p-values for the number of tests in the table.
    level : float
        Confidence level of the limits, which are not adjusted.

    Returns
    -------
    RetentionComparison

    Raises
    ------
    InvalidInputError
        For a result of another kind, an age or reference that it does not have, fewer than two
        cohorts or groups, or more than 2**20 tests.

    Notes
    -----
    Groups are compared over all cohorts: if their shares differ by cohort, so may their retention.
    Formulas: docs/methods/compare_cohorts.md.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> came = [1] * 30 + [2] * 12 + [1] * 30 + [2] * 21
    >>> rows = {
    ...     "id": [*range(30), *range(12), *range(30, 60), *range(30, 51)],
    ...     "day": [dt.date(2024, m, 5) for m in came],
    ...     "ad": ["web"] * 42 + ["tv"] * 51,
    ... }
    >>> log = tn.EventLog(
    ...     rows, customer="id", time="day", properties=["ad"], observed_until="2024-02-29"
    ... )
    >>> c = tn.cohort.compare(tn.cohort.retention(log, by="ad"))
    >>> c.group, c.reference, c.difference.round(2).tolist(), c.p_value.round(4).tolist()
    (['web'], ['tv'], [-0.3], [0.0195])
    >>> c.lower.round(3).tolist(), c.upper.round(3).tolist()
    ([-0.504], [-0.049])
    """
    _require_shares(r)
    between = _between(r, between)
    as_choice(correction, "correction", CORRECTIONS)
    level = as_level(level)
    counts, sizes, labels, name = _groups(r) if between == "groups" else _cohorts(r)
    if len(labels) < 2:
        msg = f"between={between!r} needs two at least, and there is {len(labels)}"
        raise InvalidInputError(msg, argument="between", value=between)
    columns = _columns_of(r, ages)
    pairs = _pairs(labels, reference, between)
    if len(pairs) * len(columns) > _MAX_TESTS:
        msg = f"{len(pairs) * len(columns):,} tests are more than 2**20: choose ages or a reference"
        raise InvalidInputError(msg, argument="ages", value=ages)

    first, second = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
    k, n = counts[:, columns].T, sizes[:, columns].T  # ages x groups
    seen = (n[:, first] > 0) & (n[:, second] > 0)
    row, pair = np.nonzero(seen)
    k1, n1, k2, n2 = (
        np.ascontiguousarray(table[row, side[pair]]) for side in (first, second) for table in (k, n)
    )
    difference, lower, upper, z, p = _core.survival.compare_proportions(k1, n1, k2, n2, level)
    age = r.ages[columns]
    return RetentionComparison(
        age=age[row],
        group=[labels[first[i]] for i in pair],
        reference=[labels[second[i]] for i in pair],
        rate=k1 / n1,
        reference_rate=k2 / n2,
        difference=difference,
        lower=lower,
        upper=upper,
        z=z,
        p_value=p,
        p_adjusted=_core.survival.adjusted_p_values(p, correction),
        n_group=n1,
        n_reference=n2,
        overall=_overall(k, n, age, name, correction),
        between=name,
        correction=correction,
        level=level,
    )


def _overall(k: Floats, n: Floats, age: Ints, name: str, correction: str) -> Homogeneity:
    statistic, df, p = _core.survival.proportion_homogeneity(
        np.ascontiguousarray(k).ravel(), np.ascontiguousarray(n).ravel(), k.shape[1]
    )
    tested = np.where(df > 0, p, np.nan)
    adjusted = _core.survival.adjusted_p_values(tested, correction)
    return Homogeneity(
        age=age,
        n_groups=(n > 0).sum(axis=1),
        statistic=statistic,
        df=df,
        p_value=p,
        p_adjusted=np.where(df > 0, adjusted, 1.0),
        between=name,
        correction=correction,
    )


def _require_shares(r: Any) -> None:
    if not isinstance(r, Retention):
        msg = f"r must be what tn.cohort.retention returns, got {type(r).__name__}"
        raise InvalidInputError(msg, argument="r")
    rules = (
        (r.value == "customers", f"of customers, not of {r.value.replace('_', ' ')}"),
        (r.anchor != "recurring", "of cohorts that a customer is in once, not recurring ones"),
        (r.match != "on_or_after", "counted, not estimated as a curve: use compare_curves"),
        (r.denominator == "at_risk", f"with denominator='at_risk', not {r.denominator!r}"),
    )
    for holds, rule in rules:
        if not holds:
            msg = f"r must be retention {rule}"
            raise InvalidInputError(msg, argument="r")


def _between(r: Retention, between: str | None) -> str:
    if between is None:
        return "cohorts" if r.groups is None else "groups"
    as_choice(between, "between", ("groups", "cohorts"))
    if between == "groups" and r.groups is None:
        msg = "between='groups' needs retention by something: tn.cohort.retention(log, by=...)"
        raise InvalidInputError(msg, argument="between", value=between)
    return between


def _cohorts(r: Retention) -> tuple[Floats, Floats, list[Any], str]:
    return r.counts, r.denominators, r.cohorts.tolist(), "cohort"


def _groups(r: Retention) -> tuple[Floats, Floats, list[Any], str]:
    """Sums over the cohorts observed at each age."""
    assert r.groups is not None
    parts = r.groups.retentions
    counts = np.array([np.nansum(p.counts, axis=0) for p in parts])
    sizes = np.array([np.nansum(p.denominators, axis=0) for p in parts])
    return counts, sizes, list(r.groups.values), r.groups.by


def _columns_of(r: Retention, ages: int | Sequence[int] | None) -> Ints:
    if ages is None:
        return np.flatnonzero(r.ages > 0)
    wanted = [ages] if isinstance(ages, (int, np.integer)) else list(ages)
    known = r.ages.tolist()
    for age in wanted:
        if as_count(age, "ages") not in known:
            msg = f"ages: {age} is not observed; there are {known[0]} to {known[-1]}"
            raise InvalidInputError(msg, argument="ages", value=age)
    return np.array([known.index(age) for age in wanted], dtype=np.int64)


def _pairs(labels: list[Any], reference: Any, between: str) -> list[tuple[int, int]]:
    """Positions of (group, reference): each later one against each before it."""
    if reference is None:
        return [(j, i) for i, j in itertools.combinations(range(len(labels)), 2)]
    texts = [str(label) for label in labels]
    if str(reference) not in texts:
        shown = ", ".join(map(repr, texts[:10])) + (", ..." if len(texts) > 10 else "")
        msg = f"reference: no such one of the {between}: {reference!r}; there are {shown}"
        raise InvalidInputError(msg, argument="reference", value=reference)
    base = texts.index(str(reference))
    return [(i, base) for i in range(len(labels)) if i != base]
