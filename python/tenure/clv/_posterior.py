"""Draws from the posterior of a model's parameters: their summary, checks and predictions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from tenure import _core, _model_file
from tenure._extras import require
from tenure._results import Table, frozen
from tenure._time import as_unit
from tenure._validation import Floats, as_choice, as_count, as_level, as_number
from tenure.clv._tables import Predictions
from tenure.clv.priors import Prior

#: Above, chains have not met; below, draws are too few to tell. [Vehtari et al. 2021, sect. 4]
RHAT = 1.01
ESS = 400.0
#: Below, momenta explore the energies too slowly. [Betancourt 2016]
EBFMI = 0.3

_CELLS = 4_000_000  # draws times customers held at once


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Posterior(Table):
    """Draws from the posterior of the parameters of a model, with their checks.

    As a table: one row a parameter.

    Attributes
    ----------
    parameter : tuple of str
    mean, sd, lower, median, upper : float64 arrays
        By parameter; `lower` and `upper` are the 2.5 % and 97.5 % quantiles.
    rhat, ess_bulk, ess_tail, mcse : float64 arrays
        Rank-normalised split R-hat, effective sample sizes of the bulk and of the tails, Monte
        Carlo standard error of the mean. R-hat should be below 1.01 and both sizes above 400.
    draws : dict of float64 arrays
        By parameter, of shape (chains, draws).
    log_density : (chains, draws) float64 array
        Of prior times likelihood, in the logarithms of the parameters, up to a constant.
    divergent : (chains, draws) boolean array
        Draws whose trajectory met a region that steps of this size cannot follow.
    depth : (chains, draws) int64 array
        How often the trajectory doubled, at most 10.
    energy : (chains, draws) float64 array
    step_size, ebfmi : float64 arrays
        By chain; the energy fraction of missing information should be above 0.3.
    warnings : tuple of str
        What the checks found; empty if all is well.
    model, prefix, unit : str
        The model's class, its kernels in the engine, and the unit of time (None if not known).
    priors : dict
        The priors used, defaults included.
    n_customers : float
        Sum of weights.
    warmup : int
    seed : int
        Gives the same draws again, as `random_state`.

    Notes
    -----
    docs/methods/posterior.md.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> posterior = tn.clv.BGNBD().posterior(base, random_state=1)
    >>> posterior.parameter, posterior.draws["r"].shape, posterior.warnings
    (('r', 'alpha', 'a', 'b'), (4, 1000), ())
    >>> [round(float(m), 1) for m in posterior.mean[:2]]
    [0.2, 4.4]
    """

    parameter: tuple[str, ...]
    mean: Floats
    sd: Floats
    lower: Floats
    median: Floats
    upper: Floats
    rhat: Floats
    ess_bulk: Floats
    ess_tail: Floats
    mcse: Floats
    draws: dict[str, Floats]
    log_density: Floats
    divergent: npt.NDArray[np.bool_]
    depth: npt.NDArray[np.int64]
    energy: Floats
    step_size: Floats
    ebfmi: Floats
    warnings: tuple[str, ...]
    model: str
    prefix: str
    unit: str | None
    priors: dict[str, Prior]
    n_customers: float
    warmup: int
    seed: int

    _summary: ClassVar[tuple[str, ...]] = (
        *("mean", "sd", "lower", "median", "upper", "rhat", "ess_bulk", "ess_tail", "mcse"),
    )

    @property
    def n_chains(self) -> int:
        """Number of chains."""
        return int(self.log_density.shape[0])

    @property
    def n_draws(self) -> int:
        """Draws of each chain."""
        return int(self.log_density.shape[1])

    @property
    def n_divergent(self) -> int:
        """Divergent draws over all chains."""
        return int(self.divergent.sum())

    @property
    def converged(self) -> bool:
        """Whether every check passed."""
        return not self.warnings

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, frozen(getattr(self, field.name)))
        object.__setattr__(self, "draws", {k: frozen(v) for k, v in self.draws.items()})

    def __len__(self) -> int:
        return len(self.parameter)

    def _columns(self) -> Mapping[str, Any]:
        return {"parameter": self.parameter, **{n: getattr(self, n) for n in self._summary}}

    def _title(self) -> str:
        state = "" if self.converged else " CHECKS FAILED: " + "; ".join(self.warnings)
        return (
            f"{self.model} posterior: {self.n_chains} chains x {self.n_draws:,} draws, "
            f"{self.n_customers:,g} customers, {self.n_divergent} divergent.{state}"
        )

    def points(self, n: int | None = None) -> Floats:
        """Return parameters by row, one row a draw: all, or n of them evenly over the chains."""
        rows = np.stack([self.draws[name].ravel() for name in self.parameter], axis=1)
        if n is None or n >= len(rows):
            return rows
        # Middles of n equal parts.
        at = ((np.arange(n) + 0.5) * (len(rows) / n)).astype(np.int64)
        return np.ascontiguousarray(rows[at])

    def plot(self, ax: Any = None, *, parameter: str | None = None, kind: str = "trace") -> Any:
        """Draw one parameter chain by chain; return the Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        parameter : str, optional
            Default: the one with the largest R-hat.
        kind : {"trace", "density"}
            Values in the order of the draws, with divergent ones marked, or their histogram.
        """
        from tenure import plotting

        as_choice(kind, "kind", ("trace", "density"))
        if parameter is None:
            worst = int(np.argmax(np.nan_to_num(self.rhat, nan=np.inf)))
            parameter = self.parameter[worst]
        as_choice(parameter, "parameter", self.parameter)
        ax = plotting.axes(ax)
        values = self.draws[parameter]
        if kind == "density":
            edges = np.histogram_bin_edges(values, bins=40)
            for chain, row in enumerate(values):
                ax.hist(row, edges, density=True, histtype="step", label=f"chain {chain + 1}")
            ax.set_xlabel(parameter)
            ax.set_ylabel("density")
        else:
            for chain, row in enumerate(values):
                ax.plot(row, linewidth=0.6, label=f"chain {chain + 1}")
            _, at = np.nonzero(self.divergent)
            if len(at):
                ax.plot(at, values[self.divergent], ".", color=plotting.INK, label="divergent")
            ax.set_xlabel("draw")
            ax.set_ylabel(parameter)
        ax.legend()
        return ax

    def to_arviz(self) -> Any:
        """Return draws and sampler statistics as ArviZ takes them; needs arviz."""
        arviz = require("arviz", "return InferenceData")
        groups = {
            "posterior": dict(self.draws),
            "sample_stats": {
                "lp": self.log_density,
                "diverging": self.divergent,
                "energy": self.energy,
                "tree_depth": self.depth,
            },
        }
        # Before version 1 the groups were arguments.
        old = int(arviz.__version__.partition(".")[0]) < 1
        return arviz.from_dict(**groups) if old else arviz.from_dict(groups)

    def save(self, path: Any) -> None:
        """Write the posterior to one file, whole or not at all; `tenure.load` reads it back."""
        _model_file.write(path, self)

    def _state(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def _from_state(cls, state: dict[str, Any]) -> Self:
        posterior = cls(**state)
        posterior._check()
        return posterior

    def _check(self) -> None:
        """Raise ValueError where a file holds what no sampler returns."""
        shape = self.log_density.shape
        k = len(self.parameter)
        by_draw = [self.log_density, self.energy, *self.draws.values()]
        if len(shape) != 2 or 0 in shape or tuple(self.draws) != self.parameter or k == 0:
            msg = "draws of a posterior must be chains by draws, of every parameter"
            raise ValueError(msg)
        typed: list[tuple[Any, Any, tuple[int, ...]]] = [(v, np.float64, shape) for v in by_draw]
        typed += [(getattr(self, name), np.float64, (k,)) for name in self._summary]
        typed += [(v, np.float64, shape[:1]) for v in (self.step_size, self.ebfmi)]
        typed += [(self.divergent, np.bool_, shape), (self.depth, np.int64, shape)]
        for value, dtype, wanted in typed:
            if not (isinstance(value, np.ndarray) and value.dtype == dtype):
                msg = "an array of a posterior has another type"
                raise ValueError(msg)
            if value.shape != wanted:
                msg = f"an array of a posterior has shape {value.shape}, expected {wanted}"
                raise ValueError(msg)
        if not all(np.all((v > 0.0) & np.isfinite(v)) for v in self.draws.values()):
            msg = "draws must be finite and > 0"
            raise ValueError(msg)
        if not all(isinstance(p, Prior) for p in self.priors.values()):
            msg = "priors must be priors"
            raise ValueError(msg)
        if not hasattr(_core.clv, f"{self.prefix}_posterior"):
            msg = f"no model {self.prefix!r}"
            raise ValueError(msg)
        if self.unit is not None:
            as_unit(self.unit)
        for name in ("warmup", "seed"):
            as_count(getattr(self, name), name)
        as_number(self.n_customers, "n_customers", at_least=0.0)
        if not all(type(w) is str for w in (*self.warnings, self.model)):
            msg = "warnings and model must be text"
            raise ValueError(msg)

    def _kernel(self, name: str) -> Callable[..., Any]:
        kernel: Callable[..., Any] = getattr(_core.clv, f"{self.prefix}_{name}")
        return kernel

    def _over_draws(
        self,
        columns: tuple[Floats, ...],
        predict: Callable[..., Floats],
        draws: Any,
        interval: Any,
        customer: Any,
        quantity: str,
    ) -> Any:
        """Mean and quantiles of predict(point, *columns), some customers at a time."""
        points = self.points(None if draws is None else as_count(draws, "max_draws", at_least=1))
        level = None if interval is None else as_level(interval, "interval")
        n = len(columns[0])
        mean = np.empty(n)
        limits = np.empty((2, n))
        rows = max(1, _CELLS // len(points))
        for i in range(0, n, rows):
            part = tuple(column[i : i + rows] for column in columns)
            values = np.stack([predict(point, *part) for point in points])
            mean[i : i + rows] = values.mean(axis=0)
            if level is not None:
                cuts = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
                limits[:, i : i + rows] = np.quantile(values, cuts, axis=0)
        if level is None:
            return mean
        return Predictions(customer, mean, limits[0], limits[1], level, quantity)


def summarise(draws: dict[str, Floats]) -> dict[str, Floats]:
    """Return the columns of the summary from (chains, draws) arrays by parameter."""
    rows = []
    for values in draws.values():
        flat = np.ascontiguousarray(values).ravel()
        checks = _core.clv.diagnose_chains(flat, len(values))
        rhat, bulk, tail, _, mcse = checks
        quantiles = np.quantile(flat, [0.025, 0.5, 0.975]).tolist()
        sd = float(flat.std(ddof=1)) if len(flat) > 1 else math.nan
        rows.append([float(flat.mean()), sd, *quantiles, rhat, bulk, tail, mcse])
    return dict(zip(Posterior._summary, np.array(rows).T.copy(), strict=True))


def findings(
    summary: Mapping[str, Floats], divergent: Any, ebfmi: Floats, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Return what the checks found, in words."""
    found = []
    rhat = summary["rhat"]
    bad = [n for n, v in zip(names, rhat, strict=True) if not v <= RHAT]
    if bad:
        found.append(f"R-hat of {_listed(bad)} is above {RHAT} (up to {np.max(rhat):.3f})")
    size = np.minimum(summary["ess_bulk"], summary["ess_tail"])
    few = [n for n, v in zip(names, size, strict=True) if not v >= ESS]
    if few:
        found.append(
            f"effective sample size of {_listed(few)} is below {ESS:g} (down to {np.min(size):.0f})"
        )
    lost = int(np.sum(divergent))
    if lost:
        found.append(f"{lost} draws diverged: raise target_accept, or tell more in the priors")
    slow = int(np.sum(~(ebfmi >= EBFMI)))
    if slow:
        found.append(f"E-BFMI of {slow} chains is below {EBFMI}")
    return tuple(found)


def _listed(names: list[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = len(names) - 4
    return ", ".join(names if more <= 1 else [*names[:4], f"{more} more"])
