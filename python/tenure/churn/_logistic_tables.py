"""What a logistic regression is told as: coefficients, tests, probabilities with limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._results import Table
from tenure._validation import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LogisticSummary(Table):
    """Coefficients of a logistic regression, the intercept first.

    Attributes
    ----------
    name : tuple of str
        Intercept, and the columns of X.
    coef, standard_error, z, p_value : ndarray of float, shape (n_terms,)
        Wald's test that the coefficient is 0; with profile limits the signed root of the
        likelihood ratio and its test.
    lower, upper : ndarray of float, shape (n_terms,)
        Limits of `coef`.
    odds_ratio, odds_ratio_lower, odds_ratio_upper : ndarray of float, shape (n_terms,)
        exp of `coef` and its limits: the factor on the odds of one unit more.
    """

    name: tuple[str, ...]
    coef: Floats
    standard_error: Floats
    z: Floats
    p_value: Floats
    lower: Floats
    upper: Floats
    _about: str

    _column_names = (
        "name", "coef", "odds_ratio", "standard_error", "z", "p_value", "lower", "upper",
        "odds_ratio_lower", "odds_ratio_upper",
    )  # fmt: skip

    @property
    def odds_ratio(self) -> Floats:
        return _exp(self.coef)

    @property
    def odds_ratio_lower(self) -> Floats:
        return _exp(self.lower)

    @property
    def odds_ratio_upper(self) -> Floats:
        return _exp(self.upper)

    def _title(self) -> str:
        return self._about

    def plot(self, ax: Any = None) -> Any:
        """Draw the odds ratios of the columns with their limits, on a logarithmic axis.

        The intercept, which is no ratio, is left out. A limit that is infinite ends at the frame.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        shown = [j for j, name in enumerate(self.name) if j > 0 or name != "Intercept"]
        size = (7.2, 1.2 + 0.32 * len(shown))
        ax = plotting.axes(ax, figsize=size)
        ax.set_xscale("log")
        ax.axvline(1.0, color=plotting.MUTED, linewidth=1.0)
        rows = np.arange(len(shown))
        ratio = self.odds_ratio[shown]
        ends = np.stack([self.odds_ratio_lower[shown], self.odds_ratio_upper[shown]])
        known = ends[np.isfinite(ends) & (ends > 0.0)]
        edge = np.array([min(known.min(initial=1.0), ratio.min()) / 1.3,
                         max(known.max(initial=1.0), ratio.max()) * 1.3])  # fmt: skip
        low, high = np.maximum(ends[0], edge[0]), np.minimum(ends[1], edge[1])
        ax.hlines(rows, low, high, color=plotting.SOFT, linewidth=3.0)
        ax.plot(ratio, rows, "o", color=plotting.ACCENT, markersize=5)
        plotting.horizontal(ax, [self.name[j] for j in shown])
        ax.set(xlim=tuple(edge), xlabel="Odds ratio of one unit more")
        ax.xaxis.set_major_formatter(lambda v, _: f"{v:g}")
        return ax


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LogisticTests(Table):
    """Tests that coefficients are 0.

    Attributes
    ----------
    test : tuple of str
        likelihood ratio, Wald.
    statistic, df, p_value : ndarray, shape (n_tests,)
    columns : tuple of str
        The columns whose coefficients are tested.
    """

    test: tuple[str, ...]
    statistic: Floats
    df: Ints
    p_value: Floats
    columns: tuple[str, ...]

    _column_names = ("test", "statistic", "df", "p_value")

    def _title(self) -> str:
        shown = ", ".join(self.columns[:5]) + (", ..." if len(self.columns) > 5 else "")
        return f"Do these columns matter? {shown}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LogisticProbabilities(Table):
    """Probabilities of the second class with limits, one row a row of X.

    Attributes
    ----------
    value, lower, upper : ndarray of float, shape (n_rows,)
        Limits of the probability itself, not of an outcome: normal ones of the log-odds.
    """

    value: Floats
    lower: Floats
    upper: Floats

    _column_names = ("value", "lower", "upper")

    def _title(self) -> str:
        return "Probability of the second class"


def _exp(values: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(values))
