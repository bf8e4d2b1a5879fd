"""What every model of contracts shares: reading renewals, survival, lifetimes to come."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import as_unit, discount_rate_per_unit
from tenure._validation import Floats, as_choice, as_column, as_count, as_number, as_threads
from tenure.clv import _contract_data
from tenure.clv._contract_tables import ExpectedSurvivors, RenewalCurve, ResidualLifetime
from tenure.clv._likelihood import LikelihoodModel, two_sided
from tenure.clv._profile import LogLikelihood, in_logs

_DISCOUNT_PERIODS = ("renewal", "day", "week", "month", "year")
_MOST_AHEAD = 2**40


class ContractModel(LikelihoodModel):
    """Base of the models of contracts: renewals in, survival and lifetimes to come out.

    A subclass names its kernels in the engine by `_prefix`: ``<prefix>_fit`` and so on.
    """

    _prefix: ClassVar[str]

    def __init__(
        self,
        *,
        renewal: str | None = None,
        l2: float = 0.0,
        max_iter: int = 200,
        tol: float = 1e-9,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        self.renewal = renewal
        self.l2 = l2
        self.max_iter = max_iter
        self.tol = tol
        self.on_failure = on_failure
        self.n_threads = n_threads

    def _kernel(self, name: str) -> Callable[..., Any]:
        kernel: Callable[..., Any] = getattr(_core.clv, f"{self._prefix}_{name}")
        return kernel

    def _engine(self, errors: bool) -> tuple[Floats, Floats | None]:
        """Return the engine's parameters, and the covariance of their logarithms."""
        return self._point(), self._flat_covariance() if errors else None

    def fit(self, data: Any, sample_weight: Any = None) -> Self:
        """Fit the parameters by maximum likelihood.

        Parameters
        ----------
        data : data frame, dict of arrays, Contracts or array-like
            Customers, one a row: `renewals`, the whole periods renewed so far, and `churned`,
            whether the customer was lost at the next renewal (else still there after the last);
            optionally `weight`. Or cohorts, one row a cohort and age: `survivors` (or `alive`),
            the customers still there after 0, 1, ... renewals; `age` unless rows are in that
            order, `cohort` if there are several, which may be observed for different times. Or the
            counts alone: of one cohort, or one row a cohort, NaN where not yet observed. Or what
            `cohort.contracts` returns.
        sample_weight : array of n floats, optional
            In place of the column `weight` of customers; finite and >= 0.

        Returns
        -------
        self

        Raises
        ------
        InvalidInputError
            Names the column, the row and the rule; also where the data cannot tell the parameters:
            nobody left, nobody renewed, or fewer renewals were seen than there are parameters.
        NotConvergedError
            With ``on_failure="raise"``, if no optimum was found. By default that is a
            ConvergenceWarning, and `converged_` and `status_` tell.
        """
        if self.renewal is not None:
            as_unit(self.renewal, "renewal")
        budget = self._budget()
        r = _contract_data.read(data, sample_weight)
        self._take(self._kernel("fit")(r.renewals, r.churned, r.weight, *budget))
        return self

    def score(self, data: Any, sample_weight: Any = None) -> float:
        """Return the mean log-likelihood a customer of other data."""
        at, _ = self._engine(errors=False)
        r = _contract_data.read(data, sample_weight)
        value, _, _ = self._kernel("log_likelihood")(at, r.renewals, r.churned, r.weight)
        return float(value) / (len(r.renewals) if r.weight is None else float(r.weight.sum()))

    def _likelihood_of(self, data: Any, sample_weight: Any) -> LogLikelihood:
        r = _contract_data.read(data, sample_weight)
        return in_logs(self._kernel("log_likelihood"), r.renewals, r.churned, r.weight)

    def survival(self, n: Any, renewals: Any = 0, interval: float | None = None) -> Any:
        """Return the share S(renewals + n) / S(renewals) that makes n more renewals.

        Parameters
        ----------
        n : int or array of ints
            Renewals from now on, >= 0.
        renewals : int or array of ints, default 0
            Renewals made so far; 0 for customers who have just signed, which gives S(n).
        interval : float, optional
            Confidence level, such as 0.95. Limits are symmetric in the log odds, and tell the
            uncertainty of the parameters only.

        Returns
        -------
        float, float64 array, or RenewalCurve with `interval`
        """
        return self._share(n, renewals, interval, "Share still there after the renewals")

    def retention_rate(self, n: Any, interval: float | None = None) -> Any:
        """Return r(n) = S(n) / S(n - 1), the share kept at renewal n of those who come to it.

        Parameters
        ----------
        n : int or array of ints
            >= 1.
        interval : float, optional
            As for `survival`.

        Returns
        -------
        float, float64 array, or RenewalCurve with `interval`
        """
        many = np.ndim(n) > 0
        at = as_column(n if many else [n], np.float64, "n")
        _contract_data.require_whole(at, "n", 1, _contract_data.MAX_RENEWALS)
        got = self._shares(at - 1.0, np.ones_like(at), interval, "Share kept at the renewal")
        if isinstance(got, RenewalCurve):
            columns = (at.astype(np.int64), got.value, got.lower, got.upper)
            return RenewalCurve(*columns, got.level, got.quantity)
        return got if many else float(got[0])

    def _share(self, n: Any, renewals: Any, interval: float | None, quantity: str) -> Any:
        many = np.ndim(n) > 0 or np.ndim(renewals) > 0
        ahead = as_column(np.atleast_1d(n), np.float64, "n")
        so_far = as_column(np.atleast_1d(renewals), np.float64, "renewals")
        _contract_data.require_whole(ahead, "n", 0, _MOST_AHEAD)
        _contract_data.require_whole(so_far, "renewals", 0, _contract_data.MAX_RENEWALS)
        try:
            so_far, ahead = np.broadcast_arrays(so_far, ahead)
        except ValueError as error:
            msg = f"n and renewals differ in length: {len(ahead)} and {len(so_far)}"
            raise InvalidInputError(msg, argument="renewals") from error
        got = self._shares(so_far, ahead, interval, quantity)
        return got if many or interval is not None else float(got[0])

    def _shares(
        self, renewals: Floats, ahead: Floats, interval: float | None, quantity: str
    ) -> Any:
        z = None if interval is None else two_sided(interval)
        at, covariance = self._engine(errors=z is not None)
        columns = (np.ascontiguousarray(renewals), np.ascontiguousarray(ahead))
        got = self._kernel("log_odds")(at, covariance, *columns, as_threads(self.n_threads))
        if z is None:
            return _expit(got)
        odds, error = got
        # A share of 1 is certain; 0 times infinity would be NaN.
        spread = np.where(np.isfinite(odds), z * error, 0.0)
        value, lower, upper = (_expit(v) for v in (odds, odds - spread, odds + spread))
        return RenewalCurve(ahead.astype(np.int64), value, lower, upper, float(interval), quantity)  # type: ignore[arg-type]

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
        last = as_count(max_ahead, "max_ahead", at_least=1)
        ahead = np.arange(1, last + 1)
        curve = self.survival(ahead, as_count(renewals, "renewals"), interval=level)
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
        at, covariance = self._engine(errors=interval is not None)
        got = self._kernel("lifetime")(at, covariance, rate, last)
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
        distinct, place = asked.distinct()
        at, covariance = self._engine(errors=interval is not None)
        got = self._kernel("residual")(
            at, covariance, distinct, rate, last, elasticity, as_threads(self.n_threads)
        )
        value, error = (got, None) if interval is None else got
        value = value[place] * math.exp(-rate * wait)
        if asked.lost is not None:
            value[asked.lost] = math.nan if elasticity else 0.0
        if error is not None:
            return self._limits(asked.customer, (value, error[place]), interval, quantity)
        return float(value[0]) if asked.scalar else value

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
        curve = self.survival(renewal, interval=level)

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
            at_risk * self.retention_rate(renewal),
            share,
            curve.value,
            curve.lower,
            curve.upper,
            curve.level,
        )


def _of(weight: Floats | None, rows: Any) -> Floats | None:
    return None if weight is None else weight[rows]


def _horizon(horizon: Any) -> float:
    """Return a number of renewals to come, or infinity."""
    last = as_number(horizon, "horizon", at_least=1.0, finite=False)
    if math.isfinite(last) and not (last == math.floor(last) and last <= _MOST_AHEAD):
        msg = f"horizon must be a whole number of renewals, or infinite, got {horizon!r}"
        raise InvalidInputError(msg, argument="horizon", value=horizon)
    return last


def _expit(log_odds: Floats) -> Floats:
    with np.errstate(over="ignore", under="ignore"):
        return 1.0 / (1.0 + np.exp(-log_odds))
