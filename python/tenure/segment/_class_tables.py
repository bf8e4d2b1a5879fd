"""What latent classes are told as: shares, answers, coefficients, each with limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._results import Table
from tenure._validation import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ClassShares(Table):
    """How many belong to each class.

    Attributes
    ----------
    latent_class : ndarray of int, shape (n_classes,)
    share, standard_error, lower, upper : ndarray of float, shape (n_classes,)
        Limits are normal ones of the log-odds; NaN where the data do not tell.

    Examples
    --------
    >>> import tenure as tn
    >>> model = tn.segment.LatentClass(1).fit([["a"], ["b"], ["b"], ["b"]])
    >>> model.shares().share
    array([1.])
    """

    latent_class: Ints
    share: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats

    _column_names = ("latent_class", "share", "standard_error", "lower", "upper")

    def _title(self) -> str:
        return "Shares of classes"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ClassAnswers(Table):
    """What members of each class answer.

    Attributes
    ----------
    latent_class : ndarray of int, shape (n,)
    item, category : tuple of str
    probability, standard_error, lower, upper : ndarray of float, shape (n,)
        Of the answer, given the class. The standard error is that of the log-odds, the limits are
        normal ones of the log-odds; both are NaN on the boundary and where the data do not tell.
    boundary : ndarray of bool, shape (n,)
        The probability is 0 or 1: the likelihood is highest on the edge, where normal limits do
        not hold.

    Examples
    --------
    >>> import tenure as tn
    >>> print(tn.segment.LatentClass(1).fit([["a"], ["b"], ["b"], ["b"]]).answers())
    Answers by class
    latent_class  item  category  probability  standard_error      lower     upper  boundary
               0    x0         a         0.25          1.1547  0.0335114   0.76216     False
               0    x0         b         0.75          1.1547    0.23784  0.966489     False
    """

    latent_class: Ints
    item: tuple[str, ...]
    category: tuple[str, ...]
    probability: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    boundary: npt.NDArray[np.bool_]

    _column_names = (
        "latent_class", "item", "category", "probability", "standard_error", "lower", "upper",
        "boundary",
    )  # fmt: skip

    def _title(self) -> str:
        return "Answers by class"

    def plot(self, ax: Any = None) -> Any:
        """Draw the probability of each answer, one row an answer, one colour a class.

        Of an item with two categories the second is drawn, which says it all.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        first = [r for r in range(len(self.item)) if self.latent_class[r] == 0]
        counts = {name: sum(self.item[r] == name for r in first) for name in self.item}
        shown, seen = [], set()
        for r in first:
            if counts[self.item[r]] != 2 or self.item[r] in seen:
                shown.append(r)
            seen.add(self.item[r])
        classes = int(self.latent_class.max()) + 1
        ax = plotting.axes(ax, figsize=(7.2, 1.3 + 0.13 * len(shown) * (1 + classes)))
        for c in range(classes):
            at = np.arange(len(shown)) + 0.7 * ((c + 0.5) / classes - 0.5)
            rows = np.array(shown) + c * len(first)
            color = plotting.PALETTE[c % len(plotting.PALETTE)]
            ax.hlines(at, self.lower[rows], self.upper[rows], color=color, linewidth=1.6)
            ax.plot(self.probability[rows], at, "o", color=color, markersize=5, label=f"class {c}")
        names = [f"{self.item[r]} = {self.category[r]}" for r in shown]
        plotting.horizontal(ax, names)
        ax.set(xlim=(-0.02, 1.02), xlabel="Probability of the answer, given the class")
        plotting.percent_ticks(ax.xaxis)
        ax.legend(
            loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=min(classes, 6), borderaxespad=0.2
        )
        return ax


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ClassCoefficients(Table):
    """Log-odds of a class against class 0, by covariate.

    Attributes
    ----------
    latent_class : ndarray of int, shape (n,)
    name : tuple of str
        Intercept, and the covariates.
    coef, standard_error, lower, upper : ndarray of float, shape (n,)

    Examples
    --------
    >>> import tenure as tn
    >>> answers = [["a", "x", "k"]] * 30 + [["b", "y", "l"]] * 25
    >>> answers += [["a", "y", "k"], ["b", "x", "l"], ["a", "x", "l"], ["b", "y", "k"]] * 4
    >>> answers += [["a", "y", "l"], ["b", "x", "k"]] * 3
    >>> model = tn.segment.LatentClass(2).fit(answers)
    >>> model.coefficients().name
    ('Intercept',)
    """

    latent_class: Ints
    name: tuple[str, ...]
    coef: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats

    _column_names = ("latent_class", "name", "coef", "standard_error", "lower", "upper")

    def _title(self) -> str:
        return "Log-odds of classes against class 0"
