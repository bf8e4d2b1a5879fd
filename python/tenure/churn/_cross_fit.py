"""Folds for honest calibration: no row's model knew its customer or its future."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._validation import Ints

Folds = list[tuple[Ints, Ints]]


def folds_of(
    label: npt.NDArray[Any],
    group: Ints,
    count: int,
    seed: int,
    at: Ints | None = None,
    learnt: Ints | None = None,
) -> Folds:
    """Return positions to learn from and to score, each row scored at most once.

    Customers are dealt to folds at random, churners and others apart, so that every fold has some
    of both. With instants, a row is scored by other customers' rows of which everything was known
    by then: `learnt` <= `at`. Rows of cutoffs before which nothing was known are not scored; where
    that is so of all, time is not kept apart.

    Parameters
    ----------
    label : array of n, 0 or 1
    group : int64 array of n
        A number for each customer, from 0.
    count : int
        Folds of customers; fewer where there are fewer of either class.
    seed : int
    at, learnt : int64 arrays of n, optional
        When a row is scored, and when its label was known.
    """
    fold = _deal(label, group, count, seed)
    count = int(fold.max()) + 1
    found: Folds = []
    for instant in [] if at is None or learnt is None else np.unique(at):
        known = learnt <= instant
        made = [
            (np.flatnonzero(known & (fold != k)), np.flatnonzero((at == instant) & (fold == k)))
            for k in range(count)
        ]
        made = [(train, test) for train, test in made if test.size]
        if all(0 < int(label[train].sum()) < len(train) for train, _ in made):
            found += made
    scored = np.concatenate([test for _, test in found]) if found else np.empty(0, np.int64)
    if 0 < int(label[scored].sum()) < len(scored):
        return found
    found = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(count)]
    if not all(0 < int(label[train].sum()) < len(train) for train, _ in found):
        msg = "calibration needs customers of both classes outside of each fold: ask for fewer"
        raise InvalidInputError(msg, argument="cv", value=count)
    return found


def _deal(label: npt.NDArray[Any], group: Ints, count: int, seed: int) -> Ints:
    """Return the fold of each row."""
    customers = int(group.max()) + 1
    churner = np.bincount(group, weights=label, minlength=customers) > 0.0
    fewest = min(int(churner.sum()), int((~churner).sum()))
    if churner.all():  # everybody churned at some cutoff: their rows of 0 part with them
        fewest = customers
    if fewest < 2:
        msg = (
            "calibration needs at least two customers of each class, got "
            f"{fewest} of one: fit with calibration=None"
        )
        raise InvalidInputError(msg, argument="y")
    parts = min(count, fewest)
    rng = np.random.default_rng(seed)
    fold = np.empty(customers, np.int64)
    for kind in (churner, ~churner):
        one = np.flatnonzero(kind)
        fold[rng.permutation(one)] = np.arange(len(one)) % parts
    return fold[group]
