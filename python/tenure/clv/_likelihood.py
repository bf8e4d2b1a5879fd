"""What every model fitted by maximum likelihood shares: settings, fitted attributes, limits."""

from __future__ import annotations

import math
import statistics
import warnings
from typing import Any, ClassVar

import numpy as np

from tenure._errors import ConvergenceWarning, InvalidInputError, NotConvergedError
from tenure._estimator import Estimator
from tenure._validation import Floats, as_choice, as_count, as_level, as_number
from tenure.clv._profile import LogLikelihood, profile_limits
from tenure.clv._tables import ParameterTable, Predictions

STATUSES = ("converged", "max_iterations", "stalled", "boundary")

_REASONS = {
    "max_iterations": "the budget of max_iter evaluations ran out before the gradient was small",
    "stalled": "no step raises the likelihood any more, yet the gradient is not small",
    "boundary": "the likelihood stays flat or keeps rising as a parameter runs to 0 or infinity, "
    "so the data do not identify all the parameters",
}


def two_sided(level: Any, name: str = "interval") -> float:
    """Return the normal quantile of a two-sided confidence level."""
    level = as_level(level, name)
    # From the lower tail, where levels close to 1 keep their digits.
    return -statistics.NormalDist().inv_cdf((1.0 - level) / 2.0)


def refuse_covariates(model: Any, what: str) -> None:
    """Refuse a model with covariates to what knows none."""
    names: tuple[str, ...] = getattr(model, "_covariate_names", tuple)()
    if names:
        msg = f"{what} knows no covariates, but the model has {', '.join(map(repr, names))}"
        raise InvalidInputError(msg, argument="covariates", value=names)


class LikelihoodModel(Estimator):
    """Base of the models with a few positive parameters, fitted by Newton's method in logs."""

    #: The letters of the paper, in the order of the engine.
    parameter_names: ClassVar[tuple[str, ...]]

    _fitted: tuple[str, ...] = (
        "params_",
        "log_covariance_",
        "log_likelihood_",
        "status_",
        "n_iter_",
        "gradient_norm_",
        "hessian_eigenvalues_",
        "n_customers_",
    )

    params_: dict[str, float]
    log_covariance_: Floats
    log_likelihood_: float
    status_: str
    n_iter_: int
    gradient_norm_: float
    hessian_eigenvalues_: Floats
    n_customers_: float

    # Settings of every subclass.
    l2: float
    max_iter: int
    tol: float
    on_failure: str
    n_threads: int | None

    def _budget(self) -> tuple[int, float, float]:
        as_choice(self.on_failure, "on_failure", ("warn", "raise"))
        return (
            as_count(self.max_iter, "max_iter", at_least=1),
            as_number(self.tol, "tol", above=0.0),
            as_number(self.l2, "l2", at_least=0.0),
        )

    def _take(self, fit: dict[str, Any], hint: str = "") -> None:
        """Keep what the engine returned, and say so if it is no optimum."""
        k = len(self.parameter_names)
        parameters = fit["parameters"].tolist()
        self.params_ = dict(zip(self.parameter_names, parameters, strict=True))
        self.log_covariance_ = fit["log_covariance"].reshape(k, k)
        self.log_likelihood_ = float(fit["log_likelihood"])
        self.status_ = fit["status"]
        self.n_iter_ = int(fit["iterations"])
        self.gradient_norm_ = float(fit["gradient_norm"])
        self.hessian_eigenvalues_ = fit["eigenvalues"]
        self.n_customers_ = float(fit["customers"])
        if self.converged_:
            return
        at = ", ".join(f"{n}={v:.6g}" for n, v in self._estimates().items())
        msg = (
            f"{type(self).__name__} stopped without an optimum ({self.status_}): "
            f"{_REASONS[self.status_]}{hint}. Stopped at {at}"
        )
        if self.on_failure == "raise":
            for name in self._fitted:
                if hasattr(self, name):
                    delattr(self, name)
            raise NotConvergedError(msg)
        warnings.warn(msg, ConvergenceWarning, stacklevel=3)

    def _estimates(self) -> dict[str, float]:
        """Everything that was estimated, by the name that a message gives it."""
        return self.params_

    @property
    def converged_(self) -> bool:
        """Whether the fit found an optimum: gradient and Newton step small, Hessian definite."""
        self._require_fitted()
        return self.status_ == "converged"

    @property
    def n_parameters_(self) -> int:
        """Number of parameters that were estimated."""
        self._require_fitted()
        return len(self.parameter_names)

    @property
    def aic_(self) -> float:
        """Akaike's criterion, 2 k - 2 log L for k parameters: the smaller, the better."""
        return 2.0 * self.n_parameters_ - 2.0 * self.log_likelihood_

    @property
    def bic_(self) -> float:
        """Schwarz' criterion, k log n - 2 log L for k parameters and n customers."""
        return self.n_parameters_ * math.log(self.n_customers_) - 2.0 * self.log_likelihood_

    @property
    def covariance_(self) -> Floats:
        """Covariance of the parameters, by the delta method from that of their logarithms."""
        at = self._point()
        return np.outer(at, at) * self.log_covariance_

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Standard error of each parameter: its value times that of its logarithm."""
        errors = self._point() * np.sqrt(np.diagonal(self.log_covariance_))
        return dict(zip(self.parameter_names, errors.tolist(), strict=True))

    def interval(self, level: float = 0.95) -> ParameterTable:
        """Return the parameters with confidence limits, symmetric on the log scale.

        Parameters
        ----------
        level : float, default 0.95
            In (0, 1).

        Returns
        -------
        ParameterTable
            NaN errors and limits where the Hessian is not positive definite.
        """
        z = two_sided(level, "level")
        at = self._point()
        error = np.sqrt(np.diagonal(self.log_covariance_))
        with np.errstate(over="ignore", under="ignore"):
            lower, upper = at * np.exp(-z * error), at * np.exp(z * error)
        return ParameterTable(
            self.parameter_names, at, at * error, lower, upper, as_number(level, "level")
        )

    def profile_interval(
        self, data: Any, level: float = 0.95, sample_weight: Any = None
    ) -> ParameterTable:
        """Return the parameters with limits from the profile of the likelihood.

        `interval` takes the likelihood for a parabola in the logarithms of the parameters. The
        profile asks the likelihood itself: a limit is where even the best choice of all the other
        parameters loses half a chi-square quantile. Limits need not be symmetric, and hold the
        truth more often where data are few or parameters trade off; a ridge that never loses so
        much gives 0 or infinity.

        Parameters
        ----------
        data, sample_weight
            Those of the fit, as for `fit`.
        level : float, default 0.95
            In (0, 1).

        Returns
        -------
        ParameterTable
            Standard errors are those of `interval`.

        Raises
        ------
        NotConvergedError
            Without an optimum there is no profile.
        InvalidInputError
            For a fit with a penalty, or data that are not those of the fit.

        Notes
        -----
        Venzon & Moolgavkar (1988), A method for computing profile-likelihood-based confidence
        intervals, Journal of the Royal Statistical Society C 37:87-94.

        Examples
        --------
        >>> import tenure as tn
        >>> orders = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
        >>> base = log.summary(unit="week", end="1997-09-30")
        >>> table = tn.clv.BGNBD().fit(base).profile_interval(base)
        >>> table.parameter, table.lower.round(2).tolist(), table.upper.round(2).tolist()
        (('r', 'alpha', 'a', 'b'), [0.22, 3.72, 0.52, 1.43], [0.27, 5.21, 1.32, 4.57])
        """
        z = two_sided(level, "level")
        at = self._point()
        self._require_profile()
        likelihood = self._likelihood_of(data, sample_weight)
        self._require_data_of_fit(likelihood(np.log(at))[0])
        lower, upper = profile_limits(likelihood, np.log(at), self.log_covariance_, z)
        error = at * np.sqrt(np.diagonal(self.log_covariance_))
        with np.errstate(over="ignore"):
            limits = np.exp(lower), np.exp(upper)
        return ParameterTable(self.parameter_names, at, error, *limits, as_number(level, "level"))

    def _penalty_settings(self) -> dict[str, float]:
        """Settings that add a penalty to the likelihood, by name."""
        return {"l2": self.l2}

    def _require_profile(self) -> None:
        if not self.converged_:
            msg = f"{type(self).__name__} has no optimum ({self.status_}), and so no profile"
            raise NotConvergedError(msg)
        for name, value in self._penalty_settings().items():
            if value != 0.0:
                msg = f"{name} must be 0 for a profile of the likelihood, got {value:g}"
                raise InvalidInputError(msg, argument=name, value=value)

    def _require_data_of_fit(self, told: float) -> None:
        if abs(told - self.log_likelihood_) > 1e-8 * max(1.0, abs(told)):
            msg = (
                "data must be those of the fit, whose log-likelihood is "
                f"{self.log_likelihood_:.6f}; that of these is {told:.6f}"
            )
            raise InvalidInputError(msg, argument="data")

    def _likelihood_of(self, data: Any, sample_weight: Any) -> LogLikelihood:
        """Return the log-likelihood of data with its derivatives in the logs of the parameters."""
        raise NotImplementedError

    def _point(self) -> Floats:
        self._require_fitted()
        return np.array([self.params_[name] for name in self.parameter_names])

    def _flat_covariance(self) -> Floats:
        return np.ascontiguousarray(self.log_covariance_, dtype=np.float64).ravel()

    def _limits(
        self, customer: Any, pair: tuple[Floats, Floats], level: Any, quantity: str
    ) -> Predictions:
        """Limits of a positive quantity from the standard errors of its logarithm."""
        z = two_sided(level)
        value, error = pair
        with np.errstate(over="ignore", under="ignore"):
            spread = np.exp(z * error)
        return Predictions(customer, value, value / spread, value * spread, float(level), quantity)

    def __repr__(self) -> str:
        settings = super().__repr__()
        if not self.__sklearn_is_fitted__():
            return settings
        table = repr(self.interval()).splitlines()
        state = "converged" if self.converged_ else f"NOT CONVERGED ({self.status_})"
        return "\n".join(
            [
                f"{settings}: {self.n_customers_:,g} customers, log-likelihood "
                f"{self.log_likelihood_:.4f}, {state}",
                *table[1:],
            ]
        )

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        if not state:
            return
        missing = [name for name in self._fitted if name not in state]
        if missing:
            msg = f"no {missing[0]}"
            raise ValueError(msg)
        params = self.params_
        if tuple(params) != self.parameter_names:
            msg = f"parameters {tuple(params)}, expected {self.parameter_names}"
            raise ValueError(msg)
        for name, value in params.items():
            if not (type(value) is float and 0.0 < value < math.inf):
                msg = f"parameter {name} must be finite and > 0, got {value!r}"
                raise ValueError(msg)
        k = len(params)
        for name, shape in (("log_covariance_", (k, k)), ("hessian_eigenvalues_", None)):
            array = getattr(self, name)
            if not isinstance(array, np.ndarray) or array.dtype != np.float64:
                msg = f"{name} must be an array of float64"
                raise ValueError(msg)
            if shape is not None and array.shape != shape:
                msg = f"{name} has shape {array.shape}, expected {shape}"
                raise ValueError(msg)
        variances = np.diagonal(self.log_covariance_)
        if not (np.isnan(self.log_covariance_).all() or (variances >= 0.0).all()):
            msg = "log_covariance_ has a negative variance"
            raise ValueError(msg)
        if self.status_ not in STATUSES:
            msg = f"unknown status {self.status_!r}"
            raise ValueError(msg)
        for name in ("log_likelihood_", "gradient_norm_", "n_customers_"):
            if type(getattr(self, name)) is not float:
                msg = f"{name} must be a number"
                raise ValueError(msg)
        if type(self.n_iter_) is not int or self.n_iter_ < 0:
            msg = "n_iter_ must be a whole number"
            raise ValueError(msg)
