"""What the models share that draw each customer's own rates: chains, and predictions from them."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._estimator import Estimator
from tenure._results import frozen
from tenure._time import as_unit
from tenure._validation import Floats, as_choice, as_count, as_level, as_seed, as_threads
from tenure.clv import _data
from tenure.clv._outlook import PurchaseForecast
from tenure.clv._population import PopulationPosterior, summarise_population
from tenure.clv._tables import Predictions
from tenure.clv._units import horizon_of

#: Chains, draws, warm-up, kept, sweeps, seed; the population is held nowhere.
_Options = tuple[int, int, int, int, int, int, list[float]]

_CELLS = 4_000_000  # draws times customers held at once


class IndividualModel(Estimator):
    """Base of the models that are drawn customer by customer."""

    #: The rates of a customer, as the engine orders them.
    _rates: ClassVar[tuple[str, ...]]
    _prefix: ClassVar[str]
    _columns_kept: ClassVar[tuple[str, ...]] = ("frequency_", "recency_", "T_")
    _fitted = ("population_", "unit_", "customer_", *_columns_kept, "individual_", "lifetime_")

    unit: str | None
    chains: int
    draws: int
    warmup: int
    sweeps: int
    kept: int
    random_state: Any
    n_threads: int | None

    population_: PopulationPosterior
    unit_: str | None
    customer_: Any
    frequency_: Floats
    recency_: Floats
    T_: Floats
    individual_: Floats
    lifetime_: Floats

    def _sampled(
        self, p: _data.Purchases, options: _Options, threads: int
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Run the chains; return what the engine drew, and the population's parameters."""
        raise NotImplementedError

    def _read(self, data: Any) -> _data.Purchases:
        unit = None if self.unit is None else as_unit(self.unit)
        p = _data.purchases(data, weighted=True)
        if p.weight is not None:
            msg = f"{type(self).__name__} draws every customer: rows must not have a weight"
            raise InvalidInputError(msg, argument="weight")
        if p.unit is not None and unit is not None and p.unit != unit:
            msg = f"the summary counts in {p.unit}s, but the model was made with unit={unit!r}"
            raise InvalidInputError(msg, argument="unit", value=unit)
        return p

    def fit(self, data: Any) -> Self:
        """Draw the population and every customer from their joint posterior.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            One row a customer: `frequency`, `recency`, `T`, and what else the model reads.

        Returns
        -------
        self
            A ConvergenceWarning where R-hat of a parameter of the population is above 1.01 or an
            effective sample size below 400; `population_.warnings` keeps it. More `sweeps` cure it.

        Raises
        ------
        InvalidInputError
            Names the column, the row and the rule; for weights, as every customer is drawn.
        """
        p = self._read(data)
        chains = as_count(self.chains, "chains", at_least=1)
        draws = as_count(self.draws, "draws", at_least=4)
        kept = as_count(self.kept, "kept", at_least=1)
        if kept > draws:
            msg = f"kept must be at most draws, got {kept} of {draws}"
            raise InvalidInputError(msg, argument="kept", value=kept)
        warmup = as_count(self.warmup, "warmup")
        sweeps = as_count(self.sweeps, "sweeps", at_least=1)
        seed = as_seed(self.random_state)
        options: _Options = (chains, draws, warmup, kept, sweeps, seed, [])
        got, names = self._sampled(p, options, as_threads(self.n_threads))
        points = got["population"].reshape(chains, draws, len(names))
        population = summarise_population(
            {name: np.ascontiguousarray(points[:, :, j]) for j, name in enumerate(names)},
            log_likelihood=got["log_likelihood"].reshape(chains, draws),
            acceptance=got["acceptance"],
            model=type(self).__name__,
            unit=p.unit or self.unit,
            n_customers=len(p.T),
            warmup=warmup,
            seed=seed,
        )
        self.population_ = population
        self.unit_ = p.unit or self.unit
        self.customer_ = p.customer
        self.frequency_, self.recency_, self.T_ = (
            frozen(column) for column in (p.frequency, p.recency, p.T)
        )
        n = len(p.T)
        self.individual_ = frozen(got["individual"].reshape(chains * kept, len(self._rates), n))
        self.lifetime_ = frozen(got["lifetime"].reshape(chains * kept, n))
        if population.warnings:
            msg = f"{type(self).__name__}.fit: " + "; ".join(population.warnings)
            warnings.warn(msg, ConvergenceWarning, stacklevel=2)
        return self

    # --- the customers ---------------------------------------------------------------------------

    def customer_draws(self, rate: str) -> Floats:
        """Return the kept draws of one rate of every customer.

        Parameters
        ----------
        rate : str
            "lambda" (purchases a unit of time while a customer), "mu" (1 / mean lifetime), "k"
            (regularity) where the model has it, or "lifetime" (from the first purchase to leaving;
            beyond T where the customer is still one in that draw).

        Returns
        -------
        (draws, customers) float64 array
            Chain after chain.
        """
        self._require_fitted()
        as_choice(rate, "rate", (*self._rates, "lifetime"))
        if rate == "lifetime":
            return self.lifetime_
        return self.individual_[:, self._rates.index(rate)]

    def purchase_rate(self, interval: float | None = None) -> Any:
        """Return the posterior median of each customer's purchases a unit of time while active.

        Parameters
        ----------
        interval : float, optional
            Probability of the equal-tailed credible interval, such as 0.95.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        return self._medians(self.customer_draws("lambda"), interval, "Purchases a unit of time")

    def expected_lifetime(self, interval: float | None = None) -> Any:
        """Return the posterior median of each customer's mean lifetime, 1 / mu.

        Parameters
        ----------
        interval : float, optional
            Probability of the equal-tailed credible interval, such as 0.95.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
            From the first purchase on, in the unit of the data.
        """
        return self._medians(1.0 / self.customer_draws("mu"), interval, "Mean lifetime")

    def probability_alive(self, interval: float | None = None) -> Any:
        """Return the probability that each customer is still a customer.

        Parameters
        ----------
        interval : float, optional
            Probability of the equal-tailed credible interval of that probability over what the
            customer's rates may be, such as 0.95.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        return self._means("probabilities_alive", (), interval, "Probability to be alive")

    def _means(self, kernel: str, more: tuple[Any, ...], interval: Any, quantity: str) -> Any:
        """Mean and quantiles of what a kernel says in each draw, some customers at a time."""
        self._require_fitted()
        function = getattr(_core.clv, f"{self._prefix}_{kernel}")
        threads = as_threads(self.n_threads)
        level = None if interval is None else as_level(interval, "interval")
        mean = np.empty(len(self.T_))
        limits = np.empty((2, len(mean)))
        for part in self._parts():
            values = function(self._flat(part), *self._history(part), *more, threads)
            values = values.reshape(len(self.lifetime_), -1)
            mean[part] = values.mean(axis=0)
            if level is not None:
                limits[:, part] = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2], axis=0)
        if level is None:
            return mean
        return Predictions(self.customer_, mean, limits[0], limits[1], level, quantity)

    def purchase_forecast(
        self, horizon: Any, level: float = 0.95, random_state: Any = 0
    ) -> PurchaseForecast:
        """Return between which numbers the purchases of each customer will lie.

        One future is drawn for every kept draw, so that limits hold what is unknown of a customer's
        rates and lifetime as well as chance. A future ends at 1e15 purchases.

        Parameters
        ----------
        horizon : float or str
            From the end of observation on: a number in the unit of the data, or a text such as
            "39w". Finite.
        level : float, default 0.95
        random_state : int, numpy Generator or None

        Returns
        -------
        PurchaseForecast
        """
        self._require_fitted()
        length = horizon_of(horizon, self.unit_)
        tail = 0.5 * (1.0 - as_level(level, "level"))
        seed, threads = as_seed(random_state), as_threads(self.n_threads)
        mean = np.empty(len(self.T_))
        quantiles = np.empty((3, len(mean)), dtype=np.int64)
        for part in self._parts():
            counts = _core.clv.individual_purchases(
                self._flat(part),
                len(self._rates),
                np.ascontiguousarray(self.lifetime_[:, part]).ravel(),
                *self._history(part),
                length,
                seed,
                part.start,
                threads,
            ).reshape(len(self.lifetime_), -1)
            mean[part] = counts.mean(axis=0)
            cuts = [tail, 0.5, 1.0 - tail]
            quantiles[:, part] = np.quantile(counts, cuts, axis=0, method="inverted_cdf")
        lower, median, upper = quantiles
        return PurchaseForecast(
            self.customer_, mean, median, lower, upper, float(level), length, self.unit_
        )

    def _medians(self, draws: Floats, interval: Any, quantity: str) -> Any:
        if interval is None:
            return np.median(draws, axis=0)
        level = as_level(interval, "interval")
        cuts = [0.5 - level / 2, 0.5, 0.5 + level / 2]
        lower, median, upper = np.quantile(draws, cuts, axis=0)
        return Predictions(self.customer_, median, lower, upper, level, quantity)

    def _parts(self) -> list[slice]:
        rows = max(64, _CELLS // len(self.lifetime_))
        return [slice(i, min(i + rows, len(self.T_))) for i in range(0, len(self.T_), rows)]

    def _flat(self, part: slice) -> Floats:
        return np.ascontiguousarray(self.individual_[:, :, part]).ravel()

    def _history(self, part: slice) -> tuple[Floats, Floats, Floats]:
        return self.frequency_[part], self.recency_[part], self.T_[part]

    # --- files -----------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        state = super()._state()
        ids = state.get("customer_")
        if ids is not None and not (isinstance(ids, np.ndarray) and ids.dtype == np.int64):
            values = ids.to_pylist() if isinstance(ids, (pa.Array, pa.ChunkedArray)) else list(ids)
            whole = all(isinstance(v, int) for v in values)
            state["customer_"] = values if whole else [str(v) for v in values]
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        if not state:
            return
        if isinstance(self.customer_, list):
            self.customer_ = pa.array(self.customer_)
        n = len(self.T_)
        shapes: list[tuple[Any, tuple[int, ...]]] = [
            (getattr(self, name), (n,)) for name in self._columns_kept
        ]
        shapes += [
            (self.individual_, (len(self.lifetime_), len(self._rates), n)),
            (self.lifetime_, (len(self.lifetime_), n)),
        ]
        for value, shape in shapes:
            if not (isinstance(value, np.ndarray) and value.dtype == np.float64):
                msg = "an array of a model has another type"
                raise ValueError(msg)
            if value.shape != shape or len(self.customer_) != n:
                msg = f"an array of a model has shape {value.shape}, expected {shape}"
                raise ValueError(msg)
        if not isinstance(self.population_, PopulationPosterior):
            msg = "population_ must be a population"
            raise ValueError(msg)
        if self.unit_ is not None:
            as_unit(self.unit_)
