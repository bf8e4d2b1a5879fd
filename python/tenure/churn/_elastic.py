"""What regressions with an elastic-net path share: settings, selection, cross-validation."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._sklearn import FeatureEstimator
from tenure._validation import Floats, as_choice, as_column, as_count, as_number, as_seed
from tenure.churn._cox_restore import require_shapes
from tenure.churn._elastic_tables import ElasticNetValidation
from tenure.churn._groups import as_groups

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """Which fold each row is in, of how many."""

    of_row: npt.NDArray[np.int64]
    count: int


class ElasticNetPaths(FeatureEstimator):
    """A path of penalised regressions; a subclass fits it and chooses a penalty by its number."""

    l1_ratio: float
    penalties: npt.ArrayLike | None
    n_penalties: int
    least: float | None
    standardize: bool
    penalty_factor: npt.ArrayLike | None
    max_iter: int
    tol: float

    penalties_: Floats
    coef_path_: Floats
    log_likelihoods_: Floats
    penalty_: float
    converged_: bool
    warnings_: tuple[str, ...]

    def _choose(self, k: int) -> None:
        raise NotImplementedError

    def _net_settings(
        self, scale: Floats, rows: int, intercept: bool, penalties: Floats | None = None
    ) -> _core.churn.ElasticNetSettings:
        """Return the engine's settings for so many rows and columns of such scales.

        `penalties`: the path, where it is known.
        """
        as_choice(self.standardize, "standardize", (False, True))
        least = self.least if self.least is not None else (1e-4 if rows > len(scale) else 0.01)
        lasso, ridge = as_factors(self.penalty_factor, scale, self.standardize)
        lead = [0.0] if intercept else []
        return _core.churn.ElasticNetSettings(
            l1_ratio=as_number(self.l1_ratio, "l1_ratio", at_least=0.0, at_most=1.0),
            lasso=np.r_[lead, lasso],
            ridge=np.r_[lead, ridge],
            penalty=as_penalties(self.penalties) if penalties is None else penalties,
            penalties=as_count(self.n_penalties, "n_penalties", at_least=1),
            least=as_number(least, "least", above=0.0, below=1.0),
            max_iterations=as_count(self.max_iter, "max_iter", at_least=1),
            tolerance=as_number(self.tol, "tol", above=0.0, at_most=1e-2),
        )

    def _warn_of_unfinished(self, converged: npt.NDArray[np.uint8], stacklevel: int) -> None:
        self.converged_ = bool(converged.all())
        self.warnings_ = ()
        if self.converged_:
            return
        self.warnings_ = (
            f"{type(self).__name__} is done for {int(converged.sum())} of {len(converged)} "
            "penalties only: raise max_iter, or end the path at a larger penalty",
        )
        warnings.warn(self.warnings_[0], ConvergenceWarning, stacklevel=stacklevel + 1)

    def _n_nonzero(self) -> npt.NDArray[np.int64]:
        return np.asarray((self.coef_path_ != 0.0).sum(axis=1))

    def select(self, penalty: float) -> Self:
        """Take the coefficients of the path's penalty that is nearest (in ratio) and return self.

        Parameters
        ----------
        penalty : float
            >= 0.
        """
        self._require_fitted()
        wanted = as_number(penalty, "penalty", at_least=0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.abs(np.log(self.penalties_) - np.log(wanted))
        distance[self.penalties_ == wanted] = 0.0
        self._choose(int(np.nanargmin(distance)))
        return self

    def _folds(self, rows: int, n_folds: int, clusters: Any, rule: str, random_state: Any) -> Folds:
        as_choice(rule, "rule", ("best", "simplest"))
        count = as_count(n_folds, "n_folds", at_least=2)
        return Folds(folds_of(rows, count, clusters, as_seed(random_state)), count)

    def _cross_validate(
        self,
        folds: Folds,
        unseen: Callable[[int, Mask], tuple[Floats, float] | None],
        rule: str,
    ) -> ElasticNetValidation:
        """Read the deviances of each fold by penalty, and its weight, and choose.

        `unseen` gets a fold and its rows; it returns None where the fold holds nothing to judge by.
        """
        told = [unseen(k, folds.of_row == k) for k in range(folds.count)]
        found = [one for one in told if one is not None]
        if len(found) < 2:
            msg = "fewer than two folds hold anything to judge by: use fewer folds"
            raise InvalidInputError(msg, argument="n_folds", value=folds.count)
        weight = np.array([weight for _, weight in found])
        mean, error, best, simplest = best_and_simplest([table for table, _ in found], weight)
        self._choose(best if rule == "best" else simplest)
        return ElasticNetValidation(
            self.penalties_,
            mean,
            error,
            self._n_nonzero(),
            float(self.penalties_[best]),
            float(self.penalties_[simplest]),
        )

    def _require_path(self, **more: Floats) -> None:
        """Refuse a file whose arrays do not fit together."""
        n = len(self.penalties_)
        require_shapes(
            {
                "coef_path_": (self.coef_path_, (n, self.n_features_in_)),
                "log_likelihoods_": (self.log_likelihoods_, (n,)),
                **{name: (values, (n,)) for name, values in more.items()},
            }
        )


def as_penalties(penalties: Any) -> Floats:
    """Return distinct penalties from the largest down; none where the engine is to make them."""
    if penalties is None:
        return np.empty(0)
    given = as_column(penalties, np.float64, "penalties")
    bad = np.flatnonzero(~(np.isfinite(given) & (given >= 0.0)))
    if bad.size or not given.size:
        row = int(bad[0]) if bad.size else None
        msg = f"penalties must be finite and >= 0, got {penalties!r}"
        raise InvalidInputError(msg, argument="penalties", row=row)
    return np.ascontiguousarray(np.unique(given)[::-1])


def as_factors(penalty_factor: Any, scale: Floats, standardize: bool) -> tuple[Floats, Floats]:
    """Return what multiplies the penalty of |b| and of b^2, b of the engine's scaled columns."""
    factor = np.ones(len(scale))
    if penalty_factor is not None:
        factor = as_column(penalty_factor, np.float64, "penalty_factor").copy()
        right = len(factor) == len(scale) and bool((np.isfinite(factor) & (factor >= 0.0)).all())
        if not right:
            msg = f"penalty_factor must be {len(scale)} finite numbers >= 0"
            raise InvalidInputError(msg, argument="penalty_factor")
    unit = np.ones(len(scale)) if standardize else 1.0 / scale
    return factor * unit, factor * unit**2


def folds_of(rows: int, folds: int, clusters: Any, seed: int) -> npt.NDArray[np.int64]:
    """Return the fold of each row; rows of one cluster share it."""
    codes = np.arange(rows) if clusters is None else as_groups(clusters, rows, "clusters")[0]
    groups = int(codes.max()) + 1
    if groups < folds:
        msg = f"n_folds must be at most {groups}, the number of rows or clusters, got {folds}"
        raise InvalidInputError(msg, argument="n_folds", value=folds)
    shuffled = np.random.default_rng(seed).permutation(np.arange(groups) % folds)
    return np.asarray(shuffled[codes])


def best_and_simplest(deviance: Any, weight: Any) -> tuple[Floats, Floats, int, int]:
    """Return mean and error over folds by penalty, and where the two rules point.

    The second: the first penalty whose mean is within one error of the least.
    """
    share = np.asarray(weight) / np.sum(weight)
    table = np.array(deviance)
    mean = share @ table
    error = np.sqrt(share @ (table - mean) ** 2 / (len(share) - 1))
    best = int(np.argmin(mean))
    return mean, error, best, int(np.argmax(mean <= mean[best] + error[best]))
