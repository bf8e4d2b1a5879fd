"""What a model leans on: permutation importance, and how its answer moves with one feature."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, as_choice, as_column, as_count, as_flags, as_seed
from tenure.churn._limits import level_and_z
from tenure.churn._probabilities import as_clusters, expit, read, spread
from tenure.churn.dataset import ChurnDataset
from tenure.churn.explain import features_of, parts_of, predictor


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Importance(Table):
    """How much worse a model does without what a feature knows, with limits.

    Attributes
    ----------
    name : tuple of str
        Features, or their groups, the most important first.
    value, standard_error, lower, upper : float64 arrays
        Rise of the mean loss once the feature is shuffled.
    loss : str
    baseline : float
        Mean loss as the features are.
    level : float

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2))
    >>> y = rng.random(500) < 1 / (1 + np.exp(-2 * X[:, 1]))
    >>> told = tn.churn.permutation_importance(LogisticRegression().fit(X, y), X, y)
    >>> told.name, bool(told.lower[0] > 0)
    (('x1', 'x0'), True)
    """

    name: tuple[str, ...]
    value: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    loss: str
    baseline: float
    level: float

    _column_names = ("name", "value", "standard_error", "lower", "upper")

    def _title(self) -> str:
        return (
            f"Rise of the {self.loss.replace('_', ' ')} over {self.baseline:.4g} without each "
            f"feature, limits at {self.level:.0%}"
        )

    def plot(self, ax: Any = None, *, most: int = 15) -> Any:
        """Draw the most important features with their limits.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        most : int, default 15

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        top = slice(0, as_count(most, "most", at_least=1))
        shown = len(self.name[top])
        ax = plotting.axes(ax, figsize=(7.2, 0.9 + 0.3 * shown))
        ax = plotting.bars(
            self.name[top],
            self.value[top],
            self.lower[top],
            self.upper[top],
            ax=ax,
            color=plotting.SOFT,
        )
        ax.axvline(0.0, color=plotting.INK, linewidth=0.8)
        ax.set_xlabel(f"Rise of the {self.loss.replace('_', ' ')}")
        return ax


def permutation_importance(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    groups: Mapping[str, Sequence[str | int]] | None = None,
    loss: str = "log_loss",
    customers: Any = None,
    n_repeats: int = 10,
    level: float = 0.95,
    random_state: Any = 0,
) -> Importance:
    """Return how much the loss of a model rises once a feature is shuffled between rows.

    Parameters
    ----------
    model : fitted classifier with `predict_proba`
    X : ChurnDataset, or table of numbers, shape (rows, features)
        Rows that the model has not learnt from.
    y : array of n flags
        Nothing with a `ChurnDataset`.
    groups : dict of str to list of names or positions, optional
        Features that are shuffled together. Shuffled one by one, features that tell the same hide
        each other.
    loss : {"log_loss", "brier"}, default "log_loss"
    customers : array of n ids, optional
        Rows of one customer count as one draw. Default: those of the data set.
    n_repeats : int, default 10
        Shuffles a feature.
    level : float, default 0.95
    random_state : int, None or numpy.random.Generator

    Returns
    -------
    Importance

    Raises
    ------
    InvalidInputError
        Names the row; also for unknown or repeated features, and unless both classes are there.

    Notes
    -----
    Breiman (2001); Fisher, Rudin & Dominici (2019), JMLR 20(177), eq. 3: the loss over pairs of
    rows, one giving the feature and the other the rest. Limits are those of that average for rows,
    or customers, drawn anew and the model as it is: each row counts as giver and as taker.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.arange(20.0)[:, None] % 7, np.arange(20) % 7 > 3
    >>> model = LogisticRegression().fit(X, y)
    >>> tn.churn.permutation_importance(model, X, y, loss="brier").value[0] > 0.1
    np.True_
    """
    table, names = features_of(X)
    if isinstance(X, ChurnDataset):
        y = X.churned if y is None else y
        customers = X.group if customers is None else customers
    if y is None:
        msg = "y must be given beside a table of features"
        raise InvalidInputError(msg, argument="y")
    parts = parts_of(names, groups)
    measure = _LOSSES[as_choice(loss, "loss", tuple(_LOSSES))]
    repeats = as_count(n_repeats, "n_repeats", at_least=1)
    checked, z = level_and_z(level)
    rng = np.random.default_rng(as_seed(random_state))
    ask = predictor(model, X)
    odds = ask(table)
    label, _, of = read(as_flags(y, "y"), expit(odds), customers)
    before = measure(label, odds)
    rows = []
    for part in parts.values():
        taken, given = np.zeros(len(label)), np.zeros(len(label))
        for _ in range(repeats):
            giver = rng.permutation(len(label))
            shuffled = table.copy()
            shuffled[:, part] = table[np.ix_(giver, part)]
            after = measure(label, ask(shuffled))
            taken += after / repeats
            given[giver] += after / repeats
        mean = float(taken.mean())
        value = mean - float(before.mean())
        influence = (taken - mean) + (given - mean) - (before - before.mean())
        rows.append((value, spread(influence / len(label), of)))
    told = np.array(rows)
    order = np.argsort(-told[:, 0], kind="stable")
    rise, error = told[order].T
    return Importance(
        tuple(tuple(parts)[j] for j in order),
        rise,
        error,
        rise - z * error,
        rise + z * error,
        loss,
        float(before.mean()),
        checked,
    )


def _log_loss(label: Floats, odds: Floats) -> Floats:
    return np.logaddexp(0.0, np.where(label > 0.0, -odds, odds))


def _brier(label: Floats, odds: Floats) -> Floats:
    return (expit(odds) - label) ** 2


_LOSSES: dict[str, Callable[[Floats, Floats], Floats]] = {"log_loss": _log_loss, "brier": _brier}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PartialEffect(Table):
    """The mean probability of churn if all customers had one value of a feature.

    Attributes
    ----------
    name : str
    at : float64 array of k
        Values of the feature.
    probability, standard_error, lower, upper : float64 arrays of k
    level : float

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.arange(20.0)[:, None] % 7, np.arange(20) % 7 > 3
    >>> effect = tn.churn.partial_effect(LogisticRegression().fit(X, y), X, "x0", at=[0, 6])
    >>> bool(effect.probability[0] < 0.1 < 0.9 < effect.probability[1])
    True
    """

    name: str
    at: Floats
    probability: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    level: float

    _column_names = ("at", "probability", "standard_error", "lower", "upper")

    def _title(self) -> str:
        return f"Mean probability of churn by {self.name}, limits at {self.level:.0%}"

    def plot(self, ax: Any = None) -> Any:
        """Draw the mean probability by the value of the feature, with its limits.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        plotting.curve(self.at, self.probability, self.lower, self.upper, ax=ax)
        plotting.from_zero(ax)
        plotting.percent_ticks(ax.yaxis)
        ax.set(xlabel=self.name, ylabel="Mean probability of churn")
        return ax


def partial_effect(
    model: Any,
    X: Any,
    feature: str | int,
    at: Any = None,
    *,
    customers: Any = None,
    level: float = 0.95,
) -> PartialEffect:
    """Return the mean probability of churn by the value of one feature, the others as they are.

    Parameters
    ----------
    model : fitted classifier with `predict_proba`
    X : ChurnDataset, or table of numbers, shape (rows, features)
    feature : str or int
        Name or position.
    at : array of floats, optional
        Values to set the feature to. Default: up to 20 quantiles of its values, from the 5th to
        the 95th percentile.
    customers : array of n ids, optional
        Rows of one customer count as one draw. Default: those of the data set.
    level : float, default 0.95
        Of limits for customers drawn anew and the model as it is.

    Returns
    -------
    PartialEffect

    Raises
    ------
    InvalidInputError
        For a feature that X does not have, and one without a known value.

    Notes
    -----
    Friedman (2001), Annals of Statistics 29:1189-1232, sect. 8.2. It asks the model about customers
    that need not exist, where features depend on each other; and it tells of the model, not of
    causes.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.arange(20.0)[:, None] % 7, np.arange(20) % 7 > 3
    >>> effect = tn.churn.partial_effect(LogisticRegression().fit(X, y), X, 0)
    >>> effect.at.tolist(), bool((np.diff(effect.probability) > 0).all())
    ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], True)
    """
    table, names = features_of(X)
    parts = parts_of(names, {"feature": [feature]})
    j = parts["feature"][0]
    if isinstance(X, ChurnDataset) and customers is None:
        customers = X.group
    of = as_clusters(customers, len(table))
    _, z = level_and_z(level)
    if at is None:
        known = table[~np.isnan(table[:, j]), j]
        if known.size == 0:
            msg = f"feature {names[j]!r} has no known value in X: say at which"
            raise InvalidInputError(msg, argument="at")
        at = np.unique(np.quantile(known, np.linspace(0.05, 0.95, 20), method="nearest"))
    places: Floats = as_column(at, np.float64, "at")
    ask = predictor(model, X)
    moved = table.copy()
    mean, error = np.empty(len(places)), np.empty(len(places))
    for k, value in enumerate(places):
        moved[:, j] = value
        p = expit(ask(moved))
        mean[k] = p.mean()
        error[k] = spread((p - mean[k]) / len(p), of)
    return PartialEffect(
        names[j],
        places,
        mean,
        error,
        np.maximum(0.0, mean - z * error),
        np.minimum(1.0, mean + z * error),
        level,
    )
