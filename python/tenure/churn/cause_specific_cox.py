"""Cause-specific Cox regression: what drives each reason to leave, and what they do together."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure._errors import ConvergenceWarning, InvalidInputError, NotConvergedError
from tenure._estimator import Estimator
from tenure._model_file import storable
from tenure._sklearn import as_weights
from tenure._validation import Floats, as_column, as_level, as_threads
from tenure.churn._cause_incidence import (
    CauseSummary,
    PredictedIncidence,
    Walked,
    draw,
    walk,
)
from tenure.churn._codes import as_causes
from tenure.churn._limits import incidence_limits
from tenure.churn._regression import clustered
from tenure.churn._times import z_of
from tenure.churn.cox import CoxPH


@storable("churn.CauseSpecificCox")
class CauseSpecificCox(Estimator):
    """One Cox regression for each cause of leaving, and the incidence that they make together.

    The hazard of each cause is its own baseline's times ``exp(x @ coef)``; who leaves for another
    cause is censored for it. A hazard ratio says what drives a cause while customers are there;
    the share that leaves for it in the end depends on all hazards, and `predict_incidence` works it
    out. For columns that move that share directly there is `FineGray`. Formulas:
    docs/methods/cause_specific_cox.md.

    Parameters
    ----------
    ties, penalty, robust, level, max_iter, tol, on_failure, n_threads
        As of `CoxPH`, for each cause.

    Attributes
    ----------
    causes_ : tuple
        Labels of the causes, ascending.
    models_ : dict of CoxPH
        The regression of each cause, with its residuals, tests and concordance.
    coef_, standard_errors_ : ndarray of float, shape (n_causes, n_features)
    covariance_ : ndarray of float, shape (n_causes * n_features, n_causes * n_features)
        Of all coefficients, cause by cause. Those of two causes are independent, but where errors
        are robust: a cluster may hold customers who leave for both.
    names_ : tuple of str
        The columns of X.
    converged_ : bool
        Whether the fits of all causes ended at an optimum.
    warnings_ : tuple of str
        What `fit` warned about.

    References
    ----------
    Prentice, R. L. et al. (1978), Biometrics 34:541-554. Cheng, S. C., Fine, J. P. and Wei, L. J.
    (1998), Biometrics 54:219-228. Andersen, P. K. et al. (1993). Statistical Models Based on
    Counting Processes. Springer, sec. VII.2.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> fee = rng.normal(size=800)
    >>> price, moved = rng.exponential(10 * np.exp(-0.7 * fee)), rng.exponential(15, 800)
    >>> months = np.minimum(np.minimum(price, moved), 12)
    >>> cause = np.where(months == 12, "", np.where(price < moved, "price", "moved"))
    >>> model = tn.churn.CauseSpecificCox().fit(fee[:, None], months, cause)
    >>> model.causes_, model.coef_.round(2).ravel().tolist()
    (('moved', 'price'), [0.07, 0.79])
    >>> model.predict_incidence([[-1.0], [1.0]], [6.0], "price").round(2).ravel().tolist()
    [0.2, 0.62]
    >>> model.predict_incidence([[-1.0], [1.0]], [6.0], "moved").round(2).ravel().tolist()
    [0.3, 0.22]
    """

    _fitted = ("causes_", "_models", "covariance_", "warnings_")

    causes_: tuple[Any, ...]
    _models: tuple[CoxPH, ...]
    covariance_: Floats
    warnings_: tuple[str, ...]

    def __init__(
        self,
        ties: str = "efron",
        *,
        penalty: str | None = None,
        robust: bool = False,
        level: float = 0.95,
        max_iter: int = 50,
        tol: float = 1e-8,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        self.ties = ties
        self.penalty = penalty
        self.robust = robust
        self.level = level
        self.max_iter = max_iter
        self.tol = tol
        self.on_failure = on_failure
        self.n_threads = n_threads

    def fit(
        self,
        X: Any,
        duration: npt.ArrayLike,
        cause: Any,
        entry: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
        strata: npt.ArrayLike | None = None,
        clusters: npt.ArrayLike | None = None,
        offset: npt.ArrayLike | None = None,
    ) -> Self:
        """Fit the regression of every cause.

        Parameters
        ----------
        X : array of shape (n_rows, n_features) or data frame
            Finite numbers.
        duration, entry, sample_weight, strata, clusters, offset
            As in `CoxPH.fit`.
        cause : array-like of int or str, shape (n_rows,)
            Why the customer left at `duration`. 0, None, NaN or an empty text: still a customer.

        Returns
        -------
        CauseSpecificCox
            self.

        Raises
        ------
        InvalidInputError
            As `CoxPH.fit`, naming the cause where the columns cannot tell its hazard.
        NotConvergedError
            With ``on_failure="raise"``, where the fit of a cause ended without an optimum.

        Warns
        -----
        ConvergenceWarning
            Where the fit of a cause ended without an optimum; it names the cause.
        """
        codes, labels = as_causes(cause)
        times = as_column(duration, np.float64, "duration")
        if len(codes) != len(times):
            msg = f"cause has {len(codes)} rows, but duration has {len(times)}"
            raise InvalidInputError(msg, argument="cause")
        weight = as_weights(sample_weight, len(codes))
        counted = codes if weight is None else codes[weight > 0.0]
        seen = np.bincount(counted, minlength=len(labels) + 1)
        for label, rows in zip(labels, seen[1:], strict=True):
            if rows == 0:
                msg = f"nobody of a positive weight left for the cause {label!r}"
                raise InvalidInputError(msg, argument="sample_weight")
        models, told = [], []
        for k, label in enumerate(labels, start=1):
            model = CoxPH(**self.get_params(deep=False))
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    model.fit(
                        X, times, codes == k, entry, weight, strata, clusters, offset
                    )  # fmt: skip
            except NotConvergedError as error:
                raise NotConvergedError(f"cause {label!r}: {error}") from None
            except InvalidInputError as error:
                # A bad cell is bad for every cause; columns may fail for one.
                if error.argument != "X" or error.row is not None:
                    raise
                msg = f"cause {label!r}: {error}"
                raise InvalidInputError(msg, argument="X") from None
            models.append(model)
            told += [f"cause {label!r}: {text}" for text in model.warnings_]
        self.causes_, self._models, self.warnings_ = labels, tuple(models), tuple(told)
        self.covariance_ = _joint(self._models, self.robust or clusters is not None)
        for text in told:
            warnings.warn(text, ConvergenceWarning, stacklevel=2)
        return self

    @property
    def models_(self) -> dict[Any, CoxPH]:
        """The regression of each cause."""
        self._require_fitted()
        return dict(zip(self.causes_, self._models, strict=True))

    @property
    def coef_(self) -> Floats:
        """Coefficients, one row a cause."""
        self._require_fitted()
        return np.stack([m.coef_ for m in self._models])

    @property
    def standard_errors_(self) -> Floats:
        """Of `coef_`, from `covariance_`."""
        self._require_fitted()
        return np.sqrt(np.diagonal(self.covariance_)).reshape(len(self.causes_), -1)

    @property
    def names_(self) -> tuple[str, ...]:
        """The names of the columns: those of the frame, or x0, x1, ..."""
        self._require_fitted()
        return self._models[0].names_

    @property
    def converged_(self) -> bool:
        """Whether the fits of all causes ended at an optimum."""
        self._require_fitted()
        return all(m.converged_ for m in self._models)

    def summary(self, level: float | None = None) -> CauseSummary:
        """Return the coefficients of all causes with errors, Wald's tests and limits.

        Parameters
        ----------
        level : float, optional
            Confidence level; the estimator's own by default.
        """
        self._require_fitted()
        parts = [m.summary(self.level if level is None else level) for m in self._models]
        columns = {
            name: np.concatenate([getattr(p, name) for p in parts])
            for name in CauseSummary._column_names[2:]
        }
        p = len(self.names_)
        churned = sum(m.n_churned_ for m in self._models)
        kind = "model" if self._models[0].robust_covariance_ is None else "robust"
        about = (
            f"Cox regressions of {len(parts)} causes, {self.ties} ties, {kind} errors: "
            f"{self._models[0].n_rows_:,} rows, {churned:,} left"
        )
        causes = tuple(cause for cause in self.causes_ for _ in range(p))
        return CauseSummary(cause=causes, name=self.names_ * len(parts), _about=about, **columns)

    def predict_incidence(
        self,
        X: Any,
        times: npt.ArrayLike,
        cause: Any = None,
        *,
        strata: npt.ArrayLike | None = None,
        after: npt.ArrayLike | None = None,
        interval: float | None = None,
        offset: npt.ArrayLike | None = None,
    ) -> Floats | PredictedIncidence:
        """Return the chance that each customer has left for each cause by each time.

        The chances of all causes and `predict_survival` add up to 1.

        Parameters
        ----------
        X : array of shape (n_customers, n_features) or data frame
        times : array-like of float, shape (n_times,)
            Tenure; with `after`, time from now on. >= 0.
        cause : label, optional
            One cause; all by default.
        strata : array-like, shape (n_customers,)
            The stratum of each customer, where the fit had strata.
        after : array-like of float, shape (n_customers,), optional
            Tenure that each customer has reached: chances are conditional on it.
        interval : float, optional
            Confidence level: return limits too, on the scale log(-log(1 - F)). Coefficients and
            baselines of all causes count.
        offset : array-like of float, shape (n_customers,), optional

        Returns
        -------
        ndarray of float, shape (n_customers, n_times) for one cause, else with a last axis of
            causes; or PredictedIncidence
            NaN beyond the last time observed in the stratum.
        """
        chosen = self._chosen(cause)
        level = None if interval is None else as_level(interval, "interval")
        found = self._walk(X, times, strata, after, offset, level is not None)
        value = found.incidence[:, :, chosen]
        if level is None:
            return value if cause is None else np.ascontiguousarray(value[:, :, 0])
        n, m, k = value.shape
        value = value.ravel()
        error = np.sqrt(found.variance[:, :, chosen]).ravel()
        lower, upper = incidence_limits(value, error, z_of(level), "log-log")
        labels = [self.causes_[c] for c in chosen]
        return PredictedIncidence(
            np.repeat(np.arange(n), m * k), np.tile(np.repeat(found.times, k), n),
            tuple(labels * (n * m)), value, error, lower, upper,
        )  # fmt: skip

    def predict_survival(
        self,
        X: Any,
        times: npt.ArrayLike,
        *,
        strata: npt.ArrayLike | None = None,
        after: npt.ArrayLike | None = None,
        offset: npt.ArrayLike | None = None,
    ) -> Floats:
        """Return the chance that no cause has come by each time.

        Parameters
        ----------
        X, times, strata, after, offset
            As in `predict_incidence`.

        Returns
        -------
        ndarray of float, shape (n_customers, n_times)
        """
        self._require_fitted()
        return self._walk(X, times, strata, after, offset, False).survival

    def plot(
        self,
        X: Any,
        cause: Any = None,
        ax: Any = None,
        *,
        labels: Any = None,
        strata: npt.ArrayLike | None = None,
        interval: float | None = None,
    ) -> Any:
        """Draw the predicted incidence over time; return the Axes.

        Parameters
        ----------
        X : array of shape (n_customers, n_features) or data frame
            One curve a row for one cause; without `cause`, one row, and a curve a cause.
        cause : label, optional
        ax : matplotlib.axes.Axes, optional
        labels : sequence of str, optional
            Of the rows of X.
        strata : array-like, optional
            As in `predict_incidence`.
        interval : float, optional
            Confidence level of bands.
        """
        chosen = self._chosen(cause)
        base = self._models[0].baseline_
        times = np.unique(
            np.concatenate([[0.0, *base.last_time], *(m.baseline_.time for m in self._models)])
        )
        found = self._walk(X, times, strata, None, None, interval is not None)
        rows = len(found.survival)
        if cause is None and rows != 1:
            msg = f"cause must be given where X has {rows} rows: one of {self.causes_}"
            raise InvalidInputError(msg, argument="cause")
        names = [str(c) for c in self.causes_] if cause is None else labels
        lines = [(i, k) for i in range(rows) for k in chosen]
        return draw(found, lines, names, cause, interval, ax)

    def _chosen(self, cause: Any) -> list[int]:
        self._require_fitted()
        if cause is None:
            return list(range(len(self.causes_)))
        if cause not in self.causes_:
            msg = f"cause must be one of {self.causes_}, got {cause!r}"
            raise InvalidInputError(msg, argument="cause", value=cause)
        return [self.causes_.index(cause)]

    def _walk(
        self, X: Any, times: Any, strata: Any, after: Any, offset: Any, spread: bool
    ) -> Walked:
        return walk(
            self._models, self.covariance_ if spread else None, X, times, strata, after, offset,
            as_threads(self.n_threads),
        )  # fmt: skip

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        models, causes = self._models, self.causes_
        good = (
            isinstance(models, tuple)
            and isinstance(causes, tuple)
            and len(models) == len(causes) > 0
            and all(isinstance(m, CoxPH) and m.__sklearn_is_fitted__() for m in models)
            and len({m.n_features_in_ for m in models}) == 1
            and len({m.baseline_.strata for m in models}) == 1
        )
        if not good:
            msg = "the model holds no regressions of causes"
            raise ValueError(msg)
        size = len(models) * models[0].n_features_in_
        v = self.covariance_
        if not (isinstance(v, np.ndarray) and v.shape == (size, size) and v.dtype == np.float64):
            msg = "covariance_ holds values that no fit has"
            raise ValueError(msg)


def _joint(models: tuple[CoxPH, ...], robust: bool) -> Floats:
    """Return the covariance of the coefficients of all causes."""
    if robust:
        # One row may be in the sandwich of each cause, and so may its cluster.
        moved = np.hstack([m.residuals("dfbeta") for m in models])
        return clustered(moved, models[0]._sample.clusters)
    p = models[0].n_features_in_
    out = np.zeros((len(models) * p,) * 2)
    for k, model in enumerate(models):
        out[k * p : (k + 1) * p, k * p : (k + 1) * p] = model.covariance_
    return out
