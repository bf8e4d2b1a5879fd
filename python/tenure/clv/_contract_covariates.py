"""Contracts whose customers differ by covariates: the shifted beta-geometric model with columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._validation import Floats, as_threads
from tenure.clv import _contract_data, _design
from tenure.clv._coefficients import CoefficientModel, Effect
from tenure.clv._contract import ContractModel, _horizon
from tenure.clv._contract_tables import RenewalCurve, ResidualLifetime
from tenure.events._frames import column_names

_SIGNS = {"churn": (1.0, 0.0), "retention": (0.0, 1.0), "both": (1.0, 1.0)}


class CovariateContractModel(CoefficientModel, ContractModel):
    """Contracts with ``alpha_i = alpha exp(g'z_i)`` and ``beta_i = beta exp(h'z_i)``.

    Formulas: docs/methods/covariates.md.
    """

    def __init__(
        self,
        *,
        churn_covariates: Sequence[str] | str | None = None,
        retention_covariates: Sequence[str] | str | None = None,
        equal_covariates: Sequence[str] | str | None = None,
        covariate_l2: float = 0.0,
        covariate_alpha: float = 0.0,
        covariate_l1_ratio: float = 0.5,
        renewal: str | None = None,
        l2: float = 0.0,
        max_iter: int = 200,
        tol: float = 1e-9,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        self.churn_covariates = churn_covariates
        self.retention_covariates = retention_covariates
        self.equal_covariates = equal_covariates
        self.covariate_l2 = covariate_l2
        self.covariate_alpha = covariate_alpha
        self.covariate_l1_ratio = covariate_l1_ratio
        super().__init__(
            renewal=renewal,
            l2=l2,
            max_iter=max_iter,
            tol=tol,
            on_failure=on_failure,
            n_threads=n_threads,
        )

    # --- which coefficients there are ------------------------------------------------------------

    def _covariate_settings(self) -> dict[str, tuple[str, ...]]:
        settings = {
            name: _design.as_names(getattr(self, name), name)
            for name in ("churn_covariates", "retention_covariates")
        }
        for name in _design.as_names(self.equal_covariates, "equal_covariates"):
            if not all(name in wanted for wanted in settings.values()):
                msg = (
                    f"equal_covariates names {name!r}, which must be a covariate of churn and of "
                    "retention"
                )
                raise InvalidInputError(msg, argument="equal_covariates", value=name)
        return settings

    def _layout(self, levels: _design.Levels) -> list[Effect]:
        churn, retention = self._covariate_settings().values()
        equal = _design.as_names(self.equal_covariates, "equal_covariates")
        position = {c: k for k, c in enumerate(_design.design_names(levels))}
        wanted = [(name, "both" if name in equal else "churn") for name in churn]
        wanted += [(name, "retention") for name in retention if name not in equal]
        return [
            (c, process, position[c], _SIGNS[process])
            for name, process in wanted
            for c in _design.design_names({name: levels[name]})
        ]

    # --- fit -------------------------------------------------------------------------------------

    def _columns(self, data: Any, rows: int) -> dict[str, Any]:
        """Read the covariates of customers, one row each."""
        names = self._covariate_names()
        known = column_names(data) if _contract_data.is_frame(data) else []
        if "renewals" not in known:
            msg = (
                f"covariates {', '.join(map(repr, names))} need customers, one a row: give "
                "columns renewals and churned, and those of the covariates"
            )
            raise InvalidInputError(msg, argument="data")
        columns = _design.columns_of(data, names)
        for name, values in columns.items():
            if len(values) != rows:
                msg = f"{name} has {len(values)} rows and renewals has {rows}"
                raise InvalidInputError(msg, argument=name)
        return columns

    def _design_rows(self, data: Any, rows: int) -> Floats:
        return _design.design_of(self._columns(data, rows), self.covariate_levels_)

    def _maximise(
        self, data: Any, r: _contract_data.Renewals, budget: tuple[int, float, float]
    ) -> dict[str, Any]:
        self._coefficient_penalties()
        columns = self._columns(data, len(r.renewals)) if self._covariate_names() else {}
        none = super()._maximise(data, r, budget)
        if not columns:
            return self._take_none(none)
        return self._fit_coefficients(
            columns,
            r.weight,
            lambda effects, penalties: _covariate_kernel("fit")(
                none["parameters"],
                r.renewals,
                r.churned,
                r.weight,
                *effects,
                *budget,
                *penalties,
                as_threads(self.n_threads),
            ),
        )

    def _log_likelihood(self, data: Any, r: _contract_data.Renewals) -> float:
        if not self.covariate_levels_:
            return super()._log_likelihood(data, r)
        kernel, _ = self._joint(data, r)
        return float(kernel(self._joint_point())[0])

    def _joint(
        self, data: Any, r: _contract_data.Renewals
    ) -> tuple[Callable[[Floats], Any], Floats]:
        design = self._design_rows(data, len(r.renewals))
        columns, effects = (r.renewals, r.churned, r.weight), self._effects(design)
        kernel, threads = _covariate_kernel("log_likelihood"), as_threads(self.n_threads)
        return lambda at: kernel(at, *columns, *effects, threads), design

    def _joint_likelihood_of(
        self, data: Any, sample_weight: Any
    ) -> tuple[Callable[[Floats], Any], Floats, Floats | None]:
        r = _contract_data.read(data, sample_weight)
        return *self._joint(data, r), r.weight

    # --- predictions -----------------------------------------------------------------------------

    def _call(self, name: str, errors: bool, *more: Any, design: Floats | None = None) -> Any:
        if design is None:
            return super()._call(name, errors, *more)
        covariance = np.ascontiguousarray(self.joint_covariance_).ravel() if errors else None
        threads = as_threads(self.n_threads)
        return _covariate_kernel(name)(
            self._joint_point(), covariance, *more, *self._effects(design), threads
        )

    def survival(
        self, n: Any, renewals: Any = 0, interval: float | None = None, covariates: Any = None
    ) -> Any:
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
        covariates : data frame, optional
            One row a customer, or one for all; needed for a model with covariates, and only there.

        Returns
        -------
        float, float64 array, or RenewalCurve with `interval`
            With covariates one number a customer: `n` is a number, or an array of as many.
        """
        design = self._design_of_frame(covariates, "survival")
        quantity = "Share still there after the renewals"
        return self._share(n, renewals, interval, quantity, design)

    def retention_rate(self, n: Any, interval: float | None = None, covariates: Any = None) -> Any:
        """Return r(n) = S(n) / S(n - 1), the share kept at renewal n of those who come to it.

        Parameters
        ----------
        n : int or array of ints
            >= 1.
        interval, covariates
            As for `survival`.

        Returns
        -------
        float, float64 array, or RenewalCurve with `interval`
        """
        return self._rate_kept(n, interval, self._design_of_frame(covariates, "retention"))

    def residual_lifetime(
        self, renewals: int, max_ahead: int = 24, level: float = 0.95, covariates: Any = None
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
        covariates : data frame, optional
            One row: the customer's. Needed for a model with covariates, and only there.

        Returns
        -------
        ResidualLifetime
        """
        if covariates is not None:
            design = self._design_of_frame(covariates, "a lifetime")
            if design is not None and len(design) != 1:
                msg = f"covariates must have the one row of the customer, got {len(design)}"
                raise InvalidInputError(msg, argument="covariates")
        return self._lifetime_table(
            renewals,
            max_ahead,
            lambda ahead, so_far: self.survival(ahead, so_far, level, covariates),
        )

    def discounted_lifetime(
        self,
        horizon: float = math.inf,
        discount_rate: float = 0.10,
        discount_period: str = "year",
        interval: float | None = None,
        covariates: Any = None,
    ) -> Any:
        """Return the discounted expected lifetime (DEL) of a customer who is just signing.

        The present value of 1 now, and 1 at each renewal that is made: sum_t v^t S(t) from t = 0.

        Parameters
        ----------
        horizon, discount_rate, discount_period, interval
            As for `discounted_residual_lifetime`; `horizon` counts the renewals.
        covariates : data frame, optional
            One row a customer; needed for a model with covariates, and only there.

        Returns
        -------
        float, or Predictions of one row with `interval`; with covariates one value a customer
        """
        design = self._design_of_frame(covariates, "a lifetime")
        if design is None:
            return super().discounted_lifetime(horizon, discount_rate, discount_period, interval)
        rate, last = self._rate(discount_rate, discount_period), _horizon(horizon)
        got = self._call("lifetime", interval is not None, rate, last, design=design)
        if interval is None:
            return got
        return self._limits(np.arange(len(design)), got, interval, "Discounted lifetime")

    def _residual_of(
        self, data: Any, asked: _contract_data.Asked, sums: tuple[float, float, bool], errors: bool
    ) -> tuple[Floats, Floats | None]:
        if not self.covariate_levels_:
            return super()._residual_of(data, asked, sums, errors)
        design = self._design_rows(data, len(asked.renewals))
        got = self._call("residual", errors, asked.renewals, *sums, design=design)
        return got if errors else (got, None)

    def _expected_curve(
        self, data: Any, r: _contract_data.Renewals, renewal: Any, level: float
    ) -> tuple[RenewalCurve, Floats]:
        if not self.covariate_levels_:
            return super()._expected_curve(data, r, renewal, level)
        design = self._design_rows(data, len(r.renewals))
        weight = np.ones(len(r.renewals)) if r.weight is None else r.weight
        at = renewal.astype(np.float64)
        got = self._call("mean_log_odds", True, weight, at, design=design)
        curve = self._share_limits(at, got, level, "Share still there after the renewals")
        rates = np.full(len(at), np.nan)
        for i, t in enumerate(at):
            seen = np.where(r.churned != 0, r.renewals + 1.0, r.renewals) >= t
            w = weight * seen
            if w.sum() > 0.0:
                before, one = np.full(int(seen.sum()), t - 1.0), np.ones(int(seen.sum()))
                kept = self._shares(before, one, None, "", np.ascontiguousarray(design[seen]))
                rates[i] = w[seen] @ kept / w.sum()
        return curve, rates


def _covariate_kernel(name: str) -> Any:
    return getattr(_core.clv, f"shifted_beta_geometric_covariate_{name}")
