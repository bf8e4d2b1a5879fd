"""What a fitted mixture says: densities, shares of rows, criteria, draws, standard errors."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._matrix import Matrix
from tenure._sklearn import FeatureEstimator, as_weights, name_cell
from tenure._validation import Floats, as_choice, as_count, as_level, as_seed, as_threads
from tenure.segment._mixture_estimates import MixtureEstimates, estimates_of
from tenure.segment._mixture_parameters import parameter_count


def as_doubles(X: Matrix, names: list[str] | None) -> tuple[Floats, list[str] | None]:
    """Return a matrix in float64, in which every mixture is computed."""
    return np.ascontiguousarray(X, dtype=np.float64), names


class FittedMixture(FeatureEstimator):
    """Base of mixtures: everything that needs the fitted parameters alone."""

    covariance_type: str
    random_state: Any
    n_threads: int | None

    weights_: Floats
    means_: Floats
    covariances_: Floats
    precisions_cholesky_: Floats
    lower_bounds_: Floats
    log_likelihood_: float
    entropy_: float
    aic_: float
    bic_: float
    icl_: float
    converged_: bool
    warnings_: tuple[str, ...]

    @property
    def precisions_(self) -> Floats:
        """Inverses of the covariances."""
        self._require_fitted()
        factor = self.precisions_cholesky_
        if self.covariance_type in ("diag", "spherical"):
            return factor**2
        return factor @ np.swapaxes(factor, -1, -2)

    @property
    def n_iter_(self) -> int:
        """Steps of the run that was kept."""
        self._require_fitted()
        return len(self.lower_bounds_)

    @property
    def lower_bound_(self) -> float:
        """Mean log-density of a row before the last step."""
        self._require_fitted()
        return float(self.lower_bounds_[-1])

    @property
    def n_parameters_(self) -> int:
        """Free parameters: weights, means and covariances."""
        self._require_fitted()
        return parameter_count(self.covariance_type, *self.means_.shape)

    def _criteria(
        self, log_likelihood: float, entropy: float, total: float
    ) -> tuple[float, float, float]:
        p = parameter_count(self.covariance_type, *self.means_.shape)
        bic = -2.0 * log_likelihood + p * math.log(total)
        return -2.0 * log_likelihood + 2.0 * p, bic, bic + 2.0 * entropy

    def _mixture(self) -> tuple[str, Floats, Floats, Floats]:
        return (
            self.covariance_type,
            np.ascontiguousarray(self.weights_),
            np.ascontiguousarray(self.means_),
            np.ascontiguousarray(self.precisions_cholesky_),
        )

    def _rows(
        self,
        X: Any,
        sample_weight: Any = None,
        *,
        log_density: bool = False,
        responsibility: bool = False,
        label: bool = False,
    ) -> tuple[dict[str, Any], int]:
        matrix, names = as_doubles(*self._new_matrix(X))
        weight = as_weights(sample_weight, len(matrix))
        asked = (log_density, responsibility, label)
        try:
            found = _core.segment.gaussian_mixture_rows(
                matrix, weight, *self._mixture(), *asked, as_threads(self.n_threads)
            )
        except InvalidInputError as error:
            raise name_cell(error, matrix, names) from None
        total = float(len(matrix) if weight is None else weight.sum())
        found["aic"], found["bic"], found["icl"] = self._criteria(
            found["log_likelihood"], found["entropy"], total
        )
        found["mean"] = found["log_likelihood"] / total
        return found, len(matrix)

    def predict(self, X: Any) -> npt.NDArray[np.int32]:
        """Return the likeliest component of each row; of equally likely ones the first."""
        labels: npt.NDArray[np.int32] = self._rows(X, label=True)[0]["label"]
        return labels

    def predict_proba(self, X: Any) -> Floats:
        """Return each row's probability of each component, shape (rows, n_components)."""
        found, rows = self._rows(X, responsibility=True)
        shares: Floats = found["responsibility"].reshape(rows, -1)
        return shares

    def score_samples(self, X: Any) -> Floats:
        """Return the log-density of each row."""
        density: Floats = self._rows(X, log_density=True)[0]["log_density"]
        return density

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the mean log-density of a row, by weight."""
        del y
        return float(self._rows(X, sample_weight)[0]["mean"])

    def entropy(self, X: Any, sample_weight: Any = None) -> float:
        """Return the entropy of the rows' shares: -sum w_i sum_k r_ik log r_ik."""
        return float(self._rows(X, sample_weight)[0]["entropy"])

    def aic(self, X: Any, sample_weight: Any = None) -> float:
        """Return Akaike's criterion on X: -2 log L + 2 p. Lower is better."""
        return float(self._rows(X, sample_weight)[0]["aic"])

    def bic(self, X: Any, sample_weight: Any = None) -> float:
        """Return the Bayesian criterion on X: -2 log L + p log n. Lower is better."""
        return float(self._rows(X, sample_weight)[0]["bic"])

    def icl(self, X: Any, sample_weight: Any = None) -> float:
        """Return the integrated classification criterion on X: BIC + 2 entropy. Lower is better."""
        return float(self._rows(X, sample_weight)[0]["icl"])

    def sample(
        self, n_samples: int = 1, *, random_state: Any = None
    ) -> tuple[Floats, npt.NDArray[np.int32]]:
        """Draw rows from the fitted mixture.

        Parameters
        ----------
        n_samples : int, default 1
        random_state : int or NumPy generator, optional
            Default: that of the model, so that equal calls draw equal rows.

        Returns
        -------
        X : array of shape (n_samples, n_features)
        y : int32 array
            The component of each row.
        """
        self._require_fitted()
        count = as_count(n_samples, "n_samples", at_least=1)
        seed = as_seed(self.random_state if random_state is None else random_state)
        X, y = _core.segment.sample_gaussian_mixture(
            *self._mixture(), count, seed, as_threads(self.n_threads)
        )
        return X.reshape(count, -1), y

    def estimates(
        self, X: Any, sample_weight: Any = None, *, level: float = 0.95, errors: str = "observed"
    ) -> MixtureEstimates:
        """Return weights and means with standard errors and confidence limits.

        Parameters
        ----------
        X, sample_weight
            The rows of the fit.
        level : float, default 0.95
        errors : "observed" or "robust"
            From the observed information of all parameters [Louis 1982], or from the sandwich,
            which also holds where components are not quite Gaussian [White 1982].

        Returns
        -------
        MixtureEstimates

        Warns
        -----
        ConvergenceWarning
            If the information is not positive definite: the data do not tell the components apart,
            or the fit is not at a maximum. Errors and limits are then NaN.

        Examples
        --------
        >>> import numpy as np, tenure as tn
        >>> rng = np.random.default_rng(1)
        >>> X = np.concatenate([rng.normal(0, 1, (300, 1)), rng.normal(6, 1, (100, 1))])
        >>> e = tn.segment.GaussianMixture(2).fit(X).estimates(X)
        >>> bool(e.lower[0] < 0.75 < e.upper[0]), e.parameter
        (True, ('weight', 'weight', 'mean of 0', 'mean of 0'))
        """
        limits = as_level(level)
        robust = as_choice(errors, "errors", ("observed", "robust")) == "robust"
        matrix, names = as_doubles(*self._new_matrix(X))
        weight = as_weights(sample_weight, len(matrix))
        try:
            found = _core.segment.gaussian_mixture_errors(
                matrix, weight, *self._mixture(), robust, as_threads(self.n_threads)
            )
        except InvalidInputError as error:
            raise name_cell(error, matrix, names) from None
        if not found[2]:
            msg = (
                "the information is not positive definite: standard errors and limits are NaN; "
                "the data do not tell the components apart, or the fit is not at a maximum"
            )
            warnings.warn(msg, ConvergenceWarning, stacklevel=2)
        features = getattr(self, "feature_names_in_", np.arange(self.n_features_in_))
        return estimates_of(self.weights_, self.means_, features, *found[:2], limits, errors)
