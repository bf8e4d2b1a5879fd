"""The method `posterior` of the models whose likelihood the engine can sample."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._progress import shown
from tenure._time import as_unit
from tenure._validation import Floats, as_count, as_number, as_seed, as_threads
from tenure.clv import _contract_data, _data, priors
from tenure.clv._likelihood import refuse_covariates
from tenure.clv._posterior import Posterior, findings, summarise
from tenure.clv._posterior_predict import ContractPosterior, PurchasePosterior, SpendPosterior
from tenure.clv.priors import Beta, LogNormal, Quantity


class _Sampled:
    """What both kinds of model share: settings, priors, and what becomes of the draws."""

    parameter_names: ClassVar[tuple[str, ...]]
    _prefix: ClassVar[str]
    _posterior_class: ClassVar[type[Posterior]]
    #: What priors may be about, and which of them together tell all the parameters.
    _quantities: ClassVar[dict[str, Quantity]]
    _prior_sets: ClassVar[tuple[tuple[tuple[str, ...], ...], ...]]

    def _sample(
        self,
        columns: tuple[Any, ...],
        scale: float,
        told: Any,
        settings: tuple[Any, ...],
        unit: str | None,
        customers: float,
    ) -> Any:
        refuse_covariates(self, "posterior")
        *plan, progress, n_threads = settings
        options = sampling_options(*plan)
        chosen = priors.choose(told, self._quantities, self._prior_sets, scale)
        terms = [self._quantities[name].term(prior) for name, prior in chosen.items()]
        kernel = getattr(_core.clv, f"{self._prefix}_posterior")
        with shown(progress, f"sampling {type(self).__name__}") as tell:
            steps = tell.steps(*steps_of(options, type(self).__name__))
            got = kernel(*columns, terms, options, steps, as_threads(n_threads))

        shape = options[:2]
        with np.errstate(over="ignore", under="ignore"):
            points = np.exp(got["point"]).reshape(*shape, len(self.parameter_names))
        by_name = {
            name: np.ascontiguousarray(points[:, :, i])
            for i, name in enumerate(self.parameter_names)
        }
        energy = got["energy"].reshape(shape)
        divergent = got["divergent"].reshape(shape).astype(np.bool_)
        ebfmi = np.array([_core.clv.energy_fraction(np.ascontiguousarray(e)) for e in energy])
        summary = summarise(by_name)
        found = findings(summary, divergent, ebfmi, self.parameter_names)
        if found:
            msg = f"{type(self).__name__}.posterior: " + "; ".join(found)
            warnings.warn(msg, ConvergenceWarning, stacklevel=3)
        return self._posterior_class(
            parameter=self.parameter_names,
            **summary,
            draws=by_name,
            log_density=got["log_density"].reshape(shape),
            divergent=divergent,
            depth=got["depth"].reshape(shape),
            energy=energy,
            step_size=got["step_size"],
            ebfmi=ebfmi,
            warnings=found,
            model=type(self).__name__,
            prefix=self._prefix,
            unit=unit,
            priors=chosen,
            n_customers=customers,
            warmup=options[2],
            seed=options[4],
        )


def sampling_options(
    chains: Any, draws: Any, warmup: Any, random_state: Any, target_accept: Any
) -> tuple[int, int, int, float, int]:
    """Return the settings of the sampler as the engine takes them."""
    return (
        as_count(chains, "chains", at_least=1),
        as_count(draws, "draws", at_least=4),
        as_count(warmup, "warmup"),
        as_number(target_accept, "target_accept", above=0.0, below=1.0),
        as_seed(random_state),
    )


def steps_of(options: tuple[int, int, int, float, int], model: str) -> tuple[int, str]:
    """Return how many draws there will be, and what to say of them."""
    chains, draws, warmup = options[:3]
    return chains * (draws + warmup), f"sampling {model}"


class SampledPurchases(_Sampled):
    """Gives a model of repeat purchases its `posterior`."""

    _posterior_class = PurchasePosterior
    unit: str | None

    def posterior(
        self,
        data: Any,
        sample_weight: Any = None,
        *,
        priors: Any = None,
        chains: int = 4,
        draws: int = 1000,
        warmup: int = 1000,
        random_state: Any = None,
        target_accept: float = 0.8,
        progress: Any = False,
        n_threads: int | None = None,
    ) -> PurchasePosterior:
        """Sample the parameters from their posterior, by the No-U-Turn sampler.

        Needs no fit, and leaves the model as it is.

        Parameters
        ----------
        data, sample_weight
            As for `fit`.
        priors : dict, optional
            Priors by quantity, of `tenure.clv.priors`, in the unit of the data. `r`, and
            `purchase_rate` (r / alpha) or `alpha`; in the BG/NBD and MBG/NBD models `dropout`
            (a / (a + b), a share) and `dropout_size` (a + b), or `a` and `b`; in the Pareto/NBD
            model `s`, and `dropout_rate` (s / beta) or `beta`. Those not given are weak, and
            follow the mean of T, whatever its unit: docs/methods/posterior.md lists them.
        chains, draws, warmup : int
            Chains, draws of each, and draws before them that adapt the sampler and are dropped.
        random_state : int, numpy Generator or None
            The same seed gives the same bits, whatever `n_threads`.
        target_accept : float, default 0.8
            Closer to 1 means smaller steps: the cure for divergent draws.
        progress : bool or callable, default False
            True draws a bar of all draws of all chains; a callable gets ``progress(share, what)``
            about ten times a second.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8.

        Returns
        -------
        PurchasePosterior
            A ConvergenceWarning where chains have not met (R-hat above 1.01), an effective sample
            size is below 400, draws diverged, or the energy fraction is below 0.3; `warnings` of
            the result keeps it.

        Raises
        ------
        InvalidInputError
            As for `fit`, and for priors that do not go together.

        Notes
        -----
        Hoffman & Gelman (2014), The No-U-Turn sampler, Journal of Machine Learning Research
        15:1593-1623; Betancourt (2017), A conceptual introduction to Hamiltonian Monte Carlo,
        arXiv:1701.02434.
        """
        p, unit = self._purchases(data, sample_weight)
        return self._sample(  # type: ignore[no-any-return]
            (p.frequency, p.recency, p.T, p.weight),
            self._scale(p),
            priors,
            (chains, draws, warmup, random_state, target_accept, progress, n_threads),
            unit,
            float(len(p.T)) if p.weight is None else float(p.weight.sum()),
        )

    def _purchases(self, data: Any, sample_weight: Any) -> tuple[_data.Purchases, str | None]:
        """Read the customers, and the unit of time."""
        unit = None if self.unit is None else as_unit(self.unit)
        p = _data.purchases(data, sample_weight, weighted=True)
        if p.unit is not None and unit is not None and p.unit != unit:
            msg = f"the summary counts in {p.unit}s, but the model was made with unit={unit!r}"
            raise InvalidInputError(msg, argument="unit", value=unit)
        return p, p.unit or unit

    def _scale(self, p: _data.Purchases) -> float:
        return _mean(p.T, p.weight)


class SampledSpend(_Sampled):
    """Gives the gamma-gamma model its `posterior`."""

    _posterior_class = SpendPosterior

    def posterior(
        self,
        data: Any,
        sample_weight: Any = None,
        *,
        priors: Any = None,
        chains: int = 4,
        draws: int = 1000,
        warmup: int = 1000,
        random_state: Any = None,
        target_accept: float = 0.8,
        progress: Any = False,
        n_threads: int | None = None,
    ) -> SpendPosterior:
        """Sample the parameters from their posterior, by the No-U-Turn sampler.

        Needs no fit, and leaves the model as it is.

        Parameters
        ----------
        data, sample_weight
            As for `fit`.
        priors : dict, optional
            Priors by quantity, of `tenure.clv.priors`: `p`, `q`, and `spend_level` (p gamma / q) or
            `gamma`, in the unit of money. Those not given are weak; that of the level, or of gamma,
            is centred on the geometric mean of `monetary_value`: docs/methods/posterior.md.
        chains, draws, warmup, random_state, target_accept, progress, n_threads
            As for `BGNBD.posterior`.

        Returns
        -------
        SpendPosterior
            With a ConvergenceWarning where a check failed, as for `BGNBD.posterior`.

        Raises
        ------
        InvalidInputError
            As for `fit`, and for priors that do not go together.

        Notes
        -----
        docs/methods/posterior.md has formulas and sources.
        """
        s, used = self._spends(data, sample_weight)
        return self._sample(  # type: ignore[no-any-return]
            (s.frequency, s.monetary_value, s.weight),
            self._scale(s, used),
            priors,
            (chains, draws, warmup, random_state, target_accept, progress, n_threads),
            None,
            float(used.sum()) if s.weight is None else float(s.weight[used].sum()),
        )

    def _spends(self, data: Any, sample_weight: Any) -> tuple[_data.Spend, Any]:
        """Read the customers, and which rows are of use."""
        s = _data.spend(data, sample_weight, weighted=True)
        used = (s.frequency > 0) & (s.monetary_value > 0)
        return s, used & np.isfinite(s.monetary_value)

    def _scale(self, s: _data.Spend, used: Any) -> float:
        weight = None if s.weight is None else s.weight[used]
        return math.exp(_mean(np.log(s.monetary_value[used]), weight, otherwise=0.0))


class SampledContracts(_Sampled):
    """Gives a model of contracts its `posterior`."""

    _posterior_class = ContractPosterior

    def posterior(
        self,
        data: Any,
        sample_weight: Any = None,
        *,
        priors: Any = None,
        chains: int = 4,
        draws: int = 1000,
        warmup: int = 1000,
        random_state: Any = None,
        target_accept: float = 0.8,
        progress: Any = False,
        n_threads: int | None = None,
    ) -> ContractPosterior:
        """Sample the parameters from their posterior, by the No-U-Turn sampler.

        Needs no fit, and leaves the model as it is. Also where nobody left yet: then the priors
        tell what the data cannot.

        Parameters
        ----------
        data, sample_weight
            As for `fit`.
        priors : dict, optional
            Priors by quantity, of `tenure.clv.priors`: `churn` (alpha / (alpha + beta), the share
            lost at the first renewal) and `churn_size` (alpha + beta), or `alpha` and `beta`;
            and `c` in the beta-discrete-Weibull model. Those not given are weak:
            docs/methods/posterior.md lists them.
        chains, draws, warmup, random_state, target_accept, progress, n_threads
            As for `BGNBD.posterior`.

        Returns
        -------
        ContractPosterior
            With a ConvergenceWarning where a check failed, as for `BGNBD.posterior`.

        Raises
        ------
        InvalidInputError
            As for `fit`, and for priors that do not go together.

        Notes
        -----
        docs/methods/posterior.md has formulas and sources.
        """
        r = _contract_data.read(data, sample_weight)
        return self._sample(  # type: ignore[no-any-return]
            (r.renewals, r.churned, r.weight),
            1.0,
            priors,
            (chains, draws, warmup, random_state, target_accept, progress, n_threads),
            None,
            float(len(r.renewals)) if r.weight is None else float(r.weight.sum()),
        )


def _mean(values: Floats, weight: Floats | None, otherwise: float = 1.0) -> float:
    """Return the weighted mean; `otherwise` where there is none, or data that will be refused."""
    total = float(len(values)) if weight is None else float(weight.sum())
    sum_ = float(values.sum()) if weight is None else float(weight @ values)
    usable = total > 0.0 and math.isfinite(total) and math.isfinite(sum_)
    mean = sum_ / total if usable else otherwise
    return mean if mean > 0.0 or otherwise == 0.0 else otherwise


#: The gamma distribution of rates of purchase.
RATES = {
    "r": Quantity((1, 0), LogNormal(1.0, 1.5)),
    "purchase_rate": Quantity((1, -1), LogNormal(1.0, 2.0), per_scale=-1),
    "alpha": Quantity((0, 1), LogNormal(1.0, 2.0), per_scale=1),
}
RATE_SETS = ((("r", "purchase_rate"), ("r", "alpha")),)

#: The same where two other parameters follow.
_RATES = {n: replace(q, weight=(*q.weight, 0, 0)) for n, q in RATES.items()}

#: Of the BG/NBD model and its kin.
BETA_GEOMETRIC = _RATES | {
    "dropout": Quantity((0, 0, 1, -1), Beta(1.0, 1.0)),
    "dropout_size": Quantity((0, 0, 1, 1), LogNormal(2.0, 1.5), of_sum=True),
    "a": Quantity((0, 0, 1, 0), LogNormal(1.0, 1.5)),
    "b": Quantity((0, 0, 0, 1), LogNormal(1.0, 1.5)),
}
BETA_GEOMETRIC_SETS = (*RATE_SETS, (("dropout", "dropout_size"), ("a", "b")))

PARETO = _RATES | {
    "s": Quantity((0, 0, 1, 0), LogNormal(1.0, 1.5)),
    "dropout_rate": Quantity((0, 0, 1, -1), LogNormal(1.0, 2.0), per_scale=-1),
    "beta": Quantity((0, 0, 0, 1), LogNormal(1.0, 2.0), per_scale=1),
}
PARETO_SETS = (*RATE_SETS, (("s", "dropout_rate"), ("s", "beta")))

SPEND = {
    "p": Quantity((1, 0, 0), LogNormal(3.0, 1.5)),
    "q": Quantity((0, 1, 0), LogNormal(3.0, 1.0)),
    "spend_level": Quantity((1, -1, 1), LogNormal(1.0, 2.0), per_scale=1),
    "gamma": Quantity((0, 0, 1), LogNormal(1.0, 2.0), per_scale=1),
}
SPEND_SETS = ((("p", "q", "spend_level"), ("p", "q", "gamma")),)

#: theta, the chance to leave at a renewal, is beta(alpha, beta) over customers.
RENEWALS = {
    "churn": Quantity((1, -1), Beta(1.0, 1.0)),
    "churn_size": Quantity((1, 1), LogNormal(2.0, 1.5), of_sum=True),
    "alpha": Quantity((1, 0), LogNormal(1.0, 1.5)),
    "beta": Quantity((0, 1), LogNormal(1.0, 1.5)),
}
RENEWAL_SETS = ((("churn", "churn_size"), ("alpha", "beta")),)

AGEING = {n: replace(q, weight=(*q.weight, 0)) for n, q in RENEWALS.items()} | {
    "c": Quantity((0, 0, 1), LogNormal(1.0, 0.5))
}
AGEING_SETS = (*RENEWAL_SETS, (("c",),))
