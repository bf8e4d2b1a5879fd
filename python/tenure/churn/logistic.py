"""Logistic regression: who churns, with the standard errors and tests of a statistician."""

from __future__ import annotations

import math
import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError, NotConvergedError
from tenure._matrix import as_matrix
from tenure._model_file import storable
from tenure._validation import Floats, as_choice, as_count, as_level, as_number, as_threads
from tenure.churn._cox_restore import require_shapes
from tenure.churn._cox_sample import column_names
from tenure.churn._groups import as_groups
from tenure.churn._logistic_inference import LogisticInference
from tenure.churn._logistic_sample import (
    LogisticSample,
    as_sample,
    require_varying,
    unidentified,
)

_STATUSES = (
    "converged", "max_iterations", "stalled", "complete_separation", "quasi_separation",
)  # fmt: skip


@storable("churn.LogisticRegression")
class LogisticRegression(LogisticInference):
    """Logistic regression by maximum likelihood, or with a penalty.

    The log-odds of the second of two classes are ``intercept + x @ coef + offset``. Without a
    penalty it is R's ``glm(family = binomial)``: maximum likelihood, standard errors, tests, and a
    proof where no finite estimate exists. Estimators of scikit-learn's kind may take its place.
    Formulas, numerics and cost: docs/methods/logistic.md.

    Parameters
    ----------
    penalty : {None, "l2", "elasticnet", "firth"}
        None: maximum likelihood. ``"firth"``: half the log-determinant of the information is added,
        which takes the bias of order 1/n away and leaves finite coefficients under separation.
        ``"l2"`` and ``"elasticnet"`` need `strength`.
    strength : float, optional
        lambda of ``-log_likelihood / W + strength * sum(l1_ratio * |b| + (1 - l1_ratio) / 2 *
        b**2)``, W the weight of all rows, `l1_ratio` 0 for ``"l2"``: glmnet's lambda, and
        ``1 / (W * C)`` for scikit-learn's C. The intercept is not penalised. Several strengths and
        their cross-validation: `LogisticNet`.
    l1_ratio : float
        Share of the absolute value in the elastic net, from 0 to 1.
    standardize : bool
        Penalise coefficients of columns scaled to a standard deviation of 1 (glmnet's default; not
        scikit-learn's). Coefficients are told for the columns as they are.
    fit_intercept : bool
    robust : bool
        Standard errors from the scores (sandwich, HC0), each row a cluster. Implied by `clusters`.
        Without a penalty only.
    level : float
        Confidence level of tables.
    max_iter : int
        Newton steps at most; for the elastic net, ten evaluations each.
    tol : float
        A fit has converged when no coefficient moves by more than `tol` standard deviations of its
        column.
    on_failure : {"warn", "raise"}
        What to do when a fit ends without an optimum.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        In ascending order; probabilities and odds are those of the second.
    coef_ : ndarray of float, shape (1, n_features)
    intercept_ : ndarray of float, shape (1,)
    terms_ : tuple of str
        Intercept, if any, and columns: the order of what follows.
    standard_errors_ : ndarray of float, shape (n_terms,), or None
        Robust ones where asked for, else from the information. None with ``"l2"`` and
        ``"elasticnet"``, whose estimates are biased on purpose, and without a finite estimate.
    covariance_, robust_covariance_ : ndarray of float, shape (n_terms, n_terms), or None
        Inverse of the information; sandwich, by clusters times G / (G - 1) for G of them.
    log_likelihood_, null_log_likelihood_ : float
        Without the penalty; of the intercept and the offset alone.
    deviance_, null_deviance_, aic_, bic_, pseudo_r2_ : float
        -2 log-likelihood; criteria with n_terms parameters and W rows; McFadden's
        1 - log_likelihood / null_log_likelihood.
    converged_ : bool
    status_ : str
        converged, max_iterations, stalled, complete_separation or quasi_separation: the last two
        are proved, and no finite maximum likelihood estimate exists.
    separation_ : dict of str to float, or None
        Under separation: the terms whose coefficients run away, by direction. In standard
        deviations of the columns, the largest 1.
    n_separated_ : int
        Rows that the direction tells apart.
    n_iter_ : int
    gradient_norm_ : float
        Largest score of a standardised column over W.
    n_rows_ : int
    warnings_ : tuple of str
    n_features_in_, feature_names_in_
        As in scikit-learn.

    References
    ----------
    McCullagh, P. and Nelder, J. A. (1989). Generalized Linear Models, 2nd ed. Albert, A. and
    Anderson, J. A. (1984), Biometrika 71:1-10. Firth, D. (1993), Biometrika 80:27-38. Heinze, G.
    and Schemper, M. (2002), Statistics in Medicine 21:2409-2419.

    Examples
    --------
    >>> import tenure as tn
    >>> complaints = [[0], [0], [1], [1], [2], [2], [3], [0], [1], [3]]
    >>> left = [0, 0, 0, 1, 0, 1, 1, 0, 0, 1]
    >>> model = tn.churn.LogisticRegression().fit(complaints, left)
    >>> model.coef_.round(3).tolist(), model.standard_errors_.round(3).tolist()
    ([[2.004]], [1.959, 1.169])
    >>> model.predict_proba([[0], [3]])[:, 1].round(3).tolist()
    [0.037, 0.939]
    """

    _fitted = (
        "classes_", "coef_", "intercept_", "covariance_", "robust_covariance_",
        "_centred_covariance", "standard_errors_", "means_", "log_likelihood_",
        "null_log_likelihood_", "_penalised", "converged_", "status_", "_direction",
        "n_separated_", "n_iter_", "gradient_norm_", "n_rows_", "_total_weight", "warnings_",
        "n_features_in_",
    )  # fmt: skip

    def __init__(
        self,
        penalty: str | None = None,
        *,
        strength: float | None = None,
        l1_ratio: float = 0.5,
        standardize: bool = False,
        fit_intercept: bool = True,
        robust: bool = False,
        level: float = 0.95,
        max_iter: int = 100,
        tol: float = 1e-8,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        self.penalty = penalty
        self.strength = strength
        self.l1_ratio = l1_ratio
        self.standardize = standardize
        self.fit_intercept = fit_intercept
        self.robust = robust
        self.level = level
        self.max_iter = max_iter
        self.tol = tol
        self.on_failure = on_failure
        self.n_threads = n_threads

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: npt.ArrayLike | None = None,
        *,
        offset: npt.ArrayLike | None = None,
        clusters: npt.ArrayLike | None = None,
    ) -> Self:
        """Estimate the coefficients.

        Parameters
        ----------
        X : array of shape (n_rows, n_features) or data frame
            Finite numbers. Profile intervals and tests read it again: leave it as it is.
        y : array-like of labels, shape (n_rows,)
            Two kinds: numbers, texts or booleans.
        sample_weight : array-like of float, shape (n_rows,), optional
            >= 0, not all 0. A weight of 2 is the row twice.
        offset : array-like of float, shape (n_rows,), optional
            Added to the log-odds, with no coefficient.
        clusters : array-like, shape (n_rows,), optional
            Rows of one cluster (a customer, a household) may depend on one another: robust
            standard errors.

        Returns
        -------
        LogisticRegression
            self.

        Raises
        ------
        InvalidInputError
            For a bad cell, naming argument, row and column; for one class only; without a penalty,
            where a column is constant, columns depend on one another, or are more than the rows.
        NotConvergedError
            With ``on_failure="raise"``, where the fit ended without an optimum.

        Warns
        -----
        ConvergenceWarning
            Where the fit ended without an optimum, and where a combination of columns separates the
            classes: the coefficients are those at which that was found out.
        """
        self._settings(clusters is not None)
        threads = as_threads(self.n_threads)
        matrix, frame_names = as_matrix(X)
        names = column_names(frame_names, matrix.shape[1])
        intercept = self.fit_intercept
        sample = as_sample(matrix, frame_names, y, sample_weight, offset, intercept, threads)
        if self.penalty in (None, "firth"):
            require_varying(sample.data, names, intercept)
        codes, groups = None, len(matrix)
        if clusters is not None:
            codes, labels = as_groups(clusters, len(matrix), "clusters")
            groups = len(labels)
            if groups < 2:
                msg = "clusters must be at least two: one tells no spread"
                raise InvalidInputError(msg, argument="clusters")
        found = self._solve(sample, threads)
        if found["status"] == "unidentified":
            terms = sample.data.terms
            raise unidentified(found["unidentified"].reshape(terms, terms), names, intercept)
        self._take(found, sample, threads)
        if self.converged_ and (self.robust or codes is not None):
            self._take_robust(found["beta"], codes, groups, threads)
        self._remember(matrix, frame_names)
        self._complain(names)
        return self

    def _settings(self, clustered: bool) -> None:
        as_choice(self.penalty, "penalty", (None, "l2", "elasticnet", "firth"))
        as_choice(self.on_failure, "on_failure", ("warn", "raise"))
        for name in ("standardize", "fit_intercept", "robust"):
            as_choice(getattr(self, name), name, (False, True))
        as_level(self.level)
        as_number(self.l1_ratio, "l1_ratio", at_least=0.0, at_most=1.0)
        as_count(self.max_iter, "max_iter", at_least=1)
        as_number(self.tol, "tol", above=0.0, at_most=1e-2)
        if self.penalty in ("l2", "elasticnet"):
            if self.strength is None:
                msg = (
                    f"penalty={self.penalty!r} needs a strength: lambda, which is 1 / (n_rows * C) "
                    "for scikit-learn's C; LogisticNet chooses one by cross-validation"
                )
                raise InvalidInputError(msg, argument="strength")
            as_number(self.strength, "strength", above=0.0)
        elif self.strength is not None:
            msg = f"strength is lambda of 'l2' and 'elasticnet', but penalty is {self.penalty!r}"
            raise InvalidInputError(msg, argument="strength")
        if self.penalty is not None and (clustered or self.robust):
            msg = "robust standard errors need penalty=None"
            raise InvalidInputError(msg, argument="clusters" if clustered else "robust")

    def _solve(self, sample: LogisticSample, threads: int) -> Any:
        data = sample.data
        if self.penalty in (None, "firth"):
            return data.fit(
                self.penalty == "firth", None, None, None, self.max_iter, self.tol, threads
            )
        lead = [0.0] if self.fit_intercept else []
        unit = np.ones(len(data.scale)) if self.standardize else 1.0 / data.scale
        lasso, ridge = np.r_[lead, unit], np.r_[lead, unit**2]
        assert self.strength is not None
        if self.penalty == "l2":
            amount = data.total_weight * float(self.strength)
            return data.fit(False, amount * ridge, None, None, self.max_iter, self.tol, threads)
        np.array([float(self.strength)])
        settings = _core.churn.ElasticNetSettings(
            l1_ratio=float(self.l1_ratio), lasso=lasso, ridge=ridge,
            penalty=np.array([float(self.strength)]), penalties=1, least=0.5,
            max_iterations=10 * self.max_iter, tolerance=self.tol,
        )  # fmt: skip
        found = _core.churn.logistic_net(data, settings, threads)
        score = data.point(found["beta"], threads)[1]
        return {
            "status": "converged" if found["converged"][0] else "max_iterations",
            "beta": found["beta"],
            "covariance": np.full(data.terms**2, np.nan),
            "log_likelihood": float(found["log_likelihood"][0]),
            "penalised": math.nan,
            "iterations": found["evaluations"],
            "gradient_norm": float(np.abs(score).max()) / data.total_weight,
            "direction": np.empty(0),
            "separated": 0,
        }

    def _take(self, found: Any, sample: LogisticSample, threads: int) -> None:
        data, beta = sample.data, found["beta"]
        intercepts, coef = sample.raw(beta, self.fit_intercept)
        self.classes_ = sample.classes
        self.intercept_, self.coef_ = intercepts, coef
        self.means_ = data.centre
        self.log_likelihood_ = found["log_likelihood"]
        self.null_log_likelihood_ = data.null(threads)[1]
        self._penalised = found["penalised"]
        self.status_ = found["status"]
        self.converged_ = self.status_ == "converged"
        self.n_iter_ = found["iterations"]
        self.gradient_norm_ = found["gradient_norm"]
        self.n_rows_, self._total_weight = data.rows, data.total_weight
        self._direction = found["direction"] if len(found["direction"]) else None
        self.n_separated_ = found["separated"]
        self.robust_covariance_ = None
        self._sample = sample
        self._beta = beta
        if self.converged_ and self.penalty in (None, "firth"):
            terms = data.terms
            self._centred_covariance = self._unscaled(found["covariance"].reshape(terms, terms))
            self.covariance_ = self._uncentred(self._centred_covariance)
            self.standard_errors_ = np.sqrt(np.diagonal(self.covariance_))
        else:
            self._centred_covariance = self.covariance_ = self.standard_errors_ = None

    def _take_robust(self, beta: Floats, codes: Any, groups: int, threads: int) -> None:
        data = self._sample.data
        middle = data.score_products(beta, codes, groups, threads).reshape(data.terms, data.terms)
        scale = np.r_[np.ones(data.terms - len(data.scale)), data.scale]
        assert self._centred_covariance is not None
        bread = self._centred_covariance * np.outer(scale, scale)
        robust = self._unscaled(bread @ middle @ bread)
        if codes is not None:
            robust *= groups / (groups - 1)
        self._centred_covariance = robust
        self.robust_covariance_ = self._uncentred(robust)
        self.standard_errors_ = np.sqrt(np.diagonal(self.robust_covariance_))

    def _unscaled(self, covariance: Floats) -> Floats:
        scale = np.r_[np.ones(int(self.fit_intercept)), self._sample.data.scale]
        return np.asarray(covariance / np.outer(scale, scale))

    def _uncentred(self, covariance: Floats) -> Floats:
        """Move the intercept from the mean of each column to its zero."""
        if not self.fit_intercept:
            return covariance.copy()
        move = np.eye(len(covariance))
        move[0, 1:] = -self.means_
        return np.asarray(move @ covariance @ move.T)

    def _complain(self, names: tuple[str, ...]) -> None:
        self.warnings_ = ()
        if self.converged_:
            return
        if self._direction is not None:
            terms = (*(("Intercept",) if self.fit_intercept else ()), *names)
            runaways = ", ".join(
                f"{terms[j]!r} goes to {'+' if self._direction[j] > 0 else '-'}infinity"
                for j in np.flatnonzero(np.abs(self._direction) > 1e-3).tolist()
            )
            complete = self.status_ == "complete_separation"
            apart = (
                "these columns tell the classes apart in every row"
                if complete
                else f"these columns tell the class of {self.n_separated_:,} of {self.n_rows_:,} "
                "rows for certain and nothing of the others"
            )
            why = (
                f"{apart}, so the likelihood rises for ever as the coefficient of {runaways}, and "
                "no finite estimate exists. LogisticRegression('firth') has one"
            )
        elif self.status_ == "max_iterations":
            why = f"max_iter={self.max_iter} came first"
        else:
            why = "no step raises the likelihood any more, yet the score is not 0"
        self.warnings_ = (f"LogisticRegression stopped without an optimum ({self.status_}): {why}",)
        if self.on_failure == "raise":
            for name in self._fitted:
                if name != "warnings_" and hasattr(self, name):
                    delattr(self, name)
            raise NotConvergedError(self.warnings_[0])
        warnings.warn(self.warnings_[0], ConvergenceWarning, stacklevel=3)

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._settings(False)
        if self.status_ not in _STATUSES:
            msg = "status_ is impossible"
            raise ValueError(msg)
        terms = self.n_features_in_ + int(self.fit_intercept)
        wanted: dict[str, tuple[Any, tuple[int, ...]]] = {
            "means_": (self.means_, (self.n_features_in_,))
        }
        for name in ("covariance_", "robust_covariance_", "_centred_covariance"):
            if getattr(self, name) is not None:
                wanted[name] = (getattr(self, name), (terms, terms))
        for name in ("standard_errors_", "_direction"):
            if getattr(self, name) is not None:
                wanted[name] = (getattr(self, name), (terms,))
        require_shapes(wanted)
