"""The parametric bootstrap: what fits to bases drawn from a fitted model tell of its errors."""

from __future__ import annotations

import copy
import statistics
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError, NotConvergedError
from tenure._progress import shown
from tenure._results import Table
from tenure._validation import (
    Floats,
    as_choice,
    as_column,
    as_count,
    as_level,
    as_seed,
    as_threads,
)
from tenure.clv import _contract_data, _data
from tenure.clv._likelihood import LikelihoodModel, refuse_covariates
from tenure.clv._units import require_same_unit

METHODS = ("bca", "percentile", "basic")
_NORMAL = statistics.NormalDist()
#: Of the logarithms of the parameters, for slopes of a function.
_STEP = 1e-4


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BootstrapLimits(Table):
    """Estimates with bias, standard error and limits from the bootstrap; one row each.

    Attributes
    ----------
    quantity : tuple of str
    estimate : float64 array
    bias : float64 array
        Mean of the replicates less the estimate.
    standard_error : float64 array
        Standard deviation of the replicates.
    lower, upper : float64 arrays
    level : float
    method : {"bca", "percentile", "basic"}

    Examples
    --------
    >>> import tenure as tn
    >>> model = tn.clv.ShiftedBetaGeometric().fit([1000, 631, 468, 382, 326, 289, 262, 241])
    >>> boot = model.bootstrap([1000, 631, 468, 382, 326, 289, 262, 241], n=200, random_state=1)
    >>> limits = boot.of(lambda m: m.survival(12), level=0.9)
    >>> bool(limits.lower[0] < limits.estimate[0] < limits.upper[0])
    True
    """

    quantity: tuple[str, ...]
    estimate: Floats
    bias: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    level: float
    method: str

    _column_names = ("quantity", "estimate", "bias", "standard_error", "lower", "upper")

    def __len__(self) -> int:
        return len(self.quantity)

    def _title(self) -> str:
        return f"Bootstrap, {100 * self.level:g} % limits ({self.method})"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Bootstrap(Table):
    """Fits of a model to customer bases drawn from its estimate.

    As a table: one row a parameter, with BCa limits of 95 %.

    Attributes
    ----------
    parameter : tuple of str
    estimate : float64 array
        By parameter, what the bases were drawn from.
    replicates : (n, k) float64 array
        The estimates from each base; NaN where no optimum was found.
    log_likelihood : float64 array of n
    outcome : tuple of str
        By replicate: "converged", or why there is no optimum ("boundary", "stalled",
        "max_iterations"), or "refused" where the base says nothing of some parameter.
    score : (n, k) float64 array
        Slopes of the log-likelihood of each base at the estimate, in the logarithms.
    model : estimator
        The fitted model.
    seed : int

    Notes
    -----
    docs/methods/bootstrap.md.

    Examples
    --------
    >>> import tenure as tn
    >>> data = [1000, 631, 468, 382, 326, 289, 262, 241]
    >>> model = tn.clv.ShiftedBetaGeometric().fit(data)
    >>> boot = model.bootstrap(data, n=200, random_state=1)
    >>> boot.n_failed, boot.parameter, boot.replicates.shape
    (0, ('alpha', 'beta'), (200, 2))
    """

    parameter: tuple[str, ...]
    estimate: Floats
    replicates: Floats
    log_likelihood: Floats
    outcome: tuple[str, ...]
    score: Floats
    model: Any
    seed: int

    def __len__(self) -> int:
        return len(self.parameter)

    def _columns(self) -> Any:
        return self.interval()._columns()

    def _title(self) -> str:
        failed = f", {self.n_failed:,} WITHOUT AN OPTIMUM: {self._failures()}" * bool(self.n_failed)
        return f"{type(self.model).__name__} bootstrap of {len(self.outcome):,} bases{failed}"

    def _failures(self) -> str:
        return ", ".join(f"{count} {name}" for name, count in self.failures.items())

    @property
    def failures(self) -> dict[str, int]:
        """Replicates without an optimum, by reason."""
        bad = [o for o in self.outcome if o != "converged"]
        return {name: bad.count(name) for name in sorted(set(bad))}

    @property
    def n_failed(self) -> int:
        """Replicates without an optimum; limits are those of the others."""
        return sum(self.failures.values())

    def interval(self, level: float = 0.95, method: str = "bca") -> BootstrapLimits:
        """Return the parameters with bias, standard errors and limits.

        Parameters
        ----------
        level : float, default 0.95
        method : {"bca", "percentile", "basic"}
            Bias-corrected and accelerated; quantiles of the replicates; or the estimate less what
            the replicates are off, in logarithms, so that limits stay positive.

        Returns
        -------
        BootstrapLimits
        """
        slopes = np.diag(self.estimate)
        return self._limits(self.parameter, self.estimate, self._good(), slopes, level, method)

    def of(
        self, function: Callable[[Any], Any], level: float = 0.95, method: str = "bca"
    ) -> BootstrapLimits:
        """Return any function of the model with bias, standard error and limits.

        Parameters
        ----------
        function : callable
            Gets a fitted model and returns a number or an array of numbers:
            ``lambda m: m.expected_purchases(base, 52).sum()``. It is called once a replicate, and
            for "bca" twice more a parameter.
        level, method
            As for `interval`; "basic" is taken on the scale of the function.

        Returns
        -------
        BootstrapLimits
            One row for each number.
        """
        as_choice(method, "method", METHODS)
        at = np.atleast_1d(np.asarray(self._told(function, self.estimate), dtype=np.float64))
        if at.ndim != 1:
            msg = f"function must return a number or a row of numbers, got shape {at.shape}"
            raise InvalidInputError(msg, argument="function")
        values = np.array([np.atleast_1d(self._told(function, p)) for p in self._good()])
        slopes = np.full((len(at), len(self.estimate)), np.nan)
        if method == "bca":
            for k in range(len(self.estimate)):
                up, down = self.estimate.copy(), self.estimate.copy()
                up[k] *= np.exp(_STEP)
                down[k] *= np.exp(-_STEP)
                rise = np.asarray(self._told(function, up)) - self._told(function, down)
                slopes[:, k] = rise / (2.0 * _STEP)
        names = ("value",) if len(at) == 1 else tuple(f"value[{i}]" for i in range(len(at)))
        return self._limits(names, at, values, slopes, level, method)

    def _told(self, function: Callable[[Any], Any], point: Floats) -> Any:
        model = copy.copy(self.model)
        model.params_ = dict(zip(self.parameter, point.tolist(), strict=True))
        return function(model)

    def _good(self) -> Floats:
        good = np.array([o == "converged" for o in self.outcome])
        if good.sum() < 2:
            msg = f"fewer than two replicates have an optimum: {self._failures()}"
            raise NotConvergedError(msg)
        chosen: Floats = self.replicates[good]
        return chosen

    def _limits(
        self,
        names: tuple[str, ...],
        at: Floats,
        values: Floats,
        slopes: Floats,
        level: Any,
        method: Any,
    ) -> BootstrapLimits:
        as_choice(method, "method", METHODS)
        share = as_level(level, "level")
        cuts = np.array([(1.0 - share) / 2.0, (1.0 + share) / 2.0])
        limits = np.empty((2, len(at)))
        for i in range(len(at)):
            if method == "bca":
                cuts = self._bca(share, values[:, i], at[i], slopes[i])
            limits[:, i] = np.quantile(values[:, i], cuts)
        if method == "basic":
            logs = names is self.parameter
            limits = at**2 / limits[::-1] if logs else 2.0 * at - limits[::-1]
        return BootstrapLimits(
            names,
            at,
            values.mean(axis=0) - at,
            values.std(axis=0, ddof=1),
            limits[0],
            limits[1],
            share,
            method,
        )

    def _bca(self, level: float, values: Floats, at: float, slopes: Floats) -> Floats:
        """Return the shares at which the limits lie. [Efron 1987, eq. 3.8 and sect. 6]"""
        below = (np.sum(values < at) + 0.5 * np.sum(values == at)) / len(values)
        least = 0.5 / len(values)  # all on one side is no infinite bias
        shift = _NORMAL.inv_cdf(float(np.clip(below, least, 1.0 - least)))
        direction = self.model.log_covariance_ @ slopes
        drift = self.score[np.isfinite(self.score).all(axis=1)] @ direction
        spread = drift.std()
        off = drift - drift.mean()
        skew = float(np.mean(off**3) / spread**3) if spread > 0.0 else 0.0
        cuts = []
        for tail in ((1.0 - level) / 2.0, (1.0 + level) / 2.0):
            z = shift + _NORMAL.inv_cdf(tail)
            cuts.append(_NORMAL.cdf(shift + z / max(1.0 - skew / 6.0 * z, 1e-3)))
        return np.array(cuts)


class _Bootstrapped(LikelihoodModel):
    """What the models share that can be drawn from."""

    def _draw(
        self, kernel: str, columns: tuple[Any, ...], n: Any, seed: Any, progress: Any, threads: Any
    ) -> Bootstrap:
        refuse_covariates(self, "bootstrap")
        point = self._point()
        name = type(self).__name__
        if not self.converged_:
            msg = f"{name} has no optimum ({self.status_}), and so nothing to draw from"
            raise NotConvergedError(msg)
        replicates, seeded = as_count(n, "n", at_least=2), as_seed(seed)
        options = (replicates, seeded, *self._budget())
        what = f"drawing and fitting {name}"
        with shown(progress, what) as tell:
            steps = tell.steps(replicates, what)
            run = getattr(_core.clv, kernel)
            got = run(point, *columns, options, steps, as_threads(threads))
        outcome = tuple(got["outcome"])
        parameters = got["parameters"].reshape(replicates, len(point))
        parameters[np.array(outcome) != "converged"] = np.nan
        made = Bootstrap(
            self.parameter_names,
            point,
            parameters,
            got["log_likelihood"],
            outcome,
            got["score"].reshape(replicates, len(point)),
            copy.copy(self),
            seeded,
        )
        if made.n_failed:
            msg = (
                f"{made.n_failed:,} of {replicates:,} drawn bases have no optimum "
                f"({made._failures()}): limits tell of the others only"
            )
            warnings.warn(msg, ConvergenceWarning, stacklevel=3)
        return made


class BootstrappedPurchases(_Bootstrapped):
    """Gives a model of purchases its `bootstrap`."""

    _bootstrap: str = ""

    def bootstrap(
        self,
        data: Any,
        sample_weight: Any = None,
        *,
        n: int = 1000,
        random_state: Any = None,
        progress: Any = False,
        n_threads: int | None = None,
    ) -> Bootstrap:
        """Draw customer bases of the same design from the model, and fit it to each.

        Each base has the customers of the data with their T, and purchases drawn from the fitted
        model. How the estimates scatter tells their bias and errors without any approximation but
        that the model is true.

        Parameters
        ----------
        data, sample_weight
            As for `fit`; only T and the weights are read, which must be whole numbers of customers.
        n : int, default 1000
            Bases, at least 2. Limits of 95 % need about a thousand.
        random_state : int, numpy Generator or None
            The same seed gives the same bits, whatever `n_threads`.
        progress : bool or callable, default False
            True draws a bar; a callable gets ``progress(share, what)`` about ten times a second.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8.

        Returns
        -------
        Bootstrap
            A ConvergenceWarning where a base has no optimum; the result counts and names those.

        Raises
        ------
        NotConvergedError
            Where the model itself has no optimum.
        InvalidInputError
            For weights that are no whole numbers, and models with covariates.

        Notes
        -----
        Efron & Tibshirani (1993), An Introduction to the Bootstrap, sect. 6.5; Efron (1987), Better
        bootstrap confidence intervals, Journal of the American Statistical Association 82:171-185.
        Formulas: docs/methods/bootstrap.md.
        """
        self._require_fitted()
        p = _data.purchases(data, sample_weight, weighted=True)
        require_same_unit(p.unit, getattr(self, "unit_", None), "the model was fitted")
        kernel = f"{self._bootstrap or self._prefix}_bootstrap"  # type: ignore[attr-defined]
        return self._draw(kernel, (p.T, p.weight), n, random_state, progress, n_threads)


class BootstrappedSpend(_Bootstrapped):
    """Gives the gamma-gamma model its `bootstrap`."""

    def bootstrap(
        self,
        data: Any,
        sample_weight: Any = None,
        *,
        n: int = 1000,
        random_state: Any = None,
        progress: Any = False,
        n_threads: int | None = None,
    ) -> Bootstrap:
        """Draw amounts of the same orders from the model, and fit it to each draw.

        Parameters
        ----------
        data, sample_weight
            As for `fit`; of the rows of use the frequency is read, and the weights, which must be
            whole numbers.
        n, random_state, progress, n_threads
            As for `BGNBD.bootstrap`.

        Returns
        -------
        Bootstrap

        Raises
        ------
        NotConvergedError, InvalidInputError
            As for `BGNBD.bootstrap`.

        Notes
        -----
        docs/methods/bootstrap.md.
        """
        self._require_fitted()
        s = _data.spend(data, sample_weight, weighted=True)
        columns = (s.frequency, s.monetary_value, s.weight)
        kernel = "gamma_gamma_bootstrap"
        return self._draw(kernel, columns, n, random_state, progress, n_threads)


class BootstrappedContracts(_Bootstrapped):
    """Gives a model of contracts its `bootstrap`."""

    _prefix: ClassVar[str]

    def bootstrap(
        self,
        data: Any,
        sample_weight: Any = None,
        *,
        observed: Any = None,
        n: int = 1000,
        random_state: Any = None,
        progress: Any = False,
        n_threads: int | None = None,
    ) -> Bootstrap:
        """Draw contracts of the same design from the model, and fit it to each draw.

        Parameters
        ----------
        data, sample_weight
            As for `fit`. Numbers of customers must be whole.
        observed : array of n ints, optional
            Of customers, one a row: the renewals that could have been seen by now, also of those
            who left before. Cohorts tell it themselves. Not needed either where all who are still
            there have made as many renewals, which then all could.
        n, random_state, progress, n_threads
            As for `BGNBD.bootstrap`.

        Returns
        -------
        Bootstrap

        Raises
        ------
        NotConvergedError, InvalidInputError
            As for `BGNBD.bootstrap`; also where `observed` is needed.

        Notes
        -----
        docs/methods/bootstrap.md.
        """
        self._require_fitted()
        r = _contract_data.read(data, sample_weight)
        columns = (_watched(r, observed), r.weight)
        kernel = f"{self._prefix}_bootstrap"
        return self._draw(kernel, columns, n, random_state, progress, n_threads)


def _watched(r: _contract_data.Renewals, observed: Any) -> Floats:
    """Return by row the renewals that could have been seen."""
    if observed is not None:
        column: Floats = as_column(observed, np.float64, "observed")
        if len(column) != len(r.renewals):
            msg = f"observed has {len(column)} rows and the data have {len(r.renewals)}"
            raise InvalidInputError(msg, argument="observed")
        _contract_data.require_whole(column, "observed", 1, _contract_data.MAX_RENEWALS)
        bad = np.flatnonzero(column < r.renewals + r.churned)
        if bad.size:
            row = int(bad[0])
            msg = (
                f"observed[{row}] is {column[row]:g}, but the customer was seen at "
                f"{r.renewals[row] + r.churned[row]:g} renewals"
            )
            raise InvalidInputError(msg, argument="observed", row=row, value=column[row].item())
        return column
    if r.observed is not None:
        return r.observed
    there = r.renewals[r.churned == 0]
    if len(there) == 0 or np.any(there != there[0]) or np.any(r.renewals + r.churned > there[0]):
        msg = (
            "observed is needed: customers were watched for different times, and those who left do "
            "not tell for how many renewals they would have been seen"
        )
        raise InvalidInputError(msg, argument="observed")
    return np.full(len(r.renewals), there[0])
