"""A small decision tree that says in words who is in which segment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._extras import require
from tenure._intervals import wilson
from tenure._results import Table
from tenure._validation import Floats, Ints, as_choice, as_count, as_level, as_number, as_seed
from tenure.segment._features import Feature, chosen_columns, features_of
from tenure.segment._frame import Frame
from tenure.segment._labels import as_labels
from tenure.segment._predicate import Predicate
from tenure.segment.rules import Rules, rules

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SegmentTree(Table):
    """Rules in words, each for one segment, measured on customers that the tree did not see.

    Attributes
    ----------
    segment : tuple of str
        For whom the rule speaks; a segment may have several rules.
    rule : tuple of str
        A condition as `rules` reads it. Each customer meets exactly one of them.
    customers : ndarray of int
        Measured customers who meet the rule.
    coverage, coverage_lower, coverage_upper : ndarray of float
        Of the segment's customers, the share that meets the rule, with Wilson's limits.
    precision, precision_lower, precision_upper : ndarray of float
        Of those who meet the rule, the share in the segment, with Wilson's limits.
    accuracy, accuracy_lower, accuracy_upper : float
        Share of customers whose rule names their segment.
    largest_share : float
        Accuracy of naming the largest segment for everybody.
    without_rule : tuple of str
        Segments for which no rule speaks.
    n_measured : int
    level : float

    NaN where nobody was there to be measured.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> spend = np.arange(400.0)
    >>> found = tn.segment.tree({"spend": spend}, np.where(spend < 100, "small", "big"))
    >>> found.rule, found.precision.tolist()
    (('spend <= 99', 'spend > 99'), [1.0, 1.0])
    """

    segment: tuple[str, ...]
    rule: tuple[str, ...]
    customers: Ints
    coverage: Floats
    coverage_lower: Floats
    coverage_upper: Floats
    precision: Floats
    precision_lower: Floats
    precision_upper: Floats
    accuracy: float
    accuracy_lower: float
    accuracy_upper: float
    largest_share: float
    without_rule: tuple[str, ...]
    n_measured: int
    level: float

    _column_names = (
        "segment",
        "rule",
        "customers",
        "coverage",
        "coverage_lower",
        "coverage_upper",
        "precision",
        "precision_lower",
        "precision_upper",
    )

    def __len__(self) -> int:
        return len(self.rule)

    def _title(self) -> str:
        return (
            f"{len(self)} rules name the segment of {100 * self.accuracy:.0f} % "
            f"({100 * self.accuracy_lower:.0f} to {100 * self.accuracy_upper:.0f} %) of "
            f"{self.n_measured:,} customers not seen; the largest segment holds "
            f"{100 * self.largest_share:.0f} %"
        )

    def rules(self) -> Rules:
        """Return the rules, to give other customers their segments."""
        return rules(list(zip(self.segment, self.rule, strict=True)))


def tree(
    table: Any,
    labels: Any,
    *,
    columns: Sequence[str] | None = None,
    max_depth: int = 3,
    min_customers: int = 20,
    holdout: float = 0.3,
    max_levels: int = 50,
    rare: str = "raise",
    random_state: Any = 0,
    level: float = 0.95,
) -> SegmentTree:
    """Say in a few rules who is in which segment, and how far the rules can be trusted.

    Parameters
    ----------
    table : data frame or dict of arrays
    labels : array of n labels, str or result
        As for `profile`.
    columns : sequence of str, optional
        What rules may speak of. Default: all but the labels'.
    max_depth : int, default 3
        Conditions in a row, at most.
    min_customers : int, default 20
        A rule holds for at least so many of the customers that the tree is grown on.
    holdout : float, default 0.3
        Share of each segment that the tree does not see, on which the rules are measured.
    max_levels, rare
        As for `profile`.
    random_state : int, None or NumPy generator, default 0
        Seed of the split.
    level : float
        Confidence level of the limits.

    Returns
    -------
    SegmentTree

    Raises
    ------
    MissingExtraError
        Without scikit-learn, which grows the tree.
    InvalidInputError
        As `profile`, and if `holdout` leaves nobody to grow the tree on or to measure.

    Notes
    -----
    The tree is scikit-learn's `DecisionTreeClassifier` [Breiman et al. 1984] with segments weighted
    alike, so that small ones are spoken of. Borders are rounded to the shortest number between the
    customers on both sides, and what is measured are the rules as they are worded. The tree was
    chosen before the measured customers are looked at, so that Wilson's limits hold.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> scored = tn.segment.rfm(log)
    >>> table = {"orders": scored.orders, "days": scored.days_since_last}
    >>> found = tn.segment.tree(table, scored)
    >>> found.rule[0], found.segment[0]
    ('days <= 485 and orders <= 1', 'about to sleep')
    """
    frame = Frame(table)
    code, segments = as_labels(labels, frame.rows, frame)
    depth = as_count(max_depth, "max_depth", at_least=1)
    fewest = as_count(min_customers, "min_customers", at_least=1)
    held_out = as_number(holdout, "holdout", above=0.0, below=1.0)
    as_choice(rare, "rare", ("raise", "other"))
    level = as_level(level)
    seed = as_seed(random_state)
    names = chosen_columns(frame, columns, labels)
    levels = as_count(max_levels, "max_levels", at_least=2)
    features = features_of(frame, names, levels, rare, with_gaps=False)
    learner = require("sklearn.tree", "grow a tree of segments").DecisionTreeClassifier(
        max_depth=depth,
        min_samples_leaf=fewest,
        class_weight="balanced",
        random_state=seed % 2**32,
    )
    grown, measured = _split(code, len(segments), held_out, seed)
    X = np.stack([f.values for f in features], axis=1)
    learner.fit(X[grown].astype(np.float32), code[grown])
    leaves = list(_leaves(learner.tree_, X[grown], features))
    told = [(segments[learner.classes_[best]], words) for best, words in leaves]
    return _measured(told, frame, code, segments, measured, level)


def _split(code: Rows, segments: int, share: float, seed: int) -> tuple[Rows, Rows]:
    """Rows to grow on and rows to measure: of each segment its share, drawn by chance."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(code))
    order = order[np.argsort(code[order], kind="stable")]
    size = np.bincount(code, minlength=segments)
    place = np.arange(len(code)) - np.repeat(np.cumsum(size) - size, size)
    out = np.rint(share * size).astype(np.intp)
    is_out = place < np.repeat(out, size)
    grown, measured = np.sort(order[~is_out]), np.sort(order[is_out])
    if not len(measured) or len(np.unique(code[grown])) < 2:
        msg = (
            f"holdout={share:g} of {len(code):,} customers leaves too few to grow on or to measure"
        )
        raise InvalidInputError(msg, argument="holdout", value=share)
    return grown, measured


def _leaves(grown: Any, X: Floats, features: list[Feature]) -> Iterator[tuple[int, str]]:
    """The position of the likeliest segment of each leaf, and the way to it in words."""
    single = X.astype(np.float32)  # what the tree compares

    def walk(node: int, rows: Rows, way: dict[int, _Range]) -> Iterator[tuple[int, str]]:
        split = int(grown.feature[node])
        if split < 0:
            words = " and ".join(said.words(features[f]) for f, said in way.items())
            yield int(grown.value[node][0].argmax()), words or "True"
            return
        values = X[rows, split]
        missing = np.isnan(values)
        left_takes = bool(grown.missing_go_to_left[node])
        is_left = np.where(missing, left_takes, single[rows, split] <= grown.threshold[node])
        here = way.get(split, _Range())
        low, high = values[is_left & ~missing], values[~is_left & ~missing]
        if len(low) and len(high):
            cut = _shortest(float(low.max()), float(high.min()))
        else:  # the split parts the missing from the others
            cut = np.inf if len(low) else -np.inf
        left = here.below(cut, left_takes)
        yield from walk(int(grown.children_left[node]), rows[is_left], {**way, split: left})
        right = here.above(cut, not left_takes)
        yield from walk(int(grown.children_right[node]), rows[~is_left], {**way, split: right})

    yield from walk(0, np.arange(len(X)), {})


@dataclass(frozen=True, slots=True)
class _Range:
    """What the conditions on one feature leave: low < value <= high, or missing."""

    low: float = -np.inf
    high: float = np.inf
    missing: bool = True

    def below(self, cut: float, missing: bool) -> _Range:
        return _Range(self.low, min(self.high, cut), self.missing and missing)

    def above(self, cut: float, missing: bool) -> _Range:
        return _Range(max(self.low, cut), self.high, self.missing and missing)

    def words(self, feature: Feature) -> str:
        if feature.test is not None:
            return f"not {feature.test}" if self.high < 1.0 else feature.test
        name, gap = feature.text, f"missing({feature.text})"
        if self.low >= self.high or self.high == -np.inf or self.low == np.inf:
            return gap
        if np.isfinite(self.low) and np.isfinite(self.high):
            words = f"{self.low!r} < {name} <= {self.high!r}"
        elif np.isfinite(self.high):
            words = f"{name} <= {self.high!r}"
        elif np.isfinite(self.low):
            words = f"{name} > {self.low!r}"
        else:
            return f"not {gap}"
        words = words.replace(".0 ", " ").removesuffix(".0")
        return f"({words} or {gap})" if feature.has_missing and self.missing else words


def _shortest(low: float, high: float) -> float:
    """The number of fewest digits in [low, high)."""
    middle = low + 0.5 * (high - low)
    if low.is_integer() and high.is_integer():
        middle = float(np.floor(middle))
    for digits in range(1, 18):
        cut = float(f"{middle:.{digits}g}")
        if low <= cut < high:
            return cut
    return low


def _measured(
    told: list[tuple[str, str]],
    frame: Frame,
    code: Rows,
    segments: tuple[str, ...],
    rows: Rows,
    level: float,
) -> SegmentTree:
    actual = code[rows]
    size = np.bincount(actual, minlength=len(segments))
    met, right, of = (np.zeros(len(told), dtype=np.int64) for _ in range(3))
    for k, (name, words) in enumerate(told):
        predicate = Predicate(name, words, k)
        columns = {n: frame.column(n) for n in predicate.columns}
        held = predicate(columns, frame.rows)[rows]
        mine = segments.index(name)
        met[k], right[k], of[k] = held.sum(), (held & (actual == mine)).sum(), size[mine]
    with np.errstate(all="ignore"):
        coverage, precision = right / of, right / met
    coverage_limits, precision_limits = wilson(right, of, level), wilson(right, met, level)
    lower, upper = wilson(np.array([right.sum()]), len(rows), level)
    named = {name for name, _ in told}
    return SegmentTree(
        segment=tuple(name for name, _ in told),
        rule=tuple(words for _, words in told),
        customers=met,
        coverage=coverage,
        coverage_lower=coverage_limits[0],
        coverage_upper=coverage_limits[1],
        precision=precision,
        precision_lower=precision_limits[0],
        precision_upper=precision_limits[1],
        accuracy=float(right.sum() / len(rows)),
        accuracy_lower=float(lower[0]),
        accuracy_upper=float(upper[0]),
        largest_share=float(size.max() / len(rows)),
        without_rule=tuple(s for s in segments if s not in named),
        n_measured=len(rows),
        level=level,
    )
