"""What the models with covariates that change over time share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import UNIT_DAYS, as_unit, discount_rate_per_unit
from tenure._validation import Floats, Ints, as_column, as_number, as_threads
from tenure.clv import _design
from tenure.clv._covariates import CoefficientTable
from tenure.clv._likelihood import LikelihoodModel, two_sided
from tenure.clv._profile import LogLikelihood
from tenure.clv._time_varying_data import Periods, TimeVaryingSummary, periods_until
from tenure.clv._transaction import log_odds_limits
from tenure.clv._units import horizon_of, require_same_unit

#: Above, the parameters of a customer whose covariates are all 0 would be no numbers.
_LARGEST_LOG = 600.0


class TimeVaryingModel(LikelihoodModel):
    """Base of the models that fit a `TimeVaryingSummary`: rates that change by period.

    A subclass says in `_moved` which of its parameters is the scale of the rate of purchases and,
    where customers leave at a rate, which is that of dropout. Formulas:
    docs/methods/time_varying_covariates.md.
    """

    _prefix: ClassVar[str]
    #: Position of the parameter that a coefficient of each process divides.
    _moved: ClassVar[Mapping[str, int]]
    _fitted: tuple[str, ...] = (
        *LikelihoodModel._fitted,
        "unit_",
        "covariate_levels_",
        "coefficients_",
        "joint_covariance_",
    )

    unit_: str
    #: By covariate its levels, of which the first is the base; None for a number.
    covariate_levels_: _design.Levels
    #: In the order of `coef_`.
    coefficients_: Floats
    #: Of the logarithms of the parameters and of the coefficients.
    joint_covariance_: Floats

    purchase_covariates: Sequence[str] | str | None
    covariate_l2: float

    # --- which coefficients there are ------------------------------------------------------------

    def _names(self) -> dict[str, tuple[str, ...]]:
        """Covariates by process."""
        return {
            process: _design.as_names(
                getattr(self, f"{process}_covariates"), f"{process}_covariates"
            )
            for process in self._moved
        }

    def _layout(self, levels: _design.Levels) -> list[tuple[str, str, int]]:
        """Column's name, process and column of each coefficient."""
        position = {c: k for k, c in enumerate(_design.design_names(levels))}
        return [
            (column, process, position[column])
            for process, names in self._names().items()
            for name in names
            for column in _design.design_names({name: levels[name]})
        ]

    def _read(self, data: Any) -> TimeVaryingSummary:
        if not isinstance(data, TimeVaryingSummary):
            msg = (
                f"data must be a TimeVaryingSummary, got {type(data).__name__}: make one of a log "
                "and of covariates with tenure.clv.time_varying"
            )
            raise InvalidInputError(msg, argument="data")
        return data

    def _of_fit(self, data: Any) -> TimeVaryingSummary:
        self._require_fitted()
        known = self._read(data)
        require_same_unit(known.unit, self.unit_, "the model was fitted")
        self._require_known(known, list(self.covariate_levels_))
        return known

    @staticmethod
    def _require_known(data: TimeVaryingSummary, names: Sequence[str]) -> None:
        for name in names:
            if name not in data.covariates:
                known = ", ".join(map(repr, data.covariates))
                msg = f"the data have no covariate {name!r}, only {known}"
                raise InvalidInputError(msg, argument=name, value=name)

    def _weights(self, data: TimeVaryingSummary, sample_weight: Any) -> Floats | None:
        if sample_weight is None:
            return None
        weight: Floats = as_column(sample_weight, np.float64, "weight")
        return weight

    def _periods(self, p: Periods, design: Floats, levels: _design.Levels) -> Any:
        """Return what the kernels of the engine take of the periods."""
        customers = len(p.first)
        bought = np.empty((customers, design.shape[1]))
        for j in range(design.shape[1]):
            bought[:, j] = np.bincount(p.bought_by, design[p.bought_row, j], customers)
        by: dict[str, Ints] = {
            process: np.array(
                [c for _, of, c in self._layout(levels) if of == process], dtype=np.int64
            )
            for process in ("purchase", "dropout")
        }
        return _core.clv.CovariatePeriods(
            np.ascontiguousarray(design).ravel(),
            design.shape[1],
            p.length,
            p.first,
            p.end,
            p.phase,
            bought.ravel(),
            by["purchase"],
            by["dropout"],
        )

    def _kernel(self, name: str) -> Any:
        return getattr(_core.clv, f"{self._prefix}_time_varying_{name}")

    # --- fit -------------------------------------------------------------------------------------

    def _penalty_settings(self) -> dict[str, float]:
        return super()._penalty_settings() | {"covariate_l2": self.covariate_l2}

    def fit(self, data: TimeVaryingSummary, sample_weight: Any = None) -> Self:
        """Fit parameters and coefficients by maximum likelihood.

        Parameters
        ----------
        data : TimeVaryingSummary
            What `time_varying` makes of a log and of covariates.
        sample_weight : array of n floats, optional
            How many customers each one stands for; finite and >= 0.

        Returns
        -------
        self

        Raises
        ------
        InvalidInputError
            For covariates that are not in the data, that never change between the periods and
            customers of the fit, or of which one follows from the others.
        NotConvergedError
            With ``on_failure="raise"``, if no optimum was found. By default that is a
            ConvergenceWarning, and `converged_` and `status_` tell.
        """
        budget = self._budget()
        penalty = as_number(self.covariate_l2, "covariate_l2", at_least=0.0)
        data = self._read(data)
        by_process = self._names()
        names = list(dict.fromkeys(n for of in by_process.values() for n in of))
        if not names:
            arguments = " or ".join(f"{process}_covariates" for process in by_process)
            msg = f"{arguments} must name at least one covariate"
            raise InvalidInputError(msg, argument="purchase_covariates")
        self._require_known(data, names)
        weight = self._weights(data, sample_weight)
        rows = tuple(
            as_column(v, np.float64, n)
            for v, n in (
                (data.frequency, "frequency"),
                (data.recency, "recency"),
                (data.T, "T"),
            )
        )
        threads = as_threads(self.n_threads)
        plain = getattr(_core.clv, f"{self._prefix}_fit")(*rows, weight, *budget, threads)

        p = periods_until(data, names, 0.0)
        levels = _design.levels_of({name: p.columns[name] for name in names})
        columns = _design.design_names(levels)
        for name, known in levels.items():
            if known is not None and len(known) < 2:
                value = known[0] if known else None
                msg = f"covariate {name!r} is {value!r} in every period: it tells nothing"
                raise InvalidInputError(msg, argument=name, value=value)
        design = _design.design_of(p.columns, levels)
        scaling = _design.scaling_of(design, None, columns)
        scaled = scaling.apply(design)
        if penalty == 0.0:
            for process, wanted in by_process.items():
                own = _design.design_names({n: levels[n] for n in levels if n in wanted})
                at = [columns.index(c) for c in own]
                _design.require_independent(scaled[:, at], None, own, f"{process}_covariates")
        fit = self._kernel("fit")(
            plain["parameters"],
            *rows,
            weight,
            self._periods(p, scaled, levels),
            *budget,
            penalty,
            threads,
        )
        self._unscale(fit, scaling, levels)
        self.unit_ = data.unit
        self._take(fit)
        return self

    def _unscale(
        self, fit: dict[str, Any], scaling: _design.Scaling, levels: _design.Levels
    ) -> None:
        """From columns of mean 0 and spread 1 to the columns as they are: a linear map."""
        layout = self._layout(levels)
        k, n = len(self.parameter_names), len(self.parameter_names) + len(layout)
        back = np.eye(n)
        for c, (_, process, j) in enumerate(layout):
            back[k + c, k + c] = 1.0 / scaling.spread[j]
            back[self._moved[process], k + c] = scaling.mean[j] / scaling.spread[j]
        at = back @ np.append(np.log(fit["parameters"][:k]), fit["parameters"][k:])
        if (np.abs(at[:k]) > _LARGEST_LOG).any():
            reach = [abs(scaling.mean[j] * at[k + c]) for c, (_, _, j) in enumerate(layout)]
            name, _, j = layout[int(np.argmax(reach))]
            msg = (
                f"covariate {name!r} lies so far from 0 (its mean is {scaling.mean[j]:g}) that the "
                "parameters where it is 0 would be no numbers: subtract a typical value"
            )
            raise InvalidInputError(msg, argument=name, value=float(scaling.mean[j]))
        covariance = back @ fit["log_covariance"].reshape(n, n) @ back.T
        self.joint_covariance_ = np.ascontiguousarray(0.5 * (covariance + covariance.T))
        self.covariate_levels_, self.coefficients_ = levels, at[k:]
        fit["parameters"] = np.exp(at[:k])
        fit["log_covariance"] = np.ascontiguousarray(self.joint_covariance_[:k, :k])

    def _likelihood_of(self, data: Any, sample_weight: Any) -> LogLikelihood:
        msg = f"{type(self).__name__} has no profile: its coefficients would have to move too"
        raise InvalidInputError(msg, argument="covariates")

    # --- results ---------------------------------------------------------------------------------

    @property
    def coef_(self) -> CoefficientTable:
        """Coefficients of the covariates with 95 % limits."""
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
        layout = self._layout(self.covariate_levels_)
        at = self.coefficients_
        error = np.sqrt(np.diagonal(self.joint_covariance_)[len(self.parameter_names) :])
        with np.errstate(over="ignore", under="ignore"):
            factor = np.exp(at)
        names, processes = tuple(c for c, *_ in layout), tuple(p for _, p, _ in layout)
        limits = at - z * error, at + z * error
        return CoefficientTable(names, processes, at, error, *limits, factor, float(level))

    def _estimates(self) -> dict[str, float]:
        layout = self._layout(self.covariate_levels_)
        names = [f"{process} of {name}" for name, process, _ in layout]
        return self.params_ | dict(zip(names, self.coefficients_.tolist(), strict=True))

    @property
    def n_parameters_(self) -> int:
        """Number of parameters and coefficients that were estimated."""
        self._require_fitted()
        return len(self.parameter_names) + len(self.coefficients_)

    def __repr__(self) -> str:
        text = super().__repr__()
        return f"{text}\n{self.coef_!r}" if self.__sklearn_is_fitted__() else text

    # --- predictions -----------------------------------------------------------------------------

    def _by_customer(
        self, name: str, data: TimeVaryingSummary, ahead: float, *more: Any, errors: bool
    ) -> Any:
        p = periods_until(data, list(self.covariate_levels_), ahead)
        design = _design.design_of(p.columns, self.covariate_levels_)
        return self._kernel(name)(
            np.append(self._point(), self.coefficients_),
            np.ascontiguousarray(self.joint_covariance_).ravel() if errors else None,
            data.frequency.astype(np.float64),
            data.recency,
            data.T,
            self._periods(p, design, self.covariate_levels_),
            *more,
            as_threads(self.n_threads),
        )

    def score(self, data: TimeVaryingSummary, sample_weight: Any = None) -> float:
        """Return the mean log-likelihood a customer of other data, in the unit of the fit."""
        data = self._of_fit(data)
        weight = self._weights(data, sample_weight)
        p = periods_until(data, list(self.covariate_levels_), 0.0)
        design = _design.design_of(p.columns, self.covariate_levels_)
        value, _, _ = self._kernel("log_likelihood")(
            np.append(self._point(), self.coefficients_),
            data.frequency.astype(np.float64),
            data.recency,
            data.T,
            weight,
            self._periods(p, design, self.covariate_levels_),
            as_threads(self.n_threads),
        )
        return float(value) / (len(data) if weight is None else float(weight.sum()))

    def probability_alive(self, data: TimeVaryingSummary, interval: float | None = None) -> Any:
        """Return the probability that each customer is still a customer.

        Parameters
        ----------
        data : TimeVaryingSummary
            In the unit of the fit.
        interval : float, optional
            Confidence level, such as 0.95. Limits are symmetric in the log odds, and tell the
            uncertainty of parameters and coefficients only.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        data = self._of_fit(data)
        got = self._by_customer("log_odds_alive", data, 0.0, errors=interval is not None)
        return log_odds_limits(data.customer, got, interval, "Probability to be alive")

    def expected_purchases(
        self, data: TimeVaryingSummary, horizon: Any, interval: float | None = None
    ) -> Any:
        """Return the expected purchases of each customer within the horizon, given the history.

        Parameters
        ----------
        data : TimeVaryingSummary
            In the unit of the fit, with the covariates of the future.
        horizon : float or str
            From the end of observation on: a number in the unit of the model, or a text such as
            "39w". The covariates must reach its end.
        interval : float, optional
            Confidence level, such as 0.95. Limits are symmetric in the logarithm, and tell the
            uncertainty of parameters and coefficients only.

        Returns
        -------
        float64 array of n, or Predictions with `interval`

        Raises
        ------
        InvalidInputError
            For a horizon beyond the covariates, which says until when they reach.
        """
        length = self._horizon(horizon)
        quantity = f"Purchases expected within {length:g}"
        return self._expected(data, length, 0.0, interval, quantity)

    def discounted_expected_purchases(
        self,
        data: TimeVaryingSummary,
        horizon: Any,
        discount_rate: float = 0.10,
        discount_period: str = "year",
        interval: float | None = None,
    ) -> Any:
        """Return the discounted expected purchases of each customer within the horizon (DECT).

        Parameters
        ----------
        data, horizon, interval
            As for `expected_purchases`. There is no horizon without an end: nobody knows the
            covariates of all time to come.
        discount_rate : float, default 0.10
            A `discount_period`, > -1. Purchases are discounted in continuous time at
            ln(1 + discount_rate).
        discount_period : {"day", "week", "month", "year"}

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        length = self._horizon(horizon)
        as_unit(discount_period, "discount_period")
        rate = discount_rate_per_unit(discount_rate, discount_period, self.unit_)
        return self._expected(data, length, rate, interval, "Discounted purchases expected")

    def _horizon(self, horizon: Any) -> float:
        self._require_fitted()
        return as_number(horizon_of(horizon, self.unit_), "horizon", at_least=0.0)

    def _expected(
        self, data: Any, length: float, rate: float, interval: float | None, quantity: str
    ) -> Any:
        data = self._of_fit(data)
        ahead = length * UNIT_DAYS[self.unit_]
        got = self._by_customer(
            "expected_purchases", data, ahead, length, rate, errors=interval is not None
        )
        if interval is None:
            return got
        return self._limits(data.customer, got, interval, quantity)

    # --- files -----------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        state = super()._state()
        if "covariate_levels_" in state:
            levels = self.covariate_levels_
            state["covariate_levels_"] = {
                n: None if v is None else tuple(v) for n, v in levels.items()
            }
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        if not state:
            return
        as_unit(self.unit_)
        wanted = list(dict.fromkeys(n for of in self._names().values() for n in of))
        levels = self.covariate_levels_
        if not isinstance(levels, dict) or list(levels) != wanted:
            msg = "the covariates are not those of the settings"
            raise ValueError(msg)
        for name, known in levels.items():
            if known is not None and not (
                isinstance(known, tuple)
                and len(set(known)) == len(known) >= 2
                and all(isinstance(v, str) for v in known)
            ):
                msg = f"covariate {name!r} has no such levels"
                raise ValueError(msg)
        coefficients = len(self._layout(levels))
        n = len(self.parameter_names) + coefficients
        shapes = {"coefficients_": (coefficients,), "joint_covariance_": (n, n)}
        for name, shape in shapes.items():
            array = getattr(self, name)
            if not isinstance(array, np.ndarray) or array.dtype != np.float64:
                msg = f"{name} must be an array of float64"
                raise ValueError(msg)
            if array.shape != shape:
                msg = f"{name} has shape {array.shape}, expected {shape}"
                raise ValueError(msg)
        if not all(math.isfinite(v) for v in self.coefficients_):
            msg = "coefficients must be finite"
            raise ValueError(msg)
