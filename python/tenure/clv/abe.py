"""The Pareto/NBD model with lognormal, correlated rates, drawn customer by customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._model_file import storable
from tenure._validation import Floats, as_number
from tenure.clv import _data, _design
from tenure.clv._individual import IndividualModel, _Options
from tenure.clv._units import horizon_of

_PRIOR = ("mean", "precision", "degrees", "scale")


@storable("clv.AbeParetoNBD")
class AbeParetoNBD(IndividualModel):
    """Pareto/NBD of Abe: each customer has rates of his own, correlated and told by covariates.

    While a customer, somebody buys at random at the rate lambda; the lifetime is exponential with
    rate mu. Over customers (log lambda, log mu) is normal, with a mean that is linear in the
    covariates and a covariance matrix that may correlate the two: model M1 of the paper without
    covariates, M2 with them. `fit` draws the population and all customers by Markov chains.

    Parameters
    ----------
    covariates : str or sequence of str, optional
        Columns of the data, numbers or text; text becomes a column of 0 and 1 for each level but
        the first. With none, an intercept alone.
    prior : dict, optional
        Of the population, K the number of coefficients of each rate, intercept included: `mean`
        (K x 2, default 0) and `precision` (K x K, default 0.01 I) of the coefficients, which are
        matrix normal with columns of covariance Gamma; `degrees` (default 3 + K) and `scale` (2 x
        2, default `degrees` I) of the inverse Wishart distribution of Gamma.
    unit : {"day", "week", "month", "year"}, optional
        What recency and T are counted in. A summary brings its own.
    chains, draws, warmup : int
        Chains, draws of each, and steps before them that adapt the sampler and are dropped.
    sweeps : int, default 2
        Steps of the population from one draw to the next: the price of draws that differ.
    kept : int, default 100
        Draws of the customers that each chain keeps for predictions: 24 bytes a customer each.
    random_state : int, numpy Generator or None
        The same seed gives the same bits, whatever `n_threads`.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Chains run side by side.

    Attributes
    ----------
    population_ : PopulationPosterior
        Draws of log_lambda, log_mu (with covariates: log_lambda_intercept, log_lambda_<covariate>
        and so on) and var_log_lambda, cov_log_lambda_log_mu, var_log_mu.
    customer_, frequency_, recency_, T_ : arrays of n
        The customers, to whom all predictions belong.
    individual_ : (draws, 2, n) float64 array
        Kept draws of lambda and mu.
    lifetime_ : (draws, n) float64 array
        When the customer leaves, from the first purchase on; beyond T: not yet.
    unit_ : str or None

    Notes
    -----
    Abe (2009), "Counting your customers" one by one: a hierarchical Bayes extension to the
    Pareto/NBD model, Marketing Science 28:541-553. Formulas, priors and the sampler:
    docs/methods/abe.md.

    Examples
    --------
    >>> import warnings, tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> model = tn.clv.AbeParetoNBD(draws=40, warmup=40, sweeps=1, kept=40, random_state=1)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # so few draws are never enough
    ...     alive = model.fit(base).probability_alive(interval=0.9)
    >>> bool((alive.lower <= alive.value).all()), len(alive)
    (True, 2357)
    """

    _rates = ("lambda", "mu")
    _prefix = "abe"
    _fitted = (*IndividualModel._fitted, "covariate_levels_")

    #: By covariate its levels, of which the first is the base; None for a number.
    covariate_levels_: _design.Levels

    def __init__(
        self,
        *,
        covariates: Sequence[str] | str | None = None,
        prior: Any = None,
        unit: str | None = None,
        chains: int = 4,
        draws: int = 1000,
        warmup: int = 500,
        sweeps: int = 2,
        kept: int = 100,
        random_state: Any = None,
        n_threads: int | None = None,
    ) -> None:
        self.covariates = covariates
        self.prior = prior
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
        names = _design.as_names(self.covariates, "covariates")
        self.covariate_levels_ = {}
        design = np.ones((len(p.T), 1))
        if names:
            columns = _design.columns_of(data, names)
            self.covariate_levels_ = _design.levels_of(columns)
            rest = _design.design_of(columns, self.covariate_levels_)
            if len(rest) != len(p.T):
                msg = f"covariates have {len(rest)} rows and frequency has {len(p.T)}"
                raise InvalidInputError(msg, argument="covariates")
            design = np.hstack([design, rest])
        return replace(p, design=np.ascontiguousarray(design))

    def _sampled(
        self, p: _data.Purchases, options: _Options, threads: int
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        k = p.design.shape[1]
        mean, precision, degrees, scale = self._prior(k)
        got = _core.clv.abe_sample(
            *(p.frequency, p.recency, p.T, p.design.ravel(), k),
            *(mean.ravel().tolist(), precision.ravel().tolist(), degrees, scale.ravel().tolist()),
            *(options, threads),
        )
        terms = ("intercept", *_design.design_names(self.covariate_levels_))
        names = [
            rate if k == 1 else f"{rate}_{term}"
            for rate in ("log_lambda", "log_mu")
            for term in terms
        ]
        return got, (*names, "var_log_lambda", "cov_log_lambda_log_mu", "var_log_mu")

    def _prior(self, k: int) -> tuple[Floats, Floats, float, Floats]:
        """Return the prior with its defaults; the engine checks that it is one."""
        given = dict(self.prior or {})
        unknown = [name for name in given if name not in _PRIOR]
        if unknown:
            msg = f"prior has no {unknown[0]!r}; there are {', '.join(_PRIOR)}"
            raise InvalidInputError(msg, argument="prior", value=unknown[0])
        degrees = as_number(given.get("degrees", 3.0 + k), "prior degrees", above=1.0)

        def matrix(name: str, shape: tuple[int, int], default: Floats) -> Floats:
            values = np.asarray(given.get(name, default), dtype=np.float64)
            if values.shape != shape:
                msg = f"prior {name} must be of shape {shape}, got {values.shape}"
                raise InvalidInputError(msg, argument="prior", value=name)
            return values

        return (
            matrix("mean", (k, 2), np.zeros((k, 2))),
            matrix("precision", (k, k), 0.01 * np.eye(k)),
            degrees,
            matrix("scale", (2, 2), degrees * np.eye(2)),
        )

    def expected_purchases(self, horizon: Any, interval: float | None = None) -> Any:
        """Return the purchases expected of each customer in the horizon.

        Parameters
        ----------
        horizon : float or str
            From the end of observation on: a number in the unit of the data, or a text such as
            "39w". Finite.
        interval : float, optional
            Probability of the equal-tailed credible interval of the expectation over what the
            customer's rates may be. `purchase_forecast` gives limits for the purchases themselves.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        self._require_fitted()
        length = horizon_of(horizon, self.unit_)
        quantity = f"Purchases expected within {length:g}"
        return self._means("expected_purchases", (length,), interval, quantity)
