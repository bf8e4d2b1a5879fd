"""What every model of contracts shares: the fit to renewals, survival and retention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import as_unit
from tenure._validation import Floats, as_column, as_threads
from tenure.clv import _contract_data
from tenure.clv._contract_tables import RenewalCurve
from tenure.clv._likelihood import LikelihoodModel, two_sided
from tenure.clv._profile import LogLikelihood, in_logs

MOST_AHEAD = 2**40


class ContractSurvival(LikelihoodModel):
    """Renewals in, survival and retention out.

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
        self._take(self._maximise(data, r, budget))
        return self

    def _maximise(
        self, data: Any, r: _contract_data.Renewals, budget: tuple[int, float, float]
    ) -> dict[str, Any]:
        fit: dict[str, Any] = self._kernel("fit")(r.renewals, r.churned, r.weight, *budget)
        return fit

    def score(self, data: Any, sample_weight: Any = None) -> float:
        """Return the mean log-likelihood a customer of other data."""
        self._require_fitted()
        r = _contract_data.read(data, sample_weight)
        value = self._log_likelihood(data, r)
        return value / (len(r.renewals) if r.weight is None else float(r.weight.sum()))

    def _log_likelihood(self, data: Any, r: _contract_data.Renewals) -> float:
        at, _ = self._engine(errors=False)
        value, _, _ = self._kernel("log_likelihood")(at, r.renewals, r.churned, r.weight)
        return float(value)

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
        return self._rate_kept(n, interval)

    def _rate_kept(self, n: Any, interval: float | None, design: Floats | None = None) -> Any:
        many = np.ndim(n) > 0 or design is not None
        at = as_column(np.atleast_1d(n), np.float64, "n")
        _contract_data.require_whole(at, "n", 1, _contract_data.MAX_RENEWALS)
        at, design = _aligned(at, design)
        before, ahead = at - 1.0, np.ones_like(at)
        got = self._shares(before, ahead, interval, "Share kept at the renewal", design)
        if isinstance(got, RenewalCurve):
            columns = (at.astype(np.int64), got.value, got.lower, got.upper)
            return RenewalCurve(*columns, got.level, got.quantity)
        return got if many else float(got[0])

    def _share(
        self,
        n: Any,
        renewals: Any,
        interval: float | None,
        quantity: str,
        design: Floats | None = None,
    ) -> Any:
        many = np.ndim(n) > 0 or np.ndim(renewals) > 0 or design is not None
        ahead = as_column(np.atleast_1d(n), np.float64, "n")
        so_far = as_column(np.atleast_1d(renewals), np.float64, "renewals")
        _contract_data.require_whole(ahead, "n", 0, MOST_AHEAD)
        _contract_data.require_whole(so_far, "renewals", 0, _contract_data.MAX_RENEWALS)
        try:
            so_far, ahead = np.broadcast_arrays(so_far, ahead)
        except ValueError as error:
            msg = f"n and renewals differ in length: {len(ahead)} and {len(so_far)}"
            raise InvalidInputError(msg, argument="renewals") from error
        ahead, design = _aligned(ahead, design)
        so_far, _ = _aligned(so_far, design)
        got = self._shares(so_far, ahead, interval, quantity, design)
        return got if many or interval is not None else float(got[0])

    def _shares(
        self,
        renewals: Floats,
        ahead: Floats,
        interval: float | None,
        quantity: str,
        design: Floats | None = None,
    ) -> Any:
        z = None if interval is None else two_sided(interval)
        columns = (np.ascontiguousarray(renewals), np.ascontiguousarray(ahead))
        got = self._call("log_odds", z is not None, *columns, design=design)
        return self._share_limits(ahead, got, interval, quantity)

    def _call(self, name: str, errors: bool, *more: Any, design: Floats | None = None) -> Any:
        """Call a kernel of predictions at the parameters; with standard errors if asked for."""
        assert design is None
        at, covariance = self._engine(errors)
        threads = () if name == "lifetime" else (as_threads(self.n_threads),)
        return self._kernel(name)(at, covariance, *more, *threads)

    @staticmethod
    def _share_limits(ahead: Floats, got: Any, interval: float | None, quantity: str) -> Any:
        """Shares from log odds; with limits where these come with errors."""
        z = None if interval is None else two_sided(interval)
        if z is None:
            return _expit(got)
        odds, error = got
        # A share of 1 is certain; 0 times infinity would be NaN.
        spread = np.where(np.isfinite(odds), z * error, 0.0)
        value, lower, upper = (_expit(v) for v in (odds, odds - spread, odds + spread))
        return RenewalCurve(ahead.astype(np.int64), value, lower, upper, float(interval), quantity)  # type: ignore[arg-type]


def _aligned(values: Floats, design: Floats | None) -> tuple[Floats, Floats | None]:
    """Repeat a single value, or a single row of covariates, so that rows match."""
    if design is None or len(values) == len(design):
        return values, design
    if len(values) == 1:
        return np.repeat(values, len(design)), design
    if len(design) == 1:
        return values, np.repeat(design, len(values), axis=0)
    msg = f"covariates has {len(design)} rows, but {len(values)} values are asked for"
    raise InvalidInputError(msg, argument="covariates")


def _expit(log_odds: Floats) -> Floats:
    with np.errstate(over="ignore", under="ignore"):
        return 1.0 / (1.0 + np.exp(-log_odds))
