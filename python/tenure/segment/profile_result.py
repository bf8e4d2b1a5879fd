"""What a profile of segments returns: its tables, its words, its pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._results import Table
from tenure._validation import Floats, Ints, as_choice, as_count
from tenure.segment._traits import MISSING

#: Below these a difference is not worth a word: Cohen (1988) calls 0.2 a small effect.
_SMALL = 0.2
_OVER = 1.1
_SHOWN_SEGMENTS = 20


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ProfileTraits(Table):
    """How much more often customers of a segment have a trait. One row a segment and trait.

    Attributes
    ----------
    segment, column, trait : tuple of str
        Numbers are cut into `bins`; cells without a value have the trait "(missing)".
    customers : ndarray of int
        Of the segment, with the trait.
    share, base_share : ndarray of float
        Of the segment's customers; of all.
    index, lower, upper : ndarray of float
        ``share / base_share`` with limits: 2 is twice as often as among all.
    smd : ndarray of float
        Difference to the share among the others, in standard deviations of the trait.
    p_value, p_adjusted : ndarray of float
        Of equal shares in the segment and outside; adjusted over the tests of both tables.

    All but the counts and names are NaN for a segment without customers.

    Examples
    --------
    >>> import tenure as tn
    >>> shop = ["web"] * 30 + ["street"] * 10 + ["web"] * 10 + ["street"] * 50
    >>> found = tn.segment.profile({"shop": shop}, ["a"] * 40 + ["b"] * 60).traits
    >>> found.trait[:2], found.share[:2].tolist(), found.index[:2].round(3).tolist()
    (('street', 'web'), [0.25, 0.75], [0.417, 1.875])
    """

    segment: tuple[str, ...]
    column: tuple[str, ...]
    trait: tuple[str, ...]
    customers: Ints
    share: Floats
    base_share: Floats
    index: Floats
    lower: Floats
    upper: Floats
    smd: Floats
    p_value: Floats
    p_adjusted: Floats

    def __len__(self) -> int:
        return len(self.segment)

    def _columns(self) -> Mapping[str, Any]:
        return {n: getattr(self, n) for n in self.__dataclass_fields__}

    def _title(self) -> str:
        return f"{len(self):,} cells of segments by traits"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ProfileNumbers(Table):
    """How numbers differ between a segment and the others. One row a segment and column.

    Attributes
    ----------
    segment, column : tuple of str
    customers, missing : ndarray of int
        Of the segment, with and without a value.
    mean, base_mean : ndarray of float
        Of the segment; of all.
    z, z_lower, z_upper : ndarray of float
        The mean as standard deviations of all customers above the mean of all, with normal limits.
    median, median_lower, median_upper, base_median : ndarray of float
        With limits by order statistics.
    smd, lower, upper : ndarray of float
        Standardised mean difference to all others, with limits.
    p_value, p_adjusted : ndarray of float
        Welch's test of equal means; adjusted over the tests of both tables.

    What needs more customers than there are, or a spread where there is none, is NaN.

    Examples
    --------
    >>> import tenure as tn
    >>> found = tn.segment.profile({"age": [20, 22, 24, 40, 50, 60]}, list("aaabbb")).numbers
    >>> found.mean.tolist(), found.median.tolist(), found.smd.round(2).tolist()
    ([22.0, 50.0], [22.0, 50.0], [-3.88, 3.88])
    """

    segment: tuple[str, ...]
    column: tuple[str, ...]
    customers: Ints
    missing: Ints
    mean: Floats
    base_mean: Floats
    z: Floats
    z_lower: Floats
    z_upper: Floats
    median: Floats
    median_lower: Floats
    median_upper: Floats
    base_median: Floats
    smd: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    p_adjusted: Floats

    def __len__(self) -> int:
        return len(self.segment)

    def _columns(self) -> Mapping[str, Any]:
        return {n: getattr(self, n) for n in self.__dataclass_fields__}

    def _title(self) -> str:
        return f"{len(self):,} means of segments by columns"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ProfileHighlights(Table):
    """What tells each segment most from the others, the strongest first.

    Attributes
    ----------
    segment : tuple of str
    rank : ndarray of int
        1 is the strongest of its segment.
    trait : tuple of str
        In words: "high spend" or "shop web".
    effect : tuple of str
        "index" of a trait of the base, or "smd" of a number.
    value, lower, upper : ndarray of float
    p_adjusted : ndarray of float

    Examples
    --------
    >>> import tenure as tn
    >>> shop = ["web"] * 30 + ["street"] * 10 + ["web"] * 10 + ["street"] * 50
    >>> p = tn.segment.profile({"shop": shop}, ["a"] * 40 + ["b"] * 60)
    >>> p.table().trait, p.table().value.round(3).tolist()
    (('shop web', 'shop street'), [1.875, 1.389])
    """

    segment: tuple[str, ...]
    rank: Ints
    trait: tuple[str, ...]
    effect: tuple[str, ...]
    value: Floats
    lower: Floats
    upper: Floats
    p_adjusted: Floats

    def __len__(self) -> int:
        return len(self.segment)

    def _columns(self) -> Mapping[str, Any]:
        return {n: getattr(self, n) for n in self.__dataclass_fields__}

    def _title(self) -> str:
        return f"{len(self):,} traits that tell segments apart"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Profile:
    """What makes each segment different, as `profile` found it.

    Attributes
    ----------
    segments : tuple of str
    customers : ndarray of int
    traits : ProfileTraits
    numbers : ProfileNumbers
    constant : tuple of str
        Columns in which all customers are alike, and nothing is tested.
    n_tests : int
    fdr : float
        Traits and differences with an adjusted p-value up to this are told of.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> shop = ["web"] * 30 + ["street"] * 10 + ["web"] * 10 + ["street"] * 50
    >>> tn.segment.profile({"shop": shop}, ["a"] * 40 + ["b"] * 60)
    Profile of 2 segments, 100 customers: 4 tests, false discoveries held at 5 %
      a (40): shop web 1.9 x as often as all (1.6 to 2.1)
      b (60): shop street 1.4 x as often as all (1.3 to 1.5)
    """

    segments: tuple[str, ...]
    customers: Ints
    traits: ProfileTraits
    numbers: ProfileNumbers
    constant: tuple[str, ...]
    n_tests: int
    fdr: float
    level: float

    def __repr__(self) -> str:
        lines = [
            f"Profile of {len(self.segments)} segments, {self.customers.sum():,} customers: "
            f"{self.n_tests:,} tests, false discoveries held at {100 * self.fdr:g} %"
        ]
        strongest = self._strongest()
        shown = self.segments[:_SHOWN_SEGMENTS]
        for name, count in zip(shown, self.customers, strict=False):
            words = "; ".join(_phrase(row) for row in strongest[name][:3]) or "like the others"
            lines.append(f"  {name} ({count:,}): {words if count else 'no customers'}")
        if len(self.segments) > len(shown):
            lines.append(f"  ... {len(self.segments) - len(shown):,} more segments")
        if self.constant:
            lines.append(f"  alike for all customers: {', '.join(self.constant)}")
        return "\n".join(lines)

    def table(self, top: int = 5) -> ProfileHighlights:
        """Return the `top` traits of each segment, by their standardised difference.

        Of the numbers that is "high" or "low"; of the other columns only what is more frequent than
        among all. Small differences (|smd| < 0.2, index < 1.1) and those that may be chance
        (`fdr`) are left out.

        Parameters
        ----------
        top : int

        Returns
        -------
        ProfileHighlights
        """
        as_count(top, "top", at_least=1)
        rows = [row for found in self._strongest().values() for row in found[:top]]
        columns = list(zip(*rows, strict=True)) or [()] * 8
        return ProfileHighlights(
            tuple(columns[0]),
            np.array(columns[1], dtype=np.int64),
            tuple(columns[2]),
            tuple(columns[3]),
            *(np.array(c, dtype=np.float64) for c in columns[4:8]),
        )

    def _strongest(self) -> dict[str, list[tuple[Any, ...]]]:
        """What is worth a word of each segment, the strongest first, as rows of highlights."""
        numbers, traits = self.numbers, self.traits
        found: dict[str, list[tuple[float, str, tuple[Any, ...]]]] = {n: [] for n in self.segments}

        def note(i: int, table: Any, words: str, effect: str, value: Floats) -> None:
            told = (effect, value[i], table.lower[i], table.upper[i], table.p_adjusted[i])
            found[table.segment[i]].append((abs(table.smd[i]), words, told))

        sure = (numbers.p_adjusted <= self.fdr) & (np.abs(numbers.smd) >= _SMALL)
        for i in np.flatnonzero(sure).tolist():
            height = "high" if numbers.smd[i] > 0 else "low"
            note(i, numbers, f"{height} {numbers.column[i]}", "smd", numbers.smd)
        numeric = set(numbers.column)
        sure = (traits.p_adjusted <= self.fdr) & (traits.smd >= _SMALL) & (traits.index >= _OVER)
        for i in np.flatnonzero(sure).tolist():
            if traits.column[i] not in numeric or traits.trait[i] == MISSING:
                words = _trait_words(traits.column[i], traits.trait[i])
                note(i, traits, words, "index", traits.index)
        ranked = {n: sorted(rows, key=lambda f: (-f[0], f[1])) for n, rows in found.items()}
        return {
            n: [(n, k + 1, words, *told) for k, (_, words, told) in enumerate(rows)]
            for n, rows in ranked.items()
        }

    def names(self, words: int = 2) -> dict[str, str]:
        """Suggest a name for each segment: its strongest traits in words.

        The same profile gives the same names. Where two segments would be called alike, further
        traits are added, and at last the label.

        Parameters
        ----------
        words : int, default 2
            Traits in a name.

        Returns
        -------
        dict of segment to name

        Examples
        --------
        >>> import numpy as np, tenure as tn
        >>> rng = np.random.default_rng(0)
        >>> spend = np.concatenate([rng.normal(100, 9, 50), rng.normal(40, 9, 50)])
        >>> shop = ["web"] * 45 + ["street"] * 55
        >>> p = tn.segment.profile({"spend": spend, "shop": shop}, [0] * 50 + [1] * 50)
        >>> p.names()
        {'0': 'high spend, shop web', '1': 'low spend, shop street'}
        """
        as_count(words, "words", at_least=1)
        traits = {name: [row[2] for row in rows] for name, rows in self._strongest().items()}
        used = dict.fromkeys(self.segments, words)
        while True:
            names = {n: ", ".join(t[: used[n]]) for n, t in traits.items()}
            said = Counter(names.values())
            more = [n for n, name in names.items() if said[name] > 1 and used[n] < len(traits[n])]
            if not more:
                break
            for n in more:
                used[n] += 1
        plain = {n: name or "like the others" for n, name in names.items()}
        said = Counter(plain.values())
        return {n: f"{name} ({n})" if said[name] > 1 else name for n, name in plain.items()}

    def plot(self, ax: Any = None, *, kind: str = "heatmap", top: int = 16) -> Any:
        """Draw the profile.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        kind : {"heatmap", "parallel"}
            ``heatmap``: the index of the `top` traits that differ most; what may be chance is
            greyed. ``parallel``: each segment's mean of every number, in standard deviations.
        top : int

        Returns
        -------
        matplotlib Axes
        """
        from tenure.segment import _profile_plot

        as_choice(kind, "kind", ("heatmap", "parallel"))
        as_count(top, "top", at_least=1)
        if kind == "parallel":
            return _profile_plot.parallel(self, ax, top)
        return _profile_plot.heatmap(self, ax, top)


def _trait_words(column: str, trait: str) -> str:
    plain = {"yes": column, "no": f"not {column}", MISSING: f"no {column} known"}
    return plain.get(trait, f"{column} {trait}")


def _phrase(row: tuple[Any, ...]) -> str:
    _, _, trait, effect, value, lower, upper, _ = row
    if effect == "index":
        return f"{trait} {value:.1f} x as often as all ({lower:.1f} to {upper:.1f})"
    if value < 0:  # "low" says it
        value, lower, upper = -value, -upper, -lower
    return f"{trait} by {value:.1f} sd ({lower:.1f} to {upper:.1f})"
