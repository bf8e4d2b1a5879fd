"""Look-alikes: who in a pool is most like the customers one has."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._extras import require
from tenure._intervals import wilson
from tenure._validation import Floats, as_choice, as_column, as_count, as_level, as_seed
from tenure.segment._features import features_of
from tenure.segment._frame import Frame
from tenure.segment.look_alike_result import LookAlike, LookAlikeLift

_CURVE = np.concatenate([np.arange(1, 20) / 200, np.arange(10, 101) / 100])


def look_alike(
    seed: Any,
    pool: Any,
    *,
    columns: Sequence[str] | None = None,
    classifier: Any = None,
    n_folds: int = 5,
    top: Any = (0.01, 0.05, 0.1, 0.2),
    max_levels: int = 50,
    rare: str = "raise",
    random_state: Any = 0,
    level: float = 0.95,
) -> LookAlike:
    """Score a pool by how much each member is like the customers of a seed.

    Parameters
    ----------
    seed, pool : data frames or dicts of arrays
        The customers one has, such as the best, and those to choose from, who are others.
    columns : sequence of str, optional
        What to compare them by; both tables have them. Default: all columns of the seed.
    classifier : object with fit and predict_proba or decision_function, optional
        Tells seed from pool; a copy is fitted to each fold. Default: scikit-learn's
        `LogisticRegression` with its ridge penalty, on standardised columns.
    n_folds : int, default 5
    top : array of shares in (0, 1]
        Where to report the lift.
    max_levels, rare
        As for `profile`.
    random_state : int, None or NumPy generator, default 0
        Seed of the folds.
    level : float
        Confidence level of the limits.

    Returns
    -------
    LookAlike

    Raises
    ------
    MissingExtraError
        Without scikit-learn, if no classifier is given.
    InvalidInputError
        If the pool lacks a column, no column varies, or there are fewer than `n_folds` customers.

    Notes
    -----
    Nobody is scored by a model that saw him, neither seed nor pool: a model that remembers gives
    its own seed high scores, and lift would be memory. The pool counts as "not seed" while it holds
    customers like the seed; that shrinks scores and leaves their order [Elkan & Noto 2008]. Limits
    of a capture join Wilson's, of the seed, with the error of the score at which the pool is cut,
    by the method of Zou & Donner (2008); they are of the models as fitted. Missing numbers stand at
    the mean, with a column of their own that says so. Formulas: docs/methods/look_alike.md.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> seed = {"visits": rng.poisson(9, 150), "shop": rng.choice(["web", "street"], 150)}
    >>> pool = {"visits": rng.poisson(4, 3000), "shop": rng.choice(["web", "street"], 3000)}
    >>> found = tn.segment.look_alike(seed, pool)
    >>> found.lift.top.tolist(), found.lift.lift.round(1).tolist()
    ([0.01, 0.05, 0.1, 0.2], [46.1, 12.3, 7.1, 4.0])
    """
    folds = as_count(n_folds, "n_folds", at_least=2)
    share = as_column(np.atleast_1d(np.asarray(top)), np.float64, "top")
    bad = ~((share > 0) & (share <= 1))
    if bad.any() or not len(share):
        row = int(np.argmax(bad)) if len(share) else None
        msg = "top must hold shares in (0, 1]"
        raise InvalidInputError(msg, argument="top", row=row)
    as_choice(rare, "rare", ("raise", "other"))
    levels = as_count(max_levels, "max_levels", at_least=2)
    level = as_level(level)
    frame, n_seed = _joined(seed, pool, columns)
    n_pool = frame.rows - n_seed
    for rows, name in ((n_seed, "seed"), (n_pool, "pool")):
        if rows < folds:
            msg = f"{name} has {rows} customers, fewer than n_folds = {folds}"
            raise InvalidInputError(msg, argument=name, value=rows)
    X, constant = _matrix(frame, levels, rare)
    is_seed = np.arange(frame.rows) < n_seed
    fold = _folds(is_seed, folds, as_seed(random_state))
    score = _cross_fitted(classifier, X, is_seed, fold, folds)
    below, above = _places(score, is_seed, fold, folds)
    percentile = 0.5 * (below + above)
    asked = np.concatenate([share, _CURVE])
    capture, lower, upper = _captured(below[is_seed], above[is_seed], asked, n_pool, level)
    k = len(share)
    return LookAlike(
        score=score[~is_seed],
        percentile=percentile[~is_seed],
        seed_score=score[is_seed],
        seed_percentile=percentile[is_seed],
        lift=LookAlikeLift(
            top=share,
            customers=np.rint(share * n_pool).astype(np.int64),
            capture=capture[:k],
            capture_lower=lower[:k],
            capture_upper=upper[:k],
            lift=capture[:k] / share,
            lift_lower=lower[:k] / share,
            lift_upper=upper[:k] / share,
        ),
        curve_top=_CURVE,
        curve_capture=capture[k:],
        curve_lower=lower[k:],
        curve_upper=upper[k:],
        constant=constant,
        level=level,
    )


def _joined(seed: Any, pool: Any, columns: Any) -> tuple[Frame, int]:
    """Both tables as one, the seed first."""
    import pyarrow as pa

    first, second = Frame(seed, "seed"), Frame(pool, "pool")
    names = list(first.names) if columns is None else list(columns)
    if isinstance(columns, str):
        names = [columns]
    if not names:
        msg = "columns must name one at least"
        raise InvalidInputError(msg, argument="columns")
    for name in names:
        kinds = [part.column(name).kind for part in (first, second)]
        if kinds[0] != kinds[1]:
            msg = f"the column {name!r} holds {kinds[0]}s in seed and {kinds[1]}s in pool"
            raise InvalidInputError(msg, argument=name)

    def plain(part: Frame) -> Any:
        decoded = {}
        for name in names:
            column = part.table.column(name)
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            if part.column(name).kind == "number":
                column = column.cast(pa.float64(), safe=False)
            elif part.column(name).kind == "text":
                column = column.cast(pa.string())
            decoded[name] = column
        return pa.table(decoded)

    return Frame(pa.concat_tables([plain(first), plain(second)]), "seed and pool"), first.rows


def _matrix(frame: Frame, max_levels: int, rare: str) -> tuple[Floats, tuple[str, ...]]:
    """Standardised features; the columns of which none varies."""
    kept, varied = [], set()
    for feature in features_of(frame, frame.names, max_levels, rare, with_gaps=True):
        gaps = np.isnan(feature.values)
        there = feature.values[~gaps]
        if not len(there) or there.min() == there.max():
            continue
        scale = 2.0 ** min(int(np.frexp(np.abs(there).max())[1]), 1023)
        value = np.zeros(frame.rows)
        value[~gaps] = there / scale - (there / scale).mean()
        kept.append(value / np.sqrt(np.mean(value * value)))
        varied.add(feature.column)
    if not kept:
        msg = "seed and pool are alike in every column: there is nothing to tell them apart by"
        raise InvalidInputError(msg, argument="columns")
    return np.stack(kept, axis=1), tuple(n for n in frame.names if n not in varied)


def _folds(is_seed: npt.NDArray[np.bool_], folds: int, seed: int) -> npt.NDArray[np.intp]:
    """The fold of each row, seed and pool spread evenly."""
    random = np.random.default_rng(seed)
    fold = np.empty(len(is_seed), dtype=np.intp)
    for part in (is_seed, ~is_seed):
        rows = random.permutation(np.flatnonzero(part))
        fold[rows] = np.arange(len(rows)) % folds
    return fold


def _cross_fitted(classifier: Any, X: Floats, is_seed: Any, fold: Any, folds: int) -> Floats:
    if classifier is None:
        linear = require("sklearn.linear_model", "score look-alikes without an own classifier")
        classifier = linear.LogisticRegression(max_iter=1_000)
    scores = ("predict_proba", "decision_function")
    if not hasattr(classifier, "fit") or not any(hasattr(classifier, s) for s in scores):
        msg = "classifier must have fit and predict_proba or decision_function"
        raise InvalidInputError(msg, argument="classifier", value=classifier)
    score = np.empty(len(X))
    for k in range(folds):
        out = fold == k
        model = copy.deepcopy(classifier)
        model.fit(X[~out], is_seed[~out].astype(np.int64))
        if hasattr(model, "predict_proba"):
            score[out] = np.asarray(model.predict_proba(X[out]))[:, 1]
        else:
            score[out] = np.asarray(model.decision_function(X[out])).ravel()
    if np.isnan(score).any():
        row = int(np.argmax(np.isnan(score)))
        msg = f"classifier gave no score (NaN) to row {row} of seed and pool"
        raise InvalidInputError(msg, argument="classifier", row=row)
    return score


def _places(score: Floats, is_seed: Any, fold: Any, folds: int) -> tuple[Floats, Floats]:
    """Shares of the fold's pool that score lower, and lower or the same."""
    below, above = np.empty(len(score)), np.empty(len(score))
    for k in range(folds):
        here = fold == k
        pool = np.sort(score[here & ~is_seed])
        below[here] = np.searchsorted(pool, score[here], side="left") / len(pool)
        above[here] = np.searchsorted(pool, score[here], side="right") / len(pool)
    return below, above


def _captured(
    below: Floats, above: Floats, top: Floats, n_pool: int, level: float
) -> tuple[Floats, Floats, Floats]:
    """Shares of the seed among the best of the pool, with limits; equal scores count in part."""
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    tie = above - below

    def caught(share: Floats) -> Floats:
        held = np.empty(len(share))
        for k, q in enumerate(share):
            in_part = np.clip((above - (1.0 - q)) / np.where(tie > 0, tie, 1.0), 0.0, 1.0)
            # 1 - 0.7 is a little more than 3 / 10.
            held[k] = np.where(tie > 0, in_part, below >= 1.0 - q - 1e-12).mean()
        return held

    reach = z * np.sqrt(top * (1.0 - top) / n_pool)
    capture = caught(top)
    fewer, more = caught(np.maximum(top - reach, 0.0)), caught(np.minimum(top + reach, 1.0))
    lower, upper = wilson(capture * len(below), len(below), level)
    lower = capture - np.hypot(capture - lower, capture - fewer)
    upper = capture + np.hypot(upper - capture, more - capture)
    return capture, np.maximum(lower, 0.0), np.minimum(upper, 1.0)
