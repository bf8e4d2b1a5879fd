"""What posteriors predict: means and quantiles over draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure._model_file import storable
from tenure._validation import Floats, as_threads
from tenure.clv import _contract_data, _data
from tenure.clv._contract_tables import RenewalCurve
from tenure.clv._posterior import Posterior
from tenure.clv._units import horizon_of, require_same_unit


@storable("clv.PurchasePosterior")
class PurchasePosterior(Posterior):
    """Posterior of a model of repeat purchases, with predictions averaged over its draws.

    Examples
    --------
    >>> import tenure as tn
    >>> rows = {"frequency": [2, 0, 5], "recency": [20.0, 0.0, 31.0], "T": [39.0, 30.0, 32.0]}
    >>> posterior = tn.clv.BGNBD().posterior(rows, random_state=1)
    >>> alive = posterior.probability_alive(rows, interval=0.9)
    >>> bool((alive.lower <= alive.value).all())
    True
    """

    __slots__ = ()

    def _read(self, data: Any) -> _data.Purchases:
        p = _data.purchases(data)
        require_same_unit(p.unit, self.unit, "the posterior was sampled")
        return p

    def probability_alive(
        self,
        data: Any,
        interval: float | None = None,
        *,
        max_draws: int | None = 500,
        n_threads: int | None = None,
    ) -> Any:
        """Return the posterior mean of the probability that each customer is still a customer.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            As for the model, in the same unit.
        interval : float, optional
            Probability of the equal-tailed credible interval, such as 0.95. It tells the
            uncertainty of the parameters only.
        max_draws : int or None, default 500
            Draws used, evenly over the chains; None uses all.
        n_threads : int, optional

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        p = self._read(data)
        threads = as_threads(n_threads)
        kernel = self._kernel("probability_alive")
        return self._over_draws(
            (p.frequency, p.recency, p.T),
            lambda point, x, t_x, age: kernel(point, x, t_x, age, threads),
            max_draws,
            interval,
            p.customer,
            "Probability to be alive",
        )

    def expected_purchases(
        self,
        data: Any,
        horizon: Any,
        interval: float | None = None,
        *,
        max_draws: int | None = 500,
        n_threads: int | None = None,
    ) -> Any:
        """Return the posterior mean of the purchases expected of each customer in the horizon.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            As for the model, in the same unit.
        horizon : float or str
            From the end of observation on: a number in the unit of the data, or a text such as
            "39w".
        interval : float, optional
            Probability of the equal-tailed credible interval, such as 0.95, of the expectation.
        max_draws : int or None, default 500
            Draws used, evenly over the chains; None uses all.
        n_threads : int, optional

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        p = self._read(data)
        length = horizon_of(horizon, self.unit)
        threads = as_threads(n_threads)
        kernel = self._kernel("expected_purchases")
        return self._over_draws(
            (p.frequency, p.recency, p.T),
            lambda point, x, t_x, age: kernel(point, None, x, t_x, age, length, 0.0, threads),
            max_draws,
            interval,
            p.customer,
            f"Purchases expected within {length:g}",
        )


@storable("clv.SpendPosterior")
class SpendPosterior(Posterior):
    """Posterior of the gamma-gamma model, with predictions averaged over its draws.

    Examples
    --------
    >>> import tenure as tn
    >>> rows = {"frequency": [2, 1, 5, 3], "monetary_value": [20.0, 35.0, 31.0, 12.0]}
    >>> posterior = tn.clv.GammaGamma().posterior(rows, random_state=1)
    >>> bool((posterior.expected_spend(rows, interval=0.9).lower > 0).all())
    True
    """

    __slots__ = ()

    def expected_spend(
        self,
        data: Any,
        interval: float | None = None,
        *,
        max_draws: int | None = 500,
        n_threads: int | None = None,
    ) -> Any:
        """Return the posterior mean of the expected mean amount of each customer's orders.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            As for the model.
        interval : float, optional
            Probability of the equal-tailed credible interval, such as 0.95.
        max_draws : int or None, default 500
            Draws used, evenly over the chains; None uses all.
        n_threads : int, optional

        Returns
        -------
        float64 array of n, or Predictions with `interval`
            Infinite where a draw with p x + q <= 1 has no mean.
        """
        s = _data.spend(data)
        threads = as_threads(n_threads)
        kernel = self._kernel("expected_spend")
        return self._over_draws(
            (s.frequency, s.monetary_value),
            lambda point, x, m: kernel(point, None, x, m, threads),
            max_draws,
            interval,
            s.customer,
            "Spend an order",
        )


@storable("clv.ContractPosterior")
class ContractPosterior(Posterior):
    """Posterior of a model of contracts, with predictions averaged over its draws.

    Examples
    --------
    >>> import tenure as tn
    >>> posterior = tn.clv.ShiftedBetaGeometric().posterior([100, 63, 47, 38], random_state=1)
    >>> curve = posterior.survival([3, 12], interval=0.9)
    >>> bool((curve.upper - curve.lower > 0).all())
    True
    """

    __slots__ = ()

    def survival(
        self,
        n: Any,
        renewals: Any = 0,
        interval: float | None = None,
        *,
        max_draws: int | None = 500,
        n_threads: int | None = None,
    ) -> Any:
        """Return the posterior mean of the share that makes n more renewals.

        Parameters
        ----------
        n, renewals : int or array of ints
            Renewals from now on, and so far, as for `ShiftedBetaGeometric.survival`.
        interval : float, optional
            Probability of the equal-tailed credible interval, such as 0.95.
        max_draws : int or None, default 500
            Draws used, evenly over the chains; None uses all.
        n_threads : int, optional

        Returns
        -------
        float, float64 array, or RenewalCurve with `interval`
        """
        many = np.ndim(n) > 0 or np.ndim(renewals) > 0
        ahead, so_far = _contract_data.ahead_of(n, renewals)
        threads = as_threads(n_threads)
        kernel = self._kernel("log_odds")
        quantity = "Share still there after the renewals"
        got = self._over_draws(
            (so_far, ahead),
            lambda point, s, k: 1.0 / (1.0 + _exp(-kernel(point, None, s, k, threads))),
            max_draws,
            interval,
            np.arange(len(ahead)),
            quantity,
        )
        if interval is None:
            return got if many else float(got[0])
        limits = (got.value, got.lower, got.upper, got.level)
        return RenewalCurve(ahead.astype(np.int64), *limits, quantity)


def _exp(x: Floats) -> Floats:
    with np.errstate(over="ignore", under="ignore"):
        value: Floats = np.exp(x)
    return value
