"""Models of repeat purchases whose parameters differ between customers by covariates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._validation import Floats, Ints, as_column, as_threads
from tenure.clv import _data, _design
from tenure.clv._coefficients import CoefficientModel, Direction, Effect
from tenure.clv._covariates import with_covariates
from tenure.clv._outlook import OutlookModel
from tenure.events import EventLog


class PurchaseCovariateModel(CoefficientModel, OutlookModel):
    """Base of the models that take covariates in the process of purchases: alpha exp(-g'z_i).

    Formulas: docs/methods/covariates.md.
    """

    #: What a coefficient of purchases moves.
    _purchase: ClassVar[Direction]

    def __init__(
        self,
        *,
        purchase_covariates: Sequence[str] | str | None = None,
        covariate_l2: float = 0.0,
        covariate_alpha: float = 0.0,
        covariate_l1_ratio: float = 0.5,
        l2: float = 0.0,
        unit: str | None = None,
        max_iter: int = 200,
        tol: float = 1e-9,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        self.purchase_covariates = purchase_covariates
        self.covariate_l2 = covariate_l2
        self.covariate_alpha = covariate_alpha
        self.covariate_l1_ratio = covariate_l1_ratio
        super().__init__(
            l2=l2,
            unit=unit,
            max_iter=max_iter,
            tol=tol,
            on_failure=on_failure,
            n_threads=n_threads,
        )

    def _covariate_settings(self) -> dict[str, tuple[str, ...]]:
        names = _design.as_names(self.purchase_covariates, "purchase_covariates")
        return {"purchase_covariates": names}

    def _layout(self, levels: _design.Levels) -> list[Effect]:
        columns = _design.design_names(levels)
        return [(c, "purchase", j, self._purchase) for j, c in enumerate(columns)]

    # --- fit -------------------------------------------------------------------------------------

    def _customers(
        self, data: Any, sample_weight: Any = None, weighted: bool = False
    ) -> _data.Purchases:
        p = super()._customers(data, sample_weight, weighted)
        names = self._covariate_names()
        if not names:
            return p
        columns = _design.columns_of(data, names)
        for name, values in columns.items():
            if len(values) != len(p.frequency):
                msg = f"{name} has {len(values)} rows and frequency has {len(p.frequency)}"
                raise InvalidInputError(msg, argument=name)
        return replace(p, design=columns)

    def _read(
        self, data: Any, sample_weight: Any = None, weighted: bool = False
    ) -> _data.Purchases:
        p = super()._read(data, sample_weight, weighted)
        if p.design is None:
            return p
        return replace(p, design=_design.design_of(p.design, self.covariate_levels_))

    def _maximise(self, p: _data.Purchases, budget: tuple[int, float, float]) -> dict[str, Any]:
        self._coefficient_penalties()
        none = super()._maximise(p, budget)
        if p.design is None:
            return self._take_none(none)
        return self._fit_coefficients(
            p.design,
            p.weight,
            lambda effects, penalties: self._covariate_kernel("fit")(
                none["parameters"],
                p.frequency,
                p.recency,
                p.T,
                p.weight,
                *effects,
                *budget,
                *penalties,
                as_threads(self.n_threads),
            ),
        )

    # --- predictions -----------------------------------------------------------------------------

    def _kernel(self, name: str) -> Any:
        if name != "fit" and len(getattr(self, "coefficients_", ())):
            msg = (
                f"{name} of {type(self).__name__} needs to know the covariates of each customer: "
                "it cannot be told from the parameters alone"
            )
            raise InvalidInputError(msg, argument="covariates")
        return super()._kernel(name)

    def _covariate_kernel(self, name: str) -> Any:
        return getattr(_core.clv, f"{self._prefix}_covariate_{name}")

    def _by_customer(self, name: str, p: _data.Purchases, *more: Any, errors: bool = False) -> Any:
        if p.design is None:
            return super()._by_customer(name, p, *more, errors=errors)
        return self._covariate_kernel(name)(
            self._joint_point(),
            np.ascontiguousarray(self.joint_covariance_).ravel() if errors else None,
            p.frequency,
            p.recency,
            p.T,
            *self._effects(p.design),
            *more,
            as_threads(self.n_threads),
        )

    def _log_likelihood(self, p: _data.Purchases) -> float:
        if p.design is None:
            return super()._log_likelihood(p)
        value, _, _ = self._covariate_kernel("log_likelihood")(
            self._joint_point(),
            p.frequency,
            p.recency,
            p.T,
            p.weight,
            *self._effects(p.design),
            as_threads(self.n_threads),
        )
        return float(value)

    def _expected_counts(self, p: _data.Purchases, last: int) -> Any:
        if p.design is None:
            return super()._expected_counts(p, last)
        effects = self._effects(p.design)
        threads = as_threads(self.n_threads)
        return self._covariate_kernel("frequency_counts")(
            self._joint_point(), p.T, p.weight, last, *effects, threads
        )

    def _joint_likelihood_of(
        self, data: Any, sample_weight: Any
    ) -> tuple[Callable[[Floats], Any], Floats, Floats | None]:
        p = self._read(data, sample_weight, weighted=True)
        columns = (p.frequency, p.recency, p.T, p.weight)
        kernel, threads = self._covariate_kernel("log_likelihood"), as_threads(self.n_threads)
        effects = self._effects(p.design)
        return lambda at: kernel(at, *columns, *effects, threads), p.design, p.weight

    def expected_purchases_new(self, horizon: Any, covariates: Any = None) -> Any:
        """Return the expected repeat purchases of a customer just acquired.

        Parameters
        ----------
        horizon : float, str or array of floats
            Since the first purchase, which does not count.
        covariates : data frame, optional
            One row a customer; needed for a model with covariates, and only there.

        Returns
        -------
        float, or float64 array for an array; with covariates an array of n, or of n rows with one
        column a horizon
        """
        design = self._design_of_frame(covariates, "what a new customer will buy")
        if design is None:
            return super().expected_purchases_new(horizon)
        many = isinstance(horizon, (list, tuple)) or np.ndim(horizon) > 0
        time = as_column(horizon if many else [self._horizon(horizon)], np.float64, "horizon")
        got = self._covariate_kernel("expected_purchases_new")(
            self._joint_point(), time, *self._effects(design), as_threads(self.n_threads)
        )
        return got.reshape(len(design), len(time)) if many else got

    def probability_of_n_purchases(self, n: Any, horizon: Any, covariates: Any = None) -> Any:
        """Return the probability that a customer just acquired buys n times more in the horizon.

        Parameters
        ----------
        n : int or array of ints
            Repeat purchases.
        horizon : float or str
            Since the first purchase.
        covariates : data frame, optional
            One row a customer; needed for a model with covariates, and only there.

        Returns
        -------
        float, or float64 array for an array; with covariates an array of n, or of n rows with one
        column a count
        """
        design = self._design_of_frame(covariates, "what a new customer will buy")
        if design is None:
            return super().probability_of_n_purchases(n, horizon)
        many = isinstance(n, (list, tuple)) or np.ndim(n) > 0
        counts = as_column(n if many else [n], np.float64, "n")
        got = self._covariate_kernel("pmf")(
            self._joint_point(),
            counts,
            self._horizon(horizon),
            *self._effects(design),
            as_threads(self.n_threads),
        )
        return got.reshape(len(design), len(counts)) if many else got

    def _expected_of_log(
        self,
        log: EventLog,
        until: int,
        collapse: str | None,
        first: Ints,
        per_unit: float,
        grid: Floats,
    ) -> Floats:
        if not self.covariate_levels_:
            return super()._expected_of_log(log, until, collapse, first, per_unit, grid)
        base = log.summary(unit="day", collapse=collapse)
        known = with_covariates(base, log, list(self.covariate_levels_))
        design = self._design_of_frame(known.covariates, "tracking")
        assert design is not None
        start = np.round(base.T.max(initial=0.0) - base.T) / per_unit
        kept = np.asarray(base.first_order).astype("datetime64[us]").astype(np.int64) < until
        patterns, which = np.unique(design[kept], axis=0, return_inverse=True)
        which = which.ravel()
        expected = np.zeros(len(grid))
        for k, pattern in enumerate(patterns):
            row = np.ascontiguousarray(pattern[None, :])
            days, customers = np.unique(start[kept][which == k], return_counts=True)

            def of_pattern(ages: Floats, row: Floats = row) -> Any:
                return self._covariate_kernel("expected_purchases_new")(
                    self._joint_point(), ages, *self._effects(row), as_threads(self.n_threads)
                )

            expected += self._cumulative(days, customers.astype(np.float64), grid, of_pattern)
        return expected
