"""What moves the scale of spend: columns of the customers, and how often they ordered."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import DataWarning, InvalidInputError
from tenure._validation import Floats, as_threads
from tenure.clv import _data, _design
from tenure.clv._coefficients import CoefficientModel, Effect

#: The column that `frequency_effect` adds: the logarithm of all orders, the first included.
ORDERS = "log(1 + frequency)"


class SpendCoefficients(CoefficientModel):
    """Gives the gamma-gamma model ``gamma_i = gamma exp(c'z_i)``.

    Formulas: docs/methods/gamma_gamma.md.
    """

    # Settings of the model.
    covariates: Any
    frequency_effect: bool

    def _covariate_settings(self) -> dict[str, tuple[str, ...]]:
        names = _design.as_names(self.covariates, "covariates")
        if not isinstance(self.frequency_effect, bool):
            msg = f"frequency_effect must be True or False, got {self.frequency_effect!r}"
            raise InvalidInputError(msg, argument="frequency_effect", value=self.frequency_effect)
        if not self.frequency_effect:
            return {"covariates": names}
        if ORDERS in names:
            msg = f"covariates names {ORDERS!r}, which frequency_effect makes already"
            raise InvalidInputError(msg, argument="covariates", value=ORDERS)
        return {"covariates": (*names, ORDERS)}

    def _layout(self, levels: _design.Levels) -> list[Effect]:
        return [
            (c, "spend", k, (0.0, 0.0, 1.0)) for k, c in enumerate(_design.design_names(levels))
        ]

    def _columns(self, data: Any, s: _data.Spend) -> dict[str, Any]:
        names = self._covariate_names()
        columns = _design.columns_of(data, [n for n in names if n != ORDERS])
        for name, values in columns.items():
            if len(values) != len(s.frequency):
                msg = f"{name} has {len(values)} rows and frequency has {len(s.frequency)}"
                raise InvalidInputError(msg, argument=name)
        if ORDERS in names:
            with np.errstate(invalid="ignore", divide="ignore"):
                columns[ORDERS] = np.log1p(s.frequency)
        return columns

    def _read(self, data: Any, sample_weight: Any = None, weighted: bool = False) -> _data.Spend:
        """Read the spend of customers, and their design where the fitted model has one."""
        s = _data.spend(data, sample_weight, weighted)
        if not self._covariate_names():
            return s
        design = _design.design_of(self._columns(data, s), self.covariate_levels_)
        return replace(s, design=design)

    def _design_of_new(self, covariates: Any, names: list[str]) -> Floats:
        """Return the design of customers of whom one order is known."""
        if not names:
            msg = f"{type(self).__name__} was fitted without covariates"
            raise InvalidInputError(msg, argument="covariates")
        if covariates is None:
            listed = ", ".join(map(repr, names))
            msg = f"spend depends on {listed}: give covariates=, a frame with one row a customer"
            raise InvalidInputError(msg, argument="covariates")
        columns = _design.columns_of(covariates, names)
        if ORDERS in self.covariate_levels_:
            columns[ORDERS] = np.zeros(len(columns[names[0]]))
        return _design.design_of(columns, self.covariate_levels_)

    def _maximise(
        self, data: Any, s: _data.Spend, budget: tuple[int, float, float]
    ) -> dict[str, Any]:
        self._coefficient_penalties()
        many = bool(self._covariate_names())
        threads = as_threads(self.n_threads)
        observed = (s.frequency, s.monetary_value, s.weight)
        none = _core.clv.gamma_gamma_fit(*observed, *budget, threads)
        if not many:
            return self._take_none(none)
        used = (s.frequency > 0) & (s.monetary_value > 0)
        weight = used.astype(np.float64) if s.weight is None else s.weight * used
        return self._fit_coefficients(
            self._columns(data, s),
            weight,
            lambda effects, penalties: _core.clv.gamma_gamma_covariate_fit(
                none["parameters"],
                s.frequency,
                s.monetary_value,
                s.weight,
                effects[0],
                effects[1],
                *budget,
                *penalties,
                threads,
            ),
        )

    def _log_likelihood(self, s: _data.Spend) -> float:
        threads = as_threads(self.n_threads)
        observed = (s.frequency, s.monetary_value, s.weight)
        if s.design is None:
            at = self._point()
            return float(_core.clv.gamma_gamma_log_likelihood(at, *observed, threads)[0])
        kernel = _core.clv.gamma_gamma_covariate_log_likelihood
        design = (s.design.ravel(), s.design.shape[1])
        return float(kernel(self._joint_point(), *observed, *design, threads)[0])

    def _joint_likelihood_of(
        self, data: Any, sample_weight: Any
    ) -> tuple[Callable[[Floats], Any], Floats, Floats | None]:
        s = self._read(data, sample_weight, weighted=True)
        more = (s.frequency, s.monetary_value, s.weight, s.design.ravel(), s.design.shape[1])
        kernel, threads = _core.clv.gamma_gamma_covariate_log_likelihood, as_threads(self.n_threads)
        used = (s.frequency > 0) & (s.monetary_value > 0)
        weight = used.astype(np.float64) if s.weight is None else s.weight * used
        return lambda at: kernel(at, *more, threads), s.design, weight

    def _spend(self, s: _data.Spend, errors: bool) -> Any:
        """Expected spend; with errors of its logarithm."""
        observed, threads = (s.frequency, s.monetary_value), as_threads(self.n_threads)
        if s.design is None:
            covariance = self._flat_covariance() if errors else None
            got = _core.clv.gamma_gamma_expected_spend(
                self._point(), covariance, *observed, threads
            )
        else:
            covariance = np.ascontiguousarray(self.joint_covariance_).ravel() if errors else None
            got = _core.clv.gamma_gamma_covariate_expected_spend(
                self._joint_point(),
                covariance,
                *observed,
                s.design.ravel(),
                s.design.shape[1],
                threads,
            )
        infinite = int(np.isinf(got[0] if errors else got).sum())
        if infinite:
            msg = (
                f"{infinite:,} of {len(s.frequency):,} customers have p x + q <= 1: their expected "
                f"spend is infinite (p={self.params_['p']:.4g}, q={self.params_['q']:.4g})"
            )
            warnings.warn(msg, DataWarning, stacklevel=3)
        unusable = int(((s.frequency > 0) & (s.monetary_value <= 0)).sum())
        if unusable:
            msg = (
                f"{unusable:,} of {len(s.frequency):,} customers have repeat orders with a "
                "monetary_value <= 0, which the model cannot read: they get the population's mean"
            )
            warnings.warn(msg, DataWarning, stacklevel=3)
        return got
