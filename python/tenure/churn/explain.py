"""Why a model says what it says of a customer: Shapley values, and reasons in plain words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._matrix import as_matrix
from tenure._results import Table
from tenure._validation import Floats, Ints, as_count, as_seed
from tenure.churn._limits import level_and_z
from tenure.churn._probabilities import log_odds
from tenure.churn._words import sentence
from tenure.churn.dataset import ChurnDataset


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Contributions(Table):
    """What each feature adds to the log odds of churn of each row.

    ``base + values.sum(axis=1)`` are the log odds of the rows.

    Attributes
    ----------
    names : tuple of str
        Of the features, or of their groups.
    values : float64 array of shape (rows, names)
    standard_error : float64 array of the same shape
        Of the sampling; 0 where the values are exact.
    base : float
        Mean log odds over the background.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]]), [0, 1, 0, 1]
    >>> model = LogisticRegression().fit(X, y)
    >>> told = tn.churn.shapley(model, X)
    >>> bool(np.allclose(told.base + told.values.sum(axis=1), model.decision_function(X)))
    True
    """

    names: tuple[str, ...]
    values: Floats
    standard_error: Floats
    base: float

    def _columns(self) -> Mapping[str, Any]:
        return {name: self.values[:, j] for j, name in enumerate(self.names)}

    def _title(self) -> str:
        return f"Contributions to log odds, over a base of {self.base:.4g}"


def shapley(
    model: Any,
    X: Any,
    background: Any = None,
    *,
    groups: Mapping[str, Sequence[str | int]] | None = None,
    n_permutations: int = 100,
    random_state: Any = 0,
) -> Contributions:
    """Return Shapley values of the log odds of churn: exact for linear models, else sampled.

    Parameters
    ----------
    model : fitted classifier
        One with `coef_` and `intercept_` of the features as they are is taken as linear in the log
        odds; of any other `predict_proba` is asked.
    X : ChurnDataset, or table of numbers, shape (rows, features)
        Rows to explain.
    background : as X, optional
        Rows that a feature's value is replaced from where it is not known. Default: X.
    groups : dict of str to list of names or positions, optional
        Features that come and go together, such as one over several windows. The others stay on
        their own.
    n_permutations : int, default 100
        Orders drawn a row, each taken forwards and backwards; for models that are not linear.
        Cost: 2 n_permutations (features + 1) predictions a row.
    random_state : int, None or numpy.random.Generator

    Returns
    -------
    Contributions

    Raises
    ------
    InvalidInputError
        For unknown or repeated features, and models that tell no probability.

    Notes
    -----
    Interventional values: the worth of a set S of features is the mean of f(x_S, b) over the
    background b. For f = c + sum of beta_j x_j they are beta_j (x_j - mean of b_j), whatever the
    dependence of the features [Strumbelj & Kononenko 2014, sect. 3; Lundberg & Lee 2017, cor. 1].
    Else orders are sampled with a row of the background each, in antithetic pairs [Mitchell et al.
    2022]; contributions add up to f(x) less the mean over the rows drawn, which the sampling error
    of the base covers. docs/methods/explain.md.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]]), [0, 1, 0, 1]
    >>> model = LogisticRegression().fit(X, y)
    >>> told = tn.churn.shapley(model, X[:1], X)
    >>> bool(np.allclose(told.values, model.coef_ * (X[:1] - X.mean(axis=0))))
    True
    """
    table, names = features_of(X)
    other, known = (table, names) if background is None else features_of(background)
    if known != names:
        msg = f"background must have the features of X, {', '.join(names[:5])}, ..."
        raise InvalidInputError(msg, argument="background")
    parts = parts_of(names, groups)
    labels = tuple(parts)
    if _is_linear(model, len(names)):
        coef = np.ravel(model.coef_)
        each = coef * (table - other.mean(axis=0))
        values = np.stack([each[:, p].sum(axis=1) for p in parts.values()], axis=1)
        base = float(np.ravel(model.intercept_)[0] + np.sum(coef * other.mean(axis=0)))
        return Contributions(labels, values, np.zeros_like(values), base)
    count = as_count(n_permutations, "n_permutations", at_least=2)
    rng = np.random.default_rng(as_seed(random_state))
    ask = predictor(model, X)
    values, error = _sampled(ask, table, other, list(parts.values()), count, rng)
    base = float(np.mean(ask(table) - values.sum(axis=1)))
    # One base for all rows: what a row's own draws are off by goes to its features evenly.
    off = ask(table) - values.sum(axis=1) - base
    return Contributions(labels, values + off[:, None] / len(labels), error, base)


def _is_linear(model: Any, size: int) -> bool:
    coef = getattr(model, "coef_", None)
    return coef is not None and hasattr(model, "intercept_") and np.size(coef) == size


def _sampled(
    ask: Callable[[Floats], Floats],
    table: Floats,
    other: Floats,
    parts: list[Ints],
    count: int,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Means over orders of what each part adds when it comes in, and their standard errors."""
    rows, size = len(table), len(parts)
    total, square = np.zeros((rows, size)), np.zeros((rows, size))
    for _ in range(count):
        order = rng.permuted(np.tile(np.arange(size), (rows, 1)), axis=1)
        unknown = other[rng.integers(0, len(other), rows)]
        pair = np.zeros((rows, size))
        for way in (order, order[:, ::-1]):
            now = unknown.copy()
            steps = [now.copy()]
            for step in range(size):
                for j, part in enumerate(parts):
                    mine = np.flatnonzero(way[:, step] == j)
                    if mine.size:
                        now[np.ix_(mine, part)] = table[np.ix_(mine, part)]
                steps.append(now.copy())
            f = ask(np.concatenate(steps)).reshape(size + 1, rows)
            np.put_along_axis(
                pair, way, np.take_along_axis(pair, way, axis=1) + np.diff(f, axis=0).T / 2, axis=1
            )
        total += pair
        square += pair**2
    mean = total / count
    variance = np.maximum(square / count - mean**2, 0.0) / (count - 1.0)
    return mean, np.sqrt(variance)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Reasons(Table):
    """What speaks most for the churn of each customer.

    Attributes
    ----------
    customer : array of n ids, or of row numbers
    probability : float64 array of n
    reasons : tuple of n tuples of at most k str
        The strongest first; fewer where fewer features raise the log odds.
    contributions : tuple of n tuples of float
        What each of them adds to the log odds.
    k : int

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = np.array([[5.0, 1.0], [92.0, 0.0], [20.0, 3.0], [40.0, 0.0]])
    >>> model = LogisticRegression().fit(X, [0, 1, 0, 1])
    >>> told = tn.churn.reasons(model, X[1:2], 1, X, names=["days_since_last", "orders_90d"])
    >>> told.reasons
    (('nothing for 92 days (typical: 30)',),)
    """

    customer: Any
    probability: Floats
    reasons: tuple[tuple[str, ...], ...]
    contributions: tuple[tuple[float, ...], ...]
    k: int

    def _columns(self) -> Mapping[str, Any]:
        padded = [r + (None,) * (self.k - len(r)) for r in self.reasons]
        told = {f"reason_{i + 1}": [r[i] for r in padded] for i in range(self.k)}
        return {"customer": self.customer, "probability": self.probability, **told}

    def _title(self) -> str:
        return f"What speaks most for churn, {len(self.probability):,} rows"


def reasons(
    model: Any,
    X: Any,
    k: int = 3,
    background: Any = None,
    *,
    names: Sequence[str] | None = None,
    words: Mapping[str, str] | None = None,
    customer: Any = None,
    level: float = 0.95,
    n_permutations: int = 100,
    random_state: Any = 0,
) -> Reasons:
    """Return, for each customer, the features that raise the odds of churn most, in plain words.

    Parameters
    ----------
    model, X, background, n_permutations, random_state
        As for `shapley`.
    k : int, default 3
        Reasons a customer.
    names : list of str, optional
        Of the features, where X has none.
    words : dict of str to str, optional
        Sentences for features of your own, with ``{value}`` and ``{typical}``, the median of the
        background. The features of `make_dataset` have theirs.
    customer : array of n ids, optional
        Default: the customers of the data set, or row numbers.
    level : float, default 0.95
        A sampled contribution must be above 0 beyond its limits at this level to be a reason.
    n_permutations : int, default 100

    Returns
    -------
    Reasons

    Notes
    -----
    A reason tells why the model says it, not what would change if the customer were made to act
    otherwise.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = np.array([[5.0], [92.0], [20.0], [40.0]])
    >>> model = LogisticRegression().fit(X, [0, 1, 0, 1])
    >>> told = tn.churn.reasons(
    ...     model, X, 1, names=["wait"], words={"wait": "waited {value} h, others {typical}"}
    ... )
    >>> told.reasons[1], told.reasons[0]
    (('waited 92 h, others 30',), ())
    """
    most = as_count(k, "k", at_least=1)
    _, z = level_and_z(level)
    table, known = features_of(X)
    other = table if background is None else features_of(background)[0]
    told = shapley(model, X, background, n_permutations=n_permutations, random_state=random_state)
    if names is not None:
        if len(names) != len(known):
            msg = f"names has {len(names)} names and X has {len(known)} features"
            raise InvalidInputError(msg, argument="names")
        known = tuple(names)
    typical = _medians(other)
    said, added = [], []
    for i in range(len(table)):
        sure = told.values[i] > np.maximum(z * told.standard_error[i], 0.0)
        best = [j for j in np.argsort(-told.values[i], kind="stable") if sure[j]][:most]
        said.append(tuple(sentence(known[j], table[i, j], typical[j], words) for j in best))
        added.append(tuple(float(told.values[i, j]) for j in best))
    if customer is None:
        customer = X.customer if isinstance(X, ChurnDataset) else np.arange(len(table))
    elif len(customer) != len(table):
        msg = f"customer has {len(customer)} rows and X has {len(table)}"
        raise InvalidInputError(msg, argument="customer")
    probability = churn_probability(model, _as_given(X, table))
    return Reasons(customer, probability, tuple(said), tuple(added), most)


def _medians(table: Floats) -> Floats:
    """The median of what is known of each column; NaN of nothing."""
    known = [column[~np.isnan(column)] for column in table.T]
    return np.array([float(np.median(c)) if c.size else math.nan for c in known])


# --- any model, any table -------------------------------------------------------------------------


def features_of(X: Any) -> tuple[Floats, tuple[str, ...]]:
    """Return a table of numbers and the names of its columns: x0, x1, ... where it has none."""
    if isinstance(X, ChurnDataset):
        return X.X, X.names
    matrix, names = as_matrix(X)
    given = names if names is not None else [f"x{j}" for j in range(matrix.shape[1])]
    return matrix.astype(np.float64), tuple(given)


def parts_of(
    names: tuple[str, ...], groups: Mapping[str, Sequence[str | int]] | None
) -> dict[str, Ints]:
    """Return the positions of the columns of each group; columns in none are one of their own."""
    parts: dict[str, Ints] = {}
    taken: set[int] = set()
    for label, members in (groups or {}).items():
        places = [_place(names, m, label) for m in members]
        if not places or taken & set(places) or len(set(places)) < len(places):
            msg = f"groups[{label!r}] must name features that no other group names, at least one"
            raise InvalidInputError(msg, argument="groups", value=label)
        taken |= set(places)
        parts[label] = np.array(places, dtype=np.int64)
    for j, name in enumerate(names):
        if j not in taken:
            if name in parts:
                msg = f"groups[{name!r}] is called as a feature is that it does not hold"
                raise InvalidInputError(msg, argument="groups", value=name)
            parts[name] = np.array([j], dtype=np.int64)
    return parts


def _place(names: tuple[str, ...], member: str | int, label: str) -> int:
    if isinstance(member, str) and member in names:
        return names.index(member)
    if isinstance(member, (int, np.integer)) and 0 <= member < len(names):
        return int(member)
    msg = f"groups[{label!r}] names {member!r}, which X does not have"
    raise InvalidInputError(msg, argument="groups", value=member)


def predictor(model: Any, X: Any) -> Callable[[Floats], Floats]:
    """Return a function of a matrix that tells log odds, asking the model in the form of X."""

    def ask(matrix: Floats) -> Floats:
        return log_odds(churn_probability(model, _as_given(X, matrix)))

    return ask


def _as_given(X: Any, matrix: Floats) -> Any:
    """Return a matrix as what X is: a pandas frame with its names and types, or a plain array."""
    if hasattr(X, "iloc") and hasattr(X, "columns"):
        frame = type(X)(matrix, columns=X.columns)
        whole = {c: t for c, t in X.dtypes.items() if t.kind == "f"}
        return frame.astype(whole)
    return matrix


def churn_probability(model: Any, table: Any) -> Floats:
    """Return the probability of the last class."""
    if not hasattr(model, "predict_proba"):
        msg = f"model must have predict_proba, which {type(model).__name__} has not"
        raise InvalidInputError(msg, argument="model")
    return np.asarray(model.predict_proba(table), dtype=np.float64)[:, -1]
