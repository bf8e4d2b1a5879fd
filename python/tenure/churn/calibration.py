"""Maps from what a model says to how often it happens: isotonic, Platt, temperature, beta."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._estimator import Estimator
from tenure._model_file import storable
from tenure._results import Table
from tenure._sklearn import as_weights
from tenure._validation import Floats, as_choice, as_flags
from tenure.churn._limits import level_and_z
from tenure.churn._probabilities import LEAST, as_probabilities, expit, fit_map, log_odds

METHODS = ("isotonic", "platt", "temperature", "beta")
_NAMES = {
    "platt": ("intercept", "slope"),
    "temperature": ("inverse temperature",),
    "beta": ("intercept", "a", "b"),
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CalibrationCoefficients(Table):
    """Coefficients of a calibration map with their limits.

    Attributes
    ----------
    name : tuple of str
    value, standard_error, lower, upper : float64 arrays
    method : str
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> p, y = [0.1, 0.2, 0.3, 0.6, 0.7, 0.9], [0, 1, 0, 0, 1, 1]
    >>> tn.churn.Calibrator("platt").fit(p, y).summary().name
    ('intercept', 'slope')
    """

    name: tuple[str, ...]
    value: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    method: str
    level: float

    _column_names = ("name", "value", "standard_error", "lower", "upper")

    def _title(self) -> str:
        return f"Calibration by {self.method}, limits at {self.level:.0%}"


@storable("churn.Calibrator")
class Calibrator(Estimator):
    """A map from a model's probabilities to calibrated ones.

    Fit it on customers whom the model has not learnt from: `ChurnModel` does that.

    Parameters
    ----------
    method : {"isotonic", "platt", "temperature", "beta"}, default "isotonic"
        With z the log odds of a probability p:

        - ``"isotonic"``: the best non-decreasing function of p, linear between the ends of its
          steps, constant beyond them, and kept within [1/(n+2), 1 - 1/(n+2)] for n rows, so that
          nobody is told to be certain.
        - ``"platt"``: log odds c + a z, fitted to Platt's targets (m+1)/(m+2) and 1/(k+2) for m
          churners and k others.
        - ``"temperature"``: log odds z / T.
        - ``"beta"``: log odds c + a log p - b log(1 - p) with a, b >= 0.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    coef_ : float64 array
        (c, a), (1 / T,) or (c, a, b); empty for ``"isotonic"``.
    covariance_ : float64 array of shape (k, k)
        Of `coef_`; 0 where a coefficient was held at its bound.
    knots_, values_ : float64 arrays
        Ends of the steps and their heights, for ``"isotonic"``; otherwise empty.
    converged_ : bool

    Raises
    ------
    InvalidInputError
        Names the row; also unless both classes are there.

    Warns
    -----
    ConvergenceWarning
        Where the best map is infinitely steep: no churner is below one who stays.

    Notes
    -----
    Isotonic: Zadrozny & Elkan (2002). Platt (1999) with the Newton of Lin, Lin & Weng (2007).
    Temperature: Guo, Pleiss, Sun & Weinberger (2017). Beta: Kull, Silva Filho & Flach (2017). Log
    odds are those of probabilities kept within [1e-6, 1 - 1e-6]. Formulas and tests:
    docs/methods/calibration.md.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> p = np.array([0.1, 0.2, 0.3, 0.6, 0.7, 0.9])
    >>> m = tn.churn.Calibrator().fit(p, [0, 0, 1, 0, 1, 1])
    >>> m.predict([0.45, 0.05]).round(3).tolist()
    [0.5, 0.125]
    """

    _fitted = ("coef_", "covariance_", "knots_", "values_", "converged_")

    coef_: Floats
    covariance_: Floats
    knots_: Floats
    values_: Floats
    converged_: bool

    def __init__(self, method: str = "isotonic", *, n_threads: int | None = None) -> None:
        self.method = method
        self.n_threads = n_threads

    def fit(self, probability: Any, churned: Any, sample_weight: Any = None) -> Self:
        """Learn the map.

        Parameters
        ----------
        probability : array of n floats in [0, 1]
        churned : array of n flags
        sample_weight : array of n floats, optional
            Finite and >= 0. A whole weight w counts as w equal rows.

        Returns
        -------
        self
        """
        method = as_choice(self.method, "method", METHODS)
        p = as_probabilities(probability)
        label = as_flags(churned, "churned").astype(np.float64)
        if len(label) != len(p):
            msg = f"probability has {len(p)} rows and churned has {len(label)}"
            raise InvalidInputError(msg, argument="probability")
        weight = as_weights(sample_weight, len(p))
        w = np.ones(len(p)) if weight is None else weight
        positives, total = float(np.sum(w * label)), float(np.sum(w))
        if not 0.0 < positives < total:
            what = "nobody" if positives == 0.0 else "everybody"
            msg = f"churned must hold both 0 and 1: {what} churned"
            raise InvalidInputError(msg, argument="churned")
        none = np.empty(0)
        coef, covariance, knots, values, converged = none, np.empty((0, 0)), none, none, True
        if method == "isotonic":
            knots, values = self._isotonic(p, label, weight, total)
        else:
            coef, covariance, converged = self._parametric(
                method, p, label, weight, positives, total
            )
        self.coef_, self.covariance_ = coef, covariance
        self.knots_, self.values_ = knots, values
        self.converged_ = converged
        if not converged:
            msg = (
                f"calibration by {method}: the classes do not overlap, so that the map is as steep "
                "as the search went; more rows, or 'isotonic', give one"
            )
            warnings.warn(msg, ConvergenceWarning, stacklevel=2)
        return self

    def _isotonic(
        self, p: Floats, label: Floats, weight: Floats | None, total: float
    ) -> tuple[Floats, Floats]:
        first, last, value, _ = _core.churn.isotonic(p, label, weight)
        kept = np.clip(value, 1.0 / (total + 2.0), 1.0 - 1.0 / (total + 2.0))
        knots = np.stack([first, last], axis=1).ravel()
        ends = np.diff(knots, prepend=-1.0) > 0.0  # a step of one score has one end
        return knots[ends], np.repeat(kept, 2)[ends]

    def _parametric(
        self,
        method: str,
        p: Floats,
        label: Floats,
        weight: Floats | None,
        positives: float,
        total: float,
    ) -> tuple[Floats, Floats, bool]:
        target = label
        if method == "platt":
            high = (positives + 1.0) / (positives + 2.0)
            target = np.where(label > 0.0, high, 1.0 / (total - positives + 2.0))
        columns = _columns(method, p)
        intercept = method != "temperature"
        free = np.ones(len(columns), dtype=bool)
        if not _vary(columns[0], weight, intercept):
            free[:] = False  # one score tells nobody apart: the rate of all, or no change
            if not intercept:
                return np.ones(1), np.zeros((1, 1)), True
        while True:
            kept = [c for c, f in zip(columns, free, strict=True) if f]
            found = fit_map(
                kept, target, weight=weight, intercept=intercept, n_threads=self.n_threads
            )
            slopes = found["coef"][1:] if intercept else found["coef"]
            if method != "beta" or not (slopes < 0.0).any():
                break
            # Kull et al. (2017), sect. 4: leave the column out whose coefficient would fall.
            free[np.flatnonzero(free)[np.argmin(slopes)]] = False
        place = np.flatnonzero(np.concatenate(([True], free)) if intercept else free)
        size = len(columns) + intercept
        coef, covariance = np.zeros(size), np.zeros((size, size))
        coef[place] = found["coef"]
        covariance[np.ix_(place, place)] = found["covariance"].reshape(len(place), len(place))
        return coef, covariance, found["status"] == "converged"

    def predict(self, probability: Any) -> Floats:
        """Return calibrated probabilities.

        Parameters
        ----------
        probability : array of n floats in [0, 1]

        Returns
        -------
        float64 array of n
        """
        self._require_fitted()
        p = as_probabilities(probability)
        if self.method == "isotonic":
            step: Floats = np.interp(p, self.knots_, self.values_)
            return step
        return expit(self._odds(p))

    def _odds(self, p: Floats) -> Floats:
        columns = _columns(self.method, p)
        shift = self.method != "temperature"
        odds = np.full(len(p), self.coef_[0] if shift else 0.0)
        for column, coef in zip(columns, self.coef_[int(shift) :], strict=True):
            odds += column * coef
        return odds

    def predict_interval(self, probability: Any, level: float = 0.95) -> tuple[Floats, Floats]:
        """Return limits of calibrated probabilities; for the maps with coefficients.

        Parameters
        ----------
        probability : array of n floats in [0, 1]
        level : float, default 0.95

        Returns
        -------
        lower, upper : float64 arrays of n
            On the log odds, by the delta method. They tell what the calibration rows leave open,
            not what the model does.
        """
        self._require_parametric("predict_interval")
        _, z = level_and_z(level)
        p = as_probabilities(probability)
        columns = _columns(self.method, p)
        if self.method != "temperature":
            columns = [np.ones(len(p)), *columns]
        variance = np.zeros(len(p))
        for i, a in enumerate(columns):
            for j, b in enumerate(columns):
                variance += self.covariance_[i, j] * a * b
        error = np.sqrt(np.maximum(variance, 0.0))
        odds = self._odds(p)
        return expit(odds - z * error), expit(odds + z * error)

    def summary(self, level: float = 0.95) -> CalibrationCoefficients:
        """Return the coefficients with limits; for the maps that have some.

        Parameters
        ----------
        level : float, default 0.95

        Returns
        -------
        CalibrationCoefficients
        """
        self._require_parametric("summary")
        checked, z = level_and_z(level)
        error = np.sqrt(np.diagonal(self.covariance_))
        return CalibrationCoefficients(
            _NAMES[self.method],
            self.coef_,
            error,
            self.coef_ - z * error,
            self.coef_ + z * error,
            self.method,
            checked,
        )

    def _require_parametric(self, what: str) -> None:
        self._require_fitted()
        if self.method == "isotonic":
            msg = f"{what} needs a map with coefficients: 'platt', 'temperature' or 'beta'"
            raise InvalidInputError(msg, argument="method", value=self.method)

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        as_choice(self.method, "method", METHODS)
        size = len(_NAMES.get(self.method, ()))
        shapes = {"coef_": (size,), "covariance_": (size, size), "knots_": (-1,), "values_": (-1,)}
        for name, shape in shapes.items():
            value = getattr(self, name)
            known = isinstance(value, np.ndarray) and value.dtype == np.float64
            if not known or len(value.shape) != len(shape) or not np.isfinite(value).all():
                msg = f"{name} must be finite numbers"
                raise ValueError(msg)
            if shape != (-1,) and value.shape != shape:
                msg = f"{name} of shape {value.shape}"
                raise ValueError(msg)
        knots, values = self.knots_, self.values_
        if (
            len(knots) != len(values)
            or (len(knots) > 0) != (self.method == "isotonic")
            or (np.diff(knots) <= 0.0).any()
            or (np.diff(values) < 0.0).any()
            or not ((values >= 0.0) & (values <= 1.0)).all()
        ):
            msg = "knots_ and values_ must be steps that ascend"
            raise ValueError(msg)
        if type(self.converged_) is not bool:
            msg = "converged_ must be a truth value"
            raise ValueError(msg)


def _columns(method: str, p: Floats) -> list[Floats]:
    """What the log odds of the calibrated probability are linear in."""
    if method != "beta":
        return [log_odds(p)]
    kept = np.clip(p, LEAST, 1.0 - LEAST)
    return [np.log(kept), -np.log1p(-kept)]


def _vary(column: Floats, weight: Floats | None, intercept: bool) -> bool:
    seen = column if weight is None else column[weight > 0.0]
    if intercept:
        return bool(np.ptp(seen) > 1e-9 * (1.0 + math.fabs(float(seen[0]))))
    return bool(np.any(seen != 0.0))
