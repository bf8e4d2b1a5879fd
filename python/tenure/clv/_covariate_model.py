"""Models of repeat purchases whose parameters differ between customers by covariates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._validation import Floats, Ints, as_column, as_number, as_threads
from tenure.clv import _data, _design
from tenure.clv._covariates import CoefficientTable, with_covariates
from tenure.clv._likelihood import two_sided
from tenure.clv._outlook import OutlookModel
from tenure.events import EventLog

#: The signs with which a coefficient moves the logarithms of the four parameters.
Direction = tuple[float, float, float, float]
#: Above, the parameters of a customer whose covariates are all 0 would be no numbers.
_LARGEST_LOG = 600.0
_EXTRA = ("covariate_levels_", "coefficients_", "joint_covariance_")


class CovariateModel(OutlookModel):
    """Base of the models that take covariates in the purchase and in the dropout process.

    ``alpha_i = alpha exp(-g'z_i)``; what a coefficient of dropout moves, a subclass says in
    `_dropout`. Formulas: docs/methods/covariates.md.
    """

    _purchase: ClassVar[Direction] = (0.0, -1.0, 0.0, 0.0)
    _dropout: ClassVar[Direction]

    #: By covariate its levels, of which the first is the base; None for a number.
    covariate_levels_: _design.Levels
    #: In the order of `coef_`.
    coefficients_: Floats
    #: Of the logarithms of the parameters and of the coefficients.
    joint_covariance_: Floats

    def __init__(
        self,
        *,
        purchase_covariates: Sequence[str] | str | None = None,
        dropout_covariates: Sequence[str] | str | None = None,
        equal_covariates: Sequence[str] | str | None = None,
        covariate_l2: float = 0.0,
        l2: float = 0.0,
        unit: str | None = None,
        max_iter: int = 200,
        tol: float = 1e-9,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        self.purchase_covariates = purchase_covariates
        self.dropout_covariates = dropout_covariates
        self.equal_covariates = equal_covariates
        self.covariate_l2 = covariate_l2
        super().__init__(
            l2=l2,
            unit=unit,
            max_iter=max_iter,
            tol=tol,
            on_failure=on_failure,
            n_threads=n_threads,
        )

    # --- which coefficients there are ------------------------------------------------------------

    def _processes(self) -> dict[str, Direction]:
        """What a covariate of dropout moves: one coefficient for each entry."""
        return {"dropout": self._dropout}

    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        purchase = _design.as_names(self.purchase_covariates, "purchase_covariates")
        dropout = _design.as_names(self.dropout_covariates, "dropout_covariates")
        equal = _design.as_names(self.equal_covariates, "equal_covariates")
        for name in equal:
            if name not in purchase or name not in dropout or len(self._processes()) > 1:
                msg = (
                    f"equal_covariates names {name!r}, which must be a covariate of purchases and "
                    "of dropout, with one coefficient in each"
                )
                raise InvalidInputError(msg, argument="equal_covariates", value=name)
        return purchase, dropout, equal

    def _covariate_names(self) -> tuple[str, ...]:
        purchase, dropout, _ = self._names()
        return tuple(dict.fromkeys([*purchase, *dropout]))

    def _layout(self, levels: _design.Levels) -> list[tuple[str, str, int, Direction]]:
        """Column's name, process, column and direction of each coefficient."""
        purchase, dropout, equal = self._names()
        columns = {name: _design.design_names({name: levels[name]}) for name in levels}
        position = {c: k for k, c in enumerate(_design.design_names(levels))}
        out = []
        for name in purchase:
            for c in columns[name]:
                if name in equal:
                    both = [p + q for p, q in zip(self._purchase, self._dropout, strict=True)]
                    out.append((c, "both", position[c], (both[0], both[1], both[2], both[3])))
                else:
                    out.append((c, "purchase", position[c], self._purchase))
        for process, direction in self._processes().items():
            for name in dropout:
                if name not in equal:
                    out += [(c, process, position[c], direction) for c in columns[name]]
        return out

    def _effects(self, design: Floats, levels: _design.Levels | None = None) -> tuple[Any, ...]:
        """Design and layout as the kernels of the engine take them."""
        layout = self._layout(self.covariate_levels_ if levels is None else levels)
        column: Ints = np.array([c for _, _, c, _ in layout], dtype=np.int64)
        sign = np.array([d for *_, d in layout], dtype=np.float64).ravel()
        return design.ravel(), design.shape[1], column, sign

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
        penalty = as_number(self.covariate_l2, "covariate_l2", at_least=0.0)
        none = super()._maximise(p, budget)
        if p.design is None:
            k = len(self.parameter_names)
            self.covariate_levels_, self.coefficients_ = {}, np.zeros(0)
            self.joint_covariance_ = none["log_covariance"].reshape(k, k)
            return none
        levels = _design.levels_of(p.design)
        design = _design.design_of(p.design, levels)
        names = _design.design_names(levels)
        for name, known in levels.items():
            if known is not None and len(known) < 2:
                value = known[0] if known else None
                msg = f"covariate {name!r} is {value!r} for every customer: it tells nothing"
                raise InvalidInputError(msg, argument=name, value=value)
        scaling = _design.scaling_of(design, p.weight, names)
        scaled = scaling.apply(design)
        if penalty == 0.0:
            for argument, wanted in zip(
                ("purchase_covariates", "dropout_covariates"), self._names(), strict=False
            ):
                kept = {n: levels[n] for n in levels if n in wanted}
                at = [names.index(c) for c in _design.design_names(kept)]
                _design.require_independent(
                    scaled[:, at], p.weight, [names[j] for j in at], argument
                )
        fit: dict[str, Any] = self._covariate_kernel("fit")(
            none["parameters"],
            p.frequency,
            p.recency,
            p.T,
            p.weight,
            *self._effects(scaled, levels),
            *budget,
            penalty,
            as_threads(self.n_threads),
        )
        return self._unscaled(fit, scaling, levels)

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

    def _estimates(self) -> dict[str, float]:
        layout = self._layout(self.covariate_levels_) if self.covariate_levels_ else []
        names = [f"{process} of {name}" for name, process, *_ in layout]
        return self.params_ | dict(zip(names, self.coefficients_.tolist(), strict=True))

    @property
    def n_parameters_(self) -> int:
        """Number of parameters and coefficients that were estimated."""
        self._require_fitted()
        return len(self.parameter_names) + len(self.coefficients_)

    def __repr__(self) -> str:
        text = super().__repr__()
        if not self.__sklearn_is_fitted__() or not len(self.coefficients_):
            return text
        return "\n".join([text, repr(self.coef_)])

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

    def _joint_point(self) -> Floats:
        return np.append(self._point(), self.coefficients_)

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

    def _design_of_frame(self, covariates: Any, what: str) -> Floats | None:
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


class BetaDropoutModel(CovariateModel):
    """The models in which dropout is a probability: covariates move a and b of its distribution."""

    _dropout: ClassVar[Direction] = (0.0, 0.0, 1.0, 1.0)

    def __init__(
        self,
        *,
        purchase_covariates: Sequence[str] | str | None = None,
        dropout_covariates: Sequence[str] | str | None = None,
        equal_covariates: Sequence[str] | str | None = None,
        separate_dropout: bool = False,
        covariate_l2: float = 0.0,
        l2: float = 0.0,
        unit: str | None = None,
        max_iter: int = 200,
        tol: float = 1e-9,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        self.separate_dropout = separate_dropout
        super().__init__(
            purchase_covariates=purchase_covariates,
            dropout_covariates=dropout_covariates,
            equal_covariates=equal_covariates,
            covariate_l2=covariate_l2,
            l2=l2,
            unit=unit,
            max_iter=max_iter,
            tol=tol,
            on_failure=on_failure,
            n_threads=n_threads,
        )

    def _processes(self) -> dict[str, Direction]:
        if not self.separate_dropout:
            return super()._processes()
        return {"dropout a": (0.0, 0.0, 1.0, 0.0), "dropout b": (0.0, 0.0, 0.0, 1.0)}
