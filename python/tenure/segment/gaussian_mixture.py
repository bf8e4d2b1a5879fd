"""Mixtures of Gaussian densities with scikit-learn's conventions."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._model_file import storable
from tenure._sklearn import as_weights, name_cell
from tenure._validation import (
    Floats,
    as_choice,
    as_count,
    as_number,
    as_seed,
    as_threads,
)
from tenure.segment._mixture_choice import MixtureChoice, compare
from tenure.segment._mixture_fitted import FittedMixture, as_doubles
from tenure.segment._mixture_parameters import (
    SHAPES,
    covariance_shape,
    factors_of,
    floor_complaints,
    require_mixture,
    start_array,
)


@storable("segment.GaussianMixture")
class GaussianMixture(FittedMixture):
    """Mixture of Gaussian densities, fitted by EM: overlapping segments with their shapes.

    From the same start it takes the steps of scikit-learn's ``GaussianMixture``, in one pass over
    the data an iteration; rows may have weights.

    Parameters
    ----------
    n_components : int, default 1
    covariance_type : "full", "tied", "diag" or "spherical"
        A covariance matrix for each component, one for all, variances of columns, one variance.
    tol : float, default 1e-6
        A run ends once the mean log-density of a row moved by no more. (scikit-learn stops at 1e-3,
        often far from the maximum that standard errors belong to.)
    reg_covar : float, default 1e-6
        Added to every variance in each step, in squared units of the columns.
    max_iter : int, default 1000
        Iterations of one run.
    n_init : int, default 1
        Runs from starts of their own; the likeliest is kept. Where `means_init` is given: 1.
    init_params : "kmeans" or "k-means++"
        Start from the parts that k-means finds, on columns divided by their standard deviations, or
        from those of its seeds alone.
    weights_init : array of n_components weights, optional
    means_init : array of shape (n_components, n_features), optional
        The parts to start from are then the rows nearest to each.
    precisions_init : array, optional
        Inverse covariances, of the shape of `precisions_`.
    random_state : int, None or NumPy generator, default 0
        Seed of the draws; None takes fresh entropy.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    weights_ : array of n_components
        0 for a component that lost all its weight, which `fit` warns about.
    means_ : array of shape (n_components, n_features)
    covariances_ : array
        "full": (n_components, n_features, n_features), "tied": (n_features, n_features), "diag":
        (n_components, n_features), "spherical": (n_components,).
    precisions_, precisions_cholesky_ : arrays of the same shape
        Inverses of the covariances, and upper triangular U with precision U U'.
    lower_bound_ : float
        Mean log-density of a row before the last step, as scikit-learn has it.
    lower_bounds_ : array
        The same before each step of the run that was kept.
    log_likelihood_ : float
        Sum of weighted log-densities of the rows under the fitted mixture.
    entropy_ : float
        Of the rows' shares, in nats: 0 where every row belongs to one component surely.
    n_parameters_ : int
        Free parameters.
    aic_, bic_, icl_ : float
        Of the rows of the fit: lower is better.
    n_iter_ : int
    converged_ : bool
        False: `max_iter` came first.
    warnings_ : tuple of str
        What `fit` warned about.
    n_features_in_ : int
    feature_names_in_ : array of str
        Only where X is a data frame.

    Raises
    ------
    InvalidInputError
        Names the cell of X that is not finite, and settings that no data fit. Also if in every run
        a covariance collapsed, which `reg_covar` > 0 prevents.

    Warns
    -----
    ConvergenceWarning
        If the run did not converge, if runs were dropped because they collapsed, if a component
        holds too little to have a covariance of its own, or if `reg_covar` makes up much of the
        variance of columns or of a component.

    Notes
    -----
    Computed in float64, also for float32. Method, cost and numerics:
    docs/methods/gaussian_mixture.md. [Dempster, Laird & Rubin 1977; McLachlan & Peel 2000]

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(c, 1, (100, 2)) for c in (1, 9)])
    >>> m = tn.segment.GaussianMixture(2).fit(X)
    >>> sorted(m.means_.round().tolist()), m.weights_.round(3).tolist()
    ([[1.0, 1.0], [9.0, 9.0]], [0.5, 0.5])
    >>> m.predict([[0, 0], [12, 3]]).tolist() == m.predict(X)[[0, 150]].tolist()
    True
    """

    _fitted = (
        "weights_",
        "means_",
        "covariances_",
        "precisions_cholesky_",
        "lower_bounds_",
        "log_likelihood_",
        "entropy_",
        "aic_",
        "bic_",
        "icl_",
        "converged_",
        "warnings_",
        "n_features_in_",
    )
    _weighted = ("fit", "score")
    _sklearn_kind = "density_estimator"

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        tol: float = 1e-6,
        reg_covar: float = 1e-6,
        max_iter: int = 1000,
        n_init: int = 1,
        init_params: str = "kmeans",
        weights_init: Any = None,
        means_init: Any = None,
        precisions_init: Any = None,
        random_state: Any = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Find the mixture that makes the rows of X likely.

        Parameters
        ----------
        X : array of shape (rows, features) or data frame
            Finite numbers.
        y : ignored
        sample_weight : array of n weights, optional
            Finite, >= 0 and not all 0. A whole weight w counts as w equal rows.

        Returns
        -------
        self
        """
        del y
        k = as_count(self.n_components, "n_components", at_least=1)
        shape = as_choice(self.covariance_type, "covariance_type", SHAPES)
        runs = as_count(self.n_init, "n_init", at_least=1)
        lloyd = as_choice(self.init_params, "init_params", ("kmeans", "k-means++")) == "kmeans"
        settings = (
            as_number(self.reg_covar, "reg_covar", at_least=0.0),
            as_number(self.tol, "tol", at_least=0.0),
            as_count(self.max_iter, "max_iter", at_least=1),
            runs,
            lloyd,
            as_seed(self.random_state),
        )
        matrix, names = as_doubles(*self._fit_matrix(X))
        weight = as_weights(sample_weight, len(matrix))
        if k > len(matrix):
            msg = f"n_samples={len(matrix)} should be >= n_components={k}."
            raise InvalidInputError(msg, argument="n_components", value=k)
        d = matrix.shape[1]
        means = start_array(self.means_init, "means_init", (k, d))
        if means is not None and runs != 1:
            msg = f"n_init must be 1 where means_init is given (all runs would be one), got {runs}"
            raise InvalidInputError(msg, argument="n_init", value=runs)
        precisions = start_array(
            self.precisions_init, "precisions_init", covariance_shape(shape, k, d)
        )
        try:
            found = _core.segment.gaussian_mixture(
                matrix,
                weight,
                k,
                shape,
                *settings,
                start_array(self.weights_init, "weights_init", (k,)),
                means,
                None if precisions is None else factors_of(precisions, shape),
                as_threads(self.n_threads),
            )
        except InvalidInputError as error:
            raise name_cell(error, matrix, names) from None
        self.weights_ = found["weight"]
        self.means_ = found["mean"].reshape(k, d)
        self.covariances_ = found["covariance"].reshape(covariance_shape(shape, k, d))
        self.precisions_cholesky_ = found["factor"].reshape(self.covariances_.shape)
        self.lower_bounds_ = found["lower_bound"]
        self.log_likelihood_ = found["log_likelihood"]
        self.entropy_ = found["entropy"]
        self.converged_ = found["converged"]
        self._remember(matrix, names)
        total = float(len(matrix) if weight is None else weight.sum())
        self.aic_, self.bic_, self.icl_ = self._criteria(self.log_likelihood_, self.entropy_, total)
        self.warnings_ = self._complaints(found["held"], found["collapsed"])
        for complaint in self.warnings_:
            warnings.warn(complaint, ConvergenceWarning, stacklevel=2)
        return self

    def _complaints(self, held: Floats, collapsed: int) -> tuple[str, ...]:
        complaints = []
        if not self.converged_:
            complaints.append(
                f"EM stopped at max_iter={self.max_iter} before it converged: raise max_iter or "
                "tol, or ask for fewer components"
            )
        if collapsed:
            complaints.append(
                f"{collapsed} of {self.n_init} runs were dropped: a covariance collapsed; raise "
                "reg_covar or ask for fewer components"
            )
        empty = np.flatnonzero(self.weights_ == 0.0).tolist()
        if empty:
            complaints.append(
                f"components {empty} hold no row: X may have fewer distinct rows than n_components"
            )
        # That many rows lie in a plane whatever they are.
        own = self.means_.shape[1] + 1 if self.covariance_type == "full" else 2
        thin = np.flatnonzero((self.weights_ > 0.0) & (held < own)).tolist()
        if thin and self.covariance_type != "tied":
            complaints.append(
                f"components {thin} hold a weight of less than {own} rows each: too little for a "
                "covariance of their own"
            )
        complaints += floor_complaints(
            self.covariance_type, self.weights_, self.means_, self.covariances_, self.reg_covar
        )
        return tuple(complaints)

    def fit_predict(
        self, X: Any, y: Any = None, sample_weight: Any = None
    ) -> npt.NDArray[np.int32]:
        """Fit and return the likeliest component of each row of X."""
        return self.fit(X, y, sample_weight).predict(X)

    @classmethod
    def choose(
        cls,
        X: Any,
        n_components: Iterable[int] = range(1, 10),
        *,
        covariance: Iterable[str] = SHAPES,
        criterion: str = "bic",
        sample_weight: Any = None,
        **settings: Any,
    ) -> MixtureChoice:
        """Fit every number of components and shape of covariances, and say which is best.

        Parameters
        ----------
        X : array of shape (rows, features) or data frame
        n_components : iterable of int, default 1 to 9
        covariance : iterable of str, default all four shapes
        criterion : "bic", "icl" or "aic"
            BIC looks for the density, ICL for components that do not overlap.
        sample_weight : array of n weights, optional
        **settings
            Of every model, such as `n_init` and `random_state`.

        Returns
        -------
        MixtureChoice
            A row for each fit, the fitted winner in `best`, and `plot`.

        Raises
        ------
        InvalidInputError
            As `fit` does, and if every fit collapsed.

        Examples
        --------
        >>> import numpy as np, tenure as tn
        >>> rng = np.random.default_rng(1)
        >>> X = np.concatenate([rng.normal(c, 1, (200, 2)) for c in (0, 6, 12)])
        >>> tn.segment.GaussianMixture.choose(X, range(1, 6)).best
        GaussianMixture(n_components=3, covariance_type='spherical')
        """
        return compare(cls, X, n_components, covariance, criterion, sample_weight, settings)

    def set_fit_request(self, *, sample_weight: bool | str | None) -> Self:
        """Say whether meta-estimators of scikit-learn pass `sample_weight` on to `fit`."""
        return self._ask("fit", sample_weight)

    def set_score_request(self, *, sample_weight: bool | str | None) -> Self:
        """Say whether meta-estimators of scikit-learn pass `sample_weight` on to `score`."""
        return self._ask("score", sample_weight)

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        require_mixture(self)
