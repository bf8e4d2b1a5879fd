"""What every model of repeat purchases shares: reading customers, units, predictions, checks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import (
    as_unit,
    discount_rate_per_unit,
)
from tenure._validation import Floats, as_column, as_count, as_number, as_threads
from tenure.clv import _data
from tenure.clv._diagnostics import Diagnostics
from tenure.clv._likelihood import LikelihoodModel, two_sided
from tenure.clv._profile import LogLikelihood, in_logs
from tenure.clv._tables import FrequencyCounts, Predictions
from tenure.clv._tracking import TrackedModel
from tenure.clv._units import horizon_of, require_same_unit, require_unit

#: Kernels that tell standard errors, from a covariance.
_WITH_ERRORS = (
    "expected_purchases",
    "log_odds_alive",
    "log_odds_alive_later",
    "purchase_probability",
)


class TransactionModel(Diagnostics, TrackedModel):
    """Base of the buy-till-you-die models: frequency, recency and T in, expectations out.

    A subclass names its kernels in the engine by `_prefix`: ``<prefix>_fit``,
    ``<prefix>_probability_alive`` and so on.
    """

    _prefix: ClassVar[str]
    #: Above 1 customers leave so quickly that all their purchases to come are a finite number.
    #: None: they are one at any parameters.
    _tail: ClassVar[str | None]
    #: Whether the engine tells all that a lifetime value needs in one pass over the customers.
    _one_pass: ClassVar[bool] = False
    _fitted: tuple[str, ...] = (*LikelihoodModel._fitted, "unit_")

    unit_: str | None

    def __init__(
        self,
        *,
        l2: float = 0.0,
        unit: str | None = None,
        max_iter: int = 200,
        tol: float = 1e-9,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        self.l2 = l2
        self.unit = unit
        self.max_iter = max_iter
        self.tol = tol
        self.on_failure = on_failure
        self.n_threads = n_threads

    def _kernel(self, name: str) -> Callable[..., Any]:
        kernel: Callable[..., Any] = getattr(_core.clv, f"{self._prefix}_{name}")
        return kernel

    def fit(self, data: Any, sample_weight: Any = None) -> Self:
        """Fit the parameters by maximum likelihood.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            One row a customer: `frequency` (repeat purchases), `recency` (first to last purchase)
            and `T` (first purchase to the end of observation), both in one unit of time;
            optionally `weight`, the number of customers that a row stands for.
        sample_weight : array of n floats, optional
            In place of the column `weight`; finite and >= 0.

        Returns
        -------
        self

        Raises
        ------
        InvalidInputError
            Names the column, the row and the rule: frequency a whole number >= 0,
            0 <= recency <= T, recency 0 exactly where frequency is 0, weights not all 0.
        NotConvergedError
            With ``on_failure="raise"``, if no optimum was found. By default that is a
            ConvergenceWarning, and `converged_` and `status_` tell.
        """
        unit = None if self.unit is None else as_unit(self.unit)
        budget = self._budget()
        p = self._customers(data, sample_weight, weighted=True)
        if p.unit is not None and unit is not None and p.unit != unit:
            msg = f"the summary counts in {p.unit}s, but the model was made with unit={unit!r}"
            raise InvalidInputError(msg, argument="unit", value=unit)
        fit = self._maximise(p, budget)
        self.unit_ = p.unit or unit
        none = not np.any(p.frequency > 0)
        hint = " (nobody bought again, which tells nothing of leaving)" if none else self._hint(fit)
        self._take(fit, hint)
        return self

    def _maximise(self, p: _data.Purchases, budget: tuple[int, float, float]) -> dict[str, Any]:
        fit: dict[str, Any] = self._kernel("fit")(
            p.frequency, p.recency, p.T, p.weight, *budget, as_threads(self.n_threads)
        )
        return fit

    def _hint(self, fit: dict[str, Any]) -> str:
        """What a model has to say of a fit without an optimum."""
        return ""

    def score(self, data: Any, sample_weight: Any = None) -> float:
        """Return the mean log-likelihood a customer of other data, in the unit of the fit."""
        p = self._read(data, sample_weight, weighted=True)
        value = self._log_likelihood(p)
        return value / (len(p.frequency) if p.weight is None else float(p.weight.sum()))

    def _log_likelihood(self, p: _data.Purchases) -> float:
        value, _, _ = self._kernel("log_likelihood")(
            self._point(), *self._likelihood_columns(p), as_threads(self.n_threads)
        )
        return float(value)

    def _likelihood_columns(self, p: _data.Purchases) -> tuple[Floats | None, ...]:
        """Return what the likelihood reads of the customers, in the order of its kernel."""
        return p.frequency, p.recency, p.T, p.weight

    def _diverges(self) -> bool:
        """Whether all purchases to come add up to no finite number without a discount."""
        return self._tail is not None and self.params_[self._tail] <= 1.0

    def _customers(
        self, data: Any, sample_weight: Any = None, weighted: bool = False
    ) -> _data.Purchases:
        """Read what the model needs to know of each customer."""
        return _data.purchases(data, sample_weight, weighted)

    def _likelihood_of(self, data: Any, sample_weight: Any) -> LogLikelihood:
        p = self._read(data, sample_weight, weighted=True)
        columns = self._likelihood_columns(p)
        return in_logs(self._kernel("log_likelihood"), *columns, as_threads(self.n_threads))

    def _read(
        self, data: Any, sample_weight: Any = None, weighted: bool = False
    ) -> _data.Purchases:
        self._require_fitted()
        p = self._customers(data, sample_weight, weighted)
        require_same_unit(p.unit, self.unit_, "the model was fitted")
        return p

    def _horizon(self, horizon: Any, name: str = "horizon") -> float:
        self._require_fitted()
        return horizon_of(horizon, self.unit_, name)

    def probability_alive(self, data: Any, interval: float | None = None) -> Any:
        """Return the probability that each customer is still a customer.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            As for `fit`, in the same unit.
        interval : float, optional
            Confidence level, such as 0.95. Limits are symmetric in the log odds, and tell the
            uncertainty of the parameters only.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        p = self._read(data)
        if interval is None:
            return self._by_customer("probability_alive", p)
        got = self._by_customer("log_odds_alive", p, errors=True)
        return log_odds_limits(p.customer, got, interval, "Probability to be alive")

    def expected_purchases(self, data: Any, horizon: Any, interval: float | None = None) -> Any:
        """Return the expected purchases of each customer within the horizon, given the history.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            As for `fit`, in the same unit.
        horizon : float or str
            From the end of observation on: a number in the unit of the model, or a text such as
            "39w", "6mo" or "1y", which needs a model that knows its unit. Infinite where
            customers leave quickly enough: a > 1, or s > 1.
        interval : float, optional
            Confidence level, such as 0.95. Limits are symmetric in the logarithm, and tell the
            uncertainty of the parameters only.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        p = self._read(data)
        length = self._horizon(horizon)
        got = self._discounted(p, length, 0.0, interval is not None)
        if interval is None:
            return got
        quantity = f"Purchases expected within {length:g}"
        return self._limits(p.customer, got, interval, quantity)

    def discounted_expected_purchases(
        self,
        data: Any,
        horizon: Any = math.inf,
        discount_rate: float = 0.10,
        discount_period: str = "year",
        interval: float | None = None,
    ) -> Any:
        """Return the discounted expected purchases of each customer (DERT, or DECT with a horizon).

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            As for `fit`, in the same unit.
        horizon : float or str, default: for ever
            From the end of observation on, as for `expected_purchases`. Without an end there must
            be a discount, or customers must leave quickly enough: a > 1, or s > 1.
        discount_rate : float, default 0.10
            A `discount_period`, > -1. Purchases are discounted in continuous time at
            ln(1 + discount_rate), so that one a whole period ahead counts 1 / (1 + discount_rate).
        discount_period : {"day", "week", "month", "year"}
        interval : float, optional
            Confidence level, as for `expected_purchases`.

        Returns
        -------
        float64 array of n, or Predictions with `interval`

        Raises
        ------
        InvalidInputError
            Also where the sum has no end and diverges.

        Notes
        -----
        Fader, Hardie & Lee (2005), RFM and CLV: using iso-value curves for customer base analysis,
        Journal of Marketing Research 42:415-430, eq. 2 has the Pareto/NBD in closed form.

        Examples
        --------
        >>> import tenure as tn
        >>> orders = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
        >>> base = log.summary(unit="week", end="1997-09-30")
        >>> dert = tn.clv.ParetoNBD().fit(base).discounted_expected_purchases(base)
        >>> round(float(dert.mean()), 2)
        3.83
        """
        p = self._read(data)
        rate = self._rate(discount_rate, discount_period)
        got = self._discounted(p, self._horizon(horizon), rate, interval is not None)
        if interval is None:
            return got
        return self._limits(p.customer, got, interval, "Discounted purchases expected")

    def _rate(self, discount_rate: Any, discount_period: Any) -> float:
        """Return the continuous rate of discount in the unit of the model."""
        as_unit(discount_period, "discount_period")
        if as_number(discount_rate, "discount_rate", above=-1.0) == 0.0:
            return 0.0
        unit = require_unit(self.unit_, "a discount rate")
        return discount_rate_per_unit(discount_rate, discount_period, unit)

    def _discounted(self, p: _data.Purchases, horizon: float, rate: float, errors: bool) -> Any:
        """Expected purchases, discounted by exp(-rate * time); with errors of the logarithm."""
        return self._by_customer("expected_purchases", p, horizon, rate, errors=errors)

    def _by_customer(self, name: str, p: _data.Purchases, *more: Any, errors: bool = False) -> Any:
        """One prediction a customer, with standard errors where they are asked for."""
        covariance: tuple[Any, ...] = ()
        if name in _WITH_ERRORS:
            covariance = (self._flat_covariance() if errors else None,)
        columns = (p.frequency, p.recency, p.T)
        threads = as_threads(self.n_threads)
        return self._kernel(name)(self._point(), *covariance, *columns, *more, threads)

    def expected_purchases_new(self, horizon: Any) -> Any:
        """Return the expected repeat purchases of a customer just acquired.

        Parameters
        ----------
        horizon : float, str or array of floats
            Since the first purchase, which does not count.

        Returns
        -------
        float, or float64 array for an array
        """
        self._require_fitted()
        many = isinstance(horizon, (list, tuple)) or np.ndim(horizon) > 0
        time = (
            as_column(horizon, np.float64, "horizon")
            if many
            else np.array([self._horizon(horizon)])
        )
        got = self._kernel("expected_purchases_new")(
            self._point(), None, time, as_threads(self.n_threads)
        )
        return got if many else float(got[0])

    def probability_of_n_purchases(self, n: Any, horizon: Any) -> Any:
        """Return the probability that a customer just acquired buys n times more in the horizon.

        Parameters
        ----------
        n : int or array of ints
            Repeat purchases.
        horizon : float or str
            Since the first purchase.

        Returns
        -------
        float, or float64 array for an array
        """
        self._require_fitted()
        many = isinstance(n, (list, tuple)) or np.ndim(n) > 0
        counts = as_column(n if many else [n], np.float64, "n")
        got = self._kernel("pmf")(
            self._point(), counts, self._horizon(horizon), as_threads(self.n_threads)
        )
        return got if many else float(got[0])

    def expected_frequency_counts(self, data: Any, max_frequency: int = 7) -> FrequencyCounts:
        """Return how many customers have 0, 1, ... repeat purchases, observed and expected.

        Each customer is expected over an own T: the check of fit of Fader, Hardie & Lee (2005,
        fig. 4).

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            As for `fit`.
        max_frequency : int, default 7
            The last count holds the customers with this many or more.

        Returns
        -------
        FrequencyCounts
        """
        p = self._read(data, weighted=True)
        last = as_count(max_frequency, "max_frequency", at_least=1)
        expected = self._expected_counts(p, last)
        observed = np.bincount(
            np.minimum(p.frequency, last).astype(np.int64), p.weight, minlength=last + 1
        ).astype(np.float64)
        return FrequencyCounts(np.arange(last + 1), observed, expected)

    def _expected_counts(self, p: _data.Purchases, last: int) -> Any:
        return self._kernel("frequency_counts")(
            self._point(), p.T, p.weight, last, as_threads(self.n_threads)
        )

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        if state and self.unit_ is not None:
            as_unit(self.unit_)


def log_odds_limits(customer: Any, got: Any, interval: float | None, quantity: str) -> Any:
    """Return probabilities of log odds, or with `interval` of (log odds, errors) with limits."""
    if interval is None:
        return _expit(got)
    z = two_sided(interval)
    odds, error = got
    value, lower, upper = (_expit(v) for v in (odds, odds - z * error, odds + z * error))
    return Predictions(customer, value, lower, upper, float(interval), quantity)


def _expit(log_odds: Floats) -> Floats:
    with np.errstate(over="ignore", under="ignore"):
        return 1.0 / (1.0 + np.exp(-log_odds))
