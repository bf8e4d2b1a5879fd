"""What every model of contracts shares: the lifetimes to come, and survivors expected."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._time import as_unit, discount_rate_per_unit
from tenure._validation import Floats, as_choice, as_count, as_number
from tenure.clv import _contract_data
from tenure.clv._contract_survival import MOST_AHEAD, ContractSurvival
from tenure.clv._contract_tables import ExpectedSurvivors, RenewalCurve, ResidualLifetime
from tenure.clv._likelihood import two_sided

_DISCOUNT_PERIODS = ("renewal", "day", "week", "month", "year")


class ContractModel(ContractSurvival):
    """Base of the models of contracts: renewals in, survival and lifetimes to come out."""

    def residual_lifetime(
        self, renewals: int, max_ahead: int = 24, level: float = 0.95
    ) -> ResidualLifetime:
        """Return the distribution of the renewals still to come of a customer under contract.

        Parameters
        ----------
        renewals : int
            Renewals made so far.
        max_ahead : int, default 24
            Last renewal from now on that the table tells.
        level : float, default 0.95
            Of the confidence limits, as for `survival`.

        Returns
        -------
        ResidualLifetime
        """
        return self._lifetime_table(
            renewals, max_ahead, lambda ahead, so_far: self.survival(ahead, so_far, level)
        )

    @staticmethod
    def _lifetime_table(
        renewals: int, max_ahead: int, survival: Callable[[Any, int], RenewalCurve]
    ) -> ResidualLifetime:
        last = as_count(max_ahead, "max_ahead", at_least=1)
        ahead = np.arange(1, last + 1)
        curve = survival(ahead, as_count(renewals, "renewals"))
        lost = -np.diff(curve.value, prepend=1.0)
        told = (curve.value, curve.lower, curve.upper)
        return ResidualLifetime(ahead, lost, *told, float(renewals), curve.level)

    def discounted_residual_lifetime(
        self,
        data: Any,
        horizon: float = math.inf,
        discount_rate: float = 0.10,
        discount_period: str = "year",
        until_renewal: float = 0.0,
        interval: float | None = None,
    ) -> Any:
        """Return the discounted expected residual lifetime (DERL) of customers under contract.

        The present value of 1 at each renewal to come that the customer makes, with k = 1 for the
        next one and v the discount factor of a renewal period:
        v^until_renewal sum_k v^(k-1) S(n + k) / S(n).

        Parameters
        ----------
        data : int, array of ints, data frame or dict of arrays
            Renewals made so far; of a frame the column `renewals`. Where it has a column
            `churned`, those who are lost are worth 0.
        horizon : float, default: for ever
            How many renewals to come count; a whole number >= 1. Without an end there must be a
            discount, or customers must leave quickly enough, alpha c > 1; else it is infinite.
        discount_rate : float, default 0.10
            A `discount_period`, >= 0.
        discount_period : {"year", "month", "week", "day", "renewal"}
            Other than "renewal" it needs the length of a renewal period: ``renewal="month"`` when
            the model is made.
        until_renewal : float, default 0
            Renewal periods until the next renewal is due. 0 values customers just before it, as in
            the paper, so that its payment is not discounted; 1 just after the last renewal.
        interval : float, optional
            Confidence level, such as 0.95. Limits are symmetric in the logarithm, and tell the
            uncertainty of the parameters only.

        Returns
        -------
        float, float64 array, or Predictions with `interval`

        Notes
        -----
        Fader & Hardie (2010), Customer-base valuation in a contractual setting: the perils of
        ignoring heterogeneity, Marketing Science 29:85-93. A customer there with n periods of
        contract has made n - 1 renewals.
        """
        rate = self._rate(discount_rate, discount_period)
        wait = as_number(until_renewal, "until_renewal", at_least=0.0)
        quantity = "Discounted renewals expected"
        return self._residual(data, horizon, rate, wait, interval, quantity)

    def expected_residual_lifetime(
        self, data: Any, horizon: float = math.inf, interval: float | None = None
    ) -> Any:
        """Return how many more renewals are expected of customers under contract.

        Parameters
        ----------
        data, horizon, interval
            As for `discounted_residual_lifetime`.

        Returns
        -------
        float, float64 array, or Predictions with `interval`
            Infinite without a horizon where alpha c <= 1: then few customers stay nearly for ever.
        """
        return self._residual(data, horizon, 0.0, 0.0, interval, "Renewals expected")

    def retention_elasticity(
        self,
        data: Any,
        horizon: float = math.inf,
        discount_rate: float = 0.10,
        discount_period: str = "year",
        interval: float | None = None,
    ) -> Any:
        """Return the elasticity of the discounted residual lifetime in retention.

        By how many percent the DERL grows if at every renewal to come 1 % more are kept, as every
        customer's own probability of renewing grows by 1 %:
        sum_k k v^(k-1) S(n + k) / sum_k v^(k-1) S(n + k). Customers who are all alike have
        (1 + d) / (1 + d - r).

        Parameters
        ----------
        data, horizon, discount_rate, discount_period, interval
            As for `discounted_residual_lifetime`.

        Returns
        -------
        float, float64 array, or Predictions with `interval`
            At least 1; NaN for those who are lost.
        """
        rate = self._rate(discount_rate, discount_period)
        return self._residual(
            data, horizon, rate, 0.0, interval, "Retention elasticity", elasticity=True
        )

    def discounted_lifetime(
        self,
        horizon: float = math.inf,
        discount_rate: float = 0.10,
        discount_period: str = "year",
        interval: float | None = None,
    ) -> Any:
        """Return the discounted expected lifetime (DEL) of a customer who is just signing.

        The present value of 1 now, and 1 at each renewal that is made: sum_t v^t S(t) from t = 0.

        Parameters
        ----------
        horizon, discount_rate, discount_period, interval
            As for `discounted_residual_lifetime`; `horizon` counts the renewals.

        Returns
        -------
        float, or Predictions of one row with `interval`
        """
        rate, last = self._rate(discount_rate, discount_period), _horizon(horizon)
        got = self._call("lifetime", interval is not None, rate, last)
        if interval is None:
            return float(got[0])
        return self._limits(np.arange(1), got, interval, "Discounted lifetime")

    def _rate(self, discount_rate: Any, discount_period: Any) -> float:
        """Return the continuous rate of discount a renewal period."""
        self._require_fitted()
        as_choice(discount_period, "discount_period", _DISCOUNT_PERIODS)
        rate = as_number(discount_rate, "discount_rate", at_least=0.0)
        if rate == 0.0 or discount_period == "renewal":
            return math.log1p(rate)
        if self.renewal is None:
            msg = (
                "a discount rate needs the length of a renewal period: say renewal='month' (day, "
                "week, year) when the model is made, or discount_period='renewal'"
            )
            raise InvalidInputError(msg, argument="renewal")
        return discount_rate_per_unit(rate, discount_period, as_unit(self.renewal, "renewal"))

    def _residual(
        self,
        data: Any,
        horizon: Any,
        rate: float,
        wait: float,
        interval: float | None,
        quantity: str,
        elasticity: bool = False,
    ) -> Any:
        asked, last = _contract_data.ask(data), _horizon(horizon)
        if interval is not None:
            two_sided(interval)
        value, error = self._residual_of(
            data, asked, (rate, last, elasticity), interval is not None
        )
        value = value * math.exp(-rate * wait)
        if asked.lost is not None:
            value[asked.lost] = math.nan if elasticity else 0.0
        if error is not None:
            return self._limits(asked.customer, (value, error), interval, quantity)
        return float(value[0]) if asked.scalar else value

    def _residual_of(
        self, data: Any, asked: _contract_data.Asked, sums: tuple[float, float, bool], errors: bool
    ) -> tuple[Floats, Floats | None]:
        """Return the sum of each customer, and the standard error of its logarithm if asked for."""
        distinct, place = asked.distinct()
        got = self._call("residual", errors, distinct, *sums)
        return (got[0][place], got[1][place]) if errors else (got[place], None)

    def expected_survivors(
        self, data: Any, max_renewal: int | None = None, level: float = 0.95
    ) -> ExpectedSurvivors:
        """Return the customers kept at each renewal, observed and expected.

        Parameters
        ----------
        data
            As for `fit`: the same customers, or others, such as later renewals of them.
        max_renewal : int, optional
            Default: the last renewal observed.
        level : float, default 0.95
            Of the confidence limits, as for `survival`.

        Returns
        -------
        ExpectedSurvivors
        """
        r = _contract_data.read(data)
        _contract_data.require_whole(r.renewals, "renewals", 0, _contract_data.MAX_RENEWALS)
        n = r.renewals.astype(np.int64)
        lost = np.bincount(n[r.churned != 0], _of(r.weight, r.churned != 0)).astype(np.float64)
        alive = np.bincount(n[r.churned == 0], _of(r.weight, r.churned == 0)).astype(np.float64)
        seen = max(len(lost), len(alive) - 1, 0)
        last = seen if max_renewal is None else as_count(max_renewal, "max_renewal", at_least=1)
        lost, alive = (np.pad(a, (0, max(0, seen + 1 - len(a)))) for a in (lost, alive))
        # Kept at renewal t: all with at least t renewals.
        kept = np.cumsum((lost + alive)[::-1])[::-1][1 : seen + 1]
        at_risk = kept + lost[:seen]
        renewal = np.arange(1, last + 1)
        curve, rates = self._expected_curve(data, r, renewal, level)

        def told(values: Floats) -> Floats:
            short = values[:last]
            return np.concatenate([short, np.full(last - len(short), np.nan)])

        at_risk, kept = told(at_risk), told(kept)
        with np.errstate(invalid="ignore"):
            share = np.cumprod(kept / at_risk).astype(np.float64)
        return ExpectedSurvivors(
            renewal,
            np.where(np.isnan(at_risk), 0.0, at_risk),
            kept,
            at_risk * rates,
            share,
            curve.value,
            curve.lower,
            curve.upper,
            curve.level,
        )

    def _expected_curve(
        self, data: Any, r: _contract_data.Renewals, renewal: Any, level: float
    ) -> tuple[RenewalCurve, Floats]:
        """Return the expected survival of the customers, and the rate kept of those at risk."""
        return self.survival(renewal, interval=level), self.retention_rate(renewal)


def _of(weight: Floats | None, rows: Any) -> Floats | None:
    return None if weight is None else weight[rows]


def _horizon(horizon: Any) -> float:
    """Return a number of renewals to come, or infinity."""
    last = as_number(horizon, "horizon", at_least=1.0, finite=False)
    if math.isfinite(last) and not (last == math.floor(last) and last <= MOST_AHEAD):
        msg = f"horizon must be a whole number of renewals, or infinite, got {horizon!r}"
        raise InvalidInputError(msg, argument="horizon", value=horizon)
    return last
