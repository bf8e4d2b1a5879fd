"""Draws of the parameters of a population of individual customers: summary and checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

from tenure._extras import require
from tenure._model_file import storable
from tenure._results import Table, frozen
from tenure._validation import Floats, as_choice, as_count
from tenure.clv._posterior import findings, summarise


@storable("clv.PopulationPosterior")
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PopulationPosterior(Table):
    """Draws of how the rates of customers are distributed, with their checks.

    As a table: one row a parameter.

    Attributes
    ----------
    parameter : tuple of str
    mean, sd, lower, median, upper : float64 arrays
        By parameter; `lower` and `upper` are the 2.5 % and 97.5 % quantiles.
    rhat, ess_bulk, ess_tail, mcse : float64 arrays
        Rank-normalised split R-hat, effective sample sizes, Monte Carlo standard error of the mean.
    draws : dict of (chains, draws) float64 arrays
        By parameter.
    log_likelihood : (chains, draws) float64 array
        Of all customers: given the rates drawn for them, or where the model integrates the rates
        out (`AbeParetoNBD`) given the population.
    acceptance : float64 array
        By chain: the share of the customers' random steps that was taken.
    warnings : tuple of str
        What the checks found; empty if R-hat is below 1.01 and both sizes above 400 throughout.
    model : str
    unit : str or None
    n_customers : int
    warmup, seed : int

    Examples
    --------
    >>> import warnings, tenure as tn
    >>> rows = {"frequency": [2, 0, 5], "recency": [20.0, 0.0, 31.0], "T": [39.0, 30.0, 32.0]}
    >>> model = tn.clv.AbeParetoNBD(draws=20, warmup=20, kept=10, random_state=1)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # so few draws are never enough
    ...     population = model.fit(rows).population_
    >>> population.parameter[:2], population.draws["log_mu"].shape
    (('log_lambda', 'log_mu'), (4, 20))
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
    log_likelihood: Floats
    acceptance: Floats
    warnings: tuple[str, ...]
    model: str
    unit: str | None
    n_customers: int
    warmup: int
    seed: int

    _summary: ClassVar[tuple[str, ...]] = (
        *("mean", "sd", "lower", "median", "upper", "rhat", "ess_bulk", "ess_tail", "mcse"),
    )

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, frozen(getattr(self, field.name)))
        object.__setattr__(self, "draws", {k: frozen(v) for k, v in self.draws.items()})

    def __len__(self) -> int:
        return len(self.parameter)

    @property
    def n_chains(self) -> int:
        """Number of chains."""
        return int(self.log_likelihood.shape[0])

    @property
    def n_draws(self) -> int:
        """Draws of each chain."""
        return int(self.log_likelihood.shape[1])

    @property
    def converged(self) -> bool:
        """Whether every check passed."""
        return not self.warnings

    def _columns(self) -> Mapping[str, Any]:
        return {"parameter": self.parameter, **{n: getattr(self, n) for n in self._summary}}

    def _title(self) -> str:
        state = "" if self.converged else " CHECKS FAILED: " + "; ".join(self.warnings)
        return (
            f"{self.model}, population of {self.n_customers:,} customers: {self.n_chains} chains x "
            f"{self.n_draws:,} draws.{state}"
        )

    def plot(self, ax: Any = None, *, parameter: str | None = None) -> Any:
        """Draw one parameter chain by chain; return the Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        parameter : str, optional
            Default: the one with the largest R-hat.
        """
        from tenure import plotting

        if parameter is None:
            parameter = self.parameter[int(np.argmax(np.nan_to_num(self.rhat, nan=np.inf)))]
        as_choice(parameter, "parameter", self.parameter)
        ax = plotting.axes(ax)
        for chain, row in enumerate(self.draws[parameter]):
            ax.plot(row, linewidth=0.6, label=f"chain {chain + 1}")
        ax.set_xlabel("draw")
        ax.set_ylabel(parameter)
        ax.legend()
        return ax

    def to_arviz(self) -> Any:
        """Return the draws as ArviZ takes them; needs arviz."""
        arviz = require("arviz", "return InferenceData")
        groups = {
            "posterior": dict(self.draws),
            "sample_stats": {"log_likelihood": self.log_likelihood},
        }
        # Before version 1 the groups were arguments.
        old = int(arviz.__version__.partition(".")[0]) < 1
        return arviz.from_dict(**groups) if old else arviz.from_dict(groups)

    def _state(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def _from_state(cls, state: dict[str, Any]) -> Self:
        """Raise ValueError where a file holds what no sampler returns."""
        population = cls(**state)
        shape = population.log_likelihood.shape
        k = len(population.parameter)
        if len(shape) != 2 or 0 in shape or tuple(population.draws) != population.parameter:
            msg = "draws of a population must be chains by draws, of every parameter"
            raise ValueError(msg)
        wanted: list[tuple[Any, tuple[int, ...]]] = [(v, shape) for v in population.draws.values()]
        wanted += [(getattr(population, name), (k,)) for name in cls._summary]
        wanted += [(population.log_likelihood, shape), (population.acceptance, shape[:1])]
        for value, size in wanted:
            if not (isinstance(value, np.ndarray) and value.dtype == np.float64):
                msg = "an array of a population has another type"
                raise ValueError(msg)
            if value.shape != size:
                msg = f"an array of a population has shape {value.shape}, expected {size}"
                raise ValueError(msg)
        for name in ("warmup", "seed", "n_customers"):
            as_count(getattr(population, name), name)
        if not all(type(w) is str for w in (*population.warnings, population.model)):
            msg = "warnings and model must be text"
            raise ValueError(msg)
        return population


def summarise_population(draws: dict[str, Floats], **facts: Any) -> PopulationPosterior:
    """Return draws with their summary and what the checks say of them."""
    names = tuple(draws)
    summary: dict[str, Any] = dict(summarise(draws))
    found = findings(summary, np.zeros(0), np.ones(0), names)
    return PopulationPosterior(parameter=names, **summary, draws=draws, warnings=found, **facts)
