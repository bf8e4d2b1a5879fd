"""Movement between stages: how many go where, how surely, how long they stay, what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._intervals import wilson
from tenure._results import Table
from tenure._validation import (
    Floats,
    Ints,
    as_choice,
    as_count,
    as_level,
    as_number,
    as_seed,
    as_threads,
)
from tenure.lifecycle._chain import Chain, possible
from tenure.lifecycle._movement_tables import (
    Absorption,
    Homogeneity,
    Rises,
    Sojourns,
    absorption_of,
    homogeneity_of,
    homogeneity_statistics,
    rises_of,
    sojourns_of,
)
from tenure.lifecycle.diagram import Diagram, diagram_of
from tenure.lifecycle.equity import EquityForecast, SizeForecast, equity_of, sizes_of
from tenure.lifecycle.outcomes import StageOutcomes
from tenure.lifecycle.panel import StagePanel, engine_codes
from tenure.lifecycle.values import BIRTH, StageValues

EXIT = "(exit)"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Movement(Table):
    """Moves between stages from one date to the next. As a table: one row for each pair seen.

    The last state is outside: who comes from there is born, who goes there has left.

    Attributes
    ----------
    stages : tuple of str, length n_stages
    at : tuple of datetime, length n_periods + 1
    counts : ndarray of int, shape (n_periods, n_stages + 1, n_stages + 1)
        N_ij of each period; row and column `n_stages` are births and exits.
    probabilities : ndarray of float, shape (n_stages + 1, n_stages + 1)
        (N_ij + alpha) / (N_i + alpha K) over all periods, K the states that were ever seen; NaN
        where nobody was seen to leave a state.
    lower, upper : ndarray of float, shape (n_stages + 1, n_stages + 1)
        Wilson limits of N_ij / N_i with the moves of one customer as a cluster.
    design_effects : ndarray of float, shape (n_stages + 1,)
        By how much the variance exceeds that of independent moves; at least 1.
    dispersion : float
        By how much periods differ from each other beyond chance, X^2 / df; at least 1.
    movers : ndarray of int, shape (n_stages + 1,)
        Customers seen to leave (or stay in) the state at least once.
    sizes : ndarray of int, shape (n_stages,)
        At the last date.
    ranks : tuple of int
    alpha, level : float

    Examples
    --------
    >>> import tenure as tn
    >>> codes = [[0, 0, 1, -1], [0, 1, 1, 0], [1, 1, 1, 0]]
    >>> m = tn.lifecycle.movement(tn.lifecycle.StagePanel.from_codes(codes, ["active", "lost"]))
    >>> m.counts.sum(axis=0).tolist()
    [[2, 2, 0], [0, 3, 0], [1, 0, 0]]
    >>> m.probabilities[0].tolist()
    [0.5, 0.5, 0.0]
    """

    stages: tuple[str, ...]
    at: tuple[Any, ...]
    counts: Ints
    probabilities: Floats
    lower: Floats
    upper: Floats
    design_effects: Floats
    dispersion: float
    movers: Ints
    sizes: Ints
    ranks: tuple[int, ...]
    alpha: float
    level: float
    _runs: Ints
    _run_periods: Ints

    @property
    def n_periods(self) -> int:
        return len(self.counts)

    @property
    def births(self) -> Ints:
        """Customers born in each period."""
        born: Ints = self.counts[:, -1, :-1].sum(axis=1)
        return born

    def _columns(self) -> Mapping[str, Any]:
        total = self.counts.sum(axis=0)
        left, reached = np.nonzero(total)
        sources, targets = (*self.stages, BIRTH), (*self.stages, EXIT)
        return {
            "from": [sources[i] for i in left],
            "to": [targets[j] for j in reached],
            "count": total[left, reached],
            "probability": self.probabilities[left, reached],
            "lower": self.lower[left, reached],
            "upper": self.upper[left, reached],
        }

    def _title(self) -> str:
        moves = int(self.counts.sum())
        return f"{moves:,} moves between {len(self.stages)} stages in {self.n_periods} periods"

    def sojourns(self) -> Sojourns:
        """Return how long customers stay in each stage."""
        return sojourns_of(self)

    def rises(self) -> Rises:
        """Return how many rise, fall, stay, come and go in each period, by the ranks of stages."""
        return rises_of(self)

    def homogeneity(self) -> Homogeneity:
        """Test whether the probabilities are the same in all periods."""
        return homogeneity_of(self)

    def steps(self, k: int) -> Floats:
        """Return the probabilities of k periods.

        Parameters
        ----------
        k : int
            At least 1.

        Returns
        -------
        ndarray of shape (n_stages + 1, n_stages + 1)
            Who has left stays outside. A stage that nobody was seen to leave keeps its customers.
        """
        step: Floats = np.linalg.matrix_power(self._chain().closed(), as_count(k, "k", at_least=1))
        return step

    def absorption(
        self,
        into: str = "lost",
        *,
        n_draws: int = 1000,
        random_state: Any = 0,
        n_threads: int | None = None,
    ) -> Absorption:
        """Return how probably, and how soon, customers of each stage first come into another.

        Parameters
        ----------
        into : str
            A stage, or "(exit)".
        n_draws : int
            Transition matrices drawn for the limits.
        random_state : int, None or numpy generator
        n_threads : int, optional
            Never changes a result.

        Returns
        -------
        Absorption
        """
        states = (*self.stages, EXIT)
        as_choice(into, "into", states)
        draws = as_count(n_draws, "n_draws", at_least=2)
        seed, threads = as_seed(random_state), as_threads(n_threads)
        return absorption_of(self, self._chain(), states.index(into), draws, seed, threads)

    def forecast(
        self,
        periods: int,
        *,
        births: Any = None,
        n_draws: int = 1000,
        random_state: Any = 0,
        n_threads: int | None = None,
    ) -> SizeForecast:
        """Return the sizes of stages to come, with a band.

        Parameters
        ----------
        periods : int
            Of the length of those seen.
        births : number or array of shape (periods,), optional
            How many customers are born in each period to come; 0 for those of today alone.
            Default: as many as on the mean so far, with what is not known of that mean and the
            spread about it.
        n_draws : int
        random_state : int, None or numpy generator
        n_threads : int, optional
            Never changes a result.

        Returns
        -------
        SizeForecast
        """
        return sizes_of(
            self, self._chain(), periods, births, n_draws, random_state, as_threads(n_threads)
        )

    def equity(
        self,
        values: StageValues,
        periods: int,
        *,
        discount: float = 0.0,
        margin: float = 1.0,
        births: Any = None,
        n_draws: int = 1000,
        random_state: Any = 0,
        n_threads: int | None = None,
    ) -> EquityForecast:
        """Return customer equity: size times value of each stage, over the periods to come.

        Parameters
        ----------
        values : StageValues
            Of the same panel.
        periods : int
        discount : float
            Per period: what comes in period k, counted from 1, is divided by (1 + discount)^k.
        margin : float
            Share of revenue that counts.
        births, n_draws, random_state, n_threads
            As for `forecast`.

        Returns
        -------
        EquityForecast
        """
        if not isinstance(values, StageValues) or values.stage[:-1] != self.stages:
            msg = "values must be StageValues of the same stages, from stage_values(panel, log)"
            raise InvalidInputError(msg, argument="values")
        return equity_of(
            self,
            self._chain(),
            values,
            periods,
            as_number(discount, "discount", above=-1.0),
            as_number(margin, "margin", at_least=0.0),
            births,
            n_draws,
            random_state,
            as_threads(n_threads),
        )

    def plot(self, ax: Any = None, *, least: float = 0.01) -> Any:
        """Draw the moves as streams: stages at the start of a period, and at its end.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        least : float
            Streams below this share of all customers are left out.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure.lifecycle._movement_plot import draw

        return draw(self, ax, as_number(least, "least", at_least=0.0, at_most=1.0))

    def diagram(self, outcomes: StageOutcomes | None = None, *, least: float = 0.1) -> Diagram:
        """Draw the lifecycle: stages by size and risk, arrows by the share that moves.

        Parameters
        ----------
        outcomes : StageOutcomes, optional
            Risk by stage; circles are coloured by it, and its limits are written out.
        least : float
            Arrows below this share of the customers of their stage are left out.

        Returns
        -------
        Diagram
            SVG, in the order of the stages, clockwise from the left. Sizes are those of the last
            date; births, exits and staying are not drawn.

        Examples
        --------
        >>> import tenure as tn
        >>> codes = [[0, 0, 1, 1], [0, 1, 1, 0]]
        >>> panel = tn.lifecycle.StagePanel.from_codes(codes, ["active", "lost"])
        >>> "2 customers" in tn.lifecycle.movement(panel).diagram().svg
        True
        """
        return diagram_of(self, outcomes, as_number(least, "least", at_least=0.0, at_most=1.0))

    def _chain(self) -> Chain:
        return Chain(self.counts, self.alpha, self.design_effects, self.dispersion)


def movement(
    panel: StagePanel,
    *,
    alpha: float | None = None,
    level: float = 0.95,
    n_threads: int | None = None,
) -> Movement:
    """Count moves between stages from date to date.

    Parameters
    ----------
    panel : StagePanel
        Of at least two dates; equally spaced ones, where periods are compared or forecast.
    alpha : float, optional
        Added to each count of a row. Default: 1/K, so that what is added weighs as one move.
    level : float
        Confidence level.
    n_threads : int, optional
        Never changes a result.

    Returns
    -------
    Movement

    Raises
    ------
    InvalidInputError
        For a panel of one date.

    Notes
    -----
    Formulas, limits and what the forecast rests on: docs/methods/movement.md.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> dates = ["1997-06-30", "1997-09-30", "1997-12-31", "1998-03-31", "1998-06-30"]
    >>> panel = tn.lifecycle.Stages().assign(log, at=dates)
    >>> m = tn.lifecycle.movement(panel)
    >>> champion, loyal = m.stages.index("champion"), m.stages.index("loyal")
    >>> m.counts.sum(axis=0)[champion, [champion, loyal]].tolist()
    [297, 19]
    """
    if not isinstance(panel, StagePanel):
        msg = f"panel must be a StagePanel, got {type(panel).__name__}"
        raise InvalidInputError(msg, argument="panel", value=panel)
    level = as_level(level)
    k = len(panel.stages)
    raw = _core.lifecycle.count_moves(*engine_codes(panel), k, as_threads(n_threads))
    states = k + 1
    counts = raw["counts"].reshape(-1, states, states)
    total = counts.sum(axis=0).astype(np.float64)
    open_to = possible(total)
    prior = 1.0 / k if alpha is None else as_number(alpha, "alpha", at_least=0.0)
    left = total.sum(axis=1, keepdims=True)
    seen = left > 0
    weight = np.where(open_to, total + prior, 0.0)
    raw_share = np.divide(total, left, out=np.full(total.shape, np.nan), where=seen)
    probabilities = np.where(seen, weight, np.nan) / weight.sum(axis=1, keepdims=True)
    effective, effects = _effective(raw, total, raw_share)
    filled = np.nan_to_num(raw_share) * effective
    lower, upper = wilson(filled, effective, level)
    for limit in (lower, upper):
        limit[~open_to | ~seen.repeat(states, axis=1)] = np.nan
    return Movement(
        stages=panel.stages,
        at=panel.at,
        counts=counts,
        probabilities=probabilities,
        lower=lower,
        upper=upper,
        design_effects=effects,
        dispersion=_dispersion(counts),
        movers=raw["movers"],
        sizes=panel.sizes().customers[-1],
        ranks=panel.ranks,
        alpha=prior,
        level=level,
        _runs=raw["runs"],
        _run_periods=raw["run_periods"],
    )


def _effective(raw: Mapping[str, Any], total: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Return the effective number of moves behind each share, and the design effect by state.

    The variance of a ratio of sums over customers, linearised, against p (1 - p) / N.
    """
    states = len(total)
    left = total.sum(axis=1, keepdims=True)
    squares = raw["squares"].reshape(states, states)
    products = raw["products"].reshape(states, states)
    row_squares = raw["row_squares"][:, None]
    movers = raw["movers"][:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        residual = squares - 2 * share * products + share**2 * row_squares
        variance = residual / left**2 * movers / (movers - 1)
        binomial = share * (1 - share) / left
        by_row = np.nansum(variance, axis=1) / np.nansum(binomial, axis=1)
        by_cell = variance / binomial
    row = np.maximum(np.where(np.isfinite(by_row), by_row, 1.0), 1.0)
    cell = np.where(binomial > 0, by_cell, row[:, None])
    cell = np.maximum(np.where(np.isfinite(cell), cell, 1.0), 1.0)
    return left / cell, row


def _dispersion(counts: Ints) -> float:
    statistic, _, df = homogeneity_statistics(counts)
    return max(1.0, statistic / df) if df > 0 else 1.0
