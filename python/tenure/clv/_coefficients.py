"""Coefficients of covariates: which there are, their fit on standardised columns, their tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._validation import Floats, Ints, as_number
from tenure.clv import _design
from tenure.clv._covariates import CoefficientTable
from tenure.clv._likelihood import LikelihoodModel, two_sided
from tenure.clv._profile import profile_limits
from tenure.clv._tables import ParameterTable

#: The signs with which a coefficient moves the logarithms of the parameters.
Direction = Sequence[float]
#: Column's name, process, column of the design and direction of a coefficient.
Effect = tuple[str, str, int, Direction]
#: Above, the parameters of a customer whose covariates are all 0 would be no numbers.
_LARGEST_LOG = 600.0
_EXTRA = ("covariate_levels_", "coefficients_", "joint_covariance_")


class CoefficientModel(LikelihoodModel):
    """Base of the models in which covariates move the logarithms of parameters, linearly.

    A subclass says by `_covariate_settings` and `_layout` which coefficients there are. Formulas:
    docs/methods/covariates.md.
    """

    #: By covariate its levels, of which the first is the base; None for a number.
    covariate_levels_: _design.Levels
    #: In the order of `coef_`.
    coefficients_: Floats
    #: Of the logarithms of the parameters and of the coefficients.
    joint_covariance_: Floats

    # Settings of every subclass.
    covariate_l2: float
    covariate_alpha: float
    covariate_l1_ratio: float

    def _covariate_settings(self) -> dict[str, tuple[str, ...]]:
        """The names of covariates by the setting that lists them."""
        raise NotImplementedError

    def _layout(self, levels: _design.Levels) -> list[Effect]:
        """Tell each coefficient, in order."""
        raise NotImplementedError

    def _covariate_names(self) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(n for names in self._covariate_settings().values() for n in names)
        )

    def _effects(self, design: Floats, levels: _design.Levels | None = None) -> tuple[Any, ...]:
        """Design and layout as the kernels of the engine take them."""
        layout = self._layout(self.covariate_levels_ if levels is None else levels)
        column: Ints = np.array([c for _, _, c, _ in layout], dtype=np.int64)
        sign = np.array([d for *_, d in layout], dtype=np.float64).ravel()
        return design.ravel(), design.shape[1], column, sign

    # --- fit -------------------------------------------------------------------------------------

    def _penalty_settings(self) -> dict[str, float]:
        names = ("covariate_l2", "covariate_alpha")
        own = {name: getattr(self, name) for name in names} if self._covariate_names() else {}
        return super()._penalty_settings() | own

    def _coefficient_penalties(self) -> tuple[float, float]:
        """What a customer's penalty has of the squares of coefficients, and of their sizes."""
        squares = as_number(self.covariate_l2, "covariate_l2", at_least=0.0)
        size = as_number(self.covariate_alpha, "covariate_alpha", at_least=0.0)
        share = as_number(self.covariate_l1_ratio, "covariate_l1_ratio", at_least=0.0, at_most=1.0)
        return squares + 0.5 * size * (1.0 - share), size * share

    def _take_none(self, fit: dict[str, Any]) -> dict[str, Any]:
        """Keep that there are no covariates."""
        k = len(self.parameter_names)
        self.covariate_levels_, self.coefficients_ = {}, np.zeros(0)
        self.joint_covariance_ = fit["log_covariance"].reshape(k, k)
        return fit

    def _fit_coefficients(
        self,
        columns: dict[str, Any],
        weight: Floats | None,
        kernel: Callable[[tuple[Any, ...], tuple[float, float]], dict[str, Any]],
    ) -> dict[str, Any]:
        """Call kernel(effects, penalties) on standardised columns, and carry its result back."""
        penalties = self._coefficient_penalties()
        levels = _design.levels_of(columns)
        design = _design.design_of(columns, levels)
        names = _design.design_names(levels)
        for name, known in levels.items():
            if known is not None and len(known) < 2:
                value = known[0] if known else None
                msg = f"covariate {name!r} is {value!r} for every customer: it tells nothing"
                raise InvalidInputError(msg, argument=name, value=value)
        scaling = _design.scaling_of(design, weight, names)
        scaled = scaling.apply(design)
        if penalties == (0.0, 0.0):
            for argument, wanted in self._covariate_settings().items():
                kept = {n: levels[n] for n in levels if n in wanted}
                at = [names.index(c) for c in _design.design_names(kept)]
                _design.require_independent(scaled[:, at], weight, [names[j] for j in at], argument)
        return self._unscaled(kernel(self._effects(scaled, levels), penalties), scaling, levels)

    def _unscaled(
        self, fit: dict[str, Any], scaling: _design.Scaling, levels: _design.Levels
    ) -> dict[str, Any]:
        """From columns of mean 0 and spread 1 to the columns as they are."""
        layout = self._layout(levels)
        k, n = len(self.parameter_names), len(self.parameter_names) + len(layout)
        back = np.eye(n)
        for c, (_, _, j, direction) in enumerate(layout):
            back[k + c, k + c] = 1.0 / scaling.spread[j]
            back[:k, k + c] = -np.array(direction) * scaling.mean[j] / scaling.spread[j]
        point = np.append(np.log(fit["parameters"][:k]), fit["parameters"][k:])
        at = back @ point
        far = np.abs(at[:k]) > _LARGEST_LOG
        if far.any() and (np.abs(point[:k]) <= _LARGEST_LOG).all():
            reach = [abs(scaling.mean[j] * at[k + c]) for c, (_, _, j, _) in enumerate(layout)]
            worst = layout[int(np.argmax(reach))]
            mean = float(scaling.mean[worst[2]])
            msg = (
                f"covariate {worst[0]!r} lies so far from 0 (its mean is {mean:g}) that the "
                "parameters of a customer with 0 there would be no numbers: subtract a typical "
                "value"
            )
            raise InvalidInputError(msg, argument=worst[0], value=mean)
        covariance = back @ fit["log_covariance"].reshape(n, n) @ back.T
        self.joint_covariance_ = np.ascontiguousarray(0.5 * (covariance + covariance.T))
        self.covariate_levels_, self.coefficients_ = levels, at[k:]
        return {
            **fit,
            "parameters": np.exp(at[:k]),
            "log_covariance": np.ascontiguousarray(self.joint_covariance_[:k, :k]),
        }

    # --- results ---------------------------------------------------------------------------------

    @property
    def coef_(self) -> CoefficientTable:
        """Coefficients of the covariates with 95 % limits; empty for a model without any."""
        return self.coefficients()

    def coefficients(self, level: float = 0.95) -> CoefficientTable:
        """Return the coefficients of the covariates with confidence limits.

        Parameters
        ----------
        level : float, default 0.95
            In (0, 1).

        Returns
        -------
        CoefficientTable
        """
        self._require_fitted()
        z = two_sided(level, "level")
        layout = self._layout(self.covariate_levels_) if self.covariate_levels_ else []
        k = len(self.parameter_names)
        estimate = self.coefficients_
        error = np.sqrt(np.diagonal(self.joint_covariance_)[k:])
        with np.errstate(over="ignore", under="ignore"):
            factor = np.exp(estimate)
        return CoefficientTable(
            tuple(name for name, *_ in layout),
            tuple(process for _, process, *_ in layout),
            estimate,
            error,
            estimate - z * error,
            estimate + z * error,
            factor,
            as_number(level, "level"),
        )

    def _joint_point(self) -> Floats:
        return np.append(self._point(), self.coefficients_)

    def _estimates(self) -> dict[str, float]:
        layout = self._layout(self.covariate_levels_) if self.covariate_levels_ else []
        names = [f"{process} of {name}" for name, process, *_ in layout]
        return self.params_ | dict(zip(names, self.coefficients_.tolist(), strict=True))

    @property
    def n_parameters_(self) -> int:
        """Number of parameters and coefficients that were estimated.

        Under a penalty on sizes, those that are not 0 (Zou, Hastie & Tibshirani 2007, Annals of
        Statistics 35:2173-2192).
        """
        self._require_fitted()
        selected = self._coefficient_penalties()[1] > 0.0
        many = np.count_nonzero(self.coefficients_) if selected else len(self.coefficients_)
        return len(self.parameter_names) + int(many)

    def profile_interval(
        self, data: Any, level: float = 0.95, sample_weight: Any = None
    ) -> ParameterTable:
        """Return parameters and coefficients with limits from the profile of the likelihood.

        Parameters
        ----------
        data, level, sample_weight
            As for a model without covariates: see `ShiftedBetaGeometric.profile_interval`.

        Returns
        -------
        ParameterTable
            The parameters, then each coefficient by process and covariate, such as "purchase of
            channel[web]".
        """
        self._require_fitted()
        if not len(self.coefficients_):
            return super().profile_interval(data, level, sample_weight)
        z = two_sided(level, "level")
        self._require_profile()
        kernel, design, weight = self._joint_likelihood_of(data, sample_weight)
        layout = self._layout(self.covariate_levels_)
        columns = _design.design_names(self.covariate_levels_)
        spread = _design.scaling_of(design, weight, columns).spread
        k = len(self.parameter_names)
        # Coefficients count in spreads of their columns, so that a step has a size.
        unit = np.append(np.ones(k), [1.0 / spread[j] for _, _, j, _ in layout])

        def likelihood(u: Floats) -> tuple[float, Floats, Floats]:
            at = u * unit
            value, gradient, hessian = kernel(np.append(np.exp(at[:k]), at[k:]))
            return value, gradient * unit, hessian.reshape(len(u), -1) * np.outer(unit, unit)

        at = np.append(np.log(self._point()), self.coefficients_)
        self._require_data_of_fit(likelihood(at / unit)[0])
        covariance = self.joint_covariance_ / np.outer(unit, unit)
        lower, upper = profile_limits(likelihood, at / unit, covariance, z)
        lower, upper = lower * unit, upper * unit
        error = np.sqrt(np.diagonal(self.joint_covariance_))
        for told in (at, lower, upper):
            with np.errstate(over="ignore"):
                told[:k] = np.exp(told[:k])
        error = np.append(at[:k] * error[:k], error[k:])
        names = tuple(self._estimates())
        return ParameterTable(names, at, error, lower, upper, as_number(level, "level"))

    def _joint_likelihood_of(
        self, data: Any, sample_weight: Any
    ) -> tuple[Callable[[Floats], Any], Floats, Floats | None]:
        """Log-likelihood by parameters and coefficients, and the design and weights behind it."""
        raise NotImplementedError

    def _design_of_frame(self, covariates: Any, what: str) -> Floats | None:
        """Return the design of new customers; None for a model without covariates."""
        self._require_fitted()
        if not self.covariate_levels_:
            if covariates is not None:
                msg = f"{type(self).__name__} was fitted without covariates"
                raise InvalidInputError(msg, argument="covariates")
            return None
        if covariates is None:
            names = ", ".join(map(repr, self.covariate_levels_))
            msg = f"{what} depends on {names}: give covariates=, a frame with one row a customer"
            raise InvalidInputError(msg, argument="covariates")
        columns = _design.columns_of(covariates, list(self.covariate_levels_))
        return _design.design_of(columns, self.covariate_levels_)

    def __repr__(self) -> str:
        text = super().__repr__()
        if not self.__sklearn_is_fitted__() or not len(self.coefficients_):
            return text
        return "\n".join([text, repr(self.coef_)])

    # --- files -----------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        state = super()._state()
        if state and self.covariate_levels_:
            levels = {n: None if v is None else tuple(v) for n, v in self.covariate_levels_.items()}
            state |= {
                "covariate_levels_": levels,
                "coefficients_": self.coefficients_,
                "joint_covariance_": self.joint_covariance_,
            }
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        extra = {name: state[name] for name in _EXTRA if name in state}
        super()._restore({name: v for name, v in state.items() if name not in _EXTRA})
        if not state:
            return
        names = self._covariate_names()
        levels = extra.get("covariate_levels_", {})
        if not isinstance(levels, dict) or tuple(levels) != names or len(extra) not in (0, 3):
            msg = "the covariates are not those of the settings"
            raise ValueError(msg)
        for name, known in levels.items():
            good = known is None or (
                isinstance(known, tuple)
                and len(set(known)) == len(known) >= 2
                and all(isinstance(v, str) for v in known)
            )
            if not good:
                msg = f"covariate {name!r} has no such levels"
                raise ValueError(msg)
        k = len(self.parameter_names)
        n = k + len(self._layout(levels) if levels else [])
        coefficients = extra.get("coefficients_", np.zeros(0))
        joint = extra.get("joint_covariance_", self.log_covariance_)
        for array, shape in ((coefficients, (n - k,)), (joint, (n, n))):
            if not isinstance(array, np.ndarray) or array.dtype != np.float64:
                msg = "coefficients must be an array of float64"
                raise ValueError(msg)
            if array.shape != shape:
                msg = f"coefficients have shape {array.shape}, expected {shape}"
                raise ValueError(msg)
        if not all(math.isfinite(v) for v in coefficients):
            msg = "coefficients must be finite"
            raise ValueError(msg)
        self.covariate_levels_, self.coefficients_ = levels, coefficients
        self.joint_covariance_ = joint
