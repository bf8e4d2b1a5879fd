"""What fitted latent classes say: posteriors of rows, tables with limits, files."""

from __future__ import annotations

import statistics
import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import DataWarning, InvalidInputError
from tenure._sklearn import FeatureEstimator, as_weights
from tenure._validation import Floats, as_level, as_threads
from tenure.segment._class_covariates import as_covariates
from tenure.segment._class_tables import ClassAnswers, ClassCoefficients, ClassShares
from tenure.segment._mixed import Levels, as_columns, describe_unseen, encoded_as, level_name


class ClassPredictions(FeatureEstimator):
    """Latent classes once they are fitted."""

    _fitted = (
        "class_shares_",
        "class_share_errors_",
        "answer_probabilities_",
        "answer_errors_",
        "answer_boundary_",
        "categories_",
        "coefficients_",
        "coefficient_covariance_",
        "covariate_names_",
        "labels_",
        "log_likelihood_",
        "aic_",
        "bic_",
        "entropy_",
        "deviance_",
        "degrees_of_freedom_",
        "n_parameters_",
        "n_patterns_",
        "n_iter_",
        "best_starts_",
        "log_likelihoods_",
        "identified_",
        "converged_",
        "warnings_",
        "n_features_in_",
    )
    _weighted = ("fit", "score")

    unseen: str
    n_threads: int | None

    class_shares_: Floats
    class_share_errors_: Floats
    answer_probabilities_: tuple[Floats, ...]
    answer_errors_: tuple[Floats, ...]
    answer_boundary_: tuple[npt.NDArray[np.uint8], ...]
    categories_: tuple[Levels, ...]
    coefficients_: Floats
    coefficient_covariance_: Floats
    covariate_names_: tuple[str, ...]
    labels_: npt.NDArray[np.int32]
    log_likelihood_: float
    aic_: float
    bic_: float
    entropy_: float
    deviance_: float
    degrees_of_freedom_: int
    n_parameters_: int
    n_patterns_: int
    n_iter_: int
    best_starts_: int
    log_likelihoods_: Floats
    identified_: bool
    converged_: bool
    warnings_: tuple[str, ...]

    # --- rows ---------------------------------------------------------------------------------

    def _posterior(
        self, X: Any, sample_weight: Any, covariates: Any
    ) -> tuple[Floats, float, Floats]:
        self._require_fitted()
        columns = as_columns(X)
        fitted = getattr(self, "feature_names_in_", None)
        if len(columns.values) != self.n_features_in_ or (
            fitted is not None and columns.names not in (None, tuple(fitted.tolist()))
        ):
            msg = f"X must have the {self.n_features_in_} columns of the fit, in their order"
            raise InvalidInputError(msg, argument="X")
        codes, unseen = encoded_as(columns, range(len(columns.values)), self.categories_)
        unseen = [cell for cell in unseen if cell[2] is not None]
        if unseen and self.unseen != "ignore":
            told = describe_unseen(columns, unseen)
            if self.unseen == "error":
                raise InvalidInputError(told, argument="X", row=unseen[0][1], value=unseen[0][2])
            warnings.warn(f"{told}; they count as missing", DataWarning, stacklevel=3)
        design = np.ones((columns.rows, 1))
        if (covariates is None) != (len(self.covariate_names_) == 1):
            said = "were" if covariates is None else "were not"
            msg = f"covariates {said} given to fit"
            raise InvalidInputError(msg, argument="covariates")
        if covariates is not None:
            table = as_covariates(covariates, columns.rows)[0]
            if table.shape[1] != len(self.covariate_names_) - 1:
                msg = f"covariates must have {len(self.covariate_names_) - 1} columns, as in fit"
                raise InvalidInputError(msg, argument="covariates")
            design = np.hstack([design, table])
        weight = as_weights(sample_weight, columns.rows)
        weight = np.ones(columns.rows) if weight is None else weight
        answer = np.ascontiguousarray(np.hstack(self.answer_probabilities_)).ravel()
        flat, log_likelihood = _core.segment.class_posterior(
            codes,
            [len(level) for level in self.categories_],
            weight,
            np.ascontiguousarray(design),
            np.ascontiguousarray(self.coefficients_).ravel(),
            answer,
            as_threads(self.n_threads),
        )
        return flat.reshape(columns.rows, -1), log_likelihood, weight

    def predict_proba(self, X: Any, *, covariates: Any = None) -> Floats:
        """Return P(class | answers) of each row, shape (rows, n_classes).

        A row of answers that no class gives, by the fit, has the shares before any answer.
        """
        return self._posterior(X, None, covariates)[0]

    def predict(self, X: Any, *, covariates: Any = None) -> npt.NDArray[np.int32]:
        """Return the likeliest class of each row; of equally likely ones the first."""
        likeliest: npt.NDArray[np.int32]
        likeliest = self._posterior(X, None, covariates)[0].argmax(axis=1).astype(np.int32)
        return likeliest

    def score(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, covariates: Any = None
    ) -> float:
        """Return the mean log-likelihood of the rows of X: higher is better."""
        del y
        _, log_likelihood, weight = self._posterior(X, sample_weight, covariates)
        return log_likelihood / float(weight.sum())

    # --- tables -------------------------------------------------------------------------------

    def shares(self, level: float = 0.95) -> ClassShares:
        """Return the share of each class with limits."""
        self._require_fitted()
        p, se = self.class_shares_, self.class_share_errors_
        with np.errstate(divide="ignore", invalid="ignore"):
            lower, upper = _logit_limits(p, se / (p * (1.0 - p)), level)
        return ClassShares(np.arange(len(p), dtype=np.int64), p, se, lower, upper)

    def answers(self, level: float = 0.95) -> ClassAnswers:
        """Return the probability of each answer in each class, with limits."""
        self._require_fitted()
        classes = len(self.class_shares_)
        p = np.hstack(self.answer_probabilities_).ravel()
        se = np.hstack(self.answer_errors_).ravel()
        lower, upper = _logit_limits(p, se, level)
        names = getattr(self, "feature_names_in_", None)
        names = [f"x{j}" for j in range(self.n_features_in_)] if names is None else names
        rows = [
            (str(n), level_name(v))
            for n, known in zip(names, self.categories_, strict=True)
            for v in known
        ] * classes
        return ClassAnswers(
            np.repeat(np.arange(classes, dtype=np.int64), len(rows) // classes),
            tuple(r[0] for r in rows),
            tuple(r[1] for r in rows),
            p,
            se,
            lower,
            upper,
            np.hstack(self.answer_boundary_).ravel().astype(bool),
        )

    def coefficients(self, level: float = 0.95) -> ClassCoefficients:
        """Return the coefficients of the covariates with limits."""
        self._require_fitted()
        classes, terms = self.coefficients_.shape
        z = _normal(level)
        se = np.sqrt(np.diag(self.coefficient_covariance_))
        coef = self.coefficients_.ravel()
        return ClassCoefficients(
            np.repeat(np.arange(1, classes + 1, dtype=np.int64), terms),
            self.covariate_names_ * classes,
            coef,
            se,
            coef - z * se,
            coef + z * se,
        )

    def set_fit_request(self, *, sample_weight: bool | str | None) -> Self:
        """Say whether meta-estimators of scikit-learn pass `sample_weight` on to `fit`."""
        return self._ask("fit", sample_weight)

    def set_score_request(self, *, sample_weight: bool | str | None) -> Self:
        """Say whether meta-estimators of scikit-learn pass `sample_weight` on to `score`."""
        return self._ask("score", sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        share, answers, levels = self.class_shares_, self.answer_probabilities_, self.categories_
        classes, terms = len(share), len(self.covariate_names_)
        whole = (
            share.ndim == 1
            and classes > 0
            and isinstance(answers, tuple)
            and isinstance(levels, tuple)
            and len(answers) == len(levels) == self.n_features_in_
            and all(
                a.dtype == np.float64
                and a.shape == (classes, len(known))
                and ((a >= 0) & (a <= 1)).all()
                for a, known in zip(answers, levels, strict=True)
            )
            and self.coefficients_.shape == (classes - 1, terms)
            and self.coefficients_.dtype == np.float64
            and np.isfinite(self.coefficients_).all()
            and self.coefficient_covariance_.shape == (self.coefficients_.size,) * 2
            and self.labels_.dtype == np.int32
            and all(
                isinstance(part, tuple) and [a.shape for a in part] == [a.shape for a in answers]
                for part in (self.answer_errors_, self.answer_boundary_)
            )
        )
        if not whole:
            msg = "shares, answers, categories and coefficients must fit together"
            raise ValueError(msg)


def _normal(level: float) -> float:
    return -statistics.NormalDist().inv_cdf(0.5 * (1.0 - as_level(level)))


def _logit_limits(p: Floats, se: Floats, level: float) -> tuple[Floats, Floats]:
    """Normal limits of the log-odds, as probabilities; NaN where the error is."""
    z = _normal(level)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        odds = p / (1.0 - p)
        low, high = odds * np.exp(-z * se), odds * np.exp(z * se)
        return low / (1.0 + low), 1.0 - 1.0 / (1.0 + high)
