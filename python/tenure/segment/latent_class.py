"""Latent classes: groups of customers told from answers, with errors, and what explains them."""

from __future__ import annotations

import math
import statistics
import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import ConvergenceWarning, DataWarning, InvalidInputError
from tenure._matrix import as_matrix
from tenure._model_file import storable
from tenure._sklearn import FeatureEstimator, as_weights
from tenure._validation import (
    Floats,
    as_choice,
    as_count,
    as_level,
    as_number,
    as_seed,
    as_threads,
)
from tenure.segment._class_tables import ClassAnswers, ClassCoefficients, ClassShares
from tenure.segment._mixed import (
    Codes,
    Levels,
    as_columns,
    describe_unseen,
    encoded,
    encoded_as,
    level_name,
)

_SAME_TOP = 1e-6  # log-likelihoods of starts that ended at one maximum


@storable("segment.LatentClass")
class LatentClass(FeatureEstimator):
    """Latent class analysis of categories, by maximum likelihood.

    Customers belong to classes that nobody sees; given the class, their answers to the items (the
    columns of X) are independent. Equal rows are collapsed first, so that a million customers cost
    what their distinct answers cost.

    Parameters
    ----------
    n_classes : int, default 2
    n_init : int, default 10
        Random starts; the one with the highest likelihood is kept. `best_starts_` says how many
        found it: if only one did, try more.
    missing : {"ignore", "level"}
        What a missing answer is: missing at random, so that the likelihood is that of the others;
        or a level of its own.
    unseen : {"warn", "ignore", "error"}
        What `predict` does about a category that `fit` has not seen. It counts as missing.
    max_iter : int, default 1000
        Cycles of three EM steps, of one start.
    tol : float, default 1e-7
        A start ends once an EM step changes no parameter by more. Newton's method then goes on to
        the maximum.
    random_state : int, None or NumPy generator, default 0
        Seed of the starts; None takes fresh entropy.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    class_shares_ : array of shape (n_classes,)
        Descending at the end of EM; with covariates the mean over the rows.
    answer_probabilities_ : tuple of arrays of shape (n_classes, n_levels), one an item
    categories_ : tuple of tuples
        The levels of each item, ascending; None, where missing answers are a level, is the last.
    coefficients_ : array of shape (n_classes - 1, 1 + n_covariates)
        Log-odds of classes 1, 2, ... against class 0: the intercept, then the covariates.
    labels_ : int32 array
        The likeliest class of each row.
    log_likelihood_, aic_, bic_ : float
        With `n_parameters_`, those on the boundary counted too, and the total weight for n.
    entropy_ : float
        1 - sum of -p log p over the posteriors / (n log n_classes): 1 where all rows are told
        apart, 0 where none is.
    deviance_ : float
        G^2 against the table of all patterns; NaN with covariates or missing answers.
    degrees_of_freedom_ : int
        Cells of that table - 1 - `n_parameters_`; below 0 the model cannot be identified.
    n_parameters_, n_patterns_, n_iter_, best_starts_ : int
    log_likelihoods_ : array of shape (n_init,)
        By start, at the end of EM.
    identified_ : bool
        Whether the information about all parameters off the boundary is of full rank.
    converged_ : bool
    warnings_ : tuple of str
        What `fit` warned about.
    n_features_in_ : int
    feature_names_in_ : array of str
        Only where X is a data frame.

    Raises
    ------
    InvalidInputError
        For tables that are none, covariates that are not finite or do not vary, and settings that
        no data fit.

    Warns
    -----
    ConvergenceWarning
        If no maximum was reached, or if it is not identified.
    DataWarning
        `predict`, about categories that `fit` has not seen.

    Notes
    -----
    Method, numerics and cost: docs/methods/latent_class.md. [Lazarsfeld & Henry 1968; Goodman 1974,
    Biometrika 61:215; Dayton & Macready 1988, JASA 83:173]

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> patterns = [(a, b, c) for a in "yn" for b in "yn" for c in "yn"]
    >>> n = [90, 20, 25, 15, 20, 12, 14, 104]
    >>> m = tn.segment.LatentClass(2).fit(patterns, sample_weight=n)
    >>> print(m.shares())
    Shares of classes
    latent_class     share  standard_error     lower     upper
               0  0.560932       0.0392416  0.483171  0.635811
               1  0.439068       0.0392416  0.364189  0.516829
    >>> m.predict([("y", "y", "n"), ("n", "n", None)]).tolist()
    [0, 1]
    """

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

    def __init__(
        self,
        n_classes: int = 2,
        *,
        n_init: int = 10,
        missing: str = "ignore",
        unseen: str = "warn",
        max_iter: int = 1000,
        tol: float = 1e-7,
        random_state: Any = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_classes = n_classes
        self.n_init = n_init
        self.missing = missing
        self.unseen = unseen
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, covariates: Any = None
    ) -> Self:
        """Find the classes.

        Parameters
        ----------
        X : data frame or array of shape (rows, items)
            Categories: texts, truth values, dictionaries or numbers.
        y : ignored
        sample_weight : array of n weights, optional
            Finite, >= 0 and not all 0: how many customers a row stands for.
        covariates : array of shape (rows, n_covariates) or data frame, optional
            Finite numbers that tell which class is likely: a multinomial logit.

        Returns
        -------
        self
        """
        del y
        classes = as_count(self.n_classes, "n_classes", at_least=1)
        starts = as_count(self.n_init, "n_init", at_least=1)
        max_iter = as_count(self.max_iter, "max_iter", at_least=1)
        tol = as_number(self.tol, "tol", above=0.0)
        as_choice(self.unseen, "unseen", ("warn", "ignore", "error"))
        as_level_of = as_choice(self.missing, "missing", ("ignore", "level")) == "level"
        columns = as_columns(X)
        items = range(len(columns.values))
        codes, levels = encoded(columns, items, missing_level=as_level_of)
        for j, level in enumerate(levels):
            if not level:
                msg = f"X[{columns.label(j)!r}] has no answers, all are missing"
                raise InvalidInputError(msg, argument="X")
        weight = as_weights(sample_weight, columns.rows)
        weight = np.ones(columns.rows) if weight is None else weight
        design, centre, scale, names = _standardised(covariates, weight)
        first, of_row = _collapsed(codes, [len(level) for level in levels], design)
        patterns = codes[first]
        threads = as_threads(self.n_threads)
        design = np.ascontiguousarray(design[first])
        # The engine says which weight is bad: a bad one must not be lost in a sum.
        clean = np.isfinite(weight).all() and (weight >= 0).all()
        counts = np.bincount(of_row, weights=weight, minlength=len(first))
        collapsed = counts.astype(np.float64, copy=False)
        sizes = [len(level) for level in levels]
        found = _core.segment.latent_class(
            patterns if clean else codes,
            sizes,
            collapsed if clean else weight,
            design if clean else np.ones((columns.rows, 1)),
            classes,
            starts,
            max_iter,
            tol,
            as_seed(self.random_state),
            threads,
        )
        posterior, _ = _core.segment.class_posterior(
            patterns, sizes, collapsed, design, found["beta"], found["answer"], threads
        )
        self._set(found, levels, classes, centre, scale, names)
        total = float(weight.sum())
        self.n_patterns_ = len(first)
        self.aic_ = -2.0 * self.log_likelihood_ + 2.0 * self.n_parameters_
        self.bic_ = -2.0 * self.log_likelihood_ + self.n_parameters_ * math.log(total)
        self.entropy_ = 1.0 - found["entropy"] / (total * math.log(classes)) if classes > 1 else 1.0
        self.degrees_of_freedom_ = math.prod(sizes) - 1 - self.n_parameters_
        seen = collapsed[collapsed > 0]
        whole = covariates is None and not (patterns < 0).any()
        saturated = float((seen * np.log(seen / total)).sum())
        self.deviance_ = 2.0 * (saturated - self.log_likelihood_) if whole else math.nan
        likeliest = posterior.reshape(len(first), classes).argmax(axis=1).astype(np.int32)
        self.labels_ = likeliest[of_row]
        self._remember(
            np.empty((0, len(levels))), None if columns.names is None else list(columns.names)
        )
        self.warnings_ = self._complaints(found)
        for complaint in self.warnings_:
            warnings.warn(complaint, ConvergenceWarning, stacklevel=2)
        return self

    def _set(
        self,
        found: dict[str, Any],
        levels: tuple[Levels, ...],
        classes: int,
        centre: Floats,
        scale: Floats,
        names: tuple[str, ...],
    ) -> None:
        """Take what the engine found; coefficients go back to the covariates' own units."""
        terms = len(names)
        back = np.diag(np.concatenate([[1.0], 1.0 / scale]))
        back[0, 1:] = -centre / scale
        self.coefficients_ = found["beta"].reshape(classes - 1, terms) @ back.T
        turn = np.kron(np.eye(classes - 1), back)
        size = (classes - 1) * terms
        self.coefficient_covariance_ = turn @ found["beta_covariance"].reshape(size, size) @ turn.T
        self.covariate_names_ = names
        ends = np.cumsum([len(level) for level in levels])[:-1]

        def by_item(name: str) -> tuple[Any, ...]:
            parts = np.split(found[name].reshape(classes, -1), ends, axis=1)
            return tuple(np.ascontiguousarray(part) for part in parts)

        self.answer_probabilities_ = by_item("answer")
        self.answer_errors_ = by_item("answer_se")
        self.answer_boundary_ = by_item("boundary")
        self.categories_ = levels
        self.class_shares_ = found["share"]
        self.class_share_errors_ = found["share_se"]
        self.log_likelihood_ = found["log_likelihood"]
        self.log_likelihoods_ = found["by_start"]
        top = found["by_start"].max()
        self.best_starts_ = int((found["by_start"] >= top - _SAME_TOP * max(1.0, abs(top))).sum())
        self.n_parameters_ = found["parameters"]
        self.n_iter_ = found["iterations"]
        self.converged_ = found["status"] == "converged"
        self.identified_ = found["rank"] == found["free_parameters"]

    def _complaints(self, found: dict[str, Any]) -> tuple[str, ...]:
        free, rank = found["free_parameters"], found["rank"]
        if rank < free:
            return (
                f"the data tell {rank} of {free} parameters: the classes are not identified "
                f"(degrees of freedom: {self.degrees_of_freedom_}); those without limits are "
                "arbitrary; take fewer classes or more items",
            )
        if not self.converged_:
            return (f"LatentClass stopped before it converged: raise max_iter={self.max_iter}",)
        return ()

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
            table = _covariates(covariates, columns.rows)[0]
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

    def fit_predict(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, covariates: Any = None
    ) -> npt.NDArray[np.int32]:
        """Fit and return `labels_`."""
        return self.fit(X, y, sample_weight, covariates=covariates).labels_

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


def _covariates(values: Any, rows: int) -> tuple[Floats, list[str] | None]:
    table, names = as_matrix(values, "covariates")
    table = table.astype(np.float64)
    if len(table) != rows:
        msg = f"covariates must have one row for each of the {rows} rows of X, got {len(table)}"
        raise InvalidInputError(msg, argument="covariates")
    bad = np.argwhere(~(np.abs(table) < 1e100))
    if bad.size:
        row, column = (int(i) for i in bad[0])
        value = float(table[row, column])
        where = column if names is None else repr(names[column])
        msg = f"covariates[{row}, {where}] must be finite and below 1e100, got {value!r}"
        raise InvalidInputError(msg, argument="covariates", row=row, value=value)
    return table, names


def _standardised(
    covariates: Any, weight: Floats
) -> tuple[Floats, Floats, Floats, tuple[str, ...]]:
    """The design with an intercept, centres and scales of the covariates, names of the terms."""
    ones = np.ones((len(weight), 1))
    if covariates is None:
        return ones, np.empty(0), np.empty(0), ("Intercept",)
    table, names = _covariates(covariates, len(weight))
    counted = table[weight > 0]
    if not len(counted):
        counted = table
    centre, scale = counted.mean(axis=0), counted.std(axis=0)
    flat = np.flatnonzero(~(scale > 1e-12 * np.abs(centre)))
    names = [f"z{j}" for j in range(table.shape[1])] if names is None else names
    if flat.size:
        msg = f"covariates[:, {names[int(flat[0])]!r}] does not vary: the intercept says as much"
        raise InvalidInputError(msg, argument="covariates")
    return np.hstack([ones, (table - centre) / scale]), centre, scale, ("Intercept", *names)


def _collapsed(
    codes: Codes, sizes: list[int], design: Floats
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """The first row of each pattern of answers and covariates, and the pattern of each row."""
    numbers = [
        _core.segment.numbered(np.ascontiguousarray(design[:, t]))
        for t in range(1, design.shape[1])
    ]
    table = np.ascontiguousarray(np.column_stack([codes, *numbers]), dtype=np.int32)
    return _core.segment.distinct_rows(table, sizes + [int(n.max()) + 1 for n in numbers])
