"""What a search for look-alikes returns: scores of the pool, lift, the expansion curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, Ints, as_count


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LookAlikeLift(Table):
    """How many customers like the seed the best of the pool would bring.

    Attributes
    ----------
    top : ndarray of float
        Share of the pool, best scores first.
    customers : ndarray of int
        How many of the pool that is.
    capture, capture_lower, capture_upper : ndarray of float
        Share of the seed that scores as high, by models that have not seen them.
    lift, lift_lower, lift_upper : ndarray of float
        ``capture / top``: 1 is no better than chance.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> seed, pool = {"x": rng.normal(1.5, 1, 200)}, {"x": rng.normal(0, 1, 2000)}
    >>> found = tn.segment.look_alike(seed, pool, top=[0.1]).lift
    >>> found.customers.tolist(), found.lift.round(1).tolist()
    ([200], [6.2])
    """

    top: Floats
    customers: Ints
    capture: Floats
    capture_lower: Floats
    capture_upper: Floats
    lift: Floats
    lift_lower: Floats
    lift_upper: Floats

    _column_names = (
        "top",
        "customers",
        "capture",
        "capture_lower",
        "capture_upper",
        "lift",
        "lift_lower",
        "lift_upper",
    )

    def __len__(self) -> int:
        return len(self.top)

    def _title(self) -> str:
        return "Lift of the best of the pool, cross-fitted"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LookAlike(Table):
    """How much each member of a pool is like the seed. One row a member, in the order of the pool.

    Attributes
    ----------
    score : ndarray of float, shape (n_pool,)
        Of a model that has not seen the member: its probability of the seed, or its decision
        function. Only the order is meant: it depends on the sizes of seed and pool.
    percentile : ndarray of float, shape (n_pool,)
        Share of the pool that scores lower under the same model, equal scores half.
    seed_score, seed_percentile : ndarray of float, shape (n_seed,)
        The same of the seed.
    lift : LookAlikeLift
    curve_top, curve_capture, curve_lower, curve_upper : ndarray of float
        The expansion curve: what share of the seed is caught by the best share of the pool.
    constant : tuple of str
        Columns in which everybody is alike.
    level : float

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> seed, pool = {"x": rng.normal(1.5, 1, 200)}, {"x": rng.normal(0, 1, 2000)}
    >>> found = tn.segment.look_alike(seed, pool)
    >>> bool(pool["x"][found.best(100)].min() > 1.2)
    True
    """

    score: Floats
    percentile: Floats
    seed_score: Floats
    seed_percentile: Floats
    lift: LookAlikeLift
    curve_top: Floats
    curve_capture: Floats
    curve_lower: Floats
    curve_upper: Floats
    constant: tuple[str, ...]
    level: float

    _column_names = ("score", "percentile")

    def __len__(self) -> int:
        return len(self.score)

    def _columns(self) -> Mapping[str, Any]:
        return {"row": np.arange(len(self)), "score": self.score, "percentile": self.percentile}

    def _title(self) -> str:
        k = int(np.argmin(np.abs(self.lift.top - 0.1)))
        x = self.lift
        return (
            f"Look-alikes of {len(self.seed_score):,} customers among {len(self):,}: the best "
            f"{100 * x.top[k]:g} % hold {x.lift[k]:.1f} x as many like them "
            f"({x.lift_lower[k]:.1f} to {x.lift_upper[k]:.1f})"
        )

    def best(self, n: int) -> npt.NDArray[np.intp]:
        """Return the rows of the `n` members of the pool most like the seed, the best first.

        Parameters
        ----------
        n : int
            At most the size of the pool.

        Returns
        -------
        ndarray of int
            Equal percentiles in the order of the rows.
        """
        if as_count(n, "n", at_least=1) > len(self):
            msg = f"n must be <= {len(self):,}, the size of the pool, got {n:,}"
            raise InvalidInputError(msg, argument="n", value=n)
        return np.argsort(-self.percentile, kind="stable")[:n]

    def plot(self, ax: Any = None) -> Any:
        """Draw the expansion curve: how much of the seed scores as high as the best of the pool.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax, figsize=(5.4, 4.6))
        ax.plot([0, 1], [0, 1], color=plotting.MUTED, linewidth=1.0, linestyle="--")
        ends = [np.concatenate([[0.0], v]) for v in (self.curve_top, self.curve_capture)]
        band = [np.concatenate([[0.0], v]) for v in (self.curve_lower, self.curve_upper)]
        plotting.curve(*ends, *band, ax=ax, color=plotting.ACCENT)
        plotting.percent_ticks(ax.xaxis)
        plotting.percent_ticks(ax.yaxis)
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1.02)
        ax.set_xlabel("Share of the pool, most alike first")
        ax.set_ylabel("Share of the seed that scores as high")
        ax.set_title("Expansion curve")
        return ax
