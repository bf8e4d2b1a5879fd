"""The method `posterior_by_group` of the models that have a posterior: partial pooling."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._progress import shown
from tenure._validation import Floats, as_threads
from tenure.clv import _groups, priors
from tenure.clv._group_posterior import (
    GroupPosterior,
    PurchaseGroupPosterior,
    SpendGroupPosterior,
    entries,
    group_weights,
)
from tenure.clv._likelihood import refuse_covariates
from tenure.clv._posterior import findings, summarise
from tenure.clv._sampling import SampledPurchases, SampledSpend, sampling_options, steps_of
from tenure.clv.priors import Beta, HalfNormal, Prior

#: Of the standard deviations over groups: 95 % of its mass has groups within a factor of 7.
SPREAD = HalfNormal(0.5)


class _Grouped:
    """What both kinds of model share."""

    parameter_names: ClassVar[tuple[str, ...]]
    _prefix: ClassVar[str]
    _quantities: ClassVar[dict[str, priors.Quantity]]
    _prior_sets: ClassVar[tuple[tuple[tuple[str, ...], ...], ...]]
    _group_posterior_class: ClassVar[type[GroupPosterior]]

    def _sample_groups(
        self,
        columns: tuple[Any, ...],
        grouping: tuple[_groups.Groups, Floats],
        scale: float,
        told: tuple[Any, Any],
        settings: tuple[Any, ...],
        unit: str | None,
    ) -> Any:
        refuse_covariates(self, "posterior_by_group")
        *plan, progress, n_threads = settings
        options = sampling_options(*plan)
        groups, customers = grouping
        chosen = priors.choose(told[0], self._quantities, self._prior_sets, scale)
        spreads = _spreads(told[1], self.parameter_names)
        kernel = getattr(_core.clv, f"{self._prefix}_group_posterior")
        name = type(self).__name__
        with shown(progress, f"sampling {name}") as tell:
            got = kernel(
                *columns,
                groups.code,
                len(groups.names),
                [self._quantities[q].term(prior) for q, prior in chosen.items()],
                _spread_terms(spreads, self.parameter_names),
                options,
                tell.steps(*steps_of(options, name)),
                as_threads(n_threads),
            )
        draws = _draws(got["point"], options[:2], self.parameter_names, groups.names)
        shape = options[:2]
        energy = got["energy"].reshape(shape)
        divergent = got["divergent"].reshape(shape).astype(np.bool_)
        ebfmi = np.array([_core.clv.energy_fraction(np.ascontiguousarray(e)) for e in energy])
        summary = summarise(draws)
        found = findings(summary, divergent, ebfmi, tuple(draws))
        if found:
            msg = f"{name}.posterior_by_group: " + "; ".join(found)
            warnings.warn(msg, ConvergenceWarning, stacklevel=3)
        return self._group_posterior_class(
            parameter=tuple(draws),
            **summary,
            draws=draws,
            log_density=got["log_density"].reshape(shape),
            divergent=divergent,
            depth=got["depth"].reshape(shape),
            energy=energy,
            step_size=got["step_size"],
            ebfmi=ebfmi,
            warnings=found,
            model=name,
            prefix=self._prefix,
            unit=unit,
            priors=chosen,
            n_customers=float(customers.sum()),
            warmup=options[2],
            seed=options[4],
            groups=groups.names,
            parameter_names=self.parameter_names,
            group_customers=customers,
            column=groups.column,
            spread_priors=spreads,
        )


def _draws(
    point: Floats, shape: tuple[int, int], parameters: tuple[str, ...], names: tuple[Any, ...]
) -> dict[str, Floats]:
    """Return draws by name: medians and spreads over groups, then group by group."""
    with np.errstate(over="ignore", under="ignore"):
        values = np.exp(point).reshape(*shape, -1)
    return {
        name: np.ascontiguousarray(values[:, :, i])
        for i, name in enumerate(entries(parameters, names))
    }


def _spreads(told: Any, parameters: tuple[str, ...]) -> dict[str, Prior]:
    """Return one prior a parameter: those given, one given for all, and defaults."""
    given = dict.fromkeys(parameters, told) if isinstance(told, Prior) else dict(told or {})
    for name, prior in given.items():
        if name not in parameters:
            msg = f"spread_priors has no parameter {name!r}; there are {', '.join(parameters)}"
            raise InvalidInputError(msg, argument="spread_priors", value=name)
        if not isinstance(prior, Prior) or isinstance(prior, Beta):
            msg = f"spread_priors[{name!r}] must be a LogNormal, Gamma or HalfNormal, got {prior!r}"
            raise InvalidInputError(msg, argument="spread_priors", value=prior)
    return {name: given.get(name, SPREAD) for name in parameters}


def _spread_terms(spreads: dict[str, Prior], parameters: tuple[str, ...]) -> list[Any]:
    terms = []
    for i, name in enumerate(parameters):
        weight = tuple(int(k == i) for k in range(len(parameters)))
        terms.append(priors.Quantity(weight, spreads[name]).term(spreads[name]))
    return terms


class PurchasesByGroup(_Grouped, SampledPurchases):
    """Gives a model of repeat purchases its `posterior_by_group`."""

    _group_posterior_class = PurchaseGroupPosterior

    def posterior_by_group(
        self,
        data: Any,
        groups: Any,
        sample_weight: Any = None,
        *,
        priors: Any = None,
        spread_priors: Any = None,
        chains: int = 4,
        draws: int = 1000,
        warmup: int = 1000,
        random_state: Any = None,
        target_accept: float = 0.9,
        progress: Any = False,
        n_threads: int | None = None,
    ) -> PurchaseGroupPosterior:
        """Sample parameters that differ between groups of customers, with partial pooling.

        Each group has parameters of its own, whose logarithms are normal over groups: mean and
        standard deviation of that normal distribution are estimated too. A group with many
        customers keeps what its customers say; a small one is drawn towards the others.

        Parameters
        ----------
        data, sample_weight
            As for `fit`.
        groups : str or array
            Column of the data, or one value a row: the channel, the country, the cohort.
        priors : dict, optional
            As for `posterior`, here of the median of each quantity's parameters over groups.
        spread_priors : prior, or dict by parameter, optional
            Of the standard deviation of a parameter's logarithm over groups, tau. Default:
            ``HalfNormal(0.5)``; an exponential prior is ``Gamma(1, rate)``.
        chains, draws, warmup, random_state, target_accept, progress, n_threads
            As for `posterior`.

        Returns
        -------
        PurchaseGroupPosterior
            With a ConvergenceWarning where a check failed, as for `posterior`.

        Raises
        ------
        InvalidInputError
            As for `posterior`, for groups that are missing, and for a group of weight 0.

        Notes
        -----
        Gelman, Carlin, Stern, Dunson, Vehtari & Rubin (2013), Bayesian Data Analysis, chapter 5.
        Formulas: docs/methods/posterior.md.
        """
        p, unit = self._purchases(data, sample_weight)
        of = _groups.read(data, groups, len(p.T))
        customers = group_weights(of, np.ones(len(p.T), dtype=np.bool_), p.weight)
        return self._sample_groups(  # type: ignore[no-any-return]
            (p.frequency, p.recency, p.T, p.weight),
            (of, customers),
            self._scale(p),
            (priors, spread_priors),
            (chains, draws, warmup, random_state, target_accept, progress, n_threads),
            unit,
        )


class SpendByGroup(_Grouped, SampledSpend):
    """Gives the gamma-gamma model its `posterior_by_group`."""

    _group_posterior_class = SpendGroupPosterior

    def posterior_by_group(
        self,
        data: Any,
        groups: Any,
        sample_weight: Any = None,
        *,
        priors: Any = None,
        spread_priors: Any = None,
        chains: int = 4,
        draws: int = 1000,
        warmup: int = 1000,
        random_state: Any = None,
        target_accept: float = 0.9,
        progress: Any = False,
        n_threads: int | None = None,
    ) -> SpendGroupPosterior:
        """Sample parameters that differ between groups of customers, with partial pooling.

        Parameters
        ----------
        data, sample_weight
            As for `fit`.
        groups, spread_priors, chains, draws, warmup, random_state, target_accept, progress
        n_threads
            As for `BGNBD.posterior_by_group`.
        priors : dict, optional
            As for `posterior`, here of the median of each quantity's parameters over groups.

        Returns
        -------
        SpendGroupPosterior
            With a ConvergenceWarning where a check failed, as for `posterior`.

        Raises
        ------
        InvalidInputError
            As for `posterior`, for groups that are missing, and for a group in which no row tells
            the model anything.

        Notes
        -----
        docs/methods/posterior.md has formulas and sources.
        """
        s, used = self._spends(data, sample_weight)
        of = _groups.read(data, groups, len(s.frequency))
        return self._sample_groups(  # type: ignore[no-any-return]
            (s.frequency, s.monetary_value, s.weight),
            (of, group_weights(of, used, s.weight)),
            self._scale(s, used),
            (priors, spread_priors),
            (chains, draws, warmup, random_state, target_accept, progress, n_threads),
            None,
        )
