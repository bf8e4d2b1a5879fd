"""The Pareto/GGG model of regular purchases, drawn customer by customer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._model_file import storable
from tenure._validation import Floats
from tenure.clv import _data, priors
from tenure.clv._individual import IndividualModel, _Options
from tenure.clv.priors import LogNormal, Quantity

_PARAMETERS = ("r", "alpha", "s", "beta", "t", "gamma")


def _quantity(first: int, second: int, prior: LogNormal, per_scale: int = 0) -> Quantity:
    weight = [0] * len(_PARAMETERS)
    weight[first] = 1
    if second >= 0:
        weight[second] = -1
    return Quantity(tuple(weight), prior, per_scale=per_scale)


_QUANTITIES = {
    "r": _quantity(0, -1, LogNormal(1.0, 1.5)),
    "purchase_rate": _quantity(0, 1, LogNormal(1.0, 2.0), per_scale=-1),
    "alpha": _quantity(1, -1, LogNormal(1.0, 2.0), per_scale=1),
    "s": _quantity(2, -1, LogNormal(1.0, 1.5)),
    "dropout_rate": _quantity(2, 3, LogNormal(1.0, 2.0), per_scale=-1),
    "beta": _quantity(3, -1, LogNormal(1.0, 2.0), per_scale=1),
    "t": _quantity(4, -1, LogNormal(2.0, 1.5)),
    "regularity": _quantity(4, 5, LogNormal(1.0, 1.0)),
    "gamma": _quantity(5, -1, LogNormal(2.0, 1.5)),
}
_SETS = (
    (("r", "purchase_rate"), ("r", "alpha")),
    (("s", "dropout_rate"), ("s", "beta")),
    (("t", "regularity"), ("t", "gamma")),
)


@storable("clv.ParetoGGG")
class ParetoGGG(IndividualModel):
    """Pareto/GGG: customers buy regularly, each to a degree of his own, until they leave.

    The gaps between a customer's purchases are gamma with shape k and mean 1 / lambda: k = 1 is
    buying at random, as in the Pareto/NBD model, and a large k is clockwork, so that a customer who
    is overdue has probably left. The lifetime is exponential with rate mu. Over customers lambda is
    gamma(r, rate alpha), mu gamma(s, rate beta) and k gamma(t, rate gamma). `fit` draws the
    population and all customers by Markov chains.

    Parameters
    ----------
    priors : dict, optional
        Priors by quantity, of `tenure.clv.priors`, in the unit of the data: `r`, and
        `purchase_rate` (r / alpha) or `alpha`; `s`, and `dropout_rate` (s / beta) or `beta`; `t`,
        and `regularity` (t / gamma) or `gamma`. Those not given are weak, and listed in
        docs/methods/pareto_ggg.md.
    unit : {"day", "week", "month", "year"}, optional
        What recency and T are counted in. A summary brings its own.
    chains, draws, warmup : int
        Chains, draws of each, and sweeps before them that adapt the sampler and are dropped.
    sweeps : int, default 2
        Passes over all customers from one draw to the next: the price of draws that differ.
    kept : int, default 100
        Draws of the customers that each chain keeps for predictions: 32 bytes a customer each.
    random_state : int, numpy Generator or None
        The same seed gives the same bits, whatever `n_threads`.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Chains run side by side.

    Attributes
    ----------
    population_ : PopulationPosterior
        Draws of r, alpha, s, beta, t, gamma.
    customer_, frequency_, recency_, T_ : arrays of n
        The customers, to whom all predictions belong.
    individual_ : (draws, 3, n) float64 array
        Kept draws of lambda, mu and k.
    lifetime_ : (draws, n) float64 array
        When the customer leaves, from the first purchase on; beyond T: not yet.
    unit_ : str or None

    Notes
    -----
    Needs `log_gaps`, the sum over repeat purchases of ln(time since the purchase before), as of
    ``log.summary(log_gaps=True)``.

    Platzer & Reutterer (2016), Ticking away the moments: timing regularity helps to better predict
    customer activity, Marketing Science 35:779-799. Formulas, priors and the sampler:
    docs/methods/pareto_ggg.md.

    Examples
    --------
    >>> import warnings, tenure as tn
    >>> rows = {"frequency": [3, 0], "recency": [30.0, 0.0], "T": [39.0, 30.0],
    ...         "log_gaps": [6.9, 0.0]}
    >>> model = tn.clv.ParetoGGG(draws=40, warmup=40, kept=40, random_state=1)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # so few draws are never enough
    ...     alive = model.fit(rows).probability_alive(interval=0.9)
    >>> bool((alive.lower <= alive.value).all()), model.individual_.shape
    (True, (160, 3, 2))
    """

    _rates = ("lambda", "mu", "k")
    _prefix = "pareto_ggg"

    def __init__(
        self,
        *,
        priors: Any = None,
        unit: str | None = None,
        chains: int = 4,
        draws: int = 1000,
        warmup: int = 1000,
        sweeps: int = 2,
        kept: int = 100,
        random_state: Any = None,
        n_threads: int | None = None,
    ) -> None:
        self.priors = priors
        self.unit = unit
        self.chains = chains
        self.draws = draws
        self.warmup = warmup
        self.sweeps = sweeps
        self.kept = kept
        self.random_state = random_state
        self.n_threads = n_threads

    def _read(self, data: Any) -> _data.Purchases:
        p = super()._read(data)
        gaps = _data.optional_column(data, "log_gaps", len(p.T))
        if gaps is None:
            msg = (
                "ParetoGGG needs log_gaps, the sums of ln(time between purchases): "
                "log.summary(log_gaps=True)"
            )
            raise InvalidInputError(msg, argument="log_gaps")
        return replace(p, log_gaps=gaps)

    def _sampled(
        self, p: _data.Purchases, options: _Options, threads: int
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        assert p.log_gaps is not None  # `_read` asked for them
        mean = float(p.T.mean()) if len(p.T) else 1.0
        scale = mean if np.isfinite(mean) and mean > 0.0 else 1.0
        chosen = priors.choose(self.priors, _QUANTITIES, _SETS, scale)
        terms = [_QUANTITIES[name].term(prior) for name, prior in chosen.items()]
        got = _core.clv.pareto_ggg_sample(
            p.frequency, p.recency, p.T, p.log_gaps, terms, options, threads
        )
        return got, _PARAMETERS

    def regularity(self, interval: float | None = None) -> Any:
        """Return the posterior median of each customer's regularity k: 1 is buying at random.

        Parameters
        ----------
        interval : float, optional
            Probability of the equal-tailed credible interval, such as 0.95.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        return self._medians(self.customer_draws("k"), interval, "Regularity")

    def expected_purchases(self, horizon: Any) -> Floats:
        """Return the purchases expected of each customer in the horizon.

        Parameters
        ----------
        horizon : float or str
            From the end of observation on: a number in the unit of the data, or a text such as
            "39w". Finite.

        Returns
        -------
        float64 array of n
            The mean over futures drawn, one for each kept draw, as there is no closed form: the
            same at each call. `purchase_forecast` gives its limits.
        """
        return self.purchase_forecast(horizon).mean
