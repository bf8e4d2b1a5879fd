"""Latent classes: groups of customers told from answers, with errors, and what explains them."""

from __future__ import annotations

import math
import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._model_file import storable
from tenure._sklearn import as_weights
from tenure._validation import Floats, as_choice, as_count, as_number, as_seed, as_threads
from tenure.segment._class_covariates import standardised
from tenure.segment._class_predict import ClassPredictions
from tenure.segment._mixed import Codes, Levels, as_columns, encoded

_SAME_TOP = 1e-6  # log-likelihoods of starts that ended at one maximum


@storable("segment.LatentClass")
class LatentClass(ClassPredictions):
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
        design, centre, scale, names = standardised(covariates, weight)
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

    def fit_predict(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, covariates: Any = None
    ) -> npt.NDArray[np.int32]:
        """Fit and return `labels_`."""
        return self.fit(X, y, sample_weight, covariates=covariates).labels_

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
