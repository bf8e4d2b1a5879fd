"""Customers of whom some never leave: how many stay for good, and when the other ones go."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._model_file import storable
from tenure._validation import Floats, as_choice, as_count, as_level, as_number, as_threads
from tenure.churn._cure_data import CureData
from tenure.churn._cure_edge import NOBODY_STAYS, CureTest, nobody_stays_test, profile_of_share
from tenure.churn._cure_predict import CurePredictions
from tenure.churn._limits import logit_limits
from tenure.churn._measured import Measured
from tenure.churn._regression import CoefficientTable, coefficient_table
from tenure.churn._times import z_of

_LAWS = ("weibull", "exponential", "log_normal", "log_logistic")


@storable("churn.CureModel")
class CureModel(CurePredictions):
    """Mixture of customers who never leave and lifetimes of those who do.

    P(T > t) = 1 - p + p S(t), with logit p = incidence and log T = latency + scale W for those who
    leave. Formulas: docs/methods/cure.md.

    A share that stays for good can only be told from long lives where customers were seen well
    beyond the last churn: look at the plateau of `KaplanMeier` and at `follow_up_test`.

    Parameters
    ----------
    distribution : {"weibull", "exponential", "log_normal", "log_logistic"}
        The law of T among those who leave.
    incidence : sequence of str, optional
        Columns of X that tell who leaves at all; default: all, ``()``: none.
    latency : sequence of str, optional
        Columns of X that stretch the lives of those who leave; default: all, ``()``: none.
    level : float
        Confidence level, between 0 and 1.
    max_iterations : int
    tolerance : float
        Of the gradient a customer.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    incidence_intercept_ : float
        Logit of the chance to leave one day, all columns 0. Infinite where nobody stays for good.
    incidence_coef_ : ndarray of float
        By `incidence_terms_`: exp is the factor on the odds to leave one day.
    latency_intercept_ : float
    latency_coef_ : ndarray of float
        By `latency_terms_`: exp is the factor on the lives of those who leave.
    scale_ : float
        Of W; 1 in "exponential". Weibull's shape is 1 / scale.
    covariance_ : ndarray of float
        Of `terms_`, in their order; NaN for the incidence where nobody stays for good.
    terms_, incidence_terms_, latency_terms_, feature_names_in_ : tuple of str
    cure_share_ : Measured
        Mean chance to stay for good, over the customers of the fit.
    log_likelihood_ : float
    status_ : {"converged", "max_iterations", "stalled", "boundary"}
        "boundary": nobody stays for good, and the lifetimes are those of `AFT`.
    n_iter_, gradient_norm_, n_customers_

    References
    ----------
    Farewell, V. T. (1982), Biometrics 38:1041-1046. Maller, R. A. and Zhou, X. (1996), Survival
    Analysis with Long-Term Survivors, Wiley.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(1)
    >>> leaves = rng.random(4000) < 0.6
    >>> months = np.where(leaves, 10 * rng.weibull(1.5, 4000), np.inf)
    >>> seen = rng.uniform(20, 60, 4000)
    >>> model = tn.churn.CureModel().fit(None, np.minimum(months, seen), months <= seen)
    >>> round(model.cure_share_.value, 2), round(model.cure_share_.lower, 2)
    (0.39, 0.38)
    >>> model.predict_stays(None, tenure=[0.0, 12.0, 36.0]).round(2).tolist()
    [0.39, 0.69, 1.0]
    """

    covariance_: Floats
    terms_: tuple[str, ...]
    incidence_terms_: tuple[str, ...]
    latency_terms_: tuple[str, ...]
    log_likelihood_: float
    status_: str
    n_iter_: int
    gradient_norm_: float
    n_customers_: int
    _fitted = (
        "incidence_intercept_", "incidence_coef_", "latency_intercept_", "latency_coef_", "scale_",
        "covariance_", "terms_", "incidence_terms_", "latency_terms_", "feature_names_in_",
        "_share", "log_likelihood_", "status_", "n_iter_", "gradient_norm_", "n_customers_",
    )  # fmt: skip
    _share: tuple[float, float]

    def __init__(
        self,
        distribution: str = "weibull",
        *,
        incidence: Sequence[str] | None = None,
        latency: Sequence[str] | None = None,
        level: float = 0.95,
        max_iterations: int = 200,
        tolerance: float = 1e-9,
        n_threads: int | None = None,
    ) -> None:
        self.distribution = distribution
        self.incidence = incidence
        self.latency = latency
        self.level = level
        self.max_iterations = max_iterations
        self.tolerance = tolerance
        self.n_threads = n_threads

    def fit(
        self,
        X: Any,
        duration: npt.ArrayLike,
        churned: npt.ArrayLike,
        entry: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Fit by maximum likelihood.

        Parameters
        ----------
        X : table of shape (n_customers, n_features), or None
            What tells customers apart: numbers, finite. None: nothing does.
        duration : array-like of float, shape (n_customers,)
            Tenure at exit or when last seen; finite, >= 0, > 0 where churn was seen.
        churned : array-like of bool or 0/1, shape (n_customers,)
            Whether churn was seen at `duration`; of at least one customer.
        entry : array-like of float, shape (n_customers,), optional
            Tenure at which observation began (left truncation).
        sample_weight : array-like of float, shape (n_customers,), optional
            >= 0, not all 0; a whole weight is the same as so many equal rows.

        Returns
        -------
        CureModel
            self.

        Raises
        ------
        InvalidInputError
            For a bad cell, naming argument and row; for columns that determine each other.

        Warns
        -----
        ConvergenceWarning
            If `status_` is not "converged".
        """
        data = CureData(self, X, duration, churned, entry, sample_weight)
        raw = data.fit()
        self.feature_names_in_ = data.names
        self.incidence_terms_, self.latency_terms_ = data.incidence_terms, data.latency_terms
        self.terms_ = self._terms()
        self.status_, self.n_iter_ = raw["status"], raw["iterations"]
        self.gradient_norm_, self.n_customers_ = raw["gradient_norm"], data.duration.size
        self.log_likelihood_, self.covariance_ = raw["log_likelihood"], raw["covariance"]
        intercept = float(raw["incidence"][0])
        if self.status_ == "boundary" and intercept > NOBODY_STAYS:
            raw = data.without_stayers()
            self.log_likelihood_ = raw["log_likelihood"]
            self.covariance_ = np.full((len(self.terms_),) * 2, math.nan)
            first = 1 + len(self.incidence_terms_)
            self.covariance_[first:, first:] = raw["covariance"]
            raw["incidence"] = np.array([math.inf, *[0.0] * len(self.incidence_terms_)])
        self.incidence_intercept_ = float(raw["incidence"][0])
        self.incidence_coef_ = raw["incidence"][1:].copy()
        self.latency_intercept_ = float(raw["latency"][0])
        self.latency_coef_ = raw["latency"][1:].copy()
        self.scale_ = math.exp(raw["log_scale"])
        self._share = self._mean_share(data)
        if not self.converged_:
            what = (
                "nobody seems to stay for good, the lifetimes alone explain the data"
                if math.isinf(self.incidence_intercept_)
                else f"{self.status_} after {self.n_iter_} evaluations"
            )
            msg = f"CureModel did not converge: {what}"
            warnings.warn(msg, ConvergenceWarning, stacklevel=2)
        return self

    @property
    def converged_(self) -> bool:
        """Whether the fit ended at an optimum inside of what is possible."""
        self._require_fitted()
        return self.status_ == "converged"

    @property
    def cure_share_(self) -> Measured:
        """Mean chance to stay for good, with limits on the log odds; (0, 0) at the boundary."""
        self._require_fitted()
        level = as_level(self.level)
        value, error = self._share
        lower = upper = value
        if 0.0 < value < 1.0:
            lower, upper = logit_limits(value, error, z_of(level))
        return Measured(value, error, lower, upper, level, "Share that stays for good")

    @property
    def aic_(self) -> float:
        """Akaike's criterion, 2 k - 2 log likelihood."""
        self._require_fitted()
        return 2.0 * len(self.terms_) - 2.0 * self.log_likelihood_

    @property
    def standard_errors_(self) -> Floats:
        """Of `terms_`, in their order."""
        self._require_fitted()
        return np.sqrt(np.diag(self.covariance_))

    def summary(self) -> CoefficientTable:
        """Return estimates with standard errors, Wald's tests and limits, one row a term."""
        self._require_fitted()
        return coefficient_table(
            list(self.terms_), self._values(), self.covariance_, as_level(self.level)
        )

    def test_cure(
        self,
        X: Any,
        duration: npt.ArrayLike,
        churned: npt.ArrayLike,
        entry: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> CureTest:
        """Test whether anybody stays for good; the data are those of `fit`.

        Without columns in the incidence, whose coefficients would have no meaning if nobody does;
        the columns of the latency are those of the model.

        Returns
        -------
        CureTest
        """
        return nobody_stays_test(CureData(self, X, duration, churned, entry, sample_weight))

    def profile_cure_share(
        self,
        X: Any,
        duration: npt.ArrayLike,
        churned: npt.ArrayLike,
        entry: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> tuple[float, float]:
        """Return the limits of the share that stays for good at which the likelihood has fallen.

        Better than those of `cure_share_` where the share is small or badly known: the lower limit
        is 0 where the data do not refute that all leave. Needs a model without columns in the
        incidence; a dozen fits to the data of `fit`.

        Returns
        -------
        lower, upper : float
        """
        self._require_fitted()
        if self.incidence_terms_:
            msg = "a profile of the share needs a model with incidence=()"
            raise InvalidInputError(msg, argument="incidence")
        data = CureData(self, X, duration, churned, entry, sample_weight)
        error = float(self.standard_errors_[0])
        return profile_of_share(
            data, self.incidence_intercept_, error, self.log_likelihood_, as_level(self.level)
        )

    def _mean_share(self, data: CureData) -> tuple[float, float]:
        """The weighted mean chance to stay for good and its standard error."""
        if math.isinf(self.incidence_intercept_):
            return 0.0, math.nan
        design = np.column_stack([np.ones(data.duration.size), data.incidence])
        logit = np.einsum("ij,j->i", design, [self.incidence_intercept_, *self.incidence_coef_])
        stays = 0.5 * (1.0 - np.tanh(0.5 * logit))
        weight = np.ones(stays.size) if data.weight is None else data.weight
        weight = weight / weight.sum()
        slope = -np.einsum("i,ij->j", weight * stays * (1.0 - stays), design)
        covariance = self.covariance_[: slope.size, : slope.size]
        value = float(np.sum(weight * stays))
        # Of the coefficients, and of which customers the mean is over.
        among = float(np.sum((weight * (stays - value)) ** 2))
        return value, math.sqrt(float(slope @ covariance @ slope) + among)

    def _values(self) -> Floats:
        values = [self.incidence_intercept_, *self.incidence_coef_]
        values += [self.latency_intercept_, *self.latency_coef_]
        if self.distribution != "exponential":
            values.append(math.log(self.scale_))
        return np.array(values)

    def _terms(self) -> tuple[str, ...]:
        terms = [
            f"{part}: {name}"
            for part, names in (
                ("incidence", self.incidence_terms_),
                ("latency", self.latency_terms_),
            )
            for name in ("Intercept", *names)
        ]
        if self.distribution != "exponential":
            terms.append("log(scale)")
        return tuple(terms)

    def _settings(self) -> tuple[str, int, float, int]:
        as_level(self.level)
        return (
            as_choice(self.distribution, "distribution", _LAWS),
            as_count(self.max_iterations, "max_iterations", at_least=1),
            as_number(self.tolerance, "tolerance", above=0.0, at_most=1e-6),
            as_threads(self.n_threads),
        )

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._settings()
        names = self.feature_names_in_
        numbers = [self.latency_intercept_, self.scale_, self.log_likelihood_, self.gradient_norm_]
        good = (
            all(isinstance(n, str) for n in names)
            and set(self.incidence_terms_) | set(self.latency_terms_) <= set(names)
            and self.terms_ == self._terms()
            and all(isinstance(v, float) and math.isfinite(v) for v in numbers)
            and isinstance(self.incidence_intercept_, float)
            and self.incidence_intercept_ > -math.inf
            and self.scale_ > 0.0
            and all(
                isinstance(coef, np.ndarray)
                and coef.shape == (len(terms),)
                and bool(np.isfinite(coef).all())
                for coef, terms in (
                    (self.incidence_coef_, self.incidence_terms_),
                    (self.latency_coef_, self.latency_terms_),
                )
            )
            and isinstance(self.covariance_, np.ndarray)
            and self.covariance_.shape == (len(self.terms_),) * 2
            and len(self._share) == 2
            and 0.0 <= self._share[0] <= 1.0
        )
        if not good:
            msg = "the model holds values that no fit has"
            raise ValueError(msg)
